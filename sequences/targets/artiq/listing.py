"""Events as text that people read and that reads back into equal events.

Example:
    >>> events = RtioEvents.of([0, 1000], 4, 0, [1, 0], duration=4000)
    >>> print(print_events(events, names={4: "shutter"}), end="")
    rtio events, 4000 mu
       0 ch4 a0 00000001 from 0 # shutter
    1000 ch4 a0 00000000 from 0 # shutter
    >>> parse_events(print_events(events)) == events
    True
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from sequences.targets.artiq.devices import EdgeCounter, Fastino, TtlInput, TtlOut, Urukul, Zotino
from sequences.targets.artiq.errors import EventTextError
from sequences.targets.artiq.events import RtioEvents
from sequences.targets.artiq.kasli import Kasli

_HEAD: Final = re.compile(r"rtio events, (\d+) mu")
_EVENT: Final = re.compile(r"\s*(-?\d+)\s+ch(\d+)\s+a([0-9a-f]{1,2}) ([0-9a-f]{8}) from (\d+)")
_LIMITS: Final = (2**63 - 1, 2**24 - 1, 2**8 - 1, 2**32 - 1, 2**32 - 1)
"""Largest time, channel, address, data and source."""


def print_events(events: RtioEvents, names: Mapping[int, str] | None = None) -> str:
    """Return one line an event: time, channel, address and data (hexadecimal), and row of its source.

    Args:
        events: to print.
        names: RTIO channel -> what follows the event as a comment; see `rtio_names`.
    """
    known = names or {}
    times = [str(time) for time in events.timestamp.tolist()]
    channels = [f"ch{channel}" for channel in events.channel.tolist()]
    width, channel_width = (max(map(len, column), default=0) for column in (times, channels))
    comments = [f" # {known[channel]}" if channel in known else "" for channel in events.channel.tolist()]
    columns = times, channels, events.address.tolist(), events.data.tolist(), events.source.tolist(), comments
    lines = [
        f"{time:>{width}} {channel:<{channel_width}} a{address:x} {data:08x} from {source}{comment}"
        for time, channel, address, data, source, comment in zip(*columns, strict=True)
    ]
    return "\n".join([f"rtio events, {events.duration} mu", *lines]) + "\n"


def parse_events(text: str) -> RtioEvents:
    """Return the events of a text; comments and empty lines do not matter.

    Raises:
        EventTextError: a line is not as `print_events` writes it.
    """
    duration: int | None = None
    rows: list[tuple[int, ...]] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].rstrip()
        if not words:
            continue
        if duration is None:
            head = _HEAD.fullmatch(words)
            if head is None:
                raise EventTextError(number, line, "expected 'rtio events, <duration> mu'")
            duration = int(head[1])
            continue
        row = _EVENT.fullmatch(words)
        if row is None:
            raise EventTextError(
                number, line, "expected '<time> ch<channel> a<address> <data> from <source>'"
            )
        time, channel, address, data, source = row.groups()
        values = int(time), int(channel), int(address, 16), int(data, 16), int(source)
        if any(abs(value) > limit for value, limit in zip(values, _LIMITS, strict=True)):
            raise EventTextError(number, line, "a number is too large for its column")
        rows.append(values)
    if duration is None:
        raise EventTextError(0, "", "the text is empty")
    # as Python's integers: numpy would take the largest times and words together for floats
    time, channel, address, data, source = ([row[column] for row in rows] for column in range(len(_LIMITS)))
    return RtioEvents.of(time, channel, address, data, source, duration)


def rtio_names(kasli: Kasli) -> dict[int, str]:
    """Return RTIO channel -> which channels of ours use it, and as what."""
    uses: dict[int, list[str]] = {}
    parts: dict[int, str] = {}
    for name, device in kasli.devices.items():
        match device:
            case TtlOut(channel) | TtlInput(channel) | EdgeCounter(channel):
                places = {channel: ""}
            case Urukul():
                places = {device.spi: " spi", device.io_update: " io_update", device.switch: " switch"}
            case Zotino():
                places = {device.spi: " spi", device.ldac: " ldac"}
            case Fastino(channel):
                places = {channel: " fastino"}
        for channel, part in places.items():
            uses.setdefault(channel, []).append(name)
            parts[channel] = part
    return {channel: ", ".join(names) + parts[channel] for channel, names in sorted(uses.items())}
