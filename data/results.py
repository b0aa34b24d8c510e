"""Results of an analysis as members of a run file, and back.

The structure is one JSON text. Numpy arrays lie beside it as datasets that the text refers to, so they come
back exactly as they were. Plain numbers stand in the text; for other programs they are repeated as datasets:
numbers, values with an error and a unit, and tables (lists of mappings with the same keys) by column.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, Final, TypeAlias

import h5py
import numpy as np

from data.errors import ResultsError
from data.findings import NO_UNITS, Units, fields_of, findings_of, is_quantity, units_of
from data.header import storable
from data.provenance import program_version

Results: TypeAlias = Mapping[str, object]

Copy: TypeAlias = tuple[object, str]
"""Numbers that stand in the text of results, and their unit."""

ANALYSIS: Final = "analysis"

# JSON has neither arrays of a type nor infinite numbers: a mapping with one of these keys stands for them.
_ARRAY: Final = "$array"
SPELLED: Final = "$float"


@dataclass(frozen=True, slots=True)
class KeyResult:
    """The number that tells of a run in a list of runs.

    Attributes:
        name: of the result.
        value: in the unit below.
        error: one standard deviation; NaN if none is given.
        unit: base unit, empty if it has none.
    """

    name: str
    value: float
    error: float = math.nan
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What an analysis of a run found.

    Attributes:
        name: its number in the file, four digits.
        made: when.
        program: that made it, with its version.
        results: what it found.
        by: name of the analysis; empty for that of the experiment.
        parameters: that it was given.
        source: text of its code; empty for analyses that come with ionloom.
    """

    name: str
    made: datetime
    program: str
    results: dict[str, Any]
    by: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True, slots=True)
class Maker:
    """Who made results.

    Attributes:
        by: name of the analysis; empty for that of the experiment.
        parameters: that it was given; numbers, texts and truth values.
        source: text of its code; empty for analyses that come with ionloom.
    """

    by: str = ""
    parameters: Mapping[str, float | str | bool] = field(default_factory=dict)
    source: str = ""


EXPERIMENT: Final = Maker()
"""The analysis of the experiment that made the run."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Results ready to be stored.

    Attributes:
        text: the structure as JSON.
        arrays: name of a dataset -> numpy array that the text refers to.
        copies: name of a dataset -> numbers that stand in the text.
        key: the first number of the results, if they have one.
    """

    text: str
    arrays: dict[str, np.ndarray[Any, Any]]
    copies: dict[str, Copy]
    key: KeyResult | None


def encode(results: Results) -> Encoded:
    """Take results apart into a text and arrays.

    Args:
        results: name -> number, text, truth value, None, numpy array of numbers, dataclass, or a list or
            mapping of these. What belongs together as value, error and unit, `data.findings` tells.

    Returns:
        The parts. Tuples become lists and dataclasses mappings; all numbers keep their values.

    Raises:
        ResultsError: for anything else, with its place.
    """
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    plain = _plain(dict(results), "", arrays)
    copies: dict[str, Copy] = {}
    _collect_copies(plain, "", copies)
    groups = {str(parent) for name in copies for parent in PurePosixPath(name).parents}
    copies = {name: copy for name, copy in copies.items() if name not in groups}  # "x_error" may be both
    return Encoded(json.dumps(plain, allow_nan=False), arrays, copies, _key_result(plain))


def write_analysis(file: h5py.File, encoded: Encoded, made: datetime, maker: Maker = EXPERIMENT) -> None:
    """Add results to a file, after those that it has."""
    group = file.create_group(f"{ANALYSIS}/{len(file.get(ANALYSIS, ())) + 1:04d}")
    group.attrs.update(
        {
            "NX_class": "NXprocess",
            "program": program_version(),
            "date": made.astimezone(UTC).isoformat(),
            "analysis": maker.by,
            "parameters": json.dumps(dict(maker.parameters)),
        }
    )
    if maker.source:
        group["source"] = storable(maker.source)
    if encoded.key is not None:
        for field, value in dataclasses.asdict(encoded.key).items():
            group.attrs[f"key_{field}"] = value
    group["results"] = encoded.text
    for name, array in encoded.arrays.items():
        group[f"arrays/{name}"] = array
    for name, (numbers, unit) in encoded.copies.items():
        dataset = group.create_dataset(f"values/{name}", data=numbers)
        if unit:
            dataset.attrs["units"] = unit


def read_results(file: h5py.File) -> dict[str, Any]:
    """Read the latest results, an empty mapping if there are none."""
    group = _latest(file)
    return {} if group is None else _results_of(group)


def read_analyses(file: h5py.File) -> tuple[Analysis, ...]:
    """Read what every analysis found, the newest last."""
    stored = file.get(ANALYSIS, {})
    return tuple(
        Analysis(
            name=name,
            made=datetime.fromisoformat(stored[name].attrs["date"]),
            program=str(stored[name].attrs["program"]),
            results=_results_of(stored[name]),
            by=str(stored[name].attrs.get("analysis", "")),
            parameters=json.loads(stored[name].attrs.get("parameters", "{}")),
            source=stored[name]["source"].asstr()[()] if "source" in stored[name] else "",
        )
        for name in sorted(stored)
    )


