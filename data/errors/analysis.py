"""Columns that an estimator cannot use."""

from __future__ import annotations

from dataclasses import dataclass

from data.errors.root import DataError


@dataclass(eq=False)
class AnalysisError(DataError):
    """The columns handed to an estimator do not allow an estimate."""


@dataclass(eq=False)
class ShapeError(AnalysisError):
    """An array has not the shape that the estimator needs.

    Attributes:
        name: The argument.
        shape: The shape it has.
        expected: The shape it must have, in words or symbols.
    """

    name: str
    shape: tuple[int, ...]
    expected: str

    def __str__(self) -> str:
        return f"{self.name} has shape {self.shape}, but {self.expected} is needed; reshape or slice it first"


@dataclass(eq=False)
class RangeError(AnalysisError):
    """A value lies outside what is allowed.

    Attributes:
        name: The argument, with its index if it is one element of a column.
        value: The offending value.
        limit: What is allowed, with the unit.
        advice: What to do about it.
    """

    name: str
    value: object
    limit: str
    advice: str

    def __str__(self) -> str:
        return f"{self.name} is {self.value}, but must be {self.limit}; {self.advice}"


@dataclass(eq=False)
class InsufficientDataError(AnalysisError):
    """Too little was measured to estimate anything.

    Attributes:
        what: What was to be estimated.
        available: How many data there are.
        needed: How many are needed.
        unit: What is counted.
    """

    what: str
    available: int
    needed: int
    unit: str

    def __str__(self) -> str:
        return (
            f"{self.what} needs at least {self.needed} {self.unit}, but there are {self.available}; "
            "collect more data or leave this estimate out"
        )


@dataclass(eq=False)
class EmptySettingError(AnalysisError):
    """A tomography setting holds no counts, so nothing is known along its axes.

    Attributes:
        setting: Index of the setting.
        label: Its bases, or an empty string if they have no names.
        data_set: Index of the data set in the batch.
    """

    setting: int
    label: str
    data_set: tuple[int, ...]

    def __str__(self) -> str:
        label = f" ({self.label})" if self.label else ""
        place = f" of data set {', '.join(map(str, self.data_set))}" if self.data_set else ""
        return (
            f"setting {self.setting}{label}{place} has no counts, but a reconstruction needs at least 1 in "
            "every setting; measure this setting longer, or pass only the effects of the settings measured"
        )


@dataclass(eq=False)
class EffectsError(AnalysisError):
    """Matrices that are not the effects of a measurement.

    Attributes:
        setting: Index of the setting at fault.
        fault: What is wrong with its effects.
        deviation: By how much, as the largest matrix element or eigenvalue.
        limit: The deviation that is still taken as rounding.
    """

    setting: int
    fault: str
    deviation: float
    limit: float

    def __str__(self) -> str:
        return (
            f"the effects of setting {self.setting} {self.fault}: off by {self.deviation:.3g}, limit "
            f"{self.limit:.0e}; effects must be Hermitian, positive, and sum to the identity in each setting"
        )


@dataclass(eq=False)
class IncompleteSettingsError(AnalysisError):
    """The settings leave a part of the state unseen.

    Attributes:
        rank: How many real parameters the settings determine.
        needed: How many the state has, its trace included.
    """

    rank: int
    needed: int

    def __str__(self) -> str:
        return (
            f"the settings determine {self.rank} of the {self.needed} parameters of the state; "
            "add settings in other bases (for two qubits: all pairs of Z, X and Y)"
        )


@dataclass(eq=False)
class PreparationsError(AnalysisError):
    """Input states that do not determine a process.

    Attributes:
        rank: How many of them are independent.
        needed: How many must be: the square of the dimension.
    """

    rank: int
    needed: int

    def __str__(self) -> str:
        return (
            f"only {self.rank} of the {self.needed} input states that a process needs are independent; "
            "prepare more of them (for a qubit: both states of Z, and one each of X and Y)"
        )


@dataclass(eq=False)
class ConvergenceError(AnalysisError):
    """The certified gap was not reached.

    Attributes:
        gap: The largest log-likelihood that may still be missing.
        limit: The gap that was asked for.
        iterations: How many steps were taken.
    """

    gap: float
    limit: float
    iterations: int

    def __str__(self) -> str:
        return (
            f"after {self.iterations} steps the log-likelihood may still miss {self.gap:.3g}, limit "
            f"{self.limit:.3g}; ask for a larger gap (0.05 is a tenth of a statistical unit)"
        )


