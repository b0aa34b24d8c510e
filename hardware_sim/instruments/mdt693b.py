r"""A simulated Thorlabs MDT693B, a driver of three piezos without feedback, and the piezos' own bad memory.

Commands end with CR. Firmware 1.09 answers ``[ 12.34]``, CR and the prompt ``>``; firmware 1.06 puts ``*`` or
``!`` before its answer and has no prompt. Commands are echoed until ``echo=0``, which always answers.

Source: oxart's driver of the MDT69xB, tested by its authors with both firmwares. ASSUMED, after the manual:
commands beyond those of oxart, refusals, ranges. Behaviour of the piezos: see `PiezoStack`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Final

import numpy as np

from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.instrument import Instrument
from hardware_sim.instruments.line_buffer import LineBuffer
from hardware_sim.instruments.outbox import Outbox
from hardware_sim.instruments.piezo_stack import PiezoStack, PiezoStackSpecification

AXES: Final = ("x", "y", "z")
LIMITS: Final = (75, 100, 150)  # V, positions of the switch at the back
RESOLUTION: Final = 0.01  # V of set points and readings; ASSUMED
ANSWER_TIME: Final = 0.01  # s; 5 ms to 20 ms seen
WHOLE_RANGES: Final = {
    "intensity": (0, 15),
    "dacstep": (1, 1000),
    "cm": (0, 1),
    "msenable": (0, 1),
    "msvalue": (0, 150),
}
INPUT_BUFFER: Final = 200  # bytes without CR; free choice
UP, DOWN = "\x1b[A", "\x1b[B"  # the arrows of a terminal
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")
_COMMAND = re.compile(r"([a-z]+)(\?|=(.*))")


@dataclass(frozen=True, slots=True)
class Mdt693bSpecification:
    """One driver as it was delivered, with what hangs on it.

    Attributes:
        serial_number: Of the reply to ``id?`` and ``serial?``.
        firmware: ``1.09``, or ``1.06`` with the other dialect.
        limit: Position of the switch at the back in V.
        knobs: Voltages in V to which the knobs of x, y and z are turned, from which outputs begin.
        offset_error: Bound of the reading's offset in V.
        gain_error: Bound of the reading's relative error.
        settling_time: Time constant of an output with its piezo in s. ASSUMED.
        piezo: What hangs on each output.
        boot_time: From power-on to the first answer in s. ASSUMED.
    """

    serial_number: str = "160413115-03"
    firmware: str = "1.09"
    limit: int = 75
    knobs: tuple[float, float, float] = (0.0, 0.0, 0.0)
    offset_error: float = 1.0
    gain_error: float = 0.01
    settling_time: float = 2e-3
    piezo: PiezoStackSpecification = field(default_factory=PiezoStackSpecification)
    boot_time: float = 2.0


@dataclass(frozen=True, slots=True)
class Output:
    """One output on its way to its set point.

    Attributes:
        begin: Lab time in s of the last change.
        origin: Voltage in V at that time.
        target: Set point in V.
        time_constant: In s.

    Example:
        >>> Output(begin=0.0, origin=0.0, target=10.0, time_constant=1e-3).at(1.0)
        10.0
    """

    begin: float
    origin: float
    target: float
    time_constant: float

    def at(self, now: float) -> float:
        """Return the voltage in V at lab time ``now`` (s)."""
        elapsed = max(now - self.begin, 0.0)
        return self.target + (self.origin - self.target) * math.exp(-elapsed / self.time_constant)


@dataclass(frozen=True, slots=True)
class AxisSettings:
    """What clients set of one axis.

    Attributes:
        minimum: Least voltage in V.
        maximum: Greatest voltage in V.
    """

    minimum: float
    maximum: float


class SimulatedMdt693b(Instrument):
    r"""A piezo driver; serve it with `serve_pty` or `serve_tcp`.

    Attributes:
        specification: The driver as delivered.

    Example:
        >>> import numpy as np
        >>> driver = SimulatedMdt693b(np.random.default_rng(1))
        >>> line = driver.connect()
        >>> _ = line.receive(b"echo=0\rxvoltage=12.5\r", now=0.0)
        >>> line.receive(b"", now=0.1), driver.voltage("x", now=0.1)
        (b'echo=0\r[Echo Off]\r>>', 12.5)
    """

    KNOBS: ClassVar[tuple[str, ...]] = (*AXES, "limit")
    """An axis in V, which moves its output; the switch at the back at 75, 100 or 150 V."""
    FAULTS: ClassVar[tuple[str, ...]] = ("brown-out",)
    """The mains dip, and the driver starts anew at once, its outputs with the knobs."""
    tcp_resource = "socket://{host}:{port}"
    loses_link = True  # its USB interface is fed by the driver itself

    def __init__(self, rng: np.random.Generator, specification: Mdt693bSpecification | None = None) -> None:
        """Switch the driver on; its outputs are where the knobs are.

        Args:
            rng: Source of the errors of its readings.
            specification: The driver as delivered.

        Raises:
            InstrumentSetupError: If the firmware or the position of the switch does not exist.
        """
        self.specification = specification or Mdt693bSpecification()
        own = self.specification
        if own.firmware not in DIALECTS:
            raise InstrumentSetupError.choice("firmware", own.firmware, DIALECTS)
        if own.limit not in LIMITS:
            raise InstrumentSetupError.choice("limit", own.limit, LIMITS)
        super().__init__(own.boot_time)
        self._limit = own.limit
        self._knobs = dict(zip(AXES, own.knobs, strict=True))
        self._errors = {
            axis: (
                float(rng.uniform(-own.offset_error, own.offset_error)),
                float(rng.uniform(-own.gain_error, own.gain_error)),
            )
            for axis in AXES
        }
        self._echo = True
        self._whole: dict[str, int] = {}
        self._settings: dict[str, AxisSettings] = {}
        self._readers, self._writers = self._make_readers(), self._make_writers()
        self._stacks = {axis: PiezoStack(own.piezo) for axis in AXES}
        self._outputs = {axis: Output(-math.inf, 0.0, 0.0, own.settling_time) for axis in AXES}
        self._set_points = dict.fromkeys(AXES, 0.0)
        self._set_defaults()
        for axis in AXES:
            self._drive(axis, self._knobs[axis], -math.inf)

    def voltage(self, axis: str, now: float) -> float:
        """Return the true voltage of an output.

        Args:
            axis: ``x``, ``y`` or ``z``.
            now: Lab time in s.

        Returns:
            Voltage in V, whatever the driver reads back.
        """
        return self._outputs[_known(axis)].at(now)

    def displacement(self, axis: str, now: float) -> float:
        """Return how long a piezo is.

        Args:
            axis: ``x``, ``y`` or ``z``.
            now: Lab time in s.

        Returns:
            The voltage in V at which a perfect piezo were as long: with hysteresis and creep.
        """
        with self.lock:
            return self._stacks[_known(axis)].effective_voltage(self.voltage(axis, now), now)

    def connect(self) -> Mdt693bSession:
        """Accept a client of the one serial line."""
        return Mdt693bSession(self)

    def switch_off(self, now: float) -> None:
        """Cut the power at lab time ``now`` (s): the outputs go to 0."""
        with self.lock:
            self.powered = False
            for axis in AXES:
                self._drive(axis, 0.0, now)

    def switch_on(self, now: float) -> None:
        """Finish booting at lab time ``now`` (s): echo is on, the outputs follow the knobs."""
        with self.lock:
            self.powered = True
            self._set_defaults()
            for axis in AXES:
                self._drive(axis, self._knobs[axis], now)

    @property
    def echo(self) -> bool:
        """Whether commands are echoed."""
        return self._echo

    def answer(self, line: str, now: float) -> str:
        """Return what the driver says to a line, in the dialect of its firmware, without echo.

        Source: mdt69x 1.0.11 ends its commands with LF CR, and finds its driver by sending no more than that:
            it is no command.
        """
        command = line.strip("\n")
        reply = (
            self._reply(command, now) if command == line or command else self._refuse(line, "CMD_NOT_DEFINED")
        )
        return DIALECTS[self.specification.firmware](reply)

    def _turn(self, knob: str, value: float | bool | str, now: float) -> None:
        if knob == "limit":
            if value not in LIMITS:
                raise InstrumentSetupError(knob, value, "75, 100 or 150 V", "turn it to one of them")
            self._limit = int(value)
            self._turn_switch(now)
            return
        if not 0.0 <= float(value) <= self._limit:
            raise InstrumentSetupError(knob, value, f"0 to {self._limit} V", "turn it less far")
        self._knobs[knob] = float(value)
        self._drive(knob, float(value), now)

    def _turn_switch(self, now: float) -> None:
        for axis in AXES:
            self._settings[axis] = AxisSettings(0.0, float(self._limit))
            self._drive(axis, min(self._set_points[axis], float(self._limit)), now)

    def _suffer(self, fault: str, now: float) -> None:
        self.switch_on(now)

    def _reply(self, line: str, now: float) -> Reply:
        if line == "?":
            return Reply("".join(f"{name}\r" for name in sorted({*self._readers, *self._writers})))
        if line in (UP, DOWN):
            self._step(1 if line == UP else -1, now)
        if line in ("", UP, DOWN):
            return Reply("")
        command = _COMMAND.fullmatch(line.lower())
        if command is None or command[1] not in (self._readers if command[3] is None else self._writers):
            return self._refuse(line, "CMD_NOT_DEFINED")
        if command[3] is None:
            return Reply(self._readers[command[1]](now))
        number = _NUMBER.fullmatch(command[3].strip())
        if number is None or not self._writers[command[1]](float(number[0]), now):
            return self._refuse(line, "CMD_ARG_INVALID")
        return Reply(self._readers["echo"](now) if command[1] == "echo" else "")

    def _refuse(self, line: str, reason: str) -> Reply:
        self.complaints.append(f"{reason}: {line}")
        return Reply(reason, refused=True)

    def _make_readers(self) -> dict[str, Callable[[float], str]]:
        own = self.specification
        identity = (
            "Thorlabs MDT693B\rThree Channel Open-Loop Piezo Controller\r"
            f"Firmware Version: {own.firmware}\rSerial#:{own.serial_number}\r"
        )
        readers: dict[str, Callable[[float], str]] = {
            "id": lambda now: identity,
            "serial": lambda now: f"[{own.serial_number}]\r",
            "vlimit": lambda now: f"[{self._limit}]\r",
            "echo": lambda now: f"[Echo {'On' if self._echo else 'Off'}]\r",
        }
        readers |= {name: partial(self._read_whole, name) for name in WHOLE_RANGES}
        for axis in AXES:
            readers[f"{axis}voltage"] = partial(self._read_back, axis)
            readers[f"{axis}min"] = partial(self._read_bound, axis, "min")
            readers[f"{axis}max"] = partial(self._read_bound, axis, "max")
        return readers

    def _make_writers(self) -> dict[str, Callable[[float, float], bool]]:
        writers: dict[str, Callable[[float, float], bool]] = {
            "echo": self._set_echo,
            "allvoltage": partial(self._set_voltages, AXES),
        }
        writers |= {name: partial(self._set_whole, name) for name in WHOLE_RANGES}
        for axis in AXES:
            writers[f"{axis}voltage"] = partial(self._set_voltages, (axis,))
            writers[f"{axis}min"] = partial(self._set_bound, axis, "min")
            writers[f"{axis}max"] = partial(self._set_bound, axis, "max")
        return writers

    def _read_back(self, axis: str, now: float) -> str:
        offset, gain = self._errors[axis]
        return _bracket(max(self.voltage(axis, now) * (1.0 + gain) + offset, 0.0))

    def _read_whole(self, name: str, now: float) -> str:
        return f"[{self._whole[name]}]\r"

    def _read_bound(self, axis: str, bound: str, now: float) -> str:
        settings = self._settings[axis]
        return _bracket(settings.minimum if bound == "min" else settings.maximum)

    def _set_echo(self, value: float, now: float) -> bool:
        self._echo = value != 0.0
        return True

    def _set_whole(self, name: str, value: float, now: float) -> bool:
        low, high = WHOLE_RANGES[name]
        if value != int(value) or not low <= value <= high:
            return False
        self._whole[name] = int(value)
        for axis in AXES if name.startswith("ms") else ():
            self._drive(axis, self._set_points[axis], now)
        return True

    def _set_voltages(self, axes: tuple[str, ...], value: float, now: float) -> bool:
        bounds = [(self._settings[axis].minimum, self._settings[axis].maximum) for axis in axes]
        if not all(low <= value <= high for low, high in bounds):
            return False
        for axis in axes:
            self._drive(axis, value, now)
        return True

    def _set_bound(self, axis: str, bound: str, value: float, now: float) -> bool:
        settings = self._settings[axis]
        low, high = (value, settings.maximum) if bound == "min" else (settings.minimum, value)
        if not 0.0 <= low <= high <= self._limit:
            return False
        self._settings[axis] = AxisSettings(low, high)
        return True

    def _step(self, direction: int, now: float) -> None:
        # The arrows act on the axis that the display shows, which is the first. ASSUMED.
        settings = self._settings[AXES[0]]
        value = self._set_points[AXES[0]] + direction * self._whole["dacstep"] * RESOLUTION
        self._drive(AXES[0], min(max(value, settings.minimum), settings.maximum), now)

    def _drive(self, axis: str, voltage: float, now: float) -> None:
        """Bring an output to a set point, plus that of the master scan if it is on."""
        self._set_points[axis] = voltage
        scanned = float(self._whole["msvalue"]) if self._whole["msenable"] else 0.0
        total = min(voltage + scanned, float(self._limit))
        target = round(round(total / RESOLUTION) * RESOLUTION, 6)
        origin = target if math.isinf(now) else self._outputs[axis].at(now)
        # One assignment of a frozen value: the lab world may read it from another thread at any time.
        self._outputs[axis] = Output(now, origin, target, self.specification.settling_time)
        self._stacks[axis].drive(target, now)

    def _set_defaults(self) -> None:
        self._echo = True
        self._whole = {"intensity": 15, "dacstep": 1, "cm": 0, "msenable": 0, "msvalue": 0}
        self._settings = {axis: AxisSettings(0.0, float(self._limit)) for axis in AXES}


@dataclass(frozen=True, slots=True)
class Reply:
    """What the driver has to say to a command, in no dialect.

    Attributes:
        text: Lines, each with its CR; a refusal has no CR.
        refused: Whether it refused.
    """

    text: str
    refused: bool = False


def _speak_1_06(reply: Reply) -> str:
    return "!" if reply.refused else "*" + reply.text


def _speak_1_09(reply: Reply) -> str:
    return reply.text + ">"


DIALECTS: Final[dict[str, Callable[[Reply], str]]] = {"1.06": _speak_1_06, "1.09": _speak_1_09}


class Mdt693bSession:
    """One client: cuts its bytes into commands and answers them one after the other."""

    __slots__ = ("_driver", "_free_at", "_lines", "_outbox")

    def __init__(self, driver: SimulatedMdt693b) -> None:
        self._driver = driver
        self._lines = LineBuffer(b"\r", limit=INPUT_BUFFER)
        self._outbox = Outbox()
        self._free_at = -math.inf

    def receive(self, data: bytes, now: float) -> bytes:
        """Take bytes, obey the commands that are complete, and give the answers that are ready."""
        driver = self._driver
        if not driver.powered:
            self._lines.clear()
            self._outbox.clear()
            return b""
        self._lines.put(data)
        for line in iter(self._lines.take, None):
            self._obey(line.decode("latin-1"), now)
        self._lines.overflow()
        return self._outbox.take(now)

    def due(self) -> float | None:
        """Return the lab time in s of the next answer, None if the driver waits for the client."""
        return self._outbox.due()

    def close(self) -> None:
        """Forget this client."""

    def _obey(self, line: str, now: float) -> None:
        echo = f"{line}\r" if self._driver.echo else ""
        answer = echo + self._driver.answer(line, now)
        self._free_at = max(now, self._free_at) + ANSWER_TIME
        self._outbox.put(self._free_at, answer.encode("latin-1"))


def _bracket(voltage: float) -> str:
    return f"[{voltage:6.2f}]\r"


def _known(axis: str) -> str:
    if axis not in AXES:
        raise InstrumentSetupError.choice("axis", axis, AXES)
    return axis
