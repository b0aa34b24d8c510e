"""A photon's way from the cavity mode to a detector, element by element.

Each element passes a photon with some probability, delays it, and may add photons of its own. What is added
on the way is lost behind that place as the signal is, so that a noisy element does less harm in front of a
long fibre than behind it, and just as much to the ratio of signal and noise.

Polarisation is turned by unitaries (`polarisation.wave_plate`), which commute with losses that are the same
for both polarisations; they are no elements of a path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, prod

from hardware_sim.constants import LIGHT_SPEED
from hardware_sim.physics.errors import ModelError

# Of SMF-28 Ultra at 1550 nm; the travel time of 494 us through 101 km fits.
# Source: Corning, product information PI-1424 (group index); Meraner, thesis Innsbruck, ch. 5 (attenuation).
GROUP_INDEX = 1.4682
ATTENUATION = 0.181e-3  # dB/m


@dataclass(frozen=True, slots=True)
class Element:
    """One piece of the way.

    Attributes:
        name: For people.
        transmission: Probability that a photon passes, of 1.
        delay: Time that it takes, s.
        noise: Unpolarised photons a second that leave the element beside the signal, 1/s.
    """

    name: str
    transmission: float
    delay: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        self._check("transmission", self.transmission, 1.0, "", "an element without gain passes a part")
        self._check("delay", self.delay, inf, "s", "nothing arrives before it was sent")
        self._check("noise", self.noise, inf, "1/s", "it is a rate of photons")

    def _check(self, quantity: str, value: float, high: float, unit: str, reason: str) -> None:
        if not 0 <= value <= high:
            limit = "0 or more" if high == inf else f"from 0 to {high:g}"
            raise ModelError(f"{quantity} of {self.name!r}", value, limit, unit, reason)


@dataclass(frozen=True, slots=True)
class Path:
    """Elements in the order in which a photon meets them.

    Example:
        >>> way = Path((Element("escape", 0.78), Element("converter", 0.3, noise=40.0), fibre(100.8e3)))
        >>> round(way.transmission, 5), round(way.delay * 1e6), round(way.noise, 2)
        (0.00351, 494, 0.6)
    """

    elements: tuple[Element, ...]

    @property
    def transmission(self) -> float:
        """Probability that a photon passes all elements, of 1."""
        return prod(element.transmission for element in self.elements)

    @property
    def delay(self) -> float:
        """Time from one end to the other, s."""
        return sum(element.delay for element in self.elements)

    @property
    def noise(self) -> float:
        """Photons a second that come out without having gone in, 1/s."""
        arriving = 0.0
        for element in self.elements:
            arriving = arriving * element.transmission + element.noise
        return arriving

    def budget(self) -> Iterator[tuple[str, float]]:
        """Yield each element's name and the probability that a photon comes so far."""
        left = 1.0
        for element in self.elements:
            left *= element.transmission
            yield element.name, left


def fibre(
    length: float, attenuation: float = ATTENUATION, group_index: float = GROUP_INDEX, name: str = "fibre"
) -> Element:
    """Return a fibre.

    Args:
        length: m.
        attenuation: dB/m.
        group_index: Light speed over the speed of a pulse.
        name: For people.

    Raises:
        ModelError: A negative length or attenuation, or pulses faster than light.

    Example:
        >>> fibre(50.4e3).transmission.__round__(3), round(fibre(50.4e3).delay * 1e6)
        (0.122, 247)
    """
    for quantity, value, low, unit in (
        ("length", length, 0.0, "m"),
        ("attenuation", attenuation, 0.0, "dB/m"),
        ("group index", group_index, 1.0, ""),
    ):
        if value < low:
            limit = f"{low:g} {unit} or more".replace("  ", " ")
            raise ModelError(f"{quantity} of {name!r}", value, limit, unit, "a fibre is passive matter")
    return Element(name, 10 ** (-attenuation * length / 10), length * group_index / LIGHT_SPEED)
