"""The Bristol 871A driver against a scripted wavemeter on a socket; bytes of the sheet."""

from __future__ import annotations

import pytest

from control.device import State
from control.device.readings import Quality
from control.drivers.bristol871 import Bristol871
from control.errors import (
    BadReading,
    BadReply,
    IdentityError,
    LimitError,
    LinkDown,
    LinkTimeout,
    Refused,
    UsageError,
)

HANG_UP = ()
BANNER = b"Welcome to the server\r\nBristol Instruments 871A\r\nfirmware 1.2.0\r\n\r\n"
WELCOME = (b"", BANNER)
IDN = (b"*IDN?\n", b"BRISTOL WAVELENGTH METER, 871A-VIS, 6789, 1.2.0\n")
NO_ERROR = (b"SYST:ERR?\n", b'0,"No error"\n')
QUIET = (b"*ESR?\n", b"0\n")
STARTED = (b"*ESR?\n", b"128\n")
MET = (IDN, STARTED, NO_ERROR)
GREETING = (WELCOME, *MET)


def ask(question, answer):
    return question.encode() + b"\n", answer.encode() + b"\n"


def light(index=1234, status=4, wavelength="866.4523912", power="0.31"):
    return ask(":READ:ALL?", f"{index},{status},{wavelength},{power}")


def faults(bits):
    return ask(":STAT:QUES:COND?", str(bits))


def told(command):
    return (command.encode() + b"\n",), (b"*OPC?\n", b"1\n"), NO_ERROR


@pytest.fixture
def meter(begin, tcp_peer):
    """Start a scripted wavemeter and return a device for it; closed afterwards."""

    def make(*script, **options):
        return begin(Bristol871, tcp_peer(*script), name="meter", **options)

    return make


def test_identity(meter):
    device = meter(*GREETING)
    found = device.identify()
    assert (found.maker, found.model) == ("BRISTOL WAVELENGTH METER", "871A")
    assert (found.serial_number, found.firmware) == ("6789", "1.2.0")
    assert device.state is State.UP


def test_the_banner_may_come_in_pieces(meter, pieces):
    assert meter((b"", *pieces(BANNER)), *MET).identify().model == "871A"


def test_another_client_has_it(meter):
    device = meter((b"", b"Bristol Instruments\r\nSorry, no connections available\r\n"), HANG_UP)
    with pytest.raises(LinkDown) as caught:
        device.identify()
    assert str(caught.value) == (
        f"meter ({device.address}): the link is down: it says that there are no connections available "
        "(tried to read its banner). Is it powered and plugged in? Is the address right? "
        "Is another program connected to it?"
    )
    assert device.state is State.DOWN


def test_a_banner_without_end(meter):
    with pytest.raises(BadReply, match="is not the end of a banner of Bristol Instruments"):
        meter((b"", b"hello\r\n" * 50)).identify()


def test_no_banner(meter):
    with pytest.raises(LinkTimeout, match="nothing came"):
        meter().identify()


def test_another_meter(meter):
    with pytest.raises(IdentityError, match="the serial number is '6789', not '9876'"):
        meter(WELCOME, IDN, serial_number="9876").identify()


@pytest.mark.parametrize(
    ("name", "value"),
    [("wavelength", 866.4523912e-9), ("frequency", 299792458.0 / 866.4523912e-9), ("power", 0.31e-3)],
)
def test_reading_light(meter, name, value):
    device = meter(*GREETING, light())
    reading = device.measure(name)
    assert reading.value == pytest.approx(value, rel=1e-12)
    assert reading.quality is Quality.GOOD


def test_the_frequency_of_the_repumper(meter):
    # 866 nm is 346.0 THz
    assert meter(*GREETING, light()).read("frequency") == pytest.approx(345.9999e12, rel=1e-6)


@pytest.mark.parametrize(
    ("status", "bits", "note", "quality"),
    [
        (0, 1 << 6, "the detector is saturated", Quality.BAD),
        (0, 1 << 5 | 1, "the wavelength is out of range", Quality.BAD),
        (0, 1 << 10, "the hardware has failed", Quality.BAD),
        (0, 1 << 7, "the signal is low", Quality.SUSPECT),
        (0, 1 << 2 | 1 << 9, "the last calibration failed, the pressure is out of range", Quality.SUSPECT),
        (0x40000004, 0, "its status word is 0x40000004", Quality.SUSPECT),
    ],
)
def test_what_the_status_doubts_is_doubted(meter, status, bits, note, quality):
    device = meter(*GREETING, light(status=status), faults(bits))
    reading = device.measure("wavelength")
    assert (reading.quality, reading.note) == (quality, note)
    assert (reading.value is None) is (quality is Quality.BAD)


def test_bits_of_the_status_that_do_not_matter(meter):
    assert meter(*GREETING, light(status=0x80000004)).measure("power").quality is Quality.GOOD