@dataclass(eq=False)
class ProjectionError(AnalysisError):
    """No nearest process was found.

    Attributes:
        deviation: Of the trace over the output from the identity, its largest element.
        limit: What is allowed.
        iterations: How many steps were taken.
    """

    deviation: float
    limit: float
    iterations: int

    def __str__(self) -> str:
        return (
            f"after {self.iterations} steps the trace over the output is off by {self.deviation:.3g}, limit "
            f"{self.limit:.0e}; the matrix is far from any process: check the counts and the preparations"
        )


@dataclass(eq=False)
class NoSignalError(AnalysisError):
    """The data are as good as constant: what was to be fitted does not show in them.

    Attributes:
        what: What was to be found.
        chance: Probability that a constant scatters as the data do, or more, in the direction of the model.
        limit: Probability below which a signal is believed.
    """

    what: str
    chance: float
    limit: float

    def __str__(self) -> str:
        return (
            f"{self.what} does not show in the data: a constant describes them, too (probability "
            f"{self.chance:.2g}, a signal is believed below {self.limit:g}); measure with more shots, or "
            "look elsewhere"
        )


@dataclass(eq=False)
class UndeterminedError(AnalysisError):
    """The data leave a parameter open: its error is as wide as all that it could be.

    Attributes:
        what: What was fitted.
        parameter: The parameter.
        error: Its standard error in the unit below; infinite if no value is excluded.
        width: Width of the allowed range.
        unit: Of both.
    """

    what: str
    parameter: str
    error: float
    width: float
    unit: str = ""

    def __str__(self) -> str:
        error, width = (f"{value:.3g} {self.unit}".rstrip() for value in (self.error, self.width))
        return (
            f"the data do not determine the {self.parameter} of {self.what}: its error is {error} in a "
            f"range of {width}; scan further, in finer steps, or with more shots"
        )


@dataclass(eq=False)
class SearchLimitError(AnalysisError):
    """The best value of a parameter lies where the search for it ends, and better ones beyond.

    Attributes:
        what: What was fitted.
        parameter: The parameter.
        limit: The value at which the search ends, in the unit below.
        unit: Of the limit.
    """

    what: str
    parameter: str
    limit: float
    unit: str = ""

    def __str__(self) -> str:
        limit = f"{self.limit:.6g} {self.unit}".rstrip()
        return (
            f"the {self.parameter} of {self.what} runs against {limit}, where the search ends, so its value "
            "is not found; shift or widen the scan, or look whether the data show this at all"
        )


@dataclass(eq=False)
class MisfitError(AnalysisError):
    """The best parameters of a model do not describe the data.

    Attributes:
        what: What was fitted.
        deviance: Of the data from the model.
        freedom: What it should be: points less parameters.
        p_value: Probability of such a deviance, or a larger one, if the model is true.
        gate: Probability below which a fit is refused.
    """

    what: str
    deviance: float
    freedom: int
    p_value: float
    gate: float

    def __str__(self) -> str:
        return (
            f"{self.what} does not describe the data: the deviance is {self.deviance:.4g} where about "
            f"{self.freedom} is expected (probability {self.p_value:.2g}, a fit is refused below "
            f"{self.gate:g}); look at the residuals, and try another model"
        )


@dataclass(eq=False)
class UnfinishedFitError(AnalysisError):
    """A fit reached no minimum.

    Attributes:
        what: What was fitted.
        steps: How many were taken.
    """

    what: str
    steps: int

    def __str__(self) -> str:
        return (
            f"the fit of {self.what} reached no minimum in {self.steps} steps; look at the data, or fix what "
            "is known of the parameters"
        )


@dataclass(eq=False)
class UnitError(AnalysisError):
    """Estimates of different units cannot be averaged.

    Attributes:
        units: The units found, in order of appearance.
    """

    units: tuple[str, ...]

    def __str__(self) -> str:
        units = ", ".join(repr(unit) for unit in self.units)
        return f"the estimates have different units ({units}), but an average needs one; convert them first"
