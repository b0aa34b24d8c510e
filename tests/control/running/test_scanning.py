"""Scans from outside: what can be scanned, what is played then, what the run file and the results say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gated import WINDOW, Crossed, Derived, Gated, Judged, Spread, Stubborn, Swept

from control import Experiment, Setup, read_setup
from control.cli.runs import runs
from control.errors import ConfigError
from control.experiments.measurement import Measurement
from control.experiments.scanned_runs import analyse, draw, parts_of, scanned_values, tabulate_run
from control.plan import Plan, make_plan
from control.plots import new_figure
from control.runner import run_plan
from data import Axis, open_run
from sequences import Parameter, compile_sequence
from sequences.errors import OffGridError
from sequences.scans import Order, ScanLimitError, ScanTextError, linear

GATED = str(Path(__file__).parent / "gated.py")
RATE = 10e3  # clicks a second of gate, as the tiny lab has it


@pytest.fixture
def setup(tiny: Path) -> Setup:
    return read_setup(tiny)


def planned(experiment: Experiment, setup: Setup, scan: str) -> Plan:
    return make_plan(experiment, setup, scan=scan)


def refusal(experiment: Experiment, setup: Setup, scan: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        planned(experiment, setup, scan)
    return caught.value.problems


@pytest.mark.parametrize(
    "scan",
    [
        "window = 10 us .. 1 ms / 4",
        "window = 500 us around / 3; refining",
        "rest = 0 .. 40 us by 8 us * window = 0.1, 0.2, 0.4 ms; snake",
        "mapping_pi_time = 4, 8 us & rest = 0, 8 us",
        "doppler_frequency = 20 MHz around / 5; random 3",
    ],
)
def test_every_point_plays_what_the_experiment_plays_with_its_values(setup: Setup, scan: str) -> None:
    """Patched is the same as rebuilt: the whole promise of a sequence with open numbers."""
    plan = planned(Gated(), setup, scan)
    for point, program in zip(plan.points, plan.programs, strict=True):
        own = {name: value for name, value in point.parameters.items() if hasattr(Gated, name)}
        lab = {name: value for name, value in point.parameters.items() if name not in own}
        alone = make_plan(replace(Gated(), **own), setup, lab)  # type: ignore[arg-type]
        assert alone.programs == (program,)
    assert plan.binds == len(plan.points) > 1


def test_a_scan_around_the_calibrated_value(setup: Setup) -> None:
    plan = planned(Gated(), setup, "mapping_pi_time = 800 ns around / 3")
    assert [point.columns() for point in plan.points] == [
        {"mapping_pi_time": pytest.approx(6e-6)},
        {"mapping_pi_time": 6.4e-6},
        {"mapping_pi_time": pytest.approx(6.8e-6)},
    ]
    assert plan.axes == (Axis("mapping_pi_time", "s"),)
    overridden = make_plan(Gated(), setup, {"mapping_pi_time": 10e-6}, "mapping_pi_time = 2 us around / 3")
    assert overridden.points[1].parameters["mapping_pi_time"] == 10e-6


def test_what_the_file_says_of_a_scan(setup: Setup) -> None:
    plan = planned(Gated(), setup, "window = 500 us around / 3; random 7")
    values = {value.name: value for value in plan.values}
    assert values["scan"].value == "window = 500 us around 1 ms / 3; random 7"
    assert values["scanned_values"].value == "window"
    assert (values["window"].value, values["window"].origin) == (1e-3, "default")
    plain = {value.name for value in make_plan(Gated(), setup).values}
    assert plain.isdisjoint({"scan", "scanned_values"})


def test_own_points_are_measured_at_each_point_of_the_scan(setup: Setup) -> None:
    plan = planned(Judged(), setup, "rest = 8, 16 us")
    assert [tuple(point.columns().values()) for point in plan.points] == [
        (8e-6, "first"),
        (8e-6, "second"),
        (16e-6, "first"),
        (16e-6, "second"),
    ]
    assert plan.axes == (Axis("rest", "s"), Axis("pass", text=True))
    assert (len(plan.programs), plan.binds) == (4, 2)


def test_a_parameter_of_the_sequence_gets_other_values(setup: Setup) -> None:
    """The field `window` shapes the experiment's own points; the scan means the parameter of that name."""
    plan = planned(Swept(), setup, "window = 0.5, 1.5 ms")
    assert [point.parameters for point in plan.points] == [{"window": 0.5e-3}, {"window": 1.5e-3}]
    assert [value.name for value in plan.values if value.name.startswith("scan")] == ["scan"]
    crossed = planned(Crossed(), setup, "window = 3 ms")
    assert [tuple(point.columns().items()) for point in crossed.points] == [
        (("window", 3e-3), ("pause", 1e-6)),
        (("window", 3e-3), ("pause", 2e-6)),
    ]


