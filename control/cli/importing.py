"""``ionloom import``."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from control.cli.escapes import say
from control.cli.indexing import open_catalogue
from control.cli.options import json_option, out_option
from control.cli.printing import print_json
from control.errors import UsageError
from data import Run, RunHeader, open_run
from data.exchange.importing import import_runs, read_foreign


@click.command("import")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--axis",
    "axes",
    metavar="NAME",
    multiple=True,
    help="Dataset of an ARTIQ file with what was scanned, a value a point. Repeatable; scans of ndscan are "
    "known without.",
)
@click.option(
    "--channel",
    "channels",
    metavar="NAME",
    multiple=True,
    help="Dataset of an ARTIQ file with what was seen, a value a point. Repeatable.",
)
@click.option(
    "--again", is_flag=True, help="Import files that were imported before, too; they become further runs."
)
@out_option
@json_option
def import_(
    files: tuple[Path, ...],
    axes: tuple[str, ...],
    channels: tuple[str, ...],
    again: bool,
    out: Path,
    as_json: bool,
) -> None:
    """Make runs of files that other programs wrote.

    FILE is a result file of ARTIQ, with scans of ndscan or without, or a Photon-HDF5 file. It is only read,
    and nothing in it is executed. Each run tells where it comes from (`ionloom show`). ARTIQ itself does not
    tell which of its datasets were scanned: without --axis all of them become results of a run without
    points.
    """
    if not again:
        _check_new(files, axes, channels, out)
    imported = []
    for file in files:
        for path in import_runs(file, out, axes=axes, channels=channels):
            with open_run(path) as run:
                imported.append(_facts(file, run))
                notes = [*filter(None, [run.message]), *_lack_of_points(run)]
            say(path if not as_json else f"{file} -> {path}", err=as_json)
            for note in notes:
                say(f"note: {note}", err=True)
    if as_json:
        print_json({"runs": imported})


def _check_new(files: tuple[Path, ...], axes: tuple[str, ...], channels: tuple[str, ...], out: Path) -> None:
    """Make sure that no file is a run already, before one is written.

    Raises:
        UsageError: some are; the runs that they became are told.
    """
    known = [
        f"{file} was imported already, as run {run_id}"
        for file in files
        for foreign in read_foreign(file, axes=axes, channels=channels)
        for run_id in _made_of(foreign.header, out)
    ]
    if known:
        raise UsageError(what="\n".join(known), advice="Nothing was imported; --again imports anew.")


def _made_of(header: RunHeader, out: Path) -> Iterator[str]:
    """Yield the ids of the runs that came from the same file as a header does."""
    if not out.is_dir():
        return
    started = header.provenance.started
    with open_catalogue(out) as catalogue:
        alike = catalogue.runs(experiment=header.experiment, since=started, until=started)
    for summary in alike:
        with open_run(summary.path) as run:
            if _checksum(run.header) == _checksum(header):
                yield run.id


def _checksum(header: RunHeader) -> object:
    """Return the checksum of the file that a run was imported from; None if it was not."""
    try:
        return tomllib.loads(header.setup).get("imported", {}).get("sha256")
    except tomllib.TOMLDecodeError:  # the text of a setup file is kept as it was
        return None


def _facts(file: Path, run: Run) -> dict[str, Any]:
    return {
        "file": str(run.path),
        "from": str(file),
        "id": run.id,
        "experiment": run.experiment,
        "status": run.status,
        "points": len(run),
        "photons": len(run.photons),
        "message": run.message,
    }


def _lack_of_points(run: Run) -> Iterator[str]:
    """Yield what there is to say about a run without points."""
    if len(run):
        return
    columns = ", ".join(f"{name} ({size} values)" for name, size in _columns(run.results))
    if run.axes:
        yield "it has no points: the scan was ended before the first"
    elif columns:
        yield (
            "it has no points, because nothing tells what was scanned: all datasets are results. To have a "
            f"scan, import it with --again --axis NAME: {columns}"
        )
    else:
        yield "it has no points, and no dataset with several values"


def _columns(results: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, int]]:
    """Yield names and lengths of the datasets that could be the axis of a scan."""
    for name, result in results.items():
        value = result.get("value", result) if isinstance(result, Mapping) else result
        if isinstance(value, Mapping):
            yield from _columns(value, f"{before}{name}/")
        elif isinstance(value, list | np.ndarray) and np.ndim(value) == 1 and len(value) > 1:
            yield f"{before}{name}", len(value)
