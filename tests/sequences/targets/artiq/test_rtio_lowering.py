"""Timelines as RTIO events: the words of ARTIQ's own drivers, at the times that the timeline asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kasli_bench import make_kasli, make_timeline, tone_rows

from sequences import CompileError, Operation, Source, Timeline
from sequences.errors import LimitError, SpacingError
from sequences.targets.artiq import (
    Fastino,
    Kasli,
    PhaseMode,
    RtioEvents,
    Situation,
    Tone,
    Urukul,
    Zotino,
    lower_timeline,
    programming_time,
)
from sequences.targets.artiq.bus import Quiet
from sequences.targets.artiq.errors import ProgrammingError, UnknownToneError

LEVEL, FREQUENCY, PHASE, AMPLITUDE = (
    Operation.LEVEL,
    Operation.FREQUENCY,
    Operation.PHASE,
    Operation.AMPLITUDE,
)
VOLTAGE, OPEN, CLOSE = Operation.VOLTAGE, Operation.OPEN, Operation.CLOSE

Rows = Callable[..., Timeline]
ToneRows = Callable[..., tuple[object, ...]]
Event = tuple[int, int, int, int]


def words(events: RtioEvents, *channels: int) -> list[Event]:
    columns = events.timestamp, events.channel, events.address, events.data
    found = zip(*(column.tolist() for column in columns), strict=True)
    return [event for event in found if not channels or event[1] in channels]


def updates(events: RtioEvents, io_update: int = 21) -> list[int]:
    return [time for time, channel, _, data in words(events, io_update) if data]


# What ARTIQ's driver sends for `set(80 MHz, phase 0.25, amplitude 0.5)`, before IO_UPDATE at 0.
SET_80_MHZ = [
    (-1248, 20, 1, 0x05000708),
    (-1240, 20, 0, 0x15000000),
    (-1088, 20, 1, 0x05001F08),
    (-1080, 20, 0, 0x20004000),
    (-544, 20, 1, 0x05001F0A),
    (-536, 20, 0, 0x147AE148),
    (0, 21, 0, 1),
    (8, 21, 0, 0),
]


def test_line(kasli: Kasli, rows: Rows) -> None:
    timeline = rows(
        900,
        (3, "line", LEVEL, 1),
        (40, "line", LEVEL, 0),
        (40, "line", LEVEL, 1),  # the next pulse begins at once: the line stays high
        (55, "line", LEVEL, 0),
    )
    events = lower_timeline(timeline, kasli).events
    assert words(events) == [(3, 4, 0, 1), (40, 4, 0, 1), (55, 4, 0, 0)]
    assert events.duration == 900


def test_camera_is_exposed_by_a_line(kasli: Kasli, rows: Rows, sources: tuple[Source, ...]) -> None:
    timeline = rows(900, (10, "camera", OPEN, 0), (500, "camera", CLOSE, 0))
    assert words(lower_timeline(timeline, kasli).events) == [(10, 5, 0, 1), (500, 5, 0, 0)]
    twice = rows(
        900,
        (10, "camera", OPEN, 0, 1),
        (500, "camera", CLOSE, 0, 1),
        (500, "camera", OPEN, 1, 2),
        (600, "camera", CLOSE, 1, 2),
    )
    with pytest.raises(SpacingError) as caught:
        lower_timeline(twice, kasli, sources=sources)
    assert str(caught.value) == (
        "shot.py:3: channel 'camera' has two events 0 s apart (this and shot.py:2); "
        "it needs at least 1 ns between them"
    )


def test_edge_counter(kasli: Kasli, rows: Rows) -> None:
    timeline = rows(
        900,
        (80, "apd", OPEN, 0),
        (160, "apd", CLOSE, 0),
        (160, "apd", OPEN, 1),
        (240, "apd", CLOSE, 1),
    )
    assert words(lower_timeline(timeline, kasli).events) == [
        (80, 50, 0, 0b1001),
        (160, 50, 0, 0b1101),
        (240, 50, 0, 0b0100),
    ]


def test_gated_input(kasli: Kasli, rows: Rows) -> None:
    timeline = rows(900, (80, "edges", OPEN, 0), (160, "edges", CLOSE, 0))
    assert words(lower_timeline(timeline, kasli).events) == [(80, 51, 2, 1), (160, 51, 2, 0)]


def test_urukul(kasli: Kasli, rows: Rows, tone: ToneRows) -> None:
    timeline = rows(20_000, *tone(10_000, "tone", 80e6, 0.25, 0.5), (12_000, "tone", AMPLITUDE, 0))
    lowered = lower_timeline(timeline, kasli)
    assert words(lowered.events, 20, 21) == [(10_000 + t, *rest) for t, *rest in SET_80_MHZ]
    assert words(lowered.events, 23) == [(10_000, 23, 0, 1), (12_000, 23, 0, 0)]
    assert lowered.busy == 10_008
    assert programming_time(PhaseMode.CONTINUOUS) == 1248


def test_words_of_early_tones_precede_the_timeline(kasli: Kasli, rows: Rows, tone: ToneRows) -> None:
    events = lower_timeline(rows(20_000, *tone(0, "tone", 80e6)), kasli).events
    assert events.timestamp[0] == -1248
    assert events.before == 1248


def test_a_tone_that_did_not_change_is_only_switched(kasli: Kasli, rows: Rows, tone: ToneRows) -> None:
    pulses = (
        *tone(10_000, "tone", 80e6),
        (11_000, "tone", AMPLITUDE, 0),
        *tone(11_200, "tone", 80e6),
        (11_300, "tone", AMPLITUDE, 0),
    )
    events = lower_timeline(rows(20_000, *pulses), kasli).events
    assert updates(events) == [10_000]
    assert [time for time, *_ in words(events, 23)] == [10_000, 11_000, 11_200, 11_300]
    changed = lower_timeline(rows(20_000, *pulses, *tone(14_000, "tone", 80e6, 0.5)), kasli).events
    assert updates(changed) == [10_000, 14_000]


def test_back_to_back_tones_keep_the_switch_closed(kasli: Kasli, rows: Rows, tone: ToneRows) -> None:
    timeline = rows(
        20_000,
        *tone(4000, "tone", 80e6),
        (8000, "tone", AMPLITUDE, 0),
        *tone(8000, "tone", 90e6),
        (9000, "tone", AMPLITUDE, 0),
    )
    events = lower_timeline(timeline, kasli).events
    assert words(events, 23) == [(4000, 23, 0, 1), (9000, 23, 0, 0)]
    assert updates(events) == [4000, 8000]


def test_a_tone_that_is_on_changes_in_parts(kasli: Kasli, rows: Rows, tone: ToneRows) -> None:
    timeline = rows(
        20_000,
        *tone(4000, "tone", 80e6, 0.25, 0.5),
        (8000, "tone", PHASE, 0.5),
        (12_000, "tone", AMPLITUDE, 1.0),
    )
    events = lower_timeline(timeline, kasli).events
    upper = [data for _, _, address, data in words(events, 20) if address == 0][1::3]
    assert [hex(word) for word in upper] == ["0x20004000", "0x20008000", "0x3fff8000"]


def test_channels_of_one_board_take_effect_together(kasli: Kasli, rows: Rows, tone: ToneRows) -> None:
    timeline = rows(20_000, *tone(10_000, "tone", 80e6), *tone(10_000, "second_tone", 80e6))
    events = lower_timeline(timeline, kasli).events
    assert updates(events) == [10_000]
    first, second = words(events, 20)[:6], words(events, 20)[6:]
    assert [time - 10_000 for time, *_ in first] == [t - 1248 for t, *_ in SET_80_MHZ[:6]]
    assert [time - 10_000 for time, *_ in second] == [t for t, *_ in SET_80_MHZ[:6]]
    assert {word >> 24 for _, _, address, word in second if address == 1} == {6}


def test_updates_between_coarse_cycles(kasli: Kasli, rows: Rows, tone: ToneRows) -> None:
    """SPI words start on a cycle, IO_UPDATE where the tone is asked for."""
    events = lower_timeline(rows(20_000, *tone(10_004, "tracked", 80e6)), kasli).events
    assert updates(events, 27) == [10_004]
    assert (events.timestamp[events.channel == 26] % 8 == 0).all()
    before = events.timestamp[(events.channel == 26) & (events.timestamp < 10_004)]
    assert before.max() + 536 <= 10_004
    assert words(events, 26)[-4][0] == 10_016


TRACKED_BEFORE = [
    (-1952, 26, 1, 0x04000708),
    (-1944, 26, 0, 0x00000000),  # CFR1
    (-1792, 26, 1, 0x04001F0A),
    (-1784, 26, 0, 0x00002002),  # the next IO_UPDATE clears the phase
]
TRACKED_AFTER = [
    (8, 26, 1, 0x04000708),
    (16, 26, 0, 0x00000000),
    (168, 26, 1, 0x04001F0A),
    (176, 26, 0, 0x00000002),
]


def test_tracked_tones_clear_the_phase_with_their_update(kasli: Kasli, rows: Rows, tone: ToneRows) -> None:
    lowered = lower_timeline(rows(20_000, *tone(10_000, "tracked", 80e6)), kasli)
    spi = words(lowered.events, 26)
    assert spi[:4] == [(10_000 + t, *rest) for t, *rest in TRACKED_BEFORE]
    assert spi[-4:] == [(10_000 + t, *rest) for t, *rest in TRACKED_AFTER]
    assert len(spi) == 4 + 6 + 4
    assert lowered.busy == 10_000 + 8 + 704
    assert programming_time(PhaseMode.TRACKING) == 1952 + 8 + 704


@given(
    st.lists(st.tuples(st.floats(1e6, 400e6), st.floats(-3, 3)), min_size=1, max_size=5),
    st.integers(0, 2**40),
)
def test_tracked_tones_are_coherent(pulses: list[tuple[float, float]], elapsed: int) -> None:
    """At every update the accumulator is zero: the phase word has to be phase + f t, with the real f.

    The chip is worked out here in whole numbers of any size.
    """
    times = [4000 * (number + 1) for number in range(len(pulses))]
    timeline = make_timeline(
        10**6,
        *(
            row
            for time, (f, p) in zip(times, pulses, strict=True)
            for row in tone_rows(time, "tracked", f, p)
        ),
    )
    kasli = make_kasli()
    events = lower_timeline(timeline, kasli, Situation(elapsed)).events
    data = [word for _, _, address, word in words(events, 26) if address == 0]
    shots = dict(zip(updates(events, 27), zip(data[3::7], data[4::7], strict=True), strict=True))
    held = None
    for time, (frequency, phase) in zip(times, pulses, strict=True):
        wanted = round(frequency / 1e9 * 2**32), round(phase * 2**16) % 2**16
        if wanted == held:
            assert time not in shots
            continue
        held = wanted
        upper, ftw = shots[time]
        assert ftw == wanted[0]
        accumulated = ftw * (time + elapsed) // 2**16
        assert (upper & 0xFFFF) == (wanted[1] + accumulated) % 2**16


def test_the_situation_is_handed_on(kasli: Kasli, rows: Rows, tone: ToneRows) -> None:
    first = lower_timeline(rows(20_000, *tone(18_000, "tracked", 80e6)), kasli)
    assert first.after.tones[4] == Tone(343_597_384, 0, 0x3FFF, is_on=True)
    assert (first.after.elapsed, first.after.quiet) == (20_000, {26: Quiet(2000 - 712, 0)})
    off = lower_timeline(rows(20_000, (50, "tracked", AMPLITUDE, 0)), kasli, first.after)
    assert words(off.events) == [(50, 28, 0, 0)]
    assert off.after.tones[4].is_on is False
    assert off.after.quiet[26].units == 2000 - 712 + 20_000
    again = lower_timeline(rows(20_000, *tone(1_000, "tracked", 80e6)), kasli, off.after)
    assert words(again.events) == [(1000, 28, 0, 1)]
    later = lower_timeline(rows(20_000, *tone(5_000, "tracked", 90e6)), kasli, off.after)
    upper = [word for _, _, address, word in words(later.events, 26) if address == 0][3]
    assert upper & 0xFFFF == round(90e6 / 1e9 * 2**32) * 45_000 // 2**16 % 2**16


def test_situations_of_two_ways_merge() -> None:
    tone = Tone(1, 2, 3)
    one = Situation(5, {2: tone, 3: tone, 4: tone}, {20: Quiet(7, 0), 26: Quiet(1, 0)})
    other = Situation(9, {2: tone, 3: Tone(1, 2, 4)}, {20: Quiet(5, 1), 32: Quiet(8, 1)})
    merged = one.merged(other)
    assert merged.tones == {2: tone}
    assert merged.quiet == {20: Quiet(5, 1), 26: Quiet(1, 0), 32: Quiet(8, 1)}
    restarted = one.restarted(frozenset({3}), rested=True)
    assert (restarted.elapsed, restarted.quiet) == (0, {})
    assert [restarted.tones[number].is_current for number in (2, 3, 4)] == [True, False, True]


def test_zotino(kasli: Kasli, rows: Rows) -> None:
    """`set_dac([1.0, -2.5], [0, 5])` of ARTIQ's driver at 125 000."""
    timeline = rows(200_000, (125_000, "endcap", VOLTAGE, 1.0), (125_000, "second_endcap", VOLTAGE, -2.5))
    assert words(lower_timeline(timeline, kasli).events) == [
        (121_884, 32, 0, 0xC88CCD00),
        (122_692, 32, 0, 0xCD600000),
        (125_000, 33, 0, 0),
        (125_016, 33, 0, 1),
    ]