def test_points_may_be_a_scan(setup: Setup) -> None:
    plan = make_plan(Swept(window=2e-3), setup)
    assert [point.parameters["window"] for point in plan.points] == [2e-3, 3e-3, 4e-3]
    assert plan.axes == (Axis("window", "s"),)


def test_a_scan_made_in_python(setup: Setup) -> None:
    wanted = linear(Parameter("rest", unit="s"), 0.0, 80e-6, 3).in_order(Order.REFINING)
    plan = make_plan(Gated(), setup, scan=wanted)
    assert [point.parameters["rest"] for point in plan.points] == [0.0, 80e-6, pytest.approx(40e-6)]
    with pytest.raises(ScanLimitError, match="'rest': point 2 of 2 is 2 s, above the limit 1 ms"):
        make_plan(Gated(), setup, scan=linear(Parameter("rest", unit="s"), 0.0, 2.0, 2))
    with pytest.raises(ScanTextError, match="is not a finite time with its unit"):
        make_plan(Gated(), setup, scan=linear(Parameter("rest", unit="V"), 0.0, 1e-3, 2))


def test_names_that_cannot_be_scanned(setup: Setup) -> None:
    assert refusal(Gated(), setup, "windwo = 1, 2 ms * times = 1, 2") == (
        "gated has nothing called 'windwo' to scan. Did you mean window?",
        "times cannot be scanned: it is a whole number that shapes the experiment. "
        "Run it once for each value: ionloom run gated -p times=...",
    )
    assert refusal(Gated(), setup, "half_wave_plate_zero = 0, 0.1 turn") == (
        "half_wave_plate_zero cannot be scanned: nothing that gated plays depends on it",
    )


def test_code_that_needs_a_number_is_told_with_its_line(setup: Setup) -> None:
    (problem,) = refusal(Stubborn(), setup, "window = 1 .. 2 ms / 3 * mapping_pi_time = 4, 8 us")
    assert re.fullmatch(
        r"window cannot be scanned: the code of stubborn needs a number there \(gated\.py:\d+: sequence\(\) "
        r"of stubborn failed: TypeError: window has no value while the sequence is built: .*\)\. "
        r"Run it once for each value instead: ionloom run stubborn -p window=\.\.\.",
        problem,
    )


def test_code_that_decides_silently_is_found_out(setup: Setup) -> None:
    (problem,) = refusal(Stubborn(), setup, "rest = 0, 8 us")
    assert problem.startswith("rest cannot be scanned: ")
    (problem,) = refusal(Derived(), setup, "window = 2 .. 3 ms / 3")
    assert problem == (
        "window cannot be scanned: with window = 2 ms the sequence() of derived plays something else than "
        "with the value left open: its code decides by the number (an `==`, or something worked out "
        "beforehand). Run it once for each value instead: ionloom run derived -p window=..."
    )


def test_a_point_that_cannot_be_played_is_named(setup: Setup) -> None:
    with pytest.raises(OffGridError) as caught:
        planned(Gated(), setup, "rest = 8, 9, 9.502 us")
    assert caught.value.__notes__ == ["This is at point 3: rest = 9.502 us."]


def test_the_lab_counts_in_the_scanned_windows(setup: Setup, tmp_path: Path) -> None:
    plan = planned(Gated(shots=400), setup, "window = 1, 4, 2 ms")
    with open_run(run_plan(plan, seed=3, out=tmp_path)) as run:
        rows: Any = analyse(plan.experiment, run)["points"]
        assert scanned_values(run) == ("window",)
    assert [row["window"] for row in rows] == [1e-3, 4e-3, 2e-3]
    for row in rows:
        expected = RATE * row["window"]
        assert row["clicks"][0] == pytest.approx(expected, abs=5 * (expected / 400) ** 0.5)


