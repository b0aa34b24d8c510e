"""Rotating frames: shifts turn all later pulses, and loops have to bring them back."""

from __future__ import annotations

from typing import Any

import pytest

from sequences import (
    Frame,
    MHz,
    Parameter,
    Program,
    Template,
    attempt,
    branch,
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
from sequences.errors import FrameError
from sequences.ir import Block
from sequences.timeline import Operation

click = readout("click")
turn = Parameter("turn", unit="turn")


def compiled(lab: Any, *parts: Block, **values: float) -> Program:
    return compile_sequence(sequence("s", serial(*parts)), lab.target, values)


def phases(program: Program) -> list[float]:
    return [
        value
        for timeline in program.timelines()
        for value in timeline.value[timeline.operation == Operation.PHASE].tolist()
    ]


def test_a_shift_turns_all_later_pulses_of_its_frame(lab: Any) -> None:
    frame, other = Frame(lab.tone, 80 * MHz), Frame(lab.tone, 81 * MHz, "other")
    pulse = frame.pulse(1 * us, 0.5, 0.125)
    parts = (pulse, frame.shift(0.25), pulse, other.pulse(1 * us, 0.5), frame.shift(0.5), pulse)
    assert phases(compiled(lab, *parts)) == [0.125, 0.375, 0.0, 0.875]


def test_frames_of_light_behind_two_passes_turn_by_half(lab: Any) -> None:
    frame = Frame(lab.tone, 80 * MHz, passes=2)
    pulse = frame.pulse(1 * us, 0.5, 0.25)
    assert phases(compiled(lab, pulse, frame.shift(0.5), pulse)) == [0.125, 0.375]


def test_shifts_and_pulses_are_followed_in_time_and_not_in_writing(lab: Any) -> None:
    frame = Frame(lab.tone, 80 * MHz)
    late = serial(delay(4 * us), frame.pulse(1 * us, 0.5))
    early = serial(frame.pulse(1 * us, 0.5), frame.shift(0.25))
    assert phases(compiled(lab, parallel(late, early))) == [0.0, 0.25]


def test_shifts_go_on_after_loops_and_branches(lab: Any) -> None:
    frame = Frame(lab.tone, 80 * MHz)
    pulse = frame.pulse(1.6 * us, 0.5)
    there_and_back = serial(frame.shift(0.25), pulse, frame.shift(-0.25), delay(8 * us))
    gate = serial(lab.apd.gate(1.6 * us, click), frame.shift(0.75), frame.shift(0.25))
    parts = (
        frame.shift(0.125),
        repeat(there_and_back, 5),
        attempt(gate, until=herald(click), maximum=4),
        branch(herald(click), serial(frame.shift(1.25), pulse), serial(delay(1.6 * us), frame.shift(0.25))),
        pulse,
    )
    assert phases(compiled(lab, *parts)) == [0.375, 2.375, 2.375]


def test_a_loop_that_turns_a_frame_for_good_is_told(lab: Any) -> None:
    frame = Frame(lab.tone, 80 * MHz, "qubit")
    loop = repeat(serial(frame.shift(0.25), frame.pulse(1.6 * us, 0.5)), 3)
    with pytest.raises(FrameError) as caught:
        compiled(lab, loop)
    assert str(caught.value) == (
        f"{loop.source}: frame 'qubit' is turned by 0.25 turn more after each pass of the loop, but the "
        "hardware plays the same phases each time; shift it back, or by whole turns in all"
    )


def test_ways_of_a_branch_that_turn_a_frame_differently_are_told(lab: Any) -> None:
    frame = Frame(lab.tone, 80 * MHz, "qubit")
    choice = branch(herald(click), serial(frame.shift(0.25), delay(1.6 * us)))
    with pytest.raises(FrameError) as caught:
        compiled(lab, lab.apd.gate(1.6 * us, click), choice)
    assert "frame 'qubit' is turned by -0.25 turn more by the other way of the branch" in str(caught.value)
    assert caught.value.source == choice.source


def test_what_is_played_between_attempts_must_not_turn_a_frame(lab: Any) -> None:
    frame = Frame(lab.tone, 80 * MHz)
    loop = attempt(
        lab.apd.gate(1.6 * us, click),
        until=herald(click),
        maximum=9,
        every=3,
        between=serial(frame.shift(0.5), delay(1.6 * us)),
    )
    with pytest.raises(FrameError, match=r"0\.5 turn more by what is played between attempts"):
        compiled(lab, loop)


def test_a_loop_is_judged_for_every_point(lab: Any) -> None:
    frame = Frame(lab.tone, 80 * MHz)
    loop = repeat(serial(frame.shift(turn), frame.pulse(1.6 * us, 0.5)), 3)
    template = Template(sequence("s", loop), lab.target)
    assert phases(template.bind({"turn": 1.0})) == [1.0]
    with pytest.raises(FrameError):
        template.bind({"turn": 0.5})
    assert phases(template.bind({"turn": 2.0})) == [2.0]


def test_a_shift_is_a_number(lab: Any) -> None:
    frame = Frame(lab.tone, 80 * MHz)
    with pytest.raises(Exception, match="the phase of the shift on channel 'tone' is nan"):
        frame.shift(float("nan"))
