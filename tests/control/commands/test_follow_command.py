"""`ionloom follow`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data import Attempts, Axis, Provenance, Readout, Record, RunHeader, RunWriter, TimeTags

Call = Callable[..., tuple[int, str, str]]


def record(shots: int, clicks: int = 0) -> Record:
    """Return shots with as many counts each as its number."""
    n, of = np.arange(shots, dtype=np.int64), np.zeros(clicks, np.int64)
    none = Attempts(*(np.zeros(0, dtype) for dtype in ("i8", "u4", "i8", "?")))
    tags = TimeTags(of, of.astype("u2"), of, of.astype("u4"), of.astype("u2"), of)
    return Record(shots, n, 10**9, {"pmt": n[:, None].astype(np.int32)}, none, tags)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RunWriter]:
    axes = (Axis("duration", "s"), Axis("basis", text=True))
    header = RunHeader("rabi", Provenance(datetime.now(UTC)), axes=axes, readouts=(Readout("pmt", 1),))
    with closing(RunWriter.create(tmp_path, header)) as writing:
        yield writing


def test_a_run_that_has_ended(writer: RunWriter, call: Call) -> None:
    writer.append({"duration": 5e-6, "basis": "Z"}, record(4, clicks=7))
    writer.append({"duration": 1e-5, "basis": "X"}, record(0))
    writer.finish(message="as planned")
    assert call("follow", writer.path) == (
        0,
        f"run {writer.id}: rabi, complete\n"
        "point 0  duration 5 us  basis Z  shots 4  pmt a shot 1.5  clicks 7\n"
        "point 1  duration 10 us  basis X  shots 0  pmt a shot \n"
        "complete as planned\n",
        "",
    )


def test_json_is_one_object_a_line(writer: RunWriter, call: Call) -> None:
    writer.append({"duration": 5e-6, "basis": "Z"}, record(4))
    writer.finish()
    code, out, err = call("follow", writer.path, "--json")
    assert (code, err) == (0, "")
    assert [json.loads(line) for line in out.splitlines()] == [
        {"point": 0, "duration": 5e-6, "basis": "Z", "shots": 4, "pmt a shot": [1.5]}
    ]


def test_a_run_that_is_going_on(writer: RunWriter, tmp_path: Path, start: Callable[..., Any]) -> None:
    """From another process, each point as it comes, until the end."""
    writer.append({"duration": 5e-6, "basis": "Z"}, record(4))
    program = start("follow", "latest", "--out", tmp_path)
    assert program.line("run") == f"run {writer.id}: rabi, running"
    assert program.line("point 0").startswith("point 0  duration 5 us")
    writer.append({"duration": 1e-5, "basis": "X"}, record(2))
    assert program.line("point 1").startswith("point 1  duration 10 us")
    writer.finish(message="as planned")
    assert program.line("complete") == "complete as planned"
    out, err = program.process.communicate(timeout=30)
    assert (program.process.returncode, out, err) == (0, "", "")


@pytest.mark.slow
def test_a_run_that_is_cut_off_meanwhile(
    writer: RunWriter, tmp_path: Path, start: Callable[..., Any]
) -> None:
    program = start("follow", writer.id, "--out", tmp_path)
    program.line("running")
    writer.append({"duration": 5e-6, "basis": "Z"}, record(4))
    assert program.line("point 0").startswith("point 0")
    writer.close()
    assert program.line("unfinished") == "unfinished cut off while it was running"
    assert program.process.wait(timeout=30) == 0


def test_a_run_that_is_not_there(tmp_path: Path, call: Call) -> None:
    code, out, err = call("follow", "latest", "--out", tmp_path)
    assert (code, out) == (2, "")
    assert "no run 'latest'" in err
    assert "there are no runs at all" in err
