"""Laws that hold for every sequence: sorted events, no overlaps, regrouping, and the text form."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sequences import (
    Alignment,
    Channel,
    Detector,
    Electrode,
    Kind,
    Line,
    Operation,
    Play,
    Program,
    Target,
    Tone,
    attempt,
    compile_sequence,
    delay,
    herald,
    ns,
    parallel,
    parse_program,
    print_program,
    readout,
    repeat,
    sequence,
    serial,
    us,
)
from sequences.ir import Block, Gate, Parallel, Serial

CHANNELS = (
    Channel("line", Kind.TTL, 1, 1 * ns, latency=30 * ns),
    Channel("tone", Kind.DDS, 2, 4 * ns, latency=501 * ns),
    Channel("coil", Kind.DAC, 3, 8 * ns, latency=1 * us, spacing=40 * ns),
    Channel("apd", Kind.COUNTER, 4, 1 * ns),
)
LAB = Target("lab", 1 * ns, CHANNELS)
LINE, TONE = Line.of(LAB, "line"), Tone.of(LAB, "tone")
COIL, APD = Electrode.of(LAB, "coil"), Detector.of(LAB, "apd")

quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Enough to find what single tests do not; no clock, because the machines that run this are busy."""

SWITCHES = {1: [Operation.LEVEL], 2: [Operation.AMPLITUDE], 4: [Operation.OPEN, Operation.CLOSE]}
"""Operations that switch a channel on and off."""

TIMES = st.integers(1, 500).map(lambda n: n * 8 * ns)  # on every channel's grid
UNIT = st.floats(0, 1)
POSITIVE = st.floats(1e-3, 1)
LEAVES = st.one_of(
    st.builds(LINE.pulse, TIMES),
    st.builds(TONE.pulse, TIMES, st.floats(1e6, 4e8), POSITIVE, st.floats(-2, 2)),
    st.builds(COIL.ramp, UNIT, UNIT, TIMES.map(lambda t: t + 40 * ns)),
    st.builds(APD.gate, TIMES, st.just(readout("open"))),
    st.builds(delay, TIMES),
)


def by_channel(leaves: list[Block]) -> list[list[Block]]:
    """Sort leaves into one list for each channel, so that the lists can be played at once."""
    lists: dict[str, list[Block]] = defaultdict(list)
    for leaf in leaves:
        lists[getattr(leaf, "channel", CHANNELS[0]).name].append(leaf)
    return list(lists.values())


def numbered(blocks: list[Block], first: int) -> list[Block]:
    """Give every gate a readout of its own."""
    return [
        replace(block, readout=readout("click", first + row)) if isinstance(block, Gate) else block
        for row, block in enumerate(blocks)
    ]


STRETCHES = st.tuples(st.lists(LEAVES, max_size=8), st.sampled_from([Alignment.LEFT, Alignment.RIGHT]))


@st.composite
def bodies(draw: Any) -> Block:
    """Stretches of simultaneous blocks, some of them in loops."""
    parts: list[Block] = []
    for row, (leaves, align) in enumerate(draw(st.lists(STRETCHES, max_size=5))):
        groups = by_channel(numbered(leaves, 100 * row))
        stretch: Block = parallel(*(serial(*group) for group in groups), align=align)
        click = readout("herald", row)
        loop = draw(st.sampled_from(["none", "repeat", "attempt"]))
        if loop == "repeat":
            stretch = repeat(stretch, draw(st.integers(1, 5)))
        elif loop == "attempt":
            stretch = attempt(
                serial(stretch, APD.gate(80 * ns, click)),
                until=herald(click),
                maximum=draw(st.integers(1, 9)),
            )
        parts.append(stretch)
    return serial(*parts)


def compiled(body: Block) -> Program:
    return compile_sequence(sequence("random", body), LAB)


@quick
@given(bodies())
def test_events_are_sorted_and_stay_within_the_lead(body: Block) -> None:
    for timeline in compiled(body).timelines():
        places = list(zip(timeline.time.tolist(), timeline.channel.tolist(), strict=True))
        assert places == sorted(places)
        if len(timeline):
            assert timeline.time[0] >= 0
            assert timeline.time[-1] <= timeline.duration + 1000  # the lead, in ticks


@quick
@given(bodies())
def test_no_channel_is_used_twice_at_once(body: Block) -> None:
    """On and off alternate on every line, tone and gate, starting with on."""
    for timeline in compiled(body).timelines():
        for channel, switch in SWITCHES.items():
            events = (timeline.channel == channel) & np.isin(timeline.operation, switch)
            on = (timeline.operation[events] == Operation.OPEN) | (timeline.value[events] > 0)
            on &= timeline.operation[events] != Operation.CLOSE
            assert on.tolist() == [row % 2 == 0 for row in range(len(on))]


@quick
@given(st.lists(bodies(), min_size=3, max_size=3))
def test_regrouping_changes_nothing(blocks: list[Block]) -> None:
    distinct = [relabelled(block, 1000 * row) for row, block in enumerate(blocks)]
    a, b, c = distinct
    left = sequence("s", Serial((Serial((a, b)), c)))
    right = sequence("s", Serial((a, Serial((b, c)))))
    assert compile_sequence(left, LAB) == compile_sequence(right, LAB)
    assert compile_sequence(left, LAB) == compile_sequence(sequence("s", serial(a, b, c)), LAB)


def relabelled(block: Any, by: int) -> Any:
    """Move all readouts of a block, so that it can stand beside its likes."""
    if isinstance(block, Serial | Parallel):
        return replace(block, parts=tuple(relabelled(part, by) for part in block.parts))
    if hasattr(block, "body"):
        changed = replace(block, body=relabelled(block.body, by))
        if not hasattr(block, "herald"):
            return changed
        moved = tuple(replace(r, index=r.index + by) for r in block.herald.readouts)
        return replace(changed, herald=replace(block.herald, readouts=moved))
    if isinstance(block, Gate):
        return replace(block, readout=replace(block.readout, index=block.readout.index + by))
    return block


@quick
@given(bodies())
def test_text_and_program_are_the_same(body: Block) -> None:
    program = compiled(body)
    text = print_program(program)
    again = parse_program(text)
    assert again == program
    assert again.sources == program.sources
    assert print_program(again) == text


@quick
@given(st.lists(LEAVES.filter(lambda leaf: not isinstance(leaf, Gate)), max_size=10), st.integers(2, 4))
def test_a_loop_unrolled_by_hand_plays_the_same_events(leaves: list[Block], count: int) -> None:
    body = serial(*leaves, delay(40 * ns))
    looped, unrolled = compiled(repeat(body, count)), compiled(serial(*[body] * count))
    (once,) = looped.timelines()
    (play,) = unrolled.steps
    assert isinstance(play, Play)
    shifted = np.concatenate([once.time + turn * once.duration for turn in range(count)])
    value = np.tile(once.value, count)
    channel = np.tile(once.channel, count)
    # Iterations overlap in time by the lead only, and on each channel not at all.
    for number in (1, 2, 3):
        mine, theirs = channel == number, play.timeline.channel == number
        assert shifted[mine].tolist() == play.timeline.time[theirs].tolist()
        assert value[mine].tolist() == play.timeline.value[theirs].tolist()
    assert play.timeline.duration == count * once.duration
