"""Sideband cooling, played from its events on a ladder of phonons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sequences import compile_sequence, sequence, us
from sequences.errors import DeclaredValueError
from sequences.library import Node, lamb_dicke, sideband_cool

MODE = 0.92e6  # Hz, axial, one ion
ETA = lamb_dicke(MODE, cosine=0.7071)
LEVELS = 400


def thermal(mean: float) -> Any:
    populations = (mean / (1 + mean)) ** np.arange(LEVELS)
    return populations / populations.sum()


def cooled(node: Node, pulses: Any, populations: Any) -> Any:
    """Play pulses on the red sideband, each with an ideal return to S1/2; they couple as eta sqrt(n)."""
    full = 1 / (2 * node.calibration.mapping_pi_time * node.calibration.mapping_amplitude)
    phonons = np.arange(LEVELS)
    for pulse in pulses:
        rabi = full * pulse.amplitude * ETA * np.sqrt(phonons)
        moved = populations * np.sin(np.pi * rabi * (pulse.stop - pulse.start)) ** 2
        populations = populations - moved + np.append(moved[1:], 0.0)
    return populations


def test_a_doppler_cooled_mode_ends_as_cold_as_published(node: Node, play: Any) -> None:
    """From 11(2) phonons to less than 0.5(2). Source: Schupp, thesis Innsbruck 2021, sec. 3.4."""
    before = thermal(11)
    after = cooled(node, play(sideband_cool(node, MODE, ETA, 60, 5 * us, 10 * us)), before)
    assert after @ np.arange(LEVELS) < 0.5
    assert after[0] > 0.95
    few = cooled(node, play(sideband_cool(node, MODE, ETA, 5, 5 * us, 10 * us)), before)
    assert few @ np.arange(LEVELS) > 5


def test_each_number_of_phonons_meets_its_own_pi_pulse(node: Node, play: Any) -> None:
    pulses = play(sideband_cool(node, MODE, ETA, 9, 5 * us, 10 * us))
    assert len(pulses) == 9
    for phonons, pulse in zip(range(9, 0, -1), pulses, strict=True):
        area = (pulse.stop - pulse.start) * pulse.amplitude * ETA * np.sqrt(phonons)
        assert area == pytest.approx(node.calibration.mapping_pi_time, rel=1e-9)
        assert pulse.amplitude == pytest.approx(1, rel=1e-3)
    assert (pulses[-1].stop - pulses[-1].start) == pytest.approx(
        3 * (pulses[0].stop - pulses[0].start), rel=1e-3
    )


def test_the_light_is_red_by_the_mode(node: Node, play: Any) -> None:
    (pulse,) = play(sideband_cool(node, MODE, ETA, 1, 5 * us, 10 * us))
    red = node.calibration.qubit_passes * (pulse.frequency - node.calibration.mapping_frequency)
    assert red == pytest.approx(-MODE)


def test_no_light_is_on_together_with_what_undoes_it(node: Node, play: Any) -> None:
    block = sideband_cool(node, MODE, ETA, 3, 5 * us, 10 * us)
    times = {
        channel: [
            (pulse.start - shift(node, channel), pulse.stop - shift(node, channel))
            for pulse in play(block, channel)
        ]
        for channel in ("qubit", "quench", "pumping", "repump")
    }
    for qubit, quench, pumping in zip(times["qubit"], times["quench"], times["pumping"], strict=True):
        assert qubit[1] == pytest.approx(quench[0])
        assert quench[1] == pytest.approx(pumping[0])
    assert sum(stop - start for start, stop in times["repump"]) == pytest.approx(3 * 15 * us)


def shift(node: Node, channel: str) -> float:
    """By how much a channel's events wait for the slowest one."""
    return node.target.lead - node.target.by_name[channel].latency


def test_the_cycles_bear_their_name(node: Node) -> None:
    program = compile_sequence(sequence("s", sideband_cool(node, MODE, ETA, 2, 5 * us, 10 * us)), node.target)
    names = [label.name for timeline in program.timelines() for label in timeline.labels]
    assert names == ["sideband_cool", *["quench", "optical_pump"] * 2]


def test_cooling_that_cannot_be_is_refused(node: Node) -> None:
    with pytest.raises(DeclaredValueError) as caught:
        sideband_cool(node, MODE, ETA, 0, 5 * us, 10 * us)
    assert str(caught.value) == "cycles: 0 is wrong: cooling takes at least one"
    with pytest.raises(DeclaredValueError) as caught:
        sideband_cool(node, MODE, 0.0, 3, 5 * us, 10 * us)
    assert str(caught.value) == "lamb_dicke: 0 is wrong: the light does not see this mode"


def test_the_sign_of_the_lamb_dicke_parameter_does_not_matter(node: Node, play: Any) -> None:
    one, other = (sideband_cool(node, MODE, eta, 3, 5 * us, 10 * us) for eta in (ETA, -ETA))
    assert play(one) == play(other)
