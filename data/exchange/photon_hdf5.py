"""The clicks of a run as a Photon-HDF5 file, for the programs of single-molecule spectroscopy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import h5py
import numpy as np
from numpy.typing import NDArray

from data.errors import ExportError
from data.exchange.output import output_file
from data.exchange.photon_fields import (
    FORMAT_NAME,
    FORMAT_VERSION,
    TIME_FORMAT,
    identity_fields,
    put_fields,
    put_root_attributes,
    put_title,
    setup_fields,
)
from data.layout import PHOTON_DATA, SCAN
from data.provenance import program_version

if TYPE_CHECKING:
    from data.run import Run

# Clicks copied at a time, and in a chunk of the file.
_SLAB: Final = 2**20
_CHUNK: Final = 2**14


def write_photon_hdf5(
    run: Run, path: Path, *, tables: Sequence[str] = (), force: bool = False
) -> tuple[Path, ...]:
    """Write the clicks of a run as a file that validators of Photon-HDF5 0.5 accept in all strictness.

    Detectors are the numbers of the input channels. What the format has no field for is in `user/ionloom`: id
    and experiment of the run, and for each point the values of its axes and how many of the clicks, which are
    in order of the points, are its own.

    Args:
        run: open.
        path: of the file.
        tables: none, the format has only one.
        force: whether a file of that name is replaced.

    Returns:
        The file.

    Raises:
        ExportError: the run has no clicks, or other tables were asked for.
        OutputExistsError: the file is there already.
        UnwritableFileError: the system does not let it be written.
    """
    clicks = run.table_rows["photons"]
    if tables:
        reason = f"it holds clicks only, not {', '.join(tables)}"
        raise ExportError(run.id, "photon-hdf5", reason, "leave the tables out, or write netcdf")
    if not clicks:
        raise ExportError(run.id, "photon-hdf5", "it has no clicks", "write csv, parquet, netcdf or mat")
    detectors = _count_detectors(run, clicks)
    version = program_version().removeprefix("ionloom").strip()
    started = run.header.provenance.started.astimezone(UTC)
    with output_file(path, force=force) as part, h5py.File(part, "w") as file:
        put_title(file, "/")
        put_root_attributes(file)
        _put_clicks(file, run, clicks, np.dtype("u1" if max(detectors) < 256 else "<u2"))
        put_fields(
            file,
            {
                "photon_data/timestamps_specs/timestamps_unit": 1e-12,  # s
                "acquisition_duration": _duration(run, clicks),
                "description": f"Run {run.id} of {run.experiment}",
                "format_name": FORMAT_NAME,
                "format_version": FORMAT_VERSION,
                **setup_fields(detectors),
                **identity_fields(path.name, version, datetime.now(UTC)),
                "provenance/filename": run.path.name,
                "provenance/creation_time": f"{started:{TIME_FORMAT}}",
                "provenance/software": "ionloom",
            },
        )
        _put_points(file, run)
    return (path,)


def _slabs(clicks: int) -> Iterator[tuple[int, int]]:
    return ((begin, min(begin + _SLAB, clicks)) for begin in range(0, clicks, _SLAB))


def _count_detectors(run: Run, clicks: int) -> dict[int, int]:
    """Return the clicks of each detector that has any."""
    counts = np.zeros(2**16, dtype=np.int64)
    for begin, end in _slabs(clicks):
        counts += np.bincount(run.column(f"{PHOTON_DATA}/detectors", begin, end), minlength=2**16)
    return {int(detector): int(counts[detector]) for detector in np.flatnonzero(counts)}


def _put_clicks(file: h5py.File, run: Run, clicks: int, small: np.dtype[Any]) -> None:
    for name, dtype in (("timestamps", np.dtype("<i8")), ("detectors", small)):
        member = f"{PHOTON_DATA}/{name}"
        dataset = file.create_dataset(
            member,
            shape=(clicks,),
            dtype=dtype,
            chunks=(min(_CHUNK, clicks),),
            shuffle=True,
            compression="gzip",
            compression_opts=1,
            fletcher32=True,
        )
        put_title(dataset, member)
        for begin, end in _slabs(clicks):
            dataset[begin:end] = run.column(member, begin, end)
    put_title(file[PHOTON_DATA], PHOTON_DATA)


def _duration(run: Run, clicks: int) -> float:
    """Return how long was measured, in seconds: until the last click at least."""
    points = float(run.column(f"{SCAN}/point_duration").sum())
    last = float(run.column(f"{PHOTON_DATA}/timestamps", clicks - 1, clicks)[0])
    return max(points, last) * 1e-12


def _put_points(file: h5py.File, run: Run) -> None:
    group = file.create_group("user/ionloom")
    put_title(file["user"], "user")
    group.attrs["TITLE"] = np.bytes_(b"What the run knows beside its clicks.")
    group.attrs.update({"id": np.bytes_(run.id.encode()), "experiment": np.bytes_(run.experiment.encode())})
    columns: dict[str, tuple[NDArray[Any], str]] = {
        axis.name: (run.column(f"{SCAN}/{axis.name}"), axis.unit) for axis in run.axes
    }
    columns["point_photons"] = (run.column(f"{SCAN}/point_photons"), "")
    for name, (values, unit) in columns.items():
        group[name] = values.astype(f"S{values.dtype.itemsize}") if values.dtype.kind == "S" else values
        group[name].attrs["TITLE"] = np.bytes_(f"{name} of each point".encode())
        if unit:
            group[name].attrs["units"] = np.bytes_(unit.encode())
