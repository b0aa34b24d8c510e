"""What the processes of the node share while a point is played."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.carrier import Carrier
from hardware_sim.core.electrodes import Endcaps
from hardware_sim.core.ensemble import Ensemble
from hardware_sim.core.photons import ClickTable
from hardware_sim.core.recorder import Recorder
from hardware_sim.core.string import IonString, make_string
from hardware_sim.physics.validity import Doubt
from hardware_sim.properties import NodeProperties
from hardware_sim.world.weather import Weather

REFERENCE_FREQUENCY = 1e6
"""Hz at which the properties state initial quanta and heating rate."""

RESOLUTION = 1e-4
"""Relative change of the axial confinement up to which a string counts as the same."""


MOST_TABLES = 64
"""Tables kept of each sort: runs may scan what they depend on, and one takes up to three megabytes."""

Made = TypeVar("Made")


@dataclass(slots=True)
class Tables:
    """What was worked out before, by what it depends on; it outlives a point."""

    clicks: dict[Hashable, ClickTable] = field(default_factory=dict)
    strings: dict[Hashable, IonString] = field(default_factory=dict)


def recall(made: dict[Hashable, Made], key: Hashable, make: Callable[[], Made]) -> Made:
    """Return what was made for a key before, or make it; the oldest goes when there are too many."""
    if key not in made:
        if len(made) >= MOST_TABLES:
            del made[next(iter(made))]
        made[key] = make()
    return made[key]


@dataclass(slots=True)
class Stage:
    """A string of ions, its surroundings and its observers, for all shots of a point.

    Attributes:
        rng: source of all randomness.
        properties: of the node.
        radial_frequency: that the trap's drive gives now, Hz.
        string: of ions, at the confinement of the moment.
        ensemble: state of the ions.
        endcaps: what holds the string.
        carrier: how much the motion weakens photon generation.
        effects: detector -> effect (2, 2) of its click on a photon in the cavity mode.
        recorder: of what is seen.
        tables: worked out before.
        weather: how far the lab has moved in each shot.
        doubts: about the models that were used, each subject once.
    """

    rng: np.random.Generator
    properties: NodeProperties
    radial_frequency: float
    string: IonString
    ensemble: Ensemble
    endcaps: Endcaps
    carrier: Carrier
    effects: dict[str, NDArray[np.complex128]]
    recorder: Recorder
    tables: Tables
    weather: Weather
    doubts: dict[tuple[str, str], Doubt] = field(default_factory=dict)

    def doubt(self, doubts: Iterable[Doubt]) -> None:
        """Take down where models are used outside of their range; the first of each subject is told."""
        for doubt in doubts:
            self.doubts.setdefault(doubt.subject, doubt)

    def settle(self, offset_ps: int) -> None:
        """Follow a change of the axial confinement.

        Raises:
            PhysicsError: the string cannot be held like that, or is not linear any more.
        """
        frequency = self.endcaps.axial_frequency(offset_ps)
        if abs(frequency - self.string.axial_frequency) > RESOLUTION * self.string.axial_frequency:
            self.string = find_string(
                self.tables, self.properties, self.string.ions, frequency, self.radial_frequency
            )

    def positions(self, offset_ps: int) -> NDArray[np.float64]:
        """Return where the ions are (ions,) along the trap axis, m, at a time of the timeline."""
        return self.string.positions + self.endcaps.centre(offset_ps, self.string.axial_frequency)

    def stir(self, shots: NDArray[np.int64], offset_ps: int) -> None:
        """Bring the motion up to date: heating by field noise, and what moving the string did to it.

        Uniform fields move all ions alike, so that they act on the centre-of-mass modes only.
        """
        ensemble, string = self.ensemble, self.string
        modes = string.centre_of_mass
        ensemble.heat(self.rng, shots, modes, self.field_heating()[list(modes)], offset_ps)
        kick = self.endcaps.shake(offset_ps, string.axial_frequency, string.ions)
        if kick:
            # Its phase counts from the start of the timeline, that of the mode from the start of all time.
            turns = np.mod(string.axial_frequency * 1e-12 * ensemble.clock_ps[shots], 1.0)
            ensemble.motion[shots, modes[0]] += kick * np.exp(2j * np.pi * turns)

    def field_heating(self) -> NDArray[np.float64]:
        """Return how fast field noise heats each mode (modes,), quanta a second.

        Source: Brownnutt et al., Rev. Mod. Phys. 87, 1419 (2015), sec. II, for 1/f noise; a string of N ions
        has N times the rate of one, all of it in the centre-of-mass modes.
        """
        rates = np.zeros(len(self.string.frequencies))
        modes = list(self.string.centre_of_mass)
        scale = (REFERENCE_FREQUENCY / self.string.frequencies[modes]) ** 2
        rates[modes] = self.properties.heating_rate * self.string.ions * scale
        return rates


def find_string(
    tables: Tables, properties: NodeProperties, ions: int, axial_frequency: float, radial_frequency: float
) -> IonString:
    """Return a string at some confinement, worked out once; the frequencies (Hz) are those of one ion.

    Raises:
        PhysicsError: it is not linear there.
    """
    key = (ions, axial_frequency, radial_frequency)
    return recall(
        tables.strings, key, lambda: make_string(properties, ions, axial_frequency, radial_frequency)
    )
