"""Reading a journal: while it is written, after its writer was killed, and when the disk has eaten of it."""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from data.disk import reason_of
from data.errors import (
    DamagedRunError,
    ForeignJournalError,
    NewerJournalError,
    RunClosedError,
    UnreadableFileError,
)
from data.journal.frames import (
    ALIGNMENT,
    FIRST_FRAME,
    FRAME_MAGIC,
    HEAD_BYTES,
    HEAD_MAGIC,
    HEADER_BYTES,
    OWNER,
    SECOND_HEAD,
    VERSION,
    Frame,
    Header,
    seed_of,
    unpack_head,
    unpack_header,
)
from data.journal.locks import is_held
from data.journal.machine import shares_locks, this_machine

_BLOCK: Final = 2**20
"""Bytes that are read at once where a payload is only looked through."""

_MOST_OF_A_YOUNG_JOURNAL: Final = 2 * SECOND_HEAD
"""Bytes of one that may have no head yet: it and the first frame are on the disk before more is written."""

Verify = Literal["tail", "all"]


@dataclass(frozen=True, slots=True)
class Gap:
    """A damaged place, with sound frames behind it.

    Attributes:
        offset: Of its first byte in the file.
        length: In bytes.
        missing: Numbers of the frames that are lost.
    """

    offset: int
    length: int
    missing: range


