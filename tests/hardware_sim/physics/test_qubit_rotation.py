"""Pulses on a two-level atom against closed forms and direct integration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from hardware_sim.physics.qubit import rotate, rotation

RABI = 78e3  # Hz, a pi pulse of 6.4 µs
GROUND = np.diag([1.0, 0.0, 0.0]).astype(complex)


def test_detuned_rabi_oscillation() -> None:
    detuning = np.linspace(-200e3, 200e3, 41)
    duration = np.linspace(0, 30e-6, 31)[:, None]
    excited = abs(rotation(RABI, detuning, duration)[..., 1, 0]) ** 2
    general = np.sqrt(RABI**2 + detuning**2)
    assert excited == pytest.approx(
        (RABI / general) ** 2 * np.sin(np.pi * general * duration) ** 2, abs=1e-12
    )


def test_ramsey_fringe() -> None:
    detuning, wait = np.linspace(-4e3, 4e3, 33), 500e-6
    half = 1e-9  # hard pulses: so short that the detuning does nothing meanwhile
    first = rotation(1 / (4 * half), detuning, half)
    second = rotation(1 / (4 * half), detuning, half, phase=detuning * (half + wait) + 0.1)
    excited = rotate(GROUND, second @ first)[:, 1, 1].real
    assert excited == pytest.approx((1 + np.cos(2 * np.pi * (detuning * wait + 0.1))) / 2, abs=2e-5)


@settings(max_examples=50, deadline=None)
@given(
    rabi=st.floats(0, 1e6),
    detuning=st.floats(-1e6, 1e6),
    first=st.floats(0, 20e-6),
    second=st.floats(0, 20e-6),
    phase=st.floats(-1, 1),
)
def test_two_pulses_in_a_row_equal_one(
    rabi: float, detuning: float, first: float, second: float, phase: float
) -> None:
    whole = rotation(rabi, detuning, first + second, phase)
    parts = rotation(rabi, detuning, second, phase + detuning * first) @ rotation(
        rabi, detuning, first, phase
    )
    assert parts == pytest.approx(whole, abs=1e-10)
    assert whole @ whole.conj().T == pytest.approx(np.eye(2), abs=1e-12)


def test_rotation_solves_the_schroedinger_equation() -> None:
    rabi, detuning, duration, phase = 90e3, -37e3, 8e-6, 0.21

    def slope(time: float, amplitudes: np.ndarray) -> np.ndarray:
        up = np.pi * rabi * np.exp(-2j * np.pi * (detuning * time + phase))
        return -1j * np.array([up.conjugate() * amplitudes[1], up * amplitudes[0]])

    unitary = rotation(rabi, detuning, duration, phase)
    for column, start in enumerate(np.eye(2, dtype=complex)):
        end = solve_ivp(slope, (0, duration), start, rtol=1e-10, atol=1e-12).y[:, -1]
        assert unitary[:, column] == pytest.approx(end, abs=1e-8)


def test_no_light_does_nothing() -> None:
    # In the interaction picture of the atom a laser that is off has no detuning to show.
    unitaries = rotation(0.0, np.array([0.0, 5e3]), 1e-3, 0.3)
    assert unitaries == pytest.approx(np.broadcast_to(np.eye(2), (2, 2, 2)), abs=1e-12)


def test_arguments_broadcast() -> None:
    assert rotation(np.ones((5, 1)), 0.0, np.ones(3), 0.25).shape == (5, 3, 2, 2)


@pytest.mark.parametrize("levels", [(0, 1), (0, 2), (2, 1)])
def test_rotate_equals_the_embedded_unitary(levels: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    root = rng.normal(size=(7, 3, 3)) + 1j * rng.normal(size=(7, 3, 3))
    states = root @ root.conj().swapaxes(-1, -2)
    before = states.copy()
    unitaries = rotation(RABI, rng.normal(scale=50e3, size=7), 4e-6, rng.uniform(size=7))
    embedded = np.broadcast_to(np.eye(3, dtype=complex), (7, 3, 3)).copy()
    embedded[:, np.array(levels)[:, None], np.array(levels)] = unitaries
    expected = embedded @ states @ embedded.conj().swapaxes(-1, -2)
    assert rotate(states, unitaries, levels) == pytest.approx(expected)
    assert np.array_equal(states, before)


def test_one_state_meets_many_pulses_and_many_states_one_pulse() -> None:
    pulses = rotation(RABI, np.linspace(-1e3, 1e3, 4), 3e-6)
    assert rotate(GROUND, pulses).shape == (4, 3, 3)
    states = np.stack([GROUND, GROUND])
    assert rotate(states, pulses[0])[1] == pytest.approx(rotate(GROUND, pulses)[0])


def test_mapping_pulse_carries_the_qubit_to_the_ground_state() -> None:
    # (S, D3, D5) with the qubit in D3 and D5: a pi pulse on S-D5 keeps its coherence, in S and D3.
    plus = np.zeros((3, 3), dtype=complex)
    plus[1:, 1:] = 0.5
    mapped = rotate(plus, rotation(RABI, 0.0, 1 / (2 * RABI)), levels=(0, 2))
    assert mapped[2, 2] == pytest.approx(0, abs=1e-12)
    assert mapped[:2, :2] == pytest.approx(np.array([[0.5, -0.5j], [0.5j, 0.5]]))
