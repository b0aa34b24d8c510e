"""Dark and bright counts from histograms, with decay."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from data.analysis.readout_models import count_distribution, fit_mixture, fit_readout
from data.analysis.thresholds import best_threshold, error_matrix
from data.errors import AnalysisError, InsufficientDataError, RangeError, ShapeError

Whole = NDArray[np.int64]


def shelved(rng: np.random.Generator, shots: int, dark: float, bright: float, decay: float) -> Whole:
    """Counts of ions that decay at a random moment."""
    moment = np.minimum(rng.exponential(-1 / np.log1p(-decay), shots), 1.0)
    return rng.poisson(dark * moment + bright * (1 - moment))


def test_distribution_is_that_of_simulated_readouts() -> None:
    """Chi-square of 30 bins: above 80 with probability 2e-6."""
    rng = np.random.default_rng(1)
    dark, bright = count_distribution(1.5, 12.0, 0.2, 60)
    assert dark.sum() == pytest.approx(1)
    assert bright.sum() == pytest.approx(1)
    seen = np.bincount(shelved(rng, 100_000, 1.5, 12.0, 0.2), minlength=61)
    meant = 100_000 * np.append(dark[:25], dark[25:].sum())
    assert np.sum((np.append(seen[:25], seen[25:].sum()) - meant) ** 2 / meant) < 80


def test_readout_of_the_node_is_found() -> None:
    """15 kcps and 1 kcps for 2 ms, D5/2: the threshold that is published, 11 or the next with decay."""
    rng = np.random.default_rng(2)
    found = fit_readout(shelved(rng, 5000, 2.0, 30.0, 0.00171), rng.poisson(30.0, 5000), 0.00171)
    assert found.dark.value == pytest.approx(2.0, abs=4.5 * found.dark.error)
    assert found.bright.value == pytest.approx(30.0, abs=4.5 * found.bright.error)
    assert found.dark.error == pytest.approx((2.0 / 5000) ** 0.5, rel=0.1)
    assert found.threshold() == best_threshold(found.dark.value, found.bright.value, 0.00171)
    assert 11 <= found.threshold() <= 12
    assert found.errors(11) == pytest.approx(error_matrix(11, found.dark.value, found.bright.value, 0.00171))
    assert found.distribution(3).shape == (2, 4)
    assert found.share is None
    assert found.fit.p_value > 1e-4


@pytest.mark.slow
def test_a_model_without_decay_is_refuted() -> None:
    rng = np.random.default_rng(3)
    dark, bright = shelved(rng, 3000, 0.5, 20.0, 0.1), rng.poisson(20.0, 3000)
    assert fit_readout(dark, bright, 0.1).fit.p_value > 1e-3
    assert fit_readout(dark, bright, 0.0).fit.p_value < 1e-6


@pytest.mark.slow
def test_fits_of_readouts_cover(coverage: Callable[..., None]) -> None:
    rng = np.random.default_rng(4)
    fits = [
        fit_readout(shelved(rng, 200, 1.0, 12.0, 0.05), rng.poisson(12.0, 300), 0.05).fit for _ in range(150)
    ]
    coverage(fits, {"dark": 1.0, "bright": 12.0})


@pytest.mark.slow
def test_fits_of_mixtures_cover(coverage: Callable[..., None]) -> None:
    rng = np.random.default_rng(5)
    fits = []
    for _ in range(150):
        bright = rng.random(500) < 0.3
        counts = np.where(bright, rng.poisson(12.0, 500), shelved(rng, 500, 1.0, 12.0, 0.05))
        fits.append(fit_mixture(counts, 0.05).fit)
    coverage(fits, {"dark": 1.0, "bright": 12.0, "share": 0.3})


@pytest.mark.slow
@pytest.mark.parametrize(("dark", "bright", "shots"), [(1.5, 14.0, 400), (0.05, 1.0, 300)])
def test_p_values_of_readouts_are_even(dark: float, bright: float, shots: int) -> None:
    """Totals are fitted, too, and bins do not end where the data do: mean 1/2 of 300 fits, to 3 of 1 / 60."""
    rng = np.random.default_rng(7)
    drawn = [
        fit_readout(rng.poisson(dark, shots), rng.poisson(bright, shots), 0.0).fit.p_value for _ in range(300)
    ]
    assert np.mean(drawn) == pytest.approx(0.5, abs=0.05)
    assert np.mean(np.array(drawn) < 0.1) == pytest.approx(0.1, abs=0.05)


@pytest.mark.slow
def test_p_values_of_mixtures_are_even() -> None:
    rng = np.random.default_rng(8)
    drawn = []
    for _ in range(300):
        bright = rng.random(400) < 0.5
        counts = np.where(bright, rng.poisson(14.0, 400), rng.poisson(1.5, 400))
        drawn.append(fit_mixture(counts, 0.0).fit.p_value)
    assert np.mean(drawn) == pytest.approx(0.5, abs=0.05)
    assert np.mean(np.array(drawn) < 0.1) == pytest.approx(0.1, abs=0.05)


def test_totals_of_histograms_are_no_freedom() -> None:
    """Counts 0 to 9 and all more for a bright mean of 3: eleven bins twice, less two totals and two means."""
    counts = np.random.default_rng(9)
    dark, bright = counts.poisson(0.2, 50), np.full(50, 3)
    assert fit_readout(dark, bright, 0.0).fit.freedom == 2 * 12 - 4
    mixed = fit_mixture(np.append(counts.poisson(0.2, 100), counts.poisson(9.0, 100)), 0.0)
    assert mixed.fit.freedom == len(mixed.fit.prediction) - 4


def test_a_mixture_tells_the_share_that_is_bright() -> None:
    rng = np.random.default_rng(6)
    counts = np.append(shelved(rng, 700, 2.0, 30.0, 0.0017), rng.poisson(30.0, 300))
    found = fit_mixture(rng.permutation(counts), 0.0017)
    assert found.share is not None
    assert found.share.value == pytest.approx(0.3, abs=4.5 * found.share.error)
    assert found.bright.value == pytest.approx(30, abs=4.5 * found.bright.error)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: fit_readout([[1]], [1], 0.0),
            ShapeError,
            "dark has shape (1, 1), but (readouts,) is needed; reshape or slice it first",
        ),
        (
            lambda: fit_readout([1] * 10, [1] * 9, 0.0),
            InsufficientDataError,
            "a model of bright readouts needs at least 10 readouts, but there are 9; "
            "collect more data or leave this estimate out",
        ),
        (
            lambda: fit_readout([1] * 10, [1.0] * 9 + [float("nan")], 0.0),
            RangeError,
            "bright[9] is nan, but must be a whole number >= 0; give raw counts",
        ),
        (
            lambda: fit_readout([1] * 9 + [-1], [1] * 10, 0.0),
            RangeError,
            "dark[9] is -1, but must be a whole number >= 0; give raw counts",
        ),
        (
            lambda: fit_readout([5] * 10, [4] * 10, 0.0),
            RangeError,
            "mean counts of bright ions is 4, but must be above the 5 of dark ions; check the detection beam",
        ),
        (
            lambda: fit_mixture([5] * 10, 0.0),
            InsufficientDataError,
            "a mixture of readouts needs at least 2 different counts, but there are 1; "
            "collect more data or leave this estimate out",
        ),
    ],
)
def test_messages(call: Callable[[], object], error: type[AnalysisError], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text
