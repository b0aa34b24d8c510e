"""Runs in the tiny lab, with its instruments on real sockets."""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from counting import PlateScan, WindowScan
from tiny_lab import TinyLab

from control import Point, Progress, run
from control.bench import open_bench
from control.errors import ExperimentError, InterruptedRun, LimitError, LinkDown, UnknownName
from control.plan import make_plan
from control.runner import analyse_run, recorded_experiment
from control.setup import read_setup
from data import Record, Run, open_run
from data.errors import ResultsError, UnwritableFolderError
from sequences import Program, print_program
from sequences.library import Node

RATE = 1e4  # 1/s, of the tiny lab


def test_a_run_becomes_a_file_with_results(tiny: Path, tmp_path: Path) -> None:
    path = run(WindowScan(ions=3), setup=tiny, shots=400, seed=5, out=tmp_path / "runs")
    with open_run(path) as done:
        assert (done.status, done.experiment, len(done)) == ("complete", "window_scan", 4)
        assert [point["window"] for point in done.points] == pytest.approx([2.5e-4, 5e-4, 7.5e-4, 1e-3])
        assert done.record(0).counts["ions"].shape == (400, 3)
        assert done.record(3).counts["clicks"].shape == (400, 1)
        header = done.header
        assert (header.seed, header.shots_per_point) == (5, 400)
        assert header.setup == tiny.read_text()
        assert "class WindowScan" in header.source
        assert header.program == print_program(make_plan(WindowScan(), read_setup(tiny)).programs[0])
        # Slope between two means of 400 Poisson counts of 2.5 and 10: standard error 0.177 / 0.75 ms = 235.
        assert done.results["rate"] == pytest.approx(RATE, abs=5 * 235)


def test_same_seed_same_clicks(tiny: Path, tmp_path: Path) -> None:
    def clicks(seed: int | None) -> bytes:
        with open_run(run(WindowScan(), setup=tiny, seed=seed, out=tmp_path)) as done:
            return done.record(0).counts["clicks"].tobytes()

    first = clicks(3)
    assert clicks(3) == first
    assert clicks(4) != first
    assert clicks(None) != first


def test_instruments_act_on_the_points(tiny_bench: Path, tmp_path: Path) -> None:
    with open_run(run(PlateScan(), setup=tiny_bench, shots=200, seed=1, out=tmp_path)) as done:
        means = [record.counts["clicks"].mean() for record in done.records()]
        assert [point["state"] for point in done.points] == ["open", "half", "closed"]
        assert {(axis.name, axis.unit) for axis in done.header.axes} == {
            ("plate.angle", "turn"),
            ("state", ""),
        }
    # Malus: 100, 50 and 0 clicks a shot; mount errors below 0.2 degrees change the middle one by under 0.4.
    assert means[0] == pytest.approx(100, abs=5)
    assert means[1] == pytest.approx(50, abs=5)
    assert means[2] == pytest.approx(0, abs=0.1)


def test_bench_homes_sets_and_skips_what_is_set(tiny_bench: Path) -> None:
    setup = read_setup(tiny_bench)
    lab = setup.open_lab(1)
    try:
        with open_bench(setup.instruments, lab.resources) as bench:
            assert bench.devices["trap_rf"].read("frequency") == 23.4e6
            assert bench.devices["trap_rf"].read("output") is True
            assert bench.devices["plate"].read("angle") == pytest.approx(0.0, abs=2e-3)
            bench.set({"plate": {"angle": 0.2}})
            assert bench.devices["plate"].read("angle") == pytest.approx(0.2, abs=2e-3)
            bench.devices["plate"].set(
                "angle", 0.3
            )  # somebody moved it past the bench: it does not look again
            bench.set({"plate": {"angle": 0.2}})
            assert bench.devices["plate"].read("angle") == pytest.approx(0.3, abs=2e-3)
            with pytest.raises(UnknownName, match=r"there is no instrument 'plaet'\. Did you mean plate"):
                bench.set({"plaet": {"angle": 0.2}})
    finally:
        lab.close()


