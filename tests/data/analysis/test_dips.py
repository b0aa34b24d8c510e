"""Dips: dark resonances in a bright line, and noise that is none."""

from __future__ import annotations

import numpy as np
import pytest

from data.analysis.dips import find_dips
from data.errors import InsufficientDataError

PLACES = np.linspace(-30e6, 30e6, 121)


def bright(*dips: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A line 40 MHz wide with dips 1.5 MHz wide, and at most 3000 counts."""
    line = 3000 / (1 + (PLACES / 20e6) ** 2)
    for centre in dips:
        line = line * (1 - 0.8 / (1 + ((PLACES - centre) / 0.75e6) ** 2))
    return np.asarray(line)


def test_all_dips_are_found() -> None:
    """Each centre within 5 of its errors, and 0.1 MHz for a dip that is no parabola on a slope."""
    truth = (-11.2e6, -3.1e6, 4.7e6)
    counts = np.random.default_rng(1).poisson(bright(*truth))
    found = find_dips(PLACES, counts)
    assert len(found) == 3
    for dip, centre in zip(found, truth, strict=True):
        assert abs(dip.value - centre) < 5 * dip.error + 0.1e6
        assert dip.unit == "Hz"


def test_noise_is_no_dip() -> None:
    """A dip stands 5 errors deep on both sides: none in 200 smooth lines."""
    rng = np.random.default_rng(2)
    assert not any(find_dips(PLACES, rng.poisson(bright())) for _ in range(200))


def test_the_order_of_the_points_does_not_matter() -> None:
    counts = np.random.default_rng(3).poisson(bright(2e6))
    order = np.random.default_rng(4).permutation(len(PLACES))
    assert find_dips(PLACES[order], counts[order]) == find_dips(PLACES, counts)


def test_ends_are_no_dips() -> None:
    assert find_dips(np.arange(9.0), np.arange(9) * 1000) == []
    assert find_dips(np.arange(9.0), np.full(9, 400)) == []


def test_too_few_points() -> None:
    with pytest.raises(
        InsufficientDataError, match="a search for dips needs at least 5 points, but there are 4"
    ):
        find_dips(np.arange(4.0), np.ones(4))
