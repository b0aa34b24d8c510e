"""The K10CR1 driver against scripted mounts on a pseudo-terminal; the bytes are those of the APT manual."""

from __future__ import annotations

import struct
from contextlib import closing
from dataclasses import replace

import pytest

from control.device import State
from control.drivers.k10cr1 import ANGLE, STEPS_PER_TURN, K10cr1
from control.errors import (
    BadReply,
    IdentityError,
    LimitError,
    LinkDown,
    LinkTimeout,
    NotReady,
    ReadBackError,
    Refused,
)
from control.transport import LineSettings, open_link

HANG_UP = ()
HOMED, ENABLED, MOVING = 1 << 10, 1 << 31, 1 << 4


def hexed(text):
    return bytes.fromhex(text)


def long(code, data):
    return struct.pack("<HHBB", code, len(data), 0x81, 0x50) + data


def info(serial=55000123, model=b"K10CR1"):
    return long(
        0x0006,
        struct.pack("<I8sH4s60sHHH", serial, model, 16, bytes([3, 0, 2, 0]), b"Brushless? No.", 1, 0, 1),
    )


def status(bits):
    return hexed("29 04 01 00 50 01"), long(0x042A, struct.pack("<HI", 1, bits))


def at(steps):
    return hexed("11 04 01 00 50 01"), long(0x0412, struct.pack("<Hi", 1, steps))


def speed(degrees=10.0, acceleration=10.0):
    data = struct.pack("<Hiii", 1, 0, round(1502 * acceleration), round(7329109 * degrees))
    return hexed("14 04 01 00 50 01"), long(0x0415, data)


QUIET = (hexed("12 00 00 00 50 01"),)
REQ_INFO = hexed("05 00 00 00 50 01")
IN = (REQ_INFO, info())
READY = status(HOMED | ENABLED)
UNHOMED = status(ENABLED)
MET = (QUIET, IN, READY)
HOME = (hexed("43 04 01 00 50 01"), hexed("44 04 01 00 01 50"))
MOVE_45 = hexed("53 04 06 00 d0 01 01 00 00 c0 5d 00")
COMPLETED = long(0x0464, struct.pack("<HiHHI", 1, 6144000, 0, 0, HOMED | ENABLED))
AT_45 = (hexed("11 04 01 00 50 01"), hexed("12 04 06 00 81 50 01 00 00 c0 5d 00"))


class QuickK10cr1(K10cr1):
    """The same driver on a line that settles sooner."""

    LINE = LineSettings(baud=115_200, quiet=0.02)
    SETTINGS = tuple(replace(setting, deadline=0.2) for setting in K10cr1.SETTINGS)


@pytest.fixture
def mount(begin, pty_peer):
    def start(*script, peer=None, **options):
        return begin(QuickK10cr1, peer or pty_peer(*script), name="hwp", **options)

    return start


def move_to_45(*answers, stand=0):
    """The dialogue of a move, up to the status after it."""
    return READY, speed(), at(stand), (MOVE_45, *answers)


def test_identity(mount):
    device = mount(*MET)
    found = device.identify()
    assert (found.maker, found.model, found.serial_number) == ("Thorlabs", "K10CR1", "55000123")
    assert found.firmware == "2.0.3"


def test_the_line_is_the_one_of_the_manual():
    line = K10cr1.LINE
    assert (line.baud, line.hardware_flow, line.toggle_rts, line.quiet) == (115_200, True, True, 0.1)


def test_an_angle_in_turns(mount):
    device = mount(*MET, *move_to_45(COMPLETED), READY, AT_45)
    assert device.set("angle", 0.125) == 0.125


def test_the_scale_is_exact():
    assert STEPS_PER_TURN == 360 * 409_600 / 3


def test_all_the_way_round_is_home_again(mount):
    move = hexed("53 04 06 00 d0 01") + struct.pack("<Hi", 1, 49_152_000)
    device = mount(*MET, READY, speed(), at(0), (move, COMPLETED), READY, at(49_152_000))
    assert device.set("angle", 1.0) == 1.0
    assert not ANGLE.differs(0.0, 1.0)


def test_a_position_below_zero(mount):
    assert mount(*MET, at(-24_576_000)).read("angle") == -0.5


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
def test_angles_have_limits(mount, value):
    device = mount(*MET)
    device.identify()
    with pytest.raises(LimitError):
        device.set("angle", value)


