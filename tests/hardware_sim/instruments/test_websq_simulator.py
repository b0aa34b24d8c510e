from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from instrument_clients import dial

from hardware_sim.instruments import InstrumentSetupError, serve_tcp
from hardware_sim.instruments.websq import SimulatedWebSq, WebSqSession, WebSqSpecification
from hardware_sim.instruments.websq_counts import WebSqCountsSession
from hardware_sim.instruments.websq_detector import Detector, DetectorSpecification
from hardware_sim.instruments.websq_messages import find_objects

LIGHT = 1e5  # photons a second
KIND = DetectorSpecification()


def build(*light: float) -> tuple[SimulatedWebSq, WebSqSession]:
    websq = SimulatedWebSq(np.random.default_rng(1), lambda now: light)
    return websq, websq.connect()


def split(data: bytes) -> list[dict[str, Any]]:
    """Read messages as the maker's client does: at ETB, and where objects are glued."""
    assert data.endswith(b"\x17") or not data
    whole = data.replace(b"}{", b"}\x17{").split(b"\x17")
    return [json.loads(part) for part in whole if part]


def send(line: WebSqSession, now: float = 0.0, **message: Any) -> dict[str, Any]:
    told = split(line.receive(json.dumps(message).encode(), now))
    return {each["label"]: each["value"] for each in told}


def set_bias(line: WebSqSession, current: float, now: float = 0.0) -> dict[str, Any]:
    """Set both currents, in uA."""
    return send(line, now, command="SetAllBiasCurrents", label="BiasCurrent", value=[current, current])


def rows(stream: WebSqCountsSession, now: float) -> np.ndarray[Any, Any]:
    lines = stream.receive(b"", now).decode("ascii").splitlines()
    return np.array([[float(number) for number in line.split(",")] for line in lines])


def test_properties_of_all_labels() -> None:
    _, line = build()
    told = send(line, request="labelProps", value="None")
    assert set(told) == {
        "NumberOfDetectors",
        "BiasCurrent",
        "TriggerLevel",
        "BiasVoltage",
        "InptMeasurementPeriod",
        "DetectorEnable",
        "DarkCountsAutoIV",
        "StartAutoIV",
    }
    assert told["NumberOfDetectors"]["value"] == 2
    assert told["BiasCurrent"] == {"value": [18.0, 18.0], "bounds": [0.0, 40.0], "unit": "uA"}
    assert told["TriggerLevel"] == {"value": [150.0, 150.0], "bounds": [0.0, 1000.0], "unit": "mV"}
    assert told["InptMeasurementPeriod"] == {"value": 100.0, "bounds": [10.0, 10_000.0], "unit": "ms"}


def test_single_labels_are_answered_to_who_asks() -> None:
    websq, line = build()
    other = websq.connect()
    assert (
        line.receive(b'{"request": "BiasVoltage"}', 0.0)
        == b'{"label": "BiasVoltage", "value": [0.9, 0.9]}\x17'
    )
    assert send(line, request="StartAutoIV") == {"StartAutoIV": False}
    assert other.receive(b"", 0.0) == b""


@pytest.mark.parametrize(
    ("command", "label", "value"),
    [
        ("SetMeasurementPeriod", "InptMeasurementPeriod", 250.0),
        ("SetAllBiasCurrents", "BiasCurrent", [10.5, 17.25]),
        ("SetAllTriggerLevels", "TriggerLevel", [100.0, 120.0]),
        ("DetectorEnable", "DetectorEnable", False),
        ("DarkCountsAutoIV", "DarkCountsAutoIV", [50.0, 60.0]),
    ],
)
def test_changes_are_told_to_every_client(command: str, label: str, value: object) -> None:
    websq, line = build()
    other = websq.connect()
    assert send(line, command=command, label=label, value=value)[label] == value
    assert other.due() == -math.inf
    assert {each["label"]: each["value"] for each in split(other.receive(b"", 0.1))}[label] == value
    assert send(line, request=label) == {label: value}
    assert not websq.complaints


