"""Thresholds and wrong calls of many ions, and the populations behind them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import reduce

import numpy as np
import pytest
from numpy.typing import NDArray

from data.analysis import populations
from data.analysis.populations import correct_ions, correct_populations, fit_populations
from data.analysis.readout_errors import (
    ReadoutErrors,
    choose_thresholds,
    count_patterns,
    measure_errors,
)
from data.errors import AnalysisError, ConvergenceError, InsufficientDataError, RangeError, ShapeError

Table = NDArray[np.float64]
THREE = ReadoutErrors(np.full(3, 5), np.full((3, 2), 2000), np.array([[20, 60], [100, 40], [6, 200]]))


def whole_matrix(errors: ReadoutErrors) -> Table:
    """What patterns are called, given what they are: the product that the code never makes."""
    return np.asarray(reduce(np.kron, errors.matrices))


def test_wrong_calls_are_counted_ion_by_ion() -> None:
    rng = np.random.default_rng(1)
    dark, bright = rng.poisson([1.0, 4.0], (500, 2)), rng.poisson([9.0, 8.0], (300, 2))
    found = measure_errors(dark, bright, [4, 6])
    assert found.wrong.tolist() == [
        [int((dark[:, ion] >= level).sum()), int((bright[:, ion] < level).sum())]
        for ion, level in enumerate((4, 6))
    ]
    assert found.trials.tolist() == [[500, 300]] * 2
    assert found.matrices.sum(axis=2) == pytest.approx(np.ones((2, 2)))
    assert found.matrices[1, 0, 1] == found.shares[1, 0] == found.estimates(1)[0].value
    low, high = found.intervals(0.95)[0, 1]
    assert low < found.shares[0, 1] < high
    assert (found + found).trials.tolist() == [[1000, 600]] * 2
    with pytest.raises(
        ShapeError, match=r"the second calibration has shape \(2,\), but the same thresholds of"
    ):
        _ = found + measure_errors(dark, bright, 4)


def test_thresholds_are_the_best_of_all() -> None:
    rng = np.random.default_rng(2)
    dark, bright = rng.poisson([1.0, 4.0, 0.1], (400, 3)), rng.poisson([9.0, 8.0, 50.0], (600, 3))
    for ion, level in enumerate(choose_thresholds(dark, bright).tolist()):
        errors = [(dark[:, ion] >= tried).mean() + (bright[:, ion] < tried).mean() for tried in range(1, 100)]
        assert errors[level - 1] == pytest.approx(min(errors))


def test_a_threshold_in_a_gap_lies_in_its_middle() -> None:
    assert choose_thresholds([[2], [0]], [[10], [12]]).tolist() == [7]


@pytest.mark.slow
def test_choosing_on_the_same_shots_costs_about_one_wrong_call() -> None:
    """The optimism that the docstring states: wrong calls missing, of both states together."""
    rng = np.random.default_rng(3)
    missing = []
    for _ in range(400):
        dark, bright = rng.poisson(2.0, (400, 1)), rng.poisson(9.0, (400, 1))
        level = choose_thresholds(dark, bright)
        own = measure_errors(dark, bright, level).wrong.sum()
        fresh = measure_errors(rng.poisson(2.0, (400, 1)), rng.poisson(9.0, (400, 1)), level).wrong.sum()
        missing.append(int(fresh - own))
    assert -0.5 < np.mean(missing) < 3


def test_patterns_have_an_axis_for_each_ion() -> None:
    counts = np.random.default_rng(4).poisson(5.0, (400, 3))
    found = count_patterns(counts, [4, 5, 6])
    for pattern in itertools.product((0, 1), repeat=3):
        assert found[pattern] == ((counts >= [4, 5, 6]) == np.array(pattern, dtype=bool)).all(axis=1).sum()


def test_the_inverse_is_that_of_the_whole_matrix() -> None:
    rng = np.random.default_rng(5)
    patterns = rng.integers(1, 400, (2, 2, 2))
    found = correct_populations(patterns, THREE)
    expected = patterns.ravel() / patterns.sum() @ np.linalg.inv(whole_matrix(THREE))
    assert found.values.ravel() == pytest.approx(expected, abs=1e-12)
    assert found.values.sum() == pytest.approx(1)
    # What one ion shows follows from the patterns.
    single = correct_ions(patterns.sum(axis=(1, 2))[1:], int(patterns.sum()), first_ion(THREE))
    assert single[0].value == pytest.approx(found.values.sum(axis=(1, 2))[1])


def first_ion(errors: ReadoutErrors) -> ReadoutErrors:
    return ReadoutErrors(errors.thresholds[:1], errors.trials[:1], errors.wrong[:1])


def calibrate(rng: np.random.Generator, shares: Table, trials: int) -> ReadoutErrors:
    return ReadoutErrors(np.full(len(shares), 5), np.full(shares.shape, trials), rng.binomial(trials, shares))


@pytest.mark.slow
@pytest.mark.parametrize("trials", [200, 5000])
def test_corrected_populations_cover(trials: int) -> None:
    """3000 runs of three ions with their own calibration: 68 % inside for populations above 5 %.

    Within 4.5 standard errors of the coverage (3.8 %) and 2 %; of rarer patterns, as many or more. The means
    are right to 4.5 of their standard errors and a tenth of the error of one run.
    """
    rng = np.random.default_rng(6)
    truth = np.array([0.4, 0.0, 0.1, 0.02, 0.0, 0.08, 0.1, 0.3])
    true_errors = calibrate(rng, THREE.shares, 10**9)
    called = truth @ whole_matrix(true_errors)
    inside, values = [], []
    for _ in range(3000):
        errors = calibrate(rng, THREE.shares, trials)
        found = correct_populations(rng.multinomial(500, called).reshape(2, 2, 2), errors)
        away = (found.values.ravel() - truth) / found.errors.ravel()
        inside.append(abs(away) <= 1)
        values.append(found.values.ravel())
    coverage = np.mean(inside, axis=0)
    assert coverage[truth > 0.05] == pytest.approx(np.full(5, 0.683), abs=0.038 + 0.02)
    assert (coverage > 0.683 - 0.038 - 0.02).all()
    spread = np.std(values, axis=0)
    assert (abs(np.mean(values, axis=0) - truth) < (4.5 / 3000**0.5 + 0.1) * spread).all()


@pytest.mark.slow
def test_corrected_ions_cover() -> None:
    rng = np.random.default_rng(7)
    truth = np.array([0.05, 0.5, 0.93])
    called = truth * (1 - THREE.shares[:, 1]) + (1 - truth) * THREE.shares[:, 0]
    pulls = []
    for _ in range(3000):
        found = correct_ions(rng.binomial(300, called), 300, calibrate(rng, THREE.shares, 300))
        pulls.append([(each.value - true) / each.error for each, true in zip(found, truth, strict=True)])
    assert np.mean(np.abs(pulls) <= 1, axis=0) == pytest.approx(np.full(3, 0.683), abs=0.038 + 0.03)


def test_the_most_likely_populations_are_certified() -> None:
    """Against a search by an independent optimiser over what is allowed."""
    from scipy.optimize import minimize

    patterns = np.array([[[300, 2], [0, 9]], [[1, 30], [0, 150]]])
    errors = calibrate(np.random.default_rng(8), THREE.shares, 2000)
    assert (correct_populations(patterns, errors).values < 0).any()
    found = fit_populations(patterns, errors, gap=1e-6)
    matrix = whole_matrix(errors)

    def cost(values: Table) -> float:
        shares = np.abs(values) / np.abs(values).sum()
        return -float(patterns.ravel() @ np.log(shares @ matrix))

    best = min(
        minimize(
            cost, start, method="Nelder-Mead", options={"maxfev": 3000, "xatol": 1e-9, "fatol": 1e-9}
        ).fun
        for start in (found.values.ravel() + 1e-3, np.full(8, 1 / 8))
    )
    assert found.gap < 1e-6
    assert cost(found.values.ravel()) < best + 1e-6
    assert (found.values >= 0).all()
    assert found.values.sum() == pytest.approx(1)


def test_where_the_inverse_is_allowed_it_is_the_most_likely() -> None:
    patterns = np.full((2, 2, 2), 100)
    found = fit_populations(patterns, THREE)
    assert found.values == pytest.approx(correct_populations(patterns, THREE).values)
    assert found.gap == 0


def test_a_gap_beyond_numbers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(populations, "_LONGEST", 50)
    patterns = np.array([[[300, 2], [0, 9]], [[1, 30], [0, 150]]])
    with pytest.raises(ConvergenceError, match="50"):
        fit_populations(patterns, THREE, gap=-1.0)


ONE = first_ion(THREE)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: measure_errors([1], [[1]], 3),
            ShapeError,
            "dark has shape (1,), but (shots, ions) is needed; reshape or slice it first",
        ),
        (
            lambda: measure_errors([[1]], [[1, 2]], 3),
            ShapeError,
            "bright has shape (1, 2), but (shots, 1), the ions of dark, is needed; reshape or slice it first",
        ),
        (
            lambda: measure_errors([[1]], np.zeros((0, 1)), 3),
            InsufficientDataError,
            "errors of bright ions needs at least 1 shots, but there are 0; "
            "collect more data or leave this estimate out",
        ),
        (
            lambda: measure_errors([[1.0], [np.nan]], [[1]], 3),
            RangeError,
            "dark[1, 0] is nan, but must be >= 0 counts; give raw counts",
        ),
        (
            lambda: measure_errors([[1]], [[1]], 0),
            RangeError,
            "thresholds[0] is 0, but must be >= 1 count; take choose_thresholds()",
        ),
        (
            lambda: choose_thresholds([[5]], [[5]]),
            RangeError,
            "mean counts of bright ion 0 is 5, but must be above the 5 of a dark one; "
            "check the detection beam, and which shots are which",
        ),
        (
            lambda: count_patterns([1], 1),
            ShapeError,
            "counts has shape (1,), but (shots, ions) is needed; reshape or slice it first",
        ),
        (
            lambda: count_patterns([[1.0, np.nan]], 1),
            RangeError,
            "counts[0, 1] is nan, but must be >= 0 counts; give raw counts",
        ),
        (
            lambda: count_patterns(np.ones((4, 0)), 1),
            RangeError,
            "ions is 0, but must be 1 to 20, for 2**ions patterns; give the counts of some ions",
        ),
        (
            lambda: count_patterns(np.ones((1, 21)), 1),
            RangeError,
            "ions is 21, but must be 1 to 20, for 2**ions patterns; "
            "correct the mean of each ion with correct_ions()",
        ),
        (
            lambda: correct_ions([1, 2], 3, ONE),
            ShapeError,
            "bright has shape (2,), but (1,), the ions of the calibration, is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: correct_ions([4], 3, ONE),
            RangeError,
            "bright[0] is 4, but must be 0 to 3 shots; count each shot once",
        ),
        (
            lambda: correct_ions([0], 0, ONE),
            InsufficientDataError,
            "corrected populations needs at least 1 shots, but there are 0; "
            "collect more data or leave this estimate out",
        ),
        (
            lambda: correct_ions(
                [1], 3, ReadoutErrors(np.ones(1, int), np.full((1, 2), 10), np.full((1, 2), 5))
            ),
            RangeError,
            "both errors of ion 0 together is 1, but must be <= 0.95; "
            "choose another threshold, or leave this ion out",
        ),
        (
            lambda: correct_populations([1, 2, 3], ONE),
            ShapeError,
            "patterns has shape (3,), but (2,), two states of each ion, is needed; reshape or slice it first",
        ),
        (
            lambda: correct_populations([1, np.nan], ONE),
            RangeError,
            "patterns[1] is nan, but must be >= 0 shots; take count_patterns()",
        ),
        (
            lambda: fit_populations([0, 0], ONE),
            InsufficientDataError,
            "corrected populations needs at least 1 shots, but there are 0; "
            "collect more data or leave this estimate out",
        ),
    ],
)
def test_messages(call: Callable[[], object], error: type[AnalysisError], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text
