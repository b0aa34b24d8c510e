from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import eval_laguerre, j0

from hardware_sim.physics.crystal import mode_frequencies, modes, radial_frequencies
from hardware_sim.physics.motion import _SERIES, debye_waller, doppler_limit, lamb_dicke_squared

Floats = NDArray[np.float64]


def sample_numbers(
    rng: np.random.Generator, mean: Floats, shots: int, coherent: NDArray[np.complex128] | None = None
) -> NDArray[np.int64]:
    """Draw phonons (shots, modes) of thermal modes on top of a coherent motion, through Glauber's P."""
    return rng.poisson(sample_quanta(rng, mean, shots, coherent))


def sample_quanta(
    rng: np.random.Generator, mean: Floats, shots: int, coherent: NDArray[np.complex128] | None = None
) -> Floats:
    """Draw the quanta of the displacement (shots, modes) of thermal modes on top of a coherent motion."""
    quanta = rng.standard_exponential((shots, len(mean)))
    quanta *= mean
    if coherent is not None:
        moved = np.flatnonzero(coherent)
        thermal, size = quanta[:, moved], np.abs(coherent[moved])
        phase = rng.uniform(0.0, 2 * np.pi, thermal.shape)
        quanta[:, moved] = thermal + size**2 + 2 * size * np.sqrt(thermal) * np.cos(phase)
    return quanta


WIDTH = 22.4e6
RAMAN = 393.366e-9


def product(quanta: Floats, eta_squared: Floats) -> Floats:
    """The factor as it is defined, by the large array that the module avoids."""
    laguerre = eval_laguerre(quanta[:, :, None], eta_squared[None, :, :])
    return np.prod(np.exp(-eta_squared / 2) * laguerre, axis=1)


def ten_ions(axial_frequency: float) -> tuple[Floats, Floats]:
    """Doppler-cooled ten ions, Raman beam 45 degrees from the axis: mean phonon numbers and eta^2."""
    string = modes(10)
    axial = mode_frequencies(string.mu, axial_frequency)
    radial = radial_frequencies(string.mu, axial_frequency, 2.4e6)
    along = lamb_dicke_squared(RAMAN, math.sqrt(0.5), axial, string.vectors)
    across = lamb_dicke_squared(RAMAN, 0.5, radial, string.vectors)
    nbar = doppler_limit(np.concatenate([axial, radial, radial]), WIDTH, -WIDTH / 2)
    return nbar, np.vstack([along, across, across])


class TestDopplerLimit:
    def test_single_ion_agrees_with_the_published_temperature(self) -> None:
        """Published 11(2) axial at 0.92 MHz."""
        assert doppler_limit(np.array([0.92e6]), WIDTH, -WIDTH / 2)[0] == pytest.approx(11, abs=2)

    def test_optimum_is_half_a_linewidth_red(self) -> None:
        detunings = -WIDTH * np.linspace(0.1, 2.0, 191)
        limits = [doppler_limit(np.array([1e6]), WIDTH, detuning)[0] for detuning in detunings]
        assert min(limits) == pytest.approx(WIDTH / 2e6, rel=1e-9)
        assert detunings[np.argmin(limits)] == pytest.approx(-WIDTH / 2)

    def test_strong_light_moves_the_optimum_outwards(self) -> None:
        detunings = -WIDTH * np.linspace(0.1, 2.0, 1901)
        limits = [doppler_limit(np.array([1e6]), WIDTH, detuning, 3.0)[0] for detuning in detunings]
        assert detunings[np.argmin(limits)] == pytest.approx(-WIDTH / 2 * math.sqrt(1 + 3.0), rel=1e-3)

    @pytest.mark.parametrize("detuning", [0.0, 5e6])
    def test_blue_light_never_settles(self, detuning: float) -> None:
        np.testing.assert_array_equal(doppler_limit(np.array([1e6, 2e6]), WIDTH, detuning), np.inf)


class TestLambDicke:
    def test_single_ion(self) -> None:
        found = lamb_dicke_squared(RAMAN, math.sqrt(0.5), np.array([0.9e6]), np.ones((1, 1)))
        assert found[0, 0] == pytest.approx(32.26e3 / 0.9e6 / 2, rel=1e-3)

    def test_each_mode_is_shared_among_the_ions(self) -> None:
        string = modes(6)
        frequencies = mode_frequencies(string.mu, 0.4e6)
        found = lamb_dicke_squared(RAMAN, 1.0, frequencies, string.vectors)
        np.testing.assert_allclose(found.sum(axis=1) * frequencies, found[0].sum() * frequencies[0])
        np.testing.assert_allclose(found[0], found[0, 0])


