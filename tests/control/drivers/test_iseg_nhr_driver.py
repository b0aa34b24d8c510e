"""The iseg driver against scripted modules on a pseudo-terminal; bytes of the sheet, echoes included."""

from __future__ import annotations

import math
import threading

import pytest

from control.device import State
from control.device.settings import Range
from control.drivers.iseg_nhr import CHANNELS, IsegNhr
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
from control.transport import open_link

HANG_UP = ()
PATIENCE = 5.0  # s that a broken test may hang
GOOD = "31744"  # bits 10 to 14: safety loop, module, supply and temperature are good
QUIET = "0"


def say(line):
    return line.encode() + b"\r\n", line.encode() + b"\r\n"


def ask(question, answer):
    request, echo = say(question)
    return request, echo + answer.encode() + b"\r\n"


def volt(channel, answer):
    return ask(f":MEAS:VOLT? (@{channel})", answer)


def events(channel, bits=QUIET):
    return ask(f":READ:CHAN:EV:STAT? (@{channel})", bits)


def status(channel, bits):
    return ask(f":READ:CHAN:STAT? (@{channel})", bits)


IDN = ask("*IDN?", "iseg Spezialelektronik GmbH,NR040060r4050000200,8200005,1.74")
UNCHANGED = ask(":READ:MOD:EV:STAT?", "0")
SUPPLY_CAME = (ask(":READ:MOD:EV:STAT?", "8192"), say(":CONF:EV CLEAR"))
LOOP_CLOSED = ask(":READ:MOD:STAT?", GOOD)
LOOP_OPEN = ask(":READ:MOD:STAT?", "30720")
FOUR = ask(":READ:MOD:CHAN?", "4")
LIMITS = tuple(
    step
    for n in CHANNELS
    for step in (
        ask(f":READ:VOLT:NOM? (@{n})", "2.00000E3V"),
        ask(f":READ:VOLT:LIM? (@{n})", "1.80000E3V" if n else "50.0000E0%"),
        ask(f":READ:CURR:NOM? (@{n})", "20.0000E-3A"),
    )
)
GREETING = (IDN, UNCHANGED, FOUR, *LIMITS)
OFF = ask(":READ:VOLT:ON? (@1)", "0")
ON = ask(":READ:VOLT:ON? (@1)", "1")
SPEED = ask(":READ:RAMP:VOLT? (@1)", "100.000E0V/s")


def ready(channel=1):
    return UNCHANGED, events(channel), LOOP_CLOSED, events(channel)


def told(line, channel=1):
    """Return the steps of a command that is obeyed."""
    return say(line), events(channel), events(channel)


@pytest.fixture
def module(begin, pty_peer):
    """Start a scripted module and return a device for it; closed afterwards."""

    def make(*script, **options):
        return begin(IsegNhr, pty_peer(*script), name="endcaps", **options)

    return make


def test_identity(module):
    device = module(*GREETING)
    found = device.identify()
    assert (found.maker, found.model) == ("iseg Spezialelektronik GmbH", "NHR")
    assert (found.serial_number, found.firmware) == ("8200005", "1.74")
    assert device.state is State.UP


def test_another_module(module):
    with pytest.raises(IdentityError, match="the serial number is '8200005', not '8200006'"):
        module(IDN, serial_number="8200006").identify()


def test_another_instrument(module):
    with pytest.raises(IdentityError, match="the model is 'DG645', not 'NHR or NHS or SHR'"):
        module(ask("*IDN?", "SRS,DG645,1,2")).identify()


READINGS = [
    ("voltage_1", ":READ:VOLT? (@1)", "5.00000E2V", 500.0),
    ("voltage_actual_3", ":MEAS:VOLT? (@3)", "-1.00000E-1V", -0.1),
    ("output_0", ":READ:VOLT:ON? (@0)", "1", True),
    ("current_2", ":READ:CURR? (@2)", "1.00000E-3A", 1e-3),
    ("current_actual_2", ":MEAS:CURR? (@2)", "-3.2E-9A", -3.2e-9),
    ("ramp_0", ":READ:RAMP:VOLT? (@0)", "100.000E0V/s", 100.0),
    ("polarity_0", ":CONF:OUTP:POL? (@0)", "n", "negative"),
    ("status_1", ":READ:CHAN:STAT? (@1)", "152", "on, ramping, constant voltage"),
    ("status_1", ":READ:CHAN:STAT? (@1)", "0", "off"),
    ("temperature", ":READ:MOD:TEMP?", "31.2C", 31.2),
    ("safety_loop_closed", ":READ:MOD:STAT?", GOOD, True),
]


