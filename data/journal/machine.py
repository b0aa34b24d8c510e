"""Which computer this is, without telling its name."""

from __future__ import annotations

import hashlib
import uuid
from functools import cache
from pathlib import Path
from typing import Final

_MACHINE_ID: Final = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_BOOT_ID: Final = (Path("/proc/sys/kernel/random/boot_id"),)

_UNKNOWN: Final = 16 * "0"

_RANDOM_NODE: Final = 1 << 40
"""Set by `uuid.getnode` in numbers that it has drawn because the computer has no network card (RFC 4122)."""


@cache
def this_machine() -> str:
    """Return who this computer is, and since when it has been running: two times 16 hexadecimal digits.

    Both are hashes, since an id of a machine should not be given away (man 5 machine-id); a half that
    cannot be known is zeros.

    >>> machine, boot = this_machine().split("-")
    >>> len(machine), len(boot)
    (16, 16)
    """
    return f"{_hash(_first(_MACHINE_ID) or _network_card())}-{_hash(_first(_BOOT_ID))}"


def shares_locks(one: str, other: str) -> bool:
    """Return whether two answers of `this_machine` come from where the same locks on files are seen.

    That is so on one machine, and for containers on it, which were started together with it.

    >>> shares_locks("00000000000000aa-00000000000000bb", "00000000000000aa-00000000000000cc")
    True
    >>> shares_locks("00000000000000aa-0000000000000000", "00000000000000dd-0000000000000000")
    False
    """
    halves = zip(one.split("-"), other.split("-"), strict=False)
    return any(mine == theirs not in ("", _UNKNOWN) for mine, theirs in halves)


def _first(paths: tuple[Path, ...]) -> str:
    for path in paths:
        try:
            if text := path.read_text().strip():
                return text
        except OSError:
            continue
    return ""


def _network_card() -> str:
    node = uuid.getnode()
    return "" if node & _RANDOM_NODE else f"{node:012x}"


def _hash(secret: str) -> str:
    if not secret:
        return _UNKNOWN
    return hashlib.blake2b(secret.encode(), digest_size=8, person=b"ionloom journal").hexdigest()
