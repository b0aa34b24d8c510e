"""The picture of a run: what its experiment draws, in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from control.errors import UsageError
from control.experiments.experiment import Experiment
from control.experiments.registry import author_errors
from control.experiments.scanned_runs import draw
from control.plots import STYLE, new_figure, save_figure

if TYPE_CHECKING:
    from data import Run


def draw_run(experiment: Experiment, run: Run, path: Path) -> Path:
    """Draw what an experiment shows of its run, into a file.

    Args:
        experiment: that made the run.
        run: open, with results.
        path: of the picture.

    Raises:
        MissingExtra: matplotlib is not installed.
        UsageError: the run has no results.
        ExperimentError: the experiment's own code fails.
    """
    if not run.results:
        raise UsageError(what=f"run {run.id} has no results to draw", advice="`ionloom analyze` makes them.")
    figure = new_figure(run.id)
    import matplotlib as mpl  # noqa: PLC0415 - new_figure has said so if it is missing

    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        with author_errors(f"draw() of {experiment.name}", kept=str(run.path)):
            draw(experiment, run, run.results, figure)
        return save_figure(figure, path)
