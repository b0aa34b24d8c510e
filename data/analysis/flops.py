"""Rabi flops: from how often ions went dark to Rabi frequency, resonance and temperature.

Frequencies are Rabi frequencies in Hz: a pi pulse lasts half of one over them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.counts import BinomialCounts
from data.analysis.fits import Fit, Free, check_columns, fit
from data.analysis.thermal import carrier_factors, equal_temperature, sideband_factors

Vector = NDArray[np.float64]

MOST_QUANTA: Final = 200.0
"""Phonons of the slowest mode up to which a fit looks: ions warmer than that do not flop at all."""

_STARTING_QUANTA: Final = (0.5, 8.0, 40.0)


def rabi_line(detuning: ArrayLike, duration: ArrayLike, rabi: ArrayLike) -> Vector:
    """Return the probability of a flip by a pulse of constant light.

    Args:
        detuning: Of the light from resonance, Hz, shape (...).
        duration: s, shape (...).
        rabi: Rabi frequency, Hz, shape (...).

    Source: I. Rabi, Phys. Rev. 51, 652 (1937).

    Example:
        >>> rabi_line([0.0, 50e3], 10e-6, 50e3).round(3).tolist()
        [1.0, 0.317]
    """
    rabi, detuning = np.asarray(rabi, dtype=np.float64), np.asarray(detuning, dtype=np.float64)
    whole = np.hypot(rabi, detuning)
    time = np.asarray(duration, dtype=np.float64)
    return np.asarray((np.pi * rabi * time * np.sinc(whole * time)) ** 2)


def averaged_flop(durations: Vector, rabi: float, factors: Vector, weights: Vector) -> Vector:
    """Return the probability (points,) of a flip on resonance, averaged over what weakens the light.

    Args:
        durations: Of the pulses, s, (points,).
        rabi: Rabi frequency of an ion at rest without even zero-point motion, Hz.
        factors: On the Rabi frequency, (nodes,), for example of `carrier_factors`.
        weights: Of the factors, (nodes,).
    """
    return np.asarray((1 - np.cos(2 * np.pi * rabi * np.outer(durations, factors)) @ weights) / 2)


def contrast(floor: float, share: float) -> float:
    """Return how much more often ions that have flopped look dark; it is never below zero.

    Args:
        floor: Share that looks dark where no ion has flopped.
        share: Of the others, that look dark where all have.
    """
    return (1 - floor) * share


def fit_flop(
    durations: ArrayLike,
    dark: ArrayLike,
    shots: ArrayLike,
    lamb_dicke: ArrayLike,
    frequencies: ArrayLike,
) -> Fit:
    """Fit flops on a carrier: Rabi frequency, and phonons from how the flops wash out.

    Args:
        durations: Of the pulses, s, (points,).
        dark: How often the ion went dark, (points,).
        shots: Of how many, (points,) or one number.
        lamb_dicke: Lamb-Dicke parameters of all modes, (modes,), the slowest first.
        frequencies: Of all modes, Hz, (modes,); they are taken to be equally warm.

    Returns:
        ``rabi_frequency`` of an ion at rest; ``phonons`` of the first mode; ``floor``, the share that looks
        dark where no ion has flopped; and ``share`` of the others that look dark where all have.

    Raises:
        AnalysisError: If the data do not show a flop, or leave something open.

    Source: D. Meekhof et al., Phys. Rev. Lett. 76, 1796 (1996), for temperatures from flops.
    """
    what = "a Rabi flop"
    times = np.asarray(durations, dtype=np.float64)
    data = BinomialCounts(dark, shots)
    check_columns(durations=times, dark=data.successes)
    modes = np.asarray(frequencies, dtype=np.float64)

    @lru_cache(maxsize=32)  # most steps of a fit leave the temperature as it is
    def factors(quanta: float) -> tuple[Vector, Vector]:
        return carrier_factors(lamb_dicke, equal_temperature(quanta, modes))

    def model(values: Vector) -> Vector:
        rabi, quanta, floor, share = values.tolist()
        return np.asarray(floor + contrast(floor, share) * averaged_flop(times, rabi, *factors(quanta)))

    slowest, fastest = _frequency_range(times)
    free = (
        Free("rabi_frequency", slowest / 2, 1.5 * fastest, "Hz", slowest / 20),
        Free("phonons", 0.0, MOST_QUANTA, step=0.5),
        Free("floor", 0.0, 1.0, step=0.02),
        Free("share", 0.0, 1.0, step=0.02),
    )
    rabis = np.arange(slowest, fastest, slowest / 3)
    starts = [(float(rabi), quanta, 0.01, 0.97) for quanta in _STARTING_QUANTA for rabi in rabis]
    return fit(what, model, free, starts, data, signal=True)


def fit_resonance(detunings: ArrayLike, dark: ArrayLike, shots: ArrayLike, duration: float) -> Fit:
    """Fit the line of a pulse of known length: where it is, and how strong the light was.

    Args:
        detunings: Of the light from where the line is believed, Hz, (points,).
        dark: How often the ion went dark, (points,).
        shots: Of how many, (points,) or one number.
        duration: Of the pulse, s.

    Returns:
        ``centre`` and ``rabi_frequency`` in Hz; ``floor``, the share that looks dark where no ion has
        flopped; and ``share`` of the others that look dark where all have.

    Raises:
        AnalysisError: If the data do not show a line, or leave something open.
    """
    what = "a Rabi line"
    places = np.asarray(detunings, dtype=np.float64)
    data = BinomialCounts(dark, shots)
    check_columns(detunings=places, dark=data.successes)

    def model(values: Vector) -> Vector:
        centre, rabi, floor, share = values.tolist()
        return np.asarray(floor + contrast(floor, share) * rabi_line(places - centre, duration, rabi))

    low, high = float(places.min()), float(places.max())
    full = 0.5 / duration
    free = (
        Free("centre", low, high, "Hz", full / 50),
        Free("rabi_frequency", full / 20, 20 * full, "Hz", full / 50),
        Free("floor", 0.0, 1.0, step=0.01),
        Free("share", 0.0, 1.0, step=0.02),
    )
    centres = np.linspace(low, high, 2 * len(places))
    strengths = full * np.array([0.3, 0.7, 1.2, 2.0, 3.0, 5.0])
    starts = [(float(c), float(s), 0.01, 0.97) for c in centres for s in strengths]
    return fit(what, model, free, starts, data, signal=True)


def blue_sideband(
    detunings: Vector, duration: float, rabi: float, quanta: float, lamb_dicke: float
) -> Vector:
    """Return the probability (points,) of a flip on the blue sideband of a thermal ion.

    Args:
        detunings: Of the light from the sideband, Hz, (points,).
        duration: Of the pulse, s.
        rabi: Rabi frequency of the carrier for an ion at rest, Hz.
        quanta: Mean phonon number of the mode.
        lamb_dicke: Lamb-Dicke parameter of the mode.
    """
    factors, weights = _sideband_factors(lamb_dicke, quanta)
    return np.asarray(rabi_line(detunings[:, None], duration, rabi * factors) @ weights)


@lru_cache(maxsize=64)  # most steps of a fit leave the temperature as it is
def _sideband_factors(lamb_dicke: float, quanta: float) -> tuple[Vector, Vector]:
    return sideband_factors(lamb_dicke, quanta)


def _frequency_range(times: Vector) -> tuple[float, float]:
    """Return the slowest flop that a scan of lengths holds half of, and the fastest that it resolves."""
    steps = np.diff(np.unique(times))
    return 0.5 / float(times.max()), 0.5 / float(np.median(steps)) if len(steps) else 1.0 / float(times.max())
