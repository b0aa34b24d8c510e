"""Faults of an instrument's line: silence, lateness, noise, lost and doubled bytes, line ends, fragments.

Source: the faults are those of laboratories (serial noise, USB hubs, busy LAN interfaces); every number is
the caller's, none is a claim about an instrument.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from hardware_sim.instruments.errors import InstrumentSetupError

LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class LineFaults:
    """What a line does to the replies that pass through it; the default is a line without fault.

    Attributes:
        stalled: Nothing passes: bytes of the client are lost and nothing is sent.
        delay: Extra time before each reply in s of lab time.
        garbage: Bytes that appear ahead of each reply.
        corrupted: Probability that a byte is replaced by a random one.
        lost: Probability that a byte vanishes.
        doubled: Probability that a byte comes twice.
        terminator: What comes instead of every CR, LF or CR LF, as from a box whose settings were changed;
            None leaves them. It makes no sense for binary protocols.
        cut: Bytes of each reply that arrive, the rest is lost for good; None lets all pass.
        fragment: Bytes a fragment; 0 sends each reply whole.
        pause: Time between fragments in s of lab time.
        replies: How many replies suffer before the line heals; None if all do.
        rng: Source of the random faults; needed when a probability is above zero.

    Example:
        >>> LineFaults(fragment=2, pause=0.5).shape(b"abc", now=1.0)
        [(1.0, b'ab'), (1.5, b'c')]
    """

    stalled: bool = False
    delay: float = 0.0
    garbage: bytes = b""
    corrupted: float = 0.0
    lost: float = 0.0
    doubled: float = 0.0
    terminator: bytes | None = None
    cut: int | None = None
    fragment: int = 0
    pause: float = 0.0
    replies: int | None = None
    rng: np.random.Generator | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        for name in ("corrupted", "lost", "doubled"):
            value: float = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise InstrumentSetupError(f"LineFaults.{name}", value, "0 to 1", "give a probability")
            if value > 0.0 and self.rng is None:
                raise InstrumentSetupError(
                    f"LineFaults.{name}",
                    value,
                    "0 without a random generator",
                    "pass rng=numpy.random.default_rng(seed)",
                )
        for name in ("delay", "fragment", "pause"):
            if not getattr(self, name) >= 0.0:
                raise InstrumentSetupError(
                    f"LineFaults.{name}", getattr(self, name), "0 or more", "give a positive number or 0"
                )
        if self.cut is not None and self.cut < 0:
            raise InstrumentSetupError(
                "LineFaults.cut", self.cut, "0 or more bytes", "use None to let all of each reply pass"
            )
        if self.replies is not None and self.replies < 1:
            raise InstrumentSetupError(
                "LineFaults.replies", self.replies, "1 or more", "use None for all replies, HEALTHY for none"
            )

    def shape(self, reply: bytes, now: float) -> list[tuple[float, bytes]]:
        """Turn a reply into what arrives and when.

        Args:
            reply: Bytes as the instrument sends them.
            now: Lab time at which it sends them in s.

        Returns:
            Pairs of lab time in s and bytes, in order of time.
        """
        if self.stalled:
            return []
        if self.terminator is not None:
            terminator = self.terminator
            reply = LINE_END.sub(lambda _: terminator, reply)
        arriving = self.garbage + self._distort(reply)[: self.cut]
        size = self.fragment or max(len(arriving), 1)
        pieces = [arriving[at : at + size] for at in range(0, len(arriving), size)]
        return [(now + self.delay + index * self.pause, piece) for index, piece in enumerate(pieces)]

    def _distort(self, reply: bytes) -> bytes:
        if self.rng is None or not reply:
            return reply
        symbols = np.frombuffer(reply, dtype=np.uint8)
        noise = self.rng.integers(0, 256, symbols.size, dtype=np.uint8)
        symbols = np.where(self.rng.random(symbols.size) < self.corrupted, noise, symbols)
        copies = np.where(self.rng.random(symbols.size) < self.doubled, 2, 1)
        copies = np.where(self.rng.random(symbols.size) < self.lost, 0, copies)
        return np.repeat(symbols, copies).tobytes()


HEALTHY = LineFaults()
