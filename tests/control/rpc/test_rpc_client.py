"""The client against servers as they were captured, against none, and against who is no server at all."""

from __future__ import annotations

import copy
import json
import math
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from control.errors import DeviceError, LimitError, LinkDown, LinkTimeout
from control.rpc import Client, Server, client
from control.rpc.errors import (
    CallTimeout,
    ControllerDown,
    LineTooLong,
    NotEncodable,
    NotRpc,
    RemoteError,
    UnknownMethod,
    UnknownTarget,
)

BANNER = b"ARTIQ pc_rpc\n"
HELLO = b'{"targets":["dev"],"description":"a device","features":["pyon_v2"]}\n'
METHODS = b'{"__jsonclass__":["set",[["ping","echo","terminate"]]]}\n'
GREETING = ((BANNER, HELLO), (b"dev pyon_v2\n", METHODS))
PING = b'{"action":"call","name":"ping","args":{"__jsonclass__":["tuple",[[]]]},"kwargs":{}}\n'
OK = b'{"status":"ok","ret":true}\n'
HANG_UP = ()
Peers = Callable[..., Any]


def failed(**exception: Any) -> bytes:
    return json.dumps({"status": "failed", "exception": exception}).encode() + b"\n"


def test_the_captured_conversation(tcp_peer: Peers) -> None:
    echo = b'{"action":"call","name":"echo","args":{"__jsonclass__":["tuple",[[5]]]},"kwargs":{"b":null}}\n'
    peer = tcp_peer(*GREETING, (echo, b'{"status":"ok"', b',"ret":5}\n'))
    with Client("127.0.0.1", peer.port) as dev:
        assert (dev.targets, dev.description, dev.target) == (("dev",), "a device", "dev")
        assert dev.methods == {"ping", "echo", "terminate"}
        assert dev.address == f"127.0.0.1:{peer.port}"
        assert repr(dev) == f"Client of dev (127.0.0.1:{peer.port})"
        assert dev.echo(5, b=None) == 5


def test_the_captured_conversation_with_artiq_8(tcp_peer: Peers) -> None:
    hello = b'{"targets": ["dataset_db", "schedule"], "description": null}\n'
    status = b'{"action": "call", "name": "get_status", "args": (), "kwargs": {}}\n'
    check = b'{"action": "call", "name": "check_pause", "args": (1, ), "kwargs": {}}\n'
    peer = tcp_peer(
        (BANNER, hello),
        (b"schedule\n", b'{"get_status", "check_pause"}\n'),
        (status, b'{"status": "ok", "ret": {3: {"pipeline": "main", "due_date": null}}}\n'),
        (check, b'{"status": "ok", "ret": false}\n'),
    )
    with Client("127.0.0.1", peer.port, "schedule") as schedule:
        assert schedule.get_status() == {3: {"pipeline": "main", "due_date": None}}
        assert schedule.check_pause(1) is False


def test_a_v1_server_without_methods(tcp_peer: Peers) -> None:
    peer = tcp_peer((BANNER, b'{"targets": ["dev"], "description": null}\n'), (b"dev\n", b"{}\n"))
    with Client("127.0.0.1", peer.port) as dev:
        assert dev.methods == frozenset()


def test_targets_that_are_not_there_are_told(tcp_peer: Peers) -> None:
    hello = b'{"targets":["schedule","dataset_db"],"description":null,"features":["pyon_v2"]}\n'
    peer = tcp_peer((BANNER, hello), HANG_UP, (BANNER, hello))
    with pytest.raises(UnknownTarget) as told:
        Client("127.0.0.1", peer.port, "shedule")
    where = f"127.0.0.1:{peer.port}"
    assert str(told.value) == f"{where}: there is no target 'shedule'. Did you mean schedule?"
    with pytest.raises(UnknownTarget) as told:
        Client("127.0.0.1", peer.port)
    assert str(told.value) == f"{where}: choose one of the targets schedule, dataset_db."


