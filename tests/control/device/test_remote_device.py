"""A device behind a controller, seen from the client's side: finding it, its errors, its actions.

The controller is a real server; what it serves is written out here, so that it can misbehave.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from control.device import State
from control.device.readings import Quality
from control.drivers import connect
from control.drivers.ell14 import Ell14
from control.errors import ConfigError, IdentityError, LimitError, LinkTimeout, NotReady, UsageError
from control.rpc import Server
from control.rpc.errors import ControllerDown, NotRpc, RemoteError, UnknownTarget


class Mount:
    """What a controller of a rotation mount lets be called."""

    def __init__(self) -> None:
        self.trouble = ""
        self.angle = 0.25
        self.asked: list[Any] = []

    def identify(self) -> tuple[str, str, str, str]:
        return "Thorlabs", "ELL14", "11400001", "17"

    def check(self) -> str:
        return self.trouble

    def acknowledge(self) -> None:
        self.trouble = ""

    def judge(self, name: str) -> tuple[Any, str, str]:
        if name == "velocity":
            return None, "bad", "it turns"
        return self.angle, "good", ""

    def set(self, name: str, value: float) -> float:
        self.asked.append((name, value))
        if value > 0.9:
            limits: dict[str, Any] = {"value": value, "low": 0.0, "high": 0.9}
            raise LimitError(setting=name, unit="turn", origin="instrument", **limits)
        if value > 0.8:
            raise ZeroDivisionError("a mistake there")
        self.angle = value
        return value

    def park(self) -> str:
        return "parked"

    def perform(self, action: str, arguments: list[Any], named: dict[str, Any]) -> Any:
        self.asked.append((action, arguments, named))
        return 0.125


@pytest.fixture
def mount() -> Mount:
    return Mount()


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Serve targets and return the resource of their controller."""
    servers: list[Server] = []

    def begin(**targets: object) -> str:
        servers.append(Server(targets, host="127.0.0.1"))
        return f"controller://127.0.0.1:{servers[-1].port}"

    yield begin
    for server in servers:
        server.close()


def test_it_is_read_and_set_as_if_it_were_here(serve: Callable[..., str], mount: Mount) -> None:
    with connect("plate", "ell14", serve(plate=mount)) as device:
        assert device.state is State.UP
        assert device.identity is not None
        assert device.identity.serial_number == "11400001"
        assert device.read("angle") == 0.25
        assert device.set("angle", 0.5) == 0.5
        assert dict(device.wanted) == {"angle": 0.5}
        reading = device.measure("velocity")
        assert (reading.value, reading.quality, reading.note) == (None, Quality.BAD, "it turns")
        assert device.park() == Ell14.PARKING


def test_its_actions_look_like_those_of_the_driver(serve: Callable[..., str], mount: Mount) -> None:
    with connect("plate", "ell14", serve(plate=mount)) as device:
        home = device.home  # type: ignore[attr-defined]
        assert list(inspect.signature(home).parameters) == ["clockwise"]
        assert inspect.getdoc(home) == inspect.getdoc(Ell14.home)
        assert home(clockwise=False) == 0.125
        assert mount.asked == [("home", [], {"clockwise": False})]


def test_a_target_is_found_among_several(serve: Callable[..., str], mount: Mount) -> None:
    resource = serve(plate=mount, other=Mount())
    with connect("plate", "ell14", resource) as device:
        device.set("angle", 0.125)
    with connect("another_name", "ell14", f"{resource}/plate") as device:
        assert device.read("angle") == 0.125
    with pytest.raises(UnknownTarget, match=r"there is no target 'plat'. Did you mean plate\?"):
        connect("plat", "ell14", resource)


def test_limits_of_both_sides(serve: Callable[..., str], mount: Mount) -> None:
    limits = {"angle": (0.0, 0.95)}
    with connect("plate", "ell14", serve(plate=mount), limits=limits) as device:
        with pytest.raises(LimitError) as here:
            device.set("angle", 0.96)
        assert mount.asked == [], "what the site forbids is not even sent"
        with pytest.raises(LimitError) as there:
            device.set("angle", 0.92)
    assert here.value.origin == "site"
    assert str(there.value) == (
        f"plate ({device.address}): angle cannot be 0.92 turn: above 0.9 turn, the limit of the instrument. "
        "Give a value from 0 to 0.9 turn."
    )
    assert not hasattr(there.value, "__notes__"), "where it was raised there helps nobody here"


