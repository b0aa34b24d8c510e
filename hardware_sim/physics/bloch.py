"""The optical Bloch equations of the eight levels of S1/2, P1/2 and D3/2, driven by 397 nm and 866 nm light.

What is solved is the master equation of one ion in a magnetic field along the quantisation axis, in the frame
that turns with both lights: Zeeman shifts, one tone on each line with any polarisation, natural decay with
all its coherences, and the linewidths of two independent lasers. The equation is linear in everything that a
lab can set. So there is one constant generator for each setting, and the Liouvillian of a thousand settings
is one product of arrays.

Order of the levels: S1/2(-1/2, +1/2), P1/2(-1/2, +1/2), D3/2(-3/2 ... +3/2). Density matrices are flattened
row by row to vectors of 64.

Left out: recoil within the equations (`cooling` adds it), the 1e-4 of the light that other lines feel, light
shifts by them, and the phase between two beams on one line, of which the weaker one acts as `incoherent`.

Source: Oberst, diploma thesis, Innsbruck 1999, for the eight-level equations; Janik, Nagourney and Dehmelt,
J. Opt. Soc. Am. B 2, 1251 (1985), for dark resonances of an S-P-D ion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardware_sim.physics.atom import dipole
from hardware_sim.physics.calcium import D32, LINE_397, LINE_866, P12, S12, Level, Line, zeeman_shift
from hardware_sim.physics.errors import ModelError

Floats: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]

LEVELS: Final = 8
S: Final = slice(0, 2)
P: Final = slice(2, 4)
D: Final = slice(4, 8)

LINEWIDTH: Final = P12.linewidth
"""Hz, full natural width of both lines."""


@dataclass(frozen=True, slots=True)
class Polarisation:
    """Amplitudes of light in the frame of the magnetic field; their squares sum to 1, phases are zero.

    Attributes:
        minus: of sigma-, which lowers m by 1 as it excites.
        pi: of light along the field.
        plus: of sigma+.
    """

    minus: float
    pi: float
    plus: float

    @classmethod
    def linear(cls, pi_share: float) -> Polarisation:
        """Return linear light of which a share of the power is along the field.

        Example:
            >>> Polarisation.linear(1.0)
            Polarisation(minus=0.0, pi=1.0, plus=0.0)
        """
        across = math.sqrt((1 - pi_share) / 2)
        return cls(across, math.sqrt(pi_share), across)

    @classmethod
    def circular(cls, impurity: float = 0.0, angle: float = 0.0) -> Polarisation:
        """Return sigma- light of finite purity, from a beam that is not quite along the field.

        Args:
            impurity: share of the power in the other circular polarisation, as the optics make it.
            angle: between beam and field, turns.

        Source: rotation matrix of a vector, d^1; Sakurai, Modern Quantum Mechanics, sec. 3.8.

        Example:
            >>> Polarisation.circular()
            Polarisation(minus=1.0, pi=0.0, plus=0.0)
        """
        cosine, sine = math.cos(2 * math.pi * angle), math.sin(2 * math.pi * angle)
        right, wrong = math.sqrt(1 - impurity), math.sqrt(impurity)
        return cls(
            right * (1 + cosine) / 2 + wrong * (1 - cosine) / 2,
            (right - wrong) * sine / math.sqrt(2),
            right * (1 - cosine) / 2 + wrong * (1 + cosine) / 2,
        )

    @property
    def amplitudes(self) -> tuple[float, float, float]:
        """Amplitudes of sigma-, pi and sigma+."""
        return self.minus, self.pi, self.plus


@dataclass(frozen=True, slots=True)
class Beam:
    """Light on one line; numbers, or arrays that broadcast together.

    Attributes:
        saturation: s = 2 Omega^2 / Gamma^2, with the squared Rabi frequency averaged over the sublevels of
            the lower level, so that s measures intensity, whatever the polarisation. For pi light on 397 nm
            it is the saturation parameter of both two-level systems.
        detuning: light less the line's centre without field, Hz.
        polarisation: in the frame of the field.
        linewidth: of the laser, full width of a Lorentzian, Hz.
    """

    saturation: ArrayLike
    detuning: ArrayLike
    polarisation: Polarisation
    linewidth: ArrayLike = 0.0


NO_LIGHT: Final = Beam(0.0, 0.0, Polarisation(0.0, 1.0, 0.0))


def couplings(line: Line) -> Complex:
    """Return raising operators (3, upper, lower) of sigma-, pi and sigma+ light on one line."""
    lower, upper = line.lower, line.upper
    found = np.zeros((3, len(upper.sublevels), len(lower.sublevels)), dtype=np.complex128)
    for (u, mu), (k, mk) in product(enumerate(upper.sublevels), enumerate(lower.sublevels)):
        if abs(mu - mk) <= 1:
            found[round(mu - mk) + 1, u, k] = dipole(line, mk, mu)
    return found


def rabi(line: Line, saturation: ArrayLike) -> Floats:
    """Return the Rabi frequency (rad/s) of a transition with a Clebsch-Gordan coefficient of 1."""
    weight = 3 * len(line.lower.sublevels) / len(line.upper.sublevels)
    width = 2 * math.pi * line.upper.linewidth
    return np.asarray(width * np.sqrt(weight * np.asarray(saturation) / 2))


def liouvillian(cooling: Beam, repump: Beam, field: ArrayLike, incoherent: Beam = NO_LIGHT) -> Complex:
    """Return the generator (..., 64, 64) of the master equation, 1/s, for all settings broadcast together.

    Args:
        cooling: 397 nm light.
        repump: 866 nm light.
        field: along the quantisation axis, T.
        incoherent: a second, weaker beam at 397 nm, as rates: good for weak light that keeps no phase with
            the first.
    """
    columns = [
        np.ones(()),
        2 * math.pi * np.asarray(cooling.detuning),
        2 * math.pi * np.asarray(repump.detuning),
        np.asarray(field),
        math.pi * np.asarray(cooling.linewidth),
        math.pi * np.asarray(repump.linewidth),
        *(rabi(LINE_397, cooling.saturation) * part for part in cooling.polarisation.amplitudes),
        *(rabi(LINE_866, repump.saturation) * part for part in repump.polarisation.amplitudes),
    ]
    settings = np.stack(np.broadcast_arrays(*columns), axis=-1)
    found = np.tensordot(settings, _generators(), axes=1)
    if np.any(np.asarray(incoherent.saturation) > 0):
        found = found + _incoherent(incoherent, field)
    return np.asarray(found)


@cache
def _generators() -> Complex:
    """Return the constant parts (12, 64, 64) of which Liouvillians are sums, in the order of settings."""
    eye = np.eye(LEVELS, dtype=np.complex128)
    in_s, in_d = np.zeros_like(eye), np.zeros_like(eye)
    in_s[S, S], in_d[D, D] = eye[S, S], eye[D, D]
    parts = [
        sum(_dissipator(jump) for jump in _decays()),
        _rotation(in_s),
        _rotation(in_d),
        _rotation(np.diag(_zeeman_shifts()).astype(np.complex128)),
        # Phase noise of one laser dephases its lower level against all others.
        _dissipator(math.sqrt(2) * in_s),
        _dissipator(math.sqrt(2) * in_d),
        *(_rotation((raising + raising.conj().T) / 2) for raising in _raising(LINE_397)),
        *(_rotation((raising + raising.conj().T) / 2) for raising in _raising(LINE_866)),
    ]
    return np.stack(parts)


def _zeeman_shifts() -> Floats:
    """Return the shifts (8,) of the levels, rad/s in a field of 1 T."""
    return np.array(
        [2 * math.pi * zeeman_shift(level, m, 1.0) for level in (S12, P12, D32) for m in level.sublevels]
    )


def _raising(line: Line) -> list[Complex]:
    """Return the raising operators (8, 8) of one line for sigma-, pi and sigma+ light."""
    rows, found = S if line.lower is S12 else D, []
    for coupling in couplings(line):
        raising = np.zeros((LEVELS, LEVELS), dtype=np.complex128)
        raising[P, rows] = coupling
        found.append(raising)
    return found


def _decays() -> list[Complex]:
    """Return the jump operators (8, 8): P1/2 by polarisation of the photon, and the slow decay of D3/2.

    The latter is a quadrupole transition, ASSUMED to reach both spins alike: it takes 1.2 s.
    """
    jumps = [
        math.sqrt(line.branching / P12.lifetime) * raising.conj().T
        for line in (LINE_397, LINE_866)
        for raising in _raising(line)
    ]
    for spin, sublevel in product(range(S.start, S.stop), range(D.start, D.stop)):
        jump = np.zeros((LEVELS, LEVELS), dtype=np.complex128)
        jump[spin, sublevel] = math.sqrt(1 / (2 * D32.lifetime))
        jumps.append(jump)
    return jumps


def _rotation(hamiltonian: Complex) -> Complex:
    """Return the superoperator (64, 64) of -i [H, rho]."""
    eye = np.eye(LEVELS)
    return np.asarray(-1j * (np.kron(hamiltonian, eye) - np.kron(eye, hamiltonian.T)))


def _dissipator(jump: Complex) -> Complex:
    """Return the superoperator (64, 64) of C rho C' - (C'C rho + rho C'C) / 2."""
    eye, lost = np.eye(LEVELS), jump.conj().T @ jump
    return np.asarray(np.kron(jump, jump.conj()) - (np.kron(lost, eye) + np.kron(eye, lost.T)) / 2)


