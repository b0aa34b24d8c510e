"""Walls of nature: parameters on them, and near them, have errors that cover."""

from __future__ import annotations

import numpy as np
import pytest

from data.analysis.batches import fit_sets
from data.analysis.counts import BinomialCounts
from data.analysis.models import RabiFlop

TIMES = np.linspace(0.0, 100e-6, 41)


@pytest.mark.parametrize(("level", "shots"), [(0.005, 200), (0.002, 100)])
def test_levels_near_zero_have_errors_as_large_as_they_say(level: float, shots: int) -> None:
    """Counts are few, so that coverage comes in steps; it is never far below 68 %.

    Of 200 fits, 0.53 is 4.5 standard errors below 68 %; errors by Fisher's information cover in 0.4 to 0.54.
    """
    model, truth = RabiFlop(), np.array([level, 1 - level, 50e3, 3e3])
    counts = np.random.default_rng(12).binomial(shots, model.predict(TIMES, truth), (200, 41))
    fits = fit_sets(model, TIMES, BinomialCounts(counts, shots))
    assert fits.found.mean() > 0.99, fits.tally()
    pulls = (fits.values - truth)[fits.found] / fits.errors[fits.found]
    assert (np.abs(pulls) < 1).mean(axis=0).min() > 0.55
    # At a wall the deviance rises in proportion to the distance: a rise of 15 is 15 errors.
    assert np.abs(pulls).max() < 15
    # Some 16 shots were spent near the bottom of each flop: no level is known better than one over their sum.
    assert fits.errors[fits.found][:, :2].min() > 0.1 / (16 * shots)


def test_values_beside_a_wall_lie_on_it() -> None:
    """No value stays between a wall and where the data would see it, and the profile ends where errors do."""
    model = RabiFlop()
    counts = np.random.default_rng(14).binomial(200, model.predict(TIMES, [0.005, 0.99, 50e3, 3e3]), (60, 41))
    fits = fit_sets(model, TIMES, BinomialCounts(counts, 200))
    levels, errors = fits.column("unflipped")
    assert (levels == 0).sum() > 5
    assert not ((levels > 0) & (levels < 1e-6)).any()
    high = fits.profile("unflipped")[1]
    on_it = levels == 0
    assert high[on_it] - levels[on_it] == pytest.approx(errors[on_it], rel=0.02)
