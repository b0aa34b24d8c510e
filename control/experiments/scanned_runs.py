"""Runs that were scanned from outside: the experiment's own analysis, made for each scanned value by itself.

An experiment that knows nothing of the scan would mix the values up. So it is shown the part of the run that
belongs to one value, as if nothing else had been measured; the results then say how they depend on it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from control.experiments.experiment import Experiment
from control.experiments.tables import Table, tabulate
from data import StoredParameter
from data.findings import Finding, Units, findings_of, units_of
from sequences.declarations import declarations
from sequences.units import show

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from control.experiments.opening import OuterScan
    from data import Run
    from data.columns import Record
    from data.header import RunHeader
    from data.points import PointValues

SCAN: Final = "scan"
"""The entry among a run's parameters that holds the text form of the scan."""

SCANNED_VALUES: Final = "scanned_values"
"""The entry that names which declared values were scanned; their own entries hold the values around them."""


PANEL_HEIGHT: Final = 1.7
"""Inches that one result needs in a picture, its numbers included."""

_ONE_COLUMN: Final = 6  # panels that fit below each other on a page

_LABEL_LETTERS: Final = 16  # of a line beside a panel of that height

_DIGITS: Final = 4  # of a result whose error is not known, as everywhere in tables

_SHARES: Final = frozenset({"probability", "efficiency", "fidelity"})
"""Words in the names of results that lie between zero and one."""


def scan_entries(outer: OuterScan) -> tuple[StoredParameter, ...]:
    """Return what a run file says of its scan."""
    text = StoredParameter(SCAN, str(outer.scan), origin="override", help="measured at each of these values")
    if not outer.opened:
        return (text,)
    names = ", ".join(parameter.name for parameter in outer.opened)
    return text, StoredParameter(SCANNED_VALUES, names, origin="override", help="declared values in the scan")


def scanned_values(run: Run) -> tuple[str, ...]:
    """Return the names of the declared values that were scanned in a run."""
    entry = run.parameters.get(SCANNED_VALUES)
    return tuple(str(entry.value).split(", ")) if entry else ()


def analyse(experiment: Experiment, run: Run) -> Mapping[str, object]:
    """Return what an experiment's analysis says of a run, for each scanned value by itself.

    Args:
        experiment: with the parameters of the run.
        run: open.

    Returns:
        What `Experiment.analyse` returns; or, for a scanned run of an experiment with an analysis of its own,
        ``points`` (one row of single numbers a value, in the order of measurement), ``parts`` (everything
        that the analysis said of each value) and ``units`` (of the columns of the rows).
    """
    names = scanned_values(run)
    if not names or type(experiment).analyse is Experiment.analyse:
        return experiment.analyse(run)
    declared = declarations(type(experiment))
    rows: list[dict[str, object]] = []
    parts: list[dict[str, object]] = []
    units: dict[str, str] = {}
    for part in parts_of(run, names):
        own: dict[str, Any] = {name: part.values[name] for name in names if name in declared}
        results = dict(replace(experiment, **own).analyse(cast("Run", part)))
        rows += [{**part.values, **row} for row in result_rows(results)]
        parts.append({**part.values, "results": results})
        units |= units_told(results)
    return {"points": rows, "parts": parts, "units": units | _units_of_axes(run, names)}


def tabulate_run(experiment: Experiment, run: Run, results: Mapping[str, Any]) -> Table:
    """Return what people want to see of the results: one row a point where values were scanned, ascending."""
    names = scanned_values(run)
    if not names:
        return experiment.table(results)
    units = units_of(results, _units_of_axes(run, names))
    rows = sorted(results.get("points", []), key=lambda row: [row[name] for name in names])
    return tabulate([readable_row(row, names, units) for row in rows], title=experiment.name)


def draw(experiment: Experiment, run: Run, results: Mapping[str, Any], figure: Figure) -> None:
    """Draw a run: what the experiment draws; where values were scanned, results or mean counts over them."""
    names, rows = scanned_values(run), results.get("points", [])
    if names and (estimates := _estimates(rows)):
        units = units_of(results, _units_of_axes(run, names))
        draw_estimates_over(figure, names, rows, estimates, units)
    elif names or type(experiment).draw is Experiment.draw:
        Experiment.draw(experiment, cast("Run", _ascending(run)), results, figure)
    else:
        experiment.draw(run, results, figure)


