"""g2: normalised, without background, with dead time; errors as large as they say."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from data.analysis.delays import DelayBins, PairHistogram
from data.analysis.estimates import Estimate
from data.analysis.g2 import normalise_g2, pulsed_g2, signal_share
from data.analysis.pairs import count_pairs
from data.analysis.ratios import poisson_ratio, ratio_interval
from data.errors import AnalysisError, InsufficientDataError, RangeError

SIGMA = 4.5  # standard errors of what is checked: false alarm in 7e-6 of all seeds


def steady(rng: np.random.Generator, rate: float, length: float) -> NDArray[np.int64]:
    return np.sort(rng.integers(0, round(length * 1e12), rng.poisson(rate * length)))


def blind(times: NDArray[np.int64], dead: int) -> NDArray[np.int64]:
    """What a detector sees that is dead after each click, one click at a time."""
    seen = [int(times[0])]
    for time in times[1:].tolist():
        if time - seen[-1] >= dead:
            seen.append(time)
    return np.array(seen)


def test_steady_light_has_g2_of_one_also_in_short_gates() -> None:
    """200 gates of 2 us, delays up to 1 us: half of the pairs are cut off at the ends, and accounted for."""
    rng = np.random.default_rng(1)
    bins = DelayBins.spanning(-1e-6, 1e-6, 50e-9)
    gates = np.arange(2000) * 10_000_000
    first, second = (
        np.sort(gates[rng.integers(0, 2000, 40_000)] + rng.integers(0, 2_000_000, 40_000)) for _ in range(2)
    )
    found = normalise_g2(count_pairs(first, second, bins), np.full(2000, 2e-6))
    pulls = (found.value - 1) / found.error
    assert abs(pulls.mean()) < SIGMA / math.sqrt(40)
    # 20 clicks a gate share partners: pulls are somewhat wider than those of Poisson counts.
    assert 0.6 < pulls.std() < 2
    unaccounted = normalise_g2(count_pairs(first, second, bins), 2000 * 2e-6)
    assert unaccounted.value[0] == pytest.approx(0.5, abs=0.05)


def test_errors_are_those_of_the_counts() -> None:
    rng = np.random.default_rng(2)
    bins = DelayBins.spanning(-50e-9, 50e-9, 1e-9)
    pairs = count_pairs(steady(rng, 1e6, 0.2), steady(rng, 1e6, 0.2), bins)
    found = normalise_g2(pairs, 0.2)
    pulls = (found.value - 1) / found.error
    assert abs(pulls.mean()) < SIGMA / 10 + 0.1
    assert abs(pulls.std() - 1) < SIGMA / math.sqrt(200) + 0.05


def test_the_normalisation_adds_no_error() -> None:
    """600 runs of 300 clicks: an error of sqrt(2 / 300) of the clicks would be as large as that of pairs."""
    rng = np.random.default_rng(8)
    bins = DelayBins.spanning(-1e-3, 1e-3, 2e-3)
    found = [
        normalise_g2(count_pairs(steady(rng, 300.0, 1.0), steady(rng, 300.0, 1.0), bins), 1.0).at_zero
        for _ in range(600)
    ]
    scatter = np.std([one.value for one in found])
    # A pair of 180 in a bin of 2 ms: the error of counts has half a pair more than its root.
    assert scatter == pytest.approx(1 / math.sqrt(180), rel=SIGMA / math.sqrt(1200))
    assert np.mean([one.error for one in found]) == pytest.approx(13.9 / 180, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("light", "truth", "least"), [("single", 0.36, 0.68), ("steady", 1.0, 0.67), ("bunched", 2.0, 0.62)]
)
@pytest.mark.parametrize(("slots", "chance"), [(2000, 0.05), (2000, 0.2), (10_000, 0.1)])
def test_g2_at_zero_covers(light: str, truth: float, least: float, slots: int, chance: float) -> None:
    """1500 runs, whose clicks come in slots of 1 us: at least so many inside, less 4.5 errors of 1.2 %."""
    rng, bins, inside = np.random.default_rng(10), DelayBins.spanning(-0.5e-6, 0.5e-6, 1e-6), []
    at = 1_000_000 * np.arange(slots)
    for _ in range(1500):
        mean = rng.exponential(chance, slots) if light == "bunched" else np.full(slots, chance)
        if light == "single":  # a fifth of all clicks is background
            photon, way = rng.random(slots) < 1.6 * chance, rng.random(slots) < 0.5
            numbers = [(photon & port) + rng.poisson(0.2 * chance, slots) for port in (way, ~way)]
        else:
            numbers = [rng.poisson(mean) for _ in range(2)]
        pairs = count_pairs(np.repeat(at, numbers[0]), np.repeat(at, numbers[1]), bins)
        found = normalise_g2(pairs, slots * 1e-6).at_zero
        inside.append(abs(found.value - truth) <= found.error)
    assert np.mean(inside) > least - SIGMA * 0.012


def test_dead_time_ripples_are_taken_out_of_one_detector() -> None:
    """A detector that can count 4e7 a second, at 2e7 photons a second: the ripple is plain to see."""
    rng = np.random.default_rng(3)
    length, dead = 4e-3, 25_000
    seen = blind(steady(rng, 2e7, length), dead)
    bins = DelayBins.spanning(0.0, 200e-9, 5e-9)
    pairs = count_pairs(seen, None, bins)
    found = normalise_g2(pairs, length, dead=25e-9)
    assert np.isnan(found.value[:5]).all()
    pulls = (found.value[5:] - 1) / found.error[5:]
    assert abs(pulls.mean()) < SIGMA / math.sqrt(35) + 0.3
    assert (abs(pulls) < SIGMA).all()
    naive = normalise_g2(pairs, length)
    assert naive.value[5] > 1.2
    with pytest.raises(
        RangeError, match="g2 at zero delay is not seen, but must be within the bins and outs"
    ):
        _ = found.at_zero


def test_dead_time_of_two_detectors_needs_no_correction() -> None:
    rng = np.random.default_rng(4)
    first, second = (blind(steady(rng, 1e7, 5e-3), 25_000) for _ in range(2))
    found = normalise_g2(count_pairs(first, second, DelayBins.spanning(-100e-9, 100e-9, 5e-9)), 5e-3)
    pulls = (found.value - 1) / found.error
    assert abs(pulls.mean()) < SIGMA / math.sqrt(40)
    assert (abs(pulls) < SIGMA).all()


def test_density_after_a_click_settles_at_the_rate() -> None:
    """Far behind the last ripple, one detector with dead time is a detector without."""
    bins = DelayBins.spanning(0.0, 4e-6, 10e-9)
    pairs = PairHistogram(bins, np.full(400, 100), (10_000, 10_000), True)
    plain, rippled = normalise_g2(pairs, 1e-3), normalise_g2(pairs, 1e-3, dead=25e-9)
    assert rippled.value[250:] == pytest.approx(plain.value[250:], rel=1e-4)
    assert rippled.value[100:250] == pytest.approx(plain.value[100:250], rel=1e-4)


def test_background_is_subtracted_with_its_error() -> None:
    """Single photons, one a microsecond, half of them lost; a fifth of all clicks is background."""
    rng = np.random.default_rng(5)
    bins, found = DelayBins.spanning(-300e-9, 300e-9, 600e-9), []
    for _ in range(60):
        photons = np.arange(20_000) * 1_000_000
        way = rng.integers(0, 4, len(photons))
        noise = [steady(rng, 62_500.0, 20e-3) for _ in range(2)]
        clicks = [np.sort(np.concatenate([photons[way == port], noise[port]])) for port in range(2)]
        measured = rng.poisson(62_500.0 * 20e-3)
        background = Estimate(measured / 20e-3, math.sqrt(measured) / 20e-3, "Hz")
        shares = [signal_share(len(column), 20e-3, background) for column in clicks]
        plain = normalise_g2(count_pairs(clicks[0], clicks[1], bins), 20e-3)
        found.append((plain.at_zero, plain.without_background(*shares).at_zero, shares[0]))
    assert found[0][2].value == pytest.approx(0.8, abs=4.5 * found[0][2].error + 0.01)
    assert np.mean([plain.value for plain, _, _ in found]) == pytest.approx(1 - 0.64, abs=0.02)
    pulls = np.array([clean.value / clean.error for _, clean, _ in found])
    assert abs(pulls.mean()) < SIGMA / math.sqrt(60) + 0.25
    assert 0.5 < pulls.std() < 1.1  # the counts' error is that of the longer side


def pulses(rng: np.random.Generator, shots: int, row: int, double: float) -> list[NDArray[np.int64]]:
    """Clicks behind a splitter: one photon a pulse, sometimes two, of a brightness that varies."""
    brightness = rng.uniform(0.1, 0.5, (shots, 1))
    there = rng.random((shots, row)) < brightness
    second = rng.random((shots, row)) < double * brightness
    way = rng.random((2, shots, row)) < 0.5
    at = np.arange(shots)[:, None] * 10**9 + np.arange(row) * 1_000_000
    jitter = rng.integers(-40_000, 40_000, (2, 2, shots, row))
    columns = []
    for port in (True, False):
        hits = [(there & (way[0] == port), jitter[0]), (second & (way[1] == port), jitter[1])]
        columns.append(np.sort(np.concatenate([(at + shift[int(port)])[seen] for seen, shift in hits])))
    return columns


def test_pulsed_g2_does_not_mind_brightness_that_varies_between_shots() -> None:
    rng = np.random.default_rng(6)
    double, sets = 0.05, []
    bins = DelayBins.spanning(-4.2e-6, 4.2e-6, 100e-9)
    for _ in range(40):
        first, second = pulses(rng, 300, 20, double)
        sets.append(pulsed_g2(count_pairs(first, second, bins), 1e-6, 200e-9, 20).at_zero)
    # Photons a pulse: b (1 + d); two in a pulse: b^2 d, where 2 b^2 d / (b (1 + d))^2 is g2.
    truth = 2 * double / (1 + double) ** 2
    pulls = np.array([(found.value - truth) / found.error for found in sets])
    assert abs(pulls.mean()) < SIGMA / math.sqrt(40) + 0.3
    assert 0.5 < pulls.std() < 1.3


def test_peaks_are_cut_out_and_valleys_subtracted() -> None:
    bins = DelayBins.spanning(-2.5e-6, 2.5e-6, 100e-9)
    counts = np.full(50, 3)
    counts[[4, 5, 14, 15, 34, 35, 44, 45]] += 500
    counts[[24, 25]] += 7
    pairs = PairHistogram(bins, counts, (1000, 1000), False)
    found = pulsed_g2(pairs, 1e-6, 200e-9, 50, subtract_valleys=True)
    assert found.lags.tolist() == [-2, -1, 0, 1, 2]
    assert found.areas.tolist() == [1006, 1006, 20, 1006, 1006]
    assert found.pairs.tolist() == [48, 49, 50, 49, 48]
    assert found.background is not None
    assert found.background.pairs == pytest.approx([6] * 5)
    exposure = 194 / 50
    assert found.at_zero.value == pytest.approx(exposure * 14 / 4000)
    # A line through valleys at 0.5 and 1.5, read at 0: 1.5 less 0.5 of means of two valleys of 24 pairs.
    line = math.sqrt((1.5**2 + 0.5**2) * 24 / 2) * 2 / 8
    assert found.background.covariance[2, 2] == pytest.approx(line**2)
    counted = math.sqrt(20.25) + 0.5  # the longer side of the interval
    assert found.at_zero.error == pytest.approx(exposure * math.hypot(counted, line) / 4000, rel=0.02)
    plain = pulsed_g2(pairs, 1e-6, 200e-9, 50).at_zero
    assert plain.value == pytest.approx(exposure * 20 / 4024)


def test_pairs_in_the_valleys_are_in_no_peak() -> None:
    """Also at the widest peaks that are allowed, of half a period."""
    bins = DelayBins.spanning(-2.5e-6, 2.5e-6, 250e-9)
    counts = np.tile([100, 1, 1, 100], 5)
    found = pulsed_g2(PairHistogram(bins, counts, (1000, 1000), False), 1e-6, 500e-9, 50)
    assert found.areas.tolist() == [2] * 5


@pytest.mark.parametrize(("row", "lags", "lasting"), [(10, 9, True), (4, 2, True), (10, 5, False)])
def test_background_is_taken_out_of_short_rows(row: int, lags: int, lasting: bool) -> None:
    """Photons that never come in pairs, a background click a row or more: g2 comes out as 0.

    Background that ends with its row makes a triangle, which a mean of all valleys does not see: 0.2 to 1.4.
    """
    rng = np.random.default_rng(9)
    bins, found, shots = (
        DelayBins.spanning(-(lags + 0.5) * 1e-6, (lags + 0.5) * 1e-6, 100e-9),
        [],
        20_000 // row,
    )
    begin, end = (-500_000, row * 1_000_000 - 500_000) if lasting else (-(10**8), 10**8)
    for _ in range(60):
        there, way = rng.random((shots, row)) < 0.3, rng.random((shots, row)) < 0.5
        at = np.arange(shots)[:, None] * 10**9 + np.arange(row) * 1_000_000
        at += rng.integers(-40_000, 40_000, (shots, row))
        clicks = []
        for port in (True, False):
            dark = rng.poisson(1e-7 * (end - begin) * shots)
            noise = rng.integers(0, shots, dark) * 10**9 + rng.integers(begin, end, dark)
            clicks.append(np.sort(np.concatenate([at[there & (way == port)], noise])))
        pairs = count_pairs(clicks[0], clicks[1], bins)
        found.append(pulsed_g2(pairs, 1e-6, 200e-9, row, subtract_valleys=True).at_zero)
    pulls = np.array([one.value / one.error for one in found])
    assert abs(pulls.mean()) < SIGMA / math.sqrt(60)
    assert 0.5 < pulls.std() < 1.3


@pytest.mark.slow
@pytest.mark.parametrize(("truth", "sides"), [(0.0, 50.0), (0.02, 200.0), (0.1, 60.0), (0.9, 40.0)])
def test_ratios_of_poisson_counts_cover(truth: float, sides: float) -> None:
    """20 000 ratios: at least 68 % less 4.5 standard errors (1.5 %) inside value +- error."""
    rng = np.random.default_rng(7)
    inside, mean = [], []
    for one, other in zip(rng.poisson(truth * sides, 20_000), rng.poisson(sides, 20_000), strict=True):
        found = poisson_ratio(int(one), int(other))
        inside.append(abs(found.value - truth) <= found.error)
        mean.append(found.value)
    assert 0.668 < np.mean(inside) <= 1
    # The bias that the docstring states: 1 / reference of the ratio.
    allowed = SIGMA * float(np.std(mean)) / 141 + 0.1 * truth / sides
    assert np.mean(mean) == pytest.approx(truth * (1 + 1 / sides), abs=allowed)


def test_interval_of_a_ratio_is_that_of_a_probability() -> None:
    low, high = ratio_interval(10, 40, exposure=2.0, confidence=0.9)
    assert low / (2 + low) < 0.2 < high / (2 + high)
    assert low < 0.5 < high


PAIRS = PairHistogram(DelayBins.spanning(-3e-6, 3e-6, 1e-7), np.ones(60, np.int64), (10, 10), False)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: normalise_g2(PairHistogram(PAIRS.bins, PAIRS.counts, (10, 0), False), 1.0),
            InsufficientDataError,
            "g2 with the second detector needs at least 1 clicks, but there are 0; "
            "collect more data or leave this estimate out",
        ),
        (
            lambda: normalise_g2(PAIRS, [1.0, float("nan")]),
            RangeError,
            "live is nan s, but must be > 0 s for every stretch; give the time the gates were open",
        ),
        (
            lambda: normalise_g2(PAIRS, []),
            RangeError,
            "live is empty, but must be > 0 s for every stretch; give the time the gates were open",
        ),
        (
            lambda: normalise_g2(PairHistogram(PAIRS.bins, PAIRS.counts, (10, 10), True), 1.0, dead=0.2),
            RangeError,
            "dead is 0.2 s, but must be >= 0 s and below the mean distance of clicks, 0.1 s; "
            "check the dead time and the live time",
        ),
        (
            lambda: normalise_g2(PAIRS, 1.0).without_background(Estimate(0.0, 0.1), Estimate(0.9, 0.1)),
            RangeError,
            "share of signal of the first detector is 0.00(10), but must be > 0; "
            "measure the background again: it is as much as all clicks",
        ),
        (
            lambda: signal_share(0, 1.0, Estimate(1.0, 0.1, "Hz")),
            InsufficientDataError,
            "a share of signal needs at least 1 clicks, but there are 0; "
            "collect more data or leave this estimate out",
        ),
        (
            lambda: signal_share(5, 0.0, Estimate(1.0, 0.1, "Hz")),
            RangeError,
            "live is 0.0 s, but must be > 0 s; give the time in which the clicks were seen",
        ),
        (
            lambda: signal_share(5, 1.0, Estimate(-1.0, 0.1, "Hz")),
            RangeError,
            "background is -1.00(10) Hz, but must be >= 0 Hz; give the rate without signal",
        ),
        (
            lambda: pulsed_g2(PAIRS, 1e-6, 2e-6, 10),
            RangeError,
            "width is 2e-06 s, but must be above 0 and <= half of the period of 1e-06 s, so that valleys are "
            "between the peaks; compare pulse by pulse with correlate_tags()",
        ),
        (
            lambda: pulsed_g2(PAIRS, 4e-6, 2e-7, 10),
            RangeError,
            "side peaks is 0, but must be 2 pulses or more, and a range of 4.1e-06 s or more to both sides "
            "of zero; count pairs over a longer range",
        ),
        (
            lambda: pulsed_g2(PAIRS, 2e-6, 2e-7, 10, subtract_valleys=True),
            RangeError,
            "side peaks is 1, but must be 3 pulses or more, and a range of 4.1e-06 s or more to both sides "
            "of zero; count pairs over a longer range",
        ),
        (
            lambda: pulsed_g2(PairHistogram(PAIRS.bins, PAIRS.counts, (10, 10), True), 1e-6, 2e-7, 10),
            RangeError,
            "detectors of the pairs is 1, but must be 2, behind a beam splitter; count pairs of both",
        ),
        (
            lambda: pulsed_g2(PAIRS, 1e-6, 3e-7, 10),
            RangeError,
            "the edges of the peaks is between edges of bins, but must be at edges of the bins of 100000 ps; "
            "choose bins that divide both",
        ),
        (
            lambda: pulsed_g2(PAIRS, 1e-6, 6e-7, 10),
            RangeError,
            "width is 6e-07 s, but must be above 0 and <= half of the period of 1e-06 s, so that valleys are "
            "between the peaks; compare pulse by pulse with correlate_tags()",
        ),
        (
            lambda: pulsed_g2(PAIRS, 1e-6, 2e-7, 10, subtract_valleys=True).at_zero,
            InsufficientDataError,
            "g2 above background needs at least 1 pairs in the side peaks, but there are 0; "
            "collect more data or leave this estimate out",
        ),
        (
            lambda: poisson_ratio(0, 0),
            InsufficientDataError,
            "a ratio of counts needs at least 1 counts of the reference, but there are 0; "
            "collect more data or leave this estimate out",
        ),
        (
            lambda: poisson_ratio(-1, 3),
            RangeError,
            "counts of a ratio is (-1, 3), but must be >= 0; give raw counts, nothing subtracted",
        ),
        (
            lambda: poisson_ratio(1, 3, 0.0),
            RangeError,
            "exposure is 0.0, but must be finite and > 0; it is that of the reference over the other",
        ),
    ],
)
def test_messages(call: Callable[[], object], error: type[AnalysisError], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text
