"""What the processes of the node share while a point is played."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hardware_sim.constants import CALCIUM_MASS, PLANCK
from hardware_sim.core.carrier import Carrier
from hardware_sim.core.electrodes import Endcaps
from hardware_sim.core.ensemble import Ensemble
from hardware_sim.core.light import Bath, Light, Scattering
from hardware_sim.core.photons import ClickTable
from hardware_sim.core.recorder import Recorder
from hardware_sim.core.string import IonString, make_string
from hardware_sim.core.tables import recall
from hardware_sim.physics.crystal import length_scale, modes
from hardware_sim.physics.validity import Doubt
from hardware_sim.properties import NodeProperties
from hardware_sim.world.weather import Weather

REFERENCE_FREQUENCY = 1e6
"""Hz at which the properties state initial quanta and heating rate."""

RESOLUTION = 1e-4
"""Relative change of the axial confinement up to which a string counts as the same."""


@dataclass(slots=True)
class Tables:
    """What was worked out before, by what it depends on; it outlives a point."""

    clicks: dict[Hashable, tuple[ClickTable, tuple[Doubt, ...]]] = field(default_factory=dict)
    strings: dict[Hashable, IonString] = field(default_factory=dict)
    lights: dict[Light, Scattering] = field(default_factory=dict)
    baths: dict[tuple[Light, IonString], Bath] = field(default_factory=dict)


@dataclass(slots=True)
class Regions:
    """Where on the camera counts are taken; it outlives a point.

    A lab draws them around the ions as it sees them at its readout voltages, and leaves them there: the first
    exposure of a string puts them on its ions, and a string that is held elsewhere later on misses them.

    Attributes:
        ions: that there are regions for; 0 for those of the string.
        centres: (regions,) along the trap axis, m; None until the first exposure.
    """

    ions: int = 0
    centres: NDArray[np.float64] | None = None


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
        regions: of the camera.
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
    regions: Regions = field(default_factory=Regions)

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

    def watched(self, offset_ps: int) -> NDArray[np.float64]:
        """Return the centres (regions,) of the camera's regions along the trap axis, m: one a loaded ion.

        If nobody has looked at this string yet, they are drawn now: around its ions, or, if some of those
        that were loaded are lost already, around where they would all be.
        """
        if self.regions.centres is None:
            axial, loaded = self.string.axial_frequency, self.regions.ions or self.string.ions
            whole = loaded == self.string.ions
            ions = self.string.positions if whole else length_scale(axial) * modes(loaded).positions
            self.regions.centres = ions + self.endcaps.centre(offset_ps, axial)
        return self.regions.centres

    def image_spread(self, shots: NDArray[np.int64]) -> float:
        """Return the rms radius of an ion's image, m: that of the optics, and how far the ions swing.

        A molten string has no images to speak of; a cold one swings by a tenth of its image.
        """
        axial = np.arange(self.string.ions)
        energy = (2 * self.ensemble.quanta(shots, axial) + 1) / self.string.frequencies[axial]
        swing = PLANCK / (8 * np.pi**2 * CALCIUM_MASS) * float(energy.mean()) if len(shots) else 0.0
        return float(np.hypot(self.properties.camera_spread, np.sqrt(swing)))

    def stir(self, shots: NDArray[np.int64], offset_ps: int) -> None:
        """Bring the motion up to date: heating by field noise, and what moving the string did to it.

        Uniform fields move all ions alike, so that they act on the centre-of-mass modes only.
        """
        ensemble, string = self.ensemble, self.string
        modes = string.centre_of_mass
        ensemble.heat(self.rng, shots, modes, self.field_heating()[list(modes)], offset_ps)
        # Steps that stiffen the trap, too, move the string to where it is held when they have settled.
        held = self.endcaps.aim(offset_ps, string.axial_frequency)
        kick = self.endcaps.shake(offset_ps, held, string.ions)
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
