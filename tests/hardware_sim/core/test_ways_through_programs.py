"""Loops with time-outs and recooling, heralds of all sorts, branches: which shots play what, and when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sequences.conditions import AllOf, AnyOf, Condition, Herald
from sequences.ir import Block
from sequences.language import attempt, delay, herald, parallel, readout, repeat, serial
from sequences.library import doppler_cool, generate_photon, map_to_ground, optical_pump, read_ions
from sequences.program import AttemptLoop, Branch, Play, Program, RepeatLoop, Step
from sequences.timeline import Operation

H, V = readout("photon_h"), readout("photon_v")
US = 10**6  # ps
TRY, RECOOL = 275 * US, 100 * US


def trial(lab: Any) -> Block:
    return serial(
        doppler_cool(lab.node, 200e-6),
        optical_pump(lab.node, 20e-6),
        generate_photon(lab.node, 50e-6, 55e-6),
    )


def trying(lab: Any, **changes: Any) -> Program:
    """Return attempts at a photon, between 1 ms of cooling and 1 ms of readout; recooling takes 0.1 ms."""
    program = lab.program(
        serial(
            doppler_cool(lab.node, 1e-3),
            attempt(trial(lab), until=herald(H, V), maximum=6),
            doppler_cool(lab.node, 100e-6),
            repeat(read_ions(lab.node, 1e-3), 1),
        )
    )
    cool, loop, recool, read = program.steps
    assert isinstance(loop, AttemptLoop)
    return replace(program, steps=(cool, replace(loop, between=(recool,), **changes), read))


def blind(lab: Any) -> Any:
    """Return the lab without photons: nothing is ever heralded."""
    return lab.but(path_transmission=0.0, detector_dark_rate_h=0.0, detector_dark_rate_v=0.0)


def begun(record: Any, shot: int) -> list[int]:
    """Return when the attempts of a shot began, in us since the first of them."""
    starts = record.attempts.start_ps[record.attempts.shot == shot]
    return ((starts - starts[0]) // US).tolist()


@pytest.mark.parametrize(("timeout", "attempts"), [(1, 1), (1_000_000, 4), (1_100_000, 4), (1_100_001, 5)])
def test_a_timeout_ends_a_loop_without_a_maximum(innsbruck: Any, timeout: int, attempts: int) -> None:
    lab = blind(innsbruck)
    record = lab.play_program(trying(lab, maximum=None, timeout=timeout), 3)
    for shot in range(3):
        assert begun(record, shot) == [275 * k for k in range(attempts)]
    assert not record.attempts.heralded.any()
    assert np.diff(record.start_ps).tolist() == [2000 * US + attempts * TRY] * 2


def test_a_timeout_counts_from_the_beginning_of_each_shots_loop(innsbruck: Any) -> None:
    # The shots have come to the second loop at different times; all of them have a millisecond in it.
    program = trying(innsbruck, maximum=None, timeout=1_000_000)
    cool, loop, read = program.steps
    assert isinstance(loop, AttemptLoop)
    never = replace(loop, herald=Herald((0, 1), at_least=10))
    record = innsbruck.play_program(replace(program, steps=(cool, loop, never, read)), 200)
    made = np.bincount(record.attempts.shot)
    assert made.min() == 5
    assert made.max() == 8
    heralded = np.bincount(record.attempts.shot, weights=record.attempts.heralded)
    assert (made[heralded == 0] == 8).all()


def test_the_maximum_and_the_timeout_both_end_a_loop(innsbruck: Any) -> None:
    lab = blind(innsbruck)
    assert begun(lab.play_program(trying(lab, maximum=3, timeout=10_000_000), 1), 0) == [0, 275, 550]
    assert begun(lab.play_program(trying(lab, maximum=3, timeout=300_000), 1), 0) == [0, 275]


def test_recooling_comes_after_every_few_failures_unless_the_loop_ends(innsbruck: Any) -> None:
    lab = blind(innsbruck)
    record = lab.play_program(trying(lab, maximum=6, every=2), 2)
    assert begun(record, 0) == [0, 275, 650, 925, 1300, 1575]
    # Not after the last attempt: 2 ms, six attempts and two pauses.
    assert record.start_ps[1] - record.start_ps[0] == 2000 * US + 6 * TRY + 2 * RECOOL


def test_no_attempt_is_begun_after_recooling_beyond_the_timeout(innsbruck: Any) -> None:
    lab = blind(innsbruck)
    record = lab.play_program(trying(lab, maximum=None, timeout=600_000, every=2), 2)
    assert begun(record, 0) == [0, 275]
    assert record.start_ps[1] - record.start_ps[0] == 2000 * US + 2 * TRY + RECOOL


def test_only_shots_that_still_try_are_recooled(innsbruck: Any) -> None:
    record = innsbruck.play_program(trying(innsbruck, maximum=6, every=1), 300)
    attempts = record.attempts
    made = np.bincount(attempts.shot)
    # A pause after each failure but the last of six.
    lengths = np.diff(record.start_ps)
    assert lengths.tolist() == (2000 * US + made * TRY + (made - 1) * RECOOL)[:-1].tolist()
    assert set(made) == set(range(1, 7))


def test_recooling_cools(innsbruck: Any) -> None:
    # Attempts without any cooling of their own, in a trap that heats fast: the last photons are rarer, unless
    # something cools in between.
    lab = innsbruck.but(heating_rate=2e5, path_transmission=1.0)
    shorter = serial(optical_pump(lab.node, 20e-6), generate_photon(lab.node, 50e-6, 55e-6))
    block = serial(
        doppler_cool(lab.node, 1e-3),
        attempt(serial(shorter, delay(300e-6)), until=herald(H, V), maximum=40),
        doppler_cool(lab.node, 1e-3),
    )
    cool, loop, recool = lab.program(block).steps
    late = []
    for every in (0, 5):
        again = replace(loop, every=every, between=(recool,))
        attempts = lab.play_program(replace(lab.program(block), steps=(cool, again)), 500, seed=2).attempts
        late.append(attempts.heralded[attempts.attempt >= 5].mean())
    assert late[1] > 1.5 * late[0]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (AllOf((Herald((0,)), Herald((1,), 0, 0))), lambda h, v: (h > 0) & (v == 0)),
        (AnyOf((Herald((0,), 2), Herald((1,), 2))), lambda h, v: (h >= 2) | (v >= 2)),
        (Herald((0, 1), 1, 1), lambda h, v: h + v == 1),
    ],
)
def test_an_attempt_is_heralded_where_its_condition_holds(
    quiet: Any, condition: Condition[int], holds: Any
) -> None:
    lab = quiet.but(detector_dark_rate_h=10e3, detector_dark_rate_v=6e3)
    record = lab.play_program(trying(lab, herald=condition, maximum=4), 400)
    attempts, tags = record.attempts, record.tags
    row = np.searchsorted(attempts.shot * 10 + attempts.attempt, tags.shot * 10 + tags.attempt)
    h, v = (np.bincount(row[tags.readout == number], minlength=len(attempts)) for number in (0, 1))
    assert attempts.heralded.tolist() == holds(h, v).tolist()
    assert 0 < attempts.heralded.sum() < len(attempts)


def branching(lab: Any, *, then: Block, otherwise: Block, rest: Block, tested: Block) -> Program:
    """Return a program that goes one way where the first readout has counted anything, else another."""
    blocks = [repeat(block, 1) for block in (tested, then, otherwise, rest)]
    program = lab.program(serial(*blocks))
    steps: list[Step] = []
    for loop in program.steps:
        assert isinstance(loop, RepeatLoop)
        steps += loop.steps
    first, one, other, last = steps
    return replace(program, steps=(first, Branch(Herald((0,)), (one,), (other,)), last))


def test_shots_go_the_way_that_they_have_counted(quiet: Any) -> None:
    # Where a dark count came, the ion is brought to D5/2, which takes longer: those shots end dark.
    lab = quiet.but(detector_dark_rate_h=1e4)
    node = lab.node
    program = branching(
        lab,
        tested=parallel(optical_pump(node, 100e-6), node.detector_h.gate(100e-6, H)),
        then=serial(map_to_ground(node), delay(43.6e-6)),
        otherwise=delay(20e-6),
        rest=read_ions(node, 1e-3),
    )
    record = lab.play_program(program, 400)
    counted = record.counts["photon_h"][:, 0] > 0
    assert 0.5 < counted.mean() < 0.8
    lengths = np.diff(record.start_ps)
    assert set(lengths[counted[:-1]]) == {1150 * US}
    assert set(lengths[~counted[:-1]]) == {1120 * US}
    ions = record.counts["ions"][:, 0]
    assert ions[~counted].mean() > 8
    assert ions[counted].mean() < 3


def test_a_branch_within_a_loop_asks_for_the_counts_of_its_pass(quiet: Any) -> None:
    lab = quiet.but(detector_dark_rate_h=1e4)
    program = branching(
        lab,
        tested=lab.node.detector_h.gate(100e-6, H),
        then=delay(50e-6),
        otherwise=delay(20e-6),
        rest=delay(1e-6),
    )
    record = lab.play_program(replace(program, steps=(RepeatLoop(3, program.steps),)), 300)
    ends = np.append(record.start_ps[1:], record.start_ps[0] + record.duration_ps)
    for shot in range(300):
        clicks = record.tags.t_ps[record.tags.shot == shot]
        now = record.start_ps[shot]
        for _ in range(3):
            counted = ((clicks >= now) & (clicks < now + 100 * US)).any()
            now += 100 * US + (50 * US if counted else 20 * US) + 1 * US
        assert now == ends[shot]


def test_a_branch_can_ask_what_the_camera_saw(quiet: Any) -> None:
    lab = quiet.but(initial_dark=0.5)
    node = lab.node
    program = branching(
        lab, tested=read_ions(node, 1.5e-3), then=delay(1e-6), otherwise=delay(5e-6), rest=delay(1e-6)
    )
    first, branch, last = program.steps
    assert isinstance(branch, Branch)
    bright = replace(branch, condition=Herald((0,), at_least=8))
    record = lab.play_program(replace(program, steps=(first, bright, last)), 200)
    seen = record.counts["ions"][:-1, 0] >= 8
    assert np.diff(record.start_ps).tolist() == np.where(seen, 1502 * US, 1506 * US).tolist()


def test_light_that_one_way_leaves_on_shines_in_the_shots_that_took_it(quiet: Any) -> None:
    lab = quiet.but(detector_dark_rate_h=1e4)
    node, belief = lab.node, lab.node.calibration
    program = branching(
        lab,
        tested=node.detector_h.gate(100e-6, H),
        then=delay(1e-6),
        otherwise=delay(1e-6),
        rest=node.camera.expose(1e-3, readout("ions")),
    )
    first, branch, last = program.steps
    assert isinstance(branch, Branch)
    beams = (
        ("doppler", belief.doppler_frequency, belief.doppler_amplitude),
        ("repump", belief.repump_frequency, 1.0),
    )
    on, off = (
        lab.timeline(
            1e-6,
            *(
                event
                for name, frequency, amplitude in beams
                for event in (
                    (0.0, name, Operation.FREQUENCY, frequency),
                    (0.0, name, Operation.AMPLITUDE, lit * amplitude),
                )
            ),
        )
        for lit in (1, 0)
    )
    steps = (first, replace(branch, then=(Play(on),)), last, Play(off))
    record = lab.play_program(replace(program, steps=steps), 400)
    counted = record.counts["photon_h"][:, 0] > 0
    ions = record.counts["ions"][:, 0]
    assert ions[counted].mean() > 5
    assert ions[~counted].mean() < 2


def test_voltages_that_one_way_sets_hold_the_strings_of_the_shots_that_took_it(quiet: Any) -> None:
    # A push of 40 V moves the ion out of the cavity: only where it was not pushed are there photons.
    lab = quiet.but(detector_dark_rate_v=1e4)
    node = lab.node
    push = serial(node.endcap_upper.set(126.0), node.endcap_lower.set(86.0), delay(300e-6))
    program = branching(
        lab,
        tested=node.detector_v.gate(100e-6, readout("dark")),
        then=push,
        otherwise=delay(300e-6),
        rest=serial(doppler_cool(node, 1e-3), optical_pump(node, 20e-6), generate_photon(node, 50e-6, 55e-6)),
    )
    back = serial(node.endcap_upper.set(106.0), node.endcap_lower.set(106.0), delay(1e-3))
    program = replace(program, steps=(*program.steps, *lab.program(back).steps))
    record = lab.play_program(program, 1000)
    pushed = record.counts["dark"][:, 0] > 0
    photons = record.counts["photon_h"][:, 0]
    # A single ion this hot gives an H photon in 7 % of the shots; 370 of them, and three sigma.
    assert photons[~pushed].mean() > 0.03
    assert photons[pushed].mean() < 0.02
