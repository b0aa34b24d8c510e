"""Which gates of a run belong to a readout: photons name the row of a table, and the program holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from control.errors import UsageError
from sequences import parse_program

if TYPE_CHECKING:
    from data import Run


def rows_of(run: Run, readout: str) -> list[int]:
    """Return the rows of the program's table of readouts that have a name: one for each of its windows.

    Args:
        run: open; all its points have the gates of the program that it holds.
        readout: name of a counter.

    Returns:
        One row for each window, as `TimeTags.readout` refers to them.

    Raises:
        UsageError: the run holds no program.
        SequenceError: its program cannot be read.
    """
    if not run.header.program:
        what = f"run {run.id} holds no program, which would tell the gates of its photons"
        raise UsageError(what=what, advice="Its counts can be analysed, but not when photons came.")
    table = parse_program(run.header.program).readouts
    return [row for row, gate in enumerate(table) if gate.name == readout]
