"""Pictures of fits: points with error bars, the curve through them, and what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike

from control.experiments.textbook.fitted import DESCRIBES
from control.plots import DATA, MEAN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RARE: Final = 0.5
"""Largest probability up to which a picture does not show the whole range."""


def draw_probabilities(
    axes: Axes,
    places: ArrayLike,
    successes: ArrayLike,
    trials: ArrayLike,
    *,
    label: str = "",
    colour: str = DATA,
) -> None:
    """Draw fractions with their binomial errors over what was scanned.

    Args:
        axes: to draw on.
        places: (points,) scanned values.
        successes: (points,).
        trials: (points,).
        label: in the legend; empty for none.
        colour: of the points.
    """
    from data.analysis.counts import BinomialCounts  # noqa: PLC0415 - late, as all analysis

    data = BinomialCounts(successes, trials)
    draw_values(axes, places, data.values, data.errors, label=label, colour=colour)
    if data.values.max() > _RARE:
        axes.set_ylim(-0.03, 1.03)


def draw_values(
    axes: Axes,
    places: ArrayLike,
    values: ArrayLike,
    errors: ArrayLike,
    *,
    label: str = "",
    colour: str = DATA,
) -> None:
    """Draw values with errors (points,) over what was scanned."""
    x, y, error = (np.asarray(column, dtype=np.float64) for column in (places, values, errors))
    axes.errorbar(x, y, yerr=error, fmt="o", ms=3, lw=0.8, color=colour, label=label or None)


def draw_curve(
    axes: Axes, curve: Mapping[str, Sequence[float]] | None, *, colour: str = MEAN, label: str = ""
) -> None:
    """Draw a fitted curve, ``x`` and ``y``; nothing where there is none."""
    if curve is not None:
        axes.plot(curve["x"], curve["y"], color=colour, lw=1.2, zorder=3, label=label or None)


def label_axes(axes: Axes, x: str, unit: str, y: str) -> None:
    """Name both axes; ticks of the horizontal one carry the unit, as "200 kHz"."""
    from matplotlib.ticker import EngFormatter  # noqa: PLC0415 - an extra

    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if unit:
        axes.xaxis.set_major_formatter(EngFormatter(unit))


def tell(figure: Figure, results: Mapping[str, Any], *names: str) -> None:
    """Write estimates above a picture, or why there are none."""
    from data.analysis import Estimate  # noqa: PLC0415

    if "refused" in results:
        figure.suptitle(
            fill(f"No result: {results['refused']}", 100), fontsize=8, color=MEAN, x=0.01, ha="left"
        )
        return
    units = results["units"]
    known = [
        f"{name.replace('_', ' ')} {Estimate(results[name], results[f'{name}_error'], units[name])}"
        for name in names
        if results[name] is not None
    ]
    good = f"p = {results['p_value']:.2g}" if results.get("p_value") is not None else ""
    line = "    ".join([*known, good]).rstrip()
    failed = results.get("fit", DESCRIBES) != DESCRIBES
    if failed:
        line += f"\nThe fit {results['fit']}"
    figure.suptitle(line, fontsize=8, x=0.01, ha="left", color=MEAN if failed else "black")
