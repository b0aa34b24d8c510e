"""SCPI, the language of most instruments with a screen: lines of text, a status register, an error queue.

A question ends in "?" and is answered by one line; a command is not answered at all, not even when it fails.
So a command is followed by `*OPC?`, answered when it is done, and by the emptying of the error queue.

Instruments take liberties with the standard. A driver says which by class attributes, where an empty text
means that the instrument has no such thing: Red Pitaya ends its lines with CR LF and tells no errors.

Source:
    IEEE 488.2-1992 (the commands with a star, blocks, the event status register); SCPI-99, volumes 1 and 2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from control.device import Device, Identity
from control.errors import BadReply, Refused
from control.protocols.text import number_in, plain
from control.transport import Deadline

POWERED_ON = 1 << 7  # bit of the event status register (IEEE 488.2): it has started since this was last read
LONGEST_QUEUE = 64  # errors; a queue that is longer does not come to an end
NO_NUMBER = 9e37  # SCPI writes infinity as 9.9E37 and "not a number" as 9.91E37

_ERROR = re.compile(r'([+-]?\d+),\s*"(.*)"')


class ScpiDevice(Device):
    """An instrument that speaks SCPI; the arguments are those of `Device`.

    Attributes:
        END: what ends a line, in both directions.
        STATUS: asks for the event status register, in which a power cycle shows; empty if there is none.
        DONE: asks whether the last command is done; empty if it cannot be asked.
        ERRORS: asks for the oldest error; empty if it keeps none.
    """

    END: ClassVar[bytes] = b"\n"
    STATUS: ClassVar[str] = "*ESR?"
    DONE: ClassVar[str] = "*OPC?"
    ERRORS: ClassVar[str] = "SYST:ERR?"

    def _identify(self) -> Identity:
        answer = self._ask("*IDN?")
        fields = [field.strip() for field in answer.split(",")]
        if len(fields) != 4:
            raise self._bad_reply("*IDN?", answer, "four fields with commas between")
        maker, model, serial_number, firmware = fields
        return Identity(maker, model, self._serial_number_in(serial_number), firmware)

    def _serial_number_in(self, field: str) -> str:
        """Return the serial number out of the third field of an identity; some put more than that there."""
        return field

    def _greet(self, *, first: bool) -> None:
        # What is in the queue now is somebody else's.
        self._drain()

    def _check(self) -> None:
        if self.STATUS:
            # A power cycle can hide behind a link that stayed up, as through a serial server.
            self._look_for_restart()
        else:
            self._identify()

    def _has_restarted(self) -> bool | None:
        if not self.STATUS:
            return None
        return bool(int(self._ask_number(self.STATUS)) & POWERED_ON)

    def _tell(self, command: str, seconds: float | None = None) -> None:
        """Send a command, wait until it is done, and ask for errors.

        Args:
            command: without its end; several may be joined with semicolons.
            seconds: how long it may take, where that is more than the usual time.

        Raises:
            Refused: with the oldest error; the text tells the others too.
        """
        self._send_line(command, Deadline.after(self.ANSWER_SECONDS))
        if self.DONE:
            done = self._ask(self.DONE, seconds)
            if done.lstrip("+") != "1":
                raise self._bad_reply(self.DONE, done, "1")
        errors = self._drain()
        if errors:
            (code, text), *others = errors
            raise Refused(command=command, code=code, text="; ".join([text, *(more for _, more in others)]))

    def _drain(self) -> list[tuple[int, str]]:
        """Empty the error queue; return code and text of what was in it, the oldest first."""
        errors: list[tuple[int, str]] = []
        if not self.ERRORS:
            return errors
        for _ in range(LONGEST_QUEUE):
            answer = self._ask(self.ERRORS)
            entry = _ERROR.fullmatch(answer)
            if entry is None:
                raise self._bad_reply(self.ERRORS, answer, 'a number and a text, as in 0,"No error"')
            if int(entry[1]) == 0:
                return errors
            errors.append((int(entry[1]), entry[2]))
        raise self._bad_reply(self.ERRORS, answer, f"the end of a queue of {LONGEST_QUEUE} errors")

    def _ask_number(self, question: str, seconds: float | None = None) -> float:
        answer = self._ask(question, seconds)
        number = self._number_in(question, answer)
        if abs(number) >= NO_NUMBER:
            raise self._bad_reply(question, answer, "a finite number")
        return number

    def _number_in(self, question: str, answer: str) -> float:
        """Return an answer, or a field of one, as a number, which may be SCPI's infinity."""
        number = number_in(answer)
        if number is None:
            raise self._bad_reply(question, answer, "a finite number")
        return number

    def _ask_switch(self, question: str) -> bool:
        answer = self._ask(question)
        if answer not in {"0", "1"}:
            raise self._bad_reply(question, answer, "0 or 1")
        return answer == "1"

    def _ask_word(self, question: str, words: Mapping[str, str]) -> str:
        """Return our word for the one that the instrument answers with.

        Args:
            question: to ask.
            words: from the instrument's words to ours.
        """
        answer = self._ask(question).upper()
        if answer not in words:
            raise self._bad_reply(question, answer, " or ".join(words))
        return words[answer]

    def _ask_block(self, question: str, seconds: float | None = None) -> bytes:
        """Return the content of a block of definite length: "#", digits of the length, length, content.

        Source: IEEE 488.2-1992, section 8.7.9.
        """
        deadline = Deadline.after(seconds or self.ANSWER_SECONDS)
        self._send_line(question, deadline)
        start = self._link.receive_exactly(2, deadline)
        if not re.fullmatch(rb"#[1-9]", start):
            raise BadReply(tried=f"ask {question}", reply=start, expected="the start of a block, as in #3")
        length = self._link.receive_exactly(int(start[1:]), deadline)
        if not re.fullmatch(rb"\d+", length):
            raise BadReply(tried=f"ask {question}", reply=length, expected="the length of a block")
        content = self._link.receive_exactly(int(length), deadline)
        rest = self._link.receive(self.END, deadline)
        if rest:
            raise BadReply(tried=f"ask {question}", reply=rest, expected=f"the end of {int(length)} bytes")
        return content

    def _ask(self, question: str, seconds: float | None = None) -> str:
        """Return the answer to a question, by default after no more than the usual time."""
        deadline = Deadline.after(seconds or self.ANSWER_SECONDS)
        self._send_line(question, deadline)
        return plain(self._receive_line(deadline), f"ask {question}")

    def _send_line(self, line: str, deadline: Deadline) -> None:
        """Send one line; an instrument with frames around them puts its own way here."""
        self._link.send(line.encode("ascii") + self.END, deadline)

    def _receive_line(self, deadline: Deadline) -> bytes:
        """Receive one line, with or without its end."""
        return self._link.receive(self.END, deadline)

    def _bad_reply(self, question: str, answer: str, expected: str) -> BadReply:
        return BadReply(tried=f"ask {question}", reply=answer.encode(), expected=expected)
