"""The simulated iseg NHR: its wire, its ramps, its protections."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instrument_clients import dial, feed, read_until

from hardware_sim.instruments import InstrumentSetupError, serve_tcp
from hardware_sim.instruments.iseg_channel import ChannelBit, IsegChannelSpecification
from hardware_sim.instruments.iseg_nhr import IsegNhrSpecification, ModuleBit, SimulatedIsegNhr
from hardware_sim.instruments.iseg_session import INPUT_BUFFER


def build(loads: list[float] | None = None) -> SimulatedIsegNhr:
    return SimulatedIsegNhr(np.random.default_rng(1), loads)


@pytest.fixture
def module() -> SimulatedIsegNhr:
    return build()


def say(module: SimulatedIsegNhr, line: str, now: float = 0.0) -> str:
    """Send one line and return the reply behind the echo."""
    sent = line.encode("ascii") + b"\r\n"
    heard = module.connect().receive(sent, now)
    assert heard.startswith(sent)
    return heard[len(sent) :].decode("ascii").removesuffix("\r\n")


def status(module: SimulatedIsegNhr, channel: int, now: float) -> ChannelBit:
    return ChannelBit(int(say(module, f":READ:CHAN:STAT? (@{channel})", now)))


def events(module: SimulatedIsegNhr, channel: int, now: float) -> ChannelBit:
    return ChannelBit(int(say(module, f":READ:CHAN:EV:STAT? (@{channel})", now)))


def module_events(module: SimulatedIsegNhr, now: float = 0.0) -> ModuleBit:
    return ModuleBit(int(say(module, ":READ:MOD:EV:STAT?", now)))


def test_golden_transaction(module: SimulatedIsegNhr) -> None:
    quiet = IsegNhrSpecification(channel=IsegChannelSpecification(resolution=1e-12))
    module = SimulatedIsegNhr(np.random.default_rng(1), None, quiet)
    line = module.connect()
    assert line.receive(b":VOLT 500.0,(@0)\r\n", 0.0) == b":VOLT 500.0,(@0)\r\n"
    assert line.receive(b":VOLT ON,(@0)\r\n", 0.0) == b":VOLT ON,(@0)\r\n"
    assert line.receive(b":MEAS:VOLT? (@0)\r\n", 60.0) == b":MEAS:VOLT? (@0)\r\n5.00000E2V\r\n"


def test_identity(module: SimulatedIsegNhr) -> None:
    assert say(module, "*IDN?") == "iseg Spezialelektronik GmbH,NR040060r4050000200,8200005,1.74"
    assert say(module, ":READ:FIRM:REL?") == "1.74"
    assert say(module, "*INSTR?") == "EDCP"
    assert say(module, ":READ:MOD:CHAN?") == "4"
    assert say(module, ":READ:MOD:TEMP?") == "31.2C"
    assert say(module, ":READ:MOD:SUP:N24V?") == "-2.41000E1V"


@pytest.mark.parametrize(
    ("command", "query", "reply"),
    [
        (":VOLT 100,(@1)", ":READ:VOLT? (@1)", "1.00000E2V"),
        (":volt 0.2 kV,(@1)", ":READ:VOLT? (@1)", "2.00000E2V"),
        (":VOLTAGE 2.000000E+02,(@3)", ":READ:VOLTAGE? (@3)", "2.00000E2V"),
        (":VOLT 7,(@0-3)", ":READ:VOLT? (@0,2)", "7.00000E0V,7.00000E0V"),
        (":VOLT 7,(@0,2)", ":READ:VOLT? (@0-3)", "7.00000E0V,0.00000E0V,7.00000E0V,0.00000E0V"),
        (":CURR 1E-6,(@1)", ":READ:CURR? (@1)", "1.00000E-6A"),
        (":CONF:RAMP:VOLT 100,(@2)", ":READ:RAMP:VOLT? (@2)", "100.000E0V/s"),
        (":CONF:RAMP:VOLT:DOWN 20,(@2)", ":CONF:RAMP:VOLT:DOWN? (@2)", "20.0000E0V/s"),
        (":CONF:RAMP:CURR:UP 1e-4,(@2)", ":CONF:RAMP:CURR:UP? (@2)", "100.000E-6A/s"),
        (":VOLT:BOU 5,(@0)", ":READ:VOLT:BOU? (@0)", "5.00000E0V"),
        (":CURR:BOUNDS 1e-6,(@0)", ":READ:CURR:BOU? (@0)", "1.00000E-6A"),
        (":CONF:OUTP:POL n,(@0)", ":CONF:OUTP:POL? (@0)", "n"),
        (":CONF:INH:ACT 3,(@0)", ":CONF:INH:ACT? (@0)", "3"),
        (":VOLT ON,(@0)", ":READ:VOLT:ON? (@0)", "1"),
        (":VOLT EMCY_OFF,(@0)", ":READ:VOLT:EMCY? (@0)", "1"),
        (":VOLT EMCY OFF,(@0)", ":READ:CHAN:CONT? (@0)", "32"),
        (":CONF:KILL 1", ":READ:MOD:CONT?", "16384"),
        (":CONF:ADJ 1", ":CONF:ADJ?", "1"),
        (":VOLT 1,(@0);*OPC?", ":READ:VOLT:NOM? (@0)", "6.00000E3V"),
        (":CONF:OUTP:POL n,(@0)", ":READ:VOLT:MODE? (@0)", "-6.00000E3V"),
        ("*CLS", ":READ:RAMP:VOLT:MAX? (@0)", "1.20000E3V/s"),
        (":SYS:USER:CONF SAVE", ":SYS:USER:CONF?", "0"),
    ],
)
def test_settings_are_read_back(module: SimulatedIsegNhr, command: str, query: str, reply: str) -> None:
    assert say(module, command) in ("", "1")
    assert say(module, query) == reply
    assert list(module.complaints) == []


@pytest.mark.parametrize(
    "command",
    [
        ":VOLT 6000.1,(@0)",
        ":VOLT -1,(@0)",
        ":VOLT NAN,(@0)",
        ":VOLT 1e999,(@0)",
        ":VOLT ,(@0)",
        ":VOLT 1,(@0)x",
        ":CURR -1e-9,(@0)",
        ":CURR 2.1e-3,(@0)",
        ":CONF:RAMP:VOLT 0,(@0)",
        ":CONF:RAMP:VOLT 1201,(@0)",
        ":VOLT:BOU 6001,(@0)",
        ":CONF:OUTP:POL x,(@0)",
        ":CONF:INH:ACT 5,(@0)",
        ":EV everything,(@0)",
        ":MEAS:VOLT 3,(@0)",
        ":EV? (@0)",
    ],
)
def test_what_a_channel_refuses_is_echoed_and_flagged(module: SimulatedIsegNhr, command: str) -> None:
    say(module, "*CLS")
    before = module.channels[0].settings
    assert say(module, command) == ""
    assert module.channels[0].settings == before
    assert module_events(module) == ModuleBit.INPUT_ERROR
    assert len(module.complaints) == 1
    if "x" not in command:
        assert events(module, 0, 0.0) == events(module, 0, 0.0) & ChannelBit.INPUT_ERROR


def test_input_error_of_a_channel_stays_until_cleared(module: SimulatedIsegNhr) -> None:
    say(module, ":VOLT 9e9,(@2)")
    assert events(module, 2, 0.0) == ChannelBit.INPUT_ERROR
    assert status(module, 2, 0.0) & ChannelBit.INPUT_ERROR
    assert say(module, ":READ:MOD:EV:CHANSTAT?") == "4"
    say(module, ":EV CLEAR,(@2);:CONF:EV CLEAR")
    assert events(module, 2, 0.0) == 0
    assert not status(module, 2, 0.0) & ChannelBit.INPUT_ERROR
    assert module_events(module) == 0


@pytest.mark.parametrize(
    "line",
    [
        "NONSENSE",
        ":READ:VOLT?",
        ":VOLT 3",
        ":MEAS:VOLT? (@4)",
        ":MEAS:VOLT? (@2-1)",
        ":MEAS:VOLT? (@a)",
        "*IDN",
        "*IDN? 1",
        "*RST 1",
        ":CONF:KILL",
        ":SYS:USER:CONF 123456",
        "=",
        ":READ:MOD:STAT 1",
    ],
)
def test_unknown_lines_are_echoed_only(module: SimulatedIsegNhr, line: str) -> None:
    say(module, "*CLS")
    assert say(module, line) == ""
    assert module_events(module) & ModuleBit.INPUT_ERROR
    assert len(module.complaints) == 1


def test_voltage_ramps_up_and_down(module: SimulatedIsegNhr) -> None:
    say(module, ":CONF:RAMP:VOLT:UP 100,(@0);:CONF:RAMP:VOLT:DOWN 50,(@0);:VOLT 400,(@0)")
    assert module.voltage(0, 100.0) == 0.0
    say(module, ":VOLT ON,(@0)", 1.0)
    assert [module.voltage(0, now) for now in (1.0, 2.0, 5.0, 9.0)] == [0.0, 100.0, 400.0, 400.0]
    bits = status(module, 0, 2.0)
    rising = ChannelBit.ON | ChannelBit.VOLTAGE_RAMP | ChannelBit.VOLTAGE_RAMP_UP
    assert bits & rising == rising
    assert not status(module, 0, 6.0) & ChannelBit.VOLTAGE_RAMP
    assert events(module, 0, 6.0) & ChannelBit.VOLTAGE_RAMP, "bit 4 is the end of a ramp"
    say(module, ":VOLT OFF,(@0)", 10.0)
    assert [module.voltage(0, now) for now in (12.0, 18.0)] == [300.0, 0.0]
    assert status(module, 0, 12.0) & ChannelBit.VOLTAGE_RAMP_DOWN
    assert events(module, 0, 12.0) & ChannelBit.ON, "bit 3 is on to off"
    assert say(module, ":READ:VOLT? (@0)", 20.0) == "4.00000E2V"


def test_new_ramp_speed_acts_on_the_ramp_under_way(module: SimulatedIsegNhr) -> None:
    say(module, ":CONF:RAMP:VOLT 10,(@0);:VOLT 400,(@0);:VOLT ON,(@0)", 0.0)
    say(module, ":CONF:RAMP:VOLT 100,(@0)", 10.0)
    assert module.voltage(0, 11.0) == 200.0


def test_default_ramp_is_a_fifth_of_nominal_a_second(module: SimulatedIsegNhr) -> None:
    say(module, ":VOLT 6000,(@0);:VOLT ON,(@0)", 0.0)
    assert module.voltage(0, 1.0) == pytest.approx(1200.0)


def test_measured_is_true_to_one_step(module: SimulatedIsegNhr) -> None:
    say(module, ":VOLT 500,(@0);:VOLT ON,(@0)", 0.0)
    step = 6000.0 * 2e-6
    read = [float(say(module, ":MEAS:VOLT? (@0)", 60.0 + n).removesuffix("V")) for n in range(50)]
    assert max(abs(value - 500.0) for value in read) <= 1.5 * step
    assert len(set(read)) == 3


def test_negative_polarity_is_only_taken_at_zero_and_off(module: SimulatedIsegNhr) -> None:
    say(module, ":VOLT 500,(@0);:VOLT ON,(@0)", 0.0)
    say(module, ":CONF:OUTP:POL n,(@0)", 60.0)
    say(module, ":VOLT OFF,(@0)", 61.0)
    say(module, ":CONF:OUTP:POL n,(@0)", 61.1)
    assert say(module, ":CONF:OUTP:POL? (@0)", 61.1) == "p"
    assert len(module.complaints) == 2
    say(module, ":CONF:OUTP:POL n,(@0);:VOLT -500,(@0);:VOLT ON,(@0)", 120.0)
    assert module.voltage(0, 180.0) == -500.0
    assert float(say(module, ":MEAS:CURR? (@0)", 180.0).removesuffix("A")) == pytest.approx(-5e-8, abs=8e-9)
    assert not status(module, 0, 180.0) & ChannelBit.POSITIVE


def test_emergency_off_is_latched(module: SimulatedIsegNhr) -> None:
    say(module, ":VOLT 5000,(@0);:VOLT ON,(@0)", 0.0)
    say(module, ":VOLT EMCY_OFF,(@0)", 60.0)
    assert 0.0 < module.voltage(0, 60.1) < 5000.0
    assert module.voltage(0, 60.2) == 0.0
    say(module, ":VOLT ON,(@0)", 61.0)
    assert say(module, ":READ:VOLT:ON? (@0)", 61.0) == "0"
    say(module, ":VOLT EMCY_CLR,(@0);:VOLT ON,(@0)", 62.0)
    assert say(module, ":READ:VOLT:ON? (@0)", 62.0) == "1"
    assert events(module, 0, 62.0) & ChannelBit.EMERGENCY_OFF


def test_too_much_current_is_regulated_without_kill(module: SimulatedIsegNhr) -> None:
    module = build([1e6, 1e9, 1e9, 1e9])
    say(module, ":CURR 1e-3,(@0);:CONF:RAMP:CURR 1e-3,(@0)", 0.0)
    say(module, ":VOLT 2000,(@0);:VOLT:BOU 100,(@0);:VOLT ON,(@0)", 10.0)
    assert module.voltage(0, 60.0) == pytest.approx(1000.0)
    assert module.current(0, 60.0) == pytest.approx(1e-3)
    bits = status(module, 0, 60.0)
    starved = ChannelBit.CONSTANT_CURRENT | ChannelBit.VOLTAGE_BOUNDS | ChannelBit.VOLTAGE_BOUND_LOWER
    assert bits & starved == starved
    assert not bits & ChannelBit.CONSTANT_VOLTAGE
    assert events(module, 0, 60.0) & ChannelBit.CONSTANT_CURRENT
    assert not module.channels[0].tripped


def test_too_much_current_trips_with_kill() -> None:
    module = build([1e6, 1e9, 1e9, 1e9])
    say(module, ":CONF:KILL 1;:CURR 1e-3,(@0);:VOLT 2000,(@0);:CONF:RAMP:VOLT 100,(@0)", 0.0)
    say(module, ":VOLT ON,(@0)", 10.0)
    assert module.voltage(0, 19.9) == pytest.approx(990.0)
    assert module.voltage(0, 20.1) == 0.0, "it trips before anybody asks"
    assert status(module, 0, 21.0) & ChannelBit.CURRENT_TRIP
    assert events(module, 0, 21.0) & (ChannelBit.CURRENT_TRIP | ChannelBit.ON)
    say(module, ":VOLT 500,(@0);:VOLT ON,(@0)", 22.0)
    assert say(module, ":READ:VOLT:ON? (@0)", 22.0) == "0"
    say(module, ":EV CLEAR,(@0);:VOLT ON,(@0)", 23.0)
    assert module.voltage(0, 60.0) == 500.0


def test_spark_trips_only_with_kill(module: SimulatedIsegNhr) -> None:
    say(module, ":VOLT 500,(@0);:VOLT ON,(@0)", 0.0)
    module.provoke("current trip", 60.0)
    assert module.voltage(0, 61.0) == 500.0
    say(module, ":CONF:KILL 1", 61.0)
    module.provoke("current trip", 62.0)
    assert module.voltage(0, 63.0) == 0.0
    assert not module.channels[1].tripped, "a channel that is off draws no spark"


def test_open_safety_loop_switches_all_off_until_acknowledged(module: SimulatedIsegNhr) -> None:
    say(module, "*CLS;:VOLT 500,(@0-3);:VOLT ON,(@0-3)", 0.0)
    module.provoke("interlock", 60.0)
    assert all(module.voltage(channel, 60.5) == 0.0 for channel in range(4))
    bits = ModuleBit(int(say(module, ":READ:MOD:STAT?", 61.0)))
    assert not bits & (ModuleBit.SAFETY_LOOP | ModuleBit.MODULE_GOOD | ModuleBit.HIGH_VOLTAGE_ON)
    say(module, ":CONF:EV CLEAR;:VOLT ON,(@0)", 62.0)
    assert say(module, ":READ:VOLT:ON? (@0)", 62.0) == "0"
    module.provoke("interlock closed", 63.0)
    say(module, ":VOLT ON,(@0)", 63.0)
    assert say(module, ":READ:VOLT:ON? (@0)", 63.0) == "0", "the event is still there"
    say(module, ":CONF:EV CLEAR;:VOLT ON,(@0)", 64.0)
    assert module.voltage(0, 120.0) == 500.0


def test_heat_switches_off(module: SimulatedIsegNhr) -> None:
    say(module, ":VOLT 500,(@0);:VOLT ON,(@0)", 0.0)
    module.provoke("over-temperature", 60.0)
    assert module.voltage(0, 61.0) == 0.0
    assert say(module, ":READ:MOD:TEMP?", 61.0) == "65.0C"
    module.provoke("cooled down", 62.0)
    assert module_events(module, 62.0) & ModuleBit.TEMPERATURE


@pytest.mark.parametrize(
    ("action", "voltages"),
    [
        (0, [500.0, 500.0, 500.0]),
        (1, [400.0, 0.0, 500.0]),
        (2, [0.0, 0.0, 500.0]),
        (3, [0.0, 0.0, 0.0]),
        (4, [500.0, 500.0, 500.0]),
    ],
)
def test_external_inhibit(module: SimulatedIsegNhr, action: int, voltages: list[float]) -> None:
    say(module, f":CONF:RAMP:VOLT 100,(@0);:CONF:INH:ACT {action},(@0)", 0.0)
    say(module, ":VOLT 500,(@0,1);:VOLT ON,(@0,1)", 0.0)
    module.provoke("external inhibit", 60.0)
    assert [module.voltage(0, 61.0), module.voltage(0, 70.0), module.voltage(1, 70.0)] == voltages
    assert bool(status(module, 0, 70.0) & ChannelBit.EXTERNAL_INHIBIT) == (action != 4)
    module.provoke("inhibit released", 71.0)
    say(module, ":VOLT ON,(@0)", 72.0)
    assert module.voltage(0, 120.0) == 500.0


def test_front_panel(module: SimulatedIsegNhr) -> None:
    module.front_panel("voltage_0", 9999.0, 0.0)
    module.front_panel("output_0", True, 0.0)
    assert module.voltage(0, 60.0) == 6000.0
    module.front_panel("voltage_limit", 0.5, 60.0)
    assert module.voltage(0, 61.0) == 3000.0
    assert status(module, 0, 61.0) & ChannelBit.VOLTAGE_LIMIT
    assert say(module, ":READ:VOLT:LIM? (@0)", 61.0) == "3.00000E3V"
    assert say(module, ":READ:VOLT:LIM?", 61.0) == "50.000%"
    say(module, "*LLO", 62.0)
    module.front_panel("output_0", False, 62.0)
    assert say(module, ":READ:VOLT:ON? (@0)", 62.0) == "1"
    say(module, "*GTL", 63.0)
    module.front_panel("output_0", False, 63.0)
    assert say(module, ":READ:VOLT:ON? (@0)", 63.0) == "0"


def test_every_channel_needs_a_load() -> None:
    with pytest.raises(InstrumentSetupError, match="4 resistances above 0 ohm"):
        build([1e9])


def test_reset_ramps_down(module: SimulatedIsegNhr) -> None:
    say(module, ":CONF:RAMP:VOLT 100,(@0);:VOLT 500,(@0);:VOLT ON,(@0)", 0.0)
    say(module, "*RST", 60.0)
    assert [module.voltage(0, now) for now in (61.0, 70.0)] == [400.0, 0.0]
    assert say(module, ":READ:VOLT? (@0)", 70.0) == "0.00000E0V"


def test_power_cycle_forgets_what_was_not_saved(module: SimulatedIsegNhr) -> None:
    say(module, "*CLS;:CONF:RAMP:VOLT 100,(@0);:SYS:USER:CONF SAVE;:CONF:RAMP:VOLT 50,(@0)", 0.0)
    say(module, ":VOLT 500,(@0);:VOLT ON,(@0)", 0.0)
    line = module.connect()
    assert line.receive(b":MEAS:VO", 60.0) == b""
    module.switch_off(60.0)
    assert module.voltage(0, 60.0) == 0.0
    assert line.receive(b"LT? (@0)\r\n*IDN?\r\n", 60.0) == b""
    module.switch_on(65.0)
    assert say(module, ":READ:VOLT? (@0)", 65.0) == "0.00000E0V"
    assert say(module, ":READ:VOLT:ON? (@0)", 65.0) == "0"
    assert say(module, ":READ:RAMP:VOLT? (@0)", 65.0) == "100.000E0V/s"
    assert module_events(module, 65.0) == ModuleBit.SUPPLY, "supplies came up after the processor"


def test_fragments_glued_lines_and_wrong_ends(module: SimulatedIsegNhr) -> None:
    said = b":VOLT 100,(@0)\r\n:READ:VOLT? (@0)\r\n"
    heard = b":VOLT 100,(@0)\r\n:READ:VOLT? (@0)\r\n1.00000E2V\r\n"
    for cut in range(len(said)):
        line = build().connect()
        assert line.receive(said[:cut], 0.0) + line.receive(said[cut:], 0.0) == heard
    line = module.connect()
    assert line.receive(b"*OPC?\n*OPC?\r", 0.0) == b""
    assert line.due() is None


def test_bytes_beyond_ascii_and_endless_lines(module: SimulatedIsegNhr) -> None:
    line = module.connect()
    assert line.receive(b":VOLT \xff,(@0)\r\n*OPC?\r\n", 0.0) == b":VOLT \xff,(@0)\r\n*OPC?\r\n1\r\n"
    assert line.receive(b"x" * (INPUT_BUFFER + 1), 0.0) == b""
    assert line.receive(b"*OPC?\r\n", 0.0) == b"*OPC?\r\n1\r\n"
    assert len(module.complaints) == 2


def test_echo_can_be_switched_off(module: SimulatedIsegNhr) -> None:
    line = module.connect()
    assert line.receive(b":CONF:SERIAL:ECHO 0\r\n", 0.0) == b":CONF:SERIAL:ECHO 0\r\n"
    assert line.receive(b"*OPC?\r\n", 0.0) == b"1\r\n"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.integers(1, 7))
def test_no_bytes_break_the_module(noise: bytes, size: int) -> None:
    line = build().connect()
    feed(line, noise, size)
    assert line.receive(b"\r\n*OPC?\r\n", 1.0).endswith(b"1\r\n")


def test_over_tcp() -> None:
    with (
        serve_tcp(build()) as server,
        dial(server) as client,
    ):
        client.sendall(b":VOLT 250,(@1)\r\n:READ:VOLT? (@1)\r\n")
        heard = read_until(client, b"2.50000E2V\r\n")
    assert heard == b":VOLT 250,(@1)\r\n:READ:VOLT? (@1)\r\n2.50000E2V\r\n"
