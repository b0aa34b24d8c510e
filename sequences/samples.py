"""Arrays inside of blocks: read-only, and compared by content as everything else in a block is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Samples:
    """Numbers (samples,) that nobody changes any more.

    Example:
        >>> Samples.of([0.0, 0.5, 1.0]) == Samples.of(np.linspace(0, 1, 3))
        True
        >>> Samples.of(range(1000))
        Samples(0.0, 1.0, 2.0, ..., 999.0; 1000 in all)
    """

    values: NDArray[np.float64]

    @classmethod
    def of(cls, values: ArrayLike) -> Samples:
        """Copy an array of real numbers (samples,).

        Raises:
            ValueError: it is no one-dimensional array of real numbers.
        """
        given = np.asarray(values)
        if given.ndim != 1 or given.dtype.kind not in "fiu":
            raise ValueError(f"an array of shape {given.shape} and type {given.dtype}")
        array = given.astype(np.float64)
        array.flags.writeable = False
        return cls(array)

    def __len__(self) -> int:
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Samples):
            return NotImplemented
        return np.array_equal(self.values, other.values)

    def __hash__(self) -> int:
        return hash((len(self.values), *self.values[:4].tolist()))

    def __repr__(self) -> str:
        values = self.values.tolist()
        if len(values) <= 5:
            return f"Samples({', '.join(map(repr, values))})"
        first = ", ".join(map(repr, values[:3]))
        return f"Samples({first}, ..., {values[-1]!r}; {len(values)} in all)"
