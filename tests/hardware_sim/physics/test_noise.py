"""Paths, lines and phases: their laws, and that they are functions of time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_sim.physics.noise import Lines, Path, WanderingPhase, flicker_lines, mains_lines

MANY = 4000
SIGMAS = 5  # of every statistical bound here: a false alarm in 2 million


def paths(make: str, *values: float, spacing: float = 1.0) -> list[Path]:
    """Return many independent paths."""
    sources = np.random.default_rng(11).spawn(MANY)
    return [getattr(Path, make)(source, *values, spacing=spacing) for source in sources]


def close(sample: np.ndarray, rms: float) -> bool:
    """Tell whether a Gaussian sample has an rms, within `SIGMAS` standard errors."""
    return bool(abs(np.sqrt((sample**2).mean()) / rms - 1) < SIGMAS / math.sqrt(2 * len(sample)))


@given(
    times=st.lists(st.floats(0, 5000), min_size=1, max_size=20),
    cuts=st.lists(st.integers(0, 20), max_size=5),
    memory=st.sampled_from([0.0, 3.0, 500.0]),
)
def test_a_path_is_a_function_of_time_however_it_is_asked(
    times: list[float], cuts: list[int], memory: float
) -> None:
    def path() -> Path:
        rng = np.random.default_rng(3)
        return Path.confined(rng, 2.0, memory) if memory else Path.walk(rng, 2.0, age=100.0)

    whole = path().at(np.array(times))
    asked = path()
    parts = [asked.at(part) for part in np.split(np.array(times), sorted(cuts))]
    assert np.array_equal(np.concatenate(parts), whole)
    assert np.array_equal(asked.at(np.array(times)), whole)


def test_a_walk_grows_with_the_root_of_time_from_its_calibration_on() -> None:
    walks = paths("walk", 3.0)
    values = np.array([walk.at(np.array([0.0, 7.0, 100.0, 400.0])) for walk in walks])
    assert not values[:, 0].any()
    for column, time in ((1, 7.0), (2, 100.0), (3, 400.0)):
        assert close(values[:, column], 3.0 * math.sqrt(time))
    # Increments are independent of what came before: 300 s more, whatever the first 100 s brought.
    more = values[:, 3] - values[:, 2]
    assert close(more, 3.0 * math.sqrt(300.0))
    assert abs(np.corrcoef(more, values[:, 2])[0, 1]) < SIGMAS / math.sqrt(MANY)


def test_a_walk_that_has_an_age_starts_where_that_took_it() -> None:
    values = np.array([walk.at(np.array([0.0, 50.0])) for walk in paths("walk", 2.0, 900.0)])
    assert close(values[:, 0], 60.0)
    assert close(values[:, 1], 2.0 * math.sqrt(950.0))


@pytest.mark.parametrize("spacing", [1.0, 0.25])
def test_an_ornstein_uhlenbeck_process_keeps_its_rms_and_forgets_exponentially(spacing: float) -> None:
    processes = paths("confined", 4.0, 20.0, spacing=spacing)
    values = np.array([process.at(np.array([0.0, 20.0, 50.0])) for process in processes])
    for column in range(3):
        assert close(values[:, column], 4.0)
    for one, other, elapsed in ((0, 1, 20.0), (1, 2, 30.0)):
        correlation = np.corrcoef(values[:, one], values[:, other])[0, 1]
        assert correlation == pytest.approx(math.exp(-elapsed / 20.0), abs=SIGMAS / math.sqrt(MANY))


@given(seed=st.integers(0, 50), ends=st.tuples(st.floats(0, 0.3), st.floats(0, 0.3)))
def test_the_integral_of_lines_is_that_of_what_they_are_in_between(
    seed: int, ends: tuple[float, float]
) -> None:
    rng, shots = np.random.default_rng(seed), np.arange(3)
    lines = Lines(*rng.random((3, 3, 4)) * np.array([1.0, 60.0, 1.0])[:, None, None] + 0.1)
    start, stop = sorted(ends)
    middles = start + (stop - start) * (np.arange(2000) + 0.5) / 2000
    values = lines.at(np.repeat(shots, 2000), np.tile(middles, 3)).reshape(3, 2000)
    numeric = values.mean(axis=1) * (stop - start)
    exact = lines.integral(shots, np.full(3, stop)) - lines.integral(shots, np.full(3, start))
    assert exact == pytest.approx(numeric, abs=1e-3 * max(stop - start, 1e-9) + 1e-12)


def test_lines_that_are_slow_against_a_shot_act_as_constants() -> None:
    lines = Lines(np.array([[2.0]]), np.array([[1e-9]]), np.array([[0.125]]))
    exact = 2.0 * math.cos(math.pi / 4) * 5e-3
    assert lines.integral(np.array([0]), np.array([5e-3]))[0] == pytest.approx(exact, rel=1e-5)


def test_mains_lines_cross_zero_upwards_with_the_line_voltage() -> None:
    crossed = np.array([0.0, 5e-3, 12e-3])
    lines = mains_lines({1: 3.0, 3: 1.0, 5: 0.0}, 50.0, crossed)
    assert lines.amplitude.shape == (3, 2)
    assert len(lines) == 2
    shots, later = np.arange(3), np.full(3, 2e-3)
    expected = [
        3 * math.sin(2 * math.pi * 50 * (t + 2e-3)) + math.sin(2 * math.pi * 150 * (t + 2e-3))
        for t in crossed
    ]
    assert lines.at(shots, later) == pytest.approx(expected)
    assert lines.at(shots[:1], np.zeros(1)) == pytest.approx(0.0, abs=1e-12)
    assert lines.at(shots[:1], np.full(1, 1e-4))[0] > 0


def test_flicker_has_the_same_power_in_every_decade() -> None:
    shots = 40_000
    lines = flicker_lines(np.random.default_rng(2), shots, 0.5, 1.0, 1000.0)
    power = lines.amplitude**2 / 2
    for low in (1.0, 10.0, 100.0):
        inside = (lines.frequency >= low) & (lines.frequency < 10 * low)
        # Exponential powers of two lines a shot, each 0.25 / 2 on average.
        error = SIGMAS / math.sqrt(2 * shots)
        assert (power * inside).sum(axis=1).mean() == pytest.approx(0.25, rel=error)
    now = lines.at(np.arange(shots), np.full(shots, 0.37))
    assert close(now, 0.5 * math.sqrt(3))
    assert abs((now**4).mean() / (now**2).mean() ** 2 - 3) < SIGMAS * math.sqrt(24 / shots)


@pytest.mark.parametrize(("rms", "low", "high"), [(0.0, 1.0, 1e3), (1.0, 1e3, 1e3), (1.0, 1e4, 1e3)])
def test_a_spectrum_without_width_or_power_has_no_lines(rms: float, low: float, high: float) -> None:
    assert flicker_lines(np.random.default_rng(2), 5, rms, low, high).amplitude.shape == (5, 0)


def test_the_phase_of_a_laser_spreads_with_its_line_width() -> None:
    shots = np.arange(40_000)
    phase = WanderingPhase(np.random.default_rng(9), 100.0, len(shots))
    assert not phase.at(shots, np.zeros(len(shots))).any()
    early = phase.at(shots, np.full(len(shots), 1e-3))
    late = phase.at(shots, np.full(len(shots), 5e-3))
    assert close(early, math.sqrt(100.0 * 1e-3 / (2 * math.pi)))
    assert close(late - early, math.sqrt(100.0 * 4e-3 / (2 * math.pi)))
    # The line: <exp(i dphi)> falls by exp(-pi linewidth t), which is a Lorentzian of this full width.
    assert np.cos(2 * np.pi * early).mean() == pytest.approx(math.exp(-math.pi * 0.1), abs=0.01)
    assert np.array_equal(phase.at(shots, np.full(len(shots), 5e-3)), late)
    assert np.array_equal(phase.at(shots[:3], np.full(3, 1e-3)), late[:3])


def test_shots_are_asked_apart_from_each_other() -> None:
    phase = WanderingPhase(np.random.default_rng(9), 1e3, 4)
    some = phase.at(np.array([1, 3]), np.array([1e-3, 2e-3]))
    assert some.all()
    assert not phase.at(np.array([0, 2]), np.zeros(2)).any()
    assert np.array_equal(phase.at(np.array([1, 3]), np.array([1e-3, 2e-3])), some)
