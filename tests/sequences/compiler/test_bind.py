import math
from typing import Any

import pytest

from sequences import (
    MHz,
    Parameter,
    Target,
    attempt,
    delay,
    herald,
    parallel,
    readout,
    repeat,
    sequence,
    serial,
    us,
)
from sequences.compiler import compile_sequence
from sequences.conditions import Herald
from sequences.errors import (
    CompileError,
    DurationError,
    HeraldError,
    NumberError,
    ParameterRangeError,
    UnboundParameterError,
    UnknownParameterError,
)
from sequences.ir import Attempt, Delay, Repeat, Sequence

LAB = Target("lab", 1e-9, ())
time = Parameter("time", unit="s", low=0.0, high=1e-3)
phase = Parameter("phase", unit="turn")
click = readout("click")


def test_every_expression_becomes_its_number(lab: Any) -> None:
    open_ = serial(
        delay(time / 2),
        parallel(lab.tone.pulse(time, 80 * MHz, 0.5, phase + 0.25), lab.endcap.ramp(0.0, phase, 2 * time)),
        repeat(serial(delay(time), lab.endcap.set(-phase)), 3),
        attempt(lab.apd.gate(time, click), until=herald(click), maximum=2, timeout=3 * time),
    )
    closed = serial(
        delay(2 * us),
        parallel(lab.tone.pulse(4 * us, 80 * MHz, 0.5, 0.75), lab.endcap.ramp(0.0, 0.5, 8 * us)),
        repeat(serial(delay(4 * us), lab.endcap.set(-0.5)), 3),
        attempt(lab.apd.gate(4 * us, click), until=herald(click), maximum=2, timeout=12 * us),
    )
    bound = compile_sequence(sequence("s", open_), lab.target, {"time": 4 * us, "phase": 0.5})
    assert bound == compile_sequence(sequence("s", closed), lab.target)


def test_a_parameter_without_a_value_is_told_once_where_it_is_used_first() -> None:
    first = delay(time)
    with pytest.raises(UnboundParameterError) as caught:
        compile_sequence(sequence("s", serial(first, delay(time), delay(time + 1))), LAB, {})
    assert str(caught.value) == f"{first.source}: parameter 'time' has no value"


def test_a_value_for_no_parameter_is_told_at_the_compiling_line(lab: Any) -> None:
    with pytest.raises(UnknownParameterError) as caught:
        compile_sequence(sequence("s", delay(time)), lab.target, {"time": 1 * us, "tme": 1.0})
    assert caught.value.source.file == __file__
    assert str(caught.value).endswith(": the sequence has no parameter 'tme'; did you mean time?")


@pytest.mark.parametrize(("value", "shown"), [(2.0, "2 s"), (math.nan, "nan s"), (math.inf, "inf s")])
def test_a_value_outside_of_its_limits_is_told(value: float, shown: str) -> None:
    block = delay(time)
    with pytest.raises(ParameterRangeError) as caught:
        compile_sequence(sequence("s", block), LAB, {"time": value})
    assert str(caught.value) == (
        f"{block.source}: parameter 'time' = {shown} is outside its limits 0 s to 1 ms"
    )


def test_durations_are_checked_once_they_are_known(lab: Any) -> None:
    pulse, pause, ratio = lab.shutter.pulse(time), delay(time - 1 * us), lab.marker.pulse(1 / phase)
    with pytest.raises(CompileError) as caught:
        compile_sequence(sequence("s", serial(pulse, pause, ratio)), LAB, {"time": 0.0, "phase": 0.0})
    assert [type(problem) for problem in caught.value.problems] == [DurationError, DurationError, NumberError]
    assert str(caught.value) == "\n".join(
        [
            "3 problems in the sequence:",
            f"  {pulse.source}: the duration of the pulse on channel 'shutter' is 0 s; "
            "it must be more than zero",
            f"  {pause.source}: the duration of the delay is -1 us; it must be zero or more",
            f"  {ratio.source}: the duration of the pulse on channel 'marker' is nan; "
            "it must be a finite number in SI units or an expression of parameters",
        ]
    )


def test_all_problems_are_told_together(lab: Any) -> None:
    body = serial(lab.tone.pulse(time, 80 * MHz, 0.5, phase), delay(Parameter("other")))
    with pytest.raises(CompileError) as caught:
        compile_sequence(sequence("s", body), LAB, {"time": 1.0, "odd": 3.0})
    kinds = [type(problem) for problem in caught.value.problems]
    assert kinds == [UnknownParameterError, ParameterRangeError, UnboundParameterError, UnboundParameterError]


def test_loops_that_are_built_by_hand_are_checked_too(lab: Any) -> None:
    with pytest.raises(DurationError, match="the count of the repeat is 0; it must be a whole number"):
        compile_sequence(Sequence("s", Repeat(Delay(1.0), 0), (), ()), LAB, {})
    with pytest.raises(HeraldError, match=r"waits for clicks in click\[0\], but its body records nothing"):
        compile_sequence(Sequence("s", Attempt(Delay(1.0), Herald((click,)), 3), (), ()), LAB, {})
