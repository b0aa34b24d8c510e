"""The synthesiser's driver against a scripted one; the lines of its manual."""

from __future__ import annotations

import math

import pytest

from control.device import State
from control.drivers.arf import MogArf
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

INFO = (b"INFO\r\n", b"MOGLabs ARF421 serial number A12345\r\n")
VERSION = (b"VERSION\r\n", b"UC: 1.4.2, FPGA: 0.9.3\r\n")
LIMITS = ((b"LIMIT,1\r\n", b"33.00 dBm\r\n"), (b"LIMIT,2\r\n", b"30.00 dBm\r\n"))
GREETING = (INFO, VERSION, *LIMITS)
TEMPERATURES = (b"TEMP\r\n", b"ch1:31.2 C,ch2:30.4 C\r\n")
WORD = 0x147AE148
HANG_UP = ()


@pytest.fixture
def synthesiser(begin, tcp_peer):
    def make(*script, **options):
        return begin(MogArf, tcp_peer(*script), name="aom_rf", **options)

    return make


def test_identity(synthesiser):
    device = synthesiser(*GREETING)
    found = device.identify()
    assert (found.maker, found.model, found.serial_number) == ("MOGLabs", "ARF421", "A12345")
    assert found.firmware == "UC: 1.4.2, FPGA: 0.9.3"


@pytest.mark.parametrize(
    ("info", "model", "serial_number"),
    [
        (b"MOGLabs XRF021 S/N A08005 rev3", "XRF021", "A08005"),
        (b"ARF021, SN: 1234", "ARF021", "1234"),
        (b"ARF021", "ARF021", ""),
    ],
)
def test_other_ways_to_say_who_it_is(synthesiser, info, model, serial_number):
    found = synthesiser((b"INFO\r\n", info + b"\r\n"), VERSION, *LIMITS).identify()
    assert (found.model, found.serial_number) == (model, serial_number)


def test_another_model(synthesiser):
    with pytest.raises(IdentityError, match="the model is 'QRF081'"):
        synthesiser((b"INFO\r\n", b"MOGLabs QRF081 serial Q1\r\n"), VERSION).identify()


def test_another_synthesiser(synthesiser):
    with pytest.raises(IdentityError, match="the serial number is 'A12345', not 'A99999'"):
        synthesiser(INFO, VERSION, serial_number="A99999").identify()


def test_no_identity(synthesiser):
    with pytest.raises(BadReply, match="is not the name of a model, as ARF421"):
        synthesiser((b"INFO\r\n", b"hello\r\n")).identify()


@pytest.mark.parametrize(
    ("name", "question", "answer", "value"),
    [
        ("frequency_1", b"FREQ,1", b"80.00000009 MHz (0x147AE148)", WORD / 2**32 * 1e9),
        ("frequency_1", b"FREQ,1", b"80.00000007 MHz", 80.00000007e6),
        ("frequency_2", b"FREQ,2", b"80000.5 kHz", 80.0005e6),
        ("frequency_2", b"FREQ,2", b"110", 110e6),
        ("power_1", b"POW,1", b"29.00 dBm", 29.0),
        ("power_2", b"POW,2", b"-50 dBm", -50.0),
        ("power_2", b"POW,2", b"100 mW", 20.0),
        ("power_2", b"POW,2", b"1 W", 30.0),
        ("phase_1", b"PHASE,1", b"90.00 deg", 0.25),
        ("phase_2", b"PHASE,2", b"3.141592653589793 rad", 0.5),
        ("mode_1", b"MODE,1", b"NSB", "NSB"),
        ("output_1", b"STATUS,1", b"OFF", False),
        ("output_1", b"STATUS,1", b"CH1 SIG: ON, POW: ON", True),
        ("output_2", b"STATUS,2", b"CH2 SIG: ON, POW: OFF", False),
        ("power_limit_2", b"LIMIT,2", b"30.00 dBm", 30.0),
        ("temperature_1", *TEMPERATURES, 31.2),
        ("temperature_2", *TEMPERATURES, 30.4),
    ],
)
def test_reading(synthesiser, name, question, answer, value):
    device = synthesiser(*GREETING, (question.strip() + b"\r\n", answer.strip() + b"\r\n"))
    assert device.read(name) == (pytest.approx(value, rel=1e-12) if isinstance(value, float) else value)


