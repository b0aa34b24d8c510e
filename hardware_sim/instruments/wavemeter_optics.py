"""A HighFinesse wavemeter as its library shows it: exposures, result codes, a pipeline of three measurements.

Source: codes as pylablib lists them; pipeline, status and exposures as WAnD, Oxford's controller, knows them.
ASSUMED: sensitivity, readout time and noise.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

LOW_SIGNAL, BIG_SIGNAL, METER_MISSING = -3.0, -4.0, -5.0  # results of GetFrequencyNum that are no frequencies
PIPELINE: Final = 3  # measurements after which a result is that of the light of now
LOW_PEAK, FULL_PEAK = 0.05, 1.0  # of the fringes, in units of full scale
EXPOSURES: Final = ((1, 999), (2, 999))  # ms, least and most of both CCDs; 1 ms does not work on the second
MILLI, TERA = 1e-3, 1e12


class MeasurementStatus(IntEnum):
    """How a measurement went, as WAnD tells it."""

    OKAY = 0
    UNDER_EXPOSED = 1
    OVER_EXPOSED = 2
    ERROR = 3


STATUS_OF_RESULT: Final = {
    LOW_SIGNAL: MeasurementStatus.UNDER_EXPOSED,
    BIG_SIGNAL: MeasurementStatus.OVER_EXPOSED,
}


@dataclass(frozen=True, slots=True)
class WavemeterSpecification:
    """One wavemeter with its fibre switch.

    Attributes:
        pickoff: Share of a laser's light that reaches the wavemeter.
        sensitivity: Peak of the fringes in full scales per W and s of exposure.
        readout: Time of a measurement beyond its exposures in s.
        dead_time: Of the fibre switch in s.
        noise: Standard deviation of a frequency in Hz.
        event_timeout: Time in s after which the controller gives up waiting for the library.
        boot_time: From power-on of the computer to the first answer in s.
    """

    pickoff: float = 1e-3
    sensitivity: float = 2.5e6
    readout: float = 5e-3
    dead_time: float = 0.05
    noise: float = 0.5e6
    event_timeout: float = 1.1
    boot_time: float = 60.0


@dataclass(frozen=True, slots=True)
class Shot:
    """One measurement inside the wavemeter.

    Attributes:
        result: Frequency in THz, or a code not above 0.
        peaks: Heights of the fringes on both CCDs in full scales.
    """

    result: float
    peaks: tuple[float, float]

    @property
    def status(self) -> MeasurementStatus:
        """What the controller makes of the result."""
        if self.result > 0.0:
            return MeasurementStatus.OKAY
        return STATUS_OF_RESULT.get(self.result, MeasurementStatus.ERROR)

    @property
    def frequency(self) -> float:
        """Frequency in Hz, 0 if there is none."""
        return max(self.result, 0.0) * TERA


class Wavemeter:
    """The wavemeter behind its library.

    Attributes:
        specification: The wavemeter.
        present: Whether its program runs.
    """

    def __init__(self, rng: np.random.Generator, specification: WavemeterSpecification) -> None:
        """Start with an empty pipeline.

        Args:
            rng: Source of its noise.
            specification: What kind it is.
        """
        self.specification = specification
        self.present = True
        self._rng = rng
        self._pipeline = deque([Shot(0.0, (0.0, 0.0))] * PIPELINE, maxlen=PIPELINE)

    def expose(self, frequency: float, power: float, exposures: tuple[int, int]) -> None:
        """Put a measurement into the pipeline.

        Args:
            frequency: Of the light in Hz.
            power: Of the laser in W.
            exposures: Of both CCDs in ms.
        """
        own = self.specification
        first, second = (power * own.pickoff * own.sensitivity * exposure * MILLI for exposure in exposures)
        measured = (frequency + own.noise * float(self._rng.standard_normal())) / TERA
        if max(first, second) > FULL_PEAK:
            measured = BIG_SIGNAL
        elif min(first, second) < LOW_PEAK:
            measured = LOW_SIGNAL
        self._pipeline.append(Shot(measured, (min(first, FULL_PEAK), min(second, FULL_PEAK))))

    def delivered(self) -> Shot:
        """Return what comes out of the pipeline: the last but two measurement."""
        return self._pipeline[0] if self.present else Shot(METER_MISSING, (0.0, 0.0))

    def duration(self, exposures: tuple[int, int], measurements: int) -> float:
        """Return how long measurements take in s; the last of several is of least exposure."""
        full = sum(exposures) * MILLI + self.specification.readout
        least = sum(low for low, _ in EXPOSURES) * MILLI + self.specification.readout
        return full if measurements == 1 else (measurements - 1) * full + least
