"""Studies in the dicing lab: what is seen depends on the study alone."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from dice import Dice, Steps
from scipy.stats import chi2_contingency, poisson
from study_contents import contents

from control.errors import ConfigError
from control.runner import Progress, analyse_run
from control.simulate import AnotherStudy, InterruptedStudy, Simulated, simulate, simulation, tally_of
from control.simulate.tasks import Block, Task, play
from data import find_runs, open_run
from sequences import delay, serial

RATES = ["node.rate = 1, 2 kcps"]

Simulate = Callable[..., Simulated]


@pytest.fixture
def study(dicing: Path, tmp_path: Path) -> Simulate:
    """Simulate dice at two settings, four blocks each: three of 6 shots, and one of 2."""

    def simulated(name: str = "study", **asked: Any) -> Simulated:
        known = {"vary": RATES, "shots": 20, "block": 6, "seed": 9, "setup": dicing, "out": tmp_path / name}
        return simulate(Dice(), **(known | asked))

    return simulated


@pytest.fixture(scope="module")
def whole(dicing_text: str, tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """That study, played once for all who only look at it."""
    folder = tmp_path_factory.mktemp("whole")
    setup = folder / "dicing.toml"
    setup.write_text(dicing_text, encoding="utf-8")
    return simulate(Dice(), vary=RATES, shots=20, block=6, seed=9, setup=setup, out=folder / "study")


@pytest.fixture
def played(whole: Simulated, tmp_path: Path) -> None:
    """Put a copy of it where `study` would play it."""
    shutil.copytree(whole.folder, tmp_path / "study")


def reordered(order: Callable[[list[Task]], Iterable[Task]]) -> Callable[..., Any]:
    """Return players that play all tasks in another order."""

    @contextmanager
    def players(*_workers: object) -> Iterator[Callable[[Iterable[Task]], Iterator[Block]]]:
        yield lambda tasks: map(play, order(list(tasks)))

    return players


def test_a_study_tells_its_settings_and_keeps_their_runs(study: Simulate, tmp_path: Path) -> None:
    done = study(vary=[*RATES, "longest = 1, 3 ms"])
    assert [outcome.values for outcome in done.outcomes] == [
        {"node.rate": 1000.0, "longest": 1e-3},
        {"node.rate": 1000.0, "longest": 3e-3},
        {"node.rate": 2000.0, "longest": 1e-3},
        {"node.rate": 2000.0, "longest": 3e-3},
    ]
    for outcome in done.outcomes:
        rate = outcome.results["rate"]
        # Windows and shots are alike: clicks of 20 shots of both windows.
        assert rate == pytest.approx(outcome.values["node.rate"], abs=5 * outcome.results["rate_error"])
        assert outcome.tally.shots == 40
        assert outcome.tally.attempts == 40
        assert outcome.run is not None
        with open_run(outcome.run) as run:
            assert run.status == "complete"
            assert run.header.shots_per_point == 20
            assert run.parameters["node.rate"].value == outcome.values["node.rate"]
            assert (run.parameters["node.rate"].unit, run.parameters["node.rate"].origin) == (
                "1/s",
                "override",
            )
            assert run.parameters["longest"].value == outcome.values["longest"]
            assert run.parameters["study.setting"].value == outcome.number
            assert (run.parameters["study.seed"].value, run.parameters["study.block"].value) == ("9", 6)
            assert tally_of(run.records()) == outcome.tally
            assert run.results == outcome.results
            assert f"{outcome.values['node.rate']:.0f} 1/s" in run.header.setup
    assert len(find_runs(tmp_path / "study")) == 4
    assert not list((tmp_path / "study").rglob("*.log"))


def test_the_analysis_of_a_setting_can_be_made_again(study: Simulate) -> None:
    first = study(vary={"longest": [3e-3]}).outcomes[0]
    assert first.run is not None
    assert analyse_run(Dice(longest=3e-3, shots=20), first.run) == first.results


@pytest.mark.slow
def test_the_order_of_blocks_changes_nothing(
    study: Simulate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study()
    expected = contents(tmp_path / "study")
    shuffled = random.Random(3)  # noqa: S311 - an order, not a secret
    for number, order in enumerate(
        (lambda tasks: tasks[::-1], lambda tasks: shuffled.sample(tasks, len(tasks)))
    ):
        monkeypatch.setattr(simulation, "open_players", reordered(order))
        study(str(number))
        assert contents(tmp_path / str(number)) == expected


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(study: Simulate, whole: Simulated, tmp_path: Path) -> None:
    study("two", workers=2)
    assert contents(tmp_path / "two") == contents(whole.folder)


@pytest.mark.slow
def test_another_seed_throws_other_dice(study: Simulate, tmp_path: Path) -> None:
    assert contents(tmp_path / "study") if study() else None
    study("other", seed=10)
    assert contents(tmp_path / "other") != contents(tmp_path / "study")


def test_a_study_goes_on_where_it_was_stopped(
    study: Simulate, whole: Simulated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped again and again after some blocks in any order, it comes to the same as in one go."""
    chance = random.Random(8)  # noqa: S311 - an order, not a secret

    def some(tasks: list[Task]) -> Iterator[Task]:
        yield from chance.sample(tasks, 3)
        raise KeyboardInterrupt

    monkeypatch.setattr(simulation, "open_players", reordered(some))
    for done in (3, 6):
        with pytest.raises(InterruptedStudy) as caught:
            study("stopped")
        assert str(caught.value) == (
            f"interrupted after {done} of 8 blocks, which are kept in {tmp_path / 'stopped'}; "
            "the same command goes on with the others"
        )
        with h5py.File(tmp_path / "stopped/study.h5") as file:
            assert 0 < file["tallies/points/shots"][()].sum() <= 2 * 6 * done
    monkeypatch.undo()
    last = study("stopped", seed=None)  # the folder knows it
    assert last.pace.shots in (2 * (6 + 6), 2 * (6 + 2))
    assert contents(tmp_path / "stopped") == contents(whole.folder)


