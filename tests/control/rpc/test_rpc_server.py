"""The server against what other clients were seen to send: what is answered, in which order, until when."""

from __future__ import annotations

import ast
import json
import socket
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import served_device
from served_device import BANNER, METHODS, Device, failure, request

from control.errors import UnknownName, UsageError
from control.rpc import Client, Server, pyon, server
from control.rpc.errors import CannotListen


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


def test_failures_are_told_as_captured(dev: Server, wire: Callable[..., Any]) -> None:
    client = wire(dev.port, BANNER, b"dev pyon_v2\n")
    client.line(), client.line()
    told = failure(client, request("boom"))
    assert (told["class"], told["message"]) == ("ValueError", "bad\nvalue")
    assert len(told["traceback"]) == 1
    assert told["traceback"][0].startswith(f'  File "{served_device.__file__}", line ')
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
