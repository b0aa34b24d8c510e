from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest
from instrument_clients import dial, read_until

from hardware_sim.instruments.decop_syntax import DecopError, format_value, is_open, parse_expression
from hardware_sim.instruments.dlc_command_line import LINE_LIMIT, WELCOME, CommandLine
from hardware_sim.instruments.dlc_laser import DiodeLaserSpecification, standing
from hardware_sim.instruments.dlc_lock import LINE_SPACING, LockState
from hardware_sim.instruments.dlc_optics import (
    JITTER,
    KICK,
    WANDER_RATE,
    DiodeOptics,
    Thermal,
    Wander,
    waveform,
)
from hardware_sim.instruments.dlc_pro import DlcProSpecification, SimulatedDlcPro
from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.tcp import serve_tcp

SPACING = DiodeOptics().mode_spacing


STILL = tuple(DiodeLaserSpecification(label, wander=standing) for label in ("866 nm", "854 nm"))
"""Lasers that stay where they are when their locks let them go, so that what tunes them is seen alone."""


@pytest.fixture
def dlc() -> SimulatedDlcPro:
    return SimulatedDlcPro(DlcProSpecification(STILL))


@pytest.fixture
def line(dlc: SimulatedDlcPro) -> CommandLine:
    session = dlc.connect()
    assert session.receive(b"", 0.0) == WELCOME.encode()
    return session


def ask(line: CommandLine, request: str, now: float = 0.0) -> str:
    reply = line.receive(request.encode() + b"\n", now).decode()
    assert reply.endswith("\r\n> ")
    return reply.removesuffix("\r\n> ")


def ref(line: CommandLine, name: str, now: float = 0.0) -> str:
    return ask(line, f"(param-ref '{name})", now)


def put(line: CommandLine, name: str, value: str, now: float = 0.0) -> str:
    return ask(line, f"(param-set! '{name} {value})", now)


def state(line: CommandLine, now: float) -> LockState:
    return LockState(int(ref(line, "laser1:dl:lock:state", now)))


def test_welcome_ends_as_clients_wait_for_it() -> None:
    assert WELCOME.endswith("DeCoF Command Line\r\n> ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("serial-number", '"DLC PRO_012345"'),
        ("system-type", '"DLC pro"'),
        ("emission", "#t"),
        ("interlock-open", "#f"),
        ("frontkey-locked", "#f"),
        ("ul", "3"),
        ("net-conf:cmd-port", "1998"),
        ("laser1:type", '"DL pro"'),
        ("laser1:dl:pc:voltage-act", "70.0"),
        ("laser1:dl:cc:current-act", "110.0"),
        ("laser1:dl:tc:temp-act", "21.0"),
        ("laser1:dl:tc:ready", "#t"),
        ("laser1:dl:lock:state", "5"),
        ("laser2:dl:lock:state-txt", '"Locked"'),
        ("laser1:dl:lock:lock-enabled", "#t"),
        ("laser1:scan:unit", '"V"'),
    ],
)
def test_a_lab_that_runs(line: CommandLine, dlc: SimulatedDlcPro, name: str, value: str) -> None:
    assert ref(line, name) == value
    assert ask(line, f"(param-gsv '{name})") == value
    assert not dlc.complaints


@pytest.mark.parametrize("index", [1, 2])
def test_a_fresh_locked_laser_is_exactly_where_it_should_be(dlc: SimulatedDlcPro, index: int) -> None:
    assert [dlc.frequency(index, now) for now in (0.0, 1.5, 1e7)] == [0.0, 0.0, 0.0]
    assert dlc.locked(index, 5.0)
    assert dlc.emission(index)
    assert (dlc.piezo_voltage(index, 5.0), dlc.current(index, 5.0)) == (70.0, pytest.approx(0.11))
    assert dlc.temperature(index, 5.0) == 21.0


def test_every_parameter_can_be_read_and_displayed(line: CommandLine, dlc: SimulatedDlcPro) -> None:
    shown = dict(each.split(" = ", 1) for each in ask(line, "(param-disp)").split("\r\n"))
    assert sorted(shown) == sorted(dlc.names())
    assert all(ref(line, name) == value for name, value in shown.items())
    branch = ask(line, "(param-disp 'laser2:dl:cc)").split("\r\n")
    assert branch
    assert all(each.startswith("laser2:dl:cc:") for each in branch)


