from __future__ import annotations

import math

import numpy as np
import pytest
from instrument_clients import dial, read_until

from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.mdt693b import (
    INPUT_BUFFER,
    Mdt693bSession,
    Mdt693bSpecification,
    SimulatedMdt693b,
)
from hardware_sim.instruments.piezo_stack import PiezoStack, PiezoStackSpecification
from hardware_sim.instruments.tcp import serve_tcp


def build(**changes: object) -> SimulatedMdt693b:
    return SimulatedMdt693b(np.random.default_rng(1), Mdt693bSpecification(**changes))  # type: ignore[arg-type]


@pytest.fixture
def driver() -> SimulatedMdt693b:
    return build()


def quiet(driver: SimulatedMdt693b, now: float = 0.0) -> Mdt693bSession:
    session = driver.connect()
    talk(session, b"echo=0\r", now)
    return session


def talk(session: Mdt693bSession, data: bytes, now: float = 1.0) -> bytes:
    return session.receive(data, now) + session.receive(b"", now + 10.0)


def test_echo_is_on_at_power_up_and_echo_off_always_answers(driver: SimulatedMdt693b) -> None:
    session = driver.connect()
    assert talk(session, b"echo?\r") == b"echo?\r[Echo On]\r>"
    assert talk(session, b"echo=0\r") == b"echo=0\r[Echo Off]\r>"
    assert talk(session, b"echo=0\r") == b"[Echo Off]\r>"
    assert talk(session, b"echo=1\r") == b"[Echo On]\r>"
    assert talk(session, b"xvoltage=1\r") == b"xvoltage=1\r>"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"vlimit?\r", b"[75]\r>"),
        (b"serial?\r", b"[160413115-03]\r>"),
        (b"xmin?\r", b"[  0.00]\r>"),
        (b"zmax?\r", b"[ 75.00]\r>"),
        (b"dacstep?\r", b"[1]\r>"),
        (b"\r", b">"),
        (b"yvoltage=12.34\r", b">"),
        (b"XVOLTAGE=3\r", b">"),
        (b"intensity=15\r", b">"),
        (b"nonsense\r", b"CMD_NOT_DEFINED>"),
        (b"\n\r", b"CMD_NOT_DEFINED>"),
        (b"xmin?\n\r", b"[  0.00]\r>"),
        (b"wvoltage?\r", b"CMD_NOT_DEFINED>"),
        (b"vlimit=75\r", b"CMD_NOT_DEFINED>"),
        (b"allvoltage?\r", b"CMD_NOT_DEFINED>"),
        (b"caf\xe9?\r", b"CMD_NOT_DEFINED>"),
        (b"xvoltage=75.01\r", b"CMD_ARG_INVALID>"),
        (b"xvoltage=-0.01\r", b"CMD_ARG_INVALID>"),
        (b"xvoltage=nan\r", b"CMD_ARG_INVALID>"),
        (b"xvoltage=\r", b"CMD_ARG_INVALID>"),
        (b"intensity=16\r", b"CMD_ARG_INVALID>"),
        (b"dacstep=1.5\r", b"CMD_ARG_INVALID>"),
        (b"xmin=76\r", b"CMD_ARG_INVALID>"),
    ],
)
def test_answers_of_firmware_1_09(driver: SimulatedMdt693b, command: bytes, answer: bytes) -> None:
    assert talk(quiet(driver), command) == answer
    assert len(driver.complaints) == (b"CMD" in answer)


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"vlimit?\r", b"*[75]\r"),
        (b"yvoltage=12.34\r", b"*"),
        (b"nonsense\r", b"!"),
        (b"yvoltage=1234\r", b"!"),
        (b"echo=0\r", b"*[Echo Off]\r"),
    ],
)
def test_answers_of_firmware_1_06(command: bytes, answer: bytes) -> None:
    assert talk(quiet(build(firmware="1.06")), command) == answer


@pytest.mark.parametrize("firmware", ["1.06", "1.09"])
def test_identity_has_several_lines(firmware: str) -> None:
    said = talk(quiet(build(firmware=firmware)), b"id?\r").decode()
    assert "MDT693B" in said
    assert f"\rFirmware Version: {firmware}\rSerial#:160413115-03\r" in said
    assert said.endswith("\r>" if firmware == "1.09" else "\r")


