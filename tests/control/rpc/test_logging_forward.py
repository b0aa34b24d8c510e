"""Records as text, and on their way to a log server."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.rpc import logging_forward
from control.rpc.logging_forward import (
    LEVELS,
    Entry,
    EntryParser,
    LineFormatter,
    LogForwarder,
    LogServer,
    format_entry,
)

SOON = 5.0  # s that a broken test may hang
CAPTURED = (
    b"ctlmgr(vm):INFO:artiq_comtools.ctlmgr:Starting controller psu with command: x\n"
    b"controller(psu):INFO:print:bind ['127.0.0.1'] port 3300 sim True\n"
    b"mysource:INFO<3>:my.logger:line 1\nline 2\nline: 3\n"
    b"mysource:TRACE:a:\n"
)
ENTRIES = [
    Entry(20, "artiq_comtools.ctlmgr", "Starting controller psu with command: x", "ctlmgr(vm)"),
    Entry(20, "print", "bind ['127.0.0.1'] port 3300 sim True", "controller(psu)"),
    Entry(20, "my.logger", "line 1\nline 2\nline: 3", "mysource"),
    Entry(5, "a", "", "mysource"),
]


class Collected:
    """Records, and a way to wait for so many of them."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.changed = threading.Condition()

    def __call__(self, entry: Entry) -> None:
        with self.changed:
            self.entries.append(entry)
            self.changed.notify_all()

    def wait(self, count: int) -> list[Entry]:
        with self.changed:
            self.changed.wait_for(lambda: len(self.entries) >= count, SOON)
            return self.entries


@pytest.fixture
def lab_logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("forwarded.lab")
    logger.setLevel(1)
    logger.propagate = False
    yield logger
    for handler in tuple(logger.handlers):
        logger.removeHandler(handler)
        handler.close()


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (Entry(20, "a.b", "text"), "INFO:a.b:text"),
        (Entry(30, "a", "b: c", "worker(1,x.py)"), "worker(1,x.py):WARNING:a:b: c"),
        (Entry(40, "a", "1\n2\r\n3"), "ERROR<3>:a:1\n2\n3"),
        (Entry(50, "a:b", "x", "s:t\nu"), "s_t_u:CRITICAL:a_b:x"),
        (Entry(35, "a", "between"), "WARNING:a:between"),
        (Entry(1, "a", "below"), "TRACE:a:below"),
        (Entry(10, "", ""), "DEBUG::"),
    ],
)
def test_records_as_text(entry: Entry, text: str) -> None:
    assert format_entry(entry) == text


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("WARN:a:b", Entry(30, "a", "b", "child")),
        ("WARNING<1>:a:b", Entry(30, "a", "b", "child")),
        ("WARNING<0>:a:b", Entry(30, "a", "b", "child")),
        ("stdout line", Entry(20, "print", "stdout line", "child")),
        ("info:a:b", Entry(20, "print", "info:a:b", "child")),
        ("INFO<x>:a:b", Entry(20, "print", "INFO<x>:a:b", "child")),
        ("INFO<9999999>:a:b", Entry(20, "print", "INFO<9999999>:a:b", "child")),
        ("INFO:a", Entry(20, "print", "INFO:a", "child")),
        ("", Entry(20, "print", "", "child")),
    ],
)
def test_lines_of_a_child_process_are_records(line: str, entry: Entry) -> None:
    assert EntryParser("child").feed(line) == entry


TEXTS = st.text(st.characters(exclude_characters="\r"), max_size=40)


@given(
    level=st.sampled_from(sorted(set(LEVELS.values()))),
    name=st.from_regex(r"[\w.]*", fullmatch=True),
    message=TEXTS,
)
def test_records_survive_the_way(level: int, name: str, message: str) -> None:
    parser = EntryParser()
    *first, last = [parser.feed(line) for line in format_entry(Entry(level, name, message)).split("\n")]
    assert first == [None] * len(first)
    assert last == Entry(level, name, message)
    assert not parser.is_within


def test_a_record_that_is_cut_short_is_kept_as_far_as_it_came() -> None:
    parser = EntryParser()
    assert parser.feed("INFO<3>:a:1") is None
    assert parser.feed("2") is None
    assert parser.end() == Entry(20, "a", "1\n2")
    assert parser.end() is None
    assert parser.feed("INFO:a:1") == Entry(20, "a", "1")


def test_a_record_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging_forward, "MOST_LINES", 3)
    assert format_entry(Entry(20, "a", "1\n2\n3\n4\n5")) == "INFO<3>:a:1\n2\n3"
    parser = EntryParser()
    lines = ["INFO<5>:a:1", "2", "3", "4", "5"]
    assert [parser.feed(line) for line in lines] == [None] * 4 + [Entry(20, "a", "1\n2\n3")]


def test_a_record_is_broadcast_as_captured() -> None:
    entry = Entry(20, "print", "stdout line", "worker(10,data.py)")
    assert entry.broadcast(1795413884.5) == (20, "worker(10,data.py)", 1795413884.5, "print:stdout line")


