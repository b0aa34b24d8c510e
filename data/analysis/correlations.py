"""Correlations of photons: does a source ever emit two at once?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.estimates import Estimate, poisson_error
from data.analysis.ratios import poisson_ratio
from data.analysis.tags import check_times
from data.errors import InsufficientDataError, RangeError, ShapeError

if TYPE_CHECKING:
    from data.columns import TimeTags


@dataclass(frozen=True, slots=True, eq=False)
class Correlation:
    """Coincidences of two detectors over the attempts between them.

    Attributes:
        lags: From the attempt of the one click to that of the other, (lags,), 0 in the middle.
        coincidences: Pairs of clicks, (lags,).
        expected: Of independent clicks, (lags,).
        attempts: In all.
        pairs: Of attempts within one shot, (lags,).
    """

    lags: NDArray[np.int64]
    coincidences: NDArray[np.int64]
    expected: NDArray[np.float64]
    attempts: int
    pairs: NDArray[np.int64]

    @property
    def g2(self) -> NDArray[np.float64]:
        """Coincidences over those of independent clicks, (lags,)."""
        return self.coincidences / self.expected

    @property
    def g2_error(self) -> NDArray[np.float64]:
        """Poisson errors of g2, (lags,): above zero also where nothing coincided."""
        return poisson_error(self.coincidences) / self.expected

    @property
    def at_zero(self) -> Estimate:
        """g2 within one attempt, of attempts that are alike.

        The error is that of the coincidences. The normalisation adds nothing: attempts with so many clicks
        give on average as many coincidences as they are compared with. Value +- error holds the truth in
        68 % of cases or more (tested).
        """
        middle = len(self.lags) // 2
        return Estimate(float(self.g2[middle]), float(self.g2_error[middle]))

    @property
    def beside(self) -> Estimate:
        """g2 within one attempt, normalised by the other attempts of the same shots.

        What varies from shot to shot (brightness, coupling) acts on all lags alike and drops out; `at_zero`,
        which is normalised by the mean clicks of the run, is too large by the relative variance of that.

        Raises:
            InsufficientDataError: If there are no coincidences of different attempts.
        """
        middle = self.lags == 0
        zero, others = int(self.coincidences[middle].sum()), int(self.coincidences[~middle].sum())
        return poisson_ratio(zero, others, float(self.pairs[~middle].sum() / self.pairs[middle].sum()))


def correlate(first: ArrayLike, second: ArrayLike, most: int) -> Correlation:
    """Correlate the clicks of two detectors behind a beam splitter, attempt by attempt.

    What independent clicks would give at a lag is worked out shot by shot from how many pairs of attempts
    there are at that lag, and from the mean click probabilities of the run.

    Args:
        first: Clicks of the one detector, (shots, attempts); two in one attempt count as one.
        second: Of the other.
        most: Largest lag; 0 for g2 within one attempt alone.

    Raises:
        ShapeError: If the two are not tables of one shape.
        RangeError: If the lag is not between 0 and the attempts of a shot.
        InsufficientDataError: If one detector never clicked.

    Source: R. Loudon, The Quantum Theory of Light (2000), ch. 5 and 6.

    Example:
        >>> one = np.array([[1, 0, 1, 0], [0, 1, 0, 1]])
        >>> found = correlate(one, 1 - one, most=1)
        >>> found.coincidences.tolist(), found.g2.round(2).tolist()
        ([3, 0, 3], [2.0, 0.0, 2.0])
    """
    one, two = (np.asarray(clicks) > 0 for clicks in (first, second))
    if one.ndim != 2 or one.shape != two.shape:
        raise ShapeError("second", two.shape, f"{one.shape}, the same (shots, attempts) as of first,")
    shots, attempts = one.shape
    if not 0 <= most < attempts:
        raise RangeError("most", most, f"0 to {attempts - 1} attempts", "play more attempts in a shot")
    for name, clicks in (("first", one), ("second", two)):
        if not clicks.any():
            raise InsufficientDataError(f"a correlation with the {name} detector", 0, 1, "clicks")
    lags = np.arange(-most, most + 1)
    coincidences = [
        int(
            (
                one[:, max(0, -lag) : attempts - max(0, lag)] & two[:, max(0, lag) : attempts - max(0, -lag)]
            ).sum()
        )
        for lag in lags.tolist()
    ]
    pairs = shots * (attempts - abs(lags))
    expected = pairs * one.mean() * two.mean()
    return Correlation(lags, np.array(coincidences), expected, shots * attempts, pairs)


def correlate_tags(tags: TimeTags, first: int, second: int, attempts: ArrayLike, most: int) -> Correlation:
    """Correlate the clicks of two channels, attempt by attempt, from their tags.

    It is `correlate` without the tables, for many attempts with few clicks, and for shots of unlike length.
    Loops that end at the first click have no later attempts to compare with: play a fixed number for g2. Of a
    detector whose dead time is longer than the gate, no second click is lost that would have counted.

    Args:
        tags: Of one point.
        first: Number of the one channel.
        second: Of the other.
        attempts: Played in each shot, (shots,).
        most: Largest lag; 0 for g2 within one attempt alone.

    Raises:
        ShapeError: If the attempts are not one column.
        RangeError: If a tag belongs to an attempt that was not played, a shot has less than no attempts, or
            no shot has attempts for the lag.
        InsufficientDataError: If one detector never clicked.
    """
    played = check_times("attempts", attempts, "(shots,)")
    if (played < 0).any():
        shot = int(np.argmin(played))
        raise RangeError(f"attempts[{shot}]", int(played[shot]), ">= 0", "give those that the shot played")
    longest = int(played.max(initial=0))
    if not 0 <= most < longest:
        raise RangeError("most", most, f"0 to {longest - 1} attempts", "play more attempts in a shot")
    inside = (tags.shot >= 0) & (tags.shot < len(played)) & (tags.attempt >= 0)
    inside &= tags.attempt < played[np.where(inside, tags.shot, 0)]
    if not inside.all():
        row = int(np.argmin(inside))
        place = f"attempt {tags.attempt[row]} of shot {tags.shot[row]}"
        raise RangeError(f"tags[{row}]", place, "of an attempt that was played", "give those of this point")
    # Shots stand so far apart that no lag leads from one to the next.
    keys = tags.shot * (longest + most) + tags.attempt
    one, two = (np.unique(keys[tags.channel == channel]) for channel in (first, second))
    for name, clicks in (("first", one), ("second", two)):
        if not len(clicks):
            raise InsufficientDataError(f"a correlation with the {name} detector", 0, 1, "clicks")
    lags = np.arange(-most, most + 1)
    coincidences = [len(np.intersect1d(one + lag, two, assume_unique=True)) for lag in lags.tolist()]
    pairs = np.array([int(np.maximum(played - abs(lag), 0).sum()) for lag in lags.tolist()])
    total = int(played.sum())
    expected = pairs * (len(one) / total) * (len(two) / total)
    return Correlation(lags, np.array(coincidences), expected, total, pairs)


def accidental_g2(clicks: tuple[float, float], dark: tuple[float, float]) -> float:
    """Return g2 within one attempt of a source of single photons whose detectors have dark counts.

    Args:
        clicks: Probability that each detector clicks in an attempt, dark counts included.
        dark: Probability of a dark count in an attempt, of each.

    Returns:
        (s1 d2 + d1 s2 + d1 d2) / (p1 p2), with s = p - d from photons: a photon goes one way only.

    Example:
        >>> round(accidental_g2((0.2, 0.2), (1e-4, 1e-4)), 6)
        0.001
    """
    photons = tuple(click - noise for click, noise in zip(clicks, dark, strict=True))
    both = photons[0] * dark[1] + dark[0] * photons[1] + dark[0] * dark[1]
    return both / (clicks[0] * clicks[1])
