"""Instruments behind controllers: a real driver and its simulator there, any number of clients here."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from control.bench import Bench
from control.device import Device, State
from control.device.happenings import Severity
from control.device.heartbeat import Heartbeat
from control.device.readings import Quality
from control.drivers import connect
from control.errors import BadReading, LimitError, LinkError, NotReady
from control.rpc import Client, Server
from control.rpc.errors import ControllerDown
from control.service import Service
from control.setup import Instrument
from hardware_sim.instruments.iseg_nhr import SimulatedIsegNhr
from hardware_sim.instruments.pm100d import SimulatedPm100d
from hardware_sim.instruments.server import Server as InstrumentServer
from hardware_sim.instruments.smc100a import SimulatedSmc100a
from hardware_sim.ways import serve

SPEED = 200.0  # lab seconds per second
LOOKS = 500  # at something that takes lab time, before a broken test gives up


class Owned:
    """An instrument, its own line, and the controller that owns it."""

    def __init__(self, name: str, driver: str, instrument: Any, stack: ExitStack, **options: Any) -> None:
        self.instrument = instrument
        self.line: InstrumentServer = stack.enter_context(serve(instrument, "tcp", time.monotonic, SPEED))
        self.owner: Device = stack.enter_context(connect(name, driver, self.line.resource, **options))
        self.heartbeat = Heartbeat(self.owner)
        self.server = stack.enter_context(
            Server({name: Service(self.owner, self.heartbeat.rest)}, host="127.0.0.1")
        )
        self.resource = f"controller://127.0.0.1:{self.server.port}"
        self._place = name, driver
        self._stack = stack

    def client(self, **options: Any) -> Device:
        """Return the instrument as a client of the controller has it."""
        return self._stack.enter_context(connect(*self._place, self.resource, **options))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as closing_all:
        yield closing_all


@pytest.fixture
def trap_rf(stack: ExitStack) -> Owned:
    """A generator; its controller may go up to -1 dBm."""
    return Owned("trap_rf", "smc100a", SimulatedSmc100a(), stack, limits={"power": (-30.0, -1.0)})


def test_limits_of_both_sides(trap_rf: Owned) -> None:
    far = trap_rf.client(limits={"power": (-30.0, -3.0)})
    assert far.set("power", -4.0) == -4.0
    assert trap_rf.owner.read("power") == -4.0
    with pytest.raises(LimitError) as here:
        far.set("power", -2.0)
    assert (here.value.origin, here.value.high) == ("site", -3.0)
    with pytest.raises(LimitError) as there:
        trap_rf.client().set("power", 0.0)
    assert (there.value.origin, there.value.high) == ("site", -1.0)
    assert str(there.value).startswith(f"trap_rf ({trap_rf.resource}): power cannot be 0 dBm: above -1 dBm")
    assert trap_rf.owner.read("power") == -4.0


def test_the_doubts_of_a_reading_come_along(stack: ExitStack) -> None:
    power = [5e-3]
    meter = SimulatedPm100d(np.random.default_rng(1), lambda now: power[0])
    owned = Owned("meter", "pm100d", meter, stack)
    far = owned.client()
    assert far.read("power") == pytest.approx(5e-3, rel=0.5)  # corrected for another wavelength
    power[0] = 10.0
    reading = far.measure("power")
    assert (reading.value, reading.quality, reading.unit) == (None, Quality.BAD, "W")
    assert reading.note == owned.owner.measure("power").note
    with pytest.raises(BadReading, match=r"meter \(controller://127.0.0.1:\d+\): power has no valid reading"):
        far.read("power")


def test_a_power_cycle_degrades_it_for_all_until_one_acknowledges(trap_rf: Owned) -> None:
    one, other = trap_rf.client(), trap_rf.client()
    one.set("power", -5.0)
    trap_rf.line.power_cycle(0.1)
    for far in (one, other):
        _until(partial(_degraded, far))
        assert "it was switched off and on again" in far.trouble
        with pytest.raises(NotReady, match="cannot set power: it was switched off and on again"):
            far.set("power", -6.0)
    one.acknowledge()
    assert one.set("power", -6.0) == -6.0
    assert other.check() is State.UP
    assert other.set("power", -7.0) == -7.0


def test_two_clients_at_once_take_turns(trap_rf: Owned) -> None:
    """Each sees what it has set: nothing comes between a value and its read-back."""
    clients = [trap_rf.client(), trap_rf.client()]
    wrong: list[Any] = []

    def work(far: Device, values: list[float]) -> None:
        wrong.extend(value for value in values if far.set("power", value) != value)

    threads = [
        threading.Thread(target=work, args=(far, [-10.0 - at - 5 * index for at in range(4)]))
        for index, far in enumerate(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert list(trap_rf.instrument.complaints) == []


def test_the_link_can_be_let_go_of(trap_rf: Owned) -> None:
    """Another program may have the instrument then, and the heartbeat does not take it back."""
    with closing(Client("127.0.0.1", trap_rf.server.port)) as client:
        client.call("close")
        assert trap_rf.owner.state is State.DOWN
        trap_rf.heartbeat.beat()
        assert trap_rf.owner.state is State.DOWN
        assert client.state() == "down"
        assert client.ping() is True
        trap_rf.heartbeat.beat()
        assert client.state() == "up"


def test_a_heartbeat_notices_and_brings_it_back(trap_rf: Owned) -> None:
    trap_rf.line.unplug()
    first, second = (trap_rf.heartbeat.beat() for _ in range(2))
    assert 0 < first < second
    with closing(Client("127.0.0.1", trap_rf.server.port)) as client:
        assert client.latest("power")["quality"] in {"stale", "bad"}
        trap_rf.line.plug()
        trap_rf.heartbeat.beat()
        assert client.latest("power")["quality"] == "good"
        told = [text for _, severity, text in client.log() if severity == Severity.NOTE]
        assert "it is back after 2 tries" in told


def test_actions_and_arrays_go_through(stack: ExitStack) -> None:
    module = SimulatedIsegNhr(np.random.default_rng(1))
    far = Owned("bias", "iseg_nhr", module, stack).client()
    far.set("voltage_1", 50.0)
    far.set("output_1", True)
    far.switch_off(1)  # type: ignore[attr-defined]
    assert far.read("output_1") is False
    with pytest.raises(LimitError):
        far.set("voltage_1", 7e3)


CONTROLLER = """
import sys
from control.cli import main
main(sys.argv[1:])
"""


def start_controller(setup: Path, name: str, port: int) -> subprocess.Popen[str]:
    """Start a controller in a process of its own, and return when it serves."""
    arguments = ["controller", name, "--port", str(port), "--setup", str(setup)]
    process = subprocess.Popen(
        [sys.executable, "-c", CONTROLLER, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    if not process.stdout.readline().startswith(f"controller of {name} at 127.0.0.1:{port}"):
        raise AssertionError(process.communicate()[1])
    return process


def end(process: subprocess.Popen[str], number: int) -> int:
    process.send_signal(number)
    process.communicate(timeout=30)
    return process.returncode


def test_a_controller_that_is_killed_leaves_outputs_running_and_adopts_them(
    tmp_path: Path, stack: ExitStack
) -> None:
    """It never initialises: the ions survive its death and its return."""
    generator = SimulatedSmc100a()
    line = stack.enter_context(serve(generator, "tcp", time.monotonic, SPEED))
    setup, port = tmp_path / "lab.toml", _free_port()
    setup.write_text(
        f'extends = "innsbruck"\n[instruments.spare]\ndriver = "smc100a"\nresource = "{line.resource}"\n'
        f'controller = "127.0.0.1:{port}"\n'
        'limits = { power = ["-30 dBm", "0 dBm"] }\nsettings = { power = "-20 dBm", output = false }\n',
        encoding="utf-8",
    )
    process = start_controller(setup, "spare", port)
    try:
        with Bench([_instrument(line.resource, port)]) as bench:
            far = bench.device("spare")
            far.set("power", -2.0)
            far.set("output", True)
            assert end(process, signal.SIGKILL) == -signal.SIGKILL
            with pytest.raises(ControllerDown) as down:
                far.read("power")
            assert f"spare (controller://127.0.0.1:{port}): no connection: " in str(down.value)
            assert (generator.power, generator.output) == (-2.0, True)
            complaints, process = list(generator.complaints), start_controller(setup, "spare", port)
            assert (generator.power, generator.output) == (-2.0, True), "nothing was initialised"
            assert far.read("output") is True
            with closing(Client("127.0.0.1", port)) as client:
                wanted = client.wanted()
                assert (wanted["power"], wanted["output"]) == (-2.0, True)
            assert complaints == list(generator.complaints) == []
    finally:
        assert end(process, signal.SIGTERM) == 0
    assert (generator.power, generator.output) == (-2.0, True)


def test_no_controller_where_the_setup_says() -> None:
    with Bench([_instrument("simulated:nothing", _free_port())]) as bench:
        with pytest.raises(ControllerDown, match=r"Is the controller running\? Are host and port right\?"):
            bench.device("spare")
        assert bench.devices == {}


def _instrument(resource: str, port: int) -> Instrument:
    return Instrument(
        name="spare",
        driver="smc100a",
        resource=resource,
        stream=None,
        controller=f"127.0.0.1:{port}",
        address=None,
        serial_number=None,
        role="",
        limits={},
        settings={},
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _degraded(device: Device) -> bool:
    try:
        return device.check() is State.DEGRADED
    except LinkError:  # it boots
        return False


def _until(reached: Callable[[], bool]) -> None:
    assert any(reached() for _ in range(LOOKS)), "it has not come about"
