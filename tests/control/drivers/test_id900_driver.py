"""The time controller driver against scripted REP sockets; the messages are those of the maker's examples."""

from __future__ import annotations

import threading
from collections import deque

import numpy as np
import pytest
import zmq

from control.device import State
from control.device.readings import Quality
from control.drivers.id900 import Id900
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
    UsageError,
)
from control.transport import open_link

IDN = (b"*IDN?", b"IDQ,ID900,2034002,1.10.2\n")
HIRES, LORES = (b"DEVI:RES?", b"HIRES"), (b"DEVI:RES?", b"LORES")
SILENCE, HANG_UP = "silence", "hang up"
BLOCKS = ("STAR", "INPU1", "INPU2", "INPU3", "INPU4")


class TimeController:
    """Follows a script of (question, answer); an answer of `SILENCE` comes when released."""

    def __init__(self, script):
        self.script = deque(script)
        self.complaints = []
        self.bound = threading.Event()
        self.bind("tcp://127.0.0.1:*")
        self.port = int(self.socket.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2])
        self.resource = f"zmq://127.0.0.1:{self.port}"
        self.speak = threading.Event()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def bind(self, address):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.REP)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(address)
        self.bound.set()

    def run(self):
        while not self.ended.is_set():
            if not self.socket.poll(5):
                continue
            question = self.socket.recv()
            expected, answer = self.script.popleft() if self.script else (b"nothing", b"")
            if question != expected:
                self.complaints.append((question, expected))
            if answer is HANG_UP:
                self.bound.clear()
                self.socket.close()
                self.context.term()
                self.bind(f"tcp://127.0.0.1:{self.port}")
                continue
            if answer is SILENCE:
                self.speak.wait(5.0)
                answer = b"late"
            self.socket.send(answer)
        self.socket.close()

    def finish(self):
        self.ended.set()
        self.speak.set()
        self.thread.join(5.0)
        self.context.term()
        assert self.complaints == []
        assert list(self.script) == [], "steps that were never reached"


@pytest.fixture
def controller(begin):
    running = []

    def start(*script, **options):
        running.append(TimeController(script))
        return begin(Id900, running[-1], name="tdc", **options)

    yield start
    for each in running:
        each.finish()


def each_block(field, *answers):
    question = ";:".join(f"{block}:{field}" for block in BLOCKS)
    return question.encode(), "\n".join(answers).encode() + b"\n"


def test_identity(controller):
    found = controller(IDN).identify()
    assert (found.maker, found.model) == ("ID Quantique", "ID900")
    assert (found.serial_number, found.firmware) == ("2034002", "1.10.2")


def test_an_identity_of_two_words(controller):
    assert controller((b"*IDN?", b"IDQ ID1000\n")).identify().model == "ID1000"


def test_another_instrument(controller):
    with pytest.raises(BadReply, match="is not the name of a time controller, as in ID900"):
        controller((b"*IDN?", b"Swabian,TimeTagger,1,2")).identify()
    with pytest.raises(IdentityError, match="the model is 'ID801', not 'ID900 or ID1000'"):
        controller((b"*IDN?", b"IDQ,ID801,1,2")).identify()


def test_it_needs_a_zeromq_link(tcp_peer):
    link = open_link(tcp_peer().resource, "tdc")
    with pytest.raises(ConfigError) as caught:
        Id900("tdc", link)
    assert str(caught.value) == (
        f"tdc: a time controller speaks ZeroMQ; {link.resource} should be zmq://host:5555."
    )
    link.release("tdc")


