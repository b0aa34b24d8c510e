"""Photons of loops of attempts: each click belongs to its own gate, and every gate that opened counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from control.analyses import find_analysis
from control.errors import UsageError
from control.experiments.gate_rows import gates_of, rows_of
from data import Attempts, Provenance, Readout, Record, Run, RunHeader, RunWriter, TimeTags, open_run
from sequences import AttemptLoop, Branch, Herald, Play, RepeatLoop
from sequences.program import Step

SHOTS, WINDOWS = 150, 3
SEEN = Herald(tuple(range(2 * WINDOWS)))
Around = Callable[[Play], tuple[Step, ...]]
MakeProgram = Callable[..., str]


def tries(play: Play) -> tuple[Step, ...]:
    return (AttemptLoop(8, SEEN, (play,)),)


def tried_record(rng: np.random.Generator, chance: float) -> Record:
    """Shots of at most eight attempts, which end with the first that has a click; some gates have two."""
    attempts: list[tuple[int, int, bool]] = []
    clicks: list[tuple[int, int, int, int]] = []
    for shot in range(SHOTS):
        for attempt in range(8):
            seen = np.repeat(np.arange(2 * WINDOWS), rng.poisson(chance, 2 * WINDOWS))
            attempts.append((shot, attempt, bool(len(seen))))
            clicks += [(shot, attempt, row, int(rng.integers(0, 9_000_000))) for row in seen.tolist()]
            if len(seen):
                break
    made_in, made, heralded = (np.array(column) for column in zip(*attempts, strict=True))
    of, tried, row, since = np.array(clicks).T
    opened = 1_000_000_000_000 * of + 1_000_000_000 * tried + 10_000_000 * (row // 2)
    order = np.argsort(opened + since, kind="stable")
    of, tried, row, since, opened = (column[order] for column in (of, tried, row, since, opened))
    counts = {name: np.zeros((SHOTS, WINDOWS), np.int32) for name in "hv"}
    for number, name in enumerate("hv"):
        mine = row % 2 == number
        np.add.at(counts[name], (of[mine], row[mine] // 2), 1)
    return Record(
        shots=SHOTS,
        start_ps=1_000_000_000_000 * np.arange(SHOTS),
        duration_ps=1_000_000_000_000 * SHOTS,
        counts=counts,
        attempts=Attempts(
            made_in, made.astype(np.uint32), 1_000_000_000_000 * made_in + 1_000_000_000 * made, heralded
        ),
        tags=TimeTags(
            opened + since, (row % 2).astype(np.uint16), of, tried.astype(np.uint32), row.astype("u2"), since
        ),
    )


@pytest.fixture
def tried_run(tmp_path: Path, make_program: MakeProgram) -> Callable[[Around], Path]:
    """Write a run of two points whose photons were tried for; its program has something around its gates."""

    def make(around: Around) -> Path:
        header = RunHeader(
            experiment="source",
            provenance=Provenance(started=datetime(2026, 1, 4, tzinfo=UTC)),
            readouts=(Readout("h", WINDOWS), Readout("v", WINDOWS)),
            program=make_program(around, WINDOWS),
            shots_per_point=SHOTS,
        )
        rng = np.random.default_rng(3)
        with RunWriter.create(tmp_path / "tried", header) as writer:
            for chance in (0.02, 0.08):
                writer.append({}, tried_record(rng, chance))
            return writer.finish()

    return make


def found(path: Path, which: str, **texts: str) -> dict[str, Any]:
    with open_run(path) as run:
        return find_analysis(which, texts).analyse(run).results


def gates_with_clicks(run: Run, name: int) -> Counter[tuple[int, ...]]:
    """Clicks of each gate, counted one by one: (point, shot, attempt, window)."""
    clicks: Counter[tuple[int, ...]] = Counter()
    for point, record in enumerate(run.records()):
        tags = record.tags
        for shot, attempt, row in zip(tags.shot, tags.attempt, tags.readout, strict=True):
            if row % 2 == name:
                clicks[point, int(shot), int(attempt), int(row) // 2] += 1
    return clicks


def test_every_gate_of_every_attempt_counts(tried_run: Callable[[Around], Path]) -> None:
    path = tried_run(tries)
    told = found(path, "wave-packet", readout="v", window="9 us", bins="9")
    with open_run(path) as run:
        clicks = gates_with_clicks(run, 1)
        opened = WINDOWS * sum(len(record.attempts) for record in run.records())
        times = np.concatenate(
            [record.tags.window_ps[record.tags.readout % 2 == 1] for record in run.records()]
        )
    assert opened > 2 * SHOTS * WINDOWS
    assert clicks.total() > len(clicks)  # some gates have two
    assert (told["windows"], told["clicks"]) == (opened, clicks.total())
    assert told["photon_probability"]["value"] == len(clicks) / opened
    edges = 1_000_000 * np.arange(10)
    assert told["packet"]["rate"] * opened * 1e-6 == pytest.approx(np.histogram(times, edges)[0])


def test_g2_compares_the_windows_of_one_attempt(tried_run: Callable[[Around], Path]) -> None:
    path = tried_run(tries)
    told = found(path, "g2")
    with open_run(path) as run:
        first, second = (gates_with_clicks(run, name) for name in (0, 1))
        passes = sum(len(record.attempts) for record in run.records())
    assert told["lag"].tolist() == [-2, -1, 0, 1, 2]
    assert told["attempts"] == passes * WINDOWS
    for lag, seen, value in zip(told["lag"], told["coincidences"], told["g2"], strict=True):
        pairs = sum((*gate[:3], gate[3] + int(lag)) in second for gate in first)
        chance = len(first) * len(second) / (passes * WINDOWS) ** 2
        assert seen == pairs
        assert value == pytest.approx(pairs / (chance * passes * (WINDOWS - abs(lag))))


def test_gates_of_a_shot_and_of_loops(tried_run: Callable[[Around], Path]) -> None:
    for around, expected in (
        (tries, (0, WINDOWS)),
        (lambda play: (play,), (WINDOWS, 0)),
        (lambda play: (RepeatLoop(4, (play,)),), (4 * WINDOWS, 0)),
        (lambda play: (RepeatLoop(4, tries(play)),), (0, WINDOWS)),
        (lambda play: (AttemptLoop(8, SEEN, (RepeatLoop(2, (play,)),)), play), (WINDOWS, 2 * WINDOWS)),
    ):
        with open_run(tried_run(around)) as run:
            (gates,) = gates_of(run, "v")
            assert (gates.each_shot, gates.each_attempt) == expected
            assert gates.rows == tuple(rows_of(run, "v")) == (1, 3, 5)
            assert gates.windows == (0, 1, 2)
            attempts = sum(len(record.attempts) for record in run.records())
            opened = sum(gates.opened(record) for record in run.records())
            assert opened == expected[0] * 2 * SHOTS + expected[1] * attempts


@pytest.mark.parametrize(
    "around",
    [
        lambda play: (Branch(SEEN, (play,), ()),),
        lambda play: tries(play) * 2,
        lambda play: (AttemptLoop(8, SEEN, (), every=2, between=(play,)),),
    ],
)
def test_gates_that_nobody_counted_are_told(tried_run: Callable[[Around], Path], around: Around) -> None:
    with open_run(tried_run(around)) as run, pytest.raises(UsageError) as caught:
        find_analysis("wave-packet", {"readout": "h"}).analyse(run)
    assert str(caught.value) == (
        f"run {run.id} does not tell how often the gate of h opened: it opens in a branch of the program, "
        "after failed attempts, or in one of several loops of them. "
        "An analysis of your own may know: --analysis FILE.py."
    )


def test_windows_that_open_several_times_have_no_g2(tried_run: Callable[[Around], Path]) -> None:
    with open_run(tried_run(lambda play: (RepeatLoop(4, (play,)),))) as run:
        with pytest.raises(UsageError) as caught:
            find_analysis("g2").analyse(run)
        told = find_analysis("wave-packet", {"readout": "h"}).analyse(run).results
    assert str(caught.value) == (
        f"windows of h and v in run {run.id} open several times, or some in a loop. "
        "g2 needs each window once a shot, or each once an attempt."
    )
    assert told["windows"] == 4 * WINDOWS * 2 * SHOTS
