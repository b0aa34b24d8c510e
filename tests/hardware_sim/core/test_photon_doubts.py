"""Photon generation outside of the range of its model is told, once and for the ion that is meant."""

from __future__ import annotations

from typing import Any

from sequences.language import parallel, serial
from sequences.library import doppler_cool, generate_photon, optical_pump


def played(lab: Any, ions: int = 1, points: int = 1, runs: int = 1) -> list[tuple[str, ...]]:
    """Return the notes of some points, of each run, at which an ion is asked for a photon."""
    core = lab.core(ions, 1)
    pulse = serial(
        doppler_cool(lab.node, 2e-3), optical_pump(lab.node, 20e-6), generate_photon(lab.node, 50e-6, 55e-6)
    )
    program = lab.program(pulse)
    notes = []
    for _ in range(runs):
        core.load(ions, lab.surroundings())
        notes += [tuple(core.play(program, 3, lab.surroundings()).notes) for _ in range(points)]
    return notes


def test_the_shipped_node_gives_rise_to_no_doubt(innsbruck: Any) -> None:
    assert played(innsbruck) == [()]


def test_neighbours_in_the_halo_give_rise_to_no_doubt(innsbruck: Any) -> None:
    assert played(innsbruck, ions=3) == [()]


def test_light_that_is_too_strong_for_the_model_is_told_once(innsbruck: Any) -> None:
    lab = innsbruck.but(raman_rabi_v=110e6, raman_rabi_h=100e6)
    first, second = played(lab, points=2)
    (told,) = [note for note in first if "excited population" in note]
    assert told.startswith("model 'photon' is outside its validated range: excited population is 0.0")
    assert "validated to 0.02" in told
    assert second == ()


def test_the_next_run_is_told_the_same_doubts(innsbruck: Any) -> None:
    lab = innsbruck.but(raman_rabi_v=110e6, raman_rabi_h=100e6)
    first, second, third, fourth = played(lab, points=2, runs=2)
    assert any("excited population" in note for note in first)
    assert third == first
    assert second == fourth == ()


def test_tones_far_from_every_resonance_are_told(innsbruck: Any) -> None:
    lab = innsbruck.believing(raman_h_frequency=innsbruck.node.calibration.raman_h_frequency + 3e6)
    (notes,) = played(lab)
    assert any("detuning of the H tone from its resonance is" in note for note in notes)
    assert not any("V tone" in note for note in notes)


def test_a_dark_tone_is_no_doubt(innsbruck: Any) -> None:
    belief = innsbruck.node.calibration
    alone = parallel(innsbruck.node.raman_v.pulse(50e-6, belief.raman_v_frequency))
    record = innsbruck.play(serial(optical_pump(innsbruck.node, 20e-6), alone), 3)
    assert not any("H tone" in note for note in record.notes)
