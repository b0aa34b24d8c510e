"""The histograms of an ID900: delays from reference events to the stops that follow.

Source: see `id900_signals`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hardware_sim.instruments.id900_commands import Value
from hardware_sim.instruments.id900_signals import PS, Signals


class Histogram:
    """The counts of one histogram block since its last flush."""

    def __init__(self) -> None:
        self._counts = np.zeros(0, dtype=np.int64)

    def counts(self, bins: int) -> NDArray[np.int64]:
        """Return the counts in a number of bins, shape (bins,)."""
        return np.pad(self._counts[:bins], (0, max(bins - self._counts.size, 0)))

    def fill(
        self,
        signals: Signals,
        settings: Mapping[str, Value],
        began: float,
        start: float,
        stop: float,
        rng: np.random.Generator,
    ) -> None:
        """Add the events of some time.

        Args:
            signals: The events.
            settings: Of the histogram block.
            began: Lab time in s at which the record began, the reference event of `REC`.
            start: Lab time in s at which to begin.
            stop: Lab time in s at which to end.
            rng: Source of randomness.
        """
        bins, width = int(settings["BCOUnt"]), int(settings["BWIDth"]) * PS
        low = int(settings["MINimum"]) * PS + width * np.arange(bins, dtype=np.float64)
        block = str(settings["STOP:LINK"])
        reference, middle = signals.route(str(settings["REFerence:LINK"])), 0.5 * (start + stop)
        if reference.source == "REC":
            # One reference event, so that the bins are stretches of time: counts against time.
            overlap = np.clip(
                np.minimum(low + width, stop - began) - np.maximum(low, start - began), 0.0, None
            )
            expected = overlap * signals.rate(block, middle)
        else:
            rate = signals.rate(str(settings["REFerence:LINK"]), middle)
            delays = low + 0.5 * width
            density = signals.density(reference, signals.route(block), delays, middle)
            # Each reference event begins anew: long delays are seen only if none came meanwhile.
            expected = rate * (stop - start) * width * density * np.exp(-rate * delays)
        self._counts = self.counts(bins) + rng.poisson(expected)
