"""What all instruments have in common: declared settings, limits, identity, and a state that does not lie.

A driver declares its settings and writes four methods (`_identify`, `_read`, `_write`, `_check`). What each
driver would otherwise get wrong in its own way is here, once: limits before sending, read-back after, one
lock around both, an identity check whenever the link was opened, and resynchronisation after trouble.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import ClassVar, Self

from control.errors import (
    BadReply,
    ConfigError,
    DeviceError,
    IdentityError,
    LinkTimeout,
    NotReady,
    ReadBackError,
    UnknownName,
    UsageError,
)
from control.settings import Range, Setting, Value, site_ranges
from control.transport import LineSettings, Link


class State(enum.StrEnum):
    """How far an instrument can be trusted at this moment."""

    DOWN = "down"  # no link, or nobody has asked who is there since it was opened
    UP = "up"
    DIRTY = "dirty"  # an answer was late or wrong: the next command resynchronises first
    DEGRADED = "degraded"  # it answers, but something was lost: `Device.trouble` says what


@dataclass(frozen=True, slots=True)
class Identity:
    """What an instrument says that it is.

    Attributes:
        maker: manufacturer.
        model: type designation.
        serial_number: of this very instrument.
        firmware: version, as the instrument writes it.
    """

    maker: str
    model: str
    serial_number: str
    firmware: str


class Device(ABC):
    """One instrument on one link.

    Args:
        name: its name in the setup; messages begin with it.
        link: an open link; it is given back by `close`.
        address: bus address, for instruments that share a line.
        serial_number: refuse to talk to any other instrument of the kind.
        limits: site limits, setting name to (lowest, highest), in the setting's unit.

    Raises:
        ConfigError: limits or an address that make no sense.

    Attributes:
        SETTINGS: what can be read and set.
        MODELS: the models that the driver knows.
        LINE: how a serial line to it is set up.
        ON_BUS: whether it has a bus address and shares its line.
        ANSWER_SECONDS: how long it may think about a question.
    """

    SETTINGS: ClassVar[tuple[Setting, ...]]
    MODELS: ClassVar[tuple[str, ...]]
    LINE: ClassVar[LineSettings] = LineSettings()
    ON_BUS: ClassVar[bool] = False
    ANSWER_SECONDS: ClassVar[float] = 1.0

    def __init__(
        self,
        name: str,
        link: Link,
        *,
        address: str | None = None,
        serial_number: str | None = None,
        limits: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        if address is not None and not self.ON_BUS:
            raise ConfigError(
                (f"{name}: this kind of instrument has no bus address; remove address = {address!r}.",)
            )
        self.name = name
        self.address = link.resource if address is None else f"{link.resource}, address {address}"
        self._link = link
        self._serial_number = serial_number
        self._ranges = site_ranges(name, self.SETTINGS, limits or {})
        self._identity: Identity | None = None
        self._opening = 0  # the link's count of openings when this instrument was last greeted
        self._met = False
        self._closed = False
        self._dirty = False
        self._trouble = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def state(self) -> State:
        """How far the instrument can be trusted at this moment; nothing is sent to find out."""
        if not self._link.is_open or self._opening != self._link.openings:
            return State.DOWN
        if self._dirty or self._link.is_dirty:
            return State.DIRTY
        return State.DEGRADED if self._trouble else State.UP

    @property
    def trouble(self) -> str:
        """What was lost, when the state is degraded; else empty."""
        return self._trouble

    def close(self) -> None:
        """Give the link back; nothing can be asked any more. The instrument is left as it is."""
        self._closed, self._opening = True, 0
        self._link.release(self.name)

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

    def acknowledge(self) -> None:
        """Accept that settings were lost, so that the instrument may be set again."""
        self._trouble = ""

    def range(self, name: str) -> Range:
        """Return what a setting may be: the tightest of the limits of instrument, driver and site."""
        return self._ranges[self._setting(name).name]

    def read(self, name: str) -> Value:
        """Read a setting from the instrument; never a remembered value.

        Args:
            name: a declared setting.

        Returns:
            The value in the setting's unit; a switch as a bool.

        Raises:
            UnknownName: no such setting.
            LinkError: no answer, or twice one that makes no sense.
        """
        setting = self._setting(name)
        try:
            with self._transaction():
                return self._read(setting)
        except BadReply:
            if not setting.idempotent:
                raise
        # A byte was lost or doubled. Asking again does no harm, after resynchronising.
        with self._transaction():
            return self._read(setting)

    def set(self, name: str, value: Value) -> Value:
        """Set a value, wait until it holds, and read it back.

        Args:
            name: a declared setting.
            value: the new value in the setting's unit.

        Returns:
            What the instrument says that it is set to now.

        Raises:
            UnknownName, UsageError: no such setting, or one that cannot be set so.
            LimitError: beyond a limit of the instrument, the driver or the site; nothing was sent.
            NotReady: not in the present state.
            Refused: the instrument said no.
            ReadBackError: it reads otherwise than it was set.
            LinkError: the link failed; whether the value holds is unknown.
        """
        setting = self._setting(name)
        wanted = self._accept(setting, value)
        with self._transaction():
            self._require_ready(setting)
            self._write(setting, wanted)
            actual = self._read(setting)
        if setting.differs(wanted, actual):
            raise ReadBackError(
                device=self.name,
                address=self.address,
                setting=setting.name,
                wanted=float(wanted),
                actual=float(actual),
                tolerance=setting.tolerance,
                unit=setting.unit,
            )
        return actual

    def table(self) -> str:
        """Return all settings with their values as the instrument has them now, for people to read."""
        rows = [("setting", "value", "allowed", "limited by", "meaning")]
        for setting in self.SETTINGS:
            value, bounds = setting.show(self.read(setting.name)), self._ranges[setting.name]
            allowed, origin = ("off, on", "") if setting.switch else (str(bounds), bounds.origins)
            rows.append((setting.name, value, allowed, origin, setting.doc))
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        lines = (
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
        )
        return "\n".join(line.rstrip() for line in lines)

    def _setting(self, name: str) -> Setting:
        for setting in self.SETTINGS:
            if setting.name == name:
                return setting
        known = tuple(setting.name for setting in self.SETTINGS)
        raise UnknownName(what=self.name, kind="setting", name=name, known=known)

    def _accept(self, setting: Setting, value: Value) -> Value:
        """Return a value that may be sent, or say why it may not."""
        if not setting.writable:
            raise UsageError(what=f"{self.name}: {setting.name} can be read only", advice=setting.doc)
        if setting.switch or isinstance(value, bool):
            if not (setting.switch and isinstance(value, bool)):
                kind = "True or False" if setting.switch else "a number"
                raise UsageError(
                    what=f"{self.name}: {setting.name} cannot be {value!r}", advice=f"Give {kind}."
                )
            return value
        try:
            return self._ranges[setting.name].check(setting, float(value))
        except DeviceError as error:
            error.device, error.address = self.name, self.address
            raise

    @contextmanager
    def _transaction(self) -> Iterator[Identity | None]:
        """Hold the link over several exchanges, having made sure that it is in order before the first.

        Yields:
            Who is there, if that had to be asked.
        """
        with self._link.lock:
            try:
                yield self._prepare()
            except DeviceError as error:
                error.device, error.address = self.name, self.address
                if isinstance(error, LinkTimeout | BadReply):
                    self._distrust()
                raise
            except BaseException:
                # Interrupted by hand between question and answer, perhaps.
                self._distrust()
                raise

    def _distrust(self) -> None:
        self._dirty = True
        if self._link.is_open:
            self._link.mark_dirty()

    def _prepare(self) -> Identity | None:
        """Bring the link in order and meet the instrument again where that is due; return who it is."""
        if self._closed:
            raise NotReady(action="talk to it", reason="it was closed", advice="Connect to it again.")
        if not self._link.is_open or self._link.is_dirty:
            self._link.resynchronise()
        found = None
        if self._opening != self._link.openings:
            found = self._recognise()
            self._greet(first=not self._met)
            self._opening, self._met = self._link.openings, True
        elif self._dirty:
            found = self._recognise()
            self._settle()
        self._dirty = False
        return found

    def _recognise(self) -> Identity:
        """Ask who is there; refuse any but the setup's instrument, or the one met before."""
        found = self._identify()
        if found.model not in self.MODELS:
            self._reject("model", " or ".join(self.MODELS), found.model)
        expected = self._serial_number or (self._identity.serial_number if self._identity else None)
        if expected is not None and found.serial_number != expected:
            self._reject("serial number", expected, found.serial_number)
        self._identity = found
        return found

    def _reject(self, what: str, expected: str, found: str) -> None:
        self._opening = 0
        raise IdentityError(what=what, expected=expected, found=found)

    def _degrade(self, trouble: str) -> None:
        self._trouble = trouble

    def _require_ready(self, setting: Setting) -> None:
        """Refuse to set anything while it is not known what the instrument is doing."""
        if self._trouble:
            raise NotReady(
                action=f"set {setting.name}",
                reason=self._trouble,
                advice="Read the settings, then call acknowledge().",
            )

    def _greet(self, *, first: bool) -> None:  # noqa: B027 (most instruments need none)
        """Ask what else must be known whenever the link was opened; `first` of this object's life or not."""

    def _settle(self) -> None:  # noqa: B027
        """Make sure that nothing of the command that went wrong is still going on."""

    @abstractmethod
    def _identify(self) -> Identity:
        """Ask who is there. On a dirty line the answer may be preceded by others, which are skipped."""

    @abstractmethod
    def _check(self) -> None:
        """Ask something that costs little and changes nothing."""

    @abstractmethod
    def _read(self, setting: Setting) -> Value:
        """Ask for the value of a setting."""

    @abstractmethod
    def _write(self, setting: Setting, value: Value) -> None:
        """Set an accepted value and return when it holds."""
