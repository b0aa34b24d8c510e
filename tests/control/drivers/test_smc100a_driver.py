"""The SMC100A driver against a scripted generator on a socket, through PyVISA; bytes of the manual."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from control.device import State
from control.device.settings import Range
from control.drivers import smc100a
from control.drivers.smc100a import Smc100a
from control.errors import (
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
from control.protocols import scpi

IDN = (b"*IDN?\n", b"Rohde&Schwarz,SMC100A,1411.4002k02/101234,3.1.19.15-3.20.390.24\n")
QUIET = (b"*ESR?\n", b"0\n")
STARTED = (b"*ESR?\n", b"128\n")
NO_ERROR = (b"SYST:ERR?\n", b'0,"No error"\n')
BOUNDS = (
    (b"FREQ? MIN\n", b"9000\n"),
    (b"FREQ? MAX\n", b"1100000000\n"),
    (b"POW? MIN\n", b"-145\n"),
    (b"POW? MAX\n", b"30\n"),
)
GREETING = (IDN, STARTED, NO_ERROR, *BOUNDS)
OFF = (b"OUTP?\n", b"0\n")
ON = (b"OUTP?\n", b"1\n")
HANG_UP = ()
MET_ANEW = (STARTED, IDN, NO_ERROR, *BOUNDS)
"""After a power cycle behind a link that stayed up."""


def told(command):
    """Return the steps of a command that is obeyed."""
    return (command + b"\n",), (b"*OPC?\n", b"1\n"), NO_ERROR


@pytest.fixture
def generator(begin, tcp_peer):
    """Start a scripted generator and return a device for it; closed afterwards."""

    def make(*script, **options):
        peer = tcp_peer(*script)
        return begin(Smc100a, peer, resource=peer.visa_resource, name="trap_rf", **options)

    return make


def test_identity(generator):
    device = generator(*GREETING)
    found = device.identify()
    assert (found.maker, found.model, found.serial_number) == ("Rohde&Schwarz", "SMC100A", "101234")
    assert found.firmware == "3.1.19.15-3.20.390.24"
    assert device.state is State.UP


@pytest.mark.parametrize("model", [b"SMB100A", b"SMC100A"])
def test_the_serial_number_of_the_setup(generator, model):
    idn = (b"*IDN?\n", b"Rohde&Schwarz," + model + b",1411.4002k02/101234,3.1\n")
    device = generator(idn, *GREETING[1:], serial_number="101234")
    assert device.identify().model == model.decode()


def test_another_instrument(generator):
    device = generator((b"*IDN?\n", b"Stanford Research Systems,DG645,s/n001013,ver1.10.016\n"))
    with pytest.raises(IdentityError, match="the model is 'DG645', not 'SMC100A or SMB100A'"):
        device.identify()
    assert device.state is State.DOWN


def test_another_generator(generator):
    with pytest.raises(IdentityError, match="the serial number is '101234', not '999999'"):
        generator(IDN, serial_number="999999").identify()


def test_no_scpi_identity(generator):
    with pytest.raises(BadReply, match="'hello' is not four fields with commas between"):
        generator((b"*IDN?\n", b"hello\n")).identify()


def test_it_has_no_bus_address(generator):
    with pytest.raises(ConfigError) as caught:
        generator(address="3")
    assert str(caught.value) == (
        "trap_rf: this kind of instrument has no bus address; remove address = '3'."
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "question", "answer", "value"),
    [
        ("frequency", b"FREQ?\n", b"23400000\n", 23.4e6),
        ("frequency", b"FREQ?\n", b"2.34E+07\r\n", 23.4e6),
        ("power", b"POW?\n", b"-10.5\n", -10.5),
        ("output", b"OUTP?\n", b"1\n", True),
        ("output", b"OUTP?\n", b"0\n", False),
    ],
)
def test_reading(generator, name, question, answer, value):
    assert generator(*GREETING, (question, answer)).read(name) == value


@pytest.mark.parametrize(
    ("name", "value", "command", "question", "answer"),
    [
        ("frequency", 23.4e6, b"FREQ 23400000.00", b"FREQ?\n", b"23400000\n"),
        ("power", -10.5, b"POW -10.50", b"POW?\n", b"-10.5\n"),
    ],
)
def test_setting_while_the_output_is_off(generator, name, value, command, question, answer):
    device = generator(*GREETING, QUIET, OFF, *told(command), (question, answer))
    assert device.set(name, value) == value


@pytest.mark.parametrize(("value", "digit"), [(True, b"1"), (False, b"0")])
def test_switching(generator, value, digit):
    device = generator(*GREETING, QUIET, *told(b"OUTP " + digit), (b"OUTP?\n", digit + b"\n"))
    assert device.set("output", value) is value


def test_power_goes_by_half_decibels_while_the_output_is_on(generator):
    way = [told(b"POW -9.50"), told(b"POW -9.00"), told(b"POW -8.80")]
    device = generator(
        *GREETING,
        QUIET,
        ON,
        (b"POW?\n", b"-10\n"),
        *(step for steps in way for step in steps),
        (b"POW?\n", b"-8.8\n"),
    )
    assert device.set("power", -8.8) == -8.8


def test_frequency_goes_by_kilohertz_while_the_output_is_on(generator):
    way = [told(b"FREQ 23399000.00"), told(b"FREQ 23398000.00"), told(b"FREQ 23397500.00")]
    device = generator(
        *GREETING,
        QUIET,
        ON,
        (b"FREQ?\n", b"23400000\n"),
        *(step for steps in way for step in steps),
        (b"FREQ?\n", b"23397500\n"),
    )
    assert device.set("frequency", 23_397_500.0) == 23_397_500.0


def test_a_way_that_is_too_long_for_an_ion(generator):
    device = generator(*GREETING, QUIET, ON, (b"FREQ?\n", b"100000000\n"))
    with pytest.raises(NotReady) as caught:
        device.set("frequency", 23.4e6)
    assert str(caught.value) == (
        f"trap_rf ({device.address}): cannot set frequency to 23.4 MHz: from 100 MHz that takes "
        "76600 steps of 1 kHz while the output is on, more than 10000. "
        "Switch the output off first if no ion is trapped, or go in shorter stretches."
    )


def test_a_refused_command_is_told_with_its_code(generator):
    device = generator(
        *GREETING,
        QUIET,
        OFF,
        (b"POW 19.00\n",),
        (b"*OPC?\n", b"1\n"),
        (b"SYST:ERR?\n", b'-222,"Data out of range; POW"\n'),
        (b"SYST:ERR?\n", b'-113,"Undefined header"\n'),
        NO_ERROR,
        *[(b"POW?\n", b"-30\n")] * 2,  # once to find out how far a ramp may have come
    )
    with pytest.raises(Refused) as caught:
        device.set("power", 19.0)
    assert (caught.value.code, caught.value.command) == (-222, "POW 19.00")
    assert str(caught.value) == (
        f"trap_rf ({device.address}) refused 'POW 19.00' with error -222: Data out of range; POW; "
        "Undefined header. What it was set to before still holds."
    )
    assert device.state is State.UP
    assert device.read("power") == -30.0


def test_a_ramp_stops_at_the_first_refusal(generator):
    refused = (
        (b"POW -9.00\n",),
        (b"*OPC?\n", b"1\n"),
        (b"SYST:ERR?\n", b'-222,"Data out of range"\n'),
        NO_ERROR,
    )
    device = generator(*GREETING, QUIET, ON, (b"POW?\n", b"-10\n"), *told(b"POW -9.50"), *refused)
    with pytest.raises(Refused, match=r"POW -9\.00"):
        device.set("power", -8.0)


def test_errors_of_others_are_not_blamed_on_us(generator):
    old = (b"SYST:ERR?\n", b'-113,"Undefined header;FOO"\n')
    device = generator(IDN, STARTED, old, old, NO_ERROR, *BOUNDS, QUIET, *told(b"OUTP 0"), OFF)
    assert device.set("output", False) is False


def test_an_error_queue_without_end(generator):
    endless = [(b"SYST:ERR?\n", b'-350,"Queue overflow"\n')] * scpi.LONGEST_QUEUE
    with pytest.raises(BadReply, match="is not the end of a queue of 64 errors"):
        generator(IDN, STARTED, *endless).identify()


@pytest.mark.parametrize(
    ("name", "value", "limit", "origin"),
    [
        ("frequency", 8e3, 9e3, "driver"),
        ("frequency", 1.2e9, 1.1e9, "instrument"),
        ("power", -121.0, -120.0, "driver"),
        ("power", 3.5, 3.0, "site"),
    ],
)
def test_limits_of_instrument_driver_and_site(generator, name, value, limit, origin):
    device = generator(*GREETING, limits={"power": (-130.0, 3.0)})
    device.identify()
    with pytest.raises(LimitError) as caught:
        device.set(name, value)
    assert (caught.value.limit, caught.value.origin) == (limit, origin)


def test_the_tightest_limits_are_shown(generator):
    device = generator(*GREETING, limits={"frequency": (15e6, 35e6)})
    device.identify()
    assert device.range("frequency") == Range(15e6, 35e6, "site", "site")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["frequency", "power"])
def test_nothing_but_finite_numbers(generator, name, value):
    with pytest.raises(LimitError, match="not a finite number"):
        generator().set(name, value)


def test_a_switch_is_not_a_number(generator):
    with pytest.raises(UsageError) as caught:
        generator().set("output", 1.0)
    assert str(caught.value) == "trap_rf: output cannot be 1.0. Give True or False."


def test_a_value_that_was_not_taken(generator):
    device = generator(*GREETING, QUIET, OFF, *told(b"POW -10.00"), (b"POW?\n", b"-12\n"))
    with pytest.raises(ReadBackError, match="power was set to -10 dBm but reads -12 dBm"):
        device.set("power", -10.0)


@pytest.mark.parametrize(
    ("name", "question", "garbage"),
    [
        ("power", b"POW?\n", b"-1O.0\n"),
        ("power", b"POW?\n", b"-10.0x\n"),
        ("power", b"POW?\n", b"1_0\n"),
        ("power", b"POW?\n", b"nan\n"),
        ("power", b"POW?\n", b"9.91E37\n"),
        ("power", b"POW?\n", b"\n"),
        ("power", b"POW?\n", b"\xff\xfe-10\n"),
        ("output", b"OUTP?\n", b"ON\n"),
    ],
)
def test_garbage_is_asked_again_on_a_new_connection(generator, name, question, garbage):
    device = generator(*GREETING, (question, garbage), IDN, QUIET, NO_ERROR, *BOUNDS, (question, b"1\n"))
    assert device.read(name) == 1.0
    assert device.state is State.UP


@pytest.mark.parametrize("cut", range(1, len(IDN[1])))
def test_answers_may_come_in_two_pieces_cut_anywhere(generator, cut):
    device = generator((IDN[0], IDN[1][:cut], IDN[1][cut:]), *GREETING[1:])
    assert device.identify().serial_number == "101234"


def test_a_late_answer_does_not_answer_the_next_question(generator):
    device = generator(*GREETING, (b"POW?\n",), IDN, QUIET, NO_ERROR, *BOUNDS, (b"FREQ?\n", b"23400000\n"))
    with pytest.raises(LinkTimeout) as caught:
        device.read("power")
    assert str(caught.value).startswith(
        f"trap_rf ({device.address}): no answer within 0.2 s, nothing came (tried to send 'POW?\\n'). "
    )
    assert device.state is State.DIRTY
    device.peer.say(b"-10.00\n")
    assert device.read("frequency") == 23.4e6


def test_hanging_up(generator):
    device = generator(*GREETING, (b"POW?\n",), HANG_UP, IDN, QUIET, NO_ERROR, *BOUNDS, (b"POW?\n", b"-10\n"))
    with pytest.raises(LinkDown, match="the other end hung up"):
        device.read("power")
    assert device.state is State.DOWN
    assert device.read("power") == -10.0
    assert device.state is State.UP


def test_another_instrument_after_a_lost_connection(generator):
    other = (b"*IDN?\n", IDN[1].replace(b"101234", b"555555"))
    device = generator(*GREETING, (b"POW?\n",), HANG_UP, other)
    with pytest.raises(LinkDown):
        device.read("power")
    with pytest.raises(IdentityError, match="the serial number is '555555', not '101234'"):
        device.read("power")


def test_a_power_cycle_is_noticed_when_the_link_comes_back(generator):
    device = generator(
        *GREETING,
        (b"POW?\n",),
        HANG_UP,
        *GREETING,
        (b"POW?\n", b"-30\n"),
        QUIET,
        QUIET,
        *told(b"OUTP 0"),
        OFF,
    )
    with pytest.raises(LinkDown):
        device.read("power")
    assert device.read("power") == -30.0
    assert device.state is State.DEGRADED
    with pytest.raises(NotReady) as caught:
        device.set("output", False)
    assert str(caught.value) == (
        f"trap_rf ({device.address}): cannot set output: it was switched off and on again, its settings are "
        "those of its start-up and the ion is lost. Read the settings, then call acknowledge()."
    )
    device.acknowledge()
    assert device.set("output", False) is False
    assert device.trouble == ""


def test_a_power_cycle_behind_a_link_that_stayed_up(generator):
    device = generator(*GREETING, QUIET, *MET_ANEW)
    assert device.check() is State.UP
    assert device.check() is State.DEGRADED


def test_a_setting_is_not_sent_after_a_hidden_power_cycle(generator):
    device = generator(*GREETING, *MET_ANEW)
    with pytest.raises(NotReady, match="cannot set power: it was switched off and on again"):
        device.set("power", -10.0)


def test_another_generator_behind_a_link_that_stayed_up(generator):
    other = (b"*IDN?\n", IDN[1].replace(b"101234", b"555555"))
    device = generator(*GREETING, STARTED, other)
    device.identify()
    with pytest.raises(IdentityError, match="the serial number is '555555', not '101234'"):
        device.check()


@pytest.mark.parametrize(
    ("frequency", "power", "beyond"),
    [
        (b"23400000", b"10", "power is 10 dBm: the site allows -100 to -5 dBm. Set power first."),
        (b"40000000", b"-10", "frequency is 40 MHz: the site allows 20 MHz to 30 MHz. Set frequency first."),
    ],
)
def test_what_somebody_else_set_is_not_switched_on_beyond_the_limits_of_the_site(
    generator, frequency, power, beyond
):
    asked = [(b"FREQ?\n", frequency + b"\n"), (b"POW?\n", power + b"\n")]
    device = generator(
        *GREETING,
        QUIET,
        *(asked[:1] if "frequency" in beyond else asked),
        limits={"power": (-100.0, -5.0), "frequency": (20e6, 30e6)},
    )
    with pytest.raises(NotReady, match=f"cannot switch output on while {beyond}"):
        device.set("output", True)
    assert device.wanted == {}


def test_a_ramp_makes_way_for_safety(generator):
    way = (*told(b"POW -9.50"), (b"POW?\n", b"-9.5\n"))
    device = generator(*GREETING, QUIET, ON, (b"POW?\n", b"-10\n"), *way)

    def overtake():
        device._overtaking.set()
        return []

    drain = device._drain
    device.identify()
    device._drain = lambda: drain() or overtake()
    with pytest.raises(NotReady, match="cannot go on waiting: somebody wants it safe"):
        device.set("power", -8.0)
    assert device.park() == Smc100a.PARKING
    assert device.wanted == {}
    assert next(iter(device.logbook)).text == "power was not set to -8.0: lost on the way"


def test_what_else_is_read(generator):
    device = generator(
        *GREETING,
        (b"PHAS?\n", b"90\n"),
        (b"ROSC:SOUR?\n", b"EXT\n"),
        (b"POW:LIM?\n", b"3.00\n"),
        (b"OUTP:PON?\n", b"UNCH\n"),
        (b"OUTP:PON?\n", b"OFF\n"),
    )
    assert device.read("phase") == 0.25
    assert device.read("reference") == "external"
    assert device.read("power_cap") == 3.0
    assert device.read("start_up") == "as before"
    assert device.read("start_up") == "off"


@pytest.mark.parametrize(("name", "value"), [("power_cap", 5.0), ("start_up", "as before")])
def test_what_protects_the_trap_is_not_set_from_afar(generator, name, value):
    with pytest.raises(UsageError, match=f"trap_rf: {name} can be read only"):
        generator().set(name, value)


def test_a_word_that_is_none_of_those(generator):
    question = (b"ROSC:SOUR?\n", b"BOTH\n")
    device = generator(*GREETING, question, IDN, QUIET, NO_ERROR, *BOUNDS, question)
    with pytest.raises(BadReply, match="the answer 'BOTH' is not INT or EXT"):
        device.read("reference")


def test_the_reference_is_changed_while_the_output_is_off(generator):
    answer = (b"ROSC:SOUR?\n", b"EXT\n")
    device = generator(*GREETING, QUIET, OFF, *told(b"ROSC:SOUR EXT"), answer)
    assert device.set("reference", "external") == "external"


def test_the_reference_is_not_changed_under_an_ion(generator):
    device = generator(*GREETING, QUIET, ON)
    with pytest.raises(NotReady) as caught:
        device.set("reference", "external")
    assert str(caught.value) == (
        f"trap_rf ({device.address}): cannot set reference: the output is on, and its phase would jump. "
        "Switch the output off first, with no ion in the trap."
    )


def test_phase_goes_by_three_degrees_while_the_output_is_on(generator):
    way = [told(b"PHAS 3.0"), told(b"PHAS 6.0"), told(b"PHAS 7.2")]
    device = generator(
        *GREETING,
        QUIET,
        ON,
        (b"PHAS?\n", b"0\n"),
        *(step for steps in way for step in steps),
        (b"PHAS?\n", b"7.2\n"),
    )
    assert device.set("phase", 0.02) == pytest.approx(0.02)


def test_it_stays_as_it_is_when_it_is_parked(generator):
    assert "stays as it is" in generator(*GREETING).park()


def test_nothing_comes_back_by_itself_after_a_power_cycle(generator):
    quiet = (b"POW?\n", b"-30\n")
    device = generator(*GREETING, QUIET, OFF, *told(b"POW -10.00"), (b"POW?\n", b"-10\n"), *MET_ANEW, quiet)
    device.set("power", -10.0)
    assert device.check() is State.DEGRADED
    device.acknowledge()
    assert device.wanted == {}


def test_it_is_never_reset():
    assert "*RST" not in Path(smc100a.__file__).read_text(encoding="utf-8")


def test_an_interrupted_question_is_not_forgotten(generator, monkeypatch):
    device = generator(*GREETING, (b"POW?\n",), IDN, QUIET, NO_ERROR, *BOUNDS, (b"FREQ?\n", b"1000000\n"))
    device.identify()
    take = device._link._read

    def interrupt(seconds):
        if seconds > 0.0:
            raise KeyboardInterrupt
        return take(seconds)

    with monkeypatch.context() as patch:
        patch.setattr(device._link, "_read", interrupt)
        with pytest.raises(KeyboardInterrupt):
            device.read("power")
    assert device.state is State.DIRTY
    assert device.read("frequency") == 1e6
