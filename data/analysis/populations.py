"""Populations behind readouts that err: by the inverse of the errors, or the most likely ones that can be.

Ions err independently of each other, so the matrix of all patterns is a product of small ones and is never
made: each of its factors acts along the axis of its ion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.estimates import Estimate
from data.analysis.readout_errors import ReadoutErrors
from data.errors import ConvergenceError, InsufficientDataError, RangeError, ShapeError

Table = NDArray[np.float64]

_LONGEST: Final = 10_000  # steps; with errors of 10 % some hundred are needed
_WORST: Final = 0.95  # sum of both errors of an ion: its readout says next to nothing beyond


@dataclass(frozen=True, slots=True, eq=False)
class Populations:
    """Probabilities of all patterns of ions.

    Attributes:
        values: Shape (2,) * ions: axis i is ion i, dark first. They sum to 1.
        errors: Standard errors, same shape, of the shots and of the calibration.
        gap: Log-likelihood that better populations could still gain at most; NaN for the inverse, which does
            not maximise it where it is negative.
    """

    values: Table
    errors: Table
    gap: float


def correct_ions(bright: ArrayLike, shots: int, errors: ReadoutErrors) -> list[Estimate]:
    """Return the probability of each ion to be bright, corrected for wrong calls.

    Unbiased, so values can lie outside 0 to 1 by their error. With b the share called bright: (b - e_dark) /
    (1 - e_dark - e_bright). The error is that of the shots and of the calibration, to first order.

    Args:
        bright: Shots in which each ion was called bright, (ions,).
        shots: In all.
        errors: Of the same ions.

    Raises:
        ShapeError: If the ions are not those of the calibration.
        RangeError: If more shots are bright than there are, or an ion's errors leave nothing to correct.
        InsufficientDataError: If there are no shots.

    Source: inverse of the 2 x 2 matrix of errors; propagation to first order.
    """
    called = np.asarray(bright)
    if called.shape != errors.thresholds.shape:
        raise ShapeError("bright", called.shape, f"{errors.thresholds.shape}, the ions of the calibration,")
    if shots < 1:
        raise InsufficientDataError("corrected populations", shots, 1, "shots")
    if not ((called >= 0) & (called <= shots)).all():
        ion = int(np.argmin((called >= 0) & (called <= shots)))
        raise RangeError(f"bright[{ion}]", called[ion], f"0 to {shots} shots", "count each shot once")
    contrast = _contrasts(errors)
    values = (called / shots - errors.shares[:, 0]) / contrast
    smooth = (called + 0.5) / (shots + 1)
    variance = smooth * (1 - smooth) / (shots + 2)
    variance = variance + (1 - values) ** 2 * errors.variances[:, 0] + values**2 * errors.variances[:, 1]
    found = np.sqrt(variance) / contrast
    return [Estimate(value, error) for value, error in zip(values.tolist(), found.tolist(), strict=True)]


def correct_populations(patterns: ArrayLike, errors: ReadoutErrors) -> Populations:
    """Return the probabilities of all patterns, corrected for wrong calls by the inverse of their errors.

    Unbiased, so rare patterns can come out negative by their error. Errors are those of multinomial shots and
    of the calibration, to first order, never below that of one shot. Value +- error holds the truth in
    68 % of cases from some ten shots in a pattern on, and in more cases of rarer ones (tested).

    Args:
        patterns: Shots of each pattern, (2,) * ions; see `count_patterns`.
        errors: Of the same ions.

    Raises:
        ShapeError: If the patterns are not those of the ions.
        RangeError: If a number of shots is negative or NaN, or an ion's errors leave nothing to correct.
        InsufficientDataError: If there are no shots.

    Source: M. Acton et al., Quantum Inf. Comput. 6, 465 (2006), for registers of ions.
    """
    counts = _check_patterns(patterns, errors)
    _contrasts(errors)
    shots = float(counts.sum())
    inverses: Table = np.asarray(np.linalg.inv(errors.matrices), dtype=np.float64)
    values = _along(counts / shots, inverses)
    # A pattern never seen scatters like one that was seen once: what is at zero has an error, too.
    scatter = _along(np.maximum(counts, 1.0) / shots, inverses**2)
    variance = np.maximum(scatter - values**2, 0.0) / shots
    for ion, (dark, bright) in enumerate(errors.variances.tolist()):
        # A wrong call more takes from the true state what it gives to the other: d values = -values dM M^-1.
        moved = np.moveaxis(values, ion, -1)
        for state, uncertain in ((0, dark), (1, bright)):
            change = moved[..., state, None] * (inverses[ion][1 - state] - inverses[ion][state])
            variance += np.moveaxis(change**2, -1, ion) * uncertain
    return Populations(values, np.sqrt(variance), float("nan"))


def fit_populations(patterns: ArrayLike, errors: ReadoutErrors, gap: float = 1e-3) -> Populations:
    """Return the most likely probabilities of all patterns: none negative, summing to 1.

    Where the inverse gives no negative value, this is the same. Otherwise populations near zero are biased
    upwards, by about half their error; means of many such values need the inverse. Errors are those of the
    inverse: too large for populations at zero.

    Args:
        patterns: Shots of each pattern, (2,) * ions; see `count_patterns`.
        errors: Of the same ions; taken as known.
        gap: Log-likelihood that may be missing.

    Raises:
        ShapeError: If the patterns are not those of the ions.
        RangeError: If a number of shots is negative or NaN, or an ion's errors leave nothing to correct.
        InsufficientDataError: If there are no shots.
        ConvergenceError: If the gap is not reached.

    Source: L. A. Shepp and Y. Vardi, IEEE Trans. Med. Imaging 1, 113 (1982) (the iteration, which raises the
        likelihood with every step); the gap is the bound that the concave likelihood gives, as in S. Glancy,
        E. Knill and M. Girard, New J. Phys. 14, 095017 (2012).
    """
    counts, linear = _check_patterns(patterns, errors), correct_populations(patterns, errors)
    if (linear.values >= 0).all():
        return Populations(linear.values, linear.errors, 0.0)
    forward = errors.matrices
    back = forward.swapaxes(1, 2)
    floor = 1 / (counts.sum() * counts.size)
    values = np.maximum(linear.values, floor)
    values /= values.sum()
    missing = np.inf
    for _ in range(_LONGEST):
        called = _along(values, forward)
        slopes = _along(np.divide(counts, called, out=np.zeros(counts.shape), where=counts > 0), back)
        missing = float(slopes.max() - counts.sum())
        if missing < gap:
            return Populations(values, linear.errors, max(missing, 0.0))
        values = values * slopes / counts.sum()
    raise ConvergenceError(missing, gap, _LONGEST)


def _contrasts(errors: ReadoutErrors) -> Table:
    """Return 1 less both errors of each ion, refusing ions whose readout says nothing."""
    both = errors.shares.sum(axis=1)
    if (both > _WORST).any():
        ion = int(np.argmax(both))
        advice = "choose another threshold, or leave this ion out"
        raise RangeError(f"both errors of ion {ion} together", f"{both[ion]:.3g}", f"<= {_WORST}", advice)
    return np.asarray(1 - both)


def _along(table: Table, matrices: Table) -> Table:
    """Return a table with each of its axes multiplied by the matrix of its ion, from the right."""
    for ion, matrix in enumerate(matrices):
        table = np.moveaxis(np.moveaxis(table, ion, -1) @ matrix, -1, ion)
    return table


def _check_patterns(patterns: ArrayLike, errors: ReadoutErrors) -> Table:
    counts = np.asarray(patterns, dtype=np.float64)
    expected = (2,) * len(errors.thresholds)
    if counts.shape != expected:
        raise ShapeError("patterns", counts.shape, f"{expected}, two states of each ion,")
    fine = np.isfinite(counts) & (counts >= 0)
    if not fine.all():
        place = tuple(np.argwhere(~fine)[0].tolist())
        raise RangeError(
            f"patterns{list(place)}", float(counts[place]), ">= 0 shots", "take count_patterns()"
        )
    if not counts.sum():
        raise InsufficientDataError("corrected populations", 0, 1, "shots")
    return counts
