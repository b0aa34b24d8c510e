import math
import sys
from typing import Any

import numpy as np
import pytest

import sequences
from sequences import (
    Alignment,
    Block,
    Camera,
    CompileError,
    Detector,
    Electrode,
    Line,
    MHz,
    Parameter,
    Shape,
    Tone,
    attempt,
    delay,
    herald,
    parallel,
    readout,
    repeat,
    sequence,
    serial,
    us,
)
from sequences.errors import (
    ChannelKindError,
    DurationError,
    HeraldError,
    LimitError,
    NumberError,
    ParameterConflictError,
    PartError,
    SeamError,
    UnknownChannelError,
)
from sequences.ir import Attempt, Delay, Gate, Level, Parallel, Pulse, Ramp, Repeat, Serial

CLICK = readout("click")


def test_the_face_has_all_its_names() -> None:
    assert sorted(sequences.__all__) == sorted(set(sequences.__all__))
    assert [name for name in sequences.__all__ if not hasattr(sequences, name)] == []


def test_handles_make_blocks_on_their_channel(lab: Any) -> None:
    channel = lab.target.by_name
    assert lab.shutter.pulse(1 * us) == Pulse(channel["shutter"], 1 * us)
    assert lab.tone.pulse(1 * us, 80 * MHz, 0.5) == Pulse(channel["tone"], 1 * us, 80 * MHz, 0.5, 0.0)
    assert lab.second_tone.pulse(1 * us, 80 * MHz) == Pulse(
        channel["second_tone"], 1 * us, 80 * MHz, 1.0, 0.0
    )
    assert lab.endcap.ramp(0.0, 1.0, 5 * us) == Ramp(channel["endcap"], 0.0, 1.0, 5 * us, Shape.MINIMUM_JERK)
    assert lab.endcap.set(2.0) == Level(channel["endcap"], 2.0)
    assert lab.apd.gate(1 * us, CLICK) == Gate(channel["apd"], 1 * us, CLICK)
    assert lab.camera.expose(1 * us, CLICK) == Gate(channel["camera"], 1 * us, CLICK)


@pytest.mark.parametrize(
    ("handle", "name", "kind", "ability"),
    [
        (Line, "tone", "dds", "be switched as a TTL line"),
        (Tone, "shutter", "ttl", "play a tone"),
        (Electrode, "apd", "counter", "hold a voltage"),
        (Detector, "endcap", "dac", "count clicks"),
        (Camera, "apd", "counter", "take an exposure"),
    ],
)
def test_a_handle_refuses_channels_of_another_kind(
    lab: Any, handle: type[Line], name: str, kind: str, ability: str
) -> None:
    with pytest.raises(ChannelKindError) as caught:
        handle.of(lab.target, name)
    assert caught.value.source.file == __file__
    assert str(caught.value).endswith(f": channel {name!r} is a {kind} channel: it cannot {ability}")
    with pytest.raises(ChannelKindError):
        handle(lab.target.by_name[name])


def test_a_handle_for_an_unknown_channel_names_the_author_s_line(lab: Any) -> None:
    with pytest.raises(UnknownChannelError) as caught:
        Line.of(lab.target, "shuter")
    line = test_a_handle_for_an_unknown_channel_names_the_author_s_line.__code__.co_firstlineno + 2
    assert str(caught.value) == (
        f"test_language.py:{line}: the setup has no channel 'shuter'; did you mean shutter?"
    )


def test_serial_is_associative(lab: Any) -> None:
    a, b, c = lab.shutter.pulse(1 * us), delay(2 * us), lab.marker.pulse(3 * us)
    assert serial(serial(a, b), c) == serial(a, serial(b, c)) == serial(a, b, c) == Serial((a, b, c))
    assert serial() == Serial(())


def test_a_thousand_nested_serials_are_no_deep_tree(lab: Any) -> None:
    body: Block = serial()
    for _ in range(2 * sys.getrecursionlimit()):
        body = serial(body, delay(1 * us))
    assert sequences.compile_sequence(sequence("long", body), lab.target).steps[0] is not None


def test_blocks_combine(lab: Any) -> None:
    pulse, gate = lab.shutter.pulse(1 * us), lab.apd.gate(1 * us, CLICK)
    assert parallel(pulse, gate, align=Alignment.RIGHT) == Parallel((pulse, gate), Alignment.RIGHT)
    assert repeat(pulse, 3) == Repeat(pulse, 3)
    wanted = herald(CLICK, at_least=2)
    assert attempt(gate, until=wanted, maximum=9) == Attempt(gate, wanted, 9)
    assert delay(0.0) == Delay(0.0)


