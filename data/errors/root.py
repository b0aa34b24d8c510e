"""The root of everything that can go wrong in the data room."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(eq=False)
class DataError(Exception):
    """The root: anything that the data room refuses to do."""

    # Whoever meets an error looks for it in the face of the package, whichever page it stands on.
    __module__ = "data.errors"

    def __init_subclass__(cls) -> None:
        cls.__module__ = DataError.__module__

    def __reduce__(self) -> tuple[type[DataError], tuple[object, ...]]:
        # Exceptions rebuild from positional arguments; the fields let them cross a process pool.
        return type(self), tuple(getattr(self, field.name) for field in fields(self))
