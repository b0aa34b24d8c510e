"""VXI-11 through VISA, against a core channel that answers questions from a table."""

from __future__ import annotations

import gc
import logging
import socket
import struct
import threading
import time
from contextlib import closing

import pytest

from control.errors import LinkDown, LinkTimeout
from control.transport import make_link

CREATE_LINK, WRITE, READ, DESTROY = 10, 11, 12, 23  # procedures (VXI-11, appendix B)
TIMED_OUT = 15
END = 4  # reason: the end of a message
SHORT = 0.15  # s


def opaque(data):
    return struct.pack("!I", len(data)) + data + bytes(-len(data) % 4)


class Vxi11Instrument:
    """`None` in the table is no answer in time, and `b""` is to hang up."""

    def __init__(self, answers):
        self.answers = answers
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.resource = f"TCPIP::127.0.0.1,{self.listener.getsockname()[1]}::inst0::INSTR"
        self.links = 0
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            if not self.answers:
                connection.close()
                return
            self.threads.append(threading.Thread(target=self.serve, args=(connection,)))
            self.threads[-1].start()

    def serve(self, connection):
        self.answer = b""
        with connection, connection.makefile("rb") as stream:
            while len(mark := stream.read(4)) == 4:
                call = stream.read(struct.unpack("!I", mark)[0] & 0x7FFF_FFFF)
                xid, _, _, _, _, procedure = struct.unpack("!6I", call[:24])
                result = self.perform(procedure, call[40:])
                if result is None:
                    return
                reply = struct.pack("!6I", xid, 1, 0, 0, 0, 0) + result
                connection.sendall(struct.pack("!I", 0x8000_0000 | len(reply)) + reply)

    def perform(self, procedure, arguments):
        if procedure == CREATE_LINK:
            self.links += 1
            return struct.pack("!4I", 0, self.links, 0, 65536)
        if procedure == WRITE:
            length = struct.unpack("!I", arguments[16:20])[0]
            self.answer = self.answers[arguments[20 : 20 + length]]
            return None if self.answer == b"" else struct.pack("!2I", 0, length)
        if procedure == READ and self.answer is None:
            return struct.pack("!2I", TIMED_OUT, 0) + opaque(b"")
        if procedure == READ:
            return struct.pack("!2I", 0, END) + opaque(self.answer)
        assert procedure == DESTROY
        return struct.pack("!I", 0)

    def stop(self):
        self.answers = {}
        socket.create_connection(self.listener.getsockname()).close()
        for thread in self.threads:
            thread.join(5.0)
        self.listener.close()


@pytest.fixture
def instrument():
    table = {b"*IDN?\n": b"Rohde&Schwarz,SMC100A,1/2,3\n", b"POW?\n": None, b"BYE\n": b""}
    running = Vxi11Instrument(table)
    yield running
    running.stop()


@pytest.fixture
def link(instrument):
    with closing(make_link(instrument.resource)) as opened:
        opened.open()
        yield opened


def test_answers(link):
    for _ in range(3):
        assert link.exchange(b"*IDN?\n", b"\n", 1.0) == b"Rohde&Schwarz,SMC100A,1/2,3"


def test_silence_is_a_time_out_and_the_next_answer_is_right(instrument, link):
    with pytest.raises(LinkTimeout):
        link.exchange(b"POW?\n", b"\n", SHORT)
    assert link.is_dirty
    assert link.exchange(b"*IDN?\n", b"\n", 1.0) == b"Rohde&Schwarz,SMC100A,1/2,3"
    assert instrument.links == link.openings == 2


def test_hanging_up_is_not_a_time_out(link):
    start = time.monotonic()
    with pytest.raises(LinkDown, match="the other end hung up"):
        link.exchange(b"BYE\n", b"\n", 3.0)
    assert not link.is_open
    assert time.monotonic() - start < 2.5  # pyvisa-py alone takes 9 s


def test_a_connection_is_watched_for_a_pulled_cable(link):
    (connection,) = link._sockets
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 5


@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
def test_refused(free_port, caplog):
    caplog.set_level(logging.CRITICAL, logger="pyvisa")
    with pytest.raises(LinkDown, match="the link is down"):
        make_link(f"TCPIP::127.0.0.1,{free_port}::inst0::INSTR").open()
    gc.collect()  # pyvisa-py forgets to close the socket that was refused
