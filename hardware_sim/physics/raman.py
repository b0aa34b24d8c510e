"""Cavity-mediated Raman emission of a photon entangled with its ion: a reduced master equation.

A 393 nm beam with two tones, detuned from P3/2, drives S1/2(m=-1/2) to D5/2(m=-5/2) with a V photon in the
cavity and to D5/2(m=-3/2) with an H photon. P3/2 is so far away that it holds next to nothing: eliminating it
leaves

- five states |S,0>, |5,V>, |5,H>, |3,V>, |3,H>, coupled with g Ω / 2Δ and damped by the cavity,
- the light shift of S, and that of |5> and |3> by the cavity, and
- scattering of drive light into free space, which destroys all coherence and returns the ion to S(-1/2),
  where it tries again, moves it to S(+1/2), or loses it to D3/2 and to D5/2 without a photon in the cavity.

The result is linear with constant coefficients while the light is constant, and solved exactly: the length of
a time bin is a choice of resolution, not of accuracy.

Pictures. Results are in the interaction picture of the bare atomic levels and of the mean cavity frequency,
with t = 0 at the start of the first drive. Signs of the dipole elements are absorbed in the phase of |3>.

Left out: resonances other than the two named, the phase of the beat of the tones (its swing of S averages out
but where light is switched), and coherence that scattering leaves between the spins. `reference.emit` solves
the same with nothing left out; `doubts` says when that makes a difference.

Source: Schupp, PhD thesis (Innsbruck 2021), sections 2.3, 3.3 and 5.4, for the full model and the picture of
re-initialisation by scattering; the elimination of P3/2 is standard second-order perturbation theory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil, pi
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardware_sim.physics.elimination import (
    COHERENT,
    V5,
    Drive,
    Elimination,
    RamanModel,
    S,
    dephasing,
    eliminate,
    excited_population,
    frame,
    returns,
    scattering_rate,
    stark_shift,
)
from hardware_sim.physics.errors import ModelError
from hardware_sim.physics.validity import Doubt

__all__ = [
    "Drive",
    "Emission",
    "RamanModel",
    "doubts",
    "emit",
    "refuse_excitation",
    "refuse_impossible",
    "scattering_rate",
    "stark_shift",
]

# Coordinates of the state: 25 of the density matrix (its 5 populations first), then the populations of
# S(+1/2) and of all lost states. Behind them stand the 16 of the photon that left in the present time bin.
OTHER_GROUND = COHERENT**2
LOST = OTHER_GROUND + 1
STATE = LOST + 1
PHOTON = slice(STATE, STATE + 16)

# Population of P3/2 relative to S1/2 beyond which it cannot be eliminated: what is neglected is as large.
MOST_EXCITED = 0.05

# The name under which the README has this model, and what solves the same in full.
NAME = "photon"
REFERENCE = "hardware_sim.physics.reference.emit"
# How far the reduced model was held against the reference: within 1 % of the efficiency and 0.5 % of the
# fidelity with a Bell state (tests/physics/test_photon_models.py).
MOST_ADMIXED = 0.02  # population of P3/2
MOST_SWING = 0.08  # phase of S1/2 under the beat of the tones, turns
MOST_DECAY = 0.07  # κ over the beat
MOST_COUPLING = 0.025  # Raman coupling over the beat
MOST_DETUNED = 0.5e6  # of a tone from its shifted resonance, Hz: farther away, other resonances count
MOST_PI = 0.3  # π light over σ- light
LEAST_DETUNED = 120e6  # of the light from P3/2, Hz

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Number = TypeVar("Number", np.float64, np.complex128)


@dataclass(frozen=True, slots=True)
class Emission:
    """Where ions and photons went.

    Attributes:
        edges: Edges of the time bins from the start of the first drive, s, shape (bins + 1,).
        photon: Joint state of ion and the photon that left the cavity mode, to wherever, in each bin: order
            |5V>, |5H>, |3V>, |3H>, its trace the probability of the bin, shape (nodes, bins, 4, 4).
        ground: Probability of S(-1/2) at the end, shape (nodes,).
        other_ground: Probability of S(+1/2) at the end, shape (nodes,).
        lost: Probability of D3/2 or D5/2 without a photon in the cavity, shape (nodes,).
        inside: Probability that the photon is still in the mode, shape (nodes,).
        amplitude: Factor on a coherence |S><other level| that the ion brought along: what neither scattering
            nor emission took from the amplitude of S(-1/2), with the light shift's phase, shape (nodes,).
    """

    edges: Real
    photon: Complex
    ground: Real
    other_ground: Real
    lost: Real
    inside: Real
    amplitude: Complex

    @property
    def wave_packet(self) -> Real:
        """Probability that the photon leaves in each bin, shape (nodes, bins)."""
        return np.ascontiguousarray(np.einsum("...ii->...", self.photon).real)

    @property
    def probability(self) -> Real:
        """Probability that a photon leaves, shape (nodes,)."""
        return np.asarray(self.wave_packet.sum(axis=-1), dtype=np.float64)


def emit(
    model: RamanModel,
    drives: Sequence[Drive],
    couplings: ArrayLike,
    step: float = 0.2e-6,
    ring_down: float = 10e-6,
    spin_up: ArrayLike = 0.0,
) -> Emission:
    """Drive an ion from S1/2 and collect what the cavity emits.

    Args:
        model: Cavity, beam and atom.
        drives: Light, one constant stretch after the other.
        couplings: Scale 0..1 of the ion-cavity coupling, for position and motion, shape (nodes,).
        step: Longest time bin, s; each stretch is divided into equal bins.
        ring_down: How long to collect after the light went off, s.
        spin_up: Population (nodes,) of S1/2(m=+1/2), which emits no photons, at the start; else m=-1/2.

    Returns:
        The emission into the cavity mode of every node; losses behind the mode are not yet applied.

    Raises:
        ModelError: A negative duration, a step that is not positive, or too strong a drive for the model.

    Example:
        >>> from hardware_sim.physics.cavity import Cavity
        >>> cavity = Cavity(1.53e6, 70e3, 90e-6, 116e-6, 12.31e-6, 854.209e-9, 85.3 / 360)
        >>> model = RamanModel(cavity, -403e6, sigma_plus=0.0)
        >>> pulse = Drive(50e-6, 14.2e6, 16.8e6, detuning_v=0.3e6, detuning_h=0.3e6)
        >>> emit(model, [pulse], [1.0, 0.5]).probability.round(2)
        array([0.91, 0.55])
    """
    refuse_impossible(drives, step, ring_down)
    refuse_excitation(model, drives)
    scales = np.atleast_1d(np.asarray(couplings, dtype=np.float64))
    state = np.zeros((scales.size, STATE))
    state[:, OTHER_GROUND] = spin_up
    state[:, S] = 1.0 - state[:, OTHER_GROUND]
    kept = np.tile(np.eye(1, COHERENT, S, dtype=np.complex128), (scales.size, 1))
    start = turns = 0.0
    edges, photons = [np.zeros(1)], []
    for drive in (*drives, Drive(ring_down, 0.0, 0.0)):
        bins = _bins(drive.duration, step)
        ends = drive.duration * np.arange(1, bins + 1) / max(bins, 1)
        beat = drive.detuning_v - drive.detuning_h
        state, photon = _play(model, drive, scales, state, bins)
        kept = _keep(model, drive, scales, kept)
        photons.append(_unwind(photon, turns + beat * ends))
        edges.append(start + ends)
        start += drive.duration
        turns += beat * drive.duration
    return Emission(
        edges=np.concatenate(edges),
        photon=np.concatenate(photons, axis=1),
        ground=state[:, S],
        other_ground=state[:, OTHER_GROUND],
        lost=state[:, LOST],
        inside=np.asarray(state[:, V5:COHERENT].sum(axis=1), dtype=np.float64),
        amplitude=kept[:, S],
    )


def refuse_impossible(drives: Sequence[Drive], step: float, ring_down: float) -> None:
    """Refuse times and light that no pulse can have.

    Raises:
        ModelError: A negative duration or Rabi frequency, or a step that is not positive.
    """
    if step <= 0:
        raise ModelError("time step", step, "above 0 s", "s", "it is the length of a time bin")
    if ring_down < 0:
        raise ModelError("ring-down time", ring_down, "0 s or more", "s", "use 0 to stop with the light")
    for number, drive in enumerate(drives):
        if drive.duration < 0:
            duration = f"duration of drive {number}"
            raise ModelError(duration, drive.duration, "0 s or more", "s", "drives follow each other in time")
        for tone, rabi in (("V", drive.rabi_v), ("H", drive.rabi_h)):
            if not rabi >= 0:  # nor what is no number
                light = f"Rabi frequency of the {tone} tone in drive {number}"
                raise ModelError(light, rabi, "0 Hz or more", "Hz", "turn the phase of the tone instead")


def doubts(model: RamanModel, drives: Sequence[Drive]) -> list[Doubt]:
    """Return where `emit` leaves the range in which it was held against the full master equation.

    Each quantity is told once, with its worst value.

    Example:
        >>> from hardware_sim.physics.cavity import Cavity
        >>> cavity = Cavity(1.53e6, 70e3, 90e-6, 116e-6, 12.31e-6, 854.209e-9, 85.3 / 360)
        >>> model = RamanModel(cavity, -403e6)
        >>> doubts(model, [Drive(50e-6, 19.14e6, 23.63e6, 0.77e6, 0.77e6)])
        []
        >>> [doubt.quantity for doubt in doubts(model, [Drive(50e-6, 19.14e6, 23.63e6, 0.77e6, 8e6)])]
        ['detuning of the H tone from its resonance']
    """
    worst: dict[str, Doubt] = {}
    for drive in drives:
        for quantity, value, limit, unit in _strains(model, drive) if drive.power > 0 else ():
            known = worst.get(quantity)
            if value > limit and (known is None or value > known.value):
                worst[quantity] = Doubt(NAME, quantity, value, limit, unit, REFERENCE)
    told = list(worst.values())
    if abs(model.detuning) < LEAST_DETUNED:
        told.append(Doubt(NAME, "detuning from P3/2", abs(model.detuning), LEAST_DETUNED, "Hz", REFERENCE))
    return told


def _strains(model: RamanModel, drive: Drive) -> Iterator[tuple[str, float, float, str]]:
    """Yield what strains the model, how much there is of it, how much was validated, and the unit."""
    eliminated, shift = eliminate(model, drive), stark_shift(model, drive)
    beat = abs(model.splitting + drive.detuning_h - drive.detuning_v)
    raman = float(np.abs(eliminated.couplings[1]).max()) / (2 * pi)
    yield "excited population", excited_population(model, drive), MOST_ADMIXED, ""
    yield "pi over sigma- light", abs(model.pi), MOST_PI, ""
    for tone, rabi, detuning in (
        ("V", drive.rabi_v, drive.detuning_v),
        ("H", drive.rabi_h, drive.detuning_h),
    ):
        if rabi > 0:
            yield f"detuning of the {tone} tone from its resonance", abs(detuning + shift), MOST_DETUNED, "Hz"
    if drive.rabi_v > 0 and drive.rabi_h > 0:
        yield "phase swing by the beat of the tones", abs(eliminated.swing) / (2 * pi), MOST_SWING, "turn"
        yield "cavity decay over the beat of the tones", _ratio(model.cavity.decay, beat), MOST_DECAY, ""
        yield "Raman coupling over the beat of the tones", _ratio(raman, beat), MOST_COUPLING, ""


def _ratio(value: float, beat: float) -> float:
    return value / beat if beat > 0 else float("inf")


def refuse_excitation(model: RamanModel, drives: Sequence[Drive]) -> None:
    """Refuse light that excites P3/2 so much that it cannot be eliminated.

    Raises:
        ModelError: Too strong a drive, or one too close to a line.
    """
    for number, drive in enumerate(drives):
        excited = excited_population(model, drive)
        if not excited <= MOST_EXCITED:  # nor what is no number
            raise ModelError(
                f"excited population in drive {number}",
                excited,
                f"{MOST_EXCITED:g} or less",
                "",
                "lower the Rabi frequencies or detune further, the model eliminates P3/2",
            )


def _bins(duration: float, step: float) -> int:
    """Number of equal bins no longer than `step`, forgiving the last digit of a ratio meant to be whole."""
    return ceil(duration / step * (1 - 1e-12))


def _play(model: RamanModel, drive: Drive, scales: Real, state: Real, bins: int) -> tuple[Real, Complex]:
    """Play one drive: the states at its end (nodes, STATE), the photons of its bins (nodes, bins, 4, 4)."""
    if bins == 0:
        return state, np.zeros((scales.size, 0, 4, 4), dtype=np.complex128)
    generator = _generator(model, drive)
    nodes, which = np.unique(scales, return_inverse=True)
    propagator = _exponential(_at(nodes, generator) * (drive.duration / bins))[which]
    path = _trajectory(propagator[:, :STATE, :STATE], state, bins)
    left = path[:, :-1] @ propagator[:, PHOTON, :STATE].swapaxes(-1, -2)
    photon = left @ _hermitian_basis(4).T
    return path[:, -1], photon.reshape(scales.size, bins, 4, 4)


def _keep(model: RamanModel, drive: Drive, scales: Real, kept: Complex) -> Complex:
    """Play one drive on amplitudes (nodes, 5) from which nothing was scattered or emitted so far.

    The photon is dephased by lock jitter here as in the density matrix, against a level without photon.
    """
    effective = eliminate(model, drive).couplings.sum(axis=1)
    effective[0] += frame(model, drive) - 1j * np.diag(dephasing(model.cavity)[S])
    nodes, which = np.unique(scales, return_inverse=True)
    leap = _exponential(-1j * drive.duration * _at(nodes, effective))[which]
    return np.asarray((leap @ kept[..., None])[..., 0])


def _at(nodes: Real, powers: NDArray[Number]) -> NDArray[Number]:
    """Add up matrices that go with the powers 0, 1, 2 of the coupling, for each node."""
    return np.asarray(np.einsum("np,pij->nij", nodes[:, None] ** np.arange(3), powers))


def _unwind(photon: Complex, turns: Real) -> Complex:
    """Turn photons (nodes, bins, 4, 4) from the frame of the tones, `turns` (bins,) apart, to the atom's."""
    phase = np.exp(-2j * pi * turns)[:, None, None]
    photon[:, :, :2, 2:] *= phase
    photon[:, :, 2:, :2] *= phase.conj()
    return photon


