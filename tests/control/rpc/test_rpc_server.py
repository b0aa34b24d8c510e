"""The server against what other clients were seen to send, and against hostile ones."""

from __future__ import annotations

import ast
import asyncio
import json
import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from control.errors import LimitError, UnknownName, UsageError
from control.rpc import Client, Server, pyon, server
from control.rpc.errors import CannotListen

BANNER = b"ARTIQ pc_rpc\n"


class Custom(Exception):  # noqa: N818
    pass


class Textless(Exception):  # noqa: N818
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Changing(dict[Any, Any]):
    def __iter__(self) -> Any:
        raise OSError("not now")

    def values(self) -> Any:
        raise OSError("not now")

    items = keys = values


class Device:
    """Device docstring."""

    attribute = 5

    def __init__(self) -> None:
        self.entered, self.leave = threading.Event(), threading.Event()
        self.threads: set[int] = set()

    def ping(self) -> bool:
        return True

    def echo(self, x):
        """Echo x."""
        self.threads.add(threading.get_ident())
        return x

    def add(self, a: int, b: float = 2.0, *args, c=3, **kw) -> str:
        return f"{a} {b} {args} {c} {kw}"

    async def later(self, x):
        return x

    async def later_boom(self):
        raise ValueError("later")

    def boom(self):
        raise ValueError("bad\nvalue")

    def key(self):
        raise KeyError("k")

    def custom(self):
        raise Custom("my message", 4)

    def undecodable(self):
        b"\xff".decode()

    def stop_iteration(self):
        raise StopIteration

    def limit(self):
        raise LimitError(setting="voltage", value=3.0, unit="V", low=0.0, high=1.0, origin="site")

    def unsendable(self):
        return object()

    def wait(self) -> bool:
        self.entered.set()
        return self.leave.wait(5.0)

    def leave_now(self):
        self.leave.set()

    def exit(self):
        sys.exit()

    async def cancelled(self):
        raise asyncio.CancelledError

    async def interrupted(self):
        raise KeyboardInterrupt

    def textless(self):
        raise Textless

    def unknown(self):
        raise UnknownName(kind="setting", name=5, known=("angle",))  # type: ignore[arg-type]

    def huge(self):
        return 2**20_000

    def changing(self):
        return Changing()

    def _hidden(self):
        raise AssertionError("called")

    @property
    def temperature(self) -> float:
        raise AssertionError("a property was read")


METHODS = {
    "ping", "echo", "add", "later", "later_boom", "boom", "key", "custom", "undecodable", "stop_iteration",
    "limit", "unsendable", "wait", "leave_now", "exit", "cancelled", "interrupted", "textless", "unknown",
    "huge", "changing",
}  # fmt: skip


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def dev(device: Device) -> Iterator[Server]:
    with Server({"dev": device}) as running:
        yield running


def request(name: str, *args: Any, **kwargs: Any) -> bytes:
    asked = {"action": "call", "name": name, "args": args, "kwargs": kwargs}
    return pyon.encode(asked).encode() + b"\n"


def test_the_captured_conversation(dev: Server, wire: Callable[..., Any]) -> None:
    client = wire(dev.port)
    hello = b'{"targets":["dev"],"description":null,"features":["pyon_v2"]}\n'
    assert client.ask(b"ARTIQ pc_rpc\n") == hello
    methods = client.ask(b"dev pyon_v2\n")
    assert methods.startswith(b'{"__jsonclass__":["set",[["')
    assert pyon.decode(methods.decode()) == METHODS | {"terminate"}
    echo = b'{"action":"call","name":"echo","args":{"__jsonclass__":["tuple",[[5]]]},"kwargs":{}}\n'
    assert client.ask(echo) == b'{"status":"ok","ret":5}\n'
    plain = b'{"action":"call","name":"add","args":[1,2],"kwargs":{"c":null}}\n'
    assert client.ask(plain) == b'{"status":"ok","ret":"1 2 () None {}"}\n'


def test_the_captured_conversation_in_v1(dev: Server, wire: Callable[..., Any]) -> None:
    client = wire(dev.port)
    assert json.loads(client.ask(BANNER))["targets"] == ["dev"]
    assert ast.literal_eval(client.ask(b"dev\n").decode()) == METHODS | {"terminate"}
    echo = b'{"action": "call", "name": "echo", "args": ((1, 2), ), "kwargs": {}}\n'
    assert client.ask(echo) == b'{"status": "ok", "ret": (1, 2)}\n'


