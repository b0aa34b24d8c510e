"""Conventions of settings and outcomes, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from data.analysis import OUTCOMES, SETTINGS, count_outcomes, pauli_effects
from data.analysis.measurements import check_effects
from data.errors import EffectsError, IncompleteSettingsError, RangeError, ShapeError

PAULI = {
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.array([[1, 0], [0, -1]]),
}


def test_effects_are_projectors_of_pauli_products() -> None:
    effects = pauli_effects()
    assert effects.shape == (9, 4, 4, 4)
    assert np.allclose(effects @ effects, effects)
    assert np.allclose(effects.sum(axis=1), np.eye(4))
    signs = [1 if outcome[0] == outcome[1] else -1 for outcome in OUTCOMES]
    ion_signs = [1 if outcome[0] == "+" else -1 for outcome in OUTCOMES]
    for setting, matrices in zip(SETTINGS, effects, strict=True):
        parity = np.tensordot(signs, matrices, 1)
        assert np.allclose(parity, np.kron(PAULI[setting[0]], PAULI[setting[1]]))
        assert np.allclose(np.tensordot(ion_signs, matrices, 1), np.kron(PAULI[setting[0]], np.eye(2)))


def test_photon_basis_follows_the_declared_polarisations() -> None:
    """D is V + H and R is H - iV: each must give its + outcome with certainty."""
    diagonal = np.array([1, 1]) / np.sqrt(2)
    right = np.array([-1j, 1]) / np.sqrt(2)
    effects = pauli_effects()
    for ket, setting in ((diagonal, "ZX"), (right, "ZY")):
        joint = np.kron([1, 0], ket)
        probabilities = np.einsum("oij,i,j->o", effects[SETTINGS.index(setting)], joint.conj(), joint).real
        assert probabilities == pytest.approx([1, 0, 0, 0], abs=1e-12)


def test_counts_of_columns_are_those_of_a_plain_loop() -> None:
    rng = np.random.default_rng(5)
    setting = rng.integers(9, size=500)
    ion, photon = rng.random(500) < 0.3, rng.random(500) < 0.6
    expected = np.zeros((9, 4), dtype=int)
    for row in range(500):
        outcome = ("-" if ion[row] else "+") + ("-" if photon[row] else "+")
        expected[setting[row], OUTCOMES.index(outcome)] += 1
    assert np.array_equal(count_outcomes(setting, ion, photon), expected)
    assert count_outcomes([], [], []).sum() == 0


def test_check_effects_names_the_setting_at_fault() -> None:
    effects = pauli_effects()
    effects[1, 0] *= 0.9
    effects[2, 0] *= 0.6
    with pytest.raises(EffectsError) as caught:
        check_effects(effects)
    assert str(caught.value) == (
        "the effects of setting 2 do not sum to the identity: off by 0.2, limit 1e-09; "
        "effects must be Hermitian, positive, and sum to the identity in each setting"
    )


def test_check_effects_refuses_what_is_no_measurement() -> None:
    lopsided = pauli_effects()
    lopsided[4, 1, 0, 1] += 1e-3
    with pytest.raises(EffectsError, match=r"^the effects of setting 4 are not Hermitian: off by 0\.001, "):
        check_effects(lopsided)
    negative = pauli_effects()
    negative[7, 0] += 0.1 * np.eye(4)
    negative[7, 1] -= 0.1 * np.eye(4)
    with pytest.raises(EffectsError, match=r"^the effects of setting 7 are not positive: off by 0\.1, "):
        check_effects(negative)
    broken = pauli_effects()
    broken[3, 2, 1, 1] = np.nan
    with pytest.raises(EffectsError, match=r"^the effects of setting 3 are not Hermitian: off by nan, "):
        check_effects(broken)
    with pytest.raises(ShapeError) as caught:
        check_effects(np.eye(4))
    assert str(caught.value) == (
        "effects has shape (4, 4), but (settings, outcomes, d, d) is needed; reshape or slice it first"
    )


def test_check_effects_refuses_settings_that_leave_the_state_open() -> None:
    without_y = [index for index, setting in enumerate(SETTINGS) if "Y" not in setting]
    with pytest.raises(IncompleteSettingsError) as caught:
        check_effects(pauli_effects()[without_y])
    assert str(caught.value) == (
        "the settings determine 9 of the 16 parameters of the state; "
        "add settings in other bases (for two qubits: all pairs of Z, X and Y)"
    )


def test_count_outcomes_refuses_ragged_columns_and_unknown_settings() -> None:
    with pytest.raises(ShapeError) as ragged:
        count_outcomes([0, 1], [True, False], [True])
    assert str(ragged.value) == (
        "photon_minus has shape (1,), but the shape (2,) of setting, one row per photon, is needed; "
        "reshape or slice it first"
    )
    with pytest.raises(RangeError) as unknown:
        count_outcomes([0, 9], [True, False], [True, True])
    assert str(unknown.value) == "setting[1] is 9, but must be 0 to 8; indices count from zero"
