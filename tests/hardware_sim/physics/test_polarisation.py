"""Wave plates, beam splitter and analyser against what every optics table shows."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np
import pytest
from numpy.typing import NDArray

from hardware_sim.physics.polarisation import analyser, beam_splitter, born, rotation, wave_plate

Complex = NDArray[np.complex128]

V = np.array([1, 0], dtype=complex)
H = np.array([0, 1], dtype=complex)
SUM, DIFFERENCE = (V + H) / 2**0.5, (V - H) / 2**0.5
LEFT, RIGHT = (V + 1j * H) / 2**0.5, (V - 1j * H) / 2**0.5
PERFECT = {"transmitted_extinction": 0.0, "reflected_extinction": 0.0}


def clicks(effects: Complex, polarisation: Complex) -> NDArray[np.float64]:
    """Probability of a click of each detector."""
    return np.asarray(np.einsum("a,pab,b->p", polarisation.conj(), effects, polarisation).real)


def random_density(rng: np.random.Generator, *shape: int) -> Complex:
    root = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    positive = root @ root.conj().swapaxes(-1, -2)
    return np.asarray(positive / np.trace(positive, axis1=-2, axis2=-1)[..., None, None])


@pytest.mark.parametrize(
    ("half", "quarter", "transmitted", "reflected"),
    [(0, 0, H, V), (1 / 16, 0, DIFFERENCE, SUM), (0, 1 / 8, LEFT, RIGHT)],
    ids=["VH", "diagonal", "circular"],
)
def test_standard_angles_analyse_the_six_polarisations(
    half: float, quarter: float, transmitted: Complex, reflected: Complex
) -> None:
    effects = analyser(half, quarter, **PERFECT)
    assert clicks(effects, transmitted) == pytest.approx([1, 0], abs=1e-12)
    assert clicks(effects, reflected) == pytest.approx([0, 1], abs=1e-12)


@pytest.mark.parametrize(
    ("half", "quarter", "others"),
    [
        (0, 0, (SUM, DIFFERENCE, LEFT, RIGHT)),
        (1 / 16, 0, (V, H, LEFT, RIGHT)),
        (0, 1 / 8, (V, H, SUM, DIFFERENCE)),
    ],
    ids=["VH", "diagonal", "circular"],
)
def test_unmatched_polarisations_click_evenly(
    half: float, quarter: float, others: tuple[Complex, ...]
) -> None:
    for light in others:
        assert clicks(analyser(half, quarter, **PERFECT), light) == pytest.approx([0.5, 0.5])


def test_a_half_wave_plate_mirrors_linear_light_about_its_axis() -> None:
    for light, plate in ((0.03, 0.1), (0.2, 0.01)):
        mirrored = wave_plate(1 / 2, plate) @ rotation(light) @ V
        assert abs(np.vdot(rotation(2 * plate - light) @ V, mirrored)) == pytest.approx(1)


def test_a_quarter_wave_plate_delays_its_slow_axis() -> None:
    # exp(-iωt) with the fast axis along V: H lags by a quarter turn, which multiplies it by i.
    passed = wave_plate(1 / 4, 0.0) @ SUM
    assert passed[1] / passed[0] == pytest.approx(1j)


def test_two_quarter_plates_make_a_half_plate() -> None:
    angle = 0.07
    quarter = wave_plate(1 / 4, angle)
    assert quarter @ quarter == pytest.approx(wave_plate(1 / 2, angle))


def test_plates_are_unitary_for_any_array_of_angles() -> None:
    plates = wave_plate(0.31, np.linspace(-1, 1, 6).reshape(2, 3))
    assert plates.shape == (2, 3, 2, 2)
    assert plates @ plates.conj().swapaxes(-1, -2) == pytest.approx(np.broadcast_to(np.eye(2), (2, 3, 2, 2)))


@pytest.mark.parametrize(("half", "light"), [(0.0, V), (1 / 16, SUM)])
def test_one_degree_of_a_half_wave_plate_flips_one_in_eight_hundred(half: float, light: Complex) -> None:
    wrong = clicks(analyser(half + 1 / 360, 0.0, **PERFECT), light)[0]
    # The quarter plate stands along V and H, so that it changes no probability behind the half plate.
    assert wrong == pytest.approx(sin(2 * pi / 180) ** 2)
    assert wrong == pytest.approx(1.2e-3, abs=0.02e-3)


def test_a_half_wave_plate_of_wrong_retardance() -> None:
    error = 0.01
    wrong = clicks(analyser(1 / 16, 0.0, half_retardance=1 / 2 + error, **PERFECT), SUM)[0]
    assert wrong == pytest.approx((1 - cos(2 * pi * error)) / 4)


def test_a_quarter_wave_plate_of_wrong_retardance() -> None:
    error = 0.01
    wrong = clicks(analyser(0.0, 1 / 8, quarter_retardance=1 / 4 + error, **PERFECT), LEFT)[1]
    assert wrong == pytest.approx((1 - cos(2 * pi * error)) / 2)


def test_beam_splitter_has_the_extinction_of_both_ports() -> None:
    ports = beam_splitter(1e-3, 1e-2)
    assert ports[0, 0] / ports[0, 1] == pytest.approx(1e-3)
    assert ports[1, 1] / ports[1, 0] == pytest.approx(1e-2)
    assert ports.sum(axis=0) == pytest.approx([1, 1])


def test_effects_are_positive_and_sum_to_one() -> None:
    rng = np.random.default_rng(5)
    half, quarter = rng.uniform(size=(2, 20))
    effects = analyser(half, quarter, half_retardance=0.49, quarter_retardance=0.26)
    assert effects.shape == (20, 2, 2, 2)
    assert effects.sum(axis=1) == pytest.approx(np.broadcast_to(np.eye(2), (20, 2, 2)))
    assert np.linalg.eigvalsh(effects).min() > 0.9e-3  # the better port's extinction is the purest effect


def test_born_is_the_partial_trace() -> None:
    rng = np.random.default_rng(6)
    states = random_density(rng, 3, 2, 4, 4)
    effect = analyser(0.11, 0.03)[1]
    ions = born(states, effect)
    assert ions.shape == (3, 2, 2, 2)
    for index in np.ndindex(3, 2):
        weighted = np.kron(np.eye(2), effect) @ states[index]
        expected = weighted[::2, ::2] + weighted[1::2, 1::2]
        assert ions[index] == pytest.approx(expected)
        assert np.trace(ions[index]).real == pytest.approx(
            np.trace(states[index] @ np.kron(np.eye(2), effect)).real
        )
    assert ions == pytest.approx(ions.conj().swapaxes(-1, -2))


def test_born_keeps_the_ion_of_a_product_state() -> None:
    rng = np.random.default_rng(7)
    ion, photon = random_density(rng, 2, 2), random_density(rng, 2, 2)
    for effect in analyser(0.2, 0.4):
        assert born(np.asarray(np.kron(ion, photon), dtype=complex), effect) == pytest.approx(
            ion * np.trace(photon @ effect)
        )


def test_the_clicks_of_all_detectors_leave_the_reduced_ion() -> None:
    state = random_density(np.random.default_rng(8), 4, 4)
    ion = sum(born(state, effect) for effect in analyser(0.3, 0.1))
    assert ion == pytest.approx(np.einsum("iaja->ij", state.reshape(2, 2, 2, 2)))


def test_a_click_on_circular_light_turns_a_bell_pair_into_a_phase() -> None:
    bell = np.zeros((4, 4), dtype=complex)
    bell[np.ix_([0, 3], [0, 3])] = 0.5
    ion = born(bell, analyser(0.0, 1 / 8, **PERFECT)[0])
    # <L| on |5V> + |3H> leaves |5> - i |3>.
    assert ion == pytest.approx(np.array([[1, 1j], [-1j, 1]]) / 4)
