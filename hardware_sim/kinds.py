"""Which instruments can be simulated and how they are reached; known without loading any of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

WAYS: Final = ("tcp", "single", "framed", "pty", "rfc2217", "hislip", "vxi11", "zmq")
"""Ways to reach a simulated instrument, each a real transport; ``single`` is a TCP port that turns a second
client away, as some instruments do, ``framed`` one with the frames of Thorlabs' meters. A setup asks for one
with ``simulated:trap_rf?hislip``."""

USUAL_WAYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "arf": "tcp",
        "bristol871": "tcp",
        "dg645": "tcp",
        "dlc_pro": "tcp",
        "ell14": "pty",
        "highfinesse": "tcp",
        "hmp4040": "single",
        "id900": "zmq",
        "ipcmini": "pty",
        "iseg_nhr": "pty",
        "k10cr1": "pty",
        "mdt693b": "pty",
        "mecom": "pty",
        "pm100d": "tcp",
        "pm5020": "framed",
        "red_pitaya": "single",
        "smc100a": "tcp",
        "tpg36x": "pty",
        "websq": "tcp",
    }
)
"""Driver whose instrument can be simulated -> how it is reached unless the setup says otherwise."""
