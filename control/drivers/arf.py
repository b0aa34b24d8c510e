"""MOGLabs ARF and XRF agile RF synthesisers: acousto-optic modulators outside of the real-time system.

TCP port 7802, or serial over USB; lines end with CR LF in both directions, one answer to each command: "OK: "
and text, "ERR: " and text, or a value. A command without a value is a question.

A frequency is a word of 32 bits of a clock of 1 GHz. The digits that the instrument prints are not quite
those of its word, so the word is compared and not the digits. The largest power of each channel is kept in
the instrument, to protect the modulator: it is read, limits what may be set, and is never changed from here.

Source:
    MOGLabs ARF manual, chapter 3 and appendix C; mogdevice. The range of powers, and what STATUS says, from
    memory of the manual.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import MappingProxyType
from typing import ClassVar

from control.device import Device, Identity
from control.device.settings import Evidence, Setting, Value
from control.errors import BadReply, ReadBackError, Refused
from control.protocols.text import plain
from control.transport import LineSettings

CHANNELS = (1, 2)
CLOCK = 1e9  # Hz
WORDS = 1 << 32  # of frequency; one is 0.23 Hz
MODES = ("NSB", "NSA", "TSB", "TPA")  # basic, basic with fast inputs, simple table, parallel table


def _frequency(channel: int) -> Setting:
    return Setting(
        f"frequency_{channel}",
        unit="Hz",
        doc=f"of channel {channel}",
        low=20e6,
        high=400e6,
        tolerance=0.15,  # half a word, and the last digits that it prints
        key=True,
        evidence=Evidence.TRIED,
        restore=True,
    )


def _power(channel: int) -> Setting:
    return Setting(
        f"power_{channel}",
        unit="dBm",
        doc=f"of channel {channel}",
        low=-50.0,
        high=36.0,  # 4 W, the stronger model; the channel's own limit is asked
        tolerance=0.1,  # its amplitude has 14 bits: coarse at the lower end
        evidence=Evidence.MANUAL,
        restore=True,
    )


def _phase(channel: int) -> Setting:
    return Setting(
        f"phase_{channel}",
        unit="turn",
        doc=f"of channel {channel}",
        low=0.0,
        high=1.0,
        tolerance=0.02 / 360.0,  # a word of 14 bits
        period=1.0,
        evidence=Evidence.MANUAL,
        restore=True,
    )


def _channel_settings(channel: int) -> tuple[Setting, ...]:
    of_channel = f"of channel {channel}"
    return (
        Setting(
            f"mode_{channel}",
            unit="",
            doc=f"{of_channel}: NSB and NSA obey commands, TSB and TPA play a table",
            choices=MODES,
            evidence=Evidence.MANUAL,
            restore=True,
        ),
        _frequency(channel),
        _power(channel),
        _phase(channel),
        Setting(
            f"output_{channel}",
            unit="",
            doc=f"signal and amplifier {of_channel} on or off",
            switch=True,
            guards=(f"power_{channel}", f"frequency_{channel}"),
            key=True,
            evidence=Evidence.MEMORY,
        ),
        Setting(
            f"power_limit_{channel}",
            unit="dBm",
            doc=f"largest power {of_channel}, kept in the instrument to protect the modulator",
            writable=False,
            evidence=Evidence.MANUAL,
        ),
        Setting(
            f"temperature_{channel}",
            unit="degC",
            doc=f"of the amplifier {of_channel}",
            writable=False,
            evidence=Evidence.MANUAL,
        ),
    )


COMMANDS: Mapping[str, str] = MappingProxyType(
    {"mode": "MODE", "frequency": "FREQ", "power": "POW", "phase": "PHASE", "power_limit": "LIMIT"}
)
CONVERSIONS: Mapping[str, Callable[[float], float]] = MappingProxyType(
    {
        "hz": lambda value: value,
        "khz": lambda value: value * 1e3,
        "mhz": lambda value: value * 1e6,
        "dbm": lambda value: value,
        "mw": lambda value: 10.0 * math.log10(value),
        "w": lambda value: 10.0 * math.log10(value) + 30.0,
        "deg": lambda value: value / 360.0,
        "rad": lambda value: value / math.tau,
    }
)
"""Units that it writes, in small letters, and how their values become hertz, dBm and turns."""
UNITS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"Hz": ("mhz", "khz", "hz"), "dBm": ("dbm", "mw", "w"), "turn": ("deg", "rad")}
)
"""Our unit -> those that its answers may have; the first is meant if there is none."""

_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d*)?)\s*([A-Za-z]*)\s*(?:\(0x([0-9A-Fa-f]{1,8})\))?")
_WORD = re.compile(r"\(0x([0-9A-Fa-f]{1,8})\)")
_MODEL = re.compile(r"\b[AXQ]RF\d{3}\b")
_SERIAL_NUMBER = re.compile(
    r"(?:serial(?:\s*(?:number|no\.?))?|s/?n)\W*(?P<named>[\w-]*\d[\w-]*)|\b(?P<bare>[A-Z]\d{4,})\b",
    re.IGNORECASE,
)
_SWITCHED = re.compile(r"\b(ON|OFF)\b", re.IGNORECASE)


class MogArf(Device):
    """One synthesiser with two channels; the arguments are those of `Device`."""

    SETTINGS: ClassVar[tuple[Setting, ...]] = tuple(
        setting for channel in CHANNELS for setting in _channel_settings(channel)
    )
    MODELS: ClassVar[tuple[str, ...]] = ("ARF021", "ARF421", "XRF021", "XRF421")
    LINE: ClassVar[LineSettings] = LineSettings(baud=115_200)
    PARKS: ClassVar[bool] = True
    PARKING: ClassVar[str] = "both channels are off"
    RESTARTED: ClassVar[str] = "it was switched off and on again, and its channels are off"

    def _greet(self, *, first: bool) -> None:
        for channel in CHANNELS:
            power = self.setting(f"power_{channel}")
            limit = float(self._read_surely(self.setting(f"power_limit_{channel}")).value)
            self._tighten(power.name, power.low, limit)

    def _park(self) -> None:
        with ExitStack() as stack:  # one that stumbles does not keep the other on
            for channel in CHANNELS:
                stack.callback(self._intend, self.setting(f"output_{channel}"), False)

    def _identify(self) -> Identity:
        answer = self._ask("INFO")
        model = _MODEL.search(answer)
        if model is None:
            raise self._bad_reply("INFO", answer, "the name of a model, as ARF421")
        found = _SERIAL_NUMBER.search(answer)
        serial_number = (found["named"] or found["bare"]) if found else ""
        return Identity("MOGLabs", model[0], serial_number, self._ask("VERSION"))

    def _check(self) -> None:
        self._ask("TEMP")

    def _read(self, setting: Setting) -> Value:
        kind, _, channel = setting.name.rpartition("_")
        if kind == "output":
            return self._read_switch(f"STATUS,{channel}")
        if kind == "temperature":
            return self._read_temperature(channel)
        question = f"{COMMANDS[kind]},{channel}"
        answer = self._ask(question)
        if kind == "mode":
            if answer.upper() not in MODES:
                raise self._bad_reply(question, answer, " or ".join(MODES))
            return answer.upper()
        return self._quantity(question, answer, setting.unit)

    def _write(self, setting: Setting, value: Value) -> None:
        kind, _, channel = setting.name.rpartition("_")
        if setting.switch:
            self._tell(f"{'ON' if value else 'OFF'},{channel}")
            return
        command = f"{COMMANDS[kind]},{channel},{_spell(setting, value)}"
        word = _WORD.search(self._tell(command))
        if kind == "frequency" and word and int(word[1], 16) != round(float(value) / CLOCK * WORDS):
            raise ReadBackError(
                setting=setting.name,
                wanted=float(value),
                actual=int(word[1], 16) / WORDS * CLOCK,
                tolerance=0.5 / WORDS * CLOCK,
                unit=setting.unit,
            )

    def _quantity(self, question: str, answer: str, unit: str) -> float:
        """Return a value of an answer in our unit; a frequency by its word, if that is told."""
        found = _QUANTITY.fullmatch(answer)
        spelled = found[2].lower() or UNITS[unit][0] if found else ""
        if found is None or spelled not in UNITS[unit]:
            raise self._bad_reply(question, answer, f"a number with {' or '.join(UNITS[unit])}")
        if unit == "Hz" and found[3]:
            return int(found[3], 16) / WORDS * CLOCK
        try:
            return CONVERSIONS[spelled](float(found[1]))
        except ValueError:
            raise self._bad_reply(question, answer, "a power above zero") from None

    def _read_switch(self, question: str) -> bool:
        """Return whether signal and amplifier are on: all that is named is, or both bits are set."""
        answer = self._ask(question)
        # The manual does not show the answer; a number of two bits and words are both understood.
        if answer in {"0", "1", "2", "3"}:
            return answer == "3"
        states = {state.upper() for state in _SWITCHED.findall(answer)}
        if not states:
            raise self._bad_reply(question, answer, "a state with ON or OFF")
        return "OFF" not in states

    def _read_temperature(self, channel: str) -> float:
        answer = self._ask("TEMP")
        found = re.search(rf"\bch{channel}:\s*([+-]?\d+(?:\.\d*)?)\s*C?(?:,|$)", answer, re.IGNORECASE)
        if found is None:
            raise self._bad_reply("TEMP", answer, f"ch{channel}: and a temperature")
        return float(found[1])

    def _tell(self, command: str) -> str:
        """Send a command; return what is said beside OK."""
        answer = self._ask(command)
        if not answer.startswith("OK"):
            raise self._bad_reply(command, answer, "OK")
        return answer

    def _ask(self, command: str) -> str:
        """Return the one answer that every command has, unless it is a refusal."""
        reply = self._link.exchange(f"{command}\r\n".encode("ascii"), b"\r\n", self.ANSWER_SECONDS)
        answer = plain(reply, f"send {command}")
        if answer.upper().startswith("ERR"):
            # It has no numbers for its errors.
            raise Refused(command=command, code=0, text=answer[3:].strip(": ") or "no reason given")
        return answer

    def _bad_reply(self, command: str, answer: str, expected: str) -> BadReply:
        return BadReply(tried=f"send {command}", reply=answer.encode(), expected=expected)


def _spell(setting: Setting, value: Value) -> str:
    """Return a value as it is sent, with its unit: "80MHz" for 80e6."""
    if isinstance(value, str):
        return value
    if setting.unit == "Hz":
        digits = f"{value / 1e6:.9f}".rstrip("0").rstrip(".")
        return f"{digits}MHz"
    return f"{value:.2f}dBm" if setting.unit == "dBm" else f"{value * 360.0:.3f}deg"
