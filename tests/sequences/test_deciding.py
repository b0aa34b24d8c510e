"""Loops, branches, waits and subsequences: what can be wrong with them is told where they are written."""

from __future__ import annotations

from typing import Any

import pytest

from sequences import (
    Block,
    Channel,
    Detector,
    Kind,
    Target,
    Trigger,
    at,
    attempt,
    branch,
    compile_sequence,
    delay,
    herald,
    named,
    parallel,
    readout,
    repeat,
    sequence,
    serial,
    subsequence,
    us,
)
from sequences.errors import (
    BranchError,
    ChannelKindError,
    DurationError,
    PartError,
    RecursiveError,
    SeamError,
)
from sequences.program import AttemptLoop, Branch, Play, Wait

CLICK = readout("click")
OTHER = readout("other")


def ending(error: pytest.ExceptionInfo[Exception]) -> str:
    return str(error.value).partition(": ")[2]


def test_a_loop_has_an_end(lab: Any) -> None:
    with pytest.raises(DurationError) as caught:
        attempt(lab.apd.gate(1 * us, CLICK), until=herald(CLICK))
    assert ending(caught) == (
        "the end of the attempt loop is open; it must be set by a maximum, a timeout or both"
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"timeout": 0.0}, "the time-out of the attempt is 0 s; it must be more than zero"),
        ({"every": 3}, "what is played between attempts is missing; it must be given with `every`"),
        ({"between": delay(1.0)}, "every (failed attempts before `between` is played) is 0; it must be"),
    ],
)
def test_options_of_a_loop_belong_together(lab: Any, options: Any, text: str) -> None:
    with pytest.raises(DurationError) as caught:
        attempt(lab.apd.gate(1 * us, CLICK), until=herald(CLICK), maximum=5, **options)
    assert ending(caught).startswith(text)


@pytest.mark.parametrize(("low", "high", "text"), [(1, 0, "the most clicks"), (-1, 3, "the number of")])
def test_counts_of_heralds_make_sense(lab: Any, low: int, high: int, text: str) -> None:
    with pytest.raises(DurationError, match=text):
        branch(herald(CLICK, at_least=low, at_most=high), delay(1 * us))


def test_patterns_are_put_together(lab: Any) -> None:
    only = herald(CLICK) & herald(OTHER, at_least=0, at_most=0)
    either = only | herald(OTHER, at_least=2)
    assert [h.readouts for h in either.heralds()] == [(CLICK,), (OTHER,), (OTHER,)]
    assert (only & herald(CLICK)).parts == (*only.parts, herald(CLICK))


def test_a_branch_asks_for_what_was_recorded_before_it(lab: Any) -> None:
    gate, choice = lab.apd.gate(1 * us, CLICK), branch(herald(OTHER), delay(1 * us))
    with pytest.raises(BranchError) as caught:
        compile_sequence(sequence("s", serial(gate, choice, lab.apd.gate(1 * us, OTHER))), lab.target)
    assert str(caught.value) == (
        f"{choice.source}: the branch asks for clicks in other[0], "
        "but what is played before it records click[0]"
    )


def test_a_branch_and_a_wait_are_steps_of_the_program() -> None:
    channels = Channel("mains", Kind.TRIGGER, 7, 1e-9), Channel("apd", Kind.COUNTER, 0, 1e-9)
    target = Target("lab", 1e-9, channels)
    apd = Detector.of(target, "apd")
    body = serial(
        Trigger.of(target, "mains").wait(20_000 * us),
        apd.gate(1 * us, CLICK),
        branch(herald(CLICK), delay(2 * us), delay(3 * us)),
        branch(herald(CLICK), apd.gate(1 * us, OTHER)),
    )
    program = compile_sequence(sequence("s", body), target)
    assert [type(step) for step in program.steps] == [Wait, Play, Branch, Branch]
    assert program.steps[0] == Wait(7, 20_000_000)
    assert [timeline.duration for timeline in program.timelines()] == [1000, 2000, 3000, 1000]
    assert program.steps[3].otherwise == ()  # type: ignore[union-attr]
    assert (program.duration(heralded=True), program.duration(heralded=False)) == (3000, 20_000_000 + 5000)


