"""How outputs get from one value to another: ramps of a voltage, and edges of a tone's amplitude.

Every shape is a function of the fraction s of the way in time, from 0 to 1, to the fraction of the way in
value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray


class Shape(StrEnum):
    """How a ramp gets from its start to its stop."""

    LINEAR = "linear"
    MINIMUM_JERK = "minimum_jerk"
    """10 s^3 - 15 s^4 + 6 s^5: position, velocity and acceleration are smooth at both ends."""
    SINE_SQUARED = "sine_squared"
    """sin^2(pi s / 2): position and velocity are smooth at both ends."""


class Edge(StrEnum):
    """How a tone's amplitude rises; it falls in the same way."""

    LINEAR = "linear"
    SINE_SQUARED = "sine_squared"
    """sin^2(pi s / 2), half of a Hann window."""
    BLACKMAN = "blackman"
    """0.42 - 0.5 cos(pi s) + 0.08 cos(2 pi s), half of a Blackman window: least power far off."""


Fractions = NDArray[np.float64]

SHAPES: Final[Mapping[str, Callable[[Fractions], Fractions]]] = MappingProxyType(
    {
        "linear": lambda s: s,
        "minimum_jerk": lambda s: s**3 * (10 + s * (6 * s - 15)),
        "sine_squared": lambda s: np.sin(np.pi / 2 * s) ** 2,
        "blackman": lambda s: 0.42 - 0.5 * np.cos(np.pi * s) + 0.08 * np.cos(2 * np.pi * s),
    }
)
"""Name of a shape or edge -> fraction of time (samples,) to fraction of value (samples,).

Source: T. Flash and N. Hogan, J. Neurosci. 5, 1688 (1985), for minimum jerk; F. Harris, Proc. IEEE 66, 51
(1978), for the windows.
"""
