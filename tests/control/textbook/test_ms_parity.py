"""The entangling gate: what it needs, and what is seen where nothing entangles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from control import read_setup, run
from control.errors import ConfigError
from control.experiments.textbook.ms_parity import MsParity
from control.plan import make_plan
from data import open_run

ACCIDENTS = ("laser_unlock_rate", "cavity_unlock_rate", "collision_rate", "ion_loss_rate")


def lab(folder: Path, *lines: str) -> Path:
    """Write a setup that differs from the shipped one in some lines."""
    file = folder / "lab.toml"
    file.write_text("\n".join(['extends = "innsbruck"', 'name = "lab"', *lines]), encoding="utf-8")
    return file


def test_a_setup_without_gate_tones_says_what_to_add() -> None:
    setup = read_setup("single_ion")
    names = ("gate_red", "gate_blue")
    channels = tuple(channel for channel in setup.target.channels if channel.name not in names)
    with pytest.raises(ConfigError) as told:
        make_plan(MsParity(), replace(setup, target=replace(setup.target, channels=channels)))
    first, second = told.value.problems
    assert first == (
        "the setup has no channel 'gate_red', which a Molmer-Sorensen gate needs; add [channels.gate_red] "
        'with kind = "dds", drives = "gate red tone", and a number and a grid'
    )
    assert "[channels.gate_blue]" in second


@pytest.mark.slow
def test_two_ions_are_entangled(tmp_path: Path) -> None:
    """Sideband-cooled ions, with all noise: a fidelity of 0.97(2), within 4.5 standard errors.

    Analysis pulses that are calibrated for ten ions and the camera have most of what is missing. The parity
    of |SS> + i |DD> is a sine of twice the phase.
    """
    calm = [f'{name} = {{ value = "0 1/s", source = "assumed" }}' for name in ACCIDENTS]
    experiment = MsParity(shots=150, phases=8)
    with open_run(run(experiment, setup=lab(tmp_path, "[node]", *calm), seed=1, out=tmp_path)) as recorded:
        results = recorded.results
    assert abs(results["fidelity"] - 0.97) < 4.5 * results["fidelity_error"] + 0.02
    assert results["even_population"] > 0.95
    assert results["parity_contrast"] > 0.9
    assert results["parity_phase"] == pytest.approx(-0.25, abs=0.03)


def test_ions_that_nothing_entangles_have_no_parity_fringe(tmp_path: Path) -> None:
    """Tones that drive nothing: two ions in S1/2 are alike; behind quarter turns, half of the time."""
    file = lab(tmp_path, *(f'[channels.{name}]\ndrives = ""' for name in ("gate_red", "gate_blue")))
    experiment = MsParity(shots=100, phases=8, cycles=0)
    with open_run(run(experiment, setup=file, seed=1, out=tmp_path)) as recorded:
        results = recorded.results
        rows = dict(experiment.table(results).rows)
        alike = results["data"]["alike"]
    assert alike[0] > 95
    # Eight times 100 shots at one half, 4.5 standard errors of 5 each; warm ions turn by a little less.
    assert all(abs(count - 50) < 4.5 * 5 + 5 for count in alike[1:])
    assert results["fidelity"] is None
    assert "a fringe does not show in the data" in rows["not found, because"]
