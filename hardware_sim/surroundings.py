"""What the instruments make of the lab: the trap's voltages, the lasers, the cavity, plates and detectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from hardware_sim.physics.errors import PhysicsError
from hardware_sim.physics.trap import Trap
from hardware_sim.properties import NodeProperties

NOTHING: Final[Mapping[str, float]] = MappingProxyType({})

LIT_BY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "doppler beam": "397",
        "pumping beam": "397",
        "repump beam": "866",
        "quench beam": "854",
        "raman v tone": "393",
        "raman h tone": "393",
        "qubit beam": "729",
        "gate red tone": "729",
        "gate blue tone": "729",
    }
)
"""Beam -> the laser whose light it is, by its wavelength in nm."""

SHIFTED_BY: Final[Mapping[str, str]] = MappingProxyType(
    {"397": "cooling", "866": "repump", "854": "quench", "393": "raman", "729": "qubit"}
)
"""Laser -> the quantity of the weather that its frequency is."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A moment of the lab, as far as instruments set it.

    Attributes:
        radial_frequency: lower radial frequency of one ion, Hz; 0 without confinement.
        loss: why the trap holds nothing, or None if it does.
        half_angle: of the half-wave plate's mount, turns.
        quarter_angle: of the quarter-wave plate's mount, turns.
        shifts: quantity of the weather -> how far instruments have moved it, in its unit: of lasers and the
            cavity in Hz, of the magnetic field in T.
        dark: lasers that give no light, by wavelength in nm.
        bias: what a supply adds to the voltages of the upper and the lower endcap, V.
        efficiency: of the detectors behind the transmitted and the reflected port, over what the properties
            of the node say.
        dark_rates: of both, likewise.
    """

    radial_frequency: float
    loss: str | None
    half_angle: float
    quarter_angle: float
    shifts: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    dark: frozenset[str] = frozenset()
    bias: tuple[float, float] = (0.0, 0.0)
    efficiency: tuple[float, float] = (1.0, 1.0)
    dark_rates: tuple[float, float] = (1.0, 1.0)

    def lit(self, parts: Mapping[int, str]) -> Mapping[int, str]:
        """Return those parts of the node (by channel number) that a laser without light does not disable."""
        if not self.dark:
            return parts
        return {number: part for number, part in parts.items() if LIT_BY.get(part) not in self.dark}

    def detected(self, properties: NodeProperties) -> NodeProperties:
        """Return the properties of the node with the detectors as they are biased now."""
        if self.efficiency == self.dark_rates == (1.0, 1.0):
            return properties
        return replace(
            properties,
            detector_efficiency_h=properties.detector_efficiency_h * self.efficiency[0],
            detector_efficiency_v=properties.detector_efficiency_v * self.efficiency[1],
            detector_dark_rate_h=properties.detector_dark_rate_h * self.dark_rates[0],
            detector_dark_rate_v=properties.detector_dark_rate_v * self.dark_rates[1],
        )


def confinement(properties: NodeProperties, frequency: float, power: float) -> tuple[float, str | None]:
    """Return the radial frequency (Hz) that a drive gives, and why it gives none if it does not.

    The helical resonator passes a Lorentzian around its resonance; the amplitude at the electrodes goes with
    the root of the power, and the radial frequency with the amplitude.

    Args:
        properties: of the node.
        frequency: of the generator, Hz.
        power: at the generator's output, dBm; minus infinity when it is off.

    Source: pseudopotential of a quadrupole; Ghosh, Ion Traps (Oxford 1995), sec. 2.6.
    """
    relative = 10 ** ((power - properties.rf_power) / 20)
    detuned = 2 * (frequency - properties.rf_frequency) / properties.rf_linewidth
    relative /= (1 + detuned**2) ** 0.5
    if relative == 0:
        return 0.0, "the trap RF is off"
    trap = Trap(rf_frequency=properties.rf_frequency)
    try:
        nominal = trap.rf_amplitude(properties.radial_frequency, 0.0)
        return trap.radial_frequency(relative * nominal, 0.0), None
    except PhysicsError as error:
        return 0.0, f"the trap RF does not hold ions: {error}"
