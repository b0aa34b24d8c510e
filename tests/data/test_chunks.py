"""Chunks that are compressed beside HDF5: byte for byte what HDF5 itself writes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from data.chunks import Slab, fletcher32, write_slabs
from data.layout import FILTERS, NOTE_TEXT


def create(file: h5py.File, name: str, values: NDArray[Any], rows: int) -> h5py.Dataset:
    chunks = (rows, *values.shape[1:])
    return file.create_dataset(name, values.shape, values.dtype, chunks=chunks, **FILTERS)


def chunks_of(dataset: h5py.Dataset) -> list[tuple[int, bytes]]:
    places = range(0, len(dataset), dataset.chunks[0])
    return [dataset.id.read_direct_chunk((at, *(0 for _ in dataset.shape[1:]))) for at in places]


def columns(rng: np.random.Generator) -> Iterator[NDArray[Any]]:
    """Yield columns of all types, of random, even, constant and no bits."""
    for dtype in ("<i8", "<i4", "<u4", "<u2", "u1", "<f8", NOTE_TEXT):
        for tail in ((), (3,), (5, 4)):
            size = int(rng.integers(1, 400))
            count = size * int(np.prod(tail, dtype=int))
            random = np.frombuffer(rng.bytes(count * np.dtype(dtype).itemsize), dtype).reshape(size, *tail)
            yield random
            yield np.repeat(random[:1], size, axis=0)
            yield np.zeros_like(random)
            if not tail and np.dtype(dtype).kind in "iu":
                yield np.arange(size).astype(dtype)


def test_they_are_those_of_hdf5(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number, values in enumerate(columns(rng)):
            rows = int(rng.integers(1, len(values) + 1))
            mine, theirs = (create(file, f"{who}{number}", values, rows) for who in ("mine", "theirs"))
            theirs[:] = values
            write_slabs(file, [Slab(mine.name, 0, values)])
            assert chunks_of(mine) == chunks_of(theirs)
            assert mine[:].tobytes() == values.tobytes()


def test_negative_zeros_are_no_zeros(tmp_path: Path) -> None:
    """Chunks of equal elements are made once: what is equal but not the same may not be mixed up."""
    values = np.zeros(64)
    values[16:32] = -0.0
    values[40] = -0.0
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = create(file, "a", values, 16)
        write_slabs(file, [Slab("a", 0, values)])
        assert dataset[:].tobytes() == values.tobytes()


def test_slabs_of_several_columns_come_in_turns(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    values = {name: rng.integers(0, 99, size) for name, size in (("a", 1000), ("b", 350), ("c", 7))}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, column in values.items():
            create(file, name, column, min(50, len(column)))
        slabs = [
            Slab(name, begin, column[begin : begin + 200])
            for name, column in values.items()
            for begin in range(0, len(column), 200)
        ]
        write_slabs(file, [slabs[at] for at in rng.permutation(len(slabs))])
        for name, column in values.items():
            np.testing.assert_array_equal(file[name], column)


def test_few_slabs_are_held(tmp_path: Path) -> None:
    """However many there are: one is asked for only when those before it, but one, are written."""
    held = []

    def slabs(dataset: h5py.Dataset) -> Iterator[Slab]:
        for begin in range(0, 800, 100):
            held.append(begin // 10 - dataset.id.get_num_chunks())
            yield Slab("a", begin, np.arange(begin, begin + 100))

    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_slabs(file, slabs(create(file, "a", np.arange(800), 10)))
        assert file["a"].id.get_num_chunks() == 80
    assert max(held) == 10  # chunks of one slab


def test_what_goes_wrong_ends_it(tmp_path: Path) -> None:
    def slabs() -> Iterator[Slab]:
        yield Slab("a", 0, np.arange(100))
        raise OSError("the disk is gone")

    with h5py.File(tmp_path / "a.h5", "w") as file:
        create(file, "a", np.arange(200), 10)
        with pytest.raises(OSError, match="the disk is gone"):
            write_slabs(file, slabs())
    assert not [each.name for each in threading.enumerate() if each.name.startswith("compressing")]


@pytest.mark.parametrize(
    ("words", "checksum"),
    [([], 0), ([0, 0], 0), ([65535], 0xFFFFFFFF), ([1], 0x00010001), ([65534, 1], 0xFFFEFFFF)],
)
def test_the_checksum(words: list[int], checksum: int) -> None:
    """Sums that are a multiple of 65535 are that, not 0, as in HDF5."""
    assert fletcher32(np.array(words, ">u2").tobytes()) == checksum


def test_the_checksum_of_long_chunks() -> None:
    """By the definition, one word after the other."""
    content = np.random.default_rng(3).bytes(30_001)
    first = second = 0
    for high, low in zip(content[::2], content[1::2] + b"\0", strict=True):
        first = (first + 256 * high + low) % 65535
        second = (second + first) % 65535
    assert fletcher32(content) == second << 16 | first
