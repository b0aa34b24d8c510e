"""A sheet of paper with a drawing on it: boxes, paths and texts, in pixels from the upper left corner.

The layout makes a sheet, and each format writes it in its own way. So all formats look alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

CHARACTER: Final = 0.56
"""Average width of a character in font sizes, for texts that must fit; measured on labels in DejaVu Sans."""


class Anchor(StrEnum):
    """Which part of a text lies at its place."""

    START = "start"
    MIDDLE = "middle"
    END = "end"


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle, with an outline if it has a stroke colour."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    opacity: float = 1.0
    stroke: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A line through points; filled, if it has a fill, down to where it began.

    Attributes:
        x: (points,) pixels.
        y: (points,) pixels.
        stroke: colour, empty for none.
        width: of the line, pixels.
        fill: colour, empty for none.
        opacity: of the fill.
        dashed: whether the line is broken.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    stroke: str
    width: float = 1.0
    fill: str = ""
    opacity: float = 1.0
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text; `y` is that of its baseline.

    Attributes:
        x: pixels.
        y: pixels.
        text: to write.
        size: of the font, pixels.
        colour: of the letters.
        anchor: which part of it lies at `x`.
        bold: whether it is.
        halo: whether the paper shows around the letters, over lines.
    """

    x: float
    y: float
    text: str
    size: float
    colour: str
    anchor: Anchor = Anchor.START
    bold: bool = False
    halo: bool = False


Item: TypeAlias = Box | Curve | Text


@dataclass(frozen=True, slots=True)
class Sheet:
    """A drawing.

    Attributes:
        width: pixels.
        height: pixels.
        title: for who cannot see it.
        items: from back to front.
    """

    width: float
    height: float
    title: str
    items: tuple[Item, ...]


def text_width(text: str, size: float) -> float:
    """Return about how wide a text is, in pixels."""
    return len(text) * size * CHARACTER


def fitting(texts: tuple[str, ...], size: float, room: float) -> str:
    """Return the first of several texts that fits into a room (pixels), or nothing."""
    return next((text for text in texts if text and text_width(text, size) <= room), "")
