"""Programs that are killed while they record, finish, repair or re-analyse runs."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
import pytest

from data import RunWriter, open_run, repair, verify, write_results

if sys.platform == "win32":
    pytest.skip("nothing can be forked there", allow_module_level=True)

from short_runs import BATCHES, Outcome, Say, check_points, header_of, record_points, run_and_kill

LEAST_KILLS = 500
PARTS = 4
"""That can be run beside one another; 65 to 92 s each was measured, two at a time on two busy cores."""


@dataclass
class Crashes:
    """Kills of programs that work on runs, at random moments.

    Attributes:
        rng: when.
        kills: phase -> how many.
        announced: points of which a program had said that they are safe.
        lost: of them.
        unreadable: files that plain h5py could not open after the repair.
        seconds: phase -> within which it is killed.
    """

    rng: np.random.Generator
    kills: Counter[str] = field(default_factory=Counter)
    announced: int = 0
    lost: int = 0
    unreadable: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def cycle(self, folder: Path) -> None:
        """Record a run, repair it, add results to it; kill all of these."""
        points, clicks = int(self.rng.integers(1, 5)), int(self.rng.choice([20, 4000]))
        said = self.record(folder, points, clicks).said
        announced, batches = said.count(b"p"), said.count(b"b")
        while self.interrupt("repairing", lambda _: [*repair(folder)] and None).was_killed:
            pass
        assert not list(folder.rglob("*.journal"))
        files = list(folder.rglob("*.h5"))
        self.announced += announced
        if not files:
            assert b"c" not in said  # it was killed before the run had begun
            return
        [path] = files
        self.look(path, clicks, announced, batches)
        if self.interrupt("analysing", lambda _: write_results(path, {"again": 0.5})).was_killed:
            self.look(path, clicks, announced, batches)
            write_results(path, {"again": 0.25})
            with open_run(path) as run:
                assert run.results == {"again": 0.25}
        self.look(path, clicks, announced, batches)

    def record(self, folder: Path, points: int, clicks: int) -> Outcome:
        """Record a run, and be killed while it is going on or finished."""

        def work(say: Say) -> None:
            writer = RunWriter.create(folder, header_of())
            say(b"c")
            record_points(writer, points, clicks, say)
            say(b"e")
            writer.finish({"fidelity": 0.9})

        finishing = 2 + points * (BATCHES + 1)
        if self.rng.random() < 0.5:
            return self.interrupt("finalising", work, after=finishing)
        return self.interrupt("running", work, after=int(self.rng.integers(finishing)), within=3e-3)

    def interrupt(
        self, phase: str, work: Callable[[Say], None], after: int = 0, within: float | None = None
    ) -> Outcome:
        """Kill a program at a random moment of a phase; sometimes that comes too late."""
        longest = self.seconds.get(phase, 0.1) if within is None else within
        outcome = run_and_kill(work, after, self.rng.uniform(0, longest))
        if outcome.was_killed:
            self.kills["finalising" if b"e" in outcome.said else phase] += 1
        # So that half of the kills come in time, however fast the machine is.
        self.seconds[phase] = longest * (1.1 if outcome.was_killed else 0.9)
        return outcome

    def look(self, path: Path, clicks: int, announced: int, batches: int) -> None:
        """See that a run has all that was announced, and is whole."""
        assert verify(path).is_whole
        try:
            with h5py.File(path) as file:
                found = len(file["entry/scan/i"])
        except OSError:
            self.unreadable += 1
            return
        self.lost += max(0, announced - found)
        with open_run(path) as run:
            assert run.status in ("interrupted", "complete")
            check_points(run, clicks, announced, batches)
            assert run.results in ({}, {"fidelity": 0.9}, {"again": 0.5}, {"again": 0.25})


@pytest.mark.slow
def test_kills_of_all_phases(tmp_path: Path) -> None:
    crashes = Crashes(np.random.default_rng(6))
    for number in range(2):
        crashes.cycle(tmp_path / f"{number}")
    assert crashes.kills.total() >= 4
    assert (crashes.lost, crashes.unreadable) == (0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_500_kills_of_all_phases(tmp_path: Path, part: int) -> None:
    crashes, number = Crashes(np.random.default_rng([500, part])), 0
    while crashes.kills.total() < LEAST_KILLS / PARTS:
        crashes.cycle(tmp_path / f"{number}")
        number += 1
    assert (crashes.lost, crashes.unreadable) == (0, 0)
    assert crashes.announced > 20  # a busy machine announces less before it is killed
    assert min(crashes.kills[phase] for phase in ("running", "finalising", "repairing", "analysing")) > 5


def test_the_half_of_a_copy_is_cleared_later(tmp_path: Path) -> None:
    """What a kill leaves of a copy may not be told from what another program is writing: time tells it."""
    writer = RunWriter.create(tmp_path, header_of())
    record_points(writer, 1)
    path = writer.finish()
    half = path.with_name(path.name + ".part")
    half.write_bytes(path.read_bytes()[:1000])
    [done] = repair(tmp_path)
    assert (done.action, done.path, done.message) == (
        "left",
        half,
        "half of a copy, written to just now: another program may be making it",
    )
    os.utime(half, (0, 0))
    [done] = repair(tmp_path)
    assert (done.action, done.message) == ("cleared", "half of a copy; the run itself is there")
    assert [each.name for each in path.parent.iterdir()] == [path.name]
