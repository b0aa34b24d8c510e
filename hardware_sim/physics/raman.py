"""Cavity-mediated Raman emission of a photon entangled with its ion: a reduced master equation.

A 393 nm beam with two tones, detuned from P3/2, drives S1/2(m=-1/2) to D5/2(m=-5/2) with a V photon in the
cavity and to D5/2(m=-3/2) with an H photon. P3/2 is so far away that it holds next to nothing: eliminating it
leaves

- five states |S,0>, |5,V>, |5,H>, |3,V>, |3,H>, coupled with g Ω / 2Δ and damped by the cavity,
- the light shift of S, and
- scattering of drive light into free space, which destroys all coherence and returns the ion to S(-1/2),
  where it tries again, moves it to S(+1/2), or loses it to D3/2 and to D5/2 without a photon in the cavity.

The result is linear with constant coefficients while the light is constant, and solved exactly: the length of
a time bin is a choice of resolution, not of accuracy.

Pictures. Results are in the interaction picture of the bare atomic levels and of the mean cavity frequency,
with t = 0 at the start of the first drive. Signs of the dipole elements are absorbed in the phase of |3>.

Left out: driving of one branch by the tone of the other (7 MHz away, far outside of the cavity linewidth),
all resonances but the two named, and the light shift of D5/2 by the drive.

Source: Schupp, PhD thesis (Innsbruck 2021), sections 2.3, 3.3 and 5.4, for the full model and the picture of
re-initialisation by scattering; the elimination of P3/2 is standard second-order perturbation theory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil, cos, pi, sin
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardware_sim.physics.cavity import Cavity, coupling
from hardware_sim.physics.errors import ModelError

# Coordinates of the state: 25 of the density matrix (its 5 populations first), then the populations of
# S(+1/2) and of all lost states. Behind them stand the 16 of the photon that left in the present time bin.
COHERENT = 5
S, V5, H5, V3, H3 = range(COHERENT)
OTHER_GROUND = COHERENT**2
LOST = OTHER_GROUND + 1
STATE = LOST + 1
PHOTON = slice(STATE, STATE + 16)

# Squared Clebsch-Gordan coefficients of S1/2-P3/2 beside the stretched transition, whose coefficient is 1:
# S(-1/2)-P(+1/2), and how P(+1/2) divides its decay to S1/2 (P(-1/2) is its mirror image).
INNER_LINE = 1 / 3
INNER_TO_FAR = 2 / 3
INNER_TO_NEAR = 1 / 3

# Population of P3/2 relative to S1/2 up to which its elimination holds: neglected terms are as large as this.
MOST_EXCITED = 0.05
# Detuning in half linewidths of P3/2 from which γ² may be neglected beside Δ²: 4 % of scattering and shift.
LEAST_DETUNING = 5.0

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Number = TypeVar("Number", np.float64, np.complex128)


@dataclass(frozen=True, slots=True)
class RamanModel:
    """What stays the same from pulse to pulse.

    Attributes:
        cavity: The cavity.
        detuning: Detuning Δ/2π of the drive from S1/2(-1/2)-P3/2(-3/2), Hz; negative is red.
        sigma_plus: σ+ over σ- Rabi frequency of the drive, for equal line strengths: 1 for a beam polarised
            linearly across the field, 0 for pure σ- along the field.
        decay: Half decay rate γ/2π of P3/2, Hz. Source: Schupp, section 3.2 (lifetime 6.924(19) ns).
        branching_s: Share of the decay of P3/2 that goes to S1/2. Source: Schupp, figure 3.2: 0.9347(3).
    """

    cavity: Cavity
    detuning: float
    sigma_plus: float = 1.0
    decay: float = 11.49e6
    branching_s: float = 0.9347

    def __post_init__(self) -> None:
        nearest = LEAST_DETUNING * self.decay
        if abs(self.detuning) < nearest:
            raise ModelError(
                "Raman detuning",
                self.detuning,
                f"{nearest:g} Hz or more away from P3/2",
                "Hz",
                "the model eliminates P3/2, which needs a far detuned drive",
            )


@dataclass(frozen=True, slots=True)
class Drive:
    """One stretch of constant light.

    Both tones keep their phase across stretches, as a synthesizer that changes frequency does; one that is
    gated off runs on in the dark, so give a dark stretch between two pulses the detunings of its tones.

    Attributes:
        duration: How long, s.
        rabi_v: σ- Rabi frequency of the tone to D5/2(-5/2) and photon V, Hz.
        rabi_h: σ- Rabi frequency of the tone to D5/2(-3/2) and photon H, Hz.
        detuning_v: Frequency of the V tone minus its two-photon resonance without light shift, Hz.
        detuning_h: The same of the H tone, Hz.
    """

    duration: float
    rabi_v: float
    rabi_h: float
    detuning_v: float = 0.0
    detuning_h: float = 0.0

    @property
    def power(self) -> float:
        """Sum of the squared Rabi frequencies, Hz²."""
        return self.rabi_v**2 + self.rabi_h**2


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


def stark_shift(model: RamanModel, drive: Drive) -> float:
    """Return the light shift of S1/2(-1/2) in Hz, Ω²/4Δ summed over both tones and both circular components.

    A tone is on resonance when its detuning is minus this shift.

    Example:
        >>> cavity = Cavity(1.53e6, 70e3, 90e-6, 116e-6, 12.31e-6, 854.209e-9, 85.3 / 360)
        >>> round(stark_shift(RamanModel(cavity, -403e6, sigma_plus=0.0), Drive(50e-6, 14.2e6, 16.8e6)))
        -300174
    """
    return drive.power * (1 + INNER_LINE * model.sigma_plus**2) / (4 * model.detuning)


def scattering_rate(model: RamanModel, drive: Drive) -> float:
    """Return how often an ion in S1/2(-1/2) scatters σ- light, 2γ Ω²/4Δ², in events per second."""
    return 2 * (2 * pi * model.decay) * drive.power / (4 * model.detuning**2)


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
        spin_up: Population of S1/2(m=+1/2) at the start, the rest is in S1/2(m=-1/2), shape (nodes,). No
            photon comes from there, but scattering brings the ion back.

    Returns:
        The emission into the cavity mode of every node; losses behind the mode are not yet applied.

    Raises:
        ModelError: A negative duration, a step that is not positive, or too strong a drive for the model.

    Example:
        >>> cavity = Cavity(1.53e6, 70e3, 90e-6, 116e-6, 12.31e-6, 854.209e-9, 85.3 / 360)
        >>> model = RamanModel(cavity, -403e6, sigma_plus=0.0)
        >>> pulse = Drive(50e-6, 14.2e6, 16.8e6, detuning_v=0.3e6, detuning_h=0.3e6)
        >>> emit(model, [pulse], [1.0, 0.5]).probability.round(2)
        array([0.91, 0.55])
    """
    _check(model, drives, step, ring_down)
    scales = np.atleast_1d(np.asarray(couplings, dtype=np.float64))
    state = np.zeros((scales.size, STATE))
    state[:, OTHER_GROUND] = spin_up
    state[:, S] = 1.0 - state[:, OTHER_GROUND]
    kept = np.zeros((scales.size, COHERENT), dtype=np.complex128)
    kept[:, S] = 1.0
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


