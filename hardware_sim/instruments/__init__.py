"""Simulated instruments that speak their real wire protocols over real transports.

Here is what serves them and breaks their lines; each instrument is a module of its own.
"""

from hardware_sim.instruments.endpoint import Endpoint, Session
from hardware_sim.instruments.errors import InstrumentSetupError, PseudoTerminalError, ServerClosedError
from hardware_sim.instruments.faults import HEALTHY, LineFaults
from hardware_sim.instruments.pseudo_terminal import TerminalServer, serve_pty
from hardware_sim.instruments.server import Server
from hardware_sim.instruments.tcp import TcpServer, serve_tcp

__all__ = [
    "HEALTHY",
    "Endpoint",
    "InstrumentSetupError",
    "LineFaults",
    "PseudoTerminalError",
    "Server",
    "ServerClosedError",
    "Session",
    "TcpServer",
    "TerminalServer",
    "serve_pty",
    "serve_tcp",
]
