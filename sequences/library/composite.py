"""Composite pulses: rotations whose parts cancel each other's errors.

A faulty rotation here is one whose light is too strong by a fraction (BB1, SK1) or off resonance (CORPSE).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from sequences.errors import DeclaredValueError
from sequences.ir import Block
from sequences.language import serial, subsequence
from sequences.library.node import Node
from sequences.library.qubit import rotate
from sequences.parameters import Value


@dataclass(frozen=True, slots=True)
class Rotation:
    """A rotation about an axis in the equator.

    Attributes:
        turns: angle, turns.
        phase: of the axis, turns.
    """

    turns: float
    phase: Value = 0.0


def sk1(turns: float, phase: Value = 0.0) -> tuple[Rotation, ...]:
    """Return a rotation whose infidelity grows with the fourth power of the error in strength.

    Args:
        turns: angle, up to 1 turn.
        phase: of the axis, turns.

    Raises:
        DeclaredValueError: the angle is no part of a turn.

    Source: K. Brown, A. Harrow and I. Chuang, Phys. Rev. A 70, 052318 (2004).
    """
    tilt = _tilt(turns)
    return Rotation(turns, phase), Rotation(1.0, phase - tilt), Rotation(1.0, phase + tilt)


def bb1(turns: float, phase: Value = 0.0) -> tuple[Rotation, ...]:
    """Return a rotation whose infidelity grows with the sixth power of the error in strength.

    Args:
        turns: angle, up to 1 turn.
        phase: of the axis, turns.

    Raises:
        DeclaredValueError: the angle is no part of a turn.

    Source: S. Wimperis, J. Magn. Reson. A 109, 221 (1994).

    Example:
        >>> [(rotation.turns, round(rotation.phase, 4)) for rotation in bb1(0.5)]
        [(0.5, 0.0), (0.5, 0.2902), (1.0, 0.8706), (0.5, 0.2902)]
    """
    tilt = _tilt(turns)
    return (
        Rotation(turns, phase),
        Rotation(0.5, phase + tilt),
        Rotation(1.0, phase + 3 * tilt),
        Rotation(0.5, phase + tilt),
    )


def corpse(turns: float, phase: Value = 0.0) -> tuple[Rotation, ...]:
    """Return a rotation from which the first order of a detuning cancels, and the second all but cancels.

    Its infidelity grows with the fourth power of the detuning, soon overtaken by the sixth.

    Args:
        turns: angle, up to 1 turn.
        phase: of the axis, turns.

    Raises:
        DeclaredValueError: the angle is no part of a turn.

    Source: H. Cummins, G. Llewellyn and J. Jones, Phys. Rev. A 67, 042308 (2003), with n = (1, 1, 0).

    Example:
        >>> [(round(360 * rotation.turns), rotation.phase) for rotation in corpse(0.5)]
        [(420, 0.0), (300, 0.5), (60, 0.0)]
    """
    less = math.asin(math.sin(math.pi * _checked(turns)) / 2) / (2 * math.pi)
    return (
        Rotation(1 + turns / 2 - less, phase),
        Rotation(1 - 2 * less, phase + 0.5),
        Rotation(turns / 2 - less, phase),
    )


@subsequence
def play_rotations(node: Node, rotations: Iterable[Rotation]) -> Block:
    """Play rotations of the qubit one after the other."""
    return serial(*(rotate(node, rotation.turns, rotation.phase) for rotation in rotations))


def _tilt(turns: float) -> float:
    """Return arccos(-theta / 4 pi) as turns: the angle at which the corrections of a rotation cancel."""
    return math.acos(-_checked(turns) / 2) / (2 * math.pi)


def _checked(turns: float) -> float:
    if not 0 < turns <= 1:
        raise DeclaredValueError(
            "turns", f"{turns:g} is wrong: composite pulses turn by up to 1, and not by 0"
        )
    return turns
