"""What a fit costs in a batch, with Minuit, and with scipy: ratios within one run, 61 points a scan.

Minuit and scipy are started at the truth and know nothing of other minima; the batch searches for its starts
and judges what it finds. Run with `--benchmark-enable`; `extra_info` has the milliseconds of a single fit.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pytest

from data.analysis.batches import fit_sets
from data.analysis.counts import BinomialCounts, Data, NormalValues, PoissonCounts
from data.analysis.estimates import Estimate
from data.analysis.models import (
    Decay,
    DelayFringe,
    GaussLine,
    LorentzLine,
    Model,
    PdhSignal,
    PhaseFringe,
    Polynomial,
    RabiFlop,
    RabiLine,
    Saturation,
    SidebandPair,
    ThermalFlop,
    VoigtLine,
)

pytestmark = pytest.mark.slow

BATCH: Final = 1000
SINGLE: Final = 20
TIMES = np.linspace(2e-6, 122e-6, 61)
SCAN = np.linspace(-30e3, 30e3, 61)
BOTH = np.concatenate([np.linspace(-25e3, 25e3, 31) - 9e5, np.linspace(-25e3, 25e3, 30) + 9e5])

PROBLEMS: Final[dict[str, tuple[Model, Any, tuple[float, ...], type[Data]]]] = {
    "flop": (RabiFlop(), TIMES, (0.04, 0.95, 50e3, 3e3), BinomialCounts),
    "thermal flop": (ThermalFlop(0.07), TIMES, (0.04, 0.95, 50e3, 8.0), BinomialCounts),
    "line": (RabiLine(50e-6), SCAN, (0.03, 0.92, 3e3, 10e3), BinomialCounts),
    "phase": (PhaseFringe(), np.arange(61) / 61, (0.1, 0.9, 0.13), BinomialCounts),
    "delay": (DelayFringe(), TIMES, (0.1, 0.9, 40e3, 0.1, 6e3), BinomialCounts),
    "sidebands": (SidebandPair(140e-6, 0.07), BOTH, (0.03, 0.95, 1.3, 9e5, 800.0, 54e3), BinomialCounts),
    "lorentz": (LorentzLine(), SCAN, (20.0, 200.0, 1e3, 8e3), PoissonCounts),
    "gauss": (GaussLine(), SCAN, (200.0, 50.0, 1e3, 8e3), PoissonCounts),
    "voigt": (VoigtLine(), SCAN, (100.0, 3000.0, 1e3, 8e3, 5e3), PoissonCounts),
    "saturation": (Saturation(), np.linspace(0, 60e-6, 61), (40.0, 400.0, 10e-6), PoissonCounts),
    "decay": (Decay(), TIMES, (0.1, 0.9, 30e-6), BinomialCounts),
    "pdh": (PdhSignal(20e3), SCAN, (0.01, 1.0, 500.0, 3e3, 0.1), NormalValues),
    "drift": (Polynomial(2, origin=30.0), np.arange(61.0), (1.0, 0.02, 3e-4), NormalValues),
}
KNOWN: Final = {"sidebands": {"rabi_frequency": Estimate(54e3, 5e3, "Hz")}}


def draw(name: str, sets: int) -> Data:
    """Data sets of a problem: 200 shots, Poisson counts, or volts with an error of 20 mV."""
    model, places, truth, kind = PROBLEMS[name]
    rng = np.random.default_rng(1)
    expected = np.broadcast_to(model.predict(places, truth), (sets, len(places)))
    if kind is BinomialCounts:
        return BinomialCounts(rng.binomial(200, expected), 200)
    if kind is PoissonCounts:
        return PoissonCounts(rng.poisson(expected))
    return NormalValues(rng.normal(expected, 0.02), 0.02)


def fit_batch(name: str, data: Data) -> int:
    model, places, *_ = PROBLEMS[name]
    return int(fit_sets(model, places, data, known=KNOWN.get(name)).found.sum())


def deviance_of(model: Model, places: Any, data: Data) -> Any:
    return lambda values: float(data.deviances(model.predict(places, values)[None, :])[0])


def fit_by_minuit(name: str, data: Data) -> int:
    from iminuit import Minuit

    model, places, truth, _ = PROBLEMS[name]
    low, high = (limits[0] for limits in model.limits(places[None, :], data))
    found = 0
    for index in range(SINGLE):
        cost = deviance_of(model, places, data.rows(np.array([index])))
        minuit = Minuit(cost, np.array(truth))
        minuit.errordef = Minuit.LEAST_SQUARES
        minuit.limits = list(zip(low, high, strict=True))
        minuit.migrad()
        minuit.hesse()
        found += int(minuit.valid)
    return found


def fit_by_scipy(name: str, data: Data) -> int:
    from scipy.optimize import curve_fit

    model, places, truth, _ = PROBLEMS[name]
    for values, weights in zip(data.values[:SINGLE], data.weights[:SINGLE], strict=True):
        curve_fit(
            lambda x, *values: model.predict(x, values),
            places,
            values,
            truth,
            sigma=weights**-0.5,
            absolute_sigma=True,
            method="trf",
            bounds=tuple(limits[0] for limits in model.limits(places[None, :], data)),
            x_scale=np.maximum(np.abs(truth), 1e-6),
        )
    return SINGLE


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize(
    ("run", "sets"),
    [(fit_batch, BATCH), (fit_by_minuit, SINGLE), (fit_by_scipy, SINGLE)],
    ids=["batch", "minuit", "scipy"],
)
def test_fitting(benchmark: Any, name: str, run: Any, sets: int) -> None:
    data = draw(name, sets)
    benchmark.group = f"fits of a {name}, {BATCH} in the batch, {SINGLE} by others"
    found = benchmark.pedantic(run, args=(name, data), rounds=3, iterations=1, warmup_rounds=1)
    assert found >= 0.9 * sets
    if benchmark.stats:
        benchmark.extra_info["ms a fit"] = 1e3 * benchmark.stats.stats.min / sets
