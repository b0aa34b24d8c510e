"""Runs that are cut off: after every single write to the file, and by killing the process that writes."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from data import Record, RunHeader, open_run, write_results
from data.layout import append_rows, create_columns
from data.points import Rows, rows_of
from data.run import Run
from data.stored_header import RunState, write_header

MakeRecord = Callable[..., Record]

WRITER = """
import itertools, sys
from datetime import UTC, datetime
import numpy as np
from data import *

def make(i):
    rng = np.random.default_rng(i)
    n = np.arange(200)
    return Record(
        200, n * 10**6, 10**9, {"ions": rng.poisson(9, (200, 10)).astype(np.int32)},
        Attempts(n, (0 * n).astype(np.uint32), n * 10**6, n % 2 == 0),
        TimeTags(n * 10**6, *(np.full(200, i % 99, dtype) for dtype in ("u2", "i8", "u2", "u2", "i8"))),
        (f"point {i}",),
    )

header = RunHeader(
    "endless", Provenance(datetime.now(UTC)), axes=(Axis("i"),), readouts=(Readout("ions", 10),)
)
writer = RunWriter.create(sys.argv[1], header)
print(writer.path, flush=True)
for i in itertools.count():
    writer.append({"i": i}, make(i))
    print(i + 1, flush=True)
"""


class WriteLog(io.BytesIO):
    """A file in memory that remembers every write and change of length."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[tuple[int, bytes | None]] = []

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.writes.append((self.tell(), bytes(data)))
        return super().write(data)

    def truncate(self, size: int | None = None) -> int:
        assert size is not None
        self.writes.append((size, None))
        return super().truncate(size)


def write_run(log: WriteLog, header: RunHeader, points: list[Rows]) -> list[int]:
    """Write a run and return the writes made when `create` and each `append` would have returned."""
    with h5py.File(log, "w", rdcc_nbytes=0) as file:
        write_header(file, header, RunState("20250314T092653589-0000", "running"))
        create_columns(file, header, rows=None)
        file.flush()
        announced, lengths = [len(log.writes)], dict.fromkeys(points[0], 0)
        for rows in points:
            for path, values in rows.items():
                append_rows(file[path], lengths[path], values)
                lengths[path] += len(values)
            file.flush()
            announced.append(len(log.writes))
    return announced


def test_a_run_that_ends_after_any_write_holds_every_announced_point(
    tmp_path: Path, header: RunHeader, make_record: MakeRecord
) -> None:
    points = [rows_of(i, {"basis": "Z", "angle": i}, make_record(i), header) for i in range(3)]
    log = WriteLog()
    announced = write_run(log, header, points)
    path = tmp_path / "cut.h5"
    with path.open("wb", buffering=0) as file:
        for number, (place, data) in enumerate(log.writes[: announced[-1]], start=1):
            if data is None:
                file.truncate(place)
            else:
                os.pwrite(file.fileno(), data, place)
            if number < announced[0]:
                continue  # `create` has not returned: there is no run yet
            with Run(path, h5py.File(path, "r")) as run:
                safe = max(point for point, writes in enumerate(announced) if writes <= number)
                assert safe <= len(run) <= safe + 1
                for i in range(safe):
                    assert run.rows(i)["entry/scan/point_checksum"] == points[i]["entry/scan/point_checksum"]
    assert announced[-1] - announced[0] > 60  # or nothing was interrupted


@pytest.mark.parametrize("delay", [0.0, 0.013, 0.031, 0.057])
def test_a_killed_run_holds_every_announced_point(tmp_path: Path, delay: float) -> None:
    program = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        path = Path(process.stdout.readline().strip())
        while int(process.stdout.readline()) < 3:
            pass
        deadline = time.monotonic() + delay
        while time.monotonic() < deadline:  # any moment within a point
            pass
        os.kill(process.pid, signal.SIGKILL)
        said = [int(line) for line in process.stdout.read().split()]
    announced = said[-1] if said else 3
    with h5py.File(path) as plain:
        assert len(plain["entry/scan/i"]) >= announced
        assert plain["entry/shots/counts/ions"].shape[0] >= 200 * announced
    with open_run(path) as run:
        assert run.status == "unfinished"
        assert announced <= len(run) <= announced + 1
        for i, record in enumerate(run.records()):
            assert record.notes == (f"point {i}",)
            assert (record.tags.channel == i % 99).all()
        points = len(run)
    write_results(path, {"points": points})
    with open_run(path) as run:
        assert (run.status, run.message) == ("interrupted", "cut off while it was running")
        assert (len(run), run.results) == (points, {"points": points})


def test_a_run_that_the_system_stops_writing_keeps_its_points(tmp_path: Path) -> None:
    """A real refusal of the system: the file may not grow beyond a limit."""
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (17_000_000, 17_000_000))\n"
    program = WRITER.replace("print(i + 1, flush=True)", "").replace("200", "2000")
    done = subprocess.run(
        [sys.executable, "-c", limit + program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    path = Path(done.stdout.strip())
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith(f"data.errors.WriteFailedError: writing {path} failed: ")
    assert "File too large" in last
    with open_run(path) as run:
        points = len(run)
        assert points > 0
        assert last.endswith(
            f"; its {points} completed points are safe and can be opened; check the disk before you go on"
        )
        for i, record in enumerate(run.records()):
            assert record.notes == (f"point {i}",)
