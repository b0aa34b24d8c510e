"""Studies on a Dask cluster, in processes of its own: its threads outlive whatever starts it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import pytest
from dice import Dice
from study_contents import contents

from control.simulate import simulate

pytest.importorskip("distributed")

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PATIENCE = 60.0  # s that a broken test may hang
WHERE = "Is the scheduler running there? An address is written like tcp://10.0.0.5:8786."
LOST = "a worker ended in the middle of its work, or nobody answers for it any more."

CLUSTER = """
import sys
from distributed import LocalCluster

if __name__ == "__main__":
    workers = int(sys.argv[1])
    with LocalCluster(workers, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""

OLDER = """
import importlib.metadata

version = importlib.metadata.version
importlib.metadata.version = lambda name: "0.0.1" if name == "ionloom" else version(name)
"""


@contextmanager
def cluster(folder: Path, workers: int = 2, path: tuple[Path, ...] = (ROOT, HERE)) -> Iterator[str]:
    """Start a cluster on this machine and give its address."""
    script = folder / "cluster.py"
    script.write_text(CLUSTER)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    with subprocess.Popen(
        [sys.executable, str(script), str(workers)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=folder,
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
            assert process.stdin is not None
            process.stdin.close()
            process.wait(PATIENCE)
        finally:
            process.kill()


IONLOOM = "from ionloom import main\n\nmain()\n"

LOSING = """
from distributed import Client

gather = Client._gather


async def gather_and_lose(client, futures, *arguments, **named):
    fetched = await gather(client, futures, *arguments, **named)
    for future in futures:
        client._handle_lost_data(future.key)
    return fetched


Client._gather = gather_and_lose
"""
"""The scheduler says that a worker is lost at the very moment at which its result has been fetched."""

FATAL = """
import os

from dicing_lab import DicingLab


class FatalLab(DicingLab):
    def play(self, program, shots):
        os._exit(1)
"""


class Command(Protocol):
    def __call__(self, address: str, *arguments: str, before: str = "") -> tuple[int, str, str]: ...


@pytest.fixture
def command(dicing: Path, tmp_path: Path) -> Command:
    """Simulate from the command line; `before` is done first in the same process."""

    def call(address: str, *arguments: str, before: str = "") -> tuple[int, str, str]:
        asked = ("--vary", "node.rate = 1, 2 kcps", "--shots", "20", "--block", "6", "--seed", "3")
        start = (sys.executable, "-c", before + IONLOOM, "simulate", f"{HERE / 'dice.py'}:Dice")
        where = ("--setup", str(dicing), "--out", str(tmp_path / "study"), "--cluster", address)
        done = subprocess.run(
            [*start, *asked, *where, *arguments],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, HERE, tmp_path)))},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    return call


@pytest.mark.slow
def test_a_cluster_sees_what_this_process_sees(command: Command, dicing: Path, tmp_path: Path) -> None:
    with cluster(tmp_path) as address:
        code, out, err = command(address)
    assert code == 0, err
    assert "80 shots in " in out
    vary = {"node.rate": [1000.0, 2000.0]}
    simulate(Dice(), vary=vary, shots=20, block=6, seed=3, setup=dicing, out=tmp_path / "here")
    assert contents(tmp_path / "study") == contents(tmp_path / "here")


@pytest.mark.slow
def test_a_result_that_is_lost_when_it_is_here_already(command: Command, tmp_path: Path) -> None:
    with cluster(tmp_path, 1) as address:
        code, out, err = command(address, before=LOSING)
    assert code == 0, err
    assert "80 shots in " in out


@pytest.mark.slow
def test_trouble_of_a_task_is_told_as_what_it_is(command: Command, tmp_path: Path) -> None:
    with cluster(tmp_path, 1) as address:
        code, _, err = command(address, "--vary", "node.fails_at = 3", "--vary", "node.dark = 0, 3")
    assert code == 1
    assert re.search(r"dice: the dice fell off the table\nThis is in block \d of setting [24]\.\n", err), err


@pytest.mark.slow
def test_tasks_that_kill_their_worker(
    command: Command, dicing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fatal_lab.py").write_text(FATAL)
    setup = tmp_path / "fatal.toml"
    setup.write_text(dicing.read_text(encoding="utf-8").replace("dicing_lab:DicingLab", "fatal_lab:FatalLab"))
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")
    with cluster(tmp_path, 1, path=(ROOT, HERE, tmp_path)) as address:
        code, _, err = command(address, "--setup", str(setup))
    assert code == 1
    assert f"ionloom: {LOST}" in err


@pytest.mark.parametrize(
    ("module", "text", "told"),
    [
        ("control.py", "", "No module named 'control.simulate'"),
        ("sitecustomize.py", OLDER, "has ionloom 0.0.1, numpy "),
    ],
)
@pytest.mark.slow
def test_workers_with_other_software_are_refused(
    command: Command, tmp_path: Path, module: str, text: str, told: str
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / module).write_text(text)
    with cluster(tmp_path, 1, path=(tmp_path / "other", ROOT, HERE)) as address:
        code, _, err = command(address)
    assert code == 1
    assert f"ionloom: the cluster at {address} cannot be used: " in err
    assert told in err
    assert "Its workers need what there is here: ionloom " in err


HASTY = "import control.simulate.cluster\n\ncontrol.simulate.cluster.PATIENCE = 0.3\n"


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("tcp://127.0.0.1:1", "no answer within 0.3 s"),
        ("nonsense", "missing port number in address 'nonsense'"),
        pytest.param("", "missing port number in address ''", marks=pytest.mark.slow),
    ],
)
def test_nobody_at_the_address(command: Command, address: str, reason: str) -> None:
    """One message, and nothing after it: neither a thread that is waited for, nor what it says at exit."""
    code, out, err = command(address, before=HASTY)
    assert (code, out) == (1, "")
    where = address or "''"
    assert err.endswith(f"ionloom: the cluster at {where} cannot be used: {reason}. {WHERE}\n")


@contextmanager
def stranger(says: bytes) -> Iterator[str]:
    """Listen on a port, say something to everyone who comes, or nothing, and give the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        guests: list[socket.socket] = []

        def serve() -> None:
            with suppress(OSError):  # the listener is closed
                while True:
                    guests.append(listener.accept()[0])
                    guests[-1].sendall(says)

        server = threading.Thread(target=serve)
        server.start()
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        server.join()
        for guest in guests:
            guest.close()


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        pytest.param(b"", "no answer within 0.3 s", marks=pytest.mark.slow),
        (b"HTTP/1.0 400 Bad Request\r\n\r\n", "what answers there is no Dask sched"),
    ],
)
def test_a_stranger_at_the_address(command: Command, says: bytes, reason: str) -> None:
    with stranger(says) as address:
        code, _, err = command(address, before=HASTY)
    assert code == 1
    assert f"ionloom: the cluster at {address} cannot be used: {reason}" in err
    assert err.endswith(f"{WHERE}\n")


@pytest.mark.slow
def test_a_cluster_that_goes_away(dicing: Path, tmp_path: Path) -> None:
    out = tmp_path / "study"
    start = (sys.executable, "-m", "ionloom", "simulate", f"{HERE / 'dice.py'}:Dice", "--setup", str(dicing))
    with cluster(tmp_path, 1) as address:
        process = subprocess.Popen(
            [*start, "--shots", "20000", "--block", "2", "--out", str(out), "--cluster", address],
            env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + PATIENCE
        while not list(out.rglob("blocks.log")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
    try:
        _, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 1
    assert f"ionloom: {LOST}" in err