@pytest.mark.parametrize(
    ("name", "question", "answer", "value"),
    [
        ("input_1_enabled", b"INPU1:ENAB?", b"ON\n", True),
        ("input_2_enabled", b"INPU2:ENAB?", b"0\n", False),
        ("start_threshold", b"STAR:THRE?", b"-0.2V\n", -0.2),
        ("input_1_threshold", b"INPU1:THRE?", b"-200 mV\n", -0.2),
        ("input_3_edge", b"INPU3:EDGE?", b"RISING\n", "RISING"),
        ("input_3_edge", b"INPU3:EDGE?", b"FALL\n", "FALLING"),
        ("input_4_coupling", b"INPU4:COUP?", b"DC\n", "DC"),
        ("input_4_shaping", b"INPU4:SELE?", b"UNSH\n", "UNSHAPED"),
        ("input_1_counting", b"INPU1:COUN:MODE?", b"CYCLe\n", "CYCL"),
        ("input_1_integration", b"INPU1:COUN:INTE?", b"500\n", 0.5),
        ("delay_8", b"DELA8:VALU?", b"1500\n", 1.5e-9),
        ("delay_8", b"DELA8:VALU?", b"1500TB\n", 1.5e-9),
        ("histogram_2_bins", b"HIST2:BCOU?", b"1024\n", 1024.0),
        ("histogram_2_bin_width", b"HIST2:BWID?", b"100\n", 1e-10),
        ("resolution", b"DEVI:RES?", b"HIRES\n", "HIRES"),
        ("resolution", b"DEVI:RES?", b"LOWRES\n", "LORES"),
        ("clock", b"DEVI:SYNC?", b"EXTernal\n", "EXT"),
    ],
)
def test_reading(controller, name, question, answer, value):
    assert controller(IDN, (question, answer)).read(name) == pytest.approx(value)


@pytest.mark.parametrize(
    ("name", "value", "command", "question", "answer"),
    [
        ("input_1_enabled", True, b"INPU1:ENAB ON", b"INPU1:ENAB?", b"ON"),
        ("input_1_enabled", False, b"INPU1:ENAB OFF", b"INPU1:ENAB?", b"OFF"),
        ("input_1_threshold", -0.2, b"INPU1:THRE -0.2V", b"INPU1:THRE?", b"-0.2"),
        ("start_edge", "FALLING", b"STAR:EDGE FALLING", b"STAR:EDGE?", b"FALLING"),
        ("input_2_counting", "ACCU", b"INPU2:COUN:MODE ACCU", b"INPU2:COUN:MODE?", b"ACCU"),
        ("input_2_integration", 0.5, b"INPU2:COUN:INTE 500", b"INPU2:COUN:INTE?", b"500"),
        ("delay_1", 1.5e-9, b"DELA1:VALU 1500", b"DELA1:VALU?", b"1500"),
        ("histogram_1_bins", 16384.0, b"HIST1:BCOU 16384", b"HIST1:BCOU?", b"16384"),
        ("histogram_1_bin_width", 1e-10, b"HIST1:BWID 100", b"HIST1:BWID?", b"100"),
        ("resolution", "LORES", b"DEVI:RES LORES", b"DEVI:RES?", b"LORES"),
    ],
)
def test_setting(controller, name, value, command, question, answer):
    device = controller(IDN, (command, b""), (question, answer))
    assert device.set(name, value) == pytest.approx(value)


def test_a_confirmation_is_no_complaint(controller):
    device = controller(IDN, (b"DELA1:VALU 1500", b"Value set to 1500"), (b"DELA1:VALU?", b"1500TB"))
    assert device.set("delay_1", 1.5e-9) == pytest.approx(1.5e-9)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("input_1_threshold", 2.1),
        ("input_1_threshold", float("nan")),
        ("delay_1", -1e-12),
        ("histogram_1_bins", 16385),
        ("input_1_integration", 0.0),
    ],
)
def test_limits(controller, name, value):
    with pytest.raises(LimitError):
        controller().set(name, value)


def test_words_that_are_none(controller):
    with pytest.raises(UsageError, match="start_edge cannot be 'RISNG'"):
        controller().set("start_edge", "RISNG")


def test_half_a_bin_is_not_set_silently(controller):
    device = controller(IDN, (b"HIST1:BCOU 10", b""), (b"HIST1:BCOU?", b"10"))
    with pytest.raises(ReadBackError):
        device.set("histogram_1_bins", 10.4)


