"""Programs with every construct, drawn at random: events hang over, loops nest, values change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import strategies as st

from sequences import (
    AllOf,
    AnyOf,
    AttemptLoop,
    Branch,
    Channel,
    Condition,
    Dispatcher,
    Herald,
    Kind,
    Label,
    Limit,
    Operation,
    Play,
    Program,
    Quantity,
    ReadoutChannel,
    RepeatLoop,
    ShotValues,
    Source,
    Target,
    Timeline,
    Wait,
    ns,
    us,
)
from sequences.program import Step
from sequences.targets.way import Way

TARGET: Final = Target(
    "random lab",
    2 * ns,
    (
        Channel("line", Kind.TTL, 3, 2 * ns, latency=50 * ns, pulse=10 * ns),
        Channel(
            "tone", Kind.DDS, 1, 4 * ns, limits=(Limit(Quantity.AMPLITUDE, 0.0, float("inf")),), bus="spi"
        ),
        Channel("coil", Kind.DAC, 7, 8 * ns, latency=80 * ns, spacing=1 * us, update=2 * us, slew=1e5),
        Channel("apd", Kind.COUNTER, 65535, 2 * ns, programming=0.1),
        Channel("camera", Kind.CAMERA, 9, 1 * us),
        Channel("remote", Kind.TRIGGER, 8, 2 * ns),
    ),
    Dispatcher(lanes=4, cycle=16 * ns),
)
READOUTS: Final = (
    ReadoutChannel("click", 0, 65535),
    ReadoutChannel("click", 1, 65535),
    ReadoutChannel("ions", 0, 9),
)
OPERATIONS: Final = {
    3: (Operation.LEVEL,),
    1: (Operation.FREQUENCY, Operation.PHASE, Operation.AMPLITUDE),
    7: (Operation.VOLTAGE,),
    65535: (Operation.OPEN, Operation.CLOSE),
    9: (Operation.OPEN, Operation.CLOSE),
}
DELAYS: Final = {3: 15, 1: 40, 7: 0, 65535: 40, 9: 0}
"""Channel number -> ticks by which the compiler delays its events: the lead is 80 ns, a tick 2 ns."""
READING: Final = {65535: (0, 1), 9: (2,)}
SOURCES: Final = (Source("a b.py", 3), Source('ünïcode"\\.py', 70000))


@st.composite
def events(draw: Any, duration: int) -> tuple[int, int, int, float, int]:
    """One event: time, channel, operation, value, source."""
    channel = draw(st.sampled_from(sorted(OPERATIONS)))
    operation = draw(st.sampled_from(OPERATIONS[channel]))
    match operation:
        case Operation.LEVEL:
            value = draw(st.sampled_from([0.0, 1.0]))
        case Operation.OPEN | Operation.CLOSE:
            value = float(draw(st.sampled_from(READING[channel])))
        case _:
            value = draw(st.floats(-1e9, 1e9))
    time = DELAYS[channel] + draw(st.integers(0, duration))
    return time, channel, int(operation), value, draw(st.integers(0, len(SOURCES) - 1))


@st.composite
def timelines(draw: Any) -> Timeline:
    """A timeline whose events may lie beyond its end, and some of which coincide."""
    duration = draw(st.sampled_from([0, 1, 5, 30, 60, 500]))
    rows = sorted(draw(st.lists(events(duration), max_size=6)), key=lambda row: row[:2])
    time, channel, operation, value, source = zip(*rows, strict=True) if rows else ((),) * 5
    starts = draw(st.lists(st.integers(0, duration), max_size=3))
    labels = tuple(Label(f"part {n}", start, duration) for n, start in enumerate(starts))
    return Timeline(
        duration,
        np.array(time, dtype=np.int64),
        np.array(channel, dtype=np.uint16),
        np.array(operation, dtype=np.uint8),
        np.array(value, dtype=np.float64),
        np.array(source, dtype=np.uint32),
        labels,
    )


HERALDS: Final = st.builds(
    Herald,
    st.lists(st.integers(0, 2), min_size=1, max_size=3).map(tuple),
    st.integers(0, 3),
    st.none() | st.integers(3, 5),
)


def conditions() -> st.SearchStrategy[Condition[int]]:
    def joined(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return st.builds(AllOf, parts) | st.builds(AnyOf, parts)

    return st.recursive(HERALDS, joined, max_leaves=4)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    steps = st.lists(inner, max_size=3).map(tuple)
    repeats = st.builds(RepeatLoop, st.integers(1, 5), steps)
    attempts = st.builds(
        AttemptLoop,
        st.none() | st.integers(1, 6),
        conditions(),
        steps,
        st.none() | st.integers(0, 300),
        st.integers(0, 3),
        steps,
    )
    return repeats | attempts | st.builds(Branch, conditions(), steps, steps)


STEPS: Final = st.recursive(
    st.builds(Play, timelines()) | st.builds(Wait, st.just(8), st.integers(1, 9)), _containers, max_leaves=6
)


@st.composite
def programs(draw: Any) -> Program:
    """A program with all that a program can have."""
    steps = draw(st.lists(STEPS, max_size=4).map(tuple))
    program = Program("all sorts", steps, READOUTS, TARGET, SOURCES)
    changing = []
    for row, timeline in enumerate(program.timelines()):
        free = np.flatnonzero(np.isin(timeline.operation, [Operation.FREQUENCY, Operation.VOLTAGE]))
        chosen = draw(st.lists(st.sampled_from(free.tolist()), unique=True)) if len(free) else []
        if chosen:
            shape = draw(st.integers(1, 4)), len(chosen)
            values = draw(st.integers(0, 99)) + np.arange(np.prod(shape), dtype=float).reshape(shape) / 7
            changing.append(ShotValues(row, np.array(sorted(chosen), dtype=np.int64), values))
    return Program("all sorts", steps, READOUTS, TARGET, SOURCES, tuple(changing))


@pytest.fixture(scope="session")
def random_programs() -> st.SearchStrategy[Program]:
    return programs()


def played(steps: tuple[Step, ...], way: Way) -> Iterator[Timeline]:
    """Yield the timelines in the order in which they are played: the definition, in plain words."""
    for step in steps:
        match step:
            case Play(timeline):
                yield timeline
            case RepeatLoop(count, body):
                for _ in range(count):
                    yield from played(body, way)
            case AttemptLoop():
                yield from tried(step, way)
            case Branch(_, then, otherwise):
                yield from played(then if way.branch else otherwise, way)


def tried(loop: AttemptLoop, way: Way) -> Iterator[Timeline]:
    clock = 0
    for attempt in range(1, way.attempt + 1):
        body = list(played(loop.steps, way))
        yield from body
        clock += sum(timeline.duration for timeline in body)
        if attempt == min(way.attempt, loop.maximum or way.attempt):
            return
        pause = list(played(loop.between, way)) if loop.every and attempt % loop.every == 0 else []
        if loop.timeout is not None and clock + sum(t.duration for t in pause) >= loop.timeout:
            return
        yield from pause
        clock += sum(timeline.duration for timeline in pause)


@pytest.fixture(scope="session", name="played")
def played_fixture() -> Callable[[tuple[Step, ...], Way], Iterator[Timeline]]:
    """The timelines of some steps as they are played: what unrolling means, in plain words."""
    return played
