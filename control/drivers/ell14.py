"""Thorlabs ELL14 rotation mount: wave plates of the polarisation analysis.

Up to sixteen mounts share one serial line, 9600 baud, each with a hexadecimal address. A command is the
address, two lower-case letters and data, without terminator; an answer is the address, two upper-case letters
and data, ended by CR LF. Positions are encoder pulses, 32-bit two's complement in upper-case hexadecimal.

The mount does not know where it is after power-up, and nothing tells whether it was homed since. So the
device is degraded, and refuses angles, until `Ell14.home` has been called; who knows that the mount has kept
its power calls `Device.acknowledge` instead. Angles are turns: 22.5 degrees are 0.0625.

Source:
    Thorlabs ELLx modules protocol manual, issue 10; the pause between moves from pylablib's driver.
"""

from __future__ import annotations

import re
from functools import partial
from typing import ClassVar, Unpack

from control.device import Identity
from control.device.patience import PatientDevice, PatientOptions
from control.device.readings import Judged, Quality
from control.device.settings import Evidence, Setting, Value
from control.errors import BadReply, ConfigError, NotReady, ReadBackError, Refused
from control.transport import Deadline, LineSettings, Link

STATUS = {
    0x0: "ok",
    0x1: "communication time-out",
    0x2: "mechanical time-out",
    0x3: "command error or not supported",
    0x4: "value out of range",
    0x5: "module isolated",
    0x6: "module out of isolation",
    0x7: "initialising error",
    0x8: "thermal error",
    0x9: "busy",
    0xA: "sensor error",
    0xB: "motor error",
    0xC: "out of range",
    0xD: "over-current",
}
BUSY = 0x9
LOST = frozenset({0x2, 0x7, 0xA, 0xB, 0xD})  # after these it may stand anywhere
ADVICE = {
    0x2: "Does something block the mount? Free it, then call home().",
    0x8: "Let the motor cool down.",
    BUSY: "It is still moving: try again when it stands.",
}
LOST_ADVICE = "It may stand anywhere: call home() before the next angle."

ANGLE = Setting(
    "angle",
    unit="turn",
    doc="where the mount stands, counted from its home position",
    low=0.0,
    high=1.0,
    tolerance=0.4 / 360.0,  # accuracy of the encoder, +-0.4 degrees
    key=True,
    evidence=Evidence.TRIED,
    restore=True,
    period=1.0,
    deadline=10.0,  # a turn takes 1 s at full velocity
)
VELOCITY = Setting(
    "velocity",
    unit="",
    doc="of full velocity; slow mounts may stall",
    low=0.2,  # slower, a turn would take more than half of the time that a move may take
    high=1.0,
    tolerance=0.005,  # it counts in per cent
    evidence=Evidence.TRIED,
    restore=True,
)

STRAYED = "it stands elsewhere than it was left: it was without power, or turned by hand"
PAUSE_SECONDS = 0.1  # a move that follows another sooner may end at zero

_MESSAGE = re.compile(rb"([0-9A-F])([A-Z]{2})([0-9A-Z]*)")
_IDENTITY = re.compile(
    r"(?P<model>[0-9A-F]{2})(?P<serial>[0-9A-Z]{8})(?P<year>[0-9]{4})(?P<firmware>[0-9A-F]{2})"
    r"(?P<hardware>[0-9A-F]{2})(?P<travel>[0-9A-F]{4})(?P<pulses>[0-9A-F]{8})"
)
_UNASKED = frozenset({"BS", "BO"})  # somebody pressed or released the button on the mount


