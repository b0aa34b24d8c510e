"""The optical cavity that collects an ion's photon: coupling, cooperativity, geometry and bounds.

Frequencies are ordinary frequencies in hertz (ω/2π); `Cavity.decay` and the atomic decay passed to the
functions are *half* rates, the decay rates of amplitudes, as in the papers: populations decay twice as fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardware_sim.constants import LIGHT_SPEED
from hardware_sim.physics.errors import ModelError

# Squared coupling of each branch relative to `Cavity.coupling`, by 2m of the 3d D5/2 sublevel that the ion
# reaches from 4p P3/2(m=-3/2). It is the squared Clebsch-Gordan coefficient (10/15, 4/15) times the
# projection of the dipole on the mode: seen perpendicular to the field, sigma light keeps one half of it and
# pi light all. Source: Schupp, PhD thesis (Innsbruck 2021), sections 3.2 and 3.3.
BRANCH_WEIGHTS = {-5: 5 / 15, -3: 4 / 15}


@dataclass(frozen=True, slots=True)
class Cavity:
    """A Fabry-Perot cavity around the ions, with the two polarisation modes V and H.

    Attributes:
        coupling: Largest ion-mode coupling g0/2π on D5/2-P3/2, without Clebsch-Gordan and projection factors,
            Hz.
        decay: Half linewidth κ/2π, the decay rate of the field amplitude, Hz.
        transmission: Transmission of the output mirror, of 1.
        loss: All loss of one round trip, the output transmission included, of 1.
        waist: Radius of the mode where its intensity is 1/e² of the axis, at the ions, m.
        wavelength: Wavelength of the photon, m.
        angle: Angle between cavity axis and trap axis, turns.
        birefringence: Frequency splitting of the two polarisation eigenmodes, Hz.
        birefringence_axis: Angle of the higher eigenmode's polarisation from V towards H, turns.
        jitter: Lock jitter as a dephasing rate Γ/2π of |D, photon> against |S, no photon>, Hz. It is the rate
            of the collapse operator sqrt(Γ) P_D, so that this coherence decays at Γ/2 and nothing else
            changes.
    """

    coupling: float
    decay: float
    transmission: float
    loss: float
    waist: float
    wavelength: float
    angle: float
    birefringence: float = 0.0
    birefringence_axis: float = 0.0
    jitter: float = 0.0

    def __post_init__(self) -> None:
        if self.decay <= 0:
            raise ModelError("cavity decay", self.decay, "above 0 Hz", "Hz", "give the half linewidth κ/2π")
        if not 0 <= self.transmission <= self.loss:
            raise ModelError(
                "cavity transmission",
                self.transmission,
                f"from 0 to the total loss {self.loss:g}",
                "",
                "the total loss of a round trip includes the output transmission",
            )

    @property
    def escape(self) -> float:
        """Probability that a photon in the mode leaves through the output mirror, of 1."""
        return self.transmission / self.loss

    @property
    def finesse(self) -> float:
        """Free spectral range over full linewidth."""
        return 2 * pi / self.loss


def free_spectral_range(length: float) -> float:
    """Return the frequency spacing of a cavity's longitudinal modes in Hz, for mirrors `length` metres apart.

    Example:
        >>> round(free_spectral_range(19.9057e-3) / 1e9, 4)
        7.5303
    """
    return LIGHT_SPEED / (2 * length)


def refuse_unstable(length: float, curvature: float) -> None:
    """Refuse two mirrors of some curvature (m) at a distance (m) that holds no mode.

    Raises:
        ModelError: they hold no stable mode.
    """
    if not 0 < length < 2 * curvature:
        raise ModelError(
            "cavity length",
            length,
            f"above 0 and below twice the mirror curvature, {2 * curvature:g} m",
            "m",
            "other mirrors hold no stable mode",
        )


def mode_waist(length: float, curvature: float, wavelength: float) -> float:
    """Return the waist of a symmetric cavity's fundamental mode.

    Args:
        length: Distance of the mirrors, m; below 2 × `curvature`, or no mode is stable.
        curvature: Radius of curvature of both mirrors, m.
        wavelength: Wavelength, m.

    Returns:
        Radius at 1/e² of the intensity, m.

    Raises:
        ModelError: The mirrors hold no stable mode.

    Source: Kogelnik and Li, Appl. Opt. 5, 1550 (1966), eq. 50.
    """
    refuse_unstable(length, curvature)
    return sqrt(wavelength / (2 * pi) * sqrt(length * (2 * curvature - length)))


def half_linewidth(length: float, loss: float) -> float:
    """Return κ/2π in Hz of a cavity with mirrors `length` metres apart and `loss` (of 1) a round trip."""
    return free_spectral_range(length) * loss / (4 * pi)


def vacuum_coupling(length: float, waist: float, wavelength: float, decay: float) -> float:
    """Return the largest coupling of a closed transition to the mode.

    Args:
        length: Distance of the mirrors, m.
        waist: Mode waist, m.
        wavelength: Wavelength of the transition, m.
        decay: Half decay rate γ/2π of the excited state on this transition alone, Hz.

    Returns:
        g0/2π = sqrt(3 c λ² γ / (π² w0² L)) / 2π, Hz.

    Source: the vacuum field of the mode volume π w0² L/4 on the dipole that belongs to γ;
        Schupp, PhD thesis (Innsbruck 2021), section 2.3.
    """
    squared = 3 * LIGHT_SPEED * wavelength**2 * (2 * pi * decay) / (pi**2 * waist**2 * length)
    return sqrt(squared) / (2 * pi)


def coupling(cavity: Cavity, m: float) -> float:
    """Return the coupling of P3/2(m=-3/2) to one photon and D5/2(m).

    Args:
        cavity: The cavity.
        m: Magnetic quantum number of the D5/2 sublevel: -5/2 (photon V) or -3/2 (photon H).

    Returns:
        g/2π, Hz, for an ion at an antinode on the axis.

    Raises:
        ModelError: Another sublevel was asked for.
    """
    weight = BRANCH_WEIGHTS.get(round(2 * m))
    if weight is None or 2 * m != round(2 * m):
        raise ModelError(
            "magnetic quantum number", m, "-5/2 or -3/2", "", "only these D5/2 sublevels hold a qubit"
        )
    return cavity.coupling * sqrt(weight)


def cooperativity(cavity: Cavity, m: float, decay: float) -> float:
    """Return C = g²/(2κγ) of one branch.

    Args:
        cavity: The cavity.
        m: D5/2 sublevel of the branch, -5/2 or -3/2.
        decay: Half decay rate γ/2π of P3/2, Hz.

    Example:
        >>> cavity = Cavity(1.53e6, 70e3, 90e-6, 116e-6, 12.31e-6, 854.209e-9, 85.3 / 360)
        >>> round(cooperativity(cavity, -5 / 2, 11.49e6), 3)
        0.485
    """
    return coupling(cavity, m) ** 2 / (2 * cavity.decay * decay)


def efficiency_bound(cavity: Cavity, m: float, decay: float, returned: float) -> float:
    """Return the highest probability that a photon leaves through the output mirror, whatever the drive.

    An ion that scatters into free space and falls back to its initial state tries again: the geometric sum
    over such returns gives P = escape × 2C / (1 + 2C - r).

    Args:
        cavity: The cavity.
        m: D5/2 sublevel of the branch, -5/2 or -3/2.
        decay: Half decay rate γ/2π of P3/2, Hz.
        returned: Branching r of P3/2 back to the initial state, of 1; 0 counts photons without any
            scattering.

    Source: Schupp, PhD thesis (Innsbruck 2021), eq. 2.31 to 2.33.
    """
    gain = 2 * cooperativity(cavity, m, decay)
    return cavity.escape * gain / (1 + gain - returned)


def mode_area(cavity: Cavity) -> float:
    """Return the mode's cross-section π w0²/4 in units of the resonant cross-section 3λ²/2π of an atom."""
    return (pi * cavity.waist**2 / 4) / (3 * cavity.wavelength**2 / (2 * pi))


