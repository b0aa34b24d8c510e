"""Readings: what an instrument said, when, and how far that can be trusted.

A number without its age and its quality is a trap: the last value of a wavemeter that died an hour ago looks
like any other. So values that people or servos look at travel as a `Reading`, and an old one says that it is.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from control.device.settings import Setting, Value

Answer = TypeVar("Answer")

LOOKS = 3
"""How often a setting is read at most where a byte of an answer can change on the way and nobody notices."""


class Quality(enum.StrEnum):
    """How far a reading can be trusted."""

    GOOD = "good"
    STALE = "stale"  # it was true once: too old, or the instrument cannot be asked any more
    SUSPECT = "suspect"  # the instrument itself doubts it, as a gauge at the end of its range does
    BAD = "bad"  # there is no value: over-exposed, no signal, never read


@dataclass(frozen=True, slots=True)
class Judged:
    """A value with the instrument's own doubt about it, as a driver hands it on.

    Attributes:
        value: as read.
        quality: suspect or bad.
        note: why, in a few words.
    """

    value: Value
    quality: Quality
    note: str

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True, slots=True)
class Reading:
    """What an instrument said.

    Attributes:
        name: of the setting.
        value: in its unit; None when there is none.
        unit: base unit of the value.
        time: when it was read, seconds since 1970.
        quality: how far it can be trusted.
        note: why not, in a few words.
    """

    name: str
    value: Value | None
    unit: str
    time: float
    quality: Quality = Quality.GOOD
    note: str = ""

    def age(self, now: float) -> float:
        """Return how old it is at a moment (seconds since 1970), s; never negative, whatever clocks do."""
        return max(0.0, now - self.time)

    def doubted(self, note: str) -> Reading:
        """Return that there is no value now, and why; the time is that of the doubt.

        Example:
            >>> Reading("power", -2.0, "dBm", time=100.0).doubted("no answer").quality
            <Quality.BAD: 'bad'>
        """
        return replace(self, value=None, time=time.time(), quality=Quality.BAD, note=note)

    def aged(self, age: float, fresh: float) -> Reading:
        """Return the reading as it is worth some time later.

        Args:
            age: how many seconds later, by a clock that nobody sets back.
            fresh: for how many seconds such a reading counts; below zero if nobody knows what is true now.

        Example:
            >>> Reading("power", -2.0, "dBm", time=100.0).aged(30.0, fresh=10.0).quality
            <Quality.STALE: 'stale'>
        """
        if self.quality is Quality.BAD or age <= fresh:
            return self
        return replace(self, quality=Quality.STALE, note=self.note or f"{age:.3g} s old")


def judged(value: Value | Judged) -> Judged:
    """Return a value with a judgement: a good one if the driver had no doubt."""
    return value if isinstance(value, Judged) else Judged(value, Quality.GOOD, "")


def repeated(heard: Sequence[Answer]) -> Answer | None:
    """Return the last of several answers if it is not the first of its kind; else None.

    Example:
        >>> repeated(["1", "7"]), repeated(["1", "7", "7"])
        (None, '7')
    """
    *earlier, last = heard
    return last if last in earlier else None


def majority(setting: Setting, heard: Sequence[Judged]) -> Judged | None:
    """Return what is to be believed of several answers to one question, of which one may be harmed.

    Args:
        setting: what was asked for.
        heard: the answers so far, at least two.

    Returns:
        The last answer if an earlier one agrees. Measured numbers may all differ a little: of `LOOKS` of them
        it is the one in the middle, which one harmed answer cannot be. None if nobody can tell.

    Example:
        >>> measured = Setting("pressure", "Pa", "", writable=False)
        >>> answers = [judged(3.1e-7), judged(9.2e-7), judged(3.2e-7)]
        >>> majority(measured, answers[:2]), majority(measured, answers).value
        (None, 3.2e-07)
    """
    *earlier, last = heard
    if any(_agree(setting, each, last) for each in earlier):
        return last
    if len(heard) < LOOKS or setting.writable or not setting.number:
        return None
    if any(each.quality is Quality.BAD for each in heard):
        return None
    return sorted(heard, key=lambda each: float(each.value))[len(heard) // 2]


def _agree(setting: Setting, first: Judged, second: Judged) -> bool:
    if first.quality is not second.quality:
        return False
    return first.quality is Quality.BAD or not setting.differs(first.value, second.value)
