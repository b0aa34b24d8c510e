"""What happened to an instrument: an account that tells the night's troubles in the morning."""

from __future__ import annotations

import enum
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

NOISY_REPLIES, NOISY_SECONDS = 3, 60.0
"""More bad replies than this within this time are no accident but a bad cable."""


class Severity(enum.StrEnum):
    """How much somebody has to care."""

    NOTE = "note"  # put right already
    WARNING = "warning"  # data of that moment may be worse
    ALARM = "alarm"  # somebody has to look before it goes on


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened.

    Attributes:
        time: seconds since 1970.
        severity: how much somebody has to care.
        text: what happened, in a sentence without the instrument's name.
    """

    time: float
    severity: Severity
    text: str


class Logbook:
    """The last thousand happenings of one instrument.

    Args:
        wall: gives seconds since 1970.
        clock: gives seconds, by a clock that nobody sets back.
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall, self._clock = wall, clock
        self._entries: deque[Happening] = deque(maxlen=1000)
        self._bad_replies: deque[float] = deque(maxlen=NOISY_REPLIES + 1)

    def __iter__(self) -> Iterator[Happening]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, severity: Severity, text: str) -> None:
        """Take down what happened now; the same text twice in a row is taken down once."""
        if not self._entries or self._entries[-1].text != text:
            self._entries.append(Happening(self._wall(), severity, text))

    def count_bad_reply(self) -> None:
        """Count a reply that made no sense; too many within a minute are an alarm."""
        now = self._clock()
        self._bad_replies.append(now)
        if len(self._bad_replies) > NOISY_REPLIES and now - self._bad_replies[0] < NOISY_SECONDS:
            self.add(Severity.ALARM, f"the line is noisy: {len(self._bad_replies)} bad replies in a minute")
            self._bad_replies.clear()
