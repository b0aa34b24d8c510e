"""The voltages that a timeline asks of one board of converters, as codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sequences.errors import LimitError
from sequences.targets.artiq.devices import Fastino, Zotino
from sequences.targets.artiq.writes import Problems, Writes
from sequences.units import show

_LAST_CODE: Final = 0xFFFF


@dataclass(frozen=True, slots=True, eq=False)
class Voltages:
    """Codes for the outputs of a board, sorted by time.

    Attributes:
        time: (voltages,) int64, machine units.
        output: (voltages,) int64, of the board.
        code: (voltages,) int64, 0 to 0xffff.
        channel: (voltages,) uint16, numbers of our channels.
        source: (voltages,) uint32.
    """

    time: NDArray[np.int64]
    output: NDArray[np.int64]
    code: NDArray[np.int64]
    channel: NDArray[np.uint16]
    source: NDArray[np.uint32]


def read_voltages(outputs: Sequence[tuple[Zotino | Fastino, Writes]], problems: Problems) -> Voltages:
    """Return what is asked of a board; a voltage that it does not have is told and left out."""
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64], Writes, NDArray[np.intp]]] = []
    for device, writes in outputs:
        rows = writes.last_of_each_time()
        codes = device.codes(writes.value[rows])
        within = (codes >= 0) & (codes <= _LAST_CODE)
        low, high = device.volts
        for row in rows[~within].tolist():
            limits = show(low, "V"), show(high, "V")
            source, value = problems.source(int(writes.source[row])), show(float(writes.value[row]), "V")
            problems.found.append(LimitError(source, writes.channel.name, "voltage", value, *limits))
        rows = rows[within]
        parts.append((codes[within], np.full(len(rows), device.output), writes, rows))
    columns = [
        np.concatenate([writes.time[rows] for _, _, writes, rows in parts]),
        np.concatenate([output for _, output, _, _ in parts]),
        np.concatenate([codes for codes, _, _, _ in parts]),
        np.concatenate([np.full(len(rows), writes.channel.number, np.uint16) for *_, writes, rows in parts]),
        np.concatenate([writes.source[rows] for *_, writes, rows in parts]),
    ]
    order = np.argsort(columns[0], kind="stable")
    return Voltages(*(column[order] for column in columns))
