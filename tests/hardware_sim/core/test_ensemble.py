"""Ions that are left alone: field shifts, decay, heating."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_sim.core.ensemble import (
    D3,
    D5,
    METASTABLE_D3,
    METASTABLE_D5,
    S_UP,
    SHIFTS,
    Ensemble,
    S,
    complex_normal,
)
from hardware_sim.core.entangled import Entangled

MS = 10**9  # ps
EVERY = slice(None)


def mixed(seed: int, shots: int = 4, ions: int = 2) -> Ensemble:
    """Return an ensemble of random states."""
    rng = np.random.default_rng(seed)
    ensemble = Ensemble(shots, ions, 3 * ions)
    factor = rng.normal(size=(shots, ions, 3, 3)) + 1j * rng.normal(size=(shots, ions, 3, 3))
    state = factor @ factor.conj().swapaxes(-1, -2)
    rest = rng.random((shots, ions, 3))
    total = np.einsum("...ii->...", state).real + rest.sum(axis=-1)
    ensemble.coherent[:] = state / total[..., None, None]
    ensemble.other[:] = rest / total[..., None]
    ensemble.field[:] = rng.normal(size=shots) * 1e-9
    return ensemble


@given(seed=st.integers(0, 100), times=st.tuples(st.integers(0, 20 * MS), st.integers(0, 20 * MS)))
def test_waiting_keeps_states_and_can_be_cut_in_two(seed: int, times: tuple[int, int]) -> None:
    first, last = sorted(times)
    whole, cut = mixed(seed), mixed(seed)
    every = np.arange(4)
    whole.evolve(every, EVERY, last)
    cut.evolve(every, EVERY, first)
    cut.evolve(every, EVERY, last)
    assert np.abs(whole.coherent - cut.coherent).max() < 1e-12
    assert np.abs(whole.other - cut.other).max() < 1e-12
    total = np.einsum("...ii->...", whole.coherent).real + whole.other.sum(axis=-1)
    assert np.abs(total - 1).max() < 1e-12
    assert np.linalg.eigvalsh(whole.coherent).min() > -1e-12


def test_a_field_turns_coherences_at_the_zeeman_splitting() -> None:
    ensemble = Ensemble(1, 1, 3)
    ensemble.coherent[0, 0] = np.full((3, 3), 1 / 3)
    ensemble.field[:] = 2e-9
    ensemble.evolve(np.array([0]), EVERY, 5 * MS, lifetime=math.inf)
    for one, two in ((S, D5), (S, D3), (D5, D3)):
        turned = np.exp(-2j * np.pi * (SHIFTS[one] - SHIFTS[two]) * 2e-9 * 5e-3) / 3
        assert ensemble.coherent[0, 0, one, two] == pytest.approx(turned, abs=1e-12)
    # Published: 1.680 MHz/G between the two levels of D5/2, -2.797 MHz/G from S1/2(-1/2) to D5/2(-5/2).
    assert (SHIFTS[D3] - SHIFTS[D5]) * 1e-4 == pytest.approx(1.680e6, rel=1e-3)
    assert (SHIFTS[D5] - SHIFTS[S]) * 1e-4 == pytest.approx(-2.797e6, rel=2e-3)


def test_d52_decays_to_the_ground_state_in_1170_ms() -> None:
    ensemble = Ensemble(1, 1, 3)
    ensemble.coherent[..., D5, D5] = 0.5
    ensemble.other[..., METASTABLE_D5] = 0.5
    ensemble.evolve(np.array([0]), EVERY, 1170 * MS)
    kept = math.exp(-1)
    assert ensemble.coherent[0, 0, D5, D5] == pytest.approx(0.5 * kept)
    assert ensemble.other[0, 0, METASTABLE_D5] == pytest.approx(0.5 * kept)
    assert ensemble.in_ground(np.array([0])) == pytest.approx(1 - kept)


@pytest.mark.parametrize("column", range(6))
def test_each_sublevel_of_d52_decays_to_the_spins_as_a_quadrupole_does(column: int) -> None:
    """m' = -5/2 to S1/2(-1/2) alone, then a fifth more to the other spin with each step."""
    ensemble = Ensemble(1, 1, 3)
    ensemble.put_mixture(np.array([0]), 0, np.eye(9)[[3 + column]])
    assert ensemble.in_d52(np.array([0]))[0, 0].tolist() == np.eye(6)[column].tolist()
    ensemble.evolve(np.array([0]), EVERY, 1170 * MS)
    gone = 1 - math.exp(-1)
    assert ensemble.other[0, 0, S_UP] == pytest.approx(gone * column / 5)
    assert ensemble.coherent[0, 0, S, S] == pytest.approx(gone * (1 - column / 5))
    assert ensemble.in_d52(np.array([0]))[0, 0, column] == pytest.approx(1 - gone)


