"""Laser pulses on one optical qubit: the exact unitary of a two-level atom in a travelling wave.

Basis order is (S, D), the picture is the interaction picture of the bare atom, and detuning is laser minus
atom. The phase of a pulse is that of the laser against the atom when the pulse begins: a laser with phase φ
at t = 0 and detuning δ has φ + δ t turns at time t. Given so, pulses follow each other without any other
bookkeeping.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Complex = NDArray[np.complex128]


def rotation(rabi: ArrayLike, detuning: ArrayLike, duration: ArrayLike, phase: ArrayLike = 0.0) -> Complex:
    """Return the unitary of a pulse, H = (Ω/2) (exp(-2πi (δ t + φ)) |D><S| + h.c.) with t from its start.

    Args:
        rabi: Rabi frequency Ω/2π, Hz, shape (...).
        detuning: Laser minus atomic frequency δ, Hz, shape (...).
        duration: Length of the pulse, s, shape (...).
        phase: Phase φ of the laser at the start of the pulse, turns, shape (...).

    Returns:
        Unitaries in the basis (S, D), shape (..., 2, 2) of the arguments broadcast together.

    Source: Rabi's solution in the frame of the laser, turned back; Foot, Atomic Physics (Oxford 2005), 7.3.

    Example:
        >>> pulse = rotation(rabi=50e3, detuning=0.0, duration=10e-6)  # a pi pulse
        >>> abs(pulse).round(12)
        array([[0., 1.],
               [1., 0.]])
    """
    rabi, detuning, duration, phase = np.broadcast_arrays(rabi, detuning, duration, phase)
    # sinc stays finite where both Rabi frequency and detuning vanish.
    flop = np.hypot(rabi, detuning) * duration
    cosine, sine_over_flop = np.cos(np.pi * flop), np.pi * duration * np.sinc(flop)
    stay = cosine - 1j * detuning * sine_over_flop
    swap = -1j * rabi * sine_over_flop * np.exp(2j * np.pi * phase)
    frame = np.exp(1j * np.pi * detuning * duration)
    unitary = np.empty((*rabi.shape, 2, 2), dtype=np.complex128)
    unitary[..., 0, 0] = frame * stay
    unitary[..., 0, 1] = frame * swap
    unitary[..., 1, 0] = -(unitary[..., 0, 1].conj())
    unitary[..., 1, 1] = unitary[..., 0, 0].conj()
    return unitary


def rotate(state: Complex, unitary: Complex, levels: tuple[int, int] = (0, 1)) -> Complex:
    """Return density matrices after a pulse on two of their levels.

    Args:
        state: Density matrices, shape (..., n, n) with n of 2 or more, here usually three levels.
        unitary: Unitaries of the two levels, shape (..., 2, 2).
        levels: The two levels that the pulse couples, in the order of the unitary's basis.

    Returns:
        New density matrices, leading shape of both arguments broadcast together; the arguments are unchanged.

    Example:
        >>> ground = np.diag([1, 0, 0]).astype(complex)
        >>> half = rotation(rabi=50e3, detuning=0.0, duration=5e-6)
        >>> rotate(ground, half, levels=(0, 2)).real.diagonal().round(12)
        array([0.5, 0. , 0.5])
    """
    leading = np.broadcast_shapes(state.shape[:-2], unitary.shape[:-2])
    rotated = np.broadcast_to(state, (*leading, *state.shape[-2:])).astype(np.complex128)
    pair = list(levels)
    rotated[..., pair, :] = unitary @ rotated[..., pair, :]
    rotated[..., pair] = rotated[..., pair] @ unitary.conj().swapaxes(-1, -2)
    return rotated
