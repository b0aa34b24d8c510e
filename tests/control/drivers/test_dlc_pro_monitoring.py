"""The monitoring line of a DLC pro, and the language of both its lines."""

from __future__ import annotations

import time

import pytest
from dlc_pro_script import GREETING, HANG_UP, PIEZO, STATE, ref

from control.device import State
from control.drivers.dlc_pro import ALIVE_SECONDS, DlcPro
from control.drivers.dlc_pro_settings import PUSHED
from control.errors import BadReply
from control.protocols.decop import Update, find_failure, read_update, read_value, spell
from control.protocols.decop_lines import RETRY_SECONDS
from control.transport import open_link

PATIENCE = 5.0  # s that a broken test may hang
SUBSCRIPTION = "".join(f"(add '{name} {round(gap * 1e3)})\n" for name, gap in PUSHED.items()).encode()


@pytest.fixture
def monitored(begin, tcp_peer):
    """Start a scripted controller with a scripted monitoring line and return a device for both."""

    def make(*script, stream):
        line = open_link(tcp_peer(*stream).resource, "diodes")
        return begin(DlcPro, tcp_peer(*script), name="diodes", stream=line)

    return make


def pushed(name, value):
    return f"(2026-11-23T06:01:02.123Z '{name} {value})\n".encode()


def hear(device, name, value):
    """Listen until a value has come; it is on its way."""
    end = time.monotonic() + PATIENCE
    while device._monitor.value(name) != value:
        device._monitor.listen()
        assert time.monotonic() < end, "it never came"


def test_what_is_pushed_is_not_asked_for(monitored):
    pushes = pushed("uptime", 100) + pushed(STATE, 1) + pushed("laser1:dl:cc:current-act", 81.5)
    device = monitored(*GREETING, stream=[(SUBSCRIPTION, pushes)])
    device.identify()
    hear(device, "laser1:dl:cc:current-act", 81.5)
    assert device.read("laser1_lock_state") == "scanning"
    assert device.read("laser1_current_actual") == pytest.approx(0.0815)
    assert device.read("laser1_lock_state") == "scanning"


def test_pushes_may_come_in_pieces(monitored, pieces):
    pushes = pieces(pushed("uptime", 100) + pushed(STATE, 3))
    device = monitored(*GREETING, stream=[(SUBSCRIPTION, *pushes)])
    device.identify()
    hear(device, STATE, 3)
    assert device.read("laser1_lock_state") == "selected"


def test_what_can_be_set_is_always_asked_for(monitored):
    asked = ref("laser1:dl:pc:voltage-set", "71.25")
    device = monitored(*GREETING, asked, asked, stream=[])
    assert device.read("laser1_piezo_voltage") == 71.25
    assert device.read("laser1_piezo_voltage") == 71.25


def test_until_something_was_pushed_it_is_asked_for(monitored):
    device = monitored(*GREETING, ref(STATE, "0"), stream=[(SUBSCRIPTION,)])
    assert device.read("laser1_lock_state") == "idle"


def test_a_monitoring_line_that_fell_asleep_is_not_believed(monitored):
    pushes = pushed("uptime", 100) + pushed(STATE, 1)
    asked = (ref(STATE, "9"), ref(STATE, "9"))
    device = monitored(*GREETING, *asked, stream=[(SUBSCRIPTION, pushes)])
    device.identify()
    hear(device, STATE, 1)
    assert device.read("laser1_lock_state") == "scanning"
    device.time.now += 40.0
    assert device.read("laser1_lock_state") == "relocking"
    assert not device._stream.is_open
    assert device.read("laser1_lock_state") == "relocking"


def test_a_monitoring_line_that_stalls_is_not_believed_for_long(monitored):
    pushes = pushed("uptime", 100) + pushed(STATE, 5) + pushed(PIEZO, 60.0)
    lost = ref(STATE, "0")
    device = monitored(*GREETING, lost, lost, stream=[(SUBSCRIPTION, pushes)])
    device.identify()
    hear(device, PIEZO, 60.0)
    device._stream.receive_any = lambda deadline: b""  # open, and nothing comes any more
    device.time.now += 0.5 * ALIVE_SECONDS
    assert device.read("laser1_lock_state") == "locked"
    device.time.now += 0.6 * ALIVE_SECONDS
    assert device.read("laser1_lock_state") == "idle"
    assert device.read("laser1_lock_state") == "idle"