def optimum_transmission(cavity: Cavity, branching: float, returned: float) -> tuple[float, float]:
    """Return the output transmission that gives the most photons, with the rest of the cavity as it is.

    A more open mirror lets more of the photons in the mode out, but weakens the cooperativity.

    Args:
        cavity: The cavity; its loss without the output transmission is kept.
        branching: Share of P3/2 decay that the mode can collect: branching × CG² × projection, of 1.
        returned: Branching back to the initial state, of 1; 0 counts photons without any scattering.

    Returns:
        Best transmission, and the efficiency bound there, both of 1.

    Raises:
        ModelError: The cavity has no loss but its output, where opening or closing it makes no difference.

    Source: Schupp, PhD thesis (Innsbruck 2021), eq. 2.34.
    """
    waste = cavity.loss - cavity.transmission
    if waste <= 0:
        raise ModelError(
            "cavity loss beside the output", waste, "above 0", "", "an ideal cavity has no best transmission"
        )
    beta = branching / (1 - returned)
    root = sqrt(1 + 2 * beta / (waste * mode_area(cavity)))
    return waste * root, 1 - 2 / (1 + root)


def position_factor(cavity: Cavity, displacement: ArrayLike, offset: float = 0.0) -> NDArray[np.float64]:
    """Return by how much a displaced ion couples less than one at an antinode on the cavity axis.

    The trap axis crosses the cavity axis at an angle, so that a step along the trap leaves the waist
    (Gaussian) and also moves along the standing wave (cosine).

    Args:
        cavity: The cavity.
        displacement: Way from the crossing along the trap axis, m; any shape.
        offset: Way of the antinode from the crossing along the cavity axis, m: a drifting mirror piezo.

    Returns:
        Factor 0..1 of the coupling, shape of `displacement`.

    Example:
        >>> cavity = Cavity(1.53e6, 70e3, 90e-6, 116e-6, 12.31e-6, 854.209e-9, 85.3 / 360)
        >>> position_factor(cavity, [0.0, 5.26e-6]).round(2)
        array([1.  , 0.83])
    """
    along_trap = np.asarray(displacement, dtype=np.float64)
    tilt = 2 * pi * cavity.angle
    gaussian = np.exp(-((along_trap * sin(tilt) / cavity.waist) ** 2))
    wave = np.abs(np.cos(2 * pi / cavity.wavelength * (along_trap * cos(tilt) - offset)))
    return np.asarray(gaussian * wave, dtype=np.float64)
