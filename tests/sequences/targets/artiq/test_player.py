"""Generated experiments: valid, deterministic, and played for real on an imitated core."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from imitated_artiq import Core, UnderflowError, run_player
from kasli_bench import make_kasli, make_timeline, tone_rows

from sequences import (
    AttemptLoop,
    Branch,
    Dispatcher,
    Herald,
    Kind,
    Operation,
    Play,
    Program,
    ReadoutChannel,
    RepeatLoop,
    ShotValues,
    Wait,
)
from sequences.targets.artiq import Kasli, print_player, record_program
from sequences.targets.artiq.errors import PlayerError

LEVEL, OPEN, CLOSE, AMPLITUDE = Operation.LEVEL, Operation.OPEN, Operation.CLOSE, Operation.AMPLITUDE
LINE = 4 << 8
REACTION = 5104  # mu: 104 for the gate, 1 us to decide, 4 us to begin a playback
SEEN, UNSEEN = Herald((0,)), Herald((0,), 0, 0)


def gate(
    start: int = 800, stop: int = 1600, duration: int = 2000, row: int = 0, channel: str = "apd"
) -> Play:
    """A short pulse of the line at the start, and a gate."""
    return Play(
        make_timeline(
            duration,
            (0, "line", LEVEL, 1),
            (40, "line", LEVEL, 0),
            (start, channel, OPEN, row),
            (stop, channel, CLOSE, row),
        )
    )


def mark(duration: int = 1000, at: int = 0) -> Play:
    """A pulse of the line, twice as long as that of a gate."""
    return Play(make_timeline(duration, (at, "line", LEVEL, 1), (at + 80, "line", LEVEL, 0)))


def program(
    *steps: Any, channels: tuple[int, ...] = (10,), kasli: Kasli | None = None, **more: Any
) -> Program:
    readouts = tuple(ReadoutChannel("click", row, channel) for row, channel in enumerate(channels))
    return Program("some shots", steps, readouts, (kasli or make_kasli()).target, **more)


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, kasli: Kasli) -> Callable[..., tuple[Core, dict[str, Any]]]:
    """Execute the player of a program.

    Its counters answer with `clicks` one after the other, then with nothing; its inputs see `edges`.
    """

    def played(
        program: Program, clicks: tuple[int, ...] = (), edges: tuple[int, ...] = (), shots: int = 1
    ) -> tuple[Core, dict[str, Any]]:
        def answer(channel: int, number: int) -> int:
            return clicks[number] if number < len(clicks) else 0

        def seen(channel: int, start: int) -> list[int]:
            return list(edges)

        return run_player(print_player(program, kasli), monkeypatch, answer, seen, shots)

    return played


Played = Callable[..., tuple[Core, dict[str, Any]]]


def rises(core: Core) -> list[int]:
    """When the line rises, from its first pulse on."""
    times = [time for time, target, data in core.outputs if target == LINE and data]
    return [time - times[0] for time in times]


def whole() -> Program:
    """A program with everything that a player can play."""
    tone = make_timeline(
        10_000,
        *tone_rows(4000, "tracked", 80e6, 0.25, 0.5),
        (5000, "tracked", AMPLITUDE, 0),
        (4000, "apd", OPEN, 0),
        (5600, "apd", CLOSE, 0),
        (4000, "edges", OPEN, 1),
        (5600, "edges", CLOSE, 1),
        (0, "camera", OPEN, 2),
        (900, "camera", CLOSE, 2),
    )
    condition = SEEN & Herald((0, 1), 1, 2) | Herald((1,), 0, 0)
    return program(
        Wait(12, 20_000_000),
        mark(),
        AttemptLoop(100, condition, (Play(tone),), timeout=10**7, every=3, between=(mark(),)),
        Branch(SEEN, (mark(),), (gate(), mark())),
        RepeatLoop(4, (gate(), Branch(UNSEEN, (mark(),), ()))),
        channels=(10, 11, 1),
    )


def test_golden_text(golden: Callable[[str, str], None]) -> None:
    golden("artiq_player.txt", print_player(whole(), make_kasli()))


def test_text_is_valid_and_the_same_every_time() -> None:
    text = print_player(whole(), make_kasli())
    assert text == print_player(whole(), make_kasli())
    (found,) = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    assert found.name == "SomeShots"


@pytest.mark.parametrize(
    ("name", "kind"), [("10 ions", "Program10Ions"), ("", "Program"), ('a """ b\n', "AB"), ("x_y", "XY")]
)
def test_any_name_makes_a_class(name: str, kind: str) -> None:
    kasli = make_kasli()
    text = print_player(Program(name, (mark(),), (), kasli.target), kasli)
    (found,) = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    assert found.name == kind