@pytest.mark.parametrize(
    ("name", "value", "command", "answer", "question", "reading"),
    [
        (
            "frequency_1",
            80e6,
            b"FREQ,1,80MHz",
            b"OK: CH1 freq now 80.00000007 MHz (0x147AE148)",
            b"FREQ,1",
            b"80.00000009 MHz (0x147AE148)",
        ),
        (
            "frequency_2",
            80.0000125e6,
            b"FREQ,2,80.0000125MHz",
            b"OK: CH2 freq now 80.0000126 MHz",
            b"FREQ,2",
            b"80.0000126 MHz",
        ),
        ("power_1", 29.0, b"POW,1,29.00dBm", b"OK: CH1 power 29.0 dBm", b"POW,1", b"29.00 dBm"),
        ("phase_1", 0.25, b"PHASE,1,90.000deg", b"OK: CH1 phase 90.0 deg", b"PHASE,1", b"90.00 deg"),
        ("mode_2", "TSB", b"MODE,2,TSB", b"OK: CH2 mode TSB", b"MODE,2", b"TSB"),
        ("output_1", True, b"ON,1", b"OK: CH1 on", b"STATUS,1", b"ON"),
        ("output_2", False, b"OFF,2", b"OK", b"STATUS,2", b"OFF"),
    ],
)
def test_setting(synthesiser, name, value, command, answer, question, reading):
    device = synthesiser(
        *GREETING, (command + b"\r\n", answer + b"\r\n"), (question + b"\r\n", reading + b"\r\n")
    )
    actual = device.set(name, value)
    assert actual == (pytest.approx(value, abs=0.15) if isinstance(value, float) else value)


def test_the_word_is_compared_and_not_the_digits(synthesiser):
    answer = b"OK: CH1 freq now 80.00000007 MHz (0x147AE149)\r\n"
    device = synthesiser(*GREETING, (b"FREQ,1,80MHz\r\n", answer))
    with pytest.raises(ReadBackError) as caught:
        device.set("frequency_1", 80e6)
    assert caught.value.actual == pytest.approx(80000000.307, abs=1e-3)
    assert "frequency_1 was set to 80 MHz but reads 80.0000003" in str(caught.value)


def test_a_value_that_was_not_taken(synthesiser):
    device = synthesiser(*GREETING, (b"POW,1,10.00dBm\r\n", b"OK: done\r\n"), (b"POW,1\r\n", b"0.00 dBm\r\n"))
    with pytest.raises(ReadBackError, match="power_1 was set to 10 dBm but reads 0 dBm"):
        device.set("power_1", 10.0)


def test_a_refusal(synthesiser):
    refusal = (b"FREQ,1,20MHz\r\n", b"ERR: Frequency 20.00 MHz out of range\r\n")
    device = synthesiser(*GREETING, refusal)
    with pytest.raises(Refused) as caught:
        device.set("frequency_1", 20e6)
    assert str(caught.value) == (
        f"aom_rf ({device.address}) refused 'FREQ,1,20MHz' with error 0: Frequency 20.00 MHz out of range. "
        "What it was set to before still holds."
    )
    assert (device.state, device.wanted) == (State.UP, {})


@pytest.mark.parametrize(
    ("name", "value", "limit", "origin"),
    [
        ("frequency_1", 10e6, 20e6, "driver"),
        ("frequency_1", 401e6, 400e6, "driver"),
        ("power_1", 33.1, 33.0, "instrument"),
        ("power_2", 30.1, 30.0, "instrument"),
        ("power_2", 20.1, 20.0, "site"),
        ("power_2", math.nan, 30.0, "instrument"),
        ("phase_1", 1.1, 1.0, "driver"),
    ],
)
def test_limits(synthesiser, name, value, limit, origin):
    device = synthesiser(*GREETING, limits={"power_2": (-60.0, 20.0)} if origin == "site" else {})
    device.identify()
    with pytest.raises(LimitError) as caught:
        device.set(name, value)
    assert (caught.value.limit, caught.value.origin) == (limit, origin)


@pytest.mark.parametrize("name", ["power_limit_1", "temperature_1"])
def test_what_can_be_read_only(synthesiser, name):
    with pytest.raises(UsageError, match="can be read only"):
        synthesiser().set(name, 1.0)


