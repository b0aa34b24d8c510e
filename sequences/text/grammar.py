"""What writing and reading a program's text agree on."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from sequences.timeline import Operation

INDENT: Final = "  "
"""Before what is inside of a loop or a timeline, once more for each level."""

UNLIMITED: Final = "none"
"""Where a channel's limit has no lower or no upper end."""

TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s,"]+|"')
"""A name in double quotes, written as in JSON, or a word without blanks and commas.

A quote without its partner is a token, too: nothing but blanks and commas is passed over.
"""

VALUE_UNITS: Final = MappingProxyType(
    {
        Operation.LEVEL: "",
        Operation.FREQUENCY: "Hz",
        Operation.PHASE: "turn",
        Operation.AMPLITUDE: "",
        Operation.VOLTAGE: "V",
    }
)
"""Base unit of an operation's value; gates have a readout instead."""

RESERVED: Final = frozenset((";", "}", "{", "timeout", "every", "all", "any", UNLIMITED))
"""Words that would end a list of readouts, or begin something else: as names they stand in quotes."""