def test_straight_timelines_are_exact(play: Played) -> None:
    core, datasets = play(program(mark(900), mark(), gate(duration=2400), mark()), clicks=(7,))
    assert rises(core) == [0, 900, 1900, 4300]
    assert datasets["click"].tolist() == [[7]]
    first = core.starts[0][0]
    assert first >= 1_000_003 + 125_000
    assert first % 8 == 0


def test_what_is_played_is_what_was_recorded(play: Played, kasli: Kasli) -> None:
    shot = program(gate(), RepeatLoop(3, (mark(1600),)), gate())
    core, _ = play(shot)
    recording = record_program(shot, kasli)
    order = [recording.traces[trace] for trace in recording.slots[0][[0, 1, 2, 2, 3]]]
    expected, start = [], core.starts[0][0]
    for trace in order:
        columns = trace.events.timestamp.tolist(), trace.events.targets.tolist(), trace.events.data.tolist()
        expected += [(start + time, *rest) for time, *rest in zip(*columns, strict=True)]
        start += trace.events.duration
    assert core.outputs == expected


def test_words_before_the_start_are_played_before_it(play: Played) -> None:
    early = make_timeline(9000, *tone_rows(0, "tone", 80e6), (0, "line", LEVEL, 1))
    core, _ = play(program(Play(early)))
    times = [time for time, *_ in core.outputs]
    (start,) = [time for time, target, _ in core.outputs if target == LINE]
    assert min(times) == start - 1248
    assert core.starts[0][0] == start - 1248


def test_repeats_add_their_counts(play: Played) -> None:
    core, datasets = play(program(RepeatLoop(5, (gate(duration=12_000),))), clicks=(1, 2, 3, 4, 5))
    assert rises(core) == [0, 12_000, 24_000, 36_000, 48_000]
    assert datasets["click"].tolist() == [[15]]


def test_counts_wait_until_there_is_no_room_for_more(play: Played) -> None:
    """The imitated core fails if more than 64 are kept, or if waiting for one makes the next pass late."""
    core, datasets = play(program(RepeatLoop(500, (gate(4400, 5200, 5400),))), clicks=(1,) * 500)
    assert np.unique(np.diff(rises(core))).tolist() == [5400]
    assert datasets["click"].tolist() == [[500]]


def test_attempts_end_with_the_herald(play: Played) -> None:
    loop = AttemptLoop(50, SEEN, (gate(duration=12_000),))
    core, datasets = play(program(loop, mark()), clicks=(0, 0, 2, 9))
    assert rises(core) == [0, 12_000, 24_000, 36_000]
    assert datasets["attempts"].tolist() == [[3]]
    assert datasets["heralded"].tolist() == [[1]]
    assert datasets["click"].tolist() == [[2]]


def test_attempts_pause_for_the_decision(play: Played) -> None:
    """A gate at the end of a short attempt: the next begins a fixed time after it."""
    core, _ = play(program(AttemptLoop(4, SEEN, (gate(),)), mark()))
    pitch = 1600 + REACTION
    assert rises(core) == [0, pitch, 2 * pitch, 3 * pitch, 4 * pitch]


def test_attempts_end_at_their_maximum(play: Played) -> None:
    _, datasets = play(program(AttemptLoop(4, SEEN, (gate(),))))
    assert (datasets["attempts"].tolist(), datasets["heralded"].tolist()) == ([[4]], [[0]])


def test_attempts_end_at_their_timeout(play: Played) -> None:
    loop = AttemptLoop(None, SEEN, (gate(duration=10_000),), timeout=35_000)
    core, datasets = play(program(loop, mark()))
    assert rises(core) == [0, 10_000, 20_000, 30_000, 40_000]
    assert datasets["attempts"].tolist() == [[4]]
    _, datasets = play(program(AttemptLoop(None, SEEN, loop.steps, timeout=30_000)))
    assert datasets["attempts"].tolist() == [[3]]


