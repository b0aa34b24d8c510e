"""Prove a program against the machine that is to play it, or tell all that there is to say about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sequences.errors import SequenceError, Source, raise_together
from sequences.faults import MachineError
from sequences.machine.buses import Buses
from sequences.machine.lanes import LaneRule
from sequences.machine.limits import Machine, line_at, machine_of
from sequences.machine.neighbours import Neighbours, lasting_values
from sequences.machine.pulses import Pulses
from sequences.machine.rates import busiest
from sequences.machine.sizes import size_problems
from sequences.machine.slack import Feeder
from sequences.machine.slew import Slews
from sequences.machine.walk import walk
from sequences.machine.writes import Sheet
from sequences.program import Program

_WINDOW: Final = 1e-3
"""Seconds over which a sustained rate is taken: about as long as a full queue lasts."""


@dataclass(frozen=True, slots=True, eq=False)
class SlackTrace:
    """By how much the writes of a timeline are handed over before they are due, in the worst pass.

    Attributes:
        slack: (writes,) seconds.
        row: (writes,) of each one's first event in the timeline.
        passes: of the loops around the timeline, from the outside in; attempts between two times of what is
            played between them are a loop of their own.
    """

    slack: NDArray[np.float64]
    row: NDArray[np.intp]
    passes: tuple[int, ...]

    @property
    def worst(self) -> float:
        """The least of all, in seconds; infinite for a timeline without events."""
        return float(self.slack.min(initial=np.inf))

    @property
    def where(self) -> int | None:
        """The event that has it; None for a timeline without events."""
        return int(self.row[self.slack.argmin()]) if len(self.slack) else None


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What a machine makes of a program.

    Attributes:
        problems: all that it cannot play.
        traces: one for each timeline, in order; none for a core without a dispatcher.
        events: stored, loops counted once.
        writes: that are handed over, loops counted once.
        rate: writes in the busiest millisecond, a second.
        queue: writes that wait to be played, at most.
        occupied: bus -> share of the time of its busiest timeline in which it programs.
        where: line of the event with the least slack; None where nothing limits it.
    """

    problems: tuple[MachineError, ...]
    traces: tuple[SlackTrace, ...]
    events: int
    writes: int
    rate: float
    queue: int
    occupied: Mapping[str, float]
    where: Source | None

    @property
    def worst(self) -> float:
        """The least slack of all writes, in seconds; infinite where nothing limits it."""
        return min((trace.worst for trace in self.traces), default=np.inf)


def prove(program: Program) -> Program:
    """Return a program as it is, or tell everything that keeps its target from playing it.

    Raises:
        MachineError: what it is, at the author's line.
        CompileError: several of these.
    """
    problems: list[SequenceError] = [*_Proof(program).problems()]
    raise_together(problems)
    return program


def examine(program: Program) -> Report:
    """Return what a program asks of its target, and what is too much."""
    proof = _Proof(program, keep=True)
    problems = {str(problem): problem for problem in proof.problems()}
    period = program.target.period
    sheets = proof.sheets
    rate = busiest(program.steps, sheets, max(1, round(_WINDOW / period))) / _WINDOW
    return Report(
        problems=tuple(problems.values()),
        traces=proof.traces(),
        events=program.events,
        writes=sum(len(writes.time) for sheet in sheets for writes in sheet.writes()),
        rate=rate,
        queue=proof.feeder.queue if proof.feeder else 0,
        occupied=proof.occupied(),
        where=proof.where(),
    )


