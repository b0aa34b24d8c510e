from __future__ import annotations

import math
import struct

import numpy as np
import pytest
import serial

from hardware_sim.instruments import InstrumentSetupError, serve_pty
from hardware_sim.instruments.meerstetter import SimulatedTec, TecSession, TecSpecification, checksum
from hardware_sim.instruments.meerstetter_plant import PlantSpecification, Regulation, ThermalLoop

TARGET = 3000


def exchange(line: TecSession, frame: bytes, now: float) -> bytes:
    assert line.receive(frame, now) == b""
    return line.receive(b"", now + 0.005)


def frame(payload: str, address: int = 2, sequence: int = 0x15AB) -> bytes:
    body = f"#{address:02X}{sequence:04X}{payload}".encode()
    return body + checksum(body) + b"\r"


def read(line: TecSession, number: int, now: float, kind: str = "f") -> float:
    answer = exchange(line, frame(f"?VR{number:04X}01"), now)
    assert answer[-5:-1] == checksum(answer[:-5])
    value: float = struct.unpack(f">{kind}", bytes.fromhex(answer[7:-5].decode()))[0]
    return value


def write(line: TecSession, number: int, value: float, now: float) -> bytes:
    data = struct.pack(">f" if isinstance(value, float) else ">i", value)
    return exchange(line, frame(f"VS{number:04X}01{data.hex().upper()}"), now)


@pytest.mark.parametrize(
    ("request_frame", "answer"),
    [
        (b"#0215AB?VR03E80134D8\r", b"!0215AB41C80000A903\r"),
        (b"#0215AB?VR00680103A3\r", b"!0215AB00000002B71C\r"),
        (b"#0215ABVS0BB80141DC00008A7A\r", b"!0215AB8A7A\r"),
        (b"#0215AB?VR270F010BA7\r", b"!0215AB+05CBC8\r"),
        (frame("VS0BB80144610000"), b"!0215AB+07EB8A\r"),  # 900 degC
    ],
)
def test_golden_frames(request_frame: bytes, answer: bytes) -> None:
    assert exchange(SimulatedTec().connect(), request_frame, 0.0) == answer


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ("XY", 1),
        ("", 1),
        ("?VR03E8", 4),
        ("?VR03e801", 4),
        ("?VR03E8\xe401", 4),
        ("?VR03E802", 8),
        ("VS03E801" + "00000000", 6),
        ("VS0BB801" + "7FC00000", 7),
        ("VS07DA01" + "FFFFFFFF", 7),
        ("VS0BB8010000", 4),
    ],
)
def test_refusals_carry_their_code(payload: str, code: int) -> None:
    tec = SimulatedTec()
    body = b"#0215AB" + payload.encode("latin-1")
    answer = exchange(tec.connect(), body + checksum(body) + b"\r", 0.0)
    assert answer[:-5] == b"!0215AB+%02X" % code
    assert tec.complaints[-1].endswith(f"error {code}")


@pytest.mark.parametrize(
    "damaged",
    [
        b"#0215AB?VR03E80134D9\r",
        b"#0215AB?VR03E80134d8\r",
        b"#0215ab?VR03E80134D8\r",
        b"!0215AB?VR03E80134D8\r",
        b"#0215AB?VR03E80134D8\n",
        b"#15AB\r",
        b"\r\r\r",
        b"\xff\xfe\x80" * 20 + b"\r",
    ],
)
def test_damaged_frames_are_not_answered_and_the_next_one_is(damaged: bytes) -> None:
    line = SimulatedTec().connect()
    assert exchange(line, damaged, 0.0) == b""
    if damaged.endswith(b"\n"):
        assert exchange(line, b"\r", 0.0) == b""
    assert exchange(line, b"#0215AB?VR03E80134D8\r", 1.0) == b"!0215AB41C80000A903\r"