@dataclass(frozen=True)
class RunPart:
    """Some points of a run, with the face of a whole `data.Run`: those of one scanned value.

    Attributes:
        run: the whole.
        indices: of the points in the whole, in the order of the part.
        values: scanned name -> the one value that it has here; these axes are left out.
    """

    run: Run
    indices: tuple[int, ...]
    values: Mapping[str, float]

    @property
    def id(self) -> str:
        """Of the whole run."""
        return self.run.id

    @property
    def experiment(self) -> str:
        """Name of the experiment."""
        return self.run.experiment

    @cached_property
    def header(self) -> RunHeader:
        """The head of the run, as if its experiment had been made with the scanned values of this part."""
        head = self.run.header
        return replace(
            head,
            axes=tuple(axis for axis in head.axes if axis.name not in self.values),
            parameters=tuple(replace(p, value=self.values.get(p.name, p.value)) for p in head.parameters),
        )

    @cached_property
    def parameters(self) -> Mapping[str, StoredParameter]:
        """Every value that the experiment used, by name."""
        return {parameter.name: parameter for parameter in self.header.parameters}

    @cached_property
    def points(self) -> tuple[PointValues, ...]:
        """The experiment's own values at each point."""
        inner = [axis.name for axis in self.header.axes]
        return tuple({name: self.run.points[index][name] for name in inner} for index in self.indices)

    def __len__(self) -> int:
        return len(self.indices)

    def record(self, index: int) -> Record:
        """Read what was seen at a point of this part."""
        return self.run.record(self.indices[index])

    def records(self) -> Iterator[Record]:
        """Read what was seen, point by point."""
        return map(self.run.record, self.indices)

    def column(self, path: str) -> NDArray[Any]:
        """Read a column of the file over the points of this part."""
        return np.concatenate([self.run.rows(index)[path] for index in self.indices])


def parts_of(run: Run, names: tuple[str, ...]) -> list[RunPart]:
    """Return the parts of a run, one for each set of scanned values, in the order of measurement."""
    indices: dict[tuple[float, ...], list[int]] = {}
    for index, point in enumerate(run.points):
        indices.setdefault(tuple(float(point[name]) for name in names), []).append(index)
    return [
        RunPart(run, tuple(found), dict(zip(names, values, strict=True))) for values, found in indices.items()
    ]


def _ascending(run: Run) -> RunPart:
    """Return the whole run with its points in the order of what was scanned, however they were visited."""
    numbers = [axis.name for axis in run.axes if not axis.text]
    order = sorted(range(len(run)), key=lambda index: [float(run.points[index][name]) for name in numbers])
    return RunPart(run, tuple(order), {})


def result_rows(results: Mapping[str, object]) -> list[dict[str, object]]:
    """Return the rows of an analysis if it made some, else its single values as one row, errors beside."""
    rows = results.get("points")
    if isinstance(rows, list) and rows:
        return [dict(row) for row in rows]
    row: dict[str, object] = {}
    for found in findings_of(results):
        if not isinstance(found.value, list | Mapping):
            row[found.name] = found.value
            row |= {} if found.error is None else {f"{found.name}_error": found.error}
    return [row]


def units_told(results: Mapping[str, object]) -> dict[str, str]:
    """Return the units of the columns that `result_rows` makes."""
    own = {found.name: found.unit for found in findings_of(results) if found.unit}
    return {**units_of(results), **own}


def _units_of_axes(run: Run, names: tuple[str, ...]) -> dict[str, str]:
    return {axis.name: axis.unit for axis in run.axes if axis.name in names}


