"""Ways to reach a simulated instrument: each a real transport, all on loopback."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from hardware_sim.instruments.endpoint import Endpoint
from hardware_sim.instruments.hislip import HislipEndpoint
from hardware_sim.instruments.pseudo_terminal import LastingTerminalServer
from hardware_sim.instruments.rfc2217 import Rfc2217Endpoint
from hardware_sim.instruments.server import Server
from hardware_sim.instruments.tcp import serve_tcp
from hardware_sim.instruments.thorlabs_framing import FramedEndpoint
from hardware_sim.instruments.vxi11 import Vxi11Endpoint
from hardware_sim.instruments.zmq_server import serve_zmq

Way = Callable[[Endpoint, Callable[[], float], float], Server]
"""Serves an instrument, given the clock and the lab seconds per second of it."""


def _on_a_serial_line(endpoint: Endpoint, clock: Callable[[], float], speed: float) -> Server:
    # Windows has no pseudo-terminals; there, a network adapter of the line takes its place.
    return (LastingTerminalServer if os.name == "posix" else serve_tcp)(endpoint, clock, speed)


SERVED: Final[Mapping[str, Way]] = MappingProxyType(
    {
        "tcp": serve_tcp,
        "single": lambda endpoint, clock, speed: serve_tcp(endpoint, clock, speed, second_client="refuse"),
        "framed": lambda endpoint, clock, speed: serve_tcp(FramedEndpoint(endpoint), clock, speed),
        "pty": _on_a_serial_line,
        "rfc2217": lambda endpoint, clock, speed: serve_tcp(Rfc2217Endpoint(endpoint), clock, speed),
        "hislip": lambda endpoint, clock, speed: serve_tcp(HislipEndpoint(endpoint, speed), clock, speed),
        "vxi11": lambda endpoint, clock, speed: serve_tcp(Vxi11Endpoint(endpoint, speed), clock, speed),
        "zmq": serve_zmq,
    }
)
"""Name -> how it is served."""


def serve(endpoint: Endpoint, way: str, clock: Callable[[], float], speed: float) -> Server:
    """Serve an instrument in one of the `kinds.WAYS` until its `close`."""
    return SERVED[way](endpoint, clock, speed)