def test_line_may_be_cut_anywhere_and_frames_may_be_glued() -> None:
    request = b"#0215AB?VR03E80134D8\r"
    for cut in range(1, len(request)):
        line = SimulatedTec().connect()
        assert line.receive(request[:cut], 0.0) == b""
        assert exchange(line, request[cut:], 0.1) == b"!0215AB41C80000A903\r"
    both = exchange(SimulatedTec().connect(), b"noise" + request + b"#0215AB?VR00680103A3\r", 0.0)
    assert both == b"!0215AB41C80000A903\r!0215AB00000002B71C\r"
    tec = SimulatedTec()
    line = tec.connect()
    assert exchange(line, b"#" * 300, 0.0) == b""
    assert tec.complaints[-1] == "b'####################'...: 300 bytes without CR"
    assert exchange(line, request, 1.0) == b"!0215AB41C80000A903\r"


def test_answer_takes_its_time() -> None:
    line = SimulatedTec().connect()
    line.receive(frame("?VR03E801"), 1.0)
    assert line.due() == pytest.approx(1.005)
    assert line.receive(b"", 1.004) == b""
    assert line.receive(b"", 1.006) != b""
    assert line.due() is None


def test_addresses() -> None:
    tec = SimulatedTec()
    line = tec.connect()
    assert exchange(line, frame("?VR006401", address=3), 0.0) == b""
    assert exchange(line, frame("?VR006401", address=0), 0.0).startswith(b"!0015AB00000443")
    assert exchange(line, frame("VS0BB80141DC0000", address=255), 0.0) == b""
    assert read(line, 1010, 0.0) == 27.5


def test_frame_that_is_sent_again_is_answered_again() -> None:
    line = SimulatedTec().connect()
    request = frame("VS0BB80141DC0000", sequence=0x0001)
    first, second = exchange(line, request, 0.0), exchange(line, request, 1.0)
    assert first == second == b"!020001" + request[-5:]


def test_identity() -> None:
    line = SimulatedTec(TecSpecification(serial_number=12_345)).connect()
    for payload in ("?IF", "?IF01"):
        assert exchange(line, frame(payload), 0.0)[7:27] == b"TEC-1091            "
    assert [read(line, number, 0.0, "i") for number in (100, 101, 102, 103)] == [1091, 142, 12_345, 350]


def test_every_setting_is_read_back_and_limited() -> None:
    line = SimulatedTec().connect()
    for number, value in ((2030, 1.5), (2031, 5.0), (3003, 0.5), (3010, 30.0), (3011, 15.0), (3012, 1.0)):
        assert len(write(line, number, value, 0.0)) == 12
        assert read(line, number, 0.0) == value
        assert b"+07" in write(line, number, -1.0, 0.0)
    for number, value in ((2010, 0), (2040, 1), (4034, 3)):
        write(line, number, value, 0.0)
        assert read(line, number, 0.0, "i") == value


def test_target_is_reached_along_the_ramp_and_called_stable() -> None:
    tec = SimulatedTec()
    line = tec.connect()
    assert read(line, 1200, 0.0, "i") == 2
    write(line, TARGET, 30.0, 0.0)
    assert read(line, 1011, 20.0) == pytest.approx(27.0, abs=0.02)
    assert read(line, 1000, 20.05) == pytest.approx(27.0, abs=0.8)  # the object lags behind
    assert read(line, 1200, 20.1, "i") == 1
    assert not tec.stable(20.2)
    assert tec.object_temperature(300.0) == pytest.approx(30.0, abs=0.01)
    assert tec.stable(300.0)
    current = read(line, 1020, 300.0)
    assert current == pytest.approx(PlantSpecification().holding_current(30.0), abs=0.001)
    assert read(line, 1032, 300.1) == pytest.approx(100.0 * current / 2.0, abs=0.01)
    assert read(line, 1001, 300.2) == pytest.approx(22.0 + current**2, abs=0.01)


def test_temperature_depends_on_time_and_not_on_who_asks() -> None:
    seldom, often = SimulatedTec(), SimulatedTec()
    for tec in (seldom, often):
        write(tec.connect(), TARGET, 28.0, 0.0)
    for at in np.arange(0.5, 40.0, 0.5):
        often.object_temperature(float(at))
    assert often.object_temperature(40.0) == pytest.approx(seldom.object_temperature(40.0), abs=1e-9)