@pytest.mark.usefixtures("played")
def test_a_finished_study_is_told_again(study: Simulate, whole: Simulated, tmp_path: Path) -> None:
    expected = contents(whole.folder)
    runs = sorted((tmp_path / "study").rglob("2*.h5"))
    again = study()
    assert [replace(outcome, run=None) for outcome in again.outcomes] == [
        replace(outcome, run=None) for outcome in whole.outcomes
    ]
    assert [outcome.run for outcome in again.outcomes] == runs
    assert str(again.pace) == "everything was there already"
    assert sorted((tmp_path / "study").rglob("2*.h5")) == runs
    assert contents(tmp_path / "study") == expected


@pytest.mark.slow
def test_a_crash_between_the_last_block_and_its_run(
    study: Simulate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study("whole")

    def killed(*_arguments: object) -> None:
        raise MemoryError

    def crash(place: str) -> list[Path]:
        with monkeypatch.context() as patch:
            patch.setattr(f"control.simulate.{place}", killed)
            with pytest.raises(MemoryError):
                study()
        return list((tmp_path / "study").rglob("2*.h5"))

    assert crash("simulation.merge_setting") == []
    # A run counts for nothing as long as its blocks are there: nobody knows whether it was finished.
    (torn,) = crash("folder.StudyFolder.forget_blocks")
    whole = crash("simulation.write_study")
    assert len(whole) == 2
    assert torn not in whole
    study()
    assert contents(tmp_path / "study") == contents(tmp_path / "whole")


@pytest.mark.slow
def test_blocks_together_are_like_one_big_run(study: Simulate) -> None:
    """Many small blocks throw the dice of one big block: the same distribution, from other seeds."""
    many = study("many", vary=(), shots=4000, block=50).outcomes[0].tally
    one = study("one", vary=(), shots=4000, block=4000).outcomes[0].tally
    for split, whole in zip(many.points, one.points, strict=True):
        table = np.zeros((2, 40))
        for row, tally in enumerate((split, whole)):
            np.add.at(table[row], tally.counts["clicks"].rows[:, 1], tally.counts["clicks"].times)
        common = table[:, (table > 5).all(axis=0)]
        assert chi2_contingency(common).pvalue > 1e-3
        # And both are Poisson, with the mean that the rate gives in the window.
        mean = 1000.0 * split.seconds / split.shots
        expected = poisson.pmf(np.arange(6), mean) * 4000
        for row in table:
            assert ((row[:6] - expected) ** 2 / expected).sum() < 25  # chi squared of 6 classes, p = 3e-4


def test_tallies_are_in_the_study_file(whole: Simulated) -> None:
    with h5py.File(whole.folder / "study.h5") as file:
        counts = {name: column[()] for name, column in file["tallies/counts"].items()}
        points = {name: column[()] for name, column in file["tallies/points"].items()}
        assert file["settings/node.rate"].attrs["units"] == "1/s"
        assert file["settings/node.rate"][()].tolist() == [1000.0, 2000.0]
        runs = [whole.folder / run.decode() for run in file["settings/run"][()]]
        assert file["results/rate"][()].tolist() == [outcome.results["rate"] for outcome in whole.outcomes]
        assert file["provenance/setup"][()].decode() == whole.study.setup.text
        assert "numpy" in file["provenance/packages"][()].decode()
    assert [outcome.run for outcome in whole.outcomes] == runs
    for outcome in whole.outcomes:
        for index, point in enumerate(outcome.tally.points):
            rows = (counts["setting"] == outcome.number) & (counts["point"] == index)
            assert (counts["count"] * counts["shots"])[rows].sum() == point.sums("clicks").sum()
            (row,) = np.flatnonzero((points["setting"] == outcome.number) & (points["point"] == index))
            assert points["duration_ps"][row] == point.duration_ps


def test_a_table_for_a_spreadsheet(study: Simulate, tmp_path: Path) -> None:
    study(vary=["detector = h, v", "upside_down = no"])
    lines = (tmp_path / "study/study.csv").read_text().splitlines()
    assert lines[0] == (
        "setting,detector,upside_down,shots,lab time (s),attempts,heralds,"
        "rate,rate_error,resampled,points_measured"
    )
    assert lines[1].startswith("1,h,False,40,0.06")
    assert len(lines) == 3


def test_a_row_for_each_point_where_the_analysis_gives_some(dicing: Path, tmp_path: Path) -> None:
    simulate(Steps(), vary=["node.rate = 1, 2 kcps"], shots=4, seed=1, setup=dicing, out=tmp_path / "study")
    lines = (tmp_path / "study/study.csv").read_text().splitlines()
    assert lines[0].endswith(",window,clicks")
    assert [line.split(",")[0] for line in lines[1:]] == ["1", "1", "2", "2"]
    assert '"[' in lines[1] or "[" in lines[1]


def test_an_analysis_that_fails_at_one_setting(study: Simulate, tmp_path: Path) -> None:
    vary = {"node.rate": [0.0, 1000.0]}
    done = study(vary=vary)
    assert done.outcomes[0].results == {}
    assert "analyse() of dice failed: ValueError: too few clicks." in done.outcomes[0].problem
    assert done.outcomes[0].tally.shots == 40
    assert done.outcomes[1].results["rate"] > 0
    assert study(vary=vary).outcomes == done.outcomes
    with h5py.File(tmp_path / "study/study.h5") as file:
        assert np.isnan(file["results/rate"][0])
        assert b"too few clicks" in file["settings/problem"][0]


@pytest.mark.usefixtures("played")
def test_runs_that_other_code_has_analysed_are_analysed_again(
    study: Simulate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    changed = tmp_path / "dice_of_tomorrow.py"
    changed.write_text("# another analysis\n")
    monkeypatch.setattr("control.simulate.merging.source_file", lambda _kind: changed)
    monkeypatch.setattr(Dice, "analyse", lambda _dice, _run: {"rate": 1.0})
    assert [outcome.results for outcome in study().outcomes] == [{"rate": 1.0}] * 2


@pytest.mark.usefixtures("played")
def test_a_changed_study_is_refused(study: Simulate) -> None:
    with pytest.raises(AnotherStudy, match="shots: 20 in the folder, 41 asked for"):
        study(shots=41)
    with pytest.raises(AnotherStudy, match="seed: 9 in the folder, 8 asked for"):
        study(seed=8)
    with pytest.raises(AnotherStudy, match="settings: 2 in the folder, 1 asked for"):
        study(vary=())
    with pytest.raises(
        AnotherStudy, match=r"setting 1: node\.rate = 1000\.0 in the folder, node\.rate = 1500"
    ):
        study(vary=["node.rate = 1.5, 2 kcps"])
    with pytest.raises(AnotherStudy, match=r"mapping_pi_time: .* in the folder, 5e-06 asked for"):
        study(calibration={"mapping_pi_time": 5e-6})


@pytest.mark.usefixtures("played")
def test_code_that_plays_something_else_is_refused(study: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    sequence = Dice.sequence
    monkeypatch.setattr(Dice, "sequence", lambda dice, node: serial(sequence(dice, node), delay(1e-6)))
    with pytest.raises(AnotherStudy, match="played: the sequences are not the same any more"):
        study()


def test_trouble_tells_where_it_was(study: Simulate, tmp_path: Path) -> None:
    vary = {"node.dark": [0.0, 3.0], "node.fails_at": [3]}
    for workers in (1, 2):
        with pytest.raises(OSError, match="the dice fell off the table") as caught:
            study(f"with {workers}", vary=vary, workers=workers)
        assert caught.value.__notes__[0].startswith("This is in block ")
        assert caught.value.__notes__[0].endswith(" of setting 2.")
        assert (tmp_path / f"with {workers}/settings/0001").exists()


def test_progress_counts_blocks(study: Simulate) -> None:
    steps: list[Progress] = []
    study(progress=steps.append)
    assert [step.done for step in steps if step.stage == "compiling"] == [1, 2]
    simulating = [step for step in steps if step.stage == "simulating"]
    assert [step.done for step in simulating] == list(range(9))
    assert {step.total for step in simulating} == {8}
    assert simulating[0].seconds_left is None
    assert simulating[-1].seconds_left == 0.0


def test_pace(whole: Simulated) -> None:
    assert (whole.pace.shots, whole.pace.lab_seconds) == (80, pytest.approx(0.12))
    assert f"80 shots in {whole.pace.seconds:.1f} s: " in str(whole.pace)
    assert "times as fast as the lab" in str(whole.pace)


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"block": 0}])
def test_less_than_one(study: Simulate, wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="workers and shots of a block are 1 or more"):
        study(**wrong)


def test_a_long_study_shares_seeds_with_no_other(whole: Simulated) -> None:
    asked = whole.study
    seeds = {asked.seed_of(setting, block) for setting in asked.settings for block in range(5000)}
    assert len(seeds) == 10_000
