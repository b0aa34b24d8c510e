"""One channel of a MOGLabs ARF: its settings, its table, its amplifier's heat, and the commands that name it.

Source: MOGLabs ARF manual chapter 3, QRF manual p. 40, and what the maker's client mogdevice 1.2.1 expects.
The wording of replies beyond the documented ones is a free choice.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from hardware_sim.instruments.moglabs_syntax import (
    HERTZ,
    SECOND,
    TURN,
    ArfError,
    parse_count,
    parse_power,
    parse_quantity,
    parse_word,
    phase_word,
    show_entry,
    show_frequency,
    show_phase,
    synthesised,
    tuning_word,
)
from hardware_sim.instruments.moglabs_table import (
    AMPLIFIER_OFF,
    MOST_ENTRIES,
    MOST_PASSES,
    SIGNAL_OFF,
    Playback,
    Table,
    TableEntry,
)

MODES: Final = ("NSB", "NSA", "TSB", "TPA")
TRIPPING, SAFE = 75.0, 60.0  # degC: the amplifier switches off, may be switched on again; free choice
WARMING = 8.0  # K of the amplifier for each watt of RF; free choice
COOLING_TIME = 60.0  # s; free choice


@dataclass(frozen=True, slots=True)
class ArfSpecification:
    """One ARF or XRF as it was delivered.

    Attributes:
        model: ``ARF421``, ``ARF021`` or ``XRF021``.
        serial_number: As replied to ``INFO``. ASSUMED form.
        firmware: As replied to ``VERSION``.
        minimum_frequency: In Hz (manual: 20 MHz).
        maximum_frequency: In Hz (manual: 400 MHz).
        minimum_power: In dBm. ASSUMED.
        maximum_power: In dBm; 4 W of an ARF421. ASSUMED.
        limit: In dBm; what ``LIMIT`` is set to when it leaves the factory. ASSUMED.
        table_step: Durations in tables are multiples of this, in s (QRF manual p. 40).
        reply_time: From a command to its answer in s.
        boot_time: From power-on to the first answer in s. ASSUMED.
        ambient: Temperature of an idle channel in degC. ASSUMED.
    """

    model: str = "ARF421"
    serial_number: str = "A20117"
    firmware: str = "1.9.1"
    minimum_frequency: float = 20e6
    maximum_frequency: float = 400e6
    minimum_power: float = -50.0
    maximum_power: float = 36.0
    limit: float = 36.0
    table_step: float = 5e-6
    reply_time: float = 1e-3
    boot_time: float = 5.0
    ambient: float = 29.0


@dataclass(frozen=True, slots=True)
class RfSignal:
    """What leaves an output.

    Attributes:
        frequency: In Hz.
        power: In dBm; -inf if nothing does.
        phase: In turns, 0 to 1.
    """

    frequency: float
    power: float
    phase: float


@dataclass(frozen=True, slots=True)
class ArfSettings:
    """Settings of a channel that power-on resets; the defaults are those (manual: off, mode NSB).

    Attributes:
        tuning_word: Frequency in steps of the synthesiser; 80 MHz is ASSUMED.
        power: In dBm. ASSUMED.
        phase_word: Phase in steps of 2^-16 turns.
        signal: Whether the synthesiser is on.
        amplifier: Whether the amplifier is on.
        mode: One of `MODES`.
        armed: Whether the table waits for its start.
        rising: Whether the trigger takes rising edges.
        rearm: Whether the table is armed again at its end.
        restart: Whether the table starts again at its end.
    """

    tuning_word: int = 343_597_384
    power: float = 0.0
    phase_word: int = 0
    signal: bool = False
    amplifier: bool = False
    mode: str = "NSB"
    armed: bool = False
    rising: bool = True
    rearm: bool = False
    restart: bool = False


class ArfChannel:
    """One output with its synthesiser, amplifier and table.

    Attributes:
        limit: Largest power in dBm, kept without power.
        commands: What it obeys, given the arguments behind the channel number and the lab time in s.
        table_commands: The same behind ``TABLE``.
    """

    def __init__(self, number: int, specification: ArfSpecification) -> None:
        """Switch the channel on.

        Args:
            number: As commands name it.
            specification: The instrument as delivered.
        """
        self.limit = specification.limit
        self._name = f"CH{number}"
        self._specification = specification
        self._settings, self._table = ArfSettings(), Table()
        self._playback: Playback | None = None
        self._heat, self._heat_at = 0.0, 0.0  # K above ambient, and when
        Obey = Callable[[list[str], float], str]
        self.commands: dict[str, Obey] = {
            "STATUS": lambda _, now: str(int(self._settings.signal) + 2 * int(self._settings.amplifier)),
            "FREQ": self._obey_frequency,
            "POW": self._obey_power,
            "PHASE": self._obey_phase,
            "LIMIT": self._obey_limit,
            "MODE": self._obey_mode,
            "ON": lambda arguments, now: self._switch(arguments, True, now),
            "OFF": lambda arguments, now: self._switch(arguments, False, now),
        }
        self.table_commands: dict[str, Obey] = {
            "CLEAR": lambda _, now: self._put(Table(), now, "table cleared"),
            "APPEND": self._append,
            "ENTRY": self._obey_entry,
            "ENTRIES": self._obey_entries,
            "RAMP": self._ramp,
            "LOOP": self._loop,
            "EDGE": lambda arguments, _: self._obey_flag("edge", "rising", ("RISING", "FALLING"), arguments),
            "REARM": lambda arguments, _: self._obey_flag("rearm", "rearm", ("ON", "OFF"), arguments),
            "RESTART": lambda arguments, _: self._obey_flag("restart", "restart", ("ON", "OFF"), arguments),
            "ARM": lambda _, now: self._arm(),
            "START": lambda _, now: self._start(now),
            "STOP": lambda _, now: self._stop(now),
            "STATUS": lambda _, now: self._tell_table(now),
        }

    def lose_power(self, now: float) -> None:
        """Lose power at lab time ``now`` (s): table and settings are lost, the limit is not."""
        self._change(now)
        self._settings, self._table, self._playback = ArfSettings(), Table(), None

    def overheat(self, now: float) -> None:
        """Get so hot at lab time ``now`` (s) that the amplifier switches itself off."""
        self._change(now, amplifier=False)
        self._heat = TRIPPING - self._specification.ambient

    def signal(self, now: float) -> RfSignal:
        """Return what leaves the output at lab time ``now`` (s)."""
        entry, settings = self._playing(now), self._settings
        on = settings.signal and settings.amplifier
        if entry is None:
            on = on and not settings.mode.startswith("T")
            played = TableEntry(settings.tuning_word, settings.power, settings.phase_word, 0.0)
        else:
            played = entry
        level = min(played.power, self.limit) if on and not played.flags else -math.inf
        return RfSignal(synthesised(played.tuning_word), level, played.phase_word / 65_536)

    def temperature(self, now: float) -> float:
        """Return the temperature of the amplifier in degC at lab time ``now`` (s)."""
        power = self.signal(now).power
        final = 0.0 if math.isinf(power) else WARMING * 10 ** (power / 10.0 - 3.0)
        decay = math.exp(-max(now - self._heat_at, 0.0) / COOLING_TIME)
        return self._specification.ambient + final + (self._heat - final) * decay

    def trigger(self, now: float) -> None:
        """Take the edge that the trigger input waits for, at lab time ``now`` (s)."""
        self._playing(now)
        if self._playback is not None:
            self._playback.trigger(now)
        elif self._settings.armed:
            self._start(now)

    def dump(self) -> bytes:
        """Return the table as ``TABLE,DUMP`` sends it."""
        return self._table.dump()

    def _change(self, now: float, **changes: Any) -> None:
        self._heat, self._heat_at = self.temperature(now) - self._specification.ambient, now
        self._settings = replace(self._settings, **changes)

    def _parse_frequency(self, text: str) -> int:
        hertz = parse_quantity(text, HERTZ)
        if not self._specification.minimum_frequency <= hertz <= self._specification.maximum_frequency:
            raise ArfError(f"Frequency {hertz / 1e6:.2f} MHz out of range")
        return tuning_word(hertz)

    def _parse_power(self, text: str, limit: float) -> float:
        power = parse_power(text)
        if not self._specification.minimum_power <= power <= self._specification.maximum_power:
            raise ArfError(f"Power {power:.2f} dBm out of range")
        if power > limit:
            raise ArfError(f"Power {power:.2f} dBm exceeds limit {limit:.2f} dBm")
        return power

    def _parse_duration(self, text: str) -> float:
        seconds, step = parse_quantity(text, SECOND), self._specification.table_step
        steps = round(seconds / step)
        if seconds < 0.0 or abs(seconds - steps * step) > 1e-6 * step:
            raise ArfError(f"Duration {seconds * 1e6:.2f} us is not a multiple of {step * 1e6:g} us")
        return steps * step

    def _obey_frequency(self, arguments: list[str], now: float) -> str:
        if not arguments:
            return show_frequency(self._settings.tuning_word)
        self._change(now, tuning_word=self._parse_frequency(arguments[0]))
        return f"OK: {self._name} freq now {show_frequency(self._settings.tuning_word)}"

    def _obey_power(self, arguments: list[str], now: float) -> str:
        if not arguments:
            return f"{self._settings.power:.2f} dBm"
        self._change(now, power=self._parse_power(arguments[0], self.limit))
        return f"OK: {self._name} power now {self._settings.power:.2f} dBm"

    def _obey_phase(self, arguments: list[str], now: float) -> str:
        if not arguments:
            return show_phase(self._settings.phase_word)
        self._change(now, phase_word=phase_word(parse_quantity(arguments[0], TURN)))
        return f"OK: {self._name} phase now {show_phase(self._settings.phase_word)}"

    def _obey_limit(self, arguments: list[str], now: float) -> str:
        if not arguments:
            return f"{self.limit:.2f} dBm"
        limit = self._parse_power(arguments[0], self._specification.maximum_power)
        # A limit below the present power pulls it down (mogdevice).
        self._change(now, power=min(self._settings.power, limit))
        self.limit = limit
        return f"OK: {self._name} limit now {limit:.2f} dBm"

    def _obey_mode(self, arguments: list[str], now: float) -> str:
        if not arguments:
            return self._settings.mode
        mode = parse_word(arguments, MODES)
        self._change(now, mode=mode, armed=False)
        self._playback = None
        return f"OK: {self._name} mode {mode}"

    def _switch(self, arguments: list[str], on: bool, now: float) -> str:
        part = parse_word(arguments or ["ALL"], ("SIG", "POW", "ALL"))
        if on and part != "SIG" and self.temperature(now) > SAFE:
            raise ArfError(f"{self._name} is too hot ({self.temperature(now):.1f} C)")
        if part != "POW":
            self._change(now, signal=on)
        if part != "SIG":
            self._change(now, amplifier=on)
        return f"OK: {self._name} {'on' if on else 'off'}"

    def _put(self, table: Table, now: float, done: str) -> str:
        if len(table.entries) > MOST_ENTRIES:
            raise ArfError(f"Table is full ({MOST_ENTRIES} entries)")
        self._change(now, armed=False)
        self._playback = None
        self._table = table
        return f"OK: {self._name} {done}"

    def _parse_entry(self, arguments: list[str]) -> TableEntry:
        if len(arguments) < 4:
            raise ArfError("Missing argument")
        frequency, power, phase, duration, *flags = arguments
        known = {"SIG": SIGNAL_OFF, "POW": AMPLIFIER_OFF, "TRIG": 0, "": 0}
        named = {flag.upper() for flag in flags}
        if not named <= known.keys():
            raise ArfError(f"Invalid flags {','.join(flags)}")
        return TableEntry(
            self._parse_frequency(frequency),
            self._parse_power(power, self.limit),
            phase_word(parse_quantity(phase, TURN)),
            0.0 if "TRIG" in named else self._parse_duration(duration),
            sum(known[flag] for flag in named),
        )

    def _append(self, arguments: list[str], now: float) -> str:
        table = replace(self._table, entries=(*self._table.entries, self._parse_entry(arguments)))
        return self._put(table, now, f"entry {len(table.entries)}")

    def _obey_entry(self, arguments: list[str], now: float) -> str:
        entries, setting = self._table.entries, len(arguments) > 1
        place = parse_count((arguments or [""])[0], 1, min(len(entries) + setting, MOST_ENTRIES))
        if not setting:
            return show_entry(entries[place - 1])
        changed = (*entries[: place - 1], self._parse_entry(arguments[1:]), *entries[place:])
        return self._put(replace(self._table, entries=changed), now, f"entry {place}")

    def _obey_entries(self, arguments: list[str], now: float) -> str:
        if not arguments:
            return str(len(self._table.entries))
        count = parse_count(arguments[0], 0, len(self._table.entries))
        return self._put(self._table.shortened(count), now, f"has {count} entries")

    def _ramp(self, arguments: list[str], now: float) -> str:
        """Append steps from one value to another; what is not ramped stays as it was before the ramp."""
        if len(arguments) != 5:
            raise ArfError("Missing argument")
        what, start, stop, duration, steps = arguments
        what, count = parse_word([what], ("FREQ", "POW", "PHASE")), parse_count(steps, 2, MOST_ENTRIES)
        settings = self._settings
        present = TableEntry(settings.tuning_word, settings.power, settings.phase_word, 0.0)
        last = replace((self._table.entries or (present,))[-1], duration=self._parse_duration(duration))
        low, high = (self._parse_end(what, text) for text in (start, stop))
        values = [low + (high - low) * step / (count - 1) for step in range(count)]
        if what == "FREQ":
            added = [replace(last, tuning_word=round(value)) for value in values]
        elif what == "POW":
            added = [replace(last, power=round(value, 2)) for value in values]
        else:
            added = [replace(last, phase_word=phase_word(value)) for value in values]
        table = replace(self._table, entries=(*self._table.entries, *added))
        return self._put(table, now, f"ramp of {count} entries")

    def _parse_end(self, what: str, text: str) -> float:
        if what == "FREQ":
            return self._parse_frequency(text)
        return self._parse_power(text, self.limit) if what == "POW" else parse_quantity(text, TURN)

    def _loop(self, arguments: list[str], now: float) -> str:
        if len(arguments) != 3:
            raise ArfError("Missing argument")
        last = parse_count(arguments[0], 1, len(self._table.entries)) - 1
        first = parse_count(arguments[1], 1, last + 1) - 1
        if self._table.overlaps(first, last):
            raise ArfError("Loops overlap")
        loops = sorted((*self._table.loops, (first, last, parse_count(arguments[2], 1, MOST_PASSES))))
        table = replace(self._table, loops=tuple(loops))
        return self._put(table, now, f"loop from entry {last + 1} to {first + 1}")

    def _obey_flag(self, label: str, field: str, words: tuple[str, str], arguments: list[str]) -> str:
        if not arguments:
            word = words[0] if getattr(self._settings, field) else words[1]
            return word if label == "edge" else word.lower()  # as mogdevice compares them
        changes: dict[str, Any] = {field: parse_word(arguments, words) == words[0]}
        self._settings = replace(self._settings, **changes)
        return f"OK: {self._name} {label} {arguments[0]}"

    def _arm(self) -> str:
        if not self._settings.mode.startswith("T"):
            raise ArfError(f"{self._name} is not in table mode")
        if not self._table.entries:
            raise ArfError(f"{self._name} table is empty")
        self._playback = None
        self._settings = replace(self._settings, armed=True)
        return f"OK: {self._name} table armed"

    def _start(self, now: float) -> str:
        self._playing(now)
        if not self._settings.armed:
            raise ArfError(f"{self._name} table is not armed")
        self._change(now, armed=False)
        self._playback = Playback(self._table, now, self._settings.restart)
        return f"OK: {self._name} table started"

    def _stop(self, now: float) -> str:
        self._change(now)
        self._playback = None
        return f"OK: {self._name} table stopped"

    def _playing(self, now: float) -> TableEntry | None:
        """Return the entry that is played, after ending a table that is over."""
        if self._playback is None:
            return None
        entry = self._playback.entry(now)
        if entry is None:
            self._playback = None
            self._settings = replace(self._settings, armed=self._settings.rearm)
        return entry

    def _tell_table(self, now: float) -> str:
        entry = self._playing(now)
        if entry is None or self._playback is None:
            return "ARMED" if self._settings.armed else "IDLE"
        return f"{'WAITING' if entry.duration == 0.0 else 'RUNNING'} {self._playback.number(now)}"
