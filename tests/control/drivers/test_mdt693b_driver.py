"""The piezo driver's driver against scripted ones of both firmwares, on a pseudo-terminal."""

from __future__ import annotations

import math

import pytest

from control.device import State
from control.drivers import mdt693b
from control.drivers.mdt693b import Mdt693b
from control.errors import (
    BadReply,
    IdentityError,
    LimitError,
    LinkDown,
    LinkTimeout,
    NotReady,
    Refused,
    UsageError,
)
from control.transport import open_link

HANG_UP = ()
ID = b"Model MDT693B\rFirmware Version: %s\rVoltage Range: 75V\rSerial#:150126142120\r"
FIRMWARES = ("1.09", "1.06")


class Dialogue:
    """What an instrument of one firmware says."""

    def __init__(self, firmware):
        self.prompts = firmware >= "1.09"
        self.id = ID % firmware.encode()

    def said(self, text):
        return text + b">" if self.prompts else b"*" + text

    def ask(self, question, value):
        return question + b"\r", self.said(b"[ %s]\r" % value)

    def tell(self, command):
        return command + b"\r", self.said(b"")

    def refuse(self, command):
        return command + b"\r", b"CMD_NOT_DEFINED>" if self.prompts else b"!"

    def silence(self, echo=b""):
        return b"echo=0\r", echo + self.said(b"[Echo Off]\r")

    def identity(self, *, echo=b""):
        return self.silence(echo), (b"id?\r", self.said(self.id))

    def bounds(self, limit=b"75.00"):
        sides = [(axis, side) for axis in b"xyz" for side in (b"min", b"max")]
        values = {b"min": b"0.00", b"max": b"75.00"}
        return [
            self.ask(b"vlimit?", limit),
            *(self.ask(bytes([axis]) + side + b"?", values[side]) for axis, side in sides),
        ]

    def greeting(self, **options):
        return *self.identity(**options), *self.bounds()

    def check(self):
        return self.ask(b"vlimit?", b"75.00")


@pytest.fixture(autouse=True)
def haste(monkeypatch):
    monkeypatch.setattr(mdt693b, "QUIET_SECONDS", 0.01)


@pytest.fixture(params=FIRMWARES)
def talk(request):
    return Dialogue(request.param)


@pytest.fixture
def piezos(begin, pty_peer):
    def make(*script, **options):
        return begin(Mdt693b, pty_peer(*script), name="cavity_piezo", **options)

    return make


@pytest.fixture
def unsure(pty_peer):
    """A driver that asks twice, as on any line where bytes are lost."""
    opened = []

    def make(*script):
        link = open_link(pty_peer(*script).resource, "cavity_piezo", line=Mdt693b.LINE)
        opened.append(Mdt693b("cavity_piezo", link))
        return opened[-1]

    yield make
    for device in opened:
        device.close()


def twice(greeting):
    """Return a greeting in which the limits are asked for twice."""
    silence, identity, *bounds = greeting
    return silence, identity, *(step for step in bounds for _ in range(2))


def test_identity(piezos, talk):
    device = piezos(*talk.greeting())
    found = device.identify()
    assert (found.maker, found.model, found.serial_number) == ("Thorlabs", "MDT693B", "150126142120")
    assert found.firmware in FIRMWARES
    assert device.state is State.UP


def test_the_echo_of_power_up_is_switched_off(piezos, talk):
    device = piezos(*talk.greeting(echo=b"echo=0\r"), talk.ask(b"xvoltage?", b"1.50"))
    assert device.read("x_voltage") == 1.5
    assert device.state is State.UP


def test_the_rest_of_a_cut_command_is_got_rid_of(piezos, talk):
    script = (talk.refuse(b"echo=0"), *talk.greeting())
    assert piezos(*script).identify().model == "MDT693B"


def test_an_echo_that_cannot_be_switched_off(piezos, talk):
    with pytest.raises(BadReply, match=r"is not \[Echo Off\] \(tried to send 'echo=0'\)"):
        piezos(talk.refuse(b"echo=0"), talk.refuse(b"echo=0")).identify()


