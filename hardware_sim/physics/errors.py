"""What cannot exist in nature, or lies outside a model.

    ValueError
    └── PhysicsError
        ├── IonCountError       a string without ions
        ├── SublevelError       a magnetic sublevel that the level does not have
        ├── ConfinementError    a trap that does not hold the ion along one direction
        ├── StabilityError      a radio-frequency drive outside the stable region
        └── ZigzagError         a string squeezed until it buckles

The facts are fields; the text is made when it is asked for.
"""

from __future__ import annotations


class PhysicsError(ValueError):
    """The simulated lab was asked for something that physics refuses."""


class IonCountError(PhysicsError):
    """A string was asked for with fewer than one ion."""

    def __init__(self, ions: int) -> None:
        super().__init__(ions)
        self.ions = ions

    def __str__(self) -> str:
        return f"a string of {self.ions} ions cannot exist: give a number of ions of at least 1"


class SublevelError(PhysicsError):
    """A magnetic quantum number does not belong to the level."""

    def __init__(self, level: str, m: float, momentum: float) -> None:
        super().__init__(level, m, momentum)
        self.level = level
        self.m = m
        self.momentum = momentum

    def __str__(self) -> str:
        return (
            f"{self.level} has no sublevel m = {self.m:g}: m goes from {-self.momentum:g} to "
            f"{self.momentum:g} in steps of 1; choose one of these"
        )


class ConfinementError(PhysicsError):
    """The trap does not confine the ion along one direction."""

    def __init__(self, direction: str, quantity: str, value: float, limit: float, unit: str) -> None:
        super().__init__(direction, quantity, value, limit, unit)
        self.direction = direction
        self.quantity = quantity
        self.value = value
        self.limit = limit
        self.unit = unit

    def __str__(self) -> str:
        return (
            f"no {self.direction} confinement: {self.quantity} is {self.value:g} {self.unit} "
            f"but must be above {self.limit:g} {self.unit}; raise it"
        )


class StabilityError(PhysicsError):
    """The radio-frequency drive is too strong for a stable ion."""

    def __init__(self, q: float, limit: float, rf_amplitude: float) -> None:
        super().__init__(q, limit, rf_amplitude)
        self.q = q
        self.limit = limit
        self.rf_amplitude = rf_amplitude

    def __str__(self) -> str:
        highest = self.rf_amplitude * self.limit / self.q
        return (
            f"the ion is unstable: a radio-frequency amplitude of {self.rf_amplitude:.1f} V gives "
            f"q = {self.q:.3f}, the limit is {self.limit:g}; stay below {highest:.1f} V"
        )


class ZigzagError(PhysicsError):
    """The axial confinement is so strong that the linear string buckles."""

    def __init__(self, ions: int, axial_frequency: float, limit: float, radial_frequency: float) -> None:
        super().__init__(ions, axial_frequency, limit, radial_frequency)
        self.ions = ions
        self.axial_frequency = axial_frequency
        self.limit = limit
        self.radial_frequency = radial_frequency

    def __str__(self) -> str:
        return (
            f"a string of {self.ions} ions buckles at an axial frequency of "
            f"{self.axial_frequency / 1e6:.4f} MHz: with a radial frequency of "
            f"{self.radial_frequency / 1e6:.4f} MHz it is linear only below "
            f"{self.limit / 1e6:.4f} MHz; lower the endcap voltage or raise the radial confinement"
        )
