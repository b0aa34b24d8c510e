"""Files that exports write: whole, and over nothing that is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from data.disk import reason_of
from data.errors import OutputExistsError, UnwritableFileError


@contextmanager
def output_file(path: Path, *, force: bool) -> Iterator[Path]:
    """Give the name under which a file is written, and the file its own name when it is whole.

    Args:
        path: of the file.
        force: whether a file of that name is replaced.

    Yields:
        Path of a file beside it, to be written within the block.

    Raises:
        OutputExistsError: there is such a file, and `force` is not given.
        UnwritableFileError: the system does not let it be written.
    """
    refuse_existing([path], force=force)
    part = path.with_name(f"{path.name}.part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise UnwritableFileError(path, reason_of(error)) from error
    finally:
        with suppress(OSError):
            part.unlink()


def refuse_existing(paths: list[Path], *, force: bool) -> None:
    """Say which of the files is there already, before any of them is written.

    Raises:
        OutputExistsError: one is, and `force` is not given.
    """
    for path in paths:
        if path.exists() and not force:
            raise OutputExistsError(path)
