r"""A simulated Red Pitaya STEMlab 125-14 with its SCPI server: two fast inputs, two generators, slow pins.

Lines end with CR LF both ways; a line that ends otherwise is never answered. One client is served at a time,
which is the transport's business. Mistakes are silent: they only fill the error queue.

Source: Red Pitaya's examples of the SCPI server and pymeasure's client of it. ASSUMED: ranges, digits of
replies and the state after power-on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

import numpy as np

from hardware_sim.instruments.endpoint import SessionEndedError
from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.red_pitaya_acquisition import BUFFER, FULL_SCALE, Acquisition, Samples, Signal
from hardware_sim.instruments.scpi import ScpiInstrument, ScpiSession
from hardware_sim.instruments.scpi_commands import (
    Command,
    Quantity,
    action_command,
    boolean_command,
    choice_command,
    numeric_command,
)
from hardware_sim.instruments.scpi_syntax import ScpiError, parse_choice, parse_number, split_arguments

VOLT: Final = {"V": 1.0, "MV": 1e-3}
HERTZ: Final = {"HZ": 1.0, "KHZ": 1e3, "MHZ": 1e6}
SOURCES: Final = (
    ["DISABLED", "NOW"]
    + [f"CH{channel}_{edge}" for channel in (1, 2) for edge in ("PE", "NE")]
    + [f"{kind}_{edge}" for kind in ("EXT", "AWG") for edge in ("PE", "NE")]
)
SHAPES: Final = ["SINE", "SQUARE", "TRIANGLE", "SAWU", "SAWD", "DC"]
DIGITAL: Final = [f"DIO{line}_{side}" for side in "PN" for line in range(8)]
LEDS: Final = [f"LED{number}" for number in range(8)]
SLOW_INPUTS, SLOW_OUTPUTS = ([f"{kind}{number}" for number in range(4)] for kind in ("AIN", "AOUT"))
SLOW_INPUT_RANGE, SLOW_OUTPUT_RANGE = 3.5, 1.8  # V


@dataclass(frozen=True, slots=True)
class RedPitayaSpecification:
    """One board as it was delivered.

    Attributes:
        serial_number: As replied to ``*IDN?``; boards leave 0 there.
        board: Reply to ``SYST:BRD:NAME?``.
        decimations: That it knows.
        boot_time: From power-on to the first answer in s.
    """

    serial_number: str = "0"
    board: str = "STEMlab 125-14"
    decimations: tuple[int, ...] = (1, 8, 64, 1024, 8192, 65_536)
    boot_time: float = 30.0

    @property
    def identity(self) -> str:
        """Reply to ``*IDN?``."""
        return f"REDPITAYA,INSTR2020,{self.serial_number},01-02"


@dataclass(frozen=True, slots=True)
class Generator:
    """One of the two fast outputs.

    Attributes:
        shape: One of ``SINE``, ``SQUARE``, ``TRIANGLE``, ``SAWU``, ``SAWD``, ``DC``.
        frequency: In Hz.
        amplitude: In V.
        offset: In V.
        on: Whether it puts out anything.
        begun: Lab time in s of phase 0.

    Example:
        >>> triangle = Generator("TRIANGLE", frequency=1.0, amplitude=0.5, offset=0.1, on=True)
        >>> triangle.volts(np.array([0.0, 0.25, 0.75])).round(3).tolist()
        [0.1, 0.6, -0.4]
    """

    shape: str = "SINE"
    frequency: float = 1e3
    amplitude: float = 1.0
    offset: float = 0.0
    on: bool = False
    begun: float = 0.0

    def volts(self, times: Samples) -> Samples:
        """Return the output in V (times,) at lab times (times,) in s."""
        if not self.on:
            return np.zeros_like(times)
        phase = (self.frequency * (times - self.begun)) % 1.0
        waves: dict[str, Callable[[], Samples]] = {
            "SINE": lambda: np.sin(2.0 * np.pi * phase),
            "SQUARE": lambda: np.where(phase < 0.5, 1.0, -1.0),
            "TRIANGLE": lambda: 1.0 - 4.0 * np.abs((phase + 0.25) % 1.0 - 0.5),
            "SAWU": lambda: 2.0 * phase - 1.0,
            "SAWD": lambda: 1.0 - 2.0 * phase,
            "DC": lambda: np.ones_like(phase),
        }
        return np.clip(self.amplitude * waves[self.shape]() + self.offset, -1.0, 1.0)


def silence(times: Samples) -> Samples:
    """Return the volts (times,) of an input at which there is nothing."""
    return np.zeros_like(times)


class SimulatedRedPitaya(ScpiInstrument):
    r"""A board with its SCPI server; serve it with `serve_tcp`, to one client at a time.

    Attributes:
        specification: The board as delivered.

    Example:
        >>> board = SimulatedRedPitaya([lambda times: 0.5 + 0.0 * times])
        >>> line = board.connect()
        >>> line.receive(b"ACQ:START\r\nACQ:TRIG NOW\r\nACQ:TRIG:STAT?\r\n", now=1.0)
        b'TD\r\n'
        >>> line.receive(b"ACQ:TRIG:FILL?\r\nACQ:SOUR1:DATA:LAT:N? 2\r\n", now=2.0)
        b'1\r\n{0.500000,0.500000}\r\n'
    """

    line_end: ClassVar[bytes] = b"\r\n"
    reply_end: ClassVar[bytes] = b"\r\n"
    KNOBS: ClassVar[tuple[str, ...]] = ("external trigger", "jumper 1", "jumper 2")
    """An edge, true if rising; ``LV`` or ``HV`` for the jumper of an input."""
    FAULTS: ClassVar[tuple[str, ...]] = ("server crash",)
    """Every client is cut off until the board is power-cycled."""

    def __init__(
        self,
        inputs: Sequence[Signal] = (),
        slow_inputs: Sequence[Callable[[float], float]] = (),
        specification: RedPitayaSpecification | None = None,
    ) -> None:
        """Switch the board on.

        Args:
            inputs: What is at the fast inputs 1 and 2; nothing where none is given.
            slow_inputs: Volts at AIN0 to AIN3 at a lab time in s; 0 V where none is given.
            specification: The board as delivered; a STEMlab 125-14 if None.

        Raises:
            InstrumentSetupError: If there are more inputs than the board has.
        """
        if len(inputs) > 2 or len(slow_inputs) > len(SLOW_INPUTS):
            given = (len(inputs), len(slow_inputs))
            raise InstrumentSetupError("inputs", given, "2 fast and 4 slow ones", "take another board")
        self.specification = specification or RedPitayaSpecification()
        self._acquisition = Acquisition([*inputs, *[silence] * (2 - len(inputs))])
        self._slow_inputs = tuple(slow_inputs)
        self._crashed = False
        self._set_defaults()
        super().__init__(self.specification.identity, self.specification.boot_time, self._own_commands())

    def output(self, channel: int, times: Samples) -> Samples:
        """Return what a fast output gives.

        Args:
            channel: 1 or 2.
            times: Lab times (times,) in s.

        Returns:
            Volts (times,).
        """
        return self._generators[channel - 1].volts(times) if self.powered else np.zeros_like(times)

    def slow_output(self, pin: int) -> float:
        """Return the volts at AOUT0 to AOUT3."""
        return self._slow_outputs[pin] if self.powered else 0.0

    def digital_output(self, line: str) -> bool:
        """Return the level of a line such as ``DIO0_P`` or ``LED3``; low while it is an input."""
        driven = line in LEDS or self._directions[line] == "OUT"
        return self.powered and driven and self._levels[line]

    def connect(self) -> ScpiSession:
        """Accept a client."""
        return _RedPitayaSession(self)

    @property
    def crashed(self) -> bool:
        """Whether the server has died."""
        return self._crashed

    def switch_on(self, now: float) -> None:
        """Finish booting at lab time ``now`` (s), with everything as delivered; jumpers stay."""
        super().switch_on(now)
        self._crashed = False
        self._set_defaults()

    def reset(self, now: float) -> None:
        """Obey ``*RST``."""
        self._set_defaults()

    def _turn(self, knob: str, value: float | bool | str, now: float) -> None:
        if knob == "external trigger":
            self._acquisition.tell_edge("EXT", bool(value), now)
        elif value not in FULL_SCALE:
            raise InstrumentSetupError.choice(knob, value, FULL_SCALE)
        else:
            self._acquisition.jumpers[int(knob[-1]) - 1] = str(value)

    def _suffer(self, fault: str, now: float) -> None:
        self._crashed = True

    def _set_defaults(self) -> None:
        self._acquisition.reset()
        self._units, self._format = "VOLTS", "ASCII"
        self._generators = [Generator(), Generator()]
        self._reset_analog(0.0)
        self._reset_digital(0.0)

    def _reset_analog(self, now: float) -> None:
        self._slow_outputs = [0.0] * len(SLOW_OUTPUTS)

    def _reset_digital(self, now: float) -> None:
        self._directions = dict.fromkeys(DIGITAL, "IN")
        self._levels = dict.fromkeys([*DIGITAL, *LEDS], False)

    def _own_commands(self) -> list[Command]:
        commands = [*self._acquisition_commands(), *self._trigger_commands(), *self._pin_commands()]
        for channel in (0, 1):
            commands += [*self._data_commands(channel), *self._generator_commands(channel)]
        return commands

    def _configure(self, **changes: Any) -> None:
        self._acquisition.settings = replace(self._acquisition.settings, **changes)

    def _acquisition_commands(self) -> list[Command]:
        acquisition = self._acquisition
        return [
            action_command("ACQuire:RST", lambda now: self._reset_acquisition()),
            action_command("ACQuire:START", acquisition.start),
            action_command("ACQuire:STOP", acquisition.stop),
            Command(
                "ACQuire:DECimation",
                read=lambda *_: str(acquisition.settings.decimation),
                write=lambda argument, now: self._configure(decimation=self._parse_decimation(argument)),
            ),
            Command(
                "ACQuire:AVG",
                read=lambda *_: "ON" if acquisition.settings.averaging else "OFF",
                write=lambda argument, now: self._configure(
                    averaging=parse_choice(argument, ["ON", "OFF"]) == "ON"
                ),
            ),
            choice_command("ACQuire:DATA:UNITS", ["VOLTS", "RAW"], lambda: self._units, self._set_units),
            choice_command("ACQuire:DATA:FORMAT", ["ASCII", "BIN"], lambda: self._format, self._set_format),
            Command("ACQuire:BUF:SIZE", read=lambda *_: str(BUFFER)),
            Command("ACQuire:TPOS", read=lambda _, now: str(acquisition.trigger_position(now))),
            Command("ACQuire:WPOS", read=lambda _, now: str(acquisition.write_position(now))),
        ]

    def _trigger_commands(self) -> list[Command]:
        acquisition = self._acquisition
        highest = max(FULL_SCALE.values())
        return [
            Command(
                "ACQuire:TRIGger",
                write=lambda argument, now: acquisition.arm(parse_choice(argument, SOURCES), now),
            ),
            Command("ACQuire:TRIGger:STAT", read=lambda _, now: "WAIT" if acquisition.waits(now) else "TD"),
            Command("ACQuire:TRIGger:FILL", read=lambda _, now: str(int(acquisition.filled(now)))),
            numeric_command(
                "ACQuire:TRIGger:LEVel",
                lambda: Quantity(VOLT, -highest, highest, 0.0, 1e-6),
                lambda: acquisition.settings.level,
                lambda value, now: self._configure(level=value),
            ),
            numeric_command(
                "ACQuire:TRIGger:DLY",
                lambda: Quantity({}, -BUFFER / 2, 1e9, 0.0, 1.0),
                lambda: float(acquisition.settings.delay),
                lambda value, now: self._configure(delay=round(value)),
            ),
        ]

    def _data_commands(self, channel: int) -> list[Command]:
        source = f"ACQuire:SOURce{channel + 1}"

        def read(first: int, last: int | None) -> Callable[[str, float], str]:
            return lambda _, now: self._data(channel, slice(first, last), now)

        def count(argument: str) -> int:
            return _parse_count(argument, 1, BUFFER)

        return [
            Command(f"{source}:DATA", read=read(0, None)),
            Command(
                f"{source}:DATA:OLD:N",
                read=lambda argument, now: self._data(channel, slice(0, count(argument)), now),
                read_argument=1,
            ),
            Command(
                f"{source}:DATA:LAT:N",
                read=lambda argument, now: self._data(channel, slice(-count(argument), None), now),
                read_argument=1,
            ),
            choice_command(
                f"{source}:GAIN",
                list(FULL_SCALE),
                lambda: self._acquisition.settings.gains[channel],
                lambda word, now: self._set_gain(channel, word),
            ),
        ]

    def _generator_commands(self, channel: int) -> list[Command]:
        source = f"SOURce{channel + 1}"

        def number(header: str, name: str, quantity: Quantity) -> Command:
            return numeric_command(
                f"{source}:{header}",
                lambda: quantity,
                lambda: float(getattr(self._generators[channel], name)),
                lambda value, now: self._generate(channel, **{name: value}),
            )

        return [
            choice_command(
                f"{source}:FUNC",
                SHAPES,
                lambda: self._generators[channel].shape,
                lambda word, now: self._generate(channel, shape=word),
            ),
            number("FREQ:FIX", "frequency", Quantity(HERTZ, 0.0, 62.5e6, 1e3, 1e-3)),
            number("VOLT", "amplitude", Quantity(VOLT, 0.0, 1.0, 1.0, 1e-6)),
            number("VOLT:OFFS", "offset", Quantity(VOLT, -1.0, 1.0, 0.0, 1e-6)),
            action_command(f"{source}:TRIG:INT", lambda now: self._start_generator(channel, now)),
            boolean_command(
                f"OUTPUT{channel + 1}:STATE",
                lambda: self._generators[channel].on,
                lambda on, now: self._generate(channel, on=on),
            ),
        ]

    def _pin_commands(self) -> list[Command]:
        return [
            Command("SYSTem:BRD:NAME", read=lambda *_: self.specification.board),
            action_command("ANALOG:RST", self._reset_analog),
            Command("ANALOG:PIN", self._read_analog, self._write_analog, read_argument=1, write_argument=2),
            action_command("DIG:RST", self._reset_digital),
            Command("DIG:PIN", self._read_digital, self._write_digital, read_argument=1, write_argument=2),
            Command(
                "DIG:PIN:DIR",
                read=lambda argument, now: self._directions[parse_choice(argument, DIGITAL)],
                write=self._direct,
                read_argument=1,
                write_argument=2,
            ),
        ]

    def _reset_acquisition(self) -> None:
        self._acquisition.reset()
        self._units, self._format = "VOLTS", "ASCII"

    def _parse_decimation(self, argument: str) -> int:
        decimation = parse_number(argument, {})
        if decimation not in self.specification.decimations:
            known = ", ".join(map(str, self.specification.decimations))
            raise ScpiError(-222, f"{argument} is not one of {known}")
        return round(decimation)

    def _set_units(self, word: str, now: float) -> None:
        self._units = word

    def _set_format(self, word: str, now: float) -> None:
        self._format = word

    def _set_gain(self, channel: int, word: str) -> None:
        gains = list(self._acquisition.settings.gains)
        gains[channel] = word
        self._configure(gains=(gains[0], gains[1]))

    def _data(self, channel: int, part: slice, now: float) -> str:
        raw = self._units == "RAW"
        values = (self._acquisition.codes if raw else self._acquisition.volts)(channel, now)[part]
        if self._format == "ASCII":
            # Adding 0.0 makes negative zeros positive.
            return (
                "{"
                + ",".join(f"{value + 0.0:.0f}" if raw else f"{value + 0.0:.6f}" for value in values)
                + "}"
            )
        data = values.astype(">i2" if raw else ">f4").tobytes()
        length = str(len(data))
        return f"#{len(length)}{length}" + data.decode("latin-1")

    def _generate(self, channel: int, **changes: Any) -> None:
        # One assignment of a frozen value: the lab world may read it from another thread at any time.
        self._generators[channel] = replace(self._generators[channel], **changes)

    def _start_generator(self, channel: int, now: float) -> None:
        self._generate(channel, begun=now)
        self._acquisition.tell_edge("AWG", rising=True, now=now)

    def _read_analog(self, argument: str, now: float) -> str:
        pin = parse_choice(argument, [*SLOW_INPUTS, *SLOW_OUTPUTS])
        number = int(pin[-1])
        if pin in SLOW_OUTPUTS:
            return f"{self._slow_outputs[number]:.4f}"
        volts = self._slow_inputs[number](now) if number < len(self._slow_inputs) else 0.0
        return f"{min(max(volts, 0.0), SLOW_INPUT_RANGE):.4f}"

    def _write_analog(self, argument: str, now: float) -> None:
        pin, value = _two(argument)
        number = int(parse_choice(pin, SLOW_OUTPUTS)[-1])
        self._slow_outputs[number] = Quantity(VOLT, 0.0, SLOW_OUTPUT_RANGE, 0.0, 1e-4).parse(value, 0.0)

    def _read_digital(self, argument: str, now: float) -> str:
        line = parse_choice(argument, [*DIGITAL, *LEDS])
        return str(int(self.digital_output(line)))

    def _write_digital(self, argument: str, now: float) -> None:
        name, value = _two(argument)
        line = parse_choice(name, [*DIGITAL, *LEDS])
        if line in DIGITAL and self._directions[line] == "IN":
            raise ScpiError(-221, f"{line} is an input")
        self._levels[line] = bool(_parse_count(value, 0, 1))

    def _direct(self, argument: str, now: float) -> None:
        direction, line = _two(argument)
        self._directions[parse_choice(line, DIGITAL)] = parse_choice(direction, ["IN", "OUT"])


class _RedPitayaSession(ScpiSession):
    """The client; it is cut off when the server has died."""

    __slots__ = ("_board",)

    def __init__(self, board: SimulatedRedPitaya) -> None:
        super().__init__(board)
        self._board = board

    def receive(self, data: bytes, now: float) -> bytes:
        """Answer, unless the server has died."""
        if self._board.crashed:
            raise SessionEndedError
        return super().receive(data, now)


def _two(argument: str) -> tuple[str, str]:
    parts = split_arguments(argument)
    if len(parts) != 2:
        raise ScpiError(-109, argument)
    return parts[0], parts[1]


def _parse_count(text: str, lowest: int, highest: int) -> int:
    number = parse_number(text, {}) if text else math.nan
    if not lowest <= number <= highest or number != round(number):
        raise ScpiError(-222, f"{text} is not within {lowest} to {highest}")
    return round(number)
