"""Small runs, written point by point: a fringe of one ion, photons of many windows of two counters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from data import (
    Attempts,
    Axis,
    Channel,
    Provenance,
    Readout,
    Record,
    RunHeader,
    RunWriter,
    StoredParameter,
    TimeTags,
)
from sequences import Channel as Line
from sequences import Kind, Operation, Play, Program, ReadoutChannel, Target, Timeline, print_program
from sequences.program import Step

SHOTS, WINDOWS = 200, 10
MakeRun = Callable[..., Path]
MakeProgram = Callable[..., str]


def record(
    counts: dict[str, np.ndarray], windows_ps: Sequence[int] = (), readout: Sequence[int] = ()
) -> Record:
    """A record of `SHOTS` shots; photons come one a shot, from the first shot on.

    Args:
        counts: of the readouts.
        windows_ps: of the photons, since their gates opened.
        readout: rows of the program that their gates have.
    """
    clicks = len(windows_ps)
    return Record(
        shots=SHOTS,
        start_ps=np.arange(SHOTS) * 1_000_000,
        duration_ps=SHOTS * 1_000_000,
        counts={name: np.asarray(column, np.int32) for name, column in counts.items()},
        attempts=Attempts(
            shot=np.zeros(0, np.int64),
            attempt=np.zeros(0, np.uint32),
            start_ps=np.zeros(0, np.int64),
            heralded=np.zeros(0, bool),
        ),
        tags=TimeTags(
            t_ps=np.arange(clicks) * 10_000_000 + np.array(windows_ps, np.int64),
            channel=np.ones(clicks, np.uint16),
            shot=np.arange(clicks),
            attempt=np.zeros(clicks, np.uint32),
            readout=np.array(readout, np.uint16),
            window_ps=np.array(windows_ps, np.int64),
        ),
    )


@pytest.fixture
def fringe_run(tmp_path: Path) -> MakeRun:
    """Write a run of a fringe of an experiment that nobody knows; each is made of its number alone."""

    def make(number: int = 0, points: int = 16, folder: Path = tmp_path / "runs") -> Path:
        header = RunHeader(
            experiment="parity",
            provenance=Provenance(
                started=datetime(2026, 1, 2, tzinfo=UTC) + timedelta(seconds=number), source_file="parity.py"
            ),
            parameters=(StoredParameter("bright_threshold", 5), StoredParameter("power", 0.5, "W")),
            axes=(Axis("phase", "turn"),),
            readouts=(Readout("ions", 1),),
            channels=(Channel("drift", "Hz"),),
            seed=number,
            shots_per_point=SHOTS,
        )
        rng = np.random.default_rng(number)
        with RunWriter.create(folder, header) as writer:
            for phase in np.arange(points) / points:
                dark = rng.random((SHOTS, 1)) < 0.5 + 0.45 * np.cos(2 * np.pi * phase)
                counts = np.where(dark, 0, 20)
                writer.append(
                    {"phase": float(phase)}, record({"ions": counts}), channels={"drift": 3 + 2 * phase}
                )
            return writer.finish()

    return make


def both_gates(windows: int) -> Timeline:
    """Windows of 10 us of both detectors, one after the other; window i is row 2 i of h, row 2 i + 1 of v."""
    rows = np.repeat(np.arange(windows), 2)
    order = np.concatenate([np.repeat([Operation.OPEN, Operation.CLOSE], 2)] * windows)
    return Timeline(
        windows * 10_000,
        10_000 * np.repeat(rows, 2) + 9_999 * (order == Operation.CLOSE),
        np.tile([0, 1], 2 * windows).astype(np.uint16),
        order.astype(np.uint8),
        (2 * np.repeat(rows, 2) + np.tile([0, 1], 2 * windows)).astype(np.float64),
        np.zeros(4 * windows, np.uint32),
    )


@pytest.fixture
def make_program() -> MakeProgram:
    """Write a program of windows of h and v, with loops and branches around them or without."""

    def make(
        around: Callable[[Play], tuple[Step, ...]] = lambda play: (play,), windows: int = WINDOWS
    ) -> str:
        detectors = tuple(
            Line(f"apd_{name}", Kind.COUNTER, number, grid=1e-9) for number, name in enumerate("hv")
        )
        rows = tuple(
            ReadoutChannel(name, index, number)
            for index in range(windows)
            for number, name in enumerate("hv")
        )
        steps = around(Play(both_gates(windows)))
        return print_program(Program("source", steps, rows, Target("lab", 1e-9, detectors)))

    return make


@pytest.fixture
def make_photon_run(tmp_path: Path) -> MakeRun:
    """Write a run of one point: ten windows of each of two counters that never click together.

    Photons of h come 2 to 4 us after their windows open, in the even ones; those of v after 6 to 8 us.
    """

    def make(program: str) -> Path:
        first = np.zeros((SHOTS, WINDOWS), np.int32)
        first[:, ::2] = 1
        header = RunHeader(
            experiment="source",
            provenance=Provenance(started=datetime(2026, 1, 3, tzinfo=UTC)),
            readouts=(Readout("h", WINDOWS), Readout("v", WINDOWS)),
            program=program,
            shots_per_point=SHOTS,
        )
        window = np.arange(SHOTS) % WINDOWS
        seen_by_v = window % 2
        arrivals = np.random.default_rng(1).integers(2_000_000, 4_000_000, SHOTS) + 4_000_000 * seen_by_v
        with RunWriter.create(tmp_path / "photons", header) as writer:
            clicks = record(
                {"h": first, "v": 1 - first}, arrivals.tolist(), (2 * window + seen_by_v).tolist()
            )
            writer.append({}, clicks)
            return writer.finish()

    return make


@pytest.fixture
def photon_run(make_photon_run: MakeRun, make_program: MakeProgram) -> Path:
    """A run of ten windows of each of two counters, with its program."""
    return make_photon_run(make_program())
