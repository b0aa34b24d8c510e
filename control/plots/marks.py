"""Pictures of results: functions from columns to axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from control.plots.figures import DATA, MEAN
from data.analysis import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Column = Sequence[float] | NDArray[np.float64]

_DIVERGING: Final = "RdBu_r"
_CELL_LIMIT: Final = 8  # a matrix with longer sides has no room for numbers in its cells


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