def _trajectory(propagator: Real, state: Real, bins: int) -> Real:
    """States at all bin edges (nodes, bins + 1, STATE), by doubling the stretch that is known."""
    path = np.empty((len(state), bins + 1, STATE))
    path[:, 0] = state
    known = 1
    leap = propagator.swapaxes(-1, -2)
    while known <= bins:
        fresh = min(known, bins + 1 - known)
        path[:, known : known + fresh] = path[:, :fresh] @ leap
        known += fresh
        leap = leap @ leap if known <= bins else leap
    return path


def _generator(model: RamanModel, drive: Drive) -> Real:
    """Generators of state and photon: one without cavity, one to scale by the coupling, one by its square.

    The frame turns with the tones. In it the photon collected so far turns against them, which is why it has
    a rate of its own and the integral over a bin is exact for any detuning.
    """
    density, photon = _hermitian_basis(COHERENT), _hermitian_basis(4)
    eliminated = eliminate(model, drive)
    effective = eliminated.couplings.sum(axis=1)
    effective[0] += frame(model, drive)
    generator = np.zeros((3, PHOTON.stop, PHOTON.stop))
    for power, hamiltonian in enumerate(effective):
        generator[power, :OTHER_GROUND, :OTHER_GROUND] = _real(
            density, _superoperator(-1j * hamiltonian), density
        )
    still = generator[0]
    still[:OTHER_GROUND, :OTHER_GROUND] -= _real(density, np.diag(dephasing(model.cavity).ravel()), density)
    _scatter(model, eliminated, generator)

    tones = np.repeat([drive.detuning_v, drive.detuning_h], 2)
    still[PHOTON, PHOTON] = _real(photon, _superoperator(np.diag(2j * pi * tones)), photon)
    keep = np.eye(COHERENT)[V5:]  # takes the photon block out of the density matrix
    leak = np.asarray(np.kron(keep, keep), dtype=np.complex128)
    still[PHOTON, :OTHER_GROUND] = 4 * pi * model.cavity.decay * _real(photon, leak, density)
    return generator


