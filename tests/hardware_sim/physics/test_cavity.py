"""The cavity against the published table of the Innsbruck set-up."""

from __future__ import annotations

from dataclasses import replace
from math import cos, pi

import numpy as np
import pytest

from hardware_sim.physics.cavity import (
    Cavity,
    cooperativity,
    coupling,
    efficiency_bound,
    free_spectral_range,
    half_linewidth,
    mode_area,
    mode_waist,
    optimum_transmission,
    position_factor,
    vacuum_coupling,
)
from hardware_sim.physics.errors import ModelError

CAVITY = Cavity(
    coupling=1.53e6,
    decay=70e3,
    transmission=90e-6,
    loss=116e-6,
    waist=12.31e-6,
    wavelength=854.209e-9,
    angle=85.3 / 360,
)
LENGTH, CURVATURE = 19.9057e-3, 9.9841e-3
P32_DECAY, TO_S, TO_D52 = 11.49e6, 0.9347, 0.0587


def test_geometry_gives_the_published_waist_spacing_and_linewidth() -> None:
    assert free_spectral_range(LENGTH) == pytest.approx(7.5303e9, abs=0.2e6)
    assert mode_waist(LENGTH, CURVATURE, CAVITY.wavelength) == pytest.approx(12.31e-6, abs=0.08e-6)
    assert half_linewidth(LENGTH, CAVITY.loss) == pytest.approx(70e3, abs=2e3)
    assert CAVITY.finesse == pytest.approx(54e3, abs=1e3)


def test_geometry_gives_the_published_coupling() -> None:
    waist = mode_waist(LENGTH, CURVATURE, CAVITY.wavelength)
    assert vacuum_coupling(LENGTH, waist, CAVITY.wavelength, P32_DECAY * TO_D52) == pytest.approx(
        1.53e6, abs=0.01e6
    )


def test_linewidth_and_finesse_divide_the_spectral_range() -> None:
    full_linewidth = 2 * half_linewidth(LENGTH, CAVITY.loss)
    assert free_spectral_range(LENGTH) / full_linewidth == pytest.approx(CAVITY.finesse)


def test_branches_couple_with_their_clebsch_gordan_coefficients() -> None:
    assert coupling(CAVITY, -5 / 2) == pytest.approx(0.88e6, abs=0.01e6)
    assert coupling(CAVITY, -3 / 2) == pytest.approx(0.79e6, abs=0.005e6)
    assert (coupling(CAVITY, -3 / 2) / coupling(CAVITY, -5 / 2)) ** 2 == pytest.approx(4 / 5)


def test_cooperativity_and_bounds() -> None:
    assert cooperativity(CAVITY, -5 / 2, P32_DECAY) == pytest.approx(0.485, abs=0.001)
    assert CAVITY.escape == pytest.approx(0.776, abs=0.001)
    assert efficiency_bound(CAVITY, -5 / 2, P32_DECAY, TO_S) == pytest.approx(0.727, abs=0.001)
    assert efficiency_bound(CAVITY, -3 / 2, P32_DECAY, TO_S) == pytest.approx(0.716, abs=0.001)
    assert efficiency_bound(CAVITY, -5 / 2, P32_DECAY, 0.0) == pytest.approx(0.38, abs=0.005)


def test_the_bound_is_the_sum_over_returns_to_the_start() -> None:
    gain = 2 * cooperativity(CAVITY, -5 / 2, P32_DECAY)
    once, again = gain / (1 + gain), TO_S / (1 + gain)
    tries = sum(once * again**number for number in range(200))
    assert efficiency_bound(CAVITY, -5 / 2, P32_DECAY, TO_S) == pytest.approx(CAVITY.escape * tries)


@pytest.mark.parametrize(("returned", "transmission"), [(TO_S, 215e-6), (0.0, 60e-6)])
def test_optimum_transmission(returned: float, transmission: float) -> None:
    collected = TO_D52 * (10 / 15) * (1 / 2)
    best, _ = optimum_transmission(CAVITY, collected, returned)
    assert best == pytest.approx(transmission, abs=1e-6)
    assert mode_area(CAVITY) == pytest.approx(342, abs=1)


