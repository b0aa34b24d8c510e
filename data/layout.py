"""The members of a run file: what they are called, what they hold, in which units.

The words are in data/README.md. Everything is created before the first point, so that while a run is going
the file only grows at the ends of its columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import h5py
import numpy as np
from numpy.typing import NDArray

from data.header import Axis, Readout, RunHeader, averages_of, window_of

SCHEMA: Final = 1

SCAN: Final = "entry/scan"
SHOTS: Final = "entry/shots"
COUNTS: Final = "entry/shots/counts"
ATTEMPTS: Final = "entry/attempts"
PHOTON_DATA: Final = "photon_data"
PHOTONS: Final = "entry/photons"
LOG: Final = "entry/log"

# Tables beside the scan, and the column of the scan that says how many of their rows each point has.
TABLE_SIZES: Final = {
    "shots": "point_shots",
    "attempts": "point_attempts",
    "photons": "point_photons",
    "log": "point_log_lines",
}

# The dimension scale of each table. Photons have none: two groups share their columns, and a scale that is
# hard-linked confuses netCDF readers.
_SCALES: Final = {
    "scan": f"{SCAN}/point",
    "shots": f"{SHOTS}/shot",
    "attempts": f"{ATTEMPTS}/attempt",
    "log": f"{LOG}/note",
}

# Texts of fixed length lie in the column itself, where a crash cannot tear them from their row.
AXIS_TEXT: Final = h5py.string_dtype("utf-8", 64)
NOTE_TEXT: Final = h5py.string_dtype("utf-8", 400)

# HDF5 splits the index of a column when it has 64 chunks, and a process killed within that split loses the
# column: so live chunks are large (4.2 million rows of up to 64 bytes before the first split).
_LIVE_ROWS: Final = 65536
_LIVE_BYTES: Final = 2**22
_LIVE_SCAN_ROWS: Final = 4096
# A reader of a slice decompresses whole chunks: so those of the archive are small.
_ARCHIVE_BYTES: Final = 2**17

# Little-endian whatever the machine, so that checksums agree everywhere.
_UINT8: Final = np.dtype("u1")
_UINT16: Final = np.dtype("<u2")
_UINT32: Final = np.dtype("<u4")
_INT32: Final = np.dtype("<i4")
_INT64: Final = np.dtype("<i8")
_FLOAT64: Final = np.dtype("<f8")


@dataclass(frozen=True, slots=True)
class Column:
    """One dataset that grows by rows.

    Attributes:
        path: in the file.
        table: its columns have the same number of rows.
        dtype: of an element.
        meaning: one line for people.
        units: as in the CF conventions; empty for pure numbers and texts.
        width: elements of a row; 0 if a row is one element.
    """

    path: str
    table: str
    dtype: np.dtype[Any]
    meaning: str
    units: str = ""
    width: int = 0

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.dtype.itemsize * max(self.width, 1)

    def chunk_rows(self, rows: int | None) -> int:
        """Return the rows of a chunk of a column that ends with `rows` rows, or that still grows (None)."""
        if rows is None:
            longest = _LIVE_SCAN_ROWS if self.table == "scan" else _LIVE_ROWS
            return min(longest, max(_LIVE_BYTES // self.row_bytes, 1))
        return max(min(rows, _ARCHIVE_BYTES // self.row_bytes), 1)


def columns_of(axes: tuple[Axis, ...], readouts: tuple[Readout, ...]) -> tuple[Column, ...]:
    """List every growing dataset of a run, the tables first and the scan last."""
    return (*_table_columns(readouts), *_scan_columns(axes, readouts))


def _table_columns(readouts: tuple[Readout, ...]) -> list[Column]:
    return [
        Column(f"{SHOTS}/point", "shots", _INT32, "point of the run"),
        Column(f"{SHOTS}/shot", "shots", _INT32, "shot of the point"),
        Column(f"{SHOTS}/start", "shots", _INT64, "start of the shot since the start of the run", "ps"),
        *(
            Column(
                f"{COUNTS}/{r.name}", "shots", _INT32, f"counts of {r.name} in the shot", "counts", r.width
            )
            for r in readouts
        ),
        Column(f"{ATTEMPTS}/point", "attempts", _INT32, "point of the run"),
        Column(f"{ATTEMPTS}/shot", "attempts", _INT32, "shot of the point"),
        Column(f"{ATTEMPTS}/attempt", "attempts", _UINT32, "attempt of the shot"),
        Column(
            f"{ATTEMPTS}/start", "attempts", _INT64, "start of the attempt since the start of the run", "ps"
        ),
        Column(f"{ATTEMPTS}/heralded", "attempts", _UINT8, "1 if the herald was seen"),
        Column(f"{PHOTON_DATA}/timestamps", "photons", _INT64, "click since the start of the run", "ps"),
        Column(f"{PHOTON_DATA}/detectors", "photons", _UINT16, "number of the input channel"),
        Column(f"{PHOTONS}/point", "photons", _INT32, "point of the run"),
        Column(f"{PHOTONS}/shot", "photons", _INT32, "shot of the point"),
        Column(f"{PHOTONS}/attempt", "photons", _UINT32, "attempt of the shot"),
        Column(f"{PHOTONS}/readout", "photons", _UINT16, "row of the program's table of readouts"),
        Column(f"{PHOTONS}/window", "photons", _INT64, "click since its gate opened", "ps"),
        Column(f"{LOG}/point", "log", _INT32, "point of the run"),
        Column(f"{LOG}/note", "log", _INT32, "note of the point; a long one takes several rows"),
        Column(f"{LOG}/text", "log", NOTE_TEXT, "what the core had to say"),
    ]


def _scan_columns(axes: tuple[Axis, ...], readouts: tuple[Readout, ...]) -> list[Column]:
    averages = []
    for readout in readouts:
        mean, error = averages_of(readout.name)
        averages += [
            Column(
                f"{SCAN}/{mean}",
                "scan",
                _FLOAT64,
                f"mean counts of {readout.name} in a shot",
                "counts",
                readout.width,
            ),
            Column(
                f"{SCAN}/{error}", "scan", _FLOAT64, "standard error of the mean", "counts", readout.width
            ),
        ]
    return [
        Column(f"{SCAN}/point", "scan", _INT32, "number of the point"),
        *(
            Column(f"{SCAN}/{a.name}", "scan", AXIS_TEXT if a.text else _FLOAT64, a.name, a.unit)
            for a in axes
        ),
        Column(f"{SCAN}/point_shots", "scan", _INT64, "shots of the point: its rows of entry/shots"),
        Column(
            f"{SCAN}/point_attempts",
            "scan",
            _INT64,
            "herald attempts of the point: its rows of entry/attempts",
        ),
        Column(f"{SCAN}/point_photons", "scan", _INT64, "clicks of the point: its rows of entry/photons"),
        Column(f"{SCAN}/point_log_lines", "scan", _INT64, "rows of entry/log of the point"),
        Column(f"{SCAN}/point_duration", "scan", _INT64, "laboratory time that the point took", "ps"),
        *averages,
        Column(f"{SCAN}/point_checksum", "scan", _UINT32, "CRC-32 of all else that is held of the point"),
    ]


def create_columns(file: h5py.File, header: RunHeader, rows: Mapping[str, int] | None) -> None:
    """Create every table with its units, meanings, scales and default plot.

    Args:
        file: open for writing, without tables.
        header: of the run.
        rows: rows that each table will have, for compressed and checksummed columns of just this many; None
            for empty columns that grow. Those stay unfiltered: a compressed chunk moves when it grows, and a
            crash would then leave its index pointing to where it was.
    """
    for column in columns_of(header.axes, header.readouts):
        _create_column(file, column, rows[column.table] if rows is not None else None)
    for name in ("timestamps", "detectors"):
        file[f"{PHOTONS}/{name}"] = file[f"{PHOTON_DATA}/{name}"]
    file[f"{PHOTON_DATA}/timestamps_specs/timestamps_unit"] = 1e-12  # seconds; a field of Photon-HDF5
    _attach_scales(file, header)
    _describe_plot(file[SCAN], header)


def _create_column(file: h5py.File, column: Column, rows: int | None) -> None:
    tail = (column.width,) if column.width else ()
    filters = {"shuffle": True, "compression": "gzip", "compression_opts": 1, "fletcher32": True}
    dataset = file.create_dataset(
        column.path,
        shape=(rows or 0, *tail),
        maxshape=(None, *tail),
        chunks=(column.chunk_rows(rows), *tail),
        dtype=column.dtype,
        # Filled when it is allocated, a live chunk is on the disk before anything points to it.
        fill_time="alloc" if rows is None else "ifset",
        **(filters if rows is not None else {}),
    )
    dataset.attrs["long_name"] = column.meaning
    if column.units:
        dataset.attrs["units"] = column.units


def _attach_scales(file: h5py.File, header: RunHeader) -> None:
    for path in _SCALES.values():
        file[path].make_scale(path.rsplit("/", 1)[1])
    for readout in header.readouts:
        for group, names in ((SCAN, averages_of(readout.name)), (COUNTS, (readout.name,))):
            window = file.create_dataset(
                f"{group}/{window_of(readout.name)}", data=np.arange(readout.width, dtype="<i4")
            )
            window.attrs["long_name"] = "window of the counter, or ion of the camera"
            window.make_scale(window_of(readout.name))
            for name in names:
                file[f"{group}/{name}"].dims[1].attach_scale(window)
    for column in columns_of(header.axes, header.readouts):
        scale = _SCALES.get(column.table)
        if scale is not None and scale != column.path:
            file[column.path].dims[0].attach_scale(file[scale])


def _describe_plot(scan: h5py.Group, header: RunHeader) -> None:
    """Say what NeXus readers plot by default: the first readout over the only number that is scanned."""
    numbers = [axis.name for axis in header.axes if not axis.text]
    across = numbers[0] if len(numbers) == 1 else "point"
    signal = averages_of(header.readouts[0].name)[0] if header.readouts else "point_photons"
    scan.attrs["NX_class"] = "NXdata"
    scan.attrs["signal"] = signal
    scan.attrs["axes"] = [across, window_of(header.readouts[0].name)] if header.readouts else [across]
    for axis in header.axes:
        scan.attrs[f"{axis.name}_indices"] = 0


def append_rows(dataset: h5py.Dataset, begin: int, values: NDArray[Any]) -> None:
    """Write rows from `begin`, the present end of a column.

    This is h5py's low-level way: `resize` and a slice take several times as long, and a point has 30 columns.
    """
    dataset.id.set_extent((begin + len(values), *values.shape[1:]))
    place = dataset.id.get_space()
    place.select_hyperslab((begin,) + (0,) * (values.ndim - 1), values.shape)
    dataset.id.write(h5py.h5s.create_simple(values.shape), place, np.ascontiguousarray(values))
