"""What can go wrong between a client and a controller, in the words of who stands at the instrument.

    ControlError
    ├── NotEncodable (TypeError)       a value that PYON cannot carry
    ├── BadPyon (ValueError)           a text that is not PYON, or too deep, or with an unknown tag
    ├── BadMod                         a change that does not fit the tree it is for
    ├── CannotListen                   a server finds its port taken
    └── DeviceError
        ├── LinkError
        │   ├── LinkDown    <- ControllerDown   nobody there, or it hung up
        │   ├── LinkTimeout <- CallTimeout      no answer in time; the call may still be running there
        │   ├── BadReply    <- NotRpc           who answers does not speak this protocol
        │   └── LineTooLong                     a line longer than its reader takes
        ├── UnknownTarget              a controller without a target, or a notifier, of this name
        ├── UnknownMethod (AttributeError)      a target without a method of this name
        └── RemoteError                the method failed there; its class is not known here

Builtin exceptions of the other side are raised as themselves, and errors of `control.errors` too when both
sides are ionloom's.
"""

# ruff: noqa: N818 (named as the errors of the room are)

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from control.errors import (
    BadReply,
    ControlError,
    DeviceError,
    LinkDown,
    LinkError,
    LinkTimeout,
    nearest,
    quote,
)
from control.rpc.bounds import glimpse

TLS_ADVICE = "Do both sides use TLS and know each other's certificate, or neither?"
SIPYCO_LONGEST = 4 << 20  # bytes of a request; a sipyco server hangs up on a longer one
OUR_LONGEST = 64 << 20  # bytes of a request to ionloom's: an array argument of 6 million float64
LONGEST_REASON = 200  # characters of what may come from a stranger
DEEPEST_SHOWN = 5  # keys of a path
LONGEST_SHOWN = 80  # characters that are kept of his text; `quote` shows fewer


@dataclass(eq=False, kw_only=True)
class NotEncodable(ControlError, TypeError):
    """A value that PYON cannot carry.

    Attributes:
        kind: the type of the value.
        version: of PYON, "v1" or "v2".
        reason: more than "it has no such type".
    """

    kind: str
    version: str
    reason: str = ""

    def __str__(self) -> str:
        reason = self.reason or (
            "Send None, bool, numbers, str, bytes, list, tuple, set, dict, slice, Fraction or numpy arrays."
        )
        return f"{self.kind} is not PYON encodable ({self.version}). {reason}"


@dataclass(eq=False, kw_only=True)
class BadPyon(ControlError, ValueError):
    """A text that is not PYON.

    Attributes:
        reason: what is wrong with it.
        version: of PYON, "v1" or "v2".
        text: the beginning of the text.
    """

    reason: str
    version: str
    text: str = ""

    def __post_init__(self) -> None:
        self.reason, self.text = self.reason[:LONGEST_REASON], self.text[:LONGEST_SHOWN]

    def __str__(self) -> str:
        shown = f": {quote(self.text.encode('utf-8', 'replace'))}" if self.text else ""
        return f"not PYON ({self.version}): {self.reason}{shown}"


@dataclass(eq=False, kw_only=True)
class BadMod(ControlError):
    """A change of a tree that is none, or that does not fit.

    Attributes:
        mod: the change.
        reason: what is wrong with it.
    """

    mod: dict[str, Any]
    reason: str

    def __str__(self) -> str:
        path = self.mod.get("path", [])
        place = (
            "/".join(map(glimpse, path[:DEEPEST_SHOWN])) if isinstance(path, (list, tuple)) else glimpse(path)
        )
        reason = self.reason[:LONGEST_REASON]
        return f"cannot {glimpse(self.mod.get('action'))} at {place or 'the root'}: {reason}"


@dataclass(eq=False, kw_only=True)
class CannotListen(ControlError):
    """A server cannot have the port that it was given.

    Attributes:
        address: host and port.
        reason: what the operating system said.
        advice: what to do.
    """

    address: str
    reason: str
    advice: str = "Is the same controller running already? Port 0 takes a free one."

    def __str__(self) -> str:
        return f"cannot listen on {self.address}: {self.reason}. {self.advice}"


@dataclass(eq=False, kw_only=True)
class ControllerDown(LinkDown):
    """No controller at this address, or the connection to it was lost.

    Attributes:
        sent: bytes of the request that was lost, 0 if there was none.
    """

    sent: int = 0

    def __str__(self) -> str:
        advice = f"Is the controller running? Are host and port right? {TLS_ADVICE}"
        if self.sent > SIPYCO_LONGEST:
            advice = (
                f"The request had {self.sent} bytes; sipyco servers hang up above {SIPYCO_LONGEST}, "
                f"ionloom's above {OUR_LONGEST}. Send large arrays in parts."
            )
        return f"{self.where}: no connection: {self.reason} (tried to {self.tried}). {advice}"


@dataclass(eq=False, kw_only=True)
class CallTimeout(LinkTimeout):
    """No answer in time; the connection was closed, because the answer may still come."""

    def __str__(self) -> str:
        return (
            f"{self.where}: no answer within {self.seconds:g} s (tried to {self.tried}). "
            "It may still be doing it. Give the client a longer timeout if that is normal."
        )


@dataclass(eq=False, kw_only=True)
class NotRpc(BadReply):
    """Who answers at this address does not speak the protocol."""

    def __str__(self) -> str:
        answer = f"it answered {quote(self.reply)}" if self.reply else "it hung up"
        return (
            f"{self.where}: {answer} instead of {self.expected} (tried to {self.tried}). "
            f"Is this the port of another service? {TLS_ADVICE}"
        )


@dataclass(eq=False, kw_only=True)
class LineTooLong(LinkError):
    """A line longer than its reader takes; the connection was closed.

    Attributes:
        limit: bytes of the longest line that is taken.
    """

    limit: int

    def __str__(self) -> str:
        return (
            f"{self.where}: a line of more than {self.limit} bytes (tried to {self.tried}). "
            "Send large arrays in parts."
        )


@dataclass(eq=False, kw_only=True)
class UnknownTarget(DeviceError):
    """A server that does not have what was asked for.

    Attributes:
        name: what was asked for, empty when one of several has to be chosen.
        known: what it has.
        kind: what is looked for: "target" or "notifier".
    """

    name: str
    known: tuple[str, ...]
    kind: str = "target"

    def __str__(self) -> str:
        if not self.name:
            return f"{self.where}: choose one of the {self.kind}s {', '.join(self.known)}."
        known = f" {nearest(self.name, self.known)}" if self.known else ""
        return f"{self.where}: there is no {self.kind} {self.name!r}.{known}"


@dataclass(eq=False, kw_only=True)
class UnknownMethod(DeviceError, AttributeError):
    """A target that has no such method, or does not let it be called from afar.

    Attributes:
        name: of the method.
        known: the methods that can be called.
    """

    name: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.where}: there is no method {self.name!r}. {nearest(self.name, self.known)}"


@dataclass(eq=False, kw_only=True)
class RemoteError(DeviceError):
    """A method failed at the other end with an error whose class is not known here.

    Attributes:
        method: what was called.
        kind: class of the error there.
        message: its text.
        parent_traceback: where it was raised there, as lines of text.
    """

    method: str
    kind: str
    message: str
    parent_traceback: tuple[str, ...] = ()

    def __str__(self) -> str:
        kind = "" if self.kind == "GenericRemoteException" else f"{self.kind}: "
        return f"{self.where}: {self.method} failed there: {kind}{self.message}"
