"""The language of SRS instruments: four letters, a question mark before the arguments, numbers for errors.

Source: SRS DG645 user manual, chapter 4: numbers and names of errors as lantz' driver quotes them from it;
the family's grammar as in the SR470 manual, p. 62. Which error a broken line earns where several would do,
and that the rest of a line is still obeyed, are free choices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

# Bits of the event status register (IEEE 488.2, 11.5.1) by class of error.
OPERATION_COMPLETE, QUERY_ERROR, DEVICE_ERROR, EXECUTION_ERROR, COMMAND_ERROR, POWER_ON = (
    1 << 0,
    1 << 2,
    1 << 3,
    1 << 4,
    1 << 5,
    1 << 7,
)
LARGEST_INTEGER = 2**32 - 1

_COMMAND = re.compile(r"(\*[A-Za-z]{3}|[A-Za-z]{4})(?![A-Za-z])\s*(\??)(.*)", re.DOTALL)
_INTEGER = re.compile(r"[+-]?\d+")
_FLOAT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d+)?")


class Fault(IntEnum):
    """Errors that the instrument can report by ``LERR?``."""

    NONE = 0
    ILLEGAL_VALUE = 10
    ILLEGAL_MODE = 11
    ILLEGAL_DELAY = 12
    ILLEGAL_LINK = 13
    RECALL_FAILED = 14
    ILLEGAL_COMMAND = 110
    UNDEFINED_COMMAND = 111
    ILLEGAL_QUERY = 112
    ILLEGAL_SET = 113
    NULL_PARAMETER = 114
    EXTRA_PARAMETERS = 115
    MISSING_PARAMETERS = 116
    INVALID_FLOAT = 118
    INVALID_INTEGER = 120
    INTEGER_OVERFLOW = 121
    SYNTAX_ERROR = 126
    COMMUNICATION_ERROR = 170
    OVERRUN = 171
    TOO_MANY_ERRORS = 254

    @property
    def status_bit(self) -> int:
        """Bit that the error sets in the event status register."""
        if self < 30:
            return EXECUTION_ERROR
        return COMMAND_ERROR if self < 170 else DEVICE_ERROR


class SrsError(Exception):
    """A complaint of the instrument, for its error queue.

    Attributes:
        fault: Its number.
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.name)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Order:
    """One command or query.

    Attributes:
        mnemonic: In capitals.
        query: Whether it asks.
        arguments: As text.
    """

    mnemonic: str
    query: bool
    arguments: tuple[str, ...]

    def count(self, least: int, most: int) -> None:
        """Check the number of arguments.

        Raises:
            SrsError: If there are too few or too many.
        """
        if len(self.arguments) > most:
            raise SrsError(Fault.EXTRA_PARAMETERS)
        if len(self.arguments) < least:
            raise SrsError(Fault.MISSING_PARAMETERS)


def split_line(line: str) -> Iterator[str]:
    """Give the commands of a line as text, without those that are empty."""
    yield from (part.strip() for part in line.split(";") if part.strip())


def parse_order(text: str) -> Order:
    """Read one command.

    Raises:
        SrsError: If it breaks the grammar.

    Example:
        >>> parse_order("dlay 2,0,1e-6")
        Order(mnemonic='DLAY', query=False, arguments=('2', '0', '1e-6'))
        >>> parse_order("DLAY?2") == parse_order("DLAY? 2")
        True
    """
    match = _COMMAND.fullmatch(text)
    if match is None:
        raise SrsError(Fault.ILLEGAL_COMMAND)
    mnemonic, mark, rest = match[1].upper(), match[2], match[3].strip()
    arguments = tuple(part.strip() for part in rest.split(",")) if rest else ()
    if "" in arguments:
        raise SrsError(Fault.NULL_PARAMETER)
    if any("?" in argument for argument in arguments):
        raise SrsError(Fault.SYNTAX_ERROR)
    return Order(mnemonic, bool(mark), arguments)


def parse_integer(text: str, smallest: int, largest: int) -> int:
    """Read an integer within a range.

    Raises:
        SrsError: If it is none, or outside.
    """
    if not _INTEGER.fullmatch(text):
        raise SrsError(Fault.INVALID_INTEGER)
    value = int(text)
    if abs(value) > LARGEST_INTEGER:
        raise SrsError(Fault.INTEGER_OVERFLOW)
    if not smallest <= value <= largest:
        raise SrsError(Fault.ILLEGAL_VALUE)
    return value


def parse_float(text: str) -> float:
    """Read a number.

    Raises:
        SrsError: If it is none.
    """
    if not _FLOAT.fullmatch(text):
        raise SrsError(Fault.INVALID_FLOAT)
    return float(text)