def test_silent_instrument_is_named(tiny_bench: Path, tmp_path: Path) -> None:
    text = tiny_bench.read_text().replace('"simulated:trap_rf"', '"tcp://127.0.0.1:1"')
    tiny_bench.write_text(text.replace('lab = "tiny_lab:TinyLab"', 'lab = "deaf_lab:DeafLab"'))
    with pytest.raises(LinkDown) as caught:
        run(PlateScan(), setup=tiny_bench, out=tmp_path / "runs")
    assert str(caught.value).startswith("trap_rf (tcp://127.0.0.1:1): the link is down: ")
    assert "Is it powered and plugged in?" in str(caught.value)
    assert not (tmp_path / "runs").exists()


def test_progress_tells_the_time_left(tiny: Path, tmp_path: Path) -> None:
    steps: list[Progress] = []
    run(WindowScan(), setup=tiny, out=tmp_path, progress=steps.append)
    assert [step.stage for step in steps] == ["preparing", *["measuring"] * 4, "analysing"]
    assert [step.done for step in steps] == [0, 1, 2, 3, 4, 4]
    assert steps[0].seconds_left is None
    assert steps[1].seconds_left is not None
    assert steps[4].seconds_left == 0.0


@pytest.fixture
def interrupting(tiny: Path) -> Callable[[int], Path]:
    def setup(at: int) -> Path:
        entry = f'[node]\ninterrupt_at = {{ value = {at}, source = "assumed" }}\n'
        tiny.write_text(tiny.read_text().replace("[node]\n", entry))
        return tiny

    return setup


def test_interrupted_run_keeps_and_analyses_its_points(
    interrupting: Callable[[int], Path], tmp_path: Path
) -> None:
    with pytest.raises(InterruptedRun) as caught:
        run(WindowScan(), setup=interrupting(3), shots=200, out=tmp_path)
    told = caught.value
    assert str(told) == f"interrupted after 2 of 4 points, which are kept in {told.path}"
    with open_run(told.path) as kept:
        assert (kept.status, len(kept)) == ("interrupted", 2)
        assert kept.results["rate"] == pytest.approx(RATE, rel=0.5)


def test_interrupted_run_with_too_few_points_has_no_results(
    interrupting: Callable[[int], Path], tmp_path: Path
) -> None:
    with pytest.raises(InterruptedRun) as caught:
        run(WindowScan(), setup=interrupting(2), out=tmp_path)
    with open_run(caught.value.path) as kept:
        assert (kept.status, len(kept), kept.results) == ("interrupted", 1, {})


def test_ctrl_c_during_the_analysis_keeps_the_complete_run(tiny: Path, tmp_path: Path) -> None:
    class Endless(WindowScan):
        def analyse(self, run: Run) -> dict[str, object]:
            raise KeyboardInterrupt

    with pytest.raises(InterruptedRun, match="interrupted after 4 of 4 points") as caught:
        run(Endless(), setup=tiny, out=tmp_path)
    with open_run(caught.value.path) as kept:
        assert (kept.status, len(kept), kept.results) == ("complete", 4, {})


