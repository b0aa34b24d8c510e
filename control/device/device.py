"""What all instruments have in common: declared settings, limits, identity, and a state that does not lie.

A driver declares its settings and writes four methods (`_identify`, `_read`, `_write`, `_check`). What each
driver would otherwise get wrong in its own way is here, once: limits before sending, read-back after, one
lock around both, an identity check whenever the link was opened, and resynchronisation after trouble.

A device also remembers what it was asked to be (`Device.wanted`). Whenever the link comes back, that is held
against what the instrument says: what a power cycle took is set again where that harms nothing, and where it
could hurt ions or instruments the device is degraded until somebody has looked and called `acknowledge`.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, ClassVar, Self

from control.device.acquaintance import Acquaintance
from control.device.happenings import Severity
from control.device.identity import Identity, State
from control.device.readings import Judged, Quality, Reading, judged
from control.device.settings import Range, Setting, Value, site_ranges
from control.device.wants import Drift
from control.errors import (
    BadReading,
    BadReply,
    ConfigError,
    ControlError,
    DeviceError,
    LinkError,
    LinkTimeout,
    NotReady,
    ReadBackError,
    UnknownName,
    UsageError,
)
from control.transport import LineSettings, Link, make_link

__all__ = ["Device", "Identity", "State"]


NEVER_FRESH = -1.0


class Device(Acquaintance):
    """One instrument on one link.

    Args:
        name: its name in the setup; messages begin with it.
        link: an open link; it is given back by `close`.
        address: bus address, for instruments that share a line.
        serial_number: refuse to talk to any other instrument of the kind.
        limits: site limits, setting name to (lowest, highest), in the setting's unit.
        stream: a second line, on which the instrument pushes data, for those that have one.

    Raises:
        ConfigError: limits, an address or a second line that make no sense.

    Attributes:
        LINE: how a serial line to it is set up.
        ON_BUS: whether it has a bus address and shares its line.
        ANSWER_SECONDS: how long it may think about a question.
        STREAM: what its second line is called; empty if it has none.
        ACTIONS: names of the methods, beyond reading and setting, that may be called by name.
        PARKING: what `park` does, in a sentence.
        PARKS: whether that is anything at all.
        TELLS_HOMED: whether it can say that it was homed; one that cannot is homed anew, or vouched for, by
            whoever connects to it.
    """

    LINE: ClassVar[LineSettings] = LineSettings()
    ON_BUS: ClassVar[bool] = False
    ANSWER_SECONDS: ClassVar[float] = 1.0
    STREAM: ClassVar[str] = ""
    ACTIONS: ClassVar[tuple[str, ...]] = ()
    PARKING: ClassVar[str] = "everything stays as it is"
    PARKS: ClassVar[bool] = False
    TELLS_HOMED: ClassVar[bool] = True

    def __init__(
        self,
        name: str,
        link: Link,
        *,
        address: str | None = None,
        serial_number: str | None = None,
        limits: Mapping[str, tuple[float, float]] | None = None,
        stream: Link | None = None,
    ) -> None:
        if address is not None and not self.ON_BUS:
            raise ConfigError(
                (f"{name}: this kind of instrument has no bus address; remove address = {address!r}.",)
            )
        if stream is not None and not self.STREAM:
            raise ConfigError(
                (f"{name}: this kind of instrument has no second line; remove stream = {stream.resource!r}.",)
            )
        super().__init__(name, link, serial_number, site_ranges(name, self.SETTINGS, limits or {}))
        self.address = link.resource if address is None else f"{link.resource}, address {address}"
        self._stream = stream
        self._closed = False
        self._overtaking = threading.Event()  # somebody wants it safe, and waits for the link
        self._urgent, self._counting = 0, threading.Lock()  # how many do
        self._latest: dict[str, tuple[float, Reading]] = {}  # monotonic time, reading

    @staticmethod
    def link_to(resource: str, line: LineSettings | None) -> Link:
        """Make a link to such an instrument, not opened.

        Args:
            resource: where it is.
            line: settings of a serial line.

        Raises:
            ConfigError: a resource string of no known form.
        """
        return make_link(resource, line)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} at {self.address}, {self.state}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def state(self) -> State:
        """How far the instrument can be trusted at this moment; nothing is sent to find out."""
        if self._connecting:
            return State.CONNECTING
        if not self._link.is_open or self._opening != self._link.openings:
            return State.DOWN
        if self._dirty or self._link.is_dirty:
            return State.DIRTY
        return State.DEGRADED if self._troubles else State.UP

    def close(self) -> None:
        """Give the link back; nothing can be asked any more. The instrument is left as it is."""
        self._closed, self._opening = True, 0
        self._link.release(self.name)
        if self._stream is not None:
            self._stream.release(self.name)

    def disconnect(self) -> None:
        """Let go of the link, so that another program can have it; the next command takes it again."""
        self._link.close()

    def adopt(self) -> None:
        """Take what the instrument is set to for what is wanted: it is running, and shall go on as it is.

        Raises:
            LinkError: no answer.
        """
        with self._transaction():
            for setting in self.SETTINGS:
                if setting.writable and setting.readback:
                    found = self._read_surely(setting)
                    self._take_down(setting, found)
                    self._adopt(setting, found)

    def _adopt(self, setting: Setting, found: Judged) -> None:
        if found.quality is Quality.BAD:
            return
        try:
            self._wants.adopt(setting.name, self._accept(setting, found.value))
        except ControlError as error:
            self.logbook.add(Severity.WARNING, f"it was found so, and that is not wanted: {error}")

    def ping(self) -> bool:
        """Return True if the instrument is there; else `check` tells what is wrong.

        Raises:
            LinkError, IdentityError: as for `check`.
        """
        self.check()
        return True

    def identify(self) -> Identity:
        """Ask the instrument who it is, opening the link anew if it is down.

        Raises:
            IdentityError: another model, or another serial number than the setup says.
            LinkError: no answer, or one that makes no sense.
        """
        with self._transaction() as found:
            return found or self._recognise()

    def check(self) -> State:
        """Ask something harmless, to find out whether the instrument is there and unchanged."""
        with self._transaction():
            self._check()
            return self.state

    def acknowledge(self, seen: str | None = None) -> None:
        """Accept that settings were lost, so that the instrument may be set again.

        What was lost is not wanted any more: what the instrument is now, it may stay.

        Args:
            seen: the trouble that somebody has looked at; None for whatever there is.

        Raises:
            NotReady: there is other trouble by now.
        """
        with self._link.lock:
            if seen is not None and seen != self.trouble:
                raise NotReady(
                    device=self.name,
                    address=self.address,
                    action="accept what was lost",
                    reason=f"there is other trouble now: {self.trouble or 'none'}",
                    advice="Look again.",
                )
            self._wants.forget_lost()
            self._troubles.clear()

    def park(self) -> str:
        """Bring the instrument into its safe state.

        Returns:
            What was done, in a sentence.

        Raises:
            DeviceError: it does not answer, or refuses.
        """
        # Who has nothing to do must not break off what somebody else is doing.
        with self._urgently() if self.PARKS else self._transaction():
            self._park()
        self.logbook.add(Severity.NOTE, f"parked: {self.PARKING}")
        return self.PARKING

    def perform(self, action: str, *arguments: Any, **named: Any) -> Any:
        """Call one of the `ACTIONS` by its name.

        Raises:
            UnknownName: it is none of them; the message tells the nearest.
        """
        self._require_action(action)
        return getattr(self, action)(*arguments, **named)

    def _require_action(self, action: str) -> None:
        if action not in self.ACTIONS:
            raise UnknownName(what=self.name, kind="action", name=action, known=self.ACTIONS)

    def lacks(self, name: str) -> str:
        """Return why this very instrument does not have a setting of its driver; empty if it has it."""
        return self._absence(self.setting(name))

    def _absence(self, setting: Setting) -> str:
        return ""

    def range(self, name: str) -> Range:
        """Return what a setting may be: the tightest of the limits of instrument, driver and site."""
        return self._ranges[self.setting(name).name]

    def read(self, name: str) -> Value:
        """Read a setting from the instrument; never a remembered value.

        Args:
            name: a declared setting.

        Returns:
            The value in the setting's unit; a switch as a bool.

        Raises:
            UnknownName: no such setting.
            BadReading: the instrument says that it has no valid value.
            LinkError: no answer, or twice one that makes no sense.
        """
        reading = self.measure(name)
        if reading.value is None or reading.quality is Quality.BAD:
            raise BadReading(device=self.name, address=self.address, setting=name, note=reading.note)
        return reading.value

    def measure(self, name: str) -> Reading:
        """Read a setting from the instrument, with the time and with what the instrument thinks of it.

        Raises:
            UnknownName, LinkError: as for `read`.
        """
        setting = self.setting(name)
        try:
            with self._transaction():
                found = self._read_surely(setting)
        except BadReply:
            if not setting.idempotent:
                raise
            # A byte was lost or doubled. Asking again does no harm, after resynchronising.
            with self._transaction():
                found = self._read_surely(setting)
        return self._take_down(setting, found)

    def latest(self, name: str) -> Reading:
        """Return the last reading of a setting, and how much it is worth now; nothing is asked.

        Returns:
            The reading: stale if it is too old, or the instrument cannot be asked at the moment; without a
            value if there was none yet.

        Raises:
            UnknownName: no such setting.
        """
        setting = self.setting(name)
        if name not in self._latest:
            return Reading(name, None, setting.unit, time.time(), Quality.BAD, "not read yet")
        stamp, reading = self._latest[name]
        fresh = setting.fresh if self.state in {State.UP, State.DEGRADED} else NEVER_FRESH
        return reading.aged(time.monotonic() - stamp, fresh)

    def set(self, name: str, value: Value) -> Value:
        """Set a value, wait until it holds, and read it back.

        Args:
            name: a declared setting.
            value: the new value in the setting's unit.

        Returns:
            What the instrument says that it is set to now; the value itself if it does not say.

        Raises:
            UnknownName, UsageError: no such setting, or one that cannot be set so.
            LimitError: beyond a limit of the instrument, the driver or the site; nothing was sent.
            NotReady: not in the present state.
            Refused: the instrument said no.
            ReadBackError: it reads otherwise than it was set.
            LinkError: the link failed; whether the value holds is found out when it is back.
        """
        setting = self.setting(name)
        wanted = self._accept(setting, value)
        with self._transaction():
            self._require_ready(setting)
            if wanted is True:
                self._require_within(setting)
            self._intend(setting, wanted)
            actual = self._read_surely(setting) if setting.readback else judged(wanted)
        self._take_down(setting, actual)
        if setting.differs(wanted, actual.value):
            raise ReadBackError(
                device=self.name,
                address=self.address,
                setting=setting.name,
                wanted=wanted,
                actual=actual.value,
                tolerance=setting.tolerance,
                unit=setting.unit,
            )
        return actual.value

    def drifts(self) -> tuple[Drift, ...]:
        """Compare what the instrument is set to with what was asked of it. Nothing is set: no fight.

        Returns:
            The settings that somebody else has changed, at the front panel for instance.

        Raises:
            LinkError: no answer.
        """
        with self._transaction():
            found = tuple(self._compare(self._wants.values))
        for drift in found:
            self.logbook.add(Severity.WARNING, f"{drift}: somebody else has changed it")
        return found

    def _accept(self, setting: Setting, value: object) -> Value:
        """Return a value that may be sent, or say why it may not."""
        try:
            return setting.accept(value, self._ranges[setting.name])
        except DeviceError as error:
            error.device, error.address = self.name, self.address
            raise
        except UsageError as error:
            error.what = f"{self.name}: {error.what}"
            raise

    def _require_within(self, switch: Setting) -> None:
        """Refuse to switch something on while what it switches on is beyond the limits of the site."""
        for guard in map(self.setting, switch.guards):
            bounds = self._ranges[guard.name]
            if "site" not in (bounds.low_origin, bounds.high_origin):
                continue
            found = self._read_surely(guard)
            if found.quality is Quality.BAD or not isinstance(found.value, float):
                continue
            if found.value not in bounds:
                raise NotReady(
                    action=f"switch {switch.name} on while {guard.name} is {guard.show(found.value)}",
                    reason=f"the site allows {bounds.show(guard.unit)}",
                    advice=f"Set {guard.name} first.",
                )

    @contextmanager
    def _urgently(self) -> Iterator[Identity | None]:
        """Hold the link as `_transaction` does, and have others who wait with it for something make way."""
        self._count_urgent(1)
        with self._link.lock:
            self._count_urgent(-1)
            with self._transaction() as found:
                yield found

    def _count_urgent(self, change: int) -> None:
        with self._counting:
            self._urgent += change
            (self._overtaking.set if self._urgent else self._overtaking.clear)()

    def _give_way(self) -> None:
        """Break off, if somebody wants the instrument safe; called by who waits for a ramp, at every look.

        Raises:
            NotReady: somebody does.
        """
        if self._overtaking.is_set():
            raise NotReady(
                action="go on waiting",
                reason="somebody wants it safe",
                advice="See what was done, then start again.",
            )

    @contextmanager
    def _transaction(self) -> Iterator[Identity | None]:
        """Hold the link over several exchanges, having made sure that it is in order before the first.

        Yields:
            Who is there, if that had to be asked.
        """
        with self._link.lock:
            try:
                if self._closed:
                    raise NotReady(action="talk to it", reason="it was closed", advice="Connect to it again.")
                yield self._prepare()
            except DeviceError as error:
                error.device, error.address = self.name, self.address
                if isinstance(error, LinkTimeout | BadReply):
                    self._distrust()
                if isinstance(error, BadReply):
                    self.logbook.count_bad_reply()
                raise
            except BaseException:
                # Interrupted by hand between question and answer, perhaps.
                self._distrust()
                raise

    def _distrust(self) -> None:
        self._dirty = True
        if self._link.is_open:
            self._link.mark_dirty()

    def _intend(self, setting: Setting, wanted: Value) -> None:
        """Set a value, and remember what is wanted, however that ends."""
        self._wants.begin(setting.name, wanted)
        try:
            self._write(setting, wanted)
        except (LinkError, ReadBackError):
            raise  # perhaps it was heard, perhaps not: whoever asks next finds out
        except DeviceError:
            if math.isinf(setting.step):  # what goes in steps may have come half of the way
                self._wants.revert(setting.name)
            raise
        self._wants.settle(setting.name)

    def _take_down(self, setting: Setting, found: Judged) -> Reading:
        value = None if found.quality is Quality.BAD else found.value
        reading = Reading(setting.name, value, setting.unit, time.time(), found.quality, found.note)
        self._latest[setting.name] = time.monotonic(), reading
        return reading

    def _require_ready(self, setting: Setting) -> None:
        """Refuse to set anything while it is not known what the instrument is doing."""
        if self._troubles:
            raise NotReady(
                action=f"set {setting.name}",
                reason=self.trouble,
                advice="Read the settings, then call acknowledge().",
            )

    def _park(self) -> None:
        """Bring the instrument into its safe state, as `PARKING` says."""
