from __future__ import annotations

import socket
import struct

import numpy as np
import pytest
from instrument_clients import dial

from hardware_sim.constants import LIGHT_SPEED
from hardware_sim.instruments.bristol871 import (
    BANNER,
    BUSY,
    STREAM_BACKLOG,
    Bristol871Specification,
    SimulatedBristol871,
)
from hardware_sim.instruments.bristol_sample import Condition, Sample
from hardware_sim.instruments.endpoint import Session, SessionEndedError
from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.light import steady
from hardware_sim.instruments.tcp import serve_tcp

FREQUENCY = LIGHT_SPEED / 866.4523912e-9


class Lamp:
    """Light that a test changes."""

    def __init__(self) -> None:
        self.frequency, self.power = FREQUENCY, 31e-3

    def __call__(self, now: float) -> tuple[float, float]:
        return self.frequency, self.power


@pytest.fixture
def lamp() -> Lamp:
    return Lamp()


@pytest.fixture
def meter(lamp: Lamp) -> SimulatedBristol871:
    return SimulatedBristol871(np.random.default_rng(1), lamp)


def ask(meter: SimulatedBristol871, line: str, now: float = 10.0) -> str:
    return meter.execute(line, now)


def test_golden_frames_of_the_stream() -> None:
    frame = Sample(1234, FREQUENCY, 0.31e-3).frame()
    assert frame.hex() == "7efc07477f9e138b4052b89e3e04000000d2040000"
    assert Sample(0x7E, FREQUENCY, 0.31e-3).frame().hex().endswith("7d5e000000")
    assert Sample(0x7D, FREQUENCY, 0.31e-3).frame().hex().endswith("7d5d000000")


def test_a_client_is_greeted_once(meter: SimulatedBristol871) -> None:
    session = meter.connect()
    assert session.receive(b"", 1.0) == BANNER
    assert b"Bristol Instruments" in BANNER
    assert BANNER.endswith(b"\n\n")
    assert session.receive(b"*IDN?\n", 1.0) == b"BRISTOL WAVELENGTH METER, 871A-VIS, 6789, 1.2.0\n"


def test_a_second_client_is_told_and_dropped(meter: SimulatedBristol871) -> None:
    first = meter.connect()
    second = meter.connect()
    with pytest.raises(SessionEndedError, match="no connections available") as end:
        second.receive(b"", 1.0)
    assert end.value.parting == BUSY
    second.close()
    assert first.receive(b"*OPC?\n", 1.0) == BANNER + b"1\n"
    first.close()
    assert meter.connect().receive(b"", 1.0) == BANNER


def test_all_fields_of_a_sample(meter: SimulatedBristol871) -> None:
    index, status, wavelength, power = ask(meter, ":FETC:ALL?").split(",")
    assert (int(index), int(status), float(power)) == (199, 4, 0.31)
    assert float(wavelength) == pytest.approx(866.4523912, rel=2e-8)
    assert float(ask(meter, ":FETC:WAV?")) == float(wavelength)
    assert float(ask(meter, ":FETC:FREQ?")) == pytest.approx(FREQUENCY / 1e12, rel=2e-8)
    assert float(ask(meter, ":FETC:POW?")) == 0.31


def test_the_noise_is_that_of_the_specification(lamp: Lamp) -> None:
    meter = SimulatedBristol871(np.random.default_rng(5), lamp)
    samples = [meter.sample(index, 100.0).frequency for index in range(1000)]
    # The standard deviation of 1000 samples is right within 10 % but for one case in 100 000.
    assert np.std(samples) / FREQUENCY == pytest.approx(3.5e-9, rel=0.1)
    assert samples[7] == meter.sample(7, 100.0).frequency


def test_fetch_repeats_and_says_so(meter: SimulatedBristol871) -> None:
    assert ask(meter, ":STAT:QUES:COND?", 1.01) == "0"
    first = ask(meter, ":FETC:ALL?", 1.01)
    assert ask(meter, ":FETC:ALL?", 1.02) == first
    assert ask(meter, ":STAT:QUES:COND?", 1.02) == str(int(Condition.READ_ALREADY))
    assert ask(meter, ":STAT:QUES:COND?", 1.06) == "0"


