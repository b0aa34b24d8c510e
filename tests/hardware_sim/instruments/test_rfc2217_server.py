"""RFC 2217 around the simulated generator, spoken by hand and by pyserial."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import serial
from instrument_clients import PATIENCE, dial

from hardware_sim.instruments import LineFaults, TcpServer, serve_tcp
from hardware_sim.instruments.rfc2217 import Rfc2217Endpoint, Rfc2217Session, SerialSettings
from hardware_sim.instruments.smc100a import SimulatedSmc100a

GREETING = b"\xff\xfb\x00\xff\xfd\x00"
# pyserial's reader thread is started with a method that Python calls old.
old_thread = pytest.mark.filterwarnings("ignore:set(Daemon|Name).*:DeprecationWarning")


def command(number: int, value: bytes = b"") -> bytes:
    return b"\xff\xfa\x2c" + bytes([number]) + value.replace(b"\xff", b"\xff\xff") + b"\xff\xf0"


@pytest.fixture
def endpoint() -> Rfc2217Endpoint:
    return Rfc2217Endpoint(SimulatedSmc100a())


@pytest.fixture
def session(endpoint: Rfc2217Endpoint) -> Rfc2217Session:
    opened = endpoint.connect()
    assert opened.receive(b"", 0.0) == GREETING
    assert opened.receive(b"\xff\xfd\x00\xff\xfb\x00", 0.0) == b""  # agreed, and so not answered
    return opened


@pytest.fixture
def server(endpoint: Rfc2217Endpoint) -> Iterator[TcpServer]:
    with serve_tcp(endpoint) as served:
        yield served


def test_com_port_option_is_agreed_once(session: Rfc2217Session) -> None:
    agreed = session.receive(b"\xff\xfb\x2c\xff\xfd\x2c", 0.0)
    assert agreed == b"\xff\xfd\x2c" + command(107, b"\x33") + b"\xff\xfb\x2c"
    assert session.receive(b"\xff\xfb\x2c\xff\xfd\x2c", 0.0) == b""


def test_other_options_are_declined(session: Rfc2217Session) -> None:
    assert session.receive(b"\xff\xfd\x01\xff\xfb\x18", 0.0) == b"\xff\xfc\x01\xff\xfe\x18"
    assert session.receive(b"\xff\xfe\x01", 0.0) == b""
    assert session.receive(b"\xff\xfe\x00", 0.0) == b"\xff\xfc\x00"


@pytest.mark.parametrize(
    ("number", "value", "answer"),
    [
        (0, b"", b"ionloom simulated terminal server"),
        (1, b"\x00\x01\xc2\x00", b"\x00\x01\xc2\x00"),
        (1, b"\x00\x00\x00\x00", b"\x00\x00\x25\x80"),
        (1, b"\x00\x00\xff\x00", b"\x00\x00\xff\x00"),
        (2, b"\x07", b"\x07"),
        (2, b"\x09", b"\x08"),
        (3, b"\x03", b"\x03"),
        (3, b"\x00", b"\x01"),
        (4, b"\x02", b"\x02"),
        (5, b"\x03", b"\x03"),
        (5, b"\x00", b"\x01"),
        (5, b"\x08", b"\x08"),
        (5, b"\x07", b"\x09"),
        (6, b"", b"\x00"),
        (7, b"", b"\x30"),
        (10, b"\xff", b"\xff"),
        (11, b"\x10", b"\x10"),
        (12, b"\x03", b"\x03"),
    ],
)
def test_command_is_answered(session: Rfc2217Session, number: int, value: bytes, answer: bytes) -> None:
    assert session.receive(command(number, value), 0.0) == command(number + 100, answer)


def test_settings_are_recorded(endpoint: Rfc2217Endpoint, session: Rfc2217Session) -> None:
    session.receive(
        command(1, b"\x00\x00\xe1\x00")
        + command(3, b"\x02")
        + command(4, b"\x03")
        + command(5, b"\x02")
        + command(5, b"\x0b"),
        0.0,
    )
    assert endpoint.settings == SerialSettings(57600, 8, "odd", 1.5, "software", rts=True)
    assert not endpoint.complaints


def test_what_makes_no_sense_is_not_answered(endpoint: Rfc2217Endpoint, session: Rfc2217Session) -> None:
    assert session.receive(command(1, b"\x96"), 0.0) == b""
    assert session.receive(command(5, b"\x63"), 0.0) == b""
    assert session.receive(command(77), 0.0) == b""
    assert session.receive(b"\xff\xfa\x18\x01\xff\xf0", 0.0) == b""
    assert session.receive(b"\xff\xfa" + b"x" * 300, 0.0) == b""
    assert len(endpoint.complaints) == 5


def test_commands_between_data_are_found_at_every_cut(session: Rfc2217Session) -> None:
    stream = b"FR" + command(1, b"\x00\x00\xff\x00") + b"EQ?" + b"\xff\xf1" + b"\n"
    expected = command(101, b"\x00\x00\xff\x00") + b"100000000\n"
    for cut in range(1, len(stream)):
        assert session.receive(stream[:cut], 0.0) + session.receive(stream[cut:], 0.0) == expected


class Plug:
    """A loopback plug on the serial port."""

    tcp_resource = ""
    loses_link = False
    boot_time = 0.0

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.heard = b""

    def connect(self) -> Plug:
        return self

    def receive(self, data: bytes, now: float) -> bytes:
        self.heard += data
        return data

    def due(self) -> float | None:
        return None

    def close(self) -> None:
        pass

    def switch_off(self, now: float) -> None:
        pass

    def switch_on(self, now: float) -> None:
        pass


def test_byte_255_is_doubled_both_ways() -> None:
    plug = Plug()
    session = Rfc2217Endpoint(plug).connect()
    assert session.receive(b"\x00\xff\xff\x0d", 0.0) == GREETING + b"\x00\xff\xff\x0d"
    assert plug.heard == b"\x00\xff\x0d"


def test_client_can_hold_the_stream_up(session: Rfc2217Session) -> None:
    assert session.receive(command(8) + b"FREQ?\n", 0.0) == b""
    assert session.receive(command(9), 0.0) == b"100000000\n"
    session.receive(command(8) + b"FREQ?\n", 0.0)
    assert session.receive(command(12, b"\x01"), 0.0) == command(112, b"\x01")
    assert session.receive(command(9), 0.0) == b""


def test_instrument_hears_nothing_at_a_wrong_baud_rate() -> None:
    endpoint = Rfc2217Endpoint(SimulatedSmc100a(), required=SerialSettings(baud_rate=115200))
    session = endpoint.connect()
    assert session.receive(b"FREQ 20 MHz;FREQ?\n", 0.0) == GREETING
    session.receive(command(1, b"\x00\x01\xc2\x00"), 0.0)
    assert session.receive(b"FREQ?\n", 0.0) == b"100000000\n"
    session.receive(command(5, b"\x05"), 0.0)  # a break is nothing that it understands either
    assert session.receive(b"FREQ?\n", 0.0) == b""


def read_on(port: serial.SerialBase) -> None:
    while True:
        port.read(1)


@old_thread
def test_pyserial_speaks_with_it_in_fragments(endpoint: Rfc2217Endpoint, server: TcpServer) -> None:
    assert server.resource == f"rfc2217://127.0.0.1:{server.port}"
    server.inject(LineFaults(fragment=1, pause=1e-4))
    port = serial.serial_for_url(
        server.resource, 57600, parity=serial.PARITY_EVEN, rtscts=True, timeout=PATIENCE
    )
    try:
        assert endpoint.settings == SerialSettings(57600, 8, "even", 1.0, "hardware", dtr=True)
        port.write(b"FREQ 23 MHz;FREQ?\n")
        assert port.read_until(b"\n") == b"23000000\n"
        assert (port.cts, port.dsr, port.cd) == (True, True, False)
        server.power_cycle(boot_time=0.0)  # the terminal server has power of its own
        port.write(b"*ESR?;FREQ?\n")
        assert port.read_until(b"\n") == b"128;100000000\n"
        server.unplug()
        with pytest.raises(serial.SerialException, match="reader thread died"):
            read_on(port)
    finally:
        port.close()


def test_two_clients_share_the_instrument(server: TcpServer) -> None:
    with (
        dial(server) as first,
        dial(server) as second,
    ):
        first.sendall(b"FREQ 20 MHz;*OPC?\n")
        assert first.makefile("rb").readline() == GREETING + b"1\n"
        second.sendall(b"FREQ?\n")
        assert second.makefile("rb").readline() == GREETING + b"20000000\n"
