"""Detectors against closed forms: dead time, afterpulses, jitter, and streams of many shots."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware_sim.physics.detectors import Detector, Stream, join_streams, observed_rate
from hardware_sim.physics.errors import ModelError

NS, US, MS, S = 10**3, 10**6, 10**9, 10**12  # ps
EVER = 1 << 60


def poisson(rate: float, length: int, shots: int = 1, seed: int = 1) -> Stream:
    """Return arrivals at a rate (1/s) in each of some shots, for a length in ps."""
    rng = np.random.default_rng(seed)
    shot = np.repeat(np.arange(shots), rng.poisson(rate * length / S, shots))
    return Stream(shot, rng.integers(0, length, len(shot)))


def seen(
    detector: Detector, arrivals: Stream, shots: int = 1, ready: int = 0, until: int = EVER
) -> tuple[Stream, Stream]:
    rng = np.random.default_rng(7)
    return detector.click(rng, arrivals, np.full(shots, ready), np.full(shots, until))


def one_by_one(arrivals: Stream, dead: int, ready: int = 0) -> list[tuple[int, int]]:
    """Return the clicks of a plain loop over all arrivals."""
    able: dict[int, int] = {}
    clicks = []
    for time, shot in sorted(zip(arrivals.time.tolist(), arrivals.shot.tolist(), strict=True)):
        if time >= able.get(shot, ready):
            clicks.append((shot, time))
            able[shot] = time + dead
    return sorted(clicks)


@pytest.mark.parametrize("rate", [1e4, 3e5, 1e6, 1e7])
def test_a_true_rate_is_seen_as_dead_time_lets_through(rate: float) -> None:
    clicks, _ = seen(Detector(dead_time=1e-6), poisson(rate, S // 10))
    expected = observed_rate(rate, 1e-6) / 10
    # Dead time makes counts more regular than a Poisson process: its sigma is an upper bound. Five of them.
    assert len(clicks.time) == pytest.approx(expected, abs=5 * expected**0.5)
    assert expected == pytest.approx(rate / (1 + rate * 1e-6) / 10)


def test_dead_time_makes_counts_regular() -> None:
    # The variance of counts is the mean over (1 + r tau)^2 (Knoll, ch. 4). 4000 shots: 2.2 % of sigma.
    shots, rate = 4000, 2e6
    clicks, _ = seen(Detector(dead_time=1e-6), poisson(rate, 100 * US, shots), shots)
    counts = np.bincount(clicks.shot, minlength=shots)
    assert counts.var() / counts.mean() == pytest.approx(1 / 3**2, rel=0.12)


def test_intervals_begin_at_the_dead_time_and_fall_exponentially() -> None:
    clicks, _ = seen(Detector(dead_time=1e-6), poisson(1e6, S // 5))
    gaps = np.diff(clicks.time)
    assert gaps.min() >= US
    beyond = (gaps - US) / US
    # Mean and median of an exponential distribution; 100 000 intervals.
    assert beyond.mean() == pytest.approx(1.0, abs=0.02)
    assert np.median(beyond) == pytest.approx(np.log(2), abs=0.02)


@settings(deadline=None)
@given(
    times=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 500)), max_size=60),
    dead=st.integers(0, 120),
    ready=st.integers(0, 200),
)
def test_streams_of_many_shots_are_what_a_loop_over_arrivals_makes(
    times: list[tuple[int, int]], dead: int, ready: int
) -> None:
    columns = np.array(times, dtype=np.int64).reshape(-1, 2).T
    arrivals = Stream(columns[0], columns[1])
    clicks, later = seen(Detector(dead_time=dead * 1e-12), arrivals, 4, ready)
    found = [*zip(clicks.shot.tolist(), clicks.time.tolist(), strict=True)]
    assert found == one_by_one(arrivals, dead, ready)
    assert len(later.shot) == 0


def test_a_perfect_detector_clicks_for_every_arrival() -> None:
    arrivals = poisson(1e7, MS, 5)
    clicks, later = seen(Detector(), arrivals, 5)
    assert sorted(clicks.time.tolist()) == sorted(arrivals.time.tolist())
    assert len(later.time) == 0


def test_a_detector_that_is_dead_when_a_stream_begins_misses_its_beginning() -> None:
    arrivals = Stream(np.zeros(3, dtype=np.int64), np.array([10, 40, 70]))
    clicks, _ = seen(Detector(dead_time=20e-12), arrivals, ready=30)
    assert clicks.time.tolist() == [40, 70]


def test_shots_far_apart_in_time_do_not_disturb_each_other() -> None:
    # Lab time of the last shots of a long run: 10^16 ps, with a million shots.
    shots = 1_000_000
    start = np.arange(shots) * (10**16 // shots)
    shot = np.repeat(np.arange(shots), 2)
    arrivals = Stream(shot, start[shot] + np.tile([0, 30 * NS], shots))
    clicks, _ = Detector(dead_time=50e-9).click(
        np.random.default_rng(1), arrivals, np.zeros(shots, dtype=np.int64), np.full(shots, EVER)
    )
    assert np.array_equal(clicks.time, start)


@pytest.mark.parametrize("dead", [0.0, 50e-9, 200e-9])
def test_afterpulses_follow_clicks_with_their_probability_unless_the_detector_is_dead(dead: float) -> None:
    shots, chance, delay = 200_000, 0.1, 100e-9
    arrivals = Stream(np.arange(shots), np.zeros(shots, dtype=np.int64))
    detector = Detector(dead_time=dead, afterpulsing=chance, afterpulse_time=delay)
    clicks, _ = seen(detector, arrivals, shots)
    # Each click is followed by another one with the probability that its afterpulse outlasts the dead time.
    again = chance * np.exp(-dead / delay)
    sigma = (again / shots) ** 0.5
    # Two afterpulses of one shot may fall into each other's dead time, which is of third order.
    assert len(clicks.shot) / shots - 1 == pytest.approx(again / (1 - again), abs=5 * sigma + again**3)


def test_the_delay_of_afterpulses_is_exponential() -> None:
    shots = 200_000
    arrivals = Stream(np.arange(shots), np.zeros(shots, dtype=np.int64))
    detector = Detector(dead_time=50e-9, afterpulsing=0.2, afterpulse_time=100e-9)
    clicks, _ = seen(detector, arrivals, shots)
    again = clicks.shot[1:] == clicks.shot[:-1]
    gaps = np.diff(clicks.time)[again] / NS
    assert gaps.min() >= 50
    assert (gaps - 50).mean() == pytest.approx(100, rel=0.02)


def test_an_afterpulse_makes_the_detector_dead_for_light() -> None:
    # One arrival at 0, one of light 10 us later; with afterpulses just before it, it is missed as often as
    # the afterpulse falls into the 2 us before.
    shots, chance, delay, dead = 100_000, 0.5, 5e-6, 2e-6
    shot = np.repeat(np.arange(shots), 2)
    arrivals = Stream(shot, np.tile([0, 10 * US], shots))
    detector = Detector(dead_time=dead, afterpulsing=chance, afterpulse_time=delay)
    clicks, _ = seen(detector, arrivals, shots, until=10 * US)
    missed = 1 - np.count_nonzero(clicks.time == 10 * US) / shots
    first = chance * (np.exp(-8 / 5) - np.exp(-10 / 5))
    # The afterpulse of an afterpulse: its own density at t is the convolution, chance^2 (t - dead) / delay^2
    # exp(-t / delay), from the first one's end of dead time on.
    time = np.linspace(8.0, 10.0, 2001)
    second = np.trapezoid(chance**2 * (time - 2 * 2) / 25 * np.exp(-time / 5), time)
    third = np.trapezoid(chance**3 * (time - 3 * 2) ** 2 / 250 * np.exp(-time / 5), time)
    assert missed == pytest.approx(first + second + third, abs=0.004)


def test_what_is_released_beyond_the_end_is_kept_for_later() -> None:
    shots, chance = 200_000, 0.1
    arrivals = Stream(np.arange(shots), np.zeros(shots, dtype=np.int64))
    detector = Detector(dead_time=50e-9, afterpulsing=chance, afterpulse_time=100e-9)
    clicks, later = seen(detector, arrivals, shots, until=100 * NS)
    assert clicks.time.max() <= 100 * NS
    assert later.time.min() > 100 * NS
    # All that the first clicks release, and next to nothing else, as few have afterpulses of afterpulses.
    inside = chance * (np.exp(-0.5) - np.exp(-1.0))
    assert (len(clicks.shot) - shots) / shots == pytest.approx(inside, abs=5 * (inside / shots) ** 0.5)
    beyond = chance * np.exp(-1.0) * (1 + inside)
    assert len(later.shot) / shots == pytest.approx(beyond, abs=0.004)


def test_an_avalanche_diode_counts_light_dark_counts_and_afterpulses() -> None:
    # 20 kcps of light and 500 dark counts a second on a detector with 1 us of dead time and 3 % afterpulses.
    shots, length = 200, 10 * MS
    diode = Detector(jitter=350e-12, dead_time=1e-6, afterpulsing=0.03, afterpulse_time=2e-6)
    arrivals = join_streams([poisson(20e3, length, shots, 2), poisson(500.0, length, shots, 3)])
    clicks, _ = seen(diode, arrivals, shots, until=length)
    alive = 0.03 * np.exp(-0.5)
    rate = observed_rate(20.5e3 / (1 - alive), 1e-6)
    expected = rate * 10e-3
    assert len(clicks.shot) / shots == pytest.approx(expected, abs=6 * (expected / shots) ** 0.5)


def test_jitter_is_gaussian_with_its_rms() -> None:
    rng, clicks = np.random.default_rng(3), 100_000
    exact = Stream(np.zeros(clicks, dtype=np.int64), np.full(clicks, MS))
    noticed = Detector(jitter=50e-12).blur(rng, exact)
    error = (noticed.time - MS).astype(float)
    assert error.mean() == pytest.approx(0.0, abs=5 * 50 / clicks**0.5)
    assert error.std() == pytest.approx(50.0, rel=0.02)
    assert (np.abs(error) < 50).mean() == pytest.approx(0.683, abs=0.008)
    assert np.array_equal(noticed.shot, exact.shot)


def test_a_perfect_clock_shows_every_click_in_its_time() -> None:
    exact = poisson(1e6, MS)
    assert np.array_equal(Detector().blur(np.random.default_rng(1), exact).time, exact.time)


def test_memory_covers_all_that_blinds_a_gate() -> None:
    assert Detector(dead_time=50e-9).memory >= 50e-9
    assert Detector(afterpulsing=0.1, afterpulse_time=1e-6).memory >= 5e-6
    assert Detector().memory == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"jitter": -1e-12}, "detector jitter is -1e-12 s, but must be 0 s or more: it is a length of time"),
        ({"dead_time": -1.0}, "detector dead time is -1 s, but must be 0 s or more: it is a length of time"),
        (
            {"afterpulsing": 1.0},
            "detector afterpulsing is 1, but must be from 0 to below 1: "
            "a click that always makes another one would never end",
        ),
        (
            {"afterpulse_time": 0.0},
            "detector afterpulse time is 0 s, but must be above 0 s: it is a mean delay",
        ),
    ],
)
def test_impossible_detectors_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError) as caught:
        Detector(**wrong)
    assert str(caught.value) == message
