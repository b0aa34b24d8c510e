"""`ionloom device`."""

from __future__ import annotations

import json
import os
import shlex
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import serial

from control.lab import RunningBench
from control.setup.files import print_tables, read_file

INDISPENSABLE = ("trap_rf", "half_wave_plate", "quarter_wave_plate")  # to the simulated lab


@pytest.fixture
def device(call: Callable[..., Any], lab: str, small: Path) -> Callable[..., tuple[int, str, str]]:
    """Call the command for an instrument of the running lab."""
    return lambda *arguments: call("device", *arguments, "--setup", small, "--lab", lab)


def test_all_that_an_instrument_can_tell(device: Callable[..., Any]) -> None:
    code, out, err = device("trap_rf")
    assert (code, err) == (0, "")
    lines = {line.split("  ")[0]: line for line in out.splitlines()}
    assert out.startswith("trap_rf: Rohde&Schwarz SMC100A, serial number 101234, firmware ")
    assert "23 MHz to 24 MHz" in lines["frequency"]
    assert "site" in lines["frequency"]
    assert "off, on" in lines["output"]
    assert "read only" in lines["power_cap"]
    assert "to switch it off would lose the ion" in lines["park"]


def test_actions_are_told_with_their_arguments(device: Callable[..., Any]) -> None:
    _, out, _ = device("coils")
    assert "do heat CHANNEL VOLTAGE CURRENT SECONDS" in out
    _, out, _ = device("half_wave_plate")
    assert "do home [clockwise=True]" in out


@pytest.mark.parametrize("text", ["-3 dBm", "-3dBm", "\N{MINUS SIGN}3 dBm"])
def test_a_value_below_zero_is_no_option(device: Callable[..., Any], text: str) -> None:
    assert device("trap_rf", "set", "power", "-10 dBm")[0] == 0
    assert device("trap_rf", "set", "power", text) == (0, "power -3 dBm\n", "")
    assert device("trap_rf", "get", "power") == (0, "power -3 dBm\n", "")


def test_json_is_one_object(device: Callable[..., Any]) -> None:
    told = json.loads(device("trap_rf", "set", "power", "-4 dBm", "--json")[1])
    expected = {"setting": "power", "value": -4.0, "unit": "dBm", "quality": "good", "note": ""}
    assert told == {"name": "trap_rf", **expected}
    assert json.loads(device("trap_rf", "--json")[1])["settings"]["power"] == expected
    assert json.loads(device("trap_rf", "park", "--json")[1])["parked"].startswith(
        "the radio frequency stays"
    )
    rates = json.loads(device("time_tagger", "do", "count_rates", "--json")[1])
    assert rates["action"] == "count_rates"
    assert len(rates["result"]) == 5


def test_a_mount_is_homed_and_turned(device: Callable[..., Any]) -> None:
    code, _, err = device("half_wave_plate", "set", "angle", "90 deg")
    assert code == 1
    assert "cannot turn to an angle: it has not been homed since it was connected" in err
    hint = "each command starts anew: if you have homed it, add --acknowledge"
    assert err.endswith(f" Do home first; {hint}.\n")
    code, out, err = device("half_wave_plate", "do", "home", "clockwise=off")
    assert (code, err) == (0, f"ionloom: {hint}\n")
    assert out.startswith("half_wave_plate: home: ")
    code, out, _ = device("half_wave_plate", "set", "angle", "90 deg", "--acknowledge")
    assert code == 0
    assert float(out.split()[1]) == pytest.approx(0.25, abs=1e-3)


