"""Runs that come from files of other programs, before they are written as runs of ionloom."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import h5py
import numpy as np
from numpy.typing import NDArray

from data.columns import Attempts, Record, TimeTags
from data.errors import ForeignFileError, OwnFileError
from data.header import RESERVED_NAMES, RunHeader, storable
from data.points import ChannelValues, PointValues
from data.stored_header import EndStatus
from data.stored_run import open_file


@dataclass(frozen=True, slots=True, eq=False)
class ForeignPoint:
    """A point of a foreign run.

    Attributes:
        values: of the axes.
        channels: numbers beside.
        record: what was seen of shots and clicks, which most formats do not tell.
    """

    values: PointValues
    channels: ChannelValues
    record: Record


@dataclass(frozen=True, slots=True, eq=False)
class ForeignRun:
    """A run as a file of another program tells it.

    Attributes:
        header: what was known before the first point.
        points: in the order of the file.
        results: what is no column of a scan.
        status: how the run ended, as far as the file tells.
        remarks: what there is to say about the import.
    """

    header: RunHeader
    points: Sequence[ForeignPoint] = ()
    results: Mapping[str, object] = field(default_factory=dict)
    status: EndStatus = "complete"
    remarks: tuple[str, ...] = ()


def open_foreign(path: Path) -> h5py.File:
    """Open an HDF5 file that ionloom did not write.

    Raises:
        OwnFileError: ionloom wrote it.
        RunFileError: one of its kinds, if it is missing, no HDF5 file, cut short, or being written.
    """
    try:
        open_file(path).close()
    except ForeignFileError:
        return h5py.File(path, "r", locking="best-effort")
    raise OwnFileError(path)


def origin_text(path: Path, form: str, version: str, facts: Mapping[str, object]) -> str:
    """Return where an imported run comes from, as a TOML text that takes the place of the setup's.

    Args:
        path: of the foreign file.
        form: its format.
        version: of the format, or of the program that wrote it.
        facts: what else the file says of itself: numbers and texts.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    head: dict[str, object] = {
        "file": path.name,
        "format": form,
        "version": version,
        "bytes": path.stat().st_size,
        "sha256": digest,
    }
    lines = ["# Read from a file of another program; the setup of its lab is not known.", "[imported]"]
    lines += [f"{name} = {_toml(value)}" for name, value in head.items()]
    lines += ["", "[imported.facts]"] if facts else []
    lines += [f"{_toml(str(name))} = {_toml(value)}" for name, value in facts.items()]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class ForeignOrigin:
    """The file that an imported run comes from.

    Attributes:
        file: its name.
        form: its format.
        version: of the format, or of the program that wrote it.
    """

    file: str
    form: str
    version: str

    def __str__(self) -> str:
        return f"{self.file}, {self.form} {self.version}".rstrip()


def read_origin(text: str) -> ForeignOrigin | None:
    """Read what `origin_text` says; None of the setup of a lab, which other runs have there."""
    try:
        head = tomllib.loads(text).get("imported")
        return ForeignOrigin(str(head["file"]), str(head["format"]), str(head["version"])) if head else None
    except (tomllib.TOMLDecodeError, LookupError, TypeError):
        return None


def member_name(name: str, taken: Iterable[str] = ()) -> str:
    """Return a name that a member of a run may have, near to the one given and not among those taken.

    Example:
        >>> member_name("p/mean", ["p_mean"]), member_name("point"), member_name("")
        ('p_mean_2', 'point_2', 'unnamed')
    """
    plain = storable(name).replace("/", "_").strip() or "unnamed"
    plain = f"_{plain}" if plain.startswith((".", "$")) else plain
    refused = RESERVED_NAMES.union(taken)
    number, free = 1, plain
    while free in refused:
        number += 1
        free = f"{plain}_{number}"
    return free


def base_unit(unit: str, scale: float) -> str:
    """Return the unit in which a value is stored that is shown in `unit` when divided by `scale`.

    Returns:
        The base unit; empty where it is not known.

    Example:
        >>> base_unit("us", 1e-6), base_unit("MHz", 1e6), base_unit("V", 1.0), base_unit("deg", 0.0175)
        ('s', 'Hz', 'V', '')
    """
    if scale == 1.0:
        return unit
    prefix = _PREFIXES.get(unit[:1])
    return unit[1:] if len(unit) > 1 and prefix is not None and np.isclose(scale, prefix, rtol=1e-9) else ""


