"""A simulated lab small enough to be predicted: what is read sees dice, thrown at the rate of the node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.columns import Attempts, Record, TimeTags
from sequences import Program, Target, quantity
from sequences.declarations import count, declarations
from sequences.errors import DeclaredValueError


@dataclass(frozen=True, kw_only=True)
class DicingNode:
    """What is true in this lab."""

    rate: float = quantity("1 kcps", unit="1/s", low="0 cps", high="1 Mcps", help="counts a second of a shot")
    dark: float = quantity(0.0, low=0.0, high=10.0, help="counts of every shot beside those")
    fails_at: int = count(0, low=0, high=1000, help="dark counts of a lab that fails (0: none does)")


class DicingLab:
    """Counts in every window of a readout what the rate gives in the time of a shot."""

    simulated = DicingNode

    def __init__(self, node: DicingNode, seed: int) -> None:
        self._node = node
        self._rng = np.random.default_rng(seed)
        self._now_ps = 0
        self.resources: dict[str, str] = {}
        self._ions = 0

    @classmethod
    def open(cls, tables: Mapping[str, Any], target: Target, seed: int) -> DicingLab:
        return cls(_node(tables), seed)

    @staticmethod
    def problems(tables: Mapping[str, Any]) -> list[str]:
        try:
            _node(tables)
        except DeclaredValueError as error:
            return [str(error)]
        return []

    def load(self, ions: int) -> None:
        self._ions = ions

    def play(self, program: Program, shots: int) -> Record:
        if self._node.fails_at and self._node.dark >= self._node.fails_at:
            raise OSError(5, "the dice fell off the table", "dice")
        shot_ps = round(program.duration(heralded=False) * program.target.period * 1e12)
        mean = self._node.rate * shot_ps * 1e-12 + self._node.dark
        counts = {
            name: self._rng.poisson(mean, (shots, width)).astype(np.int32)
            for name, width in program.readout_widths(self._ions).items()
        }
        start_ps = self._now_ps + np.arange(shots, dtype=np.int64) * shot_ps
        self._now_ps += shots * shot_ps
        first = next(iter(counts.values()))[:, 0]
        clicked = np.repeat(np.arange(shots), first)
        zeros = np.zeros(len(clicked), np.uint16)
        tags = TimeTags(
            start_ps[clicked] + 5, zeros + 3, clicked, zeros.astype(np.uint32), zeros, 0 * clicked + 5
        )
        attempts = Attempts(np.arange(shots), np.zeros(shots, np.uint32), start_ps, first > 0)
        notes = ("many dice",) if mean > 5 else ()
        return Record(shots, start_ps, shots * shot_ps, counts, attempts, tags, notes)

    def close(self) -> None:
        pass


class RealDice(DicingLab):
    """The same, but nobody says that it is simulated."""

    simulated = None  # type: ignore[assignment]


def _node(tables: Mapping[str, Any]) -> DicingNode:
    known = declarations(DicingNode)
    return DicingNode(
        **{key: known[key].read(f"node.{key}", str(entry["value"])) for key, entry in tables["node"].items()}
    )
