from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sequences import (
    MHz,
    Operation,
    Play,
    Program,
    RepeatLoop,
    Shape,
    attempt,
    compile_sequence,
    delay,
    herald,
    parallel,
    readout,
    repeat,
    sequence,
    serial,
    us,
)
from sequences.conditions import Herald
from sequences.ir import Block, Readout
from sequences.program import AttemptLoop, ReadoutChannel
from sequences.timeline import Timeline

LEVEL, FREQUENCY, PHASE, AMPLITUDE, VOLTAGE, OPEN, CLOSE = Operation
TONE, MARKER, ENDCAP, APD = 10, 4, 20, 30


def compiled(lab: Any, *parts: Block) -> Program:
    return compile_sequence(sequence("s", serial(*parts)), lab.target)


def only_timeline(program: Program) -> Timeline:
    (step,) = program.steps
    assert isinstance(step, Play)
    return step.timeline


def rows(timeline: Timeline) -> Iterator[tuple[int, int, int, float]]:
    columns = timeline.time, timeline.channel, timeline.operation, timeline.value
    return zip(*(column.tolist() for column in columns), strict=True)


def test_a_line_goes_high_and_low(lab: Any) -> None:
    timeline = only_timeline(compiled(lab, lab.marker.pulse(2 * us)))
    assert list(rows(timeline)) == [(600, MARKER, LEVEL, 1.0), (2600, MARKER, LEVEL, 0.0)]
    assert timeline.duration == 2000


def test_a_tone_is_set_up_and_switched_off(lab: Any) -> None:
    timeline = only_timeline(compiled(lab, delay(1 * us), lab.tone.pulse(2 * us, 80 * MHz, 0.5, 0.25)))
    assert list(rows(timeline)) == [
        (1000, TONE, FREQUENCY, 80e6),
        (1000, TONE, PHASE, 0.25),
        (1000, TONE, AMPLITUDE, 0.5),
        (3000, TONE, AMPLITUDE, 0.0),
    ]


def test_what_ends_comes_before_what_starts(lab: Any) -> None:
    tone, line = lab.tone.pulse(1 * us, 80 * MHz, 0.5), lab.marker.pulse(1 * us)
    gates = [lab.apd.gate(1 * us, readout("click", index)) for index in range(2)]
    tones = [row[2:] for row in rows(only_timeline(compiled(lab, tone, tone))) if row[0] == 1000]
    assert tones == [(AMPLITUDE, 0.0), (FREQUENCY, 80e6), (PHASE, 0.0), (AMPLITUDE, 0.5)]
    lines = [row[2:] for row in rows(only_timeline(compiled(lab, line, line))) if row[0] == 1600]
    assert lines == [(LEVEL, 0.0), (LEVEL, 1.0)]
    clicks = [row[2:] for row in rows(only_timeline(compiled(lab, *gates))) if row[0] == 1600]
    assert clicks == [(CLOSE, 0.0), (OPEN, 1.0)]


def test_at_one_tick_channels_are_in_order_of_their_numbers(lab: Any) -> None:
    program = compiled(lab, parallel(lab.apd.gate(1 * us, readout("x")), lab.marker.pulse(1 * us)))
    assert [row[:2] for row in rows(only_timeline(program))] == [
        (600, MARKER),
        (600, APD),
        (1600, MARKER),
        (1600, APD),
    ]


def test_channels_come_before_what_ends_and_starts(lab: Any) -> None:
    program = compiled(lab, lab.apd.gate(1 * us, readout("x")), lab.marker.pulse(1 * us))
    at_the_seam = [row[1:3] for row in rows(only_timeline(program)) if row[0] == 1600]
    assert at_the_seam == [(MARKER, LEVEL), (APD, CLOSE)]


def test_gates_refer_to_rows_of_the_readouts_in_order_of_use(lab: Any) -> None:
    photon = [readout("photon", index) for index in (5, 7)]
    program = compiled(
        lab,
        lab.second_apd.gate(1 * us, photon[1]),
        attempt(lab.apd.gate(1 * us, photon[0]), until=herald(photon[0]), maximum=3),
    )
    assert program.readouts == (ReadoutChannel("photon", 7, 31), ReadoutChannel("photon", 5, 30))
    loop = program.steps[1]
    assert isinstance(loop, AttemptLoop)
    assert (loop.maximum, loop.herald) == (3, Herald((1,)))
    values = [timeline.value.tolist() for timeline in program.timelines()]
    assert values == [[0.0, 0.0], [1.0, 1.0]]


def test_a_level_is_one_voltage(lab: Any) -> None:
    timeline = only_timeline(compiled(lab, delay(0.8 * us), lab.endcap.set(-2.5)))
    assert list(rows(timeline)) == [(1200, ENDCAP, VOLTAGE, -2.5)]
    assert timeline.duration == 800


