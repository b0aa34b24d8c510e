"""Shots that were played in any order, back to back in the record."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.columns import Attempts, TimeTags
from hardware_sim.core.takes import Take, lay_out, shifts

times = st.integers(0, 10**6)


def take(shots: list[int], starts: list[int], lengths: list[int]) -> Take:
    """Return a take in which every shot clicks once, 3 ps after its start, in its second attempt."""
    numbers, begun = np.array(shots, dtype=np.int64), np.array(starts, dtype=np.int64)
    empty = np.zeros(len(shots), dtype=np.uint16)
    twice = np.repeat(numbers, 2)
    attempt = np.tile(np.array([1, 0], dtype=np.uint32), len(shots))
    return Take(
        numbers,
        begun,
        np.array(lengths),
        {"n": 10 * numbers[:, None].astype(np.int32)},
        Attempts(twice, attempt, np.repeat(begun, 2) + attempt, attempt == 1),
        TimeTags(begun + 3, empty, numbers, empty.astype(np.uint32) + 1, empty, np.full(len(shots), 3)),
        Counter({(40, 5): len(shots)}),
    )


def test_shots_come_back_to_back_in_their_order() -> None:
    record = lay_out([take([1, 3], [200, 400], [50, 10]), take([0, 2], [100, 300], [20, 30])], ["a note"])
    assert record.shots == 4
    assert record.start_ps.tolist() == [100, 120, 170, 200]
    assert record.duration_ps == 110
    assert record.counts["n"].tolist() == [[0], [10], [20], [30]]
    assert record.tags.shot.tolist() == [0, 1, 2, 3]
    assert record.tags.t_ps.tolist() == [103, 123, 173, 203]
    assert record.attempts.shot.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert record.attempts.attempt.tolist() == [0, 1] * 4
    assert record.attempts.start_ps.tolist() == [100, 101, 120, 121, 170, 171, 200, 201]
    assert record.notes == ("a note",)


def test_no_shots_make_no_record() -> None:
    record = lay_out([take([], [], [])], [])
    assert (record.shots, record.duration_ps, len(record.tags)) == (0, 0, 0)


@pytest.mark.parametrize("cycle", [1, 7, 1000])
@given(shots=st.lists(st.tuples(times, times), min_size=1, max_size=20))
def test_shots_move_by_whole_cycles_and_no_more_than_needed(cycle: int, shots: list[tuple[int, int]]) -> None:
    played, lengths = (np.array(column) for column in zip(*shots, strict=True))
    moved = shifts(played, lengths, cycle)
    starts = played + moved
    assert moved[0] == 0
    assert (moved % cycle == 0).all()
    gaps = starts[1:] - starts[:-1] - lengths[:-1]
    assert ((gaps >= 0) & (gaps < cycle)).all()
