"""Scans of ndscan within result files of ARTIQ, read as runs.

Each scan has a prefix, `ndscan.rid_1234.`, before the names of its datasets: schemata of axes, channels and
results as JSON texts, and a column for each axis and channel. Values are in base units; what the schemata
call the unit is that of the display.

Source: ndscan (experiment/entry_point.py, experiment/parameters.py, experiment/result_channels.py)
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.errors import ForeignMemberError, NewerFormatError
from data.exchange.artiq import (
    ArtiqFile,
    artiq_header,
    check_lengths,
    column_of,
    other_results,
    points_of,
)
from data.exchange.foreign import ForeignRun, base_unit, member_name
from data.exchange.pyon_text import read_pyon
from data.header import Axis, Channel, StoredParameter

REVISION: Final = 2
"""Latest revision of ndscan's datasets that is known."""

_REVISION_KEY: Final = "ndscan_schema_revision"
_ARGUMENT: Final = "ndscan_params"

_TEXT_FACTS: Final = ("source_id", "fragment_fqn", "annotations", "online_analyses")


def scan_prefixes(artiq: ArtiqFile) -> tuple[str, ...]:
    """Name the scans in a file by what stands before the names of their datasets."""
    found = tuple(
        name.removesuffix(_REVISION_KEY)
        for name in artiq.datasets
        if name == _REVISION_KEY or name.endswith(f".{_REVISION_KEY}")
    )
    # Files from before there were revisions.
    return found or (("ndscan.",) if "ndscan.axes" in artiq.datasets else ())


def read_ndscan(artiq: ArtiqFile, prefix: str) -> ForeignRun:
    """Read a scan.

    Args:
        artiq: the file.
        prefix: of the scan's datasets.

    Raises:
        NewerFormatError: its schemata are of a later revision.
        ForeignMemberError: a schema cannot be read, or a column does not fit it.
    """
    scan = _Scan(artiq, prefix)
    version = scan.plain(_REVISION_KEY, 1)
    if not isinstance(version, int) or version > REVISION:
        raise NewerFormatError(artiq.path, "ndscan", str(version), str(REVISION))
    axes, channels = scan.schema("axes", list), scan.schema("channels", dict)
    names = _axis_names(axes)
    if axes:
        scanned = {names[i]: scan.column(f"points.axis_{i}", as_axis=True) for i in range(len(axes))}
        seen, others = _split(scan, {name: f"points.channel_{name}" for name in channels})
    else:
        scanned = {}
        seen, others = _split(scan, {name: f"point.{name}" for name in channels})
    renamed: dict[str, str] = {}
    for name in seen:
        renamed[name] = member_name(name, (*names, *renamed.values()))
    is_complete = scan.plain("completed", default=True) is True
    count, remarks = _count(scan, scanned, seen, is_complete=is_complete)
    header = artiq_header(
        artiq,
        "ndscan",
        f"revision {version}",
        axes=tuple(_axis(name, schema, scanned[name]) for name, schema in zip(names, axes, strict=True)),
        channels=tuple(_channel(renamed[name], channels[name]) for name in seen),
        parameters=_parameters(artiq, axes),
        facts={name: scan.plain(name) for name in _TEXT_FACTS if scan.plain(name) is not None},
        seed=_seed(scan.plain("seed")),
    )
    points = points_of(scanned, {renamed[name]: column for name, column in seen.items()}, count)
    results = {**_analysis_results(scan), **others, **_unrelated(artiq)}
    return ForeignRun(
        header, points, results, "complete" if is_complete else "interrupted", (*artiq.remarks, *remarks)
    )


@dataclass(frozen=True, slots=True)
class _Scan:
    """The datasets of one scan, called by their names without the prefix."""

    artiq: ArtiqFile
    prefix: str

    def plain(self, name: str, default: object = None) -> object:
        """Return a dataset as it is."""
        return self.artiq.datasets.get(self.prefix + name, default)

    def schema(self, name: str, kind: type[Any]) -> Any:
        """Return what the JSON text of a dataset means.

        Raises:
            ForeignMemberError: it is not there, no JSON, or of another kind.
        """
        text, member = self.plain(name), f"datasets/{self.prefix}{name}"
        advice = "import it without ndscan's schemata: name its columns with --axis and --channel"
        try:
            schema = json.loads(text) if isinstance(text, str) else None
        except (ValueError, RecursionError) as error:
            reason = f"is no JSON ({error})"
            raise ForeignMemberError(self.artiq.path, member, reason, self.artiq.usable, advice) from None
        if not isinstance(schema, kind) or not all(isinstance(part, dict) for part in _parts(schema)):
            reason = "is not there" if text is None else f"is no JSON {kind.__name__} of schemata"
            raise ForeignMemberError(self.artiq.path, member, reason, self.artiq.usable, advice)
        return schema

    def column(self, name: str, *, as_axis: bool = False) -> NDArray[Any]:
        """Return a column; empty before the first point, when it is not there."""
        if self.prefix + name not in self.artiq.datasets:
            return np.zeros(0)
        return column_of(self.artiq, self.prefix + name, as_axis=as_axis)


def _parts(schema: Any) -> Any:
    return schema.values() if isinstance(schema, dict) else schema