def test_fastino(kasli: Kasli, rows: Rows) -> None:
    timeline = rows(
        9000, (800, "blade", VOLTAGE, 1.25), (800, "second_blade", VOLTAGE, -10.0), (816, "blade", VOLTAGE, 0)
    )
    # two words in one cycle would collide: the first goes a cycle earlier
    assert words(lower_timeline(timeline, kasli).events) == [
        (792, 40, 3, 0x9000),
        (800, 40, 7, 0),
        (816, 40, 3, 0x8000),
    ]


def test_ticks_that_are_several_machine_units(kasli: Kasli, rows: Rows) -> None:
    channels = tuple(replace(c, grid=c.grid * 8) for c in kasli.target.channels)
    slow = Kasli(replace(kasli.target, period=8e-9, channels=channels), kasli.devices)
    events = lower_timeline(rows(100, (3, "line", LEVEL, 1)), slow).events
    assert (words(events), events.duration) == ([(24, 4, 0, 1)], 800)


def told(
    timeline: Timeline, kasli: Kasli, sources: tuple[Source, ...], situation: Situation | None = None
) -> str:
    with pytest.raises((ProgrammingError, UnknownToneError, LimitError, CompileError)) as caught:
        lower_timeline(timeline, kasli, situation, sources)
    return str(caught.value)


