"""ZeroMQ links against a REP socket, and against what is none."""

from __future__ import annotations

import socket
import threading
from contextlib import closing

import pytest
import zmq

from control.errors import LinkDown, LinkTimeout
from control.transport import Deadline, make_link

SHORT = 0.15  # s


class Instrument:
    """A REP socket that answers questions from a table; `None` in the table is no answer, but hanging up."""

    def __init__(self, answers, port=0):
        self.answers = answers
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.REP)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.port = port or self.socket.bind_to_random_port("tcp://127.0.0.1")
        if port:
            self.socket.bind(f"tcp://127.0.0.1:{port}")
        self.resource = f"zmq://127.0.0.1:{self.port}"
        self.heard = []
        self.go_on = threading.Event()
        self.silent = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.silent.is_set():
            if not self.socket.poll(10):
                continue
            question = self.socket.recv()
            self.heard.append(question)
            answer = self.answers[question]
            if answer is None:
                break
            if question == b"SLOW?":
                self.go_on.wait(5.0)
            self.socket.send(answer)
        self.socket.close()

    def stop(self):
        self.silent.set()
        self.go_on.set()
        self.thread.join(5.0)
        self.context.term()


ANSWERS = {
    b"*IDN?": b"IDQ,ID900,1,2\n",
    b"SET": b"",
    b"SLOW?": b"late",
    b"BIG?": b"x" * 200_000,
    b"BYE": None,
}


@pytest.fixture
def instrument():
    running = Instrument(ANSWERS)
    yield running
    running.stop()


@pytest.fixture
def link(instrument):
    with closing(make_link(instrument.resource)) as opened:
        opened.open()
        yield opened


def test_a_message_is_an_answer(link):
    assert link.exchange(b"*IDN?", b"", 1.0) == b"IDQ,ID900,1,2\n"
    assert link.exchange(b"SET", b"", 1.0) == b""
    assert link.exchange(b"BIG?", b"", 1.0) == b"x" * 200_000


def test_lines_work_as_on_every_link(link):
    assert link.exchange(b"*IDN?", b"\n", 1.0) == b"IDQ,ID900,1,2"


def test_a_late_answer_does_not_answer_the_next_question(instrument, link):
    with pytest.raises(LinkTimeout) as caught:
        link.exchange(b"SLOW?", b"", SHORT)
    assert str(caught.value).startswith(f"{instrument.resource}: no answer within 0.15 s, nothing came")
    assert link.is_dirty
    instrument.go_on.set()
    assert link.exchange(b"*IDN?", b"", 1.0) == b"IDQ,ID900,1,2\n"
    assert link.openings == 2
    assert instrument.heard == [b"SLOW?", b"*IDN?"]


def test_hanging_up_is_not_a_time_out(link):
    with pytest.raises(LinkDown, match="the other end hung up"):
        link.exchange(b"BYE", b"", 2.0)
    assert not link.is_open
    with pytest.raises(LinkDown, match="it is closed"):
        link.exchange(b"*IDN?", b"", SHORT)


def ask_often(link):
    for _ in range(100):
        link.exchange(b"SET", b"", 1.0)


def test_a_power_cycle_between_two_questions_is_noticed(instrument, link):
    assert link.exchange(b"SET", b"", 1.0) == b""
    instrument.stop()
    again = Instrument(ANSWERS, instrument.port)
    # ZeroMQ would connect again by itself and tell nobody.
    with pytest.raises(LinkDown, match="the other end hung up"):
        ask_often(link)
    link.open()
    assert link.exchange(b"*IDN?", b"", 1.0) == b"IDQ,ID900,1,2\n"
    assert link.openings == 2
    link.close()
    again.stop()


def test_a_refused_connection(free_port):
    with pytest.raises(LinkDown, match="onnection refused"):
        make_link(f"zmq://127.0.0.1:{free_port}").open()


def test_something_that_does_not_speak_zeromq():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        link = make_link(f"zmq://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(LinkDown, match="it does not speak ZeroMQ"):
            link.open(SHORT)
        assert not link.is_open


def test_listening_without_a_question_hears_nothing(link):
    assert link.receive_any(Deadline.after(0.01)) == b""
    assert link.exchange(b"SET", b"", 1.0) == b""


def test_ipv6():
    context = zmq.Context()
    with context.socket(zmq.REP) as server:
        server.setsockopt(zmq.IPV6, 1)
        try:
            port = server.bind_to_random_port("tcp://[::1]")
        except zmq.ZMQError:
            pytest.skip("no IPv6 here")
        with closing(make_link(f"zmq://[::1]:{port}")) as link:
            link.open()
            link.send(b"a", Deadline.after(1.0))
            server.send(server.recv())
            assert link.receive(b"", Deadline.after(1.0)) == b"a"
    context.term()
