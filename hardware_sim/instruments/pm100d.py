"""A simulated Thorlabs PM100D, and its relative on the network PM103E: the power of beams and fibres.

The meter knows the photodiode's current only. It divides by the responsivity at the wavelength that it was
*told*, so that a forgotten ``SENS:CORR:WAV`` gives a wrong power, as at the bench.

Source: commands as published drivers use them (pymeasure ThorlabsPM100USB, qcodes) and as the PM103E's SCPI
documentation of Thorlabs (Light_Analysis_Examples, ``commandDocu/pm103E.html``) describes them, which also
tells what a power cycle keeps and the bits of the operation register. The reply to what is over range is
9.9E37 (from memory). What remains open is in `Pm100dSpecification`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from hardware_sim.instruments.pm100d_sensor import AMPLIFIER_RANGES, SensorHead
from hardware_sim.instruments.scpi import ScpiInstrument
from hardware_sim.instruments.scpi_commands import (
    Command,
    Quantity,
    action_command,
    boolean_command,
    choice_command,
    numeric_command,
)
from hardware_sim.instruments.scpi_syntax import ScpiError

OVER_RANGE, NO_NUMBER = "9.90000000E+37", "9.91000000E+37"
MILLIWATT = 1e-3
# Bits of the operation register: PM103E documentation; measuring as SCPI-99 volume 2, 20.1.
MEASURING, ZEROING, SENSOR_CONNECTED, DATA_READY = 1 << 4, 1 << 7, 1 << 8, 1 << 9
QUESTIONABLE_POWER = 1 << 3
NO_SENSOR = "no sensor,,,0,0,0"
SENSE = "[SENSe#:]"


@dataclass(frozen=True, slots=True)
class Pm100dSettings:
    """What commands set; the defaults are those of ``*RST``.

    Attributes:
        wavelength: That the light is said to have, in nm. ASSUMED default.
        attenuation: Of a filter in front of the head, in dB.
        beam: Diameter of the beam in mm. ASSUMED default.
        auto_range: Whether the meter chooses its amplifier range.
        amplifier: Number of the amplifier range that is used.
        unit: ``W`` or ``DBM``.
        count: Number of samples of one measurement.
    """

    wavelength: float = 635.0
    attenuation: float = 0.0
    beam: float = 9.5
    auto_range: bool = True
    amplifier: int = len(AMPLIFIER_RANGES) - 1
    unit: str = "W"
    count: int = 1


@dataclass(frozen=True, slots=True)
class Pm100dSpecification:
    """One meter as it was delivered.

    Attributes:
        model: As replied to ``*IDN?``.
        serial_number: As replied to ``*IDN?``.
        firmware: As replied to ``*IDN?``.
        sample_time: Of one sample in s; 0.3 ms, 1 ms for a PM103E.
        most_samples: Largest ``AVER:COUN``.
        quotes: Whether the words in ``SYST:SENS:IDN?`` are quoted.
        zeroing_time: Duration of ``CORR:COLL:ZERO`` in s; 1 to 5 s (from memory).
        largest_zero: Largest current in A that zeroing takes away; above it fails. ASSUMED.
        boot_time: From power-on to the first answer in s. ASSUMED.
    """

    model: str = "PM100D"
    serial_number: str = "P0012345"
    firmware: str = "2.4.0"
    sample_time: float = 0.3e-3
    most_samples: int = 3000
    quotes: bool = False
    zeroing_time: float = 2.0
    largest_zero: float = 10e-9
    boot_time: float = 3.0

    @property
    def identity(self) -> str:
        """Reply to ``*IDN?``."""
        return f"Thorlabs,{self.model},{self.serial_number},{self.firmware}"


PM100D = Pm100dSpecification()
# The meter on the network, with the sample time and the quotes of its documentation.
PM103E = Pm100dSpecification(
    "PM103E", "M01012345", "1.4.0", sample_time=1e-3, most_samples=10_000, quotes=True
)


@dataclass(frozen=True, slots=True)
class Scientific(Quantity):
    """A quantity whose replies have nine digits and an exponent."""

    def format(self, value: float) -> str:
        """Write a value as the meter replies it."""
        return _format(value)


class SimulatedPm100d(ScpiInstrument):
    """A power meter with a photodiode head; serve it with `serve_tcp`, a PM103E behind `FramedEndpoint`.

    Attributes:
        power: Gives the true power on the head in W at a lab time in s.
        wavelength: True wavelength of that light in m.
        sensor: Head that is plugged in, None without.

    Example:
        >>> meter = SimulatedPm100d(np.random.default_rng(1), lambda now: 2e-6, wavelength=866e-9)
        >>> meter.execute("SENS:CORR:WAV 866;:SENS:AVER:COUN 3000;:MEAS:POW?", now=0.0)[:6]
        '2.0000'
    """

    terse_errors = True
    no_error = '+0,"No error"'
    KNOBS: ClassVar[tuple[str, ...]] = ("wavelength", "attenuation", "auto_range", "unit")
    """Wavelength in nm, attenuation in dB, a switch, ``W`` or ``DBM``; what is beyond the range stops at its
    end."""
    FAULTS: ClassVar[tuple[str, ...]] = ("sensor pulled", "sensor plugged")

    def __init__(
        self,
        rng: np.random.Generator,
        power: Callable[[float], float] = lambda now: 100e-6,
        wavelength: float = 866e-9,
        sensor: SensorHead | None = None,
        specification: Pm100dSpecification | None = None,
    ) -> None:
        """Switch the meter on.

        Args:
            rng: Source of the noise of measurements.
            power: Gives the true power on the head in W at a lab time in s.
            wavelength: True wavelength of that light in m.
            sensor: Head; an S130VC if None.
            specification: The instrument as delivered; a PM100D if None.
        """
        self.specification = specification or Pm100dSpecification()
        self.power, self.wavelength = power, wavelength
        self._head = sensor or SensorHead()
        self.sensor: SensorHead | None = self._head
        self._rng = rng
        self._settings = Pm100dSettings()
        self._quantity = "POW"
        self._zero = 0.0
        self._zeroed_at: float | None = None
        self._ready_at: float | None = None
        self._result = 0.0
        self._operation_seen = self._operation_events = 0
        self._questionable = 0
        super().__init__(self.specification.identity, self.specification.boot_time, self._own_commands())

    def execute(self, line: str, now: float) -> str:
        """Obey one line, after what has happened by itself until lab time ``now`` (s)."""
        self._finish_zeroing(now)
        reply = super().execute(line, now)
        self._note_operation(now)
        return reply

    def switch_on(self, now: float) -> None:
        """Finish booting at lab time ``now`` (s): the settings are kept, the zero is lost."""
        super().switch_on(now)
        self._zero, self._zeroed_at, self._ready_at = 0.0, None, None
        self._quantity = "POW"

    def reset(self, now: float) -> None:
        """Obey ``*RST``."""
        self._settings = Pm100dSettings()
        self._zero, self._zeroed_at, self._ready_at = 0.0, None, None
        self._quantity = "POW"

    def _turn(self, knob: str, value: float | bool | str, now: float) -> None:
        match knob:
            case "wavelength":
                self._change(wavelength=self._nanometres().clip(float(value)))
            case "attenuation":
                self._change(attenuation=self._decibels().clip(float(value)))
            case "auto_range":
                self._change(auto_range=bool(value))
            case _:
                self._change(unit="DBM" if str(value).upper() == "DBM" else "W")

    def _suffer(self, fault: str, now: float) -> None:
        self.sensor = self._head if fault == "sensor plugged" else None
        self._zero, self._zeroed_at, self._ready_at = 0.0, None, None
        self._change(attenuation=0.0)
        self._note_operation(now)

    def _change(self, **changes: Any) -> None:
        self._settings = replace(self._settings, **changes)

    def _plugged(self) -> SensorHead:
        if self.sensor is None:
            raise ScpiError(-241, "no sensor")
        return self.sensor

    def _true_current(self, sensor: SensorHead, now: float) -> float:
        return self.power(now) * sensor.respond(self.wavelength * 1e9) + sensor.dark_current

    def _watt_per_ampere(self) -> float:
        """Return the power in W that the meter shows for a current of 1 A."""
        settings = self._settings
        return float(10.0 ** (settings.attenuation / 10.0)) / self._plugged().respond(settings.wavelength)

    def _choose_range(self, current: float) -> float:
        """Return the full scale in A with which a current (A) is measured, after auto-ranging if it is on."""
        if self._settings.auto_range:
            self._change(amplifier=_fitting_range(current))
        return AMPLIFIER_RANGES[self._settings.amplifier]

    def _sample(self, now: float) -> float:
        """Return a new result in the configured unit, infinite if it is over range."""
        sensor = self._plugged()
        truth = self._true_current(sensor, now)
        over = truth > self._choose_range(truth) or self.power(now) > sensor.largest_power
        self._questionable = QUESTIONABLE_POWER if over else 0
        if over:
            return math.inf
        noise = sensor.noise / math.sqrt(self._settings.count)
        current = truth + float(self._rng.normal(0.0, noise)) - self._zero
        if self._quantity == "CURR":
            return current
        power = current * self._watt_per_ampere()
        area = math.pi / 4.0 * (self._settings.beam / 10.0) ** 2  # cm^2
        return power / area if self._quantity == "PDEN" else power

    def _initiate(self, now: float) -> None:
        began = now if self._zeroed_at is None else max(now, self._zeroed_at)
        self._result = self._sample(now)
        self._ready_at = began + self._settings.count * self.specification.sample_time

    def _fetch(self, now: float) -> str:
        self._plugged()
        if self._ready_at is None:
            raise ScpiError(-230, "nothing was measured")
        self.busy_until = max(self.busy_until, self._ready_at)
        result = self._result
        if math.isinf(result):
            return OVER_RANGE
        if self._quantity == "POW" and self._settings.unit == "DBM":
            return _format(10.0 * math.log10(result / MILLIWATT)) if result > 0.0 else NO_NUMBER
        return _format(result)

    def _read(self, now: float) -> str:
        self._initiate(now)
        return self._fetch(now)

    def _configure(self, quantity: str) -> None:
        self._quantity = quantity
        self._ready_at = None

    def _measure(self, quantity: str, now: float) -> str:
        self._configure(quantity)
        return self._read(now)

    def _abort(self, now: float) -> None:
        self._ready_at = None

    def _start_zeroing(self, now: float) -> None:
        self._plugged()
        self._zeroed_at = now + self.specification.zeroing_time

    def _stop_zeroing(self, now: float) -> None:
        self._zeroed_at = None

    def _finish_zeroing(self, now: float) -> None:
        if self._zeroed_at is None or now < self._zeroed_at or self.sensor is None:
            return
        current = self._true_current(self.sensor, self._zeroed_at)
        self._zeroed_at = None
        if current > self.specification.largest_zero:
            self.report(ScpiError(-200, "light on the head while zeroing"))
        else:
            self._zero = current

    def _operation(self, now: float) -> int:
        bits = ZEROING if self._zeroed_at is not None and now < self._zeroed_at else 0
        bits |= SENSOR_CONNECTED if self.sensor is not None else 0
        if self._ready_at is None:
            return bits
        return bits | (DATA_READY if now >= self._ready_at else MEASURING)

    def _note_operation(self, now: float) -> None:
        bits = self._operation(now)
        self._operation_events |= bits & ~self._operation_seen
        self._operation_seen = bits

    def _take_operation_events(self, now: float) -> str:
        self._note_operation(now)
        events, self._operation_events = self._operation_events, 0
        return str(events)

    def _own_commands(self) -> list[Command]:
        return [
            *self._measuring_commands(),
            *self._correction_commands(),
            *self._zeroing_commands(),
            *self._range_commands(),
            Command("SYSTem:SENSor#:IDN", lambda *_: self._sensor_identity()),
            Command("SYSTem:VERSion", lambda *_: "1999.0"),
            Command("STATus:OPERation[:EVENt]", lambda _, now: self._take_operation_events(now)),
            Command("STATus:OPERation:CONDition", lambda _, now: str(self._operation(now))),
            Command("STATus:QUEStionable:CONDition", lambda *_: str(self._questionable)),
        ]

    def _measuring_commands(self) -> list[Command]:
        headers = {"[:POWer]": "POW", ":CURRent[:DC]": "CURR", ":PDENsity": "PDEN"}
        return [
            Command("CONFigure", lambda *_: self._quantity, self._configure_power, write_argument=False),
            *(self._configuring(header, quantity) for header, quantity in headers.items()),
            *(self._measuring(header, quantity) for header, quantity in headers.items()),
            action_command("INITiate#[:IMMediate]", self._initiate),
            action_command("ABORt#", self._abort),
            Command("FETCh#", lambda _, now: self._fetch(now)),
            Command("FETCh#:STATe", lambda _, now: str(int(bool(self._operation(now) & DATA_READY)))),
            Command("READ#", lambda _, now: self._read(now)),
        ]

    def _configure_power(self, argument: str, now: float) -> None:
        self._configure("POW")

    def _configuring(self, header: str, quantity: str) -> Command:
        return action_command(f"CONFigure#[:SCALar]{header}", lambda now: self._configure(quantity))

    def _measuring(self, header: str, quantity: str) -> Command:
        return Command(f"MEASure#[:SCALar]{header}", lambda _, now: self._measure(quantity, now))

    def _correction_commands(self) -> list[Command]:
        return [
            self._numeric(f"{SENSE}CORRection:WAVelength", "wavelength", self._nanometres),
            self._numeric(f"{SENSE}CORRection[:LOSS[:INPut[:MAGNitude]]]", "attenuation", self._decibels),
            self._numeric(f"{SENSE}CORRection:BEAMdiameter", "beam", self._millimetres),
            numeric_command(
                f"{SENSE}AVERage[:COUNt]",
                lambda: Quantity({}, 1.0, self.specification.most_samples, 1.0, 1.0),
                lambda: float(self._settings.count),
                lambda value, now: self._change(count=int(value)),
            ),
        ]

    def _numeric(self, header: str, name: str, quantity: Callable[[], Quantity]) -> Command:
        return numeric_command(
            header,
            quantity,
            lambda: float(getattr(self._settings, name)),
            lambda value, now: self._change(**{name: value}),
        )

    def _zeroing_commands(self) -> list[Command]:
        zero = f"{SENSE}CORRection:COLLect:ZERO"
        amperes = Scientific({"A": 1.0}, 0.0, self.specification.largest_zero, 0.0, 0.0)
        return [
            action_command(f"{zero}[:INITiate]", self._start_zeroing),
            action_command(f"{zero}:ABORt", self._stop_zeroing),
            Command(f"{zero}:STATe", lambda _, now: str(int(bool(self._operation(now) & ZEROING)))),
            numeric_command(f"{zero}:MAGNitude", lambda: amperes, lambda: self._zero, self._set_zero),
        ]

    def _set_zero(self, current: float, now: float) -> None:
        self._zero = current

    def _range_commands(self) -> list[Command]:
        power = f"{SENSE}POWer[:DC]"
        return [
            boolean_command(
                f"{power}:RANGe:AUTO",
                lambda: self._settings.auto_range,
                lambda on, now: self._change(auto_range=on),
            ),
            numeric_command(f"{power}:RANGe[:UPPer]", self._watts, self._present_range, self._set_range),
            choice_command(
                f"{power}:UNIT",
                ["W", "DBM"],
                lambda: self._settings.unit,
                lambda word, now: self._change(unit=word),
            ),
        ]

    def _present_range(self) -> float:
        scale = AMPLIFIER_RANGES[self._settings.amplifier]
        return scale * self._watt_per_ampere()

    def _set_range(self, power: float, now: float) -> None:
        current = power / self._watt_per_ampere()
        # A step of rounding must not push a range's own full scale into the next one.
        self._change(auto_range=False, amplifier=_fitting_range(current * (1.0 - 1e-6)))

    def _sensor_identity(self) -> str:
        return self.sensor.identity(self.specification.quotes) if self.sensor is not None else NO_SENSOR

    def _nanometres(self) -> Quantity:
        sensor = self._plugged()
        return Scientific({"NM": 1.0}, sensor.shortest, sensor.longest, Pm100dSettings().wavelength, 0.1)

    def _decibels(self) -> Quantity:
        return Scientific({"DB": 1.0}, -60.0, 60.0, 0.0, 1e-3)

    def _millimetres(self) -> Quantity:
        return Scientific({"MM": 1.0}, 0.1, 50.0, Pm100dSettings().beam, 1e-3)

    def _watts(self) -> Quantity:
        scale = self._watt_per_ampere()
        low, high = AMPLIFIER_RANGES[0] * scale, AMPLIFIER_RANGES[-1] * scale
        return Scientific({"W": 1.0, "MW": 1e-3, "UW": 1e-6}, low, high, high, 0.0)


def _format(value: float) -> str:
    return f"{value:.8E}"


def _fitting_range(current: float) -> int:
    """Return the number of the most sensitive range for a current in A, the last one if none is."""
    fitting = (number for number, scale in enumerate(AMPLIFIER_RANGES) if current <= scale)
    return next(fitting, len(AMPLIFIER_RANGES) - 1)
