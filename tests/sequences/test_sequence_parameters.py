import math
from collections.abc import Callable

import numpy as np
import pytest

from sequences.errors import NumberError, ParameterRangeError, Source, UnboundParameterError, UnknownUnitError
from sequences.parameters import Combination, Parameter, Value, evaluate, parameters_in

HERE = Source("mine.py", 7)
a = Parameter("a", unit="s", low=0.0, high=1e-3)
b = Parameter("b")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (a, 2.0e-6),
        (a + b, 3.000002),
        (1 + b, 4.0),
        (b - 1, 2.0),
        (1 - b, -2.0),
        (b * 2, 6.0),
        (2 * b, 6.0),
        (b / 2, 1.5),
        (6 / b, 2.0),
        (-b, -3.0),
        (4.5, 4.5),
        ((b + 1) * (b - 1), 8.0),
    ],
)
def test_expressions_have_the_value_of_their_arithmetic(expression: Value, value: float) -> None:
    assert evaluate(expression, {"a": 2e-6, "b": 3.0}) == pytest.approx(value, rel=1e-12)


def test_division_by_zero_is_not_a_number() -> None:
    assert math.isnan(evaluate(1 / b, {"b": 0.0}))


def test_parameters_are_listed_left_to_right() -> None:
    assert [p.name for p in parameters_in((b + 1) * a - b)] == ["b", "a"]


def test_expressions_print_as_written() -> None:
    assert str((a + 1) / b) == "((a + 1) / b)"
    assert a + 1 == Combination("+", a, 1)


def test_an_open_value_has_no_truth() -> None:
    message = r"\(b - 1\) has no value while the sequence is built: plain `if` and `while` cannot ask for it"
    with pytest.raises(TypeError, match=message):
        bool(b - 1)
    with pytest.raises(TypeError, match="b has no value"):
        _ = b > 0  # type: ignore[operator]


def test_a_parameter_without_a_value_is_named_with_its_neighbours() -> None:
    with pytest.raises(UnboundParameterError) as caught:
        evaluate(Parameter("probe_time"), {"probe_tim": 1.0}, HERE)
    assert str(caught.value) == "mine.py:7: parameter 'probe_time' has no value; did you mean probe_tim?"


@pytest.mark.parametrize(("value", "shown"), [(2e-3, "2 ms"), (-1e-6, "-1 us"), (math.nan, "nan s")])
def test_a_value_outside_of_the_limits_is_refused(value: float, shown: str) -> None:
    with pytest.raises(ParameterRangeError) as caught:
        evaluate(a, {"a": value}, HERE)
    assert str(caught.value) == f"mine.py:7: parameter 'a' = {shown} is outside its limits 0 s to 1 ms"


@pytest.mark.parametrize("value", ["5 us", None, True])
def test_a_value_that_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(NumberError) as caught:
        evaluate(a, {"a": value}, HERE)  # type: ignore[dict-item]
    assert str(caught.value) == (
        f"mine.py:7: parameter 'a' is {value!r}; it must be a finite number in SI units "
        "or an expression of parameters"
    )


@pytest.mark.parametrize("write", [lambda: b + "2 us", lambda: "2 us" + b])  # type: ignore[operator]
def test_arithmetic_with_what_is_no_number_is_told_where_it_is_written(write: Callable[[], object]) -> None:
    with pytest.raises(NumberError) as caught:
        write()
    assert caught.value.source.file == __file__
    assert str(caught.value).partition(": ")[2] == (
        "one side of '+' is '2 us'; it must be a finite number in SI units or an expression of parameters"
    )


def test_a_parameter_has_a_base_unit() -> None:
    with pytest.raises(UnknownUnitError, match="wait: 'us' is no base unit; declare it in 's'"):
        Parameter("wait", unit="us")


def test_numpy_numbers_are_numbers() -> None:
    assert evaluate(b, {"b": np.float32(0.5)}) == 0.5  # type: ignore[dict-item]
    assert evaluate(b, {"b": np.int64(3)}) == 3.0  # type: ignore[dict-item]
