"""Files that exports write: whole, over nothing that is there unless asked, and never over a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import h5py

from data.disk import reason_of
from data.errors import OutputExistsError, UnwritableFileError
from data.run_names import JOURNAL


@contextmanager
def output_file(path: Path, *, force: bool) -> Iterator[Path]:
    """Give the name under which a file is written, and the file its own name when it is whole.

    Args:
        path: of the file.
        force: whether a file of that name is replaced.

    Yields:
        Path of a file beside it, to be written within the block.

    Raises:
        OutputExistsError: there is such a file, and `force` is not given; or it is a run.
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
        OutputExistsError: one is, and `force` is not given; or it is a run, which is never replaced.
    """
    for path in paths:
        if not path.exists():
            continue
        if _is_run(path):
            raise OutputExistsError(path, is_run=True)
        if not force:
            raise OutputExistsError(path)


def _is_run(path: Path) -> bool:
    if path.suffix == JOURNAL:
        return True
    for locking in (None, False):  # as it is open here, if it is; else also if another program writes it
        with suppress(OSError), h5py.File(path, "r", locking=locking) as file:
            return "ionloom_schema" in file.attrs
    return False
