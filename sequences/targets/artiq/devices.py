"""How a channel of ours sits on the hardware of a Kasli crate.

Numbers of channels are RTIO channels of the crate, as its device database lists them. Each description also
turns volts, hertz and turns into the words of its chip, to the nearest code.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

CHIPS: Final = 4
"""DDS chips on a Urukul."""
PROFILES: Final = 8
"""Profile registers of an AD9910."""
OUTPUTS: Final = 32
"""Outputs of a Zotino or a Fastino."""
_FIRST_CHIP_SELECT: Final = 4
"""A Urukul's CPLD selects chip n at 4 + n; lower numbers are the CPLD itself and groups of chips."""
_CODES: Final = 1 << 16
"""Codes of a 16-bit converter."""
_FASTINO_HALF_SCALE: Final = 10.0  # V


class PhaseMode(StrEnum):
    """What the phase of a Urukul's tone means.

    An AD9910 adds its phase word to an accumulator that nobody can read. `TRACKING` clears the accumulator
    at every change and writes phase + f t, so that all tones of a stretch of a program refer to one clock.
    `CONTINUOUS` lets the accumulator run on and writes the bare phase: twice as fast, and good enough for
    light whose phase does not matter.
    """

    TRACKING = "tracking"
    CONTINUOUS = "continuous"


@dataclass(frozen=True, slots=True)
class TtlOut:
    """A digital output; also the trigger of a camera, high while it exposes."""

    channel: int


@dataclass(frozen=True, slots=True)
class TtlInput:
    """A digital input that time-stamps rising edges while it is gated."""

    channel: int


@dataclass(frozen=True, slots=True)
class EdgeCounter:
    """A counter in the gateware, which counts rising edges while it is gated."""

    channel: int


@dataclass(frozen=True, slots=True)
class Urukul:
    """One AD9910 of a Urukul.

    Attributes:
        spi: channel of the board's SPI master.
        chip: 0 to 3.
        io_update: channel of the line that lets programmed words take effect, one for the board.
        switch: channel of the chip's RF switch.
        sysclk: of the chip, Hz.
        profile: register that holds the tone.
        phase: what the phase of a tone refers to.
    """

    spi: int
    chip: int
    io_update: int
    switch: int
    sysclk: float = 1e9
    profile: int = 7
    phase: PhaseMode = PhaseMode.TRACKING

    @property
    def chip_select(self) -> int:
        """Its address on the board's SPI bus."""
        return _FIRST_CHIP_SELECT + self.chip

    def frequency_words(self, frequency: NDArray[np.float64]) -> NDArray[np.uint64]:
        """Return the 32-bit tuning words of frequencies (Hz), below 2^32 for those below `sysclk`."""
        return np.rint(frequency / self.sysclk * 2**32).astype(np.uint64)

    def phase_words(self, phase: NDArray[np.float64]) -> NDArray[np.uint64]:
        """Return the 16-bit words of phases (turns), which wrap."""
        return (np.rint(phase * 2**16).astype(np.int64) & 0xFFFF).astype(np.uint64)

    def amplitude_words(self, amplitude: NDArray[np.float64]) -> NDArray[np.uint64]:
        """Return the 14-bit words of amplitudes (0 to 1 of full scale)."""
        return np.rint(amplitude * 0x3FFF).astype(np.uint64)


@dataclass(frozen=True, slots=True)
class Zotino:
    """One output of a Zotino (AD5372).

    Attributes:
        spi: channel of the board's SPI master.
        ldac: channel of the line that lets programmed words take effect, one for the board.
        output: 0 to 31.
        gain: volts at the electrode for a volt of the converter.
        reference: voltage of the board, V; full scale is 4 times that.
    """

    spi: int
    ldac: int
    output: int
    gain: float = 1.0
    reference: float = 5.0

    @property
    def volts(self) -> tuple[float, float]:
        """Lowest and highest voltage at the electrode."""
        step = 4 * self.reference / _CODES * self.gain
        ends = (-_CODES // 2 * step, (_CODES // 2 - 1) * step)
        return min(ends), max(ends)

    def codes(self, volts: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the codes of voltages at the electrode; outside 0 to 0xffff they cannot be played."""
        return np.rint(_CODES * (volts / self.gain) / (4 * self.reference) + _CODES // 2).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Fastino:
    """One output of a Fastino.

    Attributes:
        channel: of the board.
        output: 0 to 31.
        gain: volts at the electrode for a volt of the converter.
    """

    channel: int
    output: int
    gain: float = 1.0

    @property
    def volts(self) -> tuple[float, float]:
        """Lowest and highest voltage at the electrode."""
        step = 2 * _FASTINO_HALF_SCALE / _CODES * self.gain
        ends = (-_CODES // 2 * step, (_CODES // 2 - 1) * step)
        return min(ends), max(ends)

    def codes(self, volts: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the codes of voltages at the electrode; outside 0 to 0xffff they cannot be played."""
        half = _CODES // 2
        return np.rint(volts / self.gain * half / _FASTINO_HALF_SCALE + half).astype(np.int64)


Device: TypeAlias = TtlOut | TtlInput | EdgeCounter | Urukul | Zotino | Fastino
"""Everything on a Kasli that a channel of ours can be."""
