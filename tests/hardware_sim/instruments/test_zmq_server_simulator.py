"""The ZeroMQ reply port, spoken to by the sockets of pyzmq."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator

import numpy as np
import pytest
import zmq
from instrument_clients import PATIENCE, HandClock

from hardware_sim.instruments import InstrumentSetupError, LineFaults, ServerClosedError
from hardware_sim.instruments.id900 import SimulatedId900
from hardware_sim.instruments.zmq_server import MessageFaults, ZmqServer, serve_zmq

SILENCE = 60  # ms of wall time in which no reply may come

Client = zmq.Socket[bytes]


class Clients:
    """Makes clients and closes them at the end of a test."""

    def __init__(self, context: zmq.Context[Client]) -> None:
        self._context = context
        self._open: list[Client] = []

    def dial(self, server: ZmqServer, kind: int = zmq.REQ) -> Client:
        client = self._context.socket(kind)
        client.linger, client.rcvtimeo = 0, round(PATIENCE * 1e3)
        client.connect(server.resource.replace("zmq://", "tcp://"))
        self._open.append(client)
        return client

    def close(self) -> None:
        for client in self._open:
            client.close()


def build() -> SimulatedId900:
    return SimulatedId900(np.random.default_rng(1))


def query(client: Client, message: str) -> str:
    client.send_string(message)
    return client.recv_string()


def assert_silent(client: Client) -> None:
    assert client.poll(SILENCE) == 0


@pytest.fixture
def server() -> Iterator[ZmqServer]:
    with serve_zmq(build(), speed=100.0) as server:
        yield server


@pytest.fixture
def clients() -> Iterator[Clients]:
    with zmq.Context() as context:
        clients = Clients(context)
        yield clients
        clients.close()


def test_resource_and_many_requests(server: ZmqServer, clients: Clients) -> None:
    assert server.resource == f"zmq://127.0.0.1:{server.port}"
    client = clients.dial(server)
    for delay in range(200):
        assert query(client, f"DELA1:VALU {delay};VALU?") == f"Value set to {delay}\n{delay}TB"
    server.inject()  # a round of the server: what follows the last reply is done
    assert server._lines == {}


def test_clients_share_the_instrument_and_get_their_own_replies(server: ZmqServer, clients: Clients) -> None:
    several = [clients.dial(server) for _ in range(5)]
    query(several[0], "DELA1:VALU 77")
    for number, client in enumerate(several):
        client.send_string(f"DELA{number + 1}:VALU?")
    assert [client.recv_string() for client in several] == ["77TB", "0TB", "0TB", "0TB", "0TB"]


def test_requests_that_pile_up_are_all_answered(server: ZmqServer, clients: Clients) -> None:
    client = clients.dial(server, zmq.DEALER)
    with server.endpoint.lock:  # the server finds them all at once
        for delay in range(300):
            client.send_multipart([b"", f"DELA1:VALU {delay}".encode()])
    for delay in range(300):
        assert client.recv_multipart() == [b"", f"Value set to {delay}".encode()]


def test_message_without_envelope_is_dropped_as_by_a_reply_port(server: ZmqServer, clients: Clients) -> None:
    client = clients.dial(server, zmq.DEALER)
    client.send_multipart([b"*IDN?"])
    client.send_multipart([b"", b"*IDN?", b"more"])
    client.send_multipart([b"", b"DELA1:VALU?"])
    assert client.recv_multipart() == [b"", b"0TB"]


def test_lost_reply_needs_a_new_socket(server: ZmqServer, clients: Clients) -> None:
    client = clients.dial(server)
    server.inject(LineFaults(lost=1.0, rng=np.random.default_rng(1)))
    client.send_string("DELA1:VALU 5")
    assert_silent(client)
    with pytest.raises(zmq.ZMQError):
        client.send_string("DELA1:VALU?")  # request and reply are out of step for good
    server.inject()
    assert query(clients.dial(server), "DELA1:VALU?") == "5TB"


def test_stalled_line_loses_requests(server: ZmqServer, clients: Clients) -> None:
    server.inject(LineFaults(stalled=True))
    client = clients.dial(server)
    client.send_string("DELA1:VALU 5")
    assert_silent(client)
    server.inject()
    assert_silent(client)
    assert query(clients.dial(server), "DELA1:VALU?") == "0TB"


def test_late_reply_still_arrives(clients: Clients) -> None:
    clock = HandClock()
    with serve_zmq(build(), clock=clock) as server:
        server.inject(LineFaults(delay=5.0))
        client = clients.dial(server)
        client.send_string("DELA1:VALU?")
        assert_silent(client)
        clock.advance(4.9, server)
        assert_silent(client)
        clock.advance(0.2, server)
        assert client.recv_string() == "0TB"


def test_garbage_hits_as_many_messages_as_asked(server: ZmqServer, clients: Clients) -> None:
    server.inject(LineFaults(garbage=b"\xff", replies=2))
    client = clients.dial(server)
    replies = []
    for _ in range(3):
        client.send_string("DELA1:VALU?")
        replies.append(client.recv())
    assert replies == [b"\xff0TB", b"\xff0TB", b"0TB"]


def test_doubled_reply_comes_twice(server: ZmqServer, clients: Clients) -> None:
    server.inject(LineFaults(doubled=1.0, rng=np.random.default_rng(1)))
    client = clients.dial(server, zmq.DEALER)
    client.send_multipart([b"", b"DELA1:VALU?"])
    assert [client.recv_multipart()[1] for _ in range(2)] == [b"0TB", b"0TB"]


def test_random_faults_strike_whole_messages_as_often_as_asked() -> None:
    faults = MessageFaults(lost=0.2, doubled=0.1, rng=np.random.default_rng(3))
    arrived = [faults.shape(b"reply", 1.0) for _ in range(5000)]
    assert {tuple(message) for message in arrived} == {
        (),
        ((1.0, b"reply"),),
        ((1.0, b"reply"), (1.0, b"reply")),
    }
    # Standard errors of 5000 draws: 0.006 and 0.004.
    assert np.mean([not message for message in arrived]) == pytest.approx(0.2, abs=0.04)
    assert np.mean([len(message) == 2 for message in arrived]) == pytest.approx(0.1 * 0.8, abs=0.03)


def test_messages_are_not_fragmented(server: ZmqServer) -> None:
    with pytest.raises(InstrumentSetupError) as caught:
        server.inject(LineFaults(fragment=3))
    assert str(caught.value) == (
        "LineFaults.fragment = 3 is not possible: allowed is 0; messages arrive whole or not at all"
    )


def test_pulled_cable_keeps_the_state_and_the_address(server: ZmqServer, clients: Clients) -> None:
    client, resource = clients.dial(server), server.resource
    query(client, "DELA1:VALU 5")
    for _ in range(3):
        server.drop_link()
    assert server.resource == resource
    assert query(client, "DELA1:VALU?") == "5TB"  # ZeroMQ connects again by itself


def test_power_cycle_refuses_clients_until_booted(clients: Clients) -> None:
    clock = HandClock()
    with serve_zmq(build(), clock=clock) as server:
        query(clients.dial(server), "DELA1:VALU 5")
        server.power_cycle()
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", server.port), timeout=1.0)
            server.drop_link()  # pulling the cable of an instrument that boots changes nothing
            clock.advance(19.9, server)
        clock.advance(0.3, server)
        server.inject()
        assert query(clients.dial(server), "DELA1:VALU?") == "0TB"


def test_servers_leave_nothing_behind(clients: Clients) -> None:
    serve_zmq(build()).close()
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    servers = [serve_zmq(build()) for _ in range(5)]
    for server in servers:
        server.power_cycle(boot_time=0.0)
        server.close()
        server.close()
    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208


def test_taken_port_leaves_nothing_behind(server: ZmqServer) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with pytest.raises(OSError, match="in use"):
        serve_zmq(build(), port=server.port)
    assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208


def test_closed_server_says_so() -> None:
    server = serve_zmq(build())
    server.close()
    with pytest.raises(ServerClosedError) as caught:
        server.drop_link()
    assert str(caught.value) == (
        f"the simulated instrument at {server.resource} is no longer served: serve it again first"
    )


def test_speed_must_be_positive() -> None:
    with pytest.raises(InstrumentSetupError, match=r"speed = 0\.0 is not possible"):
        serve_zmq(build(), speed=0.0)
