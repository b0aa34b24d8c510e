"""The shipped node with other properties and beliefs: published configurations of the same apparatus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from control.setup import Setup, read_setup
from data.columns import Record
from hardware_sim import NodeProperties
from hardware_sim.core.core import SimulatedCore
from hardware_sim.properties import read_properties
from hardware_sim.surroundings import Surroundings, confinement
from hardware_sim.wiring import read_wiring
from sequences.compiler import compile_sequence
from sequences.ir import Block
from sequences.language import sequence
from sequences.library import Node


@dataclass(frozen=True)
class Apparatus:
    """A setup and what its node really is."""

    setup: Setup
    properties: NodeProperties
    beliefs: Mapping[str, float] = field(default_factory=dict)

    @property
    def node(self) -> Node:
        """The channels, and the calibration with its changes."""
        return Node.of(self.setup.target, replace(self.setup.calibration, **self.beliefs))

    def but(self, **properties: float) -> Apparatus:
        """Return the apparatus with other properties."""
        return replace(self, properties=replace(self.properties, **properties))

    def believing(self, **beliefs: float) -> Apparatus:
        """Return the apparatus with other calibrated values."""
        return replace(self, beliefs={**self.beliefs, **beliefs})

    def play(
        self, block: Block, shots: int, *, ions: int, seed: int, plates: tuple[float, float] = (0.0, 0.0)
    ) -> Record:
        """Play a block on a new string, with the plates at some angles (turns) from their zeros."""
        own = self.properties
        radial, loss = confinement(own, own.rf_frequency, own.rf_power)
        around = Surroundings(
            radial, loss, own.half_wave_plate_mount + plates[0], own.quarter_wave_plate_mount + plates[1]
        )
        core = SimulatedCore(own, read_wiring(self.setup.tables)[0].parts, np.random.default_rng(seed))
        core.load(ions, around)
        record = core.play(compile_sequence(sequence("check", block), self.setup.target), shots, around)
        assert not record.notes
        return record


@pytest.fixture(scope="session")
def apparatus() -> Apparatus:
    """The shipped apparatus, without the losses of the path that nothing published explains."""
    setup = read_setup("innsbruck")
    properties, problems = read_properties(setup.tables["node"])
    assert properties is not None, problems
    return Apparatus(setup, replace(properties, path_transmission=1.0))


@pytest.fixture(scope="session")
def single_ion(apparatus: Apparatus) -> Apparatus:
    """The apparatus of 2019 to 2021: sigma- light along the field, one ion, cooled to the ground state.

    Source: Schupp, PhD thesis (Innsbruck 2021), sections 4.4.5, 5.2.2: 14.2 and 16.8 MHz, shift 0.30 MHz.
    """
    shift = 0.300e6
    splitting = apparatus.setup.calibration.raman_h_frequency - apparatus.setup.calibration.raman_v_frequency
    return apparatus.but(
        raman_sigma_plus=0.0, raman_rabi_v=14.2e6, raman_rabi_h=16.8e6, initial_quanta=0.0, initial_dark=0.0
    ).believing(
        raman_v_frequency=apparatus.properties.raman_resonance + shift,
        raman_h_frequency=apparatus.properties.raman_resonance + splitting + shift,
    )
