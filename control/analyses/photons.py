"""Photons of any run: when they come, and whether they come alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from control.analyses.chosen import photon_columns, readout_named
from control.errors import UsageError
from sequences.declarations import Declaration

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Readout, Run

Length = Annotated[float, Declaration(float, "of a window", unit="s", low=1e-9, high=10.0, optional=True)]
Count = Annotated[int, Declaration(int, "how many", low=1, high=100_000)]


def wave_packet(
    run: Run, readout: str | None = None, window: Length | None = None, bins: Count = 60
) -> Mapping[str, object]:
    """Return how often a photon is seen, when, and the histogram of arrivals.

    Args:
        run: with time tags.
        readout: name of a counter; None for the only one.
        window: how long it was open, s; None for the last arrival.
        bins: of the histogram.
    """
    from data.analysis import average_arrival, bin_arrivals, binomial, median_arrival  # noqa: PLC0415

    counter = readout_named(run, readout)
    times, windows = photon_columns(run, counter.name)
    if not len(times):
        what = f"no time tags of {counter.name} in run {run.id}"
        raise UsageError(what=what, advice="Choose another with -p readout=... .")
    clicked = sum(int((record.counts[counter.name] > 0).sum()) for record in run.records())
    length = window if window is not None else float(times.max() + 1) * 1e-12
    packet = bin_arrivals(times, windows, length, bins)
    return {
        "photon_probability": binomial(clicked, windows),
        "mean_arrival": average_arrival(times),
        "median_arrival": median_arrival(times),
        "clicks": len(times),
        "windows": windows,
        "outside": packet.outside,
        "readout": counter.name,
        "packet": {"edges": packet.edges, "rate": packet.rate, "rate_error": packet.rate_error},
    }


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
    """Return the correlation of the clicks of two detectors over the attempts between them.

    Windows of a readout are taken as attempts, one after the other.

    Args:
        run: of two counters with several windows.
        first: name of the one; None for the first counter that has a partner.
        second: name of the other.
        lags: largest difference of attempts.
    """
    from data.analysis import correlate  # noqa: PLC0415 - late, as all analysis

    names = _two_counters(run, first, second)
    one, two = (np.concatenate([record.counts[name] for record in run.records()]) for name in names)
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
    """Return the names of two counters with as many windows each, at least two."""
    several = [readout for readout in run.readouts if readout.width > 1]
    one = readout_named(run, first) if first is not None else next(iter(several), None)
    other: Readout | None = None
    if second is not None:
        other = readout_named(run, second)
    elif one is not None:
        other = next((r for r in several if r.name != one.name and r.width == one.width), None)
    if one is None or other is None or one.width != other.width or one.width < 2:
        widths = ", ".join(f"{readout.name} [{readout.width}]" for readout in run.readouts) or "none"
        what = f"g2 needs two counters of as many windows, at least two each; run {run.id} has {widths}"
        raise UsageError(what=what, advice="Say which: -p first=... -p second=...")
    return one.name, other.name
