"""`ionloom bench-check`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from control.cli.bench_check import Finding, _verdict


def test_everything_is_asked_and_nothing_set(call: Callable[..., Any], lab: str, small: Path) -> None:
    code, out, err = call("bench-check", "--setup", small, "--lab", lab)
    assert (code, err) == (0, "")
    rows = [line for line in out.splitlines() if line.startswith("trap_rf ")]
    assert rows[0].split()[:3] == ["trap_rf", "identity", "SMC100A"]
    assert rows[1].split() == ["trap_rf", "frequency", "client", "100", "MHz"]
    assert out.splitlines()[-1].endswith(" questions, all as expected")


def test_one_instrument_as_json(call: Callable[..., Any], lab: str, small: Path) -> None:
    code, out, _ = call("bench-check", "trap_rf", "trap_rf", "--setup", small, "--lab", lab, "--json")
    assert code == 0
    findings = json.loads(out)["findings"]
    assert {each["instrument"] for each in findings} == {"trap_rf"}
    assert [each["asked"] for each in findings][:3] == ["identity", "frequency", "power"]
    assert all(each["good"] for each in findings)


def test_an_instrument_that_answers_otherwise_fails_it(
    call: Callable[..., Any], tcp_peer: Callable[..., Any], small: Path, tmp_path: Path
) -> None:
    """It is another one than the setup says: nothing but the question for its name is sent."""
    peer = tcp_peer(
        (b"*IDN?\n", b"Rohde&Schwarz,SMC100A,1411.4002k02/999999,3.1.19.15\n"),
    )
    path = tmp_path / "other.toml"
    text = small.read_text(encoding="utf-8")
    path.write_text(
        text + f'\n[instruments.second_rf]\ndriver = "smc100a"\nresource = "{peer.resource}"\n'
        'serial_number = "101234"\n',
        encoding="utf-8",
    )
    code, out, _ = call("bench-check", "second_rf", "--setup", path, "--json")
    assert code == 1
    (finding,) = json.loads(out)["findings"]
    assert (finding["asked"], finding["good"], finding["reached"]) == ("identity", False, False)
    assert "the serial number is '999999', not '101234'" in finding["answer"]


def test_what_is_not_as_expected_stands_out(
    call: Callable[..., Any], small: Path, tmp_path: Path, free_port: int
) -> None:
    path = tmp_path / "nowhere.toml"
    entry = f'\n[instruments.far]\ndriver = "smc100a"\nresource = "tcp://127.0.0.1:{free_port}"\n'
    path.write_text(small.read_text(encoding="utf-8") + entry, encoding="utf-8")
    code, out, _ = call("bench-check", "far", "--setup", path)
    assert code == 1
    (row,) = [line for line in out.splitlines() if line.startswith("far ")]
    assert row.split()[:4] == ["far", "identity", "NO", "far"]
    assert "one question, 1 not reached: mend address or serial number in the setup" in out


def test_who_has_to_mend_it() -> None:
    """An instrument that is away is its owner's matter, a strange answer that of the driver."""
    fine = Finding("rf", "power", "manual", "-2 dBm", good=True)
    odd = Finding("rf", "frequency", "manual", "'x' is not a number", good=False)
    away = [Finding("far", asked, "", "the link is down", good=False, reached=False) for asked in "ab"]
    assert _verdict([fine]) == "all as expected"
    reported = "1 command answered otherwise: please report them, with the firmware"
    assert _verdict([fine, odd]) == reported
    assert _verdict([fine, odd, odd]).startswith("2 commands answered otherwise: ")
    lost = "1 not reached: mend address or serial number in the setup"
    assert _verdict(away) == lost
    assert _verdict([odd, *away]) == f"{lost}; {reported}"


def test_a_name_that_is_none(call: Callable[..., Any], lab: str, small: Path) -> None:
    code, out, err = call("bench-check", "trap_fr", "--setup", small, "--lab", lab)
    assert (code, out) == (2, "")
    assert err == "ionloom: there is no instrument 'trap_fr'. Did you mean trap_rf?\n"