def test_velocity_keeps_the_acceleration(mount):
    # 10 deg/s with 10 deg/s^2, the bytes of the sheet
    sent = hexed("13 04 0e 00 d0 01 01 00 00 00 00 00 ac 3a 00 00 52 55 5e 04")
    device = mount(*MET, speed(degrees=5.0), (sent,), speed())
    assert device.set("velocity", 10 / 360) == pytest.approx(10 / 360)


def test_an_acceleration_that_was_harmed_on_the_way_is_not_written(pty_peer):
    sent = hexed("13 04 0e 00 d0 01 01 00 00 00 00 00 ac 3a 00 00 52 55 5e 04")
    before, harmed = speed(degrees=5.0), speed(degrees=5.0, acceleration=90.0)
    peer = pty_peer(*MET, harmed, before, before, (sent,), speed(), speed())
    link = open_link(peer.resource, "hwp", line=QuickK10cr1.LINE)
    with closing(QuickK10cr1("hwp", link)) as device:
        assert device.set("velocity", 10 / 360) == pytest.approx(10 / 360)


def test_velocity_has_limits(mount):
    device = mount(*MET)
    device.identify()
    with pytest.raises(LimitError, match="the limit of the driver"):
        device.set("velocity", 11 / 360)


@pytest.mark.parametrize(("value", "sent", "bits"), [(True, "01", HOMED | ENABLED), (False, "02", HOMED)])
def test_the_motor_current(mount, value, sent, bits):
    device = mount(*MET, (hexed(f"10 02 01 {sent} 50 01"),), status(bits))
    assert device.set("enabled", value) is value


def test_angles_mean_nothing_before_homing(mount):
    device = mount(QUIET, IN, UNHOMED, UNHOMED, UNHOMED)
    device.identify()
    assert device.state is State.DEGRADED
    with pytest.raises(NotReady) as caught:
        device.set("angle", 0.125)
    assert str(caught.value) == (
        f"hwp ({device.address}): cannot turn to an angle: it has not been homed since it was switched on. "
        "Call home() first."
    )
    device.acknowledge()  # the mount itself says that it is not
    with pytest.raises(NotReady, match="it has not been homed"):
        device.set("angle", 0.125)


def test_homing(mount):
    device = mount(QUIET, IN, UNHOMED, HOME, READY, at(12))
    assert device.home() == 12 / STEPS_PER_TURN
    assert device.state is State.UP


def test_homing_that_was_stopped(mount):
    stopped = hexed("66 04 01 00 01 50")
    device = mount(QUIET, IN, UNHOMED, (HOME[0], stopped), UNHOMED)
    with pytest.raises(Refused, match="stopped before it found its home position"):
        device.home()
    assert device.state is State.DEGRADED


def test_blinking(mount):
    mount(*MET, (hexed("23 02 00 00 50 01"),)).perform("blink")


def test_what_comes_unasked_is_passed_by(mount):
    updates = long(0x0491, bytes(14)) + hexed("44 04 01 00 01 50") + COMPLETED
    device = mount(*MET, (AT_45[0], updates + AT_45[1]))
    assert device.read("angle") == 0.125


def test_reports_of_another_program_are_stopped_first(mount):
    chatter = long(0x0491, bytes(14))
    device = mount((QUIET[0], chatter[:7], chatter[7:] + chatter), IN, READY, AT_45)
    assert device.read("angle") == 0.125


@pytest.mark.parametrize("cut", range(1, 12))
def test_answers_may_come_in_two_pieces_cut_anywhere(mount, cut):
    request, answer = AT_45
    assert mount(*MET, (request, answer[:cut], answer[cut:])).read("angle") == 0.125


def test_answers_may_come_byte_by_byte(mount):
    request, answer = AT_45
    assert mount(*MET, (request, *(bytes([byte]) for byte in answer))).read("angle") == 0.125


