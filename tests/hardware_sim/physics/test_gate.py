"""The spin-dependent force, held against the Hamiltonian, closed forms, and the gate of the library."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from hardware_sim.physics.crystal import modes
from hardware_sim.physics.errors import ModelError
from hardware_sim.physics.gate import (
    TwoTonePulse,
    branch,
    coherences,
    doubts,
    entangle,
    spin_basis,
    spin_branches,
    trace_loops,
    unravel,
)
from hardware_sim.physics.gate_integration import Coupling, draw_numbers, integrate
from sequences import Channel, Kind, Target, Tone, compile_sequence, sequence, us
from sequences.library import Bichromat, molmer_sorensen
from sequences.timeline import Operation

SLOW = 100e3  # Hz, a mode so slow that integrating its full Hamiltonian is cheap
ETA = np.array([[0.08, 0.08]])
RAISE = np.array([[0, 0], [1, 0]])  # |D><S| in the basis (S, D)
GROUND = np.array([1, 0, 0, 0], dtype=complex)
GROUND_RHO = np.outer(GROUND, GROUND)
BELL = np.array([1, 0, 0, 1j]) / np.sqrt(2)


def kron(*factors: Any) -> Any:
    return reduce(np.kron, factors)


def square(duration: float, rabi: float, offset: float, **tones: float) -> TwoTonePulse:
    """A pulse of equal tones with sudden edges, but for what `tones` say."""
    centre = tones.pop("centre", 0.0)
    red, blue = (np.array([rabi * tones.pop(name, 1.0)]) for name in ("red", "blue"))
    return TwoTonePulse(np.array([0.0, duration]), red, blue, centre - offset, centre + offset, **tones)


def brute_force(
    pulse: TwoTonePulse,
    frequencies: list[float],
    eta: np.ndarray,
    start: np.ndarray,
    levels: int = 14,
    carrier: bool = False,
    sidebands_only: bool = False,
    shift: float = 0.0,
) -> np.ndarray:
    """Integrate the spin-motion Hamiltonian of two ions: (4, levels, ...) from (4, levels, ...).

    To first order in eta with both tones on both sidebands, or all orders and the carrier, or each tone on
    its own sideband only and the light shift that the carrier gives put in by hand.
    """
    count = len(frequencies)
    ladder = np.diag(np.sqrt(np.arange(1, levels)), 1)
    lowers = [
        kron(*[ladder if mode == other else np.eye(levels) for other in range(count)])
        for mode in range(count)
    ]
    raises = [kron(RAISE, np.eye(2)), kron(np.eye(2), RAISE)]
    up = sum(kron(r @ r.T) for r in raises)
    size = levels**count

    def motion(ion: int, time: float, red: bool) -> np.ndarray:
        total = np.zeros((size, size), dtype=complex)
        for mode, frequency in enumerate(frequencies):
            turn = np.exp(-2j * np.pi * frequency * time)
            down, lift = lowers[mode] * turn, lowers[mode].conj().T / turn
            if sidebands_only:
                total += eta[mode, ion] * (down if red else lift)
            else:
                total += eta[mode, ion] * (down + lift)
        if carrier:
            values, vectors = np.linalg.eigh(total)
            return vectors @ (np.exp(1j * values)[:, None] * vectors.conj().T)
        return 1j * total

    def slope(time: float, flat: np.ndarray) -> np.ndarray:
        segment = min(np.searchsorted(pulse.edges, time, side="right") - 1, len(pulse.red) - 1)
        state = flat.reshape(4, size)
        total = np.zeros((4, size), dtype=complex)
        tones = (
            (pulse.red[segment], pulse.red_detuning, pulse.red_phase, True),
            (pulse.blue[segment], pulse.blue_detuning, pulse.blue_phase, False),
        )
        for ion in range(2):
            for rabi, detuning, phase, red in tones:
                light = np.pi * rabi * np.exp(-2j * np.pi * (detuning * time + phase))
                operator = motion(ion, time, red)
                total += light * (raises[ion] @ state) @ operator.T
                total += np.conj(light) * (raises[ion].T @ state) @ operator.conj()
        total += 2 * np.pi * shift * up @ state
        return (-1j * total).ravel()

    if sidebands_only:
        shift -= (pulse.blue[0] ** 2 / pulse.blue_detuning + pulse.red[0] ** 2 / pulse.red_detuning) / 2
    state = start.astype(complex).ravel()
    for begin, end in zip(pulse.edges[:-1], pulse.edges[1:], strict=True):
        last = np.nextafter(end, begin)
        state = solve_ivp(slope, (begin, last), state, method="DOP853", rtol=1e-8, atol=1e-10).y[:, -1]
    return state.reshape(4, *[levels] * count)


def in_vacuum(spins: np.ndarray, levels: int, count: int = 1) -> np.ndarray:
    state = np.zeros((4, levels**count), dtype=complex)
    state[:, 0] = spins
    return state


def reduced(state: np.ndarray) -> np.ndarray:
    flat = state.reshape(4, -1)
    return flat @ flat.conj().T


def fidelity(density: np.ndarray, target: np.ndarray = BELL) -> float:
    return float((target.conj() @ density @ target).real)


def ideal_rabi(offset: float, loops: int = 1, eta: float = 0.08) -> float:
    """Eta Omega = d / (2 sqrt K): Sorensen and Molmer, PRA 62, 022311 (2000)."""
    return offset / (2 * math.sqrt(loops) * eta)


@pytest.mark.parametrize(
    ("duration", "beat"), [(100e-6, 10e3), (73e-6, 10e3), (100e-6, 0.0)], ids=["closed", "open", "resonant"]
)
def test_force_is_what_the_hamiltonian_of_first_order_does(duration: float, beat: float) -> None:
    pulse = square(duration, 30e3, SLOW + beat, red_phase=0.07, blue_phase=0.21)
    eta = np.array([[0.08, -0.05]])
    spins = np.array([0.6, 0.3j, 0.5, -0.2])
    spins = spins / np.linalg.norm(spins)
    truth = reduced(brute_force(pulse, [SLOW], eta, in_vacuum(spins, 20), levels=20))
    model = entangle(np.outer(spins, spins.conj()), pulse, np.array([SLOW]), eta, np.zeros(1))
    np.testing.assert_allclose(model, truth, atol=2e-5)


def test_force_on_two_modes_at_once() -> None:
    frequencies = [SLOW, SLOW * math.sqrt(3)]
    eta = np.array([[0.08, 0.08], [0.06, -0.06]])
    pulse = square(80e-6, 45e3, SLOW + 12e3)
    truth = reduced(brute_force(pulse, frequencies, eta, in_vacuum(GROUND, 9, 2), levels=9))
    model = entangle(GROUND_RHO, pulse, np.array(frequencies), eta, np.zeros(2))
    np.testing.assert_allclose(model, truth, atol=5e-5)


def test_pulses_of_many_segments() -> None:
    edges = np.linspace(0, 100e-6, 11)
    light = 60e3 * np.sin(np.pi * (edges[:-1] + 5e-6) / 100e-6) ** 2
    pulse = TwoTonePulse(edges, light, light, -SLOW - 15e3, SLOW + 15e3)
    truth = reduced(brute_force(pulse, [SLOW], ETA, in_vacuum(GROUND, 14)))
    np.testing.assert_allclose(
        entangle(GROUND_RHO, pulse, np.array([SLOW]), ETA, np.zeros(1)), truth, atol=3e-5
    )


def test_cutting_a_pulse_changes_nothing() -> None:
    whole = square(90e-6, 30e3, SLOW + 7e3)
    edges = np.array([0.0, 13e-6, 13.4e-6, 60e-6, 90e-6])
    cut = TwoTonePulse(edges, np.full(4, 30e3), np.full(4, 30e3), -SLOW - 7e3, SLOW + 7e3)
    frequencies = np.array([SLOW, 2.7 * SLOW, SLOW + 7e3])
    one, many = trace_loops(whole, frequencies), trace_loops(cut, frequencies)
    np.testing.assert_allclose(many.displacement, one.displacement, rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(many.area, one.area, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("loops", [1, 2, 5])
def test_published_light_entangles_fully(loops: int) -> None:
    """Far above the beat, counter-rotating terms shrink to nothing."""
    pulse = square(200e-6, ideal_rabi(loops * 5e3, loops), 50e6 + loops * 5e3)
    density = entangle(GROUND_RHO, pulse, np.array([50e6]), ETA, np.array([30.0]))
    assert fidelity(density) == pytest.approx(1, abs=2e-6 * loops)


def test_fidelity_falls_with_the_detuning_as_published() -> None:
    """F = (3 + e^{-16 L} + 4 e^{-4 L} sin 4 A) / 8: L = |alpha|^2 (n + 1/2), A the area of one ion's push.

    Of the branches, two move by +-2 alpha and two stay. Follows Sorensen and Molmer, PRA 62, 022311 (2000).
    """
    duration, nbar, mode = 200e-6, 3.0, 50e6
    for error in (0.0, 300.0, 1e3):
        pulse = square(duration, ideal_rabi(5e3), mode + 5e3 + error)
        beat = 2 * np.pi * (5e3 + error)
        push = np.pi * 0.08 * ideal_rabi(5e3)
        alpha = push / beat * 2 * math.sin(beat * duration / 2)
        area = push**2 / beat * (duration - math.sin(beat * duration) / beat)
        lost = alpha**2 * (nbar + 0.5)
        expected = (3 + math.exp(-16 * lost) + 4 * math.exp(-4 * lost) * math.sin(4 * area)) / 8
        density = entangle(GROUND_RHO, pulse, np.array([mode]), ETA, np.array([nbar]))
        assert fidelity(density) == pytest.approx(expected, abs=5e-5)


def test_closed_loops_do_not_ask_how_warm_the_mode_is() -> None:
    pulse = square(200e-6, ideal_rabi(5e3), 50e6 + 5e3)
    cold, hot = (
        fidelity(entangle(GROUND_RHO, pulse, np.array([50e6]), ETA, np.array([n]))) for n in (0.0, 50.0)
    )
    assert cold - hot < 1e-4


def test_thermal_state_is_the_mean_over_coherent_ones() -> None:
    """Also: drawing shots gives the density matrix."""
    rng = np.random.default_rng(5)
    shots, nbar = 40_000, 2.0
    pulse = square(70e-6, 25e3, SLOW + 9e3)
    loops, spins = trace_loops(pulse, np.array([SLOW])), spin_branches((2, 2))
    branches = branch(loops, ETA, spins)
    basis = kron(spin_basis(0.0), spin_basis(0.0))
    amplitude = np.broadcast_to(basis.conj().T @ GROUND, (shots, 4))
    motion = (rng.standard_normal((shots, 1, 2)) @ np.array([1, 1j])) * math.sqrt(nbar / 2)
    factors, moved = unravel(rng, np.abs(amplitude) ** 2, branches, motion)
    states = amplitude * factors
    np.testing.assert_allclose((np.abs(states) ** 2).sum(axis=1), 1, rtol=1e-12)
    mean = basis @ (states.T @ states.conj() / shots) @ basis.conj().T
    expected = entangle(GROUND_RHO, pulse, np.array([SLOW]), ETA, np.array([nbar]))
    np.testing.assert_allclose(mean, expected, atol=5 * 0.5 / math.sqrt(shots))
    pushed = nbar + (np.abs(amplitude[0]) ** 2 * np.abs(branches.displacement[0]) ** 2).sum()
    assert (np.abs(moved) ** 2).mean() == pytest.approx(pushed, rel=0.04)


def test_levels_beside_the_qubit_feel_no_force() -> None:
    spins = spin_branches((2, 3))
    branches = branch(trace_loops(square(70e-6, 25e3, SLOW + 9e3), np.array([SLOW])), ETA, spins)
    alone = branches.displacement[0, spins[:, 1] == 0]
    assert alone[0] == pytest.approx(-alone[1])
    assert abs(branches.displacement[0, 0]) == pytest.approx(2 * abs(alone[0]))


def test_three_ions_in_their_centre_of_mass_mode_become_a_cat() -> None:
    """A global gate makes a GHZ state; of an odd number of ions after a half turn about the gate's axis.

    Source: Molmer and Sorensen, PRL 82, 1835 (1999).
    """
    pulse = square(200e-6, ideal_rabi(5e3), 50e6 + 5e3)
    ground = np.zeros((8, 8), dtype=complex)
    ground[0, 0] = 1
    density = entangle(ground, pulse, np.array([50e6]), np.full((1, 3), 0.08), np.zeros(1))
    axis = spin_basis(0.0) @ np.diag(np.exp(-0.25j * np.pi * np.array([1, -1]))) @ spin_basis(0.0).conj().T
    turned = kron(axis, axis, axis) @ density @ kron(axis, axis, axis).conj().T
    assert turned[0, 0].real == pytest.approx(0.5, abs=1e-4)
    assert turned[7, 7].real == pytest.approx(0.5, abs=1e-4)
    assert abs(turned[0, 7]) == pytest.approx(0.5, abs=1e-4)


def library_pulse(block: Any, lab: Target, carrier: float, rabi: float) -> TwoTonePulse:
    """What the compiled events of the library's gate play."""
    (timeline,) = compile_sequence(sequence("gate", block), lab).timelines()
    tones = []
    for channel in (0, 1):
        mine = timeline.channel == channel
        operation, value = timeline.operation[mine], timeline.value[mine]
        time = timeline.time[mine] * lab.period
        changes = operation == Operation.AMPLITUDE
        tones.append(
            (value[operation == Operation.FREQUENCY][0] - carrier, time[changes], value[changes] * rabi)
        )
    (red_detuning, times, red), (blue_detuning, _, blue) = tones
    return TwoTonePulse(times - times[0], red[:-1], blue[:-1], red_detuning, blue_detuning)