def test_changes_that_are_too_close_name_both_lines(
    kasli: Kasli, rows: Rows, tone: ToneRows, sources: tuple[Source, ...]
) -> None:
    timeline = rows(
        20_000,
        *tone(10_000, "tone", 80e6, source=0),
        *tone(11_000, "second_tone", 80e6, source=1),
    )
    assert told(timeline, kasli, sources) == (
        "shot.py:2: changing 'second_tone' at 11 us takes 1.248 us on the SPI bus 20 beforehand, which is "
        "still occupied by shot.py:1 for another 256 ns; move the two 256 ns further apart, change both at "
        "one time, or use channels of two boards"
    )
    apart = rows(20_000, *tone(10_000, "tone", 80e6), *tone(11_256, "second_tone", 80e6))
    assert updates(lower_timeline(apart, kasli).events) == [10_000, 11_256]


def test_one_pair_of_lines_is_told_once(kasli: Kasli, rows: Rows, sources: tuple[Source, ...]) -> None:
    steps = [(10_000 + 1000 * n, "endcap", VOLTAGE, n / 10, 4) for n in range(50)]
    assert told(rows(90_000, *steps), kasli, sources) == (
        "shot.py:5: changing 'endcap' at 11 us takes 2.308 us on the SPI bus 32 beforehand, which is still "
        "occupied by shot.py:5 for another 1.324 us; move the two 1.324 us further apart, change both at one "
        "time, or use channels of two boards"
    )


