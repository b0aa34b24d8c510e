"""Starts of batched fits are right, for random truths: 200 shots a point, 61 points.

Right is a fit that is not refused, with all parameters within 5 standard errors of the truth.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pytest
from numpy.typing import NDArray

from data.analysis.batches import fit_sets
from data.analysis.counts import BinomialCounts
from data.analysis.estimates import Estimate
from data.analysis.models import RabiLine, SidebandPair

SETS = 1000

RANGES: Final[dict[str, tuple[tuple[float, float], ...]]] = {
    "flop": ((0, 0.1), (0.6, 1), (10e3, 200e3), (0, 10e3)),
    "flop, gaussian decay": ((0, 0.1), (0.6, 1), (10e3, 200e3), (0, 10e3)),
    "detuned flop": ((0.04, 0.04), (0.95, 0.95), (20e3, 100e3), (10e3, 100e3)),
    "thermal flop": ((0, 0.1), (0.6, 1), (20e3, 150e3), (0.5, 15)),
    "line": ((0, 0.1), (0.6, 1), (-15e3, 15e3), (8e3, 25e3)),
    "phase": ((0, 0.3), (0.6, 1), (-0.5, 0.5)),
    "delay, gaussian decay": ((0, 0.2), (0.7, 1), (8e3, 200e3), (-0.5, 0.5), (0, 15e3)),
    "delay, exponential decay": ((0, 0.2), (0.7, 1), (8e3, 200e3), (-0.5, 0.5), (0, 15e3)),
    "lorentz": ((5, 100), (150, 400), (-25e3, 25e3), (1e3, 20e3)),
    "gauss dip": ((150, 400), (5, 80), (-25e3, 25e3), (2e3, 20e3)),
    "voigt": ((50, 200), (2000, 5000), (-20e3, 20e3), (4e3, 12e3), (2e3, 10e3)),
    "saturation": ((20, 60), (300, 600), (3e-6, 40e-6)),
    "decay": ((0, 0.3), (0.6, 1), (6e-6, 80e-6)),
    "pdh": ((-0.2, 0.2), (0.3, 2), (-15e3, 15e3), (1e3, 10e3), (-0.5, 0.5)),
    "drift": ((-2, 2), (-0.1, 0.1), (-0.01, 0.01)),
}


def share_right(fits: Any, truths: NDArray[np.float64]) -> float:
    """Of all fits; phases are compared within a turn."""
    away = fits.values - truths
    for index, name in enumerate(fits.problem.model.names):
        if name == "phase":
            away[:, index] -= np.rint(away[:, index])
    known = np.array([name in fits.known for name in fits.problem.model.names])
    right = (np.abs(away) < 5 * fits.errors) | known
    return float((right.all(axis=1) & fits.found).mean())


@pytest.mark.slow
@pytest.mark.parametrize("name", RANGES)
def test_random_truths_are_found(name: str, cases: Any) -> None:
    case, rng = cases[name], np.random.default_rng(21)
    truths = np.stack([rng.uniform(*ends, SETS) for ends in RANGES[name]], axis=1)
    data = case.draw(rng, case.model.predict(case.places, truths))
    fits = fit_sets(case.model, case.places, data, known=case.known)
    assert share_right(fits, truths) >= 0.98, fits.tally()


def narrow_scans(area: float, sets: int) -> tuple[Any, NDArray[np.float64]]:
    """Scans of +-3 Rabi frequencies over lines anywhere in their inner half, up or down, fitted."""
    rng = np.random.default_rng(22)
    rabi = 10e3
    places = np.linspace(-3, 3, 61) * rabi
    off, on = rng.uniform(0, 0.1, sets), rng.uniform(0.6, 1, sets)
    down = rng.random(sets) < 0.5
    off, on = np.where(down, on, off), np.where(down, off, on)
    truths = np.stack([off, on, rng.uniform(-1.5, 1.5, sets) * rabi, np.full(sets, rabi)], axis=1)
    model = RabiLine(0.5 * area / rabi)
    data = BinomialCounts(rng.binomial(200, model.predict(places, truths)), 200)
    return fit_sets(model, places, data), truths


def test_narrow_scans_of_resonances_start_right() -> None:
    """The pulse area in units of pi; an established fitter is right in 2 to 74 % of such scans."""
    for area in (1.0, 2.0):
        assert share_right(*narrow_scans(area, 150)) >= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("area", [0.8, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0])
def test_narrow_scans_of_resonances_start_right_at_any_area(area: float) -> None:
    assert share_right(*narrow_scans(area, SETS)) >= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("area", [0.8, 1.0, 1.5, 2.0, 3.0])
def test_narrow_scans_of_sidebands_start_right(area: float) -> None:
    """Both sidebands within +-3 of their own Rabi frequency, the mode and the carrier off by up to one.

    Truths of the carrier's Rabi frequency are drawn from what the fit is told: 10 % about 54 kHz. Of ions
    colder than two tenths of a phonon the red sideband may be taken for noise: such a fit is refused, as 1 to
    2 % of these are. Hardly any fit that is not refused is wrong.
    """
    rng = np.random.default_rng(23)
    rabi, eta, mode = 54e3, 0.07, 920e3
    weak = rabi * eta
    around = np.concatenate([np.linspace(-3, 3, 31) * weak - mode, np.linspace(-3, 3, 30) * weak + mode])
    truths = np.stack(
        [
            rng.uniform(0, 0.1, SETS),
            rng.uniform(0.85, 1, SETS),
            rng.uniform(0.1, 3, SETS),
            mode + rng.uniform(-1, 1, SETS) * weak,
            rng.uniform(-1, 1, SETS) * weak,
            rabi * (1 + 0.1 * np.clip(rng.standard_normal(SETS), -3, 3)),
        ],
        axis=1,
    )
    model = SidebandPair(0.5 * area / weak, eta)
    data = BinomialCounts(rng.binomial(200, model.predict(around, truths)), 200)
    fits = fit_sets(model, around, data, known={"rabi_frequency": Estimate(rabi, 0.1 * rabi, "Hz")})
    fits.known.clear()  # the Rabi frequency has to be right, too
    right = share_right(fits, truths)
    assert right >= 0.97, fits.tally()
    assert fits.found.mean() - right <= 0.01, fits.tally()
