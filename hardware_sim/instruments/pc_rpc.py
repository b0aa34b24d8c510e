r"""The conversation of ARTIQ's remote procedure calls (pc_rpc), on the side of the controller.

A client says ``ARTIQ pc_rpc``, is told the targets, names one and the version of PYON, is told its methods,
and then sends one call a line. A call may be answered later; answers come in the order of the calls.

Source: the wire of sipyco, as captured.
"""

from __future__ import annotations

import inspect
import json
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from hardware_sim.instruments.endpoint import SessionEndedError
from hardware_sim.instruments.line_buffer import LineBuffer
from hardware_sim.instruments.pyon_text import PyonError, decode_v1, decode_v2, encode_v1, encode_v2

BANNER: Final = b"ARTIQ pc_rpc"
FEATURE: Final = "pyon_v2"
INPUT_BUFFER: Final = 1 << 20  # bytes without a line end; free choice


@dataclass(frozen=True, slots=True)
class Later:
    """What a method returns that cannot answer yet.

    Attributes:
        result: Gives the answer, or None as long as there is none.
    """

    result: Callable[[], object | None]


@dataclass(eq=False)
class RemoteError(Exception):
    """An error of the controller's own kind, which clients know by its name only.

    Attributes:
        kind: Full name of the kind.
        message: What is wrong.
    """

    kind: str
    message: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


class Target(Protocol):
    """A controller, whose methods clients call."""

    powered: bool

    def advance(self, now: float) -> None:
        """Come to what is true at lab time ``now`` (s), so that methods need no time."""
        ...

    def next_event(self) -> float | None:
        """Return the lab time in s at which something happens next, None if nothing is under way."""
        ...

    def complain(self, text: str) -> None:
        """Remember that a client did something wrong."""
        ...


class RpcSession:
    """One client of a controller."""

    def __init__(self, target: Target, name: str, interface: object) -> None:
        """Wait for the client's first line.

        Args:
            target: The controller.
            name: Of the target, for the client.
            interface: Object whose public methods clients may call.
        """
        self._target, self._name, self._interface = target, name, interface
        self._lines = LineBuffer(b"\n", limit=INPUT_BUFFER)
        self._hear: Callable[[bytes], bytes] = self._greet
        self._encode, self._decode = encode_v1, decode_v1
        self._answers: deque[bytes | Later] = deque()

    def receive(self, data: bytes, now: float) -> bytes:
        """Take lines, call what they ask for, and give the answers that are ready.

        Raises:
            SessionEndedError: If the client does not speak the protocol; it is not told why.
        """
        if not self._target.powered:
            return b""
        self._target.advance(now)
        self._lines.put(data)
        said = b""
        for line in iter(self._lines.take, None):
            said += self._hear(line.removesuffix(b"\r"))
            self._target.advance(now)
        if self._lines.overflow():
            raise self._end("a line is too long")
        return said + self._answer()

    def due(self) -> float | None:
        """Return the lab time in s at which something happens that may be an answer."""
        return self._target.next_event()

    def close(self) -> None:
        """Forget the client and what it waits for."""
        self._answers.clear()

    def _end(self, reason: str) -> SessionEndedError:
        self._target.complain(reason)
        return SessionEndedError()

    def _answer(self) -> bytes:
        said = b""
        while self._answers:
            answer = self._answers[0]
            if isinstance(answer, Later):
                result = answer.result()
                if result is None:
                    break
                answer = self._pack({"status": "ok", "ret": result})
            said += answer
            self._answers.popleft()
        return said

    def _pack(self, value: object) -> bytes:
        return self._encode(value).encode("ascii") + b"\n"

    def _greet(self, line: bytes) -> bytes:
        if line != BANNER:
            raise self._end(f"{line!r} is no greeting")
        self._hear = self._choose
        offer = {"targets": [self._name], "description": None, "features": [FEATURE]}
        return json.dumps(offer, separators=(",", ":")).encode("ascii") + b"\n"

    def _choose(self, line: bytes) -> bytes:
        name, *features = line.decode("latin-1").split(" ")
        if name != self._name or not set(features) <= {FEATURE}:
            raise self._end(f"{line!r} chooses nothing that there is")
        if features:
            self._encode, self._decode = encode_v2, decode_v2
        self._hear = self._call
        return self._pack(set(_methods(self._interface)))

    def _call(self, line: bytes) -> bytes:
        try:
            request = self._decode(line.decode("ascii"))
        except (PyonError, UnicodeDecodeError) as error:
            raise self._end(str(error)) from None
        if not isinstance(request, dict):
            raise self._end(f"{line!r} is no request")
        try:
            result = self._perform(request)
            answer = result if isinstance(result, Later) else self._pack({"status": "ok", "ret": result})
        except Exception as error:  # told to the client, as every controller does
            self._target.complain(str(error))
            answer = self._pack({"status": "failed", "exception": _describe(error)})
        self._answers.append(answer)
        return b""

    def _perform(self, request: dict[str, Any]) -> object:
        action = request["action"]
        if action == "get_rpc_method_list":
            return _list_methods(self._interface)
        if action != "call":
            raise ValueError(f"Unknown action: {action}")
        methods = _methods(self._interface)
        if request["name"] not in methods:
            kind = type(self._interface).__name__
            raise AttributeError(f"{kind!r} object has no attribute {request['name']!r}")
        result: object = methods[request["name"]](*request["args"], **request["kwargs"])
        return result


def _methods(interface: object) -> dict[str, Callable[..., object]]:
    members = inspect.getmembers(interface, inspect.ismethod)
    return {name: method for name, method in members if not name.startswith("_")}


def _list_methods(interface: object) -> dict[str, object]:
    listed: dict[str, object] = {}
    for name, method in _methods(interface).items():
        specification = inspect.getfullargspec(method)._asdict()
        specification["annotations"] = {key: str(each) for key, each in specification["annotations"].items()}
        listed[name] = (specification, inspect.getdoc(method))
    return {"docstring": inspect.getdoc(interface), "methods": listed}


def _describe(error: Exception) -> dict[str, object]:
    builtin = type(error).__module__ == "builtins"
    return {
        "class": type(error).__name__ if builtin else "GenericRemoteException",
        "message": str(error),
        "traceback": traceback.format_tb(error.__traceback__),
    }