@pytest.mark.parametrize(("name", "question", "answer", "value"), READINGS)
def test_reading(module, name, question, answer, value):
    assert module(*GREETING, ask(question, answer)).read(name) == value


def test_every_kind_of_setting_is_read_in_a_test():
    kinds = {setting.name.rstrip("_0123456789") for setting in IsegNhr.SETTINGS}
    assert {name.rstrip("_0123456789") for name, *_ in READINGS} == kinds


def test_nothing_is_set_again_by_itself():
    assert not any(setting.restore for setting in IsegNhr.SETTINGS)


@pytest.mark.parametrize(
    ("name", "value", "command", "question", "answer"),
    [
        ("current_1", 1e-3, ":CURR 1.000000E-03,(@1)", ":READ:CURR? (@1)", "1.00000E-3A"),
        ("ramp_1", 50.0, ":CONF:RAMP:VOLT 5.000000E+01,(@1)", ":READ:RAMP:VOLT? (@1)", "50.0000E0V/s"),
    ],
)
def test_setting(module, name, value, command, question, answer):
    device = module(*GREETING, *ready(), *told(command), ask(question, answer))
    assert device.set(name, value) == value


def test_a_set_point_of_an_output_that_is_off(module):
    set_point = ask(":READ:VOLT? (@1)", "5.00000E2V")
    device = module(*GREETING, *ready(), OFF, *told(":VOLT 5.000000E+02,(@1)"), set_point)
    assert device.set("voltage_1", 500.0) == 500.0


def test_a_voltage_ramps_and_is_waited_for(module):
    way = (
        *(volt(1, "1.00000E2V"), status(1, "24"), events(1)),
        *(volt(1, "3.00000E2V"), status(1, "24"), events(1)),
        # still ramping, though it is there
        *(volt(1, "4.99900E2V"), status(1, "24"), events(1)),
        *(volt(1, "4.99950E2V"), status(1, "136")),
    )
    device = module(
        *GREETING,
        *ready(),
        ON,
        SPEED,
        volt(1, "1.00000E2V"),
        *told(":VOLT 5.000000E+02,(@1)"),
        *way,
        ask(":READ:VOLT? (@1)", "5.00000E2V"),
    )
    assert device.set("voltage_1", 500.0) == 500.0
    assert device.time.now == pytest.approx(100.3)


def test_switching_on_ramps_to_the_set_point(module):
    device = module(
        *GREETING,
        *ready(),
        ask(":READ:VOLT? (@1)", "-5.00000E2V"),
        SPEED,
        volt(1, "0.00000E0V"),
        *told(":VOLT ON,(@1)"),
        *(volt(1, "-5.00010E2V"), status(1, "136")),
        ON,
    )
    assert device.set("output_1", True) is True


DOWN = (say(":VOLT OFF,(@1)"), SPEED, volt(1, "5.00000E2V"), volt(1, "0.10000E0V"), status(1, "1"))


def test_switching_off_ramps_too(module):
    device = module(*GREETING, *ready(), *DOWN, OFF)
    assert device.set("output_1", False) is False


def test_off_is_not_refused_for_an_alarm(module):
    tripped = (UNCHANGED, events(0), events(1, "8192"), events(2), events(3), LOOP_CLOSED)
    device = module(*GREETING, *tripped, *DOWN)
    assert device.check() is State.DEGRADED
    device.perform("switch_off", 1)
    assert device.wanted == {"output_1": False}


@pytest.mark.parametrize("channel", [4, -1, "0"])
def test_a_channel_that_cannot_be(module, channel):
    with pytest.raises(UsageError, match=r"there is no channel .*\. Channels are 0 to 3\."):
        module().switch_off(channel)