def test_what_changes_together_comes_glued() -> None:
    _, line = build()
    told = line.receive(b'{"command":"SetAllBiasCurrents","label":"BiasCurrent","value":[10,10]}', 0.0)
    assert told == (
        b'{"label": "BiasCurrent", "value": [10.0, 10.0]}{"label": "BiasVoltage", "value": [0.5, 0.5]}\x17'
    )


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ('{"command":"SetAllBiasCurrents","value":[10,41]}', "BiasCurrent 41 is out of bounds 0 to 40"),
        ('{"command":"SetAllBiasCurrents","value":[10]}', "BiasCurrent takes a list of 2 numbers"),
        ('{"command":"SetAllBiasCurrents","value":18}', "BiasCurrent takes a list of 2 numbers"),
        ('{"command":"SetAllBiasCurrents","value":[1,"a"]}', "BiasCurrent takes numbers, not a"),
        ('{"command":"SetAllBiasCurrents","value":[1,NaN]}', "BiasCurrent takes numbers, not nan"),
        ('{"command":"SetAllBiasCurrents","value":[1,true]}', "BiasCurrent takes numbers, not True"),
        (
            '{"command":"SetMeasurementPeriod","value":1}',
            "InptMeasurementPeriod 1 is out of bounds 10 to 10000",
        ),
        ('{"command":"DetectorEnable","value":1}', "DetectorEnable takes true or false"),
        ('{"command":"AutoCaliBiasCurrents","value":false}', "AutoCaliBiasCurrents takes true"),
        ('{"command":"Explode"}', "unknown command Explode"),
        ('{"request":"Weather"}', "unknown label Weather"),
        ('{"request":["BiasCurrent"]}', "unknown label ['BiasCurrent']"),
        ("{]}", "not JSON"),
        ("hello", "not JSON"),
        ("[1]", "not an object"),
        ('{"a":' + "[" * 20_000 + "}", "not JSON"),
    ],
)
def test_errors_are_told_to_who_made_them(sent: str, error: str) -> None:
    websq, line = build()
    other = websq.connect()
    assert split(line.receive(sent.encode(), 0.0)) == [{"label": "Error", "value": error}]
    assert other.receive(b"", 0.0) == b""
    assert websq.complaints[-1].endswith(error)
    assert send(line, request="BiasCurrent") == {"BiasCurrent": [18.0, 18.0]}


def test_objects_are_found_however_they_are_cut_or_glued() -> None:
    message = b'{"request":"BiasCurrent"}'
    answer = b'{"label": "BiasCurrent", "value": [18.0, 18.0]}\x17'
    for cut in range(1, len(message)):
        _, line = build()
        assert line.receive(message[:cut], 0.0) + line.receive(message[cut:], 0.1) == answer
    _, line = build()
    assert line.receive(message * 3 + b"\n" + message, 0.0) == answer * 4
    assert find_objects(b'{"a": "\\"}"}\xff{') == (['{"a": "\\"}"}', "�"], b"{")
    pieces, rest = find_objects(b"{" * 70_000)
    assert (len(pieces), rest) == (1, b"")


def test_counts_come_each_period_with_the_unix_time_of_its_end() -> None:
    websq, _ = build(LIGHT, 0.0)
    stream = websq.stream.connect()
    assert stream.receive(b"", 5.0) == b""
    assert stream.due() == pytest.approx(5.1)
    assert stream.receive(b"ignored", 5.05) == b""
    (row,) = rows(stream, 5.11)
    assert row[0] == pytest.approx(1.79e9 + 5.1, abs=1e-3)
    expected = 0.1 * Detector(KIND, KIND.nominal_bias).count_rate(LIGHT)
    assert row[1] == pytest.approx(expected, abs=6.0 * math.sqrt(expected))  # 6 sigma: fails once in 10^9
    assert row[2] < 20.0
    late = rows(stream, 6.15)
    assert len(late) == 10  # several lines at once
    np.testing.assert_allclose(np.diff(late[:, 0]), 0.1, atol=2e-3)


