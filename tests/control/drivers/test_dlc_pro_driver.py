"""The DLC pro driver against scripted controllers on sockets and a pseudo-terminal."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import replace

import pytest
from dlc_pro_script import (
    GREETING,
    HANG_UP,
    IDENTITY,
    LIMITS,
    MET,
    PIEZO,
    STATE,
    WELCOME,
    bounds,
    put,
    ref,
    run,
)

from control.device import State
from control.device.happenings import Severity
from control.device.readings import Quality
from control.device.settings import Range
from control.drivers.dlc_pro import DlcPro
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
    UnknownName,
    UsageError,
)
from control.transport import open_link

WAKE = (b"\x12\x03", b"\r\n> ", b"\r\n> ")
READY = (ref("uptime", "101"), ref("interlock-open", "#f"))


@pytest.fixture
def controller(begin, tcp_peer):
    """Start a scripted controller and return a device for it; closed afterwards."""

    def make(*script, peer=None, **options):
        return begin(DlcPro, peer or tcp_peer(*script), name="diodes", **options)

    return make


def test_identity(controller):
    device = controller(*GREETING)
    found = device.identify()
    assert (found.maker, found.model) == ("TOPTICA", "DLC pro")
    assert (found.serial_number, found.firmware) == ("DLC PRO_012345", "3.2.0")
    assert device.state is State.UP


def test_another_controller(controller):
    with pytest.raises(IdentityError, match="the serial number is 'DLC PRO_012345', not 'DLC PRO_9'"):
        controller(WELCOME, *IDENTITY, serial_number="DLC PRO_9").identify()


def test_another_kind_of_instrument(controller):
    device = controller(WELCOME, ref("system-type", '"FALC pro"'), *IDENTITY[1:])
    with pytest.raises(IdentityError, match="the model is 'FALC pro', not 'DLC pro'"):
        device.identify()


def test_it_has_no_bus_address(controller):
    with pytest.raises(ConfigError, match="this kind of instrument has no bus address"):
        controller(address="1")


def test_the_welcome_may_come_in_pieces(controller, pieces):
    device = controller((b"", *pieces(WELCOME[1])), *MET)
    assert device.identify().model == "DLC pro"


READINGS = [
    ("laser1_enabled", "laser1:dl:cc:enabled", "#t", True),
    ("laser2_emission", "laser2:emission", "#f", False),
    ("laser1_current", "laser1:dl:cc:current-set", "81.5", 0.0815),
    ("laser2_current_actual", "laser2:dl:cc:current-act", "-0.01", -1e-5),
    ("laser1_current_clip", "laser1:dl:cc:current-clip", "120.0", 0.12),
    ("laser1_temperature", "laser1:dl:tc:temp-set", "20.5", 20.5),
    ("laser1_temperature_actual", "laser1:dl:tc:temp-act", "20.498", 20.498),
    ("laser2_piezo_voltage", "laser2:dl:pc:voltage-set", "71.25", 71.25),
    ("laser1_piezo_voltage_actual", "laser1:dl:pc:voltage-act", "71", 71.0),
    ("laser1_feedforward", "laser1:dl:cc:feedforward-enabled", "#t", True),
    ("laser1_feedforward_factor", "laser1:dl:cc:feedforward-factor", "-0.32", -0.00032),
    ("laser1_scan", "laser1:scan:enabled", "#f", False),
    ("laser1_scan_frequency", "laser1:scan:frequency", "20.0", 20.0),
    ("laser1_lock_state", "laser1:dl:lock:state", "1", "scanning"),
    ("interlock_open", "interlock-open", "#f", False),
    ("front_key_locked", "frontkey-locked", "#t", True),
    ("health", "system-health-txt", '"Ok (with \\"quotes\\")"', 'Ok (with "quotes")'),
]


@pytest.mark.parametrize(("name", "parameter", "reply", "value"), READINGS)
def test_reading(controller, name, parameter, reply, value):
    found = controller(*GREETING, ref(parameter, reply)).read(name)
    assert found == (pytest.approx(value, rel=1e-12) if isinstance(value, float) else value)
    assert type(found) is type(value)


def test_every_setting_is_read_in_a_test():
    read = {name.partition("_")[2] for name, *_ in READINGS if name.startswith("laser")}
    declared = {s.name.partition("_")[2] for s in DlcPro.SETTINGS if s.name.startswith("laser")}
    assert declared == read


@pytest.mark.parametrize(
    ("name", "value", "parameter", "sent"),
    [
        ("laser1_enabled", False, "laser1:dl:cc:enabled", "#f"),
        ("laser1_current", 0.0815, "laser1:dl:cc:current-set", "81.5"),
        ("laser2_current", 0.08, "laser2:dl:cc:current-set", "80.0"),
        ("laser1_current", 0.00012345, "laser1:dl:cc:current-set", "0.12345"),
        ("laser1_temperature", 20.5, "laser1:dl:tc:temp-set", "20.5"),
        ("laser2_piezo_voltage", 71.25, "laser2:dl:pc:voltage-set", "71.25"),
        ("laser1_feedforward", True, "laser1:dl:cc:feedforward-enabled", "#t"),
        ("laser1_feedforward_factor", -0.00032, "laser1:dl:cc:feedforward-factor", "-0.32"),
        ("laser1_scan", True, "laser1:scan:enabled", "#t"),
        ("laser1_scan_frequency", 20.0, "laser1:scan:frequency", "20.0"),
    ],
)
def test_setting(controller, name, value, parameter, sent):
    device = controller(*GREETING, *READY, put(parameter, sent), ref(parameter, sent))
    assert device.set(name, value) == pytest.approx(value)
    assert device.wanted == {name: value}


def test_lasers_are_not_brought_back_by_themselves():
    assert not any(setting.restore for setting in DlcPro.SETTINGS)


def test_switching_a_laser_on(controller):
    switched = (put("laser1:dl:cc:enabled", "#t"), ref("laser1:dl:cc:enabled", "#t"))
    device = controller(*GREETING, *READY, ref("frontkey-locked", "#f"), *switched)
    assert device.set("laser1_enabled", True) is True


def test_a_locked_key_is_told_before_a_laser_is_switched_on(controller):
    device = controller(*GREETING, *READY, ref("frontkey-locked", "#t"))
    with pytest.raises(NotReady) as caught:
        device.set("laser1_enabled", True)
    assert str(caught.value) == (
        f"diodes ({device.address}): cannot set laser1_enabled: the key at its front is locked: no laser "
        "would emit. Turn the key."
    )
    assert device.wanted == {}


@pytest.mark.parametrize(
    ("name", "value", "limit", "origin"),
    [
        ("laser1_current", 0.121, 0.12, "instrument"),
        ("laser1_current", -0.001, 0.0, "driver"),
        ("laser2_temperature", 36.0, 35.0, "instrument"),
        ("laser1_piezo_voltage", -2.0, 0.0, "driver"),
        ("laser1_piezo_voltage", 101.0, 100.0, "site"),
        ("laser2_piezo_voltage", 139.5, 139.0, "instrument"),
        ("laser1_feedforward_factor", 0.02, 0.01, "driver"),
        ("laser1_scan_frequency", 500.0, 400.0, "driver"),
    ],
)
def test_limits_of_instrument_driver_and_site(controller, name, value, limit, origin):
    device = controller(*GREETING, limits={"laser1_piezo_voltage": (-10.0, 100.0)})
    device.identify()
    with pytest.raises(LimitError) as caught:
        device.set(name, value)
    assert (caught.value.limit, caught.value.origin) == (limit, origin)


def test_limits_are_learned_anew_with_each_opening(controller):
    wider = (ref("laser1:dl:cc:current-clip", "150.0"), *LIMITS[1:])
    device = controller(*GREETING, HANG_UP, WELCOME, *IDENTITY, ref("uptime", "101"), *wider)
    device.identify()
    with pytest.raises(LinkDown):
        device.check()
    device.identify()
    assert device.range("laser1_current") == Range(0.0, 0.15, "driver", "instrument")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nothing_but_finite_numbers(controller, value):
    with pytest.raises(LimitError, match="not a finite number"):
        controller().set("laser1_current", value)


def test_what_is_measured_cannot_be_set(controller):
    with pytest.raises(UsageError, match="laser1_lock_state can be read only"):
        controller().set("laser1_lock_state", "locked")


def test_a_refused_value(controller):
    refusal = put("laser1:dl:cc:current-set", "90.0", "current above clip\r\n-6")
    device = controller(*GREETING, *READY, refusal)
    with pytest.raises(Refused) as caught:
        device.set("laser1_current", 0.09)
    assert str(caught.value) == (
        f'diodes ({device.address}) refused "(param-set! \'laser1:dl:cc:current-set 90.0)" with error -6: '
        "current above clip. What it was set to before still holds."
    )
    assert device.wanted == {}


def test_a_value_that_was_clipped_is_noted_and_told(controller):
    clipped = put("laser1:dl:pc:voltage-set", "120.0", "1")
    device = controller(*GREETING, *READY, clipped, ref("laser1:dl:pc:voltage-set", "110.0"))
    with pytest.raises(ReadBackError, match="laser1_piezo_voltage was set to 120 V but reads 110 V"):
        device.set("laser1_piezo_voltage", 120.0)
    assert [entry.text for entry in device.logbook if entry.severity is Severity.WARNING] == [
        "(param-set! 'laser1:dl:pc:voltage-set 120.0) was taken with warning 1: no reason given"
    ]


def test_an_error_in_place_of_a_value(controller):
    device = controller(*GREETING, ref("laser1:scan:frequency", "Error: -3 no such parameter"))
    with pytest.raises(Refused, match="error -3: no such parameter"):
        device.read("laser1_scan_frequency")


def test_a_controller_with_one_laser(controller):
    lone = ref("laser2:dl:cc:current-clip", "Error: -3 unknown parameter")
    device = controller(WELCOME, *MET[:4], *bounds("laser1"), lone, *READY, *READY)
    with pytest.raises(
        BadReading, match="laser2_current has no valid reading: this controller has one laser"
    ):
        device.read("laser2_current")
    with pytest.raises(NotReady, match="cannot set laser2_scan: this controller has one laser"):
        device.set("laser2_scan", True)
    with pytest.raises(NotReady, match="cannot set laser2_lock_state: this controller has one laser"):
        device.lock("laser2")


@pytest.mark.parametrize("reply", ["71.2x", "", "nan", '"71.2"', "#t", "71.25 3", "(1", "\x7f", "7\xff"])
def test_garbage_is_asked_again_on_a_new_connection(controller, reply):
    name, parameter = "laser1_piezo_voltage", "laser1:dl:pc:voltage-set"
    garbled = (ref(parameter, "")[0], reply.encode("latin-1") + b"\r\n> ")
    device = controller(*GREETING, garbled, HANG_UP, *GREETING, ref(parameter, "71.25"))
    assert device.read(name) == 71.25
    assert device.state is State.UP


def test_garbage_twice_is_told(controller):
    bad = ref("laser1:dl:lock:state", "17")
    device = controller(*GREETING, bad, HANG_UP, *GREETING, bad)
    with pytest.raises(BadReply, match="the answer '17' is not the state of a lock, 0 to 9"):
        device.read("laser1_lock_state")
    assert device.state is State.DIRTY


def test_a_verdict_that_is_none(controller):
    device = controller(*GREETING, *READY, put("laser1:scan:enabled", "#t", "ok"))
    with pytest.raises(BadReply, match="the answer 'ok' is not a whole number"):
        device.set("laser1_scan", True)


REPLY = b"71.25\r\n> "


def test_a_reply_may_come_in_two_pieces_cut_anywhere(controller):
    question = ref("laser1:dl:pc:voltage-set", "")[0]
    cuts = [(question, REPLY[:cut], REPLY[cut:]) for cut in range(1, len(REPLY))]
    device = controller(*GREETING, *cuts)
    assert {device.read("laser1_piezo_voltage") for _ in cuts} == {71.25}


def test_no_reply(controller):
    device = controller(*GREETING, (ref("laser1:dl:pc:voltage-set", "")[0],))
    with pytest.raises(LinkTimeout, match=r"no answer within 0\.2 s"):
        device.read("laser1_piezo_voltage")
    assert device.state is State.DIRTY


def test_a_late_reply_does_not_answer_the_next_question(controller, pty_peer):
    silent = (ref("laser1:dl:pc:voltage-set", "")[0],)
    peer = pty_peer(WAKE, *MET, silent, WAKE, *IDENTITY, ref("laser1:dl:tc:temp-set", "20.5"))
    device = controller(peer=peer)
    with pytest.raises(LinkTimeout):
        device.read("laser1_piezo_voltage")
    peer.say(b"71.25\r\n> ")
    assert device.read("laser1_temperature") == 20.5


def test_hanging_up(controller):
    device = controller(*GREETING, HANG_UP, *GREETING, ref("laser1:dl:pc:voltage-set", "71.25"))
    device.identify()
    with pytest.raises(LinkDown):
        device.read("laser1_piezo_voltage")
    assert device.state is State.DOWN
    assert device.read("laser1_piezo_voltage") == 71.25


def test_a_power_cycle(controller):
    again = (WELCOME, *IDENTITY, ref("uptime", "12"), *LIMITS)
    set_before = (put("laser1:scan:enabled", "#t"), ref("laser1:scan:enabled", "#t"))
    device = controller(*GREETING, *READY, *set_before, HANG_UP, *again, ref("laser1:scan:enabled", "#f"))
    device.set("laser1_scan", True)
    with pytest.raises(LinkDown):
        device.check()
    assert device.identify().model == "DLC pro"
    assert device.trouble == (
        "it was switched off and on again, its settings are those last saved and its lasers are not locked; "
        "while the link was down: laser1_scan is False, not True"
    )


def met_anew(uptime):
    """Return the steps of a check that finds a power cycle behind a link that stayed up."""
    return ref("uptime", uptime), *IDENTITY, *LIMITS, ref("interlock-open", "#f")


def test_a_power_cycle_behind_a_link_that_stayed_up(controller):
    device = controller(*GREETING, *met_anew("3"))
    assert device.check() is State.DEGRADED
    assert device.trouble == DlcPro.RESTARTED


def test_a_second_life_that_is_longer_than_the_first_was(controller):
    device = controller(*GREETING, ref("uptime", "1099"), READY[1], *met_anew("2000"))
    device.identify()
    device.time.now += 1000.0
    assert device.check() is State.UP
    device.time.now += 1000.0
    assert device.check() is State.DEGRADED


def test_a_clock_that_is_a_little_slow_is_no_power_cycle(controller):
    a_day_later = 100 + 86_400 - 6
    device = controller(*GREETING, ref("uptime", str(a_day_later)), READY[1])
    device.identify()
    device.time.now += 86_400.0
    assert device.check() is State.UP


def test_what_somebody_else_set_is_not_switched_on_beyond_the_limits_of_the_site(controller):
    turned_up = ref("laser1:dl:cc:current-set", "110.0")
    device = controller(*GREETING, *READY, turned_up, limits={"laser1_current": (0.0, 0.1)})
    with pytest.raises(NotReady, match="on while laser1_current is 110 mA: the site allows "):
        device.set("laser1_enabled", True)


def test_limits_are_asked_for_twice_where_a_byte_can_be_lost(pty_peer):
    clip, *others = LIMITS
    harmed = ref("laser1:dl:cc:current-clip", "920.0")
    twice = [step for step in (ref("uptime", "100"), *others) for _ in range(2)]
    peer = pty_peer(WAKE, *IDENTITY, *twice[:2], harmed, clip, clip, *twice[2:])
    with DlcPro("diodes", open_link(peer.resource, "diodes", line=DlcPro.LINE)) as device:
        device.identify()
        assert device.range("laser1_current").high == pytest.approx(0.12)


def uptimes(*seconds):
    return [ref("uptime", str(each)) for each in seconds]


def looked(*seconds):
    """Return the steps of a check on a serial line on which answers can be harmed."""
    return *uptimes(*seconds), ref("interlock-open", "#f"), ref("interlock-open", "#f")


TWICE = [step for step in LIMITS for _ in range(2)]


@pytest.fixture
def doubted(pty_peer):
    """Start a scripted controller on a serial line; its device doubts what it hears."""
    with ExitStack() as opened:

        def make(*script):
            peer = pty_peer(WAKE, *IDENTITY, *script)
            device = DlcPro("diodes", open_link(peer.resource, "diodes", line=DlcPro.LINE))
            return opened.enter_context(device)

        yield make


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((100, 100), (101, 101)),
        ((100, 130), (131, 160)),  # seconds of a lab that runs fast
        ((100, 131, 132), (133, 133)),
        ((100, 900, 101), (102, 102)),
        ((900, 100, 100), (101, 101)),
        ((100, 10, 101), (102, 1, 102)),
        ((100, 120), (101, 101)),  # the second was harmed, and too little to be seen at once
    ],
)
def test_a_harmed_uptime_is_no_power_cycle(doubted, first, second):
    device = doubted(*uptimes(*first), *TWICE, *looked(*second))
    assert device.identify().model == "DLC pro"
    assert device.check() is State.UP


def test_an_uptime_that_nobody_can_tell(doubted):
    device = doubted(*uptimes(100, 5, 900))
    with pytest.raises(BadReply) as caught:
        device.identify()
    assert str(caught.value) == (
        f"diodes ({device.address}): the answer '100, 5, 900' is not the same answer twice (tried to ask "
        "for the uptime). Is the line noisy, is another program talking to it, or is it another kind of "
        "instrument?"
    )


def test_a_power_cycle_on_a_serial_line(doubted):
    anew = (*IDENTITY, *TWICE, ref("interlock-open", "#f"), ref("interlock-open", "#f"))
    device = doubted(*uptimes(100, 100), *TWICE, *uptimes(3, 803, 4), *anew)
    device.identify()
    assert device.check() is State.DEGRADED
    assert device.trouble == DlcPro.RESTARTED


def test_an_open_interlock_is_told_until_somebody_has_acknowledged_it(controller):
    opened, closed = ref("interlock-open", "#t"), ref("interlock-open", "#f")
    scan = (put("laser1:scan:enabled", "#t"), ref("laser1:scan:enabled", "#t"))
    up = ref("uptime", "102")
    device = controller(*GREETING, up, opened, up, closed, up, closed, *scan)
    assert device.check() is State.DEGRADED
    with pytest.raises(NotReady, match="cannot set laser1_scan: its interlock is open: no laser emits"):
        device.set("laser1_scan", True)
    device.acknowledge()
    assert device.set("laser1_scan", True) is True


def test_a_laser_can_be_switched_off_in_any_trouble(controller):
    device = controller(
        *GREETING, ref("uptime", "102"), ref("interlock-open", "#t"), put("laser1:dl:cc:enabled", "#f")
    )
    device.check()
    device.perform("switch_off", "laser1")
    assert device.wanted == {"laser1_enabled": False}


CLOSE, OPEN = run("laser1:dl:lock:close"), run("laser1:dl:lock:open")


def test_locking(controller):
    waits = (ref(STATE, "4"), ref(STATE, "4"), ref(STATE, "5"))
    device = controller(*GREETING, *READY, CLOSE, *waits, ref(PIEZO, "60.0"))
    assert device.perform("lock", "laser1") == "locked"
    assert device.time.now == pytest.approx(100.1)


def test_a_lock_that_does_not_come(controller):
    device = controller(
        *(*GREETING, *READY, CLOSE),
        *(ref(STATE, "4"), ref(STATE, "9"), ref(STATE, "9"), ref(PIEZO, "60.0"), OPEN),
        stride=6.0,
    )
    with pytest.raises(NotReady) as caught:
        device.lock("laser1")
    assert str(caught.value) == (
        f"diodes ({device.address}): cannot lock laser1: after 10 s the lock is relocking. "
        "Is there light on the cavity, and a lock point selected? The loop is open again."
    )


def test_a_lock_at_the_end_of_the_piezo_is_none(controller):
    device = controller(*GREETING, *READY, CLOSE, ref(STATE, "5"), ref(PIEZO, "138.9"), OPEN)
    with pytest.raises(NotReady, match=r"its piezo is at 138\.9 V, at the end of -1 to 139 V"):
        device.lock("laser1")


def test_the_word_of_a_lock_is_doubted_at_the_end_of_the_piezo(controller):
    locked = ref(STATE, "5")
    device = controller(*GREETING, locked, ref(PIEZO, "70.0"), locked, ref(PIEZO, "0.5"))
    assert device.measure("laser1_lock_state").quality is Quality.GOOD
    reading = device.measure("laser1_lock_state")
    assert (reading.value, reading.quality) == ("locked", Quality.SUSPECT)
    assert reading.note == "its piezo is at 0.5 V, at the end of -1 to 139 V"


def test_no_lock_with_an_open_interlock(controller):
    opened = (ref("uptime", "102"), ref("interlock-open", "#t"))
    device = controller(*GREETING, *opened)
    with pytest.raises(NotReady, match="its interlock is open"):
        device.lock("laser1")


def test_unlocking(controller):
    device = controller(*GREETING, OPEN, ref(STATE, "0"))
    assert device.perform("unlock", "laser1") == "idle"


@pytest.mark.parametrize("action", ["lock", "unlock", "switch_off"])
def test_a_laser_that_does_not_exist(controller, action):
    with pytest.raises(UnknownName) as caught:
        controller().perform(action, "laser3")
    assert str(caught.value) == "diodes: there is no laser 'laser3'. Did you mean laser2 or laser1?"


def test_a_failed_command_is_told(controller):
    failed = run("laser1:dl:lock:open", "some output\r\nError: -21 lock is disabled")
    with pytest.raises(Refused, match="error -21: lock is disabled"):
        controller(*GREETING, failed).unlock("laser1")


def test_the_serial_line_is_woken_with_two_prompts(controller, pty_peer):
    device = controller(peer=pty_peer(WAKE, *MET))
    assert device.identify().serial_number == "DLC PRO_012345"


def test_the_serial_line_is_woken_again_after_trouble(controller, pty_peer):
    question = ref("laser1:dl:pc:voltage-set", "71.25")
    garbled = (question[0], b"7#.25\r\n> ")
    peer = pty_peer(WAKE, *MET, garbled, WAKE, *IDENTITY, question)
    assert controller(peer=peer).read("laser1_piezo_voltage") == 71.25


def test_numbers_are_bounded_and_toleranced():
    for setting in DlcPro.SETTINGS:
        assert not setting.number or (setting.low < setting.high and setting.tolerance > 0.0)
        assert replace(setting).doc
