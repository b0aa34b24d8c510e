"""Strings of ions in wells that are not parabolas: where they sit, and how they swing.

A parabola crowds ions in its middle. A well with a flat bottom and steep walls spaces them evenly, which
beams that address them one by one, and cavities, would like. Positions are found as the minimum of the energy
of an ordered string, by Newton's method kept downhill; modes are those of small swings about it.

Potentials are those of the electrodes on the axis, in volts. Across the axis Laplace's equation makes of a
curvature phi'' along it a defocusing half as strong.

Source: Lin et al., EPL 86, 60004 (2009), on quartic wells; James, Appl. Phys. B 66, 181 (1998), on modes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardware_sim.constants import CALCIUM_MASS, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from hardware_sim.physics.errors import ConfinementError, IonCountError, ModelError

Floats: TypeAlias = NDArray[np.float64]

# e / (4 pi epsilon0): the potential of an ion at a distance of 1 m, in V m.
_CHARGE: Final = ELEMENTARY_CHARGE / (4 * math.pi * VACUUM_PERMITTIVITY)
# Newton's error after a step is about the square of that step, in units of the string's length.
_LAST_STEP: Final = 1e-9
_MOST_STEPS: Final = 500
# Ions at each end that a flat well cannot space evenly: nobody is behind them.
_ENDS: Final = 2


@dataclass(frozen=True, slots=True)
class Well:
    """The potential along the axis, c2 z^2 + c3 z^3 + c4 z^4.

    Attributes:
        quadratic: c2, V/m^2; may be negative where the quartic term holds the ions.
        cubic: c3, V/m^3.
        quartic: c4, V/m^4; not negative, and above 0 unless the well is a parabola.
    """

    quadratic: float
    cubic: float = 0.0
    quartic: float = 0.0

    def __post_init__(self) -> None:
        if self.quartic < 0 or (self.quartic == 0 and self.cubic != 0):
            raise ConfinementError("axial", "the quartic term of the well", self.quartic, 0.0, "V/m^4")
        if self.quartic == 0 and self.quadratic <= 0:
            raise ConfinementError("axial", "the quadratic term of the well", self.quadratic, 0.0, "V/m^2")

    @classmethod
    def harmonic(cls, axial_frequency: float) -> Well:
        """Return the parabola in which one ion swings at a frequency (Hz)."""
        return cls(CALCIUM_MASS * (2 * math.pi * axial_frequency) ** 2 / (2 * ELEMENTARY_CHARGE))

    def potential(self, z: Floats) -> Floats:
        """Return the potential (ions,) at places (ions,), V."""
        return np.asarray(z**2 * (self.quadratic + z * (self.cubic + z * self.quartic)))

    def slope(self, z: Floats) -> Floats:
        """Return its first derivative, V/m."""
        return np.asarray(z * (2 * self.quadratic + z * (3 * self.cubic + z * 4 * self.quartic)))

    def curvature(self, z: Floats) -> Floats:
        """Return its second derivative, V/m^2."""
        return np.asarray(2 * self.quadratic + z * (6 * self.cubic + z * 12 * self.quartic))


@dataclass(frozen=True, slots=True, eq=False)
class Swings:
    """Normal modes of a string along one direction.

    Attributes:
        frequencies: (modes,) Hz, ascending.
        vectors: orthonormal mode vectors (modes, ions).
    """

    frequencies: Floats
    vectors: Floats


def places(ions: int, well: Well) -> Floats:
    """Return where the ions of a string sit in a well.

    Args:
        ions: number of ions.
        well: that holds them.

    Returns:
        Positions (ions,), m, ascending: of a well with two dips, those next to an evenly spread string.

    Raises:
        IonCountError: fewer than one ion.
        ModelError: Newton's method did not arrive.

    Example:
        >>> np.diff(places(3, Well.harmonic(0.869e6))).round(9)
        array([5.263e-06, 5.263e-06])
    """
    if ions < 1:
        raise IonCountError(ions)
    z = _start(ions, well)
    length = max(float(np.ptp(z)), float(np.abs(z).max()), 1e-9)
    for _ in range(_MOST_STEPS):
        step = _downhill(z, well)
        if not step.any():
            return z
        z = z + step
        if np.abs(step).max() < _LAST_STEP * length:
            return z
    raise ModelError(
        "last step of an ion's position",
        float(np.abs(step).max()),
        f"below {_LAST_STEP * length:g} m after {_MOST_STEPS} steps",
        "m",
        "give a smoother well",
    )


def axial_swings(z: Floats, well: Well) -> Swings:
    """Return the modes along the axis of ions at rest at `z` (ions,), m.

    Raises:
        ConfinementError: they do not rest there in a minimum.
    """
    return _swings(_stiffness(z, well), "axial")


def radial_swings(z: Floats, well: Well, radial_frequency: float) -> Swings:
    """Return the modes across the axis.

    Args:
        z: (ions,) positions, m.
        well: along the axis; its curvature at each ion weakens the radial confinement by half of it.
        radial_frequency: of one ion held by the radio-frequency field alone, Hz.

    Raises:
        ConfinementError: the string buckles.
    """
    held = CALCIUM_MASS * (2 * math.pi * radial_frequency) ** 2 / ELEMENTARY_CHARGE
    coupling = _CHARGE / np.abs(_apart(z)) ** 3
    local = held - well.curvature(z) / 2 - coupling.sum(axis=1)
    return _swings(np.diag(local) + coupling, "radial")


def spacing_spread(z: Floats) -> float:
    """Return the rms of the spacings of the inner ions over their mean: 0 for an even string."""
    inner = _inner_spacings(z)
    return float(inner.std() / inner.mean())


def even_well(ions: int, spacing: float) -> Well:
    """Return the well of a quadratic and a quartic term that spaces the ions most evenly.

    Args:
        ions: number of ions, 4 or more.
        spacing: mean distance of the inner ions, m.

    Returns:
        A well; for many ions its quadratic term is negative.

    Raises:
        ModelError: a string too short to speak of even spacing, or no distance.

    Example:
        >>> well = even_well(20, 5e-6)
        >>> bool(spacing_spread(places(20, well)) < 0.03)
        True
    """
    if ions < 4:
        raise ModelError("number of ions", ions, "4 or more", "", "there is nothing to make even")
    if spacing <= 0:
        raise ModelError("spacing", spacing, "above 0 m", "m", "give the distance of neighbours")
    # Here, as scipy is slow to import and the rest of the room does without.
    from scipy.optimize import minimize_scalar  # noqa: PLC0415

    half = spacing * ions / 2
    scale = _CHARGE * ions / half**3

    def bent(share: float) -> Well:
        return Well(scale * share, 0.0, scale / half**2)

    found = minimize_scalar(lambda share: spacing_spread(places(ions, bent(share))), bounds=(-1.5, 4.0))
    well = bent(float(found.x))
    return _scaled(well, spacing / float(_inner_spacings(places(ions, well)).mean()))


def _inner_spacings(z: Floats) -> Floats:
    """Spacings of a string without those at its ends, unless nothing else is there."""
    spacings = np.diff(z)
    return spacings[_ENDS:-_ENDS] if len(z) > 2 * _ENDS + 2 else spacings


def _scaled(well: Well, factor: float) -> Well:
    """The well in which all distances are larger by a factor."""
    return Well(well.quadratic / factor**3, well.cubic / factor**4, well.quartic / factor**5)


def _start(ions: int, well: Well) -> Floats:
    """Spread ions evenly over the length that has the least energy, about the well's lowest point."""
    bottom = _lowest(well)
    if ions == 1:
        return np.array([bottom])
    shape = np.linspace(-1.0, 1.0, ions)
    lengths = np.geomspace(1e-7, 1e-1, 400)
    repulsion = _CHARGE * float((1 / np.abs(_apart(shape))).sum()) / 2
    held = np.array([well.potential(bottom + length * shape).sum() for length in lengths.tolist()])
    return bottom + float(lengths[np.argmin(held + repulsion / lengths)]) * shape


