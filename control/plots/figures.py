"""The paper that runs are drawn on: one look for all pictures, and the formats they are written in."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from control.errors import MissingExtra, UsageError, nearest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
    "pdf.fonttype": 42,  # TrueType, which journals ask for and vector programs edit
    "savefig.dpi": 200,
    "svg.hashsalt": "ionloom",  # the same figure is the same file
    "text.parse_math": False,  # a name with a dollar sign is a name, not a formula
}
"""One look for all pictures: journal sizes, no frame around what is not data."""

_PREFIXED: Final = frozenset({"s", "Hz", "V", "m", "T", "A", "W", "Pa"})
_UNDATED: Final = frozenset({"svg", "svgz"})
_TITLED: Final = frozenset({"png", "pdf", "svg", "svgz"})


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


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the look of the house within the block; needs matplotlib."""
    import matplotlib as mpl  # noqa: PLC0415 - an extra

    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        yield


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure; the ending of the name says in which format (png, pdf, svg).

    Returns:
        The file.

    Raises:
        UsageError: no format goes by that ending.
    """
    check_picture(figure, path)
    write_figure(figure, path, path.suffix.removeprefix(".").lower())
    return path


def check_picture(figure: Figure, path: Path) -> None:
    """Refuse a name that tells no format, before anything is written.

    Raises:
        UsageError: no format goes by the ending of the name.
    """
    ending = path.suffix.removeprefix(".")
    formats = figure.canvas.get_supported_filetypes()
    if ending.lower() not in formats:
        raise UsageError(
            what=f"{path}: there is no picture format {ending!r}", advice=nearest(ending, formats)
        )


def write_figure(figure: Figure, to: Path | BinaryIO, kind: str) -> None:
    """Write a figure in a format that matplotlib knows; the same figure gives the same bytes as SVG.

    Args:
        figure: with the run's id as its first text.
        to: file.
        kind: of picture: ``png``, ``svg``...
    """
    metadata: dict[str, str | None] = {"Title": figure.texts[0].get_text()} if kind in _TITLED else {}
    if kind in _UNDATED:
        metadata["Date"] = None
    with styled(), warnings.catch_warnings():
        # A letter that the font lacks is drawn as a box; no reader of a terminal can do anything about it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        figure.savefig(to, format=kind, metadata=metadata or None)


def label_quantity(axes: Axes, name: str, unit: str, direction: str = "x") -> None:
    """Label an axis, with ticks such as "200 µs" where the unit takes prefixes.

    Args:
        axes: whose axis it is.
        name: of what it shows.
        unit: base unit, or empty.
        direction: ``x`` or ``y``.
    """
    axis = axes.xaxis if direction == "x" else axes.yaxis
    if unit in _PREFIXED:
        from matplotlib.ticker import EngFormatter  # noqa: PLC0415 - an extra

        axis.set_major_formatter(EngFormatter(unit))
        axis.set_label_text(name)
    else:
        axis.set_label_text(f"{name} ({unit})" if unit else name)
