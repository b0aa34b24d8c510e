"""Knowing an instrument: who it is, what it was asked to be, and what it has lost since one last looked.

A link that was away proves nothing about the instrument at its end. Whenever it is back, the instrument is
met anew: it is asked who it is and whether it was without power, and what was wanted is held against what it
says. What a power cycle took is set again where that harms nothing; where it could hurt ions or instruments,
there is trouble, and nothing is set until somebody has looked.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, TypeVar

from control.device.happenings import Logbook, Severity
from control.device.identity import Identity
from control.device.readings import LOOKS, Judged, Quality, judged, majority, repeated
from control.device.settings import Range, Setting, Value
from control.device.wants import Drift, Wants
from control.errors import BadReply, ControlError, DeviceError, IdentityError, LinkError, UnknownName
from control.transport import Link

Answer = TypeVar("Answer")

MOST_TROUBLES = 8  # that are remembered at a time; the logbook has them all


class Acquaintance(ABC):
    """What is known of one instrument, and how it is met again; `Device` is what users see of it.

    Attributes:
        SETTINGS: what can be read and set.
        MODELS: the models that the driver knows.
        CHECKED: whether its answers carry a check sum. On a serial line, others are asked for twice.
        RESTARTED: what it means that the instrument was without power, in a sentence.
        name: its name in the setup.
        logbook: what happened to it.
    """

    SETTINGS: ClassVar[tuple[Setting, ...]]
    MODELS: ClassVar[tuple[str, ...]]
    CHECKED: ClassVar[bool] = False
    RESTARTED: ClassVar[str] = "it was switched off and on again, its settings are those of its start-up"

    def __init__(self, name: str, link: Link, serial_number: str | None, ranges: dict[str, Range]) -> None:
        """Know nothing yet; arguments are those of `Device`, and what the site allows for each setting."""
        self.name = name
        self.logbook = Logbook()
        self._link = link
        self._serial_number = serial_number
        self._site_ranges = ranges
        self._ranges = dict(ranges)
        self._identity: Identity | None = None
        self._opening = 0  # the link's count of openings when this instrument was last greeted
        self._met = False
        self._dirty = False
        self._connecting = False
        self._troubles: dict[str, None] = {}  # an ordered set
        self._restarted = False  # noticed, and not yet dealt with to the end
        self._tells_restarts = False
        self._wants = Wants()

    @property
    def trouble(self) -> str:
        """What was lost, when the state is degraded; else empty."""
        return "; ".join(self._troubles)

    @property
    def wanted(self) -> Mapping[str, Value]:
        """What it was set to through this object: setting -> value in the setting's unit."""
        return self._wants.values

    @property
    def identity(self) -> Identity | None:
        """Who answered when it was last asked; None before."""
        return self._identity

    @property
    def opening(self) -> int:
        """The number of the link's opening at which it was met last; a new one if it was away meanwhile."""
        return self._opening

    def setting(self, name: str) -> Setting:
        """Return the declaration of a setting.

        Raises:
            UnknownName: there is none; the message tells the nearest.
        """
        for setting in self.SETTINGS:
            if setting.name == name:
                return setting
        known = tuple(setting.name for setting in self.SETTINGS)
        raise UnknownName(what=self.name, kind="setting", name=str(name), known=known)

    def _prepare(self) -> Identity | None:
        """Bring the link in order and meet the instrument again where that is due; return who it is."""
        found = None
        was_down = self._connecting = not self._link.is_open
        try:
            if not self._link.is_open or self._link.is_dirty:
                self._link.resynchronise()
            if self._opening != self._link.openings:
                self._connecting = True
                found = self._meet(was_down=was_down)
            elif self._dirty:
                found = self._recognise()
                self._settle()
                self._clear_doubts()
            elif self._wants.doubtful:
                self._clear_doubts()
        finally:
            self._connecting = False
        self._dirty = False
        return found

    def _meet(self, *, was_down: bool) -> Identity:
        """Get to know the instrument after the link was opened; see what was lost since the last time."""
        found = self._recognise()
        self._note_restart(self._has_restarted())
        self._greet_anew(first=not self._met)
        if self._met:
            self._recover(was_down=was_down)
        self._opening, self._met = self._link.openings, True
        return found

    def _look_for_restart(self) -> None:
        """Find out whether the instrument was without power while the link stayed up, and deal with it."""
        self._note_restart(self._has_restarted())
        if self._restarted:
            self._recognise()
            self._greet_anew(first=False)
            self._recover(was_down=False)

    def _note_restart(self, restarted: bool | None) -> None:
        """Remember a restart before anything else is asked: the instrument tells of it only once."""
        self._tells_restarts = restarted is not None
        if not (restarted and self._met):
            return
        self._restarted = True
        self.logbook.add(Severity.ALARM, self.RESTARTED)
        if not all(each.restore for each in self.SETTINGS if each.writable):
            self._degrade(self.RESTARTED)

    def _greet_anew(self, *, first: bool) -> None:
        # What the instrument can do may have changed: a switch turned, another head plugged in.
        self._ranges = dict(self._site_ranges)
        self._greet(first=first)

    def _tighten(self, name: str, low: float, high: float) -> None:
        """Take over limits that the instrument itself has for a setting, in the setting's unit."""
        self._ranges[name] = self._ranges[name].tightened(low, high, "instrument")

    def _recover(self, *, was_down: bool) -> None:
        """Bring back what was lost where that harms nothing; else be degraded until somebody has looked.

        Args:
            was_down: whether the link was lost, not merely opened anew because an answer came late.
        """
        try:
            self._reinstate()
        except LinkError:
            raise
        except DeviceError as error:
            self._degrade(f"it could not be brought back: {error}")
        self._clear_doubts()
        powerless = self._restarted or (was_down and not self._tells_restarts)
        for drift in tuple(self._compare(self._wants.values)):
            if not self.setting(drift.setting).restore:
                self._lose(drift.setting, f"while the link was down: {drift}")
            elif powerless:
                self._set_again(drift)
            else:
                self.logbook.add(Severity.WARNING, f"{drift}: somebody else has changed it")
        self._restarted = False

    def _set_again(self, drift: Drift) -> None:
        setting = self.setting(drift.setting)
        try:
            self._write(setting, setting.accept(drift.wanted, self._ranges[setting.name]))
        except LinkError:
            raise
        except ControlError as error:
            if isinstance(error, DeviceError):
                error.device = self.name
            self._lose(setting.name, f"{setting.name} could not be set again: {error}")
        else:
            self.logbook.add(Severity.NOTE, f"{setting.name} was set again to {drift.wanted}")

    def _lose(self, name: str, trouble: str) -> None:
        self._wants.lose(name)
        self._degrade(trouble)

    def _compare(self, wanted: Mapping[str, Value]) -> Iterator[Drift]:
        for name, value in wanted.items():
            setting = self.setting(name)
            if not setting.readback and not setting.tolerance:
                continue
            actual = self._read_surely(setting)
            if actual.quality is not Quality.BAD and setting.differs(value, actual.value):
                yield Drift(name, value, actual.value, setting.unit)

    def _read_surely(self, setting: Setting) -> Judged:
        """Read a setting, as surely as the line needs and the instrument allows."""

        def read() -> Judged:
            return judged(self._read(setting))

        if not setting.idempotent:
            return read()
        return self._surely(read, lambda heard: majority(setting, heard), f"read {setting.name}")

    def _surely(
        self,
        ask: Callable[[], Answer],
        believed: Callable[[Sequence[Answer]], Answer | None] = repeated,
        tried: str = f"ask {LOOKS} times",
    ) -> Answer:
        """Ask; where a byte can change on the way unnoticed, until answers agree.

        Args:
            ask: asks once.
            believed: returns what is to be believed of the answers so far, at least two; None if they do not
                tell. Usually it is one that came twice.
            tried: what is done, for the message if the answers stay different.
        """
        heard = [ask()]
        if self.CHECKED or self._link.GUARDED:
            return heard[0]
        while len(heard) < LOOKS:
            heard.append(ask())
            found = believed(heard)
            if found is not None:
                return found
        answers = ", ".join(map(str, heard))
        raise BadReply(tried=tried, reply=answers.encode(), expected="the same answer twice")

    def _clear_doubts(self) -> None:
        """Find out which of the commands that got no answer were heard."""
        for name, wanted in self._wants.doubtful.items():
            drift = next(self._compare({name: wanted}), None)
            before = self._wants.before(name)
            if drift is None:
                self._wants.settle(name)
            elif before is None or not self.setting(name).differs(before, drift.actual):
                self.logbook.add(Severity.WARNING, f"{name} was not set to {wanted}: lost on the way")
                self._wants.revert(name)
            else:
                self._lose(name, f"{drift}, and not {before} as before: it was broken off on the way")

    def _recognise(self) -> Identity:
        """Ask who is there; refuse any but the setup's instrument, or the one met before."""
        found = self._identify()
        if self._stranger(found) and not (self.CHECKED or self._link.GUARDED):
            found = self._identify()  # a byte may have been harmed on the way
        if stranger := self._stranger(found):
            self._opening = 0
            raise IdentityError(
                what=stranger[0],
                expected=stranger[1],
                found=stranger[2],
                known="the setup" if self._serial_number or stranger[0] == "model" else "an earlier answer",
            )
        self._identity = found
        return found

    def _stranger(self, found: Identity) -> tuple[str, str, str] | None:
        """Return what is wrong with an identity, what it should be, and what it is; None if it is right."""
        if found.model not in self.MODELS:
            return "model", " or ".join(self.MODELS), found.model
        expected = self._serial_number or (self._identity.serial_number if self._identity else None)
        if expected is not None and found.serial_number != expected:
            return "serial number", expected, found.serial_number
        return None

    def _degrade(self, trouble: str) -> None:
        """Note that something was lost: nothing is set until somebody has acknowledged it."""
        if len(self._troubles) < MOST_TROUBLES:
            self._troubles.setdefault(trouble)
        self.logbook.add(Severity.ALARM, trouble)

    def _greet(self, *, first: bool) -> None:  # noqa: B027 (most instruments need none)
        """Ask what else must be known whenever the link was opened; `first` of this object's life or not."""

    def _settle(self) -> None:  # noqa: B027
        """Make sure that nothing of the command that went wrong is still going on."""

    def _has_restarted(self) -> bool | None:
        """Return whether it says that it was without power since last asked; None if it cannot tell."""
        return None

    def _reinstate(self) -> None:  # noqa: B027
        """Bring back what the time without link may have taken, beside settings, where that harms nothing."""

    @abstractmethod
    def _identify(self) -> Identity:
        """Ask who is there. On a dirty line the answer may be preceded by others, which are skipped."""

    @abstractmethod
    def _check(self) -> None:
        """Ask something that costs little and changes nothing."""

    @abstractmethod
    def _read(self, setting: Setting) -> Value | Judged:
        """Ask for the value of a setting; a value that the instrument itself doubts is judged."""

    @abstractmethod
    def _write(self, setting: Setting, value: Value) -> None:
        """Set an accepted value and return when it holds."""
