"""What a model is: parameters, a prediction with its slopes, limits, and where to start from.

Most models of this field mix two levels, one where the light, the line or the time does nothing and one where
it does all that it can: ``ground + (peak - ground) * shape``. Their levels follow from the data in closed
form for any shape, so that a search looks only for the parameters of the shape: on a grid of them, all data
sets against all shapes, as products of matrices.

Source: elimination of the linear parameters: G. Golub and V. Pereyra, SIAM J. Numer. Anal. 10, 413 (1973).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.counts import Data

Vector: TypeAlias = NDArray[np.float64]

_BLOCK: Final = 40_000  # data sets times shapes looked at together: they stay in the cache
_FAR: Final = 100.0  # times the largest value, or the range of all values: where levels without limit end
_DISAGREEING: Final = (
    9.0  # deviance by which a basin may contradict what is known more than the best one does
)
_HELD: Final = 1e-3  # of the spread of a grid, or of the data: error in a search of what is known exactly


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a model.

    Attributes:
        name: Of it.
        unit: SI unit, or ``""``.
        meaning: In a few words.
        walls: Whether its least and its greatest value are limits of nature, as of a rate that is never below
            zero: a value may lie on it. A fit that ends at any other limit has found nothing.
    """

    name: str
    unit: str
    meaning: str
    walls: tuple[bool, bool] = (False, False)


class Model(ABC):
    """A function of places and parameters.

    Arrays of places are (rows, points) or (1, points); of values, (rows, parameters); a row is a data set.

    Attributes:
        what: It describes, with an article.
        constant: Whether a constant is a model as good as this: then data may look like one.
        hinge: Names of the strength of a weak signal, and of the places that show only with it, or nothing.
            Unless one of the places is known, they are undetermined where the signal may be noise.
        forward: Whether places begin at zero, as times and powers do.
    """

    __slots__ = ()

    what: ClassVar[str]
    constant: ClassVar[bool] = False
    hinge: ClassVar[tuple[str, ...]] = ()
    forward: ClassVar[bool] = False

    @property
    @abstractmethod
    def parameters(self) -> tuple[Parameter, ...]:
        """All, in the order of the values."""

    @abstractmethod
    def evaluate(self, places: Vector, values: Vector) -> tuple[Vector, Vector]:
        """Return the prediction (rows, points) and its slopes (rows, parameters, points)."""

    @abstractmethod
    def limits(self, places: Vector, data: Data) -> tuple[Vector, Vector]:
        """Return least and greatest values that are looked at, both (rows, parameters)."""

    @abstractmethod
    def starts(self, places: Vector, data: Data, number: int, known: Vector, precision: Vector) -> Vector:
        """Return the most promising values to start from, the best first, (rows, number, parameters).

        Args:
            places: Shape (rows, points) or (1, points).
            data: Shape (rows, points).
            number: How many for each data set.
            known: Values from elsewhere, (parameters,).
            precision: Of these, (parameters,); 0 for what is not known, infinite for what is exact.
        """

    @property
    def names(self) -> tuple[str, ...]:
        """Of all parameters."""
        return tuple(parameter.name for parameter in self.parameters)

    def predict(self, places: ArrayLike, values: ArrayLike) -> Vector:
        """Return what is expected.

        Args:
            places: Shape (points,).
            values: Of the parameters, (parameters,) or (rows, parameters).

        Returns:
            Shape (points,) or (rows, points).
        """
        rows = np.asarray(values, dtype=np.float64)
        columns = np.asarray(places, dtype=np.float64)
        found = self.evaluate(np.atleast_2d(columns), np.atleast_2d(rows))[0]
        return found[0] if rows.ndim == 1 and columns.ndim == 1 else found

    def settle(self, values: Vector) -> Vector:
        """Return values (rows, parameters) that mean the same, in the form in which they are quoted."""
        return values


