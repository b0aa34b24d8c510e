"""Which other programs have a serial port open."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

PROCESSES = Path("/proc")


def describe_owners(port: str) -> str:
    """Return who has a device file open, such as "minicom (process 4242)".

    Only Linux tells, and only of processes that we may look into: else it is "another program".

    Args:
        port: path of the device file; links such as `/dev/serial/by-id/...` are followed.
    """
    wanted = os.path.realpath(port)
    owners: list[str] = []
    for process in PROCESSES.glob("[0-9]*"):
        with suppress(OSError):  # it belongs to another user, or has ended meanwhile
            if any(_is_link_to(entry, wanted) for entry in (process / "fd").iterdir()):
                name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                itself = ", this one" if int(process.name) == os.getpid() else ""
                owners.append(f"{name} (process {process.name}{itself})")
    return ", ".join(sorted(owners)) or "another program"


def _is_link_to(entry: Path, wanted: str) -> bool:
    try:
        return str(entry.readlink()) == wanted
    except OSError:
        return False  # closed meanwhile
