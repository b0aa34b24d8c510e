from __future__ import annotations

import math

import numpy as np
import pytest
from instrument_clients import dial

from hardware_sim.instruments.endpoint import SessionEndedError
from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.red_pitaya import RedPitayaSpecification, SimulatedRedPitaya
from hardware_sim.instruments.red_pitaya_acquisition import BUFFER, Samples, find_edge
from hardware_sim.instruments.tcp import serve_tcp

CODE = 1.0 / 8192


def ramp(times: Samples) -> Samples:
    """Return 0.1 V for each second."""
    return 0.1 * times


def square(times: Samples) -> Samples:
    """Return a step from -0.5 V to 0.5 V at 10.25 s."""
    return np.where(times < 10.25, -0.5, 0.5)


@pytest.fixture
def board() -> SimulatedRedPitaya:
    return SimulatedRedPitaya([ramp, square], [lambda now: 0.01 * now])


def ask(board: SimulatedRedPitaya, line: str, now: float = 1.0) -> str:
    return board.execute(line, now)


def values(reply: str) -> Samples:
    assert (reply[0], reply[-1]) == ("{", "}")
    return np.array(reply[1:-1].split(","), dtype=float)


def test_identity(board: SimulatedRedPitaya) -> None:
    assert ask(board, "*IDN?") == "REDPITAYA,INSTR2020,0,01-02"
    assert ask(board, "SYST:BRD:Name?") == "STEMlab 125-14"


def test_a_trace_that_was_triggered_at_once(board: SimulatedRedPitaya) -> None:
    ask(board, "ACQ:RST;:ACQ:DEC 1024;:ACQ:START", 1.0)
    assert ask(board, "ACQ:TRIG:STAT?", 1.5) == "TD"
    ask(board, "ACQ:TRIG NOW", 2.0)
    rate = 125e6 / 1024
    full = 2.0 + 8192 / rate
    assert ask(board, "ACQ:TRIG:STAT?;:ACQ:TRIG:FILL?", 2.0) == "TD;0"
    assert ask(board, "ACQ:TRIG:FILL?", full - 1e-4) == "0"
    assert ask(board, "ACQ:TRIG:FILL?", full + 1e-4) == "1"
    trace = values(ask(board, "ACQ:SOUR1:DATA?", 5.0))
    assert trace.size == BUFFER
    expected = 0.1 * (full + (np.arange(BUFFER) - BUFFER + 0.5) / rate)
    assert trace == pytest.approx(expected, abs=1.01 * CODE)
    assert ask(board, "ACQ:TPOS?", 5.0) == str(int(rate * 1.0) % BUFFER)


