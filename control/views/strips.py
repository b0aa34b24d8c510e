"""Draws the rows of a picture on paper: lines, tones, voltages, gates.

Whatever is narrower than a pixel is drawn as one, and once: a row of a thousand pulses on a page stays small.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.views.palette import CHANGE_COLOURS, FAINT_INK, GROUP_COLOURS, INK, PAPER, ROW_HEIGHTS
from control.views.panel import Panel
from control.views.scale import Scale
from control.views.sheet import Anchor, Box, Curve, Item, Text, fitting
from sequences.picture import Gates, Group, Picture
from sequences.units import show

_PAD: Final = 4.0  # pixels between what is drawn and the edges of its row
_LEAST: Final = 1.0  # pixels: the narrowest bar that prints
_TONE_OPACITY: Final = 0.2  # so that labels can be read on them
_LINE_OPACITY: Final = 0.75
_LABEL: Final = 9.0
_SCALE_LABEL: Final = 8.0
_TINT_LEAST: Final = 5.0  # pixels: what differs must be seen, however short


@dataclass(frozen=True, slots=True)
class Strip:
    """The room of one row: its number in the picture, and its upper edge in pixels."""

    row: int
    group: Group
    top: float

    @property
    def height(self) -> float:
        """Of the row, pixels."""
        return ROW_HEIGHTS[self.group]

    @property
    def colour(self) -> str:
        """Of what is drawn in it."""
        return GROUP_COLOURS[self.group]

    def level(self, share: float) -> float:
        """Return the height (pixels from the top of the sheet) of a value, 0 at the bottom, 1 at the top."""
        return self.top + self.height - _PAD - share * (self.height - 2 * _PAD)

    @property
    def baseline(self) -> float:
        """Of a label in its middle."""
        return self.top + self.height / 2 + 0.36 * _LABEL


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What of some spans is to be drawn: their numbers, left and right edges in pixels."""

    index: NDArray[np.int64]
    left: NDArray[np.float64]
    right: NDArray[np.float64]

    def each(self) -> Iterator[tuple[int, float, float]]:
        return zip(self.index.tolist(), self.left.tolist(), self.right.tolist(), strict=True)


def draw_strip(panel: Panel, strip: Strip, scale: Scale) -> Iterator[Item]:
    """Yield what is drawn in one row, from back to front."""
    yield from _tints(panel, strip, scale)
    match strip.group:
        case Group.ELECTRODES:
            yield from _voltages(panel.picture, strip, scale)
        case Group.TONES | Group.LINES:
            yield from _bars(panel.picture, strip, scale)
        case _:
            yield from _gates(panel.picture, strip, scale)


def _seen(row: int, spans: Gates | object, scale: Scale) -> _Seen:
    rows, start, stop = (getattr(spans, name) for name in ("row", "start", "stop"))
    shown = (start < scale.stop) & (stop > scale.start) | (start == stop) & (start >= scale.start)
    index = np.flatnonzero((rows == row) & shown & (start <= scale.stop))
    left, right = scale.place_all(start[index]), scale.place_all(stop[index])
    narrow = right - left < _LEAST
    left = np.where(narrow, np.floor(left), left)
    right = np.where(narrow, left + _LEAST, right)
    new = ~narrow
    new[:1] = True
    new[1:] |= left[1:] != left[:-1]
    return _Seen(index[new], left[new], right[new])


def _bars(picture: Picture, strip: Strip, scale: Scale) -> Iterator[Item]:
    bars, texts = picture.bars, picture.bars.texts()
    tone = strip.group is Group.TONES
    opacity = _TONE_OPACITY if tone else _LINE_OPACITY
    outlines: list[Item] = []
    labels: list[Item] = []
    for bar, left, right in _seen(strip.row, bars, scale).each():
        amplitude = float(bars.amplitude[bar]) if tone else 1.0
        top = min(strip.level(amplitude), strip.level(0) - 2)
        if bars.count[bar] and right - left > 3 * _LEAST:
            outlines.append(_envelope(picture, bar, strip, scale))
        else:
            yield Box(left, top, right - left, strip.level(0) - top, strip.colour, opacity)
            outlines.append(_outline(left, right, top, strip))
        if tone:
            texts_by_length = texts[bar], texts[bar].partition(" · ")[0]
            labels += _label(texts_by_length, scale.clear(left, right), _tone_baseline(strip, top))
    yield from (*outlines, *labels)


def _tone_baseline(strip: Strip, top: float) -> float:
    """Return where a tone's label stands: over its bar if there is room, else within."""
    above = top - 2.5
    if above - _LABEL > strip.top:
        return above
    return (top + strip.level(0)) / 2 + 0.36 * _LABEL


