"""What models of driven ions are made of: flips, waves and decays with their slopes, many at a time.

Sines and cosines of one angle come from the tangent of half of it, which numpy computes several times as fast
as either where the processor has wide registers, and no slower elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float64]

_BLOCK: Final = (
    10_000  # numbers that are worked on at a time in sums over phonon numbers: they stay in the cache
)

EXPONENTS: Final[Mapping[str, int]] = {"exponential": 1, "gaussian": 2}
"""How a contrast is lost, by what always changes or by what stays the same for a shot -> the exponent."""

_LEAST_AREA: Final = 1e-4  # turns of a pulse; below them, a flip is that of weak light to 3e-8


def wave(turns: Vector) -> tuple[Vector, Vector]:
    """Return cosine and sine of angles in turns, both (...).

    Example:
        >>> [part.round(6).tolist() for part in wave(np.array([0.0, 0.125]))]
        [[1.0, 0.707107], [0.0, 0.707107]]
    """
    half = np.tan(np.pi * turns)
    share = 2 / (1 + half * half)  # 1 + cos
    return share - 1, half * share


def flip(detuning: Vector, duration: float, rabi: Vector) -> tuple[Vector, Vector, Vector]:
    """Return the probability of a flip by a pulse, and its slopes with detuning and Rabi frequency.

    Args:
        detuning: Of the light, Hz, (...).
        duration: Of the pulse, s.
        rabi: Rabi frequency, Hz, (...).

    Source: I. Rabi, Phys. Rev. 51, 652 (1937): (Omega / W)^2 sin^2(pi W t), W^2 = Omega^2 + delta^2.
    """
    strength = rabi * rabi
    narrow, bend = _lobes(strength + detuning * detuning, duration)
    return strength * narrow, strength * detuning * bend, rabi * (2 * narrow + strength * bend)


def _lobes(square: Vector, duration: float) -> tuple[Vector, Vector]:
    """Return sin^2(pi W t) / W^2, and its slope with W over W.

    Args:
        square: W^2, Hz^2, (...). It is used up.
        duration: t, s.
    """
    np.maximum(square, (_LEAST_AREA / duration) ** 2, out=square)
    angle = np.sqrt(square)
    angle *= np.pi * duration
    tangent = np.tan(angle)
    inverse = np.divide(1.0, square, out=square)
    share = tangent * tangent
    share += 1
    np.divide(tangent, share, out=share)  # sin cos
    share *= inverse
    narrow = tangent * share
    angle -= tangent
    angle *= share
    angle *= inverse
    angle *= 2
    return narrow, angle


def averaged_wave(
    times: Vector, rabi: Vector, weights: Vector, tilts: Vector
) -> tuple[Vector, Vector, Vector]:
    """Return the mean cosine of waves of several frequencies, and its slopes, all (rows, points).

    Args:
        times: s, (rows, points) or (1, points).
        rabi: Frequencies, Hz, (rows, nodes).
        weights: Of the frequencies, (rows, nodes).
        tilts: Slopes of the weights with some parameter, (rows, nodes).

    Returns:
        The mean; its slope with that parameter; its relative slope with the scale of all frequencies.
    """
    shape = len(rabi), times.shape[1]
    mean, tilted, scaled = np.empty(shape), np.empty(shape), np.empty(shape)
    both, faster = np.stack([weights, tilts], axis=1), (weights * rabi)[:, None, :]
    for part in _blocks(len(rabi), rabi.shape[1] * shape[1]):
        here = times if len(times) == 1 else times[part]
        cosine, sine = wave(here[:, None, :] * rabi[part, :, None])
        mean[part], tilted[part] = np.moveaxis(both[part] @ cosine, 1, 0)
        scaled[part] = -2 * np.pi * here * (faster[part] @ sine)[:, 0]
    return mean, tilted, scaled


def averaged_flip(
    detuning: Vector, duration: float, rabi: Vector, weights: Vector, tilts: Vector
) -> tuple[Vector, Vector, Vector, Vector]:
    """Return the mean probability of flips at several Rabi frequencies, and its slopes, all (rows, points).

    Args:
        detuning: Hz, (rows, points).
        duration: s.
        rabi: Hz, (rows, nodes).
        weights: Of the Rabi frequencies, (rows, nodes).
        tilts: Slopes of the weights with some parameter, (rows, nodes).

    Returns:
        The mean; its slopes with that parameter and with the detuning; its relative slope with the scale of
        all Rabi frequencies.
    """
    mean, tilted, shifted, scaled = (np.empty(detuning.shape) for _ in range(4))
    strength = rabi * rabi
    both = np.stack([weights * strength, tilts * strength], axis=1)
    twice = np.stack([weights * strength, weights * strength**2], axis=1)
    for part in _blocks(len(rabi), rabi.shape[1] * detuning.shape[1]):
        away = detuning[part]
        narrow, bend = _lobes(strength[part, :, None] + (away * away)[:, None, :], duration)
        mean[part], tilted[part] = np.moveaxis(both[part] @ narrow, 1, 0)
        slow, fast = np.moveaxis(twice[part] @ bend, 1, 0)
        shifted[part] = away * slow
        scaled[part] = 2 * mean[part] + fast
    return mean, tilted, shifted, scaled


def _blocks(rows: int, width: int) -> Iterator[slice]:
    """Yield rows, as many at a time as stay in the cache."""
    size = max(1, _BLOCK // width)
    return (slice(first, first + size) for first in range(0, rows, size))


def decay(times: Vector, rate: Vector, exponent: int) -> tuple[Vector, Vector]:
    """Return exp(-(rate t)^exponent), and its slope with the rate; times (s) and rates (1/s) spread."""
    lost = (rate * times) ** exponent
    left = np.exp(-lost)
    return left, -exponent * times * (rate * times) ** (exponent - 1) * left


def resolution(times: Vector) -> tuple[float, float]:
    """Return the lengths of a scan and of its usual step (points,)."""
    different = np.unique(times)
    return float(different[-1] - different[0]), float(np.median(np.diff(different)))
