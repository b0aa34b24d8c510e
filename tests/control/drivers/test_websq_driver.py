"""The driver of the nanowire detectors against scripted boxes; the JSON is that of the maker's own client."""

from __future__ import annotations

import json
import socket
import threading

import numpy as np
import pytest

from control.device import State
from control.device.readings import Quality
from control.drivers.websq import WebSq
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
ETB = b"\x17"
ALL = b'{"request": "labelProps", "value": "None"}'


def told(label, value, **facts):
    content = {"value": value, **facts} if facts else value
    return json.dumps({"label": label, "value": content}).encode() + ETB


def box(bias=(12.0, 8.0), level=(20.0, 21.0), period=100, enabled=True, count=2, **changed):
    """What a box tells of all its labels."""
    return b"".join(
        (
            told("NumberOfDetectors", count, unit=""),
            told("BiasCurrent", list(bias), bounds=[-50, 50], unit="uA"),
            told("TriggerLevel", list(level), bounds=[-500, 500], unit="mV"),
            told("InptMeasurementPeriod", period, bounds=[5, 1000], unit="ms"),
            told("DetectorEnable", enabled, unit=""),
        )
    )


def labels(**state):
    return ALL, box(**state)


def command(name, label, value, *answers):
    return json.dumps({"command": name, "label": label, "value": value}).encode(), *answers


def set_bias(*values, answer=b""):
    return command("SetAllBiasCurrents", "BiasCurrent", list(values), answer)


IN = (labels(), labels())  # once to see that it is one, once for the limits


class QuickWebSq(WebSq):
    """The same driver, which takes a shorter pause for the end of an answer."""

    QUIET_SECONDS = 0.01


@pytest.fixture
def detectors(begin, tcp_peer):
    def start(*script, **options):
        return begin(QuickWebSq, tcp_peer(*script), name="snspd", **options)

    return start


def test_identity(detectors):
    found = detectors(*IN).identify()
    assert (found.maker, found.model, found.serial_number) == ("Single Quantum", "WebSQ", "127.0.0.1")


def test_its_host_stands_for_its_serial_number(detectors):
    assert detectors(*IN, serial_number="127.0.0.1").identify()
    with pytest.raises(IdentityError, match=r"the serial number is '127\.0\.0\.1', not '17'"):
        detectors(labels(), serial_number="17").identify()


@pytest.mark.parametrize("count", [0, True, "2", None])
def test_a_number_of_detectors_that_makes_no_sense(detectors, count):
    with pytest.raises(BadReply, match="is not a number of detectors"):
        detectors(labels(count=count)).identify()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bias_current_1", 12e-6),
        ("bias_current_2", 8e-6),
        ("trigger_level_2", 21e-3),
        ("measurement_period", 0.1),
        ("enabled", True),
    ],
)
def test_reading(detectors, name, value):
    assert detectors(*IN, labels()).read(name) == pytest.approx(value)


def test_units_that_the_box_tells_go_before_the_usual_ones(detectors):
    milliamperes = (ALL, told("NumberOfDetectors", 1, unit="") + told("BiasCurrent", [0.012], unit="mA"))
    device = detectors(milliamperes, milliamperes, milliamperes)
    assert device.read("bias_current_1") == pytest.approx(12e-6)


def test_a_voltage_is_measured_when_it_is_asked_for(detectors):
    device = detectors(*IN, (b'{"request": "BiasVoltage"}', told("BiasVoltage", [1.5, 600.0])))
    assert device.read("bias_voltage_2") == pytest.approx(0.6)


def test_a_detector_that_is_not_there(detectors):
    device = detectors(*IN)
    device.identify()
    reading = device.measure("bias_current_3")
    assert (reading.quality, reading.note) == (Quality.BAD, "it has 2 detectors")
    with pytest.raises(BadReading):
        device.read("trigger_level_8")
    with pytest.raises(NotReady) as caught:
        device.set("bias_current_3", 1e-6)
    assert str(caught.value) == (
        f"snspd ({device.address}): cannot set bias_current_3: it has 2 detectors. Use one that it has."
    )


def test_one_bias_current_is_set_in_the_list_of_all(detectors):
    update = told("BiasCurrent", [12.0, 9.5])
    device = detectors(*IN, labels(), set_bias(12.0, 9.5, answer=update), labels(bias=(12.0, 9.5)))
    assert device.set("bias_current_2", 9.5e-6) == pytest.approx(9.5e-6)