def value_of(dataset: h5py.Dataset) -> object:
    """Return what a dataset holds, as results can: numbers, texts, arrays of numbers, lists of texts.

    Raises:
        TypeError: it holds something else.
    """
    if dataset.shape is None:
        return None
    value: Any = dataset[()]
    text = h5py.check_string_dtype(dataset.dtype)
    if text is not None:
        return _text(value) if dataset.shape == () else [_text(item) for item in np.ravel(value)]
    if dataset.dtype.kind == "V" and dataset.dtype.names is None:  # opaque bytes, as of a picture
        return np.frombuffer(np.asarray(value).tobytes(), np.uint8)
    if h5py.check_vlen_dtype(dataset.dtype) is not None:
        return [np.asarray(item) for item in np.ravel(np.asarray(value, dtype=object))]
    if dataset.dtype.kind in "biufc":
        return value.item() if dataset.shape == () else value
    raise TypeError(f"is of type {dataset.dtype}")


def nested(values: Mapping[str, object]) -> dict[str, object]:
    """Return results whose names may be paths as mappings within mappings.

    Example:
        >>> nested({"a/b": 1, "a/c": 2, "d": 3})
        {'a': {'b': 1, 'c': 2}, 'd': 3}
    """
    tree: dict[str, object] = {}
    for path, value in values.items():
        *folders, name = path.split("/")
        place = tree
        for folder in folders:
            place = cast("dict[str, object]", place.setdefault(_result_name(folder), {}))
        place[_result_name(name)] = value
    return tree


def no_shots() -> Record:
    """Return what is seen of a point whose shots and clicks are not told."""
    return clicks_record(np.zeros(0, np.int64), np.zeros(0, np.uint16), shots=0)


def clicks_record(
    t_ps: NDArray[np.int64], channel: NDArray[np.uint16], *, shots: int = 1, duration_ps: int = 0
) -> Record:
    """Return a record of clicks in one long gate.

    Args:
        t_ps: (clicks,) picoseconds since the start, sorted.
        channel: (clicks,) number of the detector.
        shots: 1, or 0 for nothing at all.
        duration_ps: of the measurement.
    """
    none, zeros = np.zeros(0, np.int64), np.zeros(len(t_ps), np.uint32)
    return Record(
        shots=shots,
        start_ps=np.zeros(shots, np.int64),
        duration_ps=duration_ps,
        counts={},
        attempts=Attempts(none, none.astype(np.uint32), none, none.astype(np.bool_)),
        tags=TimeTags(
            t_ps=t_ps,
            channel=channel,
            shot=zeros.astype(np.int64),
            attempt=zeros,
            readout=zeros.astype(np.uint16),
            window_ps=t_ps,
        ),
    )


def moment_of(seconds: object, path: Path) -> tuple[datetime, tuple[str, ...]]:
    """Return a moment from a Unix time; of the file, with a remark, where there is none."""
    if isinstance(seconds, int | float) and np.isfinite(seconds) and 0 < seconds < _LATEST:
        return datetime.fromtimestamp(seconds, UTC), ()
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return changed, ("the file does not tell when the run began; when it was last changed stands for that",)


_PREFIXES: Final = {
    "f": 1e-15,
    "p": 1e-12,
    "n": 1e-9,
    "u": 1e-6,
    "µ": 1e-6,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
}
_LATEST: Final = 32503680000  # the year 3000; a larger number is no Unix time in seconds


def _text(value: object) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _result_name(name: str) -> str:
    plain = storable(name) or "unnamed"
    return f"_{plain}" if plain.startswith((".", "$")) else plain


def _toml(value: object) -> str:
    """Return a number or text as TOML has it; control characters written out."""
    if isinstance(value, bool | int | float) and np.isfinite(value):
        return json.dumps(value)
    text = json.dumps(storable(str(value)), ensure_ascii=False)
    return re.sub("\x7f", "\\\\u007f", text)
