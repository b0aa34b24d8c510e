"""Settings: at which values a study measures, read from what a user typed, listed or gave in code.

Example:
    >>> from sequences.declarations import Declaration
    >>> power = Knob("node.power", Place.NODE, Declaration(float, "of the beam", "dBm", -30.0, 0.0), -3.0)
    >>> ions = Knob("ions", Place.EXPERIMENT, Declaration(int, "in the trap", low=1, high=200), 1)
    >>> knobs = {"node.power": power, "ions": ions}
    >>> read_settings(("node.power = -3 .. -1 dBm / 2", "ions = 2, 5"), None, knobs)
    ({'node.power': -3.0, 'ions': 2}, {'node.power': -3.0, 'ions': 5}, ...
    >>> read_settings(("node.pwoer = -3 dBm", "ions = 2.5"), None, knobs)
    Traceback (most recent call last):
    control.errors.ConfigError: 2 problems:
      - node has nothing called 'pwoer' that can be varied. Did you mean power?
      - ions: 2.5 is not a whole number
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final, TypeAlias

from control.errors import ConfigError, nearest
from control.simulate.knobs import Knob, Place, Value
from sequences import Parameter
from sequences.errors import DeclaredValueError, SequenceError
from sequences.scans import parse_scan, scanned_names

Values: TypeAlias = dict[str, Value]
"""Name of a knob -> its value, in its base unit: one setting."""

Vary: TypeAlias = Sequence[str] | Mapping[str, Iterable[object]]
"""Texts as ``"node.cavity_decay = 50 kHz .. 90 kHz / 5"``; or name -> values, texts or in the base unit."""

Listed: TypeAlias = str | Path | Iterable[Mapping[str, object]]
"""A CSV file whose heading names the knobs; or the settings themselves."""

MOST_SETTINGS: Final = 100_000
"""More than anybody would read: a slip of the finger shall not compile for a week."""

_EXAMPLE: Final = "write for example 'node.cavity_decay = 50 kHz .. 90 kHz / 5' or 'photon_pulse = 30, 50 us'"


def read_settings(
    vary: Vary, listed: Listed | None, knobs: Mapping[str, Knob], *, zipped: bool = False
) -> tuple[Values, ...]:
    """Return the settings of a study, in order.

    Args:
        vary: values of single knobs; every combination is a setting, and the last runs fastest.
        listed: settings one by one; each is combined with each of `vary`, and runs slowest.
        knobs: that can be turned, by name.
        zipped: whether the values of `vary` run together instead, the first with the first.

    Returns:
        Name -> value for every setting; one empty setting if nothing varies.

    Raises:
        ConfigError: everything that is wrong with names and values, at once.
    """
    problems: list[str] = []
    if isinstance(vary, Mapping):
        given = [(name, _each(name, values, knobs, problems)) for name, values in vary.items()]
    else:
        given = [_typed(text, knobs, problems) for text in vary]
    rows: list[Values] = _listed_rows(listed, knobs, problems) if listed is not None else [{}]
    names = [name for name, _ in given if name] + list(rows[0] if rows else ())
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    problems += [f"{name} is varied twice; once is enough" for name in twice]
    columns = [[{name: value} for value in values] for name, values in given]
    if zipped and columns and not problems:
        columns = [_together(columns, problems)]
    total = math.prod(map(len, (rows, *columns)))
    if total > MOST_SETTINGS:
        problems.append(f"{total} settings are more than the {MOST_SETTINGS} that a study can have")
    if problems:
        raise ConfigError(tuple(problems))
    return tuple(map(_merged, product(rows, *columns)))


def _together(columns: list[list[Values]], problems: list[str]) -> list[Values]:
    """Return the values of several knobs that run together."""
    if len({len(column) for column in columns}) > 1:
        lengths = ", ".join(f"{len(column)} of {next(iter(column[0]))}" for column in columns)
        problems.append(f"values that run together must be equally many, not {lengths}")
        return []
    return [_merged(values) for values in zip(*columns, strict=True)]


def _merged(parts: Iterable[Values]) -> Values:
    return {name: value for part in parts for name, value in part.items()}


def _typed(text: str, knobs: Mapping[str, Knob], problems: list[str]) -> tuple[str, list[Value]]:
    """Return the name and the values of one text; no values if it cannot be read."""
    name, equals, values = (part.strip() for part in text.partition("="))
    if not (name and equals and values):
        problems.append(f"{text!r} is not 'NAME = VALUES'; {_EXAMPLE}")
        return "", []
    knob = knobs.get(name)
    if knob is None:
        problems.append(unknown(name, knobs))
        return name, []
    if knob.declared.kind in (str, bool):
        return name, _each(name, (word.strip() for word in values.split(",")), knobs, problems)
    if len(scanned_names(f"{knob.short} = {values}")) > 1:
        problems.append(f"{text!r} varies several values; give each a text of its own (--vary, --vary)")
        return "", []
    declared = knob.declared
    parameter = Parameter(knob.short, declared.unit, declared.low, declared.high)
    centres = {knob.short: float(knob.present)} if isinstance(knob.present, int | float) else {}
    try:
        scan = parse_scan(f"{knob.short} = {values}", (parameter,), centres)
    except SequenceError as error:
        problems.append(f"{name}: {error}")
        return name, []
    return name, _each(name, scan.columns()[knob.short].tolist(), knobs, problems)


def _each(name: str, values: Iterable[object], knobs: Mapping[str, Knob], problems: list[str]) -> list[Value]:
    """Return values as their knob takes them; no values, and a problem, for what it does not take."""
    knob = knobs.get(name)
    if knob is None:
        problems.append(unknown(name, knobs))
        return []
    found: list[Value] = []
    before = len(problems)
    for value in values:
        try:
            found.append(knob.declared.read(name, value))
        except DeclaredValueError as error:
            problems.append(str(error))
    if not found and len(problems) == before:
        problems.append(f"{name}: there are no values to vary it over; {_EXAMPLE}")
    return found if len(problems) == before else []


def _listed_rows(listed: Listed, knobs: Mapping[str, Knob], problems: list[str]) -> list[Values]:
    """Return settings that are given one by one."""
    if isinstance(listed, str | Path):
        return _rows_of_file(Path(listed), knobs, problems)
    rows = [dict(row) for row in listed]
    if not rows:
        problems.append("the list of settings is empty")
    names = list(rows[0]) if rows else []
    problems += [unknown(name, knobs) for name in names if name not in knobs]
    return [_row(f"setting {number}", row, names, knobs, problems) for number, row in enumerate(rows, 1)]


def _rows_of_file(path: Path, knobs: Mapping[str, Knob], problems: list[str]) -> list[Values]:
    """Return the settings of a CSV file."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [[cell.strip() for cell in line] for line in csv.reader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        problems.append(f"the list {path} cannot be read: {reason}")
        return []
    numbered = [(number, line) for number, line in enumerate(lines, 1) if any(line)]
    if len(numbered) < 2:
        problems.append(
            f"{path}: there are no settings; write the names in the first line, values below them"
        )
        return []
    (_, names), *rows = numbered
    problems += [f"{path}: {unknown(name, knobs)}" for name in names if name not in knobs]
    problems += [f"{path}: {name} has two columns" for name in dict.fromkeys(names) if names.count(name) > 1]
    found = []
    for number, cells in rows:
        where = f"{path}, line {number}"
        if len(cells) != len(names):
            problems.append(f"{where}: {len(cells)} values, but the first line has {len(names)} names")
            continue
        found.append(_row(where, dict(zip(names, cells, strict=True)), names, knobs, problems))
    return found