def test_all_clients_of_the_stream_see_the_same_counts() -> None:
    websq, _ = build(LIGHT, LIGHT)
    first, second = websq.stream.connect(), websq.stream.connect()
    for stream in (first, second):
        stream.receive(b"", 0.0)
    assert first.receive(b"", 1.0) == second.receive(b"", 1.0) != b""
    second.close()
    assert rows(first, 2.0).shape == (10, 3)


def test_counts_are_poissonian_and_follow_the_period() -> None:
    websq, line = build(LIGHT, LIGHT)
    stream = websq.stream.connect()
    send(line, 0.0, command="SetMeasurementPeriod", label="InptMeasurementPeriod", value=10)
    counts = rows(stream, 20.001)[:, 1:]
    assert counts.shape == (2000, 2)
    mean, variance = counts.mean(), counts.var()
    assert mean == pytest.approx(0.01 * Detector(KIND, KIND.nominal_bias).count_rate(LIGHT), rel=0.005)
    assert variance / mean == pytest.approx(1.0, abs=0.14)  # 4000 counts: standard error 0.022


def test_light_is_taken_when_it_falls_in() -> None:
    def lamp(now: float) -> Sequence[float]:
        return (LIGHT if now > 1.0 else 0.0, 0.0)

    websq = SimulatedWebSq(np.random.default_rng(1), lamp)
    stream = websq.stream.connect()
    stream.receive(b"", 0.0)
    counts = rows(stream, 2.001)[:, 1]
    assert counts[:10].max() < 20
    assert counts[10:].min() > 8000


def test_clock_that_jumps_leaves_out_what_nobody_could_read() -> None:
    websq, _ = build(LIGHT, LIGHT)
    stream = websq.stream.connect()
    stream.receive(b"", 0.0)
    assert len(rows(stream, 1e6)) == 10_000


def test_efficiency_is_one_at_nominal_bias_and_saturates() -> None:
    websq, line = build()
    assert [websq.efficiency(1), websq.efficiency(2)] == [1.0, 1.0]
    found = []
    for current in (5.0, 10.0, 12.5, 15.0, 18.0, 21.0):
        set_bias(line, current)
        found.append(websq.efficiency(1))
    assert found == sorted(found)
    assert found[0] < 1e-3
    assert found[2] == pytest.approx(0.5, abs=0.001)
    assert found[4] == 1.0
    assert 1.0 <= found[5] < 1.001


def test_dark_counts_grow_exponentially_with_bias() -> None:
    websq, line = build()
    rates = []
    for current in (17.2, 18.0, 18.8, 19.6):
        set_bias(line, current)
        rates.append(websq.dark_rate(1))
    np.testing.assert_allclose(np.diff(np.log(rates)), 1.0, atol=1e-6)
    assert rates[1] == pytest.approx(20.0)


def test_dead_time_saturates_the_counts() -> None:
    detector = Detector(KIND, KIND.nominal_bias)
    assert detector.count_rate(1e4) == pytest.approx(0.85 * 1e4 + 20.0, rel=1e-3)
    assert detector.count_rate(1e12) == pytest.approx(1.0 / KIND.dead_time, rel=1e-3)


def test_trigger_level_must_lie_between_noise_and_pulse() -> None:
    websq, line = build()
    for level, efficiency in ((150.0, 1.0), (300.0, 0.5), (500.0, 0.0)):
        send(line, command="SetAllTriggerLevels", label="TriggerLevel", value=[level, level])
        assert websq.efficiency(1) == pytest.approx(efficiency, abs=1e-6)
    send(line, command="SetAllTriggerLevels", label="TriggerLevel", value=[20.0, 20.0])
    assert websq.dark_rate(1) > 1e8  # it counts the noise of its amplifier


