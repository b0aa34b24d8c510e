"""What people write that is rare: each of these has once been compiled wrongly, or told badly."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sequences import (
    AllOf,
    Channel,
    Electrode,
    Envelope,
    Frame,
    Kind,
    Line,
    MHz,
    Parameter,
    Target,
    Template,
    Tone,
    Trigger,
    at,
    attempt,
    branch,
    compile_sequence,
    delay,
    herald,
    mark,
    named,
    ns,
    parallel,
    parse_program,
    pattern,
    per_shot,
    print_program,
    readout,
    repeat,
    sequence,
    serial,
    us,
)
from sequences.errors import (
    DepthError,
    DurationError,
    ForeignChannelError,
    FrameError,
    LimitError,
    NumberError,
    OffGridError,
    SequenceError,
    SpacingError,
)
from sequences.faults import PulseError
from sequences.ir import Block

CLICK = readout("click")
x = Parameter("x")


def rows(block: Block, target: Target, **values: float) -> list[tuple[int, str, float]]:
    """Tick, operation and value of every event of a block without loops."""
    from sequences import Operation

    (timeline,) = compile_sequence(sequence("s", block), target, values).timelines()
    columns = timeline.time.tolist(), timeline.operation.tolist(), timeline.value.tolist()
    return [(time, Operation(op).name, value) for time, op, value in zip(*columns, strict=True)]


def test_what_is_set_comes_before_what_starts_at_the_same_tick(lab: Any) -> None:
    tone = lab.second_tone
    for before in (tone.off(), tone.set(80 * MHz, 0.5)):
        played = rows(serial(before, tone.pulse(4 * us, 81 * MHz, 0.25)), lab.target)
        state = {operation: value for time, operation, value in played if time < 4000}
        assert state == {"FREQUENCY": 81e6, "PHASE": 0.0, "AMPLITUDE": 0.25}
    line = lab.marker
    assert [value for _, _, value in rows(serial(line.off(), line.pulse(1 * us)), lab.target)] == [0, 1, 0]
    edges = pattern([line], [0.0, 1 * us], [0, 0], [0, 1])
    assert [value for _, _, value in rows(serial(line.on(), edges), lab.target)] == [1, 0, 1]
    assert [value for _, _, value in rows(serial(edges, line.off()), lab.target)] == [0, 1, 0]


@pytest.mark.parametrize("number", [np.array(0.5), np.array([0.5, 0.25]), "0.5", None, True])
def test_only_numbers_are_numbers(lab: Any, number: Any) -> None:
    for write in (
        lambda: lab.endcap.set(number),
        lambda: lab.endcap.ramp(0.0, number, 4 * us),
        lambda: lab.tone.pulse(4 * us, 80 * MHz, number),
        lambda: lab.tone.pulse(4 * us, 80 * MHz, 0.5, number),
        lambda: lab.marker.pulse(number),
        lambda: delay(number),
    ):
        with pytest.raises(NumberError):
            write()


def test_a_name_does_not_move_what_has_a_time_of_its_own(lab: Any) -> None:
    parts = (lab.marker.pulse(1 * us), at(5 * us, lab.marker.pulse(1 * us)), repeat(delay(1 * us), 2))
    plain = compile_sequence(sequence("s", serial(*parts)), lab.target)
    assert compile_sequence(sequence("s", named("n", serial(*parts))), lab.target) == plain


def test_a_parallel_block_of_one_part_is_a_block(lab: Any) -> None:
    late = at(2 * us, lab.marker.pulse(1 * us))
    alone = rows(serial(lab.marker.pulse(3 * us), parallel(late)), lab.target)
    assert [time - 600 for time, _, _ in alone] == [0, 3000, 5000, 6000]


def test_a_ramp_without_a_single_sample_is_told() -> None:
    target = Target("lab", 1 * ns, (Channel("dac", Kind.DAC, 0, 8 * ns, update=2 * us),))
    with pytest.raises(DurationError, match="it must be at least one update of the channel, 2 us"):
        compile_sequence(sequence("s", Electrode.of(target, "dac").ramp(0.0, 1.0, 1 * us)), target)


def test_a_failed_point_does_not_hide_what_the_machine_cannot_do() -> None:
    channels = Channel("line", Kind.TTL, 0, 1 * ns, pulse=1 * us), Channel("tone", Kind.DDS, 1, 4 * ns)
    target = Target("lab", 1 * ns, channels)
    time, power = Parameter("time", unit="s"), Parameter("power")
    line, tone = Line.of(target, "line"), Tone.of(target, "tone")
    template = Template(sequence("s", serial(line.pulse(time), tone.pulse(1 * us, 80 * MHz, power))), target)
    with pytest.raises(LimitError):
        template.bind({"time": 0.1 * us, "power": 2.0})
    for _ in range(2):
        with pytest.raises(PulseError):
            template.bind({"time": 0.1 * us, "power": 0.5})


def test_shapes_can_be_written_as_text(lab: Any) -> None:
    by_name, by_word = lab.endcap.ramp(0.0, 1.0, 8 * us, "minimum_jerk"), lab.endcap.ramp(0.0, 1.0, 8 * us)
    assert by_name == by_word
    for write, text in (
        (
            lambda: lab.endcap.ramp(0.0, 1.0, 8 * us, "bent"),
            "the shape of the ramp is 'bent'; it must be one of linear",
        ),
        (lambda: Envelope("round", rise=1e-6), "the edge of the envelope is 'round'; it must be one of"),
        (
            lambda: parallel(delay(1 * us), align="up"),
            "the alignment of the parallel block is 'up'; it must be",
        ),
    ):
        with pytest.raises(DurationError, match=re.escape(text)):
            write()


def test_a_branch_that_is_passed_by_does_not_hide_what_is_before_it(lab: Any) -> None:
    gate, long = lab.apd.gate(0.8 * us, CLICK), delay(8 * us)
    way = serial(long, lab.endcap.set(2.0), long)
    body = serial(gate, lab.endcap.set(1.0), branch(herald(CLICK), way), lab.endcap.set(3.0))
    with pytest.raises(SpacingError, match="two events 0 s apart"):
        compile_sequence(sequence("s", body), lab.target)


def test_what_is_between_attempts_is_compared_with_itself(lab: Any) -> None:
    loop = attempt(
        lab.apd.gate(80 * ns, CLICK), until=herald(CLICK), maximum=9, every=1, between=lab.endcap.set(1.0)
    )
    with pytest.raises(SpacingError, match="two events 80 ns apart"):
        compile_sequence(sequence("s", loop), lab.target)


def test_instants_at_one_tick_are_told_across_loops(lab: Any) -> None:
    loop = repeat(serial(lab.marker.off(), delay(1 * us)), 2)
    with pytest.raises(SpacingError, match="two events 0 s apart"):
        compile_sequence(sequence("s", serial(lab.marker.on(), loop)), lab.target)


@pytest.mark.parametrize(
    ("timeout", "error", "text"),
    [
        (1.4e-9, OffGridError, "the time-out of the wait is 1.4 ns, between two ticks of the 1 ns grid"),
        (1e300, DurationError, "the time-out of the wait is 1e+300 s; it must be less than 9.01e+06 s"),
    ],
)
def test_time_outs_are_times(timeout: float, error: type[Exception], text: str) -> None:
    target = Target("lab", 1 * ns, (Channel("mains", Kind.TRIGGER, 0, 1 * ns),))
    with pytest.raises(error, match=re.escape(text)):
        compile_sequence(sequence("s", Trigger.of(target, "mains").wait(timeout)), target)


def test_a_trigger_belongs_to_its_lab(lab: Any) -> None:
    wait = Trigger(Channel("mains", Kind.TRIGGER, 99, 1 * ns)).wait(1.0)
    with pytest.raises(ForeignChannelError):
        compile_sequence(sequence("s", wait), lab.target)


def test_frames_in_loops_are_judged_with_care(lab: Any) -> None:
    frame = Frame(lab.second_tone, 80 * MHz)
    pulse, target = frame.pulse(4 * us), lab.target
    program = compile_sequence(
        sequence("s", serial(frame.shift(per_shot([0, 0.5])), repeat(pulse, 2))), target
    )
    assert program.different_shots == 2
    with pytest.raises(FrameError, match=re.escape("turned by 0.5 turn more after each pass")):
        compile_sequence(sequence("s", repeat(serial(frame.shift(per_shot([0, 0.5])), pulse), 2)), target)
    for shift in (x, x / 0):
        with pytest.raises(SequenceError):
            compile_sequence(sequence("s", repeat(serial(frame.shift(shift), pulse), 2)), target)
    with pytest.raises(SequenceError, match="parameter 'x' has no value"):
        compile_sequence(sequence("s", serial(pulse, frame.shift(x))), target)


def test_many_shifts_and_shared_sums_are_no_burden(lab: Any) -> None:
    frame = Frame(lab.second_tone, 80 * MHz)
    many = serial(*[frame.shift(x) for _ in range(3000)], frame.pulse(4 * us))
    assert rows(many, lab.target, x=0.25)[1] == (500, "PHASE", 750.0)
    doubled: Any = x
    for _ in range(60):
        doubled = doubled + doubled
    assert rows(lab.endcap.set(doubled), lab.target, x=2.0**-60)[0][2] == 1.0


@pytest.mark.parametrize("wrap", [lambda b: repeat(b, 2), lambda b: named("n", b), lambda b: at(0.0, b)])
def test_endless_nesting_is_told(lab: Any, wrap: Callable[[Block], Block]) -> None:
    block: Block = lab.marker.pulse(1 * us)
    for _ in range(3000):
        block = wrap(block)
    with pytest.raises(DepthError):
        compile_sequence(sequence("s", block), lab.target)


def test_ends_of_a_ramp_agree_on_their_shots(lab: Any) -> None:
    ramp = lab.endcap.ramp(per_shot([1, 2]), per_shot([1, 2, 3]), 8 * us)
    with pytest.raises(NumberError, match=re.escape("between its ends is '2 and 3 values a shot'")):
        compile_sequence(sequence("s", ramp), lab.target)


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (lambda lab: attempt(delay(1 * us), until=CLICK, maximum=3), "what the attempt waits for is Readout"),
        (lambda lab: branch(None, delay(1 * us)), "what the branch asks for is None; it must be a herald(),"),
        (lambda lab: branch(AllOf(()), delay(1 * us)), "the condition is empty; it must be made of at least"),
        (lambda lab: herald("click"), "what the herald counts is 'click'; it must be a readout()"),
        (lambda lab: lab.apd.gate(1 * us, "click"), "the readout of the gate on channel 'apd' is 'click'; i"),
        (lambda lab: lab.tone.pulse(1 * us, 8e7, 0.5, 0.0, "soft"), "the envelope of the pulse on channel '"),
        (lambda lab: lab.tone.pulse(1 * us, 8e7, 0.5, 0.0, Envelope(rise=-1e-6)), "the rise of the envelope"),
        (lambda lab: Frame(lab.tone, 8e7, passes=0), "the number of passes of frame 'tone' is 0; it must be"),
        (lambda lab: pattern(lab.marker, [], [], []), "what the pattern is for is Line("),
        (lambda lab: pattern([lab.marker] * 2, [], [], []), "lines that are all different"),
        (lambda lab: mark(5), "the name of the mark is 5; it must be text"),
        (lambda lab: named(None, delay(1.0)), "the name of the block is None; it must be text"),
        (lambda lab: sequence(3, delay(1.0)), "the name of the sequence is 3; it must be text"),
        (lambda lab: readout(7), "the name of the readout is 7; it must be text"),
        (lambda lab: readout("x", True), "the index of readout 'x' is True; it must be a whole number"),
    ],
)  # fmt: skip
def test_what_is_not_meant_is_told_where_it_is_written(
    lab: Any, write: Callable[[Any], Any], text: str
) -> None:
    with pytest.raises(DurationError, match=re.escape(text)) as caught:
        write(lab)
    assert caught.value.source.file == __file__


def test_texts_come_back_with_odd_names_and_long_times(lab: Any) -> None:
    odd = [readout(name) for name in ("timeout", "every", ";", "all")]
    gates = serial(*[lab.apd.gate(1 * us, one) for one in odd], delay(86_400.0))
    loop = attempt(gates, until=herald(*odd) & herald(odd[0]), maximum=2, timeout=9e5)
    program = compile_sequence(sequence("s", serial(loop, delay(9e6))), lab.target)
    assert parse_program(print_program(program)) == program
