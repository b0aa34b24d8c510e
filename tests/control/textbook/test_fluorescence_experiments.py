"""Scans of the cooling light and of the repumper, and the image of a string."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from control.experiments.textbook.doppler_scan import DopplerScan
from control.experiments.textbook.repump_scan import RepumpScan
from control.experiments.textbook.string_image import StringImage

Measure = Callable[..., Any]


@pytest.mark.slow
def test_ions_are_coldest_red_of_the_line_and_hot_on_its_blue_side(measure: Measure) -> None:
    """The line is 11.2 MHz above the setting of the light."""
    experiment = DopplerScan(shots=60, reddest=-18e6, bluest=20e6, steps=5, lengths=14, longest=100e-6)
    found = measure(experiment)
    rows = found.results["detunings"]
    assert len(rows) == 5
    known = {row["detuning"]: row["phonons"] for row in rows if row["phonons"] is not None}
    # Above the line light heats: nothing flops any more, or badly.
    assert known.get(20e6, 1e9) > 3 * min(known.values())
    assert -18e6 <= found.results["coldest_detuning"] < 11e6
    # The brightest ions are near the line, and brighter than at half a linewidth below it.
    rates = {row["detuning"]: row["rate"] for row in rows}
    assert rates[1e6] > 1.5 * rates[-18e6]
    assert found.results["brightest_rate"] == max(rates.values())


@pytest.mark.slow
def test_a_line_that_moved_is_brighter_elsewhere(measure: Measure, node: dict[str, float]) -> None:
    experiment = DopplerScan(shots=30, reddest=-12e6, bluest=0.0, steps=2, lengths=6)
    moved = node["doppler_resonance"] - 6e6
    here, there = measure(experiment), measure(experiment, doppler_resonance=f"{moved} Hz")
    rate = {True: here.results["detunings"], False: there.results["detunings"]}
    # 12 MHz less of light: what was below the line by 23 MHz is so by 11 MHz, and brighter.
    assert rate[False][0]["detuning"] == -12e6
    assert rate[False][0]["rate"] > rate[True][0]["rate"] * 1.3


@pytest.mark.slow
def test_repumping_matters(measure: Measure, node: dict[str, float]) -> None:
    """Without 866 nm light all ions are dark; a line that moved is followed."""
    experiment = RepumpScan(shots=60, steps=31)
    found = measure(experiment)
    dark = measure(experiment, repump_saturation="0")
    assert dark.results["brightest_rate"] < 0.2 * found.results["brightest_rate"]
    moved = measure(experiment, repump_resonance=f"{node['repump_resonance'] - 8e6} Hz")
    one, two = (np.array(seen.results["data"]["counts"], dtype=float) for seen in (found, moved))
    # 16 MHz of light are 5.33 steps of 3 MHz: the best overlap is at 5 or 6 of them.
    overlaps = [float(np.corrcoef(one[shift:], two[: len(two) - shift])[0, 1]) for shift in range(10)]
    assert abs(int(np.argmax(overlaps)) - 5.33) < 2


def test_the_image_of_a_string(measure: Measure) -> None:
    """Ions where they are planned; a belief of 5 % too much push shows as a string that is 5 % too long."""
    experiment = StringImage(ions=2, shots=200)
    found = measure(experiment, setup="innsbruck", path_transmission="1")
    assert found.agrees("scale", 1.0, also=0.005)
    assert found.agrees("shift", 0.0, also=50e-9)
    assert [row["ion"] for row in found.results["ions"]] == [1, 2]
    # 14 kcps of an ion over 1 kcps, and what of the neighbour's light falls beside it.
    assert found.results["background_rate"] == pytest.approx(1000, rel=0.05)
    assert 12e3 < found.results["bright_rate"] < 18e3
    wrong = measure(
        experiment, setup="innsbruck", path_transmission="1", believed={"field_per_volt": 2.3 * 1.05}
    )
    assert wrong.agrees("scale", 1.05, also=0.005)
    assert wrong.results["axial_mode"] < found.results["axial_mode"]


def test_an_image_without_photons_still_tells_the_camera(measure: Measure) -> None:
    found = measure(StringImage(ions=2, shots=20, step=1e-6), setup="innsbruck", path_transmission="0")
    assert found.results["scale"] is None
    assert "refused" in found.results
    assert found.results["bright_rate"] > 1e4
