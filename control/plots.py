"""Pictures of runs: functions from columns to axes, and the paper they are drawn on.

Nothing here opens a file or works anything out. matplotlib is the extra ``plots``; figures are made without
its global state, so that they can be drawn anywhere, also in threads and on machines without a screen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from control.errors import MissingExtra, UsageError, nearest
from data.analysis import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from data import Run

Column = Sequence[float] | NDArray[np.float64]

DATA: Final = "#1f4e79"
"""Measured values; a dark blue that prints well in grey."""

MEAN: Final = "#c55a11"
"""What is derived from them."""

STYLE: Final = {
    "font.size": 9.0,
    "axes.labelsize": 9.0,
    "axes.titlesize": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "savefig.dpi": 200,
}
"""One look for all pictures: journal sizes, no frame around what is not data."""

_PREFIXED: Final = frozenset({"s", "Hz", "V", "m", "T"})
_DIVERGING: Final = "RdBu_r"
_CELL_LIMIT: Final = 8  # a matrix with longer sides has no room for numbers in its cells


def new_figure(run_id: str, width: float = 7.0, height: float = 5.0) -> Figure:
    """Return an empty figure that says which run it shows.

    Args:
        run_id: printed small in the lower right corner.
        width: inches; 7 is a page of two columns.
        height: inches.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
        from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415
    except ImportError:
        raise MissingExtra(what="plots", package="matplotlib", extra="plots") from None
    room_for_id = ConstrainedLayoutEngine(rect=(0.0, 0.025, 1.0, 0.975))
    figure = Figure(figsize=(width, height), layout=room_for_id)
    figure.text(0.995, 0.005, f"run {run_id}", ha="right", va="bottom", fontsize=6, color="0.4")
    return figure


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure; the ending of the name says in which format (png, pdf, svg).

    Returns:
        The file.

    Raises:
        UsageError: no format goes by that ending.
    """
    ending = path.suffix.removeprefix(".")
    formats = figure.canvas.get_supported_filetypes()
    if ending.lower() not in formats:
        raise UsageError(
            what=f"{path}: there is no picture format {ending!r}", advice=nearest(ending, formats)
        )
    figure.savefig(path)
    return path


def draw_estimates(
    axes: Axes,
    ions: Column,
    values: Column,
    errors: Column,
    *,
    label: str,
    mean: float | None = None,
    mean_error: float = 0.0,
) -> None:
    """Draw a probability with its error for each ion, in per cent, and their mean as a band.

    Args:
        axes: to draw on.
        ions: (ions,) numbers, from 1.
        values: (ions,) probabilities or fidelities, 0 to 1.
        errors: (ions,) standard errors.
        label: of the vertical axis, without a unit.
        mean: drawn as a line, or None.
        mean_error: half height of the band around it.
    """
    from matplotlib.ticker import PercentFormatter  # noqa: PLC0415 - an extra

    axes.errorbar(ions, values, yerr=errors, fmt="o", ms=4, lw=1, capsize=2, color=DATA)
    if len(values) == 0:
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, "too few clicks", ha="center", va="center", transform=axes.transAxes)
    if mean is not None:
        estimate = Estimate(float(mean), float(mean_error))
        axes.axhline(mean, color=MEAN, lw=1, label=f"mean {estimate:%}")
        axes.axhspan(mean - mean_error, mean + mean_error, color=MEAN, alpha=0.2, lw=0)
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0))  # above: inside it would hide error bars
    axes.set_xlabel("ion")
    axes.set_ylabel(f"{label} (%)")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=""))
    axes.locator_params(axis="x", integer=True)


def draw_wave_packet(axes: Axes, edges: Column, rates: Column, errors: Column, *, label: str = "") -> None:
    """Draw the histogram of photon arrival times.

    Args:
        axes: to draw on.
        edges: (bins + 1,) s since the window opened.
        rates: (bins,) clicks per second of window, 1/s.
        errors: (bins,) standard errors, 1/s.
        label: of this packet; empty for none.
    """
    edges_us, rates_kcps = np.asarray(edges) * 1e6, np.asarray(rates) * 1e-3
    errors_kcps = np.asarray(errors) * 1e-3
    axes.stairs(rates_kcps, edges_us, color=DATA, lw=1, fill=True, alpha=0.25)
    axes.stairs(rates_kcps, edges_us, color=DATA, lw=1, label=label or None)
    centres = (edges_us[:-1] + edges_us[1:]) / 2
    seen = rates_kcps > 0  # an error bar on every empty bin would be all that one sees
    axes.errorbar(centres[seen], rates_kcps[seen], yerr=errors_kcps[seen], fmt="none", lw=0.6, color=DATA)
    if label:
        axes.legend(loc="upper right")
    axes.set_xlabel("time after the start of the pulse (µs)")
    axes.set_ylabel("click rate (1000/s)")
    axes.set_xlim(float(edges_us[0]), float(edges_us[-1]))
    axes.set_ylim(bottom=0)


def draw_density_matrix(
    axes: Sequence[Axes], density: NDArray[np.complex128], labels: Sequence[str], *, title: str = ""
) -> None:
    """Draw the real and the imaginary part of a density matrix as two maps of one scale.

    Args:
        axes: two of them.
        density: (n, n) complex.
        labels: (n,) of the basis states.
        title: above both parts.
    """
    limit = max(float(np.abs(density).max()), 1e-9)
    parts = (("Re", np.asarray(density.real)), ("Im", np.asarray(density.imag)))
    for place, (name, part) in zip(axes, parts, strict=True):
        image = place.imshow(part, cmap=_DIVERGING, vmin=-limit, vmax=limit)
        place.set_xticks(range(len(labels)), labels, rotation=90)
        place.set_yticks(range(len(labels)), labels)
        place.set_title(f"{name} {title}".rstrip())
        place.tick_params(length=0)
        place.spines[:].set_visible(True)
        if len(labels) <= _CELL_LIMIT:
            _write_cells(place, part, limit)
    axes[-1].figure.colorbar(image, ax=list(axes), shrink=0.8, aspect=15)


def _write_cells(axes: Axes, part: NDArray[np.float64], limit: float) -> None:
    for (row, column), value in np.ndenumerate(part):
        if abs(value) < 0.005:  # would be printed as zero
            continue
        colour = "white" if abs(value) > 0.6 * limit else "black"
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=6, color=colour)


def draw_counts(figure: Figure, run: Run) -> None:
    """Draw the mean counts of every readout against the first thing that was scanned.

    Args:
        figure: empty.
        run: open; its first axis of numbers is the horizontal one, else the number of the point.
    """
    points = [dict(point) for point in run.points]
    name, positions = _abscissa(points)
    units = {axis.name: axis.unit for axis in run.header.axes}
    axes = figure.subplots()
    for readout, (means, errors) in _count_columns(run).items():
        for window in range(means.shape[1]):
            label = readout if means.shape[1] == 1 else f"{readout} {window + 1}"
            axes.errorbar(
                positions,
                means[:, window],
                yerr=errors[:, window],
                fmt="o-",
                ms=3,
                lw=1,
                capsize=2,
                label=label,
            )
    _label_quantity(axes, name, units.get(name, ""))
    axes.set_ylabel("mean counts")
    if points:
        axes.legend(loc="best", ncols=2)


def _label_quantity(axes: Axes, name: str, unit: str) -> None:
    """Label the horizontal axis, with ticks such as "200 µs" where the unit takes prefixes."""
    if unit in _PREFIXED:
        from matplotlib.ticker import EngFormatter  # noqa: PLC0415 - an extra

        axes.xaxis.set_major_formatter(EngFormatter(unit))
        axes.set_xlabel(name)
    else:
        axes.set_xlabel(f"{name} ({unit})" if unit else name)


def _abscissa(points: Sequence[dict[str, Any]]) -> tuple[str, list[float]]:
    numbers = [name for name, value in (points[0] if points else {}).items() if isinstance(value, float)]
    scanned = [name for name in numbers if len({point[name] for point in points}) > 1]
    if not scanned:
        return "point", [float(index + 1) for index in range(len(points))]
    return scanned[0], [point[scanned[0]] for point in points]


def _count_columns(run: Run) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return readout -> means and standard errors, each (points, windows)."""
    records = [run.record(index).counts for index in range(len(run.points))]
    columns = {}
    for readout in records[0] if records else ():
        counts = [record[readout] for record in records]
        means = np.array([count.mean(axis=0) for count in counts])
        errors = np.array([count.std(axis=0) / math.sqrt(len(count)) for count in counts])
        columns[readout] = means, errors
    return columns
