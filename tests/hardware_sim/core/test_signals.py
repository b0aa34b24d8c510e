"""What channels put out, read back from compiled timelines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hardware_sim.core.signals import Signals, Standing, Tone, play_signals
from sequences.ir import Block, Readout
from sequences.language import Alignment, delay, parallel, serial
from sequences.program import Play
from sequences.timeline import Operation, Timeline

US = 10**6  # ps
NOTHING = Standing()


def signals_of(lab: Any, block: Block | Timeline, before: Standing = NOTHING, **latencies: float) -> Signals:
    """Return what a block puts out after others; latencies are those that differ from the setup's."""
    timeline = block
    if not isinstance(timeline, Timeline):
        (step,) = lab.program(block).steps
        assert isinstance(step, Play)
        timeline = step.timeline
    true = lab.but(**latencies).properties.latencies
    return play_signals(timeline, lab.node.target, lab.wiring.parts, true, before)


def test_light_comes_when_it_was_asked_for_whatever_the_latency(innsbruck: Any) -> None:
    node = innsbruck.node
    block = serial(
        delay(1e-6),
        parallel(node.raman_v.pulse(2e-6, 80e6), node.detector_h.gate(3e-6, Readout("h"))),
        node.qubit.pulse(4e-6, 226.5e6, 0.5, 0.25),
    )
    signals = signals_of(innsbruck, block)
    assert [(s.start, s.stop, dict(s.tones)) for s in signals.stretches] == [
        (1 * US, 3 * US, {"raman v tone": Tone(80e6, 0.0, 1.0)}),
        (4 * US, 8 * US, {"qubit beam": Tone(226.5e6, 0.25, 0.5)}),
    ]
    (window,) = signals.windows
    assert (window.part, window.readout, window.start, window.stop) == ("h detector", 0, 1 * US, 4 * US)
    assert signals.duration == 8 * US
    assert signals.standing == NOTHING


def test_a_latency_that_the_setup_states_wrongly_shows_as_mistimed_light(innsbruck: Any) -> None:
    block = serial(delay(1e-6), innsbruck.node.qubit.pulse(4e-6, 226.5e6), delay(1e-6))
    for late in (-0.2e-6, 0.3e-6):
        (stretch,) = signals_of(innsbruck, block, qubit_latency=0.5e-6 + late).stretches
        assert (stretch.start, stretch.stop) == (round((1e-6 + late) * 1e12), round((5e-6 + late) * 1e12))


def test_light_that_is_late_ends_in_the_next_timeline(innsbruck: Any) -> None:
    first = signals_of(innsbruck, innsbruck.node.qubit.pulse(4e-6, 226.5e6), qubit_latency=0.8e-6)
    assert [(s.start, s.stop) for s in first.stretches] == [(300_000, 4 * US)]
    assert [(c.time, c.part, c.operation, c.value) for c in first.standing.late] == [
        (300_000, "qubit beam", Operation.AMPLITUDE, 0.0)
    ]
    assert first.standing.landed == NOTHING
    pulse = serial(delay(1e-6), innsbruck.node.repump.pulse(1e-6, 200e6))
    second = signals_of(innsbruck, pulse, first.standing, qubit_latency=0.8e-6)
    assert [(s.start, s.stop, sorted(s.tones)) for s in second.stretches] == [
        (0, 300_000, ["qubit beam"]),
        (1 * US, 2 * US, ["repump beam"]),
    ]
    assert second.standing == NOTHING


def test_light_that_is_early_cannot_come_before_its_timeline(innsbruck: Any) -> None:
    (stretch,) = signals_of(
        innsbruck, innsbruck.node.qubit.pulse(4e-6, 226.5e6), qubit_latency=0.1e-6
    ).stretches
    assert (stretch.start, stretch.stop) == (0, round(3.6 * US))