def test_a_sequence_lists_parameters_and_readouts_in_order_of_first_use(lab: Any) -> None:
    first, second, third = Parameter("first"), Parameter("second"), Parameter("third")
    other = readout("click", 1)
    body = serial(
        lab.tone.pulse(second, first * 2, 0.1, third),
        attempt(lab.apd.gate(first, other), until=herald(other), maximum=2),
        repeat(parallel(lab.second_apd.gate(second + third, CLICK)), 2),
    )
    made = sequence("listed", body)
    assert [parameter.name for parameter in made.parameters] == ["second", "first", "third"]
    assert made.readouts == (other, CLICK)


def test_one_name_is_one_parameter(lab: Any) -> None:
    short, long = Parameter("time", high=1.0), Parameter("time", high=2.0)
    with pytest.raises(ParameterConflictError) as caught:
        sequence("twice", serial(delay(short), delay(long)))
    assert str(caught.value) == (
        f"{long.source}: parameter 'time' is also declared at {short.source}, with another unit, limits "
        "or help; declare it once, or give the two different names"
    )
    same = sequence("same", serial(delay(short), delay(Parameter("time", high=1.0))))
    assert len(same.parameters) == 1


def ending(error: Exception) -> str:
    """The text of an error after the author's place, which must be in this file."""
    place, _, text = str(error).partition(": ")
    assert place.startswith("test_language.py:")
    return text


@pytest.mark.parametrize(
    ("duration", "problem", "text"),
    [
        (0.0, DurationError, "is 0 s; it must be more than zero"),
        (-1e-6, DurationError, "is -1 us; it must be more than zero"),
        (
            math.inf,
            NumberError,
            "is inf; it must be a finite number in SI units or an expression of parameters",
        ),
        (
            math.nan,
            NumberError,
            "is nan; it must be a finite number in SI units or an expression of parameters",
        ),
        (
            "5 us",
            NumberError,
            "is '5 us'; it must be a finite number in SI units or an expression of parameters",
        ),
    ],
)
def test_a_duration_without_sense_is_told_when_it_is_written(
    lab: Any, duration: Any, problem: type[Exception], text: str
) -> None:
    with pytest.raises(problem) as caught:
        lab.shutter.pulse(duration)
    assert ending(caught.value) == f"the duration of the pulse on channel 'shutter' {text}"
    with pytest.raises(problem) as caught:
        lab.apd.gate(duration, CLICK)
    assert ending(caught.value) == f"the duration of the gate on channel 'apd' {text}"
    with pytest.raises(problem) as caught:
        lab.endcap.ramp(0.0, 1.0, duration)
    assert ending(caught.value) == f"the duration of the ramp on channel 'endcap' {text}"


def test_a_delay_may_be_zero_and_not_less() -> None:
    with pytest.raises(DurationError) as caught:
        delay(-1 * us)
    assert ending(caught.value) == "the duration of the delay is -1 us; it must be zero or more"


def test_a_value_outside_of_limits_is_told_when_it_is_written(lab: Any) -> None:
    def told(write: Any) -> list[str]:
        with pytest.raises((LimitError, NumberError, CompileError)) as caught:
            write()
        problems = getattr(caught.value, "problems", (caught.value,))
        return [ending(problem) for problem in problems]

    assert told(lambda: lab.tone.pulse(1 * us, 500 * MHz, 0.9)) == [
        "frequency 500 MHz on channel 'tone' is outside its limits 1 MHz to 400 MHz",
        "amplitude 0.9 on channel 'tone' is outside its limits 0 to 0.8",
    ]
    assert told(lambda: lab.second_tone.pulse(1 * us, -1.0, 1.1)) == [
        "frequency -1 Hz on channel 'second_tone' is outside its limits 0 Hz to inf Hz",
        "amplitude 1.1 on channel 'second_tone' is outside its limits 0 to 1",
    ]
    assert told(lambda: lab.endcap.ramp(11.0, -12.0, 5 * us)) == [
        "voltage 11 V on channel 'endcap' is outside its limits -10 V to 10 V",
        "voltage -12 V on channel 'endcap' is outside its limits -10 V to 10 V",
    ]
    finite = "it must be a finite number in SI units or an expression of parameters"
    assert told(lambda: lab.endcap.set(math.nan)) == [f"the voltage on channel 'endcap' is nan; {finite}"]
    assert told(lambda: lab.tone.pulse(1 * us, 80 * MHz, 0.5, math.inf)) == [
        f"the phase of the pulse on channel 'tone' is inf; {finite}"
    ]


