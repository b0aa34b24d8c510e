"""Starts the simulated instruments of a setup on loopback and tells where they are."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from hardware_sim.instruments import (
    ADDRESSES,
    Ell14Bus,
    Ell14Mount,
    Server,
    SimulatedSmc100a,
    serve_pty,
    serve_tcp,
)

SIMULATED: Final = "simulated:"
"""What a resource starts with that this bench serves; equal resources share one line."""

SIMULATORS: Final = ("ell14", "smc100a")
"""Drivers whose instruments this bench can simulate."""

DEFAULT_ADDRESS: Final = "0"
"""On which an ell14 mount leaves the factory."""

SPEED: Final = 50.0
"""Lab seconds per second: a mount that turns for a second does not keep a simulated run waiting."""


class Bench:
    """Running simulated instruments.

    Attributes:
        resources: resource of the setup -> address to connect to.
        generators: instrument -> signal generator.
        mounts: instrument -> rotation mount.
    """

    def __init__(self, instruments: Mapping[str, Mapping[str, Any]], rng: np.random.Generator) -> None:
        """Start every instrument whose resource is simulated.

        Args:
            instruments: the setup's table of instruments.
            rng: source of the instruments' imperfections.
        """
        self.resources: dict[str, str] = {}
        self.generators: dict[str, SimulatedSmc100a] = {}
        self.mounts: dict[str, Ell14Mount] = {}
        self._servers: list[Server] = []
        lines: dict[str, dict[str, Mapping[str, Any]]] = {}
        for name, entry in instruments.items():
            if entry["resource"].startswith(SIMULATED):
                lines.setdefault(entry["resource"], {})[name] = entry
        try:
            for resource, members in lines.items():
                server = self._serve(members, rng)
                self._servers.append(server)
                self.resources[resource] = server.resource
        except BaseException:
            self.close()
            raise

    def angle(self, mount: str) -> float:
        """Return the true angle of a mount's plate at this moment, turns."""
        return self.mounts[mount].angle(SPEED * time.monotonic())

    def _serve(self, members: Mapping[str, Mapping[str, Any]], rng: np.random.Generator) -> Server:
        """Start the instruments that share one line."""
        if all(entry["driver"] == "ell14" for entry in members.values()):
            mounts = {
                name: Ell14Mount(entry.get("serial_number", f"{11400000 + len(self.mounts):08d}"), rng)
                for name, entry in members.items()
            }
            self.mounts.update(mounts)
            bus = Ell14Bus({_address(members[name]): mount for name, mount in mounts.items()})
            serve = serve_pty if os.name == "posix" else serve_tcp
            return serve(bus, time.monotonic, SPEED)
        (name,) = members
        self.generators[name] = SimulatedSmc100a()
        return serve_tcp(self.generators[name], time.monotonic, SPEED)

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
            if driver not in SIMULATORS:
                known = ", ".join(SIMULATORS)
                problems.append(f"instruments.{name}.driver: {driver!r} has no simulator; there are {known}")
            elif resource in owners and not driver == "ell14" == instruments[owners[resource]].get("driver"):
                problems.append(
                    f"instruments.{name}.resource: {resource!r} is the line of {owners[resource]!r}; "
                    "only ell14 mounts can share a line"
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

    def close(self) -> None:
        """Stop every instrument."""
        for server in self._servers:
            server.close()


def _address(entry: Mapping[str, Any]) -> str:
    """Return the address of an ell14 mount on its line."""
    return str(entry.get("address", DEFAULT_ADDRESS))
