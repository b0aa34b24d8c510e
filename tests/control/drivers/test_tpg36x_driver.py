"""The vacuum gauge driver against scripted controllers; the bytes are those of the Pfeiffer manuals."""

from __future__ import annotations

import pytest

from control.device import State
from control.device.readings import Quality
from control.drivers.tpg36x import Tpg36x
from control.errors import (
    BadReading,
    BadReply,
    IdentityError,
    LinkDown,
    LinkTimeout,
    NotReady,
    Refused,
    UsageError,
)
from control.transport import LineSettings

HANG_UP = ()
ACK, NAK = b"\x06\r\n", b"\x15\r\n"
HUSH = (b"\x03",)


def ask(request, answer):
    return (request + b"\r\n", ACK), (b"\x05", answer + b"\r\n")


def refuse(request, error):
    return (request + b"\r\n", NAK), *ask(b"ERR", error)


IN = (HUSH, *ask(b"AYT", b"TPG362,PTG28290,44998061,010300,010100"))
MBAR = ask(b"UNI", b"0")
PRESSURE = (*MBAR, *ask(b"PR1", b"0,+1.2300E-10"))


class QuickTpg36x(Tpg36x):
    """The same driver on a line that settles sooner."""

    LINE = LineSettings(baud=9600, quiet=0.01)


@pytest.fixture
def gauge(begin, pty_peer):
    def start(*script, peer=None, **options):
        return begin(QuickTpg36x, peer or pty_peer(*script), name="gauge", **options)

    return start


def test_identity(gauge):
    found = gauge(*IN).identify()
    assert (found.maker, found.model) == ("Pfeiffer Vacuum", "TPG362")
    assert (found.serial_number, found.firmware) == ("44998061", "010300")


def test_an_inficon_controller(gauge):
    found = gauge(HUSH, *ask(b"AYT", b"VGC502,398-482,1234,1.20,1.0")).identify()
    assert (found.maker, found.model) == ("Inficon", "VGC502")


def test_an_older_controller_does_not_say_who_it_is(gauge):
    no = refuse(b"AYT", b"0001")
    found = gauge(HUSH, *no, *no, *ask(b"PNR", b"302-510-A")).identify()
    assert (found.model, found.serial_number, found.firmware) == ("TPG26x", "", "302-510-A")


def test_noise_does_not_make_a_controller_older(gauge):
    device = gauge(HUSH, *refuse(b"AYT", b"0001"), *IN[1:])
    assert device.identify().model == "TPG362"


def test_another_model(gauge):
    with pytest.raises(IdentityError, match="the model is 'TPG256A', not 'TPG361 or"):
        gauge(HUSH, *ask(b"AYT", b"TPG 256 A,1,2,3,4")).identify()


def test_an_identity_that_makes_no_sense(gauge):
    with pytest.raises(BadReply, match="is not type, article, serial number, firmware and hardware"):
        gauge(HUSH, *ask(b"AYT", b"TPG362")).identify()


@pytest.mark.parametrize(
    ("unit", "pascal"), [(b"0", 100.0), (b"1", 133.322368), (b"2", 1.0), (b"3", 0.133322368)]
)
def test_pressure_in_pascal_whatever_the_display_shows(gauge, unit, pascal):
    device = gauge(*IN, *ask(b"UNI", unit), *ask(b"PR2", b"0,+1.2300E-10"))
    assert device.read("pressure_2") == pytest.approx(1.23e-10 * pascal, rel=1e-12)


@pytest.mark.parametrize(
    ("status", "note"),
    [
        (1, "under-range: less than the gauge can tell"),
        (2, "over-range: more than the gauge can tell"),
        (3, "sensor error"),
        (4, "the gauge is off"),
        (5, "no gauge is connected"),
        (6, "the gauge cannot be identified"),
        (7, "error of the gauge"),
    ],
)
def test_what_the_gauge_does_not_vouch_for_is_no_reading(gauge, status, note):
    said = (*MBAR, *ask(b"PR1", b"%d,+5.0000E-11" % status))
    device = gauge(*IN, *said, *said)
    reading = device.measure("pressure_1")
    assert (reading.value, reading.quality, reading.note) == (None, Quality.BAD, note)
    with pytest.raises(BadReading, match=f"pressure_1 has no valid reading: {note}"):
        device.read("pressure_1")


@pytest.mark.parametrize(
    ("name", "request_", "answer", "value"),
    [
        ("unit", b"UNI", b"2", "Pa"),
        ("gauge_1", b"TID", b"IKR,PKR", "IKR"),
        ("gauge_2", b"TID", b"IKR, PKR", "PKR"),
        ("gauge_1_on", b"SEN", b"2,1", True),
        ("gauge_2_on", b"SEN", b"2,1", False),
        ("gauge_1_on", b"SEN", b"0,0", True),  # one that cannot be switched is on
    ],
)
def test_reading(gauge, name, request_, answer, value):
    assert gauge(*IN, *ask(request_, answer)).read(name) == value


def test_unit(gauge):
    device = gauge(*IN, *ask(b"UNI,1", b"1"), *ask(b"UNI", b"1"))
    assert device.set("unit", "Torr") == "Torr"
    with pytest.raises(UsageError, match="unit cannot be 'atm'"):
        device.set("unit", "atm")