def test_the_formatter_writes_the_traceback_too() -> None:
    try:
        raise ValueError("bad")
    except ValueError as error:
        record = logging.LogRecord(
            "a", 40, "x.py", 1, "it %s", ("failed",), (ValueError, error, error.__traceback__)
        )
    lines = LineFormatter().format(record).split("\n")
    assert lines[0] == f"ERROR<{len(lines)}>:a:it failed"
    assert lines[-1] == "ValueError: bad"


def test_the_server_hears_what_was_captured(wire: Callable[..., Any]) -> None:
    heard = Collected()
    with LogServer(heard) as server:
        client = wire(server.port, b"ARTIQ logging\n", CAPTURED[:50], CAPTURED[50:])
        assert heard.wait(4) == ENTRIES
        client.say(b"a:INFO<3>:b:cut\nshort\n")
        client.socket.shutdown(socket.SHUT_WR)
        assert heard.wait(5)[4] == Entry(20, "b", "cut\nshort", "a")


def test_a_line_without_source_ends_the_connection(
    wire: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    heard = Collected()
    with LogServer(heard) as server:
        client = wire(server.port, b"ARTIQ logging\n", CAPTURED, b"no source\n")
        assert client.line() == b""
        assert wire(server.port, b"ARTIQ pc_rpc\n").line() == b""
        assert heard.wait(4) == ENTRIES
    assert "it sent 'no source', which names no source" in caplog.text


def test_what_fails_with_a_record_is_logged(
    wire: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    failed = threading.Event()

    def fail(entry: Entry) -> None:
        failed.set()
        raise ZeroDivisionError

    with LogServer(fail) as server:
        client = wire(server.port, b"ARTIQ logging\n", b"a:INFO:b:c\n")
        assert failed.wait(SOON)
        client.socket.shutdown(socket.SHUT_WR)
        client.line()
    assert "what the log server hands its records to failed" in caplog.text


def test_the_forwarder_sends_what_was_captured(
    tcp_peer: Callable[..., Any], lab_logger: logging.Logger
) -> None:
    sent = b"lab(1):INFO:forwarded.lab:one 1\nlab(1):WARNING<2>:forwarded.lab:two\nlines \xc2\xb5\n"
    peer = tcp_peer((b"ARTIQ logging\n" + sent,))
    lab_logger.addHandler(LogForwarder("lab(1)", "127.0.0.1", peer.port))
    lab_logger.info("one %d", 1)
    lab_logger.warning("two\nlines µ")
    handler = lab_logger.handlers[0]
    lab_logger.removeHandler(handler)
    handler.close()


def test_two_threads_do_not_tear_each_others_records(lab_logger: logging.Logger) -> None:
    heard = Collected()
    with LogServer(heard) as server:
        lab_logger.addHandler(LogForwarder("lab", "127.0.0.1", server.port))
        threads = [
            threading.Thread(target=lambda n=n: [lab_logger.info("%d\n%d\n%d", n, n, n) for _ in range(50)])  # type: ignore[misc]
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        entries = heard.wait(200)
    assert len(entries) == 200
    assert {entry.message for entry in entries} == {f"{n}\n{n}\n{n}" for n in range(4)}


def test_records_wait_for_a_server_that_is_away(
    free_port: int, lab_logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging_forward, "MOST_WAITING", 3)
    forwarder = LogForwarder("lab", "127.0.0.1", free_port, retry=0.01)
    lab_logger.addHandler(forwarder)
    for number in range(5):
        lab_logger.info("%d", number)
    heard = Collected()
    with LogServer(heard, port=free_port):
        entries = heard.wait(4)
        assert [entry.message for entry in entries] == ["2 records were lost here", "2", "3", "4"]
        forwarder.send(Entry(20, "print", "from a child", "controller(psu)"))
        assert heard.wait(5)[4] == Entry(20, "print", "from a child", "controller(psu)")
    with LogServer(heard, port=free_port):  # the end of the first is noticed before anything is sent into it
        lab_logger.info("again")
        assert heard.wait(6)[5].message == "again"


def test_closing_does_not_wait_for_a_server_that_is_away(free_port: int) -> None:
    forwarder = LogForwarder("lab", "127.0.0.1", free_port, retry=1000.0)
    forwarder.send(Entry(20, "a", "b"))
    forwarder.close()
    assert not forwarder._thread.is_alive()


def test_a_record_that_cannot_be_formatted_does_not_raise(
    capsys: pytest.CaptureFixture[str], free_port: int
) -> None:
    forwarder = LogForwarder("lab", "127.0.0.1", free_port)
    forwarder.handle(logging.LogRecord("a", 20, "x.py", 1, "%d", ("x",), None))
    forwarder.close()
    assert "Logging error" in capsys.readouterr().err


def test_a_record_of_long_lines_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging_forward, "LONGEST_RECORD", 10)
    parser = EntryParser()
    lines = ["INFO<5>:a:123", "456", "789", "0", ""]
    assert [parser.feed(line) for line in lines] == [None] * 4 + [Entry(20, "a", "123\n456")]
