"""State detection: bright ions scatter 397 nm light, ions in D5/2 stay dark until they decay.

Counts are Poissonian. Light of one ion that falls on a neighbour's region of the camera is counted there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.calcium import D52

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ThresholdErrors:
    """How often one exposure of one ion is read wrongly.

    Attributes:
        bright: probability that a bright ion is called dark.
        dark: probability that an ion dark at the start is called bright.
    """

    bright: float
    dark: float

    @property
    def mean(self) -> float:
        """Error for an ion that is as often bright as dark."""
        return (self.bright + self.dark) / 2


def exposure(
    rng: np.random.Generator,
    dark: NDArray[np.bool_],
    duration: float,
    lifetime: float | Floats = D52.lifetime,
) -> Floats:
    """Draw for how long each ion shines during an exposure.

    Args:
        rng: source of randomness.
        dark: which ions are in D5/2 at the start (shots, ions).
        duration: of the exposure, in s.
        lifetime: of D5/2, in s, or that of each dark ion (dark ions,); a decayed ion shines for the rest of
            the exposure.

    Returns:
        Time in the light (shots, ions), in s.
    """
    bright_time = np.full(dark.shape, duration)
    decay = rng.exponential(lifetime, int(np.count_nonzero(dark)))
    bright_time[dark] = np.maximum(duration - decay, 0.0)
    return bright_time


def leakage(positions: Floats, spread: float, half_width: float, centres: Floats | None = None) -> Floats:
    """Return how much of each ion's light falls on each region of the camera.

    The image of an ion is a Gaussian along the string; across it the regions take all light.

    Args:
        positions: of the ions along the string (ions,), in m in the object plane.
        spread: rms width of the image, in m in the object plane.
        half_width: of the regions, in m.
        centres: of the regions (regions,), in m; None for one on each ion.

    Returns:
        Fractions (regions, ions): of the light of ion j (column) in region i (row). Dense, because the
        product with it costs less than the Poisson draws even for hundreds of ions.
    """
    from scipy.special import erf  # noqa: PLC0415 - slow to import, and checking a setup needs none

    distance = (positions if centres is None else centres)[:, None] - positions[None, :]
    scale = math.sqrt(2) * spread
    fractions: Floats = (erf((distance + half_width) / scale) - erf((distance - half_width) / scale)) / 2
    return fractions


@dataclass(frozen=True, slots=True, eq=False)
class Glow:
    """How many photons a bright ion has scattered since it came into the light.

    Attributes:
        times: (points,) ascending from 0, s.
        photons: (points,) that it has scattered by then, on average.
    """

    times: Floats
    photons: Floats

    def until(self, times: Floats) -> Floats:
        """Return the photons (...) that are scattered by some times (...); none before 0."""
        return np.asarray(np.interp(times, self.times, self.photons))

    def when(self, photons: Floats) -> Floats:
        """Return by what times (...) so many photons (...) are scattered."""
        return np.asarray(np.interp(photons, self.photons, self.times))


def counts(
    rng: np.random.Generator, photons: Floats, *, efficiency: float, background: float, leakage: Floats
) -> NDArray[np.int32]:
    """Draw the counts in the region of every ion.

    Args:
        rng: source of randomness.
        photons: that each ion scatters, on average (shots, ions).
        efficiency: counts anywhere on the camera for each of them.
        background: mean counts in one region.
        leakage: fractions (regions, ions) from `leakage`.

    Returns:
        Counts (shots, regions).
    """
    expected = photons @ (efficiency * leakage.T)
    expected += background
    return rng.poisson(expected).astype(np.int32)


def arrivals(
    rng: np.random.Generator, glow: Glow, begun: Floats, gate: tuple[float, float], efficiency: float
) -> tuple[NDArray[np.int64], Floats]:
    """Draw the clicks of a detector that sees all ions alike, while its gate is open.

    Args:
        rng: source of randomness.
        glow: of a bright ion.
        begun: (shots, ions) when each ion began to shine, s.
        gate: from when to when clicks count, s.
        efficiency: clicks for each scattered photon.

    Returns:
        Shot and time (s) of each click (clicks,), in no order.
    """
    first, last = (glow.until(edge - begun) for edge in gate)
    clicks = rng.poisson(efficiency * (last - first))
    shot, ion = (np.repeat(index, clicks.ravel()) for index in np.indices(clicks.shape).reshape(2, -1))
    low, high = first[shot, ion], last[shot, ion]
    return shot, begun[shot, ion] + glow.when(low + rng.random(len(shot)) * (high - low))


def threshold_errors(
    threshold: int, duration: float, bright_rate: float, dark_rate: float, lifetime: float = D52.lifetime
) -> ThresholdErrors:
    """Return the exact errors of calling an ion bright from a threshold count on.

    A bright ion collects a Poisson number of counts with mean (dark_rate + bright_rate) T. For a dark one the
    Poisson law is averaged over its exponential decay during the exposure; integration by parts gives the
    incomplete gamma functions used here.

    Args:
        threshold: least number of counts that is called bright, at least 1.
        duration: of the exposure T, in s.
        bright_rate: counts per second of a bright ion over the background.
        dark_rate: background counts per second.
        lifetime: of the dark level, in s, infinite for no decay; much longer than 1 / bright_rate.

    Returns:
        Both errors.

    Source: Myerson et al., PRL 100, 200502 (2008), for the method; the closed form is derived here.

    Example:
        >>> round(threshold_errors(11, 2e-3, 14e3, 1e3, math.inf).mean * 1e5, 1)
        1.5
    """
    lowest, highest = dark_rate * duration, (dark_rate + bright_rate) * duration
    from scipy.special import gammainc, gammaincc  # noqa: PLC0415 - slow to import, and checking a setup needs none

    loss = 1 / (bright_rate * lifetime)  # decays per count
    kept = 1 - loss
    undecayed = gammainc(threshold, kept * highest) - gammainc(threshold, kept * lowest)
    weight = math.exp(-loss * highest) * kept**-threshold
    dark = float(gammainc(threshold, highest) - weight * undecayed)
    return ThresholdErrors(bright=float(gammaincc(threshold, highest)), dark=max(dark, 0.0))
