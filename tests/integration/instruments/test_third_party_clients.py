"""Clients that makers and other laboratories wrote for real instruments, against the simulated ones.

Whoever wrote them did not know this project: what they get along with looks real. Clients that cannot be
declared as dependencies were tried by hand.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hardware_sim.instruments.dg645 import SimulatedDg645
from hardware_sim.instruments.dlc_pro import SimulatedDlcPro
from hardware_sim.instruments.hmp4040 import SimulatedHmp4040
from hardware_sim.instruments.ipcmini import SimulatedIonPump
from hardware_sim.instruments.iseg_nhr import SimulatedIsegNhr
from hardware_sim.instruments.k10cr1 import SimulatedK10cr1
from hardware_sim.instruments.server import Server
from hardware_sim.instruments.smc100a import SimulatedSmc100a
from hardware_sim.ways import serve

SPEED = 500.0  # lab seconds per second
PATIENCE = 10.0  # s until what a client does in the background must have happened

STEPS = 409600 / 3 * 360  # of a K10CR1 a turn

Serve = Callable[..., Server]


@pytest.fixture
def serving() -> Iterator[Serve]:
    """Serve an instrument until the test is over: `serving(endpoint, way)`."""
    with ExitStack() as servers:

        def begin(endpoint: Any, way: str, speed: float = SPEED) -> Server:
            return servers.enter_context(serve(endpoint, way, time.monotonic, speed))

        yield begin


def port_of(server: Server) -> int:
    """Return the TCP port of a resource that names one."""
    return int(server.resource.split("::")[2])


def eventually(condition: Callable[[], object]) -> None:
    """Wait for what a client's own thread brings about."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class TestToptica:
    """toptica-lasersdk, the maker's own."""

    @pytest.fixture
    def laser(self, serving: Serve) -> Iterator[SimpleNamespace]:
        instrument = SimulatedDlcPro()
        commands, monitoring = serving(instrument, "tcp"), serving(instrument.stream, "tcp")
        sdk = importlib.import_module("toptica.lasersdk.dlcpro.v3_2_0")
        line = sdk.NetworkConnection("127.0.0.1", port_of(commands), port_of(monitoring), timeout=PATIENCE)
        with sdk.DLCpro(line) as client:
            yield SimpleNamespace(client=client, sdk=sdk, instrument=instrument, now=commands.now)
        assert not [each for each in instrument.complaints if "-4" not in each and "-6" not in each]

    def test_every_parameter_has_the_type_that_the_maker_declares(self, laser: SimpleNamespace) -> None:
        decop = importlib.import_module("toptica.lasersdk.decop")
        known: list[str] = []
        unknown: list[str] = []

        def walk(branch: object) -> None:
            for name, kind in vars(type(branch)).items():
                if name.startswith("_") or not isinstance(kind, property):
                    continue
                node = getattr(branch, name)
                if not hasattr(node, "get"):
                    walk(node)
                    continue
                try:
                    node.get()  # checks the type of what it gets
                except decop.DecopError as refusal:
                    unknown.append(str(refusal))
                else:
                    known.append(name)

        for branch in (laser.client.laser1.dl, laser.client.laser1.scan, laser.client.standby):
            walk(branch)
        assert len(known) > 80
        assert all("invalid parameter" in refusal for refusal in unknown)

    def test_sets_and_refuses(self, laser: SimpleNamespace) -> None:
        current, instrument = laser.client.laser1.dl.cc.current_set, laser.instrument
        assert laser.client.serial_number.get() == instrument.specification.serial_number
        assert current.set(80.0) == 0
        assert current.get() == 80.0
        assert instrument.current(1, laser.now()) == pytest.approx(80e-3, rel=1e-3)
        with pytest.raises(laser.sdk.DecopError, match="-6"):
            current.set(9000.0)
        assert current.get() == 80.0

    def test_monitors(self, laser: SimpleNamespace) -> None:
        voltage, seen = laser.client.laser1.dl.pc.voltage_set, []
        voltage.set(70.0)
        watch = voltage.subscribe(lambda _, stamp, value: seen.append((stamp, value.get())))

        def arrived(value: float) -> bool:
            laser.client.run(0)
            return bool(seen) and seen[-1][1] == value

        eventually(lambda: arrived(70.0))
        voltage.set(33.0)
        eventually(lambda: arrived(33.0))
        assert [stamp for stamp, _ in seen] == sorted(stamp for stamp, _ in seen)
        watch.cancel()