def test_latched_detector_counts_nothing_until_its_bias_was_taken_away() -> None:
    websq, line = build(LIGHT, LIGHT)
    stream = websq.stream.connect()
    stream.receive(b"", 0.0)
    websq.provoke("latch", 0.05)
    assert rows(stream, 1.05)[:, 1:].max() == 0.0
    assert send(line, 1.1, request="BiasVoltage") == {"BiasVoltage": [900.9, 900.9]}
    set_bias(line, 17.0, 1.2)
    assert (websq.latched(1), websq.efficiency(1)) == (True, 0.0)
    set_bias(line, 0.0, 1.3)
    set_bias(line, 18.0, 1.4)
    assert (websq.latched(1), websq.efficiency(1)) == (False, 1.0)
    assert send(line, 1.5, request="BiasVoltage") == {"BiasVoltage": [0.9, 0.9]}


def test_too_much_current_latches_and_disabling_frees() -> None:
    websq, line = build()
    set_bias(line, 22.5)
    assert websq.latched(2)
    set_bias(line, 18.0)
    assert websq.latched(2)
    send(line, command="DetectorEnable", label="DetectorEnable", value=False)
    assert (websq.bias(2), websq.efficiency(2)) == (0.0, 0.0)
    send(line, command="DetectorEnable", value=True)
    assert (websq.bias(2), websq.efficiency(2)) == (18.0e-6, 1.0)


def test_over_exposure_latches_and_lasts_as_long_as_the_light() -> None:
    websq, line = build(LIGHT, LIGHT)
    websq.provoke("over-exposure", 10.0)
    assert websq.latched(1)
    set_bias(line, 0.0, 10.5)
    set_bias(line, 18.0, 10.6)  # too soon: the light is still there
    assert websq.latched(1)
    set_bias(line, 0.0, 11.1)
    set_bias(line, 18.0, 11.2)
    assert not websq.latched(1)


def test_bright_light_latches_by_itself() -> None:
    websq, _ = build(1e8, LIGHT)
    stream = websq.stream.connect()
    rows(stream, 0.0)
    assert rows(stream, 0.11)[0, 1] == 0.0
    assert (websq.latched(1), websq.latched(2)) == (True, False)


def test_warm_cryostat_counts_nothing_and_has_to_be_rebiased_when_it_is_cold_again() -> None:
    websq, line = build(LIGHT, LIGHT)
    websq.provoke("warm-up", 0.0)
    set_bias(line, 0.0, 1.0)
    set_bias(line, 18.0, 2.0)
    assert websq.efficiency(1) == 0.0
    assert websq.dark_rate(1) < 1e-9
    assert send(line, 3.0, request="BiasVoltage")["BiasVoltage"][0] > 100.0
    websq.provoke("cool-down", 100.0)
    assert websq.efficiency(1) == 0.0
    set_bias(line, 0.0, 101.0)
    set_bias(line, 18.0, 102.0)
    assert websq.efficiency(1) == 1.0


def test_calibration_finds_the_bias_of_the_wanted_dark_counts() -> None:
    websq, line = build()
    send(line, 0.0, command="DarkCountsAutoIV", label="DarkCountsAutoIV", value=[20.0, 200.0])
    assert send(line, 0.0, command="AutoCaliBiasCurrents", value=True) == {"StartAutoIV": True}
    assert line.due() == pytest.approx(10.0)
    assert send(line, 9.9, request="StartAutoIV") == {"StartAutoIV": True}
    told = split(line.receive(b"", 10.1))
    assert [each["label"] for each in told] == ["BiasCurrent", "BiasVoltage", "StartAutoIV"]
    assert told[0]["value"][0] == pytest.approx(18.0, abs=0.02)
    assert told[0]["value"][1] == pytest.approx(18.0 + 0.8 * math.log(10.0), abs=0.02)
    assert told[2]["value"] is False
    assert websq.dark_rate(2) == pytest.approx(200.0, rel=0.03)


