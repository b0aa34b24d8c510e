"""A file that only grows at its end, in whole pieces, and whose end a thread brings to the disk."""

from __future__ import annotations

import os
import sys
import threading
import warnings
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple

_MOST_PARTS: Final = 1024
"""That one writev takes: IOV_MAX of Linux and macOS."""


class Mark(NamedTuple):
    """How far a file has grown: one value, so that nothing comes between its two numbers."""

    end: int
    pieces: int


class AppendFile:
    """An open file that grows by pieces: each is there as a whole, or cut off again.

    Attributes:
        mark: end of the last whole piece in bytes, and number of pieces.
        synced: bytes that are surely on the disk.
    """

    def __init__(self, descriptor: int, mark: Mark, sync_every: float) -> None:
        """Take over a descriptor opened to append.

        Args:
            descriptor: of the file, closed by `close`.
            mark: where it ends.
            sync_every: seconds from one look of the thread, whether there is something to sync, to the next.
        """
        self.mark = mark
        self.synced = 0
        self._descriptor = descriptor
        self._goal = mark.end
        self._failure: OSError | None = None
        self._syncing = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=_keep_synced,
            args=(weakref.ref(self), self._closing, sync_every),
            name="journal sync",
            daemon=True,
        )
        try:
            self._thread.start()
        except BaseException:
            self._descriptor = -1  # stays with the caller
            raise
        _OPEN.add(self)

    @property
    def closed(self) -> bool:
        """Whether it takes no more pieces."""
        return self._descriptor < 0

    def append(self, parts: Sequence[bytes | memoryview]) -> None:
        """Write the parts of one piece, without copying them.

        Raises:
            OSError: if the system refuses; nothing of the piece is left in the file.
        """
        if self._failure is not None:
            raise OSError(*self._failure.args)
        self.settle()
        self._goal = self.mark.end + sum(map(len, parts))
        try:
            write_all(self._descriptor, parts)
        finally:
            # After a Ctrl-C, too, all of it is there or nothing. If this fails, the next piece tries again.
            with suppress(OSError):
                self.settle()

    def settle(self) -> None:
        """Count the last piece if it is there as a whole, cut it off if it is not."""
        if self._goal == self.mark.end:
            return
        if os.fstat(self._descriptor).st_size >= self._goal:
            self.mark = Mark(self._goal, self.mark.pieces + 1)
        else:
            os.ftruncate(self._descriptor, self.mark.end)
            self._goal = self.mark.end

    def sync(self) -> None:
        """Bring every piece to the disk.

        Raises:
            OSError: if the system could not, now or at an earlier time: what the disk holds behind `synced`
                is unknown from then on, and trying again would not tell (the system forgets the failure).
        """
        with self._syncing:
            if self._failure is not None:
                raise OSError(*self._failure.args)
            end = self.mark.end
            if end > self.synced:
                try:
                    _bring_to_disk(self._descriptor)
                except OSError as error:
                    self._failure = error
                    raise
                self.synced = end

    def close(self) -> None:
        """Bring the last pieces to the disk and let go of the file; a second time does nothing.

        Raises:
            OSError: if they could not be brought there; the file is closed all the same.
        """
        if self.closed:
            return
        self._closing.set()
        self._thread.join()
        _OPEN.discard(self)
        try:
            self.settle()
            self.sync()
        finally:
            self._let_go()

    def __del__(self) -> None:
        if not self.closed:
            warnings.warn("a journal was forgotten without close()", ResourceWarning, stacklevel=2)
            self._closing.set()
            self._let_go()

    def _let_go(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        os.close(descriptor)


_OPEN: Final[weakref.WeakSet[AppendFile]] = weakref.WeakSet()
"""Of this process: the only way to find them after a fork."""


def _leave_to_parent() -> None:
    # A process that was forked off shares the lock; should it outlive its parent, the file would seem to
    # have a writer for ever.
    for file in list(_OPEN):
        _OPEN.discard(file)
        file._let_go()  # noqa: SLF001


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_leave_to_parent)


def _keep_synced(reference: weakref.ref[AppendFile], closing: threading.Event, sync_every: float) -> None:
    """Sync every now and then; a failure is kept by the file and told at the next append."""
    while not closing.wait(sync_every):
        file = reference()
        if file is None:
            return
        with suppress(OSError):
            file.sync()
        del file


def _bring_to_disk(descriptor: int) -> None:
    if sys.platform == "linux":
        os.fdatasync(descriptor)
    else:
        os.fsync(descriptor)


def write_all(descriptor: int, parts: Sequence[bytes | memoryview]) -> None:
    """Write parts one behind the other, as many as possible with one call."""
    left = [memoryview(part) for part in parts]
    while left:
        if sys.platform == "win32":
            written = os.write(descriptor, left[0])
        else:
            written = os.writev(descriptor, left[:_MOST_PARTS])
        done = 0
        while done < len(left) and written >= len(left[done]):
            written -= len(left[done])
            done += 1
        del left[:done]
        if left:
            left[0] = left[0][written:]