def test_read_waits_for_the_next_sample_and_measure_for_a_new_one(meter: SimulatedBristol871) -> None:
    session = meter.connect()
    session.receive(b"", 1.0)
    assert session.receive(b":READ:ALL?\n", 1.01) == b""
    assert session.due() == pytest.approx(1.05)
    assert session.receive(b"", 1.0499) == b""
    assert session.receive(b"", 1.05).startswith(b"20,4,")
    assert session.receive(b":MEAS:ALL?\n", 1.06) == b""
    assert session.due() == pytest.approx(1.15)
    assert session.receive(b"", 1.1501).startswith(b"22,4,")


def test_readings_follow_the_light(meter: SimulatedBristol871, lamp: Lamp) -> None:
    lamp.frequency += 5e9
    assert float(ask(meter, "FETC:FREQ?", 20.0)) * 1e12 == pytest.approx(FREQUENCY + 5e9, abs=20e6)


@pytest.mark.parametrize(
    ("power", "frequency", "condition", "blind"),
    [
        (0.0, FREQUENCY, 1 << 8, True),
        (1e-3, FREQUENCY, 1 << 7, False),
        (1.0, FREQUENCY, 1 << 6 | 1 << 3, True),
        (31e-3, LIGHT_SPEED / 1500e-9, 1 << 5, True),
    ],
)
def test_bad_light_is_doubted(
    meter: SimulatedBristol871, lamp: Lamp, power: float, frequency: float, condition: int, blind: bool
) -> None:
    lamp.power, lamp.frequency = power, frequency
    assert ask(meter, ":STAT:QUES:COND?") == str(condition)
    _, status, wavelength, _ = ask(meter, ":FETC:ALL?").split(",")
    assert int(status) & 0x68FBE89C != 4
    assert (float(wavelength) == 0.0) is blind


@pytest.mark.parametrize(
    ("fault", "condition"), [("over-exposure", 6), ("under-exposure", 7), ("no light", 8)]
)
def test_faults_of_the_light_end_with_the_attenuator(
    meter: SimulatedBristol871, fault: str, condition: int
) -> None:
    meter.provoke(fault, 5.0)
    assert int(ask(meter, ":STAT:QUES:COND?")) & 1 << condition
    meter.provoke("no light", 5.0)
    meter.provoke("under-exposure", 5.0)
    meter.front_panel("attenuator", 1.0, 6.0)
    assert ask(meter, ":STAT:QUES:COND?") == "0"


@pytest.mark.parametrize(
    ("command", "query", "reply"),
    [
        (":SENS:CALI:METH TIME", ":SENS:CALI:METH?", "TIME"),
        (":SENS:CALI:TEMP 50", ":SENS:CALI:TEMP?", "50"),
        (":SENSE:CALI:TIM 1440", ":SENS:CALI:TIM?", "1440"),
        (":TRIG:SEQ:METH FALL", ":TRIG:SEQ:METH?", "FALL"),
        (":TRIG:SEQ:RATE 1000", ":TRIG:SEQ:RATE?", "1000"),
        (":TRIG:SEQ:RATE:ADJ", ":TRIG:SEQ:RATE:ADJ?", "250"),
    ],
)
def test_settings_are_read_back(meter: SimulatedBristol871, command: str, query: str, reply: str) -> None:
    assert ask(meter, command) == ""
    assert ask(meter, query) == reply
    assert not meter.complaints
    ask(meter, "*RST")
    assert ask(meter, query) != reply


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (":SENS:CALI:METH NEVER", -141),
        (":SENS:CALI:TEMP 0", -222),
        (":SENS:CALI:TIM 4", -222),
        (":TRIG:SEQ:RATE 30", -222),
        (":READ:ALL", -113),
        (":MMEM:CLOS", -221),
        (":WAVE?", -113),
    ],
)
def test_refused_commands_fill_the_queue(meter: SimulatedBristol871, command: str, code: int) -> None:
    assert ask(meter, command) == ""
    assert ask(meter, "SYST:ERR?").startswith(f"{code},")
    assert len(meter.complaints) == 1


def test_a_calibration_takes_two_seconds_without_data(meter: SimulatedBristol871) -> None:
    session = meter.connect()
    session.receive(b":SENS:CALI\n", 10.0)
    assert session.receive(b":READ:ALL?\n", 10.5) == b""
    assert session.due() == pytest.approx(12.05)
    _, status, wavelength, _ = ask(meter, ":FETC:ALL?", 11.0).split(",")
    assert (int(status), float(wavelength)) == (4 | 1 << 21, 0.0)
    ask(meter, ":SENS:CALI", 11.0)
    assert ask(meter, "SYST:ERR?", 11.0).startswith("-213")
    assert float(ask(meter, ":FETC:WAV?", 12.2)) > 0.0


