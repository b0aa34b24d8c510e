"""How light moves an ion among its long-lived levels: the slow part of the eight-level Bloch equations.

P1/2 lives for 7 ns, and coherences settle about as fast, so that what remains of the Bloch equations after
some tens of nanoseconds are rates between three populations: S1/2(-1/2), S1/2(+1/2), and D3/2 as a whole.
They are found by solving the equations for everything else while these three are held. The steady state of
the rates is that of the Bloch equations, without any approximation; the way there is right as far as the
populations change more slowly than all else.

An ion in P1/2 counts as being in the level that it was excited from.

Source: adiabatic elimination by a Schur complement; Stenholm, Rev. Mod. Phys. 58, 699 (1986), sec. III; for
Markov chains, Meyer, SIAM Review 31, 240 (1989).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.bloch import LEVELS, Beam, D, P, hamiltonian
from hardware_sim.physics.calcium import D32, LINE_397, P12

Floats: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]

SLOW: Final = 3
"""Populations that are followed: S1/2(-1/2), S1/2(+1/2), D3/2."""


ROUNDING: Final = 1e-9
"""Negative rates, over the largest one, that rounding leaves."""


@dataclass(frozen=True, slots=True, eq=False)
class SlowRates:
    """What constant light does to an ion, as long as one looks only every 100 ns or so.

    Attributes:
        generator: (3, 3) of the populations, element (to, from), 1/s.
        photons: (3,) 397 nm photons a second that an ion in each of the levels scatters.
        states: (3, 64) density matrices of the eight levels, flattened, of an ion in each of the levels.
        backwards: largest negative rate that was cleared, over the largest of all.
    """

    generator: Floats
    photons: Floats
    states: Complex
    backwards: float

    @property
    def excited(self) -> Floats:
        """Share of the time (3,) that an ion in each of the levels spends in P1/2."""
        return self.photons * P12.lifetime / LINE_397.branching


def slow_rates(generator: Complex) -> SlowRates:
    """Return the rates among the long-lived levels.

    Args:
        generator: (64, 64) of `bloch.liouvillian`, in a field that is not zero.
    """
    basis, inverse = _slow_basis()
    turned = inverse @ generator @ basis
    fast, driven = turned[SLOW:, SLOW:], turned[SLOW:, :SLOW]
    follow = -np.linalg.solve(fast, driven)
    states = (basis[:, :SLOW] + basis[:, SLOW:] @ follow).T
    matrices = states.reshape(SLOW, LEVELS, LEVELS)
    in_p = np.einsum("sii->si", matrices).real[:, P].sum(axis=1)
    # The populations without P1/2 stand still while the ion is there: their clock runs slower by its share.
    whole = 1 + in_p
    rates, backwards = _as_generator((turned[:SLOW, :SLOW] + turned[:SLOW, SLOW:] @ follow).real / whole)
    photons = in_p / whole * LINE_397.branching / P12.lifetime
    return SlowRates(rates, photons, states / whole[:, None], backwards)


def coherence_rate(cooling: Beam, repump: Beam, field: float) -> complex:
    """Return how the coherence between S1/2(-1/2) and a level that no light touches changes, 1/s.

    It goes as exp(rate t): the real part is half of the rate at which the ion scatters, on whatever way back,
    the imaginary part is the light shift of S1/2(-1/2), as an angular frequency with its sign turned.

    Args:
        cooling: 397 nm light.
        repump: 866 nm light.
        field: T.
    """
    energies = hamiltonian(cooling, repump, field)
    widths = np.zeros(LEVELS)
    widths[P] = 1 / (2 * P12.lifetime) + math.pi * float(np.asarray(cooling.linewidth))
    noise = float(np.asarray(cooling.linewidth)) + float(np.asarray(repump.linewidth))
    widths[D] = 1 / (2 * D32.lifetime) + math.pi * noise
    other = energies[0, 0] * np.eye(LEVELS - 1) - energies[1:, 1:] + 1j * np.diag(widths[1:])
    return complex(-1j * energies[0, 1:] @ np.linalg.solve(other, energies[1:, 0]))


def _as_generator(rates: Floats) -> tuple[Floats, float]:
    """Return rates that are not negative, with the steady state of those given, and what was changed.

    Near a dark resonance ions leave superpositions that the populations do not show, and a rate may come out
    negative. It is cleared, and each level's clock is set so that the steady state stays what it is.
    """
    apart = rates - np.diag(rates.diagonal())
    backwards = float(-apart.min() / np.abs(rates).max()) if rates.any() else 0.0
    apart = np.maximum(apart, 0.0)
    cleared = apart - np.diag(apart.sum(axis=0))
    if backwards > ROUNDING:
        cleared = cleared * (_settled(cleared) / _settled(rates))
    return cleared, max(backwards, 0.0)


def _settled(rates: Floats) -> Floats:
    """Return the populations (3,) that do not change."""
    equations = rates / np.abs(rates).max()
    equations[0] = 1.0
    return np.asarray(np.linalg.solve(equations, np.array([1.0, 0.0, 0.0])))


def _slow_basis() -> tuple[Complex, Complex]:
    """Return a basis (64, 64) of density matrices that begins with the slow populations, and its inverse.

    Its first three columns are the two spins and an even mixture of D3/2; then come P1/2, the differences
    within D3/2, and all coherences.
    """
    units = np.eye(LEVELS**2, dtype=np.complex128)
    diagonal = [level * (LEVELS + 1) for level in range(LEVELS)]
    within = units[:, diagonal[D]]
    # Columns of a discrete Fourier basis of D3/2 are orthogonal to the even mixture; real parts suffice.
    count = len(diagonal[D])
    waves = np.array(
        [[math.cos(math.pi * k * (m + 0.5) / count) for k in range(1, count)] for m in range(count)]
    )
    columns = [
        units[:, diagonal[:2]],
        within.mean(axis=1, keepdims=True),
        units[:, diagonal[P]],
        within @ waves,
    ]
    coherences = np.setdiff1d(np.arange(LEVELS**2), diagonal)
    basis = np.concatenate([*columns, units[:, coherences]], axis=1)
    return basis, np.linalg.inv(basis)
