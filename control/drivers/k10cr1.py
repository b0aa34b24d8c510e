"""Thorlabs K10CR1 motorised rotation mount: wave plates of the state preparation.

A stepper motor behind a worm gear, on a USB serial adapter at 115200 baud with hardware flow control, which
needs RTS raised and dropped before it listens; the language is APT (`control.protocols.apt`).

The mount counts steps and has no encoder: without power it forgets where it is, and says so by a status bit.
So it refuses angles until `K10cr1.home` has been called. When it was homed and then lost its power, it is
sent home and turned back by itself as soon as that is noticed: a wave plate harms nothing.
Angles are turns: 22.5 degrees are 0.0625.

Never let a move and another program's move overlap: the line is opened for one program alone.

Source:
    Thorlabs APT Communications Protocol, issue 25; scale and RTS from pylablib and QMI.
"""

from __future__ import annotations

import struct
from typing import ClassVar

from control.device import Device, Identity
from control.device.happenings import Severity
from control.device.settings import Evidence, Setting, Value
from control.errors import BadReply, NotReady, Refused
from control.protocols.apt import (
    HEAD_SIZE,
    MOVING,
    Code,
    Message,
    Status,
    decode_head,
    encode_long,
    encode_short,
)
from control.transport import Deadline, LineSettings

CHANNEL = 1
STEPS_PER_TURN = 49_152_000  # 409600/3 a degree; as an integer a degree it would be off by 0.9 mdeg a turn
VELOCITY_PER_TURN = 7_329_109 * 360  # units of the controller for one turn a second
ACCELERATION_PER_TURN = 1502 * 360  # units of the controller for one turn a second, each second

HOME_SECONDS = 120.0  # a turn at the slow homing velocity, 36 s at 10 deg/s

ANGLE = Setting(
    "angle",
    unit="turn",
    doc="where the mount stands, counted from its home position",
    low=0.0,
    high=1.0,
    tolerance=0.01 / 360.0,  # it counts commanded steps; a difference means that it was stopped
    period=1.0,
    deadline=10.0,  # beside the time that the way takes
    key=True,
    evidence=Evidence.CLIENT,
    restore=True,
)
VELOCITY = Setting(
    "velocity",
    unit="turn/s",
    doc="of a move; the acceleration stays as it is",
    low=0.5 / 360.0,  # slower, a turn would take more than 12 minutes
    high=10.0 / 360.0,
    tolerance=1e-6,  # one unit of the controller is 4e-10
    evidence=Evidence.CLIENT,
    restore=True,
)
ENABLED = Setting(
    "enabled",
    unit="",
    doc="motor current on or off",
    switch=True,
    evidence=Evidence.CLIENT,
    restore=True,
)

FAILURES = {
    Status.MOTION_ERROR: "motion error",
    Status.OVERLOAD: "motor overload",
    Status.CURRENT_LIMIT: "current limit",
}
UNHOMED = "it has not been homed since it was switched on"

_INFO = struct.Struct(
    "<I8sH4s60sHHH"
)  # serial, model, type, firmware, notes, hardware, modification, channels
_POSITION = struct.Struct("<Hi")  # channel, steps
_STATUS = struct.Struct("<HI")  # channel, bits
_VELOCITY = struct.Struct("<Hiii")  # channel, lowest velocity, acceleration, velocity
_COMPLAINT = struct.Struct("<HH64s")  # number of the message it is about, code, text


