"""`ionloom devices`."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_all_instruments_in_one_table(call: Callable[..., Any], lab: str, small: Path) -> None:
    code, out, err = call("devices", "--setup", small, "--lab", lab)
    assert (code, err) == (0, "")
    rows = {line.split()[0]: line for line in out.splitlines() if line and not line.startswith(" ")}
    assert rows["instrument"].split() == ["instrument", "driver", "state", "identity", "readings"]
    assert rows["trap_rf"].split("  ")[0] == "trap_rf"
    assert "frequency 100 MHz; power -30 dBm; output off" in rows["trap_rf"]
    assert "pressure_1 1e-10 mbar" in rows["vacuum_gauge"]
    assert "it has not been homed since it was connected" in out


def test_instruments_are_started_for_the_moment(call: Callable[..., Any], small: Path) -> None:
    code, out, _ = call("devices", "--setup", small, "--json")
    assert code == 0
    told = {each["name"]: each for each in json.loads(out)["instruments"]}
    assert told["coils"]["state"] == "up"
    assert {each["name"]: each["unit"] for each in told["trap_rf"]["readings"]} == {
        "frequency": "Hz",
        "power": "dBm",
        "output": "",
    }


def test_one_that_is_gone_is_a_row_too(call: Callable[..., Any], lab: str, small: Path) -> None:
    assert call("fault", "--lab", lab, "coils", "unplug")[0] == 0
    try:
        code, out, _ = call("devices", "--setup", small, "--lab", lab)
    finally:
        call("fault", "--lab", lab, "coils", "plug")
    assert code == 1
    (row,) = [line for line in out.splitlines() if line.startswith("coils ") and "hmp4040" in line]
    assert row.split() == ["coils", "hmp4040", "down,", "see", "below"]
    (trouble,) = [line for line in out.splitlines() if line.startswith("coils (")]
    assert "the link is down: connection refused" in trouble


def test_it_watches_until_it_is_stopped(start: Callable[..., Any], lab: str, small: Path) -> None:
    program = start("devices", "--setup", small, "--lab", lab, "--watch", "0.1", "--json")
    looks = [json.loads(program.line("instruments")) for _ in range(3)]
    times = [look["instruments"][0]["readings"][0]["time"] for look in looks]
    assert times == sorted(set(times))
    code, _, err = program.end(signal.SIGINT)
    assert (code, err) == (0, "")
