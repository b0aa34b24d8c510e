"""`ionloom controller`: a program that others call."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from control.rpc import Client


def port_of(line: str) -> int:
    """Return the port from what a controller prints when it is ready."""
    return int(line.partition(",")[0].rpartition(":")[2])


def test_it_serves_its_instrument_until_it_is_asked_to_end(
    start: Callable[..., Any], lab: str, small: Path
) -> None:
    program = start("controller", "trap_rf", "--port", "0", "--setup", small, "--lab", lab)
    with closing(Client("127.0.0.1", port_of(program.line("controller of trap_rf at ")))) as client:
        assert client.targets == ("trap_rf",)
        assert client.description == "ionloom controller of trap_rf"
        assert client.ping() is True
        assert client.set("power", -6.0) == -6.0
        assert client.describe()["docstring"].startswith("trap_rf: ")
        client.close()
        with closing(Client("127.0.0.1", int(client.address.rpartition(":")[2]))) as another:
            assert another.get("power") == -6.0
            another.call("close")
            assert another.state() == "down"
            assert another.get("power") == -6.0
            another.terminate()
    out, err = program.process.communicate(timeout=30)
    assert (program.process.returncode, out, err) == (0, "", "")


def test_who_shares_the_line_is_served_too_until_ctrl_c(
    start: Callable[..., Any], lab: str, small: Path
) -> None:
    program = start("controller", "quarter_wave_plate", "--port", "0", "--setup", small, "--lab", lab)
    port = port_of(program.line("controller of quarter_wave_plate at "))
    with closing(Client("127.0.0.1", port, "half_wave_plate")) as client:
        assert client.targets == ("half_wave_plate", "quarter_wave_plate")
        assert client.ping() is True
    assert program.end(signal.SIGINT) == (0, "terminating\n", "")


def test_a_real_instrument_is_simulated_on_request(
    start: Callable[..., Any], call: Callable[..., Any], small: Path, tmp_path: Path
) -> None:
    path = tmp_path / "real.toml"
    real = '\n[instruments.spare]\ndriver = "iseg_nhr"\nresource = "ASRL/dev/nowhere"\n'
    path.write_text(small.read_text(encoding="utf-8") + real, encoding="utf-8")
    program = start("controller", "spare", "--port", "0", "--setup", path, "--simulation")
    with closing(Client("127.0.0.1", port_of(program.line("controller of spare at ")))) as client:
        assert client.identify()[1] == "NHR"
        assert client.set("voltage_0", 25.0) == 25.0
    assert program.end()[0] == 0
    code, _, err = call("controller", "spare", "--port", "0", "--setup", path)
    assert code == 1
    assert "spare (/dev/nowhere): the link is down" in err


def test_the_devices_of_a_setup_are_reached_through_it(
    start: Callable[..., Any], call: Callable[..., Any], lab: str, small: Path, tmp_path: Path
) -> None:
    """By one line of the setup file, and with the same messages."""
    program = start("controller", "trap_rf", "--port", "0", "--setup", small, "--lab", lab)
    port = port_of(program.line("controller of trap_rf at "))
    path = tmp_path / "far.toml"
    entry = f'[instruments.trap_rf]\ncontroller = "127.0.0.1:{port}"'
    text = small.read_text(encoding="utf-8").replace("[instruments.trap_rf]", entry)
    path.write_text(text, encoding="utf-8")
    told = json.loads(call("device", "trap_rf", "--setup", path, "--json")[1])
    assert told["address"] == f"controller://127.0.0.1:{port}"
    assert told["model"] == "SMC100A"
    code, _, err = call("device", "trap_rf", "set", "power", "5 dBm", "--setup", path)
    assert code == 2
    assert err.startswith(f"ionloom: trap_rf (controller://127.0.0.1:{port}): power cannot be 5 dBm")
    assert program.end()[0] == 0
    code, _, err = call("device", "trap_rf", "get", "power", "--setup", path)
    assert code == 1
    assert f"trap_rf (controller://127.0.0.1:{port}): no connection: " in err
    assert "Is the controller running? Are host and port right?" in err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("trap_fr",), "there is no instrument 'trap_fr'. Did you mean trap_rf?"),
        (("trap_rf",), "the setup small names no port for trap_rf: give --port, or write controller = "),
        (("trap_rf", "--port", "0", "--no-localhost-bind"), "nowhere to listen. Give --bind ADDRESS"),
        (
            ("trap_rf", "--port", "0", "--simulation", "--device", "tcp://127.0.0.1:1"),
            "--simulation starts an instrument of its own. Leave out --simulation, or --device and --lab.",
        ),
    ],
)
def test_what_is_asked_wrongly(
    call: Callable[..., Any], small: Path, given: tuple[str, ...], message: str
) -> None:
    code, out, err = call("controller", *given, "--setup", small)
    assert (code, out) == (2, "")
    assert err.startswith(f"ionloom: {message}")


def test_a_port_that_is_taken(
    call: Callable[..., Any], tcp_peer: Callable[..., Any], lab: str, small: Path
) -> None:
    peer = tcp_peer()
    code, _, err = call("controller", "trap_rf", "--port", peer.port, "--setup", small, "--lab", lab)
    assert code == 1
    assert err == (
        f"ionloom: cannot listen on 127.0.0.1:{peer.port}: address already in use. "
        "Is the same controller running already? Port 0 takes a free one.\n"
    )
