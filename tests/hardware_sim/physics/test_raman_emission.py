"""The reduced master equation against fuller models, independent solutions and published numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from raman_models import CAVITY, LINEAR, MINUS, QUIET, TURN, UNEVEN, Complex, fidelity, tuned
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.optimize import brentq

from hardware_sim.physics.cavity import coupling, efficiency_bound
from hardware_sim.physics.elimination import H3, V5, S, eliminate
from hardware_sim.physics.raman import Drive, Emission, RamanModel, emit, stark_shift


def quantile(emission: Emission, share: float) -> float:
    """Time by which `share` of the photons of the first node has left, s."""
    filled = np.concatenate([[0.0], np.cumsum(emission.wave_packet[0])])
    return float(np.interp(share * filled[-1], filled, emission.edges))


# --- against published numbers ------------------------------------------------------------------------------


def test_one_tone_saturates_the_bound_with_the_known_wave_packet() -> None:
    emission = emit(MINUS, [tuned(MINUS, 150e-6, 16.8e6, 0.0)], 1.0)
    left = CAVITY.escape * emission.probability[0]
    assert left == pytest.approx(0.72, abs=0.03)  # Schupp: measured
    assert left == pytest.approx(0.723, rel=0.01)
    assert 0.97 * efficiency_bound(CAVITY, -5 / 2, MINUS.decay, MINUS.branching_s) < left < 0.727
    assert quantile(emission, 0.5) == pytest.approx(14e-6, abs=0.5e-6)
    assert quantile(emission, 0.9) == pytest.approx(39e-6, abs=1e-6)
    assert emission.edges[emission.wave_packet[0].argmax()] == pytest.approx(6.5e-6, abs=0.3e-6)


def test_two_tones_of_the_single_ion_experiment() -> None:
    emission = emit(MINUS, [tuned(MINUS, 150e-6, 14.2e6, 16.8e6)], 1.0)
    left = CAVITY.escape * emission.probability[0]
    assert left == pytest.approx(0.69, abs=0.03)  # Schupp: measured
    assert left == pytest.approx(0.712, rel=0.01)
    assert quantile(emission, 0.9) == pytest.approx(27e-6, abs=1e-6)
    assert emission.edges[emission.wave_packet[0].argmax()] == pytest.approx(5.7e-6, abs=0.3e-6)


def test_light_shift_of_the_single_ion_experiment() -> None:
    # Published: 0.30 MHz.
    assert stark_shift(MINUS, Drive(1e-6, 14.2e6, 16.8e6)) == pytest.approx(-0.30e6, abs=0.005e6)
    assert stark_shift(LINEAR, Drive(1e-6, 14.2e6, 16.8e6)) == pytest.approx(-0.40e6, abs=0.005e6)


def shares(model: RamanModel, ratio: float) -> tuple[float, float]:
    """Populations of |5V> and |3H> for tones in this ratio, 30.41 MHz in all."""
    drive = tuned(model, 50e-6, 30.41e6 * ratio / np.hypot(1, ratio), 30.41e6 / np.hypot(1, ratio))
    photon = emit(model, [drive], 1.0).photon[0].sum(axis=0)
    return float(photon[0, 0].real), float(photon[3, 3].real)


def test_the_published_ratio_of_the_tones_balances_the_photon() -> None:
    # Krutyanskiy et al. 2024, app. B, balanced V and H with 0.81; bare couplings would want sqrt(4/5) = 0.89.
    # The rest is the beat of the tones, which turns some of each tone into the other.
    balance = brentq(lambda ratio: np.subtract(*shares(LINEAR, ratio)), 0.7, 1.0, xtol=1e-4)
    assert balance == pytest.approx(0.81, abs=0.015)


def test_balanced_tones_give_a_perfect_pair() -> None:
    ratio = brentq(lambda ratio: np.subtract(*shares(LINEAR, ratio)), 0.7, 1.0, xtol=1e-6)
    drive = tuned(LINEAR, 50e-6, 30.41e6 * ratio / np.hypot(1, ratio), 30.41e6 / np.hypot(1, ratio))
    state = emit(LINEAR, [drive], 1.0).photon[0].sum(axis=0)
    assert fidelity(state) == pytest.approx(1.0, abs=1e-5)  # the cavity shifts |5V> and |3H> apart by 0.4 kHz


@pytest.mark.parametrize(("detuning", "favoured"), [(-403e6, "V"), (403e6, "H")])
def test_the_beat_favours_one_tone_by_the_first_sideband(detuning: float, favoured: str) -> None:
    # First order in β = Ω_V Ω_H (1 + 1/3) / 2|Δ| / beat: Ω_V gains Ω_H β/2 for red light, loses it for blue.
    model = replace(LINEAR, detuning=detuning)
    v, h = UNEVEN
    eliminated = eliminate(model, Drive(1e-6, v, h))
    found = abs(eliminated.couplings[1, 0, S, [V5, H3]]).ravel()
    beta = abs(v * h * (4 / 3) / (2 * detuning) / model.splitting)
    sign = 1 if favoured == "V" else -1
    gain_v, gain_h = (
        found
        / (TURN * np.array([coupling(CAVITY, m) for m in (-5 / 2, -3 / 2)]) * [v, h] / 2 / abs(detuning))
        - 1
    )
    assert gain_v == pytest.approx(sign * beta / 2 * h / v, rel=0.15)
    assert gain_h == pytest.approx(
        -sign * beta / 2 * v / h, abs=0.025
    )  # 7 MHz nearer to, or farther from, P3/2


# --- against fuller and independent models ------------------------------------------------------------------


def emitted_with_p32(model: RamanModel, drive: Drive) -> float:
    """V photons of a pure σ- drive in a model that keeps P3/2: master equation of S, P and |5,V>."""
    g = coupling(model.cavity, -5 / 2)
    hamiltonian = np.diag([0.0, -model.detuning, -drive.detuning_v])
    hamiltonian[0, 1] = hamiltonian[1, 0] = drive.rabi_v / 2
    hamiltonian[1, 2] = hamiltonian[2, 1] = g
    left = TURN * (-1j * hamiltonian - np.diag([0.0, model.decay, model.cavity.decay]))
    generator = np.zeros((10, 10), dtype=complex)  # the last row counts photons
    generator[:9, :9] = np.kron(left, np.eye(3)) + np.kron(np.eye(3), left.conj())
    generator[0, 4] += 2 * TURN * model.decay * model.branching_s
    generator[9, 8] = 2 * TURN * model.cavity.decay
    return float(expm(generator * drive.duration)[9, 0].real)


@pytest.mark.parametrize("rabi", [8e6, 16.8e6, 30e6])
def test_elimination_of_p32_holds_on_resonance(rabi: float) -> None:
    # The reduced model leaves out what the mode alone does to |5,V>: a shift g²/Δ of 2 kHz, and scattering.
    drive = tuned(MINUS, 50e-6, rabi, 0.0)
    reduced = emit(MINUS, [drive], 1.0, ring_down=0.0).probability[0]
    assert reduced == pytest.approx(emitted_with_p32(MINUS, drive), rel=3e-3)


@pytest.mark.parametrize("detuning", [-403e6, 403e6])
def test_the_light_shift_has_the_right_sign(detuning: float) -> None:
    model = replace(MINUS, detuning=detuning)
    shift = stark_shift(model, Drive(0.0, 30e6, 0.0))
    right, wrong = (Drive(50e-6, 30e6, 0.0, offset) for offset in (-shift, shift))
    assert emitted_with_p32(model, right) > 3 * emitted_with_p32(model, wrong)
    for drive in (right, wrong):
        reduced = emit(model, [drive], 1.0, ring_down=0.0).probability[0]
        assert reduced == pytest.approx(emitted_with_p32(model, drive), rel=0.1)


def renewed(model: RamanModel, drive: Drive, scale: float, cells: int) -> tuple[float, NDArray[np.float64]]:
    """Photon probability and flux at the grid points, by renewal after every scattering.

    Without scattering the amplitudes obey Schrödinger's equation with an effective Hamiltonian. Each return
    to S(-1/2) starts them afresh, so the density of starts obeys a Volterra equation, solved here by the
    trapezoidal rule.
    """
    grid = drive.duration / cells
    eliminated = eliminate(model, drive)
    powers = scale ** np.arange(3)
    effective = np.einsum("p,pkij->ij", powers, eliminated.couplings)
    cavity = TURN * (1j * model.cavity.decay + np.array([drive.detuning_v] * 2 + [drive.detuning_h] * 2))
    leap = expm(-1j * grid * (effective - np.diag([0, *cavity])))
    amplitudes = [np.eye(5, dtype=complex)[0]]
    for _ in range(cells):
        amplitudes.append(leap @ amplitudes[-1])
    path = np.array(amplitudes)
    flux = 2 * TURN * model.cavity.decay * (abs(path[:, 1:]) ** 2).sum(axis=1)
    # P3/2(m) decays to S(-1/2) and S(+1/2) by the squares of the Clebsch-Gordan coefficients.
    events = np.einsum("ti,p,pkij,tj->tk", path.conj(), powers, eliminated.scattered, path).real
    to_down, to_up = model.branching_s * np.array([[1, 2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3, 1]])
    direct, aside = events @ to_down, events @ to_up
    back, leave = eliminated.spin_up @ to_down, eliminated.spin_up @ (1 - to_up)

    # Trapezoids for both unknowns: starts = direct + direct * starts + back other, and
    # other' = aside + aside * starts - leave other.
    starts, other = np.zeros(cells + 1), 0.0
    starts[0], gained = direct[0], aside[0]
    for now in range(1, cells + 1):
        past = [
            kernel[now] + grid * (starts[1:now] @ kernel[now - 1 : 0 : -1] + starts[0] * kernel[now] / 2)
            for kernel in (direct, aside)
        ]
        carried = other + grid / 2 * (gained - leave * other + past[1])
        matrix = np.array(
            [[1 - grid / 2 * direct[0], -back], [-(grid**2) / 4 * aside[0], 1 + grid / 2 * leave]]
        )
        starts[now], other = np.linalg.solve(matrix, [past[0], carried])
        gained = past[1] + grid / 2 * aside[0] * starts[now]
    weights = np.full(cells + 1, grid)
    weights[[0, -1]] /= 2
    again = np.array([(weights[: t + 1] * starts[: t + 1]) @ flux[t::-1] for t in range(cells + 1)])
    return float(weights @ (flux + again)), flux + again


@pytest.mark.parametrize("model", [MINUS, LINEAR], ids=["sigma-minus", "linear"])
@pytest.mark.parametrize("scale", [1.0, 0.4])
def test_master_equation_equals_renewal_after_scattering(model: RamanModel, scale: float) -> None:
    drive = tuned(model, 25e-6, *UNEVEN)
    probability, flux = renewed(model, drive, scale, cells=1000)
    emission = emit(model, [drive], scale, step=25e-9, ring_down=0.0)
    assert emission.probability[0] == pytest.approx(probability, rel=5e-4)
    middles = (flux[1:] + flux[:-1]) / 2
    assert emission.wave_packet[0] / 25e-9 == pytest.approx(middles, rel=5e-3, abs=5e-3 * flux.max())


def slope(
    model: RamanModel, drive: Drive, phases: NDArray[np.float64]
) -> Callable[[float, Complex], Complex]:
    """Schrödinger's equation of the five amplitudes in the interaction picture; 16 rates of the photon."""
    kappa = TURN * model.cavity.decay
    twice = 2 * TURN * model.cavity.birefringence_axis
    tilt = np.array([[np.cos(twice), np.sin(twice)], [np.sin(twice), -np.cos(twice)]])
    split = np.kron(np.eye(2), tilt) * TURN * model.cavity.birefringence / 2
    eliminated = eliminate(model, drive).couplings.sum(axis=1).real
    raman = eliminated[1, S, [V5, H3]]
    split = split + np.diag(eliminated[2].diagonal()[V5:])
    beat = np.array([drive.detuning_v, drive.detuning_h])
    shift = eliminated[0, S, S]

    def change(time: float, vector: Complex) -> Complex:
        ground, photon = vector[0], vector[1:5]
        up = raman * np.exp(-1j * TURN * (phases + beat * time))
        down = -1j * (shift * ground + up.conj() @ photon[[0, 3]])
        kept = -1j * split @ photon - kappa * photon
        kept[[0, 3]] -= 1j * up * ground
        return np.concatenate([[down], kept, 2 * kappa * np.outer(photon, photon.conj()).ravel()])

    return change


