"""The ion pump driver against scripted controllers; the bytes are those of the 4UHV manual."""

from __future__ import annotations

import functools
import operator

import pytest

from control.device import State
from control.device.readings import Quality
from control.drivers.ipcmini import IpcMini
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
from control.transport import open_link

HANG_UP = ()


def frame(content, address=0):
    body = bytes([0x80 + address]) + content + b"\x03"
    return b"\x02" + body + f"{functools.reduce(operator.xor, body):02X}".encode()


def ask(window, data, address=0):
    head = f"{window:03d}0".encode()
    return frame(head, address), frame(head + data, address)


def tell(window, data, reply=b"\x06"):
    return frame(f"{window:03d}1".encode() + data), frame(reply)


MODEL, SERIAL = ask(319, b"IPC Mini"), ask(323, b"IT1901L014")
IN = (MODEL, SERIAL)
FOUR = (ask(319, b"4UHV"), SERIAL)
ON = ask(11, b"1")
PRESSURE = (bytes.fromhex("02 80 38 31 32 30 03 38 38"), b"\x02\x808120" + b"2.1E-10" + b"\x03CC")
MBAR, NORMAL = ask(600, b"000001"), ask(205, b"000005")


@pytest.fixture
def pump(begin, pty_peer):
    def start(*script, peer=None, **options):
        return begin(IpcMini, peer or pty_peer(*script), name="pump", **options)

    return start


def test_identity(pump):
    found = pump(*IN).identify()
    assert (found.maker, found.model, found.serial_number) == ("Agilent", "IPCMini", "IT1901L014")


def test_a_target_beyond_the_limits_of_the_site_is_not_switched_on(pump):
    device = pump(*IN, ask(613, b"007000"), limits={"target_voltage": (3000.0, 5000.0)})
    with pytest.raises(NotReady, match="on while target_voltage is 7000 V: the site allows "):
        device.set("high_voltage_1", True)


@pytest.mark.parametrize("told", [b"4UHV", b"4-UHV", b"Agilent 4UHV"])
def test_the_model_with_four_channels(pump, told):
    assert pump(ask(319, told), SERIAL).identify().model == "4UHV"


def test_another_model(pump):
    with pytest.raises(IdentityError, match="the model is 'XGS-600', not 'IPCMini or 4UHV'"):
        pump(ask(319, b"XGS-600"), SERIAL).identify()


def test_another_controller(pump):
    with pytest.raises(IdentityError, match="the serial number is 'IT1901L014', not 'IT1'"):
        pump(*IN, serial_number="IT1").identify()


def test_the_bytes_of_the_manual(pump):
    assert frame(b"8120") == bytes.fromhex("02 80 38 31 32 30 03 38 38")
    assert frame(b"01110") == bytes.fromhex("02 80 30 31 31 31 30 03 42 32")
    assert frame(b"\x06") == b"\x02\x80\x06\x03" + b"85"
    assert frame(b"\x32") == b"\x02\x80\x32\x03" + b"B1"


@pytest.mark.parametrize(("unit", "pascal"), [(b"000000", 133.322368), (b"000001", 100.0), (b"000002", 1.0)])
def test_pressure_in_pascal_whatever_the_controller_shows(pump, unit, pascal):
    device = pump(*IN, PRESSURE, ask(600, unit), ON, NORMAL)
    assert device.read("pressure_1") == pytest.approx(2.1e-10 * pascal, rel=1e-12)


def test_without_high_voltage_there_is_no_pressure(pump):
    device = pump(*IN, PRESSURE, MBAR, ask(11, b"0"), PRESSURE, MBAR, ask(11, b"0"))
    reading = device.measure("pressure_1")
    assert (reading.value, reading.quality, reading.note) == (None, Quality.BAD, "its high voltage is off")
    with pytest.raises(BadReading, match="pressure_1 has no valid reading: its high voltage is off"):
        device.read("pressure_1")


def test_a_pressure_of_zero_is_none(pump):
    device = pump(*IN, ask(812, b"0.0E-10"), MBAR, ON)
    assert device.measure("pressure_1").note == "the pump current is too small to tell"


def test_a_failure_makes_the_pressure_suspect(pump):
    reading = pump(*IN, PRESSURE, MBAR, ON, ask(205, b"000006")).measure("pressure_1")
    assert (reading.value, reading.quality) == (pytest.approx(2.1e-8), Quality.SUSPECT)


