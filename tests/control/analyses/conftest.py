"""Small runs, written point by point: a fringe of one ion, photons of two counters."""

from __future__ import annotations

from collections.abc import Callable
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

SHOTS = 200
MakeRun = Callable[..., Path]


def record(counts: dict[str, np.ndarray], windows_ps: tuple[int, ...] = ()) -> Record:
    """A record of `SHOTS` shots whose photons are all of the first readout."""
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
            t_ps=np.arange(clicks) * 1_000_000 + np.array(windows_ps, np.int64),
            channel=np.ones(clicks, np.uint16),
            shot=np.arange(clicks),
            attempt=np.zeros(clicks, np.uint32),
            readout=np.zeros(clicks, np.uint16),
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


@pytest.fixture
def photon_run(tmp_path: Path) -> Path:
    """A run of one point: ten windows of each of two counters that never click together."""
    first = np.zeros((SHOTS, 10), np.int32)
    first[:, ::2] = 1
    header = RunHeader(
        experiment="source",
        provenance=Provenance(started=datetime(2026, 1, 3, tzinfo=UTC)),
        readouts=(Readout("h", 10), Readout("v", 10)),
        shots_per_point=SHOTS,
    )
    arrivals = tuple(np.random.default_rng(1).integers(2_000_000, 4_000_000, SHOTS).tolist())
    with RunWriter.create(tmp_path / "photons", header) as writer:
        writer.append({}, record({"h": first, "v": 1 - first}, arrivals))
        return writer.finish()
