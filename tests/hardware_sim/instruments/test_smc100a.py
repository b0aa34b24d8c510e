from __future__ import annotations

import math

import pytest

from hardware_sim.instruments.smc100a import SimulatedSmc100a, Smc100aSettings, Smc100aSpecification


@pytest.fixture
def generator() -> SimulatedSmc100a:
    return SimulatedSmc100a()


def ask(generator: SimulatedSmc100a, line: str, now: float = 0.0) -> str:
    return generator.execute(line, now)


def test_identity_has_four_fields(generator: SimulatedSmc100a) -> None:
    assert ask(generator, "*IDN?").split(",")[:3] == ["Rohde&Schwarz", "SMC100A", "1411.4002k02/101234"]
    assert len(ask(generator, "*idn?").split(",")) == 4


def test_state_after_power_on(generator: SimulatedSmc100a) -> None:
    assert (
        ask(generator, "FREQ?;POW?;:OUTP?;:POW:OFFS?;:PHAS?;:ROSC:SOUR?;:FREQ:MODE?")
        == "100000000;-30;0;0;0;INT;CW"
    )
    assert ask(generator, "OUTP:PON?") == "UNCH"
    assert (generator.output, generator.power) == (False, -math.inf)


@pytest.mark.parametrize(
    ("command", "query", "reply"),
    [
        ("FREQ 23.4 MHZ", "FREQ?", "23400000"),
        (":sour1:frequency:cw 23400000.014", "FREQ:FIX?", "23400000.01"),
        ("FREQ 9KHZ", "SOURCE:FREQ?", "9000"),
        ("POW -3.456", "POW?", "-3.46"),
        ("POW 2 dBm", "SOUR:POW:LEV:IMM:AMPL?", "2"),
        ("POW:OFFS 10 DB", "POW:OFFS?", "10"),
        ("POW:LIM 3", "POW:LIM?", "3"),
        ("OUTP ON", "OUTP?", "1"),
        ("OUTP1:STAT 1", "OUTPUT?", "1"),
        ("OUTP:PON OFF", "OUTP:STAT:PON?", "OFF"),
        ("PHAS -90", "PHAS?", "-90"),
        ("ROSC:SOUR EXTERNAL", "ROSC:SOUR?", "EXT"),
        ("ROSC:EXT:FREQ 5MHZ", "ROSC:EXT:FREQ?", "5MHZ"),
        ("FREQ:MODE SWEEP", "FREQ:MODE?", "SWE"),
        ("FREQ:STAR 20 MHz;STOP 30 MHz", "FREQ:STAR?;STOP?", "20000000;30000000"),
        ("SWE:DWEL 20 ms", "SWE:FREQ:DWEL?", "0.02"),
        ("TRIG:FSW:SOUR SINGLE", "TRIG:FSW:SOUR?", "SING"),
        ("FREQ MAX", "FREQ?", "1100000000"),
        ("FREQ 1 MHz;FREQ DEF", "FREQ?", "100000000"),
        ("FREQ:STEP 1 kHz;:FREQ 20 MHz;FREQ UP;FREQ UP;FREQ DOWN", "FREQ?", "20001000"),
        ("POW:STEP 0.5;:POW -3;POW UP", "POW?", "-2.5"),
        ("PHAS 0.04;PHAS -0.04", "PHAS?", "0"),
    ],
)
def test_settings_are_read_back(generator: SimulatedSmc100a, command: str, query: str, reply: str) -> None:
    assert ask(generator, command) == ""
    assert ask(generator, query) == reply
    assert list(generator.complaints) == []


def test_ranges_can_be_asked(generator: SimulatedSmc100a) -> None:
    assert ask(generator, "FREQ? MIN;FREQ? MAX;FREQ? DEF") == "9000;1100000000;100000000"
    ask(generator, "POW:OFFS 10")
    assert ask(generator, "POW? MIN;POW? MAX") == "-110;23"


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("FREQ 1 kHz", '-222,"Data out of range; 1 kHz is not within 9000 to 1100000000"'),
        ("FREQ 1e400", '-222,"Data out of range; 1e400 is not within 9000 to 1100000000"'),
        ("POW 13.01", '-222,"Data out of range; 13.01 is not within -120 to 13"'),
        ("PHAS 360", '-222,"Data out of range; 360 is not within -359.9 to 359.9"'),
        ("POW:OFFS 101", '-222,"Data out of range; 101 is not within -100 to 100"'),
        ("FREQ NAN", '-141,"Invalid character data; NAN"'),
        ("FREQ 1 V", '-131,"Invalid suffix; 1 V"'),
        ("OUTP PERHAPS", '-141,"Invalid character data; PERHAPS"'),
        ("FREQ", '-109,"Missing parameter; FREQ"'),
        ("FREQ 1e6,2e6", '-108,"Parameter not allowed; FREQ"'),
        ("*IDN? 1", '-108,"Parameter not allowed; *IDN"'),
        ("FREQ? 3", '-141,"Invalid character data; 3"'),
        ("FREQQ 1", '-113,"Undefined header; FREQQ"'),
        ("*SYST:ERR?", '-102,"Syntax error; *SYST:ERR?"'),
        ("SYST:ERR", '-113,"Undefined header; SYST:ERR"'),
        ("*RST?", '-113,"Undefined header; *RST?"'),
        ("FREQ:MODE LIST", '-221,"Settings conflict; no frequency list is selected"'),
        ("*TRG", '-211,"Trigger ignored; *TRG without a single sweep"'),
        ("*ESE 256", '-222,"Data out of range; 256 is not within 0 to 255"'),
        ("FREQ=1", '-102,"Syntax error; FREQ=1"'),
    ],
)
def test_refused_commands_only_fill_the_queue(generator: SimulatedSmc100a, command: str, error: str) -> None:
    before = ask(generator, "FREQ?;:POW?;:OUTP?;:PHAS?;:FREQ:MODE?")
    assert ask(generator, command) == ""
    assert ask(generator, "FREQ?;:POW?;:OUTP?;:PHAS?;:FREQ:MODE?") == before
    assert ask(generator, "SYST:ERR?") == error
    assert ask(generator, "SYST:ERR:NEXT?") == '0,"No error"'
    assert list(generator.complaints) == [error]


