"""Two mirrors as a probe laser sees them: modes, transmission, reflection, ring-down, tuning by length.

The response is the exact sum over round trips, so that it holds from the centre of a line to the middle
between two of them. Fields go as exp(-iωt). Detunings are from the resonance of the mode that is probed, Hz.

Source: Siegman, Lasers (University Science Books 1986), ch. 11 (response) and 19 (modes); Kogelnik and Li,
Appl. Opt. 5, 1550 (1966).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import acos, cos, factorial, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardware_sim.constants import LIGHT_SPEED
from hardware_sim.physics.cavity import free_spectral_range, refuse_unstable
from hardware_sim.physics.errors import ModelError

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class Resonator:
    """Mirrors at one wavelength.

    Attributes:
        length: Distance of the mirrors, m.
        entrance: Transmission of the mirror through which a probe comes, of 1.
        exit: Transmission of the other mirror, of 1.
        waste: All other loss of a round trip, half of it at each mirror, of 1.
    """

    length: float
    entrance: float
    exit: float
    waste: float

    def __post_init__(self) -> None:
        if self.length <= 0:
            raise ModelError("resonator length", self.length, "above 0 m", "m", "it is a distance of mirrors")
        for name in ("entrance", "exit", "waste"):
            value = getattr(self, name)
            if value < 0:
                raise ModelError(f"resonator {name}", value, "0 or more", "", "mirrors are passive")
        kept = max(self.entrance, self.exit) + self.waste / 2
        if kept >= 1 or self.loss == 0:
            raise ModelError(
                "loss of a resonator's mirror", kept, "above 0 and below 1", "", "a mirror reflects a part"
            )

    @property
    def loss(self) -> float:
        """Loss of a round trip to first order, of 1."""
        return self.entrance + self.exit + self.waste

    @property
    def half_linewidth(self) -> float:
        """Decay rate κ/2π of the field, which is half of the full width of a narrow line, Hz."""
        return free_spectral_range(self.length) * self.loss / (4 * pi)

    @property
    def ring_down_time(self) -> float:
        """Time in which the stored power falls to 1/e, s."""
        return 1 / (4 * pi * self.half_linewidth)

    def _reflectivities(self) -> tuple[float, float]:
        return sqrt(1 - self.entrance - self.waste / 2), sqrt(1 - self.exit - self.waste / 2)

    def _round_trips(self, detuning: ArrayLike) -> Complex:
        """Sum over all round trips of the field, relative to the field behind the entrance."""
        first, second = self._reflectivities()
        phase = 2 * pi * np.asarray(detuning, dtype=np.float64) / free_spectral_range(self.length)
        return np.asarray(1 / (1 - first * second * np.exp(1j * phase)))

    def transmission(self, detuning: ArrayLike) -> Real:
        """Return the share of a probe's power that comes out of the other mirror.

        Args:
            detuning: From resonance, Hz, any shape.

        Example:
            >>> matched = Resonator(19.9057e-3, 58e-6, 58e-6, 0.0)
            >>> matched.transmission([0.0, matched.half_linewidth]).round(3)
            array([1. , 0.5])
        """
        return np.asarray(self.entrance * self.exit * np.abs(self._round_trips(detuning)) ** 2)

    def reflection(self, detuning: ArrayLike) -> Complex:
        """Return the amplitude of the field that comes back from the entrance, over that of the probe.

        Args:
            detuning: From resonance, Hz, any shape.
        """
        first, second = self._reflectivities()
        phase = 2 * pi * np.asarray(detuning, dtype=np.float64) / free_spectral_range(self.length)
        inside = self.entrance * second * np.exp(1j * phase) * self._round_trips(detuning)
        return np.asarray(inside - first)


def gouy_phase(length: float, curvature: float) -> float:
    """Return the phase that each order of a mode gains beyond a plane wave between two equal mirrors, turns.

    Args:
        length: Distance of the mirrors, m.
        curvature: Radius of both, m.

    Raises:
        ModelError: The mirrors hold no stable mode.
    """
    refuse_unstable(length, curvature)
    return acos(1 - length / curvature) / (2 * pi)


def mode_frequency(
    length: float, curvatures: tuple[float, float], longitudinal: int, orders: tuple[int, int] = (0, 0)
) -> float:
    """Return the frequency of a Hermite-Gauss mode.

    Args:
        length: Distance of the mirrors, m.
        curvatures: Radius of both mirrors in the planes x and y, m: they differ for astigmatic mirrors.
        longitudinal: Half waves between the mirrors that a plane wave of this mode would have.
        orders: Nodes in x and in y.

    Source: Kogelnik and Li 1966, sec. 3.5.
    """
    transverse = sum(
        (order + 0.5) * 2 * gouy_phase(length, curvature)
        for order, curvature in zip(orders, curvatures, strict=True)
    )
    return free_spectral_range(length) * (longitudinal + transverse)


def order_spacing(length: float, curvature: float) -> float:
    """Return how far (Hz) a mode of the next order is from the nearest fundamental mode.

    Near the concentric limit one order is almost a spectral range: the nearest fundamental mode is the next.

    Example:
        >>> round(order_spacing(19.9057e-3, 9.9841e-3) / 1e6, 1)
        268.3
    """
    order = 2 * gouy_phase(length, curvature)
    return free_spectral_range(length) * min(order, 1 - order)


def curvature_of(length: float, spacing: float) -> float:
    """Return the curvature (m) of near-concentric mirrors from their distance (m) and order spacing (Hz)."""
    return length / (1 + cos(pi * spacing / free_spectral_range(length)))


def mode_intensity(place: ArrayLike, waist: float, order: int) -> Real:
    """Return the intensity of a Hermite-Gauss mode along one direction, of unit power.

    Args:
        place: From the axis, m, any shape.
        waist: Of the fundamental mode (1/e² of intensity), m.
        order: Nodes.

    Returns:
        Intensity in 1/m; in two directions the intensities multiply.
    """
    scaled = sqrt(2) * np.asarray(place, dtype=np.float64) / waist
    hermite = np.polynomial.hermite.hermval(scaled, [0] * order + [1])
    norm = sqrt(2 / pi) / (waist * 2**order * factorial(order))
    return np.asarray(norm * hermite**2 * np.exp(-(scaled**2)))


def resonance_shift(wavelength: float, length: float, change: float) -> float:
    """Return by how much a resonance moves when the mirrors do.

    Args:
        wavelength: Of the light, m.
        length: Distance of the mirrors, m.
        change: Of that distance, m; positive is longer.

    Returns:
        -ν dL/L, Hz.

    Example:
        >>> round(resonance_shift(854.209e-9, 19.9057e-3, 2.1e-9) / 1e6)  # a volt on the fast piezo
        -37
    """
    return -LIGHT_SPEED / wavelength * change / length


def followed_shift(lock_shift: float, lock_wavelength: float, wavelength: float) -> float:
    """Return how far a cavity that follows its lock laser moves at another wavelength.

    Args:
        lock_shift: By which the lock laser's frequency changes, Hz.
        lock_wavelength: Of the lock laser, m.
        wavelength: At which the cavity is used, m.

    Returns:
        Shift of the resonance, Hz. Mirror coatings are taken to reflect both at the same depth.
    """
    return lock_shift * lock_wavelength / wavelength


def polarised_ring_down(
    time: ArrayLike, half_linewidth: float, birefringence: float, axis: float
) -> tuple[Real, Real]:
    """Return the power behind a polariser along V and along H after V light in a cavity was switched off.

    Args:
        time: Since then, s, any shape.
        half_linewidth: κ/2π, Hz.
        birefringence: Splitting of the polarisation eigenmodes, Hz.
        axis: Angle of an eigenmode from V towards H, turns.

    Returns:
        Powers over that of V at the start: they beat at the splitting.
    """
    since = np.asarray(time, dtype=np.float64)
    left = np.exp(-4 * pi * half_linewidth * since)
    crossed = np.sin(4 * pi * axis) ** 2 * np.sin(pi * birefringence * since) ** 2
    return np.asarray(left * (1 - crossed)), np.asarray(left * crossed)
