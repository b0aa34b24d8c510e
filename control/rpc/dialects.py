"""The two versions of PYON that a peer may speak, and how to tell a line of one from a line of the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from control.rpc import pyon, pyon_v1
from control.rpc.errors import BadPyon, NotEncodable


@dataclass(frozen=True, slots=True)
class Dialect:
    """A version of PYON.

    Attributes:
        version: "v1" or "v2".
        feature: the word with which a client chooses it, empty for what is spoken without choosing.
        encode: value to text.
        decode: text to value.
    """

    version: str
    feature: str
    encode: Callable[[Any], str]
    decode: Callable[[str], Any]

    def line(self, value: Any) -> bytes:
        """Return a value as a line, ready to be sent.

        Raises:
            NotEncodable: this dialect cannot carry it.
        """
        text = self.encode(value)
        if "\n" in text:  # what follows it would be taken for a line of its own
            reason = "Its text has a line break."
            raise NotEncodable(kind=type(value).__name__, version=self.version, reason=reason)
        return text.encode("ascii") + b"\n"

    def value(self, line: bytes) -> Any:
        """Return what a line says.

        Raises:
            BadPyon: it is not of this dialect.
        """
        return self.decode(as_text(line, self.version))


V1: Final = Dialect("v1", "", pyon_v1.encode, pyon_v1.decode)
V2: Final = Dialect("v2", "pyon_v2", pyon.encode, pyon.decode)


def sniff(line: bytes) -> Any:
    """Return what a line of either dialect says; many lines of v1 are lines of v2 with the same meaning.

    Raises:
        BadPyon: it is of neither.

    Example:
        >>> sniff(b'{"action":"init","struct":{}}'), sniff(b'(20, "master")')
        ({'action': 'init', 'struct': {}}, (20, 'master'))
    """
    try:
        return V2.value(line)
    except BadPyon:
        return V1.value(line)


def as_text(line: bytes, version: str = "v2") -> str:
    """Return a line as text.

    Raises:
        BadPyon: these bytes are no text.
    """
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        shown = line[:60].decode("ascii", "backslashreplace")
        raise BadPyon(reason="bytes that are no text", version=version, text=shown) from None
