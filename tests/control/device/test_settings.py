"""Settings and their limits."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.device.settings import Range, Setting, site_ranges
from control.errors import ConfigError, LimitError, UsageError

POWER = Setting("power", unit="dBm", doc="level", low=-120.0, high=20.0, tolerance=0.005, step=0.5)
OUTPUT = Setting("output", unit="", doc="on or off", switch=True)
ANGLE = Setting("angle", unit="turn", doc="", low=0.0, high=1.0, tolerance=0.001, period=1.0)

levels = st.floats(-120.0, 20.0)


@given(levels, levels)
def test_a_ramp_ends_where_it_should_and_never_steps_too_far(start, stop):
    way = [start, *POWER.ramp(start, stop)]
    assert way[-1] == stop
    assert max(abs(b - a) for a, b in pairwise(way)) <= POWER.step * (1.0 + 1e-6)
    assert len(way) - 1 == POWER.steps(start, stop)


@given(levels, levels)
def test_a_ramp_never_turns_round(start, stop):
    way = [start, *POWER.ramp(start, stop)]
    assert way == sorted(way, reverse=stop < start)


def test_a_way_of_whole_steps_has_no_tiny_last_one():
    assert len(list(POWER.ramp(-10.3, -8.8))) == 3


@pytest.mark.parametrize(
    ("setting", "wanted", "actual", "differs"),
    [
        (POWER, -10.0, -10.004, False),
        (POWER, -10.0, -10.01, True),
        (POWER, -10.0, math.nan, True),
        (ANGLE, 0.0, 0.9995, False),
        (ANGLE, 1.0, 0.0, False),
        (ANGLE, 0.25, 0.75, True),
        (OUTPUT, True, True, False),
        (OUTPUT, True, False, True),
    ],
)
def test_read_back(setting, wanted, actual, differs):
    assert setting.differs(wanted, actual) is differs


def test_the_tightest_limit_wins_whoever_set_it():
    bounds = Range(-120.0, 20.0).tightened(-145.0, 13.0, "instrument").tightened(-30.0, 3.0, "site")
    assert bounds == Range(-30.0, 3.0, "site", "site")
    assert Range(-120.0, 20.0).tightened(-145.0, 13.0, "instrument").origins == "driver, instrument"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 3.0001, -30.0001])
def test_a_value_beyond_a_limit_is_refused(value):
    with pytest.raises(LimitError):
        Range(-30.0, 3.0).check(POWER, value)


@pytest.mark.parametrize("value", [-30.0, 0.0, 3.0])
def test_limits_belong_to_the_range(value):
    assert Range(-30.0, 3.0).check(POWER, value) == value


def test_site_limits():
    ranges = site_ranges("trap_rf", (POWER, OUTPUT), {"power": (-30.0, 3.0)})
    assert ranges["power"] == Range(-30.0, 3.0, "site", "site")


def test_all_mistakes_in_site_limits_are_told_at_once():
    limits = {"powr": (0.0, 1.0), "output": (0.0, 1.0), "power": (3.0, -30.0), "angle": (math.nan, 1.0)}
    with pytest.raises(ConfigError) as caught:
        site_ranges("trap_rf", (POWER, OUTPUT, ANGLE), limits)
    assert str(caught.value) == (
        "4 problems:\n"
        "  - trap_rf: the limits 0 to 1 for 'powr' limit nothing: there is no such number to set. "
        "Did you mean power?\n"
        "  - trap_rf: the limits 0 to 1 for 'output' limit nothing: there is no such number to set. "
        "Known: angle, power.\n"
        "  - trap_rf: the limits 3 to -30 dBm for 'power' leave no value: "
        "give the lowest first, and no nan.\n"
        "  - trap_rf: the limits nan to 1 turn for 'angle' leave no value: give the lowest first, and no nan."
    )


def test_site_limits_beyond_those_of_the_instrument_leave_nothing():
    with pytest.raises(ConfigError, match=r"leave no value: the instrument can do -120 to 20 dBm\."):
        site_ranges("trap_rf", (POWER,), {"power": (30.0, 40.0)})


def test_a_text_is_no_number_and_the_unit_is_told():
    with pytest.raises(UsageError) as caught:
        POWER.accept("-3 dBm", Range())
    assert str(caught.value) == "power cannot be '-3 dBm'. Give a number in dBm."
    with pytest.raises(UsageError, match=r"Give a number\.$"):
        Setting("velocity", unit="", doc="").accept("fast", Range())


def test_values_for_people():
    assert OUTPUT.show(True) == "on"
    assert POWER.show(-10.5) == "-10.5 dBm"
    assert Setting("velocity", unit="", doc="").show(0.5) == "0.5"
