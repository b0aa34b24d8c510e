"""Lines out of pieces, and answers that wait for their time."""

from __future__ import annotations

import pytest

from hardware_sim.instruments.line_buffer import LineBuffer
from hardware_sim.instruments.outbox import Outbox


@pytest.mark.parametrize("cut", range(9))
def test_lines_are_found_at_every_cut(cut: int) -> None:
    buffer = LineBuffer(b"\r\n", limit=80)
    stream = b"A\r\n\r\nB\n\r\n"
    buffer.put(stream[:cut])
    lines = list(iter(buffer.take, None))
    buffer.put(stream[cut:])
    assert lines + list(iter(buffer.take, None)) == [b"A", b"", b"B\n"]
    assert not buffer.holds_line()
    assert buffer.clear() == b""


def test_an_end_that_is_half_there_is_none() -> None:
    buffer = LineBuffer(b"\r\n", limit=80)
    buffer.put(b"*IDN?\r")
    assert not buffer.holds_line()
    assert buffer.take() is None
    buffer.put(b"\n")
    assert buffer.holds_line()
    assert buffer.take() == b"*IDN?"


def test_what_is_too_long_without_end_is_lost() -> None:
    buffer = LineBuffer(b"\n", limit=4)
    buffer.put(b"1234")
    assert buffer.overflow() == b""
    buffer.put(b"5")
    assert buffer.overflow() == b"12345"
    buffer.put(b"6\n")
    assert buffer.take() == b"6"


def test_answers_leave_in_order_when_they_are_due() -> None:
    outbox = Outbox()
    outbox.put(1.0, b"a")
    outbox.put(2.0, b"b")
    outbox.put(3.0, b"c")
    assert outbox.take(2.0) == b"ab"
    assert outbox.due() == 3.0
    outbox.clear()
    assert (outbox.due(), outbox.take(9.0)) == (None, b"")
