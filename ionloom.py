"""The command ``ionloom``, and ``python -m ionloom``.

This one module stands beside the rooms because it has to work when a room is not ours: the package
python-control installs a ``control`` too, and whichever pip installed last is the one that Python imports.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path


def main() -> None:
    """Make sure that the rooms are ours, then run the command line."""
    complaint = foreign_room("control")
    if complaint:
        sys.exit(f"ionloom: {complaint}")
    # Our matrices are many and small: threads within one product mostly wait for each other (a run of the
    # ten-ion register takes twice the time). numpy reads this when it is imported, so it is said before.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from control.cli import main as run  # noqa: PLC0415 - only now is it known to be ours

    run()


def foreign_room(room: str) -> str:
    """Return what to do about somebody else's package that has taken a room's name; empty if none has.

    Args:
        room: name of a package of ionloom; nothing is imported to find out whose it is.

    Example:
        >>> foreign_room("control")
        ''
    """
    spec = importlib.util.find_spec(room)
    face = Path(spec.origin) if spec is not None and spec.origin else None
    if face is not None and "ionloom" in face.read_text(encoding="utf-8", errors="replace")[:500]:
        return ""
    found = f"finds {face.parent}" if face else "finds nothing"
    return (
        f"import {room} {found}, which is not ionloom's: uninstall the package that took the name "
        f"(pip uninstall {room}), then install ionloom again"
    )


if __name__ == "__main__":
    main()
