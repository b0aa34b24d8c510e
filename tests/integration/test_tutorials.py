"""The tutorials are true: followed block by block in an empty folder, they show what they say."""

from __future__ import annotations

import doctest
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TUTORIALS = ROOT / "data" / "tutorials"

JOINT_ERRORS = 4.0
"""By how many of their joint errors two measured numbers may differ: by chance, one in 16 000 does."""

BLOCK = re.compile(r"^```(bash|python|text)\n(.*?)^```$", re.M | re.S)
MEASURED = r"-?\d+(?:\.\d+)?\(\d+\)(?:e-?\d+)?"
SPECIAL = re.compile(rf"({MEASURED}|\.\.\.|\s+)")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        kind: bash, python, or the text that the command above it prints.
        text: without its fences.
        line: of its first line in the file, from 0.
    """

    kind: str
    text: str
    line: int


def blocks_of(tutorial: Path) -> Iterator[Block]:
    page = tutorial.read_text(encoding="utf-8")
    for match in BLOCK.finditer(page):
        yield Block(match[1], match[2], page.count("\n", 0, match.start(2)))


def value_and_error(text: str) -> tuple[float, float]:
    """Read a value with its error, in units of its last digit, in brackets."""
    value, _, rest = text.partition("(")
    error, _, power = rest.partition(")")
    decimals = len(value.partition(".")[2])
    return float(value + power), float(f"{error}e{-decimals}") * float(f"1{power}")


def agree(told: str, seen: str) -> bool:
    """Whether a text was told rightly: word for word, but for numbers that agree within their errors."""
    pieces = SPECIAL.split(told.strip())
    patterns = {"...": "(?:.*?)", " ": r"\s+", "": rf"({MEASURED})"}
    # Words and what is between them alternate.
    expression = "".join(
        patterns[piece if piece == "..." else " " if piece.isspace() else ""]
        if place % 2
        else re.escape(piece)
        for place, piece in enumerate(pieces)
    )
    found = re.fullmatch(expression, seen.strip(), re.S)
    if found is None:
        return False
    pairs = zip(re.findall(MEASURED, told), found.groups(), strict=True)
    return all(near(value_and_error(one), value_and_error(other)) for one, other in pairs)


def near(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return abs(one[0] - other[0]) <= JOINT_ERRORS * math.hypot(one[1], other[1])


class WithinErrors(doctest.OutputChecker):
    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return agree(want, got)


class Reader:
    """Somebody who follows a tutorial in a folder, with one Python prompt and one shell."""

    def __init__(self, folder: Path, commands: Path) -> None:
        self._folder = folder
        self._path = f"{commands}{os.pathsep}{os.environ['PATH']}"
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._printed = ""

    def follow(self, tutorial: Path) -> None:
        for block in blocks_of(tutorial):
            place = f"{tutorial}:{block.line + 1}"
            if block.kind == "bash":
                self._printed = self._command(block.text, place)
            elif block.kind == "python":
                self._type(block, place)
            elif not agree(block.text, self._printed):
                pytest.fail(f"{place} says\n{block.text}but the command printed\n{self._printed}", False)

    def _command(self, text: str, place: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],  # noqa: S607 - that of the reader
            cwd=self._folder,
            env={**os.environ, "PATH": self._path, "PYTHONPATH": str(ROOT), "COLUMNS": "120"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.fail(f"{place}\n{text}{done.stdout}{done.stderr}", False)
        return done.stdout

    def _type(self, block: Block, place: str) -> None:
        examples = doctest.DocTestParser().get_examples(block.text)
        assert examples, f"{place} has no >>>"
        test = doctest.DocTest(examples, self._names, place, place, block.line, block.text)
        said: list[str] = []
        doctest.DocTestRunner(WithinErrors()).run(test, out=said.append, clear_globs=False)
        self._names = test.globs
        if said:
            pytest.fail("".join(said), False)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, module in (("ionloom", " -m ionloom"), ("python", "")):
        (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{module} "$@"\n')
        (commands / name).chmod(0o755)
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Reader(folder, commands)


@pytest.mark.slow
def test_ten_ion_run(reader: Reader) -> None:
    reader.follow(TUTORIALS / "ten_ion_run.md")


@pytest.mark.slow
def test_foreign_files(reader: Reader) -> None:
    reader.follow(TUTORIALS / "foreign_files.md")


def test_every_tutorial_is_followed() -> None:
    followed = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {page.stem for page in TUTORIALS.glob("*.md")} <= followed


def test_links_of_tutorials_lead_somewhere() -> None:
    for page in TUTORIALS.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ("F = 98.4(3) %", "F = 97.9(4) %"),
        ("mean  0.914(10)  ...\n", " mean 0.90(2) and more"),
        ("1.50(20)e-7 Hz", "1.7(2)e-7 Hz"),
        ("(3, -0.5(2))", "(3, 0.0(2))"),
    ],
)
def test_numbers_agree_within_their_errors(told: str, seen: str) -> None:
    assert agree(told, seen)


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ("F = 98.4(3) %", "F = 96.3(4) %"),
        ("F = 98.4(3) %", "F = 98.4 %"),
        ("9 points", "10 points"),
        ("0.914(10)", "0.914(10) Hz"),
        ("1.50(20)e-7", "1.50(20)e-6"),
        ("True", "False"),
        ("a ... b", "a c"),
    ],
)
def test_what_differs_does_not_agree(told: str, seen: str) -> None:
    assert not agree(told, seen)


def test_a_wrong_tutorial_is_caught(reader: Reader, tmp_path: Path) -> None:
    page = tmp_path / "wrong.md"
    page.write_text("Text.\n\n```python\n>>> 1 + 1\n3\n```\n")
    with pytest.raises(pytest.fail.Exception, match=r"wrong\.md:4(.|\n)*Expected:\n    3\nGot:\n    2"):
        reader.follow(page)


def test_a_command_that_prints_something_else_is_caught(reader: Reader, tmp_path: Path) -> None:
    page = tmp_path / "wrong.md"
    page.write_text("```bash\necho '12.0(3)'\n```\n\n```text\n14.0(3)\n```\n")
    with pytest.raises(pytest.fail.Exception, match=r"14\.0\(3\)\nbut the command printed\n12\.0\(3\)"):
        reader.follow(page)
