"""Errors, biases and intervals of whatever is computed from a reconstructed state.

The counts are drawn again many times, each data set is reconstructed as the measured one was, and the
quantity is computed from every state. By default the data sets are drawn from the reconstructed state itself
(the parametric bootstrap): since that state is known, what the samples are off by on average estimates the
bias.

How far to trust it, from 400 data sets of a Bell state of 94 % fidelity in white noise, with 200 samples each
(so every share is good to 1 or 2 %). True value held, in %, at 100 / 200 / 500 counts a setting:

=============================  =============  ===================
quantity                       95 % interval  value +- 1.96 error
=============================  =============  ===================
fidelity with a fixed target   93 / 93 / 93   95 / 95 / 94
the same straight from counts                 95 / 95 / 94
purity                         92 / 93 / 92   91 / 93 / 93
negativity                     93 / 93 / 93   92 / 94 / 94
concurrence                    89 / 89 / 89   83 / 90 / 92
S at declared axes             93 / 93 / 95   93 / 94 / 95
greatest S over all axes       78 / 72 / 48   74 / 70 / 43
=============================  =============  ===================

Drawing by `resample` or `resample_shots` instead gives the same within 3 %. Taking the estimated bias off
brings that of the concurrence from 1.5 / 0.8 / 0.3 to 1.3 / 0.4 / 0.1 %, turns that of the fidelity from -0.2
/ -0.2 / -0.1 to +0.2 / 0.0 / 0.0 %, and leaves that of the greatest S at 0.05 where it was.

Where the true value lies at an end of its range (a pure state; a separable one for concurrence and
negativity), no such interval holds it as often as it says: give a limit there.

Source: B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap (1993), chapters 6, 10, 13; for states
R. Blume-Kohout, arXiv:1202.5270 (2012), which also says where it fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.estimates import Estimate
from data.analysis.projection import check_matrices
from data.analysis.resampling import resample_state
from data.analysis.tomography import reconstruct
from data.errors import InsufficientDataError, RangeError, ShapeError

_TAIL = 5  # samples that an interval must leave out at each end, or its ends are mere extremes


@dataclass(frozen=True, slots=True)
class Judged:
    """A quantity of a reconstructed state with what its samples say of it.

    Attributes:
        estimate: The value of the state, with the standard deviation over the samples.
        bias: Mean of the samples less the value: what a value of this estimator is too high, about.
        low: Lower end of the interval.
        high: Upper end of the interval.
        confidence: Probability that the interval should hold the true value.
    """

    estimate: Estimate
    bias: float
    low: float
    high: float
    confidence: float

    @property
    def corrected(self) -> Estimate:
        """The value less its bias, with the same error; it may leave the range of physical values.

        Only part of the bias is gone then, and none of it for maxima over many directions: see the module.
        """
        return Estimate(self.estimate.value - self.bias, self.estimate.error, self.estimate.unit)


@dataclass(frozen=True, slots=True, eq=False)
class StateBootstrap:
    """A reconstructed state and those reconstructed from resamples.

    Attributes:
        density: Shape (d, d).
        samples: Shape (samples, d, d).
    """

    density: NDArray[np.complex128]
    samples: NDArray[np.complex128]

    def __post_init__(self) -> None:
        if check_matrices("density", self.density).ndim != 2:
            raise ShapeError("density", np.shape(self.density), "(d, d), one state at a time,")
        if check_matrices("samples", self.samples).shape[1:] != self.density.shape:
            expected = f"(samples, {len(self.density)}, {len(self.density)})"
            raise ShapeError("samples", np.shape(self.samples), expected)

    def judge(
        self,
        quantity: Callable[[NDArray[np.complex128]], ArrayLike],
        confidence: float = 0.95,
        unit: str = "",
    ) -> Judged:
        """Compute a quantity of the state and of its samples.

        The interval lies between quantiles of the samples (the percentile method): it keeps to the range of
        physical values, and was better than the reflected ("basic") one in every case tried.

        Args:
            quantity: From states (..., d, d) to values (...), such as `concurrence`.
            confidence: Of the interval, between 0 and 1.
            unit: Of the quantity.

        Returns:
            Value, error, bias and interval.

        Raises:
            RangeError: If the confidence is not between 0 and 1, or a value is not finite.
            InsufficientDataError: If fewer than five samples lie beyond each end of the interval.
        """
        if not 0 < confidence < 1:
            raise RangeError("confidence", confidence, "between 0 and 1", "two standard deviations are 0.95")
        needed = int(np.ceil(2 * _TAIL / (1 - confidence) - 1e-9))
        if len(self.samples) < needed:
            raise InsufficientDataError(f"a {confidence:.4g} interval", len(self.samples), needed, "samples")
        value = float(np.asarray(quantity(self.density)))
        values = np.asarray(quantity(self.samples), dtype=np.float64)
        low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2]).tolist()
        bias = float(values.mean()) - value
        return Judged(Estimate(value, float(values.std(ddof=1)), unit), bias, low, high, confidence)


def bootstrap_state(
    rng: np.random.Generator, counts: ArrayLike, samples: int = 400, effects: ArrayLike | None = None
) -> StateBootstrap:
    """Reconstruct a state, draw data sets from it, and reconstruct these.

    For data sets that are drawn otherwise, give their states to `StateBootstrap`; what they then say of the
    bias is not to be trusted, since they scatter about the measured frequencies, which no state fits.

    Args:
        rng: Source of randomness.
        counts: Whole numbers, shape (settings, outcomes).
        samples: How many to draw; 400 are needed for 95 % intervals with ten beyond each end.
        effects: Shape (settings, outcomes, d, d); by default as in `reconstruct`.

    Returns:
        The state and its samples.

    Raises:
        AnalysisError: As `reconstruct` and `resample_state`.

    Example:
        >>> from data.analysis.entanglement import concurrence
        >>> counts = np.full((9, 4), 50)
        >>> counts[[0, 4, 8]] = [98, 2, 2, 98], [96, 4, 4, 96], [4, 96, 96, 4]
        >>> found = bootstrap_state(np.random.default_rng(1), counts).judge(concurrence)
        >>> print(found.estimate, f"from {found.low:.2f} to {found.high:.2f}")
        0.900(23) from 0.86 to 0.95
    """
    density = reconstruct(counts, effects).density
    if density.ndim != 2:
        raise ShapeError("counts", np.shape(counts), "(settings, outcomes), one data set at a time,")
    draws = resample_state(rng, density, counts, samples, effects)
    return StateBootstrap(density, reconstruct(draws, effects).density)
