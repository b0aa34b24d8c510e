"""The columns of a run: what they are called, what they hold, in which units.

The words are in data/README.md. A journal holds the rows of these columns point by point, a run file each
column as one dataset.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import h5py
import numpy as np

from data.header import PointForm, Readout, RunHeader, averages_of, pixels_of, window_of

SCHEMA: Final = 2

LAB_CLOCK: Final = "lab"
"""What is played and counted by, the core's; it begins with the run. Attribute `clock` of such times."""

WALL_CLOCK: Final = "wall"
"""What instruments are read by: that of the computer. The time of a simulated lab may run otherwise."""

SCAN: Final = "entry/scan"
SHOTS: Final = "entry/shots"
COUNTS: Final = "entry/shots/counts"
ATTEMPTS: Final = "entry/attempts"
GATES: Final = "entry/gates"
PHOTON_DATA: Final = "photon_data"
PHOTONS: Final = "entry/photons"
LOG: Final = "entry/log"

# Tables beside the scan, and the column of the scan that says how many of their rows each point has.
TABLE_SIZES: Final = {
    "shots": "point_shots",
    "attempts": "point_attempts",
    "gates": "point_gates",
    "photons": "point_photons",
    "log": "point_log_lines",
}

# The dimension scale of each table. Photons have none: two groups share their columns, and a scale that is
# hard-linked confuses netCDF readers.
_SCALES: Final = {
    "scan": f"{SCAN}/point",
    "shots": f"{SHOTS}/shot",
    "attempts": f"{ATTEMPTS}/attempt",
    "gates": f"{GATES}/gate",
    "log": f"{LOG}/note",
}

# Texts of fixed length lie in the column itself, not in a heap beside it: every reader takes them.
AXIS_TEXT: Final = h5py.string_dtype("utf-8", 64)
NOTE_TEXT: Final = h5py.string_dtype("utf-8", 400)

# A reader of a slice decompresses whole chunks: so they are small.
_CHUNK_BYTES: Final = 2**17

# Little-endian whatever the machine, so that checksums agree everywhere.
_UINT8: Final = np.dtype("u1")
_UINT16: Final = np.dtype("<u2")
_UINT32: Final = np.dtype("<u4")
_INT32: Final = np.dtype("<i4")
_INT64: Final = np.dtype("<i8")
_FLOAT64: Final = np.dtype("<f8")


# What every HDF5 library can undo, and what finds every flipped bit; `data.chunks` does the same.
GZIP_LEVEL: Final = 1
FILTERS: Final = {"shuffle": True, "compression": "gzip", "compression_opts": GZIP_LEVEL, "fletcher32": True}