class _Proof:
    """The rules that a target asks for, applied to one program."""

    def __init__(self, program: Program, *, keep: bool = False) -> None:
        self._program = program
        self._machine: Machine = machine_of(program.target)
        self.sheets = [Sheet(timeline, self._machine) for timeline in program.timelines()]
        lasting = lasting_values(program)
        self.feeder: Feeder | None = None
        self._lanes: LaneRule | None = None
        if (feeding := self._machine.feeding) is not None:
            self.feeder = Feeder(program, self._machine, feeding, self.sheets, keep=keep)
            self._lanes = LaneRule(program, self._machine, feeding, self.sheets)
        self._pulses: Pulses | None = None
        if len(self._machine.pulses):
            self._pulses = Pulses(program, self._machine, self.sheets, lasting)
        self._buses: Buses | None = None
        if len(self._machine.programmed):
            self._buses = Buses(program, self._machine, self.sheets, lasting)

    def problems(self) -> list[MachineError]:
        """Apply all rules and return what they find."""
        program = self._program
        found: list[MachineError] = []
        if program.target.dispatcher is not None:
            found += size_problems(program, program.target.dispatcher)
        found += self._among_neighbours()
        if self._lanes is not None:
            walk(program.steps, self._lanes, self._lanes.start())
            found += self._lanes.problems()
        if self.feeder is not None:
            self.feeder.follow()
            found += self.feeder.problems()
        return found

    def _among_neighbours(self) -> list[MachineError]:
        """Apply the rules about neighbours; that of slew to every shot, where voltages are not all alike."""
        machine = self._machine
        rules: list[Pulses | Buses | Slews] = [
            rule for rule in (self._pulses, self._buses) if rule is not None
        ]
        found: list[MachineError] = []
        if len(machine.slews) and not self._voltages_change():
            rules.append(Slews(self._program, machine, self.sheets))
        elif len(machine.slews):
            for shot in range(self._program.different_shots):
                timelines = self._program.of_shot(shot).timelines()
                sheets = [Sheet(timeline, machine) for timeline in timelines]
                found += self._followed(sheets, [Slews(self._program, machine, sheets)])
        return found + self._followed(self.sheets, rules)

    def _followed(
        self, sheets: Sequence[Sheet], rules: Sequence[Pulses | Buses | Slews]
    ) -> list[MachineError]:
        """Return what some rules find in the program, with these timelines."""
        if rules:
            neighbours = Neighbours(sheets, rules)
            walk(self._program.steps, neighbours, neighbours.start())
        return [problem for rule in rules for problem in rule.problems()]

    def _voltages_change(self) -> bool:
        """Tell whether voltages with a fastest change differ from shot to shot."""
        numbers = [channel.number for channel in self._machine.slews.channels]
        return any(
            np.isin(self.sheets[values.timeline].timeline.channel[values.rows], numbers).any()
            for values in self._program.shot_values
        )

    def traces(self) -> tuple[SlackTrace, ...]:
        """Return the slack of every timeline, once the rules have been applied."""
        if self.feeder is None:
            return ()
        period = self._program.target.period
        traces = []
        for seen, sheet in zip(self.feeder.seen, self.sheets, strict=True):
            slack = np.concatenate([np.zeros(0), *seen.slacks]) * period
            rows = np.concatenate([np.zeros(0, dtype=np.intp), *(writes.rows for writes in sheet.writes())])
            traces.append(SlackTrace(slack, rows, seen.passes))
        return tuple(traces)

    def where(self) -> Source | None:
        """Return the line of the event with the least slack, once the rules have been applied."""
        pairs = zip(self.traces(), self.sheets, strict=False)
        worst = min(pairs, key=lambda pair: pair[0].worst, default=None)
        if worst is None or (row := worst[0].where) is None:
            return None
        return line_at(self._program, int(worst[1].timeline.source[row]))

    def occupied(self) -> dict[str, float]:
        """Return how much of its busiest timeline each bus programs, once the rules have been applied."""
        if self._buses is None:
            return {}
        ticks = np.array([max(1, sheet.timeline.duration) for sheet in self.sheets])
        shares = (self._buses.occupied / ticks[:, None]).max(axis=0, initial=0.0)
        return dict(zip(self._machine.buses, shares.tolist(), strict=True))
