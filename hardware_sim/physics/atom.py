"""The atom in full: all Zeeman sublevels of 40Ca+, what couples them, how they decay, what shifts them.

Angular momentum is computed, not typed in: Wigner's symbols come from Racah's sums over integers, so that
every dipole element is exact to the last digit. `calcium` has the measured part: wavelengths, lifetimes,
branching.

Polarisations are spherical: q = -1, 0, +1 for sigma-, pi and sigma+ light, which raises m by q when absorbed.

Source: Edmonds, Angular Momentum in Quantum Mechanics (Princeton 1957), eq. 3.7.3 and 6.3.7; Steck, Quantum
and Atom Optics (2007), sections 7.3 and 7.4, for dipole elements in terms of decay rates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from math import comb, factorial, pi, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hardware_sim.constants import LIGHT_SPEED, PLANCK
from hardware_sim.physics.calcium import (
    D32,
    D52,
    LINE_393,
    LINE_397,
    LINE_850,
    LINE_854,
    LINE_866,
    P12,
    P32,
    S12,
    Level,
    Line,
    zeeman_shift,
)
from hardware_sim.physics.errors import ModelError, SublevelError

LEVELS: Final = (S12, P12, P32, D32, D52)
DIPOLE_LINES: Final = (LINE_393, LINE_397, LINE_850, LINE_854, LINE_866)
POLARISATIONS: Final = (-1, 0, 1)

# Orbital angular momentum by the letter of a level's name, and the spin of the valence electron.
ORBITAL: Final = {"S": 0, "P": 1, "D": 2}
SPIN: Final = 0.5

# Linewidths of the upper level within which light is near resonance: it scatters more than it shifts.
FAR: Final = 3.0

Real = NDArray[np.float64]


def wigner_3j(j1: float, j2: float, j3: float, m1: float, m2: float, m3: float) -> float:
    """Return Wigner's 3j symbol, 0 where angular momentum is not conserved.

    Source: Edmonds 1957, eq. 3.6.11 and 3.7.3, the sum regrouped in binomials, which are whole numbers.

    Example:
        >>> round(wigner_3j(1.5, 1, 2.5, -1.5, -1, 2.5) ** 2, 6)  # 1/6: a stretched line
        0.166667
    """
    if m1 + m2 + m3 != 0 or not _triangle(j1, j2, j3):
        return 0.0
    if any(abs(m) > j or (j - m) % 1 for j, m in ((j1, m1), (j2, m2), (j3, m3))):
        return 0.0
    a, b, c = _whole(j1 + j2 - j3), _whole(j1 - j2 + j3), _whole(-j1 + j2 + j3)
    up1, up2, down1 = _whole(j1 - m1), _whole(j2 + m2), _whole(j1 + m1)
    total = sum(
        _parity(k) * comb(a, k) * comb(b, up1 - k) * comb(c, up2 - k)
        for k in range(max(0, up1 - b, up2 - c), min(a, up1, up2) + 1)
    )
    square = comb(_whole(2 * j1), a) * comb(_whole(2 * j2), a) / comb(a + b + c + 1, a)
    square /= comb(_whole(2 * j1), down1) * comb(_whole(2 * j2), up2) * comb(_whole(2 * j3), _whole(j3 - m3))
    sign = _parity(_whole(j1 - j2 - m3))
    return sign * total * sqrt(square / _whole(2 * j3 + 1))


def wigner_6j(j1: float, j2: float, j3: float, j4: float, j5: float, j6: float) -> float:
    """Return Wigner's 6j symbol {j1 j2 j3; j4 j5 j6}, 0 where a triangle does not close.

    Source: Edmonds 1957, eq. 6.3.7.

    Example:
        >>> round(wigner_6j(0.5, 1.5, 1, 1, 0, 0.5) ** 2, 6)  # 1/6
        0.166667
    """
    triads = ((j1, j2, j3), (j1, j5, j6), (j4, j2, j6), (j4, j5, j3))
    if not all(_triangle(*triad) for triad in triads):
        return 0.0
    lower = [_whole(sum(triad)) for triad in triads]
    upper = [_whole(j1 + j2 + j4 + j5), _whole(j2 + j3 + j5 + j6), _whole(j3 + j1 + j6 + j4)]
    total = 0.0
    for k in range(max(lower), min(upper) + 1):
        below = [factorial(k - edge) for edge in lower] + [factorial(edge - k) for edge in upper]
        total += _parity(k) * factorial(k + 1) / float(np.prod(below))
    return total * sqrt(float(np.prod([_triangle_coefficient(*triad) for triad in triads])))


def clebsch_gordan(j1: float, m1: float, j2: float, m2: float, j: float, m: float) -> float:
    """Return the Clebsch-Gordan coefficient <j1 m1; j2 m2 | j m> with the phases of Condon and Shortley."""
    phase = _parity(_whole(j1 - j2 + m)) if (j1 - j2 + m) % 1 == 0 else 0
    return phase * sqrt(2 * j + 1) * wigner_3j(j1, j2, j, m1, m2, -m)


@cache
def coupled(lower: Level, lower_m: float, upper: Level, upper_m: float, rank: int) -> float:
    """Return the Clebsch-Gordan coefficient <J m; rank q | J' m'> of two sublevels, with q = m' - m.

    Its squares sum to 1 over the lower sublevels: they are the shares of a decay by that multipole.

    Args:
        lower: level J.
        lower_m: its m.
        upper: level J'.
        upper_m: its m'.
        rank: of the multipole: 1 for a dipole, 2 for a quadrupole. What changes m by more is 0.

    Raises:
        SublevelError: a level has no such sublevel.
    """
    for level, m in ((lower, lower_m), (upper, upper_m)):
        if m not in level.sublevels:
            raise SublevelError(level.name, m, level.momentum)
    q = upper_m - lower_m
    return 0.0 if abs(q) > rank else clebsch_gordan(lower.momentum, lower_m, rank, q, upper.momentum, upper_m)


def dipole(line: Line, lower_m: float, upper_m: float) -> float:
    """Return the relative dipole element of two sublevels, whose squares sum to 1 over the lower sublevels.

    It is the Clebsch-Gordan coefficient <J m; 1 q | J' m'> of the lower (J, m) and the upper (J', m')
    sublevel with q = m' - m: the amplitude of a decay along this line to end in m, and the strength of light
    with polarisation q relative to a transition that decays along it alone.

    Raises:
        SublevelError: a level has no such sublevel.

    Example:
        >>> [round(15 * dipole(LINE_854, m, -1.5) ** 2, 9) for m in (-2.5, -1.5, -0.5)]
        [10.0, 4.0, 1.0]
    """
    return coupled(line.lower, lower_m, line.upper, upper_m, 1)


def fine_structure_share(line: Line) -> float:
    """Return the share of a line in the decay of its upper level to one term, at equal wavelengths.

    It is what the coupling of spin and orbit predicts: (2L'+1)(2J+1) {L L' 1; J' J S}².

    Example:
        >>> round(fine_structure_share(LINE_854), 9)  # D5/2 against D3/2
        0.9
    """
    lower_l, upper_l = ORBITAL[line.lower.name[0]], ORBITAL[line.upper.name[0]]
    lower_j, upper_j = line.lower.momentum, line.upper.momentum
    symbol = wigner_6j(lower_l, upper_l, 1, upper_j, lower_j, SPIN)
    return (2 * upper_l + 1) * (2 * lower_j + 1) * symbol**2


@dataclass(frozen=True, slots=True)
class Sublevel:
    """One Zeeman sublevel.

    Attributes:
        level: that it belongs to.
        m: its magnetic quantum number.
    """

    level: Level
    m: float

    def energy(self, magnetic_field: float) -> float:
        """Return the Zeeman shift, Hz, in a field (T)."""
        return zeeman_shift(self.level, self.m, magnetic_field)


SUBLEVELS: Final = tuple(Sublevel(level, m) for level in LEVELS for m in level.sublevels)
"""All 18 sublevels, level after level, in ascending m."""


@dataclass(frozen=True, slots=True, eq=False)
class Decay:
    """Spontaneous emission of one polarisation on one line.

    Sublevels that emit the same polarisation do so together: the emitted light does not tell them apart, so
    that coherence between upper sublevels goes over to the lower ones.

    Attributes:
        line: on which the photon is emitted.
        q: m of the upper minus m of the lower sublevel: 0 for pi, ±1 for sigma light.
        operator: collapse operator over `SUBLEVELS`, sqrt(1/s), shape (18, 18).
    """

    line: Line
    q: int
    operator: Real = field(repr=False)


def decays() -> tuple[Decay, ...]:
    """Return all spontaneous decays on dipole lines, three polarisations for each line.

    Example:
        >>> rate = sum(decay.operator.T @ decay.operator for decay in decays())
        >>> place = SUBLEVELS.index(Sublevel(P32, -1.5))
        >>> float(round(1e9 / rate[place, place], 3))  # the lifetime of P3/2 in ns
        6.924
    """
    return tuple(Decay(line, q, _collapse(line, q)) for line in DIPOLE_LINES for q in POLARISATIONS)


def branching(upper: Sublevel) -> Mapping[Sublevel, float]:
    """Return how an upper sublevel's decay is divided among the sublevels below, of 1.

    Example:
        >>> shares = branching(Sublevel(P32, -1.5))
        >>> [(to.level.name, to.m) for to in shares]
        [('S1/2', -0.5), ('D3/2', -1.5), ('D3/2', -0.5), ('D5/2', -2.5), ('D5/2', -1.5), ('D5/2', -0.5)]
        >>> round(shares[Sublevel(D52, -2.5)], 5)
        0.03913
    """
    shares: dict[Sublevel, float] = {}
    for line in DIPOLE_LINES:
        for m in line.lower.sublevels if line.upper is upper.level else ():
            share = line.branching * dipole(line, m, upper.m) ** 2
            if share > 0:
                shares[Sublevel(line.lower, m)] = share
    return shares


@dataclass(frozen=True, slots=True)
class Beam:
    """Light far from every resonance.

    Attributes:
        wavelength: m, in the same air as those of `calcium`.
        intensity: W/m².
        sigma_minus: share of the intensity in sigma- light; the three shares sum to 1.
        pi: share in pi light.
        sigma_plus: share in sigma+ light.
    """

    wavelength: float
    intensity: float
    sigma_minus: float = 0.0
    pi: float = 1.0
    sigma_plus: float = 0.0

    def __post_init__(self) -> None:
        if self.intensity < 0:
            raise ModelError(
                "beam intensity", self.intensity, "0 W/m² or more", "W/m²", "it is a power density"
            )
        if abs(sum(self.shares) - 1) > 1e-9 or min(self.shares) < 0:
            raise ModelError(
                "sum of polarisation shares",
                sum(self.shares),
                "1",
                "",
                "give each as a part of the intensity",
            )

    @property
    def shares(self) -> tuple[float, float, float]:
        """Shares of sigma-, pi and sigma+ light."""
        return self.sigma_minus, self.pi, self.sigma_plus


def light_shift(sublevel: Sublevel, beam: Beam, magnetic_field: float = 0.0) -> float:
    """Return the AC Stark shift of a sublevel by far detuned light.

    All dipole lines that begin or end there count, each with its rotating and counter-rotating term, so that
    it holds for any detuning beyond the linewidth; lines to levels above 4P are left out.

    Args:
        sublevel: that is shifted.
        beam: the light.
        magnetic_field: T, which moves the resonances.

    Returns:
        Shift, Hz: negative for the lower level of a line when the light is red of it.

    Raises:
        ModelError: the light is within three linewidths of one of the resonances.

    Source: Grimm, Weidemüller, Ovchinnikov, Adv. At. Mol. Opt. Phys. 42, 95 (2000), eq. 10, for each line.

    Example:
        The lock light of the cavity at 806 nm shifts D5/2 up, as it is blue of 854 nm:

        >>> light_shift(Sublevel(D52, -1.5), Beam(806e-9, 1e8)) > 0
        True
    """
    frequency = LIGHT_SPEED / beam.wavelength
    shift = 0.0
    for line in DIPOLE_LINES:
        for lower, upper, q in _transitions(line, sublevel):
            resonance = LIGHT_SPEED / line.wavelength
            resonance += upper.energy(magnetic_field) - lower.energy(magnetic_field)
            detuning = frequency - resonance
            _refuse_resonant(detuning, line)
            squared = _rabi_per_field(line, lower.m, upper.m) ** 2 * beam.intensity
            rotating = beam.shares[1 + q] / detuning
            opposite = beam.shares[1 - q] / (frequency + resonance)
            shift += (1 if lower == sublevel else -1) * squared * (rotating - opposite) / 4
    return shift


def rabi_frequency(line: Line, lower_m: float, upper_m: float, intensity: float) -> float:
    """Return the Rabi frequency Ω/2π, Hz, of light (W/m²) of the transition's polarisation.

    Example:
        A beam of 1 mW/cm² on the stretched 393 nm transition:

        >>> round(rabi_frequency(LINE_393, -0.5, -1.5, 10.0) / 1e6, 2)
        2.24
    """
    return abs(_rabi_per_field(line, lower_m, upper_m)) * sqrt(intensity)


def _rabi_per_field(line: Line, lower_m: float, upper_m: float) -> float:
    """Rabi frequency over the root of the intensity: Ω² = 6π c² A I / (ħ ω³), with ħω³ from the line."""
    angular = 2 * pi * LIGHT_SPEED / line.wavelength
    rate = line.branching / line.upper.lifetime
    squared = 6 * pi * LIGHT_SPEED**2 * rate / (PLANCK / (2 * pi) * angular**3)
    return dipole(line, lower_m, upper_m) * sqrt(squared) / (2 * pi)


def _transitions(line: Line, sublevel: Sublevel) -> list[tuple[Sublevel, Sublevel, int]]:
    """Lower and upper sublevel and polarisation of the transitions of a line that involve a sublevel."""
    return [
        (Sublevel(line.lower, m), Sublevel(line.upper, m + q), q)
        for m in line.lower.sublevels
        for q in POLARISATIONS
        if m + q in line.upper.sublevels
        and sublevel in (Sublevel(line.lower, m), Sublevel(line.upper, m + q))
    ]


def _refuse_resonant(detuning: float, line: Line) -> None:
    nearest = FAR * line.upper.linewidth
    if abs(detuning) < nearest:
        raise ModelError(
            f"detuning from {line.lower.name}-{line.upper.name}",
            detuning,
            f"{nearest:.3g} Hz or more away",
            "Hz",
            "near resonance light scatters more than it shifts",
        )


def _collapse(line: Line, q: int) -> Real:
    operator = np.zeros((len(SUBLEVELS), len(SUBLEVELS)))
    for column, upper in enumerate(SUBLEVELS):
        for row, lower in enumerate(SUBLEVELS):
            if upper.level is line.upper and lower.level is line.lower and upper.m - lower.m == q:
                rate = line.branching / line.upper.lifetime
                operator[row, column] = sqrt(rate) * dipole(line, lower.m, upper.m)
    return operator


def _triangle(a: float, b: float, c: float) -> bool:
    return abs(a - b) <= c <= a + b and (a + b + c) % 1 == 0


def _triangle_coefficient(a: float, b: float, c: float) -> float:
    above = factorial(_whole(a + b - c)) * factorial(_whole(a - b + c)) * factorial(_whole(-a + b + c))
    return above / factorial(_whole(a + b + c + 1))


def _whole(number: float) -> int:
    return round(number)


def _parity(number: int) -> int:
    return 1 - 2 * (number % 2)
