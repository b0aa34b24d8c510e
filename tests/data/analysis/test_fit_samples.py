"""Bootstrap: against errors by curvature, p-values of few counts, and stated coverage."""

from __future__ import annotations

import numpy as np
import pytest

from data.analysis.batches import fit_sets
from data.analysis.counts import BinomialCounts, PoissonCounts
from data.analysis.fit_samples import Samples, bootstrap_fit, bootstrap_shots, simulate_p_value
from data.analysis.models import Decay, LorentzLine
from data.errors import InsufficientDataError, NoSignalError, RangeError

TIMES = np.linspace(0.0, 3.0, 31)
SHARES = Decay().predict(TIMES, [0.1, 0.9, 1.0])


@pytest.mark.parametrize("way", ["model", "shots"])
def test_samples_scatter_as_errors_say(way: str) -> None:
    """500 samples: a width is known to 3 %; 5 of these, and the noise of the data for those from shots."""
    data = BinomialCounts(np.random.default_rng(1).binomial(200, SHARES), 200)
    fits = fit_sets(Decay(), TIMES, data)
    found = bootstrap_fit(np.random.default_rng(2), fits, way=way)
    for index, (name, samples) in enumerate(found.items()):
        assert name == Decay().names[index]
        assert samples.value == fits.values[0, index]
        assert samples.estimate.error == pytest.approx(fits.errors[0, index], rel=0.16)
        low, high = samples.interval()
        assert low < samples.value < high
    assert found["lifetime"].unit == "s"
    assert abs(found["lifetime"].bias) < 0.5 * found["lifetime"].estimate.error


def test_p_values_by_simulation() -> None:
    """About the approximate one for true models, also for few counts; small for a wrong one."""
    rng, places = np.random.default_rng(3), np.linspace(-10.0, 10.0, 41)
    rare = LorentzLine().predict(places, [0.3, 12.0, 0.0, 4.0])
    fits = fit_sets(LorentzLine(), places, PoissonCounts(rng.poisson(rare, (4, 41))))
    for index in range(4):
        simulated = simulate_p_value(rng, fits, index, 300)
        assert simulated == pytest.approx(fits.p_values[index], abs=0.15)
    two = LorentzLine().predict(places, [5.0, 90.0, -4.0, 2.0]) + LorentzLine().predict(places, [0, 60, 4, 2])
    wrong = fit_sets(LorentzLine(), places, PoissonCounts(rng.poisson(two)))
    assert simulate_p_value(rng, wrong, samples=100) == pytest.approx(1 / 101)


@pytest.mark.slow
def test_intervals_cover() -> None:
    """400 fits and 600 means of 50 exponential values: errors of 2.3 and 1.9 %, 4 of these allowed."""
    rng = np.random.default_rng(4)
    held = []
    fits = fit_sets(Decay(), TIMES, BinomialCounts(rng.binomial(200, SHARES, (400, 31)), 200))
    for index in range(400):
        low, high = bootstrap_fit(rng, fits, index, samples=200)["lifetime"].interval()
        held.append(low < 1.0 < high)
    assert abs(np.mean(held) - 0.68) < 4 * 0.023
    means = []
    for _ in range(600):
        low, high = bootstrap_shots(rng, np.mean, rng.exponential(1.0, 50), 200).interval()
        means.append(low < 1.0 < high)
    assert abs(np.mean(means) - 0.67) < 4 * 0.019


def test_refusals() -> None:
    rng = np.random.default_rng(5)
    fits = fit_sets(Decay(), TIMES, BinomialCounts(rng.binomial(200, SHARES), 200))
    with pytest.raises(RangeError, match="way is 'photons', but must be one of model, shots"):
        bootstrap_fit(rng, fits, way="photons")
    with pytest.raises(
        InsufficientDataError, match="a bootstrap needs at least 20 samples that can be fitted"
    ):
        bootstrap_fit(rng, fits, samples=5)
    with pytest.raises(InsufficientDataError, match="a simulated p-value needs at least 20 samples"):
        simulate_p_value(rng, fits, samples=5)
    with pytest.raises(InsufficientDataError, match="a bootstrap needs at least 20 samples, but there are 3"):
        bootstrap_shots(rng, np.mean, [1.0, 2.0], 3)
    with pytest.raises(InsufficientDataError, match="a bootstrap needs at least 2 shots, but there are 1"):
        bootstrap_shots(rng, np.mean, [1.0])
    with pytest.raises(RangeError, match="shots is not finite, but must be finite; leave out the shots"):
        bootstrap_shots(rng, np.mean, [1.0, np.nan])
    with pytest.raises(
        InsufficientDataError, match="an interval needs at least 200 samples, but there are 100"
    ):
        Samples(0.0, np.arange(100.0)).interval(0.95)
    with pytest.raises(RangeError, match=r"confidence is 2\.0"):
        Samples(0.0, np.arange(100.0)).interval(2.0)
    flat = fit_sets(Decay(), TIMES, BinomialCounts(np.full(31, 20), 200))
    with pytest.raises(NoSignalError):
        bootstrap_fit(rng, flat)
