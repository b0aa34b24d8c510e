"""What the driver box of Single Quantum's detectors says: JSON objects that tell labels.

Each object tells one label: `{"label": "BiasCurrent", "value": [12.0, 8.0]}`, or all about it, with unit and
bounds, where the value is an object again. 0x17 stands between objects, or nothing at all.

Source:
    Single Quantum's WebSQControl (MIT license), as in qcodes_contrib_drivers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SEPARATOR = "\x17"


@dataclass(frozen=True, slots=True)
class Property:
    """What the box says of a label.

    Attributes:
        value: as in its JSON.
        facts: what else it told of it, such as "unit" and "bounds"; none if the value came alone.
    """

    value: Any
    facts: Mapping[str, Any]


def properties_in(heard: bytes) -> tuple[dict[str, Property], bool]:
    r"""Return what is told in bytes from the box, whole or not.

    Args:
        heard: JSON objects with 0x17 between them, or nothing; the first may lack its beginning and the last
            its end.

    Returns:
        Label -> the last that was told of it; and whether something between two separators was no JSON.

    Example:
        >>> found, broken = properties_in(b'{"label":"A","value":1}{"label":"B","value":[2]}{"label":"A"')
        >>> {label: known.value for label, known in found.items()}, broken
        ({'A': 1, 'B': [2]}, False)
    """
    *ended, open_end = heard.decode("utf-8", "replace").split(SEPARATOR)
    found: dict[str, Property] = {}
    broken = False
    for part in ended:
        objects, rest = _objects_in(part)
        broken = broken or bool(rest or (part.strip() and not objects))
        while (next_one := rest.find("}{") + 1) > 0:  # behind what is broken there may be more
            later, rest = _objects_in(rest[next_one:])
            objects += later
        found.update(map(_property_in, filter(_tells, objects)))
    found.update(map(_property_in, filter(_tells, _objects_in(open_end)[0])))
    return found, broken


def _objects_in(text: str) -> tuple[list[dict[str, Any]], str]:
    """Return the JSON objects that a text begins with, and the text from the first that is not whole."""
    objects: list[dict[str, Any]] = []
    at = text.find("{")
    while at >= 0:
        try:
            found, end = json.JSONDecoder().raw_decode(text, at)
        except (ValueError, RecursionError):
            return objects, text[at:]
        objects.append(found)
        at = text.find("{", end)
    return objects, ""


def _tells(found: dict[str, Any]) -> bool:
    return isinstance(found.get("label"), str) and "value" in found


def _property_in(found: dict[str, Any]) -> tuple[str, Property]:
    value = found["value"]
    if isinstance(value, dict) and "value" in value:
        return found["label"], Property(value["value"], value)
    return found["label"], Property(value, {})
