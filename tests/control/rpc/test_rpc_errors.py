"""Messages of calls that go wrong, and that their errors can be caught by kind and handed on."""

from __future__ import annotations

import pickle

import pytest

from control.errors import BadReply, ControlError, DeviceError, LinkDown, LinkError, LinkTimeout
from control.rpc.errors import (
    BadMod,
    BadPyon,
    CallTimeout,
    CannotListen,
    ControllerDown,
    LineTooLong,
    NotEncodable,
    NotRpc,
    RemoteError,
    UnknownMethod,
    UnknownTarget,
)

AT = {"device": "psu", "address": "127.0.0.1:3300"}
WHERE = "psu (127.0.0.1:3300)"
ALL = [
    NotEncodable(kind="frozenset", version="v1"),
    BadPyon(reason="nested too deeply", version="v2", text="[[["),
    BadMod(mod={"action": "pop", "path": ["a"], "i": 0}, reason="IndexError: pop from empty list"),
    CannotListen(address="127.0.0.1:3300", reason="permission denied"),
    ControllerDown(**AT, tried="call ping", reason="it hung up", sent=10),
    CallTimeout(**AT, tried="call ping", seconds=10.0),
    NotRpc(**AT, tried="greet it", reply=b"220 ftp ready", expected="the greeting of an RPC server"),
    LineTooLong(**AT, tried="call read", limit=1000),
    UnknownTarget(**AT, name="x", known=("a", "b")),
    UnknownMethod(**AT, name="x", known=("a", "b")),
    RemoteError(
        **AT, method="set", kind="GenericRemoteException", message="drv.Trip: 4 A", parent_traceback=("a",)
    ),
]


TEXTS = [
    "frozenset is not PYON encodable (v1). "
    "Send None, bool, numbers, str, bytes, list, tuple, set, dict, slice, Fraction or numpy arrays.",
    "not PYON (v2): nested too deeply: '[[['",
    "cannot pop at a: IndexError: pop from empty list",
    "cannot listen on 127.0.0.1:3300: permission denied. "
    "Is the same controller running already? Port 0 takes a free one.",
    f"{WHERE}: no connection: it hung up (tried to call ping). Is the controller running? "
    "Are host and port right? Do both sides use TLS and know each other's certificate, or neither?",
    f"{WHERE}: no answer within 10 s (tried to call ping). It may still be doing it. "
    "Give the client a longer timeout if that is normal.",
    f"{WHERE}: it answered '220 ftp ready' instead of the greeting of an RPC server "
    "(tried to greet it). "
    "Is this the port of another service? "
    "Do both sides use TLS and know each other's certificate, or neither?",
    f"{WHERE}: a line of more than 1000 bytes (tried to call read). Send large arrays in parts.",
    f"{WHERE}: there is no target 'x'. Known: a, b.",
    f"{WHERE}: there is no method 'x'. Known: a, b.",
    f"{WHERE}: set failed there: drv.Trip: 4 A",
]


@pytest.mark.parametrize(
    ("error", "text"),
    list(zip(ALL, TEXTS, strict=True)),
    ids=lambda value: type(value).__name__ if isinstance(value, ControlError) else "",
)
def test_each_message_says_what_where_and_what_to_do(error: ControlError, text: str) -> None:
    assert str(error) == text


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_errors_can_be_handed_to_another_process(error: ControlError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own)
    assert type(again) is type(error)
    assert str(again) == str(error)


def test_errors_are_caught_by_what_they_are() -> None:
    """Whoever handles links to instruments handles controllers as well."""
    assert issubclass(ControllerDown, LinkDown)
    assert issubclass(CallTimeout, LinkTimeout)
    assert issubclass(NotRpc, BadReply)
    assert issubclass(LineTooLong, LinkError)
    assert issubclass(UnknownTarget, DeviceError)
    assert issubclass(UnknownMethod, AttributeError)
    assert issubclass(RemoteError, DeviceError)
    assert issubclass(NotEncodable, TypeError)
    assert issubclass(BadPyon, ValueError)


def test_a_name_of_any_length_is_compared_at_once() -> None:
    """The search takes a time that grows with its length: minutes, before it was cut."""
    error = UnknownTarget(**AT, name="angle " * 100_000, known=("angle", "velocity"))
    assert str(error).endswith("Known: angle, velocity.")
