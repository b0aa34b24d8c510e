"""What the timing core loses on the way does not reach the ions, and is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hardware_sim import SimulatedLab
from hardware_sim.core import core as core_module
from hardware_sim.core.core import without_lost_events
from hardware_sim.rtio import rehearse
from sequences.dispatcher import Dispatcher
from sequences.ir import Block
from sequences.language import delay, parallel, readout, repeat, serial
from sequences.library import read_ions
from sequences.program import Program, ShotValues
from sequences.timeline import Operation

ONE_LANE, EIGHT_LANES = Dispatcher(lanes=1), Dispatcher(lanes=8)


def reading(lab: Any, dispatcher: Dispatcher) -> Program:
    """Return two exposures of cold ions, 397 and 866 nm light switched on in the same cycle."""
    program = lab.program(repeat(serial(read_ions(lab.node, 1.5e-3), delay(1e-5)), 2))
    return replace(program, target=replace(program.target, dispatcher=dispatcher))


def test_a_beam_whose_event_is_lost_stays_dark(quiet: Any) -> None:
    # One lane takes one event a cycle: cooling light comes, the repumper does not, and the ions end in D3/2.
    bright = quiet.play_program(reading(quiet, EIGHT_LANES), 100)
    assert bright.notes == ()
    assert bright.counts["ions"].mean() > 20
    lost = quiet.play_program(reading(quiet, ONE_LANE), 100)
    assert lost.counts["ions"].mean() < 0.2 * bright.counts["ions"].mean()
    told = [str(fault) for fault in rehearse(reading(quiet, ONE_LANE)).faults]
    assert list(lost.notes) == told
    assert any("channel 'repump'" in note for note in lost.notes)


def test_only_what_is_lost_is_taken_out(quiet: Any) -> None:
    program = reading(quiet, ONE_LANE)
    rehearsal = rehearse(program)
    (whole,), (rest,) = program.timelines(), without_lost_events(program, rehearsal).timelines()
    assert len(rest) == rehearsal.played[0].sum() < len(whole)
    assert rest.records().tolist() == whole.records()[rehearsal.played[0]].tolist()
    assert rest.duration == whole.duration
    fine = reading(quiet, EIGHT_LANES)
    assert without_lost_events(fine, rehearse(fine)) is fine


def test_values_of_each_shot_are_set_before_anything_is_lost(quiet: Any) -> None:
    # Rows are counted in the program as it was compiled: the 854 nm light that is lost comes before the one
    # that changes.
    node, belief = quiet.node, quiet.node.calibration

    def look(index: int) -> Block:
        lit = parallel(
            node.doppler.pulse(1e-3, belief.doppler_frequency, belief.doppler_amplitude),
            node.quench.pulse(1e-3, belief.quench_frequency, belief.quench_amplitude),
            serial(delay(2e-6), node.camera.expose(0.9e-3, readout(f"ions{index}"))),
        )
        repump = node.repump.pulse(1.01e-3, belief.repump_frequency, belief.repump_amplitude)
        return parallel(repump, serial(delay(5e-6), lit))

    program = quiet.program(serial(look(0), delay(10e-6), look(1)))
    program = replace(program, target=replace(program.target, dispatcher=ONE_LANE))
    assert {fault.channel for fault in rehearse(program).faults} == {"quench"}
    (timeline,) = program.timelines()
    doppler = timeline.channel == node.doppler.channel.number
    on = doppler & (timeline.operation == Operation.AMPLITUDE) & (timeline.value > 0)
    values = np.array([[0.0], [belief.doppler_amplitude]])
    changing = replace(program, shot_values=(ShotValues(0, np.flatnonzero(on)[1:], values),))
    counts = quiet.play_program(changing, 200).counts
    assert counts["ions0"].mean() > 8
    assert counts["ions1"][1::2].mean() > 8
    assert counts["ions1"][::2].mean() < 2


def test_the_lab_tells_what_would_be_lost_before_anything_is_played(innsbruck: Any) -> None:
    program = reading(innsbruck, ONE_LANE)
    lab = SimulatedLab.open(innsbruck.tables, program.target, seed=1)
    try:
        assert lab.rehearse(program) == tuple(str(fault) for fault in rehearse(program).faults)
        assert lab.rehearse(reading(innsbruck, EIGHT_LANES)) == ()
        dump = lab.dump(program)
        assert dump[:1] == b"e"
        # A header of 16 bytes, and messages of 32.
        assert len(dump) % 32 == 16
        assert len(dump) > 16 + 32 * 10
    finally:
        lab.close()


def test_points_that_differ_in_values_only_are_rehearsed_once(
    quiet: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Program] = []
    monkeypatch.setattr(core_module, "rehearse", lambda program: asked.append(program) or rehearse(program))
    core, around = quiet.core(1, 1), quiet.surroundings()
    program = reading(quiet, ONE_LANE)
    (timeline,) = program.timelines()
    weaker = program.with_timelines([replace(timeline, value=timeline.value * 0.5)])
    later = program.with_timelines([replace(timeline, time=timeline.time + 8)])
    notes = [core.play(played, 1, around).notes for played in (program, weaker, later)]
    assert len(asked) == 2
    assert notes[0] == notes[1]
    assert len(notes[2]) == len(notes[0]) > 0
