"""Result files of ARTIQ, read as runs.

ARTIQ stores what an experiment broadcasts and archives as members of the groups `datasets` and `archive`, and
its description (file, class, arguments) as a PYON text. Nothing of it says which datasets are the axes of a
scan: unless ndscan made them (see `data.exchange.ndscan`), or the user names them, all are results.

Source: ARTIQ (master/worker_impl.py, master/worker_db.py)
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
from numpy.typing import NDArray

from data.errors import ForeignMemberError
from data.exchange.foreign import (
    ForeignPoint,
    ForeignRun,
    base_unit,
    member_name,
    moment_of,
    nested,
    no_shots,
    origin_text,
    value_of,
)
from data.exchange.pyon_text import read_pyon
from data.header import Axis, Channel, RunHeader, StoredParameter
from data.provenance import Provenance
from data.stored_run import damage_told

LONGEST_TEXT: Final = 64
"""Bytes of UTF-8 that a text of an axis may have."""


@dataclass(frozen=True, slots=True, eq=False)
class ArtiqFile:
    """What a result file holds.

    Attributes:
        path: of the file.
        datasets: name -> value.
        archive: name -> value that the experiment used.
        units: name -> base unit, where one is told.
        version: of ARTIQ; empty if it is not told.
        rid: number of the run; None if it is not told.
        started: when.
        expid_text: description of the experiment, as it stands there.
        expid: the same as a mapping; empty if it cannot be read.
        remarks: what there is to say about the file.
    """

    path: Path
    datasets: dict[str, object]
    archive: dict[str, object]
    units: dict[str, str]
    version: str
    rid: int | None
    started: datetime
    expid_text: str
    expid: dict[str, Any]
    remarks: tuple[str, ...]

    @property
    def experiment(self) -> str:
        """Class of the experiment, told by its description or by the name of the file."""
        told = self.expid.get("class_name")
        stem = self.path.stem
        number, _, name = stem.partition("-")
        return member_name(str(told or (name if number.isdigit() and name else stem)))

    @property
    def usable(self) -> str:
        """What can be said when one of the datasets is not what it should be."""
        return f"each of the other {max(len(self.datasets) - 1, 0)} datasets can still be read with h5py"


def read_artiq_file(path: Path, file: h5py.File) -> ArtiqFile:
    """Read all of a result file.

    Args:
        path: of the file.
        file: open for reading.

    Raises:
        DamagedRunError: a member cannot be read.
    """
    remarks: list[str] = []
    datasets, archive, units = (dict[str, Any]() for _ in range(3))
    for group, values in (("datasets", datasets), ("archive", archive)):
        for name, dataset in _members(file.get(group)):
            others = "each of the other members can still be read unless it says the same"
            with damage_told(path, f"{group}/{name}", others):
                try:
                    values[name] = value_of(dataset)
                except TypeError as error:
                    remarks.append(f"{group}/{name} {error} and was left out")
                    continue
                if "unit" in dataset.attrs:
                    scale = dataset.attrs.get("scale", 1.0)
                    units[name] = base_unit(str(dataset.attrs["unit"]), float(scale))
    with damage_told(path, "its head", "its datasets can still be read with h5py unless it says the same"):
        scalars = {
            name: value_of(file[name]) for name in _SCALARS if isinstance(file.get(name), h5py.Dataset)
        }
    started, doubts = moment_of(scalars.get("start_time"), path)
    text = str(scalars.get("expid", ""))
    expid, complaint = _read_expid(text)
    rid = scalars.get("rid")
    return ArtiqFile(
        path=path,
        datasets=datasets,
        archive=archive,
        units=units,
        version=str(scalars.get("artiq_version", "")),
        rid=rid if isinstance(rid, int) else None,
        started=started,
        expid_text=text,
        expid=expid,
        remarks=(*remarks, *doubts, *complaint),
    )


def read_artiq(artiq: ArtiqFile, axes: Sequence[str] = (), channels: Sequence[str] = ()) -> ForeignRun:
    """Read a result file as a run.

    Args:
        artiq: the file.
        axes: datasets with a value a point that were scanned.
        channels: datasets with a value a point that were seen.

    Raises:
        ForeignMemberError: one of them is not there, has another length, or is no column of numbers or texts.
    """
    columns = {name: column_of(artiq, name, as_axis=name in axes) for name in (*axes, *channels)}
    count = check_lengths(artiq, columns)
    names: dict[str, str] = {}
    for name in columns:
        names[name] = member_name(name, names.values())
    header = artiq_header(
        artiq,
        "ARTIQ",
        artiq.version,
        axes=tuple(
            Axis(names[name], artiq.units.get(name, ""), text=columns[name].dtype.kind == "U")
            for name in axes
        ),
        channels=tuple(Channel(names[name], artiq.units.get(name, ""), name) for name in channels),
    )
    axis_columns = {names[name]: columns[name] for name in axes}
    points = points_of(axis_columns, {names[name]: columns[name] for name in channels}, count)
    return ForeignRun(header, points, other_results(artiq, columns), "complete", artiq.remarks)


def artiq_header(
    artiq: ArtiqFile,
    form: str,
    version: str,
    *,
    axes: tuple[Axis, ...] = (),
    channels: tuple[Channel, ...] = (),
    parameters: tuple[StoredParameter, ...] = (),
    facts: Mapping[str, object] | None = None,
    seed: int | None = None,
) -> RunHeader:
    """Return the head of a run from a result file.

    Args:
        artiq: the file.
        form: its format.
        version: of that.
        axes: of the scan.
        channels: of the scan.
        parameters: known beside arguments of the experiment and archived datasets.
        facts: to be kept with the origin.
        seed: of random numbers.
    """
    told = {"rid": artiq.rid, "artiq_version": artiq.version, "expid": artiq.expid_text}
    known = {name: value for name, value in told.items() if value not in {None, ""}}
    revision = artiq.expid.get("repo_rev")
    return RunHeader(
        experiment=artiq.experiment,
        provenance=Provenance(
            started=artiq.started,
            source_file=str(artiq.expid.get("file") or ""),
            git_revision=str(revision) if revision not in {None, "N/A"} else "",
            packages=(("artiq", artiq.version),) if artiq.version else (),
        ),
        parameters=_parameters(artiq, parameters),
        axes=axes,
        channels=channels,
        setup=origin_text(artiq.path, form, version, {**known, **(facts or {})}),
        source=str(artiq.expid.get("content") or ""),
        seed=seed,
    )


def column_of(artiq: ArtiqFile, name: str, *, as_axis: bool) -> NDArray[Any]:
    """Return a dataset as a column with a value a point.

    Returns:
        (points,) float64, or texts for an axis.

    Raises:
        ForeignMemberError: it is not there, or cannot be one.
    """
    member = f"datasets/{name}"
    if name not in artiq.datasets:
        known = ", ".join(list(artiq.datasets)[:8]) or "none"
        raise ForeignMemberError(
            artiq.path, member, "is not there", f"there are {known}", "give the name of one of them"
        )
    values = np.asarray(artiq.datasets[name])
    kinds = "biufU" if as_axis else "biuf"
    if values.ndim != 1 or values.dtype.kind not in kinds:
        what = "numbers or texts" if as_axis else "numbers"
        reason = f"is of shape {values.shape} and type {values.dtype}, not a column of {what}"
        raise ForeignMemberError(
            artiq.path, member, reason, artiq.usable, "leave it out: it is kept among the results"
        )
    if values.dtype.kind == "U":
        _check_texts(artiq, member, values)
        return values
    column = values.astype(np.float64)
    if as_axis and not np.isfinite(column).all():
        point = int(np.argmin(np.isfinite(column)))
        raise ForeignMemberError(
            artiq.path,
            member,
            f"is {column[point]} at point {point}, where an axis needs a finite number",
            f"its other {np.isfinite(column).sum()} values, and the other datasets, can be read with h5py",
            "put the value that was meant into a copy of the file, and import that",
        )
    return column


def check_lengths(artiq: ArtiqFile, columns: Mapping[str, NDArray[Any]]) -> int:
    """Return how many values all columns have.

    Raises:
        ForeignMemberError: they have different lengths.
    """
    lengths = {name: len(column) for name, column in columns.items()}
    if not lengths:
        return 0
    first, count = next(iter(lengths.items()))
    for name, length in lengths.items():
        if length != count:
            reason = f"has {length} values, but {first} has {count}: the columns of a scan need one length"
            advice = f"the first {min(length, count)} points are whole: cut a copy of the file to them"
            raise ForeignMemberError(artiq.path, f"datasets/{name}", reason, artiq.usable, advice)
    return count


def points_of(
    axes: Mapping[str, NDArray[Any]], channels: Mapping[str, NDArray[Any]], count: int
) -> tuple[ForeignPoint, ...]:
    """Return the points of columns."""
    scanned = {name: column.tolist() for name, column in axes.items()}
    seen = {name: column.tolist() for name, column in channels.items()}
    record = no_shots()
    return tuple(
        ForeignPoint(
            {name: column[i] for name, column in scanned.items()},
            {name: column[i] for name, column in seen.items()},
            record,
        )
        for i in range(count)
    )


def other_results(artiq: ArtiqFile, taken: Mapping[str, object]) -> dict[str, object]:
    """Return what is no column of a scan: datasets as results, with their units, and archived arrays."""
    results = nested({name: _result(artiq, name) for name in artiq.datasets if name not in taken})
    arrays = {name: value for name, value in artiq.archive.items() if not _is_parameter(value)}
    if arrays:
        results[member_name("archive", results)] = nested(arrays)
    return results


_SCALARS: Final = ("artiq_version", "rid", "start_time", "run_time", "expid")


def _members(group: h5py.Group | None) -> Iterator[tuple[str, h5py.Dataset]]:
    """List datasets of a group and of those within: a name with a slash makes groups."""
    found: list[tuple[str, h5py.Dataset]] = []
    if isinstance(group, h5py.Group):
        group.visititems(
            lambda name, member: found.append((name, member)) if isinstance(member, h5py.Dataset) else None
        )
    return iter(found)


def _read_expid(text: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    if not text:
        return {}, ("the file does not tell how the experiment was called (no expid)",)
    try:
        expid = read_pyon(text)
    except ValueError as error:
        return {}, (f"expid cannot be read ({error}); its text is kept with the setup",)
    return (expid, ()) if isinstance(expid, dict) else ({}, ("expid is no mapping",))


def _check_texts(artiq: ArtiqFile, member: str, values: NDArray[Any]) -> None:
    for point, text in enumerate(values.tolist()):
        if len(text.encode()) > LONGEST_TEXT:
            reason = (
                f"has a text of {len(text.encode())} bytes at point {point}, an axis at most {LONGEST_TEXT}"
            )
            raise ForeignMemberError(
                artiq.path, member, reason, artiq.usable, "leave it out: it is kept among the results"
            )


def _is_parameter(value: object) -> bool:
    return isinstance(value, bool | int | float | str)


def _parameters(artiq: ArtiqFile, known: tuple[StoredParameter, ...]) -> tuple[StoredParameter, ...]:
    """Return arguments, then what else is known, then archived datasets, each under a name of its own."""
    arguments = artiq.expid.get("arguments")
    found = [
        StoredParameter(str(name), _parameter_value(value), origin="override")
        for name, value in (arguments if isinstance(arguments, dict) else {}).items()
    ]
    found += known
    found += [
        StoredParameter(name, _parameter_value(value), artiq.units.get(name, ""), "calibration")
        for name, value in artiq.archive.items()
        if _is_parameter(value)
    ]
    named: dict[str, StoredParameter] = {}
    for parameter in found:
        name = member_name(parameter.name, named)
        named[name] = StoredParameter(name, parameter.value, parameter.unit, parameter.origin, parameter.help)
    return tuple(named.values())


def _parameter_value(value: object) -> float | int | str | bool:
    """Return what a parameter can hold: structures as JSON, numbers of more than 64 bits as digits."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    if isinstance(value, bool | int | float | str):
        return value
    return json.dumps(value, ensure_ascii=False, default=_jsonable)


def _jsonable(value: object) -> object:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)


def _result(artiq: ArtiqFile, name: str) -> object:
    value, unit = artiq.datasets[name], artiq.units.get(name, "")
    if not unit:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"value": value, "error": math.nan, "unit": unit}
    return {"value": value, "unit": unit}