def test_trigger_level_and_period(detectors):
    device = detectors(
        *(*IN, labels(), command("SetAllTriggerLevels", "TriggerLevel", [-75.5, 21.0])),
        labels(level=(-75.5, 21.0)),
        *(labels(), command("SetMeasurementPeriod", "InptMeasurementPeriod", 50.0), labels(period=50)),
    )
    assert device.set("trigger_level_1", -75.5e-3) == pytest.approx(-75.5e-3)
    assert device.set("measurement_period", 0.05) == pytest.approx(0.05)


@pytest.mark.parametrize("state", [True, False])
def test_enabling(detectors, state):
    device = detectors(
        *IN, command("DetectorEnable", "DetectorEnable", state, told("Other", 1)), labels(enabled=state)
    )
    assert device.set("enabled", state) is state


def test_the_tightest_limit_wins(detectors):
    device = detectors(*IN, limits={"bias_current_2": (0.0, 20e-6)})
    device.identify()
    with pytest.raises(LimitError, match="the limit of the instrument"):
        device.set("bias_current_1", 51e-6)
    with pytest.raises(LimitError, match="the limit of the site"):
        device.set("bias_current_2", 21e-6)
    with pytest.raises(LimitError, match="not a finite number"):
        device.set("bias_current_2", float("nan"))


def test_a_set_that_does_not_hold(detectors):
    device = detectors(*IN, labels(), set_bias(12.0, 9.5), labels())
    with pytest.raises(ReadBackError):
        device.set("bias_current_2", 9.5e-6)


def test_an_error_is_a_refusal(detectors):
    device = detectors(*IN, labels(), set_bias(12.0, 9.5, answer=told("ErrorMessage", "Cryostat is warm")))
    with pytest.raises(Refused) as caught:
        device.set("bias_current_2", 9.5e-6)
    assert str(caught.value).startswith(
        f"snspd ({device.address}) refused '" + set_bias(12.0, 9.5)[0].decode() + "' with error 0: "
        "Cryostat is warm."
    )
    assert device.state is State.UP


def test_parking_takes_all_bias_currents(detectors):
    device = detectors(*IN, set_bias(0.0, 0.0))
    assert device.park() == "all bias currents are zero"


def test_what_was_parked_is_wanted_so(detectors):
    dark = labels(bias=(0.0, 0.0))
    device = detectors(
        *(*IN, labels(), set_bias(12.0, 9.0), labels(bias=(12.0, 9.0))),
        *(set_bias(0.0, 0.0), dark, dark),
    )
    device.set("bias_current_2", 9e-6)
    device.park()
    assert device.wanted == {"bias_current_1": 0.0, "bias_current_2": 0.0}
    assert device.drifts() == ()


def test_a_bias_beyond_the_limits_of_the_site_is_not_switched_on(detectors):
    device = detectors(*IN, labels(), limits={"bias_current_1": (0.0, 10e-6)})
    with pytest.raises(NotReady, match="on while bias_current_1 is 12 uA: the site allows "):
        device.set("enabled", True)


def test_rebiasing_a_latched_detector(detectors):
    device = detectors(
        *(*IN, labels(), set_bias(12.0, 0.0), set_bias(12.0, 8.0)),
        (b'{"request": "BiasVoltage"}', told("BiasVoltage", [1.0, 2.0])),
    )
    assert device.perform("rebias", 2) == pytest.approx(2e-3)


def test_rebiasing_a_detector_that_is_not_there(detectors):
    device = detectors(*IN)
    with pytest.raises(NotReady, match="it has 2 detectors"):
        device.rebias(3)


def test_calibration(detectors):
    running = b'{"request": "StartAutoIV"}'
    device = detectors(
        *(*IN, labels(), command("DarkCountsAutoIV", "DarkCountsAutoIV", [100.0, 50.0])),
        (b'{"command": "AutoCaliBiasCurrents", "value": true}',),
        *((running, told("StartAutoIV", True)), (running, told("StartAutoIV", False))),
        labels(bias=(18.0, 17.0)),
    )
    device.identify()
    assert device.calibrate([100, 50]) == pytest.approx([18e-6, 17e-6])
    assert device.time.naps == [0.5, 0.5]


