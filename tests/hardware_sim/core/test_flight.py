"""Photons that are under way for longer than what is played meanwhile, and detectors that remember."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from data.columns import Record
from hardware_sim.core.ensemble import D3, D5
from hardware_sim.core.flight import Flight
from hardware_sim.core.photons import DETECTORS, Watch, background_rates
from hardware_sim.core.recorder import Recorder
from hardware_sim.core.signals import Window
from hardware_sim.physics.detectors import Stream, observed_rate
from sequences.ir import Block, Readout
from sequences.language import Trigger, at, attempt, delay, herald, parallel, readout, repeat, serial
from sequences.library import doppler_cool, generate_photon, optical_pump, read_ions

NS, US = 10**3, 10**6  # ps
KM20 = 20e3 * 1.4682 / 299_792_458.0  # 97.95 us
H, V = Readout("photon_h"), Readout("photon_v")
PULSE, WINDOW = 50e-6, 55e-6


@pytest.fixture(scope="module")
def far(quiet: Any) -> Any:
    """The quiet lab with its detectors behind 20 km of fibre, which takes nothing of the light."""
    return quiet.but(fibre_length=20e3, fibre_attenuation=0.0)


def light(lab: Any, pulse: float = PULSE) -> Block:
    belief = lab.node.calibration
    return parallel(
        lab.node.raman_v.pulse(pulse, belief.raman_v_frequency),
        lab.node.raman_h.pulse(pulse, belief.raman_h_frequency),
    )


def gates(lab: Any, window: float = WINDOW, index: int = 0) -> Block:
    return parallel(
        lab.node.detector_h.gate(window, Readout("photon_h", index)),
        lab.node.detector_v.gate(window, Readout("photon_v", index)),
    )


def prepared(lab: Any, *blocks: Block) -> Block:
    return serial(doppler_cool(lab.node, 2e-3), optical_pump(lab.node, 20e-6), *blocks)


def clicks(record: Record) -> np.ndarray:
    return record.counts["photon_h"] + record.counts["photon_v"]


def test_a_gate_that_opens_when_the_photon_arrives_sees_what_it_would_see_nearby(
    quiet: Any, far: Any
) -> None:
    shots = 6000
    near = clicks(quiet.play(prepared(quiet, generate_photon(quiet.node, PULSE, WINDOW)), shots)).mean()
    block = prepared(far, parallel(light(far), at(98e-6, gates(far))))
    late = far.play(block, shots, seed=2)
    # Two binomials: five sigma of their difference.
    assert clicks(late).mean() == pytest.approx(near, abs=5 * (2 * near * (1 - near) / shots) ** 0.5)
    # The wave packet is the same, 0.05 us earlier in a gate that opens so much later.
    here = quiet.play(prepared(quiet, generate_photon(quiet.node, PULSE, WINDOW)), shots, seed=3)
    mean = here.tags.window_ps.mean()
    sigma = here.tags.window_ps.std() / len(here.tags) ** 0.5
    assert late.tags.window_ps.mean() == pytest.approx(mean - 0.05 * US, abs=7 * sigma)


def test_a_gate_that_opens_with_the_light_sees_nothing_but_noise(far: Any) -> None:
    lab = far.but(detector_dark_rate_h=2000.0)
    record = lab.play(prepared(lab, generate_photon(lab.node, PULSE, WINDOW)), 4000)
    assert record.counts["photon_v"].sum() == 0
    expected = 2000 * WINDOW * 4000
    assert record.counts["photon_h"].sum() == pytest.approx(expected, abs=5 * expected**0.5)


def trial(lab: Any, pulse: float = 20e-6) -> Block:
    """Return 60 us in which the ion is made ready and gets light from 40 us on."""
    return serial(
        doppler_cool(lab.node, 20e-6), optical_pump(lab.node, 20e-6), light(lab, pulse), delay(20e-6 - pulse)
    )


def test_photons_under_way_at_the_same_time_meet_the_gates_of_later_timelines(far: Any) -> None:
    # Light from 40, 100 and 160 us on; its photons come 97.95 us later, from 137.95, 197.95 and 257.95 us on.
    # All trials are over at 180 us; what then opens the gates is a loop of 40 us, with a pause of 2 us.
    block = serial(
        doppler_cool(far.node, 2e-3),
        repeat(trial(far), 3),
        repeat(serial(gates(far, 38e-6), delay(2e-6)), 3),
    )
    shots = 4000
    tags = (record := far.play(block, shots)).tags
    times = (tags.t_ps - record.start_ps[tags.shot]) / US - 2180
    assert (times % 40).max() <= 38
    # Nothing comes between the first photon, which came too soon, and the second.
    counts = [np.count_nonzero((times >= a) & (times < b)) for a, b in ((0, 17.9), (17.9, 77.9), (77.9, 120))]
    assert counts[0] == 0
    # An ion that has emitted is brought back only in part by so short a preparation.
    assert counts[1] > counts[2] > 50


def test_a_train_in_flight_is_caught_photon_by_photon(quiet: Any, far: Any) -> None:
    # All three are emitted before the first has arrived.
    def train(lab: Any, late: float) -> Block:
        send = serial(*(trial(lab) for _ in range(3)))
        catch = [at(late + 40e-6 + 60e-6 * k, gates(lab, 28e-6, k)) for k in range(3)]
        return serial(doppler_cool(lab.node, 2e-3), parallel(send, serial(*catch)))

    shots = 6000
    far = far.but(fibre_length=40e3)
    near, distant = (
        clicks(lab.play(train(lab, late), shots)).mean(axis=0)
        for lab, late in ((quiet, 0.0), (far, round(2 * KM20, 9)))
    )
    assert distant == pytest.approx(near, abs=5 * (2 * near.max() / shots) ** 0.5)
    assert near.min() > 0.03


def test_what_arrives_while_no_gate_is_open_is_lost_and_comes_once(far: Any) -> None:
    twice = prepared(far, parallel(light(far), at(98e-6, gates(far))), repeat(gates(far, WINDOW, 1), 3))
    found = clicks(far.play(twice, 3000))
    assert found.sum(axis=1).max() == 1
    assert found[:, 0].mean() > 0.1
    late = prepared(far, parallel(light(far), at(200e-6, gates(far))))
    assert clicks(far.play(late, 500)).sum() == 0


def test_photons_wait_while_the_core_waits(quiet: Any) -> None:
    # Gates open in the timeline after a wait of 950 us for a trigger that never comes, and 50 us of light:
    # the time for 204 km of fibre.
    lab = quiet.listening().but(fibre_length=204.24e3, fibre_attenuation=0.0)
    wait = Trigger.of(lab.node.target, "loose").wait(950e-6)
    block = prepared(lab, light(lab), wait, gates(lab, 60e-6))
    record = lab.play(block, 2000)
    expected = clicks(quiet.play(prepared(quiet, generate_photon(quiet.node, PULSE, WINDOW)), 2000)).mean()
    assert clicks(record).mean() == pytest.approx(expected, abs=5 * (2 * expected / 2000) ** 0.5)


def test_a_delayed_herald_ends_the_attempt_that_waited_for_it(far: Any) -> None:
    waiting = serial(
        doppler_cool(far.node, 100e-6),
        optical_pump(far.node, 20e-6),
        parallel(light(far), at(98e-6, gates(far))),
    )
    block = serial(
        doppler_cool(far.node, 2e-3),
        attempt(waiting, until=herald(readout("photon_h"), readout("photon_v")), maximum=10),
        read_ions(far.node, 1.5e-3),
    )
    record = far.play(block, 1500)
    attempts, tags = record.attempts, record.tags
    heralded = {*zip(attempts.shot[attempts.heralded], attempts.attempt[attempts.heralded], strict=True)}
    assert heralded == {*zip(tags.shot.tolist(), tags.attempt.tolist(), strict=True)}
    assert len(heralded) > 500
    # The ion of a photon that was seen is in D5/2, whenever the photon was seen.
    assert (record.counts["ions"][clicks(record)[:, 0] > 0, 0] < 8).mean() > 0.99


def test_a_photon_counts_for_the_attempt_in_which_it_arrives(far: Any) -> None:
    # Gates open in each attempt when the photon of the one before arrives: none is heralded by itself, and no
    # photon is left for the attempt after the next.
    own = serial(doppler_cool(far.node, 30e-6), optical_pump(far.node, 18e-6))
    short = serial(own, parallel(light(far), gates(far, 49e-6)))
    seen = herald(readout("photon_h"), readout("photon_v"))
    record = far.play(serial(doppler_cool(far.node, 2e-3), attempt(short, until=seen, maximum=4)), 2000)
    heralded = np.bincount(record.attempts.attempt[record.attempts.heralded], minlength=4)
    assert heralded[0] == 0
    assert heralded[1] > 200
    assert heralded[1] > heralded[2] > heralded[3]


def test_ions_are_correlated_with_photons_that_are_still_under_way(far: Any) -> None:
    lab = far.but(cavity_birefringence=0.0)
    stage = lab.stage(4000, block=lab.program(prepared(lab, parallel(light(lab), at(98e-6, gates(lab))))))
    levels = np.einsum("sii->si", stage.ensemble.coherent[:, 0]).real
    seen = {name: stage.recorder.counts[name][:, 0] > 0 for name in ("photon_h", "photon_v")}
    assert levels[seen["photon_h"], D3].mean() > 0.98
    assert levels[seen["photon_v"], D5].mean() > 0.98
    # Also of those that no gate has seen, it is known whether the detector would have absorbed a photon.
    stage = lab.stage(4000, block=lab.program(prepared(lab, parallel(light(lab), gates(lab, 1e-6)))))
    assert len(stage.recorder.take(np.arange(4000), np.zeros(4000), np.zeros(4000)).tags) == 0
    left = np.einsum("sii->si", stage.ensemble.coherent[:, 0]).real
    assert left[:, [D5, D3]].mean(axis=0) == pytest.approx(levels[:, [D5, D3]].mean(axis=0), abs=0.03)


def test_the_tail_of_a_photon_is_seen_in_the_next_timeline(quiet: Any) -> None:
    # The light ends with its timeline, in the middle of the wave packet; the next one opens the gates.
    block = prepared(quiet, light(quiet, 6e-6), repeat(gates(quiet, 20e-6), 1))
    whole = prepared(quiet, parallel(light(quiet, 6e-6), gates(quiet, 26e-6)))
    shots = 20_000
    tail = quiet.play(block, shots)
    same = quiet.play(whole, shots, seed=2)
    expected = (same.tags.window_ps > 6 * US).sum()
    assert expected > 50
    assert len(tail.tags) == pytest.approx(expected, abs=5 * (2 * expected) ** 0.5)
    # It decays with the linewidth of the cavity: 1.14 us.
    assert tail.tags.window_ps.mean() == pytest.approx(1.14 * US, rel=0.2)


def test_dead_time_reaches_over_gates_and_timelines(quiet: Any) -> None:
    lab = quiet.but(detector_dark_rate_h=900e3, detector_dead_time=2e-6, detector_jitter=0.0)
    first, second = (lab.node.detector_h.gate(20e-6, Readout("photon_h", k)) for k in range(2))
    record = lab.play(repeat(serial(first, delay(1e-6), second), 30), 60)
    times = record.tags.t_ps + 10**9 * record.tags.shot  # shots do not follow each other's clicks
    gaps = np.diff(np.sort(times))
    assert gaps.min() >= 2 * US
    expected = observed_rate(900e3, 2e-6) * 60 * 20e-6 * 60
    # The first gate of each shot finds the detector as dead as all others: it ran before.
    assert record.counts["photon_h"].sum() == pytest.approx(expected, abs=5 * expected**0.5)
    early = (record.tags.window_ps < 2 * US).mean()
    assert early == pytest.approx(0.1, abs=5 * (0.09 / len(record.tags)) ** 0.5)


def test_afterpulses_of_one_gate_are_seen_in_the_next(quiet: Any) -> None:
    lab = quiet.but(
        detector_dark_rate_h=1000.0, detector_afterpulsing=0.5, detector_afterpulse_time=100e-6,
        detector_dead_time=0.0, detector_jitter=0.0,
    )  # fmt: skip
    gate = lab.node.detector_h.gate(50e-6, H)
    record = lab.play(repeat(gate, 40), 500)
    # Each arrival makes two clicks in all; gates are open for 2 ms, as long as twenty mean delays, and what
    # was released before the first one comes on top of what is released after the last.
    expected = 2 * 1000 * 40 * 50e-6 * 500
    assert record.counts["photon_h"].sum() == pytest.approx(expected, rel=0.1)


def test_jitter_moves_clicks_in_their_gates(quiet: Any) -> None:
    shots, noticed = 40_000, []
    for jitter in (0.0, 300e-9):
        lab = quiet.but(detector_jitter=jitter)
        recorder, flight = recorder_of(lab, shots), Flight(lab.properties, shots)
        flight.launch("h detector", Stream(np.arange(shots), np.full(shots, 5 * US)))
        clock = np.zeros(shots, dtype=np.int64)
        flight.land(np.random.default_rng(1), np.arange(shots), clock, WINDOWS, 20 * US, recorder)
        noticed.append(tags_of(recorder))
    assert set(noticed[0].tolist()) == {5 * US}
    assert noticed[1].std() == pytest.approx(0.3 * US, rel=0.02)
    assert noticed[1].mean() == pytest.approx(5 * US, abs=5 * 0.3 * US / shots**0.5)


WINDOWS = (Window("h detector", 0, 0, 10 * US), Window("v detector", 1, 0, 10 * US))


def recorder_of(lab: Any, shots: int) -> Recorder:
    return Recorder(lab.program(gates(lab)), shots, 1)


def tags_of(recorder: Recorder) -> np.ndarray:
    shots = len(recorder.attempt)
    return recorder.take(np.arange(shots), np.zeros(shots), np.zeros(shots)).tags.t_ps


def landing(lab: Any, flight: Flight, windows: Sequence[Window], clock: int, shots: Any) -> np.ndarray:
    """Let photons land for 20 us from some lab time on in three shots; return the times of their tags."""
    recorder = recorder_of(lab, 3)
    clocks = np.full(3, clock)
    flight.land(np.random.default_rng(1), np.array(shots), clocks, windows, 20 * US, recorder)
    return tags_of(recorder)


def test_only_shots_that_play_a_timeline_take_their_photons_out_of_the_air(quiet: Any) -> None:
    flight = Flight(quiet.properties, 3)
    flight.launch("h detector", Stream(np.array([0, 1, 2]), np.array([5, 6, 7]) * US))
    assert np.round(landing(quiet, flight, WINDOWS, 0, [0, 2]) / US).tolist() == [5, 7]
    assert landing(quiet, flight, WINDOWS, 0, [0, 2]).tolist() == []
    assert np.round(landing(quiet, flight, WINDOWS, 0, [1]) / US).tolist() == [6]


def test_photons_that_come_after_the_end_are_kept(quiet: Any) -> None:
    flight = Flight(quiet.properties, 3)
    flight.launch("h detector", Stream(np.array([0]), np.array([27 * US])))
    assert landing(quiet, flight, WINDOWS, 0, [0, 1, 2]).tolist() == []
    assert np.round(landing(quiet, flight, WINDOWS, 20 * US, [0, 1, 2]) / US).tolist() == [27]


def test_detectors_are_watched_before_their_gates_and_after_the_end(quiet: Any) -> None:
    lab = quiet.but(detector_dead_time=50e-9, detector_jitter=0.0)
    plan = Flight(lab.properties, 1).plan(WINDOWS[:1], 30 * US)
    before = 400 * NS  # eight dead times
    assert [(w.part, w.start, w.stop < 10**15) for w in plan] == [
        ("h detector", -before, True),
        ("h detector", 30 * US - before, False),
        ("v detector", 30 * US - before, False),
    ]
    far = quiet.but(fibre_length=1.0)
    assert {w.part for w in Flight(far.properties, 1).plan((), 30 * US)} == set(DETECTORS)
    assert all(isinstance(w, Watch) and w.start < -(10**15) for w in Flight(far.properties, 1).plan((), 1))


def test_noise_of_the_conversion_is_attenuated_like_the_photon(innsbruck: Any) -> None:
    lab = innsbruck.but(
        conversion_noise=1e6, fibre_length=50e3, fibre_connectors=0.5, path_transmission=0.3,
        detector_dark_rate_h=0.0, detector_dark_rate_v=7.0,
    )  # fmt: skip
    rates = background_rates(lab.properties)
    arriving = 1e6 * 10 ** (-0.0181 * 50) * 0.5
    assert rates["h detector"] == pytest.approx(arriving / 2 * 0.87, rel=0.01)
    assert rates["v detector"] == pytest.approx(arriving / 2 * 0.88 + 7.0, rel=0.01)
    gate = parallel(lab.node.detector_h.gate(1e-3, H), lab.node.detector_v.gate(1e-3, V))
    counts = clicks(lab.play(gate, 100))
    expected = 1e-3 * sum(observed_rate(rate, 50e-9) for rate in rates.values())
    assert counts.mean() == pytest.approx(expected, abs=5 * (expected / 100) ** 0.5)


def test_the_published_budget_of_101_km_comes_out_of_the_node(innsbruck: Any) -> None:
    # Krutyanskiy et al., PRX Quantum 5, 020308 (2024), app. C: 15(1.2)e-4 of the photons in the cavity.
    lab = innsbruck.but(
        path_transmission=1.0, conversion_efficiency=0.30, fibre_length=100.8e3,
        fibre_attenuation=-10 * np.log10(0.0136) / 100.8e3, fibre_connectors=0.95, detector_coupling=0.83,
        detector_efficiency_h=0.75, detector_efficiency_v=0.75,
    )  # fmt: skip
    from hardware_sim.core.photons import detector_effects

    effects = detector_effects(lab.properties, 0.1, 0.2)
    seen = sum(np.trace(effect).real / 2 for effect in effects.values())
    assert seen == pytest.approx(15e-4, abs=1.2e-4)
    near = detector_effects(innsbruck.but(path_transmission=1.0).properties, 0.1, 0.2)
    assert sum(np.trace(effect).real / 2 for effect in near.values()) == pytest.approx(0.518, abs=0.011)
