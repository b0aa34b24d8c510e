"""The methods of a wavemeter's controller that clients call, with names and arguments of WAnD's."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from hardware_sim.instruments.pc_rpc import Later, RemoteError
from hardware_sim.instruments.wavemeter_optics import EXPOSURES

if TYPE_CHECKING:
    from hardware_sim.instruments.highfinesse import LaserEntry, Reading, SimulatedWavemeterController

POLL_TIMES = (30.0, 1.0)  # s that clients wait between measurements, usually and in fast mode; ASSUMED


class WavemeterInterface:
    """RPC interface to the wavemeter."""

    def __init__(self, controller: SimulatedWavemeterController) -> None:
        """Act on a controller."""
        self._controller = controller

    def ping(self) -> bool:
        """Return true."""
        return True

    def get_freq(
        self,
        laser: str,
        age: float = 0,
        priority: int = 3,
        get_osa_trace: bool = False,
        blocking: bool = True,
        mute: bool = False,
        offset_mode: bool = False,
    ) -> object:
        """Measure the frequency of a laser.

        Args:
            laser: Its name.
            age: How old in s a measurement may be that was made already; 0 for a new one.
            priority: Of the measurement, the higher the sooner.
            get_osa_trace: A spectrum too, for which this wavemeter has no analyser: it stays empty.
            blocking: Wait for the result; else return the number of the task.
            mute: Wait, but return the number of the task only.
            offset_mode: Count from the laser's reference frequency.

        Returns:
            Status (0 okay, 1 under-exposed, 2 over-exposed, 3 error), frequency in Hz, spectrum.
        """
        entry = self._entry(laser)
        for value, name in (
            (get_osa_trace, "get_osa_trace"),
            (blocking, "blocking"),
            (mute, "mute"),
            (offset_mode, "offset_mode"),
        ):
            _require_bool(value, name)
        origin = entry.f_ref if offset_mode else 0.0
        controller = self._controller
        reading = controller.readings[laser]
        if reading.time > controller.now - max(_number(age, "age"), 0.0):
            return _tell(reading, origin) if blocking and not mute else controller.next_number()
        task = controller.ask(laser, _whole(priority, "priority"))
        if not blocking:
            return task.number

        def result() -> object | None:
            if task.reading is None:
                return None
            return task.number if mute else _tell(task.reading, origin)

        return Later(result)

    def get_measurement_queue(self) -> list[dict[str, object]]:
        """Return the measurements that wait."""
        return [
            {"laser": task.laser, "priority": task.priority, "expiry": task.asked, "id": task.number}
            for task in self._controller.queue()
        ]

    def set_exposure(self, laser: str, exposure: int, ccd: int) -> None:
        """Set the exposure in ms of one CCD for a laser."""
        entry = self._entry(laser)
        exposure, ccd = _whole(exposure, "exposure"), _whole(ccd, "ccd")
        if ccd not in range(len(EXPOSURES)):
            raise ValueError("invalid WLM CCD number")
        low, high = EXPOSURES[ccd]
        if not low <= exposure <= high:
            raise ValueError("invalid exposure")
        entry.exposure[ccd] = exposure

    def set_auto_exposure(self, laser: str, enabled: bool = True) -> None:
        """Let the controller adapt the exposures of a laser, or not."""
        _require_bool(enabled, "enabled")
        self._entry(laser).auto_exposure = enabled

    def get_min_exposures(self) -> list[int]:
        """Return the least exposure of each CCD in ms."""
        return [low for low, _ in EXPOSURES]

    def get_max_exposures(self) -> list[int]:
        """Return the greatest exposure of each CCD in ms."""
        return [high for _, high in EXPOSURES]

    def get_num_wlm_ccds(self) -> int:
        """Return the number of CCDs."""
        return len(EXPOSURES)

    def get_laser_db(self) -> dict[str, object]:
        """Return what the controller knows of each laser."""
        return {name: asdict(entry) for name, entry in self._controller.entries.items()}

    def set_reference_freq(self, laser: str, f_ref: float) -> None:
        """Set the frequency in Hz from which a laser's offsets are counted."""
        self._entry(laser).f_ref = _number(f_ref, "f_ref")

    def set_fast_mode(self, laser: str, enabled: bool = True) -> None:
        """Tell clients to poll a laser often, or not."""
        _require_bool(enabled, "enabled")
        self._entry(laser).fast_mode = enabled

    def get_poll_times(self) -> tuple[float, float]:
        """Return the times in s that clients wait between measurements, usually and in fast mode."""
        return POLL_TIMES

    def lock(
        self, laser: str, set_point: float | None = None, name: str = "", timeout: float | None = 300
    ) -> None:
        """Lock a laser to the wavemeter.

        Args:
            laser: Its name.
            set_point: Offset in Hz from its reference frequency, None for the last one.
            name: Of the owner; nobody else may change the lock.
            timeout: Time in s after which it opens, None for never.
        """
        entry = self._entry(laser)
        self._require_owner(laser, name)
        set_point = entry.lock_set_point if set_point is None else _number(set_point, "set_point")
        timeout = None if timeout is None else _number(timeout, "timeout")
        self._controller.lock_laser(laser, set_point, name, timeout)

    def unlock(self, laser: str, name: str) -> None:
        """Open the lock of a laser and give up its ownership."""
        self._entry(laser)
        self._require_owner(laser, name)
        self._controller.unlock_laser(laser)

    def steal(self, laser: str) -> None:
        """Take the ownership from whoever has it; the lock stays as it is."""
        self._entry(laser).lock_owner = ""

    def set_lock_params(
        self, laser: str, gain: float, poll_time: float, capture_range: float = 3e9, name: str = ""
    ) -> None:
        """Set gain in V/(Hz s), poll time in s and capture range in Hz of a laser's lock."""
        entry = self._entry(laser)
        self._require_owner(laser, name)
        entry.lock_gain = _number(gain, "gain")
        entry.lock_poll_time = abs(_number(poll_time, "poll_time"))
        entry.lock_capture_range = abs(_number(capture_range, "capture_range"))

    def _entry(self, laser: str) -> LaserEntry:
        if laser not in self._controller.entries:
            raise ValueError(f"unrecognised laser name '{laser}'")
        return self._controller.entries[laser]

    def _require_owner(self, laser: str, name: str) -> None:
        entry = self._entry(laser)
        if entry.lock_owner and entry.lock_owner != str(name):
            raise RemoteError(
                "wand.tools.LaserOwnedException",
                f"Laser currently owned by '{entry.lock_owner}' (you are '{name}')!",
            )
        if not entry.host:
            raise ValueError(f"No controller found for '{laser}'")


def _tell(reading: Reading, origin: float) -> tuple[int, float, object]:
    return int(reading.status), reading.frequency - origin, np.zeros(0)


def _number(value: float, name: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"{name} must be a numeric type") from None


def _whole(value: float, name: str) -> int:
    number = _number(value, name)
    if number != round(number):
        raise ValueError(f"{name} must be an integer")
    return round(number)


def _require_bool(value: object, name: str) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be a bool")
