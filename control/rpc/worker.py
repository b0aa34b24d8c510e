"""A thread that does one thing after the other for an event loop, which meanwhile serves others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call: what it returned, or the error that it raised."""

    returned: Any = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A call that somebody waits for."""

    function: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Outcome]


class Worker:
    """A thread for synchronous code.

    The thread is a daemon: a call that never returns must not keep the program from ending.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, function: Callable[[], Any]) -> Outcome:
        """Have a function called in the thread, and wait for the outcome."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Outcome] = loop.create_future()
        self._jobs.put(Job(function, loop, done))
        return await done

    @property
    def is_alive(self) -> bool:
        """Whether the thread has not ended."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Let the thread end after what it is doing, without waiting for it."""
        self._jobs.put(None)

    def join(self, seconds: float) -> bool:
        """Wait for the thread to end after `stop`.

        Returns:
            Whether it has ended; True in the thread itself, which cannot wait for itself.
        """
        if threading.current_thread() is self._thread:
            return True
        self._thread.join(seconds)
        return not self.is_alive

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            outcome = attempt(job.function)
            try:
                job.loop.call_soon_threadsafe(_deliver, job.done, outcome)
            except RuntimeError:  # the loop has ended, and who waited with it
                continue


def attempt(function: Callable[[], Any]) -> Outcome:
    """Call a function, and return what it returns or raises."""
    try:
        return Outcome(function())
    except BaseException as error:  # SystemExit too: it is for the caller, not for this thread
        return Outcome(error=error)


def _deliver(done: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not done.done():
        done.set_result(outcome)
