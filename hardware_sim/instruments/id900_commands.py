"""The commands of an ID900 time controller: its blocks, their settings, and how values are written.

Words may be cut anywhere between their short and long form, as the maker's examples do (``CONFI``). A setting
is confirmed with ``Value set to ...`` without unit; a query tells it with unit, times in TB (1 ps).

Source: ID Quantique's Python examples and clients that run on hardware (msl-qt based IDQTimeController of the
Measurement Standards Laboratory, qudi, labtools): headers, confirmations, units, and the errors
``SCPI_ERR_...``. Ranges beyond those, and defaults, are ASSUMED.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

Value: TypeAlias = str | int | float

INVALID_COMMAND, WRONG_TYPE, WRONG_COUNT, WRONG_UNITS = (
    f"SCPI_ERR_{name}" for name in ("INVALID_CMD", "PARAM_TYPE", "PARAM_COUNT", "PARAM_UNITS")
)
NONE: Final = "NONE"
INFINITE: Final = 0  # records; written INF

_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d+)?)\s*([A-Za-z]*)")
_BLOCK = re.compile(r"([A-Za-z]+)(\d*)")


class Id900Error(Exception):
    """What the instrument replies instead of a value."""


def spells(text: str, word: str) -> bool:
    """Return whether a text is a word, given with its short form in capitals, or a cut of it.

    Example:
        >>> spells("confi", "CONFiguration"), spells("CON", "CONFiguration")
        (True, False)
    """
    short = sum(not letter.islower() for letter in word)
    return len(text) >= short and word.upper().startswith(text.upper())


@dataclass(frozen=True, slots=True)
class Words:
    """A setting that is one of some words; it is told in capitals and in full."""

    words: tuple[str, ...]

    def parse(self, text: str) -> Value:
        """Read a word.

        Raises:
            Id900Error: If it is none of them.
        """
        for word in self.words:
            if spells(text, word):
                return word.upper()
        raise Id900Error(WRONG_TYPE)

    def show(self, value: Value) -> str:
        """Write a word as queries tell it."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Number:
    """A setting that is a number.

    Attributes:
        low: Smallest value.
        high: Largest value.
        unit: What queries put behind it and commands may: ``TB`` (1 ps), ``V``, or nothing.
        whole: Whether it is rounded to a whole number.
        infinite: Whether ``INF`` stands for `INFINITE`.
    """

    low: float
    high: float
    unit: str = ""
    whole: bool = True
    infinite: bool = False

    def parse(self, text: str) -> Value:
        """Read a number.

        Raises:
            Id900Error: If it is none, has another unit, or is out of range.
        """
        if self.infinite and spells(text, "INFinity"):
            return INFINITE
        found = _NUMBER.fullmatch(text)
        if found is None:
            raise Id900Error(WRONG_TYPE)
        if found[2].upper() not in ("", self.unit):
            raise Id900Error(WRONG_UNITS)
        value = float(found[1])
        if not self.low <= value <= self.high:
            raise Id900Error(WRONG_TYPE)
        return round(value) if self.whole else value

    def show(self, value: Value) -> str:
        """Write a number as queries tell it."""
        if self.infinite and value == INFINITE:
            return "INF"
        return f"{value:g}{self.unit}" if isinstance(value, float) else f"{value}{self.unit}"


@dataclass(frozen=True, slots=True)
class Link:
    """A setting that names the block whose events are taken, or none."""

    kinds: tuple[str, ...]

    def parse(self, text: str) -> Value:
        """Read the name of a block.

        Raises:
            Id900Error: If there is no such block, or it cannot be taken here.
        """
        if text.upper() == NONE:
            return NONE
        found = find_block(text)
        if found is None:
            raise Id900Error(WRONG_TYPE)
        if found[0] not in self.kinds:
            raise Id900Error(f"No connection possible from {found[1]}")
        return found[1]

    def show(self, value: Value) -> str:
        """Write the name of a block as queries tell it."""
        return str(value)


Kind: TypeAlias = Words | Number | Link
Settings: TypeAlias = Mapping[str, tuple[Kind, Value]]

SWITCH: Final = Words(("ON", "OFF"))
EDGE: Final = Words(("RISIng", "FALLing"))
TIME: Final = Number(0, 1e12, "TB")
OPERATION: Final = Words(("ONLYFIRst", "ONLYSECond", "AND", "OR", "MUTE"))
INPUTS: Final = ("STAR", "INPU")
SOURCES: Final = (*INPUTS, "DELA", "REC")

