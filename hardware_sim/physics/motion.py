"""The motion of a string: how warm its modes are and what that does to the light's coupling.

A shot is one draw of the motion: a phonon number for each mode. All ions of a shot see the same motion, each
through its own share in the modes.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.calcium import recoil

Floats: TypeAlias = NDArray[np.float64]

# -log(exp(-x/2) L_n(x)) as a series in x, with m = n + 1/2: the coefficient of each power of x by powers of
# m. The leading ones are those of -log J0(2 sqrt(m x)), which Watson, Theory of Bessel Functions, sec. 15.51,
# has as Rayleigh sums; the others follow from the logarithm of the polynomial (tested against it).
_SERIES: Final = (
    {1: 1.0},
    {2: 1 / 4, 0: -1 / 16},
    {3: 1 / 9, 1: -1 / 36},
    {4: 11 / 192, 2: -7 / 384, 0: 1 / 1024},
)
# Up to this m x the terms left out are below 4e-5; beyond it the function itself is taken.
_SERIES_LIMIT: Final = 0.25
# Up to this x, exp(-x/2) L_n(x) is J0(2 sqrt(m x)) within x^2/16, 7e-6 (Szego, Orthogonal Polynomials,
# 8.22.4, has the form; the first term that differs is that of the series above). Bessel functions cost the
# same at any n.
_BESSEL_LIMIT: Final = 0.01
# Numbers beyond which the same holds up to x = _BESSEL_STRONGEST, within 1.1e-4; polynomials of such
# degree would take far longer than all else.
_BESSEL_NUMBER: Final = 300
_BESSEL_STRONGEST: Final = 0.3
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


def debye_waller(numbers: Floats | NDArray[np.int64], eta_squared: Floats) -> Floats:
    """Return by how much motion weakens the carrier coupling of each ion in each shot.

    The factor is the product over modes of exp(-eta^2 / 2) L_n(eta^2). Its logarithm is a power series in
    eta^2; each power is a matrix product of a (shots, modes) with a (modes, ions) array. Modes that swing so
    far that eta^2 (n + 1/2) passes 0.25 for an ion take the function itself, in the few shots where that
    happens. Nothing of size (shots, modes, ions) is ever made.

    The result is within 1e-4 of the product: with Y the sum of all eta^2 (n + 1/2) that take the series, the
    terms left out are below 1.5e-4 Y and the factor below exp(-Y), so that the error is below 6e-5; single
    precision adds less.

    Args:
        numbers: phonon numbers (shots, modes).
        eta_squared: squared Lamb-Dicke parameters (modes, ions).

    Returns:
        Factors (shots, ions); negative where the carrier changes sign.

    Source: Wineland et al., J. Res. NIST 103, 259 (1998), sec. 2.3 and on the Debye-Waller factors of
    spectator modes.

    Example:
        >>> cold, warm = debye_waller(np.array([[0], [20]]), np.array([[0.01]]))[:, 0]
        >>> float(round(cold, 4)), float(round(warm, 4))
        (0.995, 0.8053)
    """
    strength = eta_squared.max(axis=1, initial=0.0)
    level = numbers + 0.5
    strong = level * strength > _SERIES_LIMIT
    factor: Floats = np.exp(-_series(np.where(strong, 0.0, level), strong, eta_squared, strength))
    for mode in np.flatnonzero(strong.any(axis=0)):
        shots = np.flatnonzero(strong[:, mode])
        factor[shots] *= _factor(numbers[shots, mode, None], eta_squared[None, mode], strength[mode])
    return factor


def _factor(numbers: Floats | NDArray[np.int64], eta_squared: Floats, strongest: float) -> Floats:
    """Return exp(-x/2) L_n(x) for all of one mode."""
    from scipy.special import eval_laguerre, j0  # noqa: PLC0415 - slow to import, and checking a setup needs none

    if strongest > _BESSEL_STRONGEST:
        return np.asarray(np.exp(-eta_squared / 2) * eval_laguerre(numbers, eta_squared))
    factor = np.asarray(j0(2 * np.sqrt((numbers + 0.5) * eta_squared)))
    if strongest > _BESSEL_LIMIT:
        few = numbers[:, 0] <= _BESSEL_NUMBER
        factor[few] = np.exp(-eta_squared / 2) * eval_laguerre(numbers[few], eta_squared)
    return factor


def _series(level: Floats, strong: NDArray[np.bool_], eta_squared: Floats, strength: Floats) -> Floats:
    """Sum -log(exp(-x/2) L_n(x)) over all modes but the strong ones (shots, ions), in powers of x.

    Single precision halves the time; the modes are scaled to their strongest ion so that high powers stay in
    range.
    """
    share = np.divide(
        eta_squared, strength[:, None], out=np.zeros_like(eta_squared), where=strength[:, None] > 0
    )
    share[share < _SMALLEST_SHARE] = 0.0
    by_ion, scale = share.astype(np.float32), strength.astype(np.float32)
    swing, counted = (level * strength).astype(np.float32), ~strong
    powers = [counted.astype(np.float32)]
    ion_power = np.ones_like(by_ion)
    total = np.zeros((len(level), eta_squared.shape[1]), dtype=np.float32)
    for power, polynomial in enumerate(_SERIES, start=1):
        powers.append(powers[-1] * swing)
        ion_power = ion_power * by_ion
        # The powers of m that lack against the power of x are powers of eta^2 alone.
        terms = np.zeros_like(swing)
        for exponent, factor in polynomial.items():
            terms += powers[exponent] * (np.float32(factor) * scale ** np.float32(power - exponent))
        total += terms @ ion_power
    return total.astype(np.float64)
