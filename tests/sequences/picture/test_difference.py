"""What differs between two programs is found, told once, and told right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequences import Program, RepeatLoop, Source
from sequences.picture import Change, Deviation, compare, depict, deviation_text


def differences(old: Program, new: Program) -> tuple[Deviation, ...]:
    return compare(depict(old), depict(new))


def told(deviations: tuple[Deviation, ...]) -> list[tuple[str, str, str]]:
    return [(d.change.value, d.thing.channel, deviation_text(d)) for d in deviations]


def test_a_program_does_not_differ_from_itself(hand: Any) -> None:
    sketch = hand.sketch().line(0, 9).tone(0, 80, 80e6, [0.1, 0.2]).volts(0, [1.0, 2.0]).gate(0, 9, 0)
    program = hand.program(RepeatLoop(3, (sketch.play(100),)))
    assert differences(program, program) == ()


def test_the_line_of_code_is_no_difference(hand: Any) -> None:
    program = hand.program(hand.sketch().line(0, 9).play(10))
    moved = replace(program, sources=tuple(Source("other.py", 1) for _ in program.sources))
    assert differences(program, moved) == ()


def test_changed_values_are_told_with_all_digits(hand: Any) -> None:
    old = hand.program(hand.sketch().tone(0, 40, 80e6, 0.5, source=2).play(50))
    new = hand.program(hand.sketch().tone(0, 40, 80e6, 0.5000001, 0.25, source=3).play(50))
    (only,) = differences(old, new)
    assert told((only,)) == [
        ("changed", "tone", "80 MHz · a 0.5 -> 80 MHz · a 0.5000001 · φ 0.25"),
    ]
    assert only.before is not None
    assert only.after is not None
    assert (str(only.before.source), str(only.after.source)) == ("node.py:30", "node.py:40")


def test_a_longer_pulse_moves_what_follows(hand: Any) -> None:
    old = hand.program(hand.sketch().line(0, 40).tone(40, 80, 80e6).gate(40, 90, 0).play(100))
    new = hand.program(hand.sketch().line(0, 44).tone(44, 84, 80e6).gate(44, 94, 0).play(104))
    deviations = differences(old, new)
    assert told(deviations) == [
        ("changed", "shutter", "high, lasts 40 ns -> 44 ns"),
        ("moved", "tone", "80 MHz, moved by +4 ns"),
        ("moved", "apd", "gate herald[0], moved by +4 ns"),
    ]
    assert deviations[1].shift == pytest.approx(4e-9)


def test_added_and_removed(hand: Any) -> None:
    old = hand.program(hand.sketch().line(0, 40).line(60, 70).play(100))
    new = hand.program(hand.sketch().line(0, 40).line(60, 70).tone(20, 40, 80e6).play(100))
    assert told(differences(old, new)) == [("added", "tone", "80 MHz for 20 ns")]
    assert told(differences(new, old)) == [("removed", "tone", "80 MHz for 20 ns")]
    assert differences(old, new)[0].shift == 0


def test_an_odd_pulse_in_a_train_is_the_only_change(hand: Any) -> None:
    """The rest of the train has moved, and is not told as added and removed."""
    old, new = hand.sketch(), hand.sketch()
    for k in range(200):
        old.line(100 * k, 100 * k + 50)
        late = 7 * (k >= 80)
        new.line(100 * k + late, 100 * k + 50 + late + 3 * (k == 80))
    changes = [
        deviation.change for deviation in differences(hand.program(old.play(1)), hand.program(new.play(1)))
    ]
    assert changes.count(Change.CHANGED) == 1
    assert changes.count(Change.MOVED) == 119
    assert len(changes) == 120


def test_a_pulse_between_others_is_added(hand: Any) -> None:
    """Code with one pulse more: what follows has moved by its length."""
    lengths = [10, 20, 30, 40]
    old, new, cursor = hand.sketch(), hand.sketch(), 0
    for length in lengths:
        old.line(cursor, cursor + length)
        late = 20 if length > 20 else 0
        new.line(cursor + late, cursor + late + length)
        cursor += length + 10
    new.line(53, 58)
    found = differences(hand.program(old.play(200)), hand.program(new.play(200)))
    assert sorted(deviation.change for deviation in found) == [Change.ADDED, Change.MOVED, Change.MOVED]


def test_a_waveform_is_told_as_a_whole(hand: Any) -> None:
    old = hand.program(hand.sketch().volts(0, [0.0]).volts(1000, [1.0, 2.0, 3.0], source=1).play(5000))
    new = hand.program(hand.sketch().volts(0, [0.0]).volts(1000, [1.0, 2.5, 4.0], source=1).play(5000))
    assert told(differences(old, new)) == [
        ("changed", "endcap", "1 V to 3 V in 3 samples -> 1 V to 4 V in 3 samples"),
    ]


def test_an_envelope_is_compared_sample_by_sample(hand: Any) -> None:
    old = hand.program(hand.sketch().tone(0, 80, 80e6, [0.1, 0.5, 0.1, 0.1]).play(100))
    new = hand.program(hand.sketch().tone(0, 80, 80e6, [0.2, 0.5, 0.1, 0.1]).play(100))
    assert told(differences(old, new)) == [("changed", "tone", "80 MHz · a 0.5 shaped")]


def test_loops_are_compared_by_how_they_are_played(hand: Any) -> None:
    body = hand.sketch().line(0, 40).label("t0", 20).play(100)
    old, new = hand.program(RepeatLoop(10, (body,))), hand.program(RepeatLoop(20, (body,)))
    assert told(differences(old, new)) == [("changed", "", "× 10 -> × 20")]


def test_a_mark_that_moved_is_told(hand: Any) -> None:
    old = hand.program(hand.sketch().line(0, 40).label("t0", 20).play(100))
    new = hand.program(hand.sketch().line(0, 40).label("t0", 10).play(100))
    assert told(differences(old, new)) == [("moved", "", "mark t0, moved by -10 ns")]


Pulses = list[tuple[int, int, float]]
pulses = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9), st.sampled_from([80e6, 81e6])), max_size=12)


@given(old=pulses, new=pulses)
def test_differences_add_up(hand: Any, old: Pulses, new: Pulses) -> None:
    """Every thing of either program is in both, or in one deviation."""

    def program(written: Pulses) -> Program:
        sketch, cursor = hand.sketch(), 0
        for gap, duration, frequency in written:
            start, cursor = cursor + 4 * gap, cursor + 4 * (gap + duration)
            sketch.tone(start, cursor, frequency)
        return hand.program(sketch.play(cursor))

    there = differences(program(old), program(new))
    back = differences(program(new), program(old))
    before = [d.before for d in there if d.before is not None]
    after = [d.after for d in there if d.after is not None]
    assert len(old) - len(before) == len(new) - len(after) >= 0
    assert len(set(before)) == len(before)
    assert len(set(after)) == len(after)
    assert (there == ()) == (back == ())
