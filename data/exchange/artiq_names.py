"""What programs for ARTIQ's result files look for, in a finished run file.

ARTIQ's browser, its scripts, oitg and ndscan expect a few scalars at the root, and results as members of the
flat groups `datasets` and `archive`, all of which they read at once. So these groups hold small plain copies
(without dimension scales, which cannot be sent to ARTIQ's master again), and photons are never among them.

Source: ARTIQ 9 (master/worker_impl.py, master/worker_db.py, browser/files.py); ndscan, schema revision 2
(experiment/entry_point.py, plots/model/hdf5.py); oitg (results.py)
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final, TypeGuard

import h5py
import numpy as np
from numpy.typing import NDArray

from data.findings import findings_of
from data.header import Axis, RunHeader, averages_of
from data.layout import SCAN
from data.results import read_results
from data.stored_header import RunState, read_header, read_state

DATASETS: Final = "datasets"
ARCHIVE: Final = "archive"

MOST_VALUES: Final = 1_000_000
"""Numbers in the columns of a scan up to which they are copied: 8 MB, which a browser reads on a click."""

# Names of ndscan for the latest form of its datasets; see `SCHEMA_REVISION` there.
_NDSCAN_REVISION: Final = 2

# What a scheduler takes as the level from which on messages are shown: warnings.
_LOG_LEVEL: Final = 30

_SCALARS: Final = ("artiq_version", "rid", "start_time", "run_time", "expid")


def write_artiq_copies(file: h5py.File) -> None:
    """Add to a run file what programs for ARTIQ expect; what is there of it is replaced.

    It follows from the rest of the file alone, so that the same run gets the same copies whenever it is
    archived again.

    Args:
        file: a whole run, open for writing.
    """
    header, state = read_header(file), read_state(file)
    for name in (*_SCALARS, DATASETS, ARCHIVE):
        if name in file:
            del file[name]
    rid = run_number(state.id)
    _put_scalars(file, header, rid)
    datasets, archive = file.create_group(DATASETS), file.create_group(ARCHIVE)
    scanned = {axis.name for axis in header.axes}  # of these the calibrated value was not used
    for parameter in header.parameters:
        if parameter.origin == "calibration" and parameter.name not in scanned:
            _put(archive, parameter.name, parameter.value, parameter.unit)
    columns = _small_columns(file, header)
    if columns is not None:
        for name, (values, unit) in columns.items():
            _put(datasets, name, values, unit)
        _put_ndscan(datasets, f"ndscan.rid_{rid}.", header, state, columns, read_results(file))


def run_number(run_id: str) -> int:
    """Return the number that stands for a run where programs want a number: the time of its id, in digits.

    Example:
        >>> run_number("20250314T092653589-07af")
        20250314092653589
    """
    return int("".join(filter(str.isdigit, run_id.partition("-")[0])) or 0)


def _put_scalars(file: h5py.File, header: RunHeader, rid: int) -> None:
    origin = header.provenance
    started = origin.started.timestamp()
    file["artiq_version"] = f"ionloom {dict(origin.packages).get('ionloom', '')}".rstrip()
    file["rid"] = rid
    file["start_time"] = started
    file["run_time"] = started
    file["expid"] = json.dumps(
        {
            "log_level": _LOG_LEVEL,
            "file": origin.source_file,
            "class_name": header.experiment,
            "arguments": {parameter.name: parameter.value for parameter in header.parameters},
            "repo_rev": origin.git_revision or "N/A",
        }
    )


def _put(group: h5py.Group, name: str, value: Any, unit: str = "") -> None:
    """Write a dataset with the metadata of ARTIQ: what is shown is the value divided by the scale."""
    group[name] = value
    if unit:
        group[name].attrs["unit"] = unit
        group[name].attrs["scale"] = 1.0


def _small_columns(file: h5py.File, header: RunHeader) -> dict[str, tuple[NDArray[Any], str]] | None:
    """Return name -> (values, unit) of the scan's columns but pictures; None if they are too many."""
    scan, form = file[SCAN], header.form
    names = [
        *(axis.name for axis in form.axes),
        *(name for readout in form.readouts for name in averages_of(readout.name)),
        *(channel.name for channel in form.channels),
        "point_shots",
        "point_attempts",
        "point_photons",
    ]
    if sum(scan[name].size for name in names) > MOST_VALUES:
        return None
    return {name: (scan[name][()], scan[name].attrs.get("units", "")) for name in names}