def test_dead_time_comes_before_the_first_change() -> None:
    tec = SimulatedTec()
    line = tec.connect()
    write(line, 3003, 1000.0, 0.0)
    write(line, TARGET, 26.0, 0.0)
    assert tec.object_temperature(0.95) == pytest.approx(25.0, abs=1e-9)
    assert tec.object_temperature(2.0) > 25.01


def test_too_much_gain_makes_the_loop_swing() -> None:
    def swing(gain: float) -> float:
        tec = SimulatedTec()
        line = tec.connect()
        for number, value in ((3003, 1000.0), (3010, gain), (TARGET, 26.0)):
            write(line, number, value, 0.0)
        return float(np.ptp([tec.object_temperature(float(at)) for at in np.arange(200.0, 220.0, 0.5)]))

    assert swing(20.0) < 0.02
    # Dead time 1 s and a slope of 0.8 K/s at full output: beyond a gain of about 200 %/K no loop is stable.
    assert swing(2000.0) > 0.3


def test_cooler_has_limits() -> None:
    tec = SimulatedTec()
    line = tec.connect()
    write(line, 2030, 0.5, 0.0)
    write(line, TARGET, 100.0, 0.0)
    assert read(line, 1020, 2000.0) == pytest.approx(0.5)
    full = tec.object_temperature(4000.0)
    assert PlantSpecification().heating(full, 0.5) == pytest.approx(0.0, abs=1e-3)
    assert not tec.stable(4000.0)


def test_saturated_output_winds_nothing_up() -> None:
    tec = SimulatedTec()
    line = tec.connect()
    write(line, 2030, 0.5, 0.0)
    write(line, 3003, 1000.0, 0.0)
    write(line, TARGET, 100.0, 0.0)
    assert tec.object_temperature(2000.0) < 40.0  # out of reach for half an hour
    write(line, TARGET, 25.0, 2000.0)
    assert tec.object_temperature(2100.0) == pytest.approx(25.0, abs=0.2)


def test_flash_memory_wears_unless_saving_is_off() -> None:
    tec = SimulatedTec()
    line = tec.connect()
    write(line, TARGET, 26.0, 0.0)
    write(line, TARGET, 26.0, 0.0)
    assert tec.flash_writes == 1
    write(line, 108, 1, 0.0)
    write(line, TARGET, 27.0, 0.0)
    assert (tec.flash_writes, read(line, 108, 0.0, "i"), read(line, 109, 0.0, "i")) == (1, 1, 2)
    exchange(line, frame("RS"), 1.0)
    assert (read(line, TARGET, 10.0), read(line, 108, 10.0, "i")) == (26.0, 0)


def test_reset_is_acknowledged_then_silent_then_starts() -> None:
    tec = SimulatedTec()
    line = tec.connect()
    request = frame("RS")
    assert exchange(line, request, 0.0) == b"!0215AB" + request[-5:]
    assert exchange(line, frame("?VR006801"), 1.9) == b""
    assert read(line, 104, 2.1, "i") == 0
    assert read(line, 1020, 2.5) == 0.0
    assert read(line, 104, 3.1, "i") == 2
    assert read(line, 1011, 3.2) < 25.0  # it ramps from where the object had drifted to
    assert tec.object_temperature(300.0) == pytest.approx(25.0, abs=0.01)


@pytest.mark.parametrize(
    ("fault", "number"), [("sensor break", 30), ("over-current", 108), ("over-temperature", 60)]
)
def test_fault_stops_the_output_until_a_reset(fault: str, number: int) -> None:
    tec = SimulatedTec()
    line = tec.connect()
    tec.provoke(fault, 0.0)
    assert [read(line, parameter, 1.0, "i") for parameter in (104, 105, 106, 1200)] == [3, number, 1, 0]
    assert math.isnan(read(line, 1000, 1.0)) is (fault == "sensor break")
    assert tec.object_temperature(600.0) == pytest.approx(22.0, abs=0.01)
    write(line, 2010, 1, 600.0)
    assert read(line, 104, 601.0, "i") == 3
    exchange(line, frame("RS"), 602.0)
    assert tec.object_temperature(1000.0) == pytest.approx(25.0, abs=0.01)
    assert [read(line, parameter, 1000.0, "i") for parameter in (104, 105)] == [2, 0]


