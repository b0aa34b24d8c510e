"""The experiments that come with setups of their own, in a few shots: they run, and say what they should."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from control import run
from control.cli import main
from control.experiments.experiment import Experiment
from control.experiments.multiplexed_photons import MultiplexedPhotons
from control.experiments.photon_efficiency import PhotonEfficiency
from data import open_run


def results(experiment: Experiment, setup: str, folder: Path) -> dict[str, Any]:
    with open_run(run(experiment, setup=setup, seed=3, out=folder)) as measured:
        return dict(measured.results)


def test_every_ion_of_a_resting_string_sends_its_photon(tmp_path: Path) -> None:
    found = results(MultiplexedPhotons(rounds=40), "three_ions", tmp_path)
    # Some 0.33 each; 360 attempts: 0.025 for an ion.
    assert [row["detection_probability"] for row in found["ions"]] == pytest.approx([0.33] * 3, abs=0.13)
    assert found["success_probability"] == pytest.approx(1 - 0.67**3, abs=0.13)
    title = MultiplexedPhotons().table(found).title
    assert title == f"Pairs: {found['attempts_per_second']:.3g} attempts, " + (
        f"{found['successes_per_second']:.3g} successes a second"
    )


def test_an_echo_turns_the_ions_over_and_the_analysis_turns_them_back(tmp_path: Path) -> None:
    # Qubits stored for 100 us with a half turn in the middle: the pairs are as good as those read at once.
    found = results(MultiplexedPhotons(rounds=60, echo=40e-6), "three_ions", tmp_path)
    middle = found["ions"][1]
    assert middle["linear_bell_fidelity"] > 0.85
    # |5,V> and |3,H> in the order of the joint basis: without turning back it would be the other two.
    density = middle["density"]["real"]
    assert density[0][0] + density[3][3] > 0.85


def test_a_fixed_beam_is_told_before_anything_is_played(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["run", "multiplexed_photons"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.strip() == (
        "ionloom: multiplexed_photons points the 393 nm beam from ion to ion, "
        "but there is no 'raman_deflector': measure it with --setup three_ions or three_ions_101km"
    )


def test_the_efficiency_is_that_of_the_clicks_and_of_the_path(tmp_path: Path) -> None:
    experiment = PhotonEfficiency(shots=300, cycles=0)
    found = results(experiment, "single_ion", tmp_path)
    assert found["detection_probability"] == found["clicks"] / found["shots"]
    assert found["cavity_output_probability"] == pytest.approx(found["detection_probability"] / 0.68)
    # Without sideband cooling motion weakens the coupling, but pulses of 150 us make up for most of it.
    assert found["detection_probability"] == pytest.approx(0.42, abs=0.12)
    rows = dict(experiment.table(found).rows)
    assert rows["shots"] == "300"
    assert rows["photon detected"].endswith("%")
