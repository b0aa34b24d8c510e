"""Programs on the core: loops, heralds, clocks, dark counts, lost ions."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from data.columns import Record
from hardware_sim.core import core
from hardware_sim.core.core import SimulatedCore
from hardware_sim.surroundings import Surroundings
from sequences.ir import Block
from sequences.language import attempt, branch, delay, herald, parallel, readout, repeat, serial
from sequences.library import doppler_cool, generate_photon, hold, optical_pump, plan_transport, read_ions

H, V = readout("photon_h"), readout("photon_v")


def trial(lab: Any, index: int = 0) -> Block:
    """One attempt: cool, pump, ask for a photon."""
    return serial(
        doppler_cool(lab.node, 200e-6),
        optical_pump(lab.node, 20e-6),
        generate_photon(lab.node, 50e-6, 55e-6, index),
    )


def heralded(lab: Any, maximum: int = 12) -> Block:
    return serial(
        doppler_cool(lab.node, 2e-3),
        attempt(trial(lab), until=herald(H, V), maximum=maximum),
        read_ions(lab.node, 1.5e-3),
    )


@pytest.fixture(scope="module", params=[core.BATCH, 70], ids=["one batch", "six batches"])
def record(innsbruck: Any, request: pytest.FixtureRequest) -> Record:
    """What batches the shots are played in is of no consequence."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core, "BATCH", request.param)
        return innsbruck.play(heralded(innsbruck), 400, seed=3)


def test_attempts_end_with_the_herald(record: Record) -> None:
    attempts = record.attempts
    for shot in range(record.shots):
        mine = attempts.shot == shot
        assert attempts.attempt[mine].tolist() == list(range(mine.sum()))
        assert not attempts.heralded[mine][:-1].any()
        assert attempts.heralded[mine][-1] or mine.sum() == 12
    assert 100 < attempts.heralded.sum() < 400


def test_clicks_belong_to_attempts_that_were_heralded(record: Record) -> None:
    attempts, tags = record.attempts, record.tags
    succeeded = {
        (s, a) for s, a, h in zip(attempts.shot, attempts.attempt, attempts.heralded, strict=True) if h
    }
    assert {*zip(tags.shot.tolist(), tags.attempt.tolist(), strict=True)} == succeeded
    clicks = record.counts["photon_h"] + record.counts["photon_v"]
    assert clicks.sum() == len(tags)
    # A heralded ion is in D5/2, where it does not shine: but for its decay, the four-fold tail of the counts.
    dark = record.counts["ions"][clicks[:, 0] > 0, 0] < 8
    assert dark.mean() > 0.95


def test_shots_follow_each_other_without_gap_or_overlap(record: Record) -> None:
    attempts = record.attempts
    tries = np.bincount(attempts.shot, minlength=record.shots)
    each = 2_000_000_000 + 1_500_000_000 + 275_000_000 * tries
    assert np.diff(record.start_ps).tolist() == each[:-1].tolist()
    assert record.duration_ps == each.sum()
    begun = record.start_ps[attempts.shot] + 2_000_000_000 + 275_000_000 * attempts.attempt.astype(np.int64)
    assert attempts.start_ps.tolist() == begun.tolist()


def test_time_tags_are_in_order_and_inside_of_their_gates(record: Record) -> None:
    attempts, tags = record.attempts, record.tags
    assert (np.diff(tags.t_ps) >= 0).all()
    row = np.searchsorted(attempts.shot * 100 + attempts.attempt, tags.shot * 100 + tags.attempt)
    opened = attempts.start_ps[row] + 220_000_000
    assert (tags.t_ps - opened).tolist() == tags.window_ps.tolist()
    assert tags.window_ps.min() >= 0
    assert tags.window_ps.max() <= 55_000_000


def test_attempts_are_as_good_as_the_first(innsbruck: Any) -> None:
    # Each attempt prepares anew: heralds come with a constant probability. Chi-square of 5 attempts against
    # the mean, 4 degrees of freedom: above 40 with a probability of 4e-8.
    attempts = innsbruck.play(heralded(innsbruck, 5), 4000, seed=4).attempts
    made = np.bincount(attempts.attempt, minlength=5)
    good = np.bincount(attempts.attempt, weights=attempts.heralded, minlength=5)
    mean = good.sum() / made.sum()
    assert ((good - made * mean) ** 2 / (made * mean * (1 - mean))).sum() < 40


def test_loops_of_loops_count_attempts_through_the_shot(innsbruck: Any) -> None:
    # A click of the first round must not be taken for the herald of the second.
    block = repeat(attempt(trial(innsbruck), until=herald(H, V), maximum=3), 2)
    record = innsbruck.play(block, 300, seed=5)
    attempts = record.attempts
    for shot in range(300):
        mine = attempts.shot == shot
        assert attempts.attempt[mine].tolist() == list(range(mine.sum()))
        assert attempts.heralded[mine].sum() <= 2
    keys = {*zip(record.tags.shot.tolist(), record.tags.attempt.tolist(), strict=True)}
    assert attempts.heralded.sum() == len(keys)


