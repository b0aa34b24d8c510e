r"""A simulated Bristol 871A wavelength meter: SCPI over telnet, and a stream of samples on an RS-422 line.

The instrument itself is the telnet server, TCP port 23 of the real one; `SimulatedBristol871.stream` is the
RS-422 line. The telnet server takes one client; others are told so and dropped.

Source: commands, banner and busy message as QMI's driver of the 871A expects them. ASSUMED: all numbers of
`Bristol871Specification`, that an external trigger is awaited by nothing, and that nothing is echoed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hardware_sim.constants import LIGHT_SPEED
from hardware_sim.instruments.bristol_sample import Condition, Sample
from hardware_sim.instruments.endpoint import Session, SessionEndedError
from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.light import LightSource, steady
from hardware_sim.instruments.port import Port
from hardware_sim.instruments.scpi import ScpiInstrument, ScpiSession
from hardware_sim.instruments.scpi_commands import (
    Command,
    Quantity,
    action_command,
    choice_command,
    numeric_command,
)
from hardware_sim.instruments.scpi_syntax import ScpiError, parse_number

BANNER = b"871A Laser Wavelength Meter\nSCPI telnet server\nBristol Instruments, Inc.\n\n"
BUSY = b"Sorry, no connections available\n"
RATES = (20, 50, 100, 250, 500, 1000)  # Hz
MEMORY_SAMPLES = 10_000  # free choice
STREAM_BACKLOG = 100  # frames that wait for the line at most; free choice
IDLE_LOOK = 0.1  # s between two looks whether a silent stream goes on; free choice
MINUTE, KELVIN_TENTH = 60.0, 0.1


@dataclass(frozen=True, slots=True)
class Bristol871Specification:
    """One meter as it was delivered.

    Attributes:
        serial_number: As replied to ``*IDN?``.
        shortest: Shortest wavelength in m.
        longest: Longest wavelength in m.
        pickoff: Share of the light that reaches the detector.
        least_power: At the detector in W; less is a low signal.
        no_power: At the detector in W; less is no signal.
        most_power: At the detector in W; more saturates.
        repeatability: Relative standard deviation of a sample.
        drift: Relative error per second since the last calibration.
        temperature_error: Relative error per kelvin since the last calibration.
        accuracy: Largest relative error.
        calibration_time: In s.
        boot_time: From power-on to the first answer in s.
        recording_limit: Time in s after which this firmware stops recording to memory; a known bug.
    """

    serial_number: str = "6789"
    shortest: float = 375e-9
    longest: float = 1100e-9
    pickoff: float = 0.01
    least_power: float = 20e-6
    no_power: float = 1e-6
    most_power: float = 5e-3
    repeatability: float = 3.5e-9
    drift: float = 2e-12
    temperature_error: float = 1e-8
    accuracy: float = 2e-7
    calibration_time: float = 2.0
    boot_time: float = 30.0
    recording_limit: float = 4 * 3600.0

    @property
    def identity(self) -> str:
        """Reply to ``*IDN?``."""
        return f"BRISTOL WAVELENGTH METER, 871A-VIS, {self.serial_number}, 1.2.0"


@dataclass(frozen=True, slots=True)
class Settings871:
    """What ``*RST`` resets.

    Attributes:
        rate: Of the internal trigger in Hz.
        trigger: ``INT``, ``RISE`` or ``FALL``.
        calibration: When it calibrates itself: ``OFF``, ``TIME`` or ``TEMP``.
        interval: Between calibrations in minutes.
        temperature_step: Between calibrations in tenths of a kelvin.
    """

    rate: int = 20
    trigger: str = "INT"
    calibration: str = "OFF"
    interval: float = 60.0
    temperature_step: float = 10.0


class SimulatedBristol871(ScpiInstrument):
    """A wavelength meter; serve it, and its `stream` on another port, with `serve_tcp` or `serve_pty`.

    Attributes:
        specification: The meter as delivered.
        stream: The RS-422 line, an endpoint of its own.

    Example:
        >>> import numpy as np
        >>> meter = SimulatedBristol871(np.random.default_rng(1), steady(346e12, 30e-3))
        >>> meter.execute("FETC:POW?", now=10.0)
        '0.3000'
        >>> abs(float(meter.execute("FETC:FREQ?", now=10.0)) - 346.0) < 1e-5
        True
    """

    KNOBS: ClassVar[tuple[str, ...]] = ("attenuator", "temperature", "trigger")
    """Share of the usual light that passes, also above 1; temperature of the room in degC; an edge at the
    trigger input, true if rising."""
    FAULTS: ClassVar[tuple[str, ...]] = ("over-exposure", "under-exposure", "no light", "calibration failure")
    """The knob ``attenuator`` at 1 ends what befell the light."""

    def __init__(
        self,
        rng: np.random.Generator,
        light: LightSource | None = None,
        specification: Bristol871Specification | None = None,
    ) -> None:
        """Switch the meter on; it is calibrated.

        Args:
            rng: Source of the noise of its samples.
            light: What the fibre brings; light at 866.452 nm if None.
            specification: The meter as delivered; an 871A-VIS if None.
        """
        self.specification = specification or Bristol871Specification()
        self.stream = SampleStream(self)
        self._light = light or steady(LIGHT_SPEED / 866.452e-9, 30e-3)
        self._seed = int(rng.integers(1 << 62))
        self._settings = Settings871()
        self._origin, self._first_index = 0.0, 0  # when the present rate began, and with which sample
        self._triggered: Sample | None = None
        self._last_read = -1
        self._calibrated: tuple[float, float] | None = None  # lab time and temperature
        self._calibrating_until = -math.inf
        self._calibration_fails = self._calibration_failed = False
        self._attenuator, self._temperature = 1.0, 22.0
        self._recorded: tuple[float, float] | None = None  # lab times of begin and end
        self._client: ScpiSession | None = None
        super().__init__(self.specification.identity, self.specification.boot_time, self._own_commands())

    def connect(self) -> ScpiSession:
        """Accept the one client, or tell a further one that there is no connection for it."""
        if self._client is not None:
            return _TurnedAway(self)
        self._client = _TelnetSession(self)
        return self._client

    def disconnect(self, session: ScpiSession) -> None:
        """Be free for another client if the one that left was the client."""
        if session is self._client:
            self._client = None

    def reset(self, now: float) -> None:
        """Obey ``*RST``."""
        self._change_rate(Settings871().rate, now)
        self._settings = Settings871()

    def switch_off(self, now: float) -> None:
        """Cut the power at lab time ``now`` (s); the recording is lost."""
        super().switch_off(now)
        self._recorded = None

    def switch_on(self, now: float) -> None:
        """Finish booting at lab time ``now`` (s), reset and calibrated; samples are counted from 0."""
        super().switch_on(now)
        self._settings = Settings871()
        self._origin, self._first_index = now, 0
        self._triggered, self._last_read = None, -1
        self._calibrated, self._calibrating_until = (now, self._temperature), -math.inf
        self._calibration_failed = False

    def latest(self, now: float) -> Sample:
        """Return the last complete sample at lab time ``now`` (s)."""
        if self._settings.trigger != "INT":
            return self._triggered or Sample(0, 0.0, 0.0, Condition.NO_SIGNAL)
        index = self.count(now) - 1
        return self._measure(index, min(self.time_of(index) - 1.0 / self._settings.rate, now))

    def count(self, now: float) -> int:
        """Return how many samples the internal trigger has made by lab time ``now`` (s)."""
        # A millionth of a sample takes the binary dust off times that were worked out from a count.
        return self._first_index + math.floor((now - self._origin) * self._settings.rate + 1e-6)

    def time_of(self, index: int) -> float:
        """Return the lab time in s at which a sample of the internal trigger is complete."""
        return self._origin + (index + 1 - self._first_index) / self._settings.rate

    @property
    def streaming(self) -> bool:
        """Whether the internal trigger makes samples."""
        return self._settings.trigger == "INT" and self.powered

    def sample(self, index: int, now: float) -> Sample:
        """Return a sample of the internal trigger by its number; its light is that at its beginning."""
        return self._measure(index, min(self.time_of(index) - 1.0 / self._settings.rate, now))

    def calibrating(self, now: float) -> bool:
        """Return whether it calibrates itself at lab time ``now`` (s)."""
        self._calibrate_if_due(now)
        return now < self._calibrating_until

    def _turn(self, knob: str, value: float | bool | str, now: float) -> None:
        if knob == "attenuator":
            if not 0.0 <= float(value) < math.inf:
                raise InstrumentSetupError(knob, value, "0 and above", "1 is the usual light")
            self._attenuator = float(value)
        elif knob == "temperature":
            self._temperature = float(value)
        elif self._settings.trigger == ("RISE" if value else "FALL"):
            index = 0 if self._triggered is None else self._triggered.index + 1
            self._triggered = self._measure(index, now)

    def _suffer(self, fault: str, now: float) -> None:
        if fault == "calibration failure":
            self._calibration_fails = True
            return
        light = self._power(now) / self._attenuator if self._attenuator else self.specification.least_power
        own = self.specification
        wanted = {"over-exposure": 2.0 * own.most_power, "under-exposure": 0.5 * own.least_power}
        self._attenuator = wanted.get(fault, 0.0) / light if light else 1.0

    def _own_commands(self) -> list[Command]:
        return [*self._reading_commands(), *self._calibration_commands(), *self._other_commands()]

    def _reading_commands(self) -> list[Command]:
        ways: dict[str, Callable[[float], Sample]] = {
            "READ": lambda now: self._await_sample(0, now),
            "MEASure": lambda now: self._await_sample(1, now),
            "FETCh": self.latest,
        }
        quantities = {"ALL": "ALL", "WAVelength": "WAV", "FREQuency": "FREQ", "POWer": "POW"}

        def reader(way: Callable[[float], Sample], what: str) -> Callable[[str, float], str]:
            def read(_: str, now: float) -> str:
                sample = way(now)
                self._last_read = sample.index
                return sample.text(what)

            return read

        return [
            Command(f"{verb}:{quantity}", read=reader(way, what))
            for verb, way in ways.items()
            for quantity, what in quantities.items()
        ]

    def _calibration_commands(self) -> list[Command]:
        return [
            action_command("SENSe:CALIbration", self._calibrate),
            choice_command(
                "SENSe:CALIbration:METHod",
                ["OFF", "TIME", "TEMP"],
                lambda: self._settings.calibration,
                lambda word, now: self._set(calibration=word),
            ),
            numeric_command(
                "SENSe:CALIbration:TEMP",
                lambda: Quantity({}, 1.0, 50.0, Settings871().temperature_step, 1.0),
                lambda: self._settings.temperature_step,
                lambda value, now: self._set(temperature_step=value),
            ),
            numeric_command(
                "SENSe:CALIbration:TIMe",
                lambda: Quantity({}, 5.0, 1440.0, Settings871().interval, 1.0),
                lambda: self._settings.interval,
                lambda value, now: self._set(interval=value),
            ),
            Command("STATus:QUEStionable:CONDition", read=lambda _, now: str(int(self._condition(now)))),
        ]

    def _other_commands(self) -> list[Command]:
        return [
            choice_command(
                "TRIGger:SEQuence:METHod",
                ["INT", "RISE", "FALL"],
                lambda: self._settings.trigger,
                lambda word, now: self._set(trigger=word),
            ),
            Command(
                "TRIGger:SEQuence:RATE",
                read=lambda *_: str(self._settings.rate),
                write=lambda argument, now: self._change_rate(_parse_rate(argument), now),
            ),
            Command(
                "TRIGger:SEQuence:RATE:ADJust",
                read=lambda *_: str(self._settings.rate),
                write=lambda _, now: self._change_rate(self._fitting_rate(now), now),
                write_argument=False,
            ),
            action_command("MMEMory:INIT", lambda now: self._record(None)),
            action_command("MMEMory:OPEN", lambda now: self._record((now, math.inf))),
            action_command("MMEMory:CLOSe", self._stop_recording),
            Command("MMEMory:DATA", read=lambda _, now: self._recording(now)),
        ]

    def _set(self, **changes: object) -> None:
        values = {name: getattr(self._settings, name) for name in Settings871.__slots__}
        self._settings = Settings871(**(values | changes))

    def _change_rate(self, rate: int, now: float) -> None:
        self._first_index, self._origin = self.count(now), now
        self._set(rate=rate)

    def _fitting_rate(self, now: float) -> int:
        """Return the rate that the light allows: ten times less of it allows a tenth. ASSUMED."""
        possible = RATES[0] * self._power(now) / self.specification.least_power
        return max((rate for rate in RATES if rate <= possible), default=RATES[0])

    def _await_sample(self, further: int, now: float) -> Sample:
        """Return the next sample, or with ``further`` 1 the one after it, and let the reply wait for it."""
        if self._settings.trigger != "INT":
            return self.latest(now)
        index = self.count(max(now, self._calibrating_until)) + further
        self.busy_until = max(self.busy_until, self.time_of(index))
        return self._measure(index, now if further else min(self.time_of(index - 1), now))

    def _power(self, now: float) -> float:
        return self._light(now)[1] * self.specification.pickoff * self._attenuator

    def _measure(self, index: int, now: float) -> Sample:
        frequency, power = self._light(now)[0], self._power(now)
        noise = np.random.default_rng((self._seed, index)).standard_normal()
        measured = frequency * (1.0 + self._error(now) + self.specification.repeatability * float(noise))
        condition = self._judge(frequency, power)
        return Sample(index, measured, power, condition, now < self._calibrating_until)

    def _judge(self, frequency: float, power: float) -> Condition:
        own = self.specification
        condition = Condition.CALIBRATION_FAILED if self._calibration_failed else Condition(0)
        if power < own.no_power or frequency <= 0.0:
            return condition | Condition.NO_SIGNAL
        if power > own.most_power:
            return condition | Condition.SATURATED | Condition.POWER_RANGE
        if not own.shortest <= LIGHT_SPEED / frequency <= own.longest:
            condition |= Condition.WAVELENGTH_RANGE
        return condition | (Condition.LOW_SIGNAL if power < own.least_power else Condition(0))

    def _condition(self, now: float) -> Condition:
        sample = self.latest(now)
        read = Condition.READ_ALREADY if sample.index <= self._last_read else Condition(0)
        return sample.condition | read

    def _error(self, now: float) -> float:
        self._calibrate_if_due(now)
        since, temperature = self._calibrated or (now, self._temperature)
        own = self.specification
        error = own.drift * (now - since) + own.temperature_error * (self._temperature - temperature)
        return min(max(error, -own.accuracy), own.accuracy)

    def _calibrate_if_due(self, now: float) -> None:
        if self._calibrated is None:
            self._calibrated = (now, self._temperature)
        since, temperature = self._calibrated
        settings = self._settings
        aged = settings.calibration == "TIME" and now - since >= settings.interval * MINUTE
        warmed = abs(self._temperature - temperature) >= settings.temperature_step * KELVIN_TENTH
        if aged or (settings.calibration == "TEMP" and warmed):
            self._calibrate(now)

    def _calibrate(self, now: float) -> None:
        if now < self._calibrating_until:
            raise ScpiError(-213, "a calibration is running")
        self._calibrating_until = now + self.specification.calibration_time
        self.settled_at = self._calibrating_until
        self._calibration_failed, self._calibration_fails = self._calibration_fails, False
        if not self._calibration_failed or self._calibrated is None:
            self._calibrated = (now, self._temperature)
        else:
            self._calibrated = (now, self._calibrated[1])

    def _record(self, times: tuple[float, float] | None) -> None:
        self._recorded = times

    def _stop_recording(self, now: float) -> None:
        if self._recorded is None:
            raise ScpiError(-221, "MMEM:CLOS without MMEM:OPEN")
        self._recorded = (self._recorded[0], min(self._recorded[1], now))

    def _recording(self, now: float) -> str:
        """Return the block of records between MMEM:OPEN and MMEM:CLOS."""
        begin, end = self._recorded or (now, now)
        end = min(end, now, begin + self.specification.recording_limit)
        numbers = range(self.count(begin), min(self.count(end), self.count(begin) + MEMORY_SAMPLES))
        data = b"".join(self.sample(index, now).record() for index in numbers)
        length = str(len(data))
        return f"#{len(length)}{length}" + data.decode("latin-1")


class _TelnetSession(ScpiSession):
    """The client of the telnet server; it is greeted."""

    __slots__ = ("_greeted", "_meter")

    def __init__(self, meter: SimulatedBristol871) -> None:
        super().__init__(meter)
        self._meter = meter
        self._greeted = False

    def receive(self, data: bytes, now: float) -> bytes:
        """Greet the client, then answer it."""
        greeting = b"" if self._greeted or not self._meter.powered else BANNER
        self._greeted = self._greeted or bool(greeting)
        return greeting + super().receive(data, now)

    def close(self) -> None:
        """Be free for another client."""
        self._meter.disconnect(self)


class _TurnedAway(ScpiSession):
    """A client for whom there is no connection."""

    __slots__ = ()

    def receive(self, data: bytes, now: float) -> bytes:
        """Tell the client and hang up."""
        raise SessionEndedError(BUSY)


class SampleStream(Port["SimulatedBristol871"]):
    """The RS-422 line: it sends every sample of the internal trigger and hears nothing."""

    tcp_resource = "socket://{host}:{port}"
    loses_link = False

    def connect(self) -> Session:
        """Listen to the line."""
        return _StreamSession(self.inner)


class _StreamSession:
    """One listener of the RS-422 line."""

    __slots__ = ("_looked", "_meter", "_sent")

    def __init__(self, meter: SimulatedBristol871) -> None:
        self._meter = meter
        self._sent: int | None = None
        self._looked = 0.0

    def receive(self, data: bytes, now: float) -> bytes:
        """Send the samples that are complete; what the line cannot carry is left out."""
        meter, self._looked = self._meter, now
        if not meter.streaming:
            self._sent = None
            return b""
        count = meter.count(now)
        first = count if self._sent is None else max(self._sent, count - STREAM_BACKLOG)
        self._sent = count
        if meter.calibrating(now):
            return b""
        return b"".join(meter.sample(index, now).frame() for index in range(first, count))

    def due(self) -> float | None:
        """Return the lab time in s at which the next sample is complete, or there may be some again."""
        if self._sent is None or not self._meter.streaming:
            return self._looked + IDLE_LOOK
        return self._meter.time_of(self._sent)

    def close(self) -> None:
        """Stop listening."""


def _parse_rate(argument: str) -> int:
    rate = round(parse_number(argument, {"HZ": 1.0}))
    if rate not in RATES:
        raise ScpiError(-222, f"{argument} is not one of {', '.join(map(str, RATES))}")
    return rate
