"""Strips below a picture that show how far its points are from the curve through them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from control.plots.figures import DATA

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.figure import Figure

Vector = NDArray[np.float64]

ROW_HEIGHT: Final = 2.5
"""Inches of a panel with its strip, at least."""

_DENSE: Final = 50  # places that tell a curve from points joined by lines
_STRIP: Final = (0.0, -0.31, 1.0, 0.25)  # of the panel: left, bottom, width, height
_REACH: Final = 3.2  # standard errors that a strip shows at least: good fits look alike


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """Points with errors, and the curve through them."""

    places: Vector
    residuals: Vector
    colour: str


def draw_residuals(figure: Figure) -> int:
    """Add a strip below every panel that shows points with errors and a fitted curve.

    The strip shows points less curve, over the errors of the points: a good fit stays within about two. A
    panel with several curves is left alone, as one could not see which residual belongs to which.

    Args:
        figure: with panels drawn; it grows if they get too low.

    Returns:
        How many strips there are.
    """
    panels = [(axes, found) for axes in figure.axes if (found := _fitted(axes)) is not None]
    if panels:
        rows = max(_rows(axes) for axes, _ in panels)
        figure.set_figheight(max(figure.get_figheight(), ROW_HEIGHT * rows))
    for axes, found in panels:
        _draw_strip(axes, found)
    return len(panels)


def _fitted(axes: Axes) -> _Fitted | None:
    from matplotlib.container import ErrorbarContainer  # noqa: PLC0415 - an extra

    points = [one for one in axes.containers if isinstance(one, ErrorbarContainer)]
    of_points = {id(line) for one in points for line in (one[0], *one[1])}  # with the caps of their errors
    curves = [line for line in axes.lines if id(line) not in of_points]
    curves = [line for line in curves if len(np.asarray(line.get_xdata(orig=False))) >= _DENSE]
    if len(points) != 1 or len(curves) != 1:
        return None
    places, values, errors = _drawn(points[0])
    x, y = (np.asarray(column, dtype=np.float64) for column in curves[0].get_data(orig=False))
    usable = (errors > 0) & (places >= x.min()) & (places <= x.max())
    if not usable.any():
        return None
    expected = _curve_at(places[usable], x, y)
    colour = str(points[0][0].get_color()) if points[0][0] is not None else DATA
    return _Fitted(places[usable], (values[usable] - expected) / errors[usable], colour)


def _drawn(points: ErrorbarContainer) -> tuple[Vector, Vector, Vector]:
    """Return places, values and standard errors as they stand in the picture, each (points,)."""
    line, _, bars = points
    xy = np.asarray(line.get_xydata() if line is not None else np.zeros((0, 2)), dtype=np.float64)
    errors = np.zeros(len(xy))
    if points.has_yerr and bars:
        ends = np.array([np.asarray(segment)[:, 1] for segment in bars[-1].get_segments()])
        if len(ends) == len(xy):
            errors = (ends[:, 1] - ends[:, 0]) / 2
    return xy[:, 0], xy[:, 1], errors


def _curve_at(places: Vector, x: Vector, y: Vector) -> Vector:
    """Return a curve between the places it was drawn at; a cubic, since fringes may be hundreds."""
    from scipy.interpolate import CubicSpline  # noqa: PLC0415 - slow to import

    x, first = np.unique(x, return_index=True)
    return np.asarray(CubicSpline(x, y[first])(places), dtype=np.float64)


def _draw_strip(axes: Axes, found: _Fitted) -> None:
    strip = axes.inset_axes(_STRIP, sharex=axes)
    reach = max(_REACH, 1.1 * float(np.abs(found.residuals).max()))
    strip.axhspan(-1, 1, color="0.92", lw=0)
    strip.axhline(0, color="0.6", lw=0.8)
    strip.plot(found.places, found.residuals, "o", ms=2.5, color=found.colour, clip_on=False)
    strip.set_ylim(-reach, reach)
    strip.tick_params(labelsize=7)
    strip.tick_params(labelbottom=axes.xaxis.get_tick_params().get("labelbottom", True))
    axes.tick_params(labelbottom=False)
    strip.set_xlabel(axes.get_xlabel())
    axes.set_xlabel("")
    spec = axes.get_subplotspec()
    if spec is None or spec.is_first_col():
        strip.set_ylabel("residual (σ)", fontsize=7)
    else:
        strip.tick_params(labelleft=False)


def _rows(axes: Axes) -> int:
    spec = axes.get_subplotspec()
    return spec.get_gridspec().nrows if spec is not None else 1