COUNTER: Final[Settings] = {
    "COUNter:MODE": (Words(("CYCLe", "ACCUm")), "CYCLE"),
    "COUNter:INTEgrationtime": (Number(1, 65_535), 1000),  # ms
}
INPUT: Final[Settings] = {
    "ENABle": (SWITCH, "OFF"),
    "COUPling": (Words(("AC", "DC")), "DC"),
    "EDGE": (EDGE, "RISING"),
    "THREshold": (Number(-2.0, 2.0, "V", whole=False), 0.2),
    "SELEct": (Words(("UNSHaped", "SHAPed", "LOOP", "OUTPut")), "UNSHAPED"),
    "DELAy": (TIME, 0),
    "RESYncpolicy": (Words(("AUTO", "MANUal")), "AUTO"),
    **COUNTER,
}
COMBINER: Final[Settings] = {
    "FIRst:LINK": (Link(SOURCES), NONE),
    "SECond:LINK": (Link(SOURCES), NONE),
    "WINDow:ENABle": (SWITCH, "OFF"),
    "WINDow:BEGIn:LINK": (Link(SOURCES), NONE),
    "WINDow:BEGIn:DELAy": (TIME, 0),
    "WINDow:BEGIn:EDGE": (EDGE, "RISING"),
    "WINDow:END:LINK": (Link(SOURCES), NONE),
    "WINDow:END:DELAy": (TIME, 0),
    "WINDow:END:EDGE": (EDGE, "FALLING"),
    "OPIN": (OPERATION, "ONLYFIRST"),
    "OPOUt": (OPERATION, "ONLYFIRST"),
    **COUNTER,
}
HISTOGRAM: Final[Settings] = {
    "BCOUnt": (Number(1, 16_384), 16_384),
    "BWIDth": (Number(1, 1e12, "TB"), 100),
    "MINimum": (TIME, 0),
    "REFerence:LINK": (Link(("STAR", "TSCO")), "STAR"),
    "REFerence:FILTer": (EDGE, "RISING"),
    "STOP:LINK": (Link(("STAR", "TSCO")), NONE),
    "STOP:FILTer": (EDGE, "RISING"),
    "ENABle:LINK": (Link(("REC",)), "REC"),
}
RECORD: Final[Settings] = {
    "ENABle": (SWITCH, "OFF"),
    "NUMber": (Number(0, 1e9, infinite=True), 1),
    "DURation": (Number(1, 1e18, "TB"), 10**12),
    "PPERiod": (Number(1, 1e18, "TB"), 10**12),
    "TRIGger:ARM:MODE": (Words(("MANUal", "AUTO")), "MANUAL"),
}
RAW: Final[Settings] = {
    "SEND": (SWITCH, "OFF"),
    "REFerence:LINK": (Link(("STAR", "TSCO")), NONE),
    "STOP:LINK": (Link(("STAR", "TSCO")), NONE),
}
DEVICE: Final[Settings] = {
    "RESolution": (Words(("HIRES", "LOWRes", "LORES")), "HIRES"),
    "SYNC": (Words(("INTernal", "EXTernal")), "INTERNAL"),
    "LEDS": (SWITCH, "ON"),
}

BLOCKS: Final[Mapping[str, tuple[int, Settings]]] = {
    "STARt": (0, INPUT),
    "INPUt": (4, INPUT),
    "DELAy": (8, {"VALUe": (TIME, 0), "LINK": (Link((*INPUTS, "DELA")), NONE)}),
    "TSCOmbiner": (24, COMBINER),
    "HISTogram": (4, HISTOGRAM),
    "RECord": (0, RECORD),
    "RAW": (4, RAW),
    "DEVIce": (0, DEVICE),
}
"""Word of a block -> how many there are (0 for one without number), and its settings with their defaults."""

# Words that commands may leave out or put in, and other names of the same setting.
SILENT: Final = "INPOrt"
SYNONYMS: Final = {"PWIDth": "DURation", "DURAtion": "DURation"}


def find_block(text: str) -> tuple[str, str] | None:
    """Return the kind and the name of a block in their short form, None if there is no such block.

    Example:
        >>> find_block("input3"), find_block("STAR"), find_block("DELA9")
        (('INPU', 'INPU3'), ('STAR', 'STAR'), None)
    """
    found = _BLOCK.fullmatch(text)
    for word, (count, _) in BLOCKS.items():
        if found is None or not spells(found[1], word):
            continue
        short = "".join(letter for letter in word if letter.isupper())
        if found[2] in (map(str, range(1, count + 1)) if count else ("",)):
            return short, short + found[2]
    return None


def find_header(words: list[str], headers: list[str]) -> str | None:
    """Return which of some headers the words of a command spell, None if they spell none.

    Example:
        >>> find_header(["INPO", "REF", "LINK"], list(HISTOGRAM))
        'REFerence:LINK'
    """
    if len(words) > 1 and spells(words[0], SILENT):
        words = words[1:]
    for header in (*headers, *SYNONYMS):
        patterns = header.split(":")
        if len(patterns) == len(words) and all(map(spells, words, patterns)):
            found = SYNONYMS.get(header, header)
            return found if found in headers else None
    return None


def defaults() -> dict[str, dict[str, Value]]:
    """Return the settings of every block, by its name and their headers, as after power-on."""
    values: dict[str, dict[str, Value]] = {}
    for word, (count, settings) in BLOCKS.items():
        short = "".join(letter for letter in word if letter.isupper())
        for number in range(1, count + 1) if count else ("",):
            values[f"{short}{number}"] = {header: default for header, (_, default) in settings.items()}
    return values


def kind_of(block: str, header: str) -> Kind:
    """Return how a setting of a block is read and written."""
    found = find_block(block)
    word = next(word for word in BLOCKS if found is not None and spells(found[0], word))
    return BLOCKS[word][1][header][0]
