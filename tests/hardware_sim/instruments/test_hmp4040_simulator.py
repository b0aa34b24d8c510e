"""The simulated HMP4040: one selected channel for all, coils that take time, an oven that lags."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instrument_clients import feed, pyvisa_client

from hardware_sim.instruments import InstrumentSetupError, serve_tcp
from hardware_sim.instruments.hmp4040 import Hmp4040Specification, SimulatedHmp4040
from hardware_sim.instruments.hmp4040_channel import MEMORY, Playback, Point
from hardware_sim.instruments.hmp4040_output import Drive, Load

HURRIED = Hmp4040Specification(command_time=0.0, measuring_time=0.0)
# A coil of 10 ms, two resistors, and an oven that gets 100 K hot with 1 W and needs 100 s.
LOADS = (Load(2.0, inductance=0.02), Load(4.0), Load(100.0), Load(1.0, heating=100.0, lag=100.0))


@pytest.fixture
def supply() -> SimulatedHmp4040:
    supply = SimulatedHmp4040(LOADS, specification=HURRIED)
    supply.execute("*CLS", 0.0)
    return supply


def ask(supply: SimulatedHmp4040, line: str, now: float = 0.0) -> str:
    return supply.execute(line, now)


def switch_on(supply: SimulatedHmp4040, channel: int, volts: float, amperes: float, now: float) -> None:
    ask(supply, f"INST:NSEL {channel};:APPL {volts},{amperes};:OUTP:SEL 1;GEN 1", now)


def test_identity_and_state_after_power_on(supply: SimulatedHmp4040) -> None:
    assert ask(supply, "*IDN?") == "ROHDE&SCHWARZ,HMP4040,101545,HW50010003/SW2.62"
    assert ask(supply, "INST:NSEL?;:OUTP?;:OUTP:SEL?;GEN?;:SYST:VERS?") == "1;0;0;0;1999.0"


@pytest.mark.parametrize(
    ("command", "query", "reply"),
    [
        ("VOLT 3.3", "VOLT?", "3.300"),
        ("SOURCE:VOLTAGE:LEVEL:IMMEDIATE:AMPLITUDE 3300 mV", "VOLT?", "3.300"),
        ("VOLT MAX", "VOLT?", "32.050"),
        ("CURR 0.5", "CURR?", "0.5000"),
        ("CURR MIN", "CURR?", "0.0005"),
        ("VOLT 3;VOLT:STEP 0.5;:VOLT UP", "VOLT?", "3.500"),
        ("CURR 1;CURR:STEP 0.1;:CURR DOWN", "CURR?", "0.9000"),
        ("APPL 3.3,1.0", "APPL?", "3.300, 1.0000"),
        ("APPL 5", "APPL?", "5.000, 1.0000"),
        ("INST:NSEL 3", "INST?", "OUT3"),
        ("INST OUT4", "INST:NSEL?", "4"),
        ("INST OUTPUT2", "INST:NSEL?", "2"),
        ("OUTP:SEL 1", "OUTP:SEL?", "1"),
        ("OUTP:GEN ON", "OUTP:GEN?", "1"),
        ("OUTP ON", "OUTP:SEL?;GEN?;STAT?", "1;1;1"),
        ("VOLT:PROT 5", "VOLT:PROT?", "5.000"),
        ("FUSE ON;FUSE:DEL 100", "FUSE?;FUSE:DEL?;FUSE:TRIP?", "1;100;0"),
        ("FUSE:LINK 2;LINK 3;UNL 2", "FUSE:LINK? 2;LINK? 3", "0;1"),
        ("ARB:REP 7", "ARB:REP?", "7"),
    ],
)
def test_settings_are_read_back(supply: SimulatedHmp4040, command: str, query: str, reply: str) -> None:
    assert ask(supply, command) == ""
    assert ask(supply, query) == reply
    assert list(supply.complaints) == []


def test_a_set_point_after_the_selection_needs_no_colon(supply: SimulatedHmp4040) -> None:
    assert ask(supply, "INST:NSEL 2;VOLT 3.3;VOLT?") == "3.300"
    assert ask(supply, "INST:NSEL 1;VOLT?") == "0.000"
    assert list(supply.complaints) == []


def test_ranges_can_be_asked(supply: SimulatedHmp4040) -> None:
    assert ask(supply, "VOLT? MIN;VOLT? MAX;CURR? MAX") == "0.000;32.050;10.0000"


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("VOLT 32.06", '-222,"Data out of range"'),
        ("VOLT -1", '-222,"Data out of range"'),
        ("CURR 10.001", '-222,"Data out of range"'),
        ("APPL 3,11", '-222,"Data out of range"'),
        ("APPL 3,1,1", '-108,"Parameter not allowed"'),
        ("APPL", '-109,"Missing parameter"'),
        ("INST:NSEL 5", '-222,"Data out of range"'),
        ("INST OUT5", '-141,"Invalid character data"'),
        ("VOLT 3 A", '-131,"Invalid suffix"'),
        ("FUSE:LINK 1", '-221,"Settings conflict"'),
        ("ARB:DATA 1,2", '-109,"Missing parameter"'),
        ("ARB:DATA 1,2,0.01", '-222,"Data out of range"'),
        ("ARB:STAR 1", '-221,"Settings conflict"'),
        ("ARB:REST 2", '-221,"Settings conflict"'),
        ("MEAS:POW?", '-113,"Undefined header"'),
    ],
)
def test_refused_commands_only_fill_the_queue(supply: SimulatedHmp4040, command: str, error: str) -> None:
    before = ask(supply, "INST:NSEL?;:APPL?;:FUSE:LINK? 2")
    assert ask(supply, command) == ""
    assert ask(supply, "INST:NSEL?;:APPL?;:FUSE:LINK? 2") == before
    assert ask(supply, "SYST:ERR?") == error
    assert ask(supply, "SYST:ERR?") == '0,"No error"'


def test_selected_channel_is_shared_by_all_clients(supply: SimulatedHmp4040) -> None:
    first, second = supply.connect(), supply.connect()
    first.receive(b"INST:NSEL 2\nVOLT 5\n", 0.0)
    second.receive(b"INST:NSEL 3\n", 0.0)
    assert first.receive(b"VOLT?\n", 0.0) == b"0.000\n"
    supply.front_panel("channel", 2, 0.0)
    assert second.receive(b"VOLT?\n", 0.0) == b"5.000\n"


def test_output_needs_both_switches(supply: SimulatedHmp4040) -> None:
    ask(supply, "INST:NSEL 2;:APPL 8,5;:OUTP:SEL 1")
    assert (supply.voltage(2, 1.0), supply.current(2, 1.0)) == (0.0, 0.0)
    ask(supply, "OUTP:GEN 1", 1.0)
    assert (supply.voltage(2, 1.0), supply.current(2, 1.0)) == (8.0, 2.0)
    assert ask(supply, "MEAS:VOLT?;CURR?", 2.0) == "8.000;2.0000"
    ask(supply, "OUTP:SEL 0", 3.0)
    assert ask(supply, "MEAS:VOLT?;CURR?", 3.0) == "0.000;0.0000"


def test_crossover_from_constant_voltage_to_constant_current(supply: SimulatedHmp4040) -> None:
    switch_on(supply, 2, 8.0, 1.0, 0.0)
    assert (supply.voltage(2, 1.0), supply.current(2, 1.0)) == (4.0, 1.0)
    ask(supply, "CURR 3", 1.0)
    assert (supply.voltage(2, 1.0), supply.current(2, 1.0)) == (8.0, 2.0)


def test_channel_gives_no_more_than_its_power() -> None:
    supply = SimulatedHmp4040((Load(3.0),) * 4, specification=HURRIED)
    switch_on(supply, 1, 30.0, 10.0, 0.0)
    assert supply.current(1, 1.0) == pytest.approx(160.0 / 30.0)


def test_current_in_a_coil_follows_its_time_constant(supply: SimulatedHmp4040) -> None:
    switch_on(supply, 1, 10.0, 10.0, 0.0)
    assert supply.current(1, 0.01) == pytest.approx(5.0 * (1.0 - math.exp(-1.0)))
    assert supply.current(1, 1.0) == pytest.approx(5.0)
    ask(supply, "OUTP:SEL 0", 1.0)
    assert supply.current(1, 1.01) == pytest.approx(5.0 * math.exp(-1.0))


def test_coil_gets_to_its_set_current_sooner_with_voltage_to_spare() -> None:
    coil = Drive(Load(2.0, inductance=0.02), True, voltage=10.0, limit=2.5, since=0.0)
    arrival = 0.01 * math.log(2.0)
    assert coil.limited_from() == pytest.approx(arrival)
    assert coil.current(arrival * 0.99) < 2.5 == coil.current(arrival * 1.01)
    assert (coil.terminal_voltage(arrival * 0.9), coil.terminal_voltage(arrival * 1.1)) == (10.0, 5.0)


def test_lowered_current_limit_lets_the_current_fall_freely() -> None:
    coil = Drive(Load(2.0, inductance=0.02), True, 10.0, 1.0, since=0.0, initial_current=4.0)
    assert coil.current(0.01) == pytest.approx(4.0 * math.exp(-1.0))
    assert (coil.terminal_voltage(0.01), coil.terminal_voltage(1.0)) == (0.0, 2.0)
    assert coil.current(1.0) == 1.0


def test_oven_warms_with_its_lag_and_cools_again(supply: SimulatedHmp4040) -> None:
    assert supply.oven_temperature(0.0) == 22.0
    switch_on(supply, 4, 1.0, 5.0, 0.0)
    assert supply.oven_temperature(100.0) == pytest.approx(22.0 + 100.0 * (1.0 - math.exp(-1.0)))
    assert supply.oven_temperature(2000.0) == pytest.approx(122.0)
    ask(supply, "OUTP:SEL 0", 2000.0)
    assert supply.oven_temperature(2100.0) == pytest.approx(22.0 + 100.0 * math.exp(-1.0))


def test_fuse_blows_after_its_delay_and_takes_another_along(supply: SimulatedHmp4040) -> None:
    switch_on(supply, 3, 10.0, 1.0, 0.0)
    ask(supply, "INST:NSEL 2;:FUSE ON;:FUSE:DEL 200;LINK 3", 0.0)
    switch_on(supply, 2, 8.0, 1.0, 1.0)
    assert (supply.current(2, 1.19), supply.current(3, 1.19)) == (1.0, 0.1)
    assert (supply.current(2, 1.21), supply.current(3, 1.21)) == (0.0, 0.0)
    assert ask(supply, "FUSE:TRIP?;:OUTP:SEL?", 2.0) == "1;0"
    ask(supply, "VOLT 2;:OUTP:SEL 1", 3.0)
    assert ask(supply, "FUSE:TRIP?", 3.0) == "0"
    assert supply.current(2, 4.0) == 0.5


def test_fuse_of_a_coil_waits_until_the_current_has_risen(supply: SimulatedHmp4040) -> None:
    ask(supply, "FUSE ON", 0.0)
    switch_on(supply, 1, 10.0, 2.5, 0.0)
    assert supply.current(1, 0.006) > 2.0
    assert supply.current(1, 0.03) < 0.5


def test_over_voltage_protection_trips_until_cleared(supply: SimulatedHmp4040) -> None:
    ask(supply, "INST:NSEL 2;:VOLT:PROT 5", 0.0)
    switch_on(supply, 2, 4.0, 5.0, 0.0)
    assert supply.voltage(2, 1.0) == 4.0
    ask(supply, "VOLT 6", 1.0)
    assert supply.voltage(2, 1.0) == 0.0
    assert ask(supply, "VOLT:PROT:TRIP?", 1.0) == "1"
    ask(supply, "OUTP:SEL 1", 2.0)
    assert supply.voltage(2, 2.0) == 0.0
    ask(supply, "VOLT 4;VOLT:PROT:CLE;:OUTP:SEL 1", 3.0)
    assert supply.voltage(2, 3.0) == 4.0


def test_sequence_plays_its_points_and_repeats(supply: SimulatedHmp4040) -> None:
    ask(supply, "ARB:DATA 1,5,1,2,5,0.5;REP 2;SAVE 1;DATA 9,1,1;REST 1;TRAN 2", 0.0)
    switch_on(supply, 2, 8.0, 5.0, 0.0)
    ask(supply, "ARB:STAR 2", 10.0)
    seen = [supply.voltage(2, 10.0 + after) for after in (0.0, 0.9, 1.1, 1.6, 2.6, 9.0)]
    assert seen == [1.0, 1.0, 2.0, 1.0, 2.0, 2.0]
    ask(supply, "ARB:STOP 2", 20.0)
    assert supply.voltage(2, 20.0) == 8.0


def test_endless_sequence_is_followed_in_bounded_time() -> None:
    playback = Playback((Point(1.0, 1.0, 0.06), Point(2.0, 1.0, 0.06)), 0, 0.0)
    assert len(list(playback.steps(0.0, 1e7))) <= MEMORY + 2


def test_front_panel_respects_limits_and_locks(supply: SimulatedHmp4040) -> None:
    supply.front_panel("voltage_2", 99.0, 0.0)
    supply.front_panel("current_2", 3.0, 0.0)
    supply.front_panel("output_2", True, 0.0)
    supply.front_panel("output", True, 0.0)
    assert ask(supply, "INST:NSEL 2;APPL?", 0.0) == "32.050, 3.0000"
    assert supply.current(2, 1.0) == 3.0
    ask(supply, "SYST:RWL", 1.0)
    supply.front_panel("output", False, 1.0)
    assert supply.current(2, 2.0) == 3.0
    ask(supply, "SYST:MIX", 2.0)
    supply.front_panel("output", False, 2.0)
    assert supply.current(2, 3.0) == 0.0


def test_broken_lead_and_heat(supply: SimulatedHmp4040) -> None:
    switch_on(supply, 4, 1.0, 5.0, 0.0)
    supply.provoke("open load 4", 1000.0)
    assert supply.current(4, 1000.0) == pytest.approx(0.0, abs=1e-8)
    assert ask(supply, "MEAS:VOLT?;CURR?", 1000.0) == "1.000;0.0000"
    assert supply.oven_temperature(1100.0) == pytest.approx(22.0 + 100.0 * math.exp(-1.0), rel=1e-3)
    supply.provoke("mended load 4", 2000.0)
    assert supply.current(4, 2000.0) == 1.0
    supply.provoke("over-temperature", 2001.0)
    assert ask(supply, "OUTP:GEN?", 2001.0) == "0"


def test_every_channel_needs_a_load() -> None:
    with pytest.raises(InstrumentSetupError, match="4 loads of more than 0 ohm"):
        SimulatedHmp4040(LOADS[:3])


def test_reset_and_power_cycle(supply: SimulatedHmp4040) -> None:
    switch_on(supply, 2, 8.0, 3.0, 0.0)
    supply.switch_off(1.0)
    assert supply.current(2, 2.0) == 0.0
    supply.switch_on(9.0)
    assert ask(supply, "*ESR?;INST:NSEL?;NSEL 2;:APPL?;:OUTP:SEL?;GEN?", 9.0) == "128;1;8.000, 3.0000;0;0"
    switch_on(supply, 2, 8.0, 3.0, 10.0)
    ask(supply, "*RST", 11.0)
    assert ask(supply, "INST:NSEL 2;:APPL?;:OUTP:SEL?;GEN?", 11.0) == "0.000, 1.0000;0;0"


def test_commands_take_their_time() -> None:
    session = SimulatedHmp4040().connect()
    assert session.receive(b"INST:NSEL 2;:MEAS:VOLT?\nVOLT?\n", 1.0) == b""
    assert session.due() == pytest.approx(1.13)
    assert session.receive(b"", 1.131) == b"0.000\n"
    assert session.receive(b"", 1.162) == b"0.000\n"


def test_fragments_glued_lines_and_wrong_ends() -> None:
    said, heard = b"INST:NSEL 2\r\nVOLT 3.3\nVOLT?\nINST?\n", b"3.300\nOUT2\n"
    for cut in range(len(said)):
        session = SimulatedHmp4040(specification=HURRIED).connect()
        assert session.receive(said[:cut], 0.0) + session.receive(said[cut:], 0.0) == heard
    assert SimulatedHmp4040().connect().receive(b"*IDN?\r", 0.0) == b""


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=60), st.integers(1, 7))
def test_no_bytes_break_the_supply(noise: bytes, size: int) -> None:
    session = SimulatedHmp4040(specification=HURRIED).connect()
    feed(session, noise, size)
    assert session.receive(b"\n*RST;*CLS\n*TST?\n", 1e9).endswith(b"0\n")


def test_over_pyvisa() -> None:
    with (
        serve_tcp(SimulatedHmp4040(LOADS), speed=100.0, second_client="refuse") as server,
        pyvisa_client(server, read_termination="\n", write_termination="\n") as supply,
    ):
        supply.write("INST:NSEL 2;APPL 8,5")
        supply.write("OUTP ON")
        assert supply.query("MEAS:CURR?") == "2.0000"
