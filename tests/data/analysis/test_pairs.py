"""Pairs of clicks: every one in range, and no other, however they are counted."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from data.analysis import kernels
from data.analysis.delays import LONGEST_DELAY, MOST_BINS, DelayBins, PairHistogram
from data.analysis.kernels import Kernel
from data.analysis.pairs import PairCounter, count_pairs
from data.columns import TimeTags
from data.errors import AnalysisError, RangeError, ShapeError

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="the extra `fast`")
KERNELS = ["numpy", pytest.param("numba", marks=needs_numba)]
FIRST, LAST = -(2**63), 2**63 - 1
ROOT = Path(__file__).resolve().parents[3]

close = st.integers(-40, 40)
far = st.integers(FIRST, LAST)
near_ends = st.one_of(st.integers(FIRST, FIRST + 50), st.integers(LAST - 50, LAST), close)
columns = st.one_of(
    st.lists(close, max_size=40),
    st.lists(near_ends, max_size=12),
    st.lists(far, max_size=12),
    st.builds(lambda time, number: [time] * number, near_ends, st.integers(0, 60)),
).map(sorted)
delay_bins = st.builds(
    DelayBins,
    st.one_of(st.integers(-60, 60), st.integers(-LONGEST_DELAY, LONGEST_DELAY // 2)),
    st.one_of(st.integers(1, 9), st.integers(1, LONGEST_DELAY // 100)),
    st.integers(1, 40),
)


def count_one_by_one(first: list[int], second: list[int], bins: DelayBins, same: bool = False) -> list[int]:
    """The definition, in Python's integers, which have no end."""
    found: Counter[int] = Counter()
    for row, one in enumerate(first):
        for place, other in enumerate(second):
            if not (same and row == place):
                found[(other - one - bins.start_ps) // bins.width_ps] += 1
    return [found[place] for place in range(bins.number)]


def count_by_edges(first: NDArray[np.int64], second: NDArray[np.int64], bins: DelayBins) -> NDArray[np.int64]:
    """Another exact way: how many clicks lie below each edge, differences of that."""
    edges = bins.start_ps + bins.width_ps * np.arange(bins.number + 1)
    return np.diff([int(np.searchsorted(second, first + edge).sum()) for edge in edges.tolist()])


@pytest.mark.parametrize("kernel", KERNELS)
@settings(max_examples=50)
@given(first=columns, second=columns, bins=delay_bins)
def test_every_pair_is_counted_once(
    kernel: Kernel, first: list[int], second: list[int], bins: DelayBins
) -> None:
    found = count_pairs(np.array(first, np.int64), np.array(second, np.int64), bins, kernel=kernel)
    assert found.counts.tolist() == count_one_by_one(first, second, bins)
    assert found.clicks == (len(first), len(second))
    alone = count_pairs(np.array(first, np.int64), None, bins, kernel=kernel)
    assert alone.counts.tolist() == count_one_by_one(first, first, bins, same=True)


@settings(max_examples=40)
@given(first=columns, second=columns, bins=delay_bins, rows=st.integers(1, 7))
def test_sections_never_overflow(first: list[int], second: list[int], bins: DelayBins, rows: int) -> None:
    """The source of the compiled kernel, run by Python, where numpy warns of what does not fit."""
    one, two = np.array(first, np.int64), np.array(second, np.int64)
    counts = np.zeros(bins.number, np.int64)
    for ones, others in kernels.sections(one, two, bins, rows):
        kernels.sweep(one[ones], two[others], bins.start_ps, bins.stop_ps, bins.width_ps, counts)
    assert counts.tolist() == count_one_by_one(first, second, bins)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("bins", [DelayBins(-50_000, 1250, 80), DelayBins(3_000, 7, 11)])
def test_many_tags_across_pieces(kernel: Kernel, bins: DelayBins) -> None:
    rng = np.random.default_rng(1)
    first, second = np.sort(rng.integers(0, 8 * 10**9, (2, 80_000)))
    second[40_000:40_500] = second[40_000]  # a burst within one picosecond
    found = count_pairs(first, second, bins, kernel=kernel)
    assert np.array_equal(found.counts, count_by_edges(first, second, bins))


@pytest.mark.parametrize("kernel", KERNELS)
def test_bursts_take_no_more_memory_than_a_buffer(kernel: Kernel) -> None:
    """14 million pairs of 30 clicks with half a million each would be 115 MB at once."""
    first, second = np.zeros(30, np.int64), np.sort(np.random.default_rng(2).integers(-99, 100, 480_000))
    bins = DelayBins(-100, 10, 20)
    count_pairs(first, second[:9], bins, kernel=kernel)  # imports what it needs
    tracemalloc.start()
    found = count_pairs(first, second, bins, kernel=kernel)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.array_equal(found.counts, count_by_edges(first, second, bins))
    assert found.counts.sum() == 30 * 480_000
    assert peak < 16e6


@pytest.mark.parametrize("kernel", KERNELS)
def test_edges_hold_their_lower_end(kernel: Kernel) -> None:
    bins = DelayBins.spanning(-2e-12, 2e-12, 2e-12)
    assert count_pairs([0], [-3, -2, -1, 0, 1, 2], bins, kernel=kernel).counts.tolist() == [2, 2]
    # Compiled code does not look where it writes: the count behind the last bin must stay as it is.
    counts = np.zeros(3, np.int64)
    kernels.sweep(np.zeros(1, np.int64), np.array([-3, -2, -1, 0, 1, 2, 3]), -2, 2, 2, counts)
    assert counts.tolist() == [2, 2, 0]


@pytest.mark.parametrize(("first", "second", "bin_"), [(0, 4, 1), (5, 0, 0)])
def test_the_last_pair_across_a_border_is_counted(first: int, second: int, bin_: int) -> None:
    """Delays of -5 and 4 ps, the ends of the range, of clicks at the very times where a batch ends."""
    counter = PairCounter(DelayBins(-5, 5, 2), first=1, second=2)
    tags = sorted([(first, 1), (second, 2)])
    counter.add_columns([tags[0][0], tags[1][0]], [tags[0][1], 9])
    counter.add_columns([tags[1][0]], [tags[1][1]])
    assert counter.histogram().counts[bin_] == 1


def test_parts_add() -> None:
    bins = DelayBins(0, 1, 3)
    whole = count_pairs([0], [1], bins) + count_pairs([10, 20], [11, 12, 22], bins)
    assert (whole.counts.tolist(), whole.clicks, whole.same) == ([0, 2, 2], (3, 4), False)
    with pytest.raises(
        ShapeError, match=r"the second histogram has shape \(2,\), but the bins of the first, "
    ):
        _ = whole + PairHistogram(DelayBins(0, 1, 2), np.zeros(2, np.int64), (0, 0), False)
    with pytest.raises(RangeError) as unlike:
        _ = whole + count_pairs([0, 1], None, bins)
    assert str(unlike.value) == (
        "the second histogram is of one detector with itself, but must be of two detectors; "
        "add the parts of each kind for themselves"
    )


@pytest.mark.parametrize("kernel", KERNELS)
@settings(max_examples=40)
@given(
    tags=st.lists(st.tuples(st.one_of(close, near_ends), st.integers(0, 2)), max_size=50),
    cuts=st.lists(st.integers(0, 50), max_size=6).map(sorted),
    bins=delay_bins,
    second=st.integers(0, 1),
)
def test_batches_give_the_same_histogram(
    kernel: Kernel, tags: list[tuple[int, int]], cuts: list[int], bins: DelayBins, second: int
) -> None:
    tags = sorted(tags)
    times = np.array([time for time, _ in tags], np.int64)
    channels = np.array([channel for _, channel in tags], np.uint16)
    counter = PairCounter(bins, first=0, second=second, kernel=kernel)
    for batch in zip(np.split(times, cuts), np.split(channels, cuts), strict=True):
        counter.add_columns(*batch)
    at_once = count_pairs(
        times[channels == 0], times[channels == 1] if second else None, bins, kernel="numpy"
    )
    found = counter.histogram()
    assert np.array_equal(found.counts, at_once.counts)
    assert (found.clicks, found.same) == (at_once.clicks, at_once.same)


def make_tags(times: NDArray[np.int64], channels: NDArray[np.uint16]) -> TimeTags:
    number = len(times)
    zeros = np.zeros(number, np.int64)
    return TimeTags(times, channels, zeros, zeros.astype(np.uint32), zeros.astype(np.uint16), zeros)


def test_streaming_takes_constant_memory() -> None:
    """Ten times as many tags, no more memory: what is kept are the clicks of the last 50 ns."""
    bins, peaks = DelayBins(-50_000, 100, 1000), []
    batch_length = 10**9
    rng = np.random.default_rng(3)
    times, channels = (
        np.sort(rng.integers(0, batch_length, 20_000)),
        rng.integers(1, 3, 20_000).astype(np.uint16),
    )
    for batches in (3, 30):
        counter = PairCounter(bins, first=1, second=2)
        tracemalloc.start()
        for batch in range(batches):
            counter.add(make_tags(times + batch * batch_length, channels))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
    assert counter.histogram().clicks[0] + counter.histogram().clicks[1] == 600_000


def test_a_refused_batch_counts_nothing() -> None:
    counter = PairCounter(DelayBins(0, 10, 1), first=1, second=2)
    counter.add_columns([100], [1])
    with pytest.raises(RangeError) as early:
        counter.add_columns([99, 101], [2, 2])
    assert str(early.value) == (
        "t_ps[0] is 99 ps, but must be >= 100 ps, the last tag of the batch before; "
        "add batches in order of time"
    )
    counter.add_columns([100, 105], [2, 2])
    assert counter.histogram().counts.tolist() == [2]


def test_auto_takes_numba_only_where_it_pays() -> None:
    """In a fresh process: few tags do not import numba."""
    code = (
        "import sys, numpy as np; from data.analysis import DelayBins, count_pairs;"
        "count_pairs(np.arange(9), np.arange(9), DelayBins(0, 1, 2)); print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "False\n"


@needs_numba
def test_auto_takes_numba_for_many_tags() -> None:
    assert kernels.use_numba("auto", kernels.WORTH_COMPILING)


@pytest.mark.slow
@needs_numba
def test_a_kernel_without_a_place_on_disk_is_compiled_all_the_same() -> None:
    code = (
        "import numpy as np; from data.analysis import DelayBins, count_pairs;"
        "print(count_pairs([0, 3], [1, 4], DelayBins(0, 1, 5), kernel='numba').counts.tolist())"
    )
    nowhere = {"NUMBA_CACHE_LOCATOR_CLASSES": "ZipCacheLocator", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env=nowhere
    )
    assert done.stdout == "[0, 2, 0, 0, 1]\n"


def test_numba_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(RangeError) as missing:
        count_pairs([0], [0], DelayBins(0, 1, 1), kernel="numba")
    assert str(missing.value) == (
        "kernel is 'numba', which is not installed, but must be 'auto' or 'numpy'; "
        "pip install 'ionloom[fast]', or take 'numpy': the result is the same"
    )
    assert count_pairs([0], [0], DelayBins(0, 1, 1), kernel="auto").counts.tolist() == [1]


ONE = DelayBins(0, 1, 1)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: count_pairs([3, 5, 4], [0], ONE),
            RangeError,
            "first_ps[2] is 4 ps, but must be >= 5 ps, the time of the tag before it; sort the tags by time",
        ),
        (
            lambda: count_pairs([3], np.array([1.0, np.nan]), ONE),
            RangeError,
            "dtype of second_ps is float64, but must be an integer type that fits into int64; "
            "give int64 picoseconds",
        ),
        (
            lambda: count_pairs(np.array([2**63], np.uint64), [1], ONE),
            RangeError,
            "dtype of first_ps is uint64, but must be an integer type that fits into int64; "
            "give int64 picoseconds",
        ),
        (
            lambda: count_pairs([[3]], [1], ONE),
            ShapeError,
            "first_ps has shape (1, 1), but (tags,) is needed; reshape or slice it first",
        ),
        (
            lambda: count_pairs([3], [1], ONE, kernel="fortran"),  # type: ignore[arg-type]
            RangeError,
            "kernel is 'fortran', but must be 'auto', 'numpy' or 'numba'; leave it out for 'auto'",
        ),
        (
            lambda: PairCounter(ONE, 1, 2).add_columns([1, 2], [1]),
            ShapeError,
            "channel has shape (1,), but (2,), one for each tag, is needed; reshape or slice it first",
        ),
        (
            lambda: DelayBins(0, 0, 1),
            RangeError,
            "width of a bin is 0 ps, but must be >= 1 ps; tags have no finer times",
        ),
        (
            lambda: DelayBins(0, 1, MOST_BINS + 1),
            RangeError,
            "bins is 100000001, but must be 1 to 100000000; take wider bins or a shorter range",
        ),
        (
            lambda: DelayBins(-LONGEST_DELAY - 1, 1, 1),
            RangeError,
            f"the first delay is {-LONGEST_DELAY - 1} ps, but must be within +-{LONGEST_DELAY} ps (26 days); "
            "take a shorter range",
        ),
        (
            lambda: DelayBins.spanning(0.0, 1e-9, 1.5e-12),
            RangeError,
            "width is 1.5e-12 s, but must be a whole number of picoseconds; tags have no finer times",
        ),
        (
            lambda: DelayBins.spanning(0.0, 1e-9, float("nan")),
            RangeError,
            "width is nan s, but must be a whole number of picoseconds; tags have no finer times",
        ),
        (
            lambda: DelayBins.spanning(0.0, 1e-9, 300e-12),
            RangeError,
            "high is 1e-09 s, but must be above 0.0 s by a whole number of bins of 3e-10 s; "
            "move an edge or change the width",
        ),
    ],
)
def test_messages(call: Callable[[], object], error: type[AnalysisError], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text


def test_bins_know_their_edges_and_zero() -> None:
    bins = DelayBins.spanning(-1.5e-9, 1.5e-9, 1e-9)
    assert bins.edges == pytest.approx([-1.5e-9, -0.5e-9, 0.5e-9, 1.5e-9])
    assert bins.centres == pytest.approx([-1e-9, 0, 1e-9])
    assert (bins.zero, DelayBins(1, 1, 5).zero, DelayBins(-5, 1, 5).zero) == (1, None, None)
