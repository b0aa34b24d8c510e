"""Parameters of analyses: typed by annotation, told when they are wrong, all at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest

from control.analyses.parameters import bind, parameters_of
from control.errors import ConfigError


def typed(
    run: object,
    window: Annotated[float, "s"],
    gain: float = 1.0,
    bins: int | None = None,
    kind: Literal["wide", "narrow"] = "wide",
    *,
    label: str = "",
    quiet: bool = False,
    rng: object = None,
) -> None:
    """One of each kind."""


def test_every_kind_is_read() -> None:
    texts = {"window": "2 us", "gain": "3 ms", "bins": "20", "kind": "narrow", "label": "5", "quiet": "yes"}
    assert bind(parameters_of(typed), texts, "it") == {
        "window": 2e-6,
        "gain": 3e-3,
        "bins": 20,
        "kind": "narrow",
        "label": "5",
        "quiet": True,
    }
    assert parameters_of(typed).random
    assert bind(parameters_of(typed), {"window": "1 s"}, "it")["bins"] is None


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        bind(parameters_of(typed), {"gian": "2", "bins": "2.5", "kind": "small", "quiet": "maybe"}, "it")
    assert str(caught.value) == "\n".join(
        [
            "5 problems:",
            "  - it needs a value for window: -p window=...",
            "  - it has no parameter 'gian'. Did you mean gain?",
            "  - bins: '2.5' is not a whole number",
            "  - kind: 'small' is not one of wide, narrow",
            "  - quiet: 'maybe' is neither true nor false",
        ]
    )


def test_a_unit_is_needed_where_one_is_declared() -> None:
    with pytest.raises(ConfigError, match="window: '2' is not a finite time with its unit"):
        bind(parameters_of(typed), {"window": "2"}, "it")


def test_open_parameters_are_what_they_look_like() -> None:
    def analyse(run: object, **parameters: Any) -> None: ...

    texts = {"a": "20 ms", "b": "3", "c": "on", "d": "photon_h", "e": "[1]"}
    expected = {"a": 0.02, "b": 3, "c": True, "d": "photon_h", "e": "[1]"}
    assert bind(parameters_of(analyse), texts, "it") == expected


def without_run() -> None: ...
def with_list(run: object, lags: list[int]) -> None: ...
def with_stranger(run: object, lags: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821
def with_odd_unit(run: object, time: Annotated[float, "us"]) -> None: ...


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (without_run, "analyse() has no argument for the run"),
        (with_list, "parameter 'lags' is annotated list; use float, int, str, bool, or Literal of texts"),
        (with_stranger, "parameter 'lags' name 'Nowhere' is not defined"),
        (with_odd_unit, "parameter 'time' "),
    ],
)
def test_signatures_that_cannot_be_used(function: Callable[..., None], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parameters_of(function)
    assert str(caught.value).startswith("test_analysis_parameters.py:")
    assert told in str(caught.value)
