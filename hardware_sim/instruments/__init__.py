"""Simulated instruments that speak their real wire protocols over real transports."""

from hardware_sim.instruments.ell14 import Ell14Mount, Ell14Specification
from hardware_sim.instruments.ell14_bus import ADDRESSES, Ell14Bus
from hardware_sim.instruments.endpoint import Endpoint, Session
from hardware_sim.instruments.errors import InstrumentSetupError, PseudoTerminalError, ServerClosedError
from hardware_sim.instruments.faults import HEALTHY, LineFaults
from hardware_sim.instruments.pseudo_terminal import TerminalServer, serve_pty
from hardware_sim.instruments.server import Server
from hardware_sim.instruments.smc100a import SimulatedSmc100a, Smc100aSettings, Smc100aSpecification
from hardware_sim.instruments.tcp import TcpServer, serve_tcp

__all__ = [
    "ADDRESSES",
    "HEALTHY",
    "Ell14Bus",
    "Ell14Mount",
    "Ell14Specification",
    "Endpoint",
    "InstrumentSetupError",
    "LineFaults",
    "PseudoTerminalError",
    "Server",
    "ServerClosedError",
    "Session",
    "SimulatedSmc100a",
    "Smc100aSettings",
    "Smc100aSpecification",
    "TcpServer",
    "TerminalServer",
    "serve_pty",
    "serve_tcp",
]
