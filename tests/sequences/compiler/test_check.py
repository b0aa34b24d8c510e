from collections.abc import Callable
from typing import Any

import pytest

from sequences import (
    Channel,
    Electrode,
    Kind,
    Limit,
    MHz,
    Parameter,
    Program,
    Quantity,
    Target,
    attempt,
    compile_sequence,
    delay,
    herald,
    ns,
    parallel,
    readout,
    repeat,
    sequence,
    serial,
    us,
)
from sequences.errors import AuthoringError, CompileError
from sequences.ir import Block, Gate, Level, Pulse, Sequence

x = Parameter("x")


def compiled(lab: Any, *parts: Block, **values: float) -> Program:
    return compile_sequence(sequence("s", serial(*parts)), lab.target, values)


def told(write: Callable[[], object]) -> list[str]:
    """Kind and text of all problems, without their places, which must be in this file."""
    with pytest.raises((AuthoringError, CompileError)) as caught:
        write()
    problems = getattr(caught.value, "problems", (caught.value,))
    assert all(problem.source.file == __file__ for problem in problems)
    return [f"{type(problem).__name__}: {str(problem).partition(': ')[2]}" for problem in problems]


def test_two_blocks_on_one_channel_at_once_are_told_with_both_places(lab: Any) -> None:
    long = lab.shutter.pulse(5 * us)
    short = serial(delay(2 * us), lab.shutter.pulse(1 * us))
    assert told(lambda: compiled(lab, delay(1 * us), parallel(long, short))) == [
        f"OverlapError: channel 'shutter' is still in use by {long.source} at 3 us, for another 3 us; "
        "play them one after the other or on two channels"
    ]


def test_every_block_under_a_long_one_is_told(lab: Any) -> None:
    pulse = lab.marker.pulse(1 * us)
    under = serial(pulse, pulse, delay(1 * us), pulse)
    texts = told(lambda: compiled(lab, parallel(lab.marker.pulse(9 * us), under)))
    assert [text.partition("at ")[2][:16] for text in texts] == [
        "0 s, for another",
        "1 us, for anothe",
        "3 us, for anothe",
    ]


def test_blocks_on_two_channels_may_overlap(lab: Any) -> None:
    assert compiled(lab, parallel(lab.shutter.pulse(5 * us), lab.marker.pulse(5 * us))).events == 4


def test_back_to_back_blocks_are_fine(lab: Any) -> None:
    pulse, tone = lab.shutter.pulse(1 * us), lab.tone.pulse(1 * us, 80 * MHz, 0.5)
    program = compiled(lab, pulse, pulse, tone, tone, repeat(serial(pulse), 3), pulse)
    assert program.events == 4 * 2 + 2 * 4  # a line is two events, a tone four; the loop counts once


def test_events_too_close_on_a_channel_are_told(lab: Any) -> None:
    first = lab.shutter.pulse(1 * us)
    assert told(lambda: compiled(lab, first, delay(15 * ns), lab.shutter.pulse(1 * us))) == [
        f"SpacingError: channel 'shutter' has two events 15 ns apart (this and {first.source}); "
        "it needs at least 20 ns between them"
    ]
    compiled(lab, first, delay(20 * ns), lab.shutter.pulse(1 * us))


def test_a_pulse_shorter_than_the_spacing_is_told(lab: Any) -> None:
    short = lab.shutter.pulse(19 * ns)
    assert told(lambda: compiled(lab, short)) == [
        f"SpacingError: channel 'shutter' has two events 19 ns apart (this and {short.source}); "
        "it needs at least 20 ns between them"
    ]


