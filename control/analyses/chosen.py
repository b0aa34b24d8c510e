"""What an analysis was asked to look at: a readout or channel, over an axis, of any run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from control.errors import UsageError, nearest

if TYPE_CHECKING:
    from data import Readout, Run
    from data.analysis.counts import BinomialCounts, NormalValues, PoissonCounts

Vector = NDArray[np.float64]

CAMERA: Final = "ions"
"""The readout of the camera, whose counts tell bright ions from dark ones."""

THRESHOLD: Final = "bright_threshold"
"""The calibrated value that tells them apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """One thing that was measured over another.

    Attributes:
        name: of what was measured.
        quantity: what its values are, for a picture.
        axis: name of what was scanned.
        axis_unit: base unit of it.
        places: (points,) scanned values.
        data: what was seen there.
    """

    name: str
    quantity: str
    axis: str
    axis_unit: str
    places: Vector
    data: BinomialCounts | PoissonCounts | NormalValues

    @property
    def errors(self) -> Vector:
        """Standard errors of the values, (points,), as far as they are known without a model."""
        return np.asarray(self.data.weights**-0.5, dtype=np.float64)


def choose(
    run: Run,
    readout: str | None = None,
    axis: str | None = None,
    *,
    window: int | None = None,
    threshold: int | None = None,
    error: float | None = None,
) -> Chosen:
    """Return a readout or channel of a run over one of its axes.

    Counts of ions become numbers of dark ones, by the threshold; all others are counts of all shots.

    Args:
        run: open.
        readout: name of a readout or channel; None for the only one, or the camera.
        axis: name of a scanned number; None for the first.
        window: of the readout, from 1; None for all together.
        threshold: counts from which an ion is bright; None for the calibrated value if it is the camera.
        error: of each value of a channel; None to take it from the scatter of its neighbours.

    Raises:
        UsageError: the run has no such thing; those that it has are told.
        DataError: it cannot be read.
    """
    name, unit, places = _axis(run, axis)
    channels = {channel.name: channel.unit for channel in run.channels}
    if readout in channels or (readout is None and not run.readouts and len(channels) == 1):
        chosen = readout or next(iter(channels))
        values = np.asarray(run.column(f"entry/scan/{chosen}"), dtype=np.float64)
        told = f"{chosen} ({channels[chosen]})" if channels[chosen] else chosen
        return Chosen(chosen, told, name, unit, places, _values(values, error))
    source = readout_named(run, readout, tuple(channels))
    if threshold is None and source.name == CAMERA and THRESHOLD in run.parameters:
        threshold = int(run.parameters[THRESHOLD].value)
    if window is not None and not 1 <= window <= source.width:
        what = f"{source.name} of run {run.id} has no window {window}"
        raise UsageError(what=what, advice=f"It has {source.width}, counted from 1.")
    from data.analysis.counts import BinomialCounts, PoissonCounts  # noqa: PLC0415 - late, as all analysis

    # One column over all points: point by point, all other columns would be read as well.
    counts = run.column(f"entry/shots/counts/{source.name}")
    counts = counts if window is None else counts[:, window - 1 : window]
    point, points = run.column("entry/shots/point"), len(run)
    if threshold is None:
        data = PoissonCounts(np.bincount(point, counts.sum(axis=1), points))
        return Chosen(source.name, f"counts of {source.name}", name, unit, places, data)
    dark = np.bincount(point, (counts < threshold).sum(axis=1), points)
    looks = BinomialCounts(dark, counts.shape[1] * np.bincount(point, minlength=points))
    return Chosen(source.name, f"probability of {source.name} to be dark", name, unit, places, looks)


def readout_named(run: Run, name: str | None, others: tuple[str, ...] = ()) -> Readout:
    """Return a readout of a run.

    Args:
        run: open.
        name: of it; None for the only one, or the camera.
        others: names that would do, too, for the message.

    Raises:
        UsageError: there is none of that name, or it has to be told which.
    """
    known = {readout.name: readout for readout in run.readouts}
    return known[CAMERA] if name is None and CAMERA in known else _named(run, name, known, others)


def counter_named(run: Run, name: str | None) -> Readout:
    """Return a readout of a run whose gates photons come through.

    Args:
        run: open.
        name: of it; None for the only one beside the camera.

    Raises:
        UsageError: there is none of that name, or it has to be told which.
    """
    known = {readout.name: readout for readout in run.readouts}
    counters = {own: readout for own, readout in known.items() if own != CAMERA and readout.counted != "ions"}
    return _named(run, name, counters if name is None and counters else known)


def _named(run: Run, name: str | None, known: Mapping[str, Readout], others: tuple[str, ...] = ()) -> Readout:
    if name is None and len(known) == 1:
        return next(iter(known.values()))
    if name is None:
        names = ", ".join((*known, *others)) or "none"
        raise UsageError(what=f"say which readout of run {run.id}", advice=f"-p readout=... It has: {names}.")
    if name in known:
        return known[name]
    what = f"run {run.id} has no readout {name!r}"
    raise UsageError(what=what, advice=nearest(name, (*known, *others)))


def _axis(run: Run, name: str | None) -> tuple[str, str, Vector]:
    """Return name, unit and values (points,) of an axis of numbers."""
    numbers = {axis.name: axis.unit for axis in run.axes if not axis.text}
    if name is None:
        scanned = [own for own in numbers if len({point[own] for point in run.points}) > 1]
        name = next(iter(scanned), None)
        if name is None:
            what = f"nothing was scanned in run {run.id}"
            raise UsageError(what=what, advice="A fit needs values that differ from point to point.")
    if name not in numbers:
        raise UsageError(what=f"run {run.id} has no axis {name!r}", advice=nearest(name, numbers))
    return name, numbers[name], np.array([point[name] for point in run.points], dtype=np.float64)


def _values(values: Vector, error: float | None) -> NormalValues:
    """Return values of a channel with errors: told, or from the differences of neighbours.

    Source: J. von Neumann et al., Ann. Math. Statist. 12, 153 (1941): half the mean squared successive
        difference is the variance, whatever the slow trend.
    """
    from data.analysis.counts import NormalValues  # noqa: PLC0415

    if error is None:
        error = float(np.sqrt(np.mean(np.diff(values) ** 2) / 2)) if len(values) > 1 else 0.0
    return NormalValues(values, np.full(len(values), error))