@dataclass(frozen=True, slots=True)
class Column:
    """One dataset that grows by rows.

    Attributes:
        path: in the file.
        table: its columns have the same number of rows.
        dtype: of an element.
        meaning: one line for people.
        units: as in the CF conventions; empty for pure numbers and texts.
        tail: shape of a row; empty if a row is one element.
    """

    path: str
    table: str
    dtype: np.dtype[Any]
    meaning: str
    units: str = ""
    tail: tuple[int, ...] = ()

    @property
    def row_elements(self) -> int:
        """Elements of one row."""
        return math.prod(self.tail)

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.dtype.itemsize * self.row_elements

    def chunk_rows(self, rows: int) -> int:
        """Return the rows of a chunk of a column that has `rows` rows."""
        return max(min(rows, _CHUNK_BYTES // self.row_bytes), 1)


# Counted when the file is made, since it follows from the photons of each gate.
EVENT_INDEX: Final = Column(f"{PHOTONS}/event_index", "gates", _INT64, "first photon of each gate")


@cache
def columns_of(form: PointForm) -> tuple[Column, ...]:
    """List every column of a run, the tables first and the scan last."""
    return (*_table_columns(form.readouts), *_scan_columns(form))


def _table_columns(readouts: tuple[Readout, ...]) -> list[Column]:
    point, shot = "point of the run", "shot of the point"
    return [
        Column(f"{SHOTS}/point", "shots", _INT32, point),
        Column(f"{SHOTS}/shot", "shots", _INT32, shot),
        Column(f"{SHOTS}/start", "shots", _INT64, "start of the shot since the start of the run", "ps"),
        *(
            Column(
                f"{COUNTS}/{r.name}", "shots", _INT32, f"counts of {r.name} in the shot", "counts", (r.width,)
            )
            for r in readouts
        ),
        Column(f"{ATTEMPTS}/point", "attempts", _INT32, point),
        Column(f"{ATTEMPTS}/shot", "attempts", _INT32, shot),
        Column(f"{ATTEMPTS}/attempt", "attempts", _UINT32, "attempt of the shot"),
        Column(
            f"{ATTEMPTS}/start", "attempts", _INT64, "start of the attempt since the start of the run", "ps"
        ),
        Column(f"{ATTEMPTS}/heralded", "attempts", _UINT8, "1 if the herald was seen"),
        Column(f"{GATES}/gate", "gates", _INT32, "stretch of clicks within one gate, number in the point"),
        Column(f"{GATES}/point", "gates", _INT32, point),
        Column(f"{GATES}/shot", "gates", _INT32, shot),
        Column(f"{GATES}/attempt", "gates", _UINT32, "attempt of the shot"),
        Column(f"{GATES}/readout", "gates", _UINT16, "row of the program's table of readouts"),
        Column(f"{GATES}/open", "gates", _INT64, "opening of the gate since the start of the run", "ps"),
        Column(f"{GATES}/photons", "gates", _INT32, "clicks of the stretch: its rows of entry/photons"),
        Column(f"{PHOTON_DATA}/timestamps", "photons", _INT64, "click since the start of the run", "ps"),
        Column(f"{PHOTON_DATA}/detectors", "photons", _UINT16, "number of the input channel"),
        Column(f"{LOG}/point", "log", _INT32, point),
        Column(f"{LOG}/note", "log", _INT32, "note of the point; a long one takes several rows"),
        Column(f"{LOG}/text", "log", NOTE_TEXT, "what the core had to say"),
    ]


def _scan_columns(form: PointForm) -> list[Column]:
    sizes = {
        "point_shots": "shots of the point: its rows of entry/shots",
        "point_attempts": "herald attempts of the point: its rows of entry/attempts",
        "point_gates": "gates with clicks of the point: its rows of entry/gates",
        "point_photons": "clicks of the point: its rows of entry/photons",
        "point_log_lines": "rows of entry/log of the point",
    }
    return [
        Column(f"{SCAN}/point", "scan", _INT32, "number of the point"),
        *(
            Column(f"{SCAN}/{a.name}", "scan", AXIS_TEXT if a.text else _FLOAT64, a.name, a.unit)
            for a in form.axes
        ),
        *(Column(f"{SCAN}/{name}", "scan", _INT64, meaning) for name, meaning in sizes.items()),
        Column(f"{SCAN}/point_duration", "scan", _INT64, "laboratory time that the point took", "ps"),
        *(column for readout in form.readouts for column in _average_columns(readout)),
        *(Column(f"{SCAN}/{c.name}", "scan", _FLOAT64, c.help or c.name, c.unit) for c in form.channels),
        *(
            Column(f"{SCAN}/{c.name}", "scan", _UINT32, f"picture of {c.name}", "counts", (c.rows, c.columns))
            for c in form.cameras
        ),
    ]


def _average_columns(readout: Readout) -> tuple[Column, Column]:
    mean, error = (f"{SCAN}/{name}" for name in averages_of(readout.name))
    meaning = f"mean counts of {readout.name} in a shot"
    return (
        Column(mean, "scan", _FLOAT64, meaning, "counts", (readout.width,)),
        Column(error, "scan", _FLOAT64, "standard error of the mean", "counts", (readout.width,)),
    )


def create_columns(file: h5py.File, header: RunHeader, rows: Mapping[str, int]) -> None:
    """Create every column with its units, meanings, scales and default plot.

    Args:
        file: open for writing, without columns.
        header: of the run.
        rows: that each table has.
    """
    for column in columns_of(header.form):
        _create_column(file, column, rows[column.table])
    _create_events(file, rows["gates"])
    file[f"{PHOTON_DATA}/timestamps_specs/timestamps_unit"] = 1e-12  # seconds; a field of Photon-HDF5
    _attach_scales(file, header)
    for readout in header.readouts:
        _describe_readout(file, readout)
    _describe_plot(file[SCAN], header)


def _create_column(file: h5py.File, column: Column, rows: int) -> None:
    dataset = file.create_dataset(
        column.path,
        shape=(rows, *column.tail),
        chunks=(column.chunk_rows(rows), *column.tail) if rows else None,
        dtype=column.dtype,
        **(FILTERS if rows else {}),
    )
    dataset.attrs["long_name"] = column.meaning
    if column.units:
        dataset.attrs["units"] = column.units
    if column.units == "ps":
        dataset.attrs["clock"] = LAB_CLOCK


def _create_events(file: h5py.File, gates: int) -> None:
    """Show the photons as NeXus has events: hard links, and where the events of each gate begin."""
    events = file[PHOTONS]
    events.attrs["NX_class"] = "NXevent_data"
    events["event_time_offset"] = file[f"{PHOTON_DATA}/timestamps"]
    events["event_id"] = file[f"{PHOTON_DATA}/detectors"]
    _create_column(file, EVENT_INDEX, gates)


def _attach_scales(file: h5py.File, header: RunHeader) -> None:
    for path in _SCALES.values():
        file[path].make_scale(path.rsplit("/", 1)[1])
    for readout in header.readouts:
        name, meaning = window_of(readout.name), "window of the counter, or ion of the camera"
        _number(
            file,
            f"{SCAN}/{name}",
            meaning,
            {f"{SCAN}/{a}": 1 for a in averages_of(readout.name)},
            readout.width,
        )
        _number(file, f"{COUNTS}/{name}", meaning, {f"{COUNTS}/{readout.name}": 1}, readout.width)
    for camera in header.cameras:
        picture, sides = f"{SCAN}/{camera.name}", pixels_of(camera.name)
        for dimension, (side, length) in enumerate(zip(sides, (camera.rows, camera.columns), strict=True), 1):
            _number(file, f"{SCAN}/{side}", "pixels of the picture", {picture: dimension}, length)
    for column in columns_of(header.form):
        scale = _SCALES.get(column.table)
        if scale is not None and scale != column.path:
            file[column.path].dims[0].attach_scale(file[scale])


def _describe_readout(file: h5py.File, readout: Readout) -> None:
    """Say what a readout is: who counts, what its windows are, and which gates belong to them."""
    told = {"source": readout.source, "counted": readout.counted}
    gates = {"rows": readout.rows, "windows": readout.windows}
    for path in (f"{COUNTS}/{readout.name}", f"{SCAN}/{averages_of(readout.name)[0]}"):
        attributes = file[path].attrs
        attributes["readout"] = readout.name
        attributes.update({name: text for name, text in told.items() if text})
        attributes.update({name: np.array(rows, _INT32) for name, rows in gates.items() if rows})


def _number(file: h5py.File, path: str, meaning: str, of: Mapping[str, int], length: int) -> None:
    """Create the scale 0, 1, 2 ... of one dimension of some datasets.

    Args:
        file: with the datasets.
        path: of the scale.
        meaning: of its numbers.
        of: path of a dataset -> its dimension.
        length: of the dimension.
    """
    numbers = file.create_dataset(path, data=np.arange(length, dtype="<i4"))
    numbers.attrs["long_name"] = meaning
    numbers.make_scale(path.rsplit("/", 1)[1])
    for dataset, dimension in of.items():
        file[dataset].dims[dimension].attach_scale(numbers)


def _describe_plot(scan: h5py.Group, header: RunHeader) -> None:
    """Say what NeXus readers plot by default: the first readout over the only number that is scanned."""
    numbers = [axis.name for axis in header.axes if not axis.text]
    across = numbers[0] if len(numbers) == 1 else "point"
    values = [averages_of(readout.name)[0] for readout in header.readouts]
    values += [channel.name for channel in header.channels]
    signal = values[0] if values else "point_photons"
    scan.attrs["NX_class"] = "NXdata"
    scan.attrs["signal"] = signal
    scan.attrs["axes"] = [across, window_of(header.readouts[0].name)] if header.readouts else [across]
    for axis in header.axes:
        scan.attrs[f"{axis.name}_indices"] = 0