def test_an_analysis_of_its_own_sees_one_value_at_a_time(setup: Setup, tmp_path: Path) -> None:
    plan = planned(Judged(shots=400), setup, "window = 1, 4, 2 ms * rest = 0, 8 us")
    with open_run(run_plan(plan, seed=3, out=tmp_path)) as run:
        results: Any = analyse(plan.experiment, run)
        table = tabulate_run(plan.experiment, run, results)
        figure = new_figure(run.id)
        draw(plan.experiment, run, results, figure)
        parts = parts_of(run, scanned_values(run))
        means = parts[2].column("entry/scan/clicks_mean").ravel().tolist()
        counted = [part.record(0).counts["clicks"].mean() for part in parts]
        assert [len(part) for part in parts] == [2] * 6
        assert means == [run.record(index).counts["clicks"].mean() for index in (4, 5)]
        assert counted == [run.record(2 * index).counts["clicks"].mean() for index in range(6)]
    assert [(row["window"], row["rest"]) for row in results["points"]] == [
        (window, rest) for window in (1e-3, 4e-3, 2e-3) for rest in (0.0, 8e-6)
    ]
    for row in results["points"]:
        assert row["rate"] == pytest.approx(RATE, abs=5 * row["rate_error"])
    assert [part["results"]["passes"] for part in results["parts"]] == [["first", "second"]] * 6
    assert table.columns == ("window", "rest", "rate")
    assert [row[:2] for row in table.rows[:3]] == [("1 ms", "0 s"), ("1 ms", "8 us"), ("2 ms", "0 s")]
    assert all(re.fullmatch(r"\d+\(\d+\)", row[2]) for row in table.rows)
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("window", "rate")
    assert axes.xaxis.get_major_formatter()(2e-3) == "2 ms"
    curves = {curve.get_label(): curve[0].get_xydata().tolist() for curve in axes.containers}
    rates = {(row["window"], row["rest"]): row["rate"] for row in results["points"]}
    assert curves == {
        "rest = 0 s": [[window, rates[window, 0.0]] for window in (1e-3, 2e-3, 4e-3)],
        "rest = 8 us": [[window, rates[window, 8e-6]] for window in (1e-3, 2e-3, 4e-3)],
    }


def test_units_of_results_are_shown_and_stored(setup: Setup, tmp_path: Path) -> None:
    plan = planned(Spread(shots=100), setup, "window = 1, 2 ms")
    path = run_plan(plan, seed=3, out=tmp_path)
    figure = new_figure("a run")
    with open_run(path) as run:
        table = tabulate_run(plan.experiment, run, run.results)
        draw(plan.experiment, run, run.results, figure)
        assert run.results["units"] == {"click_time": "s", "rate": "1/s", "length": "s", "window": "s"}
        columns = run.file["analysis/0001/values/points"]
        units = {name: column.attrs.get("units", "") for name, column in columns.items()}
    assert units["click_time"] == units["click_time_error"] == units["window"] == "s"
    assert (units["rate"], units["rate_error"]) == ("1/s", "1/s")
    assert table.columns == ("window", "click_time", "seen_probability", "rate", "length")
    short, long = table.rows
    assert re.fullmatch(r"\d+\.?\d*\(\d+\) us", short[1])
    assert (short[2], long[2]) == ("", "25.0(10) %")
    assert re.fullmatch(r"\d+\(\d+\) 1/s", long[3])
    assert (short[4], long[4]) == ("1 ms", "2 ms")
    times, seen, rates = figure.axes
    assert [axes.get_ylabel() for axes in (times, seen, rates)] == [
        "click time",
        "seen probability (%)",
        "rate (1/s)",
    ]
    assert times.yaxis.get_major_formatter()(1e-4) == "100 µs"
    assert seen.yaxis.get_major_formatter()(0.25).startswith("25")
    assert len(seen.containers[0][0].get_xydata()) == 1
    assert rates.get_xlabel() == "window"


@pytest.mark.parametrize("kind", [Gated, Swept])
def test_mean_counts_are_drawn_in_order(setup: Setup, tmp_path: Path, kind: type[Experiment]) -> None:
    plan = planned(kind(shots=20), setup, "window = 1 .. 4 ms / 4; random 2")
    with open_run(run_plan(plan, seed=3, out=tmp_path)) as run:
        figure = new_figure(run.id)
        draw(plan.experiment, run, run.results, figure)
        means = {point["window"]: run.record(i).counts["clicks"].mean() for i, point in enumerate(run.points)}
    assert [point.parameters["window"] for point in plan.points] != sorted(means)
    (curve,) = figure.axes[0].containers
    assert curve[0].get_xydata().tolist() == [[window, means[window]] for window in sorted(means)]
    assert figure.axes[0].get_xlabel() == "window"


def test_a_run_without_a_scan_is_analysed_as_before(setup: Setup, tmp_path: Path) -> None:
    plan = make_plan(Judged(shots=20), setup)
    with open_run(run_plan(plan, seed=3, out=tmp_path)) as run:
        assert analyse(plan.experiment, run) == plan.experiment.analyse(run) == run.results


