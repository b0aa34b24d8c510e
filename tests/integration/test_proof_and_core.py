"""The compiler's proof against the simulated core: two accounts of one machine that share no line of code.

The proof compares columns and multiplies passes; the core takes one write after the other. They have to lose
the same events for the same limits, and to agree on the slack within a cycle, in which the core rounds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import pytest

from control.experiments.registry import find_experiment
from control.plan import choose, make_plan
from control.setup import read_setup
from hardware_sim.rtio import rehearse
from sequences import Channel, Dispatcher, Kind, Line, Program, Target, Template, pattern, sequence
from sequences.faults import FeedError, LaneError, RewindError
from sequences.machine import examine, prove

LIMITS: Final[dict[str, dict[str, Any]]] = {
    "as shipped": {},
    "slower": {"event_time": 200e-9},
    "slow": {"event_time": 1e-6},
    "very slow": {"event_time": 5e-6},
    "early": {"start": 1e-6},
    "far away": {"playback": 40e-6},
    "thoughtful": {"decision": 2e-6},
    "hesitant": {"decision": 30e-6},
    "three lanes": {"lanes": 3},
    "two lanes": {"lanes": 2},
    "one lane": {"lanes": 1},
}

DEEP: Final = 100_000
"""Events a lane, so that no queue is ever full."""


@pytest.fixture(scope="module", params=["single_ion_photon", "ten_ion_register"])
def shipped(request: pytest.FixtureRequest) -> Program:
    experiment, calibration = choose(find_experiment(request.param), {})
    return make_plan(experiment, read_setup("innsbruck"), calibration).programs[0]


@pytest.mark.parametrize("limits", LIMITS.values(), ids=list(LIMITS))
def test_both_lose_the_same_events(shipped: Program, limits: dict[str, Any]) -> None:
    dispatcher = replace(shipped.target.dispatcher or Dispatcher(), **limits, depth=DEEP)
    program = replace(shipped, target=replace(shipped.target, dispatcher=dispatcher))
    report, rehearsal = examine(program), rehearse(program)
    assert rehearsal.worst_slack is not None
    # The core tells by how much an event could have been later still, the proof how early it is.
    slack = report.worst - dispatcher.margin
    assert slack == pytest.approx(rehearsal.worst_slack * program.target.period, abs=dispatcher.cycle)
    lost: dict[str, set[object]] = {"SEQUENCE": set(), "UNDERFLOW": set()}
    for fault in rehearsal.faults:
        lost[fault.kind.name].add(fault.source)
    crowded = {p.source for p in report.problems if isinstance(p, LaneError | RewindError)}
    late = {p.source for p in report.problems if isinstance(p, FeedError)}
    # Of a stretch that is late the proof tells the first line, the core every line.
    assert late <= lost["UNDERFLOW"]
    assert bool(late) == bool(lost["UNDERFLOW"])
    if not late:
        assert crowded == lost["SEQUENCE"]


@pytest.mark.parametrize("depth", [2, 8, 128])
@pytest.mark.parametrize("limits", LIMITS.values(), ids=list(LIMITS))
def test_the_proof_is_never_more_hopeful_than_the_core(
    shipped: Program, limits: dict[str, Any], depth: int
) -> None:
    """How many events a core keeps ahead depends on their lanes; the proof counts on one lane."""
    dispatcher = replace(shipped.target.dispatcher or Dispatcher(), **limits, depth=depth)
    program = replace(shipped, target=replace(shipped.target, dispatcher=dispatcher))
    report, rehearsal = examine(program), rehearse(program)
    assert rehearsal.worst_slack is not None
    core = rehearsal.worst_slack * program.target.period
    assert report.worst - dispatcher.margin <= core + dispatcher.cycle
    if rehearsal.faults:
        assert report.problems


def test_bursts_after_a_long_pause_find_only_one_lane_full() -> None:
    """2000 edges far apart fill one lane, not all; 700 quick ones then come too late."""
    line = Channel("line", Kind.TTL, 0, 8e-9)
    target = Target("burst", 1e-9, (line,), Dispatcher())
    times = np.concatenate([np.arange(2000) * 2e-6, 4.1e-3 + np.arange(700) * 24e-9])
    edges = pattern([Line(line)], times, np.zeros(2700, int), np.arange(2700) % 2)
    unproved = Template(sequence("burst", edges), target, proved=False).bind()
    assert rehearse(unproved).faults
    assert any(isinstance(problem, FeedError) for problem in examine(unproved).problems)


def test_a_mended_program_loses_nothing(shipped: Program) -> None:
    """The first problem of an early start says which delay is missing; with it, both are content."""
    dispatcher = replace(shipped.target.dispatcher or Dispatcher(), start=1e-6)
    hasty = replace(shipped, target=replace(shipped.target, dispatcher=dispatcher))
    (late,) = (p for p in examine(hasty).problems if isinstance(p, FeedError))
    patient = replace(dispatcher, start=dispatcher.start + late.missing)
    mended = replace(hasty, target=replace(shipped.target, dispatcher=patient))
    prove(mended)
    assert rehearse(mended).faults == ()