def test_several_values_in_one_round_trip(line: CommandLine) -> None:
    request = "`(,(param-ref 'laser1:dl:lock:state),(param-ref 'emission) 7)"
    assert ask(line, request) == "(5 #t 7)"


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        ("(param-ref 'laser3:type)", "Error: -4 invalid parameter: laser3:type"),
        ("(param-ref 'laser1)", "Error: -4 invalid parameter: laser1"),
        ("(param-ref 'laser1:nothing)", "Error: -4 invalid parameter: nothing"),
        ("(param-ref laser1:type)", "Error: -2 parse: a name with a quote before it is needed"),
        ("(param-ref)", "Error: -2 parse"),
        ("(param-disp 'nothing)", "Error: -4 invalid parameter: nothing"),
        ("(quux 'uptime)", "Error: -7 unknown operation: quux"),
        ("(exec 'laser1:dl:lock:fly)", "Error: -7 unknown operation: dl:lock:fly"),
        ("(exec 'fly)", "Error: -7 unknown operation: fly"),
        ("(exec 'laser1:dl:lock:open 3)", "Error: -6 invalid value"),
        ("uptime", "Error: -5 wrong type"),
        ("(param-ref 'uptime) 3", "Error: -2 parse: 3 after the end"),
        (")", "Error: -2 parse"),
        ("()", "Error: -7"),
        ("(param-ref 'caf\u00e9)", "Error: -2 parse: a character is not ASCII"),
    ],
)
def test_mistakes_are_told_and_remembered(
    line: CommandLine, dlc: SimulatedDlcPro, request_: str, reply: str
) -> None:
    assert ask(line, request_).startswith(reply)
    assert len(dlc.complaints) == 1
    assert ref(line, "ul") == "3"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("laser1:dl:cc:current-set", "150.5", "0"),
        ("laser1:dl:cc:current-set", "120", "0"),
        ("laser1:dl:cc:current-set", "200.1", "-6"),
        ("laser1:dl:cc:current-set", "-0.1", "-6"),
        ("laser1:dl:cc:current-set", "1e999", "-6"),
        ("laser1:dl:cc:current-set", "#t", "-5"),
        ("laser1:dl:cc:current-set", '"5"', "-5"),
        ("laser1:dl:cc:current-clip", "250.1", "-6"),
        ("laser1:dl:cc:current-clip-limit", "300.0", "-3"),
        ("laser1:dl:cc:current-act", "1.0", "-3"),
        ("laser1:dl:pc:voltage-set", "140.0", "0"),
        ("laser1:dl:pc:voltage-set", "140.1", "-6"),
        ("laser1:dl:pc:voltage-max", "130.0", "-8"),
        ("laser1:dl:tc:temp-set", "40.1", "-6"),
        ("laser1:dl:lock:pid-selection", "2", "0"),
        ("laser1:dl:lock:pid-selection", "2.0", "-5"),
        ("laser1:scan:amplitude", "500.0", "1"),
        ("laser1:label", '"my \\"laser\\""', "0"),
        ("system-label", '"lab 3"', "0"),
        ("uptime", "5", "-3"),
        ("nothing", "5", "-4"),
    ],
)
def test_settings_obey_type_range_and_rights(line: CommandLine, name: str, value: str, code: str) -> None:
    before = ref(line, name)
    assert put(line, name, value) == code
    after = ref(line, name)
    if code == "0":
        assert float(after) == float(value) if value[0].isdigit() else after == value
    elif code == "1":
        assert after == "140.0"
    else:
        assert after == before


def test_a_limit_moves_with_the_setting_that_holds_it(line: CommandLine) -> None:
    assert put(line, "laser1:dl:cc:current-clip", "100.0") == "0"
    assert put(line, "laser1:dl:cc:current-set", "105.0") == "-6"
    assert ref(line, "laser1:dl:cc:current-act") == "100.0"


