"""TOPTICA DLC pro: one controller for the diode lasers of one or two colours.

The command line is TCP port 1998, `tcp://host:1998`, or a serial line at 115200 baud. The monitoring line is
port 1999: over it the controller pushes whatever can only be read, so that readings cost no questions. A line
on which nothing changes looks like a dead one; so the controller's uptime is pushed too, and as long as it
goes on, and keeps up with the one that the command line told, the line is believed. What can be set is always
asked for.

All lasers of the node hang on such controllers. Locked lasers drift to where their piezo ends, and then still
say that they are locked: so the word of the lock is doubted where the piezo is near an end. Current, emission
and locks are never brought back by the driver after a power cut, and an open interlock is told until somebody
has acknowledged it.

Source:
    toptica-lasersdk 3.3 (dlcpro v3.2.0).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import ClassVar, Unpack

from control.device import Identity
from control.device.happenings import Severity
from control.device.patience import PatientDevice, PatientOptions
from control.device.readings import Judged, Quality
from control.device.settings import Setting, Value
from control.device.variants import VariedDevice
from control.drivers.dlc_pro_settings import (
    FRONT_KEY,
    INTERLOCK,
    LASERS,
    LOCK_STATES,
    PAIRS,
    PARAMETERS,
    PUSHED,
    UPTIME,
)
from control.errors import BadReply, NotReady, Refused, UnknownName
from control.protocols.decop import DecopValue, execute
from control.protocols.decop_lines import DecopDevice, Kind, MonitoringLine, checked
from control.transport import LineSettings, Link

LOCK_SECONDS = 10.0  # for finding the lock point again and closing the loop; scans run at some hertz
POLL_SECONDS = 0.05  # between two looks at a lock that is closing
RAIL_PART = 0.05  # of the piezo's range, at each end: a lock there is about to be lost, or is none
ALIVE_SECONDS = 1.5  # after a push of the uptime, which comes every second, the monitoring line is believed
UPTIME_SLACK = 2.0  # s by which an uptime may be behind: it counts whole seconds, and travels
UPTIME_STEP = 30  # s that it may go on between two answers: a simulated lab may run a thousand times as fast
CLOCK_ERROR = 1e-4  # by which the controller's seconds may be longer than ours, as those of poor crystals are
ONE_LASER = "this controller has one laser"


class DlcPro(PatientDevice, VariedDevice, DecopDevice):
    """One DLC pro controller with one or two lasers.

    Args:
        name: as for `Device`.
        link: as for `Device`; the command line.
        options: as for `PatientDevice`; with the stream, the monitoring line, readings cost no questions.
    """

    SETTINGS: ClassVar[tuple[Setting, ...]] = tuple(setting for setting, _ in PAIRS)
    MODELS: ClassVar[tuple[str, ...]] = ("DLC pro",)
    LINE: ClassVar[LineSettings] = LineSettings(baud=115_200)
    STREAM: ClassVar[str] = "monitoring line"
    ACTIONS: ClassVar[tuple[str, ...]] = ("lock", "unlock", "switch_off")
    PARKING: ClassVar[str] = "lasers stay on and locked; shutters are elsewhere"
    RESTARTED: ClassVar[str] = (
        "it was switched off and on again, its settings are those last saved and its lasers are not locked"
    )

    def __init__(self, name: str, link: Link, **options: Unpack[PatientOptions]) -> None:
        super().__init__(name, link, **options)
        pushing = self._stream
        self._monitor = None if pushing is None else MonitoringLine(pushing, PUSHED, self._clock)
        self._uptime = 0  # s
        self._uptime_at = math.inf  # when that was, by our clock
        self._rails: dict[str, tuple[float, float]] = {}  # V; of the lasers that are there

    def lock(self, laser: str) -> str:
        """Close the loop of a laser at the selected lock point, and wait until it is locked.

        Args:
            laser: "laser1" or "laser2".

        Returns:
            The state of the lock, "locked".

        Raises:
            NotReady: it is not locked in time, or hangs at the end of its piezo; the loop is open again then.
        """
        setting = self._lock_setting(laser)
        with self._transaction():
            self._require_ready(setting)
            self._ask(execute(f"{laser}:dl:lock:close"))
            for _ in self._patiently(LOCK_SECONDS, pause=POLL_SECONDS):
                state = self._ask_state(laser)
                if state == "locked":
                    break
            doubt = self._doubt_lock(laser, self._ask_value(f"{laser}:dl:pc:voltage-act", float))
            if state != "locked" or doubt:
                self._ask(execute(f"{laser}:dl:lock:open"))
                raise NotReady(
                    action=f"lock {laser}",
                    reason=doubt or f"after {LOCK_SECONDS:g} s the lock is {state}",
                    advice="Is there light on the cavity, and a lock point selected? The loop is open again.",
                )
        self.logbook.add(Severity.NOTE, f"{laser} was locked")
        return state

    def unlock(self, laser: str) -> str:
        """Open the loop of a laser.

        Args:
            laser: "laser1" or "laser2".

        Returns:
            The state of the lock afterwards.
        """
        self._lock_setting(laser)
        with self._transaction():
            self._ask(execute(f"{laser}:dl:lock:open"))
            state = self._ask_state(laser)
        self.logbook.add(Severity.NOTE, f"{laser} was unlocked")
        return state

    def switch_off(self, laser: str) -> None:
        """Switch the current of a laser off, whatever else is wrong.

        Args:
            laser: "laser1" or "laser2".
        """
        self._lock_setting(laser)
        with self._urgently():
            self._intend(self.setting(f"{laser}_enabled"), False)

    def _absence(self, setting: Setting) -> str:
        laser = setting.name.partition("_")[0]
        return ONE_LASER if laser in LASERS and laser not in self._rails else ""

    def _require_ready(self, setting: Setting) -> None:
        # A power cycle can hide behind a serial server whose link stayed up.
        self._check()
        super()._require_ready(setting)

    def _greet(self, *, first: bool) -> None:
        self._rails.clear()
        for laser in LASERS:
            try:
                self._learn_limits(laser)
            except Refused:
                if laser == LASERS[0]:
                    raise
                # A controller may have one laser only.

    def _has_restarted(self) -> bool:
        least = self._least_uptime()
        heard: list[int] = []

        def ask() -> int:
            heard.append(self._ask_value(UPTIME, int))
            return heard[-1]

        uptime = self._surely(ask, _going_on, "ask for the uptime")
        # Of two that go together one may still be harmed: what it is held against next time is the lower.
        self._uptime = min(each for each in heard if _go_together(each, uptime))
        self._uptime_at = self._clock()
        return uptime < least

    def _least_uptime(self) -> float:
        """Return what the uptime must have reached by now, s, unless the controller was restarted."""
        # Not only less than before: whoever asks rarely may find a second life that is longer than the first.
        elapsed = self._clock() - self._uptime_at
        return self._uptime + elapsed * (1.0 - CLOCK_ERROR) - UPTIME_SLACK

    def _identify(self) -> Identity:
        self._begin()
        model, serial_number, firmware = (
            self._ask_value(name, str) for name in ("system-type", "serial-number", "fw-ver")
        )
        return Identity("TOPTICA", model, serial_number, firmware)

    def _check(self) -> None:
        self._look_for_restart()
        if self._surely(lambda: self._ask_value(INTERLOCK, bool)):
            self._degrade("its interlock is open: no laser emits")

    def _read(self, setting: Setting) -> Value | Judged:
        if setting.choices:
            return self._read_lock(setting.name.partition("_")[0])
        if setting.switch:
            return self._value(setting.name, bool)
        if setting.text:
            return self._value(setting.name, str)
        return self._value(setting.name, float) * PARAMETERS[setting.name].unit

    def _write(self, setting: Setting, value: Value) -> None:
        parameter = PARAMETERS[setting.name]
        if not setting.switch:
            # A milliampere is no binary fraction: 0.12345 A would be sent as 123.44999999999999.
            self._put(parameter.name, round(float(value) / parameter.unit, 9))
            return
        if value and setting.name.endswith("_enabled") and self._ask_value(FRONT_KEY, bool):
            raise NotReady(
                action=f"set {setting.name}",
                reason="the key at its front is locked: no laser would emit",
                advice="Turn the key.",
            )
        self._put(parameter.name, bool(value))

    def _learn_limits(self, laser: str) -> None:
        """Take over the limits that the controller has for a laser."""
        clip, coldest, hottest, lowest, highest = (
            self._surely(partial(self._ask_value, f"{laser}:dl:{path}", float))
            for path in (
                "cc:current-clip",
                "tc:temp-set-min",
                "tc:temp-set-max",
                "pc:voltage-min",
                "pc:voltage-max",
            )
        )
        for name, low, high in (
            ("current", 0.0, clip * 1e-3),
            ("temperature", coldest, hottest),
            ("piezo_voltage", lowest, highest),
        ):
            self._tighten(f"{laser}_{name}", low, high)
        self._rails[laser] = lowest, highest

    def _read_lock(self, laser: str) -> Value | Judged:
        state = _lock_state(self._value(f"{laser}_lock_state", int))
        if state != "locked":
            return state
        doubt = self._doubt_lock(laser, self._value(f"{laser}_piezo_voltage_actual", float))
        return Judged(state, Quality.SUSPECT, doubt) if doubt else state

    def _value(self, setting: str, kind: type[Kind]) -> Kind:
        """Return the parameter of a setting as it was pushed, where that can be trusted; else ask for it."""
        name = PARAMETERS[setting].name
        pushed = self._pushed(name) if name in PUSHED else None
        return self._ask_value(name, kind) if pushed is None else checked(f"hear of {name}", pushed, kind)

    def _pushed(self, name: str) -> DecopValue | None:
        """Return what was pushed for a parameter; None unless the monitoring line is known to be alive."""
        if self._monitor is None:
            return None
        self._monitor.listen()
        uptime = self._monitor.value(UPTIME)
        if not isinstance(uptime, int):
            return None
        if uptime < self._least_uptime():
            self._monitor.distrust()
            return None
        return self._monitor.value(name) if self._monitor.age(UPTIME) <= ALIVE_SECONDS else None

    def _ask_state(self, laser: str) -> str:
        return _lock_state(self._ask_value(f"{laser}:dl:lock:state", int))

    def _doubt_lock(self, laser: str, voltage: float) -> str:
        """Return why a laser is not locked although it says so; empty if there is no doubt."""
        lowest, highest = self._rails[laser]
        margin = RAIL_PART * (highest - lowest)
        if lowest + margin <= voltage <= highest - margin:
            return ""
        return f"its piezo is at {voltage:.4g} V, at the end of {lowest:.4g} to {highest:.4g} V"

    def _lock_setting(self, laser: str) -> Setting:
        if laser not in LASERS:
            raise UnknownName(what=self.name, kind="laser", name=str(laser), known=LASERS)
        return self.setting(f"{laser}_lock_state")


def _go_together(earlier: int, later: int) -> bool:
    """Tell whether two uptimes, s, may be answers to a question that was asked twice."""
    return 0 <= later - earlier <= UPTIME_STEP


def _going_on(uptimes: Sequence[int]) -> int | None:
    """Return the last of some uptimes, s, if it goes on from an earlier one; None if it does not."""
    *earlier, last = uptimes
    return last if any(_go_together(each, last) for each in earlier) else None


def _lock_state(number: int) -> str:
    """Return the word for a state of the lock."""
    if 0 <= number < len(LOCK_STATES):
        return LOCK_STATES[number]
    expected = f"the state of a lock, 0 to {len(LOCK_STATES) - 1}"
    raise BadReply(tried="ask for the lock", reply=str(number).encode(), expected=expected)
