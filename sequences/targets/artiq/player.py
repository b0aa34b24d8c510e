"""A program as an ARTIQ experiment: Python text that records its traces on the core and plays them there.

Loops, attempts, branches and waits run on the core, which reads the counters and decides. Between the last
gate of an attempt and what comes next it needs time: the pauses are fixed, not "as soon as possible", so that
a shot takes the same course whenever it is played, and phases are related alike in all shots. A core that is
slower than the target's dispatcher says raises RTIOUnderflow; it never plays late.

The experiment needs `core` and `core_dma` of the device database, and boards that are initialised: clocks and
attenuators of the Urukuls, and one voltage set on every Zotino, which leaves its SPI master as it has to be.
It is written for ARTIQ 8 and later.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from sequences.conditions import AllOf, AnyOf, Condition, Herald
from sequences.program import Program
from sequences.targets.artiq.devices import EdgeCounter, TtlInput
from sequences.targets.artiq.errors import PlayerError
from sequences.targets.artiq.kasli import Kasli
from sequences.targets.artiq.player_text import COUNT, COUNT_EDGES, KERNELS, PREAMBLE, SHOTS, WAIT
from sequences.targets.artiq.recording import (
    INPUT_DEPTH,
    AttemptSlots,
    BranchSlots,
    PlaySlot,
    Recording,
    RepeatSlots,
    Slots,
    Trace,
    WaitSlot,
    record_program,
)

GATE_LATENCY: Final = 104
"""Machine units until the end of a gate has come through the core: 13 coarse cycles."""
_INDENT: Final = " " * 4
_ROWS_IN_A_LINE: Final = 3


def print_player(program: Program, kasli: Kasli) -> str:
    """Return the text of an ARTIQ experiment that plays a program.

    Its argument is the number of shots. It leaves a dataset for every counted readout, (shots, windows), what
    a loop counts again being added; and, where there are such, ``attempts`` and ``heralded``, (shots, loops);
    and ``timeouts``, (shots, 1), waits that nobody ended. What a camera sees is not known to the core.

    Args:
        program: compiled for the crate's target.
        kasli: the crate.

    Raises:
        PlayerError: something is asked of the core that it cannot do.
        SequenceError: as `record_program` raises.
    """
    recording = record_program(program, kasli)
    writer = _Writer(recording)
    body = "\n".join(writer.lines(recording.steps, 0, _INDENT * 2)) or f"{_INDENT * 2}pass"
    sections = [
        PREAMBLE.format(program=json.dumps(program.name), target=json.dumps(program.target.name)),
        "\n".join(_constants(recording, writer)),
        "\n".join(_traces(recording)),
        KERNELS.format(name=_class_name(program.name)),
        COUNT_EDGES
        if any(not gate.is_counted for trace in recording.traces for gate in trace.gates)
        else COUNT,
        WAIT if writer.waits else "",
        SHOTS.format(body=body),
    ]
    return "".join(section if section.endswith("\n") else section + "\n" for section in sections if section)


def _class_name(name: str) -> str:
    """Return a name of a sequence as the name of a class."""
    words = re.findall(r"[A-Za-z0-9]+", name)
    joined = "".join(word[:1].upper() + word[1:] for word in words)
    return joined if joined[:1].isalpha() else f"Program{joined}"


class _Writer:
    """Writes the steps of a shot; counts loops and how deep they are.

    Attributes:
        loops: attempt loops so far.
        depth: deepest level of loops whose passes are told apart.
        waits: whether anything is waited for.
    """

    def __init__(self, recording: Recording) -> None:
        self.loops = 0
        self.depth = 0
        self.waits = False
        self._program = recording.program
        devices = recording.kasli.by_number
        self._counted = [
            isinstance(devices[readout.channel], EdgeCounter | TtlInput)
            for readout in recording.program.readouts
        ]

    def lines(self, slots: Slots, level: int, indent: str) -> Iterator[str]:
        """Yield the lines of some steps.

        Args:
            slots: the steps.
            level: of the loop whose pass counts; 0 for the shot.
            indent: of the lines.
        """
        self.depth = max(self.depth, level)
        for slot in slots:
            match slot:
                case PlaySlot(number):
                    yield f"{indent}self.play(handles, {number})"
                case RepeatSlots():
                    yield from self._repeat(slot, level, indent)
                case AttemptSlots():
                    yield from self._attempts(slot, level + 1, indent)
                case BranchSlots(condition, then, otherwise):
                    yield f"{indent}self.decide()"
                    yield f"{indent}if {self._condition(condition, level)}:"
                    yield from self._block(then, level, indent + _INDENT)
                    if otherwise:
                        yield f"{indent}else:"
                        yield from self._block(otherwise, level, indent + _INDENT)
                case WaitSlot(channel, timeout):
                    self.waits = True
                    yield f"{indent}self.wait({channel}, {timeout})"

    def _block(self, slots: Slots, level: int, indent: str) -> Iterator[str]:
        yield from self.lines(slots, level, indent) if slots else (f"{indent}pass",)

    def _repeat(self, loop: RepeatSlots, level: int, indent: str) -> Iterator[str]:
        inner = level + loop.decides
        mark = [f"{indent}self.begin({inner})"] if loop.decides else []
        yield from mark
        yield from self.lines(loop.first, inner, indent)
        if loop.count > 1:
            yield f"{indent}for _ in range({loop.count - 1}):"
            yield from (_INDENT + line for line in mark)
            yield from self._block(loop.later, inner, indent + _INDENT)

    def _attempts(self, loop: AttemptSlots, level: int, indent: str) -> Iterator[str]:
        number, deeper, deepest = self.loops, indent + _INDENT, indent + _INDENT * 2
        self.loops += 1
        tries, trying, begun = (f"{word}_{number}" for word in ("tries", "trying", "begun"))
        yield f"{indent}{tries} = 0"
        yield f"{indent}{trying} = True"
        if loop.timeout is not None:
            yield f"{indent}self.decide()"
            yield f"{indent}{begun} = self.cursor"
        yield f"{indent}while {trying}:"
        yield f"{deeper}self.begin({level})"
        yield from self.lines(loop.steps, level, deeper)
        yield f"{deeper}self.decide()"
        yield f"{deeper}{tries} += 1"
        yield f"{deeper}self.attempts[{number}] += 1"
        yield f"{deeper}if {self._condition(loop.herald, level)}:"
        yield f"{deepest}self.heralded[{number}] += 1"
        yield f"{deepest}{trying} = False"
        if loop.maximum is not None:
            yield f"{deeper}elif {tries} >= {loop.maximum}:"
            yield f"{deepest}{trying} = False"
        if loop.timeout is not None:
            yield f"{deeper}elif self.cursor - {begun} >= {loop.timeout}:"
            yield f"{deepest}{trying} = False"
        if loop.every and loop.between:
            yield f"{deeper}elif {tries} % {loop.every} == 0:"
            yield from self.lines(loop.between, level, deepest)

    def _condition(self, condition: Condition[int], level: int) -> str:
        """Return a condition as an expression of the counts in a pass."""
        match condition:
            case AllOf(parts):
                return " and ".join(f"({self._condition(part, level)})" for part in parts) or "True"
            case AnyOf(parts):
                return " or ".join(f"({self._condition(part, level)})" for part in parts) or "False"
            case Herald(readouts, at_least, at_most):
                for row in readouts:
                    self._check_counted(row)
                clicks = " + ".join(f"self.seen({level}, {row})" for row in readouts)
                least = f"{clicks} >= {at_least}"
                return least if at_most is None else f"{least} and {clicks} <= {at_most}"

    def _check_counted(self, row: int) -> None:
        if not self._counted[row]:
            readout = self._program.readouts[row]
            channel = self._program.target.by_number[readout.channel].name
            raise PlayerError(
                self._program.name,
                f"a decision needs {readout.name}[{readout.index}], which {channel!r} records; the core can "
                "only decide on what its own counters count",
            )


def _constants(recording: Recording, writer: _Writer) -> Iterator[str]:
    """Yield the lines that name the numbers of the crate and of the program."""
    kasli = recording.kasli
    times = kasli.dispatcher
    reaction = GATE_LATENCY + kasli.machine_units(times.decision + times.playback)
    readouts = [
        (readout.name, readout.index)
        if isinstance(kasli.by_number[readout.channel], EdgeCounter | TtlInput)
        else (readout.name, -1)
        for readout in recording.program.readouts
    ]
    yield f"START = {kasli.machine_units(times.start)}  # mu from when the core is free to the next shot"
    yield f"BEFORE = {recording.before}  # mu that the earliest event of any trace lies before its start"
    yield f"REACTION = {reaction}  # mu from the end of a gate to the first event that may depend on it"
    yield f"GATE_LATENCY = {GATE_LATENCY}  # mu until the end of a gate has come through the core"
    yield f"ROWS = {len(readouts)}  # of readouts"
    yield f"LOOPS = {writer.loops}  # of attempts"
    yield f"LEVELS = {writer.depth + 1}  # of loops whose passes are told apart"
    yield "# (dataset, column) of each readout; column -1 where the core does not count"
    yield "READOUTS = ["
    yield from (f"{_INDENT}({json.dumps(name)}, {index})," for name, index in readouts)
    yield "]"


def _traces(recording: Recording) -> Iterator[str]:
    """Yield the lines that hold the traces, and which of them each slot plays."""
    inputs = sorted(
        {gate.channel for trace in recording.traces for gate in trace.gates if not gate.is_counted}
    )
    yield "# for each different shot: the trace that each slot plays"
    yield "SLOTS = ["
    yield from (f"{_INDENT}{row}," for row in recording.slots.tolist())
    yield "]"
    yield f"INPUT_DEPTH = {INPUT_DEPTH}  # input events that a channel keeps until they are read"
    yield f"INPUTS = {len(inputs)}  # whose edges the core counts one by one"
    yield "# (duration, time until no bus is in use, load of the inputs, gates, events), times in mu"
    yield "# gate: (end, RTIO channel, readout, input or -1); event: (time, channel << 8 | address, data)"
    yield "TRACES = ["
    for number, trace in enumerate(recording.traces):
        yield from _trace(number, trace, inputs)
    yield "]"


def _trace(number: int, trace: Trace, inputs: list[int]) -> Iterator[str]:
    events = trace.events
    gates = [
        f"({gate.stop}, {gate.channel}, {gate.readout}, "
        f"{-1 if gate.is_counted else inputs.index(gate.channel)})"
        for gate in trace.gates
    ]
    columns = events.timestamp.tolist(), events.targets.tolist(), events.data.tolist()
    rows = [f"({time}, 0x{target:x}, 0x{data:x})" for time, target, data in zip(*columns, strict=True)]
    yield f"{_INDENT}# {number}"
    yield f"{_INDENT}({events.duration}, {trace.busy}, {trace.load},"
    yield f"{_INDENT} ["
    yield from _wrapped(gates, _INDENT * 2)
    yield f"{_INDENT} ],"
    yield f"{_INDENT} ["
    yield from _wrapped(rows, _INDENT * 2)
    yield f"{_INDENT} ]),"


def _wrapped(rows: list[str], indent: str) -> Iterable[str]:
    for first in range(0, len(rows), _ROWS_IN_A_LINE):
        yield indent + ", ".join(rows[first : first + _ROWS_IN_A_LINE]) + ","