def test_nobody_there(free_port: int) -> None:
    with pytest.raises(ControllerDown) as told:
        Client("127.0.0.1", free_port, "psu")
    assert str(told.value) == (
        f"psu (127.0.0.1:{free_port}): no connection: Connection refused (tried to connect). "
        "Is the controller running? Are host and port right? "
        "Do both sides use TLS and know each other's certificate, or neither?"
    )
    assert isinstance(told.value, LinkDown)


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "it answered 'HTTP/1.1 400 Bad Request\\r'"),
        (b"\xff\xfd\x03\n", "it answered '\\xff\\xfd\\x03'"),
        (b"[1]\n", "it answered '[1]'"),
        (b'{"targets":5}\n', "it answered \"{'targets': 5}\""),
        (None, "it hung up"),
    ],
)
def test_who_is_no_rpc_server(tcp_peer: Peers, answer: bytes | None, shown: str) -> None:
    peer = tcp_peer((BANNER,), HANG_UP) if answer is None else tcp_peer((BANNER, answer))
    with pytest.raises(NotRpc) as told:
        Client("127.0.0.1", peer.port)
    assert str(told.value) == (
        f"127.0.0.1:{peer.port}: {shown} instead of the greeting of an RPC server (tried to greet it). "
        "Is this the port of another service? "
        "Do both sides use TLS and know each other's certificate, or neither?"
    )


@pytest.mark.parametrize("answer", [b"5\n", b'"ping"\n'])
def test_a_strange_list_of_methods(tcp_peer: Peers, answer: bytes) -> None:
    peer = tcp_peer(GREETING[0], (b"dev pyon_v2\n", answer))
    with pytest.raises(NotRpc, match="instead of the names of methods"):
        Client("127.0.0.1", peer.port)


@pytest.mark.parametrize("answer", [b"5\n", b'{"status":"fine"}\n', b'{"status":"failed"}\n', b"{]\n"])
def test_a_strange_reply_ends_the_connection(tcp_peer: Peers, answer: bytes) -> None:
    peer = tcp_peer(*GREETING, (PING, answer))
    with Client("127.0.0.1", peer.port) as dev, pytest.raises(NotRpc, match=r"\(tried to call ping\)"):
        dev.ping()


def test_an_unknown_method_is_told_without_asking(tcp_peer: Peers) -> None:
    peer = tcp_peer(*GREETING)
    with Client("127.0.0.1", peer.port) as dev:
        with pytest.raises(UnknownMethod) as told:
            dev.pin()
        where = f"dev (127.0.0.1:{peer.port})"
        assert str(told.value) == f"{where}: there is no method 'pin'. Did you mean ping?"
        assert not hasattr(dev, "pong")
        assert isinstance(told.value, DeviceError)
        with pytest.raises(AttributeError):
            copy.copy(dev).__wrapped__  # noqa: B018


def test_builtin_errors_are_raised_as_themselves(tcp_peer: Peers) -> None:
    lines = ['  File "dev.py", line 12, in boom\n    raise ValueError\n']
    peer = tcp_peer(
        *GREETING,
        (PING, failed(**{"class": "ValueError", "message": "bad\nvalue", "traceback": lines})),
        (PING, failed(**{"class": "KeyError", "message": "'k'", "traceback": []})),
        (PING, failed(**{"class": "KeyError", "message": "k k", "traceback": []})),
        (PING, OK),
    )
    with Client("127.0.0.1", peer.port) as dev:
        with pytest.raises(ValueError, match="bad\nvalue") as told:
            dev.ping()
        assert told.value.parent_traceback == tuple(lines)  # type: ignore[attr-defined]
        where = f"At dev (127.0.0.1:{peer.port}), in ping:\n"
        assert told.value.__notes__ == [where + lines[0].rstrip()]
        with pytest.raises(KeyError) as key:
            dev.ping()
        assert key.value.args == ("k",)
        with pytest.raises(KeyError, match="'k k'"):
            dev.ping()
        assert dev.ping() is True


@pytest.mark.parametrize(
    "kind",
    [
        "GenericRemoteException",
        "KeyboardInterrupt",
        "SystemExit",
        "StopIteration",
        "UnicodeDecodeError",
        "print",
    ],
)
def test_all_other_errors_are_remote_ones(tcp_peer: Peers, kind: str) -> None:
    peer = tcp_peer(
        *GREETING, (PING, failed(**{"class": kind, "message": "driver.Trip: 4 A", "traceback": None}))
    )
    with Client("127.0.0.1", peer.port) as dev, pytest.raises(RemoteError) as told:
        dev.ping()
    shown = "" if kind == "GenericRemoteException" else f"{kind}: "
    assert str(told.value) == f"dev (127.0.0.1:{peer.port}): ping failed there: {shown}driver.Trip: 4 A"
    assert (told.value.kind, told.value.message) == (kind, "driver.Trip: 4 A")


