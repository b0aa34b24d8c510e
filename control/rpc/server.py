"""A pc_rpc server: lets the methods of objects be called over TCP, by clients of sipyco, ARTIQ and ionloom.

Drivers are synchronous, the server is not: an event loop in a thread of its own moves the bytes, and calls
are made in a worker thread, one after the other. So a slow instrument holds up the calls to it, but neither a
greeting, nor the list of methods, nor the end of the server. Coroutines run in the event loop.

Example:
    >>> class Shutter:
    ...     def ping(self) -> bool:
    ...         return True
    >>> from control.rpc import Client, Server
    >>> with Server({"shutter": Shutter()}) as server, Client("127.0.0.1", server.port) as shutter:
    ...     shutter.ping()
    True
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from control.errors import UsageError, nearest
from control.rpc.bounds import count_parts, glimpse
from control.rpc.closing import Serving
from control.rpc.dialects import V1, V2, Dialect, as_text
from control.rpc.errors import OUR_LONGEST, SIPYCO_LONGEST
from control.rpc.failures import pack_error, text_of
from control.rpc.greeting import BANNER
from control.rpc.lines import LineStream
from control.rpc.listener import LOOPBACK, Listener, Rejected
from control.rpc.methods import Method, describe, find_method, public_methods
from control.rpc.worker import Outcome, Worker, attempt

logger = logging.getLogger(__name__)

LONGEST_LINE = OUR_LONGEST
LONGEST_V1 = SIPYCO_LONGEST  # clients of the old dialect know no other servers
LONG_LINE = 1 << 20  # bytes, from which a request is read in a thread: that takes milliseconds
MOST_PARTS = 1_000_000  # values in such a request: 100 MB of objects; arrays count as one
LONGEST_CHOICE = 4096  # bytes of the line that names target and features
BUSY_SECONDS = 2.0  # that some calls wait for their turn; instruments answer within one
CLOSING_SECONDS = 5.0  # that a call in progress gets to end; drivers answer or give up sooner
TERMINATE = "terminate"


@dataclass(frozen=True, slots=True)
class Session:
    """What one client has chosen.

    Attributes:
        target: the object whose methods it calls.
        methods: those that it may call, by name.
        dialect: the PYON that it speaks.
        worker: the thread in which they run.
        stream: its connection.
        while_busy: answers that it gets when a call has to wait for long, by name of the method.
    """

    target: object
    methods: Mapping[str, Method]
    dialect: Dialect
    worker: Worker
    stream: LineStream
    while_busy: Mapping[str, Any]


class Server(Serving):
    """Serves objects from now until `close` or a client's `terminate`.

    Args:
        targets: what is served, by name. Their public methods can be called, or those that the attribute
            ``rpc_methods`` of an object names. Of a class, each client gets an instance of its own. The
            attribute ``rpc_while_busy`` maps names of methods to what is answered for them, without calling
            them, when their turn does not come within 2 s.
        description: a line about the whole, for who lists the targets.
        allow_parallel: whether calls of different clients may run at the same time; then each client has a
            thread. Otherwise all calls are made one after the other in one thread.
        host: address or addresses to listen on, "*" for all.
        port: TCP port; 0 takes a free one.
        ssl: for TLS, as `control.rpc.tls.server_context` makes it; None for plain TCP.
        can_terminate: whether a client may end the server with a call of ``terminate``.

    Raises:
        CannotListen: the port is taken.
        UsageError: an object names methods for callers that it does not have, or a target's name has spaces.
    """

    def __init__(
        self,
        targets: Mapping[str, object],
        description: str | None = None,
        allow_parallel: bool = False,
        host: str | Sequence[str] = LOOPBACK,
        port: int = 0,
        ssl: ssl.SSLContext | None = None,
        can_terminate: bool = True,
    ) -> None:
        for name in targets:
            if name.split() != [name] or not name.isascii():
                raise UsageError(
                    what=f"{name!r} cannot be the name of a target", advice="Use ASCII without spaces"
                )
        self._targets = dict(targets)
        self._methods = {name: public_methods(target) for name, target in self._targets.items()}
        self._hello = {"targets": sorted(targets), "description": description, "features": [V2.feature]}
        self._can_terminate = can_terminate
        self._terminating = False
        self._one_call = asyncio.Lock()
        name = f"RPC server of {', '.join(targets)}"
        self._listener = Listener(name, BANNER, self._converse, host, port, ssl)
        self._worker = None if allow_parallel else Worker(f"calls of {', '.join(targets)}")
        self._workers = [self._worker] if self._worker else []
        self._listener.start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the server has ended, as after a client's `terminate`.

        Args:
            timeout: how long in s, None for as long as it takes.

        Returns:
            Whether it has ended.
        """
        return self._listener.join(timeout)

    def close(self) -> None:
        """End the server; port, connections and threads are gone when this returns.

        A call in progress gets 5 s to end. If it takes longer, its thread is left to it, with a line in the
        log.
        """
        super().close()
        for worker in self._workers:
            worker.stop()
        for worker in self._workers:
            if not worker.join(CLOSING_SECONDS):
                logger.warning("a call is still running %g s after the server has ended", CLOSING_SECONDS)

    async def _converse(self, stream: LineStream) -> None:
        stream.write(json.dumps(self._hello, separators=(",", ":")).encode("ascii") + b"\n")
        name, dialect = self._choose(as_text(await stream.read_greeting(LONGEST_CHOICE)))
        worker = self._worker or self._hire(f"calls of {name} by {stream.peer}")
        try:
            session = await self._begin(name, dialect, worker, stream)
            known = {*session.methods, *([TERMINATE] if self._can_terminate else [])}
            stream.write(dialect.line(known))
            while (reply := await self._answer(session, await _listen(session))) is not None:
                stream.write(reply)
                if self._terminating:
                    return self._listener.stop()
                await stream.drain()
        finally:
            if worker is not self._worker:
                worker.stop()

    def _hire(self, name: str) -> Worker:
        self._workers = [*(worker for worker in self._workers if worker.is_alive), Worker(name)]
        return self._workers[-1]

    def _choose(self, line: str) -> tuple[str, Dialect]:
        """Return target and dialect that a client asks for."""
        name, *features = line.split()[:8] or [""]
        if name not in self._targets:
            raise Rejected(f"it asked for a target {name!r}. {nearest(name, self._targets)}")
        if any(feature != V2.feature for feature in features):
            raise Rejected(f"it asked for the features {features}; only {V2.feature} is known")
        return name, V2 if features else V1

    async def _begin(self, name: str, dialect: Dialect, worker: Worker, stream: LineStream) -> Session:
        target, methods = self._targets[name], self._methods[name]
        if isinstance(target, type):
            made = await worker.run(target)
            if made.error is not None:
                raise Rejected(f"its own {name} could not be made: {made.error!r}")
            target, methods = made.returned, public_methods(made.returned)
        while_busy = getattr(target, "rpc_while_busy", {})
        return Session(target, methods, dialect, worker, stream, while_busy)

    async def _answer(self, session: Session, request: Any) -> bytes | None:
        """Return the line that answers a request, None when the connection has to end without an answer."""
        if not isinstance(request, dict):
            raise Rejected(f"its request is a {type(request).__name__}")
        outcome = await self._act(session, request)
        if isinstance(outcome.error, SystemExit):  # a method that calls sys.exit ends the server
            if self._can_terminate:
                self._listener.stop()
            return None
        error = outcome.error
        if error is None:
            try:
                return session.dialect.line({"status": "ok", "ret": outcome.returned})
            except Exception as refusal:  # it may be any object, with mistakes of its own
                error = TypeError(f"what it returned cannot be sent: {text_of(refusal)}")
        return session.dialect.line({"status": "failed", "exception": pack_error(error, session.dialect)})

    async def _act(self, session: Session, request: dict[Any, Any]) -> Outcome:
        try:
            match request["action"]:
                case "get_rpc_method_list":
                    return Outcome(self._describe(session))
                case "call" if self._can_terminate and request["name"] == TERMINATE:
                    self._terminating = True
                    return Outcome()
                case "call":
                    method = find_method(session.methods, request["name"])
                    arguments = request["args"]
                    if not isinstance(arguments, (list, tuple)):
                        raise TypeError(f"the arguments are a {type(arguments).__name__}")
                    call = partial(method, *arguments, **request["kwargs"])
                    return await self._call(session, request["name"], call)
                case action:
                    raise ValueError(f"Unknown action: {glimpse(action)}")
        except EOFError:  # the client's; what a method raises is an outcome already
            raise
        except Exception as error:
            return Outcome(error=error)

    async def _call(self, session: Session, name: str, call: partial[Any]) -> Outcome:
        """Make a call when its turn comes.

        Raises:
            EOFError: the client has hung up meanwhile. What it does not wait for any more must not be done.
        """
        if self._worker is None:
            return await _make(session.worker, call)
        before = session.stream.has_ended()  # then it has said all, and still waits for answers
        try:
            async with asyncio.timeout(BUSY_SECONDS if name in session.while_busy else None):
                await self._one_call.acquire()
        except TimeoutError:
            return Outcome(session.while_busy[name])
        try:
            if session.stream.has_ended() and not before:
                peer = session.stream.peer
                logger.warning("%s hung up before the turn of its call; %s is not called", peer, name)
                raise EOFError
            return await _make(session.worker, call)
        finally:
            self._one_call.release()

    def _describe(self, session: Session) -> dict[str, Any]:
        described = describe(session.target, session.methods)
        if self._can_terminate:
            described["methods"][TERMINATE] = (
                {
                    "args": ["self"],
                    "defaults": None,
                    "varargs": None,
                    "varkw": None,
                    "kwonlyargs": [],
                    "kwonlydefaults": [],
                },
                "Terminate the server.",
            )
        return described


async def _make(worker: Worker, call: partial[Any]) -> Outcome:
    """Call a method, and wait for what it promises if it is a coroutine."""
    outcome = attempt(call) if inspect.iscoroutinefunction(call.func) else await worker.run(call)
    if not inspect.isawaitable(outcome.returned):
        return outcome
    try:
        return Outcome(await outcome.returned)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # the server ends
            raise
        return Outcome(error=error)
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        return Outcome(error=error)


async def _listen(session: Session) -> Any:
    """Return what the next line of a client says."""
    line = await session.stream.read_line(LONGEST_LINE if session.dialect is V2 else LONGEST_V1)
    if len(line) <= LONG_LINE:
        return session.dialect.value(line)
    return await asyncio.to_thread(_read_long, session.dialect, line)


def _read_long(dialect: Dialect, line: bytes) -> Any:
    if dialect is V2 and count_parts(line) > MOST_PARTS:
        raise Rejected(f"its request has more than {MOST_PARTS} values; long lists are sent as arrays")
    return dialect.value(line)