def test_the_list_of_commands(driver: SimulatedMdt693b) -> None:
    names = talk(quiet(driver), b"?\r").decode().removesuffix(">").split("\r")
    assert {"id", "xvoltage", "zmax", "allvoltage", "msvalue"} <= set(names)


def test_readings_differ_from_set_points_and_stay_so(driver: SimulatedMdt693b) -> None:
    session = quiet(driver)
    readings = []
    for now, volts in ((100.0, 0.0), (200.0, 30.0), (300.0, 60.0)):
        talk(session, f"xvoltage={volts}\r".encode(), now)
        readings.append(float(talk(session, b"xvoltage?\r", now + 20.0)[1:-3]))
        assert driver.voltage("x", now + 30.0) == volts
    errors = np.array(readings) - np.array([0.0, 30.0, 60.0])
    assert np.abs(errors[1:]).max() > 0.05
    assert np.abs(errors).max() < 2.0
    assert talk(session, b"xvoltage?\r", 400.0) == talk(session, b"xvoltage?\r", 500.0)


def test_outputs_settle_in_milliseconds(driver: SimulatedMdt693b) -> None:
    session = quiet(driver)
    session.receive(b"zvoltage=40\r", 100.0)
    assert driver.voltage("z", 100.0) == 0.0
    assert driver.voltage("z", 100.002) == pytest.approx(40.0 * (1.0 - math.exp(-1.0)))
    assert driver.voltage("z", 101.0) == 40.0
    assert driver.voltage("x", 101.0) == 0.0


def test_answers_take_time_and_come_in_order(driver: SimulatedMdt693b) -> None:
    session = quiet(driver)
    assert session.receive(b"vlimit?\rdacstep?\r", 100.0) == b""
    assert session.due() == pytest.approx(100.01)
    assert session.receive(b"", 100.0101) == b"[75]\r>"
    assert session.receive(b"", 100.0201) == b"[1]\r>"
    assert session.due() is None


def test_bounds_of_an_axis(driver: SimulatedMdt693b) -> None:
    session = quiet(driver)
    assert talk(session, b"xmax=50\rxmin=10\r") == b">>"
    assert talk(session, b"xvoltage=50.5\r") == b"CMD_ARG_INVALID>"
    assert talk(session, b"allvoltage=9\r") == b"CMD_ARG_INVALID>"
    assert talk(session, b"allvoltage=20\r") == b">"
    assert [driver.voltage(axis, 50.0) for axis in "xyz"] == [20.0, 20.0, 20.0]


def test_the_master_scan_moves_all_and_stops_at_the_limit(driver: SimulatedMdt693b) -> None:
    session = quiet(driver)
    talk(session, b"xvoltage=70\rmsvalue=10\r", 1.0)
    assert driver.voltage("y", 20.0) == 0.0
    talk(session, b"msenable=1\r", 20.0)
    assert (driver.voltage("x", 40.0), driver.voltage("y", 40.0)) == (75.0, 10.0)
    talk(session, b"msenable=0\r", 40.0)
    assert (driver.voltage("x", 60.0), driver.voltage("y", 60.0)) == (70.0, 0.0)


def test_arrows_step_the_first_axis(driver: SimulatedMdt693b) -> None:
    session = quiet(driver)
    talk(session, b"dacstep=100\r\x1b[A\r\x1b[A\r\x1b[B\r", 1.0)
    assert driver.voltage("x", 20.0) == pytest.approx(1.0)
    talk(session, b"\x1b[B\r\x1b[B\r", 20.0)
    assert driver.voltage("x", 40.0) == 0.0


def test_knobs_move_outputs_and_are_where_a_power_cycle_begins() -> None:
    driver = build(knobs=(12.0, 0.0, 30.0))
    assert [driver.voltage(axis, 0.0) for axis in "xyz"] == [12.0, 0.0, 30.0]
    driver.front_panel("y", 5.0, 1.0)
    session = quiet(driver)
    talk(session, b"xvoltage=50\rxmax=60\r", 2.0)
    driver.switch_off(20.0)
    assert session.receive(b"vlimit?\r", 21.0) == b""
    assert driver.voltage("x", 21.0) == pytest.approx(0.0, abs=1e-6)
    driver.switch_on(30.0)
    assert [driver.voltage(axis, 40.0) for axis in "xyz"] == [12.0, 5.0, 30.0]
    assert talk(driver.connect(), b"xmax?\r", 40.0) == b"xmax?\r[ 75.00]\r>"


