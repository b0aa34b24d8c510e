"""What channels put out, read back from compiled timelines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hardware_sim.core.signals import Signals, Tone, play_signals
from sequences.ir import Block, Readout
from sequences.language import Alignment, delay, parallel, serial
from sequences.program import Play
from sequences.target import Target

US = 10**6  # ps


def signals_of(
    lab: Any, block: Block, tones: dict[str, Tone] | None = None, target: Target | None = None
) -> Signals:
    (step,) = lab.program(block).steps
    assert isinstance(step, Play)
    return play_signals(step.timeline, target or lab.node.target, lab.wiring.parts, tones or {})


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
    assert signals.tones == {}


def test_a_latency_that_the_compiler_does_not_know_shows(innsbruck: Any) -> None:
    target = innsbruck.node.target
    late = replace(
        target,
        channels=tuple(
            replace(channel, latency=channel.latency - 0.2e-6) if channel.name == "qubit" else channel
            for channel in target.channels
        ),
    )
    signals = signals_of(
        innsbruck, serial(delay(1e-6), innsbruck.node.qubit.pulse(4e-6, 226.5e6)), target=late
    )
    assert signals.stretches[0].start == 800_000


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
    on = {"raman v tone": Tone(80e6, 0.0, 1.0)}
    signals = signals_of(innsbruck, serial(delay(2e-6), innsbruck.node.qubit.pulse(1e-6, 226.5e6)), on)
    assert [sorted(s.tones) for s in signals.stretches] == [["raman v tone"], ["qubit beam", "raman v tone"]]
    assert signals.tones == on


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
