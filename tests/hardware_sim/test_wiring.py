"""Which channel and instrument drives what."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from hardware_sim.wiring import NEEDED, PARTS, ROLES, SPARE, read_wiring


@pytest.fixture
def tables(innsbruck: Any) -> dict[str, Any]:
    return {name: deepcopy(innsbruck.tables[name]) for name in ("channels", "instruments")}


def test_the_shipped_setup_is_wired_completely(innsbruck: Any) -> None:
    wiring, problems = read_wiring(innsbruck.tables)
    assert problems == []
    assert set(PARTS) - SPARE <= set(wiring.channels) <= set(PARTS)
    assert NEEDED <= set(wiring.instruments) <= set(ROLES)
    assert wiring.parts[6] == "qubit beam"
    assert wiring.instruments["trap rf"] == "trap_rf"


def test_what_drives_nothing_is_left_alone(tables: dict[str, Any]) -> None:
    assert "marker" in tables["channels"]
    assert "drives" not in tables["channels"]["marker"]
    assert read_wiring(tables)[1] == []


def test_an_unknown_part_is_told_with_the_nearest(tables: dict[str, Any]) -> None:
    tables["channels"]["camera"]["drives"] = "camra"
    first, missing = read_wiring(tables)[1]
    assert first.startswith("channels.camera.drives: the simulated node has no 'camra'")
    assert "camera" in first
    assert missing == "channels: nothing drives the 'camera'; give one camera the line drives = 'camera'"


def test_a_channel_of_the_wrong_kind_is_told(tables: dict[str, Any]) -> None:
    tables["channels"]["camera"]["kind"] = "counter"
    assert read_wiring(tables)[1][0] == "channels.camera.kind: 'camera' needs 'camera', not 'counter'"


def test_a_part_that_is_driven_twice_is_told(tables: dict[str, Any]) -> None:
    tables["channels"]["quench"]["drives"] = "repump beam"
    assert read_wiring(tables)[1] == [
        "channels.quench.drives: 'repump beam' is driven by 'repump' already",
        "channels: nothing drives the 'quench beam'; give one dds the line drives = 'quench beam'",
    ]


def test_instruments_have_roles_that_fit_their_driver(tables: dict[str, Any]) -> None:
    tables["instruments"]["trap_rf"]["driver"] = "ell14"
    assert read_wiring(tables)[1][0] == "instruments.trap_rf.driver: 'trap rf' needs 'smc100a', not 'ell14'"


def test_a_setup_without_anything_is_told_all_that_is_missing() -> None:
    assert len(read_wiring({})[1]) == len(PARTS) - len(SPARE) + len(NEEDED)


def test_triggers_are_wired_like_all_else(tables: dict[str, Any]) -> None:
    for name in [name for name, table in tables["channels"].items() if table["kind"] == "trigger"]:
        del tables["channels"][name]
    tables["channels"]["mains"] = {"kind": "trigger", "number": 40, "drives": "line trigger"}
    wiring, problems = read_wiring(tables)
    assert problems == []
    assert wiring.parts[40] == "line trigger"
    tables["channels"]["mains"]["kind"] = "counter"
    assert read_wiring(tables)[1] == ["channels.mains.kind: 'line trigger' needs 'trigger', not 'counter'"]