def test_a_linear_ramp_is_sampled_once_per_update_up_to_its_end(lab: Any) -> None:
    timeline = only_timeline(compiled(lab, lab.endcap.ramp(1.0, 3.0, 4 * us, Shape.LINEAR)))
    assert (timeline.time - 400).tolist() == [1000, 2000, 3000, 4000]
    assert timeline.value.tolist() == [1.5, 2.0, 2.5, 3.0]


def test_samples_are_counted_back_from_the_end(lab: Any) -> None:
    timeline = only_timeline(compiled(lab, lab.endcap.ramp(0.0, 1.0, 2.4 * us, Shape.LINEAR)))
    assert (timeline.time - 400).tolist() == [1400, 2400]
    np.testing.assert_allclose(timeline.value, [1.4 / 2.4, 1.0], rtol=1e-15)


def test_a_minimum_jerk_ramp_is_smooth_symmetric_and_ends_exactly(lab: Any) -> None:
    start, stop = -0.1, 0.3
    value = only_timeline(compiled(lab, lab.endcap.ramp(start, stop, 100 * us))).value
    assert len(value) == 100
    assert value[-1] == stop
    assert (np.diff(value) >= 0).all()
    way = (value - start) / (stop - start)
    np.testing.assert_allclose(way[:-1] + way[-2::-1], 1, rtol=1e-12)
    s = np.arange(1, 101) / 100
    np.testing.assert_allclose(way, 10 * s**3 - 15 * s**4 + 6 * s**5, atol=1e-12)
    velocity = np.gradient(way, s)
    assert velocity.max() == pytest.approx(1.875, rel=1e-3)  # 15/8: the peak velocity of a minimum-jerk path


def test_no_ramp_misses_its_stop_or_leaves_its_range(lab: Any) -> None:
    ends = np.random.default_rng(5).uniform(-10, 10, (300, 2)).tolist()
    ramps = [lab.endcap.ramp(start, stop, 3 * us, shape) for start, stop in ends for shape in Shape]
    value = only_timeline(compiled(lab, *ramps)).value.reshape(-1, 3)
    starts, stops = np.repeat(np.array(ends), len(Shape), axis=0).T
    assert value[:, -1].tolist() == stops.tolist()
    assert (value >= np.minimum(starts, stops)[:, None]).all()
    assert (value <= np.maximum(starts, stops)[:, None]).all()


def test_ramps_of_different_lengths_and_shapes_are_sampled_at_once(lab: Any) -> None:
    ramps = [
        lab.endcap.ramp(0.0, 4.0, 4 * us, Shape.LINEAR),
        lab.endcap.ramp(4.0, 0.0, 2 * us),
        lab.endcap.ramp(0.0, 0.0, 1 * us),
    ]
    together = only_timeline(compiled(lab, *ramps)).value
    apart = [only_timeline(compiled(lab, ramp)).value for ramp in ramps]
    assert together.tolist() == np.concatenate(apart).tolist()
    assert together.tolist() == [1.0, 2.0, 3.0, 4.0, 2.0, 0.0, 0.0]


def test_loops_stay_loops(lab: Any) -> None:
    pulse = lab.marker.pulse(1 * us)
    program = compiled(lab, pulse, repeat(serial(repeat(pulse, 3), delay(1 * us)), 10**6))
    first, outer = program.steps
    assert isinstance(first, Play)
    assert isinstance(outer, RepeatLoop)
    assert outer.count == 10**6
    inner, rest = outer.steps
    assert isinstance(inner, RepeatLoop)
    assert isinstance(rest, Play)
    assert len(rest.timeline) == 0
    assert rest.timeline.duration == 1000
    assert program.events == 4


def test_an_empty_sequence_is_an_empty_program(lab: Any) -> None:
    assert compiled(lab).steps == ()


def test_every_event_knows_its_author_s_line(lab: Any) -> None:
    first = lab.marker.pulse(1 * us)
    second = lab.tone.pulse(1 * us, 80 * MHz, 0.5)
    program = compiled(lab, first, second)
    timeline = only_timeline(program)
    places = [program.sources[row] for row in timeline.source.tolist()]
    expected = {MARKER: first.source, TONE: second.source}
    assert places == [expected[number] for number in timeline.channel.tolist()]


def test_columns_have_their_types(lab: Any) -> None:
    program = compiled(lab, lab.endcap.ramp(0.0, 1.0, 50 * us), lab.apd.gate(1 * us, Readout("x")))
    timeline = only_timeline(program)
    columns = (timeline.time, timeline.channel, timeline.operation, timeline.value, timeline.source)
    assert [column.dtype for column in columns] == [np.int64, np.uint16, np.uint8, np.float64, np.uint32]
    assert timeline.nbytes == 23 * len(timeline)


def test_timelines_compare_by_what_is_played(lab: Any) -> None:
    pulse, other = lab.marker.pulse(1 * us), lab.marker.pulse(2 * us)
    first, second = compiled(lab, pulse), compiled(lab, pulse)
    assert first == second
    assert hash(only_timeline(first)) == hash(only_timeline(second))
    assert first != compiled(lab, other)
    assert only_timeline(first) != replace(only_timeline(first), duration=999)
    assert only_timeline(first) != "text"
