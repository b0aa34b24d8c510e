"""Light and camera on the stage: counts tell states, and looking projects them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hardware_sim.core.ensemble import D3, D5, METASTABLE_D3, METASTABLE_D5, S_UP, S
from hardware_sim.core.illumination import illuminate, watch_empty_trap
from hardware_sim.core.signals import Stretch, Tone
from hardware_sim.core.stage import Stage

US = 10**6  # ps
EXPOSURE = 1500 * US


def light(lab: Any, *parts: str) -> dict[str, Tone]:
    belief = lab.node.calibration
    known = {
        "doppler beam": belief.doppler_frequency,
        "repump beam": belief.repump_frequency,
        "quench beam": belief.quench_frequency,
    }
    return {part: Tone(known[part], 0.0, 1.0) for part in parts}


def expose(lab: Any, stage: Stage, *parts: str, start: int = 0, duration: int = EXPOSURE) -> np.ndarray:
    """Take one exposure and return its counts (shots, ions)."""
    before = stage.recorder.counts["nothing"].copy()
    every = np.arange(len(stage.ensemble.clock_ps))
    illuminate(stage, every, Stretch(start, start + duration, light(lab, *parts), 0))
    return stage.recorder.counts["nothing"] - before


def in_levels(stage: Stage, coherent: np.ndarray, *other: float) -> Stage:
    stage.ensemble.start(np.zeros(len(stage.ensemble.clock_ps), dtype=np.int64))
    stage.ensemble.coherent[:] = coherent
    stage.ensemble.other[:] = other
    return stage


def test_bright_and_dark_ions_count_as_published(quiet: Any) -> None:
    # Published: 14 kcps over 1 kcps of background. Each mean of 2000 Poisson counts within six sigma.
    for level, rate in ((S, 15e3), (D5, 1e3)):
        state = np.zeros((3, 3))
        state[level, level] = 1.0
        stage = in_levels(quiet.stage(2000), state, 0, 0, 0)
        counts = expose(quiet, stage, "doppler beam", "repump beam")
        expected = rate * 1.5e-3
        # Beside: some ions decay meanwhile, and the efficiency is given with two digits.
        assert counts.mean() == pytest.approx(expected, abs=0.03 * expected + 6 * (expected / 2000) ** 0.5)


def test_looking_twice_finds_the_same(quiet: Any) -> None:
    state = np.zeros((3, 3), dtype=complex)
    state[np.ix_([S, D3], [S, D3])] = 0.5
    stage = in_levels(quiet.stage(2000), state, 0, 0, 0)
    first = expose(quiet, stage, "doppler beam", "repump beam") >= 8
    second = expose(quiet, stage, "doppler beam", "repump beam", start=EXPOSURE) >= 8
    # Six sigma of the binomial; then 0.13 % of the dark ones decay in each exposure.
    assert first.mean() == pytest.approx(0.5, abs=6 * 0.5 / 2000**0.5)
    assert (first != second).mean() < 0.01


def test_looking_projects_as_if_the_coherence_had_never_been(quiet: Any) -> None:
    shots = 40_000
    rng = np.random.default_rng(3)
    factor = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    state = factor @ factor.conj().T
    state *= 0.8 / np.trace(state).real
    stage = in_levels(quiet.stage(shots), state, 0.1, 0.06, 0.04)
    expose(quiet, stage, "doppler beam", "repump beam", duration=100_000)  # too short to count or to decay
    seen, rest = stage.ensemble.coherent[:, 0], stage.ensemble.other[:, 0]
    total = np.einsum("sii->s", seen).real + rest.sum(axis=1)
    assert np.abs(total - 1).max() < 1e-9
    dark = rest[:, S_UP] < 1e-12
    assert dark.mean() == pytest.approx(state[1, 1].real + state[2, 2].real + 0.04, abs=5 * 0.5 / shots**0.5)
    # What D5/2 is, and its inner coherence, stays on average; a bright ion is never in D5/2 at all.
    mean = seen.mean(axis=0)
    assert np.abs(mean[1:, 1:] - state[1:, 1:]).max() < 5 / shots**0.5
    assert rest[:, METASTABLE_D5].mean() == pytest.approx(0.04, abs=5 * 0.2 / shots**0.5)
    assert np.abs(seen[:, S, 1:]).max() == 0
    assert np.abs(seen[~dark, 1:, 1:]).max() == 0


def test_without_repumper_ions_go_dark_at_once(quiet: Any) -> None:
    state = np.diag([1.0, 0, 0])
    stage = in_levels(quiet.stage(500), state, 0, 0, 0)
    assert expose(quiet, stage, "doppler beam").mean() < 0.3 * 22.5
    assert stage.ensemble.other[..., METASTABLE_D3].min() > 0.99


def test_a_camera_in_the_dark_sees_the_background_and_disturbs_nothing(quiet: Any) -> None:
    plus = np.zeros((3, 3))
    plus[np.ix_([S, D3], [S, D3])] = 0.5
    stage = in_levels(quiet.stage(2000), plus, 0, 0, 0)
    counts = expose(quiet, stage)
    assert counts.mean() == pytest.approx(1.5, abs=6 * (1.5 / 2000) ** 0.5)
    assert np.abs(stage.ensemble.coherent[:, 0, S, D3]).min() > 0.49


def test_quenched_ions_shine_and_are_quenched_once(quiet: Any) -> None:
    state = np.zeros((3, 3))
    state[D5, D5] = 1.0
    stage = in_levels(quiet.stage(500), state, 0, 0, 0)
    counts = expose(quiet, stage, "doppler beam", "repump beam", "quench beam")
    assert counts.mean() > 15
    assert stage.ensemble.coherent[:, 0, D5, D5].real.max() == 0.0


def test_a_dark_ion_that_stayed_dark_has_not_decayed(quiet: Any) -> None:
    state = np.zeros((3, 3))
    state[D5, D5] = 1.0
    stage = in_levels(quiet.stage(200), state, 0, 0, 0)
    expose(quiet, stage, "doppler beam", "repump beam", duration=100_000 * US)  # 8 % decay in 100 ms
    stage.ensemble.evolve(np.arange(200), slice(None), 100_000 * US)
    left = stage.ensemble.coherent[:, 0, D5, D5].real
    assert set(left.round(9).tolist()) == {0.0, 1.0}
    # Poisson: 16 of 200 expected; below 1 or above 45 with a probability below 1e-6.
    assert 1 <= (left == 0).sum() <= 45


def test_light_of_one_ion_falls_on_its_neighbours_region(quiet: Any) -> None:
    stage = quiet.but(camera_spread=10e-6).stage(500, ions=2)
    stage.ensemble.start(np.zeros(500, dtype=np.int64))
    stage.ensemble.coherent[:, 1] = np.diag([0, 1.0, 0])
    bright, dark = expose(quiet, stage, "doppler beam", "repump beam").mean(axis=0)
    # The ions are 13 um apart; 1.5 counts are background.
    assert bright > dark + 1
    assert dark > 2.5


def test_an_empty_trap_shows_the_background(quiet: Any) -> None:
    stage = quiet.stage(2000, ions=3)
    every = np.arange(2000)
    watch_empty_trap(stage, every, Stretch(0, EXPOSURE, light(quiet, "doppler beam"), 0))
    watch_empty_trap(stage, every, Stretch(EXPOSURE, 2 * EXPOSURE, light(quiet, "doppler beam"), None))
    assert stage.recorder.counts["nothing"].mean() == pytest.approx(1.5, abs=6 * (1.5 / 6000) ** 0.5)
