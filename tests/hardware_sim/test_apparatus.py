"""The instruments act on the one state of the lab and sense it, each through its own wire protocol."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pytest
import serial

from hardware_sim import SimulatedLab
from hardware_sim.apparatus import FREE_CAVITY, FREQUENCIES, LOCKING_MIRRORS
from hardware_sim.core.electrodes import Endcaps
from hardware_sim.instruments.dlc_optics import DiodeOptics
from hardware_sim.physics.calcium import D52, S12, zeeman_shift
from hardware_sim.physics.trap import Trap
from hardware_sim.wiring import NEEDED
from sequences.compiler import compile_sequence
from sequences.ir import Block
from sequences.language import sequence
from sequences.language import serial as one_after_another
from sequences.library import (
    doppler_cool,
    generate_photon,
    hold,
    map_to_ground,
    optical_pump,
    plan_transport,
    read_ions,
)
from sequences.program import Program

LOOKS: Final = 2000  # at something that takes lab time, before a broken test gives up
PULSES_PER_TURN: Final = 143_360  # of an ELL14, as its IN reply says
PULL: Final = DiodeOptics()
SLOPE: Final = PULL.piezo_slope + PULL.current_slope * PULL.feed_forward  # Hz/V, current following the piezo


class Wire:
    """A line to an instrument: sends, and reads up to the end of an answer."""

    def __init__(self, resource: str) -> None:
        self._port: Any
        if resource.startswith("TCPIP::"):
            _, host, port, _ = resource.split("::")
            self._dial(host, int(port))
        elif resource.startswith("sipyco://"):
            host, _, port = resource.removeprefix("sipyco://").partition("/")[0].rpartition(":")
            self._dial(host, int(port))
        else:
            device = resource.removeprefix("ASRL").removesuffix("::INSTR")
            self._port = serial.serial_for_url(device, 115_200, timeout=5)
            self._until = self._port.read_until

    def _dial(self, host: str, port: int) -> None:
        self._port = socket.create_connection((host, port), timeout=5)
        self._heard = b""
        self._until = self._until_on_a_socket

    def send(self, data: bytes) -> None:
        (self._port.sendall if isinstance(self._port, socket.socket) else self._port.write)(data)

    def ask(self, data: bytes, end: bytes) -> str:
        self.send(data)
        heard: bytes = self._until(end)
        assert heard.endswith(end), heard
        return heard.removesuffix(end).decode("ascii", "replace")

    def close(self) -> None:
        self._port.close()

    def _until_on_a_socket(self, end: bytes) -> bytes:
        while end not in self._heard:
            more = self._port.recv(65_536)
            assert more, "the instrument hung up"
            self._heard += more
        answer, _, self._heard = self._heard.partition(end)
        return answer + end


class Bench:
    """The running lab, and lines to its instruments."""

    def __init__(self, lab: SimulatedLab, closing: ExitStack) -> None:
        self.lab = lab
        self._closing = closing
        self.wires: dict[str, Wire] = {}

    def wire(self, name: str) -> Wire:
        if name not in self.wires:
            self.wires[name] = Wire(self.lab.resources[f"simulated:{name}"])
            self._closing.callback(self.wires[name].close)
        return self.wires[name]

    def scpi(self, name: str, commands: str, end: bytes = b"\n") -> str:
        """Send commands, the last of them a question, and return the answer to it."""
        return self.wire(name).ask(commands.encode() + b"\n", end)

    def laser(self, controller: str, command: str) -> str:
        return self.wire(controller).ask(command.encode() + b"\n", b"\r\n> ").strip()

    def serial(self, name: str, command: str) -> str:
        """Send a line to a module that echoes it, and return the answer to the question behind it."""
        wire = self.wire(name)
        assert wire.ask(command.encode() + b"\r\n", b"\r\n") == command
        assert wire.ask(b"*OPC?\r\n", b"\r\n") == "*OPC?"
        return wire.ask(b"", b"\r\n")

    def until(self, reached: Callable[[], bool]) -> None:
        """Ask until something that takes lab time has come about."""
        assert any(reached() for _ in range(LOOKS)), "it has not come about"

    def nominal(self) -> None:
        """Set all that acts to where it should be."""
        self.scpi("trap_rf", "FREQ 23.4 MHz;POW -2 dBm;OUTP ON;*OPC?")
        for address, zero in (("0", 12.3), ("1", 31.7)):
            self.wire("plates").ask(f"{address}ho0".encode(), b"\r\n")
            self.rest(address)
            pulses = round(zero / 360 * PULSES_PER_TURN)
            self.wire("plates").ask(f"{address}ma{pulses:08X}".encode(), b"\r\n")

    def rest(self, address: str) -> None:
        """Let a mount come to rest; who is too hasty may find it back at its home position."""
        began, mount = self.lab.bench.now(), self.lab.bench.members["half_wave_plate"].instrument

        def rested() -> bool:
            self.wire("plates").ask(f"{address}gp".encode(), b"\r\n")
            return bool(self.lab.bench.now() - began > mount.specification.rest)

        self.until(rested)

    def others_nominal(self) -> None:
        """Set what a lab can do without."""
        self.coils(2.0)
        self.piezo(30.0)
        modulator = self.wire("cavity_modulator")
        for command in ("MODE,1,NSB", "FREQ,1,200MHz", "POW,1,10dBm", "ON,1"):
            assert modulator.ask(f"{command}\r\n".encode(), b"\r\n").startswith("OK")

    def coils(self, current: float) -> None:
        told = self.scpi("coils", f"INST:NSEL 1;:APPL 5,{current};:OUTP:SEL 1;GEN 1;*OPC?")
        assert told == "1"

    def piezo(self, volts: float) -> None:
        wire, member = self.wire("cavity_piezo"), self.lab.bench.members["cavity_piezo"]
        wire.ask(f"xvoltage={volts:.2f}\r".encode(), b">")
        self.until(lambda: abs(member.instrument.voltage("x", self.lab.bench.now()) - volts) < 1.5)


@pytest.fixture
def open_bench(innsbruck: Any) -> Iterator[Callable[..., Bench]]:
    """Open a lab with all instruments of the setup, or with those of some roles only."""
    with ExitStack() as closing:

        def begin(roles: Sequence[str] | None = None, **changed: Any) -> Bench:
            entries = innsbruck.tables["instruments"]
            chosen = {
                name: each for name, each in entries.items() if roles is None or each.get("role") in roles
            }
            node = {**innsbruck.tables["node"], **{name: {"value": value} for name, value in changed.items()}}
            tables = {**innsbruck.tables, "instruments": chosen, "node": node}
            lab = SimulatedLab.open(tables, innsbruck.node.target, seed=5)
            closing.callback(lab.close)
            return Bench(lab, closing)

        yield begin


def program_of(innsbruck: Any, *blocks: Block) -> Program:
    node = innsbruck.node
    cold = (
        hold(node, plan_transport(node.calibration, 1), 0),
        doppler_cool(node, 3e-3),
        optical_pump(node, 20e-6),
    )
    return compile_sequence(sequence("test", one_after_another(*cold, *blocks)), node.target)


def photons(bench: Bench, innsbruck: Any, shots: int = 1500) -> int:
    """Load an ion and return in how many of so many shots a photon of it is seen."""
    bench.lab.load(1)
    record = bench.lab.play(program_of(innsbruck, generate_photon(innsbruck.node, 50e-6, 55e-6)), shots)
    return int((record.counts["photon_h"][:, 0] + record.counts["photon_v"][:, 0] > 0).sum())


def mapped(bench: Bench, innsbruck: Any, frequency_shift: float = 0.0) -> float:
    """Return the share of ions that a mapping pulse takes away from the ground state."""
    node = innsbruck.node
    values = replace(node.calibration, mapping_frequency=node.calibration.mapping_frequency + frequency_shift)
    pulse = map_to_ground(replace(node, calibration=values))
    bench.lab.load(1)
    record = bench.lab.play(program_of(innsbruck, pulse, read_ions(node, 1.5e-3)), 200)
    return float((record.counts["ions"][:, 0] < 8).mean())


def test_at_its_nominal_settings_a_lab_is_as_one_without_these_instruments(
    open_bench: Callable[..., Bench], innsbruck: Any
) -> None:
    full, few = open_bench(), open_bench(NEEDED)
    for bench in (full, few):
        bench.nominal()
    full.others_nominal()
    around = full.lab.surroundings()
    assert around == few.lab.surroundings()
    assert around.shifts == {}
    assert around.dark == frozenset()
    assert (around.bias, around.efficiency, around.dark_rates) == ((0.0, 0.0), (1.0, 1.0), (1.0, 1.0))
    program = program_of(
        innsbruck, generate_photon(innsbruck.node, 50e-6, 55e-6), read_ions(innsbruck.node, 1.5e-3)
    )
    records = []
    for bench in (full, few):
        bench.lab.load(1)
        records.append(bench.lab.play(program, 100))
    for name, counts in records[0].counts.items():
        np.testing.assert_array_equal(counts, records[1].counts[name])


def test_an_unlocked_laser_goes_with_its_piezo_and_both_wavemeters_see_it(
    open_bench: Callable[..., Bench],
) -> None:
    bench = open_bench()
    nominal = FREQUENCIES["866"]
    bench.wire("lasers_397_866").ask(b"", b"\n> ")
    bench.laser("lasers_397_866", "(exec 'laser2:dl:lock:open)")
    for volts in (70.0, 71.0, 69.5):
        assert bench.laser("lasers_397_866", f"(param-set! 'laser2:dl:pc:voltage-set {volts})") == "0"
        offset = SLOPE * (volts - PULL.voltage)
        # A laser that nothing holds wanders: by up to 8 MHz at once, then by 20 MHz/min.
        moved = bench.lab.surroundings().shifts["repump"]
        assert 0 < abs(moved - offset) < 30e6
        assert bristol(bench) - nominal == pytest.approx(moved, abs=100e6)
        assert highfinesse(bench, "866") - nominal == pytest.approx(moved, abs=20e6)
    assert highfinesse(bench, "397") == pytest.approx(FREQUENCIES["397"], abs=20e6)


def bristol(bench: Bench) -> float:
    """Return the frequency (Hz) that a measurement begun from now on gives."""
    if "wavemeter_866" not in bench.wires:
        bench.wire("wavemeter_866").ask(b"", b"\n\n")
    for _ in range(2):  # the first may have begun before
        told = bench.scpi("wavemeter_866", ":READ:FREQ?")
    return float(told) * 1e12


def highfinesse(bench: Bench, laser: str) -> float:
    """Return the frequency (Hz) of a new measurement, by the protocol of the controller."""
    if "wavemeter" not in bench.wires:
        targets = json.loads(bench.wire("wavemeter").ask(b"ARTIQ pc_rpc\n", b"\n"))["targets"]
        bench.wire("wavemeter").ask(targets[0].encode() + b"\n", b"\n")
    call = {"action": "call", "name": "get_freq", "args": [laser], "kwargs": {}}
    reply = bench.wire("wavemeter").ask(json.dumps(call).encode() + b"\n", b"\n")
    status, frequency = reply.partition('"ret": (')[2].split(", ")[:2]
    assert status == "0", reply
    return float(frequency)


def test_an_open_interlock_makes_lasers_dark(open_bench: Callable[..., Bench], innsbruck: Any) -> None:
    bench = open_bench()
    bench.nominal()
    bench.others_nominal()
    assert photons(bench, innsbruck) > 50
    bench.lab.bench.cause("lasers_393_729", "interlock")
    assert bench.lab.surroundings().dark == {"393", "729"}
    bench.wire("lasers_393_729").ask(b"", b"\n> ")
    assert bench.laser("lasers_393_729", "(param-ref 'interlock-open)") == "#t"
    # Dark counts of 0.8 a second in gates of 55 us: one in 1500 shots comes with a probability of 7 %.
    assert photons(bench, innsbruck) <= 3


def test_a_piezo_beyond_the_range_of_the_lock_takes_the_cavity_away(
    open_bench: Callable[..., Bench], innsbruck: Any
) -> None:
    bench = open_bench()
    bench.nominal()
    bench.others_nominal()
    own = bench.lab.bench.apparatus.properties
    held = transmitted(bench)
    assert held == pytest.approx(1.0, abs=0.05)
    bench.piezo(33.0)  # 600 MHz: the lock follows
    assert bench.lab.surroundings().shifts == {}
    assert transmitted(bench) == pytest.approx(held, abs=0.02)
    bench.piezo(37.0)
    shift = bench.lab.surroundings().shifts["cavity"]
    assert shift == pytest.approx(own.cavity_piezo_slope * 7.0 - own.cavity_lock_range, abs=0.25e9)
    expected = float(
        LOCKING_MIRRORS.transmission(np.array(shift)) / LOCKING_MIRRORS.transmission(np.array(0.0))
    )
    assert transmitted(bench) == pytest.approx(expected, abs=0.02)
    assert photons(bench, innsbruck) <= 3


def transmitted(bench: Bench) -> float:
    """Return the mean voltage of the photodiode behind the cavity as the digitiser records it."""
    if "cavity_monitor" not in bench.wires:
        bench.wire("cavity_monitor").send(b"ACQ:RST\r\nACQ:DEC 1\r\n")
    wire = bench.wire("cavity_monitor")
    wire.send(b"ACQ:START\r\nACQ:TRIG NOW\r\n")
    bench.until(lambda: wire.ask(b"ACQ:TRIG:FILL?\r\n", b"\r\n") == "1")
    told = wire.ask(b"ACQ:SOUR1:DATA:LAT:N? 500\r\n", b"\r\n")
    return float(np.mean([float(each) for each in told.strip("{}").split(",")]))


def test_the_lock_needs_its_light(open_bench: Callable[..., Bench]) -> None:
    bench = open_bench()
    bench.nominal()
    bench.others_nominal()
    bench.piezo(33.0)
    assert bench.lab.surroundings().shifts == {}
    assert bench.wire("cavity_modulator").ask(b"OFF,1\r\n", b"\r\n").startswith("OK")
    assert bench.lab.surroundings().shifts["cavity"] == pytest.approx(600e6, abs=0.25e9)


def test_a_cavity_that_nothing_holds_is_astray(open_bench: Callable[..., Bench], innsbruck: Any) -> None:
    bench = open_bench((*NEEDED, "cavity modulator"))
    bench.nominal()
    modulator = bench.wire("cavity_modulator")
    for command in ("MODE,1,NSB", "FREQ,1,200MHz", "POW,1,10dBm", "ON,1"):
        assert modulator.ask(f"{command}\r\n".encode(), b"\r\n").startswith("OK")
    assert bench.lab.surroundings().shifts == {}
    assert modulator.ask(b"OFF,1\r\n", b"\r\n").startswith("OK")
    assert bench.lab.surroundings().shifts["cavity"] == pytest.approx(FREE_CAVITY, abs=1.0)
    assert photons(bench, innsbruck) <= 3


def test_the_lines_of_the_ion_close_their_circle() -> None:
    """729 nm and 854 nm lead from S1/2 to P3/2, as 393 nm does."""
    assert FREQUENCIES["729"] + FREQUENCIES["854"] == pytest.approx(FREQUENCIES["393"], abs=0.5e6)


def test_instruments_of_one_kind_have_serial_numbers_of_their_own(open_bench: Callable[..., Bench]) -> None:
    numbers = []
    for bench in (open_bench(), open_bench((*NEEDED, "lasers 393 729"))):
        members = bench.lab.bench.members
        numbers.append(
            {
                name: members[name].instrument.specification.serial_number
                for name in ("lasers_397_866", "lasers_393_729", "lasers_854_806")
                if name in members
            }
        )
    assert len(set(numbers[0].values())) == 3
    assert numbers[0]["lasers_393_729"] == numbers[1]["lasers_393_729"]
    assert all(number.startswith("DLC PRO_01") for number in numbers[0].values())


def test_the_modulator_moves_the_cavity(open_bench: Callable[..., Bench]) -> None:
    bench = open_bench()
    bench.nominal()
    bench.others_nominal()
    assert bench.wire("cavity_modulator").ask(b"FREQ,1,200.5MHz\r\n", b"\r\n").startswith("OK")
    assert bench.lab.surroundings().shifts == {"cavity": pytest.approx(0.5e6, abs=1.0)}


def test_the_bias_of_the_endcaps_moves_the_string(open_bench: Callable[..., Bench], innsbruck: Any) -> None:
    bench = open_bench((*NEEDED, "endcap bias"))
    bench.nominal()
    before = photons(bench, innsbruck)
    assert before > 50
    own = bench.lab.bench.apparatus.properties
    bench.serial("endcap_bias", ":VOLT 40,(@0)")
    bench.serial("endcap_bias", ":VOLT ON,(@0)")
    bench.until(lambda: bench.lab.surroundings().bias[0] > 39.99)
    upper, lower = bench.lab.surroundings().bias
    assert upper == pytest.approx(40.0, abs=0.1)
    assert lower == 0.0
    endcaps = Endcaps(own)
    endcaps.bias = (upper, lower)
    endcaps.rest(106.0)
    axial = endcaps.axial_frequency(0)
    trap = Trap(
        endcap_distance=own.endcap_distance,
        endcap_efficiency=own.endcap_curvature,
        differential_factor=own.endcap_push,
    )
    assert axial == pytest.approx(trap.axial_frequency(106.0 + upper / 2))
    moved = endcaps.centre(0, axial)
    assert moved == pytest.approx(trap.displacement(upper, axial))
    assert abs(moved) > 2 * own.raman_waist  # out of a beam that is aimed at where the ion was
    assert photons(bench, innsbruck) < before / 5


def test_coils_shift_the_qubit_line_by_its_zeeman_effect(
    open_bench: Callable[..., Bench], innsbruck: Any
) -> None:
    bench = open_bench((*NEEDED, "coils"))
    bench.nominal()
    bench.coils(2.0)
    assert mapped(bench, innsbruck) > 0.9
    bench.coils(2.04)
    own = bench.lab.bench.apparatus.properties
    field = 0.02 * own.magnetic_field
    assert bench.lab.surroundings().shifts == {"field": pytest.approx(field, rel=1e-6)}
    line = zeeman_shift(D52, -2.5, field) - zeeman_shift(S12, -0.5, field)
    assert line == pytest.approx(-236.7e3, rel=2e-3)  # 2 g_D - g_S / 2 less than 2 Bohr magnetons: -28 GHz/T
    # A pulse of 88 kHz, 237 kHz off its line, takes at most an eighth of the ions away.
    assert mapped(bench, innsbruck) < 0.3
    passes = innsbruck.node.calibration.qubit_passes
    assert mapped(bench, innsbruck, line / passes) > 0.9
    assert mapped(bench, innsbruck, -line / passes) < 0.3


def test_the_bias_of_detectors_sets_efficiency_and_dark_counts(
    open_bench: Callable[..., Bench], innsbruck: Any
) -> None:
    bench = open_bench((*NEEDED, "photon detectors"))
    bench.nominal()
    before = photons(bench, innsbruck, 3000)
    set_bias(bench, 20.0, 20.0)
    around = bench.lab.surroundings()
    assert all(rate > 2.0 for rate in around.dark_rates)
    assert all(1.0 <= share < 1.1 for share in around.efficiency)
    set_bias(bench, 11.0, 11.0)
    around = bench.lab.surroundings()
    assert all(rate < 0.1 for rate in around.dark_rates)
    assert all(share < 0.3 for share in around.efficiency)
    assert photons(bench, innsbruck, 3000) < before / 2
    set_bias(bench, 18.0, 18.0)
    assert bench.lab.surroundings().efficiency == (1.0, 1.0)
    assert bench.lab.surroundings().dark_rates == (1.0, 1.0)


def set_bias(bench: Bench, *microamperes: float) -> None:
    message = {"command": "SetAllBiasCurrents", "label": "BiasCurrent", "value": list(microamperes)}
    told = bench.wire("snspds").ask(json.dumps(message).encode(), b"\x17")
    assert f'"value": {[*microamperes]}' in told


def test_meters_see_the_lab(open_bench: Callable[..., Bench]) -> None:
    """A power meter a pick-off of its laser, the gauge the vacuum."""
    bench = open_bench()
    assert 100e-6 < float(bench.scpi("power_393", "MEAS:POW?")) < 1e-3
    assert bench.wire("vacuum_gauge").ask(b"PR1\r\n", b"\r\n") == "\x06"
    status, pressure = bench.wire("vacuum_gauge").ask(b"\x05", b"\r\n").split(",")
    assert int(status) == 0
    assert float(pressure) == pytest.approx(1e-10, rel=0.35)  # mbar
    bench.lab.bench.cause("lasers_393_729", "interlock")
    assert float(bench.scpi("power_393", "MEAS:POW?")) < 1e-6
