"""What becomes of writes at their channels."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware_sim.rtio.events import Outcome
from hardware_sim.rtio.output import NOBODY, Arrivals, OutputStage, Rule, rules_of

LINE, TONE, DAC = 1, 2, 3
RULES = {LINE: Rule(True, 0), TONE: Rule(True, 20), DAC: Rule(False, 100)}


def arrivals(*rows: tuple[int, int, int]) -> Arrivals:
    """Writes of (tick, channel, address), named 0, 1, 2 ..."""
    time, channel, address = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    names = np.arange(len(rows))
    return Arrivals(time, channel, address, names, np.zeros_like(names))


def settle(stage: OutputStage, until: int | None = None) -> dict[int, tuple[Outcome, int, int]]:
    """Name of a write -> outcome, other, short."""
    settled = stage.settle(until)
    columns = (settled.arrivals.write, settled.outcome, settled.other, settled.short)
    return {
        name: (Outcome(outcome), other, short)
        for name, outcome, other, short in zip(*(column.tolist() for column in columns), strict=True)
    }


def settle_all(*rows: tuple[int, int, int]) -> dict[int, tuple[Outcome, int, int]]:
    stage = OutputStage(RULES, 8)
    stage.add(arrivals(*rows))
    return settle(stage)


PLAYED = (Outcome.PLAYED, NOBODY, 0)


def test_on_and_off_at_one_tick_is_off() -> None:
    assert settle_all((8, LINE, 0), (8, LINE, 0)) == {0: (Outcome.REPLACED, NOBODY, 0), 1: PLAYED}


def test_two_ticks_of_one_cycle_collide_and_both_are_lost() -> None:
    """The shortest pulse of a line is a cycle long, however fine its ticks are."""
    assert settle_all((8, LINE, 0), (12, LINE, 0)) == {
        0: (Outcome.COLLIDED, 1, 8),
        1: (Outcome.COLLIDED, 0, 4),
    }
    assert settle_all((15, LINE, 0), (16, LINE, 0)) == {0: PLAYED, 1: PLAYED}


def test_two_registers_at_one_tick_collide() -> None:
    told = settle_all((8, LINE, 0), (8, LINE, 1))
    assert [outcome for outcome, _, _ in told.values()] == [Outcome.COLLIDED, Outcome.COLLIDED]


def test_a_channel_without_replacement_loses_both_at_one_tick() -> None:
    told = settle_all((8, DAC, 0), (8, DAC, 0), (8, LINE, 0))
    assert told == {0: (Outcome.COLLIDED, 1, 8), 1: (Outcome.COLLIDED, 0, 8), 2: PLAYED}


def test_a_busy_channel_loses_the_write_and_is_busy_no_longer_for_it() -> None:
    told = settle_all((0, DAC, 0), (64, DAC, 0), (100, DAC, 0), (104, TONE, 0))
    assert told == {0: PLAYED, 1: (Outcome.BUSY, 0, 36), 2: PLAYED, 3: PLAYED}


def test_what_may_still_be_met_waits() -> None:
    """The next timeline may begin in the cycle in which this one's last event lies."""
    stage = OutputStage(RULES, 8)
    stage.add(arrivals((8, LINE, 0), (17, LINE, 0)))
    assert settle(stage, 20) == {0: PLAYED}
    stage.add(arrivals((20, LINE, 0)))  # its name is 0 again
    assert settle(stage) == {1: (Outcome.COLLIDED, 0, 7), 0: (Outcome.COLLIDED, 1, 4)}
    assert len(stage.pending) == 0


def test_a_copy_goes_its_own_way_and_a_shift_moves_everything() -> None:
    stage = OutputStage(RULES, 8)
    stage.add(arrivals((0, DAC, 0), (64, LINE, 0)))
    settle(stage, 8)
    other = stage.copy()
    other.shift(800)
    assert other.shape(800, 808) == stage.shape(0, 8)
    assert other.shape(800, 900) != stage.shape(0, 8), "by then the DAC is not busy any more"
    assert (stage.played[DAC], other.played[DAC]) == ((0, 0), (800, 0))


def test_rules_follow_from_the_kind_and_the_spacing(desk: Any) -> None:
    rules = rules_of(desk.target(None))
    assert rules[0] == Rule(replacing=True, busy=0)
    assert rules[16] == Rule(replacing=True, busy=0)
    assert rules[24] == Rule(replacing=False, busy=1000)
    assert rules[32] == Rule(replacing=False, busy=0)


def one_by_one(rows: list[tuple[int, int, int]]) -> dict[int, Outcome]:
    """The rules again, cycle by cycle and channel by channel."""
    outcomes: dict[int, Outcome] = {}
    free: dict[int, int] = {}
    for cycle in sorted({time // 8 for time, _, _ in rows}):
        for channel, rule in RULES.items():
            here = [row for row, (time, c, _) in enumerate(rows) if c == channel and time // 8 == cycle]
            if not here:
                continue
            *before, last = here
            alike = {(rows[row][0], rows[row][2]) for row in here}
            if before and not (rule.replacing and len(alike) == 1):
                outcomes |= dict.fromkeys(here, Outcome.COLLIDED)
                continue
            outcomes |= dict.fromkeys(before, Outcome.REPLACED)
            time = rows[last][0]
            if time < free.get(channel, time):
                outcomes[last] = Outcome.BUSY
            else:
                outcomes[last] = Outcome.PLAYED
                free[channel] = time + rule.busy
    return outcomes


ROWS = st.lists(
    st.tuples(st.integers(0, 300), st.sampled_from([LINE, TONE, DAC]), st.integers(0, 1)), max_size=40
)


@settings(max_examples=100)
@given(ROWS, st.lists(st.integers(0, 300), max_size=3))
def test_columns_give_the_same_as_cycle_by_cycle(rows: list[tuple[int, int, int]], cuts: list[int]) -> None:
    """Also when they come in several parts, each when nothing before it can come any more."""
    stage = OutputStage(RULES, 8)
    told: dict[int, Outcome] = {}
    every = arrivals(*rows)
    begin = 0
    for cut in [*sorted(cuts), 301]:
        stage.add(every.at((every.time >= begin) & (every.time < cut)))
        begin = cut
        told |= {name: outcome for name, (outcome, _, _) in settle(stage, cut).items()}
    told |= {name: outcome for name, (outcome, _, _) in settle(stage).items()}
    assert told == one_by_one(rows)
