"""The frame of all qubit experiments: cool, pump, do something, and look who is dark."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.experiments.textbook.fitted import FittedExperiment
from sequences.declarations import count, quantity
from sequences.ir import Block
from sequences.language import Trigger, delay, serial
from sequences.library import (
    Calibration,
    Node,
    Transport,
    axial_modes,
    doppler_cool,
    hold,
    lamb_dicke,
    optical_pump,
    plan_transport,
    read_ions,
)

UNSEEN: Final = 1e-3
"""Lamb-Dicke parameter below which light does not see a mode: a pi pulse on its sideband takes 10 ms."""

MAINS_CHANNEL: Final = "line_trigger"

MAINS_TIMEOUT: Final = 50e-3
"""s: longer than a cycle of any mains."""

MAINS_PAUSE: Final = 20e-6
"""s: what a core needs to go on after a trigger, and short against a cycle of the mains."""


class QubitExperiment(FittedExperiment):
    """Base of experiments on the qubit of ions that were cooled and pumped."""

    shots: int = count(200, low=1, high=10_000_000, help="times that each point is measured")
    axial_frequency: float | None = quantity(
        unit="Hz", low="1 kHz", high="2 MHz", optional=True, help="of one ion; default: as stiff as is safe"
    )
    cooling: float = quantity("2 ms", unit="s", low="10 us", high="1 s", help="Doppler cooling")
    pumping: float = quantity("20 us", unit="s", low="1 us", high="10 ms", help="optical pumping")
    exposure: float = quantity("1.5 ms", unit="s", low="10 us", high="1 s", help="of the camera")

    def shot(self, node: Node, *pulses: Block) -> Block:
        """Return one shot with some pulses between pumping and readout."""
        return serial(*self.prepare(node), *pulses, read_ions(node, self.exposure))

    def prepare(self, node: Node) -> tuple[Block, ...]:
        """Return how the ions get cold and into S1/2(m=-1/2)."""
        return (
            hold(node, self.transport(node.calibration), self.ions // 2),
            doppler_cool(node, self.cooling),
            optical_pump(node, self.pumping),
        )

    def transport(self, calibration: Calibration) -> Transport:
        """Return the voltages that hold the string."""
        return plan_transport(calibration, self.ions, self.axial_frequency)


def await_mains(node: Node) -> Block:
    """Return a wait for the mains, whose field is then the same in each shot; nothing without its trigger."""
    if MAINS_CHANNEL not in node.target.by_name:
        return serial()
    return serial(Trigger.of(node.target, MAINS_CHANNEL).wait(MAINS_TIMEOUT), delay(MAINS_PAUSE))


def whole_steps(time: float, grid: float) -> float:
    """Return the longest time on a grid (s) that is no longer than a time, and at least one step."""
    return max(math.floor(time / grid + 1e-6), 1) * grid


def thermal_modes(
    calibration: Calibration, transport: Transport, cosine: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Lamb-Dicke parameters and frequencies (Hz) of all modes of a string: both (modes,).

    The squares of the parameters are those of the mean over the ions. The two radial directions are taken to
    be alike; the axial centre-of-mass mode comes first.

    Args:
        calibration: the radial frequency.
        transport: the string as it is held.
        cosine: of the 729 nm beam against the trap axis.

    Source: radial frequencies follow from the axial ones, omega_r^2 + (omega_z^2 - omega_m^2) / 2;
    D. James, Appl. Phys. B 66, 181 (1998).
    """
    ions = len(transport.positions)
    axial, _ = axial_modes(ions, transport.axial_frequency)
    radial = np.sqrt(calibration.radial_frequency**2 + (transport.axial_frequency**2 - axial**2) / 2)
    frequencies = np.concatenate([axial, radial, radial])
    across = math.sqrt((1 - cosine**2) / 2)
    cosines = np.repeat([cosine, across, across], ions)
    etas = [lamb_dicke(f, c, ions**-0.5) for f, c in zip(frequencies.tolist(), cosines.tolist(), strict=True)]
    return np.array(etas), frequencies