class TestSampleQuanta:
    # Means of 40 000 draws are compared within 5 standard errors: false alarm 6e-7 a comparison.
    SHOTS = 40_000

    def test_thermal_moments(self) -> None:
        mean = np.array([0.3, 12.0, 45.0])
        quanta = sample_quanta(np.random.default_rng(5), mean, self.SHOTS)
        assert quanta.shape == (self.SHOTS, 3)
        assert np.all(np.abs(quanta.mean(axis=0) - mean) < 5 * mean / math.sqrt(self.SHOTS))
        # The variance of an exponential is mean^2, and its own standard error sqrt(8 / shots).
        assert np.all(np.abs(quanta.var(axis=0) / mean**2 - 1) < 5 * math.sqrt(8 / self.SHOTS))

    def test_displaced_thermal_moments(self) -> None:
        thermal, amplitude = 4.0, 3.0 - 2.0j
        quanta = sample_quanta(
            np.random.default_rng(6), np.array([thermal, thermal]), self.SHOTS, np.array([amplitude, 0])
        )
        moved = abs(amplitude) ** 2
        variance = thermal**2 + 2 * thermal * moved
        assert abs(quanta[:, 0].mean() - thermal - moved) < 5 * math.sqrt(variance / self.SHOTS)
        assert quanta[:, 0].var() == pytest.approx(variance, rel=0.06)
        assert abs(quanta[:, 1].mean() - thermal) < 5 * thermal / math.sqrt(self.SHOTS)

    def test_purely_coherent_motion_is_the_same_in_each_shot(self) -> None:
        quanta = sample_quanta(np.random.default_rng(7), np.zeros(1), 5, np.array([3 + 4j]))
        np.testing.assert_allclose(quanta, 25.0)

    def test_seed_decides(self) -> None:
        draws = [sample_quanta(np.random.default_rng(8), np.ones(4), 3, np.ones(4) + 0j) for _ in range(2)]
        np.testing.assert_array_equal(*draws)


