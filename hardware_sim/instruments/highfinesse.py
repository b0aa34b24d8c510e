r"""A simulated HighFinesse wavemeter behind its controller, which locks lasers to it as well.

The wavemeter has no wire protocol of its own: a controller on its computer wraps the vendor's library and
speaks pc_rpc. This one has the methods of WAnD, Oxford's controller, under the target ``control``: TCP port
3251.

Source: WAnD's server for methods, arguments, errors and the rules of the lock: owner, capture range, largest
step, rails, timeout. `WavemeterSpecification` tells what is ASSUMED of the wavemeter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

import numpy as np

from hardware_sim.constants import LIGHT_SPEED
from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.instrument import Instrument
from hardware_sim.instruments.light import LightSource, steady
from hardware_sim.instruments.pc_rpc import RpcSession
from hardware_sim.instruments.wavemeter_interface import WavemeterInterface
from hardware_sim.instruments.wavemeter_optics import (
    EXPOSURES,
    PIPELINE,
    MeasurementStatus,
    Wavemeter,
    WavemeterSpecification,
)

LARGEST_STEP: Final = 0.25  # V that the lock moves a piezo at once
RAILS: Final = (25.0, 100.0)  # V of the piezo, beyond which the lock opens
LOCK_PRIORITY: Final = 5
GOOD_PEAKS: Final = (0.4, 0.6)  # full scales between which automatic exposure leaves it
DARK_PEAK: Final = 0.05  # full scales, below which automatic exposure gives up
LEAST_POLL: Final = 0.01  # s between two polls of a lock, whatever clients ask for; free choice
OVERDUE_POLLS: Final = 1000  # of a lock that nobody looked at; free choice
WRONG_LIGHT: Final = {"over-exposure": 100.0, "under-exposure": 0.01}  # shares of the usual light; ASSUMED


@dataclass(frozen=True, slots=True)
class Piezo:
    """How the lock moves a laser.

    Attributes:
        voltage: Gives the voltage in V at a lab time in s.
        move: Sets the voltage in V at a lab time in s.
    """

    voltage: Callable[[float], float]
    move: Callable[[float, float], None]


@dataclass(frozen=True, slots=True)
class WavemeterInput:
    """One laser at the fibre switch.

    Attributes:
        light: Of the laser.
        reference: Frequency in Hz from which offsets are counted.
        piezo: Of the laser, None if the controller cannot move it.
        gain: Of the lock in V/(Hz s).
        poll_time: Of the lock in s.
        capture_range: Of the lock in Hz.
        exposures: Of both CCDs in ms.
    """

    light: LightSource
    reference: float
    piezo: Piezo | None = None
    gain: float = 1e-9
    poll_time: float = 1.0
    capture_range: float = 3e9
    exposures: tuple[int, int] = (6, 6)


@dataclass(slots=True)
class LaserEntry:
    """What the controller knows of a laser, and clients see of it in its laser database.

    Attributes:
        host: Of the laser's controller, empty if it cannot be moved.
        f_ref: Reference frequency in Hz.
        exposure: Of both CCDs in ms.
        auto_exposure: Whether the controller adapts it.
        fast_mode: For clients that poll.
        locked: Whether it is locked.
        lock_owner: Who locked it, empty for nobody.
        lock_set_point: Offset in Hz.
        lock_gain: In V/(Hz s).
        lock_poll_time: In s.
        lock_capture_range: In Hz.
        lock_timeout: In s, None for never.
        locked_at: Lab time in s.
    """

    host: str
    f_ref: float
    exposure: list[int]
    auto_exposure: bool
    fast_mode: bool
    locked: bool
    lock_owner: str
    lock_set_point: float
    lock_gain: float
    lock_poll_time: float
    lock_capture_range: float
    lock_timeout: float | None
    locked_at: float


@dataclass(frozen=True, slots=True)
class Reading:
    """The last measurement of a laser.

    Attributes:
        status: How it went.
        frequency: In Hz, 0 if there is none.
        time: Lab time in s.
    """

    status: MeasurementStatus = MeasurementStatus.ERROR
    frequency: float = 0.0
    time: float = -math.inf


@dataclass(slots=True)
class Task:
    """A measurement that somebody asked for.

    Attributes:
        number: Of the task.
        laser: To be measured.
        priority: The higher, the sooner.
        asked: Lab time in s.
        reading: The result, None as long as there is none.
    """

    number: int
    laser: str
    priority: int
    asked: float
    reading: Reading | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Measurement:
    """The measurement that is under way.

    Attributes:
        laser: Being measured.
        exposed: Lab time in s at which its light is taken.
        done: Lab time in s of the result.
        measurements: That it takes in the wavemeter's pipeline.
        answered: Whether the library answers at all.
    """

    laser: str
    exposed: float
    done: float
    measurements: int
    answered: bool


class SimulatedWavemeterController(Instrument):
    r"""A wavemeter with its controller; serve it with `serve_tcp`.

    Attributes:
        lock: Held by transports during each call.
        powered: Whether the computer is on and has booted.
        complaints: The last 1000 mistakes of clients.
        wavemeter: The wavemeter itself.
        entries: What the controller knows of each laser.
        now: Lab time in s up to which it has come.

    Example:
        >>> import numpy as np
        >>> laser = WavemeterInput(steady(346e12, 20e-3), reference=346e12)
        >>> controller = SimulatedWavemeterController(np.random.default_rng(1), {"866": laser})
        >>> line = controller.connect()
        >>> _ = line.receive(b"ARTIQ pc_rpc\ncontrol\n", now=0.0)
        >>> line.receive(b'{"action": "call", "name": "ping", "args": (), "kwargs": {}}\n', now=0.0)
        b'{"status": "ok", "ret": true}\n'
    """

    KNOBS: ClassVar[tuple[str, ...]] = ("exposure", "fibre", "program")
    """Exposure of all lasers and CCDs in ms, from then on by hand; the share of the usual light that passes
    the fibre, also above 1; whether the program of the wavemeter runs."""
    FAULTS: ClassVar[tuple[str, ...]] = (
        "over-exposure",
        "under-exposure",
        "stale",
        "timeout",
        "program closed",
    )
    """Far too much or too little light in the fibre; one measurement that does not flush the pipeline; one
    for which the library never answers; the wavemeter's program closed. The knobs ``fibre`` and ``program``
    at 1 end what lasts."""
    tcp_resource = "sipyco://{host}:{port}/control"
    loses_link = True

    def __init__(
        self,
        rng: np.random.Generator,
        inputs: Mapping[str, WavemeterInput] | None = None,
        specification: WavemeterSpecification | None = None,
    ) -> None:
        """Start the controller; nothing has been measured yet.

        Args:
            rng: Source of the wavemeter's noise.
            inputs: Lasers by name; light at 866.452 nm as ``866`` if None.
            specification: The wavemeter as delivered.
        """
        self.wavemeter = Wavemeter(rng, specification or WavemeterSpecification())
        super().__init__(self.wavemeter.specification.boot_time)
        self.now = 0.0
        frequency = LIGHT_SPEED / 866.452e-9
        self._inputs = dict(inputs or {"866": WavemeterInput(steady(frequency, 20e-3), frequency)})
        self.entries = {name: _first_entry(each) for name, each in self._inputs.items()}
        self.readings = {name: Reading() for name in self._inputs}
        self._queue: list[Task] = []
        self._tasks = 0
        self._measurement: Measurement | None = None
        self._switched_to = ""
        self._next_polls: dict[str, float] = {}
        self._polls: dict[str, Task] = {}
        self._skips_flush = self._times_out = False
        self._passing = 1.0
        self._interface = WavemeterInterface(self)

    def connect(self) -> RpcSession:
        """Accept a client."""
        return RpcSession(self, "control", self._interface)

    def switch_off(self, now: float) -> None:
        """Cut the power of the computer at lab time ``now`` (s); piezos stay where they are."""
        self.advance(now)
        self.powered = False
        self._queue.clear()
        self._polls.clear()
        self._next_polls.clear()
        self._measurement = None

    def switch_on(self, now: float) -> None:
        """Finish booting at lab time ``now`` (s): the lasers are unlocked, their settings were saved."""
        super().switch_on(now)
        self.now = now
        self.wavemeter.present = True
        for name, entry in self.entries.items():
            entry.locked, entry.lock_owner = False, ""
            self.readings[name] = Reading()

    def locked(self, laser: str) -> bool:
        """Return whether the controller holds a laser."""
        return self.entries[laser].locked

    def complain(self, text: str) -> None:
        """Remember a mistake of a client."""
        self.complaints.append(text)

    def ask(self, laser: str, priority: int) -> Task:
        """Queue a measurement of a laser."""
        task = Task(self.next_number(), laser, priority, self.now)
        self._queue.append(task)
        return task

    def next_number(self) -> int:
        """Return the number of a new task."""
        self._tasks += 1
        return self._tasks - 1

    def queue(self) -> list[Task]:
        """Return the measurements that wait."""
        return list(self._queue)

    def lock_laser(self, laser: str, set_point: float, owner: str, timeout: float | None) -> None:
        """Begin to hold a laser at an offset in Hz from its reference, for a time in s."""
        entry = self.entries[laser]
        entry.locked, entry.lock_owner = True, owner
        entry.lock_set_point, entry.lock_timeout, entry.locked_at = set_point, timeout, self.now
        self._polls.pop(laser, None)
        self._next_polls[laser] = self.now

    def unlock_laser(self, laser: str) -> None:
        """Let go of a laser."""
        entry = self.entries[laser]
        entry.locked, entry.lock_owner = False, ""
        self._next_polls.pop(laser, None)
        self._polls.pop(laser, None)

    def next_event(self) -> float | None:
        """Return the lab time in s at which something happens next, None if nothing is under way."""
        if not self.powered:
            return None
        times = list(self._next_polls.values())
        if self._measurement is not None:
            times.append(self._measurement.done)
        return min(times, default=None)

    def advance(self, now: float) -> None:
        """Come to what is true at lab time ``now`` (s): measurements done, locks polled."""
        if not self.powered:
            return
        for laser, poll in self._next_polls.items():
            # Nobody looked for long: what the lock did long ago is settled by its last steps.
            overdue = now - OVERDUE_POLLS * max(self.entries[laser].lock_poll_time, LEAST_POLL)
            self._next_polls[laser] = max(poll, overdue)
        self._start_measurement()
        while (event := self.next_event()) is not None and event <= now:
            self.now = max(self.now, event)
            self._finish_measurement()
            self._poll_locks()
            self._start_measurement()
        self.now = max(self.now, now)

    def _turn(self, knob: str, value: float | bool | str, now: float) -> None:
        self.advance(now)
        if knob == "program":
            self.wavemeter.present = bool(value)
        elif knob == "fibre":
            if not 0.0 <= float(value) < math.inf:
                raise InstrumentSetupError(knob, value, "0 and above", "1 is the usual light")
            self._passing = float(value)
        else:
            self._set_exposures(float(value))

    def _suffer(self, fault: str, now: float) -> None:
        self.advance(now)
        if fault in WRONG_LIGHT:
            self._passing = WRONG_LIGHT[fault]
        elif fault == "program closed":
            self.wavemeter.present = False
        else:
            self._skips_flush |= fault == "stale"
            self._times_out |= fault == "timeout"

    def _set_exposures(self, exposure: float) -> None:
        low, high = max(each[0] for each in EXPOSURES), min(each[1] for each in EXPOSURES)
        if not low <= exposure <= high:
            raise InstrumentSetupError("exposure", exposure, f"{low} to {high} ms", "the usual is 6 ms")
        for entry in self.entries.values():
            entry.exposure, entry.auto_exposure = [int(exposure), int(exposure)], False

    def _start_measurement(self) -> None:
        if self._measurement is not None or not self._queue:
            return
        task = max(self._queue, key=lambda each: (each.priority, -each.number))
        exposure = self.entries[task.laser].exposure
        switching = self.wavemeter.specification.dead_time if task.laser != self._switched_to else 0.0
        self._switched_to = task.laser
        measurements = 1 if self._skips_flush else PIPELINE
        duration = self.wavemeter.duration((exposure[0], exposure[1]), measurements)
        if self._times_out:
            duration = self.wavemeter.specification.event_timeout
        exposed = self.now + switching
        self._measurement = Measurement(
            task.laser, exposed, exposed + duration, measurements, not self._times_out
        )
        self._skips_flush = self._times_out = False

    def _finish_measurement(self) -> None:
        measurement = self._measurement
        if measurement is None or self.now < measurement.done:
            return
        self._measurement = None
        laser, entry = measurement.laser, self.entries[measurement.laser]
        frequency, power = self._inputs[laser].light(measurement.exposed)
        exposures, least = (entry.exposure[0], entry.exposure[1]), (EXPOSURES[0][0], EXPOSURES[1][0])
        for each in (exposures, exposures, least)[: measurement.measurements]:
            self.wavemeter.expose(frequency, power * self._passing, each)
        shot = self.wavemeter.delivered()
        reading = Reading(shot.status, shot.frequency, self.now) if measurement.answered else Reading()
        self.readings[laser] = Reading(reading.status, reading.frequency, self.now)
        if entry.auto_exposure:
            _adapt(entry, shot.peaks)
        for task in self._queue:
            if task.laser == laser:
                task.reading = self.readings[laser]
        self._queue = [task for task in self._queue if task.laser != laser]

    def _poll_locks(self) -> None:
        for laser, entry in self.entries.items():
            if not entry.locked:
                continue
            if entry.lock_timeout is not None and self.now > entry.locked_at + entry.lock_timeout:
                self.unlock_laser(laser)
                continue
            asked = self._polls.get(laser)
            if asked is not None and asked.reading is not None:
                del self._polls[laser]
                self._steer(laser, entry, asked.reading)
            if entry.locked and laser not in self._polls and self.now >= self._next_polls[laser]:
                self._polls[laser] = self.ask(laser, LOCK_PRIORITY)
            if entry.locked and self.now >= self._next_polls[laser]:
                self._next_polls[laser] = self.now + max(entry.lock_poll_time, LEAST_POLL)

    def _steer(self, laser: str, entry: LaserEntry, reading: Reading) -> None:
        piezo = self._inputs[laser].piezo
        if reading.status is not MeasurementStatus.OKAY or piezo is None:
            return
        error = reading.frequency - entry.f_ref - entry.lock_set_point
        if abs(error) > entry.lock_capture_range:
            self.unlock_laser(laser)
            return
        step = error * entry.lock_gain * entry.lock_poll_time
        voltage = piezo.voltage(self.now) - min(max(step, -LARGEST_STEP), LARGEST_STEP)
        if RAILS[0] <= voltage <= RAILS[1]:
            piezo.move(voltage, self.now)
        else:
            self.unlock_laser(laser)


def _first_entry(laser: WavemeterInput) -> LaserEntry:
    return LaserEntry(
        host="" if laser.piezo is None else "simulated",
        f_ref=laser.reference,
        exposure=list(laser.exposures),
        auto_exposure=True,
        fast_mode=False,
        locked=False,
        lock_owner="",
        lock_set_point=0.0,
        lock_gain=laser.gain,
        lock_poll_time=laser.poll_time,
        lock_capture_range=laser.capture_range,
        lock_timeout=None,
        locked_at=0.0,
    )


def _adapt(entry: LaserEntry, peaks: tuple[float, float]) -> None:
    """Move each exposure by a millisecond towards good fringes."""
    for ccd, peak in enumerate(peaks):
        if peak < DARK_PEAK:
            return
        step = 1 if peak < GOOD_PEAKS[0] else -1 if peak > GOOD_PEAKS[1] else 0
        low, high = EXPOSURES[ccd]
        entry.exposure[ccd] = min(max(entry.exposure[ccd] + step, low), high)