@pytest.mark.parametrize("rates", [[100.0], [100.0, 0.0], [100.0, float("nan")]])
def test_a_calibration_needs_a_rate_for_each_detector(detectors, rates):
    device = detectors(*IN)
    with pytest.raises(UsageError, match=r"it has 2 detectors\. Give one rate above zero for each"):
        device.calibrate(rates)
    assert device.state is State.UP


def test_a_calibration_that_does_not_end(detectors, monkeypatch):
    monkeypatch.setattr("control.drivers.websq.CALIBRATION_SECONDS", 1.0)
    running = (b'{"request": "StartAutoIV"}', told("StartAutoIV", True))
    device = detectors(
        *(*IN, command("DarkCountsAutoIV", "DarkCountsAutoIV", [1.0, 1.0])),
        *((b'{"command": "AutoCaliBiasCurrents", "value": true}',), running, running),
        stride=1.0,
    )
    with pytest.raises(LinkTimeout, match="tried to search bias currents"):
        device.calibrate([1.0, 1.0])


def test_objects_with_nothing_between(detectors):
    device = detectors(*IN, (ALL, box().replace(ETB, b"")))
    assert device.read("bias_current_2") == pytest.approx(8e-6)


def test_the_last_value_counts(detectors):
    stale = told("BiasCurrent", [1.0, 2.0])
    device = detectors(*IN, (ALL, stale + box()))
    assert device.read("bias_current_1") == pytest.approx(12e-6)


def test_what_stands_behind_a_broken_object_is_found(detectors):
    # Glued to it, without a separator between.
    broken = b'{"label":"TriggerLevel","value":[1,,2]}' + box().replace(ETB, b"") + ETB
    device = detectors(*IN, (ALL, broken))
    assert device.read("bias_current_2") == pytest.approx(8e-6)


def test_the_end_of_an_old_message_is_passed_by(detectors):
    device = detectors(*IN, (ALL, b'ent","value":{"value":[5.0,5.0]}}' + box()))
    assert device.read("bias_current_1") == pytest.approx(12e-6)


@pytest.mark.parametrize("cut", range(1, len(box()), 37))
def test_answers_may_come_in_two_pieces_cut_anywhere(detectors, cut):
    device = detectors(*IN, (ALL, box()[:cut], box()[cut:]))
    assert device.read("measurement_period") == pytest.approx(0.1)


