"""The simulated gauge controller: the dialogue of the manual, its gauges, and what people do to them."""

from __future__ import annotations

import pytest
import serial

from hardware_sim.instruments import InstrumentSetupError, serve_tcp
from hardware_sim.instruments.shared_line import LineSession
from hardware_sim.instruments.tpg36x import Gauge, GaugeSpecification, SimulatedGauge

ACK, NAK, ENQ, ETX = b"\x06\r\n", b"\x15\r\n", b"\x05", b"\x03"


def ask(line: LineSession, command: str, now: float = 100.0) -> str:
    """Return the answer to a command that must be acknowledged."""
    assert line.receive(command.encode() + b"\r\n", now) == ACK
    reply = line.receive(ENQ, now)
    assert reply.endswith(b"\r\n")
    return reply[:-2].decode()


@pytest.fixture
def gauge() -> SimulatedGauge:
    return SimulatedGauge(lambda now: 1.23e-8)


@pytest.fixture
def line(gauge: SimulatedGauge) -> LineSession:
    return gauge.connect()


def test_dialogue_of_the_manual(line: LineSession) -> None:
    assert line.receive(b"PR1\r", 1.0) == ACK
    assert line.receive(ENQ, 1.0) == b"0,+1.2300E-10\r\n"
    assert line.receive(ENQ, 1.0) == b"0,+1.2300E-10\r\n"
    assert line.receive(b"NONSENSE\r", 1.0) == NAK
    assert line.receive(ENQ, 1.0) == b"0001\r\n"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("PRX", "0,+1.2300E-10,5,+0.0000E+00"),
        ("PR2", "5,+0.0000E+00"),
        ("TID", "IKR,noSEn"),
        ("AYT", "TPG362,PTG28290,44998061,010300,010100"),
        ("PNR", "010300"),
        ("UNI", "0"),
        ("SEN", "2,0"),
        ("ERR", "0000"),
        ("RES", "0"),
        ("RES,1", "0"),
        ("CAL", "1.000,1.000"),
        ("FIL", "1,1"),
        ("SPS", "1,1,0,0"),
        ("SP1", "0,+1.0000E-09,+2.0000E-09"),
        ("SP3", "1,+1.0000E-09,+2.0000E-09"),
        ("BAU", "0"),
        ("SCT", "0"),
        ("DCD", "2"),
        ("SAV,1", "1"),
        ("P R 1", "0,+1.2300E-10"),
        ("UNI, 2", "2"),
        ("SP4,0,3.0E-10,5e-10", "0,+3.0000E-10,+5.0000E-10"),
        ("CAL,1.5,0.5", "1.500,0.500"),
        ("FIL,0,2", "0,2"),
        ("SEN,1,0", "1,0"),
    ],
)
def test_commands(gauge: SimulatedGauge, line: LineSession, command: str, answer: str) -> None:
    assert ask(line, command) == answer
    assert not gauge.complaints


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("PR3", "0001"),
        ("pr1", "0001"),
        ("\xff\xfe", "0001"),
        ("X" * 200, "0001"),
        ("PR1,1", "0010"),
        ("UNI,4", "0010"),
        ("UNI,-1", "0010"),
        ("UNI,1,1", "0010"),
        ("SEN,1", "0010"),
        ("SEN,0,2", "0100"),
        ("CAL,20,1", "0010"),
        ("CAL,nan,1", "0010"),
        ("SP1,0,2E-9,1E-9", "0010"),
        ("SP1,0,1E-9,inf", "0010"),
        ("SP1,2,1E-9,2E-9", "0010"),
        ("SP1,0,small,2E-9", "0010"),
    ],
)
def test_wrong_commands_are_refused(
    gauge: SimulatedGauge, line: LineSession, command: str, word: str
) -> None:
    assert line.receive(command.encode("latin-1") + b"\r", 1.0) == NAK
    assert line.receive(ENQ, 1.0) == word.encode() + b"\r\n"
    assert line.receive(ENQ, 1.0) == b"0000\r\n"  # reading clears it
    assert len(gauge.complaints) == 1
    assert ask(line, "PR1") == "0,+1.2300E-10"


