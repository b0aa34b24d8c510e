"""Who does the tasks of a job: this process, processes of this machine, or the workers of a Dask cluster.

All of them only ever see a task, and hand back what came of it; in which order, and how many at a time,
changes nothing of what is in it. Tasks of a study are blocks of shots, those of an analysis batches of runs.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from multiprocessing import active_children, get_context, parent_process
from typing import Final, Generic, TypeAlias, TypeVar

from control.simulate.cluster import open_cluster
from control.simulate.errors import LostWorker

T = TypeVar("T")
R = TypeVar("R")

Workers: TypeAlias = Callable[[Iterable[T]], Iterator[R]]
"""Does tasks and gives what came of each as it is finished."""

Held: TypeAlias = AbstractContextManager[None]
"""A block in which a Ctrl-C waits."""

AHEAD: Final = 2
"""Tasks handed out for each worker: while one is played the next lies ready."""

_ONE_THREAD: Final = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
"""What libraries of linear algebra read when they start: small matrices gain nothing from threads."""


@dataclass(frozen=True, slots=True)
class Job(Generic[T, R]):
    """What workers do.

    Attributes:
        title: of such jobs, for the errors.
        work: does a task; a function that any worker can import.
        place: tells of a task where it belongs, for its errors.
        advice: what to do when a worker is lost.
    """

    title: str
    work: Callable[[T], R]
    place: Callable[[T], str]
    advice: str


@contextmanager
def open_workers(
    job: Job[T, R], workers: int = 1, cluster: str | None = None, held: Callable[[], Held] = nullcontext
) -> Iterator[Workers[T, R]]:
    """Get workers ready for the block.

    Args:
        job: what they do.
        workers: processes of this machine; 1 for none but this one.
        cluster: address of a Dask scheduler, whose workers do it instead.
        held: lets a Ctrl-C wait while it is entered (`Interrupts.held`).

    Raises:
        MissingExtra: a cluster is asked for, and Dask is not installed.
        NoCluster: nobody at the address, or not with the same software.
        LostWorker: the system ended a worker, or the cluster is gone.
    """
    if cluster is not None:
        with _cluster(job, cluster, held) as ready:
            yield ready
    elif workers > 1:
        with _processes(job, workers, held) as ready:
            yield ready
    else:
        yield partial(_alone, job)


@contextmanager
def _processes(job: Job[T, R], workers: int, held: Callable[[], Held]) -> Iterator[Workers[T, R]]:
    before = set(active_children())
    with _single_threaded():
        pool = ProcessPoolExecutor(workers, get_context("spawn"), _start_worker)
        try:
            yield partial(_flow, job, lambda task: pool.submit(job.work, task), held, AHEAD * workers)
        except BaseException as error:
            # Whoever is in a hurry does not wait for tasks that may take minutes; they are lost, no others.
            for child in set(active_children()) - before:
                child.terminate()
            if isinstance(error, BrokenExecutor):
                raise LostWorker(advice=job.advice) from error
            raise
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _cluster(job: Job[T, R], address: str, held: Callable[[], Held]) -> Iterator[Workers[T, R]]:
    with open_cluster(address, job.title) as cluster:
        try:
            yield partial(_flow, job, partial(cluster.hand_out, job.work), held, AHEAD * cluster.threads)
        except (BrokenExecutor, CancelledError) as error:
            raise LostWorker(advice=job.advice) from error


def _alone(job: Job[T, R], tasks: Iterable[T]) -> Iterator[R]:
    """Do tasks in this process, one after the other."""
    for task in tasks:
        with _placed(job, task):
            done = job.work(task)
        yield done


def _flow(
    job: Job[T, R],
    hand_out: Callable[[T], Future[R]],
    held: Callable[[], Held],
    ahead: int,
    tasks: Iterable[T],
) -> Iterator[R]:
    """Keep some tasks at the workers, and give what came of each when it is finished."""
    source = iter(tasks)
    waiting: dict[Future[R], T] = {}
    while True:
        while len(waiting) < ahead and (task := next(source, None)) is not None:
            # To hand out a task may start a process, and one that is started halfway shows its trace.
            with held(), _uninterrupted():
                waiting[hand_out(task)] = task
        if not waiting:
            return
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            task = waiting.pop(future)
            with _placed(job, task):
                result = future.result()
            yield result


@contextmanager
def _placed(job: Job[T, R], task: T) -> Iterator[None]:
    """Tell in which task something failed."""
    try:
        yield
    except Exception as error:
        error.add_note(job.place(task))
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