def test_a_herald_counts_inner_loops_too(innsbruck: Any) -> None:
    inner = attempt(trial(innsbruck), until=herald(H, V), maximum=4)
    record = innsbruck.play(attempt(inner, until=herald(H, V), maximum=2), 300, seed=6)
    clicks = (record.counts["photon_h"] + record.counts["photon_v"])[:, 0]
    # A shot makes a second pass of the outer loop only if the first one saw nothing.
    assert clicks.max() <= 2
    per_shot = np.bincount(record.attempts.shot, minlength=300)
    assert (per_shot[clicks == 0] == 10).all()  # 2 outer and 8 inner


def test_no_click_leaves_all_attempts_unheralded(innsbruck: Any) -> None:
    dark = innsbruck.but(path_transmission=0.0, detector_dark_rate_h=0.0, detector_dark_rate_v=0.0)
    record = dark.play(heralded(dark, 3), 20)
    assert len(record.attempts) == 60
    assert not record.attempts.heralded.any()
    assert len(record.tags) == 0


def test_a_repeated_photon_is_the_same_as_a_written_one(innsbruck: Any) -> None:
    written = innsbruck.play(serial(*(trial(innsbruck, index) for index in range(4))), 3000, seed=7)
    looped = innsbruck.play(repeat(trial(innsbruck), 4), 3000, seed=8)
    found = [
        record.counts["photon_h"].sum() + record.counts["photon_v"].sum() for record in (written, looped)
    ]
    # Two counts of some 1200: six sigma of their difference.
    assert abs(found[0] - found[1]) < 6 * sum(found) ** 0.5


def test_dark_counts_come_at_their_rate_anywhere_in_the_gate(quiet: Any) -> None:
    lab = quiet.but(detector_dark_rate_h=5000.0, detector_dark_rate_v=0.0)
    record = lab.play(lab.node.detector_h.gate(1e-3, H), 4000)
    assert record.counts["photon_h"].mean() == pytest.approx(5.0, abs=6 * (5 / 4000) ** 0.5)
    assert record.counts["photon_h"].var() == pytest.approx(5.0, rel=0.2)
    assert record.tags.window_ps.mean() == pytest.approx(5e8, rel=0.02)


def test_a_gate_in_another_timeline_misses_the_photon(quiet: Any) -> None:
    node, belief = quiet.node, quiet.node.calibration
    prepare = serial(doppler_cool(node, 2e-3), optical_pump(node, 20e-6))
    # A photon stays in the cavity for 1.1 us: 20 us after the light it has been gone for long.
    pulse = serial(prepare, node.raman_v.pulse(50e-6, belief.raman_v_frequency), delay(20e-6))
    gate = node.detector_v.gate(60e-6, V)
    assert quiet.play(serial(pulse, repeat(gate, 1)), 300).counts["photon_v"].sum() == 0


def test_ions_that_buckle_are_lost_and_stay_lost(innsbruck: Any) -> None:
    node = innsbruck.node
    squeeze = serial(
        node.endcap_upper.set(900.0), node.endcap_lower.set(900.0), delay(1e-3), read_ions(node, 1.5e-3)
    )
    core = innsbruck.core(10, 1)
    first = core.play(innsbruck.program(squeeze), 50, innsbruck.surroundings())
    assert first.counts["ions"].mean() < 3
    (note,) = first.notes
    assert note.startswith("no ions in the trap: the trap lost its ions: a string of 10 ions buckles at")
    relax = serial(hold(node, plan_transport(node.calibration, 10), 0), read_ions(node, 1.5e-3))
    again = core.play(innsbruck.program(relax), 50, innsbruck.surroundings())
    assert again.notes == (note,)
    core.load(10, innsbruck.surroundings())
    assert core.play(innsbruck.program(serial(relax)), 50, innsbruck.surroundings()).notes == ()


def test_what_follows_a_loss_in_the_same_timeline_sees_the_background(innsbruck: Any) -> None:
    node = innsbruck.node
    block = serial(
        read_ions(node, 1.5e-3, "before"),
        node.endcap_upper.set(900.0),
        node.endcap_lower.set(900.0),
        delay(1e-3),
        read_ions(node, 1.5e-3, "after"),
        node.detector_h.gate(1e-3, H),
    )
    counts = innsbruck.play(block, 200, ions=10).counts
    assert counts["before"][0].mean() > 8
    assert counts["after"].mean() == pytest.approx(1.5, abs=6 * (1.5 / 2000) ** 0.5)


