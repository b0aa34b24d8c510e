"""Every driver beside what the bench of a setup starts for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from control.device import Device
from control.drivers import connect
from control.errors import LinkError
from control.setup import read_setup
from hardware_sim.bench import Bench
from hardware_sim.kinds import USUAL_WAYS
from hardware_sim.properties import read_properties

SPEED = 1000.0  # lab seconds per second
RECOVERY = 10.0  # s

ADDRESSES = {"ell14": "0", "highfinesse": "866"}
SERIAL_NUMBERS = {
    **dict.fromkeys(USUAL_WAYS, "4711"),
    "arf": "A20471",
    "dg645": "004711",
    "ell14": "11404711",
    "iseg_nhr": "8204711",
}
NAMELESS = {"highfinesse", "websq"}  # which have no serial numbers of their own

Begin = Callable[..., tuple[Bench, Device]]


@pytest.fixture
def begin() -> Iterator[Begin]:
    properties, _ = read_properties(read_setup("innsbruck").tables["node"])
    assert properties is not None
    with ExitStack() as closing:

        def start(driver: str, **entry: Any) -> tuple[Bench, Device]:
            table = {"driver": driver, "resource": "simulated:it", **entry}
            if driver in ADDRESSES:
                table["address"] = ADDRESSES[driver]
            bench = Bench({"it": table}, np.random.default_rng(1), properties, {}, speed=SPEED)
            closing.callback(bench.close)
            number = entry.get("serial_number")
            device = connect(
                "it",
                driver,
                bench.resources["simulated:it"],
                address=ADDRESSES.get(driver),
                serial_number=number,
            )
            closing.callback(device.close)
            return bench, device

        yield start


def answers(device: Device) -> bool:
    try:
        device.check()
    except LinkError:
        return False
    return True


@pytest.mark.parametrize("driver", sorted(set(USUAL_WAYS) - NAMELESS))
def test_it_has_the_serial_number_of_the_setup(begin: Begin, driver: str) -> None:
    _, device = begin(driver, serial_number=SERIAL_NUMBERS[driver])
    assert device.identify().serial_number == SERIAL_NUMBERS[driver]


@pytest.mark.parametrize("fault", ["pull cable", "power cycle"])
@pytest.mark.parametrize("driver", sorted(USUAL_WAYS))
def test_it_comes_back_where_it_was(begin: Begin, driver: str, fault: str) -> None:
    bench, device = begin(driver)
    known = device.identify()
    bench.cause("it", fault)
    end = time.monotonic() + RECOVERY
    while not answers(device):
        assert time.monotonic() < end
        time.sleep(0.01)
    assert device.identity == known
