"""How a run is shown: as its experiment says, as the analysis of its results says, or plainly.

Any run can be shown: one whose experiment does not come with ionloom, or that another program wrote, as what
its points give.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from control.analyses.analysis import table_of
from control.analyses.recorded import find_recorded
from control.analyses.registry import SHIPPED
from control.errors import UsageError
from control.experiments import picture, scanned_runs
from control.experiments.experiment import Experiment
from control.experiments.registry import author_errors, experiment_names, find_experiment
from control.experiments.tables import Table
from control.plots import draw_counts, draw_residuals, new_figure, styled
from control.runner import recorded_experiment
from data.errors import DataError
from sequences.errors import DeclaredValueError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run


@dataclass(frozen=True, slots=True)
class Presentation:
    """A run with whoever knows how to show it.

    Attributes:
        run: open.
        analysis: name of what made the results.
        experiment: that shows them; None where none does.
    """

    run: Run
    analysis: str
    experiment: Experiment | None

    def table(self) -> Table:
        """Return what people want to see of the results.

        Raises:
            ExperimentError: the experiment's own code fails.
        """
        if self.experiment is None:
            return table_of(self.run.results, self.analysis)
        with author_errors(f"table() of {self.experiment.name}", kept=str(self.run.path)):
            return scanned_runs.tabulate_run(self.experiment, self.run, self.run.results)

    def figure(self) -> Figure:
        """Draw the run.

        Raises:
            MissingExtra: matplotlib is not installed.
            UsageError: there is nothing to draw.
            ExperimentError: the experiment's own code fails.
        """
        if self.experiment is not None and self.run.results:
            return picture.figure_of(self.experiment, self.run)
        if not len(self.run):
            raise UsageError(what=f"run {self.run.id} has no points to draw", advice="It was cut off before.")
        figure = new_figure(self.run.id)
        draw = SHIPPED[self.analysis].load_drawing() if self.analysis in SHIPPED else None
        with styled():
            if draw is not None:
                with author_errors(f"drawing {self.analysis}", kept=str(self.run.path)):
                    draw(self.run, self.run.results, figure)
            else:
                draw_counts(figure, self.run)
            draw_residuals(figure)
        return figure


def present(run: Run, file: str | None = None) -> Presentation:
    """Return how a run is shown.

    Args:
        run: open.
        file: where the code of its experiment is, if it does not come with ionloom; it is then wanted.

    Raises:
        ConfigError: the file holds another experiment.
        ExperimentError: its code fails.
    """
    made_by = analysis_of(run)
    if made_by in SHIPPED:
        return Presentation(run, made_by, None)
    if file is not None and made_by == run.experiment:
        return Presentation(run, made_by, find_recorded(run, file))
    if made_by in experiment_names():
        try:
            return Presentation(run, made_by, recorded_experiment(find_experiment(made_by), run))
        except (DeclaredValueError, DataError):  # a name like ours, of a run that is not ours
            return Presentation(run, made_by, None)
    return Presentation(run, made_by, None)


def analysis_of(run: Run) -> str:
    """Return the name of the analysis that made the latest results of a run."""
    by = run.analyses[-1].by if run.analyses else ""
    return by or run.experiment
