"""Two photons on a beam splitter: Hong-Ou-Mandel interference of photons as they really are.

The splitter takes the mode a of one node to t c + r d and the mode b of the other to t d - r c. Two photons
that nothing distinguishes leave together; whatever tells them apart, by time, polarisation, colour, or by
what else in the world knows of them, makes coincidences. All of it is in the density matrices of the packets.

Coincidences are densities over the two times of detection, for photons that reach the detectors: a caller who
wants rates multiplies with the efficiency of each way, or lowers the packets with `Packet.turned`.

Source: Hong, Ou and Mandel, PRL 59, 2044 (1987); Legero et al., Adv. At. Mol. Opt. Phys. 53, 253 (2006), for
detection resolved in time; Meraner et al., PRA 102, 052614 (2020), for photons of ions that start again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.errors import ModelError
from hardware_sim.physics.packets import Packet

Real: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Detection:
    """What stands behind the packets.

    Attributes:
        reflectivity: of the beam splitter, for intensities: 1/2 is balanced.
        efficiency: probability that a photon behind the splitter clicks.
        dark_rate: dark counts of each detector, 1/s.
        jitter: rms error of each detection time, s.
    """

    reflectivity: float = 0.5
    efficiency: float = 1.0
    dark_rate: float = 0.0
    jitter: float = 0.0

    def __post_init__(self) -> None:
        for name, value in (("reflectivity", self.reflectivity), ("efficiency", self.efficiency)):
            if not 0 <= value <= 1:
                raise ModelError(name, value, "from 0 to 1", "", "give a share of the intensity")


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Coincidences by the difference of the detection times.

    Attributes:
        delays: (bins,) time at the one output less that at the other, s, evenly spaced.
        density: (bins,) coincidences of one attempt, 1/s.
    """

    delays: Real
    density: Real

    @property
    def total(self) -> float:
        """Coincidences of one attempt."""
        return float(self.density.sum() * (self.delays[1] - self.delays[0]))


def coincidences(one: Packet, other: Packet, reflectivity: float = 0.5) -> Real:
    """Return the density (bins, bins) of clicks at one output by time and at the other by time.

    Args:
        one: photon of the one node, with the same times and modes as the other. Modes must be those of
            the photon alone: an ion that it is entangled with has to be traced out, see `Packet.without_ion`.
        other: photon of the other node.
        reflectivity: of the splitter, for intensities.

    Returns:
        Coincidences, 1/s^2, for perfect detectors that do not ask for the polarisation.

    Raises:
        ModelError: packets of different times or modes.

    Example: two equal photons never part.
        >>> from hardware_sim.physics.packets import gaussian_packet
        >>> photon = gaussian_packet(np.linspace(0, 10e-6, 50), 5e-6, 1e-6)
        >>> bool(abs(coincidences(photon, photon)).max() * photon.step**2 < 1e-12)
        True
    """
    _match(one, other)
    through, back = 1 - reflectivity, reflectivity
    apart = through**2 * np.outer(one.flux, other.flux) + back**2 * np.outer(other.flux, one.flux)
    # tr over the modes p at the first time, q at the second: one[t p, u q] other[u q, t p].
    together = np.einsum("tupq,utqp->tu", one.density, other.density).real
    return np.asarray(apart - 2 * through * back * together)


def distinguishable(one: Packet, other: Packet, reflectivity: float = 0.5) -> Real:
    """Return the same for photons that something else tells apart: no interference is left."""
    through, back = 1 - reflectivity, reflectivity
    return np.asarray(through**2 * np.outer(one.flux, other.flux) + back**2 * np.outer(other.flux, one.flux))


def visibility(one: Packet, other: Packet, reflectivity: float = 0.5, window: float = np.inf) -> float:
    """Return how many of the coincidences of distinguishable photons interference takes away.

    For equal packets and a balanced splitter, without a limit of the delay, this is the purity of the packet.

    Args:
        one: photon of the one node.
        other: photon of the other node.
        reflectivity: of the splitter, for intensities.
        window: largest difference of the detection times that counts, s.
    """
    near = np.abs(one.times[:, None] - one.times) <= window
    apart = distinguishable(one, other, reflectivity)[near].sum()
    return float(1 - coincidences(one, other, reflectivity)[near].sum() / apart)


def histogram(one: Packet, other: Packet, detection: Detection, parallel: bool = True) -> Histogram:
    """Return the coincidences of one attempt by their delay, as detectors see them.

    Light and dark counts of both detectors coincide with each other over the time of the packets; each pair
    of counts makes one entry, which holds while several of them in one attempt are rare.

    Args:
        one: photon of the one node.
        other: photon of the other node.
        detection: splitter and detectors.
        parallel: whether the photons interfere; without, as if their polarisations were crossed.
    """
    law = coincidences if parallel else distinguishable
    step, bins = one.step, len(one.times)
    back, efficiency, dark = detection.reflectivity, detection.efficiency, detection.dark_rate
    joint = efficiency**2 * law(one, other, back)
    first = efficiency * ((1 - back) * one.flux + back * other.flux)
    second = efficiency * (back * one.flux + (1 - back) * other.flux)
    joint = joint + dark * (first[:, None] + second) + dark**2
    delays = np.arange(1 - bins, bins)
    density = np.array([np.trace(joint, offset=-delay) for delay in delays], dtype=np.float64) * step
    return Histogram(
        np.asarray(delays * step, dtype=np.float64), _blurred(density, step, np.sqrt(2) * detection.jitter)
    )


def _blurred(density: Real, step: float, rms: float) -> Real:
    """Smear a histogram with a Gaussian; what leaves it at the ends is lost."""
    if rms == 0:
        return density
    reach = int(np.ceil(6 * rms / step))
    kernel = np.exp(-((np.arange(-reach, reach + 1) * step / rms) ** 2) / 2)
    blurred = np.convolve(density, kernel / kernel.sum(), mode="full")
    return np.asarray(blurred[reach : reach + len(density)], dtype=np.float64)


def _match(one: Packet, other: Packet) -> None:
    """Refuse packets that do not share their times and modes."""
    if one.density.shape != other.density.shape or not np.allclose(one.times, other.times):
        raise ModelError(
            "number of times and modes of the second packet",
            float(other.density.shape[0] * other.density.shape[2]),
            f"{one.density.shape[0] * one.density.shape[2]}, at the same times as the first",
            "",
            "make both packets with the same step and length, and trace the ion out of both",
        )
