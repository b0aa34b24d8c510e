"""The lasers of a simulated DLC pro: what locks, piezos, currents and keys do to their light."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from dlc_pro_clients import ask, put, ref

from hardware_sim.instruments.dlc_command_line import CommandLine
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

SPACING = DiodeOptics().mode_spacing


def state(line: CommandLine, now: float) -> LockState:
    return LockState(int(ref(line, "laser1:dl:lock:state", now)))


@pytest.mark.parametrize("index", [1, 2])
def test_a_fresh_locked_laser_is_exactly_where_it_should_be(dlc: SimulatedDlcPro, index: int) -> None:
    assert [dlc.frequency(index, now) for now in (0.0, 1.5, 1e7)] == [0.0, 0.0, 0.0]
    assert dlc.locked(index, 5.0)
    assert dlc.emission(index)
    assert (dlc.piezo_voltage(index, 5.0), dlc.current(index, 5.0)) == (70.0, pytest.approx(0.11))
    assert dlc.temperature(index, 5.0) == 21.0


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
