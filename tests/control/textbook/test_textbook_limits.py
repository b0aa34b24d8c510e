"""What textbook experiments refuse before they begin, what they leave out, and how they tell a bad fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from control import Experiment, read_setup
from control.experiments.textbook.carrier_rabi import CarrierRabi
from control.experiments.textbook.detuned_rabi import DetunedRabi
from control.experiments.textbook.fitted import DESCRIBES, HOPELESS, verdict
from control.experiments.textbook.photon_wave_packet import PhotonWavePacket
from control.experiments.textbook.ramsey import Ramsey
from control.experiments.textbook.sideband_spectroscopy import SidebandSpectroscopy
from control.experiments.textbook.sideband_thermometry import SidebandThermometry
from control.experiments.textbook.spin_echo import SpinEcho
from control.experiments.textbook.string_image import StringImage
from sequences.compiler import compile_sequence
from sequences.errors import DeclaredValueError
from sequences.language import sequence
from sequences.library import Node
from sequences.targets.artiq import record_program

Measure = Callable[..., Any]

BAD_FIT = "does not describe the data (p = 5e-37): errors mean nothing"


def node_of(name: str) -> Node:
    setup = read_setup(name)
    return Node.of(setup.target, setup.calibration)


@pytest.fixture(scope="module")
def innsbruck() -> Node:
    return node_of("innsbruck")


@pytest.mark.parametrize(
    ("experiment", "words"),
    [
        (
            SidebandThermometry(beam_cosine=0.0),
            "beam_cosine: 0 is wrong here: light across the trap axis does not see the axial mode; "
            "turn the beam",
        ),
        (
            SidebandThermometry(beam_cosine=1.0, mode="radial"),
            "beam_cosine: 1 is wrong here: light along the trap axis does not see the radial mode; "
            "turn the beam",
        ),
        (
            Ramsey(longest=50e-3),
            "longest: 50 ms in 31 steps lets the fringe turn 1.67 times from one wait to the next, above the "
            "limit 0.4: it would look like another detuning. Take at most 12 ms, at least 126 steps, or a "
            "smaller detuning",
        ),
        (
            SpinEcho(longest=10e-6),
            "longest: 10 us in 11 steps begins with 896 ns, but the half turn in the middle needs 10 us; "
            "take at least 110 us, or fewer steps",
        ),
        (
            DetunedRabi(span=20e6),
            "span: 20 MHz in 41 steps looks every 500 kHz, but the line is only 20 kHz wide; take at most "
            "800 kHz, at least 1001 steps, or stronger light",
        ),
    ],
)
def test_what_cannot_be_told_is_refused(experiment: Experiment, words: str, innsbruck: Node) -> None:
    with pytest.raises(DeclaredValueError) as caught:
        experiment.points(innsbruck)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    "experiment",
    [
        Ramsey(longest=10.0, detuning=0.0),
        SpinEcho(longest=10.0),
        SpinEcho(longest=110e-6),
        Ramsey(longest=12e-3),
    ],
)
def test_the_longest_and_shortest_waits_are_accepted(experiment: Experiment, innsbruck: Node) -> None:
    points = experiment.points(innsbruck)
    assert len(points) > 30
    experiment.sequence(innsbruck)


@pytest.mark.parametrize(("cosine", "left_out"), [(0.0, "axial"), (1.0, "radial"), (-1.0, "radial")])
def test_modes_that_light_does_not_see_are_not_scanned(cosine: float, left_out: str, innsbruck: Node) -> None:
    experiment = SidebandSpectroscopy(beam_cosine=cosine)
    windows = experiment.windows(innsbruck.calibration)
    assert len(windows) == 3
    assert not any(name.startswith(left_out) for name in windows)
    assert 1e-6 < experiment.duration(innsbruck.calibration) < 10e-3


@pytest.mark.slow
def test_spectroscopy_says_which_modes_were_left_out(measure: Measure) -> None:
    found = measure(SidebandSpectroscopy(shots=50, beam_cosine=0.0), qubit_axial_cosine="0")
    assert found.results["axial_mode"] is None
    assert found.results["radial_mode"] is not None
    assert found.results["missing"]["axial red"] == "light at beam_cosine 0 does not see this mode"


def test_the_camera_rests_between_exposures() -> None:
    """A Kasli's camera line must fall before it rises again."""
    setup = read_setup("kasli")
    assert setup.kasli is not None
    written = sequence("image", StringImage().sequence(Node.of(setup.target, setup.calibration)))
    program = compile_sequence(written, setup.target, {"displacement": 0.0})
    recording = record_program(program, setup.kasli)
    assert recording.traces


@pytest.mark.parametrize("kind", [Ramsey, SpinEcho])
def test_shots_wait_for_the_mains(kind: type[Experiment], innsbruck: Node) -> None:
    def waits(experiment: Experiment, node: Node) -> int:
        return repr(experiment.sequence(node)).count("Wait(")

    assert waits(kind(), innsbruck) == 1
    assert waits(replace(kind(), mains=False), innsbruck) == 0
    channels = tuple(c for c in innsbruck.target.channels if c.name != "line_trigger")
    without = replace(innsbruck, target=replace(innsbruck.target, channels=channels))
    assert waits(kind(), without) == 0


def test_a_fit_that_fails_is_told_in_words() -> None:
    assert verdict(HOPELESS) == DESCRIBES == "describes the data"
    assert verdict(5e-37) == BAD_FIT
    experiment = CarrierRabi()
    results = {"units": {}, "p_value": 5e-37, "chi_squared": 900.0, "freedom": 46, "fit": BAD_FIT}
    assert ("fit", BAD_FIT) in experiment.table(results).rows
    assert all(row[0] != "fit" for row in experiment.table(results | {"fit": DESCRIBES}).rows)


def test_one_try_tells_how_probable_a_photon_is(measure: Measure) -> None:
    found = measure(PhotonWavePacket(shots=1))
    assert found.results["photon_probability"] is not None
    assert found.results["mean_arrival"] is None
    assert "clicks" in found.table["not found, because"]