def test_targets_are_sorted_and_described(wire: Callable[..., Any], device: Device) -> None:
    with Server({"b": device, "a": device}, "two of µ") as both:
        hello = wire(both.port).ask(BANNER)
        assert hello == b'{"targets":["a","b"],"description":"two of \\u00b5","features":["pyon_v2"]}\n'


def test_requests_may_be_sent_ahead_and_in_pieces(dev: Server, wire: Callable[..., Any]) -> None:
    stream = BANNER + b"dev pyon_v2\n" + b"".join(request("echo", n) for n in range(300))
    client = wire(dev.port)
    for start in range(0, len(stream), 977):
        client.say(stream[start : start + 977])
    client.line(), client.line()
    assert [client.line() for _ in range(300)] == [b'{"status":"ok","ret":%d}\n' % n for n in range(300)]


def test_answers_come_after_the_client_has_said_all(dev: Server, wire: Callable[..., Any]) -> None:
    client = wire(dev.port, BANNER, b"dev pyon_v2\n", request("echo", 1), request("later", 2))
    client.socket.shutdown(socket.SHUT_WR)
    assert client.heard.read().endswith(b'{"status":"ok","ret":1}\n{"status":"ok","ret":2}\n')


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


def test_the_list_of_methods_as_captured(wire: Callable[..., Any]) -> None:
    class Small:
        """Device docstring."""

        def add(self, a, b=2.0, *args, c=3, **kw):
            pass

        def echo(self, x):
            """Echo x.

            And more.
            """

    Small.add.__annotations__ = {"return": str, "a": int, "b": "float"}
    with Server({"dev": Small()}) as small:
        client = wire(small.port, BANNER, b"dev pyon_v2\n")
        client.line(), client.line()
        told = client.ask(b'{"action":"get_rpc_method_list"}\n')
    assert told == (
        b'{"status":"ok","ret":{"docstring":"Device docstring.","methods":{'
        b'"add":{"__jsonclass__":["tuple",[[{"args":["self","a","b"],"varargs":"args","varkw":"kw",'
        b'"defaults":{"__jsonclass__":["tuple",[[2.0]]]},"kwonlyargs":["c"],"kwonlydefaults":{"c":3},'
        b'"annotations":{"return":"str","a":"int","b":"float"}},null]]]},'
        b'"echo":{"__jsonclass__":["tuple",[[{"args":["self","x"],"varargs":null,"varkw":null,"defaults":null,'
        b'"kwonlyargs":[],"kwonlydefaults":null,"annotations":{}},"Echo x.\\n\\nAnd more."]]]},'
        b'"terminate":{"__jsonclass__":["tuple",[[{"args":["self"],"defaults":null,"varargs":null,"varkw":null,'
        b'"kwonlyargs":[],"kwonlydefaults":[]},"Terminate the server."]]]}}}}\n'
    )


def test_defaults_that_cannot_be_sent_are_shown_as_text() -> None:
    class Odd:
        def open(self, mode=object, *, path=NotImplemented):
            pass

        count = staticmethod(len)

    with Server({"odd": Odd()}) as odd, Client("127.0.0.1", odd.port) as client:
        told = client.describe()["methods"]
    assert told["open"][0]["defaults"] == ("<class 'object'>",)
    assert told["open"][0]["kwonlydefaults"] == {"path": "NotImplemented"}
    assert told["count"][0]["args"] == ["obj"]


def failure(client: Any, asked: bytes) -> dict[str, Any]:
    reply = pyon.decode(client.ask(asked).decode())
    assert reply["status"] == "failed"
    found: dict[str, Any] = reply["exception"]
    return found


def test_failures_are_told_as_captured(dev: Server, wire: Callable[..., Any]) -> None:
    client = wire(dev.port, BANNER, b"dev pyon_v2\n")
    client.line(), client.line()
    told = failure(client, request("boom"))
    assert (told["class"], told["message"]) == ("ValueError", "bad\nvalue")
    assert len(told["traceback"]) == 1
    assert told["traceback"][0].startswith(f'  File "{__file__}", line ')
    assert "in boom\n" in told["traceback"][0]
    assert failure(client, request("key"))["message"] == "'k'"
    told = failure(client, request("custom"))
    assert told["class"] == "GenericRemoteException"
    assert told["message"].endswith("Custom: ('my message', 4)")
    told = failure(client, request("unsendable"))
    assert told["class"] == "TypeError"
    assert told["message"].startswith("what it returned cannot be sent: object is not PYON encodable (v2).")
    assert failure(client, request("later_boom"))["message"] == "later"
    assert failure(client, request("stop_iteration"))["class"] == "GenericRemoteException"
    # Other clients make a UnicodeDecodeError of its text, which cannot be done.
    told = failure(client, request("undecodable"))
    assert told["class"] == "GenericRemoteException"
    assert told["message"].startswith("UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff")
    assert client.ask(request("ping")) == b'{"status":"ok","ret":true}\n'


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


