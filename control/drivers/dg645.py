"""Stanford Research DG645: pulse delays, and triggers for what the real-time system does not drive.

TCP port 5025 through VISA (`TCPIP::host::5025::SOCKET`), VXI-11, GPIB, or RS-232 (9600 baud, RTS and CTS).
It hears lines that end with LF and answers with CR LF. Its language is older than SCPI: four letters, a
question mark behind them and before the arguments, and errors as bare numbers, the oldest first: `LERR?`.

Each of the channels A to H is so long after another one, its reference. To set a delay leaves the reference
what it is. With its power the instrument recalls what it was set to last.

Source:
    The commands as in QCoDeS' driver and the EPICS module dg645-ioc; the numbers of errors, and what the bits
    of its status mean, from memory of Stanford Research's manual.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from control.device.settings import Evidence, Setting, Value
from control.errors import NotReady
from control.protocols.scpi import LONGEST_QUEUE, ScpiDevice
from control.protocols.text import whole_number_in
from control.transport import LineSettings

CHANNELS = ("t0", "t1", "a", "b", "c", "d", "e", "f", "g", "h")  # numbered by the instrument from 0
DELAYED = CHANNELS[2:]
OUTPUTS = ("t0", "ab", "cd", "ef", "gh")  # numbered from 0
SOURCES = (
    "internal",
    "external rising",
    "external falling",
    "single shot external rising",
    "single shot external falling",
    "single shot",
    "line",
)
POLARITIES = ("negative", "positive")
TIME_BASES = ("internal", "oven", "rubidium", "external")

ERRORS = {
    10: "illegal value",
    11: "illegal mode",
    12: "illegal delay",
    13: "illegal link",
    14: "recall failed",
    15: "not allowed",
    16: "failed self test",
    17: "failed auto calibration",
    30: "lost data",
    32: "no listener",
    110: "illegal command",
    111: "undefined command",
    112: "illegal query",
    113: "illegal set",
    114: "null parameter",
    115: "extra parameters",
    116: "missing parameters",
    117: "parameter overflow",
    118: "invalid floating point number",
    120: "invalid integer",
    121: "integer overflow",
    122: "invalid hexadecimal",
    126: "syntax error",
    170: "communication error",
    171: "overrun",
    254: "too many errors",
}
TIME_BASE_LOST = {1 << 6: "its time base is not locked", 1 << 7: "its rubidium clock is not locked"}

STEP = 5e-12  # s, of delays


def _delay(channel: str) -> Setting:
    return Setting(
        f"delay_{channel}",
        unit="s",
        doc=f"of {channel.upper()} after its reference",
        low=-2000.0,
        high=2000.0,
        tolerance=0.51 * STEP,
        evidence=Evidence.CLIENT,
        restore=True,
    )


def _reference(channel: str) -> Setting:
    return Setting(
        f"reference_{channel}",
        unit="",
        doc=f"what {channel.upper()} comes after",
        choices=tuple(other for other in CHANNELS if other not in {"t1", channel}),  # T1 ends the cycle
        evidence=Evidence.CLIENT,
        restore=True,
    )


def _output_settings(output: str) -> tuple[Setting, ...]:
    where = f"of the output {output.upper()}"
    return (
        _level(f"amplitude_{output}", f"step {where}", 0.5, 5.0),
        _level(f"offset_{output}", f"level {where} at rest", -2.0, 2.0),
        _choice(f"polarity_{output}", f"pulse {where}", POLARITIES),
    )


def _level(name: str, doc: str, low: float, high: float) -> Setting:
    return Setting(
        name, "V", doc, low=low, high=high, tolerance=0.0051, evidence=Evidence.CLIENT, restore=True
    )


def _choice(name: str, doc: str, choices: tuple[str, ...], *, writable: bool = True) -> Setting:
    return Setting(
        name, "", doc, choices=choices, writable=writable, evidence=Evidence.CLIENT, restore=writable
    )


SOURCE = _choice("trigger_source", "what starts a cycle", SOURCES)
TIME_BASE = _choice("time_base", "what it counts", TIME_BASES, writable=False)
RATE = Setting(
    "trigger_rate",
    unit="Hz",
    doc="of the internal trigger",
    low=1e-4,
    high=10e6,
    tolerance=1e-6,
    key=True,
    evidence=Evidence.CLIENT,
    restore=True,
)
THRESHOLD = _level("trigger_level", "where an external trigger counts", -3.5, 3.5)
HOLD_OFF = Setting(
    "hold_off",
    unit="s",
    doc="after a trigger, during which others are ignored",
    low=0.0,
    high=10.0,
    tolerance=STEP,
    evidence=Evidence.CLIENT,
    restore=True,
)
BURST = Setting(
    "burst", unit="", doc="several cycles a trigger", switch=True, evidence=Evidence.CLIENT, restore=True
)
BURST_COUNT = Setting(
    "burst_count", "", "cycles of a burst", low=1.0, high=2.0**32 - 1, evidence=Evidence.CLIENT, restore=True
)
BURST_PERIOD = Setting(
    "burst_period",
    unit="s",
    doc="from cycle to cycle of a burst",
    low=100e-9,
    high=42.9,
    tolerance=5.1e-9,  # half of its steps of 10 ns
    evidence=Evidence.CLIENT,
    restore=True,
)
BURST_DELAY = Setting(
    "burst_delay",
    unit="s",
    doc="from the trigger to the first cycle of a burst",
    low=0.0,
    high=2000.0,
    tolerance=0.51 * STEP,
    evidence=Evidence.CLIENT,
    restore=True,
)

MNEMONICS: Mapping[str, str] = MappingProxyType(
    {
        "amplitude": "LAMP",
        "offset": "LOFF",
        "polarity": "LPOL",
        SOURCE.name: "TSRC",
        TIME_BASE.name: "TIMB",
        RATE.name: "TRAT",
        THRESHOLD.name: "TLVL",
        HOLD_OFF.name: "HOLD",
        BURST.name: "BURM",
        BURST_COUNT.name: "BURC",
        BURST_PERIOD.name: "BURP",
        BURST_DELAY.name: "BURD",
    }
)

_DELAY = re.compile(r"([0-9]),([+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)")


class Dg645(ScpiDevice):
    """One delay generator; the arguments are those of `Device`."""

    SETTINGS: ClassVar[tuple[Setting, ...]] = (
        *(_delay(channel) for channel in DELAYED),
        *(_reference(channel) for channel in DELAYED),
        *(setting for output in OUTPUTS for setting in _output_settings(output)),
        SOURCE,
        RATE,
        THRESHOLD,
        HOLD_OFF,
        BURST,
        BURST_COUNT,
        BURST_PERIOD,
        BURST_DELAY,
        TIME_BASE,
    )
    MODELS: ClassVar[tuple[str, ...]] = ("DG645",)
    LINE: ClassVar[LineSettings] = LineSettings(baud=9600, hardware_flow=True)
    ACTIONS: ClassVar[tuple[str, ...]] = ("trigger",)
    PARKING: ClassVar[str] = "it goes on as it is"
    STATUS: ClassVar[str] = ""
    DONE: ClassVar[str] = ""
    ERRORS: ClassVar[str] = "LERR?"

    def trigger(self) -> None:
        """Start one cycle, or arm a single shot; never repeated by itself.

        Raises:
            NotReady: the trigger source is not a single shot.
            Refused: with the instrument's error.
            LinkError: no answer; perhaps it was heard.
        """
        with self._transaction():
            source = str(self._read(SOURCE))
            if not source.startswith("single shot"):
                raise NotReady(
                    action="trigger",
                    reason=f"the trigger source is {source}",
                    advice="Set trigger_source to one of the single shots.",
                )
            self._tell("*TRG")

    def _greet(self, *, first: bool) -> None:
        super()._greet(first=first)
        # What its status register holds now was before our time.
        self._ask_number("INSR?")

    def _check(self) -> None:
        status = int(self._ask_number("INSR?"))
        lost = [text for bit, text in TIME_BASE_LOST.items() if status & bit]
        if lost:
            self._degrade(" and ".join(lost))

    def _read(self, setting: Setting) -> Value:
        kind, _, where = setting.name.partition("_")
        if kind == "delay":
            return self._read_delay(where)[1]
        if kind == "reference":
            return CHANNELS[self._read_delay(where)[0]]
        question = self._header(setting, "?")
        if setting.choices:
            return setting.choices[self._ask_index(question, len(setting.choices))]
        return self._ask_switch(question) if setting.switch else self._ask_number(question)

    def _write(self, setting: Setting, value: Value) -> None:
        kind, _, where = setting.name.partition("_")
        if kind == "delay":
            # Written again with the delay: a byte that was lost on the way must not change it.
            reference = self._read_surely(self.setting(f"reference_{where}")).value
            self._tell(f"DLAY {CHANNELS.index(where)},{CHANNELS.index(str(reference))},{value:.12f}")
        elif kind == "reference":
            self._tell(f"LINK {CHANNELS.index(where)},{CHANNELS.index(str(value))}")
        elif isinstance(value, str):
            self._tell(self._header(setting, " ") + str(setting.choices.index(value)))
        elif setting.switch or setting.name == BURST_COUNT.name:
            self._tell(self._header(setting, " ") + str(round(value)))
        else:
            self._tell(
                self._header(setting, " ") + (f"{value:.2f}" if setting.unit == "V" else f"{value:.12f}")
            )

    def _serial_number_in(self, field: str) -> str:
        # "s/n001013"
        return field.removeprefix("s/n")

    def _drain(self) -> list[tuple[int, str]]:
        errors: list[tuple[int, str]] = []
        for _ in range(LONGEST_QUEUE):
            code = self._ask_index("LERR?", 256)
            if code == 0:
                return errors
            errors.append((code, ERRORS.get(code, "unknown error")))
        raise self._bad_reply("LERR?", str(code), f"the end of a queue of {LONGEST_QUEUE} errors")

    def _header(self, setting: Setting, mark: str) -> str:
        """Return how a command begins: "LAMP?1" or "LAMP 1," for the amplitude of AB, "TSRC?" or "TSRC "."""
        kind, _, where = setting.name.partition("_")
        if kind in MNEMONICS and where in OUTPUTS:
            comma = "," if mark == " " else ""
            return f"{MNEMONICS[kind]}{mark}{OUTPUTS.index(where)}{comma}"
        return f"{MNEMONICS[setting.name]}{mark}"

    def _read_delay(self, channel: str) -> tuple[int, float]:
        """Return the number of the channel that this one comes after, and how long after, s."""
        question = f"DLAY?{CHANNELS.index(channel)}"
        answer = self._ask(question)
        found = _DELAY.fullmatch(answer)
        if found is None:
            raise self._bad_reply(question, answer, "a channel and a time, as in 0,+0.000001000000")
        return int(found[1]), float(found[2])

    def _ask_index(self, question: str, end: int) -> int:
        """Return an answer that is a whole number from 0 to below `end`."""
        answer = self._ask(question)
        index = whole_number_in(answer)
        if index is None or index >= end:
            raise self._bad_reply(question, answer, f"a whole number below {end}")
        return index
