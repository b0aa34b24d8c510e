"""The Pound-Drever-Hall signal that holds a cavity on a laser, or a laser on a cavity.

Light whose phase is modulated is reflected from the cavity; what beats at the modulation frequency in the
reflected power says on which side of the resonance the carrier is. All orders of sidebands are included.

Source: Drever et al., Appl. Phys. B 31, 97 (1983); Black, Am. J. Phys. 69, 79 (2001).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardware_sim.physics.errors import ModelError
from hardware_sim.physics.resonator import Resonator

Real = NDArray[np.float64]

# Of sidebands on each side: J_n(β) is below 1e-16 from n = 32 on for all depths up to the limit.
SIDEBANDS = 32
MOST_DEPTH = 6.0

# Change of the signal over a half linewidth, of the incident power, that is beyond rounding. A matched cavity
# and the best depth have 1.4.
LEAST_SLOPE = 1e-9

# Fraction of the half linewidth in which the signal is searched for changes of sign.
STEP = 0.1


@dataclass(frozen=True, slots=True)
class PhaseModulation:
    """What the electro-optic modulator and the demodulator are set to.

    Attributes:
        frequency: Of the modulation, Hz.
        depth: Modulation index β: the largest excursion of the phase, rad, as publications have it.
        phase: Of the demodulation, turns: 1/4 takes the quadrature that matters where the modulation is
            faster than the linewidth, 0 the other one.
    """

    frequency: float
    depth: float = 1.08
    phase: float = 0.25

    def __post_init__(self) -> None:
        if self.frequency <= 0:
            raise ModelError(
                "modulation frequency", self.frequency, "above 0 Hz", "Hz", "sidebands must be aside"
            )
        if not 0 < self.depth <= MOST_DEPTH:
            raise ModelError(
                "modulation depth",
                self.depth,
                f"above 0 and up to {MOST_DEPTH:g} rad",
                "rad",
                "a lock works best near 1.08 rad",
            )


def sideband_amplitudes(depth: float) -> Real:
    """Return the amplitudes J_n (orders,) of phase-modulated light, n from -SIDEBANDS to SIDEBANDS.

    The Fourier series of exp(iβ sin x), sampled so finely that it is exact to rounding.
    """
    samples = 8 * SIDEBANDS
    angle = 2 * pi * np.arange(samples) / samples
    series = np.fft.fft(np.exp(1j * depth * np.sin(angle))).real / samples
    return np.asarray(series[np.arange(-SIDEBANDS, SIDEBANDS + 1)])


def error_signal(resonator: Resonator, modulation: PhaseModulation, detuning: ArrayLike) -> Real:
    """Return the demodulated power of the reflected light, over the power of the incident light.

    Args:
        resonator: At the wavelength of the light.
        modulation: Of the light.
        detuning: Of the carrier from resonance, Hz, any shape.

    Returns:
        2 Re[e^{iθ} Σ J_{n+1} J_n F(δ + (n+1)Ω) F*(δ + nΩ)], in the shape of `detuning`.
    """
    orders = np.arange(-SIDEBANDS, SIDEBANDS + 1)
    places = np.asarray(detuning, dtype=np.float64)[..., None] + orders * modulation.frequency
    fields = sideband_amplitudes(modulation.depth) * resonator.reflection(places)
    beat = (fields[..., 1:] * fields[..., :-1].conj()).sum(axis=-1)
    return np.asarray(2 * (np.exp(2j * pi * modulation.phase) * beat).real)


def error_slope(resonator: Resonator, modulation: PhaseModulation) -> float:
    """Return the slope of the error signal on resonance, 1/Hz (over the incident power)."""
    little = 1e-3 * resonator.half_linewidth
    low, high = error_signal(resonator, modulation, [-little, little])
    return float(high - low) / (2 * little)


def capture_range(resonator: Resonator, modulation: PhaseModulation) -> float:
    """Return up to which detuning (Hz, to both sides) the error signal leads back to the resonance.

    For a modulation that is faster than the linewidth, this is the modulation frequency: there a sideband is
    on resonance, and beyond it the signal has the other sign.

    Raises:
        ModelError: There is no signal, as no light comes in.
    """
    slope = error_slope(resonator, modulation)
    if abs(slope) * resonator.half_linewidth < LEAST_SLOPE:
        advice = "let light in through the entrance mirror"
        raise ModelError("slope of the lock signal", slope, "different from 0", "1/Hz", advice)

    def leads_back(detuning: Real) -> NDArray[np.bool_]:
        return np.asarray(error_signal(resonator, modulation, detuning) * slope > 0)

    step = STEP * resonator.half_linewidth
    detuning = np.arange(step, 2 * modulation.frequency + 20 * resonator.half_linewidth, step)
    wrong = np.flatnonzero(~leads_back(detuning))
    if len(wrong) == 0:
        return float(detuning[-1])
    return _boundary(leads_back, float(detuning[wrong[0]]) - step, float(detuning[wrong[0]]))


def _boundary(holds: Callable[[Real], NDArray[np.bool_]], low: float, high: float) -> float:
    """Return where what holds at `low` ceases to hold before `high`."""
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if bool(holds(np.array(middle))) else (low, middle)
    return low