def test_opening_leaves_the_original_alone(setup: Setup) -> None:
    measurement = Measurement(Gated(), setup.target, setup.calibration)
    opened = measurement.opened([measurement.parameters["window"], measurement.parameters["mapping_pi_time"]])
    assert [parameter.name for parameter in opened.sequence().parameters] == ["window", "mapping_pi_time"]
    assert (measurement.experiment.window, measurement.calibration.mapping_pi_time) == (1e-3, 6.4e-6)  # type: ignore[attr-defined]
    same = opened.with_values({"window": 1e-3, "mapping_pi_time": 6.4e-6})
    assert compile_sequence(same.sequence(), setup.target) == make_plan(Gated(), setup).programs[0]


Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(call: Call, tiny: Path) -> Call:
    """Call a command on the tiny lab and return exit code, stdout and stderr."""
    return lambda *arguments: call(*arguments, "--setup", tiny)


def test_command_line(call: Call, tmp_path: Path) -> None:
    code, out, err = call(
        *("run", f"{GATED}:Gated", "--scan", "window = 1 .. 3 ms / 3", "--scan", "rest = 0, 8 us"),
        *("--order", "snake", "--shots", 30, "--seed", 5, "--json", "--out", tmp_path),
    )
    assert code == 0, err
    told = json.loads(out)
    assert told["parameters"]["scan"] == "window = 1 ms .. 3 ms / 3 * rest = 0 s, 8 us; snake"
    assert [(row["window"], row["rest"]) for row in told["results"]["points"]] == [
        (1e-3, 0.0),
        (1e-3, 8e-6),
        (2e-3, 8e-6),
        (2e-3, 0.0),
        (3e-3, 0.0),
        (3e-3, 8e-6),
    ]


def test_a_list_of_runs_tells_what_was_scanned(
    setup: Setup, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is a result for each value: none of them tells of the run."""
    run_plan(planned(Judged(shots=10), setup, "window = 1 .. 3 ms / 3"), seed=5, out=tmp_path)
    runs.main(["--out", str(tmp_path)], standalone_mode=False)
    out = capsys.readouterr().out
    assert out.splitlines()[1].rstrip().endswith("complete  6       scan: window = 1 ms .. 3 ms / 3")


def test_command_line_zips_and_shuffles(call: Call, tmp_path: Path) -> None:
    code, out, err = call(
        *("run", f"{GATED}:Gated", "--scan", "window = 1, 2, 3 ms", "--scan", "rest = 0, 8, 16 us", "--zip"),
        *("--order", "random", "--shots", 30, "--seed", 5, "--json", "--out", tmp_path),
    )
    assert code == 0, err
    told = json.loads(out)
    assert told["parameters"]["scan"] == "window = 1 ms, 2 ms, 3 ms & rest = 0 s, 8 us, 16 us; random 5"
    pairs = {(row["window"], row["rest"]) for row in told["results"]["points"]}
    assert pairs == {(1e-3, 0.0), (2e-3, 8e-6), (3e-3, 16e-6)}


def test_command_line_counts_binds(call: Call) -> None:
    code, out, _ = call("compile", f"{GATED}:Judged", "--scan", "rest = 0 .. 80 us / 11")
    assert code == 0
    assert re.search(r"^points +22, of 11 different programs", out, re.MULTILINE)
    assert re.search(r"^compile time +\d+\.\d ms, all points", out, re.MULTILINE)
    assert re.search(r"^binds +11 in \d+\.\d ms of it, [\d.]+ [mun]s each", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--scan", "window"), "ionloom: scan 'window': is not 'name = values'; write for example"),
        (
            ("--scan", "window = 0 .. 1 s / 3"),
            "ionloom: the scan of 'window': point 1 of 3 is 0 s, below the",
        ),
        (
            ("--scan", "window = 1, 2 ms", "--scan", "window = 1, 2 ms"),
            "'window' is scanned twice; scan it once",
        ),
        (("--scan", "wait = 1, 2 ms"), "ionloom: gated has nothing called 'wait' to scan."),
        (("--order", "snake"), "Error: --order and --zip say how a scan is measured; say which with --scan"),
        (
            ("--scan", "window = 1, 2 ms", "--order", "snak"),
            "Error: Invalid value for '--order': 'snak' is not",
        ),
    ],
)
def test_command_line_tells_mistakes(call: Call, arguments: tuple[str, ...], told: str) -> None:
    code, out, err = call("run", f"{GATED}:Gated", *arguments)
    assert (code, out) == (2, "")
    assert told in err


def test_limits_of_parameters_are_those_of_the_scan(setup: Setup) -> None:
    assert WINDOW.high == 1e-2
    with pytest.raises(ScanLimitError, match=r"point 2 of 2 is 20 ms, above the limit 10 ms"):
        planned(Swept(), setup, "window = 1, 20 ms")
