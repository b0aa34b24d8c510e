"""Noise as functions of time: drifts, lines of a spectrum, the phase of a laser.

Two kinds of functions live here. A `Path` is one slow quantity of a lab; it may be asked about any time,
again and in any order, and always gives the same answer. `Lines` and `WanderingPhase` are fast quantities,
drawn for many shots at once, each shot with a time of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import accumulate
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Shots = NDArray[np.int64]

SHORTEST: Final = 64
"""Knots that a path draws at once; how many has no influence on the path."""

LINES_PER_DECADE: Final = 2
"""Of a continuous spectrum: each line is drawn anywhere in its half of a decade, anew for each shot, so that
an average over shots sees the spectrum whole whatever the pulses are sensitive to."""


class Path:
    """A slow quantity: Gaussian, Markovian, with a value for every time from 0 on.

    Its increments between whole multiples of the spacing are exact; in between it goes straight, which is
    for quantities that hardly move within one spacing. The path is fixed by the generator that it was made
    with: neither the order nor the number of the questions changes it.

    Example:
        >>> path = Path.walk(np.random.default_rng(1), 2.0)
        >>> late = path.at(np.array([5000.0]))
        >>> path.at(np.array([3.0, 5000.0]))[1:] == late
        array([ True])
    """

    def __init__(
        self, rng: np.random.Generator, kept: float, kick: float, start: float, spacing: float
    ) -> None:
        """Make a path.

        Args:
            rng: its own, nobody else's.
            kept: factor of what is left of a value after one spacing.
            kick: rms of what is added in one spacing.
            start: value at time 0.
            spacing: s.
        """
        self._rng, self._kept, self._kick, self._spacing = rng, kept, kick, spacing
        self._knots = np.array([start])

    @classmethod
    def walk(cls, rng: np.random.Generator, rate: float, age: float = 0.0, spacing: float = 1.0) -> Self:
        """Return a random walk.

        Args:
            rng: its own.
            rate: rms after one second; it grows with the root of time.
            age: s for which it has walked from zero when it is first asked, at time 0.
            spacing: of what is exact, s.
        """
        start = rate * math.sqrt(age) * float(rng.standard_normal())
        return cls(rng, 1.0, rate * math.sqrt(spacing), start, spacing)

    @classmethod
    def confined(cls, rng: np.random.Generator, rms: float, memory: float, spacing: float = 1.0) -> Self:
        """Return an Ornstein-Uhlenbeck process: it wanders about zero and forgets.

        Args:
            rng: its own.
            rms: of its values at any time.
            memory: s after which 1/e of a value is left on average.
            spacing: of what is exact, s.

        Source: D. Gillespie, Phys. Rev. E 54, 2084 (1996), for increments that are exact for any step.
        """
        kept = math.exp(-spacing / memory)
        start = rms * float(rng.standard_normal())
        return cls(rng, kept, rms * math.sqrt(1 - kept**2), start, spacing)

    def at(self, time: Floats) -> Floats:
        """Return the values at some times (s) from 0 on, of any shape."""
        place = np.asarray(time) / self._spacing
        below = np.floor(place).astype(np.int64)
        self._grow(int(below.max(initial=0)) + 2)
        low = self._knots[below]
        return np.asarray(low + (place - below) * (self._knots[below + 1] - low))

    def _grow(self, knots: int) -> None:
        if knots > len(self._knots):
            more = max(knots, 2 * len(self._knots), SHORTEST) - len(self._knots)
            kicks = self._kick * self._rng.standard_normal(more)
            # Added up one after the other, so that it does not matter how many are drawn at once.
            if self._kept == 1:
                grown = np.cumsum(np.append(self._knots[-1], kicks))
            else:
                kept, last = self._kept, float(self._knots[-1])
                step = accumulate(kicks.tolist(), lambda value, kick: kept * value + kick, initial=last)
                grown = np.array(list(step))
            self._knots = np.concatenate([self._knots, grown[1:]])


class Lines:
    """A signal of every shot that is a sum of oscillations; its integral over time is exact.

    Example: 50 Hz, at its crest when the shot starts, is back there after 20 ms and has cancelled.
        >>> lines = Lines(np.array([[3.0]]), np.array([[50.0]]), np.array([[0.0]]))
        >>> end = np.array([20e-3])
        >>> lines.at(np.array([0]), end).round(9), abs(lines.integral(np.array([0]), end)).round(9)
        (array([3.]), array([0.]))
    """

    def __init__(self, amplitude: Floats, frequency: Floats, phase: Floats) -> None:
        """Make the signal of some shots.

        Args:
            amplitude: (shots, lines), in units of the signal.
            frequency: the same or (lines,), Hz, above 0.
            phase: (shots, lines), turns of a cosine when the shot starts.
        """
        # What integrals need, once for all of a shot: radians, and the integral of each line at its crest.
        self._rate = np.broadcast_to(2 * np.pi * frequency, phase.shape)
        self._start = 2 * np.pi * phase
        self._weight = amplitude / self._rate
        self._begun = np.einsum("sl,sl->s", self._weight, np.sin(self._start))

    @property
    def amplitude(self) -> Floats:
        """Amplitudes (shots, lines), in units of the signal."""
        return np.asarray(self._weight * self._rate)

    @property
    def frequency(self) -> Floats:
        """Frequencies (shots, lines), Hz."""
        return np.asarray(self._rate / (2 * np.pi))

    def __len__(self) -> int:
        """Return how many lines there are."""
        return int(self._start.shape[1])

    def at(self, shots: Shots, time: Floats) -> Floats:
        """Return the signal (shots,) of some shots at times (shots,) after their start, s."""
        rate = self._rate[shots]
        swing = np.cos(rate * time[:, None] + self._start[shots])
        return np.asarray(np.einsum("sl,sl,sl->s", self._weight[shots], rate, swing))

    def integral(self, shots: Shots, time: Floats) -> Floats:
        """Return the integral (shots,) of the signal from the start of shots to times (shots,) after it."""
        swing = self._rate[shots] * time[:, None]
        swing += self._start[shots]
        np.sin(swing, out=swing)
        return np.asarray(np.einsum("sl,sl->s", self._weight[shots], swing) - self._begun[shots])


def mains_lines(amplitudes: Mapping[int, float], frequency: float, crossed: Floats) -> Lines:
    """Return what the mains leave in a signal: sines that cross zero upwards when the line voltage does.

    Args:
        amplitudes: number of the harmonic, from 1 on -> its amplitude; those of 0 are left out.
        frequency: of the mains, Hz.
        crossed: (shots,) s since the last upward crossing of the line voltage when each shot starts.
    """
    present = {order: amplitude for order, amplitude in amplitudes.items() if amplitude}
    frequencies = frequency * np.array(list(present), dtype=np.float64)
    sizes = np.array(list(present.values()), dtype=np.float64)
    return Lines(sizes, frequencies, crossed[:, None] * frequencies - 0.25)


def flicker_lines(rng: np.random.Generator, shots: int, rms: float, low: float, high: float) -> Lines:
    """Draw 1/f noise: the same power in each decade between two frequencies, none outside of them.

    Args:
        rng: source of randomness.
        shots: how many, each with lines of its own.
        rms: of the signal that one decade makes.
        low: lower end of the spectrum, Hz.
        high: upper end, Hz; nothing is drawn unless it is above the lower one.

    Source: S. Rice, Bell Syst. Tech. J. 23, 282 (1944): Gaussian noise as a sum of lines with random phases
    and Rayleigh distributed amplitudes.
    """
    decades = math.log10(high / low) if rms > 0 and high > low else 0.0
    count = math.ceil(LINES_PER_DECADE * decades)
    where = (np.arange(count) + rng.random((shots, count))) * (decades / max(count, 1))
    share = rms * math.sqrt(decades / max(count, 1))
    return Lines(
        share * np.sqrt(2 * rng.standard_exponential((shots, count))),
        low * 10**where,
        rng.random((shots, count)),
    )


class WanderingPhase:
    """The phase of a laser with a Lorentzian line, for many shots: a random walk that starts at zero.

    Of each shot it may be asked about later and later times; a time before the last one that was asked about
    gets the answer of that one.

    Source: Wiener phase with <dphi^2> = 2 pi linewidth t in radians; C. Henry, IEEE J. Quantum Electron. 18,
    259 (1982).
    """

    def __init__(self, rng: np.random.Generator, linewidth: float, shots: int) -> None:
        """Make the phases of some shots.

        Args:
            rng: source of randomness.
            linewidth: full width of the line at half its height, Hz.
            shots: how many.
        """
        self._rng, self._linewidth = rng, linewidth
        self._time, self._turns = np.zeros(shots), np.zeros(shots)

    def at(self, shots: Shots, time: Floats) -> Floats:
        """Return the phases (shots,) of some shots, turns, at times (shots,) after their start, s."""
        if self._linewidth > 0:
            elapsed = np.maximum(time - self._time[shots], 0.0)
            kicks = self._rng.standard_normal(len(shots))
            self._turns[shots] += kicks * np.sqrt(self._linewidth * elapsed / (2 * np.pi))
            self._time[shots] += elapsed
        return np.asarray(self._turns[shots])