def _scatter(model: RamanModel, eliminated: Elimination, generator: Real) -> None:
    """Enter where scattering through each sublevel of P3/2 takes the ion."""
    shares = returns(model.branching_s)
    # Tr(W ρ) in real coordinates; W is real and symmetric, so that only real coherences count.
    rows = eliminated.scattered.reshape(3, -1, OTHER_GROUND) @ _hermitian_basis(COHERENT).real
    generator[:, [S, OTHER_GROUND, LOST], :OTHER_GROUND] += shares @ rows
    generator[0, [S, OTHER_GROUND, LOST], OTHER_GROUND] += shares @ eliminated.spin_up
    generator[0, OTHER_GROUND, OTHER_GROUND] -= eliminated.spin_up.sum()


def _superoperator(left: Complex) -> Complex:
    """Matrix of ρ -> Lρ + ρL† on the rows of ρ laid end to end."""
    one = np.eye(len(left))
    return np.asarray(np.kron(left, one) + np.kron(one, left.conj()), dtype=np.complex128)


def _hermitian_basis(levels: int) -> Complex:
    """Orthonormal Hermitian matrices as columns (levels², levels²), populations first.

    In this basis a density matrix has real coordinates, so that all propagation is real: a quarter of the
    work, and Hermitian to the last bit.
    """
    basis = np.zeros((levels**2, levels, levels), dtype=np.complex128)
    basis[range(levels), range(levels), range(levels)] = 1.0
    for index, (row, column) in enumerate(combinations(range(levels), 2)):
        real, imaginary = levels + 2 * index, levels + 2 * index + 1
        basis[real, row, column] = basis[real, column, row] = 0.5**0.5
        basis[imaginary, row, column] = 1j * 0.5**0.5
        basis[imaginary, column, row] = -1j * 0.5**0.5
    return basis.reshape(levels**2, levels**2).T


def _real(rows: Complex, matrix: Complex, columns: Complex) -> Real:
    """A map of Hermitian matrices in real coordinates."""
    return np.asarray((rows.conj().T @ matrix @ columns).real, dtype=np.float64)


def _exponential(matrices: NDArray[Number]) -> NDArray[Number]:
    """Matrix exponentials of a stack of matrices, shape (..., n, n)."""
    # Here, as scipy is slow to import and the rest of the room does without.
    from scipy.linalg import expm  # noqa: PLC0415

    return np.asarray(expm(matrices), dtype=matrices.dtype)
