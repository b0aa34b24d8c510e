"""The power meters' driver against scripted ones, in bare lines and in frames."""

from __future__ import annotations

import math
import struct

import pytest

from control.device import State
from control.device.readings import Quality
from control.drivers.pm100d import Pm100d, Pm5020
from control.errors import (
    BadReading,
    BadReply,
    IdentityError,
    LimitError,
    LinkDown,
    LinkTimeout,
    NotReady,
    ReadBackError,
    Refused,
    UsageError,
)
from control.protocols import thorlabs_framing

IDN = (b"*IDN?\n", b"Thorlabs,PM100D,P0012345,2.4.0\n")
STARTED = (b"*ESR?\n", b"128\n")
QUIET = (b"*ESR?\n", b"0\n")
NO_ERROR = (b"SYST:ERR?\n", b'+0,"No error"\n')
SENSOR = (b"SYST:SENS:IDN?\n", b"S130VC,19082312,22-AUG-2019,1,18,289\n")
NO_SENSOR = (b"SYST:SENS:IDN?\n", b"no sensor,,,,,\n")
BOUNDS = ((b"SENS:CORR:WAV? MIN\n", b"200\n"), (b"SENS:CORR:WAV? MAX\n", b"1100\n"))
GREETING = (IDN, STARTED, NO_ERROR, SENSOR, *BOUNDS)
AGAIN = (IDN, QUIET, NO_ERROR, SENSOR, *BOUNDS)
CHECK = (QUIET, SENSOR)
WATTS = (b"SENS:POW:UNIT?\n", b"W\n")
HANG_UP = ()


def told(command):
    return (command + b"\n",), (b"*OPC?\n", b"1\n"), NO_ERROR


@pytest.fixture
def meter(begin, tcp_peer):
    def make(*script, **options):
        peer = tcp_peer(*script)
        return begin(Pm100d, peer, resource=peer.visa_resource, name="fibre", **options)

    return make


def test_identity(meter):
    device = meter(*GREETING)
    found = device.identify()
    assert (found.maker, found.model, found.serial_number) == ("Thorlabs", "PM100D", "P0012345")
    assert device.state is State.UP
    assert (device.range("wavelength").low, device.range("wavelength").high) == pytest.approx((2e-7, 1.1e-6))


def test_another_meter(meter):
    with pytest.raises(IdentityError, match="the serial number is 'P0012345', not 'P9'"):
        meter(IDN, serial_number="P9").identify()


@pytest.mark.parametrize(
    ("name", "question", "answer", "value"),
    [
        ("wavelength", b"SENS:CORR:WAV?\n", b"866\n", 866e-9),
        ("averaging", b"SENS:AVER:COUN?\n", b"100\n", 100.0),
        ("auto_range", b"SENS:POW:RANG:AUTO?\n", b"1\n", True),
        ("range", b"SENS:POW:RANG:UPP?\n", b"5.000000E-03\n", 5e-3),
        ("attenuation", b"SENS:CORR?\n", b"10.5\n", 10.5),
        ("beam_diameter", b"SENS:CORR:BEAM?\n", b"9.5\n", 9.5e-3),
        ("zero", b"SENS:CORR:COLL:ZERO:MAGN?\n", b"1.2E-09\n", 1.2e-9),
        ("sensor", *SENSOR, "S130VC,19082312,22-AUG-2019,1,18,289"),
    ],
)
def test_reading(meter, name, question, answer, value):
    found = meter(*GREETING, (question, answer)).read(name)
    assert found == (pytest.approx(value, rel=1e-12) if isinstance(value, float) else value)


def test_power_in_watts(meter):
    device = meter(*GREETING, WATTS, (b"MEAS:POW?\n", b"1.234567E-06\n"))
    assert device.read("power") == 1.234567e-6


def test_power_in_the_unit_that_somebody_chose_at_the_front_panel(meter):
    device = meter(*GREETING, (b"SENS:POW:UNIT?\n", b"DBM\n"), (b"MEAS:POW?\n", b"-30.0\n"))
    assert device.read("power") == pytest.approx(1e-6)


def test_over_range_is_no_power(meter):
    over = (b"MEAS:POW?\n", b"9.9E+37\n")
    device = meter(*GREETING, WATTS, over, WATTS, over)
    reading = device.measure("power")
    assert (reading.value, reading.quality) == (None, Quality.BAD)
    with pytest.raises(BadReading, match="it is over its range, or has no sensor"):
        device.read("power")


