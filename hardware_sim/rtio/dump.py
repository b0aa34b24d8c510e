"""What a core's analyzer recorded, as the bytes that it sends to whoever asks.

The analyzer sees what goes in and out of the core's registers: every write, taken or not; an exception
after each that underflowed; what was read of the inputs; and that it was stopped. It keeps the last
messages in a ring. What is lost at the channels (collisions, busy ones) or out of sequence leaves no
message of its own, as in a real one.

A tone's write is one message a register: 0 frequency (Hz), 1 phase (turns), 2 amplitude, as 64-bit
floats. Voltages (V) are floats, too. Lines are 0 or 1, gates an edge counter's commands.

Source: ARTIQ's analyzer (gateware of the 8th release) and the core device's dump of it.
"""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hardware_sim.rtio.course import heralded_course, worst_course
from hardware_sim.rtio.errors import NoDispatcherError
from hardware_sim.rtio.events import Outcome
from hardware_sim.rtio.feeding import HandOvers
from hardware_sim.rtio.pace import PARTS, pace_of
from hardware_sim.rtio.run import Run
from hardware_sim.rtio.score import Score
from sequences.program import Program
from sequences.timeline import Operation, Timeline

MESSAGE: Final = np.dtype(
    [("data", ">u8"), ("address", ">u4"), ("counter", ">u8"), ("timestamp", ">u8"), ("channel", ">u4")]
)
"""One message: 32 bytes, always big-endian; the lowest two bits of the channel say what it is."""

RING: Final = 2**14
"""Messages that the analyzer keeps: 512 KiB."""

_NO_LOG: Final = 0xFF
"""The header's channel of log messages; readers take the byte for -1, and our core logs nothing."""

_HEADER: Final = struct.Struct("<cIQ?BB")
"""Byte order, bytes sent, bytes ever written, overflow, log channel, one-hot selection of DDS chips."""

_OPEN: Final = 0b1001
"""Edge counter: set to zero, and count rising edges."""

_CLOSE: Final = 0b0100
"""Edge counter: stop, and send the count."""

_REGISTERS: Final = 3
"""Of a channel: a tone has three, everything else one."""


class MessageKind(IntEnum):
    """What a message tells."""

    OUTPUT = 0
    INPUT = 1
    EXCEPTION = 2
    STOPPED = 3


class ExceptionKind(IntEnum):
    """What went wrong, in the lowest byte of the address."""

    UNDERFLOW = 0x14
    OVERFLOW = 0x21


@dataclass(frozen=True, slots=True, eq=False)
class Reads:
    """Columns of what the core read of its inputs, in the order in which it read.

    Attributes:
        counter: (reads,) int64, ticks of the shot at which it was read.
        time: (reads,) int64, ticks of the shot at which it happened.
        channel: (reads,) int64.
        data: (reads,) int64, the count of an edge counter, the level of a line.
        overflow: (reads,) bool, where the read told of an overflow instead.
    """

    counter: NDArray[np.int64]
    time: NDArray[np.int64]
    channel: NDArray[np.int64]
    data: NDArray[np.int64]
    overflow: NDArray[np.bool_]


_NOTHING: Final = np.empty(0, dtype=np.int64)

NO_READS: Final = Reads(_NOTHING, _NOTHING, _NOTHING, _NOTHING, np.empty(0, dtype=np.bool_))


