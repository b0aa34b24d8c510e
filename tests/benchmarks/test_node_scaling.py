"""How the simulated node scales with ions and shots: ratios within one run, and memory."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from control.experiments.ten_ion_register import TenIonRegister
from control.setup import Setup, read_setup
from hardware_sim import NodeProperties
from hardware_sim.core.core import SimulatedCore
from hardware_sim.properties import read_properties
from hardware_sim.surroundings import Surroundings, confinement
from hardware_sim.wiring import read_wiring
from sequences.compiler import compile_sequence
from sequences.language import sequence
from sequences.library import Node


@pytest.fixture(scope="module")
def setup() -> Setup:
    return read_setup("innsbruck")


def register(setup: Setup, ions: int) -> Callable[[int], Any]:
    """Return a register that is loaded and warm: every table that does not depend on shots is worked out."""
    properties = _properties(setup)
    experiment = TenIonRegister(ions=ions)
    node = Node.of(setup.target, setup.calibration)
    point = experiment.points(node)[1]
    program = compile_sequence(
        sequence("register", experiment.sequence(node)), setup.target, point.parameters
    )
    core = SimulatedCore(properties, read_wiring(setup.tables)[0].parts, np.random.default_rng(1))
    radial, loss = confinement(properties, properties.rf_frequency, properties.rf_power)
    around = Surroundings(radial, loss, properties.half_wave_plate_mount, properties.quarter_wave_plate_mount)
    core.load(ions, around)

    def play(shots: int) -> Any:
        return core.play(program, shots, around)

    play(2)
    play(2)
    return play


def _properties(setup: Setup) -> NodeProperties:
    properties, _ = read_properties(setup.tables["node"])
    assert properties is not None
    return replace(properties, path_transmission=1.0)


@pytest.mark.parametrize("ions", [10, 50, 200])
@pytest.mark.slow
def test_playing_a_train(benchmark: Any, setup: Setup, ions: int) -> None:
    play = register(setup, ions)
    shots = 10_000 // ions
    record = benchmark.pedantic(play, (shots,), rounds=3, warmup_rounds=1)
    assert record.notes == ()
    assert record.counts["ions"].shape == (shots, ions)
    # Disabled benchmarks have no statistics.
    if benchmark.stats is not None:
        benchmark.extra_info["us_per_ion_and_shot"] = 1e6 * benchmark.stats.stats.min / (ions * shots)


def peak_bytes(play: Callable[[int], Any], shots: int) -> int:
    """Return the most memory that playing takes at a time."""
    gc.collect()
    tracemalloc.start()
    try:
        play(shots)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("ions", [4, 30])
@pytest.mark.slow
def test_memory_grows_no_faster_than_the_shots(setup: Setup, ions: int) -> None:
    play = register(setup, ions)
    few, many = peak_bytes(play, 200), peak_bytes(play, 800)
    assert many < 4.2 * few


@pytest.mark.slow
def test_memory_of_an_ion_and_shot_does_not_grow_with_the_string(setup: Setup) -> None:
    # The difference of two numbers of shots leaves out what does not depend on them.
    each = []
    for ions in (5, 40):
        play = register(setup, ions)
        each.append((peak_bytes(play, 800) - peak_bytes(play, 200)) / (600 * ions))
    assert each[1] < 1.5 * each[0]
    assert max(each) < 3000