def test_shots_after_the_one_that_lost_the_ions_find_none(innsbruck: Any) -> None:
    # It squeezes the string and relaxes it again: all shots begin with the same voltages.
    node = innsbruck.node
    squeeze, relax = (
        parallel(node.endcap_upper.set(volts), node.endcap_lower.set(volts)) for volts in (900.0, 106.0)
    )
    core = innsbruck.core(10, 1)
    gone = serial(squeeze, delay(1e-3), doppler_cool(node, 10e-6), relax, delay(1e-3))
    block = serial(doppler_cool(node, 3e-3), read_ions(node, 1.5e-3), gone)
    record = core.play(innsbruck.program(block), 100, innsbruck.surroundings())
    assert record.counts["ions"][0].mean() > 8
    assert record.counts["ions"][1:].mean() == pytest.approx(1.5, abs=6 * (1.5 / 990) ** 0.5)
    assert len(record.notes) == 1
    assert (np.diff(record.start_ps) == record.start_ps[1] - record.start_ps[0]).all()


def test_shots_before_the_one_that_lost_the_ions_keep_them(quiet: Any) -> None:
    # Dark counts decide by themselves which is the first shot that squeezes its string.
    lab = quiet.but(detector_dark_rate_h=40.0)
    node = lab.node
    squeeze, relax = (
        parallel(node.endcap_upper.set(volts), node.endcap_lower.set(volts)) for volts in (900.0, 106.0)
    )
    block = serial(
        node.detector_h.gate(1e-3, H),
        branch(herald(H), serial(squeeze, delay(1e-3), doppler_cool(node, 10e-6), relax), delay(1e-3)),
        delay(1e-3),
        read_ions(node, 1.5e-3),
    )
    record = lab.play(block, 100, ions=10, seed=2)
    first = int(np.flatnonzero(record.counts[H.name][:, 0])[0])
    assert 3 < first < 90
    seen = record.counts["ions"].mean(axis=1)
    assert seen[:first].min() > 8
    assert seen[first:].max() < 4


def test_without_rf_nothing_is_held(innsbruck: Any) -> None:
    core = innsbruck.core(2, 1)
    off = Surroundings(0.0, "the trap RF is off", 0.0, 0.0)
    record = core.play(innsbruck.program(read_ions(innsbruck.node, 1.5e-3)), 100, off)
    assert record.notes == ("no ions in the trap: the trap RF is off",)
    assert record.counts["ions"].mean() < 2.5


def test_a_trap_that_was_never_loaded_is_empty(innsbruck: Any) -> None:
    core = SimulatedCore(innsbruck.properties, innsbruck.wiring.parts, np.random.default_rng(1))
    record = core.play(innsbruck.program(read_ions(innsbruck.node, 1.5e-3)), 5, innsbruck.surroundings())
    assert record.notes == ("no ions in the trap: the trap was never loaded",)


@pytest.mark.parametrize("ions", [1, 2, 10, 50, 120])
def test_strings_of_any_length_are_loaded_and_held(innsbruck: Any, ions: int) -> None:
    node = innsbruck.node
    block = serial(
        hold(node, plan_transport(node.calibration, ions), 0),
        doppler_cool(node, 2e-3),
        read_ions(node, 1.5e-3),
    )
    record = innsbruck.play(block, 3, ions=ions)
    # Long strings would buckle where the endcaps rest; that they rest lower is told.
    assert all(note.startswith("the endcaps rest at") for note in record.notes)
    assert len(record.notes) == (ions > 10)
    assert record.counts["ions"].shape == (3, ions)
    assert record.counts["ions"].mean() > 12


def test_no_shots_make_an_empty_record(innsbruck: Any) -> None:
    record = innsbruck.play(heralded(innsbruck), 0)
    assert (record.shots, record.duration_ps, len(record.tags), len(record.attempts)) == (0, 0, 0, 0)
    assert record.counts["ions"].shape == (0, 1)


def test_lab_time_goes_on_from_point_to_point(innsbruck: Any) -> None:
    core, program = innsbruck.core(1, 1), innsbruck.program(read_ions(innsbruck.node, 1e-3))
    records = [core.play(program, 3, innsbruck.surroundings()) for _ in range(3)]
    for one, two in pairwise(records):
        assert two.start_ps[0] == one.start_ps[0] + one.duration_ps


def test_the_same_seed_gives_the_same_clicks(innsbruck: Any) -> None:
    one, two, other = (innsbruck.play(heralded(innsbruck), 50, seed=seed) for seed in (1, 1, 2))
    assert one.tags.t_ps.tolist() == two.tags.t_ps.tolist()
    assert one.counts["ions"].tolist() == two.counts["ions"].tolist()
    assert one.counts["ions"].tolist() != other.counts["ions"].tolist()