def test_level_at_the_output_knows_offset_limit_and_switch(generator: SimulatedSmc100a) -> None:
    ask(generator, "POW -3;:OUTP 1")
    assert generator.power == -3.0
    ask(generator, "POW:OFFS 20")
    assert ask(generator, "POW?") == "17"
    assert generator.power == pytest.approx(-3.0)
    ask(generator, "POW 25")
    assert generator.power == pytest.approx(5.0)
    ask(generator, "POW:LIM 3")
    assert ask(generator, "POW?") == "25"
    assert generator.power == pytest.approx(3.0)
    ask(generator, "OUTP 0")
    assert generator.power == -math.inf


def test_frequency_is_an_exact_multiple_of_its_resolution(generator: SimulatedSmc100a) -> None:
    ask(generator, "FREQ 23400000.014")
    assert generator.frequency == 23400000.01


def test_phase_is_read_in_turns(generator: SimulatedSmc100a) -> None:
    ask(generator, "PHAS 90")
    assert generator.phase == pytest.approx(0.25)


def test_reset_keeps_what_protects_the_trap(generator: SimulatedSmc100a) -> None:
    ask(generator, "FREQ 23 MHz;:POW 0;:POW:LIM 3;:OUTP 1;:OUTP:PON OFF;*RST")
    assert ask(generator, "FREQ?;:POW?;:OUTP?;:POW:LIM?;:OUTP:PON?") == "100000000;-30;0;3;OFF"


@pytest.mark.parametrize(("power_on", "output"), [("UNCH", True), ("OFF", False)])
def test_power_cycle(generator: SimulatedSmc100a, power_on: str, output: bool) -> None:
    ask(generator, f"*ESR?;*ESE 255;FREQ 23 MHz;:POW:LIM 3;:OUTP 1;:OUTP:PON {power_on};NONSENSE")
    generator.switch_off(now=1.0)
    assert generator.output is False
    generator.switch_on(now=61.0)
    assert generator.output is output
    assert (
        ask(generator, "*ESR?;*ESR?;*ESE?;FREQ?;:POW:LIM?;:SYST:ERR?", 62.0)
        == '128;0;0;100000000;3;0,"No error"'
    )


def test_specification_is_obeyed() -> None:
    specification = Smc100aSpecification(
        serial_number="100001", maximum_frequency=3.2e9, reset=Smc100aSettings(frequency=1e9)
    )
    generator = SimulatedSmc100a(specification)
    assert ask(generator, "FREQ?;FREQ? MAX") == "1000000000;3200000000"
    assert ask(generator, "*IDN?").split(",")[2] == "1411.4002k02/100001"


def test_automatic_sweep_steps_with_lab_time(generator: SimulatedSmc100a) -> None:
    ask(generator, "FREQ:STAR 20 MHz;STOP 22 MHz;:SWE:STEP 1 MHz;DWEL 10 ms;:FREQ:MODE SWE", now=5.0)
    seen = [generator.frequency_at(5.0 + 0.01 * step + 0.005) for step in range(7)]
    assert seen == [20e6, 21e6, 22e6, 20e6, 21e6, 22e6, 20e6]
    assert ask(generator, "STAT:OPER:COND?", 6.0) == "8"
    ask(generator, "FREQ:MODE CW", 6.0)
    assert generator.frequency_at(6.0) == generator.frequency == 100e6


def test_single_sweep_waits_for_its_trigger_and_returns(generator: SimulatedSmc100a) -> None:
    ask(
        generator,
        "FREQ:STAR 22 MHz;STOP 20 MHz;:SWE:STEP 1 MHz;DWEL 10 ms;:TRIG:FSW:SOUR SING;:FREQ:MODE SWE",
    )
    assert generator.frequency_at(3.0) == 22e6
    ask(generator, "*TRG", now=4.0)
    assert [generator.frequency_at(4.005 + 0.01 * step) for step in range(5)] == [
        22e6,
        21e6,
        20e6,
        22e6,
        22e6,
    ]


def test_missing_reference_is_questionable(generator: SimulatedSmc100a) -> None:
    assert ask(generator, "STAT:QUES:COND?") == "0"
    assert ask(generator, "ROSC:SOUR EXT;:STAT:QUES:COND?") == "32"
    generator.reference_input = 10e6 * (1 + 1e-6)
    assert ask(generator, "STAT:QUES:COND?") == "0"
    assert ask(generator, "ROSC:EXT:FREQ 5MHZ;:STAT:QUES:COND?") == "32"


def test_adjustment_answers_minutes_later_and_holds_every_client(generator: SimulatedSmc100a) -> None:
    first, second = generator.connect(), generator.connect()
    assert first.receive(b"CAL:ALL:MEAS?\n", now=10.0) == b""
    assert second.receive(b"STAT:OPER:COND?\n", now=11.0) == b""
    assert first.due() == second.due() == 190.0
    assert first.receive(b"", now=189.9) == b""
    assert first.receive(b"", now=190.0) == b"0\n"
    assert second.receive(b"", now=190.0) == b"0\n"
