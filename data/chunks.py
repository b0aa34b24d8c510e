"""Columns compressed on all cores: chunks as the filters of HDF5 make them, handed over ready-made.

HDF5 compresses on one core, and h5py lets no other thread run meanwhile; zlib does. What is written is the
same, byte for byte, as if HDF5 had done it (`data.layout.FILTERS`).
"""

from __future__ import annotations

import os
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Final, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from data.layout import GZIP_LEVEL

_MOST_CORES: Final = 8
"""More would wait for the one that reads and writes."""

_MODULUS: Final = 65535
_BLOCK: Final = 4096  # words; few enough for sums that float64 holds exactly
_WEIGHTS: Final = np.arange(_BLOCK, 0, -1, dtype=np.float64)

_AHEAD: Final = 2
"""Slabs in memory: one is compressed while the next is read."""


class Slab(NamedTuple):
    """Some rows of a dataset.

    Attributes:
        path: of the dataset.
        begin: first row, a multiple of the rows of a chunk.
        values: the rows; as many as fill chunks, but for the last of the dataset.
    """

    path: str
    begin: int
    values: NDArray[Any]


def write_slabs(file: h5py.File, slabs: Iterable[Slab]) -> None:
    """Write rows of datasets that have the filters of a run file.

    Args:
        file: open for writing, with the datasets.
        slabs: in any order; taken one by one.
    """
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_CORES), "compressing") as pool:
        waiting: deque[Callable[[], None]] = deque()
        try:
            for slab in slabs:
                waiting.append(_compress(file[slab.path], slab, pool))
                if len(waiting) == _AHEAD:
                    waiting.popleft()()
            for write in waiting:
                write()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _compress(dataset: h5py.Dataset, slab: Slab, pool: ThreadPoolExecutor) -> Callable[[], None]:
    """Begin to compress rows; return what writes them."""
    rows, values = dataset.chunks[0], slab.values
    begins = range(0, len(values), rows)
    run = pool.map if len(begins) > 1 else map  # a thread costs more than a small chunk
    chunks = run(lambda begin: pack_chunk(values[begin : begin + rows], rows), begins)

    def write() -> None:
        for begin, chunk in zip(begins, chunks, strict=True):
            place = (slab.begin + begin, *(0 for _ in values.shape[1:]))
            dataset.id.write_direct_chunk(place, chunk)

    return write


def pack_chunk(values: NDArray[Any], rows: int) -> bytes:
    """Return a chunk as it lies in the file: shuffled, deflated, with its checksum.

    Args:
        values: rows of the chunk; zeros fill up what is missing, which no reader sees.
        rows: of a whole chunk.

    Source:
        HDF5 File Format Specification 4.0, IV.A.2.l: the data filter pipeline; h5py applies the filters in
        this order.
    """
    element = values.dtype.itemsize
    content = values.tobytes().ljust(rows * element * int(np.prod(values.shape[1:])), b"\0")
    if content[:element] == content[-element:] and content[element:] == content[:-element]:
        return _pack_constant(content[:element], len(content) // element)
    return _pack(content, element)


@lru_cache(maxsize=64)
def _pack_constant(element: bytes, count: int) -> bytes:
    """Return a chunk of equal elements, of which a run has many."""
    return _pack(element * count, len(element))


def _pack(content: bytes, element: int) -> bytes:
    planes = np.frombuffer(content, np.uint8).reshape(-1, element).T  # first bytes, second bytes, ...
    deflated = zlib.compress(np.ascontiguousarray(planes).data, GZIP_LEVEL)
    return deflated + fletcher32(deflated).to_bytes(4, "little")


def fletcher32(content: bytes) -> int:
    """Return the checksum that HDF5 writes behind a chunk.

    Two sums modulo 65535: of big-endian 16-bit words, and of the sums up to each of them. What is a multiple
    of 65535 is written as that, and as 0 only if all words are.

    Source:
        Fletcher, IEEE Trans. Commun. 30, 247 (1982); HDF5, H5checksum.c, for its details.

    Example:
        >>> hex(fletcher32(bytes([0, 1, 0, 2])))  # 1 + 2, and 1 + (1 + 2)
        '0x40003'
    """
    words = np.frombuffer(content + bytes(len(content) % 2), ">u2")
    blocks = np.zeros((-(-len(words) // _BLOCK), _BLOCK))
    blocks.reshape(-1)[blocks.size - len(words) :] = words  # zeros before them change nothing
    sums = blocks.sum(axis=1)
    before = (np.cumsum(sums) - sums) % _MODULUS
    of_words, of_sums = int(sums.sum()), int((blocks @ _WEIGHTS + _BLOCK * before).sum())
    if of_words == 0:
        return 0
    return (of_sums % _MODULUS or _MODULUS) << 16 | (of_words % _MODULUS or _MODULUS)