@pytest.mark.parametrize(
    ("name", "window", "data", "value"),
    [
        ("mode", 8, b"000003", "LAN"),
        ("status", 205, b"000000", "stopped"),
        ("status", 205, b"000007", "unknown status 7"),
        ("errors", 206, b"000000", "none"),
        ("errors", 206, b"000036", "over-temperature, interlock of the cable"),
        ("target_voltage", 613, b"007000", 7000.0),
        ("high_voltage_1", 11, b"1", True),
        ("high_voltage_1", 11, b"0", False),
        ("voltage_1", 810, b"006950", 6950.0),
        ("current_1", 811, b"1.2E-06", 1.2e-6),
        ("power_temperature", 800, b"000031", 31.0),
        ("board_temperature", 801, b"000029", 29.0),
    ],
)
def test_windows(pump, name, window, data, value):
    assert pump(*IN, ask(window, data)).read(name) == value


@pytest.mark.parametrize("channel", [2, 3, 4])
def test_the_other_channels_of_a_4uhv(pump, channel):
    device = pump(
        *FOUR,
        *(ask(800 + 10 * channel, b"005000"), ask(801 + 10 * channel, b"3.0E-05")),
        *(ask(802 + 10 * channel, b"3.0E-09"), MBAR, ask(10 + channel, b"1"), NORMAL),
    )
    assert device.read(f"voltage_{channel}") == 5000.0
    assert device.read(f"current_{channel}") == 3e-5
    assert device.read(f"pressure_{channel}") == pytest.approx(3e-7)


def test_an_ipcmini_has_one_channel(pump):
    device = pump(*IN)
    device.identify()
    assert device.measure("pressure_2").note == "this controller has one channel"
    with pytest.raises(NotReady) as caught:
        device.set("high_voltage_2", True)
    assert str(caught.value) == (
        f"pump ({device.address}): cannot set high_voltage_2: this controller has one channel. "
        "Use one that it has."
    )


@pytest.mark.parametrize(("value", "data"), [(True, b"1"), (False, b"0")])
def test_high_voltage_is_switched_by_its_own_setting_alone(pump, value, data):
    device = pump(*IN, tell(11, data), ask(11, data))
    assert device.set("high_voltage_1", value) is value


def test_parking_leaves_the_pump_as_it_is(pump):
    assert pump(*IN).park() == "the pump stays as it is"


def test_target_voltage(pump):
    device = pump(*IN, tell(613, b"005000"), ask(613, b"005000"))
    assert device.set("target_voltage", 5000.0) == 5000.0
    with pytest.raises(LimitError, match=r"above 7000 V, the limit of the driver"):
        device.set("target_voltage", 7001.0)
    with pytest.raises(LimitError, match=r"below 3000 V"):
        device.set("target_voltage", 2999.0)


def test_a_set_that_does_not_hold(pump):
    device = pump(*IN, tell(613, b"005000"), ask(613, b"007000"))
    with pytest.raises(ReadBackError):
        device.set("target_voltage", 5000.0)


def test_mode(pump):
    device = pump(*IN, tell(8, b"000000"), ask(8, b"000000"))
    assert device.set("mode", "serial") == "serial"
    with pytest.raises(UsageError, match=r"mode cannot be 'lan'\. Known: LAN, local, remote, serial\."):
        device.set("mode", "lan")


def test_what_is_measured_cannot_be_set(pump):
    device = pump()
    with pytest.raises(UsageError, match="pressure_1 can be read only"):
        device.set("pressure_1", 1e-8)


def test_a_controller_that_is_operated_by_hand_refuses(pump):
    device = pump(*IN, tell(11, b"0", b"\x35"))
    with pytest.raises(Refused) as caught:
        device.set("high_voltage_1", False)
    assert str(caught.value) == (
        f"pump ({device.address}) refused 'window 11' with error 53: "
        "the window cannot be written, or not now. "
        'Has it the mode serial or LAN? set("mode", ...) changes that.'
    )
    assert device.state is State.UP


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0x15, "the execution of the command failed"),
        (0x32, "unknown window"),
        (0x33, "wrong type of data"),
        (0x34, "value out of range"),
    ],
)
def test_refusals_have_names(pump, code, text):
    device = pump(*IN, (frame(b"8100"), frame(bytes([code]))))
    with pytest.raises(Refused) as caught:
        device.read("voltage_1")
    assert (caught.value.code, caught.value.text) == (code, text)


@pytest.mark.parametrize("cut", range(1, 16))
def test_answers_may_come_in_two_pieces_cut_anywhere(pump, cut):
    request, answer = ask(810, b"006950")
    assert pump(*IN, (request, answer[:cut], answer[cut:])).read("voltage_1") == 6950.0