@pytest.mark.parametrize(
    ("name", "question", "garbage"),
    [
        ("frequency_1", b"FREQ,1", b"80.0x MHz"),
        ("frequency_1", b"FREQ,1", b"80.0 dBm"),
        ("frequency_1", b"FREQ,1", b""),
        ("frequency_1", b"FREQ,1", b"\xff0 MHz"),
        ("power_1", b"POW,1", b"0 mW"),
        ("power_1", b"POW,1", b"nan dBm"),
        ("mode_1", b"MODE,1", b"NSX"),
        ("output_1", b"STATUS,1", b"what"),
        ("temperature_1", b"TEMP", b"ch2:30.4 C"),
    ],
)
def test_garbage_is_asked_again_once(synthesiser, name, question, garbage):
    good = {
        "frequency_1": b"80 MHz",
        "power_1": b"3 dBm",
        "mode_1": b"NSB",
        "output_1": b"ON",
        "temperature_1": b"ch1:3 C",
    }
    device = synthesiser(
        *GREETING,
        (question + b"\r\n", garbage + b"\r\n"),
        *GREETING,
        (question + b"\r\n", good[name] + b"\r\n"),
    )
    assert device.read(name) in {80e6, 3.0, "NSB", True}


def test_a_command_without_ok(synthesiser):
    device = synthesiser(*GREETING, (b"ON,1\r\n", b"80 MHz\r\n"))
    with pytest.raises(BadReply, match=r"the answer '80 MHz' is not OK \(tried to send ON,1\)"):
        device.set("output_1", True)


@pytest.mark.parametrize("cut", range(1, 30))
def test_answers_may_come_in_two_pieces_cut_anywhere(synthesiser, cut):
    reply = b"80.00000009 MHz (0x147AE148)\r\n"
    device = synthesiser(*GREETING, (b"FREQ,1\r\n", reply[:cut], reply[cut:]))
    assert device.read("frequency_1") == WORD / 2**32 * 1e9


def test_a_late_answer_does_not_answer_the_next_question(synthesiser):
    device = synthesiser(*GREETING, (b"FREQ,1\r\n",), *GREETING, (b"FREQ,2\r\n", b"110 MHz\r\n"))
    with pytest.raises(LinkTimeout, match="nothing came"):
        device.read("frequency_1")
    device.peer.say(b"80 MHz\r\n")
    assert device.read("frequency_2") == 110e6


def test_frequencies_come_back_after_a_power_cycle_but_no_light(synthesiser):
    freq = (b"FREQ,1,80MHz\r\n", b"OK: CH1 freq now 80.00000007 MHz (0x147AE148)\r\n")
    right, wrong = (b"FREQ,1\r\n", b"80 MHz\r\n"), (b"FREQ,1\r\n", b"20 MHz\r\n")
    device = synthesiser(
        *GREETING,
        freq,
        right,
        (b"ON,1\r\n", b"OK: on\r\n"),
        (b"STATUS,1\r\n", b"ON\r\n"),
        (b"FREQ,2\r\n",),
        HANG_UP,
        *GREETING,
        wrong,
        (b"STATUS,1\r\n", b"OFF\r\n"),
        freq,
        (b"FREQ,2\r\n", b"110 MHz\r\n"),
    )
    device.set("frequency_1", 80e6)
    device.set("output_1", True)
    with pytest.raises(LinkDown):
        device.read("frequency_2")
    assert device.read("frequency_2") == 110e6
    assert device.trouble == "while the link was down: output_1 is False, not True"


def test_checking(synthesiser):
    assert synthesiser(*GREETING, TEMPERATURES).check() is State.UP


def test_parking_switches_both_channels_off(synthesiser):
    device = synthesiser(*GREETING, (b"OFF,2\r\n", b"OK: off\r\n"), (b"OFF,1\r\n", b"OK: off\r\n"))
    assert device.park() == "both channels are off"
    assert device.wanted == {"output_1": False, "output_2": False}


def test_a_channel_that_stumbles_does_not_keep_the_other_on(synthesiser):
    device = synthesiser(*GREETING, (b"OFF,2\r\n", b"ERR: busy\r\n"), (b"OFF,1\r\n", b"OK: off\r\n"))
    with pytest.raises(Refused, match="refused 'OFF,2' with error 0: busy"):
        device.park()
    assert device.wanted == {"output_1": False}


def test_what_somebody_else_set_is_not_switched_on_beyond_the_limits_of_the_site(synthesiser):
    device = synthesiser(*GREETING, (b"POW,1\r\n", b"29.00 dBm\r\n"), limits={"power_1": (-50.0, 20.0)})
    with pytest.raises(NotReady, match="on while power_1 is 29 dBm: the site allows "):
        device.set("output_1", True)


def test_limits_are_asked_for_twice_where_a_byte_can_be_lost(tcp_peer):
    first, second = LIMITS
    peer = tcp_peer(INFO, VERSION, first, (first[0], b"3.00 dBm\r\n"), first, second, second)
    link = open_link(peer.serial_resource, "aom_rf", line=MogArf.LINE)
    with MogArf("aom_rf", link) as device:
        device.identify()
        assert device.range("power_1").high == 33.0
