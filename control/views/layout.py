"""Lays panels out on paper: heading, axis, names, loops, rows, marks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from control.views.palette import (
    BAND,
    CHANGE_COLOURS,
    FAINT_INK,
    FOLD,
    HAIRLINE,
    INK,
    MARK,
    PAPER,
    ROW_HEIGHTS,
)
from control.views.panel import Panel
from control.views.scale import BREAK, Cut, Scale, cut_scale, linear_scale
from control.views.sheet import Anchor, Box, Curve, Item, Sheet, Text, fitting, text_width
from control.views.strips import Strip, draw_strip
from sequences.picture import Fold, Picture, Stretch
from sequences.picture.wording import time_text
from sequences.units import show

WIDTH: Final = 1240.0
"""Pixels of a sheet: a landscape page at 96 dpi, with its margins."""

_MARGIN: Final = 24.0
_TITLE, _SUBTITLE, _NAME, _SMALL = 17.0, 11.0, 11.0, 9.0  # font sizes, pixels
_TICK_SPACING: Final = 92.0
_LANE: Final = 19.0
_FOLD_LANE: Final = 22.0
_GROUP_GAP: Final = 21.0
_PANEL_GAP: Final = 34.0


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of time (s) that is shown."""

    start: float
    stop: float


@dataclass(frozen=True, slots=True)
class _Frame:
    """A panel's room: where its parts lie, in pixels from the top of the sheet."""

    panel: Panel
    scale: Scale
    top: float
    axis: float
    stretches: float
    folds: float
    marks: float
    rows: float
    strips: tuple[Strip, ...]
    bottom: float

    @property
    def left(self) -> float:
        return float(self.scale.places[0])

    @property
    def right(self) -> float:
        return float(self.scale.places[-1])


def lay_out(panels: Sequence[Panel], window: Window | None = None, width: float = WIDTH) -> Sheet:
    """Return a drawing of panels above each other, on one axis of time.

    Args:
        panels: at least one.
        window: what is shown; None for the whole, with long dull stretches cut short.
        width: of the sheet, pixels; its height follows from the rows.
    """
    pictures = tuple(panel.picture for panel in panels)
    names = [row.channel for picture in pictures for row in picture.rows]
    left = _MARGIN + 62 + max((text_width(name, _NAME) for name in names), default=0.0)
    right = width - _MARGIN
    if window is None:
        scale = cut_scale(pictures, _length(pictures), left, right)
    else:
        scale = linear_scale(window.start, window.stop, left, right)
    frames, top = [], _MARGIN
    for panel in panels:
        frames.append(_frame(panel, scale, top))
        top = frames[-1].bottom + _PANEL_GAP
    height = frames[-1].bottom + _MARGIN + 14
    paper = Box(0, 0, width, height, PAPER)
    items = [item for frame in frames for item in _draw(frame)]
    footer = _footer(panels, height - _MARGIN + 6, left, right)
    return Sheet(width, height, panels[0].title, (paper, *items, *footer))


def _length(pictures: Sequence[Picture]) -> float:
    """Return how long the axis is; something, even for a program of no length."""
    return max(*(picture.duration for picture in pictures), 1e-9)


def _frame(panel: Panel, scale: Scale, top: float) -> _Frame:
    picture = panel.picture
    axis = top + 64
    stretches = axis + 10
    folds = stretches + _LANE * _lanes(picture.stretches)
    marks = folds + _FOLD_LANE * _lanes(picture.folds)
    rows = y = marks + (14 if picture.marks else 0)
    strips, group = [], None
    for number, row in enumerate(picture.rows):
        if row.group is not group:
            y += _GROUP_GAP
            group = row.group
        strips.append(Strip(number, row.group, y))
        y += ROW_HEIGHTS[row.group]
    return _Frame(panel, scale, top, axis, stretches, folds, marks, rows, tuple(strips), y + 6)


def _lanes(spans: Sequence[Fold] | Sequence[Stretch]) -> int:
    return max((span.depth + 1 for span in spans), default=0)


def _draw(frame: _Frame) -> Iterator[Item]:
    """Yield a panel from back to front."""
    panel = frame.panel
    yield Text(_MARGIN, frame.top + _TITLE, panel.title, _TITLE, INK, bold=True)
    yield Text(_MARGIN, frame.top + _TITLE + 17, panel.subtitle, _SUBTITLE, FAINT_INK)
    for strip in frame.strips:
        yield Box(frame.left, strip.top + 0.5, frame.right - frame.left, strip.height - 1, BAND)
    yield from _axis(frame)
    yield from _stretches(frame)
    yield from _folds(frame)
    yield from _names(frame)
    for strip in frame.strips:
        yield from draw_strip(panel, strip, frame.scale)
    for cut, middle in zip(frame.scale.cuts, frame.scale.breaks(), strict=True):
        yield from _break(frame, cut, middle)
    yield from _marks(frame)


def _axis(frame: _Frame) -> Iterator[Item]:
    yield _line(frame.left, frame.axis, frame.right, frame.axis, FAINT_INK, 0.8)
    for time, label in frame.scale.ticks(_TICK_SPACING):
        x = frame.scale.place(time)
        yield _line(x, frame.axis, x, frame.bottom, HAIRLINE, 0.7)
        yield _line(x, frame.axis - 4, x, frame.axis, FAINT_INK, 0.8)
        yield Text(x, frame.axis - 8, label, _SMALL, FAINT_INK, Anchor.MIDDLE)


