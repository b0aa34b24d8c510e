"""The single numbers among the results of a run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from data.findings import fields_of, findings_of
from data.results import SPELLED, KeyResult

_DEEPEST: Final = 8  # mappings within mappings; what is deeper is no result that anybody lists


def scalars_of(results: Mapping[str, Any]) -> tuple[KeyResult, ...]:
    """Return every number among results, with its error and unit, in their order.

    What belongs together as value, error and unit, `data.findings` tells. Names of numbers within mappings
    are joined by dots. Arrays, lists and texts are passed over.

    Args:
        results: of a run, as `Run.results` gives them or as their JSON text holds them.

    Example:
        >>> scalars_of({"rate": {"value": 3.0, "error": 0.5, "unit": "1/s"}, "fit": {"chi2": 1.5}})
        (KeyResult(name='rate', value=3.0, error=0.5, unit='1/s'),
         KeyResult(name='fit.chi2', value=1.5, error=nan, unit=''))
    """
    return tuple(_scalars(results, "", 0))


def _scalars(results: Mapping[str, Any], before: str, depth: int) -> Iterator[KeyResult]:
    for found in findings_of(results):
        name = before + found.name
        number, error = _number(found.value), _number(found.error)
        if number is not None:
            yield KeyResult(name, number, math.nan if error is None else error, found.unit)
        elif depth < _DEEPEST:
            yield from _scalars(fields_of(found.value), f"{name}.", depth + 1)


def _number(value: object) -> float | None:
    if isinstance(value, Mapping) and set(value) == {SPELLED}:
        return float(value[SPELLED])
    if isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating):
        try:
            return float(value)
        except OverflowError:  # a whole number beyond all floats
            return None
    return None