def test_changes_too_early_in_a_timeline(
    kasli: Kasli, rows: Rows, tone: ToneRows, sources: tuple[Source, ...]
) -> None:
    timeline = rows(20_000, *tone(1000, "tone", 80e6, source=3), *tone(1000, "second_tone", 80e6, source=4))
    at_once = Situation(quiet={20: Quiet(0, -1)})
    assert told(timeline, kasli, sources, at_once) == (
        "shot.py:4: changing 'tone' and 'second_tone' at 1 us takes 2.496 us on the SPI bus 20 beforehand, "
        "1.496 us more than there is since the start of the timeline; begin it 1.496 us later"
    )
    after_another = Situation(quiet={20: Quiet(200, 8)})
    assert "which is still occupied by shot.py:9 for another 1.296 us" in told(
        timeline, kasli, sources, after_another
    )


def test_an_unknown_tone_cannot_be_changed_in_part(
    kasli: Kasli, rows: Rows, sources: tuple[Source, ...]
) -> None:
    timeline = rows(20_000, (5000, "tone", AMPLITUDE, 0.5, 6))
    assert told(timeline, kasli, sources) == (
        "shot.py:7: channel 'tone' is switched on without frequency and phase, and what it played before is "
        "not known here; set frequency, phase and amplitude together"
    )
    assert (
        len(lower_timeline(timeline, kasli, Situation(tones={2: Tone(1, 2, 3, is_current=False)})).events)
        == 9
    )


