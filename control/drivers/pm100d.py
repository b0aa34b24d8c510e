"""Thorlabs power meters: beams, fibres, and the light behind the cavity.

PM100D, PM101, PM16 and PM400 speak SCPI over USB (`USB0::0x1313::0x8078::P0012345::INSTR`) or whatever VISA
knows; lines end with LF. PM5020 (the first of its channels) and PM103E wrap the same lines in frames on their
TCP port 2000: `Pm5020`.

A power can be told in watts or in dBm, and somebody at the front panel can change that at any time: the unit
is asked for with every reading. Calibration and limits belong to the sensor, so an exchanged one has to be
acknowledged.

Source:
    PyMeasure's and QCoDeS' drivers; Thorlabs, Light_Analysis_Examples. That a power over the range is told as
    9.9E37, from memory of the manual.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from control.device.patience import PatientDevice
from control.device.readings import Judged, Quality
from control.device.settings import Evidence, Setting, Value
from control.errors import BadReply, NotReady, Refused
from control.protocols import thorlabs_framing as framing
from control.protocols.scpi import NO_NUMBER, ScpiDevice
from control.transport import Deadline

SAMPLE_SECONDS = 0.3e-3  # one of the samples that it averages
MOST_SAMPLES = 3000
ZERO_SECONDS = 10.0  # zeroing takes 1 to 5 s
POLL_SECONDS = 0.1

POWER = Setting("power", "W", "of the light", writable=False, key=True, fresh=2.0, evidence=Evidence.CLIENT)
WAVELENGTH = Setting(
    "wavelength",
    unit="m",
    doc="for which the power is corrected; the sensor says from where to where",
    low=100e-9,
    high=30e-6,
    tolerance=0.51e-9,  # some count in nanometres
    evidence=Evidence.CLIENT,
    restore=True,
)
AVERAGING = Setting(
    "averaging",
    unit="",
    doc="samples a reading, of 0.3 ms each",
    low=1.0,
    high=float(MOST_SAMPLES),
    evidence=Evidence.CLIENT,
    restore=True,
)
AUTO_RANGE = Setting(
    "auto_range",
    unit="",
    doc="the range follows the power",
    switch=True,
    evidence=Evidence.CLIENT,
    restore=True,
)
RANGE = Setting(
    "range",
    unit="W",
    doc="upper end of the range; one is taken that reaches so far",
    low=0.0,
    high=1e3,
    readback=False,
    evidence=Evidence.CLIENT,
)
ATTENUATION = Setting(
    "attenuation",
    unit="dB",
    doc="of a filter before the sensor, which is counted in",
    low=-60.0,
    high=60.0,
    tolerance=0.0051,
    evidence=Evidence.CLIENT,
    restore=True,
)
BEAM = Setting(
    "beam_diameter",
    unit="m",
    doc="for power densities",
    low=1e-6,
    high=0.1,
    tolerance=0.51e-6,
    evidence=Evidence.CLIENT,
    restore=True,
)
ZERO = Setting(
    "zero",
    unit="",
    doc="what is taken off every reading, in the unit of the sensor's own signal",
    writable=False,
    evidence=Evidence.CLIENT,
)
SENSOR = Setting(
    "sensor",
    unit="",
    doc="type, serial number, calibration date and abilities of the sensor",
    text=True,
    writable=False,
    evidence=Evidence.CLIENT,
)

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        WAVELENGTH.name: "SENS:CORR:WAV",
        AVERAGING.name: "SENS:AVER:COUN",
        AUTO_RANGE.name: "SENS:POW:RANG:AUTO",
        RANGE.name: "SENS:POW:RANG:UPP",
        ATTENUATION.name: "SENS:CORR",
        BEAM.name: "SENS:CORR:BEAM",
        ZERO.name: "SENS:CORR:COLL:ZERO:MAGN",
    }
)
SCALES: Mapping[str, float] = MappingProxyType({WAVELENGTH.name: 1e9, BEAM.name: 1e3})
"""What one metre is for the instrument: nanometres of wavelengths, millimetres of beams."""


class Pm100d(PatientDevice, ScpiDevice):
    """One power meter; the arguments are those of `PatientDevice`."""

    SETTINGS: ClassVar[tuple[Setting, ...]] = (
        POWER,
        WAVELENGTH,
        AVERAGING,
        AUTO_RANGE,
        RANGE,
        ATTENUATION,
        BEAM,
        ZERO,
        SENSOR,
    )
    MODELS: ClassVar[tuple[str, ...]] = ("PM100D", "PM101", "PM16", "PM400")
    ACTIONS: ClassVar[tuple[str, ...]] = ("zero",)

    _sensor = ""  # what the sensor said of itself when it was last asked

    def zero(self) -> float:
        """Take what is measured now as zero. The sensor must be covered; it takes some seconds.

        Returns:
            What is taken off every reading from now on, in the unit of the sensor's own signal.

        Raises:
            NotReady: it does not come to an end.
            Refused: with the instrument's error.
            LinkError: no answer.
        """
        with self._transaction():
            self._tell("SENS:CORR:COLL:ZERO:INIT", ZERO_SECONDS)
            looks = self._patiently(ZERO_SECONDS, pause=POLL_SECONDS)
            if all(self._ask_switch("SENS:CORR:COLL:ZERO:STAT?") for _ in looks):
                raise NotReady(
                    action="zero",
                    reason=f"it is still at it after {ZERO_SECONDS:g} s",
                    advice="Cover the sensor and try again.",
                )
            # Whether it has worked, as it does not with light on the sensor, shows at the end only.
            for code, text in self._drain():
                raise Refused(
                    command="SENS:CORR:COLL:ZERO:INIT",
                    code=code,
                    text=text,
                    advice="The zero is what it was before. Cover the sensor and try again.",
                )
            return self._ask_number(f"{HEADERS[ZERO.name]}?")

    def _require_ready(self, setting: Setting) -> None:
        self._check()
        super()._require_ready(setting)

    def _greet(self, *, first: bool) -> None:
        super()._greet(first=first)
        self._take_sensor(self._ask("SYST:SENS:IDN?"), first=first)

    def _check(self) -> None:
        super()._check()
        sensor = self._ask("SYST:SENS:IDN?")
        if sensor != self._sensor:
            self._take_sensor(sensor, first=False)

    def _read(self, setting: Setting) -> Value | Judged:
        if setting.name == SENSOR.name:
            return self._ask("SYST:SENS:IDN?")
        if setting.name == POWER.name:
            return self._read_power()
        question = f"{HEADERS[setting.name]}?"
        if setting.switch:
            return self._ask_switch(question)
        return self._ask_number(question) / SCALES.get(setting.name, 1.0)

    def _write(self, setting: Setting, value: Value) -> None:
        if setting.switch or setting.name == AVERAGING.name:
            argument = str(round(float(value)))
        else:
            argument = f"{float(value) * SCALES.get(setting.name, 1.0):.7g}"
        self._tell(f"{HEADERS[setting.name]} {argument}")

    def _take_sensor(self, sensor: str, *, first: bool) -> None:
        """Ask a sensor for its limits, if there is one, and see whether it is another one than before."""
        exchanged, self._sensor = sensor != self._sensor, sensor
        absent = sensor.lower().startswith("no sensor")
        if absent and exchanged:
            self._degrade("no sensor is connected")
        if exchanged and not first:
            self._degrade(f"the sensor was exchanged: now it says {sensor!r}")
        # What the last one could not measure, this one perhaps can.
        self._ranges[WAVELENGTH.name] = self._site_ranges[WAVELENGTH.name]
        if absent:
            return
        question, scale = f"{HEADERS[WAVELENGTH.name]}?", SCALES[WAVELENGTH.name]
        low, high = (self._ask_number(f"{question} {end}") / scale for end in ("MIN", "MAX"))
        self._tighten(WAVELENGTH.name, low, high)

    def _read_power(self) -> float | Judged:
        in_decibels = self._ask_word("SENS:POW:UNIT?", {"W": "W", "DBM": "dBm"}) == "dBm"
        question = "MEAS:POW?"
        answer = self._ask(question, self.ANSWER_SECONDS + MOST_SAMPLES * SAMPLE_SECONDS)
        number = self._number_in(question, answer)
        if abs(number) >= NO_NUMBER:
            return Judged(math.nan, Quality.BAD, "it is over its range, or has no sensor")
        return 10.0 ** (number / 10.0 - 3.0) if in_decibels else number


class Pm5020(Pm100d):
    """One power meter on Ethernet, PM5020 or PM103E, at its TCP port 2000: the same lines in frames."""

    MODELS: ClassVar[tuple[str, ...]] = ("PM5020", "PM103E")

    def _send_line(self, line: str, deadline: Deadline) -> None:
        self._link.send(framing.wrap(line.encode("ascii") + self.END), deadline)

    def _receive_line(self, deadline: Deadline) -> bytes:
        whole = self._receive_header(0, framing.LONGEST_MESSAGE, deadline)
        line = self._link.receive_exactly(min(whole, framing.LARGEST_PART), deadline)
        number = 0
        while len(line) < whole:
            number += 1
            missing = whole - len(line)
            line += self._link.receive_exactly(self._receive_header(number, missing, deadline), deadline)
        return line

    def _receive_header(self, number: int, longest: int, deadline: Deadline) -> int:
        """Return the length that the next frame tells, which must have this number in its message."""
        raw = self._link.receive_exactly(framing.HEADER_BYTES, deadline)
        header = framing.parse_header(raw)
        right = header is not None and (header.first, header.number) == (number == 0, number)
        if header is None or not right or not 0 < header.length <= longest:
            expected = f"the start of frame {number} of a message, with 1 to {longest} bytes"
            raise BadReply(tried="receive an answer", reply=raw, expected=expected)
        return header.length
