"""Calls over TCP against a bare socket that sends the same bytes back. Run with `--benchmark-enable`.

Rates depend on the computer and on who else uses it; the ratio to the bare socket does so much less.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from control.rpc import Client, Notifier, Publisher, Subscriber, pyon

ROOT: Final = Path(__file__).resolve().parents[2]
PING: Final = b'{"action":"call","name":"ping","args":{"__jsonclass__":["tuple",[[]]]},"kwargs":{}}\n'
MEGABYTE: Final = np.random.default_rng(1).random(1 << 17)
"""1 MiB of float64."""

MOST_FOR_A_PING: Final = 40.0
"""Times the bare socket; 6 to 15 was measured."""

MOST_FOR_A_MEGABYTE: Final = 250.0
"""Times the bare socket; 20 to 95 was measured, the more the busier the machine; most of it is base64."""


SERVER: Final = """
from control.rpc import Server

class Device:
    def ping(self):
        return True

    def echo(self, x):
        return x

with Server({"device": Device()}) as server:
    print(server.port, flush=True)
    server.wait()
"""

REFLECTOR: Final = """
import socket

with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    far, _ = listener.accept()
far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
with far:
    while data := far.recv(1 << 18):
        far.sendall(data)
"""


@contextmanager
def process(program: str) -> Iterator[int]:
    """Run a program beside this one, as controllers are, and give the port that it prints."""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        yield int(running.stdout.readline())


@pytest.fixture
def device() -> Iterator[Client]:
    with process(SERVER) as port, Client("127.0.0.1", port) as client:
        yield client
        client.terminate()


@pytest.fixture
def bare() -> Iterator[Callable[[bytes], None]]:
    """Send bytes to a program that sends them back, and wait for all of them."""

    def exchange(data: bytes) -> None:
        sender = threading.Thread(target=near.sendall, args=(data,)) if len(data) > 100_000 else None
        if sender is None:
            near.sendall(data)
        else:
            sender.start()  # what comes back has to be taken meanwhile
        left = len(data)
        while left:
            left -= len(near.recv(1 << 18))
        if sender is not None:
            sender.join()

    with process(REFLECTOR) as port, socket.create_connection(("127.0.0.1", port)) as near:
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield exchange


def seconds(work: Callable[[], Any], times: int) -> float:
    """Return the least time of a call, of five series."""
    series = []
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(times):
            work()
        series.append((time.perf_counter() - begun) / times)
    return min(series)


def test_pings(benchmark: Any, device: Client, bare: Callable[[bytes], None]) -> None:
    assert benchmark(device.ping) is True
    if benchmark.enabled:
        benchmark.extra_info["times the bare socket"] = benchmark.stats.stats.min / seconds(
            lambda: bare(PING), 200
        )


def test_a_megabyte_there_and_back(benchmark: Any, device: Client, bare: Callable[[bytes], None]) -> None:
    back = benchmark(device.echo, MEGABYTE)
    assert np.array_equal(back, MEGABYTE)
    if benchmark.enabled:
        floor = seconds(lambda: bare(MEGABYTE.tobytes()), 5)
        benchmark.extra_info["times the bare socket"] = benchmark.stats.stats.min / floor
        benchmark.extra_info["MB/s"] = 2 * MEGABYTE.nbytes / 1e6 / benchmark.stats.stats.min


def test_text_of_a_megabyte(benchmark: Any) -> None:
    assert np.array_equal(benchmark(lambda: pyon.decode(pyon.encode(MEGABYTE))), MEGABYTE)


def test_changes_of_a_tree(benchmark: Any) -> None:
    tree = Notifier({"number": -1})
    with Publisher({"tree": tree}) as publisher, Subscriber("tree", "127.0.0.1", publisher.port) as copy:

        def change() -> bool:
            for number in range(1000):
                tree["number"] = number
            tree["number"] = 1000
            reached = copy.wait_until(lambda seen: seen["number"] == 1000, 10.0)
            tree["number"] = -1
            return reached and copy.wait_until(lambda seen: seen["number"] == -1, 10.0)

        assert benchmark(change)
        if benchmark.enabled:
            benchmark.extra_info["changes/s"] = 1002 / benchmark.stats.stats.min


@pytest.mark.timed
def test_a_ping_costs_a_small_multiple_of_the_least(device: Client, bare: Callable[[bytes], None]) -> None:
    assert seconds(device.ping, 200) / seconds(lambda: bare(PING), 200) < MOST_FOR_A_PING


@pytest.mark.timed
def test_a_megabyte_costs_a_small_multiple_of_the_least(
    device: Client, bare: Callable[[bytes], None]
) -> None:
    floor = seconds(lambda: bare(MEGABYTE.tobytes()), 5)
    assert seconds(lambda: device.echo(MEGABYTE), 5) / floor < MOST_FOR_A_MEGABYTE
