"""Who an instrument is, and how far it can be trusted at the moment."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class State(enum.StrEnum):
    """How far an instrument can be trusted at this moment."""

    DOWN = "down"  # no link, or nobody has asked who is there since it was opened
    CONNECTING = "connecting"  # the link is being opened, or the instrument asked who it is
    UP = "up"
    DIRTY = "dirty"  # an answer was late or wrong: the next command resynchronises first
    DEGRADED = "degraded"  # it answers, but something was lost: `Device.trouble` says what


@dataclass(frozen=True, slots=True)
class Identity:
    """What an instrument says that it is.

    Attributes:
        maker: manufacturer.
        model: type designation.
        serial_number: of this very instrument.
        firmware: version, as the instrument writes it.
    """

    maker: str
    model: str
    serial_number: str
    firmware: str
