"""Journals to read, and what is in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from data.journal import JournalReader, JournalWriter

MANUAL = 1e6  # s between looks of the sync thread: never, within a test


@dataclass(frozen=True)
class SmallJournal:
    """A closed journal of a few frames.

    Attributes:
        path: of the file.
        payloads: by the number of their frame; kinds are those numbers, too.
    """

    path: Path
    payloads: dict[int, bytes]

    def read(self, **options: object) -> dict[int, bytes]:
        """Return the payloads that can be read now."""
        with JournalReader(self.path, **options) as reader:  # type: ignore[arg-type]
            return {frame.sequence: bytes(reader.payload(frame)) for frame in reader.poll()}


@pytest.fixture
def make_journal(tmp_path: Path) -> Callable[..., SmallJournal]:
    def make(*lengths: int, name: str = "small.journal", seed: int = 1) -> SmallJournal:
        rng = np.random.default_rng(seed)
        payloads = {number: rng.bytes(length) for number, length in enumerate(lengths, start=1)}
        with JournalWriter.create(tmp_path / name, sync_every=MANUAL) as writer:
            for number, payload in payloads.items():
                writer.append(number, [payload])
        return SmallJournal(tmp_path / name, payloads)

    return make


@pytest.fixture
def small(make_journal: Callable[..., SmallJournal]) -> SmallJournal:
    return make_journal(5, 0, 24, 61)
