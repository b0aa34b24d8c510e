"""Links with a protocol of their own below the bytes: HiSLIP through VISA, and RFC 2217."""

from __future__ import annotations

import gc
import logging
import socket
import struct
import threading
from contextlib import closing

import pytest

from control.errors import LinkDown, LinkTimeout
from control.transport import make_link

HEADER = struct.Struct("!2sBBIQ")  # "HS", type, control, parameter, length of what follows (IVI-6.1)
INITIALIZE, ASYNC_MAXIMUM, ASYNC_INITIALIZE = 0, 15, 17
DATA, DATA_END = 6, 7
SHORT = 0.15  # s


class HislipInstrument:
    """The two channels of a HiSLIP 1.0 instrument that answers questions from a table.

    `None` in the table is no answer, and `b""` is to hang up.
    """

    def __init__(self, answers):
        self.answers = answers
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.resource = f"TCPIP::127.0.0.1::hislip0,{self.listener.getsockname()[1]}::INSTR"
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            if connection.getsockname() == connection.getpeername() or not self.answers:
                connection.close()
                return
            thread = threading.Thread(target=self.serve, args=(connection,))
            self.threads.append(thread)
            thread.start()

    def serve(self, connection):
        with connection, connection.makefile("rb") as stream:
            while len(header := stream.read(HEADER.size)) == HEADER.size:
                _, kind, _, parameter, length = HEADER.unpack(header)
                body = stream.read(length)
                if kind == INITIALIZE:
                    connection.sendall(HEADER.pack(b"HS", 1, 0, 0x0100_0001, 0))
                elif kind == ASYNC_INITIALIZE:
                    connection.sendall(HEADER.pack(b"HS", 18, 0, 0, 0))
                elif kind == ASYNC_MAXIMUM:
                    connection.sendall(HEADER.pack(b"HS", 16, 0, 0, 8) + struct.pack("!Q", 1 << 20))
                elif kind in {DATA, DATA_END}:
                    answer = self.answers[body]
                    if answer == b"":
                        return
                    if answer is not None:
                        connection.sendall(HEADER.pack(b"HS", DATA_END, 0, parameter, len(answer)) + answer)

    def stop(self):
        self.answers = {}
        socket.create_connection(self.listener.getsockname()).close()
        for thread in self.threads:
            thread.join(5.0)
        self.listener.close()


@pytest.fixture
def instrument():
    table = {b"*IDN?\n": b"Rohde&Schwarz,SMC100A,1/2,3\n", b"POW?\n": None, b"BYE\n": b""}
    running = HislipInstrument(table)
    yield running
    running.stop()


def test_hislip_answers(instrument):
    with closing(make_link(instrument.resource)) as link:
        link.open()
        for _ in range(3):
            assert link.exchange(b"*IDN?\n", b"\n", 1.0) == b"Rohde&Schwarz,SMC100A,1/2,3"


def test_hislip_silence_is_a_time_out_and_the_next_answer_is_right(instrument):
    with closing(make_link(instrument.resource)) as link:
        link.open()
        with pytest.raises(LinkTimeout):
            link.exchange(b"POW?\n", b"\n", SHORT)
        assert link.exchange(b"*IDN?\n", b"\n", 1.0) == b"Rohde&Schwarz,SMC100A,1/2,3"
        assert link.openings == 2


def test_hislip_hanging_up_is_not_a_time_out(instrument):
    with closing(make_link(instrument.resource)) as link:
        link.open()
        with pytest.raises(LinkDown):
            link.exchange(b"BYE\n", b"\n", 2.0)
        assert not link.is_open


@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
def test_hislip_refused(free_port, caplog):
    # pyvisa-py logs the failure with a traceback; our message says it once.
    caplog.set_level(logging.CRITICAL, logger="pyvisa")
    with pytest.raises(LinkDown, match="the link is down"):
        make_link(f"TCPIP::127.0.0.1::hislip0,{free_port}::INSTR").open()
    gc.collect()  # pyvisa-py forgets to close the socket that was refused


class SerialServer:
    """pyserial's own RFC 2217 server, before a line whose far end sends back what it hears."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.resource = f"rfc2217://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        from serial import serial_for_url
        from serial.rfc2217 import PortManager

        connection, _ = self.listener.accept()
        with connection, serial_for_url("loop://", timeout=0.01) as port, connection.makefile("wb", 0) as out:
            manager = PortManager(port, out)
            connection.settimeout(0.01)
            while True:
                out.write(b"".join(manager.escape(port.read(64))))
                try:
                    data = connection.recv(1024)
                except TimeoutError:
                    continue
                except ConnectionResetError:
                    return
                if not data:
                    return
                port.write(b"".join(manager.filter(data)))


@pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")  # pyserial 3.5
def test_rfc2217_answers():
    server = SerialServer()
    with closing(make_link(server.resource)) as link:
        link.open()
        assert link.exchange(b"0GS00\r\n", b"\r\n", 2.0) == b"0GS00"
        assert link.exchange(b"0PO\xff004600\r\n", b"\r\n", 2.0) == b"0PO\xff004600"
    server.thread.join(5.0)
    server.listener.close()
