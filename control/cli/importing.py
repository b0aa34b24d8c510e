"""``ionloom import``."""

from __future__ import annotations

from pathlib import Path

import click

from control.cli.options import json_option, out_option
from control.cli.printing import print_json
from data import open_run
from data.exchange.importing import import_runs


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
@out_option
@json_option
def import_(
    files: tuple[Path, ...], axes: tuple[str, ...], channels: tuple[str, ...], out: Path, as_json: bool
) -> None:
    """Make runs of files that other programs wrote.

    FILE is a result file of ARTIQ, with scans of ndscan or without, or a Photon-HDF5 file. It is only read,
    and nothing in it is executed. Each run tells where it comes from (`ionloom show`).
    """
    imported = []
    for file in files:
        for path in import_runs(file, out, axes=axes, channels=channels):
            with open_run(path) as run:
                facts = {
                    "file": str(path),
                    "from": str(file),
                    "id": run.id,
                    "experiment": run.experiment,
                    "status": run.status,
                    "points": len(run),
                    "photons": len(run.photons),
                    "message": run.message,
                }
            imported.append(facts)
            click.echo(path if not as_json else f"{file} -> {path}", err=as_json)
            if facts["message"]:
                click.echo(f"note: {facts['message']}", err=True)
    if as_json:
        print_json({"runs": imported})