def test_errors_grow_until_a_calibration() -> None:
    meter = SimulatedBristol871(
        np.random.default_rng(1), steady(FREQUENCY, 31e-3), Bristol871Specification(drift=1e-10)
    )
    ask(meter, ":FETC:FREQ?", 0.1)
    assert float(ask(meter, ":FETC:FREQ?", 1000.0)) / (FREQUENCY / 1e12) - 1.0 == pytest.approx(1e-7, rel=0.2)
    assert float(ask(meter, ":FETC:FREQ?", 1e5)) / (FREQUENCY / 1e12) - 1.0 == pytest.approx(2e-7, rel=0.1)
    ask(meter, ":SENS:CALI", 1e5)
    assert float(ask(meter, ":FETC:FREQ?", 1e5 + 3)) / (FREQUENCY / 1e12) - 1.0 == pytest.approx(
        0.0, abs=2e-8
    )


def test_it_calibrates_itself_after_a_time_or_a_change_of_temperature(meter: SimulatedBristol871) -> None:
    ask(meter, ":FETC:POW?", 1.0)
    ask(meter, ":SENS:CALI:METH TIME;TIM 5", 1.0)
    assert not meter.calibrating(300.0)
    assert meter.calibrating(302.0)
    assert not meter.calibrating(305.0)
    ask(meter, ":SENS:CALI:METH TEMP;TEMP 10", 400.0)
    meter.front_panel("temperature", 22.9, 400.0)
    assert not meter.calibrating(401.0)
    meter.front_panel("temperature", 23.1, 402.0)
    assert meter.calibrating(402.0)


def test_a_failed_calibration_is_told_until_the_next(meter: SimulatedBristol871) -> None:
    meter.provoke("calibration failure", 1.0)
    ask(meter, ":SENS:CALI", 2.0)
    assert int(ask(meter, ":STAT:QUES:COND?", 5.0)) & 1 << 2
    assert int(ask(meter, ":FETC:ALL?", 5.0).split(",")[1]) & 1 << 7
    ask(meter, ":SENS:CALI", 6.0)
    assert ask(meter, ":STAT:QUES:COND?", 9.0) == "0"


def test_an_external_trigger_makes_the_samples(meter: SimulatedBristol871) -> None:
    ask(meter, ":TRIG:SEQ:METH RISE")
    assert ask(meter, ":STAT:QUES:COND?") == str(1 << 8)
    meter.front_panel("trigger", False, 11.0)
    meter.front_panel("trigger", True, 11.0)
    meter.front_panel("trigger", True, 12.0)
    assert ask(meter, ":READ:ALL?", 12.5).startswith("1,4,866.45")


def test_memory_records_between_open_and_close(meter: SimulatedBristol871) -> None:
    ask(meter, ":MMEM:INIT;OPEN", 10.0)
    ask(meter, ":MMEM:CLOSE", 10.5)
    block = meter.execute(":MMEM:DATA?", 20.0).encode("latin-1")
    assert block[:5] == b"#3200"
    records = list(struct.iter_unpack("<dfII", block[5:]))
    assert [record[3] for record in records] == list(range(200, 210))
    assert all(record[2] == 4 and abs(record[0] - 866.4523912) < 1e-4 for record in records)
    ask(meter, ":MMEM:INIT", 21.0)
    assert meter.execute(":MMEM:DATA?", 22.0) == "#10"


def test_the_firmware_stops_recording_after_hours() -> None:
    meter = SimulatedBristol871(np.random.default_rng(1), None, Bristol871Specification(recording_limit=1.0))
    meter.execute(":MMEM:OPEN", 10.0)
    assert meter.execute(":MMEM:DATA?", 100.0)[:5] == "#3400"


def test_a_change_of_rate_goes_on_counting(meter: SimulatedBristol871) -> None:
    ask(meter, ":TRIG:SEQ:RATE 100", 10.0)
    assert ask(meter, ":FETC:ALL?", 11.0).startswith("299,")


def test_the_stream_has_every_sample_once(meter: SimulatedBristol871) -> None:
    line = meter.stream.connect()
    assert line.receive(b"", 1.0) == b""
    assert line.due() == pytest.approx(1.05)
    said = line.receive(b"", 1.16) + line.receive(b"", 1.17) + line.receive(b"noise", 1.21)
    assert [record[3] for record in _records(said)] == [20, 21, 22, 23]
    assert all(record[2] == 4 for record in _records(said))


