"""The 393 nm beam: where it goes, what its tones are to an ion there, and the model of what they do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardware_sim.constants import LIGHT_SPEED
from hardware_sim.core.passages import RAMAN, PhotonPulse, running_tones
from hardware_sim.core.signals import Stretch, Tone
from hardware_sim.physics.calcium import D52, LINE_854, zeeman_shift
from hardware_sim.physics.cavity import Cavity, vacuum_coupling
from hardware_sim.physics.errors import ModelError
from hardware_sim.physics.raman import Drive, RamanModel, refuse_excitation
from hardware_sim.physics.raman_scattering import saturated_scattering
from hardware_sim.properties import NodeProperties

DEFLECTOR: Final = "raman deflector"

MOST_COUPLED: Final = 1.2
"""Coupling over that of the mode's volume up to which numbers count as rounded, or measured."""


@dataclass(frozen=True, slots=True)
class RamanBeam:
    """The beam of both Raman tones.

    The focus of a deflected beam lies where the deflector's tone points it; without that tone no light comes
    through. A beam without deflector rests on the place of the cavity.

    Attributes:
        properties: of the node.
        deflected: whether the core drives a deflector.
    """

    properties: NodeProperties
    deflected: bool = False
    _scattering: dict[tuple[int, float], tuple[PhotonPulse, NDArray[np.float64]]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def intensities(
        self, stretches: Sequence[Stretch], displacement: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the intensity (stretches, ions) on ions displaced from the waist, of the peak at full tones.

        The modulators of the Raman tones themselves are not included.

        Args:
            stretches: of light.
            displacement: (ions,) from the nominal place of the cavity along the trap axis, m.
        """
        own = self.properties
        tones = [self._deflection(stretch) for stretch in stretches]
        power = np.array([tone.amplitude**2 for tone in tones])
        focus = np.array(
            [(tone.frequency - own.raman_deflector_centre) * own.raman_deflector_scale for tone in tones]
        )
        return np.asarray(power[:, None] * profile(own, displacement - focus[:, None]))

    def shift(self, stretch: Stretch) -> float:
        """Return by how much (Hz) the deflector shifts the light in a stretch, against a central focus."""
        own = self.properties
        return own.raman_deflector_order * (self._deflection(stretch).frequency - own.raman_deflector_centre)

    def scattering(self, pulse: PhotonPulse, offset: float = 0.0) -> NDArray[np.float64]:
        """Return how many photons (stretches,) an ion in full light would scatter in each stretch of a pulse.

        Known pulses are kept with the answer, so that none of them leaves its identity to another one.

        Args:
            pulse: of light.
            offset: of the light from where it should be, Hz; a megahertz more or less does not matter.
        """
        key = id(pulse), round(offset, -6)
        if key not in self._scattering:
            model = raman_model(self.properties)
            drives = read_drives(self.properties, pulse.stretches, 1.0, key[1])
            events = np.array(
                [saturated_scattering(model, drive)[0].sum() * drive.duration for drive in drives]
            )
            self._scattering[key] = pulse, events
        return self._scattering[key][1]

    def _deflection(self, stretch: Stretch) -> Tone:
        """Return the deflector's tone; one that does nothing where there is none."""
        centred = Tone(self.properties.raman_deflector_centre, 0.0, 0.0 if self.deflected else 1.0)
        return stretch.tones.get(DEFLECTOR, centred) if self.deflected else centred


def profile(properties: NodeProperties, distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the intensity of the beam (of its peak), of any shape, at distances (m) from its focus."""
    focus = np.exp(-2 * (distance / properties.raman_waist) ** 2)
    halo = np.exp(-2 * (distance / properties.raman_halo_waist) ** 2)
    return np.asarray((1 - properties.raman_halo) * focus + properties.raman_halo * halo)


def raman_model(properties: NodeProperties, cavity_offset: float = 0.0) -> RamanModel:
    """Return the model of photon generation for a node whose cavity is off its place by so much, Hz.

    A tone that is on resonance with a moved cavity has another detuning from P3/2.
    """
    cavity = Cavity(
        coupling=properties.cavity_coupling,
        decay=properties.cavity_decay,
        transmission=properties.cavity_transmission,
        loss=properties.cavity_loss,
        waist=properties.cavity_waist,
        wavelength=LINE_854.wavelength,
        angle=properties.cavity_angle,
        birefringence=properties.cavity_birefringence,
        birefringence_axis=properties.cavity_birefringence_axis,
        jitter=properties.cavity_jitter,
    )
    return RamanModel(
        cavity,
        properties.raman_detuning + cavity_offset,
        properties.raman_sigma_plus,
        magnetic_field=properties.magnetic_field,
    )


def refuse_impossible_photons(properties: NodeProperties) -> None:
    """Refuse properties that no node can have, or that the model of photon generation cannot take.

    Raises:
        ModelError: for light, at full tones, that excites P3/2, or a cavity that couples more than its mode
            allows: its length follows from its linewidth and loss.
    """
    if properties.cavity_loss <= 0:
        raise ModelError("cavity loss", properties.cavity_loss, "above 0", "", "every mirror loses light")
    model = raman_model(properties)
    refuse_excitation(model, [Drive(0.0, properties.raman_rabi_v, properties.raman_rabi_h)])
    cavity = model.cavity
    length = LIGHT_SPEED * cavity.loss / (8 * math.pi * cavity.decay)
    most = vacuum_coupling(length, cavity.waist, cavity.wavelength, model.decay * LINE_854.branching)
    if cavity.coupling > MOST_COUPLED * most:
        raise ModelError(
            "cavity coupling",
            cavity.coupling,
            f"at most {MOST_COUPLED * most:.3g} Hz",
            "Hz",
            "the waist, the linewidth and the loss of the cavity allow no more",
        )


def read_drives(
    properties: NodeProperties,
    stretches: Sequence[Stretch],
    intensities: ArrayLike,
    shifts: ArrayLike = 0.0,
) -> Iterator[Drive]:
    """Yield the light of each stretch as an atom sees it.

    Args:
        properties: of the node.
        stretches: of a pulse.
        intensities: at the atom, of the beam's peak at full tones, in each stretch or in all.
        shifts: of the light against the cavity, in each stretch or in all, Hz.
    """
    running = running_tones(stretches)
    detuning_v, detuning_h = tone_detunings(properties, running)
    strengths, offsets = (np.broadcast_to(given, len(stretches)) for given in (np.sqrt(intensities), shifts))
    for stretch, strength, offset in zip(stretches, strengths.tolist(), offsets.tolist(), strict=True):
        v, h = (stretch.tones.get(part, Tone()).amplitude * strength for part in RAMAN)
        yield Drive(
            stretch.duration,
            properties.raman_rabi_v * v,
            properties.raman_rabi_h * h,
            detuning_v + offset,
            detuning_h + offset,
        )


def tone_detunings(properties: NodeProperties, running: Mapping[str, Tone]) -> tuple[float, float]:
    """Return how far (Hz) each tone is from its unshifted Raman resonance; 0 for one that is not played."""
    field = properties.magnetic_field
    splitting = zeeman_shift(D52, -3 / 2, field) - zeeman_shift(D52, -5 / 2, field)
    resonances = (properties.raman_resonance, properties.raman_resonance + splitting)
    to_v, to_h = (
        running[part].frequency - resonance if part in running else 0.0
        for part, resonance in zip(RAMAN, resonances, strict=True)
    )
    return to_v, to_h
