"""Filter functions against integrals that are known, and against noise that is drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hardware_sim.physics.dephasing import (
    contrast_of_flicker,
    contrast_of_laser,
    contrast_of_line,
    contrast_of_offset,
    filter_response,
)
from hardware_sim.physics.noise import flicker_lines

ECHO = (0.5,)


def cpmg(pulses: int) -> list[float]:
    return [(number + 0.5) / pulses for number in range(pulses)]


def test_known_filters() -> None:
    frequency, wait = np.array([3.0, 17.0, 62.5, 410.0]), 8e-3
    x = math.pi * frequency * wait
    assert filter_response(frequency, wait) == pytest.approx(wait * np.abs(np.sin(x) / x))
    assert filter_response(frequency, wait, ECHO) == pytest.approx(wait * np.sin(x / 2) ** 2 / (x / 2))
    # An even number n of evenly spaced half turns, Cywinski et al. (2008), table I.
    n = 6
    expected = wait * 2 * np.abs(np.sin(x) * np.sin(x / (2 * n)) ** 2 / np.cos(x / n)) / x
    assert filter_response(frequency, wait, cpmg(n)) == pytest.approx(expected)


def test_a_line_passes_where_half_turns_follow_it() -> None:
    # Eight half turns in 80 ms: their peak is at 50 Hz, where each half wave counts with its own sign.
    at_peak = filter_response(np.array([50.0]), 80e-3, cpmg(8))[0]
    assert at_peak == pytest.approx(80e-3 * 2 / math.pi)
    assert filter_response(np.array([25.0]), 80e-3, cpmg(8))[0] < 0.1 * at_peak
    assert contrast_of_line(10.0, 50.0, 80e-3, cpmg(8)) < 0.3
    assert contrast_of_line(10.0, 25.0, 80e-3, cpmg(8)) > 0.95


def test_what_is_constant_in_a_shot_dephases_as_a_gaussian() -> None:
    phases = 2 * np.pi * 12.0 * 10e-3 * np.random.default_rng(1).standard_normal(200_000)
    assert contrast_of_offset(12.0, 10e-3) == pytest.approx(np.cos(phases).mean(), abs=5e-3)


@pytest.mark.parametrize("flips", [(), ECHO, cpmg(4)])
def test_flicker_that_is_drawn_dephases_as_its_filter_says(flips: list[float]) -> None:
    shots, wait = 40_000, 20e-3
    lines = flicker_lines(np.random.default_rng(5), shots, 6.0, 1.0, 1e3)
    every, edges = np.arange(shots), np.array([0.0, *flips, 1.0]) * wait
    turned = np.diff([lines.integral(every, np.full(shots, edge)) for edge in edges], axis=0)
    signs = (-1.0) ** np.arange(len(turned))
    seen = np.cos(2 * np.pi * (signs @ turned)).mean()
    # Five standard errors, and what lines at random frequencies are from a Gaussian at this contrast.
    assert seen == pytest.approx(contrast_of_flicker(6.0, 1.0, 1e3, wait, flips), abs=0.01)


def test_the_shipped_noise_leaves_the_published_contrast() -> None:
    # 0.57(8) after 20 ms without echo; 1/f noise from 1 mHz to 1 kHz, the part below 1 Hz constant in a shot,
    # and a laser of 1 Hz; 1.118 MHz/G on S1/2(-1/2)-D5/2(-3/2).
    constant = 0.0059e-3 * 1.118e6
    decade = 0.34e-9 * 1e4 * 1.118e6
    contrast = (
        contrast_of_offset(constant, 20e-3)
        * contrast_of_flicker(decade, 1.0, 1e3, 20e-3)
        * contrast_of_laser(1.0, 20e-3)
    )
    assert contrast == pytest.approx(0.57, abs=0.01)
    # Three decades of it make what is constant.
    assert constant == pytest.approx(math.sqrt(3) * decade, rel=0.01)
    # With echo, 1/e was published after 62(3) ms. This noise, which knows nothing of that, takes 91 ms.
    after = contrast_of_flicker(decade, 1.0, 1e3, 91e-3, ECHO) * contrast_of_laser(1.0, 91e-3)
    assert after == pytest.approx(math.exp(-1), abs=0.01)
