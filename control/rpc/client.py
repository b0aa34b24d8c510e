"""A pc_rpc client: calls the methods of an object in another program, ionloom's or any that speaks sipyco.

A call returns what the method returned or raises what it raised. A controller that is not there raises too:
there is no call that quietly does nothing.
"""

from __future__ import annotations

import enum
import functools
import ssl
import threading
from collections.abc import Callable
from typing import Any, Final

from control.rpc.bounds import glimpse
from control.rpc.closing import Closing
from control.rpc.dialects import V2, Dialect
from control.rpc.errors import (
    BadPyon,
    CallTimeout,
    ControllerDown,
    LineTooLong,
    NotRpc,
    UnknownMethod,
    UnknownTarget,
)
from control.rpc.failures import unpack_error
from control.rpc.greeting import BANNER, choice, offer_in
from control.rpc.lines import LineSocket, address_of
from control.transport import Deadline

TIMEOUT = 10.0  # s; instruments answer within one, and who homes a stage gives more
LONGEST_REPLY = 1 << 30  # bytes: more than that is no measurement, but a server gone wild
GREETING = "the greeting of an RPC server"


class Auto(enum.Enum):
    """The wish for the only target of a server."""

    AUTO = "the only target"


AUTO: Final = Auto.AUTO


class Client(Closing):
    """The target of a server, whose methods can be called as if they were this object's own.

    Thread-safe: calls from several threads are made one after the other. A lost connection or a time-out is
    raised once; the next call connects anew.

    Args:
        host: name or address of the server.
        port: its TCP port.
        target: name of the target; `AUTO` takes the only one.
        timeout: for connecting and for each call, in s; `math.inf` for as long as it takes. A plain
            attribute, to be changed at any time.
        ssl: for TLS, as `control.rpc.tls.client_context` makes it; None for plain TCP.

    Raises:
        ControllerDown: nobody there.
        CallTimeout: no answer in time.
        NotRpc: who answers does not speak this protocol.
        UnknownTarget: the server has no such target, or several to choose from.

    Attributes:
        targets: names of all targets of the server.
        description: what the server says about itself, None if nothing.
        target: name of the target in use.
        methods: names of the methods that can be called.
        address: host and port of the server.
    """

    def __init__(
        self,
        host: str,
        port: int,
        target: str | Auto = AUTO,
        timeout: float = TIMEOUT,
        ssl: ssl.SSLContext | None = None,
    ) -> None:
        self.timeout = timeout
        self.targets: tuple[str, ...] = ()
        self.description: str | None = None
        self.target = "" if isinstance(target, Auto) else target
        self.methods: frozenset[str] = frozenset()
        self.address = address_of(host, port)
        self._peer, self._ssl = (host, port), ssl
        self._dialect: Dialect = V2
        self._line: LineSocket | None = None
        self._closed = False
        self._lock = threading.RLock()
        self._open()

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call a method and return what it returns.

        Args:
            name: of the method.
            *args: its arguments; what PYON can carry.
            **kwargs: the same, by name.

        Raises:
            NotEncodable: an argument cannot be sent; nothing was.
            ControllerDown: the connection is lost; whether the method was called is not known.
            CallTimeout: no answer in time; the method may still be running.
            Exception: what the method raised, or `RemoteError` for a class that is not known here.
        """
        return self._ask({"action": "call", "name": name, "args": args, "kwargs": kwargs}, name)

    def describe(self) -> dict[str, Any]:
        """Return docstring, methods, their signatures and docstrings, as the server tells them."""
        told: dict[str, Any] = self._ask({"action": "get_rpc_method_list"}, "get_rpc_method_list")
        return told

    def close(self) -> None:
        """Close the connection for good, under a call of another thread too; closing twice does no harm."""
        self._closed = True
        if (line := self._line) is not None:
            line.hang_up()
        with self._lock:
            self._drop()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):  # never a remote method; and what copies or shows objects asks for them
            raise AttributeError(name)
        if name not in self.methods:
            known = tuple(self.methods)
            raise UnknownMethod(device=self.target, address=self.address, name=name, known=known)
        return functools.partial(self.call, name)

    def __repr__(self) -> str:
        return f"Client of {self.target} ({self.address})"

    def _ask(self, request: dict[str, Any], name: str) -> Any:
        """Send a request and return what is returned, or raise what is raised."""
        tried = f"call {name}"
        with self._lock:
            line = self._line or self._open()
            data = self._dialect.line(request)
            reply = self._exchange(line, data, tried, Deadline.after(self.timeout))
            match reply:
                case {"status": str("ok"), "ret": returned}:  # an array would be equal item by item
                    return returned
                case {"status": str("failed"), "exception": {"class": str(), "message": str()} as failure}:
                    raise unpack_error(failure, self.target, self.address, name)
            raise self._foreign(glimpse(reply).encode(), "a reply", tried)

    def _open(self) -> LineSocket:
        """Connect, and agree with the server on target and dialect."""
        if self._closed:
            raise self._down("connect", "this client is closed")
        deadline = Deadline.after(self.timeout)
        try:
            line = LineSocket(*self._peer, deadline, self._ssl)
        except (OSError, EOFError) as error:
            raise self._lost(error, "connect") from error
        self._line, self._dialect = line, V2  # in which v1 servers greet too
        hello = self._exchange(line, BANNER + b"\n", "greet it", deadline)
        target, self._dialect = self._choose(hello)
        methods = self._exchange(line, choice(target, self._dialect), f"choose target {target}", deadline)
        if not isinstance(methods, (set, list, tuple, dict)):  # v1 writes an empty set as {}
            raise self._foreign(glimpse(methods).encode(), "the names of methods", f"choose target {target}")
        self.target, self.methods = target, frozenset(name for name in methods if isinstance(name, str))
        return line

    def _choose(self, hello: object) -> tuple[str, Dialect]:
        """Return target and dialect to ask for, of what a greeting offers."""
        offer = offer_in(hello)
        if offer is None:
            raise self._foreign(glimpse(hello).encode(), GREETING, "greet it")
        self.targets, self.description = offer.targets, offer.description
        wanted = self.target or (self.targets[0] if len(self.targets) == 1 else "")
        if wanted not in self.targets:
            self._drop()
            raise UnknownTarget(address=self.address, name=wanted, known=self.targets)
        return wanted, offer.dialect

    def _exchange(self, line: LineSocket, data: bytes, tried: str, deadline: Deadline) -> Any:
        """Send a line and return what the next one says."""
        answer = b""
        try:
            line.send(data, deadline)
            answer = line.read_line(deadline, LONGEST_REPLY)
            return self._dialect.value(answer)
        except BadPyon:
            raise self._foreign(answer, GREETING if tried == "greet it" else "PYON", tried) from None
        except LineTooLong as error:
            error.device, error.tried = self.target, tried
            self._drop()
            raise
        except (OSError, EOFError) as error:
            raise self._lost(error, tried, len(data)) from error
        except BaseException:  # Ctrl-C: the answer still comes, and must not be taken for the next one
            self._drop()
            raise

    def _lost(self, error: Exception, tried: str, sent: int = 0) -> Exception:
        """Return in our words how the connection was lost."""
        self._drop()
        if isinstance(error, TimeoutError):
            return CallTimeout(device=self.target, address=self.address, tried=tried, seconds=self.timeout)
        if isinstance(error, EOFError):
            return (
                self._foreign(b"", GREETING, tried)
                if tried == "greet it"
                else self._down(tried, "it hung up", sent)
            )
        return self._down(tried, getattr(error, "strerror", None) or str(error), sent)

    def _down(self, tried: str, reason: str, sent: int = 0) -> ControllerDown:
        return ControllerDown(device=self.target, address=self.address, tried=tried, reason=reason, sent=sent)

    def _foreign(self, answer: bytes, expected: str, tried: str) -> NotRpc:
        """Give up on somebody who does not speak the protocol."""
        self._drop()
        return NotRpc(device=self.target, address=self.address, tried=tried, reply=answer, expected=expected)

    def _drop(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
