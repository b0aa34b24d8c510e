"""What of the lab drifts from hour to hour, since it was last calibrated."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.noise import Path
from hardware_sim.properties import NodeProperties
from hardware_sim.world.events import NEVER

HOUR: Final = 3600.0  # s, in which the properties state drifts
DAY: Final = 86400.0  # s, the same for the pressure

NOTICED: Final[Mapping[str, float]] = MappingProxyType(
    {
        "cooling": 0.5e6,  # Hz, as the next two: 2 % of the linewidth of 22 MHz
        "repump": 0.5e6,
        "quench": 0.5e6,
        "raman": 5e3,  # Hz, as that of the cavity: 7 % of its linewidth of 70 kHz
        "cavity": 5e3,
        "raman_power": 0.01,  # of the power
        "fibre": 0.01,  # turns
        "cavity_place": 0.23e-6,  # m: 1 % of the coupling at the place where it falls fastest
    }
)
"""How far quantities may move in shots that are played with the mean over them, which light and photons are.

As fast as the shipped lab drifts, that takes minutes: more than a point does."""

Floats = NDArray[np.float64]


class Drifts:
    """Slow offsets as functions of lab time, which is 0 when a run starts.

    All of them were zero when the lab was calibrated, `lab_age` before that. Each quantity walks on a path of
    its own: what one of them does, and how often it is asked for, changes nothing about the others.
    """

    def __init__(self, properties: NodeProperties, rng: np.random.Generator) -> None:
        own = self._properties = properties
        self._wander = wander = {
            "cooling": own.diode_wander,
            "repump": own.diode_wander,
            "quench": own.diode_wander,
            "qubit": own.qubit_wander,
            "cavity": own.cavity_wander,
            "field": own.field_wander,
            "raman_power": own.raman_power_wander,
            "qubit_power": own.qubit_power_wander,
            "fibre": own.fibre_wander,
            "pressure": own.pressure_wander * (HOUR / DAY) ** 0.5,
        }
        self._paths = {
            name: Path.walk(source, rms / HOUR**0.5, own.lab_age)
            for (name, rms), source in zip(wander.items(), rng.spawn(len(wander)), strict=True)
        }

    def at(self, time: Floats) -> dict[str, Floats]:
        """Return everything but the pressure at some lab times (shots,), s, by the names of `Weather`."""
        own, age = self._properties, self._properties.lab_age + time
        slow = {name: path.at(time) for name, path in self._paths.items() if name != "pressure"}
        slow["raman"] = own.raman_drift / HOUR * age
        slow["qubit"] = slow["qubit"] + own.qubit_drift / HOUR * age
        # Powers walk by factors, so that none of them ever becomes negative.
        slow["raman_power"], slow["qubit_power"] = np.exp(slow["raman_power"]), np.exp(slow["qubit_power"])
        # The place drifts fastest at first, so that what is stated for an hour is not its first rate.
        gone, in_an_hour = 1 - np.exp(-age / own.place_settling), 1 - np.exp(-HOUR / own.place_settling)
        slow["cavity_place"] = own.place_drift * gone / in_an_hour
        return slow

    @property
    def steady_ps(self) -> int:
        """Time (ps) in which no quantity drifts, or wanders (rms), farther than is noticed."""
        own = self._properties
        speeds = {
            "raman": abs(own.raman_drift) / HOUR,
            "cavity_place": abs(own.place_drift)
            / (own.place_settling * (1 - np.exp(-HOUR / own.place_settling))),
        }
        times = [step / speeds[name] for name, step in NOTICED.items() if speeds.get(name, 0.0) > 0]
        times += [
            HOUR * (step / self._wander[name]) ** 2
            for name, step in NOTICED.items()
            if self._wander.get(name, 0.0) > 0
        ]
        return max(1, round(1e12 * min(times))) if times else NEVER

    def pressure(self, time: float) -> float:
        """Return the pressure of the vacuum at a lab time (s), of what it was at the calibration."""
        return float(np.exp(self._paths["pressure"].at(np.array([time]))[0]))