def test_no_light(meter):
    device = meter(*GREETING, light(status=0, wavelength="0.0", power="0.0"), faults(1 << 8))
    with pytest.raises(BadReading) as caught:
        device.read("frequency")
    assert str(caught.value) == (
        f"meter ({device.address}): frequency has no valid reading: there is no signal. "
        "Nothing was used in its place."
    )


def test_a_measurement_that_comes_twice(meter):
    device = meter(*GREETING, light(), light(), light(index=1235))
    device.measure("wavelength")
    reading = device.measure("frequency")
    assert (reading.quality, reading.note) == (Quality.SUSPECT, "the same measurement as before")
    assert device.measure("wavelength").quality is Quality.GOOD


SETTINGS = [
    ("calibration", ":SENS:CALI:METH", "TEMP", "temperature"),
    ("calibration", ":SENS:CALI:METH", "OFF", "off"),
    ("calibration_interval", ":SENS:CALI:TIM", "30", 1800.0),
    ("calibration_temperature", ":SENS:CALI:TEMP", "5", 0.5),
    ("trigger", ":TRIG:SEQ:METH", "RISE", "rising"),
    ("trigger_rate", ":TRIG:SEQ:RATE", "250", "250 Hz"),
]


@pytest.mark.parametrize(("name", "header", "word", "value"), SETTINGS)
def test_setting(meter, name, header, word, value):
    device = meter(*GREETING, *told(f"{header} {word}"), ask(f"{header}?", word))
    assert device.set(name, value) == value


def test_settings_that_harm_nothing_are_brought_back(meter):
    rate = (*told(":TRIG:SEQ:RATE 250"), ask(":TRIG:SEQ:RATE?", "250"))
    lost = ask(":TRIG:SEQ:RATE?", "20")
    device = meter(*GREETING, *rate, HANG_UP, *GREETING, lost, *told(":TRIG:SEQ:RATE 250"), light())
    device.set("trigger_rate", "250 Hz")
    with pytest.raises(LinkDown):
        device.check()
    assert device.read("power") == pytest.approx(0.31e-3)
    assert device.state is State.UP


@pytest.mark.parametrize(
    ("name", "value"), [("calibration_interval", 299.0), ("calibration_temperature", 5.1)]
)
def test_limits(meter, name, value):
    with pytest.raises(LimitError, match="the limit of the driver"):
        meter().set(name, value)


@pytest.mark.parametrize(
    ("name", "value"), [("trigger_rate", "30 Hz"), ("calibration", "TIME"), ("trigger", 1.0)]
)
def test_a_word_that_is_none(meter, name, value):
    with pytest.raises(UsageError, match=f"{name} cannot be"):
        meter().set(name, value)


def test_light_cannot_be_set(meter):
    with pytest.raises(UsageError, match="wavelength can be read only"):
        meter().set("wavelength", 866e-9)


def test_calibrating(meter):
    meter_that_can = meter(*GREETING, *told(":SENS:CALI"), faults(0))
    meter_that_can.perform("calibrate")
    assert meter_that_can.state is State.UP


def test_a_calibration_that_fails(meter):
    with pytest.raises(Refused) as caught:
        meter(*GREETING, *told(":SENS:CALI"), faults(4)).calibrate()
    assert str(caught.value).endswith(
        "refused ':SENS:CALI' with error 2: the last calibration failed. "
        "It measures with the last calibration. Let it warm up and try again."
    )


@pytest.mark.parametrize(
    "garbage", [b"1234,4,866.45\n", b"1234,4,866.4S,0.31\n", b"\n", b"\xff\n", b"a,b,c,d\n", b"1,4,nan,0.3\n"]
)
def test_garbage_is_asked_again_on_a_new_connection(meter, garbage):
    device = meter(*GREETING, (b":READ:ALL?\n", garbage), HANG_UP, WELCOME, IDN, QUIET, NO_ERROR, light())
    assert device.read("power") == pytest.approx(0.31e-3)


def test_answers_may_come_in_two_pieces_cut_anywhere(meter):
    question, answer = light()
    cuts = [(question, answer[:cut], answer[cut:]) for cut in range(1, len(answer))]
    device = meter(*GREETING, *cuts)
    assert {round(device.read("wavelength") * 1e12) for _ in cuts} == {866_452}


def test_no_answer(meter):
    device = meter(*GREETING, (b":READ:ALL?\n",))
    with pytest.raises(LinkTimeout):
        device.read("wavelength")
    assert device.state is State.DIRTY


def test_hanging_up(meter):
    device = meter(*GREETING, HANG_UP, WELCOME, IDN, QUIET, NO_ERROR, light())
    device.identify()
    with pytest.raises(LinkDown):
        device.read("wavelength")
    assert device.read("wavelength") == pytest.approx(866.4523912e-9)
