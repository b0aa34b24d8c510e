"""Room on the disk, and bytes that are truly there."""

from __future__ import annotations

import errno
import os
import re
import shutil
from pathlib import Path
from typing import Final

from data.errors import NoSpaceError

# Nothing is written unless so many bytes stay free: enough for the head and the results of any run.
RESERVE: Final = 32 * 2**20


# Network drives may keep names safe by themselves, and refuse to be asked.
_NO_SUCH_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP})

# HDF5 puts what the system says into the middle of a long text.
_SYSTEM_SAYS: Final = re.compile(r"error message = '([^']*)'")


def reason_of(error: Exception) -> str:
    """Return what the system says about a failure, in its own few words."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    told = _SYSTEM_SAYS.search(str(error))
    return told[1] if told else str(error)


def check_space(path: Path, needed: int, points: int) -> None:
    """Refuse to begin what the disk cannot hold, since HDF5 recovers badly from a disk that fills up.

    Args:
        path: of the file that is written.
        needed: bytes, with the reserve.
        points: completed points of the file, for the message.

    Raises:
        NoSpaceError: if fewer bytes are free.
    """
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise NoSpaceError(path, needed, free, points)


def sync_folder(folder: Path) -> None:
    """Bring the names of new files to the disk, where system and drive can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in _NO_SUCH_SYNC:
                raise
        finally:
            os.close(handle)
