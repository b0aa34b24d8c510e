"""Sourced values: every number of a setup says where it comes from."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, replace
from typing import Any

from control.errors import nearest
from control.setup.schema import EntryTable, decode
from sequences.declarations import Declaration, declarations
from sequences.errors import DeclaredValueError


@dataclass(frozen=True, slots=True)
class SourcedValue:
    """A value of the setup with its origin, for people to read.

    Attributes:
        key: path in the setup file.
        value: with its unit.
        source: ``published``, ``derived``, ``assumed`` or ``calibrated``.
        reference: paper, equation or run.
        help: what the value is; empty for those that only the plug-in knows.
        error: one standard deviation, in the base unit; None if none is told.
        run: id of the run that calibrated it; empty for none.
    """

    key: str
    value: str
    source: str
    reference: str
    help: str = ""
    error: float | None = None
    run: str = ""

    @property
    def assumed(self) -> bool:
        """Whether it is somebody's best guess."""
        return self.source == "assumed"


def read_values(
    declared: type, tables: Mapping[str, Any], path: str, problems: list[str]
) -> tuple[dict[str, Any], list[SourcedValue]]:
    """Return the values of a table of sourced entries that a declared dataclass describes.

    Args:
        declared: dataclass with fields made by `quantity`, `count`, `choice` or `flag`.
        tables: key -> ``{value, source, reference}``.
        path: of the table in the file.
        problems: grows by the mistakes found.

    Returns:
        The values by name, and all entries with their sources.
    """
    known = declarations(declared)
    values: dict[str, Any] = {}
    sources: list[SourcedValue] = []
    for key, table in tables.items():
        if key not in known:
            problems.append(f"{path}.{key}: unknown key. {nearest(key, known)}")
            continue
        entry = read_entry(table, f"{path}.{key}", problems)
        if entry is None:
            continue
        try:
            values[key] = read_declared(known[key], key, entry.value)
            deviation = _read_error(known[key], f"{key}.error", entry.error)
        except DeclaredValueError as error:
            problems.append(f"{path}.{error}")
            continue
        shown = known[key].show(values[key])
        sources.append(
            SourcedValue(
                f"{path}.{key}", shown, entry.source, entry.reference, known[key].help, deviation, entry.run
            )
        )
    required = [field.name for field in dataclasses.fields(declared) if field.default is MISSING]
    problems += [f"{path}.{key}: is missing" for key in required if key not in tables]
    return values, sources


def _read_error(declaration: Declaration, name: str, given: str | float) -> float | None:
    """Return the standard deviation of a value in its base unit; limits are for the value, not for this.

    Raises:
        DeclaredValueError: it is no quantity of the value's unit, or not above zero.
    """
    if given == "":
        return None
    anything = replace(declaration, low=-math.inf, high=math.inf)
    error = read_declared(anything, name, given)
    if isinstance(error, float) and error > 0:
        return error
    raise DeclaredValueError(
        name, f"{given!r} is no standard deviation; give one above zero, in the value's unit"
    )


def read_entries(tables: Mapping[str, Any], path: str, problems: list[str]) -> list[SourcedValue]:
    """Return sourced entries whose names and values only the plug-in can judge."""
    entries = {key: read_entry(table, f"{path}.{key}", problems) for key, table in tables.items()}
    return [
        SourcedValue(f"{path}.{key}", str(entry.value), entry.source, entry.reference)
        for key, entry in entries.items()
        if entry is not None
    ]


def read_entry(table: object, path: str, problems: list[str]) -> EntryTable | None:
    """Return one sourced value; a published one must say where."""
    entry = decode(EntryTable, table, path, problems)
    if entry is not None and entry.source == "published" and not entry.reference.strip():
        problems.append(f"{path}.reference: is missing; a published value names its publication")
    return entry


def read_declared(declaration: Declaration, name: str, given: str | float | bool) -> Any:
    """Return a value that somebody wrote: a number without its unit is refused, as text would be.

    Raises:
        DeclaredValueError: it is not what the declaration asks for.
    """
    return declaration.read(name, given if isinstance(given, bool) else str(given))
