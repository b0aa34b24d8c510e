"""Scans: which values the open parameters of a sequence take, point after point.

A scan is a plain value. `linear`, `stepped`, `geometric`, `centred` and `listed` say how one parameter runs;
``a * b`` measures every combination (the right one runs fastest), ``a & b`` walks both at once, and
`Scan.in_order` says in which order the points are visited. The text form says the same in one line.

Example:
    >>> from sequences.parameters import Parameter
    >>> wait = Parameter("wait", unit="s", low=0.0, high=1e-3)
    >>> phase = Parameter("phase", unit="turn")
    >>> fringe = linear(wait, 1e-6, 3e-6, 3) * listed(phase, [0.0, 0.25])
    >>> len(fringe), fringe.shape, next(iter(fringe))
    (6, (3, 2), {'wait': 1e-06, 'phase': 0.0})
    >>> print(fringe.in_order(Order.SNAKE))
    wait = 1 us .. 3 us / 3 * phase = 0 turn, 0.25 turn; snake
    >>> parse_scan("wait = 1 .. 3 us / 3 * phase = 0, 0.25 turn", (wait, phase)) == fringe
    True
"""

from sequences.scans.errors import ScanError, ScanLimitError, ScanShapeError, ScanTextError, ScanValuesError
from sequences.scans.order import Order
from sequences.scans.scan import (
    Ordered,
    Product,
    Scan,
    ScanAxis,
    Zipped,
    centred,
    geometric,
    linear,
    listed,
    refine_endlessly,
    stepped,
    zipped,
)
from sequences.scans.spacing import Centred, Geometric, Linear, Listed, Spacing, Stepped
from sequences.scans.text import parse_scan, scanned_names

__all__ = [
    "Centred",
    "Geometric",
    "Linear",
    "Listed",
    "Order",
    "Ordered",
    "Product",
    "Scan",
    "ScanAxis",
    "ScanError",
    "ScanLimitError",
    "ScanShapeError",
    "ScanTextError",
    "ScanValuesError",
    "Spacing",
    "Stepped",
    "Zipped",
    "centred",
    "geometric",
    "linear",
    "listed",
    "parse_scan",
    "refine_endlessly",
    "scanned_names",
    "stepped",
    "zipped",
]
