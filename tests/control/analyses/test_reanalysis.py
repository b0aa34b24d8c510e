"""Analyses of many runs: whoever does them when, the same comes out, in order; and nothing is lost."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from control.analyses import InterruptedAnalysis, Wanted, reanalyse
from control.analyses.batches import MOST_RUNS, cut
from control.analyses.reanalysis import MANY_RUNS, REANALYSIS, usual_workers
from control.errors import ConfigError, ExperimentError
from control.simulate.errors import LostWorker
from data import open_run

MakeRun = Callable[..., Path]

RANDOM = """
def analyse(run, *, rng):
    return {"drawn": float(rng.random()), "points": len(run)}
"""


@pytest.fixture
def random_file(tmp_path: Path) -> Path:
    file = tmp_path / "randomly.py"
    file.write_text(RANDOM)
    return file


def test_random_numbers_depend_on_the_run_alone(fringe_run: MakeRun, random_file: Path) -> None:
    paths = [fringe_run(number, points=2) for number in range(4)]
    wanted = Wanted(str(random_file))
    forth = [one.results for one in reanalyse(paths, wanted, write=False)]
    back = [one.results for one in reanalyse(paths[::-1], wanted, write=False)]
    assert forth == back[::-1]
    assert len({result["drawn"] for result in forth}) == 4


@pytest.mark.slow
def test_two_processes_find_what_one_finds(fringe_run: MakeRun, random_file: Path) -> None:
    paths = [fringe_run(number, points=2) for number in range(5)]
    paths.insert(2, paths[0].with_name("gone.h5"))
    wanted = Wanted(str(random_file))
    one, two = (reanalyse(paths, wanted, workers=count, write=False) for count in (1, 2))
    assert one == two
    assert [bool(run.problem) for run in one] == [False, False, True, False, False, False]


def test_results_become_a_new_version(fringe_run: MakeRun, random_file: Path) -> None:
    path = fringe_run(points=2)
    for which in ("summary", str(random_file)):
        reanalyse([path], Wanted(which))
    with open_run(path) as run:
        assert [one.by for one in run.analyses] == ["summary", "randomly.py"]
        assert run.results["points"] == 2
    before = path.read_bytes()
    reanalyse([path], Wanted("summary"), write=False)
    assert path.read_bytes() == before


def test_a_run_that_fails_does_not_stop_the_others(fringe_run: MakeRun, tmp_path: Path) -> None:
    good = fringe_run(points=2)
    foreign = tmp_path / "notes.h5"
    foreign.write_text("no HDF5 at all")
    file = tmp_path / "picky.py"
    file.write_text(
        "def analyse(run):\n    if len(run) < 3:\n        raise ValueError('too short')\n    return {}\n"
    )
    told = reanalyse([foreign, good, fringe_run(1, points=3)], Wanted(str(file)))
    assert [bool(one.problem) for one in told] == [True, True, False]
    assert str(foreign) in told[0].problem
    assert told[1].problem == (
        f"picky.py:3: analyse() of picky.py failed: ValueError: too short. "
        f"The data are kept in {good}: mend the code, then `ionloom analyze` them."
    )


def test_results_that_no_file_holds_are_told(fringe_run: MakeRun, tmp_path: Path) -> None:
    file = tmp_path / "sets.py"
    file.write_text("def analyse(run):\n    return {'seen': {1, 2}}\n")
    (told,) = reanalyse([fringe_run(points=2)], Wanted(str(file)))
    assert "seen is a set" in told.problem.replace("'", "")


def test_what_is_no_mapping_is_told(fringe_run: MakeRun, tmp_path: Path) -> None:
    file = tmp_path / "number.py"
    file.write_text("\n\ndef analyse(run):\n    return 5\n")
    (told,) = reanalyse([fringe_run(points=2)], Wanted(str(file)))
    reason = "it returns int, not a mapping of names to results"
    assert told.problem.startswith(f"number.py:3: analyse() of number.py failed: {reason}.")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no analysis: write a function analyse(run) that returns a mapping"),
        (
            "def analyse(run):\n    retrun 5\n",
            "broken.py:2: reading broken.py failed: SyntaxError: invalid syntax",
        ),
        ("import nowhere_to_be_found\n", "broken.py:1: reading broken.py failed: ModuleNotFoundError"),
    ],
)
def test_a_file_that_cannot_be_used(fringe_run: MakeRun, tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "broken.py"
    file.write_text(text)
    with pytest.raises((ConfigError, ExperimentError)) as caught:
        reanalyse([fringe_run(points=2)], Wanted(str(file)))
    assert told in str(caught.value)


def test_a_function_of_another_name(fringe_run: MakeRun, tmp_path: Path) -> None:
    file = tmp_path / "several.py"
    file.write_text("def first(run):\n    return {'n': 1}\n\n\ndef second(run):\n    return {'n': 2}\n")
    (told,) = reanalyse([fringe_run(points=2)], Wanted(f"{file}:second"), write=False)
    assert told.results == {"n": 2}
    with pytest.raises(ConfigError) as caught:
        reanalyse([fringe_run(1, points=2)], Wanted(f"{file}:secund"), write=False)
    assert str(caught.value) == f"{file} has no analysis 'secund'. Did you mean second?"


def test_ctrl_c_keeps_what_was_written(fringe_run: MakeRun) -> None:
    paths = [fringe_run(number, points=2) for number in range(3)]

    def press(done: int, _planned: int) -> None:
        if done == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(InterruptedAnalysis) as caught:
        reanalyse(paths, Wanted("summary"), watch=press)
    assert str(caught.value) == (
        "interrupted after 2 of 3 runs; the results that were written are kept, and no run is damaged"
    )
    written = []
    for path in paths:
        with open_run(path) as run:
            written.append(len(run.analyses))
    assert written == [1, 1, 0]


def test_a_lost_worker_is_told() -> None:
    assert str(LostWorker(advice=REANALYSIS.advice)) == (
        "a worker ended in the middle of its work, or nobody answers for it any more. Was the memory too "
        "short? Then give fewer --workers. Results that were written are kept, and no run is damaged."
    )


def test_no_workers_are_refused(fringe_run: MakeRun) -> None:
    with pytest.raises(ConfigError, match="workers are 1 or more, not 0"):
        reanalyse([fringe_run(points=2)], Wanted("summary"), workers=0)


def test_batches_keep_the_order(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.h5" for number in range(MOST_RUNS * 20)]
    batches = cut(paths, Wanted())
    assert [path for batch in batches for path in batch.paths] == [str(path) for path in paths]
    assert {len(batch.paths) for batch in batches} == {MOST_RUNS}
    assert [batch.first for batch in batches] == list(range(0, len(paths), MOST_RUNS))
    assert [len(batch.paths) for batch in cut(paths[:5], Wanted())] == [1] * 5
    assert usual_workers(paths[: MANY_RUNS - 1]) == 1
    assert usual_workers(paths) >= 1
