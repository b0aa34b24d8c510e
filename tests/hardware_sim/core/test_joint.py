"""Joint states of ions: averaged over shots they do what the density matrix of all ions does."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import pytest

from hardware_sim.core.entangling import GateLight, entangle, near_modes
from hardware_sim.core.joint import Joint, draw_pure
from hardware_sim.physics.errors import EntangledIonsError
from hardware_sim.physics.gate import Coupling, TwoTonePulse
from hardware_sim.physics.qubit import rotation

S, D5, D3 = range(3)
MANY = 40_000
TOLERANCE = 5 / np.sqrt(MANY)  # five standard errors of a number between -1 and 1


def kron(*factors: Any) -> Any:
    return reduce(np.kron, factors)


def everyone(joint: Joint) -> np.ndarray:
    return np.arange(joint.shots)


def grounds(shots: int, ions: int) -> np.ndarray:
    coherent = np.zeros((shots, ions, 3, 3), dtype=complex)
    coherent[..., S, S] = 1
    return coherent


def ready(shots: int = MANY, ions: int = 2, seed: int = 1) -> tuple[np.random.Generator, Joint]:
    rng = np.random.default_rng(seed)
    joint, _ = Joint.of(rng, tuple(range(ions)), grounds(shots, ions), ((S, D5, D3),) * ions)
    return rng, joint


MODE = 20e6
PULSE = TwoTonePulse(
    np.array([0.0, 200e-6]), np.array([50e3 / 1.6]), np.array([50e3 / 1.6]), -MODE - 5e3, MODE + 5e3
)


def light(shots: int, ions: int, levels: tuple[int, int] = (S, D3), lit: Any = 1.0) -> GateLight:
    coupling = Coupling(
        np.array([MODE]),
        np.full((1, ions), 0.08),
        np.ones((shots, ions)) * lit,
        np.zeros((shots, ions)),
        np.zeros((shots, 1), dtype=complex),
    )
    return GateLight(PULSE, levels, coupling)


def bell(shots: int = MANY, seed: int = 1) -> tuple[np.random.Generator, Joint]:
    """(|SS> + i |D3 D3>) / sqrt 2 in every shot."""
    rng, joint = ready(shots, 2, seed)
    entangle(rng, joint, everyone(joint), light(shots, 2))
    return rng, joint


def mean(joint: Joint, own: np.ndarray) -> np.ndarray:
    """The density matrix of all ions over their coherent levels, averaged over shots.

    Args:
        joint: state, its axes of three places in the order S, D5, D3.
        own: (shots, ions, 3, 3) states of ions that are not members.
    """
    assert all(places == (S, D5, D3) for places in joint.levels)
    total = np.zeros((3 ** len(joint.ions),) * 2, dtype=complex)
    patterns, which = np.unique(joint.member, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        shots = np.flatnonzero(which == number)
        amplitude = joint.amplitude[shots]
        for axis in reversed(range(len(joint.ions))):
            if not pattern[axis]:
                amplitude = amplitude.take(0, axis=axis + 1)
        flat = amplitude.reshape(len(shots), -1)
        members = np.einsum("ni,nj->nij", flat, flat.conj())
        # Members first, then the others; a transposition brings the ions back to their places.
        for axis in np.flatnonzero(~pattern):
            size = members.shape[1] * 3
            members = np.einsum("nij,nkl->nikjl", members, own[shots, axis]).reshape(len(shots), size, size)
        order = [*np.flatnonzero(pattern), *np.flatnonzero(~pattern)]
        back = np.argsort(order)
        ions = len(joint.ions)
        tensor = members.sum(axis=0).reshape([3] * (2 * ions))
        total += tensor.transpose([*back, *(back + ions)]).reshape(total.shape)
    return total / joint.shots


def on(ion: int, operator: np.ndarray) -> np.ndarray:
    return kron(operator, np.eye(3)) if ion == 0 else kron(np.eye(3), operator)


def truth() -> np.ndarray:
    state = np.zeros(9, dtype=complex)
    state[0], state[3 * D3 + D3] = 1, 1j
    return np.outer(state, state.conj()) / 2


def nowhere(joint: Joint) -> np.ndarray:
    return np.zeros((joint.shots, len(joint.ions), 3, 3), dtype=complex)


def test_gate_makes_a_bell_state() -> None:
    _, joint = bell(100)
    np.testing.assert_allclose(mean(joint, nowhere(joint)), truth(), atol=2e-3)


def test_looks_at_the_two_ions_agree() -> None:
    rng, joint = bell()
    first = joint.look(rng, everyone(joint), 0, (S,))
    second = joint.look(rng, everyone(joint), 1, (S,))
    assert (first == second).mean() > 1 - 1e-4
    assert first.mean() == pytest.approx(0.5, abs=TOLERANCE)


@pytest.mark.parametrize("phase", [0.0, 0.125, 0.3])
def test_parity_goes_round_twice_as_fast_as_the_analysis(phase: float) -> None:
    """<parity> = sin or cos of twice the phase with full contrast: what proves entanglement.

    Source: Sackett et al., Nature 404, 256 (2000).
    """
    rng, joint = bell()
    half = rotation(rabi=50e3, detuning=0.0, duration=5e-6, phase=phase)
    for ion in (0, 1):
        joint.rotate(everyone(joint), ion, half, (S, D3))
    same = joint.look(rng, everyone(joint), 0, (S,)) == joint.look(rng, everyone(joint), 1, (S,))
    turned = kron(half, half)
    state = turned @ np.array([1, 0, 0, 1j]) / np.sqrt(2)
    expected = np.abs(state) ** 2 @ [1, -1, -1, 1]
    assert 2 * same.mean() - 1 == pytest.approx(expected, abs=TOLERANCE)
    if phase == 0.125:
        assert abs(expected) < 1e-9 or abs(expected) > 0.99


def test_rotation_phase_and_places_like_matrices() -> None:
    rng, joint = bell(50)
    pulse = rotation(rabi=40e3, detuning=7e3, duration=9e-6, phase=0.2)
    joint.rotate(everyone(joint), 1, pulse, (S, D5))
    turns = np.array([0.1, 0.25, -0.4])
    joint.turn(everyone(joint), 0, np.tile(turns, (50, 1)))
    whole = np.eye(3, dtype=complex)
    whole[:2, :2] = pulse
    operator = on(0, np.diag(np.exp(-2j * np.pi * turns))) @ on(1, whole)
    np.testing.assert_allclose(mean(joint, nowhere(joint)), operator @ truth() @ operator.conj().T, atol=2e-3)
    assert rng is not None


def test_jumps_average_to_the_channel() -> None:
    """Decay of both D levels with their own rates into S, jump by jump, against Kraus operators."""
    rng, joint = bell()
    kept = np.array([0.9, 0.8 * np.exp(0.3j), 0.6], dtype=complex)
    own = nowhere(joint)
    level = joint.jump(rng, everyone(joint), 1, kept)
    own[level >= 0, 1, S, S] = 1
    expected = np.zeros((9, 9), dtype=complex)
    for source in range(3):
        jump = np.zeros((3, 3))
        jump[S, source] = np.sqrt(1 - abs(kept[source]) ** 2)
        expected += on(1, jump) @ truth() @ on(1, jump).T
    quiet = on(1, np.diag(kept))
    expected += quiet @ truth() @ quiet.conj().T
    np.testing.assert_allclose(mean(joint, own), expected, atol=TOLERANCE)
    assert (level >= 0).any()
    assert not joint.member[level >= 0, 1].any()
    assert joint.member[level < 0].all()


def test_an_ion_that_jumped_leaves_its_partner_alone() -> None:
    rng, joint = bell(2000)
    level = joint.jump(rng, everyone(joint), 1, np.zeros(3, dtype=complex))
    assert set(level) == {S, D3}
    shots, states = joint.settle(everyone(joint), 0)
    np.testing.assert_array_equal(shots, everyone(joint))
    partner = states.real[:, [S, D3], [S, D3]].argmax(axis=1)
    np.testing.assert_array_equal(np.array([S, D3])[partner], level)
    assert joint.shrink() is None


def test_entangled_ions_do_not_settle() -> None:
    _, joint = bell(20)
    shots, _ = joint.settle(everyone(joint), 0)
    assert len(shots) == 0
    np.testing.assert_allclose(joint.density(everyone(joint), 0)[0], np.diag([0.5, 0, 0.5]), atol=2e-3)


def test_superpositions_settle_with_their_phases() -> None:
    rng, joint = ready(3)
    pulse = rotation(rabi=40e3, detuning=7e3, duration=5e-6, phase=0.2)
    joint.rotate(everyone(joint), 0, pulse, (S, D3))
    joint.rotate(everyone(joint), 1, pulse, (S, D5))
    before = mean(joint, nowhere(joint))
    own = nowhere(joint)
    shots, own[:, 0] = joint.settle(everyone(joint), 0)
    assert len(shots) == 3
    np.testing.assert_allclose(mean(joint, own), before, atol=1e-9)
    assert rng is not None


def test_dark_ions_stay_entangled_among_their_dark_levels() -> None:
    rng, joint = ready(1000)
    half = rotation(rabi=50e3, detuning=0.0, duration=5e-6)
    full = rotation(rabi=50e3, detuning=0.0, duration=10e-6)
    entangle(rng, joint, everyone(joint), light(1000, 2))
    for ion in (0, 1):  # S to D5, so that both are dark and entangled
        joint.rotate(everyone(joint), ion, full, (S, D5))
    assert not joint.look(rng, everyone(joint), 0, (S,)).any()
    assert len(joint.settle(everyone(joint), 0)[0]) == 0
    for ion in (0, 1):
        joint.rotate(everyone(joint), ion, full, (S, D5))
        joint.rotate(everyone(joint), ion, half, (S, D3))
    assert len(joint.settle(everyone(joint), 0)[0]) == 0


def test_mixed_ions_are_drawn_and_average_to_themselves() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((2, 3, 3)) + 1j * rng.standard_normal((2, 3, 3))
    states = vectors @ vectors.conj().swapaxes(1, 2)
    states *= (np.array([1.0, 0.8]) / np.einsum("nii->n", states).real)[:, None, None]
    joint, elsewhere = Joint.of(rng, (4, 7), np.broadcast_to(states, (MANY, 2, 3, 3)))
    assert elsewhere[:, 0].sum() == 0
    assert elsewhere[:, 1].mean() == pytest.approx(0.2, abs=TOLERANCE)
    np.testing.assert_array_equal(joint.member, ~elsewhere)
    own = nowhere(joint)
    expected = kron(states[0], states[1])
    np.testing.assert_allclose(mean(joint, own), expected, atol=TOLERANCE)


def test_ions_elsewhere_take_no_part_in_a_gate() -> None:
    rng = np.random.default_rng(3)
    coherent = grounds(2, 2)
    coherent[0, 1] = 0
    joint, _ = Joint.of(rng, (0, 1), coherent, ((S, D5, D3),) * 2)
    entangle(rng, joint, everyone(joint), light(2, 2))
    alone = joint.populations(everyone(joint), 0)
    # A gate on one ion is a half turn of nothing: the force squared is the same for both eigenstates.
    assert alone[0, S] == pytest.approx(1, abs=1e-3)
    assert alone[1, S] == pytest.approx(0.5, abs=1e-3)
    joint.rotate(everyone(joint), 1, rotation(50e3, 0.0, 10e-6), (S, D3))
    assert joint.amplitude[0, 0, 0] != 0


def test_gate_on_two_of_three_ions() -> None:
    rng, joint = ready(20, 3)
    entangle(rng, joint, everyone(joint), light(20, 3, lit=np.array([1.0, 0.0, 1.0])))
    assert len(joint.settle(everyone(joint), 1)[0]) == 20
    assert len(joint.settle(everyone(joint), 0)[0]) == 0
    smaller = joint.shrink()
    assert smaller is not None
    assert smaller.ions == (0, 2)
    np.testing.assert_allclose(mean(smaller, nowhere(smaller)), truth(), atol=2e-3)


def test_merged_states_are_products_until_a_gate() -> None:
    rng, one = bell(30)
    two, _ = Joint.of(rng, (5,), grounds(30, 1))
    both = one.merge(two)
    assert both.ions == (0, 1, 5)
    assert both.amplitude.shape == (30, 3, 3, 1)
    assert len(both.settle(everyone(both), 5)[0]) == 30


def test_an_ion_comes_back_into_the_joint_state() -> None:
    rng, joint = bell(MANY)
    level = joint.jump(rng, everyone(joint), 1, np.zeros(3, dtype=complex))
    coherent = np.zeros((MANY, 3, 3), dtype=complex)
    coherent[:, D5, D5] = 0.75
    away = joint.join(rng, everyone(joint), 1, coherent)
    assert away.mean() == pytest.approx(0.25, abs=TOLERANCE)
    np.testing.assert_array_equal(joint.member[:, 1], ~away)
    np.testing.assert_allclose(joint.populations(np.flatnonzero(~away), 1)[:, D5], 1, atol=1e-9)
    np.testing.assert_allclose(joint.populations(everyone(joint), 0)[np.arange(MANY), level], 1, atol=1e-9)


def test_only_levels_that_are_used_have_a_place() -> None:
    rng = np.random.default_rng(1)
    joint, _ = Joint.of(rng, (0, 1), grounds(4, 2))
    assert joint.amplitude.shape == (4, 1, 1)
    entangle(rng, joint, everyone(joint), light(4, 2))
    assert joint.amplitude.shape == (4, 2, 2)
    assert joint.levels == ((S, D3), (S, D3))
    assert joint.holds(9, everyone(joint)).sum() == 0


def test_a_field_that_moved_the_line_spoils_the_gate() -> None:
    """The integrated and the closed model take turns, and agree where both hold."""
    rng, joint = ready(4)
    still = light(4, 2)
    shifts = np.array([0.0, 0.2, 500.0, 2e3])[:, None] * np.ones(2)
    moved = GateLight(PULSE, (S, D3), Coupling(*_fields(still.coupling, shifts)))
    entangle(rng, joint, everyone(joint), moved)
    weight = np.abs(joint.amplitude[:, 0, 0]) ** 2 + np.abs(joint.amplitude[:, 2, 2]) ** 2
    coherence = 2 * np.abs(joint.amplitude[:, 0, 0] * joint.amplitude[:, 2, 2])
    assert weight[0] == pytest.approx(1, abs=1e-3)
    assert coherence[0] == pytest.approx(1, abs=1e-3)
    assert coherence[1] == pytest.approx(1, abs=1e-3)
    assert coherence[3] < 0.95 or weight[3] < 0.95


def _fields(coupling: Coupling, shifts: np.ndarray) -> tuple[Any, ...]:
    return coupling.frequencies, coupling.lamb_dicke, coupling.factors, shifts, coupling.motion


def test_at_most_two_modes_are_integrated() -> None:
    near = near_modes(PULSE, MODE + np.array([1e3, 4e3, 12e3, -40e3]))
    np.testing.assert_array_equal(near, [True, True, False, False])
    far = near_modes(PULSE, MODE + np.array([1e6, 3e6]))
    np.testing.assert_array_equal(far, [True, False])


def test_too_many_entangled_ions_are_refused() -> None:
    _, joint = ready(30, 10)
    with pytest.raises(EntangledIonsError) as caught:
        joint.merge(ready(30, 8)[1])
    assert str(caught.value) == (
        f"the joint state of ions 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7 in 30 shots needs "
        f"{30 * 3**18} amplitudes, and memory is given to 33554432: play fewer shots at a time, or entangle "
        "fewer ions"
    )


def test_drawn_states_average_to_the_density_matrix() -> None:
    rng = np.random.default_rng(4)
    matrix = np.array([[0.5, 0.2j, 0.1], [-0.2j, 0.3, 0], [0.1, 0, 0.1]])
    state, elsewhere = draw_pure(rng, np.broadcast_to(matrix, (MANY, 3, 3)))
    kept = state[~elsewhere]
    np.testing.assert_allclose(kept.T @ kept.conj() / MANY, matrix, atol=TOLERANCE)
    assert elsewhere.mean() == pytest.approx(0.1, abs=TOLERANCE)