def coherent_photon(model: RamanModel, drives: list[Drive], ring_down: float) -> Complex:
    """State of all photons of an atom that does not scatter; tones keep their phases between drives."""
    state = np.zeros(1 + 4 + 16, dtype=complex)
    state[0] = 1
    phases = np.zeros(2)
    for drive in [*drives, Drive(ring_down, 0.0, 0.0)]:
        change = slope(model, drive, phases)
        state = solve_ivp(change, (0, drive.duration), state, rtol=1e-9, atol=1e-11).y[:, -1]
        phases = phases + np.array([drive.detuning_v, drive.detuning_h]) * drive.duration
    return state[5:].reshape(4, 4)


@pytest.mark.parametrize(
    "drives",
    [
        [tuned(QUIET, 12e-6, 14.2e6, 16.8e6, (20e3, -45e3))],
        [tuned(QUIET, 4e-6, 14.2e6, 16.8e6, (0.0, 60e3)), tuned(QUIET, 5e-6, 20e6, 10e6, (-80e3, 30e3))],
        [
            Drive(3e-6, 14.2e6, 16.8e6, 0.3e6, 0.4e6),
            Drive(2e-6, 0.0, 0.0, 0.3e6, 0.4e6),
            Drive(3e-6, 14.2e6, 16.8e6, 0.3e6, 0.4e6),
        ],
    ],
    ids=["detuned", "two frequencies", "dark gap"],
)
def test_phases_are_those_of_the_interaction_picture(drives: list[Drive]) -> None:
    emission = emit(QUIET, drives, 1.0, step=0.5e-6, ring_down=8e-6)
    expected = coherent_photon(QUIET, drives, ring_down=8e-6)
    assert emission.photon[0].sum(axis=0) == pytest.approx(expected, abs=1e-7)
