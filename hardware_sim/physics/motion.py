"""The motion of a string: how warm its modes are and what that does to the light's coupling.

A shot is one draw of the motion. Its modes stay as drawn for the whole shot, so that all ions of a shot see
the same motion, each through its own share in the modes.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.calcium import recoil

Floats: TypeAlias = NDArray[np.float64]

# -log J0(2 sqrt(y)) = y + y^2/4 + y^3/9 + 11 y^4/192 + ..., from the Rayleigh sums over the zeros of J0
# (Watson, Theory of Bessel Functions, sec. 15.51).
_CUMULANTS: Final = (1.0, 1 / 4, 1 / 9, 11 / 192)
# Up to this y the terms left out are below 4e-5; beyond it the Bessel function itself is taken.
_SERIES_LIMIT: Final = 0.25
# Shares of an ion in a mode below this are dropped: their fourth power would be denormal in single precision.
_SMALLEST_SHARE: Final = 1e-8


def doppler_limit(
    mode_frequency: Floats, linewidth: float, detuning: float, saturation: float = 0.0
) -> Floats:
    """Return the mean phonon numbers that Doppler cooling settles at.

    For modes slower than the line is wide, and light whose emission heats the mode as much as its absorption:
    n = (Gamma / 4 f) ((1 + s) / x + x) with x = 2 |detuning| / Gamma. The lowest value Gamma / 2 f is reached
    by weak light at a detuning of -Gamma / 2.

    Args:
        mode_frequency: (modes,), in Hz.
        linewidth: full natural width Gamma of the cooling line, in Hz.
        detuning: light less resonance, in Hz; negative is red.
        saturation: resonant saturation parameter s.

    Returns:
        Mean phonon numbers (modes,); infinite where the light is not red and nothing settles.

    Source: Stenholm, Rev. Mod. Phys. 58, 699 (1986).

    Example:
        >>> doppler_limit(np.array([0.9e6]), 22.4e6, -11.2e6).round(1)
        array([12.4])
    """
    if detuning >= 0:
        return np.full(np.shape(mode_frequency), np.inf)
    ratio = -2 * detuning / linewidth
    return linewidth / (4 * mode_frequency) * ((1 + saturation) / ratio + ratio)


def lamb_dicke_squared(wavelength: float, cosine: float, mode_frequencies: Floats, vectors: Floats) -> Floats:
    """Return the squared Lamb-Dicke parameters of every ion in every mode.

    Args:
        wavelength: of the light, in m.
        cosine: of the angle between the light's wave vector and the modes' direction.
        mode_frequencies: (modes,), in Hz.
        vectors: mode vectors (modes, ions).

    Returns:
        eta^2 = (recoil / f_m) cosine^2 b^2, (modes, ions). Modes along several directions are stacked by the
        caller, each with its own cosine.

    Source: James, Appl. Phys. B 66, 181 (1998), sec. 3.
    """
    return (recoil(wavelength) * cosine**2 / mode_frequencies)[:, None] * vectors**2


def debye_waller(quanta: Floats, eta_squared: Floats) -> Floats:
    """Return by how much motion weakens the carrier coupling of each ion in each shot.

    The factor is the product over modes of exp(-eta^2 / 2) J0(2 eta sqrt(n)), which averages to
    exp(-eta^2 (nbar + 1/2)) over a thermal mode; for a Fock state it stands for the Laguerre polynomial. The
    logarithm of J0 is a power series in y = eta^2 n; each power is a matrix product of a (shots, modes) with
    a (modes, ions) array. Modes that swing so far that y passes 0.25 for an ion take the Bessel function
    itself, in the few shots where that happens. Nothing of size (shots, modes, ions) is ever made.

    The result is within 1e-4 of the product: with Y the sum of all y that take the series, the terms left out
    are below 1.5e-4 Y and the factor below exp(-Y), so that the error is below 6e-5; single precision adds
    less.

    Args:
        quanta: phonon numbers (shots, modes).
        eta_squared: squared Lamb-Dicke parameters (modes, ions).

    Returns:
        Factors (shots, ions); negative where the carrier changes sign.

    Source: Wineland et al., J. Res. NIST 103, 259 (1998), on the Debye-Waller factors of spectator modes.

    Example:
        >>> cold, warm = debye_waller(np.array([[0.0], [20.0]]), np.array([[0.01]]))[:, 0]
        >>> float(round(cold, 4)), float(round(warm, 4))
        (0.995, 0.8058)
    """
    from scipy.special import j0  # noqa: PLC0415 - slow to import, and checking a setup needs none

    strength = eta_squared.max(axis=1)
    swing = quanta * strength
    strong = swing > _SERIES_LIMIT
    swing[strong] = 0.0
    factor: Floats = np.exp(-0.5 * eta_squared.sum(axis=0) - _series(swing, eta_squared, strength))
    for mode in np.flatnonzero(strong.any(axis=0)):
        shots = np.flatnonzero(strong[:, mode])
        factor[shots] *= j0(2 * np.sqrt(np.outer(quanta[shots, mode], eta_squared[mode])))
    return factor


def _series(swing: Floats, eta_squared: Floats, strength: Floats) -> Floats:
    """Sum of -log J0 over the modes (shots, ions), in powers of y.

    Single precision halves the time; the modes are scaled to their strongest ion so that high powers stay in
    range.
    """
    share = np.divide(
        eta_squared, strength[:, None], out=np.zeros_like(eta_squared), where=strength[:, None] > 0
    )
    share[share < _SMALLEST_SHARE] = 0.0
    by_mode, by_ion = swing.astype(np.float32), share.astype(np.float32)
    mode_power, ion_power = by_mode.copy(), by_ion.copy()
    total = mode_power @ ion_power
    for coefficient in _CUMULANTS[1:]:
        mode_power *= by_mode
        ion_power *= by_ion
        total += np.float32(coefficient) * (mode_power @ ion_power)
    return total.astype(np.float64)
