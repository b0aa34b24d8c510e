"""The photodiode head of a Thorlabs power meter: current for light, amplifier ranges, dark current, noise.

Source: Thorlabs S130VC (silicon, 200 to 1100 nm) and PM100D (amplifier ranges from 50 nA to 5 mA in decades).
The responsivity curve is read off typical silicon diodes; it and the dark current are ASSUMED.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

# Responsivity in A/W by wavelength in nm. ASSUMED, typical of silicon.
SILICON: Mapping[float, float] = MappingProxyType(
    {200.0: 0.10, 400.0: 0.19, 600.0: 0.40, 800.0: 0.55, 960.0: 0.62, 1050.0: 0.40, 1100.0: 0.14}
)
AMPLIFIER_RANGES = (50e-9, 500e-9, 5e-6, 50e-6, 500e-6, 5e-3)  # full scale in A


@dataclass(frozen=True, slots=True)
class SensorHead:
    """A photodiode with its memory of calibration.

    Attributes:
        name: Model.
        serial_number: Of the head.
        calibrated: Date of calibration as the head has it.
        kind: 1 for a photodiode.
        variant: 18 for a head with thermometer.
        flags: What the head can: 1 power, 32 wavelength settable, 256 thermometer.
        shortest: Wavelength in nm from which it is calibrated.
        longest: Wavelength in nm up to which it is calibrated.
        responsivity: In A/W by wavelength in nm.
        largest_power: Of the head in W, above which it saturates.
        dark_current: In A; what zeroing takes away.
        noise: Of the current in A, of one sample.

    Example:
        >>> SensorHead().respond(800.0)
        0.55
    """

    name: str = "S130VC"
    serial_number: str = "19082312"
    calibrated: str = "22-AUG-2019"
    kind: int = 1
    variant: int = 18
    flags: int = 289
    shortest: float = 200.0
    longest: float = 1100.0
    responsivity: Mapping[float, float] = field(default_factory=lambda: SILICON)
    largest_power: float = 50e-3
    dark_current: float = 20e-12
    noise: float = 5e-12

    def identity(self, quoted: bool) -> str:
        """Return the reply to ``SYST:SENS:IDN?``; newer meters put the words in quotes."""
        words = (self.name, self.serial_number, self.calibrated)
        texts = [f'"{word}"' for word in words] if quoted else list(words)
        return ",".join([*texts, str(self.kind), str(self.variant), str(self.flags)])

    def respond(self, wavelength: float) -> float:
        """Return the responsivity in A/W at a wavelength in nm."""
        places = sorted(self.responsivity)
        return float(np.interp(wavelength, places, [self.responsivity[place] for place in places]))
