"""JSON and program are the same, in both directions, and every mistake in it is told where it is."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sequences import (
    AttemptLoop,
    Branch,
    Channel,
    Dispatcher,
    Herald,
    Kind,
    Label,
    Limit,
    MHz,
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
from sequences.targets.json_form import JsonFormError, parse_json, print_json, schema
from sequences.targets.json_form.schema import WORDS


def details(program: Program) -> list[Any]:
    """Return what equality leaves out."""
    timelines = list(program.timelines())
    return [program.sources, [(t.source.tolist(), t.labels) for t in timelines]]


def dtypes(timeline: Timeline) -> list[Any]:
    columns = (timeline.time, timeline.channel, timeline.operation, timeline.value, timeline.source)
    return [column.dtype for column in columns]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_json_and_program_are_the_same(random_programs: st.SearchStrategy[Program], data: Any) -> None:
    program = data.draw(random_programs)
    text = print_json(program)
    again = parse_json(text)
    assert again == program
    assert details(again) == details(program)
    for before, after in zip(program.timelines(), again.timelines(), strict=True):
        assert dtypes(after) == dtypes(before)
        assert after.value.tobytes() == before.value.tobytes()
    assert print_json(again) == text


def example() -> Program:
    """One of each construct, by hand."""
    target = Target(
        "demo lab",
        1 * ns,
        (
            Channel("shutter", Kind.TTL, 0, 1 * ns, pulse=10 * ns),
            Channel(
                "raman",
                Kind.DDS,
                1,
                4 * ns,
                600 * ns,
                limits=(
                    Limit(Quantity.FREQUENCY, 1 * MHz, 400 * MHz),
                    Limit(Quantity.AMPLITUDE, 0.0, math.inf),
                ),
                bus="urukul",
                programming=1.2 * us,
            ),
            Channel("endcap", Kind.DAC, 2, 8 * ns, spacing=1 * us, update=2 * us, slew=1e6),
            Channel("apd", Kind.COUNTER, 3, 1 * ns),
            Channel("remote", Kind.TRIGGER, 4, 1 * ns),
        ),
        Dispatcher(),
    )
    pulse = Timeline(
        2000,
        np.array([0, 0, 0, 0, 1000, 1000, 1500], dtype=np.int64),
        np.array([0, 1, 1, 1, 1, 3, 3], dtype=np.uint16),
        np.array([0, 1, 2, 3, 3, 5, 6], dtype=np.uint8),
        np.array([1, 80.1e6, 0.1 + 0.2, 1.0, 0.0, 1.0, 1.0]),
        np.array([0, 1, 1, 1, 1, 0, 0], dtype=np.uint32),
        (Label("photon", 0, 2000), Label("emission", 1000, 1000)),
    )
    rest = Timeline(
        10, *(np.empty(0, dtype) for dtype in (np.int64, np.uint16, np.uint8, np.float64, np.uint32))
    )
    both = Herald((0,)) & Herald((1,), 0, 0)
    attempt = AttemptLoop(None, both | Herald((0, 1), 2), (Play(pulse),), 10**6, 10, (Play(rest),))
    return Program(
        "one of each",
        (
            Wait(4, 20_000_000),
            RepeatLoop(3, (attempt,)),
            Branch(Herald((0,)), (Play(pulse),), ()),
        ),
        (ReadoutChannel("photon", 0, 3), ReadoutChannel("photon", 1, 3)),
        target,
        (Source("experiment.py", 7), Source("library.py", 12)),
        (ShotValues(0, np.array([2]), np.array([[0.0], [0.25], [0.5]])),),
    )


def test_golden(golden: Callable[[str, str], None]) -> None:
    text = print_json(example())
    golden("every_construct.json", text)
    assert parse_json(text) == example()


def test_other_programs_can_read_it() -> None:
    """Plain JSON: no constants of Python's, nothing but ASCII, channels and operations by name."""

    def refuse(name: str) -> None:
        raise AssertionError(name)

    text = print_json(example())
    tree = json.loads(text, parse_constant=refuse)
    assert text.isascii()
    assert tree["steps"][2]["then"][0]["events"][1] == [0, "raman", "frequency", 80.1e6, 1]
    assert tree["target"]["channels"][1]["limits"][1] == {"quantity": "amplitude", "low": 0.0, "high": None}


def test_the_schema_has_every_field_of_channels_and_dispatchers_and_every_operation() -> None:
    for form, kind in [(schema.Channel, Channel), (schema.Dispatcher, Dispatcher), (schema.Limit, Limit)]:
        assert [field.name for field in msgspec.structs.fields(form)] == [
            field.name for field in fields(kind)
        ]
    assert list(WORDS) == [operation.name.lower() for operation in Operation]