def _incoherent(beam: Beam, field: ArrayLike) -> Complex:
    """Return the superoperator of light that acts as absorption and stimulated emission only."""
    width = 2 * math.pi * (LINEWIDTH + float(np.asarray(beam.linewidth)))
    found = np.zeros((LEVELS**2, LEVELS**2), dtype=np.complex128)
    for raising, part in zip(_raising(LINE_397), beam.polarisation.amplitudes, strict=True):
        for u, k in zip(*np.nonzero(raising), strict=True):
            shift = _zeeman(P12, u - P.start, field) - _zeeman(S12, k - S.start, field)
            detuning = 2 * math.pi * (float(np.asarray(beam.detuning)) - shift)
            omega = float(rabi(LINE_397, beam.saturation)) * part * abs(raising[u, k])
            rate = omega**2 * width / (width**2 + 4 * detuning**2)
            jump = np.zeros((LEVELS, LEVELS), dtype=np.complex128)
            jump[u, k] = math.sqrt(rate)
            found += _dissipator(jump) + _dissipator(jump.T)
    return found


def _zeeman(level: Level, number: int, field: ArrayLike) -> float:
    return zeeman_shift(level, level.sublevels[number], float(np.asarray(field)))


def hamiltonian(cooling: Beam, repump: Beam, field: float) -> Complex:
    """Return the Hamiltonian (8, 8) of one setting in the frame of both lights, rad/s."""
    found = np.diag(_zeeman_shifts() * field).astype(np.complex128)
    for rows, line, beam in ((S, LINE_397, cooling), (D, LINE_866, repump)):
        found[rows, rows] += 2 * math.pi * float(np.asarray(beam.detuning)) * np.eye(rows.stop - rows.start)
        driven = _driven(line, beam)
        found += (driven + driven.conj().T) / 2
    return found