def test_calibration_that_never_reaches_its_counts_stops_short_of_latching() -> None:
    websq, line = build()
    send(line, 0.0, command="DarkCountsAutoIV", label="DarkCountsAutoIV", value=[1e6, 1e6])
    send(line, 0.0, command="AutoCaliBiasCurrents", value=True)
    line.receive(b"", 10.1)
    assert websq.bias(1) == pytest.approx(0.98 * KIND.critical_current, rel=1e-3)
    assert not websq.latched(1)


def test_calibration_in_light_stops_far_too_early() -> None:
    websq, line = build(LIGHT, 0.0)
    send(line, 0.0, command="AutoCaliBiasCurrents", value=True)
    line.receive(b"", 10.1)
    assert websq.bias(1) < 12e-6
    assert websq.bias(2) > 18e-6


def test_power_cycle_leaves_detectors_without_bias() -> None:
    websq, line = build(LIGHT, LIGHT)
    stream = websq.stream.connect()
    stream.receive(b"", 0.0)
    send(line, 0.0, command="SetMeasurementPeriod", label="InptMeasurementPeriod", value=50)
    websq.switch_off(1.0)
    websq.stream.switch_off(1.0)
    assert (line.receive(b'{"request":"BiasCurrent"}', 2.0), stream.receive(b"", 2.0)) == (b"", b"")
    assert (line.due(), stream.due()) == (None, None)
    websq.stream.switch_on(31.0)
    websq.switch_on(31.5)
    assert websq.efficiency(1) == 0.0
    told = send(line, 32.0, request="labelProps", value="None")
    assert (told["BiasCurrent"]["value"], told["DetectorEnable"]["value"]) == ([0.0, 0.0], False)
    assert told["InptMeasurementPeriod"]["value"] == 100.0
    assert rows(stream, 33.0)[:, 1:].max() == 0.0
    set_bias(line, 18.0, 34.0)
    assert websq.efficiency(1) == 0.0
    send(line, 34.0, command="DetectorEnable", label="DetectorEnable", value=True)
    assert websq.efficiency(1) == 1.0


def test_human_on_the_web_page() -> None:
    websq, line = build()
    websq.front_panel("bias_current", 15e-6, 0.0)
    assert {each["label"] for each in split(line.receive(b"", 0.0))} == {"BiasCurrent", "BiasVoltage"}
    assert websq.bias(2) == pytest.approx(15e-6)
    websq.front_panel("measurement_period", 0.5, 0.0)
    websq.front_panel("detector_enable", False, 0.0)
    assert websq.bias(2) == 0.0
    with pytest.raises(InstrumentSetupError) as caught:
        websq.front_panel("bias_current", 1e-3, 0.0)
    assert str(caught.value) == (
        "bias_current = 0.001 is not possible: allowed is what the instrument takes; "
        "BiasCurrent 1000 is out of bounds 0 to 40"
    )


def test_number_of_detectors_is_that_of_the_specification() -> None:
    specification = WebSqSpecification(detectors=(KIND,) * 4)
    websq = SimulatedWebSq(np.random.default_rng(1), lambda now: (LIGHT,), specification)
    stream = websq.stream.connect()
    rows(stream, 0.0)
    assert rows(stream, 0.11).shape == (1, 5)
    assert send(websq.connect(), request="NumberOfDetectors") == {"NumberOfDetectors": 4}


def test_both_ports_over_real_sockets() -> None:
    websq, _ = build(LIGHT, 0.0)
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(serve_tcp(port, speed=50.0)) for port in (websq, websq.stream)]
        control, counts = (stack.enter_context(dial(server)) for server in servers)
        control.sendall(b'{"request":"NumberOfDetectors"}')
        assert control.recv(100) == b'{"label": "NumberOfDetectors", "value": 2}\x17'
        lines = stack.enter_context(counts.makefile("rb"))
        first, second = lines.readline(), lines.readline()
        assert float(second.split(b",")[0]) - float(first.split(b",")[0]) == pytest.approx(0.1, abs=2e-3)
        assert 8000 < int(second.split(b",")[1]) < 9000
