from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import poisson

from hardware_sim.physics.crystal import equilibrium_positions, length_scale
from hardware_sim.physics.fluorescence import Glow, arrivals, counts, exposure, leakage, threshold_errors

BRIGHT, DARK = 14e3, 1e3  # counts/s, published for the node's photomultiplier


class TestExposure:
    def test_bright_ions_shine_throughout(self) -> None:
        bright_time = exposure(np.random.default_rng(1), np.zeros((5, 3), dtype=bool), 2e-3)
        np.testing.assert_array_equal(bright_time, 2e-3)

    def test_dark_ions_shine_after_their_decay(self) -> None:
        """Mean and frequency of decays against closed forms, within 5 standard errors (false alarm 1e-6)."""
        shots, duration, lifetime = 200_000, 1.0, 2.0
        bright_time = exposure(np.random.default_rng(2), np.ones((shots, 1), dtype=bool), duration, lifetime)
        decayed = 1 - math.exp(-duration / lifetime)
        spread = math.sqrt(decayed * (1 - decayed) / shots)
        assert abs(np.mean(bright_time > 0) - decayed) < 5 * spread
        mean = duration - lifetime * decayed
        assert abs(bright_time.mean() - mean) < 5 * bright_time.std() / math.sqrt(shots)
        assert bright_time.min() == 0.0
        assert bright_time.max() < duration

    def test_each_ion_keeps_its_place(self) -> None:
        dark = np.array([[True, False], [False, True]])
        bright_time = exposure(np.random.default_rng(3), dark, 1.5e-3, lifetime=1e6)
        np.testing.assert_array_equal(bright_time == 0.0, dark)


class TestLeakage:
    def test_lone_ion_loses_the_tails(self) -> None:
        found = leakage(np.zeros(1), 1.75e-6, 1.75e-6)
        assert found[0, 0] == pytest.approx(0.6826895, abs=1e-6)

    def test_touching_regions_share_all_light(self) -> None:
        found = leakage(np.arange(-20, 21) * 5e-6, 1.75e-6, 2.5e-6)
        assert found[:, 20].sum() == pytest.approx(1.0, abs=1e-12)

    def test_neighbour_agrees_with_the_integral_of_the_image(self) -> None:
        spread, half = 1.75e-6, 2.5e-6
        found = leakage(np.array([0.0, 5.6e-6]), spread, half)

        def image(x: float) -> float:
            return math.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)

        expected = quad(image, (5.6e-6 - half) / spread, (5.6e-6 + half) / spread)[0]
        assert found[1, 0] == pytest.approx(expected, rel=1e-9)
        assert found[0, 1] == pytest.approx(expected, rel=1e-9)


class TestCounts:
    def test_means_add_background_and_neighbours(self) -> None:
        """Mean counts of 40 000 shots, within 5 standard errors: false alarm 2e-6 for 3 ions."""
        shots, duration = 40_000, 1.5e-3
        mixing = leakage(equilibrium_positions(3) * length_scale(0.3e6), 3e-6, 3e-6)
        bright_time = np.tile([duration, 0.0, duration / 2], (shots, 1))
        found = counts(
            np.random.default_rng(4),
            bright_time,
            efficiency=BRIGHT,
            background=DARK * duration,
            leakage=mixing,
        )
        shares = mixing[:, 0] * duration + mixing[:, 2] * duration / 2
        mean = BRIGHT * shares + DARK * duration
        assert found.dtype == np.int32
        assert found.shape == (shots, 3)
        assert np.all(np.abs(found.mean(axis=0) - mean) < 5 * np.sqrt(mean / shots))
        # The variance equals the mean; its standard error is about mean sqrt(2 / shots) and a little more.
        np.testing.assert_allclose(found.var(axis=0), mean, rtol=0.05)

    def test_light_goes_from_columns_to_rows(self) -> None:
        """All light of ion 0 lands on ion 1 and none comes back."""
        found = counts(
            np.random.default_rng(7),
            np.array([[1000.0, 0.0]]),
            efficiency=1.0,
            background=0.0,
            leakage=np.array([[0.0, 0.0], [1.0, 0.0]]),
        )
        assert found[0, 0] == 0
        assert found[0, 1] == pytest.approx(1000, abs=200)

    def test_wide_images_make_dark_ions_look_brighter(self) -> None:
        bright_time = np.array([[1e-3, 0.0]] * 2000)
        rates = {"efficiency": BRIGHT, "background": DARK * 1e-3}
        places = np.array([0.0, 5.6e-6])
        sharp, blurred = (
            counts(np.random.default_rng(5), bright_time, leakage=leakage(places, spread, 2.8e-6), **rates)
            for spread in (0.5e-6, 3e-6)
        )
        assert blurred[:, 1].mean() > 2 * sharp[:, 1].mean()