def _break(frame: _Frame, cut: Cut, middle: float) -> Iterator[Item]:
    """Yield the gap in everything where the axis is cut, and how long it is."""
    half = BREAK / 2
    yield Box(middle - half, frame.axis - 2, 2 * half, frame.bottom - frame.axis + 2, PAPER)
    for side in (middle - half, middle + half):
        yield _line(side - 2, frame.axis + 5, side + 2, frame.axis - 5, FAINT_INK, 1.0)
        yield Curve(np.array([side, side]), np.array([frame.rows, frame.bottom]), FAINT_INK, 0.6, dashed=True)
    length = show(cut.stop - cut.start, "s", 3).replace("us", "µs")
    yield Text(middle, frame.axis - 8, length, _SMALL, INK, Anchor.MIDDLE, halo=True)


def _stretches(frame: _Frame) -> Iterator[Item]:
    for stretch in frame.panel.picture.stretches:
        span = _span(frame, stretch)
        if span is not None:
            left, right = span
            y = frame.stretches + stretch.depth * _LANE
            yield Box(left, y, max(right - left, 1.0), _LANE - 4, PAPER, stroke="#b8c1cc")
            yield from _caption(frame, span, (stretch.name,), y + 11, INK)


def _folds(frame: _Frame) -> Iterator[Item]:
    for fold in frame.panel.picture.folds:
        span = _span(frame, fold)
        if span is not None:
            left, right = span
            y = frame.folds + fold.depth * _FOLD_LANE + 4
            mark = frame.panel.tint_of(fold)
            colour = CHANGE_COLOURS[mark.change] if mark else FOLD
            yield _line(left, y, right, y, colour, 1.2)
            for time, x in zip((fold.start, fold.stop), span, strict=True):
                if frame.scale.start <= time <= frame.scale.stop:
                    yield _line(x, y, x, y + 14, colour, 1.2)
                    yield Curve(np.array([x, x]), np.array([y + 14, frame.bottom]), FOLD, 0.7, dashed=True)
            yield from _caption(frame, span, (fold.text, fold.brief), y + 12, colour)


def _caption(
    frame: _Frame, span: tuple[float, float], texts: tuple[str, ...], y: float, colour: str
) -> Iterator[Item]:
    """Yield the first of several texts that fits into a span."""
    left, right = frame.scale.clear(*span)
    text = fitting(texts, _SMALL, right - left - 4)
    if text:
        yield Text((left + right) / 2, y, text, _SMALL, colour, Anchor.MIDDLE, halo=True)


def _span(frame: _Frame, span: Fold | Stretch) -> tuple[float, float] | None:
    """Return where a span lies, or None if it is not shown."""
    if span.stop < frame.scale.start or span.start > frame.scale.stop:
        return None
    return frame.scale.place(span.start), frame.scale.place(span.stop)


def _names(frame: _Frame) -> Iterator[Item]:
    """Yield the names of groups and channels."""
    group = None
    for strip in frame.strips:
        row = frame.panel.picture.rows[strip.row]
        if row.group is not group:
            group = row.group
            yield Text(_MARGIN, strip.top - 5, group.value.upper(), 8.0, strip.colour, bold=True)
        # A voltage's scale stands at the edge of its row, the name before it.
        yield Text(frame.left - 52, strip.baseline, row.channel, _NAME, INK, Anchor.END)


def _marks(frame: _Frame) -> Iterator[Item]:
    free = -np.inf
    for mark in frame.panel.picture.marks:
        if not frame.scale.start <= mark.time <= frame.scale.stop:
            continue
        x = frame.scale.place(mark.time)
        yield Curve(np.array([x, x]), np.array([frame.marks + 2, frame.bottom]), MARK, 0.9, dashed=True)
        if x > free:
            yield Text(x + 3, frame.marks + 9, mark.name, _SMALL, MARK, halo=True)
            free = x + text_width(mark.name, _SMALL) + 6


def _footer(panels: Sequence[Panel], y: float, left: float, right: float) -> Iterator[Item]:
    """Yield what readers need to know of the drawing."""
    yield Text(right, y, legend(panels), 8.0, FAINT_INK, Anchor.END)
    if any(panel.tints for panel in panels):
        x = _MARGIN
        for change, colour in CHANGE_COLOURS.items():
            yield Box(x, y - 8, 9, 9, colour, 0.3, colour)
            yield Text(x + 13, y, change.value, _SMALL, INK)
            x += 24 + text_width(change.value, _SMALL)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> Curve:
    return Curve(np.array([x1, x2]), np.array([y1, y2]), colour, width)


def legend(panels: Sequence[Panel]) -> str:
    """Return what the times and the short words of a drawing mean."""
    electronics = panels[0].picture.electronics
    what = "times of the core's events" if electronics else "times of light"
    return f"{what}, loops drawn once · a: amplitude of full scale (1 if not told) · φ: phase in turns"


def describe(picture: Picture) -> str:
    """Return one line on a picture: the lab, how long it is, how many events it has."""
    kinds = "electronics" if picture.electronics else "light"
    return f"{picture.target} · {time_text(round(picture.duration, 12))} · {picture.events} events · {kinds}"