def test_the_answer_to_echo_may_have_no_mark_at_all(piezos, talk):
    script = ((b"echo=0\r", b"[Echo Off]\r"), *talk.greeting()[1:])
    assert piezos(*script).identify().model == "MDT693B"


def test_another_model(piezos, talk):
    talk.id = talk.id.replace(b"MDT693B", b"MDT694B")
    with pytest.raises(IdentityError, match="the model is 'MDT694B', not 'MDT693B'"):
        piezos(*talk.identity()).identify()


@pytest.mark.parametrize("lost", [b"MDT693B", b"Firmware Version:", b"Serial#:"])
def test_an_identity_with_something_missing(piezos, talk, lost):
    talk.id = talk.id.replace(lost, b"")
    with pytest.raises(BadReply, match="is not model, firmware version and serial number"):
        piezos(*talk.identity()).identify()


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_reading(piezos, talk, axis):
    device = piezos(*talk.greeting(), talk.ask(b"%svoltage?" % axis.encode(), b"12.34"))
    assert device.read(f"{axis}_voltage") == 12.34


def test_the_switch_at_the_back(piezos, talk):
    assert piezos(*talk.greeting(), talk.check()).read("voltage_limit") == 75.0


def test_setting_goes_in_steps_of_a_volt_from_where_it_is(piezos, talk):
    device = piezos(
        *talk.greeting(),
        talk.check(),
        talk.ask(b"xvoltage?", b"10.20"),
        talk.tell(b"xvoltage=11.20"),
        talk.tell(b"xvoltage=12.20"),
        talk.tell(b"xvoltage=12.34"),
    )
    assert device.set("x_voltage", 12.34) == 12.34
    assert device.set_points == {"x_voltage": 12.34}


def test_the_next_way_begins_where_it_was_set_and_not_where_it_reads(piezos, talk):
    device = piezos(
        *talk.greeting(),
        talk.check(),
        talk.ask(b"yvoltage?", b"0.00"),
        talk.tell(b"yvoltage=0.50"),
        talk.check(),
        talk.ask(b"yvoltage?", b"3.10"),
        talk.tell(b"yvoltage=1.00"),
    )
    device.set("y_voltage", 0.5)
    assert device.set("y_voltage", 1.0) == 1.0


def test_no_way_begins_elsewhere_than_where_it_was_set(piezos, talk):
    device = piezos(
        *talk.greeting(),
        talk.check(),
        talk.ask(b"yvoltage?", b"0.00"),
        talk.tell(b"yvoltage=0.50"),
        talk.check(),
        talk.ask(b"yvoltage?", b"40.00"),
        talk.check(),
        talk.check(),
        talk.ask(b"yvoltage?", b"40.00"),
        talk.tell(b"yvoltage=39.00"),
        talk.tell(b"yvoltage=38.50"),
    )
    device.set("y_voltage", 0.5)
    with pytest.raises(NotReady) as caught:
        device.set("y_voltage", 38.5)
    assert str(caught.value) == (
        f"cavity_piezo ({device.address}): cannot set y_voltage: the output of y_voltage is not where it was "
        "set: 40 V, not 0.5 V. Has somebody turned its knob? Then call acknowledge(), to go on from where it "
        "is."
    )
    with pytest.raises(NotReady, match="the output of y_voltage is not where it was set"):
        device.set("y_voltage", 38.5)
    device.acknowledge()
    assert device.wanted == {}
    assert device.set("y_voltage", 38.5) == 38.5


def test_a_lost_byte_throws_no_piezo(unsure, talk):
    at_70, lost = talk.ask(b"xvoltage?", b"70.00"), talk.ask(b"xvoltage?", b"0.00")
    device = unsure(
        *twice(talk.greeting()),
        *(talk.check(), at_70, lost, at_70, talk.tell(b"xvoltage=70.50")),
        *(talk.check(), lost, at_70, at_70, talk.tell(b"xvoltage=71.00")),
    )
    device.set("x_voltage", 70.5)
    device.set("x_voltage", 71.0)
    assert device.set_points == {"x_voltage": 71.0}


