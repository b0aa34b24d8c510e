"""The lock of one laser of a DLC pro: its states, how it is closed, and how it loses its laser.

The error signal crosses zero at each line of a reference cavity. A lock that is closed pulls the laser to
the nearest line, or to the one that was selected, and keeps it there by moving the piezo. What ends it: no
light, a piezo at its rail, a mode hop, a disturbance. Only if the window is enabled does the controller
notice: otherwise it goes on saying "locked" while its output sits at the rail.

Source: numbers of the states as published clients have them (oxart toptica_dlc). What leads from one state to
the next, and how fast, is ASSUMED.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Protocol

from hardware_sim.instruments.decop_syntax import DecopError, ErrorCode
from hardware_sim.instruments.dlc_parameters import Settings

LOCKING_TIME = 0.2  # s from closing the lock to light on the line; ASSUMED
RESETTING_TIME = 0.05  # s; ASSUMED
CAPTURE_RANGE = 300e6  # Hz within which a line must be to be caught without a scan; ASSUMED
LINE_SPACING = 1.5e9  # Hz between lines, the free spectral range of a 10 cm reference cavity; ASSUMED
ERROR_SLOPE = 5e6  # Hz of the laser per V of set point; ASSUMED
RELOCK_CHANNEL = 50  # the piezo, the only output whose sweep moves the laser over lines


class LockState(IntEnum):
    """States as ``lock:state`` replies them."""

    IDLE = 0
    SCANNING = 1
    SELECTING = 2
    SELECTED = 3
    LOCKING = 4
    LOCKED = 5
    HOLD = 6
    RESETTING = 7
    RESET = 8
    RELOCKING = 9


class Plant(Protocol):
    """What a lock sees of its laser and does to it."""

    settings: Settings

    def offset(self, voltage: float, now: float) -> float:
        """Return the frequency in Hz at a piezo voltage in V."""
        ...

    def voltage_for(self, offset: float, now: float) -> float:
        """Return the piezo voltage in V at which the frequency would be ``offset`` (Hz)."""
        ...

    def reachable(self, voltage: float) -> bool:
        """Return whether the piezo driver can give a voltage (V)."""
        ...

    def commanded_voltage(self, now: float) -> float:
        """Return the piezo voltage in V without the lock."""
        ...

    def shines(self) -> bool:
        """Return whether there is light."""
        ...


class LaserLock:
    """The lock of one laser."""

    def __init__(self, plant: Plant) -> None:
        """Leave the lock open.

        Args:
            plant: The laser.
        """
        self._plant = plant
        self._state, self._since = LockState.IDLE, 0.0
        self._line = 0.0
        self._frozen = 0.0
        self._blind = False
        self._free_since: float | None = -math.inf

    @property
    def closed(self) -> bool:
        """Whether the lock is closed or tries to be, which is what ``lock-enabled`` replies."""
        return self._state >= LockState.LOCKING

    @property
    def holds(self) -> bool:
        """Whether the light is on its line now; what the controller says is `state`."""
        return self._state is LockState.LOCKED and not self._blind

    def free_time(self, now: float) -> float | None:
        """Return since when the light is no longer on its line, in s before ``now``; None if it is on it."""
        return None if self._free_since is None else now - self._free_since

    def state(self) -> LockState:
        """Return what the controller says."""
        if self._state is LockState.IDLE and self._plant.settings.on("scan:enabled"):
            return LockState.SCANNING
        return self._state

    def target(self) -> float:
        """Return the frequency in Hz to which the lock pulls or would pull."""
        return self._line + ERROR_SLOPE * self._plant.settings.real("dl:lock:setpoint")

    def voltage(self, now: float) -> float | None:
        """Return the piezo voltage in V that the lock demands, None if it leaves the piezo alone."""
        if self.holds:
            return self._plant.voltage_for(self.target(), now)
        return self._frozen if self._state in (LockState.LOCKED, LockState.HOLD) else None

    def start_closed(self) -> None:
        """Be closed on the line at 0 since long ago."""
        self._state, self._free_since = LockState.LOCKED, None

    def close(self, now: float) -> None:
        """Begin to lock, to the selected line or the nearest; nothing if it is closed already."""
        if self.closed:
            return
        if self._state is not LockState.SELECTED:
            self._line = self._nearest_line(now)
        elif not self._plant.reachable(self._plant.voltage_for(self.target(), now)):
            raise DecopError(ErrorCode.INVALID_VALUE, "the selected line is out of reach")
        self._enter(LockState.LOCKING, now)

    def open(self, now: float) -> None:
        """Give the piezo back to its set value."""
        self._enter(LockState.IDLE, now)

    def find(self, now: float) -> None:
        """Look for lines within the scan.

        Raises:
            DecopError: If the laser does not scan.
        """
        if not self._plant.settings.on("scan:enabled") or self.closed:
            raise DecopError(ErrorCode.ACCESS_DENIED, "find-candidates needs a running scan")
        self._enter(LockState.SELECTING, now)

    def candidates(self, lowest: float, highest: float, now: float) -> list[float]:
        """Return the piezo voltages in V of the lines between two voltages, if it was told to look."""
        if self._state not in (LockState.SELECTING, LockState.SELECTED) or not self._plant.shines():
            return []
        ends = sorted(self._plant.offset(voltage, now) for voltage in (lowest, highest))
        first, last = (int(end // LINE_SPACING) for end in ends)
        lines = (order * LINE_SPACING for order in range(first, last + 2))
        voltages = (self._plant.voltage_for(line, now) for line in lines if ends[0] <= line <= ends[1])
        return sorted(voltages)

    def select(self, voltage: float, candidates: list[float], now: float) -> None:
        """Take the candidate that is nearest to a piezo voltage in V.

        Raises:
            DecopError: If there is no candidate.
        """
        if not candidates:
            raise DecopError(ErrorCode.INVALID_VALUE, "there is no candidate to select")
        nearest = min(candidates, key=lambda each: abs(each - voltage))
        self._line = round(self._plant.offset(nearest, now) / LINE_SPACING) * LINE_SPACING
        self._enter(LockState.SELECTED, now)

    def hold(self, held: bool, now: float) -> None:
        """Freeze the output of a lock that is closed, or let it go on."""
        if held and self._state is LockState.LOCKED:
            frozen = self.voltage(now)
            self._enter(LockState.HOLD, now)
            self._frozen = frozen if frozen is not None else self._frozen
        elif not held and self._state is LockState.HOLD:
            self._enter(LockState.LOCKING, now)

    def advance(self, now: float) -> None:
        """Come to what is true at lab time ``now`` (s)."""
        if self._state is LockState.LOCKING and now >= self._since + LOCKING_TIME:
            self._try_to_catch(CAPTURE_RANGE, now)
        elif self._state is LockState.RELOCKING and now >= self._since + self._sweep_time():
            self._try_to_catch(self._sweep_range(now), now)
        elif self._state is LockState.RESETTING and now >= self._since + RESETTING_TIME:
            self._enter(LockState.RESET, now)
        if self.holds and not self._can_hold(now):
            self.lose(now)

    def lose(self, now: float) -> None:
        """Lose the line: relock, reset or open if the window notices, else go on with the output railed."""
        if not self.holds:
            return
        settings = self._plant.settings
        if not settings.on("dl:lock:window:enabled"):
            self._blind, self._free_since = True, now
            self._frozen = settings.real("dl:pc:voltage-max")
        else:
            self._give_up(now)

    def _enter(self, state: LockState, now: float) -> None:
        self._state, self._since, self._blind = state, now, False
        if state is LockState.LOCKED:
            self._free_since = None
        elif self._free_since is None:
            self._free_since = now

    def _give_up(self, now: float) -> None:
        settings = self._plant.settings
        if settings.on("dl:lock:relock:enabled"):
            self._enter(LockState.RELOCKING, now)
        elif settings.on("dl:lock:reset:enabled"):
            self._enter(LockState.RESETTING, now)
        else:
            self._enter(LockState.IDLE, now)

    def _nearest_line(self, now: float) -> float:
        free = self._plant.offset(self._plant.commanded_voltage(now), now)
        return round(free / LINE_SPACING) * LINE_SPACING

    def _try_to_catch(self, reach: float, now: float) -> None:
        if self._state is LockState.RELOCKING:
            self._line = self._nearest_line(now)
        distance = abs(self._plant.offset(self._plant.commanded_voltage(now), now) - self._line)
        if (distance <= reach or self._scans_over(self._line, now)) and self._can_hold(now):
            self._enter(LockState.LOCKED, now)
        else:
            self._give_up(now)

    def _scans_over(self, line: float, now: float) -> bool:
        """Return whether a running scan passes a line, so that the lock can be closed on the way."""
        settings = self._plant.settings
        centre, width = settings.real("scan:offset"), settings.real("scan:amplitude")
        return settings.on("scan:enabled") and abs(self._plant.voltage_for(line, now) - centre) <= width / 2

    def _can_hold(self, now: float) -> bool:
        settings = self._plant.settings
        steers = any(
            settings.on(f"dl:lock:{pid}:enabled")
            and settings.real(f"dl:lock:{pid}:gain:all") > 0.0
            and settings.on(f"dl:lock:{pid}:sign")
            and not settings.on(f"dl:lock:{pid}:hold")
            for pid in ("pid1", "pid2")
        )
        return (
            steers
            and self._plant.shines()
            and self._plant.reachable(self._plant.voltage_for(self.target(), now))
        )

    def _sweep_time(self) -> float:
        settings = self._plant.settings
        return settings.real("dl:lock:relock:delay") + 1.0 / settings.real("dl:lock:relock:frequency")

    def _sweep_range(self, now: float) -> float:
        settings = self._plant.settings
        if settings["dl:lock:relock:output-channel"] != RELOCK_CHANNEL:
            return CAPTURE_RANGE
        amplitude = settings.real("dl:lock:relock:amplitude")
        voltage = self._plant.commanded_voltage(now)
        return abs(self._plant.offset(voltage + amplitude / 2.0, now) - self._plant.offset(voltage, now))