class Ell14(PatientDevice):
    """One ELL14 rotation mount.

    The lock on the line is held until a move has ended: mounts on one line move one after the other.

    Args:
        name: as for `Device`.
        link: as for `Device`; shared by all mounts on the line.
        options: as for `PatientDevice`; the address is "0" to "F", mounts leave the factory with "0".

    Raises:
        ConfigError: an address that no mount can have.
    """

    SETTINGS: ClassVar[tuple[Setting, ...]] = (ANGLE, VELOCITY)
    MODELS: ClassVar[tuple[str, ...]] = ("ELL14",)
    LINE: ClassVar[LineSettings] = LineSettings(baud=9600)
    ON_BUS: ClassVar[bool] = True
    ACTIONS: ClassVar[tuple[str, ...]] = ("home",)
    TELLS_HOMED: ClassVar[bool] = False

    def __init__(self, name: str, link: Link, **options: Unpack[PatientOptions]) -> None:
        given = options.get("address")
        address = "0" if given is None else given
        if not re.fullmatch("[0-9A-F]", address.upper()):
            raise ConfigError(
                (f"{name}: {address!r} is not the address of an ELL14. Give one of 0 to 9, A to F.",)
            )
        options["address"] = self._bus_address = address.upper()
        super().__init__(name, link, **options)
        self._moved_at: float | None = None
        self._homed = False
        self._left_at: float | None = None  # the angle where it was first seen after its last move
        self._strayed = False
        self._pulses_per_turn = 0

    def home(self, *, clockwise: bool = True) -> float:
        """Search the home position; from then on angles have a meaning.

        Args:
            clockwise: which way to turn.

        Returns:
            The angle where it stands then, in turns.

        Raises:
            Refused: the mount reports an error.
            ReadBackError: it does not stand at its home position.
            LinkError: no answer.
        """
        with self._transaction():
            return self._search_home("ho0" if clockwise else "ho1")

    def move_absolute(self, angle: float) -> float:
        """Turn to an angle and wait until the mount stands; short for `set("angle", angle)`.

        Args:
            angle: in turns, 0 to 1, counted from the home position.

        Returns:
            The angle where it stands then, in turns.

        Raises:
            NotReady: not homed since the link was opened.
        """
        return float(self.set(ANGLE.name, angle))

    def _require_ready(self, setting: Setting) -> None:
        if setting.name != ANGLE.name:
            return
        if self._homed:
            self._read(ANGLE)  # where it stands tells whether angles have still a meaning
        self._require_zero()

    def _require_zero(self) -> None:
        """Refuse angles while they may have no meaning."""
        if self.trouble:
            raise NotReady(
                action="turn to an angle",
                reason=self.trouble,
                advice="Call home() first, or acknowledge() if its position is known to be right.",
            )

    def _greet(self, *, first: bool) -> None:
        if first:
            self._degrade("it has not been homed since it was connected")

    def _settle(self) -> None:
        self._accept_status("gs", self._ask("gs", "GS"))

    def _recover(self, *, was_down: bool) -> None:
        if was_down:
            # Whether it has kept its power cannot be asked: who was away is taken to have been without.
            self._degrade("it has not been homed since the link was opened again")
            self._restarted |= self._homed
        super()._recover(was_down=was_down)

    def _reinstate(self) -> None:
        # A plate that goes home and back harms nobody.
        if self._restarted:
            self._search_home("ho0")

    def _identify(self) -> Identity:
        # Asked twice on such a line: a harmed digit of the scale would turn the mount by another angle.
        answer = self._surely(partial(self._ask, "in", "IN", skip=self._dirty))
        fields = _IDENTITY.fullmatch(answer)
        if fields is None or int(fields["pulses"], 16) == 0:
            raise self._bad_reply("in", f"IN{answer}".encode(), "an ELLx identity of 30 characters")
        self._pulses_per_turn = int(fields["pulses"], 16)
        return Identity(
            maker="Thorlabs",
            model=f"ELL{int(fields['model'], 16)}",
            serial_number=fields["serial"],
            firmware=fields["firmware"],
        )

    def _check(self) -> None:
        self._accept_status("gs", self._ask("gs", "GS"))
        if self._homed:
            self._read(ANGLE)

    def _read(self, setting: Setting) -> Value | Judged:
        if setting.name == VELOCITY.name:
            return self._number("gv", "GV", digits=2) / 100.0
        angle = self._angle()
        if self._left_at is not None and ANGLE.differs(self._left_at, angle):
            # Its adapter is fed by the computer: that the mount was without power shows in nothing else.
            self._strayed = True
            self._degrade(STRAYED)
        self._left_at = angle
        return Judged(angle, Quality.SUSPECT, STRAYED) if self._strayed else angle

    def _write(self, setting: Setting, value: Value) -> None:
        if setting.name == VELOCITY.name:
            command = f"sv{round(float(value) * 100.0):02X}"
            self._accept_status(command, self._ask(command, "GS"))
        else:
            self._require_zero()
            self._move(f"ma{round(float(value) * self._pulses_per_turn):08X}")

    def _search_home(self, command: str) -> float:
        self._degrade("it was sent home and has not arrived")
        self._homed = False
        self._move(command)
        angle = self._angle()
        if ANGLE.differs(0.0, angle):
            raise ReadBackError(
                setting=ANGLE.name, wanted=0.0, actual=angle, tolerance=ANGLE.tolerance, unit=ANGLE.unit
            )
        self._homed, self._strayed, self._left_at = True, False, angle
        self.acknowledge()
        return angle

    def _angle(self) -> float:
        pulses = self._number("gp", "PO", digits=8)
        # two's complement
        return (pulses - (1 << 32) if pulses >= 1 << 31 else pulses) / self._pulses_per_turn

    def _move(self, command: str) -> None:
        """Send a move and wait until it has ended, with a position or with the status of its failure."""
        self._pause()
        self._left_at = None
        deadline = Deadline.after(self.setting(ANGLE.name).deadline)
        try:
            self._link.send(self._encode(command), deadline)
            while True:
                code, data = self._receive(command, ("PO", "GS"), deadline)
                if code == "PO":
                    return
                # Busy is no failure: the position follows when it stands.
                if int(data, 16) != BUSY:
                    self._accept_status(command, data)
                    return
        finally:
            self._moved_at = self._clock()

    def _pause(self) -> None:
        if self._moved_at is not None:
            rest = self._moved_at + PAUSE_SECONDS - self._clock()
            if rest > 0.0:
                self._sleep(rest)

    def _accept_status(self, command: str, data: str) -> None:
        """Go on if a status says ok; note it if the position is lost."""
        status = int(data, 16)
        if status == 0:
            return
        text = STATUS.get(status, "unknown status")
        if status in LOST:
            self._degrade(f"its position is lost after {text}")
        raise Refused(
            command=self._encode(command).decode(),
            code=status,
            text=text,
            advice=ADVICE.get(status, LOST_ADVICE if status in LOST else Refused.advice),
        )

    def _number(self, command: str, code: str, *, digits: int) -> int:
        data = self._ask(command, code)
        if not re.fullmatch(f"[0-9A-F]{{{digits}}}", data):
            raise self._bad_reply(
                command, f"{code}{data}".encode(), f"{code} and {digits} hexadecimal digits"
            )
        return int(data, 16)

    def _encode(self, command: str) -> bytes:
        return f"{self._bus_address}{command}".encode()

    def _ask(self, command: str, code: str, *, skip: bool = False) -> str:
        """Return the data of the answer to a command; a status in its place is the mount's refusal."""
        deadline = Deadline.after(self.ANSWER_SECONDS)
        self._link.send(self._encode(command), deadline)
        codes = (code,) if skip else (code, "GS")
        answered, data = self._receive(command, codes, deadline, skip=skip)
        if answered != code:
            self._accept_status(command, data)
            raise self._bad_reply(command, f"{answered}{data}".encode(), f"an answer {code}")
        return data

    def _receive(
        self, command: str, codes: tuple[str, ...], deadline: Deadline, *, skip: bool = False
    ) -> tuple[str, str]:
        """Return code and data of the next message from this mount; others and unasked ones pass by.

        Args:
            command: what is being answered, for messages.
            codes: the codes of an answer.
            deadline: by when.
            skip: let pass what is not an answer, instead of calling it a bad reply.
        """
        while True:
            line = self._link.receive(b"\r\n", deadline)
            message = _MESSAGE.fullmatch(line)
            if message is not None:
                address, code, data = (part.decode() for part in message.groups())
                if address != self._bus_address or code in _UNASKED:
                    continue
                if code in codes and (code != "GS" or re.fullmatch("[0-9A-F]{2}", data)):
                    return code, data
            if not skip:
                raise self._bad_reply(command, line, f"an answer {' or '.join(codes)}")

    def _bad_reply(self, command: str, reply: bytes, expected: str) -> BadReply:
        return BadReply(tried=f"send {self._encode(command).decode()!r}", reply=reply, expected=expected)
