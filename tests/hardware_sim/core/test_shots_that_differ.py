"""Values that change from shot to shot; what one shot leaves on for the next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hardware_sim.core import core
from hardware_sim.core.outputs import left_standing
from hardware_sim.core.signals import Standing, Tone
from sequences.language import attempt, herald, readout, serial
from sequences.library import doppler_cool, generate_photon, optical_pump, read_ions
from sequences.program import Play, Program, ShotValues
from sequences.timeline import Operation


def flipping(lab: Any, amplitudes: list[float]) -> Program:
    """Return pumping, a pulse whose amplitude changes from shot to shot (1 is a pi pulse), and readout."""
    lab = lab.but(qubit_rabi_analysis=50e3)
    node = lab.node
    program = lab.program(
        serial(
            optical_pump(node, 50e-6),
            node.qubit.pulse(10e-6, node.calibration.analysis_frequency),
            read_ions(node, 1.5e-3),
        )
    )
    (step,) = program.steps
    assert isinstance(step, Play)
    of_qubit = step.timeline.channel == node.qubit.channel.number
    is_amplitude = step.timeline.operation == Operation.AMPLITUDE
    row = np.flatnonzero(of_qubit & is_amplitude)[:1]
    return replace(program, shot_values=(ShotValues(0, row, np.array(amplitudes)[:, None]),))


@pytest.mark.parametrize("size", [core.BATCH, 7], ids=["one batch", "many batches"])
def test_every_shot_plays_its_own_values(quiet: Any, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(core, "BATCH", size)
    program = flipping(quiet, [0.0, 1.0, 0.0])
    assert program.different_shots == 3
    record = quiet.play_program(program, 100)
    bright = record.counts["ions"][:, 0] >= 8
    flipped = np.arange(100) % 3 == 1
    assert bright[~flipped].all()
    assert bright[flipped].mean() < 0.1
    length = program.duration(heralded=True) * 1000
    assert record.start_ps.tolist() == [length * shot for shot in range(100)]
    assert record.duration_ps == 100 * length


def test_a_rabi_scan_within_one_point(quiet: Any) -> None:
    amplitudes = np.linspace(0, 1, 9)
    record = quiet.play_program(flipping(quiet, amplitudes.tolist()), 9 * 200)
    dark = record.counts["ions"].reshape(200, 9) < 8
    expected = np.sin(np.pi / 2 * amplitudes) ** 2
    assert dark.mean(axis=0) == pytest.approx(expected, abs=6 * (0.25 / 200) ** 0.5)


def test_more_different_values_than_shots_are_no_trouble(quiet: Any) -> None:
    program = flipping(quiet, [0.0, 1.0] * 50)
    counts = quiet.play_program(program, 3).counts["ions"][:, 0] >= 8
    assert counts.tolist()[::2] == [True, True]
    assert quiet.play_program(program, 0).shots == 0


def test_tags_and_attempts_of_different_shots_keep_their_order(innsbruck: Any) -> None:
    h, v = readout("photon_h"), readout("photon_v")
    node = innsbruck.node
    trial = serial(doppler_cool(node, 0.5e-3), optical_pump(node, 20e-6), generate_photon(node, 50e-6, 55e-6))
    program = innsbruck.program(attempt(trial, until=herald(h, v), maximum=5))
    (timeline,) = program.timelines()
    raman = np.isin(timeline.channel, [node.raman_v.channel.number, node.raman_h.channel.number])
    rows = np.flatnonzero(raman & (timeline.operation == Operation.AMPLITUDE) & (timeline.value > 0))
    values = np.array([[1.0, 1.0], [0.0, 0.0]])
    record = innsbruck.play_program(replace(program, shot_values=(ShotValues(0, rows, values),)), 400)
    attempts, tags = record.attempts, record.tags
    assert (np.diff(attempts.shot * 10 + attempts.attempt) > 0).all()
    assert (np.diff(tags.t_ps) >= 0).all()
    made = np.bincount(attempts.shot)
    assert np.diff(record.start_ps).tolist() == (made * 575_000_000)[:-1].tolist()
    odd = attempts.shot % 2 == 1
    assert attempts.heralded[~odd].mean() > 20 * attempts.heralded[odd].mean()
    begun = record.start_ps[tags.shot] + tags.attempt.astype(np.int64) * 575_000_000
    assert (tags.t_ps - tags.window_ps - begun).tolist() == [520_000_000] * len(tags)


def lit_after(lab: Any) -> Program:
    """Return a program that looks at the ions without light of its own, and then leaves light on."""
    belief = lab.node.calibration
    look = lab.program(lab.node.camera.expose(1e-3, readout("ions")))
    on = lab.timeline(
        1e-6,
        (0.0, "doppler", Operation.FREQUENCY, belief.doppler_frequency),
        (0.0, "doppler", Operation.AMPLITUDE, belief.doppler_amplitude),
        (0.0, "repump", Operation.FREQUENCY, belief.repump_frequency),
        (0.0, "repump", Operation.AMPLITUDE, belief.repump_amplitude),
    )
    return replace(look, steps=(*look.steps, Play(on)))


def test_light_that_a_shot_leaves_on_shines_in_the_next_one(quiet: Any) -> None:
    lab, program = quiet, lit_after(quiet)
    core = lab.core(1, 1)
    first = core.play(program, 50, lab.surroundings()).counts["ions"][:, 0]
    assert first[0] < 6
    assert first[1:].mean() > 8
    # It stays on until something ends it: of the next point, the first shot begins with it.
    assert core.play(program, 3, lab.surroundings()).counts["ions"].min() > 3
    off = lab.timeline(
        1e-6, (0.0, "doppler", Operation.AMPLITUDE, 0.0), (0.0, "repump", Operation.AMPLITUDE, 0.0)
    )
    ending = replace(program, steps=(program.steps[0], Play(off)))
    last = core.play(ending, 50, lab.surroundings()).counts["ions"][:, 0]
    assert last[0] > 3
    assert last[1:].mean() < 3


def test_what_a_program_leaves_on_is_what_it_said_last(quiet: Any) -> None:
    program, parts = lit_after(quiet), quiet.wiring.parts
    belief = quiet.node.calibration
    left = left_standing(program, parts, Standing())
    assert dict(left.tones) == {
        "doppler beam": Tone(belief.doppler_frequency, 0.0, belief.doppler_amplitude),
        "repump beam": Tone(belief.repump_frequency, 0.0, belief.repump_amplitude),
    }
    assert left_standing(program, parts, left) == left
    usual = quiet.program(doppler_cool(quiet.node, 1e-3))
    other = Standing.of({"qubit beam": Tone(220e6, 0.0, 1.0)})
    assert left_standing(usual, parts, left) == Standing()
    assert left_standing(usual, parts, other) == other
