"""The motion of the ensemble: displaced numbers, what scattering leaves of them; and its other sublevels."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from hardware_sim.core.ensemble import METASTABLE_D3, METASTABLE_D5, S_UP, Ensemble, S, complex_normal
from hardware_sim.core.link import Link, Sideband, bits
from hardware_sim.physics.quadrupole import Line, zeeman_lines
from hardware_sim.physics.sidebands import displaced_thermal_distribution, thermal_distribution

LINES = {(line.lower, line.upper): line for line in zeeman_lines(4.2e-4, 0.125, 0.1, 80e3, 50e3)}


def thermal(shots: int, nbar: float, seed: int = 1) -> Ensemble:
    rng, ensemble = np.random.default_rng(seed), Ensemble(shots, 1, 3)
    ensemble.motion[:] = complex_normal(rng, (shots, 3)) * np.sqrt(nbar)
    ensemble.luck[:] = rng.random((shots, 3))
    return ensemble


def close(found: np.ndarray, expected: np.ndarray) -> bool:
    """Return whether frequencies are within 5 standard errors: false alarm 6e-7 each."""
    error = np.sqrt(expected / len(found)) + 1 / len(found)
    seen = np.bincount(found, minlength=len(expected))[: len(expected)] / len(found)
    return bool((np.abs(seen - expected) < 5 * error).all())


def test_a_thermal_displacement_has_thermal_numbers() -> None:
    ensemble, every = thermal(60_000, 2.5), np.arange(60_000)
    assert close(ensemble.numbers(every)[:, 0], thermal_distribution(2.5, 40))
    ensemble.motion[:, 1] += 2.0
    assert close(ensemble.numbers(every)[:, 1], displaced_thermal_distribution(2.5, 4.0, 50))
    np.testing.assert_array_equal(
        ensemble.numbers(every, np.array([2, 1])), ensemble.numbers(every)[:, [2, 1]]
    )
    np.testing.assert_array_equal(ensemble.numbers(every[5:9]), ensemble.numbers(every)[5:9])


def test_two_looks_see_the_same_and_slow_heating_moves_numbers_slowly() -> None:
    ensemble, every, rng = thermal(4000, 8.0), np.arange(4000), np.random.default_rng(4)
    seen = [ensemble.numbers(every)]
    np.testing.assert_array_equal(ensemble.numbers(every), seen[0])
    for _ in range(5):
        ensemble.clock_ps[:] += 10**9
        ensemble.heat(rng, every, (0, 1, 2), np.full(3, 20.0), 0)
        seen.append(ensemble.numbers(every))
    for before, after in pairwise(seen):
        assert np.abs(after - before).max() <= 6
        assert (after != before).mean() < 0.5


def test_heating_of_a_number_state_is_that_of_its_diffusion() -> None:
    # d<n> = 0.3, and the variance grows by 0.3 (2 n + 1) + 0.3^2: 5 standard errors of 40 000 shots.
    shots, rng = 40_000, np.random.default_rng(5)
    ensemble, every = Ensemble(shots, 1, 1), np.arange(shots)
    ensemble.fock[:] = 6
    ensemble.luck[:] = rng.random((shots, 1))
    np.testing.assert_array_equal(ensemble.numbers(every), 6)
    ensemble.clock_ps[:] = 10**12
    ensemble.heat(rng, every, (0,), np.array([0.3]), 0)
    numbers = ensemble.numbers(every)[:, 0]
    variance = 0.3 * 13 + 0.09
    assert abs(numbers.mean() - 6.3) < 5 * np.sqrt(variance / shots)
    assert numbers.var() == pytest.approx(variance, rel=0.06)
    assert ensemble.quanta(every).mean() == pytest.approx(6.3, abs=0.01)


def test_scattering_leaves_the_energy_of_a_number_state() -> None:
    shots, rng = 30_000, np.random.default_rng(6)
    ensemble, every = Ensemble(shots, 1, 2), np.arange(shots)
    ensemble.fock[:, 0] = 4
    before = ensemble.luck.copy()
    ensemble.scramble(rng, every[: shots // 2])
    assert (ensemble.fock[: shots // 2] == 0).all()
    assert (ensemble.fock[shots // 2 :, 0] == 4).all()
    assert ensemble.quanta(every)[:, 0] == pytest.approx(4.0)
    assert abs(ensemble.motion[: shots // 2, 0].mean()) < 5 * 2 / np.sqrt(shots / 2)  # of any phase
    assert (ensemble.luck[: shots // 2] != before[: shots // 2]).all()
    numbers = ensemble.numbers(every)[: shots // 2, 0]
    assert abs(numbers.mean() - 4.0) < 5 * 2 / np.sqrt(shots / 2)


def linked(ensemble: Ensemble, chance: float, order: int, line: Line) -> None:
    shots = np.arange(len(ensemble.clock_ps))
    state = np.tile(np.sqrt([1 - chance, chance]).astype(np.complex128), (len(shots), 1))
    taking, base = np.ones((len(shots), 1), dtype=np.bool_), np.full(len(shots), 3)
    drive = Sideband(line, order, 0)
    ensemble.links.append(Link(drive, None, shots, np.array([0]), taking, base, state, ensemble.clock_ps * 1))


def test_a_link_ends_as_its_probabilities_say_and_where_it_is_asked_to() -> None:
    shots, rng = 20_000, np.random.default_rng(7)
    ensemble, line = Ensemble(shots, 1, 1), LINES[-1 / 2, -3 / 2]
    ensemble.coherent[..., S, S] = 1.0
    ensemble.motion[:] = 2j
    linked(ensemble, 0.3, -1, line)
    ensemble.unlink(rng, np.arange(0, shots, 2))
    (left,) = ensemble.links
    np.testing.assert_array_equal(left.shots, np.arange(1, shots, 2))
    assert (ensemble.motion[1::2] == 2j).all()
    assert (ensemble.motion[::2] == 0).all()
    _, upper = ensemble.populations(np.arange(0, shots, 2), line)
    assert abs(upper.mean() - 0.3) < 5 * np.sqrt(0.21 / (shots / 2))
    np.testing.assert_array_equal(ensemble.fock[::2, 0], 3 - upper[:, 0])
    ensemble.heat(rng, np.arange(shots), (0,), np.zeros(1), 0)  # whatever acts on motion ends links
    assert not ensemble.links
    assert set(ensemble.fock[:, 0].tolist()) == {2, 3}


def test_a_joint_state_counts_its_ions() -> None:
    assert bits(3).sum(axis=1).tolist() == [0, 1, 1, 2, 1, 2, 2, 3]
    ways = np.zeros((1, 4), dtype=np.complex128)
    ways[0, [1, 3]] = np.sqrt([0.25, 0.75])
    none = np.zeros(1, dtype=np.int64)
    both = np.ones((1, 2), dtype=np.bool_)
    drive = Sideband(LINES[-1 / 2, -5 / 2], 1, 0)
    link = Link(drive, None, none, np.arange(2), both, none, ways, none)
    assert link.excited == pytest.approx(np.array([[1.0, 0.75]]))
    assert not replace(drive, order=-1).is_like(drive)
    rng = np.random.default_rng(8)
    numbers = [int(link.draw(rng)[1][0]) for _ in range(400)]
    assert set(numbers) == {1, 2}
    assert abs(np.mean(numbers) - 1.75) < 5 * np.sqrt(0.1875 / 400)


@pytest.mark.parametrize("levels", list(LINES))
def test_an_exchange_conserves_and_twice_it_comes_back(levels: tuple[float, float]) -> None:
    rng, every, line = np.random.default_rng(9), np.arange(6), LINES[levels]
    ensemble = Ensemble(6, 2, 1)
    amplitudes = complex_normal(rng, (6, 2, 3))
    ensemble.coherent[:] = amplitudes[..., :, None] * amplitudes[..., None, :].conj()
    ensemble.other[:] = rng.random((6, 2, 3))
    ensemble.shelf[:] = rng.dirichlet(np.ones(4), (6, 2))

    def total() -> np.ndarray:
        return np.trace(ensemble.coherent, axis1=-2, axis2=-1).real + ensemble.other.sum(axis=-1)

    whole, before = total(), ensemble.populations(every, line)
    ensemble.exchange(every, line, np.full((6, 2), 0.3))
    after = ensemble.populations(every, line)
    assert after[1] == pytest.approx(0.7 * before[1] + 0.3 * before[0])
    assert total() == pytest.approx(whole)
    assert (np.linalg.eigvalsh(ensemble.coherent) > -1e-12).all()
    for _ in range(2):
        ensemble.exchange(every, line, np.ones((6, 2)))
    assert ensemble.populations(every, line)[0] == pytest.approx(after[0])


def test_an_ion_that_is_in_neither_level_is_somewhere_else() -> None:
    ensemble, line = Ensemble(2, 1, 1), LINES[1 / 2, 1 / 2]
    ensemble.coherent[..., S, S] = 0.2
    ensemble.other[..., S_UP], ensemble.other[..., METASTABLE_D3] = 0.5, 0.1
    ensemble.other[..., METASTABLE_D5] = 0.2
    ensemble.exclude(np.array([0]), 0, line)
    # Of D5/2 beside the qubit a quarter was in the level of the line.
    assert ensemble.coherent[0, 0, S, S] == pytest.approx(0.2 / 0.45)
    assert ensemble.other[0, 0] == pytest.approx(np.array([0.0, 0.1, 0.15]) / 0.45)
    assert ensemble.shelf[0, 0] == pytest.approx([1 / 3, 0, 1 / 3, 1 / 3])
    assert ensemble.other[1, 0, S_UP] == 0.5


def test_numbers_of_a_long_string_in_many_shots_are_quick() -> None:
    # 200 ions and 1000 shots: 0.12 s where it was measured; the bound is for slow and busy machines.
    rng, ensemble = np.random.default_rng(10), Ensemble(1000, 1, 600)
    ensemble.motion[:] = complex_normal(rng, (1000, 600)) * 5
    ensemble.luck[:] = rng.random((1000, 600))
    began = time.perf_counter()
    ensemble.numbers(np.arange(1000))
    assert time.perf_counter() - began < 2.0