GARBAGE = [
    b"\x02\x808100006951\x03" + frame(b"8100006950")[-2:],  # a bit changed on the way
    frame(b"8100006950")[1:],  # a byte lost
    b"\x02" + frame(b"8100006950"),  # a byte doubled
    frame(b"8100 6,950"),
    frame(b"8110006950"),  # of another window
    frame(b"8100006950", address=1),  # of another controller
    frame(b"8100\xff\xfe"),
    frame(b"\x06"),  # that is an answer to a writing
    b"\xff\xfe\x03ZZ",
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_asked_again_once(pump, garbage):
    request, answer = ask(810, b"006950")
    assert pump(*IN, (request, garbage), *IN, (request, answer)).read("voltage_1") == 6950.0


def test_garbage_twice_is_told(pump):
    request = frame(b"8100")
    device = pump(*IN, (request, frame(b"8100abc")), *IN, (request, frame(b"8100abc")))
    with pytest.raises(BadReply) as caught:
        device.read("voltage_1")
    assert str(caught.value).startswith(
        f"pump ({device.address}): the answer 'abc' is not a number (tried to ask for window 810). "
    )


@pytest.mark.parametrize(
    ("name", "window", "data"),
    [("mode", 8, b"000009"), ("high_voltage_1", 11, b"2"), ("status", 205, b"five")],
)
def test_values_that_make_no_sense(pump, name, window, data):
    device = pump(*IN, ask(window, data), *IN, ask(window, data))
    with pytest.raises(BadReply):
        device.read(name)


def test_a_unit_that_makes_no_sense(pump):
    bad = ask(600, b"000007")
    with pytest.raises(BadReply, match="is not the number of a unit, 0 to 2"):
        pump(*IN, PRESSURE, bad, *IN, PRESSURE, bad).read("pressure_1")


def test_a_late_answer_does_not_answer_the_next_question(pump):
    request, answer = ask(810, b"006950")
    late = ask(810, b"001111")[1]
    device = pump(*IN, (request,), (MODEL[0], late + MODEL[1]), SERIAL, (request, answer))
    with pytest.raises(LinkTimeout):
        device.read("voltage_1")
    assert device.state is State.DIRTY
    assert device.read("voltage_1") == 6950.0
    assert device.state is State.UP


def test_a_lost_acknowledgement_is_cleared_up(pump):
    device = pump(*IN, (tell(613, b"005000")[0],), *IN, ask(613, b"005000"), NORMAL)
    with pytest.raises(LinkTimeout):
        device.set("target_voltage", 5000.0)
    assert device.check() is State.UP
    assert device.wanted == {"target_voltage": 5000.0}


def test_two_controllers_on_one_line(begin, pty_peer):
    peer = pty_peer(
        *(ask(319, b"IPCMini", 3), ask(323, b"A", 3), ask(319, b"4UHV", 31), ask(323, b"B", 31)),
        *(ask(810, b"000001", 3), ask(810, b"000002", 31)),
    )
    first = begin(IpcMini, peer, name="pump_a", address="3")
    second = begin(IpcMini, peer, name="pump_b", address="31")
    assert (first.identify().serial_number, second.identify().serial_number) == ("A", "B")
    assert (first.read("voltage_1"), second.read("voltage_1")) == (1.0, 2.0)


@pytest.mark.parametrize("address", ["32", "-1", "A", ""])
def test_an_address_that_is_none(pty_peer, address):
    link = open_link(pty_peer().resource, "pump")
    with pytest.raises(ConfigError) as caught:
        IpcMini("pump", link, address=address)
    assert str(caught.value) == f"pump: {address!r} is no address of a pump controller. Give 0 to 31."
    link.release("pump")


def test_after_a_power_cut_the_high_voltage_stays_off_until_somebody_has_looked(begin, tcp_peer):
    device = begin(
        IpcMini,
        tcp_peer(
            *(*IN, tell(11, b"1"), ON, (frame(b"8100"),), HANG_UP),
            *(*IN, ask(11, b"0"), ask(810, b"000000"), tell(11, b"1"), ON),
        ),
    )
    assert device.set("high_voltage_1", True) is True
    with pytest.raises(LinkDown):
        device.read("voltage_1")
    assert device.read("voltage_1") == 0.0
    assert device.state is State.DEGRADED
    assert "high_voltage_1" in device.trouble
    with pytest.raises(NotReady, match=r"Read the settings, then call acknowledge\(\)\."):
        device.set("high_voltage_1", True)
    device.acknowledge()
    assert device.set("high_voltage_1", True) is True
