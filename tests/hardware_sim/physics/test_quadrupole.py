from __future__ import annotations

import math

import numpy as np
import pytest

from hardware_sim.physics.calcium import D52, S12, zeeman_shift
from hardware_sim.physics.errors import SublevelError
from hardware_sim.physics.quadrupole import (
    ANALYSIS,
    MAPPING,
    clebsch_gordan,
    geometric_factor,
    level_shift,
    zeeman_lines,
)

FIELD = 4.229e-4
ANGLES = [(0.0, 0.1), (0.125, 0.1), (0.125, 0.0), (0.07, 0.2), (0.25, 0.125), (0.3, 0.6)]


@pytest.mark.parametrize(("field", "polarisation"), ANGLES)
def test_geometric_factors_are_the_published_ones(field: float, polarisation: float) -> None:
    # Roos, PhD thesis (Innsbruck 2000), eq. 5.12, with the angle of the field and that of the polarisation.
    phi, gamma = 2 * math.pi * field, 2 * math.pi * polarisation
    cos, sin = math.cos(gamma), math.sin(gamma)
    expected = {
        0: abs(cos * math.sin(2 * phi)) / 2,
        1: abs(cos * math.cos(2 * phi) + 1j * sin * math.cos(phi)) / math.sqrt(6),
        2: abs(cos * math.sin(2 * phi) / 2 + 1j * sin * math.sin(phi)) / math.sqrt(6),
    }
    for step in range(-2, 3):
        assert geometric_factor(step, field, polarisation) == pytest.approx(expected[abs(step)], abs=1e-15)


def test_the_field_of_all_directions_and_polarisations_has_no_favourite() -> None:
    # Averaged over the sphere and all polarisations, each of the five components is as strong as any other.
    rng = np.random.default_rng(1)
    angles = np.arccos(rng.uniform(-1, 1, 40_000)) / (2 * np.pi)
    turns = rng.random(40_000)
    pairs = list(zip(angles[:6000], turns[:6000], strict=True))
    means = [np.mean([geometric_factor(step, *pair) ** 2 for pair in pairs]) for step in (0, 1, 2)]
    assert means == pytest.approx([1 / 15] * 3, rel=0.05)


def test_the_coefficients_from_and_to_each_level_sum_up() -> None:
    for lower in S12.sublevels:
        assert sum(clebsch_gordan(lower, upper) ** 2 for upper in D52.sublevels) == pytest.approx(3.0)
    # Each D5/2 level decays to both S1/2 levels together as fast as any other.
    for upper in D52.sublevels:
        assert sum(clebsch_gordan(lower, upper) ** 2 for lower in S12.sublevels) == pytest.approx(1.0)
    with pytest.raises(SublevelError, match="D5/2 has no sublevel m = 3"):
        clebsch_gordan(1 / 2, 3)


def test_there_are_ten_lines_at_their_zeeman_shifts() -> None:
    lines = zeeman_lines(FIELD, 0.125, 0.1, 88.05e3, 56.36e3)
    assert len(lines) == 10
    for line in lines:
        expected = zeeman_shift(D52, line.upper, FIELD) - zeeman_shift(S12, line.lower, FIELD)
        reference = zeeman_shift(D52, -3 / 2, FIELD) - zeeman_shift(S12, -1 / 2, FIELD)
        assert line.offset == pytest.approx(expected - reference, abs=1e-3)
        assert line.sensitivity * FIELD == pytest.approx(expected)
    by_levels = {(line.lower, line.upper): line for line in lines}
    assert by_levels[MAPPING].rabi == 88.05e3
    assert by_levels[ANALYSIS].rabi == 56.36e3
    assert by_levels[MAPPING].offset == pytest.approx(-7.105e6, rel=1e-3)


def test_the_shipped_angles_fit_both_stated_rabi_frequencies() -> None:
    lines = {(one.lower, one.upper): one.rabi for one in zeeman_lines(FIELD, 0.125, 0.1, 88.05e3, 56.36e3)}
    # A line and its mirror image are equally strong: the geometry gives the stated values within 1 per mille.
    assert lines[1 / 2, 5 / 2] == pytest.approx(lines[MAPPING], rel=1e-3)
    assert lines[1 / 2, 3 / 2] == pytest.approx(lines[ANALYSIS], rel=1e-3)


def test_stated_values_stand_where_the_geometry_has_others() -> None:
    # Along the field, steps of two do not exist: the stated one holds, all other lines have their geometry.
    lines = {(one.lower, one.upper): one.rabi for one in zeeman_lines(FIELD, 0.0, 0.0, 70e3, 50e3)}
    assert (lines[MAPPING], lines[ANALYSIS]) == (70e3, 50e3)
    assert lines[1 / 2, 3 / 2] == pytest.approx(50e3)
    assert lines[1 / 2, -1 / 2] == pytest.approx(50e3 / math.sqrt(2))
    assert lines[1 / 2, 5 / 2] == pytest.approx(0.0, abs=1e-6)
    assert all(one.rabi == 0 for one in zeeman_lines(FIELD, 0.25, 0.0, 0.0, 0.0))


@pytest.mark.parametrize("detuning", [-3e6, -1e5, 2e5, 7e6])
def test_the_shift_of_a_level_is_that_of_the_dressed_states(detuning: float) -> None:
    rabi = 60e3
    energies = np.linalg.eigvalsh(np.array([[0.0, rabi / 2], [rabi / 2, -detuning]]))
    moved = energies[np.abs(energies).argmin()]
    assert level_shift(np.array(rabi), np.array(detuning)) == pytest.approx(moved)
    assert level_shift(np.array(rabi), np.array(detuning)) == pytest.approx(
        rabi**2 / 4 / detuning, rel=(rabi / detuning) ** 2
    )
