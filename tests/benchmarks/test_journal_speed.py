"""Appending tags to a journal against writing them to a bare file. Run with `--benchmark-enable`.

Rates depend on the computer and its disk; the ratio to the bare file does so much less.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from data.journal import JournalReader, JournalWriter

pytestmark = pytest.mark.slow

TAGS: Final = 65536
BATCHES: Final = 20
COLUMNS: Final = (np.arange(TAGS), np.arange(TAGS, dtype=np.uint16))
"""10 bytes a tag, as a run file keeps them."""

MOST_FOR_TAGS: Final = 6.0
"""Times the bare file; 0.8 to 2.5 was measured, the checksum included."""

MOST_FOR_A_SYNC: Final = 4.0
"""Times the bare file with a sync; 1.1 to 1.3 was measured."""

MANUAL: Final = 1e6  # s between looks of the sync thread: never, here


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[JournalWriter]:
    with JournalWriter.create(tmp_path / "j", sync_every=MANUAL) as writer:
        yield writer


def append_tags(writer: JournalWriter) -> None:
    for _ in range(BATCHES):
        writer.append(1, COLUMNS)


def write_bare(path: Path) -> None:
    with path.open("ab", buffering=0) as file:
        for _ in range(BATCHES):
            for column in COLUMNS:
                column.tofile(file)


def seconds(work: Callable[[], Any]) -> float:
    """Return the least time of a call, of five."""
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def sync_both(writer: JournalWriter, path: Path, data: bytes) -> float:
    """Return by what a frame and its sync take longer than a write and its sync, taken in turns."""
    journal, bare = [], []
    with path.open("ab", buffering=0) as file:
        for _ in range(100):
            begun = time.perf_counter()
            append_and_sync(writer, data)
            between = time.perf_counter()
            file.write(data)
            os.fsync(file.fileno())
            journal.append(between - begun)
            bare.append(time.perf_counter() - between)
    return float(np.median(journal) / np.median(bare))


def append_and_sync(writer: JournalWriter, data: bytes) -> None:
    writer.append(1, [data])
    writer.sync()


def test_tags(benchmark: Any, journal: JournalWriter, tmp_path: Path) -> None:
    benchmark.pedantic(append_tags, (journal,), rounds=10 if benchmark.enabled else 1)
    if benchmark.enabled:
        least = benchmark.stats.stats.min
        benchmark.extra_info["M tags/s"] = TAGS * BATCHES / 1e6 / least
        benchmark.extra_info["times the bare file"] = least / seconds(lambda: write_bare(tmp_path / "bare"))


def test_a_small_frame_on_the_disk(benchmark: Any, journal: JournalWriter, tmp_path: Path) -> None:
    data = bytes(4000)
    benchmark.pedantic(append_and_sync, (journal, data), rounds=100 if benchmark.enabled else 1)
    if benchmark.enabled:
        benchmark.extra_info["times the bare file"] = sync_both(journal, tmp_path / "bare", data)


@pytest.mark.parametrize("verify", ["tail", "all"])
def test_opening(benchmark: Any, tmp_path: Path, verify: str) -> None:
    with JournalWriter.create(tmp_path / "j", sync_every=MANUAL) as writer:
        append_tags(writer)
        for _ in range(2000):
            writer.append(2, [b"a line of the log"])
        writer.sync()
        writer.append(3, [b"the end"])

    def look() -> int:
        with JournalReader(tmp_path / "j", verify=verify) as reader:  # type: ignore[arg-type]
            return len(reader.frames())

    assert benchmark(look) == BATCHES + 2001


def test_payloads(benchmark: Any, journal: JournalWriter) -> None:
    append_tags(journal)
    with JournalReader(journal.path) as reader:
        frames = reader.frames()
        total = benchmark(lambda: sum(len(reader.payload(frame)) for frame in frames))
    assert total == 10 * TAGS * BATCHES
    if benchmark.enabled:
        benchmark.extra_info["GB/s"] = total / 1e9 / benchmark.stats.stats.min


@pytest.mark.timed
def test_tags_cost_a_small_multiple_of_a_bare_file(journal: JournalWriter, tmp_path: Path) -> None:
    floor = seconds(lambda: write_bare(tmp_path / "bare"))
    assert seconds(lambda: append_tags(journal)) / floor < MOST_FOR_TAGS


@pytest.mark.timed
def test_a_sync_costs_what_the_disk_takes(journal: JournalWriter, tmp_path: Path) -> None:
    assert sync_both(journal, tmp_path / "bare", bytes(4000)) < MOST_FOR_A_SYNC
