"""Detections per train."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from data.analysis import count_detections
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
