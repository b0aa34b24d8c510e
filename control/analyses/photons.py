"""Photons of any run: when they come, and whether they come alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray

from control.analyses.chosen import CAMERA, counter_named, readout_named
from control.errors import UsageError
from control.experiments.gate_rows import ReadoutGates, gates_of
from sequences.declarations import Declaration

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Record, Run

Length = Annotated[float, Declaration(float, "of a window", unit="s", low=1e-9, high=10.0, optional=True)]
Count = Annotated[int, Declaration(int, "how many", low=1, high=100_000)]
Table = NDArray[np.bool_]


def wave_packet(
    run: Run, readout: str | None = None, window: Length | None = None, bins: Count = 60
) -> Mapping[str, object]:
    """Return how often a photon is seen, when, and the histogram of arrivals.

    Args:
        run: with time tags.
        readout: name of a counter; None for the only one beside the camera.
        window: how long it was open, s; None for the last arrival.
        bins: of the histogram.
    """
    from data.analysis import average_arrival, bin_arrivals, binomial, median_arrival  # noqa: PLC0415

    counter = counter_named(run, readout)
    seen = _arrivals(run, counter.name)
    length = window if window is not None else float(seen.times.max() + 1) * 1e-12
    packet = bin_arrivals(seen.times, seen.windows, length, bins)
    return {
        "photon_probability": binomial(seen.clicked, seen.windows),
        "mean_arrival": average_arrival(seen.times),
        "median_arrival": median_arrival(seen.times),
        "clicks": len(seen.times),
        "windows": seen.windows,
        "outside": packet.outside,
        "readout": counter.name,
        "packet": {"edges": packet.edges, "rate": packet.rate, "rate_error": packet.rate_error},
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Arrivals:
    """What was seen in all windows of a readout.

    Attributes:
        times: Picoseconds since the own window of each click opened, (clicks,).
        clicked: windows with a click, or several.
        windows: that opened, in every attempt if they are in a loop of attempts.
    """

    times: NDArray[np.int64]
    clicked: int
    windows: int


def _arrivals(run: Run, readout: str) -> _Arrivals:
    """Return when photons came, and in how many windows they did and could.

    Raises:
        UsageError: there are none, or no program tells their gates.
    """
    times, clicked, windows = [np.zeros(0, np.int64)], 0, 0
    if len(run.photons):
        (gates,) = gates_of(run, readout)
        for record in run.records():
            mine = np.isin(record.tags.readout, gates.rows)
            since, row = record.tags.window_ps[mine], record.tags.readout[mine]
            # No gate opens twice at one time, whatever the loops are that it is in.
            clicked += np.unique(np.stack([record.tags.t_ps[mine] - since, row]), axis=1).shape[1]
            times.append(since)
            windows += gates.opened(record)
    arrivals = np.concatenate(times)
    if not len(arrivals):
        what = f"no time tags of {readout} in run {run.id}"
        raise UsageError(what=what, advice="Choose another with -p readout=... .")
    return _Arrivals(arrivals, clicked, windows)


def draw_packet(_run: Run, results: Mapping[str, Any], figure: Figure) -> None:
    """Draw the histogram of arrivals."""
    from control.plots import draw_wave_packet  # noqa: PLC0415 - an extra

    packet = results["packet"]
    draw_wave_packet(
        figure.subplots(), packet["edges"], packet["rate"], packet["rate_error"], label=results["readout"]
    )


def g2(
    run: Run, first: str | None = None, second: str | None = None, lags: Count = 5
) -> Mapping[str, object]:
    """Return the correlation of the clicks of two detectors over the windows between them.

    Windows of a shot, or of one attempt of a loop, are compared with each other, one after the other; where
    there is one window alone, both detectors are compared within it.

    Args:
        run: of two counters with as many windows.
        first: name of the one; None for the first counter that has a partner.
        second: name of the other.
        lags: largest difference of windows.
    """
    from data.analysis import correlate  # noqa: PLC0415 - late, as all analysis

    names = _two_counters(run, first, second)
    one, two = _clicks(run, names)
    found = correlate(one, two, most=min(lags, one.shape[1] - 1))
    return {
        "g2_at_zero": found.at_zero,
        "attempts": found.attempts,
        "first": names[0],
        "second": names[1],
        "lag": found.lags,
        "g2": found.g2,
        "g2_error": found.g2_error,
        "coincidences": found.coincidences,
    }


def draw_g2(_run: Run, results: Mapping[str, Any], figure: Figure) -> None:
    """Draw g2 over the lag."""
    from control.plots import DATA  # noqa: PLC0415 - an extra

    axes = figure.subplots()
    axes.bar(results["lag"], results["g2"], width=0.7, color="0.85")
    axes.errorbar(
        results["lag"], results["g2"], yerr=results["g2_error"], fmt="o", ms=3, lw=0.8, capsize=2, color=DATA
    )
    axes.axhline(1, color="0.6", lw=0.8, ls=":")
    axes.set_xlabel("delay (attempts)")
    axes.set_ylabel(f"g2 of {results['first']} and {results['second']}")
    axes.locator_params(axis="x", integer=True)


def _two_counters(run: Run, first: str | None, second: str | None) -> tuple[str, str]:
    """Return the names of two counters with as many windows each."""
    counters = [readout for readout in run.readouts if readout.name != CAMERA]
    ones = counters if first is None else [readout_named(run, first)]
    others = counters if second is None else [readout_named(run, second)]
    pairs = ((one, other) for one in ones for other in others if one.width == other.width)
    for one, other in pairs:
        if one.name != other.name:
            return one.name, other.name
    widths = ", ".join(f"{readout.name} [{readout.width}]" for readout in run.readouts) or "none"
    what = f"g2 needs two counters of as many windows each; run {run.id} has {widths}"
    raise UsageError(what=what, advice="Say which: -p first=... -p second=...")


def _clicks(run: Run, names: tuple[str, str]) -> list[Table]:
    """Return whether each of two counters clicked in each window of each shot, or attempt: (passes, windows).

    Raises:
        UsageError: their windows are not all of one pass, or nobody knows how often they opened.
    """
    records = list(run.records())
    if run.header.program or any(len(record.attempts) for record in records):
        both = gates_of(run, *names)
        if all((gates.each_shot, gates.each_attempt) == (0, len(gates.rows)) for gates in both):
            return [np.concatenate([_by_attempt(record, gates) for record in records]) for gates in both]
        if any((gates.each_shot, gates.each_attempt) != (len(gates.rows), 0) for gates in both):
            what = f"windows of {' and '.join(names)} in run {run.id} open several times, or some in a loop"
            raise UsageError(what=what, advice="g2 needs each window once a shot, or each once an attempt.")
    return [np.concatenate([record.counts[name] > 0 for record in records]) for name in names]


def _by_attempt(record: Record, gates: ReadoutGates) -> Table:
    """Return whether there was a click in each window of each attempt of a point, (attempts, windows)."""
    tags, attempts = record.tags, record.attempts
    mine = np.isin(tags.readout, gates.rows)
    window = np.zeros(max(gates.rows) + 1, np.int64)
    window[list(gates.rows)] = gates.windows
    most = int(attempts.attempt.max(initial=0)) + 1
    keys = attempts.shot * most + attempts.attempt
    order = np.argsort(keys)
    rows = order[np.searchsorted(keys[order], tags.shot[mine] * most + tags.attempt[mine])]
    clicked = np.zeros((len(attempts), max(gates.windows) + 1), np.bool_)
    clicked[rows, window[tags.readout[mine]]] = True
    return clicked
