"""Endcaps through timelines: where they hold the string, filters that remember, kicks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hardware_sim.core.electrodes import LOWER, UPPER, Endcaps
from hardware_sim.core.signals import Signals, Voltage
from hardware_sim.physics.errors import ConfinementError

US = 10**6  # ps
AXIAL = 0.3e6


def timeline(duration: int, **voltages: tuple[list[int], list[float]]) -> Signals:
    """Return the signals of a timeline of some duration (us); times of the voltages are in ps."""
    parts = {"upper": UPPER, "lower": LOWER}
    staircases = {
        parts[name]: Voltage(np.array(times), np.array(volts)) for name, (times, volts) in voltages.items()
    }
    return Signals(duration * US, (), (), staircases, {})


@pytest.fixture
def endcaps(innsbruck: Any) -> Endcaps:
    return Endcaps(innsbruck.properties)


def test_endcaps_rest_at_what_the_setup_says(endcaps: Endcaps) -> None:
    endcaps.begin(timeline(10))
    assert endcaps.axial_frequency(0) == pytest.approx(29.076e3 * 106**0.5, rel=1e-3)
    assert endcaps.centre(0, AXIAL) == 0.0


def test_a_difference_pushes_the_string_away_from_the_higher_endcap(endcaps: Endcaps) -> None:
    endcaps.begin(timeline(200, upper=([0], [111.0]), lower=([0], [101.0])))
    # e E / (m w^2) with 2.3 V/m for each volt.
    expected = 2.414424e6 * 2.3 * 10 / (2 * np.pi * AXIAL) ** 2
    assert endcaps.centre(150 * US, AXIAL) == pytest.approx(expected, rel=1e-3)
    assert endcaps.axial_frequency(150 * US) == pytest.approx(29.076e3 * 106**0.5, rel=1e-3)


def test_the_filter_needs_its_time(endcaps: Endcaps) -> None:
    endcaps.begin(timeline(200, upper=([10 * US], [116.0])))
    final = endcaps.centre(200 * US, AXIAL)
    assert endcaps.centre(10 * US, AXIAL) == pytest.approx(0.0, abs=1e-15)
    for wait in (1.0, 5.0, 20.0):  # us
        left = 1 - endcaps.centre(round((10 + wait) * US), AXIAL) / final
        assert left == pytest.approx(np.exp(-2 * np.pi * 50e3 * wait * 1e-6), rel=1e-6)


def test_a_seam_between_timelines_changes_nothing(innsbruck: Any) -> None:
    whole, cut = Endcaps(innsbruck.properties), Endcaps(innsbruck.properties)
    times, volts = [10 * US, 14 * US, 16 * US, 30 * US], [110.0, 90.0, 120.0, 100.0]
    whole.begin(timeline(60, upper=(times, volts)))
    cut.begin(timeline(15, upper=(times[:2], volts[:2])))
    kicks = cut.shake(15 * US, AXIAL, 2)
    cut.begin(timeline(45, upper=([time - 15 * US for time in times[2:]], volts[2:])))
    for time in (17, 25, 31, 45):
        found = cut.centre((time - 15) * US, AXIAL)
        assert found == pytest.approx(whole.centre(time * US, AXIAL), abs=1e-15)
    # Kicks of the second timeline count from its own start.
    turn = np.exp(2j * np.pi * AXIAL * 15e-6)
    assert kicks + turn * cut.shake(45 * US, AXIAL, 2) == pytest.approx(
        whole.shake(60 * US, AXIAL, 2), rel=1e-9
    )


def test_each_step_shakes_once(innsbruck: Any) -> None:
    endcaps, whole = Endcaps(innsbruck.properties), Endcaps(innsbruck.properties)
    endcaps.begin(timeline(60, upper=([0, 20 * US, 60 * US], [110.0, 120.0, 100.0])))
    parts = [endcaps.shake(time * US, AXIAL, 3) for time in (0, 10, 20, 20, 60)]
    assert [abs(part) > 0 for part in parts] == [True, False, True, False, True]
    endcaps.begin(timeline(60))
    assert endcaps.shake(60 * US, AXIAL, 3) == 0
    whole.begin(timeline(60, upper=([0, 20 * US, 60 * US], [110.0, 120.0, 100.0])))
    assert whole.shake(60 * US, AXIAL, 3) == pytest.approx(sum(parts))


def test_a_slow_ramp_shakes_less_than_a_jump(endcaps: Endcaps) -> None:
    way = np.linspace(0, 1, 51)[1:]
    smooth = 106 + 10 * way**3 * (10 - 15 * way + 6 * way**2)
    endcaps.begin(timeline(60, upper=((way * 50 * US).astype(int).tolist(), smooth.tolist())))
    gentle = abs(endcaps.shake(60 * US, AXIAL, 10)) ** 2
    endcaps.begin(timeline(60, upper=([0], [106.0])))
    sudden = abs(endcaps.shake(60 * US, AXIAL, 10)) ** 2
    assert sudden > 1e2
    assert gentle < 1e-2 * sudden


def test_updates_on_a_seam_are_neither_lost_nor_doubled(endcaps: Endcaps) -> None:
    # A channel's grid may move an update a few nanoseconds beyond either end of its timeline.
    endcaps.begin(timeline(10, upper=([-4000, 10 * US + 4000], [110.0, 120.0])))
    first = endcaps.shake(10 * US, AXIAL, 1)
    endcaps.begin(timeline(300))
    assert abs(first) > 0
    assert endcaps.shake(300 * US, AXIAL, 1) == 0
    assert endcaps.centre(299 * US, AXIAL) == pytest.approx(
        2.414424e6 * 2.3 * 14 / (2 * np.pi * AXIAL) ** 2, rel=1e-3
    )


def test_the_string_comes_to_rest_after_the_last_step_of_each_move(endcaps: Endcaps) -> None:
    memory = 120 * US  # six periods of 50 kHz
    moves = timeline(9000, upper=([0, 50 * US, 5000 * US], [1.0, 2.0, 3.0]), lower=([60 * US], [4.0]))
    assert endcaps.rests(moves) == [60 * US + memory, 5000 * US + memory]
    assert endcaps.rests(timeline(10)) == []


def test_loading_lowers_endcaps_that_would_fold_the_string(endcaps: Endcaps) -> None:
    endcaps.rest_linear(106.0, 0.1e6)
    assert endcaps.settled_frequency() == pytest.approx(0.1e6)
    endcaps.rest_linear(106.0, 1e6)
    assert endcaps.settled_frequency() == pytest.approx(29.076e3 * 106**0.5, rel=1e-3)


def test_the_settled_frequency_is_that_of_the_end(endcaps: Endcaps) -> None:
    endcaps.begin(timeline(10, upper=([9 * US], [400.0]), lower=([9 * US], [400.0])))
    assert endcaps.settled_frequency() == pytest.approx(29.076e3 * 20, rel=1e-3)
    assert endcaps.axial_frequency(5 * US) == pytest.approx(29.076e3 * 106**0.5, rel=1e-3)


def test_endcaps_below_ground_hold_nothing(endcaps: Endcaps) -> None:
    endcaps.begin(timeline(500, upper=([0], [-80.0]), lower=([0], [-80.0])))
    assert endcaps.axial_frequency(0) > 0
    with pytest.raises(ConfinementError):
        endcaps.axial_frequency(400 * US)
