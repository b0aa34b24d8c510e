from __future__ import annotations

import math
import struct

import pytest
from instrument_clients import dial

from hardware_sim.instruments import InstrumentSetupError, serve_tcp
from hardware_sim.instruments.moglabs_arf import ArfSession, SimulatedArf
from hardware_sim.instruments.moglabs_channel import ArfSpecification


def query(line: ArfSession, command: str, now: float = 0.0) -> str:
    assert line.receive(command.encode() + b"\r\n", now) == b""
    due = line.due()
    assert due == pytest.approx(now + 1e-3)
    answer = line.receive(b"", now + 1.1e-3)
    assert line.due() is None
    assert answer.endswith(b"\r\n")
    return answer.decode("ascii").removesuffix("\r\n")


def play(*commands: str) -> tuple[SimulatedArf, ArfSession]:
    """Return a source in table mode that is switched on and was given some commands."""
    arf = SimulatedArf()
    line = arf.connect()
    for command in ("MODE,1,TSB", "ON,1", *commands):
        assert query(line, command).startswith("OK: CH1 ")
    return arf, line


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("FREQ,1,80MHz", "OK: CH1 freq now 80.00000007 MHz (0x147AE148)"),
        ("FREQ,1,80", "OK: CH1 freq now 80.00000007 MHz (0x147AE148)"),
        ("freq, 2, 80000 kHz", "OK: CH2 freq now 80.00000007 MHz (0x147AE148)"),
        ("FREQ,1,10MHz", "ERR: Frequency 10.00 MHz out of range"),
        ("FREQ,1,400.1", "ERR: Frequency 400.10 MHz out of range"),
        ("FREQ,1,80 dBm", "ERR: Invalid value 80 dBm"),
        ("FREQ,1,1e999", "ERR: Invalid value 1e999"),
        ("FREQ,3", "ERR: Invalid channel"),
        ("FREQ", "ERR: Invalid channel"),
        ("POW,1,29.0 dBm", "OK: CH1 power now 29.00 dBm"),
        ("POW,1,500mW", "OK: CH1 power now 26.99 dBm"),
        ("POW,1,2W", "OK: CH1 power now 33.01 dBm"),
        ("POW,1,-1 W", "ERR: Invalid value -1 W"),
        ("POW,1,36.1", "ERR: Power 36.10 dBm out of range"),
        ("PHASE,1,90", "OK: CH1 phase now 90.000 deg (0x4000)"),
        ("PHASE,1,-3.14159265rad", "OK: CH1 phase now 180.000 deg (0x8000)"),
        ("LIMIT,1,33 dBm", "OK: CH1 limit now 33.00 dBm"),
        ("MODE,1", "NSB"),
        ("MODE,1,ABC", "ERR: Invalid argument ABC"),
        ("ON,1,XYZ", "ERR: Invalid argument XYZ"),
        ("STATUS,1", "0"),
        ("INFO", "MOGLabs ARF421, A20117"),
        ("VERSION", "UC: 1.9.1, FPGA: 1.9.1"),
        ("TEMP", "ch1:29.0 C,ch2:29.0 C"),
        ("TABLE", "ERR: Command not defined"),
        ("TABLE,NONSENSE,1", "ERR: Command not defined"),
        ("TABLE,ENTRY,1", "ERR: Invalid number "),
        ("HELLO", "ERR: Command not defined"),
        ("", "ERR: Command not defined"),
        ("FREQ,1\nFREQ,1", "ERR: Invalid channel"),
    ],
)
def test_golden_lines(command: str, answer: str) -> None:
    arf = SimulatedArf()
    assert query(arf.connect(), command) == answer
    assert bool(arf.complaints) == answer.startswith("ERR")


def test_settings_are_read_back_as_they_were_rounded() -> None:
    line = SimulatedArf().connect()
    for command in ("FREQ,2,123.456789", "POW,2,-12.345", "PHASE,2,45", "LIMIT,2,20", "MODE,2,TPA"):
        assert query(line, command).startswith("OK: CH2 ")
    assert query(line, "FREQ,2").split(" MHz")[0] == "123.45678895"
    assert [query(line, f"{verb},2") for verb in ("POW", "PHASE", "LIMIT", "MODE")] == [
        "-12.35 dBm",
        "45.000 deg (0x2000)",
        "20.00 dBm",
        "TPA",
    ]


