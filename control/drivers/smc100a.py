"""Rohde & Schwarz SMC100A and SMB100A signal generators: the trap's radio frequency.

To lose this output is to lose the ion. So the driver never resets the instrument, changes power by at most
0.5 dB and frequency by at most 1 kHz with one command while the output is on, and refuses to set anything
after the instrument was without power until somebody has acknowledged that.

Through VISA: `TCPIP::host::5025::SOCKET`, `TCPIP::host::inst0::INSTR` or `TCPIP::host::hislip0::INSTR`; lines
of SCPI ended by LF. A command that fails is not answered, only noted in the error queue, which is emptied
after each command.

Source:
    R&S SMC100A operating manual 1411.4060.32; SCPI-99.
"""

from __future__ import annotations

import re
from typing import ClassVar

from control.device import Device, Identity
from control.errors import BadReply, NotReady, Refused
from control.settings import Setting, Value
from control.transport import Deadline

FREQUENCY = Setting(
    "frequency",
    unit="Hz",
    doc="of the carrier",
    low=9e3,  # both models; the upper end depends on options, so the instrument is asked
    high=40e9,
    tolerance=0.0051,  # half of its resolution of 0.01 Hz
    step=1e3,
)
POWER = Setting(
    "power",
    unit="dBm",
    doc="RF level plus any level offset",
    low=-120.0,
    high=20.0,
    tolerance=0.0051,  # half of its resolution of 0.01 dB
    step=0.5,
)
OUTPUT = Setting("output", unit="", doc="radio frequency on or off", switch=True)

HEADERS = {FREQUENCY.name: "FREQ", POWER.name: "POW", OUTPUT.name: "OUTP"}
POWERED_ON = 1 << 7  # bit of the event status register (IEEE 488.2): it has started since this was last read
LONGEST_QUEUE = 64  # errors; a queue that is longer does not come to an end
LONGEST_RAMP = 10_000  # commands; 100 s at 10 ms each

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_ERROR = re.compile(r'([+-]?\d+),\s*"(.*)"')
_NO_NUMBER = 9e37  # SCPI writes infinity as 9.9E37 and "not a number" as 9.91E37


class Smc100a(Device):
    """An SMC100A or SMB100A signal generator; the arguments are those of `Device`."""

    SETTINGS: ClassVar[tuple[Setting, ...]] = (FREQUENCY, POWER, OUTPUT)
    MODELS: ClassVar[tuple[str, ...]] = ("SMC100A", "SMB100A")

    def _identify(self) -> Identity:
        answer = self._ask("*IDN?")
        fields = [field.strip() for field in answer.split(",")]
        if len(fields) != 4:
            raise self._bad_reply("*IDN?", answer, "four fields with commas between")
        # "1411.4002k02/101234": the order number of the model, then the serial number of this one
        return Identity(fields[0], fields[1], fields[2].rpartition("/")[2], fields[3])

    def _greet(self, *, first: bool) -> None:
        restarted = self._has_restarted()
        if restarted and not first:
            self._lose_settings()
        self._drain()
        lowest, highest = self._ask_number("FREQ? MIN"), self._ask_number("FREQ? MAX")
        tight = self._ranges[FREQUENCY.name].tightened(lowest, highest, "instrument")
        self._ranges[FREQUENCY.name] = tight

    def _check(self) -> None:
        if self._has_restarted():
            self._lose_settings()

    def _require_ready(self, setting: Setting) -> None:
        # A power cycle can hide behind a link that stayed up, as through a serial server.
        self._check()
        super()._require_ready(setting)

    def _read(self, setting: Setting) -> Value:
        question = f"{HEADERS[setting.name]}?"
        return self._ask_switch(question) if setting.switch else self._ask_number(question)

    def _write(self, setting: Setting, value: Value) -> None:
        if setting.switch:
            self._tell(setting, str(int(value)))
        elif self._ask_switch("OUTP?"):
            self._ramp(setting, float(value))
        else:
            self._tell(setting, f"{value:.2f}")

    def _ramp(self, setting: Setting, stop: float) -> None:
        """Go to a value in steps that a trapped ion survives."""
        start = float(self._read(setting))
        steps = setting.steps(start, stop)
        if steps > LONGEST_RAMP:
            raise NotReady(
                action=f"set {setting.name} to {setting.show(stop)}",
                reason=f"from {setting.show(start)} that takes {steps} steps of {setting.show(setting.step)} "
                f"while the output is on, more than {LONGEST_RAMP}",
                advice="Switch the output off first if no ion is trapped, or go in shorter stretches.",
            )
        for value in setting.ramp(start, stop):
            self._tell(setting, f"{value:.2f}")

    def _tell(self, setting: Setting, argument: str) -> None:
        """Send one command, wait until it is done, and ask for errors."""
        command = f"{HEADERS[setting.name]} {argument}"
        self._link.send(f"{command}\n".encode(), Deadline.after(self.ANSWER_SECONDS))
        done = self._ask("*OPC?", setting.deadline)
        if done != "1":
            raise self._bad_reply("*OPC?", done, "1")
        errors = self._drain()
        if errors:
            code, text = errors[0]
            raise Refused(
                command=command, code=code, text="; ".join([text, *(more for _, more in errors[1:])])
            )

    def _drain(self) -> list[tuple[int, str]]:
        """Empty the error queue; return code and text of what was in it, the oldest first."""
        errors: list[tuple[int, str]] = []
        for _ in range(LONGEST_QUEUE):
            answer = self._ask("SYST:ERR?")
            entry = _ERROR.fullmatch(answer)
            if entry is None:
                raise self._bad_reply("SYST:ERR?", answer, 'a number and a text, as in 0,"No error"')
            if int(entry[1]) == 0:
                return errors
            errors.append((int(entry[1]), entry[2]))
        raise self._bad_reply("SYST:ERR?", answer, f"the end of a queue of {LONGEST_QUEUE} errors")

    def _has_restarted(self) -> bool:
        return bool(int(self._ask_number("*ESR?")) & POWERED_ON)

    def _lose_settings(self) -> None:
        self._degrade(
            "it was switched off and on again, its settings are those of its start-up and the ion is lost"
        )

    def _ask_number(self, question: str) -> float:
        answer = self._ask(question)
        if not _NUMBER.fullmatch(answer) or abs(float(answer)) >= _NO_NUMBER:
            raise self._bad_reply(question, answer, "a finite number")
        return float(answer)

    def _ask_switch(self, question: str) -> bool:
        answer = self._ask(question)
        if answer not in {"0", "1"}:
            raise self._bad_reply(question, answer, "0 or 1")
        return answer == "1"

    def _ask(self, question: str, seconds: float | None = None) -> str:
        """Return the answer to a question, by default after no more than the usual time."""
        reply = self._link.exchange(f"{question}\n".encode(), b"\n", seconds or self.ANSWER_SECONDS)
        try:
            return reply.decode("ascii").strip()
        except UnicodeDecodeError:
            raise BadReply(tried=f"ask {question}", reply=reply, expected="plain ASCII") from None

    def _bad_reply(self, question: str, answer: str, expected: str) -> BadReply:
        return BadReply(tried=f"ask {question}", reply=answer.encode(), expected=expected)