def test_user_levels_belong_to_a_client(line: CommandLine, dlc: SimulatedDlcPro) -> None:
    assert ask(line, '(exec \'change-ul 2 "wrong")') == "3"
    assert ask(line, '(exec \'change-ul 2 "CAUTION")') == "2"
    assert put(line, "laser1:dl:pc:voltage-max", "130.0") == "0"
    other = dlc.connect()
    other.receive(b"", 0.0)
    assert put(other, "laser1:dl:pc:voltage-max", "120.0") == "-8"
    assert ask(line, '(exec \'change-ul 4 "")') == "4"
    assert put(line, "laser1:dl:pc:voltage-set", "71.0") == "-8"
    assert ask(line, '(exec \'change-ul 7 "")').startswith("Error: -6")


def test_fragments_at_every_byte_and_glued_requests(dlc: SimulatedDlcPro) -> None:
    requests = b"(param-ref 'ul)\n(param-set! 'laser1:label \"a)b(\")\r\n(param-ref\n 'laser1:label)\n"
    expected = WELCOME.encode() + b'3\r\n> 0\r\n> "a)b("\r\n> '
    assert dlc.connect().receive(requests, 0.0) == expected
    for cut in range(len(requests)):
        session = dlc.connect()
        assert session.receive(requests[:cut], 0.0) + session.receive(requests[cut:], 0.0) == expected


def test_nothing_is_answered_before_the_line_ends(line: CommandLine) -> None:
    assert line.receive(b"(param-ref 'ul)\r", 0.0) == b""
    assert line.receive(b"\n", 0.0) == b"3\r\n> "


def test_cancel_drops_half_a_request_and_both_control_characters_prompt(line: CommandLine) -> None:
    assert line.receive(b"(param-ref '", 0.0) == b""
    assert line.receive(b"\x12\x03", 0.0) == b"\r\n> \r\n> "
    assert ref(line, "ul") == "3"


def test_an_endless_request_is_dropped(line: CommandLine) -> None:
    said = line.receive(b"(" * (LINE_LIMIT + 1), 0.0)
    assert said == b"Error: -2 parse: the expression is too long\r\n> "
    assert ref(line, "ul") == "3"


def test_noise_is_answered_with_an_error(line: CommandLine) -> None:
    assert line.receive(b"\xff\xfe\x80\n", 0.0).startswith(b"Error: -2")
    assert ref(line, "ul") == "3"


def test_an_open_lock_leaves_the_laser_to_its_piezo(line: CommandLine, dlc: SimulatedDlcPro) -> None:
    assert ask(line, "(exec 'laser1:dl:lock:open)", 1.0) == "()"
    assert state(line, 1.0) is LockState.IDLE
    assert dlc.frequency(1, 1.0) == 0.0
    put(line, "laser1:dl:pc:voltage-set", "70.5", 2.0)
    optics = DiodeOptics()
    slope = optics.piezo_slope + optics.current_slope * optics.feed_forward
    assert dlc.frequency(1, 2.0) == pytest.approx(0.5 * slope)
    assert dlc.frequency(2, 2.0) == 0.0


def test_locking_takes_its_time_and_pulls_the_laser_back(line: CommandLine, dlc: SimulatedDlcPro) -> None:
    ask(line, "(exec 'laser1:dl:lock:open)", 1.0)
    put(line, "laser1:dl:pc:voltage-set", "70.5", 1.0)
    assert put(line, "laser1:dl:lock:lock-enabled", "#t", 2.0) == "0"
    assert state(line, 2.1) is LockState.LOCKING
    assert not dlc.locked(1, 2.1)
    assert state(line, 2.3) is LockState.LOCKED
    assert dlc.frequency(1, 2.3) == 0.0
    assert dlc.piezo_voltage(1, 2.3) == pytest.approx(70.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("pid1:gain:all", "0.0"), ("pid1:sign", "#f"), ("pid1:enabled", "#f"), ("pid1:hold", "#t")],
)
def test_a_servo_that_cannot_work_does_not_lock(line: CommandLine, name: str, value: str) -> None:
    ask(line, "(exec 'laser1:dl:lock:open)", 1.0)
    put(line, f"laser1:dl:lock:{name}", value, 1.0)
    ask(line, "(exec 'laser1:dl:lock:close)", 2.0)
    assert state(line, 3.0) is LockState.IDLE


def test_no_line_in_reach_is_no_lock(line: CommandLine) -> None:
    ask(line, "(exec 'laser1:dl:lock:open)", 1.0)
    put(line, "laser1:dl:pc:voltage-set", "72.0", 1.0)
    ask(line, "(exec 'laser1:dl:lock:close)", 2.0)
    assert state(line, 3.0) is LockState.IDLE


