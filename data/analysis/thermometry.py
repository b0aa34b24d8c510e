"""Thermometry by sidebands: phonons from how much weaker the red sideband is than the blue one."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.counts import BinomialCounts
from data.analysis.estimates import Estimate, binomial
from data.analysis.fits import Fit, Free, check_columns, fit
from data.analysis.flops import blue_sideband
from data.errors import NoSignalError, UndeterminedError

Vector = NDArray[np.float64]

HOTTEST: float = 200.0
"""Phonons above which the two sidebands are too alike to tell."""

_TRUST: Final = 0.1
"""Relative standard error of a believed Rabi frequency: drifts of the light, and motion in other modes."""


def sideband_ratio(red: int, blue: int, shots: int) -> Estimate:
    """Return the mean phonon number from how often a pulse of one length flips an ion on both sidebands.

    For a thermal state the red sideband is weaker by q = n / (n + 1), whatever the length and strength of
    the pulse, so that n = q / (1 - q).

    Biased at few counts: as every ratio, the value is too high on average, by about n (n + 1)^2 (2 - b - r) /
    (b N) with the shares b and r of N shots that flip on the blue and the red sideband (tested). What looks
    dark without a flip is taken for phonons; `fit_sidebands` knows of it.

    Args:
        red: Flips on the red sideband.
        blue: Flips on the blue one.
        shots: On each.

    Raises:
        NoSignalError: If the blue sideband does not flip the ion.
        UndeterminedError: If the two are alike within their errors: there is no highest temperature.

    Source: F. Diedrich et al., Phys. Rev. Lett. 62, 403 (1989).

    Example:
        >>> print(sideband_ratio(50, 500, 1000))
        0.111(19)
    """
    weak, strong = binomial(red, shots), binomial(blue, shots)
    if blue == 0:
        raise NoSignalError("a blue sideband", 1.0, 1e-4)
    ratio = weak.value / strong.value
    error = float(np.hypot(weak.error, ratio * strong.error)) / strong.value
    if ratio + error >= 1:
        raise UndeterminedError("two sidebands", "phonon number", np.inf, np.inf)
    return Estimate(ratio / (1 - ratio), error / (1 - ratio) ** 2)


def fit_sidebands(
    detunings: ArrayLike,
    dark: ArrayLike,
    shots: ArrayLike,
    *,
    duration: float,
    lamb_dicke: float,
    rabi: float,
) -> Fit:
    """Fit scans over the first red and blue sideband of one mode of an ion in a thermal state.

    Args:
        detunings: Of the light from the carrier, Hz, (points,): below zero on the red sideband.
        dark: How often the ion went dark, (points,).
        shots: Of how many, (points,) or one number.
        duration: Of the pulse, s.
        lamb_dicke: Lamb-Dicke parameter of the mode.
        rabi: Rabi frequency of the carrier as it is believed, Hz, with a standard error of 10 %: warm ions
            flip as fast in weak light as cold ones in strong light, so that the data alone hardly tell.

    Returns:
        ``phonons``; ``mode_frequency`` (Hz); ``carrier``, how far from the expected carrier the middle
        between the sidebands is (Hz); ``rabi_frequency`` of the carrier for an ion that swings so (Hz); and
        ``floor``, the share that looks dark where no ion has flipped, which is taken to be as large as the
        one that looks bright where all have.

    Raises:
        AnalysisError: If there are no sidebands, or something is left open.

    Source: D. Leibfried et al., Rev. Mod. Phys. 75, 281 (2003), sec. II and IV.
    """
    what = "a pair of sidebands"
    places = np.asarray(detunings, dtype=np.float64)
    data = BinomialCounts(dark, shots)
    check_columns(detunings=places, dark=data.successes)
    blue = places > 0

    def model(values: Vector) -> Vector:
        quanta, mode, carrier, strength, floor = values.tolist()
        apart = np.where(blue, places - carrier - mode, places - carrier + mode)
        at_rest = strength / warm_carrier(quanta, lamb_dicke)
        flipped = blue_sideband(apart, duration, at_rest, quanta, lamb_dicke)
        weaker = np.where(blue, 1.0, quanta / (quanta + 1))
        return np.asarray(floor + (1 - 2 * floor) * flipped * weaker)

    free, starts = _search(places, data.values, duration, rabi)
    return fit(what, model, free, starts, data, signal=True)


def warm_carrier(quanta: float, lamb_dicke: float) -> float:
    """Return the mean factor by which thermal motion in a mode weakens the carrier.

    Source: D. Wineland et al., J. Res. NIST 103, 259 (1998), eq. 18, averaged over a thermal state.
    """
    return float(np.exp(-(lamb_dicke**2) * (quanta + 0.5)))


def _search(
    places: Vector, values: Vector, duration: float, rabi: float
) -> tuple[tuple[Free, ...], list[tuple[float, ...]]]:
    """Return where the parameters are looked for, and from where."""
    blue = places > 0
    middle = float(abs(places).mean())
    reach = float(np.ptp(abs(places)))
    narrow = 0.5 / duration
    free = (
        Free("phonons", 0.0, HOTTEST, step=0.05),
        Free("mode_frequency", middle - reach, middle + reach, "Hz", narrow / 20),
        Free("carrier", -reach, reach, "Hz", narrow / 20),
        Free("rabi_frequency", rabi / 3, 3 * rabi, "Hz", rabi / 50, Estimate(rabi, _TRUST * rabi, "Hz")),
        Free("floor", 0.0, 0.5, step=0.01),
    )
    peaks = [_peak(places, values, side) for side in (blue, ~blue)]
    mode, carrier = (peaks[0] - peaks[1]) / 2, (peaks[0] + peaks[1]) / 2
    centres = [(mode, carrier), (peaks[0], 0.0)]  # a cold ion has no red sideband to see
    starts: list[tuple[float, ...]] = [
        (quanta, *centre, factor * rabi, 0.01)
        for centre in centres
        for quanta in (0.05, 0.5, 3.0, 12.0)
        for factor in (0.7, 1.0, 1.4)
    ]
    return free, starts


def _peak(places: Vector, values: Vector, side: NDArray[np.bool_]) -> float:
    """Return the centre of gravity of what stands above the ground on one side."""
    height = np.maximum(values[side] - np.median(values[side]), 0.0) ** 2
    return float(height @ places[side] / max(float(height.sum()), 1e-12))