def test_a_mistake_there_is_one_line_here(serve: Callable[..., str], mount: Mount) -> None:
    with connect("plate", "ell14", serve(plate=mount)) as device:
        with pytest.raises(RemoteError) as error:
            device.set("angle", 0.85)
        assert str(error.value) == (
            f"plate ({device.address}): set failed there: ZeroDivisionError: a mistake there"
        )
        assert any("set" in line for line in error.value.parent_traceback)


def test_it_is_degraded_as_long_as_it_is_there(serve: Callable[..., str], mount: Mount) -> None:
    mount.trouble = "it was switched off"
    with connect("plate", "ell14", serve(plate=mount)) as device:
        assert (device.state, device.trouble) == (State.DEGRADED, "it was switched off")
        with pytest.raises(NotReady, match="cannot set angle: it was switched off"):
            device.set("angle", 0.5)
        device.check()
        assert [entry.text for entry in device.logbook].count("it was switched off") == 1
        mount.trouble = ""  # somebody acknowledges it there
        assert device.check() is State.UP
        mount.trouble = "again"
        assert device.check() is State.DEGRADED
        device.acknowledge()
        assert mount.trouble == ""
        assert device.set("angle", 0.5) == 0.5


def test_what_others_have_set_meanwhile_stays(serve: Callable[..., str], mount: Mount) -> None:
    """What the instrument loses is the controller's matter: a client brings nothing back by itself."""
    with connect("plate", "ell14", serve(plate=mount)) as device:
        device.set("angle", 0.5)
        device.disconnect()
        assert device.state is State.DOWN
        mount.angle = 0.125
        assert device.check() is State.UP
        assert device.read("angle") == 0.125
        assert mount.asked == [("angle", 0.5)]


def test_another_instrument(serve: Callable[..., str], mount: Mount) -> None:
    with pytest.raises(IdentityError) as error:
        connect("plate", "ell14", serve(plate=mount), serial_number="11400099")
    assert "the serial number is '11400001', not '11400099'" in str(error.value)
    with pytest.raises(IdentityError, match="the model is 'ELL14', not 'SMC100A or SMB100A'"):
        connect("plate", "smc100a", serve(plate=mount))


def test_no_controller_there(free_port: int) -> None:
    with pytest.raises(ControllerDown) as error:
        connect("plate", "ell14", f"controller://127.0.0.1:{free_port}")
    assert "no connection: Connection refused (tried to connect)." in str(error.value)
    assert "Is the controller running? Are host and port right?" in str(error.value)


def test_somebody_else_there(tcp_peer: Callable[..., Any]) -> None:
    peer = tcp_peer((b"ARTIQ pc_rpc\n", b"SSH-2.0-OpenSSH\n"))
    with pytest.raises(NotRpc, match="Is this the port of another service"):
        connect("plate", "ell14", f"controller://127.0.0.1:{peer.port}")


@pytest.mark.parametrize("where", ["127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000", ":80"])
def test_an_address_that_is_none(where: str) -> None:
    with pytest.raises(ConfigError) as error:
        connect("plate", "ell14", f"controller://{where}")
    assert str(error.value) == (
        f"'controller://{where}' needs a host and a port from 1 to 65535, as in controller://127.0.0.1:3270."
    )


def test_a_controller_that_dies_is_found_again(serve: Callable[..., str], mount: Mount) -> None:
    server = Server({"plate": mount}, host="127.0.0.1")
    with connect("plate", "ell14", f"controller://127.0.0.1:{server.port}") as device:
        device.set("angle", 0.5)
        server.close()
        with pytest.raises(ControllerDown):
            device.read("angle")
        states = [device.state]
        with Server({"plate": mount}, host="127.0.0.1", port=server.port):
            assert device.read("angle") == 0.5
            states.append(device.state)
        assert states == [State.DOWN, State.UP]
    with pytest.raises(NotReady, match="it was closed"):
        device.read("angle")


class Silent(Mount):
    """One whose instrument does not answer."""

    def judge(self, name: str) -> tuple[Any, str, str]:
        raise LinkTimeout(device="plate", address="/dev/ttyUSB0", tried=f"read {name}", seconds=1.0)


def test_an_instrument_that_does_not_answer_its_controller(serve: Callable[..., str]) -> None:
    with connect("plate", "ell14", serve(plate=Silent())) as device:
        with pytest.raises(LinkTimeout, match=r"no answer within 1 s, nothing came \(tried to read angle\)"):
            device.read("angle")
        assert device.check() is State.UP


def test_what_is_no_action_is_refused_here(serve: Callable[..., str], mount: Mount) -> None:
    with (
        connect("plate", "ell14", serve(plate=mount)) as device,
        pytest.raises(UsageError, match="there is no action 'hom'"),
    ):
        device.perform("hom")
    assert mount.asked == []