class TestIseg:
    """iseg-nhr."""

    def test_ramps_a_channel(self, serving: Serve) -> None:
        instrument = SimulatedIsegNhr(np.random.default_rng(5))
        client = importlib.import_module("iseg_nhr")
        server = serving(instrument, "pty")
        with client.NHR(server.resource, timeout=PATIENCE) as supply:
            assert supply.identity.startswith("iseg Spezialelektronik GmbH,")
            assert (supply.number_channels, supply.config) == (4, "normal mode")
            assert supply.supply.p24v == pytest.approx(24.0, abs=0.5)
            supply.event_clear()
            channel = supply.channel(2)
            channel.voltage.ramp.speed = 600.0
            channel.voltage.setpoint = 250.0
            channel.on()
            assert channel.on_state
            eventually(lambda: abs(channel.voltage.measured - 250.0) < 0.1)
            assert instrument.voltage(2, server.now()) == pytest.approx(250.0, abs=0.1)
            assert "IsConstantVoltage" in {bit.name for bit in channel.status_register}
            with pytest.raises(ValueError, match="non-zero voltage"):
                channel.polarity = client.Polarity.NEGATIVE
            channel.emergency_off()
            assert channel.emergency
            channel.emergency_clear()
            assert supply.setpoints[:2] == (0.0, 0.0)
        assert not instrument.complaints

    def test_every_question(self, serving: Serve) -> None:
        instrument = SimulatedIsegNhr(np.random.default_rng(5))
        server = serving(instrument, "pty")
        with importlib.import_module("iseg_nhr").NHR(server.resource, timeout=PATIENCE) as supply:
            channel = supply.channel(0)
            parts = (supply, supply.supply, channel, channel.voltage, channel.current)
            parts += (channel.voltage.ramp, channel.current.ramp)
            asked = [
                getattr(part, name)
                for part in parts
                for name, kind in vars(type(part)).items()
                if isinstance(kind, property)
            ]
        assert len(asked) > 45
        assert not instrument.complaints


class TestThorlabs:
    """thorlabs-apt-device, and thorlabs-apt-protocol by other people."""

    def test_turns_a_mount(self, serving: Serve) -> None:
        instrument = SimulatedK10cr1(np.random.default_rng(6))
        server = serving(instrument, "pty")
        apt = importlib.import_module("thorlabs_apt_device.protocol")
        motors = importlib.import_module("thorlabs_apt_device.devices.aptdevice_motor")
        usb = importlib.import_module("thorlabs_apt_device.enums").EndPoint.USB
        errors: list[object] = []
        client = motors.APTDevice_Motor(
            server.resource, home=False, status_updates="polled", controller=None, bays=(usb,)
        )
        client.update_message = apt.mot_req_dcstatusupdate
        client.register_error_callback(lambda **error: errors.append(error))
        status = client.status_[0][0]
        try:
            client.home()
            eventually(lambda: status["homed"])
            client.move_absolute(round(STEPS / 8))
            eventually(lambda: status["position"] == round(STEPS / 8))
            assert instrument.angle(server.now()) == pytest.approx(1 / 8, abs=1e-3)
            client.move_relative(-round(STEPS / 10))
            eventually(lambda: status["position"] == round(STEPS / 8) - round(STEPS / 10))
            client.set_velocity_params(15020, 7329109)
            eventually(lambda: client.velparams_[0][0]["max_velocity"] == 7329109)
            client.set_enabled(False)
            eventually(lambda: not status["channel_enabled"])
        finally:
            client.close()
            client._thread.join()
        assert not errors
        assert not instrument.complaints

    def test_every_message(self, serving: Serve) -> None:
        instrument = SimulatedK10cr1(np.random.default_rng(6))
        server = serving(instrument, "pty")
        apt = importlib.import_module("thorlabs_apt_protocol")
        questions = {
            apt.hw_req_info: "hw_get_info",
            apt.mot_move_home: "mot_move_homed",
            apt.mot_req_dcstatusupdate: "mot_get_dcstatusupdate",
            apt.mot_req_velparams: "mot_get_velparams",
            apt.mot_req_jogparams: "mot_get_jogparams",
            apt.mot_req_homeparams: "mot_get_homeparams",
            apt.mot_req_powerparams: "mot_get_powerparams",
            apt.mot_req_genmoveparams: "mot_get_genmoveparams",
            apt.mot_req_limswitchparams: "mot_get_limswitchparams",
            apt.mot_req_poscounter: "mot_get_poscounter",
            apt.mod_req_chanenablestate: "mod_get_chanenablestate",
        }
        serial = importlib.import_module("serial")
        with serial.Serial(server.resource, 115200, timeout=PATIENCE) as port:
            replies = apt.Unpacker(port)
            for question, reply in questions.items():
                addresses = (0x50, 0x01) if question is apt.hw_req_info else (0x50, 0x01, 1)
                port.write(question(*addresses))
                assert next(replies).msg == reply
            port.write(apt.mot_move_absolute(0x50, 0x01, 1, round(STEPS / 4)))
            done = next(replies)
            assert (done.msg, done.position, done.homed) == ("mot_move_completed", round(STEPS / 4), True)
        assert not instrument.complaints


