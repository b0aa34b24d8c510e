"""The time of attempts at a single ion's photon, against numpy doing the least that they need.

A million attempts are meant to take less than ten seconds on one core. That depends on the computer; the
ratio to a floor of numpy does so much less. Run with `--benchmark-enable`, or as a slow test.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pytest

from control.experiments.single_ion_photon import SingleIonPhoton
from control.setup import Setup, read_setup
from data.columns import Record
from hardware_sim.core.core import SimulatedCore
from hardware_sim.properties import read_properties
from hardware_sim.surroundings import Surroundings, confinement
from hardware_sim.wiring import read_wiring
from sequences.compiler import compile_sequence
from sequences.language import sequence
from sequences.library import Node

SHOTS: Final = 5000
"""Attempt loops, of some 20 attempts each."""

MOST: Final = 80.0
"""Times the floor; 25 to 45 was measured."""


@pytest.fixture(scope="module")
def setup() -> Setup:
    return read_setup("innsbruck")


@pytest.fixture(scope="module")
def play(setup: Setup) -> Callable[[], Record]:
    """Return what plays one setting of the experiment, with all tables worked out."""
    properties, _ = read_properties(setup.tables["node"])
    assert properties is not None
    node, experiment = Node.of(setup.target, setup.calibration), SingleIonPhoton()
    point = experiment.points(node)[1]
    program = compile_sequence(sequence("photon", experiment.sequence(node)), setup.target, point.parameters)
    core = SimulatedCore(properties, read_wiring(setup.tables)[0].parts, np.random.default_rng(1))
    radial, loss = confinement(properties, properties.rf_frequency, properties.rf_power)
    around = Surroundings(radial, loss, properties.half_wave_plate_mount, properties.quarter_wave_plate_mount)
    core.load(1, around)
    core.play(program, 20, around)
    return lambda: core.play(program, SHOTS, around)


def floor(attempts: int) -> None:
    """Do what no attempt can do without: draw six numbers, and turn a density matrix of three levels."""
    rng = np.random.default_rng(1)
    state = np.zeros((SHOTS, 3, 3), dtype=np.complex128)
    for _ in range(attempts // SHOTS):
        phase = np.exp(1j * rng.standard_normal((SHOTS, 3)))
        rng.random((SHOTS, 3))
        state *= phase[:, :, None] * phase[:, None, :].conj()


def seconds(work: Callable[[], Any]) -> float:
    """Return the least of three times, without those in which others had the core."""
    times = []
    for _ in range(3):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)


def test_attempts_at_a_photon(benchmark: Any, play: Callable[[], Record]) -> None:
    record = benchmark.pedantic(play, rounds=3, warmup_rounds=1)
    assert record.notes == ()
    assert len(record.attempts) > 10 * SHOTS
    if benchmark.stats is not None:
        benchmark.extra_info["us_per_attempt"] = 1e6 * benchmark.stats.stats.min / len(record.attempts)


@pytest.mark.timed
def test_an_attempt_costs_a_small_multiple_of_the_least(play: Callable[[], Record]) -> None:
    attempts = len(play().attempts)
    ratio = seconds(play) / seconds(lambda: floor(attempts))
    assert ratio < MOST
