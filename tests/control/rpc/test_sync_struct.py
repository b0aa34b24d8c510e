"""Publishers against captured subscribers, subscribers against captured publishers, and both together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from control.errors import ControlError
from control.rpc import V1, Notifier, Publisher, Subscriber
from control.rpc.errors import BadMod, BadPyon, CallTimeout, ControllerDown, NotEncodable, UnknownTarget

HEAD = b"ARTIQ sync_struct\nschedule\n"
INIT = b'{"action":"init","struct":{}}\n'
HANG_UP = ()
SOON = 5.0  # s that a broken test may hang


@pytest.fixture
def schedule() -> Notifier:
    return Notifier({})


@pytest.fixture
def publisher(schedule: Notifier) -> Iterator[Publisher]:
    with Publisher({"schedule": schedule}) as running:
        yield running


def test_lines_are_those_captured(publisher: Publisher, schedule: Notifier, wire: Callable[..., Any]) -> None:
    client = wire(publisher.port, b"ARTIQ sync_struct\n", b"schedule\n")
    assert client.line() == INIT
    schedule[0] = {"status": "pending"}
    assert client.line() == b'{"action":"setitem","path":[],"key":0,"value":{"status":"pending"}}\n'
    schedule[0]["status"] = "preparing"
    assert client.line() == b'{"action":"setitem","path":[0],"key":"status","value":"preparing"}\n'
    other = wire(publisher.port, HEAD)
    whole = b'{"__jsonclass__":["dict",[[[0,{"status":"preparing"}]]]]}'
    assert other.line() == b'{"action":"init","struct":' + whole + b"}\n"
    del schedule[0]
    assert client.line() == b'{"action":"delitem","path":[],"key":0}\n'
    schedule["lst"] = (True, [], {})
    schedule["lst"][1].append(0.5)
    client.line()
    assert client.line() == b'{"action":"append","path":["lst",1],"x":0.5}\n'
    schedule["arr"] = (True, np.zeros((1, 3)), {})
    schedule["arr"][1][slice(0, 1), slice(1, 3)] = 5
    client.line()
    assert client.line() == (
        b'{"action":"setitem","path":["arr",1],"key":{"__jsonclass__":["tuple",[['
        b'{"__jsonclass__":["slice",[0,1,null]]},{"__jsonclass__":["slice",[1,3,null]]}]]]},"value":5}\n'
    )


def test_lines_are_those_captured_with_artiq_8(wire: Callable[..., Any]) -> None:
    datasets = Notifier({})
    with Publisher({"datasets": datasets}, dialect=V1) as publisher:
        client = wire(publisher.port, b"ARTIQ sync_struct\ndatasets\n")
        assert client.line() == b'{"action": "init", "struct": {}}\n'
        datasets["np64"] = (False, np.float64(5.0), {"unit": "kHz", "scale": 1000.0, "precision": 3})
        assert client.line() == (
            b'{"action": "setitem", "path": [], "key": "np64", "value": (false, '
            b'npscalar("<f8", b"AAAAAAAAFEA="), {"unit": "kHz", "scale": 1000.0, "precision": 3})}\n'
        )


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        (b"ARTIQ sync_struct\nshedule\n", "it asked for a notifier 'shedule'. Did you mean schedule?"),
        (b"ARTIQ pc_rpc\n", "it said 'ARTIQ pc_rpc' instead of 'ARTIQ sync_struct'"),
        (HEAD + b"x" * 10_000, "a line of more than 4096 bytes"),
    ],
)
def test_who_asks_for_something_else_is_sent_away(
    publisher: Publisher,
    schedule: Notifier,
    wire: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
    said: bytes,
    logged: str,
) -> None:
    good = wire(publisher.port, HEAD)
    good.line()
    bad = wire(publisher.port, said)
    while bad.line():
        pass
    assert logged in caplog.text
    schedule["a"] = 1
    assert good.line() == b'{"action":"setitem","path":[],"key":"a","value":1}\n'


def test_what_cannot_be_sent_is_not_made(publisher: Publisher, schedule: Notifier) -> None:
    with pytest.raises(NotEncodable):
        schedule["a"] = object()
    assert schedule.read() == {}


def test_a_subscriber_who_does_not_read_is_cut_off(
    wire: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    tree = Notifier({"image": ""})
    with Publisher({"tree": tree}, backlog=1_000_000) as publisher:
        slow = wire(publisher.port, b"ARTIQ sync_struct\ntree\n")
        slow.line()
        with Subscriber("tree", "127.0.0.1", publisher.port) as quick:
            for number in range(100):  # the system itself takes a few megabytes
                tree["image"] = "x" * 300_000
                tree["number"] = number
                assert quick.wait_until(lambda seen, n=number: seen["number"] == n, SOON)  # type: ignore[misc]
        assert slow.heard.read(40_000_000)[-1:] != b""
    peer = f"127.0.0.1:{slow.socket.getsockname()[1]}"
    assert f"publisher: cut off {peer}, which follows tree" in caplog.text
    assert caplog.text.count("cut off") == 1


def test_a_large_tree_does_not_count_as_a_backlog(wire: Callable[..., Any]) -> None:
    tree = Notifier({"image": "x" * 8_000_000})
    with Publisher({"tree": tree}, backlog=1000) as publisher:
        client = wire(publisher.port, b"ARTIQ sync_struct\ntree\n")
        with Subscriber("tree", "127.0.0.1", publisher.port) as quick:  # whoever is told, the other was too
            tree["a"] = 1
            assert quick.wait_until(lambda seen: "a" in seen, SOON)
        assert len(client.line()) > 8_000_000
        assert client.line() == b'{"action":"setitem","path":[],"key":"a","value":1}\n'


def test_subscribers_who_come_between_get_each_change_once() -> None:
    tree = Notifier({"list": []})
    with Publisher({"tree": tree}) as publisher:
        changing = threading.Thread(target=lambda: [tree["list"].append(n) for n in range(2000)])
        changing.start()
        copies = [Subscriber("tree", "127.0.0.1", publisher.port) for _ in range(10)]
        changing.join()
        for copy in copies:
            assert copy.wait_until(lambda seen: len(seen["list"]) >= 2000, SOON)
            assert copy.read()["list"] == list(range(2000))
            copy.close()


def test_a_closed_publisher_leaves_the_tree_alone(schedule: Notifier) -> None:
    publisher = Publisher({"schedule": schedule})
    publisher.close()
    publisher.close()
    schedule["a"] = object()
    assert list(schedule.read()) == ["a"]


def test_a_subscriber_follows_what_was_captured(tcp_peer: Callable[..., Any]) -> None:
    peer = tcp_peer(
        (
            HEAD,
            b'{"action":"init","struct":{"__jsonclass__":["dict",[[[3,{"pipeline":"main"}]]]]}}\n',
            b'{"action":"setitem","path":[3],"key":"status","value":"running"}\n'
            b'{"action":"setitem","path":[],"key":4,"value":[]}\n{"action":"append","path":[4],',
            b'"x":1}\n',
            b'{"action": "setitem", "path": [], "key": "v1", '
            b'"value": (false, npscalar("<f8", b"AAAAAAAAEEA="), {})}\n',
        )
    )
    mods: list[Any] = []
    with Subscriber("schedule", "127.0.0.1", peer.port, on_mod=mods.append) as copy:
        assert copy.wait_until(lambda tree: "v1" in tree, SOON)
        with copy.lock:
            assert copy.read() == {
                3: {"pipeline": "main", "status": "running"},
                4: [1],
                "v1": (False, 4.0, {}),
            }
    assert [mod["action"] for mod in mods] == ["init", "setitem", "setitem", "append", "setitem"]


def test_a_copy_may_be_an_object_of_ones_own(publisher: Publisher, schedule: Notifier) -> None:
    class Model(dict[Any, Any]):
        pass

    with Subscriber("schedule", "127.0.0.1", publisher.port, build=Model) as copy:
        schedule["a"] = 1
        assert copy.wait_until(lambda tree: tree["a"] == 1, SOON)
        assert isinstance(copy.read(), Model)
        assert not copy.wait_until(lambda tree: tree["b"] == 1, 0.0)


def test_the_end_of_a_publisher_is_told_once(schedule: Notifier, caplog: pytest.LogCaptureFixture) -> None:
    lost: list[ControlError] = []
    ended = threading.Event()
    publisher = Publisher({"schedule": schedule})
    copy = Subscriber(
        "schedule", "127.0.0.1", publisher.port, on_lost=lambda error: (lost.append(error), ended.set())
    )
    publisher.close()
    assert ended.wait(SOON)
    copy.close()
    text = f"127.0.0.1:{publisher.port}: no connection: it hung up (tried to listen to schedule). "
    assert [str(error)[: len(text)] for error in lost] == [text]
    assert text in caplog.text


def test_ones_own_close_is_not_a_loss(publisher: Publisher) -> None:
    lost: list[ControlError] = []
    copy = Subscriber("schedule", "127.0.0.1", publisher.port, on_lost=lost.append)
    copy.close()
    copy.close()
    assert lost == []


def test_a_lost_connection_is_opened_anew_if_wanted(schedule: Notifier) -> None:
    lost = threading.Event()
    publisher = Publisher({"schedule": schedule})
    port = publisher.port
    with Subscriber("schedule", "127.0.0.1", port, on_lost=lambda _: lost.set(), retry=0.01) as copy:
        publisher.close()
        assert lost.wait(SOON)
        schedule["meanwhile"] = True
        with Publisher({"schedule": schedule}, port=port):
            assert copy.wait_until(lambda tree: tree["meanwhile"], SOON)
            schedule["again"] = True
            assert copy.wait_until(lambda tree: tree["again"], SOON)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"nonsense\n", BadPyon),
        (b"[1]\n", BadMod),
        (b'{"action":"pop","path":["no"],"i":0}\n', BadMod),
        (b"{}\n", BadMod),
    ],
)
def test_a_publisher_that_talks_nonsense_is_left(
    tcp_peer: Callable[..., Any], line: bytes, kind: type[ControlError]
) -> None:
    lost: list[ControlError] = []
    ended = threading.Event()
    peer = tcp_peer((HEAD, INIT, line))
    with Subscriber(
        "schedule", "127.0.0.1", peer.port, on_lost=lambda error: (lost.append(error), ended.set())
    ) as copy:
        assert ended.wait(SOON)
        assert isinstance(lost[0], kind)
        assert copy.read() == {}


def test_a_subscriber_says_at_once_what_is_wrong(
    publisher: Publisher, free_port: int, tcp_peer: Callable[..., Any]
) -> None:
    with pytest.raises(UnknownTarget) as told:
        Subscriber("shedule", "127.0.0.1", publisher.port)
    assert str(told.value) == f"127.0.0.1:{publisher.port}: there is no notifier 'shedule'."
    with pytest.raises(ControllerDown, match=r"Connection refused \(tried to listen to schedule\)"):
        Subscriber("schedule", "127.0.0.1", free_port)
    with pytest.raises(CallTimeout, match=r"no answer within 0.05 s \(tried to listen to schedule\)"):
        Subscriber("schedule", "127.0.0.1", tcp_peer((HEAD,)).port, timeout=0.05)
    with pytest.raises(BadPyon):
        Subscriber("schedule", "127.0.0.1", tcp_peer((HEAD, b"nonsense\n")).port)


def test_a_callback_that_fails_does_not_stop_the_copy(
    publisher: Publisher, schedule: Notifier, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(mod: Any) -> None:
        raise ZeroDivisionError

    with Subscriber("schedule", "127.0.0.1", publisher.port, on_mod=fail) as copy:
        schedule["a"] = 1
        schedule["b"] = 2
        assert copy.wait_until(lambda tree: "b" in tree, SOON)
    assert "a subscriber's own function failed" in caplog.text


def test_a_function_of_ones_own_that_fails_does_not_end_the_following(
    schedule: Notifier, caplog: pytest.LogCaptureFixture
) -> None:
    built = threading.Event()
    calls: list[int] = []

    def build(tree: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise ZeroDivisionError
        if len(calls) == 3:
            built.set()
        return tree

    def lost(error: ControlError) -> None:
        raise KeyError("nobody")

    publisher = Publisher({"schedule": schedule})
    port = publisher.port
    with Subscriber("schedule", "127.0.0.1", port, on_lost=lost, build=build, retry=0.01) as copy:
        publisher.close()
        with Publisher({"schedule": schedule}, port=port):
            assert built.wait(SOON)
            schedule["a"] = 1
            assert copy.wait_until(lambda tree: tree["a"] == 1, SOON)
    assert "what is told that schedule is lost failed" in caplog.text
    assert "what listens to schedule failed" in caplog.text


def test_a_copy_that_cannot_be_built_anew_is_a_loss(
    tcp_peer: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    ended = threading.Event()

    def build(tree: Any) -> Any:
        return {"built": 1 // (2 - tree["n"])}

    inits = b'{"action":"init","struct":{"n":1}}\n', b'{"action":"init","struct":{"n":2}}\n'
    peer = tcp_peer((HEAD, *inits))
    with Subscriber("schedule", "127.0.0.1", peer.port, build=build, on_lost=lambda _: ended.set()) as copy:
        assert ended.wait(SOON)
        assert copy.read() == {"built": 1}
    assert "what listens to schedule failed" in caplog.text


def test_closing_does_not_wait_for_the_tree(wire: Callable[..., Any], schedule: Notifier) -> None:
    publisher = Publisher({"schedule": schedule})
    with schedule.lock:
        asking = wire(publisher.port, HEAD)
        with pytest.raises(UnknownTarget):  # so that who came before is waiting for the tree by now
            Subscriber("other", "127.0.0.1", publisher.port)
        closing = threading.Thread(target=publisher._listener.close)
        closing.start()
        closing.join(SOON)
        assert not closing.is_alive()
        publisher.close()
    assert asking.line() == b""


def test_a_tree_that_cannot_be_sent_is_told_at_once(free_port: int) -> None:
    with pytest.raises(NotEncodable):
        Publisher({"tree": Notifier({"a": object()})}, port=free_port)
    with Publisher({"tree": Notifier({})}, port=free_port):
        pass


def test_the_message_of_a_hostile_mod_is_short() -> None:
    error = BadMod(mod={"action": [0] * 10_000, "path": ["x" * 10_000] * 10_000}, reason="y" * 10_000)
    assert len(str(error)) < 800
