"""What a client says on the command line of a simulated DLC pro."""

from __future__ import annotations

from hardware_sim.instruments.dlc_command_line import CommandLine


def ask(line: CommandLine, request: str, now: float = 0.0) -> str:
    reply = line.receive(request.encode() + b"\n", now).decode()
    assert reply.endswith("\r\n> ")
    return reply.removesuffix("\r\n> ")


def ref(line: CommandLine, name: str, now: float = 0.0) -> str:
    return ask(line, f"(param-ref '{name})", now)


def put(line: CommandLine, name: str, value: str, now: float = 0.0) -> str:
    return ask(line, f"(param-set! '{name} {value})", now)
