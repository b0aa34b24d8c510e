"""Trees that are kept the same in several programs: one changes them, the others follow.

A `Publisher` serves `Notifier` trees; a `Subscriber` holds a copy of one, and is told about each change. The
wire is that of ARTIQ's ports of datasets, schedule and devices. It has no word for its version of PYON: a
publisher is told which to speak, a subscriber finds out line by line.

Example:
    >>> from control.rpc import Notifier, Publisher, Subscriber
    >>> datasets = Notifier({"rate": 4.5})
    >>> with Publisher({"datasets": datasets}) as publisher:
    ...     with Subscriber("datasets", "127.0.0.1", publisher.port) as copy:
    ...         datasets["rate"] = 5.0
    ...         copy.wait_until(lambda tree: tree["rate"] == 5.0, timeout=5.0)
    True
"""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any

from control.errors import nearest
from control.rpc.audience import LONGEST_LINE, Audience
from control.rpc.closing import Closing, Serving
from control.rpc.dialects import V2, Dialect, as_text, sniff
from control.rpc.errors import BadMod
from control.rpc.feed import TIMEOUT, Feed, Lost
from control.rpc.lines import LineStream
from control.rpc.listener import LOOPBACK, Listener, Rejected
from control.rpc.notifier import Mod, Notifier, Watcher, apply_mod
from control.rpc.worker import Worker

logger = logging.getLogger(__name__)

BANNER = b"ARTIQ sync_struct"
MOST_BACKLOG = 64 << 20  # bytes that wait for a subscriber; who is that far behind will not catch up


class Publisher(Serving):
    """Serves trees from now until `close`.

    A subscriber who does not read is cut off, with a line in the log, rather than let the memory fill up.

    Args:
        notifiers: the trees, by name.
        host: address or addresses to listen on, "*" for all.
        port: TCP port; 0 takes a free one.
        ssl: for TLS; None for plain TCP.
        dialect: the version of PYON to speak: `V1` for programs of ARTIQ up to 8.
        backlog: bytes that may wait for a subscriber.

    Raises:
        CannotListen: the port is taken.
        NotEncodable: a tree holds something that cannot be sent.
    """

    def __init__(
        self,
        notifiers: Mapping[str, Notifier],
        host: str | Sequence[str] = LOOPBACK,
        port: int = 0,
        ssl: ssl.SSLContext | None = None,
        dialect: Dialect = V2,
        backlog: int = MOST_BACKLOG,
    ) -> None:
        self._notifiers = dict(notifiers)
        self._dialect = dialect
        for notifier in self._notifiers.values():
            with notifier.lock:
                self._whole(notifier)  # now, rather than when somebody asks for it
        self._listener = Listener("publisher", BANNER, self._converse, host, port, ssl)
        self._audience = Audience(self._listener.do, self._cut_off, backlog)
        self._watchers: list[tuple[Notifier, Watcher]] = []
        for name, notifier in self._notifiers.items():
            watcher = self._watcher(name)
            notifier.watch(watcher)
            self._watchers.append((notifier, watcher))
        self._worker = Worker("copies for subscribers")
        self._listener.start()

    def close(self) -> None:
        """Stop; the trees stay as they are. Closing twice does no harm."""
        while self._watchers:
            notifier, watcher = self._watchers.pop()
            notifier.unwatch(watcher)
        super().close()
        self._worker.stop()  # without waiting: it may wait for a tree that whoever closes holds

    def _watcher(self, name: str) -> Watcher:
        def prepare(mod: Mod) -> Callable[[], None]:
            line = self._dialect.line(dict(mod))  # now: what cannot be sent must not be made
            return lambda: self._audience.send(name, line)

        return prepare

    async def _converse(self, stream: LineStream) -> None:
        name = as_text(await stream.read_greeting(LONGEST_LINE))
        if name not in self._notifiers:
            raise Rejected(f"it asked for a notifier {name!r}. {nearest(name, self._notifiers)}")
        notifier = self._notifiers[name]

        def join() -> None:
            with notifier.lock:  # no mod between the copy and the joining
                self._audience.join(name, stream, self._whole(notifier))

        # Not here: who holds the tree for long would hold up all subscribers.
        outcome = await self._worker.run(join)
        if outcome.error is not None:
            raise outcome.error
        await self._audience.await_end(name, stream)

    def _whole(self, notifier: Notifier) -> bytes:
        return self._dialect.line({"action": "init", "struct": notifier.read()})

    def _cut_off(self, stream: LineStream, name: str) -> None:
        logger.warning(
            "publisher: cut off %s, which follows %s %d bytes behind", stream.peer, name, stream.backlog()
        )
        self._audience.leave(name, stream)
        stream.abort()


class Subscriber(Closing):
    """A copy of a tree in another program, which follows it from now until `close`.

    Args:
        name: of the notifier.
        host: name or address of the publisher.
        port: its TCP port.
        on_mod: called after each mod, the first ``init`` included, with the mod. What it raises is logged.
        on_lost: called when the connection is lost, with the error; the copy stays as it was.
        build: makes the copy of what an ``init`` brings, for instance a model that shows it.
        retry: s after which a lost connection is opened anew, None for never.
        timeout: for connecting, in s.
        ssl: for TLS; None for plain TCP.

    Raises:
        ControllerDown, CallTimeout: no publisher there.
        UnknownTarget: it has no notifier of this name.
    """

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        on_mod: Callable[[Mod], object] | None = None,
        on_lost: Lost | None = None,
        build: Callable[[Any], Any] | None = None,
        retry: float | None = None,
        timeout: float = TIMEOUT,
        ssl: ssl.SSLContext | None = None,
    ) -> None:
        self._on_mod, self._build = on_mod, build
        self._changed = threading.Condition(threading.RLock())
        self._tree: Any = None
        self._feed = Feed(BANNER, name, host, port, self._hear, on_lost, True, retry, timeout, ssl)

    @property
    def lock(self) -> AbstractContextManager[bool]:
        """Who holds it sees no change meanwhile; re-entrant."""
        return self._changed

    def read(self) -> Any:
        """Return the copy: to be read, and under `lock` where several values belong together."""
        return self._tree

    def wait_until(self, condition: Callable[[Any], bool], timeout: float) -> bool:
        """Wait until the copy fulfils a condition.

        Args:
            condition: gets the copy, while no mod is made; where it fails for lack of a key or an item, it is
                not fulfilled.
            timeout: how long in s.

        Returns:
            Whether it is fulfilled.
        """

        def fulfilled() -> bool:
            with suppress(LookupError):
                return condition(self._tree)
            return False

        with self._changed:
            return self._changed.wait_for(fulfilled, timeout)

    def close(self) -> None:
        """Stop following; the copy stays. Closing twice does no harm."""
        self._feed.close()

    def _hear(self, line: bytes) -> None:
        mod = sniff(line)
        if not isinstance(mod, dict):
            raise BadMod(mod={}, reason=f"it is a {type(mod).__name__}")
        with self._changed:
            tree = apply_mod(self._tree, mod)
            if mod["action"] == "init" and self._build is not None:
                tree = self._build(tree)
            self._tree = tree
            self._changed.notify_all()
        if self._on_mod is not None:
            try:
                self._on_mod(mod)
            except Exception:
                logger.exception("a subscriber's own function failed")
