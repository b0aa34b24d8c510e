"""VXI-11 around the simulated generator, spoken by hand in virtual time and by pyvisa over sockets."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
import pyvisa
from instrument_clients import pyvisa_client

from hardware_sim.instruments import LineFaults, TcpServer, serve_tcp
from hardware_sim.instruments.endpoint import SessionEndedError
from hardware_sim.instruments.onc_rpc import Call, RecordReader, mark, pack_opaque, unpack_opaque
from hardware_sim.instruments.smc100a import SimulatedSmc100a
from hardware_sim.instruments.vxi11 import Failure, Procedure, Vxi11Endpoint

SPEED = 100.0
CORE = 0x0607AF
WAIT, END, CHARACTER = 1, 8, 128
SECOND = 1000  # ms, the unit of timeouts on the wire


def call(procedure: int, arguments: bytes = b"", program: int = CORE, version: int = 1) -> bytes:
    return mark(struct.pack("!10I", 7, 0, 2, program, version, procedure, 0, 0, 0, 0) + arguments)


def results(data: bytes) -> bytes:
    """Return the results of the one call that was carried out."""
    (record,) = RecordReader().feed(data)
    number, reply, accepted, *_, status = struct.unpack_from("!6I", record)
    assert (number, reply, accepted, status) == (7, 1, 0, 0)
    return record[24:]


class Client:
    """A client with one link, in virtual time."""

    def __init__(self, endpoint: Vxi11Endpoint) -> None:
        self.now = 0.0
        self.session = endpoint.connect()
        opened = results(self.say(Procedure.CREATE_LINK, struct.pack("!3I", 1, 0, 0) + pack_opaque(b"inst0")))
        error, self.link, _, self.largest = struct.unpack("!4I", opened)
        assert error == 0

    def say(self, procedure: int, arguments: bytes) -> bytes:
        return self.session.receive(call(procedure, arguments), self.now)

    def wait(self) -> bytes:
        """Let time pass until something comes."""
        due = self.session.due()
        assert due is not None
        self.now = due
        return self.session.receive(b"", self.now)

    def write(self, data: bytes, flags: int = END, lock_timeout: int = 0) -> bytes:
        head = struct.pack("!4I", self.link, SECOND, lock_timeout, flags)
        return self.say(Procedure.WRITE, head + pack_opaque(data))

    def read(self, size: int = 1000, timeout: int = SECOND, flags: int = 0) -> bytes:
        return self.say(Procedure.READ, struct.pack("!6I", self.link, size, timeout, 0, flags, ord("\n")))

    def do(self, procedure: Procedure, flags: int = 0) -> tuple[int, ...]:
        found = results(self.say(procedure, struct.pack("!4I", self.link, flags, 2 * SECOND, SECOND)))
        return struct.unpack(f"!{len(found) // 4}I", found)


def error_of(data: bytes) -> int:
    return int.from_bytes(results(data)[:4], "big")


def text_of(data: bytes) -> tuple[int, bytes]:
    """Return why a read ended, and what it read."""
    found = results(data)
    error, reason = struct.unpack_from("!2I", found)
    assert error == 0
    return reason, unpack_opaque(found[8:])


@pytest.fixture
def endpoint() -> Vxi11Endpoint:
    return Vxi11Endpoint(SimulatedSmc100a())


@pytest.fixture
def client(endpoint: Vxi11Endpoint) -> Client:
    return Client(endpoint)


@pytest.fixture
def server() -> Iterator[TcpServer]:
    with serve_tcp(Vxi11Endpoint(SimulatedSmc100a(), SPEED), speed=SPEED) as served:
        yield served


def test_record_on_the_wire_is_that_of_the_standard() -> None:
    assert call(Procedure.UNLOCK, struct.pack("!I", 3)).hex(" ", 4) == (
        "8000002c 00000007 00000000 00000002 000607af 00000001 00000013 "
        "00000000 00000000 00000000 00000000 00000003"
    )


def test_reply_on_the_wire_is_that_of_the_standard(client: Client) -> None:
    assert client.write(b"OUTP ON\n").hex(" ", 4) == (
        "80000020 00000007 00000001 00000000 00000000 00000000 00000000 00000000 00000008"
    )


def test_question_is_answered_at_the_read(client: Client) -> None:
    assert error_of(client.write(b"FREQ 20 MHz;FREQ?")) == 0
    assert text_of(client.read()) == (4, b"20000000\n")


def test_write_in_parts_is_one_message(client: Client) -> None:
    client.write(b"FREQ 2", flags=0)
    client.write(b"5 MHz;FREQ?")
    assert text_of(client.read()) == (4, b"25000000\n")


def test_read_in_parts_tells_why_each_ended(client: Client) -> None:
    client.write(b"FREQ?")
    assert text_of(client.read(size=3)) == (1, b"100")
    assert text_of(client.read(size=7, flags=CHARACTER)) == (1 | 2 | 4, b"000000\n")


def test_stream_is_understood_at_every_cut(client: Client) -> None:
    stream = call(Procedure.WRITE, struct.pack("!4I", client.link, 0, 0, END) + pack_opaque(b"FREQ?")) + call(
        Procedure.READ, struct.pack("!6I", client.link, 99, SECOND, 0, 0, 0)
    )
    for cut in range(1, len(stream)):
        heard = client.session.receive(stream[:cut], 0.0) + client.session.receive(stream[cut:], 0.0)
        written, read = RecordReader().feed(heard)
        assert written[24:] == struct.pack("!2I", 0, 5)
        assert read[32:].startswith(b"\0\0\0\n100000000\n")


def test_record_in_fragments_is_one_record() -> None:
    record = call(Procedure.NULL)[4:]
    fragments = struct.pack("!I", 10) + record[:10] + struct.pack("!I", 1 << 31 | 30) + record[10:]
    assert RecordReader().feed(fragments) == [record]


def test_read_without_a_question_runs_into_the_timeout(client: Client) -> None:
    assert client.read(timeout=300) == b""
    assert client.session.due() == 0.3
    assert error_of(client.wait()) == Failure.TIMEOUT


def test_read_waits_for_an_answer_that_comes_later(client: Client) -> None:
    client.write(b"CAL:ALL:MEAS?")
    assert client.read(timeout=300 * SECOND) == b""
    assert text_of(client.wait()) == (4, b"0\n")
    assert client.now == 180.0


def test_late_answer_is_there_for_the_next_read(client: Client) -> None:
    client.write(b"CAL:ALL:MEAS?")
    client.read(timeout=SECOND)
    assert error_of(client.wait()) == Failure.TIMEOUT
    client.now = 200.0
    assert text_of(client.read()) == (4, b"0\n")


def test_late_answer_is_lost_to_the_next_question(client: Client) -> None:
    client.write(b"CAL:ALL:MEAS?")
    client.write(b"POW?")
    assert client.read(timeout=200 * SECOND) == b""
    assert text_of(client.wait()) == (4, b"-30\n")


def test_client_counts_its_timeouts_in_its_own_seconds() -> None:
    client = Client(Vxi11Endpoint(SimulatedSmc100a(), speed=50.0))
    client.read(timeout=300)
    assert client.session.due() == 15.0


def test_status_byte_trigger_and_clear(endpoint: Vxi11Endpoint, client: Client) -> None:
    client.write(b"NONSENSE")
    assert client.do(Procedure.READ_STATUS) == (0, 1 << 2)
    client.write(b"*CLS;FREQ?")
    assert client.do(Procedure.READ_STATUS) == (0, 1 << 4)
    assert client.do(Procedure.CLEAR) == (0,)
    assert client.do(Procedure.READ_STATUS) == (0, 0)
    client.write(b"TRIG:FSW:SOUR SING;:FREQ:MODE SWE")
    client.now = 5.0
    assert client.do(Procedure.TRIGGER) == (0,)
    assert isinstance(endpoint.inner, SimulatedSmc100a)
    assert endpoint.inner.frequency_at(5.0201) == 102e6


def test_lock_keeps_others_out(endpoint: Vxi11Endpoint, client: Client) -> None:
    other = Client(endpoint)
    assert client.do(Procedure.LOCK) == (0,)
    assert client.do(Procedure.LOCK) == (Failure.LOCKED,)
    assert error_of(other.write(b"OUTP ON")) == Failure.LOCKED
    assert other.do(Procedure.UNLOCK) == (Failure.NOT_LOCKED,)
    assert client.do(Procedure.UNLOCK) == (0,)
    assert error_of(other.write(b"OUTP ON")) == 0


def test_lock_is_waited_for_as_long_as_the_client_wants(endpoint: Vxi11Endpoint, client: Client) -> None:
    other = Client(endpoint)
    client.do(Procedure.LOCK)
    assert other.write(b"OUTP ON", WAIT | END, lock_timeout=2 * SECOND) == b""
    assert other.session.due() == 2.0
    client.session.close()  # a client that goes gives its lock back
    assert error_of(other.session.receive(b"", 1.0)) == 0
    third = Client(endpoint)
    assert third.do(Procedure.LOCK) == (0,)
    other.write(b"OUTP OFF", WAIT | END, lock_timeout=2 * SECOND)
    assert error_of(other.wait()) == Failure.LOCKED


def test_link_can_be_opened_with_a_lock(endpoint: Vxi11Endpoint, client: Client) -> None:
    other = endpoint.connect()
    opening = call(Procedure.CREATE_LINK, struct.pack("!3I", 1, 1, 500) + pack_opaque(b"inst0"))
    client.do(Procedure.LOCK)
    assert other.receive(opening, 0.0) == b""
    assert error_of(other.receive(b"", 0.5)) == Failure.LOCKED
    client.do(Procedure.UNLOCK)
    assert error_of(other.receive(opening, 1.0)) == 0
    assert error_of(client.write(b"OUTP ON")) == Failure.LOCKED


def test_what_the_instrument_does_not_have_is_told(client: Client) -> None:
    assert client.do(Procedure.ENABLE_SERVICE_REQUESTS) == (Failure.NOT_SUPPORTED,)
    assert client.do(Procedure.REMOTE) == (0,)
    wrong = struct.pack("!3I", 1, 0, 0) + pack_opaque(b"gpib0,7")
    assert struct.unpack("!4I", results(client.say(Procedure.CREATE_LINK, wrong))) == (
        Failure.NOT_ACCESSIBLE,
        0,
        0,
        0,
    )
    assert error_of(client.write(bytes(client.largest + 1))) == Failure.PARAMETER
    client.do(Procedure.DESTROY_LINK)
    assert error_of(client.read()) == Failure.INVALID_LINK


@pytest.mark.parametrize(
    ("stream", "status"),
    [
        (call(1, program=100000), 1),
        (call(Procedure.NULL, version=2), 2),
        (call(99), 3),
        (call(Procedure.WRITE, b"\0\0"), 4),
    ],
)
def test_call_that_makes_no_sense_is_refused(client: Client, stream: bytes, status: int) -> None:
    (record,) = RecordReader().feed(client.session.receive(stream, 0.0))
    assert int.from_bytes(record[20:24], "big") == status
    assert Call.parse(record) is None
    assert error_of(client.write(b"OUTP ON")) == 0


def test_stream_without_records_is_hung_up_on(endpoint: Vxi11Endpoint, client: Client) -> None:
    with pytest.raises(SessionEndedError):
        client.session.receive(b"*IDN?\n", 0.0)
    assert list(endpoint.complaints) == ["no record"]


def test_record_that_is_no_call_is_ignored(endpoint: Vxi11Endpoint, client: Client) -> None:
    assert client.session.receive(mark(b"nonsense"), 0.0) == b""
    assert list(endpoint.complaints) == ["no call"]


def test_pyvisa_speaks_with_it(server: TcpServer) -> None:
    assert server.resource == f"TCPIP::127.0.0.1,{server.port}::inst0::INSTR"
    with pyvisa_client(server) as generator:
        assert generator.query("*IDN?").startswith("Rohde&Schwarz,SMC100A,")
        generator.write("FREQ 23.4 MHz;:POW -3;:OUTP ON")
        assert generator.query("FREQ?;:POW?;:OUTP?") == "23400000;-3;1\n"
        generator.write("FREQ?")
        assert generator.read_stb() == 1 << 4
        generator.clear()
        assert generator.query("SYST:ERR?") == '0,"No error"\n'
        generator.timeout = 20
        with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_TMO"):
            generator.read()


def test_fragments_of_one_byte_do_not_hurt(server: TcpServer) -> None:
    server.inject(LineFaults(fragment=1, pause=1e-3))
    with pyvisa_client(server) as generator:
        assert generator.query("FREQ?") == "100000000\n"


def test_power_cycle_ends_the_session(server: TcpServer) -> None:
    with pyvisa_client(server) as generator:
        generator.write("FREQ 23 MHz")
        assert generator.query("FREQ?") == "23000000\n"
        server.power_cycle(boot_time=1.0)
        with pytest.raises(ConnectionError):
            generator.write("FREQ?")
        while server._booted_at is not None:
            server.inject()
    with pyvisa_client(server) as generator:
        assert generator.query("*ESR?;FREQ?") == "128;100000000\n"


def test_two_clients_share_the_instrument_and_its_lock(server: TcpServer) -> None:
    with pyvisa_client(server) as first, pyvisa_client(server) as second:
        first.write("FREQ 20 MHz")
        assert second.query("FREQ?") == "20000000\n"
        first.lock_excl()
        with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_IO"):
            second.write("FREQ 21 MHz")
        first.unlock()
        second.write("FREQ 22 MHz")
        assert first.query("FREQ?") == "22000000\n"
