"""Averages over thermal motion for many temperatures at a time: quadrature from a table.

`thermal.thermal_nodes` solves an eigenvalue problem for each temperature. Here it is solved once at 200
temperatures; nodes and weights are smooth in the temperature, and interpolated. Beside the weights of the
mean stand those of its slope with temperature, so that fits need no differences.

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

Vector: TypeAlias = NDArray[np.float64]

HOTTEST: Final = 200.0
"""Phonons up to which tables reach."""

_ROWS: Final = 200  # temperatures of a table
_BEND: Final = 0.2  # phonons below which the rows of a table are evenly spaced, above which evenly in ratio
_SIZES: Final = (8, 12, 16, 20, 24, 32, 48, 64, 96, 128)  # nodes


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


def split_rows(spreads: Vector) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield how many nodes average well, with the rows that need so many.

    Args:
        spreads: Radians by which the phase of the fastest oscillation changes over the mean phonon number,
            (rows,). Errors stay below 1e-5 up to a spread of 8, where oscillations have nearly died.
    """
    sizes = np.searchsorted(_SIZES[:-1], _SIZES[0] * (1 + spreads))
    for kind in np.unique(sizes).tolist():
        yield _SIZES[kind], np.flatnonzero(sizes == kind)


@lru_cache(maxsize=32)
def carrier_table(lamb_dicke: float, nodes: int) -> ThermalTable:
    """Return the table of exp(-eta^2/2) L_n(eta^2), the factors of a carrier.

    Source: D. Wineland et al., J. Res. NIST 103, 259 (1998), eq. 18.
    """
    from scipy.special import eval_laguerre  # noqa: PLC0415 - slow to import

    square = lamb_dicke**2
    return _tabulate(nodes, lambda n: np.asarray(math.exp(-square / 2) * eval_laguerre(n, square)))


@lru_cache(maxsize=32)
def sideband_table(lamb_dicke: float, nodes: int) -> ThermalTable:
    """Return the table of exp(-eta^2/2) eta L_n^1(eta^2) / sqrt(n + 1), the factors of a first sideband.

    Source: D. Wineland et al., J. Res. NIST 103, 259 (1998), eq. 18.
    """
    from scipy.special import eval_genlaguerre  # noqa: PLC0415 - slow to import

    square = lamb_dicke**2
    size = math.exp(-square / 2) * abs(lamb_dicke)
    return _tabulate(nodes, lambda n: np.asarray(size * eval_genlaguerre(n, 1.0, square) / np.sqrt(n + 1)))


def _step() -> float:
    return math.log1p(HOTTEST / _BEND) / (_ROWS - 1)


def _tabulate(count: int, factor: Callable[[Vector], Vector]) -> ThermalTable:
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
