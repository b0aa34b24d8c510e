"""The simulated lab's own time: what can be provoked, how fast it runs, what is told of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from hardware_sim import SimulatedLab
from hardware_sim.bench import Bench
from hardware_sim.surroundings import Surroundings
from hardware_sim.world.errors import ImpossiblePace, UnknownEvent
from hardware_sim.world.events import EVENTS
from hardware_sim.world.pace import Pace
from hardware_sim.world.world import World
from sequences.library import read_ions


class Driven(SimulatedLab):
    """The lab with its trap driven, without anybody at the instruments."""

    driven: Surroundings

    def surroundings(self) -> Surroundings:
        return self.driven


class Wall:
    """A clock that goes while somebody sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        return sum(self.slept)


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def lab(innsbruck: Any, wall: Wall) -> Iterator[Driven]:
    bench = Bench(innsbruck.tables["instruments"], np.random.default_rng(1), innsbruck.properties, {})
    world = World(innsbruck.properties, np.random.default_rng(2))
    pace = Pace(math.inf, wall.now, wall.slept.append)
    opened = Driven(innsbruck.properties, innsbruck.wiring, bench, np.random.default_rng(3), world, pace)
    opened.driven = innsbruck.surroundings()
    yield opened
    opened.close()


def test_a_lab_waits_for_the_wall_only_if_asked(innsbruck: Any, lab: Driven, wall: Wall) -> None:
    program = innsbruck.program(read_ions(innsbruck.node, 10e-3))
    lab.load(1)
    lab.play(program, 100)
    lab.catch_up()
    assert wall.slept == []
    lab.run_at(10.0)
    begun = lab.now
    for shots in (200, 100):
        lab.play(program, shots)
        lab.catch_up()
    assert wall.slept == pytest.approx([0.2, 0.1], rel=0.01)
    assert wall.now() == pytest.approx((lab.now - begun) / 10)
    lab.load(1, taking=300.0)
    lab.catch_up()
    assert wall.slept[-1] == pytest.approx(30.0)
    with pytest.raises(ImpossiblePace):
        lab.run_at(0.0)


def test_ctrl_c_ends_the_waiting(innsbruck: Any, lab: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lab._pace, "sleep", interrupted)
    lab.load(1)
    lab.run_at(1e-3)
    lab.play(innsbruck.program(read_ions(innsbruck.node, 1e-3)), 1)
    with pytest.raises(KeyboardInterrupt):
        lab.catch_up()


def test_what_is_provoked_is_noted_in_the_record(innsbruck: Any, lab: Driven) -> None:
    assert lab.events == tuple(EVENTS)
    lab.load(2)
    lab.provoke("ion loss", 0.0)
    assert lab.play(innsbruck.program(read_ions(innsbruck.node, 1e-3)), 5).notes == (
        "at 0 s an ion was lost: 1 of 2 are left",
    )
    with pytest.raises(UnknownEvent, match="did you mean gas collision"):
        lab.provoke("gas colision", 1.0)


def test_the_state_of_the_lab_is_told(innsbruck: Any, lab: Driven) -> None:
    lab.load(3, taking=60.0)
    state = lab.state()
    assert state["lab time"] == (60.0, "s")
    assert state["ions"] == (3.0, "")
    assert state["393 offset"] == (pytest.approx(12.0), "Hz")
    assert lab.world.ions == 3


def test_an_opened_lab_drifts(innsbruck: Any) -> None:
    lab = SimulatedLab.open(innsbruck.tables, innsbruck.node.target, seed=5)
    try:
        lab.load(1, taking=3600.0)
        assert lab.state()["393 offset"][0] == pytest.approx(720.0)
        assert abs(lab.state()["397 offset"][0]) > 1e3
    finally:
        lab.close()
