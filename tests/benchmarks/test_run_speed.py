"""Recording, finishing and opening runs, beside what numpy and the bare disk take.

Run with `--benchmark-enable`. Rates depend on the computer and its disk; the ratios to bare files do so much
less.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import pytest

from data import Attempts, Axis, Provenance, Readout, Record, RunHeader, RunWriter, TimeTags, open_run
from data.layout import create_columns
from data.run_file import OpenPoint
from data.stored_header import RunState, write_header

pytestmark = pytest.mark.slow

TAGS: Final = 65536
"""Of a batch."""

BATCHES: Final = 20
MANY: Final = 153  # batches: 10 million tags

MOST_FOR_TAGS: Final = 25.0
"""Times numpy's `tofile` of times and channels; 9.6 was measured with 4 clicks a gate,
6.0 with 64, 28 with 1; checksums and gates are included."""

MOST_FOR_A_POINT: Final = 8.0
"""Times a bare write with its sync; 3.6 to 7.1 was measured, more on busy cores:
a point is three writes."""

MOST_BYTES: Final = 4.0
"""A tag, of a finished file."""

HUGE: Final = 10**9
"""Photons of a run with 10 GB of columns."""

MOST_READ: Final = 2**20
"""Bytes read of it when it is opened."""


def header_of() -> RunHeader:
    provenance = Provenance(datetime(2025, 3, 14, tzinfo=UTC))
    return RunHeader("fast", provenance, axes=(Axis("i"),), readouts=(Readout("ions", 10),))


def batch_of(tags: int, clicks: int) -> Record:
    """Return a batch of shots with so many clicks in each opened gate, at random times within it."""
    rng, shots, gates = np.random.default_rng(1), 256, tags // clicks
    window_ps = np.sort(rng.integers(0, 10**5, (gates, clicks)), axis=1).ravel()
    gate = np.repeat(np.arange(gates), clicks)
    none = Attempts(*(np.zeros(0, dtype) for dtype in ("i8", "u4", "i8", "?")))
    return Record(
        shots,
        np.arange(shots) * 10**9,
        shots * 10**9,
        {"ions": rng.poisson(5, (shots, 10)).astype(np.int32)},
        none,
        TimeTags(
            gate * 10**6 + window_ps,
            rng.integers(0, 4, tags).astype(np.uint16),
            gate * shots // gates,
            np.zeros(tags, np.uint32),
            (gate % 5).astype(np.uint16),
            window_ps,
        ),
    )


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RunWriter]:
    writing = RunWriter.create(tmp_path, header_of())
    yield writing
    writing.close()


def add_tags(point: OpenPoint, batch: Record, batches: int = BATCHES) -> None:
    for _ in range(batches):
        point.add(batch)


def append_tags(writer: RunWriter, batch: Record, batches: int = BATCHES) -> None:
    with writer.point({"i": 0}) as point:
        add_tags(point, batch, batches)


def write_bare(path: Path, batch: Record) -> None:
    with path.open("ab", buffering=0) as file:
        for _ in range(BATCHES):
            batch.tags.t_ps.tofile(file)
            batch.tags.channel.tofile(file)


def seconds(work: Callable[[], Any], rounds: int = 5) -> float:
    """Return the least time of a call."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def point_against_bare(writer: RunWriter, path: Path, points: int) -> tuple[float, float]:
    """Return the median seconds of a small point and of a bare write with its sync, taken in turns."""
    batch = batch_of(400, 4)
    mine, bare = [], []
    with path.open("ab", buffering=0) as file:
        for i in range(points):
            begun = time.perf_counter()
            writer.append({"i": i}, batch)
            between = time.perf_counter()
            file.write(bytes(20_000))
            os.fsync(file.fileno())
            mine.append(between - begun)
            bare.append(time.perf_counter() - between)
    return float(np.median(mine)), float(np.median(bare))