def test_members_of_joint_states_decay_to_the_same_spins() -> None:
    shots = 20_000
    every, ensemble = np.arange(shots), Ensemble(shots, 2, 6)
    ensemble.entangled = Entangled(ensemble, np.random.default_rng(1))
    ensemble.coherent[:, 0] = np.array([[0, 0, 0], [0, 0.5, 0.5], [0, 0.5, 0.5]])
    ensemble.coherent[:, 1] = np.diag([0, 0, 1.0])
    ensemble.entangled.gather(every, (0, 1))
    ensemble.evolve(every, EVERY, 1170 * MS)
    gone = 1 - math.exp(-1)
    # Half of ion 0 began in m' = -3/2, all of ion 1: a fifth of their decays. Five sigma.
    for ion, share in ((0, 0.5), (1, 1.0)):
        up = ensemble.other[:, ion, S_UP].mean()
        assert up == pytest.approx(gone * share / 5, abs=5 * 0.35 / shots**0.5)
    assert ensemble.in_ground(every).mean(axis=0) == pytest.approx([gone, gone], abs=5 * 0.5 / shots**0.5)


def test_d32_decays_in_the_dark_in_1200_ms() -> None:
    ensemble = Ensemble(1, 1, 3)
    ensemble.other[..., METASTABLE_D3] = 1.0
    ensemble.evolve(np.array([0]), EVERY, 600 * MS)
    ensemble.evolve(np.array([0]), EVERY, 1200 * MS)
    gone = 1 - math.exp(-1)
    assert ensemble.other[0, 0].tolist() == pytest.approx([gone / 2, 1 - gone, 0])
    assert ensemble.coherent[0, 0, S, S] == pytest.approx(gone / 2)


def test_shots_and_ions_that_do_not_take_part_stay_as_they_are() -> None:
    ensemble, before = mixed(3), mixed(3)
    ensemble.evolve(np.array([1]), slice(0, 1), 500 * MS)
    changed = np.abs(ensemble.coherent - before.coherent).max(axis=(2, 3)) > 1e-6
    assert changed.tolist() == [[False, False], [True, False], [False, False], [False, False]]
    # They catch up when their time comes.
    ensemble.evolve(np.arange(4), EVERY, 500 * MS)
    before.evolve(np.arange(4), EVERY, 500 * MS)
    assert np.abs(ensemble.coherent - before.coherent).max() < 1e-12


def test_heating_adds_quanta_at_its_rate_and_skipped_time_adds_none() -> None:
    shots = 20_000
    ensemble, every, rng = Ensemble(shots, 1, 3), np.arange(20_000), np.random.default_rng(1)
    rates = np.array([1000.0, 50.0])
    ensemble.heat(rng, every, (0, 2), rates, 5 * MS)
    ensemble.skip_heating(every, 10 * MS)
    ensemble.heat(rng, every, (0, 2), rates, 15 * MS)
    mean = ensemble.quanta(every).mean(axis=0)
    # Five sigma of the mean of exponential quanta, and thrice the false alarm for three modes: below 2e-6.
    assert mean == pytest.approx([10.0, 0.0, 0.5], rel=5.2 / shots**0.5)


def test_amplitudes_have_unit_mean_square_and_no_preferred_phase() -> None:
    drawn = complex_normal(np.random.default_rng(4), (100_000,))
    assert (np.abs(drawn) ** 2).mean() == pytest.approx(1, abs=5 / 100_000**0.5)
    assert abs((drawn**2).mean()) < 8 / 100_000**0.5


def test_ground_population_counts_both_spins() -> None:
    ensemble = Ensemble(1, 1, 3)
    ensemble.coherent[..., S, S] = 0.3
    ensemble.other[..., S_UP] = 0.2
    ensemble.other[..., METASTABLE_D3] = 0.5
    assert ensemble.in_ground(np.array([0])).item() == pytest.approx(0.5)
