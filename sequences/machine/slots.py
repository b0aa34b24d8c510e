"""When a shared bus programs what: one change after the other, each as late as it can be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def slots(times: NDArray[np.int64], programming: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Return when the programming of each change begins, in ticks.

    Each slot ends when its change takes effect or when the next slot begins, whichever is earlier::

        end[i] = min(times[i], end[i + 1] - programming[i + 1])

    which is a cumulative minimum, taken backwards, of the times less all programming before them. No change
    is programmed earlier than it has to be, so what a channel holds is kept for as long as possible.

    Args:
        times: (changes,) when they take effect, ascending.
        programming: ticks that each takes on the bus: (changes,) or the same for all.

    Returns:
        (changes,) the begin of each slot; negative where it would have to begin before time 0.

    Example:
        >>> slots(np.array([10, 20, 21, 22]), 4).tolist()
        [6, 10, 14, 18]
    """
    if isinstance(programming, int):
        taken = programming * np.arange(1, len(times) + 1)
    else:
        taken = programming.cumsum()
    latest = np.minimum.accumulate((times - taken)[::-1])[::-1]
    latest[1:] += taken[:-1]
    return latest
