"""What holds for every test and example: it leaves nothing behind, and talks to nobody but this machine."""

from __future__ import annotations

import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings

from data import provenance

# The same examples every time, however slow the machine: a test that fails, fails for everyone.
# Those who look for trouble ask for more: `pytest --hypothesis-profile=thorough`.
settings.register_profile("ionloom", deadline=None, derandomize=True, max_examples=50)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile("ionloom")

# As the command does, before numpy is first imported: tests run on as many processes as there are cores, and
# threads within products of small matrices would only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Commands stand between their examples; tests/integration/test_tutorials.py follows them as a reader would.
collect_ignore = ["data/tutorials"]

LOOPBACK = ("127.", "::1", "localhost")
GRACE = 2.0  # s that a server thread gets to end after its close()
NAP = 2e-3  # s that pyserial sleeps at most


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fail a test that leaves a thread or a process; open sockets and files warn, and warnings are errors."""
    threads = set(threading.enumerate())
    yield
    deadline = time.monotonic() + GRACE
    for thread in set(threading.enumerate()) - threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    left = [thread.name for thread in set(threading.enumerate()) - threads if thread.is_alive()]
    left += [f"process {child.pid}" for child in multiprocessing.active_children()]
    assert not left, f"the test left behind: {', '.join(left)}"


@pytest.fixture(autouse=True, scope="session")
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's cache as it is: what tests and the commands that they start cache lies in their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IONLOOM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True, scope="session")
def packages_listed_once() -> Iterator[None]:
    """Read what is installed once, as no test changes it: every run tells it, and 100 packages take 0.1 s."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provenance, "installed_packages", cache(provenance.installed_packages))
        yield


@pytest.fixture(autouse=True, scope="session")
def short_naps_of_pyserial() -> Iterator[None]:
    """Let pyserial go on: it sleeps 0.3 s after it hung up, and 50 ms between looks at a network adapter."""
    napping = SimpleNamespace(sleep=lambda seconds: time.sleep(min(seconds, NAP)))
    with pytest.MonkeyPatch.context() as patch:
        for module in ("serial.rfc2217", "serial.urlhandler.protocol_socket"):
            patch.setattr(f"{module}.time", napping)
        yield


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections that leave the machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0]) if isinstance(address, tuple) else str(address)
            assert host.startswith(LOOPBACK), f"a test tried to reach {host}"
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def folder_of_examples(request: pytest.FixtureRequest) -> None:
    """Give the examples of Markdown files a `folder` to write to."""
    if isinstance(request.node, pytest.DoctestItem) and request.node.path.suffix == ".md":
        namespace = request.getfixturevalue("doctest_namespace")
        namespace["folder"] = Path(request.getfixturevalue("tmp_path"))
