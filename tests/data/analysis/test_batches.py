"""Batched fits: against Minuit on the same likelihood, what they refuse and why, and what they bear."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from data.analysis.batches import fit_model, fit_sets
from data.analysis.counts import BinomialCounts, NormalValues, PoissonCounts
from data.analysis.estimates import Estimate
from data.analysis.fit_results import FailedFit
from data.analysis.fits import Fit, Free, fit
from data.analysis.models import (
    Decay,
    DelayFringe,
    DetunedFlop,
    LorentzLine,
    PhaseFringe,
    Polynomial,
    RabiFlop,
    RabiLine,
)
from data.analysis.outcomes import Outcome
from data.errors import (
    AnalysisError,
    InsufficientDataError,
    MisfitError,
    NoSignalError,
    RangeError,
    SearchLimitError,
    ShapeError,
    UndeterminedError,
    UnfinishedFitError,
)

TIMES = np.linspace(0.0, 3.0, 31)


@pytest.mark.slow
def test_fits_agree_with_minuit(case: Any) -> None:
    """Values to 2 % of an error, errors to 15 %: Minuit takes the curvature seen, not the one expected.

    Both minimise the same deviance; Minuit is started at the truth. The data set is the first of which no
    parameter lies on a wall, where Minuit has no curvature.
    """
    drawn = case.sets(np.random.default_rng(2), 8)
    tried = fit_sets(case.model, case.places, drawn, known=case.known)
    problem = tried.problem
    inside = ((tried.values > problem.low) & (tried.values < problem.high)) | (problem.low == problem.high)
    free_of_walls = np.array([name in case.known for name in case.model.names]) | inside
    data = drawn.rows(np.flatnonzero(free_of_walls.all(axis=1) & tried.found)[:1])
    found = fit_sets(case.model, case.places, data, known=case.known)
    exact = np.array([name in case.known for name in case.model.names])
    errors = np.where(exact, 1.0, found.errors[0])
    low, high = np.array(case.truth) - 12 * errors, np.array(case.truth) + 12 * errors
    low, high = np.maximum(low, found.problem.low[0]), np.minimum(high, found.problem.high[0])
    free = [
        Free(name, float(a), float(b), step=float(e) / 10)
        for name, a, b, e, out in zip(case.model.names, low, high, errors, exact, strict=True)
        if not out
    ]

    def model(values: Any) -> Any:
        whole = np.array(case.truth)
        whole[~exact] = values
        return case.model.predict(case.places, whole)

    reference = fit("a case", model, free, [np.array(case.truth)[~exact]], data.rows(0))
    away = (found.values[0][~exact] - reference.values) / found.errors[0][~exact]
    assert np.abs(away).max() < 0.02
    assert found.deviances[0] == pytest.approx(reference.deviance, abs=1e-3)
    assert found.errors[0][~exact] == pytest.approx([e.error for e in reference.estimates.values()], rel=0.15)
    assert found.p_values[0] == pytest.approx(reference.p_value, abs=1e-3)
    assert found.freedom == reference.freedom


def test_a_batch_is_its_data_sets_one_by_one() -> None:
    rng = np.random.default_rng(3)
    counts = rng.binomial(100, Decay().predict(TIMES, [0.1, 0.9, 1.0]), (5, 31))
    batch = fit_sets(Decay(), TIMES, BinomialCounts(counts, 100))
    for index, row in enumerate(counts):
        one = fit_model(Decay(), TIMES, BinomialCounts(row, 100))
        assert one.values == pytest.approx(batch.values[index], rel=1e-6)
        assert one.covariance == pytest.approx(batch.covariance[index], rel=1e-4, abs=1e-9)
        again = batch[index]
        assert isinstance(again, Fit)
        assert one["lifetime"].error == pytest.approx(again["lifetime"].error)


def test_places_may_differ_between_data_sets() -> None:
    rng = np.random.default_rng(4)
    scales = np.array([[1.0], [2.5], [0.4]])
    shares = Decay().predict(TIMES, [0.1, 0.9, 1.0])
    data = BinomialCounts(np.broadcast_to(rng.binomial(100, shares), (3, 31)), 100)
    found = fit_sets(Decay(), TIMES * scales, data)
    lifetimes, errors = found.column("lifetime")
    assert lifetimes / scales[:, 0] == pytest.approx(lifetimes[0], rel=1e-4)
    assert errors / scales[:, 0] == pytest.approx(errors[0], rel=1e-3)


def test_every_failure_has_a_reason_and_no_errors() -> None:
    rng = np.random.default_rng(5)
    places = np.linspace(-10.0, 10.0, 41)
    line = LorentzLine()
    rows = [
        rng.poisson(line.predict(places, [20.0, 200.0, 1.0, 4.0])),
        rng.poisson(20.0, 41),
        rng.poisson(line.predict(places, [20.0, 3000.0, 25.0, 20.0])),
        rng.poisson(line.predict(places, [20.0, 200.0, -5, 3]) + line.predict(places, [0.0, 200.0, 5, 3])),
    ]
    found = fit_sets(line, places, PoissonCounts(np.stack(rows)))
    expected = [Outcome.FOUND, Outcome.NO_SIGNAL, Outcome.AT_LIMIT, Outcome.MISFIT]
    assert found.outcomes.tolist() == expected
    assert found.tally() == dict.fromkeys(expected, 1)
    assert found.found.tolist() == [True, False, False, False]
    assert np.isfinite(found.errors).all(axis=1).tolist() == [True, False, False, False]
    assert np.isnan(found.errors[1:]).all()
    assert np.isnan(found.column("centre")[0]).tolist() == [False, True, True, True]
    assert np.isnan(found.derived(line.height)[0]).tolist() == [False, True, True, True]
    assert isinstance(found[0], Fit)
    kinds = (NoSignalError, SearchLimitError, MisfitError)
    for failure, kind in zip(list(found)[1:], kinds, strict=True):
        assert isinstance(failure, FailedFit)
        assert isinstance(failure.error, kind)
        assert failure.prediction.shape == places.shape
        assert set(failure.values) == set(line.names)
        with pytest.raises(kind):
            raise failure.error


def test_messages_of_failures_have_their_facts() -> None:
    assert str(SearchLimitError("a Lorentzian line", "centre", 1.0e4, "Hz")) == (
        "the centre of a Lorentzian line runs against 10000 Hz, where the search ends, so its value is not "
        "found; shift or widen the scan, or look whether the data show this at all"
    )
    assert str(MisfitError("a Rabi line", 301.2, 57, 2e-33, 1e-4)) == (
        "a Rabi line does not describe the data: the deviance is 301.2 where about 57 is expected "
        "(probability 2e-33, a fit is refused below 0.0001); look at the residuals, and try another model"
    )
    assert str(UnfinishedFitError("a Voigt line", 100)) == (
        "the fit of a Voigt line reached no minimum in 100 steps; look at the data, or fix what is known of "
        "the parameters"
    )


@pytest.mark.slow
def test_a_flat_direction_is_told() -> None:
    """Of a detuned flop, frequency and contrast do not tell Rabi frequency, detuning and levels apart."""
    times = np.linspace(2e-6, 122e-6, 61)
    counts = np.random.default_rng(6).binomial(200, DetunedFlop().predict(times, [0.3, 0.7, 4e4, 3e4]))
    with pytest.raises(UndeterminedError, match=r"do not determine the .* of a detuned Rabi flop"):
        fit_model(DetunedFlop(), times, BinomialCounts(counts, 200))


@pytest.mark.parametrize("level", [0, 200])
def test_data_of_one_kind_only_are_no_signal(level: int) -> None:
    data = BinomialCounts(np.full(31, level), 200)
    for model in (Decay(), RabiFlop(), PhaseFringe(), RabiLine(0.2), LorentzLine()):
        with pytest.raises(NoSignalError, match="does not show in the data"):
            fit_model(model, TIMES + 0.1, data)


def test_constants_are_hardly_ever_taken_for_signals() -> None:
    """With a level of 1e-4 for a whole scan, 2 or more of 300 scans pass by chance in 4e-4 of all seeds."""
    rng, scan = np.random.default_rng(7), np.linspace(-30e3, 30e3, 61)
    for model in (RabiLine(50e-6), LorentzLine()):
        found = fit_sets(model, scan, BinomialCounts(rng.binomial(200, 0.1, (300, 61)), 200))
        assert (found.outcomes != Outcome.NO_SIGNAL).sum() < 2


def test_a_parameter_on_a_wall_has_a_one_sided_error() -> None:
    """No events without light: the ground is zero, its error the distance where the deviance rose by 1."""
    places = np.linspace(-10.0, 10.0, 41)
    counts = np.round(LorentzLine().predict(places, [0.0, 400.0, 0.0, 0.8])) * (np.abs(places) < 2)
    found = fit_sets(LorentzLine(), places, PoissonCounts(counts), gate=0.0)
    assert found.values[0, 0] == 0.0
    error = found.errors[0, 0]
    assert 0.0 < error < 1.0
    part, moved = found.problem, found.values.copy()
    moved[0, 0] = error
    held = np.array([[True, False, False, False]])
    from data.analysis.scoring import descend

    risen = descend(part, moved, held, 1e-6, 100).costs - found.deviances
    assert risen[0] == pytest.approx(1.0, abs=0.02)


def test_what_is_known_sharpens_and_what_is_exact_is_kept() -> None:
    counts = np.random.default_rng(8).binomial(50, Decay().predict(TIMES, [0.1, 0.9, 1.0]))
    data = BinomialCounts(counts, 50)
    plain = fit_model(Decay(), TIMES, data)
    known = fit_model(Decay(), TIMES, data, known={"end": Estimate(0.1, 0.005)})
    exact = fit_model(Decay(), TIMES, data, known={"end": Estimate(0.1, 0.0)})
    assert exact["end"] == Estimate(0.1, 0.0)
    assert exact["lifetime"].error < known["lifetime"].error < plain["lifetime"].error
    assert (plain.freedom, known.freedom, exact.freedom) == (28, 29, 29)
    assert known["end"].error == pytest.approx((plain["end"].error ** -2 + 0.005**-2) ** -0.5, rel=0.02)


def test_derived_values_know_the_covariance() -> None:
    counts = np.random.default_rng(9).binomial(200, PhaseFringe().predict(np.arange(12) / 12, [0.1, 0.9, 0]))
    fits = fit_sets(PhaseFringe(), np.arange(12) / 12, BinomialCounts(counts, 200))
    value, error = fits.derived(PhaseFringe.contrast)
    one = fits[0]
    assert isinstance(one, Fit)
    single = one.derived(lambda values: float(PhaseFringe.contrast(values)))
    assert value[0] == pytest.approx(single.value)
    assert error[0] == pytest.approx(single.error, rel=1e-6)
    ends = fits.errors[0, :2]
    assert error[0] != pytest.approx(float(np.hypot(*ends)), rel=0.02)


def test_the_sign_of_a_detuning_shows_with_two_phases() -> None:
    waits, phases = np.repeat(np.linspace(1e-4, 2e-3, 20), 2), np.tile([0.0, 0.25], 20)
    model = DelayFringe(phases, "exponential")
    rng = np.random.default_rng(10)
    for detuning in (-1700.0, 0.0, 1700.0):
        counts = rng.binomial(200, model.predict(waits, [0.05, 0.95, detuning, 0.0, 100.0]))
        found = fit_model(model, waits, BinomialCounts(counts, 200))
        assert abs(found["detuning"].value - detuning) < 4.5 * found["detuning"].error


def test_drifts_are_fitted_in_one_step() -> None:
    times = np.linspace(0.0, 10.0, 21)
    values = 3.0 - 0.2 * (times - 5.0)
    found = fit_model(Polynomial(1, origin=5.0, unit="Hz"), times, NormalValues(values, 0.1))
    assert found.values == pytest.approx([3.0, -0.2])
    assert found["c0"].error == pytest.approx(0.1 / 21**0.5)
    assert found["c1"].unit == "Hz/s^1"


def test_bad_input_is_refused() -> None:
    good = BinomialCounts(np.full((2, 31), 5), 10)
    with pytest.raises(ShapeError, match=r"places has shape \(30,\), but \(31,\), one for each point"):
        fit_sets(Decay(), TIMES[:-1], good)
    with pytest.raises(RangeError, match="places is not finite, but must be finite; check the columns"):
        fit_sets(Decay(), np.where(TIMES > 1, np.nan, TIMES), good)
    with pytest.raises(
        InsufficientDataError, match="a fit of a decay needs at least 4 points, but there are 3"
    ):
        fit_sets(Decay(), TIMES[:3], BinomialCounts([1, 2, 3], 10))
    with pytest.raises(
        InsufficientDataError, match="a fit of a decay needs at least 2 different places, but there are 1"
    ):
        fit_sets(Decay(), np.ones(31), good)
    with pytest.raises(RangeError, match="known is 'life', but must be one of end, begin, lifetime"):
        fit_sets(Decay(), TIMES, good, known={"life": Estimate(1.0, 0.1)})
    with pytest.raises(
        ShapeError, match=r"data has shape \(2, 31\), but \(points,\), one data set, is needed"
    ):
        fit_model(Decay(), TIMES, good)
    with pytest.raises(
        ShapeError, match=r"data has shape \(2, 31\), but \(points,\), one data set, is needed"
    ):
        fit("a level", lambda p: np.full(31, p[0]), (Free("p", 0.0, 1.0),), [(0.5,)], good)
    assert issubclass(ShapeError, AnalysisError)


def test_bad_columns_are_refused_in_batches() -> None:
    with pytest.raises(RangeError, match=r"successes\[1, 0\] is 11.0, but must be between 0 and the trials"):
        BinomialCounts([[1, 2], [11, 2]], 10)
    with pytest.raises(RangeError, match=r"counts\[0, 1\] is nan, but must be finite"):
        PoissonCounts([[1.0, np.nan]])
    with pytest.raises(ShapeError, match=r"counts has shape \(2,\), but rows of one length each, is needed"):
        PoissonCounts([[1, 2], [3]])  # type: ignore[list-item]
    with pytest.raises(ShapeError, match="one for each value"):
        BinomialCounts([[1, 2], [3, 4]], [10, 10, 10])


def test_batches_without_data_and_places_before_the_beginning_are_refused() -> None:
    with pytest.raises(
        InsufficientDataError, match="a fit of a decay needs at least 1 data sets, but there are 0"
    ):
        fit_sets(Decay(), TIMES, BinomialCounts(np.zeros((0, 31)), 10))
    data = BinomialCounts(np.full(31, 5), 10)
    for model in (Decay(), RabiFlop(), DelayFringe()):
        with pytest.raises(RangeError) as told:
            fit_sets(model, TIMES - 5.0, data)
        assert str(told.value) == (
            f"places is -5.0, but must be >= 0 for {model.what}; "
            "count from where the light, or the wait, begins"
        )


def test_derived_values_of_exact_parameters_have_errors() -> None:
    """The function has no value beside the exact one: there, nothing is to be asked."""
    counts = np.random.default_rng(12).binomial(200, Decay().predict(TIMES, [0.1, 0.9, 1.0]))
    fits = fit_sets(Decay(), TIMES, BinomialCounts(counts, 200), known={"end": Estimate(0.1, 0.0)})
    value, error = fits.derived(lambda values: values[..., 2] * np.sqrt(values[..., 0]))
    assert value[0] == pytest.approx(0.1**0.5 * fits.values[0, 2])
    assert error[0] == pytest.approx(0.1**0.5 * fits.errors[0, 2])
