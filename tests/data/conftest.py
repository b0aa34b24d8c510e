"""Runs to write and read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

from data import (
    Attempts,
    Axis,
    Camera,
    Channel,
    Provenance,
    Readout,
    Record,
    RunHeader,
    StoredParameter,
    TimeTags,
)

sys.path.insert(0, str(Path(__file__).parent))  # for `records`

MakeRecord: TypeAlias = Callable[..., Record]


@pytest.fixture(scope="session")
def header() -> RunHeader:
    return RunHeader(
        experiment="ten ions",
        provenance=Provenance(
            started=datetime(2025, 3, 14, 9, 26, 53, 589_000, tzinfo=UTC),
            source_file="ten_ions.py",
            git_revision="0123456789abcdef",
            git_dirty=True,
            git_diff="--- a/ten_ions.py\n+++ b/ten_ions.py\n",
            packages=(("h5py", "3.16.0"), ("numpy", "2.4.6")),
            python="3.11.7",
            platform="Linux 6.1 x86_64",
        ),
        parameters=(
            StoredParameter("window", 5e-5, "s", "override", "how long the gate is open"),
            StoredParameter("ions", 10, help="in the string"),
            StoredParameter("basis", "Z", origin="calibration"),
            StoredParameter("pi_time", 5e-6, "s", "calibration", error=1e-8, run="20250313T111213141-0abc"),
            StoredParameter("cooled", value=True),
        ),
        axes=(Axis("basis", text=True), Axis("angle", "turn")),
        readouts=(
            Readout("ions", 3, source="camera", counted="ions", rows=(4,), windows=(0,)),
            Readout("pmt", 1),
        ),
        program="program ten_ions µ",
        setup="[node]\nions = 10\n",
        source="class TenIons: ...",
        seed=2**100 + 1,
        shots_per_point=20,
    )


@pytest.fixture(scope="session")
def full_header(header: RunHeader) -> RunHeader:
    """A header with a channel and a camera, too; its records have a picture."""
    return replace(
        header,
        channels=(Channel("power", "W", "of the 393 nm beam"),),
        cameras=(Camera("emccd", 4, 6),),
    )


@pytest.fixture(scope="session")
def make_record() -> MakeRecord:
    """Records that differ from seed to seed and have something in every column."""

    def make(
        seed: int,
        shots: int = 20,
        clicks: int = 30,
        notes: tuple[str, ...] = ("ion 2 is lost",),
        *,
        picture: bool = False,
    ) -> Record:
        rng = np.random.default_rng(seed)
        clicks = clicks if shots else 0
        return Record(
            shots=shots,
            start_ps=np.arange(shots, dtype=np.int64) * 10**9,
            duration_ps=shots * 10**9,
            counts={
                "ions": rng.poisson(20, (shots, 3)).astype(np.int32),
                "pmt": rng.poisson(5, (shots, 1)).astype(np.int32),
            },
            attempts=Attempts(
                shot=np.repeat(np.arange(shots, dtype=np.int64), 2),
                attempt=np.tile(np.arange(2, dtype=np.uint32), shots),
                start_ps=np.arange(2 * shots, dtype=np.int64) * 10**8,
                heralded=rng.random(2 * shots) < 0.5,
            ),
            tags=TimeTags(
                t_ps=np.sort(rng.integers(0, 10**12, clicks)),
                channel=rng.integers(0, 2, clicks).astype(np.uint16),
                shot=np.sort(rng.integers(0, max(shots, 1), clicks)),
                attempt=rng.integers(0, 2, clicks).astype(np.uint32),
                readout=rng.integers(0, 5, clicks).astype(np.uint16),
                window_ps=rng.integers(0, 10**8, clicks),
            ),
            notes=notes,
            images={"emccd": rng.poisson(300, (4, 6)).astype(np.uint32)} if picture else {},
        )

    return make
