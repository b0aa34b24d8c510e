"""Which channel and which instrument drives which part of the simulated node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from sequences.errors import nearest

PARTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "doppler beam": "dds",
        "repump beam": "dds",
        "quench beam": "dds",
        "pumping beam": "dds",
        "raman v tone": "dds",
        "raman h tone": "dds",
        "raman deflector": "dds",
        "qubit beam": "dds",
        "gate red tone": "dds",
        "gate blue tone": "dds",
        "qubit deflector a": "dds",
        "qubit deflector b": "dds",
        "upper endcap": "dac",
        "lower endcap": "dac",
        "h detector": "counter",
        "v detector": "counter",
        "camera": "camera",
        "pmt": "counter",
        "line trigger": "trigger",
        "remote node": "trigger",
    }
)
"""Every part of the node that a channel of the timing core drives or listens to, and the kind of channel."""

SPARE: Final = frozenset(
    {
        "raman deflector",
        "line trigger",
        "remote node",
        "pmt",
        "gate red tone",
        "gate blue tone",
        "qubit deflector a",
        "qubit deflector b",
    }
)
"""Parts that a setup may do without."""

ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {"trap rf": "smc100a", "half-wave plate": "ell14", "quarter-wave plate": "ell14"}
)
"""Every part of the node that an instrument can drive, and the instrument that is simulated for it."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """Channels and instruments by what they drive.

    Attributes:
        channels: part -> channel number.
        instruments: role -> name of the instrument.
    """

    channels: Mapping[str, int]
    instruments: Mapping[str, str]

    @property
    def parts(self) -> dict[int, str]:
        """Channel number -> part."""
        return {number: part for part, number in self.channels.items()}


def read_wiring(tables: Mapping[str, Any]) -> tuple[Wiring, list[str]]:
    """Read from a setup's tables which channel and instrument drives what.

    Args:
        tables: the setup; ``channels.*.drives`` and ``instruments.*.role`` are read.

    Returns:
        The wiring, and every problem, one line each.
    """
    channels, problems = _drives(entries(tables, "channels"), "channels", "drives", PARTS, "kind")
    instruments, more = _drives(entries(tables, "instruments"), "instruments", "role", ROLES, "driver")
    numbers = {part: tables["channels"][name].get("number", -1) for part, name in channels.items()}
    return Wiring(numbers, instruments), problems + more


def entries(tables: Mapping[str, Any], name: str) -> dict[str, Mapping[str, Any]]:
    """Return the well-formed entries of one table; the others are told by whoever reads the file."""
    table = tables.get(name, {})
    return {key: entry for key, entry in table.items() if isinstance(entry, Mapping)}


def _drives(
    table: Mapping[str, Any], where: str, key: str, known: Mapping[str, str], kind_key: str
) -> tuple[dict[str, str], list[str]]:
    """Return part -> name for one table, with what is unknown, of the wrong kind, double or missing."""
    found: dict[str, str] = {}
    problems = []
    for name, entry in table.items():
        part = entry.get(key, "")
        if not part:
            continue
        if part not in known:
            problems.append(f"{where}.{name}.{key}: the simulated node has no {part!r}{nearest(part, known)}")
        elif entry.get(kind_key) != known[part]:
            given = entry.get(kind_key)
            problems.append(f"{where}.{name}.{kind_key}: {part!r} needs {known[part]!r}, not {given!r}")
        elif part in found:
            problems.append(f"{where}.{name}.{key}: {part!r} is driven by {found[part]!r} already")
        else:
            found[part] = name
    problems += [
        f"{where}: nothing drives the {part!r}; give one {kind} the line {key} = {part!r}"
        for part, kind in known.items()
        if part not in found and part not in SPARE
    ]
    return found, problems