def test_an_attempt_keeps_what_is_between(lab: Any) -> None:
    loop = attempt(
        serial(lab.apd.gate(1 * us, CLICK), delay(1 * us)),
        until=herald(CLICK),
        maximum=10,
        timeout=9 * us,
        every=3,
        between=delay(4 * us),
    )
    program = compile_sequence(sequence("s", loop), lab.target)
    (step,) = program.steps
    assert isinstance(step, AttemptLoop)
    assert (step.maximum, step.timeout, step.every, len(step.between)) == (10, 9000, 3, 1)
    assert program.duration(heralded=True) == 2000
    assert program.duration(heralded=False) == 9000 + 2000 + 4000


@pytest.mark.parametrize("kind", ["at", "parallel", "branch", "wait"])
def test_seams_stand_beside_nothing(lab: Any, kind: str) -> None:
    seams = {
        "at": repeat(delay(1 * us), 2),
        "parallel": attempt(lab.apd.gate(1 * us, CLICK), until=herald(CLICK), maximum=2),
        "branch": branch(herald(CLICK), delay(1 * us)),
        "wait": Trigger(Channel("mains", Kind.TRIGGER, 99, 1e-9)).wait(1.0),
    }
    seam = seams[kind]
    with pytest.raises(SeamError) as caught:
        at(1 * us, seam) if kind == "at" else parallel(serial(delay(1 * us), named("x", seam)), delay(1 * us))
    names = {"at": "repeat", "parallel": "attempt", "branch": "branch", "wait": "wait"}
    assert f"the {names[kind]} at {seam.source}" in str(caught.value)


def test_only_triggers_are_waited_for(lab: Any) -> None:
    with pytest.raises(ChannelKindError, match="channel 'shutter' is a ttl channel: it cannot"):
        Trigger.of(lab.target, "shutter")


def test_a_subsequence_bears_its_name(lab: Any) -> None:
    @subsequence
    def flash(times: int) -> Block:
        """Blink."""
        return serial(*[lab.marker.pulse(1 * us)] * times)

    block = flash(3)
    assert (block.name, flash.__doc__) == ("flash", "Blink.")
    (timeline,) = compile_sequence(sequence("s", serial(delay(1 * us), block)), lab.target).timelines()
    assert [(label.name, label.start, label.stop) for label in timeline.labels] == [("flash", 1000, 4000)]


def test_a_subsequence_with_a_loop_keeps_its_name_beside_the_loop(lab: Any) -> None:
    @subsequence
    def twice() -> Block:
        return serial(delay(2 * us), repeat(delay(1 * us), 2), delay(3 * us))

    program = compile_sequence(sequence("s", twice()), lab.target)
    assert [[label.name for label in t.labels] for t in program.timelines()] == [["twice"], [], ["twice"]]


def test_a_subsequence_that_calls_itself_is_told() -> None:
    @subsequence
    def even() -> Block:
        return odd()

    @subsequence
    def odd() -> Block:
        return even()

    with pytest.raises(RecursiveError) as caught:
        even()
    assert ending(caught) == (
        "the subsequence calls itself: even -> odd -> even; hardware cannot play that: "
        "use repeat() or a loop of Python's with an end"
    )
    with pytest.raises(RecursiveError, match="odd -> even -> odd"):
        odd()


NO_BLOCKS: list[Any] = [
    lambda: at(1 * us, None),  # type: ignore[arg-type]
    lambda: named("x", 3),  # type: ignore[arg-type]
    lambda: branch(herald(CLICK), []),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("write", NO_BLOCKS)
def test_what_is_no_block_is_refused(write: Any) -> None:
    with pytest.raises(PartError, match="takes blocks such as pulses, ramps and gates, but was given"):
        write()
