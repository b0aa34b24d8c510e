"""What the instruments make of the lab: the trap's drive and the plates in front of the detectors."""

from __future__ import annotations

from dataclasses import dataclass

from hardware_sim.physics.errors import PhysicsError
from hardware_sim.physics.trap import Trap
from hardware_sim.properties import NodeProperties


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A moment of the lab, as far as instruments set it.

    Attributes:
        radial_frequency: lower radial frequency of one ion, Hz; 0 without confinement.
        loss: why the trap holds nothing, or None if it does.
        half_angle: of the half-wave plate's mount, turns.
        quarter_angle: of the quarter-wave plate's mount, turns.
    """

    radial_frequency: float
    loss: str | None
    half_angle: float
    quarter_angle: float


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
