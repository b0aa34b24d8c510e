"""Whether somebody writes a file: a lock that its writer holds, and that readers look at without taking it.

On Linux it is a lock of an open file description (F_OFD_SETLK): closing another descriptor of the same file
does not release it, and F_OFD_GETLK asks for it without ever being in the way of a writer that just starts.
Other systems have flock only, where asking means to hold a shared lock for a moment; there a writer
tries again for a while. Source: Linux man-pages, fcntl_locking(2); flock(2).
"""

from __future__ import annotations

import errno
import struct
import sys
import time
from typing import Final

if sys.platform != "win32":
    import fcntl

_FLOCK: Final = "hhqqi0q"
"""`struct flock` as the C compiler lays it out: type, whence, start, length, process."""

_PLACE: Final = 2**62
"""Byte that is locked: far behind any end, since Windows servers let nobody read locked bytes."""

_NO_LOCKS: Final = {errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""What systems and network drives say that have no such locks."""

_TRIES: Final = 100
_PAUSE: Final = 0.005  # s; a reader that asks holds the lock for some microseconds


def take_lock(descriptor: int) -> bool:
    """Take the lock of the writer, until the descriptor is closed.

    Returns:
        Whether it is held now; False where there are no locks.

    Raises:
        BlockingIOError: if another writer holds it.
    """
    if sys.platform == "win32":
        return False
    try:
        if hasattr(fcntl, "F_OFD_SETLK"):
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _request(fcntl.F_WRLCK))
        else:
            _take_flock(descriptor)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return False
        if error.errno == errno.EACCES:  # what some systems say instead of EAGAIN
            raise BlockingIOError(error.errno, error.strerror) from error
        raise
    return True


def is_held(descriptor: int) -> bool | None:
    """Return whether a writer holds the lock, asked through another descriptor; None where there are none."""
    if sys.platform == "win32":
        return None
    try:
        if hasattr(fcntl, "F_OFD_GETLK"):
            answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _request(fcntl.F_WRLCK))
            return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False


def _request(kind: int) -> bytes:
    return struct.pack(_FLOCK, kind, 0, _PLACE, 1, 0)


def _take_flock(descriptor: int) -> None:
    for left in reversed(range(_TRIES)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not left:
                raise
            time.sleep(_PAUSE)
        else:
            return
