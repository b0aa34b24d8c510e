"""A pair of motional sidebands: temperature, frequency of the mode, and carrier from one scan over both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.analysis.models.model import LevelModel, Parameter, combine
from data.analysis.models.oscillations import averaged_flip
from data.analysis.models.rabi import RABI, SHARES
from data.analysis.thermal_tables import HOTTEST, sideband_table, split_rows

Vector: TypeAlias = NDArray[np.float64]

_FEWEST: Final = 5  # centres of each sideband to start from; more where the lines are narrow
_AREAS: Final = 0.5 * 1.35 ** np.arange(9)  # of a pulse on the sideband of an ion at rest, in pi


@dataclass(frozen=True, slots=True)
class SidebandPair(LevelModel):
    """The first red and blue sideband of one mode of an ion in a thermal state.

    Places are frequencies of the light from the carrier as it is believed, Hz: below zero on the red
    sideband, above on the blue one. The red one is weaker by n / (n + 1), at any length of the pulse. Warm
    ions flip as fast in weak light as cold ones in strong light: a fit is much better off if it is told what
    is known of the Rabi frequency (``known=``).

    An ion that is nearly at rest has no red sideband, and noise that looks like one tells nothing: unless the
    red sideband stands out of the noise of the whole scan, mode_frequency and carrier are undetermined. Tell
    one of them, and the fit gives the other from the blue sideband alone, and an upper limit on the phonons
    (`FitSets.profile`).

    Attributes:
        duration: Of the pulse, s.
        lamb_dicke: Lamb-Dicke parameter of the mode.
        hottest: Phonons up to which the fit looks, 200 at most.

    Source: D. Leibfried et al., Rev. Mod. Phys. 75, 281 (2003), sec. II and IV; F. Diedrich et al., Phys.
        Rev. Lett. 62, 403 (1989).
    """

    duration: float
    lamb_dicke: float
    hottest: float = 20.0

    what: ClassVar[str] = "a pair of sidebands"
    hinge: ClassVar[tuple[str, ...]] = ("phonons", "mode_frequency", "carrier")
    levels: ClassVar[tuple[Parameter, Parameter]] = SHARES

    @property
    def shape_parameters(self) -> tuple[Parameter, ...]:
        """Phonons, frequency of the mode, carrier, Rabi frequency."""
        return (
            Parameter("phonons", "", "mean phonon number", (True, False)),
            Parameter("mode_frequency", "Hz", "half of the distance of the sidebands"),
            Parameter("carrier", "Hz", "middle of the sidebands, from where the carrier is believed"),
            Parameter(RABI.name, RABI.unit, "Rabi frequency of the carrier without any motion"),
        )

    def shape(self, places: Vector, values: Vector) -> tuple[Vector, Vector]:
        """Return the share of flipped ions and its slopes, for each number of nodes in turn."""
        spreads = (values[:, 3] * self.lamb_dicke * self.duration) ** 2 * values[:, 0]
        shape = np.empty((len(values), places.shape[1]))
        slopes = np.empty((len(values), 4, places.shape[1]))
        for size, rows in split_rows(spreads, values[:, 0]):
            part = places if len(places) == 1 else places[rows]
            shape[rows], slopes[rows] = self._average(part, values[rows], size)
        return shape, slopes

    def shape_limits(self, places: Vector) -> tuple[list[float], list[float]]:
        """Return where both sidebands were looked for, and pulses of a fifth of pi to seven pi."""
        near, far = float(abs(places).min()), float(abs(places).max())
        full = 0.5 / (self.duration * self.lamb_dicke)
        reach = (far - near) / 2
        return [0.0, near, -reach, 0.2 * full], [min(self.hottest, HOTTEST), far, reach, 7 * full]

    def grid(self, places: Vector) -> Vector:
        """Return places of both sidebands with temperatures, and pulse areas, each a basin."""
        near, far = float(abs(places).min()), float(abs(places).max())
        number = int(np.clip(2 * self.duration * (far - near), _FEWEST, max(_FEWEST, len(places) // 2)))
        centres = np.linspace(near, far, number + 2)[1:-1]
        full = 0.5 / (self.duration * self.lamb_dicke)
        quanta = [0.05, *(level for level in (0.5, 3.0, 10.0) if level < self.hottest)]
        found = combine(3, quanta, centres, centres, _AREAS * full)
        blue, red = found[..., 1].copy(), found[..., 2].copy()
        found[..., 1], found[..., 2] = (blue + red) / 2, (blue - red) / 2
        return found

    def _average(self, places: Vector, values: Vector, size: int) -> tuple[Vector, Vector]:
        quanta, mode, carrier, rabi = (column[:, None] for column in values.T)
        factors, weights, tilts = sideband_table(self.lamb_dicke, size).at(values[:, 0])
        blue = places > 0
        side = np.where(blue, 1.0, -1.0)
        apart = places - carrier - side * mode
        mean, tilt, on_place, on_rabi = averaged_flip(apart, self.duration, rabi * factors, weights, tilts)
        weaker = np.where(blue, 1.0, quanta / (quanta + 1))
        on_quanta = weaker * tilt + np.where(blue, 0.0, mean / (quanta + 1) ** 2)
        on_mode, on_carrier = -side * weaker * on_place, -weaker * on_place
        return weaker * mean, np.stack([on_quanta, on_mode, on_carrier, weaker * on_rabi / rabi], axis=1)
