"""Starts the simulated instruments of a setup on loopback and tells where they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from hardware_sim.apparatus import Apparatus
from hardware_sim.bench_faults import LINE_FAULTS, cause, turn_knob
from hardware_sim.instruments.ell14_bus import ADDRESSES, Ell14Bus
from hardware_sim.instruments.endpoint import Endpoint
from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.server import Server
from hardware_sim.kinds import USUAL_WAYS, WAYS
from hardware_sim.properties import NodeProperties
from hardware_sim.world.weather import Weather

SIMULATED: Final = "simulated:"
"""What a resource starts with that this bench serves; equal resources share one line."""

STREAM: Final = " stream"
"""What the name of an instrument's second line ends with."""

SHARING: Final = ("ell14", "highfinesse")
"""Drivers of instruments that have addresses on a common line: mounts on a bus, lasers of one wavemeter."""

DEFAULT_ADDRESS: Final = "0"
"""On which an ell14 mount leaves the factory."""

SPEED: Final = 50.0
"""Lab seconds per second: a mount that turns for a second does not keep a simulated run waiting."""


@dataclass(frozen=True, slots=True)
class Member:
    """One running instrument.

    Attributes:
        instrument: the simulated instrument.
        server: of its line.
        driver: that fits it.
    """

    instrument: Any
    server: Server
    driver: str

    @property
    def faults(self) -> tuple[str, ...]:
        """What can be made to go wrong with it: its own faults, then those of any line."""
        return (*getattr(self.instrument, "FAULTS", ()), *LINE_FAULTS)