def test_current_above_its_threshold_is_a_fault() -> None:
    tec = SimulatedTec()
    line = tec.connect()
    write(line, 2032, 0.5, 0.0)
    write(line, 3003, 1000.0, 0.0)
    write(line, TARGET, 60.0, 0.0)
    assert [read(line, parameter, 5.0, "i") for parameter in (104, 105)] == [3, 108]


def test_emergency_stop_lasts_until_the_next_start() -> None:
    tec = SimulatedTec()
    line = tec.connect()
    exchange(line, frame("ES"), 0.0)
    assert [read(line, parameter, 1.0, "i") for parameter in (104, 2010)] == [1, 0]
    assert tec.object_temperature(600.0) == pytest.approx(22.0, abs=0.01)
    write(line, 2010, 1, 600.0)
    assert tec.object_temperature(1200.0) == pytest.approx(25.0, abs=0.01)


def test_power_cycle_forgets_what_was_not_saved() -> None:
    tec = SimulatedTec()
    line = tec.connect()
    write(line, 108, 1, 0.0)
    write(line, TARGET, 40.0, 0.0)
    tec.switch_off(100.0)
    assert exchange(line, frame("?VR006801"), 101.0) == b""
    assert tec.object_temperature(1000.0) == pytest.approx(22.0, abs=0.01)
    tec.switch_on(1000.0)
    assert read(line, 104, 1000.5, "i") == 0
    assert read(line, TARGET, 1001.5) == 25.0
    assert tec.object_temperature(1500.0) == pytest.approx(25.0, abs=0.01)


def test_address_is_taken_over_at_the_next_start() -> None:
    line = SimulatedTec().connect()
    write(line, 2051, 7, 0.0)
    assert read(line, 2051, 0.1, "i") == 7
    exchange(line, frame("RS"), 1.0)
    assert exchange(line, frame("?VR006401"), 10.0) == b""
    assert exchange(line, frame("?VR006401", address=7), 11.0).startswith(b"!07")


def test_long_unobserved_time_costs_little_and_ends_at_rest() -> None:
    regulation = Regulation(True, 25.0, 1e-4, 20.0, 20.0, 0.0, 2.0)
    loop = ThermalLoop(PlantSpecification(), regulation)
    loop.advance(0.0, regulation, 0.1)
    slow = Regulation(True, 30.0, 1e-4, 20.0, 20.0, 0.0, 2.0)  # a ramp of fourteen hours
    loop.advance(36_000.0, slow, 0.1)
    assert loop.nominal == pytest.approx(28.6, abs=0.001)
    assert loop.temperature == pytest.approx(28.6, abs=0.01)
    loop.advance(1e6, slow, 0.1)
    assert loop.temperature == pytest.approx(30.0, abs=1e-4)


def test_human_with_the_service_software() -> None:
    tec = SimulatedTec()
    tec.front_panel("target", 28.0, 0.0)
    assert tec.object_temperature(300.0) == pytest.approx(28.0, abs=0.01)
    tec.front_panel("output", False, 300.0)
    assert tec.object_temperature(900.0) == pytest.approx(22.0, abs=0.01)
    with pytest.raises(InstrumentSetupError) as caught:
        tec.front_panel("target", 900.0, 0.0)
    assert str(caught.value) == (
        "target = 900.0 is not possible: allowed is -50 to 150; set what the controller takes"
    )


def test_over_a_pseudo_terminal() -> None:
    with (
        serve_pty(SimulatedTec(), speed=100.0) as server,
        serial.Serial(server.resource, 57_600, timeout=5.0) as line,
    ):
        line.write(b"#0215AB?VR00680103A3\r")
        assert line.read_until(b"\r") == b"!0215AB00000002B71C\r"
