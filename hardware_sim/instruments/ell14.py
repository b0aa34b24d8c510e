"""A simulated Thorlabs ELL14 rotation mount: its commands, its settings and the plate that it turns.

Source: Thorlabs ELLx modules protocol manual, issues 7 to 10; behaviour on the wire as published clients
(pylablib, elliptec, thorlabs-elliptec) expect it. What the manual did not settle is in `Ell14Specification`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import numpy as np

from hardware_sim.instruments.ell14_motion import DEGREE, Motion, draw_encoder_error, resting
from hardware_sim.instruments.errors import InstrumentSetupError

PULSES = 143_360  # encoder pulses a turn, hex 00023000 (reply to `in`)
WHILE_MOVING = ("in", "gp")  # answered as usual during a motion, all else as busy; free choice
MOTOR_TIMEOUT = 2.5  # s; the motors' own protection against overheating (ELL18K manual, 4.2.5)


class Status(IntEnum):
    """Status codes of the reply ``GS`` that this simulator can cause (manual)."""

    OK = 0x00
    COMMUNICATION_TIMEOUT = 0x01
    MECHANICAL_TIMEOUT = 0x02
    COMMAND_ERROR = 0x03
    VALUE_ERROR = 0x04
    BUSY = 0x09
    OUT_OF_RANGE = 0x0C


@dataclass(frozen=True, slots=True)
class Ell14Specification:
    """What kind of mount it is.

    Attributes:
        year: Year of manufacture, of the reply to ``in``.
        firmware: Firmware release, two hex digits.
        hardware: Hardware release, two hex digits; the top bit says imperial threads.
        speed: At full velocity in turns/s; "360 degrees in about 1 s" (Thorlabs).
        accuracy: Bound of true minus reported angle in turns; 0.4 degree (Thorlabs).
        repeatability: Bound of the slip of one move in turns; 0.1 degree (Thorlabs).
        landing: Largest distance from the target at which a move stops, in pulses, as reported. ASSUMED.
        rest: A move that follows another sooner than this, in s, may go to zero instead (seen by pylablib's
            author).
        hasty_zero: Probability that it does. ASSUMED, 0 leaves the quirk out.
    """

    year: int = 2023
    firmware: str = "17"
    hardware: str = "01"
    speed: float = 1.0
    accuracy: float = 0.4 * DEGREE
    repeatability: float = 0.1 * DEGREE
    landing: int = 4
    rest: float = 0.1
    hasty_zero: float = 0.0


@dataclass(frozen=True, slots=True)
class Memory:
    """Settings of a mount that ``us`` saves over a loss of power.

    Attributes:
        address: On the bus, one hex digit.
        jog_step: In pulses. ASSUMED default: an eighth of a turn.
        home_offset: Of the home position from the index mark in pulses.
        velocity: In percent of the full one.
    """

    address: str
    jog_step: int = PULSES // 8
    home_offset: int = 0
    velocity: int = 100


class Ell14Mount:
    """One rotation mount, with a plate whose true angle the lab world reads.

    Attributes:
        specification: What kind of mount it is.
        serial_number: Eight digits, as replied to ``in``.
        homed: Whether the mount knows its angle: it was homed since it was switched on.
        jammed: Whether something holds the plate: moves then end with a mechanical timeout.
    """

    def __init__(
        self,
        serial_number: str,
        rng: np.random.Generator,
        specification: Ell14Specification | None = None,
    ) -> None:
        """Switch the mount on; the plate stands at a random angle and the mount does not know it.

        Args:
            serial_number: Eight digits.
            rng: Source of the mount's mechanical errors and of where its plate stands.
            specification: What kind of mount it is; an ordinary ELL14 if None.

        Raises:
            InstrumentSetupError: If the serial number is not eight digits.
        """
        if len(serial_number) != 8 or not serial_number.isdecimal():
            raise InstrumentSetupError("serial_number", serial_number, "8 digits", 'write e.g. "11400197"')
        self.specification = specification or Ell14Specification()
        self.serial_number = serial_number
        self.homed = False
        self.jammed = False
        self._rng = rng
        self._error = draw_encoder_error(self.specification.accuracy, rng)
        # One frozen value, replaced as a whole: the lab world reads the angle from another thread.
        self._motion = resting(float(rng.uniform()), self._draw_slip())
        self._zero = self._motion.target
        self._zero_after: float | None = None
        self._moving = False
        self._outcome = self._status = Status.OK
        self._memory = self._saved = Memory("0")
        self._actions: dict[str, Callable[[str, float], str]] = {
            "in": lambda data, now: self._identity(),
            "gs": lambda data, now: self._take_status(),
            "gp": lambda data, now: self._position("PO", self.position(now)),
            "gj": lambda data, now: self._position("GJ", self._memory.jog_step),
            "go": lambda data, now: self._position("HO", self._memory.home_offset),
            "gv": lambda data, now: self._reply(f"GV{self._memory.velocity:02X}"),
            "us": lambda data, now: self._save(),
            "sj": lambda data, now: self._store("jog_step", parse_long(data), 1, PULSES),
            "so": lambda data, now: self._store("home_offset", parse_long(data), 1 - PULSES, PULSES - 1),
            "sv": lambda data, now: self._store("velocity", int(data, 16), 1, 100),
            "ca": lambda data, now: self._change_address(data),
            "ma": lambda data, now: self._move_to(parse_long(data), now),
            "mr": lambda data, now: self._move_by(parse_long(data), now),
            "fw": lambda data, now: self._move_by(self._memory.jog_step, now),
            "bw": lambda data, now: self._move_by(-self._memory.jog_step, now),
            "ho": self._home,
        }

    @property
    def address(self) -> str:
        """Address on the bus, one hex digit."""
        return self._memory.address

    def angle(self, now: float) -> float:
        """Return where the plate truly stands.

        Args:
            now: Lab time in s.

        Returns:
            Angle from the index mark in turns, 0 to 1.
        """
        motion = self._motion
        ideal = motion.angle(now)
        return (ideal + self._error.at(ideal) + motion.slip(now)) % 1.0

    def position(self, now: float) -> int:
        """Return the position that the mount reports at lab time ``now`` (s), in pulses."""
        return round((self._motion.angle(now) - self._zero) * PULSES)

    def due(self) -> float | None:
        """Return the lab time in s at which a motion ends, None at rest."""
        return self._motion.end if self._moving else None

    def finish(self, now: float) -> str:
        """End a motion that is over.

        Args:
            now: Lab time in s.

        Returns:
            The reply that tells its end, empty if none is over.
        """
        if not self._moving or now < self._motion.end:
            return ""
        self._moving = False
        if self._outcome is not Status.OK:
            return self.refuse(self._outcome)
        if self._zero_after is not None:
            self._zero = self._zero_after
            self.homed = True
        position = self.position(now)
        # A plate that turns on and on stays within a turn of zero, so that the position never overflows.
        if abs(position) > PULSES + self.specification.landing:
            self._zero += math.copysign(1.0, position)
        return self._position("PO", self.position(now))

    def obey(self, command: str, data: str, now: float) -> str:
        """Obey one command that the mount knows.

        Args:
            command: Two lower-case letters.
            data: Its data, hex digits of the right number.
            now: Lab time in s.

        Returns:
            The reply with its line end; empty for a move, which `finish` answers.
        """
        if self._moving and command not in WHILE_MOVING:
            return self._reply(f"GS{Status.BUSY:02X}")
        return self._actions[command](data, now)

    def complain(self, status: Status) -> None:
        """Remember an error for the next ``gs`` without a word on the line."""
        self._status = status

    def refuse(self, status: Status) -> str:
        """Return the reply that tells an error, which the next ``gs`` repeats."""
        self._status = status
        return self._reply(f"GS{status:02X}")

    def assign(self, address: str) -> None:
        """Give the mount its address on the bus, as the factory or an earlier user saved it."""
        self._memory = self._saved = replace(self._memory, address=address)

    def lose_power(self, now: float) -> None:
        """Lose power at lab time ``now`` (s): motion, unsaved settings and known angle are lost."""
        self._motion = resting(self._motion.angle(now), self._motion.slip(now))
        self._zero = self._motion.target
        self.homed = self._moving = False
        self._status = Status.OK
        self._memory = self._saved

    def _draw_slip(self) -> float:
        bound = self.specification.repeatability
        return float(self._rng.uniform(-bound, bound))

    def _reply(self, text: str) -> str:
        return f"{self._memory.address}{text}\r\n"

    def _position(self, code: str, pulses: int) -> str:
        return self._reply(f"{code}{pulses & 0xFFFF_FFFF:08X}")

    def _identity(self) -> str:
        kind = self.specification
        return self._reply(
            f"IN0E{self.serial_number}{kind.year:04d}{kind.firmware}{kind.hardware}{360:04X}{PULSES:08X}"
        )

    def _take_status(self) -> str:
        status, self._status = self._status, Status.OK
        return self._reply(f"GS{status:02X}")

    def _save(self) -> str:
        self._saved = self._memory
        return self._reply(f"GS{Status.OK:02X}")

    def _store(self, name: str, value: int, lowest: int, highest: int) -> str:
        if not lowest <= value <= highest:
            return self.refuse(Status.VALUE_ERROR)
        changes: dict[str, Any] = {name: value}
        self._memory = replace(self._memory, **changes)
        return self._reply(f"GS{Status.OK:02X}")

    def _change_address(self, address: str) -> str:
        self._memory = replace(self._memory, address=address)
        return self._reply(f"GS{Status.OK:02X}")

    def _move_by(self, pulses: int, now: float) -> str:
        if abs(pulses) > PULSES:
            return self.refuse(Status.OUT_OF_RANGE)
        return self._start(self._motion.angle(now) + pulses / PULSES, now)

    def _move_to(self, pulses: int, now: float) -> str:
        if abs(pulses) > PULSES:
            return self.refuse(Status.OUT_OF_RANGE)
        hasty = now - self._motion.end < self.specification.rest
        if hasty and self._rng.uniform() < self.specification.hasty_zero:
            pulses = 0
        return self._start(self._zero + pulses / PULSES, now)

    def _home(self, direction: str, now: float) -> str:
        if direction not in "01":
            return self.refuse(Status.VALUE_ERROR)
        zero = self._memory.home_offset / PULSES
        present = self._motion.angle(now)
        turns = math.floor(present - zero) if direction == "0" else math.ceil(present - zero)
        return self._start(zero + turns, now, zero_after=zero + turns)

    def _start(self, target: float, now: float, zero_after: float | None = None) -> str:
        present = self._motion
        angle, slip = present.angle(now), present.slip(now)
        self._moving, self._zero_after = True, zero_after
        if self.jammed:
            self._outcome = Status.MECHANICAL_TIMEOUT
            self._motion = Motion(now, now + MOTOR_TIMEOUT, angle, angle, slip, slip)
            return ""
        landing = self.specification.landing
        target += int(self._rng.integers(-landing, landing, endpoint=True)) / PULSES
        speed = self.specification.speed * self._memory.velocity / 100.0
        self._outcome = Status.OK
        self._motion = Motion(now, now + abs(target - angle) / speed, angle, target, slip, self._draw_slip())
        return ""


def parse_long(data: str) -> int:
    """Read eight hex digits as a signed number of 32 bits.

    Example:
        >>> parse_long("00004600"), parse_long("FFFFFFFF")
        (17920, -1)
    """
    value = int(data, 16)
    return value - (1 << 32) if value >> 31 else value
