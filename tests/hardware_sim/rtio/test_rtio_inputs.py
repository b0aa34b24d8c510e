"""Clicks on their way into a core."""

from __future__ import annotations

from collections import deque

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware_sim.rtio.inputs import closed_at, queue_events, seen_edges


def test_one_edge_a_cycle_is_seen_while_the_gate_is_open() -> None:
    edges = np.array([2, 7, 8, 15, 16, 29, 30, 31, 40])
    rows, gate = seen_edges(edges, np.array([[4, 17], [30, 40]]), cycle=8)
    assert edges[rows].tolist() == [7, 8, 16, 30]
    assert gate.tolist() == [0, 0, 0, 1]


def test_a_new_gate_looks_at_its_first_cycle_anew() -> None:
    rows, gate = seen_edges(np.array([1, 5]), np.array([[0, 4], [4, 8]]), cycle=8)
    assert (rows.tolist(), gate.tolist()) == ([0, 1], [0, 1])


def test_without_gates_nothing_is_seen() -> None:
    rows, gate = seen_edges(np.array([1, 5]), np.empty((0, 2), dtype=np.int64), cycle=8)
    assert len(rows) == len(gate) == 0


def test_a_gate_is_closed_thirteen_cycles_after_it_was_told() -> None:
    assert closed_at(1000, cycle=8) == 1104


def test_events_are_read_in_order_and_an_empty_queue_gives_nothing() -> None:
    queued = queue_events(np.array([10, 20, 30]), np.array([5, 20, 21, 22, 40]))
    assert queued.taken.tolist() == [-1, 0, 1, -1, 2]
    assert queued.stored.all()
    assert not queued.failed.any()


def test_the_65th_event_is_lost_and_the_next_read_tells_so() -> None:
    queued = queue_events(np.arange(66), np.array([100, 101, 102]))
    assert np.flatnonzero(~queued.stored).tolist() == [64, 65]
    assert queued.failed.tolist() == [True, False, False]
    assert queued.taken.tolist() == [-1, 0, 1], "what waits stays readable"


TICKS = st.lists(st.integers(0, 60), max_size=30).map(lambda ticks: np.array(sorted(ticks), dtype=np.int64))


@settings(max_examples=100)
@given(TICKS, TICKS, st.integers(1, 40))
def test_queues_behave_as_a_queue(events: np.ndarray, reads: np.ndarray, depth: int) -> None:
    """Also where columns suffice, because it never runs over."""
    moments = [(tick, 0, row) for row, tick in enumerate(events)] + [
        (tick, 1, row) for row, tick in enumerate(reads)
    ]
    queue: deque[int] = deque()
    stored, failed, taken = [False] * len(events), [False] * len(reads), [-1] * len(reads)
    overflow = False
    for _, is_read, row in sorted(moments):
        if is_read:
            failed[row] = overflow
            if not overflow and queue:
                taken[row] = queue.popleft()
            overflow = False
        else:
            stored[row] = len(queue) < depth
            overflow |= not stored[row]
            if stored[row]:
                queue.append(row)
    queued = queue_events(events, reads, depth)
    assert queued.stored.tolist() == stored
    assert queued.failed.tolist() == failed
    assert queued.taken.tolist() == taken


@given(TICKS, TICKS)
def test_edges_are_seen_as_one_looks_for_them(edges: np.ndarray, bounds: np.ndarray) -> None:
    bounds = np.unique(bounds)
    gates = bounds[: len(bounds) // 2 * 2].reshape(-1, 2)
    seen: dict[tuple[int, int], int] = {}
    for row, edge in enumerate(edges.tolist()):
        for gate, (opens, closes) in enumerate(gates.tolist()):
            if opens <= edge < closes:
                seen.setdefault((gate, edge // 8), row)
    rows, gate_of = seen_edges(edges, gates, cycle=8)
    expected = sorted((row, gate) for (gate, _), row in seen.items())
    assert list(zip(rows.tolist(), gate_of.tolist(), strict=True)) == expected