def test_a_ramp_that_would_take_too_long(module):
    slow = ask(":READ:RAMP:VOLT? (@1)", "1.00000E0V/s")
    device = module(*GREETING, *ready(), ON, slow, volt(1, "0.00000E0V"))
    with pytest.raises(NotReady) as caught:
        device.set("voltage_1", 1000.0)
    assert str(caught.value) == (
        f"endcaps ({device.address}): cannot ramp channel 1 to 1000 V: that takes 1000 s, longer than 300 s. "
        "Go in shorter stretches, or raise ramp_1."
    )
    assert device.wanted == {}


def test_a_voltage_that_does_not_arrive(module):
    way = [step for _ in range(5) for step in (volt(1, "3.20000E2V"), status(1, "72"), events(1))]
    device = module(
        *GREETING,
        *ready(),
        ON,
        SPEED,
        volt(1, "1.00000E2V"),
        *told(":VOLT 5.000000E+02,(@1)"),
        *way,
        stride=2.0,
    )
    with pytest.raises(
        ReadBackError, match=r"voltage_actual_1 was set to 500 V but reads 320 V \(tolerance 2 V"
    ):
        device.set("voltage_1", 500.0)
    assert device.wanted == {"voltage_1": 500.0}
    assert device.state is State.DEGRADED
    assert device.trouble == "channel 1 stays at 320 V on its way to 500 V: on, constant current"


def test_a_trip_during_the_ramp(module):
    device = module(
        *GREETING,
        *ready(),
        ON,
        SPEED,
        volt(1, "1.00000E2V"),
        *told(":VOLT 5.000000E+02,(@1)"),
        *(volt(1, "0.00000E0V"), status(1, "0"), events(1, "8192")),
    )
    with pytest.raises(Refused) as caught:
        device.set("voltage_1", 500.0)
    assert str(caught.value) == (
        f"endcaps ({device.address}) refused ':VOLT 5.000000E+02,(@1)' with error 13: current trip. "
        "The channel is off, or about to be: look why, then call clear_events()."
    )
    assert device.trouble == "channel 1 had: current trip"
    assert device.wanted == {"voltage_1": 500.0}  # the module was told so


def test_a_refused_value_shows_in_the_events(module):
    refused = (say(":CURR 1.000000E-03,(@1)"), events(1), events(1, "4"), say(":EV CLEAR,(@1)"))
    device = module(*GREETING, *ready(), *refused)
    with pytest.raises(Refused) as caught:
        device.set("current_1", 1e-3)
    assert str(caught.value) == (
        f"endcaps ({device.address}) refused ':CURR 1.000000E-03,(@1)' with error 2: input error: out of "
        "range, or not allowed now. What it was set to before still holds."
    )
    assert device.state is State.UP


def test_the_mistakes_of_others_are_not_blamed_on_us(module):
    before = (UNCHANGED, events(1, "4"), LOOP_CLOSED, events(1, "4"), say(":EV CLEAR,(@1)"))
    obeyed = (*told(":CURR 1.000000E-03,(@1)"), ask(":READ:CURR? (@1)", "1.00000E-3A"))
    assert module(*GREETING, *before, *obeyed).set("current_1", 1e-3) == 1e-3


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ((UNCHANGED, events(1, "8192"), LOOP_CLOSED), "channel 1 had: current trip"),
        ((UNCHANGED, events(1, "4128"), LOOP_CLOSED), "channel 1 had: emergency off, external inhibit"),
        ((UNCHANGED, events(1), LOOP_OPEN), "its safety loop is open"),
        (
            (*SUPPLY_CAME, IDN, FOUR, *LIMITS, events(1), LOOP_CLOSED),
            "it was without power: its outputs are off and its set points are gone",
        ),
    ],
)
def test_nothing_is_set_after_an_alarm(module, steps, reason):
    device = module(*GREETING, *steps)
    with pytest.raises(NotReady) as caught:
        device.set("current_1", 1e-3)
    assert str(caught.value) == (
        f"endcaps ({device.address}): cannot set current_1: {reason}. "
        "Look at the electrodes and the module, then call clear_events()."
    )
    assert device.state is State.DEGRADED


ALL_QUIET = (*(events(n) for n in CHANNELS), LOOP_CLOSED)


def test_clearing_events(module):
    clear = [step for n in CHANNELS for step in (status(n, "1"), say(f":EV CLEAR,(@{n})"))]
    tripped = (UNCHANGED, events(0), events(1, "8192"), events(2), events(3), LOOP_CLOSED)
    device = module(*GREETING, *tripped, *clear, say(":CONF:EV CLEAR"), *ALL_QUIET)
    device.check()
    device.perform("clear_events")
    assert device.state is State.UP


