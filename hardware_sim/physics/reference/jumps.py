"""Propagators of a density matrix whose quantum jumps all end in few states: an expansion that is summed up.

Between jumps a density matrix evolves with an effective Hamiltonian, ρ -> U ρ U†: that is the work of 18 x 18
matrices. Jumps bring it back to S1/2, where a density matrix has four numbers. So all that happens in a short
interval is known from the rate j(t) at which these four are filled:

    j(t) = A(t) ρ + ∫ K(t, s) j(s) ds        what ρ itself sends there, and what came there and comes again

This Volterra equation is solved by collocation at the nodes of a Gauss-Legendre rule, which converges faster
than any power of the number of nodes: with 24 nodes on 3.5 cycles of the fastest frequency the error is that
of U, 1e-9. Everything else, the propagator of the whole interval included, is linear in ρ and j.

Source: the jump expansion, Dalibard, Castin, Mølmer, PRL 68, 580 (1992), as an integral equation; the
propagator U by the method of Dormand and Prince, of eighth order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.reference.sector import EMITTED, EXCITED, GROUND, SIZE, Sector

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

NODES: Final = 24
CYCLES: Final = 3.5  # of the fastest frequency in one interval, which 24 nodes integrate to the last digits
SPREAD: Final = 60e6  # Hz by which Zeeman shifts and beats may add to the detuning
LONGEST: Final = 10e-9  # s, so that what varies with the beat and the Zeeman shifts is smooth in an interval
TOLERANCE: Final = 1e-10  # relative, of U; U itself is of order 1


@dataclass(frozen=True, slots=True, eq=False)
class Propagators:
    """Some intervals of equal length, one after the other.

    Attributes:
        density: Maps of the density matrix (18² numbers, row after row) to what it is at the end of an
            interval, and below that to what arrived in each final state, shape (intervals, 334, 324).
        amplitude: Maps of amplitudes from which nothing jumps, shape (intervals, 18, 18).
        length: Of an interval, s.
    """

    density: Complex
    amplitude: Complex
    length: float


def interval_length(detuning: float) -> float:
    """Return the longest interval, s, for which the expansion is exact to its tolerance."""
    return min(LONGEST, CYCLES / (abs(detuning) + SPREAD))


def propagate(sector: Sector, hamiltonian: Callable[[float], Complex], length: float) -> Propagators:
    """Work out the propagators of intervals.

    Args:
        sector: with its jumps.
        hamiltonian: effective Hamiltonians (intervals, 18, 18), rad/s, at a time (s) after each one's start.
        length: of the intervals, s.
    """
    nodes, weights, integral = _rule(length)
    inside, ends = _evolve(hamiltonian, nodes, length)
    unity = np.ones((SIZE, SIZE))
    unity[EMITTED, EMITTED] = np.exp(sector.dephasing * length / 2)
    density = np.stack(
        [_expand(sector, path, end, weights, integral) for path, end in zip(inside, ends, strict=True)]
    )
    # Jitter jumps leave states with a photon as they are: half of what they took is given back at either end.
    density[:, : SIZE**2] *= unity.reshape(-1, 1)
    density *= unity.reshape(-1)
    return Propagators(density, ends, length)


def _rule(length: float) -> tuple[Real, Real, Real]:
    """Nodes and weights of the quadrature, and the matrix that integrates up to each node."""
    points, weights = np.polynomial.legendre.leggauss(NODES)
    to_series = np.linalg.inv(np.polynomial.legendre.legvander(points, NODES - 1))
    integrals = np.polynomial.legendre.legint(np.eye(NODES), lbnd=-1)
    upto = np.polynomial.legendre.legval(points, integrals).T @ to_series
    half = length / 2
    return (points + 1) * half, weights * half, upto * half


def _evolve(hamiltonian: Callable[[float], Complex], nodes: Real, length: float) -> tuple[Complex, Complex]:
    """Propagators of amplitudes to the nodes (intervals, nodes, 18, 18) and the ends (intervals, 18, 18)."""
    from scipy.integrate import solve_ivp  # noqa: PLC0415  slow to import, and rarely used

    start = np.broadcast_to(np.eye(SIZE, dtype=np.complex128), hamiltonian(0.0).shape)

    def slope(time: float, flat: Complex) -> Complex:
        return np.asarray((-1j * (hamiltonian(time) @ flat.reshape(start.shape))).ravel())

    times = np.append(nodes, length)
    found = solve_ivp(slope, (0, length), start.ravel(), "DOP853", times, rtol=TOLERANCE, atol=TOLERANCE)
    path = found.y.T.reshape(len(times), *start.shape).swapaxes(0, 1)
    return path[:, :-1], path[:, -1]


def _expand(sector: Sector, path: Complex, end: Complex, weights: Real, integral: Real) -> Complex:
    """One interval's map (334, 324) of the density matrix, all jumps included."""
    numbers = 4 * NODES
    back = np.linalg.inv(path)[:, :, GROUND]  # from a jump at some node to the start, (nodes, 18, 2)
    excited = path[:, EXCITED]
    again = np.einsum("iab,jbc->ijac", excited, back)  # from a jump at node j to P3/2 at node i
    first, later = _pairs(excited), _pairs(again)  # (nodes, 16, 324), (nodes, nodes, 16, 4)
    kernel = np.einsum("ij,ijkl->ikjl", integral, sector.returns @ later).reshape(numbers, numbers)
    rate = np.linalg.solve(np.eye(numbers) - kernel, (sector.returns @ first).reshape(numbers, -1))
    after = _pairs(end @ back).transpose(1, 0, 2) * weights[:, None]
    here = _pairs(end) + after.reshape(-1, numbers) @ rate
    direct = sector.leaves @ np.einsum("i,ikl->kl", weights, first)
    indirect = sector.leaves @ np.einsum("i,ij,ijkl->kjl", weights, integral, later).reshape(16, numbers)
    return np.concatenate([here, direct + indirect @ rate])


def _pairs(matrices: Complex) -> Complex:
    """Maps of density matrices by U ρ U†, from a stack of U (..., a, b): shape (..., a², b²)."""
    rows, columns = matrices.shape[-2:]
    product = matrices[..., :, None, :, None] * matrices.conj()[..., None, :, None, :]
    return np.asarray(product.reshape(*matrices.shape[:-2], rows**2, columns**2))