def force_operators(cooling: Beam, repump: Beam) -> Complex:
    """Return the forces (2, 8, 8) of both beams on the ion, in units of hbar k of each, 1/s.

    -dH/dx of a wave that travels along x: its mean is the net rate of absorption.

    Args:
        cooling: 397 nm light.
        repump: 866 nm light.

    Source: Gordon and Ashkin, Phys. Rev. A 21, 1606 (1980), sec. II.
    """
    forces = []
    for line, beam in ((LINE_397, cooling), (LINE_866, repump)):
        driven = _driven(line, beam)
        forces.append(-0.5j * (driven - driven.conj().T))
    return np.stack(forces)


def _driven(line: Line, beam: Beam) -> Complex:
    """Return the raising operator (8, 8) of a beam times its Rabi frequency, rad/s."""
    found = np.zeros((LEVELS, LEVELS), dtype=np.complex128)
    for part, raising in zip(beam.polarisation.amplitudes, _raising(line), strict=True):
        found += float(rabi(line, beam.saturation)) * part * raising
    return found


def steady_state(generator: Complex) -> Complex:
    """Return the density matrices (..., 8, 8) that do not change.

    It exists for any light on S1/2 that leaves at most one dark state there; D3/2 empties by itself in 1.2 s.

    Args:
        generator: (..., 64, 64) of `liouvillian`.

    Raises:
        ModelError: there is no 397 nm light, so that many states do not change.

    Example:
        Without the repumper the ion ends in D3/2:

        >>> pi = Polarisation.linear(1.0)
        >>> state = steady_state(liouvillian(Beam(0.1, -10e6, pi), NO_LIGHT, 4e-4))
        >>> bool(population(state, D) > 0.9999)
        True
    """
    equations = generator.copy()
    # One of the equations follows from the others; the trace, at a like scale, takes its place.
    equations[..., 0, :] = np.eye(LEVELS).ravel() / P12.lifetime
    right = np.zeros((*generator.shape[:-1], 1), dtype=np.complex128)
    right[..., 0, 0] = 1 / P12.lifetime
    try:
        vectors = np.linalg.solve(equations, right)[..., 0]
    except np.linalg.LinAlgError:
        raise ModelError(
            "the saturation of the 397 nm light",
            0.0,
            "above 0 for a steady state",
            "",
            "without it the ion stays in S1/2 as it was; use propagate",
        ) from None
    found = vectors.reshape(*generator.shape[:-2], LEVELS, LEVELS)
    return np.asarray((found + found.conj().swapaxes(-1, -2)) / 2)


