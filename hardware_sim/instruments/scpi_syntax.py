"""The grammar of SCPI: headers in short and long form, compound lines, arguments, and the standard errors.

Source: SCPI-99 volume 1 (syntax and style) and volume 2 chapter 21.8 (error numbers), IEEE 488.2-1992 chapter
7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

# SCPI-99 volume 2, 21.8: number and text of each error that these instruments can report.
ERROR_TEXTS = {
    -100: "Command error",
    -101: "Invalid character",
    -102: "Syntax error",
    -103: "Invalid separator",
    -104: "Data type error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -131: "Invalid suffix",
    -138: "Suffix not allowed",
    -141: "Invalid character data",
    -200: "Execution error",
    -211: "Trigger ignored",
    -213: "Init ignored",
    -220: "Parameter error",
    -221: "Settings conflict",
    -222: "Data out of range",
    -223: "Too much data",
    -224: "Illegal parameter value",
    -230: "Data corrupt or stale",
    -240: "Hardware error",
    -241: "Hardware missing",
    -310: "System error",
    -350: "Queue overflow",
    -363: "Input buffer overrun",
    -400: "Query error",
    -410: "Query INTERRUPTED",
    -420: "Query UNTERMINATED",
}

_WORD = re.compile(r"([A-Z]+)([a-z]*)")
_HEADER = re.compile(r"\*[A-Z]+\??|:?[A-Z][A-Z0-9_]*(?::[A-Z][A-Z0-9_]*)*\??")
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d+)?)\s*([A-Za-z]*)")


@dataclass(eq=False)
class ScpiError(Exception):
    """A complaint of the instrument, for its error queue.

    Attributes:
        code: Number of the error; instruments have their own above 0.
        detail: What the device adds to the standard text; all of the text if the number is the device's own.

    Example:
        >>> str(ScpiError(-222, "FREQ 1e12"))
        '-222,"Data out of range; FREQ 1e12"'
    """

    code: int
    detail: str = ""

    def __str__(self) -> str:
        text = "; ".join(filter(None, (self.standard_text, self.detail)))
        return f'{self.code},"{text.replace(chr(34), chr(39))}"'

    @property
    def standard_text(self) -> str:
        """Text that the standard has for the number; empty for the device's own numbers."""
        return ERROR_TEXTS.get(self.code, "")

    @property
    def terse(self) -> str:
        """The complaint without detail, as some instruments put it.

        Example:
            >>> ScpiError(-222, "FREQ 1e12").terse
            '-222,"Data out of range"'
        """
        return str(ScpiError(self.code)) if self.standard_text else str(self)


@dataclass(frozen=True, slots=True)
class MessageUnit:
    """One command or query of a line.

    Attributes:
        header: Full header in capitals from the root, without leading colon and question mark.
        query: Whether it asks.
        arguments: Its arguments as text.
        written: Header in capitals as it was written, without the path that it inherits.
    """

    header: str
    query: bool
    arguments: tuple[str, ...]
    written: str = field(default="", compare=False)


def parse_message(line: str) -> Iterator[MessageUnit]:
    """Split a line into its units, with the header path that each inherits.

    Args:
        line: One line without its end.

    Yields:
        The units in order.

    Raises:
        ScpiError: At the unit that breaks the grammar; the units before it have been given.

    Example:
        >>> [unit.header for unit in parse_message("sour:pow -3; pow:offs 1; :outp?; *opc?")]
        ['SOUR:POW', 'SOUR:POW:OFFS', 'OUTP', '*OPC']
    """
    path = ""
    for part in _split_outside_quotes(line, ";"):
        if not part:
            continue
        header, _, rest = part.replace("\t", " ").partition(" ")
        header = header.upper()
        if not _HEADER.fullmatch(header):
            raise ScpiError(-102, part)
        query = header.endswith("?")
        header = header.removesuffix("?")
        written = header.removeprefix(":")
        if not header.startswith("*"):
            header = header[1:] if header.startswith(":") else path + header
            path = header[: header.rfind(":") + 1]
        arguments = tuple(split_arguments(rest)) if rest.strip() else ()
        yield MessageUnit(header, query, arguments, written)


