"""A crate with every device that a Kasli can have, and timelines written row by row."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sequences import Source, Timeline
from sequences.targets.artiq import Kasli

# The bench and the imitated core are modules beside the tests.
sys.path.insert(0, str(Path(__file__).parent))

from kasli_bench import Row, make_kasli, make_timeline, tone_rows


@pytest.fixture(scope="session")
def kasli() -> Kasli:
    return make_kasli()


@pytest.fixture(scope="session")
def crate() -> Callable[..., Kasli]:
    """Make the crate with some of its devices changed."""
    return make_kasli


@pytest.fixture(scope="session")
def rows() -> Callable[..., Timeline]:
    """Write a timeline row by row."""
    return make_timeline


@pytest.fixture(scope="session")
def tone() -> Callable[..., tuple[Row, ...]]:
    """Write a whole tone at once."""
    return tone_rows


@pytest.fixture(scope="session")
def sources() -> tuple[Source, ...]:
    """Lines 1 to 9 of a file."""
    return tuple(Source("shot.py", line) for line in range(1, 10))