GARBAGE = [
    AT_45[1][1:],  # a byte lost
    AT_45[1][:3] + AT_45[1][2:],  # a byte doubled
    b"\xff" * 12,
    hexed("12 04 06 00 81 51 01 00 00 c0 5d 00"),  # from somebody else
    hexed("12 04 ff ff 81 50 01 00 00 c0 5d 00"),  # longer than any message
    long(0x0412, bytes(4)),  # too short for a position
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_asked_again_once(mount, garbage):
    device = mount(*MET, (AT_45[0], garbage), IN, READY, AT_45)
    assert device.read("angle") == 0.125


def test_garbage_twice_is_told(mount):
    garbage = b"\xff" * 6
    device = mount(*MET, (AT_45[0], garbage), IN, READY, (AT_45[0], garbage))
    with pytest.raises(BadReply) as caught:
        device.read("angle")
    assert str(caught.value).startswith(
        f"hwp ({device.address}): the answer '{chr(92)}xff" + r"\xff" * 5 + "' is not the head of a message "
        "from the mount (tried to send 11 04 01 00 50 01). "
    )
    assert device.state is State.DIRTY


def test_a_late_answer_does_not_answer_the_next_question(mount):
    device = mount(*MET, (AT_45[0],), (REQ_INFO, at(1)[1], info()), READY, AT_45)
    with pytest.raises(LinkTimeout):
        device.read("angle")
    assert device.state is State.DIRTY
    assert device.read("angle") == 0.125


def test_after_a_move_that_never_ended_the_mount_is_stopped(mount):
    fast = speed(degrees=200.0, acceleration=1e6)
    stopped = long(0x0466, bytes(14))
    device = mount(
        *MET,
        *(READY, fast, at(6_000_000), (MOVE_45,)),
        *(IN, status(HOMED | ENABLED | MOVING), (hexed("65 04 01 02 50 01"), stopped)),
        *(at(99), at(99)),
    )
    with pytest.raises(LinkTimeout):
        device.set("angle", 0.125)
    assert device.read("angle") == 99 / STEPS_PER_TURN
    assert "angle" not in device.wanted
    assert [entry.text for entry in device.logbook][-1] == "angle was not set to 0.125: lost on the way"


def test_a_move_that_was_heard_but_not_confirmed_is_adopted(mount):
    fast = speed(degrees=200.0, acceleration=1e6)
    device = mount(*MET, *(READY, fast, at(6_000_000), (MOVE_45,)), *(IN, READY), AT_45, AT_45)
    with pytest.raises(LinkTimeout):
        device.set("angle", 0.125)
    assert device.read("angle") == 0.125
    assert device.wanted == {"angle": 0.125}


@pytest.mark.parametrize(
    ("bit", "text"), [(14, "motion error"), (24, "motor overload"), (26, "current limit")]
)
def test_a_motor_that_fails(mount, bit, text):
    device = mount(*MET, *move_to_45(COMPLETED), status(HOMED | ENABLED | 1 << bit), READY)
    with pytest.raises(Refused) as caught:
        device.set("angle", 0.125)
    assert str(caught.value) == (
        f"hwp ({device.address}) refused '53 04 06 00 d0 01 01 00 00 c0 5d 00' with error "
        f"{HOMED | ENABLED | 1 << bit}: {text}. Does something block the mount? Free it, then call home()."
    )
    with pytest.raises(NotReady, match=f"its position is lost after {text}"):
        device.set("angle", 0.25)


def test_a_move_that_somebody_stopped_at_the_mount(mount):
    device = mount(*MET, *move_to_45(long(0x0466, bytes(14))), READY, at(1_000_000))
    with pytest.raises(ReadBackError, match=r"angle was set to 0\.125 turn but reads 0\.0203450520833 turn"):
        device.set("angle", 0.125)


def test_a_complaint_about_a_request(mount):
    complaint = long(0x0081, struct.pack("<HH64s", 0x0453, 7, b"position out of range"))
    device = mount(*MET, *move_to_45(complaint))
    with pytest.raises(Refused, match="with error 7: position out of range"):
        device.set("angle", 0.125)


def test_a_complaint_about_something_else_goes_to_the_logbook(mount):
    complaint = long(0x0081, struct.pack("<HH64s", 0, 9, b"supply voltage low"))
    device = mount(*MET, (AT_45[0], complaint + AT_45[1]))
    assert device.read("angle") == 0.125
    assert [entry.text for entry in device.logbook] == ["it said unasked, with code 9: supply voltage low"]


def test_a_velocity_of_zero_is_no_way_to_move(mount):
    device = mount(*MET, READY, speed(degrees=0.0))
    with pytest.raises(NotReady, match="its velocity or acceleration is zero"):
        device.set("angle", 0.125)


THERE_AND_BACK = (UNHOMED, HOME, READY, at(0), speed(), at(0), (MOVE_45, COMPLETED), READY)


def test_a_power_cycle_behind_a_line_that_stayed_up(mount):
    device = mount(*MET, *move_to_45(COMPLETED), READY, AT_45, UNHOMED, IN, *THERE_AND_BACK)
    device.set("angle", 0.125)
    assert device.check() is State.UP
    assert [entry.text for entry in device.logbook] == [
        "it was switched off and on again and has lost its position",
        "angle was set again to 0.125",
    ]


def test_another_mount_behind_a_line_that_stayed_up(mount):
    device = mount(*MET, UNHOMED, (REQ_INFO, info(serial=55000999)))
    device.identify()
    with pytest.raises(IdentityError, match="the serial number is '55000999', not '55000123'"):
        device.check()


def test_a_status_that_was_harmed_on_the_way_sends_no_mount_home(mount):
    device = mount(*MET, UNHOMED, IN, READY)
    device.identify()
    assert device.check() is State.UP


def test_a_mount_that_does_not_find_home_again_is_not_turned(mount):
    stopped = hexed("66 04 01 00 01 50")
    device = mount(
        *(*MET, *move_to_45(COMPLETED), READY, AT_45),
        *(UNHOMED, IN, UNHOMED, (HOME[0], stopped), UNHOMED, at(0)),
    )
    device.set("angle", 0.125)
    assert device.check() is State.DEGRADED
    assert "it could not be brought back: " in device.trouble
    assert "stopped before it found its home position" in device.trouble
    assert "angle could not be set again: hwp: cannot turn to an angle" in device.trouble


@pytest.fixture
def far_mount(begin, tcp_peer):
    """A mount behind a serial server, which can hang up and come back."""

    def start(*script):
        peer = tcp_peer(*script)
        return begin(QuickK10cr1, peer, resource=peer.serial_resource, name="hwp")

    return start


def test_after_a_power_cycle_it_goes_home_and_back(far_mount):
    device = far_mount(
        *MET,
        *move_to_45(COMPLETED),
        *(READY, AT_45, (AT_45[0],), HANG_UP),
        *(QUIET, IN, UNHOMED, UNHOMED, HOME, READY),
        *(at(0), speed(), at(0), (MOVE_45, COMPLETED), READY, AT_45),
    )
    assert device.set("angle", 0.125) == 0.125
    with pytest.raises(LinkDown):
        device.read("angle")
    assert device.state is State.DOWN
    assert device.read("angle") == 0.125
    assert device.state is State.UP
    assert [entry.text for entry in device.logbook] == [
        "it was switched off and on again and has lost its position",
        "angle was set again to 0.125",
    ]


def test_a_pulled_cable_alone_moves_nothing(far_mount):
    device = far_mount(*MET, (AT_45[0],), HANG_UP, QUIET, IN, READY, AT_45)
    with pytest.raises(LinkDown):
        device.read("angle")
    assert device.read("angle") == 0.125


def test_a_mount_that_was_never_homed_is_not_homed_by_itself(far_mount):
    device = far_mount(QUIET, IN, UNHOMED, (AT_45[0],), HANG_UP, QUIET, IN, at(0))
    with pytest.raises(LinkDown):
        device.read("angle")
    assert device.read("angle") == 0.0
    assert device.state is State.DEGRADED


def test_another_model(mount):
    with pytest.raises(IdentityError, match="the model is 'KDC101', not 'K10CR1'"):
        mount(QUIET, (REQ_INFO, info(model=b"KDC101"))).identify()


def test_another_mount(mount):
    with pytest.raises(IdentityError, match="the serial number is '55000123', not '55000999'"):
        mount(QUIET, IN, serial_number="55000999").identify()


def test_a_model_that_is_no_text(mount):
    with pytest.raises(BadReply, match="is not an identity with the name of a model"):
        mount(QUIET, (REQ_INFO, info(model=b"\xff\xfe"))).identify()
