"""Who plays the tasks: this process, processes of this machine, or the workers of a Dask cluster.

All of them only ever see a `Task`, and hand back its `Block`; in which order, and how many at a time, changes
nothing of what is in it.
"""

from __future__ import annotations

import importlib
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from multiprocessing import active_children, get_context, parent_process
from typing import Any, Final, TypeAlias

from control.errors import MissingExtra
from control.simulate.errors import LostWorker, NoCluster
from control.simulate.tasks import Block, Task, play, software

Players: TypeAlias = Callable[[Iterable[Task]], Iterator[Block]]
"""Plays tasks and gives their blocks as they are finished."""

Held: TypeAlias = AbstractContextManager[None]
"""A block in which a Ctrl-C waits."""

AHEAD: Final = 2
"""Tasks handed out for each worker: while one is played the next lies ready."""

PATIENCE: Final = 5.0
"""Seconds that a cluster gets to answer, and to have a first worker."""

_ONE_THREAD: Final = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
"""What libraries of linear algebra read when they start: small matrices gain nothing from threads."""


@contextmanager
def open_players(
    workers: int = 1, cluster: str | None = None, held: Callable[[], Held] = nullcontext
) -> Iterator[Players]:
    """Get workers ready for the block.

    Args:
        workers: processes of this machine; 1 for none but this one.
        cluster: address of a Dask scheduler, whose workers play instead.
        held: lets a Ctrl-C wait while it is entered (`Interrupts.held`).

    Raises:
        MissingExtra: a cluster is asked for, and Dask is not installed.
        NoCluster: nobody at the address, or not with the same software.
        LostWorker: the system ended a worker, or the cluster is gone.
    """
    if cluster is not None:
        with _cluster(cluster, held) as players:
            yield players
    elif workers > 1:
        with _processes(workers, held) as players:
            yield players
    else:
        yield _alone


@contextmanager
def _processes(workers: int, held: Callable[[], Held]) -> Iterator[Players]:
    before = set(active_children())
    with _single_threaded():
        pool = ProcessPoolExecutor(workers, get_context("spawn"), _start_worker)
        try:
            yield partial(_flow, pool, held=held, ahead=AHEAD * workers)
        except BaseException as error:
            # Whoever is in a hurry does not wait for tasks that may take minutes; they are lost, no others.
            for child in set(active_children()) - before:
                child.terminate()
            if isinstance(error, BrokenProcessPool):
                raise LostWorker from error
            raise
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _cluster(address: str, held: Callable[[], Held]) -> Iterator[Players]:
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError as error:
        raise MissingExtra(what="Studies on a cluster", package="distributed", extra="cluster") from error
    try:
        client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        advice = "Is the scheduler running there? An address is written like tcp://10.0.0.5:8786."
        raise NoCluster(address=address, reason=str(error), advice=advice) from error
    with client:
        threads = _check_workers(client, address)
        try:
            yield partial(_flow, client.get_executor(pure=False), held=held, ahead=AHEAD * threads)
        except (CancelledError, distributed.scheduler.KilledWorker) as error:
            raise LostWorker from error


def _check_workers(client: Any, address: str) -> int:
    """Return how many tasks a cluster plays at a time, having made sure that it plays what we would.

    Raises:
        NoCluster: there are no workers, or they have not the same software.
    """
    here = software()
    advice = f"Its workers need what there is here: {_shown(here)}."
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
        found = client.run(software)
    except TimeoutError as error:
        raise NoCluster(address=address, reason="it has no workers", advice=advice) from error
    except Exception as error:  # whatever a worker says that cannot import us
        raise NoCluster(address=address, reason=f"{type(error).__name__}: {error}", advice=advice) from error
    for worker, there in found.items():
        if there != here:
            reason = f"its worker {worker} has {_shown(there)}"
            raise NoCluster(address=address, reason=reason, advice=advice)
    return sum(client.nthreads().values())


def _shown(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{package} {version}" for package, version in versions.items())


def _alone(tasks: Iterable[Task]) -> Iterator[Block]:
    """Play tasks in this process, one after the other."""
    for task in tasks:
        with _placed(task):
            block = play(task)
        yield block


def _flow(pool: Executor, tasks: Iterable[Task], held: Callable[[], Held], ahead: int) -> Iterator[Block]:
    """Keep some tasks at the workers, and give each block when it is finished."""
    source = iter(tasks)
    waiting: dict[Future[Block], Task] = {}
    while True:
        while len(waiting) < ahead and (task := next(source, None)) is not None:
            # To hand out a task may start a process, and one that is started halfway shows its trace.
            with held(), _uninterrupted():
                waiting[pool.submit(play, task)] = task
        if not waiting:
            return
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            task = waiting.pop(future)
            with _placed(task):
                block = future.result()
            yield block


@contextmanager
def _placed(task: Task) -> Iterator[None]:
    """Tell in which task something failed."""
    try:
        yield
    except Exception as error:
        error.add_note(f"This is in block {task.block + 1} of setting {task.setting}.")
        raise


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Have processes that are started meanwhile calculate with one thread each."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Keep Ctrl-C from processes that are started meanwhile, for good."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker() -> None:
    """Leave Ctrl-C, which a terminal sends to all processes, to the one that was started from it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """End this worker when the process that it works for is killed: nobody else would tell it."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