def test_cooling_after_every_few_failures(play: Played) -> None:
    loop = AttemptLoop(7, SEEN, (gate(duration=10_000),), every=2, between=(mark(5000),))
    core, _ = play(program(loop, mark()))
    pair = [10_000, 10_000, 5000]
    assert np.diff(rises(core)).tolist() == [*pair, *pair, *pair, 10_000]
    # none after the last failure, nor after a success
    core, _ = play(program(AttemptLoop(4, SEEN, loop.steps, every=2, between=(mark(5000),))))
    assert len(rises(core)) == 5
    core, _ = play(program(AttemptLoop(9, SEEN, loop.steps, every=2, between=(mark(5000),))), clicks=(0, 1))
    assert len(rises(core)) == 2


def test_what_is_counted_between_attempts_is_no_herald(play: Played) -> None:
    loop = AttemptLoop(3, SEEN, (gate(duration=10_000),), every=1, between=(gate(duration=10_000),))
    _, datasets = play(program(loop), clicks=(0, 5, 0, 5, 0))
    assert (datasets["attempts"].tolist(), datasets["heralded"].tolist()) == ([[3]], [[0]])
    assert datasets["click"].tolist() == [[10]]


def test_heralds_of_several_gates(play: Played) -> None:
    both = Play(
        make_timeline(
            10_000,
            (800, "apd", OPEN, 0),
            (1600, "apd", CLOSE, 0),
            (2400, "apd", OPEN, 1),
            (3200, "apd", CLOSE, 1),
        )
    )
    one_only = Herald((0,)) & Herald((1,), 0, 0) | Herald((0, 1), 5, 5)
    shot = program(AttemptLoop(9, one_only, (both,)), channels=(10, 10))
    for clicks, attempts in (((1, 0), 1), ((1, 1, 0, 0, 2, 0), 3), ((0, 0, 2, 3), 2), ((3, 3, 0, 5), 2)):
        _, datasets = play(shot, clicks=clicks)
        assert datasets["attempts"].tolist() == [[attempts]]
        assert datasets["click"].tolist() == [[sum(clicks[::2]), sum(clicks[1::2])]]


def test_branches_go_two_ways(play: Played) -> None:
    shot = program(gate(duration=20_000), Branch(SEEN, (mark(100),), (mark(200), mark(300))), mark())
    core, _ = play(shot, clicks=(1,))
    assert rises(core) == [0, 20_000, 20_100]
    core, _ = play(shot, clicks=(0,))
    assert rises(core) == [0, 20_000, 20_200, 20_500]
    empty = program(gate(duration=20_000), Branch(UNSEEN, (), (mark(200),)), Branch(SEEN, (mark(),), ()))
    core, _ = play(empty, clicks=(3,))
    assert rises(core) == [0, 20_000, 20_200]
    core, _ = play(empty)
    assert rises(core) == [0]


def test_branches_in_a_loop_see_the_pass(play: Played) -> None:
    body = (gate(duration=20_000), Branch(SEEN, (mark(),), ()))
    core, _ = play(program(RepeatLoop(4, body)), clicks=(0, 1, 0, 1))
    assert rises(core) == [0, 20_000, 40_000, 41_000, 61_000, 81_000]
    shot = program(
        gate(duration=20_000), RepeatLoop(2, (Branch(SEEN, (mark(),), ()),)), Branch(SEEN, (mark(),), ())
    )
    core, _ = play(shot, clicks=(1,))
    assert rises(core) == [0, 20_000]


def test_loops_in_loops(play: Played) -> None:
    inner = AttemptLoop(3, SEEN, (gate(duration=10_000),))
    outer = AttemptLoop(4, Herald((0,), 2), (inner, gate(duration=10_000)))
    core, datasets = play(program(outer), clicks=(0, 1, 0, 0, 0, 0, 0, 1, 1))
    assert len(core.starts) == 9
    assert datasets["attempts"].tolist() == [[3, 2 + 3 + 1]]
    assert datasets["heralded"].tolist() == [[1, 2]]


