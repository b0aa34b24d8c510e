"""`ionloom lab` and `ionloom fault`."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from control.bench_client import ask_lab
from control.drivers import connect

NO_LAB = "`ionloom lab` starts one and prints where"


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_it_tells_where_all_are_and_gives_all_back(
    start: Callable[..., Any], small: Path, number: int
) -> None:
    program = start("lab", "--setup", small, "--speed", "100", "--json")
    told = json.loads(program.line("control"))
    assert set(told["instruments"]["trap_rf"]) == {
        "address",
        "driver",
        "resource",
        "role",
        "simulated",
        "stream",
    }
    with connect("trap_rf", "smc100a", told["instruments"]["trap_rf"]["resource"]) as generator:
        assert generator.identity is not None
        assert generator.identity.model == "SMC100A"
    port = int(told["instruments"]["trap_rf"]["resource"].split("::")[2])
    assert program.end(number) == (0, "", "stopped\n")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_client_can_stop_it(start: Callable[..., Any], small: Path) -> None:
    program = start("lab", "--setup", small)
    address = program.line("lab at").removeprefix("lab at ").partition(";")[0]
    ask_lab(address, "stop")
    program.line("Ctrl-C stops it")
    _, err = program.process.communicate(timeout=30)
    assert (program.process.returncode, err) == (0, "stopped\n")


def test_a_setup_without_simulated_instruments_is_refused(call: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text('extends = "innsbruck"\n[core]\nlab = "nowhere:Lab"\n', encoding="utf-8")
    code, out, err = call("lab", "--setup", path)
    assert (code, out) == (2, "")
    assert "'nowhere:Lab' cannot be imported" in err


def test_faults_and_knobs_are_listed(call: Callable[..., Any], lab: str) -> None:
    code, out, _ = call("fault", "--lab", lab)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()][:3] == ["instrument", "trap_rf", "half_wave_plate"]
    code, out, _ = call("fault", "--lab", lab, "coils")
    assert code == 0
    assert "answers come late; seconds" in out
    assert "of this kind of instrument" in out
    assert "at its front panel" in out
    told = json.loads(call("fault", "--lab", lab, "coils", "--json")[1])
    assert "power cycle" in told["faults"]
    assert "voltage_1" in told["knobs"]


def test_a_knob_is_turned_with_a_unit(call: Callable[..., Any], lab: str, small: Path) -> None:
    code, out, err = call("fault", "--lab", lab, "coils", "--knob", "voltage_1=1500 mV")
    assert (code, out, err) == (0, "coils: voltage_1 was turned to 1500 mV\n", "")
    _, out, _ = call("device", "coils", "get", "voltage_1", "--setup", small, "--lab", lab)
    assert out == "voltage_1 1.5 V\n"


def test_a_fault_acts_and_heals(call: Callable[..., Any], lab: str, small: Path) -> None:
    assert call("fault", "--lab", lab, "trap_rf", "unplug")[:2] == (0, "trap_rf: unplug\n")
    code, _, err = call("device", "trap_rf", "--setup", small, "--lab", lab)
    assert code == 1
    assert "trap_rf (TCPIP::127.0.0.1::" in err
    assert "the link is down: connection refused" in err
    assert json.loads(call("fault", "--lab", lab, "trap_rf", "plug", "--json")[1]) == {
        "instrument": "trap_rf",
        "done": "plug",
    }
    assert call("device", "trap_rf", "get", "power", "--setup", small, "--lab", lab)[0] == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("trap_fr",), "there is no instrument 'trap_fr'. Did you mean trap_rf?"),
        (("trap_rf", "power cicle"), "trap_rf: there is no fault 'power cicle'. Did you mean power cycle?"),
        (("coils", "--knob", "voltge_1=1"), "coils: there is no knob 'voltge_1'. Did you mean voltage_1"),
        (
            ("coils", "--knob", "voltage_1"),
            "--knob 'voltage_1' is not KNOB=VALUE. Write --knob 'output_1=on'.",
        ),
        (("coils", "heal", "--knob", "voltage_1=2"), "a fault and a knob are two things."),
        (
            ("coils", "delay", "much"),
            "coils: delay: 'much' is no amount. Give a number of s, bytes or a share.",
        ),
        (("coils", "delay", "-3"), "amount = -3.0 is not possible: allowed is a finite number from 0 on"),
        (("coils", "lost bytes", "5"), "LineFaults.lost = 5.0 is not possible: allowed is 0 to 1"),
    ],
)
def test_what_cannot_go_wrong_is_refused(
    call: Callable[..., Any], lab: str, given: tuple[str, ...], message: str
) -> None:
    code, out, err = call("fault", "--lab", lab, *given)
    assert (code, out) == (2, "")
    assert message in err


def test_no_lab_at_the_address(call: Callable[..., Any], free_port: int) -> None:
    for address, reason in (
        (f"127.0.0.1:{free_port}", "connection refused"),
        ("nonsense", "write HOST:PORT, as it prints them"),
    ):
        code, out, err = call("fault", "--lab", address)
        assert (code, out) == (2, "")
        assert err == f"ionloom: no lab is running at '{address}': {reason}. {NO_LAB}\n"


def test_somebody_else_at_the_address(call: Callable[..., Any], tcp_peer: Callable[..., Any]) -> None:
    peer = tcp_peer((b'{"do": "list"}\n', b"SSH-2.0-OpenSSH\n"))
    code, _, err = call("fault", "--lab", peer.resource.removeprefix("tcp://"))
    assert code == 2
    assert "another program answers there" in err


def test_the_lab_of_another_setup(call: Callable[..., Any], lab: str) -> None:
    code, _, err = call("devices", "--lab", lab, "--setup", "innsbruck")
    assert code == 2
    assert f"the lab at {lab} has no endcap_bias and no lasers_397_866" in err
    assert "it was started for another setup" in err
