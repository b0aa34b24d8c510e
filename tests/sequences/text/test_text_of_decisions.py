"""The text of what a core decides by itself, and of what changes from shot to shot."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sequences import (
    Channel,
    Detector,
    Dispatcher,
    Edge,
    Electrode,
    Envelope,
    Frame,
    Kind,
    Line,
    MHz,
    Program,
    Target,
    Tone,
    Trigger,
    at,
    attempt,
    branch,
    compile_sequence,
    delay,
    herald,
    mark,
    ms,
    named,
    ns,
    parallel,
    parse_program,
    pattern,
    per_shot,
    print_program,
    readout,
    sequence,
    serial,
    us,
)
from sequences.errors import TextError

LAB = Target(
    "deciding lab",
    1 * ns,
    (
        Channel("marker", Kind.TTL, 0, 8 * ns, pulse=16 * ns),
        Channel("picker", Kind.TTL, 1, 8 * ns),
        Channel("qubit", Kind.DDS, 2, 8 * ns, update=1 * us, bus="card 1", programming=0.8 * us),
        Channel("coil", Kind.DAC, 3, 8 * ns, spacing=1 * us, slew=1e6, bus="dac", programming=0.8 * us),
        Channel("h", Kind.COUNTER, 4, 8 * ns),
        Channel("v", Kind.COUNTER, 5, 8 * ns),
        Channel("mains", Kind.TRIGGER, 6, 8 * ns),
    ),
    Dispatcher(lanes=4, longest=10.0),
)
MARKER, PICKER = Line.of(LAB, "marker"), Line.of(LAB, "picker")
QUBIT, COIL, MAINS = Tone.of(LAB, "qubit"), Electrode.of(LAB, "coil"), Trigger.of(LAB, "mains")
H, V = Detector.of(LAB, "h"), Detector.of(LAB, "v")


def deciding() -> Program:
    """Every construct that decides, waits, changes or names something."""
    h, v = readout("h"), readout("v")
    frame = Frame(QUBIT, 230 * MHz, passes=2)
    soft = Envelope(Edge.SINE_SQUARED, rise=2 * us)
    one_try = serial(
        delay(8 * us), named("photon", parallel(H.gate(2 * us, h), V.gate(2 * us, v))), delay(10 * us)
    )
    body = serial(
        delay(8 * us),
        MARKER.on(),
        COIL.play([0.5, 0.25, 0.125], 2 * us),
        MAINS.wait(40 * ms),
        attempt(
            one_try,
            until=herald(h, v, at_most=1) & (herald(h) | herald(v, at_least=2)),
            timeout=5 * ms,
            every=3,
            between=delay(24 * us),
        ),
        branch(
            herald(v, at_least=0, at_most=0),
            serial(delay(8 * us), frame.pulse(8 * us, phase=0.5)),
            MARKER.pulse(8 * us),
        ),
        parallel(
            serial(
                delay(8 * us),
                frame.shift(0.25),
                frame.pulse(6 * us, 0.5, per_shot([0.0, 0.125]), soft),
                mark("here"),
            ),
            at(9 * us, pattern([PICKER], [0.0, 1 * us, 2 * us], [0, 0, 0], [1, 0, 1])),
        ),
        QUBIT.set(80 * MHz, 0.25),
        delay(8 * us),
    )
    return compile_sequence(sequence("every decision", body), LAB)


def test_decisions_read_as_written(golden: Any) -> None:
    golden("every_decision.txt", print_program(replace(deciding(), sources=())))


def test_decisions_come_back_from_their_text() -> None:
    program = deciding()
    again = parse_program(print_program(program))
    assert again == program
    assert [t.labels for t in again.timelines()] == [t.labels for t in program.timelines()]
    assert print_program(again) == print_program(program)


def test_each_shot_plays_its_own_values() -> None:
    program = deciding()
    assert program.different_shots == 2
    (changing,) = program.shot_values
    for shot in range(4):
        one = list(program.of_shot(shot).timelines())[changing.timeline]
        assert one.value[changing.rows].tolist() == changing.values[shot % 2].tolist()
    assert np.diff(changing.values, axis=0).tolist() == [[0.125 / 2]]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("until all {", "until all", "expected '{', found '1..1'"),
        ("0..0 in v 0", "0 in v 0", "the clicks that end the loop, a whole number from 1 on, found '0'"),
        ("wait mains timeout", "wait mians timeout", "unknown channel 'mians'; did you mean mains?"),
        ("lanes 4", "lanes 0", "expected a number, a whole number from 1 on, found '0'"),
        ("every 3", "every none", "expected attempts before something else is played"),
        ("slew 1000000 V/s", "slew 1 V", "is not a finite slew rate with its unit"),
        ("  0.1875", "  none", "expected a value: 'none' is not a plain finite number"),
    ],
)
def test_a_line_that_cannot_be_read_is_told(old: str, new: str, reason: str) -> None:
    text = print_program(replace(deciding(), sources=()))
    assert old in text
    with pytest.raises(TextError, match=re.escape(reason)):
        parse_program(text.replace(old, new, 1))