def test_optimum_transmission_is_the_maximum_of_the_bound() -> None:
    # With a mirror of other transmission the linewidth follows the loss, and nothing else changes.
    waste = CAVITY.loss - CAVITY.transmission
    waist = mode_waist(LENGTH, CURVATURE, CAVITY.wavelength)
    g0 = vacuum_coupling(LENGTH, waist, CAVITY.wavelength, P32_DECAY * TO_D52)
    cavity = replace(CAVITY, waist=waist, coupling=g0)

    def bound(transmission: float) -> float:
        loss = waste + transmission
        changed = replace(cavity, transmission=transmission, loss=loss, decay=half_linewidth(LENGTH, loss))
        return efficiency_bound(changed, -5 / 2, P32_DECAY, TO_S)

    best, highest = optimum_transmission(cavity, TO_D52 * (10 / 15) * (1 / 2), TO_S)
    assert bound(best) == pytest.approx(highest, rel=1e-9)
    assert bound(best) > max(bound(0.9 * best), bound(1.1 * best))


def test_position_factor_of_a_neighbour_matches_the_published_one() -> None:
    factors = position_factor(CAVITY, np.array([-5.26e-6, 0.0, 5.26e-6]))
    assert factors == pytest.approx([0.83, 1.0, 0.83], abs=0.005)


def test_position_factor_falls_along_the_standing_wave() -> None:
    fringe = CAVITY.wavelength / 2 / cos(2 * pi * CAVITY.angle)
    assert fringe == pytest.approx(5.21e-6, abs=0.01e-6)
    assert position_factor(CAVITY, fringe / 2) == pytest.approx(0.0, abs=1e-12)
    assert position_factor(CAVITY, [0.23e-6, 0.53e-6, 0.75e-6]) == pytest.approx([0.99, 0.95, 0.9], abs=0.004)
    assert position_factor(CAVITY, 0.0, offset=20e-9) == pytest.approx(0.989, abs=0.001)
    assert position_factor(CAVITY, 0.0, offset=CAVITY.wavelength / 4) == pytest.approx(0.0, abs=1e-12)


def test_a_drifted_antinode_is_found_again_along_the_trap() -> None:
    offset = 30e-9
    follow = offset / cos(2 * pi * CAVITY.angle)
    assert position_factor(CAVITY, follow, offset) > position_factor(CAVITY, 0.0, offset)


def test_transmission_above_the_total_loss_is_refused() -> None:
    with pytest.raises(ModelError) as caught:
        replace(CAVITY, transmission=120e-6)
    assert str(caught.value) == (
        "cavity transmission is 0.00012, but must be from 0 to the total loss 0.000116: "
        "the total loss of a round trip includes the output transmission"
    )
    assert (caught.value.value, caught.value.unit) == (120e-6, "")


def test_a_cavity_without_linewidth_is_refused() -> None:
    with pytest.raises(ModelError) as caught:
        replace(CAVITY, decay=0.0)
    assert str(caught.value) == ("cavity decay is 0 Hz, but must be above 0 Hz: give the half linewidth κ/2π")


@pytest.mark.parametrize("m", [-1 / 2, -2.4])
def test_other_sublevels_are_refused(m: float) -> None:
    with pytest.raises(ModelError) as caught:
        coupling(CAVITY, m)
    assert str(caught.value) == (
        f"magnetic quantum number is {m:g}, but must be -5/2 or -3/2: only these D5/2 sublevels hold a qubit"
    )


def test_mirrors_without_a_stable_mode_are_refused() -> None:
    with pytest.raises(ModelError) as caught:
        mode_waist(20e-3, 9.9841e-3, CAVITY.wavelength)
    assert str(caught.value) == (
        "cavity length is 0.02 m, but must be above 0 and below twice the mirror curvature, 0.0199682 m: "
        "other mirrors hold no stable mode"
    )


def test_an_ideal_cavity_has_no_best_transmission() -> None:
    with pytest.raises(ModelError) as caught:
        optimum_transmission(replace(CAVITY, transmission=CAVITY.loss), 0.02, 0.0)
    assert str(caught.value) == (
        "cavity loss beside the output is 0, but must be above 0: an ideal cavity has no best transmission"
    )
