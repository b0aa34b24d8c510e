"""Pulses whose amplitude and phase change in steps, against closed forms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hardware_sim.core.drive import choose, level_shifts
from hardware_sim.core.ensemble import D3, SHIFTS, S
from hardware_sim.core.flight import Flight
from hardware_sim.core.passages import RAMAN, PhotonPulse, Rotation, Segment, read_passages
from hardware_sim.core.photon_pulse import click_table, generate
from hardware_sim.core.photons import Watch
from hardware_sim.core.raman_beam import RamanBeam, raman_model, read_drives
from hardware_sim.core.rotation import turn
from hardware_sim.core.signals import Stretch, Tone
from hardware_sim.core.stage import Stage
from hardware_sim.physics.raman import Drive, scattering_rate, stark_shift
from sequences.program import Play
from sequences.timeline import Operation

US = 10**6  # ps
ANALYSIS = 226.5e6
RABI = 50e3
STEPS = 40


def sine_squared(steps: int = STEPS) -> list[float]:
    return (np.sin(np.pi * (np.arange(steps) + 0.5) / steps) ** 2).tolist()


def resting(lab: Any, shots: int = 1, **but: float) -> Stage:
    """Return a stage with ions without motion, of which a full pulse turns 50 000 a second."""
    stage = lab.but(qubit_rabi_analysis=RABI, **but).stage(shots)
    stage.string.qubit[:] = 0.0
    stage.ensemble.start(np.zeros(shots, dtype=np.int64))
    return stage


def stepped(amplitudes: list[float], step: int, phases: list[float] | None = None, **tone: float) -> Rotation:
    frequency = tone.get("frequency", ANALYSIS)
    phases = phases or [0.0] * len(amplitudes)
    return Rotation(
        tuple(
            Segment(k * step, (k + 1) * step, Tone(frequency, phase, amplitude))
            for k, (amplitude, phase) in enumerate(zip(amplitudes, phases, strict=True))
        )
    )


def population(stage: Stage, shot: int = 0) -> float:
    return float(stage.ensemble.coherent[shot, 0, D3, D3].real)


@pytest.mark.parametrize("longest", [10e-6, 20e-6, 35e-6])
def test_the_angle_of_an_enveloped_pulse_is_the_integral_of_its_amplitude(quiet: Any, longest: float) -> None:
    stage, step = resting(quiet), round(longest / STEPS * 1e12)
    turn(stage, np.arange(1), stepped(sine_squared(), step))
    # The mean of sine squared is a half, also of its samples. The lines beside shift this one by 0.2 kHz.
    assert population(stage) == pytest.approx(np.sin(np.pi * RABI * longest / 2) ** 2, abs=5e-5)


def test_an_envelope_is_played_from_a_timeline(quiet: Any) -> None:
    lab = quiet.but(qubit_rabi_analysis=RABI)
    events = [(0.0, "qubit", Operation.FREQUENCY, ANALYSIS), (0.0, "qubit", Operation.PHASE, 0.0)]
    events += [(0.5e-6 * k, "qubit", Operation.AMPLITUDE, a) for k, a in enumerate(sine_squared())]
    timeline = lab.timeline(25e-6, *events, (20e-6, "qubit", Operation.AMPLITUDE, 0.0))
    program = replace(lab.program(lab.node.qubit.pulse(1e-6, ANALYSIS)), steps=(Play(timeline),))
    dark = lab.but(qubit_rabi_analysis=0.0).stage(1, block=program)
    assert population(dark) == 0
    stage = lab.stage(1, block=program)
    weakened = np.exp(-stage.string.qubit[:, 0].sum() / 2)
    ground = stage.ensemble.in_ground(np.arange(1))[0, 0]
    # The ion starts in either spin; only one of them is turned, by half a turn but for the zero-point motion.
    assert population(stage) / 0.5 == pytest.approx(np.sin(np.pi / 2 * weakened) ** 2, abs=1e-3)
    assert ground == pytest.approx(1 - population(stage))


def test_steps_that_are_alike_are_one_pulse(quiet: Any) -> None:
    off = {"frequency": ANALYSIS + 8e3}
    whole, cut, apart = resting(quiet), resting(quiet), resting(quiet)
    for stage in (whole, cut, apart):
        stage.ensemble.field[:] = 4e-8
        stage.ensemble.start(np.array([777 * US]))
    turn(whole, np.arange(1), stepped([0.7], 12 * US, **off))
    turn(cut, np.arange(1), stepped([0.7] * 12, US, **off))
    for segment in stepped([0.7] * 12, US, **off).segments:
        turn(apart, np.arange(1), Rotation((segment,)))
    for stage in (whole, cut, apart):
        stage.ensemble.evolve(np.arange(1), slice(None), 12 * US, lifetime=np.inf)
    assert np.abs(cut.ensemble.coherent - whole.ensemble.coherent).max() < 1e-12
    assert np.abs(apart.ensemble.coherent - whole.ensemble.coherent).max() < 3e-5  # decay of D5/2 meanwhile


def test_a_field_that_is_off_detunes_every_step(quiet: Any) -> None:
    # Rabi's formula, with the detuning that the field makes, and the light of the lines beside.
    stage = resting(quiet)
    stage.ensemble.field[:] = 4e-6
    turn(stage, np.arange(1), stepped([1.0] * 10, 2 * US))
    driven = choose(stage, np.arange(1), Tone(ANALYSIS, 0.0, 1.0)).drive
    light = level_shifts(stage.properties, Tone(ANALYSIS, 0.0, 1.0), driven)
    shift = (SHIFTS[D3] - SHIFTS[S]) * 4e-6 + light.upper[-3 / 2] - light.lower[-1 / 2]
    whole = np.hypot(RABI, shift)
    assert population(stage) == pytest.approx(
        (RABI / whole) ** 2 * np.sin(np.pi * whole * 20e-6) ** 2, abs=1e-9
    )


@pytest.mark.parametrize("error", [-0.2, 0.0, 0.15])
def test_a_composite_pulse_of_phase_steps_forgives_a_wrong_amplitude(quiet: Any, error: float) -> None:
    # SK1: a turn by theta, then two full turns at the phases +-phi with cos(phi) = -theta / 4 pi.
    # Source: Brown, Harrow and Chuang, PRA 70, 052318 (2004).
    stage, pi_time = resting(quiet), 10 * US
    phi = np.arccos(-1 / 4) / (2 * np.pi)
    passes = stage.properties.qubit_passes
    edges = np.cumsum([0, pi_time, 2 * pi_time, 2 * pi_time]).tolist()
    segments = tuple(
        Segment(start, stop, Tone(ANALYSIS, phase / passes, (1 + error)))
        for start, stop, phase in zip(edges[:-1], edges[1:], (0.0, phi, -phi), strict=True)
    )
    turn(stage, np.arange(1), Rotation(segments))
    plain = np.sin(np.pi / 2 * (1 + error)) ** 2
    # What the lines beside shift this one by is not forgiven: (0.2 kHz / 50 kHz)^2.
    assert 1 - population(stage) <= (1 - plain) ** 2 * 3 + 2e-5


def shaped(lab: Any, amplitudes: list[float], step: int, part: str | None = None) -> PhotonPulse:
    belief = lab.node.calibration
    frequencies = {RAMAN[0]: belief.raman_v_frequency, RAMAN[1]: belief.raman_h_frequency}
    return PhotonPulse(
        tuple(
            Stretch(
                k * step,
                (k + 1) * step,
                {name: Tone(f, 0.0, amplitude) for name, f in frequencies.items() if part in (None, name)},
                None,
            )
            for k, amplitude in enumerate(amplitudes)
        )
    )


def test_light_shift_and_scattering_of_a_shaped_pulse_are_integrals_of_its_power(quiet: Any) -> None:
    # An ion that the cavity does not see: its amplitude turns by the shift and decays by half the scattering.
    stage, step = quiet.stage(1), 2 * US
    table = click_table(stage, shaped(quiet, sine_squared(), step), 1.0, [])
    model = raman_model(quiet.properties)
    belief, properties = quiet.node.calibration, quiet.properties
    whole = Drive(
        STEPS * 2e-6,
        properties.raman_rabi_v,
        properties.raman_rabi_h,
        belief.raman_v_frequency - properties.raman_resonance,
        belief.raman_h_frequency - properties.raman_resonance - model.splitting,
    )
    power = np.mean(np.square(sine_squared()))
    steps = [replace(whole, rabi_v=a * whole.rabi_v, rabi_h=a * whole.rabi_h) for a in sine_squared()]
    scattered = np.mean([scattering_rate(model, step) for step in steps])
    turns = np.mean([stark_shift(model, step) for step in steps]) * whole.duration
    expected = np.exp(-scattered * whole.duration / 2 - 2j * np.pi * turns)
    assert scattered == pytest.approx(scattering_rate(model, whole) * power, rel=0.01)
    assert table.couplings[0] == 0
    assert table.amplitude[0] == pytest.approx(expected, rel=1e-9)


def test_a_shaped_pulse_emits_where_its_light_is(quiet: Any) -> None:
    # Weak light, far from emptying the ion: photons come with the square of the amplitude, a little later.
    stage = quiet.stage(1)
    amplitudes = [0.02 * a for a in (0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0)]
    stages = shaped(quiet, amplitudes, 10 * US)
    watches = [Watch("h detector", 20 * US, 60 * US), Watch("h detector", 60 * US, 110 * US)]
    early, late = click_table(stage, stages, 1.0, watches).clicked[32]
    assert late / early == pytest.approx(4.0, rel=0.01)
    drives = list(read_drives(quiet.properties, stages.stretches, 1.0))
    assert [drive.rabi_v for drive in drives] == pytest.approx(
        [quiet.properties.raman_rabi_v * a for a in amplitudes]
    )


def test_finer_steps_of_one_shape_make_one_photon(quiet: Any) -> None:
    # Steps converge: the error of a staircase goes with the square of its step.
    def chance(steps: int) -> float:
        stage = quiet.stage(1)
        stage.effects = {
            "h detector": np.eye(2, dtype=complex),
            "v detector": np.zeros((2, 2), dtype=complex),
        }
        pulse = shaped(quiet, sine_squared(steps), 80 * US // steps)
        table = click_table(stage, pulse, 1.0, [Watch("h detector", 0, 100 * US)])
        return float(table.clicked[32, 0])

    coarse, middle, fine = chance(10), chance(20), chance(40)
    assert 0.3 < fine < 0.9
    assert abs(middle - fine) < 0.35 * abs(coarse - middle) + 1e-6
    assert abs(middle - fine) < 0.01


def test_raman_light_that_stays_on_ends_in_finite_time(quiet: Any) -> None:
    # A tone that was left on for 10 ms is played in pieces; in the end no ion is left in the ground state.
    stage = quiet.stage(50)
    (stretch,) = shaped(quiet, [1.0], 10_000 * US).stretches
    pieces = read_passages([stretch])
    assert len(pieces) == 20
    beam, flight = RamanBeam(quiet.properties), Flight(quiet.properties, 50)
    for piece in pieces:
        assert isinstance(piece, PhotonPulse)
        generate(stage, np.arange(50), piece, beam, flight)
    assert stage.ensemble.in_ground(np.arange(50)).max() < 1e-3
