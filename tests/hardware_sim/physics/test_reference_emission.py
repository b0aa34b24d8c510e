"""Laws that the full master equation keeps, and that its numerical method is exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hardware_sim.physics import raman, reference
from hardware_sim.physics.cavity import Cavity
from hardware_sim.physics.errors import ModelError
from hardware_sim.physics.raman import Drive, RamanModel
from hardware_sim.physics.reference import FullEmission, jumps

CAVITY = Cavity(1.53e6, 70e3, 90e-6, 116e-6, 12.31e-6, 854.209e-9, 85.3 / 360, 13.8e3, 0.07, 10e3)
MODEL = RamanModel(CAVITY, -403e6, sigma_plus=0.9, pi=0.2)
PULSE = Drive(1.5e-6, 40e6, 45e6, 2.8e6, 2.7e6)


def everything(found: FullEmission) -> np.ndarray:
    left = found.probability + found.elsewhere.sum(axis=(1, 2))
    return np.asarray(left + found.ground + found.other_ground + found.excited + found.lost + found.inside)


def test_all_outcomes_together_are_certain() -> None:
    found = reference.emit(MODEL, [PULSE], [1.0, 0.0], ring_down=0.3e-6, spin_up=[0.2, 0.6])
    assert everything(found) == pytest.approx([1.0, 1.0], abs=1e-6)
    assert found.lost_to.sum(axis=1) == pytest.approx(found.lost)
    assert found.probability[0] > 0.02 > found.probability[1] == pytest.approx(0.0, abs=1e-12)
    assert np.linalg.eigvalsh(found.photon).min() > -1e-9
    assert found.elsewhere.min() >= -1e-9


@pytest.mark.slow
def test_the_order_of_nodes_is_that_of_the_question() -> None:
    short = replace(PULSE, duration=0.4e-6)
    spins = [0.1, 0.5, 0.9]
    three = reference.emit(MODEL, [short], [0.8, 0.3, 0.8], ring_down=0.0, spin_up=spins)
    for node, (scale, spin) in enumerate(zip([0.8, 0.3, 0.8], spins, strict=True)):
        one = reference.emit(MODEL, [short], scale, ring_down=0.0, spin_up=spin)
        assert three.photon[node] == pytest.approx(one.photon[0], abs=1e-13)
        assert three.ground[node] == pytest.approx(one.ground[0], abs=1e-12)
        assert three.amplitude[node] == pytest.approx(one.amplitude[0], abs=1e-12)


@pytest.mark.slow
def test_a_drive_may_be_cut_anywhere() -> None:
    parts = [replace(PULSE, duration=share * 1.5e-6) for share in (0.21, 0.0, 0.79)]
    one, two = (reference.emit(MODEL, drives, 1.0, ring_down=0.1e-6) for drives in ([PULSE], parts))
    assert two.photon.sum(axis=1) == pytest.approx(one.photon.sum(axis=1), abs=2e-6)
    assert two.ground == pytest.approx(one.ground, abs=1e-7)
    assert two.amplitude == pytest.approx(one.amplitude, abs=1e-7)


@pytest.mark.slow
def test_shorter_intervals_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    coarse = reference.emit(MODEL, [PULSE], 1.0, ring_down=0.0)
    monkeypatch.setattr(jumps, "LONGEST", 3e-9)
    fine = reference.emit(MODEL, [PULSE], 1.0, ring_down=0.0)
    assert coarse.photon.sum(axis=1) == pytest.approx(fine.photon.sum(axis=1), abs=2e-6)
    assert coarse.ground == pytest.approx(fine.ground, abs=1e-7)
    assert coarse.lost_to == pytest.approx(fine.lost_to, abs=1e-7)


@pytest.mark.slow
def test_beats_that_are_too_long_to_learn_are_played_through() -> None:
    # Tones 50 kHz apart: what is played through bin by bin is what faster beats tend to.
    slow = Drive(0.5e-6, 40e6, 45e6, 2.8e6, 2.8e6 - MODEL.splitting + 50e3)
    joined = replace(slow, rabi_v=85e6, rabi_h=0.0)
    two = reference.emit(MODEL, [slow], 1.0, ring_down=0.0)
    one = reference.emit(MODEL, [joined], 1.0, ring_down=0.0)
    assert everything(two) == pytest.approx([1.0], abs=1e-6)
    assert two.lost == pytest.approx(one.lost, rel=2e-3)  # they are nearly one tone of 85 MHz for 0.5 us


def test_in_the_dark_nothing_happens() -> None:
    found = reference.emit(MODEL, [Drive(1e-6, 0.0, 0.0)], 1.0, ring_down=0.0, spin_up=0.25)
    assert found.ground[0] == pytest.approx(0.75, abs=1e-12)
    assert found.other_ground[0] == pytest.approx(0.25, abs=1e-12)
    assert found.edges == pytest.approx(np.linspace(0, 1e-6, 6))


def test_bins_are_whole_beats_and_join() -> None:
    found = reference.emit(MODEL, [PULSE], 1.0, ring_down=0.4e-6)
    widths = np.diff(found.edges)
    beat = MODEL.splitting + PULSE.detuning_h - PULSE.detuning_v
    assert widths[:10] == pytest.approx(np.full(10, 1 / beat))
    assert widths.min() > 0
    assert widths.max() <= 0.2e-6 * (1 + 1e-9)
    assert found.edges[-1] == pytest.approx(1.9e-6)
    assert found.photon.shape == (1, len(widths), 4, 4)


def test_one_tone_on_a_closed_transition_scatters_as_two_levels_do() -> None:
    # Without a cavity, σ- light on S(-1/2)-P(-3/2): steady state of a two-level atom that always comes back.
    model = replace(MODEL, sigma_plus=0.0, pi=0.0, branching_s=1.0, detuning=-60e6)
    rabi = 40e6
    found = reference.emit(model, [Drive(1e-6, rabi, 0.0)], 0.0, ring_down=0.0)
    saturation = (rabi / 2) ** 2 / (60e6**2 + 11.49e6**2) * 2
    assert found.excited[0] == pytest.approx(saturation / 2 / (1 + saturation), rel=1e-6)
    assert found.lost[0] == 0.0


def test_what_it_refuses_is_what_the_reduced_model_refuses() -> None:
    for drives, step in (([Drive(-1e-6, 0, 0)], 1e-6), ([Drive(1e-6, -1e6, 0)], 1e-6), ([], 0.0)):
        texts = []
        for solve in (raman.emit, reference.emit):
            with pytest.raises(ModelError) as caught:
                solve(MODEL, drives, 1.0, step=step)
            texts.append(str(caught.value))
        assert texts[0] == texts[1]
