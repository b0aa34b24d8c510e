"""Experiments as they made a run: their code as it is now, the parameters as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from control.errors import ConfigError
from control.experiments.experiment import Experiment
from control.experiments.registry import experiment_names, find_experiment
from control.runner import recorded_experiment

if TYPE_CHECKING:
    from data import Run


def find_recorded(run: Run, file: str | None) -> Experiment:
    """Return the experiment that made a run, with the run's parameters.

    Args:
        run: open.
        file: where its code is, for one that does not come with ionloom.

    Raises:
        ConfigError: it is not known where its code is, or the file holds another experiment.
    """
    if file is None and run.experiment not in experiment_names():
        raise ConfigError(
            (
                f"run {run.id} was made by {run.experiment!r}, which does not come with ionloom: "
                f"say where its code is with --experiment {run.header.provenance.source_file or 'FILE.py'}",
            )
        )
    kind = find_experiment(file or run.experiment)
    if kind.name != run.experiment:
        advice = "say which class with --experiment FILE.py:Class"
        raise ConfigError((f"run {run.id} was made by {run.experiment!r}, not by {kind.name!r}: {advice}",))
    return recorded_experiment(kind, run)
