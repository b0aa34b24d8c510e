"""``ionloom runs``."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from control.cli.escapes import say
from control.cli.indexing import open_catalogue
from control.cli.options import json_option, out_option
from control.cli.printing import console, jsonable, print_json, print_table
from control.cli.values import read_quantity, result_text
from control.experiments.scanned_runs import SCAN
from control.experiments.tables import Table
from data import RunSummary
from data.catalogue import STATUSES, Catalogue, read_moment
from data.errors import ConditionError, MomentError

_MOST: Final = 100  # rows on a screen; who wants more says how many


def _moment(_ctx: click.Context, _option: click.Parameter, given: str | None) -> datetime | None:
    try:
        return None if given is None else read_moment(given, datetime.now(UTC))
    except MomentError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.option("--experiment", metavar="NAME", default="", help="Only runs of this experiment.")
@click.option(
    "--since",
    metavar="WHEN",
    callback=_moment,
    help="Only runs started then or later: 2025-03-14, 2025-03-14T09:30 (UTC), today, yesterday, '2 days'.",
)
@click.option("--until", metavar="WHEN", callback=_moment, help="Only runs started then or earlier.")
@click.option("--status", type=click.Choice(STATUSES), help="Only runs with this status.")
@click.option(
    "--tag", "tags", metavar="TAG", multiple=True, help="Only runs with this tag. Repeatable: all of them."
)
@click.option(
    "--where",
    metavar="CONDITION",
    default="",
    help="Only runs that fulfil a condition on parameters, results, axes and facts of the run: "
    "'parameter.power > 0.5 and bell_fidelity >= 92 % and not (tag = bad or comment ~ laser)'.",
)
@click.option(
    "--limit", type=click.IntRange(min=0), default=_MOST, show_default=True, help="Most rows; 0 for all."
)
@click.option(
    "--rebuild", is_flag=True, help="Look at every file again, also in folders that did not change."
)
@json_option
@out_option
def runs(
    experiment: str,
    since: datetime | None,
    until: datetime | None,
    status: str | None,
    tags: tuple[str, ...],
    where: str,
    limit: int,
    rebuild: bool,
    as_json: bool,
    out: Path,
) -> None:
    """List the runs of a folder, newest first.

    In a CONDITION a comparison with what a run does not have is false, and a name alone asks whether the run
    has it: 'axis.duration'. Facts of a run are id, experiment, status, started, ended, points, shots, seed,
    source, revision, tag and comment; `~` means contains.
    """
    with open_catalogue(out) as catalogue:
        if rebuild:
            catalogue.refresh(thoroughly=True)
        try:
            found = catalogue.runs(
                experiment=experiment,
                since=since,
                until=until,
                status=status or "",
                tags=tags,
                where=where,
                limit=limit + 1 if limit else None,  # one more, to know whether there are more
                read_quantity=read_quantity,
            )
        except ConditionError as error:
            raise click.UsageError(str(error)) from None
        shown = found[:limit] if limit else found
        if as_json:
            listed = [_object(catalogue, run) for run in shown]
            print_json({"folder": str(out), "runs": listed, "more": len(found) > len(shown)})
            return
        table = _table(catalogue, shown)
    print_table(table, console())
    if not shown:
        chosen = experiment or since or until or status or tags or where
        say(f"no such runs in {out}" if chosen else f"no runs in {out}")
    if len(found) > len(shown):
        say(f"these are the newest {len(shown)}; --limit 0 shows all")


def _table(catalogue: Catalogue, found: list[RunSummary]) -> Table:
    headings = ["id", "experiment", "started (UTC)", "status", "points", "first result"]
    remarked = any(run.tags or run.comment for run in found)
    rows = [(*_row(catalogue, run), *([_remarks(run)] if remarked else [])) for run in found]
    return Table((*headings, *(["remarks"] if remarked else [])), tuple(rows))


def _row(catalogue: Catalogue, run: RunSummary) -> tuple[str, ...]:
    started = f"{run.started:%Y-%m-%d %H:%M:%S}"
    return run.id, run.experiment, started, run.status, str(run.points), _first_result(catalogue, run)


def _first_result(catalogue: Catalogue, run: RunSummary) -> str:
    """Return a number that tells of a run; of a scan, which has one for each of its values, those values."""
    if run.key_result is not None:
        return f"{run.key_result.name} = {result_text(run.key_result)}"
    scans = (f"scan: {value.value}" for value in catalogue.parameters(run) if value.name == SCAN)
    return run.message or next(scans, "")


def _remarks(run: RunSummary) -> str:
    return " ".join([*(f"#{tag}" for tag in run.tags), run.comment]).rstrip()


def _object(catalogue: Catalogue, run: RunSummary) -> dict[str, Any]:
    """Return all that is known of a run as JSON holds it."""
    key = run.key_result
    return {
        **{
            name: getattr(run, name)
            for name in ("id", "experiment", "status", "message", "points", "shots", "seed")
        },
        "path": str(run.path),
        "started": run.started.isoformat(),
        "ended": run.ended.isoformat() if run.ended else None,
        "source": run.source_file,
        "revision": run.git_revision,
        "key_result": key.name if key else None,
        "parameters": {value.name: _fields(value) for value in catalogue.parameters(run)},
        "results": {result.name: _fields(result) for result in catalogue.results(run)},
        "tags": list(run.tags),
        "comment": run.comment,
    }


def _fields(value: Any) -> dict[str, Any]:
    """Return the fields of a value but for its name, what is not known as null."""
    fields: dict[str, Any] = jsonable(dataclasses.asdict(value))
    return {name: item for name, item in fields.items() if name != "name"}