def test_what_is_done_to_a_fleeting_instrument_is_told_to_be_lost(
    call: Callable[..., Any], small: Path
) -> None:
    code, out, err = call("device", "trap_rf", "set", "power", "-5 dBm", "--setup", small)
    assert (code, out) == (0, "power -5 dBm\n")
    assert err == "ionloom: trap_rf was simulated for this command only; one of `ionloom lab` lasts (--lab)\n"
    assert call("device", "trap_rf", "get", "power", "--setup", small)[2] == ""


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("trap_fr",), "there is no instrument 'trap_fr'. Did you mean trap_rf?"),
        (("trap_rf", "get", "powr"), "trap_rf: there is no setting 'powr'. Did you mean power or power_cap?"),
        (("trap_rf", "set", "powr", "1"), "trap_rf: there is no setting 'powr'."),
        (("trap_rf", "set", "power", "5 kHz"), "trap_rf: power: '5 kHz' is not a finite power with its unit"),
        (("trap_rf", "set", "output", "maybe"), "trap_rf: output: 'maybe' is not true or false"),
        (
            ("trap_rf", "set", "reference", "externl"),
            "trap_rf: reference: 'externl' is not one of its words. Did you mean external or internal?",
        ),
        (("trap_rf", "set", "power_cap", "5 dBm"), "trap_rf: power_cap can be read only."),
        (("trap_rf", "set", "power"), "set needs PARAM and VALUE. See ionloom device --help."),
        (("trap_rf", "get"), "get needs PARAM. See ionloom device --help."),
        (("trap_rf", "get", "power", "output"), "'power output' after the deed is not 'get PARAM'."),
        (("trap_rf", "do", "home"), "trap_rf: there is no action 'home'. Known: none."),
        (("half_wave_plate", "do"), "half_wave_plate: no action was named. Its actions: home."),
        (
            ("coils", "do", "heat", "4"),
            "coils: heat: missing a required argument: 'voltage'. "
            "Write: do heat CHANNEL VOLTAGE CURRENT SECONDS",
        ),
    ],
)
def test_what_is_asked_wrongly_is_told(
    device: Callable[..., Any], given: tuple[str, ...], message: str
) -> None:
    code, out, err = device(*given)
    assert (code, out) == (2, "")
    assert err.startswith(f"ionloom: {message}")


def test_the_example_of_the_help_is_accepted(device: Callable[..., Any], call: Callable[..., Any]) -> None:
    example = next(line for line in call("device", "--help")[1].splitlines() if "do heat" in line)
    assert device(*shlex.split(example)[2:])[0] == 0


def test_what_is_found_beyond_the_site_is_not_switched_on(device: Callable[..., Any]) -> None:
    code, out, err = device("trap_rf", "set", "output", "on")
    assert (code, out) == (1, "")
    assert "cannot switch output on while frequency is 100 MHz: the site allows 23 MHz to 24 MHz." in err
    assert err.endswith(" Set frequency first.\n")


def test_settings_that_this_box_lacks_are_left_out(call: Callable[..., Any], tmp_path: Path) -> None:
    tables = read_file("innsbruck").tables
    chosen = {name: tables["instruments"][name] for name in (*INDISPENSABLE, "snspds")}
    path = tmp_path / "snspds.toml"
    path.write_text(print_tables({**tables, "instruments": chosen}), encoding="utf-8")
    code, out, err = call("device", "snspds", "--setup", path)
    assert code == 0, err
    assert "18 left out: it has 2 detectors" in out.splitlines()
    assert any(line.startswith("bias_current_2 ") for line in out.splitlines())
    assert not any(line.startswith("bias_current_3 ") for line in out.splitlines())


def test_each_of_the_three_limits(device: Callable[..., Any]) -> None:
    """The tightest one is named: of the site, of the driver, of the instrument."""
    code, _, err = device("trap_rf", "set", "power", "5 dBm")
    assert code == 2
    assert "power cannot be 5 dBm: above 0 dBm, the limit of the site." in err
    assert "Give a value from -30 to 0 dBm or change the limit in the setup file." in err
    code, _, err = device("coils", "set", "voltage_2", "33 V")
    assert code == 2
    assert "voltage_2 cannot be 33 V: above 32.05 V, the limit of the driver." in err
    code, _, err = device("cavity_piezo", "set", "y_voltage", "76 V")
    assert code == 2
    assert (
        "y_voltage cannot be 76 V: above 75 V, the limit of the instrument. Give a value from 0 to 75 V."
        in err
    )


def test_another_program_has_the_only_connection(device: Callable[..., Any], running: RunningBench) -> None:
    _, host, port, _ = running.resources["simulated:coils"].split("::")
    with socket.create_connection((host, int(port)), timeout=10) as other:
        other.sendall(b"*IDN?\n")
        assert other.recv(100).startswith(b"ROHDE")
        code, out, err = device("coils", "get", "voltage_1")
    assert (code, out) == (1, "")
    assert "coils (TCPIP::127.0.0.1::" in err
    assert "Is another program connected to it?" in err


def test_another_program_has_the_serial_line(device: Callable[..., Any], running: RunningBench) -> None:
    resource = running.resources["simulated:cavity_piezo"]
    port = resource.removeprefix("ASRL").removesuffix("::INSTR")
    with serial.Serial(port, exclusive=True):
        code, out, err = device("cavity_piezo", "get", "x_voltage")
    assert (code, out) == (1, "")
    assert f"(process {os.getpid()}, this one)" in err
