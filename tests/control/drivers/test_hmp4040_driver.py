"""The HMP4040 driver against a scripted supply on a socket; bytes of the sheet."""

from __future__ import annotations

import math

import pytest

from control.device import State
from control.drivers.hmp4040 import Hmp4040
from control.errors import (
    IdentityError,
    LimitError,
    LinkDown,
    LinkTimeout,
    NotReady,
    ReadBackError,
    Refused,
    UsageError,
)

HANG_UP = ()
IDN = (b"*IDN?\n", b"ROHDE&SCHWARZ,HMP4040,101545,HW50010003/SW2.62\n")
NO_ERROR = (b"SYST:ERR?\n", b'0,"No error"\n')
QUIET = (b"*ESR?\n", b"0\n")
STARTED = (b"*ESR?\n", b"128\n")


def ask(question, answer):
    return question.encode() + b"\n", answer.encode() + b"\n"


def told(command):
    """Return the steps of a command that is obeyed."""
    return (command.encode() + b"\n",), (b"*OPC?\n", b"1\n"), NO_ERROR


def refused(command, error='-222,"Data out of range"'):
    return (command.encode() + b"\n",), (b"*OPC?\n", b"1\n"), ask("SYST:ERR?", error), NO_ERROR


MIX = told("SYST:MIX")


@pytest.fixture
def supply(begin, tcp_peer):
    """Start a scripted supply and return a device for it; closed afterwards."""

    def make(*script, **options):
        return begin(Hmp4040, tcp_peer(*script), name="coils", **options)

    return make


GREETING = (IDN, STARTED, NO_ERROR, *MIX)
MET_ANEW = (STARTED, IDN, NO_ERROR, *MIX)
"""After a power cycle behind a link that stayed up."""


def test_identity(supply):
    device = supply(*GREETING)
    found = device.identify()
    assert (found.maker, found.model, found.serial_number) == ("ROHDE&SCHWARZ", "HMP4040", "101545")
    assert device.state is State.UP


def test_another_supply(supply):
    with pytest.raises(IdentityError, match="the serial number is '101545', not '1'"):
        supply(IDN, serial_number="1").identify()


READINGS = [
    ("voltage_1", "INST:NSEL 1;:VOLT?", "3.300", 3.3),
    ("current_2", "INST:NSEL 2;:CURR?", "1.0000", 1.0),
    ("output_3", "INST:NSEL 3;:OUTP:SEL?", "1", True),
    ("voltage_actual_4", "INST:NSEL 4;:MEAS:VOLT?", "3.299", 3.299),
    ("current_actual_4", "INST:NSEL 4;:MEAS:CURR?", "0.0000", 0.0),
    ("protection_1", "INST:NSEL 1;:VOLT:PROT?", "32.50", 32.5),
    ("protection_tripped_1", "INST:NSEL 1;:VOLT:PROT:TRIP?", "0", False),
    ("fuse_2", "INST:NSEL 2;:FUSE?", "1", True),
    ("fuse_tripped_2", "INST:NSEL 2;:FUSE:TRIP?", "0", False),
    ("master", "OUTP:GEN?", "1", True),
]


@pytest.mark.parametrize(("name", "question", "answer", "value"), READINGS)
def test_reading(supply, name, question, answer, value):
    assert supply(*GREETING, ask(question, answer)).read(name) == value


def test_every_kind_of_setting_is_read_in_a_test():
    kinds = {setting.name.rstrip("_1234") for setting in Hmp4040.SETTINGS}
    assert {name.rstrip("_1234") for name, *_ in READINGS} == kinds


def test_currents_are_not_brought_back_by_themselves():
    assert not any(setting.restore for setting in Hmp4040.SETTINGS)


@pytest.mark.parametrize(
    ("name", "value", "header", "sent", "answer"),
    [
        ("voltage_1", 3.3, "INST:NSEL 1;:VOLT", "3.300", "3.300"),
        ("current_2", 1.0, "INST:NSEL 2;:CURR", "1.0000", "1.0000"),
        ("current_2", 0.0005, "INST:NSEL 2;:CURR", "0.0005", "0.0005"),
        ("output_3", True, "INST:NSEL 3;:OUTP:SEL", "1", "1"),
        ("output_3", False, "INST:NSEL 3;:OUTP:SEL", "0", "0"),
        ("master", True, "OUTP:GEN", "1", "1"),
        ("protection_4", 12.0, "INST:NSEL 4;:VOLT:PROT", "12.000", "12.00"),
        ("fuse_4", True, "INST:NSEL 4;:FUSE", "1", "1"),
    ],
)
def test_channel_and_command_travel_in_one_line(supply, name, value, header, sent, answer):
    device = supply(*GREETING, QUIET, *told(f"{header} {sent}"), ask(f"{header}?", answer))
    assert device.set(name, value) == value