def test_switching_one_gauge_leaves_the_other(gauge):
    device = gauge(
        *IN,
        *(*ask(b"SEN,0,2", b"1,2"), *ask(b"SEN", b"1,2")),
        *(*ask(b"SEN,1,0", b"1,2"), *ask(b"SEN", b"1,2")),
    )
    assert device.set("gauge_2_on", True) is True
    assert device.set("gauge_1_on", False) is False


def test_a_controller_of_one_gauge(gauge):
    device = gauge(HUSH, *ask(b"AYT", b"TPG361,PTG28280,1,2,3"), *ask(b"SEN,2", b"2"), *ask(b"SEN", b"2"))
    assert device.set("gauge_1_on", True) is True
    assert device.measure("pressure_2").note == "this controller has one gauge"
    with pytest.raises(NotReady, match="cannot set gauge_2_on: this controller has one gauge"):
        device.set("gauge_2_on", True)


@pytest.mark.parametrize(
    ("word", "code", "text"),
    [
        (b"0001", 1, "syntax error"),
        (b"0010", 10, "inadmissible parameter"),
        (b"0100", 100, "no such hardware is there"),
        (b"1000", 1000, "controller error, see its display"),
    ],
)
def test_refusals_have_names(gauge, word, code, text):
    device = gauge(*IN, *refuse(b"SEN,2,0", word))
    with pytest.raises(Refused) as caught:
        device.set("gauge_1_on", True)
    assert (caught.value.code, caught.value.text) == (code, text)
    assert str(caught.value) == (
        f"gauge ({device.address}) refused 'SEN,2,0' with error {code}: {text}. "
        "What it was set to before still holds."
    )
    assert device.state is State.UP


def test_readings_that_it_sends_by_itself_are_stopped(gauge):
    chatter = b"0,+1.2300E-10,5,+0.0000E+00\r\n"
    device = gauge((b"\x03", chatter[:9], chatter[9:] + chatter), *IN[1:], *PRESSURE)
    assert device.read("pressure_1") == pytest.approx(1.23e-8)


@pytest.mark.parametrize("cut", range(1, 15))
def test_answers_may_come_in_two_pieces_cut_anywhere(gauge, cut):
    answer = b"0,+1.2300E-10\r\n"
    device = gauge(*IN, *MBAR, (b"PR1\r\n", ACK[:1], ACK[1:]), (b"\x05", answer[:cut], answer[cut:]))
    assert device.read("pressure_1") == pytest.approx(1.23e-8)


GARBAGE = [
    (b"PR1\r\n", b"\x16\r\n"),  # a bit changed on the way
    (b"PR1\r\n", b"0,+1.2300E-10\r\n"),  # an answer without acknowledgement
    *(
        (b"PR1\r\n", ACK, b"\x05", answer + b"\r\n")
        for answer in (b"0,+1.2300E-1O", b"0+1.2300E-10", b"8,+1.2300E-10", b"0,nan", b"", b"0,\xb11.2E-10")
    ),
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_asked_again_once(gauge, garbage):
    steps = [garbage[at : at + 2] for at in range(0, len(garbage), 2)]
    device = gauge(*IN, *MBAR, *steps, *IN, *PRESSURE)
    assert device.read("pressure_1") == pytest.approx(1.23e-8)


def test_garbage_twice_is_told(gauge):
    bad = (*MBAR, *ask(b"PR1", b"0,low"))
    device = gauge(*IN, *bad, *IN, *bad)
    with pytest.raises(BadReply) as caught:
        device.read("pressure_1")
    assert str(caught.value).startswith(
        f"gauge ({device.address}): the answer '0,low' is not a status from 0 to 7 and a number "
        "(tried to ask PR1). "
    )


@pytest.mark.parametrize(
    ("name", "request_", "answer"),
    [("unit", b"UNI", b"4"), ("gauge_2", b"TID", b"IKR"), ("gauge_1_on", b"SEN", b",2")],
)
def test_values_that_make_no_sense(gauge, name, request_, answer):
    device = gauge(*IN, *ask(request_, answer), *IN, *ask(request_, answer))
    with pytest.raises(BadReply):
        device.read(name)


def test_an_error_that_makes_no_sense(gauge):
    device = gauge(*IN, *refuse(b"UNI,2", b"0000"))
    with pytest.raises(BadReply, match="is not four digits that name an error"):
        device.set("unit", "Pa")


def test_a_late_answer_does_not_answer_the_next_question(gauge):
    device = gauge(
        *IN,
        *(*MBAR, (b"PR1\r\n", ACK), (b"\x05",)),
        # It comes after the line was silent: with the answer to ETX, which has none.
        *((b"\x03", b"0,+9.9900E-10\r\n"), *IN[1:], *PRESSURE),
    )
    with pytest.raises(LinkTimeout):
        device.read("pressure_1")
    assert device.state is State.DIRTY
    assert device.read("pressure_1") == pytest.approx(1.23e-8)
    assert device.state is State.UP


def test_a_gauge_that_was_switched_off_while_the_link_was_down(begin, tcp_peer):
    on = (*ask(b"SEN,2,0", b"2,1"), *ask(b"SEN", b"2,1"))
    device = begin(
        QuickTpg36x,
        tcp_peer(*IN, *on, (b"TID\r\n",), HANG_UP, *IN, *ask(b"SEN", b"1,1"), *ask(b"TID", b"IKR,PKR")),
        name="gauge",
    )
    device.set("gauge_1_on", True)
    with pytest.raises(LinkDown):
        device.check()
    assert device.check() is State.DEGRADED
    assert "gauge_1_on" in device.trouble
