"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def _read_pairs(_ctx: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """Return ``name=value`` texts as a mapping."""
    pairs: dict[str, str] = {}
    for text in given:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise click.BadParameter(f"{text!r} is not name=value, as in -p mapping_pi_time='5 us'")
        if name in pairs:
            raise click.BadParameter(f"{name} is given twice")
        pairs[name] = value
    return pairs


def parameter_option(command: F) -> F:
    """Add ``-p name=value``."""
    return click.option(
        "-p",
        "--parameter",
        "parameters",
        metavar="NAME=VALUE",
        multiple=True,
        callback=_read_pairs,
        help="A parameter of the experiment, or a calibrated value; with its unit. Repeatable.",
    )(command)


def setup_option(command: F) -> F:
    """Add ``--setup``."""
    return click.option(
        "--setup",
        metavar="FILE",
        default="innsbruck",
        show_default=True,
        help="The lab: a setup file or its name.",
    )(command)


def out_option(command: F) -> F:
    """Add ``--out``."""
    return click.option(
        "--out",
        metavar="DIR",
        type=click.Path(path_type=Path),
        default=Path("runs"),
        show_default=True,
        help="Folder of the runs.",
    )(command)


def json_option(command: F) -> F:
    """Add ``--json``."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON object on stdout, all else on stderr."
    )(command)


def experiment_option(command: F) -> F:
    """Add ``--experiment``."""
    return click.option(
        "--experiment",
        metavar="FILE.py",
        help="The code of the experiment, if it does not come with ionloom.",
    )(command)


def run_argument(command: F) -> F:
    """Add the argument that says which run is meant."""
    return click.argument("which", metavar="RUN", default="latest")(command)
