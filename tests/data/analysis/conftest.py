"""How fits are put to the test: over many data sets, errors must be as large as they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import pytest

from data.analysis.fits import Fit

Coverage: TypeAlias = Callable[[Sequence[Fit], Mapping[str, float]], None]

SIGMA = 4.5
"""Of every check here, in standard errors of what is checked: false alarm in 7e-6 of all seeds, two-sided."""


def check_coverage(fits: Sequence[Fit], truth: Mapping[str, float]) -> None:
    """Make sure that pulls, (found - true) / error, have mean 0 and width 1, and p-values mean 1/2.

    To the mean, 0.25 is added for the bias of likelihood fits to few data, which falls with their number; to
    the width 0.1 for the same reason. The standard error of a width is one over the root of twice the fits.
    """
    number = len(fits)
    for name, true in truth.items():
        pulls = np.array([(fit[name].value - true) / fit[name].error for fit in fits])
        assert abs(pulls.mean()) < 0.25 + SIGMA / number**0.5, f"{name}: mean of the pulls {pulls.mean():.2f}"
        width = pulls.std(ddof=1)
        assert abs(width - 1) < 0.1 + SIGMA / (2 * number) ** 0.5, f"{name}: width of the pulls {width:.2f}"
    chances = np.array([fit.p_value for fit in fits])
    assert abs(chances.mean() - 0.5) < 0.03 + SIGMA / (12 * number) ** 0.5, f"p-values {chances.mean():.2f}"


@pytest.fixture
def coverage() -> Coverage:
    """The check itself."""
    return check_coverage
