"""How many photons a train brings: one window for each ion, many trains."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.estimates import Estimate, binomial
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


def count_detections(clicks: ArrayLike) -> TrainStatistics:
    """Count in how many windows of each train a photon was detected.

    Args:
        clicks: Clicks in the window of each ion, shape (trains, ions); two in one window are one detection.

    Returns:
        The statistics.

    Raises:
        ShapeError: If there are not two axes.
        RangeError: If a number of clicks is negative.

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
    if clicks.size and clicks.min() < 0:
        raise RangeError("a number of clicks", int(clicks.min()), ">= 0", "check the column of counts")
    detected = clicks > 0
    histogram = np.bincount(detected.sum(axis=1), minlength=clicks.shape[1] + 1)
    return TrainStatistics(histogram, detected.sum(axis=0))
