"""The axis of drawings: ticks on round numbers, and cuts where nothing happens."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.views import Panel
from control.views.scale import Cut, Scale, cut_scale, linear_scale, nice_step, time_unit


def test_a_linear_axis() -> None:
    scale = linear_scale(2e-3, 4e-3, 100, 300)
    assert (scale.start, scale.stop, scale.cuts) == (2e-3, 4e-3, ())
    assert scale.place(3e-3) == pytest.approx(200)
    assert scale.place(9.0) == 300
    assert scale.clear(100, 200) == (100, 200)


@given(start=st.floats(0, 10), length=st.floats(5e-9, 10))
def test_ticks_are_round_and_apart(start: float, length: float) -> None:
    scale = linear_scale(start, start + length, 0, 1000)
    ticks = scale.ticks(90)
    times = np.array([time for time, _ in ticks])
    assert len(times) <= 1000 / 90 + 1
    assert len(times) >= 3
    assert len({text for _, text in ticks}) == len(ticks)
    places = scale.place_all(times)
    assert (np.diff(places) >= 89.9).all()
    factors = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}
    for time, text in ticks:
        number, unit = text.split()
        assert float(number) * factors[unit] == pytest.approx(time, abs=1e-12 + 1e-9 * time)


@pytest.mark.parametrize(
    ("longest", "unit"), [(2.0, "s"), (0.9, "ms"), (3e-6, "µs"), (3e-9, "ns"), (0, "ns")]
)
def test_units_of_an_axis(longest: float, unit: str) -> None:
    assert time_unit(longest)[0] == unit


def test_steps_are_one_two_or_five() -> None:
    assert [nice_step(least) for least in (1.0, 1.1, 2.1, 5.1)] == [1.0, 2.0, 5.0, 10.0]


def test_long_dull_stretches_are_cut(panel: Panel) -> None:
    """The 3 ms of cooling and the 1 ms of exposure give their room to the microseconds between them."""
    scale = cut_scale((panel.picture,), panel.picture.duration, 100, 1100)
    assert len(scale.cuts) == 2
    assert scale.cuts[0].start < 0.1e-3
    assert 2.9e-3 < scale.cuts[0].stop < 3e-3
    middle = scale.place(3.053e-3) - scale.place(3e-3)
    assert middle > 500
    assert (scale.place(0), scale.place(panel.picture.duration)) == (100, pytest.approx(1100))
    assert (np.diff(scale.places) > 0).all()


def test_labels_keep_clear_of_breaks() -> None:
    scale = Scale(np.array([0.0, 1.0, 9.0, 10.0]), np.array([0.0, 40.0, 60.0, 100.0]), (Cut(1.0, 9.0),))
    assert scale.breaks() == (50.0,)
    assert scale.clear(0, 90) == (0, 46.5)
    assert scale.clear(20, 100) == (53.5, 100)
    assert scale.clear(60, 80) == (60, 80)
    assert all(not 1.0 < time < 9.0 for time, _ in scale.ticks(10))
