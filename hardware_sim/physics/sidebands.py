"""Light on an ion that swings: how strongly it couples phonon numbers, and what that shows of the motion.

A beam resonant with the s-th sideband couples |S, n> with |D, n + s>: s = 0 is the carrier, s > 0 blue, s < 0
red. Nothing here expands in the Lamb-Dicke parameter, but for the functions that say so. Distributions are
arrays over n = 0, 1, ... that are cut where the caller says.

Source: D. Leibfried, R. Blatt, C. Monroe and D. Wineland, Rev. Mod. Phys. 75, 281 (2003), sec. II; D.
Wineland et al., J. Res. NIST 103, 259 (1998), sec. 2.3.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardware_sim.physics.errors import ModelError

Floats: TypeAlias = NDArray[np.float64]


def strength(numbers: ArrayLike, order: int, eta_squared: ArrayLike) -> Floats:
    """Return the Rabi frequency of |n> <-> |n + order>, of that of an ion at rest.

    exp(-eta^2/2) eta^|s| sqrt(n_<! / n_>!) L_{n_<}^{|s|}(eta^2), with n_< and n_> the lesser and the greater
    of both numbers. The phase i^|s| of the coupling is left out, its sign is kept.

    Args:
        numbers: n of the lower level, integers of shape (...).
        order: s, of either sign.
        eta_squared: squared Lamb-Dicke parameter, shape (...).

    Returns:
        Factors of both shapes broadcast together; 0 where n or n + s would be negative.

    Example:
        The red sideband takes nothing from the ground state; the blue one starts at eta:

        >>> strength([0, 1, 2], -1, 0.01).round(4)
        array([0.    , 0.0995, 0.14  ])
        >>> float(strength(0, 1, 0.01).round(4))
        0.0995
    """
    from scipy.special import eval_genlaguerre  # noqa: PLC0415 - slow to import, and checking a setup needs none

    lower, squared = np.broadcast_arrays(np.asarray(numbers, dtype=np.int64), np.asarray(eta_squared, float))
    least, steps = np.minimum(lower, lower + order), abs(order)
    allowed, least = least >= 0, np.maximum(least, 0)
    # (n + 1) ... (n + s) as a product: factorials of large n would overflow.
    rising = np.prod([least + step for step in range(1, steps + 1)], axis=0, dtype=np.float64)
    size = np.exp(-squared / 2) * np.sqrt(squared**steps / rising)
    return np.asarray(np.where(allowed, size * eval_genlaguerre(least, steps, squared), 0.0))


def flop(
    times: ArrayLike,
    rabi: float,
    distribution: ArrayLike,
    order: int = 0,
    eta_squared: float = 0.0,
    detuning: float = 0.0,
) -> Floats:
    """Return the population of D after pulses on one ion from S, whose phonon number has a distribution.

    Args:
        times: lengths of the pulses (times,), s.
        rabi: Rabi frequency of the ion at rest, Hz.
        distribution: probabilities (numbers,) of n = 0, 1, ...
        order: of the sideband.
        eta_squared: squared Lamb-Dicke parameter.
        detuning: of the light from that sideband, Hz.

    Returns:
        sum_n p_n (Omega_n / W_n)^2 sin^2(pi W_n t) with W_n^2 = Omega_n^2 + detuning^2, (times,).

    Example:
        >>> flop([10e-6], 50e3, [1.0]).round(6)
        array([1.])
    """
    weights = np.asarray(distribution, dtype=np.float64)
    coupling = rabi * strength(np.arange(len(weights)), order, eta_squared)
    total = np.hypot(coupling, detuning)
    depth = np.divide(coupling, total, out=np.zeros_like(total), where=total > 0) ** 2
    waves = np.sin(np.pi * np.multiply.outer(np.asarray(times, dtype=np.float64), total)) ** 2
    return np.asarray(waves @ (weights * depth))


def thermal_carrier_flop(times: ArrayLike, rabi: float, mean: float, eta_squared: float) -> Floats:
    """Return the carrier flop of a thermal ion in closed form, to first order in eta^2.

    With Omega_n = Omega (1 - eta^2 (n + 1/2)) the sum over the geometric distribution is a geometric series:
    P = (1 - Re[exp(i a (1 - eta^2/2)) / (1 + nbar (1 - exp(-i a eta^2)))]) / 2 with a = 2 pi Omega t.

    Args:
        times: lengths of the pulses (times,), s.
        rabi: Rabi frequency of the ion at rest, Hz.
        mean: phonon number nbar.
        eta_squared: squared Lamb-Dicke parameter; n eta^2 must stay small.
    """
    area = 2 * np.pi * rabi * np.asarray(times, dtype=np.float64)
    wave = np.exp(1j * area * (1 - eta_squared / 2)) / (1 + mean * (1 - np.exp(-1j * area * eta_squared)))
    return np.asarray((1 - wave.real) / 2)


def thermal_distribution(mean: float, size: int) -> Floats:
    """Return the probabilities (size,) of n in a thermal state: nbar^n / (nbar + 1)^(n + 1).

    Raises:
        ModelError: a negative mean.

    Example:
        >>> thermal_distribution(1.0, 3)
        array([0.5  , 0.25 , 0.125])
    """
    _refuse_negative("mean phonon number", mean)
    return np.asarray((mean / (mean + 1)) ** np.arange(size) / (mean + 1))


def coherent_distribution(mean: float, size: int) -> Floats:
    """Return the probabilities (size,) of n in a coherent state: a Poisson distribution.

    Raises:
        ModelError: a negative mean.
    """
    from scipy.special import gammaln, xlogy  # noqa: PLC0415 - see `strength`

    _refuse_negative("mean phonon number", mean)
    n = np.arange(size)
    return np.asarray(np.exp(xlogy(n, mean) - mean - gammaln(n + 1)))


def displaced_thermal_distribution(thermal: float, displacement: float, size: int) -> Floats:
    """Return the probabilities (size,) of n in a thermal state that was displaced.

    thermal^n / (thermal + 1)^(n + 1) exp(-d / (thermal + 1)) L_n(-d / (thermal (thermal + 1))), by the
    recurrence of the Laguerre polynomials, in which nothing cancels at a negative argument.

    Args:
        thermal: mean phonon number before.
        displacement: d, quanta of the displacement, |alpha|^2.
        size: numbers.

    Raises:
        ModelError: a negative mean.

    Source: B. Saleh, Photoelectron Statistics (Springer 1978), sec. 5.1; Walther et al., PRL 109, 080501
    (2012), use it for ions that were moved.
    """
    _refuse_negative("mean phonon number", thermal)
    if thermal == 0:
        return coherent_distribution(displacement, size)
    ratio, push = thermal / (thermal + 1), displacement / (thermal + 1) ** 2
    found = np.zeros(max(size, 2))
    found[0] = math.exp(-displacement / (thermal + 1)) / (thermal + 1)
    found[1] = found[0] * (ratio + push)
    for n in range(2, size):
        found[n] = (((2 * n - 1) * ratio + push) * found[n - 1] - (n - 1) * ratio**2 * found[n - 2]) / n
    return found[:size]


def displaced_number(numbers: ArrayLike, start: ArrayLike, displacement: ArrayLike) -> Floats:
    """Return the probability of m phonons in a number state that was displaced: |<m| D(alpha) |n>|^2.

    Args:
        numbers: m, integers (...).
        start: n, integers (...); of m and n, the lesser one up to 300, or they are at most 60 apart:
            polynomials of high order overflow beyond.
        displacement: |alpha|^2 (...).

    Returns:
        The squared `strength` of |n> <-> |m>, with |alpha| for the Lamb-Dicke parameter, all shapes broadcast
        together: exp(-|alpha|^2) |alpha|^2|m-n| n_<! / n_>! L_{n_<}^{|m-n|}(|alpha|^2)^2.

    Source: F. de Oliveira et al., Phys. Rev. A 41, 2645 (1990).

    Example:
        >>> displaced_number([0, 1, 2], 1, 0.0)
        array([0., 1., 0.])
    """
    from scipy.special import eval_genlaguerre, gammaln, xlogy  # noqa: PLC0415 - see `strength`

    m, n = np.asarray(numbers, dtype=np.int64), np.asarray(start, dtype=np.int64)
    quanta = np.asarray(displacement, dtype=np.float64)
    least, steps = np.minimum(m, n), np.abs(m - n)
    weight = xlogy(steps, quanta) - quanta + gammaln(least + 1) - gammaln(least + steps + 1)
    return np.asarray(np.exp(weight / 2) * eval_genlaguerre(least, steps.astype(float), quanta)) ** 2


def sideband_ratio(mean: float, order: int = 1) -> float:
    """Return the excitation on the red sideband over that on the blue one, for a thermal ion.

    (nbar / (nbar + 1))^|s|, for any pulse and any Lamb-Dicke parameter: |n> on the blue sideband is coupled
    as |n + s> on the red one, and is so much more likely.

    Example:
        >>> sideband_ratio(1.0)
        0.5
    """
    _refuse_negative("mean phonon number", mean)
    return float((mean / (mean + 1)) ** abs(order))


def mean_from_sidebands(red: float, blue: float) -> float:
    """Return the mean phonon number of a thermal ion from its excitation on both first sidebands.

    Args:
        red: probability to be excited on the red one.
        blue: the same on the blue one, by the same pulse.

    Raises:
        ModelError: the red one is not the weaker one, as it is at every temperature.

    Source: Turchette et al., Phys. Rev. A 61, 063418 (2000), sec. III.

    Example:
        >>> mean_from_sidebands(0.2, 0.8)
        0.3333333333333333
    """
    if not 0 <= red < blue:
        advice = "measure for longer, or with pulses on which a thermal ion is not already half excited"
        raise ModelError("excitation on the red sideband", red, f"at least 0 and below {blue:g}", "", advice)
    return red / (blue - red)


def _refuse_negative(quantity: str, value: float) -> None:
    if value < 0:
        raise ModelError(quantity, value, "at least 0", "", "give the mean of a number of quanta")