class TestAgilent:
    """agilent-vacuum."""

    def test_reads_a_pump(self, serving: Serve) -> None:
        instrument = SimulatedIonPump(lambda now: 3e-7)
        server = serving(instrument, "pty")
        pumps = importlib.import_module("agilent_vacuum.ipc_mini")
        lines = importlib.import_module("agilent_vacuum.communication")

        async def look() -> tuple[object, ...]:
            # It takes its whole timeout over every answer: it waits for an end that it misspells.
            line = lines.SerialClient(server.resource, timeout=0.1)
            client = pumps.IpcMiniDriver(line)
            try:
                await client.connect()
                await client.set_v_target(5000)
                return (
                    await client.read_pressure(),
                    await client.get_v_target(),
                    (await client.get_status()).name,
                    await client.get_pressure_unit(),
                )
            finally:
                line.close()

        pressure, target, status, unit = asyncio.run(look())
        assert pressure == pytest.approx(3e-9, rel=0.1)
        assert (target, status, unit) == (5000, "NORMAL", lines.PressureUnit.mBar)
        assert not instrument.complaints


class TestRohdeSchwarz:
    """RsInstrument, the maker's own, on its own socket."""

    @pytest.fixture
    def open_client(self) -> Iterator[Callable[[Server], Any]]:
        module = importlib.import_module("RsInstrument")
        with ExitStack() as clients:

            def begin(server: Server) -> Any:
                client = module.RsInstrument(server.resource, True, False, "SelectVisa='socket'")
                clients.callback(client.close)
                return client

            yield begin

    def test_sets_a_generator(self, serving: Serve, open_client: Callable[[Server], Any]) -> None:
        instrument = SimulatedSmc100a()
        client = open_client(serving(instrument, "tcp"))
        errors = importlib.import_module("RsInstrument").StatusException
        assert (client.manufacturer, client.full_instrument_model_name) == ("Rohde&Schwarz", "SMC100A")
        assert client.instrument_options == ["B101"]
        client.write_str_with_opc("FREQ 23.4 MHZ")
        client.write_bool("OUTP", True)
        assert (client.query_float("FREQ?"), client.query_bool("OUTP?")) == (23.4e6, True)
        assert (instrument.frequency, instrument.output) == (23.4e6, True)
        with pytest.raises(errors, match='-222,"Data out of range'):
            client.write("FREQ 99 GHZ")
        assert client.query_all_errors() is None
        assert client.self_test() == (0, None)
        assert len(instrument.complaints) == 1

    def test_sets_a_supply(self, serving: Serve, open_client: Callable[[Server], Any]) -> None:
        instrument = SimulatedHmp4040()
        client = open_client(serving(instrument, "single"))
        assert client.full_instrument_model_name == "HMP4040"
        client.write("INST:NSEL 2;VOLT 3.3")
        assert client.query_float("VOLT?") == 3.3
        assert not instrument.complaints


@pytest.mark.filterwarnings("ignore:'xdrlib' is deprecated:DeprecationWarning")
class TestVxi11:
    """secbench-vxi11, on the port where the simulated instrument is instead of that of a port mapper."""

    @pytest.mark.parametrize(
        ("make", "order", "question", "answer"),
        [
            (SimulatedSmc100a, "FREQ 23.4E6", "FREQ?", "23400000"),
            (SimulatedDg645, "DLAY 2,0,1e-6", "DLAY?2", "0,+0.000001000000"),
        ],
        ids=["smc100a", "dg645"],
    )
    def test_talks(self, serving: Serve, make: Any, order: str, question: str, answer: str) -> None:
        vxi11 = importlib.import_module("vxi11.vxi11")
        instrument = make()
        _, address, _, _ = serving(instrument, "vxi11").resource.split("::")
        host, port = address.split(",")
        client = vxi11.Instrument(host)
        client.client = vxi11.CoreClient(host, int(port))
        try:
            client.lock()
            client.write(order)
            assert client.ask(question) == answer
            assert client.read_stb() == 0
            client.unlock()
            client.clear()
            client.timeout = 0.05
            with pytest.raises(vxi11.Vxi11Exception, match="IO timeout"):
                client.read()
            client.timeout = PATIENCE
            assert client.ask("*IDN?").count(",") == 3
        finally:
            client.close()
        assert not instrument.complaints
