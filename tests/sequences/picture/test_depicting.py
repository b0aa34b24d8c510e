"""What a picture shows is what was written: in physical units, at the time of light, every loop once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequences import AttemptLoop, Branch, Herald, RepeatLoop, ShotValues, Wait
from sequences.picture import Bracket, Group, Mark, Picture, Stretch, depict


def spans(picture: Picture, channel: str) -> list[tuple[float, float]]:
    """Start and stop, in ns, of the bars or gates of a channel."""
    names = [row.channel for row in picture.rows]
    found = []
    for columns in (picture.bars, picture.gates):
        own = columns.row == (names.index(channel) if channel in names else -1)
        times = zip(columns.start[own].tolist(), columns.stop[own].tolist(), strict=True)
        found += [(round(start * 1e9, 6), round(stop * 1e9, 6)) for start, stop in times]
    return found


def test_light_is_drawn_when_it_was_written(hand: Any) -> None:
    sketch = hand.sketch().line(0, 100).tone(0, 400, 80e6).tone(40, 80, 81e6, channel="slow").gate(7, 90, 0)
    picture = depict(hand.program(sketch.play(500)))
    assert spans(picture, "shutter") == [(0, 100)]
    assert spans(picture, "tone") == [(0, 400)]
    assert spans(picture, "slow") == [(40, 80)]
    assert spans(picture, "apd") == [(7, 90)]
    assert picture.duration == pytest.approx(500e-9)


def test_electronics_plays_faster_channels_later(hand: Any) -> None:
    sketch = hand.sketch().line(0, 100).tone(0, 400, 80e6).tone(40, 80, 81e6, channel="slow")
    picture = depict(hand.program(sketch.play(500)), electronics=True)
    assert spans(picture, "tone") == [(0, 400)]  # the slowest sets the lead of 600 ns
    assert spans(picture, "slow") == [(440, 480)]
    assert spans(picture, "shutter") == [(600, 700)]
    assert picture.duration == pytest.approx(700e-9)


def test_labels_stand_where_their_light_is(hand: Any) -> None:
    play = hand.sketch().tone(0, 40, 80e6).label("t0", 40).play(40)
    assert [mark.time for mark in depict(hand.program(play)).marks] == pytest.approx([40e-9])
    electronics = depict(hand.program(play), electronics=True)
    assert [mark.time for mark in electronics.marks] == pytest.approx([640e-9])


def test_rows_are_used_channels_group_by_group(hand: Any) -> None:
    sketch = hand.sketch().gate(0, 1000, 2, "camera").volts(0, [1.0]).line(0, 10).tone(0, 8, 1e6)
    rows = depict(hand.program(sketch.play(1000))).rows
    assert [row.channel for row in rows] == ["shutter", "tone", "endcap", "camera"]
    assert [row.group for row in rows] == [Group.LINES, Group.TONES, Group.ELECTRODES, Group.CAMERAS]


def test_a_tone_tells_what_it_plays(hand: Any) -> None:
    sketch = hand.sketch().tone(0, 400, 80.1e6, 0.25, 0.125, source=3)
    picture = depict(hand.program(sketch.play(400)))
    bars = picture.bars
    assert (bars.frequency[0], bars.amplitude[0], bars.phase[0]) == (80.1e6, 0.25, 0.125)
    assert bars.texts() == ["80.1 MHz · a 0.25 · φ 0.125"]
    assert str(picture.source(int(bars.source[0]))) == "node.py:40"
    assert picture.source(99) is None


def test_a_line_has_no_wave(hand: Any) -> None:
    bars = depict(hand.program(hand.sketch().line(0, 5).play(5))).bars
    assert np.isnan([bars.frequency[0], bars.amplitude[0], bars.phase[0]]).all()
    assert bars.texts() == [""]


def test_back_to_back_pulses_are_two(hand: Any) -> None:
    sketch = hand.sketch().line(0, 50).line(50, 90).tone(0, 40, 80e6).tone(40, 80, 80e6, phase=0.5)
    picture = depict(hand.program(sketch.play(100)))
    assert spans(picture, "shutter") == [(0, 50), (50, 90)]
    assert spans(picture, "tone") == [(0, 40), (40, 80)]
    assert picture.bars.phase[picture.bars.row == 1].tolist() == [0.0, 0.5]


def test_an_envelope_is_one_bar_with_samples(hand: Any) -> None:
    sketch = hand.sketch().tone(0, 40, 70e6).tone(100, 180, 80e6, [0.1, 0.5, 0.4, 0.2])
    picture = depict(hand.program(sketch.play(200)))
    assert spans(picture, "tone") == [(0, 40), (100, 180)]
    assert picture.bars.count.tolist() == [0, 4]
    assert picture.bars.amplitude[1] == 0.5
    own = slice(int(picture.bars.first[1]), None)
    assert picture.envelopes.value[own].tolist() == [0.1, 0.5, 0.4, 0.2]
    assert picture.envelopes.time[own] == pytest.approx(np.array([100, 120, 140, 160]) * 1e-9)


def test_what_stays_on_goes_over_seams_and_to_the_end(hand: Any) -> None:
    first = hand.sketch().tone(20, None, 80e6).play(100)
    second = hand.sketch().tone(60, None, 81e6, channel="slow").off(40).play(200)
    picture = depict(hand.program(first, second))
    assert spans(picture, "tone") == [(20, 140)]
    assert spans(picture, "slow") == [(160, 300)]


def test_samples_of_one_line_are_one_stroke(hand: Any) -> None:
    sketch = hand.sketch().volts(0, [5.0], source=1).volts(2000, [4.0, 3.0, 2.0], source=2)
    sketch.volts(8000, [1.0, 0.0], source=2)  # the same line again, later
    picture = depict(hand.program(sketch.play(10_000)))
    assert picture.strokes.count.tolist() == [1, 3, 2]
    assert picture.strokes.start == pytest.approx([0, 2e-6, 8e-6])
    assert picture.strokes.stop == pytest.approx([0, 4e-6, 9e-6])
    assert picture.voltages.value[picture.voltages_of(0)].tolist() == [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]


def test_a_slow_waveform_is_one_stroke(hand: Any) -> None:
    """Its samples are further apart than the channel asks for, but evenly."""
    sketch = hand.sketch().volts(0, [1.0, 2.0, 0.5, 3.0], period=7000)
    sketch.volts(100_000, [1.0, 2.0], period=9000)
    assert depict(hand.program(sketch.play(200_000))).strokes.count.tolist() == [4, 1, 1]


def test_a_row_without_voltages_has_none(hand: Any) -> None:
    picture = depict(hand.program(hand.sketch().line(0, 5).play(5)))
    assert picture.voltages_of(0) == slice(0, 0)


def test_gates_know_their_readouts(hand: Any) -> None:
    sketch = hand.sketch().gate(0, 100, 0).gate(100, 150, 1).gate(0, 1000, 2, "camera")
    picture = depict(hand.program(sketch.play(1000)))
    assert spans(picture, "apd") == [(0, 100), (100, 150)]
    names = [picture.readout_name(row) for row in picture.gates.readout.tolist()]
    assert sorted(names) == ["herald[0]", "herald[1]", "ions"]


def test_a_gate_that_nobody_closes_stays_open(hand: Any) -> None:
    sketch = hand.sketch().gate(10, 20, 0)
    sketch.events = [event for event in sketch.events if event[0] == 10]
    assert spans(depict(hand.program(sketch.play(400))), "apd") == [(10, 400)]


def test_loops_are_drawn_once(hand: Any) -> None:
    body = hand.sketch().line(0, 50).play(100)
    loop = RepeatLoop(1000, (RepeatLoop(20, (body,)), body))
    picture = depict(hand.program(body, loop, body))
    assert spans(picture, "shutter") == [(0, 50), (100, 150), (200, 250), (300, 350)]
    told = [(f.bracket, f.text, round(f.start * 1e9), round(f.stop * 1e9), f.depth) for f in picture.folds]
    assert told == [(Bracket.REPEAT, "× 1000", 100, 300, 0), (Bracket.REPEAT, "× 20", 100, 200, 1)]


def test_an_attempt_loop_tells_how_it_ends(hand: Any) -> None:
    body, pause = hand.sketch().gate(0, 50, 0).play(100), hand.sketch().line(0, 70).play(70)
    loop = AttemptLoop(1000, Herald((0, 1)), (body,), timeout=10_000_000, every=50, between=(pause,))
    attempt, between = depict(hand.program(loop)).folds
    assert attempt.text == "until a click in herald[0–1], at most 1000 ×, within 10 ms"
    assert attempt.brief == "≤1000×"
    assert (between.text, between.brief) == ("after every 50 failed attempts", "every 50")
    assert (attempt.start, attempt.stop) == (0, pytest.approx(100e-9))
    assert (between.start, between.stop) == (attempt.stop, pytest.approx(170e-9))


def test_both_ways_of_a_branch_begin_alike(hand: Any) -> None:
    before = hand.sketch().tone(0, None, 80e6, 0.5).volts(0, [3.0]).play(1000)
    then = hand.sketch().off(400).line(0, 900).volts(0, [9.0], source=1).play(1000)
    otherwise = hand.sketch().volts(8, [4.0], source=2).play(1000)
    branch = Branch(Herald((0,)), (then,), (otherwise,))
    picture = depict(hand.program(before, branch, hand.sketch().off(0).play(0)))
    assert [fold.text for fold in picture.folds] == [
        "if a click in herald[0]",
        "unless a click in herald[0]",
    ]
    assert spans(picture, "tone") == [(0, 1400), (2000, 3000)]  # on again for the other way
    assert spans(picture, "shutter") == [(1000, 1900)]
    assert picture.voltages.value.tolist() == [3.0, 9.0, 3.0, 4.0]
    assert picture.bars.amplitude[picture.bars.row == 1].tolist() == [0.5, 0.5]


def test_a_branch_without_one_way_has_one_bracket(hand: Any) -> None:
    way = hand.sketch().line(0, 10).play(10)
    picture = depict(hand.program(Branch(Herald((0,), 0, 0), (way,), ())))
    assert [(fold.bracket, fold.text) for fold in picture.folds] == [
        (Bracket.THEN, "if no click in herald[0]")
    ]


def test_a_wait_is_a_mark_on_its_trigger(hand: Any) -> None:
    body = hand.sketch().line(0, 10).play(100)
    picture = depict(hand.program(body, Wait(4, 20_000_000), body))
    assert picture.rows[-1].group is Group.TRIGGERS
    assert picture.marks == (Mark("wait for lock, at most 20 ms", pytest.approx(100e-9), 1),)


def test_labels_are_marks_and_stretches(hand: Any) -> None:
    sketch = hand.sketch().line(0, 10).label("outer", 0, 90).label("second", 40, 90).label("first", 0, 40)
    sketch.label("t0", 40)
    picture = depict(hand.program(hand.sketch().play(1000), sketch.play(100)))
    assert picture.marks == (Mark("t0", pytest.approx(1040e-9)),)
    assert [(stretch.name, stretch.depth) for stretch in picture.stretches] == [
        ("outer", 0),
        ("first", 1),
        ("second", 1),
    ]
    assert picture.stretches[1] == Stretch("first", pytest.approx(1000e-9), pytest.approx(1040e-9), 1)


def test_values_that_change_from_shot_to_shot_are_marked(hand: Any) -> None:
    play = hand.sketch().tone(0, 40, 80e6).tone(100, 140, 81e6).play(200)
    row = int(np.flatnonzero(play.timeline.value == 81e6)[0])
    changing = ShotValues(0, np.array([row]), np.array([[81e6], [82e6]]))
    program = hand.program(play, shot_values=(changing,))
    assert depict(program).bars.changing.tolist() == [False, True]
    assert depict(program).bars.frequency.tolist() == [80e6, 81e6]
    assert depict(program, shot=1).bars.frequency.tolist() == [80e6, 82e6]


def test_a_program_of_nothing_is_an_empty_picture(hand: Any) -> None:
    picture = depict(hand.program())
    assert (picture.rows, picture.duration, len(picture.bars), len(picture.gates)) == ((), 0.0, 0, 0)
    assert (len(picture.strokes), len(picture.voltages), picture.folds) == (0, 0, ())


@given(gaps=st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), min_size=1, max_size=30))
def test_every_pulse_is_found_again(hand: Any, gaps: list[tuple[int, int]]) -> None:
    """Pulses at random times, touching or not, on three channels, are drawn as they were written."""
    sketch, cursor, written = hand.sketch(), 0, []
    for gap, duration in gaps:
        start, stop = cursor + 4 * gap, cursor + 4 * (gap + duration)
        written.append((start, stop))
        sketch.line(start, stop).tone(start, stop, 80e6, 0.5).tone(start, stop, 90e6, channel="slow")
        cursor = stop
    picture = depict(hand.program(sketch.play(cursor)))
    for channel in ("shutter", "tone", "slow"):
        assert spans(picture, channel) == written
