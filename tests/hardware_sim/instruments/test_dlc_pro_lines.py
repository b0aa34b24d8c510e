"""The command line and the monitoring line of a simulated DLC pro, and the expressions on them."""

from __future__ import annotations

import time

import pytest
from dlc_pro_clients import ask, put, ref
from instrument_clients import dial, read_until

from hardware_sim.instruments.decop_syntax import DecopError, format_value, is_open, parse_expression
from hardware_sim.instruments.dlc_command_line import LINE_LIMIT, WELCOME, CommandLine
from hardware_sim.instruments.dlc_pro import SimulatedDlcPro
from hardware_sim.instruments.tcp import serve_tcp


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