def test_an_object_may_narrow_what_is_called() -> None:
    class Narrow(Device):
        rpc_methods = ("ping", "add")

    with (
        Server({"dev": Narrow()}, can_terminate=False) as narrow,
        Client("127.0.0.1", narrow.port) as client,
    ):
        assert client.methods == {"ping", "add"}
        with pytest.raises(AttributeError, match=r"there is no method 'echo'\. Known: add, ping"):
            client.call("echo", 1)
        with pytest.raises(AttributeError, match="there is no method 'terminate'"):
            client.call("terminate")
        assert "terminate" not in client.describe()["methods"]


def test_a_wrong_choice_of_methods_is_told_at_once() -> None:
    class Wrong(Device):
        rpc_methods: tuple[str, ...] = ("pong",)

    with pytest.raises(
        UnknownName, match=r"rpc_methods of Wrong: there is no method 'pong'\. Did you mean ping"
    ):
        Server({"dev": Wrong()})
    Wrong.rpc_methods = ("_hidden",)
    with pytest.raises(UsageError, match="rpc_methods of Wrong names '_hidden', which is private"):
        Server({"dev": Wrong()})
    with pytest.raises(UsageError, match=r"'a b' cannot be the name of a target\. Use ASCII"):
        Server({"a b": Device()})


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


def test_calls_are_made_one_after_the_other_in_one_thread(dev: Server, device: Device) -> None:
    clients = [Client("127.0.0.1", dev.port) for _ in range(3)]
    threads = [threading.Thread(target=lambda c=c: [c.echo(n) for n in range(20)]) for c in clients]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.close()
    assert len(device.threads) == 1
    assert device.threads.isdisjoint({thread.ident for thread in threads})


def test_a_slow_call_holds_up_calls_and_nothing_else(dev: Server, device: Device) -> None:
    with Client("127.0.0.1", dev.port) as slow, Client("127.0.0.1", dev.port) as other:
        waiting = threading.Thread(target=slow.wait)
        waiting.start()
        assert device.entered.wait(5.0)
        assert "echo" in other.describe()["methods"]
        with Client("127.0.0.1", dev.port) as third:
            assert third.targets == ("dev",)
        answers: list[Any] = []
        pinging = threading.Thread(target=lambda: answers.append(other.later(7)))
        pinging.start()
        assert answers == []
        device.leave.set()
        waiting.join()
        pinging.join()
        assert answers == [7]


def test_calls_of_different_clients_may_run_at_the_same_time(device: Device) -> None:
    with (
        Server({"dev": device}, allow_parallel=True) as parallel,
        Client("127.0.0.1", parallel.port) as slow,
        Client("127.0.0.1", parallel.port) as other,
    ):
        ended: list[bool] = []
        waiting = threading.Thread(target=lambda: ended.append(slow.wait()))
        waiting.start()
        assert device.entered.wait(5.0)
        assert other.echo(5) == 5
        assert ended == []
        other.leave_now()
        waiting.join()
        assert ended == [True]


def test_of_a_class_each_client_gets_its_own(
    caplog: pytest.LogCaptureFixture, wire: Callable[..., Any]
) -> None:
    class Namespace:
        def __init__(self) -> None:
            self.items: list[Any] = []

        def add(self, item: Any) -> list[Any]:
            self.items.append(item)
            return self.items

    class Broken:
        def __init__(self) -> None:
            raise OSError("no such file")

    with Server({"space": Namespace, "broken": Broken}) as spaces:
        with (
            Client("127.0.0.1", spaces.port, "space") as one,
            Client("127.0.0.1", spaces.port, "space") as two,
        ):
            assert (one.add(1), one.add(2), two.add(3)) == ([1], [1, 2], [3])
        broken = wire(spaces.port, BANNER, b"broken pyon_v2\n")
        assert broken.line()
        assert broken.line() == b""
    assert "its own broken could not be made: OSError('no such file')" in caplog.text


