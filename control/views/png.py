"""Paints a sheet as PNG; matplotlib, the extra ``plots``, does the painting."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from io import BytesIO
from itertools import groupby
from typing import TYPE_CHECKING, Final, TypeAlias, assert_never

import numpy as np
from numpy.typing import NDArray

from control.errors import MissingExtra
from control.views.palette import PAPER
from control.views.sheet import Anchor, Box, Curve, Item, Sheet, Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Points: TypeAlias = NDArray[np.float64]
"""(points, 2) pixels."""

_DPI: Final = 96.0  # of a pixel, by the definition of CSS
_POINTS: Final = 72 / _DPI  # points a pixel
_SHARPNESS: Final = 2.0  # dots a pixel: sharp on paper and on fine screens
_ANCHORS: Final = {Anchor.START: "left", Anchor.MIDDLE: "center", Anchor.END: "right"}


def png(sheet: Sheet) -> bytes:
    """Return a sheet as a PNG file, two dots a pixel.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtra(what="PNG pictures", package="matplotlib", extra="plots") from None
    figure = Figure(figsize=(sheet.width / _DPI, sheet.height / _DPI), dpi=_DPI * _SHARPNESS)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(0, sheet.width)
    axes.set_ylim(sheet.height, 0)
    for depth, (_, items) in enumerate(groupby(sheet.items, key=_style)):
        _paint(axes, list(items), depth)
    file = BytesIO()
    figure.savefig(file, format="png", dpi="figure", metadata={"Title": sheet.title, "Software": "ionloom"})
    return file.getvalue()


def _style(item: Item) -> Hashable:
    """Return what is equal for items that are painted at once."""
    match item:
        case Box():
            return item.fill, item.opacity, item.stroke
        case Curve():
            return item.stroke, item.width, item.fill, item.opacity, item.dashed
        case Text():
            return id(item)
        case _:
            assert_never(item)


def _paint(axes: Axes, items: Sequence[Item], depth: int) -> None:
    """Paint items of one style."""
    match items[0]:
        case Box() as box:
            corners = [_corners(each) for each in items if isinstance(each, Box)]
            line = 0.8 if box.stroke else 0.0
            _paint_areas(
                axes, corners, box.fill, box.opacity, depth, edgecolor=box.stroke or "none", line=line
            )
        case Curve() as curve:
            points = [np.column_stack([each.x, each.y]) for each in items if isinstance(each, Curve)]
            if curve.fill:
                _paint_areas(axes, points, curve.fill, curve.opacity, depth)
            _paint_curves(axes, points, curve, depth)
        case Text() as text:
            _paint_text(axes, text, depth)


def _corners(box: Box) -> Points:
    right, bottom = box.x + box.width, box.y + box.height
    return np.array([(box.x, box.y), (right, box.y), (right, bottom), (box.x, bottom)])


def _paint_areas(
    axes: Axes,
    areas: Sequence[Points],
    fill: str,
    opacity: float,
    depth: int,
    *,
    edgecolor: str = "none",
    line: float = 0.0,
) -> None:
    from matplotlib.collections import PolyCollection  # noqa: PLC0415 - an extra
    from matplotlib.colors import to_rgba  # noqa: PLC0415

    axes.add_collection(
        PolyCollection(
            areas,
            facecolors=[to_rgba(fill, opacity)],
            edgecolors=edgecolor,
            linewidths=line * _POINTS,
            zorder=depth,
        ),
        autolim=False,
    )


def _paint_curves(axes: Axes, curves: Sequence[Points], style: Curve, depth: int) -> None:
    from matplotlib.collections import LineCollection  # noqa: PLC0415 - an extra

    width = style.width * _POINTS
    axes.add_collection(
        LineCollection(
            curves,
            colors=style.stroke or "none",
            linewidths=width,
            # matplotlib counts dashes in line widths.
            linestyles=(0, (3 * _POINTS / width, 3 * _POINTS / width)) if style.dashed else "solid",
            joinstyle="round",
            zorder=depth,
        ),
        autolim=False,
    )


def _paint_text(axes: Axes, text: Text, depth: int) -> None:
    from matplotlib.patheffects import withStroke  # noqa: PLC0415 - an extra

    drawn = axes.text(
        text.x,
        text.y,
        text.text,
        fontsize=text.size * _POINTS,
        color=text.colour,
        ha=_ANCHORS[text.anchor],
        va="baseline",
        fontweight="bold" if text.bold else "normal",
        parse_math=False,
        zorder=depth,
    )
    if text.halo:
        drawn.set_path_effects([withStroke(linewidth=3 * _POINTS, foreground=PAPER)])
