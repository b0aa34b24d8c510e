"""The ELL14 driver against scripted mounts on a pseudo-terminal; the bytes are those of the manual."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import replace
from itertools import pairwise

import pytest

from control.device import State
from control.device.readings import Quality
from control.drivers.ell14 import Ell14
from control.errors import (
    BadReply,
    ConfigError,
    IdentityError,
    LimitError,
    LinkDown,
    LinkTimeout,
    NotReady,
    ReadBackError,
    Refused,
    UnknownName,
    UsageError,
)
from control.transport import open_link

# model 0E, serial 11400517, year 2023, firmware 17, hardware 01, travel 360, 143360 pulses a turn
IDENTITY = b"0E1140051720231701016800023000\r\n"
IN = (b"0in", b"0IN" + IDENTITY)
HOME = (b"0ho0", b"0PO00000000\r\n")
AT_HOME = (b"0gp", b"0PO00000000\r\n")
DEG_45 = b"00004600"
HANG_UP = ()


class QuickEll14(Ell14):
    """The same driver, whose moves may not take long."""

    SETTINGS = tuple(replace(setting, deadline=0.3) for setting in Ell14.SETTINGS)


@pytest.fixture
def mount(begin, pty_peer):
    """Start a scripted line and return a mount on it; closed afterwards."""

    def make(*script, name="hwp", peer=None, **options):
        return begin(QuickEll14, peer or pty_peer(*script), name=name, **options)

    return make


@pytest.fixture
def far_mount(begin, tcp_peer):
    """The same behind a serial server, which can hang up."""

    def make(*script):
        peer = tcp_peer(*script)
        return begin(QuickEll14, peer, resource=peer.serial_resource, name="hwp")

    return make


def test_identity(mount):
    device = mount(IN)
    found = device.identify()
    assert (found.maker, found.model, found.serial_number) == ("Thorlabs", "ELL14", "11400517")
    assert device.address == f"{device.peer.resource}, address 0"


def test_a_harmed_scale_is_noticed(pty_peer):
    harmed = (b"0in", b"0IN0E1140051720231701016800033000\r\n")
    position = (b"0gp", b"0PO" + DEG_45 + b"\r\n")
    link = open_link(
        pty_peer(harmed, IN, IN, position, position).resource, "hwp", shared=True, line=Ell14.LINE
    )
    with closing(Ell14("hwp", link)) as device:
        assert device.read("angle") == 0.125


def test_the_address_is_sent_in_capitals(mount):
    device = mount((b"Bin", b"BIN" + IDENTITY), address="b")
    assert device.identify().model == "ELL14"


def test_an_address_that_is_none(mount):
    with pytest.raises(ConfigError) as caught:
        mount(address="G")
    assert str(caught.value) == "hwp: 'G' is not the address of an ELL14. Give one of 0 to 9, A to F."


def test_angle_in_turns(mount):
    device = mount(
        IN, HOME, AT_HOME, AT_HOME, (b"0ma00002300", b"0PO00002300\r\n"), (b"0gp", b"0PO00002300\r\n")
    )
    device.home()
    assert device.move_absolute(0.0625) == 0.0625


def test_the_scale_is_that_of_this_mount(mount):
    device = mount((b"0in", b"0IN0E1140051720231701016800040000\r\n"), (b"0gp", b"0PO00010000\r\n"))
    assert device.read("angle") == 0.25


def test_a_position_below_zero(mount):
    device = mount(IN, (b"0gp", b"0POFFFFFF9C\r\n"))
    assert device.read("angle") == -100 / 143360


def test_angles_mean_nothing_before_homing(mount):
    device = mount(IN)
    device.identify()
    assert device.state is State.DEGRADED
    with pytest.raises(NotReady) as caught:
        device.set("angle", 0.125)
    assert str(caught.value) == (
        f"hwp ({device.address}): cannot turn to an angle: it has not been homed since it was connected. "
        "Call home() first, or acknowledge() if its position is known to be right."
    )


def test_homing_makes_it_ready(mount):
    device = mount(IN, (b"0ho1", b"0PO00000002\r\n"), (b"0gp", b"0PO00000002\r\n"))
    assert device.home(clockwise=False) == 2 / 143360
    assert device.state is State.UP


def test_a_position_that_was_kept_can_be_adopted(mount):
    device = mount(IN, (b"0ma" + DEG_45, b"0PO" + DEG_45 + b"\r\n"), (b"0gp", b"0PO" + DEG_45 + b"\r\n"))
    device.identify()
    device.acknowledge()
    assert device.state is State.UP
    assert device.set("angle", 0.125) == 0.125


def test_home_that_ends_elsewhere(mount):
    device = mount(IN, (b"0ho0", b"0PO" + DEG_45 + b"\r\n"), (b"0gp", b"0PO" + DEG_45 + b"\r\n"))
    with pytest.raises(ReadBackError, match=r"angle was set to 0 turn but reads 0\.125 turn"):
        device.home()
    assert device.state is State.DEGRADED


def test_velocity_is_a_part_of_the_full_one(mount):
    device = mount(IN, (b"0gv", b"0GV64\r\n"), (b"0sv3C", b"0GS00\r\n"), (b"0gv", b"0GV3C\r\n"))
    assert device.read("velocity") == 1.0
    assert device.set("velocity", 0.6) == 0.6


@pytest.mark.parametrize(
    ("name", "value", "limit"),
    [("angle", 1.01, 1.0), ("angle", -0.01, 0.0), ("velocity", 0.0, 0.2), ("velocity", 1.1, 1.0)],
)
def test_limits_of_the_driver(mount, name, value, limit):
    with pytest.raises(LimitError) as caught:
        mount().set(name, value)
    assert (caught.value.limit, caught.value.origin, caught.value.device) == (limit, "driver", "hwp")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nothing_but_finite_numbers(mount, value):
    with pytest.raises(LimitError, match="not a finite number"):
        mount().set("angle", value)


def test_limits_of_the_site(mount):
    device = mount(limits={"angle": (0.0, 0.25)})
    with pytest.raises(LimitError, match=r"above 0\.25 turn, the limit of the site") as caught:
        device.set("angle", 0.26)
    assert caught.value.origin == "site"


def test_an_unknown_setting(mount):
    with pytest.raises(UnknownName) as caught:
        mount().read("angel")
    assert str(caught.value) == "hwp: there is no setting 'angel'. Did you mean angle?"


def test_a_number_is_not_a_switch(mount):
    with pytest.raises(UsageError) as caught:
        mount().set("angle", True)
    assert str(caught.value) == "hwp: angle cannot be True. Give a number in turn."


def test_moves_wait_for_a_tenth_of_a_second_between_them(mount):
    moves = [
        step
        for before, pulses in pairwise((b"00000000", b"00000100", b"00000200", b"00000300"))
        for step in (
            (b"0gp", b"0PO" + before + b"\r\n"),
            (b"0ma" + pulses, b"0PO" + pulses + b"\r\n"),
            (b"0gp", b"0PO" + pulses + b"\r\n"),
        )
    ]
    device = mount(IN, HOME, AT_HOME, *moves)
    device.home()
    assert device.time.naps == []
    device.move_absolute(256 / 143360)
    device.time.now += 0.04
    device.move_absolute(512 / 143360)
    device.time.now += 0.2
    device.move_absolute(768 / 143360)
    assert device.time.naps == pytest.approx([0.1, 0.06])


def test_a_mount_that_stands_elsewhere_than_it_was_left_is_not_trusted(mount):
    """It says so with no status, but has lost its power, and with that its zero."""
    there = (b"0ma" + DEG_45, b"0PO" + DEG_45 + b"\r\n"), (b"0gp", b"0PO" + DEG_45 + b"\r\n")
    device = mount(IN, HOME, AT_HOME, AT_HOME, *there, AT_HOME, AT_HOME, AT_HOME, HOME, AT_HOME, AT_HOME)
    device.home()
    device.move_absolute(0.125)
    reading = device.measure("angle")
    assert (reading.value, reading.quality) == (0.0, Quality.SUSPECT)
    assert reading.note == "it stands elsewhere than it was left: it was without power, or turned by hand"
    with pytest.raises(NotReady, match="cannot turn to an angle: it stands elsewhere than it was left"):
        device.move_absolute(0.25)
    device.acknowledge()
    assert device.measure("angle").quality is Quality.SUSPECT
    device.home()
    assert device.measure("angle").quality is Quality.GOOD


def test_busy_is_waited_out(mount):
    arrival = (b"0GS09\r\n", b"0GS09\r\n", b"0PO" + DEG_45 + b"\r\n")
    device = mount(
        IN, HOME, AT_HOME, AT_HOME, (b"0ma" + DEG_45, *arrival), (b"0gp", b"0PO" + DEG_45 + b"\r\n")
    )
    device.home()
    assert device.move_absolute(0.125) == 0.125


def test_busy_with_another_move_shows_in_the_read_back(mount):
    there = b"0PO00001000\r\n"
    device = mount(IN, HOME, AT_HOME, AT_HOME, (b"0ma" + DEG_45, b"0GS09\r\n", there), (b"0gp", there))
    device.home()
    with pytest.raises(ReadBackError) as caught:
        device.move_absolute(0.125)
    assert caught.value.actual == 4096 / 143360


@pytest.mark.parametrize(
    ("status", "text", "lost"),
    [
        (b"01", "communication time-out", False),
        (b"02", "mechanical time-out", True),
        (b"03", "command error or not supported", False),
        (b"04", "value out of range", False),
        (b"05", "module isolated", False),
        (b"06", "module out of isolation", False),
        (b"07", "initialising error", True),
        (b"08", "thermal error", False),
        (b"0A", "sensor error", True),
        (b"0B", "motor error", True),
        (b"0C", "out of range", False),
        (b"0D", "over-current", True),
        (b"0E", "unknown status", False),
    ],
)
def test_a_status_is_told_by_name(mount, status, text, lost):
    device = mount(IN, HOME, AT_HOME, AT_HOME, (b"0ma" + DEG_45, b"0GS" + status + b"\r\n"))
    device.home()
    with pytest.raises(Refused) as caught:
        device.move_absolute(0.125)
    assert (caught.value.code, caught.value.text) == (int(status, 16), text)
    assert str(caught.value).startswith(f"hwp ({device.address}) refused '0ma00004600' with error ")
    assert device.state is (State.DEGRADED if lost else State.UP)
    # What was lost must not be said to hold.
    assert ("call home()" in str(caught.value)) is lost
    assert ("still holds" in str(caught.value)) is (not lost and status != b"08")


def test_check_reports_what_is_wrong(mount):
    device = mount(IN, (b"0gs", b"0GS00\r\n"), (b"0gs", b"0GS08\r\n"))
    device.acknowledge()
    assert device.check() is State.DEGRADED
    with pytest.raises(Refused, match=r"error 8: thermal error\. Let the motor cool down\."):
        device.check()


@pytest.mark.parametrize("cut", range(1, 13))
def test_answers_may_come_in_two_pieces_cut_anywhere(mount, cut):
    reply = b"0PO" + DEG_45 + b"\r\n"
    device = mount(IN, (b"0gp", reply[:cut], reply[cut:]))
    assert device.read("angle") == 0.125


def test_answers_may_come_byte_by_byte(mount):
    reply = b"0IN" + IDENTITY
    device = mount((b"0in", *(bytes([byte]) for byte in reply)))
    assert device.identify().serial_number == "11400517"


def test_button_messages_and_other_mounts_are_passed_by(mount):
    device = mount(IN, (b"0gp", b"0BS00\r\n3PO00001111\r\n0BO00\r\n0PO" + DEG_45 + b"\r\n"))
    assert device.read("angle") == 0.125


GARBAGE = [
    b"0PO0000460\r\n",  # a byte lost
    b"0PO000046000\r\n",  # a byte doubled
    b"PO00004600\r\n",
    b"0O00004600\r\n",
    b"\xff\x80\x00garbage\r\n",
    b"0po00004600\r\n",
    b"0GV64\r\n",
    b"0PO0000460G\r\n",
    b"\r\n",
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_asked_again_once(mount, garbage):
    device = mount(
        IN, (b"0gp", garbage), IN, (b"0gs", b"0GS00\r\n"), (b"0gp", b"0PO" + DEG_45 + b"\r\n")
    )  # fmt: skip
    assert device.read("angle") == 0.125


def test_garbage_twice_is_told(mount):
    device = mount(IN, (b"0gp", b"0PO\r\n"), IN, (b"0gs", b"0GS00\r\n"), (b"0gp", b"0PO12\r\n"))
    with pytest.raises(BadReply) as caught:
        device.read("angle")
    assert str(caught.value).startswith(
        f"hwp ({device.address}): the answer 'PO12' is not PO and 8 hexadecimal digits "
        "(tried to send '0gp'). "
    )
    assert device.state is State.DIRTY


@pytest.mark.parametrize("identity", [b"0IN0E11400517\r\n", b"0IN0E1140051720231701016800000000\r\n"])
def test_an_identity_without_a_scale(mount, identity):
    with pytest.raises(BadReply, match="is not an ELLx identity of 30 characters"):
        mount((b"0in", identity)).identify()


def test_a_late_answer_does_not_answer_the_next_question(mount):
    late = b"0PO00009999\r\n"
    device = mount(
        IN,
        (b"0gp",),
        # It comes after the line was silent, just before the answer to the question that resynchronises.
        (b"0in", late, b"0IN" + IDENTITY),
        (b"0gs", b"0GS00\r\n"),
        (b"0gp", b"0PO" + DEG_45 + b"\r\n"),
    )
    with pytest.raises(LinkTimeout) as caught:
        device.read("angle")
    assert str(caught.value).startswith(
        f"hwp ({device.address}): no answer within 0.2 s, nothing came (tried to send '0gp'). "
    )
    assert device.state is State.DIRTY
    assert device.read("angle") == 0.125
    assert device.state is State.DEGRADED


def test_after_a_move_that_never_ended_it_must_stand_first(mount):
    device = mount(
        *(
            IN,
            HOME,
            AT_HOME,
            AT_HOME,
            (b"0ma" + DEG_45,),
            IN,
            (b"0gs", b"0GS09\r\n"),
            IN,
            (b"0gs", b"0GS00\r\n"),
        ),
        *(AT_HOME, AT_HOME),  # once to find out whether the move was heard, once to answer
    )
    device.home()
    with pytest.raises(LinkTimeout, match=r"no answer within 0\.3 s"):
        device.move_absolute(0.125)
    with pytest.raises(Refused, match=r"error 9: busy\. It is still moving: try again when it stands\."):
        device.read("angle")
    assert device.state is State.DIRTY
    assert device.read("angle") == 0.0
    assert "angle" not in device.wanted  # the move is known to have been lost
    assert [entry.text for entry in device.logbook][-1] == "angle was not set to 0.125: lost on the way"


def test_a_line_that_was_pulled(mount):
    device = mount(IN, HOME, AT_HOME, (b"0gp",), HANG_UP)
    device.home()
    with pytest.raises(LinkDown) as caught:
        device.read("angle")
    assert caught.value.device == "hwp"
    assert device.state is State.DOWN


def test_another_model(mount):
    device = mount((b"0in", b"0IN09" + IDENTITY[2:]))
    with pytest.raises(IdentityError, match="the model is 'ELL9', not 'ELL14'"):
        device.identify()
    assert device.state is State.DOWN


def test_another_mount(mount):
    device = mount(IN, serial_number="11400999")
    with pytest.raises(IdentityError, match="the serial number is '11400517', not '11400999'"):
        device.identify()


def test_two_mounts_on_one_line(mount):
    half = mount(
        (b"0in", b"0IN" + IDENTITY),
        (b"1in", b"1IN0E1140051820231701016800040000\r\n"),
        (b"0gp", b"0PO" + DEG_45 + b"\r\n"),
        (b"1gp", b"1PO00010000\r\n"),
        # The first does not answer in time; its late answer must not become that of the second.
        (b"0gp",),
        (b"1gp", b"0PO00001111\r\n1PO00020000\r\n"),
        (b"0in", b"0IN" + IDENTITY),
        (b"0gs", b"0GS00\r\n"),
        (b"0gp", b"0PO" + DEG_45 + b"\r\n"),
    )
    quarter = mount(name="qwp", peer=half.peer, address="1")
    assert (half.identify().serial_number, quarter.identify().serial_number) == ("11400517", "11400518")
    assert (half.read("angle"), quarter.read("angle")) == (0.125, 0.25)
    with pytest.raises(LinkTimeout):
        half.read("angle")
    assert quarter.read("angle") == 0.5
    assert half.state is State.DIRTY
    assert half.read("angle") == 0.125


def test_the_line_stays_open_for_the_other_mount(mount):
    half = mount((b"1in", b"1IN" + IDENTITY))
    quarter = mount(name="qwp", peer=half.peer, address="1")
    half.close()
    assert quarter.identify().model == "ELL14"


def test_the_line_being_opened_again_means_homing_again_and_going_back(far_mount):
    there, back = (b"0ma" + DEG_45, b"0PO" + DEG_45 + b"\r\n"), (b"0gp", b"0PO" + DEG_45 + b"\r\n")
    before = (IN, HOME, AT_HOME, AT_HOME, there, back, (b"0gp",), HANG_UP)
    device = far_mount(*before, IN, HOME, AT_HOME, AT_HOME, there, back)
    device.home()
    device.move_absolute(0.125)
    with pytest.raises(LinkDown):
        device.read("angle")
    assert device.read("angle") == 0.125
    assert device.state is State.UP
    assert [entry.text for entry in device.logbook][-1] == "angle was set again to 0.125"


def test_a_late_answer_moves_nothing(begin, tcp_peer):
    """A serial server is connected to anew after a time-out; that says nothing about the mount's power."""
    there, back = (b"0ma" + DEG_45, b"0PO" + DEG_45 + b"\r\n"), (b"0gp", b"0PO" + DEG_45 + b"\r\n")
    script = (IN, HOME, AT_HOME, AT_HOME, there, back, (b"0gv",), IN, back, back)
    device = begin(QuickEll14, tcp_peer(*script), name="hwp")
    device.home()
    device.move_absolute(0.125)
    with pytest.raises(LinkTimeout):
        device.read("velocity")
    assert device.read("angle") == 0.125
    assert device.state is State.UP


def test_a_mount_whose_home_was_not_found_is_not_turned(far_mount):
    there, back = (b"0ma" + DEG_45, b"0PO" + DEG_45 + b"\r\n"), (b"0gp", b"0PO" + DEG_45 + b"\r\n")
    before = (IN, HOME, AT_HOME, AT_HOME, there, back, (b"0gp",), HANG_UP)
    device = far_mount(*before, IN, (b"0ho0", b"0GS02\r\n"), AT_HOME, AT_HOME)
    device.home()
    device.move_absolute(0.125)
    with pytest.raises(LinkDown):
        device.read("angle")
    assert device.read("angle") == 0.0
    assert "it could not be brought back: " in device.trouble
    assert "angle could not be set again: hwp: cannot turn to an angle" in device.trouble


def test_a_mount_that_was_never_homed_is_not_homed_by_itself(far_mount):
    device = far_mount(IN, (b"0gp",), HANG_UP, IN, AT_HOME)
    with pytest.raises(LinkDown):
        device.read("angle")
    assert device.read("angle") == 0.0
    with pytest.raises(NotReady, match="it has not been homed since the link was opened again"):
        device.move_absolute(0.125)