@pytest.mark.parametrize("count", [0, -3, 2.0, True, "3"])
def test_counts_are_whole_and_at_least_one(lab: Any, count: Any) -> None:
    gate = lab.apd.gate(1 * us, CLICK)
    text = f"is {count!r}; it must be a whole number, at least 1"
    with pytest.raises(DurationError) as caught:
        repeat(gate, count)
    assert ending(caught.value) == f"the count of the repeat {text}"
    with pytest.raises(DurationError) as caught:
        attempt(gate, until=herald(CLICK), maximum=count)
    assert ending(caught.value) == f"the maximum of the attempt {text}"
    with pytest.raises(DurationError) as caught:
        attempt(gate, until=herald(CLICK, at_least=count), maximum=1)
    assert ending(caught.value) == f"the number of clicks of the herald {text}"


def test_whole_numbers_of_numpy_are_counts(lab: Any) -> None:
    gate, three = lab.apd.gate(1 * us, CLICK), np.int64(3)
    loop = attempt(gate, until=herald(CLICK, at_least=three), maximum=three)
    assert loop == Attempt(gate, herald(CLICK, at_least=3), 3)
    assert [type(count) for count in (repeat(gate, three).count, loop.maximum, loop.herald.at_least)] == [
        int
    ] * 3


@pytest.mark.parametrize("index", [-1, 1.5, "0"])
def test_the_index_of_a_readout_is_whole_and_not_negative(index: Any) -> None:
    with pytest.raises(DurationError) as caught:
        readout("ions", index)
    assert ending(caught.value) == (
        f"the index of readout 'ions' is {index!r}; it must be a whole number, at least 0"
    )


def test_an_attempt_waits_for_something(lab: Any) -> None:
    with pytest.raises(HeraldError) as caught:
        attempt(lab.apd.gate(1 * us, CLICK), until=herald(), maximum=5)
    assert ending(caught.value) == (
        "the attempt waits for clicks in no readout, but its body records click[0]"
    )


def test_an_attempt_records_what_it_waits_for(lab: Any) -> None:
    with pytest.raises(HeraldError) as caught:
        attempt(lab.apd.gate(1 * us, CLICK), until=herald(readout("click", 4)), maximum=5)
    assert ending(caught.value) == "the attempt waits for clicks in click[4], but its body records click[0]"
    with pytest.raises(HeraldError) as caught:
        attempt(delay(1 * us), until=herald(CLICK), maximum=5)
    assert ending(caught.value) == "the attempt waits for clicks in click[0], but its body records nothing"


def test_a_loop_stands_beside_nothing_in_a_parallel_block(lab: Any) -> None:
    loop = repeat(lab.shutter.pulse(1 * us), 5)
    with pytest.raises(SeamError) as caught:
        parallel(lab.marker.pulse(1 * us), serial(delay(1 * us), loop))
    assert ending(caught.value) == (
        f"this parallel block holds other parts beside the repeat at {loop.source}; the hardware does "
        "nothing else while it loops, decides or waits: put the other parts into the repeat, before it or "
        "after it"
    )
    assert parallel(loop).parts == (loop,)


def test_what_is_no_block_is_refused(lab: Any) -> None:
    pulses = [lab.shutter.pulse(1 * us)]
    advice = "unpack several blocks with a star, and call what makes a block"
    for write, name, given in [
        (lambda: serial(pulses), "serial", "list"),  # type: ignore[arg-type]
        (lambda: parallel(lab.shutter.pulse), "parallel", "method"),
        (lambda: repeat(None, 3), "repeat", "NoneType"),  # type: ignore[arg-type]
        (lambda: attempt(3, until=herald(CLICK), maximum=1), "attempt", "int"),  # type: ignore[arg-type]
        (lambda: sequence("x", pulses), "sequence", "list"),  # type: ignore[arg-type]
    ]:
        with pytest.raises(PartError) as caught:
            write()
        assert ending(caught.value) == (
            f"{name} takes blocks such as pulses, ramps and gates, but was given {given}; {advice}"
        )
