"""Compile once, bind many times: what is patched is what a fresh compile gives."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequences import (
    Envelope,
    Frame,
    MHz,
    Parameter,
    Sequence,
    Template,
    compile_sequence,
    delay,
    herald,
    ns,
    parallel,
    per_shot,
    readout,
    repeat,
    sequence,
    serial,
    us,
)
from sequences import attempt as attempt_loop
from sequences.errors import (
    CompileError,
    LimitError,
    NumberError,
    ParameterRangeError,
    ShotTimeError,
    UnboundParameterError,
)

wait = Parameter("wait", unit="s", low=0.0, high=1e-3)
phase = Parameter("phase", unit="turn", low=-2, high=2)
volts = Parameter("volts", unit="V", low=-20, high=20)
power = Parameter("power", low=0, high=2)


def everything(lab: Any) -> Sequence:
    """A sequence whose times, values, ramps, envelopes and frames depend on parameters, in three segments."""
    click = readout("click")
    frame = Frame(lab.tone, 80 * MHz)
    soft = Envelope(rise=0.4 * us)
    body = serial(
        lab.endcap.ramp(0.0, volts, 4 * us),
        delay(2 * us),
        frame.pulse(2 * us, power / 2, phase, soft),
        repeat(serial(lab.marker.pulse(1 * us), delay(wait), delay(1 * us)), 3),
        frame.shift(phase * 2),
        parallel(frame.pulse(4 * us, 0.25, 0.125), lab.endcap.ramp(volts, -volts / 2, 4 * us)),
        attempt_loop(
            serial(lab.apd.gate(1 * us, click), delay(wait)), until=herald(click), maximum=5, timeout=50 * us
        ),
    )
    return sequence("everything", body)


VALUES = st.fixed_dictionaries(
    {
        "wait": st.integers(0, 100).map(lambda n: n * 8 * ns),
        "phase": st.floats(-1, 1),
        "volts": st.floats(-9, 9),
        "power": st.floats(0, 1),
    }
)


@settings(max_examples=30, deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=6))
def test_what_is_patched_is_what_is_compiled_anew(lab: Any, points: list[dict[str, float]]) -> None:
    whole = everything(lab)
    template = Template(whole, lab.target)
    for values in points:
        assert template.bind(values) == compile_sequence(whole, lab.target, values)


def test_only_what_depends_on_a_parameter_is_computed_again(lab: Any) -> None:
    template = Template(everything(lab), lab.target)
    values = {"wait": 0.8 * us, "phase": 0.0, "volts": 1.0, "power": 0.5}
    first = list(template.bind(values).timelines())
    second = list(template.bind({**values, "phase": 0.25}).timelines())
    assert [one.time is two.time for one, two in zip(first, second, strict=True)] == [True] * 4
    assert [one.value is two.value for one, two in zip(first, second, strict=True)] == [
        False,
        True,
        False,
        True,
    ]
    third = list(template.bind({**values, "volts": 1.0}).timelines())
    assert third == first


def test_programs_that_were_bound_before_stay_as_they_are(lab: Any) -> None:
    template = Template(everything(lab), lab.target)
    values = {"wait": 0.8 * us, "phase": 0.0, "volts": 1.0, "power": 0.5}
    first = template.bind(values)
    copy = compile_sequence(template.sequence, lab.target, values)
    template.bind({**values, "phase": 0.5, "wait": 8 * ns})
    assert first == copy


def test_a_point_with_a_mistake_does_not_spoil_the_next(lab: Any) -> None:
    template = Template(everything(lab), lab.target)
    good = {"wait": 0.8 * us, "phase": 0.0, "volts": 1.0, "power": 0.5}
    for bad, error in (
        ({"wait": 2.0}, ParameterRangeError),
        ({"wait": 0.3 * ns}, CompileError),
        ({"volts": 15.0}, CompileError),
        ({"power": 1.9}, LimitError),
    ):
        with pytest.raises(error):
            template.bind({**good, **bad})
        assert template.bind(good) == compile_sequence(template.sequence, lab.target, good)
    with pytest.raises(UnboundParameterError):
        template.bind({"wait": 1 * us, "phase": 0.0, "volts": 1.0})


def test_limits_of_patched_values_are_told_at_their_lines(lab: Any) -> None:
    tone = lab.tone.pulse(1 * us, 80 * MHz, power)
    template = Template(sequence("s", tone), lab.target)
    template.bind({"power": 0.5})
    with pytest.raises(LimitError) as caught:
        template.bind({"power": 0.9})
    assert str(caught.value) == (
        f"{tone.source}: amplitude 0.9 on channel 'tone' is outside its limits 0 to 0.8"
    )


def test_values_of_shots_are_checked_all(lab: Any) -> None:
    tone = lab.tone.pulse(1 * us, 80 * MHz, per_shot([0.1, 0.9, 0.2]))
    with pytest.raises(LimitError, match=re.escape("amplitude 0.9 on channel 'tone'")):
        compile_sequence(sequence("s", tone), lab.target)


def test_arithmetic_joins_shots_and_parameters(lab: Any) -> None:
    ramp = lab.endcap.ramp(0.0, volts * per_shot([1.0, 2.0]), 2 * us)
    program = compile_sequence(sequence("s", ramp), lab.target, {"volts": 3.0})
    (changing,) = program.shot_values
    assert changing.values.tolist() == [[1.5, 3.0], [3.0, 6.0]]
    assert next(program.of_shot(1).timelines()).value.tolist() == [3.0, 6.0]


def test_shots_of_different_counts_repeat_each_in_its_own_time(lab: Any) -> None:
    tones = serial(
        lab.tone.pulse(4 * us, 80 * MHz, 0.5, per_shot([0.0, 0.5])),
        lab.tone.pulse(4 * us, 80 * MHz, 0.5, per_shot([0.0, 0.25, 0.75])),
    )
    program = compile_sequence(sequence("s", tones), lab.target)
    assert program.different_shots == 6
    phases = [next(program.of_shot(shot).timelines()).value[[1, 5]].tolist() for shot in range(6)]
    assert phases == [[0, 0], [0.5, 0.25], [0, 0.75], [0.5, 0], [0, 0.25], [0.5, 0.75]]


def test_arrays_of_different_lengths_do_not_join(lab: Any) -> None:
    pulse = lab.tone.pulse(4 * us, 80 * MHz, 0.5, per_shot([0.0, 0.5]) + per_shot([0.0, 0.1, 0.2]))
    with pytest.raises(NumberError, match="a value made of 2 and 3 values a shot is"):
        compile_sequence(sequence("s", pulse), lab.target)


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [[1.0]], ["a"]])
def test_values_of_shots_are_finite_numbers_in_a_row(values: Any) -> None:
    with pytest.raises(NumberError, match="the values of the shots is"):
        per_shot(values)


def test_a_time_cannot_change_from_shot_to_shot(lab: Any) -> None:
    pulse = lab.marker.pulse(per_shot([1 * us, 2 * us]))
    with pytest.raises(ShotTimeError) as caught:
        compile_sequence(sequence("s", pulse), lab.target)
    assert str(caught.value) == (
        f"{pulse.source}: the duration of the pulse on channel 'marker' changes from shot to shot, but all "
        "shots share one timeline; scan it as a parameter instead"
    )