def _estimates(rows: list[dict[str, Any]]) -> list[str]:
    """Return the results that come with an error for some value, and so are worth a curve."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [name for name in names if f"{name}_error" in names]


def readable_row(
    row: Mapping[str, Any], names: tuple[str, ...], units: Mapping[str, str]
) -> dict[str, object]:
    """Return a row of texts for a table.

    Args:
        row: of single values.
        names: of the scanned values, which come first, with all their digits.
        units: name of a value -> base unit; shares of one are shown in per cent.

    Returns:
        Name -> value with its unit, and its error in brackets; errors have no columns of their own.
    """
    cells: dict[str, object] = {
        name: show(row[name], units[name]) if isinstance(row[name], float) else row[name] for name in names
    }
    for found in findings_of(row, units):
        if found.name not in cells:
            cells[found.name] = _cell(found)
    return cells


def _cell(found: Finding) -> object:
    """Return a result as people read it: one without an error and a unit as it is."""
    from data.analysis import Estimate  # noqa: PLC0415 - late, as all analysis

    value, error = found.value, found.error
    if value is None or isinstance(value, bool | str | list):
        return value
    if error is not None and math.isfinite(value) and math.isfinite(error):
        estimate = Estimate(value, error, found.unit)
        return f"{estimate:%}" if is_share(found.name, found.unit) else str(estimate)
    return show(value, found.unit, _DIGITS) if found.unit else value


def is_share(name: str, unit: str) -> bool:
    """Tell by its name whether a result is a probability, which people read in per cent.

    Example:
        >>> is_share("detection_probability", ""), is_share("rate", "1/s"), is_share("bell_fidelity", "")
        (True, False, True)
    """
    return not unit and any(word in _SHARES for word in name.split("_"))


def draw_estimates_over(
    figure: Figure,
    names: tuple[str, ...],
    rows: list[dict[str, Any]],
    estimates: list[str],
    units: Units,
) -> None:
    """Draw results with their errors over the first scanned value, one curve for each of the others.

    Args:
        figure: empty.
        names: of the scanned values.
        rows: of single numbers, one a value.
        estimates: the results to draw, one above the other; each has a neighbour ``..._error``.
        units: of results and scanned values.
    """
    from control.plots.figures import label_quantity  # noqa: PLC0415 - plots are an extra

    curves: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: float(row[names[0]])):
        others = ", ".join(f"{name} = {show(row[name], units[name])}" for name in names[1:])
        curves.setdefault(others, []).append(row)
    panels = _panels(figure, len(estimates))
    for axes, estimate in zip(panels, estimates, strict=True):
        for others, curve in curves.items():
            seen = [row for row in curve if row.get(estimate) is not None]
            x, y = [row[names[0]] for row in seen], [row[estimate] for row in seen]
            errors = [_drawn_error(row.get(f"{estimate}_error")) for row in seen]
            axes.errorbar(x, y, yerr=errors, fmt="o-", ms=3, lw=1, capsize=2, label=others)
        _label_result(axes, estimate, units.get(estimate, ""))
    if len(curves) > 1:
        panels[0].legend(loc="best")
    for axes in panels:
        if axes.xaxis.get_tick_params()["labelbottom"]:
            label_quantity(axes, names[0].replace("_", " "), units[names[0]])


def _panels(figure: Figure, count: int) -> list[Axes]:
    """Return panels below each other, in two columns if there are many; the lowest have numbers below."""
    columns = 1 if count <= _ONE_COLUMN else 2
    rows = -(-count // columns)
    figure.set_figheight(PANEL_HEIGHT * max(rows, 2))
    panels: list[Axes] = list(figure.subplots(rows, columns, sharex=True, squeeze=False).flat)
    for spare in panels[count:]:
        spare.remove()
    for axes in panels[count - columns : count]:
        axes.tick_params(labelbottom=True)
    return panels[:count]


def _drawn_error(error: float | None) -> float:
    """Return how long an error bar is; one that is not known, or negative, has no length."""
    return error if error is not None and math.isfinite(error) and error >= 0 else 0.0


def _label_result(axes: Axes, name: str, unit: str) -> None:
    """Name the vertical axis, with its unit or in per cent."""
    from matplotlib.ticker import PercentFormatter  # noqa: PLC0415 - plots are an extra

    from control.plots.figures import label_quantity  # noqa: PLC0415

    told = fill(name.replace("_", " "), _LABEL_LETTERS)
    if is_share(name, unit):
        axes.set_ylabel(f"{told} (%)")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=""))
    else:
        label_quantity(axes, told, unit, "y")