@pytest.mark.parametrize(("loops", "rise"), [(1, 0.0), (2, 20e-6), (1, 20e-6)])
def test_the_library_plays_a_gate_that_entangles_fully(loops: int, rise: float) -> None:
    lab = Target(
        "gate",
        1e-9,
        tuple(
            Channel(name, Kind.DDS, number, 4e-9, update=400e-9)
            for number, name in enumerate(("red", "blue"))
        ),
    )
    carrier, rabi, mode, eta = 80e6, 80e3, 0.9e6, 0.0729
    beam = Bichromat(Tone.of(lab, "red"), Tone.of(lab, "blue"), carrier, rabi)
    block = molmer_sorensen(beam, mode, eta, 200 * us, loops=loops, rise=rise)
    pulse = library_pulse(block, lab, carrier, rabi)
    density = entangle(GROUND_RHO, pulse, np.array([mode]), np.full((1, 2), eta), np.array([5.0]))
    assert fidelity(density) > 0.9998


def test_other_modes_of_the_string_are_what_is_left_of_the_errors() -> None:
    """Two ions, axial modes: the stretch mode, 0.66 MHz away, adds a little area, hardly any displacement."""
    string = modes(2)
    frequencies = 0.9e6 * np.sqrt(string.mu)
    eta = 0.1 * string.vectors / np.sqrt(np.sqrt(string.mu))[:, None]
    pulse = square(200e-6, ideal_rabi(5e3, eta=abs(eta[0, 0])), 0.9e6 + 5e3)
    density = entangle(GROUND_RHO, pulse, frequencies, eta, np.array([5.0, 5.0]))
    assert 1e-6 < 1 - fidelity(density) < 2e-3


