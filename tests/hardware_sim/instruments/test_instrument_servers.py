"""The transports, spoken to by plain sockets, pyserial and pyvisa, in accelerated time."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import pyvisa
import serial
from instrument_clients import PATIENCE, HandClock, dial

from hardware_sim.instruments import (
    InstrumentSetupError,
    LineFaults,
    PseudoTerminalError,
    Server,
    ServerClosedError,
    TcpServer,
    TerminalServer,
    serve_pty,
    serve_tcp,
)
from hardware_sim.instruments.ell14 import Ell14Mount, Ell14Specification
from hardware_sim.instruments.ell14_bus import Ell14Bus
from hardware_sim.instruments.endpoint import SessionEndedError
from hardware_sim.instruments.scpi import ScpiSession
from hardware_sim.instruments.smc100a import SimulatedSmc100a
from hardware_sim.instruments.tcp import SecondClient, SocketChannel

SILENCE = 0.05  # s of wall time in which no reply may come
SPEED = 100.0


def build_bus(address: str = "0") -> Ell14Bus:
    specification = Ell14Specification(landing=0)
    return Ell14Bus({address: Ell14Mount("11400197", np.random.default_rng(1), specification)})


def read_line(client: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        piece = client.recv(1)
        if not piece:
            return line
        line += piece
    return line


def query(client: socket.socket, command: bytes) -> bytes:
    client.sendall(command + b"\n")
    return read_line(client)


def assert_silent(client: socket.socket) -> None:
    client.settimeout(SILENCE)
    with pytest.raises(TimeoutError):
        client.recv(1)
    client.settimeout(PATIENCE)


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the numbers matter, not the paths


@pytest.fixture
def generator() -> Iterator[TcpServer]:
    with serve_tcp(SimulatedSmc100a(), speed=SPEED) as server:
        yield server


@pytest.fixture
def bus() -> Iterator[TerminalServer]:
    with serve_pty(build_bus(), speed=SPEED) as server:
        yield server


def test_resource_strings(generator: TcpServer, bus: TerminalServer) -> None:
    assert generator.resource == f"TCPIP::127.0.0.1::{generator.port}::SOCKET"
    assert bus.resource.startswith("/dev/pts/")
    with serve_tcp(build_bus()) as adapter:
        assert adapter.resource == f"socket://127.0.0.1:{adapter.port}"


def test_generator_over_pyvisa(generator: TcpServer) -> None:
    visa = pyvisa.ResourceManager("@py")
    resource = visa.open_resource(
        generator.resource, read_termination="\n", write_termination="\n", timeout=5000
    )
    assert isinstance(resource, pyvisa.resources.MessageBasedResource)
    assert resource.query("*IDN?").startswith("Rohde&Schwarz,SMC100A,")
    resource.write("FREQ 23.4 MHZ;:POW -3;:OUTP ON")
    assert resource.query("*OPC?;FREQ?;:OUTP?") == "1;23400000;1"
    assert resource.query("SYST:ERR?") == '0,"No error"'
    resource.close()
    assert isinstance(generator.endpoint, SimulatedSmc100a)
    assert (generator.endpoint.frequency, generator.endpoint.power) == (23.4e6, -3.0)


def test_mount_over_pyserial_on_a_pseudo_terminal(bus: TerminalServer) -> None:
    with serial.Serial(bus.resource, 9600, timeout=PATIENCE) as line:
        line.write(b"0in")
        assert line.read_until(b"\r\n") == b"0IN0E1140019720231701016800023000\r\n"
        line.write(b"0ho0")
        assert line.read_until(b"\r\n") == b"0PO00000000\r\n"
        line.write(b"0ma00004600")
        assert line.read_until(b"\r\n") == b"0PO00004600\r\n"


def test_terminal_outlives_its_clients(bus: TerminalServer) -> None:
    for _ in range(3):
        with serial.Serial(bus.resource, 9600, timeout=PATIENCE) as line:
            line.write(b"0gs")
            assert line.read_until(b"\r\n") == b"0GS00\r\n"


def test_mount_over_pyserial_on_a_socket() -> None:
    with serve_tcp(build_bus("A"), speed=SPEED) as server:
        line = serial.serial_for_url(server.resource, timeout=PATIENCE)
        line.write(b"Agp")
        assert line.read_until(b"\r\n") == b"APO00000000\r\n"
        line.close()


def test_one_bus_on_two_transports() -> None:
    endpoint = build_bus()
    with serve_tcp(endpoint) as adapter, serve_pty(endpoint) as terminal, dial(adapter) as client:
        with serial.Serial(terminal.resource, 9600, timeout=PATIENCE) as line:
            line.write(b"0sv32")
            assert line.read_until(b"\r\n") == b"0GS00\r\n"
        client.sendall(b"0gv")
        while (
            heard := read_line(client)
        ) == b"0GS00\r\n":  # the answer to the other client, on the same wires
            pass
        assert heard == b"0GV32\r\n"


def test_motion_follows_a_clock_moved_by_hand() -> None:
    clock, endpoint = HandClock(), build_bus()
    with serve_tcp(endpoint, clock=clock) as server, dial(server) as client:
        client.sendall(b"0fw0gs")
        assert read_line(client) == b"0GS09\r\n"
        clock.advance(0.06, server)
        client.sendall(b"0gp")
        assert read_line(client) == b"0PO0000219A\r\n"  # 0.06 turns
        assert_silent(client)
        clock.advance(0.07, server)
        assert read_line(client) == b"0PO00004600\r\n"


def test_speed_accelerates_lab_time() -> None:
    clock = HandClock()
    with serve_tcp(SimulatedSmc100a(), clock=clock, speed=60.0) as server:
        clock.time = 2.0
        assert server.now() == 120.0


def test_fragmented_commands_are_understood_at_every_cut(generator: TcpServer) -> None:
    command = b"FREQ 23.4 MHZ;FREQ?\r\n"
    with dial(generator) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for cut in range(1, len(command)):
            client.sendall(command[:cut])
            generator.inject()  # a round of the server: it has read the first part
            client.sendall(command[cut:])
            assert read_line(client) == b"23400000\n"


def test_fragmented_reply_arrives_whole(generator: TcpServer) -> None:
    generator.inject(LineFaults(fragment=1, pause=0.2))
    with dial(generator) as client:
        assert query(client, b"FREQ?") == b"100000000\n"


def test_late_reply_still_arrives() -> None:
    clock = HandClock()
    with serve_tcp(SimulatedSmc100a(), clock=clock) as server, dial(server) as client:
        server.inject(LineFaults(delay=5.0))
        client.sendall(b"FREQ?\n")
        assert_silent(client)
        clock.advance(4.9, server)
        assert_silent(client)
        clock.advance(0.2, server)
        assert read_line(client) == b"100000000\n"


def test_stalled_line_is_silent_and_loses_commands(generator: TcpServer) -> None:
    with dial(generator) as client:
        generator.inject(LineFaults(stalled=True))
        client.sendall(b"FREQ 20 MHz;FREQ?\n")
        assert_silent(client)
        generator.inject()
        assert query(client, b"FREQ?") == b"100000000\n"


def test_garbage_hits_as_many_replies_as_asked(generator: TcpServer) -> None:
    generator.inject(LineFaults(garbage=b"\xff\xfe", replies=2))
    with dial(generator) as client:
        assert [query(client, b"OUTP?") for _ in range(3)] == [b"\xff\xfe0\n", b"\xff\xfe0\n", b"0\n"]


@pytest.mark.parametrize("abort", [False, True])
def test_pulled_cable_ends_the_connection_and_keeps_the_state(generator: TcpServer, abort: bool) -> None:
    with dial(generator) as client:
        query(client, b"FREQ 20 MHz;*OPC?")
        generator.drop_link(abort)
        if abort:
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        else:
            assert client.recv(1) == b""
    with dial(generator) as client:
        assert query(client, b"FREQ?;*ESR?") == b"20000000;128\n"


def test_power_cycle_refuses_clients_until_booted() -> None:
    clock, endpoint = HandClock(), SimulatedSmc100a()
    with serve_tcp(endpoint, clock=clock) as server:
        resource = server.resource
        with dial(server) as client:
            assert query(client, b"OUTP 1;OUTP?;*ESR?") == b"1;128\n"
            server.power_cycle()
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        assert endpoint.power == -math.inf
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                dial(server)
            clock.advance(29.9, server)
        server.drop_link()  # pulling the cable of an instrument that boots changes nothing
        with pytest.raises(ConnectionRefusedError):
            dial(server)
        clock.advance(0.3, server)
        server.inject()
        assert endpoint.power == -30.0
        assert server.resource == resource
        with dial(server) as client:
            assert query(client, b"*ESR?;FREQ?") == b"128;100000000\n"


def test_mounts_lose_power_but_not_their_adapter() -> None:
    clock = HandClock()
    with serve_tcp(build_bus(), clock=clock) as server, dial(server) as client:
        client.sendall(b"0sv320gs")
        assert (read_line(client), read_line(client)) == (b"0GS00\r\n", b"0GS00\r\n")
        server.power_cycle(boot_time=2.0)
        client.sendall(b"0gv")
        assert_silent(client)
        clock.advance(2.5, server)
        client.sendall(b"0gv")
        assert read_line(client) == b"0GV64\r\n"


def test_unplugged_terminal_errs_and_comes_back_under_its_link(tmp_path: Path) -> None:
    link = tmp_path / "ell14"
    with serve_pty(build_bus(), link=link) as server:
        assert server.resource == str(link)
        with serial.Serial(server.resource, 9600, timeout=PATIENCE) as line:
            server.drop_link()
            with pytest.raises(serial.SerialException):
                line.read(1)
        with serial.Serial(server.resource, 9600, timeout=PATIENCE) as line:
            line.write(b"0gs")
            assert line.read_until(b"\r\n") == b"0GS00\r\n"
    assert not link.is_symlink()


def test_link_never_replaces_a_file(tmp_path: Path) -> None:
    link = tmp_path / "notes.txt"
    link.write_text("precious")
    descriptors = open_descriptors()
    with pytest.raises(FileExistsError):
        serve_pty(build_bus(), link=link)
    assert link.read_text() == "precious"
    assert open_descriptors() == descriptors


@pytest.mark.parametrize(
    ("policy", "first_lives", "second_lives"),
    [("accept", True, True), ("refuse", True, False), ("kick", False, True)],
)
def test_second_client(policy: SecondClient, first_lives: bool, second_lives: bool) -> None:
    def lives(client: socket.socket) -> bool:
        with contextlib.suppress(ConnectionError):
            return query(client, b"*TST?") == b"0\n"
        return False

    with serve_tcp(SimulatedSmc100a(), second_client=policy) as server, dial(server) as first:
        assert lives(first)
        with dial(server) as second:
            assert lives(second) is second_lives
            assert lives(first) is first_lives


def test_client_that_hung_up_is_gone_before_the_next_is_judged() -> None:
    with serve_tcp(SimulatedSmc100a(), second_client="refuse") as server:
        first = dial(server)
        assert query(first, b"*TST?") == b"0\n"
        # With the server held, it finds the last command, the end and the new client all at once.
        with server.endpoint.lock:
            server.wake()
            first.sendall(b"FREQ 20 MHz\n")
            first.close()
            second = dial(server)
        with second:
            assert query(second, b"FREQ?") == b"20000000\n"


def test_flooding_client_does_not_hold_up_the_close() -> None:
    def flood(client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client.sendall(b"FREQ 20 MHz\n" * 100)

    with serve_tcp(SimulatedSmc100a()) as server, dial(server) as client:
        flooding = threading.Thread(target=flood, args=(client,))
        flooding.start()
        server.inject()
        server.close()
        flooding.join(PATIENCE)
        assert not flooding.is_alive()


def test_client_that_hangs_up_makes_room_for_the_next() -> None:
    with serve_tcp(SimulatedSmc100a(), second_client="refuse") as server:
        for _ in range(5):
            with dial(server) as client:
                assert query(client, b"*TST?") == b"0\n"


def test_client_that_does_not_read_gets_every_reply_later(generator: TcpServer) -> None:
    with dial(generator) as client:
        question = b";".join([b"*IDN?"] * 50)
        expected = query(client, question)
        (served,) = generator._lines.values()
        assert isinstance(served.channel, SocketChannel)
        served.channel._connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        repetitions = 0
        while not served.blocked:
            client.sendall((question + b"\n") * 10)
            generator.inject()  # a round of the server
            repetitions += 10
        served.channel._connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)  # drain fast
        received = b""
        while len(received) < len(expected) * repetitions:
            received += client.recv(1 << 20)
        assert received == expected * repetitions
        assert query(client, b"*TST?") == b"0\n"


def test_servers_leave_nothing_behind() -> None:
    serve_tcp(SimulatedSmc100a()).close()
    threads, descriptors = threading.active_count(), open_descriptors()
    servers: list[Server] = [serve_tcp(SimulatedSmc100a()) for _ in range(15)]
    servers += [serve_pty(build_bus()) for _ in range(5)]
    clients = [dial(server) for server in servers if isinstance(server, TcpServer)]
    assert all(query(client, b"*TST?") == b"0\n" for client in clients)
    assert threading.active_count() == threads + 20
    for server in servers:
        server.close()
        server.close()
    for client in clients:
        assert client.recv(1) == b""
        client.close()
    assert (threading.active_count(), open_descriptors()) == (threads, descriptors)


def test_taken_port_leaves_nothing_behind(generator: TcpServer) -> None:
    descriptors = open_descriptors()
    with pytest.raises(OSError, match="in use"):
        serve_tcp(SimulatedSmc100a(), port=generator.port)
    assert open_descriptors() == descriptors


def test_closed_server_says_so() -> None:
    server = serve_tcp(SimulatedSmc100a())
    server.close()
    with pytest.raises(ServerClosedError) as caught:
        server.drop_link()
    assert str(caught.value) == (
        f"the simulated instrument at {server.resource} is no longer served: serve it again first"
    )


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan")])
def test_speed_must_be_positive(speed: float) -> None:
    with pytest.raises(InstrumentSetupError) as caught:
        serve_tcp(SimulatedSmc100a(), speed=speed)
    assert str(caught.value) == (
        f"speed = {speed!r} is not possible: allowed is above 0 lab seconds per second; use 1 for real time"
    )


def test_system_without_pseudo_terminals_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "openpty")
    with pytest.raises(PseudoTerminalError) as caught:
        serve_pty(build_bus())
    assert str(caught.value) == (
        f"this system ({os.name}) has no pseudo-terminals: "
        "serve the instrument with serve_tcp and open its socket:// resource with pyserial"
    )


@pytest.mark.parametrize("abort", [False, True])
def test_unplugged_cable_stays_out_until_it_is_plugged(generator: TcpServer, abort: bool) -> None:
    resource = generator.resource
    with dial(generator) as client:
        query(client, b"FREQ 20 MHz;*OPC?")
        generator.unplug(abort)
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            dial(generator)
        generator.unplug()
        generator.drop_link()
    generator.plug()
    generator.plug()
    assert generator.resource == resource
    with dial(generator) as client:
        assert query(client, b"FREQ?;*ESR?") == b"20000000;128\n"


def test_instrument_that_boots_unplugged_waits_for_its_cable() -> None:
    clock = HandClock()
    with serve_tcp(SimulatedSmc100a(), clock=clock) as server:
        server.unplug()
        server.power_cycle()
        clock.advance(61.0, server)
        with pytest.raises(ConnectionRefusedError):
            dial(server)
        server.power_cycle()
        server.plug()
        with pytest.raises(ConnectionRefusedError):
            dial(server)
        clock.advance(61.0, server)
        server.inject()
        with dial(server) as client:
            assert query(client, b"*ESR?") == b"128\n"


def test_cable_pulled_while_the_mounts_have_no_power_can_be_used_again() -> None:
    clock = HandClock()
    with serve_tcp(build_bus(), clock=clock) as server:
        server.power_cycle(boot_time=2.0)
        server.drop_link()
        with dial(server) as client:
            clock.advance(2.5, server)
            client.sendall(b"0gs")
            assert read_line(client) == b"0GS00\r\n"


def test_unplugged_terminal_is_gone_until_it_is_plugged(tmp_path: Path) -> None:
    link = tmp_path / "ell14"
    with serve_pty(build_bus(), link=link) as server:
        server.unplug()
        with pytest.raises(serial.SerialException):
            serial.Serial(server.resource, 9600)
        server.plug()
        with serial.Serial(server.resource, 9600, timeout=PATIENCE) as line:
            line.write(b"0gs")
            assert line.read_until(b"\r\n") == b"0GS00\r\n"


def test_judgement_of_second_clients_can_be_changed(generator: TcpServer) -> None:
    with dial(generator) as first:
        assert query(first, b"*TST?") == b"0\n"
        generator.second_client = "refuse"
        with dial(generator) as second:
            assert second.recv(1) == b""
        generator.second_client = "kick"
        with dial(generator) as second:
            assert query(second, b"*TST?") == b"0\n"
            assert first.recv(1) == b""


def test_wrong_line_end_and_lost_end_of_a_reply(generator: TcpServer) -> None:
    with dial(generator) as client:
        generator.inject(LineFaults(terminator=b"\r\n", replies=1))
        assert query(client, b"OUTP?") == b"0\r\n"
        generator.inject(LineFaults(cut=4, replies=1))
        client.sendall(b"FREQ?\n")
        assert client.recv(4) == b"1000"
        assert query(client, b"OUTP?") == b"0\n"  # what was cut off never comes


class Host(SimulatedSmc100a):
    """A generator that hangs up on who says goodbye."""

    def connect(self) -> ScpiSession:
        return Farewell(self)


class Farewell(ScpiSession):
    def receive(self, data: bytes, now: float) -> bytes:
        if data.startswith(b"bye"):
            raise SessionEndedError(b"see you\n")
        return super().receive(data, now)


def test_instrument_that_hangs_up_says_its_parting_words_first() -> None:
    clock = HandClock()
    with serve_tcp(Host(), clock=clock) as server, dial(server) as client:
        server.inject(LineFaults(delay=1.0))
        client.sendall(b"bye\n")
        assert_silent(client)
        client.sendall(b"*TST?\n")  # nobody listens any more
        clock.advance(1.5, server)
        assert read_line(client) == b"see you\n"
        assert client.recv(1) == b""
        server.inject()
        assert not server._lines
