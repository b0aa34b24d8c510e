"""Pictures of any run, of whatever experiment: what its points give over what was scanned."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from control.plots.figures import label_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from data import Run

Vector = NDArray[np.float64]

PANEL_HEIGHT: Final = 2.3
"""Inches of each panel where there are several."""

_MOST_PANELS: Final = 6
_MOST_CURVES: Final = 4  # values of a second axis that are told apart as curves; more become a map
_MOST_LINES: Final = 9  # of one panel that a legend can tell apart; more windows become a map
_ALIKE: Final = 20.0  # ratio of counts up to which readouts share a panel: the fewer ones are not yet flat
_LEGEND_LETTERS: Final = 100  # in the width of a panel, of the size that legends have
_KEY_LETTERS: Final = 8  # that the line and the gap beside a text are as wide as
_MOST_LABELS: Final = 12  # texts that fit below an axis
_MANY_POINTS: Final = 200  # that a marker each would drown
_FILLED: Final = 0.5  # of a grid: values of two axes that meet less often were scanned together


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """What every point of a run gives of one kind.

    Attributes:
        name: of the readout, with its window if it has several, or of the channel.
        values: (points,) mean counts of a shot, or values of the channel.
        errors: (points,) standard errors; NaN where there are none.
        unit: base unit of the values; empty if they have none.
        counts: whether these are mean counts.
    """

    name: str
    values: Vector
    errors: Vector
    unit: str = ""
    counts: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Scanned:
    """An axis whose values differ from point to point.

    Attributes:
        name: of the axis.
        values: (points,) of it.
        unit: base unit.
        labels: what the values 0, 1, 2 ... stand for, if they are texts.
    """

    name: str
    values: Vector
    unit: str = ""
    labels: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether the values are counted, such as points and windows."""
        return not self.unit and bool((self.values == np.round(self.values)).all())


def series_of(run: Run) -> list[Series]:
    """Return what the points of a run give: mean counts of every readout's windows, then the channels."""
    if not run.points:
        return []
    found = []
    for readout in run.header.readouts:
        means = run.column(f"entry/scan/{readout.name}_mean")
        errors = run.column(f"entry/scan/{readout.name}_mean_errors")
        for window in range(readout.width):
            name = readout.name if readout.width == 1 else f"{readout.name} {window + 1}"
            found.append(Series(name, means[:, window], errors[:, window], counts=True))
    for channel in run.header.channels:
        values = np.asarray(run.column(f"entry/scan/{channel.name}"), dtype=np.float64)
        found.append(Series(channel.name, values, np.full(len(values), math.nan), channel.unit))
    return found


def scanned_axes(run: Run) -> list[Scanned]:
    """Return the axes of a run that differ from point to point, numbers first; the point's number if none."""
    points: Sequence[Mapping[str, Any]] = run.points
    units = {axis.name: axis.unit for axis in run.header.axes}
    numbers, texts = [], []
    for name, first in (points[0] if points else {}).items():
        column = [point[name] for point in points]
        different = dict.fromkeys(column)
        if len(different) < 2:
            continue
        if isinstance(first, str):
            places = {text: float(place) for place, text in enumerate(different)}
            texts.append(Scanned(name, np.array([places[text] for text in column]), labels=tuple(different)))
        else:
            numbers.append(Scanned(name, np.array(column, dtype=np.float64), units.get(name, "")))
    few = [axis for axis in texts if len(axis.labels) <= _MOST_LABELS]
    return numbers + few or [_numbered(run)]


def draw_counts(figure: Figure, run: Run) -> None:
    """Draw what every point of a run gives, over what was scanned.

    Over one axis as curves; over two as curves, one for each value of the second, or as maps where it has
    many values. A readout of many windows becomes a map of them. Counts of like size share a panel; each
    channel has its own. A run of one point is drawn over the windows.

    Args:
        figure: empty.
        run: open.
    """
    first, *others = scanned_axes(run)
    second = next((axis for axis in others if _crossed(first, axis)), None)
    series = series_of(run)
    if len(run.points) == 1:
        _draw_windows(figure, series, run)
        return
    values = len(np.unique(second.values)) if second is not None else 1
    if second is not None and values > _MOST_CURVES:
        draw_maps(figure, series, first, second)
        return
    if sum(one.counts for one in series) * values > _MOST_LINES:
        _draw_window_maps(figure, series, run, first if second is None else _numbered(run))
        return
    groups = _groups(series)
    panels = _panels(figure, len(groups))
    for axes, group in zip(panels, groups, strict=False):
        _draw_curves(axes, group, first, second)
    _label(panels[-1], first)
    if not groups:
        panels[0].set_ylabel("mean counts")


