"""A program as a value change dump (VCD), which GTKWave, Surfer and other viewers show.

Scopes stand for the kinds of channels, in the words of the language. Values are physical: hertz, volts,
turns, and fractions of full scale. What the program has not set yet is not a number; lines are low, tones off
and gates closed. Marks are VCD events; stretches are strings, a further lane for each level of nesting.

Source: IEEE Std 1364-2005, chapter 18; `string` variables and their escapes as GTKWave and Surfer read them.

Example:
    >>> from sequences import Channel, Kind, Line, Target, compile_sequence, ns, sequence
    >>> lab = Target("lab", 1 * ns, (Channel("shutter", Kind.TTL, 0, grid=1 * ns),))
    >>> program = compile_sequence(sequence("blink", Line.of(lab, "shutter").pulse(10 * ns)), lab)
    >>> text = "".join(print_vcd(program))
    >>> print(text[text.index("#0") :])
    #0
    $dumpvars
    0!
    $end
    1!
    #10
    0!
    <BLANKLINE>
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain, count, product
from types import MappingProxyType
from typing import Final, TypeAlias

import numpy as np

from sequences.program import Program
from sequences.target import Channel, Kind
from sequences.targets.plan import plan
from sequences.targets.presentation import Presentation, present
from sequences.targets.stream import stream
from sequences.targets.way import HERALDED_AT_ONCE, Way
from sequences.timeline import Operation, Timeline

Change: TypeAlias = Callable[[float], str]
"""Makes the text of an event from its value."""

_SCOPES: Final = MappingProxyType(
    {
        Kind.TTL: "lines",
        Kind.DDS: "tones",
        Kind.DAC: "electrodes",
        Kind.COUNTER: "detectors",
        Kind.CAMERA: "cameras",
        Kind.TRIGGER: "triggers",
    }
)
_TIME_UNITS: Final = ("s", "ms", "us", "ns", "ps", "fs")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*\Z")
_NOT_LEGAL: Final = re.compile(r"[^!-~]|[$\[\]\\]")
"""What an escaped name must not hold: blanks and what is not printable in ASCII, by the standard; a dollar,
which Surfer takes for the start of a command; brackets, which viewers take for bits of a bus."""
_CODES: Final = "".join(map(chr, range(ord("!"), ord("~") + 1)))
"""Digits of the short names that stand before each value: all printable characters."""
_CHUNK: Final = 8192
"""Events in a piece of text, about 100 kB."""


def print_vcd(
    program: Program, shots: int = 1, *, way: Way = HERALDED_AT_ONCE, light: bool = True
) -> Iterator[str]:
    """Yield a program's value change dump, some lines at a time.

    Args:
        program: to be played.
        shots: one after the other.
        way: taken through attempts and branches; heralded at once, conditions hold.
        light: whether times are those that the author wrote, at which there is light; or those of the core's
            events, which differ by the channels' latencies.

    Yields:
        Text in ASCII; all of it together is the file.

    Raises:
        DurationError: `shots` is no whole number from 1 on.
    """
    shown = present(program, light=light)
    signals = _Signals(shown)
    unit, per_tick = _timescale(program.target.period)
    meant = "times of light" if light else "times of the core's events"
    units = "frequencies in Hz, amplitudes of full scale, phases in turns, voltages in V"
    header = [
        "$version ionloom $end",
        f"$comment {meant}; {units} $end",
        f"$timescale {unit} $end",
        *signals.declarations,
        "$enddefinitions $end",
    ]
    yield "\n".join([*header, "#0", "$dumpvars", *signals.initial, "$end", ""])
    now = 0
    for chunk in stream(shown.program, shots, way=way, chunk=_CHUNK):
        yield "".join(signals.changes(chunk, now, per_tick))
        now = int(chunk.time[-1])
    end = plan(shown.program, shots, way, _CHUNK).duration
    if end > now:
        yield f"#{round(end * per_tick)}\n"


class _Signals:
    """The variables of a dump, and how each event is written.

    Attributes:
        declarations: lines that declare the variables.
        initial: lines that set them before the first event.
    """

    def __init__(self, shown: Presentation) -> None:
        self.declarations: list[str] = []
        self.initial: list[str] = []
        self._codes = map("".join, chain.from_iterable(product(_CODES, repeat=n) for n in count(1)))
        self._changes: dict[tuple[int, int], Change] = {}
        self._taken: list[set[str]] = [set()]
        self._readouts = [_escaped(f"{row.name}[{row.index}]") for row in shown.program.readouts]
        timelines = list(shown.program.timelines())
        used = {number for timeline in timelines for number in np.unique(timeline.channel).tolist()}
        with self._scope(shown.program.name):
            for kind, scope in _SCOPES.items():
                channels = [c for c in shown.program.target.channels if c.kind is kind and c.number in used]
                if channels:
                    with self._scope(scope):
                        for channel in channels:
                            self._add_channel(channel)
            if used.intersection(shown.lanes):
                with self._scope("labels"):
                    self._add_labels(shown, timelines)

    def changes(self, events: Timeline, now: int, per_tick: Fraction) -> Iterator[str]:
        """Yield the lines of some events; those at the time `now` follow its line."""
        changes = self._changes
        # `round` of a fraction, but ten times faster.
        twice, half = 2 * per_tick.numerator, per_tick.denominator
        columns = (events.time, events.channel, events.operation, events.value)
        for time, channel, operation, value in zip(*(column.tolist() for column in columns), strict=True):
            if time != now:
                yield f"#{(time * twice + half) // (2 * half)}\n"
                now = time
            yield changes[channel, operation](value)

    def _add_channel(self, channel: Channel) -> None:
        number = channel.number
        match channel.kind:
            case Kind.TTL:
                self._changes[number, Operation.LEVEL] = self._wire(channel.name)
            case Kind.DDS:
                with self._scope(channel.name):
                    self._changes[number, Operation.FREQUENCY] = self._real("frequency", math.nan)
                    self._changes[number, Operation.AMPLITUDE] = self._real("amplitude", 0.0)
                    self._changes[number, Operation.PHASE] = self._real("phase", math.nan)
            case Kind.DAC:
                self._changes[number, Operation.VOLTAGE] = self._real(channel.name, math.nan)
            case Kind.COUNTER | Kind.CAMERA:
                with self._scope(channel.name):
                    gate, readout = self._wire("gate"), self._string("readout", self._readouts)
                    self._changes[number, Operation.OPEN] = lambda row: readout(row) + gate(1)
                    self._changes[number, Operation.CLOSE] = lambda _: gate(0)

    def _add_labels(self, shown: Presentation, timelines: list[Timeline]) -> None:
        """Declare an event for each mark's name, and a string for each lane of stretches."""
        marks, *stretches = shown.lanes
        rows = sorted({row for t in timelines for row in t.value[t.channel == marks].astype(int).tolist()})
        events = {row: self._event(shown.names[row - 1]) for row in rows}
        self._changes[marks, Operation.LEVEL] = lambda row: events[int(row)]
        names = ["", *map(_escaped, shown.names)]
        for depth, lane in enumerate(stretches, 1):
            self._changes[lane, Operation.LEVEL] = self._string(f"stretch_{depth}", names)

    @contextmanager
    def _scope(self, name: str) -> Iterator[None]:
        """Declare what is declared meanwhile within a scope."""
        self.declarations.append(f"$scope module {self._unique(name)} $end")
        self._taken.append(set())
        yield
        self._taken.pop()
        self.declarations.append("$upscope $end")

    def _wire(self, name: str) -> Change:
        code = self._declare("wire 1", name)
        self.initial.append(f"0{code}")
        return lambda level: f"{level:.0f}{code}\n"

    def _real(self, name: str, initial: float) -> Change:
        code = self._declare("real 64", name)
        self.initial.append(f"r{initial!r} {code}")
        return lambda value: f"r{value!r} {code}\n"

    def _string(self, name: str, texts: Sequence[str]) -> Change:
        code = self._declare("string 1", name)
        self.initial.append(f"s {code}")
        return lambda row: f"s{texts[int(row)]} {code}\n"

    def _event(self, name: str) -> str:
        return f"1{self._declare('event 1', name)}\n"

    def _declare(self, kind: str, name: str) -> str:
        code = next(self._codes)
        self.declarations.append(f"$var {kind} {code} {self._unique(name)} $end")
        return code

    def _unique(self, name: str) -> str:
        """Return a legal name that no neighbour has: as it is, or escaped, or with a number."""
        legal = _NOT_LEGAL.sub("_", name)
        legal = legal if _PLAIN_NAME.match(legal) else "\\" + legal
        taken = self._taken[-1]
        variants = chain([legal], (f"{legal}_{number}" for number in count(2)))
        unique = next(variant for variant in variants if variant not in taken)
        taken.add(unique)
        return unique


def _timescale(period: float) -> tuple[str, Fraction]:
    """Return the largest unit in which ticks are whole, else 1 fs, and how many units a tick has."""
    exact = Fraction(repr(period))
    for power, unit in enumerate(_TIME_UNITS):
        for size in (100, 10, 1):
            ticks = exact * 1000**power / size
            if ticks.denominator == 1:
                return f"{size} {unit}", ticks
    return "1 fs", exact * 10**15


def _escaped(text: str) -> str:
    """Return a text without blanks: as C writes it, with octal numbers for what cannot be printed."""
    plain = (
        chr(byte) if chr(byte) in _CODES and byte != ord("\\") else f"\\{byte:03o}" for byte in text.encode()
    )
    return "".join(plain)
