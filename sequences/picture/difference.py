"""How two pictures differ: what was added, removed, moved or changed, channel by channel.

What both have at the same time and with the same values is left aside. The rest is aligned, channel by
channel, by what is played: things that agree in all but their time have moved, things that stand in each
other's place have changed, and whatever remains was added or removed.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final, TypeAlias

import numpy as np

from sequences.errors import Source
from sequences.picture.picture import Picture, Row
from sequences.picture.wording import time_text
from sequences.units import show

_SAME_TIME: Final = 1e-13
"""s; two programs in picoseconds or more agree to better than this, whatever the rounding of their floats."""

_EXACT: Final = 12
"""Digits of values that are compared: more than any tone has."""


class Change(StrEnum):
    """What happened to a thing from the one picture to the other."""

    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that a picture shows on a channel, or a loop, which is on none.

    Attributes:
        channel: name; empty for loops and marks.
        what: it is, with its values, for people; equal for things that differ in nothing but their time.
        start: s.
        stop: s.
        content: what is compared.
        source: the author's line, which is not compared.
    """

    channel: str
    what: str
    start: float
    stop: float
    content: tuple[object, ...]
    source: Source | None

    @property
    def duration(self) -> float:
        """From its start to its stop, s."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Deviation:
    """One thing in which two pictures differ.

    Attributes:
        change: what happened.
        before: the thing as it is in the first picture; None if it was added.
        after: the thing as it is in the second picture; None if it was removed.
    """

    change: Change
    before: Thing | None
    after: Thing | None

    @property
    def thing(self) -> Thing:
        """The thing as it is now, or as it was if it is no more."""
        thing = self.after or self.before
        if thing is None:  # pragma: no cover - neither function below makes one
            raise ValueError("a deviation needs a thing")
        return thing

    @property
    def shift(self) -> float:
        """By how much it starts later, s; 0 where there is nothing to compare."""
        return self.after.start - self.before.start if self.before and self.after else 0.0


def compare(before: Picture, after: Picture) -> tuple[Deviation, ...]:
    """Return in what two pictures differ: loops and marks first, then channel by channel, in order of time.

    Args:
        before: the first picture.
        after: the second one; both of light, or both of electronics.
    """
    olds, news = things(before), things(after)
    channels = dict.fromkeys(("", *_channels(before.rows, after.rows)))
    return tuple(
        deviation
        for channel in channels
        for deviation in _align(olds.get(channel, []), news.get(channel, []))
    )


def things(picture: Picture) -> dict[str, list[Thing]]:
    """Return channel -> what a picture shows on it, in order of time; loops and marks have no channel."""
    found = sorted(
        (*_folds(picture), *_bars(picture), *_strokes(picture), *_gates(picture)),
        key=lambda thing: (thing.channel, thing.start),
    )
    return {channel: list(own) for channel, own in groupby(found, key=lambda thing: thing.channel)}


def deviation_text(deviation: Deviation) -> str:
    """Return what happened to a thing, without where it is.

    Example:
        >>> old = Thing("tone", "80 MHz", 0.0, 2e-6, (80e6,), None)
        >>> new = Thing("tone", "81 MHz", 1e-6, 3e-6, (81e6,), None)
        >>> deviation_text(Deviation(Change.CHANGED, old, new))
        '80 MHz -> 81 MHz, moved by +1 us'
    """
    before, after = deviation.before, deviation.after
    if before is None or after is None:
        return deviation.thing.what + _lasting(deviation.thing)
    parts = [before.what if before.what == after.what else f"{before.what} -> {after.what}"]
    if not _equal_times(before.duration, after.duration):
        parts.append(f"lasts {time_text(before.duration)} -> {time_text(after.duration)}")
    if not _equal_times(before.start, after.start):
        parts.append(f"moved by {'+' if deviation.shift > 0 else ''}{time_text(round(deviation.shift, 15))}")
    return ", ".join(parts)


def _lasting(thing: Thing) -> str:
    return f" for {time_text(thing.duration)}" if thing.duration > 0 else ""


def _channels(*rows: Sequence[Row]) -> Iterator[str]:
    """Yield the names of channels of both pictures, those of one group together."""
    every = [row for own in rows for row in own]
    order = dict.fromkeys(row.group for row in every)
    for group in order:
        yield from dict.fromkeys(row.channel for row in every if row.group is group)


Key: TypeAlias = tuple[object, ...]


def _align(old: list[Thing], new: list[Thing]) -> Iterator[Deviation]:
    """Yield in what the things of one channel differ, in order of time."""
    old, new = _without_common(old, new)
    found = [*_paired(old, new)]
    yield from sorted(found, key=lambda deviation: deviation.thing.start)


def _without_common(old: list[Thing], new: list[Thing]) -> tuple[list[Thing], list[Thing]]:
    """Return what is in one list alone, times included."""
    return _missing(old, {_whole(thing) for thing in new}), _missing(new, {_whole(thing) for thing in old})


def _missing(things: Iterable[Thing], elsewhere: set[Key]) -> list[Thing]:
    return [thing for thing in things if _whole(thing) not in elsewhere]


def _whole(thing: Thing) -> Key:
    return (round(thing.start / _SAME_TIME), *_timeless(thing))


def _timeless(thing: Thing) -> Key:
    return (round(thing.duration / _SAME_TIME), *thing.content)


def _paired(old: list[Thing], new: list[Thing]) -> Iterator[Deviation]:
    """Yield the deviations between two lists that have nothing in common.

    Ends that agree are paired first: long trains of equal pulses are then no work to align, and an odd one
    among them is found. Lists of one length that mostly agree are the same code with other numbers.
    """
    old_keys, new_keys = [*map(_timeless, old)], [*map(_timeless, new)]
    head = _common_head(old_keys, new_keys)
    tail = _common_head(old_keys[head:][::-1], new_keys[head:][::-1])
    inner = slice(head, len(old) - tail), slice(head, len(new) - tail)
    yield from _in_order(old[:head], new[:head])
    yield from _in_order(old[inner[0].stop :], new[inner[1].stop :])
    old, new, old_keys, new_keys = old[inner[0]], new[inner[1]], old_keys[inner[0]], new_keys[inner[1]]
    agreeing = sum(a == b for a, b in zip(old_keys, new_keys, strict=False))
    if len(old) == len(new) and 2 * agreeing >= len(old):
        yield from _in_order(old, new)
        return
    for _, i, j, k, m in difflib.SequenceMatcher(None, old_keys, new_keys, autojunk=False).get_opcodes():
        both = min(j - i, m - k)
        yield from _in_order(old[i : i + both], new[k : k + both])
        yield from (Deviation(Change.REMOVED, thing, None) for thing in old[i + both : j])
        yield from (Deviation(Change.ADDED, None, thing) for thing in new[k + both : m])


def _in_order(old: list[Thing], new: list[Thing]) -> Iterator[Deviation]:
    """Yield what became of each thing, if the lists are in the same order."""
    for before, after in zip(old, new, strict=True):
        moved = _timeless(before) == _timeless(after)
        yield Deviation(Change.MOVED if moved else Change.CHANGED, before, after)


def _common_head(old: list[Key], new: list[Key]) -> int:
    """Return how many keys agree from the start; long trains of equal pulses are then no work to align."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(old), len(new)))


