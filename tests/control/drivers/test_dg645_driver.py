"""The delay generator's driver against a scripted one; through PyVISA, as in the lab."""

from __future__ import annotations

import math
from contextlib import closing

import pytest

from control.device import State
from control.drivers.dg645 import ERRORS, Dg645
from control.errors import (
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
from control.transport import open_link

IDN = (b"*IDN?\n", b"Stanford Research Systems,DG645,s/n001013,ver1.10.016\r\n")
NO_ERROR = (b"LERR?\n", b"0\r\n")
STATUS = (b"INSR?\n", b"0\r\n")
GREETING = (IDN, NO_ERROR, STATUS)
DELAY_A = (b"DLAY?2\n", b"0,+0.000001000000\r\n")
HANG_UP = ()


def told(command):
    """Return the step of a command that is obeyed: it says nothing, so the question for errors follows."""
    return command + b"\nLERR?\n", b"0\r\n"


@pytest.fixture
def generator(begin, tcp_peer):
    def make(*script, **options):
        peer = tcp_peer(*script)
        return begin(Dg645, peer, resource=peer.visa_resource, name="delays", **options)

    return make


def test_identity(generator):
    device = generator(*GREETING)
    found = device.identify()
    assert (found.maker, found.model, found.serial_number, found.firmware) == (
        "Stanford Research Systems",
        "DG645",
        "001013",
        "ver1.10.016",
    )
    assert device.state is State.UP


def test_another_instrument(generator):
    with pytest.raises(IdentityError, match="the model is 'DG535', not 'DG645'"):
        generator((b"*IDN?\n", b"Stanford Research Systems,DG535,1,1\r\n")).identify()


@pytest.mark.parametrize(
    ("name", "question", "answer", "value"),
    [
        ("delay_a", *DELAY_A, 1e-6),
        ("delay_h", b"DLAY?9\n", b"8,-0.000000000005\r\n", -5e-12),
        ("delay_c", b"DLAY?4\n", b"2,+1.500000000000E-03\r\n", 1.5e-3),
        ("reference_a", *DELAY_A, "t0"),
        ("reference_h", b"DLAY?9\n", b"8,+0\r\n", "g"),
        ("amplitude_t0", b"LAMP?0\n", b"+2.50\r\n", 2.5),
        ("amplitude_gh", b"LAMP?4\n", b"5.00\r\n", 5.0),
        ("offset_ab", b"LOFF?1\n", b"-0.50\r\n", -0.5),
        ("polarity_cd", b"LPOL?2\n", b"1\r\n", "positive"),
        ("polarity_ef", b"LPOL?3\n", b"0\r\n", "negative"),
        ("trigger_source", b"TSRC?\n", b"5\r\n", "single shot"),
        ("trigger_rate", b"TRAT?\n", b"+1000.000000\r\n", 1000.0),
        ("trigger_level", b"TLVL?\n", b"1.00\r\n", 1.0),
        ("hold_off", b"HOLD?\n", b"+0.000001\r\n", 1e-6),
        ("burst", b"BURM?\n", b"1\r\n", True),
        ("burst_count", b"BURC?\n", b"5\r\n", 5.0),
        ("burst_period", b"BURP?\n", b"+0.000010000\r\n", 10e-6),
        ("burst_delay", b"BURD?\n", b"+0.000000000\r\n", 0.0),
        ("time_base", b"TIMB?\n", b"3\r\n", "external"),
    ],
)
def test_reading(generator, name, question, answer, value):
    assert generator(*GREETING, (question, answer)).read(name) == value


@pytest.mark.parametrize(
    ("name", "value", "command", "question", "answer"),
    [
        ("reference_b", "a", b"LINK 3,2", b"DLAY?3\n", b"2,+0.1\r\n"),
        ("amplitude_ab", 3.3, b"LAMP 1,3.30", b"LAMP?1\n", b"3.30\r\n"),
        ("offset_t0", -1.25, b"LOFF 0,-1.25", b"LOFF?0\n", b"-1.25\r\n"),
        ("polarity_gh", "negative", b"LPOL 4,0", b"LPOL?4\n", b"0\r\n"),
        ("trigger_source", "line", b"TSRC 6", b"TSRC?\n", b"6\r\n"),
        ("trigger_rate", 1e3, b"TRAT 1000.000000000000", b"TRAT?\n", b"1000\r\n"),
        ("trigger_level", 0.75, b"TLVL 0.75", b"TLVL?\n", b"0.75\r\n"),
        ("hold_off", 2e-6, b"HOLD 0.000002000000", b"HOLD?\n", b"0.000002\r\n"),
        ("burst", True, b"BURM 1", b"BURM?\n", b"1\r\n"),
        ("burst_count", 12.0, b"BURC 12", b"BURC?\n", b"12\r\n"),
        ("burst_period", 1e-6, b"BURP 0.000001000000", b"BURP?\n", b"0.000001\r\n"),
        ("burst_delay", 5e-9, b"BURD 0.000000005000", b"BURD?\n", b"0.000000005\r\n"),
    ],
)
def test_setting(generator, name, value, command, question, answer):
    assert generator(*GREETING, told(command), (question, answer)).set(name, value) == value


@pytest.mark.parametrize(
    ("value", "sent"),
    [(1.5e-6, b"0.000001500000"), (-2000.0, b"-2000.000000000000"), (5e-12, b"0.000000000005")],
)
def test_a_delay_keeps_its_reference(generator, value, sent):
    now = (b"DLAY?5\n", b"4,+0.000000000000\r\n")
    device = generator(*GREETING, now, told(b"DLAY 5,4," + sent), (b"DLAY?5\n", b"4," + sent + b"\r\n"))
    assert device.set("delay_d", value) == value


def test_a_reference_that_was_harmed_on_the_way_is_not_written(tcp_peer):
    harmed, after = (b"DLAY?2\n", b"8,+0.000001000000\r\n"), (b"DLAY?2\n", b"0,+0.000002000000\r\n")
    peer = tcp_peer(*GREETING, harmed, DELAY_A, DELAY_A, told(b"DLAY 2,0,0.000002000000"), after, after)
    with closing(Dg645("delays", open_link(peer.serial_resource, "delays"))) as device:
        assert device.set("delay_a", 2e-6) == 2e-6


def test_delays_are_rounded_to_five_picoseconds(generator):
    device = generator(
        *GREETING, DELAY_A, told(b"DLAY 2,0,0.000000000012"), (b"DLAY?2\n", b"0,+0.000000000010\r\n")
    )
    assert device.set("delay_a", 12e-12) == 10e-12


def test_a_delay_that_was_not_taken(generator):
    device = generator(*GREETING, DELAY_A, told(b"DLAY 2,0,0.000002000000"), DELAY_A)
    with pytest.raises(ReadBackError, match="delay_a was set to 2 us but reads 1 us"):
        device.set("delay_a", 2e-6)


@pytest.mark.parametrize(
    ("name", "value", "limit"),
    [
        ("delay_a", 2000.1, 2000.0),
        ("delay_a", -2000.1, -2000.0),
        ("delay_a", math.nan, 2000.0),
        ("amplitude_ab", 0.4, 0.5),
        ("amplitude_ab", 5.1, 5.0),
        ("offset_t0", 2.1, 2.0),
        ("trigger_rate", 11e6, 10e6),
    ],
)
def test_limits(generator, name, value, limit):
    with pytest.raises(LimitError) as caught:
        generator().set(name, value)
    assert (caught.value.limit, caught.value.origin) == (limit, "driver")


def test_limits_of_the_site(generator):
    device = generator(limits={"amplitude_ab": (0.0, 3.3)})
    with pytest.raises(LimitError, match=r"above 3\.3 V, the limit of the site"):
        device.set("amplitude_ab", 5.0)


def test_a_channel_is_not_its_own_reference(generator):
    with pytest.raises(UsageError, match="reference_a cannot be 'a'"):
        generator().set("reference_a", "a")


@pytest.mark.parametrize("code", [*ERRORS, 199])
def test_refusals(generator, code):
    device = generator(
        *GREETING,
        DELAY_A,
        (b"DLAY 2,0,0.000002000000\nLERR?\n", b"%d\r\n" % code),
        NO_ERROR,
    )
    with pytest.raises(Refused) as caught:
        device.set("delay_a", 2e-6)
    assert str(caught.value) == (
        f"delays ({device.address}) refused 'DLAY 2,0,0.000002000000' with error {code}: "
        f"{ERRORS.get(code, 'unknown error')}. What it was set to before still holds."
    )
    assert device.state is State.UP


def test_errors_of_others_are_not_blamed_on_us(generator):
    old = (b"LERR?\n", b"126\r\n")
    device = generator(IDN, old, old, NO_ERROR, STATUS, told(b"TSRC 0"), (b"TSRC?\n", b"0\r\n"))
    assert device.set("trigger_source", "internal") == "internal"


def test_an_error_queue_without_end(generator):
    with pytest.raises(BadReply, match="the end of a queue of 64 errors"):
        generator(IDN, *[(b"LERR?\n", b"254\r\n")] * 64).identify()


def test_triggering(generator):
    assert generator(*GREETING, (b"TSRC?\n", b"5\r\n"), told(b"*TRG")).perform("trigger") is None


def test_triggering_where_it_means_nothing(generator):
    device = generator(*GREETING, (b"TSRC?\n", b"0\r\n"))
    with pytest.raises(NotReady) as caught:
        device.trigger()
    assert str(caught.value) == (
        f"delays ({device.address}): cannot trigger: the trigger source is internal. "
        "Set trigger_source to one of the single shots."
    )


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (b"64", "its time base is not locked"),
        (b"195", "its time base is not locked and its rubidium clock is not locked"),
    ],
)
def test_a_time_base_that_is_not_locked(generator, status, trouble):
    device = generator(*GREETING, STATUS, (b"INSR?\n", status + b"\r\n"))
    assert device.check() is State.UP
    assert device.check() is State.DEGRADED
    assert device.trouble == trouble
    with pytest.raises(NotReady, match="cannot set delay_a: its time base is not locked"):
        device.set("delay_a", 0.0)


