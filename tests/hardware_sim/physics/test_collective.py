"""Ions that share phonons against the matrix of ions and an oscillator with all of its numbers."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from scipy.linalg import expm

from hardware_sim.physics.collective import couplings, evolve
from hardware_sim.physics.sidebands import strength

LEVELS = 12


def brute_force(
    order: int, eta_squared: np.ndarray, rabi: np.ndarray, detuning: np.ndarray, time: float
) -> np.ndarray:
    """Return the propagator over (ions, mode), the mode being the last factor, in the frame of the light."""
    ions = len(rabi)
    gain = np.zeros((LEVELS, LEVELS))
    up, one = np.array([[0.0, 0.0], [1.0, 0.0]]), np.eye(2)
    total = np.zeros((2**ions * LEVELS,) * 2)
    for ion in range(ions):
        gain = np.zeros((LEVELS, LEVELS))
        for n in range(LEVELS):
            if 0 <= n + order < LEVELS:
                gain[n + order, n] = strength(n, order, eta_squared[ion])
        # The first ion is bit 0: the innermost factor of the ions.
        places = [up if other == ion else one for other in reversed(range(ions))]
        raising = reduce(np.kron, [*places, gain]) * rabi[ion] / 2
        places = [np.diag([0.0, -detuning[ion]]) if other == ion else one for other in reversed(range(ions))]
        total += raising + raising.T + reduce(np.kron, [*places, np.eye(LEVELS)])
    return np.asarray(expm(-2j * np.pi * total * time))


@pytest.mark.parametrize("order", [-2, -1, 1, 2])
@pytest.mark.parametrize("ions", [1, 2, 3])
def test_few_ions_do_what_the_whole_matrix_does(order: int, ions: int) -> None:
    rng = np.random.default_rng(ions)
    eta_squared, rabi = rng.uniform(0.005, 0.05, ions), rng.uniform(20e3, 60e3, ions)
    detuning, time = rng.uniform(-4e3, 4e3, ions), 83e-6
    whole = brute_force(order, eta_squared, rabi, detuning, time)
    for number, way in ((1, 0), (3, 0), (4, 1), (2, (1 << ions) - 1)):
        base = np.array([number - order * way.bit_count()])
        state = np.zeros((1, 1 << ions), dtype=np.complex128)
        state[0, way] = 1.0
        driven = couplings(base, order, eta_squared, rabi[None])
        found = evolve(state, driven, detuning[None], time)[0]
        expected = whole[:, way * LEVELS + number]
        for other in range(1 << ions):
            n = base[0] + order * other.bit_count()
            exact = expected[other * LEVELS + n] if n >= 0 else 0.0
            assert found[other] == pytest.approx(exact, abs=1e-9)
        assert np.abs(found) @ np.abs(found) == pytest.approx(1.0, abs=1e-12)


def test_two_ions_share_one_phonon_sqrt_two_times_as_fast() -> None:
    driven = couplings(np.array([1]), -1, np.array([0.01, 0.01]), np.full((1, 2), 50e3))
    coupling = 50e3 * float(strength(1, -1, 0.01))
    for time in np.linspace(10e-6, 200e-6, 5):
        state = evolve(np.eye(1, 4, dtype=np.complex128), driven, np.zeros((1, 2)), float(time))[0]
        assert abs(state[0]) ** 2 == pytest.approx(np.cos(np.pi * np.sqrt(2) * coupling * time) ** 2)
        assert state[3] == 0.0


def test_half_and_half_is_the_whole() -> None:
    driven = couplings(np.array([2, 5]), 1, np.array([0.01, 0.03]), np.full((2, 2), 50e3))
    start = np.full((2, 4), 0.5, dtype=np.complex128)
    detuning = np.array([[1e3, 2e3], [0.0, -1e3]])
    halves = evolve(evolve(start, driven, detuning, 30e-6), driven, detuning, 50e-6)
    np.testing.assert_allclose(halves, evolve(start, driven, detuning, 80e-6), atol=1e-12)
