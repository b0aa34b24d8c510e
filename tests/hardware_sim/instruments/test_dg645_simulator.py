"""The simulated DG645: the language of SRS, delays in steps of 5 ps, triggers that are missed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instrument_clients import feed, pyvisa_client

from hardware_sim.instruments import serve_tcp
from hardware_sim.instruments.dg645 import ERROR_QUEUE_LENGTH, INPUT_BUFFER, SimulatedDg645


class Edges:
    """Edges at the trigger input, at a rate that a test changes."""

    def __init__(self) -> None:
        self.rate = 0.0

    def __call__(self, now: float) -> float:
        return self.rate


@pytest.fixture
def edges() -> Edges:
    return Edges()


@pytest.fixture
def generator(edges: Edges) -> SimulatedDg645:
    generator = SimulatedDg645(external_rate=edges)
    generator.execute("*CLS", 0.0)
    return generator


def ask(generator: SimulatedDg645, line: str, now: float = 0.0) -> str:
    return "|".join(generator.execute(line, now))


def test_identity(generator: SimulatedDg645) -> None:
    assert ask(generator, "*IDN?") == "Stanford Research Systems,DG645,s/n001013,ver1.10.016"
    assert ask(generator, "TIMB?;*TST?;*OPC?") == "2|0|1"


@pytest.mark.parametrize(
    ("command", "query", "reply"),
    [
        ("DLAY 2,0,1e-6", "DLAY?2", "0,+0.000001000000"),
        ("dlay 3,2,+.00000001", "dlay? 3", "2,+0.000000010000"),
        ("DLAY 2,0,2000", "DLAY?2", "0,+2000.000000000000"),
        ("DLAY 2,0,12.4e-12", "DLAY?2", "0,+0.000000000010"),
        ("DLAY 2,0,1e-6;DLAY 3,2,-5e-7", "DLAY?3", "2,-0.000000500000"),
        ("LINK 5,4", "LINK?5", "4"),
        ("LAMP 1,4", "LAMP?1", "4.00"),
        ("LOFF 4,-1.5", "LOFF?4", "-1.50"),
        ("LPOL 2,0", "LPOL?2", "0"),
        ("TSRC 1", "TSRC?", "1"),
        ("TRAT 2500.5", "TRAT?", "2500.500000"),
        ("TLVL 1.25", "TLVL?", "1.25"),
        ("HOLD 1e-3", "HOLD?", "0.001000000"),
        ("PRES 0,10;PHAS 1,3", "PRES?0;PHAS?1", "10|3"),
        ("ADVT 1;INHB 2", "ADVT?;INHB?", "1|2"),
        ("BURM 1;BURC 4294967295;BURP 1e-5;BURT 1", "BURM?;BURC?;BURP?;BURT?", "1|4294967295|0.00001000|1"),
        ("BURD 1e-6", "BURD?", "0.000001000000"),
        ("*ESE 32;*SRE 64;INSE 2", "*ESE?;*SRE?;INSE?", "32|64|2"),
        ("*WAI", "DLAY?9", "0,+0.000000000000"),
    ],
)
def test_settings_are_read_back(generator: SimulatedDg645, command: str, query: str, reply: str) -> None:
    assert ask(generator, command) == ""
    assert ask(generator, query) == reply
    assert list(generator.complaints) == []


@pytest.mark.parametrize(
    ("command", "number"),
    [
        ("LAMP 1,0.4", 10),
        ("LAMP 5,1", 10),
        ("TSRC 7", 10),
        ("TRAT 2e7", 10),
        ("DLAY 1,0,1", 10),
        ("PHAS 0,1", 10),
        ("*SAV 10", 10),
        ("*TRG", 11),
        ("DLAY 2,0,2000.1", 12),
        ("DLAY 2,0,-1e-9", 12),
        ("DLAY 2,1,0", 13),
        ("DLAY 2,2,0", 13),
        ("*RCL 3", 14),
        ("DELAY 2,0,1", 110),
        ("123", 110),
        ("*ID?", 110),
        ("GATE 1", 111),
        ("*RST?", 112),
        ("*TRG?", 112),
        ("LERR", 113),
        ("*IDN", 113),
        ("*ESR", 113),
        ("DLAY 2,,1", 114),
        ("DLAY 2,0,1,1", 115),
        ("*IDN? 1", 115),
        ("TSRC? 1", 115),
        ("DLAY 2,0", 116),
        ("DLAY?", 116),
        ("LAMP?", 116),
        ("TRAT", 116),
        ("TRAT nan", 118),
        ("DLAY 2,0,1e-6s", 118),
        ("TSRC 1.0", 120),
        ("DLAY A,0,1", 120),
        ("BURC 4294967296", 121),
        ("DLAY 2?", 126),
    ],
)
def test_errors_are_numbers_in_a_queue(generator: SimulatedDg645, command: str, number: int) -> None:
    ask(generator, "TSRC 0")
    before = ask(generator, "DLAY?2;TSRC?;TRAT?;LAMP?1;*ESE?")
    assert ask(generator, command) == ""
    assert ask(generator, "LERR?;LERR?") == f"{number}|0"
    assert ask(generator, "DLAY?2;TSRC?;TRAT?;LAMP?1;*ESE?") == before
    assert ask(generator, "*ESR?") == str(16 if number < 100 else 32)
    assert len(generator.complaints) == 1


def test_full_queue_ends_in_too_many(generator: SimulatedDg645) -> None:
    for _ in range(ERROR_QUEUE_LENGTH + 3):
        ask(generator, "GATE")
    told = [ask(generator, "LERR?") for _ in range(ERROR_QUEUE_LENGTH + 1)]
    assert told == ["111"] * (ERROR_QUEUE_LENGTH - 1) + ["254", "0"]


def test_the_rest_of_a_line_is_obeyed(generator: SimulatedDg645) -> None:
    assert ask(generator, "GATE;TSRC?; ;LERR?") == "5|111"


def test_edges_add_up_along_links(generator: SimulatedDg645) -> None:
    ask(generator, "DLAY 2,0,1e-6;DLAY 3,2,5e-7;DLAY 4,3,-2e-7")
    assert [generator.edge(channel) for channel in (0, 2, 3, 4, 1)] == [0.0, 1e-6, 1.5e-6, 1.3e-6, 1.5e-6]
    assert generator.pulse(1) == pytest.approx((1e-6, 5e-7))
    assert generator.pulse(0) == (0.0, 1.5e-6)
    ask(generator, "DLAY 2,4,0")
    assert ask(generator, "LERR?") == "13"
    ask(generator, "DLAY 2,0,2000")
    assert ask(generator, "LERR?") == "12"
    assert generator.edge(2) == 1e-6


def test_internal_trigger(generator: SimulatedDg645) -> None:
    ask(generator, "TRAT 10;DLAY 3,0,0.05;TSRC 0", 1.0)
    assert generator.last_trigger(1.05) is None
    assert generator.last_trigger(1.25) == pytest.approx(1.2)
    assert ask(generator, "INSR?", 1.12) == "1"
    assert ask(generator, "INSR?", 1.17) == "4"
    assert ask(generator, "INSR?", 1.18) == "0"
    assert ask(generator, "INSR? 0;INSR?", 1.26) == "1|4"


def test_triggers_during_a_cycle_are_missed_and_told(generator: SimulatedDg645) -> None:
    ask(generator, "TRAT 10;DLAY 3,0,0.25;TSRC 0", 0.0)
    assert generator.last_trigger(1.0) == pytest.approx(0.9)
    assert ask(generator, "INSR?", 1.0) == "7"


def test_hold_off_and_prescaler_thin_out_triggers(generator: SimulatedDg645) -> None:
    ask(generator, "TRAT 10;HOLD 0.25;TSRC 0", 0.0)
    assert generator.last_trigger(1.0) == pytest.approx(0.9)
    assert ask(generator, "INSR?", 1.0) == "5", "held off is not missed"
    ask(generator, "HOLD 0;PRES 0,4;ADVT 1", 1.0)
    assert generator.last_trigger(2.0) == pytest.approx(1.8)


def test_burst_keeps_it_busy(generator: SimulatedDg645) -> None:
    ask(generator, "TRAT 10;BURM 1;BURC 20;BURP 0.01;BURD 0.005;TSRC 0", 0.0)
    assert generator.last_trigger(0.95) == pytest.approx(0.8), "every second trigger comes during a burst"
    assert ask(generator, "INSR?", 0.95) == "11"


def test_single_shots(generator: SimulatedDg645) -> None:
    ask(generator, "DLAY 3,0,0.05;*TRG", 1.0)
    assert generator.last_trigger(9.0) == 1.0
    assert ask(generator, "INSR?;*TRG;INSR?", 1.01) == "1|2", "the second came too soon"
    assert ask(generator, "INSR?", 1.06) == "4"
    ask(generator, "*TRG", 2.0)
    assert generator.last_trigger(2.0) == 2.0


def test_external_triggers(generator: SimulatedDg645, edges: Edges) -> None:
    ask(generator, "TSRC 1", 0.0)
    assert generator.last_trigger(1.0) is None
    edges.rate = 4.0
    assert generator.last_trigger(1.1) == 1.0
    ask(generator, "TSRC 3", 2.0)
    assert generator.last_trigger(3.0) is None
    ask(generator, "*TRG", 3.0)
    assert generator.last_trigger(3.2) is None
    assert generator.last_trigger(9.0) == 3.25
    assert ask(generator, "INSR?", 4.0) == "5"
    ask(generator, "TSRC 6", 5.0)
    assert generator.last_trigger(6.01) == pytest.approx(6.0)


def test_lost_timebase_is_told_and_latched(generator: SimulatedDg645) -> None:
    generator.provoke("Rb unlock", 1.0)
    assert ask(generator, "INSR?;INSR?", 1.0) == "128|128"
    generator.provoke("PLL unlock", 1.5)
    generator.provoke("locked again", 2.0)
    assert ask(generator, "INSR?;INSR?", 3.0) == "192|0"


def test_status_byte(generator: SimulatedDg645) -> None:
    ask(generator, "*ESE 32;INSE 1;*SRE 33;GATE;*TRG")
    assert ask(generator, "*STB?") == "97"
    ask(generator, "*CLS")
    assert ask(generator, "*STB?;LERR?;INSR?") == "0|0|0"
    assert ask(generator, "*OPC;*ESR?0;*ESR?") == "1|0"


def test_memory_reset_and_power_cycle(generator: SimulatedDg645) -> None:
    ask(generator, "TRAT 20;DLAY 2,0,1e-6;*SAV 1;*RST")
    assert ask(generator, "TRAT?;DLAY?2") == "1000.000000|0,+0.000000000000"
    ask(generator, "*RCL 1;GATE;*ESE 1")
    generator.switch_off(1.0)
    generator.switch_on(11.0)
    assert ask(generator, "*ESR?;LERR?;*ESE?;TRAT?;DLAY?2", 11.0) == "128|0|0|20.000000|0,+0.000001000000"
    ask(generator, "*RCL 0", 12.0)
    assert ask(generator, "TRAT?", 12.0) == "1000.000000"


def test_front_panel(generator: SimulatedDg645) -> None:
    generator.front_panel("delay_b", 2e-6, 0.0)
    generator.front_panel("trigger_rate", 50.0, 0.0)
    generator.front_panel("trigger", True, 1.0)
    assert generator.last_trigger(2.0) == 1.0
    generator.front_panel("trigger_source", 0, 2.0)
    assert ask(generator, "DLAY?3;TRAT?;TSRC?", 2.0) == "0,+0.000002000000|50.000000|0"


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_lines_in_any_pieces_with_either_end(generator: SimulatedDg645, end: bytes) -> None:
    said, heard = end.join([b"DLAY 2,0,1e-6;TSRC?", b"DLAY?2", b""]), b"5\r\n0,+0.000001000000\r\n"
    for cut in range(len(said)):
        session = generator.connect()
        assert session.receive(said[:cut], 0.0) + session.receive(said[cut:], 0.0) == heard
    assert generator.connect().due() is None


def test_clients_share_state_but_not_bytes(generator: SimulatedDg645) -> None:
    first, second = generator.connect(), generator.connect()
    assert first.receive(b"TSR", 0.0) == second.receive(b"TSRC 6\n", 0.0) == b""
    assert first.receive(b"C?\n", 0.0) == b"6\r\n"


def test_noise_and_endless_lines(generator: SimulatedDg645) -> None:
    session = generator.connect()
    assert session.receive(b"TSRC\xff 1\nTSRC?\n", 0.0) == b"5\r\n"
    session.receive(b"x" * (INPUT_BUFFER + 1), 0.0)
    assert session.receive(b"LERR?;LERR?;*ESR?\n", 0.0) == b"170\r\n171\r\n8\r\n"


def test_silent_without_power(generator: SimulatedDg645) -> None:
    session = generator.connect()
    session.receive(b"TS", 0.0)
    generator.switch_off(0.0)
    assert session.receive(b"RC?\n", 1.0) == b""
    generator.switch_on(2.0)
    assert session.receive(b"RC?\nTSRC?\n", 2.0) == b"5\r\n"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.integers(1, 7))
def test_no_bytes_break_the_generator(noise: bytes, size: int) -> None:
    session = SimulatedDg645().connect()
    feed(session, noise, size)
    assert session.receive(b"\n*RST;*CLS\n*TST?\n", 1.0).endswith(b"0\r\n")


@given(st.floats(0.0, 2000.0))
def test_delays_are_multiples_of_five_picoseconds(seconds: float) -> None:
    generator = SimulatedDg645()
    generator.execute(f"DLAY 2,0,{seconds!r}", 0.0)
    assert abs(generator.edge(2) - seconds) <= 2.6e-12
    (reply,) = generator.execute("DLAY?2", 0.0)
    assert int(reply.split("+")[1].replace(".", "")) % 5 == 0


def test_over_pyvisa() -> None:
    with (
        serve_tcp(SimulatedDg645(), speed=100.0) as server,
        pyvisa_client(server, read_termination="\r\n", write_termination="\n") as generator,
    ):
        generator.write("DLAY 4,0,1e-3")
        assert generator.query("DLAY?4") == "0,+0.001000000000"
        assert generator.query("LERR?") == "0"
