"""The seal of a finished file: the SHA-256 of all its bytes, in a last line behind what HDF5 reads.

HDF5 knows the length of its own content and takes no notice of what lies behind. So every reader opens a
sealed file, and whatever changes in it afterwards, by a program or by a sick disk, is found.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from data.disk import reason_of
from data.errors import UnreadableFileError

_LINE: Final = re.compile(rb"\nionloom seal, sha256 ([0-9a-f]{64})\n")
_LENGTH: Final = len("\nionloom seal, sha256 \n") + 64

# Bytes read at a time.
_SLAB: Final = 2**20


@dataclass(frozen=True, slots=True)
class Seal:
    """Whether the bytes of a file are those that were sealed.

    Attributes:
        stored: SHA-256 of the seal; empty if there is none.
        found: SHA-256 of the bytes.
    """

    stored: str
    found: str

    @property
    def is_whole(self) -> bool:
        """Whether nothing has changed."""
        return self.stored == self.found


def add_seal(path: Path) -> str:
    """Write the seal behind a file that has none, and bring all of it to the disk.

    Returns:
        The SHA-256.
    """
    with path.open("r+b") as file:
        digest = _digest(file, path.stat().st_size)
        file.seek(0, os.SEEK_END)
        file.write(f"\nionloom seal, sha256 {digest}\n".encode())
        file.flush()
        os.fsync(file.fileno())
    return digest


def read_seal(path: Path) -> str:
    """Return the SHA-256 of the seal, empty if there is none. The bytes are not compared.

    Raises:
        UnreadableFileError: the system does not let it be read.
    """
    try:
        with path.open("rb") as file:
            return _stored(file)
    except OSError as error:
        raise UnreadableFileError(path, reason_of(error)) from error


def check_seal(path: Path) -> Seal:
    """Compare all bytes of a file with its seal.

    Raises:
        UnreadableFileError: the system does not let it be read.
    """
    try:
        with path.open("rb") as file:
            stored = _stored(file)
            length = file.seek(0, os.SEEK_END) - (_LENGTH if stored else 0)
            return Seal(stored, _digest(file, length))
    except OSError as error:
        raise UnreadableFileError(path, reason_of(error)) from error


def unsealed_length(path: Path) -> int:
    """Return the bytes of a file before its seal."""
    return path.stat().st_size - (_LENGTH if read_seal(path) else 0)


def _stored(file: BinaryIO) -> str:
    end = file.seek(0, os.SEEK_END)
    file.seek(max(end - _LENGTH, 0))
    line = _LINE.fullmatch(file.read())
    return line[1].decode() if line else ""


def _digest(file: BinaryIO, length: int) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while length and (block := file.read(min(length, _SLAB))):
        digest.update(block)
        length -= len(block)
    return digest.hexdigest()
