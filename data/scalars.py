"""The single numbers among the results of a run."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from data.results import KeyResult

_DEEPEST: Final = 8  # mappings within mappings; what is deeper is no result that anybody lists

# How the stored text of results spells a number that JSON has none for, see `data.results`.
_SPELLED: Final = "$float"


def scalars_of(results: Mapping[str, Any]) -> tuple[KeyResult, ...]:
    """Return every number among results, with its error and unit, in their order.

    A mapping or dataclass with the fields value and error is one number, and so is a number with another
    beside it that is called ``<name>_error``. Names of numbers within mappings are joined by dots. Arrays,
    lists and texts are passed over.

    Args:
        results: of a run, as `Run.results` gives them or as their JSON text holds them.

    Example:
        >>> scalars_of({"rate": {"value": 3.0, "error": 0.5, "unit": "1/s"}, "fit": {"chi2": 1.5}})
        (KeyResult(name='rate', value=3.0, error=0.5, unit='1/s'),
         KeyResult(name='fit.chi2', value=1.5, error=nan, unit=''))
    """
    return tuple(_scalars(results, "", 0))


def _scalars(results: Mapping[str, Any], before: str, depth: int) -> Iterator[KeyResult]:
    errors = {f"{name}_error" for name, value in results.items() if _number(value) is not None}
    for name, value in results.items():
        fields = _fields(value)
        number = _number(value)
        if number is not None:
            if name not in errors:
                error = _number(results.get(f"{name}_error"))
                yield KeyResult(before + name, number, math.nan if error is None else error)
        elif {"value", "error"} <= fields.keys():
            yield from _quantity(before + name, fields)
        elif depth < _DEEPEST:
            yield from _scalars(fields, f"{before}{name}.", depth + 1)


def _quantity(name: str, fields: Mapping[str, Any]) -> Iterator[KeyResult]:
    value, error = _number(fields["value"]), _number(fields["error"])
    if value is not None:
        yield KeyResult(name, value, math.nan if error is None else error, str(fields.get("unit") or ""))


def _fields(value: object) -> Mapping[str, Any]:
    """Return what a mapping or dataclass consists of; nothing for anything else."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float | None:
    if isinstance(value, Mapping) and set(value) == {_SPELLED}:
        return float(value[_SPELLED])
    if isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating):
        try:
            return float(value)
        except OverflowError:  # a whole number beyond all floats
            return None
    return None
