"""What can be made to go wrong with an instrument of the bench, by the names that people give it.

Faults of the line are those of any instrument; faults of the instrument itself are its own (`FAULTS` of its
class); and a hand at its front panel turns one of its `KNOBS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.faults import HEALTHY, LineFaults
from hardware_sim.instruments.server import Server
from hardware_sim.instruments.tcp import SecondClient, TcpServer

Act = Callable[[Server, float | None, np.random.Generator], None]
"""Does it to the server of an instrument; the number says how much, None for the usual amount."""

USUAL_DELAY: Final = 5.0  # s of lab time: longer than any client waits for an ordinary answer
USUAL_SHARE: Final = 0.1  # of all bytes
USUAL_FRAGMENT: Final = 1  # byte


def _shared_by(name: str) -> Act:
    """Return what lets a share of all bytes suffer: corrupted, lost or doubled."""

    def act(server: Server, amount: float | None, rng: np.random.Generator) -> None:
        share = USUAL_SHARE if amount is None else amount
        server.inject(LineFaults(rng=rng, **{name: share}))  # type: ignore[arg-type]

    return act


def _late(server: Server, amount: float | None, rng: np.random.Generator) -> None:
    server.inject(LineFaults(delay=USUAL_DELAY if amount is None else amount))


def _fragmented(server: Server, amount: float | None, rng: np.random.Generator) -> None:
    server.inject(LineFaults(fragment=round(amount or USUAL_FRAGMENT), pause=1e-3))


def _policy(policy: SecondClient) -> Act:
    def act(server: Server, amount: float | None, rng: np.random.Generator) -> None:
        if not isinstance(server, TcpServer):
            raise InstrumentSetupError(
                "fault", f"{policy} second client", "on a TCP port", "a serial line knows no clients"
            )
        server.second_client = policy

    return act


LINE_FAULTS: Final[Mapping[str, tuple[str, Act]]] = MappingProxyType(
    {
        "power cycle": ("off and on again; seconds until it answers", lambda s, a, r: s.power_cycle(a)),
        "pull cable": (
            "every connection is reset, new ones are accepted",
            lambda s, a, r: s.drop_link(abort=True),
        ),
        "unplug": ("no connection until it is plugged in", lambda s, a, r: s.unplug()),
        "plug": ("after unplug", lambda s, a, r: s.plug()),
        "silence": ("it hears nothing and says nothing", lambda s, a, r: s.inject(LineFaults(stalled=True))),
        "delay": ("answers come late; seconds", _late),
        "garbage": (
            "noise ahead of every answer",
            lambda s, a, r: s.inject(LineFaults(garbage=b"\xff\x00~")),
        ),
        "corrupted bytes": ("share of all bytes", _shared_by("corrupted")),
        "lost bytes": ("share of all bytes", _shared_by("lost")),
        "doubled bytes": ("share of all bytes", _shared_by("doubled")),
        "wrong terminator": (
            "LF where it should send CR LF",
            lambda s, a, r: s.inject(LineFaults(terminator=b"\n")),
        ),
        "fragments": ("answers come in pieces; bytes of each", _fragmented),
        "refuse second client": ("who comes second is turned away", _policy("refuse")),
        "kick first client": ("who comes second throws out the first", _policy("kick")),
        "accept second client": ("all are served", _policy("accept")),
        "heal": ("the line is as new", lambda s, a, r: s.inject(HEALTHY)),
    }
)
"""Name -> what it does and what its number means, and how it is done."""


def cause(
    server: Server, instrument: Any, fault: str, amount: float | None, rng: np.random.Generator
) -> None:
    """Make something go wrong with an instrument.

    Args:
        server: of its line.
        instrument: itself.
        fault: one of `LINE_FAULTS` or of the instrument's own.
        amount: how much, for faults of the line; None for the usual amount.
        rng: source of random faults.

    Raises:
        InstrumentSetupError: there is no such fault, or it cannot be as much.
    """
    if fault in LINE_FAULTS:
        LINE_FAULTS[fault][1](server, amount, rng)
        return
    own: tuple[str, ...] = getattr(instrument, "FAULTS", ())
    if fault not in own:
        known = ", ".join((*own, *LINE_FAULTS))
        raise InstrumentSetupError("fault", fault, known, "give one of them")
    with instrument.lock:
        instrument.provoke(fault, server.now())
    server.wake()


def turn_knob(server: Server, instrument: Any, knob: str, value: float | bool | str) -> None:
    """Turn a knob at the front panel of an instrument, as a human would.

    Raises:
        InstrumentSetupError: it has no such knob, or it cannot be turned so far.
    """
    knobs: tuple[str, ...] = getattr(instrument, "KNOBS", ())
    if knob not in knobs:
        raise InstrumentSetupError(
            "knob", knob, ", ".join(knobs) or "none: it has no knobs", "give one of them"
        )
    with instrument.lock:
        instrument.front_panel(knob, value, server.now())
    server.wake()
