"""Sequences of the node and of everyday work, built from the language alone."""

from sequences.library.calibration import Calibration
from sequences.library.cooling import doppler_cool, optical_pump
from sequences.library.node import Node
from sequences.library.photon import generate_photon
from sequences.library.qubit import map_to_ground, rotate
from sequences.library.readout import read_ions
from sequences.library.shuttling import Transport, hold, plan_transport, shuttle

__all__ = [
    "Calibration",
    "Node",
    "Transport",
    "doppler_cool",
    "generate_photon",
    "hold",
    "map_to_ground",
    "optical_pump",
    "plan_transport",
    "read_ions",
    "rotate",
    "shuttle",
]
