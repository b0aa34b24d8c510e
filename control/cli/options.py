"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from control.errors import ConfigError
from control.lab import FASTEST, read_pace

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
    """Add ``-p name=value`` of what is measured."""
    return _pairs_option("A parameter of the experiment, or a calibrated value; with its unit. Repeatable.")(
        command
    )


def analysis_parameter_option(command: F) -> F:
    """Add ``-p name=value`` of what is worked out."""
    return _pairs_option(
        "A parameter of the analysis, with its unit if it has one; of an experiment's own analysis, a "
        "parameter of the experiment. Repeatable."
    )(command)


def _pairs_option(told: str) -> Callable[[F], F]:
    return click.option(
        "-p",
        "--parameter",
        "parameters",
        metavar="NAME=VALUE",
        multiple=True,
        callback=_read_pairs,
        help=told,
    )


def scan_options(command: F) -> F:
    """Add ``--scan``, ``--zip`` and ``--order``."""
    for option in (
        click.option(
            "--order",
            type=click.Choice(["as_written", "random", "refining", "snake"]),
            default="as_written",
            show_default=True,
            help="How the points of the scan follow each other.",
        ),
        click.option("--zip", "zipped", is_flag=True, help="Several scans run together, point by point."),
        click.option(
            "--scan",
            "scans",
            metavar="NAME=VALUES",
            multiple=True,
            help="A parameter of the experiment, or a calibrated value, and the values to measure at: "
            "'wait = 1 us .. 20 us / 21', 'wait = 1, 2, 5 us', 'mapping_frequency = 50 kHz around / 21'. "
            "Repeatable: the last runs fastest.",
        ),
    ):
        command = option(command)
    return command


def scan_text(scans: tuple[str, ...], *, zipped: bool, order: str, seed: int) -> str | None:
    """Return the text form of all scans that were asked for; None if there are none.

    Args:
        scans: one text an option.
        zipped: whether they run together.
        order: of their points.
        seed: of a random order.

    Raises:
        UsageError: an order of nothing.

    Example:
        >>> scan_text(("a = 1, 2", "b = 3, 4"), zipped=False, order="random", seed=5)
        '(a = 1, 2) * (b = 3, 4); random 5'
    """
    if not scans:
        if zipped or order != "as_written":
            raise click.UsageError("--order and --zip say how a scan is measured; say which with --scan")
        return None
    joined = (" & " if zipped else " * ").join(f"({text})" for text in scans) if len(scans) > 1 else scans[0]
    if order == "as_written":
        return joined
    return f"{joined}; {order} {seed}" if order == "random" else f"{joined}; {order}"


def _read_pace(_ctx: click.Context, _option: click.Parameter, given: str) -> float:
    try:
        return read_pace(given)
    except ConfigError as error:
        raise click.BadParameter(str(error)) from None


def happening_options(command: F) -> F:
    """Add ``--pace`` and ``--provoke``."""
    for option in (
        click.option(
            "--provoke",
            "provoking",
            metavar="'EVENT @ TIME'",
            multiple=True,
            help="Something that happens to a simulated lab, at its time: 'ion loss @ 2 s'. Repeatable.",
        ),
        click.option(
            "--pace",
            metavar="NUMBER",
            default=FASTEST,
            show_default=True,
            callback=_read_pace,
            help="How fast the time of a simulated lab runs at most: 1 for real time, 10 for ten times that.",
        ),
    ):
        command = option(command)
    return command


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
    """Add ``--json``; who is refused finds nothing on stdout, the reason on stderr, and an exit code."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON object on stdout, all else on stderr."
    )(command)


def json_lines_option(command: F) -> F:
    """Add ``--json`` to a command that has more to say as time goes on."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print a JSON object a line on stdout, all else on stderr."
    )(command)


def experiment_option(command: F) -> F:
    """Add ``--experiment``."""
    return click.option(
        "--experiment",
        metavar="FILE.py",
        help="The code of the experiment, if it does not come with ionloom.",
    )(command)


def run_argument(command: F) -> F:
    """Add the argument that says which run is meant; the latest one if it is left out."""
    return click.argument("which", metavar="[RUN]", default="latest")(command)


def lab_option(*, required: bool = False) -> Callable[[F], F]:
    """Add ``--lab``."""
    return click.option(
        "--lab",
        metavar="HOST:PORT",
        required=required,
        help="A running `ionloom lab` to find simulated instruments in; it prints where it is.",
    )