def test_a_rising_edge_triggers_in_the_middle(board: SimulatedRedPitaya) -> None:
    ask(board, "ACQ:DEC 64;:ACQ:TRIG:LEV 0.2;:ACQ:START;:ACQ:TRIG CH2_PE", 10.0)
    assert ask(board, "ACQ:TRIG:STAT?", 10.2) == "WAIT"
    assert ask(board, "ACQ:TRIG:FILL?", 10.2) == "0"
    assert ask(board, "ACQ:TRIG:STAT?", 11.0) == "TD"
    trace = values(ask(board, "ACQ:SOUR2:DATA?", 12.0))
    step = int(np.flatnonzero(np.diff(trace))[0])
    assert abs(step - BUFFER // 2) <= 2
    assert (trace[0], trace[-1]) == (-0.5, 0.5)


@pytest.mark.parametrize("delay", [-8192, -1000, 4000])
def test_the_delay_moves_the_trigger_in_the_buffer(board: SimulatedRedPitaya, delay: int) -> None:
    ask(board, f"ACQ:DEC 64;:ACQ:TRIG:LEV 0.2;DLY {delay};:ACQ:START;:ACQ:TRIG CH2_PE", 10.0)
    trace = values(ask(board, "ACQ:SOUR2:DATA?", 12.0))
    assert abs(int(np.sum(trace < 0.0)) - (BUFFER // 2 - delay)) <= 2


def test_a_falling_edge_does_not_come(board: SimulatedRedPitaya) -> None:
    ask(board, "ACQ:START;:ACQ:TRIG CH2_NE", 10.0)
    assert ask(board, "ACQ:TRIG:STAT?", 20.0) == "WAIT"
    ask(board, "ACQ:STOP;:ACQ:TRIG DISABLED", 21.0)
    assert ask(board, "ACQ:TRIG:STAT?", 22.0) == "TD"


def test_nothing_before_the_start(board: SimulatedRedPitaya) -> None:
    assert not np.any(values(ask(board, "ACQ:SOUR2:DATA?", 5.0)))
    ask(board, "ACQ:DEC 65536;:ACQ:START;:ACQ:TRIG NOW", 5.0)
    trace = values(ask(board, "ACQ:SOUR2:DATA?", 100.0))
    assert np.count_nonzero(trace == 0.0) == pytest.approx(BUFFER // 2, abs=2)


def test_a_running_buffer_moves_and_a_stopped_one_stays(board: SimulatedRedPitaya) -> None:
    ask(board, "ACQ:DEC 8;:ACQ:START", 1.0)
    assert [values(ask(board, "ACQ:SOUR1:DATA:LAT:N? 1", now))[0] for now in (2.0, 3.0)] == pytest.approx(
        [0.2, 0.3], abs=1.01 * CODE
    )
    ask(board, "ACQ:STOP", 4.0)
    assert values(ask(board, "ACQ:SOUR1:DATA:LAT:N? 1", 9.0))[0] == pytest.approx(0.4, abs=1.01 * CODE)
    assert ask(board, "ACQ:WPOS?", 5.0) == ask(board, "ACQ:WPOS?", 6.0)


def test_noise_does_not_change_under_the_reader() -> None:
    rng = np.random.default_rng(1)
    board = SimulatedRedPitaya([lambda times: 0.1 * rng.standard_normal(times.shape)])
    ask(board, "ACQ:START;:ACQ:TRIG NOW", 1.0)
    first = ask(board, "ACQ:SOUR1:DATA?", 2.0)
    assert ask(board, "ACQ:SOUR1:DATA?", 3.0) == first
    ask(board, "ACQ:START;:ACQ:TRIG NOW", 4.0)
    assert ask(board, "ACQ:SOUR1:DATA?", 5.0) != first


def test_averaging_takes_the_noise_down() -> None:
    rng = np.random.default_rng(2)
    board = SimulatedRedPitaya([lambda times: 0.1 * rng.standard_normal(times.shape)])
    spread = {}
    for word in ("OFF", "ON"):
        ask(board, f"ACQ:DEC 64;:ACQ:AVG {word};:ACQ:START;:ACQ:TRIG NOW", 1.0)
        spread[word] = float(np.std(values(ask(board, "ACQ:SOUR1:DATA:LAT:N? 8000", 2.0))))
    assert spread["OFF"] / spread["ON"] == pytest.approx(math.sqrt(8.0), rel=0.05)


def test_units_formats_and_parts_agree(board: SimulatedRedPitaya) -> None:
    ask(board, "ACQ:DEC 8192;:ACQ:START;:ACQ:TRIG NOW", 5.0)
    volts = values(ask(board, "ACQ:SOUR1:DATA?", 9.0))
    assert values(ask(board, "ACQ:SOUR1:DATA:OLD:N? 5", 9.0)).tolist() == volts[:5].tolist()
    assert values(ask(board, "ACQ:SOUR1:DATA:LAT:N? 5", 9.0)).tolist() == volts[-5:].tolist()
    ask(board, "ACQ:DATA:UNITS RAW", 9.0)
    codes = values(ask(board, "ACQ:SOUR1:DATA?", 9.0))
    assert codes / 8192 == pytest.approx(volts, abs=1e-6)
    ask(board, "ACQ:DATA:FORMAT BIN", 9.0)
    raw = ask(board, "ACQ:SOUR1:DATA?", 9.0).encode("latin-1")
    assert raw[:7] == b"#532768"
    assert np.frombuffer(raw[7:], ">i2").tolist() == codes.tolist()
    ask(board, "ACQ:DATA:UNITS VOLTS", 9.0)
    block = ask(board, "ACQ:SOUR1:DATA:LAT:N? 3", 9.0).encode("latin-1")
    assert block[:4] == b"#212"
    assert np.frombuffer(block[4:], ">f4") == pytest.approx(volts[-3:], abs=1e-6)


def test_a_block_on_the_wire_ends_with_the_line_end(board: SimulatedRedPitaya) -> None:
    session = board.connect()
    session.receive(b"ACQ:DATA:FORMAT BIN\r\nACQ:START\r\nACQ:TRIG NOW\r\n", 5.0)
    block = session.receive(b"ACQ:SOUR1:DATA:OLD:N? 2\r\n", 9.0)
    assert (len(block), block[:3], block[-2:]) == (13, b"#18", b"\r\n")


def test_converters_clip_and_jumpers_scale(board: SimulatedRedPitaya) -> None:
    ask(board, "ACQ:START;:ACQ:TRIG NOW", 100.0)
    assert values(ask(board, "ACQ:SOUR1:DATA:LAT:N? 1", 101.0))[0] == pytest.approx(1.0 - CODE, abs=1e-6)
    board.front_panel("jumper 1", "HV", 102.0)
    ask(board, "ACQ:START;:ACQ:TRIG NOW", 100.0)
    wrong = values(ask(board, "ACQ:SOUR1:DATA:LAT:N? 1", 101.0))[0]
    assert wrong == pytest.approx(0.5, abs=0.001)
    ask(board, "ACQ:SOUR1:GAIN HV", 101.0)
    assert values(ask(board, "ACQ:SOUR1:DATA:LAT:N? 1", 101.0))[0] == pytest.approx(10.0, abs=0.01)


@pytest.mark.parametrize(("source", "rising"), [("EXT_PE", True), ("EXT_NE", False)])
def test_an_external_trigger(board: SimulatedRedPitaya, source: str, rising: bool) -> None:
    ask(board, f"ACQ:START;:ACQ:TRIG {source}", 1.0)
    board.front_panel("external trigger", not rising, 1.5)
    assert ask(board, "ACQ:TRIG:STAT?", 1.6) == "WAIT"
    board.front_panel("external trigger", rising, 2.0)
    assert ask(board, "ACQ:TRIG:STAT?", 2.0) == "TD"


def test_generators(board: SimulatedRedPitaya) -> None:
    line = "SOUR1:FUNC SQUARE;:SOUR1:FREQ:FIX 2;:SOUR1:VOLT 0.4;:SOUR1:VOLT:OFFS 0.1;:OUTPUT1:STATE ON"
    ask(board, f"ACQ:TRIG AWG_PE;:{line};:SOUR1:TRIG:INT", 3.0)
    assert not board.complaints
    assert board.output(1, np.array([3.1, 3.3])) == pytest.approx([0.5, -0.3])
    assert board.output(2, np.array([3.1])).tolist() == [0.0]
    assert ask(board, "SOUR1:FUNC?;:SOUR1:FREQ:FIX?;:SOUR1:VOLT?;:OUTPUT1:STATE?") == "SQUARE;2;0.4;1"
    assert ask(board, "ACQ:TRIG:STAT?", 3.0) == "TD"
    ask(board, "SOUR2:FUNC DC;:SOUR2:VOLT 1;:SOUR2:VOLT:OFFS 1;:OUTPUT2:STATE 1")
    assert board.output(2, np.array([3.1])).tolist() == [1.0]


def test_slow_and_digital_pins(board: SimulatedRedPitaya) -> None:
    assert ask(board, "ANALOG:PIN? AIN0", 50.0) == "0.5000"
    assert ask(board, "ANALOG:PIN? AIN0", 1000.0) == "3.5000"
    assert ask(board, "ANALOG:PIN? AIN3", 50.0) == "0.0000"
    ask(board, "ANALOG:PIN AOUT2, 1.25")
    assert (board.slow_output(2), ask(board, "ANALOG:PIN? AOUT2")) == (1.25, "1.2500")
    ask(board, "DIG:PIN:DIR OUT,DIO1_P;:DIG:PIN DIO1_P,1;:DIG:PIN LED3,1")
    assert ask(board, "DIG:PIN? DIO1_P;:DIG:PIN:DIR? DIO1_P;:DIG:PIN? LED3;:DIG:PIN? DIO1_N") == "1;OUT;1;0"
    assert board.digital_output("DIO1_P")
    assert not board.complaints
    ask(board, "ANALOG:RST;:DIG:RST")
    assert (board.slow_output(2), board.digital_output("LED3")) == (0.0, False)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("ACQ:DEC 2", -222),
        ("ACQ:DEC ONE", -141),
        ("ACQ:AVG 1", -141),
        ("ACQ:TRIG CH3_PE", -141),
        ("ACQ:TRIG:LEV 21", -222),
        ("ACQ:TRIG:DLY -8193", -222),
        ("ACQ:SOUR3:DATA?", -113),
        ("ACQ:SOUR1:DATA:OLD:N? 0", -222),
        ("ACQ:SOUR1:DATA:OLD:N? 16385", -222),
        ("ACQ:SOUR1:DATA:OLD:N?", -222),
        ("ACQ:SOUR1:GAIN MV", -141),
        ("ANALOG:PIN AOUT0,1.9", -222),
        ("ANALOG:PIN AIN0,1", -141),
        ("ANALOG:PIN AOUT0", -109),
        ("ANALOG:PIN? AIN4", -141),
        ("DIG:PIN DIO0_P,1", -221),
        ("DIG:PIN LED0,2", -222),
        ("SOUR1:VOLT 1.1", -222),
        ("NONSENSE", -113),
    ],
)
def test_mistakes_are_silent(board: SimulatedRedPitaya, command: str, code: int) -> None:
    assert ask(board, command) == ""
    assert len(board.complaints) == 1
    assert ask(board, "SYST:ERR?").startswith(f"{code},")


def test_reset_of_the_acquisition(board: SimulatedRedPitaya) -> None:
    ask(board, "ACQ:DEC 64;:ACQ:AVG OFF;:ACQ:DATA:UNITS RAW;:ACQ:DATA:FORMAT BIN;:ACQ:SOUR2:GAIN HV")
    ask(board, "ACQ:TRIG:LEV 0.5;DLY 7")
    everything = "ACQ:DEC?;AVG?;DATA:UNITS?;FORMAT?;:ACQ:SOUR2:GAIN?;:ACQ:TRIG:LEV?;DLY?;:ACQ:BUF:SIZE?"
    assert ask(board, everything) == "64;OFF;RAW;BIN;HV;0.5;7;16384"
    ask(board, "ACQ:RST")
    assert ask(board, everything) == "1;ON;VOLTS;ASCII;LV;0;0;16384"


def test_only_the_right_line_end_is_answered(board: SimulatedRedPitaya) -> None:
    session = board.connect()
    assert session.receive(b"ACQ:DEC?\n", 1.0) == b""
    assert session.due() is None
    assert session.receive(b"\r\n", 1.0) == b"1\r\n"


def test_fragments_glued_lines_noise_and_floods(board: SimulatedRedPitaya) -> None:
    lines, replies = b"ACQ:DEC?\r\nACQ:DEC 8\r\nACQ:DEC?\r\nACQ:DEC 1\r\n", b"1\r\n8\r\n"
    for cut in range(len(lines)):
        session = board.connect()
        assert session.receive(lines[:cut], 1.0) + session.receive(lines[cut:], 1.0) == replies
    session = board.connect()
    assert session.receive(b"\xff\x80?\r\n" + b"x" * 70_000, 1.0) == b""
    assert session.receive(b"ACQ:DEC?\r\n", 1.0) == b"1\r\n"
    assert [each.split(",")[0] for each in board.complaints] == ["-101", "-363"]


def test_a_dead_server_cuts_everybody_off_until_a_power_cycle(board: SimulatedRedPitaya) -> None:
    session = board.connect()
    board.provoke("server crash", 1.0)
    for each in (session, board.connect()):
        with pytest.raises(SessionEndedError):
            each.receive(b"", 1.0)
    board.switch_off(2.0)
    board.switch_on(32.0)
    assert board.connect().receive(b"*ESR?\r\n", 33.0) == b"128\r\n"


def test_a_power_cycle_starts_anew_but_jumpers_stay(board: SimulatedRedPitaya) -> None:
    board.front_panel("jumper 2", "HV", 0.0)
    ask(board, "ACQ:DEC 64;:ACQ:START;:OUTPUT1:STATE ON;:ANALOG:PIN AOUT0,1", 1.0)
    board.switch_off(2.0)
    assert board.slow_output(0) == 0.0
    assert not np.any(board.output(1, np.array([2.1])))
    board.switch_on(32.0)
    assert ask(board, "ACQ:DEC?;:OUTPUT1:STATE?;:ANALOG:PIN? AOUT0", 33.0) == "1;0;0.0000"
    ask(board, "ACQ:SOUR2:GAIN HV;:ACQ:START;:ACQ:TRIG NOW", 33.0)
    assert values(ask(board, "ACQ:SOUR2:DATA:LAT:N? 1", 34.0))[0] == pytest.approx(0.5, abs=0.003)


def test_what_cannot_be_set_up(board: SimulatedRedPitaya) -> None:
    with pytest.raises(InstrumentSetupError, match=r"inputs = \(3, 0\) is not possible"):
        SimulatedRedPitaya([ramp] * 3)
    with pytest.raises(InstrumentSetupError, match="jumper 1 = 'MV' is not possible: allowed is LV, HV"):
        board.front_panel("jumper 1", "MV", 0.0)


def test_newer_firmware_knows_more_decimations() -> None:
    board = SimulatedRedPitaya(specification=RedPitayaSpecification(decimations=(1, 2, 4)))
    assert ask(board, "ACQ:DEC 2;DEC?") == "2"


def test_a_whole_trace_over_tcp(board: SimulatedRedPitaya) -> None:
    with (
        serve_tcp(board, second_client="refuse") as server,
        dial(server) as client,
        client.makefile("rb") as replies,
    ):
        client.sendall(b"ACQ:START\r\nACQ:TRIG NOW\r\nACQ:SOUR2:DATA?\r\n")
        trace = replies.readline()
        assert trace.endswith(b"}\r\n")
        assert trace.count(b",") == BUFFER - 1


@pytest.mark.parametrize("edge", [0.25, 7.123456, 19.9999])
def test_an_edge_is_found_to_a_sample_in_a_long_time(edge: float) -> None:
    found = find_edge(lambda times: np.where(times < edge, 0.0, 1.0), 0.5, True, 0.0, 20.0, 125e6)
    assert found is not None
    assert 0.0 <= found - edge < 1.1 / 125e6
    assert find_edge(lambda times: np.where(times < edge, 0.0, 1.0), 0.5, False, 0.0, 20.0, 125e6) is None
