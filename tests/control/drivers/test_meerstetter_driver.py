"""The temperature controllers' driver against scripted ones; the frames of the protocol's own examples."""

from __future__ import annotations

import binascii
import math
import struct

import pytest

from control.device import State
from control.device.readings import Quality
from control.drivers.meerstetter import MeerstetterTec
from control.errors import (
    BadReading,
    BadReply,
    ConfigError,
    IdentityError,
    LimitError,
    LinkDown,
    LinkTimeout,
    NotReady,
    ReadBackError,
    Refused,
    UsageError,
)
from control.protocols import mecom

HANG_UP = ()


class Dialogue:
    """Makes steps with the sequence numbers as they come, and the checksums of Python's own library."""

    def __init__(self, address=2):
        self.address = address
        self.sequence = 0

    def frame(self, payload, *, sequence=None, start="!"):
        sequence = self.sequence if sequence is None else sequence
        body = f"{start}{self.address:02X}{sequence:04X}{payload}".encode()
        return body + f"{binascii.crc_hqx(body, 0):04X}\r".encode()

    def question(self, payload):
        self.sequence += 1
        return self.frame(payload, start="#")

    def ask(self, parameter, value, *around):
        """Return the step of a question; a float is answered as a float."""
        question = self.question(f"?VR{parameter:04X}01")
        return question, *around, self.frame(bits(value))

    def tell(self, parameter, value):
        return self.order(f"VS{parameter:04X}01{bits(value)}")

    def order(self, payload):
        question = self.question(payload)
        head = question[1:7].decode()
        return question, f"!{head}".encode() + question[-5:]

    def refuse(self, payload, code):
        return self.question(payload), self.frame(f"+{code:02X}")

    def identity(self, serial_number=1234, kind=1091):
        return self.ask(100, kind), self.ask(102, serial_number), self.ask(103, 520)

    def greeting(self, saving=0, **identity):
        return *self.identity(**identity), self.ask(108, saving), self.tell(108, 1)

    def quiet(self, status=2):
        """Return the steps of a check that finds nothing."""
        return self.ask(108, 1), self.ask(104, status)


def bits(value):
    return struct.pack(">i" if isinstance(value, int) else ">f", value).hex().upper()


@pytest.fixture
def talk():
    return Dialogue()


@pytest.fixture
def controller(begin, pty_peer):
    def make(*script, **options):
        return begin(MeerstetterTec, pty_peer(*script), name="cavity_oven", address="2", **options)

    return make


@pytest.mark.parametrize(
    ("payload", "sent"),
    [
        (mecom.get(1000, 1), b"#0215AB?VR03E80134D8\r"),
        (mecom.get(104, 1), b"#0215AB?VR00680103A3\r"),
        (mecom.put(3000, 1, 27.5), b"#0215ABVS0BB80141DC00008A7A\r"),
        (mecom.get(9999, 1), b"#0215AB?VR270F010BA7\r"),
    ],
)
def test_questions_of_the_manual(payload, sent):
    assert mecom.frame(2, 0x15AB, payload) == sent


@pytest.mark.parametrize(
    ("line", "payload", "intact", "error"),
    [
        (b"!0215AB41C80000A903", b"41C80000", True, 0),
        (b"!0215AB00000002B71C", b"00000002", True, 0),
        (b"!0215AB8A7A", b"", False, 0),
        (b"!0215AB+05CBC8", b"+05", True, 5),
        (b"!0215AB+07EB8A", b"+07", True, 7),
        (b"!0215AB41C80000A904", b"41C80000", False, 0),
    ],
)
def test_answers_of_the_manual(line, payload, intact, error):
    answer = mecom.parse(line)
    assert (answer.address, answer.sequence) == (2, 0x15AB)
    assert (answer.payload, answer.intact, answer.error) == (payload, intact, error)


@pytest.mark.parametrize("line", [b"", b"!", b"#0215AB41C80000A903", b"!0215ab41C80000A903", b"0215AB8A7A"])
def test_what_is_no_frame(line):
    assert mecom.parse(line) is None


def test_values():
    assert mecom.real(b"41C80000") == 25.0
    assert math.isnan(mecom.real(b"7FC00000"))
    assert math.isnan(mecom.real(b"7F800000"))
    assert mecom.real(b"41C8000") is None
    assert mecom.integer(b"41C8000G") is None


