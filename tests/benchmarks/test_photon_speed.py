"""What ten million time tags cost: pairs, groups, wave packets; both kernels, and what a short script does.

2 x 5 million clicks at 1 MHz each, 5 s. The floor is to read both columns once. Times on a shared machine
vary, ratios within one run do so much less. Run with `--benchmark-enable`; the groups have the ratios.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import numpy as np
import pytest
from numpy.typing import NDArray

from data.analysis import DelayBins, PairCounter, bin_arrivals, count_groups, count_pairs
from data.analysis.kernels import Kernel

Times = NDArray[np.int64]

TAGS: Final = 5_000_000
LENGTH: Final = 5 * 10**12  # ps
BATCH: Final = 1 << 16  # tags, as they come out of a file
RANGES: Final = {"narrow": DelayBins(-50_000, 100, 1000), "wide": DelayBins(-1_000_000, 1000, 2000)}

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="the extra `fast`")
KERNELS: Final = ["numpy", pytest.param("numba", marks=needs_numba)]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clicks() -> Iterator[tuple[Times, Times]]:
    """Both detectors' clicks."""
    rng = np.random.default_rng(1)
    yield np.sort(rng.integers(0, LENGTH, TAGS)), np.sort(rng.integers(0, LENGTH, TAGS))
    merged.cache_clear()


@cache
def merged() -> tuple[Times, NDArray[np.uint16]]:
    """The same as one column of times and one of channels."""
    rng = np.random.default_rng(1)
    times = np.concatenate([rng.integers(0, LENGTH, TAGS), rng.integers(0, LENGTH, TAGS)])
    order = np.argsort(times, kind="stable")
    return times[order], (order >= TAGS).astype(np.uint16)


def expand_all(first: Times, second: Times, bins: DelayBins) -> Times:
    """What a short script does: where each click's partners begin and end, all pairs at once, a histogram."""
    begins = np.searchsorted(second, first + bins.start_ps)
    numbers = np.searchsorted(second, first + bins.stop_ps) - begins
    rows = np.repeat(begins - (np.cumsum(numbers) - numbers), numbers) + np.arange(numbers.sum())
    delays = second[rows] - np.repeat(first, numbers)
    return np.bincount((delays - bins.start_ps) // bins.width_ps, minlength=bins.number)


def run(benchmark: Any, function: Any, *args: Any, **options: Any) -> Any:
    """Three rounds of CPU time after one that fills the caches."""
    return benchmark.pedantic(function, args=args, kwargs=options, rounds=3, warmup_rounds=1)


@pytest.mark.parametrize("width", RANGES)
@pytest.mark.benchmark(timer=time.process_time)
def test_reading_both_columns(benchmark: Any, clicks: tuple[Times, Times], width: str) -> None:
    benchmark.group = f"pairs, {width}"
    run(benchmark, lambda: sum(int(column.sum()) for column in clicks))


@pytest.mark.parametrize("width", RANGES)
@pytest.mark.benchmark(timer=time.process_time)
def test_expanding_all_pairs_at_once(benchmark: Any, clicks: tuple[Times, Times], width: str) -> None:
    benchmark.group = f"pairs, {width}"
    found = run(benchmark, expand_all, *clicks, RANGES[width])
    assert np.array_equal(found, count_pairs(clicks[0], clicks[1], RANGES[width]).counts)


@pytest.mark.parametrize("width", RANGES)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.benchmark(timer=time.process_time)
def test_counting_pairs(benchmark: Any, clicks: tuple[Times, Times], width: str, kernel: Kernel) -> None:
    benchmark.group = f"pairs, {width}"
    found = run(benchmark, count_pairs, *clicks, RANGES[width], kernel=kernel)
    assert np.array_equal(found.counts, expand_all(*clicks, RANGES[width]))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.benchmark(timer=time.process_time)
def test_counting_pairs_in_batches(benchmark: Any, clicks: tuple[Times, Times], kernel: Kernel) -> None:
    benchmark.group = "pairs, narrow"
    times, channels = merged()

    def stream() -> Times:
        counter = PairCounter(RANGES["narrow"], 0, 1, kernel=kernel)
        for begin in range(0, len(times), BATCH):
            counter.add_columns(times[begin : begin + BATCH], channels[begin : begin + BATCH])
        return counter.histogram().counts

    assert np.array_equal(run(benchmark, stream), expand_all(*clicks, RANGES["narrow"]))


@pytest.mark.benchmark(timer=time.process_time)
def test_counting_groups(benchmark: Any, clicks: tuple[Times, Times]) -> None:
    benchmark.group = "pairs, narrow"
    found = run(benchmark, count_groups, *merged(), (0, 1), 1e-9)
    assert found == count_pairs(clicks[0], clicks[1], DelayBins(-999, 1999, 1)).counts[0]


@pytest.fixture(scope="module")
def arrivals() -> Times:
    """Ten million clicks since their gates opened."""
    return np.random.default_rng(2).exponential(8e6, 2 * TAGS).astype(np.int64)


@pytest.mark.benchmark(group="wave packet", timer=time.process_time)
def test_binning_a_wave_packet(benchmark: Any, arrivals: Times) -> None:
    found = run(benchmark, bin_arrivals, arrivals, 10**7, 50e-6, 500)
    assert found.counts.sum() + found.outside == 2 * TAGS


@pytest.mark.benchmark(group="wave packet", timer=time.process_time)
def test_binning_with_numpy_alone(benchmark: Any, arrivals: Times) -> None:
    counts, _ = run(benchmark, np.histogram, arrivals, 500, (0, 50_000_000))
    assert counts.sum() <= 2 * TAGS
