"""Files that cannot be imported, and folders that take no runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from data.errors import (
    DamagedRunError,
    NewerSchemaError,
    NoSpaceError,
    NotHDF5Error,
    OwnFileError,
    TruncatedFileError,
    UnknownFormatError,
    UnreadableFileError,
    UnwritableFolderError,
)
from data.exchange.importing import import_runs

from .artiq_files import write_artiq_file


def test_a_run_of_ionloom_is_told(grid_path: Path, tmp_path: Path) -> None:
    with pytest.raises(OwnFileError) as told:
        import_runs(grid_path, tmp_path / "others")
    assert str(told.value) == (
        f"{grid_path} is a run of ionloom already, there is nothing to import; open it with `data.open_run`, "
        "or look at it with `ionloom show`"
    )


def test_a_file_of_no_known_program_is_told(tmp_path: Path) -> None:
    source = tmp_path / "x.h5"
    with h5py.File(source, "w") as file:
        for number in range(9):
            file[f"member_{number}"] = number
    with pytest.raises(UnknownFormatError) as told:
        import_runs(source, tmp_path / "runs")
    assert str(told.value) == (
        f"{source} is an HDF5 file of no program that is known (ARTIQ, ndscan, Photon-HDF5); it holds "
        "member_0, member_1, member_2, member_3, member_4, member_5, member_6, member_7, ...; read it with "
        "h5py, and write a run with `data.RunWriter`"
    )


def _text(path: Path) -> None:
    path.write_text("no HDF5")


def _short(path: Path) -> None:
    write_artiq_file(path, {"x": np.zeros(10_000)})
    os.truncate(path, path.stat().st_size // 2)


def _newer(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["ionloom_schema"] = 99


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (_text, NotHDF5Error),
        (_short, TruncatedFileError),
        (_newer, NewerSchemaError),
        (lambda path: None, UnreadableFileError),
        (Path.mkdir, UnreadableFileError),
    ],
    ids=["text", "cut short", "newer", "missing", "folder"],
)
def test_files_that_cannot_be_opened_are_told(
    make: Callable[[Path], None], error: type[Exception], tmp_path: Path
) -> None:
    source = tmp_path / "x.h5"
    make(source)
    with pytest.raises(error) as told:
        import_runs(source, tmp_path / "runs")
    assert str(source) in str(told.value)
    assert not (tmp_path / "runs").exists()


def test_flipped_bits_are_told_with_their_member(tmp_path: Path) -> None:
    source = write_artiq_file(tmp_path / "x.h5", {"fine": 1.0})
    with h5py.File(source, "a") as file:
        dataset = file["datasets"].create_dataset(
            "spoilt", data=np.arange(1000.0), chunks=True, fletcher32=True
        )
        offset = dataset.id.get_chunk_info(0).byte_offset
    with source.open("r+b") as raw:
        raw.seek(offset + 100)
        raw.write(b"\xff")
    with pytest.raises(DamagedRunError) as told:
        import_runs(source, tmp_path / "runs")
    assert str(told.value).startswith(f"{source}: datasets/spoilt is damaged (")
    assert "; each of the other members can still be read unless it says the same; " in str(told.value)


def test_a_folder_that_takes_no_runs_is_told(tmp_path: Path) -> None:
    source = write_artiq_file(tmp_path / "x.h5", {"x": 1.0})
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(UnwritableFolderError, match="choose another folder"):
        import_runs(source, tmp_path / "runs")


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    source = write_artiq_file(tmp_path / "x.h5", {"x": 1.0})
    with pytest.raises(NoSpaceError):
        import_runs(source, tmp_path / "runs", reserve=2**60)
