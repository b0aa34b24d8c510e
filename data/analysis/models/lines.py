"""Lines on a flat ground, up or down: Lorentzian, Gaussian, and Voigt's, which is one blurred by the other.

Places and widths are in the same unit, Hz unless the model is told otherwise; the levels are in that of the
data, shares or counts. Widths are full widths at half maximum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.analysis.models.model import LevelModel, Parameter, combine
from data.analysis.models.oscillations import resolution

Vector: TypeAlias = NDArray[np.float64]

_LEVELS: Final = (
    Parameter("ground", "", "level far from the line", (True, True)),
    Parameter("peak", "", "level at its centre; below the ground for a dip", (True, True)),
)
_NARROWEST: Final = 0.2  # of a step
_WIDEST: Final = 4.0  # of the scan
_SIGMAS: Final = 2 * math.sqrt(2 * math.log(2))  # full widths at half maximum of a Gaussian


class _Line(LevelModel):
    """What all lines have in common."""

    __slots__ = ()

    levels: ClassVar[tuple[Parameter, Parameter]] = _LEVELS

    unit: str

    @staticmethod
    def height(values: Vector) -> Vector:
        """Return the height above the ground, of values (..., parameters); below zero for a dip."""
        return np.asarray(values[..., 1] - values[..., 0])

    @property
    def shape_parameters(self) -> tuple[Parameter, ...]:
        """Centre and width."""
        return (
            Parameter("centre", self.unit, "place of the line"),
            Parameter("width", self.unit, "full width at half maximum"),
        )

    def shape_limits(self, places: Vector) -> tuple[list[float], list[float]]:
        """Return the range of the scan, and widths of a fifth of a step to four times the scan."""
        span, step = resolution(places)
        return [float(places.min()), _NARROWEST * step], [float(places.max()), _WIDEST * span]

    def grid(self, places: Vector) -> Vector:
        """Return centres at and between all points, with widths of a step to the whole scan, each a basin."""
        span, step = resolution(places)
        centres = np.linspace(places.min(), places.max(), 2 * len(places) - 1)
        return combine(1, centres, np.geomspace(step, span, 8))


@dataclass(frozen=True, slots=True)
class LorentzLine(_Line):
    """A Lorentzian: what decays at a constant rate has this line.

    Attributes:
        unit: Of the places.
    """

    unit: str = "Hz"

    what: ClassVar[str] = "a Lorentzian line"

    def shape(self, places: Vector, values: Vector) -> tuple[Vector, Vector]:
        """Return the line, 1 at its centre, and its slopes."""
        centre, width = values[:, :1], values[:, 1:2]
        place = 2 * (places - centre) / width
        line = 1 / (1 + place * place)
        on_place = -2 * place * line * line
        return line, np.stack([-2 * on_place / width, -on_place * place / width], axis=1)


@dataclass(frozen=True, slots=True)
class GaussLine(_Line):
    """A Gaussian: what is moved by many small independent causes has this line.

    Attributes:
        unit: Of the places.
    """

    unit: str = "Hz"

    what: ClassVar[str] = "a Gaussian line"

    def shape(self, places: Vector, values: Vector) -> tuple[Vector, Vector]:
        """Return the line, 1 at its centre, and its slopes."""
        centre, width = values[:, :1], values[:, 1:2]
        place = 2 * (places - centre) / width
        line = np.exp(-math.log(2) * place * place)
        on_place = -2 * math.log(2) * place * line
        return line, np.stack([-2 * on_place / width, -on_place * place / width], axis=1)


@dataclass(frozen=True, slots=True)
class VoigtLine(_Line):
    """Voigt's line: a Lorentzian blurred by a Gaussian.

    The two widths weigh against each other, so that both need a line well resolved with many counts.

    Attributes:
        unit: Of the places.

    Source: with Faddeeva's function w(z); Abramowitz and Stegun, Handbook of Mathematical Functions (1964),
        7.1.3 and 7.1.20 for its slope w' = 2i/sqrt(pi) - 2 z w.
    """

    unit: str = "Hz"

    what: ClassVar[str] = "a Voigt line"

    @property
    def shape_parameters(self) -> tuple[Parameter, ...]:
        """Centre and both widths."""
        return (
            Parameter("centre", self.unit, "place of the line"),
            Parameter("gauss_width", self.unit, "full width at half maximum of the Gaussian", (True, False)),
            Parameter(
                "lorentz_width", self.unit, "full width at half maximum of the Lorentzian", (True, False)
            ),
        )

    def shape(self, places: Vector, values: Vector) -> tuple[Vector, Vector]:
        """Return the line, 1 at its centre, and its slopes."""
        from scipy.special import erfcx, wofz  # noqa: PLC0415 - slow to import

        scale = _SIGMAS / (math.sqrt(2) * values[:, 1:2])
        place, damping = (places - values[:, :1]) * scale, values[:, 2:3] / 2 * scale
        point = place + 1j * damping
        found = wofz(point)
        bend = 2j / math.sqrt(math.pi) - 2 * point * found
        top = erfcx(damping)
        line = found.real / top
        on_place = bend.real / top
        on_damping = (-bend.imag - line * (2 * damping * top - 2 / math.sqrt(math.pi))) / top
        on_gauss = -(place * on_place + damping * on_damping) / values[:, 1:2]
        return line, np.stack([-scale * on_place, on_gauss, scale / 2 * on_damping], axis=1)

    def shape_limits(self, places: Vector) -> tuple[list[float], list[float]]:
        """Return the range of the scan, and widths of nearly nothing to four times the scan."""
        span, step = resolution(places)
        low = [float(places.min()), _NARROWEST * step, 0.0]
        return low, [float(places.max()), _WIDEST * span, _WIDEST * span]

    def grid(self, places: Vector) -> Vector:
        """Return centres at all points, with both widths of a step to all of the scan."""
        span, step = resolution(places)
        widths = np.geomspace(step, span, 6)
        return combine(1, np.linspace(places.min(), places.max(), len(places)), widths, widths)
