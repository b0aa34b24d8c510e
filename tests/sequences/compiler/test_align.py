from typing import Any

from sequences import MHz, ns, parallel, repeat, sequence, serial, us
from sequences.compiler.align import align
from sequences.compiler.bind import Binding
from sequences.compiler.expand import expand
from sequences.compiler.place import place
from sequences.compiler.quantize import quantize
from sequences.compiler.stages import Outline, Schedule
from sequences.ir import Block


def aligned(lab: Any, body: Block) -> Outline[Schedule]:
    return align(quantize(place(expand(sequence("s", body)), Binding({})), lab.target), lab.target)


def test_fast_channels_wait_for_the_slowest(lab: Any) -> None:
    block = parallel(
        lab.shutter.pulse(4 * us),
        lab.tone.pulse(4 * us, 80 * MHz, 0.5),
        lab.endcap.ramp(0.0, 1.0, 4 * us),
    )
    schedule = aligned(lab, block).segments[0]
    assert schedule.start.tolist() == [600, 0, 400]
    assert schedule.stop.tolist() == [4600, 4000, 4400]
    assert schedule.shift.tolist() == [600, 0, 400]
    assert schedule.length == 4000


def test_light_is_simultaneous_within_half_a_step_of_the_grid(lab: Any) -> None:
    schedule = aligned(lab, lab.second_tone.pulse(4 * us, 80 * MHz)).segments[0]
    arrival = schedule.start[0] * 1 * ns + 101 * ns
    assert schedule.start[0] % 4 == 0
    assert abs(arrival - lab.target.lead) <= 2 * ns


def test_every_segment_is_shifted_alike(lab: Any) -> None:
    pulse = lab.shutter.pulse(1 * us)
    outline = aligned(lab, serial(pulse, repeat(pulse, 3), pulse))
    assert [schedule.start.tolist() for schedule in outline.segments] == [[600]] * 3
    assert [schedule.length for schedule in outline.segments] == [1000] * 3
