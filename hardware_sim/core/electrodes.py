"""The endcaps through a timeline: where they hold the string, how stiffly, and how hard they shake it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.signals import Signals, Voltage
from hardware_sim.physics.trap import Trap, coherent_amplitude, filtered
from hardware_sim.properties import NodeProperties

UPPER, LOWER = "upper endcap", "lower endcap"

MEMORY = 6.0
"""Periods of a filter's cut-off frequency after which a step is forgotten: to e^(-2 pi 6), 4e-17."""

LONG_AGO = -1e6
"""When, in seconds of a timeline, the first known step was taken. It does not matter when; equal times
let seams that are alike be equal."""

BEFORE = -1e-12
"""Latest time, in seconds of a timeline, of what belongs to the one before: clocks count picoseconds."""

Staircase: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Times (samples,) of updates in s, ascending, and the voltages (samples,) from each of them on."""

Steps: TypeAlias = tuple[tuple[float, ...], tuple[float, ...]]
"""The same as plain numbers, which can be compared and hashed."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the filters of both endcaps remember at the end of a timeline; times count to the next one."""

    upper: Steps
    lower: Steps

    @classmethod
    def resting(cls, upper: float, lower: float) -> Memory:
        """Return that of endcaps that have always been at some voltages (V)."""
        return cls(((LONG_AGO,), (upper,)), ((LONG_AGO,), (lower,)))

    @property
    def settled(self) -> Memory:
        """What is left when nothing moves for a while."""
        return Memory.resting(self.upper[1][-1], self.lower[1][-1])

    def restless(self, forgets: float) -> float:
        """Return how long (s) it takes until they have forgotten all steps, each after some time (s)."""
        last = max(self.upper[0][-1], self.lower[0][-1])
        return max(0.0, forgets + last)


