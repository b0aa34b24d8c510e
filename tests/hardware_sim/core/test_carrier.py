"""Debye-Waller factors that are worked out once between coolings, against working out all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hardware_sim.core.carrier import Carrier
from hardware_sim.core.ensemble import Ensemble, complex_normal
from hardware_sim.core.string import make_string
from hardware_sim.physics.motion import debye_waller

SHOTS = 40


@pytest.mark.parametrize("ions", [1, 2, 9])
def test_factors_are_those_of_all_modes(innsbruck: Any, ions: int) -> None:
    string = make_string(innsbruck.properties, ions, 0.3e6, 2.4e6)
    ensemble, carrier, rng = Ensemble(SHOTS, ions, 3 * ions), Carrier(SHOTS, ions), np.random.default_rng(1)
    every = np.arange(SHOTS)

    def expect(shots: np.ndarray, chosen: np.ndarray) -> None:
        exact = debye_waller(ensemble.numbers(shots), string.raman)[:, chosen]
        assert carrier.weaken(ensemble, string, shots, chosen) == pytest.approx(exact, abs=3e-4)

    ensemble.motion[:] = 5 * complex_normal(rng, ensemble.motion.shape)
    expect(every, np.arange(ions))
    # Uniform fields act on the centre-of-mass modes; nothing has to be told.
    uniform = list(string.centre_of_mass)
    ensemble.motion[:, uniform] += 3 * complex_normal(rng, (SHOTS, 3))
    expect(every[::3], np.array([ions // 2]))
    # Cooling acts on all modes, here in half of the shots.
    ensemble.motion[:20] = 0.0
    carrier.forget(every[:20])
    expect(every, np.arange(ions))


def test_another_string_is_looked_at_anew(innsbruck: Any) -> None:
    ensemble, carrier, every = Ensemble(3, 2, 6), Carrier(3, 2), np.arange(3)
    ensemble.motion[:] = 4.0
    for axial in (0.3e6, 0.8e6):
        string = make_string(innsbruck.properties, 2, axial, 2.4e6)
        exact = debye_waller(ensemble.numbers(every), string.raman)
        assert carrier.weaken(ensemble, string, every, np.arange(2)) == pytest.approx(exact, abs=3e-4)
