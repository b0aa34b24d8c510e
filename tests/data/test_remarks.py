"""Tags and comments beside a run: whole lines, whoever writes them, whatever happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from data import remarks as module
from data.errors import RemarkError, UnreadableFileError
from data.remarks import Remark, Remarks, add_remark, add_remarks, read_remarks, remarks_path

NOON = datetime(2025, 3, 14, 12, tzinfo=UTC)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "20250314T092653589-07af-a.b.h5"
    path.touch()
    return path


def test_nothing_was_said(run: Path) -> None:
    assert read_remarks(run) == Remarks()
    assert (Remarks().tags, Remarks().comment) == ((), "")


def test_tags_come_and_go_and_the_last_comment_counts(run: Path) -> None:
    for kind, text in (
        ("tag", "good"),
        ("tag", "for:paper"),
        ("untag", "good"),
        ("tag", "best"),
        ("tag", "best"),
    ):
        add_remark(run, kind, text)  # type: ignore[arg-type]
    add_remark(run, "comment", "first")
    last = add_remark(run, "comment", "  zweiter,\nmit Zeilen \N{MICRO SIGN} ", now=NOON)
    said = read_remarks(run)
    assert (said.tags, said.comment) == (("for:paper", "best"), "zweiter,\nmit Zeilen \N{MICRO SIGN}")
    assert len(said.history) == 7
    assert said.history[-1] == last == Remark(NOON, "comment", said.comment)


def test_the_file_beside_the_run(run: Path) -> None:
    add_remark(run, "tag", "good", now=NOON)
    path = run.parent / "20250314T092653589-07af-a.b.remarks.jsonl"
    assert path == remarks_path(run) == remarks_path(run.with_suffix(".journal"))
    assert json.loads(path.read_text()) == {
        "time": "2025-03-14T12:00:00+00:00",
        "kind": "tag",
        "text": "good",
    }


def test_a_torn_line_is_passed_over_and_the_next_stands_alone(run: Path) -> None:
    add_remark(run, "tag", "good")
    path = remarks_path(run)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole + whole[:length])
        assert read_remarks(run).tags == ("good",)
        assert len(read_remarks(run).history) == (2 if length == len(whole) - 1 else 1)
    path.write_bytes(whole + whole[:20])
    add_remark(run, "tag", "better")
    assert read_remarks(run).tags == ("good", "better")


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "[]",
        "7",
        '{"time": "2025-03-14T12:00:00", "kind": "tag", "text": "no time zone"}',
        '{"time": "2025-03-14T12:00:00+00:00", "kind": "rating", "text": "of a later ionloom"}',
        '{"time": "2025-03-14T12:00:00+00:00", "kind": "tag", "text": 7}',
        '{"time": "2025-03-14T12:00:00+00:00", "kind": ["tag"], "text": "x"}',
        "\x00\x00",
    ],
)
def test_lines_that_are_no_remarks_are_passed_over(run: Path, line: str) -> None:
    add_remark(run, "tag", "good")
    with remarks_path(run).open("a") as file:
        file.write(line + "\n")
    assert read_remarks(run).tags == ("good",)
    assert len(read_remarks(run).history) == 1


@pytest.mark.parametrize("tag", ["", "two words", "--option", "a,b", "x" * 65, "line\nbreak"])
def test_what_is_no_tag(run: Path, tag: str) -> None:
    with pytest.raises(RemarkError) as told:
        add_remarks(run, [("comment", "kept with it, or not at all"), ("tag", tag)])
    assert str(told.value) == (
        f"nothing was said about {run}: {tag!r} is no tag; a tag is one word of letters, digits and "
        "_ . : + -, at most 64"
    )
    assert not remarks_path(run).exists()


def test_an_empty_comment(run: Path) -> None:
    with pytest.raises(RemarkError) as told:
        add_remark(run, "comment", " \n")
    assert str(told.value) == f"nothing was said about {run}: the comment is empty; say something"


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    run = tmp_path / "none" / "x.h5"
    with pytest.raises(RemarkError) as told:
        add_remark(run, "tag", "good")
    assert str(told.value) == (
        f"nothing was said about {run}: cannot write x.remarks.jsonl: No such file or directory; "
        "check the folder, its permissions and the room on its disk"
    )


def test_a_disk_that_takes_only_a_part(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(module.os, "write", lambda handle, content: write(handle, content[:10]))
    with pytest.raises(RemarkError, match="the disk took only a part of it"):
        add_remark(run, "tag", "good")
    monkeypatch.undo()
    add_remark(run, "tag", "better")
    assert read_remarks(run).tags == ("better",)


def test_remarks_that_cannot_be_read(run: Path) -> None:
    remarks_path(run).mkdir()
    with pytest.raises(UnreadableFileError, match="Is a directory"):
        read_remarks(run)


def test_two_people_at_once(run: Path) -> None:
    code = (
        "import sys; from data.remarks import add_remark\n"
        "for i in range(100): add_remark(sys.argv[1], 'comment', f'{sys.argv[2]} {i} ' + 'x' * 5000)"
    )
    root = Path(__file__).parents[2]
    people = [subprocess.Popen([sys.executable, "-c", code, run, name], cwd=root) for name in ("a", "b")]
    assert [person.wait() for person in people] == [0, 0]
    texts = [remark.text.split()[:2] for remark in read_remarks(run).history]
    assert sorted(texts) == sorted([name, str(i)] for name in ("a", "b") for i in range(100))
