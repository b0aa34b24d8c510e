"""What there is to know of a run, as tables: for the screen and for a page alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from control.experiments.tables import Table
from data.analysis import Estimate
from data.exchange.foreign import read_origin
from data.findings import findings_of
from data.pages import quantities_of
from sequences.units import show

if TYPE_CHECKING:
    from data import ReadingLog, Readout, Run, StoredParameter

DIGITS = 9
"""Of a value that is shown: more than any calibration has."""

LONGEST = 100
"""Characters of a parameter's text in a table."""


def run_table(run: Run) -> Table:
    """Return what a run is: id, times, status, points, axes, code and software."""
    origin = run.header.provenance
    axes = ", ".join(f"{axis.name} ({axis.unit})" if axis.unit else axis.name for axis in run.axes)
    channels = ", ".join(f"{one.name} ({one.unit})" if one.unit else one.name for one in run.channels)
    cameras = ", ".join(f"{one.name} [{one.rows} x {one.columns}]" for one in run.cameras)
    shots, photons = run.header.shots_per_point, run.table_rows["photons"]
    imported = read_origin(run.header.setup)
    written = "not told" if imported else "typed in"
    rows = {
        "id": run.id,
        "file": str(run.path),
        "imported from": str(imported or ""),
        "started": f"{origin.started:%Y-%m-%d %H:%M:%S} UTC, {_length(run)}",
        "status": f"{run.status} {_message(run)}".rstrip(),
        "points": f"{len(run)}, of {shots} shots each" if shots else f"{len(run)}, shots are not told",
        "axes": axes or "none",
        "readouts": ", ".join(map(_readout, run.readouts)) or "none",
        "channels": channels,
        "cameras": cameras,
        "photons": str(photons or ""),
        "seed": "none" if run.header.seed is None else str(run.header.seed),
        "source": f"{origin.source_file or written}, git revision {revision(run)}",
        "made with": _software(run),
    }
    return Table(("run", run.experiment), tuple((name, told) for name, told in rows.items() if told))


def parameters_table(run: Run) -> Table:
    """Return every value that the experiment used, with its error, and where it comes from."""
    rows = tuple(
        (name, _cut(parameter_text(parameter)), _origin(parameter), parameter.help)
        for name, parameter in run.parameters.items()
    )
    return Table(("parameter", "value", "origin", "meaning"), rows)


def results_table(run: Run) -> Table:
    """Return the single values of the latest results, and how many entries the others have."""
    quantities = quantities_of(run.results)
    rows = [(quantity.name, str(quantity)) for quantity in quantities]
    told = {quantity.name for quantity in quantities}
    others = (found for found in findings_of(run.results) if found.name not in told)
    rows += [(found.name, f"{_size(found.value)} {found.unit}".rstrip()) for found in others]
    return Table(("result", "value"), tuple(rows))


def analyses_table(run: Run) -> Table:
    """Return which analyses were made of a run, the newest last."""
    rows = tuple(
        (
            one.name,
            one.by or run.experiment,
            ", ".join(f"{name}={value}" for name, value in one.parameters.items()),
            f"{one.made:%Y-%m-%d %H:%M:%S} UTC",
            one.program,
        )
        for one in run.analyses
    )
    return Table(("version", "analysis", "parameters", "made", "by"), rows)


def readings_table(run: Run) -> Table:
    """Return what instruments said while the run went on: the first and the last value, and all between."""
    return Table(
        ("instrument", "readings", "first", "last", "range", "quality"),
        tuple(_reading_row(log) for log in run.readings.values()),
    )


def messages_table(run: Run) -> Table:
    """Return what there was to tell: messages with their time, then the notes of the timing core."""
    rows = [(f"{one.time:.3f} s", one.level, one.text) for one in run.messages]
    rows += [("", "note", note) for note in run.notes]
    return Table(("time", "level", "text"), tuple(rows))


def environment_table(run: Run) -> Table:
    """Return the version of every package that was installed."""
    return Table(("package", "version"), tuple(run.header.provenance.packages))


def revision(run: Run) -> str:
    """Return the commit of the experiment's code, and whether it had changes."""
    origin = run.header.provenance
    changed = " with changes" if origin.git_dirty else ""
    return f"{origin.git_revision[:12]}{changed}" if origin.git_revision else "none"


def parameter_text(parameter: StoredParameter) -> str:
    """Return the value of a parameter with its unit, and its error in brackets if one is known."""
    value, error = parameter.value, parameter.error
    if not isinstance(value, float):
        return f"{value} {parameter.unit}".rstrip()
    if error is not None and math.isfinite(value) and math.isfinite(error) and error > 0:
        return str(Estimate(value, error, parameter.unit))
    return show(value, parameter.unit, DIGITS)


def _origin(parameter: StoredParameter) -> str:
    return f"{parameter.origin}, run {parameter.run}" if parameter.run else parameter.origin


def _length(run: Run) -> str:
    lasted = (run.ended - run.header.provenance.started).total_seconds() if run.ended is not None else 0.0
    return f"lasted {lasted:.1f} s" if lasted else "how long is not known"  # no run lasts no time at all


def _message(run: Run) -> str:
    """Return what there is to say about the status, unless all of it stands among the messages."""
    return "" if run.message == "; ".join(one.text for one in run.messages) else run.message


def _readout(readout: Readout) -> str:
    """Return the name of a readout, what is counted, and by whom."""
    counted = f"{readout.width} {readout.counted}".rstrip()
    return (
        f"{readout.name} [{counted} of {readout.source}]" if readout.source else f"{readout.name} [{counted}]"
    )


def _software(run: Run) -> str:
    """Return what a run was made with, as far as that is told."""
    origin = run.header.provenance
    if not origin.python:
        return ", ".join(" ".join(package) for package in origin.packages) or "not told"
    platform = f" on {origin.platform}" if origin.platform else ""
    return f"Python {origin.python}{platform}, {len(origin.packages)} packages"


def _cut(text: str) -> str:
    """Return the beginning of a text; what is longer is data, not something to read."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)"


def _size(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"array of {' x '.join(map(str, value.shape)) or '1'}"
    return f"{len(value)} entries" if isinstance(value, list | dict) else str(value)


def _reading_row(log: ReadingLog) -> tuple[str, ...]:
    count = len(log)
    if not count:
        return log.name, "0", "", "", "", ""
    doubtful = int((log.quality != "good").sum())
    quality = "good" if not doubtful else f"{doubtful} of {count} not good: {_worst(log)}"
    first, last = (_reading(log, place) for place in (0, -1))
    return log.name, str(count), first, last, _range(log), quality


def _reading(log: ReadingLog, place: int) -> str:
    value = log.value[place]
    return str(value) if log.value.dtype.kind not in "fiu" else show(float(value), log.unit, 6)


def _range(log: ReadingLog) -> str:
    if log.value.dtype.kind not in "fiu" or np.isnan(log.value).all():
        return ""
    low, high = float(np.nanmin(log.value)), float(np.nanmax(log.value))
    return f"{show(low, log.unit, 6)} to {show(high, log.unit, 6)}"


def _worst(log: ReadingLog) -> str:
    """Return the last quality that is not good, and why."""
    place = int(np.flatnonzero(log.quality != "good")[-1])
    return f"{log.quality[place]} {log.note[place]}".rstrip()
