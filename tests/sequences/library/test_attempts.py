"""Trying for a photon: the loop as it is compiled, and as the simulated node plays it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from control.setup import read_setup
from data.columns import Record
from hardware_sim.core.core import SimulatedCore
from hardware_sim.properties import read_properties
from hardware_sim.surroundings import Surroundings, confinement
from hardware_sim.wiring import read_wiring
from sequences import AttemptLoop, branch, compile_sequence, delay, herald, ms, readout, sequence, serial, us
from sequences.faults import DecisionError
from sequences.library import (
    Node,
    attempt_photon,
    count_fluorescence,
    decision_time,
    doppler_cool,
    optical_pump,
)
from sequences.program import Program, inner_steps


def tried(node: Node) -> Program:
    trying = attempt_photon(
        node,
        quenching=10 * us,
        pumping=20 * us,
        pulse=50 * us,
        window=56 * us,
        maximum=25,
        every=10,
        cooling=200 * us,
    )
    return compile_sequence(sequence("try", serial(doppler_cool(node, 2 * ms), trying)), node.target)


def channels(program: Program, steps: object) -> set[str]:
    return {
        program.target.by_number[number].name
        for step in steps  # type: ignore[attr-defined]
        for number in step.timeline.channel.tolist()
    }


def test_the_ions_are_cooled_between_attempts_and_not_in_them(node: Node) -> None:
    program = tried(node)
    (loop,) = (step for step in program.steps if isinstance(step, AttemptLoop))
    body, between = inner_steps(loop)
    assert (loop.maximum, loop.every) == (25, 10)
    assert channels(program, between) == {"doppler", "repump", "quench"}
    photon = {"raman_v", "raman_h", "detector_h", "detector_v"}
    assert channels(program, body) == {"quench", "repump", "pumping"} | photon


def test_either_detector_ends_the_loop(node: Node) -> None:
    (loop,) = (step for step in tried(node).steps if isinstance(step, AttemptLoop))
    one, none = np.array([1, 0, 0]), np.array([0, 0, 1])
    clicks = {0: one, 1: none}
    held = loop.herald.holds(lambda rows: np.sum([clicks[row] for row in rows], axis=0))
    assert held.tolist() == [True, False, True]


def simulated(program: Program, shots: int) -> Record:
    """Play a program on the simulated node with one ion."""
    setup = read_setup("innsbruck")
    own, problems = read_properties(setup.tables["node"])
    assert own is not None, problems
    radial, loss = confinement(own, own.rf_frequency, own.rf_power)
    around = Surroundings(radial, loss, own.half_wave_plate_mount, own.quarter_wave_plate_mount)
    core = SimulatedCore(own, read_wiring(setup.tables)[0].parts, np.random.default_rng(5))
    core.load(1, around)
    return core.play(program, shots, around)


def test_the_simulated_node_stops_at_its_first_click(node: Node) -> None:
    shots = 400
    record = simulated(tried(node), shots)
    assert not record.notes  # the core kept pace
    clicked = (record.counts["photon_h"] + record.counts["photon_v"]).sum(axis=1) > 0
    tries = np.bincount(record.attempts.shot, minlength=shots)
    assert (tries[~clicked] == 25).all()
    assert (tries[clicked] <= 25).all()
    assert clicked.mean() > 0.5
    # The ion is brought back after each photon that nobody saw: later attempts succeed as often as the first.
    first, later = (tries[clicked] == 1).sum() / shots, (tries[clicked] > 1).sum() / (tries - 1).sum()
    assert abs(first - later) < 4 * np.sqrt(first / shots)


def test_a_core_that_needs_no_time_gets_none(node: Node) -> None:
    fast = replace(node, target=replace(node.target, dispatcher=None))
    assert decision_time(fast) == 0.0
    assert 5 * us < decision_time(node) < 8 * us


def test_a_branch_is_in_time_after_a_decision_and_late_without(node: Node) -> None:
    counted = count_fluorescence(node, node.detector_v, 400 * us, "bright")
    choice = branch(herald(readout("bright"), at_most=0, at_least=0), optical_pump(node, 20 * us))
    in_time = sequence("decide", serial(counted, delay(decision_time(node)), choice))
    assert not simulated(compile_sequence(in_time, node.target), 20).notes
    late = sequence("decide", serial(counted, choice))
    with pytest.raises(DecisionError, match="the core has not decided yet what to play"):
        compile_sequence(late, node.target)
    # A compiler that does not know the core's limits lets it pass; the core loses what comes too late.
    unproved = compile_sequence(late, replace(node.target, dispatcher=None))
    assert simulated(replace(unproved, target=node.target), 20).notes
