"""What drifts and happens around the ions, without any ions being played."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from hardware_sim.constants import BOLTZMANN, PLANCK
from hardware_sim.physics.collisions import mean_kick
from hardware_sim.properties import NodeProperties
from hardware_sim.world.errors import ImpossiblePace, ImpossibleTime, UnknownEvent
from hardware_sim.world.events import EVENTS
from hardware_sim.world.melting import collision_heat, melting_heat
from hardware_sim.world.pace import Pace
from hardware_sim.world.weather import Weather
from hardware_sim.world.world import STILL, World

S = 10**12  # ps
HOUR = 3600 * S


def world(lab: Any, seed: int = 1, **properties: float) -> World:
    return World(lab.but(**properties).properties, np.random.default_rng(seed))


def quiet_world(lab: Any, **properties: float) -> World:
    """Return a world in which nothing happens by itself, but for what the properties say."""
    never = {name: 0.0 for name in STILL if name.endswith("_rate")}
    return world(lab, **(never | properties))


def values(weather: Weather, row: int = 0) -> dict[str, float]:
    return {field.name: float(getattr(weather, field.name)[row]) for field in fields(Weather)}


def test_a_lab_is_calibrated_when_its_time_begins(innsbruck: Any) -> None:
    now = values(world(innsbruck).weather(np.array([0])))
    assert now == {name: (1.0 if name.endswith("_power") else 0.0) for name in now}


def test_a_short_run_after_a_calibration_notices_nothing(innsbruck: Any) -> None:
    # Two minutes: lasers and the cavity within a few hundredths of their lines, places within a hundredth of
    # a fringe, a field that is below the noise.
    for seed in range(20):
        now = values(world(innsbruck, seed).weather(np.array([120 * S])))
        assert max(abs(now[name]) for name in ("cooling", "repump", "quench")) < 0.6e6
        assert abs(now["raman"] - now["cavity"]) < 0.02 * 70e3
        assert abs(now["qubit"]) < 25.0
        assert abs(now["field"]) < 0.5e-9
        assert abs(now["cavity_place"]) < 0.05e-6
        assert now["raman_power"] == pytest.approx(1, abs=0.01)
        assert abs(now["fibre"]) < 0.002


def test_drifts_are_those_of_the_literature(innsbruck: Any) -> None:
    day = np.array([21 * HOUR, HOUR, HOUR // 4])
    drifted = [world(innsbruck, seed).weather(day) for seed in range(80)]
    five_sigma = 5 / math.sqrt(2 * 80)
    # Published: 3 MHz in 21 h, 720 Hz in an hour, 0.7(3) % in 15 min.
    assert np.std([w.cooling[0] for w in drifted]) == pytest.approx(3e6, rel=five_sigma)
    assert np.std([w.repump[0] for w in drifted]) == pytest.approx(3e6, rel=five_sigma)
    assert [drifted[0].raman[1], drifted[0].raman[0]] == pytest.approx([720.0, 21 * 720.0])
    assert np.std([w.raman_power[2] for w in drifted]) == pytest.approx(0.007, rel=five_sigma)
    # Places settle: most of the way in the first hour, and done after a few.
    place = drifted[0].cavity_place
    assert place[1] == pytest.approx(0.7e-6)
    later = world(innsbruck).weather(np.array([8 * HOUR, 9 * HOUR])).cavity_place
    assert later[1] - later[0] < 0.003e-6
    independent = np.corrcoef([w.cooling[0] for w in drifted], [w.repump[0] for w in drifted])[0, 1]
    assert abs(independent) < 5 / math.sqrt(80)


def test_a_lab_may_have_been_calibrated_long_ago(innsbruck: Any) -> None:
    old = values(world(innsbruck, lab_age=10 * 3600.0).weather(np.array([0])))
    assert old["raman"] == pytest.approx(7200.0)
    assert abs(old["cooling"]) > 1e3
    assert old["cavity_place"] > 0.7e-6


def test_weather_is_a_function_of_lab_time(innsbruck: Any) -> None:
    times = np.sort(np.random.default_rng(1).integers(0, 3 * HOUR, 50))
    once, piecewise = world(innsbruck).weather(times), world(innsbruck)
    for part in (slice(0, 7), slice(7, 50)):
        weather = piecewise.weather(times[part])
        for field in fields(Weather):
            assert np.array_equal(getattr(weather, field.name), getattr(once, field.name)[part])


def test_a_still_lab_neither_drifts_nor_fails(innsbruck: Any) -> None:
    still = World.still(innsbruck.properties)
    still.load(10, 0)
    still.advance(0, 1000 * HOUR)
    assert still.notes(0) == []
    drifted = values(still.weather(np.array([9 * HOUR])))
    assert drifted == {name: (1.0 if name.endswith("_power") else 0.0) for name in drifted}


def test_things_happen_at_their_rates(innsbruck: Any) -> None:
    seen: Counter[str] = Counter()
    labs, span = 400, 1000
    for seed in range(labs):
        one = world(innsbruck, seed, collision_rate=1e-3, laser_unlock_rate=1e-3, pressure_wander=0.0)
        one.load(5, 0)
        one.advance(0, span * S)
        seen.update(told.event.name for told in one._story)
    rates = {"gas collision": 5e-3, "729 unlock": 1e-3, "393 unlock": 1e-3, "ion loss": 5 * 1.16e-5}
    for name, rate in rates.items():
        expected = rate * span * labs
        assert abs(seen[name] - expected) < 5 * math.sqrt(expected)


def test_collisions_follow_the_pressure(innsbruck: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {}
    for pressure in (1.0, 0.5, 2.0):
        one = world(innsbruck, collision_rate=1.0)
        monkeypatch.setattr(one._drifts, "pressure", lambda _time, now=pressure: now)
        one.load(1, 0)
        one.advance(0, 4000 * S)
        counts[pressure] = Counter(told.event.name for told in one._story)["gas collision"]
    for pressure, seen in counts.items():
        assert abs(seen - 4000 * pressure) < 5 * math.sqrt(4000 * pressure)


def test_an_unlocked_laser_is_gigahertz_off_until_it_is_back(innsbruck: Any) -> None:
    lab = quiet_world(innsbruck)
    lab.provoke("729 unlock", 3.2)
    lab.advance(0, S)
    assert lab.shots_before_change(0, S) == 3
    assert abs(lab.weather(np.array([3 * S])).qubit[0]) < 100
    lab.advance(3 * S, 4 * S)
    # From the start of the shot in which it happens until the start of the first one when it is over.
    assert lab.shots_before_change(3 * S, S) == 6
    off = lab.weather(np.array([3 * S, 8 * S]))
    assert np.abs(off.qubit) == pytest.approx([2e9, 2e9], abs=1e3)
    assert abs(off.raman[0]) < 10
    assert lab.notes(4 * S) == ["at 3.2 s the 729 nm laser lost its lock; it was back at 8.2 s"]
    lab.advance(9 * S, 10 * S)
    assert abs(lab.weather(np.array([9 * S])).qubit[0]) < 100
    # It is told once more for the point that it reached into, and then no more.
    assert lab.notes(9 * S) == ["at 3.2 s the 729 nm laser lost its lock; it was back at 8.2 s"]
    assert lab.notes(9 * S) == []


@pytest.mark.parametrize(
    ("name", "quantity", "note"),
    [
        ("397 unlock", "cooling", "at 1 s the 397 nm laser lost its lock; it was back at 6 s"),
        ("866 unlock", "repump", "at 1 s the 866 nm laser lost its lock; it was back at 6 s"),
        ("854 unlock", "quench", "at 1 s the 854 nm laser lost its lock; it was back at 6 s"),
        ("393 unlock", "raman", "at 1 s the 393 nm laser lost its lock; it was back at 6 s"),
        ("cavity unlock", "cavity", "at 1 s the cavity lost its lock; it was back at 6 s"),
        ("elevator", "field", "at 1 s the elevator changed the magnetic field; it was back at 21 s"),
    ],
)
def test_every_accident_reaches_its_quantity_and_is_noted(
    innsbruck: Any, name: str, quantity: str, note: str
) -> None:
    lab, before = quiet_world(innsbruck), quiet_world(innsbruck)
    lab.provoke(name, 1.0)
    lab.advance(S, 2 * S)
    shifted, usual = (values(w.weather(np.array([S]))) for w in (lab, before))
    changed = {key: shifted[key] - usual[key] for key in shifted if shifted[key] != usual[key]}
    size = 1.07e-8 if name == "elevator" else 2e9
    assert {key: abs(value) for key, value in changed.items()} == {quantity: pytest.approx(size)}
    assert lab.notes(2 * S) == [note]


def test_ions_are_lost_one_by_one_until_they_are_loaded_again(innsbruck: Any) -> None:
    lab = quiet_world(innsbruck)
    lab.load(2, 0)
    for at in (1.0, 2.0, 3.0):
        lab.provoke("ion loss", at)
    lab.advance(S, 2 * S)
    assert lab.ions == 1
    lab.advance(5 * S, 6 * S)
    assert lab.ions == 0
    # One that is not there cannot be lost. Events that come late happen with the next shot.
    told = ["at 1 s an ion was lost: 1 of 2 are left", "at 5 s an ion was lost: 0 of 2 are left"]
    assert lab.notes(6 * S) == told
    assert lab.notes(7 * S) == told
    lab.load(3, 8 * S)
    assert (lab.ions, lab.notes(9 * S)) == (3, [])


def test_a_collision_melts_the_string_until_it_freezes(innsbruck: Any) -> None:
    lab = quiet_world(innsbruck)
    lab.load(10, 0)
    lab.provoke("gas collision", 1.5)
    lab.advance(S, 2 * S)
    assert 0.0 < (lab.heat or 0.0) < collision_heat(BOLTZMANN * 1000.0, 10)
    assert lab.state(2 * S)["crystal"] == (0.0, "")
    assert lab.notes(2 * S) == [
        "at 1.5 s a collision with background gas melted the string, and it has not frozen since"
    ]
    lab.freeze(2 * S + S // 4)
    assert lab.heat is None
    assert lab.state(3 * S)["crystal"] == (1.0, "")
    told = "at 1.5 s a collision with background gas melted the string; it was a crystal again at 2.25 s"
    assert lab.notes(3 * S) == [told]
    assert lab.notes(3 * S) == []


@pytest.mark.parametrize("ions", [1, 5])
def test_a_collision_too_weak_for_two_ions_to_change_places_only_heats(innsbruck: Any, ions: int) -> None:
    lab = quiet_world(innsbruck)
    # So stiff that no molecule of a gas at room temperature manages; nothing holds a single ion to a place.
    lab.load(ions, 0, held=(3e6, 40e6))
    lab.provoke("gas collision", 1.5)
    lab.advance(S, 2 * S)
    assert lab.heat is not None
    assert lab.state(2 * S)["crystal"] == (1.0, "")
    began = "at 1.5 s a collision with background gas heated the string"
    assert lab.notes(2 * S) == [f"{began}, and it is not cold yet"]
    lab.freeze(3 * S)
    assert lab.notes(4 * S) == [f"{began}; it was cold again at 3 s"]


def test_most_collisions_melt_ten_ions(innsbruck: Any) -> None:
    # The barrier of the shipped string is 3 K; hydrogen gives 41 K on average, one in eight gets less.
    molten, heats = 0, []
    for seed in range(100):
        lab = World(innsbruck.but(**dict.fromkeys(STILL, 0.0)).properties, np.random.default_rng(seed))
        lab.load(10, 0, held=(0.3e6, 2.4e6))
        lab.provoke("gas collision", 0.0)
        lab.advance(0, S)
        assert lab.heat is not None
        molten += lab.molten
        heats.append(lab.heat)
    assert 0.75 < molten / 100 < 0.98
    assert np.mean(heats) == pytest.approx(collision_heat(mean_kick(), 10), rel=0.3)


def test_heat_is_that_of_the_gas_and_of_a_crystal() -> None:
    # 41 K of one ion are 860 thousand quanta of 1 MHz; 16 mK melt ions 6 um apart.
    assert collision_heat(mean_kick(), 1) * 3 == pytest.approx(0.857e12, rel=1e-2)
    assert collision_heat(mean_kick(), 10) == pytest.approx(collision_heat(mean_kick(), 1) / 10)
    assert melting_heat(6e-6) * PLANCK / BOLTZMANN == pytest.approx(16e-3, rel=0.02)
    assert collision_heat(mean_kick(), 100) > 2 * melting_heat(4e-6)


def test_what_was_over_before_the_first_shot_is_not_told(innsbruck: Any) -> None:
    lab = quiet_world(innsbruck, laser_unlock_rate=0.01)
    lab.load(1, HOUR)
    lab.advance(HOUR, HOUR + S)
    still_off = lab.notes(HOUR + S)
    begun = [told.at_ps for told in lab._story]
    # 180 unlocks in an hour of loading; those of the last 5 s are still of interest, and began when they did.
    assert len(still_off) < 5
    assert all(HOUR - 5 * S < at < HOUR + S for at in begun)
    off = lab.weather(np.array([HOUR]))
    away = [abs(off.cooling[0]), abs(off.repump[0]), abs(off.quench[0]), abs(off.raman[0]), abs(off.qubit[0])]
    assert sum(value > 1e9 for value in away) == len(lab._active)


def test_an_unlock_during_loading_lasts_into_the_first_shots_from_when_it_began(innsbruck: Any) -> None:
    lab = quiet_world(innsbruck)
    lab._due["729 unlock"] = HOUR - 2 * S
    lab._due["397 unlock"] = HOUR - 5 * S
    lab.provoke("393 unlock", 10.0)
    lab.load(1, HOUR)
    lab.advance(HOUR, HOUR + S)
    assert lab.notes(HOUR + S) == [
        "at 3600 s the 393 nm laser lost its lock; it was back at 3605 s",
        "at 3598 s the 729 nm laser lost its lock; it was back at 3603 s",
    ]


def test_shots_share_their_mean_drift_only_as_long_as_nobody_notices(innsbruck: Any) -> None:
    # The shipped lab: minutes. 100 kHz/s is noticed after 50 ms, a twentieth of a linewidth.
    assert 300 < quiet_world(innsbruck).steady_shots(S) < 3600
    assert quiet_world(innsbruck, raman_drift=360e6).steady_shots(10**9) == 50
    assert quiet_world(innsbruck, raman_drift=-360e6).steady_shots(S) == 1
    assert quiet_world(innsbruck, diode_wander=50e6).steady_shots(10**9) == 360
    assert World.still(innsbruck.properties).steady_shots(S) > 10**6


def test_same_seed_same_fate(innsbruck: Any) -> None:
    def fate(seed: int) -> list[str]:
        one = world(innsbruck, seed, collision_rate=0.01)
        one.load(3, 0)
        one.advance(0, 500 * S)
        return one.notes(500 * S)

    assert fate(4) == fate(4)
    assert fate(4) != fate(5)


def test_the_state_is_told_with_units(innsbruck: Any) -> None:
    lab = quiet_world(innsbruck)
    lab.load(4, 0)
    lab.provoke("cavity unlock", 0.0)
    lab.provoke("gas collision", 0.0)
    lab.advance(0, S)
    state = lab.state(S)
    assert state["lab time"] == (1.0, "s")
    assert state["ions"] == (4.0, "")
    assert (state["crystal"], state["cavity locked"], state["729 locked"]) == (
        (0.0, ""),
        (0.0, ""),
        (1.0, ""),
    )
    assert abs(state["cavity offset"][0]) == pytest.approx(2e9)
    assert state["pressure"][0] == pytest.approx(1.0, abs=0.01)
    assert {unit for _, unit in state.values()} == {"", "s", "Hz", "T", "m", "turn"}


MESSAGES = [
    (
        UnknownEvent("ion los", tuple(EVENTS)),
        "no event of this lab is called 'ion los'; did you mean ion loss?",
    ),
    (
        ImpossibleTime("ion loss", -1.0),
        "'ion loss' cannot happen at -1 s of lab time: give a time from 0 s on, "
        "which is when the lab was started",
    ),
    (
        ImpossiblePace(0.0),
        "lab time cannot run 0 times as fast as a clock: give a number above 0, such as 1 or 10",
    ),
]


@pytest.mark.parametrize(("error", "text"), MESSAGES, ids=lambda case: type(case).__name__)
def test_messages(error: ValueError, text: str) -> None:
    assert str(error) == text


def test_what_does_not_exist_is_refused(innsbruck: Any) -> None:
    lab = quiet_world(innsbruck)
    with pytest.raises(UnknownEvent):
        lab.provoke("earthquake", 1.0)
    for at in (-1.0, math.nan, math.inf):
        with pytest.raises(ImpossibleTime):
            lab.provoke("ion loss", at)
    for pace in (0.0, -1.0, math.nan):
        with pytest.raises(ImpossiblePace):
            Pace(pace)


class Wall:
    """A clock that goes while somebody sleeps or works."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


def test_lab_time_does_not_run_ahead_of_the_wall() -> None:
    wall = Wall()
    pace = Pace(10.0, lambda: wall.now, wall.sleep)
    pace.keep(20.0)
    assert wall.slept == pytest.approx(2.0)
    wall.now += 5.0  # the computer was slower than that: nothing is waited for until lab time has caught up
    pace.keep(60.0)
    assert wall.slept == pytest.approx(2.0)
    pace.keep(90.0)
    assert wall.slept == pytest.approx(4.0)
    pace.change(1.0, 90.0)
    pace.keep(91.0)
    assert wall.slept == pytest.approx(5.0)
    pace.change(math.inf, 91.0)
    pace.keep(1e9)
    assert wall.slept == pytest.approx(5.0)


def test_the_shipped_rates_are_declared(innsbruck: Any) -> None:
    own = innsbruck.properties
    assert isinstance(own, NodeProperties)
    assert own.ion_loss_rate * 86400 == pytest.approx(1.0, rel=0.01)  # published: about one day
    for event in EVENTS.values():
        assert event.rate_of(own, 2) == getattr(own, event.rate) * (2 if event.each_ion else 1)