def test_identity_and_saving_switched_off(controller, talk):
    device = controller(*talk.greeting())
    found = device.identify()
    assert (found.maker, found.model, found.serial_number, found.firmware) == (
        "Meerstetter",
        "TEC-1091",
        "1234",
        "520",
    )
    assert device.state is State.UP


def test_another_model(controller, talk):
    with pytest.raises(
        IdentityError, match="the model is 'TEC-1161', not 'TEC-1091 or TEC-1089 or TEC-1122'"
    ):
        controller(*talk.identity(kind=1161)).identify()


def test_another_controller(controller, talk):
    with pytest.raises(IdentityError, match="the serial number is '1234', not '77'"):
        controller(*talk.identity(), serial_number="77").identify()


@pytest.mark.parametrize("address", ["255", "-1", "2.0", "two", "²"])
def test_an_address_that_is_none(begin, pty_peer, address):
    with pytest.raises(ConfigError) as caught:
        begin(MeerstetterTec, pty_peer(), address=address)
    assert str(caught.value) == (
        f"it: {address!r} is not the address of a temperature controller. Give a number from 0 to 254."
    )


@pytest.mark.parametrize(
    ("name", "parameter", "sent", "value"),
    [
        ("temperature", 1000, 25.0, 25.0),
        ("sink_temperature", 1001, 30.5, 30.5),
        ("ramped_temperature", 1011, -2.25, -2.25),
        ("device_temperature", 1063, 41.0, 41.0),
        ("current", 1020, -1.5, -1.5),
        ("voltage", 1021, 4.0, 4.0),
        ("current_limit", 2030, 2.0, 2.0),
        ("voltage_limit", 2031, 8.0, 8.0),
        ("target_temperature", 3000, 27.5, 27.5),
        ("ramp", 3003, 0.125, 0.125),
        ("output", 2010, 1, True),
        ("output", 2010, 0, False),
        ("stability", 1200, 2, "stable"),
        ("status", 104, 2, "run"),
        ("status", 104, 3, "error"),
    ],
)
def test_reading(controller, talk, name, parameter, sent, value):
    assert controller(*talk.greeting(), talk.ask(parameter, sent)).read(name) == value


@pytest.mark.parametrize(
    ("name", "parameter", "value", "sent"),
    [("target_temperature", 3000, 27.3, 27.3), ("ramp", 3003, 0.05, 0.05), ("output", 2010, True, 1)],
)
def test_setting(controller, talk, name, parameter, value, sent):
    device = controller(
        *talk.greeting(), *talk.quiet(), talk.tell(parameter, sent), talk.ask(parameter, sent)
    )
    assert device.set(name, value) == pytest.approx(value, abs=1e-5)


def test_a_value_that_was_not_taken(controller, talk):
    device = controller(*talk.greeting(), *talk.quiet(), talk.tell(3000, 27.5), talk.ask(3000, 25.0))
    with pytest.raises(ReadBackError, match=r"was set to 27\.5 degC but reads 25 degC"):
        device.set("target_temperature", 27.5)


@pytest.mark.parametrize(
    ("name", "value", "limit", "origin"),
    [
        ("target_temperature", -41.0, -40.0, "driver"),
        ("target_temperature", 151.0, 150.0, "driver"),
        ("target_temperature", 61.0, 60.0, "site"),
        ("ramp", 0.0, 1e-4, "driver"),
    ],
)
def test_limits(controller, name, value, limit, origin):
    limits = {"target_temperature": (-100.0, 60.0)} if origin == "site" else {}
    with pytest.raises(LimitError) as caught:
        controller(limits=limits).set(name, value)
    assert (caught.value.limit, caught.value.origin) == (limit, origin)


@pytest.mark.parametrize("name", ["temperature", "current_limit", "status"])
def test_what_can_be_read_only(controller, name):
    with pytest.raises(UsageError, match=f"{name} can be read only"):
        controller().set(name, 1.0)


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 7, 8, 9, 42])
def test_refusals(controller, talk, code):
    device = controller(*talk.greeting(), *talk.quiet(), talk.refuse("VS0BB80141DC0000", code))
    with pytest.raises(Refused) as caught:
        device.set("target_temperature", 27.5)
    text = mecom.ERRORS.get(code, "unknown error")
    assert str(caught.value) == (
        f"cavity_oven ({device.address}) refused 'VS0BB80141DC0000' with error {code}: {text}. "
        "What it was set to before still holds."
    )
    assert device.state is State.UP
    assert device.wanted == {}


