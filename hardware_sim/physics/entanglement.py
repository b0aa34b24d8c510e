"""Entanglement of two ions in two nodes, heralded by their photons.

Each ion is entangled with a photon: |5V> + |3H>. The photons meet on a balanced beam splitter with a
polarising splitter in each output, so that four detectors tell output and polarisation. A V and an H leave
the ions in |53> + |35> when they come from the same output, and in |53> - |35> when they come from different
ones; two photons of one polarisation tell nothing. What else tells from which node a photon came spoils the
superposition, and the time of both clicks matters where the photons have different colours.

Levels of an ion are D5/2(-5/2) and D5/2(-3/2), in this order.

Source: Simon and Irvine, PRL 91, 110405 (2003); Krutyanskiy et al., PRL 130, 050803 (2023); fidelity of
swapped Werner states: Bennett et al., PRL 76, 722 (1996); concurrence: Wootters, PRL 80, 2245 (1998).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.errors import ModelError
from hardware_sim.physics.packets import Packet

Complex: TypeAlias = NDArray[np.complex128]

PSI_PLUS: Final = np.array([0, 1, 1, 0]) / sqrt(2)
PSI_MINUS: Final = np.array([0, 1, -1, 0]) / sqrt(2)
"""(4,) over |55>, |53>, |35>, |33>."""


@dataclass(frozen=True, slots=True, eq=False)
class Herald:
    """What two clicks make of two ions.

    Attributes:
        probability: of such clicks in one attempt.
        state: (4, 4) of the ions after them, with trace 1.
    """

    probability: float
    state: Complex

    def fidelity(self, target: NDArray[np.float64] | Complex) -> float:
        """Return the overlap with a pure state (4,)."""
        return float((np.conj(target) @ self.state @ target).real)

    def best_fidelity(self) -> float:
        """Return the fidelity with the nearest state |53> + e^{i phi} |35>: a known phase does no harm."""
        return float((self.state[1, 1] + self.state[2, 2]).real / 2 + abs(self.state[1, 2]))


def herald(
    one: Packet,
    other: Packet,
    same_output: bool,
    efficiencies: tuple[float, float] = (1.0, 1.0),
    dark_rate: float = 0.0,
    window: float = np.inf,
) -> Herald:
    """Return the state of the ions after a V and an H click.

    Args:
        one: ion and photon of the one node, over |5V>, |5H>, |3V>, |3H>.
        other: the same of the other node, at the same times.
        same_output: whether both clicks come from one output of the splitter, or from different ones.
        efficiencies: probability for the photon of each node, once in its cavity's output, to click.
        dark_rate: dark counts of each of the four detectors, 1/s. Of a node whose photon a dark count
            replaced, the ion is taken as it is without a look at its photon.
        window: largest difference of the two click times, s.

    Returns:
        Probability of both patterns that mean the same, and the state they leave.

    Raises:
        ModelError: such clicks never come.
    """
    step = one.step
    near = (np.abs(one.times[:, None] - one.times) <= window).astype(np.float64)
    first, second = (
        packet.density.reshape(*packet.density.shape[:2], 2, 2, 2, 2) * share
        for packet, share in zip((one, other), efficiencies, strict=True)
    )
    V, H = 0, 1
    # (ion, ion') of each node, with the photon in one polarisation at time t.
    by_time = [[np.einsum("ttij->tij", node[:, :, :, p, :, p]) for p in (V, H)] for node in (first, second)]
    signal = np.einsum("tij,ukl,tu->ikjl", by_time[0][V], by_time[1][H], near)
    signal += np.einsum("tij,ukl,ut->ikjl", by_time[0][H], by_time[1][V], near)
    # The V photon at t and the H photon at u, from either node: ket one way round, bra the other.
    crossed = np.einsum("tuij,utkl,tu->ikjl", first[:, :, :, V, :, H], second[:, :, :, H, :, V], near)
    sign = 1.0 if same_output else -1.0
    crossed = sign * (crossed + np.einsum("ikjl->jlik", crossed).conj())
    total = (signal + crossed).reshape(4, 4) * step**2 / 2
    if dark_rate:
        total = total + _with_dark_counts(one, other, by_time, near.sum(axis=1) * step, dark_rate)
    probability = float(np.trace(total).real)
    if probability <= 0:
        raise ModelError(
            "probability of a herald", probability, "above 0", "", "let both nodes emit V and H, and see them"
        )
    return Herald(probability, total / probability)


def swapped_fidelity(one: float, other: float) -> float:
    """Return the fidelity after swapping two pairs in Werner states, with a perfect measurement.

    Args:
        one: fidelity of the one pair.
        other: of the other pair.

    Example:
        >>> round(swapped_fidelity(0.9, 0.9), 4)
        0.8133
    """
    return one * other + (1 - one) * (1 - other) / 3


def concurrence(state: Complex) -> float:
    """Return the concurrence of two qubits (4, 4): 0 without entanglement, 1 for a Bell state."""
    flip = np.fliplr(np.diag([-1.0, 1.0, 1.0, -1.0])).astype(np.complex128)
    values = np.linalg.eigvals(state @ flip @ state.conj() @ flip)
    roots = np.sort(np.sqrt(np.maximum(values.real, 0.0)))[::-1]
    return float(max(0.0, roots[0] - roots[1:].sum()))


def _with_dark_counts(
    one: Packet, other: Packet, by_time: list[list[Complex]], open_time: NDArray[np.float64], rate: float
) -> Complex:
    """Unnormalised state of the ions (4, 4) where a dark count stands for one or both photons.

    Half of the photons go to either output; a pattern has two pairs of detectors.
    """
    whole = [_ion(packet) for packet in (one, other)]
    step, length = one.step, one.step * len(one.times)
    total = np.zeros((4, 4), dtype=np.complex128)
    for node, mine in enumerate(by_time):
        seen = sum(np.einsum("tij,t->ij", each, open_time) for each in mine) * step * rate
        pair = (seen, whole[1]) if node == 0 else (whole[0], seen)
        total += np.kron(*pair)
    both = 2 * rate**2 * length * float(open_time.mean())
    return total + both * np.kron(*whole)


def _ion(packet: Packet) -> Complex:
    """State of an ion (2, 2) whose photon nobody has seen, of those that made one."""
    bins = len(packet.times)
    levels = np.einsum("ttipjp->ij", packet.density.reshape(bins, bins, 2, 2, 2, 2))
    return np.asarray(levels / np.trace(levels))