class Endcaps:
    """Two electrodes behind low-pass filters, which remember from timeline to timeline.

    Attributes:
        memory: what the present timeline leaves behind for the next one.
        bias: what a supply adds to upper and lower voltage, V; it moves slowly, and shakes nothing.
        forgets: time after which a step is forgotten, s.
    """

    def __init__(self, properties: NodeProperties) -> None:
        self._trap = Trap(
            endcap_distance=properties.endcap_distance,
            endcap_efficiency=properties.endcap_curvature,
            differential_factor=properties.endcap_push,
        )
        self._cutoff = properties.endcap_filter
        self.bias = (0.0, 0.0)
        self.forgets = MEMORY / properties.endcap_filter
        self._shaken: int  # rows of the staircases that have acted on the motion
        self.rest(properties.endcap_rest)

    def rest(self, voltage: float) -> None:
        """Hold both endcaps at a voltage (V), as if they had always been there."""
        self.resume(Memory.resting(voltage, voltage))

    def rest_linear(self, voltage: float, highest_frequency: float) -> None:
        """Hold both endcaps at a voltage (V), or at less if one ion would swing faster than allowed (Hz)."""
        self.rest(min(voltage, self._trap.endcap_voltage(highest_frequency) - sum(self.bias) / 2))

    def resume(self, memory: Memory) -> None:
        """Go on from where some timeline left the endcaps."""
        self.memory = memory
        self._follow(_staircase(memory.upper), _staircase(memory.lower))

    def begin(self, signals: Signals) -> None:
        """Take the voltages of a timeline, which follows on the last one."""
        duration = signals.duration * 1e-12
        upper, lower = (
            _continued(_staircase(steps), signals.voltages.get(part), duration)
            for part, steps in ((UPPER, self.memory.upper), (LOWER, self.memory.lower))
        )
        self._follow(upper, lower)
        self.memory = Memory(self._left(upper, duration), self._left(lower, duration))

    def rests(self, signals: Signals) -> list[int]:
        """Return the times (ps) of a timeline at which the string has come to rest after a move."""
        moves = np.unique([time for voltage in signals.voltages.values() for time in voltage.times.tolist()])
        forgets = round(self.forgets * 1e12)
        last = np.diff(moves, append=np.inf) > forgets
        return [int(time) + forgets for time in moves[last]]

    def axial_frequency(self, offset_ps: int) -> float:
        """Return the axial frequency of one ion (Hz) at a time of the timeline.

        Raises:
            ConfinementError: the endcaps do not confine.
        """
        return self._trap.axial_frequency(self._at(self._mean, offset_ps))

    def settled_frequency(self) -> float:
        """Return the axial frequency of one ion (Hz) when the last timeline's voltages have settled.

        Raises:
            ConfinementError: the endcaps do not confine.
        """
        upper, lower = self.memory.upper[1][-1], self.memory.lower[1][-1]
        return self._trap.axial_frequency((upper + lower + sum(self.bias)) / 2)

    def aim(self, offset_ps: int, now: float) -> float:
        """Return the axial frequency of one ion (Hz) when the steps so far have settled.

        Args:
            offset_ps: of the timeline.
            now: what it is at this moment, for steps that end without confinement.
        """
        last = int(np.searchsorted(self._times, offset_ps * 1e-12, side="right"))
        settled = float(self._mean[max(last - 1, 0)])
        return self._trap.axial_frequency(settled) if settled > 0 else now

    def centre(self, offset_ps: int, axial_frequency: float) -> float:
        """Return where the centre of the string is held (m) at a time of the timeline."""
        return self._trap.displacement(self._at(self._difference, offset_ps), axial_frequency)

    def shake(self, offset_ps: int, axial_frequency: float, ions: int) -> complex:
        """Return the coherent amplitude that the steps since the last call gave to the axial motion."""
        last = int(np.searchsorted(self._times, offset_ps * 1e-12, side="right"))
        first, self._shaken = self._shaken, max(last, self._shaken)
        if last <= first:
            return 0.0
        rows = slice(first - 1, last)
        centre = self._trap.displacement(self._difference[rows], axial_frequency)
        return coherent_amplitude(self._times[rows], centre, axial_frequency, ions, self._cutoff)

    def _follow(self, upper: Staircase, lower: Staircase) -> None:
        """Take the staircases of both endcaps; what lies before time 0 has shaken the string already."""
        self._times = np.union1d(upper[0], lower[0])
        upper_volts = _held(*upper, self._times) + self.bias[0]
        lower_volts = _held(*lower, self._times) + self.bias[1]
        self._mean, self._difference = (upper_volts + lower_volts) / 2, upper_volts - lower_volts
        self._shaken = max(int(np.searchsorted(self._times, 0.0)), 1)

    def _left(self, staircase: Staircase, duration: float) -> Steps:
        """Return what the filter still remembers of a staircase after a timeline of some duration (s)."""
        times, volts = staircase
        known = max(int(np.searchsorted(times, duration - self.forgets)) - 1, 0)
        left = np.minimum(times[known:] - duration, BEFORE)
        left[0] = LONG_AGO
        return tuple(left.tolist()), tuple(volts[known:].tolist())

    def _at(self, volts: NDArray[np.float64], offset_ps: int) -> float:
        """Return the filtered voltage at one time; only the steps that the filter remembers are looked at."""
        now = offset_ps * 1e-12
        first, last = np.searchsorted(self._times, [now - self.forgets, now], side="right")
        rows = slice(max(int(first) - 1, 0), max(int(last), 1))
        return float(filtered(self._times[rows], volts[rows], np.array([now]), self._cutoff)[0])


def _staircase(steps: Steps) -> Staircase:
    times, volts = steps
    return np.array(times), np.array(volts)


def _continued(last: Staircase, voltage: Voltage | None, duration: float) -> Staircase:
    """Return what an endcap still remembers, and its updates in a timeline of some duration (s)."""
    if voltage is None:
        return last
    times, volts = last
    # An update that a channel's grid moves across a seam belongs to the timeline that asked for it.
    new = np.clip(voltage.times * 1e-12, 0.0, duration)
    return np.concatenate([times, new]), np.concatenate([volts, voltage.volts])


def _held(
    times: NDArray[np.float64], volts: NDArray[np.float64], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    return volts[np.maximum(np.searchsorted(times, at, side="right") - 1, 0)]
