"""Studies of real processes that are killed, and that are interrupted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dice import Dice
from study_contents import contents

from control.simulate import Simulated, simulate

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PATIENCE = 60.0  # s that a broken test may hang
BLOCKS = 40  # of a study that comes to its end
MANY = 4000  # of one that is stopped before

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")


def command(dicing: Path, out: Path, *arguments: str, blocks: int = BLOCKS) -> list[str]:
    asked = ["--vary", "node.rate = 1, 2 kcps", "--shots", str(blocks * 2), "--block", "4", "--seed", "3"]
    start = [sys.executable, "-m", "ionloom", "simulate", f"{HERE / 'dice.py'}:Dice", "--setup", str(dicing)]
    return [*start, "--out", str(out), *asked, *arguments]


def simulated(dicing: Path, out: Path) -> Simulated:
    """Simulate from Python what the command line does above."""
    vary = {"node.rate": [1000.0, 2000.0]}
    return simulate(Dice(), vary=vary, shots=BLOCKS * 2, block=4, seed=3, setup=dicing, out=out)


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start a process in a group of its own, as a terminal does; it is gone at the end."""
    process = subprocess.Popen(
        arguments,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(ready: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ready():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def logged(out: Path) -> int:
    return sum(path.stat().st_size for path in out.rglob("blocks.log"))


def processes(*columns: str) -> list[list[str]]:
    """Return what the system says of all processes."""
    asked = [part for column in columns for part in ("-o", f"{column}=")]
    listed = subprocess.run(["/bin/ps", "-A", "-ww", *asked], capture_output=True, text=True, check=True)
    return [line.split(maxsplit=len(columns) - 1) for line in listed.stdout.splitlines()]


def alive(group: int) -> bool:
    """Tell whether a process of a group still works; one that is dead and not yet buried does not."""
    return any(place == str(group) and "Z" not in state for place, state in processes("pgid", "stat"))


def workers_of(parent: int) -> list[int]:
    """Return the worker processes of a study."""
    found = processes("pid", "ppid", "args")
    return [int(pid) for pid, of, *what in found if of == str(parent) and "spawn_main" in " ".join(what)]


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.slow
def test_a_study_that_is_killed_goes_on(dicing: Path, tmp_path: Path, workers: str) -> None:
    out = tmp_path / "killed"
    with running(*command(dicing, out, "--workers", workers)) as process:
        wait_for(lambda: logged(out) > 5000, process)
        os.kill(process.pid, signal.SIGKILL)  # not its workers: they have to notice by themselves
        process.wait(PATIENCE)
    wait_for(lambda: not alive(process.pid))
    rest = simulated(dicing, out)
    assert 0 < rest.pace.shots < 2 * 2 * BLOCKS * 2
    simulated(dicing, tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_ctrl_c(dicing: Path, tmp_path: Path, workers: str) -> None:
    out = tmp_path / "stopped"
    with running(*command(dicing, out, "--workers", workers, blocks=MANY)) as process:
        wait_for(lambda: logged(out) > 5000, process)
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the workers, too
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    told = re.search(rf"ionloom: interrupted after (\d+) of {MANY} blocks, which are kept in .*\n\Z", err)
    assert told is not None, err
    assert int(told[1]) >= 1
    assert "Traceback" not in err
    wait_for(lambda: not alive(process.pid))
    assert (out / "study.h5").is_file()


def test_ctrl_c_while_workers_start(dicing: Path, tmp_path: Path) -> None:
    with running(*command(dicing, tmp_path / "early", "--workers", "2", blocks=MANY)) as process:
        wait_for(lambda: len(workers_of(process.pid)) > 0, process)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert re.search(rf"ionloom: interrupted after \d+ of {MANY} blocks", err), err
    assert "Traceback" not in err
    wait_for(lambda: not alive(process.pid))


def test_a_worker_that_dies_is_told(dicing: Path, tmp_path: Path) -> None:
    out = tmp_path / "lost"
    with running(*command(dicing, out, "--workers", "2", blocks=MANY)) as process:
        wait_for(lambda: logged(out) > 5000, process)
        os.kill(workers_of(process.pid)[0], signal.SIGKILL)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "ionloom: a worker ended in the middle of its work, or nobody answers for it any more." in err
    assert "Traceback" not in err
    wait_for(lambda: not alive(process.pid))
