"""Click tables against the emission that they are made from."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware_sim.core.photon_pulse import raman_model
from hardware_sim.core.photons import DETECTORS, ClickTable, detector_effects, tabulate
from hardware_sim.core.signals import Window
from hardware_sim.physics.raman import Drive, Emission, emit

US = 10**6  # ps
START = 3 * US
COUPLINGS = np.array([0.0, 0.5, 0.8, 1.0])
EVERYTHING = {part: np.eye(2, dtype=complex) / 2 for part in DETECTORS}
"""Detectors that together see every photon, whatever its polarisation."""


@pytest.fixture(scope="module")
def emission(innsbruck: Any) -> Emission:
    drive = Drive(20e-6, 19.14e6, 23.63e6, 0.765e6, 0.765e6)
    spins = np.repeat([0.0, 1.0], len(COUPLINGS))
    return emit(raman_model(innsbruck.properties), [drive], np.tile(COUPLINGS, 2), 0.5e-6, 8e-6, spins)


@pytest.fixture(scope="module")
def effects(innsbruck: Any) -> dict[str, np.ndarray]:
    own = innsbruck.properties
    return detector_effects(own, own.half_wave_plate_mount + 0.03, own.quarter_wave_plate_mount + 0.07)


def gates(*times: tuple[int, int]) -> list[Window]:
    """Return gates of both detectors from and to some times (ps of the timeline)."""
    windows = [Window(part, row, *span) for row, part in enumerate(DETECTORS) for span in times]
    return sorted(windows, key=lambda window: window.start)


def table_of(emission: Emission, windows: list[Window], effects: dict[str, np.ndarray]) -> ClickTable:
    return tabulate(emission, COUPLINGS, windows, START, effects)


@settings(deadline=None, max_examples=30)
@given(times=st.lists(st.integers(0, 40 * US), min_size=2, max_size=6, unique=True))
def test_every_outcome_has_its_probability(emission: Emission, effects: Any, times: list[int]) -> None:
    ordered = sorted(times)
    table = table_of(emission, gates(*pairwise(ordered)), effects)
    missed = np.einsum("rii->r", table.missed).real
    assert (table.clicked >= 0).all()
    assert table.clicked.sum(axis=1) + missed + table.left.sum(axis=1) == pytest.approx(1.0, abs=1e-9)
    assert np.linalg.eigvalsh(table.missed).min() > -1e-12


def test_states_after_a_click_are_states(emission: Emission, effects: Any) -> None:
    table = table_of(emission, gates((START, START + 25 * US)), effects)
    likely = np.diff(table.arrival, axis=-1, prepend=0.0) * table.clicked[..., None] > 1e-9
    states = table.after_click[likely]
    assert np.einsum("sii->s", states).real == pytest.approx(1.0)
    assert np.abs(states - states.conj().swapaxes(-1, -2)).max() < 1e-12
    assert np.linalg.eigvalsh(states).min() > -1e-9


def test_detectors_that_see_everything_count_every_photon(emission: Emission) -> None:
    table = table_of(emission, gates((0, 100 * US)), EVERYTHING)
    assert table.clicked.sum(axis=1) == pytest.approx(emission.probability, rel=1e-12)
    # What is missed then is still in the cavity.
    assert np.einsum("rii->r", table.missed).real == pytest.approx(emission.inside, abs=1e-12)


def test_a_gate_sees_what_comes_while_it_is_open(emission: Emission) -> None:
    early, late = START + 4 * US + 200_000, START + 11 * US
    table = table_of(emission, gates((early, late)), EVERYTHING)
    arrived = np.concatenate([np.zeros((8, 1)), np.cumsum(emission.wave_packet, axis=1)], axis=1)
    expected = [
        np.interp(11e-6, emission.edges, row) - np.interp(4.2e-6, emission.edges, row) for row in arrived
    ]
    assert table.clicked.sum(axis=1) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("times", [(0, START), (START + 28 * US, START + 60 * US)])
def test_a_gate_before_or_after_the_photon_sees_nothing(
    emission: Emission, effects: Any, times: tuple[int, int]
) -> None:
    assert table_of(emission, gates(times), effects).clicked.max() < 1e-18  # rounding of the edges


def test_a_gate_cut_in_two_sees_as_much(emission: Emission, effects: Any) -> None:
    start, cut, stop = START, START + 6 * US + 123_000, START + 20 * US
    whole = table_of(emission, gates((start, stop)), effects)
    halves = table_of(emission, gates((start, cut), (cut, stop)), effects)
    assert halves.clicked.sum(axis=1) == pytest.approx(whole.clicked.sum(axis=1), abs=1e-12)
    assert np.abs(halves.missed - whole.missed).max() < 1e-12


def test_rows_interpolate_in_the_square_of_the_coupling(emission: Emission, effects: Any) -> None:
    table = table_of(emission, gates((0, 100 * US)), effects)
    rng, shots = np.random.default_rng(2), 40_000
    coupling = np.repeat([0.0, 0.3, 0.62, 1.0], shots)
    rows = table.pick(rng, coupling, np.zeros(len(coupling), dtype=bool))
    mean = (COUPLINGS[rows] ** 2).reshape(4, shots).mean(axis=1)
    assert mean == pytest.approx([0.0, 0.09, 0.3844, 1.0], abs=5 * 0.5 / shots**0.5)
    assert (table.pick(rng, coupling, np.ones(len(coupling), dtype=bool)) >= len(COUPLINGS)).all()


def test_click_times_follow_the_wave_packet_and_stay_in_the_gate(emission: Emission) -> None:
    early, late = START + 4 * US + 200_000, START + 11 * US
    table = table_of(emission, gates((early, late)), EVERYTHING)
    rng, clicks = np.random.default_rng(3), 50_000
    rows, windows = np.full(clicks, 3), rng.integers(0, 2, clicks)
    bins, times = table.draw_times(rng, rows, windows)
    assert times.min() >= 4.2e-6
    assert times.max() <= 11e-6
    expected = np.diff(table.arrival[3, 0], prepend=0.0)
    found = np.bincount(bins, minlength=len(expected)) / clicks
    # Six sigma of the largest bin; 56 bins: false alarm below 1e-6.
    assert np.abs(found - expected).max() < 6 * (expected.max() / clicks) ** 0.5
    assert found[expected == 0].sum() == 0


def test_without_gates_everything_is_missed(emission: Emission, effects: Any) -> None:
    table = table_of(emission, [], effects)
    assert table.clicked.shape == (8, 0)
    missed = np.einsum("rii->r", table.missed).real
    assert missed == pytest.approx(emission.probability + emission.inside, abs=1e-12)


def test_detectors_share_what_the_path_lets_through(innsbruck: Any) -> None:
    own = innsbruck.properties
    effects = detector_effects(own, own.half_wave_plate_mount, own.quarter_wave_plate_mount)
    path = 90 / 116 * 0.96 * 0.81 * own.path_transmission
    whole = effects["h detector"] / 0.87 + effects["v detector"] / 0.88
    assert np.abs(whole - path * np.eye(2)).max() < 1e-12
    # The transmitted port is for H, the second basis state.
    assert effects["h detector"][1, 1].real == pytest.approx(0.87 * path * 0.99, rel=1e-3)
    assert effects["v detector"][0, 0].real == pytest.approx(0.88 * path * 0.999, rel=1e-3)
