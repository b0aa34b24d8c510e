from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequences import (
    Alignment,
    Channel,
    Kind,
    Line,
    MHz,
    Target,
    delay,
    ns,
    parallel,
    readout,
    repeat,
    sequence,
    serial,
    us,
)
from sequences.compiler.bind import Binding
from sequences.compiler.expand import expand
from sequences.compiler.place import place
from sequences.compiler.quantize import quantize, refuse_seams
from sequences.compiler.stages import Outline, Schedule
from sequences.errors import CompileError, DurationError, ForeignChannelError, OffGridError
from sequences.ir import Block


def quantized(lab: Any, *parts: Block) -> Outline[Schedule]:
    outline = quantize(place(expand(sequence("s", serial(*parts))), Binding({})), lab.target)
    refuse_seams(outline, lab.target)
    return outline


def told(write: Callable[[], object]) -> list[str]:
    """The texts of all problems, without their places, which must be in this file."""
    with pytest.raises((OffGridError, DurationError, CompileError)) as caught:
        write()
    problems = getattr(caught.value, "problems", (caught.value,))
    assert all(problem.source.file == __file__ for problem in problems)
    return [str(problem).partition(": ")[2] for problem in problems]


def test_seconds_become_ticks_and_delays_are_gone(lab: Any) -> None:
    result = quantized(lab, lab.shutter.pulse(0.1 * us), delay(0.3 * us), lab.endcap.set(1.0), delay(1 * us))
    schedule = result.segments[0]
    assert schedule.start.tolist() == [0, 400]
    assert schedule.stop.tolist() == [100, 400]
    assert schedule.channel.tolist() == [3, 20]
    assert schedule.shift.tolist() == [0, 0]
    assert schedule.length == 1400
    assert len(schedule.leaves) == 2


@settings(deadline=None)
@given(st.lists(st.integers(min_value=1, max_value=10**10), min_size=1, max_size=30))
def test_times_on_the_grid_come_back_unchanged(ticks: list[int]) -> None:
    target = Target("t", 1 * ns, (Channel("line", Kind.TTL, 0, 1 * ns),))
    line = Line.of(target, "line")
    body = serial(*(line.pulse(tick * 1e-9) for tick in ticks))
    schedule = quantize(place(expand(sequence("s", body)), Binding({})), target).segments[0]
    assert (schedule.stop - schedule.start).tolist() == ticks
    assert schedule.start.tolist() == [sum(ticks[:row]) for row in range(len(ticks))]
    assert schedule.length == sum(ticks)


@pytest.mark.parametrize("period", [1e-9, 1e-9 / 8 * 10, 8e-9, 1 / 3e8])
def test_any_period_counts_its_own_ticks(period: float) -> None:
    target = Target("t", period, (Channel("line", Kind.TTL, 0, 4 * period),))
    line = Line.of(target, "line")
    body = serial(delay(400 * period), line.pulse(12_000_000 * period))
    schedule = quantize(place(expand(sequence("s", body)), Binding({})), target).segments[0]
    assert (schedule.start.tolist(), schedule.stop.tolist()) == ([400], [12_000_400])


def test_a_duration_between_two_ticks_is_told_with_the_nearest(lab: Any) -> None:
    assert told(lambda: quantized(lab, lab.shutter.pulse(1.0005 * us))) == [
        "the duration of the pulse on channel 'shutter' is 1.0005 us, between two ticks of the 1 ns grid; "
        "the nearest time is 1 us"
    ]
    assert told(lambda: quantized(lab, lab.second_tone.pulse(1.001 * us, 80 * MHz))) == [
        "the duration of the pulse on channel 'second_tone' is 1.001 us, between two ticks of the 4 ns grid; "
        "the nearest time is 1 us"
    ]
    assert told(lambda: quantized(lab, delay(1.5 * ns))) == [
        "the duration of the delay is 1.5 ns, between two ticks of the 1 ns grid; the nearest time is 2 ns"
    ]
    assert told(lambda: quantized(lab, delay(0.3 * ns))) == [
        "the duration of the delay is 0.3 ns, between two ticks of the 1 ns grid; the nearest time is 0 s"
    ]
    assert told(lambda: quantized(lab, lab.camera.expose(0.4 * us, readout("x")))) == [
        "the duration of the gate on channel 'camera' is 400 ns, between two ticks of the 1 us grid; "
        "the nearest time is 1 us"
    ]


