"""Two-photon interference: visibility, its bias and errors, and what splitter and sources make of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from data.analysis.delays import DelayBins, PairHistogram
from data.analysis.estimates import Estimate
from data.analysis.hong_ou_mandel import (
    accidental_pairs,
    exposure_of_attempts,
    indistinguishability,
    measure_interference,
)
from data.analysis.pairs import count_pairs
from data.analysis.wave_packets import bin_arrivals
from data.errors import AnalysisError, InsufficientDataError, RangeError, ShapeError

BINS = DelayBins.spanning(-3e-6, 3e-6, 1e-6)


def pairs(*counts: int, bins: DelayBins = BINS) -> PairHistogram:
    return PairHistogram(bins, np.array(counts), (100, 100), False)


def test_windows_grow_from_the_middle() -> None:
    found = measure_interference(pairs(9, 5, 1, 2, 4, 8), pairs(10, 10, 10, 10, 10, 10))
    assert found.windows == pytest.approx([2e-6, 4e-6, 6e-6])
    assert found.parallel.tolist() == [3, 12, 29]
    assert found.reference.tolist() == [20, 40, 60]
    assert found.visibility == pytest.approx([1 - 3 / 20, 1 - 12 / 40, 1 - 29 / 60])
    assert found.within(4e-6).value == pytest.approx(0.7)
    assert found.within(5.9e-6).value == pytest.approx(0.7)
    # Errors add: 12(4) of 40(7).
    assert found.within(4e-6).error == pytest.approx(np.hypot(4.0, 6.84 * 0.3) / 40, rel=0.01)


def test_a_middle_bin_is_the_first_window() -> None:
    bins = DelayBins.spanning(-1.5e-6, 1.5e-6, 1e-6)
    found = measure_interference(pairs(4, 1, 5, bins=bins), pairs(10, 10, 10, bins=bins), exposure=2.0)
    assert found.windows == pytest.approx([1e-6, 3e-6])
    assert found.visibility == pytest.approx([1 - 2 / 10, 1 - 2 * 10 / 30])


def test_accidentals_are_subtracted_from_both() -> None:
    noise = (np.full(6, 1.0), np.full(6, 2.0))
    found = measure_interference(
        pairs(9, 5, 1, 2, 4, 8), pairs(*[12] * 6), accidentals=noise, accidental_error=0.1
    )
    assert found.visibility == pytest.approx([1 - 1 / 20, 1 - 8 / 40, 1 - 23 / 60])
    plain = measure_interference(pairs(9, 5, 1, 2, 4, 8), pairs(*[12] * 6), accidentals=noise)
    assert (found.error > plain.error).all()


def test_no_reference_is_no_visibility() -> None:
    found = measure_interference(pairs(0, 0, 0, 1, 0, 0), pairs(0, 3, 0, 0, 1, 1))
    assert np.isnan(found.visibility[0])
    with pytest.raises(InsufficientDataError) as empty:
        found.within(2e-6)
    assert str(empty.value) == (
        "a visibility needs at least 1 pairs in the reference above accidentals, but there are 0; "
        "collect more data or leave this estimate out"
    )
    assert found.within(4e-6).value == pytest.approx(0.75)


def test_a_reference_that_is_all_accidentals_is_told_by_what_is_left() -> None:
    noise = (np.full(6, 1.0), np.full(6, 3.25))
    found = measure_interference(pairs(*[1] * 6), pairs(*[3] * 6), accidentals=noise)
    assert found.net == pytest.approx([-0.5, -1.0, -1.5])
    with pytest.raises(InsufficientDataError) as empty:
        found.within(4e-6)
    assert str(empty.value) == (
        "a visibility needs at least 1 pairs in the reference above accidentals, but there are -1; "
        "collect more data or leave this estimate out"
    )


def test_clicks_of_different_attempts_are_a_reference_with_their_exposure() -> None:
    """Unlike sources on an uneven splitter, photon by photon: strangers of one attempt and of two agree."""
    rng = np.random.default_rng(4)
    attempts, chances, reflectivity = 400_000, (0.5, 0.25), 0.4
    there = rng.random((2, attempts)) < np.array(chances)[:, None]
    reflected = rng.random((2, attempts)) < reflectivity
    first = there[0] & reflected[0], there[1] & ~reflected[1]  # what each source sends to the first port
    second = there[0] & ~reflected[0], there[1] & reflected[1]
    # A detector sees a small part of the photons, so that pairs are counted, not attempts with two.
    same = int((first[0] & second[1]).sum() + (first[1] & second[0]).sum())
    one, two = (np.sum(port, axis=0, dtype=np.int64) for port in (first, second))
    different = int((one[:-1] * two[1:]).sum() + (one[1:] * two[:-1]).sum())
    exposure = exposure_of_attempts(2 * (attempts - 1), attempts, share=2 / 3, reflectivity=reflectivity)
    scatter = 4.5 * (1 / same + 3 / different) ** 0.5  # pairs of neighbours share photons
    assert exposure * same / different == pytest.approx(1, abs=scatter)
    assert exposure_of_attempts(2 * attempts, attempts) == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("visibility", "reference", "noise"), [(0.9, 10, 0.0), (0.9, 200, 0.0), (0.5, 40, 10.0), (1.0, 50, 0.0)]
)
def test_visibilities_cover_and_are_biased_as_stated(
    visibility: float, reference: float, noise: float
) -> None:
    """20 000 data sets: 68 to 85 % inside; mean too low by (1 - V) / n, to 4.5 standard errors."""
    rng = np.random.default_rng(1)
    bins = DelayBins.spanning(-1e-6, 1e-6, 2e-6)
    found = []
    drawn = rng.poisson([(1 - visibility) * reference + noise, reference + noise], (20_000, 2))
    for one, other in drawn[drawn[:, 1] > noise].tolist():
        both = measure_interference(
            pairs(one, bins=bins), pairs(other, bins=bins), accidentals=([noise], [noise])
        )
        found.append(both.within(2e-6))
    values = np.array([each.value for each in found])
    inside = [abs(each.value - visibility) <= each.error for each in found]
    assert np.mean(inside) > 0.67
    if visibility < 1:
        assert np.mean(inside) < 0.86
        bias = (1 - visibility) * (reference + noise) / reference**2
        allowed = 4.5 * float(values.std()) / 141 + 0.3 * bias
        assert values.mean() == pytest.approx(visibility - bias, abs=allowed)
    else:
        assert (values == 1).all()


def test_photons_drawn_one_by_one_show_their_overlap() -> None:
    """Two sources, an uneven splitter, pairs of one source: the overlap 0.8 comes out of the visibility."""
    rng = np.random.default_rng(2)
    overlap, reflected, double = 0.8, 0.4, 0.05
    number, transmitted = 400_000, 0.6
    apart = reflected**2 + transmitted**2
    both = 2 * reflected * transmitted
    counts = []
    for similar in (overlap, 0.0):
        singles = rng.binomial(number, apart - both * similar)
        counts.append(singles + rng.binomial(int(number * double), both))  # g p^2 of two from one source
    bins = DelayBins.spanning(-1e-6, 1e-6, 2e-6)
    measured = measure_interference(pairs(counts[0], bins=bins), pairs(counts[1], bins=bins)).within(2e-6)
    found = indistinguishability(measured, Estimate(reflected, 0.0), Estimate(double, 0.0))
    assert found.value == pytest.approx(overlap, abs=4.5 * found.error)
    assert found.error < 0.01
    assert measured.value < 0.72


def test_errors_of_splitter_and_source_are_those_of_finite_differences() -> None:
    parts = (Estimate(0.9, 0.02), Estimate(0.42, 0.03), Estimate(0.05, 0.01))
    squares = []
    for index, part in enumerate(parts):
        ends = []
        for sign in (-1, 1):
            moved = list(parts)
            moved[index] = Estimate(part.value + sign * part.error * 1e-3, 0.0)
            ends.append(indistinguishability(*moved).value)
        squares.append(((ends[1] - ends[0]) / 2e-3) ** 2)
    assert indistinguishability(*parts).error == pytest.approx(np.sqrt(sum(squares)), rel=1e-5)


def test_accidental_pairs_are_those_of_simulated_background() -> None:
    """300 000 attempts with decaying packets and dark counts: pairs with a dark count, bin by bin.

    Chi-square of 40 bins: above 95 with probability 2e-6.
    """
    rng = np.random.default_rng(3)
    attempts, window, dark = 300_000, 20_000_000, (0.04, 0.06)  # dark counts an attempt
    bins = DelayBins.spanning(-20e-6, 20e-6, 1e-6)
    columns, noisy = [], []
    for chance in dark:
        came = np.flatnonzero(rng.random(attempts) < 0.1)
        photons = np.minimum(rng.exponential(5e6, len(came)).astype(np.int64), window - 1)
        noise = np.flatnonzero(rng.random(attempts) < chance)
        counts = rng.integers(0, window, len(noise))
        columns.append((np.append(came, noise), np.append(photons, counts)))
        noisy.append((came * 10**9 + photons, noise * 10**9 + counts))
    packets = [bin_arrivals(times, attempts, 20e-6, 20) for _, times in columns]
    rates = (dark[0] / 20e-6, dark[1] / 20e-6)
    expected = accidental_pairs(packets[0], packets[1], rates, bins)
    (light, noise), (light_too, noise_too) = noisy
    seen = np.zeros(bins.number, np.int64)
    for one, other in ((light, noise_too), (noise, light_too), (noise, noise_too)):
        seen += count_pairs(np.sort(one), np.sort(other), bins).counts
    assert np.sum((seen - expected) ** 2 / expected) < 95
    assert expected.sum() == pytest.approx(seen.sum(), rel=0.1)


PACKET = bin_arrivals([1], 10, 10e-6, 10)
EVEN = pairs(*[1] * 6)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: measure_interference(EVEN, pairs(1, 2, bins=DelayBins(-5, 5, 2))),
            ShapeError,
            "reference has shape (2,), but the bins of parallel, DelayBins(start_ps=-3000000, "
            "width_ps=1000000, number=6), is needed; reshape or slice it first",
        ),
        (
            lambda: measure_interference(*[pairs(1, 2, bins=DelayBins(0, 5, 2))] * 2),
            RangeError,
            "bins is from 0 ps to 10 ps, but must be from -10 ps to 10 ps; count again",
        ),
        (
            lambda: measure_interference(EVEN, EVEN, exposure=float("nan")),
            RangeError,
            "exposure is nan, but must be finite and > 0; it is that of the reference over the other",
        ),
        (
            lambda: measure_interference(EVEN, EVEN, accidentals=([1.0], [1.0])),
            ShapeError,
            "accidentals has shape (1,), but (6,), one for each bin, is needed; reshape or slice it first",
        ),
        (
            lambda: measure_interference(EVEN, EVEN, accidentals=([1, 1, -2, 1, 1, 1], [1] * 6)),
            RangeError,
            "accidentals[2] is -2.0, but must be finite and >= 0; check the background",
        ),
        (
            lambda: measure_interference(EVEN, EVEN).within(1e-6),
            RangeError,
            "window is 1e-06 s, but must be >= 2e-06 s; count pairs in finer bins",
        ),
        (
            lambda: exposure_of_attempts(0, 10),
            RangeError,
            "pairs is 0, but must be finite and > 0; count what was compared",
        ),
        (
            lambda: exposure_of_attempts(10, 10, share=1.0),
            RangeError,
            "share is 1.0, but must be between 0 and 1; measure sources and splitter",
        ),
        (
            lambda: indistinguishability(Estimate(0.9, 0.1), Estimate(1.0, 0.0)),
            RangeError,
            "reflectivity is 1.0, but must be between 0 and 1; measure the splitter",
        ),
        (
            lambda: indistinguishability(Estimate(0.9, 0.1), multiphoton=Estimate(-0.1, 0.0)),
            RangeError,
            "multiphoton is -0.1, but must be >= 0; give g2 at zero, or leave it out",
        ),
        (
            lambda: accidental_pairs(PACKET, bin_arrivals([1], 10, 10e-6, 5), (1.0, 1.0), BINS),
            ShapeError,
            "second has shape (5,), but (10,), the bins of first, is needed; reshape or slice it first",
        ),
        (
            lambda: accidental_pairs(PACKET, PACKET, (1.0, 1.0), DelayBins(-5, 10, 1)),
            RangeError,
            "width of the bins is 10 ps from -5 ps, but must be 1e-06 s, that of the wave packets, "
            "from a multiple of it; count again",
        ),
    ],
)
def test_messages(call: Callable[[], object], error: type[AnalysisError], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text
