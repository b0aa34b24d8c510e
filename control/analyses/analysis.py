"""An analysis: what is worked out of a run, and how that is shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from control.analyses.parameters import (
    RANDOM,
    bind,
    parameters_of,
    place_of,
    unknown_parameter,
)
from control.analyses.recorded import find_recorded
from control.errors import ConfigError, ControlError, ExperimentError, UsageError
from control.experiments import scanned_runs
from control.experiments.experiment import Experiment
from control.experiments.registry import author_errors
from control.experiments.tables import Table, cell
from control.runner import recorded_experiment
from data.errors import DataError
from data.pages import quantities_of
from data.results import EXPERIMENT, Maker
from sequences import SequenceError, declarations
from sequences.errors import DeclaredValueError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run

Draw = Callable[["Run", Mapping[str, Any], "Figure"], None]
"""Draws the results of a run on an empty figure."""


@dataclass(frozen=True, slots=True)
class Found:
    """What an analysis says of a run.

    Attributes:
        results: numbers, texts, lists, mappings, arrays.
        maker: who says so.
    """

    results: dict[str, Any]
    maker: Maker = EXPERIMENT


class Analysis(Protocol):
    """What can be applied to a run."""

    def analyse(self, run: Run) -> Found:
        """Return what the data say."""


@dataclass(frozen=True, slots=True)
class OwnAnalysis:
    """The analysis of an experiment, by default of the one that made the run.

    Attributes:
        kind: of the experiment; None for the one that made each run.
        file: where the code of that one is, if it does not come with ionloom.
        texts: parameters of the experiment that are changed for the analysis.
    """

    kind: type[Experiment] | None = None
    file: str | None = None
    texts: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def analyse(self, run: Run) -> Found:
        """Return what the experiment says of its data.

        Raises:
            ConfigError: it is not known where its code is, or it has not such parameters.
            ExperimentError: its code fails.
        """
        made_by = find_recorded(run, self.file) if self.kind is None else recorded_experiment(self.kind, run)
        experiment = self._changed(made_by)
        with _fitting(experiment, run), author_errors(f"analyse() of {experiment.name}", kept=str(run.path)):
            results: dict[str, Any] = plain(dict(scanned_runs.analyse(experiment, run)))
        if not self.texts and experiment.name == run.experiment:
            return Found(results)
        changed = {name: getattr(experiment, name) for name in self.texts}
        return Found(results, Maker(experiment.name, storable(changed)))

    def _changed(self, experiment: Experiment) -> Experiment:
        """Return the experiment with other parameters."""
        known = declarations(type(experiment))
        what = f"the analysis of {experiment.name}"
        problems = [unknown_parameter(what, name, known) for name in self.texts if name not in known]
        values = {}
        for name, text in self.texts.items():
            try:
                if name in known:
                    values[name] = known[name].read(name, text)
            except DeclaredValueError as error:
                problems.append(str(error))
        if problems:
            raise ConfigError(tuple(problems))
        with author_errors(f"making {experiment.name} with other parameters"):
            return replace(experiment, **values)


@contextmanager
def _fitting(experiment: Experiment, run: Run) -> Iterator[None]:
    """Tell what a run lacks for the analysis of another experiment: the code of that one is right."""
    try:
        yield
    except ExperimentError as error:
        if experiment.name == run.experiment or not isinstance(error.__cause__, LookupError):
            raise
        what = f"run {run.id} of {run.experiment} lacks {error.__cause__}, which {experiment.name} analyses"
        raise UsageError(what=what, advice="`ionloom show` tells what it holds.") from error


@dataclass(frozen=True, slots=True)
class FunctionAnalysis:
    """A function ``analyse(run, **parameters)``: one that comes with ionloom, or a user's.

    Attributes:
        name: of it.
        function: from a run and parameters to results.
        values: of its parameters.
        random: whether it wants random numbers; their seed is the id of the run.
        source: text of a user's file; empty for an analysis that comes with ionloom.
    """

    name: str
    function: Callable[..., Mapping[str, object]]
    values: Mapping[str, Any]
    random: bool = False
    source: str = ""

    # What an analysis that comes with ionloom says is said to who asked; a user's own code is blamed by line.
    _SPEAKING: ClassVar[tuple[type[Exception], ...]] = (ControlError, SequenceError, DataError)

    @classmethod
    def bound(
        cls, name: str, function: Callable[..., Any], texts: Mapping[str, str], source: str = ""
    ) -> FunctionAnalysis:
        """Return a function with its parameters read from texts.

        Raises:
            ConfigError: they are not the ones that it takes.
        """
        signature = parameters_of(function)
        values = bind(signature, texts, f"the analysis {name}")
        return cls(name, function, values, signature.random, source)

    def analyse(self, run: Run) -> Found:
        """Return what the function says of a run.

        Raises:
            ExperimentError: a user's code fails; its line is told.
            ControlError: it cannot be applied to this run.
            DataError: the data do not allow it.
        """
        random = {RANDOM: generator_of(run)} if self.random else {}
        passing = self._SPEAKING[:2] if self.source else self._SPEAKING
        with author_errors(f"analyse() of {self.name}", kept=str(run.path), passing=passing):
            results: object = self.function(run, **self.values, **random)
        if not isinstance(results, Mapping):
            raise self._refused(
                run, f"it returns {type(results).__name__}, not a mapping of names to results"
            )
        try:
            told = plain(dict(results))
        except RecursionError:
            raise self._refused(run, "its results hold themselves, or mappings without end") from None
        return Found(told, Maker(self.name, storable(self.values), self.source))

    def _refused(self, run: Run, reason: str) -> ExperimentError:
        """Return the error that tells why what the function returns is no result."""
        what = f"analyse() of {self.name}"
        return ExperimentError(what=what, place=place_of(self.function), reason=reason, kept=str(run.path))


def generator_of(run: Run) -> np.random.Generator:
    """Return random numbers that depend on the id of a run alone: not on who analyses it, nor when."""
    return np.random.default_rng(np.random.SeedSequence(list(run.id.encode())))


def storable(values: Mapping[str, Any]) -> dict[str, float | str | bool]:
    """Return the parameters that a file keeps of an analysis: those that have a value."""
    return {name: value for name, value in values.items() if isinstance(value, float | int | str)}


def plain(value: Any) -> Any:
    """Return results with dataclasses, such as estimates, as mappings."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def table_of(results: Mapping[str, Any], title: str) -> Table:
    """Return the single values of results with errors and units, and how many entries the others have."""
    rows = [(quantity.title, str(quantity)) for quantity in quantities_of(results)]
    told = {quantity.name for quantity in quantities_of(results)} | {"units"}
    for name, value in results.items():
        if isinstance(value, list | dict | np.ndarray) and name not in told and len(value):
            rows.append((name.replace("_", " "), f"{len(value)} entries"))
    return Table(("result", "value"), tuple((name, cell(value)) for name, value in rows), title)
