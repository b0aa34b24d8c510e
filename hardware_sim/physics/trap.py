"""The linear Paul trap: voltages in, confinement and motion of the string out.

The trap axis z points from the upper to the lower endcap, so that a higher upper voltage pushes the ions to
positive z. Near the centre the two endcaps make a harmonic potential from their mean voltage and a uniform
field from their difference; a waveform of the difference therefore moves the whole string rigidly and can
excite its centre-of-mass mode only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from hardware_sim.constants import CALCIUM_MASS, ELEMENTARY_CHARGE, HBAR
from hardware_sim.physics.errors import ConfinementError, IonCountError, StabilityError

Floats: TypeAlias = NDArray[np.float64]
Value = TypeVar("Value", float, NDArray[np.float64])

# Edge of the first stable region of the Mathieu equation without a static potential.
_STABLE_Q: Final = 0.908
# First zero of the Bessel function J0: decay of a potential along a grounded tube.
_BESSEL_ZERO: Final = 2.404826


@dataclass(frozen=True, slots=True)
class Trap:
    """Geometry of a blade trap; the metadata of each field says where its default comes from.

    Attributes:
        endcap_distance: from the trap centre to each endcap, in m.
        endcap_efficiency: k in the potential k V (z / z0)^2 of a mean endcap voltage V.
        differential_factor: field on the axis per field of two bare plates in the endcaps' place.
        blade_distance: from the axis to each blade, in m.
        rf_frequency: of the radial drive, in Hz.
        rf_efficiency: radial field gradient over that of hyperbolic electrodes.

    Example:
        >>> trap = Trap()
        >>> round(trap.axial_frequency(1000.0) / 1e6, 2)
        0.92
    """

    endcap_distance: float = field(
        default=2.5e-3, metadata={"source": "published: Schupp, thesis Innsbruck 2021, sec. 4.2"}
    )
    endcap_efficiency: float = field(
        default=0.0432, metadata={"source": "derived: 0.92 MHz at 1.0 kV, Schupp 2021, sec. 4.2"}
    )
    differential_factor: float = field(
        default=0.0115, metadata={"source": "ASSUMED: screening by the blades, see `screened_factor`"}
    )
    blade_distance: float = field(
        default=0.8e-3, metadata={"source": "published: Schupp, thesis Innsbruck 2021, sec. 4.2"}
    )
    rf_frequency: float = field(
        default=23.4e6, metadata={"source": "published: Schupp, thesis Innsbruck 2021, sec. 4.2"}
    )
    rf_efficiency: float = field(
        default=1.0, metadata={"source": "ASSUMED: hyperbolic electrodes; only scales the drive's volts"}
    )

    def axial_frequency(self, endcap_voltage: float) -> float:
        """Return the axial frequency of one ion: omega_z^2 = 2 e k V / (m z0^2).

        Args:
            endcap_voltage: mean of both endcaps, in V.

        Returns:
            Frequency, in Hz.

        Raises:
            ConfinementError: the voltage is not positive.

        Source: Raizen et al., PRA 45, 6493 (1992).
        """
        if endcap_voltage <= 0:
            raise ConfinementError("axial", "the mean endcap voltage", endcap_voltage, 0.0, "V")
        return math.sqrt(endcap_voltage * self._axial_slope()) / (2 * math.pi)

    def endcap_voltage(self, axial_frequency: float) -> float:
        """Return the mean endcap voltage (V) for an axial frequency of one ion (Hz)."""
        return (2 * math.pi * axial_frequency) ** 2 / self._axial_slope()

    def displacement(self, difference: Value, axial_frequency: float) -> Value:
        """Return how far the string moves for a differential endcap voltage.

        The field E = factor * difference / (2 z0) shifts every ion by e E / (m omega_z^2).

        Args:
            difference: upper less lower endcap voltage, in V; a number or an array of any shape.
            axial_frequency: of one ion, in Hz.

        Returns:
            Shift towards the lower endcap, in m, with the shape of the difference.
        """
        return (self._shift_at_1_hz() / axial_frequency**2) * difference

    def difference(self, displacement: Value, axial_frequency: float) -> Value:
        """Return the differential endcap voltage (V) that moves the string by a displacement (m)."""
        return (axial_frequency**2 / self._shift_at_1_hz()) * displacement

    def stability(self, rf_amplitude: float) -> float:
        """Return the Mathieu parameter q = 2 e V / (m r0^2 Omega^2), scaled by the rf efficiency.

        Args:
            rf_amplitude: peak voltage between the pairs of blades, in V.

        Returns:
            q, without unit.

        Raises:
            StabilityError: q lies outside the stable region.

        Source: Leibfried et al., Rev. Mod. Phys. 75, 281 (2003), sec. II.
        """
        inertia = CALCIUM_MASS * (2 * math.pi * self.rf_frequency * self.blade_distance) ** 2
        q = 2 * ELEMENTARY_CHARGE * self.rf_efficiency * rf_amplitude / inertia
        if q >= _STABLE_Q:
            raise StabilityError(q, _STABLE_Q, rf_amplitude)
        return q

    def radial_frequency(self, rf_amplitude: float, axial_frequency: float) -> float:
        """Return the radial frequency of one ion in the pseudopotential.

        The drive alone gives q Omega / sqrt(8); the endcaps push outwards with half their axial strength. The
        pseudopotential is the lowest order in q: 1.8 % too low at q = 0.3, 5.4 % at q = 0.5.

        Args:
            rf_amplitude: peak voltage between the pairs of blades, in V.
            axial_frequency: of one ion, in Hz.

        Returns:
            Frequency, in Hz.

        Raises:
            StabilityError: the drive is too strong.
            ConfinementError: the drive is too weak against the endcaps.

        Source: Leibfried et al., Rev. Mod. Phys. 75, 281 (2003), sec. II.
        """
        bare = self.stability(rf_amplitude) * self.rf_frequency / math.sqrt(8)
        squared = bare**2 - axial_frequency**2 / 2
        if squared <= 0:
            least = axial_frequency / math.sqrt(2)
            raise ConfinementError("radial", "the pseudopotential frequency", bare, least, "Hz")
        return math.sqrt(squared)

    def rf_amplitude(self, radial_frequency: float, axial_frequency: float) -> float:
        """Return the drive amplitude (V) for a radial frequency of one ion (both frequencies in Hz)."""
        bare = math.sqrt(radial_frequency**2 + axial_frequency**2 / 2)
        return math.sqrt(8) * bare / self.rf_frequency / self.stability(1.0)

    def _axial_slope(self) -> float:
        """Squared angular axial frequency per mean endcap volt, in 1/(s^2 V)."""
        return 2 * ELEMENTARY_CHARGE * self.endcap_efficiency / (CALCIUM_MASS * self.endcap_distance**2)

    def _shift_at_1_hz(self) -> float:
        """Displacement per differential volt times the squared axial frequency, in m Hz^2/V."""
        field_per_volt = self.differential_factor / (2 * self.endcap_distance)
        return ELEMENTARY_CHARGE * field_per_volt / (CALCIUM_MASS * (2 * math.pi) ** 2)


def screened_factor(endcap_efficiency: float, endcap_distance: float, blade_distance: float) -> float:
    """Return the differential factor of endcaps at the ends of a grounded tube of blades.

    Deep inside a grounded tube of radius r0 the potential of an electrode at its end falls as exp(-d / l)
    with l = r0 / 2.405. Two such endcaps at volts V + D/2 and V - D/2 give, from the centre,
    2 A (V cosh(z / l) + D/2 sinh(z / l)); its quadratic part is k V (z / z0)^2, so that A = k (l / z0)^2, and
    its linear part is a field D A / l = (2 k l / z0) D / (2 z0).

    An ideal closed tube of the trap's dimensions would itself have k = 0.049, close to the 0.043 that was
    measured: the blades do screen. Open blades screen somewhat less, so that the factor is a lower bound.

    Args:
        endcap_efficiency: k, without unit.
        endcap_distance: from the centre to each endcap, in m.
        blade_distance: radius of the tube, in m.

    Returns:
        2 k l / z0, without unit.

    Source: Jackson, Classical Electrodynamics, 3rd ed., sec. 3.8, for the decay; the rest is derived here.

    Example:
        >>> round(screened_factor(0.0432, 2.5e-3, 0.8e-3), 4)
        0.0115
    """
    return 2 * endcap_efficiency * blade_distance / (_BESSEL_ZERO * endcap_distance)


def filtered(times: Floats, volts: Floats, time: Floats, cutoff: float) -> Floats:
    """Return a sampled DAC waveform behind a first-order low-pass filter.

    The DAC holds each sample until the next; before the first one it has rested at the first value. After
    every update the output approaches the new value exponentially, so that the result is exact at any time.

    Args:
        times: of the updates (samples,), in s, ascending.
        volts: from each update on (samples,), in V.
        time: when to look (queries,), in s.
        cutoff: -3 dB frequency of the filter, in Hz; infinite for no filter.

    Returns:
        Filter output (queries,), in V.

    Example:
        >>> out = filtered(np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.array([0.5, 1.1]), 1.0)
        >>> out.round(4)
        array([0.    , 0.4665])
    """
    rate = 2 * math.pi * cutoff
    steps = np.diff(volts, prepend=volts[0])
    missing = _decaying_sum(steps, _decay(rate, np.diff(times, prepend=times[0])))
    last = np.searchsorted(times, time, side="right") - 1
    held = np.maximum(last, 0)
    result: Floats = volts[held] - missing[held] * _decay(rate, np.maximum(time - times[held], 0.0))
    return result


def coherent_amplitude(
    times: Floats, centre: Floats, axial_frequency: float, ions: int, cutoff: float = math.inf
) -> complex:
    """Return the coherent excitation of the centre-of-mass mode by a moving trap centre.

    |alpha|^2 = N m |integral of zc'' exp(i w t) dt|^2 / (2 hbar w). The centre zc follows a staircase of DAC
    updates through a first-order filter, and zc'' of such a curve has a spike at every update: it must not be
    sampled. Integrating by parts once leaves zc', a sum of exponentials whose transform is known, so that the
    integral is exactly -i w H(w) sum_k step_k exp(i w t_k), with the filter's H(w) = 1 / (1 - i w / w_c). The
    sum includes what the updates themselves excite, and the settling of the filter after the last one.

    A smooth trajectory may be given too, sampled much faster than the axial period; it then needs no cutoff.

    Args:
        times: of the updates (samples,), in s, ascending.
        centre: held by the unfiltered trap centre from each update on (samples,), in m; at rest before the
            first.
        axial_frequency: in Hz, constant during the motion.
        ions: number of ions.
        cutoff: -3 dB frequency of the filter, in Hz; infinite for no filter.

    Returns:
        Amplitude in the frame that rotates with the mode, its phase zero at t = 0. The amplitudes of
        successive motions on the same clock add.

    Raises:
        IonCountError: fewer than one ion.

    Source: Reichle et al., Fortschr. Phys. 54, 666 (2006); the closed form is derived here.
    """
    if ions < 1:
        raise IonCountError(ions)
    omega = 2 * math.pi * axial_frequency
    steps = np.diff(centre)
    moved = complex(np.exp(1j * omega * times[1:]) @ steps)
    response = 1 / (1 - 1j * axial_frequency / cutoff)
    return -math.sqrt(ions * CALCIUM_MASS * omega / (2 * HBAR)) * response * moved


def _decay(rate: float, elapsed: Floats) -> Floats:
    """exp(-rate * elapsed), and for an infinite rate simply 0, also where no time has passed."""
    if math.isinf(rate):
        return np.zeros_like(elapsed)
    return np.exp(-rate * elapsed)


def _decaying_sum(steps: Floats, decay: Floats) -> Floats:
    """Solve s_k = decay_k s_(k-1) + steps_k for all k at once.

    Doubling: after the pass with shift n each entry holds the sum of its last 2 n steps. Only factors of at
    most 1 are multiplied, so that nothing overflows however long the waveform is.
    """
    total, factor = steps.copy(), decay.copy()
    shift = 1
    while shift < len(total):
        total[shift:] = total[shift:] + factor[shift:] * total[:-shift]
        factor[shift:] = factor[shift:] * factor[:-shift]
        shift *= 2
    return total
