"""HiSLIP around the simulated generator, spoken by hand in virtual time and by pyvisa over sockets."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
import pyvisa
from instrument_clients import PATIENCE, dial, pyvisa_client

from hardware_sim.instruments import LineFaults, TcpServer, serve_tcp
from hardware_sim.instruments.endpoint import SessionEndedError
from hardware_sim.instruments.hislip import HislipChannel, HislipEndpoint
from hardware_sim.instruments.hislip_locks import LockAnswer, Locks
from hardware_sim.instruments.hislip_messages import Message, MessageReader, MessageType
from hardware_sim.instruments.smc100a import SimulatedSmc100a

SPEED = 100.0
READ = 1  # control code: the last response was read
NUMBER = 0xFFFFFF00  # of a client's first message


class Client:
    """A client of two channels, in virtual time."""

    def __init__(self, endpoint: HislipEndpoint) -> None:
        self.endpoint = endpoint
        self.now = 0.0
        self.synchronous, self.asynchronous = endpoint.connect(), endpoint.connect()
        (answer,) = self.say(
            self.synchronous, MessageType.INITIALIZE, parameter=0x01006162, payload=b"hislip0"
        )
        assert answer.kind == MessageType.INITIALIZE_RESPONSE
        assert answer.parameter >> 16 == 0x0100
        (answer,) = self.say(
            self.asynchronous, MessageType.ASYNC_INITIALIZE, parameter=answer.parameter & 0xFFFF
        )
        assert (answer.kind, answer.control) == (MessageType.ASYNC_INITIALIZE_RESPONSE, 0)

    def say(
        self,
        channel: HislipChannel,
        kind: int,
        control: int = 0,
        parameter: int = 0,
        payload: bytes = b"",
    ) -> list[Message]:
        return hear(channel.receive(Message(kind, control, parameter, payload).encode(), self.now))

    def send(self, payload: bytes, number: int = NUMBER, control: int = 0) -> list[Message]:
        return self.say(self.synchronous, MessageType.DATA_END, control, number, payload)

    def ask(self, kind: int, control: int = 0, parameter: int = 0, payload: bytes = b"") -> list[Message]:
        return self.say(self.asynchronous, kind, control, parameter, payload)

    def collect(self) -> tuple[list[Message], list[Message]]:
        return (
            hear(self.synchronous.receive(b"", self.now)),
            hear(self.asynchronous.receive(b"", self.now)),
        )


def hear(data: bytes) -> list[Message]:
    return MessageReader().feed(data)


def answer_of(messages: list[Message]) -> tuple[int, bytes]:
    (message,) = messages
    assert message.kind == MessageType.DATA_END
    return message.parameter, message.payload


@pytest.fixture
def endpoint() -> HislipEndpoint:
    return HislipEndpoint(SimulatedSmc100a())


@pytest.fixture
def client(endpoint: HislipEndpoint) -> Client:
    return Client(endpoint)


@pytest.fixture
def server() -> Iterator[TcpServer]:
    with serve_tcp(HislipEndpoint(SimulatedSmc100a(), SPEED), speed=SPEED) as served:
        yield served


def test_header_is_that_of_the_standard() -> None:
    assert Message(7, 1, 0xFFFFFF02, b"*IDN?\n").encode() == (
        b"HS\x07\x01\xff\xff\xff\x02\x00\x00\x00\x00\x00\x00\x00\x06*IDN?\n"
    )


def test_response_carries_the_number_of_its_message(client: Client) -> None:
    assert answer_of(client.send(b"FREQ 20 MHz;FREQ?\n")) == (NUMBER, b"20000000\n")
    assert answer_of(client.send(b"OUTP?", NUMBER + 2, READ)) == (NUMBER + 2, b"0\n")


def test_message_in_parts_is_one_message(client: Client) -> None:
    assert client.say(client.synchronous, MessageType.DATA, 0, NUMBER, b"FREQ 2") == []
    assert client.say(client.synchronous, MessageType.DATA, 0, NUMBER + 2, b"5 MHz;FR") == []
    assert answer_of(client.send(b"EQ?\n", NUMBER + 4)) == (NUMBER + 4, b"25000000\n")


def test_stream_is_understood_at_every_cut(client: Client) -> None:
    stream = Message(MessageType.DATA_END, READ, NUMBER, b"FREQ?\n").encode()
    for cut in range(1, len(stream)):
        assert client.synchronous.receive(stream[:cut], 0.0) == b""
        assert answer_of(hear(client.synchronous.receive(stream[cut:], 0.0)))[1] == b"100000000\n"


def test_unread_response_is_interrupted_on_both_channels(client: Client) -> None:
    client.send(b"FREQ?\n")
    first, second = client.send(b"POW?\n", NUMBER + 2)  # not marked as read
    assert (first.kind, first.parameter) == (MessageType.INTERRUPTED, NUMBER + 2)
    assert answer_of([second]) == (NUMBER + 2, b"-30\n")
    (told,) = client.collect()[1]
    assert (told.kind, told.parameter) == (MessageType.ASYNC_INTERRUPTED, NUMBER + 2)


def test_late_response_is_lost_to_the_next_question(client: Client) -> None:
    assert client.send(b"CAL:ALL:MEAS?\n") == []
    assert client.send(b"POW?\n", NUMBER + 2) == []
    client.now = client.synchronous.due() or 0.0
    assert client.now == 180.0
    interrupted, answer = client.collect()[0]
    assert interrupted.kind == MessageType.INTERRUPTED
    assert answer_of([answer]) == (NUMBER + 2, b"-30\n")


def test_long_response_comes_in_parts_that_the_client_can_take(client: Client) -> None:
    size = struct.pack("!Q", 300)
    (agreed,) = client.ask(MessageType.ASYNC_MAX_MESSAGE_SIZE, payload=size)
    assert struct.unpack("!Q", agreed.payload) == (1 << 20,)
    parts = client.send(b"*IDN?;" * 19 + b"*IDN?\n")
    assert [part.kind for part in parts] == [MessageType.DATA] * (len(parts) - 1) + [MessageType.DATA_END]
    assert len(parts) > 1
    assert {len(part.encode()) for part in parts[:-1]} == {300}
    assert b"".join(part.payload for part in parts).count(b"Rohde&Schwarz") == 20


def test_status_byte_tells_of_errors_and_of_a_waiting_response(client: Client) -> None:
    client.send(b"NONSENSE\n")
    (status,) = client.ask(MessageType.ASYNC_STATUS_QUERY)
    assert (status.kind, status.control) == (MessageType.ASYNC_STATUS_RESPONSE, 1 << 2)
    client.send(b"*CLS;FREQ?\n", NUMBER + 2)
    assert client.ask(MessageType.ASYNC_STATUS_QUERY)[0].control == 1 << 4
    assert client.ask(MessageType.ASYNC_STATUS_QUERY, READ)[0].control == 0


def test_status_byte_of_a_busy_instrument_can_be_had(client: Client) -> None:
    client.send(b"CAL:ALL:MEAS?\n")
    assert client.ask(MessageType.ASYNC_STATUS_QUERY)[0].kind == MessageType.ASYNC_STATUS_RESPONSE


def test_device_clear_forgets_what_was_asked(client: Client) -> None:
    client.send(b"CAL:ALL:MEAS?\n")
    client.send(b"POW?\n", NUMBER + 2)
    (answer,) = client.ask(MessageType.ASYNC_DEVICE_CLEAR)
    assert answer.kind == MessageType.ASYNC_DEVICE_CLEAR_ACKNOWLEDGE
    assert client.send(b"FREQ 1 MHz\n", NUMBER + 4) == []  # sent before the client knew: discarded
    (answer,) = client.say(client.synchronous, MessageType.DEVICE_CLEAR_COMPLETE)
    assert answer.kind == MessageType.DEVICE_CLEAR_ACKNOWLEDGE
    client.now = 200.0
    assert client.collect() == ([], [])
    assert answer_of(client.send(b"FREQ?\n")) == (NUMBER, b"100000000\n")


def test_trigger_reaches_the_instrument(endpoint: HislipEndpoint, client: Client) -> None:
    client.send(b"TRIG:FSW:SOUR SING;:FREQ:MODE SWE\n")
    assert isinstance(endpoint.inner, SimulatedSmc100a)
    assert endpoint.inner.frequency_at(5.0) == 100e6
    client.now = 5.0
    assert client.say(client.synchronous, MessageType.TRIGGER, 0, NUMBER + 2) == []
    assert endpoint.inner.frequency_at(5.0201) == 102e6


def test_lock_holds_the_messages_of_others_back(endpoint: HislipEndpoint, client: Client) -> None:
    other = Client(endpoint)
    assert client.ask(MessageType.ASYNC_LOCK, 1)[0].control == LockAnswer.SUCCESS
    assert client.ask(MessageType.ASYNC_LOCK, 1)[0].control == LockAnswer.ERROR
    (known,) = other.ask(MessageType.ASYNC_LOCK_INFO)
    assert (known.control, known.parameter) == (1, 1)
    assert other.send(b"FREQ?\n") == []
    assert client.ask(MessageType.ASYNC_LOCK, 0)[0].control == LockAnswer.SUCCESS
    assert answer_of(other.collect()[0]) == (NUMBER, b"100000000\n")
    assert client.ask(MessageType.ASYNC_LOCK, 0)[0].control == LockAnswer.ERROR


def test_lock_is_waited_for_as_long_as_the_client_wants(endpoint: HislipEndpoint, client: Client) -> None:
    other = Client(endpoint)
    client.ask(MessageType.ASYNC_LOCK, 1)
    assert other.ask(MessageType.ASYNC_LOCK, 1, parameter=2000) == []
    assert other.asynchronous.due() == 2.0
    other.now = 2.0
    assert other.collect()[1][0].control == LockAnswer.FAILURE
    assert other.ask(MessageType.ASYNC_LOCK, 1, parameter=2000) == []
    client.synchronous.close()  # a client that goes gives its locks back
    assert other.collect()[1][0].control == LockAnswer.SUCCESS


def test_shared_locks_go_by_their_key() -> None:
    locks = Locks()
    assert locks.grant(1, b"team")
    assert locks.grant(2, b"team")
    assert not locks.grant(3, b"rivals")
    assert not locks.grant(3, b"")
    assert (locks.bars(2), locks.bars(3), locks.holders, locks.exclusive) == (False, True, 2, False)
    assert locks.grant(1, b"")  # one of the team for itself alone
    assert (locks.bars(2), locks.exclusive, locks.holders) == (True, True, 2)
    assert locks.release(1) is LockAnswer.SUCCESS
    assert locks.release(1) is LockAnswer.SHARED_RELEASED
    locks.forget(2)
    assert locks.grant(3, b"")


def test_unknown_message_is_told_and_skipped(endpoint: HislipEndpoint, client: Client) -> None:
    (error,) = client.say(client.synchronous, 99, payload=b"what?")
    assert (error.kind, error.control, error.payload) == (MessageType.ERROR, 1, b"Unrecognized message type")
    assert client.ask(MessageType.DATA_END, payload=b"FREQ?\n")[0].kind == MessageType.ERROR
    assert answer_of(client.send(b"OUTP?\n"))[1] == b"0\n"
    assert list(endpoint.complaints) == ["Unrecognized message type"] * 2


def test_message_that_is_too_large_is_told_and_skipped(client: Client) -> None:
    huge = Message(MessageType.DATA_END, 0, NUMBER, bytes((1 << 20) + 1)).encode()
    (error,) = hear(client.synchronous.receive(huge, 0.0))
    assert (error.kind, error.control, error.payload) == (MessageType.ERROR, 4, b"Message too large")
    assert answer_of(client.send(b"OUTP?\n"))[1] == b"0\n"


@pytest.mark.parametrize(
    ("kind", "parameter", "payload", "text"),
    [
        (MessageType.DATA_END, 0, b"*IDN?\n", b"Invalid initialization sequence"),
        (MessageType.INITIALIZE, 0x01000000, b"hislip7", b"Invalid initialization sequence"),
        (MessageType.ASYNC_INITIALIZE, 77, b"", b"Invalid initialization sequence"),
    ],
)
def test_wrong_start_is_fatal(
    endpoint: HislipEndpoint, kind: int, parameter: int, payload: bytes, text: bytes
) -> None:
    channel = endpoint.connect()
    with pytest.raises(SessionEndedError) as caught:
        channel.receive(Message(kind, 0, parameter, payload).encode(), 0.0)
    (told,) = hear(caught.value.parting)
    assert (told.kind, told.control, told.payload) == (MessageType.FATAL_ERROR, 3, text)


def test_data_before_the_second_channel_is_fatal(endpoint: HislipEndpoint) -> None:
    channel = endpoint.connect()
    channel.receive(Message(MessageType.INITIALIZE, 0, 0x01000000, b"hislip0").encode(), 0.0)
    assert endpoint.awaits_channel()
    with pytest.raises(SessionEndedError) as caught:
        channel.receive(Message(MessageType.DATA_END, 0, NUMBER, b"*IDN?\n").encode(), 0.0)
    assert hear(caught.value.parting)[0].control == 2
    assert not endpoint.awaits_channel()


def test_lost_step_is_fatal_to_both_channels(client: Client) -> None:
    with pytest.raises(SessionEndedError) as caught:
        client.synchronous.receive(b"*IDN?\n", 0.0)
    (told,) = hear(caught.value.parting)
    assert (told.kind, told.control, told.payload) == (
        MessageType.FATAL_ERROR,
        1,
        b"Poorly formed message header",
    )
    with pytest.raises(SessionEndedError):
        client.asynchronous.receive(b"", 0.0)
    assert str(caught.value).startswith("the instrument hangs up after b'HS\\x02")


def test_pyvisa_speaks_with_it(server: TcpServer) -> None:
    assert server.resource == f"TCPIP::127.0.0.1::hislip0,{server.port}::INSTR"
    with pyvisa_client(server) as generator:
        assert generator.query("*IDN?").startswith("Rohde&Schwarz,SMC100A,")
        generator.write("FREQ 23.4 MHz;:POW -3;:OUTP ON")
        assert generator.query("FREQ?;:POW?;:OUTP?") == "23400000;-3;1\n"
        generator.write("NONSENSE")
        assert generator.read_stb() & 1 << 2
        generator.clear()
        assert generator.query("SYST:ERR?") == '-113,"Undefined header; NONSENSE"\n'


def test_fragments_of_one_byte_do_not_hurt(server: TcpServer) -> None:
    server.inject(LineFaults(fragment=1, pause=1e-3))
    with pyvisa_client(server) as generator:
        assert generator.query("FREQ?") == "100000000\n"
        assert generator.query("POW?") == "-30\n"


def test_late_reply_never_answers_the_next_question(server: TcpServer) -> None:
    with pyvisa_client(server) as generator:
        generator.timeout = 50
        server.inject(LineFaults(delay=0.2 * SPEED, replies=1))
        with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_TMO"):
            generator.query("FREQ?")
        generator.timeout = PATIENCE * 1e3
        assert generator.query("POW?") == "-30\n"


def test_power_cycle_ends_the_session(server: TcpServer) -> None:
    with pyvisa_client(server) as generator:
        generator.write("FREQ 23 MHz")
        assert generator.query("FREQ?") == "23000000\n"
        server.power_cycle(boot_time=1.0)
        with pytest.raises((ConnectionError, RuntimeError)):
            generator.query("FREQ?")
        while server._booted_at is not None:
            server.inject()
    with pyvisa_client(server) as generator:
        assert generator.query("*ESR?;FREQ?") == "128;100000000\n"


def test_two_clients_share_the_instrument(server: TcpServer) -> None:
    with pyvisa_client(server) as first, pyvisa_client(server) as second:
        first.write("FREQ 20 MHz")
        assert first.query("OUTP?") == "0\n"
        assert second.query("FREQ?") == "20000000\n"


def test_second_client_is_refused_as_a_client(server: TcpServer) -> None:
    server.second_client = "refuse"  # and yet each client may open two connections
    with pyvisa_client(server) as first, dial(server) as second:
        assert second.recv(1) == b""
        assert first.query("OUTP?") == "0\n"


def test_second_client_kicks_the_first(server: TcpServer) -> None:
    server.second_client = "kick"
    with pyvisa_client(server) as first:
        assert first.query("OUTP?") == "0\n"
        with pyvisa_client(server) as second:
            assert second.query("OUTP?") == "0\n"
            with pytest.raises((ConnectionError, RuntimeError)):
                first.query("OUTP?")


def test_closing_one_channel_closes_the_other(server: TcpServer) -> None:
    with dial(server) as synchronous:
        synchronous.sendall(Message(MessageType.INITIALIZE, 0, 0x01000000, b"hislip0").encode())
        number = int.from_bytes(synchronous.recv(16)[6:8], "big")
        with dial(server) as asynchronous:
            asynchronous.sendall(Message(MessageType.ASYNC_INITIALIZE, 0, number).encode())
            assert len(asynchronous.recv(16)) == 16
        assert synchronous.recv(1) == b""
