"""Fringes: from phases and waits to contrast, detuning and coherence time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.counts import BinomialCounts
from data.analysis.estimates import Estimate
from data.analysis.fits import Fit, Free, Model, check_columns, fit, least_deviance
from data.errors import UndeterminedError

Vector = NDArray[np.float64]

DECAYS: Final[Mapping[str, float]] = {"gaussian": 2.0, "exponential": 1.0}
"""How coherence is lost, by what stays the same for a shot or by what always changes -> the exponent."""

_LEAST_EXPONENT, _MOST_EXPONENT = 0.3, 6.0  # of contrasts that fall like no curve in a textbook

_TURN: Final = 2 * np.pi

_TOLD: Final = 4.0
"""Deviance by which the data must contradict the slowest and the fastest law to tell one: two errors."""

_REFUTED: Final = 9.0
"""Deviance by which the data must contradict an exponential to be of another law: three errors."""

_CLEAR: Final = 3.0
"""Standard errors above which a fringe shows its phase."""


def fringe(phases: ArrayLike, contrast: ArrayLike, offset: float = 0.5) -> Vector:
    """Return the probability offset + contrast/2 cos(2 pi phase); phases in turns, shapes (...)."""
    return np.asarray(offset + np.asarray(contrast) / 2 * np.cos(_TURN * np.asarray(phases)))


def decayed(waits: Vector, contrast: float, rate: float, exponent: float) -> Vector:
    """Return the contrast (points,) that is left after waits (s)."""
    return np.asarray(contrast * np.exp(-((rate * waits) ** exponent)))


def fit_fringe(phases: ArrayLike, dark: ArrayLike, shots: ArrayLike, harmonic: int = 1) -> Fit:
    """Fit a fringe over a phase.

    Args:
        phases: Turns, (points,).
        dark: Successes, (points,).
        shots: Of how many, (points,) or one number.
        harmonic: Fringes in one turn: 1 for a qubit, 2 for the parity of two.

    Returns:
        ``contrast``, ``phase`` (turns of the fringe, -0.5 to 0.5: it is highest where harmonic times the
        scanned phase is minus this) and ``offset``.

    Raises:
        AnalysisError: If there is no fringe, or too few points.
    """
    what = "a fringe"
    places = harmonic * np.asarray(phases, dtype=np.float64)
    data = BinomialCounts(dark, shots)
    check_columns(phases=places, dark=data.successes)

    def model(values: Vector) -> Vector:
        contrast, phase, offset = values.tolist()
        return fringe(places + phase, contrast, offset)

    free = (
        Free("contrast", 0.0, 1.0, step=0.02),
        Free("phase", -1.25, 1.25, "turn", 0.01),
        Free("offset", 0.0, 1.0, step=0.02),
    )
    starts = [(contrast, phase / 8, 0.5) for contrast in (0.3, 0.9) for phase in range(-4, 4)]
    found = fit(what, model, free, starts, data, signal=True)
    phase = found["phase"]
    found.estimates["phase"] = Estimate((phase.value + 0.5) % 1.0 - 0.5, phase.error, phase.unit)
    return found


def fit_ramsey(
    waits: ArrayLike, phases: ArrayLike, dark: ArrayLike, shots: ArrayLike, decay: str = "gaussian"
) -> Fit:
    """Fit Ramsey fringes over waits, measured with several phases of the second pulse at each of them.

    Two phases that are no half turn apart tell the sign of the detuning; three tell contrast and offset
    apart, too, where the light is on resonance.

    Args:
        waits: s, (points,).
        phases: Of the second pulse, turns, (points,).
        dark: How often the ion went dark, (points,).
        shots: Of how many, (points,) or one number.
        decay: One of `DECAYS`.

    Returns:
        ``detuning`` of the light (Hz); ``contrast`` without wait; ``phase`` (turns) without wait; the
        ``decay_rate``, at one over which the contrast has fallen to 1/e, 1/s; and ``offset``.

    Raises:
        AnalysisError: If there are no fringes, or something is left open.

    Source: N. Ramsey, Phys. Rev. 78, 695 (1950).
    """
    what = "a Ramsey fringe"
    times, turns = np.asarray(waits, dtype=np.float64), np.asarray(phases, dtype=np.float64)
    data = BinomialCounts(dark, shots)
    check_columns(waits=times, phases=turns, dark=data.successes)
    exponent = DECAYS[decay]

    def model(values: Vector) -> Vector:
        detuning, contrast, phase, rate, offset = values.tolist()
        left = decayed(times, contrast, rate, exponent)
        return fringe(detuning * times + turns + phase, left, offset)

    longest = float(times.max())
    steps = np.diff(np.unique(times))
    fastest = 0.5 / float(np.median(steps)) if len(steps) else 1 / longest
    free = (
        Free("detuning", -fastest, fastest, "Hz", 0.01 / longest),
        Free("contrast", 0.0, 1.0, step=0.02),
        Free("phase", -1.25, 1.25, "turn", 0.01),
        Free("decay_rate", 0.0, 5 * fastest, "1/s", 0.05 / longest),
        Free("offset", 0.0, 1.0, step=0.02),
    )
    detunings = np.arange(-fastest, fastest, 0.2 / longest)
    starts = [(float(f), 0.9, 0.0, rate / longest, 0.5) for f in detunings for rate in (0.2, 2.0)]
    return fit(what, model, free, starts, data, signal=True)


def phase_shifts(
    waits: ArrayLike, phases: ArrayLike, dark: ArrayLike, shots: ArrayLike
) -> tuple[Vector, int]:
    """Return by how much the fringe of each wait is shifted against that of all waits together.

    What is the same in every shot, as the field of the mains after a wait for it, turns the fringe by another
    angle at each wait, and takes no contrast away. A fringe too weak to show its phase counts as not shifted.

    Args:
        waits: s, (points,).
        phases: Of the last pulse, turns, (points,); evenly over a turn at each wait.
        dark: How often the ion went dark, (points,).
        shots: Of how many, (points,) or one number.

    Returns:
        Shifts, turns, (points,), to be added to the phases; and how many of them were found.
    """
    times, turns = np.asarray(waits, dtype=np.float64), np.asarray(phases, dtype=np.float64)
    data = BinomialCounts(dark, shots)
    parts = data.values * np.exp(-1j * _TURN * turns)
    shifts, found = np.zeros(len(times)), 0
    for time in np.unique(times):
        rows = times == time
        scatter = float(np.sqrt((data.errors[rows] ** 2).sum() / 2))
        if abs(parts[rows].sum()) > _CLEAR * scatter:
            shifts[rows] = np.angle(parts[rows].sum() / parts.sum()) / _TURN
            found += 1
    return shifts, found


def fit_coherence(
    waits: ArrayLike, phases: ArrayLike, dark: ArrayLike, shots: ArrayLike, spent: int = 0
) -> Fit:
    """Fit the loss of contrast over waits, where the phase stays: an echo, or decoupling.

    The contrast falls as exp(-(rate t)^exponent): an exponent of 1 is that of fast noise or of decay, 2 and
    more that of noise which is slow against the wait. Where so little is lost that the data do not tell by
    what law, the contrast and the rate are those of an exponential. Errors of contrast, rate and exponent are
    the longer sides of their profiles: contrasts near 1 and rates near 0 have no even ones.

    Args:
        waits: s, (points,).
        phases: Of the last pulse, turns, (points,); some at each wait.
        dark: How often the ion went dark, (points,).
        shots: Of how many, (points,) or one number.
        spent: Phases that were taken from the same data before, see `phase_shifts`.

    Returns:
        ``contrast`` without wait, ``decay_rate`` (1/s), ``phase`` (turns), ``offset``, and the ``exponent``
        if the data tell it.

    Raises:
        AnalysisError: If there is no contrast, or something else is left open.
    """
    times, turns = np.asarray(waits, dtype=np.float64), np.asarray(phases, dtype=np.float64)
    data = BinomialCounts(dark, shots)
    check_columns(waits=times, phases=turns, dark=data.successes)
    what = "the decay of a contrast"
    free, held = _decay(times, turns), _decay(times, turns, 1.0)
    slowest, fastest = (_decay(times, turns, end) for end in (_LEAST_EXPONENT, _MOST_EXPONENT))
    best, plain, *ends = (least_deviance(*one, data) for one in (free, held, slowest, fastest))
    if min(ends) > best + _TOLD or plain > best + _REFUTED:
        try:
            return fit(what, *free, data, signal=True, spent=spent)
        except UndeterminedError:  # an exponent beyond all that are looked for
            pass
    return fit(what, *held, data, signal=True, spent=spent)


def _decay(
    times: Vector, turns: Vector, exponent: float | None = None
) -> tuple[Model, list[Free], list[tuple[float, ...]]]:
    """Return the model of a decay whose exponent is free or given, its parameters, and where to start."""

    def model(values: Vector) -> Vector:
        contrast, rate, phase, offset = values[:4].tolist()
        law = float(values[4]) if exponent is None else exponent
        return fringe(turns + phase, decayed(times, contrast, rate, law), offset)

    longest, shortest = float(times.max()), float(times[times > 0].min(initial=times.max()))
    free = [
        Free("contrast", 0.0, 1.0, step=0.02, skewed=True),
        Free("decay_rate", 0.0, 5 / shortest, "1/s", 0.05 / longest, skewed=True),
        Free("phase", -1.25, 1.25, "turn", 0.01),
        Free("offset", 0.0, 1.0, step=0.02),
        Free("exponent", _LEAST_EXPONENT, _MOST_EXPONENT, step=0.1, skewed=True),
    ][: 5 if exponent is None else 4]
    starts = [
        (0.9, float(rate), phase / 4, 0.5, law)[: len(free)]
        for rate in np.geomspace(0.1 / longest, 2 / shortest, 6)
        for law in ((1.0, 2.0) if exponent is None else (exponent,))
        for phase in range(-2, 2)
    ]
    return model, free, starts


def contrast_at(phases: ArrayLike, dark: ArrayLike, shots: ArrayLike, phase: float) -> Estimate:
    """Return the contrast of a fringe whose phase is known, without bias: noise makes it negative as often.

    Args:
        phases: Turns, (points,), evenly over whole turns.
        dark: Successes, (points,).
        shots: Of how many, (points,) or one number.
        phase: Of the fringe, turns.

    Returns:
        The contrast; below zero for a fringe turned over.

    Example:
        >>> print(contrast_at([0.0, 0.5], [95, 5], 100, phase=0.0))
        0.900(32)
    """
    data = BinomialCounts(dark, shots)
    shape = np.cos(_TURN * (np.asarray(phases, dtype=np.float64) + phase))
    scale = 2 / float(shape @ shape)
    error = scale * float(np.sqrt(shape**2 @ data.errors**2))
    return Estimate(scale * float(shape @ (data.values - 0.5)), error)