def test_names_that_are_no_unicode_are_kept() -> None:
    """A path may hold bytes that are no UTF-8; Python keeps them as lone surrogates."""
    program = replace(example(), sources=(Source("caf\udce9/übung.py", 1), Source("b.py", 2)))
    assert parse_json(print_json(program)).sources == program.sources


def test_what_is_not_finite_is_not_written() -> None:
    (timeline, *rest) = example().timelines()
    value = timeline.value.copy()
    value[1] = math.nan
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json(example().with_timelines([replace(timeline, value=value), *rest]))


def change(path: str, value: Any) -> Callable[[Any], None]:
    """Return what sets one value of the tree."""
    *way, last = [int(key) if key.isdecimal() else key for key in path.split(".")]

    def apply(tree: Any) -> None:
        for key in way:
            tree = tree[key]
        tree[last] = value

    return apply


PLAY = "steps.2.then.0"


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("format", "qasm", "at $.format: expected 'ionloom program', found 'qasm'"),
        ("version", 2, "at $.version: this ionloom reads version 1, and this is version 2"),
        ("name", 3, "at $.name: Expected `str`, got `int`"),
        ("colour", "red", "at $: Object contains unknown field `colour`"),
        ("target.period", 0.0, "at $.target: the period is 0.0 s; it must be more than zero"),
        ("target.channels.0.number", 1, "at $.target: 2 channels have the number 1"),
        ("target.channels.0.kind", "laser", "at $.target.channels[0].kind: Invalid enum value 'laser'"),
        (
            "readouts.0.channel",
            "adp",
            "at $.readouts[0].channel: unknown channel 'adp'; did you mean apd?",
        ),
        ("steps.0.step", "pause", "at $.steps[0].step: Invalid value 'pause'"),
        (
            "steps.0.channel",
            "remote_",
            "at $.steps[0].channel: unknown channel 'remote_'; did you mean remote?",
        ),
        ("steps.1.count", 0, "at $.steps[1].count: Expected `int` >= 1"),
        (
            "steps.1.steps.0.until.parts.0.parts.1.readouts",
            [2],
            "at $.steps[1].steps[0].until.parts[0].parts[1].readouts: the program has no readout 2",
        ),
        (f"{PLAY}.events.1.2", "freq", "at $.steps[2].then[0].events[1][2]: Invalid enum value 'freq'"),
        (f"{PLAY}.events.1.0", 0.5, "at $.steps[2].then[0].events[1][0]: Expected `int`, got `float`"),
        (
            f"{PLAY}.events.4.0",
            1001,
            "at $.steps[2].then[0].events[5]: time 1000 comes after 1001; sort the events by time",
        ),
        (f"{PLAY}.events.5.3", 2, "at $.steps[2].then[0].events[5]: the program has no readout 2"),
        (f"{PLAY}.events.5.3", 0.5, "at $.steps[2].then[0].events[5]: the program has no readout 0.5"),
        (f"{PLAY}.events.0.4", 2, "at $.steps[2].then[0].events[0]: the program has no source 2"),
        (f"{PLAY}.events.0.1", "mist", "at $.steps[2].then[0].events[0]: unknown channel 'mist'; known:"),
        ("shot_values.0.timeline", 3, "at $.shot_values[0].timeline: the program has no timeline 3"),
        ("shot_values.0.rows", [7], "at $.shot_values[0].rows: timeline 0 has no event 7"),
        (
            "shot_values.0.values",
            [[1.0], []],
            "at $.shot_values[0].values: expected one list or more, each with 1 numbers, one for each row",
        ),
        (
            "shot_values.0.values",
            [],
            "at $.shot_values[0].values: expected one list or more, each with 1 numbers, one for each row",
        ),
    ],
)
def test_mistakes_are_told_where_they_are(path: str, value: Any, told: str) -> None:
    tree = json.loads(print_json(example()))
    change(path, value)(tree)
    with pytest.raises(JsonFormError) as caught:
        parse_json(json.dumps(tree))
    assert str(caught.value).startswith(f"program JSON, {told}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1, column 1: no JSON: Expecting value"),
        ('{\n  "format": }', "line 2, column 13: no JSON: Expecting value"),
        ("[]", "at $.format: expected 'ionloom program', found None"),
        ("[" * 100_000, "at the top: too many lists or objects within each other"),
        ('{"format": NaN}', "at NaN: this is no JSON number; all numbers are finite"),
        ('{"format": -1e999}', "at -1e999: this number is too large for a float"),
        ('{"format": "ionloom program", "version": 1}', "at $: Object missing required field `name`"),
    ],
)
def test_what_is_no_program_is_refused(text: str, told: str) -> None:
    with pytest.raises(JsonFormError) as caught:
        parse_json(text)
    assert str(caught.value) == f"program JSON, {told}"