def test_the_stream_leaves_out_what_it_cannot_carry(meter: SimulatedBristol871) -> None:
    line = meter.stream.connect()
    line.receive(b"", 1.0)
    assert len(_records(line.receive(b"", 1001.0))) == STREAM_BACKLOG


def test_the_stream_is_silent_while_it_calibrates_or_waits(meter: SimulatedBristol871) -> None:
    line = meter.stream.connect()
    line.receive(b"", 1.0)
    ask(meter, ":SENS:CALI", 1.0)
    assert line.receive(b"", 2.0) == b""
    ask(meter, ":TRIG:SEQ:METH RISE", 4.0)
    assert line.receive(b"", 5.0) == b""
    assert line.due() == pytest.approx(5.1)
    ask(meter, ":TRIG:SEQ:METH INT", 5.0)
    line.receive(b"", 5.1)
    assert len(_records(line.receive(b"", 5.2))) == 2


def test_a_power_cycle_starts_anew(meter: SimulatedBristol871) -> None:
    ask(meter, ":TRIG:SEQ:RATE 1000;:SENS:CALI:METH TIME;:MMEM:OPEN;*ESR?", 10.0)
    line = meter.stream.connect()
    meter.stream.switch_off(20.0)
    assert line.receive(b"", 21.0) == b""
    meter.stream.switch_on(50.0)
    assert ask(meter, "*ESR?;:TRIG:SEQ:RATE?;:SENS:CALI:METH?;:MMEM:DATA?", 51.0) == "128;20;OFF;#10"
    assert ask(meter, ":FETC:ALL?", 51.0).startswith("19,4,")
    line.receive(b"", 51.0)
    assert [record[3] for record in _records(line.receive(b"", 51.1))] == [20, 21]


def test_fragments_glued_lines_noise_and_floods(meter: SimulatedBristol871) -> None:
    lines = b"*OPC?\r\n:SENS:CALI:METH?\n:TRIG:SEQ:RATE?\n"
    for cut in range(len(lines)):
        session = meter.connect()
        assert (
            session.receive(lines[:cut], 1.0) + session.receive(lines[cut:], 1.0) == BANNER + b"1\nOFF\n20\n"
        )
        session.close()
    assert not meter.complaints
    session = meter.connect()
    assert session.receive(b"\xff\x80*OPC?\n" + b"x" * 70_000, 1.0) == BANNER
    assert session.receive(b"*OPC?\n", 1.0) == b"1\n"
    assert [each.split(",")[0] for each in meter.complaints] == ["-101", "-363"]


def test_knob_has_its_limits(meter: SimulatedBristol871) -> None:
    with pytest.raises(
        InstrumentSetupError, match=r"attenuator = -1\.0 is not possible: allowed is 0 and above"
    ):
        meter.front_panel("attenuator", -1.0, 0.0)


def test_telnet_and_stream_over_tcp(meter: SimulatedBristol871) -> None:
    with serve_tcp(meter, speed=10.0) as telnet, serve_tcp(meter.stream, speed=10.0) as stream:
        with dial(telnet) as client:
            assert _read(client, BANNER) == BANNER
            client.sendall(b":READ:ALL?\n")
            assert b",4,866.45" in _read(client, b"\n")
            with dial(telnet) as other:
                assert _read(other, b"") == BUSY
        with dial(stream) as listener:
            assert listener.recv(1) == b"\x7e"


def _read(client: socket.socket, end: bytes) -> bytes:
    heard = b""
    while (piece := client.recv(4096)) or not end:
        heard += piece
        if not piece or (end and heard.endswith(end)):
            return heard
    raise AssertionError(heard)


def _records(stream: bytes) -> list[tuple[float, float, int, int]]:
    records = []
    for frame in stream.split(b"\x7e")[1:]:
        plain = bytearray()
        escaped = False
        for byte in frame:
            if byte == 0x7D:
                escaped = True
                continue
            plain.append(byte ^ 0x20 if escaped else byte)
            escaped = False
        records.append(struct.unpack("<dfII", bytes(plain)))
    return records


def test_both_lines_are_sessions(meter: SimulatedBristol871) -> None:
    lines: list[Session] = [meter.connect(), meter.stream.connect()]
    assert [line.due() is None for line in lines] == [True, False]
    for line in lines:
        line.close()