@pytest.mark.parametrize(
    ("name", "value", "limit", "origin"),
    [
        ("voltage_1", 32.06, 32.05, "driver"),
        ("current_1", 0.0, 0.0005, "driver"),
        ("current_2", 4.1, 4.0, "site"),
    ],
)
def test_limits_of_driver_and_site(supply, name, value, limit, origin):
    with pytest.raises(LimitError) as caught:
        supply(limits={"current_2": (0.0, 4.0)}).set(name, value)
    assert (caught.value.limit, caught.value.origin) == (limit, origin)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_nothing_but_finite_numbers(supply, value):
    with pytest.raises(LimitError, match="not a finite number"):
        supply().set("current_1", value)


def test_a_refused_value(supply):
    device = supply(*GREETING, QUIET, *refused("INST:NSEL 1;:VOLT 31.000"))
    with pytest.raises(
        Refused, match=r"refused 'INST:NSEL 1;:VOLT 31\.000' with error -222: Data out of range"
    ):
        device.set("voltage_1", 31.0)
    assert device.wanted == {}


def test_a_value_that_was_not_taken(supply):
    told_so = told("INST:NSEL 1;:CURR 2.0000")
    device = supply(*GREETING, QUIET, *told_so, ask("INST:NSEL 1;:CURR?", "1.0000"))
    with pytest.raises(ReadBackError, match="current_1 was set to 2 A but reads 1 A"):
        device.set("current_1", 2.0)


MASTER_IS_ON = ask("OUTP:GEN?", "1")
OVEN = (
    MASTER_IS_ON,
    *told("ARB:STOP 3"),
    *told("INST:NSEL 3;:VOLT 0.000"),
    *told("ARB:DATA 5.000,4.5000,10.00,5.000,4.5000,10.00,0.000,0.0005,0.06"),
    *told("ARB:REP 1"),
    *told("ARB:TRAN 3"),
    *told("INST:NSEL 3;:OUTP:SEL 1"),
    *told("OUTP:GEN 1"),
    *told("ARB:STAR 3"),
)
COLD = (*told("ARB:STOP 3"), *told("INST:NSEL 3;:VOLT 0.000"), *told("INST:NSEL 3;:OUTP:SEL 0"))


def test_an_oven_goes_cold_by_the_clock_of_the_supply(supply):
    device = supply(*GREETING, QUIET, *OVEN)
    device.perform("heat", 3, voltage=5.0, current=4.5, seconds=20.0)
    assert device.wanted == {"voltage_3": 0.0, "output_3": True, "master": True}


def test_an_oven_is_parked_and_coils_are_not(supply):
    device = supply(*GREETING, QUIET, *OVEN, *COLD)
    device.heat(3, 5.0, 4.5, 20.0)
    assert device.park() == "ovens that were heated go off; coils stay as they are"
    assert device.park() == device.PARKING


def test_cooling_in_any_trouble(supply):
    device = supply(*GREETING, *MET_ANEW, *COLD)
    assert device.check() is State.DEGRADED
    device.perform("cool", 3)
    assert device.wanted == {"voltage_3": 0.0, "output_3": False}


def test_an_oven_is_not_heated_after_a_power_cycle(supply):
    device = supply(*GREETING, *MET_ANEW)
    with pytest.raises(NotReady, match="its outputs are off, the field is gone"):
        device.heat(3, 5.0, 4.5, 20.0)


@pytest.mark.parametrize("seconds", [0.0, 30.1, math.nan, math.inf])
def test_the_time_of_heating_is_bounded(supply, seconds):
    with pytest.raises(LimitError, match=r"coils .*: time of heating cannot be"):
        supply().heat(3, 5.0, 4.5, seconds)


def test_the_limits_of_the_site_hold_for_ovens(supply):
    with pytest.raises(LimitError, match=r"current_3 cannot be 4\.5 A: above 4 A, the limit of the site"):
        supply(limits={"current_3": (0.0, 4.0)}).heat(3, 5.0, 4.5, 20.0)


@pytest.mark.parametrize("channel", [0, 5])
def test_a_channel_that_cannot_be(supply, channel):
    device = supply()
    for action in (lambda: device.heat(channel, 5.0, 1.0, 1.0), lambda: device.cool(channel)):
        with pytest.raises(UsageError, match=rf"there is no channel {channel}\. Channels are 1 to 4"):
            action()