def _results_of(group: h5py.Group) -> dict[str, Any]:
    return restore(group["results"][()], lambda name: group[f"arrays/{name}"][()])


def restore(text: str | bytes, array: Callable[[str], Any]) -> dict[str, Any]:
    """Put results together again.

    Args:
        text: their structure as JSON.
        array: returns the array of a name that the text refers to.
    """
    restored: dict[str, Any] = _restored(json.loads(text), array)
    return restored


def read_key_result(file: h5py.File) -> KeyResult | None:
    """Read the first number of the latest results."""
    group = _latest(file)
    if group is None or "key_name" not in group.attrs:
        return None
    facts = [group.attrs[f"key_{field.name}"] for field in dataclasses.fields(KeyResult)]
    return KeyResult(str(facts[0]), float(facts[1]), float(facts[2]), str(facts[3]))


def _latest(file: h5py.File) -> h5py.Group | None:
    group = file.get(ANALYSIS)
    return group[max(group)] if group else None


def _plain(value: object, place: str, arrays: dict[str, np.ndarray[Any, Any]]) -> Any:
    """Return what JSON can hold, arrays moved to `arrays`."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = fields_of(value)
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {SPELLED: repr(value)}
    if isinstance(value, np.ndarray | complex):
        return {_ARRAY: _stored(np.asarray(value), place, arrays)}
    if isinstance(value, Mapping):
        return {_key(key, place): _plain(item, _join(place, key), arrays) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [_plain(item, _join(place, number), arrays) for number, item in enumerate(value)]
    raise ResultsError(place, f"is a {type(value).__name__}")


def _stored(array: np.ndarray[Any, Any], place: str, arrays: dict[str, np.ndarray[Any, Any]]) -> str:
    if array.dtype.kind not in "biufc":
        raise ResultsError(place, f"is an array of {array.dtype}")
    arrays[place] = array
    return place


def _key(key: object, place: str) -> str:
    if (
        not isinstance(key, str)
        or not key
        or "/" in key
        or key.startswith((".", "$"))
        or storable(key) != key
    ):
        raise ResultsError(place or "results", f"has the key {key!r}, no name for a member of an HDF5 file")
    return key


def _join(place: str, name: object) -> str:
    return f"{place}/{name}" if place else str(name)


def _restored(value: Any, array: Callable[[str], Any]) -> Any:
    if isinstance(value, list):
        return [_restored(item, array) for item in value]
    if not isinstance(value, dict):
        return value
    if _ARRAY in value:
        return array(value[_ARRAY])
    if SPELLED in value:
        return float(value[SPELLED])
    return {key: _restored(item, array) for key, item in value.items()}


def _number(value: Any) -> float | int | bool | None:
    """Return the number that a plain value is, None if it is none."""
    if isinstance(value, dict) and set(value) == {SPELLED}:
        return float(value[SPELLED])
    # HDF5 has no integers of more than 64 bits; such a number stands in the text only.
    is_number = isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**63)
    return value if is_number else None


def _collect_copies(
    results: Mapping[str, Any], place: str, copies: dict[str, Copy], outer: Units = NO_UNITS
) -> None:
    """Gather the numbers, and lists of numbers, of a mapping and of those within it, with their errors."""
    units = units_of(results, outer)
    for found in findings_of(results, outer):
        own = _join(place, found.name)
        for name, value in ((own, found.value), (f"{own}_error", found.error)):
            _collect_copy(value, name, found.unit, copies, units)


def _collect_copy(value: Any, place: str, unit: str, copies: dict[str, Copy], units: Units) -> None:
    """Gather the numbers of a value.

    Args:
        value: as JSON holds it.
        place: its name in the file.
        unit: of the value, if it is a number or a list of them.
        copies: to which they are added.
        units: of the columns, if it is a table.
    """
    number = _number(value)
    if number is not None:
        copies[place] = (number, unit)
    elif isinstance(value, dict):
        _collect_copies(value, place, copies)
    elif isinstance(value, list) and value:
        numbers = [_number(item) for item in value]
        if None not in numbers:
            copies[place] = (np.array(numbers), unit)
        elif all(isinstance(row, dict) for row in value):
            _collect_table(value, place, unit, copies, units)


def _collect_table(
    rows: list[dict[str, Any]], place: str, unit: str, copies: dict[str, Copy], units: Units
) -> None:
    """Gather the columns of a list of mappings that have the same keys, or of values with errors."""
    cells: list[dict[str, Copy]] = []
    for row in rows:
        cells.append({})
        if is_quantity(row):
            _collect_copies({place: row}, "", cells[-1], {place: unit})
        else:
            _collect_copies(row, place, cells[-1], units)
    for name, (_, own_unit) in cells[0].items():
        column = [row[name][0] for row in cells if name in row]
        if len(column) == len(rows) and all(isinstance(cell, bool | int | float) for cell in column):
            copies[name] = (np.array(column), own_unit)


def _key_result(results: Mapping[str, Any]) -> KeyResult | None:
    for found in findings_of(results):
        number, error = _number(found.value), _number(found.error)
        if number is not None:
            return KeyResult(
                found.name, float(number), math.nan if error is None else float(error), found.unit
            )
    return None