@pytest.mark.parametrize(
    ("answer", "code", "text"),
    [
        (b'-222,"Data out of range"\n', -222, "Data out of range"),
        (b"Invalid command\n", 0, "Invalid command"),
    ],
)
def test_a_complaint_is_a_refusal(controller, answer, code, text):
    device = controller(IDN, (b"DELA1:VALU 5", answer))
    with pytest.raises(Refused) as caught:
        device.set("delay_1", 5e-12)
    assert (caught.value.code, caught.value.text) == (code, text)
    assert str(caught.value).startswith(f"tdc ({device.address}) refused 'DELA1:VALU 5' with error {code}: ")
    assert device.state is State.UP


def test_counts_at_low_resolution(controller):
    assert controller(IDN, (b"INPU1:COUN?", b"1234\n"), LORES).read("input_1_count") == 1234.0


@pytest.mark.parametrize(
    ("error", "quality", "note"),
    [
        (b"0", Quality.GOOD, ""),
        (b"1", Quality.SUSPECT, "it needs recalibrate()"),
        (b"7", Quality.SUSPECT, "error 7"),
        (b"1001", Quality.BAD, "too many pulses, or a bad threshold (error 1001)"),
        (b"1003", Quality.BAD, "too many pulses, or a bad threshold (error 1003)"),
    ],
)
def test_counts_come_with_what_the_input_thinks_of_them(controller, error, quality, note):
    asked = ((b"INPU1:COUN?", b"1234\n"), HIRES, (b"INPU1:HIRES:ERROR?", error))
    clear = () if error == b"0" else ((b"INPU1:HIRES:ERROR:CLEAR", b"\n"),)
    device = controller(IDN, *asked, *clear)
    reading = device.measure("input_1_count")
    assert (reading.quality, reading.note) == (quality, note)
    assert reading.value == (None if quality is Quality.BAD else 1234.0)


def test_a_bad_count_is_not_delivered(controller):
    error = (b"INPU2:HIRES:ERROR?", b"1002"), (b"INPU2:HIRES:ERROR:CLEAR", b"")
    device = controller(IDN, (b"INPU2:COUN?", b"9"), HIRES, *error)
    with pytest.raises(BadReading, match="too many pulses"):
        device.read("input_2_count")


def test_count_rates(controller):
    device = controller(
        *(IDN, each_block("COUN:MODE?", *["CYCL"] * 5)),
        each_block("COUN?", "1000", "2000", "0", "5", "100"),
        each_block("COUN:INTE?", "1000", "500", "1000", "1000", "2000"),
    )
    assert device.perform("count_rates") == pytest.approx([1000.0, 4000.0, 0.0, 5.0, 50.0])


def test_counters_that_go_on_have_no_rate(controller):
    device = controller(IDN, each_block("COUN:MODE?", "CYCL", "CYCL", "ACCUm", "CYCL", "CYCL"))
    with pytest.raises(NotReady, match="cannot tell rates: a counter accumulates"):
        device.count_rates()


def test_counts_of_too_few_inputs(controller):
    question = each_block("COUN:MODE?")[0]
    with pytest.raises(BadReply, match="is not 5 lines"):
        controller(IDN, (question, b"CYCL\nCYCL\n")).count_rates()


def test_an_integration_time_of_zero(controller):
    device = controller(
        *(IDN, each_block("COUN:MODE?", *["CYCL"] * 5), each_block("COUN?", *["1"] * 5)),
        each_block("COUN:INTE?", *["0"] * 5),
    )
    with pytest.raises(NotReady, match="an integration time is zero"):
        device.count_rates()


def test_coincidences(controller):
    device = controller(IDN, (b"DEVI:CONF:LOAD COUNT", b"\n"), (b"TSCO6:COUN?", b"17\n"))
    device.perform("load_counters")
    assert device.perform("coincidences", 6) == 17
    with pytest.raises(UsageError, match=r"there is no combiner 33\. Give 1 to 32\."):
        device.coincidences(33)


def test_recalibration(controller):
    controller(IDN, (b"DEVI:SAMP:RECA", b"")).perform("recalibrate")


def test_a_histogram(controller):
    counts = controller(IDN, (b"HIST3:DATA?", b"[0, 3, 1, 17]\n")).histogram(3)
    assert counts.dtype == np.int64
    assert counts.tolist() == [0, 3, 1, 17]


