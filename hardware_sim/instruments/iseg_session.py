"""The serial line of an iseg module: lines that end with CR LF, each echoed, then answered."""

from __future__ import annotations

from typing import Protocol

from hardware_sim.instruments.line_buffer import LineBuffer

LINE_END = b"\r\n"
INPUT_BUFFER = 255  # bytes without line end; free choice


class Echoing(Protocol):
    """What the line needs to know of the module."""

    @property
    def powered(self) -> bool:
        """Whether the module is switched on and has booted."""
        ...

    @property
    def echoes(self) -> bool:
        """Whether the module sends back each line that it hears."""
        ...

    def execute(self, line: str, now: float) -> list[str]:
        """Obey one line at lab time ``now`` (s) and return the reply of each query."""
        ...

    def complain(self, text: str) -> None:
        """Note that a line could not be obeyed."""
        ...


class IsegSession:
    """One client of a module: cuts its bytes into lines."""

    __slots__ = ("_lines", "_module")

    def __init__(self, module: Echoing) -> None:
        self._module = module
        self._lines = LineBuffer(LINE_END, limit=INPUT_BUFFER)

    def receive(self, data: bytes, now: float) -> bytes:
        """Take bytes, obey the lines that are complete, and give echoes and replies.

        Args:
            data: Bytes from the client.
            now: Lab time in s.
        """
        if not self._module.powered:
            self._lines.clear()
            return b""
        self._lines.put(data)
        sent = b""
        for line in iter(self._lines.take, None):
            echoes = self._module.echoes
            replies = self._obey(line, now)
            lines = [line, *replies] if echoes else replies
            sent += b"".join(each + LINE_END for each in lines)
        if lost := self._lines.overflow():
            self._module.complain(f"{len(lost)} bytes without line end")
        return sent

    def due(self) -> float | None:
        """Return None: the module only answers."""
        return None

    def close(self) -> None:
        """Forget this client."""

    def _obey(self, line: bytes, now: float) -> list[bytes]:
        if not line.isascii():
            self._module.complain(f"{line!r}: bytes beyond ASCII")
            return []
        return [reply.encode("ascii") for reply in self._module.execute(line.decode("ascii"), now)]