def test_a_line_is_found_in_a_scan_and_selected(line: CommandLine, dlc: SimulatedDlcPro) -> None:
    ask(line, "(exec 'laser1:dl:lock:open)", 1.0)
    assert ask(line, "(exec 'laser1:dl:lock:find-candidates)", 1.0).startswith("Error: -3")
    put(line, "laser1:scan:amplitude", "10.0", 1.0)
    put(line, "laser1:scan:enabled", "#t", 1.0)
    assert state(line, 1.1) is LockState.SCANNING
    assert ask(line, "(exec 'laser1:dl:lock:find-candidates)", 1.1) == "()"
    assert state(line, 1.1) is LockState.SELECTING
    *candidates, count = ask(line, "(exec 'laser1:dl:lock:show-candidates)", 1.2).split("\r\n")
    assert int(count) == len(candidates) == 3
    ask(line, f"(exec 'laser1:dl:lock:select-lockpoint {candidates[2].split()[0]} 0.0 1)", 1.3)
    assert state(line, 1.3) is LockState.SELECTED
    ask(line, "(exec 'laser1:dl:lock:close)", 1.4)
    assert state(line, 1.7) is LockState.LOCKED
    assert dlc.frequency(1, 1.7) == LINE_SPACING


def test_the_set_point_moves_a_locked_laser(line: CommandLine, dlc: SimulatedDlcPro) -> None:
    put(line, "laser1:dl:lock:setpoint", "2.0", 1.0)
    assert dlc.frequency(1, 1.0) == pytest.approx(10e6)
    assert dlc.locked(1, 1.0)


def test_hold_freezes_the_output(line: CommandLine) -> None:
    drifting = DlcProSpecification((DiodeLaserSpecification(drift=lambda now: 1e6 * now, wander=standing),))
    dlc = SimulatedDlcPro(drifting)
    session = dlc.connect()
    session.receive(b"", 0.0)
    put(session, "laser1:dl:lock:hold", "#t", 10.0)
    assert state(session, 10.0) is LockState.HOLD
    frozen = dlc.piezo_voltage(1, 10.0)
    assert dlc.frequency(1, 30.0) == pytest.approx(20e6, rel=1e-6)
    assert dlc.piezo_voltage(1, 30.0) == frozen
    put(session, "laser1:dl:lock:hold", "#f", 31.0)
    assert state(session, 32.0) is LockState.LOCKED


def test_the_piezo_of_a_locked_laser_follows_a_drift_until_it_rails() -> None:
    dlc = SimulatedDlcPro(DlcProSpecification((DiodeLaserSpecification(drift=lambda now: -1e6 * now),)))
    assert dlc.frequency(1, 1000.0) == 0.0
    optics = DiodeOptics()
    slope = optics.piezo_slope + optics.current_slope * optics.feed_forward
    assert dlc.piezo_voltage(1, 1000.0) == pytest.approx(70.0 + 1e9 / slope)
    assert not dlc.locked(1, 30_000.0)


def test_a_mode_hop_is_one_spacing_and_opens_the_lock(line: CommandLine, dlc: SimulatedDlcPro) -> None:
    dlc.provoke("mode hop", 5.0)
    assert not dlc.locked(1, 5.0)
    assert state(line, 5.0) is LockState.IDLE
    assert dlc.frequency(1, 5.0) == pytest.approx(SPACING)
    assert dlc.locked(2, 5.0)


def test_the_current_brings_the_mode_back_with_hysteresis(line: CommandLine, dlc: SimulatedDlcPro) -> None:
    dlc.provoke("mode hop", 5.0)
    put(line, "laser1:dl:cc:current-set", "111.0", 6.0)
    assert dlc.frequency(1, 6.0) > 0.5 * SPACING
    put(line, "laser1:dl:cc:current-set", "113.0", 7.0)
    assert abs(dlc.frequency(1, 7.0)) < 0.5 * SPACING
    put(line, "laser1:dl:cc:current-set", "111.0", 8.0)
    assert abs(dlc.frequency(1, 8.0)) < 0.5 * SPACING


