"""Is a file what it was? Every flipped bit is found, and what is still sound is told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import h5py
import numpy as np
import pytest
from records import assert_same
from short_runs import whole_point, write_run

from data import open_run, verify, write_results
from data.errors import DataError, SealBrokenError, UnreadableFileError
from data.verification import OTHERS

FLIPS: Final = 300

READABLE: Final = (
    "parameters and texts, sizes of points, instruments, messages, analyses and all columns can be read, but "
    "whether they say what was written cannot be known"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_run(tmp_path, points=3, clicks=200)


def flip(path: Path, at: int, bit: int = 0) -> None:
    with path.open("r+b", buffering=0) as file:
        byte = os.pread(file.fileno(), 1, at)[0]
        os.pwrite(file.fileno(), bytes([byte ^ 1 << bit]), at)


def chunk_of(path: Path, column: str) -> tuple[int, int]:
    """Return offset and length of the first chunk of a column."""
    with h5py.File(path) as file:
        chunk = file[column].id.get_chunk_info(0)
    return chunk.byte_offset, chunk.size


def test_a_finished_run_is_whole(path: Path) -> None:
    found = verify(path)
    assert (found.is_sealed, found.is_whole, found.problem, found.damaged) == (True, True, "", ())
    assert str(found) == f"{path}: whole"
    write_results(path, {"again": 1.0})
    assert verify(path).is_whole


def flip_many(path: Path, flips: int) -> int:
    """Flip bits one at a time and count those found; what can be read of the run is right nevertheless."""
    rng, found = np.random.default_rng(300), 0
    for _ in range(flips):
        at, bit = int(rng.integers(path.stat().st_size)), int(rng.integers(8))
        flip(path, at, bit)
        told = verify(path)
        found += not told.is_whole
        assert str(told) != f"{path}: whole"
        flip(path, at, bit)
    assert verify(path).is_whole
    return found


def test_flipped_bits_are_found(path: Path) -> None:
    assert flip_many(path, 12) == 12


@pytest.mark.slow
def test_300_flipped_bits_are_found(path: Path) -> None:
    assert flip_many(path, FLIPS) == FLIPS


def test_bits_of_columns_are_found_when_they_are_read(path: Path) -> None:
    """Without `verify`, too: HDF5 compares the checksum of each chunk that it reads."""
    rng = np.random.default_rng(3)
    for column in ("photon_data/timestamps", "entry/shots/counts/pmt", "entry/gates/open"):
        offset, size = chunk_of(path, column)
        for _ in range(3):
            at, bit = offset + int(rng.integers(size)), int(rng.integers(8))
            flip(path, at, bit)
            with open_run(path) as run:
                for i in range(len(run)):
                    try:
                        assert_same(run.record(i), whole_point(i, 200))
                    except DataError as error:
                        assert f"point {i} ({column}) is damaged (" in str(error)  # noqa: PT017
            flip(path, at, bit)


def test_what_is_still_sound_is_told(path: Path) -> None:
    offset, size = chunk_of(path, "photon_data/timestamps")
    flip(path, offset + size // 2)
    found = verify(path)
    assert (found.is_sealed, found.is_whole, found.damaged) == (True, False, ("photon_data/timestamps",))
    with open_run(path) as run:
        columns = {column.path for column in run.columns} - {"photon_data/timestamps"}
        assert set(found.sound) == columns | set(OTHERS)
        np.testing.assert_array_equal(run.column("entry/scan/i"), [0, 1, 2])
    assert str(found) == (
        f"{path}: its bytes are not those that were sealed; damaged: photon_data/timestamps"
    )


def test_a_number_that_another_program_changed(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["entry/shots/counts/pmt"][5, 0] += 1
    found = verify(path)
    assert (found.is_whole, found.damaged) == (False, ())
    said = "its bytes are not those that were sealed" if found.is_sealed else "it has no seal"
    assert str(found) == f"{path}: {said}; {READABLE}"


def test_a_file_that_has_lost_its_seal(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 10)
    found = verify(path)
    assert (found.is_sealed, found.is_whole) == (False, False)
    assert str(found) == f"{path}: it has no seal; {READABLE}"


@pytest.mark.parametrize(
    ("member", "damaged"),
    [
        ("entry/parameters", "parameters and texts"),
        ("provenance/source", "parameters and texts"),
        ("entry/messages/text", "messages"),
        ("analysis/0001/results", "analyses"),
        ("entry/shots/start", "entry/shots/start"),
    ],
)
def test_what_is_missing_is_told(path: Path, member: str, damaged: str) -> None:
    write_results(path, {"again": 1.0})
    with h5py.File(path, "a") as file:
        del file[member]
    found = verify(path)
    assert found.damaged == (damaged,)
    assert str(found).endswith(f"; damaged: {damaged}")


def test_a_parameter_that_differs_from_its_copy_is_told(path: Path) -> None:
    with h5py.File(path, "a") as file:
        parameters = file["entry/parameters"]
        parameters["late"] = 3.0
        parameters["late"].attrs.update(units="s", origin="default", long_name="")
    assert verify(path).damaged == ("parameters and texts",)
    with h5py.File(path, "a") as file:
        del file["entry/parameters_json"]  # as in files of an earlier ionloom
    assert verify(path).damaged == ()


def test_columns_of_another_length_are_told(path: Path) -> None:
    with h5py.File(path, "a") as file:
        starts = file["entry/shots/start"][:-1]
        del file["entry/shots/start"]
        file["entry/shots/start"] = starts
    assert verify(path).damaged == ("entry/shots/start",)
    with h5py.File(path, "a") as file:
        file["entry/scan/point_shots"][0] -= 1  # now all columns of the shots but that one are too long
    found = verify(path)
    assert "entry/shots/start" in found.sound
    assert {name for name in found.damaged if not name.startswith("entry/shots/")} == set()
    assert {"entry/shots/point", "entry/shots/counts/pmt"} <= set(found.damaged)


def test_files_of_which_nothing_can_be_opened(path: Path, tmp_path: Path) -> None:
    size = path.stat().st_size
    os.truncate(path, size // 2)
    found = verify(path)
    assert not found.is_whole
    assert str(found).startswith(f"{path} is cut short: only {size // 2} of ")
    notes = tmp_path / "notes.h5"
    notes.write_text("none")
    assert str(verify(notes)) == (
        f"{notes} is no HDF5 file (4 bytes), so nothing in it can be read; give the .h5 file of a run"
    )
    with pytest.raises(UnreadableFileError, match="No such file or directory"):
        verify(tmp_path / "none.h5")


def test_nothing_is_added_to_a_file_that_changed(path: Path) -> None:
    offset, size = chunk_of(path, "entry/scan/i")
    flip(path, offset + size - 1)
    before = path.read_bytes()
    with pytest.raises(SealBrokenError) as told:
        write_results(path, {"again": 1.0})
    assert str(told.value) == (
        f"{path} is not as it was when it was finished: its bytes do not match its seal; nothing was "
        "changed; `ionloom verify` tells what is still sound, a copy or a backup may be whole"
    )
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]
