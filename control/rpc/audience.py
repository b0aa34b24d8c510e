"""Clients that only listen, each to one topic; lines for them come from any thread.

The order in which lines and listeners come is kept: who joins between two lines gets the second of them and
not the first.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass

from control.rpc.lines import LineStream

LONGEST_LINE = 4096  # bytes; a listener says the name of a topic and then nothing


@dataclass(frozen=True, slots=True)
class Post:
    """Something for a topic.

    Attributes:
        topic: name of the topic.
        line: for all its listeners, or for the one who joins.
        joining: who joins with this line, if it is not for all.
    """

    topic: str
    line: bytes
    joining: LineStream | None = None


class Audience:
    """Listeners by topic, and the lines on their way to them.

    Args:
        do: has a function called in the thread of the event loop.
        full: called there for a listener who does not read, with the lines that he missed; he may be cut off.
        most: bytes that may wait for a listener.
    """

    def __init__(
        self, do: Callable[[Callable[[], None]], object], full: Callable[[LineStream, str], None], most: int
    ) -> None:
        self._do, self._full, self._most = do, full, most
        self._lock = threading.Lock()
        self._posts: list[Post] = []
        self._listeners: dict[str, dict[LineStream, int]] = {}

    def send(self, topic: str, line: bytes) -> None:
        """Send a line to all who listen to a topic; from any thread, without waiting."""
        self._post(Post(topic, line))

    def join(self, topic: str, stream: LineStream, first: bytes = b"") -> None:
        """Add a listener, who gets a line of his own and then those that are sent from now on."""
        self._post(Post(topic, first, stream))

    def leave(self, topic: str, stream: LineStream) -> None:
        """Remove a listener; in the thread of the loop."""
        listeners = self._listeners.get(topic, {})
        listeners.pop(stream, None)
        if not listeners:  # names are the listeners' own: they must not pile up
            self._listeners.pop(topic, None)

    async def await_end(self, topic: str, stream: LineStream) -> None:
        """Wait until a listener hangs up, and remove it.

        Raises:
            EOFError: it did.
        """
        try:
            await asyncio.sleep(0)  # his joining is on its way, and must not come after his leaving
            while True:
                await stream.read_line(LONGEST_LINE)
        finally:
            self.leave(topic, stream)

    def count(self, topic: str) -> int:
        """Return how many listen to a topic."""
        return len(self._listeners.get(topic, ()))

    def _post(self, post: Post) -> None:
        with self._lock:
            self._posts.append(post)
            first = len(self._posts) == 1
        if first:
            self._do(self._deliver)

    def _deliver(self) -> None:
        with self._lock:
            posts, self._posts = self._posts, []
        together: dict[str, list[bytes]] = {}  # one write for many lines
        for post in posts:
            if post.joining is None:
                together.setdefault(post.topic, []).append(post.line)
            else:
                self._write(post.topic, together.pop(post.topic, []))
                post.joining.write(post.line)
                # What he begins with may itself be long; only what comes after counts as a backlog.
                self._listeners.setdefault(post.topic, {})[post.joining] = self._most + len(post.line)
        for topic, lines in together.items():
            self._write(topic, lines)

    def _write(self, topic: str, lines: list[bytes]) -> None:
        data = b"".join(lines)
        for stream, most in tuple(self._listeners.get(topic, {}).items()):
            if stream.backlog() > most:
                self._full(stream, topic)
            else:
                stream.write(data)
