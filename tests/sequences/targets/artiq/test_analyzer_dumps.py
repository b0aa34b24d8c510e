"""Analyzer dumps, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequences.targets.artiq import (
    ExceptionKind,
    MessageKind,
    Messages,
    RtioEvents,
    outputs_of,
    parse_dump,
    print_dump,
)
from sequences.targets.artiq.errors import DumpError

# the beginning of a dump that ARTIQ's own decoder accepts: channel 4 goes high at 1 000 000
CAPTURED = bytes.fromhex(
    "6560 0100 0060 0100 0000 0000 0000 4f01"
    "0000 0000 0000 0001 0000 0000 0000 0000"
    "000f 2eb8 0000 0000 000f 4240 0000 0010"
)
HIGH = RtioEvents.of([1_000_000], 4, 0, 1)


def test_captured_bytes() -> None:
    # only the first of the 11 messages was written down: rewrite the two sizes for one
    first = CAPTURED[:1] + (32).to_bytes(4, "little") + (352).to_bytes(8, "little") + CAPTURED[13:]
    dump = parse_dump(first)
    assert (dump.total, dump.overflow, dump.log_channel, dump.onehot) == (352, False, 79, True)
    (message,) = zip(*(getattr(dump.messages, name) for name in Messages.__slots__), strict=True)
    assert message == (MessageKind.OUTPUT, 4, 0, 1, 1_000_000, 995_000)
    assert dump.messages.slack.tolist() == [5000]
    assert dump.messages.outputs == HIGH
    assert print_dump(outputs_of(HIGH, 995_000), total=352, log_channel=79) == first
    assert (
        print_dump(outputs_of(RtioEvents.of([0], 4, 0, 1), 995_000, 1_000_000), total=352, log_channel=79)
        == first
    )


def test_both_byte_orders_of_the_header() -> None:
    big = print_dump(outputs_of(HIGH, 3), big_endian=True, overflow=True, onehot=False)
    assert big[:16] == b"E" + bytes([0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 32, 1, 0, 0])
    dump = parse_dump(big)
    assert (dump.overflow, dump.onehot, dump.total) == (True, False, 32)
    assert dump.messages.outputs == HIGH


def test_exceptions_tell_their_kind_in_one_byte() -> None:
    messages = Messages(
        np.array([MessageKind.EXCEPTION, MessageKind.STOPPED], np.uint8),
        np.array([4, 0], np.uint32),
        np.array([ExceptionKind.OUTPUT_UNDERFLOW, 0], np.uint32),
        np.zeros(2, np.uint64),
        np.zeros(2, np.int64),
        np.array([7, 8]),
    )
    dump = bytearray(print_dump(messages))
    assert dump[16 + 11] == 0x14
    dump[16 + 8] = 0xFF  # what stands before that byte does not count
    again = parse_dump(bytes(dump)).messages
    assert again.address.tolist() == [ExceptionKind.OUTPUT_UNDERFLOW, 0]
    assert again.kind.tolist() == [MessageKind.EXCEPTION, MessageKind.STOPPED]
    assert again.counter.tolist() == [7, 8]
    assert len(again.outputs) == 0


message = st.tuples(
    st.sampled_from([0, 1, 3]),
    st.integers(0, 2**30 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**63 - 1),
)


@given(st.lists(message, max_size=6))
def test_round_trip(rows: list[tuple[int, ...]]) -> None:
    kinds = (np.uint8, np.uint32, np.uint32, np.uint64, np.int64, np.int64)
    columns = [np.array([row[n] for row in rows], dtype=kind) for n, kind in enumerate(kinds)]
    again = parse_dump(print_dump(Messages(*columns))).messages
    for name, column in zip(Messages.__slots__, columns, strict=True):
        assert getattr(again, name).tolist() == column.tolist()


@pytest.mark.parametrize(
    ("dump", "told"),
    [
        (b"", "analyzer dump of 0 bytes: it starts with b''; expected b'e' or b'E', its byte order"),
        (b"x" * 20, "analyzer dump of 20 bytes: it starts with b'x'; expected b'e' or b'E', its byte order"),
        (b"e" * 3, "analyzer dump of 3 bytes: it ends within its header of 16 bytes"),
        (CAPTURED, "analyzer dump of 48 bytes: it announces 352 bytes of messages, 32 each, and has 32"),
    ],
)
def test_other_bytes_are_told(dump: bytes, told: str) -> None:
    with pytest.raises(DumpError) as caught:
        parse_dump(dump)
    assert str(caught.value) == told
