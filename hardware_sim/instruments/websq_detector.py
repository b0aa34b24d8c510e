"""One superconducting-nanowire detector: efficiency and dark counts against bias, latching, saturation.

A nanowire that carries a current just below its critical one turns normal where a photon hits it. The closer
the current, the surer (a sigmoid that saturates) and the more often without a photon (an exponential). A
current above the critical one, or so much light that the wire cannot recover in between, leaves it normal for
good: it has latched, counts nothing, and shows a high voltage until its current has been taken away.

Source: the shapes are those of the literature on SNSPDs (Natarajan, Tanner and Hadfield, Supercond. Sci.
Technol. 25, 063001 (2012), sections 2 and 3); every number is ASSUMED, for a detector of 20 uA.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

UA = 1e-6  # A


@dataclass(frozen=True, slots=True)
class DetectorSpecification:
    """What kind of detector it is. All numbers ASSUMED.

    Attributes:
        nominal_bias: Current at which it is meant to run in A.
        critical_current: In A.
        return_current: Below it a latched wire recovers, in A.
        half_bias: Current of half of the internal efficiency in A.
        half_width: Width of the sigmoid in A.
        system_efficiency: Clicks a photon at the nominal bias.
        dark_rate: At the nominal bias in 1/s.
        dark_scale: Change of current that multiplies the dark counts by e, in A.
        dead_time: After each click in s.
        latching_rate: Photons a second beyond which it latches.
        pulse_height: Of a pulse behind the amplifier at the nominal bias in V.
        noise: Of the amplifier in V.
        bandwidth: Of the amplifier in Hz.
        series_resistance: Between source and wire in ohm.
        hot_resistance: Of a wire that is normal in ohm.
    """

    nominal_bias: float = 18.0 * UA
    critical_current: float = 22.0 * UA
    return_current: float = 4.0 * UA
    half_bias: float = 12.5 * UA
    half_width: float = 2.0 * UA
    system_efficiency: float = 0.85
    dark_rate: float = 20.0
    dark_scale: float = 0.8 * UA
    dead_time: float = 30e-9
    latching_rate: float = 5e7
    pulse_height: float = 0.3
    noise: float = 0.015
    bandwidth: float = 1e9
    series_resistance: float = 50.0
    hot_resistance: float = 50e3

    def saturation(self, bias: float) -> float:
        """Return the internal efficiency at a bias (A), 0 to 1."""
        return 0.5 * math.erfc((self.half_bias - bias) / self.half_width)

    def passing(self, bias: float, trigger: float) -> float:
        """Return the share of pulses that a trigger level (V) counts at a bias (A)."""
        height = self.pulse_height * bias / self.nominal_bias
        return 0.5 * math.erfc((trigger - height) / (math.sqrt(2.0) * self.noise))

    def noise_rate(self, trigger: float) -> float:
        """Return how often noise crosses a trigger level (V), in 1/s.

        Source: S. O. Rice, Bell Syst. Tech. J. 24, 46 (1945), for a flat spectrum of this bandwidth.
        """
        return self.bandwidth / math.sqrt(3.0) * math.exp(-0.5 * (trigger / self.noise) ** 2)


@dataclass(frozen=True, slots=True)
class Detector:
    """A detector as it is now.

    Attributes:
        specification: What kind it is.
        bias: Current that is set in A.
        trigger: Trigger level of its counter in V.
        enabled: Whether the current flows.
        cold: Whether the cryostat is.
        latched: Whether the wire is normal for good.

    Example:
        >>> detector = Detector(DetectorSpecification(), bias=18e-6)
        >>> detector.efficiency, round(detector.dark_rate, 6)
        (1.0, 20.0)
        >>> replace(detector, latched=True).efficiency
        0.0
    """

    specification: DetectorSpecification
    bias: float
    trigger: float = 0.15
    enabled: bool = True
    cold: bool = True
    latched: bool = False

    @property
    def alive(self) -> bool:
        """Whether photons make clicks at all."""
        return self.enabled and self.cold and not self.latched

    @property
    def efficiency(self) -> float:
        """System efficiency relative to that at nominal bias and a sensible trigger level."""
        if not self.alive:
            return 0.0
        kind = self.specification
        relative = kind.saturation(self.bias) / kind.saturation(kind.nominal_bias)
        return relative * kind.passing(self.bias, self.trigger)

    @property
    def dark_rate(self) -> float:
        """Clicks a second in the dark; those of the amplifier's noise are among them."""
        kind = self.specification
        noise = kind.noise_rate(self.trigger)
        if not self.alive or self.bias <= 0.0:
            return noise
        dark = kind.dark_rate * math.exp((self.bias - kind.nominal_bias) / kind.dark_scale)
        return dark * kind.passing(self.bias, self.trigger) + noise

    @property
    def voltage(self) -> float:
        """Voltage of the bias source in V."""
        kind, current = self.specification, self.bias if self.enabled else 0.0
        hot = self.latched or not self.cold
        return current * (kind.series_resistance + (kind.hot_resistance if hot else 0.0))

    def count_rate(self, light: float) -> float:
        """Return the clicks a second in light.

        Args:
            light: Photons a second that arrive.

        Returns:
            Clicks a second after the dead time (1/s), which never exceed one each dead time.
        """
        kind = self.specification
        rate = light * kind.system_efficiency * self.efficiency + self.dark_rate
        return rate / (1.0 + rate * kind.dead_time)

    def settled(self, light: float = 0.0) -> Detector:
        """Return the detector after its current and the light (photons a second) have done what they do."""
        kind, current = self.specification, self.bias if self.enabled else 0.0
        if current < kind.return_current:
            return replace(self, latched=False)
        overdriven = current >= kind.critical_current or light > kind.latching_rate or not self.cold
        return replace(self, latched=True) if overdriven else self

    def bias_for(self, rate: float, light: float, highest: float) -> float:
        """Return the bias at which it counts a rate, as the automatic calibration finds it.

        Args:
            rate: Counts a second to reach.
            light: Photons a second that arrive meanwhile.
            highest: Largest bias to try in A.

        Returns:
            Bias in A; if the rate is not reached, the highest that is safe from latching.
        """
        low, high = 0.0, min(highest, 0.98 * self.specification.critical_current)
        for _ in range(40):
            middle = 0.5 * (low + high)
            trial = replace(self, bias=middle, latched=False, enabled=True)
            low, high = (middle, high) if trial.count_rate(light) < rate else (low, middle)
        return high
