"""A Raman pulse on ions: draws against exact channels, phases, neighbours, spins."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from hardware_sim.core.ensemble import D3, D5, METASTABLE_D3, METASTABLE_D5, S_UP, S
from hardware_sim.core.flight import Flight
from hardware_sim.core.passages import RAMAN, PhotonPulse
from hardware_sim.core.photon_pulse import (
    BIN,
    RINGING,
    click_table,
    emit_from,
    generate,
)
from hardware_sim.core.photons import Watch
from hardware_sim.core.raman_beam import RamanBeam, profile, raman_model, read_drives, tone_detunings
from hardware_sim.core.signals import Stretch, Tone
from hardware_sim.core.stage import Stage
from hardware_sim.physics.raman import emit

US = 10**6  # ps
PULSE, WINDOW = 50 * US, 55 * US


def tones(lab: Any, phase_v: float = 0.0, phase_h: float = 0.0) -> dict[str, Tone]:
    belief = lab.node.calibration
    return {
        RAMAN[0]: Tone(belief.raman_v_frequency, phase_v, 1.0),
        RAMAN[1]: Tone(belief.raman_h_frequency, phase_h, 1.0),
    }


def pulse_of(lab: Any, *cuts: int, start: int = 0, **phases: float) -> PhotonPulse:
    """Return the usual pulse, cut at some times after its start."""
    edges = [start, *(start + cut for cut in cuts), start + PULSE]
    on = tones(lab, **phases)
    return PhotonPulse(tuple(Stretch(*span, on, None) for span in pairwise(edges)))


def both_gates(start: int = 0, stop: int = WINDOW) -> list[Watch]:
    return [Watch("h detector", start, stop), Watch("v detector", start, stop)]


def play(
    stage: Stage,
    pulse: PhotonPulse,
    watches: Sequence[Watch] = (),
    *,
    deflected: bool = False,
    shots: Any = None,
) -> np.ndarray:
    """Play a pulse in all shots, or in some; return how many photons (shots,) detectors have absorbed."""
    count = len(stage.ensemble.clock_ps)
    flight = Flight(stage.properties, count)
    flight.watches = tuple(watches)
    playing = np.arange(count) if shots is None else shots
    generate(stage, playing, pulse, RamanBeam(stage.properties, deflected), flight)
    return absorbed(flight, count)


def absorbed(flight: Flight, shots: int) -> np.ndarray:
    streams = [stream.shot for port in flight._ports.values() for stream in port.under_way]
    return np.bincount(np.concatenate([np.arange(0), *streams]), minlength=shots)


def prepare(stage: Stage, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Give every shot the same random mixed state, and return it."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    state, rest = factor @ factor.conj().T, rng.random(3)
    total = np.trace(state).real + rest.sum()
    state, rest = state / total, rest / total
    stage.ensemble.coherent[:] = state
    stage.ensemble.other[:] = rest
    return state, rest


def assert_states(stage: Stage) -> None:
    """All states are Hermitian, positive and normalised, with what is outside of the coherent levels."""
    state, rest = stage.ensemble.coherent, stage.ensemble.other
    total = np.einsum("...ii->...", state).real + rest.sum(axis=-1)
    assert np.abs(total - 1).max() < 1e-9
    assert np.abs(state - state.conj().swapaxes(-1, -2)).max() < 1e-12
    assert np.linalg.eigvalsh(state).min() > -1e-9
    assert rest.min() > -1e-12


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_drawn_outcomes_average_to_the_channel_without_detectors(quiet: Any, seed: int) -> None:
    # Nobody can tell from the ion alone whether its photon was looked for: by brute force over many shots,
    # gates that cut through the photon change nothing of the mean state.
    shots, pulse, factor = 40_000, pulse_of(quiet), 0.7
    states = []
    for watches in ([], both_gates(4 * US, 9 * US), [*both_gates(0, 3 * US), *both_gates(5 * US, WINDOW)]):
        stage = quiet.stage(shots, seed=seed)
        prepare(stage, seed)
        table = click_table(stage, pulse, 1.0, watches)
        list(emit_from(stage, np.arange(shots), 0, pulse, table, np.full(shots, factor), watches))
        assert_states(stage)
        states.append((stage.ensemble.coherent[:, 0].mean(axis=0), stage.ensemble.other[:, 0].mean(axis=0)))
    (coherent, other), *rest = states
    # Elements are at most 1 in size: five sigma of a mean is below 2 x 5 / 2 sqrt(shots) for the difference.
    tolerance = 5 / shots**0.5
    for seen_coherent, seen_other in rest:
        assert np.abs(seen_coherent - coherent).max() < tolerance
        assert np.abs(seen_other - other).max() < tolerance


def test_clicks_come_as_often_as_the_emission_says(quiet: Any) -> None:
    shots, pulse = 40_000, pulse_of(quiet)
    stage = quiet.stage(shots)
    table = click_table(stage, pulse, 1.0, both_gates())
    found = emit_from(stage, np.arange(shots), 0, pulse, table, np.ones(shots), both_gates())
    clicks = np.bincount(np.concatenate([photons.shot for _, photons in found]), minlength=shots)
    assert clicks.max() == 1
    drives = list(read_drives(quiet.properties, pulse.stretches, 1.0))
    emitted = float(emit(raman_model(quiet.properties), drives, [1.0], BIN, RINGING).probability[0])
    seen = 90 / 116 * 0.96 * 0.81 * 0.875 * emitted
    # The mean of both efficiencies is right to 0.3 %; five sigma of the binomial beside.
    assert clicks.mean() == pytest.approx(seen, abs=0.003 * seen + 5 * (0.25 / shots) ** 0.5)


def test_a_pulse_cut_in_two_is_the_same_pulse(quiet: Any) -> None:
    stage = quiet.stage(1)
    whole, cut = (
        click_table(stage, pulse, 1.0, both_gates())
        for pulse in (pulse_of(quiet), pulse_of(quiet, 20 * US, 22 * US))
    )
    for name in ("clicked", "missed", "left", "amplitude", "arrival"):
        assert np.abs(getattr(cut, name) - getattr(whole, name)).max() < 1e-9, name


def test_a_tone_that_starts_late_has_the_phase_of_its_clock(quiet: Any) -> None:
    # The H tone runs in the dark from the start: what its pulse emits later has the phase that emission at
    # full light has then, and not one that counts from the late start, which would be 1.5 turns off.
    on = tones(quiet)
    late = PhotonPulse(
        (Stretch(0, 2 * US, {RAMAN[0]: on[RAMAN[0]]}, None), Stretch(2 * US, PULSE, on, None)),
    )
    stage = quiet.stage(1)
    diagonal = np.array([[0.5, 0.5], [0.5, 0.5]], dtype=complex)
    stage.effects = {"h detector": diagonal, "v detector": np.eye(2) - diagonal}
    watches = both_gates(10 * US)
    coherence = []
    for pulse in (pulse_of(quiet), late):
        table = click_table(stage, pulse, 1.0, watches)
        share = np.diff(table.arrival[32, 0], prepend=0.0)
        coherence.append(share @ table.after_click[32, 0, :, 0, 1])
    assert np.abs(coherence).min() > 0.45
    assert abs(np.angle(coherence[1] / coherence[0])) < 0.01 * 2 * np.pi


@pytest.mark.parametrize(("phase_v", "phase_h"), [(0.25, 0.0), (0.0, 0.25), (0.4, 0.15)])
def test_the_tones_phases_turn_the_ions_state(quiet: Any, phase_v: float, phase_h: float) -> None:
    def coherence(**phases: float) -> complex:
        stage = quiet.stage(200)
        play(stage, pulse_of(quiet, **phases))
        return complex(stage.ensemble.coherent[:, 0, D5, D3].mean())

    ratio = coherence(phase_v=phase_v, phase_h=phase_h) / coherence()
    assert np.mod(-np.angle(ratio) / (2 * np.pi), 1.0) == pytest.approx(
        np.mod(phase_v - phase_h, 1.0), abs=1e-6
    )


def test_the_tones_phases_run_with_the_cores_clock(quiet: Any) -> None:
    lab = quiet.believing(raman_h_frequency=quiet.node.calibration.raman_h_frequency + 1e3)

    def coherence(clock: int, start: int) -> complex:
        stage = lab.stage(1)
        stage.ensemble.start(np.array([clock]))
        play(stage, pulse_of(lab, start=start))
        return complex(stage.ensemble.coherent[0, 0, D5, D3])

    detuning_v, detuning_h = tone_detunings(lab.properties, tones(lab))
    beat = detuning_v - detuning_h
    for clock, start in ((300 * US, 0), (0, 300 * US), (10**15, 70 * US)):
        ratio = coherence(clock, start) / coherence(0, 0)
        turns = np.mod(-np.angle(ratio) / (2 * np.pi) - beat * (clock + start) * 1e-12, 1.0)
        assert min(turns, 1 - turns) < 1e-5


def test_a_click_leaves_the_ion_in_one_of_the_entangled_levels(quiet: Any) -> None:
    stage = quiet.stage(300)
    prepare(stage, 5)
    clicked = play(stage, pulse_of(quiet), both_gates()) > 0
    assert_states(stage)
    assert clicked.any()
    state, rest = stage.ensemble.coherent[clicked, 0], stage.ensemble.other[clicked, 0]
    assert np.abs(rest).max() == 0
    assert np.abs(state[:, S]).max() == 0


def test_an_ion_in_d52_emits_nothing_and_keeps_its_state(quiet: Any) -> None:
    stage = quiet.stage(50)
    state = np.array([[0, 0, 0], [0, 0.5, 0.5j], [0, -0.5j, 0.5]])
    stage.ensemble.coherent[:] = state
    assert play(stage, pulse_of(quiet), both_gates()).sum() == 0
    assert np.abs(stage.ensemble.coherent - state).max() < 1e-12


def test_an_ion_with_the_wrong_spin_emits_what_scattering_brings_back(quiet: Any) -> None:
    # It scatters off resonance: to S1/2(-1/2) and on, or away. Without sigma+ light it goes more slowly.
    model = raman_model(quiet.properties)
    drives = list(read_drives(quiet.properties, pulse_of(quiet).stretches, 1.0))
    right, wrong = emit(model, drives, [1.0, 1.0], BIN, RINGING, [0.0, 1.0]).probability
    assert 0.3 * right < wrong < 0.9 * right
    shots = 20_000
    stage = quiet.stage(shots)
    stage.ensemble.coherent[:] = 0.0
    stage.ensemble.other[..., S_UP] = 1.0
    seen = play(stage, pulse_of(quiet), both_gates()).mean()
    assert_states(stage)
    cold = np.exp(-stage.string.raman[:, 0].sum() / 2)  # zero-point motion
    wrong = emit(model, drives, [cold], BIN, RINGING, [1.0]).probability[0]
    assert seen == pytest.approx(
        90 / 116 * 0.96 * 0.81 * 0.875 * wrong, abs=0.005 * seen + 5 * (0.25 / shots) ** 0.5
    )


def test_lost_ions_go_to_both_metastable_levels(quiet: Any) -> None:
    stage = quiet.stage(1)
    play(stage, pulse_of(quiet))
    lost_d3, lost_d5 = stage.ensemble.other[0, 0, [METASTABLE_D3, METASTABLE_D5]]
    assert lost_d3 / lost_d5 == pytest.approx(0.00661 / 0.0587, rel=1e-9)


def test_neighbours_feel_only_the_halo_of_the_beam(quiet: Any) -> None:
    stage = quiet.stage(2000, ions=3)
    play(stage, pulse_of(quiet))
    assert_states(stage)
    emitted = 1 - stage.ensemble.in_ground(np.arange(2000)).mean(axis=0)
    assert emitted[1] > 0.5
    assert 0 < emitted[[0, 2]].max() < 0.02


def test_a_neighbours_superposition_survives_the_halo(quiet: Any) -> None:
    shots = 10
    stage = quiet.stage(shots, ions=3)
    plus = np.zeros((3, 3), dtype=complex)
    plus[np.ix_([S, D3], [S, D3])] = 0.5
    stage.ensemble.coherent[:] = plus
    play(stage, pulse_of(quiet))
    assert_states(stage)
    kept = stage.ensemble.coherent[:, 0, S, D3]
    assert 2 * np.abs(kept).min() > 0.97
    # The light shift of S1/2 is negative for red light: that of the focus, times the halo's intensity.
    own, where = quiet.properties, stage.positions(0)[0]
    halo = float(profile(own, np.array([where]))[0])
    shift = -(own.raman_rabi_v**2 + own.raman_rabi_h**2) * (4 / 3) / (4 * 403e6) * halo
    turned = -np.angle(kept[0]) / (2 * np.pi)
    assert turned == pytest.approx(shift * 50e-6, rel=0.15)


def test_an_ion_out_of_reach_is_not_touched(quiet: Any) -> None:
    stage = quiet.but(raman_halo=0.0).stage(5, ions=2)
    stage.ensemble.coherent[:, 0] = 0.0
    stage.ensemble.coherent[:, 0, D5, D5] = 1.0
    before = stage.ensemble.coherent.copy()
    far = PhotonPulse((Stretch(0, PULSE, tones(quiet), None),))
    play(stage, far, both_gates())  # both ions are 4 um away from the waist
    assert np.array_equal(stage.ensemble.coherent, before)


@pytest.mark.parametrize("part", RAMAN)
def test_one_tone_alone_reaches_one_level_only(quiet: Any, part: str) -> None:
    stage = quiet.but(cavity_birefringence=0.0).stage(1)
    # The light shift of one tone alone is smaller; its resonance follows.
    own = quiet.properties
    rabi = own.raman_rabi_v if part == RAMAN[0] else own.raman_rabi_h
    shift = rabi**2 * (4 / 3) / (4 * 403e6)
    unshifted = tones(quiet)[part].frequency - 0.7649e6
    alone = PhotonPulse((Stretch(0, PULSE, {part: Tone(unshifted + shift, 0.0, 1.0)}, None),))
    play(stage, alone)
    reached = stage.ensemble.coherent[0, 0].diagonal().real[1:]
    assert reached.max() > 0.4
    assert reached.min() < 1e-6  # what the ring-down leaves in the cavity is shared alike
    assert (reached.argmax() == 0) == (part == RAMAN[0])


def test_a_tone_far_from_every_resonance_makes_no_photon(quiet: Any) -> None:
    stage = quiet.stage(1)
    mistuned = {part: Tone(tone.frequency + 3e6, 0.0, 1.0) for part, tone in tones(quiet).items()}
    play(stage, PhotonPulse((Stretch(0, PULSE, mistuned, None),)))
    assert stage.ensemble.coherent[0, 0].diagonal().real[1:].sum() < 0.01
