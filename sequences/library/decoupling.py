"""Dynamical decoupling: half turns that keep a stored qubit apart from a noisy field."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from sequences.errors import DeclaredValueError
from sequences.ir import Block, Pulse
from sequences.language import at, delay, parallel, subsequence
from sequences.library.grid import nearest_step
from sequences.library.node import Node
from sequences.library.qubit import rotate
from sequences.parameters import Expression, Value
from sequences.units import show


class Decoupling(StrEnum):
    """When half turns are played, and about which axes.

    Source: S. Meiboom and D. Gill, Rev. Sci. Instrum. 29, 688 (1958), for CPMG; A. Maudsley, J. Magn. Reson.
    69, 488 (1986), for XY4; T. Gullion et al., J. Magn. Reson. 89, 479 (1990), for XY8; G. Uhrig, Phys. Rev.
    Lett. 98, 100504 (2007), for UDD.
    """

    CPMG = "cpmg"
    """Evenly spaced, all about Y: keeps a state along Y, as a quarter turn about X makes it."""
    XY4 = "xy4"
    """Evenly spaced, about X and Y in turn: keeps every state."""
    XY8 = "xy8"
    """The same in an order whose pulse errors cancel further."""
    UDD = "udd"
    """Closer at the ends, all about Y: the first n orders of a drift vanish with n pulses."""


_Y: Final = 0.25

AXES: Final[Mapping[Decoupling, tuple[float, ...]]] = MappingProxyType(
    {
        Decoupling.CPMG: (_Y,),
        Decoupling.XY4: (0.0, _Y, 0.0, _Y),
        Decoupling.XY8: (0.0, _Y, 0.0, _Y, _Y, 0.0, _Y, 0.0),
        Decoupling.UDD: (_Y,),
    }
)
"""Scheme -> axes (turns) of the pulses of one cycle."""


def pulse_times(scheme: Decoupling, pulses: int) -> tuple[float, ...]:
    """Return when the middles of the half turns are, as fractions of the wait.

    Source: of `Decoupling`; evenly spaced (j - 1/2)/n, for UDD sin^2(pi j / (2n + 2)).

    Example:
        >>> pulse_times(Decoupling.CPMG, 2)
        (0.25, 0.75)
    """
    if scheme is Decoupling.UDD:
        return tuple(math.sin(math.pi * j / (2 * pulses + 2)) ** 2 for j in range(1, pulses + 1))
    return tuple((j - 0.5) / pulses for j in range(1, pulses + 1))


@subsequence
def decouple(node: Node, scheme: Decoupling, pulses: int, wait: Value, phase: Value = 0.0) -> Block:
    """Keep the qubit for a time while half turns refocus it.

    Args:
        node: to play on.
        scheme: when they are played and about which axes.
        pulses: how many; whole cycles of the scheme. An even number brings the state back to itself.
        wait: s, in all. A number's pulses are moved to the nearest step of the clock; an expression must put
            them there by itself (for evenly spaced ones, multiples of twice as many steps as pulses do).
        phase: of the scheme's X axis, turns.

    Raises:
        DeclaredValueError: the pulses are no whole cycles of the scheme, or do not fit into the wait.
    """
    axes = AXES[scheme]
    if pulses < 1 or pulses % len(axes):
        cycle = f"whole cycles of {len(axes)} pulses" if len(axes) > 1 else "at least one pulse"
        raise DeclaredValueError("pulses", f"{pulses} is wrong: {scheme} needs {cycle}")
    times = pulse_times(scheme, pulses)
    turns = [rotate(node, 0.5, phase + axes[number % len(axes)]) for number in range(pulses)]
    starts = [
        nearest_step(node, time * wait - turn.duration / 2) for time, turn in zip(times, turns, strict=True)
    ]
    _refuse_short(wait, turns, starts[0], times[0])
    return parallel(delay(wait), *(at(start, turn) for start, turn in zip(starts, turns, strict=True)))


def _refuse_short(wait: Value, turns: Sequence[Pulse], start: Value, time: float) -> None:
    """Refuse a wait in which the first pulse would begin too early; where that one fits, all of them do."""
    duration = turns[0].duration
    if isinstance(wait, Expression) or isinstance(duration, Expression) or isinstance(start, Expression):
        return
    if start < 0:
        half_turns = f"{len(turns)} half turns of {show(duration, 's', 4)}"
        needed = show(duration / 2 / time, "s", 4)
        raise DeclaredValueError("wait", f"{show(wait, 's', 4)} is too short: {half_turns} need {needed}")
