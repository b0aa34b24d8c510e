"""Drifts: lines and walks that are known, and forecasts put to the test."""

from __future__ import annotations

import numpy as np
import pytest

from data.analysis.drifts import Drift, fit_drift
from data.analysis.fits import fit_straight
from data.errors import InsufficientDataError, RangeError, ShapeError


def walks(rng: np.random.Generator, strength: float, error: float, ahead: float) -> tuple[Drift, float]:
    """A drift of 40 values fitted, and the value that came a while later."""
    times = np.sort(rng.uniform(0, 100, 40))
    moments = np.append(times, times[-1] + ahead)
    steps = np.sqrt(strength * np.diff(moments, prepend=0.0))
    true = 2 + 0.1 * moments + np.cumsum(steps * rng.standard_normal(41))
    seen = true[:40] + error * rng.standard_normal(40)
    return fit_drift(times, seen, error), float(true[40])


def test_without_a_walk_it_is_a_straight_line() -> None:
    times = np.arange(10.0)
    values = 1.0 + 0.3 * times + 0.02 * np.array([1, -1] * 5)
    drift, line = fit_drift(times, values, 0.1, "V"), fit_straight(times, values, np.full(10, 0.1))
    assert drift.walk == 0.0
    assert drift.gain == 0.0
    assert drift.level.value == pytest.approx(line["rise"].value)
    assert drift.slope.error == pytest.approx(line["slope"].error)
    assert drift.p_value == pytest.approx(line.p_value)
    ahead = drift.forecast(20.0)
    expected = line.derived(lambda values: float(values[0] + 20.0 * values[1]))
    assert (ahead.value, ahead.error) == pytest.approx((expected.value, expected.error))
    assert (ahead.unit, drift.slope.unit) == ("V", "V/s")


def test_a_walk_is_found_and_makes_forecasts_less_certain() -> None:
    drift, _ = walks(np.random.default_rng(1), 1.0, 0.2, 1.0)
    assert drift.gain > 2.7
    assert 0.3 < drift.walk < 3.0
    assert drift.p_value < 1e-6
    last = float(drift._times[-1])
    errors = [drift.forecast(last + ahead).error for ahead in (0.0, 1.0, 10.0, 100.0)]
    assert errors == sorted(errors)
    assert errors[0] < 0.25


@pytest.mark.slow
@pytest.mark.parametrize("ahead", [1.0, 10.0, 50.0])
@pytest.mark.parametrize(
    ("strength", "least", "most"), [(1.0, 0.63, 0.73), (0.05, 0.60, 0.75), (0.0, 0.65, 0.85)]
)
def test_forecasts_cover(ahead: float, strength: float, least: float, most: float) -> None:
    """Of 600; a share of 68 % has a standard error of 1.9 %. Without a walk, one is often found by chance."""
    rng = np.random.default_rng(2)
    held = []
    for _ in range(600):
        drift, true = walks(rng, strength, 0.3, ahead)
        forecast = drift.forecast(float(drift._times[-1]) + ahead)
        held.append(abs(forecast.value - true) < forecast.error)
    assert least < np.mean(held) < most


def test_bad_columns_are_refused() -> None:
    with pytest.raises(InsufficientDataError, match="a drift needs at least 4 values, but there are 3"):
        fit_drift(np.arange(3.0), np.zeros(3), 0.1)
    with pytest.raises(RangeError) as told:
        fit_drift([0.0, 1.0, 1.0, 2.0], np.zeros(4), 0.1)
    assert (
        str(told.value) == "times[2] is 1.0, but must be finite and later than the one before; sort by time"
    )
    with pytest.raises(RangeError, match="the number of values is 2001, but must be <= 2000"):
        fit_drift(np.arange(2001.0), np.zeros(2001), 0.1)
    with pytest.raises(ShapeError, match="one for each value in one column"):
        fit_drift(np.arange(5.0), np.zeros(4), 0.1)
    with pytest.raises(RangeError, match=r"time is 3\.0, but must be >= 9 s, the last time measured"):
        fit_drift(np.arange(10.0), np.arange(10.0), 0.1).forecast(3.0)