def _put_ndscan(
    group: h5py.Group,
    prefix: str,
    header: RunHeader,
    state: RunState,
    columns: dict[str, tuple[NDArray[Any], str]],
    results: dict[str, Any],
) -> None:
    """Write the scan as ndscan does: schemata as JSON, points as one array for each axis and channel."""
    points = len(columns["point_shots"][0])
    axes = header.axes or (Axis("point"),)  # ndscan shows points without an axis only if there is just one
    columns = {"point": (np.arange(points, dtype=np.float64), ""), **columns}
    channels, values = _channels(header, columns)
    found, numbers = _analysis_results(results)
    facts: dict[str, Any] = {
        "ndscan_schema_revision": _NDSCAN_REVISION,
        "source_id": prefix.split(".")[1],
        "completed": state.status == "complete",
        "fragment_fqn": f"ionloom.{header.experiment}",
        "axes": json.dumps([_axis_schema(axis, header, columns[axis.name][0]) for axis in axes]),
        "channels": json.dumps(channels),
        "seed": 0 if header.seed is None else header.seed,
        "online_analyses": "{}",
        "annotations": "[]",
        "analysis_results": json.dumps(found),
        **{f"points.axis_{i}": columns[axis.name][0] for i, axis in enumerate(axes)},
        **{f"points.channel_{name}": column for name, column in values.items()},
        **{f"analysis_result.{name}": number for name, number in numbers.items()},
    }
    if facts["seed"] >= 2**63:  # more than HDF5 holds
        facts["seed"] = str(facts["seed"])
    for name, value in facts.items():
        group[prefix + name] = value


def _axis_schema(axis: Axis, header: RunHeader, values: NDArray[Any]) -> dict[str, Any]:
    """Describe an axis as the parameter that was scanned."""
    spec: dict[str, Any] = {"is_scannable": True}
    if not axis.text:
        spec |= {"scale": 1.0, "step": 0.1} | ({"unit": axis.unit} if axis.unit else {})
    schema: dict[str, Any] = {
        "param": {
            "fqn": f"ionloom.{header.experiment}.{axis.name}",
            "description": axis.name,
            "type": "string" if axis.text else "float",
            "default": "''" if axis.text else "0.0",
            "spec": spec,
            "explanation": "",
        },
        "path": "*",
    }
    if not axis.text and len(values):
        schema |= {"min": float(values.min()), "max": float(values.max())}
    return schema


def _channels(
    header: RunHeader, columns: dict[str, tuple[NDArray[Any], str]]
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return schemata and values of what was seen: a channel for each window of a readout, and its error."""
    schemata: dict[str, Any] = {}
    values: dict[str, NDArray[Any]] = {}
    for readout in header.readouts:
        means, errors = (columns[name][0] for name in averages_of(readout.name))
        for window in range(readout.width):
            name = f"{readout.name}_{window}" if readout.width > 1 else readout.name
            schemata[name] = _channel_schema(name, f"mean counts of {name} in a shot", "")
            schemata[f"{name}_err"] = _channel_schema(f"{name}_err", "standard error", "", error_of=name)
            values[name], values[f"{name}_err"] = means[:, window], errors[:, window]
    for channel in header.channels:
        name = channel.name if channel.name not in schemata else f"{channel.name}_channel"
        schemata[name] = _channel_schema(name, channel.help or name, channel.unit)
        values[name] = columns[channel.name][0]
    return schemata, values


def _channel_schema(name: str, description: str, unit: str, error_of: str = "") -> dict[str, Any]:
    hints = {"display_hints": {"error_bar_for": error_of}} if error_of else {}
    return {"path": name, "description": description, "type": "float", "scale": 1.0, "unit": unit, **hints}


def _analysis_results(results: dict[str, Any]) -> tuple[dict[str, Any], dict[str, float]]:
    """Return schemata and values of the single numbers among the results, and of their errors."""
    schemata: dict[str, Any] = {}
    numbers: dict[str, float] = {}
    for found in findings_of(results):
        name = found.name
        if _is_float(found.value):
            schemata[name], numbers[name] = _channel_schema(name, name, found.unit), float(found.value)
            if _is_float(found.error):
                also = f"{name}_err"
                schemata[also] = _channel_schema(also, f"error of {name}", found.unit, error_of=name)
                numbers[also] = float(found.error)
    return schemata, numbers


def _is_float(value: object) -> TypeGuard[float]:
    """Return whether a result is a number that a float can hold; whole numbers may be larger."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, float) or abs(value) <= sys.float_info.max
