"""Ramsey fringes: over the phase of the second pulse, and over the wait between the two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.analysis.models.model import LevelModel, Parameter, combine
from data.analysis.models.oscillations import EXPONENTS, decay, resolution, wave
from data.analysis.models.rabi import RATE

Vector: TypeAlias = NDArray[np.float64]

_LEVELS: Final = (
    Parameter("low", "", "share counted at the bottom of the fringe", (True, True)),
    Parameter("high", "", "share counted at the top", (True, True)),
)
_PHASE: Final = Parameter("phase", "turn", "of the fringe, which is highest where the whole phase is zero")
_EIGHTHS: Final = np.arange(8) / 8
_LEAST_RATE: Final = 1e-3  # over the length of a scan: a wall where a gaussian decay still has a slope


class _Fringe(LevelModel):
    """What both fringes have in common."""

    __slots__ = ()

    levels: ClassVar[tuple[Parameter, Parameter]] = _LEVELS
    oriented: ClassVar[bool] = True

    @staticmethod
    def contrast(values: Vector) -> Vector:
        """Return the contrast, top less bottom, of values (..., parameters)."""
        return np.asarray(values[..., 1] - values[..., 0])

    @staticmethod
    def offset(values: Vector) -> Vector:
        """Return the middle of the fringe, of values (..., parameters)."""
        return np.asarray((values[..., 1] + values[..., 0]) / 2)


def _settle(values: Vector, phase: int) -> Vector:
    """Return values (rows, parameters) with the phase, in one of the columns, between -1/2 and 1/2."""
    settled = values.copy()
    settled[:, phase] -= np.rint(settled[:, phase])
    return settled


@dataclass(frozen=True, slots=True)
class PhaseFringe(_Fringe):
    """A fringe over a phase: low + (high - low) (1 + cos 2 pi (harmonic x + phase)) / 2.

    Places are phases in turns.

    Attributes:
        harmonic: Fringes in a turn: 1 for a qubit, 2 for the parity of two.

    Source: N. Ramsey, Phys. Rev. 78, 695 (1950).
    """

    harmonic: int = 1

    what: ClassVar[str] = "a fringe"

    @property
    def shape_parameters(self) -> tuple[Parameter, ...]:
        """The phase."""
        return (_PHASE,)

    def shape(self, places: Vector, values: Vector) -> tuple[Vector, Vector]:
        """Return the fringe between 0 and 1, and its slope."""
        cosine, sine = wave(self.harmonic * places + values[:, :1])
        return (1 + cosine) / 2, -np.pi * sine[:, None, :]

    def shape_limits(self, places: Vector) -> tuple[list[float], list[float]]:
        """Return two turns: the search starts within one."""
        return [-1.0], [2.0]

    def grid(self, places: Vector) -> Vector:
        """Return eighths of a turn."""
        return combine(0, _EIGHTHS)

    def settle(self, values: Vector) -> Vector:
        """Return values with the phase between -1/2 and 1/2."""
        return _settle(values, 2)


@dataclass(frozen=True, slots=True, eq=False)
class DelayFringe(_Fringe):
    """A fringe over the wait t, cos 2 pi (detuning t + phases + phase), with a contrast that decays.

    Places are waits in s. With one phase of the second pulse for all points only the size of the detuning
    shows, and the fit gives it; with phases that differ by other than half turns, its sign shows, too.
    Measure each wait with both phases: if they alternate from wait to wait, another detuning fits as well,
    its alias, and the detuning is undetermined.

    Attributes:
        phases: Of the second pulse, turns: one for all points, or (points,).
        decay: One of `EXPONENTS`.

    Source: N. Ramsey, Phys. Rev. 78, 695 (1950).
    """

    phases: float | Vector = 0.0
    decay: str = "gaussian"

    what: ClassVar[str] = "a Ramsey fringe"
    forward: ClassVar[bool] = True

    @property
    def shape_parameters(self) -> tuple[Parameter, ...]:
        """Detuning, phase, decay rate."""
        return Parameter("detuning", "Hz", "of the light, as the fringes turn"), _PHASE, RATE

    def shape(self, places: Vector, values: Vector) -> tuple[Vector, Vector]:
        """Return the fringe between 0 and 1, and its slopes."""
        detuning, phase, rate = values[:, :1], values[:, 1:2], values[:, 2:3]
        left, loss = decay(places, rate, EXPONENTS[self.decay])
        cosine, sine = wave(detuning * places + self.phases + phase)
        on_phase = -np.pi * left * sine
        return (1 + left * cosine) / 2, np.stack([places * on_phase, on_phase, loss * cosine / 2], axis=1)

    def shape_limits(self, places: Vector) -> tuple[list[float], list[float]]:
        """Return a tenth of a fringe in the scan to two points a fringe; decays up to five a step."""
        span, step = resolution(places)
        fastest = 0.55 / step
        slowest = -fastest if self._signed else 0.1 / span
        return [slowest, -1.0, _LEAST_RATE / span], [fastest, 2.0, 5 / step]

    def grid(self, places: Vector) -> Vector:
        """Return all detunings that can be told apart, with phases and decays."""
        span, step = resolution(places)
        detunings = np.arange(0.25 / span, 0.5 / step, 0.3 / span)
        if self._signed:
            detunings = np.concatenate([-detunings[::-1], [0.0], detunings])
        return combine(0, detunings, _EIGHTHS, np.array([0.2, 1.0, 3.0]) / span)

    def settle(self, values: Vector) -> Vector:
        """Return values with the phase between -1/2 and 1/2."""
        return _settle(values, 3)

    @property
    def _signed(self) -> bool:
        """Whether the phases tell the sign of a detuning."""
        return bool(np.ptp(np.mod(2 * np.asarray(self.phases), 1.0)) > 1e-6)
