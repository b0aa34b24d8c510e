"""What was seen at every point, without any model: for a first look, and for other programs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from data import Run
    from data.columns import Record


def analyse(run: Run) -> Mapping[str, object]:
    """Return the totals of a run, and of every point its values, mean counts with errors, and channels."""
    channels = {channel.name: run.column(f"entry/scan/{channel.name}").tolist() for channel in run.channels}
    rows: list[dict[str, Any]] = []
    totals = {"shots": 0, "attempts": 0, "heralds": 0, "photons": 0}
    duration_ps = 0
    for index, record in enumerate(run.records()):
        rows.append(
            {
                **run.points[index],
                **_means(record),
                **{name: column[index] for name, column in channels.items()},
            }
        )
        totals["shots"] += record.shots
        totals["attempts"] += len(record.attempts)
        totals["heralds"] += int(record.attempts.heralded.sum())
        totals["photons"] += len(record.tags)
        duration_ps += record.duration_ps
    units = {axis.name: axis.unit for axis in run.axes} | {"duration": "s"}
    return {**totals, "duration": duration_ps * 1e-12, "points": rows, "units": units}


def _means(record: Record) -> dict[str, Any]:
    """Return mean counts of a shot and their standard errors, one a window."""
    means: dict[str, Any] = {}
    for name, counts in record.counts.items():
        shots, width = counts.shape
        mean = counts.mean(axis=0) if shots else np.full(width, math.nan)
        error = counts.std(axis=0, ddof=1) / math.sqrt(shots) if shots > 1 else np.full(width, math.nan)
        one = width == 1
        means[name] = float(mean[0]) if one else mean.tolist()
        means[f"{name}_error"] = float(error[0]) if one else error.tolist()
    return means
