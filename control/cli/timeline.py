"""``ionloom timeline``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import click

from control.cli.asking import Asked, asks_for_experiment
from control.cli.escapes import say
from control.errors import UsageError
from control.plan import Plan
from control.views import FORMATS, Panel, Window, check_format, describe, save_view
from sequences import Program
from sequences.errors import UnitError
from sequences.picture import depict
from sequences.targets.vcd import print_vcd
from sequences.units import parse, show

_VCD: Final = ".vcd"
_EXAMPLE: Final = "as in --range '7 ms:7.2 ms' or --range '1 us:'"


def _read_window(_ctx: click.Context, _option: click.Parameter, text: str | None) -> Window | None:
    """Return the stretch of time that a text means; either end may be left out."""
    if text is None:
        return None
    first, colon, last = text.partition(":")
    if not colon:
        raise click.BadParameter(f"{text!r} is not START:STOP, {_EXAMPLE}")
    try:
        start = parse(first, "s") if first.strip() not in ("", "0") else 0.0
        stop = parse(last, "s") if last.strip() not in ("", "0") else 0.0 if last.strip() else math.inf
    except UnitError as error:
        raise click.BadParameter(f"{error}, {_EXAMPLE}") from None
    if not 0 <= start < stop:
        raise click.BadParameter(f"{text!r} must begin at 0 s or later, and STOP must be later than START")
    return Window(start, stop)


@click.command()
@asks_for_experiment
@click.option(
    "--range",
    "window",
    metavar="START:STOP",
    callback=_read_window,
    help="Times to show, with their units; either may be left out.",
)
@click.option(
    "--point", type=click.IntRange(min=1), default=1, show_default=True, help="Which of the points to draw."
)
@click.option("--electronics", is_flag=True, help="Times of the core's events instead of those of light.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    required=True,
    help="A page to look around in (.html), a drawing (.png, .svg), or a dump for wave viewers (.vcd).",
)
def timeline(
    asked: Asked,
    window: Window | None,
    point: int,
    electronics: bool,
    output: Path,
) -> None:
    """Draw what an experiment plays, in physical units.

    Loops are drawn once. On paper, long stretches in which nothing changes are cut short unless a --range is
    given.
    """
    ending = check_format(output, (*FORMATS, _VCD))
    if ending == _VCD and window is not None:
        raise UsageError(what="--range cannot be used with .vcd", advice="Its viewers zoom by themselves.")
    plan = asked.plan(proved=False)
    program = plan.program(point)
    if ending == _VCD:
        with output.open("w", encoding="ascii") as file:
            file.writelines(print_vcd(program, light=not electronics))
    else:
        _save_picture(program, _title(plan, point), window, output, electronics=electronics)
    say(output)


def _title(plan: Plan, point: int) -> str:
    of_many = f", point {point} of {len(plan.points)}" if len(plan.points) > 1 else ""
    return plan.experiment.name + of_many


def _save_picture(
    program: Program, title: str, window: Window | None, output: Path, *, electronics: bool
) -> None:
    picture = depict(program, electronics=electronics)
    if window is not None:
        if window.start >= picture.duration:
            lasts = show(picture.duration, "s")
            raise UsageError(
                what=f"--range begins at {show(window.start, 's')}, but the program lasts {lasts}",
                advice="Loops count once.",
            )
        window = Window(window.start, min(window.stop, picture.duration))
    save_view([Panel(title, describe(picture), picture)], output, window)