@cache
def compile_header(pattern: str) -> re.Pattern[str]:
    """Make the expression that accepts every spelling of a header.

    Args:
        pattern: Header as manuals print it: capitals are the short form, ``[...]`` may be left out, ``|``
            separates synonyms, ``#`` stands for a numeric suffix of which there is only 1.

    Returns:
        Expression for headers in capitals.

    Example:
        >>> bool(compile_header("[SOURce#:]POWer[:LEVel]").fullmatch("SOURCE1:POW"))
        True
        >>> bool(compile_header("POWer").fullmatch("POWE"))
        False
    """

    def spell(word: re.Match[str]) -> str:
        tail = word[2].upper()
        return f"{word[1]}(?:{tail})?" if tail else word[1]

    marks = {"[": "(?:", "]": ")?", "#": "1?", "*": r"\*"}
    return re.compile(
        "".join(marks.get(piece, _WORD.sub(spell, piece)) for piece in re.split(r"([\[\]#*])", pattern))
    )


def parse_number(text: str, suffixes: Mapping[str, float]) -> float:
    """Read a number with an optional suffix.

    Args:
        text: Argument of a command, e.g. ``"23.4 MHZ"``.
        suffixes: Factor to the parameter's own unit by suffix in capitals; empty if none is allowed.

    Returns:
        The value in the parameter's own unit.

    Raises:
        ScpiError: -104, -131, -138 or -141.

    Example:
        >>> parse_number("23.4 MHz", {"HZ": 1.0, "MHZ": 1e6})
        23400000.0
    """
    number = _NUMBER.fullmatch(text)
    if number is None:
        raise ScpiError(-141 if text[:1].isalpha() else -104, text)
    suffix = number[2].upper()
    if not suffix:
        return float(number[1])
    if not suffixes:
        raise ScpiError(-138, text)
    if suffix not in suffixes:
        raise ScpiError(-131, text)
    return float(number[1]) * suffixes[suffix]


def parse_boolean(text: str) -> bool:
    """Read ``ON``, ``OFF`` or a number, of which 0 is false.

    Raises:
        ScpiError: -104 or -141.
    """
    words = {"ON": True, "OFF": False}
    if text.upper() in words:
        return words[text.upper()]
    return round(parse_number(text, {})) != 0


def parse_choice(text: str, choices: Sequence[str]) -> str:
    """Read a word out of several in short or long form.

    Args:
        text: Argument of a command.
        choices: The words with their short form in capitals, e.g. ``["INTernal", "EXTernal"]``.

    Returns:
        Short form of the word, as queries reply it.

    Raises:
        ScpiError: -141 if it is none of the words.
    """
    for choice in choices:
        if compile_header(choice).fullmatch(text.upper()):
            return "".join(letter for letter in choice if not letter.islower())
    raise ScpiError(-141, text)


def split_arguments(text: str) -> list[str]:
    """Split the argument of a command that takes several.

    Args:
        text: The arguments, joined by commas, as a `Writer` gets them.

    Raises:
        ScpiError: -102 if a quote is left open.

    Example:
        >>> split_arguments("3.3 V, 'one, two'")
        ['3.3 V', "'one, two'"]
    """
    return _split_outside_quotes(text, ",")


def _split_outside_quotes(text: str, separator: str) -> list[str]:
    parts, quote = [""], ""
    for letter in text:
        if letter == separator and not quote:
            parts.append("")
            continue
        if letter in "\"'" and quote in ("", letter):
            quote = "" if quote else letter
        parts[-1] += letter
    if quote:
        raise ScpiError(-102, text)
    return [part.strip() for part in parts]
