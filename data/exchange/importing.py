"""Files of other programs, written as runs of ionloom."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal, TypeAlias

import h5py

from data.disk import RESERVE
from data.errors import UnknownFormatError
from data.exchange.artiq import read_artiq, read_artiq_file
from data.exchange.foreign import ForeignRun, open_foreign
from data.exchange.ndscan import read_ndscan, scan_prefixes
from data.exchange.photon_import import is_photon_file, read_photon_hdf5
from data.run_file import RunWriter

Format: TypeAlias = Literal["artiq", "photon-hdf5"]

FORMATS: Final = ("ARTIQ", "ndscan", "Photon-HDF5")
"""What can be imported, for people."""


def import_runs(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str] = "runs",
    *,
    axes: Sequence[str] = (),
    channels: Sequence[str] = (),
    reserve: int = RESERVE,
) -> tuple[Path, ...]:
    """Read a file of another program and write its runs.

    Known are result files of ARTIQ, with scans of ndscan in them or without, and Photon-HDF5. Where a run
    comes from stands in the text of its setup: name of the file, format and version, checksum. Nothing in
    the file is executed.

    Args:
        path: of the file; it is only read.
        folder: of the runs.
        axes: datasets of ARTIQ that were scanned, if they are no scan of ndscan.
        channels: datasets of ARTIQ with a value a point.
        reserve: bytes that must stay free on the disk.

    Returns:
        Paths of the runs: one, or one for each scan of ndscan.

    Raises:
        RunFileError: one of its kinds, if the file cannot be read or no run be written.
    """
    runs = read_foreign(Path(path), axes=axes, channels=channels)
    return tuple(_write(run, folder, reserve) for run in runs)


def read_foreign(
    path: Path, *, axes: Sequence[str] = (), channels: Sequence[str] = ()
) -> tuple[ForeignRun, ...]:
    """Read the runs of a file of another program.

    Args, returns and errors are those of `import_runs`, which writes what this returns.
    """
    with open_foreign(path) as file:
        if recognise(path, file) == "photon-hdf5":
            return (read_photon_hdf5(path, file),)
        artiq = read_artiq_file(path, file)
    prefixes = () if axes or channels else scan_prefixes(artiq)
    if not prefixes:
        return (read_artiq(artiq, axes, channels),)
    return tuple(read_ndscan(artiq, prefix) for prefix in prefixes)


def recognise(path: Path, file: h5py.File) -> Format:
    """Tell which program a file comes from.

    Raises:
        UnknownFormatError: none that is known.
    """
    if isinstance(file.get("datasets"), h5py.Group) and ("archive" in file or "artiq_version" in file):
        return "artiq"
    if is_photon_file(file):
        return "photon-hdf5"
    raise UnknownFormatError(path, tuple(file), FORMATS)


def _write(run: ForeignRun, folder: str | os.PathLike[str], reserve: int) -> Path:
    with RunWriter.create(folder, run.header, reserve=reserve) as writer:
        for remark in run.remarks:
            writer.log(remark, "warning")
        for point in run.points:
            writer.append(point.values, point.record, point.channels)
        lasted = timedelta(seconds=sum(point.record.duration_ps for point in run.points) * 1e-12)
        ended = run.header.provenance.started + lasted
        return writer.finish(run.results or None, run.status, "; ".join(run.remarks), ended)
