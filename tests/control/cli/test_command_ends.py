"""How commands end: closed and broken streams, what the system refuses, and code that wants to end us."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from control.cli.exits import exit_code
from control.errors import UsageError

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0  # s that a broken test may hang
HELP = (sys.executable, "-m", "ionloom", "--help")

Call = Callable[..., tuple[int, str, str]]


def ended(arguments: tuple[str, ...], stdout: int | None = None) -> tuple[int, str]:
    """Return exit code and stderr of a program."""
    done = subprocess.run(
        arguments,
        cwd=ROOT,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    return done.returncode, done.stderr


def test_a_reader_that_has_seen_enough() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        assert ended(HELP, write) == (1, "")
    finally:
        os.close(write)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_disk_that_is_full() -> None:
    with Path("/dev/full").open("w") as full:
        code, err = ended(HELP, full.fileno())
    assert (code, err) == (1, "ionloom: stdout cannot be written: No space left on device\n")


@pytest.mark.parametrize("closing", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed(tmp_path: Path, closing: str) -> None:
    """The command does its work and says nothing; no file of its own gets the number of a stream."""
    command = f'exec "$@" {closing}'
    setup = (sys.executable, "-m", "ionloom", "device-db", "--out", str(tmp_path / "device_db.py"))
    assert ended(("sh", "-c", command, "sh", *setup)) == (0, "")
    assert (tmp_path / "device_db.py").read_text().count("wrote") == 0
    assert ended(("sh", "-c", command, "sh", sys.executable, "-m", "ionloom", "nix"))[0] == 2


def test_what_the_system_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    def fill() -> None:
        error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        error.add_note("The data are kept in run.h5.")
        raise error

    assert exit_code(fill) == 1
    found = re.fullmatch(
        r"ionloom: the system says: No space left on device\. What was being done then is in (\S+)\n"
        r"The data are kept in run\.h5\.\n",
        capsys.readouterr().err,
    )
    assert found is not None
    assert "in fill" in Path(found[1]).read_text()
    Path(found[1]).unlink()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (FileNotFoundError(2, "No such file or directory", "x.h5"), "x.h5: No such file or directory"),
        (OSError("x.h5 is no HDF5 file"), "the system says: x.h5 is no HDF5 file. What"),
        (TimeoutError(), "the system says: TimeoutError. What"),
    ],
)
def test_what_the_system_says_is_told(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    error: OSError,
    told: str,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def refuse() -> None:
        raise error

    assert exit_code(refuse) == 1
    assert capsys.readouterr().err.startswith(f"ionloom: {told}")


def test_no_disk_even_for_the_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "not there"))

    def slip() -> None:
        raise RuntimeError("a slip")

    assert exit_code(slip) == 1
    assert capsys.readouterr().err == (
        "ionloom: this is a mistake in ionloom: RuntimeError: a slip. Please report it with its traceback "
        "(which no file takes: No such file or directory)\n"
    )


class Mute(Exception):  # noqa: N818 - it is none that anybody raises on purpose
    """Fails when it is to speak."""

    def __str__(self) -> str:
        raise SystemError


class MuteUsageError(UsageError):
    """The same, for who calls."""

    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (
            Mute(),
            1,
            "this is a mistake in ionloom: Mute: Mute, whose own __str__ fails with SystemError. Please",
        ),
        (MuteUsageError(what="x"), 2, "MuteUsageError, whose own __str__ fails with ValueError\n"),
        (SystemExit(0), 1, "this is a mistake in ionloom: SystemExit: 0. Please report it with"),
    ],
)
def test_errors_that_cannot_speak_and_exits_of_others(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    error: BaseException,
    code: int,
    told: str,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def fail() -> None:
        raise error

    assert exit_code(fail) == code
    assert capsys.readouterr().err.startswith(f"ionloom: {told}")


EXITS = """
import sys

def analyse(run):
    sys.exit(0)
"""


def test_an_analysis_that_ends_the_program_is_told(call: Call, made: Path, tmp_path: Path) -> None:
    """Of one run and of many, at its import and when it is called, with file and line."""
    file = tmp_path / "mine.py"
    file.write_text(EXITS)
    code, out, err = call("analyze", made, "--analysis", file)
    assert (code, out) == (1, "")
    told = "mine.py:5: analyse() of mine.py failed: SystemExit: 0. The data are kept in "
    assert err.startswith(f"ionloom: {told}")
    code, out, err = call("analyze", made, "--analysis", file, "--dry-run", "--json")
    found = json.loads(out)
    assert (code, found["failed"]) == (1, 1)
    assert found["runs"][0]["problem"].startswith(told)
    file.write_text("import sys\nsys.exit('not today')\n")
    code, out, err = call("analyze", made, "--analysis", file)
    assert (code, out, err) == (2, "", "ionloom: mine.py:2: reading mine.py failed: SystemExit: not today.\n")


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ("__import__('numpy').foo", "AttributeError: module 'numpy' has no attribute 'foo'"),
        ("__import__('sys').exit(0)", "SystemExit: 0"),
    ],
)
def test_an_annotation_that_fails_is_told(
    call: Call, made: Path, tmp_path: Path, annotation: str, reason: str
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(f'\ndef analyse(run, x: "{annotation}" = 1):\n    return {{}}\n')
    told = f"mine.py:2: reading the parameters of analyse() failed: {reason}."
    assert call("analyze", made, "--analysis", file) == (2, "", f"ionloom: {told}\n")


@pytest.mark.parametrize("command", [["runs"], ["runs", "--json"], ["lineage"]])
def test_a_folder_that_is_not_there(call: Call, tmp_path: Path, command: list[str]) -> None:
    nowhere = tmp_path / "nix"
    advice = "Say with --out in which folder your runs are.\n"
    assert call(*command, "--out", nowhere) == (2, "", f"ionloom: there is no folder {nowhere}. {advice}")
    nowhere.touch()
    assert call(*command, "--out", nowhere) == (2, "", f"ionloom: {nowhere} is not a folder. {advice}")


def test_a_tag_that_is_not_there(call: Call, made: Path) -> None:
    assert call("tag", made, "good")[0] == 0
    code, out, err = call("tag", made, "--remove", "god")
    assert (code, out) == (2, "")
    assert err == f"ionloom: run {made} has no tag 'god'. Did you mean good?\n"


def test_a_run_that_is_exported_without_a_format(call: Call, made: Path) -> None:
    for name in (made, "latest"):
        code, out, err = call("export", name, "-o", made.with_name("x.txt"))
        assert (code, out) == (2, "")
        assert err == f"ionloom: {name} is a run. Say with --to in which format it is written.\n"