@pytest.mark.parametrize(("enabled", "hops"), [("#t", False), ("#f", True)])
def test_feed_forward_keeps_the_mode(
    line: CommandLine, dlc: SimulatedDlcPro, enabled: str, hops: bool
) -> None:
    ask(line, "(exec 'laser1:dl:lock:open)")
    put(line, "laser1:dl:cc:feedforward-enabled", enabled)
    optics = DiodeOptics()
    slope = optics.piezo_slope + (0.0 if hops else optics.current_slope * optics.feed_forward)
    for volts in range(71, 90):
        put(line, "laser1:dl:pc:voltage-set", f"{volts}.0", float(volts))
    hopped = round((dlc.frequency(1, 90.0) - slope * 19.0) / SPACING)
    assert (hopped != 0) is hops


def test_between_half_a_spacing_and_the_hop_it_is_not_single_mode(
    line: CommandLine, dlc: SimulatedDlcPro
) -> None:
    assert dlc.single_mode(1, 0.0)
    ask(line, "(exec 'laser1:dl:lock:open)")
    put(line, "laser1:dl:cc:feedforward-enabled", "#f")
    put(line, "laser1:dl:pc:voltage-set", "81.0")
    assert not dlc.single_mode(1, 1.0)


def test_a_lost_lock_finds_back_if_it_may(line: CommandLine, dlc: SimulatedDlcPro) -> None:
    put(line, "laser1:dl:lock:relock:enabled", "#t")
    dlc.provoke("unlock", 5.0)
    assert state(line, 5.05) is LockState.RELOCKING
    assert ref(line, "laser1:busy", 5.05) == "#t"
    assert state(line, 5.3) is LockState.LOCKED
    assert dlc.frequency(1, 5.3) == 0.0


def test_a_laser_that_lost_its_lock_jumps_and_drifts_until_it_is_locked_again() -> None:
    dlc = SimulatedDlcPro()
    line = dlc.connect()
    line.receive(b"", 0.0)
    dlc.provoke("unlock", 5.0)
    jumped = dlc.frequency(1, 5.0)
    assert KICK[0] <= abs(jumped) <= KICK[1]
    # In the first minute, up to the jitter: 20 MHz less 5 %.
    assert abs(dlc.frequency(1, 65.0) - jumped) == pytest.approx(
        60 * WANDER_RATE * 0.95, abs=2 * JITTER + 0.1e6
    )
    assert dlc.frequency(2, 65.0) == 0.0
    for now in (600.0, 1e7):
        assert state(line, now) is LockState.IDLE
    ask(line, "(exec 'laser1:dl:lock:close)", 1e7)
    assert state(line, 1e7 + 1) is LockState.LOCKED
    assert dlc.frequency(1, 1e7 + 1) == 0.0
    assert dlc.frequency(1, 2e7) == 0.0


def test_a_laser_wanders_the_same_way_each_time_and_unlike_others() -> None:
    assert Wander.of("866 nm") == Wander.of("866 nm")
    assert len({Wander.of(f"{name} nm").kick for name in (866, 854, 397, 393, 729)}) == 5


def test_the_moment_of_the_loss_counts_and_not_that_of_the_look() -> None:
    seldom, often = SimulatedDlcPro(), SimulatedDlcPro()
    for dlc in (seldom, often):
        dlc.connect().receive(b"(exec 'laser1:dl:lock:open)\n", 1.0)
    for now in np.linspace(1.0, 99.0, 50):
        often.frequency(1, float(now))
    assert seldom.frequency(1, 100.0) == often.frequency(1, 100.0) != 0.0


def test_a_lost_lock_may_reset_or_open(line: CommandLine, dlc: SimulatedDlcPro) -> None:
    put(line, "laser1:dl:lock:reset:enabled", "#t")
    dlc.provoke("laser1 unlock", 5.0)
    assert state(line, 5.01) is LockState.RESETTING
    assert state(line, 5.1) is LockState.RESET
    dlc.provoke("laser2 unlock", 5.0)
    assert ref(line, "laser2:dl:lock:state", 5.0) == "0"


def test_without_window_the_controller_lies(line: CommandLine, dlc: SimulatedDlcPro) -> None:
    put(line, "laser1:dl:lock:window:enabled", "#f")
    dlc.provoke("rail", 5.0)
    assert state(line, 5.0) is LockState.LOCKED
    assert not dlc.locked(1, 5.0)
    assert dlc.piezo_voltage(1, 5.0) == 140.0
    assert abs(dlc.frequency(1, 5.0)) > 1e9


