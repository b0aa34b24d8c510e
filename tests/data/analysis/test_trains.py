"""Detections per train."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from data.analysis import count_detections, poisson_binomial
from data.errors import InsufficientDataError, RangeError, ShapeError


def test_independent_ions_are_binomial() -> None:
    """Chi-square over five bins: above 36 with probability 1e-6."""
    clicks = np.random.default_rng(1).random((40_000, 10)) < 0.091
    found = count_detections(clicks)
    expected = 40_000 * binom.pmf(np.arange(11), 10, 0.091)
    seen, meant = (np.append(column[:4], column[4:].sum()) for column in (found.histogram, expected))
    assert np.sum((seen - meant) ** 2 / meant) < 36
    assert found.trains == 40_000
    assert found.mean.value == pytest.approx(clicks.sum() / 40_000)
    assert found.mean.error == pytest.approx(np.sqrt(10 * 0.091 * 0.909 / 40_000), rel=0.03)
    assert [estimate.value for estimate in found.probabilities] == pytest.approx(clicks.mean(axis=0))


def test_ions_that_succeed_together_widen_the_error() -> None:
    together = np.repeat(np.random.default_rng(2).random((5000, 1)) < 0.3, 10, axis=1)
    found = count_detections(together)
    assert found.histogram[1:10].sum() == 0
    assert found.mean.error == pytest.approx(10 * np.sqrt(0.3 * 0.7 / 5000), rel=0.1)


def test_error_of_few_trains() -> None:
    found = count_detections([[0, 1], [1, 1], [0, 0], [1, 0]])
    assert found.mean.value == 1
    assert found.mean.error == pytest.approx(np.sqrt(2 / 3 / 4))


def test_two_clicks_in_a_window_are_one_detection() -> None:
    found = count_detections([[3, 0], [1, 1]])
    assert found.histogram.tolist() == [0, 1, 1]
    assert found.ion_clicks.tolist() == [2, 1]


def test_parts_add_to_the_whole() -> None:
    clicks = np.random.default_rng(3).poisson(0.2, (500, 4))
    whole, parts = count_detections(clicks), count_detections(clicks[:123]) + count_detections(clicks[123:])
    assert np.array_equal(parts.histogram, whole.histogram)
    assert np.array_equal(parts.ion_clicks, whole.ion_clicks)
    assert parts.mean == whole.mean


def test_nothing_detected_still_has_an_error() -> None:
    found = count_detections(np.zeros((50, 3), dtype=int))
    assert (found.mean.value, found.mean.error) == (0, 0.02)


def test_messages() -> None:
    with pytest.raises(ShapeError) as flat:
        count_detections([1, 0])
    assert str(flat.value) == (
        "clicks has shape (2,), but (trains, ions) is needed; reshape or slice it first"
    )
    with pytest.raises(RangeError) as negative:
        count_detections([[0, -2]])
    assert str(negative.value) == "a number of clicks is -2, but must be >= 0; check the column of counts"
    with pytest.raises(RangeError) as unknown:
        count_detections([[0.0, float("nan")]])
    assert str(unknown.value) == "a number of clicks is nan, but must be >= 0; check the column of counts"
    with pytest.raises(InsufficientDataError) as single:
        _ = count_detections([[1, 0]]).mean
    assert str(single.value) == (
        "detections per train needs at least 2 trains, but there are 1; "
        "collect more data or leave this estimate out"
    )
    with pytest.raises(ShapeError) as unlike:
        count_detections([[1, 0]]) + count_detections([[1, 0, 1]])
    assert str(unlike.value) == (
        "ion_clicks of the second part has shape (3,), but (2,) is needed; reshape or slice it first"
    )


def test_shares_and_successes_are_those_of_the_table() -> None:
    clicks = np.random.default_rng(4).poisson(0.3, (400, 3))
    found = count_detections(clicks)
    detected = (clicks > 0).sum(axis=1)
    assert [share.value for share in found.shares] == pytest.approx(np.bincount(detected, minlength=4) / 400)
    assert found.at_least(2).value == pytest.approx((detected >= 2).mean())
    rate = found.success_rate(lasted=2.0)
    assert rate.value == pytest.approx((detected >= 1).sum() / 2)
    assert rate.unit == "Hz"
    assert rate.error == pytest.approx(200 * found.at_least().error)
    low, high = found.intervals(0.95)[1]
    assert low < found.probabilities[1].value < high


def test_unlike_ions_are_poisson_binomial() -> None:
    """Against all 2**6 patterns written out."""
    chances = np.array([0.0, 0.1, 0.35, 0.5, 0.9, 1.0])
    expected = np.zeros(7)
    for pattern in range(64):
        bits = np.array([pattern >> ion & 1 for ion in range(6)])
        expected[bits.sum()] += np.prod(np.where(bits, chances, 1 - chances))
    assert poisson_binomial(chances) == pytest.approx(expected, abs=1e-15)


def test_independent_ions_have_a_dispersion_of_one() -> None:
    """Pulls of 800 runs with few and with many clicks: mean 0, width 1, to 4.5 standard errors and 3 %."""
    rng = np.random.default_rng(5)
    for chances in (np.full(10, 0.02), np.array([0.3, 0.5, 0.4])):
        runs = [count_detections(rng.random((1000, len(chances))) < chances).dispersion for _ in range(800)]
        pulls = np.array([(run.value - 1) / run.error for run in runs])
        assert abs(pulls.mean()) < 4.5 / 800**0.5
        assert abs(pulls.std() - 1) < 4.5 / 1600**0.5 + 0.03


def test_ions_that_fail_together_are_found_out() -> None:
    rng = np.random.default_rng(6)
    clicks = (rng.random((5000, 10)) < 0.2) & (rng.random((5000, 1)) < 0.9)
    found = count_detections(clicks)
    # Covariances p^2 (1/0.9 - 1) of 90 ordered pairs, over ten times p (1 - p), with p = 0.18.
    assert found.dispersion.value == pytest.approx(1 + 9 * 0.18 * (1 / 0.9 - 1) / 0.82, abs=0.1)
    assert found.dispersion.value - 1 > 5 * found.dispersion.error
    assert found.expected.sum() == pytest.approx(5000)
    assert found.histogram[0] > found.expected[0] + 5 * found.expected[0] ** 0.5


def test_messages_of_statistics() -> None:
    found = count_detections([[1, 0], [1, 0]])
    with pytest.raises(RangeError) as many:
        found.at_least(3)
    assert str(many.value) == "detections is 3, but must be 0 to 2; a train has one window for each ion"
    with pytest.raises(RangeError) as short:
        found.success_rate(0.0)
    assert str(short.value) == "lasted is 0.0 s, but must be > 0 s; give the laboratory time of all trains"
    with pytest.raises(
        InsufficientDataError, match="a dispersion of detections needs at least 1 ions that ar"
    ):
        _ = found.dispersion
    with pytest.raises(InsufficientDataError, match="a dispersion of detections needs at least 2 trains"):
        _ = count_detections([[1, 0]]).dispersion
    with pytest.raises(RangeError) as chance:
        poisson_binomial([0.5, float("nan")])
    assert str(chance.value) == "probabilities[1] is nan, but must be 0 to 1; check the trial counts"
    with pytest.raises(ShapeError, match=r"probabilities has shape \(1, 1\), but \(trials,\) is needed"):
        poisson_binomial([[0.5]])
