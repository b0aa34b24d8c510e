from typing import Any

import numpy as np
import pytest

from sequences import Alignment, Parameter, delay, parallel, repeat, sequence, serial, us
from sequences.compiler import expand, place
from sequences.compiler.stages import Outline, Placement, Segment, Slot
from sequences.ir import Block, Repeat


def placed(body: Block) -> Placement:
    return place(expand(sequence("s", body))).segments[0]


def starts(body: Block) -> list[float]:
    return [round(start * 1e6, 9) for start in placed(body).start.tolist()]


def test_serial_parts_follow_each_other(lab: Any) -> None:
    result = placed(serial(lab.shutter.pulse(1 * us), delay(2 * us), lab.endcap.set(1.0), delay(4 * us)))
    np.testing.assert_allclose(result.start, [0, 1e-6, 3e-6, 3e-6])
    np.testing.assert_allclose(result.duration, [1e-6, 2e-6, 0, 4e-6])
    assert result.length == pytest.approx(7e-6)
    assert len(result.leaves) == 4


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


def test_passes_out_of_order_are_refused() -> None:
    outline = Outline("s", (Slot(0),), (Segment((Repeat(delay(1 * us), 2),)),))
    with pytest.raises(TypeError, match="`expand` comes first"):
        place(outline)
    with pytest.raises(TypeError, match="time is not bound to a number"):
        place(expand(sequence("s", delay(Parameter("time")))))


def test_every_segment_starts_at_zero() -> None:
    outline = place(
        expand(sequence("s", serial(delay(1 * us), repeat(serial(delay(2 * us), delay(1 * us)), 2))))
    )
    assert [segment.start.tolist() for segment in outline.segments] == [[0.0], [0.0, 2 * us]]