@pytest.mark.parametrize("number", [0, 5])
def test_a_histogram_that_is_not_there(controller, number):
    with pytest.raises(UsageError, match=f"there is no histogram {number}"):
        controller().histogram(number)


@pytest.mark.parametrize("answer", [b"", b"[0, 3", b"[0, 1.5]", b"[true]", b"{}", b"[" * 5000, b'["1"]'])
def test_histograms_that_are_none(controller, answer):
    with pytest.raises(BadReply, match="is not a list of whole numbers"):
        controller(IDN, (b"HIST1:DATA?", answer)).histogram(1)


RECORDING = [
    (b"REC:TRIG:ARM:MODE MANU", b""),
    (b"REC:ENAB ON", b""),
    (b"REC:STOP", b""),
    (b"REC:NUM 1", b""),
    (b"REC:DUR 2000000000000", b""),
    (b"HIST1:FLUS", b"\n"),
    (b"REC:PLAY", b""),
]
PLAYING, STOPPED = (b"REC:STAG?", b"PLAYING\n"), (b"REC:STAG?", b"STOPPED\n")


def test_recording(controller):
    device = controller(IDN, *RECORDING, PLAYING, PLAYING, STOPPED, (b"HIST1:DATA?", b"[1, 2]"))
    assert device.perform("acquire", 1, 2.0).tolist() == [1, 2]
    assert device.time.naps == [2.0, 0.1, 0.1]


def test_a_recording_that_does_not_end(controller):
    device = controller(IDN, *RECORDING, *[PLAYING] * 4, stride=2.0)
    with pytest.raises(NotReady) as caught:
        device.acquire(1, 2.0)
    assert str(caught.value) == (
        f"tdc ({device.address}): cannot return histogram 1: the recording of 2 s has not ended. "
        "Is it waiting for a trigger?"
    )


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf"), 1e12])
def test_a_time_that_cannot_be_recorded(controller, seconds):
    with pytest.raises(LimitError, match="seconds cannot be") as caught:
        controller().acquire(1, seconds)
    assert (caught.value.device, caught.value.high) == ("tdc", 3600.0)


@pytest.mark.parametrize("garbage", [b"", b"abc", b"1500 fortnights", b"\xff\xfe", b"nan", b"1.5.0"])
def test_garbage_is_asked_again_once(controller, garbage):
    device = controller(IDN, (b"DELA1:VALU?", garbage), IDN, (b"DELA1:VALU?", b"1500"))
    assert device.read("delay_1") == pytest.approx(1.5e-9)


def test_garbage_twice_is_told(controller):
    device = controller(IDN, (b"INPU1:EDGE?", b"UP"), IDN, (b"INPU1:EDGE?", b"UP"))
    with pytest.raises(BadReply) as caught:
        device.read("input_1_edge")
    assert str(caught.value).startswith(
        f"tdc ({device.address}): the answer 'UP' is not RISING or FALLING (tried to ask INPU1:EDGE?). "
    )


def test_a_late_answer_does_not_answer_the_next_question(controller):
    device = controller(IDN, (b"DELA1:VALU?", SILENCE), IDN, (b"DELA1:VALU?", b"1500"))
    with pytest.raises(LinkTimeout):
        device.read("delay_1")
    assert device.state is State.DIRTY
    device.peer.speak.set()
    assert device.read("delay_1") == pytest.approx(1.5e-9)


def test_after_a_power_cycle_settings_are_set_again(controller):
    device = controller(
        *(IDN, (b"DELA1:VALU 1500", b""), (b"DELA1:VALU?", b"1500"), (b"*IDN?", HANG_UP)),
        *(IDN, (b"DELA1:VALU?", b"0"), (b"DELA1:VALU 1500", b""), IDN),
    )
    device.set("delay_1", 1.5e-9)
    with pytest.raises(LinkDown):
        device.check()
    device.peer.bound.wait(5.0)
    assert device.check() is State.UP
    assert [entry.text for entry in device.logbook] == ["delay_1 was set again to 1.5e-09"]
