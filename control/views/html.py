"""Writes panels as one HTML file that needs nothing else: pictures as JSON, and the script that draws them.

The script is in ``timeline.js``; all words and colours that it shows are made here, but for times.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from control.views.layout import Window, legend
from control.views.palette import CHANGE_COLOURS, GROUP_COLOURS, ROW_HEIGHTS
from control.views.panel import Panel
from sequences.picture import Bars, Fold, Gates, Group, Picture, Strokes
from sequences.picture.wording import frequency_text

_DIGITS = 12
"""Of seconds after the point: picoseconds, below which no event of any target lies."""


def html(panels: Sequence[Panel], window: Window | None = None) -> str:
    """Return a page with panels above each other that can be zoomed and asked.

    Args:
        panels: at least one.
        window: what is shown at first; None for the whole.
    """
    data = {
        "panels": [_panel(panel) for panel in panels],
        "window": [window.start, window.stop] if window else None,
        "length": max(panel.picture.duration for panel in panels),
        "colours": _colours(),
        "heights": dict(ROW_HEIGHTS),
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    first = panels[0]
    return Template(_part("timeline.html")).substitute(
        title=escape(" and ".join(panel.title for panel in panels)),
        subtitle=escape(first.subtitle if len(panels) == 1 else first.picture.target),
        legend=escape(legend(panels)),
        style=_part("timeline.css").strip(),
        script=_part("timeline.js").strip(),
        data=text.replace("<", "\\u003c"),  # within a page "</script>" ends a script, also in its texts
    )


def _colours() -> dict[str, str]:
    groups = {str(group): colour for group, colour in GROUP_COLOURS.items()}
    return groups | {str(change): colour for change, colour in CHANGE_COLOURS.items()}


def _part(name: str) -> str:
    return files("control.views").joinpath(name).read_text(encoding="utf-8")


def _panel(panel: Panel) -> dict[str, Any]:
    picture = panel.picture
    return {
        "title": panel.title,
        "subtitle": panel.subtitle,
        "duration": _time(picture.duration),
        "sources": [f"{source}" for source in picture.sources],
        "rows": [_row(picture, number) for number in range(len(picture.rows))],
        "marks": [[mark.name, _time(mark.time)] for mark in picture.marks],
        "stretches": [[s.name, _time(s.start), _time(s.stop), s.depth] for s in picture.stretches],
        "folds": [_fold(panel, fold) for fold in picture.folds],
        "tints": [[t.channel, _time(t.start), _time(t.stop), t.change, t.text] for t in panel.tints],
    }


def _fold(panel: Panel, fold: Fold) -> list[Any]:
    mark = panel.tint_of(fold)
    place = [_time(fold.start), _time(fold.stop), fold.depth]
    return [fold.text, fold.brief, *place, *([mark.change, mark.text] if mark else [])]


def _row(picture: Picture, number: int) -> dict[str, Any]:
    """Return one channel: its spans in order of time, their words once each."""
    row = picture.rows[number]
    content: dict[str, Any]
    match row.group:
        case Group.ELECTRODES:
            content = _voltages(picture, number)
        case Group.LINES | Group.TONES:
            content = _bars(picture, number)
        case _:
            content = _gates(picture, number)
    return {"name": row.channel, "group": row.group, **content}


def _bars(picture: Picture, number: int) -> dict[str, Any]:
    bars = picture.bars
    own = np.flatnonzero(bars.row == number)
    content = _spans(bars, own, _wave_words(bars, own))
    content["changing"] = [place for place, bar in enumerate(own.tolist()) if bars.changing[bar]]
    if picture.rows[number].group is Group.TONES:
        content["amplitude"] = [round(value, 6) for value in bars.amplitude[own].tolist()]
        content["shapes"] = {
            place: _curve(picture.envelopes.time, picture.envelopes.value, bars, bar)
            for place, bar in enumerate(own.tolist())
            if bars.count[bar]
        }
    return content


def _wave_words(bars: Bars, own: NDArray[np.int64]) -> list[tuple[str, str]]:
    """Return a label, and what is told of it in full, for each of some bars."""
    texts = bars.texts()
    return [
        (
            texts[bar],
            "high"
            if math.isnan(bars.frequency[bar])
            else f"frequency {frequency_text(float(bars.frequency[bar]))}\n"
            f"amplitude {bars.amplitude[bar]:.9g} of full scale{', shaped' if bars.count[bar] else ''}\n"
            f"phase {bars.phase[bar]:.9g} turn",
        )
        for bar in own.tolist()
    ]


def _gates(picture: Picture, number: int) -> dict[str, Any]:
    own = np.flatnonzero(picture.gates.row == number)
    names = [picture.readout_name(row) for row in picture.gates.readout[own].tolist()]
    words = [(name, f"records into {name}") for name in names]
    return _spans(picture.gates, own, words)


def _voltages(picture: Picture, number: int) -> dict[str, Any]:
    strokes, voltages = picture.strokes, picture.voltages
    own = np.flatnonzero(strokes.row == number)
    words = [
        ("", "set" if count == 1 else f"one of {count} samples") for count in strokes.count[own].tolist()
    ]
    content = _spans(strokes, own, words)
    content["changing"] = [place for place, stroke in enumerate(own.tolist()) if strokes.changing[stroke]]
    samples = picture.voltages_of(number)
    content["time"] = _times(voltages.time[samples])
    content["volts"] = [float(f"{volts:.9g}") for volts in voltages.value[samples].tolist()]
    return content


def _spans(
    spans: Bars | Gates | Strokes, own: NDArray[np.int64], words: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Return the columns that all spans share."""
    known = {pair: place for place, pair in enumerate(dict.fromkeys(words))}
    return {
        "start": _times(spans.start[own]),
        "stop": _times(spans.stop[own]),
        "source": spans.source[own].tolist(),
        "word": [known[pair] for pair in words],
        "words": list(known),
    }


def _curve(
    time: NDArray[np.float64], value: NDArray[np.float64], bars: Bars, bar: int
) -> tuple[list[float], list[float]]:
    own = slice(int(bars.first[bar]), int(bars.first[bar] + bars.count[bar]))
    return _times(time[own]), [round(amplitude, 6) for amplitude in value[own].tolist()]


def _times(times: NDArray[np.float64]) -> list[float]:
    rounded: list[float] = np.round(times, _DIGITS).tolist()
    return rounded


def _time(time: float) -> float:
    return round(time, _DIGITS)
