"""The echoing SCPI of iseg's high-voltage modules: lines ended by CR LF, numbers that carry their unit.

Every line is echoed. A question is then answered by one line more; a command is not, and a line that the
module does not understand is echoed like any other. So the echo tells that the line arrived unharmed, and the
event status, which only the driver knows, whether it was obeyed.

Source:
    iseg SCPI general instruction set (2020-11-10), as understood by the package iseg-nhr 0.2.0.
"""

from __future__ import annotations

import math
import re

from control.device import Device
from control.errors import BadReply
from control.protocols.text import plain, whole_number_in
from control.transport import Deadline

END = b"\r\n"
_NUMBER = re.compile(r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:E[+-]?\d+)?)(?P<unit>\D*)")


class IsegDevice(Device):
    """A module that echoes; the arguments are those of `Device`."""

    def _bit(self, question: str, bit: int) -> bool:
        return bool(self._ask_integer(question) >> bit & 1)

    def _ask_integer(self, question: str) -> int:
        """Return a count or a word of bits, for certain: the echo guards the question, not the answer."""
        return self._surely(lambda: self._hear_integer(question))

    def _hear_integer(self, question: str) -> int:
        answer = self._ask(question)
        number = whole_number_in(answer)
        if number is None:
            raise self._bad_reply(question, answer, "a whole number")
        return number

    def _ask_number(self, question: str, unit: str) -> float:
        value, found = self._ask_quantity(question)
        if found != unit:
            raise self._bad_reply(question, f"{value:g}{found}", f"a number with the unit {unit}")
        return value

    def _ask_quantity(self, question: str) -> tuple[float, str]:
        """Return a finite number and its unit as the module spells it."""
        answer = self._ask(question)
        parts = _NUMBER.fullmatch(answer)
        if parts is None:
            raise self._bad_reply(question, answer, "a number with a unit")
        value = float(parts["number"])
        if not math.isfinite(value):  # as 1E999
            raise self._bad_reply(question, answer, "a finite number")
        return value, parts["unit"]

    def _ask(self, question: str, lead: bytes = b"") -> str:
        """Return the answer to a question, by which the module's echo of it has to stand."""
        deadline = Deadline.after(self.ANSWER_SECONDS)
        self._say(question, deadline, lead)
        return plain(self._link.receive(END, deadline), f"ask {question}")

    def _say(self, line: str, deadline: Deadline | None = None, lead: bytes = b"") -> None:
        """Send a line and compare its echo; after a lead, whatever comes before the echo passes by."""
        deadline = deadline or Deadline.after(self.ANSWER_SECONDS)
        self._link.send(lead + line.encode("ascii") + END, deadline)
        while (echo := self._link.receive(END, deadline)) != line.encode("ascii"):
            if not lead:
                raise BadReply(tried=f"send {line!r}", reply=echo, expected="the echo of it")

    def _bad_reply(self, question: str, answer: str, expected: str) -> BadReply:
        return BadReply(tried=f"ask {question}", reply=answer.encode(), expected=expected)
