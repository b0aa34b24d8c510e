"""Journals of programs that are killed, and of computers that lose their power."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from modelled_disk import DiskLog, LoggedDisk

from data.errors import NoSpaceError
from data.journal import JournalReader, JournalWriter

ROOT: Final = Path(__file__).resolve().parents[3]
MANUAL: Final = 1e6  # s between looks of the sync thread: never, within a test

PAYLOAD: Final = """
import numpy as np

def payload(number):
    rng = np.random.default_rng(number)
    return rng.bytes(int(rng.choice([0, 50, 3000, 40000, 300000])))
"""

WRITER: Final = (
    PAYLOAD
    + """
import itertools, sys
from data.errors import NoSpaceError
from data.journal import JournalWriter

writer = JournalWriter.create(sys.argv[1], sync_every=float(sys.argv[2]))
for number in itertools.count(1):
    writer.append(1 + number % 9, [payload(number)])
    if number % 4 == 0:
        writer.sync()
    print(number, flush=True)
"""
)

FAST_WRITER: Final = (
    PAYLOAD
    + """
import sys
from data.errors import NoSpaceError
from data.journal import JournalWriter

with JournalWriter.create(sys.argv[1]) as writer:
    print("begun", flush=True)
    for number in range(1, int(sys.argv[2]) + 1):
        writer.append(1 + number % 9, [payload(number)])
"""
)

namespace: dict[str, object] = {}
exec(PAYLOAD, namespace)  # noqa: S102 - the very same function here and there
payload: Final = namespace["payload"]


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def kill_and_read(path: Path, rng: np.random.Generator) -> None:
    with start(WRITER, path, rng.choice([0.001, 0.2])) as process:
        assert process.stdout is not None
        announced = 0
        for _ in range(rng.integers(1, 40)):
            announced = int(process.stdout.readline())
        moment = time.perf_counter() + rng.uniform(0, 2e-3)
        while time.perf_counter() < moment:
            pass
        process.kill()
        announced = max([announced, *map(int, process.stdout.read().split())])
    with JournalReader(path, verify="all") as reader:
        frames = reader.frames()
        assert announced <= len(frames) <= announced + 1
        assert [frame.sequence for frame in frames] == list(range(1, len(frames) + 1))
        assert all(frame.kind == 1 + frame.sequence % 9 for frame in frames)
        assert all(reader.payload(frame) == payload(frame.sequence) for frame in frames)
        assert reader.gaps == []
        assert reader.has_writer() in (False, None)
    with JournalWriter.reopen(path) as writer:
        writer.append(1, [b"behind"])
    with JournalReader(path, verify="all") as reader:
        assert reader.frames()[:-1] == frames
        assert (reader.torn, reader.gaps) == (0, [])


@pytest.mark.parametrize("seed", range(4))
def test_killed_while_it_writes(tmp_path: Path, seed: int) -> None:
    kill_and_read(tmp_path / "j", np.random.default_rng(seed))


@pytest.mark.slow
def test_killed_very_often(tmp_path: Path) -> None:
    rng = np.random.default_rng(50)
    for number in range(48):
        kill_and_read(tmp_path / f"{number}.journal", rng)


def follow(path: Path, frames: int) -> None:
    """Read a journal while another process writes it, as fast as both can."""
    with start(FAST_WRITER, path, frames) as process:
        assert process.stdout is not None
        process.stdout.readline()
        expected = 1
        with JournalReader(path) as reader:
            while expected <= frames:
                ended = process.poll() is not None
                new = reader.poll()
                for frame in new:
                    assert frame.sequence == expected
                    assert reader.payload(frame) == payload(expected)
                    expected += 1
                assert new or not ended, f"the writer ended at {expected - 1} of {frames} frames"
            assert reader.poll() == []
            assert (reader.torn, reader.gaps) == (0, [])


def test_read_while_it_is_written(tmp_path: Path) -> None:
    follow(tmp_path / "j", 300)


@pytest.mark.slow
def test_read_while_it_is_written_for_long(tmp_path: Path) -> None:
    follow(tmp_path / "j", 6000)


def write_logged(
    path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> tuple[DiskLog, list[bytes]]:
    """Write a journal with syncs and full disks now and then, and note what was promised at which write."""
    with monkeypatch.context() as patch:
        disk, payloads, synced = LoggedDisk(patch, rng), [], 0
        log = disk.log
        with JournalWriter.create(path, sync_every=MANUAL) as writer:
            created = len(log.writes)
            log.promised.append((created, 0))
            for _ in range(25):
                payloads.append(rng.bytes(int(rng.choice([0, 30, 900, 5000, 20000]))))
                if rng.random() < 0.2:
                    disk.fails = True
                    with pytest.raises(NoSpaceError):
                        writer.append(8, [rng.bytes(9000)])
                    disk.fails = False
                writer.append(7, [payloads[-1]])
                if rng.random() < 0.3:
                    writer.sync()
                    synced = len(payloads)
                    log.promised.append((len(log.writes), synced))
    return log, payloads


def read_after(log: DiskLog, at: int, path: Path, payloads: list[bytes], rng: np.random.Generator) -> None:
    path.write_bytes(log.crash(at, rng))
    promised = max((frames for write, frames in log.promised if write <= at), default=0)
    for verify in ("tail", "all"):
        with JournalReader(path, verify=verify) as reader:  # type: ignore[arg-type]
            frames = reader.frames()
            numbers = [frame.sequence for frame in frames]
            assert numbers[:promised] == list(range(1, promised + 1))
            assert all(reader.payload(frame) == payloads[frame.sequence - 1] for frame in frames)
            assert all(frame.kind == 7 for frame in frames)
            missing = [number for gap in reader.gaps for number in gap.missing]
            assert not frames or sorted({0, *numbers, *missing}) == list(range(numbers[-1] + 1))
    with JournalWriter.reopen(path, sync_every=MANUAL) as writer:
        writer.append(9, [b"behind"])
    with JournalReader(path) as reader:
        assert [frame.sequence for frame in reader.frames()][:-1] == numbers
        assert reader.payload(reader.frames()[-1]) == b"behind"
        assert reader.torn == 0


def lose_power(folder: Path, monkeypatch: pytest.MonkeyPatch, journals: int, crashes: int, seed: int) -> None:
    for journal in range(journals):
        rng = np.random.default_rng([seed, journal])
        log, payloads = write_logged(folder / f"{journal}.journal", monkeypatch, rng)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", lambda descriptor: None)  # the crash has been, the disk is real
            for _ in range(crashes):
                at = int(rng.integers(len(log.writes) + 1))
                read_after(log, at, folder / "crashed", payloads, rng)


def test_power_cuts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lose_power(tmp_path, monkeypatch, journals=4, crashes=50, seed=1)


@pytest.mark.slow
def test_very_many_power_cuts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lose_power(tmp_path, monkeypatch, journals=40, crashes=100, seed=2)
