"""Columns of what was seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hardware_sim.core.recorder import Recorder
from hardware_sim.core.signals import Window
from sequences.ir import Readout
from sequences.language import parallel, serial
from sequences.program import Program

FIRST, SECOND = Window("h detector", 0, 100, 900), Window("h detector", 1, 1100, 1900)


@pytest.fixture
def program(innsbruck: Any) -> Program:
    node = innsbruck.node
    return innsbruck.program(
        serial(
            node.detector_h.gate(1e-6, Readout("h", 0)),
            node.detector_h.gate(1e-6, Readout("h", 1)),
            parallel(node.camera.expose(1e-6, Readout("ions")), node.detector_v.gate(1e-6, Readout("v"))),
        )
    )


def click(recorder: Recorder, window: Window, shots: list[int], offsets: list[int]) -> None:
    clocks = np.array([10_000 * shot for shot in shots])
    recorder.click(window, np.array(shots), clocks, np.array(offsets))


def test_counters_have_a_column_for_each_window_and_cameras_for_each_ion(program: Program) -> None:
    assert program.readout_widths(7) == {"h": 2, "ions": 7, "v": 1}


def test_clicks_are_counted_and_tagged(program: Program) -> None:
    recorder = Recorder(program, 3, 2)
    click(recorder, SECOND, [2, 0, 0], [1500, 1200, 1300])
    click(recorder, FIRST, [1], [400])
    take = recorder.take(np.array([4, 5, 9]), np.array([0, 10_000, 20_000]), np.array([3000, 3000, 3000]))
    assert take.shots.tolist() == [4, 5, 9]
    assert take.counts["h"].tolist() == [[0, 2], [1, 0], [0, 1]]
    assert take.tags.t_ps.tolist() == [21_500, 1200, 1300, 10_400]
    assert take.tags.shot.tolist() == [9, 4, 4, 5]
    assert take.tags.readout.tolist() == [1, 1, 1, 0]
    assert take.tags.window_ps.tolist() == [400, 100, 200, 300]
    assert take.tags.channel.tolist() == [24] * 4
    assert {column.dtype.str for column in (take.tags.t_ps, take.tags.shot)} == {"<i8"}


def test_exposures_add_up(program: Program) -> None:
    recorder = Recorder(program, 3, 2)
    for _ in range(2):
        recorder.expose(2, np.array([0, 2]), np.array([[1, 2], [3, 4]], dtype=np.int32))
    assert recorder.counts["ions"].tolist() == [[2, 4], [0, 0], [6, 8]]


def test_heralds_count_since_their_mark(program: Program) -> None:
    recorder, every = Recorder(program, 3, 1), np.arange(3)
    mark = recorder.mark()
    recorder.begin_attempt(every)
    click(recorder, FIRST, [0, 2, 2], [200, 200, 300])
    click(recorder, SECOND, [1], [1200])
    assert recorder.counted_since(mark, (0,), every).tolist() == [1, 0, 2]
    assert recorder.counted_since(mark, (0, 1), every).tolist() == [1, 1, 2]
    later = recorder.mark()
    recorder.begin_attempt(np.array([1]))
    assert recorder.counted_since(later, (0, 1), every).tolist() == [0, 0, 0]
    assert recorder.attempt.tolist() == [0, 1, 0]


def test_exposures_count_with_all_their_ions(program: Program) -> None:
    recorder = Recorder(program, 3, 2)
    recorder.expose(2, np.array([0]), np.array([[50, 50]], dtype=np.int32))
    mark = recorder.mark()
    recorder.expose(2, np.array([0, 2]), np.array([[1, 2], [3, 4]], dtype=np.int32))
    assert recorder.counted_since(mark, (2,), np.array([2, 1, 0])).tolist() == [7, 0, 3]
    assert recorder.counted_since(mark, (0,), np.arange(3)).tolist() == [0, 0, 0]


def test_attempts_name_their_shots(program: Program) -> None:
    recorder = Recorder(program, 2, 1)
    for shots, heralded in (([0, 1], [False, True]), ([0], [True])):
        who = np.array(shots)
        recorder.begin_attempt(who)
        attempt = recorder.attempt[who]
        recorder.finish_attempt(who, attempt, 100 * (attempt.astype(np.int64) + 1), np.array(heralded))
    attempts = recorder.take(np.array([6, 8]), np.array([0, 300]), np.array([300, 300])).attempts
    assert attempts.shot.tolist() == [6, 8, 6]
    assert attempts.attempt.tolist() == [0, 0, 1]
    assert attempts.start_ps.tolist() == [100, 100, 200]
    assert attempts.heralded.tolist() == [False, True, True]


def test_nothing_seen_is_empty_columns(program: Program) -> None:
    take = Recorder(program, 1, 1).take(np.array([0]), np.array([0]), np.array([5]))
    assert len(take.tags) == len(take.attempts) == 0
    assert take.tags.t_ps.dtype == np.int64
    assert take.attempts.heralded.dtype == bool
    assert take.missed == {}


def test_only_the_first_shots_are_taken(program: Program) -> None:
    recorder = Recorder(program, 3, 2)
    click(recorder, FIRST, [2, 0, 1], [150, 160, 170])
    recorder.expose(2, np.arange(3), np.array([[1, 2], [3, 4], [5, 6]], dtype=np.int32))
    recorder.miss(40, 7, np.array([1, 2]))
    recorder.miss(41, 8, np.array([2]))
    every = np.arange(3)
    recorder.begin_attempt(every)
    recorder.finish_attempt(every, recorder.attempt, 100 * every, np.array([True, False, True]))
    take = recorder.take(np.array([4, 5]), np.array([0, 10_000]), np.array([3000, 3000]))
    assert take.tags.shot.tolist() == [4, 5]
    assert take.counts["ions"].tolist() == [[1, 2], [3, 4]]
    assert take.attempts.shot.tolist() == [4, 5]
    assert take.missed == {(40, 7): 1}
