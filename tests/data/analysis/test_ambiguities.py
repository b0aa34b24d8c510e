"""What describes the data as well, far away, is told: aliases, and sidebands that may be noise."""

from __future__ import annotations

import numpy as np
import pytest

from data.analysis.batches import fit_sets
from data.analysis.counts import BinomialCounts
from data.analysis.estimates import Estimate
from data.analysis.models import DelayFringe, SidebandPair
from data.analysis.outcomes import Outcome
from data.errors import UndeterminedError

MODE = 1e6
AROUND = np.linspace(-50e3, 50e3, 21)
PLACES = np.concatenate([AROUND - MODE, AROUND + MODE])
PAIR = SidebandPair(1e-4, 0.08)


def _sidebands(quanta: float, sets: int) -> BinomialCounts:
    truth = [0.003, 0.97, quanta, MODE, 0.0, 60e3]
    return BinomialCounts(
        np.random.default_rng(13).binomial(100, PAIR.predict(PLACES, truth), (sets, 42)), 100
    )


def test_sidebands_of_cold_ions_do_not_tell_the_mode_from_the_carrier() -> None:
    """With 0.02 phonons the red sideband is two counts high; where one is found, it is the right one."""
    found = fit_sets(PAIR, PLACES, _sidebands(0.02, 25))
    assert (found.outcomes == Outcome.UNDETERMINED).mean() > 0.9
    modes, errors = found.column("mode_frequency")
    assert not (np.abs(modes - MODE) > 5 * errors).any()
    index = int(np.flatnonzero(found.outcomes == Outcome.UNDETERMINED)[0])
    with pytest.raises(UndeterminedError, match="do not determine the mode_frequency of a pair of sidebands"):
        raise found[index].error  # type: ignore[union-attr]


def test_a_known_carrier_tells_the_mode_and_a_limit_on_the_phonons() -> None:
    known = {"carrier": Estimate(0.0, 0.0, "Hz"), "rabi_frequency": Estimate(60e3, 0.0, "Hz")}
    found = fit_sets(PAIR, PLACES, _sidebands(0.02, 40), known=known)
    assert found.found.all(), found.tally()
    modes, errors = found.column("mode_frequency")
    assert (np.abs(modes - MODE) < 4.5 * errors).all()
    limits = found.profile("phonons", rise=3.84)[1]
    assert (limits > 0.02).mean() > 0.8
    assert limits.max() < 0.15


def test_red_sidebands_that_show_are_believed() -> None:
    assert fit_sets(PAIR, PLACES, _sidebands(0.3, 40)).found.mean() > 0.95


def test_an_alias_of_a_detuning_is_told() -> None:
    """With phases of 0 and 1/4 in turn, 30 kHz look like 170 kHz; with both at each wait they do not."""
    waits, truth, rng = np.linspace(0.0, 100e-6, 41), [0.1, 0.9, 3e4, 0.2, 1e4], np.random.default_rng(14)
    alternating = DelayFringe(np.tile([0.0, 0.25], 21)[:41])
    data = BinomialCounts(rng.binomial(100, alternating.predict(waits, truth), (20, 41)), 100)
    assert (fit_sets(alternating, waits, data).outcomes == Outcome.UNDETERMINED).all()
    twice, both = np.repeat(waits, 2), DelayFringe(np.tile([0.0, 0.25], 41))
    data = BinomialCounts(rng.binomial(100, both.predict(twice, truth), (20, 82)), 100)
    assert fit_sets(both, twice, data).found.all()