def analyzer_dump(program: Program, reads: Reads = NO_READS, *, heralded: bool = True) -> bytes:
    """Play one shot of a program into a core and return what its analyzer recorded.

    Every pass of every loop is gone through: this takes as long as the shot has events.

    Args:
        program: to play.
        reads: of the inputs, during the shot.
        heralded: whether every attempt succeeds at once and every condition holds; or the worst course, on
            which all attempts fail and both ways of every branch are recorded, one after the other.

    Raises:
        NoDispatcherError: the target has no dispatcher, so that nobody knows when it is handed what.
        CycleError: the dispatcher does not fit the clock of the core.
    """
    pace = pace_of(program.target)
    if pace is None:
        raise NoDispatcherError(program.target.name)
    score = Score.of(program)
    # The analyzer's counter has no sign: it is at 0 in the cycle in which the feeding begins.
    zero = -(-pace.start // pace.cycle_parts) * pace.cycle
    recorder = _Recorder(score, reads, zero)
    run = Run(score, pace, program.target, recorder.witness)
    run.follow(heralded_course(program) if heralded else worst_course(program))
    end = max(run.state.dispatcher.clock // PARTS, run.state.base, int(reads.counter.max(initial=0)))
    return recorder.stop(end // pace.cycle * pace.cycle)


@dataclass(slots=True)
class Ring:
    """The analyzer's memory.

    Attributes:
        written: messages ever.
        kept: pieces of the last messages, the oldest first.
    """

    written: int = 0
    kept: deque[NDArray[np.void]] = field(default_factory=deque)
    _length: int = 0

    def add(self, messages: NDArray[np.void]) -> None:
        """Write messages over the oldest."""
        self.written += len(messages)
        self.kept.append(messages)
        self._length += len(messages)
        while self._length - len(self.kept[0]) >= RING:
            self._length -= len(self.kept.popleft())

    def dump(self) -> bytes:
        """Return the header and the messages, oldest first."""
        sent = b"".join(messages.tobytes() for messages in self.kept)[-RING * MESSAGE.itemsize :]
        return _HEADER.pack(b"e", len(sent), self.written * MESSAGE.itemsize, False, _NO_LOG, 1) + sent


class _Recorder:
    """Turns what is handed over into messages, with what was read in between."""

    def __init__(self, score: Score, reads: Reads, zero: int) -> None:
        self._score = score
        self._zero = zero
        self._ring = Ring()
        kind = np.where(reads.overflow, MessageKind.EXCEPTION, MessageKind.INPUT)
        self._reads = np.zeros(len(reads.counter), dtype=MESSAGE)
        self._reads["counter"] = zero + reads.counter
        self._reads["channel"] = reads.channel << 2 | kind
        self._reads["timestamp"] = np.where(reads.overflow, 0, zero + reads.time)
        self._reads["data"] = np.where(reads.overflow, 0, reads.data)
        self._reads["address"] = np.where(reads.overflow, ExceptionKind.OVERFLOW, 0)

    def witness(self, timeline: int, begin: int, told: HandOvers) -> None:
        """Record a timeline that is handed over."""
        score = self._score
        write_of = score.write_of[timeline] - score.numbers[timeline][0]
        messages = _messages(score.timelines[timeline], write_of, told, self._zero, begin)
        read = np.searchsorted(self._reads["counter"].astype(np.int64), int(messages["counter"][-1]))
        self._add(messages, int(read))

    def stop(self, tick: int) -> bytes:
        """Stop the analyzer, and return what it recorded."""
        self._add(np.empty(0, dtype=MESSAGE), len(self._reads))
        stopped = np.zeros(1, dtype=MESSAGE)
        stopped["counter"], stopped["channel"] = self._zero + tick, MessageKind.STOPPED
        self._ring.add(stopped)
        return self._ring.dump()

    def _add(self, messages: NDArray[np.void], read: int) -> None:
        """Record messages and the first so many reads, in order of the counter."""
        # Without its type it would come out in the byte order of this machine.
        both = np.concatenate([messages, self._reads[:read]], dtype=MESSAGE)
        self._reads = self._reads[read:]
        self._ring.add(both[np.argsort(both["counter"].astype(np.int64), kind="stable")])


def _messages(
    timeline: Timeline, write_of: NDArray[np.int64], told: HandOvers, zero: int, begin: int
) -> NDArray[np.void]:
    """Return the messages of a timeline: a register each, and after each write that was late an exception."""
    register, data = _registers(timeline)
    keys, inverse = np.unique(write_of * _REGISTERS + register, return_inverse=True)
    outputs = np.zeros(len(keys), dtype=MESSAGE)
    words = np.zeros(len(keys), dtype=np.uint64)
    words[inverse] = data
    gates = np.isin(timeline.operation, (Operation.OPEN, Operation.CLOSE))
    np.bitwise_or.at(words, inverse[gates], data[gates])  # a gate that closes as the next one opens
    outputs["data"], outputs["address"] = words, keys % _REGISTERS
    outputs["timestamp"][inverse] = zero + begin + timeline.time
    outputs["channel"][inverse] = timeline.channel.astype(np.int64) << 2 | MessageKind.OUTPUT
    writes = keys // _REGISTERS

    late = np.flatnonzero(told.outcome == Outcome.UNDERFLOW)
    ends = np.searchsorted(writes, late, side="right")
    exceptions = np.zeros(len(late), dtype=MESSAGE)
    exceptions["address"] = ExceptionKind.UNDERFLOW
    exceptions["channel"] = outputs["channel"][ends - 1] & ~np.uint32(3) | MessageKind.EXCEPTION
    messages = np.insert(outputs, ends, exceptions)
    messages["counter"] = zero + told.counter[np.insert(writes, ends, late)]
    return messages


def _registers(timeline: Timeline) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return for each event the register that it sets, and its data as 64 bits."""
    operation = timeline.operation
    is_tone = (operation >= Operation.FREQUENCY) & (operation <= Operation.AMPLITUDE)
    register = np.where(is_tone, operation.astype(np.int64) - Operation.FREQUENCY, 0)
    data = timeline.value.astype(np.float64).view(np.uint64).copy()
    levels = operation == Operation.LEVEL
    data[levels] = timeline.value[levels] != 0
    data[operation == Operation.OPEN] = _OPEN
    data[operation == Operation.CLOSE] = _CLOSE
    return register, data
