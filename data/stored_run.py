"""A run as its finished file tells it: the head at once, the columns when they are asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
from numpy.typing import NDArray

from data.disk import reason_of
from data.errors import (
    DamagedRunError,
    ForeignFileError,
    NewerSchemaError,
    NotHDF5Error,
    OlderSchemaError,
    RunBusyError,
    TruncatedFileError,
    UnreadableFileError,
)
from data.header import PointForm, RunHeader
from data.layout import SCAN, SCHEMA, TABLE_SIZES, Column, columns_of
from data.readings import Message, ReadingLog
from data.results import Analysis, read_analyses
from data.sources import TableEnds
from data.stored_header import RunState, read_experiment, read_form, read_header, read_state
from data.stored_readings import read_messages, read_readings

# What h5py raises where the bytes of a file are not those that were written (found by changing them).
READ_FAULTS: Final = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError)

NOTHING_USABLE: Final = "nothing is usable through ionloom"
POINTS_USABLE: Final = "points and records can still be read unless they say the same"
OTHERS_USABLE: Final = "each of the other columns can still be read unless it says the same"

# HDF5 tells the two lengths in its message only.
_TRUNCATED: Final = re.compile(r"truncated file: eof = (\d+).*stored_eof = (\d+)")


@contextmanager
def damage_told(path: Path, part: str, usable: str) -> Iterator[None]:
    """Tell what h5py raises as damage: it has no kind of error for it, but meets bytes of any meaning.

    Args:
        path: of the run.
        part: what is read within the block.
        usable: what can still be read.

    Raises:
        DamagedRunError: if h5py cannot read it.
    """
    try:
        yield
    except READ_FAULTS as error:
        raise DamagedRunError(path, part, str(error), usable) from error


def open_file(path: Path) -> h5py.File:
    """Open an HDF5 file that holds a run of a known layout, or say why it does not.

    Raises:
        RunFileError: one of its kinds, if the file is missing, foreign, cut short, damaged or being written.
    """
    try:
        file = h5py.File(path, "r", locking="best-effort")
    except BlockingIOError as error:
        raise RunBusyError(path) from error
    except OSError as error:
        raise _explained(path, error) from error
    try:
        with damage_told(path, "its head", NOTHING_USABLE):
            found, members = file.attrs.get("ionloom_schema"), tuple(file)
            version = None if found is None else int(found)
    except BaseException:
        file.close()
        raise
    if version == SCHEMA:
        return file
    file.close()
    if version is None:
        raise ForeignFileError(path, members)
    raise (NewerSchemaError if version > SCHEMA else OlderSchemaError)(path, version, SCHEMA)


def _explained(path: Path, error: OSError) -> Exception:
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
        return UnreadableFileError(path, reason_of(error))
    lengths = _TRUNCATED.search(str(error))
    if lengths:
        return TruncatedFileError(path, int(lengths[1]), int(lengths[2]))
    if path.is_file() and not h5py.is_hdf5(path):
        return NotHDF5Error(path, path.stat().st_size)
    return DamagedRunError(path, "the file", str(error), "nothing in it can be opened")


class StoredRun:
    """The source of a run that has a file.

    Attributes:
        path: of the file.
        file: open for reading.
        form: of every point.
        experiment: its name.
    """

    def __init__(self, path: Path) -> None:
        """Open the file of a run.

        Raises:
            RunFileError: one of its kinds, if it is missing, foreign, cut short, damaged or being written.
        """
        self.path = path
        self.file = open_file(path)
        self._datasets: dict[str, h5py.Dataset] = {}
        try:
            with damage_told(path, "its head", NOTHING_USABLE):
                self._state = read_state(self.file)
                self.form: PointForm = read_form(self.file)
                self.experiment = read_experiment(self.file)
        except BaseException:
            self.file.close()
            raise

    def refresh(self) -> None:
        """Do nothing: a finished file does not change."""

    def state(self) -> RunState:
        """Tell how the run ended."""
        return self._state

    def header(self) -> RunHeader:
        """Read what was known before the first point."""
        with damage_told(self.path, "its head", POINTS_USABLE):
            return read_header(self.file)

    @cached_property
    def _ends(self) -> TableEnds:
        with damage_told(self.path, "the sizes of its points", "its columns can be read with h5py"):
            ends = {table: np.cumsum(self.file[f"{SCAN}/{size}"][:]) for table, size in TABLE_SIZES.items()}
            return ends | {"scan": np.arange(1, len(ends["shots"]) + 1)}

    def table_ends(self) -> TableEnds:
        """Tell which rows belong to which point."""
        return self._ends

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        """Path -> column."""
        return {column.path: column for column in columns_of(self.form)}

    def read(self, path: str, begin: int, end: int) -> NDArray[Any]:
        """Read rows of a column.

        Raises:
            DamagedRunError: they cannot be read.
        """
        with damage_told(self.path, path, OTHERS_USABLE):
            # A handle that stays open keeps the chunk that was decompressed last, in which the next rows
            # begin.
            if path not in self._datasets:
                self._datasets[path] = self.file[path]
            values: NDArray[Any] = self._datasets[path][begin:end]
        return values

    def readings(self) -> Mapping[str, ReadingLog]:
        """Read what instruments said."""
        with damage_told(self.path, "its instruments", POINTS_USABLE):
            return read_readings(self.file)

    def messages(self) -> Sequence[Message]:
        """Read what there was to tell."""
        with damage_told(self.path, "its messages", POINTS_USABLE):
            return read_messages(self.file)

    def analyses(self) -> Sequence[Analysis]:
        """Read what analyses found."""
        with damage_told(self.path, "its analysis", POINTS_USABLE):
            return read_analyses(self.file)

    def close(self) -> None:
        """Close the file."""
        self.file.close()