def _split(scan: _Scan, members: Mapping[str, str]) -> tuple[dict[str, NDArray[Any]], dict[str, object]]:
    """Return channels with one number a point, and all others."""
    seen: dict[str, NDArray[Any]] = {}
    others: dict[str, object] = {}
    for name, member in members.items():
        value = scan.plain(member)
        values = np.asarray(value) if not isinstance(value, list) else np.zeros((0, 0))
        if value is None:
            seen[name] = np.zeros(0)
        elif values.dtype.kind in "biuf" and values.ndim < 2:
            seen[name] = np.atleast_1d(values).astype(np.float64)
        else:
            others[member_name(name)] = value
    return seen, others


def _count(
    scan: _Scan, scanned: Mapping[str, NDArray[Any]], seen: Mapping[str, NDArray[Any]], *, is_complete: bool
) -> tuple[int, tuple[str, ...]]:
    """Return how many points are whole, and what is to be said of others.

    Raises:
        ForeignMemberError: columns of a completed scan have different lengths.
    """
    members = {f"{scan.prefix}points.axis_{i}": column for i, column in enumerate(scanned.values())}
    members |= {f"{scan.prefix}points.channel_{name}": column for name, column in seen.items()}
    lengths = {len(column) for column in members.values()}
    if is_complete or len(lengths) < 2:
        return check_lengths(scan.artiq, members), ()
    whole, longest = min(lengths), max(lengths)
    return whole, (f"the scan stopped within a point: {whole} of {longest} points are whole",)


def _axis_names(axes: list[dict[str, Any]]) -> list[str]:
    """Name axes by the last part of their parameters' names."""
    names: list[str] = []
    for schema in axes:
        fqn = str(_of(schema, "param").get("fqn", "axis"))
        names.append(member_name(fqn.rpartition(".")[2] or fqn, names))
    return names


def _of(schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a part of a schema, empty where it has none."""
    part = schema.get(name)
    return part if isinstance(part, dict) else {}


def _unit(spec: Mapping[str, Any]) -> str:
    scale = spec.get("scale", 1.0)
    return base_unit(str(spec.get("unit") or ""), scale if isinstance(scale, int | float) else 1.0)


def _axis(name: str, schema: dict[str, Any], column: NDArray[Any]) -> Axis:
    param = _of(schema, "param")
    is_text = column.dtype.kind == "U" or (not len(column) and param.get("type") == "string")
    return Axis(name, "" if is_text else _unit(_of(param, "spec")), text=is_text)


def _channel(name: str, schema: dict[str, Any]) -> Channel:
    return Channel(name, _unit(schema), str(schema.get("description") or ""))


def _seed(value: object) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


def _parameters(artiq: ArtiqFile, axes: list[dict[str, Any]]) -> tuple[StoredParameter, ...]:
    """Return what the experiment's parameters were, as its arguments tell: overridden, or by default."""
    arguments = artiq.expid.get("arguments")
    told = arguments.get(_ARGUMENT) if isinstance(arguments, dict) else None
    try:
        tree = read_pyon(told) if isinstance(told, str) else told
    except ValueError:
        return ()
    if not isinstance(tree, dict):
        return ()
    overrides = _of(tree, "overrides")
    scanned = {_of(axis, "param").get("fqn") for axis in axes}
    found = []
    for fqn, schema in _of(tree, "schemata").items():
        if fqn in scanned or not isinstance(schema, dict):
            continue
        default = StoredParameter(
            fqn,
            _literal(schema.get("default", "")),
            _unit(_of(schema, "spec")),
            help=str(schema.get("description") or ""),
        )
        given = [item for item in overrides.get(fqn) or () if isinstance(item, dict)]
        values = [item["value"] for item in given if isinstance(item.get("value"), bool | int | float | str)]
        found += [replace(default, value=value, origin="override") for value in values] or [default]
    return tuple(found)


def _literal(text: object) -> float | int | str | bool:
    """Return a default: a literal of Python, or a call that looks a dataset up, which stays a text."""
    try:
        value = ast.literal_eval(str(text))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return str(text)
    return value if isinstance(value, bool | int | float | str) else str(text)


def _analysis_results(scan: _Scan) -> dict[str, object]:
    """Return what analyses found; a result that is the error of another stands with it."""
    if scan.plain("analysis_results") is None:
        return {}
    schemata = scan.schema("analysis_results", dict)
    found = {name: scan.plain(f"analysis_result.{name}") for name in schemata}
    by_path = {str(schema.get("path", name)): name for name, schema in schemata.items()}
    errors = {}
    for name, schema in schemata.items():
        target = by_path.get(str(_of(schema, "display_hints").get("error_bar_for", "")))
        if target is not None and target != name:
            errors[target] = name
    results: dict[str, object] = {}
    for name, value in found.items():
        if value is None or name in errors.values():
            continue
        if isinstance(value, int | float) and not isinstance(value, bool):
            error = found.get(errors.get(name, ""))
            results[member_name(name)] = {
                "value": value,
                "error": error if isinstance(error, int | float) else float("nan"),
                "unit": _unit(schemata[name]),
            }
        else:
            results[member_name(name)] = value
    return results


def _unrelated(artiq: ArtiqFile) -> dict[str, object]:
    """Return what belongs to no scan."""
    prefixes = scan_prefixes(artiq)
    of_scans = {name: None for name in artiq.datasets if name.startswith(prefixes)}
    others = other_results(artiq, of_scans)
    return {"other": others} if others else {}