def test_a_picosecond_is_no_noise(lab: Any) -> None:
    quantized(lab, lab.shutter.pulse(1 * us * (1 + 1e-12)))
    with pytest.raises(OffGridError):
        quantized(lab, lab.shutter.pulse(1 * us + 1.1e-12))


def test_a_start_between_two_ticks_is_told_once(lab: Any) -> None:
    pulse = lab.second_tone.pulse(1 * us, 80 * MHz)
    assert told(lambda: quantized(lab, delay(1.001 * us), pulse, pulse, pulse)) == [
        "the start of the pulse on channel 'second_tone' is 1.001 us, between two ticks of the 4 ns grid; "
        "the nearest time is 1 us"
    ]


def test_a_centred_start_between_two_ticks_names_the_centring_block(lab: Any) -> None:
    block = parallel(lab.shutter.pulse(1.001 * us), delay(2 * us), align=Alignment.CENTRE)
    assert told(lambda: quantized(lab, block)) == [
        f"the start of the pulse on channel 'shutter', centred by the parallel block at {block.source}, "
        "is 499.5 ns, between two ticks of the 1 ns grid; the nearest time is 500 ns"
    ]


def test_a_centred_delay_may_lie_between_two_ticks(lab: Any) -> None:
    block = parallel(delay(1.001 * us), lab.shutter.pulse(2 * us), align=Alignment.CENTRE)
    assert quantized(lab, block).segments[0].start.tolist() == [0]


def test_less_than_a_tick_is_nothing(lab: Any) -> None:
    assert told(lambda: quantized(lab, lab.shutter.pulse(1e-13))) == [
        "the duration of the pulse on channel 'shutter' is 0.0001 ns; it must be at least one tick of 1 ns"
    ]


def test_endless_times_are_refused(lab: Any) -> None:
    assert told(lambda: quantized(lab, lab.shutter.pulse(1 * us), delay(1e7))) == [
        "the time from here to the next start or end of a loop is 10000000 s; it must be less than 9.01e+06 s"
    ]


def test_durations_are_told_together_and_their_consequences_are_not(lab: Any) -> None:
    parts = lab.shutter.pulse(1.5 * ns), lab.marker.pulse(1 * us), delay(2.5 * ns), lab.marker.pulse(1 * us)
    assert len(told(lambda: quantized(lab, *parts))) == 2


def test_loops_start_and_end_on_the_grid_of_every_channel(lab: Any) -> None:
    body = repeat(serial(lab.shutter.pulse(1.001 * us), lab.marker.pulse(0.5 * us)), 3)
    assert quantized(lab, body).segments[0].length == 1501
    tone = lab.second_tone.pulse(1 * us, 80 * MHz)
    assert told(lambda: quantized(lab, body, tone)) == [
        "the time from here to the next start or end of a loop is 1.501 us, between two ticks of the 4 ns "
        "grid; the nearest time is 1.504 us"
    ]
    quantized(lab, serial(lab.shutter.pulse(1.001 * us), delay(3 * ns), tone, lab.marker.pulse(1 * ns)))


def test_a_channel_of_another_target_is_refused(lab: Any) -> None:
    slow = tuple(replace(channel, latency=5 * us) for channel in lab.target.channels)
    other = Target("other lab", 1 * ns, slow)
    pulse = Line.of(other, "shutter").pulse(1 * us)
    with pytest.raises(ForeignChannelError) as caught:
        quantized(lab, pulse, pulse)
    assert str(caught.value) == (
        f"{pulse.source}: channel 'shutter' is not (or not any more) one of target 'test lab', for which the "
        "sequence is compiled; take its handle from that target"
    )
