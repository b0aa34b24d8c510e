"""The shipped node, and what its 729 nm events do to an ion: read from compiled programs, not from blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pytest
from numpy.typing import NDArray

from control.setup import read_setup
from hardware_sim.physics.qubit import rotation
from sequences import compile_sequence, sequence
from sequences.ir import Block
from sequences.library import Node
from sequences.target import Target
from sequences.timeline import Operation


@dataclass(frozen=True)
class Played:
    """A stretch of one tone, with times in s and the phase in turns of the tone."""

    start: float
    stop: float
    frequency: float
    phase: float
    amplitude: float

    @property
    def middle(self) -> float:
        return (self.start + self.stop) / 2


def stretches(block: Block, target: Target, channel: str = "qubit") -> list[Played]:
    """Return what a channel plays, light on, from the events of the only timeline."""
    (timeline,) = compile_sequence(sequence("test", block), target).timelines()
    mine = timeline.channel == target.by_name[channel].number
    state, found, since = {}, [], 0
    for tick, operation, value in zip(
        timeline.time[mine].tolist(),
        timeline.operation[mine].tolist(),
        timeline.value[mine].tolist(),
        strict=True,
    ):
        if tick > since and state.get(Operation.AMPLITUDE, 0.0) > 0:
            frequency, phase, amplitude = (
                state[key] for key in (Operation.FREQUENCY, Operation.PHASE, Operation.AMPLITUDE)
            )
            times = since * target.period, tick * target.period
            found.append(Played(*times, frequency, phase, amplitude))
        state[operation], since = value, tick
    return found


@pytest.fixture(scope="session")
def node() -> Node:
    setup = read_setup("innsbruck")
    return Node.of(setup.target, setup.calibration)


@pytest.fixture(scope="session")
def play(node: Node) -> Callable[..., list[Played]]:
    """Return what the qubit beam, or another channel, plays of a block."""
    return lambda block, channel="qubit": stretches(block, node.target, channel)


@pytest.fixture(scope="session")
def unitary(node: Node) -> Callable[..., NDArray[np.complex128]]:
    """Return what a block does to the qubit (S, D) with light too strong by a factor, the qubit off (Hz)."""
    values = node.calibration
    full = 1 / (2 * values.analysis_pi_time * values.analysis_amplitude)

    def evolve(block: Block, *, strength: float = 1.0, off: float = 0.0) -> NDArray[np.complex128]:
        pulses = []
        for pulse in stretches(block, node.target):
            detuning = values.qubit_passes * (pulse.frequency - values.analysis_frequency) - off
            phase = values.qubit_passes * pulse.phase + detuning * pulse.start
            length = pulse.stop - pulse.start
            pulses.append(rotation(strength * full * pulse.amplitude, detuning, length, phase))
        return reduce(lambda before, after: after @ before, pulses, np.eye(2, dtype=complex))

    return evolve


@pytest.fixture(scope="session")
def excited(unitary: Callable[..., NDArray[np.complex128]]) -> Callable[..., float]:
    """Return the population of D after a block, from S."""
    return lambda block, **errors: float(abs(unitary(block, **errors)[1, 0]) ** 2)


def infidelity(one: NDArray[np.complex128], other: NDArray[np.complex128]) -> float:
    """Return 1 - |tr(U V+)|^2 / 4, without the loss of digits that the difference would have."""
    product = one @ other.conj().T
    product = product / np.sqrt(np.linalg.det(product))
    vector = np.array(
        [product[0, 1] + product[1, 0], product[0, 1] - product[1, 0], np.diff(np.diag(product))[0]]
    )
    return float((abs(vector) ** 2).sum() / 4)


@pytest.fixture(scope="session")
def unlike() -> Callable[..., float]:
    """Return how far two unitaries are apart."""
    return infidelity
