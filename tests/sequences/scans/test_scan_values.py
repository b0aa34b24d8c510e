"""Scans as values: what each spacing, product, zip and order gives, and what is refused."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequences import Parameter, scans
from sequences.scans import (
    Order,
    Ordered,
    Scan,
    ScanLimitError,
    ScanShapeError,
    ScanValuesError,
    centred,
    geometric,
    linear,
    listed,
    refine_endlessly,
    stepped,
    zipped,
)

WAIT = Parameter("wait", unit="s", low=0.0, high=1e-3)
PHASE = Parameter("phase", unit="turn")
LEVEL = Parameter("level", low=0.0, high=1.0)
SHAPES = st.lists(st.integers(1, 7), min_size=1, max_size=4)


def rows(scan: Scan) -> list[tuple[float, ...]]:
    return [tuple(point.values()) for point in scan]


def test_linear_has_both_ends() -> None:
    values = linear(WAIT, 1e-6, 20e-6, 20).values
    assert values == pytest.approx([k * 1e-6 for k in range(1, 21)])
    assert (values[0], values[-1]) == (1e-6, 20e-6)
    assert linear(WAIT, 3e-6, 1e-6, 3).values == pytest.approx([3e-6, 2e-6, 1e-6])


def test_steps_end_on_the_end_if_they_meet_it() -> None:
    assert stepped(WAIT, 0.0, 0.3e-3, 0.1e-3).values[-1] == 0.3e-3
    assert stepped(WAIT, 0.0, 0.35e-3, 0.1e-3).values == pytest.approx([0.0, 1e-4, 2e-4, 3e-4])
    assert stepped(PHASE, 1.0, -1.0, 1.0).values.tolist() == [1.0, 0.0, -1.0]


def test_geometric_has_equal_factors() -> None:
    values = geometric(WAIT, 1e-6, 1e-3, 4).values
    assert values[1:] / values[:-1] == pytest.approx([10.0] * 3)
    assert geometric(PHASE, -1.0, -4.0, 3).values == pytest.approx([-1.0, -2.0, -4.0])


@pytest.mark.parametrize("points", [3, 7, 21, 1001])
def test_centred_holds_its_centre_exactly(points: int) -> None:
    values = centred(Parameter("f", unit="Hz"), 230.123e6, 50e3, points).values
    assert values[points // 2] == 230.123e6
    assert (values[0], values[-1]) == (230.123e6 - 25e3, 230.123e6 + 25e3)


def test_lists_keep_their_order_and_repeats() -> None:
    assert listed(LEVEL, np.array([1.0, 0.0, 0.5, 0.0])).values.tolist() == [1.0, 0.0, 0.5, 0.0]
    assert len(listed(LEVEL, (value for value in (0, 1)))) == 2


def test_product_runs_the_right_one_fastest() -> None:
    scan = listed(WAIT, [1e-6, 2e-6]) * listed(PHASE, [0.0, 0.25, 0.5]) * listed(LEVEL, [0.0, 1.0])
    assert scan.shape == (2, 3, 2)
    assert [axis.name for axis in scan.axes] == ["wait", "phase", "level"]
    assert [axis.unit for axis in scan.axes] == ["s", "turn", ""]
    assert rows(scan) == list(itertools.product([1e-6, 2e-6], [0.0, 0.25, 0.5], [0.0, 1.0]))


def test_zip_walks_at_once() -> None:
    scan = linear(WAIT, 0.0, 2e-6, 3) & listed(PHASE, [0.0, 0.5, 0.25])
    assert (len(scan), scan.shape) == (3, (3,))
    assert rows(scan) == [(0.0, 0.0), (1e-6, 0.5), (2e-6, 0.25)]
    assert zipped(linear(WAIT, 0.0, 2e-6, 3), listed(PHASE, [0.0, 0.5, 0.25])) == scan


def test_products_and_zips_nest() -> None:
    pair = linear(WAIT, 0.0, 1e-6, 2) & linear(PHASE, 0.0, 1.0, 2)
    scan = pair * listed(LEVEL, [0.0, 1.0])
    assert scan.shape == (2, 2)
    assert rows(scan) == [(0.0, 0.0, 0.0), (0.0, 0.0, 1.0), (1e-6, 1.0, 0.0), (1e-6, 1.0, 1.0)]
    grid = linear(WAIT, 0.0, 1e-6, 2) * linear(PHASE, 0.0, 1.0, 2)
    assert (grid & listed(LEVEL, [0.0, 0.1, 0.2, 0.3])).shape == (4,)


@given(SHAPES)
def test_snake_goes_to_neighbours(shape: list[int]) -> None:
    way = scans.order.snake(shape)
    assert sorted(way.tolist()) == list(range(math.prod(shape)))
    places = np.stack(np.unravel_index(way, shape))
    assert (np.abs(np.diff(places)).sum(axis=0) == 1).all()


@given(SHAPES)
def test_refining_visits_all_and_the_ends_first(shape: list[int]) -> None:
    way = scans.order.refining(shape)
    assert sorted(way.tolist()) == list(range(math.prod(shape)))
    corners = math.prod(min(points, 2) for points in shape)
    for place, points in zip(np.unravel_index(way[:corners], shape), shape, strict=True):
        assert set(place.tolist()) <= {0, points - 1}


@given(st.integers(1, 10))
def test_each_level_halves_the_step(level: int) -> None:
    way = scans.order.refining((2**level + 1,))
    for reached in range(level + 1):
        seen = np.sort(way[: 2**reached + 1])
        assert set(np.diff(seen).tolist()) == {2 ** (level - reached)}


def test_refining_of_one_parameter() -> None:
    scan = linear(LEVEL, 0.0, 1.0, 5).in_order(Order.REFINING)
    assert rows(scan) == [(0.0,), (1.0,), (0.5,), (0.25,), (0.75,)]


def test_random_order_is_that_of_its_seed() -> None:
    grid = linear(WAIT, 0.0, 1e-3, 50) * listed(PHASE, [0.0, 0.5])
    first, again, other = (grid.in_order(Order.RANDOM, seed) for seed in (5, 5, 6))
    assert rows(first) == rows(again) != rows(other)
    assert sorted(rows(first)) == sorted(rows(other)) == sorted(rows(grid))
    drawn = grid.in_order(Order.RANDOM, np.random.default_rng(1))
    assert isinstance(drawn, Ordered)
    assert rows(drawn) == rows(grid.in_order(Order.RANDOM, drawn.seed)) != rows(first)


@pytest.mark.parametrize("order", list(Order))
def test_positions_put_the_points_back_on_the_grid(order: Order) -> None:
    grid = linear(WAIT, 0.0, 1e-3, 4) * linear(PHASE, 0.0, 1.0, 3)
    scan = grid.in_order(order, 3)
    back = np.empty(scan.shape)
    back.flat[scan.positions] = [point["phase"] for point in scan]
    assert back.tolist() == [[0.0, 0.5, 1.0]] * 4
    assert (scan.axes, len(scan)) == (grid.axes, 12)


def test_endless_refinement_goes_on() -> None:
    values = [point["level"] for point in itertools.islice(refine_endlessly(LEVEL, 0.0, 1.0), 1025)]
    assert values[:5] == [0.0, 1.0, 0.5, 0.25, 0.75]
    assert sorted(values) == [k / 1024 for k in range(1025)]
    with pytest.raises(ScanLimitError):
        refine_endlessly(LEVEL, 0.0, 1.5)


def test_a_value_outside_the_limits_names_them_and_the_point() -> None:
    with pytest.raises(ScanLimitError) as caught:
        linear(WAIT, 1e-6, 2e-3, 5)
    assert str(caught.value) == (
        "the scan of 'wait': point 3 of 5 is 1.0005 ms, above the limit 1 ms; stay within 0 s to 1 ms"
    )
    with pytest.raises(ScanLimitError, match=r"point 1 of 2 is -0\.1, below the limit 0; stay within 0 to 1"):
        listed(LEVEL, [-0.1, 2.0])


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: linear(WAIT, 0.0, 1e-3, 1), "has 1 points; it needs 2 to 10000000 (a single value"),
        (lambda: linear(WAIT, 0.0, 1e-3, 10**9), "has 1000000000 points; it needs 2 to 10000000"),
        (
            lambda: linear(WAIT, 0.0, 1e-3, 2.5),  # type: ignore[arg-type]
            "the number of points is 2.5; it must be a whole number",
        ),
        (lambda: linear(WAIT, math.nan, 1e-3, 3), "nan is not a finite number"),
        (
            lambda: linear(WAIT, "0", 1e-3, 3),  # type: ignore[arg-type]
            "'0' is not a finite number",
        ),
        (lambda: stepped(WAIT, 0.0, 1e-3, -1e-6), "the step is -1 us; it must be more than zero"),
        (lambda: stepped(WAIT, 0.0, 1e-3, 1e-300), "has 10000001 points; it needs 2 to 10000000"),
        (lambda: stepped(WAIT, 0.0, 1e-6, 1e-3), "has 1 points; it needs 2"),
        (lambda: geometric(WAIT, 0.0, 1e-3, 3), "0 s to 1 ms cannot be divided into equal factors"),
        (lambda: geometric(PHASE, -1.0, 1.0, 3), "-1 turn to 1 turn cannot be divided into equal factors"),
        (lambda: centred(WAIT, 1e-4, 0.0, 3), "the span is 0 s; it must be more than zero"),
        (lambda: listed(WAIT, []), "the list holds no values"),
        (lambda: listed(WAIT, [1e-6, True]), "True is not a finite number"),
    ],
)
def test_numbers_without_sense_are_told(make: Callable[[], Scan], told: str) -> None:
    with pytest.raises(ScanValuesError) as caught:
        make()
    assert str(caught.value).startswith(f"the scan of {caught.value.name!r}: {told}")


def test_scans_that_do_not_fit_are_told() -> None:
    wait, phase = linear(WAIT, 0.0, 1e-3, 3), linear(PHASE, 0.0, 1.0, 4)
    mistakes: tuple[tuple[Callable[[], Scan], str], ...] = (
        (lambda: wait * wait, "parameter 'wait' is scanned twice; scan it once"),
        (
            lambda: wait & phase,
            "scans that run together need equally many points, not 3 points (wait), 4 points (phase)",
        ),
        (
            lambda: wait.in_order(Order.SNAKE) * phase,
            "the scan of wait has the order snake already; "
            "put the scans together first, then give the whole an order",
        ),
        (zipped, "there are no scans to walk at once; give one or more"),
        (
            lambda: linear(WAIT, 0.0, 1e-3, 10_000) * linear(PHASE, 0.0, 1.0, 10_000),
            "the scan has 100000000 points; a run holds at most 10000000",
        ),
    )
    for make, told in mistakes:
        with pytest.raises(ScanShapeError) as caught:
            make()
        assert str(caught.value) == told
    with pytest.raises(TypeError, match="unsupported operand"):
        wait * 2  # type: ignore[operator]


def test_repr_can_be_evaluated() -> None:
    scan = (stepped(WAIT, np.float64(0.0), 1e-6, 1e-7) * listed(PHASE, np.arange(3.0))).in_order(
        Order.RANDOM, 7
    )
    names = {**vars(scans), "Parameter": Parameter, "inf": math.inf}
    text = repr(scan).replace("<Order.RANDOM: 'random'>", "Order.RANDOM")
    assert eval(text, names) == scan  # noqa: S307 - our own text
