"""Photon-HDF5 files, read as runs of one point.

Source: Photon-HDF5 format definition, version 0.5, http://photon-hdf5.org/
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
from numpy.typing import NDArray

from data.errors import ForeignMemberError, NewerFormatError
from data.exchange.foreign import (
    ForeignPoint,
    ForeignRun,
    clicks_record,
    member_name,
    moment_of,
    nested,
    origin_text,
    value_of,
)
from data.exchange.photon_fields import FORMAT_NAME, FORMAT_VERSION, TIME_FORMAT
from data.header import RunHeader
from data.provenance import Provenance
from data.stored_run import damage_told

_SPOTS: Final = re.compile(r"photon_data\d+")
_TIMESTAMPS: Final = "photon_data/timestamps"
_DETECTORS: Final = "photon_data/detectors"
_UNIT: Final = "photon_data/timestamps_specs/timestamps_unit"
_OTHERS: Final = "the other members can still be read with h5py"

# What the format says of nanotimes, and which of these are times.
_SPECS: Final = "photon_data/nanotimes_specs/"
_SPECS_TIMES: Final = ("tcspc_unit", "tcspc_range")

# Columns of `photon_data` that a run has no place for: they become results.
_KEPT: Final = ("nanotimes", "particles")


def is_photon_file(file: h5py.File) -> bool:
    """Tell whether a file holds photons as this format has them, of one spot or of several."""
    return any(name == "photon_data" or _SPOTS.fullmatch(name) for name in file)


def read_photon_hdf5(path: Path, file: h5py.File) -> ForeignRun:
    """Read a file as a run of one point and one shot, whose gate is open all the time.

    Nanotimes (within the period of a pulsed laser) and numbers of particles become results, in the order of
    the clicks.

    Args:
        path: of the file.
        file: open for reading.

    Raises:
        NewerFormatError: it follows a later version of the format.
        ForeignMemberError: it has several spots, or its columns are not what the format says.
        DamagedRunError: a member cannot be read.
    """
    spots = sorted(name for name in file if _SPOTS.fullmatch(name))
    if spots:
        raise ForeignMemberError(
            path,
            spots[0],
            f"is one of {len(spots)} spots, and a run has the clicks of one",
            "each of them can still be read with h5py",
            "split the file into one a spot, whose group is called photon_data",
        )
    version = _version(path, file)
    with damage_told(path, "photon_data", _OTHERS):
        t_ps, channel, remarks, order = _clicks(path, file)
        kept = {
            name: value_of(file[f"photon_data/{name}"])
            for name in _KEPT
            if isinstance(file.get(f"photon_data/{name}"), h5py.Dataset)
        }
        facts = _facts(file)
    results: dict[str, object] = {}
    for name, value in kept.items():
        results[name] = value[order] if isinstance(value, np.ndarray) and len(value) == len(order) else value
    if "nanotimes" in kept:
        remarks += ("nanotimes are kept as a result; no analysis of ionloom uses them",)
        specs = {name.removeprefix(_SPECS): value for name, value in facts.items() if name.startswith(_SPECS)}
        results["nanotimes_specs"] = specs | {"units": {name: "s" for name in _SPECS_TIMES if name in specs}}
    started, doubts = _started(path, facts)
    header = RunHeader(
        experiment=member_name(path.stem),
        provenance=Provenance(started=started, packages=_software(facts)),
        setup=origin_text(path, FORMAT_NAME, version, facts),
        shots_per_point=1,
    )
    last = int(t_ps[-1]) if len(t_ps) else 0
    told = facts.get("acquisition_duration")
    duration = round(told * 1e12) if isinstance(told, int | float) and 0 <= told < 9e6 else 0
    record = clicks_record(t_ps, channel, duration_ps=max(duration, last))
    return ForeignRun(
        header, (ForeignPoint({}, {}, record),), nested(results), "complete", (*remarks, *doubts)
    )


def _version(path: Path, file: h5py.File) -> str:
    """Return the version of the format.

    Raises:
        NewerFormatError: it is later than what is known.
    """
    told = file.attrs.get("format_version")
    if told is None and isinstance(file.get("identity/format_version"), h5py.Dataset):
        told = value_of(file["identity/format_version"])
    version = told.decode() if isinstance(told, bytes) else str(told or "")
    numbers = [int(number) for number in re.findall(r"\d+", version)]
    if numbers > [int(number) for number in FORMAT_VERSION.split(".")]:
        raise NewerFormatError(path, FORMAT_NAME, version, FORMAT_VERSION)
    return version


def _clicks(
    path: Path, file: h5py.File
) -> tuple[NDArray[np.int64], NDArray[np.uint16], tuple[str, ...], NDArray[np.intp]]:
    """Return times in picoseconds, detectors, remarks, and which click of the file each is."""
    stamps = _column(path, file, _TIMESTAMPS)
    # The format leaves the detectors out where there is only one.
    detectors = _column(path, file, _DETECTORS) if _DETECTORS in file else np.zeros(len(stamps), np.uint16)
    if len(detectors) != len(stamps):
        reason = f"has {len(detectors)} values, but timestamps has {len(stamps)}"
        advice = "convert the original data again"
        raise ForeignMemberError(path, _DETECTORS, reason, _OTHERS, advice)
    if len(detectors) and not (detectors.min() >= 0 and detectors.max() < 2**16):
        reason = f"holds {detectors.min()} to {detectors.max()}, and a run's channels are 0 to 65535"
        raise ForeignMemberError(path, _DETECTORS, reason, _OTHERS, "number them anew in a copy of the file")
    t_ps, remarks = _picoseconds(path, file, stamps)
    order = np.arange(len(t_ps))
    if (np.diff(t_ps) < 0).any():
        order = np.argsort(t_ps, kind="stable")
        remarks += ("clicks were not in the order of time, and were sorted",)
    return t_ps[order], detectors.astype(np.uint16)[order], remarks, order


def _column(path: Path, file: h5py.File, name: str) -> NDArray[Any]:
    member = file.get(name)
    if isinstance(member, h5py.Dataset) and member.ndim == 1 and member.dtype.kind in "iu":
        values: NDArray[Any] = member[:]
        return values
    if isinstance(member, h5py.Dataset):
        reason = f"is of shape {member.shape} and type {member.dtype}, not a column of integers"
    else:
        reason = "is not there" if member is None else "is no dataset"
    raise ForeignMemberError(path, name, reason, _OTHERS, "convert the original data again")


def _picoseconds(
    path: Path, file: h5py.File, stamps: NDArray[Any]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return times in picoseconds: exact if their unit is a whole number of them, else rounded."""
    unit = value_of(file[_UNIT]) if isinstance(file.get(_UNIT), h5py.Dataset) else None
    if not isinstance(unit, int | float) or not np.isfinite(unit) or unit <= 0:
        reason = "is not there" if unit is None else f"is {unit}, not a time in seconds"
        raise ForeignMemberError(path, _UNIT, reason, _OTHERS, "write the unit into a copy of the file")
    ticks = float(unit) * 1e12
    if len(stamps) and float(np.abs(stamps.astype(np.float64)).max()) * ticks >= 2**63:
        reason = f"reaches {float(stamps.max()) * float(unit):.3g} s, a run at most {2**63 * 1e-12:.3g} s"
        advice = "subtract the first in a copy of the file"
        raise ForeignMemberError(path, _TIMESTAMPS, reason, _OTHERS, advice)
    whole = round(ticks)
    exact = stamps.astype(np.int64) * whole
    if abs(ticks - whole) < 1e-6 * ticks:
        return exact, ()
    rest = np.rint(stamps.astype(np.float64) * (ticks - whole)).astype(np.int64)
    return exact + rest, (f"times of a unit of {ticks:g} ps were rounded to picoseconds",)


