"""The string on its stage, and what is remembered of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hardware_sim.core.stage import Tables, find_string
from hardware_sim.core.string import make_string
from hardware_sim.core.tables import MOST_TABLES, recall
from hardware_sim.physics.errors import ZigzagError


def test_a_string_has_modes_in_three_directions(innsbruck: Any) -> None:
    string = make_string(innsbruck.properties, 3, 0.869e6, 2.4e6)
    # Published: 5.26(10) um between three ions at 0.869 MHz.
    assert np.diff(string.positions) == pytest.approx(5.263e-6, rel=1e-3)
    assert string.frequencies[[0, 1, 2]] == pytest.approx(0.869e6 * np.sqrt([1, 3, 5.8]))
    assert string.frequencies[list(string.centre_of_mass)] == pytest.approx([0.869e6, 2.40e6, 2.44e6])


def test_light_at_45_degrees_feels_half_of_each_axial_recoil(innsbruck: Any) -> None:
    string = make_string(innsbruck.properties, 1, 0.9e6, 2.4e6)
    # Recoil 9.39 kHz at 729 nm; 32.3 kHz at 393 nm and, at 85.3 degrees, 6.84 kHz at 854 nm.
    assert string.qubit[:, 0] == pytest.approx(
        [9.39e3 / 2 / 0.9e6, 9.39e3 / 4 / 2.4e6, 9.39e3 / 4 / 2.44e6], rel=2e-3
    )
    along = np.cos(np.deg2rad(85.3)) ** 2
    assert string.raman[0, 0] == pytest.approx((32.3e3 / 2 + 6.84e3 * along) / 0.9e6, rel=3e-3)


def test_the_motion_of_three_doppler_cooled_ions_weakens_emission_as_derived(innsbruck: Any) -> None:
    # 0.83, 0.84, 0.83 at the Doppler limit of Gamma / 2 f; the published fit, with other losses, is 0.784.
    string = make_string(innsbruck.properties, 3, 0.869e6, 2.4e6)
    quanta = 22.4e6 / 2 / string.frequencies
    factor = np.exp(-(quanta + 0.5) @ string.raman)
    assert factor == pytest.approx([0.83, 0.84, 0.83], abs=0.05)


def test_a_squeezed_string_buckles(innsbruck: Any) -> None:
    with pytest.raises(ZigzagError):
        make_string(innsbruck.properties, 10, 0.6e6, 2.4e6)


def test_strings_are_worked_out_once_and_not_kept_for_ever(innsbruck: Any) -> None:
    tables = Tables()
    first = find_string(tables, innsbruck.properties, 2, 0.3e6, 2.4e6)
    assert find_string(tables, innsbruck.properties, 2, 0.3e6, 2.4e6) is first
    for step in range(MOST_TABLES):
        find_string(tables, innsbruck.properties, 2, 0.4e6 + step, 2.4e6)
    assert len(tables.strings) == MOST_TABLES
    assert find_string(tables, innsbruck.properties, 2, 0.3e6, 2.4e6) is not first


def test_the_oldest_goes_first() -> None:
    made: dict[Any, int] = {}
    for number in range(MOST_TABLES + 1):
        recall(made, number, lambda number=number: number)
    assert list(made) == list(range(1, MOST_TABLES + 1))


def test_the_string_follows_the_endcaps(quiet: Any) -> None:
    node = quiet.node
    from sequences.language import delay, parallel, serial

    both = parallel(node.endcap_upper.set(420.0), node.endcap_lower.set(380.0))
    stage = quiet.stage(1, ions=3, block=serial(both, delay(1e-3)))
    # Four times the voltage of 100 V is twice the frequency; 40 V push by 92 V/m.
    assert stage.string.axial_frequency == pytest.approx(29.076e3 * 20, rel=1e-3)
    moved = stage.positions(10**9).mean()
    assert moved == pytest.approx(2.414424e6 * 92 / (2 * np.pi * 29.076e3 * 20) ** 2, rel=2e-3)


def test_field_noise_heats_the_centre_of_mass_of_all_ions(innsbruck: Any) -> None:
    stage = innsbruck.but(heating_rate=100.0).stage(1, ions=4)
    rates = stage.field_heating()
    modes = list(stage.string.centre_of_mass)
    assert rates[modes] == pytest.approx(400.0 * (1e6 / stage.string.frequencies[modes]) ** 2)
    assert np.delete(rates, modes).max() == 0


def test_moving_the_string_shakes_its_axial_motion_only(quiet: Any) -> None:
    node = quiet.node
    from sequences.language import delay, serial

    stage = quiet.stage(3, ions=2, block=serial(node.endcap_upper.set(120.0), delay(1e-3)))
    quanta = stage.ensemble.quanta(np.arange(3))
    assert quanta[:, 0].min() > 10
    assert quanta[:, 1:].max() == 0


def test_kicks_of_two_timelines_add_with_the_phase_of_the_mode(quiet: Any) -> None:
    # A step and a step back: they cancel when the time between them is a whole number of periods, also if
    # they stand in two timelines, whose kicks count from their own starts.
    from sequences.language import delay, repeat, serial

    node = quiet.node
    period = 1 / quiet.stage(1).string.axial_frequency
    for turns, low, high in ((40.0, 0.0, 0.02), (40.5, 3.0, 4.5)):
        wait = round(turns * period / 8e-9) * 8e-9  # on the grid of the channels
        there = serial(node.endcap_upper.set(106.5), node.endcap_lower.set(105.5), delay(wait))
        back = serial(node.endcap_upper.set(106.0), node.endcap_lower.set(106.0), delay(1e-3))
        one = quiet.stage(1, block=serial(there, back)).ensemble.quanta(np.arange(1))[0, 0]
        two = quiet.stage(1, block=serial(repeat(there, 1), back)).ensemble.quanta(np.arange(1))[0, 0]
        alone = quiet.stage(1, block=serial(there, delay(1e-3))).ensemble.quanta(np.arange(1))[0, 0]
        assert two == pytest.approx(one, rel=0.02, abs=0.02 * alone)
        assert low <= one / alone <= high