def test_a_broken_sensor_gives_no_number(controller, talk):
    device = controller(*talk.greeting(), talk.ask(1000, math.nan), talk.ask(1000, math.nan))
    reading = device.measure("temperature")
    assert (reading.value, reading.quality) == (None, Quality.BAD)
    with pytest.raises(BadReading, match="it is not a number: is the sensor connected"):
        device.read("temperature")


def test_an_error_of_the_controller(controller, talk):
    state = (talk.greeting(), talk.quiet(status=3), (talk.ask(105, 31), talk.ask(106, 1), talk.ask(107, 4)))
    device = controller(*(step for steps in state for step in steps))
    with pytest.raises(NotReady) as caught:
        device.set("target_temperature", 27.5)
    assert str(caught.value) == (
        f"cavity_oven ({device.address}): cannot set target_temperature: it reports error 31 (instance 1, "
        "parameter 4) and has switched its output off until it is reset. "
        "Read the settings, then call acknowledge()."
    )


def test_reset(controller, talk):
    device = controller(
        *talk.greeting(),
        talk.order("RS"),
        *talk.identity(),
        # Saving is on again. Who answers now is asked, as after any restart.
        talk.ask(108, 0),
        *talk.identity(),
        talk.tell(108, 1),
        talk.ask(104, 0),
        talk.ask(1000, 21.0),
    )
    assert device.perform("reset") is None
    assert device.state is State.DIRTY
    assert device.read("temperature") == 21.0
    assert device.state is State.DEGRADED
    assert device.trouble == (
        "it was reset, its settings are those of its memory; "
        "it was switched off and on again, its settings are those of its start-up"
    )
    device.acknowledge()
    assert device.state is State.UP


def test_a_power_cycle_behind_a_line_that_stayed_up(controller, talk):
    device = controller(
        *talk.greeting(),
        *talk.quiet(),
        talk.tell(3000, 27.5),
        talk.ask(3000, 27.5),
        # Saving is on again: it has restarted. The target comes back, but somebody has to look.
        talk.ask(108, 0),
        *talk.identity(),
        talk.tell(108, 1),
        talk.ask(3000, 20.0),
        talk.tell(3000, 27.5),
        talk.ask(104, 2),
    )
    device.set("target_temperature", 27.5)
    assert device.check() is State.DEGRADED
    assert "switched off and on again" in device.trouble


def test_another_controller_behind_a_line_that_stayed_up(controller, talk):
    device = controller(*talk.greeting(), talk.ask(108, 0), *talk.identity(serial_number=99))
    device.identify()
    with pytest.raises(IdentityError, match="the serial number is '99', not '1234'"):
        device.check()


def test_a_target_beyond_the_limits_of_the_site_is_not_switched_on(controller, talk):
    steps = (*talk.greeting(), *talk.quiet(), talk.ask(3000, 80.0))
    device = controller(*steps, limits={"target_temperature": (15.0, 60.0)})
    with pytest.raises(NotReady, match="on while target_temperature is 80 degC: the site allows "):
        device.set("output", True)


def test_hanging_up(begin, tcp_peer, talk):
    peer = tcp_peer(
        *talk.greeting(),
        (talk.question("?VR03E801"),),
        HANG_UP,
        *talk.greeting(saving=1),
        talk.ask(1000, 25.0),
    )
    device = begin(MeerstetterTec, peer, address="2")
    with pytest.raises(LinkDown, match="the other end hung up"):
        device.read("temperature")
    assert device.read("temperature") == 25.0
    assert device.state is State.UP


def test_address_zero_takes_whoever_answers(begin, pty_peer):
    ours, its = Dialogue(address=0), Dialogue(address=17)
    script = []
    for payload, value in (("?VR006401", 1091), ("?VR006601", 5), ("?VR006701", 520), ("?VR006C01", 0)):
        script.append((ours.question(payload), its.frame(bits(value), sequence=ours.sequence)))
    question = ours.question("VS006C0100000001")
    script.append((question, b"!11" + question[3:7] + question[-5:]))
    assert begin(MeerstetterTec, pty_peer(*script)).identify().serial_number == "5"


