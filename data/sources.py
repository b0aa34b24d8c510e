"""Where the columns of a run are: in its journal while it is going on, in its file when it has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from data.header import PointForm, RunHeader
from data.readings import Message, ReadingLog
from data.results import Analysis
from data.stored_header import RunState

TableEnds = Mapping[str, NDArray[np.int64]]
"""Table -> for each completed point the row after its last; the scan has one row a point."""


class Source(Protocol):
    """What a `data.Run` reads.

    Attributes:
        form: of every point.
        experiment: its name.
    """

    form: PointForm
    experiment: str

    def refresh(self) -> None:
        """Look what has come since the last time."""

    def state(self) -> RunState:
        """Tell how the run stands; "unfinished" if it was cut off."""

    def header(self) -> RunHeader:
        """Read what was known before the first point."""

    def table_ends(self) -> TableEnds:
        """Tell which rows belong to which completed point."""

    def read(self, path: str, begin: int, end: int) -> NDArray[Any]:
        """Read rows of a column.

        Raises:
            DamagedRunError: they cannot be read.
        """

    def readings(self) -> Mapping[str, ReadingLog]:
        """Read what instruments said."""

    def messages(self) -> Sequence[Message]:
        """Read what there was to tell."""

    def analyses(self) -> Sequence[Analysis]:
        """List what analyses found, the newest last."""

    def close(self) -> None:
        """Let go of the file."""
