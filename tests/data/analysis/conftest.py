"""How fits are put to the test: over many data sets, errors must be as large as they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from data.analysis.counts import BinomialCounts, Data, NormalValues, PoissonCounts
from data.analysis.estimates import Estimate
from data.analysis.fits import Fit
from data.analysis.models import (
    Decay,
    DelayFringe,
    DetunedFlop,
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

Coverage: TypeAlias = Callable[[Sequence[Fit], Mapping[str, float]], None]

SIGMA = 4.5
"""Of every check here, in standard errors of what is checked: false alarm in 7e-6 of all seeds, two-sided."""


def check_coverage(fits: Sequence[Fit], truth: Mapping[str, float]) -> None:
    """Make sure that pulls, (found - true) / error, have mean 0 and width 1, and p-values mean 1/2.

    To the mean, 0.25 is added for the bias of likelihood fits to few data, which falls with their number; to
    the width 0.1 for the same reason. The standard error of a width is one over the root of twice the fits.
    """
    number = len(fits)
    for name, true in truth.items():
        pulls = np.array([(fit[name].value - true) / fit[name].error for fit in fits])
        assert abs(pulls.mean()) < 0.25 + SIGMA / number**0.5, f"{name}: mean of the pulls {pulls.mean():.2f}"
        width = pulls.std(ddof=1)
        assert abs(width - 1) < 0.1 + SIGMA / (2 * number) ** 0.5, f"{name}: width of the pulls {width:.2f}"
    chances = np.array([fit.p_value for fit in fits])
    assert abs(chances.mean() - 0.5) < 0.03 + SIGMA / (12 * number) ** 0.5, f"p-values {chances.mean():.2f}"


@pytest.fixture
def coverage() -> Coverage:
    """The check itself."""
    return check_coverage


@dataclass(frozen=True)
class Case:
    """A model, a scan of 61 points, and what is true.

    Attributes:
        kind: Of the data: binomial (200 shots a point), poisson, or normal (with this error).
        known: What the fit is told.
        error: Of normal values.
    """

    model: Model
    places: NDArray[np.float64]
    truth: tuple[float, ...]
    kind: str = "binomial"
    known: Mapping[str, Estimate] = field(default_factory=dict)
    error: float = 0.02

    def draw(self, rng: np.random.Generator, prediction: NDArray[np.float64]) -> Data:
        """Data as if a prediction (sets, points) were true."""
        if self.kind == "binomial":
            return BinomialCounts(rng.binomial(200, prediction), 200)
        if self.kind == "poisson":
            return PoissonCounts(rng.poisson(prediction))
        return NormalValues(rng.normal(prediction, self.error), self.error)

    def sets(self, rng: np.random.Generator, number: int) -> Data:
        """Data sets of the truth."""
        prediction = self.model.predict(self.places, self.truth)
        return self.draw(rng, np.broadcast_to(prediction, (number, len(prediction))))


LENGTHS = np.linspace(2e-6, 122e-6, 61)
DETUNINGS = np.linspace(-30e3, 30e3, 61)
MODE = 920e3
BOTH = np.concatenate([np.linspace(-25e3, 25e3, 31) - MODE, np.linspace(-25e3, 25e3, 30) + MODE])
LEVELS = {"unflipped": Estimate(0.04, 0.0), "flipped": Estimate(0.95, 0.0)}

CASES: Final[dict[str, Case]] = {
    "flop": Case(RabiFlop(), LENGTHS, (0.04, 0.95, 50e3, 3e3)),
    "flop, gaussian decay": Case(RabiFlop("gaussian"), LENGTHS, (0.04, 0.95, 50e3, 6e3)),
    "detuned flop": Case(DetunedFlop(), LENGTHS, (0.04, 0.95, 40e3, 30e3), known=LEVELS),
    "thermal flop": Case(ThermalFlop(0.07), LENGTHS, (0.04, 0.95, 50e3, 8.0)),
    "line": Case(RabiLine(50e-6), DETUNINGS, (0.03, 0.92, 3e3, 10e3)),
    "phase": Case(PhaseFringe(), np.arange(61) / 61, (0.1, 0.9, 0.13)),
    "delay, gaussian decay": Case(DelayFringe(), LENGTHS, (0.1, 0.9, 40e3, 0.1, 6e3)),
    "delay, exponential decay": Case(DelayFringe(decay="exponential"), LENGTHS, (0.1, 0.9, 40e3, 0.1, 6e3)),
    "lorentz": Case(LorentzLine(), DETUNINGS, (20.0, 200.0, 1e3, 8e3), "poisson"),
    "gauss dip": Case(GaussLine(), DETUNINGS, (200.0, 50.0, 1e3, 8e3), "poisson"),
    "voigt": Case(VoigtLine(), DETUNINGS, (100.0, 3000.0, 1e3, 8e3, 5e3), "poisson"),
    "saturation": Case(Saturation(), np.linspace(0, 60e-6, 61), (40.0, 400.0, 10e-6), "poisson"),
    "decay": Case(Decay(), LENGTHS, (0.1, 0.9, 30e-6)),
    "pdh": Case(PdhSignal(20e3), DETUNINGS, (0.01, 1.0, 500.0, 3e3, 0.1), "normal"),
    "drift": Case(Polynomial(2, origin=30.0), np.arange(61.0), (1.0, 0.02, 3e-4), "normal"),
    "sidebands": Case(
        SidebandPair(140e-6, 0.07),
        BOTH,
        (0.03, 0.95, 1.3, MODE + 300, 800.0, 54e3),
        known={"rabi_frequency": Estimate(54e3, 0.0, "Hz")},
    ),
}


@pytest.fixture
def cases() -> Mapping[str, Case]:
    """All cases by their names."""
    return CASES


@pytest.fixture(params=CASES, ids=lambda name: name.replace(", ", "-").replace(" ", "-"))
def case(request: pytest.FixtureRequest) -> Case:
    """Each of the cases in turn."""
    return CASES[request.param]
