"""What can go wrong upstairs, told to whoever can put it right.

    ControlError
    ├── ConfigError              for who wrote the setup file or the command line: all problems at once
    ├── ExperimentError          for who wrote the experiment: its own code failed, and where
    ├── InterruptedRun           somebody pressed Ctrl-C: what was measured until then is kept
    ├── MissingExtra             an optional package is needed, and how to install it
    ├── UsageError               for who calls: something that no instrument has to be asked about
    │   └── UnknownName          a driver or a setting that does not exist; tells the nearest names
    └── DeviceError              for who stands at the instrument: which device, at which address
        ├── LinkError            the bytes did not go through; tells what was tried
        │   ├── LinkDown         nobody at the other end, or the other end hung up
        │   ├── LinkTimeout      no complete answer in time
        │   └── BadReply         an answer that is not what the protocol says
        ├── Refused              the instrument said no: its code and its text
        ├── NotReady             the driver will not do it in the present state
        ├── LimitError           a value beyond a limit: of the instrument, the driver or the site
        ├── ReadBackError        the instrument holds another value than the one it was given
        ├── BadReading           it answers, but says itself that what it measured is none
        └── IdentityError        another instrument answers at this address

Facts are fields; the text is made in ``__str__``. Errors survive pickling, so that a scheduler or a remote
call can hand them on whole.
"""

# ruff: noqa: N818 (they are named as one says it at the instrument: "link down", "refused", "not ready")

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

LONGEST_QUOTE = 60  # bytes of a request or an answer that a message shows: one line of a terminal
LONGEST_NAME = 80  # characters of a name that are compared with others, which takes its time

DIGITS = 12
"""Significant digits of a value that is shown: as many as the best instruments have."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known names that look like `name`, as the end of a message.

    Example:
        >>> nearest("ell41", ["ell14", "smc100a"])
        'Did you mean ell14?'
        >>> nearest("laser", ["ell14", "smc100a"])
        'Known: ell14, smc100a.'
    """
    names = sorted(known)
    close = difflib.get_close_matches(str(name)[:LONGEST_NAME], names, n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(close)}?" if close else f"Known: {', '.join(names) or 'none'}."


def quote(data: bytes) -> str:
    """Return bytes from the wire as they are shown in a message, cut to one line."""
    tail = "..." if len(data) > LONGEST_QUOTE else ""
    return repr(data[:LONGEST_QUOTE])[1:] + tail


def show(value: float, unit: str, digits: int) -> str:
    """Return a value with the unit that suits its size, as `sequences.units.show` does."""
    # Late: a command that only shows its help must not wait for the compiler of sequences.
    from sequences import units  # noqa: PLC0415

    return units.show(value, unit, digits)


def span(low: float, high: float, unit: str) -> str:
    """Return two values and what is between them, for people; a unit without prefix is told once.

    Args:
        low: the lowest value, in the unit.
        high: the highest value, in the unit.
        unit: base unit, as `sequences.units` spells it.

    Example:
        >>> span(23e6, 24e6, "Hz"), span(-30.0, 3.0, "dBm"), span(0.0, 4e-5, "A")
        ('23 MHz to 24 MHz', '-30 to 3 dBm', '0 A to 40 uA')
    """
    lowest, highest = show(low, unit, DIGITS), show(high, unit, DIGITS)
    plain = f" {unit}"
    if lowest.endswith(plain) and highest.endswith(plain):
        lowest = lowest.removesuffix(plain)
    return f"{lowest} to {highest}"


def _rebuild(kind: Callable[..., ControlError], facts: dict[str, Any]) -> ControlError:
    return kind(**facts)


