from dataclasses import replace
from typing import Any

import pytest

from sequences import (
    Alignment,
    Channel,
    Kind,
    Limit,
    MHz,
    Program,
    Quantity,
    Shape,
    Target,
    attempt,
    compile_sequence,
    delay,
    herald,
    parallel,
    parse_program,
    print_program,
    readout,
    repeat,
    sequence,
    serial,
    us,
)
from sequences.errors import TextError

SMALL = """\
program small
target lab period 1 ns
channel 0 ttl line grid 1 ns latency 0 s spacing 0 s
channel 1 counter apd grid 1 ns latency 0 s spacing 0 s
channel 2 dds tone grid 4 ns latency 0 s spacing 0 s limit frequency 0 Hz 400 MHz limit amplitude none 0.5
readout click 0 on apd
source mine.py 12
play 2 us
  0 s  line level 1 from 0
  1 us line level 0 from 0
repeat 3
  attempt 10 until 1 in click 0
    play 1 us
      0 s  apd open click 0 from 0
      1 us apd close click 0 from 0
"""


@pytest.fixture
def program(lab: Any) -> Program:
    """Every construct of the language once."""
    photon = [readout("photon", index) for index in range(2)]
    image = readout("image of the string")
    tones = parallel(
        lab.tone.pulse(10 * us, 80.1 * MHz, 0.4, 1 / 3),
        lab.second_tone.pulse(4 * us, 110 * MHz),
        align=Alignment.CENTRE,
    )
    one_try = serial(
        lab.shutter.pulse(1 * us),
        parallel(tones, lab.apd.gate(12 * us, photon[0]), lab.second_apd.gate(12 * us, photon[1])),
    )
    body = serial(
        repeat(serial(lab.marker.pulse(1 * us), delay(1 * us)), 5),
        lab.endcap.set(-1.0),
        lab.endcap.ramp(-1.0, 2.0, 4 * us),
        lab.endcap.ramp(2.0, 0.5, 2.4 * us, Shape.LINEAR),
        delay(1.6 * us),
        repeat(serial(attempt(one_try, until=herald(*photon), maximum=1000), delay(3 * us)), 2),
        lab.camera.expose(20 * us, image),
    )
    return compile_sequence(sequence("every construct", body), lab.target)


def test_a_program_reads_as_written(program: Program, golden: Any) -> None:
    golden("every_construct.txt", print_program(replace(program, sources=())))


def test_a_program_comes_back_from_its_text(program: Program) -> None:
    text = print_program(program)
    again = parse_program(text)
    assert again == program
    assert again.sources == program.sources
    rows = [(t.source.tolist(), t.time.dtype) for t in again.timelines()]
    assert rows == [(t.source.tolist(), t.time.dtype) for t in program.timelines()]
    assert print_program(again) == text


def test_small_text_is_its_own_print() -> None:
    assert print_program(parse_program(SMALL)) == SMALL


def test_blank_lines_do_not_matter() -> None:
    assert parse_program(SMALL.replace("\n", "\n\n")) == parse_program(SMALL)


def test_odd_names_are_quoted() -> None:
    channels = (Channel('a "b", c', Kind.TTL, 0, 1e-9), Channel("über/µ", Kind.TTL, 1, 1e-9))
    program = Program("", (), (), Target("two words", 1e-9, channels))
    text = print_program(program)
    assert text.splitlines()[:2] == ['program ""', 'target "two words" period 1 ns']
    assert parse_program(text) == program


@pytest.mark.parametrize("name", ["caf\udce9.py", "a\0b", "\u202eright to left"])
def test_names_that_nobody_can_print_are_quoted(name: str) -> None:
    """The first is how Python reads a file name that is not UTF-8; a text in HDF5 has neither it nor NUL."""
    program = Program(name, (), (), Target("lab", 1e-9, ()))
    text = print_program(program)
    assert text.isascii()
    assert "\0" not in text
    assert parse_program(text).name == name


def test_limits_may_be_open() -> None:
    target = parse_program(SMALL).target
    assert target.by_name["tone"].limits == (
        Limit(Quantity.FREQUENCY, 0.0, 400e6),
        Limit(Quantity.AMPLITUDE, float("-inf"), 0.5),
    )


@pytest.mark.parametrize(
    ("line", "written", "reason"),
    [
        (1, "programme small", "expected 'program', found 'programme'"),
        (1, "program", "expected the program's name at the end of the line"),
        (1, "program small 3", "expected nothing more, found '3'"),
        (1, 'program "\\x"', "expected the program's name, found a quoted name that cannot be read"),
        (1, 'program "small', "expected the program's name, found a quoted name that cannot be read"),
        (2, "target lab period 1", "expected a unit (ps, ns, us, µs, ms, s, min, h) at the end of the line"),
        (
            2,
            "target lab period 1 Hz",
            "expected a time: '1 Hz' is not a finite time with its unit; write for example '1.5 us' "
            "(units: ps, ns, us, µs, ms, s, min, h)",
        ),
        (
            2,
            "target lab period 3 ns",
            "target 'lab': the grid of channel 'line', 1 ns, is no multiple of the period, 3 ns",
        ),
        (
            3,
            "channel 0 ttl line grid 1 ns",
            "expected 'latency' at the end of the line",
        ),
        (
            4,
            "channel 1 clock apd grid 1 ns latency 0 s spacing 0 s",
            "expected 'ttl' or 'dds' or 'dac' or 'counter' or 'camera' or 'trigger', found 'clock'",
        ),
        (
            4,
            "channel one counter apd",
            "expected the channel's number, a whole number from 0 on, found 'one'",
        ),
        (6, "readout click 0 on adp", "unknown channel 'adp'; did you mean apd?"),
        (8, "play 2.5 ns", "expected a whole number of periods of 1 ns"),
        (8, "play 1e8 s", "expected a time that floats can count in periods, less than 2^53 of them"),
        (8, "  play 2 us", "expected a line that is indented less"),
        (9, "  0 s  line levle 1 from 0", "unknown operation 'levle'; did you mean level or voltage?"),
        (9, "  0 s  line level 1 form 0", "expected 'from', found 'form'"),
        (9, "  0 s  line level 1 from 1", "the program has no source 1"),
        (9, "  0 s  line level", "expected the level at the end of the line"),
        (11, "repeat 0", "expected a count, a whole number from 1 on, found '0'"),
        (11, "again 3", "expected 'play' or 'repeat' or 'attempt' or 'branch' or 'wait', found 'again'"),
        (12, "  attempt 10 until 1 in click 4", "the program has no readout 'click 4'"),
        (14, "      0 s  apd open clack 0", "the program has no readout 'clack 0'"),
    ],
)
def test_a_line_that_cannot_be_read_is_told(line: int, written: str, reason: str) -> None:
    lines = SMALL.splitlines()
    lines[line - 1] = written
    with pytest.raises(TextError) as caught:
        parse_program("\n".join(lines))
    assert str(caught.value) == f"program text, line {line}: {reason}: {written.strip()!r}"


def test_text_that_ends_too_early_is_told() -> None:
    with pytest.raises(TextError) as caught:
        parse_program("program small\n")
    assert str(caught.value) == "program text, line 2: expected 'target', found the end of the text: ''"