def _row(
    where: str, row: Mapping[str, Any], names: list[str], knobs: Mapping[str, Knob], problems: list[str]
) -> Values:
    """Return one setting of a list."""
    values: Values = {}
    if set(row) != set(names):
        problems.append(f"{where}: gives {', '.join(row)}, but the first setting gives {', '.join(names)}")
        return values
    for name in names:
        if name in knobs:
            try:
                values[name] = knobs[name].declared.read(name, row[name])
            except DeclaredValueError as error:
                problems.append(f"{where}: {error}")
    return values


def unknown(name: str, knobs: Mapping[str, Knob]) -> str:
    """Say that a name cannot be varied, and which ones look like it."""
    place, _, short = name.rpartition(".")
    beside = [knob.short for knob in knobs.values() if knob.name == f"{place}.{knob.short}"]
    if beside:
        return f"{place} has nothing called {short!r} that can be varied. {nearest(short, beside)}"
    own = [knob.name for knob in knobs.values() if knob.place in (Place.EXPERIMENT, Place.CALIBRATION)]
    elsewhere = [knob.name for knob in knobs.values() if knob.short == short]
    hint = f"Did you mean {' or '.join(elsewhere)}?" if elsewhere else nearest(name, own)
    return f"nothing that can be varied is called {name!r}. {hint}"
