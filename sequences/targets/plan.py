"""The order in which a core that cannot loop plays a program: strands in loops, and the seams between them.

Loops of a program are first joined into strands of some thousand events, however deep they are; what remains
are loops over such strands. Walked through, they give pieces that are ready to be written: a piece that comes
again (the middle of a loop) is worked out once, so that each further pass costs an addition to its times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias, assert_never

from sequences.program import AttemptLoop, Branch, Play, Program, RepeatLoop, Step, Wait
from sequences.targets.strand import (
    NEXT_SHOT,
    NOTHING,
    Strand,
    before_end,
    cut,
    join,
    join_all,
    overhang,
    repeat,
    strands_of,
)
from sequences.targets.way import Way, check_count

_SEAMS: Final = 32
"""Seams that are remembered: more than nested loops have, and few enough to take some megabytes."""


@dataclass(frozen=True, slots=True)
class Loop:
    """Parts that are played a number of times."""

    count: int
    parts: Parts


Parts: TypeAlias = tuple["Strand | Loop", ...]


class Piece(NamedTuple):
    """A stretch of the unrolled events.

    Attributes:
        strand: the events; the very same object whenever nothing but the start and the shot differ.
        start: ticks from the start of the first shot.
        shot: in which the strand begins.
    """

    strand: Strand
    start: int
    shot: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All shots of a program, unrolled as far as a chunk goes.

    Attributes:
        parts: what is played.
        chunk: events in a piece, at most.
    """

    parts: Parts
    chunk: int

    @property
    def events(self) -> int:
        """Events of all shots."""
        return _total(self.parts, len)

    @property
    def duration(self) -> int:
        """Ticks from the start of the first shot to the end of the last."""
        return _total(self.parts, _duration)

    def pieces(self) -> Iterator[Piece]:
        """Yield the events of all shots in order."""
        seams = _Seams(self.chunk)
        over, start, shot = NOTHING, 0, 0
        for strand in _walk(self.parts):
            for piece in seams.ready(over, strand):
                yield Piece(piece, start, shot)
            over = seams.over(over, strand)
            start += strand.duration
            shot += strand.shots
        for piece in cut(over, self.chunk):
            yield Piece(piece, start, shot)


class _Seams:
    """What is played where strands meet: looked up where the same strands have met before.

    Attributes:
        ready: (what hangs over, the next strand) -> pieces that are played before that strand ends.
        over: (what hangs over, the next strand) -> what hangs over its end.
    """

    def __init__(self, chunk: int) -> None:
        self._chunk = chunk
        self._overhang = lru_cache(_SEAMS)(overhang)
        self.ready = lru_cache(_SEAMS)(self._ready)
        self.over = lru_cache(_SEAMS)(self._over)

    def _ready(self, over: Strand, strand: Strand) -> tuple[Strand, ...]:
        return tuple(cut(before_end(join(over, strand)), self._chunk))

    def _over(self, over: Strand, strand: Strand) -> Strand:
        if len(over) and over.columns.time[-1] >= strand.duration:
            return overhang(join(over, strand))
        # The very same object after any strand before: so a loop's seam with itself is found again.
        return self._overhang(strand)


def plan(program: Program, shots: int, way: Way, chunk: int) -> Plan:
    """Return in which order a program's events are played.

    Args:
        program: to unroll.
        shots: one after the other.
        way: taken through attempts and branches.
        chunk: events in a piece, at most.

    Raises:
        DurationError: `shots` or `chunk` is no whole number from 1 on.
    """
    check_count("the number of shots", shots)
    check_count("the number of events in a chunk", chunk)
    # With what hangs over from the strand before, a piece may get longer than its strand.
    planner = _Planner(way, max(1, chunk // 2), strands_of(program))
    one_shot = planner.chain((*planner.parts(program.steps), NEXT_SHOT))
    return Plan(planner.loop(shots, one_shot), chunk)


@dataclass(frozen=True, slots=True)
class _Planner:
    """Goes through a program's steps, and makes strands of up to `size` events where it can."""

    way: Way
    size: int
    strands: Iterator[Strand]

    def parts(self, steps: tuple[Step, ...]) -> Parts:
        """Return what is played of some steps; each timeline in them takes the next strand."""
        return self.chain(part for step in steps for part in self._part(step))

    def _part(self, step: Step) -> Parts:
        match step:
            case Play():
                return (next(self.strands),)
            case RepeatLoop(count=count):
                return self.loop(count, self.parts(step.steps))
            case AttemptLoop():
                return self._attempts(step, self.parts(step.steps), self.parts(step.between))
            case Branch():
                then, otherwise = self.parts(step.then), self.parts(step.otherwise)
                return then if self.way.branch else otherwise
            case Wait():
                return ()
            case _:
                assert_never(step)

    def _attempts(self, step: AttemptLoop, body: Parts, between: Parts) -> Parts:
        """Return the attempts up to the one that sees the herald, with what is played between them."""
        ticks, pause = _total(body, _duration), _total(between, _duration)
        attempts = self.way.attempts(step, ticks, pause)
        if not step.every:
            return self.loop(attempts, body)
        pauses = (attempts - 1) // step.every
        failed = self.chain((*self.loop(step.every, body), *between))
        return (*self.loop(pauses, failed), *self.loop(attempts - pauses * step.every, body))

    def chain(self, parts: Iterable[Strand | Loop]) -> Parts:
        """Return the parts with neighbouring strands joined, as long as they stay small."""
        chained: list[Strand | Loop] = []
        group: list[Strand] = []
        events = 0
        for part in parts:
            if group and not (isinstance(part, Strand) and self._fit(events, len(part))):
                chained.append(join_all(group))
                group, events = [], 0
            if isinstance(part, Strand):
                group.append(part)
                events += len(part)
            else:
                chained.append(part)
        return (*chained, join_all(group)) if group else tuple(chained)

    def _fit(self, events: int, more: int) -> bool:
        return events + more <= self.size or events == 0 or more == 0

    def loop(self, count: int, parts: Parts) -> Parts:
        """Return the parts `count` times: as one strand if that is small, else in strands of many passes."""
        if count == 0 or not parts:
            return ()
        if count == 1:
            return parts
        if len(parts) > 1 or isinstance(parts[0], Loop):
            return (Loop(count, parts),)
        body = parts[0]
        passes = min(count, max(1, self.size // len(body))) if len(body) else count
        whole, rest = divmod(count, passes)
        once = repeat(body, passes)
        many: Parts = (Loop(whole, (once,)),) if whole > 1 else (once,)
        return (*many, repeat(body, rest)) if rest else many


def _walk(parts: Parts) -> Iterator[Strand]:
    """Yield the strands as often as they are played."""
    for part in parts:
        if isinstance(part, Strand):
            yield part
        else:
            for _ in range(part.count):
                yield from _walk(part.parts)


def _total(parts: Parts, measure: Callable[[Strand], int]) -> int:
    """Return the sum of something over all strands, as often as they are played."""
    return sum(
        measure(part) if isinstance(part, Strand) else part.count * _total(part.parts, measure)
        for part in parts
    )


def _duration(strand: Strand) -> int:
    return strand.duration