@pytest.mark.parametrize(
    ("name", "value", "command", "question", "answer"),
    [
        ("wavelength", 866.214e-9, b"SENS:CORR:WAV 866.214", b"SENS:CORR:WAV?\n", b"866.2\n"),
        ("averaging", 100.0, b"SENS:AVER:COUN 100", b"SENS:AVER:COUN?\n", b"100\n"),
        ("auto_range", False, b"SENS:POW:RANG:AUTO 0", b"SENS:POW:RANG:AUTO?\n", b"0\n"),
        ("attenuation", 10.5, b"SENS:CORR 10.5", b"SENS:CORR?\n", b"10.50\n"),
        ("beam_diameter", 3e-3, b"SENS:CORR:BEAM 3", b"SENS:CORR:BEAM?\n", b"3.0\n"),
    ],
)
def test_setting(meter, name, value, command, question, answer):
    device = meter(*GREETING, *CHECK, *told(command), (question, answer))
    assert device.set(name, value) == (pytest.approx(value, abs=1e-10) if name == "wavelength" else value)


def test_a_range_is_taken_that_reaches_far_enough(meter):
    device = meter(*GREETING, *CHECK, *told(b"SENS:POW:RANG:UPP 0.001"), (b"SENS:POW:RANG:UPP?\n", b"5E-3\n"))
    assert device.set("range", 1e-3) == 1e-3
    assert device.read("range") == 5e-3


def test_a_value_that_was_not_taken(meter):
    device = meter(
        *GREETING, *CHECK, *told(b"SENS:CORR:WAV 866"), (b"SENS:CORR:WAV?\n", b"635\n")
    )  # fmt: skip
    with pytest.raises(ReadBackError, match="wavelength was set to 866 nm but reads 635 nm"):
        device.set("wavelength", 866e-9)


@pytest.mark.parametrize(
    ("name", "value", "origin"),
    [
        ("wavelength", 1.2e-6, "instrument"),
        ("wavelength", 100e-9, "instrument"),
        ("wavelength", math.nan, "instrument"),
        ("averaging", 3001.0, "driver"),
        ("attenuation", 61.0, "driver"),
    ],
)
def test_limits(meter, name, value, origin):
    device = meter(*GREETING)
    device.identify()
    with pytest.raises(LimitError) as caught:
        device.set(name, value)
    assert caught.value.origin == origin


@pytest.mark.parametrize("name", ["power", "sensor", "zero"])
def test_what_can_be_read_only(meter, name):
    with pytest.raises(UsageError, match=f"{name} can be read only"):
        meter().set(name, 1.0)


def test_a_refusal(meter):
    device = meter(
        *GREETING,
        *CHECK,
        (b"SENS:CORR 50\n",),
        (b"*OPC?\n", b"1\n"),
        (b"SYST:ERR?\n", b'-222,"Data out of range"\n'),
        NO_ERROR,
    )
    with pytest.raises(Refused, match=r"refused 'SENS:CORR 50' with error -222: Data out of range\."):
        device.set("attenuation", 50.0)


ZEROING = (b"SENS:CORR:COLL:ZERO:STAT?\n", b"1\n")


def test_zeroing(meter):
    device = meter(
        *GREETING,
        *told(b"SENS:CORR:COLL:ZERO:INIT"),
        ZEROING,
        ZEROING,
        (b"SENS:CORR:COLL:ZERO:STAT?\n", b"0\n"),
        NO_ERROR,
        (b"SENS:CORR:COLL:ZERO:MAGN?\n", b"2.5E-10\n"),
    )
    assert device.perform("zero") == 2.5e-10
    assert device.time.naps == [0.1, 0.1]


def test_zeroing_in_the_light(meter):
    device = meter(
        *GREETING,
        *told(b"SENS:CORR:COLL:ZERO:INIT"),
        (b"SENS:CORR:COLL:ZERO:STAT?\n", b"0\n"),
        (b"SYST:ERR?\n", b'-200,"Execution error"\n'),
        NO_ERROR,
    )
    with pytest.raises(Refused, match=r"error -200: Execution error\. The zero is what it was before"):
        device.zero()


