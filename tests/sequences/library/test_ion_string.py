"""The lab's idea of how its string moves, against published numbers and the simulated string."""

from __future__ import annotations

import numpy as np
import pytest

from hardware_sim.physics.calcium import LINE_729
from hardware_sim.physics.crystal import modes
from hardware_sim.physics.motion import lamb_dicke_squared
from sequences.library import axial_modes, lamb_dicke


@pytest.mark.parametrize("ions", [1, 2, 3, 10, 50])
def test_modes_agree_with_the_simulated_string(ions: int) -> None:
    frequencies, vectors = axial_modes(ions, 0.3e6)
    simulated = modes(ions)
    assert frequencies == pytest.approx(0.3e6 * np.sqrt(simulated.mu), rel=1e-9)
    assert np.abs(vectors) == pytest.approx(np.abs(simulated.vectors), abs=1e-6)


def test_three_ions_have_the_published_modes() -> None:
    """Squared frequencies 1, 3 and 29/5. Source: D. James, Appl. Phys. B 66, 181 (1998)."""
    frequencies, vectors = axial_modes(3, 1.0)
    assert frequencies**2 == pytest.approx([1, 3, 5.8])
    assert np.abs(vectors[0]) == pytest.approx(np.full(3, 3**-0.5))


@pytest.mark.parametrize("cosine", [1.0, 0.7071])
def test_lamb_dicke_parameters_agree_with_the_simulated_ones(cosine: float) -> None:
    frequencies, vectors = axial_modes(4, 0.5e6)
    ours = [
        [lamb_dicke(frequency, cosine, part) ** 2 for part in row]
        for frequency, row in zip(frequencies, vectors, strict=True)
    ]
    assert np.array(ours) == pytest.approx(
        lamb_dicke_squared(LINE_729.wavelength, cosine, frequencies, vectors), rel=1e-5
    )
