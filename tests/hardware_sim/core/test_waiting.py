"""Waiting for triggers: when shots go on, what their ions do meanwhile, what is noted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hardware_sim.core.ensemble import D3, D5, SHIFTS, S
from hardware_sim.core.light import SLOW, evolution, read_light, solve
from hardware_sim.core.outputs import Outputs, Party
from hardware_sim.core.player import PACES, Player
from hardware_sim.core.signals import Standing, Tone
from hardware_sim.core.stage import Stage
from hardware_sim.core.triggers import LINE, NEVER, REMOTE, Triggers
from hardware_sim.physics.calcium import D52
from sequences.ir import Block
from sequences.language import attempt, delay, herald, parallel, readout, repeat, serial
from sequences.library import rotate
from sequences.program import AttemptLoop, Play, Program, Wait
from sequences.timeline import Operation

US, MS = 10**6, 10**9  # ps
MAINS, REMOTE_NODE, LOOSE = 40, 41, 42
CYCLE = 20 * MS
WENT_ON = "these shots went on without it"


@pytest.fixture(scope="module")
def lab(quiet: Any) -> Any:
    return quiet.listening()


def waiting(lab: Any, channel: int, timeout: float, after: Block, before: Block | None = None) -> Program:
    """Return a program that waits between two blocks."""
    program = lab.program(serial(repeat(before or delay(1e-6), 1), repeat(after, 1)))
    first, last = program.steps
    return replace(program, steps=(first, Wait(channel, round(timeout * 1e9)), last))


def performed(lab: Any, stage: Stage, program: Program) -> None:
    """Play a program on a stage, from its present state."""
    triggers = Triggers(lab.properties, np.random.default_rng(5))
    player = Player(stage, program, lab.wiring.parts, triggers)
    player.play(Outputs(Standing(), stage.endcaps.memory))


def marked(lab: Any) -> Block:
    """Return an attempt, whose start is on record, of 1 ms."""
    gate = lab.node.detector_h.gate(1e-3, readout("h"))
    return attempt(gate, until=herald(readout("h")), maximum=1)


def locked(lab: Any, before: Block, timeout: float = 1.0) -> Program:
    """Return a program that waits for the mains and then makes one attempt."""
    program = lab.program(serial(repeat(before, 1), marked(lab)))
    first, loop = program.steps
    return replace(program, steps=(first, Wait(MAINS, round(timeout * 1e9)), loop))


def test_what_comes_after_the_wait_is_locked_to_the_mains(lab: Any) -> None:
    record = lab.play_program(locked(lab, delay(3e-3)), 50)
    begun = record.attempts.start_ps
    assert len(set((begun % CYCLE).tolist())) == 1
    assert np.diff(begun).tolist() == [CYCLE] * 49
    assert (begun - record.start_ps)[1:].tolist() == [CYCLE - 1 * MS] * 49
    assert np.diff(record.start_ps)[1:].tolist() == [CYCLE] * 48
    assert 3 * MS <= begun[0] - record.start_ps[0] < 3 * MS + CYCLE
    assert record.notes == ()


def test_shots_of_different_lengths_stay_locked_to_the_mains(lab: Any) -> None:
    # Attempts before the wait, of random number: each shot waits for a crossing, in order, no two at once.
    noisy = lab.but(detector_dark_rate_h=60.0)
    click = noisy.node.detector_h.gate(2e-3, readout("click"))
    trying = attempt(click, until=herald(readout("click")), maximum=30)
    program = noisy.program(serial(trying, marked(noisy)))
    first, loop = program.steps
    record = noisy.play_program(replace(program, steps=(first, Wait(MAINS, 10**9), loop)), 200)
    last = np.append(np.flatnonzero(np.diff(record.attempts.shot)), len(record.attempts) - 1)
    begun = record.attempts.start_ps[last]
    assert len(set((begun % CYCLE).tolist())) == 1
    assert (np.diff(begun) >= CYCLE).all()
    assert (record.start_ps[1:] >= begun[:-1] + 1 * MS).all()
    assert record.duration_ps == begun[-1] + 1 * MS - record.start_ps[0]
    assert len(set(np.diff(begun).tolist())) > 2


def test_no_run_knows_the_phase_of_the_mains(lab: Any) -> None:
    phases = [
        lab.play_program(locked(lab, delay(1e-6)), 1, seed=seed).attempts.start_ps[0] % CYCLE
        for seed in range(40)
    ]
    assert len(set(phases)) == 40
    # The mean of 40 uniform numbers: five sigma.
    assert np.mean(phases) / CYCLE == pytest.approx(0.5, abs=5 / (12 * 40) ** 0.5)


def test_the_remote_node_is_ready_after_an_exponential_time(lab: Any) -> None:
    remote = lab.but(remote_ready_time=2e-3)
    record = remote.play_program(waiting(remote, REMOTE_NODE, 1.0, delay(5e-6)), 4000)
    waits = (np.diff(record.start_ps) - 6 * US) / 1e12
    assert waits.min() >= 0
    assert waits.mean() == pytest.approx(2e-3, rel=6 / 4000**0.5)
    assert (waits > 4e-3).mean() == pytest.approx(np.exp(-2), abs=6 * (0.12 / 4000) ** 0.5)
    assert record.notes == ()


def test_shots_go_on_at_a_step_of_the_inputs_grid(lab: Any) -> None:
    remote = lab.but(mains_frequency=59.99)
    for channel in (MAINS, REMOTE_NODE):
        record = remote.play_program(waiting(remote, channel, 1.0, delay(5e-6)), 20)
        assert (record.start_ps[:2] % 8000 == 0).all()
    edges = Triggers(remote.properties, np.random.default_rng(1))
    clock = np.arange(5) * 10**10
    at = clock + edges.wait_from(LINE, clock)
    assert (np.diff(at) % edges.cycle_ps == 0).all()
    assert edges.wait_from(None, clock).tolist() == [NEVER] * 5
    assert edges.wait_from(REMOTE, clock).min() >= 0


def test_a_wait_that_times_out_is_noted_and_the_shot_goes_on(lab: Any) -> None:
    remote = lab.but(remote_ready_time=1e-3)
    record = remote.play_program(waiting(remote, REMOTE_NODE, 1e-3, delay(5e-6)), 2000)
    lengths = np.diff(record.start_ps) - 6 * US
    assert lengths.max() == 1 * MS
    missed = int((lengths == 1 * MS).sum())
    assert missed == pytest.approx(2000 * np.exp(-1), abs=6 * (2000 * 0.23) ** 0.5)
    (note,) = record.notes
    times = int(note.split(", ")[1].split()[0])
    assert times - missed in (0, 1)  # the length of the last shot is not among the differences
    assert note == f"channel 'remote': no trigger within 1 ms, {times} times; {WENT_ON} (wait longer)"


def test_a_loose_input_is_told_from_a_late_trigger(lab: Any) -> None:
    record = lab.play_program(waiting(lab, LOOSE, 2e-3, delay(5e-6)), 3)
    assert record.notes == (
        f"channel 'loose': no trigger within 2 ms, 3 times; {WENT_ON} (nothing of the node drives this "
        "channel)",
    )
    assert np.diff(record.start_ps).tolist() == [2 * MS + 6 * US] * 2


def test_a_mains_wait_that_always_times_out_lets_the_shots_drift(lab: Any) -> None:
    # 3 ms of waiting in a cycle of 20 ms: one in six or seven shots meets a crossing.
    record = lab.play_program(locked(lab, delay(0.333e-3), timeout=3e-3), 400)
    (note,) = record.notes
    times = int(note.split(", ")[1].split()[0])
    assert 0.7 < times / 400 < 0.95


def test_ions_decay_while_they_wait(lab: Any) -> None:
    stage = lab.stage(500)
    stage.ensemble.coherent[:] = 0.0
    stage.ensemble.coherent[..., D5, D5] = 1.0
    remote = lab.but(remote_ready_time=0.3)
    performed(remote, stage, waiting(remote, REMOTE_NODE, 10.0, delay(5e-6)))
    every = np.arange(500)
    stage.ensemble.evolve(every, slice(None), 0)
    waited = stage.ensemble.clock_ps * 1e-12
    assert waited.std() > 0.1
    expected = np.exp(-waited / D52.lifetime)
    assert stage.ensemble.coherent[:, 0, D5, D5].real == pytest.approx(expected, abs=1e-9)


def test_ions_dephase_while_they_wait(lab: Any) -> None:
    # Half pulses around a wait of random length. A field that is off turns the ion by the time of each shot's
    # own wait, and the pulses count for half of theirs.
    remote = lab.but(remote_ready_time=2e-3)
    half = rotate(lab.node, 0.25)
    program = waiting(remote, REMOTE_NODE, 1.0, half, half)
    stage = remote.stage(400)
    stage.string.qubit[:] = 0.0
    stage.properties = replace(stage.properties, qubit_rabi_analysis=50e3)
    stage.ensemble.field[:200] = 2e-8 * np.random.default_rng(1).standard_normal(200)
    performed(remote, stage, program)
    apart = stage.ensemble.clock_ps * 1e-12 - 5e-6
    turned = (SHIFTS[D3] - SHIFTS[S]) * stage.ensemble.field * apart
    assert np.abs(turned).max() > 1
    flipped = stage.ensemble.coherent[:, 0, D3, D3].real
    # Decay takes up to the share of the wait in the lifetime.
    assert flipped == pytest.approx(np.cos(np.pi * turned) ** 2, abs=0.02)


def test_ions_heat_while_they_wait(lab: Any) -> None:
    heated = lab.but(heating_rate=1000.0, remote_ready_time=10e-3)
    stage = heated.stage(3000)
    rates = stage.field_heating()[list(stage.string.centre_of_mass)]
    performed(heated, stage, waiting(heated, REMOTE_NODE, 10.0, delay(5e-6)))
    waited = stage.ensemble.clock_ps * 1e-12
    quanta = stage.ensemble.quanta(np.arange(3000))[:, list(stage.string.centre_of_mass)]
    # Each is exponentially distributed about the rate times its own wait.
    relative = quanta / (rates * waited[:, None])
    assert relative.mean(axis=0) == pytest.approx([1.0] * 3, abs=6 / 3000**0.5)


def test_light_that_was_left_on_shines_for_as_long_as_each_shot_waits(lab: Any) -> None:
    # Weak 854 nm light empties D5/2 at a rate that is known: what is left tells how long it shone.
    remote = lab.but(remote_ready_time=1e-3)
    tone = Tone(lab.properties.quench_resonance, 0.0, 4e-3)
    rates = solve(read_light(lab.properties, {"quench beam": tone})).rates
    assert 100 < -rates[SLOW, SLOW] < 10_000
    on = lab.timeline(
        1e-6, (0.0, "quench", Operation.FREQUENCY, tone.frequency), (0.0, "quench", Operation.AMPLITUDE, 4e-3)
    )
    off = lab.timeline(1e-6, (0.0, "quench", Operation.AMPLITUDE, 0.0))
    program = lab.program(delay(1e-6))
    program = replace(program, steps=(Play(on), Wait(REMOTE_NODE, 10**9), Play(off)))
    stage = remote.stage(300)
    stage.ensemble.coherent[:] = 0.0
    stage.ensemble.coherent[..., D5, D5] = 1.0
    performed(remote, stage, program)
    every = np.arange(300)
    stage.ensemble.evolve(every, slice(None), 0)
    lit = stage.ensemble.clock_ps * 1e-12 - 1e-6
    stayed = np.array([evolution(rates, float(time))[0][SLOW, SLOW] for time in lit])
    expected = stayed * np.exp(-(lit + 1e-6) / D52.lifetime)
    assert lit.std() > 0.5e-3
    assert stage.ensemble.coherent[:, 0, D5, D5].real == pytest.approx(expected, abs=1e-6)


def test_a_wait_within_an_attempt_counts_for_its_timeout(lab: Any) -> None:
    remote = lab.but(remote_ready_time=1e-3)
    program = remote.program(marked(remote))
    (loop,) = program.steps
    assert isinstance(loop, AttemptLoop)
    steps = (Wait(REMOTE_NODE, 10**9), *loop.steps)
    loop = replace(loop, steps=steps, maximum=None, timeout=20_000_000)
    record = remote.play_program(replace(program, steps=(loop,)), 300)
    begun = record.attempts.start_ps - record.start_ps[record.attempts.shot]
    assert begun.max() < 20 * MS
    made = np.bincount(record.attempts.shot)
    # One and a wait of one millisecond each: ten on average, with a spread of some two.
    assert made.mean() == pytest.approx(10.5, abs=1.0)
    assert made.std() > 1


def moved_then_waited(lab: Any, wait: float) -> Program:
    """Return a program that moves the string at the end of a timeline, waits, and goes on for 1 us."""
    node = lab.node
    move = serial(delay(10e-6), parallel(node.endcap_upper.set(110.0), node.endcap_lower.set(102.0)))
    return waiting(lab, LOOSE, wait, delay(1e-6), serial(move, delay(1e-6)))


@pytest.mark.parametrize("wait", [8e-9, 2e-6, 40e-6, 1e-3])
def test_voltages_settle_in_a_wait_as_in_a_delay(lab: Any, wait: float) -> None:
    waited, delayed = lab.stage(3), lab.stage(3)
    performed(lab, waited, moved_then_waited(lab, wait))
    node = lab.node
    move = parallel(node.endcap_upper.set(110.0), node.endcap_lower.set(102.0))
    performed(lab, delayed, lab.program(serial(delay(10e-6), move, delay(2e-6 + wait))))
    assert waited.ensemble.clock_ps.tolist() == delayed.ensemble.clock_ps.tolist()
    held = []
    for stage in (waited, delayed):
        stage.endcaps.resume(stage.endcaps.memory)
        held.append(stage.endcaps.centre(0, stage.string.axial_frequency))
    assert held[0] == pytest.approx(held[1], rel=1e-6)
    settled = waited.endcaps.centre(10**12, waited.string.axial_frequency)
    assert (held[0] / settled > 0.999) == (wait > 20e-6)
    assert held[0] / settled > 0.3


def test_waits_of_many_lengths_keep_the_parties_few(lab: Any) -> None:
    # Within a tenth of what was left of the move, each shot finds its string where its own wait lets it be.
    remote = lab.but(remote_ready_time=20e-6)
    program = moved_then_waited(remote, 1.0)
    first, _, last = program.steps
    program = replace(program, steps=(first, Wait(REMOTE_NODE, 10**9), last))
    stage = remote.stage(3000)
    player = Player(stage, program, lab.wiring.parts, Triggers(remote.properties, np.random.default_rng(5)))
    begun = [Party(np.arange(3000), Outputs(Standing(), stage.endcaps.memory))]
    ended = player._steps(program.steps, begun, stage.recorder.mark())
    assert 50 < len(ended) <= PACES + 1
    assert np.array_equal(np.sort(np.concatenate([party.shots for party in ended])), np.arange(3000))
    moved: list[float] = []
    for party in ended:
        (since,) = {-times[-1] for times, _ in (party.outputs.endcaps.upper, party.outputs.endcaps.lower)}
        if since < 1.0:
            moved += (stage.ensemble.clock_ps[party.shots] * 1e-12 - since).tolist()
    assert len(moved) > 2000
    assert min(moved) == pytest.approx(10e-6, abs=10e-9)
    assert max(moved) - min(moved) < 1.01 * stage.endcaps.forgets / PACES


def test_a_tone_that_is_late_changes_within_a_wait_when_it_is_due(lab: Any) -> None:
    # 854 nm light that is switched off as a timeline ends goes off 2 us later than the setup states.
    late = lab.but(quench_latency=lab.node.quench.channel.latency + 2e-6)
    belief = lab.node.calibration.quench_frequency
    lit = lab.timeline(
        10e-6,
        (1e-6, "quench", Operation.FREQUENCY, belief),
        (1e-6, "quench", Operation.AMPLITUDE, 3e-2),
        (9.9e-6, "quench", Operation.AMPLITUDE, 0.0),
    )
    silent = lab.timeline(5e-6)
    stayed = []
    for steps in (
        (Play(lit), Wait(LOOSE, 400), Play(silent)),
        (Play(lit), Play(silent)),
        (Play(lit), Wait(LOOSE, 5000)),
    ):
        stage = late.stage(1)
        stage.ensemble.coherent[:] = 0.0
        stage.ensemble.coherent[..., D5, D5] = 1.0
        performed(late, stage, replace(lab.program(delay(1e-6)), steps=steps))
        stayed.append(stage.ensemble.coherent[0, 0, D5, D5].real)
    assert 0.2 < stayed[1] < 0.9
    assert stayed == pytest.approx([stayed[1]] * 3, rel=1e-4)