def test_terminate_is_answered_and_ends_the_server(dev: Server, wire: Callable[..., Any]) -> None:
    idle = wire(dev.port, BANNER)
    client = wire(dev.port, BANNER, b"dev pyon_v2\n")
    client.line(), client.line(), idle.line()
    assert not dev.wait(0.0)
    assert client.ask(request("terminate")) == b'{"status":"ok","ret":null}\n'
    assert (client.line(), idle.line()) == (b"", b"")
    assert dev.wait(5.0)
    with pytest.raises(ConnectionRefusedError):
        wire(dev.port)


def test_an_exit_within_a_method_ends_the_server(dev: Server, wire: Callable[..., Any]) -> None:
    client = wire(dev.port, BANNER, b"dev pyon_v2\n")
    client.line(), client.line()
    assert client.ask(request("exit")) == b""
    assert dev.wait(5.0)


def test_an_exit_ends_only_the_connection_where_clients_may_not_end_it(
    device: Device, wire: Callable[..., Any]
) -> None:
    with Server({"dev": device}, can_terminate=False) as lasting:
        client = wire(lasting.port, BANNER, b"dev pyon_v2\n")
        client.line(), client.line()
        assert client.ask(request("exit")) == b""
        with Client("127.0.0.1", lasting.port) as other:
            assert other.ping() is True


def test_closing_ends_connections_and_can_be_repeated(device: Device, wire: Callable[..., Any]) -> None:
    running = Server({"dev": device})
    client = wire(running.port, BANNER, b"dev pyon_v2\n")
    client.line(), client.line()
    running.close()
    assert client.line() == b""
    running.close()


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


def test_it_listens_on_loopback_for_both_families(dev: Server, wire: Callable[..., Any]) -> None:
    assert dev.addresses[0] == f"127.0.0.1:{dev.port}"
    assert set(dev.addresses) <= {f"127.0.0.1:{dev.port}", f"[::1]:{dev.port}"}
    if len(dev.addresses) == 2:
        assert wire(dev.port, host="::1").ask(BANNER).startswith(b'{"targets":["dev"]')


def test_a_port_that_is_taken_is_told(dev: Server, device: Device) -> None:
    with pytest.raises(CannotListen) as told:
        Server({"dev": device}, port=dev.port)
    assert str(told.value) == (
        f"cannot listen on 127.0.0.1:{dev.port}: address already in use. "
        "Is the same controller running already? Port 0 takes a free one."
    )


def test_big_arrays_come_and_go(dev: Server) -> None:
    array = np.random.default_rng(1).random(800_000)  # 8.5 MB of text: twice what sipyco's servers take
    with Client("127.0.0.1", dev.port) as client:
        assert np.array_equal(client.echo(array), array)


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


def test_a_device_that_is_busy_is_alive(
    device: Device, wire: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "BUSY_SECONDS", 0.02)
    device.rpc_while_busy = {"ping": "busy"}  # type: ignore[attr-defined]
    with (
        Server({"dev": device}) as running,
        Client("127.0.0.1", running.port) as slow,
        Client("127.0.0.1", running.port) as manager,
    ):
        assert manager.ping() is True
        waiting = threading.Thread(target=slow.wait)
        waiting.start()
        assert device.entered.wait(5.0)
        assert manager.ping() == "busy"
        device.leave.set()
        waiting.join()
        assert manager.ping() is True


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


def test_addresses_may_be_named_twice(device: Device) -> None:
    with Server({"dev": device}, host=("127.0.0.1", "::1", "localhost", "127.0.0.1")) as both:
        assert both.addresses[0] == f"127.0.0.1:{both.port}"
        assert set(both.addresses) <= {f"127.0.0.1:{both.port}", f"[::1]:{both.port}"}
        assert len(set(both.addresses)) == len(both.addresses)
    with Server({"dev": device}, host=("127.0.0.1", "*")) as everywhere:
        assert everywhere.addresses[0] == f"0.0.0.0:{everywhere.port}"
        if len(both.addresses) == 2:
            assert everywhere.addresses[1] == f"[::]:{everywhere.port}"


def test_a_name_that_stands_for_nothing_is_told(device: Device) -> None:
    with pytest.raises(CannotListen) as told:
        Server({"dev": device}, host="no such name")
    assert str(told.value).startswith("cannot listen on no such name: ")
    assert str(told.value).endswith(". Is this the name or an address of this machine? * listens on all.")
