"""The command line, as a user meets it: exit codes, streams, messages, never a traceback."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from counting import WindowScan

from control.cli import COMMANDS
from control.cli.compiling import shot_duration
from control.cli.exits import exit_code
from control.cli.parameters import allowed
from control.cli.printing import console, jsonable, print_table
from control.cli.setups import setups
from control.errors import UsageError
from control.experiments.tables import Table
from control.plan import make_plan
from control.setup import read_setup
from data import open_run
from sequences import Herald, Readout, attempt, compile_sequence, repeat, sequence, serial
from sequences.declarations import Declaration
from sequences.library import Node

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SCAN = str(HERE / "counting.py") + ":WindowScan"

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def made(call: Call, tiny: Path, tmp_path: Path) -> Path:
    """A folder with one run."""
    code, _, err = call("run", SCAN, "--setup", tiny, "--out", tmp_path / "runs", "--seed", 5)
    assert code == 0, err
    return tmp_path / "runs"


def test_run_prints_a_table(call: Call, tiny: Path, tmp_path: Path) -> None:
    code, out, err = call("run", SCAN, "--setup", tiny, "--out", tmp_path, "--seed", 5)
    assert code == 0
    assert re.search(r"^rate +\d+", out, re.MULTILINE)
    assert re.search(r"^run \S+ \(complete\), seed 5: .*-window_scan\.h5$", out, re.MULTILINE)
    assert "analysing" in err


def test_json_is_the_only_line_on_stdout(call: Call, tiny: Path, tmp_path: Path) -> None:
    parameters = ("-p", "steps=5", "-p", "mapping_pi_time=5 us", "-p", "ions=2")
    code, out, err = call(
        "run", SCAN, "--setup", tiny, "--out", tmp_path, "--seed", 5, "--shots", 20, "--json", *parameters
    )
    assert code == 0
    assert out.count("\n") == 1
    told = json.loads(out)
    keys = {"file", "seed", "results", "experiment", "status", "parameters", "id", "points", "notes"}
    assert keys == set(told)
    assert (told["experiment"], told["status"], told["seed"], told["points"]) == (
        "window_scan",
        "complete",
        5,
        5,
    )
    assert told["parameters"]["mapping_pi_time"] == 5e-6
    assert (told["parameters"]["steps"], told["parameters"]["shots"]) == (5, 20)
    assert isinstance(told["results"]["rate"], float)
    assert "rate" in err
    with open_run(told["file"]) as run:
        assert run.parameters["mapping_pi_time"].origin == "override"


def test_runs_show_analyze(call: Call, made: Path) -> None:
    code, out, _ = call("runs", "--out", made)
    assert code == 0
    run_id = re.search(r"^(\d{8}T\d{9}-\w{4})  window_scan .* complete +4 +rate = ", out, re.MULTILINE)
    assert run_id is not None
    for which in ("latest", run_id[1], run_id[1][:12]):
        code, out, _ = call("show", which, "--out", made)
        assert code == 0
        assert re.search(rf"^id +{run_id[1]}", out, re.MULTILINE)
    assert re.search(r"^mapping_pi_time +6.4 us +calibration +pi pulse to", out, re.MULTILINE)
    assert re.search(r"^rate +\d+", out, re.MULTILINE)
    code, out, _ = call("analyze", "latest", "--out", made, "--experiment", SCAN, "--json")
    assert code == 0
    assert json.loads(out)["id"] == run_id[1]


def test_runs_of_an_empty_folder(call: Call, tmp_path: Path) -> None:
    code, out, _ = call("runs", "--out", tmp_path)
    assert (code, out.splitlines()[-1]) == (0, f"no runs in {tmp_path}")


def test_plot_writes_a_picture_beside_the_run(call: Call, made: Path) -> None:
    pytest.importorskip("matplotlib")
    code, out, _ = call("plot", "--out", made, "--experiment", SCAN)
    assert code == 0
    picture = Path(out.strip())
    assert picture.suffix == ".png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.with_suffix(".h5").is_file()


def test_plot_knows_its_formats(call: Call, made: Path) -> None:
    pytest.importorskip("matplotlib")
    code, _, err = call("plot", "--out", made, "--experiment", SCAN, "-o", made / "x.pgn")
    assert code == 2
    assert err.startswith(f"ionloom: {made / 'x.pgn'}: there is no picture format 'pgn'. Did you mean png")


def test_brackets_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(Table(("time [us]",), (("[red]5[/b] in a wide cell",),), "Counts [bold] [/x]"), console())
    told = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert told == ["Counts [bold] [/x]", "time [us]", "[red]5[/b] in a wide cell"]


def test_compile(call: Call, tiny: Path) -> None:
    code, out, _ = call("compile", SCAN, "--setup", tiny)
    assert code == 0
    assert re.search(r"^points +4, of 4 different programs", out, re.MULTILINE)
    assert re.search(r"^events +4 in 1 timelines", out, re.MULTILINE)
    assert re.search(r"^one shot +1.25 ms", out, re.MULTILINE)
    assert re.search(r"^compile time +\d+\.\d ms", out, re.MULTILINE)
    code, text, _ = call("compile", SCAN, "--setup", tiny, "--text")
    assert code == 0
    assert "window_scan" in text
    assert "detector_v" in text


def test_shot_duration_counts_loops(tiny: Path) -> None:
    setup = read_setup(tiny)
    node = Node.of(setup.target, setup.calibration)
    gate = node.detector_h.gate(1e-6, Readout("click"))
    body = serial(
        repeat(node.doppler.pulse(1e-6, 200e6), 10),
        attempt(gate, until=Herald((Readout("click"),)), maximum=5),
    )
    program = compile_sequence(sequence("loops", body), setup.target, {})
    assert shot_duration(program) == "11 us to 15 us"


def test_setup_show_marks_what_is_assumed(call: Call, tiny_bench: Path) -> None:
    code, out, _ = call("setup", "show", "--setup", tiny_bench)
    assert code == 0
    assert out.startswith(
        "tiny: A lab small enough to be predicted  (bench.toml, played by tiny_lab:TinyLab)"
    )
    assert re.search(
        r"^calibration.mapping_pi_time +6.4 us +published +PRX Quantum 5, 020308", out, re.MULTILINE
    )
    assert re.search(r"^calibration.doppler_amplitude +1 +ASSUMED", out, re.MULTILINE)
    assert re.search(r"^plate +ell14 +simulated:plate, address 0 +wave plate before", out, re.MULTILINE)
    assert re.search(r"^doppler +dds +0 +doppler of the tiny lab", out, re.MULTILINE)
    assert re.search(r"\d+ values, \d+ of them assumed$", out.strip())


def test_list(call: Call) -> None:
    code, out, _ = call("list")
    assert code == 0
    assert re.search(r"^experiments of the network node .*^ten_ion_register ", out, re.MULTILINE | re.DOTALL)
    assert re.search(r"^experiments of the textbook .*^carrier_rabi ", out, re.MULTILINE | re.DOTALL)
    code, out, _ = call("list", SCAN)
    assert code == 0
    assert re.search(r"^longest +1 ms +10 us to 10 ms +the last window", out, re.MULTILINE)


def test_run_help_tells_the_parameters_of_an_experiment(call: Call) -> None:
    code, out, _ = call("run", SCAN, "--help")
    assert code == 0
    assert "Parameters of window_scan (-p NAME=VALUE):" in out
    assert re.search(r"longest +1 ms · 10 us to 10 ms · the last window", out)
    _, plain, _ = call("run", "--help")
    assert "Parameters of" not in plain


def test_summaries_are_those_of_the_commands() -> None:
    for name, late in COMMANDS.items():
        command = late.load()
        assert command.name == name
        assert (command.help or "").split("\n")[0] == late.summary
    show = setups.get_command(None, "show")  # type: ignore[arg-type]
    assert (show.help or "").split("\n")[0] == "Show every value of a setup and where it comes from."


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run"], "Error: Missing argument 'NAME|FILE.py'."),
        (["rum"], "Error: there is no command 'rum'. Did you mean run?"),
        (["setup", "shwo"], "Error: there is no command 'shwo'. Did you mean show?"),
        (
            ["run", "ten_ion_registry"],
            "ionloom: there is no experiment 'ten_ion_registry'. Did you mean ten_ion_register?",
        ),
        (["run", SCAN, "-p", "steps"], "'steps' is not name=value, as in -p mapping_pi_time='5 us'"),
        (["run", SCAN, "-p", "steps=1", "-p", "steps=2"], "steps is given twice"),
        (
            ["run", SCAN, "-p", "stpes=3"],
            "ionloom: window_scan has no parameter 'stpes'. Did you mean steps or shots?",
        ),
        (["run", SCAN, "-p", "longest=5"], "ionloom: longest: '5' is not a finite time with its unit"),
        (
            ["run", SCAN, "-p", "longest=5 MHz"],
            "ionloom: longest: '5 MHz' is not a finite time with its unit",
        ),
        (["run", SCAN, "-p", "longest=5 s"], "ionloom: longest: 5 s is outside the limits 10 us to 10 ms"),
        (["run", SCAN, "--shots", "0"], "Error: Invalid value for '--shots': 0 is not in the range x>=1."),
        (
            ["run", SCAN, "--setup", "nowhere.toml"],
            "ionloom: the setup file nowhere.toml cannot be read: No such file",
        ),
        (["run", SCAN, "--setup", "nowhere"], "ionloom: there is no setup 'nowhere'."),
        (["run", "nowhere.py"], "ionloom: there is no file nowhere.py"),
        (["show", "2020", "--out", "."], "ionloom: "),
        (["compile", "x"], "ionloom: there is no experiment 'x'."),
    ],
)
def test_wrong_use_is_2(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert told in err


def test_several_mistakes_are_told_at_once(call: Call) -> None:
    code, _, err = call("run", SCAN, "-p", "stpes=3", "-p", "longest=5")
    assert code == 2
    assert "ionloom: 2 problems:" in err
    assert "stpes" in err
    assert "longest" in err


def test_broken_user_file_is_2(call: Call, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def f(:\n")
    code, _, err = call("run", tmp_path / "mine.py")
    assert code == 2
    assert err == "ionloom: mine.py:1: reading mine.py failed: SyntaxError: invalid syntax.\n"


def test_failures_are_1(call: Call, tiny: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file, not a folder")
    code, out, err = call("run", SCAN, "--setup", tiny, "--out", taken)
    assert (code, out) == (1, "")
    assert str(taken) in err
    alien = tmp_path / "alien.h5"
    alien.write_bytes(b"not HDF5")
    code, _, err = call("show", alien)
    assert code == 1
    assert "alien.h5" in err


def test_analysis_of_someone_elses_run(call: Call, made: Path) -> None:
    code, _, err = call("analyze", "--out", made)
    assert code == 2
    assert "which does not come with ionloom: say where its code is with --experiment counting.py" in err
    code, _, err = call("analyze", "--out", made, "--experiment", str(HERE / "counting.py") + ":PlateScan")
    assert code == 2
    assert (
        "was made by 'window_scan', not by 'plate_scan': say which class with --experiment FILE.py:Class"
        in err
    )


def test_interrupted_run_prints_what_there_is(call: Call, tiny: Path, tmp_path: Path) -> None:
    entry = '[node]\ninterrupt_at = { value = 3, source = "assumed" }\n'
    tiny.write_text(tiny.read_text().replace("[node]\n", entry))
    code, out, err = call("run", SCAN, "--setup", tiny, "--out", tmp_path / "runs", "--json")
    assert code == 1
    told = json.loads(out)
    assert (told["status"], told["points"]) == ("interrupted", 2)
    assert f"ionloom: interrupted after 2 of 4 points, which are kept in {told['file']}" in err


def test_ctrl_c_of_a_real_process(tiny: Path, tmp_path: Path) -> None:
    script = tmp_path / "endless.py"
    script.write_text(
        (HERE / "counting.py")
        .read_text()
        .replace("count(4, low=1, high=100", "count(100_000, low=1, high=100_000")
        .replace("(step + 1) / self.steps", "1.0")
        .replace("class PlateScan", "class _PlateScan")
        .replace("if len(windows) < 2:", "if True:")
    )
    command = [sys.executable, "-m", "ionloom", "run", f"{script}:WindowScan", "--setup", str(tiny)]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}"}
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "runs")],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        written: set[int] = set()

        def points_come_in() -> bool:
            written.update(path.stat().st_mtime_ns for path in tmp_path.glob("runs/*/*.journal"))
            return len(written) >= 10

        wait_for(points_come_in, process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 1
    assert re.search(r"ionloom: interrupted after \d+ of 100000 points, which are kept in ", err), err
    assert "Traceback" not in err
    (path,) = tmp_path.glob("runs/*/*.h5")
    with open_run(path) as kept:
        assert kept.status == "interrupted"


def wait_for(ready: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_unexpected_errors_leave_a_traceback_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise RuntimeError("a slip")

    assert exit_code(fail) == 1
    told = capsys.readouterr().err
    kept = re.fullmatch(
        r"ionloom: this is a mistake in ionloom: RuntimeError: a slip\. Please report it with (\S+)\n", told
    )
    assert kept is not None
    assert "def fail" in Path(kept[1]).read_text() or "in fail" in Path(kept[1]).read_text()
    Path(kept[1]).unlink()


def test_notes_of_an_error_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        error = UsageError(what="no such thing")
        error.add_note("The data are kept in run.h5.")
        raise error

    assert exit_code(fail) == 2
    assert capsys.readouterr().err == "ionloom: no such thing.\nThe data are kept in run.h5.\n"


def test_ctrl_c_before_a_run_is_1(capsys: pytest.CaptureFixture[str]) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    assert exit_code(stop) == 1
    assert capsys.readouterr().err == "ionloom: interrupted\n"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom control.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as ended:\n    assert ended.code == 0\n"
        "late = {'numpy', 'scipy', 'h5py', 'rich', 'matplotlib', 'msgspec', 'pyvisa', 'serial'}\n"
        "heavy = late & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("declaration", "text"),
    [
        (Declaration(float, "", unit="s", low=1e-6), "1 us or more"),
        (Declaration(float, "", unit="s", high=1.0), "1 s or less"),
        (Declaration(float, "", unit="s"), "any number in s"),
        (Declaration(float, ""), "any number"),
        (Declaration(int, "", low=1, high=5), "1 to 5"),
        (Declaration(str, "", choices=("a", "b")), "a, b"),
    ],
)
def test_allowed(declaration: Declaration, text: str) -> None:
    assert allowed(declaration) == text


def test_jsonable_is_json() -> None:
    import numpy as np

    value = {"m": np.array([[1 + 2j]]), "x": np.float64(2.5), "n": float("inf"), "t": (1, None, True, "a")}
    assert json.dumps(jsonable(value), allow_nan=False) == (
        '{"m": [[[1.0, 2.0]]], "x": 2.5, "n": null, "t": [1, null, true, "a"]}'
    )


def test_plan_says_how_long_compiling_took(tiny: Path) -> None:
    ticks = iter([10.0, 12.0, 12.5])
    plan = make_plan(WindowScan(), read_setup(tiny), clock=lambda: next(ticks))
    assert (plan.compile_seconds, plan.bind_seconds, plan.binds) == (2.5, 0.5, 4)