class LevelModel(Model):
    """A model of two levels, whose first two parameters they are.

    Attributes:
        levels: Names of the level where the shape is 0, and of that where it is 1.
        level_unit: Of both.
        oriented: Whether the second level is the higher one by definition.
        convex: Whether the second parameter is a level. Otherwise it is a height above the first, and the
            shape may be anything.
    """

    __slots__ = ()

    levels: ClassVar[tuple[Parameter, Parameter]]
    oriented: ClassVar[bool] = False
    convex: ClassVar[bool] = True

    @property
    @abstractmethod
    def shape_parameters(self) -> tuple[Parameter, ...]:
        """All parameters but the levels."""

    @abstractmethod
    def shape(self, places: Vector, values: Vector) -> tuple[Vector, Vector]:
        """Return the shape (rows, points) and its slopes (rows, shape parameters, points)."""

    @abstractmethod
    def shape_limits(self, places: Vector) -> tuple[list[float], list[float]]:
        """Return least and greatest parameters of the shape for one scan (points,)."""

    @abstractmethod
    def grid(self, places: Vector) -> Vector:
        """Return parameters of shapes to look at in one scan (points,), (basins, members, shape parameters).

        Shapes that lead to different minima belong to different basins: one of each is followed.
        """

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All, in the order of the values."""
        return (*self.levels, *self.shape_parameters)

    def evaluate(self, places: Vector, values: Vector) -> tuple[Vector, Vector]:
        """Return the prediction (rows, points) and its slopes (rows, parameters, points)."""
        shape, bends = self.shape(places, values[:, 2:])
        ground, other = values[:, :1], values[:, 1:2]
        height = other - ground if self.convex else other
        slopes = np.empty((len(values), values.shape[1], shape.shape[-1]))
        slopes[:, 0] = 1 - shape if self.convex else 1.0
        slopes[:, 1] = shape
        np.multiply(bends, height[:, :, None], out=slopes[:, 2:])
        return ground + height * shape, slopes

    def limits(self, places: Vector, data: Data) -> tuple[Vector, Vector]:
        """Return least and greatest values that are looked at, both (rows, parameters)."""
        sets, (least, most) = len(data.values), data.limits
        low, high = np.empty((2, sets, len(self.parameters)))
        widest = np.ptp(data.values, axis=1) + np.abs(data.values).max(axis=1)
        low[:, :2] = least if math.isfinite(least) else (data.values.min(axis=1) - _FAR * widest)[:, None]
        high[:, :2] = most if math.isfinite(most) else (data.values.max(axis=1) + _FAR * widest)[:, None]
        if not self.convex:
            low[:, 1], high[:, 1] = (0.0 if self.oriented else -_FAR * widest), _FAR * widest
        for chosen, row in _same_places(places, sets):
            low[chosen, 2:], high[chosen, 2:] = self.shape_limits(row)
        return low, high

    def starts(self, places: Vector, data: Data, number: int, known: Vector, precision: Vector) -> Vector:
        """Return the most promising values to start from, the best first, (rows, number, parameters)."""
        low, high = self.limits(places, data)
        found = np.empty((len(data.values), number, len(self.parameters)))
        for chosen, row in _same_places(places, len(data.values)):
            grid, penalty = _agreeing(self.grid(row), known[2:], precision[2:])
            shapes = np.ascontiguousarray(self.shape(row[None, :], grid.reshape(-1, grid.shape[-1]))[0].T)
            squares = shapes**2
            for part in np.array_split(chosen, math.ceil(len(chosen) * shapes.shape[1] / _BLOCK)):
                limits = low[part, :2], high[part, :2]
                costs, levels = self._judge(
                    shapes, squares, data.rows(part), limits, known[:2], precision[:2]
                )
                costs = (costs + penalty).reshape(len(part), *grid.shape[:2])
                found[part] = _choose(costs, levels.reshape(*costs.shape, 2), grid, number)
        return found

    def _judge(
        self,
        shapes: Vector,
        squares: Vector,
        data: Data,
        limits: tuple[Vector, Vector],
        known: Vector,
        precision: Vector,
    ) -> tuple[Vector, Vector]:
        """Return chi^2 (rows, shapes), but for a constant, with the best levels (rows, shapes, 2).

        Args:
            shapes: Shape (points, shapes).
            squares: Of the shapes.
            data: Shape (rows, points).
            limits: Least and greatest levels, (rows, 2).
            known: Levels from elsewhere, (2,).
            precision: Of these.
        """
        weights, values = data.weights, data.values
        spread = np.maximum(np.ptp(values, axis=1, keepdims=True), 1e-12)
        strength = np.minimum(precision, (_HELD * spread) ** -2)
        total, mean = weights.sum(1, keepdims=True), (weights * values).sum(1, keepdims=True)
        mixed, second, right = weights @ shapes, weights @ squares, (weights * values) @ shapes
        first = total + strength[:, :1]
        left = mean + strength[:, :1] * known[0]
        if self.convex:  # the first level has the rest of the shape
            first, mixed, left = first - 2 * mixed + second, mixed - second, left - right
        # A shape without contrast leaves the levels open: the least addition keeps them finite.
        second += strength[:, 1:] + 1e-9 * total
        right += strength[:, 1:] * known[1]
        low, high = limits
        other = (first * right - mixed * left) / (first * second - mixed * mixed)
        np.clip(other, low[:, 1:], high[:, 1:], out=other)
        ground = (left - mixed * other) / first
        np.clip(ground, low[:, :1], high[:, :1], out=ground)
        other = (right - mixed * ground) / second
        np.clip(other, low[:, 1:], high[:, 1:], out=other)
        costs = ground * (first * ground + 2 * (mixed * other - left)) + other * (second * other - 2 * right)
        if self.oriented:
            costs[other <= (ground if self.convex else 0.0)] = np.inf
        return costs, np.stack([ground, other], axis=-1)


def combine(basin: int, *axes: ArrayLike) -> Vector:
    """Return all combinations of parameters as a grid, (basins, members, parameters).

    Args:
        basin: Index of the axis each of whose values is a basin of its own.
        axes: Values of each parameter.

    Example:
        >>> combine(1, [1.0, 2.0, 3.0], [10.0, 20.0]).shape
        (2, 3, 2)
    """
    mesh = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    return np.moveaxis(mesh, basin, 0).reshape(mesh.shape[basin], -1, len(axes)).astype(np.float64)


def _choose(costs: Vector, levels: Vector, grid: Vector, number: int) -> Vector:
    """Return the best of each of the best basins, (rows, number, parameters).

    Args:
        costs: Shape (rows, basins, members).
        levels: Shape (rows, basins, members, 2).
        grid: Shape (basins, members, shape parameters).
        number: Of the basins.
    """
    member = costs.argmin(axis=2)
    basin = np.take_along_axis(costs, member[:, :, None], axis=2)[:, :, 0].argsort(axis=1)
    basin = basin[:, np.minimum(np.arange(number), costs.shape[1] - 1)]
    member = np.take_along_axis(member, basin, axis=1)
    rows = np.arange(len(costs))[:, None]
    return np.concatenate([levels[rows, basin, member], grid[basin, member]], axis=-1)


def _agreeing(grid: Vector, known: Vector, precision: Vector) -> tuple[Vector, Vector]:
    """Return the basins of a grid that agree with what is known, and by how much each shape contradicts it.

    Returns:
        Grid (basins, members, shape parameters), and what it adds to the deviance, (basins * members,).
    """
    scale = np.maximum(np.ptp(grid, axis=(0, 1)), np.abs(grid).max(axis=(0, 1))) + 1e-100
    penalties = (grid - known) ** 2 @ np.minimum(precision, (_HELD * scale) ** -2.0)
    best = penalties.min(axis=1)
    kept = best <= best.min() + _DISAGREEING
    return grid[kept], penalties[kept].ravel()


def _same_places(places: Vector, sets: int) -> list[tuple[NDArray[np.intp], Vector]]:
    """Return which data sets were measured in the same places, and these (points,)."""
    if len(places) == 1:
        return [(np.arange(sets), places[0])]
    kinds, which = np.unique(places, axis=0, return_inverse=True)
    return [(np.flatnonzero(which.ravel() == index), row) for index, row in enumerate(kinds)]
