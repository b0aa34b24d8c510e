"""ID Quantique ID900 and ID1000 time controllers: photon counts, coincidences and histograms.

ZeroMQ requests on port 5555, `zmq://host:5555`: one SCPI message, one reply. A command is answered too, by an
empty message or a few words that confirm it; anything else in its place is the instrument's complaint. Times
are picoseconds on the wire, which it writes "TB", and integration times milliseconds.

The time tags themselves do not come on this line but through a service of the maker on a PC, which this
driver does not use.

Source:
    ID Quantique's examples for the ID900 and ID1000, as mirrored in public repositories, and clients of
    physics groups (integration times in ms, confirmations). The limits of thresholds and integration times,
    and that each setting can be asked for, are from memory.
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import ClassVar, Unpack

import numpy as np
from numpy.typing import NDArray

from control.device import Identity
from control.device.patience import PatientDevice, PatientOptions
from control.device.readings import Judged, Quality
from control.device.settings import Evidence, Setting, Value
from control.errors import ConfigError, LimitError, NotReady, Refused, UsageError
from control.protocols.scpi import ScpiDevice
from control.transport import Link

BLOCKS = {"start": "STAR", **{f"input_{n}": f"INPU{n}" for n in range(1, 5)}}
"""Inputs -> the blocks of the instrument that they are."""

DELAYS, HISTOGRAMS, COMBINERS = range(1, 9), range(1, 5), range(1, 33)
MOST_BINS = 16_384
POLL_SECONDS = 0.1  # between questions whether a recording is over
PATIENCE_SECONDS = 5.0  # that a recording may take longer than it was told
LONGEST_RECORDING = 3600.0  # s; who waits longer for one answer has lost it when the line fails

NEEDS_CALIBRATION, TOO_FAST = 1, range(1001, 1004)  # error codes of an input at high resolution

SIZES = {"mV": 1e-3, "V": 1.0, "TB": 1e-12, "ps": 1e-12, "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
"""Units that may stand behind a number."""

_kept = partial(Setting, evidence=Evidence.CLIENT, restore=True)
_told = partial(Setting, unit="", writable=False, evidence=Evidence.CLIENT)
_NUMBER = re.compile(r"([+-]?\d+\.?\d*(?:[eE][+-]?\d+)?)\s*([a-zA-Z]*)")
_COMPLAINT = re.compile(r'([+-]?\d+)\s*,\s*"?(.*?)"?')
_CONFIRMATION = re.compile(
    r"(Value|Counter value) set to .*|Cleared .*|Flushed .*|Recalibration done", re.IGNORECASE
)
_MODEL = re.compile(r"\bID\d{3,4}\b")


def _settings_of(name: str) -> tuple[Setting, ...]:
    """Return the settings of an input."""
    where = "the start input" if name == "start" else name.replace("_", " ")
    return (
        _kept(f"{name}_enabled", "", f"whether {where} hears pulses", switch=True),
        _kept(f"{name}_threshold", "V", f"that pulses at {where} cross", low=-2.0, high=2.0, tolerance=2e-3),
        _kept(f"{name}_edge", "", f"of pulses at {where}", choices=("RISING", "FALLING")),
        _kept(f"{name}_coupling", "", f"of {where}", choices=("DC", "AC")),
        _kept(f"{name}_shaping", "", f"of pulses at {where}", choices=("UNSHAPED", "SHAPED")),
        _kept(f"{name}_counting", "", f"of {where}: anew each time, or on and on", choices=("CYCL", "ACCU")),
        _kept(
            f"{name}_integration", "s", f"of the counter of {where}", low=1e-3, high=65.535, tolerance=0.6e-3
        ),
        _told(f"{name}_count", doc=f"of the counter of {where}", key=name != "start"),
    )


INPUTS = {name: _settings_of(name) for name in BLOCKS}
DELAY_LINES = tuple(
    _kept(f"delay_{n}", "s", f"of delay line {n}", low=0.0, high=1.0, tolerance=0.6e-12) for n in DELAYS
)
BINS = tuple(
    _kept(f"histogram_{n}_bins", "", f"number of bins of histogram {n}", low=1, high=MOST_BINS)
    for n in HISTOGRAMS
)
BIN_WIDTHS = tuple(
    _kept(f"histogram_{n}_bin_width", "s", f"of histogram {n}", low=1e-12, high=1.0, tolerance=0.6e-12)
    for n in HISTOGRAMS
)
RESOLUTION = _kept(
    "resolution",
    "",
    "of times, high or low",
    choices=("HIRES", "LORES"),
)
CLOCK = Setting("clock", "", "its own, or an external reference", choices=("INT", "EXT"), restore=True)

_FIELDS = ("ENAB", "THRE", "EDGE", "COUP", "SELE", "COUN:MODE", "COUN:INTE", "COUN")
HEADERS = {
    **{
        setting.name: f"{BLOCKS[name]}:{field}"
        for name, settings in INPUTS.items()
        for setting, field in zip(settings, _FIELDS, strict=True)
    },
    **{setting.name: f"DELA{n}:VALU" for n, setting in zip(DELAYS, DELAY_LINES, strict=True)},
    **{setting.name: f"HIST{n}:BCOU" for n, setting in zip(HISTOGRAMS, BINS, strict=True)},
    **{setting.name: f"HIST{n}:BWID" for n, setting in zip(HISTOGRAMS, BIN_WIDTHS, strict=True)},
    RESOLUTION.name: "DEVI:RES",
    CLOCK.name: "DEVI:SYNC",
}


class Id900(PatientDevice, ScpiDevice):
    """One time controller.

    Args:
        name: as for `Device`.
        link: as for `Device`; a ZeroMQ link.
        options: as for `PatientDevice`.

    Raises:
        ConfigError: a link of another kind.
    """

    SETTINGS: ClassVar[tuple[Setting, ...]] = (
        *(RESOLUTION, CLOCK),
        *(setting for settings in INPUTS.values() for setting in settings),
        *(*DELAY_LINES, *BINS, *BIN_WIDTHS),
    )
    MODELS: ClassVar[tuple[str, ...]] = ("ID900", "ID1000")
    ACTIONS: ClassVar[tuple[str, ...]] = (
        "count_rates",
        "coincidences",
        "histogram",
        "acquire",
        "load_counters",
        "recalibrate",
    )
    END: ClassVar[bytes] = b""  # a message of ZeroMQ ends by itself
    STATUS: ClassVar[str] = ""
    DONE: ClassVar[str] = ""
    ERRORS: ClassVar[str] = ""

    def __init__(self, name: str, link: Link, **options: Unpack[PatientOptions]) -> None:
        if not link.resource.startswith("zmq://"):
            raise ConfigError(
                (f"{name}: a time controller speaks ZeroMQ; {link.resource} should be zmq://host:5555.",)
            )
        super().__init__(name, link, **options)

    def count_rates(self) -> NDArray[np.float64]:
        """Return the rates at the start input and the inputs 1 to 4 over their last integration times.

        Returns:
            Rates in 1/s, shape (5,).

        Raises:
            NotReady: a counter counts on and on; it has no rate.
        """
        with self._transaction():
            if any(mode.upper().startswith("ACCU") for mode in self._ask_each("COUN:MODE?")):
                raise NotReady(
                    action="tell rates",
                    reason="a counter accumulates",
                    advice='Set the counting of all inputs to "CYCL".',
                )
            counts = [self._number(text, "COUN?") for text in self._ask_each("COUN?")]
            seconds = [self._number(text, "COUN:INTE?", 1e-3) for text in self._ask_each("COUN:INTE?")]
        if min(seconds) <= 0.0:
            raise NotReady(action="tell rates", reason="an integration time is zero", advice="Set it.")
        rates: NDArray[np.float64] = np.array(counts) / np.array(seconds)
        return rates

    def coincidences(self, combiner: int) -> int:
        """Return the count of a combiner, as `load_counters` has wired it.

        Args:
            combiner: its number; 6 is of inputs 1 and 2, 7 of 1 and 3, 8 of 1 and 4, 3 of 2 and 3.
        """
        self._require(combiner, COMBINERS, "combiner")
        with self._transaction():
            return int(self._ask_number(f"TSCO{combiner}:COUN?"))

    def histogram(self, number: int) -> NDArray[np.int64]:
        """Return a histogram as it is now.

        Args:
            number: 1 to 4.

        Returns:
            Counts, shape (bins,).
        """
        self._require(number, HISTOGRAMS, "histogram")
        with self._transaction():
            question = f"HIST{number}:DATA?"
            answer = self._ask(question)
            try:
                counts = json.loads(answer)
            except (ValueError, RecursionError):
                counts = None
            if not isinstance(counts, list) or not all(type(count) is int for count in counts):
                raise self._bad_reply(question, answer, "a list of whole numbers, as in [0, 3, 1]")
            return np.array(counts, dtype=np.int64)

    def acquire(self, number: int, seconds: float) -> NDArray[np.int64]:
        """Empty a histogram, record for some time, and return it.

        Args:
            number: 1 to 4.
            seconds: for how long, s, an hour at most.

        Returns:
            Counts, shape (bins,).

        Raises:
            UsageError: there is no such histogram.
            LimitError: no such time can be, or it is too long.
            NotReady: the recording does not end.
        """
        self._require(number, HISTOGRAMS, "histogram")
        if not 0.0 < seconds <= LONGEST_RECORDING:
            raise LimitError(
                device=self.name,
                address=self.address,
                setting="seconds",
                value=seconds,
                unit="s",
                low=1e-12,  # a step of its clock
                high=LONGEST_RECORDING,
                origin="driver",
            )
        with self._transaction():
            for command in ("REC:TRIG:ARM:MODE MANU", "REC:ENAB ON", "REC:STOP", "REC:NUM 1"):
                self._tell(command)
            self._tell(f"REC:DUR {round(seconds * 1e12)}")
            self._tell(f"HIST{number}:FLUS")
            self._tell("REC:PLAY")
        self._sleep(seconds)
        for _ in self._patiently(PATIENCE_SECONDS, pause=POLL_SECONDS):
            with self._transaction():
                stage = self._ask("REC:STAG?").upper()
            if not stage.startswith("PLAY"):
                return self.histogram(number)
        raise NotReady(
            device=self.name,
            address=self.address,
            action=f"return histogram {number}",
            reason=f"the recording of {seconds:g} s has not ended",
            advice="Is it waiting for a trigger?",
        )

    def load_counters(self) -> None:
        """Wire the combiners as counters of coincidences; this takes the place of all other wiring."""
        with self._transaction():
            self._tell("DEVI:CONF:LOAD COUNT")

    def recalibrate(self) -> None:
        """Calibrate the sampling of the inputs again, as it asks for after changes of temperature."""
        with self._transaction():
            self._tell("DEVI:SAMP:RECA")

    def _identify(self) -> Identity:
        answer = self._ask("*IDN?")
        model = _MODEL.search(answer)
        if model is None:
            raise self._bad_reply("*IDN?", answer, "the name of a time controller, as in ID900")
        fields = [field.strip() for field in answer.split(",")]
        serial_number, firmware = fields[2:] if len(fields) == 4 else ("", "")
        return Identity("ID Quantique", model[0], serial_number, firmware)

    def _read(self, setting: Setting) -> Value | Judged:
        question = f"{HEADERS[setting.name]}?"
        if setting.choices:
            return self._word(question, setting.choices)
        if setting.switch:
            return self._word(question, ("ON", "OFF", "1", "0")) in {"ON", "1"}
        number = self._number(self._ask(question), question, _factor(setting))
        return number if setting.writable else self._judge(question, number)

    def _write(self, setting: Setting, value: Value) -> None:
        if setting.choices:
            argument = str(value)
        elif setting.switch:
            argument = "ON" if value else "OFF"
        elif setting.unit == "V":
            argument = f"{value:g}V"
        else:
            argument = str(round(float(value) / _factor(setting)))
        self._tell(f"{HEADERS[setting.name]} {argument}")

    def _judge(self, question: str, count: float) -> Value | Judged:
        """Return a count with what the input thinks of it, which it only does at high resolution."""
        if self._word("DEVI:RES?", RESOLUTION.choices) != "HIRES":
            return count
        block = question.partition(":")[0]
        error = int(self._ask_number(f"{block}:HIRES:ERROR?"))
        if error == 0:
            return count
        self._tell(f"{block}:HIRES:ERROR:CLEAR")
        if error in TOO_FAST:
            return Judged(count, Quality.BAD, f"too many pulses, or a bad threshold (error {error})")
        note = "it needs recalibrate()" if error == NEEDS_CALIBRATION else f"error {error}"
        return Judged(count, Quality.SUSPECT, note)

    def _tell(self, command: str, seconds: float | None = None) -> None:
        """Send a command; its reply is empty or a confirmation unless there is a complaint."""
        reply = self._ask(command, seconds)
        if reply and not _CONFIRMATION.fullmatch(reply):
            complaint = _COMPLAINT.fullmatch(reply)
            code, text = (int(complaint[1]), complaint[2]) if complaint else (0, reply)
            raise Refused(command=command, code=code, text=text)

    def _ask_each(self, field: str) -> list[str]:
        """Return the answers of all inputs to one question."""
        question = ";:".join(f"{block}:{field}" for block in BLOCKS.values())
        answer = self._ask(question)
        lines = answer.splitlines()
        if len(lines) != len(BLOCKS):
            raise self._bad_reply(question, answer, f"{len(BLOCKS)} lines")
        return [line.strip() for line in lines]

    def _number(self, answer: str, question: str, factor: float = 1.0) -> float:
        """Return a number in SI units; a unit behind it goes before the usual one."""
        match = _NUMBER.fullmatch(answer)
        if match is None or (match[2] and match[2] not in SIZES):
            raise self._bad_reply(question, answer, "a number")
        return float(match[1]) * (SIZES[match[2]] if match[2] else factor)

    def _word(self, question: str, words: tuple[str, ...]) -> str:
        """Return the one of our words that an answer is the short or the long form of."""
        answer = self._ask(question).upper().replace("LOWRES", "LORES")  # it hears both, and tells the first
        for word in words:
            if answer and (answer.startswith(word) or word.startswith(answer)):
                return word
        raise self._bad_reply(question, answer, " or ".join(words))

    def _require(self, number: int, known: range, what: str) -> None:
        if number not in known:
            raise UsageError(
                what=f"{self.name}: there is no {what} {number}", advice=f"Give 1 to {known[-1]}."
            )


def _factor(setting: Setting) -> float:
    """Return what one unit of a number on the wire is in SI units."""
    if setting.unit != "s":
        return 1.0
    return 1e-3 if setting.name.endswith("_integration") else 1e-12
