"""A program becomes traces: what a core records once and plays as often as the program's loops ask for.

A trace is played as it was recorded, whatever was played before it. What a chip holds already is therefore
left out only where every way to the timeline leads through it:

- Timelines that follow each other, without a loop, branch or wait between, are a *stretch*. All phases in a
  stretch refer to its start, and a tone that was set in it is only switched when it is asked for again.
- A repeat belongs to its stretch. Its first pass is recorded apart from the later ones, which find the tones
  that the first has left. A tone that every pass changes would slip in phase, since all later passes play
  the same words: this is an error, unless its slip is negligible.
- Attempts, branches and what follows them or a wait begin a stretch of their own. The core pauses there, at
  fixed times after the last gate: the phases of two such stretches are related alike in every shot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, assert_never

import numpy as np
from numpy.typing import NDArray

from sequences.conditions import Condition
from sequences.errors import raise_together
from sequences.program import AttemptLoop, Branch, Play, Program, RepeatLoop, Step, Wait, inner_steps
from sequences.targets.artiq.devices import EdgeCounter, TtlInput, Urukul
from sequences.targets.artiq.errors import IncoherentLoopError, PlayerError
from sequences.targets.artiq.events import RtioEvents
from sequences.targets.artiq.kasli import Kasli
from sequences.targets.artiq.lowering import lower_rows
from sequences.targets.artiq.situation import Situation
from sequences.targets.artiq.urukul import Change
from sequences.targets.artiq.writes import Problems
from sequences.timeline import Operation, Timeline

INPUT_DEPTH: Final = 64
"""Input events that a channel of a Kasli keeps until they are read."""
_LARGEST_SLIP: Final = 0.01
"""Turns that a phase may be wrong at the end of a repeat: less than other errors of a pulse."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The end of a gate within a trace, in order of which counts are read.

    Attributes:
        stop: machine units from the start of the timeline.
        channel: RTIO channel of the counter or input.
        readout: row of the program's readouts.
        is_counted: whether the gateware counts; else the edges have to be counted one by one.
    """

    stop: int
    channel: int
    readout: int
    is_counted: bool


@dataclass(frozen=True, slots=True)
class Trace:
    """What is recorded for one timeline.

    Attributes:
        events: to submit.
        gates: that end in it, by time.
        busy: machine units from the start of the timeline until no bus is in use any more.
    """

    events: RtioEvents
    gates: tuple[Gate, ...]
    busy: int

    @property
    def load(self) -> int:
        """Input events that a channel must keep at most; half of what it can where edges are counted."""
        if any(not gate.is_counted for gate in self.gates):
            return INPUT_DEPTH // 2
        return max(Counter(gate.channel for gate in self.gates).values(), default=0)


@dataclass(frozen=True, slots=True)
class PlaySlot:
    """Play the trace of a slot: which one that is may differ from shot to shot."""

    slot: int


@dataclass(frozen=True, slots=True)
class RepeatSlots:
    """Play `first` once, then `later` for the other passes.

    Attributes:
        count: passes in all.
        decides: whether something in a pass depends on what was counted in it.
        first: steps of the first pass.
        later: steps of each other pass.
    """

    count: int
    decides: bool
    first: Slots
    later: Slots


@dataclass(frozen=True, slots=True)
class AttemptSlots:
    """Play `steps` until the herald is seen; the rest as in `program.AttemptLoop`, times in machine units."""

    maximum: int | None
    herald: Condition[int]
    timeout: int | None
    every: int
    steps: Slots
    between: Slots


@dataclass(frozen=True, slots=True)
class BranchSlots:
    """Play one of two ways, by what was counted in this pass."""

    condition: Condition[int]
    then: Slots
    otherwise: Slots


@dataclass(frozen=True, slots=True)
class WaitSlot:
    """Wait for a rising edge on an RTIO channel, for so many machine units at most."""

    channel: int
    timeout: int


Slot: TypeAlias = PlaySlot | RepeatSlots | AttemptSlots | BranchSlots | WaitSlot
Slots: TypeAlias = tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """A program as traces.

    Attributes:
        program: that was recorded.
        kasli: for which it was.
        steps: in which order slots are played.
        traces: all different ones.
        slots: (variants, slots) int64, trace of each slot; shot s plays row ``s % variants``.
    """

    program: Program
    kasli: Kasli
    steps: Slots
    traces: tuple[Trace, ...]
    slots: NDArray[np.int64]

    @property
    def before(self) -> int:
        """Machine units before its start at which any trace has events at most, in whole cycles."""
        cycle = self.kasli.ref_multiplier
        return -(-max((trace.events.before for trace in self.traces), default=0) // cycle) * cycle


def record_program(program: Program, kasli: Kasli) -> Recording:
    """Return the traces of a program, those of all its different shots.

    Args:
        program: compiled for the crate's target.
        kasli: the crate.

    Raises:
        PlayerError: the crate cannot count what the program asks for, or the target is another.
        ProgrammingError: two changes are too close for their bus.
        IncoherentLoopError: a repeat changes a tone whose phase would slip.
        UnknownToneError: a part of a tone is changed and the rest is not known.
        LimitError: a value that the hardware does not have.
        CompileError: several of these.
    """
    if program.target != kasli.target:
        reason = (
            f"it was compiled for {program.target.name!r} as it was then; compile it for the crate's target"
        )
        raise PlayerError(program.name, reason)
    problems = Problems(program.sources, kasli.ref_period)
    traces: dict[Trace, int] = {}
    rows = []
    for shot in range(program.different_shots):
        recorder = _Recorder(program, kasli, problems)
        steps, _ = recorder.steps(program.of_shot(shot).steps, Situation())
        rows.append([traces.setdefault(trace, len(traces)) for trace in recorder.traces])
    raise_together(problems.found)
    slots = np.array(rows, dtype=np.int64).reshape(len(rows), -1)
    return Recording(program, kasli, steps, tuple(traces), slots)


class _Recorder:
    """Records the timelines of one shot, in order; knows the tones and buses on the way."""

    def __init__(self, program: Program, kasli: Kasli, problems: Problems) -> None:
        self.traces: list[Trace] = []
        self._program = program
        self._kasli = kasli
        self._problems = problems
        self._tracked: list[Change] = []

    def steps(self, steps: Iterable[Step], situation: Situation) -> tuple[Slots, Situation]:
        """Record some steps; return them, and the situation after them."""
        recorded = []
        for step in steps:
            slot, situation = self._step(step, situation)
            recorded.append(slot)
        return tuple(recorded), situation

    def _step(self, step: Step, situation: Situation) -> tuple[Slot, Situation]:
        match step:
            case Play(timeline):
                return self._play(timeline, situation)
            case RepeatLoop():
                return self._repeat(step, situation)
            case AttemptLoop():
                return self._attempts(step, situation)
            case Branch():
                return self._branch(step, situation)
            case Wait(channel, timeout):
                slot = WaitSlot(self._input(channel), timeout * self._kasli.units_per_tick)
                return slot, self._paused(situation)
            case _:
                assert_never(step)

    def _play(self, timeline: Timeline, situation: Situation) -> tuple[Slot, Situation]:
        lowered = lower_rows(timeline, self._kasli, situation, self._problems)
        self._tracked += lowered.tracked
        gates = tuple(_gates(timeline, self._kasli))
        self._check_inputs(gates)
        self.traces.append(Trace(lowered.events, gates, lowered.busy))
        return PlaySlot(len(self.traces) - 1), lowered.after

    def _repeat(self, loop: RepeatLoop, situation: Situation) -> tuple[Slot, Situation]:
        decides = _decides(loop.steps)
        begin = self._paused(situation) if decides else situation
        first, after = self.steps(loop.steps, begin)
        if loop.count == 1:
            return RepeatSlots(1, decides, first, ()), after
        again = self._paused(after) if decides else after
        mark = len(self._tracked)
        later, last = self.steps(loop.steps, again)
        if not _pauses(loop.steps):
            one = last.elapsed - again.elapsed
            self._check_slip(loop.count, one, self._tracked[mark:])
            last = replace(last, elapsed=situation.elapsed + loop.count * one)
        return RepeatSlots(loop.count, decides, first, later), last

    def _attempts(self, loop: AttemptLoop, situation: Situation) -> tuple[Slot, Situation]:
        begin = self._paused(situation)
        # What an attempt finds depends on what it and the pauses leave: see that first, without recording.
        rehearsal = _Recorder(self._program, self._kasli, Problems((), self._problems.period))
        _, tried = rehearsal.steps(loop.steps, begin)
        _, rested = rehearsal.steps(loop.between, self._paused(tried))
        begin = begin.merged(self._paused(tried)).merged(self._paused(rested))
        steps, tried = self.steps(loop.steps, begin)
        between, _ = self.steps(loop.between, self._paused(tried))
        timeout = None if loop.timeout is None else loop.timeout * self._kasli.units_per_tick
        slots = AttemptSlots(loop.maximum, loop.herald, timeout, loop.every, steps, between)
        return slots, self._paused(tried)

    def _branch(self, step: Branch, situation: Situation) -> tuple[Slot, Situation]:
        begin = self._paused(situation)
        then, after = self.steps(step.then, begin)
        otherwise, other = self.steps(step.otherwise, begin)
        # the two may last differently long
        after = after.merged(other).restarted(self._kasli.tracking, rested=False)
        return BranchSlots(step.condition, then, otherwise), after

    def _paused(self, situation: Situation) -> Situation:
        return situation.restarted(self._kasli.tracking, rested=True)

    def _input(self, number: int) -> int:
        """Return the RTIO channel of a trigger."""
        device = self._kasli.by_number[number]
        return device.channel if isinstance(device, TtlInput) else -1

    def _check_slip(self, count: int, duration: int, tracked: Iterable[Change]) -> None:
        """Tell tones whose phase slips in a repeat, of so many passes of so many machine units."""
        for change in {(change.channel, change.frequency): change for change in tracked}.values():
            device = self._kasli.by_number[change.channel]
            cycles = (
                duration * round(device.sysclk * self._kasli.ref_period) if isinstance(device, Urukul) else 0
            )
            slip = (change.frequency * cycles + 2**31) % 2**32 / 2**32 - 0.5
            if abs(slip) * (count - 2) > _LARGEST_SLIP:
                name = self._kasli.target.by_number[change.channel].name
                source = self._problems.source(change.source)
                self._problems.found.append(IncoherentLoopError(source, name, count, slip))

    def _check_inputs(self, gates: tuple[Gate, ...]) -> None:
        """Tell timelines with more counts than the core can keep."""
        for channel, counts in Counter(gate.channel for gate in gates if gate.is_counted).items():
            if counts > INPUT_DEPTH:
                self._problems.found.append(
                    PlayerError(
                        self._program.name,
                        f"a timeline has {counts} gates on RTIO channel {channel}, which keeps {INPUT_DEPTH} "
                        "counts until they are read; put the gates into a repeat, or into two timelines",
                    )
                )


def _gates(timeline: Timeline, kasli: Kasli) -> Iterator[Gate]:
    """Yield the gates of a timeline whose counts the core can read, in order of their ends."""
    for row in np.flatnonzero(timeline.operation == Operation.CLOSE).tolist():
        device = kasli.by_number[int(timeline.channel[row])]
        if isinstance(device, EdgeCounter | TtlInput):
            stop = int(timeline.time[row]) * kasli.units_per_tick
            yield Gate(stop, device.channel, int(timeline.value[row]), isinstance(device, EdgeCounter))


def _decides(steps: Iterable[Step]) -> bool:
    """Tell whether some steps of a loop hold a branch that is not in a loop of its own."""
    return any(isinstance(step, Branch) for step in steps)


def _pauses(steps: Iterable[Step]) -> bool:
    """Tell whether some steps make the core pause."""
    return any(
        isinstance(step, AttemptLoop | Branch | Wait) or any(map(_pauses, inner_steps(step)))
        for step in steps
    )
