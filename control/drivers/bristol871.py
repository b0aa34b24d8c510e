"""Bristol 871A wavemeter: the wavelength of one laser, up to a thousand times a second.

Telnet-like, TCP port 23 (`tcp://host:23`), one client at a time. Whoever connects is told a banner that ends
with an empty line, or that there are no connections available. After that it is SCPI, lines ended by LF.

The instrument gives a number for every measurement, and says elsewhere whether it is one. So wavelength and
power are always read together with the status word, and what the status doubts is doubted here.

Source:
    QMI's bristol_871a driver (QuTech), and two more published ones; Bristol 871 user manual.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import ClassVar

from control.device import Identity
from control.device.readings import Judged, Quality
from control.device.settings import Evidence, Setting, Value
from control.errors import BadReply, LinkDown, Refused
from control.protocols.scpi import ScpiDevice
from control.transport import Deadline

BANNER = b"Bristol Instruments"
BUSY = b"no connections available"
LONGEST_BANNER = 50  # lines; a longer one is not this instrument's

SPEED_OF_LIGHT = 299_792_458.0  # m/s, exact
NM, MW = 1e-9, 1e-3  # the instrument's units of wavelength and power

GOOD_MASK, GOOD = 0x68FBE89C, 0x00000004
"""The status word of a measurement without fault, in those bits that matter."""

CAL_FAILED = 2
FAULTS = {
    6: "the detector is saturated",
    8: "there is no signal",
    5: "the wavelength is out of range",
    10: "the hardware has failed",
    7: "the signal is low",
    CAL_FAILED: "the last calibration failed",
    3: "the power is out of range",
    4: "the temperature is out of range",
    9: "the pressure is out of range",
}
"""Bits of the questionable status, the gravest first."""
NO_READING = frozenset({6, 8, 5, 10})  # with these there is no wavelength; with the others it may be off

CALIBRATION_SECONDS = 10.0  # it takes two, without an answer

WAVELENGTH = Setting(
    "wavelength",
    unit="m",
    doc="of the light, in vacuum",
    low=375e-9,  # of the 871A-VIS and 871A-NIR together
    high=1700e-9,
    tolerance=1e-16,
    writable=False,
    key=True,
    evidence=Evidence.CLIENT,
)
FREQUENCY = Setting(
    "frequency",
    unit="Hz",
    doc="of the light",
    low=SPEED_OF_LIGHT / 1700e-9,
    high=SPEED_OF_LIGHT / 375e-9,
    tolerance=1e5,
    writable=False,
    key=True,
    evidence=Evidence.CLIENT,
)
POWER = Setting(
    "power", "W", "of the light on the fibre", 0.0, 1.0, 1e-9, writable=False, evidence=Evidence.CLIENT
)
_kept = partial(Setting, evidence=Evidence.CLIENT, restore=True)
METHOD = _kept(
    "calibration",
    "",
    "when it calibrates itself, two seconds without data",
    choices=("off", "time", "temperature"),
)
INTERVAL = _kept("calibration_interval", "s", "between two calibrations", 300.0, 86_400.0, 30.0)
WARMING = _kept("calibration_temperature", "degC", "change after which it calibrates", 0.1, 5.0, 0.05)
TRIGGER = _kept("trigger", "", "what starts a measurement", choices=("internal", "rising", "falling"))
RATE = _kept(
    "trigger_rate",
    "",
    "how often it measures",
    choices=("20 Hz", "50 Hz", "100 Hz", "250 Hz", "500 Hz", "1000 Hz"),
)

METHODS = {"OFF": "off", "TIME": "time", "TEMP": "temperature"}
TRIGGERS = {"INT": "internal", "RISE": "rising", "FALL": "falling"}
_HEADERS = {
    METHOD.name: ":SENS:CALI:METH",
    TRIGGER.name: ":TRIG:SEQ:METH",
    INTERVAL.name: ":SENS:CALI:TIM",
    WARMING.name: ":SENS:CALI:TEMP",
    RATE.name: ":TRIG:SEQ:RATE",
}
_WORDS = {
    METHOD.name: METHODS,
    TRIGGER.name: TRIGGERS,
    RATE.name: {choice.removesuffix(" Hz"): choice for choice in RATE.choices},
}
_UNITS = {
    INTERVAL.name: 60.0,
    WARMING.name: 0.1,
    RATE.name: 1.0,
}  # it counts minutes, tenths of a degree, hertz


class Bristol871(ScpiDevice):
    """One 871A; the arguments are those of `Device`."""

    SETTINGS: ClassVar[tuple[Setting, ...]] = (
        WAVELENGTH,
        FREQUENCY,
        POWER,
        METHOD,
        INTERVAL,
        WARMING,
        TRIGGER,
        RATE,
    )
    MODELS: ClassVar[tuple[str, ...]] = ("871A",)
    ACTIONS: ClassVar[tuple[str, ...]] = ("calibrate",)

    _welcomed = 0  # the link's count of openings for which the banner was read
    _last_index = -1

    def calibrate(self) -> None:
        """Calibrate with the built-in laser; there are no data meanwhile.

        Raises:
            Refused: the calibration failed.
        """
        with self._transaction():
            self._tell(":SENS:CALI", CALIBRATION_SECONDS)
            if self._questionable() >> CAL_FAILED & 1:
                raise Refused(
                    command=":SENS:CALI",
                    code=CAL_FAILED,
                    text=FAULTS[CAL_FAILED],
                    advice="It measures with the last calibration. Let it warm up and try again.",
                )

    def _identify(self) -> Identity:
        if self._welcomed != self._link.openings:
            self._read_banner()
        found = super()._identify()
        # "871A-VIS": what follows the dash is the range of wavelengths
        return replace(found, model=found.model.partition("-")[0])

    def _read(self, setting: Setting) -> Value | Judged:
        if setting.name in _WORDS:
            return self._ask_word(f"{_HEADERS[setting.name]}?", _WORDS[setting.name])
        if setting.name in _UNITS:
            return self._ask_number(f"{_HEADERS[setting.name]}?") * _UNITS[setting.name]
        return self._measure_light(setting)

    def _write(self, setting: Setting, value: Value) -> None:
        header = _HEADERS[setting.name]
        if setting.name in _WORDS:
            word = next(word for word, ours in _WORDS[setting.name].items() if ours == value)
            self._tell(f"{header} {word}")
            return
        self._tell(f"{header} {round(float(value) / _UNITS[setting.name])}")

    def _read_banner(self) -> None:
        """Read what it says to whoever connects, which must not be taken for an answer.

        Raises:
            LinkDown: another client has it.
        """
        deadline = Deadline.after(self.ANSWER_SECONDS)
        known = False
        for _ in range(LONGEST_BANNER):
            line = self._link.receive(b"\n", deadline).strip()
            if BUSY in line.lower():
                self._link.close()
                raise LinkDown(
                    tried="read its banner", reason="it says that there are no connections available"
                )
            known = known or BANNER in line
            if known and not line:
                self._welcomed = self._link.openings
                return
        raise BadReply(
            tried="read its banner", reply=line, expected="the end of a banner of Bristol Instruments"
        )

    def _measure_light(self, setting: Setting) -> Value | Judged:
        """Return wavelength, frequency or power of the next measurement, and what its status thinks of it."""
        question = ":READ:ALL?"
        answer = self._ask(question)
        fields = [field.strip() for field in answer.split(",")]
        if len(fields) != 4:
            raise self._bad_reply(question, answer, "index, status, wavelength and power")
        index, status, wavelength, power = (self._number_in(question, field) for field in fields)
        repeated = index == self._last_index
        self._last_index = int(index)
        values = {
            WAVELENGTH.name: wavelength * NM,
            FREQUENCY.name: SPEED_OF_LIGHT / (wavelength * NM) if wavelength > 0.0 else math.nan,
            POWER.name: power * MW,
        }
        value = values[setting.name]
        if int(status) & GOOD_MASK == GOOD and wavelength > 0.0:
            return Judged(value, Quality.SUSPECT, "the same measurement as before") if repeated else value
        return self._judge(value, int(status), light=setting is POWER or wavelength > 0.0)

    def _judge(self, value: float, status: int, *, light: bool) -> Judged:
        """Ask why a measurement is doubted, and say what it is worth."""
        faults = self._questionable()
        found = [bit for bit in FAULTS if faults >> bit & 1]
        note = ", ".join(FAULTS[bit] for bit in found) or f"its status word is 0x{status:08X}"
        bad = not light or bool(NO_READING.intersection(found))
        return Judged(value, Quality.BAD if bad else Quality.SUSPECT, note)

    def _questionable(self) -> int:
        return int(self._ask_number(":STAT:QUES:COND?"))
