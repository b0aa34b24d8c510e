"""What the module of the bootstrap says of biases and coverage, measured again. Slow."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest

from data.analysis.bootstrap import StateBootstrap
from data.analysis.entanglement import concurrence
from data.analysis.fidelities import BELL_STATES, fidelity, linear_fidelity
from data.analysis.measurements import pauli_effects
from data.analysis.resampling import resample_state
from data.analysis.tomography import projected_least_squares, reconstruct

PHI: Final = BELL_STATES["Phi+"]
WERNER: Final = 0.92 * np.outer(PHI, PHI) + 0.08 * np.eye(4) / 4
TRIALS: Final = 200
DRAWN: Final = 200

EXPECTED: Final = {100: (0.0030, 0.0186), 200: (0.0016, 0.0100), 500: (0.0006, 0.0036)}
"""Counts a setting -> how much lower than the linear fidelity those of likelihood and projection are."""


@pytest.mark.slow
@pytest.mark.parametrize("shots", EXPECTED)
def test_biases_and_coverage_are_as_documented(shots: int) -> None:
    """All bounds at 4.5 standard errors, two-sided: 7e-6 false alarms each.

    Coverage of 95 % intervals of the fidelity: 0.95 straight from counts and for the likeliest with its
    error, 0.93 by percentiles, 0.89 by percentiles for the concurrence.
    """
    rng = np.random.default_rng(shots)
    chances = np.einsum("soij,ji->so", pauli_effects(), WERNER).real.clip(0)
    counts = rng.multinomial(shots, chances / chances.sum(axis=1, keepdims=True), size=(TRIALS, 9))
    states = reconstruct(counts).density
    linear = [linear_fidelity(one, PHI) for one in counts]
    values = np.array([one.value for one in linear])
    assert abs(values.mean() - 0.94) < 4.5 * values.std() / TRIALS**0.5
    for found, bias in zip((states, projected_least_squares(counts)), EXPECTED[shots], strict=True):
        low = values - fidelity(found, PHI).fidelity
        assert low.mean() == pytest.approx(bias, abs=4.5 * low.std() / TRIALS**0.5)
    held = {"linear": 0, "likeliest": 0, "percentiles": 0, "concurrence": 0}
    for one, state, direct in zip(counts, states, linear, strict=True):
        drawn = resample_state(rng, state, one, DRAWN)
        bootstrap = StateBootstrap(state, reconstruct(drawn).density)
        judged = bootstrap.judge(lambda density: fidelity(density, PHI).fidelity)
        entangled = bootstrap.judge(concurrence)
        held["linear"] += abs(direct.value - 0.94) < 1.96 * direct.error
        held["likeliest"] += abs(judged.estimate.value - 0.94) < 1.96 * judged.estimate.error
        held["percentiles"] += judged.low < 0.94 < judged.high
        held["concurrence"] += entangled.low < 0.88 < entangled.high
    shares = {"linear": 0.95, "likeliest": 0.95, "percentiles": 0.93, "concurrence": 0.89}
    for name, share in shares.items():
        allowed = 4.5 * np.sqrt(share * (1 - share) / TRIALS)
        assert held[name] / TRIALS == pytest.approx(share, abs=allowed), name
