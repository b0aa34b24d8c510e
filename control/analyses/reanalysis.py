"""Analyses of many runs, by one worker or several: in the order of the runs, whoever does them when."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from control.analyses.batches import Analysed, Wanted, analyse_batch, cut, place_of_batch
from control.analyses.errors import InterruptedAnalysis
from control.analyses.registry import find_analysis
from control.errors import ConfigError
from control.interrupts import Interrupts
from control.simulate.executors import Job, open_workers
from data import open_run, write_results
from data.errors import DataError, ResultsError
from data.results import encode

REANALYSIS: Final = Job(
    "Analyses",
    analyse_batch,
    place_of_batch,
    "Then give fewer --workers. Results that were written are kept, and no run is damaged.",
)
"""Analysing batches of runs."""

MANY_RUNS: Final = 50
"""From which on several processes are worth their start of about a second each."""

MANY_BYTES: Final = 2**28
"""The same for the size of all files."""

Watcher = Callable[[int, int], None]
"""Is told how many runs of how many are done."""


def usual_workers(paths: Sequence[Path]) -> int:
    """Return how many processes suit some runs: one for few, all cores for many."""
    size = sum(path.stat().st_size for path in paths if path.is_file())
    many = len(paths) >= MANY_RUNS or (size >= MANY_BYTES and len(paths) > 1)
    return min(os.cpu_count() or 1, len(paths)) if many else 1


def analyse_one(path: Path, wanted: Wanted) -> dict[str, Any]:
    """Analyse a run, and write what comes of it into a new version of its results.

    Args:
        path: of the run.
        wanted: the analysis.

    Returns:
        The results.

    Raises:
        ConfigError: there is no such analysis, or not with such parameters.
        ExperimentError: its code fails; the data are not touched.
        DataError: the run cannot be read, the data do not allow it, or the results cannot be written.
    """
    analysis = find_analysis(wanted.which, wanted.texts, wanted.experiment)
    with open_run(path) as run:
        found = analysis.analyse(run)
    try:
        write_results(path, found.results, maker=found.maker)
    except ResultsError as error:
        error.add_note(f"The data are kept in {path}.")
        raise
    return found.results


def reanalyse(
    paths: Sequence[Path],
    wanted: Wanted,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    write: bool = True,
    watch: Watcher = lambda _done, _planned: None,
) -> tuple[Analysed, ...]:
    """Analyse runs, and write what comes of each into a new version of its results.

    What comes of a run depends on nothing but the run and the analysis: neither on the workers, nor on the
    other runs. One that fails is told, and does not stop the others. Only this process writes.

    Args:
        paths: of the runs.
        wanted: the analysis.
        workers: processes of this machine; None for as many as suit the runs.
        cluster: address of a Dask scheduler, whose workers analyse instead; they must see the same files.
        write: whether the results are written.
        watch: called after each run.

    Returns:
        What came of each, in the order of the paths.

    Raises:
        ConfigError: there is no such analysis, or not with such parameters.
        ExperimentError: the user's file has a mistake.
        LostWorker: the system ended a worker.
        InterruptedAnalysis: stopped by Ctrl-C; results that were written are kept.
    """
    count = usual_workers(paths) if workers is None else workers
    if count < 1:
        raise ConfigError((f"workers are 1 or more, not {count}",))
    found: dict[int, Analysed] = {}
    try:
        with (
            Interrupts() as interrupts,
            open_workers(REANALYSIS, count, cluster, interrupts.held) as analysts,
        ):
            for batch in analysts(cut(paths, wanted.anywhere())):
                for analysed in batch:
                    with interrupts.held():
                        own = replace(analysed, path=paths[analysed.number])
                        found[own.number] = _written(own) if write else _checked(own)
                    watch(len(found), len(paths))
    except KeyboardInterrupt:
        raise InterruptedAnalysis(done=len(found), planned=len(paths)) from None
    return tuple(found[number] for number in range(len(paths)))


def _checked(analysed: Analysed) -> Analysed:
    """Return what was found in a run, if a file could hold it: else the next one who writes it would fail."""
    try:
        encode(analysed.results)
    except ResultsError as error:
        return replace(analysed, found=None, problem=str(error))
    return analysed


def _written(analysed: Analysed) -> Analysed:
    """Write the results of a run, if it has some; where that fails, say so and go on."""
    if analysed.found is None:
        return analysed
    try:
        write_results(analysed.path, analysed.found.results, maker=analysed.found.maker)
    except ResultsError as error:  # no file holds them, and nobody could print them
        return replace(analysed, found=None, problem=str(error))
    except (DataError, OSError) as error:
        return replace(analysed, problem=str(error))
    return analysed
