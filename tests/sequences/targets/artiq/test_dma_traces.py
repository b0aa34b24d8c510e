"""DMA traces, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequences.targets.artiq import RtioEvents, parse_trace, print_trace
from sequences.targets.artiq.errors import TraceError

# two pulses of 1 us on channel 4, as ARTIQ's compiled kernel has recorded them
CAPTURED = bytes.fromhex(
    "11 040000 0000000000000000 00 01000000"
    "11 040000 e803000000000000 00 00000000"
    "11 040000 d007000000000000 00 01000000"
    "11 040000 b80b000000000000 00 00000000"
    "00"
)
PULSES = RtioEvents.of([0, 1000, 2000, 3000], 4, 0, [1, 0, 1, 0], duration=4000)

word = st.integers(0, 2**32 - 1)
event = st.tuples(st.integers(-(2**40), 2**40), st.integers(0, 2**24 - 1), st.integers(0, 255), word)


def events_of(rows: list[tuple[int, int, int, int]]) -> RtioEvents:
    columns = ([row[column] for row in rows] for column in range(4))
    return RtioEvents.of(*columns, duration=7)


def test_captured_bytes() -> None:
    assert print_trace(PULSES) == CAPTURED
    assert parse_trace(CAPTURED, duration=4000) == PULSES
    assert parse_trace(CAPTURED + bytes(11), duration=4000) == PULSES  # memory after it


@given(st.lists(event, max_size=8))
def test_round_trip(rows: list[tuple[int, int, int, int]]) -> None:
    events = events_of(rows)
    assert parse_trace(print_trace(events), 7, events.before) == events


def test_events_before_the_start_shift_the_trace() -> None:
    early = RtioEvents.of([-16, 0], 20, 1, 3)
    trace = print_trace(early)
    assert parse_trace(trace).timestamp.tolist() == [0, 16]
    assert print_trace(early, before=24) == print_trace(RtioEvents.of([8, 24], 20, 1, 3))
    with pytest.raises(TraceError) as caught:
        print_trace(early, before=8)
    assert str(caught.value) == (
        "DMA trace, byte 0: an event lies 8 machine units before the trace is played"
    )


@pytest.mark.parametrize(
    ("trace", "told"),
    [
        (b"", "byte 0: the trace ends within a record, or without the zero at its end"),
        (CAPTURED[:-1], "byte 68: the trace ends within a record, or without the zero at its end"),
        (CAPTURED[:20], "byte 20: the trace ends within a record, or without the zero at its end"),
        (b"\0\x11", "byte 0: bytes follow the zero at the end"),
        (CAPTURED[:17] + b"\x16" + bytes(21) + b"\0", "byte 17: a record of 22 bytes; an event with one"),
        (
            bytes([21]) + bytes(20) + b"\0",
            "byte 0: a record of 21 bytes; an event with one word of data has 17",
        ),
    ],
)
def test_other_bytes_are_told(trace: bytes, told: str) -> None:
    with pytest.raises(TraceError) as caught:
        parse_trace(trace)
    assert str(caught.value).startswith(f"DMA trace, {told}")


def test_events_are_compared_by_what_they_play() -> None:
    again = RtioEvents.of(np.arange(0, 4000, 1000), 4, 0, [1, 0, 1, 0], source=3, duration=4000)
    assert again == PULSES
    assert hash(again) == hash(PULSES)
    assert again != RtioEvents.of([0], 4, 0, 1)
    assert (again == 3) is False