def test_edges_are_counted_one_by_one(play: Played) -> None:
    """Also of gates back to back, where the edges of the next are there before it is read."""
    twice = Play(
        make_timeline(
            10_000,
            (800, "edges", OPEN, 0),
            (1600, "edges", CLOSE, 0),
            (2400, "edges", OPEN, 1),
            (3200, "edges", CLOSE, 1),
        )
    )
    shot = program(twice, RepeatLoop(3, (mark(20_000),)), channels=(11, 11))
    _, datasets = play(shot, edges=(0, 10, 799, 800, 900))
    assert datasets["click"].tolist() == [[3, 3]]


def test_waits_start_at_the_edge(play: Played) -> None:
    core, datasets = play(program(mark(), Wait(12, 50_000), mark()), edges=(12_345, 12_400))
    opened = next(time for time, target, data in core.outputs if target == (52 << 8 | 2) and data)
    closed = next(time for time, target, data in core.outputs if target == (52 << 8 | 2) and not data)
    first = core.outputs[0][0]
    edge = opened + 12_345
    assert (opened - first, closed - edge) == (1000, REACTION)
    assert 0 <= first + rises(core)[1] - edge - REACTION < 8
    assert datasets["timeouts"].tolist() == [[0]]


def test_waits_that_nobody_ends(play: Played) -> None:
    core, datasets = play(program(mark(), Wait(12, 50_000), mark()), edges=(50_001,), shots=2)
    assert rises(core)[1] == 1000 + 50_000 + REACTION
    assert datasets["timeouts"].tolist() == [[1], [1]]


def test_shots_play_their_own_values(play: Played, kasli: Kasli) -> None:
    timeline = make_timeline(9000, *tone_rows(4000, "tone", 80e6), (5000, "tone", AMPLITUDE, 0))
    values = ShotValues(0, np.array([1]), np.array([[0.0], [0.25], [0.5]]))
    core, _ = play(program(Play(timeline), shot_values=(values,)), shots=5)
    uppers = [data & 0xFFFF for _, target, data in core.outputs if target == 20 << 8][1::3]
    assert uppers == [0, 0x4000, 0x8000, 0, 0x4000]


def test_shots_do_not_mix(play: Played) -> None:
    shot = program(gate(duration=20_000), Branch(SEEN, (mark(10**6),), ()))
    core, datasets = play(shot, clicks=(1, 0, 4), shots=3)
    assert datasets["click"].tolist() == [[1], [0], [4]]
    assert len(core.starts) == 5
    starts = [start for start, name in core.starts if name == "ionloom_0"]
    assert starts[1] - starts[0] >= 20_000 + 10**6


def test_a_slower_core_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the target's dispatcher promises too much, the core raises; nothing is played late."""
    fast = Dispatcher(decision=0.0, playback=0.0)
    kasli = make_kasli()
    kasli = Kasli(replace(kasli.target, dispatcher=fast), kasli.devices)
    text = print_player(program(AttemptLoop(4, SEEN, (gate(),)), kasli=kasli), kasli)
    with pytest.raises(UnderflowError):
        run_player(text, monkeypatch, lambda *_: 0, lambda *_: [], 1)


def test_cameras_decide_nothing(kasli: Kasli) -> None:
    shown = Play(make_timeline(2000, (0, "camera", OPEN, 0), (900, "camera", CLOSE, 0)))
    shot = program(AttemptLoop(4, SEEN, (shown,)), channels=(1,))
    assert kasli.target.by_number[1].kind is Kind.CAMERA
    with pytest.raises(PlayerError) as caught:
        print_player(shot, kasli)
    assert str(caught.value) == (
        "program 'some shots' cannot be played by an ARTIQ core: a decision needs click[0], which 'camera' "
        "records; the core can only decide on what its own counters count"
    )


def test_camera_readouts_are_no_dataset(play: Played) -> None:
    shown = Play(make_timeline(2000, (0, "camera", OPEN, 0), (900, "camera", CLOSE, 0)))
    core, datasets = play(program(shown, channels=(1,)))
    assert sorted(datasets) == ["timeouts"]
    assert [(target, data) for _, target, data in core.outputs] == [(5 << 8, 1), (5 << 8, 0)]