def _lowest(well: Well) -> float:
    """Place of the lowest point of a well; the middle between the two dips of an even one."""
    if well.cubic == 0:
        return 0.0
    turning = np.roots([4 * well.quartic, 3 * well.cubic, 2 * well.quadratic, 0.0])
    real = np.asarray(turning[np.abs(turning.imag) < 1e-9 * (np.abs(turning) + 1e-12)].real)
    return float(real[np.argmin(well.potential(real))])


def _downhill(z: Floats, well: Well) -> Floats:
    """A Newton step, turned downhill where the energy is not convex, that closes no gap by more than half."""
    force, stiffness = _force(z, well), _stiffness(z, well)
    try:
        np.linalg.cholesky(stiffness)
        step = np.linalg.solve(stiffness, force)
    except np.linalg.LinAlgError:  # not convex here
        values, vectors = np.linalg.eigh(stiffness)
        step = vectors @ ((vectors.T @ force) / np.maximum(np.abs(values), 1e-3 * values[-1]))
    closing = float(np.max(-np.diff(step) / np.diff(z), initial=0.0))
    return np.asarray(step / max(1.0, 2 * closing))


def _apart(z: Floats) -> Floats:
    """Signed distances (ions, ions), infinite on the diagonal."""
    apart = z[:, None] - z[None, :]
    np.fill_diagonal(apart, np.inf)
    return apart


def _force(z: Floats, well: Well) -> Floats:
    """Force on each ion over its charge (ions,), V/m."""
    apart = _apart(z)
    return np.asarray(_CHARGE * (np.sign(apart) / apart**2).sum(axis=1) - well.slope(z))


def _stiffness(z: Floats, well: Well) -> Floats:
    """Second derivatives of the energy over the charge (ions, ions), V/m^2."""
    coupling = 2 * _CHARGE / np.abs(_apart(z)) ** 3
    return np.diag(well.curvature(z) + coupling.sum(axis=1)) - coupling


def _swings(stiffness: Floats, direction: str) -> Swings:
    """Modes of a stiffness matrix over the charge."""
    values, columns = np.linalg.eigh(stiffness)
    if values[0] <= 0:
        raise ConfinementError(
            direction, "the softest stiffness of the string", float(values[0]), 0.0, "V/m^2"
        )
    frequencies = np.sqrt(values * ELEMENTARY_CHARGE / CALCIUM_MASS) / (2 * math.pi)
    return Swings(np.asarray(frequencies), np.asarray(columns.T))