def _equal_times(one: float, other: float) -> bool:
    return abs(one - other) < _SAME_TIME


def _folds(picture: Picture) -> Iterator[Thing]:
    for fold in picture.folds:
        yield Thing("", fold.text, fold.start, fold.stop, (fold.bracket, fold.text, fold.depth), None)
    for mark in picture.marks:
        yield Thing("", f"mark {mark.name}", mark.time, mark.time, ("mark", mark.name), None)


def _bars(picture: Picture) -> Iterator[Thing]:
    bars = picture.bars
    columns = (bars.row, bars.start, bars.stop, bars.source, bars.first, bars.count)
    waves = np.stack([bars.frequency, bars.amplitude, bars.phase], axis=1)
    played = zip(*(column.tolist() for column in columns), waves, bars.texts(_EXACT), strict=True)
    for row, start, stop, source, first, count, wave, text in played:
        shape = _shape(picture, first, count, start)
        what = (text or "high") + (" shaped" if shape else "")
        content = (wave.tobytes(), *shape)
        yield Thing(picture.rows[row].channel, what, start, stop, content, picture.source(source))


def _shape(picture: Picture, first: int, count: int, start: float) -> Key:
    """Return what is compared of an envelope: its amplitudes, and when each begins within the bar."""
    own = slice(first, first + count)
    times = ((picture.envelopes.time[own] - start) / _SAME_TIME).round()
    return (picture.envelopes.value[own].tobytes(), times.tobytes()) if count else ()


def _strokes(picture: Picture) -> Iterator[Thing]:
    strokes, voltages = picture.strokes, picture.voltages
    for place in range(len(strokes)):
        first, count = int(strokes.first[place]), int(strokes.count[place])
        own = slice(first, first + count)
        start, stop = float(strokes.start[place]), float(strokes.stop[place])
        values = voltages.value[own]
        times = ((voltages.time[own] - start) / _SAME_TIME).round()
        yield Thing(
            picture.rows[int(strokes.row[place])].channel,
            _stroke_text(float(values[0]), float(values[-1]), count),
            start,
            stop,
            (values.tobytes(), times.tobytes()),
            picture.source(int(strokes.source[place])),
        )


def _stroke_text(first: float, last: float, count: int) -> str:
    if count == 1:
        return f"set to {show(first, 'V')}"
    return f"{show(first, 'V')} to {show(last, 'V')} in {count} samples"


def _gates(picture: Picture) -> Iterator[Thing]:
    gates = picture.gates
    names = [picture.readout_name(row) for row in range(len(picture.readouts))]
    columns = (gates.row, gates.start, gates.stop, gates.readout, gates.source)
    for row, start, stop, readout, source in zip(*(column.tolist() for column in columns), strict=True):
        text = f"gate {names[readout]}"
        yield Thing(picture.rows[row].channel, text, start, stop, (text,), picture.source(source))