class ControlError(Exception):
    """Base of everything that the control room says."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception would rebuild from positional arguments, which keyword-only facts do not have.
        return _rebuild, (type(self), {name: getattr(self, name) for name in self._facts()})

    def _facts(self) -> Iterable[str]:
        return getattr(type(self), "__dataclass_fields__", ())


@dataclass(eq=False)
class ConfigError(ControlError):
    """The setup file or the command line cannot be used as it is.

    Attributes:
        problems: one sentence each, in the order in which they were found.
    """

    problems: tuple[str, ...]

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return self.problems[0]
        return "\n".join(
            [f"{len(self.problems)} problems:", *(f"  - {problem}" for problem in self.problems)]
        )


@dataclass(eq=False, kw_only=True)
class ExperimentError(ControlError):
    """The code of an experiment failed.

    Attributes:
        what: which part of it, such as "analyse() of rabi_scan".
        place: file and line where it failed.
        reason: the error, with its kind.
        kept: file that holds the measured data, when there are any.
    """

    what: str
    place: str
    reason: str
    kept: str = ""

    def __str__(self) -> str:
        advice = f" The data are kept in {self.kept}: mend the code, then `ionloom analyze` them."
        return f"{self.place}: {self.what} failed: {self.reason}.{advice if self.kept else ''}"


@dataclass(eq=False, kw_only=True)
class InterruptedRun(ControlError):
    """A run was stopped by hand; its file is closed.

    Attributes:
        path: the run file.
        points: how many points are complete.
        planned: how many there were to be.
    """

    path: str
    points: int
    planned: int

    def __str__(self) -> str:
        return f"interrupted after {self.points} of {self.planned} points, which are kept in {self.path}"


@dataclass(eq=False, kw_only=True)
class MissingExtra(ControlError):
    """An optional package is not installed.

    Attributes:
        what: what needs it.
        package: the package.
        extra: the extra of ionloom that brings it.
    """

    what: str
    package: str
    extra: str

    def __str__(self) -> str:
        return f"{self.what} need {self.package}, which is not installed: pip install 'ionloom[{self.extra}]'"


@dataclass(eq=False, kw_only=True)
class UsageError(ControlError):
    """A call that no instrument has to be asked about.

    Attributes:
        what: what was asked and why it cannot be.
        advice: what to do instead.
    """

    what: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.what}. {self.advice}".rstrip()


@dataclass(eq=False, kw_only=True)
class UnknownName(UsageError):
    """A name that nothing goes by.

    Attributes:
        kind: what was looked for, "driver" or "setting".
        name: the name as given.
        known: all names of that kind.
    """

    kind: str
    name: str
    known: tuple[str, ...]
    what: str = ""

    def __str__(self) -> str:
        where = f"{self.what}: " if self.what else ""
        return f"{where}there is no {self.kind} {self.name!r}. {nearest(self.name, self.known)}"


@dataclass(eq=False, kw_only=True)
class DeviceError(ControlError):
    """Trouble with one instrument.

    Attributes:
        device: its name in the setup, empty when only the link is known.
        address: its resource string, with the bus address if it has one.
    """

    device: str = ""
    address: str = ""

    @property
    def where(self) -> str:
        """The device and its address, as far as they are known."""
        if self.device and self.address:
            return f"{self.device} ({self.address})"
        return self.device or self.address or "instrument"


@dataclass(eq=False, kw_only=True)
class LinkError(DeviceError):
    """The bytes did not go through.

    Attributes:
        tried: what was being done.
    """

    tried: str


@dataclass(eq=False, kw_only=True)
class LinkDown(LinkError):
    """Nobody at the other end, or the other end hung up.

    Attributes:
        reason: what the operating system said.
        advice: what to do.
    """

    reason: str
    advice: str = "Is it powered and plugged in? Is the address right? Is another program connected to it?"

    def __str__(self) -> str:
        return f"{self.where}: the link is down: {self.reason} (tried to {self.tried}). {self.advice}"


@dataclass(eq=False, kw_only=True)
class LinkTimeout(LinkError):
    """No complete answer in time. The link is resynchronised before the next command.

    Attributes:
        seconds: how long was waited.
        heard: what had arrived until then.
    """

    seconds: float
    heard: bytes = b""

    def __str__(self) -> str:
        heard = f"only {quote(self.heard)} came" if self.heard else "nothing came"
        return (
            f"{self.where}: no answer within {self.seconds:g} s, {heard} (tried to {self.tried}). "
            "Is it busy or switched off? Are the address and the line settings right?"
        )


@dataclass(eq=False, kw_only=True)
class BadReply(LinkError):
    """An answer that is not what the protocol says.

    Attributes:
        reply: the answer as it came.
        expected: what it should have been.
    """

    reply: bytes
    expected: str

    def __str__(self) -> str:
        return (
            f"{self.where}: the answer {quote(self.reply)} is not {self.expected} (tried to {self.tried}). "
            "Is the line noisy, is another program talking to it, or is it another kind of instrument?"
        )


@dataclass(eq=False, kw_only=True)
class Refused(DeviceError):
    """The instrument said no.

    Attributes:
        command: what it was told, as sent.
        code: its error number.
        text: its own words, or those of its manual.
        advice: what to do.
    """

    command: str
    code: int
    text: str
    advice: str = "What it was set to before still holds."

    def __str__(self) -> str:
        return f"{self.where} refused {self.command!r} with error {self.code}: {self.text}. {self.advice}"


@dataclass(eq=False, kw_only=True)
class NotReady(DeviceError):
    """The driver will not do it in the present state of the instrument.

    Attributes:
        action: what was asked for.
        reason: why not now.
        advice: what to do first.
    """

    action: str
    reason: str
    advice: str

    def __str__(self) -> str:
        return f"{self.where}: cannot {self.action}: {self.reason}. {self.advice}"


@dataclass(eq=False, kw_only=True)
class LimitError(DeviceError):
    """A value beyond a limit, or not a finite number; nothing was sent.

    Attributes:
        setting: name of the setting.
        value: what was asked for.
        unit: unit of the value and of the limits.
        low: the lowest value allowed.
        high: the highest value allowed.
        origin: whose limit is broken: "instrument", "driver" or "site".
    """

    setting: str
    value: float
    unit: str
    low: float
    high: float
    origin: str

    @property
    def limit(self) -> float:
        """The limit that is broken; for a value that is not a number, the upper one."""
        return self.low if self.value < self.low else self.high

    def __str__(self) -> str:
        allowed = span(self.low, self.high, self.unit)
        asked = f"{self.where}: {self.setting} cannot be {show(self.value, self.unit, DIGITS)}"
        if not math.isfinite(self.value):
            return f"{asked}: not a finite number. Give one from {allowed}."
        side = "below" if self.value < self.low else "above"
        advice = " or change the limit in the setup file" if self.origin == "site" else ""
        return (
            f"{asked}: {side} {show(self.limit, self.unit, DIGITS)}, the limit of the {self.origin}. "
            f"Give a value from {allowed}{advice}."
        )


@dataclass(eq=False, kw_only=True)
class ReadBackError(DeviceError):
    """The instrument holds another value than the one it was given.

    Attributes:
        setting: name of the setting.
        wanted: what was sent.
        actual: what was read afterwards.
        tolerance: the largest difference allowed.
        unit: unit of the three.
    """

    setting: str
    wanted: float | str
    actual: float | str
    tolerance: float
    unit: str

    def __str__(self) -> str:
        if isinstance(self.wanted, str) or isinstance(self.actual, str):
            values = f"was set to {self.wanted!r} but reads {self.actual!r}"
        else:
            values = (
                f"was set to {show(self.wanted, self.unit, DIGITS)} "
                f"but reads {show(self.actual, self.unit, DIGITS)} "
                f"(tolerance {show(self.tolerance, self.unit, 3)})"
            )
        return f"{self.where}: {self.setting} {values}. Is somebody else setting it, or is it blocked?"


@dataclass(eq=False, kw_only=True)
class BadReading(DeviceError):
    """The instrument answers, but what it measured is nothing that may be used.

    Attributes:
        setting: name of the setting.
        note: why, in a few words.
    """

    setting: str
    note: str

    def __str__(self) -> str:
        return (
            f"{self.where}: {self.setting} has no valid reading: {self.note}. Nothing was used in its place."
        )


@dataclass(eq=False, kw_only=True)
class IdentityError(DeviceError):
    """Another instrument answers at this address; nothing but the question was sent.

    Attributes:
        what: "model" or "serial number".
        expected: what it should be.
        found: what the instrument says.
        known: who says what it should be.
    """

    what: str
    expected: str
    found: str
    known: str = "the setup"

    def __str__(self) -> str:
        meant = "correct the setup file" if self.known == "the setup" else "connect to it anew"
        return (
            f"{self.where}: the {self.what} is {self.found!r}, not {self.expected!r} as {self.known} says. "
            f"Is the address right? Were two instruments exchanged? If this one is meant, {meant}."
        )
