"""The simulated power meter and the frames of its relatives on the network."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instrument_clients import dial, feed, read_until

from hardware_sim.instruments import serve_tcp
from hardware_sim.instruments.endpoint import SessionEndedError
from hardware_sim.instruments.pm100d import PM103E, SimulatedPm100d
from hardware_sim.instruments.pm100d_sensor import SensorHead
from hardware_sim.instruments.thorlabs_framing import (
    IDLE_LIMIT,
    LARGEST_PART,
    FramedEndpoint,
    FrameReader,
    pack_frames,
)

QUIET = SensorHead(noise=0.0, dark_current=0.0)


class Beam:
    """Light whose power a test changes."""

    def __init__(self, power: float) -> None:
        self.power = power

    def __call__(self, now: float) -> float:
        return self.power


def build(beam: Beam, sensor: SensorHead = QUIET) -> SimulatedPm100d:
    meter = SimulatedPm100d(np.random.default_rng(1), beam, wavelength=800e-9, sensor=sensor)
    meter.execute("*CLS;SENS:CORR:WAV 800", 0.0)
    return meter


@pytest.fixture
def beam() -> Beam:
    return Beam(1e-3)


@pytest.fixture
def meter(beam: Beam) -> SimulatedPm100d:
    return build(beam)


def ask(meter: SimulatedPm100d, line: str, now: float = 0.0) -> str:
    return meter.execute(line, now)


def test_identity_and_sensor(meter: SimulatedPm100d) -> None:
    assert ask(meter, "*IDN?") == "Thorlabs,PM100D,P0012345,2.4.0"
    assert ask(meter, "SYST:SENSOR:IDN?") == "S130VC,19082312,22-AUG-2019,1,18,289"
    assert ask(meter, "SYST:ERR?") == '+0,"No error"'


def test_network_meter_quotes_the_words_of_its_sensor() -> None:
    meter = SimulatedPm100d(np.random.default_rng(1), specification=PM103E)
    assert ask(meter, "SYST:SENS1:IDN?") == '"S130VC","19082312","22-AUG-2019",1,18,289'
    assert ask(meter, "*IDN?").startswith("Thorlabs,PM103E,")


@pytest.mark.parametrize(
    ("command", "query", "reply"),
    [
        ("SENS:CORR:WAV 866", "SENS:CORR:WAV?", "8.66000000E+02"),
        ("SENSE1:CORRECTION:WAVELENGTH MIN", "CORR:WAV?", "2.00000000E+02"),
        ("SENS:CORR 10", "SENS:CORR:LOSS:INP:MAGN?", "1.00000000E+01"),
        ("SENS:CORR:BEAM 1.5", "SENS:CORR:BEAM?", "1.50000000E+00"),
        ("SENS:AVER:COUN 3000", "SENS:AVER?", "3000"),
        ("SENS:POW:UNIT DBM", "POW:DC:UNIT?", "DBM"),
        ("SENS:POW:RANG:AUTO 0", "SENS:POW:RANG:AUTO?", "0"),
        ("SENS:POW:RANG:UPP 9.09e-4", "SENS:POW:RANG:AUTO?;UPP?", "0;9.09090909E-04"),
        ("SENS:POW:RANG 1e-5", "SENS:POW:RANG?", "9.09090909E-05"),
        ("SENS:CORR:COLL:ZERO:MAGN 1e-12", "SENS:CORR:COLL:ZERO:MAGN?", "1.00000000E-12"),
        ("CONF:CURR", "CONF?", "CURR"),
        ("CONF", "CONF?", "POW"),
    ],
)
def test_settings_are_read_back(meter: SimulatedPm100d, command: str, query: str, reply: str) -> None:
    assert ask(meter, command) == ""
    assert ask(meter, query) == reply
    assert list(meter.complaints) == []


def test_range_of_wavelengths(meter: SimulatedPm100d) -> None:
    assert ask(meter, "SENS:CORR:WAV? MIN;WAV? MAX") == "2.00000000E+02;1.10000000E+03"


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("SENS:CORR:WAV 1101", '-222,"Data out of range"'),
        ("SENS:AVER:COUN 3001", '-222,"Data out of range"'),
        ("SENS:AVER:COUN 0", '-222,"Data out of range"'),
        ("SENS:POW:RANG 1", '-222,"Data out of range"'),
        ("SENS:POW:UNIT VOLT", '-141,"Invalid character data"'),
        ("FETC?", '-230,"Data corrupt or stale"'),
        ("AVER", '-109,"Missing parameter"'),
        ("SENS2:AVER 3", '-113,"Undefined header"'),
    ],
)
def test_refused_commands_only_fill_the_queue(meter: SimulatedPm100d, command: str, error: str) -> None:
    assert ask(meter, command) == ""
    assert ask(meter, "SYST:ERR?") == error
    assert ask(meter, "SYST:ERR?") == '+0,"No error"'


def test_power_in_watt_and_dbm(meter: SimulatedPm100d, beam: Beam) -> None:
    assert ask(meter, "MEAS:POW?") == "1.00000000E-03"
    beam.power = 2e-3
    assert float(ask(meter, "SENS:POW:UNIT DBM;:MEAS?")) == pytest.approx(10.0 * math.log10(2.0))
    beam.power = 0.0
    assert float(ask(meter, "MEAS:POW?")) == 9.91e37


def test_attenuation_current_and_density(meter: SimulatedPm100d) -> None:
    assert float(ask(meter, "MEAS:CURR?")) == pytest.approx(0.55e-3)
    assert float(ask(meter, "SENS:CORR 10;:MEAS:POW?")) == pytest.approx(10e-3)
    per_area = 1e-3 / (math.pi / 4.0 * 0.2**2)
    assert float(ask(meter, "SENS:CORR 0;CORR:BEAM 2;:MEAS:PDEN?")) == pytest.approx(per_area)


def test_wrong_wavelength_gives_a_wrong_power(meter: SimulatedPm100d) -> None:
    assert float(ask(meter, "SENS:CORR:WAV 400;:MEAS:POW?")) == pytest.approx(1e-3 * 0.55 / 0.19)


def test_over_range(meter: SimulatedPm100d, beam: Beam) -> None:
    ask(meter, "SENS:POW:RANG 1e-4")
    assert float(ask(meter, "MEAS:POW?")) == 9.9e37
    assert ask(meter, "STAT:QUES:COND?") == "8"
    assert float(ask(meter, "SENS:POW:RANG:AUTO 1;:MEAS:POW?")) == pytest.approx(1e-3)
    assert ask(meter, "STAT:QUES:COND?;:SENS:POW:RANG?") == "0;9.09090909E-03"
    beam.power = 51e-3
    assert float(ask(meter, "MEAS:POW?")) == 9.9e37


def test_averaging_takes_time_and_lowers_noise(beam: Beam) -> None:
    beam.power = 0.0
    meter = build(beam, SensorHead(dark_current=0.0, noise=1e-9))
    session = meter.connect()
    session.receive(b"SENS:AVER:COUN 1000;:MEAS:CURR?\n", 1.0)
    assert session.due() == pytest.approx(1.3)
    assert session.receive(b"", 1.299) == b""
    assert session.receive(b"", 1.301).endswith(b"\n")
    spread = {}
    for count in (1, 100):
        ask(meter, f"SENS:AVER {count}")
        spread[count] = np.std([float(ask(meter, "MEAS:CURR?")) for _ in range(200)])
    assert spread[1] / spread[100] == pytest.approx(10.0, rel=0.4)


def test_init_and_fetch(meter: SimulatedPm100d, beam: Beam) -> None:
    ask(meter, "SENS:AVER 1000;:CONF:POW;:INIT", 1.0)
    assert ask(meter, "STAT:OPER:COND?;:FETC:STAT?", 1.1) == f"{256 + 16};0"
    assert ask(meter, "STAT:OPER:COND?;:FETC:STAT?", 1.31) == f"{256 + 512};1"
    beam.power = 5e-3
    assert ask(meter, "FETC?;FETC?", 1.4) == "1.00000000E-03;1.00000000E-03"
    assert ask(meter, "READ?", 1.5) == "5.00000000E-03"
    assert ask(meter, "ABOR;FETC?", 2.0) == ""


def test_operation_events_are_told_once(meter: SimulatedPm100d) -> None:
    ask(meter, "STAT:OPER?")
    ask(meter, "INIT", 1.0)
    assert ask(meter, "STAT:OPER?", 1.1) == str(16 + 512)
    assert ask(meter, "STAT:OPER?", 1.2) == "0"


def test_zeroing_takes_the_dark_current_away(beam: Beam) -> None:
    meter = build(beam, SensorHead(dark_current=1e-9, noise=0.0))
    beam.power = 0.0
    assert float(ask(meter, "MEAS:CURR?", 0.0)) == pytest.approx(1e-9)
    ask(meter, "SENS:CORR:COLL:ZERO", 1.0)
    assert ask(meter, "SENS:CORR:COLL:ZERO:STAT?;:STAT:OPER:COND?", 2.9) == f"1;{256 + 128 + 512}"
    assert ask(meter, "SENS:CORR:COLL:ZERO:STAT?;MAGN?", 3.1) == "0;1.00000000E-09"
    assert float(ask(meter, "MEAS:CURR?", 4.0)) == 0.0


def test_measurement_waits_for_zeroing(meter: SimulatedPm100d) -> None:
    session = meter.connect()
    session.receive(b"SENS:CORR:COLL:ZERO:INIT\nMEAS:POW?\n", 1.0)
    assert session.due() == pytest.approx(3.0003)


def test_zeroing_in_light_fails_and_can_be_aborted(meter: SimulatedPm100d) -> None:
    ask(meter, "SENS:CORR:COLL:ZERO", 1.0)
    assert ask(meter, "SENS:CORR:COLL:ZERO:MAGN?;:SYST:ERR?", 4.0) == '0.00000000E+00;-200,"Execution error"'
    ask(meter, "SENS:CORR:COLL:ZERO", 5.0)
    ask(meter, "SENS:CORR:COLL:ZERO:ABOR", 6.0)
    assert ask(meter, "SENS:CORR:COLL:ZERO:STAT?;:SYST:ERR?", 6.0) == '0;+0,"No error"'


def test_pulled_sensor(meter: SimulatedPm100d) -> None:
    meter.provoke("sensor pulled", 1.0)
    assert ask(meter, "SYST:SENS:IDN?", 1.0) == "no sensor,,,0,0,0"
    assert ask(meter, "MEAS:POW?;:STAT:OPER:COND?", 1.0) == "0"
    assert ask(meter, "SYST:ERR?", 1.0) == '-241,"Hardware missing"'
    meter.provoke("sensor plugged", 2.0)
    assert ask(meter, "MEAS:POW?;:STAT:OPER?", 2.0) == "1.00000000E-03;272"


def test_front_panel(meter: SimulatedPm100d) -> None:
    meter.front_panel("wavelength", 5000.0, 0.0)
    meter.front_panel("attenuation", 3.0, 0.0)
    meter.front_panel("unit", "dBm", 0.0)
    meter.front_panel("auto_range", False, 0.0)
    assert ask(meter, "CORR:WAV?;:CORR?;:POW:UNIT?;RANG:AUTO?") == "1.10000000E+03;3.00000000E+00;DBM;0"


def test_power_cycle_keeps_settings_and_loses_the_zero(meter: SimulatedPm100d) -> None:
    ask(meter, "SENS:CORR:WAV 866;:SENS:CORR:COLL:ZERO:MAGN 1e-12;:SENS:AVER 30")
    meter.switch_off(1.0)
    meter.switch_on(4.0)
    assert ask(meter, "*ESR?;:CORR:WAV?;:AVER?;:CORR:COLL:ZERO:MAGN?", 4.0) == (
        "128;8.66000000E+02;30;0.00000000E+00"
    )
    ask(meter, "*RST", 5.0)
    assert ask(meter, "CORR:WAV?;:AVER?", 5.0) == "6.35000000E+02;1"


def test_fragments_and_wrong_ends(meter: SimulatedPm100d) -> None:
    said, heard = b"SENS:CORR:WAV 866\r\nSENS:CORR:WAV?\n*TST?\n", b"8.66000000E+02\n0\n"
    for cut in range(len(said)):
        session = meter.connect()
        assert session.receive(said[:cut], 0.0) + session.receive(said[cut:], 0.0) == heard
    assert meter.connect().receive(b"*IDN?\r", 0.0) == b""


def test_golden_frame(meter: SimulatedPm100d) -> None:
    session = FramedEndpoint(meter).connect()
    reply = b"Thorlabs,PM100D,P0012345,2.4.0\n"
    assert session.receive(bytes.fromhex("ca 00 06 00 2a 49 44 4e 3f 0a"), 0.0) == (
        struct.pack("<BBH", 0xCA, 0, len(reply)) + reply
    )


def test_frames_in_any_pieces_and_glued(meter: SimulatedPm100d) -> None:
    said = pack_frames(b"*TST?\n") + pack_frames(b"*OPC?\n")
    heard = pack_frames(b"0\n") + pack_frames(b"1\n")
    for cut in range(len(said)):
        session = FramedEndpoint(meter).connect()
        assert session.receive(said[:cut], 0.0) + session.receive(said[cut:], 0.0) == heard


def test_long_messages_go_on_in_numbered_frames() -> None:
    message = bytes(range(256)) * 12
    framed = pack_frames(message)
    assert framed[:4] == struct.pack("<BBH", 0xCA, 0, len(message))
    second = 4 + LARGEST_PART
    assert framed[second : second + 4] == struct.pack("<BBH", 0xCB, 1, LARGEST_PART)
    reader = FrameReader()
    assert [reader.take(framed[at : at + 7]) for at in range(0, len(framed), 7)][-1] == [message]


def test_frame_with_a_wrong_number_drops_its_message() -> None:
    framed = bytearray(pack_frames(b"x" * 2000))
    framed[4 + LARGEST_PART + 1] = 7
    reader = FrameReader()
    assert reader.take(bytes(framed)) == []
    assert reader.take(pack_frames(b"*IDN?\n")) == [b"*IDN?\n"]
    assert reader.take(b"*IDN?\n\xca\x05\x06\x00*IDN?\n\xca\x00\x00\x00") == []
    assert reader.take(pack_frames(b"*TST?\n")) == [b"*TST?\n"]


def test_message_that_another_interrupts_is_dropped() -> None:
    assert FrameReader().take(pack_frames(b"x" * 2000)[:1440] + pack_frames(b"*IDN?\n")) == [b"*IDN?\n"]


def test_unframed_text_and_wrong_commands_get_no_answer(meter: SimulatedPm100d) -> None:
    session = FramedEndpoint(meter).connect()
    assert session.receive(b"*IDN?\n", 0.0) == session.receive(pack_frames(b"NONSENSE?\n"), 0.0) == b""
    assert session.receive(pack_frames(b"SYST:ERR?\n"), 0.0)[4:] == b'-113,"Undefined header"\n'


def test_idle_connection_is_closed(meter: SimulatedPm100d) -> None:
    session = FramedEndpoint(meter, IDLE_LIMIT).connect()
    assert session.receive(b"", 0.0) == b""
    session.receive(pack_frames(b"*TST?\n"), 20.0)
    assert session.due() == 50.0
    assert session.receive(b"", 49.9) == b""
    with pytest.raises(SessionEndedError):
        session.receive(b"", 50.0)


def test_idle_connection_is_closed_on_the_network(meter: SimulatedPm100d) -> None:
    with (
        serve_tcp(FramedEndpoint(meter, IDLE_LIMIT), speed=1000.0) as server,
        dial(server) as client,
    ):
        assert client.recv(10) == b""


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.integers(1, 7))
def test_no_bytes_break_the_frames(noise: bytes, size: int) -> None:
    session = FramedEndpoint(build(Beam(1e-3))).connect()
    feed(session, noise, size)
    # However long the frame that the noise announced, so many requests fill it.
    heard = session.receive(pack_frames(b"\n*RST;*CLS\n*TST?\n") * 100, 1e9)
    assert heard.endswith(pack_frames(b"0\n"))


def test_over_tcp(meter: SimulatedPm100d) -> None:
    with (
        serve_tcp(FramedEndpoint(meter), speed=100.0) as server,
        dial(server) as client,
    ):
        client.sendall(pack_frames(b"MEAS:POW?\n"))
        heard = read_until(client, b"\n")
    assert heard == pack_frames(b"1.00000000E-03\n")