def _facts(file: h5py.File) -> dict[str, Any]:
    """Return every number and text of the file but the columns of its photons."""
    facts: dict[str, Any] = {}

    def visit(name: str, member: object) -> None:
        if isinstance(member, h5py.Dataset) and member.size is not None and member.size <= _SMALL:
            try:
                value = value_of(member)
            except TypeError:
                return
            facts[name] = value.tolist() if isinstance(value, np.ndarray) else value

    for group in ("identity", "provenance", "setup", "sample", "photon_data", "user"):
        if isinstance(file.get(group), h5py.Group):
            file[group].visititems(lambda name, member, group=group: visit(f"{group}/{name}", member))
    for name in ("description", "acquisition_duration"):
        visit(name, file.get(name))
    return {name: value for name, value in facts.items() if name not in {_TIMESTAMPS, _DETECTORS}}


_SMALL: Final = 64  # numbers of a field that describes; a column has more


def _started(path: Path, facts: dict[str, Any]) -> tuple[datetime, tuple[str, ...]]:
    """Return when the original data were made, or this file; the format does not tell the time zone."""
    for name in ("provenance/creation_time", "identity/creation_time"):
        try:
            moment = datetime.strptime(str(facts.get(name)), TIME_FORMAT).replace(tzinfo=UTC)
        except ValueError:
            continue
        return moment, (f"{name} was taken as UTC: the format has no time zones",)
    return moment_of(None, path)


def _software(facts: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    name, version = (
        str(facts.get(f"identity/{field}") or "").strip() for field in ("software", "software_version")
    )
    return ((name, version),) if name else ()
