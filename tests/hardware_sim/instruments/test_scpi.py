from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instrument_clients import feed

from hardware_sim.instruments.scpi import ERROR_QUEUE_LENGTH, INPUT_BUFFER, ScpiInstrument
from hardware_sim.instruments.scpi_commands import Command
from hardware_sim.instruments.scpi_syntax import ScpiError, split_arguments
from hardware_sim.instruments.smc100a import SimulatedSmc100a


class Foreigner(ScpiInstrument):
    """An instrument with line ends, error texts and arguments of its own."""

    line_end = reply_end = b"\r\n"
    no_error = '+0,"No error"'
    terse_errors = True

    def __init__(self) -> None:
        self.heard: list[str] = []
        super().__init__("a,b,c,d", 0.0, [
            Command("APPLy", lambda text, _: text, self.hear, read_argument=2, write_argument=3),
            Command("BLOCk", read=lambda *_: "#13" + bytes([0, 255, 10]).decode("latin-1")),
            Command("BREAk", write=self.fail, write_argument=0),
        ])  # fmt: skip

    def reset(self, now: float) -> None:
        self.heard.clear()

    def hear(self, argument: str, now: float) -> None:
        self.heard += split_arguments(argument)

    def fail(self, argument: str, now: float) -> None:
        raise ScpiError(203, "Output overload")


@pytest.fixture
def foreigner() -> Foreigner:
    foreigner = Foreigner()
    foreigner.execute("*CLS", 0.0)
    return foreigner


@pytest.fixture
def generator() -> SimulatedSmc100a:
    generator = SimulatedSmc100a()
    generator.execute("*CLS", 0.0)
    return generator


def test_replies_of_one_line_are_joined(generator: SimulatedSmc100a) -> None:
    assert generator.connect().receive(b"FREQ?;*TST?;:OUTP?\n", 0.0) == b"100000000;0;0\n"


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_both_line_ends_are_obeyed(generator: SimulatedSmc100a, end: bytes) -> None:
    assert generator.connect().receive(b"*OPC?" + end + b"*TST?" + end, 0.0) == b"1\n0\n"


def test_nothing_happens_before_the_line_ends(generator: SimulatedSmc100a) -> None:
    session = generator.connect()
    for byte in b"FREQ 23 MHz;FREQ?":
        assert session.receive(bytes([byte]), 0.0) == b""
    assert session.receive(b"\r", 0.0) == b""
    assert generator.frequency == 100e6
    assert session.receive(b"\n", 0.0) == b"23000000\n"


def test_clients_share_state_but_not_bytes(generator: SimulatedSmc100a) -> None:
    first, second = generator.connect(), generator.connect()
    assert first.receive(b"FREQ 20 M", 0.0) == second.receive(b"POW -3;POW?", 0.0) == b""
    assert first.receive(b"HZ\n", 0.0) == b""
    assert second.receive(b";:FREQ?\n", 0.0) == b"-3;20000000\n"


def test_command_error_ends_its_line_and_execution_error_does_not(generator: SimulatedSmc100a) -> None:
    assert generator.execute("NONSENSE;FREQ 20 MHz;FREQ?", 0.0) == ""
    assert generator.frequency == 100e6
    assert generator.execute("POW 99;:FREQ 20 MHz;FREQ?", 0.0) == "20000000"
    assert generator.execute("SYST:ERR:ALL?", 0.0) == (
        '-113,"Undefined header; NONSENSE",-222,"Data out of range; 99 is not within -120 to 13"'
    )
    assert generator.execute("SYST:ERR:ALL?", 0.0) == '0,"No error"'


def test_full_queue_keeps_the_oldest_and_ends_in_overflow(generator: SimulatedSmc100a) -> None:
    for number in range(ERROR_QUEUE_LENGTH + 5):
        generator.execute(f"BAD{number}", 0.0)
    errors = [generator.execute("SYST:ERR?", 0.0) for _ in range(ERROR_QUEUE_LENGTH + 1)]
    assert errors[0] == '-113,"Undefined header; BAD0"'
    assert errors[-3:] == ['-113,"Undefined header; BAD28"', '-350,"Queue overflow"', '0,"No error"']


@pytest.mark.parametrize(("line", "bit"), [("NONSENSE", 5), ("POW 99", 4)])
def test_event_status_tells_the_class_of_error_once(generator: SimulatedSmc100a, line: str, bit: int) -> None:
    generator.execute(line, 0.0)
    assert generator.execute("*ESR?", 0.0) == str(1 << bit)
    assert generator.execute("*ESR?", 0.0) == "0"


def test_power_on_bit_is_set_once() -> None:
    generator = SimulatedSmc100a()
    assert [generator.execute("*ESR?", 0.0) for _ in range(2)] == ["128", "0"]


