"""The electric quadrupole line at 729 nm: how strongly a beam drives each pair of Zeeman levels.

The Rabi frequency of S1/2(m) - D5/2(m') is a Clebsch-Gordan coefficient times a factor that depends on the
angles between beam, polarisation and magnetic field; lines with |m' - m| > 2 do not exist.

Source: D. James, Appl. Phys. B 66, 181 (1998), sec. 3; C. Roos, PhD thesis (Innsbruck 2000), sec. 5.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.atom import coupled
from hardware_sim.physics.calcium import D52, S12, zeeman_shift

MAPPING: Final = (-1 / 2, -5 / 2)
ANALYSIS: Final = (-1 / 2, -3 / 2)
"""m and m' of the two lines whose Rabi frequencies a node states."""


@dataclass(frozen=True, slots=True)
class Line:
    """One Zeeman line of S1/2 - D5/2.

    Attributes:
        lower: m of S1/2.
        upper: m' of D5/2.
        rabi: Rabi frequency of an ion at rest, Hz.
        offset: frequency at the nominal field, less that of the analysis line, Hz.
        sensitivity: shift of the line by a magnetic field, Hz/T.
    """

    lower: float
    upper: float
    rabi: float
    offset: float
    sensitivity: float


def clebsch_gordan(lower: float, upper: float) -> float:
    """Return <1/2 m; 2 m'-m | 5/2 m'>, which is positive for all lines.

    Args:
        lower: m of S1/2.
        upper: m' of D5/2.

    Raises:
        SublevelError: no such sublevel.

    Source: Edmonds, Angular Momentum in Quantum Mechanics, table 5.2: sqrt((5/2 +- m') / 5) for m = +-1/2.

    Example:
        >>> [round(clebsch_gordan(-1 / 2, upper) ** 2, 3) for upper in (-5 / 2, -3 / 2, -1 / 2, 1 / 2, 3 / 2)]
        [1.0, 0.8, 0.6, 0.4, 0.2]
    """
    return coupled(S12, lower, D52, upper, 2)


def geometric_factor(step: int, field_angle: float, polarisation_angle: float) -> float:
    """Return the size of the beam's quadrupole component of one step of m, linear polarisation.

    Args:
        step: m' - m, -2 to 2.
        field_angle: between beam and magnetic field, turns.
        polarisation_angle: of the polarisation from the plane of beam and field, turns.

    Returns:
        |sum_ij c_ij e_i n_j| of the unit vectors e of the polarisation and n of the beam, with the field
        along z and tensors c normalised so that sum_ij |c_ij|^2 = 2/3.

    Example:
        Light along the field drives steps of one only:

        >>> [round(geometric_factor(step, 0.0, 0.0), 4) for step in range(-2, 3)]
        [0.0, 0.4082, 0.0, 0.4082, 0.0]
    """
    beta, gamma = 2 * math.pi * field_angle, 2 * math.pi * polarisation_angle
    beam = np.array([math.sin(beta), 0.0, math.cos(beta)])
    in_plane = np.array([math.cos(beta), 0.0, -math.sin(beta)])
    light = math.cos(gamma) * in_plane + math.sin(gamma) * np.array([0.0, 1.0, 0.0])
    return float(abs(light @ _TENSORS[abs(step)] @ beam))


def _tensors() -> tuple[NDArray[np.complex128], ...]:
    """Return the tensors (3, 3) of rank 2 for steps of 0, 1 and 2; those of -1 and -2 are as large."""
    x, y, z = np.eye(3, dtype=np.complex128)
    circular = (x - 1j * y) / math.sqrt(6)
    none = np.outer(z, z) - np.eye(3) / 3
    one = np.outer(circular, z) + np.outer(z, circular)
    return none, one, math.sqrt(6) * np.outer(circular, circular)


_TENSORS: Final = _tensors()


@lru_cache(maxsize=16)
def zeeman_lines(
    field: float, field_angle: float, polarisation_angle: float, mapping: float, analysis: float
) -> tuple[Line, ...]:
    """Return all Zeeman lines of a beam.

    The two lines of which the Rabi frequency is stated have it; all others follow from the geometry, with the
    intensity that fits the two stated ones best. Stated values that no intensity gives in this geometry are
    kept as they are.

    Args:
        field: magnetic field, T.
        field_angle: between beam and field, turns.
        polarisation_angle: of the polarisation from the plane of both, turns.
        mapping: Rabi frequency of S1/2(-1/2) - D5/2(-5/2), Hz.
        analysis: Rabi frequency of S1/2(-1/2) - D5/2(-3/2), Hz.
    """
    stated = {MAPPING: mapping, ANALYSIS: analysis}
    relative = {
        (lower, upper): clebsch_gordan(lower, upper)
        * geometric_factor(round(upper - lower), field_angle, polarisation_angle)
        for lower, upper in product(S12.sublevels, D52.sublevels)
        if abs(upper - lower) <= 2
    }
    size = sum(relative[line] ** 2 for line in stated)
    scale = sum(relative[line] * rabi for line, rabi in stated.items()) / size if size > 0 else 0.0
    reference = _sensitivity(*ANALYSIS)
    return tuple(
        Line(
            lower,
            upper,
            stated.get((lower, upper), scale * factor),
            (_sensitivity(lower, upper) - reference) * field,
            _sensitivity(lower, upper),
        )
        for (lower, upper), factor in relative.items()
    )


def _sensitivity(lower: float, upper: float) -> float:
    """Return the shift of a line, Hz/T."""
    return zeeman_shift(D52, upper, 1.0) - zeeman_shift(S12, lower, 1.0)


def level_shift(rabi: NDArray[np.float64], detuning: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much off-resonant light shifts the lower level of a line; it shifts the upper one back.

    (W - |d|) / 2 with the sign of the detuning d and W^2 = d^2 + Omega^2: Omega^2 / (4 d) for weak light.

    Args:
        rabi: Rabi frequency of the line, Hz.
        detuning: light less line, Hz.

    Source: Grimm, Weidemueller and Ovchinnikov, Adv. At. Mol. Opt. Phys. 42, 95 (2000), sec. II.

    Example:
        >>> float(level_shift(np.array(50e3), np.array(7.1e6)).round(1))
        88.0
    """
    return np.asarray(np.copysign(np.hypot(rabi, detuning) - np.abs(detuning), detuning) / 2)
