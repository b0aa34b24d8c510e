"""Averages over thermal motion for many temperatures at a time: quadrature from a table.

`thermal.thermal_nodes` solves an eigenvalue problem for each temperature. Here it is solved once at 200
temperatures; nodes and weights are smooth in the temperature, and interpolated. Beside the weights of the
mean stand those of its slope with temperature, so that fits need no differences. Where oscillations have run
far apart, quadrature fails, and the mean is the plain sum over phonon numbers.

Example:
    >>> factors, weights, slopes = carrier_table(0.07, 16).at(np.array([0.0, 2.0]))
    >>> (weights * factors).sum(axis=1).round(4).tolist()
    [0.9976, 0.9878]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.analysis.thermal import thermal_nodes
from data.errors import RangeError

Vector: TypeAlias = NDArray[np.float64]

HOTTEST: Final = 200.0
"""Phonons up to which tables reach."""

_ROWS: Final = 200  # temperatures of a table
_BEND: Final = 0.2  # phonons below which the rows of a table are evenly spaced, above which evenly in ratio
_SIZES: Final = (8, 12, 16, 20, 24, 32, 48, 64, 96)  # nodes
_WIDEST: Final = 8.0  # radians of spread up to which quadrature does
_TERMS: Final = 20  # of a sum, times the mean phonon number and one: what is beyond has a weight of 2e-9
SUM: Final = 0
"""Nodes of a table that is a sum over all phonon numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class ThermalTable:
    """Relative Rabi frequencies at the nodes of a quadrature over phonon numbers, by temperature.

    Attributes:
        columns: Factors, weights of the mean, weights of its slope with the phonon number; (3, rows, nodes).
    """

    columns: Vector

    def at(self, quanta: Vector) -> tuple[Vector, Vector, Vector]:
        """Return factors, weights and weights of the slope at mean phonon numbers.

        Args:
            quanta: Shape (sets,), between 0 and `HOTTEST`.

        Returns:
            Three arrays (sets, nodes).
        """
        place = np.log1p(np.clip(quanta, 0.0, HOTTEST) / _BEND) / _step()
        first = np.clip(np.floor(place).astype(np.intp) - 1, 0, _ROWS - 4)
        found = np.einsum(
            "rs,crsn->csn", _cubic(place - first), self.columns[:, first + np.arange(4)[:, None]]
        )
        return found[0], found[1], found[2]


@dataclass(frozen=True, slots=True, eq=False)
class ThermalSum:
    """Relative Rabi frequencies at all phonon numbers, to be summed over.

    Attributes:
        factors: Shape (numbers,).
    """

    factors: Vector

    def at(self, quanta: Vector) -> tuple[Vector, Vector, Vector]:
        """Return factors, weights and weights of the slope at mean phonon numbers above zero.

        Args:
            quanta: Shape (sets,), between 0 and `HOTTEST`.

        Returns:
            Three arrays (sets, phonon numbers), as many as the hottest set needs.
        """
        numbers = np.arange(math.ceil(_TERMS * (float(quanta.max()) + 1)))
        means = quanta[:, None]
        weights = np.exp(-numbers * np.log1p(1 / means)) / (means + 1)
        factors = np.broadcast_to(self.factors[: len(numbers)], weights.shape)
        return factors, weights, weights * (numbers - means) / (means * (means + 1))


def split_rows(spreads: Vector, quanta: Vector) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield how many nodes average well to 1e-5, or `SUM`, with the rows that need so many.

    Args:
        spreads: Radians by which the phase of the fastest oscillation changes over the mean phonon number,
            (rows,).
        quanta: Mean phonon numbers, (rows,).

    Raises:
        RangeError: If there are more phonons than `HOTTEST`, or fewer than none.
    """
    outside = ~((quanta >= 0) & (quanta <= HOTTEST))
    if outside.any():
        advice = "of a hotter ion no sideband and no flop of a carrier tells the temperature"
        raise RangeError("phonons", float(quanta[outside][0]), f"between 0 and {HOTTEST:g}", advice)
    summed = spreads > _WIDEST
    sizes = np.searchsorted(_SIZES[:-1], _SIZES[0] * (1 + spreads))
    for kind in np.unique(sizes[~summed]).tolist():
        yield _SIZES[kind], np.flatnonzero((sizes == kind) & ~summed)
    if summed.any():
        yield SUM, np.flatnonzero(summed)


@lru_cache(maxsize=32)
def carrier_table(lamb_dicke: float, nodes: int) -> ThermalTable | ThermalSum:
    """Return the table of exp(-eta^2/2) L_n(eta^2), the factors of a carrier.

    Source: D. Wineland et al., J. Res. NIST 103, 259 (1998), eq. 18.
    """
    from scipy.special import eval_laguerre  # noqa: PLC0415 - slow to import

    square = lamb_dicke**2
    return _tabulate(nodes, lambda n: np.asarray(math.exp(-square / 2) * eval_laguerre(n, square)))


@lru_cache(maxsize=32)
def sideband_table(lamb_dicke: float, nodes: int) -> ThermalTable | ThermalSum:
    """Return the table of exp(-eta^2/2) eta L_n^1(eta^2) / sqrt(n + 1), the factors of a first sideband.

    Source: D. Wineland et al., J. Res. NIST 103, 259 (1998), eq. 18.
    """
    from scipy.special import eval_genlaguerre  # noqa: PLC0415 - slow to import

    square = lamb_dicke**2
    size = math.exp(-square / 2) * abs(lamb_dicke)
    return _tabulate(nodes, lambda n: np.asarray(size * eval_genlaguerre(n, 1.0, square) / np.sqrt(n + 1)))


def _step() -> float:
    return math.log1p(HOTTEST / _BEND) / (_ROWS - 1)


def _tabulate(count: int, factor: Callable[[Vector], Vector]) -> ThermalTable | ThermalSum:
    if count == SUM:
        return ThermalSum(factor(np.arange(_TERMS * (HOTTEST + 1))))
    columns = np.empty((3, _ROWS, count))
    for row, quanta in enumerate((_BEND * np.expm1(_step() * np.arange(_ROWS))).tolist()):
        nodes, weights = thermal_nodes(quanta, count)
        columns[:, row] = factor(nodes), weights, _slopes(quanta, nodes, weights)
    return ThermalTable(columns)


def _slopes(quanta: float, nodes: Vector, weights: Vector) -> Vector:
    """Return the weights of the slope of a mean with the mean phonon number.

    The geometric distribution has d ln p / d quanta = (n - quanta) / (quanta (quanta + 1)).
    """
    if quanta > 0:
        return np.asarray(weights * (nodes - quanta) / (quanta * (quanta + 1)))
    return np.where(np.arange(len(nodes)) == 0, -1.0, np.where(np.arange(len(nodes)) == 1, 1.0, 0.0))


def _cubic(place: Vector) -> Vector:
    """Return Lagrange's weights (4, sets) of four neighbours at 0, 1, 2 and 3."""
    a, b, c, d = place, place - 1, place - 2, place - 3
    return np.stack([-b * c * d / 6, a * c * d / 2, -a * b * d / 2, a * b * c / 6])