def test_a_ramp_makes_way_for_who_wants_it_safe(piezos, talk):
    device = piezos(*talk.greeting(), talk.check(), *[talk.ask(b"xvoltage?", b"0.00")] * 2, talk.check())
    device.identify()
    device._overtaking.set()
    with pytest.raises(NotReady, match="cannot go on waiting: somebody wants it safe"):
        device.set("x_voltage", 20.0)
    device.check()
    assert device.set_points == {}


def test_a_knob_that_was_turned_shows_as_drift(piezos, talk):
    device = piezos(
        *talk.greeting(),
        talk.check(),
        talk.ask(b"zvoltage?", b"0.00"),
        talk.tell(b"zvoltage=1.00"),
        talk.ask(b"zvoltage?", b"5.90"),
        talk.ask(b"zvoltage?", b"6.10"),
    )
    device.set("z_voltage", 1.0)
    assert device.drifts() == ()
    assert [str(drift) for drift in device.drifts()] == ["z_voltage is 6.1 V, not 1 V"]


@pytest.mark.parametrize(
    ("value", "limit", "origin"),
    [(-0.1, 0.0, "driver"), (75.1, 75.0, "instrument"), (50.1, 50.0, "site"), (math.nan, 75.0, "instrument")],
)
def test_limits(piezos, talk, value, limit, origin):
    device = piezos(*talk.greeting(), limits={"x_voltage": (0.0, 50.0)} if origin == "site" else {})
    device.identify()
    with pytest.raises(LimitError) as caught:
        device.set("x_voltage", value)
    assert (caught.value.limit, caught.value.origin) == (limit, origin)


def test_the_switch_limits_what_the_axes_allow(piezos, talk):
    device = piezos(*talk.identity(), *talk.bounds(limit=b"60.00"))
    device.identify()
    assert device.range("y_voltage").high == 60.0


def test_what_can_be_read_only(piezos):
    with pytest.raises(UsageError, match="voltage_limit can be read only"):
        piezos().set("voltage_limit", 150.0)


def test_a_refusal(piezos, talk):
    device = piezos(
        *talk.greeting(), talk.check(), talk.ask(b"xvoltage?", b"1.00"), talk.refuse(b"xvoltage=1.50")
    )
    with pytest.raises(Refused) as caught:
        device.set("x_voltage", 1.5)
    text = "CMD_NOT_DEFINED" if talk.prompts else "unknown or not allowed"
    assert str(caught.value) == (
        f"cavity_piezo ({device.address}) refused 'xvoltage=1.50' with error 0: {text}. "
        "What it was set to before still holds."
    )
    assert device.set_points == {}


def test_a_refusal_of_the_value(piezos):
    talk = Dialogue("1.09")
    refusal = (b"xvoltage=1.50\r", b"CMD_ARG_INVALID>")
    device = piezos(*talk.greeting(), talk.check(), talk.ask(b"xvoltage?", b"1.00"), refusal)
    with pytest.raises(Refused, match="CMD_ARG_INVALID"):
        device.set("x_voltage", 1.5)


@pytest.mark.parametrize("cut", range(1, 10))
def test_answers_may_come_in_two_pieces_cut_anywhere(piezos, talk, cut):
    question, answer = talk.ask(b"xvoltage?", b"12.34")
    device = piezos(*talk.greeting(), (question, answer[:cut], answer[cut:]))
    assert device.read("x_voltage") == 12.34


def test_the_identity_may_come_in_many_pieces(piezos, talk):
    question, answer = talk.identity()[1]
    script = (
        talk.silence(),
        (question, *(answer[at : at + 9] for at in range(0, len(answer), 9))),
        *talk.bounds(),
    )
    assert piezos(*script).identify().serial_number == "150126142120"


@pytest.mark.parametrize(
    "garbage", [b"[ 12.3x]\r", b" 12.34]\r", b"[ ]\r", b"\xff\x80[ 12.34]\r", b"[Echo Off]\r"]
)
def test_garbage_is_asked_again_once(piezos, talk, garbage):
    device = piezos(
        *talk.greeting(),
        (b"xvoltage?\r", talk.said(garbage)),
        *talk.identity(),
        talk.check(),
        talk.ask(b"xvoltage?", b"12.34"),
    )
    assert device.read("x_voltage") == 12.34