def test_zeroing_without_end(meter):
    device = meter(*GREETING, *told(b"SENS:CORR:COLL:ZERO:INIT"), *[ZEROING] * 3, stride=6.0)
    with pytest.raises(NotReady) as caught:
        device.zero()
    assert str(caught.value) == (
        f"fibre ({device.address}): cannot zero: it is still at it after 10 s. "
        "Cover the sensor and try again."
    )


def test_no_sensor(meter):
    device = meter(IDN, STARTED, NO_ERROR, NO_SENSOR)
    device.identify()
    assert (device.state, device.trouble) == (State.DEGRADED, "no sensor is connected")


def test_an_exchanged_sensor(meter):
    other = (b"SYST:SENS:IDN?\n", b"S120C,1,1-JAN-2020,1,18,289\n")
    device = meter(*GREETING, QUIET, other, (BOUNDS[0][0], b"400\n"), (BOUNDS[1][0], b"1000\n"))
    device.identify()
    with pytest.raises(NotReady, match="the sensor was exchanged: now it says 'S120C,1,1-JAN-2020,1,18,289'"):
        device.set("wavelength", 866e-9)
    assert device.range("wavelength").low == pytest.approx(400e-9)


def test_what_a_power_cycle_lost_comes_back(meter):
    wavelength = (b"SENS:CORR:WAV?\n", b"866\n")
    device = meter(
        *GREETING,
        *CHECK,
        *told(b"SENS:CORR:WAV 866"),
        wavelength,
        *(STARTED, IDN, NO_ERROR, SENSOR, *BOUNDS),
        (b"SENS:CORR:WAV?\n", b"635\n"),
        *told(b"SENS:CORR:WAV 866"),
        SENSOR,
    )
    device.set("wavelength", 866e-9)
    device.check()
    assert [entry.text for entry in device.logbook][-1] == "wavelength was set again to 8.66e-07"


def test_limits_are_those_of_the_sensor_that_is_plugged_in(meter):
    infrared = (b"SYST:SENS:IDN?\n", b"S132C,1,1-JAN-2024,1,18,289\n")
    bounds = (b"SENS:CORR:WAV? MIN\n", b"700\n"), (b"SENS:CORR:WAV? MAX\n", b"1800\n")
    device = meter(*GREETING, QUIET, infrared, *bounds, QUIET, NO_SENSOR, limits={"wavelength": (4e-7, 2e-6)})
    device.identify()
    assert (device.range("wavelength").low, device.range("wavelength").high) == pytest.approx((4e-7, 1.1e-6))
    device.check()
    assert (device.range("wavelength").low, device.range("wavelength").high) == pytest.approx((7e-7, 1.8e-6))
    device.check()
    assert (device.range("wavelength").low, device.range("wavelength").high) == pytest.approx((4e-7, 2e-6))
    assert device.trouble == (
        "the sensor was exchanged: now it says 'S132C,1,1-JAN-2024,1,18,289'; "
        "no sensor is connected; the sensor was exchanged: now it says 'no sensor,,,,,'"
    )


def test_hanging_up(meter):
    device = meter(*GREETING, (b"SENS:CORR?\n",), HANG_UP, *AGAIN, (b"SENS:CORR?\n", b"0\n"))
    with pytest.raises(LinkDown, match="the other end hung up"):
        device.read("attenuation")
    assert device.read("attenuation") == 0.0


@pytest.mark.parametrize("garbage", [b"1.2E-6 W\n", b"\n", b"nan\n", b"\xff\n", b"--1\n"])
def test_garbage_is_asked_again_on_a_new_connection(meter, garbage):
    question = b"MEAS:POW?\n"
    device = meter(*GREETING, WATTS, (question, garbage), *AGAIN, WATTS, (question, b"1E-6\n"))
    assert device.read("power") == 1e-6


def test_an_unknown_unit(meter):
    unit = (b"SENS:POW:UNIT?\n", b"BTU\n")
    with pytest.raises(BadReply, match="the answer 'BTU' is not W or DBM"):
        meter(*GREETING, unit, *AGAIN, unit).read("power")


@pytest.mark.parametrize("cut", range(1, 13))
def test_answers_may_come_in_two_pieces_cut_anywhere(meter, cut):
    reply = b"1.234567E-06\n"
    device = meter(*GREETING, WATTS, (b"MEAS:POW?\n", reply[:cut], reply[cut:]))
    assert device.read("power") == 1.234567e-6


