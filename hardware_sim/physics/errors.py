"""What cannot exist in nature, or lies outside a model.

    ValueError
    └── PhysicsError
        ├── IonCountError       a string without ions
        ├── SublevelError       a magnetic sublevel that the level does not have
        ├── ConfinementError    a trap that does not hold the ion along one direction
        ├── StabilityError      a radio-frequency drive outside the stable region
        ├── ZigzagError         a string squeezed until it buckles
        ├── EntangledIonsError  more ions in one joint state than memory holds
        └── ModelError          a number outside of what a model describes

The facts are fields; the text is made when it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass


class PhysicsError(ValueError):
    """The simulated lab was asked for something that physics refuses."""


@dataclass(eq=False)
class IonCountError(PhysicsError):
    """A string was asked for with fewer than one ion."""

    ions: int

    def __str__(self) -> str:
        return f"a string of {self.ions} ions cannot exist: give a number of ions of at least 1"


@dataclass(eq=False)
class SublevelError(PhysicsError):
    """A magnetic quantum number does not belong to the level."""

    level: str
    m: float
    momentum: float

    def __str__(self) -> str:
        return (
            f"{self.level} has no sublevel m = {self.m:g}: m goes from {-self.momentum:g} to "
            f"{self.momentum:g} in steps of 1; choose one of these"
        )


@dataclass(eq=False)
class ConfinementError(PhysicsError):
    """The trap does not confine the ion along one direction."""

    direction: str
    quantity: str
    value: float
    limit: float
    unit: str

    def __str__(self) -> str:
        return (
            f"no {self.direction} confinement: {self.quantity} is {self.value:g} {self.unit} "
            f"but must be above {self.limit:g} {self.unit}; raise it"
        )


@dataclass(eq=False)
class StabilityError(PhysicsError):
    """The radio-frequency drive is too strong for a stable ion; amplitudes in V."""

    q: float
    limit: float
    rf_amplitude: float

    def __str__(self) -> str:
        highest = self.rf_amplitude * self.limit / self.q
        return (
            f"the ion is unstable: a radio-frequency amplitude of {self.rf_amplitude:.1f} V gives "
            f"q = {self.q:.3f}, the limit is {self.limit:g}; stay below {highest:.1f} V"
        )


@dataclass(eq=False)
class ZigzagError(PhysicsError):
    """The axial confinement is so strong that the linear string buckles; frequencies in Hz."""

    ions: int
    axial_frequency: float
    limit: float
    radial_frequency: float

    def __str__(self) -> str:
        return (
            f"a string of {self.ions} ions buckles at an axial frequency of "
            f"{self.axial_frequency / 1e6:.4f} MHz: with a radial frequency of "
            f"{self.radial_frequency / 1e6:.4f} MHz it is linear only below {self.limit / 1e6:.4f} MHz; "
            "lower the endcap voltage or raise the radial confinement"
        )


@dataclass(eq=False)
class EntangledIonsError(PhysicsError):
    """Ions were entangled whose joint state does not fit into memory."""

    ions: tuple[int, ...]
    shots: int
    amplitudes: int
    limit: int

    def __str__(self) -> str:
        names = ", ".join(str(ion) for ion in self.ions)
        return (
            f"the joint state of ions {names} in {self.shots} shots needs {self.amplitudes} amplitudes, and "
            f"memory is given to {self.limit}: play fewer shots at a time, or entangle fewer ions"
        )


@dataclass(eq=False)
class ModelError(PhysicsError):
    """A number lies outside of what a physical model describes.

    Attributes:
        quantity: what was given, in words, with its place.
        value: the number that was given.
        limit: what is allowed, in words.
        unit: of `value`; empty for a pure number.
        advice: what to do about it.
    """

    quantity: str
    value: float
    limit: str
    unit: str
    advice: str

    def __str__(self) -> str:
        number = f"{self.value:g} {self.unit}".rstrip()
        return f"{self.quantity} is {number}, but must be {self.limit}: {self.advice}"
