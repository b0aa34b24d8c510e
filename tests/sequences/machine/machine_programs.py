"""Programs for a small machine whose ticks are nanoseconds, and all ways that a core can take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from sequences import (
    AttemptLoop,
    Branch,
    Channel,
    Dispatcher,
    Herald,
    Kind,
    Operation,
    Play,
    Program,
    ReadoutChannel,
    RepeatLoop,
    Source,
    Target,
    Timeline,
    Wait,
)
from sequences.program import Step

LEVEL, FREQUENCY, PHASE, AMPLITUDE, VOLTAGE, OPEN, CLOSE = Operation
LINE, OTHER_LINE, TONE, OTHER_TONE, OUTPUT, OTHER_OUTPUT, COUNTER, TRIGGER = range(1, 9)
NS = 1e-9
SOURCES = tuple(Source("lab.py", line) for line in range(1000))
SMALL = Dispatcher(
    lanes=2,
    depth=3,
    cycle=4 * NS,
    margin=2 * NS,
    event_time=3 * NS,
    start=20 * NS,
    playback=5 * NS,
    decision=4 * NS,
)

Event = tuple[int, int, int, float]


def make_target(dispatcher: Dispatcher | None = None, **limits: Any) -> Target:
    """Return a machine; `limits` are `pulse`, `slew` and `programming`, where they are wanted."""
    pulse, slew = limits.get("pulse", 0.0), limits.get("slew", float("inf"))
    bus = {"bus": "spi", "programming": limits["programming"]} if "programming" in limits else {}
    channels = (
        Channel("line", Kind.TTL, LINE, NS, pulse=pulse),
        Channel("other line", Kind.TTL, OTHER_LINE, NS, pulse=pulse),
        Channel("tone", Kind.DDS, TONE, NS, pulse=pulse, **bus),
        Channel("other tone", Kind.DDS, OTHER_TONE, NS, **bus),
        Channel("output", Kind.DAC, OUTPUT, NS, slew=slew, **bus),
        Channel("other output", Kind.DAC, OTHER_OUTPUT, NS, slew=2 * slew),
        Channel("counter", Kind.COUNTER, COUNTER, NS, pulse=pulse),
        Channel("trigger", Kind.TRIGGER, TRIGGER, NS),
    )
    return Target("small", NS, channels, dispatcher)


def timeline(duration: int, events: Iterable[Event], first_line: int = 0) -> Timeline:
    """Return a timeline; its events come from lines of their own."""
    rows = sorted(events, key=lambda event: event[:2])
    time, channel, operation, value = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Timeline(
        duration,
        np.array(time, np.int64),
        np.array(channel, np.uint16),
        np.array(operation, np.uint8),
        np.array(value, np.float64),
        np.arange(first_line, first_line + len(rows), dtype=np.uint32),
    )


def make_program(target: Target, *steps: Step, readouts: int = 4) -> Program:
    """Return a program of some steps."""
    windows = tuple(ReadoutChannel("clicks", index, COUNTER) for index in range(readouts))
    return Program("p", steps, windows, target, SOURCES)


# ---- every way through a program: ("play", number), ("decide", readouts), ("wait", None) ----

Way = tuple[tuple[str, Any], ...]


def count(steps: Sequence[Step]) -> int:
    """Return how many timelines some steps hold."""
    return sum(1 for _ in make_program(make_target(), *steps).timelines())


def ways(steps: Sequence[Step], number: int = 0) -> Iterator[Way]:
    """Yield all ways through some steps, loops unrolled."""
    if not steps:
        yield ()
        return
    first, *rest = steps
    for head in set(_ways(first, number)):
        for tail in ways(rest, number + count([first])):
            yield head + tail


def _ways(step: Step, number: int) -> Iterator[Way]:
    match step:
        case Play():
            yield (("play", number),)
        case Wait():
            yield (("wait", None),)
        case RepeatLoop(passes, body):
            partial: set[Way] = {()}
            for _ in range(passes):
                partial = {way + more for way in partial for more in set(ways(body, number))}
            yield from partial
        case Branch(condition, then, otherwise):
            rows = tuple(row for herald in condition.heralds() for row in herald.readouts)
            for start, arm in ((number, then), (number + count(then), otherwise)):
                for way in ways(arm, start):
                    yield (("decide", rows), *way)
        case AttemptLoop():
            yield from _attempts(step, number)


def _attempts(loop: AttemptLoop, number: int) -> Iterator[Way]:
    gated = sorted(
        {
            int(value)
            for t in make_program(make_target(), *loop.steps).timelines()
            for value in t.value[t.operation == CLOSE]
        }
    )
    decide = (("decide", tuple(gated)),)
    partial: set[Way] = {()}
    for attempt in range(1, (loop.maximum or 1) + 1):
        partial = {way + more + decide for way in partial for more in set(ways(loop.steps, number))}
        yield from partial
        if loop.every and attempt % loop.every == 0:
            pauses = set(ways(loop.between, number + count(loop.steps)))
            partial = {way + more for way in partial for more in pauses}


# ---- random programs ----

LEVELS = {LINE: LEVEL, OTHER_LINE: LEVEL}


@st.composite
def timelines(draw: st.DrawFn, gate: int | None = None, longest: int = 40, most: int = 8) -> Timeline:
    """Draw a timeline; `gate` is a readout that it has to record."""
    duration = draw(st.integers(1, longest))
    tick = st.integers(0, duration + 6)
    volts = st.sampled_from([0.0, 1.0, 2.0, 5.0])
    events: dict[tuple[int, int, int], float] = {}
    for _ in range(draw(st.integers(0, most))):
        channel = draw(st.sampled_from([LINE, OTHER_LINE, TONE, OTHER_TONE, OUTPUT, OTHER_OUTPUT]))
        if channel in LEVELS:
            operation, value = LEVEL, draw(st.sampled_from([0.0, 1.0]))
        elif channel in (TONE, OTHER_TONE):
            operation = draw(st.sampled_from([FREQUENCY, PHASE, AMPLITUDE]))
            value = draw(st.sampled_from([0.0, 1.0, 0.5]))
        else:
            operation, value = VOLTAGE, draw(volts)
        events[draw(tick), channel, operation] = value
    if gate is not None:
        start = draw(st.integers(0, duration))
        events[start, COUNTER, OPEN] = gate
        events[draw(st.integers(start + 1, duration + 1)), COUNTER, CLOSE] = gate
    line = draw(st.integers(0, 90)) * 10
    return timeline(duration, [(*key, value) for key, value in sorted(events.items())], line)


def plays(**options: Any) -> st.SearchStrategy[Play]:
    """Draw a step that plays a timeline."""
    return timelines(**options).map(Play)


@st.composite
def loops(draw: st.DrawFn, most: int, body: st.SearchStrategy[Step]) -> RepeatLoop:
    """Draw a loop of the hardware."""
    return RepeatLoop(draw(st.integers(1, most)), tuple(draw(st.lists(body, min_size=1, max_size=2))))


@st.composite
def deciding(draw: st.DrawFn, most: int = 3) -> Step:
    """Draw an attempt loop or a branch, or a wait."""
    kind = draw(st.sampled_from(["attempt", "branch", "wait"]))
    if kind == "wait":
        return Wait(TRIGGER, 100)
    some = st.lists(plays(), max_size=1).map(tuple)
    if kind == "branch":
        return Branch(Herald((0,)), draw(some), draw(some))
    every = draw(st.integers(0, 2))
    body = (*draw(some), draw(plays(gate=0)))
    between = draw(some) if every else ()
    return AttemptLoop(draw(st.integers(1, most)), Herald((0,)), body, None, every, between)


def straight_steps(most: int) -> st.SearchStrategy[tuple[Step, ...]]:
    """Draw steps without decisions, loops of up to `most` passes in each other."""
    inner: st.SearchStrategy[Any] = st.one_of(plays(), loops(3, plays()))
    return st.lists(st.one_of(plays(), loops(most, inner)), min_size=1, max_size=3).map(tuple)


def any_steps() -> st.SearchStrategy[tuple[Step, ...]]:
    """Draw steps of all kinds; the first gate comes before the first branch."""
    some: st.SearchStrategy[Any] = st.one_of(plays(), loops(3, plays()), deciding())
    gate: st.SearchStrategy[Any] = plays(gate=0)
    return st.builds(lambda first, rest: (first, *rest), gate, st.lists(some, max_size=3))