def test_a_time_table_that_is_refused_leaves_nothing_on(supply):
    device = supply(*GREETING, QUIET, *OVEN[:7], *refused("ARB:DATA 5.000,4.5000,5.00,0.000,0.0005,0.06"))
    with pytest.raises(Refused, match="ARB:DATA"):
        device.heat(3, 5.0, 4.5, 5.0)
    assert device.wanted == {"voltage_3": 0.0}


@pytest.mark.parametrize("garbage", [b"3.3O0\n", b"\n", b"3.300V\n", b"\xff3.300\n", b"9.91E37\n"])
def test_garbage_is_asked_again_on_a_new_connection(supply, garbage):
    question = b"INST:NSEL 1;:VOLT?\n"
    again = (IDN, QUIET, NO_ERROR, *MIX)
    device = supply(*GREETING, (question, garbage), HANG_UP, *again, (question, b"3.300\n"))
    assert device.read("voltage_1") == 3.3


ANSWER = b"32.050\r\n"


def test_answers_may_come_in_two_pieces_cut_anywhere(supply):
    cuts = [(b"INST:NSEL 1;:VOLT?\n", ANSWER[:cut], ANSWER[cut:]) for cut in range(1, len(ANSWER))]
    device = supply(*GREETING, *cuts)
    assert {device.read("voltage_1") for _ in cuts} == {32.05}


def test_a_late_answer_does_not_answer_the_next_question(supply):
    question = b"INST:NSEL 1;:VOLT?\n"
    again = (IDN, QUIET, NO_ERROR, *MIX)
    device = supply(*GREETING, (question,), *again, ask("INST:NSEL 2;:CURR?", "1.0000"))
    with pytest.raises(LinkTimeout):
        device.read("voltage_1")
    assert device.state is State.DIRTY
    assert device.read("current_2") == 1.0


def test_a_power_cycle(supply):
    on = (QUIET, *told("INST:NSEL 1;:OUTP:SEL 1"), ask("INST:NSEL 1;:OUTP:SEL?", "1"))
    off = ask("INST:NSEL 1;:OUTP:SEL?", "0")
    device = supply(*GREETING, *on, HANG_UP, *GREETING, off, ask("OUTP:GEN?", "0"))
    device.set("output_1", True)
    with pytest.raises(LinkDown):
        device.check()
    assert device.read("master") is False
    assert device.state is State.DEGRADED
    assert device.trouble == (
        "it was switched off and on again: its outputs are off, the field is gone; "
        "while the link was down: output_1 is False, not True"
    )


def test_an_oven_goes_off_though_its_time_table_does_not(supply):
    busy = refused("ARB:STOP 3", '-221,"Settings conflict"')
    device = supply(*GREETING, *busy, *told("INST:NSEL 3;:OUTP:SEL 0"))
    with pytest.raises(Refused, match="Settings conflict"):
        device.cool(3)
    assert device.wanted == {"output_3": False}


def is_on(number, digit):
    return ask(f"INST:NSEL {number};:OUTP:SEL?", digit)


def test_an_oven_does_not_switch_coils_on(supply):
    armed = (is_on(1, "1"), is_on(2, "0"), is_on(4, "1"))
    device = supply(*GREETING, QUIET, ask("OUTP:GEN?", "0"), *armed)
    with pytest.raises(NotReady) as caught:
        device.heat(3, 5.0, 4.5, 20.0)
    assert str(caught.value) == (
        f"coils ({device.address}): cannot heat with channel 3: the master is off, and would switch on with "
        "it: output_1, output_4. Switch these off, or the master on, then heat again."
    )
    assert device.wanted == {}


def test_an_oven_alone_may_have_the_master_switched_on(supply):
    others = (is_on(1, "0"), is_on(2, "0"), is_on(4, "0"))
    device = supply(*GREETING, QUIET, ask("OUTP:GEN?", "0"), *others, *OVEN[1:])
    device.heat(3, 5.0, 4.5, 20.0)
    assert device.wanted["master"] is True


@pytest.mark.parametrize("switch", ["output_2", "master"])
def test_what_somebody_else_set_is_not_switched_on_beyond_the_limits_of_the_site(supply, switch):
    turned_up = ask("INST:NSEL 2;:CURR?", "5.0000")
    device = supply(*GREETING, QUIET, turned_up, limits={"current_2": (0.0, 4.0)})
    with pytest.raises(NotReady, match="on while current_2 is 5 A: the site allows "):
        device.set(switch, True)
    assert device.wanted == {}