def _check(model: RamanModel, drives: Sequence[Drive], step: float, ring_down: float) -> None:
    if step <= 0:
        raise ModelError("time step", step, "above 0 s", "s", "it is the length of a time bin")
    if ring_down < 0:
        raise ModelError("ring-down time", ring_down, "0 s or more", "s", "use 0 to stop with the light")
    for number, drive in enumerate(drives):
        if drive.duration < 0:
            duration = f"duration of drive {number}"
            raise ModelError(duration, drive.duration, "0 s or more", "s", "drives follow each other in time")
        excited = drive.power / (4 * model.detuning**2)
        if excited > MOST_EXCITED:
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
    still, scaled = _generator(model, drive)
    # In the dark nothing depends on the coupling, and one propagator serves all nodes.
    nodes, which = np.unique(scales if scaled.any() else np.zeros(1), return_inverse=True)
    propagator = _exponential((still + nodes[:, None, None] * scaled) * (drive.duration / bins))[which]
    path = _trajectory(propagator[:, :STATE, :STATE], state, bins)
    left = path[:, :-1] @ propagator[:, PHOTON, :STATE].swapaxes(-1, -2)
    photon = left @ _hermitian_basis(4).T
    return path[:, -1], photon.reshape(scales.size, bins, 4, 4)


def _keep(model: RamanModel, drive: Drive, scales: Real, kept: Complex) -> Complex:
    """Play one drive on amplitudes (nodes, 5) from which nothing was scattered or emitted so far.

    The photon is dephased by lock jitter here as in the density matrix, against a level without photon.
    """
    still = -1j * _hamiltonian(model, drive) - np.diag(_damping(model, drive) + _dephasing(model.cavity)[S])
    nodes, which = np.unique(scales, return_inverse=True)
    driven = still - 1j * nodes[:, None, None] * _interaction(model, drive)
    return np.asarray((_exponential(driven * drive.duration)[which] @ kept[..., None])[..., 0])


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