def draw_maps(figure: Figure, series: Sequence[Series], first: Scanned, second: Scanned) -> None:
    """Draw a map of each series: the first axis to the right, the second upwards, values as colours.

    Where a place was visited often its mean is shown; where it was not, nothing.
    """
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - an extra

    shown = list(series)[:_MOST_PANELS]
    columns = min(len(shown), 2) or 1
    rows = max(math.ceil(len(shown) / columns), 1)
    figure.set_figheight(max(figure.get_figheight(), PANEL_HEIGHT * rows))
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    x, y = np.unique(first.values), np.unique(second.values)
    for place, (axes, one) in enumerate(zip(panels.flat, shown, strict=False)):
        grid = _grid(one.values, np.searchsorted(x, first.values), np.searchsorted(y, second.values))
        drawn = axes.pcolormesh(_edges(x), _edges(y), grid, cmap="viridis", rasterized=grid.size > 10_000)
        axes.set_title(one.name)
        figure.colorbar(drawn, ax=axes, label="mean counts" if one.counts else one.unit)
        axes.xaxis.set_major_locator(MaxNLocator(8 // columns, integer=first.whole))
        if place >= len(shown) - columns:
            _label(axes, first)
        if place % columns == 0:
            _label(axes, second, "y")
    for axes in panels.flat[len(shown) :]:
        axes.set_visible(False)
        panels[-2, -1].tick_params(labelbottom=True)  # the lowest panel of its column


def _draw_windows(figure: Figure, series: Sequence[Series], run: Run) -> None:
    """Draw the only point of a run: readouts over their windows, channels over their names."""
    from matplotlib.ticker import MultipleLocator  # noqa: PLC0415 - an extra

    counts = [one for one in series if one.counts]
    channels = [one for one in series if not one.counts]
    panels = _panels(figure, bool(counts) + bool(channels))
    begin = 0
    for readout in run.header.readouts:
        own = counts[begin : begin + readout.width]
        begin += readout.width
        means, errors = ([float(column[0]) for column in columns] for columns in _columns(own))
        windows = np.arange(1, readout.width + 1)
        panels[0].errorbar(windows, means, yerr=errors, fmt="o", ms=3, lw=1, capsize=2, label=readout.name)
    if counts:
        widest = max(readout.width for readout in run.header.readouts)
        panels[0].set(xlabel="window", ylabel="mean counts", xlim=(0.5, widest + 0.5))
        panels[0].xaxis.set_major_locator(MultipleLocator(max(1, widest // 10)))
        _legend(panels[0])
    if channels:
        names = [f"{one.name} ({one.unit})" if one.unit else one.name for one in channels]
        panels[-1].plot(range(len(names)), [float(one.values[0]) for one in channels], "o", ms=4)
        panels[-1].set_xticks(range(len(names)), names)
        panels[-1].set_ylabel("value")


def _columns(series: Sequence[Series]) -> tuple[list[Vector], list[Vector]]:
    return [one.values for one in series], [one.errors for one in series]


def _draw_window_maps(figure: Figure, series: Sequence[Series], run: Run, first: Scanned) -> None:
    """Draw readouts of many windows as maps: what was scanned to the right, the windows upwards."""
    begin = 0
    flat: list[Series] = []
    for readout in run.header.readouts:
        means = np.stack([one.values for one in series[begin : begin + readout.width]])
        begin += readout.width
        flat.append(Series(readout.name, means.ravel(), np.full(means.size, math.nan), counts=True))
    widest = max(readout.width for readout in run.header.readouts)
    alike = [one for one, readout in zip(flat, run.header.readouts, strict=True) if readout.width == widest]
    windows = Scanned("window", np.repeat(np.arange(1.0, widest + 1), len(first.values)))
    places = Scanned(first.name, np.tile(first.values, widest), first.unit, first.labels)
    draw_maps(figure, alike, places, windows)


def _numbered(run: Run) -> Scanned:
    return Scanned("point", np.arange(1.0, len(run.points) + 1))


def _groups(series: Sequence[Series]) -> list[list[Series]]:
    """Return what shares a panel: counts of like size; every channel is alone."""
    counts = [one for one in series if one.counts]
    sizes = [size for one in counts if (size := float(np.nanmax(np.abs(one.values), initial=0.0))) > 0]
    if sizes and max(sizes) > _ALIKE * min(sizes):
        middle = math.sqrt(max(sizes) * min(sizes))
        large = [one for one in counts if float(np.nanmax(np.abs(one.values), initial=0.0)) > middle]
        groups = [large, [one for one in counts if one not in large]]
    else:
        groups = [counts] if counts else []
    return groups + [[one] for one in series if not one.counts]


def _crossed(first: Scanned, second: Scanned) -> bool:
    """Return whether two axes were scanned against each other, and not together."""
    pairs = len(set(zip(first.values.tolist(), second.values.tolist(), strict=True)))
    sides = len(np.unique(first.values)), len(np.unique(second.values))
    return pairs > max(sides) and pairs >= _FILLED * sides[0] * sides[1]


def _panels(figure: Figure, count: int) -> list[Axes]:
    count = min(max(count, 1), _MOST_PANELS)
    if count > 1:
        figure.set_figheight(max(figure.get_figheight(), PANEL_HEIGHT * count))
    return list(figure.subplots(count, 1, squeeze=False, sharex=True)[:, 0])


def _draw_curves(axes: Axes, group: Sequence[Series], first: Scanned, second: Scanned | None) -> None:
    """Draw series of one unit into a panel, each as a curve for every value of the second axis."""
    for one in group:
        for rows, addition in _slices(len(one.values), second):
            order = rows[np.argsort(first.values[rows], kind="stable")]
            axes.errorbar(
                first.values[order],
                one.values[order],
                yerr=None if np.isnan(one.errors).all() else one.errors[order],
                fmt="o-" if len(order) <= _MANY_POINTS else "-",
                ms=3,
                lw=1,
                capsize=2,
                label=f"{one.name}{addition}",
            )
    if group[0].counts:
        axes.set_ylabel("mean counts")
        _legend(axes)
    else:
        label_quantity(axes, group[0].name, group[0].unit, "y")
        if second is not None:
            _legend(axes)


def _legend(axes: Axes) -> None:
    """Tell the curves apart above the panel: inside it the legend would hide them."""
    longest = max(map(len, axes.get_legend_handles_labels()[1]), default=1)
    columns = min(max(_LEGEND_LETTERS // (longest + _KEY_LETTERS), 1), 3)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=columns, borderaxespad=0.2)


def _slices(points: int, second: Scanned | None) -> list[tuple[NDArray[np.int64], str]]:
    """Return the points of each value of the second axis, and what a legend says of them."""
    if second is None:
        return [(np.arange(points), "")]
    from sequences.units import show  # noqa: PLC0415 - late: the compiler of sequences is not needed here

    slices = []
    for value in np.unique(second.values).tolist():
        told = second.labels[int(value)] if second.labels else show(value, second.unit, 4)
        slices.append((np.flatnonzero(second.values == value), f", {second.name} = {told}"))
    return slices


def _label(axes: Axes, scanned: Scanned, direction: str = "x") -> None:
    label_quantity(axes, scanned.name, scanned.unit, direction)
    if scanned.labels:
        axis = axes.xaxis if direction == "x" else axes.yaxis
        axis.set_ticks(range(len(scanned.labels)), list(scanned.labels))


def _grid(values: Vector, x: NDArray[np.intp], y: NDArray[np.intp]) -> Vector:
    """Return the mean of the values at each place, (rows, columns); NaN where there is none."""
    shape = int(y.max()) + 1, int(x.max()) + 1
    place = y * shape[1] + x
    seen = np.bincount(place, minlength=shape[0] * shape[1])
    total = np.bincount(place, weights=values, minlength=shape[0] * shape[1])
    mean = np.full(len(seen), math.nan)
    np.divide(total, seen, out=mean, where=seen > 0)
    return mean.reshape(shape)


def _edges(centres: Vector) -> Vector:
    """Return where one cell ends and the next begins: halfway, and as far beyond the first and the last."""
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])