class Bench:
    """Running simulated instruments.

    Attributes:
        resources: resource of the setup -> address to connect to; second lines end with ``stream``.
        members: instrument -> what is running.
        apparatus: what they make of the lab, and what they see of it.
    """

    def __init__(
        self,
        instruments: Mapping[str, Mapping[str, Any]],
        rng: np.random.Generator,
        properties: NodeProperties,
        roles: Mapping[str, str],
        *,
        weather: Callable[[], Weather] | None = None,
        speed: float = SPEED,
    ) -> None:
        """Start every instrument whose resource is simulated.

        Args:
            instruments: the setup's table of instruments.
            rng: source of the instruments' imperfections.
            properties: of the node that they act on.
            roles: role -> name of the instrument.
            weather: how far the lab has drifted now, for one shot; None for one that does not.
            speed: lab seconds per second.
        """
        self.resources: dict[str, str] = {}
        self.members: dict[str, Member] = {}
        self._speed = speed
        self._mounts, self._rng = rng, rng.spawn(1)[0]
        running = _Running(self.members)
        calm = Weather.calm(1)
        # A real instrument acts elsewhere: here it stands where it should, as one that the setup lacks.
        acting = {
            role: name
            for role, name in roles.items()
            if name in instruments and _simulated(instruments[name])
        }
        self.apparatus = Apparatus(
            properties, acting, running, self.now, weather or (lambda: calm), self._rng.spawn(1)[0]
        )
        with ExitStack() as starting:
            self._servers = starting
            for resource, entries in _lines(instruments).items():
                self._serve(resource, entries, {name: role for role, name in roles.items()})
            self._servers = starting.pop_all()

    def now(self) -> float:
        """Return the lab time of the instruments, s."""
        return self._speed * time.monotonic()

    def cause(self, name: str, fault: str, amount: float | None = None) -> None:
        """Make something go wrong with an instrument; errors are those of `bench_faults.cause`."""
        member = self.member(name)
        cause(member.server, member.instrument, fault, amount, self._rng)

    def turn_knob(self, name: str, knob: str, value: float | bool | str) -> None:
        """Turn a knob at the front panel of an instrument; errors are those of `bench_faults.turn_knob`."""
        member = self.member(name)
        turn_knob(member.server, member.instrument, knob, value)

    def member(self, name: str) -> Member:
        """Return a running instrument.

        Raises:
            InstrumentSetupError: there is none of that name.
        """
        if name not in self.members:
            raise InstrumentSetupError("instrument", name, ", ".join(self.members), "give one of them")
        return self.members[name]

    def close(self) -> None:
        """Stop every instrument."""
        self._servers.close()

    def _serve(
        self, resource: str, entries: Mapping[str, Mapping[str, Any]], roles: Mapping[str, str]
    ) -> None:
        """Start the instruments that share one line."""
        # Late: most commands check a setup, and few start its instruments.
        from hardware_sim.simulators import SIMULATORS  # noqa: PLC0415

        driver = next(iter(entries.values()))["driver"]
        found: dict[str, Any]
        if driver == "ell14":
            make = SIMULATORS["ell14"]
            mounts = {
                name: make(
                    {"serial_number": f"{11400000 + len(self.members) + at:08d}", **entry},
                    "",
                    self.apparatus,
                    self._mounts,
                )
                for at, (name, entry) in enumerate(entries.items())
            }
            endpoint: Any = Ell14Bus({_address(entries[name]): mount for name, mount in mounts.items()})
            found = mounts
        else:
            if driver not in SHARING:
                _refuse_company(resource, entries)
            name, entry = next(iter(entries.items()))
            endpoint = SIMULATORS[driver](entry, roles.get(name, ""), self.apparatus, self._rng)
            found = dict.fromkeys(entries, endpoint)
        server = self._start(resource, endpoint, _way(resource) or USUAL_WAYS[driver])
        for name, instrument in found.items():
            self.members[name] = Member(instrument, server, driver)
        if hasattr(endpoint, "stream"):
            self._start(resource + STREAM, endpoint.stream, "tcp")

    def _start(self, resource: str, endpoint: Endpoint, way: str) -> Server:
        from hardware_sim.ways import serve  # noqa: PLC0415

        server = serve(endpoint, way, time.monotonic, self._speed)
        self._servers.callback(server.close)
        self.resources[resource] = server.resource
        return server

    @staticmethod
    def problems(instruments: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Return what cannot be simulated in a setup's table of instruments, one line each."""
        problems = []
        owners: dict[str, str] = {}
        addressed: dict[tuple[str, str], str] = {}
        for name, entry in instruments.items():
            resource, driver = str(entry.get("resource")), entry.get("driver")
            if not resource.startswith(SIMULATED):
                continue
            way = _way(resource)
            if way and way not in WAYS:
                problems.append(
                    f"instruments.{name}.resource: there is no way {way!r}; there are {', '.join(WAYS)}"
                )
            if driver not in USUAL_WAYS:
                known = ", ".join(USUAL_WAYS)
                problems.append(f"instruments.{name}.driver: {driver!r} has no simulator; there are {known}")
            elif resource in owners and not (
                driver in SHARING and driver == instruments[owners[resource]].get("driver")
            ):
                problems.append(
                    f"instruments.{name}.resource: {resource!r} is the line of {owners[resource]!r}; "
                    f"only {' or '.join(SHARING)} can share a line, each with its like"
                )
            elif driver == "ell14" and _address(entry) not in set(ADDRESSES):
                problems.append(
                    f"instruments.{name}.address: {_address(entry)!r} is no address of an ell14; "
                    f"use one of {' '.join(ADDRESSES)}"
                )
            elif driver == "ell14":
                other = addressed.setdefault((resource, _address(entry)), name)
                if other != name:
                    problems.append(
                        f"instruments.{name}.address: {_address(entry)!r} is the address of {other!r} on the "
                        "same line; give each mount its own"
                    )
            owners.setdefault(resource, name)
        return problems


class _Running(Mapping[str, Any]):
    """The simulated instruments by name, as they are started."""

    def __init__(self, members: Mapping[str, Member]) -> None:
        self._members = members

    def __getitem__(self, name: str) -> Any:
        return self._members[name].instrument

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


def _lines(instruments: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Return resource -> the instruments on that line, for those that are simulated."""
    lines: dict[str, dict[str, Mapping[str, Any]]] = {}
    for name, entry in instruments.items():
        if _simulated(entry):
            lines.setdefault(entry["resource"], {})[name] = entry
    return lines


def _simulated(entry: Mapping[str, Any]) -> bool:
    return str(entry["resource"]).startswith(SIMULATED)


def _refuse_company(resource: str, entries: Mapping[str, Any]) -> None:
    if len(entries) > 1:
        names = ", ".join(entries)
        raise InstrumentSetupError(
            f"instruments on {resource}", names, "one", f"only {' or '.join(SHARING)} share a line"
        )


def _way(resource: str) -> str:
    """Return how a resource wants to be served: ``simulated:trap_rf?hislip``; empty for the usual way."""
    return resource.partition("?")[2]


def _address(entry: Mapping[str, Any]) -> str:
    """Return the address of an ell14 mount on its line."""
    return str(entry.get("address", DEFAULT_ADDRESS))