def _label(texts: tuple[str, ...], room: tuple[float, float], baseline: float) -> Iterator[Item]:
    """Yield the first of several labels that fits between two edges."""
    left, right = room
    label = fitting(texts, _LABEL, right - left - 5)
    if label:
        yield Text((left + right) / 2, baseline, label, _LABEL, INK, Anchor.MIDDLE)


def _outline(left: float, right: float, top: float, strip: Strip) -> Curve:
    """Return the upper edge of a bar, with its sides if they can be told apart."""
    bottom = strip.level(0) if right - left > 3 * _LEAST else top
    corners = np.array([left, left, right, right]), np.array([bottom, top, top, bottom])
    return Curve(*corners, strip.colour, 1.1)


def _envelope(picture: Picture, bar: int, strip: Strip, scale: Scale) -> Curve:
    """Return the shape of a tone whose amplitude changes within its bar."""
    first = int(picture.bars.first[bar])
    own = slice(first, first + int(picture.bars.count[bar]))
    time, value = picture.envelopes.time[own], picture.envelopes.value[own]
    x, y = _steps(scale.place_all(np.append(time, picture.bars.stop[bar])), value)
    x, y = _thinned(x, y)
    x, y = np.concatenate([x[:1], x, x[-1:]]), np.concatenate([[0.0], y, [0.0]])
    heights = np.array([strip.level(0)]) + y * (strip.level(1) - strip.level(0))
    return Curve(x, heights, strip.colour, 1.1, fill=strip.colour, opacity=_TONE_OPACITY)


def _gates(picture: Picture, strip: Strip, scale: Scale) -> Iterator[Item]:
    labels: list[Item] = []
    for gate, left, right in _seen(strip.row, picture.gates, scale).each():
        top, height = strip.level(1), strip.height - 2 * _PAD
        yield Box(left, top, right - left, height, strip.colour, 0.14, strip.colour)
        readout = int(picture.gates.readout[gate])
        texts = picture.readout_name(readout), str(picture.readouts[readout].index)
        labels += _label(texts, scale.clear(left, right), strip.baseline)
    yield from labels


def _voltages(picture: Picture, strip: Strip, scale: Scale) -> Iterator[Item]:
    own = picture.voltages_of(strip.row)
    time, value = picture.voltages.time[own], picture.voltages.value[own]
    shown = slice(
        max(0, int(np.searchsorted(time, scale.start, "right")) - 1),
        int(np.searchsorted(time, scale.stop, "right")),
    )
    time, value = np.maximum(time[shown], scale.start), value[shown]
    if len(value) == 0:
        return
    low, high = float(value.min()), float(value.max())
    share = (value - low) / (high - low) if high > low else np.full(len(value), 0.5)
    stop = min(scale.stop, max(picture.duration, float(time[-1])))
    x, share = _steps(scale.place_all(np.append(time, stop)), share)
    x, share = _thinned(x, share)
    yield Curve(x, strip.level(0) + share * (strip.level(1) - strip.level(0)), strip.colour, 1.3)
    left = float(scale.places[0])
    for level, volts in {1.0: high, 0.0: low}.items() if high > low else {0.5: low}.items():
        y = strip.level(level)
        yield Curve(np.array([left - 4, left]), np.array([y, y]), FAINT_INK, 0.8)
        # Labels of neighbouring rows keep clear of each other.
        yield Text(left - 7, y + 6 * level, show(volts, "V", 5), _SCALE_LABEL, FAINT_INK, Anchor.END)


def _steps(x: NDArray[np.float64], value: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Return the corners of a curve whose values each hold until the next; `x` has one more than `value`."""
    return np.repeat(x, 2)[1:-1], np.repeat(value, 2)


def _thinned(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Return a curve without the points that paper cannot show: of each pixel the ends and the extremes."""
    pixel = np.floor(x).astype(np.int64)
    order = np.lexsort((y, pixel))
    begins = np.flatnonzero(np.diff(pixel, prepend=pixel[0] - 1))
    ends = np.append(begins[1:], len(x)) - 1
    kept = np.unique(np.concatenate([begins, ends, order[begins], order[ends]]))
    return x[kept], y[kept]


def _tints(panel: Panel, strip: Strip, scale: Scale) -> Iterator[Item]:
    channel = panel.picture.rows[strip.row].channel
    for tint in panel.tints:
        if tint.channel == channel and tint.start <= scale.stop and tint.stop >= scale.start:
            left, right = scale.place(tint.start), scale.place(tint.stop)
            missing = max(0.0, _TINT_LEAST - (right - left))
            colour = CHANGE_COLOURS[tint.change]
            width, height = right - left + missing, strip.height - 2
            yield Box(left - missing / 2, strip.top + 1, width, height, PAPER)
            yield Box(left - missing / 2, strip.top + 1, width, height, colour, 0.16, colour)
