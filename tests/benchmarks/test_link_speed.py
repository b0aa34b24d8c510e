"""Questions a second on each kind of link, against a bare socket; what it takes to start the whole bench.

Rates depend on the computer and on who else uses it; the ratio to the bare socket does so much less. Run with
`--benchmark-enable`, or as slow tests.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from control.transport import LineSettings, open_link

ROOT: Final = Path(__file__).resolve().parents[2]
QUESTION: Final = b"FREQ?\n"
ANSWER: Final = b"100000000"
PATIENCE: Final = 10.0  # s

INSTRUMENTS: Final = """
import json, sys, time

from hardware_sim.instruments.smc100a import SimulatedSmc100a
from hardware_sim.kinds import WAYS
from hardware_sim.ways import serve

servers = {way: serve(SimulatedSmc100a(), way, time.monotonic, 1000.0) for way in WAYS if way != "framed"}
print(json.dumps({way: server.resource for way, server in servers.items()}), flush=True)
sys.stdin.read()
for server in servers.values():
    server.close()
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

BENCH: Final = """
import time
from pathlib import Path

from control.setup import read_setup
from hardware_sim.lab import SimulatedLab

def memory():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

setup, before, begun = read_setup("innsbruck"), memory(), time.perf_counter()
bench = SimulatedLab.start_bench(setup.tables, 0, 50.0)
print(time.perf_counter() - begun, memory() - before, len(bench.resources))
bench.close()
"""

pytestmark = pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")  # of pyserial


def peer(resource: str) -> str:
    """Return host and port of a VISA resource of a socket."""
    return ":".join(resource.split("::")[1:3])


LINKS: Final = {
    # How a link is asked for, given the resources of the instruments; how many times the bare socket it may
    # take. 2.4 (tcp) to 12 (vxi11) was measured.
    "tcp": (lambda at: f"tcp://{peer(at['tcp'])}", 20.0),
    "socket": (lambda at: at["tcp"], 40.0),
    "hislip": (lambda at: at["hislip"], 40.0),
    "vxi11": (lambda at: at["vxi11"], 80.0),
    "pty": (lambda at: at["pty"], 30.0),
    "serial socket": (lambda at: f"socket://{peer(at['tcp'])}", 40.0),
    "rfc2217": (lambda at: at["rfc2217"], 60.0),
    "zmq": (lambda at: at["zmq"], 60.0),
}

MOST_MEGABYTES: Final = 60.0
"""That the whole bench may take; 8 was measured."""

Exchange = Callable[[], bytes]


@pytest.fixture(scope="module")
def resources() -> Iterator[dict[str, str]]:
    """Start a process with an instrument on each kind of line, as `ionloom lab` is one."""
    command = [sys.executable, "-c", INSTRUMENTS]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        yield json.loads(running.stdout.readline())
        running.stdin.close()


@pytest.fixture
def exchange(resources: dict[str, str]) -> Iterator[Callable[[str], Exchange]]:
    """Give what asks one question on a kind of link."""
    opened = []

    def begin(kind: str) -> Exchange:
        link = open_link(LINKS[kind][0](resources), "benchmark", line=LineSettings(baud=115_200))
        opened.append(link)
        end = b"" if kind == "zmq" else b"\n"
        return lambda: link.exchange(QUESTION, end, PATIENCE)

    yield begin
    for link in opened:
        link.release("benchmark")


@pytest.fixture
def bare() -> Iterator[Callable[[], None]]:
    """Give what sends as many bytes to another process that sends them back, and waits for them."""

    def reflect() -> None:
        near.sendall(QUESTION)
        left = len(QUESTION)
        while left:
            left -= len(near.recv(1 << 16))

    with subprocess.Popen(
        [sys.executable, "-c", REFLECTOR], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        port = int(running.stdout.readline())
        with socket.create_connection(("127.0.0.1", port)) as near:
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield reflect


def seconds(work: Callable[[], object], times: int = 100) -> float:
    """Return the least time of a call, of five series."""
    series = []
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(times):
            work()
        series.append((time.perf_counter() - begun) / times)
    return min(series)


@pytest.mark.parametrize("kind", LINKS)
def test_a_question(
    benchmark: Any, exchange: Callable[[str], Exchange], bare: Callable[[], None], kind: str
) -> None:
    ask = exchange(kind)
    assert benchmark(ask).startswith(ANSWER)
    if benchmark.enabled:
        benchmark.extra_info["times the bare socket"] = benchmark.stats.stats.min / seconds(bare)
        benchmark.extra_info["questions/s"] = 1.0 / benchmark.stats.stats.min


@pytest.mark.timed
@pytest.mark.parametrize("kind", LINKS)
def test_a_question_costs_a_small_multiple_of_the_least(
    exchange: Callable[[str], Exchange], bare: Callable[[], None], kind: str
) -> None:
    assert seconds(exchange(kind)) / seconds(bare) < LINKS[kind][1]


def test_start_of_the_whole_bench(benchmark: Any) -> None:
    def start() -> tuple[float, float, float]:
        command = [sys.executable, "-c", BENCH]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
        duration, memory, lines = map(float, run.stdout.split())
        return duration, memory, lines

    duration, memory, lines = benchmark.pedantic(start, rounds=3)
    assert lines > 20
    assert memory < MOST_MEGABYTES
    if benchmark.enabled:
        benchmark.extra_info |= {"seconds": duration, "megabytes": memory}