def test_an_alarm_whose_cause_is_still_there(module):
    clear = [step for n in CHANNELS for step in (status(n, "1"), say(f":EV CLEAR,(@{n})"))]
    device = module(*GREETING, *clear, say(":CONF:EV CLEAR"), *(events(n) for n in CHANNELS), LOOP_OPEN)
    with pytest.raises(NotReady, match="cannot clear the events: its safety loop is open"):
        device.clear_events()


@pytest.mark.parametrize("understood", ["EMCY OFF", "EMCY_OFF"])
def test_emergency_off(module, understood):
    steps = []
    for n in CHANNELS:
        for word in ("EMCY OFF", "EMCY_OFF"):
            steps += [say(f":VOLT {word},(@{n})"), status(n, "32" if word == understood else "0")]
            if word == understood:
                break
    device = module(*GREETING, *steps)
    device.identify()
    device.perform("emergency_off")
    assert device.trouble == "emergency off: call clear_events() when it is safe"


def test_an_emergency_off_that_is_not_obeyed(module):
    def order(channel, bits):
        return [
            step
            for word in ("EMCY OFF", "EMCY_OFF")
            for step in (say(f":VOLT {word},(@{channel})"), status(channel, bits))
        ]

    off = {n: order(n, "32")[:2] for n in (1, 3)}
    on = {n: order(n, "8") for n in (0, 2)}
    device = module(*GREETING, *on[0], *off[1], *on[2], *off[3], *on[0], *on[2])
    with pytest.raises(Refused) as caught:
        device.emergency_off()
    assert str(caught.value) == (
        f"endcaps ({device.address}) refused ':VOLT EMCY OFF' with error 5: channel 0, 2 may still be on, "
        "and the logbook tells why. Use the switch of the module."
    )
    assert "channel 0 is not off yet" in "\n".join(entry.text for entry in device.logbook)
    assert device.trouble == "emergency off: call clear_events() when it is safe"


def test_a_channel_that_stumbles_does_not_keep_the_others_on(module):
    off = {n: (say(f":VOLT EMCY OFF,(@{n})"), status(n, "32")) for n in CHANNELS}
    harmed = (off[0][0][0], b"x" + off[0][0][1])
    device = module(*GREETING, harmed, RESYNCHRONISED, *off[1], *off[2], *off[3], *off[0])
    device.identify()
    device.emergency_off()
    assert device.state is State.DEGRADED


def test_what_is_to_be_safe_does_not_wait_for_a_ramp(module):
    way = (volt(1, "1.10000E2V"), status(1, "24"), events(1))
    off = [step for n in CHANNELS for step in (say(f":VOLT EMCY OFF,(@{n})"), status(n, "32"))]
    found = ask(":READ:VOLT? (@1)", "5.00000E2V")
    device = module(
        *(*GREETING, *ready(), ON, SPEED, volt(1, "1.00000E2V"), *told(":VOLT 5.000000E+02,(@1)"), *way),
        *(found, *off),
    )
    waiting, broken_off = threading.Event(), []

    def sleep(seconds):
        waiting.set()
        assert device._overtaking.wait(PATIENCE), "nobody overtakes"

    def ramp():
        try:
            device.set("voltage_1", 500.0)
        except NotReady as error:
            broken_off.append(str(error))

    device._sleep = sleep
    thread = threading.Thread(target=ramp)
    thread.start()
    assert waiting.wait(PATIENCE)
    device.emergency_off()
    thread.join(PATIENCE)
    assert broken_off == [
        f"endcaps ({device.address}): cannot go on waiting: somebody wants it safe. "
        "See what was done, then start again."
    ]
    # The set point is what the module was told; outputs come back by nobody's wish.
    assert device.wanted == {"voltage_1": 500.0, **{f"output_{n}": False for n in CHANNELS}}


def test_what_somebody_else_set_is_not_switched_on_beyond_the_limits_of_the_site(module):
    turned_up = ask(":READ:VOLT? (@1)", "2.50000E2V")
    device = module(*GREETING, *ready(), turned_up, limits={"voltage_1": (0.0, 100.0)})
    with pytest.raises(NotReady, match="on while voltage_1 is 250 V: the site allows "):
        device.set("output_1", True)


