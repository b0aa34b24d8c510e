"""Differences of two runs in the words of a table, and as JSON."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Collection
from typing import Any, Final, TypeAlias

from control.cli.values import result_text, value_text
from data import StoredParameter
from data.comparison import (
    CodeDifference,
    Difference,
    EnvironmentDifference,
    ParameterDifference,
    ResultDifference,
    ScanDifference,
    SettingDifference,
    SetupDifference,
)

Row: TypeAlias = tuple[str, str, str]
"""What differs, and how it is in the first and in the second run."""

_ABSENT: Final = "-"
_LONGEST: Final = 4  # values of an axis that are shown before their middle is left out

_REVISION: Final = re.compile(r"^([0-9a-f]{12})[0-9a-f]+")  # of git, which people know by its first digits

_KINDS: Final[dict[type[object], str]] = {
    SettingDifference: "setting",
    ScanDifference: "scan",
    ParameterDifference: "parameter",
    SetupDifference: "setup",
    EnvironmentDifference: "environment",
    CodeDifference: "code",
    ResultDifference: "result",
}


def row_of(difference: Difference, calibrated: Collection[str]) -> Row:
    """Return a difference as a line of a table.

    Args:
        difference: to tell.
        calibrated: names of parameters that are calibrations, wherever a run had their values from.
    """
    if isinstance(difference, CodeDifference):
        removed, added = (f"{count} lines of its own" for count in (difference.removed, difference.added))
        return difference.name, removed, added
    if isinstance(difference, ScanDifference):
        return f"scan of {difference.axis}", *_scans(difference)
    if isinstance(difference, ParameterDifference):
        is_calibration = difference.is_calibration or difference.name in calibrated
        kind = "calibration" if is_calibration else "parameter"
        return f"{kind} {difference.name}", _parameter(difference.old), _parameter(difference.new)
    if isinstance(difference, ResultDifference):
        return _result_row(difference)
    if isinstance(difference, SetupDifference):
        return _setup_row(difference)
    return difference.name, _text(difference.old), _text(difference.new)


def object_of(difference: Difference) -> dict[str, Any]:
    """Return a difference as JSON holds it, once its numbers are made so."""
    fields = dataclasses.asdict(difference)
    if isinstance(difference, ParameterDifference):
        fields["is_calibration"] = difference.is_calibration
    return {"kind": _KINDS[type(difference)], **fields}


def _text(side: str | None) -> str:
    return _ABSENT if side is None else _REVISION.sub(r"\1", side)


def _setup_row(difference: SetupDifference) -> Row:
    if not difference.name:  # whole texts, with their line ends
        return "setup", repr(difference.old), repr(difference.new)
    return f"setup {difference.name}", _text(difference.old), _text(difference.new)


def _parameter(side: StoredParameter | None) -> str:
    if side is None:
        return _ABSENT
    maker = f", from run {side.run}" if side.run else ""
    return value_text(side.value, side.unit) + maker


def _result_row(difference: ResultDifference) -> Row:
    old, new = (_ABSENT if side is None else result_text(side) for side in (difference.old, difference.new))
    if math.isfinite(difference.deviations):
        new += f", {difference.deviations:.1f} standard deviations away"
    return f"result {difference.name}", old, new


def _scans(difference: ScanDifference) -> tuple[str, str]:
    """Return the values of an axis in both runs: the ends, and the first that differs if these do not."""
    sides = difference.old, difference.new
    old, new = (_ends(values, difference.unit) for values in sides)
    if old != new:
        return old, new
    many = f" ({difference.count} of {len(sides[0] or ())} points differ)"
    old, new = (
        f"point {difference.first}: {value_text(values[difference.first], difference.unit)}"
        for values in sides
        if values is not None
    )
    return old, new + many


def _ends(values: tuple[float | str, ...] | None, unit: str) -> str:
    if values is None:
        return _ABSENT
    texts = [value_text(value, unit) for value in values]
    return ", ".join(texts if len(texts) <= _LONGEST else [*texts[:2], "...", texts[-1]])
