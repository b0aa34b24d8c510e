from typing import Any

import pytest

from sequences import attempt, delay, herald, parallel, readout, repeat, sequence, serial, us
from sequences.compiler.expand import expand
from sequences.compiler.stages import AttemptSlots, RepeatSlots, Segment, Slot
from sequences.errors import CompileError, SeamError
from sequences.ir import Parallel, Repeat, Sequence, Serial

click = readout("click")


def test_without_loops_there_is_one_segment(lab: Any) -> None:
    a, b, c = delay(1 * us), lab.shutter.pulse(1 * us), parallel(lab.marker.pulse(1 * us), delay(2 * us))
    outline = expand(sequence("plain", serial(a, serial(b, c))))
    assert (outline.name, outline.slots, outline.segments) == ("plain", (Slot(0),), (Segment((a, b, c)),))


def test_loops_split_segments_at_any_depth(lab: Any) -> None:
    gate = lab.apd.gate(1 * us, click)
    a, b, c, d = (delay(n * us) for n in range(4))
    inner = attempt(serial(b, gate), until=herald(click), maximum=5)
    loop = repeat(serial(inner, c), 10)
    outline = expand(sequence("deep", serial(a, loop, d)))
    assert outline.slots == (
        Slot(0),
        RepeatSlots(10, (AttemptSlots(inner, (Slot(1),), ()), Slot(2)), loop.source),
        Slot(3),
    )
    assert outline.segments == (Segment((a,)), Segment((b, gate)), Segment((c,)), Segment((d,)))


def test_neighbouring_loops_have_nothing_between_them() -> None:
    one, other = repeat(delay(1 * us), 2), repeat(delay(1 * us), 3)
    outline = expand(sequence("two", serial(one, other)))
    assert outline.slots == (
        RepeatSlots(2, (Slot(0),), one.source),
        RepeatSlots(3, (Slot(1),), other.source),
    )


def test_a_loop_that_is_alone_in_a_parallel_block_is_serial() -> None:
    loop = repeat(delay(2 * us), 2)
    body = parallel(serial(delay(1 * us), loop))
    assert expand(sequence("alone", body)).slots == (Slot(0), RepeatSlots(2, (Slot(1),), loop.source))


def test_nothing_is_unrolled() -> None:
    outline = expand(sequence("many", repeat(repeat(delay(1 * us), 10**9), 10**9)))
    assert len(outline.segments) == 1


def test_loops_beside_other_parts_are_told_with_both_lines() -> None:
    loop = Repeat(delay(1 * us), 2)
    first = Parallel((delay(1 * us), loop))
    second = Parallel((delay(1 * us), Serial((Serial((loop,)),))))
    with pytest.raises(CompileError) as caught:
        expand(Sequence("s", Serial((first, second)), (), ()))
    problems = caught.value.problems
    assert all(isinstance(p, SeamError) and p.other == loop.source for p in problems)
    assert [p.source for p in problems] == [first.source, second.source]  # type: ignore[attr-defined]
