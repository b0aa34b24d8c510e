"""A simulated Thorlabs K10CR1, the motorized mount of a wave plate.

A stepper motor turns the plate through a worm gear. Nothing measures where the plate is: the mount counts
steps from where it was switched on, or from its home position once it was homed. The message that a move is
over comes when it is, between the answers to other questions.

Source: Thorlabs APT Controllers Host-Controller Communications Protocol, issue 25; messages and scale factors
as published clients (pylablib, oxart) use them. What these did not settle is in `K10cr1Specification`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from hardware_sim.instruments.apt_messages import AptMessage, AptReader
from hardware_sim.instruments.ell14_motion import DEGREE, draw_encoder_error
from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.k10cr1_motion import move, resting, run, stop
from hardware_sim.instruments.shared_line import SharedLine

STEPS: Final = 49_152_000  # a turn: 409600/3 a degree (pylablib)
SPEED_UNIT: Final = DEGREE / 7_329_109  # turns/s
ACCELERATION_UNIT: Final = DEGREE / 1_502  # turns/s²
UNIT, COMPUTER = 0x50, 0x01  # addresses of a USB unit and of the computer
CHANNEL: Final = 1
STEPPER_TYPE: Final = 16  # kind of hardware in HW_GET_INFO
UPDATE_PERIOD: Final = 0.1  # s between update messages (protocol, HW_START_UPDATEMSGS)
UPDATES_UNTIL_DEAF: Final = 50  # update messages without acknowledgement (protocol, MOT_ACK_DCSTATUSUPDATE)

STALL_CODE: Final = 1  # of HW_RICHRESPONSE; ASSUMED

# Status bits (protocol, MOT_GET_STATUSBITS).
FORWARD, BACKWARD, JOG_FORWARD, JOG_BACKWARD = 1 << 4, 1 << 5, 1 << 6, 1 << 7
HOMING, HOMED, MOTION_ERROR, OVERLOAD, ENABLED = 1 << 9, 1 << 10, 1 << 14, 1 << 24, 1 << 31

# Sets of parameters: identifier of SET, layout after the channel, values at power-on (ASSUMED). The next two
# identifiers are those of REQ and GET.
VELOCITY, JOG, LIMITS, POWER = 0x0413, 0x0416, 0x0423, 0x0426
BACKLASH, HOME, RELATIVE, ABSOLUTE = 0x043A, 0x0440, 0x0445, 0x0450
PARAMETERS: Final[dict[int, tuple[str, tuple[int, ...]]]] = {
    VELOCITY: ("iii", (0, 15_020, 73_291_090)),  # least speed, acceleration, speed: 10 deg/s², 10 deg/s
    JOG: ("HiiiiH", (2, 682_667, 0, 15_020, 73_291_090, 2)),  # single steps of 5 degrees, profiled stop
    LIMITS: ("HHiiH", (4, 1, 0, 0, 1)),
    POWER: ("HH", (30, 50)),  # current at rest and in motion, %
    BACKLASH: ("i", (136_533,)),  # 1 degree
    HOME: ("HHii", (2, 1, 36_645_545, 546_133)),  # backward, to its switch, 5 deg/s, 4 degrees back from it
    RELATIVE: ("i", (0,)),
    ABSOLUTE: ("i", (0,)),
}


@dataclass(frozen=True, slots=True)
class K10cr1Specification:
    """One mount as it was delivered.

    Attributes:
        serial_number: Begins with 55.
        firmware: Major, interim and minor number.
        fastest: In turns/s; 10 degrees/s (Thorlabs).
        briskest: Largest acceleration in turns/s²; 20 degrees/s² (Thorlabs).
        accuracy: Bound of true minus ideal angle in turns, once a turn and twice. ASSUMED: 0.14 degree.
        repeatability: Bound of the home position's scatter in turns. ASSUMED: 60 µrad.
        boot_time: From power-on to the first answer in s. ASSUMED.
        silence: Time without bytes after which an incomplete message is dropped, in s. ASSUMED.
    """

    serial_number: int = 55_000_197
    firmware: tuple[int, int, int] = (1, 0, 4)
    fastest: float = 10.0 * DEGREE
    briskest: float = 20.0 * DEGREE
    accuracy: float = 0.14 * DEGREE
    repeatability: float = 60e-6 / (2.0 * math.pi)
    boot_time: float = 2.0
    silence: float = 0.05


class SimulatedK10cr1(SharedLine):
    """One mount with a plate whose true angle the lab world reads; serve it with `serve_pty` or `serve_tcp`.

    Attributes:
        specification: What kind of mount it is.
        homed: Whether its counter tells the angle from the home position.

    Example:
        >>> import numpy as np
        >>> mount = SimulatedK10cr1(np.random.default_rng(1))
        >>> mount.connect().receive(bytes.fromhex("11 04 01 00 50 01"), now=0.0).hex(" ")
        '12 04 06 00 81 50 01 00 00 00 00 00'
    """

    KNOBS: ClassVar[tuple[str, ...]] = ("jog",)
    """The buttons on the mount turn it by an angle in turns."""
    FAULTS: ClassVar[tuple[str, ...]] = ("motor stall", "lost steps")
    """The present or the next motion ends with an error; the plate is turned by up to 2 degrees, and the
    mount does not notice until it is homed."""
    loses_link = True  # the USB interface is fed by the mount

    def __init__(self, rng: np.random.Generator, specification: K10cr1Specification | None = None) -> None:
        """Switch the mount on; the plate stands at a random angle and the mount does not know it.

        Args:
            rng: Source of the mount's mechanical errors and of where its plate stands.
            specification: What kind of mount it is; an ordinary one if None.
        """
        self.specification = specification or K10cr1Specification()
        super().__init__(self.specification.boot_time)
        self._rng = rng
        self._error = draw_encoder_error(self.specification.accuracy, rng)
        self._reader = AptReader(self.specification.silence)
        # One frozen value, replaced as a whole: the lab world reads the angle from another thread.
        self._travel = resting(float(rng.uniform()))
        self._wake_up()
        self._actions: dict[int, Callable[[AptMessage, float], list[AptMessage]]] = {
            0x0002: lambda message, now: [],
            0x0005: lambda message, now: [self._information()],
            0x0011: self._start_updates,
            0x0012: self._stop_updates,
            0x0210: self._enable,
            0x0211: lambda message, now: [AptMessage(0x0212, CHANNEL, 1 if self._enabled else 2)],
            0x0223: lambda message, now: [],
            0x0410: self._set_counter,
            0x0411: lambda message, now: [self._long(0x0412, "i", self._counter(now))],
            0x0429: lambda message, now: [self._long(0x042A, "I", self._status(now))],
            0x0443: self._home,
            0x0448: self._move_by,
            0x0453: self._move_to,
            0x0457: self._run,
            0x0465: self._stop,
            0x046A: self._jog,
            0x0490: lambda message, now: [self._report(0x0491, now)],
            0x0492: self._acknowledge,
        }
        for identifier in PARAMETERS:
            self._actions[identifier] = self._set_parameters
            self._actions[identifier + 1] = self._get_parameters

    def angle(self, now: float) -> float:
        """Return where the plate truly stands.

        Args:
            now: Lab time in s.

        Returns:
            Angle from the home position of the factory in turns, 0 to 1.
        """
        ideal = self._travel.angle(now) - PARAMETERS[HOME][1][3] / STEPS
        return (ideal + self._error.at(ideal)) % 1.0

    def switch_off(self, now: float) -> None:
        """Cut the power at lab time ``now`` (s); the plate stops where it is."""
        super().switch_off(now)
        self._travel = resting(self._travel.angle(now))
        self._reader.restart()

    def switch_on(self, now: float) -> None:
        """Finish booting at lab time ``now`` (s); the mount has forgotten where it is."""
        super().switch_on(now)
        self._wake_up()

    def due(self) -> float | None:
        """Return the lab time in s at which a motion ends or the next update comes, None if nothing will."""
        times = [] if self._ending is None or math.isinf(self._travel.end) else [self._travel.end]
        if self._next_update is not None and self._unacknowledged < UPDATES_UNTIL_DEAF:
            times.append(self._next_update)
        return min(times, default=None)

    def _turn(self, knob: str, value: float | bool | str, now: float) -> None:
        if not isinstance(value, int | float):
            raise InstrumentSetupError(knob, value, "an angle in turns", "give a number")
        if self.powered:
            self.take(b"", now)
            self._go([self._travel.target + value], now, None, JOG_FORWARD if value > 0 else JOG_BACKWARD)

    def _suffer(self, fault: str, now: float) -> None:
        if fault == "lost steps":
            slip = float(self._rng.uniform(0.2, 2.0)) * DEGREE
            self._travel = self._travel.shifted(-slip)
            self._zero -= slip
        elif self._ending is not None:
            self._stall(now)
        else:
            self._stalls = True

    def _wake_up(self) -> None:
        """Start as after power-on: what was set is forgotten, and the counter is zero here."""
        self.homed = False
        self._zero = self._travel.target
        self._enabled = True
        self._parameters = {identifier: values for identifier, (_, values) in PARAMETERS.items()}
        self._ending: int | None = None  # identifier of the message that tells the end of the motion
        self._kind = 0  # status bits of this kind of motion
        self._failure = 0
        self._stalls = False
        self._next_update: float | None = None
        self._unacknowledged = 0

    def _converse(self, data: bytes, now: float) -> bytes:
        said = self._finish(now)
        for message in self._reader.feed(data, now):
            said += self._obey(message, now)
            said += self._finish(now)
        if self._next_update is not None and now >= self._next_update:
            self._next_update = now + UPDATE_PERIOD
            if self._unacknowledged < UPDATES_UNTIL_DEAF:
                self._unacknowledged += 1
                said.append(self._report(0x0491, now))
        return b"".join(message.encode(COMPUTER, UNIT) for message in said)

    def _obey(self, message: AptMessage, now: float) -> list[AptMessage]:
        action = self._actions.get(message.identifier)
        if message.destination != UNIT or action is None:
            self.complaints.append(f"message {message.identifier:#06x} to {message.destination:#04x}")
            return []  # as the real one, it says nothing
        try:
            return action(message, now)
        except struct.error:
            self.complaints.append(f"message {message.identifier:#06x} has the wrong length")
            return []

    def _finish(self, now: float) -> list[AptMessage]:
        """End a motion that is over."""
        if self._ending is None or now < self._travel.end:
            return []
        ending, self._ending, self._kind = self._ending, None, 0
        if ending == 0x0444:
            self._zero, self.homed = self._travel.target, True
            return [AptMessage(0x0444, CHANNEL)]
        said = [self._report(ending, now)] if ending else []
        if self._failure:
            text = struct.pack("<HH64s", 0, STALL_CODE, b"Motor stalled")
            said.insert(0, AptMessage(0x0081, data=text))
        return said

    def _counter(self, now: float) -> int:
        steps = round((self._travel.angle(now) - self._zero) * STEPS)
        return (steps + (1 << 31)) % (1 << 32) - (1 << 31)  # a 32-bit counter runs over

    def _status(self, now: float) -> int:
        speed = self._travel.speed(now)
        moving = 0 if speed == 0.0 else FORWARD if speed > 0.0 else BACKWARD
        flags = moving | self._kind | self._failure
        return flags | (HOMED if self.homed else 0) | (ENABLED if self._enabled else 0)

    def _report(self, identifier: int, now: float) -> AptMessage:
        return self._long(identifier, "iHHI", self._counter(now), 0, 0, self._status(now))

    def _long(self, identifier: int, layout: str, *values: int) -> AptMessage:
        return AptMessage(identifier, data=struct.pack(f"<H{layout}", CHANNEL, *values))

    def _information(self) -> AptMessage:
        kind = self.specification
        major, interim, minor = kind.firmware
        return AptMessage(
            0x0006,
            data=struct.pack(
                "<I8sH4B60s3H",
                kind.serial_number,
                b"K10CR1",
                STEPPER_TYPE,
                minor,
                interim,
                major,
                0,
                b"Cage rotator",
                1,
                0,
                1,
            ),
        )

    def _start_updates(self, message: AptMessage, now: float) -> list[AptMessage]:
        self._next_update, self._unacknowledged = now + UPDATE_PERIOD, 0
        return []

    def _stop_updates(self, message: AptMessage, now: float) -> list[AptMessage]:
        self._next_update = None
        return []

    def _acknowledge(self, message: AptMessage, now: float) -> list[AptMessage]:
        self._unacknowledged = 0
        return []

    def _enable(self, message: AptMessage, now: float) -> list[AptMessage]:
        if message.first == CHANNEL and message.second in (1, 2):
            self._enabled = message.second == 1
        return []

    def _values(self, message: AptMessage, layout: str) -> tuple[int, ...] | None:
        """Return what a message with data holds after the channel; None if it is for another channel."""
        channel, *values = struct.unpack(f"<H{layout}", message.data or b"")
        return tuple(values) if channel == CHANNEL else None

    def _set_counter(self, message: AptMessage, now: float) -> list[AptMessage]:
        values = self._values(message, "i")
        if values is not None:
            self._zero = self._travel.angle(now) - values[0] / STEPS
        return []

    def _set_parameters(self, message: AptMessage, now: float) -> list[AptMessage]:
        values = self._values(message, PARAMETERS[message.identifier][0])
        if values is not None:
            self._parameters[message.identifier] = values
        return []

    def _get_parameters(self, message: AptMessage, now: float) -> list[AptMessage]:
        identifier = message.identifier - 1
        if message.first != CHANNEL:
            return []
        return [self._long(identifier + 2, PARAMETERS[identifier][0], *self._parameters[identifier])]

    def _home(self, message: AptMessage, now: float) -> list[AptMessage]:
        direction, _, speed, offset = self._parameters[HOME]
        scatter = float(self._rng.uniform(-1.0, 1.0)) * self.specification.repeatability
        present = self._travel.angle(now)
        mark = (math.ceil(present) if direction == 1 else math.floor(present)) + scatter
        self.homed = False
        return self._go([mark, mark + offset / STEPS], now, 0x0444, HOMING, speed)

    def _move_to(self, message: AptMessage, now: float) -> list[AptMessage]:
        values = self._parameters[ABSOLUTE] if message.data is None else self._values(message, "i")
        return [] if values is None else self._approach(self._zero + values[0] / STEPS, now)

    def _move_by(self, message: AptMessage, now: float) -> list[AptMessage]:
        values = self._parameters[RELATIVE] if message.data is None else self._values(message, "i")
        return [] if values is None else self._approach(self._travel.angle(now) + values[0] / STEPS, now)

    def _jog(self, message: AptMessage, now: float) -> list[AptMessage]:
        _, step, _, _, speed, _ = self._parameters[JOG]
        sign = 1 if message.second == 1 else -1
        target = self._travel.angle(now) + sign * step / STEPS
        return self._go([target], now, 0x0464, JOG_FORWARD if sign > 0 else JOG_BACKWARD, speed)

    def _approach(self, target: float, now: float) -> list[AptMessage]:
        """Move to an angle, always from the same side, so that the play of the gear does not count."""
        backlash = self._parameters[BACKLASH][0] / STEPS
        turns_back = (target - self._travel.angle(now)) * backlash < 0.0
        return self._go([target - backlash, target] if turns_back else [target], now, 0x0464, 0)

    def _go(
        self, targets: list[float], now: float, ending: int | None, kind: int, speed: int | None = None
    ) -> list[AptMessage]:
        """Start a motion.

        Args:
            targets: Angles to go to, one after the other, in turns.
            now: Lab time in s.
            ending: Identifier of the message that tells its end, None for one that nobody is told of.
            kind: Its status bits.
            speed: As messages have it; that of ordinary moves if None.
        """
        if not self._enabled:
            self.complaints.append("motion of a channel that is not enabled")
            return []
        fastest, acceleration = self._pace(self._parameters[VELOCITY][2] if speed is None else speed)
        self._travel = move(self._travel, now, targets, fastest, acceleration)
        self._ending, self._kind, self._failure = ending or 0, kind, 0
        return self._stall(now) if self._stalls else []

    def _run(self, message: AptMessage, now: float) -> list[AptMessage]:
        if self._enabled:
            speed, acceleration = self._pace(self._parameters[VELOCITY][2])
            self._travel = run(self._travel, now, speed if message.second == 1 else -speed, acceleration)
            self._ending, self._kind, self._failure = 0, 0, 0
        return []

    def _pace(self, speed: int) -> tuple[float, float]:
        """Return speed (turns/s) and acceleration (turns/s²) of the next motion, as the motor can."""
        kind = self.specification
        acceleration = self._parameters[VELOCITY][1] * ACCELERATION_UNIT
        least = SPEED_UNIT, ACCELERATION_UNIT
        return (
            min(max(speed * SPEED_UNIT, least[0]), kind.fastest),
            min(max(acceleration, least[1]), kind.briskest),
        )

    def _stop(self, message: AptMessage, now: float) -> list[AptMessage]:
        self.homed = self.homed and self._ending != 0x0444
        if message.second == 1:
            self._travel = resting(self._travel.angle(now))
        else:
            self._travel = stop(self._travel, now, self._pace(0)[1])
        self._ending, self._kind = 0x0466, 0
        return []

    def _stall(self, now: float) -> list[AptMessage]:
        """End a motion that something holds up."""
        self._travel = resting(self._travel.angle(now))
        self._ending, self._kind, self._stalls = 0x0466, 0, False
        self._failure = MOTION_ERROR | OVERLOAD
        return []
