"""The error signal of a cavity after Pound, Drever and Hall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.analysis.models.model import LevelModel, Parameter, combine
from data.analysis.models.oscillations import resolution

Vector: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]

_PHASES: Final = np.arange(6) / 6


@dataclass(frozen=True, slots=True)
class PdhSignal(LevelModel):
    """An error signal: offset + amplitude Im[C exp(2 pi i phase)] / 2, with both sidebands in full.

    C = F(d) F*(d + M) - F*(d) F(d - M), where d is the distance from resonance, M the modulation frequency
    and F(d) = 1 - coupling / (1 + 2 i d / linewidth) what a cavity reflects. Far below the modulation the
    signal is dispersive, with a slope of 2 amplitude coupling / linewidth at resonance. Only for a
    coupling of 1 is the amplitude what the signal spans from peak to peak.

    Places are frequencies in Hz, data are volts with normal noise.

    Attributes:
        modulation: Modulation frequency, Hz.
        coupling: 2 for a cavity without losses seen from one side, 1 for a matched one, below 1 undercoupled.

    Source: E. Black, Am. J. Phys. 69, 79 (2001), eq. 3.3 and 4.1; its F near one resonance of high finesse.
    """

    modulation: float
    coupling: float = 1.0

    what: ClassVar[str] = "an error signal"
    oriented: ClassVar[bool] = True
    convex: ClassVar[bool] = False
    levels: ClassVar[tuple[Parameter, Parameter]] = (
        Parameter("offset", "V", "of the electronics"),
        Parameter("amplitude", "V", "peak to peak of a matched cavity, narrow against the modulation"),
    )

    @property
    def shape_parameters(self) -> tuple[Parameter, ...]:
        """Centre, linewidth, phase."""
        return (
            Parameter("centre", "Hz", "resonance of the cavity"),
            Parameter("linewidth", "Hz", "full width at half maximum of the cavity"),
            Parameter("phase", "turn", "of the demodulation, zero for a dispersive signal"),
        )

    def shape(self, places: Vector, values: Vector) -> tuple[Vector, Vector]:
        """Return the signal of amplitude 1 without offset, and its slopes."""
        centre, width, phase = values[:, :1], values[:, 1:2], values[:, 2:3]
        turn = np.exp(2j * np.pi * phase) / 2
        apart = places - centre
        middle, upper, lower = (
            self._reflect(apart + shift, width) for shift in (0.0, self.modulation, -self.modulation)
        )
        beat = turn * (middle[0] * upper[0].conj() - middle[0].conj() * lower[0])
        slopes = [
            turn * (_product(middle, upper, kind) - _product(lower, middle, kind)) for kind in (1, 2)
        ]  # with distance, and with linewidth
        on_phase = 2 * np.pi * beat.real
        return beat.imag, np.stack([-slopes[0].imag, slopes[1].imag, on_phase], axis=1)

    def shape_limits(self, places: Vector) -> tuple[list[float], list[float]]:
        """Return the range of the scan, and linewidths of a fifth of a step to twice the scan."""
        span, step = resolution(places)
        return [float(places.min()), 0.2 * step, -1.0], [float(places.max()), 2 * span, 2.0]

    def grid(self, places: Vector) -> Vector:
        """Return centres at all points, with linewidths up to the scan, each a basin, and all phases."""
        span, step = resolution(places)
        return combine(1, np.unique(places), np.geomspace(step, span, 6), _PHASES)

    def settle(self, values: Vector) -> Vector:
        """Return values with the phase between -1/2 and 1/2."""
        settled = values.copy()
        settled[:, 4] -= np.rint(settled[:, 4])
        return settled

    def slope(self, values: Vector) -> Vector:
        """Return the slope at resonance, V/Hz, of values (..., parameters)."""
        rows = np.atleast_2d(values)
        slopes = -self.shape(rows[:, 2:3], rows[:, 2:])[1][:, 0, 0] * rows[:, 1]
        return np.asarray(slopes.reshape(np.shape(values)[:-1]))

    def _reflect(self, apart: Vector, width: Vector) -> tuple[Complex, Complex, Complex]:
        """Return what the cavity reflects, and the slopes of it with distance and linewidth."""
        inside: Complex = np.asarray(1 / (1 + 2j * apart / width))
        bend: Complex = 2j * self.coupling / width * inside * inside
        plain: Complex = 1 - self.coupling * inside
        return plain, bend, np.asarray(-bend * apart / width)


def _product(plain: tuple[Complex, ...], conjugate: tuple[Complex, ...], kind: int) -> Complex:
    """Return the slope of a product of one reflection with the conjugate of another."""
    return np.asarray(plain[kind] * conjugate[0].conj() + plain[0] * conjugate[kind].conj())