def test_nothing_leaves_the_output_until_signal_and_amplifier_are_on() -> None:
    arf = SimulatedArf()
    line = arf.connect()
    query(line, "POW,1,20")
    levels = []
    for command in ("ON,1,SIG", "ON,1,POW", "OFF,1,SIG", "ON,1", "OFF,1"):
        query(line, command)
        levels.append(arf.signal(1, 0.1).power)
    assert levels == [-math.inf, 20.0, -math.inf, 20.0, -math.inf]
    query(line, "ON,1")
    signal = arf.signal(1, 0.1)
    assert signal.frequency == pytest.approx(80e6, abs=0.1)
    assert signal.phase == 0.0
    assert query(line, "STATUS,1") == "3"


def test_limit_caps_pulls_down_and_survives_power() -> None:
    arf = SimulatedArf()
    line = arf.connect()
    query(line, "POW,1,30")
    assert query(line, "LIMIT,1,25") == "OK: CH1 limit now 25.00 dBm"
    assert query(line, "POW,1") == "25.00 dBm"
    assert query(line, "POW,1,25.01") == "ERR: Power 25.01 dBm exceeds limit 25.00 dBm"
    query(line, "ON,1")
    arf.switch_off(1.0)
    assert arf.signal(1, 1.0).power == -math.inf
    assert line.receive(b"INFO\r\n", 2.0) == b""
    assert line.due() is None
    arf.switch_on(6.0)
    assert [query(line, command, 7.0) for command in ("LIMIT,1", "POW,1", "STATUS,1", "MODE,1")] == [
        "25.00 dBm",
        "0.00 dBm",
        "0",
        "NSB",
    ]
    assert arf.limit(1) == 25.0


def test_what_is_sent_before_the_answer_is_lost() -> None:
    arf = SimulatedArf()
    line = arf.connect()
    assert line.receive(b"POW,1,10\r\nPOW,1,20\r\n", 0.0) == b""
    assert line.receive(b"POW,1,30\r\n", 0.0005) == b""
    assert line.receive(b"", 0.002) == b"OK: CH1 power now 10.00 dBm\r\n"
    assert line.receive(b"", 1.0) == b""
    assert list(arf.complaints) == [
        "b'POW,1,20\\r\\n': sent before the answer",
        "b'POW,1,30\\r\\n': sent before the answer",
    ]


def test_line_may_be_cut_anywhere() -> None:
    command = b"FREQ,1,80MHz\r\n"
    for cut in range(1, len(command)):
        line = SimulatedArf().connect()
        assert line.receive(command[:cut], 0.0) == line.receive(command[cut:], 0.1) == b""
        assert line.receive(b"", 0.2) == b"OK: CH1 freq now 80.00000007 MHz (0x147AE148)\r\n"


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\n\r", b""])
def test_wrong_line_end_is_never_answered(end: bytes) -> None:
    line = SimulatedArf().connect()
    assert line.receive(b"INFO" + end, 0.0) == b""
    assert line.due() is None


def test_bytes_beyond_ascii_are_refused_and_endless_ones_forgotten() -> None:
    arf = SimulatedArf()
    line = arf.connect()
    line.receive(b"FR\xc3\x84Q,1\r\n", 0.0)
    assert line.receive(b"", 1.0) == b"ERR: Command not defined\r\n"
    assert line.receive(b"x" * 1100, 2.0) == b""
    assert arf.complaints[-1] == "b'xxxxxxxxxxxxxxxxxxxx'...: 1100 bytes without CR LF"
    assert query(line, "MODE,1", 3.0) == "NSB"


def test_table_is_edited_and_read_back() -> None:
    _, line = play("TABLE,APPEND,1,80MHz,29dBm,0deg,10us", "TABLE,APPEND,1,81,20,90,5,SIG")
    assert query(line, "TABLE,ENTRIES,1") == "2"
    assert query(line, "TABLE,ENTRY,1,2") == "81.00000001 MHz, 20.00 dBm, 90.000 deg, 5 us, SIG"
    assert query(line, "TABLE,ENTRY,1,1,100,10,0,20us") == "OK: CH1 entry 1"
    assert query(line, "TABLE,ENTRY,1,3,100,10,0,20us") == "OK: CH1 entry 3"
    assert query(line, "TABLE,ENTRY,1,5,100,10,0,20us") == "ERR: Invalid number 5"
    assert query(line, "TABLE,APPEND,1,80,29,0,7us") == "ERR: Duration 7.00 us is not a multiple of 5 us"
    assert query(line, "TABLE,APPEND,1,80,29,0,5us,ODD") == "ERR: Invalid flags ODD"
    assert query(line, "TABLE,APPEND,1,80,29") == "ERR: Missing argument"
    assert query(line, "TABLE,EDGE,1") == "RISING"
    assert query(line, "TABLE,EDGE,1,FALLING") == "OK: CH1 edge FALLING"
    assert [query(line, f"TABLE,{name},1") for name in ("EDGE", "REARM", "RESTART")] == [
        "FALLING",
        "off",
        "off",
    ]
    assert query(line, "TABLE,CLEAR,1") == "OK: CH1 table cleared"
    assert query(line, "TABLE,ARM,1") == "ERR: CH1 table is empty"


