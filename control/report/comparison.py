"""Several runs beside each other: what they say, and in what they differ."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from control.experiments.tables import Table
from control.plots import DATA, new_figure, styled
from control.plots.figures import label_quantity
from control.report.facts import parameter_text, revision
from data.pages import Quantity, quantities_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run

ABSENT: Final = "—"
PANEL_HEIGHT: Final = 1.6
"""Inches of each result in the picture."""

_MOST_PANELS: Final = 6
_LEAST: Final = 2  # runs that have a result, for it to be compared


def results_compared(runs: Sequence[Run]) -> Table:
    """Return a row for each result and a column for each run; the last says how far they are apart.

    Apart is the largest difference of two runs in standard errors of the difference.
    """
    found = [_by_name(run) for run in runs]
    names = list(dict.fromkeys(name for quantities in found for name in quantities))
    rows = []
    for name in names:
        row = [quantities.get(name) for quantities in found]
        rows.append(
            (name.replace("_", " "), *(ABSENT if one is None else str(one) for one in row), _apart(row))
        )
    return Table(("result", *(run.id for run in runs), "apart (σ)"), tuple(rows))


def differences(runs: Sequence[Run]) -> Table:
    """Return a row for each parameter, package, or part of the code that is not the same in all runs."""
    columns = [_made_of(run) for run in runs]
    names = list(dict.fromkeys(name for column in columns for name in column))
    rows = tuple(
        (name, *(column.get(name, ABSENT) for column in columns))
        for name in names
        if len({column.get(name) for column in columns}) > 1
    )
    return Table(("differs", *(run.id for run in runs)), rows)


def draw_comparison(runs: Sequence[Run]) -> Figure | None:
    """Draw the results that several runs have, one panel each, run after run; None if there are none.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    found = [_by_name(run) for run in runs]
    names = [name for name in dict.fromkeys(n for q in found for n in q) if _drawable(name, found)]
    if not names:
        return None
    shown = names[:_MOST_PANELS]
    figure = new_figure(f"{runs[0].id} and {len(runs) - 1} more", height=max(PANEL_HEIGHT * len(shown), 2.4))
    with styled():
        panels = figure.subplots(len(shown), 1, squeeze=False, sharex=True)[:, 0]
        for axes, name in zip(panels, shown, strict=True):
            own = [(place, q[name]) for place, q in enumerate(found) if name in q and _is_number(q[name])]
            values = [float(one.value) for _, one in own if isinstance(one.value, int | float)]
            errors = [one.error for _, one in own]
            places = [place for place, _ in own]
            axes.errorbar(places, values, yerr=errors, fmt="o", ms=3, lw=1, capsize=2, color=DATA)
            label_quantity(axes, name.replace("_", " "), own[0][1].unit, "y")
        panels[-1].set_xticks(range(len(runs)), [run.id for run in runs], rotation=30, ha="right", fontsize=6)
    return figure


def _by_name(run: Run) -> Mapping[str, Quantity]:
    return {quantity.name: quantity for quantity in quantities_of(run.results)}


def _is_number(quantity: Quantity) -> bool:
    value = quantity.value
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _drawable(name: str, found: Sequence[Mapping[str, Quantity]]) -> bool:
    """Return whether several runs have a number of that name with an error."""
    own = [quantities[name] for quantities in found if name in quantities]
    good = [one for one in own if _is_number(one) and math.isfinite(one.error) and one.error >= 0]
    return len(good) >= _LEAST and len(good) == len([one for one in own if _is_number(one)])


def _apart(row: Sequence[Quantity | None]) -> str:
    known = [one for one in row if one is not None and _is_number(one) and one.error > 0]
    largest = 0.0
    for place, one in enumerate(known):
        for other in known[:place]:
            if isinstance(one.value, int | float) and isinstance(other.value, int | float):
                error = math.hypot(one.error, other.error)
                largest = max(largest, abs(float(one.value) - float(other.value)) / error)
    return f"{largest:.1f}" if len(known) >= _LEAST else ""


def _made_of(run: Run) -> dict[str, str]:
    """Return all that may differ between runs, as texts."""
    origin = run.header.provenance
    return {
        "experiment": run.experiment,
        "status": run.status,
        "points": str(len(run)),
        "shots a point": str(run.header.shots_per_point),
        "seed": str(run.header.seed),
        **{name: parameter_text(parameter) for name, parameter in run.parameters.items()},
        "git revision": revision(run),
        "code of the experiment": f"{len(run.header.source.splitlines())} lines, {_mark(run.header.source)}",
        "setup": f"{len(run.header.setup.splitlines())} lines, {_mark(run.header.setup)}",
        "Python": origin.python,
        "platform": origin.platform,
        **{f"package {name}": version for name, version in origin.packages},
    }


def _mark(text: str) -> str:
    """Return a short mark that differs for different texts."""
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:8]
