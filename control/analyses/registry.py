"""Finds analyses: those that come with ionloom by name, those of experiments, and a user's own by file.

Example:
    >>> find_analysis("summery")
    Traceback (most recent call last):
    ...
    control.errors.ConfigError: there is no analysis 'summery'. Did you mean summary? ...
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, Final

from control.analyses.analysis import Analysis, Draw, FunctionAnalysis, OwnAnalysis
from control.analyses.parameters import place_of
from control.errors import ConfigError, nearest
from control.experiments.experiment import Experiment
from control.experiments.registry import author_errors, experiment_names, find_experiment, load_file


@dataclass(frozen=True, slots=True)
class Shipped:
    """Where an analysis is that comes with ionloom.

    Attributes:
        place: ``module:function`` in `control.analyses`.
        drawing: name of the function beside it that draws the results; empty for the plain picture.
        summary: one line.
    """

    place: str
    drawing: str
    summary: str

    def load(self) -> Callable[..., Any]:
        """Import the function."""
        module, _, name = self.place.partition(":")
        function: Callable[..., Any] = getattr(importlib.import_module(f"control.analyses.{module}"), name)
        return function

    def load_drawing(self) -> Draw | None:
        """Import what draws the results, if there is something."""
        module = importlib.import_module(f"control.analyses.{self.place.partition(':')[0]}")
        drawing: Draw | None = getattr(module, self.drawing) if self.drawing else None
        return drawing


SHIPPED: Final[Mapping[str, Shipped]] = MappingProxyType(
    {
        "summary": Shipped("summary:analyse", "", "What was seen at every point, without a model."),
        "fit": Shipped("fitting:analyse", "draw", "A model, by name, through a readout over an axis."),
        "g2": Shipped("photons:g2", "draw_g2", "Correlation of two detectors over attempts."),
        "wave-packet": Shipped("photons:wave_packet", "draw_packet", "When photons arrive, and how often."),
        "tomography": Shipped("tomography:analyse", "draw", "States of ion-photon pairs from nine settings."),
    }
)
"""Name -> an analysis of any run. A new one is a function ``(run, **parameters)`` and a line here."""


def analysis_names() -> tuple[str, ...]:
    """Return the names of all analyses: those of any run, then those of shipped experiments."""
    return (*SHIPPED, *experiment_names())


def find_analysis(
    which: str | None = None, texts: Mapping[str, str] | None = None, experiment: str | None = None
) -> Analysis:
    """Return the analysis that a user means, with its parameters.

    Args:
        which: a name, ``FILE.py`` with a function ``analyse`` or an experiment, or ``FILE.py:Name``; None for
            the analysis of the experiment that made each run.
        texts: parameter -> what was typed.
        experiment: file of the experiment that made the runs, if it does not come with ionloom.

    Raises:
        ConfigError: no such analysis, or not with such parameters.
        ExperimentError: the file has a mistake; its line is told.
    """
    given = dict(texts or {})
    if which is None:
        return OwnAnalysis(None, experiment, given)
    if which in SHIPPED:
        return FunctionAnalysis.bound(which, SHIPPED[which].load(), given)
    if which in experiment_names():
        return OwnAnalysis(find_experiment(which), None, given)
    file, _, name = which.partition(".py:")
    if name or which.endswith(".py"):
        return _from_file(Path(f"{file.removesuffix('.py')}.py"), name, given)
    hint = nearest(which, analysis_names())
    raise ConfigError((f"there is no analysis {which!r}. {hint} One of your own is given as FILE.py.",))


def _from_file(file: Path, name: str, texts: Mapping[str, str]) -> Analysis:
    """Return the function of that name, else ``analyse``, else the experiment of a user's file."""
    module = load_file(file)
    function = vars(module).get(name or "analyse")
    if inspect.isfunction(function):
        source = file.read_text(encoding="utf-8", errors="replace")
        with author_errors(f"reading the parameters of {function.__name__}()", place=place_of(function)):
            return FunctionAnalysis.bound(file.name, function, texts, source)
    if name and not _is_experiment(function):
        functions = [key for key, value in vars(module).items() if _own(value, module)]
        raise ConfigError((f"{file} has no analysis {name!r}. {nearest(name, functions)}",))
    if not name and not any(_is_experiment(value) and _own(value, module) for value in vars(module).values()):
        raise ConfigError((f"{file} has no analysis: write a function analyse(run) that returns a mapping",))
    return OwnAnalysis(find_experiment(f"{file}:{name}" if name else str(file)), None, texts)


def _is_experiment(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Experiment)


def _own(value: object, module: ModuleType) -> bool:
    return getattr(value, "__module__", None) == module.__name__ and (
        inspect.isfunction(value) or _is_experiment(value)
    )
