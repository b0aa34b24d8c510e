"""Reads what a program's text says about the lab: its channels and its dispatcher."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

from sequences.dispatcher import Dispatcher
from sequences.target import UNITS, Channel, Kind, Limit, Quantity
from sequences.text.grammar import UNLIMITED
from sequences.text.line import Line


def read_dispatcher(line: Line) -> Dispatcher:
    """Read the rest of a line that describes how a core hands on its events."""
    values: dict[str, Any] = {}
    for field in fields(Dispatcher):
        line.keyword(field.name)
        if isinstance(field.default, int):
            values[field.name] = line.whole("a number", 1)
        else:
            values[field.name] = math.inf if line.skip(UNLIMITED) else line.quantity("a time", "s")
    line.end()
    return Dispatcher(**values)


def read_channel(line: Line) -> Channel:
    """Read the rest of a line that describes a channel."""
    number = line.whole("the channel's number")
    kind = Kind(line.keyword(*Kind))
    name = line.take("the channel's name")
    values: dict[str, Any] = {}
    for word in ("grid", "latency", "spacing"):
        line.keyword(word)
        values[word] = line.quantity("a time", "s")
    for word, unit in (("update", "s"), ("pulse", "s"), ("slew", "V/s")):
        if line.skip(word):
            values[word] = line.quantity(f"the {word}", unit)
    if line.skip("bus"):
        values["bus"] = line.take("the name of a bus")
    if line.skip("programming"):
        values["programming"] = line.quantity("a time", "s")
    limits = []
    while line.more():
        line.keyword("limit")
        limits.append(_limit(line))
    return Channel(name, kind, number, limits=tuple(limits), **values)


def _limit(line: Line) -> Limit:
    quantity = Quantity(line.keyword(*Quantity))
    ends = []
    for unlimited in (-math.inf, math.inf):
        if line.skip(UNLIMITED):
            ends.append(unlimited)
        else:
            ends.append(line.quantity(f"a {quantity}", UNITS[quantity]))
    return Limit(quantity, ends[0], ends[1])
