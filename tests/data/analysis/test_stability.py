"""Allan deviations of noise whose deviation is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from data.analysis.stability import allan_deviation
from data.errors import InsufficientDataError, RangeError, ShapeError

NUMBER = 512
TIMES = np.arange(float(NUMBER))


def readings(rng: np.random.Generator, kind: str) -> NDArray[np.float64]:
    steps = rng.standard_normal(NUMBER + 1)
    return {"white": steps[1:], "walk": np.cumsum(steps[1:]), "phase": np.diff(steps)}[kind]


def truth(sizes: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """Of white readings, a random walk of readings, and the differences of a white phase; by hand."""
    variances = {"white": 1 / sizes, "walk": (2 * sizes**2 + 1) / (6 * sizes), "phase": 3 / sizes**2}
    return np.asarray(np.sqrt(variances[kind]))


def test_the_estimator_is_the_textbook_sum() -> None:
    rng = np.random.default_rng(1)
    values = rng.standard_normal(40)
    found = allan_deviation(np.arange(40) * 0.5, values, [3])
    means = np.array([values[first : first + 3].mean() for first in range(38)])
    expected = (0.5 * ((means[3:] - means[:-3]) ** 2).mean()) ** 0.5
    assert found.deviations[0] == pytest.approx(expected)
    assert found.averaging_times[0] == 1.5


@pytest.mark.parametrize(("kind", "exponent"), [("white", 0), ("walk", -2), ("phase", 2)])
def test_noise_is_told_by_its_kind(kind: str, exponent: int) -> None:
    found = allan_deviation(TIMES, readings(np.random.default_rng(2), kind))
    assert (found.exponents[:2] == exponent).all()
    assert (found.low < found.deviations).all()
    assert (found.deviations < found.high).all()


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "most"), [("white", 0.77), ("walk", 0.77), ("phase", 0.79)])
def test_intervals_cover(kind: str, most: float) -> None:
    """1000 series: a coverage has a standard error of 1.5 %."""
    rng = np.random.default_rng(3)
    inside = []
    for _ in range(1000):
        found = allan_deviation(TIMES, readings(rng, kind))
        true = truth(found.averaging_times, kind)
        inside.append((found.low < true) & (true < found.high))
    covered = np.mean(inside, axis=0)
    assert covered.min() > 0.61
    assert covered.max() < most


def test_gaps_and_bad_columns_are_refused() -> None:
    gap = np.delete(np.arange(20.0), 7)
    with pytest.raises(RangeError) as told:
        allan_deviation(gap, np.zeros(19))
    assert str(told.value) == (
        "times[7] - times[6] is 2 s, but must be 1 s, as the usual step, to 1 %; an Allan deviation bears no "
        "gaps: take the longest stretch without, or average into even bins"
    )
    with pytest.raises(RangeError, match=r"times\[1\] - times\[0\] is -1 s"):
        allan_deviation(np.arange(9.0)[::-1], np.zeros(9))
    with pytest.raises(RangeError, match=r"values\[2\] is nan, but must be finite; cut the series there"):
        allan_deviation(np.arange(9.0), np.where(np.arange(9) == 2, np.nan, 1.0))
    with pytest.raises(RangeError, match=r"sizes\[1\] is 5, but must be a whole number from 1 to 4"):
        allan_deviation(np.arange(9.0), np.zeros(9), [1, 5])
    with pytest.raises(RangeError, match=r"confidence is 0\.0"):
        allan_deviation(np.arange(9.0), np.ones(9), confidence=0.0)
    with pytest.raises(ShapeError, match="one for each reading"):
        allan_deviation(np.arange(9.0), np.zeros(8))
    with pytest.raises(InsufficientDataError, match="an Allan deviation needs at least 4 readings"):
        allan_deviation(np.arange(3.0), np.zeros(3))
