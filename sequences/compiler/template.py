"""Compile once, bind many times: a new point recomputes only what depends on it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from types import MappingProxyType

from sequences.compiler.align import align
from sequences.compiler.bind import Binding, bind, times_of
from sequences.compiler.check import check
from sequences.compiler.collect import collect
from sequences.compiler.expand import expand
from sequences.compiler.fill import fill
from sequences.compiler.frames import follow
from sequences.compiler.join import Joiner
from sequences.compiler.lower import Tables, lower
from sequences.compiler.place import DEEPEST, place
from sequences.compiler.quantize import quantize, refuse_seams
from sequences.compiler.stages import Draft, Outline, Schedule, Segment
from sequences.errors import AuthoringError, DepthError, raise_together
from sequences.ir import Sequence, walk
from sequences.machine import prove
from sequences.parameters import Expression, parameters_in
from sequences.program import Program, ReadoutChannel
from sequences.target import Channel, Target


class Template:
    """A sequence that is compiled for a lab as far as it can be while parameters are open.

    The first `bind` compiles all. Each later one looks at what has changed since: where no time depends on
    it, only the values of a few events are written anew; else the stretches between loops whose times depend
    on it are compiled again.

    Example:
        >>> from sequences.language import Tone, sequence
        >>> from sequences.parameters import Parameter
        >>> from sequences.target import Channel, Kind, Target
        >>> lab = Target("lab", 1e-9, (Channel("raman", Kind.DDS, 0, 4e-9),))
        >>> phase = Parameter("phase", unit="turn")
        >>> turn = sequence("turn", Tone.of(lab, "raman").pulse(4e-6, 80e6, phase=phase))
        >>> template = Template(turn, lab)
        >>> [float(next(template.bind({"phase": p}).timelines()).value[1]) for p in (0.25, 0.5)]
        [0.25, 0.5]
    """

    def __init__(self, sequence: Sequence, target: Target, *, proved: bool = True) -> None:
        """Split a sequence at its loops.

        Args:
            sequence: to compile.
            target: for which lab.
            proved: whether programs are proved against the limits of the timing core; without that, it may
                lose what comes too late.

        Raises:
            SequenceError: loops, branches or waits that make no sense; a `CompileError` if it is several.
        """
        self.sequence = sequence
        self.target = target
        self._is_proved = proved and has_limits(target)
        with _told_depth(sequence):
            self._outline = expand(sequence)
        self._readouts: tuple[ReadoutChannel, ...] = ()
        self._tables = Tables()
        self._joiner = Joiner(self._outline.slots, target, self._tables.readouts)
        self._times: tuple[frozenset[str], ...] | None = None
        self._values: dict[str, float] | None = None
        self._values_count = False  # whether the machine's limits depend on values that are filled in
        self._schedules: list[Schedule] = []
        self._drafts: list[Draft] = []

    def bind(self, values: Mapping[str, float] = MappingProxyType({})) -> Program:
        """Return the program for some values of the parameters.

        Args:
            values: parameter name -> value in the parameter's base unit, for every parameter of the sequence.

        Raises:
            SequenceError: what is wrong, at the author's line; a `CompileError` if it is several things.
        """
        binding = bind(self.sequence, values)
        outdated = self._outdated(values)
        self._values = None  # until all has gone well
        if outdated:
            self._compile(outdated, binding)
        elif self._outline.has_seams:
            follow(self._whole(), binding)  # whether the shifts of frames still add up to whole turns
        filled = [fill(draft, number, binding) for number, draft in enumerate(self._drafts)]
        steps = self._joiner.steps([timeline for timeline, _ in filled], binding)
        raise_together([*binding.problems])
        program = Program(
            self.sequence.name,
            steps,
            self._readouts,
            self.target,
            tuple(self._tables.sources),
            tuple(changing for _, several in filled for changing in several),
        )
        if self._is_proved and (outdated or self._values_count):
            prove(program)
        self._values = dict(values)
        return program

    def _outdated(self, values: Mapping[str, float]) -> list[int]:
        """Return the segments whose times depend on what has changed; all of them at first."""
        known = self._values
        if known is None or known.keys() != values.keys():
            return list(range(len(self._outline.segments)))
        if self._times is None:
            self._times = tuple(map(_names_in_times, self._outline.segments))
        changed = {name for name, value in values.items() if value != known[name]}
        return [row for row, names in enumerate(self._times) if not names.isdisjoint(changed)]

    def _compile(self, rows: list[int], binding: Binding) -> None:
        """Compile some segments anew, up to values that stay open."""
        outline = self._outline
        segments = Outline(outline.name, outline.slots, tuple(outline.segments[row] for row in rows))
        with _told_depth(self.sequence):
            placed = place(segments, binding)
        if binding.problems:
            self._ask_all(binding)
            raise_together([*binding.problems])
        schedules = collect(align(quantize(placed, self.target), self.target)).segments
        if len(rows) == len(outline.segments):
            self._schedules, self._drafts = list(schedules), []
        else:
            for row, schedule in zip(rows, schedules, strict=True):
                self._schedules[row] = schedule
        whole = self._whole()
        refuse_seams(whole, self.target)
        check(schedules, whole, self.target)
        self._draft(rows, binding)

    def _ask_all(self, binding: Binding) -> None:
        """Ask for every number, so that all problems of parameters are told together."""
        for block in walk(self.sequence.body):
            for name in block.numbers:
                value = getattr(block, name)
                if isinstance(value, Expression):
                    binding.number(value, block.source)

    def _draft(self, rows: list[int], binding: Binding) -> None:
        """Make the events of some segments; of all, where frames join them."""
        followed = follow(self._whole(), binding).segments
        if not self._drafts:
            self._list_readouts()
        problems: list[AuthoringError] = []
        if not self._drafts or any(schedule.turns for schedule in followed):
            rows = list(range(len(followed)))
            self._drafts = [None] * len(rows)  # type: ignore[list-item]  # filled at once
        for row in rows:
            self._drafts[row] = lower(followed[row], self.target, self._tables, problems)
        raise_together([*problems])
        holes = (hole.leaf for draft in self._drafts for hole in draft.fills)
        self._values_count = any(limits_values(leaf.channel) for leaf in holes)

    def _list_readouts(self) -> None:
        """Number the readouts in order of first use."""
        leaves = (leaf for schedule in self._schedules for leaf in schedule.gates())
        gates = {gate.readout: gate for gate in leaves}
        self._tables.readouts.update({readout: row for row, readout in enumerate(gates)})
        self._readouts = tuple(
            ReadoutChannel(readout.name, readout.index, gate.channel.number)
            for readout, gate in gates.items()
        )

    def _whole(self) -> Outline[Schedule]:
        return Outline(self._outline.name, self._outline.slots, tuple(self._schedules))


@contextmanager
def _told_depth(sequence: Sequence) -> Iterator[None]:
    """Tell that blocks are nested too deep, if that is why Python gives up."""
    try:
        yield
    except RecursionError:
        raise DepthError(sequence.body.source, DEEPEST) from None


@lru_cache(maxsize=16)
def has_limits(target: Target) -> bool:
    """Tell whether there is anything to prove: a dispatcher, or channels that are slow in some way."""
    return target.dispatcher is not None or any(
        channel.pulse or limits_values(channel) for channel in target.channels
    )


def limits_values(channel: Channel) -> bool:
    """Tell whether it depends on values, too, what a channel can play."""
    return bool(channel.bus) or math.isfinite(channel.slew)


def _names_in_times(segment: Segment) -> frozenset[str]:
    return frozenset(
        parameter.name
        for part in segment.parts
        for block in walk(part)
        for value in times_of(block)
        for parameter in parameters_in(value)
    )