class Limited:
    def set(self, value: float) -> None:
        raise LimitError(
            device="trap_rf", setting="power", value=value, unit="dBm", low=-30.0, high=0.0, origin="site"
        )


def test_our_own_errors_arrive_whole() -> None:
    with Server({"rf": Limited()}) as server, Client("127.0.0.1", server.port) as rf:
        with pytest.raises(LimitError, match="power cannot be 3 dBm: above 0 dBm") as told:
            rf.set(3.0)
        assert (told.value.device, told.value.high, told.value.origin) == ("trap_rf", 0.0, "site")
        assert "in set\n" in told.value.parent_traceback[0]  # type: ignore[attr-defined]
        assert f"At rf ({rf.address}), in set:" in told.value.__notes__[0]


@pytest.mark.parametrize(
    "facts",
    [["LimitError", {}], ["LimitError", {"setting": [], "value": "x"}], ["difflib", {}], ["nearest", {}],
     ["_rebuild", {"kind": 1, "facts": {}}], 5, ["DeviceError", {"nothing": 1}], [[], {}],
     ["LimitError", dict.fromkeys(("setting", "value", "unit", "low", "high", "origin"), "x")]],
)  # fmt: skip
def test_facts_that_do_not_fit_are_no_error_of_ours(tcp_peer: Peers, facts: Any) -> None:
    reply = {"class": "GenericRemoteException", "message": "text", "traceback": [], "control_error": facts}
    peer = tcp_peer(*GREETING, (PING, failed(**reply)))
    with Client("127.0.0.1", peer.port) as dev, pytest.raises(RemoteError, match="ping failed there: text"):
        dev.ping()


def test_a_lost_connection_is_told_once_and_then_mended(tcp_peer: Peers) -> None:
    peer = tcp_peer(*GREETING, (PING,), HANG_UP, *GREETING, (PING, OK))
    with Client("127.0.0.1", peer.port) as dev:
        with pytest.raises(ControllerDown, match=r"no connection: it hung up \(tried to call ping\)"):
            dev.ping()
        assert dev.ping() is True


def test_a_late_answer_is_never_taken_for_the_next(tcp_peer: Peers) -> None:
    peer = tcp_peer(*GREETING, (PING,), *GREETING, (PING, OK))
    with Client("127.0.0.1", peer.port) as dev:
        dev.timeout = 0.1
        with pytest.raises(CallTimeout) as told:
            dev.ping()
        assert str(told.value) == (
            f"dev (127.0.0.1:{peer.port}): no answer within 0.1 s (tried to call ping). "
            "It may still be doing it. Give the client a longer timeout if that is normal."
        )
        assert isinstance(told.value, LinkTimeout)
        dev.timeout = math.inf
        assert dev.ping() is True


def test_an_answer_that_dribbles_does_not_stretch_the_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gone = threading.Event()

        def dribble() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.recv(100)
                while not gone.wait(0.005):
                    connection.sendall(b"x")

        thread = threading.Thread(target=dribble)
        thread.start()
        with pytest.raises(CallTimeout, match=r"no answer within 0.1 s \(tried to greet it\)"):
            Client("127.0.0.1", listener.getsockname()[1], timeout=0.1)
        gone.set()
        thread.join()


def test_a_dead_controller_is_never_an_answer() -> None:
    server = Server({"rf": Limited()})
    rf = Client("127.0.0.1", server.port)
    server.close()
    for _ in range(3):
        with pytest.raises(ControllerDown):
            rf.set(0.0)
    rf.close()


