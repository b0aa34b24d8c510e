"""How entangled two ions are: Bell fidelity from populations and the contrast of the parity."""

from __future__ import annotations

import math

from data.analysis.estimates import Estimate


def parity_fidelity(even: Estimate, contrast: Estimate) -> Estimate:
    """Return the fidelity with the nearest Bell state (|00> + e^{i phi} |11>) / sqrt 2.

    F = (P00 + P11) / 2 + |rho_{00,11}|; the parity behind quarter turns of a scanned phase oscillates with
    the contrast 2 |rho_{00,11}| in its probability to be even.

    Args:
        even: P00 + P11.
        contrast: Of the probability of an even outcome, highest less lowest.

    Source: C. Sackett et al., Nature 404, 256 (2000).

    Example:
        >>> print(parity_fidelity(Estimate(0.98, 0.004), Estimate(0.94, 0.01)))
        0.960(5)
    """
    return Estimate((even.value + contrast.value) / 2, math.hypot(even.error, contrast.error) / 2)
