"""What can go wrong with analyses of many runs as a whole; what goes wrong with one of them is told with it.

ControlError
└── InterruptedAnalysis    somebody pressed Ctrl-C: results that were written are kept
"""

# ruff: noqa: N818 (named as one says it, like the other errors of this room)

from __future__ import annotations

from dataclasses import dataclass

from control.errors import ControlError


@dataclass(eq=False, kw_only=True)
class InterruptedAnalysis(ControlError):
    """Analyses were stopped by hand.

    Attributes:
        done: how many runs are analysed.
        planned: how many there were to be.
    """

    done: int
    planned: int

    def __str__(self) -> str:
        return (
            f"interrupted after {self.done} of {self.planned} runs; the results that were written are kept, "
            "and no run is damaged"
        )
