"""What was worked out before, and is asked for again and again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, TypeVar

MOST_TABLES: Final = 64
"""Tables kept of each sort: runs may scan what they depend on, and one takes up to three megabytes."""

Key = TypeVar("Key", bound=Hashable)
Made = TypeVar("Made")


def recall(made: dict[Key, Made], key: Key, make: Callable[[], Made]) -> Made:
    """Return what was made for a key before, or make it; the oldest goes when there are too many."""
    if key not in made:
        if len(made) >= MOST_TABLES:
            del made[next(iter(made))]
        made[key] = make()
    return made[key]
