"""A single-photon detector: what it makes of the photons that it absorbs.

A detector clicks for an arrival unless it is dead. The dead time after a click is not prolonged by further
arrivals (it is non-paralysable), so that a true rate r is seen as r / (1 + r tau). A click may be followed by
an afterpulse: an arrival without light, after a time that is distributed exponentially. Efficiency is not
applied here, as it decides with the polarisation optics which photons are absorbed; dark counts are arrivals
like all others.

All shots are worked out at once.

Source: Knoll, Radiation Detection and Measurement (Wiley 2010), ch. 4 (dead time); Cova, Lacaita and
Ripamonti, IEEE Electron Device Lett. 12, 685 (1991) (afterpulses).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.errors import ModelError

Times = NDArray[np.int64]
"""Picoseconds on any clock."""

SECOND = 1e12
"""In ps."""

# Within so many dead times, and mean delays of an afterpulse, a detector forgets what it saw: of afterpulses
# exp(-8) are left, of the influence on the next dead time less, as long as clicks are rarer than dead times.
FORGETTING = 8.0

# Of jitter, beyond which the tails of a Gaussian hold 1e-9.
TAILS = 6.0


class Stream(NamedTuple):
    """Arrivals or clicks: columns of the shot of each, and of its time."""

    shot: NDArray[np.int64]
    time: Times

    @property
    def order(self) -> NDArray[np.int64]:
        """Rows in order of shots, and of time within each."""
        return np.lexsort((self.time, self.shot))

    def sorted(self) -> Stream:
        """Return the same in that order."""
        return self.only(self.order)

    def only(self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Stream:
        """Return some of them."""
        return Stream(self.shot[rows], self.time[rows])

    def later(self, delay: NDArray[np.float64] | float) -> Stream:
        """Return the same some time later; `delay` (each,) or for all, ps."""
        return Stream(self.shot, self.time + np.round(delay).astype(np.int64))


def join_streams(streams: Sequence[Stream]) -> Stream:
    """Return what is in any of some streams."""
    empty = np.empty(0, dtype=np.int64)
    shots, times = (np.concatenate([empty, *(stream[column] for stream in streams)]) for column in (0, 1))
    return Stream(shots, times)


@dataclass(frozen=True, slots=True)
class Detector:
    """One detector.

    Attributes:
        jitter: Rms error of a click's time (Gaussian), s.
        dead_time: For which it is blind after a click, s.
        afterpulsing: Probability that a click releases an afterpulse, of 1. One that falls into the dead time
            is not seen.
        afterpulse_time: Mean delay of an afterpulse, s.
    """

    jitter: float = 0.0
    dead_time: float = 0.0
    afterpulsing: float = 0.0
    afterpulse_time: float = 1e-6

    def __post_init__(self) -> None:
        for quantity in ("jitter", "dead_time"):
            value = getattr(self, quantity)
            if value < 0:
                name = quantity.replace("_", " ")
                raise ModelError(f"detector {name}", value, "0 s or more", "s", "it is a length of time")
        if not 0 <= self.afterpulsing < 1:
            raise ModelError(
                "detector afterpulsing",
                self.afterpulsing,
                "from 0 to below 1",
                "",
                "a click that always makes another one would never end",
            )
        if self.afterpulse_time <= 0:
            raise ModelError(
                "detector afterpulse time", self.afterpulse_time, "above 0 s", "s", "it is a mean delay"
            )

    @property
    def memory(self) -> float:
        """How long before a gate arrivals matter to what the gate sees, s."""
        released = self.afterpulse_time if self.afterpulsing > 0 else 0.0
        return FORGETTING * (self.dead_time + released) + TAILS * self.jitter

    def click(
        self, rng: np.random.Generator, arrivals: Stream, ready: Times, until: Times
    ) -> tuple[Stream, Stream]:
        """Return the clicks that arrivals make, and what they release for later.

        Args:
            rng: Source of randomness.
            arrivals: Of light and dark counts, none of them after `until`; in any order.
            ready: (shots,) from when on each shot's detector is not dead any more.
            until: (shots,) up to when the stream of each shot is known.

        Returns:
            The clicks, sorted, without jitter; and the afterpulses that arrive after `until`.
        """
        if self.afterpulsing > 0:
            return self._click_again(rng, arrivals, ready, until)
        stream = arrivals.sorted()
        return stream.only(self.awake(stream, ready)), stream.only(slice(0))

    def awake(self, stream: Stream, ready: Times) -> NDArray[np.bool_]:
        """Tell (arrivals,) of a sorted stream which do not fall into a dead time.

        Each arrival knows which is the first that is seen after it, if it is seen itself. Following these
        links from the first arrival of each shot, twice as far each time, finds all in logarithmic time.
        """
        shot, time = stream
        count, dead = len(shot), round(self.dead_time * SECOND)
        able = time >= ready[shot]
        close = (shot[1:] == shot[:-1]) & (time[1:] - time[:-1] < dead)
        if not close.any():
            return able
        following = np.append(_first_after(stream, dead), count)
        # Of the arrivals that find the detector alive, the first of each shot is seen.
        seen = np.append(able & ~_follows(shot, able), False)
        while (following < count).any():
            seen[following[seen]] = True
            following = following[following]
        return seen[:count]

    def _click_again(
        self, rng: np.random.Generator, arrivals: Stream, ready: Times, until: Times
    ) -> tuple[Stream, Stream]:
        """Add afterpulses to a stream; return its clicks, and what comes later.

        An afterpulse may be seen and hide a later arrival, whose own afterpulse then does not exist. What is
        drawn for an arrival stays drawn, and the stream is gone through again until nothing changes: what is
        right up to some time stays right, and each pass comes farther.
        """
        stream, settled = arrivals, False
        parent, drawn, seen = np.full(len(stream.shot), -1), *np.zeros((2, len(stream.shot)), dtype=np.bool_)
        exists = known = drawn
        while not settled:
            exists = (parent < 0) | seen[parent]
            known = exists & (stream.time <= until[stream.shot])
            rows = np.flatnonzero(known)[stream.only(known).order]
            before = seen
            seen = np.zeros_like(before)
            seen[rows] = self.awake(stream.only(rows), ready)
            fresh = np.flatnonzero(seen & ~drawn)
            drawn[fresh] = True
            releasing = fresh[rng.random(len(fresh)) < self.afterpulsing]
            settled = len(releasing) == 0 and np.array_equal(before, seen)
            delay = rng.exponential(self.afterpulse_time * SECOND, len(releasing))
            released = stream.only(releasing).later(delay)
            stream = join_streams([stream, released])
            parent = np.append(parent, releasing)
            more = np.zeros(len(releasing), dtype=np.bool_)
            drawn, seen, exists, known = (np.append(column, more) for column in (drawn, seen, exists, known))
        return stream.only(seen).sorted(), stream.only(exists & ~known)

    def blur(self, rng: np.random.Generator, clicks: Stream) -> Stream:
        """Return clicks when they are noticed."""
        return clicks.later(rng.normal(0.0, self.jitter * SECOND, len(clicks.time)))


def observed_rate(rate: float, dead_time: float) -> float:
    """Return the rate of clicks (1/s) that a constant true rate (1/s) makes with a dead time (s).

    Source: Knoll, ch. 4, non-paralysable model.

    Example:
        >>> observed_rate(1e6, 1e-6)
        500000.0
    """
    return rate / (1 + rate * dead_time)


def _first_after(stream: Stream, dead: int) -> NDArray[np.int64]:
    """Return for each of a sorted stream the first arrival of its shot that is `dead` later, or the count."""
    shot, time = stream
    first = np.searchsorted(shot, shot)
    within = time - time[first]
    # Shots are laid end to end on one axis, so far apart that no dead time reaches into the next one.
    pitch = int(within.max()) + dead + 1
    place = within + pitch * np.cumsum(np.append(False, shot[1:] != shot[:-1]))
    after = np.searchsorted(place, place + dead)
    ends = np.searchsorted(shot, shot, side="right")
    return np.where(after < ends, after, len(shot))


def _follows(shot: NDArray[np.int64], chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell for each of a sorted stream whether an earlier one of its shot is among the chosen."""
    before = np.cumsum(chosen, dtype=np.int64) - chosen
    first = np.searchsorted(shot, shot)
    return np.asarray(before > before[first])