class JournalReader:
    """A journal that is read; any number of programs may do so while one writes it.

    A frame is found when all of it is there and its checksums are right. What is half-written is waited for,
    what is damaged is stepped over and told in `gaps`.

    Attributes:
        path: of the file.
        identity: of the journal, 16 bytes; None as long as its head is not there.
        end: offset behind the last frame found.
        next_sequence: number that the next frame will have.
        gaps: damaged places found so far.
    """

    def __init__(self, path: str | os.PathLike[str], *, verify: Verify = "tail") -> None:
        """Open a journal.

        Args:
            path: of the file.
            verify: "all" reads every payload once and finds all damage; "tail" only those of frames that may
                not have reached the disk when the writer last said what had. Payloads that are asked for are
                always verified.

        Raises:
            UnreadableFileError: if the system does not let it be read.
            ForeignJournalError: if it is no journal.
            NewerJournalError: if it was written by a later ionloom.
            DamagedRunError: if its head is lost, with its copy.
        """
        self.path = Path(path)
        self.identity: bytes | None = None
        self.end = FIRST_FRAME
        self.next_sequence = 0
        self.gaps: list[Gap] = []
        self._verify_all = verify == "all"
        self._seed = 0
        self._owner: tuple[bool, str] | None = None
        self._frames: list[Frame] = []
        self._polled = 0
        self._searched = 0
        self._reading = threading.RLock()
        try:
            self._file = self.path.open("rb", buffering=0)
        except OSError as error:
            raise UnreadableFileError(self.path, reason_of(error)) from error
        try:
            self._read_head()
        except BaseException:
            self._file.close()
            raise

    def frames(self) -> list[Frame]:
        """Return every frame that is there now."""
        with self._reading:
            self._look()
            return self._frames.copy()

    def poll(self) -> list[Frame]:
        """Return the frames that no earlier call has returned: all at first, the new ones from then on."""
        with self._reading:
            self._look()
            begin, self._polled = self._polled, len(self._frames)
            return self._frames[begin:]

    def payload(self, frame: Frame) -> memoryview:
        """Return the payload of a frame, verified; it begins at a multiple of 8 bytes in memory, too.

        Raises:
            DamagedRunError: if it is not what was written.
            UnreadableFileError: if the system cannot read it.
        """
        with self._reading:
            data = self._read(frame.begin, HEADER_BYTES + frame.length)
        header = unpack_header(data, frame.begin, self._seed)
        payload = memoryview(data)[HEADER_BYTES:]
        if header is None or header.frame != frame or zlib.crc32(payload, self._seed) != header.checksum:
            raise DamagedRunError(
                self.path,
                f"frame {frame.sequence} of the journal (bytes {frame.begin}..{frame.end})",
                "its checksum does not match",
                "all other frames can be read",
            )
        return payload

    @property
    def torn(self) -> int:
        """Bytes behind the last frame found: one that is being written, or never was finished."""
        return max(0, self._size() - self.end) if self.identity else self._size()

    def has_writer(self) -> bool | None:
        """Return whether a program is writing the journal now.

        None if that cannot be known: on systems and drives without locks, and if it was another machine
        that wrote last, whose locks may not be seen from here.
        """
        self._size()
        held = is_held(self._file.fileno())
        if held is not False:
            return held
        with self._reading:
            self._look()
        if self._owner is None:  # it may have been created just now, and be locked a moment later
            return None
        locked, machine = self._owner
        return False if locked and shares_locks(machine, this_machine()) else None

    def close(self) -> None:
        """Let go of the file; a second time does nothing."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_head(self) -> None:
        """Find the identity, if the head is there already."""
        size = self._size()
        first, second = self._read(0, HEAD_BYTES), self._read(SECOND_HEAD, HEAD_BYTES)
        found = unpack_head(first) or unpack_head(second)
        if found is not None:
            version, self.identity = found
            if version > VERSION:
                raise NewerJournalError(self.path, version, VERSION)
            self._seed = seed_of(self.identity)
            return
        begin = first[: len(HEAD_MAGIC)]
        if size >= FIRST_FRAME and HEAD_MAGIC in (begin, second[: len(HEAD_MAGIC)]):
            raise DamagedRunError(
                self.path, "the head of the journal", "its checksum does not match", "no frame can be found"
            )
        begun = HEAD_MAGIC.startswith(begin) or not any(first)
        if not begun or size > _MOST_OF_A_YOUNG_JOURNAL:
            raise ForeignJournalError(self.path, size)

    def _look(self) -> None:
        """Find the frames that have come since the last time."""
        if self.identity is None:
            self._read_head()
        if self.identity is None:
            return
        found = list(self._walk())
        trusted = _trusted(found) if not self._verify_all else [False] * len(found)
        sound = [trust or self._is_sound(header) for header, trust in zip(found, trusted, strict=True)]
        while sound and not sound[-1]:  # may be written just now
            found.pop()
            sound.pop()
        for header, good in zip(found, sound, strict=True):
            # What looked damaged may have been half-written, if what follows was not there yet, either.
            if good or self._is_sound(header):
                self._take(header)

    def _walk(self) -> Iterator[Header]:
        """Step from header to header, over damaged ones, to the end of the file."""
        begin, sequence, size = self.end, self.next_sequence, self._size()
        while begin + HEADER_BYTES <= size:
            header = self._header(begin, sequence)
            if header is None:
                following = self._search(begin, sequence, size)
                if following is None:
                    return
                # Looked at once more, since it may have been written after the first look.
                header = self._header(begin, sequence) or following
            if header.end > size:
                return
            yield header
            begin, sequence = header.end, header.frame.sequence + 1

    def _header(self, begin: int, sequence: int) -> Header | None:
        header = unpack_header(self._read(begin, HEADER_BYTES), begin, self._seed)
        return header if header is not None and header.frame.sequence >= sequence else None

    def _search(self, begin: int, sequence: int, size: int) -> Header | None:
        """Find the first frame behind a place where none is."""
        if self._searched == size:  # nothing has come since nothing was found
            return None
        place = begin + ALIGNMENT
        while place < size:
            block = self._read(place, _BLOCK)  # no magic lies over its end: both are aligned
            at = block.find(FRAME_MAGIC)
            while at >= 0:
                if at % ALIGNMENT == 0:
                    header = self._header(place + at, sequence)
                    if header is not None and header.end <= size:
                        return header
                at = block.find(FRAME_MAGIC, at + 1)
            place += _BLOCK
        self._searched = size
        return None

    def _is_sound(self, header: Header) -> bool:
        """Verify the payload of a frame."""
        found, place, left = self._seed, header.frame.offset, header.frame.length
        while left:
            block = self._read(place, min(left, _BLOCK))
            if not block:
                return False
            found = zlib.crc32(block, found)
            place, left = place + len(block), left - len(block)
        return found == header.checksum

    def _take(self, header: Header) -> None:
        frame = header.frame
        if frame.begin != self.end or frame.sequence != self.next_sequence:
            missing = range(self.next_sequence, frame.sequence)
            self.gaps.append(Gap(self.end, frame.begin - self.end, missing))
        self.end, self.next_sequence = header.end, frame.sequence + 1
        if frame.kind == OWNER:
            payload = self._read(frame.offset, frame.length)
            self._owner = payload[:1] == b"\x01", payload[1:].decode("ascii", "replace")
        else:
            self._frames.append(frame)

    def _size(self) -> int:
        if self._file.closed:
            raise RunClosedError(self.path, "read")
        return os.fstat(self._file.fileno()).st_size

    def _read(self, offset: int, length: int) -> bytes:
        """Read bytes, fewer only at the end of the file."""
        try:
            self._file.seek(offset)
            data = self._file.read(length)
            while 0 < len(data) < length and (more := self._file.read(length - len(data))):
                data += more
        except OSError as error:
            raise UnreadableFileError(self.path, reason_of(error)) from error
        return data


def _trusted(found: list[Header]) -> list[bool]:
    """Return which frames were on the disk when the same writer wrote a later one.

    One that took the journal over knows nothing of what its predecessor had not synced yet.
    """
    trusted, synced = [], 0
    for header in reversed(found):
        synced = max(synced, header.synced)
        trusted.append(header.end <= synced and header.frame.kind != OWNER)
        if header.frame.kind == OWNER:
            synced = 0
    return trusted[::-1]