@pytest.mark.slow
def test_smooth_pulses_are_close_to_the_hamiltonian_of_all_orders() -> None:
    """Carrier and higher orders of eta, left out of the model, cost what its doubts say."""
    mode, eta = 0.4e6, np.array([[0.05, 0.05]])
    edges = np.linspace(0, 100e-6, 101)
    rise = np.clip(np.minimum(edges[:-1] + 0.5e-6, 100e-6 - edges[:-1] - 0.5e-6) / 20e-6, 0, 1)
    light = np.sin(np.pi / 2 * rise) ** 2
    beat = 1 / 80e-6
    unit = trace_loops(TwoTonePulse(edges, light, light, -mode - beat, mode + beat), np.array([mode]))
    rabi = math.sqrt(math.pi / 8 / abs(unit.area[0])) / 0.05
    pulse = TwoTonePulse(edges, light * rabi, light * rabi, -mode - beat, mode + beat)
    truth = reduced(brute_force(pulse, [mode], eta, in_vacuum(GROUND, 9), levels=9, carrier=True))
    model = entangle(GROUND_RHO, pulse, np.array([mode]), eta, np.zeros(1))
    assert fidelity(model) > 0.999
    assert abs(fidelity(truth) - fidelity(model)) < 0.03


def coupled(eta: np.ndarray, motion: complex = 0.0, shift: float = 0.0, shots: int = 1) -> Coupling:
    ones = np.ones((shots, eta.shape[1]))
    return Coupling(
        np.array([SLOW]), eta, ones, shift * ones, np.full((shots, 1), motion, dtype=np.complex128)
    )


