"""The tiny lab with a core that knows better than the setup file how fast it is."""

from __future__ import annotations

from tiny_lab import TinyLab

from sequences import Program


class DoubtingLab(TinyLab):
    """Loses the first event of every program."""

    def rehearse(self, program: Program) -> tuple[str, ...]:
        line = next(source for source in program.sources)
        return (f"{line}: lost in rehearsal",)
