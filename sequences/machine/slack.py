"""Rule: every write is handed over in time, in every pass of every loop and however the heralds fall.

A stretch of timelines acts on the feed in one of two ways: either the core is behind, and every delay goes
on, or it has to wait for its queue or for a decision, and what was before is forgotten; the later of the two
counts. So the passes of a loop fall behind by the same time each, or they settle. Both are seen after a few
passes, and all the others are one multiplication.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias, assert_never

import numpy as np
from numpy.typing import NDArray

from sequences.faults import DecisionError, FeedError, UnderflowError
from sequences.machine.feed import ROUNDING, Decision, Feed, hand_over, longest_queue
from sequences.machine.limits import Feeding, Machine, line_at
from sequences.machine.train import Train, train_of
from sequences.machine.walk import timelines_in
from sequences.machine.writes import Sheet
from sequences.program import AttemptLoop, Branch, Play, Program, RepeatLoop, Step, Wait, inner_steps

Slacks: TypeAlias = list[NDArray[np.float64]]
Body: TypeAlias = Callable[[Feed], Feed]

_ENDLESS: Final = 10**9
"""Attempts of a loop without a maximum and without a time-out: more than a night holds."""


@dataclass(slots=True)
class _Late:
    """What comes too late in a timeline: where first, and by how much at worst.

    Attributes:
        passes: in which it first happens.
        write: the first that comes too late then.
        decision: what it had to wait for, if that alone makes it late.
        slack: at worst, ticks.
        lag: by how many ticks each further pass is later still.
    """

    passes: tuple[int, ...]
    write: int
    decision: Decision | None
    slack: float
    lag: float


@dataclass(slots=True)
class Seen:
    """What was seen of a timeline: its worst pass, and what came too late.

    Attributes:
        worst: slack of the latest write, ticks; infinite for a timeline without events.
        passes: of the loops around it, from the outside in, in which it is worst.
        slacks: of all writes in that pass, if they are kept.
    """

    worst: float = math.inf
    passes: tuple[int, ...] = ()
    slacks: Slacks = field(default_factory=list)
    late: _Late | None = None


class Feeder:
    """Follows the feed through a program.

    Args:
        program: to follow.
        machine: its target.
        feeding: times of the dispatcher.
        sheets: the timelines of the program.
        keep: keep the slack of every write, and watch the queue.
    """

    def __init__(
        self,
        program: Program,
        machine: Machine,
        feeding: Feeding,
        sheets: Sequence[Sheet],
        *,
        keep: bool = False,
    ) -> None:
        self._program, self._machine, self._feeding, self._sheets = program, machine, feeding, sheets
        self._keep = keep
        self.seen = [Seen() for _ in sheets]
        self.queue = 0
        self._decides = _decides(program.steps)
        self._passes: tuple[int, ...] = ()
        self._lowest = math.inf  # slack since it was last asked for
        self._lag = 0.0
        self._trying = False

    def follow(self) -> None:
        """Follow one shot, in all the ways that it can take."""
        never = np.full(len(self._program.readouts), -np.inf)
        queue = np.zeros(0)
        closers = np.zeros(len(never), dtype=np.int64)
        self._steps(self._program.steps, Feed(-self._feeding.start, queue, never, closers), 0)

    def problems(self) -> Iterator[FeedError]:
        """Yield what comes too late, one problem a timeline."""
        for number, seen in enumerate(self.seen):
            if seen.late is not None:
                yield self._error(number, seen.late)

    def _steps(self, steps: Sequence[Step], feed: Feed, number: int) -> Feed:
        """Follow some steps, of which `number` is the first timeline."""
        for step in steps:
            match step:
                case Play():
                    feed = self._play(number, feed)
                case RepeatLoop(count, body):
                    feed = self._loop(body, count, feed, number)
                case AttemptLoop():
                    feed = self._attempts(step, feed, number)
                case Branch(condition, then, otherwise):
                    rows = [row for herald in condition.heralds() for row in herald.readouts]
                    feed = self._decided(feed, np.array(rows, dtype=np.intp))
                    other = self._steps(otherwise, feed, number + timelines_in(then))
                    feed = self._steps(then, feed, number).joined(other)
                case Wait(channel):
                    # A wait that is over at once leaves the least time to hand over what follows.
                    feed = feed.after(self._feeding.decision, Decision(channel, None))
                case _:
                    assert_never(step)
            number += timelines_in((step,))
        return feed

    def _play(self, number: int, feed: Feed) -> Feed:
        """Hand one timeline over."""
        sheet = self._sheets[number]
        if len(sheet.timeline) == 0:
            return feed.later(sheet.timeline.duration)
        before, slacks = feed, []
        begun = feed.free + self._feeding.playback
        feed = Feed(begun, feed.queue, feed.closed, feed.closers, feed.decided)
        for writes in sheet.writes():
            costs = self._feeding.costs[: len(writes.time)]
            earlier = feed
            feed, handed, slack = hand_over(earlier, writes.time, costs, self._feeding.capacity)
            slacks.append(slack)
            if self._keep and not self._trying:
                self.queue = max(self.queue, longest_queue(earlier, writes.time, handed))
        self._note(number, slacks, before)
        return self._closed(feed, number, 0).later(sheet.timeline.duration)

    def _closed(self, feed: Feed, number: int, start: int) -> Feed:
        """Return the feed with the gates that a timeline closes which starts at a tick."""
        if not self._decides:
            return feed
        closings = self._sheets[number].closings
        closed, closers = feed.closed.copy(), feed.closers.copy()
        closed[closings.readout] = closings.time + start
        closers[closings.readout] = self._sheets[number].timeline.source[closings.row]
        return replace(feed, closed=closed, closers=closers)

    def _decided(self, feed: Feed, readouts: NDArray[np.intp]) -> Feed:
        """Return the feed after the core has counted the clicks of some readouts."""
        if len(readouts) == 0:
            return feed
        last = int(readouts[np.argmax(feed.closed[readouts])])
        decision = Decision(self._program.readouts[last].channel, int(feed.closers[last]))
        return feed.after(float(feed.closed[last]) + self._feeding.decision, decision)

    def _loop(self, body: tuple[Step, ...], count: int, feed: Feed, number: int) -> Feed:
        """Follow a loop; one of a few plain timelines is followed as a train until the queue is full."""
        own = self._sheets[number : number + timelines_in(body)]
        if not any(len(sheet.timeline) for sheet in own):
            return feed.later(count * self._shortest(body))
        done = 0
        if all(isinstance(step, Play) for step in body):
            train = train_of(own, number, self._feeding, count)
            if train is not None:
                feed, done = self._ride(train, feed), train.passes
        return self._repeat(lambda feed: self._steps(body, feed, number), count, feed, done)

    def _ride(self, train: Train, feed: Feed) -> Feed:
        """Hand the passes of a train over."""
        time, costs = train.unrolled()
        before = feed
        feed, handed, slack = hand_over(before, time, costs, self._feeding.capacity)
        if self._keep and not self._trying:
            self.queue = max(self.queue, longest_queue(before, time, handed))
        slack = slack.reshape(train.passes, -1)
        for wagon in train.wagons:
            own = slack[:, wagon.first : wagon.stop]
            lowest = own.min(axis=1)
            late = np.flatnonzero(lowest < self._feeding.margin - ROUNDING)
            for row in dict.fromkeys([*late[:1].tolist(), int(lowest.argmin())]):
                around, self._lag = self._lag, max(0.0, train.cost - train.duration) if row else self._lag
                self._note(wagon.number, [own[row]], None if row else before, (*self._passes, row + 1))
                self._lag = around
            feed = self._closed(feed, wagon.number, wagon.start + (train.passes - 1) * train.duration)
        return feed.later(train.passes * train.duration)

    def _repeat(self, body: Body, count: int, feed: Feed, done: int = 0) -> Feed:
        """Follow the passes of a loop after the first `done`, until all further ones are known."""
        while done < count:
            done += 1
            after = self._pass(body, feed, done)
            if after.is_like(feed):
                return after
            if np.array_equal(after.queue, feed.queue) and done < count:
                return self._rest(body, count, done, feed, after)
            feed = after
        return feed

    def _rest(self, body: Body, count: int, done: int, before: Feed, feed: Feed) -> Feed:
        """Follow the passes after `done`, all of which find the same queue; `before` is where that one began.

        From pass to pass the core is free at ``max(free + lag, least)``, counted from the start of each.
        """
        lag = feed.free - before.free
        if lag < 0:
            least = self._try(body, replace(feed, free=-math.inf)).free
            return self._pass(
                body, replace(feed, free=max(feed.free + (count - done - 1) * lag, least)), count
            )
        # It may have come to its least just now; one more pass tells.
        done += 1
        after = self._pass(body, feed, done)
        lag = after.free - feed.free
        if done == count or after.is_like(feed):
            return after
        return self._fall_behind(body, count, done, after, lag)

    def _fall_behind(self, body: Body, count: int, done: int, feed: Feed, lag: float) -> Feed:
        """Follow the passes after `done`, each of which begins later than the one before by `lag`."""
        around, self._lag = self._lag, lag
        lowest, self._lowest = self._lowest, math.inf
        last = feed.free + (count - done - 1) * lag
        end = self._pass(body, replace(feed, free=last), count)
        short = self._feeding.margin - ROUNDING - self._lowest
        if short > 0:
            # The slack of pass k is that of the last pass and one lag more for each pass between them.
            first = max(done + 1, count - math.ceil(short / lag) + 1)
            self._pass(body, replace(feed, free=feed.free + (first - done - 1) * lag), first)
        self._lag, self._lowest = around, min(lowest, self._lowest)
        return end

    def _pass(self, body: Body, feed: Feed, number: int) -> Feed:
        around, self._passes = self._passes, (*self._passes, number)
        feed = body(feed)
        self._passes = around
        return feed

    def _try(self, body: Body, feed: Feed) -> Feed:
        """Follow a body without taking notes."""
        around, self._trying = self._trying, True
        feed = body(feed)
        self._trying = around
        return feed

    def _attempts(self, loop: AttemptLoop, feed: Feed, number: int) -> Feed:
        """Follow attempts that fail, and return the latest feed with which any of them can succeed."""
        middle = number + timelines_in(loop.steps)
        gated = [sheet.closings.readout for sheet in self._sheets[number:middle]]
        readouts = np.unique(np.concatenate([np.zeros(0, dtype=np.intp), *gated]))
        ends: list[Feed] = []

        def attempt(feed: Feed) -> Feed:
            end = self._decided(self._steps(loop.steps, feed, number), readouts)
            if not self._trying:
                ends[:] = [ends[0].joined(end) if ends else end]
            return end

        def round_of_attempts(feed: Feed) -> Feed:
            return self._steps(loop.between, self._repeat(attempt, loop.every, feed), middle)

        count = self._count(loop)
        rounds = (count - 1) // loop.every if loop.every else 0
        rest = count - rounds * loop.every
        if rounds:
            feed = self._repeat(round_of_attempts, rounds, feed)
            self._pass(lambda feed: self._repeat(attempt, rest, feed), feed, rounds + 1)
        else:
            self._repeat(attempt, rest, feed)
        return ends[0] if ends else feed

    def _count(self, loop: AttemptLoop) -> int:
        """Return how many attempts a loop makes at most."""
        count = _ENDLESS if loop.maximum is None else loop.maximum
        if loop.timeout is not None:
            # The last attempt begins before the time-out.
            count = min(count, max(1, -(-loop.timeout // max(1, self._shortest(loop.steps)))))
        return count

    def _shortest(self, steps: tuple[Step, ...]) -> int:
        """Return how many ticks some steps take at least."""
        return replace(self._program, steps=steps).duration(heralded=True)

    def _note(
        self, number: int, slacks: Slacks, feed: Feed | None, passes: tuple[int, ...] | None = None
    ) -> None:
        """Remember the slack of a timeline's writes.

        Args:
            number: of the timeline.
            slacks: of its writes, some at a time.
            feed: before it, or None if no decision can matter.
            passes: of the loops around it; None for those that are being followed.
        """
        if self._trying:
            return
        passes = self._passes if passes is None else passes
        lowest = min(float(slack.min()) for slack in slacks)
        self._lowest = min(self._lowest, lowest)
        seen = self.seen[number]
        if lowest < seen.worst:
            seen.worst, seen.passes = lowest, passes
            seen.slacks = slacks if self._keep else []
        if lowest < self._feeding.margin - ROUNDING:
            seen.late = self._later(number, passes, slacks, lowest, feed)

    def _later(
        self, number: int, passes: tuple[int, ...], slacks: Slacks, lowest: float, feed: Feed | None
    ) -> _Late:
        """Return what is late in a timeline, by this pass and those seen before."""
        known = self.seen[number].late
        if known is not None and known.passes <= passes:
            return replace(known, slack=min(known.slack, lowest), lag=max(known.lag, self._lag))
        slack = np.concatenate(slacks)
        write = int(np.flatnonzero(slack < self._feeding.margin - ROUNDING)[0])
        decision = None
        if feed is not None and feed.decided is not None:
            times = np.concatenate([writes.time for writes in self._sheets[number].writes()])
            at_once = feed.free + self._feeding.playback + self._feeding.event_time * (write + 1)
            decision = feed.decided if times[write] - slack[write] <= at_once + ROUNDING else None
        worst = lowest if known is None else min(known.slack, lowest)
        return _Late(
            passes, write, decision, worst, self._lag if known is None else max(known.lag, self._lag)
        )

    def _error(self, number: int, late: _Late) -> FeedError:
        """Return what is late in the author's words."""
        sheet, machine = self._sheets[number], self._machine
        rows = np.concatenate([writes.rows for writes in sheet.writes()])
        row = int(rows[late.write])
        channel = int(sheet.timeline.channel[row])
        facts = (
            line_at(self._program, int(sheet.timeline.source[row])),
            machine.name(channel),
            machine.written(channel, int(sheet.timeline.time[row])),
            machine.seconds(late.slack),
            machine.seconds(self._feeding.margin),
            late.passes,
        )
        if late.decision is None:
            return UnderflowError(*facts, machine.seconds(late.lag), step=machine.target.step)
        line = late.decision.line
        kind = "trigger" if line is None else "gate"
        other = None if line is None else line_at(self._program, line)
        name = machine.name(late.decision.channel)
        return DecisionError(*facts, kind, name, other, step=machine.target.step)


def _decides(steps: Sequence[Step]) -> bool:
    """Tell whether what is played depends on what was counted."""
    return any(
        isinstance(step, AttemptLoop | Branch) or any(map(_decides, inner_steps(step))) for step in steps
    )
