"""``ionloom lineage``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click
from rich.text import Text
from rich.tree import Tree

from control.cli.escapes import escaped
from control.cli.indexing import open_catalogue
from control.cli.options import json_option, out_option
from control.cli.printing import console, jsonable, print_json
from control.cli.values import value_text
from control.errors import UsageError, nearest
from data import RunSummary, find_run
from data.catalogue import Catalogue, Lineage, Relative, UsedParameter, trace_run
from data.errors import RunNotFoundError

_MOST: Final = 20  # branches of one run on the screen; a calibration may serve a thousand runs


@click.command()
@click.argument("which", metavar="RUN|PARAMETER", default="latest")
@click.option(
    "--depth",
    type=click.IntRange(1, 100),
    default=3,
    show_default=True,
    help="Runs one after the other that are told.",
)
@json_option
@out_option
def lineage(which: str, depth: int, as_json: bool, out: Path) -> None:
    """Tell which runs calibrated what a run used, and which used what it calibrated.

    RUN is a file, an id, the beginning of an id, or `latest` in --out. Of a PARAMETER, the runs that
    calibrated it are told, and how many used each value.
    """
    with open_catalogue(out) as catalogue:
        catalogue.refresh()
        run = _run(catalogue, which)
        if run is None:
            makers = catalogue.makers(which)
            told = [{**_value(value), "used by": count} for value, count in makers]
            drawn = _parameter_tree(catalogue, which, makers)
            answer: dict[str, Any] = {"parameter": which, "calibrated": told}
        else:
            traced = trace_run(catalogue, run, depth)
            drawn, answer = _run_tree(traced), _object(traced)
    if as_json:
        print_json(jsonable(answer))
    else:
        console().print(drawn)


def _run(catalogue: Catalogue, which: str) -> RunSummary | None:
    """Return the run that is meant; None if a parameter is.

    Raises:
        UsageError: it is neither.
    """
    try:
        path = find_run(catalogue.folder, which)
    except RunNotFoundError:
        known = catalogue.parameter_names()
        if which in known:
            return None
        what = f"{which!r} is neither a run in {catalogue.folder} nor a parameter of one"
        raise UsageError(what=what, advice=nearest(which, known)) from None
    run = catalogue.find(path)
    if run is None:
        advice = "Say with --out in which folder it and its calibrations are."
        raise UsageError(what=f"{path} is not in {catalogue.folder}", advice=advice)
    return run


def _run_tree(traced: Lineage) -> Tree:
    tree = Tree(_leaf(_named(traced.run.id, traced.run)))
    made = tree.add(
        _leaf("uses what was calibrated by" if traced.makers else "uses nothing that a run calibrated")
    )
    _add(made, traced.makers)
    if traced.unmade:
        names = ", ".join(value.name for value in traced.unmade)
        made.add(_leaf(f"no run: {len(traced.unmade)} values of the setup ({names})"))
    used = tree.add(_leaf("its own values are used by" if traced.users else "no run uses a value of it"))
    _add(used, traced.users)
    return tree


def _add(branch: Tree, relatives: Sequence[Relative]) -> None:
    for relative in relatives[:_MOST]:
        values = ", ".join(
            f"{value.name} = {value_text(value.value, value.unit)}" for value in relative.values
        )
        again = ", told elsewhere" if relative.is_repeated else ""
        _add(branch.add(_leaf(f"{_named(relative.id, relative.run)}: {values}{again}")), relative.relatives)
    if len(relatives) > _MOST:
        branch.add(_leaf(f"and {len(relatives) - _MOST} more; --json tells all"))


def _parameter_tree(catalogue: Catalogue, name: str, makers: Sequence[tuple[UsedParameter, int]]) -> Tree:
    tree = Tree(_leaf(f"{name} was calibrated by" if makers else f"{name} was calibrated by no run"))
    for value, count in makers[:_MOST]:
        users = f"used by {count} {'run' if count == 1 else 'runs'}"
        shown = value_text(value.value, value.unit)
        tree.add(_leaf(f"{_named(value.run, catalogue.run(value.run))}: {shown}, {users}"))
    if len(makers) > _MOST:
        tree.add(_leaf(f"and {len(makers) - _MOST} more; --json tells all"))
    return tree


def _leaf(text: str) -> Text:
    return Text(escaped(text))


def _named(run_id: str, run: RunSummary | None) -> str:
    return f"{run_id} ({run.experiment}, {run.status})" if run else f"{run_id} (not in this folder)"


def _object(traced: Lineage) -> dict[str, Any]:
    return {
        "id": traced.run.id,
        "experiment": traced.run.experiment,
        "made_by": [_relative(relative) for relative in traced.makers],
        "used_by": [_relative(relative) for relative in traced.users],
        "from_no_run": [_value(value) for value in traced.unmade],
    }


def _relative(relative: Relative) -> dict[str, Any]:
    return {
        "id": relative.id,
        "experiment": relative.run.experiment if relative.run else None,
        "values": [_value(value) for value in relative.values],
        "relatives": [_relative(inner) for inner in relative.relatives],
        "told_elsewhere": relative.is_repeated,
    }


def _value(value: UsedParameter) -> dict[str, Any]:
    return {"name": value.name, "value": value.value, "unit": value.unit, "run": value.run}