def test_status_byte_summarises(generator: SimulatedSmc100a) -> None:
    assert generator.execute("*STB?", 0.0) == "0"
    generator.execute("*ESE 32;*SRE 255;NONSENSE", 0.0)
    assert generator.execute("*ESE?;*SRE?;*STB?", 0.0) == "32;191;100"
    generator.execute("*CLS", 0.0)
    assert generator.execute("*STB?;SYST:ERR?", 0.0) == '0;0,"No error"'


def test_opc_query_waits_for_the_output_to_settle(generator: SimulatedSmc100a) -> None:
    session = generator.connect()
    assert session.receive(b"FREQ 20 MHz;*OPC?\nFREQ?\n", 1.0) == b""
    assert session.due() == pytest.approx(1.003)
    assert session.receive(b"", 1.0029) == b""
    assert session.receive(b"", 1.0031) == b"1\n20000000\n"
    assert session.due() is None


def test_opc_command_sets_its_bit_when_settled(generator: SimulatedSmc100a) -> None:
    generator.execute("FREQ 20 MHz;*OPC", 1.0)
    assert generator.execute("*ESR?", 1.001) == "0"
    assert generator.execute("*ESR?", 1.004) == "1"


def test_wait_holds_later_lines(generator: SimulatedSmc100a) -> None:
    session = generator.connect()
    assert session.receive(b"POW -3;*WAI\nPOW?\n", 1.0) == b""
    assert session.receive(b"", session.due() or 0.0) == b"-3\n"


def test_bytes_beyond_ascii_are_refused(generator: SimulatedSmc100a) -> None:
    assert generator.connect().receive(b"FREQ 2\xff MHz\n*TST?\n", 0.0) == b"0\n"
    assert generator.execute("SYST:ERR?", 0.0) == '-101,"Invalid character"'


def test_endless_line_overruns_the_buffer(generator: SimulatedSmc100a) -> None:
    session = generator.connect()
    session.receive(b"x" * (INPUT_BUFFER + 1), 0.0)
    assert session.receive(b"SYST:ERR?\n", 0.0) == b'-363,"Input buffer overrun"\n'


def test_instrument_without_power_is_silent_and_forgets_what_it_heard(generator: SimulatedSmc100a) -> None:
    session = generator.connect()
    session.receive(b"*TS", 0.0)
    generator.switch_off(1.0)
    assert session.receive(b"T?\n*IDN?\n", 1.0) == b""
    generator.switch_on(2.0)
    assert session.receive(b"T?\n*TST?\n", 2.0) == b"0\n"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.integers(1, 7))
def test_no_bytes_break_the_instrument(noise: bytes, size: int) -> None:
    session = SimulatedSmc100a().connect()
    feed(session, noise, size)
    assert session.receive(b"\n*RST;*CLS\n*TST?\n", 1e9).endswith(b"0\n")


def test_several_arguments_arrive_in_order(foreigner: Foreigner) -> None:
    assert foreigner.execute("APPL 3.3 V , 'one, two';APPL? 1, 2", 0.0) == "1,2"
    assert foreigner.heard == ["3.3 V", "'one, two'"]
    foreigner.execute("APPL 1,2,3,4;APPL", 0.0)
    foreigner.execute("APPL", 0.0)
    assert foreigner.execute("SYST:ERR:ALL?", 0.0) == '-108,"Parameter not allowed",-109,"Missing parameter"'


def test_replies_can_be_blocks_of_bytes(foreigner: Foreigner) -> None:
    assert foreigner.connect().receive(b"BLOC?\r\n", 0.0) == b"#13\x00\xff\n\r\n"


def test_line_ends_are_the_instruments_own(foreigner: Foreigner) -> None:
    session = foreigner.connect()
    assert session.receive(b"*TST?\n", 0.0) == session.receive(b"*TST?\r", 0.0) == b""
    assert session.due() is None
    session.receive(b"\n", 0.0)
    assert session.receive(b"SYST:ERR?\r\nSYST:ERR?\r\n", 0.0) == b'-102,"Syntax error"\r\n+0,"No error"\r\n'
    assert list(foreigner.complaints) == ['-102,"Syntax error; *TST?\n*TST?"']


def test_an_error_of_the_devices_own_keeps_its_text(foreigner: Foreigner) -> None:
    foreigner.execute("BREAK", 0.0)
    assert foreigner.execute("*ESR?;SYST:ERR?", 0.0) == '8;203,"Output overload"'


def test_a_forgiving_instrument_looks_up_from_the_root(generator: SimulatedSmc100a) -> None:
    class Forgiving(SimulatedSmc100a):
        returns_to_root = True

    line = "FREQ:MODE?;POW?;NONSENSE?"
    assert Forgiving().execute(line, 0.0) == "CW;-30"
    assert generator.execute(line, 0.0) == "CW"