@pytest.mark.parametrize(
    ("name", "question", "garbage"),
    [
        ("delay_a", b"DLAY?2\n", b"0;+0.000001\r\n"),
        ("delay_a", b"DLAY?2\n", b"+0.000001\r\n"),
        ("delay_a", b"DLAY?2\n", b"0,+0.0000x1\r\n"),
        ("trigger_source", b"TSRC?\n", b"7\r\n"),
        ("trigger_source", b"TSRC?\n", b"-1\r\n"),
        ("polarity_ab", b"LPOL?1\n", b"\xff\r\n"),
        ("trigger_rate", b"TRAT?\n", b"\r\n"),
        ("burst", b"BURM?\n", b"2\r\n"),
    ],
)
def test_garbage_is_asked_again_on_a_new_connection(generator, name, question, garbage):
    right = b"0,+1.0\r\n" if name == "delay_a" else b"1\r\n"
    device = generator(*GREETING, (question, garbage), *GREETING, (question, right))
    assert device.read(name) in {1.0, "external rising", "positive"}


@pytest.mark.parametrize("cut", range(1, len(DELAY_A[1])))
def test_answers_may_come_in_two_pieces_cut_anywhere(generator, cut):
    device = generator(*GREETING, (DELAY_A[0], DELAY_A[1][:cut], DELAY_A[1][cut:]))
    assert device.read("delay_a") == 1e-6


def test_a_late_answer_does_not_answer_the_next_question(generator):
    device = generator(*GREETING, (b"DLAY?2\n",), *GREETING, (b"DLAY?3\n", b"0,+0.5\r\n"))
    with pytest.raises(LinkTimeout, match="nothing came"):
        device.read("delay_a")
    device.peer.say(DELAY_A[1])
    assert device.read("delay_b") == 0.5


def test_what_a_power_cycle_lost_comes_back(generator):
    device = generator(
        *GREETING,
        told(b"TSRC 1"),
        (b"TSRC?\n", b"1\r\n"),
        (b"DLAY?2\n",),
        HANG_UP,
        *GREETING,
        (b"TSRC?\n", b"0\r\n"),
        told(b"TSRC 1"),
        DELAY_A,
    )
    device.set("trigger_source", "external rising")
    with pytest.raises(LinkDown, match="the other end hung up"):
        device.read("delay_a")
    assert device.read("delay_a") == 1e-6
    assert device.state is State.UP


def test_parking(generator):
    assert generator(*GREETING).park() == "it goes on as it is"