def test_values_that_the_hardware_does_not_have(
    kasli: Kasli, rows: Rows, tone: ToneRows, sources: tuple[Source, ...]
) -> None:
    timeline = rows(
        90_000,
        *tone(10_000, "tone", 600e6, amplitude=1.5, source=0),
        (20_000, "endcap", VOLTAGE, 10.1, 1),
        (20_000, "blade", VOLTAGE, -10.1, 2),
    )
    assert told(timeline, kasli, sources) == (
        "4 problems in the sequence:\n"
        "  shot.py:1: frequency 600 MHz on channel 'tone' is outside its limits 0 Hz to 500 MHz\n"
        "  shot.py:1: amplitude 1.5 on channel 'tone' is outside its limits 0 to 1\n"
        "  shot.py:2: voltage 10.1 V on channel 'endcap' is outside its limits -10 V to 9.99969482 V\n"
        "  shot.py:3: voltage -10.1 V on channel 'blade' is outside its limits -10 V to 9.99969482 V"
    )


def test_gain_of_an_amplifier(crate: Callable[..., Kasli], rows: Rows) -> None:
    kasli = crate(endcap=Zotino(32, 33, 0, gain=-100.0), blade=Fastino(40, 3, gain=100.0))
    timeline = rows(90_000, (20_000, "endcap", VOLTAGE, -100.0), (20_000, "blade", VOLTAGE, 125.0))
    data = [word for *_, word in words(lower_timeline(timeline, kasli).events, 32, 40)]
    assert data == [0xC88CCD00, 0x9000]


def test_other_clocks_of_the_chip(crate: Callable[..., Kasli], rows: Rows, tone: ToneRows) -> None:
    kasli = crate(tracked=Urukul(26, 0, 27, 28, sysclk=2e9, profile=0))
    events = lower_timeline(rows(20_000, *tone(4000, "tracked", 500e6)), kasli).events
    data = [word for _, _, address, word in words(events, 26) if address == 0]
    assert data[2] == 0x0E000000
    assert data[4] == 2**30
    assert data[3] & 0xFFFF == 2**30 * 4000 * 2 // 2**16 % 2**16


def test_nothing_is_no_events(kasli: Kasli, rows: Rows) -> None:
    lowered = lower_timeline(rows(500), kasli)
    assert (len(lowered.events), lowered.events.duration, lowered.busy) == (0, 500, 0)