class K10cr1(Device):
    """One K10CR1 rotation mount; the arguments are those of `Device`."""

    SETTINGS: ClassVar[tuple[Setting, ...]] = (ANGLE, VELOCITY, ENABLED)
    MODELS: ClassVar[tuple[str, ...]] = ("K10CR1",)
    LINE: ClassVar[LineSettings] = LineSettings(baud=115_200, hardware_flow=True, toggle_rts=True, quiet=0.1)
    ACTIONS: ClassVar[tuple[str, ...]] = ("home", "blink")
    RESTARTED: ClassVar[str] = "it was switched off and on again and has lost its position"

    _homed: bool = False  # whether it was when last looked at

    def home(self) -> float:
        """Search the home position; from then on angles have a meaning.

        Returns:
            The angle where it stands then, in turns.

        Raises:
            Refused: the motor reports an error.
            LinkError: no answer.
        """
        with self._transaction():
            self._search_home()
            self.acknowledge()
            return self._angle()

    def blink(self) -> None:
        """Flash the light on the mount, to see which one this is."""
        with self._transaction():
            self._send(encode_short(Code.IDENTIFY))

    def _require_ready(self, setting: Setting) -> None:
        if setting.name != ANGLE.name:
            return
        # A power cycle can hide behind a line that stayed up: its adapter is fed by the computer.
        self._check()
        self._require_zero()

    def _require_zero(self) -> None:
        """Refuse angles while they have no meaning."""
        if self.trouble or not self._homed:
            raise NotReady(
                action="turn to an angle", reason=self.trouble or UNHOMED, advice="Call home() first."
            )

    def _greet(self, *, first: bool) -> None:
        if first:
            self._homed = Status.HOMED in self._status()
            if not self._homed:
                self._degrade(UNHOMED)

    def _settle(self) -> None:
        if self._status() & MOVING:
            request = encode_short(Code.MOVE_STOP, CHANNEL, 2)  # 2: with the usual deceleration
            self._ask(request, Code.MOVE_STOPPED, Code.MOVE_COMPLETED)

    def _has_restarted(self) -> bool | None:
        # That it was homed is what it forgets; one that never was has nothing to tell by.
        return Status.HOMED not in self._status() if self._homed else None

    def _reinstate(self) -> None:
        # Asked again: a byte may have been harmed on the way, and the mount is not sent home for that.
        if self._restarted and Status.HOMED not in self._status():
            self._search_home()

    def _identify(self) -> Identity:
        if self._opening != self._link.openings:
            self._hush()
        request = encode_short(Code.HW_REQ_INFO)
        message = self._ask(request, Code.HW_GET_INFO, size=_INFO.size)
        serial, model, _, firmware, *_ = _INFO.unpack(message.data)
        name = model.split(b"\0")[0]
        if not name.isascii():
            raise self._bad_reply(request, message.data, "an identity with the name of a model")
        minor, interim, major = firmware[:3]
        return Identity("Thorlabs", name.decode().strip(), str(serial), f"{major}.{interim}.{minor}")

    def _check(self) -> None:
        if self._homed or self._restarted:
            self._look_for_restart()
        else:
            self._homed = Status.HOMED in self._status()

    def _read(self, setting: Setting) -> Value:
        if setting.name == ANGLE.name:
            return self._angle()
        if setting.name == VELOCITY.name:
            return float(self._motion()[2]) / VELOCITY_PER_TURN
        return Status.ENABLED in self._status()

    def _write(self, setting: Setting, value: Value) -> None:
        if setting.name == ANGLE.name:
            self._require_zero()
            self._turn(round(float(value) * STEPS_PER_TURN))
        elif setting.name == VELOCITY.name:
            # Written again with the velocity: a byte that was harmed on the way must not change them.
            lowest, acceleration, _ = self._surely(self._motion)
            units = round(float(value) * VELOCITY_PER_TURN)
            self._send(encode_long(Code.SET_VELOCITY, _VELOCITY.pack(CHANNEL, lowest, acceleration, units)))
        else:
            self._send(encode_short(Code.SET_ENABLED, CHANNEL, 1 if value else 2))

    def _hush(self) -> None:
        """Stop the reports that another program may have asked for, and let pass what is on its way."""
        self._send(encode_short(Code.HW_STOP_UPDATE))
        self._link.receive_until_quiet(self.LINE.quiet, Deadline.after(self.ANSWER_SECONDS))

    def _turn(self, steps: int) -> None:
        """Go to a position and wait until the mount stands."""
        seconds = self.setting(ANGLE.name).deadline + self._way_seconds(steps)
        request = encode_long(Code.MOVE_ABSOLUTE, _POSITION.pack(CHANNEL, steps))
        # Stopped by its own buttons it says so; that it is not where it should be is then found by reading.
        self._ask(request, Code.MOVE_COMPLETED, Code.MOVE_STOPPED, seconds=seconds)
        self._accept_status(request, self._status())

    def _way_seconds(self, steps: int) -> float:
        """Return how long the way to a position should take, s."""
        _, acceleration, units = self._motion()
        if acceleration <= 0 or units <= 0:
            raise NotReady(
                action="turn to an angle",
                reason="its velocity or acceleration is zero",
                advice="Set a velocity first.",
            )
        velocity = units / VELOCITY_PER_TURN
        way = abs(steps / STEPS_PER_TURN - self._angle())
        return way / velocity + velocity / (acceleration / ACCELERATION_PER_TURN)

    def _search_home(self) -> None:
        request = encode_short(Code.MOVE_HOME, CHANNEL)
        self._homed = False
        self._ask(request, Code.MOVE_HOMED, Code.MOVE_STOPPED, seconds=HOME_SECONDS)
        status = self._status()
        self._accept_status(request, status)
        if Status.HOMED not in status:
            raise self._refused(request, status, "stopped before it found its home position")
        self._homed = True

    def _accept_status(self, request: bytes, status: Status) -> None:
        """Go on unless the motor reports a failure, after which it may stand anywhere."""
        failures = ", ".join(text for bit, text in FAILURES.items() if bit in status)
        if failures:
            self._degrade(f"its position is lost after {failures}")
            raise self._refused(request, status, failures)

    def _refused(self, request: bytes, code: int, text: str) -> Refused:
        advice = "Does something block the mount? Free it, then call home()."
        return Refused(command=request.hex(" "), code=code, text=text, advice=advice)

    def _angle(self) -> float:
        message = self._ask(encode_short(Code.REQ_POSITION, CHANNEL), Code.GET_POSITION, size=_POSITION.size)
        steps: int = _POSITION.unpack(message.data)[1]
        return steps / STEPS_PER_TURN

    def _motion(self) -> tuple[int, int, int]:
        """Return lowest velocity, acceleration and velocity of a move, in the controller's units."""
        message = self._ask(encode_short(Code.REQ_VELOCITY, CHANNEL), Code.GET_VELOCITY, size=_VELOCITY.size)
        _, lowest, acceleration, velocity = _VELOCITY.unpack(message.data)
        return lowest, acceleration, velocity

    def _status(self) -> Status:
        message = self._ask(
            encode_short(Code.REQ_STATUS_BITS, CHANNEL), Code.GET_STATUS_BITS, size=_STATUS.size
        )
        return Status(_STATUS.unpack(message.data)[1])

    def _send(self, request: bytes) -> None:
        self._link.send(request, Deadline.after(self.ANSWER_SECONDS))

    def _ask(
        self, request: bytes, *answers: Code, size: int | None = None, seconds: float | None = None
    ) -> Message:
        """Return the answer to a request; what else the mount says meanwhile is taken down or passed by.

        Args:
            request: the bytes to send.
            answers: numbers of the messages that answer it.
            size: bytes of data that the answer must have.
            seconds: how long it may take, where that is more than the usual time.
        """
        deadline = Deadline.after(seconds or self.ANSWER_SECONDS)
        self._link.send(request, deadline)
        while True:
            message = self._receive(request, deadline)
            if message.code in answers:
                if size is not None and len(message.data) != size:
                    raise self._bad_reply(request, message.data, f"{size} bytes of data")
                return message
            if message.code == Code.HW_RICH_RESPONSE:
                self._take_down_complaint(request, message.data)

    def _receive(self, request: bytes, deadline: Deadline) -> Message:
        start = self._link.receive_exactly(HEAD_SIZE, deadline)
        head = decode_head(start)
        if head is None:
            raise self._bad_reply(request, start, "the head of a message from the mount")
        return Message(head.code, self._link.receive_exactly(head.length, deadline))

    def _take_down_complaint(self, request: bytes, data: bytes) -> None:
        """Hand on what the mount says about a request of ours; other complaints go to the logbook."""
        if len(data) != _COMPLAINT.size:
            raise self._bad_reply(request, data, f"{_COMPLAINT.size} bytes of a complaint")
        cause, code, said = _COMPLAINT.unpack(data)
        text = said.split(b"\0")[0].decode("ascii", "replace")
        if cause == int.from_bytes(request[:2], "little"):
            raise self._refused(request, code, text)
        self.logbook.add(Severity.WARNING, f"it said unasked, with code {code}: {text}")

    def _bad_reply(self, request: bytes, reply: bytes, expected: str) -> BadReply:
        return BadReply(tried=f"send {request.hex(' ')}", reply=reply, expected=expected)
