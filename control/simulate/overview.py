"""A study at a glance: one row a setting, with what its results say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from control.experiments.scanned_runs import readable_row, result_rows
from control.experiments.tables import Table, tabulate
from control.simulate.merging import Outcome

NUMBER = "setting"
"""Heading of the numbers of the settings."""


def study_rows(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return the rows of all results, each behind the number and the values of its setting.

    An analysis with ``points`` gives one row a point, any other one row of its single values.
    """
    rows = []
    for outcome in outcomes:
        for found in result_rows(outcome.results) or [{}]:
            own = {name: value for name, value in found.items() if name not in outcome.values}
            rows.append({NUMBER: outcome.number, **outcome.values, **own})
    return rows


def tabulate_study(title: str, outcomes: Sequence[Outcome], units: Mapping[str, str]) -> Table:
    """Return the results that vary, with units at the settings and errors in brackets behind their values.

    Args:
        title: of the table.
        outcomes: one a setting.
        units: name of a knob -> base unit.
    """
    rows = study_rows(outcomes)
    names = (NUMBER, *units)
    results = dict.fromkeys(name for row in rows for name in row if name not in names)
    shown = {name for name in results if _varies(name, rows)}
    shown |= {f"{name}_error" for name in shown}
    kept = [{name: row[name] for name in row if name in names or name in shown} for row in rows]
    return tabulate([readable_row(row, names, units) for row in kept], title)


def _varies(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a result is worth a column; in a single row all of them are."""
    values = [row.get(name) for row in rows]
    return len(rows) == 1 or any(value != values[0] for value in values)