def test_gates_belong_to_the_timeline_that_asked_for_them(innsbruck: Any) -> None:
    node = innsbruck.node
    gates = parallel(node.detector_h.gate(4e-6, Readout("h")), node.camera.expose(4e-6, Readout("ions")))
    signals = signals_of(innsbruck, gates, detector_latency=1e-6, camera_latency=1e-6)
    (window,) = signals.windows
    assert (window.start, window.stop) == (1 * US, 5 * US)
    (stretch,) = signals.stretches
    # The camera's grid of 8 ns cannot compensate a lead of 700 ns exactly.
    assert stretch.start == pytest.approx(1 * US, abs=4000)
    assert stretch.stop == 4 * US
    assert signals.standing == NOTHING


def test_a_tone_changes_while_it_is_on(innsbruck: Any) -> None:
    timeline = innsbruck.timeline(
        5e-6,
        (1e-6, "qubit", Operation.FREQUENCY, 220e6),
        (1e-6, "qubit", Operation.AMPLITUDE, 0.2),
        (2e-6, "qubit", Operation.AMPLITUDE, 0.7),
        (3e-6, "qubit", Operation.PHASE, 0.25),
        (4e-6, "qubit", Operation.FREQUENCY, 221e6),
    )
    signals = signals_of(innsbruck, timeline)
    tones = [Tone(220e6, 0, 0.2), Tone(220e6, 0, 0.7), Tone(220e6, 0.25, 0.7), Tone(221e6, 0.25, 0.7)]
    assert [s.tones["qubit beam"] for s in signals.stretches] == tones
    assert [s.start for s in signals.stretches] == [1 * US, 2 * US, 3 * US, 4 * US]
    assert signals.standing == Standing.of({"qubit beam": tones[-1]})


def test_overlapping_beams_are_cut_where_one_of_them_changes(innsbruck: Any) -> None:
    node = innsbruck.node
    block = parallel(
        node.doppler.pulse(10e-6, 200e6),
        node.repump.pulse(4e-6, 200e6),
        node.camera.expose(6e-6, Readout("ions")),
        align=Alignment.CENTRE,
    )
    signals = signals_of(innsbruck, block)
    found = [(round(s.start / US), round(s.stop / US), sorted(s.tones), s.exposed) for s in signals.stretches]
    assert found == [
        (0, 2, ["doppler beam"], None),
        (2, 3, ["doppler beam"], 0),
        (3, 7, ["doppler beam", "repump beam"], 0),
        (7, 8, ["doppler beam"], 0),
        (8, 10, ["doppler beam"], None),
    ]


def test_a_tone_that_was_left_on_lights_the_next_timeline(innsbruck: Any) -> None:
    on = Standing.of({"raman v tone": Tone(80e6, 0.0, 1.0)})
    signals = signals_of(innsbruck, serial(delay(2e-6), innsbruck.node.qubit.pulse(1e-6, 226.5e6)), on)
    assert [sorted(s.tones) for s in signals.stretches] == [["raman v tone"], ["qubit beam", "raman v tone"]]
    assert signals.standing == on


def test_a_dark_pulse_and_other_channels_make_no_stretch(innsbruck: Any) -> None:
    marker = innsbruck.node.target.by_name["marker"]
    from sequences.language import Line

    block = serial(innsbruck.node.qubit.pulse(1e-6, 226.5e6, 0.0), Line(marker).pulse(1e-6))
    assert signals_of(innsbruck, block).stretches == ()


def test_back_to_back_pulses_leave_no_gap(innsbruck: Any) -> None:
    pulse = innsbruck.node.qubit.pulse(2e-6, 226.5e6)
    first, second = signals_of(innsbruck, serial(pulse, pulse)).stretches
    assert first.stop == second.start == 2 * US


def test_voltages_are_a_staircase_that_ends_at_the_ramps_end(innsbruck: Any) -> None:
    node = innsbruck.node
    block = serial(node.endcap_upper.set(100.0), delay(2e-6), node.endcap_upper.ramp(100.0, 140.0, 20e-6))
    voltages = signals_of(innsbruck, block).voltages
    assert set(voltages) == {"upper endcap"}
    upper = voltages["upper endcap"]
    assert np.all(np.diff(upper.times) > 0)
    assert upper.volts[0] == 100.0
    assert upper.volts[-1] == 140.0
    # The channel's grid of 8 ns cannot compensate its latency exactly: it is off by up to half a step.
    assert upper.times[-1] == pytest.approx(22 * US, abs=4000)