def _generator(model: RamanModel, drive: Drive) -> tuple[Real, Real]:
    """Generator of state and photon: a constant part, and one to scale by the coupling.

    The frame turns with the tones. In it the photon collected so far turns against them, which is why it has
    a rate of its own and the integral over a bin is exact for any detuning.
    """
    density, photon = _hermitian_basis(COHERENT), _hermitian_basis(4)
    size = PHOTON.stop
    still = np.zeros((size, size))
    scaled = np.zeros((size, size))
    conditional = -1j * _hamiltonian(model, drive) - np.diag(_damping(model, drive))
    free = _superoperator(conditional) - np.diag(_dephasing(model.cavity).ravel())
    driven = _superoperator(-1j * _interaction(model, drive))
    still[: COHERENT**2, : COHERENT**2] = _real(density, free, density)
    scaled[: COHERENT**2, : COHERENT**2] = _real(density, driven, density)
    _scatter(model, drive, still)

    tones = np.repeat([drive.detuning_v, drive.detuning_h], 2)
    still[PHOTON, PHOTON] = _real(photon, _superoperator(np.diag(2j * pi * tones)), photon)
    keep = np.eye(COHERENT)[V5:]  # takes the photon block out of the density matrix
    leak = np.asarray(np.kron(keep, keep), dtype=np.complex128)
    still[PHOTON, : COHERENT**2] = 4 * pi * model.cavity.decay * _real(photon, leak, density)
    return still, scaled


def _hamiltonian(model: RamanModel, drive: Drive) -> Complex:
    """Light shift, tone frames and birefringence, (5, 5), rad/s."""
    energies = np.array([stark_shift(model, drive), *np.repeat([-drive.detuning_v, -drive.detuning_h], 2)])
    hamiltonian = np.diag(energies).astype(np.complex128)
    axis = 4 * pi * model.cavity.birefringence_axis  # twice the angle: the eigenmodes are lines, not arrows
    split = np.array([[cos(axis), sin(axis)], [sin(axis), -cos(axis)]]) * model.cavity.birefringence / 2
    hamiltonian[V5 : H5 + 1, V5 : H5 + 1] += split
    hamiltonian[V3 : H3 + 1, V3 : H3 + 1] += split
    return 2 * pi * hamiltonian


def _interaction(model: RamanModel, drive: Drive) -> Complex:
    """Raman coupling g Ω / 2Δ of S to each branch for an ion at full coupling, (5, 5), rad/s."""
    interaction = np.zeros((COHERENT, COHERENT), dtype=np.complex128)
    for final, m, rabi in ((V5, -5 / 2, drive.rabi_v), (H3, -3 / 2, drive.rabi_h)):
        strength = 2 * pi * coupling(model.cavity, m) * rabi / (2 * model.detuning)
        interaction[S, final] = interaction[final, S] = strength
    return interaction


def _damping(model: RamanModel, drive: Drive) -> Real:
    """Decay rates of the five amplitudes, 1/s."""
    scattered = scattering_rate(model, drive) * (1 + INNER_LINE * model.sigma_plus**2)
    return np.array([scattered / 2, *[2 * pi * model.cavity.decay] * 4])


def _dephasing(cavity: Cavity) -> Real:
    """Extra decay (5, 5) of coherences by lock jitter, 1/s: it moves both modes alike, so only against S."""
    photons = np.arange(COHERENT) != S
    return np.where(photons[:, None] != photons, 2 * pi * cavity.jitter / 2, 0.0)


def _scatter(model: RamanModel, drive: Drive, still: Real) -> None:
    """Enter where scattering takes the populations of S(-1/2) and S(+1/2)."""
    minus = scattering_rate(model, drive)
    plus = minus * model.sigma_plus**2
    to_s, away = model.branching_s, 1 - model.branching_s
    still[S, S] += to_s * (minus + plus * INNER_LINE * INNER_TO_NEAR)
    still[OTHER_GROUND, S] += to_s * plus * INNER_LINE * INNER_TO_FAR
    still[LOST, S] += away * (minus + plus * INNER_LINE)

    back = to_s * minus * INNER_LINE * INNER_TO_FAR
    gone = away * (minus * INNER_LINE + plus)
    still[S, OTHER_GROUND] += back
    still[LOST, OTHER_GROUND] += gone
    still[OTHER_GROUND, OTHER_GROUND] -= back + gone


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
