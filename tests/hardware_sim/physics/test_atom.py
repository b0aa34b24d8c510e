"""Angular momentum, decay and light shifts of 40Ca+ against closed forms, sum rules and published numbers."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_sim.constants import BOHR_MAGNETON, LIGHT_SPEED, PLANCK
from hardware_sim.physics.atom import (
    DIPOLE_LINES,
    SUBLEVELS,
    Beam,
    Sublevel,
    branching,
    clebsch_gordan,
    decays,
    dipole,
    fine_structure_share,
    light_shift,
    rabi_frequency,
    wigner_3j,
    wigner_6j,
)
from hardware_sim.physics.calcium import (
    D32,
    D52,
    LINE_393,
    LINE_397,
    LINE_850,
    LINE_854,
    LINE_866,
    P12,
    P32,
    S12,
    Line,
)
from hardware_sim.physics.errors import ModelError, SublevelError

halves = st.integers(0, 6).map(lambda twice: twice / 2)


# --- symbols ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "square", "sign"),
    [
        ((1, 1, 0, 0, 0, 0), Fraction(1, 3), -1),
        ((1, 1, 2, 1, -1, 0), Fraction(1, 30), 1),
        ((2, 1, 1, 0, 0, 0), Fraction(2, 15), 1),
        ((1.5, 1, 0.5, 0.5, 0, -0.5), Fraction(1, 6), 1),
        ((2.5, 1, 1.5, 2.5, -1, -1.5), Fraction(1, 6), -1),
        ((3, 2, 1, 1, -1, 0), Fraction(8, 105), 1),
    ],
)
def test_3j_symbols_are_those_of_the_tables(symbol: tuple[float, ...], square: Fraction, sign: int) -> None:
    # Source: Rotenberg et al., The 3-j and 6-j Symbols (1959).
    assert wigner_3j(*symbol) == pytest.approx(sign * sqrt(square), abs=1e-15)


@pytest.mark.parametrize(
    ("symbol", "value"),
    [
        ((1, 1, 1, 1, 1, 1), Fraction(1, 6)),
        ((2, 2, 2, 2, 2, 2), Fraction(-3, 70)),
        ((1, 1, 1, 2, 1, 1), Fraction(1, 6)),
        ((1, 2, 3, 2, 1, 2), 1 / sqrt(525)),
        ((0.5, 0.5, 1, 0.5, 0.5, 0), Fraction(1, 2)),
    ],
)
def test_6j_symbols_are_those_of_the_tables(symbol: tuple[float, ...], value: float | Fraction) -> None:
    assert wigner_6j(*symbol) == pytest.approx(float(value), abs=1e-15)


@given(j1=halves, j2=halves, twice_m=st.integers(-12, 12))
def test_clebsch_gordan_coefficients_are_a_unitary_change_of_basis(
    j1: float, j2: float, twice_m: int
) -> None:
    m = twice_m / 2
    pairs = [(m1, m - m1) for m1 in np.arange(-j1, j1 + 1) if abs(m - m1) <= j2 and (m - m1 - j2) % 1 == 0]
    totals = [j for j in np.arange(abs(j1 - j2), j1 + j2 + 1) if abs(m) <= j and (m - j) % 1 == 0]
    matrix = np.array([[clebsch_gordan(j1, m1, j2, m2, j, m) for m1, m2 in pairs] for j in totals])
    assert len(pairs) == len(totals)
    if pairs:
        assert matrix @ matrix.T == pytest.approx(np.eye(len(pairs)), abs=1e-12)


@given(symbol=st.tuples(*[halves] * 6))
def test_6j_symbols_do_not_mind_which_column_is_first(symbol: tuple[float, ...]) -> None:
    a, b, c, d, e, f = symbol
    value = wigner_6j(*symbol)
    assert wigner_6j(b, c, a, e, f, d) == pytest.approx(value, abs=1e-14)
    assert wigner_6j(d, e, c, a, b, f) == pytest.approx(value, abs=1e-14)


def test_angular_momentum_that_does_not_add_up_gives_nothing() -> None:
    assert wigner_3j(1, 1, 3, 0, 0, 0) == wigner_3j(1, 1, 1, 1, 1, 1) == wigner_3j(1, 1, 1, 2, -2, 0) == 0
    assert wigner_6j(1, 1, 3, 1, 1, 1) == 0
    assert clebsch_gordan(0.5, 0.5, 1, 0, 1, 0.5) == 0


# --- dipole elements and decay ------------------------------------------------------------------------------


def test_elements_of_the_two_branches_are_the_published_ones() -> None:
    # Source: Schupp, PhD thesis (Innsbruck 2021), section 3.2.
    found = [dipole(LINE_854, m, -3 / 2) for m in (-5 / 2, -3 / 2, -1 / 2)]
    assert found == pytest.approx([sqrt(10 / 15), -sqrt(4 / 15), sqrt(1 / 15)], abs=1e-15)
    assert dipole(LINE_393, -1 / 2, -3 / 2) == 1  # stretched
    assert dipole(LINE_393, -1 / 2, 1 / 2) ** 2 == pytest.approx(1 / 3)
    assert dipole(LINE_393, 1 / 2, 1 / 2) ** 2 == pytest.approx(2 / 3)
    assert dipole(LINE_854, 5 / 2, -3 / 2) == 0


@pytest.mark.parametrize("line", DIPOLE_LINES, ids=lambda line: f"{line.wavelength * 1e9:.0f} nm")
def test_every_upper_sublevel_decays_alike_and_every_lower_one_absorbs_alike(line: Line) -> None:
    matrix = np.array(
        [[dipole(line, low, high) for high in line.upper.sublevels] for low in line.lower.sublevels]
    )
    assert (matrix**2).sum(axis=0) == pytest.approx(np.ones(len(line.upper.sublevels)))
    share = len(line.upper.sublevels) / len(line.lower.sublevels)
    assert (matrix**2).sum(axis=1) == pytest.approx(np.full(len(line.lower.sublevels), share))


def test_rates_of_the_published_three_level_picture() -> None:
    # Source: Schupp, section 3.1: (γ_g, γ_u, γ_o)/2π = (0.45, 10.74, 0.30) MHz, 11.49 MHz in all.
    shares = branching(Sublevel(P32, -3 / 2))
    half = 1 / (4 * np.pi * P32.lifetime)
    to_g, to_u = (shares[Sublevel(*place)] for place in ((D52, -5 / 2), (S12, -1 / 2)))
    # The three branching ratios as they are published sum to 1.00001.
    assert sum(shares.values()) == pytest.approx(1.0, abs=2e-5)
    rates = half * np.array([to_g, to_u, sum(shares.values()) - to_g - to_u])
    assert rates == pytest.approx([0.45e6, 10.74e6, 0.30e6], abs=0.005e6)


def test_spin_and_orbit_predict_how_p32_divides_its_decay_to_d() -> None:
    # 9 : 1, and the cubes of the frequencies; measured 0.0587(2) : 0.00661(4), Gerritsma et al. 2008.
    predicted = fine_structure_share(LINE_854) / fine_structure_share(LINE_850)
    predicted *= (LINE_850.wavelength / LINE_854.wavelength) ** 3
    assert predicted == pytest.approx(LINE_854.branching / LINE_850.branching, rel=0.01)
    assert fine_structure_share(LINE_866) == pytest.approx(1.0)
    assert fine_structure_share(LINE_393) == fine_structure_share(LINE_397) == pytest.approx(1.0)


def test_decay_operators_empty_the_upper_levels_at_their_lifetimes_and_keep_m() -> None:
    assert len(SUBLEVELS) == 18
    total = sum(decay.operator.T @ decay.operator for decay in decays())
    expected = [0.0 if s.level in (S12, D32, D52) else 1 / s.level.lifetime for s in SUBLEVELS]
    assert np.diag(total) == pytest.approx(np.array(expected), rel=2e-5)
    assert total - np.diag(np.diag(total)) == pytest.approx(np.zeros((18, 18)), abs=1e-6)
    for decay in decays():
        rows, columns = np.nonzero(decay.operator)
        for row, column in zip(rows, columns, strict=True):
            assert SUBLEVELS[column].m - SUBLEVELS[row].m == decay.q
            assert (SUBLEVELS[row].level, SUBLEVELS[column].level) == (decay.line.lower, decay.line.upper)


def test_emission_of_an_unpolarised_level_is_isotropic() -> None:
    for line in DIPOLE_LINES:
        strengths = [(decay.operator**2).sum() for decay in decays() if decay.line is line]
        assert strengths == pytest.approx([strengths[0]] * 3)


def test_zeeman_shifts_of_the_node() -> None:
    # Derived, in MHz at 4.23 G: 11.85 in S1/2, 7.89 in P3/2, 7.1 in D5/2.
    for level, expected in ((S12, 11.85e6), (P32, 7.89e6), (D52, 7.104e6), (P12, 3.947e6)):
        low, high = (Sublevel(level, m).energy(4.23e-4) for m in level.sublevels[:2])
        assert high - low == pytest.approx(expected, rel=2e-3)
        assert high - low == pytest.approx(level.lande * BOHR_MAGNETON / PLANCK * 4.23e-4)


# --- light shifts -------------------------------------------------------------------------------------------


def beam_at(line: Line, detuning: float, **shares: float) -> Beam:
    """Light of 1 W/cm², detuned from a line without field."""
    polarised = {"sigma_minus": 0.0, "pi": 0.0, "sigma_plus": 0.0, **shares}
    return Beam(LIGHT_SPEED / (LIGHT_SPEED / line.wavelength + detuning), 1e4, **polarised)


def test_close_to_a_line_the_shift_is_that_of_two_levels() -> None:
    detuning = -5e9
    beam = beam_at(LINE_393, detuning, sigma_minus=1.0)
    rabi = rabi_frequency(LINE_393, -1 / 2, -3 / 2, beam.intensity)
    closed = rabi**2 / (4 * detuning)
    assert light_shift(Sublevel(S12, -1 / 2), beam) == pytest.approx(closed, rel=2e-3)
    assert light_shift(Sublevel(P32, -3 / 2), beam) == pytest.approx(-closed, rel=2e-3)
    assert light_shift(Sublevel(S12, 1 / 2), beam) == pytest.approx(closed / 3, rel=5e-3)


def test_the_field_moves_the_resonance() -> None:
    beam, field = beam_at(LINE_393, -1e9, sigma_minus=1.0), 0.01
    moved = Sublevel(P32, -3 / 2).energy(field) - Sublevel(S12, -1 / 2).energy(field)
    ratio = light_shift(Sublevel(S12, -1 / 2), beam, field) / light_shift(Sublevel(S12, -1 / 2), beam)
    assert ratio == pytest.approx(-1e9 / (-1e9 - moved), rel=1e-3)


def test_light_without_direction_shifts_all_sublevels_alike() -> None:
    beam = Beam(806e-9, 1e8, 1 / 3, 1 / 3, 1 / 3)
    for level in (S12, P12, P32, D32, D52):
        shifts = [light_shift(Sublevel(level, m), beam) for m in level.sublevels]
        assert shifts == pytest.approx([shifts[0]] * len(shifts))


def test_far_from_resonance_polarisation_does_not_matter_to_the_ground_state() -> None:
    # 806 nm is far from both P levels against their fine structure: 397 and 393 nm make up one S-P line.
    linear, circular = (Beam(1064e-9, 1e8, **shares) for shares in ({}, {"pi": 0.0, "sigma_plus": 1.0}))
    one, other = (light_shift(Sublevel(S12, 1 / 2), beam) for beam in (linear, circular))
    assert one == pytest.approx(other, rel=0.02)
    assert one < 0


# --- messages -----------------------------------------------------------------------------------------------


def test_light_on_resonance_is_refused() -> None:
    with pytest.raises(ModelError) as caught:
        light_shift(Sublevel(S12, -1 / 2), beam_at(LINE_393, 20e6, sigma_minus=1.0))
    assert str(caught.value) == (
        "detuning from S1/2-P3/2 is 2e+07 Hz, but must be 6.9e+07 Hz or more away: "
        "near resonance light scatters more than it shifts"
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"intensity": -1.0}, "beam intensity is -1 W/m², but must be 0 W/m² or more: it is a power density"),
        (
            {"pi": 0.5},
            "sum of polarisation shares is 0.5, but must be 1: give each as a part of the intensity",
        ),
    ],
)
def test_impossible_beams_are_refused(change: dict[str, float], text: str) -> None:
    with pytest.raises(ModelError) as caught:
        replace(Beam(806e-9, 1.0), **change)
    assert str(caught.value) == text


def test_sublevels_that_do_not_exist_are_refused() -> None:
    with pytest.raises(SublevelError, match=r"S1/2 has no sublevel m = 1\.5"):
        dipole(LINE_393, 1.5, 1.5)