GARBAGE = [
    b"\xff\xfe" + ETB,
    box().replace(b"12.0", b"1\xb2.0"),
    box().replace(b"[12.0, 8.0]", b"[12.0]"),
    box().replace(b"12.0", b"NaN"),
    box().replace(b"12.0", b"true"),
    box().replace(b"[12.0, 8.0]", b'"12.0, 8.0"'),
    b'{"label":' * 5000 + ETB,
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_asked_again_once(detectors, garbage):
    device = detectors(*IN, (ALL, garbage), *IN, labels())
    assert device.read("bias_current_1") == pytest.approx(12e-6)


def test_half_an_answer_is_none(detectors):
    device = detectors(*IN, (ALL, box()[:200]))
    with pytest.raises(LinkTimeout):
        device.read("bias_current_1")
    assert device.state is State.DIRTY


def test_garbage_twice_is_told(detectors):
    bad = (ALL, box().replace(b"12.0", b"null"))
    device = detectors(*IN, bad, *IN, bad)
    with pytest.raises(BadReply) as caught:
        device.read("bias_current_1")
    assert str(caught.value).startswith(
        f"snspd ({device.address}): the answer '[null, 8.0]' is not 2 finite numbers "
        "(tried to ask for BiasCurrent). "
    )


def test_a_late_answer_does_not_answer_the_next_question(detectors):
    device = detectors(*IN, (ALL,), *IN, labels(bias=(1.0, 1.0)))
    with pytest.raises(LinkTimeout) as caught:
        device.read("bias_current_1")
    assert caught.value.tried == "send " + ALL.decode()
    device.peer.say(box())
    assert device.read("bias_current_1") == pytest.approx(1e-6)


def test_bias_currents_that_a_power_cycle_took_are_not_set_again_by_themselves(detectors):
    changed = {"bias": (12.0, 9.0), "level": (30.0, 21.0)}
    device = detectors(
        *(*IN, labels(), set_bias(12.0, 9.0), labels(bias=(12.0, 9.0))),
        *(labels(bias=(12.0, 9.0)), command("SetAllTriggerLevels", "TriggerLevel", [30.0, 21.0])),
        *(labels(**changed), (ALL,), HANG_UP),
        *(*IN, labels(), labels(), labels(), command("SetAllTriggerLevels", "TriggerLevel", [30.0, 21.0])),
        labels(level=(30.0, 21.0)),
    )
    device.set("bias_current_2", 9e-6)
    device.set("trigger_level_1", 30e-3)
    with pytest.raises(LinkDown):
        device.check()
    assert device.check() is State.DEGRADED
    assert device.trouble.startswith("while the link was down: bias_current_2 is")
    assert "trigger_level_1 was set again to 0.03" in [entry.text for entry in device.logbook]


class CountPort:
    """A port that sends what it is given to each who connects, and then lines for ever."""

    def __init__(self, *openings, line=b"1700000000.5,10,20\n"):
        self.openings = openings
        self.line = line
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.resource = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.sent = threading.Event()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        for opening in self.openings:
            connection, _ = self.listener.accept()
            with connection:
                try:
                    self.serve(connection, opening)
                except OSError:
                    continue

    def serve(self, connection, opening):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if opening is None:
            return
        connection.sendall(opening)
        self.sent.set()
        half = len(self.line) // 2
        while self.line and not self.stop.wait(0.002):
            connection.sendall(self.line[:half])
            connection.sendall(self.line[half:])
        self.stop.wait(5.0)

    def close(self):
        self.stop.set()
        self.thread.join(5.0)
        self.listener.close()


@pytest.fixture
def counting(detectors):
    """A device with a port of counts."""
    ports = []

    def start(*script, opening=(b"",), **options):
        ports.append(CountPort(*opening, **options))
        stream = open_link(ports[0].resource, "snspd")
        return detectors(*IN, *script, stream=stream), ports[0]

    yield start
    for port in ports:
        port.close()


def test_count_rates(counting):
    device, _ = counting(labels(period=5), labels(period=5))
    rates = device.perform("count_rates", 0.05)
    assert rates == pytest.approx([2000.0, 4000.0])
    assert rates.dtype == np.float64
    assert device.count_rates(0.0) == pytest.approx([2000.0, 4000.0])


def test_counts_of_before_the_call_do_not_count(counting):
    device, port = counting(labels(period=5), opening=(b"1,999,999\n" * 500 + b"1,99",))
    port.sent.wait(5.0)
    assert device.count_rates(0.02) == pytest.approx([2000.0, 4000.0])


def test_several_lines_in_one_piece_all_count(counting):
    device, _ = counting(labels(period=5), line=b"1,10,20\n2,30,40\n" * 2)
    assert device.count_rates(0.02) == pytest.approx([4000.0, 6000.0])


@pytest.mark.parametrize("line", [b"1,10\n", b"1,10,20,30\n", b"1,ten,20\n", b"\xff\xfe\n", b"1,nan,2\n"])
def test_lines_that_are_no_counts(counting, line):
    device, port = counting(labels(period=5), line=line)
    with pytest.raises(BadReply) as caught:
        device.count_rates(0.02)
    assert str(caught.value).startswith(f"snspd ({port.resource}): the answer '")
    assert "is not a time and 2 counts (tried to count)" in str(caught.value)


def test_no_counts_are_a_time_out(counting):
    device, port = counting(labels(period=5), line=b"")
    with pytest.raises(LinkTimeout) as caught:
        device.count_rates(0.02)
    assert (caught.value.device, caught.value.address) == ("snspd", port.resource)
    assert device.state is State.UP  # the other line is in order


def test_a_port_of_counts_that_hung_up_is_opened_again(counting):
    device, _ = counting(labels(period=5), opening=(None, b""))
    assert device.count_rates(0.02) == pytest.approx([2000.0, 4000.0])


def test_counting_needs_the_second_line(detectors):
    with pytest.raises(UsageError) as caught:
        detectors().count_rates()
    assert str(caught.value) == (
        "snspd: counts come on a second line, which the setup does not name. "
        'Add stream = "tcp://host:12345" to it.'
    )


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf"), 1e12])
def test_a_time_that_cannot_be_counted_for(counting, seconds):
    device, _ = counting()
    device.identify()
    with pytest.raises(LimitError, match="seconds cannot be") as caught:
        device.count_rates(seconds)
    assert (caught.value.device, caught.value.high) == ("snspd", 3600.0)
