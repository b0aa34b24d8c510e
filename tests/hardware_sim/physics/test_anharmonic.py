"""Strings in wells that are not parabolas."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hardware_sim.constants import CALCIUM_MASS, ELEMENTARY_CHARGE
from hardware_sim.physics.anharmonic import (
    Well,
    axial_swings,
    even_well,
    places,
    radial_swings,
    spacing_spread,
)
from hardware_sim.physics.crystal import (
    equilibrium_positions,
    length_scale,
    mode_frequencies,
    modes,
    radial_frequencies,
)
from hardware_sim.physics.errors import ConfinementError, IonCountError, ModelError

AXIAL = 0.3e6
PARABOLA = Well.harmonic(AXIAL)
# A quartic term that doubles the restoring force at 40 um.
STIFF = Well(PARABOLA.quadratic, 0.0, PARABOLA.quadratic / (2 * (40e-6) ** 2))


def force(z: np.ndarray, well: Well) -> np.ndarray:
    apart = z[:, None] - z[None, :]
    np.fill_diagonal(apart, np.inf)
    charge = ELEMENTARY_CHARGE / (4 * math.pi * 8.8541878188e-12)
    return charge * (np.sign(apart) / apart**2).sum(axis=1) - well.slope(z)


@pytest.mark.parametrize("ions", [1, 2, 10, 100])
def test_parabola_is_the_string_of_the_other_module(ions: int) -> None:
    z = places(ions, PARABOLA)
    np.testing.assert_allclose(z, length_scale(AXIAL) * equilibrium_positions(ions), atol=1e-12)
    string = modes(ions)
    np.testing.assert_allclose(
        axial_swings(z, PARABOLA).frequencies, mode_frequencies(string.mu, AXIAL), rtol=1e-6
    )


def test_radial_modes_of_a_parabola_are_those_of_the_other_module() -> None:
    """There the radial frequency is that in the complete trap, here of the radio-frequency field alone."""
    complete = math.sqrt(2.4e6**2 - AXIAL**2 / 2)
    swings = radial_swings(places(10, PARABOLA), PARABOLA, 2.4e6)
    expected = radial_frequencies(modes(10).mu, AXIAL, complete)
    np.testing.assert_allclose(swings.frequencies, expected[::-1], rtol=1e-9)
    np.testing.assert_allclose(swings.vectors @ swings.vectors.T, np.eye(10), atol=1e-12)


@pytest.mark.parametrize(
    "well",
    [
        STIFF,
        Well(PARABOLA.quadratic, PARABOLA.quadratic / 200e-6, STIFF.quartic),
        Well(0.0, 0.0, STIFF.quartic),
        Well(-PARABOLA.quadratic / 3, 0.0, STIFF.quartic * 4),
    ],
    ids=["stiff", "tilted", "flat", "two dips"],
)
def test_forces_balance_in_any_well(well: Well) -> None:
    z = places(16, well)
    scale = np.abs(well.slope(z)).max()
    assert np.abs(force(z, well)).max() < 1e-6 * scale
    assert np.all(np.diff(z) > 0)
    swings = axial_swings(z, well)
    # Independent of the stiffness matrix: the force after a small displacement along the lowest mode.
    shift = 1e-10 * swings.vectors[0]
    response = (force(z + shift, well) - force(z - shift, well)) / 2
    restoring = -CALCIUM_MASS * (2 * math.pi * swings.frequencies[0]) ** 2 / ELEMENTARY_CHARGE * shift
    np.testing.assert_allclose(response, restoring, atol=1e-3 * np.abs(restoring).max())


def test_one_ion_sits_at_the_bottom_and_two_dips_part_a_string() -> None:
    tilted = Well(PARABOLA.quadratic, PARABOLA.quadratic / 100e-6, STIFF.quartic)
    assert abs(tilted.slope(places(1, tilted))[0]) < 1e-3
    dips = Well(-PARABOLA.quadratic, 0.0, PARABOLA.quadratic / (2 * (60e-6) ** 2))
    pair = places(2, dips)
    np.testing.assert_allclose(np.abs(pair), 60e-6, rtol=0.02)


def test_stiff_walls_raise_all_modes_but_space_ions_evenly() -> None:
    soft, stiff = places(10, PARABOLA), places(10, STIFF)
    assert np.ptp(stiff) < np.ptp(soft)
    assert spacing_spread(stiff) < spacing_spread(soft)
    assert axial_swings(stiff, STIFF).frequencies[0] > AXIAL


def test_even_wells_are_even_and_as_wide_as_asked() -> None:
    for ions, spread in ((10, 0.002), (30, 0.03), (100, 0.09)):
        well = even_well(ions, 5e-6)
        z = places(ions, well)
        assert np.diff(z)[2:-2].mean() == pytest.approx(5e-6, rel=1e-6)
        assert spacing_spread(z) < spread
        assert spacing_spread(z) < spacing_spread(places(ions, PARABOLA)) / 2.5


def test_hundreds_of_ions() -> None:
    well = Well(0.0, 0.0, STIFF.quartic / 100)
    z = places(300, well)
    assert np.abs(force(z, well)).max() < 1e-6 * np.abs(well.slope(z)).max()
    assert axial_swings(z, well).frequencies[0] > 0


def test_string_that_buckles_is_refused() -> None:
    z = places(10, PARABOLA)
    with pytest.raises(ConfinementError) as caught:
        radial_swings(z, PARABOLA, 1.2e6)
    assert str(caught.value).startswith("no radial confinement: the softest stiffness of the string is -")


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        (
            (1e6, 0.0, -1.0),
            "no axial confinement: the quartic term of the well is -1 V/m^4 but must be above 0",
        ),
        (
            (1e6, 1.0, 0.0),
            "no axial confinement: the quartic term of the well is 0 V/m^4 but must be above 0",
        ),
        (
            (-1e6, 0.0, 0.0),
            "the quadratic term of the well is -1e+06 V/m^2 but must be above 0 V/m^2; raise it",
        ),
    ],
)
def test_wells_that_hold_nothing_are_refused(terms: tuple[float, float, float], text: str) -> None:
    with pytest.raises(ConfinementError) as caught:
        Well(*terms)
    assert text in str(caught.value)


def test_strings_that_cannot_be_are_refused() -> None:
    with pytest.raises(IonCountError, match="a string of 0 ions"):
        places(0, PARABOLA)
    with pytest.raises(
        ModelError, match="number of ions is 3, but must be 4 or more: there is nothing to make"
    ):
        even_well(3, 5e-6)
    with pytest.raises(ModelError, match="spacing is 0 m, but must be above 0 m: give the distance"):
        even_well(10, 0.0)
