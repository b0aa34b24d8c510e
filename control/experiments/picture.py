"""The picture of a run: what its experiment draws, with the residuals of fits, in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from control.errors import UsageError
from control.experiments.experiment import Experiment
from control.experiments.registry import author_errors
from control.experiments.scanned_runs import draw
from control.plots import draw_residuals, new_figure, save_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run


def draw_run(experiment: Experiment, run: Run, path: Path) -> Path:
    """Draw what an experiment shows of its run, into a file.

    Args:
        experiment: that made the run.
        run: open, with results.
        path: of the picture.

    Raises:
        MissingExtra: matplotlib is not installed.
        UsageError: the run has no results, or the path tells no format.
        ExperimentError: the experiment's own code fails.
    """
    return save_figure(figure_of(experiment, run), path)


def figure_of(experiment: Experiment, run: Run) -> Figure:
    """Draw what an experiment shows of its run, and how far its points are from their fits.

    Args:
        experiment: that made the run.
        run: open, with results.

    Raises:
        MissingExtra: matplotlib is not installed.
        UsageError: the run has no results.
        ExperimentError: the experiment's own code fails.
    """
    if not run.results:
        raise UsageError(what=f"run {run.id} has no results to draw", advice="`ionloom analyze` makes them.")
    figure = new_figure(run.id)
    with styled():
        with author_errors(f"draw() of {experiment.name}", kept=str(run.path)):
            draw(experiment, run, run.results, figure)
        draw_residuals(figure)
    return figure
