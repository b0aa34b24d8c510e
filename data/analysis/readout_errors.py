"""How often is an ion called what it is not? Thresholds and error matrices from calibration shots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.estimates import ONE_SIGMA, Estimate, binomial, binomial_interval
from data.analysis.thresholds import classify_bright
from data.errors import InsufficientDataError, RangeError, ShapeError

Whole = NDArray[np.int64]

_MOST_IONS: Final = 20  # a million patterns


@dataclass(frozen=True, slots=True, eq=False)
class ReadoutErrors:
    """Calls of ions whose state was prepared; calibrations with the same thresholds add.

    Attributes:
        thresholds: Least count of a bright ion, (ions,).
        trials: Shots of each ion in each state, (ions, 2), dark first.
        wrong: Those in which it was called the other state, (ions, 2).
    """

    thresholds: Whole
    trials: Whole
    wrong: Whole

    def __add__(self, other: ReadoutErrors) -> ReadoutErrors:
        if not np.array_equal(self.thresholds, other.thresholds):
            raise ShapeError(
                "the second calibration", other.thresholds.shape, "the same thresholds of the same ions"
            )
        return ReadoutErrors(self.thresholds, self.trials + other.trials, self.wrong + other.wrong)

    @property
    def shares(self) -> NDArray[np.float64]:
        """Of wrong calls, (ions, 2): of dark ions, and of bright ones."""
        return self.wrong / self.trials

    @property
    def variances(self) -> NDArray[np.float64]:
        """Of these shares, (ions, 2); above zero also where no call was wrong.

        Source: posterior variance with Jeffreys' prior, L. D. Brown, T. T. Cai and A. DasGupta, Statistical
            Science 16, 101 (2001).
        """
        share = (self.wrong + 0.5) / (self.trials + 1)
        return np.asarray(share * (1 - share) / (self.trials + 2), dtype=np.float64)

    @property
    def matrices(self) -> NDArray[np.float64]:
        """What ions are called, given what they are, (ions, 2, 2): rows what they are, dark first."""
        dark, bright = self.shares.T
        return np.stack([np.stack([1 - dark, dark], axis=1), np.stack([bright, 1 - bright], axis=1)], axis=1)

    def estimates(self, ion: int) -> tuple[Estimate, Estimate]:
        """Return the probabilities to call an ion bright though it is dark, and dark though it is bright."""
        dark, bright = (
            binomial(int(wrong), int(trials))
            for wrong, trials in zip(self.wrong[ion], self.trials[ion], strict=True)
        )
        return dark, bright

    def intervals(self, confidence: float = ONE_SIGMA) -> NDArray[np.float64]:
        """Return Wilson intervals of the wrong calls, (ions, 2, 2): ion, state, lower and upper end."""
        rows = zip(self.wrong.ravel().tolist(), self.trials.ravel().tolist(), strict=True)
        found = [binomial_interval(wrong, trials, confidence) for wrong, trials in rows]
        return np.array(found).reshape(*self.wrong.shape, 2)


def measure_errors(dark: ArrayLike, bright: ArrayLike, thresholds: ArrayLike) -> ReadoutErrors:
    """Count wrong calls of ions whose state was prepared.

    What was prepared wrongly counts as called wrongly, so errors of preparation are among these errors. Where
    the thresholds were chosen on the same shots, the errors are slightly too small: together by about one
    wrong call (tested).

    Args:
        dark: Counts of shelved ions, (shots, ions).
        bright: Counts of bright ions, (shots, ions).
        thresholds: Least count of a bright ion: one number, or (ions,).

    Raises:
        ShapeError: If the counts are not two tables with the same ions.
        RangeError: If a count is negative or NaN, or a threshold below 1.
        InsufficientDataError: If there are no shots of a state.
    """
    tables = _check_tables(dark, bright)
    levels = np.broadcast_to(np.asarray(thresholds), tables[0].shape[1:])
    for ion, level in enumerate(levels.tolist()):
        if not level >= 1:
            raise RangeError(f"thresholds[{ion}]", level, ">= 1 count", "take choose_thresholds()")
    called = [(table >= levels).sum(axis=0) for table in tables]
    wrong = np.stack([called[0], len(tables[1]) - called[1]], axis=1)
    trials = np.broadcast_to([len(tables[0]), len(tables[1])], wrong.shape)
    return ReadoutErrors(levels.astype(np.int64), trials.astype(np.int64), wrong.astype(np.int64))


def choose_thresholds(dark: ArrayLike, bright: ArrayLike) -> Whole:
    """Choose, for each ion, the threshold with the least mean error in calibration shots.

    It supposes no shape of the counts (crosstalk of neighbours on a camera, varying light). Where several
    levels are equally good, as in a gap that few shots leave, the middle one is taken.

    Args:
        dark: Counts of shelved ions, (shots, ions).
        bright: Counts of bright ions, (shots, ions).

    Returns:
        Least count of a bright ion, (ions,), at least 1.

    Raises:
        ShapeError: If the counts are not two tables with the same ions.
        RangeError: If a count is negative or NaN, or bright ions give no more than dark ones.
        InsufficientDataError: If there are no shots of a state.

    Example:
        >>> choose_thresholds([[0], [1], [2], [1]], [[9], [12], [11], [6]])
        array([5])
    """
    shelved, shining = _check_tables(dark, bright)
    found = []
    for ion in range(shelved.shape[1]):
        low, high = np.sort(shelved[:, ion]), np.sort(shining[:, ion])
        if not high.mean() > low.mean():
            limit = f"above the {low.mean():.4g} of a dark one"
            advice = "check the detection beam, and which shots are which"
            raise RangeError(f"mean counts of bright ion {ion}", f"{high.mean():.4g}", limit, advice)
        levels = np.arange(1, int(max(low[-1], high[-1])) + 2)
        above = 1 - np.searchsorted(low, levels) / len(low)
        errors = above + np.searchsorted(high, levels) / len(high)
        best = np.flatnonzero(errors <= errors.min() + 1e-12)
        # Of equally good levels the first stretch without a gap: its middle is furthest from both states.
        stretch = best[: int(np.argmax(np.append(np.diff(best), 2) > 1)) + 1]
        found.append(int(levels[stretch[0]] + levels[stretch[-1]] + 1) // 2)
    return np.array(found)


def count_patterns(counts: ArrayLike, thresholds: ArrayLike) -> Whole:
    """Count in how many shots each pattern of bright ions was seen.

    Args:
        counts: Of readouts, (shots, ions).
        thresholds: Least count of a bright ion: one number, or (ions,).

    Returns:
        Shape (2,) * ions: axis i is ion i, dark first.

    Raises:
        ShapeError: If the counts are no table.
        RangeError: If there are no ions, or more than a table of patterns can have, or a threshold is below
            1.

    Example:
        >>> count_patterns([[0, 9], [8, 9], [1, 7]], 5)
        array([[0, 2],
               [0, 1]])
    """
    table = np.asarray(counts)
    if table.ndim != 2:
        raise ShapeError("counts", table.shape, "(shots, ions)")
    ions = table.shape[1]
    if not 1 <= ions <= _MOST_IONS:
        advice = (
            "correct the mean of each ion with correct_ions()" if ions else "give the counts of some ions"
        )
        raise RangeError("ions", ions, f"1 to {_MOST_IONS}, for 2**ions patterns", advice)
    _refuse_negative("counts", table)
    levels = np.broadcast_to(np.asarray(thresholds), (ions,))
    bright = np.stack([classify_bright(table[:, ion], int(levels[ion])) for ion in range(ions)], axis=1)
    patterns = bright @ (1 << np.arange(ions)[::-1])
    return np.bincount(patterns, minlength=2**ions).reshape((2,) * ions)


def _check_tables(dark: ArrayLike, bright: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    tables = [np.asarray(dark), np.asarray(bright)]
    for name, table in zip(("dark", "bright"), tables, strict=True):
        if table.ndim != 2:
            raise ShapeError(name, table.shape, "(shots, ions)")
        if not len(table):
            raise InsufficientDataError(f"errors of {name} ions", 0, 1, "shots")
        _refuse_negative(name, table)
    if tables[0].shape[1] != tables[1].shape[1]:
        raise ShapeError("bright", tables[1].shape, f"(shots, {tables[0].shape[1]}), the ions of dark,")
    return tables[0], tables[1]


def _refuse_negative(name: str, table: NDArray[np.int64]) -> None:
    fine = table >= 0  # not NaN
    if not fine.all():
        row, ion = np.argwhere(~fine)[0].tolist()
        raise RangeError(f"{name}[{row}, {ion}]", table[row, ion], ">= 0 counts", "give raw counts")