def spins_after(pulse: TwoTonePulse, coupling: Coupling, spins: np.ndarray = GROUND) -> np.ndarray:
    state = spins.reshape(1, 2, 2).astype(complex)
    return reduced(integrate(pulse, state, [(0, 1), (0, 1)], coupling)[0])


@pytest.mark.parametrize(
    "tones",
    [
        {},
        {"centre": 1.5e3},
        {"red": 0.8, "blue": 1.2},
        {"red": 1.1, "blue": 0.8, "centre": -2e3, "red_phase": 0.1, "blue_phase": 0.27},
    ],
    ids=["symmetric", "off centre", "unequal", "all"],
)
def test_integration_is_what_the_hamiltonian_does(tones: dict[str, float]) -> None:
    pulse = square(80e-6, 50e3, SLOW + 11e3, **tones)
    eta = np.array([[0.08, -0.06]])
    start = in_vacuum(GROUND, 16)
    truth = reduced(brute_force(pulse, [SLOW], eta, start, levels=16, sidebands_only=True, shift=400.0))
    np.testing.assert_allclose(spins_after(pulse, coupled(eta, shift=400.0)), truth, atol=8e-4)


def test_integration_agrees_with_the_closed_form() -> None:
    far = 50e6
    pulse = square(70e-6, 50e3, far + 11e3)
    coupling = Coupling(
        np.array([far]), ETA, np.ones((1, 2)), np.zeros((1, 2)), np.zeros((1, 1), dtype=complex)
    )
    closed = entangle(GROUND_RHO, pulse, np.array([far]), ETA, np.zeros(1))
    np.testing.assert_allclose(spins_after(pulse, coupling), closed, atol=5e-5)


