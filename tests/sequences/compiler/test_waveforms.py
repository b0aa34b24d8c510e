"""What is played as samples: waveforms, splines, envelopes, and digital patterns."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequences import (
    Channel,
    Edge,
    Envelope,
    Kind,
    Line,
    MHz,
    Parameter,
    Target,
    Timeline,
    Tone,
    compile_sequence,
    delay,
    ns,
    pattern,
    sequence,
    serial,
    us,
)
from sequences.errors import (
    CompileError,
    DurationError,
    LimitError,
    NumberError,
    OffGridError,
    OverlapError,
    SpacingError,
)
from sequences.ir import Block
from sequences.timeline import Operation

LAB = Target(
    "lab",
    1 * ns,
    (
        Channel("a", Kind.TTL, 0, 4 * ns, latency=100 * ns),
        Channel("b", Kind.TTL, 1, 4 * ns),
        Channel("slow", Kind.TTL, 2, 4 * ns, spacing=20 * ns),
        Channel("tone", Kind.DDS, 3, 4 * ns, update=0.1 * us),
    ),
)
A, B, SLOW = (Line.of(LAB, name) for name in ("a", "b", "slow"))
TONE = Tone.of(LAB, "tone")
period = Parameter("period", unit="s", low=0.0, high=1e-3)


def only_timeline(block: Block, target: Target = LAB, **values: float) -> Timeline:
    (timeline,) = compile_sequence(sequence("s", block), target, values).timelines()
    return timeline


def test_a_waveform_is_a_sample_each_period(lab: Any) -> None:
    block = serial(delay(1 * us), lab.endcap.play([0.5, -0.25, 3.0], 2 * us))
    timeline = only_timeline(block, lab.target)
    assert (timeline.time - 400).tolist() == [1000, 3000, 5000]
    assert timeline.value.tolist() == [0.5, -0.25, 3.0]
    assert timeline.duration == 7000


def test_the_period_of_a_waveform_can_be_a_parameter(lab: Any) -> None:
    timeline = only_timeline(lab.endcap.play([1.0, 2.0], period), lab.target, period=1.6 * us)
    assert (timeline.time - 400).tolist() == [0, 1600]


@pytest.mark.parametrize(
    ("samples", "step", "error", "text"),
    [
        ([1.0, 2.0], 0.4 * us, DurationError, "at least one update of the channel, 1 us"),
        ([1.0, 2.0], 1.004 * us, OffGridError, "between two ticks of the 8 ns grid; the nearest time is 1.0"),
        ([1.0, 11.0], 1 * us, LimitError, "voltage 11 V on channel 'endcap' is outside its limits"),
        ([1.0, float("nan")], 1 * us, NumberError, "the voltage on channel 'endcap' is nan"),
        ([], 1 * us, NumberError, "the samples is Samples()"),
        ([[1.0]], 1 * us, NumberError, "an array of shape (1, 1)"),
        ([1.0], 0.0, DurationError, "the period of the waveform on channel 'endcap' is 0 s"),
    ],
)  # fmt: skip
def test_waveforms_that_cannot_be_played_are_told(
    lab: Any, samples: Any, step: float, error: type[Exception], text: str
) -> None:
    with pytest.raises((error, CompileError), match=re.escape(text)):
        only_timeline(lab.endcap.play(samples, step), lab.target)


def test_a_spline_goes_through_its_knots_and_rests_at_its_ends(lab: Any) -> None:
    timeline = only_timeline(lab.endcap.spline([0.0, 40 * us, 100 * us], [0.0, 2.0, 1.0]), lab.target)
    assert (timeline.time - 400).tolist() == [1000 * k for k in range(101)]
    assert timeline.value[[0, 40, 100]].tolist() == pytest.approx([0.0, 2.0, 1.0])
    steps = np.abs(np.diff(timeline.value))
    assert max(steps[0], steps[-1]) < steps.max() / 20


def test_a_spline_ends_at_an_update(lab: Any) -> None:
    with pytest.raises(OffGridError, match="the last knot of the spline on channel 'endcap' is"):
        lab.endcap.spline([0.0, 2.8 * us], [0.0, 1.0])


@pytest.mark.parametrize("times", [[0.0], [0.0, 0.0], [1.0, 2.0], [0.0, 1.0, 2.0]])
def test_a_spline_has_ascending_knots(lab: Any, times: list[float]) -> None:
    with pytest.raises(NumberError, match="as many ascending times from 0 s on as voltages, at least two"):
        lab.endcap.spline(times, [0.0] * min(len(times), 2))


@pytest.mark.parametrize("edge", Edge)
def test_the_area_of_an_enveloped_pulse_is_right(edge: Edge) -> None:
    """Every edge is symmetric about its middle, except Blackman's, whose half has 0.42 of its area."""
    soft = Envelope(edge, rise=3 * us)
    timeline = only_timeline(TONE.pulse(10 * us, 80 * MHz, 0.5, envelope=soft))
    mine = timeline.operation == Operation.AMPLITUDE
    value, time = timeline.value[mine], timeline.time[mine]
    area = (value[:-1] * np.diff(time)).sum() * 1e-9
    half = 0.42 if edge is Edge.BLACKMAN else 0.5
    assert area == pytest.approx(0.5 * (4 * us + 2 * half * 3 * us), rel=1e-3)
    np.testing.assert_allclose(value[:-1], value[-2::-1], atol=1e-12)
    assert value[-1] == 0.0