def test_what_decides_is_asked_for_twice_where_a_byte_can_be_lost(pty_peer):
    nominal, *others = LIMITS
    harmed = ask(":READ:VOLT:NOM? (@0)", "2.00000E4V")
    twice = [step for step in (UNCHANGED, FOUR, *others) for _ in range(2)]
    no_trip = [events(0, "8192"), events(0), events(0)]
    quiet = [step for step in (events(1), events(2), events(3), LOOP_CLOSED) for _ in range(2)]
    peer = pty_peer(
        *(IDN, *twice[:4], nominal, harmed, nominal, *twice[4:]),
        *(UNCHANGED, UNCHANGED, *no_trip, *quiet),
    )
    with IsegNhr("endcaps", open_link(peer.resource, "endcaps", line=IsegNhr.LINE)) as device:
        assert device.check() is State.UP
        assert device.range("voltage_0").high == 1000.0


def test_three_answers_that_differ_are_none(pty_peer):
    counts = [ask(":READ:MOD:CHAN?", count) for count in "421"]
    peer = pty_peer(IDN, UNCHANGED, UNCHANGED, *counts)
    link = open_link(peer.resource, "endcaps", line=IsegNhr.LINE)
    unlike = pytest.raises(BadReply, match="the answer '4, 2, 1' is not the same answer twice")
    with IsegNhr("endcaps", link) as device, unlike:
        device.identify()


def test_the_end_of_an_emergency(module):
    clear = []
    for n in CHANNELS:
        clear += [status(n, "32"), say(f":VOLT EMCY CLR,(@{n})"), status(n, "1"), say(f":EV CLEAR,(@{n})")]
    device = module(*GREETING, *clear, say(":CONF:EV CLEAR"), *ALL_QUIET)
    device.clear_events()
    assert device.state is State.UP


def test_polarity(module):
    discharged = (volt(1, "2.00000E-1V"), OFF)
    device = module(
        *GREETING,
        *ready(),
        *discharged,
        *told(":CONF:OUTP:POL n,(@1)"),
        ask(":CONF:OUTP:POL? (@1)", "n"),
    )
    assert device.set("polarity_1", "negative") == "negative"


@pytest.mark.parametrize(("voltage", "on"), [("5.00000E1V", OFF), ("0.00000E0V", ON)])
def test_polarity_is_not_changed_under_voltage(module, voltage, on):
    device = module(*GREETING, *ready(), volt(1, voltage), on)
    with pytest.raises(NotReady, match="Switch output_1 off and wait until it is below 1 V"):
        device.set("polarity_1", "positive")


def test_a_polarity_that_is_none(module):
    with pytest.raises(UsageError, match="polarity_0 cannot be 'up'"):
        module().set("polarity_0", "up")


@pytest.mark.parametrize(
    ("name", "value", "limit", "origin"),
    [
        ("voltage_0", 1001.0, 1000.0, "instrument"),
        ("voltage_1", -1801.0, -1800.0, "instrument"),
        ("voltage_2", 501.0, 500.0, "site"),
        ("current_1", 0.03, 0.02, "driver"),
        ("ramp_1", 0.0, 0.01, "driver"),
    ],
)
def test_limits_of_instrument_driver_and_site(module, name, value, limit, origin):
    device = module(*GREETING, limits={"voltage_2": (0.0, 500.0)})
    device.identify()
    with pytest.raises(LimitError) as caught:
        device.set(name, value)
    assert (caught.value.limit, caught.value.origin) == (limit, origin)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nothing_but_finite_numbers(module, value):
    with pytest.raises(LimitError, match="not a finite number"):
        module().set("voltage_0", value)


def test_a_module_with_two_channels(module):
    device = module(IDN, UNCHANGED, ask(":READ:MOD:CHAN?", "2"), *LIMITS[:6])
    device.identify()
    assert device.range("voltage_2") == Range(-6000.0, 6000.0)
    with pytest.raises(BadReading, match="voltage_2 has no valid reading: the module has no such channel"):
        device.read("voltage_2")
    with pytest.raises(NotReady, match="cannot set voltage_3: the module has no such channel"):
        device.set("voltage_3", 1.0)