def test_a_late_answer_does_not_answer_the_next_question(meter):
    device = meter(*GREETING, (b"SENS:CORR?\n",), *AGAIN, (b"SENS:AVER:COUN?\n", b"7\n"))
    with pytest.raises(LinkTimeout, match="nothing came"):
        device.read("attenuation")
    device.peer.say(b"10\n")
    assert device.read("averaging") == 7.0


def test_parking(meter):
    assert meter(*GREETING).park() == "everything stays as it is"


def framed(text, number=0, length=None):
    """Return a frame: the first tells the length of the whole message."""
    return struct.pack("<BBH", 0xCB if number else 0xCA, number, length or len(text)) + text


def in_frames(*script):
    """Return the steps of a script with each line in a frame."""
    return [tuple(map(framed, step)) for step in script]


PM5020 = (IDN[0], b"Thorlabs,PM5020,M01234567,1.5.0\n")
ETHERNET = (PM5020, *GREETING[1:])


def test_the_frame_of_the_makers_example():
    assert thorlabs_framing.wrap(b"*IDN?\n") == bytes.fromhex("ca 00 06 00 2a 49 44 4e 3f 0a")


def test_in_frames(begin, tcp_peer):
    power = (WATTS, (b"MEAS:POW?\n", b"1.5E-06\n"))
    loss = (*CHECK, *told(b"SENS:CORR 3"), (b"SENS:CORR?\n", b"3\n"))
    device = begin(Pm5020, tcp_peer(*in_frames(*ETHERNET, *power, *loss)))
    assert device.read("power") == 1.5e-6
    assert device.set("attenuation", 3.0) == 3.0


def test_a_plain_meter_is_not_one_with_frames(begin, tcp_peer):
    with pytest.raises(IdentityError, match="the model is 'PM100D', not 'PM5020 or PM103E'"):
        begin(Pm5020, tcp_peer(*in_frames(IDN))).identify()


def test_a_long_message_goes_in_several_frames():
    message = bytes(range(256)) * 12
    parts = [message[:1436], message[1436:2872], message[2872:]]
    assert thorlabs_framing.wrap(message) == b"".join(
        framed(part, number, 0 if number else len(message)) for number, part in enumerate(parts)
    )


def test_an_answer_of_several_frames(begin, tcp_peer):
    name = "S130VC" * 500
    reply = f"{name}\n".encode()
    parts = framed(reply[:1436], 0, len(reply)) + framed(reply[1436:2872], 1) + framed(reply[2872:], 2)
    question = (framed(b"SYST:SENS:IDN?\n"), parts)
    assert begin(Pm5020, tcp_peer(*in_frames(*ETHERNET), question)).read("sensor") == name


@pytest.mark.parametrize("cut", range(1, len(PM5020[1]) + 4))
def test_a_frame_may_come_in_two_pieces_cut_anywhere(begin, tcp_peer, cut):
    frame = framed(PM5020[1])
    peer = tcp_peer((framed(PM5020[0]), frame[:cut], frame[cut:]), *in_frames(*ETHERNET)[1:])
    assert begin(Pm5020, peer).identify().model == "PM5020"


@pytest.mark.parametrize(
    "header", [b"\xcc\x00\x05\x00", b"\xca\x07\x05\x00", b"\xcb\x00\x05\x00", b"\xca\x00\x00\x00", b"Thor"]
)
def test_what_is_no_frame_of_the_answer(begin, tcp_peer, header):
    peer = tcp_peer((framed(b"*IDN?\n"), header + b"12345"))
    with pytest.raises(BadReply, match="is not the start of frame 0 of a message, with 1 to 32767 bytes"):
        begin(Pm5020, peer).identify()


@pytest.mark.parametrize(("number", "length"), [(2, 5), (1, 6), (1, 0)])
def test_what_does_not_go_on_with_the_answer(begin, tcp_peer, number, length):
    wrong = struct.pack("<BBH", 0xCB, number, length)
    peer = tcp_peer((framed(b"*IDN?\n"), framed(b"x" * 1436, 0, 1441) + wrong + b"12345"))
    with pytest.raises(BadReply, match="is not the start of frame 1 of a message, with 1 to 5 bytes"):
        begin(Pm5020, peer).identify()


def test_a_frame_that_stops_half_way(begin, tcp_peer):
    frame = framed(PM5020[1])
    peer = tcp_peer((framed(PM5020[0]), frame[:11]))
    with pytest.raises(LinkTimeout, match="only"):
        begin(Pm5020, peer).identify()
