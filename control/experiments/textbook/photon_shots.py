"""The frame of all photon experiments of one ion: cool, pump, drive, and see whether a detector clicks."""

from __future__ import annotations

from control.experiments.textbook.fitted import FittedExperiment
from sequences.declarations import count, quantity
from sequences.ir import Block
from sequences.library import Node, doppler_cool, hold, optical_pump, plan_transport


class PhotonExperiment(FittedExperiment):
    """Base of experiments on photons of one ion in the waist of the cavity."""

    ions: int = count(1, low=1, high=1, help="ions in the trap")
    cooling: float = quantity("1.5 ms", unit="s", low="10 us", high="1 s", help="Doppler cooling")
    pumping: float = quantity("20 us", unit="s", low="1 us", high="10 ms", help="optical pumping")

    def prepare(self, node: Node) -> tuple[Block, ...]:
        """Return how the ion gets into the waist, cold, and into S1/2(m=-1/2)."""
        return (
            hold(node, plan_transport(node.calibration, 1), 0),
            doppler_cool(node, self.cooling),
            optical_pump(node, self.pumping),
        )
