from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_sim.instruments.scpi_syntax import (
    MessageUnit,
    ScpiError,
    compile_header,
    parse_boolean,
    parse_choice,
    parse_message,
    parse_number,
)

HERTZ = {"HZ": 1.0, "KHZ": 1e3, "MHZ": 1e6}


@pytest.mark.parametrize(
    "spelling", ["POW", "POWER", "SOUR:POW", "SOURCE1:POWER:LEV", "POW:LEVEL:IMM:AMPL", "SOUR1:POW:AMPLITUDE"]
)
def test_every_spelling_of_a_header_is_known(spelling: str) -> None:
    assert compile_header("[SOURce#:]POWer[:LEVel][:IMMediate][:AMPLitude]").fullmatch(spelling)


@pytest.mark.parametrize("spelling", ["POWE", "PO", "SOURC:POW", "SOUR2:POW", "POW:", "POW:OFFS", "LEV"])
def test_no_other_spelling_is_known(spelling: str) -> None:
    assert not compile_header("[SOURce#:]POWer[:LEVel][:IMMediate][:AMPLitude]").fullmatch(spelling)


def test_path_is_inherited_until_the_root_is_named() -> None:
    line = "SOUR:FREQ:STAR 1 MHz; stop 2 MHz ;*ESR?; MODE SWE;:OUTP on"
    assert list(parse_message(line)) == [
        MessageUnit("SOUR:FREQ:STAR", False, ("1 MHz",)),
        MessageUnit("SOUR:FREQ:STOP", False, ("2 MHz",)),
        MessageUnit("*ESR", True, ()),
        MessageUnit("SOUR:FREQ:MODE", False, ("SWE",)),
        MessageUnit("OUTP", False, ("on",)),
    ]


def test_quotes_protect_separators() -> None:
    (unit,) = parse_message("DISP:TEXT 'a;b,c',\"it's\"")
    assert unit.arguments == ("'a;b,c'", '"it\'s"')


@pytest.mark.parametrize("line", ["FREQ=1", "1FREQ", "FREQ::CW 1", "FREQ?? 1", "DISP 'open", "*", "FRE\x07Q"])
def test_broken_grammar_is_a_syntax_error(line: str) -> None:
    with pytest.raises(ScpiError) as caught:
        list(parse_message(line))
    assert caught.value.code == -102


def test_units_before_the_broken_one_are_given() -> None:
    units = parse_message("POW 1; =")
    assert next(units).header == "POW"
    with pytest.raises(ScpiError):
        next(units)


@pytest.mark.parametrize(
    ("text", "value"),
    [("23.4 MHZ", 23.4e6), ("23400000", 23.4e6), ("+.5kHz", 500.0), ("1.E3", 1e3), ("2e-1 hz", 0.2)],
)
def test_numbers_with_and_without_suffix(text: str, value: float) -> None:
    assert parse_number(text, HERTZ) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1 VOLT", -131),
        ("NAN", -141),
        ("inf", -141),
        ("BLAH", -141),
        ("1_000", -104),
        ("--1", -104),
        ("1 2", -104),
        ('"1"', -104),
    ],
)
def test_what_is_no_number(text: str, code: int) -> None:
    with pytest.raises(ScpiError) as caught:
        parse_number(text, HERTZ)
    assert caught.value.code == code


def test_suffix_where_none_is_allowed() -> None:
    with pytest.raises(ScpiError) as caught:
        parse_number("1 HZ", {})
    assert str(caught.value) == '-138,"Suffix not allowed; 1 HZ"'


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_printed_float_is_read_back(value: float) -> None:
    assert parse_number(repr(value), HERTZ) == value


@pytest.mark.parametrize(
    ("text", "value"), [("ON", True), ("off", False), ("1", True), ("0", False), ("-0.4", False)]
)
def test_booleans(text: str, value: bool) -> None:
    assert parse_boolean(text) is value


def test_choices_reply_their_short_form() -> None:
    assert parse_choice("unchanged", ["OFF", "UNCHanged"]) == "UNCH"
    with pytest.raises(ScpiError) as caught:
        parse_choice("unchang", ["OFF", "UNCHanged"])
    assert caught.value.code == -141


def test_quotes_in_the_detail_cannot_break_the_reply() -> None:
    assert str(ScpiError(-102, 'DISP "x')) == '-102,"Syntax error; DISP \'x"'