def test_a_rail_opens_a_lock_that_watches(line: CommandLine, dlc: SimulatedDlcPro) -> None:
    dlc.provoke("rail", 5.0)
    assert state(line, 5.0) is LockState.IDLE


def test_the_interlock_takes_the_light_until_the_button_is_pressed(
    line: CommandLine, dlc: SimulatedDlcPro
) -> None:
    dlc.provoke("interlock", 5.0)
    assert (ref(line, "interlock-open", 5.0), ref(line, "emission", 5.0)) == ("#t", "#f")
    assert ref(line, "system-health-txt", 5.0) == '"Interlock open"'
    assert not dlc.emission(1)
    assert (dlc.current(1, 5.0), dlc.power(1, 5.0)) == (0.0, 0.0)
    assert put(line, "laser1:dl:cc:enabled", "#t", 6.0) == "0"
    assert put(line, "emission-button-enabled", "#t", 6.0) == "0"
    assert ref(line, "laser1:emission", 6.0) == "#f"
    dlc.front_panel("interlock", True, 7.0)
    assert ref(line, "emission", 7.0) == "#f"
    dlc.front_panel("emission button", True, 8.0)
    assert ref(line, "emission", 8.0) == "#t"
    assert state(line, 8.0) is LockState.IDLE


def test_key_standby_and_current_switch(line: CommandLine, dlc: SimulatedDlcPro) -> None:
    put(line, "standby:enabled", "#t")
    assert not dlc.emission(1)
    put(line, "standby:enabled", "#f")
    assert dlc.emission(1)
    put(line, "laser1:dl:cc:enabled", "#f")
    assert (dlc.emission(1), dlc.emission(2)) == (False, True)
    dlc.front_panel("key", False, 1.0)
    assert ref(line, "frontkey-locked", 1.0) == "#t"
    assert not dlc.emission(2)
    dlc.front_panel("key", True, 2.0)
    assert not dlc.emission(2)


def test_the_head_warms_up_and_is_ready_later(line: CommandLine, dlc: SimulatedDlcPro) -> None:
    put(line, "laser1:dl:tc:temp-set", "22.0", 10.0)
    assert ref(line, "laser1:dl:tc:ready", 10.0) == "#f"
    assert 21.0 < dlc.temperature(1, 13.0) < 22.0
    assert dlc.temperature(1, 200.0) == pytest.approx(22.0)
    assert ref(line, "laser1:dl:tc:ready", 200.0) == "#t"


def test_a_scan_of_the_piezo(line: CommandLine, dlc: SimulatedDlcPro) -> None:
    ask(line, "(exec 'laser1:dl:lock:open)")
    for name, value in (("frequency", "1.0"), ("start", "68.0"), ("end", "74.0"), ("enabled", "#t")):
        assert put(line, f"laser1:scan:{name}", value, 10.0) == "0"
    assert (ref(line, "laser1:scan:offset"), ref(line, "laser1:scan:amplitude")) == ("71.0", "6.0")
    volts = [dlc.piezo_voltage(1, 10.0 + quarter / 4.0) for quarter in range(4)]
    assert volts == pytest.approx([71.0, 74.0, 71.0, 68.0])
    put(line, "laser1:scan:output-channel", "51", 11.0)
    assert dlc.piezo_voltage(1, 11.25) == 70.0
    assert dlc.current(1, 11.25) == pytest.approx(0.113)
    assert ref(line, "laser1:scan:unit", 11.0) == '"mA"'


