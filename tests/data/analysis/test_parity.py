"""Fidelity from populations and parity, against density matrices."""

from __future__ import annotations

import numpy as np
import pytest

from data.analysis.estimates import Estimate
from data.analysis.parity import parity_fidelity


@pytest.mark.parametrize(("mixed", "dephased"), [(0.0, 0.0), (0.1, 0.0), (0.0, 0.3), (0.2, 0.4)])
def test_fidelity_of_a_known_state(mixed: float, dephased: float) -> None:
    """White noise and dephasing on a Bell state: analysed by quarter turns, as in the experiment."""
    bell = np.zeros((4, 4), dtype=complex)
    bell[[0, 0, 3, 3], [0, 3, 0, 3]] = 0.5, 0.5 * (1 - dephased), 0.5 * (1 - dephased), 0.5
    state = (1 - mixed) * bell + mixed * np.eye(4) / 4
    parities = []
    for phase in np.arange(64) / 64:
        turn = np.array([[1, -1j * np.exp(-2j * np.pi * phase)], [-1j * np.exp(2j * np.pi * phase), 1]])
        both = np.kron(turn, turn) / 2
        seen = np.diag(both @ state @ both.conj().T).real
        parities.append(seen[0] + seen[3])
    even, contrast = float((state[0, 0] + state[3, 3]).real), max(parities) - min(parities)
    ket = np.array([1, 0, 0, 1]) / np.sqrt(2)
    expected = float((ket @ state @ ket).real)
    found = parity_fidelity(Estimate(even, 0.004), Estimate(contrast, 0.01))
    assert found.value == pytest.approx(expected)
    assert found.error == pytest.approx(np.hypot(0.004, 0.01) / 2)
