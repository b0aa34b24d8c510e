from typing import Any

import numpy as np
import pytest

from sequences import Alignment, at, delay, mark, named, parallel, repeat, sequence, serial, us
from sequences.compiler.bind import Binding
from sequences.compiler.expand import expand
from sequences.compiler.place import place
from sequences.compiler.stages import Placement
from sequences.errors import DepthError, MarkError, PastError, SequenceError
from sequences.ir import Block


def placed(body: Block) -> Placement:
    binding = Binding({})
    placement = place(expand(sequence("s", body)), binding).segments[0]
    assert binding.problems == []
    return placement


def starts(body: Block) -> list[float]:
    return [round(start * 1e6, 9) for start in placed(body).start.tolist()]


def test_serial_parts_follow_each_other(lab: Any) -> None:
    result = placed(serial(lab.shutter.pulse(1 * us), delay(2 * us), lab.endcap.set(1.0), delay(4 * us)))
    np.testing.assert_allclose(result.start, [0, 1e-6, 3e-6, 3e-6])
    np.testing.assert_allclose(result.duration, [1e-6, 2e-6, 0, 4e-6])
    assert result.length == pytest.approx(7e-6)
    assert len(result.items) == 4


@pytest.mark.parametrize(
    ("align", "expected"),
    [(Alignment.LEFT, [1, 1, 2, 1]), (Alignment.RIGHT, [9, 5, 6, 1]), (Alignment.CENTRE, [5, 3, 4, 1])],
)
def test_parallel_parts_meet_where_they_are_aligned(
    lab: Any, align: Alignment, expected: list[float]
) -> None:
    short, middle = lab.shutter.pulse(2 * us), serial(delay(1 * us), lab.marker.pulse(5 * us))
    block = parallel(short, middle, delay(10 * us), align=align)
    assert starts(serial(delay(1 * us), block)) == [0, *expected]


def test_alignments_nest(lab: Any) -> None:
    inner = parallel(lab.shutter.pulse(2 * us), delay(6 * us), align=Alignment.CENTRE)
    outer = parallel(serial(inner, lab.marker.pulse(1 * us)), delay(11 * us), align=Alignment.RIGHT)
    assert starts(outer) == [6, 4, 10, 0]


def test_only_centred_leaves_know_who_moved_them(lab: Any) -> None:
    block = parallel(lab.shutter.pulse(2 * us), delay(6 * us), align=Alignment.CENTRE)
    assert placed(block).centred == {0: block.source}
    assert placed(parallel(delay(1 * us), delay(2 * us), align=Alignment.RIGHT)).centred == {}


def test_empty_blocks_take_no_time() -> None:
    result = placed(serial(parallel(), serial(), delay(1 * us)))
    assert (result.length, result.start.tolist()) == (1 * us, [0.0])


def test_many_small_times_do_not_drift() -> None:
    result = placed(serial(*[delay(0.1 * us)] * 50_000))
    exact = np.arange(50_000) / 10**7
    assert np.abs(result.start - exact).max() < 1e-17


def test_every_segment_starts_at_zero() -> None:
    body = serial(delay(1 * us), repeat(serial(delay(2 * us), delay(1 * us)), 2))
    outline = place(expand(sequence("s", body)), Binding({}))
    assert [segment.start.tolist() for segment in outline.segments] == [[0.0], [0.0, 2 * us]]


def problem(body: Block) -> SequenceError:
    binding = Binding({})
    place(expand(sequence("s", body)), binding)
    (problem,) = binding.problems
    return problem


def test_a_block_starts_at_its_time_whatever_is_before_it(lab: Any) -> None:
    pulse, later = lab.shutter.pulse(1 * us), at(5 * us, lab.marker.pulse(2 * us))
    result = placed(serial(delay(1 * us), serial(pulse, later), pulse))
    assert [round(start * 1e6, 9) for start in result.start[result.channel >= 0].tolist()] == [1, 6, 8]
    beside = placed(parallel(later, delay(3 * us)))
    assert beside.length == pytest.approx(7 * us)


def test_a_block_that_comes_too_late_for_its_time_is_told() -> None:
    late = at(5 * us, delay(1 * us))
    assert str(problem(serial(delay(6 * us), late))) == (
        f"{late.source}: this block is to start at 5 us of its serial block, which has already lasted 6 us; "
        "start it later, or make the blocks before it shorter"
    )
    assert isinstance(problem(serial(delay(6 * us), late)), PastError)


def test_parts_are_aligned_to_a_mark(lab: Any) -> None:
    here = mark("photon")
    early = serial(lab.shutter.pulse(2 * us), here, delay(1 * us))
    late = serial(lab.marker.pulse(5 * us), here)
    block = parallel(early, late, align=here)
    result = placed(serial(delay(1 * us), block))
    assert [round(start * 1e6, 9) for start in result.start.tolist()] == [0, 4, 6, 6, 1, 6]
    assert result.length == pytest.approx(7 * us)


def test_a_part_without_its_mark_is_told() -> None:
    here, other = mark("here"), delay(1 * us)
    block = parallel(serial(delay(1 * us), here), other, align=here)
    assert isinstance(problem(block), MarkError)
    assert str(problem(block)) == (
        f"{block.source}: the part at {other.source} has no marks 'here' to align with; "
        "every part of the block needs exactly one"
    )


def test_names_last_as_long_as_what_they_name(lab: Any) -> None:
    result = placed(serial(delay(1 * us), named("flash", serial(lab.shutter.pulse(2 * us), delay(1 * us)))))
    rows = [row for row, item in enumerate(result.items) if getattr(item, "name", "") == "flash"]
    assert [(result.start[row], result.duration[row]) for row in rows] == [
        (pytest.approx(1 * us), pytest.approx(3 * us))
    ]


def test_blocks_without_end_in_each_other_are_told() -> None:
    body: Block = delay(1 * us)
    for _ in range(300):
        body = parallel(body)
        body = parallel(body, delay(1 * us))
    with pytest.raises(DepthError) as caught:
        placed(body)
    assert str(caught.value).endswith(
        "blocks are nested more than 200 deep here; collect the parts in a list and put them into one block: "
        "serial(*parts)"
    )
