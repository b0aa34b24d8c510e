"""Click tables against the emission that they are made from."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware_sim.core.photons import (
    DETECTORS,
    ClickTable,
    Watch,
    background_rates,
    behind_fibre,
    detector_effects,
    photon_path,
    tabulate,
)
from hardware_sim.core.raman_beam import raman_model
from hardware_sim.physics.raman import Drive, Emission, emit

US = 10**6  # ps
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


def gates(*times: tuple[int, int]) -> list[Watch]:
    """Return watches of both detectors from and to some times (ps from the start of the pulse)."""
    watches = [Watch(part, *span) for part in DETECTORS for span in times]
    return sorted(watches, key=lambda watch: watch.start)


def table_of(emission: Emission, watches: list[Watch], effects: dict[str, np.ndarray]) -> ClickTable:
    return tabulate(emission, COUPLINGS, watches, effects)


@settings(deadline=None, max_examples=30)
@given(times=st.lists(st.integers(-3 * US, 37 * US), min_size=2, max_size=6, unique=True))
def test_every_outcome_has_its_probability(emission: Emission, effects: Any, times: list[int]) -> None:
    ordered = sorted(times)
    table = table_of(emission, gates(*pairwise(ordered)), effects)
    missed = np.einsum("rii->r", table.missed).real
    assert (table.clicked >= 0).all()
    assert table.clicked.sum(axis=1) + missed + table.left.sum(axis=1) == pytest.approx(1.0, abs=1e-9)
    assert np.linalg.eigvalsh(table.missed).min() > -1e-12


def test_states_after_a_click_are_states(emission: Emission, effects: Any) -> None:
    table = table_of(emission, gates((0, 25 * US)), effects)
    likely = np.diff(table.arrival, axis=-1, prepend=0.0) * table.clicked[..., None] > 1e-9
    states = table.after_click[likely]
    assert np.einsum("sii->s", states).real == pytest.approx(1.0)
    assert np.abs(states - states.conj().swapaxes(-1, -2)).max() < 1e-12
    assert np.linalg.eigvalsh(states).min() > -1e-9


def test_detectors_that_see_everything_count_every_photon(emission: Emission) -> None:
    table = table_of(emission, gates((-3 * US, 97 * US)), EVERYTHING)
    assert table.clicked.sum(axis=1) == pytest.approx(emission.probability, rel=1e-12)
    # What is missed then is still in the cavity.
    assert np.einsum("rii->r", table.missed).real == pytest.approx(emission.inside, abs=1e-12)


def test_a_gate_sees_what_comes_while_it_is_open(emission: Emission) -> None:
    early, late = 4 * US + 200_000, 11 * US
    table = table_of(emission, gates((early, late)), EVERYTHING)
    arrived = np.concatenate([np.zeros((8, 1)), np.cumsum(emission.wave_packet, axis=1)], axis=1)
    expected = [
        np.interp(11e-6, emission.edges, row) - np.interp(4.2e-6, emission.edges, row) for row in arrived
    ]
    assert table.clicked.sum(axis=1) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("times", [(-3 * US, 0), (28 * US, 60 * US)])
def test_a_gate_before_or_after_the_photon_sees_nothing(
    emission: Emission, effects: Any, times: tuple[int, int]
) -> None:
    assert table_of(emission, gates(times), effects).clicked.max() < 1e-18  # rounding of the edges


def test_a_gate_cut_in_two_sees_as_much(emission: Emission, effects: Any) -> None:
    start, cut, stop = 0, 6 * US + 123_000, 20 * US
    whole = table_of(emission, gates((start, stop)), effects)
    halves = table_of(emission, gates((start, cut), (cut, stop)), effects)
    assert halves.clicked.sum(axis=1) == pytest.approx(whole.clicked.sum(axis=1), abs=1e-12)
    assert np.abs(halves.missed - whole.missed).max() < 1e-12


def test_rows_interpolate_in_the_square_of_the_coupling(emission: Emission, effects: Any) -> None:
    table = table_of(emission, gates((-3 * US, 97 * US)), effects)
    rng, shots = np.random.default_rng(2), 40_000
    coupling = np.repeat([0.0, 0.3, 0.62, 1.0], shots)
    rows = table.pick(rng, coupling, np.zeros(len(coupling), dtype=bool))
    mean = (COUPLINGS[rows] ** 2).reshape(4, shots).mean(axis=1)
    assert mean == pytest.approx([0.0, 0.09, 0.3844, 1.0], abs=5 * 0.5 / shots**0.5)
    assert (table.pick(rng, coupling, np.ones(len(coupling), dtype=bool)) >= len(COUPLINGS)).all()


def test_click_times_follow_the_wave_packet_and_stay_in_the_gate(emission: Emission) -> None:
    early, late = 4 * US + 200_000, 11 * US
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


def test_a_fibre_turns_polarisation_and_loses_nothing(effects: dict[str, np.ndarray]) -> None:
    turned = behind_fibre(effects, 0.3, 0.1)
    for part, effect in effects.items():
        assert np.linalg.eigvalsh(turned[part]) == pytest.approx(np.linalg.eigvalsh(effect), abs=1e-12)
        assert np.abs(turned[part] - effect).max() > 0.01
    assert behind_fibre(effects, 0.0, 0.1).keys() == effects.keys()
    whole = behind_fibre(turned, -0.3, 0.1)
    assert all(np.abs(whole[part] - effects[part]).max() < 1e-12 for part in effects)


@pytest.mark.parametrize(("axis", "swapped"), [(0.0, 0.0), (1 / 16, 0.5), (1 / 8, 1.0)])
def test_a_fibre_that_retards_by_half_a_wave_is_a_half_wave_plate(
    innsbruck: Any, axis: float, swapped: float
) -> None:
    # V light, sorted into V and H: turned by twice the angle of the plate.
    ideal = innsbruck.but(
        splitter_extinction_h=0.0, splitter_extinction_v=0.0, half_wave_plate_retardance=0.5,
        quarter_wave_plate_retardance=0.25, fibre_retardance=0.5, fibre_axis=axis,
    ).properties  # fmt: skip
    effects = detector_effects(ideal, ideal.half_wave_plate_mount, ideal.quarter_wave_plate_mount)
    h, v = (effects[part][0, 0].real / eff for part, eff in zip(DETECTORS, (0.87, 0.88), strict=True))
    assert h / (h + v) == pytest.approx(swapped, abs=1e-12)


def test_the_nearby_lab_has_no_long_fibre(innsbruck: Any) -> None:
    way = photon_path(innsbruck.properties)
    assert way.delay == way.noise == 0
    assert background_rates(innsbruck.properties) == pytest.approx({"h detector": 0.3, "v detector": 0.5})
