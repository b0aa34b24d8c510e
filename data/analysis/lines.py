"""Lines of a spectrum: where they are, how wide and how high; peaks as well as dips, one or many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.counts import BinomialCounts, Data
from data.analysis.estimates import Estimate
from data.analysis.fits import Fit, Free, check_columns, fit
from data.analysis.flops import rabi_line
from data.analysis.thermal import thermal_nodes
from data.errors import NoSignalError, UndeterminedError

Vector = NDArray[np.float64]
Shape: TypeAlias = Callable[[Vector, float], Vector]
"""Distances from the centre (points,) and a width -> height of the line, 1 at most."""

_BELIEVED: Final = (
    1e-6  # chance of a further line to be noise: there are many places where noise could be one
)
_HOTTEST: Final = 1e5  # phonons that stand for many: the distribution is exponential


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a spectrum.

    Attributes:
        centre: Where it is, in the unit of the scan.
        width: Of its shape, in the same unit; the full width at half maximum of a Lorentzian.
        height: Above its surroundings; below zero for a dip.
    """

    centre: Estimate
    width: Estimate
    height: Estimate


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Lines on a flat ground.

    Attributes:
        lines: In the order of their centres.
        base: The ground.
        fit: Of all of it.
        model: Places (points,) -> what the fit says there.
    """

    lines: tuple[Line, ...]
    base: Estimate
    fit: Fit
    model: Callable[[Vector], Vector]


def lorentzian(distance: Vector, width: float) -> Vector:
    """Return a Lorentzian of full width at half maximum `width` and height 1.

    Example:
        >>> lorentzian(np.array([0.0, 1.0, 3.0]), 2.0).tolist()
        [1.0, 0.5, 0.1]
    """
    return np.asarray(1 / (1 + (2 * distance / width) ** 2))


def gaussian(distance: Vector, width: float) -> Vector:
    """Return a Gaussian of full width at half maximum `width` and height 1.

    Example:
        >>> gaussian(np.array([0.0, 1.0]), 2.0).tolist()
        [1.0, 0.5]
    """
    return np.asarray(2.0 ** (-((2 * distance / width) ** 2)))


def pulse_line(duration: float) -> Shape:
    """Return the shape of a line in a pulse of some length (s); the width is the Rabi frequency.

    The height of the line is that of light which turns the ion by a half.
    """

    def shape(distance: Vector, width: float) -> Vector:
        return rabi_line(distance, duration, width)

    return shape


def warm_sideband(duration: float) -> Shape:
    """Return the shape of a sideband of a warm ion in a pulse of some length.

    Phonon numbers of a warm ion, and so the squares of its Rabi frequencies, are distributed exponentially.
    The width is the Rabi frequency of the mean phonon number.

    Args:
        duration: Of the pulse, s.
    """
    nodes, weights = thermal_nodes(_HOTTEST, 32)
    roots = np.sqrt(nodes / _HOTTEST)

    def shape(distance: Vector, width: float) -> Vector:
        return np.asarray(rabi_line(distance[:, None], duration, width * roots) @ weights)

    return shape


def fit_lines(
    what: str,
    places: ArrayLike,
    data: Data,
    widths: tuple[float, float],
    *,
    most: int = 1,
    sign: int = 1,
    shape: Shape = lorentzian,
    unit: str = "Hz",
) -> Spectrum:
    """Find lines in a spectrum, the clearest first, as long as each is more than noise.

    Args:
        what: The lines are; with an article, for the errors.
        places: Where it was measured, (points,).
        data: What was measured.
        widths: Of the narrowest and the widest line that makes sense.
        most: How many lines are looked for.
        sign: 1 for peaks, -1 for dips.
        shape: Of a line.
        unit: Of the places.

    Returns:
        At least one line, on a flat ground.

    Raises:
        AnalysisError: If there is no line, or the data leave something open.
    """
    column = np.asarray(places, dtype=np.float64)
    check_columns(places=column, values=data.values)
    spectrum = _add_line(what, column, data, widths, sign, shape, unit, ())
    while len(spectrum.lines) < most:
        try:
            more = _add_line(what, column, data, widths, sign, shape, unit, tuple(spectrum.fit.values))
        except (NoSignalError, UndeterminedError):
            break
        spectrum = more
    return spectrum


def _add_line(
    what: str,
    places: Vector,
    data: Data,
    widths: tuple[float, float],
    sign: int,
    shape: Shape,
    unit: str,
    known: tuple[float, ...],
) -> Spectrum:
    """Fit one line more than the parameters of those that are known describe."""
    count = len(known) // 3 + 1
    top = 1.0 if isinstance(data, BinomialCounts) else 2 * float(data.values.max()) + 1.0

    def predict(at: Vector, values: Vector) -> Vector:
        total = np.full(len(at), values[0])
        for centre, width, height in values[1:].reshape(-1, 3):
            total = total + sign * height * shape(at - centre, width)
        return total

    free = [Free("base", 0.0, top, step=top / 100)]
    for number in range(1, count + 1):
        free += [
            Free(f"centre {number}", float(places.min()), float(places.max()), unit, widths[0] / 20),
            Free(f"width {number}", *widths, unit, widths[0] / 20),
            Free(f"height {number}", 0.0, 2 * top, step=top / 100),
        ]
    spread = float(np.ptp(data.values))
    ground = known[:1] or (float(data.values.min() if sign > 0 else data.values.max()),)
    tried = [float(width) for width in np.geomspace(*widths, 10)]
    heights = [spread] if not known else [spread / 8, spread / 3, spread]
    starts = [
        (*ground, *known[1:], float(centre), width, height)
        for centre in np.unique(places)
        for width in tried
        for height in heights
    ]
    found = fit(what, lambda values: predict(places, values), free, starts, data, signal=not known)
    if known:
        _believe(what, data.deviance(predict(places, np.array(known))) - found.deviance)
    rows = [
        Line(*(found[f"{part} {number}"] for part in ("centre", "width", "height")))
        for number in range(1, count + 1)
    ]
    signed = [Line(r.centre, r.width, Estimate(sign * r.height.value, r.height.error)) for r in rows]
    ordered = tuple(sorted(signed, key=lambda line: line.centre.value))
    return Spectrum(ordered, found["base"], found, lambda at: predict(at, found.values))


def _believe(what: str, gain: float) -> None:
    """Refuse a further line that gains less than noise could."""
    from scipy.special import chdtrc  # noqa: PLC0415 - slow to import

    chance = float(chdtrc(3, max(gain, 0.0)))
    if chance > _BELIEVED:
        raise NoSignalError(what, chance, _BELIEVED)