def test_a_brown_out_loses_set_points(driver: SimulatedMdt693b) -> None:
    session = quiet(driver)
    talk(session, b"xvoltage=50\r", 1.0)
    driver.provoke("brown-out", 20.0)
    assert driver.voltage("x", 30.0) == 0.0
    assert driver.echo


def test_the_switch_at_the_back(driver: SimulatedMdt693b) -> None:
    session = quiet(driver)
    driver.front_panel("limit", 150, 1.0)
    assert talk(session, b"vlimit?\rxvoltage=140\r", 1.0) == b"[150]\r>>"
    driver.front_panel("limit", 100, 20.0)
    assert driver.voltage("x", 30.0) == 100.0


def test_what_cannot_be_set_up(driver: SimulatedMdt693b) -> None:
    with pytest.raises(
        InstrumentSetupError, match=r"firmware = '2\.0' is not possible: allowed is 1\.06, 1\.09"
    ):
        build(firmware="2.0")
    with pytest.raises(InstrumentSetupError, match="limit = 80"):
        build(limit=80)
    with pytest.raises(InstrumentSetupError, match="limit = 80"):
        driver.front_panel("limit", 80, 0.0)
    with pytest.raises(InstrumentSetupError, match=r"x = 80\.0 is not possible: allowed is 0 to 75 V"):
        driver.front_panel("x", 80.0, 0.0)
    with pytest.raises(InstrumentSetupError, match="axis = 'w'"):
        driver.voltage("w", 0.0)


def test_fragments_and_other_line_ends(driver: SimulatedMdt693b) -> None:
    commands, answers = b"vlimit?\rxvoltage=3.5\rnonsense\r", b"[75]\r>>CMD_NOT_DEFINED>"
    for cut in range(len(commands)):
        session = quiet(driver)
        session.receive(commands[:cut], 100.0)
        assert session.receive(commands[cut:], 100.0) + session.receive(b"", 110.0) == answers
    session = quiet(driver)
    assert talk(session, b"vlimit?\n", 200.0) == b""
    assert talk(session, b"\r", 220.0) == b"[75]\r>"


def test_an_endless_command_is_dropped(driver: SimulatedMdt693b) -> None:
    session = quiet(driver)
    assert talk(session, b"x" * (INPUT_BUFFER + 1), 100.0) == b""
    assert talk(session, b"vlimit?\r", 120.0) == b"[75]\r>"


def test_over_a_socket(driver: SimulatedMdt693b) -> None:
    with (
        serve_tcp(driver, speed=10.0) as server,
        dial(server) as client,
    ):
        client.sendall(b"echo=0\r")
        heard = read_until(client, b">")
        assert heard == b"echo=0\r[Echo Off]\r>"
        assert server.resource == f"socket://127.0.0.1:{server.port}"


def test_creep_is_logarithmic(driver: SimulatedMdt693b) -> None:
    talk(quiet(driver), b"xvoltage=50\r", 1000.0)
    decades = [driver.displacement("x", 1000.0 + time) for time in (1.0, 10.0, 100.0, 1000.0)]
    assert np.diff(decades) == pytest.approx([0.75, 0.75, 0.75], rel=1e-3)


def test_hysteresis_is_a_closed_loop_that_does_not_depend_on_time() -> None:
    stack = PiezoStack(PiezoStackSpecification(creep=0.0))

    def swing(*voltages: float) -> list[float]:
        lengths = []
        for voltage in voltages:
            stack.drive(voltage, 0.0)
            lengths.append(stack.effective_voltage(voltage, 1e6))
        return lengths

    swing(0.0, 75.0, 0.0)
    up, down = swing(0.0, 20.0, 40.0, 60.0, 75.0), swing(75.0, 60.0, 40.0, 20.0, 0.0)[::-1]
    assert up[0] == down[0]
    assert up[-1] == down[-1]
    widths = np.subtract(down, up)[1:-1]
    assert np.all(widths > 0.5)
    assert widths.max() < 0.1 * 75.0


def test_a_piezo_without_memory_is_as_long_as_its_voltage_says() -> None:
    stack = PiezoStack(PiezoStackSpecification(slacks=(), weights=(), creep=0.0))
    stack.drive(33.0, 0.0)
    assert stack.effective_voltage(33.0, 5.0) == 33.0
