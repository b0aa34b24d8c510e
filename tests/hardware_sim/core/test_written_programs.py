"""From the language to the ions: what authors write does what they mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sequences.ir import Block, Envelope
from sequences.language import (
    Frame,
    Trigger,
    attempt,
    branch,
    delay,
    herald,
    parallel,
    readout,
    repeat,
    serial,
)
from sequences.library import doppler_cool, optical_pump, read_ions
from sequences.parameters import per_shot

PI_TIME = 10e-6
US, MS = 10**6, 10**9  # ps


@pytest.fixture(scope="module")
def lab(quiet: Any) -> Any:
    """The lab with triggers, and a qubit beam across the trap for which a pi pulse takes 10 us."""
    return quiet.but(qubit_rabi_analysis=0.5 / PI_TIME, qubit_axial_cosine=0.0).listening()


def flipped(lab: Any, *blocks: Block) -> float:
    """Return the share that blocks bring to D5/2 of an ion that was pumped."""
    stage = lab.stage(1, block=serial(optical_pump(lab.node, 50e-6), *blocks))
    return float(1 - stage.ensemble.in_ground(np.arange(1))[0, 0])


def frame(lab: Any) -> Frame:
    return Frame(lab.node.qubit, lab.properties.qubit_resonance, passes=lab.properties.qubit_passes)


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.25, 0.5])
def test_a_shift_of_the_frame_turns_what_follows(lab: Any, shift: float) -> None:
    light = frame(lab)
    half = light.pulse(PI_TIME / 2)
    share = flipped(lab, half, delay(20e-6), light.shift(shift), half)
    assert share == pytest.approx(np.cos(np.pi * shift) ** 2, abs=0.02)
    by_phase = flipped(lab, half, delay(20e-6), light.pulse(PI_TIME / 2, phase=shift))
    assert share == pytest.approx(by_phase, abs=1e-6)


def test_an_enveloped_pulse_turns_by_its_area(lab: Any) -> None:
    light = frame(lab)
    # Rise and fall of sine squared are worth half their time each.
    soft = light.pulse(14e-6, envelope=Envelope(rise=4e-6))
    assert flipped(lab, soft) == pytest.approx(1.0, abs=0.02)
    quarter = light.pulse(9e-6, envelope=Envelope(rise=4e-6))
    assert flipped(lab, quarter) == pytest.approx(0.5, abs=0.03)
    samples = light.pulse(20e-6, envelope=Envelope.sampled(np.full(20, 0.5)))
    assert flipped(lab, samples) == pytest.approx(1.0, abs=0.02)


def test_a_tone_that_is_set_is_on_until_it_is_off(lab: Any) -> None:
    tone, frequency = lab.node.qubit, lab.properties.qubit_resonance
    on = serial(tone.set(frequency), delay(PI_TIME / 4))
    share = flipped(lab, repeat(on, 1), repeat(delay(PI_TIME / 4), 2), delay(PI_TIME / 4), tone.off())
    assert share == pytest.approx(1.0, abs=0.02)
    assert flipped(lab, on, on, tone.off(), delay(50e-6)) == pytest.approx(0.5, abs=0.03)


def test_amplitudes_scanned_from_shot_to_shot(lab: Any) -> None:
    amplitudes = np.array([0.0, 0.5, 1.0])
    block = serial(
        optical_pump(lab.node, 50e-6),
        frame(lab).pulse(PI_TIME, amplitude=per_shot(amplitudes)),
        read_ions(lab.node, 1.5e-3),
    )
    dark = (lab.play(block, 900).counts["ions"] < 8).reshape(300, 3).mean(axis=0)
    assert dark == pytest.approx(np.sin(np.pi / 2 * amplitudes) ** 2, abs=0.18)
    assert dark[0] < 0.03
    assert dark[2] > 0.95


def test_waits_attempts_and_branches_together(lab: Any) -> None:
    node = lab.node
    noisy = lab.but(detector_dark_rate_h=4e3)
    click = readout("click")
    trying = attempt(
        node.detector_h.gate(100e-6, click),
        until=herald(click),
        timeout=450e-6,
        every=2,
        between=doppler_cool(node, 50e-6),
    )
    seen = readout("seen")
    look = parallel(node.detector_h.gate(100e-6, seen), delay(100e-6))
    block = serial(
        Trigger.of(node.target, "mains").wait(50e-3),
        trying,
        look,
        branch(herald(seen), delay(300e-6), delay(100e-6)),
    )
    record = noisy.play(block, 300)
    attempts = record.attempts
    begun = attempts.start_ps[np.searchsorted(attempts.shot, np.arange(300))]
    assert len(set((begun % (20 * MS)).tolist())) == 1
    # Attempts at 0, 100, 250, 350 us; not at 500.
    offsets = (attempts.start_ps - begun[attempts.shot]) // US
    assert set(offsets.tolist()) == {0, 100, 250, 350}
    made = np.bincount(attempts.shot)
    failed = np.bincount(attempts.shot, weights=attempts.heralded) == 0
    assert (made[failed] == 4).all()
    # A shot ends after its attempts, the pauses among them, and one way of the branch.
    pauses = np.where(failed, 2, (made - 1) // 2)
    ends = begun + (made * 100 + pauses * 50 + 100 + np.where(record.counts["seen"][:, 0] > 0, 300, 100)) * US
    assert record.start_ps[0] + record.duration_ps == ends[-1]
    assert (record.start_ps[1:] >= ends[:-1]).all()
    assert record.notes == ()
