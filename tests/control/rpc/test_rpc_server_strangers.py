"""The server against clients that are hostile, broken, impatient or gone."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from served_device import BANNER, Device, failure, request

from control.rpc import Client, Server, server


def test_a_client_that_does_not_read_is_not_read_either(dev: Server, wire: Callable[..., Any]) -> None:
    client = wire(dev.port, BANNER, b"dev pyon_v2\n")
    text = "x" * 100_000
    sender = threading.Thread(target=client.say, args=(request("echo", text) * 300,))
    sender.start()
    with Client("127.0.0.1", dev.port) as other:  # 30 MB on their way do not bother the next one
        assert other.ping() is True
    client.line(), client.line()
    assert all(len(client.line()) == len('{"status":"ok","ret":""}\n') + 100_000 for _ in range(300))
    sender.join()


def test_requests_that_lack_something_are_told_as_captured(dev: Server, wire: Callable[..., Any]) -> None:
    client = wire(dev.port, BANNER, b"dev pyon_v2\n")
    client.line(), client.line()
    told = failure(client, b'{"action":"call","name":"ping","args":[]}\n')
    assert (told["class"], told["message"]) == ("KeyError", "'kwargs'")
    told = failure(client, b'{"action":"bogus"}\n')
    assert (told["class"], told["message"]) == ("ValueError", "Unknown action: bogus")
    assert failure(client, b"{}\n")["message"] == "'action'"
    assert failure(client, request("ping", 1))["class"] == "TypeError"
    assert failure(client, b'{"action":"call","name":"ping","args":5,"kwargs":{}}\n')["class"] == "TypeError"
    assert (
        failure(client, b'{"action":"call","name":"ping","args":[],"kwargs":[1]}\n')["class"] == "TypeError"
    )
    assert client.ask(request("ping")) == b'{"status":"ok","ret":true}\n'


@pytest.mark.parametrize(
    "name",
    ["_hidden", "__init__", "__class__", "temperature", "attribute", "nothing", "echo.__self__", 5, [1]],
)
def test_only_public_methods_can_be_called(dev: Server, wire: Callable[..., Any], name: Any) -> None:
    client = wire(dev.port, BANNER, b"dev pyon_v2\n")
    client.line(), client.line()
    told = failure(client, request(name))
    assert told["class"] == "AttributeError"
    assert told["message"].startswith(f"there is no method {str(name)!r}. ")
    assert client.ask(request("ping")) == b'{"status":"ok","ret":true}\n'


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        ([b"ARTIQ pc_rpc\r\n"], "it said 'ARTIQ pc_rpc\\r' instead of 'ARTIQ pc_rpc'"),
        ([b"GET / HTTP/1.1\n"], "it said 'GET / HTTP/1.1' instead of"),
        ([b"\x16\x03\x01\x02\x00\x01\x00" + bytes(200)], "a line of more than 64 bytes"),
        ([b"x" * 100_000], "a line of more than 64 bytes"),
        ([BANNER, b"dve\n"], "it asked for a target 'dve'. Did you mean dev?"),
        ([BANNER, b"\n"], "it asked for a target ''. Known: dev."),
        ([BANNER, b"dev pyon_v3\n"], "it asked for the features ['pyon_v3']; only pyon_v2 is known"),
        ([BANNER, b"\xff\xfe\n"], "bytes that are no text"),
        ([BANNER, b"d" * 5000], "a line of more than 4096 bytes"),
        ([BANNER, b"dev pyon_v2\n", b"nonsense\n"], "not PYON (v2): Expecting value"),
        ([BANNER, b"dev pyon_v2\n", b"5\n"], "its request is a int"),
        ([BANNER, b"dev pyon_v2\n", b"[" * 100_000 + b"\n"], "nested too deeply"),
        ([BANNER, b"dev\n", b"__import__('os').abort()\n"], "(v1): a call of an expression is not a value"),
        ([BANNER, b"dev\n", b'{"action": "call", "name": __import__("os")}\n'], "a call of __import__ is"),
    ],
)  # fmt: skip
def test_who_says_nonsense_is_sent_away_and_harms_nobody(
    dev: Server, wire: Callable[..., Any], caplog: pytest.LogCaptureFixture, said: list[bytes], logged: str
) -> None:
    with Client("127.0.0.1", dev.port) as other:
        client = wire(dev.port, *said)
        while client.line():
            pass
        assert other.ping() is True
    assert logged in caplog.text
    assert f"RPC server of dev: hung up on 127.0.0.1:{client.socket.getsockname()[1]}: " in caplog.text
    assert "Traceback" not in caplog.text


def test_a_line_beyond_the_limit_ends_the_connection(
    dev: Server, wire: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "LONGEST_LINE", 1000)
    client = wire(dev.port, BANNER, b"dev pyon_v2\n")
    client.line(), client.line()
    empty = len(request("echo", "")) - 1  # the line end does not count
    assert len(client.ask(request("echo", "x" * (1000 - empty)))) > 900
    client.say(request("echo", "x" * (1001 - empty)))
    assert client.line() == b""
    assert "a line of more than 1000 bytes" in caplog.text


def test_a_client_that_leaves_at_any_byte_harms_nobody(dev: Server, wire: Callable[..., Any]) -> None:
    whole = BANNER + b"dev pyon_v2\n" + request("echo", "x")
    for length in range(0, len(whole), 3):
        wire(dev.port, whole[:length]).close()
    with Client("127.0.0.1", dev.port) as client:
        assert client.ping() is True


def test_a_call_that_does_not_end_does_not_keep_the_server(
    device: Device,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    wire: Callable[..., Any],
) -> None:
    monkeypatch.setattr(server, "CLOSING_SECONDS", 0.05)
    running = Server({"dev": device})
    client = wire(running.port, BANNER, b"dev pyon_v2\n", request("wait"))
    assert device.entered.wait(5.0)
    running.close()
    assert "a call is still running 0.05 s after the server has ended" in caplog.text
    assert client.heard.read().count(b"\n") == 2
    device.leave.set()


def test_a_client_that_says_nothing_is_not_kept(
    device: Device,
    wire: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("control.rpc.listener.BANNER_SECONDS", 0.05)
    with Server({"dev": device}) as impatient:
        assert wire(impatient.port).line() == b""
    assert "its greeting was not complete after 0.05 s" in caplog.text


def test_a_fault_of_the_server_itself_is_logged_with_its_traceback(
    dev: Server, wire: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "pack_error", lambda *_: 1 // 0)
    client = wire(dev.port, BANNER, b"dev pyon_v2\n", request("boom"))
    client.line(), client.line()
    assert client.line() == b""
    assert "after an error of its own" in caplog.text
    assert any(record.levelno == logging.ERROR and record.exc_info for record in caplog.records)


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("cancelled", "GenericRemoteException", "CancelledError"),
        ("interrupted", "GenericRemoteException", "KeyboardInterrupt"),
        ("textless", "GenericRemoteException", "Textless: <exception str() failed>"),
        ("unknown", "GenericRemoteException", "there is no setting 5. Known: angle."),
        (
            "huge",
            "TypeError",
            "what it returned cannot be sent: a value is not PYON encodable (v2). ValueError",
        ),
        ("changing", "TypeError", "what it returned cannot be sent: not now"),
    ],
)
def test_what_can_hardly_be_told_is_told(
    dev: Server, wire: Callable[..., Any], name: str, kind: str, message: str
) -> None:
    client = wire(dev.port, BANNER, b"dev pyon_v2\n")
    client.line(), client.line()
    told = failure(client, request(name))
    assert told["class"] == kind
    assert message in told["message"]
    assert client.ask(request("ping")) == b'{"status":"ok","ret":true}\n'


def test_arguments_are_a_list(dev: Server, wire: Callable[..., Any]) -> None:
    client = wire(dev.port, BANNER, b"dev pyon_v2\n")
    client.line(), client.line()
    told = failure(client, b'{"action":"call","name":"add","args":"12","kwargs":{}}\n')
    assert (told["class"], told["message"]) == ("TypeError", "the arguments are a str")
    told = failure(client, b'{"action":[' + b"0," * 5000 + b"0]}\n")
    assert told["message"] == "Unknown action: [0, 0, 0, 0, 0, 0, ...]"


def test_a_request_may_not_hold_too_many_values(
    dev: Server, wire: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "LONG_LINE", 100)
    monkeypatch.setattr(server, "MOST_PARTS", 20)
    client = wire(dev.port, BANNER, b"dev pyon_v2\n")
    client.line(), client.line()
    assert client.ask(request("echo", ",[{" * 50)) == b'{"status":"ok","ret":"' + b",[{" * 50 + b'"}\n'
    assert client.ask(request("echo", [0] * 50)) == b""
    assert "its request has more than 20 values; long lists are sent as arrays" in caplog.text


def test_a_request_in_v1_may_not_be_as_long(
    dev: Server, wire: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "LONGEST_V1", 200)
    client = wire(dev.port, BANNER, b"dev\n", b'"' + b"x" * 300)
    client.line(), client.line()
    assert client.line() == b""
    assert "a line of more than 200 bytes" in caplog.text


def test_a_call_that_nobody_waits_for_any_more_is_not_made(
    dev: Server, device: Device, wire: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with Client("127.0.0.1", dev.port) as slow:
        waiting = threading.Thread(target=slow.wait)
        waiting.start()
        assert device.entered.wait(5.0)
        gone = wire(dev.port, BANNER, b"dev pyon_v2\n", request("echo", 1))
        gone.line(), gone.line()
        with Client("127.0.0.1", dev.port):  # so that what came before was heard
            gone.close()
        with Client("127.0.0.1", dev.port):
            device.leave.set()
        waiting.join()
        slow.ping()
    assert device.threads == set()
    assert "hung up before the turn of its call; echo is not called" in caplog.text


def test_the_whole_greeting_has_to_come_soon(
    device: Device,
    wire: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("control.rpc.listener.BANNER_SECONDS", 0.05)
    with Server({"dev": device}) as impatient:
        client = wire(impatient.port, BANNER)
        assert client.line().startswith(b'{"targets"')
        assert client.line() == b""
    assert "its greeting was not complete after 0.05 s" in caplog.text


def test_so_many_clients_and_no_more(
    device: Device,
    wire: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("control.rpc.listener.MOST_STREAMS", 2)
    with Server({"dev": device}) as small:
        first, second = wire(small.port, BANNER), wire(small.port, BANNER, b"dev pyon_v2\n")
        first.line(), second.line(), second.line()
        assert [wire(small.port).line() for _ in range(3)] == [b"", b"", b""]
        assert second.ask(request("ping")) == b'{"status":"ok","ret":true}\n'
        first.say(b"\n")
        assert first.line() == b""  # sent away
        second.ask(request("ping"))  # and forgotten
        assert wire(small.port, BANNER).line().startswith(b'{"targets"')
    assert caplog.text.count("and others are refused: 2 are connected") == 1


def test_the_log_does_not_repeat_what_hostile_clients_say(
    dev: Server, wire: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert wire(dev.port, BANNER, b"x" * 4000 + b"\n").heard.read().count(b"\n") == 1
    tag = b'{"__jsonclass__":["' + b"z" * 100_000 + b'",[]]}\n'
    assert wire(dev.port, BANNER, b"dev pyon_v2\n", tag).heard.read().count(b"\n") == 2
    assert [len(record.getMessage()) < 500 for record in caplog.records] == [True, True]
