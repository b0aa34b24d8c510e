"""What ``ionloom analyze`` does and prints, once it is known which runs are meant."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from control.analyses import Analysed, Wanted, analyse_one, present, reanalyse, table_of
from control.cli.exits import DONE, FAILED
from control.cli.outcome import print_found
from control.cli.printing import ProgressBar, console, jsonable, print_json, print_table
from control.cli.streams import stdout_for_json
from control.experiments.tables import Table
from control.runner import Progress
from data import open_run
from data.pages import quantities_of

MOST_COLUMNS = 6
"""Results of a run that fit into a line of a table."""

MISFIT = "does not describe"
"""How the verdict on a fit begins, see `control.experiments.textbook.fitted`, if its errors mean nothing."""


def analyse_alone(path: Path, wanted: Wanted, *, as_json: bool) -> int:
    """Analyse a run, write what comes of it, and print it; return the exit code."""
    with stdout_for_json(as_json):
        analyse_one(path, wanted)
    with open_run(path) as run:
        with stdout_for_json(as_json):
            table = present(run, wanted.experiment).table()
        print_found(run, table, as_json=as_json)
    return DONE


def analyse_many(
    paths: Sequence[Path],
    wanted: Wanted,
    *,
    workers: int | None,
    cluster: str | None,
    write: bool,
    as_json: bool,
) -> int:
    """Analyse runs, and print a line for each; return the exit code.

    Args:
        paths: of the runs.
        wanted: the analysis.
        workers: processes of this machine; None for as many as suit the runs.
        cluster: address of a Dask scheduler, whose workers analyse instead.
        write: whether the results are written.
        as_json: whether a program reads what is printed.
    """
    with stdout_for_json(as_json), ProgressBar() as bar:
        done = reanalyse(
            paths,
            wanted,
            workers=workers,
            cluster=cluster,
            write=write,
            watch=lambda seen, planned: bar(Progress("analysing", seen, planned)),
        )
    _print_all(done, as_json=as_json, written=write)
    return FAILED if any(one.problem for one in done) else DONE


def _print_all(done: tuple[Analysed, ...], *, as_json: bool, written: bool) -> None:
    """Print a line for each run, what went wrong, and how many were written; or all of it as JSON."""
    on = console(stderr=as_json)
    if len(done) == 1 and done[0].found:
        print_table(table_of(done[0].results, f"run {done[0].id}"), on)
    else:
        print_table(_overview(done), on)
    for one in done:
        if one.problem:
            on.print(f"{one.id or one.path}: {one.problem}", style="yellow", soft_wrap=True, markup=False)
        elif len(done) > 1 and (misfit := _misfit(one)):  # the table of one run has it
            on.print(f"{one.id}: the fit {misfit}", style="yellow", soft_wrap=True, markup=False)
    failed = sum(bool(one.problem) for one in done)
    told = "analysed and written" if written else "analysed, nothing written"
    plural = "" if len(done) == 1 else "s"
    on.print(f"{len(done) - failed} of {len(done)} run{plural} {told}", markup=False)
    if as_json:
        print_json({"runs": [_as_object(one) for one in done], "failed": failed})


def _overview(done: tuple[Analysed, ...]) -> Table:
    """Return a line for each run, with those results with errors that most of them have."""
    found = [{q.name: q for q in quantities_of(one.results) if math.isfinite(q.error)} for one in done]
    seen = Counter(name for quantities in found for name in quantities)
    names = [name for name, _ in seen.most_common(MOST_COLUMNS)]
    rows = tuple(
        (one.id or one.path.name, one.experiment, *(str(own[name]) if name in own else "" for name in names))
        for one, own in zip(done, found, strict=True)
    )
    return Table(("run", "experiment", *(name.replace("_", " ") for name in names)), rows)


def _misfit(one: Analysed) -> str:
    """Return why the errors of a fit mean nothing; empty if it describes its data, or nothing was fitted."""
    fit = one.results.get("fit")
    return fit if isinstance(fit, str) and fit.startswith(MISFIT) else ""


def _as_object(one: Analysed) -> dict[str, Any]:
    return {
        "file": str(one.path),
        "id": one.id,
        "experiment": one.experiment,
        "results": jsonable(one.results),
        "problem": one.problem,
    }
