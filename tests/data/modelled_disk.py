"""A disk that loses its power: of what was not synced, it holds some pages and some not."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pytest

PAGE: Final = 4096
"""Bytes that a system brings to the disk as a whole."""


@dataclass
class DiskLog:
    """All that a program told the system about one file; when the disk gets what, the system chooses.

    Attributes:
        writes: (offset, bytes) of a write, (length, None) of a cut; a sync is None.
        promised: at which of them how many frames were surely on the disk, and how many had been appended.
    """

    writes: list[tuple[int, bytes | None] | None] = field(default_factory=list)
    promised: list[tuple[int, int]] = field(default_factory=list)

    def crash(self, at: int, rng: np.random.Generator) -> bytes:
        """Return what the disk holds after the power went before write number `at`.

        All that was synced, and of each page written later one of its states since; nor is the order in
        which pages and the length of the file are brought to the disk the order in which they changed.
        """
        synced = max((i for i in range(at) if self.writes[i] is None), default=-1)
        content, sizes, states = bytearray(), [0], {}
        for number, write in enumerate(self.writes[:at]):
            if write is not None:
                offset, data = write
                if data is None:
                    del content[offset:]
                else:
                    content[offset:] = data
            if number == synced:
                states = {page: [state] for page, state in pages(content)}
                sizes = [len(content)]
            elif number > synced:
                sizes.append(len(content))
                for page, state in pages(content):
                    known = states.setdefault(page, [bytes(PAGE)])
                    if state != known[-1]:
                        known.append(state)
        chosen = bytearray(PAGE * (max(states, default=-1) + 1))
        for page, known in states.items():
            chosen[PAGE * page : PAGE * page + PAGE] = known[rng.integers(len(known))]
        size = int(rng.choice(sizes))
        return bytes(chosen[:size].ljust(size, b"\0"))


def pages(content: bytearray) -> Iterator[tuple[int, bytes]]:
    for page in range(-(-len(content) // PAGE)):
        yield page, bytes(content[PAGE * page : PAGE * page + PAGE].ljust(PAGE, b"\0"))


class LoggedDisk:
    """The calls of the system that change a file, with a log; some writes find the disk full half-way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
        self.log, self.rng, self.fails = DiskLog(), rng, False
        self.writev, self.ftruncate = os.writev, os.ftruncate
        monkeypatch.setattr(os, "writev", self.write)
        monkeypatch.setattr(os, "fdatasync", self.sync)
        monkeypatch.setattr(os, "ftruncate", self.cut)

    def write(self, descriptor: int, parts: Sequence[memoryview]) -> int:
        end, data = os.fstat(descriptor).st_size, b"".join(parts)
        if self.fails:
            taken = int(self.rng.integers(len(data)))
            if not taken:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            data = data[:taken]
        self.log.writes.append((end, data))
        return self.writev(descriptor, [data])

    def sync(self, descriptor: int) -> None:
        self.log.writes.append(None)

    def cut(self, descriptor: int, length: int) -> None:
        self.log.writes.append((length, None))
        self.ftruncate(descriptor, length)
