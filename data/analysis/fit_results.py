"""What fits of one model to many data sets found, each with an outcome of its own."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.analysis.estimates import Estimate
from data.analysis.fits import CHANCE, Fit
from data.analysis.outcomes import Outcome
from data.analysis.profiles import find_end
from data.analysis.scoring import Problem
from data.analysis.walls import walls_of
from data.errors import (
    AnalysisError,
    MisfitError,
    NoSignalError,
    SearchLimitError,
    UndeterminedError,
    UnfinishedFitError,
)

Vector: TypeAlias = NDArray[np.float64]
Known: TypeAlias = Mapping[str, Estimate]

LONGEST: Final = 100
"""Steps that a fit may take."""


@dataclass(frozen=True, slots=True, eq=False)
class FailedFit:
    """A fit that found nothing to rely on.

    Attributes:
        outcome: Why, in one word.
        error: Why, with the facts. Raise it where a result is a must.
        values: Of the parameters where the fit stood at its end, to look at; there are no errors to them.
        prediction: What the model says with these, (points,).
        deviance: Of the data from it.
    """

    outcome: Outcome
    error: AnalysisError
    values: dict[str, float]
    prediction: Vector
    deviance: float


@dataclass(frozen=True, slots=True, eq=False)
class FitSets:
    """What fits of one model to many data sets found.

    Columns are NaN where a fit found nothing, but for values, deviances and outcomes.

    Attributes:
        problem: The data sets, and the model.
        outcomes: How each fit ended, (sets,), of `Outcome`.
        values: Of the parameters, (sets, parameters), in the order of the model.
        covariance: Shape (sets, parameters, parameters). A parameter on a wall of nature, or within an error
            of one, has the distance away from it at which the deviance has risen by 1 for its error.
        deviances: Of the data from the model, (sets,).
        p_values: Probability of a deviance as large, or larger, if the model is true, (sets,).
        chances: Probability that a constant looks like the model anywhere in the scan, (sets,).
        culprits: Index of the parameter that a fit failed at, (sets,), or -1.
        freedom: Points less parameters; those that are known from elsewhere do not count.
        gate: p-value below which fits are refused.
        known: Parameters that were known from elsewhere.
    """

    problem: Problem
    outcomes: NDArray[np.object_]
    values: Vector
    covariance: Vector
    deviances: Vector
    p_values: Vector
    chances: Vector
    culprits: NDArray[np.intp]
    freedom: int
    gate: float
    known: Known

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Fit | FailedFit]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Fit | FailedFit:
        """Return one fit, with estimates, or why there is none."""
        model, outcome = self.problem.model, self.outcomes[index]
        row = self.values[index]
        part = self.problem.rows(np.array([index]))
        prediction = model.evaluate(part.places, row[None, :])[0][0]
        deviance = float(self.deviances[index])
        if outcome is not Outcome.FOUND:
            values = dict(zip(model.names, row.tolist(), strict=True))
            return FailedFit(outcome, self._fault(index), values, prediction, deviance)
        estimates = {
            parameter.name: Estimate(value, error, parameter.unit)
            for parameter, value, error in zip(
                model.parameters, row.tolist(), self.errors[index].tolist(), strict=True
            )
        }
        p_value = float(self.p_values[index])
        return Fit(estimates, self.covariance[index], prediction, deviance, self.freedom, p_value)

    @property
    def found(self) -> NDArray[np.bool_]:
        """Whether a fit found its parameters, (sets,)."""
        return np.asarray(self.outcomes == Outcome.FOUND, dtype=np.bool_)

    @property
    def errors(self) -> Vector:
        """Standard errors, (sets, parameters)."""
        return np.asarray(np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2)))

    def tally(self) -> dict[Outcome, int]:
        """Return how often each outcome occurred, the most frequent first."""
        return dict(Counter(self.outcomes.tolist()).most_common())

    def column(self, name: str) -> tuple[Vector, Vector]:
        """Return values and errors of one parameter, both (sets,)."""
        index = self.problem.model.names.index(name)
        return np.where(self.found, self.values[:, index], np.nan), self.errors[:, index]

    def derived(self, function: Callable[[Vector], Vector]) -> tuple[Vector, Vector]:
        """Return a function of the parameters, and its errors by theirs and their covariance, to first order.

        Args:
            function: Parameters (..., parameters) -> numbers (...).

        Returns:
            Values and errors, both (sets,).
        """
        centre = np.where(self.found[:, None], self.values, np.nan)
        slopes = np.zeros(centre.shape)
        for index in np.flatnonzero(~self.problem.exact):  # what is exact adds nothing, whatever its slope
            step = self.errors[:, index] / 10
            shift = np.zeros(centre.shape)
            shift[:, index] = np.where(step > 0, step, 1.0)
            slopes[:, index] = (function(centre + shift) - function(centre - shift)) / (2 * shift[:, index])
        squares = np.einsum("sp,spq,sq->s", slopes, self.covariance, slopes)
        return np.asarray(function(centre)), np.sqrt(np.maximum(squares, 0.0))

    def profile(self, name: str, rise: float = 1.0) -> tuple[Vector, Vector]:
        """Return the ends of the interval of a parameter by its profile likelihood.

        Args:
            name: Of the parameter.
            rise: Of the deviance at the ends: 1 for 68.3 %, 3.84 for 95 %.

        Returns:
            Lower and upper ends, both (sets,). An end is a wall of nature if the parameter can lie there, and
            NaN where the data set no end within the search. Both are the value of a parameter that is exact.
        """
        index = self.problem.model.names.index(name)
        if self.problem.exact[index]:
            value = self.column(name)[0]
            return value, value.copy()
        rows = np.flatnonzero(self.found)
        part, values = self.problem.rows(rows), self.values[rows]
        costs = part.expand(values)[0]
        ends = np.full((2, len(self)), np.nan)
        for end, side in zip(ends, (-1.0, 1.0), strict=True):
            limit = (part.high if side > 0 else part.low)[:, index]
            reached = find_end(part, values, costs, self.covariance[rows], index, side, rise)
            wall = walls_of(part)[0 if side < 0 else 1][:, index]
            end[rows] = np.where((reached == limit) & ~wall, np.nan, reached)
        return ends[0], ends[1]

    def _fault(self, index: int) -> AnalysisError:
        """Return why a fit found nothing."""
        model, outcome, culprit = self.problem.model, self.outcomes[index], int(self.culprits[index])
        if outcome is Outcome.NO_SIGNAL:
            return NoSignalError(model.what, float(self.chances[index]), CHANCE)
        if outcome is Outcome.UNFINISHED:
            return UnfinishedFitError(model.what, LONGEST)
        if outcome is Outcome.MISFIT:
            deviance, p_value = float(self.deviances[index]), float(self.p_values[index])
            return MisfitError(model.what, deviance, self.freedom, p_value, self.gate)
        parameter = model.parameters[culprit]
        if outcome is Outcome.AT_LIMIT:
            return SearchLimitError(
                model.what, parameter.name, float(self.values[index, culprit]), parameter.unit
            )
        width = float(self.problem.high[index, culprit] - self.problem.low[index, culprit])
        return UndeterminedError(model.what, parameter.name, math.inf, width, parameter.unit)
