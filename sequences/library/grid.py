"""Pulses of any length on a clock of whole steps: what is longer by a fraction of a step is weaker."""

from __future__ import annotations

import math
from typing import Final

from sequences.library.node import Node
from sequences.parameters import Expression, Value

_NOISE: Final = 1e-6
"""Steps by which a length may miss a whole number and still be one: floats of seconds carry noise."""


def keep_area(node: Node, duration: Value, amplitude: float) -> tuple[Value, Value]:
    """Return the length and amplitude of a pulse on the node's grid that turns the ions by the same angle.

    The length is rounded up to the step on which every channel can start what follows, and the amplitude is
    lowered in proportion: the light's field is proportional to the amplitude, and over the tenth of a percent
    that a step is of a pulse so it is for every modulator. What is on the grid stays as it is; so does an
    expression, whose value is not known yet.

    Args:
        node: to play on.
        duration: s.
        amplitude: 0 to 1 of full scale.
    """
    if isinstance(duration, Expression) or not 0 < duration < math.inf:
        return duration, amplitude
    exact = duration / node.grid
    if abs(exact - round(exact)) < _NOISE:
        return duration, amplitude
    rounded = math.ceil(exact) * node.grid
    return rounded, amplitude * (duration / rounded)


def nearest_step(node: Node, time: Value) -> Value:
    """Return the time (s) of the node's grid that is nearest; an expression stays as it is."""
    if isinstance(time, Expression) or not math.isfinite(time):
        return time
    return round(time / node.grid) * node.grid
