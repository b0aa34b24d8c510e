"""Writing a journal: what has been appended survives the program, what has been synced the computer."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from data.disk import reason_of, sync_folder
from data.errors import (
    JournalBusyError,
    NoSpaceError,
    RunClosedError,
    RunFileError,
    UnwritableFolderError,
    WriteFailedError,
)
from data.journal.append_file import AppendFile, Mark, write_all
from data.journal.frames import (
    FIRST_FRAME,
    HEADER_BYTES,
    OWNER,
    checksum,
    pack_head,
    pack_header,
    padded,
    seed_of,
)
from data.journal.locks import take_lock
from data.journal.machine import this_machine
from data.journal.reader import JournalReader

Buffer = bytes | bytearray | memoryview | NDArray[Any]

SYNC_EVERY: Final = 0.2
"""s: what a power cut costs at most, unless `sync` is called."""

_IDENTITY_BYTES: Final = 16

UNNAMED: Final = ".begun"
"""What stands behind the name of a journal as long as it is being made."""

_RENAMES_OPEN_FILES: Final = sys.platform != "win32"

_BINARY: Final = getattr(os, "O_BINARY", 0)
"""Windows changes line ends without it."""


class JournalWriter:
    """A journal that is being written. Use it in a `with` block, or call `close`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with JournalWriter.create(Path(folder) / "run.journal") as writer:
    ...         writer.append(1, [b"begun"])
    ...         writer.append(2, [np.arange(3), b"end"])
    ...     with JournalReader(Path(folder) / "run.journal") as reader:
    ...         [(frame.kind, frame.sequence, frame.length) for frame in reader.poll()]
    [(1, 1, 5), (2, 2, 27)]

    Threads may append at the same time. A process that is forked off does not inherit the journal.

    Attributes:
        path: of the file.
        points: completed points of the run, as who appends them counts them: errors say that they are safe.
    """

    def __init__(self, path: Path, file: AppendFile, identity: bytes) -> None:
        self.path = path
        self.points = 0
        self._file = file
        self._seed = seed_of(identity)
        self._writing = threading.Lock()

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        begin: Sequence[tuple[int, Sequence[Buffer]]] = (),
        *,
        sync_every: float = SYNC_EVERY,
    ) -> JournalWriter:
        """Create a journal; when this returns, the disk holds it and its name.

        It gets its name when its first frames are on the disk, so that nobody sees it without them.

        Args:
            path: of the file, in a folder that is there.
            begin: kind and payload of each of these frames, see `append`.
            sync_every: seconds after which appended frames are brought to the disk without being asked.

        Raises:
            FileExistsError: if there is a file of this name.
            UnwritableFolderError: if the system does not let the file be made.
            NoSpaceError: if the disk is full.
            WriteFailedError: if the system refuses to write.
        """
        path = Path(path)
        unnamed = path.with_name(path.name + UNNAMED) if _RENAMES_OPEN_FILES else path
        try:
            descriptor = os.open(unnamed, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        except FileExistsError:
            raise
        except OSError as error:
            raise UnwritableFolderError(path.parent, reason_of(error)) from error
        try:
            writer = cls._take(unnamed, descriptor, sync_every)
            try:
                for kind, buffers in begin:
                    writer.append(kind, buffers)
                writer._name(path)  # noqa: SLF001 - its own
            except BaseException:
                with suppress(RunFileError):
                    writer.close()
                raise
        except BaseException:
            with suppress(OSError):
                unnamed.unlink()
            raise
        return writer

    def _name(self, path: Path) -> None:
        """Give a new journal its name, which nobody else can do meanwhile: each has to make the same file."""
        self.sync()
        if self.path != path:
            if path.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
            try:
                self.path.rename(path)
            except OSError as error:
                raise UnwritableFolderError(path.parent, reason_of(error)) from error
            self.path = path
        with suppress(OSError):  # some network drives cannot; a disk that is broken has shown right above
            sync_folder(path.parent)

    @classmethod
    def reopen(cls, path: str | os.PathLike[str], *, sync_every: float = SYNC_EVERY) -> JournalWriter:
        """Take over a journal whose writer is gone: what it left half-written is cut off.

        Args:
            path: of the file.
            sync_every: as for `create`.

        Raises:
            JournalBusyError: if another program is writing it.
            UnwritableFolderError: if the system does not let the file be changed.
            ForeignJournalError: if the file is no journal.
            NewerJournalError: if it was written by a later ionloom.
            DamagedRunError: if its head is lost.
            NoSpaceError: if the disk is full.
            WriteFailedError: if the system refuses to write.
        """
        path = Path(path)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | _BINARY)
        except OSError as error:
            raise UnwritableFolderError(path, reason_of(error)) from error
        return cls._take(path, descriptor, sync_every)

    @classmethod
    def _take(cls, path: Path, descriptor: int, sync_every: float) -> JournalWriter:
        """Lock an open file, find or make its head, and sign it."""
        try:
            locked = take_lock(descriptor)
            identity, mark = _prepare(path, descriptor)
            file = AppendFile(descriptor, mark, sync_every)
        except BaseException as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                raise JournalBusyError(path) from error
            if isinstance(error, OSError):
                raise _told(error, path, FIRST_FRAME, 0) from error
            raise
        writer = cls(path, file, identity)
        try:
            writer._append(OWNER, [bytes([locked]) + this_machine().encode()])
            writer.sync()
        except BaseException:
            with suppress(RunFileError):
                writer.close()
            raise
        return writer

    def append(self, kind: int, buffers: Iterable[Buffer]) -> None:
        """Write a frame; when this returns, it survives the death of the program.

        Args:
            kind: what it is, 1..255.
            buffers: its payload in parts, that are written one behind the other without being copied; arrays
                in C order (others are copied first), in the byte order that they have.

        Raises:
            ValueError: for another kind.
            NoSpaceError: if the disk is full. Nothing of the frame is in the file, and when there is room
                again, it can be appended again.
            WriteFailedError: if the system refuses to write, or has refused a sync since the last call.
            RunClosedError: after `close`.
        """
        if not 1 <= kind <= 255:
            raise ValueError(f"kind {kind} of a frame: use one of 1..255")
        self._append(kind, [_bytes_of(buffer) for buffer in buffers])

    def _append(self, kind: int, parts: list[bytes | memoryview]) -> None:
        length = sum(map(len, parts))
        payload_checksum = checksum(parts, self._seed)
        fill = bytes(padded(length) - length)
        with self._writing:
            file = self._open_file("add a frame to")
            try:
                file.settle()
                sequence, synced = file.mark.pieces, file.synced
                header = pack_header(kind, sequence, length, synced, payload_checksum, self._seed)
                file.append([header, *parts, fill])
            except OSError as error:
                raise _told(error, self.path, HEADER_BYTES + length, self.points) from error

    def sync(self) -> None:
        """Bring all frames to the disk; when this returns, they survive a power cut.

        Raises:
            WriteFailedError: if the system could not, now or since the last call; then it is not known what
                the disk holds, and the journal takes no more frames.
            RunClosedError: after `close`.
        """
        try:
            self._open_file("sync").sync()
        except OSError as error:
            raise _told(error, self.path, 0, self.points) from error

    def close(self) -> None:
        """Bring all frames to the disk and let go of the journal; a second time does nothing.

        Raises:
            WriteFailedError: if the last frames could not be brought to the disk; it is closed all the same.
        """
        try:
            self._file.close()
        except OSError as error:
            raise _told(error, self.path, 0, self.points) from error

    def _open_file(self, action: str) -> AppendFile:
        if self._file.closed:
            raise RunClosedError(self.path, action)
        return self._file

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except RunFileError as failure:
            if error is None:
                raise
            error.add_note(str(failure))  # what came first is what has to be seen


def _prepare(path: Path, descriptor: int) -> tuple[bytes, Mark]:
    """Make a file end where its last whole frame does, and give it a head if it has none yet."""
    with JournalReader(path) as reader:
        reader.frames()
        identity, mark = reader.identity, Mark(reader.end, reader.next_sequence)
    if identity is not None:
        os.ftruncate(descriptor, mark.end)
        return identity, mark
    identity = secrets.token_bytes(_IDENTITY_BYTES)
    os.ftruncate(descriptor, 0)
    write_all(descriptor, [pack_head(identity)])
    return identity, Mark(FIRST_FRAME, 0)


def _bytes_of(buffer: Buffer) -> memoryview:
    """Return the bytes of a buffer, without a copy where they lie in one piece."""
    if isinstance(buffer, np.ndarray):
        # By way of numpy, since `memoryview.cast` knows neither structured nor empty arrays.
        return np.ascontiguousarray(buffer).reshape(-1).view(np.uint8).data
    view = memoryview(buffer)
    return view.cast("B") if view.nbytes and view.c_contiguous else memoryview(view.tobytes())


def _told(error: OSError, path: Path, needed: int, points: int) -> RunFileError:
    """Return a failure of the system as an error of the data room."""
    if error.errno == errno.ENOSPC:
        with suppress(OSError):
            return NoSpaceError(path, needed, shutil.disk_usage(path.parent).free, points)
    return WriteFailedError(path, reason_of(error), points)
