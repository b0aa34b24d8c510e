"""How many photons a train brings: one window for each ion, many trains."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.estimates import ONE_SIGMA, Estimate, binomial, binomial_interval
from data.errors import InsufficientDataError, RangeError, ShapeError


@dataclass(frozen=True, slots=True, eq=False)
class TrainStatistics:
    """Detections per train; statistics of parts of a run add to those of the whole.

    Attributes:
        histogram: Trains with 0, 1, ... ions detected, shape (ions + 1,).
        ion_clicks: Trains in which each ion was detected, shape (ions,).
    """

    histogram: NDArray[np.int64]
    ion_clicks: NDArray[np.int64]

    def __add__(self, other: TrainStatistics) -> TrainStatistics:
        if self.histogram.shape != other.histogram.shape:
            ions = len(self.ion_clicks)
            raise ShapeError("ion_clicks of the second part", other.ion_clicks.shape, f"({ions},)")
        return TrainStatistics(self.histogram + other.histogram, self.ion_clicks + other.ion_clicks)

    @property
    def trains(self) -> int:
        """Trains that were sent."""
        return int(self.histogram.sum())

    @property
    def mean(self) -> Estimate:
        """Mean detections per train.

        The error comes from the scatter over trains, so ions that succeed or fail together widen it. It is
        never below that of one detection in all trains.

        Raises:
            InsufficientDataError: If there are fewer than two trains.
        """
        if self.trains < 2:
            raise InsufficientDataError("detections per train", self.trains, 2, "trains")
        detected = np.arange(len(self.histogram))
        mean = float(self.histogram @ detected) / self.trains
        variance = float(self.histogram @ (detected - mean) ** 2) / (self.trains - 1)
        return Estimate(mean, max(math.sqrt(variance / self.trains), 1 / self.trains))

    @property
    def probabilities(self) -> list[Estimate]:
        """Detection probability of each ion, with binomial errors.

        Raises:
            InsufficientDataError: If there are no trains.
        """
        return [binomial(int(clicks), self.trains) for clicks in self.ion_clicks]

    def intervals(self, confidence: float = ONE_SIGMA) -> NDArray[np.float64]:
        """Return Wilson intervals of the detection probability of each ion, shape (ions, 2).

        Raises:
            InsufficientDataError: If there are no trains.
        """
        return np.array(
            [binomial_interval(int(clicks), self.trains, confidence) for clicks in self.ion_clicks]
        )

    @property
    def shares(self) -> list[Estimate]:
        """Probability of exactly 0, 1, ... detections in a train; each binomial, all together summing to 1.

        Raises:
            InsufficientDataError: If there are no trains.
        """
        return [binomial(int(trains), self.trains) for trains in self.histogram]

    def at_least(self, detections: int = 1) -> Estimate:
        """Return the probability of at least as many detections in a train.

        Raises:
            InsufficientDataError: If there are no trains.
            RangeError: If no train can have as many.
        """
        ions = len(self.ion_clicks)
        if not 0 <= detections <= ions:
            raise RangeError("detections", detections, f"0 to {ions}", "a train has one window for each ion")
        return binomial(int(self.histogram[detections:].sum()), self.trains)

    def success_rate(self, lasted: float, detections: int = 1) -> Estimate:
        """Return how many trains a second have at least as many detections, in hertz.

        Args:
            lasted: Time in seconds that all trains took; supposed to be known exactly.
            detections: That make a success.

        Raises:
            InsufficientDataError: If there are no trains.
            RangeError: If the time is not above zero, or no train can have as many detections.
        """
        if not (math.isfinite(lasted) and lasted > 0):
            raise RangeError("lasted", f"{lasted} s", "> 0 s", "give the laboratory time of all trains")
        share, speed = self.at_least(detections), self.trains / lasted
        return Estimate(share.value * speed, share.error * speed, "Hz")

    @property
    def expected(self) -> NDArray[np.float64]:
        """Trains with 0, 1, ... detections if the ions succeed independently, shape (ions + 1,)."""
        return self.trains * poisson_binomial(self.ion_clicks / max(self.trains, 1))

    @property
    def dispersion(self) -> Estimate:
        """Variance of the detections per train over that of independent ions: 1 if they are.

        Above 1, ions succeed and fail together (light or cooling that varies from train to train, lost
        crystals); below 1, a click keeps others away (dead time). The error is that of independent ions: it
        tells whether 1 is excluded, and is too small where the dispersion is far from 1.

        Raises:
            InsufficientDataError: If there are fewer than two trains, or no ion ever did otherwise.

        Source: variance of the Poisson-binomial distribution, sum p (1 - p). What the seen variance has
            beyond it is twice the sum of all covariances, of variance p_i (1 - p_i) p_j (1 - p_j) / trains.
        """
        if self.trains < 2:
            raise InsufficientDataError("a dispersion of detections", self.trains, 2, "trains")
        chances = self.ion_clicks / self.trains
        variances = chances * (1 - chances)
        independent = float(variances.sum())
        if not independent:
            raise InsufficientDataError(
                "a dispersion of detections", 0, 1, "ions that are detected sometimes"
            )
        away = np.arange(len(self.histogram)) - float(chances.sum())
        seen = float(self.histogram @ away**2) / self.trains
        pairs = 2 * max(independent**2 - float((variances**2).sum()), 0.0)
        return Estimate(seen / independent, math.sqrt(pairs / self.trains) / independent)


def count_detections(clicks: ArrayLike) -> TrainStatistics:
    """Count in how many windows of each train a photon was detected.

    Args:
        clicks: Clicks in the window of each ion, shape (trains, ions); two in one window are one detection.

    Returns:
        The statistics.

    Raises:
        ShapeError: If there are not two axes.
        RangeError: If a number of clicks is negative or NaN.

    Example:
        >>> found = count_detections([[0, 1, 0], [1, 2, 0], [0, 0, 0], [0, 1, 0]])
        >>> found.histogram
        array([1, 2, 1, 0])
        >>> print(found.mean)
        1.0(4)
    """
    clicks = np.asarray(clicks)
    if clicks.ndim != 2:
        raise ShapeError("clicks", clicks.shape, "(trains, ions)")
    fine = clicks >= 0  # not NaN
    if not fine.all():
        raise RangeError("a number of clicks", clicks[~fine][0], ">= 0", "check the column of counts")
    detected = clicks > 0
    histogram = np.bincount(detected.sum(axis=1), minlength=clicks.shape[1] + 1)
    return TrainStatistics(histogram, detected.sum(axis=0))


def poisson_binomial(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return the probabilities of 0, 1, ... successes of independent trials, each with its own probability.

    Args:
        probabilities: Shape (trials,).

    Returns:
        Shape (trials + 1,).

    Raises:
        ShapeError: If the probabilities are not one column.
        RangeError: If one is not between 0 and 1.

    Source: recursion over the trials; Y. H. Wang, Statistica Sinica 3, 295 (1993).

    Example:
        >>> poisson_binomial([0.5, 0.5, 0.0])
        array([0.25, 0.5 , 0.25, 0.  ])
    """
    chances = np.asarray(probabilities, dtype=np.float64)
    if chances.ndim != 1:
        raise ShapeError("probabilities", chances.shape, "(trials,)")
    allowed = (chances >= 0) & (chances <= 1)  # not NaN
    if not allowed.all():
        trial = int(np.argmin(allowed))
        raise RangeError(f"probabilities[{trial}]", float(chances[trial]), "0 to 1", "check the trial counts")
    found = np.ones(1)
    for chance in chances.tolist():
        found = np.convolve(found, [1 - chance, chance])
    return found