def propagate(generator: Complex, state: Complex, duration: float) -> Complex:
    """Return the density matrix (8, 8) after a time in constant light.

    Args:
        generator: (64, 64) of `liouvillian`.
        state: (8, 8) at first.
        duration: s.
    """
    from scipy.linalg import expm  # noqa: PLC0415 - slow to import, and checking a setup needs none

    return np.asarray((expm(generator * duration) @ state.ravel()).reshape(LEVELS, LEVELS))


def population(state: Complex, levels: slice) -> Floats:
    """Return the population (...) of some levels of density matrices (..., 8, 8)."""
    return np.asarray(np.einsum("...ii->...i", state).real[..., levels].sum(axis=-1))


def scattering_rate(state: Complex) -> Floats:
    """Return the 397 nm photons a second (...) that ions in states (..., 8, 8) scatter."""
    return np.asarray(LINE_397.branching / P12.lifetime * population(state, P))


def two_level_rate(
    saturation: float, detuning: float, linewidth: float, laser_linewidth: float = 0.0
) -> float:
    """Return the rate at which a two-level ion scatters photons.

    Args:
        saturation: s = 2 Omega^2 / Gamma^2.
        detuning: light less resonance, Hz.
        linewidth: full natural width Gamma, Hz.
        laser_linewidth: full width of the light's Lorentzian, Hz; it broadens the line and weakens its peak.

    Returns:
        pi Gamma s / (1 + s + 4 detuning^2 / Gamma^2) for a narrow laser, 1/s.

    Source: Foot, Atomic Physics (Oxford 2005), eq. 9.3.

    Example:
        >>> round(two_level_rate(1.0, -11.2e6, 22.4e6) / 1e6, 1)
        23.5
    """
    width = 1 + laser_linewidth / linewidth
    return math.pi * linewidth * saturation / (width + saturation + 4 * (detuning / linewidth) ** 2 / width)


def dark_resonances(field: float) -> Floats:
    """Return the differences of detunings, 397 nm less 866 nm, at which S1/2 and D3/2 form dark states.

    There the light of both lines meets the Zeeman-shifted two-photon resonance of two sublevels. For pi light
    at 397 nm and sigma light at 866 nm these are the pairs S1/2(m), D3/2(m +- 1).

    Args:
        field: T.

    Returns:
        Differences (4,), Hz, ascending.

    Example:
        >>> (dark_resonances(4.229e-4) / 1e6).round(2)
        array([-8.29, -1.18,  1.18,  8.29])
    """
    pairs = [(m, k) for m, k in product(S12.sublevels, D32.sublevels) if abs(m - k) == 1]
    return np.sort([zeeman_shift(D32, k, field) - zeeman_shift(S12, m, field) for m, k in pairs])
