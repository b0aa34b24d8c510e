"""Shots whose outputs are alike are played together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hardware_sim.core.electrodes import Memory
from hardware_sim.core.outputs import Outputs, Party, join_parties, left_set, shots_of
from hardware_sim.core.player import Player
from hardware_sim.core.signals import Change, Standing, Tone
from hardware_sim.core.triggers import Triggers
from sequences.language import attempt, delay, herald, parallel, readout, serial
from sequences.library import read_ions
from sequences.timeline import Operation

LIT = Standing.of({"qubit beam": Tone(220e6, 0.0, 1.0)})
DARK = Standing()
REST = Memory.resting(100.0, 100.0)
READ = 1.5e-3


def party(shots: list[int], standing: Standing) -> Party:
    return Party(np.array(shots, dtype=np.int64), Outputs(standing, REST))


def test_parties_with_equal_outputs_are_joined() -> None:
    joined = join_parties([party([3, 5], DARK), party([1], LIT), party([], LIT), party([0, 4], DARK)])
    assert [(p.shots.tolist(), p.outputs.standing) for p in joined] == [([0, 3, 4, 5], DARK), ([1], LIT)]
    assert sorted(shots_of(joined).tolist()) == [0, 1, 3, 4, 5]
    assert join_parties([party([], DARK)]) == []
    assert shots_of([]).tolist() == []


def test_some_shots_of_a_party_keep_its_outputs() -> None:
    chosen = np.array([False, True, True, False])
    some = party([0, 2, 3], LIT).only(chosen)
    assert (some.shots.tolist(), some.outputs.standing) == ([2], LIT)


def test_settled_outputs_have_no_past() -> None:
    off = Change(500, "qubit beam", Operation.AMPLITUDE, 0.0)
    moving = Memory(((-1.0, -1e-6), (90.0, 120.0)), ((-1.0,), (80.0,)))
    late = Standing(LIT.tones, (off,))
    assert late.landing == 500e-12
    assert late.landed == DARK
    assert DARK.landing == 0.0
    assert moving.settled == Memory.resting(120.0, 80.0)
    assert moving.restless(5e-6) == pytest.approx(4e-6)
    assert moving.settled.restless(5e-6) == 0.0


def test_the_last_voltages_of_a_program_are_left_set(quiet: Any) -> None:
    node, parts = quiet.node, quiet.wiring.parts
    moved = serial(node.endcap_upper.ramp(90.0, 120.0, 20e-6), delay(1e-5), node.endcap_upper.set(110.0))
    assert left_set(quiet.program(serial(moved, delay(1e-6))), parts, REST) == Memory.resting(110.0, 100.0)
    assert left_set(quiet.program(read_ions(node, 1e-3)), parts, REST) == REST


def test_the_next_shot_of_a_point_begins_with_the_voltages_that_the_last_one_left(quiet: Any) -> None:
    # It looks, and then pushes the string out of the camera's regions: all shots but the first find it there.
    node = quiet.node
    push = parallel(node.endcap_upper.set(126.0), node.endcap_lower.set(166.0))
    program = quiet.program(serial(read_ions(node, READ), push, delay(200e-6)))
    at_once = quiet.core(1, 1).play(program, 20, quiet.surroundings()).counts["ions"][:, 0]
    core = quiet.core(1, 1)
    one_by_one = [core.play(program, 1, quiet.surroundings()).counts["ions"][0, 0] for _ in range(20)]
    for counts in (at_once, np.array(one_by_one)):
        assert counts[0] >= 10
        assert counts[1:].max() < 10


def test_shots_that_left_a_loop_at_different_times_are_together_again(quiet: Any) -> None:
    lab = quiet.but(detector_dark_rate_h=5e3)
    node = lab.node
    click = node.detector_h.gate(100e-6, readout("h"))
    block = serial(
        node.endcap_upper.ramp(106.0, 120.0, 20e-6),
        attempt(serial(delay(10e-6), click), until=herald(readout("h")), maximum=8),
        delay(10e-6),
    )
    program, stage = lab.program(block), lab.stage(300, block=node.detector_h.gate(1e-6, readout("h")))
    stage.properties = lab.properties
    stage.ensemble.start(np.zeros(300, dtype=np.int64))
    player = Player(stage, program, lab.wiring.parts, Triggers(lab.properties, np.random.default_rng(1)))
    begun = Party(np.arange(300), Outputs(DARK, stage.endcaps.memory))
    ended = player._steps(program.steps, [begun], stage.recorder.mark())
    assert len(set(stage.ensemble.clock_ps.tolist())) == 8
    assert [party.shots.tolist() for party in ended] == [list(range(300))]
    assert ended[0].outputs.endcaps == Memory.resting(120.0, 106.0)


def test_a_point_begins_with_the_voltages_that_the_last_one_left(quiet: Any) -> None:
    # What rests at 90 V is held so in the next program; 900 V buckle a string of ten.
    node = quiet.node
    set_low, high = (
        serial(node.endcap_upper.set(volts), node.endcap_lower.set(volts), delay(1e-3))
        for volts in (90.0, 900.0)
    )
    core, around = quiet.core(10, 1), quiet.surroundings()
    look = quiet.program(read_ions(node, 1e-3))
    core.play(quiet.program(set_low), 2, around)
    assert core._outputs.endcaps == Memory.resting(90.0, 90.0)
    assert core.play(look, 2, around).notes == ()
    assert core.play(quiet.program(high), 2, around).notes[0].startswith("no ions in the trap")
