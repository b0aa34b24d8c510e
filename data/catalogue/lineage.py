"""Where values come from and where they go: a run calibrates a parameter, others use its value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from data.catalogue.catalogue import Catalogue
from data.catalogue.heads import UsedParameter
from data.catalogue.summary import RunSummary

Links: TypeAlias = list[tuple[str, tuple[UsedParameter, ...]]]
"""Ids of runs, and the values that connect each with another run."""


@dataclass(frozen=True, slots=True)
class Relative:
    """A run that is connected with another one by values that one has calibrated and the other used.

    Attributes:
        id: of the run.
        run: the run; None if it is not in the folder.
        values: that connect it with the run above; empty for the first.
        relatives: runs that it is connected with in turn.
        is_repeated: whether its own relatives are told elsewhere, where it was met before.
    """

    id: str
    run: RunSummary | None
    values: tuple[UsedParameter, ...] = ()
    relatives: tuple[Relative, ...] = ()
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where the values of a run come from and where its own go.

    Attributes:
        run: itself.
        makers: runs that calibrated what it used, with their own makers.
        users: runs that used what it calibrated, with their own users.
        unmade: calibrated values that it used and that come from no run.
    """

    run: RunSummary
    makers: tuple[Relative, ...]
    users: tuple[Relative, ...]
    unmade: tuple[UsedParameter, ...]


def trace_run(catalogue: Catalogue, run: RunSummary, depth: int = 3) -> Lineage:
    """Follow the values of a run back to the runs that calibrated them, and on to those that used its own.

    Args:
        catalogue: that is up to date.
        run: of it.
        depth: how many runs one after the other are followed. Calibrations use values of earlier ones, so
            without a limit the history of a lab would come along.
    """
    parameters = catalogue.parameters(run)
    return Lineage(
        run=run,
        makers=_relatives(catalogue, run.id, lambda run_id: _makers(catalogue, run_id), depth),
        users=_relatives(catalogue, run.id, lambda run_id: _users(catalogue, run_id), depth),
        unmade=tuple(value for value in parameters if value.origin == "calibration" and not value.run),
    )


def _relatives(
    catalogue: Catalogue, first: str, links: Callable[[str], Links], depth: int
) -> tuple[Relative, ...]:
    """Follow links from run to run, level by level; what follows from a run is told where it is met first."""
    found: dict[str, Links] = {}
    at_first: set[tuple[str, str]] = set()
    met, level = {first}, [first]
    for _ in range(depth):
        following = []
        for run_id in level:
            found[run_id] = links(run_id)
            for other, _ in found[run_id]:
                if other not in met:
                    met.add(other)
                    at_first.add((run_id, other))
                    following.append(other)
        level = following
    built: dict[str, tuple[Relative, ...]] = {}
    for run_id in reversed(found):  # those that were met last first: they stand within the others
        built[run_id] = tuple(
            Relative(
                id=other,
                run=catalogue.run(other),
                values=values,
                relatives=built.get(other, ()) if (run_id, other) in at_first else (),
                is_repeated=(run_id, other) not in at_first and bool(found.get(other)),
            )
            for other, values in found[run_id]
        )
    return built.get(first, ())


def _makers(catalogue: Catalogue, run_id: str) -> Links:
    run = catalogue.run(run_id)
    made: dict[str, list[UsedParameter]] = {}
    for value in catalogue.parameters(run) if run is not None else ():
        if value.run:
            made.setdefault(value.run, []).append(value)
    return [(maker, tuple(values)) for maker, values in made.items()]


def _users(catalogue: Catalogue, run_id: str) -> Links:
    return [(run.id, values) for run, values in catalogue.users(run_id)]
