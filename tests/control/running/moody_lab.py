"""The tiny lab, but things can be made to happen in it, and its time can be slowed down."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from tiny_lab import TinyLab

from data.columns import Record
from sequences import Program


class MoodyLab(TinyLab):
    """Notes what it was asked for with every point."""

    events: ClassVar[tuple[str, ...]] = ("ion loss", "power cut")

    def provoke(self, event: str, at: float) -> None:
        self.asked = (*getattr(self, "asked", ()), f"{event} at {at:g} s")

    def run_at(self, pace: float) -> None:
        self.asked = (*getattr(self, "asked", ()), f"pace {pace:g}")

    def catch_up(self) -> None:
        self.waited = getattr(self, "waited", 0) + 1

    def play(self, program: Program, shots: int) -> Record:
        return replace(super().play(program, shots), notes=getattr(self, "asked", ()))
