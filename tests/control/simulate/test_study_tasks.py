"""Tasks and blocks: seeds, bytes, and times that go on from block to block."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dice import Dice, Different, Steps, Turned
from numpy.testing import assert_array_equal

from control.errors import ConfigError, UsageError
from control.setup import read_setup
from control.simulate.knobs import find_knobs
from control.simulate.settings import Vary, read_settings
from control.simulate.study import Study, make_study
from control.simulate.tally import Tally, tally_of
from control.simulate.tasks import join_blocks, pack, play, unpack
from data import Record


def study(
    setup: Path | str,
    *,
    shots: int = 10,
    block: int | None = 4,
    vary: Vary = (),
    seed: int = 5,
    kind: type = Dice,
) -> Study:
    lab, experiment = read_setup(setup), kind().with_shots(shots)
    knobs = find_knobs(experiment, lab)
    return make_study(experiment, lab, knobs, read_settings(vary, None, knobs), block=block, seed=seed)


def assert_same(one: Record, another: Record) -> None:
    assert (one.shots, one.duration_ps, one.notes) == (another.shots, another.duration_ps, another.notes)
    assert_array_equal(one.start_ps, another.start_ps)
    assert list(one.counts) == list(another.counts)
    for name, counts in one.counts.items():
        assert_array_equal(counts, another.counts[name], strict=True)
    for table in ("attempts", "tags"):
        mine, theirs = getattr(one, table), getattr(another, table)
        for column in mine.__slots__:
            assert_array_equal(getattr(mine, column), getattr(theirs, column), strict=True)


def test_a_setting_is_cut_into_blocks(dicing: Path) -> None:
    asked = study(dicing)
    assert asked.blocks == 3
    assert [asked.task(asked.settings[0], block).shots for block in range(3)] == [4, 4, 2]


def test_seeds_are_of_their_own_and_fixed_for_good(dicing: Path) -> None:
    asked = study(dicing, vary=["steps = 1, 2"])
    seeds = [asked.task(setting, block).seed for setting in asked.settings for block in range(3)]
    assert len(set(seeds)) == 6
    words = np.random.SeedSequence(5, spawn_key=(1, 2)).generate_state(4)
    assert seeds[5] == sum(int(word) << (32 * place) for place, word in enumerate(words))
    assert asked.seed_of(asked.settings[0]) not in seeds
    assert study(dicing, seed=6).task(asked.settings[0], 0).seed != seeds[0]


def test_the_same_task_gives_the_same_bytes(dicing: Path) -> None:
    task = study(dicing).task(study(dicing).settings[0], 1)
    block = play(task)
    assert play(task).payload == block.payload
    assert (block.setting, block.block, block.shots) == (1, 1, 8)
    assert block.duration_ps == sum(record.duration_ps for record in block.records())


def test_bytes_hold_everything(dicing: Path) -> None:
    records = play(
        study(dicing, vary={"node.dark": [9.0]}).task(study(dicing, vary={"node.dark": [9.0]}).settings[0], 0)
    ).records()
    assert records[0].notes == ("many dice",)
    assert len(records[0].tags) > 0
    for one, another in zip(records, unpack(pack(records)), strict=True):
        assert_same(one, another)


def test_joined_blocks_go_on_in_time_and_add_up(dicing: Path) -> None:
    asked = study(dicing, vary={"node.dark": [2.0]})
    blocks = [play(asked.task(asked.settings[0], block)) for block in range(3)]
    joined = join_blocks(blocks)
    assert tally_of(joined) == sum((tally_of(block.records()) for block in blocks), Tally())
    assert [record.shots for record in joined] == [10, 10]
    for record in joined:
        assert (np.diff(record.start_ps) > 0).all()
        assert (np.diff(record.tags.t_ps) >= 0).all()
        assert_array_equal(record.tags.t_ps, record.start_ps[record.tags.shot] + 5)
        assert_array_equal(record.attempts.start_ps, record.start_ps)
    # Block after block, each with all its points: the first shot of block 2 follows the last of block 1.
    assert joined[0].start_ps[4] == blocks[0].duration_ps
    assert joined[1].start_ps[0] < joined[0].start_ps[4]


def test_settings_of_one_sequence_share_its_programs(dicing: Path) -> None:
    one, two, three = study(dicing, vary=["node.rate = 1, 2, 3 kcps"]).settings
    assert one.plan.programs is two.plan.programs is three.plan.programs
    assert two.plan.setup.tables["node"]["rate"]["value"] == "2000 1/s"
    assert (one.label, two.label) == ("node.rate = 1000 1/s", "node.rate = 2000 1/s")


def test_beliefs_and_parameters_change_what_is_played(dicing: Path) -> None:
    one, two = study(dicing, vary=["longest = 1, 2 ms"]).settings
    assert one.plan.programs[0] != two.plan.programs[0]
    assert two.plan.experiment == Dice(longest=2e-3, shots=10)
    believed = study(dicing, kind=Different, vary=["analysis_frequency = 200, 210 MHz"], block=None, shots=6)
    low, high = believed.settings
    assert low.plan.programs[0] != high.plan.programs[0]


def test_settings_that_cannot_be_are_told_at_once(dicing: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        study(dicing, vary=["node.rate = 1, 2 kcps", "longest = 10, 200 us", "steps = 2, 50, 100"])
    assert len(caught.value.problems) == 2
    for problem, steps in zip(caught.value.problems, (50, 100), strict=True):
        assert problem.startswith(f"at node.rate = 1000 1/s, longest = 10 us, steps = {steps} and 1 more: ")
        assert "parameter 'window'" in problem


def test_shots_that_differ_are_cut_where_they_repeat(dicing: Path) -> None:
    assert study(dicing, kind=Different, block=None, shots=5000).block == 2001
    assert study(dicing, kind=Different, block=6, shots=20).block == 6
    with pytest.raises(UsageError) as caught:
        study(dicing, kind=Different, block=4)
    assert str(caught.value) == (
        "blocks of 4 shots would not begin alike: the sequence repeats after 3 shots. "
        "Give a multiple of 3 with --block, or none."
    )
    assert study(dicing, kind=Steps, block=None, shots=5000).block == 2000
    assert study(dicing, kind=Steps, block=None, shots=10).block == 10


def test_an_instrument_that_the_points_set_cannot_be_varied() -> None:
    with pytest.raises(ConfigError) as caught:
        study("innsbruck", kind=Turned, vary=["trap_rf.power = -3, -2 dBm"])
    assert str(caught.value) == "trap_rf.power cannot be varied: turned sets it by itself at its points"


def test_limits_of_the_site_hold_for_instruments() -> None:
    with pytest.raises(ConfigError) as caught:
        study("innsbruck", kind=Steps, vary=["trap_rf.power = -3, 2 dBm"])
    assert "at trap_rf.power = 2 dBm: innsbruck.toml: instruments.trap_rf.settings" in str(caught.value)
    assert "power cannot be 2 dBm: above 0 dBm, the limit of the site" in str(caught.value)