def test_motion_of_any_size_costs_no_levels() -> None:
    """A coherent state of four quanta, in the Hamiltonian with 40 levels and displaced in the model."""
    alpha = 1.6 + 1.2j
    pulse = square(60e-6, 40e3, SLOW + 11e3, centre=2e3)
    number = np.arange(40)
    factorial = np.array([math.factorial(n) for n in number], dtype=float)
    coherent = np.exp(-(abs(alpha) ** 2) / 2) * alpha**number / np.sqrt(factorial)
    start = np.outer(GROUND, coherent)
    truth = reduced(brute_force(pulse, [SLOW], ETA, start, levels=40, sidebands_only=True))
    np.testing.assert_allclose(spins_after(pulse, coupled(ETA, alpha)), truth, atol=3e-4)


def test_drawn_phonon_numbers_average_to_nobody_looking() -> None:
    rng = np.random.default_rng(8)
    pulse = square(60e-6, 60e3, SLOW + 11e3, centre=1e3)
    joint = integrate(pulse, GROUND.reshape(1, 2, 2), [(0, 1), (0, 1)], coupled(ETA))
    many = np.repeat(joint, 20_000, axis=0)
    spins, numbers = draw_numbers(rng, many, 1)
    flat = spins.reshape(-1, 4)
    np.testing.assert_allclose(flat.T @ flat.conj() / len(flat), reduced(joint[0]), atol=0.02)
    occupied = (np.abs(joint[0].reshape(4, -1)) ** 2).sum(axis=0)
    assert numbers.mean() == pytest.approx(occupied @ np.arange(len(occupied)), rel=0.1)


def test_ions_that_the_light_leaves_alone() -> None:
    state = np.zeros((1, 3, 2), dtype=complex)
    state[0, 2, 0] = 1  # outside of the pair
    pulse = square(60e-6, 60e3, SLOW + 11e3)
    after = integrate(pulse, state, [(0, 1), None], coupled(ETA))
    assert abs(after[0, 2, 0, 0]) == pytest.approx(1, abs=1e-9)


def test_loops_too_wide_are_refused() -> None:
    with pytest.raises(ModelError) as caught:
        integrate(
            square(400e-6, 400e3, SLOW + 0.1e3), GROUND.reshape(1, 2, 2), [(0, 1), (0, 1)], coupled(ETA)
        )
    assert "population of the highest level of a mode is" in str(caught.value)
    assert "detune the tones further from the sideband, or weaken them" in str(caught.value)


def test_exchanged_tones_are_refused() -> None:
    with pytest.raises(ModelError, match="detuning of the blue tone is -100000 Hz, but must be above"):
        square(60e-6, 60e3, -100e3)


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        ({}, []),
        ({"rabi": 300e3}, ["population of the carrier after an edge"]),
        ({"centre": 100.0}, ["turns of the tones' middle against the line"]),
        ({"blue": 1.1}, ["difference of the tones"]),
        ({"quanta": 20.0}, ["eta^2 (2 n + 1)"]),
    ],
)
def test_doubts_name_what_the_model_leaves_out(change: dict[str, Any], subject: list[str]) -> None:
    quanta = np.array([change.pop("quanta", 0.5)])
    pulse = square(200e-6, change.pop("rabi", 20e3), 5e6, **change)
    assert [doubt.quantity for doubt in doubts(pulse, ETA, quanta)] == subject


def test_coherences_of_a_branch_with_itself_are_kept() -> None:
    branches = branch(trace_loops(square(70e-6, 25e3, SLOW), np.array([SLOW])), ETA, spin_branches((2, 2)))
    kept = coherences(branches, np.array([7.0]))
    np.testing.assert_allclose(kept.diagonal(), 1)
    np.testing.assert_allclose(kept, kept.conj().T)
