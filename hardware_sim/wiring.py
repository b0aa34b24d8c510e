"""Which channel and which instrument drives which part of the simulated node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from types import MappingProxyType
from typing import Any, Final

from hardware_sim.properties import NodeProperties, read_properties
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

LASERS: Final = ("375", "393", "397", "423", "729", "806", "854", "866")
"""Lasers of such a node by their wavelength in nm: 375 and 423 load it, 806 holds the cavity."""

PLATE_MOUNTS: Final = ("ell14", "k10cr1")
WAVEMETERS: Final = ("bristol871", "highfinesse")

ROLES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "trap rf": ("smc100a",),
        "half-wave plate": PLATE_MOUNTS,
        "quarter-wave plate": PLATE_MOUNTS,
        "endcap bias": ("iseg_nhr",),
        "coils": ("hmp4040",),
        **{f"lasers {one} {other}": ("dlc_pro",) for one, other in permutations(LASERS, 2)},
        **{f"wavemeter {laser}": WAVEMETERS for laser in LASERS},
        "wavemeter": ("highfinesse",),
        **{f"power {laser}": ("pm100d",) for laser in LASERS},
        "cavity piezo": ("mdt693b",),
        "cavity modulator": ("arf",),
        "cavity oven": ("mecom",),
        "cavity monitor": ("red_pitaya",),
        "photon detectors": ("websq",),
        "time tagger": ("id900",),
        "ion pump": ("ipcmini",),
        "vacuum gauge": ("tpg36x",),
    }
)
"""Every part of the node that an instrument can drive or look at, and the drivers of those that can."""

SENSING: Final = frozenset(
    role
    for role in ROLES
    if role.startswith(("wavemeter", "power "))
    or role in ("cavity monitor", "time tagger", "ion pump", "vacuum gauge")
)
"""Roles of instruments that look and change nothing: a real one does not falsify what is played."""

NEEDED: Final = frozenset({"trap rf", "half-wave plate", "quarter-wave plate"})
"""Roles that no setup can do without."""


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
    kinds = {part: (kind,) for part, kind in PARTS.items()}
    needed = frozenset(PARTS) - SPARE
    channels, problems = _drives(entries(tables, "channels"), "channels", "drives", kinds, "kind", needed)
    instruments, more = _drives(
        entries(tables, "instruments"), "instruments", "role", ROLES, "driver", NEEDED
    )
    numbers = {part: tables["channels"][name].get("number", -1) for part, name in channels.items()}
    return Wiring(numbers, instruments), problems + more


def require_node(
    tables: Mapping[str, Any], more_problems: Sequence[str] = ()
) -> tuple[NodeProperties, Wiring]:
    """Return the node of a setup, and what drives which part of it.

    Args:
        tables: of the setup file.
        more_problems: what else is wrong with it, one line each.

    Raises:
        ValueError: there are problems; all of them, one line each.
    """
    properties, of_node = read_properties(tables["node"])
    wiring, of_wiring = read_wiring(tables)
    problems = [*of_node, *of_wiring, *more_problems]
    if properties is None or problems:
        raise ValueError("\n".join(problems))
    return properties, wiring


def entries(tables: Mapping[str, Any], name: str) -> dict[str, Mapping[str, Any]]:
    """Return the well-formed entries of one table; the others are told by whoever reads the file."""
    table = tables.get(name, {})
    return {key: entry for key, entry in table.items() if isinstance(entry, Mapping)}


def _drives(
    table: Mapping[str, Any],
    where: str,
    key: str,
    known: Mapping[str, tuple[str, ...]],
    kind_key: str,
    needed: frozenset[str],
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
        elif entry.get(kind_key) not in known[part]:
            given = entry.get(kind_key)
            fitting = " or ".join(map(repr, known[part]))
            problems.append(f"{where}.{name}.{kind_key}: {part!r} needs {fitting}, not {given!r}")
        elif part in found:
            problems.append(f"{where}.{name}.{key}: {part!r} is driven by {found[part]!r} already")
        else:
            found[part] = name
    problems += [
        f"{where}: nothing drives the {part!r}; give one {' or '.join(kinds)} the line {key} = {part!r}"
        for part, kinds in known.items()
        if part not in found and part in needed
    ]
    return found, problems