def test_dump_is_length_and_bytes_or_an_error() -> None:
    _, line = play("TABLE,APPEND,1,80,29,90,10us,POW", "TABLE,APPEND,1,20,-1.5,0,0")
    line.receive(b"TABLE,DUMP,1\r\n", 0.0)
    answer = line.receive(b"", 1.0)
    assert struct.unpack_from("<I", answer) == (40,)
    assert len(answer) == 44
    assert struct.unpack_from("<IhHQH", answer, 4) == (0x147AE148, 2900, 0x4000, 10_000, 2)
    assert struct.unpack_from("<IhHQH", answer, 24)[1:4] == (-150, 0, 0)
    assert query(line, "TABLE,DUMP,9", 2.0) == "ERR: Invalid channel"


def test_full_table_is_refused() -> None:
    _, line = play("TABLE,RAMP,1,FREQ,80,90,5us,8191")
    assert query(line, "TABLE,APPEND,1,80,29,0,5us") == "ERR: Table is full (8191 entries)"
    assert query(line, "TABLE,ENTRIES,1,0") == "OK: CH1 has 0 entries"


@pytest.mark.parametrize(
    ("what", "ends", "middle"),
    [
        ("FREQ", "80,90", "84.99999996 MHz, 0.00 dBm, 0.000 deg, 5 us"),
        ("POW", "-10,20", "80.00000007 MHz, 5.00 dBm, 0.000 deg, 5 us"),
        ("PHASE", "0,180", "80.00000007 MHz, 0.00 dBm, 90.000 deg, 5 us"),
    ],
)
def test_ramp_is_linear_and_keeps_the_rest(what: str, ends: str, middle: str) -> None:
    _, line = play(f"TABLE,RAMP,1,{what},{ends},5us,11")
    assert query(line, "TABLE,ENTRY,1,6") == middle
    assert query(line, "TABLE,ENTRIES,1") == "11"


def test_table_plays_in_time() -> None:
    arf, line = play(
        "TABLE,APPEND,1,80,10,0,10us", "TABLE,APPEND,1,90,20,0,5us", "TABLE,APPEND,1,99,5,0,5us,SIG"
    )
    assert query(line, "TABLE,START,1") == "ERR: CH1 table is not armed"
    assert arf.signal(1, 0.0).power == -math.inf
    assert query(line, "TABLE,ARM,1") == "OK: CH1 table armed"
    assert query(line, "TABLE,STATUS,1") == "ARMED"
    assert query(line, "TABLE,START,1", 1.0) == "OK: CH1 table started"
    levels = [arf.signal(1, 1.0 + at * 1e-6).power for at in (0.1, 9.9, 10.1, 14.9, 15.1, 20.1)]
    assert levels == [10.0, 10.0, 20.0, 20.0, -math.inf, -math.inf]
    assert query(line, "TABLE,STATUS,1", 2.0) == "IDLE"
    assert query(line, "TABLE,START,1", 2.0) == "ERR: CH1 table is not armed"


def test_limit_holds_for_a_table_that_runs_already() -> None:
    arf, line = play("TABLE,APPEND,1,80,20,0,0", "TABLE,ARM,1", "TABLE,START,1")
    assert arf.signal(1, 1.0).power == 20.0
    query(line, "LIMIT,1,10", 1.0)
    assert arf.signal(1, 2.0).power == 10.0


def test_loops_repeat_and_do_not_overlap() -> None:
    arf, line = play(*(f"TABLE,APPEND,1,{80 + step},{step},0,5us" for step in range(4)))
    assert query(line, "TABLE,LOOP,1,3,2,10") == "OK: CH1 loop from entry 3 to 2"
    assert query(line, "TABLE,LOOP,1,4,3,1") == "ERR: Loops overlap"
    assert query(line, "TABLE,LOOP,1,2,3,1") == "ERR: Invalid number 3"
    query(line, "TABLE,ARM,1")
    query(line, "TABLE,START,1", 1.0)
    # One step, eleven passes of two, one step: 24 steps of 5 us.
    played = [arf.signal(1, 1.0 + (step + 0.5) * 5e-6).power for step in range(25)]
    assert played == [0.0, *[1.0, 2.0] * 11, 3.0, -math.inf]