def test_saved_settings_survive_a_power_cycle_and_others_do_not(
    line: CommandLine, dlc: SimulatedDlcPro
) -> None:
    put(line, "laser1:dl:pc:voltage-set", "75.0")
    assert ask(line, "(exec 'laser1:save)") == "()"
    put(line, "laser1:dl:pc:voltage-set", "80.0")
    put(line, "laser2:dl:pc:voltage-set", "80.0")
    dlc.switch_off(100.0)
    assert line.receive(b"(param-ref 'ul)\n", 101.0) == b""
    assert not dlc.emission(1)
    dlc.switch_on(140.0)
    fresh = dlc.connect()
    fresh.receive(b"", 141.0)
    assert ref(fresh, "uptime", 145.0) == "5"
    assert (ref(fresh, "emission", 141.0), state(fresh, 141.0)) == ("#f", LockState.IDLE)
    assert ref(fresh, "emission-button-enabled", 141.0) == "#f"
    assert ref(fresh, "laser1:dl:pc:voltage-set", 141.0) == "75.0"
    assert ref(fresh, "laser2:dl:pc:voltage-set", 141.0) == "70.0"
    dlc.front_panel("emission button", True, 300.0)
    ask(fresh, "(exec 'laser2:dl:lock:close)", 300.0)
    assert dlc.frequency(2, 301.0) == 0.0
    assert dlc.locked(2, 301.0)


def test_a_cold_controller_has_no_light() -> None:
    dlc = SimulatedDlcPro(replace(DlcProSpecification(), running=False))
    assert not dlc.emission(1)
    assert not dlc.locked(1, 0.0)


def test_an_amplifier_needs_its_seed() -> None:
    dlc = SimulatedDlcPro(DlcProSpecification((DiodeLaserSpecification(amplifier=True),)))
    line = dlc.connect()
    line.receive(b"", 0.0)
    assert ref(line, "laser1:type") == '"TA pro"'
    assert float(ref(line, "laser1:amp:pd:amp:power")) > 100.0
    put(line, "laser1:dl:cc:enabled", "#f")
    assert float(ref(line, "laser1:amp:pd:amp:power")) == 0.0
    assert float(ref(line, "laser1:amp:cc:current-act")) == 1500.0


def test_only_an_amplified_laser_has_an_amplifier(line: CommandLine) -> None:
    assert ref(line, "laser1:amp:cc:current-set").startswith("Error: -4")


def test_knobs_have_their_limits(dlc: SimulatedDlcPro) -> None:
    with pytest.raises(InstrumentSetupError, match="laser1 current = 500"):
        dlc.front_panel("laser1 current", 500.0, 0.0)
    with pytest.raises(InstrumentSetupError, match="laser = 3 is not possible: allowed is 1 to 2"):
        dlc.frequency(3, 0.0)
    with pytest.raises(InstrumentSetupError, match="lasers = 0"):
        SimulatedDlcPro(DlcProSpecification(lasers=()))
    dlc.front_panel("laser2 piezo", 71.0, 0.0)
    assert dlc.connect().receive(b"(param-ref 'laser2:dl:pc:voltage-set)\n", 0.0).endswith(b"71.0\r\n> ")


def test_the_monitoring_line_tells_at_once_and_on_change(dlc: SimulatedDlcPro, line: CommandLine) -> None:
    monitor = dlc.stream.connect()
    assert monitor.receive(b"", 0.0) == b""
    assert monitor.due() is None
    told = monitor.receive(b"(add 'laser1:dl:lock:state 100)\n", 21_662.123)
    assert told == b"(2026-01-01T06:01:02.123Z 'laser1:dl:lock:state 5)\n"
    assert monitor.due() == pytest.approx(21_662.223)
    ask(line, "(exec 'laser1:dl:lock:open)", 21_662.15)
    assert monitor.receive(b"", 21_662.2) == b""
    assert monitor.receive(b"", 21_662.3) == b"(2026-01-01T06:01:02.300Z 'laser1:dl:lock:state 0)\n"
    assert monitor.receive(b"", 21_663.0) == b""
    assert monitor.receive(b"(remove 'laser1:dl:lock:state)\n", 21_663.0) == b""
    assert monitor.due() is None


