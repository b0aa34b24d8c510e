import math
from dataclasses import dataclass

import numpy as np
import pytest

from sequences.declarations import choice, count, declarations, flag, quantity
from sequences.errors import DeclaredValueError, UnknownUnitError


@dataclass(frozen=True)
class Probe:
    span: float = quantity(unit="Hz", low="1 kHz", high="10 MHz", help="must be given")
    time: float = quantity("2 us", unit="s", low="100 ns", high="1 ms", help="of the pulse")
    axial: float | None = quantity(unit="Hz", low="1 kHz", high="5 MHz", help="confinement", optional=True)
    ions: int = count(10, low=2, high=200, help="in the string")
    basis: str = choice("Z", among=("X", "Y", "Z"), help="of the readout")
    cooled: bool = flag(True, help="whether to cool")


FIELDS = declarations(Probe)


def test_defaults_are_numbers_in_base_units() -> None:
    probe = Probe(span=1e6)
    assert (probe.time, probe.axial, probe.ions, probe.basis, probe.cooled) == (2e-6, None, 10, "Z", True)
    with pytest.raises(TypeError, match="span"):
        Probe()


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("time", "5 us", 5e-6),
        ("time", 5e-6, 5e-6),
        ("axial", None, None),
        ("ions", "12", 12),
        ("ions", 12.0, 12),
        ("ions", np.int64(12), 12),
        ("time", np.float32(2**-12), 2**-12),
        ("basis", "X", "X"),
        ("cooled", "no", False),
        ("cooled", "ON", True),
        ("cooled", False, False),
    ],
)
def test_what_people_give_is_read(name: str, given: object, value: object) -> None:
    read = FIELDS[name].read(name, given)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("name", "given", "text"),
    [
        (
            "time",
            "5",
            "time: '5' is not a finite time with its unit; write for example '1.5 us' "
            "(units: ps, ns, us, µs, ms, s, min, h)",
        ),
        ("time", "5 ms", "time: 5 ms is outside the limits 100 ns to 1 ms"),
        ("time", math.nan, "time: nan is not a finite number"),
        ("time", None, "time: None is not a finite number"),
        ("time", 10**400, f"time: {10**400} is not a finite number"),
        ("ions", True, "ions: True is not a finite number"),
        ("ions", "2.5", "ions: '2.5' is not a whole number"),
        ("ions", 300, "ions: 300 is outside the limits 2 to 200"),
        ("basis", "W", "basis: 'W' is not one of X, Y, Z"),
        ("cooled", "perhaps", "cooled: 'perhaps' is neither true nor false"),
    ],
)
def test_what_is_not_accepted_is_told(name: str, given: object, text: str) -> None:
    with pytest.raises(DeclaredValueError) as caught:
        FIELDS[name].read(name, given)
    assert str(caught.value) == text


def test_values_are_shown_as_people_read_them() -> None:
    shown = [FIELDS[n].show(v) for n, v in (("time", 2e-6), ("axial", None), ("ions", 3), ("basis", "X"))]
    assert shown == ["2 us", "worked out", "3", "X"]


def test_a_bad_default_is_refused_where_it_is_declared() -> None:
    with pytest.raises(DeclaredValueError, match="default: 0 is outside the limits 1 to 5"):
        count(0, low=1, high=5, help="")


def test_a_prefixed_unit_is_refused_where_it_is_declared() -> None:
    with pytest.raises(UnknownUnitError) as caught:
        quantity("5 us", unit="us", help="of the pulse")
    assert str(caught.value) == (
        "of the pulse: 'us' is no base unit; declare it in 's' (values are SI, their text may have a prefix)"
    )
