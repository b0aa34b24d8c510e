"""What an SRS DG645 can be set to: ranges, resolutions and defaults, the links of its channels, its triggers.

Source: commands and ranges as published drivers use them (qcodes, lantz, dg645-ioc); defaults, forms of
replies and resolutions other than the delays' from memory of the DG645 user manual: correct them here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from hardware_sim.instruments.dg645_grammar import Fault, SrsError, parse_float, parse_integer

T0, T1, FIRST, LAST = 0, 1, 2, 9  # channels; A to H are 2 to 9
OUTPUTS = range(5)  # T0, AB, CD, EF, GH
LONGEST_DELAY = 2000.0  # s
DELAY_STEP_PS = 5
PICOSECOND = 1e-12
INTERNAL, SINGLE_EXTERNAL, SINGLE_SHOT, LINE = 0, (3, 4), 5, 6  # trigger sources
LINE_FREQUENCY = 50.0  # Hz
RECOVERY = 25e-9  # s from the last edge until the next trigger is taken. From memory


@dataclass(frozen=True, slots=True)
class Range:
    """What one mnemonic can be set to.

    Attributes:
        smallest: Smallest value.
        largest: Largest value.
        default: Value after ``*RST``.
        form: How replies write it; ``d`` makes it an integer.
        places: First arguments that say which one is meant, empty if there is only one.
    """

    smallest: float
    largest: float
    default: float
    form: str = "d"
    places: range = range(0)

    def parse(self, text: str) -> float:
        """Read a value.

        Raises:
            SrsError: If it is no number or outside the range.
        """
        if self.form == "d":
            return parse_integer(text, int(self.smallest), int(self.largest))
        value = parse_float(text)
        if not self.smallest <= value <= self.largest:
            raise SrsError(Fault.ILLEGAL_VALUE)
        return float(format(value, self.form))

    def format(self, value: float) -> str:
        """Write a value as replies have it."""
        return format(int(value) if self.form == "d" else value, self.form)


RANGES: Mapping[str, Range] = MappingProxyType(
    {
        "LAMP": Range(0.5, 5.0, 2.5, ".2f", OUTPUTS),
        "LOFF": Range(-2.0, 2.0, 0.0, ".2f", OUTPUTS),
        "LPOL": Range(0, 1, 1, places=OUTPUTS),
        "TSRC": Range(0, 6, SINGLE_SHOT),
        "TRAT": Range(1e-4, 10e6, 1000.0, ".6f"),
        "TLVL": Range(-3.5, 3.5, 1.0, ".2f"),
        "HOLD": Range(0.0, 10.0, 0.0, ".9f"),
        "PRES": Range(1, 32767, 1, places=OUTPUTS),
        "PHAS": Range(0, 32766, 0, places=range(1, 5)),
        "ADVT": Range(0, 1, 0),
        "INHB": Range(0, 5, 0),
        "BURM": Range(0, 1, 0),
        "BURC": Range(1, 2**32 - 1, 5),
        "BURP": Range(100e-9, 42.94967295, 10e-6, ".8f"),
        "BURD": Range(0.0, LONGEST_DELAY, 0.0, ".12f"),
        "BURT": Range(0, 1, 0),
    }
)


@dataclass(frozen=True, slots=True)
class Delay:
    """The edge of one channel: so many picoseconds after that of another channel."""

    reference: int
    offset_ps: int


@dataclass(frozen=True, slots=True)
class Dg645Settings:
    """All settings of the instrument, as ``*SAV`` stores them.

    Attributes:
        values: By mnemonic and place (0 where there is only one).
        delays: Of the channels A to H, by number.

    Example:
        >>> defaults().with_delay(3, Delay(2, 5_000_000)).with_delay(2, Delay(0, 1_000_000)).edge(3)
        6e-06
    """

    values: Mapping[tuple[str, int], float]
    delays: Mapping[int, Delay]

    def value(self, mnemonic: str, place: int = 0) -> float:
        """Return one setting."""
        return self.values[mnemonic, place]

    def with_value(self, mnemonic: str, place: int, value: float) -> Dg645Settings:
        """Return the settings with one changed."""
        return replace(self, values=MappingProxyType({**self.values, (mnemonic, place): value}))

    def with_delay(self, channel: int, delay: Delay) -> Dg645Settings:
        """Return the settings with the delay of one channel changed.

        Raises:
            SrsError: If the links go in a circle, or an edge comes before T0 or too late.
        """
        changed = replace(self, delays=MappingProxyType({**self.delays, channel: delay}))
        for number in changed.delays:
            if not 0.0 <= changed.edge(number) <= LONGEST_DELAY:
                raise SrsError(Fault.ILLEGAL_DELAY)
        return changed

    def edge(self, channel: int) -> float:
        """Return when a channel's edge comes, in s after T0.

        Raises:
            SrsError: If its links go in a circle.
        """
        total, visited = 0, set()
        if channel == T1:
            return max(self.edge(number) for number in self.delays)
        while channel != T0:
            if channel in visited:
                raise SrsError(Fault.ILLEGAL_LINK)
            visited.add(channel)
            total += self.delays[channel].offset_ps
            channel = self.delays[channel].reference
        return round(total * PICOSECOND, 12)

    def trigger_rate(self, external: float) -> float:
        """Return how often the present source triggers, in Hz, given the rate at the input in Hz."""
        source = int(self.value("TSRC"))
        if source == INTERNAL:
            rate = self.value("TRAT")
        elif source in (1, 2):
            rate = external
        else:
            rate = LINE_FREQUENCY if source == LINE else 0.0
        return rate / (self.value("PRES") if self.value("ADVT") else 1.0)

    def cycle(self) -> float:
        """Return how long the instrument is busy after a trigger, in s."""
        once = self.edge(T1) + RECOVERY
        if not self.value("BURM"):
            return once
        return self.value("BURD") + (self.value("BURC") - 1.0) * self.value("BURP") + once

    def interval(self, external: float) -> float:
        """Return the time between triggers that are taken in s, infinite without triggers."""
        rate = self.trigger_rate(external)
        if not rate:
            return math.inf
        least = max(self.cycle(), self.value("HOLD"))
        return max(math.ceil(least * rate - 1e-9), 1) / rate


def defaults() -> Dg645Settings:
    """Return the settings after ``*RST``."""
    values = {
        (mnemonic, place): limits.default
        for mnemonic, limits in RANGES.items()
        for place in limits.places or (0,)
    }
    delays = {channel: Delay(T0, 0) for channel in range(FIRST, LAST + 1)}
    return Dg645Settings(MappingProxyType(values), MappingProxyType(delays))