def huge_run(folder: Path) -> Path:
    """Make the file of a run with a billion photons: the chunks of its photons are copies of one each."""
    path, gates = folder / "20250314T092653589-07af-huge.h5", 1000
    rows = {"shots": 1000, "attempts": 0, "gates": gates, "photons": HUGE, "log": 0, "scan": 1}
    with h5py.File(path, "w") as file:
        header = RunHeader("huge", header_of().provenance, axes=(Axis("i"),))
        write_header(file, header, RunState("20250314T092653589-07af", "complete"))
        create_columns(file, header, rows)
        for table, size in rows.items():
            name = {"log": "log_lines"}.get(table, table)
            if table != "scan":
                file[f"entry/scan/point_{name}"][:] = size
        file["entry/gates/photons"][:] = HUGE // gates
        for name in ("timestamps", "detectors"):
            column = file[f"photon_data/{name}"]
            column[: column.chunks[0]] = np.random.default_rng(1).integers(0, 99, column.chunks[0])
            file.flush()
            mask, chunk = column.id.read_direct_chunk((0,))
            for begin in range(column.chunks[0], HUGE, column.chunks[0]):
                column.id.write_direct_chunk((begin,), chunk, mask)
    return path


def bytes_read(work: Callable[[], Any]) -> int:
    """Return how many bytes a call reads of files."""

    def count() -> int:
        return int(Path("/proc/self/io").read_text().split()[1])

    before = count()
    work()
    return count() - before


@pytest.mark.parametrize("clicks", [1, 4, 64])
def test_tags(benchmark: Any, writer: RunWriter, tmp_path: Path, clicks: int) -> None:
    batch = batch_of(TAGS, clicks)
    with writer.point({"i": 0}) as point:
        benchmark.pedantic(add_tags, (point, batch), rounds=10 if benchmark.enabled else 1)
    if benchmark.enabled:
        least = benchmark.stats.stats.min
        benchmark.extra_info["M tags/s"] = TAGS * BATCHES / 1e6 / least
        floor = seconds(lambda: write_bare(tmp_path / "bare", batch))
        benchmark.extra_info["times the bare file"] = least / floor


def test_a_point_on_the_disk(benchmark: Any, writer: RunWriter, tmp_path: Path) -> None:
    batch = batch_of(400, 4)
    benchmark.pedantic(lambda: writer.append({"i": 0}, batch), rounds=100 if benchmark.enabled else 1)
    if benchmark.enabled:
        mine, bare = point_against_bare(writer, tmp_path / "bare", 100)
        benchmark.extra_info["ms"], benchmark.extra_info["ms of the bare disk"] = mine * 1e3, bare * 1e3


@pytest.mark.parametrize("clicks", [1, 4, 64])
def test_finishing(benchmark: Any, tmp_path: Path, clicks: int) -> None:
    batch, batches = (batch_of(TAGS, clicks), MANY) if benchmark.enabled else (batch_of(640, clicks), 1)
    writer = RunWriter.create(tmp_path, header_of())
    append_tags(writer, batch, batches)
    path = benchmark.pedantic(writer.finish)
    benchmark.extra_info["bytes a tag"] = path.stat().st_size / (len(batch.tags) * batches)


def test_opening(benchmark: Any, tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, header_of())
    append_tags(writer, batch_of(TAGS, 4), 1)
    path = writer.finish()

    def look() -> int:
        with open_run(path) as run:
            return len(run)

    assert benchmark(look) == 1


@pytest.mark.timed
def test_tags_cost_a_small_multiple_of_a_bare_file(writer: RunWriter, tmp_path: Path) -> None:
    batch = batch_of(TAGS, 4)
    floor = seconds(lambda: write_bare(tmp_path / "bare", batch))
    with writer.point({"i": 0}) as point:
        assert seconds(lambda: add_tags(point, batch)) / floor < MOST_FOR_TAGS


@pytest.mark.timed
def test_a_point_costs_what_the_disk_takes(writer: RunWriter, tmp_path: Path) -> None:
    mine, bare = point_against_bare(writer, tmp_path / "bare", 100)
    assert mine / bare < MOST_FOR_A_POINT


def test_a_finished_file_is_small(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, header_of())
    append_tags(writer, batch_of(TAGS, 1), 30)  # the dearest: each click has a gate of its own
    assert writer.finish().stat().st_size / (30 * TAGS) < MOST_BYTES


def test_a_huge_run_is_opened_by_its_head(tmp_path: Path) -> None:
    """Of 10 GB of columns only the head is read; a slice reads the chunks that it is in."""
    path = huge_run(tmp_path)

    def look() -> None:
        with open_run(path) as run:
            assert (len(run), run.status, len(run.photons)) == (1, "complete", HUGE)

    assert bytes_read(look) < MOST_READ
    with open_run(path) as run:
        middle = run.photons[HUGE // 2 : HUGE // 2 + 1000]
        assert bytes_read(middle.tags) < 4 * MOST_READ
        assert len(middle.tags()) == 1000
