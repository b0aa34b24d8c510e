"""Thorlabs MDT693B: three piezo voltages, open loop; the length of the cavity.

Serial over USB, 115200 baud; a command ends with CR. Two dialects exist. Firmware from 1.09 on answers with a
line in brackets and the prompt ">", and with the prompt alone when it obeys. Older firmware puts "*" before
what it answers, or "!" if it refuses, and has no prompt. At power-up it echoes what it hears: the echo is
switched off whenever the link is opened, and an echo that is heard later tells that it has restarted.

What is read is the output as a voltmeter inside sees it, volts away from what was set. So a voltage that was
set is never verified by reading it; it is remembered. A longer way is gone in steps of a volt, from where it
was set last. If the output does not agree with that, somebody has turned a knob: nothing is set until he has
been asked, and the next way begins where the output is.

Source:
    The commands as in oxart's driver, tried by its authors with firmware 1.06 and 1.09; lowest and highest
    voltages of the axes from memory of Thorlabs' manual.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Unpack

from control.device import Device, Identity
from control.device.options import DeviceOptions
from control.device.settings import Evidence, Setting, Value
from control.errors import BadReply, LinkTimeout, NotReady, Refused
from control.transport import Deadline, LineSettings, Link

AXES = ("x", "y", "z")
VOLTAGES = tuple(
    Setting(
        f"{axis}_voltage",
        unit="V",
        doc="of the piezo; reading tells the output, which is volts away from what was set",
        low=0.0,
        high=150.0,  # with the switch at its back at the highest; where it stands is asked
        tolerance=5.0,  # between set point and output: users tell of some volts
        step=1.0,  # 50 nm of a common stack: a mirror is pushed, not hit
        readback=False,
        key=True,
        evidence=Evidence.CLIENT,
    )
    for axis in AXES
)
LIMIT = Setting(
    "voltage_limit",
    unit="V",
    doc="where the switch at its back stands",
    writable=False,
    evidence=Evidence.CLIENT,
)
ENDS = tuple(
    tuple(
        Setting(f"{axis}_{end}", "V", f"{end} voltage of {axis}", writable=False, evidence=Evidence.MEMORY)
        for end in ("min", "max")
    )
    for axis in AXES
)
"""The lowest and highest voltage of each axis, which only the driver asks for."""

QUIET_SECONDS = 0.05  # of silence after which an answer without an end is over; it takes 5 to 20 ms to begin

_ECHO_OFF = re.compile(rb"\[Echo Off\]")
_LAST_LINE = re.compile(rb"Serial ?#:\s*[\w-]+\s*[\r\n]", re.IGNORECASE)
_NUMBER = re.compile(r"\[\s*([+-]?\d+(?:\.\d*)?)\s*\]")
_REFUSAL = re.compile(r"CMD_[A-Z_]+")
_MODEL = re.compile(r"MDT69\d[AB]")
_FIRMWARE = re.compile(r"Firmware Version:\s*(\S+)", re.IGNORECASE)
_SERIAL_NUMBER = re.compile(r"Serial ?#:\s*([\w-]+)", re.IGNORECASE)


class Mdt693b(Device):
    """One MDT693B; the arguments are those of `Device`."""

    SETTINGS: ClassVar[tuple[Setting, ...]] = (*VOLTAGES, LIMIT)
    MODELS: ClassVar[tuple[str, ...]] = ("MDT693B",)
    LINE: ClassVar[LineSettings] = LineSettings(baud=115_200)
    PARKING: ClassVar[str] = "the piezos hold their voltages"
    RESTARTED: ClassVar[str] = (
        "it was switched off and on again, its voltages are those of its knobs and the cavity has moved"
    )

    def __init__(self, name: str, link: Link, **options: Unpack[DeviceOptions]) -> None:
        super().__init__(name, link, **options)
        self._prompts = True  # firmware 1.09 or later
        self._echoes = False  # it was heard to echo: it has restarted
        self._set_points: dict[str, float] = {}

    @property
    def set_points(self) -> Mapping[str, float]:
        """What each voltage was set to last, V, by this object and since the last power cycle."""
        return dict(self._set_points)

    def _require_ready(self, setting: Setting) -> None:
        self._check()
        super()._require_ready(setting)
        self._require_at_set_point(setting)

    def _greet(self, *, first: bool) -> None:
        limit = self._number(LIMIT)
        for ends, setting in zip(ENDS, VOLTAGES, strict=True):
            low, high = map(self._number, ends)
            self._tighten(setting.name, low, min(high, limit))

    def _settle(self) -> None:
        self._check()

    def _has_restarted(self) -> bool:
        restarted, self._echoes = self._echoes, False
        if restarted:
            self._set_points.clear()
        return restarted

    def _identify(self) -> Identity:
        self._silence_echo()
        answer = self._hear_all("id?", _LAST_LINE)
        text = answer.decode("ascii", errors="replace")
        model, firmware, serial_number = (
            pattern.search(text) for pattern in (_MODEL, _FIRMWARE, _SERIAL_NUMBER)
        )
        self._prompts = text.rstrip().endswith(">")
        if not (model and firmware and serial_number and (self._prompts or text.startswith("*"))):
            raise self._bad_reply("id?", answer, "model, firmware version and serial number")
        return Identity("Thorlabs", model[0], serial_number[1], firmware[1])

    def _check(self) -> None:
        self._ask_number("vlimit?")
        if self._echoes:
            self._look_for_restart()

    def _read(self, setting: Setting) -> Value:
        return self._ask_number("vlimit?" if setting.name == LIMIT.name else f"{_command(setting)}?")

    def _write(self, setting: Setting, value: Value) -> None:
        start = self._set_points.get(setting.name)
        if start is None:
            start = self._number(setting)
        for voltage in setting.ramp(start, float(value)):
            self._give_way()
            self._tell(f"{_command(setting)}={voltage:.2f}")
            self._set_points[setting.name] = voltage

    def _require_at_set_point(self, setting: Setting) -> None:
        """Refuse to begin a way elsewhere than where the output is."""
        start = self._set_points.get(setting.name)
        if start is None:
            return
        found = self._number(setting)
        if setting.differs(start, found):
            del self._set_points[setting.name]
            reason = f"the output of {setting.name} is not where it was set: {found:g} V, not {start:g} V"
            self._lose(setting.name, reason)
            raise NotReady(
                action=f"set {setting.name}",
                reason=reason,
                advice="Has somebody turned its knob? Then call acknowledge(), to go on from where it is.",
            )

    def _number(self, setting: Setting) -> float:
        """Return what a number is, having asked until two answers agree: no way begins at a lost byte."""
        return float(self._read_surely(setting).value)

    def _silence_echo(self) -> None:
        """Switch the echo off. The first try may be glued to the rest of a command that was cut."""
        for _ in range(2):
            answer = self._hear_all("echo=0", _ECHO_OFF)
            if _ECHO_OFF.search(answer):
                return
        raise self._bad_reply("echo=0", answer, "[Echo Off]")

    def _ask_number(self, question: str) -> float:
        text = self._converse(question, answered=True)
        number = _NUMBER.fullmatch(text)
        if number is None:
            raise self._bad_reply(question, text.encode(), "a number in brackets, as in [ 12.34]")
        return float(number[1])

    def _tell(self, command: str) -> None:
        text = self._converse(command, answered=False)
        if text:
            raise self._bad_reply(command, text.encode(), "obeyed without a word")

    def _converse(self, command: str, *, answered: bool) -> str:
        """Send a command and return what is said to it, without the marks of either dialect.

        Args:
            command: without its CR.
            answered: whether there is an answer beside the mark that says that it is obeyed.
        """
        answer = self._hear(command, answered=answered)
        text = answer.decode("ascii", errors="backslashreplace").strip("\r\n >*")
        if answer.startswith(b"!") or _REFUSAL.fullmatch(text):
            # It has no numbers for its errors.
            raise Refused(command=command, code=0, text=text.strip("!") or "unknown or not allowed")
        return text

    def _hear(self, command: str, *, answered: bool) -> bytes:
        """Send a command and return what comes until it is complete, in the dialect of the firmware."""
        if self._prompts:
            complete = re.compile(rb"[^>]*>", re.DOTALL)
        else:
            complete = re.compile(rb"!|\*[^\r]*\r" if answered else rb"[!*]")
        deadline = Deadline.after(self.ANSWER_SECONDS)
        self._send(command, deadline)
        heard = b""
        while not (found := complete.match(self._without_echo(command, heard))):
            if deadline.left() == 0.0:
                raise LinkTimeout(tried=f"send {command!r}", seconds=self.ANSWER_SECONDS, heard=heard)
            heard += self._link.receive_any(deadline)
        return found[0]

    def _hear_all(self, command: str, landmark: re.Pattern[bytes]) -> bytes:
        """Send a command and return what comes until a prompt, or until silence after a landmark.

        Without either it is what came in time, if anything did.
        """
        deadline = Deadline.after(self.ANSWER_SECONDS)
        self._send(command, deadline)
        heard = b""
        while deadline.left() > 0.0 and not heard.endswith(b">"):
            more = self._link.receive_any(Deadline.after(QUIET_SECONDS))
            heard += more
            if not more and landmark.search(heard):
                break
        if not heard:
            raise LinkTimeout(tried=f"send {command!r}", seconds=self.ANSWER_SECONDS)
        return self._without_echo(command, heard)

    def _without_echo(self, command: str, heard: bytes) -> bytes:
        """Take an echo of the command off, and note that there was one."""
        echo = f"{command}\r".encode("ascii")
        if heard.startswith(echo):
            self._echoes = True
            return heard[len(echo) :].removeprefix(b"\n")
        return heard

    def _send(self, command: str, deadline: Deadline) -> None:
        self._link.send(f"{command}\r".encode("ascii"), deadline)

    def _bad_reply(self, command: str, reply: bytes, expected: str) -> BadReply:
        return BadReply(tried=f"send {command!r}", reply=reply, expected=expected)


def _command(setting: Setting) -> str:
    """Return how the instrument calls a voltage: "xvoltage" for the setting "x_voltage"."""
    return setting.name.replace("_", "")