def test_samples_of_a_dac_need_their_distance_even_back_to_back(lab: Any) -> None:
    up, down = lab.endcap.ramp(0.0, 1.0, 5 * us), lab.endcap.ramp(1.0, 0.0, 5 * us)
    assert compiled(lab, lab.endcap.set(0.0), up, down).events == 11
    assert told(lambda: compiled(lab, up, lab.endcap.set(0.0))) == [
        f"SpacingError: channel 'endcap' has two events 0 s apart (this and {up.source}); "
        "it needs at least 1 us between them"
    ]
    assert told(lambda: compiled(lab, parallel(up, serial(delay(2 * us), lab.endcap.set(0.0))))) == [
        f"OverlapError: channel 'endcap' is still in use by {up.source} at 2 us, for another 3 us; "
        "play them one after the other or on two channels"
    ]


def test_a_dac_without_spacing_still_plays_one_value_a_step() -> None:
    target = Target("t", 1 * ns, (Channel("coil", Kind.DAC, 0, 8 * ns),))
    coil = Electrode.of(target, "coil")
    body = serial(coil.set(1.0), coil.set(2.0))
    texts = told(lambda: compile_sequence(sequence("s", body), target))
    assert texts[0].endswith("it needs at least 8 ns between them")


def test_a_ramp_lasts_at_least_one_update(lab: Any) -> None:
    assert told(lambda: compiled(lab, lab.endcap.ramp(0.0, 1.0, 0.8 * us))) == [
        "DurationError: the duration of the ramp on channel 'endcap' is 800 ns; "
        "it must be at least one update of the channel, 1 us"
    ]
    assert compiled(lab, lab.endcap.ramp(0.0, 1.0, 1 * us)).events == 1


def test_values_are_checked_once_they_are_known(lab: Any) -> None:
    parts = (
        lab.tone.pulse(1 * us, x, 0.5),
        lab.second_tone.pulse(1 * us, 80 * MHz, 1 / x),
        lab.endcap.ramp(0.0, x, 5 * us),
    )
    assert told(lambda: compiled(lab, *parts, x=500e6)) == [
        "LimitError: frequency 500 MHz on channel 'tone' is outside its limits 1 MHz to 400 MHz",
        "LimitError: voltage 500000000 V on channel 'endcap' is outside its limits -10 V to 10 V",
    ]
    assert told(lambda: compiled(lab, *parts, x=0.0)) == [
        "LimitError: frequency 0 Hz on channel 'tone' is outside its limits 1 MHz to 400 MHz",
        "NumberError: the amplitude on channel 'second_tone' is nan; it must be a finite number in SI units "
        "or an expression of parameters",
    ]


def test_one_readout_has_one_gate(lab: Any) -> None:
    gate = lab.apd.gate(1 * us, readout("click", 2))
    text = (
        f"ReadoutError: click[2] is already recorded by the gate at {gate.source}; "
        "give every gate a readout of its own, for example another index"
    )
    assert told(lambda: compiled(lab, gate, gate)) == [text]
    assert told(lambda: compiled(lab, gate, lab.second_apd.gate(1 * us, readout("click", 2)))) == [text]
    assert told(lambda: compiled(lab, gate, repeat(gate, 2))) == [text]
    compiled(lab, gate, lab.apd.gate(1 * us, readout("click", 3)))


def test_blocks_that_are_built_by_hand_are_on_channels_that_can_play_them(lab: Any) -> None:
    channel = lab.target.by_name
    for block, text in [
        (Pulse(channel["tone"], 1 * us), "'tone' is a dds channel: it cannot be switched as a TTL line"),
        (Pulse(channel["shutter"], 1 * us, 1e6), "'shutter' is a ttl channel: it cannot play a tone"),
        (Level(channel["apd"], 1.0), "'apd' is a counter channel: it cannot hold a level"),
        (Gate(channel["endcap"], 1 * us, readout("x")), "'endcap' is a dac channel: it cannot record"),
    ]:
        assert f"ChannelKindError: channel {text}" in told(
            lambda block=block: compile_sequence(Sequence("s", block, (), ()), lab.target)
        )


