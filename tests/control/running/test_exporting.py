"""``ionloom export``: what an experiment plays, as files that other programs read."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from control.cli.exporting import export
from control.experiments.single_ion_photon import SingleIonPhoton
from control.plan import make_plan
from control.setup import read_setup
from sequences import Program, parse_program
from sequences.targets.artiq import parse_dump, parse_events, parse_trace
from sequences.targets.json_form import parse_json
from sequences.timeline import RECORD

ARGUMENTS = ["single_ion_photon", "--setup", "kasli", "-p", "attempts=5"]


@pytest.fixture(scope="module")
def program() -> Program:
    return make_plan(SingleIonPhoton(attempts=5), read_setup("kasli")).programs[0]


def written(path: Path, *more: str) -> list[Path]:
    """Export to a file and return the files that were made."""
    result = CliRunner().invoke(export, [*ARGUMENTS, "-o", str(path), *more], catch_exceptions=False)
    assert result.exit_code == 0
    return [Path(line) for line in result.output.splitlines()]


def test_texts_come_back_as_the_program(program: Program, tmp_path: Path) -> None:
    (text,) = written(tmp_path / "x.txt")
    (json,) = written(tmp_path / "x.json")
    assert parse_program(text.read_text()) == program
    assert parse_json(json.read_text()) == program


def test_signals_are_for_wave_viewers(tmp_path: Path) -> None:
    (path,) = written(tmp_path / "x.vcd")
    text = path.read_text()
    assert "$enddefinitions" in text
    assert "raman_v" in text


def test_records_are_unrolled_events(program: Program, tmp_path: Path) -> None:
    (path,) = written(tmp_path / "x.records", "--shots", "3")
    records = np.fromfile(path, dtype=RECORD)
    assert len(records) == 3 * program.events
    assert (np.diff(records["time"]) >= 0).all()


def test_traces_are_bytes_and_text_of_the_same_events(tmp_path: Path) -> None:
    bytes_, texts = written(tmp_path / "x.dma"), written(tmp_path / "x.rtio")
    assert [path.name for path in bytes_] == ["x-0.dma", "x-1.dma", "x-2.dma"]
    for trace, text in zip(bytes_, texts, strict=True):
        events = parse_events(text.read_text())
        again = parse_trace(trace.read_bytes(), events.duration, events.before)
        assert again.timestamp.tolist() == events.timestamp.tolist()
        assert again.data.tolist() == events.data.tolist()


def test_a_player_is_an_experiment(tmp_path: Path) -> None:
    (path,) = written(tmp_path / "x.py")
    tree = ast.parse(path.read_text())
    assert [node.name for node in tree.body if isinstance(node, ast.ClassDef)] == ["SingleIonPhoton"]


def test_a_dump_is_what_the_analyzer_would_record(tmp_path: Path) -> None:
    (path,) = written(tmp_path / "x.dump")
    dump = parse_dump(path.read_bytes())
    assert len(dump.messages) > 20


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["-o", "x.doc"], "x.doc: a program cannot be written as .doc. Let the name end with .txt or .json"),
        (
            ["-o", "x.py", "--setup", "innsbruck"],
            "does not say where its channels are on a Kasli crate. Use --s",
        ),
        (
            ["-o", "x.txt", "--point", "99"],
            "there is no point 99: single_ion_photon has 9 points. `ionloom c",
        ),
    ],
)
def test_what_cannot_be_written_is_told(arguments: list[str], text: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(export, [*ARGUMENTS, *arguments])
    assert text in str(result.exception)


def test_the_help_has_each_ending_on_a_line_of_its_own() -> None:
    lines = CliRunner().invoke(export, ["--help"]).output.splitlines()
    for ending in (".txt", ".json", ".vcd", ".records", ".py", ".rtio", ".dma", ".dump"):
        assert sum(line.strip().startswith(f"{ending} ") for line in lines) == 1
