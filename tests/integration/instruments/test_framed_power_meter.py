"""A Thorlabs meter on its network port: frames of the driver, and those of the simulated meter."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest

from control.device import Device
from control.drivers import connect
from hardware_sim.instruments.pm100d import PM103E, SimulatedPm100d
from hardware_sim.instruments.pm100d_sensor import SensorHead
from hardware_sim.ways import serve


@pytest.fixture
def meter() -> Iterator[Callable[[SensorHead], Device]]:
    with ExitStack() as closing:

        def begin(head: SensorHead) -> Device:
            inner = SimulatedPm100d(np.random.default_rng(3), lambda now: 2e-6, 866e-9, head, PM103E)
            server = closing.enter_context(serve(inner, "framed", time.monotonic, 1000.0))
            return closing.enter_context(connect("meter", "pm5020", server.resource))

        yield begin


def test_reads_and_sets(meter: Callable[[SensorHead], Device]) -> None:
    device = meter(SensorHead())
    assert device.identity is None or device.identity.model == "PM103E"
    assert device.set("wavelength", 866e-9) == 866e-9
    assert device.read("power") == pytest.approx(2e-6, rel=1e-3)


@pytest.mark.parametrize("length", [1, 1400, 1436, 1437, 3000, 20_000])
def test_an_answer_as_long_as_you_like(meter: Callable[[SensorHead], Device], length: int) -> None:
    name = ("S130VC " * length)[:length].strip()
    device = meter(replace(SensorHead(), name=name))
    for _ in range(2):
        assert name in str(device.read("sensor"))
    assert device.read("averaging") == 1.0