class TestArrivals:
    """Clicks of a detector that sees all ions, in time."""

    GLOW = Glow(np.array([0.0, 1e-3, 3e-3]), np.array([0.0, 100.0, 200.0]))

    def test_they_follow_the_glow_of_each_ion_from_its_own_beginning(self) -> None:
        begun = np.tile([0.0, 1.5e-3, 5e-3], (3000, 1))
        shot, time = arrivals(np.random.default_rng(1), self.GLOW, begun, (0.5e-3, 2e-3), 0.1)
        # Ion 0: 50 photons in the first half millisecond of the gate, 50 in the rest; ion 1: 50 from 1.5 ms.
        early = (time < 1e-3).sum() / 3000
        late = (time > 1.5e-3).sum() / 3000
        assert early == pytest.approx(5, abs=6 * (5 / 3000) ** 0.5)
        assert late == pytest.approx(2.5 + 5, abs=6 * (7.5 / 3000) ** 0.5)
        assert time.min() >= 0.5e-3
        assert time.max() <= 2e-3
        assert np.bincount(shot, minlength=3000).var() == pytest.approx(15, rel=0.15)

    def test_a_gate_cut_in_two_sees_as_much(self) -> None:
        rng, begun = np.random.default_rng(2), np.zeros((2000, 2))
        whole = len(arrivals(rng, self.GLOW, begun, (0.0, 3e-3), 0.05)[0])
        parts = [
            len(arrivals(rng, self.GLOW, begun, gate, 0.05)[0]) for gate in ((0, 1.2e-3), (1.2e-3, 3e-3))
        ]
        assert sum(parts) == pytest.approx(whole, abs=6 * (2 * whole) ** 0.5)


class TestThresholdErrors:
    @pytest.mark.parametrize(("threshold", "duration", "error"), [(11, 2e-3, 1.5e-5), (8, 1.5e-3, 1.5e-4)])
    def test_published_operating_points_without_decay(
        self, threshold: int, duration: float, error: float
    ) -> None:
        """The threshold of 11 counts in 2 ms is the one that the node uses."""
        found = threshold_errors(threshold, duration, BRIGHT, DARK, math.inf)
        assert found.mean == pytest.approx(error, rel=0.05)
        assert found.bright == pytest.approx(poisson.cdf(threshold - 1, 15e3 * duration), rel=1e-9)
        assert found.dark == pytest.approx(poisson.sf(threshold - 1, 1e3 * duration), rel=1e-6)
        others = [threshold_errors(k, duration, BRIGHT, DARK, math.inf).mean for k in range(1, 40)]
        assert min(others) == found.mean

    @pytest.mark.parametrize("lifetime", [1.17, 5e-3])
    def test_decay_agrees_with_quadrature(self, lifetime: float) -> None:
        duration, threshold = 1.5e-3, 8

        def misread(decay: float) -> float:
            mean = DARK * duration + BRIGHT * (duration - decay)
            return float(poisson.sf(threshold - 1, mean)) * math.exp(-decay / lifetime) / lifetime

        undecayed = math.exp(-duration / lifetime) * poisson.sf(threshold - 1, DARK * duration)
        expected = undecayed + quad(misread, 0, duration, epsabs=1e-13)[0]
        found = threshold_errors(threshold, duration, BRIGHT, DARK, lifetime)
        assert found.dark == pytest.approx(expected, rel=1e-7)

    def test_decay_agrees_with_a_sum_over_counts_and_moments_of_decay(self) -> None:
        """Brute force: the law of every count below the threshold, for 20 000 times of decay."""
        duration, threshold, lifetime = 1.5e-3, 8, 1.17
        decay = (np.arange(20_000) + 0.5) / 20_000 * duration
        mean = DARK * duration + BRIGHT * (duration - decay)
        below = sum(np.exp(-mean) * mean**count / math.factorial(count) for count in range(threshold))
        decayed = (np.exp(-decay / lifetime) / lifetime * (1 - below)).mean() * duration
        lowest = DARK * duration
        dark = 1 - sum(
            math.exp(-lowest) * lowest**count / math.factorial(count) for count in range(threshold)
        )
        expected = decayed + math.exp(-duration / lifetime) * dark
        assert threshold_errors(threshold, duration, BRIGHT, DARK).dark == pytest.approx(expected, rel=1e-6)

    def test_decay_costs_about_half_its_probability(self) -> None:
        """An ion that decays late in the exposure still reads dark."""
        found = threshold_errors(8, 1.5e-3, BRIGHT, DARK)
        assert 0.4 < found.dark / (1 - math.exp(-1.5e-3 / 1.17)) < 0.9

    def test_simulated_shots_err_as_often_as_calculated(self) -> None:
        """100 000 shots with a short lifetime; 5 standard errors, false alarm 6e-7."""
        shots, duration, lifetime, threshold = 100_000, 1.5e-3, 20e-3, 8
        rng = np.random.default_rng(6)
        bright_time = exposure(rng, np.ones((shots, 1), dtype=bool), duration, lifetime)
        background = DARK * duration
        found = counts(rng, bright_time, efficiency=BRIGHT, background=background, leakage=np.eye(1))
        expected = threshold_errors(threshold, duration, BRIGHT, DARK, lifetime).dark
        spread = math.sqrt(expected * (1 - expected) / shots)
        assert abs(np.mean(found >= threshold) - expected) < 5 * spread