def test_errors_add_up_until_they_are_read(line: LineSession) -> None:
    line.receive(b"NONSENSE\rUNI,9\r", 1.0)
    assert ask(line, "ERR") == "0011"
    line.receive(b"NONSENSE\r", 1.0)
    assert ask(line, "RES,1") == "0"
    assert ask(line, "ERR") == "0000"


def test_enquiry_without_a_request_gives_the_error_word(line: LineSession) -> None:
    assert line.receive(ENQ, 1.0) == b"0000\r\n"


@pytest.mark.parametrize("end", [b"\n", b"", b";"])
def test_wrong_line_end_is_no_line_end(line: LineSession, end: bytes) -> None:
    assert line.receive(b"PR1" + end, 1.0) == b""
    assert line.receive(ETX, 1.0) == b""  # what came is forgotten
    assert line.receive(b"PR1\r", 1.0) == ACK


def test_each_enquiry_is_a_new_measurement() -> None:
    line = SimulatedGauge(lambda now: 1e-8 * now).connect()
    assert ask(line, "PR1", now=2.0) == "0,+2.0000E-10"
    assert line.receive(ENQ, 3.0) == b"0,+3.0000E-10\r\n"


def test_units(line: LineSession) -> None:
    ask(line, "UNI,1")
    assert ask(line, "PR1") == "0,+9.2258E-11"
    assert ask(line, "SP1") == "0,+7.5006E-10,+1.5001E-09"
    ask(line, "UNI,2")
    assert ask(line, "PR1") == "0,+1.2300E-08"
    ask(line, "SP1,0,1E-7,2E-7")
    ask(line, "UNI,0")
    assert ask(line, "SP1") == "0,+1.0000E-09,+2.0000E-09"


def test_gauge_out_of_its_range_says_so() -> None:
    pressures = {1.0: 1e-9, 2.0: 1e-8, 3.0: 50.0}
    line = SimulatedGauge(lambda now: pressures[now]).connect()
    assert ask(line, "PR1", 1.0) == "1,+5.0000E-11"
    assert ask(line, "PR1", 2.0) == "0,+1.0000E-10"
    assert ask(line, "PR1", 3.0) == "2,+1.0000E-02"


def test_gauge_is_wrong_by_its_factor_and_corrected_by_the_calibration() -> None:
    specification = GaugeSpecification(gauges=(Gauge("PKR", factor=0.8), Gauge()))
    line = SimulatedGauge(lambda now: 1e-6, lambda now: 2e-6, specification=specification).connect()
    assert ask(line, "TID") == "PKR,IKR"
    assert ask(line, "PRX") == "0,+8.0000E-09,0,+2.0000E-08"
    ask(line, "CAL,1.25,1.0")
    assert ask(line, "PR1") == "0,+1.0000E-08"


def test_gauge_that_is_switched_on_needs_time_to_ignite(line: LineSession) -> None:
    assert ask(line, "SEN,1,0", 100.0) == "1,0"
    assert ask(line, "PR1", 100.0) == "4,+0.0000E+00"
    assert ask(line, "SEN,2,0", 110.0) == "2,0"
    assert ask(line, "PR1", 114.0) == "1,+5.0000E-11"
    assert ask(line, "SEN,2,0", 114.0) == "2,0"  # it is on already
    assert ask(line, "PR1", 115.0) == "0,+1.2300E-10"


def test_gauge_fails_until_another_one_is_plugged_in(gauge: SimulatedGauge, line: LineSession) -> None:
    gauge.provoke("sensor 1 error", 100.0)
    assert ask(line, "PR1") == "3,+0.0000E+00"
    assert ask(line, "RES") == "9"
    gauge.front_panel("plug 1", False, 100.0)
    assert ask(line, "PRX") == "5,+0.0000E+00,5,+0.0000E+00"
    gauge.front_panel("plug 1", True, 100.0)
    assert ask(line, "PR1", 104.0) == "1,+5.0000E-11"
    assert ask(line, "PR1", 105.0) == "0,+1.2300E-10"
    gauge.front_panel("plug 2", True, 100.0)
    assert ask(line, "PRX", 200.0) == "0,+1.2300E-10,0,+2.0000E-10"


