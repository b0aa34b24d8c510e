"""The simulated lab with its instruments, over their own wire protocols."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import serial

from hardware_sim import SimulatedLab
from hardware_sim.bench import Bench
from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.kinds import USUAL_WAYS
from hardware_sim.wiring import NEEDED
from sequences.compiler import compile_sequence
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

PULSES_PER_TURN = 143_360  # of an ELL14, as its IN reply says


class Plates:
    """Two rotation mounts on one serial line, spoken to as the manual says."""

    def __init__(self, resource: str) -> None:
        self._line = serial.serial_for_url(_port(resource), 9600, timeout=5)

    def __enter__(self) -> Plates:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()

    def ask(self, message: str) -> str:
        """Send a message and return the answer."""
        self._line.write(message.encode("ascii"))
        return self._line.read_until(b"\r\n").decode("ascii").strip()

    def turn(self, address: str, angle: float) -> None:
        """Turn a mount to an angle (turns) and wait for its answer."""
        pulses = round(angle * PULSES_PER_TURN) % PULSES_PER_TURN
        assert self.ask(f"{address}ma{pulses:08X}").startswith(f"{address}PO")


def _port(resource: str) -> str:
    """Return the serial port behind a VISA-like resource name."""
    return resource.removeprefix("ASRL").removesuffix("::INSTR")


class Generator:
    """A signal generator behind a raw socket."""

    def __init__(self, resource: str) -> None:
        _, host, port, *_ = resource.split("::")
        self._socket = socket.create_connection((host, int(port)), timeout=5)

    def __enter__(self) -> Generator:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, commands: str) -> None:
        """Send commands, and wait until they are carried out."""
        self._socket.sendall(f"{commands};*OPC?\n".encode("ascii"))
        assert self._socket.recv(100).strip() == b"1"


@pytest.fixture
def lab(innsbruck: Any) -> Iterator[SimulatedLab]:
    needed = {
        name: table for name, table in innsbruck.tables["instruments"].items() if table.get("role") in NEEDED
    }
    tables = {**innsbruck.tables, "instruments": needed}
    opened = SimulatedLab.open(tables, innsbruck.node.target, seed=5)
    yield opened
    opened.close()


@pytest.fixture
def ready(lab: SimulatedLab) -> SimulatedLab:
    """The lab with its trap driven and its plates homed and at their zeros."""
    with Generator(lab.resources["simulated:trap_rf"]) as generator:
        generator.send("FREQ 23.4 MHz;POW -2 dBm;OUTP ON")
    with Plates(lab.resources["simulated:plates"]) as plates:
        for address, zero in (("0", 12.3), ("1", 31.7)):
            plates.ask(f"{address}ho0")
            plates.turn(address, zero / 360)
    return lab


def pairs_program(innsbruck: Any) -> Program:
    """One ion, one photon, both analysed along Z."""
    node = innsbruck.node
    block = one_after_another(
        hold(node, plan_transport(node.calibration, 1), 0),
        doppler_cool(node, 3e-3),
        optical_pump(node, 20e-6),
        generate_photon(node, 50e-6, 55e-6),
        map_to_ground(node),
        read_ions(node, 1.5e-3),
    )
    return compile_sequence(sequence("pairs", block), node.target)


def correlation(lab: SimulatedLab, program: Program, shots: int) -> tuple[float, int]:
    """Return the parity of ion and photon along Z, and of how many pairs."""
    record = lab.play(program, shots)
    clicks = {port: record.counts[f"photon_{port}"][:, 0] > 0 for port in "hv"}
    single = clicks["h"] ^ clicks["v"]
    bright = record.counts["ions"][:, 0] >= 8
    # A V photon leaves the ion in D5/2(-5/2), which is mapped to the ground state, where it shines.
    agrees = (bright == clicks["v"])[single]
    return 2 * float(agrees.mean()) - 1, int(single.sum())


def test_a_plate_at_a_wrong_angle_gives_wrong_correlations(innsbruck: Any, ready: SimulatedLab) -> None:
    program = pairs_program(innsbruck)
    ready.load(1)
    right, pairs = correlation(ready, program, 2200)
    with Plates(ready.resources["simulated:plates"]) as plates:
        plates.turn("0", (12.3 + 22.5) / 360)  # a half-wave plate by 1/16 of a turn: the diagonal basis
        middle, _ = correlation(ready, program, 2200)
        plates.turn("0", (12.3 + 45.0) / 360)
        wrong, _ = correlation(ready, program, 2200)
    # Some 200 pairs: the parity of an uncorrelated basis is within 0.4 of zero but for 1 in 10^7 (5.6 sigma).
    assert pairs > 150
    assert right > 0.8
    assert abs(middle) < 0.4
    assert wrong < -0.8


def test_rf_off_loses_the_ions_until_the_trap_is_loaded_again(innsbruck: Any, ready: SimulatedLab) -> None:
    program = pairs_program(innsbruck)
    ready.load(1)
    assert ready.play(program, 5).notes == ()
    with Generator(ready.resources["simulated:trap_rf"]) as generator:
        generator.send("OUTP OFF")
        record = ready.play(program, 300)
        assert record.notes == ("no ions in the trap: the trap RF is off",)
        # 1.5 background counts each: 17 or more in one of 300 exposures come with a probability below 1e-10.
        assert record.counts["ions"].max() < 17
        assert record.counts["ions"].mean() < 2.5
        assert record.counts["photon_h"].sum() + record.counts["photon_v"].sum() <= 3
        generator.send("OUTP ON")
    assert ready.play(program, 5).notes == ("no ions in the trap: the trap RF is off",)
    ready.load(1)
    assert ready.play(program, 5).notes == ()


def test_a_trap_without_drive_cannot_be_loaded(innsbruck: Any, lab: SimulatedLab) -> None:
    lab.load(3)
    (note,) = lab.play(pairs_program(innsbruck), 2).notes
    assert note == "no ions in the trap: the trap RF is off"


def test_the_drive_acts_through_its_amplitude(ready: SimulatedLab) -> None:
    with Generator(ready.resources["simulated:trap_rf"]) as generator:
        generator.send("POW -8 dBm")
        assert ready.surroundings().radial_frequency == pytest.approx(2.40e6 * 10 ** (-6 / 20), rel=1e-3)
        generator.send("FREQ 23.6 MHz")
        assert ready.surroundings().radial_frequency < 1e6


def test_mounts_are_where_they_were_turned_to_within_their_accuracy(ready: SimulatedLab) -> None:
    around = ready.surroundings()
    for angle, zero in ((around.half_angle, 12.3), (around.quarter_angle, 31.7)):
        assert abs((angle * 360 - zero + 180) % 360 - 180) < 0.5  # degrees


def test_one_line_serves_both_mounts(lab: SimulatedLab) -> None:
    assert set(lab.resources) == {"simulated:trap_rf", "simulated:plates"}
    assert set(lab.bench.members) == {"trap_rf", "half_wave_plate", "quarter_wave_plate"}
    with Plates(lab.resources["simulated:plates"]) as plates:
        assert plates.ask("0in")[3:5] == plates.ask("1in")[3:5] == "0E"


def test_the_shipped_setup_has_no_problems(innsbruck: Any) -> None:
    assert SimulatedLab.problems(innsbruck.tables) == []


def test_a_setup_with_problems_is_not_opened(innsbruck: Any) -> None:
    tables = deepcopy(innsbruck.tables)
    del tables["node"]["magnetic_field"]
    tables["channels"]["camera"]["drives"] = ""
    told = r"(?s)node.magnetic_field: missing.*nothing drives the 'camera'"
    with pytest.raises(ValueError, match=told):
        SimulatedLab.open(tables, innsbruck.node.target, seed=1)
    with pytest.raises(ValueError, match=told):
        SimulatedLab.start_bench(tables, 1, 50.0)


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (
            ("instruments", "trap_rf", "resource"),
            "simulated:plates",
            "instruments.half_wave_plate.resource: 'simulated:plates' is the line of 'trap_rf'; "
            "only ell14 or highfinesse can share a line, each with its like",
        ),
        (
            ("instruments", "quarter_wave_plate", "address"),
            "G",
            "instruments.quarter_wave_plate.address: 'G' is no address of an ell14; "
            "use one of 0 1 2 3 4 5 6 7 8 9 A B C D E F",
        ),
        (
            ("instruments", "quarter_wave_plate", "address"),
            "0",
            "instruments.quarter_wave_plate.address: '0' is the address of 'half_wave_plate' on the same "
            "line; give each mount its own",
        ),
        (
            ("instruments", "marconi", "driver"),
            "marconi2023",
            "instruments.marconi.driver: 'marconi2023' has no simulator; there are " + ", ".join(USUAL_WAYS),
        ),
        (
            ("node", "cavity_transmission", "value"),
            0.5,
            "node: cavity transmission is 0.5, but must be from 0 to the total loss 0.000116: "
            "the total loss of a round trip includes the output transmission",
        ),
        (
            ("node", "cavity_loss", "value"),
            0,
            "node: cavity loss is 0, but must be above 0: every mirror loses light",
        ),
        (
            ("node", "cavity_coupling", "value"),
            "90 MHz",
            "node: cavity coupling is 9e+07 Hz, but must be at most 1.85e+06 Hz: "
            "the waist, the linewidth and the loss of the cavity allow no more",
        ),
        (
            ("node", "raman_detuning", "value"),
            "-60 MHz",
            "node: distance of the H tone from a line of P3/2 is 4.10438e+07 Hz, but must be 4.596e+07 Hz "
            "or more: detune the light further, the model eliminates P3/2",
        ),
        (
            ("node", "raman_rabi_v", "value"),
            "200 MHz",
            "node: excited population in drive 0 is 0.0695162, but must be 0.05 or less: "
            "lower the Rabi frequencies or detune further, the model eliminates P3/2",
        ),
        (
            ("node", "raman_detuning", "value"),
            "58 MHz",
            "node: distance of the V tone from a line of P3/2 is 3.4324e+07 Hz, but must be 4.596e+07 Hz "
            "or more: detune the light further, the model eliminates P3/2",
        ),
        (
            ("node", "magnetic_flicker_low", "value"),
            "10 kHz",
            "node: magnetic_flicker_low is 10 kHz, but must be below magnetic_flicker_high, 1 kHz: "
            "the noise lies between them; for none, let magnetic_flicker be 0 T",
        ),
    ],
)
def test_what_cannot_be_simulated_is_told(
    innsbruck: Any, path: tuple[str, str, str], value: Any, problem: str
) -> None:
    tables = deepcopy(innsbruck.tables)
    tables["instruments"]["marconi"] = {"driver": "smc100a", "resource": "simulated:marconi"}
    section, name, key = path
    tables[section][name][key] = value
    assert problem in SimulatedLab.problems(tables)


def test_a_bench_that_cannot_start_stops_what_it_started(innsbruck: Any) -> None:
    # Threads and sockets left behind fail every test of this tree.
    instruments = {
        "one": {"driver": "smc100a", "resource": "simulated:one"},
        "two": {"driver": "smc100a", "resource": "simulated:both"},
        "three": {"driver": "smc100a", "resource": "simulated:both"},
    }
    assert len(Bench.problems(instruments)) == 1
    with pytest.raises(InstrumentSetupError, match="only ell14 or highfinesse share a line"):
        Bench(instruments, np.random.default_rng(1), innsbruck.properties, {})


def test_real_instruments_can_be_looked_at_and_stand_where_they_should(innsbruck: Any) -> None:
    tables = deepcopy(innsbruck.tables)
    real = {"trap_rf", "half_wave_plate", "quarter_wave_plate", "lasers_397_866", "power_393"}
    for name in real:
        tables["instruments"][name]["resource"] = f"tcp://192.0.2.7:{5000 + len(name)}"
    assert SimulatedLab.problems(tables) == []
    assert len(SimulatedLab.unplayable(tables)) == len(real) - 1  # a power meter only looks
    with pytest.raises(ValueError, match="a real 'trap rf' does not act on the simulated node"):
        SimulatedLab.open(tables, innsbruck.node.target, seed=1)
    bench = SimulatedLab.start_bench(tables, 1, 50.0)
    try:
        apparatus = bench.bench.apparatus
        assert not real & set(bench.bench.members)
        assert not apparatus.controls("397")
        assert apparatus.light("397", 0.0)[1] > 0
        around, own = apparatus.surroundings(), innsbruck.properties
        assert around.radial_frequency == pytest.approx(own.radial_frequency)
        assert (around.half_angle, around.quarter_angle) == (
            own.half_wave_plate_mount,
            own.quarter_wave_plate_mount,
        )
    finally:
        bench.close()
