"""Words of a picture: pulses, loops and conditions as people say them, in physical units.

Example:
    >>> pulse_text(Wave(80e6, 0.4, 0.25))
    '80 MHz · a 0.4 · φ 0.25'
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple, assert_never

from sequences.conditions import AllOf, AnyOf, Condition, Herald
from sequences.program import AttemptLoop, ReadoutChannel
from sequences.units import show

DIGITS: Final = 12
"""Of times that people compare: picoseconds within a second."""


@dataclass(frozen=True, slots=True)
class Wave:
    """What a tone plays: frequency (Hz), amplitude (0 to 1 of full scale), phase (turns)."""

    frequency: float
    amplitude: float
    phase: float


class Words(NamedTuple):
    """How something is played, in full and where there is little room."""

    text: str
    brief: str


def pulse_text(wave: Wave, digits: int = 4) -> str:
    """Return what a pulse plays, the amplitude marked with an a and the phase (turns) with a φ.

    A full amplitude and a phase of zero are not told; for a line there is nothing to tell.

    Args:
        wave: what is played.
        digits: of the amplitude; phases have two more, frequencies all.

    Example:
        >>> pulse_text(Wave(80.1e6, 1.0, 0.0))
        '80.1 MHz'
    """
    if math.isnan(wave.frequency):
        return ""
    parts = [frequency_text(wave.frequency)]
    parts += [f"a {wave.amplitude:.{digits}g}"] if wave.amplitude != 1 else []
    parts += [f"φ {wave.phase:.{digits + 2}g}"] if wave.phase != 0 else []
    return " · ".join(parts)


def frequency_text(frequency: float) -> str:
    """Return a frequency (Hz) in MHz, in which all tones of a lab are compared."""
    return f"{frequency / 1e6:.12g} MHz"


def time_text(seconds: float) -> str:
    """Return a time with all digits that a picture can show.

    Example:
        >>> time_text(7.0207e-3), time_text(-4e-9)
        ('7.0207 ms', '-4 ns')
    """
    return show(seconds, "s", DIGITS)


def condition_text(condition: Condition[int], readouts: Sequence[ReadoutChannel]) -> str:
    """Return what a condition asks for.

    Args:
        condition: on rows of the readouts.
        readouts: of the program.

    Example:
        >>> herald = ReadoutChannel("h", 0, 3), ReadoutChannel("h", 1, 3), ReadoutChannel("v", 0, 4)
        >>> condition_text(Herald((0, 1, 2)), herald)
        'a click in h[0–1] or v'
        >>> condition_text(Herald((0,)) & Herald((2,), at_least=0, at_most=0), herald)
        'a click in h[0] and no click in v'
    """
    match condition:
        case Herald():
            single = condition.at_least <= 1 and not condition.at_most
            names = _names([readouts[row] for row in condition.readouts], readouts)
            return f"{_clicks(condition)} in {(' or ' if single else ' + ').join(names)}"
        case AllOf(parts):
            return " and ".join(_within(part, readouts) for part in parts)
        case AnyOf(parts):
            return ", or ".join(_within(part, readouts) for part in parts)
        case _:
            assert_never(condition)


def repeat_words(count: int) -> Words:
    """Return how a loop of a fixed count is played."""
    return Words(f"× {count}", f"× {count}")


def attempt_words(loop: AttemptLoop, readouts: Sequence[ReadoutChannel], period: float) -> Words:
    """Return how an attempt loop is played.

    Args:
        loop: to tell.
        readouts: of the program.
        period: of a tick, s.
    """
    until = f"until {condition_text(loop.herald, readouts)}"
    most = "" if loop.maximum is None else f", at most {loop.maximum} ×"
    within = "" if loop.timeout is None else f", within {time_text(loop.timeout * period)}"
    return Words(until + most + within, "until …" if loop.maximum is None else f"≤{loop.maximum}×")


def between_words(loop: AttemptLoop) -> Words:
    """Return when the steps between attempts are played."""
    if loop.every == 1:
        return Words("after each failed attempt", "each")
    return Words(f"after every {loop.every} failed attempts", f"every {loop.every}")


def _clicks(herald: Herald[int]) -> str:
    match herald.at_least, herald.at_most:
        case 1, None:
            return "a click"
        case least, None:
            return f"{least} clicks or more"
        case 0, 0:
            return "no click"
        case 0, most:
            return f"at most {most} click{'s' if most > 1 else ''}"
        case least, most if least == most:
            return f"exactly {least} click{'s' if least > 1 else ''}"
        case least, most:
            return f"{least} to {most} clicks"


def _within(condition: Condition[int], readouts: Sequence[ReadoutChannel]) -> str:
    text = condition_text(condition, readouts)
    return f"({text})" if isinstance(condition, AllOf | AnyOf) else text


def _names(chosen: Sequence[ReadoutChannel], known: Sequence[ReadoutChannel]) -> list[str]:
    """Return the names of readouts, windows of one name together."""
    many = {readout.name for readout in known if readout.index}
    names = []
    for name, same in groupby(chosen, key=lambda readout: readout.name):
        names.append(f"{name}[{_spans([r.index for r in same])}]" if name in many else name)
    return names


def _spans(indices: Sequence[int]) -> str:
    """Return numbers with runs drawn together.

    Example:
        >>> _spans([0, 1, 2, 5])
        '0–2, 5'
    """
    spans: list[list[int]] = []
    for index in indices:
        if spans and index == spans[-1][1] + 1:
            spans[-1][1] = index
        else:
            spans.append([index, index])
    return ", ".join(str(low) if low == high else f"{low}–{high}" for low, high in spans)
