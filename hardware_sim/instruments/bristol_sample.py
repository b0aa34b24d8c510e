r"""What a Bristol 871A measures: samples, their status, and the frames and records that carry them.

Source: bits of condition and status, record and frame as QMI's driver of the 871A reads them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntFlag

from hardware_sim.constants import LIGHT_SPEED

FRAME_START, ESCAPE, FLIP = 0x7E, 0x7D, 0x20
NANO, TERA, MILLI = 1e-9, 1e12, 1e-3
RECORD = struct.Struct("<dfII")  # wavelength in nm, power in mW, status, index


class Condition(IntFlag):
    """Bits of the questionable condition register (QMI)."""

    READ_ALREADY = 1 << 0
    CALIBRATION_FAILED = 1 << 2
    POWER_RANGE = 1 << 3
    TEMPERATURE_RANGE = 1 << 4
    WAVELENGTH_RANGE = 1 << 5
    SATURATED = 1 << 6
    LOW_SIGNAL = 1 << 7
    NO_SIGNAL = 1 << 8


class Status(IntFlag):
    """Bits of the status word of a sample (QMI); a good sample has the first one only."""

    REFERENCE_LOCKED = 1 << 2
    FRINGE_ERROR = 1 << 3
    SATURATED = 1 << 4 | 1 << 20 | 1 << 23
    CALIBRATION_FAILED = 1 << 7
    WAVELENGTH_RANGE = 1 << 17
    CALIBRATING = 1 << 21
    LOW_SIGNAL = 1 << 29


# What each condition does to the status word. ASSUMED, but for the meaning of the bits.
STATUS_OF_CONDITION = {
    Condition.CALIBRATION_FAILED: Status.CALIBRATION_FAILED,
    Condition.WAVELENGTH_RANGE: Status.WAVELENGTH_RANGE,
    Condition.SATURATED: Status.SATURATED,
    Condition.LOW_SIGNAL: Status.LOW_SIGNAL,
    Condition.NO_SIGNAL: Status.LOW_SIGNAL | Status.FRINGE_ERROR,
}
BLINDING = Condition.WAVELENGTH_RANGE | Condition.SATURATED | Condition.NO_SIGNAL


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement.

    Attributes:
        index: Number of the measurement.
        frequency: As measured, in Hz.
        power: At the detector in W.
        condition: What is wrong with it.
        calibrating: Whether the meter calibrated itself meanwhile, and measured nothing.
    """

    index: int
    frequency: float
    power: float
    condition: Condition = field(default=Condition(0))
    calibrating: bool = False

    @property
    def valid(self) -> bool:
        """Whether there is a wavelength."""
        return not self.calibrating and not self.condition & BLINDING

    @property
    def wavelength(self) -> float:
        """Vacuum wavelength in m, 0 if there is none."""
        return LIGHT_SPEED / self.frequency if self.valid else 0.0

    @property
    def status(self) -> Status:
        """Status word."""
        word = Status.REFERENCE_LOCKED
        for condition, bits in STATUS_OF_CONDITION.items():
            if self.condition & condition:
                word |= bits
        return word | Status.CALIBRATING if self.calibrating else word

    def text(self, what: str) -> str:
        """Return the reply to a query.

        Args:
            what: ``ALL``, ``WAV`` (nm), ``FREQ`` (THz) or ``POW`` (mW).

        Example:
            >>> Sample(7, 346e12, 0.3e-3).text("ALL")
            '7,4,866.4521908,0.3000'
        """
        wavelength, power = f"{self.wavelength / NANO:.7f}", f"{self.power / MILLI:.4f}"
        texts = {
            "ALL": f"{self.index},{int(self.status)},{wavelength},{power}",
            "WAV": wavelength,
            "FREQ": f"{self.frequency / TERA if self.valid else 0.0:.7f}",
            "POW": power,
        }
        return texts[what]

    def record(self) -> bytes:
        """Return the 20 bytes that memory and stream have for it."""
        return RECORD.pack(self.wavelength / NANO, self.power / MILLI, self.status, self.index & 0xFFFFFFFF)

    def frame(self) -> bytes:
        """Return its frame on the RS-422 line: a start byte, then the record with two bytes escaped."""
        stuffed = bytearray([FRAME_START])
        for byte in self.record():
            stuffed += bytes((ESCAPE, byte ^ FLIP)) if byte in (FRAME_START, ESCAPE) else bytes((byte,))
        return bytes(stuffed)
