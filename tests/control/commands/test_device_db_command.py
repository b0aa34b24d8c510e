"""`ionloom device-db`: the text is a Python file that ARTIQ's master reads."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def read(text: str, **known: Any) -> dict[str, Any]:
    """Execute a device database as the master does."""
    namespace: dict[str, Any] = dict(known)
    exec(text, namespace)  # noqa: S102 (this is what it is for)
    found: dict[str, Any] = namespace["device_db"]
    return found


def test_every_instrument_has_its_entry(call: Callable[..., Any], small: Path) -> None:
    code, out, err = call("device-db", "--setup", small)
    assert (code, err) == (0, "")
    entries = read(out)
    command = f"ionloom controller trap_rf --setup {small} -p {{port}} --bind {{bind}}"
    assert entries["trap_rf"] == {
        "type": "controller",
        "host": "127.0.0.1",
        "port": 3270,
        "target_name": "trap_rf",
        "command": command,
    }
    filled = entries["trap_rf"]["command"].format(name="trap_rf", bind="::1", **entries["trap_rf"])
    assert shlex.split(filled) == command.format(port=3270, bind="::1").split()
    assert [entry.get("port") for entry in entries.values()] == [3270, 3271, None, 3272, 3273, 3274, 3275]


def test_who_shares_a_line_shares_a_controller(call: Callable[..., Any], small: Path) -> None:
    entries = read(call("device-db", "--setup", small)[1])
    assert entries["half_wave_plate"]["target_name"] == "half_wave_plate"
    assert entries["quarter_wave_plate"] == {
        "type": "controller_aux_target",
        "controller": "half_wave_plate",
        "target_name": "quarter_wave_plate",
    }


def test_the_setup_places_controllers(call: Callable[..., Any], small: Path, tmp_path: Path) -> None:
    path = tmp_path / "a lab {1}.toml"
    text = small.read_text(encoding="utf-8")
    path.write_text(
        text.replace("[instruments.coils]", '[instruments.coils]\ncontroller = "[::1]:3270"'),
        encoding="utf-8",
    )
    entries = read(call("device-db", "--setup", path, "--host", "10.0.0.7")[1])
    assert (entries["coils"]["host"], entries["coils"]["port"]) == ("::1", 3270)
    assert (entries["trap_rf"]["host"], entries["trap_rf"]["port"]) == ("10.0.0.7", 3271)
    words = shlex.split(entries["coils"]["command"].format(bind="::1", **entries["coils"]))
    assert words[4] == str(path)


def test_it_adds_to_what_is_there(call: Callable[..., Any], small: Path, tmp_path: Path) -> None:
    out = tmp_path / "device_db.py"
    assert call("device-db", "--setup", small, "-o", out)[:2] == (0, f"wrote {out}\n")
    core = {"core": {"type": "local"}}
    assert {"core", "trap_rf"} <= set(read(out.read_text(encoding="utf-8"), device_db=core))


def test_a_shipped_setup_is_named_and_a_lab_handed_on(call: Callable[..., Any]) -> None:
    entries = read(call("device-db", "--lab", "127.0.0.1:4000")[1])
    assert entries["coils"]["command"].endswith(
        "--setup innsbruck -p {port} --bind {bind} --lab 127.0.0.1:4000"
    )


def test_too_few_ports(call: Callable[..., Any], small: Path) -> None:
    code, out, err = call("device-db", "--setup", small, "--first-port", 65_534)
    assert (code, out) == (2, "")
    assert err == (
        "ionloom: from port 65534 on there are fewer than there are instruments. Give a lower --first-port.\n"
    )


@pytest.mark.parametrize("place", ["nowhere/device_db.py"])
def test_a_place_that_is_none(call: Callable[..., Any], small: Path, tmp_path: Path, place: str) -> None:
    code, _, err = call("device-db", "--setup", small, "-o", tmp_path / place)
    assert code == 1
    assert "No such file or directory" in err
