from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware_sim.physics.crystal import (
    equilibrium_positions,
    length_scale,
    mode_frequencies,
    modes,
    radial_frequencies,
    zigzag_limit,
)
from hardware_sim.physics.errors import IonCountError, ZigzagError

# James, Appl. Phys. B 66, 181 (1998), tables 1 and 2.
UPPER_HALF = {
    2: [0.62996],
    3: [0.0, 1.07722],
    4: [0.45438, 1.43680],
    5: [0.0, 0.82210, 1.74290],
    6: [0.36992, 1.13613, 2.01227],
    7: [0.0, 0.68694, 1.41292, 2.25454],
    8: [0.31802, 0.96701, 1.66206, 2.47582],
    9: [0.0, 0.59958, 1.21947, 1.88970, 2.68026],
    10: [0.28210, 0.85378, 1.45038, 2.10003, 2.87083],
}
MU = {
    2: [1, 3],
    3: [1, 3, 5.8],
    4: [1, 3, 5.8099, 9.3084],
    5: [1, 3, 5.8177, 9.3322, 13.4748],
    10: [1, 3, 5.8411, 9.4076, 13.6267, 18.4514, 23.8483, 29.7919, 36.2616, 43.2405],
}
SIZES = [1, 2, 3, 10, 61, 200, 300]


