"""The light of a grating-stabilised diode laser: how piezo, current and temperature tune it, when it hops.

The external cavity has a comb of modes, moved by all three; the laser runs on the mode nearest to the peak of
the diode's gain, which current and temperature move faster than the comb. With the right feed-forward from
piezo to current both move together and nothing happens; without it the peak falls behind until another mode
of the comb wins, which is a mode hop.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class DiodeOptics:
    """How one laser is tuned. Slopes are ASSUMED, of the size that is usual for such lasers near 850 nm.

    Attributes:
        voltage: Of the piezo at the nominal operating point in V.
        current: Of the diode at the nominal operating point in A.
        temperature: Of the head at the nominal operating point in degC.
        piezo_slope: Of the comb in Hz/V.
        current_slope: Of the comb in Hz/A.
        temperature_slope: Of the comb in Hz/K.
        gain_current_slope: Of the peak of the gain in Hz/A.
        gain_temperature_slope: Of the peak of the gain in Hz/K.
        mode_spacing: Of the comb in Hz; 4 GHz to 7 GHz for a DL pro.
        hysteresis: How far beyond half a spacing a mode holds on, as a fraction of the spacing.
        threshold: Current at which it begins to lase in A.
        efficiency: Power per current above the threshold in W/A.
    """

    voltage: float = 70.0
    current: float = 0.11
    temperature: float = 21.0
    piezo_slope: float = 0.25e9
    current_slope: float = -0.3e12
    temperature_slope: float = -1e9
    gain_current_slope: float = -1.1e12
    gain_temperature_slope: float = -25e9
    mode_spacing: float = 5e9
    hysteresis: float = 0.1
    threshold: float = 0.045
    efficiency: float = 0.6

    @property
    def feed_forward(self) -> float:
        """Current per piezo voltage in A/V with which comb and gain move together.

        Example:
            >>> round(DiodeOptics().feed_forward * 1e3, 6)  # mA/V
            -0.3125
        """
        return self.piezo_slope / (self.gain_current_slope - self.current_slope)

    def comb(self, voltage: float, current: float, temperature: float) -> float:
        """Return where the mode is that is nominally at 0, in Hz, for V, A and degC."""
        return (
            self.piezo_slope * (voltage - self.voltage)
            + self.current_slope * (current - self.current)
            + self.temperature_slope * (temperature - self.temperature)
        )

    def gain_peak(self, current: float, temperature: float) -> float:
        """Return where the peak of the gain is in Hz, for A and degC."""
        return self.gain_current_slope * (current - self.current) + self.gain_temperature_slope * (
            temperature - self.temperature
        )

    def choose_mode(self, mode: int, mismatch: float) -> int:
        """Return the mode in which the laser runs.

        Args:
            mode: The one in which it ran.
            mismatch: From the peak of the gain to the light in that mode, in Hz.

        Example:
            >>> [DiodeOptics().choose_mode(0, mismatch) for mismatch in (2.9e9, 3.1e9, -8e9)]
            [0, -1, 2]
        """
        if abs(mismatch) <= (0.5 + self.hysteresis) * self.mode_spacing:
            return mode
        return mode - round(mismatch / self.mode_spacing)

    def power(self, current: float) -> float:
        """Return the power of the light in W for a current in A."""
        return max(current - self.threshold, 0.0) * self.efficiency


WANDER_RATE = 20e6 / 60  # Hz/s at which a laser that nothing holds begins to drift; ASSUMED
WANDER_TIME = 600.0  # s after which the drift calms down; ASSUMED
KICK = (2e6, 8e6)  # Hz by which a laser jumps as its lock lets it go; ASSUMED
JITTER, JITTER_PERIOD = 1e6, 7.0  # Hz and s of the room's noise on a free laser; ASSUMED


@dataclass(frozen=True, slots=True)
class Wander:
    """How a diode laser leaves its line when its lock lets it go; it ends within the reach of the lock.

    Attributes:
        kick: By which it jumps at once, Hz.
        rate: At which it begins to drift, Hz/s.
        phase: Of its jitter at that moment, in turns.

    Example:
        >>> laser = Wander(kick=3e6, rate=WANDER_RATE, phase=0.0)
        >>> [round(laser(after) / 1e6, 1) for after in (0.0, 60.0, math.inf)]
        [3.0, 21.6, 203.0]
    """

    kick: float
    rate: float
    phase: float

    @classmethod
    def of(cls, label: str) -> Wander:
        """Return how the laser of a label wanders: always the same, but unlike the others."""
        rng = np.random.default_rng(zlib.crc32(label.encode()))
        kick = float(rng.choice((-1.0, 1.0)) * rng.uniform(*KICK))
        return cls(kick, float(rng.choice((-1.0, 1.0))) * WANDER_RATE, float(rng.random()))

    def __call__(self, after: float) -> float:
        """Return how far it has gone, in Hz, ``after`` so many seconds; infinity is since ever."""
        drift = -self.rate * WANDER_TIME * math.expm1(-after / WANDER_TIME)
        if math.isinf(after):
            return self.kick + drift
        rest, now = math.tau * self.phase, math.tau * (after / JITTER_PERIOD + self.phase)
        return self.kick + drift + JITTER * (math.sin(now) - math.sin(rest))


@dataclass(frozen=True, slots=True)
class Thermal:
    """A temperature on its way to another: at a limited rate first, then exponentially.

    Attributes:
        begin: Lab time of the beginning in s.
        origin: Temperature at the beginning in degC.
        target: Where it goes in degC.
        time_constant: Of the exponential in s.
        rate: Largest rate of change in K/s.

    Example:
        >>> way = Thermal(begin=0.0, origin=20.0, target=30.0, time_constant=2.0, rate=1.0)
        >>> way.at(8.0), round(way.at(10.0), 3)
        (28.0, 29.264)
    """

    begin: float
    origin: float
    target: float
    time_constant: float
    rate: float = math.inf

    def at(self, now: float) -> float:
        """Return the temperature in degC at lab time ``now`` (s)."""
        distance = abs(self.target - self.origin)
        near = min(distance, self.rate * self.time_constant)
        elapsed = max(now - self.begin, 0.0)
        slewing = (distance - near) / self.rate
        if elapsed < slewing:
            left = distance - self.rate * elapsed
        else:
            left = near * math.exp(-(elapsed - slewing) / self.time_constant)
        return self.target - math.copysign(left, self.target - self.origin)

    def reaches(self, tolerance: float) -> float:
        """Return the lab time in s from which it is within a tolerance (K, above 0) of where it goes."""
        distance = abs(self.target - self.origin)
        near = min(distance, self.rate * self.time_constant)
        if tolerance >= distance:
            return self.begin
        if tolerance >= near:
            return self.begin + (distance - tolerance) / self.rate
        slewing = (distance - near) / self.rate
        return self.begin + slewing + self.time_constant * math.log(near / tolerance)


def waveform(shape: int, phase: float) -> float:
    """Return a scan's waveform, -1 to 1.

    Args:
        shape: 0 sine, 1 triangle, 2 triangle with rounded tips.
        phase: In turns; 0 is the middle on the way up.

    Example:
        >>> [waveform(1, turns) for turns in (0.0, 0.25, 0.5, 0.75, 0.875)]
        [0.0, 1.0, 0.0, -1.0, -0.5]
    """
    if shape == 0:
        return math.sin(2.0 * math.pi * phase)
    triangle = 1.0 - abs((phase + 0.25) % 1.0 - 0.5) * 4.0
    # ASSUMED: a cubic that is steeper in the middle and flat at the tips.
    return triangle if shape == 1 else 1.5 * triangle - 0.5 * triangle**3
