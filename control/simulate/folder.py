"""The folder of a study: what was asked for, and everything that is finished.

    study.json               the definition; a folder holds one study for good
    study.csv, study.h5      settings, tallies and results, as far as they are known
    settings/0001/           the first setting:
        blocks.log           its finished blocks, until all of them are there
        2026-03-14/...h5     then its run, for `ionloom show`, `analyze` and `plot`

A block is in the log once `StudyFolder.append` has returned: then neither a crash nor a power cut loses it.
The log goes when the run and its results are written; from then on the run file is the truth.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeAlias

from control.errors import UsageError
from control.simulate.errors import AnotherStudy, BusyStudy, UnwritableStudy
from control.simulate.tasks import Block
from data.disk import sync_folder

Definition: TypeAlias = Mapping[str, Any]

_DEFINITION: Final = "study.json"
_LOG: Final = "blocks.log"
_LOCK: Final = "study.lock"

_HEAD: Final = struct.Struct("<4sIIQQdQ")
"""Of a block in the log: mark, setting, block, shots, ps of laboratory time, s of work, bytes that follow."""
_SUM: Final = struct.Struct("<I")
"""CRC-32 of the head and the bytes, behind them."""
_MARK: Final = b"blk1"


class StudyFolder:
    """The folder of one study, which no other program works on meanwhile; made by `open_folder`.

    Attributes:
        path: of the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def setting(self, number: int) -> Path:
        """Return the folder of a setting, counted from 1."""
        return self.path / "settings" / f"{number:04d}"

    def append(self, block: Block) -> None:
        """Keep a finished block.

        Raises:
            UnwritableStudy: the disk is full or fails; the blocks before are kept.
        """
        folder = self.setting(block.setting)
        head = _HEAD.pack(
            _MARK, block.setting, block.block, block.shots, block.duration_ps, block.work, len(block.payload)
        )
        frame = head + block.payload
        with _told(self.path):
            new = not folder.exists()
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / _LOG).open("ab") as log:
                log.write(frame + _SUM.pack(zlib.crc32(frame)))
                log.flush()
                os.fsync(log.fileno())
            if new:
                sync_folder(folder)
                sync_folder(folder.parent)

    def blocks(self, number: int) -> dict[int, Block]:
        """Return the blocks of a setting that are in its log, by number; a torn end of the log is cut off."""
        path = self.setting(number) / _LOG
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return {}
        found: dict[int, Block] = {}
        end = 0
        for block, end in _frames(data):  # noqa: B007 - the end of the last whole block is wanted below
            found[block.block] = block
        if end < len(data):
            os.truncate(path, end)
        return found

    def run_file(self, number: int) -> Path | None:
        """Return the run of a setting whose blocks are all joined, or None."""
        folder = self.setting(number)
        if (folder / _LOG).exists():
            return None
        return next(iter(sorted(folder.glob("*/*.h5"))), None)

    def forget_run(self, number: int) -> None:
        """Remove what a crash left of a run while it was written: its blocks are still in the log."""
        for left in self.setting(number).glob("*/*.h5*"):
            left.unlink()

    def forget_blocks(self, number: int) -> None:
        """Remove the log of a setting whose run is complete."""
        folder = self.setting(number)
        sync_folder(folder)
        (folder / _LOG).unlink()
        sync_folder(folder)


@contextmanager
def open_folder(path: Path, definition: Definition) -> Iterator[StudyFolder]:
    """Open the folder of a study, or make it.

    Args:
        path: of the folder.
        definition: of the study.

    Raises:
        AnotherStudy: the folder holds a study of another definition; what differs is told.
        BusyStudy: another program works on it.
        UnwritableStudy: the system does not let it be made.
    """
    with _told(path):
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _take(lock, path)
        known = stored_definition(path)
        if known is None:
            text = json.dumps(definition, indent=1, ensure_ascii=False) + "\n"
            with _told(path):
                replace_file(path / _DEFINITION, text.encode())
        elif found := differences(known, definition):
            raise AnotherStudy(folder=str(path), differences=found)
        yield StudyFolder(path)
    finally:
        os.close(lock)


def stored_definition(path: Path) -> Definition | None:
    """Return the definition of the study that a folder holds, or None.

    Raises:
        UsageError: there is a file of that name that is none.
    """
    try:
        stored = json.loads((path / _DEFINITION).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:
        stored = error
    if not isinstance(stored, dict):
        raise UsageError(
            what=f"{path / _DEFINITION} is no definition of a study", advice="Give another folder with --out."
        )
    return stored


def differences(stored: Definition, asked: Definition) -> tuple[str, ...]:
    """Return in what two definitions differ, one line each.

    Example:
        >>> differences({"shots": 100, "block": 50}, {"shots": 200, "block": 50})
        ('shots: 100 in the folder, 200 asked for',)
    """
    asked = json.loads(json.dumps(asked))  # as it would be read back
    found = [line for name in asked for line in _difference(name, stored.get(name), asked[name])]
    told = [line for line in found if not line.startswith("played")]
    return tuple(told or found)  # other programs follow from other parameters: that says nothing more


def _difference(name: str, stored: Any, asked: Any) -> Iterator[str]:
    if stored == asked:
        return
    if name == "played":
        yield "played: the sequences are not the same any more; the code that makes them has changed"
    elif isinstance(stored, dict) and isinstance(asked, dict):
        for key in dict.fromkeys([*stored, *asked]):
            yield from _difference(key, stored.get(key), asked.get(key))
    elif name == "settings":
        yield _different_settings(stored or [], asked)
    elif name == "setup":
        lines = set(str(stored).splitlines()) ^ set(str(asked).splitlines())
        first = next((line for line in str(asked).splitlines() if line in lines), "a line less")
        yield f"setup: its text differs, first in {first.strip()!r}"
    else:
        there, here = ("varied" if value is None else value for value in (stored, asked))
        yield f"{name}: {there} in the folder, {here} asked for"


def _different_settings(stored: Sequence[Mapping[str, Any]], asked: Sequence[Mapping[str, Any]]) -> str:
    if len(stored) != len(asked):
        return f"settings: {len(stored)} in the folder, {len(asked)} asked for"
    number = next(n for n, (one, another) in enumerate(zip(stored, asked, strict=True)) if one != another)
    return f"setting {number + 1}: {_shown(stored[number])} in the folder, {_shown(asked[number])} asked for"


def _shown(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items()) or "nothing varied"


def replace_file(path: Path, content: bytes) -> None:
    """Write a file as a whole: whenever this is cut off, the old one is still there."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Tell what the system refuses as trouble of the study."""
    try:
        yield
    except OSError as error:
        raise UnwritableStudy(folder=str(path), reason=error.strerror or str(error)) from error


def _frames(data: bytes) -> Iterator[tuple[Block, int]]:
    """Yield the blocks of a log and where each ends, up to the first that is not whole."""
    begin = 0
    while begin + _HEAD.size <= len(data):
        mark, setting, block, shots, duration_ps, work, length = _HEAD.unpack_from(data, begin)
        body, end = begin + _HEAD.size, begin + _HEAD.size + length
        if mark != _MARK or end + _SUM.size > len(data):
            return
        if _SUM.unpack_from(data, end)[0] != zlib.crc32(data[begin:end]):
            return
        begin = end + _SUM.size
        yield Block(setting, block, shots, duration_ps, work, data[body:end]), begin


def _take(lock: int, path: Path) -> None:
    """Keep other programs out for as long as the file is open, where the system can."""
    with suppress(ImportError):
        import fcntl  # noqa: PLC0415 - POSIX has it

        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyStudy(folder=str(path)) from None
