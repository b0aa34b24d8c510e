"""A run as people look at it: its results as quantities, and a small table for notebooks.

A run is data that anybody may have written: every text of it is escaped.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Any, Final

from data.errors import DataError
from data.findings import findings_of

if TYPE_CHECKING:
    from data.run import Run

_MOST_RESULTS: Final = 12  # lines of a small table
_LONGEST: Final = 200  # characters of a text in one of its cells
_LARGEST: Final = 2**63  # whole numbers; HDF5 holds none beyond, and floats end at 2**1024
_STATUS_COLOURS: Final = {"complete": "#2e7d4f", "running": "#1f4e79"}
_OTHER_COLOUR: Final = "#b3261e"
_LEFT: Final = "text-align:left;vertical-align:top"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A single result.

    Attributes:
        name: of it.
        value: number, text, truth value, or None for what the data did not tell.
        error: one standard deviation; NaN if none is given.
        unit: base unit, empty if it has none.
    """

    name: str
    value: float | str | bool | None
    error: float = math.nan
    unit: str = ""

    @property
    def title(self) -> str:
        """The name as people write it."""
        return self.name.replace("_", " ")

    def __str__(self) -> str:
        if self.value is None:
            return "not determined"
        if isinstance(self.value, str | bool):
            return str(self.value)
        if isinstance(self.value, int) and abs(self.value) > _LARGEST:
            return f"{Decimal(self.value):.5e} {self.unit}".rstrip()
        if math.isfinite(self.value) and math.isfinite(self.error) and self.error >= 0:
            from data.analysis.estimates import Estimate  # noqa: PLC0415 - brings numpy

            return str(Estimate(float(self.value), float(self.error), self.unit))
        return f"{self.value:.6g} {self.unit}".rstrip()


def quantities_of(results: Mapping[str, Any]) -> tuple[Quantity, ...]:
    """Return the single values of results, each with its error and unit, in their order.

    Example:
        >>> results = {"rate": 5.0, "rate_error": 0.2, "units": {"rate": "1/s"}, "curve": {"x": [1.0]}}
        >>> [f"{quantity.name}: {quantity}" for quantity in quantities_of(results)]
        ['rate: 5.00(20) 1/s']
    """
    return tuple(
        Quantity(found.name, found.value, _error(found.error), found.unit)
        for found in findings_of(results)
        if found.value is None or isinstance(found.value, float | int | str)
    )


def run_html(run: Run) -> str:
    """Return a run as a small HTML table: what a notebook shows of it.

    Args:
        run: open.
    """
    rows = [("run", _Told(run.id)), ("status", _status(run)), ("points", _Told(str(len(run))))]
    rows += _cautiously(lambda: list(_facts(run)))
    rows += _cautiously(lambda: list(_results(run)))
    lines = "".join(f'<tr><th style="{_LEFT}">{_cut(name)}</th>{cell}</tr>' for name, cell in rows)
    return (
        f'<table class="ionloom-run"><thead><tr><th colspan="2" style="{_LEFT}">{_experiment(run)}</th></tr>'
        f"</thead><tbody>{lines}</tbody></table>"
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """A cell of the table."""

    text: str
    colour: str = ""

    def __str__(self) -> str:
        colour = f";color:{self.colour}" if self.colour else ""
        return f'<td style="{_LEFT}{colour}">{_cut(self.text)}</td>'


def _error(value: object) -> float:
    return float(value) if isinstance(value, float | int) and abs(value) <= sys.float_info.max else math.nan


def _facts(run: Run) -> Iterator[tuple[str, _Told]]:
    header = run.header
    yield "started", _Told(f"{header.provenance.started:%Y-%m-%d %H:%M:%S} UTC")
    yield "shots a point", _Told(str(header.shots_per_point))
    axes = ", ".join(f"{axis.name} ({axis.unit})" if axis.unit else axis.name for axis in run.axes)
    yield "axes", _Told(axes or "none")


def _results(run: Run) -> Iterator[tuple[str, _Told]]:
    quantities = quantities_of(run.results)
    for quantity in quantities[:_MOST_RESULTS]:
        yield quantity.title, _Told(str(quantity))
    if len(quantities) > _MOST_RESULTS:
        yield "", _Told(f"and {len(quantities) - _MOST_RESULTS} more results")


def _cautiously(part: Callable[[], list[tuple[str, _Told]]]) -> list[tuple[str, _Told]]:
    """Return rows, or the one that says why there are none: a notebook shows a damaged run, too."""
    try:
        return part()
    except DataError as error:
        return [("not readable", _Told(str(error), _OTHER_COLOUR))]


def _experiment(run: Run) -> str:
    try:
        return _cut(run.experiment)
    except DataError:
        return "run"


def _status(run: Run) -> _Told:
    return _Told(f"{run.status} {run.message}".rstrip(), _STATUS_COLOURS.get(run.status, _OTHER_COLOUR))


def _cut(text: str) -> str:
    shown = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
    letters = (letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in shown)
    return escape("".join(letters))
