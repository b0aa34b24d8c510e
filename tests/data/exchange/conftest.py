"""A run to export: a whole grid of two axes, one of them of texts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from data import InstrumentReading, Record, Run, RunHeader, RunWriter, open_run

READINGS = (
    InstrumentReading("gauge", "pressure", 3e-9, "Pa", time=0.5),
    InstrumentReading("gauge", "pressure", None, "Pa", time=1.5, quality="bad", note="no answer"),
    InstrumentReading("wavemeter", "mode", "locked", time=1.0),
)
POINTS = [(basis, angle) for angle in (0.25, 0.0, 0.5) for basis in ("Z", "X")]


@pytest.fixture(scope="session")
def grid_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the one run that all tests get a copy of."""
    return tmp_path_factory.mktemp("grid")


@pytest.fixture
def grid_path(
    grid_store: Path, tmp_path: Path, full_header: RunHeader, make_record: Callable[..., Record]
) -> Path:
    """File of a run of six points, measured in no rising order, with a channel, pictures and results."""
    if not list(grid_store.rglob("*.h5")):
        with RunWriter.create(grid_store, full_header) as writer:
            writer.add_readings(READINGS)
            writer.log("the cavity is locked")
            for seed, (basis, angle) in enumerate(POINTS):
                record = make_record(seed, picture=True)
                writer.append({"basis": basis, "angle": angle}, record, {"power": 1e-3 * seed})
            writer.finish({"contrast": {"value": 0.9, "error": 0.01, "unit": ""}, "phase": 0.125})
    (stored,) = grid_store.rglob("*.h5")
    shutil.copytree(grid_store, tmp_path / "runs", dirs_exist_ok=True)
    return tmp_path / "runs" / stored.relative_to(grid_store)


@pytest.fixture
def grid_run(grid_path: Path) -> Iterator[Run]:
    with open_run(grid_path) as run:
        yield run


@pytest.fixture
def empty_run(tmp_path: Path, header: RunHeader) -> Iterator[Run]:
    """A run that ended before its first point."""
    with RunWriter.create(tmp_path / "runs", header) as writer:
        path = writer.finish(status="interrupted")
    with open_run(path) as run:
        yield run


@pytest.fixture(scope="session")
def phconvert() -> Callable[..., str]:
    """A program that uses phconvert, in a process without numba, which takes six seconds to compile."""

    def run(program: str, *arguments: object) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program, *map(str, arguments)],
            env={**os.environ, "NUMBA_DISABLE_JIT": "1", "MPLBACKEND": "agg"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
