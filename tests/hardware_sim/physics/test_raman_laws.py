"""Laws that photons of the reduced master equation obey whatever the light, and where it is in doubt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raman_models import CAVITY, LINEAR, MINUS, QUIET, TURN, UNEVEN, fidelity, total, tuned

from hardware_sim.physics.cavity import coupling
from hardware_sim.physics.errors import ModelError
from hardware_sim.physics.raman import Drive, RamanModel, doubts, emit, stark_shift

BUSY = replace(
    LINEAR, cavity=replace(CAVITY, birefringence=13.8e3, birefringence_axis=0.11, jitter=10e3), sigma_plus=0.8
)


def test_probability_is_conserved() -> None:
    drives = [
        tuned(BUSY, 7e-6, 20e6, 24e6, (30e3, 0.0)),
        Drive(2e-6, 0.0, 0.0),
        tuned(BUSY, 11.3e-6, 9e6, 3e6),
    ]
    emission = emit(BUSY, drives, np.linspace(0, 1, 5), ring_down=1e-6)
    assert total(emission) == pytest.approx(np.ones(5), abs=1e-12)
    assert emission.inside[1:].min() > 1e-4
    assert emission.lost.min() > 0.01


def test_photons_of_every_bin_are_states() -> None:
    photon = emit(BUSY, [tuned(BUSY, 20e-6, *UNEVEN, (40e3, -40e3))], [0.3, 1.0]).photon
    assert np.array_equal(photon, photon.conj().swapaxes(-1, -2))
    assert np.linalg.eigvalsh(photon).min() > -1e-13


light = st.builds(
    Drive,
    duration=st.floats(0.0, 8e-6),
    rabi_v=st.floats(0.0, 60e6),
    rabi_h=st.floats(0.0, 60e6),
    detuning_v=st.floats(-2e6, 2e6),
    detuning_h=st.floats(-2e6, 2e6),
)


@settings(max_examples=25)
@given(
    drives=st.lists(light, max_size=3),
    scale=st.floats(0.0, 1.0),
    spin=st.floats(0.0, 1.0),
    pi=st.floats(0, 1),
)
def test_whatever_the_light_probabilities_are_probabilities(
    drives: list[Drive], scale: float, spin: float, pi: float
) -> None:
    found = emit(replace(BUSY, pi=pi), drives, scale, step=1e-6, ring_down=1e-6, spin_up=spin)
    parts = (found.probability, found.ground, found.other_ground, found.lost, found.inside)
    assert np.sum(parts) == pytest.approx(1.0, abs=1e-9)
    assert all(-1e-9 <= part[0] <= 1 + 1e-9 for part in parts)
    assert found.wave_packet.min() > -1e-9
    assert np.all(np.diff(found.edges) >= 0)
    assert abs(found.amplitude[0]) <= 1 + 1e-9


@settings(max_examples=15)
@given(whole=light, cut=st.floats(0.0, 1.0), scale=st.floats(0.0, 1.0))
def test_any_drive_may_be_cut_anywhere(whole: Drive, cut: float, scale: float) -> None:
    parts = [replace(whole, duration=whole.duration * share) for share in (cut, 1 - cut)]
    one, two = (emit(BUSY, drives, scale, ring_down=1e-6) for drives in ([whole], parts))
    assert two.photon.sum(axis=1) == pytest.approx(one.photon.sum(axis=1), abs=1e-9)
    assert two.amplitude == pytest.approx(one.amplitude, abs=1e-9)
    assert two.ground == pytest.approx(one.ground, abs=1e-9)


def test_what_comes_later_changes_nothing_before() -> None:
    first = tuned(BUSY, 8e-6, *UNEVEN, (25e3, -60e3))
    one = emit(BUSY, [first], 1.0, ring_down=0.0)
    two = emit(BUSY, [first, Drive(5e-6, 3e6, 50e6, -1e6, 2e6)], 1.0, ring_down=0.0)
    assert np.array_equal(two.photon[:, : one.photon.shape[1]], one.photon)


def test_bins_are_no_longer_than_the_step_and_join() -> None:
    emission = emit(
        BUSY, [Drive(1e-6, 20e6, 20e6), Drive(0.3e-6, 9e6, 9e6)], 1.0, step=0.2e-6, ring_down=1e-6
    )
    assert np.diff(emission.edges).max() <= 0.2e-6 * (1 + 1e-9)
    assert np.diff(emission.edges).min() > 0.1e-6
    assert emission.edges[-1] == pytest.approx(2.3e-6)
    assert emission.edges.size == 5 + 2 + 5 + 1
    assert emission.photon.shape == (1, 12, 4, 4)


def test_splitting_a_drive_changes_nothing() -> None:
    whole = tuned(BUSY, 20e-6, *UNEVEN, (25e3, -60e3))
    parts = [replace(whole, duration=8e-6), replace(whole, duration=0.0), replace(whole, duration=12e-6)]
    one, two = (emit(BUSY, drives, [1.0, 0.6]) for drives in ([whole], parts))
    assert two.edges == pytest.approx(one.edges)
    assert two.photon == pytest.approx(one.photon, abs=1e-13)
    assert two.ground == pytest.approx(one.ground, abs=1e-12)


def test_the_step_is_a_choice_of_resolution_only() -> None:
    drive = tuned(BUSY, 20e-6, *UNEVEN, (25e3, -60e3))
    fine, coarse = (emit(BUSY, [drive], 1.0, step=step) for step in (0.05e-6, 5e-6))
    joined = fine.photon.reshape(1, -1, 100, 4, 4).sum(axis=2)
    assert joined == pytest.approx(coarse.photon, abs=1e-12)


def test_nodes_do_not_know_of_each_other() -> None:
    drive = tuned(BUSY, 10e-6, *UNEVEN)
    together = emit(BUSY, [drive], [0.2, 0.9])
    alone = emit(BUSY, [drive], 0.9)
    assert together.photon[1] == pytest.approx(alone.photon[0], abs=1e-14)


def test_no_light_or_no_coupling_gives_no_photon() -> None:
    dark = emit(LINEAR, [Drive(5e-6, 0.0, 0.0)], [1.0])
    assert dark.ground == pytest.approx([1.0])
    assert dark.probability == pytest.approx([0.0])
    apart = emit(LINEAR, [tuned(LINEAR, 20e-6, *UNEVEN)], [0.0])
    assert apart.probability == pytest.approx([0.0])
    assert apart.other_ground[0] > 0.01


def test_photons_ring_down_with_the_cavity() -> None:
    emission = emit(MINUS, [tuned(MINUS, 20e-6, 16.8e6, 0.0)], 1.0, step=0.1e-6, ring_down=5e-6)
    tail = emission.wave_packet[0, 200:]
    # A photon in the mode may still be scattered by the ion, 0.08 % of its decay.
    assert tail[1:] / tail[:-1] == pytest.approx(np.full(49, np.exp(-2 * TURN * 70e3 * 0.1e-6)), rel=1e-4)


def test_coherence_turns_with_the_beat_of_the_tones() -> None:
    beat = 40e3
    drive = tuned(MINUS, 40e-6, 5e6, 5e6, (beat / 2, -beat / 2))
    emission = emit(MINUS, [drive], 1.0, ring_down=5e-6)
    phase = np.unwrap(np.angle(emission.photon[0, :, 0, 3])) / TURN
    settled = (emission.edges[:-1] > 10e-6) & (emission.edges[1:] <= 40e-6)
    middle = (emission.edges[1:] + emission.edges[:-1]) / 2
    slope = np.polyfit(middle[settled], phase[settled], 1)[0]
    assert slope == pytest.approx(-beat, rel=2e-3)
    # Without light nothing turns but by what the cavity shifts |5V> and |3H>, 0.4 kHz apart.
    g = np.array([coupling(CAVITY, m) for m in (-5 / 2, -3 / 2)])
    rest = np.polyfit(middle[-20:], phase[-20:], 1)[0]
    assert rest == pytest.approx(-(g[0] ** 2 - g[1] ** 2) / MINUS.detuning, rel=0.1)


def test_a_detuned_tone_loses_photons() -> None:
    def photons(offset: float) -> float:
        return float(emit(MINUS, [tuned(MINUS, 50e-6, 10e6, 0.0, (offset, 0.0))], 1.0).probability[0])

    curve = [photons(offset) for offset in (0.0, 50e3, 100e3, 300e3, 7.1e6)]
    assert np.all(np.diff(curve) < 0)
    assert curve[-1] < 1e-3 * curve[0]
    # The cavity shifts |5V> by g²/Δ = -2 kHz: the line is symmetric about where that puts it.
    moved = coupling(CAVITY, -5 / 2) ** 2 / MINUS.detuning
    assert photons(moved - 100e3) == pytest.approx(photons(moved + 100e3), rel=5e-3)
    assert photons(-100e3) > 1.01 * photons(100e3)


def test_only_light_across_the_field_reaches_the_other_ground_state() -> None:
    minus, linear = (emit(model, [tuned(model, 50e-6, *UNEVEN)], 1.0) for model in (MINUS, LINEAR))
    assert minus.other_ground[0] == 0.0
    assert linear.other_ground[0] > 0.02
    assert linear.probability[0] < minus.probability[0] - 0.05


def test_lock_jitter_costs_photons_but_no_purity() -> None:
    steady, shaky = (
        emit(
            replace(MINUS, cavity=replace(CAVITY, jitter=jitter)), [tuned(MINUS, 50e-6, 14.2e6, 16.8e6)], 1.0
        )
        for jitter in (0.0, 10e3)
    )
    assert 0.98 < shaky.probability[0] / steady.probability[0] < 0.998
    before, after = (fidelity(emission.photon[0].sum(axis=0)) for emission in (steady, shaky))
    assert after == pytest.approx(before, abs=1e-6)


def test_lock_jitter_broadens_the_raman_line_by_half_its_rate() -> None:
    # Weak light in a steady state: the photon rate is 2G²/(κ + Γ/2), from the decay of the S-D coherence.
    jitter, rates = 10e3, []
    for cavity in (CAVITY, replace(CAVITY, jitter=jitter)):
        model = replace(QUIET, cavity=cavity)
        rates.append(emit(model, [tuned(model, 40e-6, 0.05e6, 0.0)], 1.0, ring_down=0.0).wave_packet[0, -1])
    assert rates[1] / rates[0] == pytest.approx(70e3 / (70e3 + jitter / 2), rel=1e-4)


@pytest.mark.parametrize("rabi", [4e6, 16.8e6])
def test_birefringence_flips_within_its_bounds(rabi: float) -> None:
    split = 13.8e3
    model = replace(MINUS, cavity=replace(CAVITY, birefringence=split, birefringence_axis=1 / 8))
    state = emit(model, [tuned(model, 60e-6, rabi, 0.0)], 1.0).photon[0].sum(axis=0)
    flipped = (state[1, 1] / np.trace(state)).real
    # A photon that enters at once stays for 1/2κ on average; one of no bandwidth leaks by the full ratio.
    at_once = (1 - 1 / (1 + (split / 140e3) ** 2)) / 2
    narrow = (split / 2) ** 2 / (70e3**2 + (split / 2) ** 2)
    assert at_once < flipped < narrow


def test_birefringence_along_an_axis_flips_nothing() -> None:
    model = replace(MINUS, cavity=replace(CAVITY, birefringence=13.8e3, birefringence_axis=0.0))
    state = emit(model, [tuned(model, 60e-6, 14e6, 16e6)], 1.0).photon[0].sum(axis=0)
    assert state[1, 1] == state[2, 2] == 0


# --- messages -----------------------------------------------------------------------------------------------


def test_a_drive_close_to_resonance_is_refused() -> None:
    with pytest.raises(ModelError) as caught:
        replace(MINUS, detuning=-40e6)
    assert str(caught.value) == (
        "Raman detuning is -4e+07 Hz, but must be 5.745e+07 Hz or more away from P3/2: "
        "the model eliminates P3/2, which needs a far detuned drive"
    )


@pytest.mark.parametrize(
    ("drive", "step", "ring_down", "text"),
    [
        (
            Drive(1e-6, 0, 0),
            0.0,
            0.0,
            "time step is 0 s, but must be above 0 s: it is the length of a time bin",
        ),
        (
            Drive(1e-6, 0, 0),
            1e-6,
            -1e-6,
            "ring-down time is -1e-06 s, but must be 0 s or more: use 0 to stop with the light",
        ),
        (
            Drive(-1e-6, 0, 0),
            1e-6,
            0.0,
            "duration of drive 0 is -1e-06 s, but must be 0 s or more: drives follow each other in time",
        ),
        (
            Drive(1e-6, -1e6, 0),
            1e-6,
            0.0,
            "Rabi frequency of the V tone in drive 0 is -1e+06 Hz, but must be 0 Hz or more: "
            "turn the phase of the tone instead",
        ),
        (
            Drive(1e-6, 200e6, 0),
            1e-6,
            0.0,
            "excited population in drive 0 is 0.054598, but must be 0.05 or less: "
            "lower the Rabi frequencies or detune further, the model eliminates P3/2",
        ),
    ],
)
def test_impossible_arguments_are_refused(drive: Drive, step: float, ring_down: float, text: str) -> None:
    with pytest.raises(ModelError) as caught:
        emit(MINUS, [drive], 1.0, step=step, ring_down=ring_down)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"branching_s": 0.0},
            "branching to S1/2 is 0, but must be above 0, at most 1: it is a share of the decay of P3/2",
        ),
        (
            {"magnetic_field": 0.0},
            "magnetic field is 0 T, but must be above 0 T: "
            "without it the sublevels of D5/2 are one line, and the two tones are the same",
        ),
    ],
)
def test_impossible_models_are_refused(change: dict[str, float], text: str) -> None:
    with pytest.raises(ModelError) as caught:
        replace(MINUS, **change)
    assert str(caught.value) == text


GOOD = tuned(LINEAR, 50e-6, *UNEVEN)


@pytest.mark.parametrize(
    ("model", "drive", "quantity"),
    [
        (LINEAR, tuned(LINEAR, 1e-6, 130e6, 0.0), "excited population"),
        (replace(LINEAR, pi=1.0), tuned(replace(LINEAR, pi=1.0), 1e-6, *UNEVEN), "pi over sigma- light"),
        (LINEAR, replace(GOOD, detuning_v=3e6), "detuning of the V tone from its resonance"),
        (LINEAR, replace(GOOD, detuning_h=-3e6), "detuning of the H tone from its resonance"),
        (LINEAR, tuned(LINEAR, 1e-6, 55e6, 55e6), "phase swing by the beat of the tones"),
        (
            replace(LINEAR, cavity=replace(CAVITY, decay=700e3)),
            GOOD,
            "cavity decay over the beat of the tones",
        ),
        (
            replace(LINEAR, cavity=replace(CAVITY, coupling=15e6)),
            GOOD,
            "Raman coupling over the beat of the tones",
        ),
        (
            replace(LINEAR, detuning=-70e6),
            tuned(replace(LINEAR, detuning=-70e6), 1e-6, 3e6, 3e6),
            "detuning from P3/2",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_strain_of_the_model_is_told(model: RamanModel, drive: Drive, quantity: str) -> None:
    told = doubts(model, [drive])
    assert [doubt.quantity for doubt in told] == [quantity]
    assert told[0].reference == "hardware_sim.physics.reference.emit"


def test_what_was_validated_and_darkness_raise_no_doubts() -> None:
    dark = Drive(1e-6, 0.0, 0.0, 20e6, -20e6)
    assert doubts(LINEAR, [GOOD, dark, replace(GOOD, rabi_v=0.0, detuning_v=30e6)]) == []


def test_the_worst_value_is_told_once_and_in_words() -> None:
    (told,) = doubts(LINEAR, [replace(GOOD, detuning_v=offset) for offset in (2e6, 4e6, 3e6)])
    shift = stark_shift(LINEAR, replace(GOOD, detuning_v=4e6))
    assert told.value == pytest.approx(4e6 + shift)
    assert str(told) == (
        "model 'photon' is outside its validated range: detuning of the V tone from its resonance is "
        "3.23 MHz, validated to 500 kHz; hardware_sim.physics.reference.emit solves the same without this "
        "approximation"
    )


def test_tones_that_coincide_are_in_doubt_but_answered() -> None:
    merged = replace(GOOD, detuning_h=GOOD.detuning_v - LINEAR.splitting)
    assert "cavity decay over the beat of the tones" in [doubt.quantity for doubt in doubts(LINEAR, [merged])]
    assert total(emit(LINEAR, [merged], 1.0))[0] == pytest.approx(1.0, abs=1e-12)
