"""Texts of others on a terminal: shown, never acted on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.cli.escapes import escaped, escaped_json
from control.cli.exits import exit_code
from control.cli.printing import console, print_json, print_table
from control.errors import UsageError
from control.experiments.tables import Table
from data.remarks import add_remarks

Call = Callable[..., tuple[int, str, str]]

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil\r"
SHOWN = r"\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil\r"
HARMLESS = "\n\t\x20-\x7e\xa0-\u061b\u061d-\u200d\u2010-\u2029\u202f-\u2065\u206a-\ud7ff\ue000-\U0010ffff"
ACTING = re.compile(f"[^{HARMLESS}]")


@given(st.text(st.characters(codec=None, categories=None)))
def test_nothing_is_left_that_acts(text: str) -> None:
    assert not ACTING.search(escaped(text))
    shown = escaped_json(json.dumps(text, ensure_ascii=False))
    assert not ACTING.search(shown)
    assert json.loads(shown) == text


def test_what_people_write_stays_as_it_is() -> None:
    text = "µs\tΩ, ⁴⁰Ca⁺\nfünf 離子 \U0001f52c"
    assert escaped(text) == text


def test_tables_and_lines(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(Table((f"a{EVIL}",), ((f"b{EVIL}",),), f"c{EVIL}"), console())
    console().print(f"d{EVIL}", markup=False)
    told = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert told == [f"{letter}{SHOWN}" for letter in "cabd"]


def test_json_says_the_same_without_them(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"text": EVIL + "\udc80"})
    out = capsys.readouterr().out
    assert not ACTING.search(out)
    assert json.loads(out) == {"text": EVIL + "\udc80"}


def test_errors(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise UsageError(what=EVIL)

    assert exit_code(fail) == 2
    assert capsys.readouterr().err == f"ionloom: {SHOWN}.\n"


@pytest.mark.parametrize(
    "command", [["runs"], ["runs", "--json"], ["show"], ["show", "--json"], ["lineage"], ["tag"], ["follow"]]
)
def test_commands_show_texts_of_others(call: Call, made: Path, command: list[str]) -> None:
    add_remarks(made, [("comment", f"comment {EVIL}")])
    code, out, err = call(
        command[0], *([] if command[0] == "runs" else [made]), *command[1:], "--out", made.parents[1]
    )
    assert code == 0
    assert not ACTING.search(out + err)


def test_names_of_files_that_are_no_text(call: Call, tmp_path: Path) -> None:
    code, _, err = call("show", tmp_path / "b\udc80d.h5")
    assert code == 2
    assert r"b\udc80d.h5" in err
