"""The control channel of a bench survives whatever is sent to it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from hardware_sim.bench import Bench
from hardware_sim.bench_control import LONGEST_REQUEST, BenchControl
from hardware_sim.wiring import NEEDED


@pytest.fixture
def control(innsbruck: Any) -> Iterator[BenchControl]:
    instruments = innsbruck.tables["instruments"]
    few = {name: each for name, each in instruments.items() if each.get("role") in {*NEEDED, "coils"}}
    bench = Bench(few, np.random.default_rng(1), innsbruck.properties, innsbruck.wiring.instruments)
    with closing(bench), closing(BenchControl(bench)) as started:
        yield started


def converse(control: BenchControl, data: bytes) -> list[bytes]:
    """Send bytes, hang up, and return the lines that came until the other end hung up too."""
    host, _, port = control.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(data)
        line.shutdown(socket.SHUT_WR)
        with line.makefile("rb") as answers:
            return answers.readlines()


def refusals(control: BenchControl, *requests: bytes) -> list[str]:
    answers = [json.loads(line) for line in converse(control, b"".join(each + b"\n" for each in requests))]
    assert [answer["ok"] for answer in answers] == [False] * len(requests)
    return [answer["error"] for answer in answers]


def alive(control: BenchControl) -> None:
    (line,) = converse(control, b'{"do": "list"}\n')
    assert "trap_rf" in json.loads(line)["result"]["instruments"]


def test_faults_have_a_meaning_and_knobs_a_name(control: BenchControl) -> None:
    (line,) = converse(control, b'{"do": "list"}\n')
    coils = json.loads(line)["result"]["instruments"]["coils"]
    assert coils["driver"] == "hmp4040"
    assert coils["faults"]["delay"] == "answers come late; seconds"
    assert "voltage_1" in coils["knobs"]


@pytest.mark.parametrize(
    "request_line",
    [
        b"",
        b"hello",
        b"\xff\xfe\x00garbage",
        b"null",
        b"[1, 2]",
        b"3",
        b'"list"',
        b"{}",
        b'{"do": ["list"]}',
        b'{"do": {"do": "list"}}',
        b'{"do": "explode"}',
        b"[" * 50_000,
        b'{"do": ' * 9_000,
        b'{"do": "fault"}',
        b'{"do": "fault", "instrument": {}, "fault": "heal"}',
        b'{"do": "fault", "instrument": "trap_rf", "fault": 3}',
        b'{"do": "fault", "instrument": "trap_rf", "fault": "delay", "amount": "much"}',
        b'{"do": "fault", "instrument": "trap_rf", "fault": "delay", "amount": NaN}',
        b'{"do": "fault", "instrument": "trap_rf", "fault": "delay", "amount": 1e999}',
        b'{"do": "fault", "instrument": "trap_rf", "fault": "delay", "amount": -1}',
        b'{"do": "fault", "instrument": "trap_rf", "fault": "delay", "amount": true}',
        b'{"do": "fault", "instrument": "trap_rf", "fault": "lost bytes", "amount": 5}',
        b'{"do": "knob", "instrument": "coils", "knob": "voltage_1"}',
        b'{"do": "knob", "instrument": "coils", "knob": "voltage_1", "value": [1]}',
        b'{"do": "knob", "instrument": "coils", "knob": "voltage_1", "value": Infinity}',
        b'{"do": "knob", "instrument": "coils", "knob": "nose", "value": 1}',
        b'{"do": "knob", "instrument": "nose", "knob": "voltage_1", "value": 1}',
        b'{"do": "complaints"}',
        b'{"do": "complaints", "instrument": []}',
    ],
)
def test_nonsense_is_refused_and_harms_nothing(control: BenchControl, request_line: bytes) -> None:
    (told,) = refusals(control, request_line)
    assert told
    alive(control)


def test_the_refusal_tells_what_is_possible(control: BenchControl) -> None:
    told = refusals(
        control,
        b'{"do": "explode"}',
        b'{"do": "fault", "instrument": "trap_fr", "fault": "heal"}',
        b'{"do": "fault", "instrument": "trap_rf", "fault": "delay", "amount": -1}',
    )
    assert told == [
        "do = 'explode' is not possible: allowed is list, fault, knob, complaints, stop; give one of them",
        "instrument = 'trap_fr' is not possible: "
        "allowed is trap_rf, half_wave_plate, quarter_wave_plate, coils; give one of them",
        "amount = -1 is not possible: allowed is a finite number from 0 on; or leave it out",
    ]


def test_a_number_that_no_float_can_be(control: BenchControl) -> None:
    amount = b"9" * 400
    (told,) = refusals(
        control, b'{"do": "fault", "instrument": "trap_rf", "fault": "delay", "amount": ' + amount + b"}"
    )
    assert "allowed is a finite number from 0 on" in told


def test_a_line_without_end_is_hung_up_on(control: BenchControl) -> None:
    host, _, port = control.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(b"x" * LONGEST_REQUEST)
        with line.makefile("rb") as answers:
            (told,) = answers.readlines()
    assert json.loads(told)["error"] == "a line without end after 65536 bytes; one may have 65536 at most"
    alive(control)


def test_a_client_that_leaves_at_once_harms_nothing(
    control: BenchControl, capsys: pytest.CaptureFixture[str]
) -> None:
    host, _, port = control.address.rpartition(":")
    for _ in range(5):
        with socket.create_connection((host, int(port)), timeout=10) as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # a reset, no goodbye
            line.sendall(b'{"do": "list"}\n')
    alive(control)
    assert capsys.readouterr().err == ""


def test_who_stays_is_hung_up_on_at_the_end(control: BenchControl) -> None:
    host, _, port = control.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(b'{"do": "stop"}\n')
        assert json.loads(line.recv(100)) == {"ok": True, "result": None}
        assert control.stopped.is_set()
        control.close()
        assert line.recv(100) == b""


def test_what_an_instrument_did_not_understand_is_told(control: BenchControl) -> None:
    (line,) = converse(control, b'{"do": "complaints", "instrument": "coils"}\n')
    assert json.loads(line) == {"ok": True, "result": []}
