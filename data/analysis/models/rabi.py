"""Rabi flops and Rabi lines: light of constant strength for a time.

A Rabi frequency is in Hz: a pi pulse lasts half of one over it. ``unflipped`` and ``flipped`` are the shares
of shots with the counted outcome where no ion, and where every ion, has been flipped; dark or bright may be
counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.analysis.models.model import LevelModel, Parameter, combine
from data.analysis.models.oscillations import EXPONENTS, averaged_wave, decay, flip, resolution, wave
from data.analysis.thermal_tables import HOTTEST, carrier_table, split_rows

Vector: TypeAlias = NDArray[np.float64]

SHARES: Final = (
    Parameter("unflipped", "", "share counted where no ion is flipped", (True, True)),
    Parameter("flipped", "", "share counted where every ion is flipped", (True, True)),
)
RABI: Final = Parameter("rabi_frequency", "Hz", "Rabi frequency on resonance")
RATE: Final = Parameter("decay_rate", "1/s", "one over the time to 1/e of the contrast", (True, False))

_LEAST_RATE: Final = 1e-3  # over the length of a scan: a wall where a gaussian decay still has a slope
_RATES: Final = (0.1, 0.7, 2.5)  # over the length of a scan, to start from
_WEAK: Final = (0.25, 0.45, 0.7)  # pulse areas to start from, in pi; from there on in steps
_STRONGER: Final = 0.25
_STRONGEST: Final = 10.0  # pulse area up to which lines are looked for, in pi


@dataclass(frozen=True, slots=True)
class RabiFlop(LevelModel):
    """Flops over the length of a pulse on resonance, with a contrast that decays.

    Places are lengths of the pulse in s. Parameters: levels, Rabi frequency, decay rate.

    Attributes:
        decay: One of `EXPONENTS`.

    Source: D. Leibfried et al., Rev. Mod. Phys. 75, 281 (2003), sec. II; damped as by noise of the light.
    """

    decay: str = "exponential"

    what: ClassVar[str] = "a Rabi flop"
    forward: ClassVar[bool] = True
    levels: ClassVar[tuple[Parameter, Parameter]] = SHARES

    @property
    def shape_parameters(self) -> tuple[Parameter, ...]:
        """Rabi frequency and decay rate."""
        return RABI, RATE

    def shape(self, places: Vector, values: Vector) -> tuple[Vector, Vector]:
        """Return the share of flipped ions and its slopes."""
        rabi, rate = values[:, :1], values[:, 1:2]
        left, loss = decay(places, rate, EXPONENTS[self.decay])
        cosine, sine = wave(rabi * places)
        return (1 - left * cosine) / 2, np.stack([np.pi * places * left * sine, -loss * cosine / 2], axis=1)

    def shape_limits(self, places: Vector) -> tuple[list[float], list[float]]:
        """Return a quarter of a flop in the scan to two points a flop, and decays up to five a step."""
        longest, step = float(places.max()), resolution(places)[1]
        return [0.2 / longest, _LEAST_RATE / longest], [0.55 / step, 5 / step]

    def grid(self, places: Vector) -> Vector:
        """Return all frequencies that can be told apart, with some decays."""
        return combine(0, _frequencies(places), np.array(_RATES) / places.max())


@dataclass(frozen=True, slots=True)
class DetunedFlop(LevelModel):
    """Flops over the length of a pulse off resonance.

    Places are lengths of the pulse in s. The frequency of the flops tells only the root of the sum of squares
    of Rabi frequency and detuning; what tells them apart is the contrast, so the levels must be known from
    elsewhere (``known=``). Otherwise the fit ends as undetermined. The sign of a detuning does not show.

    Source: I. Rabi, Phys. Rev. 51, 652 (1937).
    """

    what: ClassVar[str] = "a detuned Rabi flop"
    forward: ClassVar[bool] = True
    levels: ClassVar[tuple[Parameter, Parameter]] = SHARES

    @property
    def shape_parameters(self) -> tuple[Parameter, ...]:
        """Rabi frequency and detuning."""
        return RABI, Parameter("detuning", "Hz", "of the light from resonance, its size", (True, False))

    def shape(self, places: Vector, values: Vector) -> tuple[Vector, Vector]:
        """Return the share of flipped ions and its slopes."""
        rabi, detuning = values[:, :1], values[:, 1:2]
        square = rabi * rabi + detuning * detuning
        whole = np.sqrt(square)
        cosine, sine = wave(whole * places)
        share = (1 - cosine) / 2
        weight = rabi * rabi / square
        faster = np.pi * places * sine * weight / whole  # slope with W, over W
        on_rabi = rabi * (faster + 2 * share * (1 - weight) / square)
        return weight * share, np.stack([on_rabi, detuning * (faster - 2 * share * weight / square)], axis=1)

    def shape_limits(self, places: Vector) -> tuple[list[float], list[float]]:
        """Return a tenth of a flop in the scan to two points a flop."""
        longest, step = float(places.max()), resolution(places)[1]
        return [0.1 / longest, _LEAST_RATE / longest], [0.55 / step, 0.55 / step]

    def grid(self, places: Vector) -> Vector:
        """Return all frequencies of flops that can be told apart, each with several ratios."""
        angles = np.arctan([0.05, 0.3, 0.6, 1.0, 1.6, 2.6, 5.0])
        found = combine(0, _frequencies(places), angles)
        return np.stack(
            [found[..., 0] * np.cos(found[..., 1]), found[..., 0] * np.sin(found[..., 1])], axis=-1
        )


@dataclass(frozen=True, slots=True)
class ThermalFlop(LevelModel):
    """Flops of a warm ion on the carrier: each phonon number has its own Rabi frequency.

    Places are lengths of the pulse in s. The Rabi frequency is that of an ion without any motion, and phonon
    number n changes it by exp(-eta^2/2) L_n(eta^2); one mode, in a thermal state.

    Attributes:
        lamb_dicke: Lamb-Dicke parameter of the mode.
        hottest: Phonons up to which the fit looks, 200 at most. The average is exact to 1e-5 for any pulse;
            it takes longer where 2 pi Omega t eta^2 n is above 8 for the longest one.

    Source: D. Meekhof et al., Phys. Rev. Lett. 76, 1796 (1996); D. Wineland et al., J. Res. NIST 103, 259
        (1998), eq. 18.
    """

    lamb_dicke: float
    hottest: float = 50.0

    what: ClassVar[str] = "a flop of a warm ion"
    forward: ClassVar[bool] = True
    levels: ClassVar[tuple[Parameter, Parameter]] = SHARES

    @property
    def shape_parameters(self) -> tuple[Parameter, ...]:
        """Rabi frequency and phonons."""
        return RABI, Parameter("phonons", "", "mean phonon number", (True, False))

    def shape(self, places: Vector, values: Vector) -> tuple[Vector, Vector]:
        """Return the share of flipped ions and its slopes, for each number of nodes in turn."""
        rabi, quanta = values.T
        spreads = 2 * np.pi * self.lamb_dicke**2 * places.max(axis=1) * rabi * quanta
        shape = np.empty((len(values), places.shape[1]))
        slopes = np.empty((len(values), 2, places.shape[1]))
        for size, rows in split_rows(spreads, quanta):
            times = places if len(places) == 1 else places[rows]
            factors, weights, tilts = carrier_table(self.lamb_dicke, size).at(quanta[rows])
            mean, tilt, scaled = averaged_wave(times, rabi[rows, None] * factors, weights, tilts)
            shape[rows] = (1 - mean) / 2
            slopes[rows, 0], slopes[rows, 1] = -scaled / (2 * rabi[rows, None]), -tilt / 2
        return shape, slopes

    def shape_limits(self, places: Vector) -> tuple[list[float], list[float]]:
        """Return a quarter of a flop in the scan to two points a flop, and the phonons allowed."""
        longest, step = float(places.max()), resolution(places)[1]
        return [0.2 / longest, 0.0], [0.55 / step, min(self.hottest, HOTTEST)]

    def grid(self, places: Vector) -> Vector:
        """Return all frequencies that can be told apart, with some temperatures."""
        quanta = [0.3, *(level for level in (3.0, 10.0, 25.0, 60.0, 140.0) if level < self.hottest)]
        return combine(0, _frequencies(places), quanta)


@dataclass(frozen=True, slots=True)
class RabiLine(LevelModel):
    """The line of a square pulse of known length: a sinc when weak, power-broadened when strong.

    Places are frequencies of the light in Hz, from wherever. Carriers as well as single sidebands of cold
    ions have this line, `rabi_frequency` being that of the transition.

    Attributes:
        duration: Of the pulse, s.

    Source: I. Rabi, Phys. Rev. 51, 652 (1937).
    """

    duration: float

    what: ClassVar[str] = "a Rabi line"
    levels: ClassVar[tuple[Parameter, Parameter]] = SHARES

    @property
    def shape_parameters(self) -> tuple[Parameter, ...]:
        """Centre and Rabi frequency."""
        return Parameter("centre", "Hz", "frequency of the resonance"), RABI

    def shape(self, places: Vector, values: Vector) -> tuple[Vector, Vector]:
        """Return the share of flipped ions and its slopes."""
        share, on_detuning, on_rabi = flip(places - values[:, :1], self.duration, values[:, 1:2])
        return share, np.stack([-on_detuning, on_rabi], axis=1)

    def shape_limits(self, places: Vector) -> tuple[list[float], list[float]]:
        """Return the range of the scan, and pulses of a tenth of pi to ten pi."""
        full = 0.5 / self.duration
        return [float(places.min()), 0.1 * full], [float(places.max()), _STRONGEST * full]

    def grid(self, places: Vector) -> Vector:
        """Return centres a quarter of the narrowest line apart, with many pulse areas, each a basin."""
        full, span = 0.5 / self.duration, float(np.ptp(places))
        number = int(np.clip(span / (0.25 * full), len(places), 8 * len(places)))
        centres = np.linspace(places.min(), places.max(), number)
        areas = np.arange(_WEAK[-1] + _STRONGER, np.clip(span / full, 2.0, _STRONGEST), _STRONGER)
        return combine(1, centres, full * np.concatenate([_WEAK, areas]))


def _frequencies(places: Vector) -> Vector:
    """Return frequencies that can be told apart, from a quarter turn in the scan to two points a turn."""
    longest, step = float(places.max()), resolution(places)[1]
    return np.arange(0.25 / longest, 0.5 / step, 0.25 / longest)
