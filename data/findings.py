"""What an analysis found, name by name: which value, error and unit belong together.

There are two ways to say it. In the one a mapping or dataclass has the fields ``value`` and ``error`` or
``unit``, or both. In the other all is flat: the error of ``x`` is ``x_error`` beside it, and ``units`` is a
mapping that holds the unit of ``x``; where ``x`` is a column of a table, ``units`` stands beside the table.
Nothing outside of this module knows the two ways.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeGuard

Units: TypeAlias = Mapping[str, str]

NO_UNITS: Final[Units] = MappingProxyType({})

_ERROR: Final = "_error"
_UNITS: Final = "units"
_BESIDE: Final = frozenset({"error", "unit"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One entry of results with what belongs to it.

    Attributes:
        name: of the entry.
        value: as it was given: a number, a text, a list, a mapping...
        error: as it was given; None if none was.
        unit: base unit, empty if none was given.
    """

    name: str
    value: Any
    error: Any = None
    unit: str = ""


def findings_of(results: Mapping[str, Any], outer: Units = NO_UNITS) -> Iterator[Finding]:
    """Yield the entries of results in their order; errors and units are told with what they belong to.

    Args:
        results: or a mapping within them, with values as an analysis gives them or as JSON holds them.
        outer: units of names that the results tell none of.

    Example:
        >>> flat = {"pi_time": 9.6e-06, "pi_time_error": 1e-07, "units": {"pi_time": "s"}, "fit": "good"}
        >>> for finding in findings_of(flat | {"rate": {"value": 5.0, "error": 0.2, "unit": "Hz"}}):
        ...     print(finding)
        Finding(name='pi_time', value=9.6e-06, error=1e-07, unit='s')
        Finding(name='fit', value='good', error=None, unit='')
        Finding(name='rate', value=5.0, error=0.2, unit='Hz')
    """
    units = units_of(results, outer)
    for name, value in results.items():
        if is_quantity(value):
            fields = fields_of(value)
            unit = str(fields.get("unit") or units.get(name, ""))
            yield Finding(name, fields["value"], fields.get("error"), unit)
        elif not (name == _UNITS and _are_units(value)) and not _is_error(name, results):
            error = results.get(name + _ERROR) if _may_have_error(value) else None
            yield Finding(name, value, error, units.get(name, ""))


def units_of(results: Mapping[str, Any], outer: Units = NO_UNITS) -> Units:
    """Return the units that results tell of their entries, and others for what they tell none of."""
    own = results.get(_UNITS)
    return {**outer, **own} if _are_units(own) else outer


def is_quantity(value: object) -> bool:
    """Tell whether a value is a mapping or dataclass that brings its error or unit with it."""
    fields = fields_of(value)
    return "value" in fields and not _BESIDE.isdisjoint(fields)


def fields_of(value: object) -> Mapping[str, Any]:
    """Return what a mapping or dataclass consists of; nothing for anything else."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return value if isinstance(value, Mapping) else {}


def _are_units(value: object) -> TypeGuard[Units]:
    return isinstance(value, Mapping) and all(isinstance(unit, str) for unit in value.values())


def _is_error(name: str, results: Mapping[str, Any]) -> bool:
    """Tell whether an entry is the error of another one."""
    value = name.removesuffix(_ERROR)
    return value != name and value in results and _may_have_error(results[value])


def _may_have_error(value: object) -> bool:
    """Tell whether the error of a value stands beside it: a mapping would have it inside."""
    fields = fields_of(value)
    return not fields or next(iter(fields)).startswith("$")  # numbers and arrays that JSON has no form for
