"""The workers of a Dask cluster: whether they do what we would, how tasks go there and results come back."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from control.errors import MissingExtra
from control.simulate.errors import NoCluster
from control.simulate.software import software

T = TypeVar("T")
R = TypeVar("R")

PATIENCE: Final = 5.0
"""Seconds that a cluster gets to answer, and to have a first worker."""


class Cluster:
    """A cluster that has workers like ourselves; `open_cluster` looks for it.

    Args:
        client: of its scheduler.
        threads: how many tasks it does at a time.
    """

    def __init__(self, client: Any, threads: int) -> None:
        self._client = client
        self.threads = threads

    def hand_out(self, work: Callable[[T], R], task: T) -> Future[R]:
        """Have a worker do a task.

        Returns:
            What comes of it, or the error of the task; a `BrokenExecutor` when the cluster has gone away.
        """
        # All within the client's own thread: nothing can happen there between one look at it and the next.
        return asyncio.run_coroutine_threadsafe(self._do(work, task), self._client.loop.asyncio_loop)

    async def _do(self, work: Callable[[T], R], task: T) -> R:
        if self._client.status not in {"running", "connecting"}:
            raise BrokenExecutor(f"the client of the cluster is {self._client.status}")
        future = self._client.submit(work, task, pure=False)
        try:
            result: R = await future
        except Exception as error:
            if future.status == "error" and not _is_of_dask(error):
                raise
            # Futures that are cancelled, connections that break, workers that were killed, or anything else
            # that a client stumbles over when its cluster goes: it all says the same.
            raise BrokenExecutor(str(error)) from error
        return result


@contextmanager
def open_cluster(address: str, title: str) -> Iterator[Cluster]:
    """Join a cluster for the block.

    Args:
        address: of its scheduler.
        title: of what is done there, for the errors.

    Raises:
        MissingExtra: Dask is not installed.
        NoCluster: nobody at the address, no workers, or not with the same software.
    """
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError as error:
        raise MissingExtra(what=f"{title} on a cluster", package="distributed", extra="cluster") from error
    _check_scheduler(distributed, address)
    with distributed.Client(address, timeout=PATIENCE, set_as_default=False) as client:
        yield Cluster(client, _check_workers(client, address))


def _check_scheduler(distributed: Any, address: str) -> None:
    """Make sure that a scheduler answers at an address, and answers soon.

    A client that finds none is no way to ask: it waits forever for a stranger that says nothing, and leaves a
    thread behind that is waited for when the interpreter exits.

    Raises:
        NoCluster: nobody answers, or somebody else does.
    """
    try:
        with ThreadPoolExecutor(1) as asker:  # a notebook has a loop in its own thread already
            who = asker.submit(asyncio.run, _identity(distributed, address)).result()
        reason = "" if who == "Scheduler" else f"a {who.lower()} answers there, not the scheduler"
    except TimeoutError:
        reason = f"no answer within {PATIENCE:g} s"
    except (
        OSError,
        ValueError,
        TypeError,
    ) as error:  # the last: no credentials where some are needed
        reason = str(error)
    except Exception as error:  # whatever comes of reading what a stranger says
        reason = f"what answers there is no Dask scheduler ({type(error).__name__})"
    if reason:
        advice = "Is the scheduler running there? An address is written like tcp://10.0.0.5:8786."
        raise NoCluster(address=address, reason=reason, advice=advice)


async def _identity(distributed: Any, address: str) -> str:
    """Return what answers at an address says it is: "Scheduler", "Worker" or "Nanny".

    Raises:
        TimeoutError: it does not answer in time.
        OSError: nobody is there.
        ValueError: that is no address.
    """
    credentials = distributed.Security().get_connection_args("client")
    # Its own time-out is only for who connects; ours comes first.
    async with distributed.rpc(address, timeout=2 * PATIENCE, connection_args=credentials) as peer:
        told = await asyncio.wait_for(peer.identity(), PATIENCE)
    return str(told["type"])


def _check_workers(client: Any, address: str) -> int:
    """Return how many tasks a cluster does at a time, having made sure that it does what we would.

    Raises:
        NoCluster: there are no workers, or they have not the same software.
    """
    here = software()
    advice = f"Its workers need what there is here: {_shown(here)}."
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
        found = client.run(software)
        threads: int = sum(client.nthreads().values())
    except TimeoutError as error:
        raise NoCluster(address=address, reason="it has no workers", advice=advice) from error
    except Exception as error:  # whatever a worker says that cannot import us
        raise NoCluster(address=address, reason=f"{type(error).__name__}: {error}", advice=advice) from error
    for worker, there in found.items():
        if there != here:
            reason = f"its worker {worker} has {_shown(there)}"
            raise NoCluster(address=address, reason=reason, advice=advice)
    return threads


def _shown(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{package} {version}" for package, version in versions.items())


def _is_of_dask(error: Exception) -> bool:
    """Tell whether an error is of a kind that Dask makes: no task does."""
    return type(error).__module__.partition(".")[0] == "distributed"
