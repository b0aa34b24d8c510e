"""The analyzer's dump of a shot, read by a decoder that is written for the test alone."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest

from hardware_sim.rtio import analyzer_dump
from hardware_sim.rtio.dump import RING, Reads
from hardware_sim.rtio.errors import NoDispatcherError
from sequences import Dispatcher
from sequences.conditions import Herald
from sequences.program import AttemptLoop, Branch, RepeatLoop, Wait
from sequences.timeline import Operation

KASLI = Dispatcher()
ZERO = 125_000  # ticks of the counter at time zero of the shot

Message = tuple[str, int, int, int, int, int]


def decode(dump: bytes) -> tuple[int, list[Message]]:
    """Bytes ever written, and (kind, channel, timestamp, counter, address, data) of every message."""
    order, sent, total, overflow, log, onehot = struct.unpack("<cIQBbB", dump[:16])
    assert (order, overflow, log, onehot) == (b"e", 0, -1, 1)
    body = dump[16:]
    assert len(body) == sent
    assert sent % 32 == 0
    messages: list[Message] = []
    for begin in range(0, sent, 32):
        data, address, counter, timestamp, last = struct.unpack(">QIQQI", body[begin : begin + 32])
        kind = ("output", "input", "exception", "stopped")[last & 3]
        messages.append((kind, last >> 2, timestamp, counter, address, data))
    return total, messages


def as_float(data: int) -> float:
    (value,) = struct.unpack(">d", data.to_bytes(8, "big"))
    return float(value)


def test_a_line_is_recorded_as_artiq_records_it(desk: Any) -> None:
    """The very bytes that ARTIQ's own decoder reads as a line going high: type 0, address 0, data 1."""
    events = [(875_000, 4, Operation.LEVEL, 1.0)]
    program = desk.program(desk.target(Dispatcher(event_time=4e-6, playback=0.0)), desk.play(900_000, events))
    dump = analyzer_dump(program)
    message = "0000000000000001 00000000 0000000000000fa0 00000000000f4240 00000010"
    assert dump[16:48] == bytes.fromhex(message.replace(" ", ""))
    assert dump[:16] == bytes.fromhex("65 40000000 4000000000000000 00 ff 01")


def test_every_register_is_a_message_and_the_stop_is_last(desk: Any) -> None:
    events = [
        (0, 16, Operation.FREQUENCY, 80e6),
        (0, 16, Operation.PHASE, 0.25),
        (0, 16, Operation.AMPLITUDE, 0.5),
    ]
    events += [
        (100, 24, Operation.VOLTAGE, -1.5),
        (200, 32, Operation.OPEN, 0),
        (300, 32, Operation.CLOSE, 0),
    ]
    total, messages = decode(analyzer_dump(desk.program(desk.target(KASLI), desk.play(1001, events))))
    assert total == 7 * 32
    handed = [4064, 4128, 4192, 4256]  # the first after 4065 ns, the others 65 ns later, in whole cycles
    assert [message[:5] for message in messages] == [
        ("output", 16, ZERO, handed[0], 0),
        ("output", 16, ZERO, handed[0], 1),
        ("output", 16, ZERO, handed[0], 2),
        ("output", 24, ZERO + 100, handed[1], 0),
        ("output", 32, ZERO + 200, handed[2], 0),
        ("output", 32, ZERO + 300, handed[3], 0),
        ("stopped", 0, 0, ZERO + 1000, 0),
    ]
    assert [as_float(message[5]) for message in messages[:4]] == [80e6, 0.25, 0.5, -1.5]
    assert [message[5] for message in messages[4:6]] == [9, 4]


def test_a_gate_that_closes_as_the_next_opens_is_one_command(desk: Any) -> None:
    events = [(0, 32, Operation.OPEN, 0), (80, 32, Operation.CLOSE, 0), (80, 32, Operation.OPEN, 1)]
    _, messages = decode(analyzer_dump(desk.program(desk.target(KASLI), desk.play(100, events))))
    assert [message[5] for message in messages] == [9, 13, 0]


def test_an_underflow_is_an_exception_after_its_write(desk: Any) -> None:
    program = desk.program(desk.target(KASLI), Wait(33, 8), desk.edges(9000, (0, 3), (0, 4), (8000, 5)))
    _, messages = decode(analyzer_dump(program))
    assert [message[:2] for message in messages] == [
        ("output", 3),
        ("exception", 3),
        ("output", 4),
        ("exception", 4),
        ("output", 5),
        ("stopped", 0),
    ]
    kind, _, timestamp, counter, address, data = messages[1]
    assert (kind, timestamp, counter, address, data) == ("exception", 0, messages[0][3], 0x14, 0)


def test_reads_stand_where_the_core_made_them(desk: Any) -> None:
    program = desk.program(desk.target(KASLI), desk.edges(200_000, *[(1000 * n, n % 2) for n in range(200)]))
    reads = Reads(
        np.array([-121_000, 195_008, 196_000]),
        np.array([-122_000, 190_000, 0]),
        np.array([32, 32, 33]),
        np.array([5, 7, 0]),
        np.array([False, False, True]),
    )
    _, messages = decode(analyzer_dump(program, reads))
    assert [kind for kind, *_ in messages].count("output") == 200
    counters = [message[3] for message in messages]
    assert counters == sorted(counters)
    assert messages[0] == ("input", 32, ZERO - 122_000, ZERO - 121_000, 0, 5)
    assert messages[-3:-1] == [
        ("input", 32, ZERO + 190_000, ZERO + 195_008, 0, 7),
        ("exception", 33, 0, ZERO + 196_000, 0x21, 0),
    ]


@pytest.mark.parametrize("passes", [4, 900])
def test_the_ring_keeps_the_last_messages(desk: Any, passes: int) -> None:
    body = desk.edges(10_000, *[(500 * n, n % 2) for n in range(20)])
    program = desk.program(desk.target(KASLI), RepeatLoop(passes, (body,)))
    total, messages = decode(analyzer_dump(program))
    assert total == (20 * passes + 1) * 32
    assert len(messages) == min(20 * passes + 1, RING)
    outputs = [message[2] - ZERO for message in messages[:-1]]
    assert outputs == [500 * n for n in range(20 * passes - len(outputs), 20 * passes)]


def test_the_course_can_be_the_best_or_the_worst(desk: Any) -> None:
    loop = AttemptLoop(7, Herald((0,)), (desk.gate(20_000, 0, 9000),))
    ways = Branch(Herald((0,)), (desk.edges(9000, (8000, 1)),), (desk.edges(9000, (8000, 2)),))
    program = desk.program(desk.target(KASLI), loop, ways)

    def channels(*, heralded: bool) -> list[int]:
        return [message[1] for message in decode(analyzer_dump(program, heralded=heralded))[1]]

    assert channels(heralded=True) == [32, 32, 1, 0]
    assert channels(heralded=False) == [32] * 14 + [1, 2, 0]


def test_a_core_without_a_dispatcher_has_no_analyzer(desk: Any) -> None:
    with pytest.raises(NoDispatcherError):
        analyzer_dump(desk.program(desk.target(None), desk.edges(100, (0, 0))))
