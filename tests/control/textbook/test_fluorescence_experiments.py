"""Scans of the cooling light and of the repumper, and the image of a string."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from control.experiments.textbook.doppler_scan import DopplerScan
from control.experiments.textbook.repump_scan import RepumpScan
from control.experiments.textbook.string_image import StringImage
from data.analysis import Estimate
from data.analysis.lines import Line
from sequences.library import Transport
from sequences.library.ion_string import COULOMB, string_positions

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


@pytest.mark.slow
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
    assert wrong.results["axial_mode"] > found.results["axial_mode"]


@pytest.mark.parametrize("stiffer", [0.97, 1.0, 1.04])
def test_an_image_tells_how_stiff_the_trap_really_is(stiffer: float) -> None:
    """The fields that bring each ion into the beam, by Newton's law, in a trap that is not as planned."""
    planned, shift = 0.8e6, 0.2e-6
    omega = 2 * np.pi * planned
    lattice = string_positions(3) * np.cbrt(COULOMB / omega**2)
    transport = Transport(planned, lattice, np.zeros(3), np.zeros(3))
    true_places = string_positions(3) * np.cbrt(COULOMB / (stiffer * omega) ** 2)
    # The plan sets the acceleration omega^2 d for a displacement d; the trap answers it with its own omega.
    accelerations = -(true_places + shift) * (stiffer * omega) ** 2
    needed = sorted(accelerations / omega**2)
    width = Estimate(1e-6, 1e-8, "m")
    lines = tuple(Line(Estimate(d, 1e-9, "m"), width, Estimate(0.1, 1e-3)) for d in needed)
    rows: list[dict[str, Any]] = [{} for _ in lines]
    found = StringImage._positions(SimpleNamespace(lines=lines), transport, rows)  # type: ignore[arg-type]
    assert found["axial_mode"].value == pytest.approx(stiffer * planned, rel=1e-6)
    assert found["scale"].value == pytest.approx(stiffer ** (4 / 3), rel=1e-6)
    assert found["shift"].value == pytest.approx(shift * stiffer**2, rel=1e-6)


def test_an_image_without_photons_still_tells_the_camera(measure: Measure) -> None:
    found = measure(StringImage(ions=2, shots=20, step=1e-6), setup="innsbruck", path_transmission="0")
    assert found.results["scale"] is None
    assert "refused" in found.results
    assert found.results["bright_rate"] > 1e4
