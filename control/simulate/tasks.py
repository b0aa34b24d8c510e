"""Tasks: the smallest pieces of a study, each played in a lab of its own, and the blocks they become."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from control.experiments.point import Point
from control.runner import prepared_lab
from control.setup import Setup
from data import Attempts, Record, TimeTags, join_records
from sequences import Program


@dataclass(frozen=True, slots=True)
class Task:
    """Shots of every point of one setting; all that a worker has to know, and no code of the user's.

    Attributes:
        setting: its number, from 1.
        block: which of its blocks, from 0.
        shots: of each point.
        seed: of the lab.
        setup: the lab at this setting.
        ions: to load.
        points: what is set, in order.
        programs: what is played at each point.
    """

    setting: int
    block: int
    shots: int
    seed: int
    setup: Setup
    ions: int
    points: tuple[Point, ...]
    programs: tuple[Program, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """What came of a task.

    Attributes:
        setting: its number, from 1.
        block: which of its blocks, from 0.
        shots: of all points together.
        duration_ps: laboratory time of all points.
        work: seconds that it took to play.
        payload: what was seen, one record a point (`Block.records`).
    """

    setting: int
    block: int
    shots: int
    duration_ps: int
    work: float
    payload: bytes

    def records(self) -> tuple[Record, ...]:
        """Return what was seen, one record a point, times counted from the start of the block."""
        return unpack(self.payload)


def play(task: Task) -> Block:
    """Play a task in a lab that is opened for it alone, so that its seed fixes everything that it sees.

    Raises:
        DeviceError: a simulated instrument refuses what a point or the setup sets.
    """
    began = time.perf_counter()
    records = []
    with prepared_lab(task.setup, task.ions, task.seed) as (lab, bench):
        for point, program in zip(task.points, task.programs, strict=True):
            bench.set(point.instruments)
            records.append(lab.play(program, task.shots))
    return Block(
        setting=task.setting,
        block=task.block,
        shots=sum(record.shots for record in records),
        duration_ps=sum(record.duration_ps for record in records),
        payload=pack(records),
        work=time.perf_counter() - began,
    )


def join_blocks(blocks: Sequence[Block]) -> tuple[Record, ...]:
    """Return blocks of one setting, played one after another, as one record a point.

    A lab that measures block after block comes back to a point again and again: so do the times of a record.

    Args:
        blocks: at least one, in order.
    """
    starts = np.cumsum([0, *(block.duration_ps for block in blocks)]).tolist()
    later = [
        [_later(record, start) for record in block.records()]
        for block, start in zip(blocks, starts, strict=False)
    ]
    return tuple(join_records(point) for point in zip(*later, strict=True))


def _later(record: Record, offset_ps: int) -> Record:
    """Return the same record, seen later."""
    return replace(
        record,
        start_ps=record.start_ps + offset_ps,
        attempts=replace(record.attempts, start_ps=record.attempts.start_ps + offset_ps),
        tags=replace(record.tags, t_ps=record.tags.t_ps + offset_ps),
    )


def pack(records: Sequence[Record]) -> bytes:
    """Return records as bytes: a compressed archive of numpy's, an array a column."""
    columns: dict[str, Any] = {"points": len(records)}
    for number, record in enumerate(records):
        place = f"{number}/"
        columns[f"{place}times"] = np.array([record.shots, record.duration_ps], np.int64)
        columns[f"{place}start_ps"] = record.start_ps
        columns[f"{place}notes"] = np.array(record.notes, np.str_)
        columns |= {f"{place}counts/{name}": counts for name, counts in record.counts.items()}
        for table in ("attempts", "tags"):
            rows = getattr(record, table)
            columns |= {f"{place}{table}/{f.name}": getattr(rows, f.name) for f in fields(rows)}
    file = io.BytesIO()
    np.savez_compressed(file, **columns)
    return file.getvalue()


def unpack(payload: bytes) -> tuple[Record, ...]:
    """Return what `pack` was given."""
    with np.load(io.BytesIO(payload), allow_pickle=False) as columns:
        return tuple(_record(columns, f"{number}/") for number in range(int(columns["points"])))


def _record(columns: Mapping[str, Any], place: str) -> Record:
    shots, duration_ps = columns[f"{place}times"].tolist()
    prefix = f"{place}counts/"

    def table(name: str) -> dict[str, Any]:
        kind = {"attempts": Attempts, "tags": TimeTags}[name]
        return {f.name: columns[f"{place}{name}/{f.name}"] for f in fields(kind)}

    return Record(
        shots=shots,
        start_ps=columns[f"{place}start_ps"],
        duration_ps=duration_ps,
        counts={name.removeprefix(prefix): columns[name] for name in columns if name.startswith(prefix)},
        attempts=Attempts(**table("attempts")),
        tags=TimeTags(**table("tags")),
        notes=tuple(columns[f"{place}notes"].tolist()),
    )