RESYNCHRONISED = (b"\r\n*IDN?\r\n", b"\r\n" + IDN[1])


@pytest.mark.parametrize(
    "garbage",
    [
        b":MEAS:VOLT? (@1)\r\n5.0O000E2V\r\n",
        b":MEAS:VOLT? (@1)\r\n5.00000E2A\r\n",
        b":MEAS:VOLT? (@1)\r\n\r\n",
        b":MEAS:VOLT? (@1)\r\n5.00000E2VV\r\n",
        b":MEAS:VOLT? (@1)\r\n\xff\x80V\r\n",
        b":MEAS:VOLT? (@1)\r\nnanV\r\n",
        b":MEAS:VOLT? (@1)\r\n1E999V\r\n",
        b":MEAS:VLT? (@1)\r\n5.00000E2V\r\n",
        b":MEAS:VOLT? (@2)\r\n5.00000E2V\r\n",
        b"\xffMEAS:VOLT? (@1)\r\n5.00000E2V\r\n",
    ],
)
def test_garbage_is_asked_again_once(module, garbage):
    device = module(*GREETING, (b":MEAS:VOLT? (@1)\r\n", garbage), RESYNCHRONISED, volt(1, "5.00000E2V"))
    assert device.read("voltage_actual_1") == 500.0
    assert device.state is State.UP


def test_an_echo_that_is_none_is_told(module):
    wrong = (b":MEAS:VOLT? (@1)\r\n", b":MEAS:VLT? (@1)\r\n")
    device = module(*GREETING, wrong, RESYNCHRONISED, wrong)
    with pytest.raises(BadReply, match=r"the answer ':MEAS:VLT\? \(@1\)' is not the echo of it"):
        device.read("voltage_actual_1")
    assert device.state is State.DIRTY


ANSWER = volt(1, "5.00000E2V")


def test_answers_may_come_in_two_pieces_cut_anywhere(module):
    cuts = [(ANSWER[0], ANSWER[1][:cut], ANSWER[1][cut:]) for cut in range(1, len(ANSWER[1]))]
    device = module(*GREETING, *cuts)
    assert {device.read("voltage_actual_1") for _ in cuts} == {500.0}


def test_a_late_answer_does_not_answer_the_next_question(module):
    # It comes while the line is being put in order, before the echo of the question that does that.
    late = (b"\r\n*IDN?\r\n", b"5.00000E2V\r\n" + RESYNCHRONISED[1])
    device = module(*GREETING, say(":MEAS:VOLT? (@1)"), late, ask(":READ:MOD:TEMP?", "31.2C"))
    with pytest.raises(LinkTimeout, match=r"no answer within 0\.2 s"):
        device.read("voltage_actual_1")
    assert device.state is State.DIRTY
    assert device.read("temperature") == 31.2


def test_a_line_that_was_pulled(module):
    device = module(*GREETING, (b":READ:VOLT? (@1)\r\n",), HANG_UP)
    with pytest.raises(LinkDown):
        device.read("voltage_1")
    assert device.state is State.DOWN


def test_a_power_cycle_is_never_undone(begin, tcp_peer):
    set_before = (*ready(), *told(":CURR 1.000000E-03,(@1)"), ask(":READ:CURR? (@1)", "1.00000E-3A"))
    back = (IDN, *SUPPLY_CAME, FOUR, *LIMITS, ask(":READ:CURR? (@1)", "8.00000E-3A"))
    peer = tcp_peer(*GREETING, *set_before, HANG_UP, *back, ask(":READ:MOD:TEMP?", "31.2C"))
    device = begin(IsegNhr, peer, resource=peer.serial_resource, name="endcaps")
    device.set("current_1", 1e-3)
    with pytest.raises(LinkDown):
        device.check()
    assert device.read("temperature") == 31.2
    assert device.state is State.DEGRADED
    assert device.trouble == (
        "it was without power: its outputs are off and its set points are gone; "
        "while the link was down: current_1 is 8 mA, not 1 mA"
    )


def test_an_old_supply_event_is_no_alarm_at_the_first_meeting(module):
    device = module(IDN, *SUPPLY_CAME, FOUR, *LIMITS)
    device.identify()
    assert device.state is State.UP