def test_ctrl_c_that_was_dropped_ends_the_run_at_its_next_point(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Libraries may swallow the exception; the second of four points is still the last."""
    play = TinyLab.play

    def interrupted(lab: TinyLab, program: Program, shots: int) -> Record:
        if lab._played == 1:
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        return play(lab, program, shots)

    monkeypatch.setattr(TinyLab, "play", interrupted)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(InterruptedRun, match="interrupted after 2 of 4 points"):
        run(WindowScan(), setup=tiny, out=tmp_path)
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_during_the_analysis_of_an_interrupted_run_names_the_file(
    interrupting: Callable[[int], Path], tmp_path: Path
) -> None:
    class Endless(WindowScan):
        def analyse(self, run: Run) -> dict[str, object]:
            raise KeyboardInterrupt

    with pytest.raises(InterruptedRun, match="interrupted after 2 of 4 points"):
        run(Endless(), setup=interrupting(3), out=tmp_path)


def test_an_instrument_that_refuses_on_the_way_leaves_the_points_before(
    tiny_bench: Path, tmp_path: Path
) -> None:
    class TooFar(PlateScan):
        def points(self, node: Node) -> list[Point]:
            return [Point({}, {"plate": {"angle": angle}}) for angle in (0.1, 5.0)]

    with pytest.raises(LimitError) as caught:
        run(TooFar(), setup=tiny_bench, out=tmp_path)
    (path,) = tmp_path.glob("*/*.h5")
    assert caught.value.__notes__ == [f"1 of 2 points were measured; they are kept in {path}."]
    with open_run(path) as kept:
        assert (kept.status, len(kept)) == ("failed", 1)


def test_results_that_a_file_cannot_hold_leave_the_data(tiny: Path, tmp_path: Path) -> None:
    class Odd(WindowScan):
        def analyse(self, run: Run) -> dict[str, object]:
            return {"x": object()}

    with pytest.raises(ResultsError) as caught:
        run(Odd(), setup=tiny, out=tmp_path)
    (path,) = tmp_path.glob("*/*.h5")
    assert caught.value.__notes__ == [f"The data are kept in {path}."]


def test_failing_analysis_keeps_the_data(tiny: Path, tmp_path: Path) -> None:
    class Hasty(WindowScan):
        def analyse(self, run: Run) -> dict[str, object]:
            return {"x": 1 / 0}

    with pytest.raises(ExperimentError) as caught:
        run(Hasty(), setup=tiny, out=tmp_path)
    assert "analyse() of hasty failed: ZeroDivisionError: division by zero." in str(caught.value)
    with open_run(caught.value.kept) as kept:
        assert (kept.status, len(kept), kept.results) == ("complete", 4, {})


def test_analysis_is_repeated_with_the_parameters_of_the_run(tiny: Path, tmp_path: Path) -> None:
    path = run(WindowScan(steps=5, ions=2), setup=tiny, out=tmp_path)
    with open_run(path) as done:
        again = recorded_experiment(WindowScan, done)
        first = done.results
    assert again == WindowScan(steps=5, ions=2)
    assert analyse_run(again, path) == first


def test_default_analysis_gives_means(tiny_bench: Path, tmp_path: Path) -> None:
    with open_run(run(PlateScan(), setup=tiny_bench, shots=50, out=tmp_path)) as done:
        rows = done.results["points"]
        mean = float(done.record(0).counts["clicks"].mean())
    assert [row["state"] for row in rows] == ["open", "half", "closed"]
    assert rows[0]["clicks"] == [mean]
    assert PlateScan().table({"points": rows}).columns == ("plate.angle", "state", "clicks")


def test_a_run_in_a_thread_is_like_any_other(tiny: Path, tmp_path: Path) -> None:
    """Only the main thread may install what notes a Ctrl-C."""
    with ThreadPoolExecutor(1) as pool:
        path = pool.submit(run, WindowScan(), setup=tiny, out=tmp_path).result()
    with open_run(path) as done:
        assert done.status == "complete"


def test_unwritable_folder(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(UnwritableFolderError, match="taken"):
        run(WindowScan(), setup=tiny, out=tmp_path / "taken")


def test_counts_are_those_of_the_lab(tiny: Path, tmp_path: Path) -> None:
    with open_run(run(WindowScan(steps=2), setup=tiny, shots=3, seed=2, out=tmp_path / "a")) as done:
        counts = done.record(0).counts["clicks"]
    assert counts.dtype == np.int32
    assert np.array_equal(counts, np.random.default_rng(2).poisson([5.0], (3, 1)))