def test_zero_duration_waits_for_the_trigger() -> None:
    arf, line = play("TABLE,APPEND,1,80,1,0,0", "TABLE,APPEND,1,90,2,0,10us", "TABLE,APPEND,1,99,3,0,5,TRIG")
    query(line, "TABLE,ARM,1")
    arf.trigger(1, 1.0)  # starts an armed table
    assert query(line, "TABLE,STATUS,1", 1.5) == "WAITING 1"
    arf.trigger(1, 2.0)
    assert arf.signal(1, 2.000005).power == 2.0
    arf.trigger(1, 2.000006)  # nothing waits for it
    assert query(line, "TABLE,STATUS,1", 2.5) == "WAITING 3"
    arf.trigger(1, 3.0)
    assert query(line, "TABLE,STATUS,1", 3.5) == "IDLE"


def test_restarting_table_is_found_at_once_after_a_night() -> None:
    arf, line = play(
        "TABLE,APPEND,1,80,1,0,5us", "TABLE,APPEND,1,90,2,0,5us", "TABLE,LOOP,1,2,1,9", "TABLE,RESTART,1,on"
    )
    query(line, "TABLE,ARM,1")
    query(line, "TABLE,START,1", 0.0)
    # Five seconds of a table of 100 us, asked a quarter of a step into its second entry.
    assert arf.signal(1, 5.0 + 6.25e-6).power == 2.0
    assert arf.signal(1, 36_000.0).power in (1.0, 2.0)  # ten hours: the phase is lost in floats, time is not
    assert query(line, "TABLE,STOP,1", 36_001.0) == "OK: CH1 table stopped"
    assert arf.signal(1, 36_002.0).power == -math.inf


def test_rearmed_table_waits_for_its_next_start() -> None:
    arf, line = play("TABLE,APPEND,1,80,1,0,5us", "TABLE,REARM,1,ON", "TABLE,ARM,1", "TABLE,START,1")
    assert query(line, "TABLE,STATUS,1", 1.0) == "ARMED"
    arf.trigger(1, 2.0)
    assert arf.signal(1, 2.000001).power == 1.0


def test_amplifier_warms_up_and_trips_when_it_is_too_hot() -> None:
    arf = SimulatedArf()
    line = arf.connect()
    query(line, "POW,1,30")
    query(line, "ON,1")
    assert arf.temperature(1, 0.0) == pytest.approx(29.0, abs=0.01)
    assert arf.temperature(1, 60.0) == pytest.approx(29.0 + 8.0 * (1 - math.exp(-1)), abs=0.01)
    assert query(line, "TEMP", 600.0) == "ch1:37.0 C,ch2:29.0 C"
    arf.provoke("over-temperature", 600.0)
    assert arf.signal(1, 600.0).power == -math.inf
    assert query(line, "ON,1", 600.0) == "ERR: CH1 is too hot (75.0 C)"
    assert query(line, "ON,1,SIG", 600.0) == "OK: CH1 on"
    assert query(line, "ON,1", 660.0) == "OK: CH1 on"


def test_human_at_the_front_panel() -> None:
    arf = SimulatedArf()
    for knob, value in (("frequency_2", 200e6), ("power_2", 12.0), ("output_2", True)):
        arf.front_panel(knob, value, 0.0)
    signal = arf.signal(2, 0.0)
    assert signal.frequency == pytest.approx(200e6, abs=0.2)
    assert signal.power == 12.0
    arf.front_panel("output_2", False, 1.0)
    assert arf.signal(2, 1.0).power == -math.inf
    with pytest.raises(InstrumentSetupError) as caught:
        arf.front_panel("frequency_1", 1e6, 0.0)
    assert str(caught.value) == (
        "frequency_1 = 1000000.0 is not possible: allowed is what the instrument takes; "
        "Frequency 1.00 MHz out of range"
    )


def test_over_a_real_socket() -> None:
    arf = SimulatedArf(ArfSpecification(model="XRF021"))
    with serve_tcp(arf, speed=100.0) as server:
        assert server.resource == f"TCPIP::127.0.0.1::{server.port}::SOCKET"
        with dial(server) as client:
            answers = client.makefile("rb")
            for command, answer in ((b"info", b"MOGLabs XRF021, A20117"), (b"POW,1", b"0.00 dBm")):
                client.sendall(command + b"\r\n")
                assert answers.readline() == answer + b"\r\n"
            answers.close()
