"""Experiments that end in a fit: what they have in common on the way from counts to a table and a picture."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from control.experiments.experiment import Experiment
from control.experiments.tables import Table
from data.errors import AnalysisError
from sequences.declarations import declarations
from sequences.library import Calibration

if TYPE_CHECKING:
    from collections.abc import Callable

    from data import Run
    from data.analysis import Estimate
    from data.analysis.fits import Fit

Columns: TypeAlias = dict[str, NDArray[Any]]
"""Name -> one value a point, (points,)."""

CURVE_POINTS: Final = 400
"""Of the curve of a fit: smooth in print."""

HOPELESS: Final = 1e-6
"""p-value below which a model plainly does not describe the data: one run in a million by chance."""

DESCRIBES: Final = "describes the data"
"""The verdict on all other fits."""


class FittedExperiment(Experiment):
    """Base of experiments that fit a model to what they have measured.

    The results are flat: an estimate ``x`` has its error in ``x_error`` and its unit in ``units``. What the
    data cannot tell is None, and ``refused`` says why. ``fit`` says whether the model describes the data at
    all.

    Attributes:
        finds: the estimates, and their units.
    """

    finds: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def collect(self, run: Run) -> Columns:
        """Return what was measured: columns (points,) of one table."""

    @abstractmethod
    def find(self, run: Run, columns: Columns) -> dict[str, Any]:
        """Return what the columns say: estimates under the names of `finds`, and anything else.

        Raises:
            AnalysisError: the data do not tell.
        """

    def analyse(self, run: Run) -> Mapping[str, object]:
        """Return the estimates with their errors, how good the fit is, the data and the fitted curve."""
        columns = self.collect(run)
        found: dict[str, Any] = dict.fromkeys(self.finds)
        try:
            found |= self.find(run, columns)
        except AnalysisError as error:
            found["refused"] = str(error)
        results: dict[str, Any] = {}
        for name, value in found.items():
            results |= _flat(name, value) if name in self.finds else {name: value}
        data = {name: column.tolist() for name, column in columns.items()}
        return {**results, "units": dict(self.finds), "data": data}

    def table(self, results: Mapping[str, Any]) -> Table:
        """Return every estimate with its error, and whether the fit is good."""
        rows = [
            (name.replace("_", " "), _shown(results, name, unit)) for name, unit in results["units"].items()
        ]
        if results.get("p_value") is not None:
            rows.append(
                ("chi^2 / degrees of freedom", f"{results['chi_squared']:.1f} / {results['freedom']}")
            )
            rows.append(("p-value", f"{results['p_value']:.3g}"))
        if results.get("fit", DESCRIBES) != DESCRIBES:
            rows.append(("fit", results["fit"]))
        if "refused" in results:
            rows.append(("not found, because", results["refused"]))
        return Table(("result", "value"), tuple(rows), title=self.name)


def quality(fit: Fit) -> dict[str, Any]:
    """Return how good a fit is, as results."""
    return {
        "chi_squared": fit.deviance,
        "freedom": fit.freedom,
        "p_value": fit.p_value,
        "fit": verdict(fit.p_value),
    }


def verdict(p_value: float) -> str:
    """Return in words whether a fit describes its data.

    Example:
        >>> verdict(0.3), verdict(5e-37)
        ('describes the data', 'does not describe the data (p = 5e-37): errors mean nothing')
    """
    if p_value >= HOPELESS:
        return DESCRIBES
    return f"does not describe the data (p = {p_value:.2g}): errors mean nothing"


def curve_of(
    places: Sequence[float] | NDArray[np.float64], model: Callable[[NDArray[np.float64]], Any]
) -> dict[str, list[float]]:
    """Return a fitted curve over the range of its places, as results."""
    dense = np.linspace(float(np.min(places)), float(np.max(places)), CURVE_POINTS)
    return {"x": dense.tolist(), "y": np.asarray(model(dense)).tolist()}


def dark_counts(run: Run) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how often ions were found dark, and how often they were looked at: both (points,), all ions."""
    from data.analysis import classify_bright  # noqa: PLC0415 - late, as all analysis

    threshold = int(run.parameters["bright_threshold"].value)
    dark = [~classify_bright(record.counts["ions"], threshold) for record in run.records()]
    return np.array([int(seen.sum()) for seen in dark]), np.array([seen.size for seen in dark])


def dark_columns(run: Run, *axes: str) -> Columns:
    """Return the scanned values, and how often ions were dark, as columns (points,)."""
    dark, shots = dark_counts(run)
    scanned = {axis: np.array([point[axis] for point in run.points]) for axis in axes}
    return {**scanned, "dark": dark, "shots": shots}


def calibration_of(run: Run) -> Calibration:
    """Return what the lab believed when a run was made."""
    known = {name: run.parameters[name].value for name in declarations(Calibration) if name in run.parameters}
    return Calibration(**cast("dict[str, float]", known))


def _flat(name: str, value: Estimate | None) -> dict[str, float | None]:
    return {
        name: None if value is None else value.value,
        f"{name}_error": None if value is None else value.error,
    }


def _shown(results: Mapping[str, Any], name: str, unit: str) -> str:
    from data.analysis import Estimate  # noqa: PLC0415

    value = results[name]
    return "not determined" if value is None else str(Estimate(value, results[f"{name}_error"], unit))