def test_a_monitoring_line_is_believed_as_long_as_the_uptime_goes_on(monitored):
    device = monitored(*GREETING, stream=[(SUBSCRIPTION, pushed("uptime", 100) + pushed(STATE, 1))])
    device.identify()
    hear(device, STATE, 1)
    for uptime in range(101, 110):
        pushes = iter([pushed("uptime", uptime), b""])
        device._stream.receive_any = lambda deadline, pushes=pushes: next(pushes)
        device.time.now += 1.0
        assert device.read("laser1_lock_state") == "scanning"


@pytest.mark.parametrize("garbage", [b"(2026-1\n", b"\xff\xfe\n", b"hello\n", b"(2026-11-23T06:01Z 'a (1)\n"])
def test_a_garbled_monitoring_line_is_opened_anew(monitored, garbage):
    first = pushed("uptime", 100) + pushed(STATE, 1)
    second = pushed("uptime", 150) + pushed(STATE, 4)
    device = monitored(
        *GREETING,
        stream=[(SUBSCRIPTION, first, garbage), HANG_UP, (SUBSCRIPTION, second)],
    )
    device.identify()
    hear(device, STATE, 1)
    hear(device, STATE, None)
    assert not device._stream.is_open
    device.time.now += RETRY_SECONDS
    hear(device, STATE, 4)
    assert device.read("laser1_lock_state") == "locking"


def test_a_monitoring_line_that_hangs_up_costs_questions_only(monitored):
    first = pushed("uptime", 100) + pushed(STATE, 1)
    device = monitored(*GREETING, ref(STATE, "0"), stream=[(SUBSCRIPTION, first), HANG_UP])
    device.identify()
    end = time.monotonic() + PATIENCE
    device._monitor.listen()
    while device._stream.is_open:
        device._monitor.listen()
        assert time.monotonic() < end
    assert device.read("laser1_lock_state") == "idle"
    assert device.state is State.UP


def test_what_the_controller_will_not_push_is_asked_for(monitored):
    refusal = b"(Error: -3 (2026-11-23T06:01:02.123Z 'laser2:emission) unknown parameter)\n"
    pushes = pushed("uptime", 100) + refusal + pushed(STATE, 1)
    asked = ref("laser2:emission", "#f")
    device = monitored(*GREETING, asked, stream=[(SUBSCRIPTION, pushes)])
    device.identify()
    hear(device, STATE, 1)
    assert device.read("laser2_emission") is False


def test_a_push_of_another_kind_than_it_should_be(monitored):
    pushes = pushed("uptime", 100) + pushed("laser1:emission", 3)
    device = monitored(*GREETING, HANG_UP, *GREETING, stream=[(SUBSCRIPTION, pushes)])
    device.identify()
    hear(device, "laser1:emission", 3)
    with pytest.raises(BadReply, match=r"the answer '3' is not #t or #f \(tried to hear of laser1:emission"):
        device.read("laser1_emission")


# --- the language


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "#t"),
        (-7, "-7"),
        (1e-7, "0.0000001"),
        (1e22, "10000000000000000000000.0"),
        ('back\\slash "quote"', '"back\\\\slash \\"quote\\""'),
        (b"\x00\xffab", "&AP9hYg=="),
        ("", '""'),
    ],
)
def test_values_are_spelled_and_read(value, text):
    assert spell(value) == text
    assert read_value(text) == value
    assert type(read_value(text)) is type(value)


@pytest.mark.parametrize(
    "text", ["", "(", ")", "1 2", "#x", "1.2.3", '"open', "--1", "5e", "&a", "()x", "'a"]
)
def test_what_is_no_value(text):
    with pytest.raises(ValueError, match=r"."):
        read_value(text)


@pytest.mark.parametrize(
    ("text", "value"), [("()", ()), ('(1 (2.5 #t) "a b")', (1, (2.5, True), "a b")), ("5e3", 5e3)]
)
def test_what_is_a_value(text, value):
    assert read_value(text) == value


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("ERROR: -5", (-5, "no reason given")),
        ("Error: unknown", (-1, "unknown")),
        ("a\nError: -2 b\nc", None),
        ("", None),
    ],
)
def test_failures(reply, found):
    assert find_failure(reply) == found


def test_updates():
    assert read_update('(2026-11-23T06:01:02.123Z \'a:b "x y")') == Update("a:b", "x y")
    with pytest.raises(ValueError, match="is no update"):
        read_update("> ")
