import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequences.errors import UnitError, UnknownUnitError
from sequences.units import as_float, check_unit, deg, exact, parse, show

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("12.5 us", "s", 12.5e-6),
        ("12.5us", "s", 12.5e-6),
        ("3 \u00b5s", "s", 3e-6),  # the micro sign
        ("3 \u03bcs", "s", 3e-6),  # the Greek letter
        ("-1.5 mV", "V", -1.5e-3),
        ("80 MHz", "Hz", 80e6),
        ("90 deg", "turn", 0.25),
        ("6.283185307179586 rad", "turn", 1.0),
        ("4.2 G", "T", 4.2e-4),
        ("20 kcps", "1/s", 20e3),
        ("7", "", 7.0),
        ("9.1 %", "", 0.091),
    ],
)
def test_text_with_a_unit_is_read_as_the_nearest_float(text: str, unit: str, value: float) -> None:
    assert parse(text, unit) == value


@pytest.mark.parametrize(
    "text", ["12.5", "12.5 Hz", "us", "", "1,5 us", "inf s", "nan s", "1 us 2", "1e400 s", "1e-99999 s"]
)
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UnitError) as caught:
        parse(text, "s")
    assert str(caught.value) == (
        f"{text!r} is not a finite time with its unit; write for example '1.5 us' "
        "(units: ps, ns, us, µs, ms, s, min, h)"
    )


def test_a_number_that_its_unit_makes_too_large_is_refused() -> None:
    with pytest.raises(UnitError, match="'1e308 GHz' is not a finite frequency with its unit"):
        parse("1e308 GHz", "Hz")


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("3 h", "s", 10800.0),
        ("1.5 min", "s", 90.0),
        ("720 Hz/h", "Hz/s", 0.2),
        ("7.2 kHz/h", "Hz/s", 2.0),
        ("5 um/MHz", "m/Hz", 5e-12),
        ("0.181 dB/km", "dB/m", 1.81e-4),
        ("101 km", "m", 101e3),
        ("18 uA", "A", 18e-6),
        ("1e-10 mbar", "Pa", 1e-8),
        ("200 MHz/V", "Hz/V", 200e6),
        ("-100 MHz/degC", "Hz/degC", -100e6),
        ("10 deg/s", "turn/s", 10 / 360),
        ("25 degC", "degC", 25.0),
    ],
)
def test_slow_and_long_things_have_their_units(text: str, unit: str, value: float) -> None:
    assert parse(text, unit) == value


@pytest.mark.parametrize(
    ("unit", "advice"),
    [
        ("us", "'us' is no base unit; declare it in 's'"),
        ("%", "'%' is no base unit; declare it in ''"),
        (
            "kg",
            "'kg' is no base unit; declare it in 's' or 'Hz' or '1/s' or 'V' or 'm' or 'T' or 'turn' "
            "or 'V/m' or 'V/s' or 'Hz/s' or 'Hz/V' or 'Hz/degC' or 'm/Hz' or 'dB/m' or 'dBm' or 'dB' or 'A' "
            "or 'A/V' or 'W' or 'Pa' or 'degC' or 'degC/s' or 'turn/s'",
        ),
    ],
)
def test_values_are_declared_in_base_units(unit: str, advice: str) -> None:
    check_unit("time", "s")
    with pytest.raises(UnknownUnitError) as caught:
        check_unit("time", unit)
    assert str(caught.value) == f"time: {advice} (values are SI, their text may have a prefix)"


@pytest.mark.parametrize(
    ("value", "number"),
    [(2, 2.0), (np.int64(2), 2.0), (np.float32(0.5), 0.5), (10**400, math.inf), (-(10**400), -math.inf)],
)
def test_real_numbers_are_floats(value: object, number: float) -> None:
    assert as_float(value) == number
    assert type(as_float(value)) is float


@pytest.mark.parametrize("value", [True, None, "2", 2j, np.array([2.0]), np.bool_(True)])
def test_what_is_no_real_number_is_none(value: object) -> None:
    assert as_float(value) is None


def test_a_plain_number_takes_no_unit() -> None:
    with pytest.raises(UnitError) as caught:
        parse("5 us", "")
    assert str(caught.value) == "'5 us' is not a plain finite number (%, ppm are accepted)"


def test_values_are_shown_with_the_spelling_of_their_size() -> None:
    shown = [show(value, "s") for value in (0.0, 2e-9, 999e-9, 1e-6, 1.5e-3, 12.0)]
    assert shown == ["0 s", "2 ns", "999 ns", "1 us", "1.5 ms", "12 s"]
    assert show(90 * deg, "turn") == "0.25 turn"
    assert show(0.5, "") == "0.5"
    assert show(math.nextafter(1e-6, 0), "s") == "1 us"
    assert [show(value, "Hz") for value in (-1.0, 999.0, 1e3, 2.5e9)] == [
        "-1 Hz",
        "999 Hz",
        "1 kHz",
        "2.5 GHz",
    ]


@settings(deadline=None)
@given(FINITE, st.sampled_from(["s", "Hz", "V", "turn", ""]))
def test_exact_text_reads_back_as_the_very_same_float(value: float, unit: str) -> None:
    assert repr(parse(exact(value, unit), unit)) == repr(value)


def test_exact_text_is_plain() -> None:
    assert [exact(Decimal(n) * Decimal("1e-9"), "s") for n in (0, 1, 1250, 3_000_000, 10**9)] == [
        "0 s",
        "1 ns",
        "1.25 us",
        "3 ms",
        "1 s",
    ]
    assert exact(100e6, "Hz") == "100 MHz"
    assert exact(1e-30, "V") == "1E-24 uV"
