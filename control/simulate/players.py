"""Who plays the tasks of a study."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Final, TypeAlias

from control.simulate.errors import STUDY_ADVICE
from control.simulate.executors import Held, Job, Workers, open_workers
from control.simulate.tasks import Block, Task, play

Players: TypeAlias = Workers[Task, Block]
"""Plays the tasks of a study."""


def _place_of_task(task: Task) -> str:
    return f"This is in block {task.block + 1} of setting {task.setting}."


STUDY: Final = Job("Studies", play, _place_of_task, STUDY_ADVICE)
"""Playing blocks of shots in simulated labs."""


@contextmanager
def open_players(
    workers: int = 1, cluster: str | None = None, held: Callable[[], Held] = nullcontext
) -> Iterator[Players]:
    """Get workers ready that play studies; arguments and errors are those of `open_workers`."""
    with open_workers(STUDY, workers, cluster, held) as players:
        yield players
