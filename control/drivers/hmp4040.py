"""Rohde & Schwarz HMP4040 power supply: the coils of the magnetic field, and the calcium oven.

LAN, port 5025 (`tcp://host:5025`), or a serial line; SCPI lines ended by LF.

A command goes to the channel that was selected last, by whomever: another program, or a finger at the front.
So selection and command travel in one line, under one lock. The supply bears one LAN client at a time, and
one that vanished holds the place for minutes; close the device before anybody else connects.

An oven that is forgotten coats the trap with calcium. So `Hmp4040.heat` does not switch the oven on: it hands
the supply a time-table whose last entry is zero, and what is behind it is zero as well. The oven goes cold by
the clock of the supply, also when the computer has died, unless somebody calls `heat` again in time.

Source:
    R&S HMP programmer's manual, as understood by pymeasure's and qcodes_contrib's drivers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import ClassVar

from control.device.happenings import Severity
from control.device.settings import Evidence, Setting, Value
from control.errors import LimitError, NotReady, UsageError
from control.protocols.scpi import ScpiDevice

CHANNELS = range(1, 5)
LONGEST_HEAT = 30.0  # s; after so long without another call an oven goes off
LONGEST_DWELL = 10.0  # s, of one entry of a time-table
SHORTEST_DWELL = 0.06  # s
SMALLEST_CURRENT = 0.0005  # A; the supply knows no zero

_HEADERS = {
    "voltage": "VOLT",
    "current": "CURR",
    "output": "OUTP:SEL",
    "voltage_actual": "MEAS:VOLT",
    "current_actual": "MEAS:CURR",
    "protection": "VOLT:PROT",
    "protection_tripped": "VOLT:PROT:TRIP",
    "fuse": "FUSE",
    "fuse_tripped": "FUSE:TRIP",
}
_CHANNEL = re.compile(r"(?P<kind>.+)_(?P<number>[1-4])")

MASTER = Setting(
    "master",
    "",
    "the switch behind the outputs of all channels",
    switch=True,
    guards=tuple(f"{kind}_{number}" for number in CHANNELS for kind in ("voltage", "current")),
    evidence=Evidence.CLIENT,
)


def _output_settings(number: int) -> Iterator[Setting]:
    known = Evidence.CLIENT
    yield Setting(
        f"voltage_{number}", "V", "the most that the output may have", 0.0, 32.05, 0.0006, evidence=known
    )
    yield Setting(
        f"current_{number}",
        "A",
        "the most that the output may give",
        SMALLEST_CURRENT,
        10.0,
        0.00006,
        evidence=known,
    )
    yield Setting(
        f"output_{number}",
        "",
        "whether it is on when the master is",
        switch=True,
        guards=(f"voltage_{number}", f"current_{number}"),
        evidence=known,
    )
    yield Setting(
        f"voltage_actual_{number}",
        "V",
        "measured at the output",
        0.0,
        33.0,
        0.001,
        writable=False,
        evidence=known,
    )
    yield Setting(
        f"current_actual_{number}",
        "A",
        "measured at the output",
        0.0,
        10.5,
        0.001,
        writable=False,
        key=True,
        evidence=known,
    )


def _protection_settings(number: int) -> Iterator[Setting]:
    believed = Evidence.MEMORY
    yield Setting(
        f"protection_{number}", "V", "above which the output goes off", 1.0, 32.05, 0.006, evidence=believed
    )
    yield Setting(
        f"protection_tripped_{number}",
        "",
        "whether its voltage was too high",
        switch=True,
        writable=False,
        evidence=believed,
    )
    yield Setting(
        f"fuse_{number}", "", "whether it goes off at its current limit", switch=True, evidence=believed
    )
    yield Setting(
        f"fuse_tripped_{number}",
        "",
        "whether its current was at the limit",
        switch=True,
        writable=False,
        evidence=believed,
    )


class Hmp4040(ScpiDevice):
    """One supply with four channels, counted from one; the arguments are those of `Device`."""

    SETTINGS: ClassVar[tuple[Setting, ...]] = (
        *(
            setting
            for number in CHANNELS
            for setting in (*_output_settings(number), *_protection_settings(number))
        ),
        MASTER,
    )
    MODELS: ClassVar[tuple[str, ...]] = ("HMP4040",)
    ACTIONS: ClassVar[tuple[str, ...]] = ("heat", "cool")
    PARKS: ClassVar[bool] = True
    PARKING: ClassVar[str] = "ovens that were heated go off; coils stay as they are"
    RESTARTED: ClassVar[str] = "it was switched off and on again: its outputs are off, the field is gone"

    _heated: frozenset[int] = frozenset()

    def heat(self, channel: int, voltage: float, current: float, seconds: float) -> None:
        """Heat an oven for some seconds; call it again before they are over to go on.

        Args:
            channel: 1 to 4.
            voltage: V, the most that the supply may give.
            current: A.
            seconds: until the supply itself takes the current away, 30 s at most.

        Raises:
            LimitError: beyond a limit of driver or site, or too long; nothing was sent.
            NotReady: the supply was without power and nobody has acknowledged that; or the master is off, and
                other channels would come on with it.
            Refused: the supply said no.
        """
        self._require_channel(channel)
        for kind, value in (("voltage", voltage), ("current", current)):
            self._accept(self.setting(f"{kind}_{channel}"), value)
        if not SHORTEST_DWELL <= seconds <= LONGEST_HEAT:
            raise LimitError(
                device=self.name,
                address=self.address,
                setting="time of heating",
                value=seconds,
                unit="s",
                low=SHORTEST_DWELL,
                high=LONGEST_HEAT,
                origin="driver",
            )
        with self._transaction():
            self._require_ready(MASTER)
            self._require_alone(channel)
            self._heated |= {channel}
            # First what is left when the time-table has ended, or when nothing of the rest arrives.
            self._silence(channel)
            self._tell(f"ARB:DATA {_timetable(voltage, current, seconds)}")
            self._tell("ARB:REP 1")
            self._tell(f"ARB:TRAN {channel}")
            self._intend(self.setting(f"output_{channel}"), True)
            self._intend(MASTER, True)
            self._tell(f"ARB:STAR {channel}")
        self.logbook.add(Severity.NOTE, f"channel {channel} heats with {current:g} A for {seconds:g} s")

    def cool(self, channel: int) -> None:
        """Take the current of an oven away, whatever else is wrong.

        Args:
            channel: 1 to 4.
        """
        self._require_channel(channel)
        with self._urgently():
            self._cool(channel)

    def _require_alone(self, channel: int) -> None:
        """Refuse to switch the master on for an oven where that switches something else on too."""
        if self._is_on(MASTER.name):
            return
        others = [name for n in CHANNELS if n != channel and self._is_on(name := f"output_{n}")]
        if others:
            raise NotReady(
                action=f"heat with channel {channel}",
                reason=f"the master is off, and would switch on with it: {', '.join(others)}",
                advice="Switch these off, or the master on, then heat again.",
            )

    def _is_on(self, name: str) -> bool:
        return bool(self._read_surely(self.setting(name)).value)

    def _require_ready(self, setting: Setting) -> None:
        # A power cycle can hide behind a link that stayed up, as through a serial server.
        self._check()
        super()._require_ready(setting)

    def _greet(self, *, first: bool) -> None:
        super()._greet(first=first)
        self._tell("SYST:MIX")  # the keys at the front stay usable: a person may always switch off

    def _park(self) -> None:
        with ExitStack() as stack:  # one that stumbles does not keep the others hot
            for channel in sorted(self._heated):
                stack.callback(self._cool, channel)

    def _read(self, setting: Setting) -> Value:
        question = self._command(setting, "?")
        return self._ask_switch(question) if setting.switch else self._ask_number(question)

    def _write(self, setting: Setting, value: Value) -> None:
        if setting.switch:
            self._tell(self._command(setting, f" {int(bool(value))}"))
        else:
            digits = 4 if setting.unit == "A" else 3
            self._tell(self._command(setting, f" {float(value):.{digits}f}"))

    def _cool(self, channel: int) -> None:
        with ExitStack() as stack:  # the output goes off, whatever becomes of the time-table
            stack.callback(self._intend, self.setting(f"output_{channel}"), False)
            self._silence(channel)
        self._heated -= {channel}
        self.logbook.add(Severity.NOTE, f"channel {channel} is cold")

    def _silence(self, channel: int) -> None:
        """Stop the time-table of a channel and set it to nothing."""
        self._tell(f"ARB:STOP {channel}")
        self._intend(self.setting(f"voltage_{channel}"), 0.0)

    def _require_channel(self, channel: int) -> None:
        if channel not in CHANNELS:
            raise UsageError(
                what=f"{self.name}: there is no channel {channel!r}", advice="Channels are 1 to 4."
            )

    def _command(self, setting: Setting, tail: str) -> str:
        """Return a command or a question for the channel of a setting, in one line."""
        parts = _CHANNEL.fullmatch(setting.name)
        if parts is None:
            return f"OUTP:GEN{tail}"
        return self._select(int(parts["number"]), f"{_HEADERS[parts['kind']]}{tail}")

    def _select(self, channel: int, command: str) -> str:
        # The colon: else the path of INST would be taken on (SCPI-99, volume 1, section 6.2.4).
        return f"INST:NSEL {channel};:{command}"


def _timetable(voltage: float, current: float, seconds: float) -> str:
    """Return the entries of a time-table that gives a current for a time and then none: V, A, s each.

    Example:
        >>> _timetable(5.0, 4.5, 15.0)
        '5.000,4.5000,7.50,5.000,4.5000,7.50,0.000,0.0005,0.06'
    """
    pieces = math.ceil(seconds / LONGEST_DWELL)
    heat = f"{voltage:.3f},{current:.4f},{seconds / pieces:.2f}"
    return ",".join([*[heat] * pieces, f"0.000,{SMALLEST_CURRENT:.4f},{SHORTEST_DWELL:.2f}"])
