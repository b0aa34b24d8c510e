"""The endcaps through a timeline: where they hold the string, how stiffly, and how hard they shake it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.signals import Signals, Voltage
from hardware_sim.physics.trap import Trap, coherent_amplitude, filtered
from hardware_sim.properties import NodeProperties

UPPER, LOWER = "upper endcap", "lower endcap"

MEMORY = 6.0
"""Periods of a filter's cut-off frequency after which a step is forgotten: to e^(-2 pi 6), 4e-17."""

LONG_AGO = -1.0
"""When, in seconds of a timeline, the endcaps were set to what they rest at: before any filter remembers."""

BEFORE = -1e-12
"""Latest time, in seconds of a timeline, of what belongs to the one before: clocks count picoseconds."""

Staircase: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Times (samples,) of updates in s, ascending, and the voltages (samples,) from each of them on."""


class Endcaps:
    """Two electrodes behind low-pass filters, which remember from timeline to timeline."""

    def __init__(self, properties: NodeProperties) -> None:
        self._trap = Trap(
            endcap_distance=properties.endcap_distance,
            endcap_efficiency=properties.endcap_curvature,
            differential_factor=properties.endcap_push,
        )
        self._cutoff = properties.endcap_filter
        self._memory = MEMORY / properties.endcap_filter
        self._shaken: int  # rows of the staircases that have acted on the motion
        self.rest(properties.endcap_rest)

    def rest(self, voltage: float) -> None:
        """Hold both endcaps at a voltage (V), as if they had always been there."""
        self._last: dict[str, Staircase] = {
            part: (np.array([LONG_AGO]), np.array([voltage])) for part in (UPPER, LOWER)
        }
        self._follow(self._last)

    def rest_linear(self, voltage: float, highest_frequency: float) -> None:
        """Hold both endcaps at a voltage (V), or at less if one ion would swing faster than allowed (Hz)."""
        self.rest(min(voltage, self._trap.endcap_voltage(highest_frequency)))

    def begin(self, signals: Signals) -> None:
        """Take the voltages of a timeline, which follows on the last one."""
        staircases = {
            part: self._continued(self._last[part], signals.voltages.get(part), signals.duration * 1e-12)
            for part in (UPPER, LOWER)
        }
        self._follow(staircases)
        self._last = {
            part: (times - signals.duration * 1e-12, volts) for part, (times, volts) in staircases.items()
        }

    def rests(self, signals: Signals) -> list[int]:
        """Return the times (ps) of a timeline at which the string has come to rest after a move."""
        moves = np.unique([time for voltage in signals.voltages.values() for time in voltage.times.tolist()])
        memory = round(self._memory * 1e12)
        last = np.diff(moves, append=np.inf) > memory
        return [int(time) + memory for time in moves[last]]

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
        upper, lower = (float(volts[-1]) for _, volts in self._last.values())
        return self._trap.axial_frequency((upper + lower) / 2)

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

    def _follow(self, staircases: Mapping[str, Staircase]) -> None:
        """Take the staircases of both endcaps; what lies before time 0 has shaken the string already."""
        self._times = np.union1d(staircases[UPPER][0], staircases[LOWER][0])
        upper, lower = (_held(*staircases[part], self._times) for part in (UPPER, LOWER))
        self._mean, self._difference = (upper + lower) / 2, upper - lower
        self._shaken = max(int(np.searchsorted(self._times, 0.0)), 1)

    def _continued(self, last: Staircase, voltage: Voltage | None, duration: float) -> Staircase:
        """Return what an endcap still remembers, and its updates in a timeline of some duration (s)."""
        times, volts = last
        known = max(int(np.searchsorted(times, -self._memory)) - 1, 0)
        times, volts = np.minimum(times[known:], BEFORE), volts[known:]
        times[0] = min(times[0], LONG_AGO)
        if voltage is None:
            return times, volts
        # An update that a channel's grid moves across a seam belongs to the timeline that asked for it.
        new = np.clip(voltage.times * 1e-12, 0.0, duration)
        return np.concatenate([times, new]), np.concatenate([volts, voltage.volts])

    def _at(self, volts: NDArray[np.float64], offset_ps: int) -> float:
        """Return the filtered voltage at one time; only the steps that the filter remembers are looked at."""
        now = offset_ps * 1e-12
        first, last = np.searchsorted(self._times, [now - self._memory, now], side="right")
        rows = slice(max(int(first) - 1, 0), max(int(last), 1))
        return float(filtered(self._times[rows], volts[rows], np.array([now]), self._cutoff)[0])


def _held(
    times: NDArray[np.float64], volts: NDArray[np.float64], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    return volts[np.maximum(np.searchsorted(times, at, side="right") - 1, 0)]
