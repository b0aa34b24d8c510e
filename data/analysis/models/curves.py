"""Curves without a centre: decay, saturation, and drift as a polynomial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.analysis.counts import Data
from data.analysis.models.model import LevelModel, Model, Parameter, combine
from data.analysis.models.oscillations import resolution

Vector: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Decay(LevelModel):
    """An exponential decay: end + (begin - end) exp(-t / lifetime).

    Places are times in s; levels are populations (shares of shots) or counts. Rising curves begin below their
    end.
    """

    what: ClassVar[str] = "a decay"
    forward: ClassVar[bool] = True
    levels: ClassVar[tuple[Parameter, Parameter]] = (
        Parameter("end", "", "level after all times", (True, True)),
        Parameter("begin", "", "level at time zero", (True, True)),
    )

    @property
    def shape_parameters(self) -> tuple[Parameter, ...]:
        """The lifetime."""
        return (Parameter("lifetime", "s", "time to 1/e"),)

    def shape(self, places: Vector, values: Vector) -> tuple[Vector, Vector]:
        """Return what is left, and its slope."""
        left = np.exp(-places / values)
        return left, (left * places / values**2)[:, None, :]

    def shape_limits(self, places: Vector) -> tuple[list[float], list[float]]:
        """Return a tenth of a step to thirty times the scan."""
        span, step = resolution(places)
        return [0.1 * step], [30 * span]

    def grid(self, places: Vector) -> Vector:
        """Return lifetimes of half a step to ten times the scan."""
        span, step = resolution(places)
        return combine(0, np.geomspace(0.5 * step, 10 * span, 24))


@dataclass(frozen=True, slots=True)
class Saturation(LevelModel):
    """A transition that saturates: background + (plateau - background) P / (P + saturation).

    Places are powers, or intensities, at or above zero.

    Attributes:
        unit: Of the places.

    Source: scattering of a two-level system on resonance; H. Metcalf and P. van der Straten, Laser Cooling
        and Trapping (1999), eq. 2.24.
    """

    unit: str = "W"

    what: ClassVar[str] = "a saturation curve"
    forward: ClassVar[bool] = True
    levels: ClassVar[tuple[Parameter, Parameter]] = (
        Parameter("background", "", "level without light", (True, True)),
        Parameter("plateau", "", "level in light without end", (True, True)),
    )

    @property
    def shape_parameters(self) -> tuple[Parameter, ...]:
        """The saturation."""
        return (Parameter("saturation", self.unit, "power at which half of the plateau is reached"),)

    def shape(self, places: Vector, values: Vector) -> tuple[Vector, Vector]:
        """Return the share of the plateau, and its slope."""
        whole = places + values
        return places / whole, (-places / whole**2)[:, None, :]

    def shape_limits(self, places: Vector) -> tuple[list[float], list[float]]:
        """Return a hundredth of the usual step to thirty times the largest power."""
        return [0.01 * resolution(places)[1]], [30 * float(places.max())]

    def grid(self, places: Vector) -> Vector:
        """Return saturations of a tenth of a step to ten times the largest power."""
        return combine(0, np.geomspace(0.1 * resolution(places)[1], 10 * places.max(), 24))


@dataclass(frozen=True, slots=True)
class Polynomial(Model):
    """A drift: c0 + c1 (t - origin) + c2 (t - origin)^2 + ...

    Attributes:
        degree: Of the highest power.
        origin: Time at which the value is c0, s; near the middle of the data the coefficients are least
            correlated.
        unit: Of the data.
    """

    degree: int = 1
    origin: float = 0.0
    unit: str = ""

    what: ClassVar[str] = "a drift"
    constant: ClassVar[bool] = True

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """One a power."""
        return tuple(
            Parameter(
                f"c{power}", f"{self.unit}/s^{power}" if power else self.unit, f"coefficient of t^{power}"
            )
            for power in range(self.degree + 1)
        )

    def evaluate(self, places: Vector, values: Vector) -> tuple[Vector, Vector]:
        """Return the prediction (rows, points) and its slopes (rows, parameters, points)."""
        powers = (places - self.origin)[:, None, :] ** np.arange(self.degree + 1)[:, None]
        slopes = np.broadcast_to(powers, (len(values), *powers.shape[1:]))
        return (values[:, None, :] @ slopes)[:, 0], slopes

    def limits(self, places: Vector, data: Data) -> tuple[Vector, Vector]:
        """Return no limits, both (rows, parameters)."""
        none = np.full((len(data.values), self.degree + 1), np.inf)
        return -none, none

    def starts(
        self,
        places: Vector,
        data: Data,
        number: int,
        known: Vector,
        precision: Vector,
    ) -> Vector:
        """Return the mean, without drift, (rows, number, parameters)."""
        found = np.zeros((len(data.values), number, self.degree + 1))
        found[:, :, 0] = data.values.mean(axis=1)[:, None]
        return found
