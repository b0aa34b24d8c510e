"""Runs that are cut off, by killing the process that writes or by a system that refuses to write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import pytest

from data import Run, open_run, repair, verify

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
    assert not path.exists()
    with open_run(path) as run:
        assert run.status == "unfinished"
        check(run, announced)
        points = len(run)
    [done] = repair(tmp_path)
    assert (done.action, done.made, done.points) == ("finished", path, points)
    assert verify(path).is_whole
    with open_run(path) as run:
        assert run.status == "interrupted"
        assert run.message.startswith("cut off while it was running")
        check(run, announced)
    with h5py.File(path) as plain:
        assert len(plain["entry/scan/i"]) == points
        assert plain["entry/shots/counts/ions"].shape[0] == 200 * points
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def check(run: Run, announced: int) -> None:
    assert announced <= len(run) <= announced + 1
    for i, record in enumerate(run.records()):
        assert record.notes == (f"point {i}",)
        assert (record.tags.channel == i % 99).all()


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
    journal = path.with_suffix(".journal")
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith(f"data.errors.WriteFailedError: writing {journal} failed: ")
    assert "File too large" in last
    with open_run(path) as run:
        points = len(run)
        assert points > 0
        assert last.endswith(
            f"; its {points} completed points are safe and can be opened; check the disk before you go on"
        )
        for i, record in enumerate(run.records()):
            assert record.notes == (f"point {i}",)
