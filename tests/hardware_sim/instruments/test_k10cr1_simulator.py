"""The simulated K10CR1: bytes of the protocol, motion in virtual time, one client over a pseudo-terminal."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import serial

from hardware_sim.instruments import InstrumentSetupError, serve_pty
from hardware_sim.instruments.apt_messages import AptMessage, AptReader
from hardware_sim.instruments.k10cr1 import (
    BACKLASH,
    ENABLED,
    FORWARD,
    HOMED,
    HOMING,
    JOG_FORWARD,
    MOTION_ERROR,
    OVERLOAD,
    STEPS,
    K10cr1Specification,
    SimulatedK10cr1,
)
from hardware_sim.instruments.k10cr1_motion import move, resting, run, stop
from hardware_sim.instruments.shared_line import LineSession

DEGREE = 1.0 / 360.0
EXACT = K10cr1Specification(accuracy=0.0, repeatability=0.0)
POSITION = "11 04 01 00 50 01"
STATUS = "29 04 01 00 50 01"
HOME = "43 04 01 00 50 01"
TO_45_DEGREES = "53 04 06 00 d0 01 01 00 00 c0 5d 00"


class Bench:
    """A mount and a client in virtual time."""

    def __init__(self, specification: K10cr1Specification = EXACT) -> None:
        self.mount = SimulatedK10cr1(np.random.default_rng(3), specification)
        self.line: LineSession = self.mount.connect()
        self.now = 10.0

    def say(self, text: str) -> list[AptMessage]:
        return self.hear(self.line.receive(bytes.fromhex(text), self.now))

    def hear(self, data: bytes) -> list[AptMessage]:
        return AptReader(1e9).feed(data, 0.0)

    def wait(self, time: float | None = None) -> list[AptMessage]:
        """Let some time pass, until the next thing is due if not told how much."""
        due = self.line.due()
        assert due is not None
        self.now = due if time is None else self.now + time
        return self.hear(self.line.receive(b"", self.now))

    def home(self) -> None:
        assert self.say(HOME) == []
        (homed,) = self.wait()
        assert (homed.identifier, homed.first) == (0x0444, 1)

    def position(self) -> int:
        (answer,) = self.say(POSITION)
        assert answer.identifier == 0x0412
        return int(struct.unpack("<Hi", answer.data or b"")[1])

    def status(self) -> int:
        (answer,) = self.say(STATUS)
        assert answer.identifier == 0x042A
        return int(struct.unpack("<HI", answer.data or b"")[1])

    def degrees(self) -> float:
        return (self.mount.angle(self.now) * 360.0 + 180.0) % 360.0 - 180.0


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_bytes_of_the_sheet(bench: Bench) -> None:
    bench.home()
    assert bench.line.receive(bytes.fromhex(TO_45_DEGREES), bench.now) == b""
    bench.now = bench.line.due() or 0.0
    assert bench.line.receive(b"", bench.now).hex(" ") == (
        "64 04 0e 00 81 50 01 00 00 c0 5d 00 00 00 00 00 00 04 00 80"
    )
    assert bench.line.receive(bytes.fromhex(POSITION), bench.now).hex(" ") == (
        "12 04 06 00 81 50 01 00 00 c0 5d 00"
    )
    assert bench.line.receive(bytes.fromhex(STATUS), bench.now).hex(" ") == (
        "2a 04 06 00 81 50 01 00 00 04 00 80"
    )
    assert bench.line.receive(bytes.fromhex(HOME), bench.now) == b""
    bench.now += 200.0
    assert bench.line.receive(b"", bench.now).hex(" ") == "44 04 01 00 01 50"


def test_information_names_model_and_serial_number(bench: Bench) -> None:
    (answer,) = bench.say("05 00 00 00 50 01")
    assert answer.identifier == 0x0006
    assert answer.data is not None
    assert len(answer.data) == 84
    serial_number, model, kind, *firmware = struct.unpack_from("<I8sH4B", answer.data)
    assert (serial_number, model, kind, firmware) == (55_000_197, b"K10CR1\0\0", 16, [4, 0, 1, 0])
    assert struct.unpack_from("<3H", answer.data, 78)[2] == 1


def test_mount_does_not_know_where_it_is_until_it_is_homed(bench: Bench) -> None:
    assert abs(bench.degrees()) > 1.0
    assert bench.position() == 0
    assert bench.status() == ENABLED
    assert not bench.mount.homed
    assert bench.say(HOME) == []
    assert bench.wait(1.0) == []
    assert bench.status() & (HOMING | HOMED) == HOMING
    (homed,) = bench.wait()
    assert homed.identifier == 0x0444
    assert bench.mount.homed
    assert bench.status() == ENABLED | HOMED
    assert bench.position() == 0
    assert bench.degrees() == pytest.approx(0.0, abs=1e-9)


def test_move_takes_its_time_and_ends_at_the_target(bench: Bench) -> None:
    bench.home()
    began = bench.now
    bench.say(TO_45_DEGREES)
    bench.wait(1.0)
    assert bench.degrees() == pytest.approx(5.0)  # 10 deg/s after one second at 10 deg/s²
    assert bench.status() == ENABLED | HOMED | FORWARD
    (completed,) = bench.wait()
    assert completed.identifier == 0x0464
    assert bench.now - began == pytest.approx(1.0 + 3.5 + 1.0)
    assert bench.degrees() == pytest.approx(45.0)
    assert bench.status() == ENABLED | HOMED


def test_position_may_be_asked_on_the_way(bench: Bench) -> None:
    bench.home()
    bench.say(TO_45_DEGREES)
    bench.wait(2.0)
    assert bench.position() == round(15.0 * DEGREE * STEPS)
    # The end of the move comes ahead of the answer to a question that is asked later.
    bench.now += 10.0
    completed, answer = bench.say(POSITION)
    assert (completed.identifier, answer.identifier) == (0x0464, 0x0412)


def test_moves_backward_end_like_those_forward(bench: Bench) -> None:
    bench.home()
    bench.say(f"48 04 06 00 d0 01 01 00 {struct.pack('<i', -STEPS // 36).hex()}")
    heard = bench.wait(2.05)
    assert heard == []
    assert bench.degrees() < -10.0  # beyond the target by the play of the gear
    (completed,) = bench.wait()
    assert completed.identifier == 0x0464
    assert bench.degrees() == pytest.approx(-10.0)
    assert bench.position() == -STEPS // 36


def test_stored_moves_use_what_was_stored(bench: Bench) -> None:
    bench.home()
    bench.say(f"50 04 06 00 d0 01 01 00 {struct.pack('<i', STEPS // 8).hex()}")
    bench.say(f"45 04 06 00 d0 01 01 00 {struct.pack('<i', STEPS // 36).hex()}")
    bench.say("53 04 01 00 50 01")
    bench.wait()
    bench.say("48 04 01 00 50 01")
    bench.wait()
    assert bench.degrees() == pytest.approx(55.0)


def test_speed_and_acceleration_are_those_that_were_set(bench: Bench) -> None:
    bench.home()
    slow = struct.pack("<Hiii", 1, 0, 1502 * 5, 7329109 * 2)
    bench.say(f"13 04 0e 00 d0 01 {slow.hex()}")
    (answer,) = bench.say("14 04 01 00 50 01")
    assert (answer.identifier, answer.data) == (0x0415, slow)
    began = bench.now
    bench.say(TO_45_DEGREES)
    bench.wait()
    assert bench.now - began == pytest.approx(45.0 / 2.0 + 2.0 / 5.0)


def test_default_speed_is_the_vector_of_the_sheet(bench: Bench) -> None:
    assert bench.line.receive(bytes.fromhex("14 04 01 00 50 01"), bench.now).hex(" ") == (
        "15 04 0e 00 81 50 01 00 00 00 00 00 ac 3a 00 00 52 55 5e 04"
    )


def test_motor_goes_no_faster_than_it_can(bench: Bench) -> None:
    bench.home()
    mad = struct.pack("<Hiii", 1, 0, 2**31 - 1, 2**31 - 1)
    bench.say(f"13 04 0e 00 d0 01 {mad.hex()}")
    began = bench.now
    bench.say(TO_45_DEGREES)
    bench.wait()
    assert bench.now - began == pytest.approx(4.5 + 0.5)  # 10 deg/s and 20 deg/s²


@pytest.mark.parametrize("identifier", [0x0413, 0x0416, 0x0423, 0x0426, 0x043A, 0x0440, 0x0445, 0x0450])
def test_parameters_are_kept_until_power_goes(bench: Bench, identifier: int) -> None:
    def ask() -> bytes:
        request = AptMessage(identifier + 1, 1).encode(0x50, 0x01)
        (answer,) = bench.hear(bench.line.receive(request, bench.now))
        assert answer.identifier == identifier + 2
        assert answer.data is not None
        return answer.data

    factory = ask()
    changed = factory[:2] + bytes(each ^ 1 for each in factory[2:])
    bench.line.receive(AptMessage(identifier, data=changed).encode(0x50, 0x01), bench.now)
    assert ask() == changed
    bench.line.receive(AptMessage(identifier, data=b"\x02\x00" + factory[2:]).encode(0x50, 0x01), bench.now)
    assert ask() == changed  # there is only one channel
    bench.mount.switch_off(bench.now)
    bench.mount.switch_on(bench.now)
    assert ask() == factory


def test_stop_at_once_and_with_a_slope(bench: Bench) -> None:
    bench.home()
    bench.say(TO_45_DEGREES)
    bench.wait(2.0)
    bench.say("65 04 01 02 50 01")
    (stopped,) = bench.wait()
    assert stopped.identifier == 0x0466
    assert bench.degrees() == pytest.approx(15.0 + 5.0)
    bench.say(TO_45_DEGREES)
    bench.wait(1.0)
    (stopped,) = bench.say("65 04 01 01 50 01")
    assert stopped.identifier == 0x0466
    assert bench.degrees() == pytest.approx(25.0)
    assert bench.line.due() is None
    assert bench.mount.homed


def test_homing_that_is_stopped_leaves_the_mount_unhomed(bench: Bench) -> None:
    bench.say(HOME)
    bench.wait(0.5)
    bench.say("65 04 01 01 50 01")
    assert not bench.mount.homed


def test_jog_and_run(bench: Bench) -> None:
    bench.home()
    bench.say("6a 04 01 01 50 01")
    bench.wait(0.5)
    assert bench.status() & JOG_FORWARD
    bench.wait()
    assert bench.degrees() == pytest.approx(5.0, abs=1e-5)
    bench.say("57 04 01 02 50 01")
    bench.now += 10.0
    assert bench.degrees() == pytest.approx(5.0 - 5.0 - 90.0, abs=1e-5)
    assert bench.line.due() is None  # it turns until it is stopped
    bench.say("65 04 01 01 50 01")
    assert bench.degrees() == pytest.approx(-90.0, abs=1e-5)


def test_new_target_replaces_the_old_one(bench: Bench) -> None:
    bench.home()
    bench.say(TO_45_DEGREES)
    bench.wait(2.0)
    bench.say(f"53 04 06 00 d0 01 01 00 {struct.pack('<i', 0).hex()}")
    heard = bench.wait(30.0)
    assert [each.identifier for each in heard] == [0x0464]
    assert bench.degrees() == pytest.approx(0.0)


def test_channel_that_is_off_does_not_move(bench: Bench) -> None:
    bench.home()
    bench.say("10 02 01 02 50 01")
    (answer,) = bench.say("11 02 01 00 50 01")
    assert (answer.identifier, answer.first, answer.second) == (0x0212, 1, 2)
    assert bench.say(TO_45_DEGREES) == []
    bench.now += 20.0
    assert bench.status() == HOMED
    assert bench.degrees() == pytest.approx(0.0)
    assert list(bench.mount.complaints) == ["motion of a channel that is not enabled"]


def test_counter_can_be_set_and_runs_over(bench: Bench) -> None:
    bench.home()
    bench.say(f"10 04 06 00 d0 01 01 00 {struct.pack('<i', 2**31 - 10).hex()}")
    assert bench.position() == 2**31 - 10
    bench.say(f"48 04 06 00 d0 01 01 00 {struct.pack('<i', 100).hex()}")
    bench.wait()
    assert bench.position() == -(2**31) + 90


def test_updates_come_until_nobody_acknowledges_them(bench: Bench) -> None:
    bench.say("11 00 00 00 50 01")
    heard: list[AptMessage] = []
    for _ in range(30):
        heard += bench.wait()
    assert len(heard) == 30
    assert {each.identifier for each in heard} == {0x0491}
    assert bench.now == pytest.approx(13.0)
    bench.say("92 04 00 00 50 01")
    for _ in range(50):
        heard += bench.wait()
    assert len(heard) == 80
    assert bench.line.due() is None
    bench.say("92 04 00 00 50 01")
    assert bench.line.due() is not None
    bench.say("12 00 00 00 50 01")
    assert bench.line.due() is None


def test_messages_are_understood_at_every_cut(bench: Bench) -> None:
    stream = bytes.fromhex(TO_45_DEGREES + POSITION)
    for cut in range(1, len(stream)):
        one = Bench()
        heard = one.line.receive(stream[:cut], 1.0) + one.line.receive(stream[cut:], 1.0)
        assert heard.hex(" ") == "12 04 06 00 81 50 01 00 00 00 00 00"


def test_lost_byte_garbles_the_stream_until_it_is_quiet(bench: Bench) -> None:
    assert bench.say(POSITION[3:]) == []
    assert bench.say(POSITION) == []
    bench.now += 0.1
    assert bench.position() == 0


def test_header_out_of_step_swallows_all_until_it_is_quiet(bench: Bench) -> None:
    assert bench.say("53 04 06 ff d0 01 01 00") == []
    assert bench.say(POSITION) == []
    bench.now += 0.1
    assert bench.position() == 0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("99 09 01 00 50 01", "message 0x0999 to 0x50"),
        ("11 04 01 00 21 01", "message 0x0411 to 0x21"),
        ("53 04 02 00 d0 01 01 00", "message 0x0453 has the wrong length"),
        ("13 04 01 00 50 01", "message 0x0413 has the wrong length"),
    ],
)
def test_what_it_does_not_know_is_not_answered(bench: Bench, text: str, complaint: str) -> None:
    assert bench.say(text) == []
    assert list(bench.mount.complaints) == [complaint]
    assert bench.position() == 0


def test_power_cycle_forgets_the_angle_and_leaves_the_plate(bench: Bench) -> None:
    bench.home()
    bench.say(TO_45_DEGREES)
    bench.wait(2.0)
    bench.mount.switch_off(bench.now)
    assert bench.say(POSITION) == []
    assert bench.line.due() is None
    bench.now += 5.0
    bench.mount.switch_on(bench.now)
    assert bench.degrees() == pytest.approx(15.0)
    assert bench.position() == 0
    assert bench.status() == ENABLED


def test_stalled_motor_says_so(bench: Bench) -> None:
    bench.home()
    bench.say(TO_45_DEGREES)
    bench.wait(2.0)
    bench.mount.provoke("motor stall", bench.now)
    response, stopped = bench.wait()
    assert response.identifier == 0x0081
    assert response.data is not None
    assert len(response.data) == 68
    assert stopped.identifier == 0x0466
    assert bench.status() & (MOTION_ERROR | OVERLOAD) == MOTION_ERROR | OVERLOAD
    assert bench.degrees() == pytest.approx(15.0)
    bench.say(TO_45_DEGREES)
    bench.wait()
    assert bench.status() == ENABLED | HOMED
    bench.mount.provoke("motor stall", bench.now)  # at rest: the next motion will not come far
    assert [each.identifier for each in bench.say(TO_45_DEGREES)] == [0x0081, 0x0466]


def test_lost_steps_are_not_noticed_until_it_is_homed(bench: Bench) -> None:
    bench.home()
    bench.mount.provoke("lost steps", bench.now)
    assert bench.position() == 0
    assert bench.status() == ENABLED | HOMED
    assert abs(bench.degrees()) > 0.1
    bench.home()
    assert bench.degrees() == pytest.approx(0.0)


def test_somebody_presses_the_button_on_the_mount(bench: Bench) -> None:
    bench.home()
    bench.mount.front_panel("jog", 0.025, bench.now)
    assert bench.wait() == []  # it tells nobody
    assert bench.degrees() == pytest.approx(9.0)
    assert bench.position() == round(0.025 * STEPS)


def test_buttons_turn_by_numbers(bench: Bench) -> None:
    with pytest.raises(InstrumentSetupError) as caught:
        bench.mount.front_panel("jog", "far", 0.0)
    assert str(caught.value) == ("jog = 'far' is not possible: allowed is an angle in turns; give a number")


def test_true_angle_differs_from_the_counter_within_the_specification() -> None:
    bench = Bench(K10cr1Specification())
    bench.say(f"3a 04 06 00 d0 01 01 00 {struct.pack('<i', 0).hex()}")
    assert bench.mount._parameters[BACKLASH] == (0,)
    bench.home()
    errors = []
    for degrees in range(30, 360, 30):
        bench.say(f"53 04 06 00 d0 01 01 00 {struct.pack('<i', round(degrees * DEGREE * STEPS)).hex()}")
        bench.wait()
        errors.append((bench.mount.angle(bench.now) * 360.0 - degrees + 180.0) % 360.0 - 180.0)
    assert 0.03 < max(abs(error) for error in errors) <= 0.15


def test_two_clients_hear_the_same_words(bench: Bench) -> None:
    other = bench.mount.connect()
    bench.position()
    assert other.receive(b"", bench.now).hex(" ") == "12 04 06 00 81 50 01 00 00 00 00 00"
    other.close()
    bench.position()


def test_motion_is_smooth() -> None:
    travel = move(resting(0.25), 1.0, [1.0, 0.75], 0.125, 0.5)
    times = np.linspace(0.0, travel.end + 1.0, 4001)
    angles = np.array([travel.angle(time) for time in times])
    speeds = np.array([travel.speed(time) for time in times])
    assert np.max(np.abs(speeds)) == pytest.approx(0.125)
    assert np.max(np.abs(np.diff(angles))) <= 0.125 * (times[1] - times[0]) + 1e-12
    assert np.max(np.abs(np.diff(speeds))) <= 0.5 * (times[1] - times[0]) + 1e-12
    assert (angles[0], angles[-1], angles.max()) == pytest.approx((0.25, 0.75, 1.0))
    halted = stop(run(resting(0.0), 0.0, -0.25, 0.5), 10.0, 0.5)
    assert halted.speed(10.0) == -0.25
    assert (halted.end, halted.speed(halted.end)) == (10.5, 0.0)


def test_mount_over_pyserial_on_a_pseudo_terminal() -> None:
    mount = SimulatedK10cr1(np.random.default_rng(3), EXACT)
    with serve_pty(mount, speed=500.0) as server, serial.Serial(server.resource, 115200, timeout=5.0) as line:
        line.write(bytes.fromhex(HOME))
        assert line.read(6).hex(" ") == "44 04 01 00 01 50"
        line.write(bytes.fromhex(TO_45_DEGREES))
        assert line.read(20)[:2].hex(" ") == "64 04"
        line.write(bytes.fromhex(POSITION))
        assert line.read(12).hex(" ") == "12 04 06 00 81 50 01 00 00 c0 5d 00"
        assert mount.angle(server.now()) * 360.0 == pytest.approx(45.0)