def test_problems_of_all_segments_are_told_together(lab: Any) -> None:
    pulse, marker = lab.shutter.pulse(1 * us), lab.marker.pulse(1 * us)
    texts = told(lambda: compiled(lab, parallel(pulse, pulse), repeat(parallel(marker, marker), 3)))
    assert [text.partition(":")[0] for text in texts] == ["OverlapError", "OverlapError"]


def test_one_mistake_made_many_times_is_told_once(lab: Any) -> None:
    pulse = lab.shutter.pulse(1 * us)
    blocks = [parallel(pulse, pulse)] * 2 + [delay(1 * us)]
    assert len(told(lambda: compiled(lab, *(repeat(block, 3) for block in blocks)))) == 1


# Where segments meet.


def test_spacing_is_kept_across_seams(lab: Any) -> None:
    pulse, marker = lab.shutter.pulse(1 * us), lab.marker.pulse(1 * us)
    close = serial(pulse, delay(12 * ns))
    told_text = (
        f"SpacingError: channel 'shutter' has two events 12 ns apart (this and {pulse.source}); "
        "it needs at least 20 ns between them"
    )
    assert told(lambda: compiled(lab, close, repeat(pulse, 1))) == [told_text]
    assert told(lambda: compiled(lab, repeat(close, 1), pulse)) == [told_text]
    assert told(lambda: compiled(lab, repeat(close, 2))) == [told_text]
    assert told(lambda: compiled(lab, repeat(repeat(close, 1), 10**9))) == [told_text]
    compiled(lab, repeat(close, 1), marker)
    compiled(lab, repeat(serial(pulse, delay(20 * ns)), 2))


def test_spacing_is_kept_across_segments_that_do_not_use_the_channel(lab: Any) -> None:
    pulse = lab.shutter.pulse(1 * us)
    tick = repeat(lab.marker.pulse(1 * ns), 1)
    before, after = serial(pulse, delay(7 * ns)), serial(delay(8 * ns), pulse)
    assert told(lambda: compiled(lab, before, tick, after))[0].startswith(
        "SpacingError: channel 'shutter' has two events 16 ns apart"
    )
    compiled(lab, before, delay(4 * ns), tick, after)
    compiled(lab, before, repeat(lab.marker.pulse(1 * ns), 5), after)
    ends_with_a_pulse = serial(repeat(lab.marker.pulse(30 * ns), 1), pulse, delay(12 * ns))
    compiled(lab, repeat(ends_with_a_pulse, 2))


def test_ramps_meet_at_seams_without_a_collision(lab: Any) -> None:
    up, level = lab.endcap.ramp(0.0, 1.0, 5 * us), lab.endcap.set(0.0)
    compiled(lab, repeat(up, 3), up)
    assert told(lambda: compiled(lab, repeat(serial(level, up), 2))) == [
        f"SpacingError: channel 'endcap' has two events 0 s apart (this and {up.source}); "
        "it needs at least 1 us between them"
    ]


def test_attempts_are_compared_with_themselves(lab: Any) -> None:
    click = readout("click")
    body = serial(lab.shutter.pulse(1 * us), delay(10 * ns), lab.apd.gate(5 * ns, click))
    compiled(lab, attempt(body, until=herald(click), maximum=1))
    with pytest.raises(AuthoringError, match="two events 15 ns apart"):
        compiled(lab, attempt(body, until=herald(click), maximum=2))


def test_deeply_nested_loops_are_checked_in_linear_time(lab: Any) -> None:
    body: Block = lab.shutter.pulse(1 * us)
    for _ in range(60):
        body = repeat(body, 2)
    assert compiled(lab, body).events == 2


def test_a_limit_at_its_end_is_allowed() -> None:
    limits = (Limit(Quantity.VOLTAGE, -1.0, 1.0),)
    target = Target("t", 1 * ns, (Channel("coil", Kind.DAC, 0, 8 * ns, limits=limits),))
    coil = Electrode.of(target, "coil")
    assert compile_sequence(sequence("s", coil.ramp(-1.0, 1.0, 800 * ns)), target).events == 100
