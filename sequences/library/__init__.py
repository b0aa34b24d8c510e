"""Sequences of the node and of everyday work, built from the language alone."""

from sequences.library.attempts import attempt_photon, decision_time
from sequences.library.calibration import Calibration
from sequences.library.coherence import ramsey, spin_echo
from sequences.library.composite import Rotation, bb1, corpse, play_rotations, sk1
from sequences.library.cooling import doppler_cool, optical_pump, quench, sideband_cool
from sequences.library.decoupling import Decoupling, decouple
from sequences.library.gates import Bichromat, molmer_sorensen
from sequences.library.ion_string import axial_modes, lamb_dicke
from sequences.library.multiplexing import multiplex_photons
from sequences.library.node import Node
from sequences.library.photon import generate_photon, generate_train
from sequences.library.qubit import map_to_ground, qubit_frame, rabi, rotate, turn_frame
from sequences.library.readout import count_fluorescence, read_ions
from sequences.library.shelving import shelve
from sequences.library.shuttling import Transport, hold, plan_transport, shuttle
from sequences.library.tomography import Basis, analyse, analyse_each, product_bases

__all__ = [
    "Basis",
    "Bichromat",
    "Calibration",
    "Decoupling",
    "Node",
    "Rotation",
    "Transport",
    "analyse",
    "analyse_each",
    "attempt_photon",
    "axial_modes",
    "bb1",
    "corpse",
    "count_fluorescence",
    "decision_time",
    "decouple",
    "doppler_cool",
    "generate_photon",
    "generate_train",
    "hold",
    "lamb_dicke",
    "map_to_ground",
    "molmer_sorensen",
    "multiplex_photons",
    "optical_pump",
    "plan_transport",
    "play_rotations",
    "product_bases",
    "qubit_frame",
    "quench",
    "rabi",
    "ramsey",
    "read_ions",
    "rotate",
    "shelve",
    "shuttle",
    "sideband_cool",
    "sk1",
    "spin_echo",
    "turn_frame",
]