def test_a_threshold_holds_small_changes_back(dlc: SimulatedDlcPro, line: CommandLine) -> None:
    ask(line, "(exec 'laser1:dl:lock:open)")
    monitor = dlc.stream.connect()
    assert b" 70.0)\n" in monitor.receive(b"(add 'laser1:dl:pc:voltage-act 10 0.5)\n", 1.0)
    put(line, "laser1:dl:pc:voltage-set", "70.4", 2.0)
    assert monitor.receive(b"", 3.0) == b""
    put(line, "laser1:dl:pc:voltage-set", "70.6", 4.0)
    assert b" 70.6)\n" in monitor.receive(b"", 5.0)


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (
            b"(add 'nothing)\n",
            b"(Error: -4 (2026-01-01T00:00:01.000Z 'nothing) invalid parameter: nothing)\n",
        ),
        (b"(remove 'ul)\n", b"(Error: -9 (2026-01-01T00:00:01.000Z 'ul) not subscribed: ul)\n"),
        (b"(add\n", b"(Error: -2 (2026-01-01T00:00:01.000Z ') parse: a closing parenthesis is missing)\n"),
        (b"(fly 'ul)\n", b"(Error: -7 (2026-01-01T00:00:01.000Z ') unknown operation: (fly 'ul))\n"),
    ],
)
def test_mistakes_on_the_monitoring_line(dlc: SimulatedDlcPro, request_: bytes, reply: bytes) -> None:
    assert dlc.stream.connect().receive(request_, 1.0) == reply
    assert len(dlc.complaints) == 1


@pytest.mark.parametrize("request_", [b"(add 'ul #t)\n", b"(add 'ul 0)\n", b"(add 'ul 1 2 3)\n", b"x" * 5000])
def test_impossible_subscriptions(dlc: SimulatedDlcPro, request_: bytes) -> None:
    session = dlc.stream.connect()
    assert session.receive(request_, 1.0).startswith(b"(Error: -")
    assert session.due() is None


def test_a_power_cycle_ends_subscriptions(dlc: SimulatedDlcPro) -> None:
    monitor = dlc.stream.connect()
    monitor.receive(b"(add 'ul)\n", 1.0)
    dlc.stream.switch_off(2.0)
    assert not dlc.powered
    assert monitor.receive(b"(add 'ul)\n", 3.0) == b""
    dlc.stream.switch_on(4.0)
    assert monitor.due() is None
    monitor.close()


def test_both_lines_over_tcp(dlc: SimulatedDlcPro) -> None:
    with serve_tcp(dlc) as commands, serve_tcp(dlc.stream) as events:
        with (
            dial(commands) as line,
            dial(events) as monitor,
        ):
            assert read_until(line, b"\n> ") == WELCOME.encode()
            monitor.sendall(b"(add 'laser1:dl:lock:state 10)\n")
            assert read_until(monitor, b"\n").endswith(b"'laser1:dl:lock:state 5)\n")
            line.sendall(b"(exec 'laser1:dl:lock:open)\n")
            assert read_until(line, b"\n> ") == b"()\r\n> "
            assert read_until(monitor, b"\n").endswith(b"'laser1:dl:lock:state 0)\n")
        assert dlc.frequency(1, time.monotonic()) == 0.0


@pytest.mark.parametrize("text", ["", "(", "(a", '"a', "'", "&=x", "a b", ")"])
def test_text_that_is_no_expression(text: str) -> None:
    with pytest.raises(DecopError, match="Error: -2 parse"):
        parse_expression(text)


def test_values_come_back_as_they_went() -> None:
    value = (True, -3, 2.5, -1.5e-9, 'a "quoted" \\ word', b"\x00\xff", (1, ()))
    assert parse_expression(format_value(value)) == value


def test_open_expressions() -> None:
    assert [is_open(text) for text in ('("(")', '("("', '"', '"\\"', "")] == [False, True, True, True, False]


@pytest.mark.parametrize("shape", [0, 1, 2])
def test_waveforms_stay_within_bounds_and_repeat(shape: int) -> None:
    values = [waveform(shape, step / 96.0) for step in range(96)]
    assert max(values) <= 1.0
    assert min(values) >= -1.0
    assert max(values) > 0.99
    assert waveform(shape, 3.3) == pytest.approx(waveform(shape, 0.3))


@pytest.mark.parametrize("rate", [0.05, 1.0, math.inf])
@pytest.mark.parametrize("tolerance", [0.01, 1.0, 4.0, 20.0])
def test_the_time_to_a_tolerance_is_that_of_the_way(rate: float, tolerance: float) -> None:
    way = Thermal(5.0, 20.0, 30.0, 3.0, rate)
    reached = way.reaches(tolerance)
    assert abs(way.at(reached) - 30.0) <= tolerance + 1e-9
    if reached > 5.0:
        assert abs(way.at(reached - 1e-3) - 30.0) > tolerance