@pytest.mark.parametrize("ions", UPPER_HALF)
def test_positions_agree_with_the_published_table(ions: int) -> None:
    np.testing.assert_allclose(equilibrium_positions(ions)[ions // 2 :], UPPER_HALF[ions], atol=6e-6)


@pytest.mark.parametrize("ions", MU)
def test_frequencies_agree_with_the_published_table(ions: int) -> None:
    np.testing.assert_allclose(modes(ions).mu, MU[ions], atol=6e-5)


@pytest.mark.parametrize("ions", SIZES)
def test_forces_balance_to_rounding(ions: int) -> None:
    u = equilibrium_positions(ions)
    apart = u[:, None] - u[None, :]
    np.fill_diagonal(apart, np.inf)
    repulsion = np.sign(apart) / apart**2
    scale = np.abs(u) + np.abs(repulsion).sum(axis=1) + 1
    # Moving an ion by one rounding of its position changes the force by mu_max times as much.
    rounding = np.finfo(float).eps * (scale + ions**1.8)
    assert np.all(np.abs(u - repulsion.sum(axis=1)) < 4 * rounding)


@pytest.mark.parametrize("ions", SIZES)
def test_positions_are_sorted_and_symmetric(ions: int) -> None:
    u = equilibrium_positions(ions)
    assert np.all(np.diff(u) > 0)
    np.testing.assert_array_equal(u, -u[::-1])


@settings(deadline=None, max_examples=15)
@given(st.integers(min_value=2, max_value=80))
def test_two_lowest_modes_are_exact_for_any_string(ions: int) -> None:
    string = modes(ions)
    np.testing.assert_allclose(string.mu[:2], [1, 3], rtol=1e-11)
    np.testing.assert_allclose(string.vectors[0], 1 / math.sqrt(ions), rtol=1e-9)
    breathing = string.positions / np.linalg.norm(string.positions)
    np.testing.assert_allclose(string.vectors[1], breathing, atol=1e-9)


@pytest.mark.parametrize("ions", SIZES[:-1])
def test_vectors_are_orthonormal_modes_of_the_energy(ions: int) -> None:
    string = modes(ions)
    np.testing.assert_allclose(string.vectors @ string.vectors.T, np.eye(ions), atol=1e-12)
    assert np.all(np.diff(string.mu) > 0)
    # Independent of the stiffness matrix: the force after a small displacement along the highest mode.
    shift = 1e-6 * string.vectors[-1]

    def force(u: np.ndarray) -> np.ndarray:
        apart = u[:, None] - u[None, :]
        np.fill_diagonal(apart, np.inf)
        return u - (np.sign(apart) / apart**2).sum(axis=1)

    response = (force(string.positions + shift) - force(string.positions - shift)) / 2
    np.testing.assert_allclose(response, string.mu[-1] * shift, atol=1e-5 * string.mu[-1] * 1e-6)


def test_sign_convention_points_upwards() -> None:
    for ions in (4, 7):
        upper = modes(ions).vectors[:, ions // 2 :]
        leading = upper[np.arange(ions), np.abs(upper).argmax(axis=1)]
        assert np.all(leading > 0)


def test_three_ions_have_the_published_spacing() -> None:
    """Published 5.26(10) um at 0.869 MHz; 5.263 um by calculation."""
    spacing = length_scale(0.869e6) * np.diff(equilibrium_positions(3))
    np.testing.assert_allclose(spacing, 5.263e-6, atol=0.0005e-6)


def test_closest_spacing_follows_the_empirical_law() -> None:
    for ions in (20, 60):
        closest = np.diff(equilibrium_positions(ions)).min()
        assert closest == pytest.approx(2.018 * ions**-0.559, rel=0.02)


def test_stretch_frequency_of_three_ions() -> None:
    np.testing.assert_allclose(mode_frequencies(modes(3).mu, 1e6)[1], 1.7320508e6, rtol=1e-7)


def test_radial_modes_fall_from_the_centre_of_mass() -> None:
    mu = modes(10).mu
    radial = radial_frequencies(mu, 0.3e6, 2.4e6)
    assert radial[0] == pytest.approx(2.4e6, rel=1e-12)
    assert radial[1] == pytest.approx(math.sqrt(2.4e6**2 - 0.3e6**2), rel=1e-12)
    assert np.all(np.diff(radial) < 0)


def test_zigzag_ratio_of_ten_ions() -> None:
    assert 2.4e6 / zigzag_limit(10, 2.4e6) == pytest.approx(4.596, abs=5e-4)


def test_zigzag_of_long_strings_follows_the_published_laws() -> None:
    """Enzer et al., PRL 85, 2466 (2000): (wz/wr)^2 = 2.94 N^-1.80 for up to ten ions, within 6 %.

    The middle of many ions is a uniform string: wr^2 = (7/2) zeta(3) e^2 / (4 pi eps0 m a^3), Fishman et al.,
    PRB 77, 064111 (2008).
    """
    for ions in (4, 7, 10):
        assert zigzag_limit(ions, 1.0) ** 2 == pytest.approx(2.94 * ions**-1.80, rel=0.06)
    errors = []
    for ions in (50, 300):
        closest = np.diff(equilibrium_positions(ions)).min()
        uniform = 3.5 * 1.2020569 / closest**3
        errors.append(abs(uniform * zigzag_limit(ions, 1.0) ** 2 - 1))
    assert errors[1] < errors[0] < 0.06
    assert errors[1] < 0.015


def test_positions_of_hundreds_of_ions_take_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A good start makes Newton's method a matter of a few steps at any length."""
    solve, steps = np.linalg.solve, []
    monkeypatch.setattr(np.linalg, "solve", lambda *args: steps.append(1) or solve(*args))
    equilibrium_positions(300)
    assert len(steps) <= 12


def test_string_buckles_exactly_at_the_limit() -> None:
    limit = zigzag_limit(10, 2.4e6)
    mu = modes(10).mu
    assert radial_frequencies(mu, limit * (1 - 1e-9), 2.4e6)[-1] < 1e-3 * 2.4e6
    with pytest.raises(ZigzagError, match="buckles") as caught:
        radial_frequencies(mu, limit * (1 + 1e-9), 2.4e6)
    assert caught.value.limit == pytest.approx(limit)
    assert caught.value.ions == 10


def test_one_ion_never_buckles() -> None:
    assert zigzag_limit(1, 2.4e6) == math.inf


@pytest.mark.parametrize("ions", [0, -3])
def test_empty_string_is_refused(ions: int) -> None:
    for ask in (equilibrium_positions, modes):
        with pytest.raises(IonCountError, match=f"a string of {ions} ions"):
            ask(ions)
    with pytest.raises(IonCountError):
        zigzag_limit(ions, 2.4e6)
