"""Fits in general: errors, walls, refusals, p-values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from data.analysis.counts import BinomialCounts, NormalValues, PoissonCounts
from data.analysis.estimates import Estimate
from data.analysis.fits import Fit, Free, check_columns, fit, fit_straight
from data.errors import InsufficientDataError, NoSignalError, RangeError, UndeterminedError

PLACES = np.linspace(0, 1, 12)
LEVELS = (Free("low", 0.0, 1.0), Free("high", 0.0, 1.0))


def slope(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(values[0] + (values[1] - values[0]) * PLACES)


def fit_slope(successes: NDArray[np.int64], trials: int = 50) -> Fit:
    return fit("a slope", slope, LEVELS, [(0.3, 0.6)], BinomialCounts(successes, trials))


def test_errors_and_p_values_cover(coverage: Callable[..., None]) -> None:
    rng = np.random.default_rng(1)
    truth = np.array([0.2, 0.7])
    fits = [fit_slope(rng.binomial(50, slope(truth))) for _ in range(150)]
    coverage(fits, {"low": 0.2, "high": 0.7})


def test_p_values_are_even_for_rare_counts() -> None:
    """Ten counts in all, where chi^2 itself would be far off: the share below any level is about that level.

    With 300 sets a share of 10 % has a standard error of 1.7 %; 5 of them, and 4 % for the gamma distribution
    that stands for the true one.
    """
    rng = np.random.default_rng(2)
    free = (Free("level", 0.0, 20.0, step=0.05),)
    chances = []
    for _ in range(300):
        data = PoissonCounts(rng.poisson(0.5, 20))
        chances.append(fit("a level", lambda p: np.full(20, p[0]), free, [(0.5,)], data).p_value)
    assert abs(np.mean(np.array(chances) < 0.1) - 0.1) < 0.04 + 5 * 0.017
    assert abs(np.mean(chances) - 0.5) < 0.1


def test_a_wrong_model_is_told() -> None:
    successes = np.array([10, 40] * 6)
    assert fit_slope(successes).p_value < 1e-6


def test_a_parameter_on_a_wall_has_the_error_of_its_distance() -> None:
    """No success in n trials: the deviance 2 n ln(1 / (1 - p)) has risen by 1 at p = 1 - exp(-1 / 2n)."""
    data = BinomialCounts(np.zeros(5), 100)
    found = fit("a share", lambda p: np.full(5, p[0]), (Free("share", 0.0, 1.0),), [(0.1,)], data)
    assert found["share"].value < 1e-5
    assert found["share"].error == pytest.approx(1 / 1000, rel=0.02)


def test_others_follow_a_parameter_that_leaves_its_wall() -> None:
    """A line whose slope may not be negative: exact, with rise and slope correlated."""
    errors = np.full(12, 0.1)
    free = (Free("rise", -9.0, 9.0), Free("slope", 0.0, 9.0))
    data = NormalValues(2.0 - 1e-6 * PLACES, errors)
    found = fit("a line", lambda p: p[0] + p[1] * PLACES, free, [(2.0, 0.0)], data)
    assert found["slope"].value == pytest.approx(0.0, abs=1e-3)
    assert found["slope"].error == pytest.approx(
        fit_straight(PLACES, 2 + 0 * PLACES, errors)["slope"].error, 0.02
    )


def test_a_skewed_error_is_the_longer_side_of_the_profile() -> None:
    """The mean of Poisson counts through its logarithm: n - 10 - n ln(n / 10) is 1/2 further down than up."""
    data = PoissonCounts([4, 6])
    plain, skewed = (
        fit(
            "a mean",
            lambda p: np.full(2, np.exp(p[0])),
            (Free("log", -3.0, 5.0, step=0.1, skewed=longer),),
            [(1.0,)],
            data,
        )["log"]
        for longer in (False, True)
    )
    assert plain.error == pytest.approx(10**-0.5, rel=0.01)
    low = np.exp(skewed.value - skewed.error)
    assert 2 * low - 10 - 10 * np.log(low / 5) == pytest.approx(0.5, rel=0.05)
    assert skewed.error > 1.05 * plain.error


def test_a_limit_that_is_no_wall_refuses() -> None:
    data = NormalValues(np.full(4, 7.0), np.ones(4))
    with pytest.raises(UndeterminedError, match="do not determine the height of a box"):
        fit("a box", lambda p: np.full(4, p[0]), (Free("height", -5.0, 5.0),), [(0.5,)], data)


def test_a_parameter_that_does_nothing_refuses() -> None:
    data = NormalValues(np.arange(4.0), np.ones(4))
    free = (Free("height", -50.0, 50.0), Free("idle", -5.0, 5.0))
    with pytest.raises(UndeterminedError, match="idle"):
        fit("a box", lambda p: np.full(4, p[0]), free, [(0.5, 0.1)], data)


def test_too_few_points_refuse() -> None:
    with pytest.raises(
        InsufficientDataError, match="a fit of a slope needs at least 3 points, but there are 2"
    ):
        fit("a slope", lambda p: p, LEVELS, [(0.3, 0.6)], BinomialCounts([1, 2], 10))


def test_a_constant_is_no_signal() -> None:
    """With a level of 1e-4, one of 50 constant data sets passes by chance in 0.5 % of all seeds."""
    rng = np.random.default_rng(3)
    for _ in range(50):
        data = BinomialCounts(rng.binomial(50, 0.4, 12), 50)
        with pytest.raises(NoSignalError):
            fit("a slope", slope, LEVELS, [(0.3, 0.6)], data, signal=True)
    clear = BinomialCounts(rng.binomial(50, slope(np.array([0.1, 0.9]))), 50)
    assert fit("a slope", slope, LEVELS, [(0.3, 0.6)], clear, signal=True)["high"].value > 0.7


def test_the_best_of_many_starts_wins() -> None:
    """A comb with one deep tooth: only the start beside it leads there."""
    places = np.linspace(0, 10, 60)
    data = NormalValues(np.cos(2 * np.pi * 1.3 * places), np.full(60, 0.1))
    free = (Free("frequency", 0.05, 2.5, "Hz", 0.005),)
    starts = [(float(f),) for f in np.arange(0.05, 2.5, 0.03)]
    found = fit("a wave", lambda p: np.cos(2 * np.pi * p[0] * places), free, starts, data)
    assert found["frequency"].value == pytest.approx(1.3, abs=4 * found["frequency"].error)
    assert found["frequency"].unit == "Hz"


def test_derived_values_know_the_correlation() -> None:
    """The middle of a line is known better than both of its ends."""
    found = fit_slope(np.full(12, 25))
    middle = found.derived(lambda values: float(values.mean()))
    assert middle.value == pytest.approx(0.5, abs=1e-3)
    assert middle.error == pytest.approx((0.25 / 600) ** 0.5, rel=0.02)
    assert found["low"].error > 1.5 * middle.error


def test_lines_in_closed_form_agree_with_the_general_fit() -> None:
    rng = np.random.default_rng(4)
    errors = rng.uniform(0.1, 0.5, 12)
    values = 2.0 - 3.0 * PLACES + errors * rng.standard_normal(12)
    closed = fit_straight(PLACES, values, errors)
    free = (Free("rise", -9.0, 9.0), Free("slope", -9.0, 9.0))
    general = fit("a line", lambda p: p[0] + p[1] * PLACES, free, [(0.0, 0.0)], NormalValues(values, errors))
    for name in ("rise", "slope"):
        assert closed[name].value == pytest.approx(general[name].value, abs=1e-3)
        assert closed[name].error == pytest.approx(general[name].error, rel=1e-2)
    assert closed.p_value == pytest.approx(general.p_value, abs=1e-3)


def test_a_line_needs_two_places() -> None:
    with pytest.raises(InsufficientDataError, match="a fit of a line needs at least 2 places"):
        fit_straight(np.ones(5), np.ones(5), np.ones(5))


def test_columns_are_compared() -> None:
    with pytest.raises(RangeError) as told:
        check_columns(waits=np.ones(3), dark=np.ones(4))
    assert str(told.value) == (
        "the number of points is waits 3, dark 4, but must be the same in each column; give one value a point"
    )
    with pytest.raises(RangeError, match="waits is not finite"):
        check_columns(waits=np.array([np.inf]))


def test_what_is_known_counts_as_a_point() -> None:
    """One place measures only the sum of two parameters; that one is known tells the other."""
    data = NormalValues(np.full(4, 3.0), np.full(4, 0.2))
    free = (Free("a", -9.0, 9.0, known=Estimate(1.0, 0.3)), Free("b", -9.0, 9.0))
    found = fit("a sum", lambda p: np.full(4, p[0] + p[1]), free, [(0.5, 0.5)], data)
    assert found["a"].value == pytest.approx(1.0, abs=1e-3)
    assert found["a"].error == pytest.approx(0.3, rel=1e-2)
    assert found["b"].value == pytest.approx(2.0, abs=1e-3)
    assert found["b"].error == pytest.approx((0.3**2 + 0.1**2) ** 0.5, rel=1e-2)
    assert found.freedom == 3