class TestDebyeWaller:
    @settings(deadline=None)
    @given(
        st.integers(min_value=0, max_value=10**6),
        st.integers(min_value=1, max_value=40),
        st.floats(min_value=1e-3, max_value=2.0),
    )
    def test_agrees_with_the_product_within_the_stated_accuracy(
        self, seed: int, count: int, swing: float
    ) -> None:
        rng = np.random.default_rng(seed)
        eta_squared = 0.02 * rng.random((count, 3))
        quanta = rng.geometric(1 / (1 + swing / 0.02), (20, count)) - 1
        found = debye_waller(quanta, eta_squared)
        np.testing.assert_allclose(found, product(quanta, eta_squared), atol=1e-4, rtol=0)

    def test_worst_case_for_the_series_stays_within_the_stated_accuracy(self) -> None:
        """Every mode just below the switch to the function itself, where the series is poorest."""
        for count in range(1, 9):
            quanta, eta_squared = np.full((1, count), 24), np.full((count, 2), 0.01)
            error = np.abs(debye_waller(quanta, eta_squared) - product(quanta, eta_squared))
            assert error.max() < 6e-5

    @pytest.mark.parametrize(
        ("megahertz", "factors"),
        [
            (0.25, [0.43, 0.53, 0.58, 0.60, 0.61]),
            (0.30, [0.54, 0.63, 0.67, 0.69, 0.70]),
            (0.40, [0.69, 0.75, 0.78, 0.79, 0.79]),
        ],
    )
    def test_thermal_average_over_ten_ions(self, megahertz: float, factors: list[float]) -> None:
        nbar, eta_squared = ten_ions(megahertz * 1e6)
        exact = np.exp(-(eta_squared * (nbar[:, None] + 0.5)).sum(axis=0))
        np.testing.assert_allclose(exact[:5], factors, atol=0.02)
        shots = 8000
        found = debye_waller(sample_numbers(np.random.default_rng(9), nbar, shots), eta_squared)
        # 10 comparisons at 5 standard errors: false alarm 6e-6.
        error = found.std(axis=0) / math.sqrt(shots)
        assert np.all(np.abs(found.mean(axis=0) - exact) < 5 * error + 6e-5)

    def test_thermal_average_equals_the_sum_over_fock_states(self) -> None:
        eta_squared, nbar, shots = 0.018, 12.4, 100_000
        n = np.arange(400)
        weights = (nbar / (nbar + 1)) ** n / (nbar + 1)
        fock = np.sum(weights * math.exp(-eta_squared / 2) * eval_laguerre(n, eta_squared))
        quanta = sample_numbers(np.random.default_rng(10), np.array([nbar]), shots)
        found = debye_waller(quanta, np.array([[eta_squared]]))
        assert abs(found.mean() - fock) < 5 * found.std() / math.sqrt(shots) + 6e-5

    def test_coherent_motion_multiplies_the_thermal_average_by_a_bessel_function(self) -> None:
        eta_squared, nbar, amplitude, shots = 0.0065, 40.0, 11.0, 100_000
        quanta = sample_numbers(
            np.random.default_rng(11), np.array([nbar]), shots, np.array([amplitude + 0j])
        )
        found = debye_waller(quanta, np.array([[eta_squared]]))
        exact = math.exp(-eta_squared * (nbar + 0.5)) * j0(2 * math.sqrt(eta_squared) * amplitude)
        assert abs(found.mean() - exact) < 5 * found.std() / math.sqrt(shots) + 6e-5

    @pytest.mark.parametrize("eta_squared", [1e-3, 0.009, 0.011, 0.3, 1.7])
    def test_every_number_has_its_laguerre_polynomial(self, eta_squared: float) -> None:
        numbers = np.concatenate([np.arange(300), [1000, 3000]])
        found = debye_waller(numbers[:, None], np.array([[eta_squared]]))[:, 0]
        exact = np.exp(-eta_squared / 2) * eval_laguerre(numbers, eta_squared)
        np.testing.assert_allclose(found, exact, atol=4e-5, rtol=0)

    def test_the_series_is_the_logarithm_of_the_polynomial(self) -> None:
        """To fourth order: at a tenth of the argument, what is left falls by a hundred thousand."""
        numbers = np.arange(1, 12)
        left = []
        for squared in (1e-2, 1e-3):
            powers = {
                k: sum(c * (numbers + 0.5) ** e for e, c in _SERIES[k - 1].items()) for k in (1, 2, 3, 4)
            }
            series = sum(factor * squared**k for k, factor in powers.items())
            left.append(np.abs(series + np.log(eval_laguerre(numbers, squared)) - squared / 2).max())
        assert left[0] < 0.25**5 * 19 / 600
        assert left[1] / left[0] == pytest.approx(1e-5, rel=0.2)

    def test_carrier_changes_sign_beyond_the_first_zero(self) -> None:
        eta_squared = 0.01
        beyond = np.array([[3.0**2 / 4 / eta_squared]])
        assert debye_waller(beyond, np.array([[eta_squared]]))[0, 0] < -0.2

    def test_modes_that_the_light_does_not_see_change_nothing(self) -> None:
        quanta = np.array([[30, 10**9]])
        both = debye_waller(quanta, np.array([[0.01, 0.002], [0.0, 0.0]]))
        alone = debye_waller(quanta[:, :1], np.array([[0.01, 0.002]]))
        np.testing.assert_allclose(both, alone, rtol=1e-6)

    def test_memory_stays_far_below_shots_times_modes_times_ions(self) -> None:
        shots, count, ions = 300, 90, 60
        rng = np.random.default_rng(12)
        quanta, eta_squared = rng.geometric(0.1, (shots, count)) - 1, 0.01 * rng.random((count, ions))
        tracemalloc.start()
        debye_waller(quanta, eta_squared)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        one_byte_each = shots * count * ions
        assert peak < one_byte_each


@pytest.mark.parametrize("strength", [0.02, 0.1, 0.3])
def test_hot_modes_take_bessel_functions_where_polynomials_would_take_long(strength: float) -> None:
    numbers = np.array([[290], [301], [2000], [9000]])
    exact = np.exp(-strength / 2) * eval_laguerre(numbers[:, 0], strength)
    assert debye_waller(numbers, np.array([[strength]]))[:, 0] == pytest.approx(exact, abs=1.2e-4)
