"""The head of a run as members of its file, and back."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias, cast

import h5py
import numpy as np

from data.header import (
    Axis,
    Camera,
    Channel,
    Counted,
    Origin,
    PointForm,
    Readout,
    RunHeader,
    StoredParameter,
    storable,
)
from data.layout import ATTEMPTS, COUNTS, GATES, LOG, PHOTONS, SCAN, SCHEMA, SHOTS
from data.provenance import Provenance
from data.results import SPELLED

EndStatus: TypeAlias = Literal["complete", "interrupted", "failed"]
RunStatus: TypeAlias = EndStatus | Literal["running", "unfinished"]

PARAMETERS_TEXT: Final = "entry/parameters_json"
"""A copy of all parameters as one text, for programs that look through many files."""

_PARAMETERS: Final = "entry/parameters"
_PROVENANCE: Final = "provenance"
_TEXTS: Final = ("program", "setup", "source")


@dataclass(frozen=True, slots=True)
class RunState:
    """What changes about a run.

    Attributes:
        id: of the run, unique.
        status: how the run stands; "unfinished" if it was cut off, and only its journal is there.
        message: what there is to say about the status.
        ended: when, with a time zone; None while the run is going.
    """

    id: str
    status: RunStatus
    message: str = ""
    ended: datetime | None = None


def write_header(file: h5py.File, header: RunHeader, state: RunState) -> None:
    """Write all that is known before the first point into an empty file."""
    file.attrs.update(
        {
            "NX_class": "NXroot",
            "default": "entry",
            "Conventions": "CF-1.11",
            "creator": "ionloom",
            "ionloom_schema": SCHEMA,
        }
    )
    entry = file.create_group("entry")
    entry.attrs.update({"NX_class": "NXentry", "default": "scan"})
    entry.attrs.update({"status": state.status, "message": storable(state.message)})
    entry["title"] = header.experiment
    entry["entry_identifier"] = state.id
    entry["start_time"] = _iso(header.provenance.started)
    if state.ended is not None:
        entry["end_time"] = _iso(state.ended)
    entry["shots_per_point"] = header.shots_per_point
    entry["seed"] = "" if header.seed is None else str(header.seed)  # may have more than 64 bits
    for path in (SCAN, SHOTS, COUNTS, ATTEMPTS, GATES, PHOTONS, LOG):
        file.create_group(path).attrs["NX_class"] = "NXcollection"
    names = {
        "ionloom_axes": [axis.name for axis in header.axes],
        "ionloom_readouts": [readout.name for readout in header.readouts],
        "ionloom_channels": [channel.name for channel in header.channels],
        "ionloom_cameras": [camera.name for camera in header.cameras],
    }
    for attribute, listed in names.items():
        file[SCAN].attrs[attribute] = np.array(listed, dtype=h5py.string_dtype())
    _write_parameters(file, header)
    _write_provenance(file, header)


def _write_parameters(file: h5py.File, header: RunHeader) -> None:
    group = file.create_group(_PARAMETERS, track_order=True)
    group.attrs["NX_class"] = "NXcollection"
    for parameter in header.parameters:
        dataset = group.create_dataset(parameter.name, data=parameter.value)
        dataset.attrs.update(
            {"units": parameter.unit, "origin": parameter.origin, "long_name": parameter.help}
        )
        if parameter.error is not None:
            dataset.attrs["error"] = parameter.error
        if parameter.run:
            dataset.attrs["run"] = parameter.run
    file[PARAMETERS_TEXT] = parameters_text(header.parameters)


def parameters_text(parameters: Iterable[StoredParameter]) -> str:
    """Return parameters as one JSON text, which is read ten times as fast as one dataset for each.

    Example:
        >>> parameters_text([StoredParameter("wait", math.inf, "s")])
        '[{"name": "wait", "value": {"$float": "inf"}, "unit": "s", "origin": "default", "help": "", ...}]'
    """
    rows = [
        {name: _plain(value) for name, value in dataclasses.asdict(parameter).items()}
        for parameter in parameters
    ]
    return json.dumps(rows, allow_nan=False)


def read_parameters_text(text: str) -> tuple[StoredParameter, ...]:
    """Read parameters as `parameters_text` writes them."""
    return tuple(
        StoredParameter(**{name: _restored(value) for name, value in row.items()}) for row in json.loads(text)
    )


def _plain(value: float | str | None) -> object:
    """Return a value as JSON has it: numbers that are infinite, or none, as `data.results` spells them."""
    is_odd = isinstance(value, float) and not math.isfinite(value)
    return {SPELLED: repr(value)} if is_odd else value


def _restored(value: Any) -> Any:
    return float(value[SPELLED]) if isinstance(value, dict) else value


def _write_provenance(file: h5py.File, header: RunHeader) -> None:
    origin = header.provenance
    group = file.create_group(_PROVENANCE)
    group.attrs["NX_class"] = "NXcollection"
    for name in _TEXTS:
        group[name] = storable(getattr(header, name))
    group["git_diff"] = storable(origin.git_diff)
    group["packages"] = json.dumps(dict(origin.packages))
    group.attrs.update(
        {
            "source_file": storable(origin.source_file),
            "git_revision": origin.git_revision,
            "git_dirty": "" if origin.git_dirty is None else str(origin.git_dirty).lower(),
            "python": origin.python,
            "platform": origin.platform,
        }
    )


def read_state(file: h5py.File) -> RunState:
    """Read how a run stands."""
    entry = file["entry"]
    ended = entry.get("end_time")
    return RunState(
        id=_text(entry["entry_identifier"]),
        status=cast("EndStatus", entry.attrs["status"]),
        message=entry.attrs["message"],
        ended=_time(ended) if ended is not None else None,
    )


def read_started(file: h5py.File) -> datetime:
    """Read when a run began, in UTC."""
    return _time(file["entry/start_time"])


def read_experiment(file: h5py.File) -> str:
    """Read the name of the experiment."""
    return _text(file["entry/title"])


def read_form(file: h5py.File) -> PointForm:
    """Read what every point has."""
    scan, counts = file[SCAN], file[COUNTS]

    def named(what: str) -> list[str]:
        return [str(name) for name in scan.attrs[f"ionloom_{what}"]]

    return PointForm(
        axes=tuple(
            Axis(name, scan[name].attrs.get("units", ""), text=scan[name].dtype.kind == "S")
            for name in named("axes")
        ),
        readouts=tuple(_readout(name, counts[name]) for name in named("readouts")),
        channels=tuple(
            Channel(name, scan[name].attrs.get("units", ""), _meaning(scan[name]))
            for name in named("channels")
        ),
        cameras=tuple(Camera(name, *scan[name].shape[1:]) for name in named("cameras")),
    )


def _readout(name: str, counts: h5py.Dataset) -> Readout:
    told = counts.attrs
    return Readout(
        name,
        counts.shape[1],
        source=str(told.get("source", "")),
        counted=cast("Counted", str(told.get("counted", ""))),
        rows=tuple(map(int, told.get("rows", ()))),
        windows=tuple(map(int, told.get("windows", ()))),
    )


def _meaning(dataset: h5py.Dataset) -> str:
    """Return what a channel is; one without a meaning has its name there."""
    told = str(dataset.attrs["long_name"])
    return "" if told == dataset.name.rsplit("/", 1)[1] else told


def read_header(file: h5py.File) -> RunHeader:
    """Read all that was known before the first point."""
    entry = file["entry"]
    seed, form = _text(entry["seed"]), read_form(file)
    return RunHeader(
        experiment=read_experiment(file),
        provenance=_read_provenance(file),
        parameters=_read_parameters(file),
        axes=form.axes,
        readouts=form.readouts,
        channels=form.channels,
        cameras=form.cameras,
        **{name: _text(file[_PROVENANCE][name]) for name in _TEXTS},
        seed=int(seed) if seed else None,
        shots_per_point=int(entry["shots_per_point"][()]),
    )


def _read_parameters(file: h5py.File) -> tuple[StoredParameter, ...]:
    return tuple(
        StoredParameter(
            name=name,
            value=_value(dataset),
            unit=dataset.attrs["units"],
            origin=cast("Origin", dataset.attrs["origin"]),
            help=dataset.attrs["long_name"],
            error=float(dataset.attrs["error"]) if "error" in dataset.attrs else None,
            run=str(dataset.attrs.get("run", "")),
        )
        for name, dataset in file[_PARAMETERS].items()
    )


def _read_provenance(file: h5py.File) -> Provenance:
    group = file[_PROVENANCE]
    dirty = group.attrs["git_dirty"]
    return Provenance(
        started=read_started(file),
        source_file=group.attrs["source_file"],
        git_revision=group.attrs["git_revision"],
        git_dirty=dirty == "true" if dirty else None,
        git_diff=_text(group["git_diff"]),
        packages=tuple(json.loads(_text(group["packages"])).items()),
        python=group.attrs["python"],
        platform=group.attrs["platform"],
    )


def _value(dataset: h5py.Dataset) -> float | int | str | bool:
    value: Any = dataset[()]
    return value.decode() if isinstance(value, bytes) else value.item()


def _text(dataset: h5py.Dataset) -> str:
    return cast("bytes", dataset[()]).decode()


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _time(dataset: h5py.Dataset) -> datetime:
    return datetime.fromisoformat(_text(dataset))