@pytest.mark.parametrize("cut", range(1, 20))
def test_answers_may_come_in_two_pieces_cut_anywhere(controller, talk, cut):
    greeting = talk.greeting()
    question, answer = talk.ask(1000, 25.0)
    device = controller(*greeting, (question, answer[:cut], answer[cut:]))
    assert device.read("temperature") == 25.0


def test_late_answers_and_those_of_others_are_passed_by(controller, talk):
    greeting = talk.greeting()
    late = talk.frame(bits(99.0), sequence=1)
    late_ack = b"!0200018A7A\r"
    other = Dialogue(address=3)
    other.sequence = talk.sequence + 1
    device = controller(*greeting, talk.ask(1000, 25.0, late + late_ack + other.frame(bits(77.0))))
    assert device.read("temperature") == 25.0


def test_a_late_answer_does_not_answer_the_next_question(controller, talk):
    device = controller(
        *talk.greeting(),
        (talk.question("?VR03E801"),),
        talk.ask(100, 1091, talk.frame(bits(99.0), sequence=talk.sequence - 1)),
        talk.ask(102, 1234),
        talk.ask(103, 520),
        *talk.quiet(),
        talk.ask(1001, 30.0),
    )
    with pytest.raises(LinkTimeout, match=r"no answer within 0\.2 s, nothing came"):
        device.read("temperature")
    assert device.state is State.DIRTY
    assert device.read("sink_temperature") == 30.0


GARBAGE = [
    lambda answer: answer[:9] + answer[10:],  # a byte lost
    lambda answer: answer[:9] + answer[8:],  # a byte doubled
    lambda answer: answer.replace(b"41C8", b"41D8"),
    lambda answer: answer[:-3] + b"00\r",
    lambda answer: b"\xff\x80" + answer,
    lambda answer: b"\r",
    lambda answer: answer.lower(),
]


@pytest.mark.parametrize("damage", GARBAGE)
def test_garbage_is_asked_again_once(controller, talk, damage):
    greeting = talk.greeting()
    question, answer = talk.ask(1000, 25.0)
    device = controller(
        *greeting, (question, damage(answer)), *talk.identity(), *talk.quiet(), talk.ask(1000, 25.0)
    )
    assert device.read("temperature") == 25.0


def test_an_acknowledgement_of_something_else(controller, talk):
    greeting, quiet = talk.greeting(), talk.quiet()
    question, answer = talk.tell(3000, 27.5)
    wrong = answer[:-5] + b"0000\r"
    device = controller(*greeting, *quiet, (question, wrong))
    with pytest.raises(BadReply, match="is not an acknowledgement of this very command"):
        device.set("target_temperature", 27.5)


def test_a_value_where_an_acknowledgement_should_be(controller, talk):
    greeting, quiet = talk.greeting(), talk.quiet()
    question, _ = talk.tell(3000, 27.5)
    device = controller(*greeting, *quiet, (question, talk.frame(bits(27.5))))
    with pytest.raises(BadReply, match="the answer '41DC0000' is not an acknowledgement"):
        device.set("target_temperature", 27.5)


def test_a_code_that_means_nothing(controller, talk):
    script = (*talk.greeting(), talk.ask(104, 9), *talk.identity(), *talk.quiet(), talk.ask(104, 9))
    with pytest.raises(BadReply, match="the answer '9' is not 0 to 5"):
        controller(*script).read("status")


@pytest.mark.parametrize("payload", ["41C8000", "41C800000"])
def test_a_value_of_another_length(controller, talk, payload):
    script = [*talk.greeting()]
    script += [(talk.question("?VR03E801"), talk.frame(payload)), *talk.identity(), *talk.quiet()]
    script += [(talk.question("?VR03E801"), talk.frame(payload))]
    with pytest.raises(BadReply, match="is not 8 hexadecimal digits"):
        controller(*script).read("temperature")


def test_parking_leaves_the_temperature(controller, talk):
    assert controller(*talk.greeting()).park() == "the temperature is held"