def test_a_long_request_that_is_lost_says_so(tcp_peer: Peers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("control.rpc.errors.SIPYCO_LONGEST", 50)
    peer = tcp_peer(*GREETING, (PING,), HANG_UP)
    with Client("127.0.0.1", peer.port) as dev, pytest.raises(ControllerDown) as told:
        dev.ping()
    assert str(told.value) == (
        f"dev (127.0.0.1:{peer.port}): no connection: it hung up (tried to call ping). "
        f"The request had {len(PING)} bytes; sipyco servers hang up above 50, ionloom's above 67108864. "
        "Send large arrays in parts."
    )


def test_an_endless_answer_is_given_up(tcp_peer: Peers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LONGEST_REPLY", 1000)
    peer = tcp_peer(*GREETING, (PING, b"x" * 2000))
    with Client("127.0.0.1", peer.port) as dev, pytest.raises(LineTooLong) as told:
        dev.ping()
    assert str(told.value) == (
        f"dev (127.0.0.1:{peer.port}): a line of more than 1000 bytes (tried to call ping). "
        "Send large arrays in parts."
    )


def test_what_cannot_be_sent_costs_nothing(tcp_peer: Peers) -> None:
    peer = tcp_peer(*GREETING, (PING, OK))
    with Client("127.0.0.1", peer.port) as dev:
        with pytest.raises(NotEncodable):
            dev.echo(object())
        assert dev.ping() is True


def test_a_closed_client_stays_closed(tcp_peer: Peers) -> None:
    peer = tcp_peer(*GREETING)
    dev = Client("127.0.0.1", peer.port)
    dev.close()
    dev.close()
    with pytest.raises(ControllerDown, match=r"this client is closed \(tried to connect\)"):
        dev.ping()


def test_closing_ends_a_call_of_another_thread(tcp_peer: Peers) -> None:
    peer = tcp_peer(*GREETING, (PING,))
    dev = Client("127.0.0.1", peer.port, timeout=math.inf)
    errors: list[Exception] = []

    def ping() -> None:
        with pytest.raises(ControllerDown) as told:
            dev.ping()
        errors.append(told.value)

    thread = threading.Thread(target=ping)
    thread.start()
    assert peer._done.wait(5.0)  # the call has arrived
    dev.close()
    thread.join()
    assert "no connection: it hung up (tried to call ping)" in str(errors[0])


class Echo:
    def echo(self, x: Any) -> Any:
        return x

    def call(self) -> str:
        return "a method that is named as one of the client's own"


def test_many_threads_share_a_client() -> None:
    wrong: list[Any] = []
    with Server({"echo": Echo()}) as server, Client("127.0.0.1", server.port) as echo:

        def ask(thread: int) -> None:
            wrong.extend(n for n in range(50) if echo.echo((thread, n)) != (thread, n))

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert echo.call("call") == "a method that is named as one of the client's own"
    assert wrong == []


@pytest.mark.parametrize(
    "answers",
    [
        [b'{"targets":["dev"],"features":["pyon_v2"],"description":5}\n', b"5\n"],
        [HELLO, METHODS, b'{"status":"failed","exception":{"class":[1],"message":"m"}}\n'],
        [HELLO, METHODS, b'{"status":"failed","exception":5}\n'],
        [HELLO, METHODS, b'{"status":"ok"}\n'],
        [
            HELLO,
            METHODS,
            b'{"status":{"__jsonclass__":["nparray",[[2],"<i4","AAAAAAAAAAA="]]},"ret":1}\n',
        ],
    ],
)
def test_answers_that_are_none_are_told(tcp_peer: Peers, answers: list[bytes]) -> None:
    asked = (BANNER, b"dev pyon_v2\n", PING)
    peer = tcp_peer(*zip(asked, answers, strict=False))
    with pytest.raises(NotRpc), Client("127.0.0.1", peer.port) as dev:
        dev.ping()


def test_a_traceback_that_is_none_is_left_out(tcp_peer: Peers) -> None:
    hello = b'{"targets":["dev",[1]],"description":5,"features":["pyon_v2"]}\n'
    said = failed(**{"class": "ValueError", "message": "m", "traceback": 5})
    peer = tcp_peer((BANNER, hello), (b"dev pyon_v2\n", METHODS), (PING, said))
    with Client("127.0.0.1", peer.port) as dev:
        assert (dev.targets, dev.description) == (("dev",), None)
        with pytest.raises(ValueError, match="m") as told:
            dev.ping()
    assert told.value.parent_traceback == ()  # type: ignore[attr-defined]