def test_somebody_changes_unit_and_gauge_by_hand(gauge: SimulatedGauge, line: LineSession) -> None:
    gauge.front_panel("unit", "Pa", 100.0)
    assert ask(line, "PR1") == "0,+1.2300E-08"
    assert ask(line, "UNI") == "2"
    gauge.front_panel("sensor 1", False, 100.0)
    assert ask(line, "SEN") == "1,0"


def test_continuous_mode_talks_until_somebody_says_something(line: LineSession) -> None:
    reading = b"0,+1.2300E-10,5,+0.0000E+00\r\n"
    assert line.receive(b"COM,0\r\n", 10.0) == ACK
    for index in range(1, 4):
        assert line.due() == pytest.approx(10.0 + 0.1 * index)
        assert line.receive(b"", line.due() or 0.0) == reading
    assert line.receive(b"PR1\r", 20.0) == ACK
    assert line.due() is None
    assert line.receive(b"COM\r", 20.0) == ACK
    assert line.due() == 21.0
    assert line.receive(ETX, 20.5) == b""
    assert line.due() is None
    assert line.receive(b"COM,2\r", 30.0) == ACK
    assert line.due() == 90.0


def test_controller_may_talk_from_its_start_on() -> None:
    gauge = SimulatedGauge(specification=GaugeSpecification(chatter=1))
    line = gauge.connect()
    assert line.due() == 1.0
    assert line.receive(b"", 1.0) == b"0,+2.0000E-10,5,+0.0000E+00\r\n"
    line.receive(ENQ, 1.5)
    gauge.switch_off(2.0)
    assert line.due() is None
    gauge.switch_on(5.0)
    assert line.due() == 6.0


def test_power_cycle_keeps_settings_and_lets_the_gauges_ignite_anew(
    gauge: SimulatedGauge, line: LineSession
) -> None:
    ask(line, "UNI,2")
    line.receive(b"NONSENSE\rCOM,0\rPR", 100.0)
    gauge.switch_off(100.0)
    assert line.receive(b"PR1\r" + ENQ, 101.0) == b""
    gauge.switch_on(103.0)
    assert line.due() is None
    assert line.receive(ENQ, 103.0) == b"0000\r\n"
    assert ask(line, "PR1", 104.0) == "1,+5.0000E-09"
    assert ask(line, "PR1", 108.0) == "0,+1.2300E-08"


def test_commands_are_understood_at_every_cut_and_glued(line: LineSession) -> None:
    stream = b"PR1\r\n" + ENQ + b"TID\r" + ENQ
    expected = ACK + b"0,+1.2300E-10\r\n" + ACK + b"IKR,noSEn\r\n"
    for cut in range(1, len(stream)):
        assert line.receive(stream[:cut], 1.0) + line.receive(stream[cut:], 1.0) == expected


def test_what_cannot_be_is_refused(gauge: SimulatedGauge) -> None:
    with pytest.raises(InstrumentSetupError) as caught:
        SimulatedGauge(*[lambda now: 1e-8] * 3)
    assert str(caught.value) == "gauges = 3 is not possible: allowed is 1 or 2; use a second controller"
    with pytest.raises(InstrumentSetupError) as caught:
        gauge.front_panel("unit", "psi", 0.0)
    assert str(caught.value) == (
        "unit = 'psi' is not possible: allowed is mbar, Torr, Pa, micron; name one of these"
    )


def test_two_clients_hear_the_same_words(gauge: SimulatedGauge, line: LineSession) -> None:
    other = gauge.connect()
    ask(line, "PR1")
    assert other.receive(b"", 100.0) == ACK + b"0,+1.2300E-10\r\n"


def test_controller_over_pyserial_on_a_socket(gauge: SimulatedGauge) -> None:
    with serve_tcp(gauge) as server:
        port = serial.serial_for_url(server.resource, timeout=5.0)
        port.write(b"PR1\r")
        assert port.read_until(b"\n") == ACK
        port.write(ENQ)
        assert port.read_until(b"\n") == b"0,+1.2300E-10\r\n"
        port.close()
