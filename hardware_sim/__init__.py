"""The simulated lab: instruments with real wire protocols, a timing core, and the physics of the node."""

from hardware_sim.lab import SimulatedLab
from hardware_sim.properties import NodeProperties

__all__ = ["NodeProperties", "SimulatedLab"]
