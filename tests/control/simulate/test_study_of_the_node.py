"""A study of the simulated node itself: what is turned there shows in what is measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from study_contents import contents

from control import Experiment
from control.simulate import Simulated, simulate
from data import Run, open_run
from data.analysis import binomial
from sequences import Block, serial
from sequences.library import Node, doppler_cool, generate_photon, optical_pump


class OnePhoton(Experiment):
    """Makes one photon, and tells how often it is detected."""

    def sequence(self, node: Node) -> Block:
        photon = generate_photon(node, 30e-6, 40e-6)
        return serial(doppler_cool(node, 1e-3), optical_pump(node, 60e-6), photon)

    def analyse(self, run: Run) -> Mapping[str, object]:
        counts = run.record(0).counts
        clicked = (counts["photon_h"] + counts["photon_v"])[:, 0] > 0
        detected = binomial(int(clicked.sum()), len(clicked))
        return {"detected": detected.value, "detected_error": detected.error}


def study(out: Path, workers: int) -> Simulated:
    return simulate(
        OnePhoton(),
        vary=["node.optics_transmission = 30 %, 60 %"],
        shots=1000,
        block=500,
        seed=1,
        setup="single_ion",
        workers=workers,
        out=out,
    )


@pytest.mark.slow
def test_half_the_light_is_half_the_photons_whoever_plays(tmp_path: Path) -> None:
    dim, bright = (outcome.results for outcome in study(tmp_path / "one", 1).outcomes)
    assert bright["detected"] > 0.05
    # Dark counts apart, of which 40 us have few; four standard deviations.
    error = (dim["detected_error"] ** 2 + bright["detected_error"] ** 2 / 4) ** 0.5
    assert dim["detected"] == pytest.approx(bright["detected"] / 2, abs=4 * error)
    two = study(tmp_path / "two", 2)
    assert contents(tmp_path / "two") == contents(tmp_path / "one")
    run = two.outcomes[1].run
    assert run is not None
    with open_run(run) as recorded:
        assert recorded.parameters["node.optics_transmission"].value == 0.6
        assert recorded.record(0).shots == 1000