def test_an_envelope_can_be_sampled() -> None:
    soft = Envelope.sampled([0.0, 1.0, 0.5])
    timeline = only_timeline(TONE.pulse(0.6 * us, 80 * MHz, 0.5, envelope=soft))
    mine = timeline.operation == Operation.AMPLITUDE
    assert timeline.value[mine].tolist() == [0.0, 0.0, 0.5, 0.5, 0.25, 0.25, 0.0]


def test_an_envelope_fits_into_its_pulse() -> None:
    pulse = TONE.pulse(4 * us, 80 * MHz, envelope=Envelope(rise=3 * us))
    with pytest.raises(DurationError) as caught:
        only_timeline(pulse)
    assert str(caught.value) == (
        f"{pulse.source}: the rise of the envelope of the pulse on channel 'tone' is 3 us; "
        "it must be zero or more, and at most half of the pulse"
    )


EDGE = st.tuples(st.integers(0, 1), st.integers(0, 50), st.integers(0, 1))


@settings(max_examples=60, deadline=None)
@given(st.lists(EDGE, max_size=40, unique_by=lambda edge: edge[:2]))
def test_a_pattern_is_its_edges_in_order(edges: list[tuple[int, int, int]]) -> None:
    which, ticks, levels = (list(column) for column in zip(*edges, strict=True)) if edges else ([], [], [])
    block = pattern([A, B], np.array(ticks) * 4e-9, np.array(which, dtype=int), np.array(levels, dtype=int))
    timeline = only_timeline(serial(delay(40 * ns), block, delay(40 * ns)))
    # Line b waits for the light of line a.
    expected = sorted((40 + 4 * tick + 100 * line, line, float(level)) for line, tick, level in edges)
    columns = timeline.time, timeline.channel, timeline.value
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == expected


def test_patterns_and_pulses_are_merged() -> None:
    both = serial(
        pattern([A, B], [0.0, 8 * ns, 80 * ns], [0, 1, 0], [1, 1, 0]), delay(100 * ns), A.pulse(40 * ns)
    )
    timeline = only_timeline(both)
    assert timeline.time.tolist() == [0, 80, 108, 180, 220]
    assert timeline.channel.tolist() == [0, 0, 1, 0, 0]


def test_a_pattern_has_its_lines_for_itself() -> None:
    from sequences import parallel

    edges = pattern([A, B], [0.0, 80 * ns], [0, 1], [1, 0])
    pulse = A.pulse(40 * ns)
    with pytest.raises(OverlapError, match="channel 'a' is still in use by"):
        only_timeline(parallel(pulse, edges))


@pytest.mark.parametrize(
    ("lines", "times", "error", "text"),
    [
        ([A], [0.0, 6 * ns], OffGridError, "edge 1 of the pattern, on channel 'a', is 6 ns"),
        ([A], [8 * ns, 8 * ns], SpacingError, "channel 'a' has two events 0 s apart"),
        ([SLOW], [0.0, 16 * ns], SpacingError, "channel 'slow' has two events 16 ns apart"),
    ],
)  # fmt: skip
def test_edges_that_a_line_cannot_play_are_told(
    lines: list[Line], times: list[float], error: type[Exception], text: str
) -> None:
    block = pattern(lines, times, [0, 0], [1, 0], duration=40 * ns)
    with pytest.raises(error, match=re.escape(text)):
        only_timeline(block)


@pytest.mark.parametrize(
    ("times", "which", "levels", "error", "text"),
    [
        ([0.0, 1e-6], [0], [0, 1], NumberError, "the rows of the lines of the pattern (one whole number for"),
        ([0.0], [2], [0], DurationError, "one of the rows of the lines of the pattern is 2; it must be"),
        ([0.0], [0], [3], DurationError, "one of the levels of the pattern is 3; it must be 0 to 1"),
        ([0.0], [0], [0.5], NumberError, "the levels of the pattern (one whole number for each of 1"),
        ([-1e-6], [0], [0], DurationError, "the first time of the pattern is -1e-06 s; it must be"),
        ([float("inf")], [0], [0], NumberError, "a time of the pattern is 'nan or infinite'"),
        (["now"], [0], [0], NumberError, "the times of the pattern is"),
    ],
)  # fmt: skip
def test_patterns_of_the_wrong_shape_are_told(
    times: Any, which: Any, levels: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=re.escape(text)):
        pattern([A, B], times, which, levels)


def test_a_pattern_cannot_end_before_its_last_edge() -> None:
    block = pattern([A], [0.0, 80 * ns], [0, 0], [1, 0], duration=40 * ns)
    with pytest.raises(DurationError, match=re.escape("is 40 ns; it must be at least the last edge, 80 ns")):
        only_timeline(block)