def test_an_answer_where_none_should_be(piezos):
    talk = Dialogue("1.09")
    chatty = (b"xvoltage=1.50\r", b"[ 1.50]\r>")
    device = piezos(*talk.greeting(), talk.check(), talk.ask(b"xvoltage?", b"1.00"), chatty)
    with pytest.raises(BadReply, match="is not obeyed without a word"):
        device.set("x_voltage", 1.5)


def test_a_late_answer_does_not_answer_the_next_question(piezos, talk):
    late = talk.said(b"[ 70.00]\r")
    device = piezos(
        *talk.greeting(),
        (b"xvoltage?\r",),
        (b"echo=0\r", late + talk.said(b"[Echo Off]\r")),
        (b"id?\r", talk.said(talk.id)),
        talk.check(),
        talk.ask(b"yvoltage?", b"2.00"),
    )
    with pytest.raises(LinkTimeout) as caught:
        device.read("x_voltage")
    assert str(caught.value).startswith(
        f"cavity_piezo ({device.address}): no answer within 0.2 s, nothing came (tried to send 'xvoltage?'). "
    )
    assert device.state is State.DIRTY
    assert device.read("y_voltage") == 2.0


def test_nobody_there(piezos):
    with pytest.raises(
        LinkTimeout, match=r"no answer within 0\.2 s, nothing came \(tried to send 'echo=0'\)"
    ):
        piezos((b"echo=0\r",)).identify()


def test_an_echo_tells_a_power_cycle(piezos, talk):
    question, answer = talk.ask(b"vlimit?", b"75.00")
    device = piezos(
        *talk.greeting(),
        talk.check(),
        talk.ask(b"xvoltage?", b"9.50"),
        talk.tell(b"xvoltage=10.00"),
        (question, question + answer),
        *talk.greeting(),
        talk.ask(b"xvoltage?", b"0.10"),
        talk.check(),
    )
    device.set("x_voltage", 10.0)
    assert device.check() is State.DEGRADED
    assert device.set_points == {}
    with pytest.raises(NotReady) as caught:
        device.set("x_voltage", 10.0)
    assert str(caught.value) == (
        f"cavity_piezo ({device.address}): cannot set x_voltage: it was switched off and on again, its "
        "voltages are those of its knobs and the cavity has moved; "
        "while the link was down: x_voltage is 100 mV, not 10 V. Read the settings, then call acknowledge()."
    )
    device.acknowledge()
    assert device.wanted == {}


def test_a_power_cycle_is_noticed_when_the_link_comes_back(begin, tcp_peer, talk):
    peer = tcp_peer(
        *talk.greeting(),
        (b"xvoltage?\r",),
        HANG_UP,
        *talk.greeting(echo=b"echo=0\r"),
        talk.ask(b"xvoltage?", b"0.10"),
    )
    device = begin(Mdt693b, peer)
    with pytest.raises(LinkDown):
        device.read("x_voltage")
    assert device.read("x_voltage") == 0.1
    assert device.state is State.DEGRADED


def test_a_link_that_comes_back_moves_nothing(begin, tcp_peer, talk):
    peer = tcp_peer(
        *talk.greeting(),
        talk.check(),
        talk.ask(b"xvoltage?", b"9.50"),
        talk.tell(b"xvoltage=10.00"),
        (b"xvoltage?\r",),
        HANG_UP,
        *talk.greeting(),
        # The output is held against what is remembered; then comes what was asked for.
        talk.ask(b"xvoltage?", b"12.30"),
        talk.ask(b"xvoltage?", b"12.30"),
    )
    device = begin(Mdt693b, peer)
    device.set("x_voltage", 10.0)
    with pytest.raises(LinkDown):
        device.read("x_voltage")
    assert device.read("x_voltage") == 12.3
    assert (device.state, device.set_points) == (State.UP, {"x_voltage": 10.0})


def test_parking_holds_the_voltages(piezos, talk):
    assert piezos(*talk.greeting()).park() == "the piezos hold their voltages"
