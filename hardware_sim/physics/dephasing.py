"""How much contrast noise leaves to a stored qubit: filter functions in closed form.

Half turns change the sign with which the frequency of the qubit counts. The phase that it has gathered is
then the product of the noise with a filter in frequency, whatever the pulses are: none (Ramsey), one in the
middle (Hahn's echo), or many (Carr, Purcell, Meiboom and Gill).

Source: L. Cywinski et al., Phys. Rev. B 77, 174509 (2008).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STEPS_PER_DECADE = 400
"""Of the integral over 1/f noise: finer than the lobes of any filter that is asked for here."""


def filter_response(frequency: Floats, wait: float, flips: Sequence[float] = ()) -> Floats:
    """Return how long a signal at some frequencies effectively counts, s.

    Args:
        frequency: of the noise, Hz, of any shape.
        wait: time for which the qubit is kept, s.
        flips: fractions of it, ascending, at which ideal half turns are played.

    Returns:
        |integral of y(t) exp(2 pi i f t)| over the wait, where y = 1 changes its sign at each half turn.

    Example: without half turns a constant counts for all of the wait, with one it counts for nothing.
        >>> still = np.array([0.0])
        >>> float(filter_response(still, 5e-3)[0]), float(filter_response(still, 5e-3, [0.5])[0])
        (0.005, 0.0)
    """
    edges = wait * np.array([0.0, *flips, 1.0])
    lengths, middles = np.diff(edges), (edges[1:] + edges[:-1]) / 2
    signs = (-1.0) ** np.arange(len(lengths))
    waves = np.exp(2j * np.pi * frequency[..., None] * middles)
    parts = signs * lengths * np.sinc(frequency[..., None] * lengths) * waves
    return np.asarray(np.abs(parts.sum(axis=-1)), dtype=np.float64)


def contrast_of_offset(rms: float, wait: float) -> float:
    """Return the contrast that a Gaussian offset (rms, Hz), constant in a shot, leaves without half turns.

    Example: 9.4 Hz after 20 ms.
        >>> round(contrast_of_offset(9.4, 20e-3), 2)
        0.5
    """
    return math.exp(-((2 * math.pi * rms * wait) ** 2) / 2)


def contrast_of_line(amplitude: float, frequency: float, wait: float, flips: Sequence[float] = ()) -> float:
    """Return the contrast that one line of a spectrum leaves, at any phase of it; amplitude in Hz."""
    from scipy.special import j0  # noqa: PLC0415 - slow to import

    response = filter_response(np.array([frequency]), wait, flips)
    return float(j0(2 * np.pi * amplitude * response)[0])


def contrast_of_flicker(
    rms: float, low: float, high: float, wait: float, flips: Sequence[float] = ()
) -> float:
    """Return the contrast that Gaussian 1/f noise leaves.

    Args:
        rms: Hz, of the noise in one decade.
        low: lower end of the spectrum, Hz.
        high: upper end, Hz.
        wait: time for which the qubit is kept, s.
        flips: of `filter_response`.
    """
    decades = math.log10(high / low)
    steps = math.ceil(STEPS_PER_DECADE * decades)
    frequency = low * 10 ** ((np.arange(steps) + 0.5) * decades / steps)
    power = np.mean(filter_response(frequency, wait, flips) ** 2) * decades * rms**2
    return math.exp(-((2 * math.pi) ** 2) * float(power) / 2)


def contrast_of_laser(linewidth: float, wait: float) -> float:
    """Return the contrast that a Lorentzian line of the laser (full width, Hz) leaves with any half turns.

    Example: 1 Hz after 20 ms.
        >>> round(contrast_of_laser(1.0, 20e-3), 3)
        0.939
    """
    return math.exp(-math.pi * linewidth * wait)
