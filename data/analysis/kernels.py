"""Two ways to count pairs of clicks, which give the same whole numbers.

**numpy** is always there. For a piece of the first detector's clicks it finds where the second's begin to lie
in the range, and walks from there: to the first such click of each, to the second of those that have two, and
so on. A piece fits into the processor's cache, and memory does not grow with the pairs.

**numba** (extra `fast`) compiles the plain sweep with two pointers, three to four times as fast. It was
chosen over a C extension because no user needs a compiler and ionloom stays one wheel for all machines; the
machine code is kept on disk after its first use. To import numba takes longer than numpy needs for 30 million
tags, so `auto` takes it for more tags than that, or once it is there.

Neither computes a time that does not fit into 64 bits: `sections` cuts the clicks first.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.analysis.delays import DelayBins
from data.analysis.tags import first_from
from data.errors import RangeError

Times: TypeAlias = NDArray[np.int64]
Kernel: TypeAlias = Literal["auto", "numpy", "numba"]

_PIECE: Final = 32_768  # clicks of the first detector: 256 kB, so that their partners fit into the cache, too
_BUFFER: Final = 1 << 18  # delays that are gathered before they are binned
_ROUNDS: Final = 32  # clicks with more partners than this are rare, unless the light comes in bursts
_FEW: Final = 256  # clicks whose partners are cheaper taken one click at a time than in rounds
_WIDEST: Final = 1 << 62  # ps that a section may last: delays beyond it still fit into 64 bits
WORTH_COMPILING: Final = 50_000_000
"""Tags from which importing numba pays off."""


def add_pairs(
    counts: NDArray[np.int64], first: Times, second: Times, bins: DelayBins, kernel: Kernel, tags: int
) -> None:
    """Count all pairs of two columns into a histogram.

    Args:
        counts: Pairs so far, (bins,); changed.
        first: Clicks of the first detector, in order of time.
        second: Of the second.
        bins: Of the delay, second less first.
        kernel: Which way to count.
        tags: How many the caller has in all, for `auto`.

    Raises:
        RangeError: If there is no such kernel, or numba is not installed.
    """
    if use_numba(kernel, tags):
        sweep = compiled_sweep()
        for ones, others in sections(first, second, bins, max(len(first), 1)):
            sweep(first[ones], second[others], bins.start_ps, bins.stop_ps, bins.width_ps, counts)
    else:
        walk(counts, first, second, bins)


def use_numba(kernel: Kernel, tags: int) -> bool:
    """Tell whether a kernel stands for numba.

    Raises:
        RangeError: If there is no such kernel, or numba is not installed.
    """
    if kernel not in {"auto", "numpy", "numba"}:
        raise RangeError("kernel", repr(kernel), "'auto', 'numpy' or 'numba'", "leave it out for 'auto'")
    if kernel == "numpy":
        return False
    there = importlib.util.find_spec("numba") is not None
    if kernel == "numba" and not there:
        advice = "pip install 'ionloom[fast]', or take 'numpy': the result is the same"
        raise RangeError("kernel", "'numba', which is not installed", "'auto' or 'numpy'", advice)
    ready = compiled_sweep.cache_info().currsize > 0
    return kernel == "numba" or (there and (ready or tags >= WORTH_COMPILING))


def sections(
    first: Times, second: Times, bins: DelayBins, rows: int = _PIECE
) -> Iterator[tuple[slice, slice]]:
    """Cut clicks of the first detector into pieces, each with all clicks of the second in range of it.

    Within a piece and its partners, no delay overflows 64 bits. Pieces without a partner are left out.

    Args:
        first: In order of time.
        second: In order of time.
        bins: Of the delay, second less first.
        rows: Most clicks of the first in a piece.

    Yields:
        Rows of the first, and rows of the second.
    """
    for begin in range(0, len(first), rows):
        yield from _section(first, second, bins, begin, min(begin + rows, len(first)))


def _section(
    first: Times, second: Times, bins: DelayBins, begin: int, end: int
) -> Iterator[tuple[slice, slice]]:
    earliest, latest = int(first[begin]), int(first[end - 1])
    if latest - earliest > _WIDEST and end - begin > 1:
        middle = (begin + end) // 2
        yield from _section(first, second, bins, begin, middle)
        yield from _section(first, second, bins, middle, end)
        return
    partners = slice(first_from(second, earliest + bins.start_ps), first_from(second, latest + bins.stop_ps))
    if partners.start < partners.stop:
        yield slice(begin, end), partners


def walk(counts: NDArray[np.int64], first: Times, second: Times, bins: DelayBins) -> None:
    """Count pairs by walking from partner to partner, all clicks of a piece at a time."""
    span = bins.stop_ps - bins.start_ps
    gathered: list[Times] = []
    waiting = 0
    for ones, others in sections(first, second, bins):
        for delays in _delays(first[ones], second[others], bins.start_ps, span):
            gathered.append(delays)
            waiting += len(delays)
            if waiting >= _BUFFER:
                _bin(counts, gathered, bins.width_ps)
                waiting = 0
    _bin(counts, gathered, bins.width_ps)


def _delays(ones: Times, others: Times, start: int, span: int) -> Iterator[Times]:
    """Yield the delays of all pairs within a section, less the start of the range."""
    origin = ones[0]  # times since it are small, so that the start can be added to any of them
    clicks, partners = ones - origin + start, others - origin
    places = np.searchsorted(partners, clicks)
    rounds = 0
    while True:
        live = int(np.searchsorted(places, len(partners)))  # places ascend: the last clicks run out first
        clicks, places = clicks[:live], places[:live]
        if rounds >= _ROUNDS and live <= _FEW:
            break
        delays = partners[places] - clicks
        inside = np.flatnonzero(delays < span)
        yield delays[inside]
        clicks, places = clicks[inside], places[inside] + 1
        rounds += 1
    for click, place in zip(clicks.tolist(), places.tolist(), strict=True):
        end = int(np.searchsorted(partners, click + span))
        for begin in range(place, end, _BUFFER):
            yield partners[begin : min(begin + _BUFFER, end)] - click


def _bin(counts: NDArray[np.int64], gathered: list[Times], width: int) -> None:
    """Count delays into their bins, and forget them."""
    if gathered:
        found = np.bincount(np.concatenate(gathered) // width)
        counts[: len(found)] += found
        gathered.clear()


def sweep(first: Times, second: Times, start: int, stop: int, width: int, counts: NDArray[np.int64]) -> None:
    """Count pairs with two pointers: the source of the compiled kernel, slow as it stands here."""
    low, end = 0, len(second)
    for index in range(len(first)):
        click = first[index]
        while low < end and second[low] - click < start:
            low += 1
        partner = low
        while partner < end:
            delay = second[partner] - click
            if delay >= stop:
                break
            counts[(delay - start) // width] += 1
            partner += 1


@cache
def compiled_sweep() -> Callable[..., None]:
    """Return the sweep as machine code: compiled once for a machine, if it has a place to keep it."""
    numba: Any = importlib.import_module("numba")
    try:
        compiled: Callable[..., None] = numba.njit(cache=True)(sweep)
    except RuntimeError:  # neither beside this file nor in the user's cache can be written
        compiled = numba.njit(sweep)
    return compiled
