"""Tags and comments: what people say about a run, in a text file beside it.

A finished run is never modified, so its remarks are lines of JSON in ``<run>.remarks.jsonl``, which only ever
grows::

    {"time": "2025-03-14T09:26:53+00:00", "kind": "tag", "text": "good"}

Each remark is written in one piece at the end of the file and synced, so several programs may add remarks at
the same time. What a crash left of a line is passed over.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from data.disk import reason_of
from data.errors import RemarkError, UnreadableFileError

RemarkKind: TypeAlias = Literal["tag", "untag", "comment"]

ENDING: Final = ".remarks.jsonl"

# A tag stands in lists, conditions and command lines: one word that is no option and needs no quotes.
_TAG: Final = re.compile(r"\w[\w.:+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that was said.

    Attributes:
        time: when, in UTC.
        kind: what is done with the text: set as tag, removed as tag, or kept as comment.
        text: the tag or the comment.
    """

    time: datetime
    kind: RemarkKind
    text: str


@dataclass(frozen=True, slots=True)
class Remarks:
    """All that was said about a run.

    Attributes:
        history: every remark, oldest first.
    """

    history: tuple[Remark, ...] = ()

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags that the run has now, in the order in which they were set."""
        tags: dict[str, None] = {}
        for remark in self.history:
            if remark.kind == "tag":
                tags[remark.text] = None
            elif remark.kind == "untag":
                tags.pop(remark.text, None)
        return tuple(tags)

    @property
    def comment(self) -> str:
        """The last comment, empty if there is none."""
        comments = [remark.text for remark in self.history if remark.kind == "comment"]
        return comments[-1] if comments else ""


def remarks_path(run: str | os.PathLike[str]) -> Path:
    """Return where the remarks of a run are, whether its file is the finished one or a journal.

    Example:
        >>> remarks_path("runs/20250314T092653589-07af-rabi.h5").name
        '20250314T092653589-07af-rabi.remarks.jsonl'
    """
    return Path(run).with_suffix(ENDING)


def read_remarks(run: str | os.PathLike[str]) -> Remarks:
    """Read what was said about a run.

    Args:
        run: path of its file.

    Raises:
        UnreadableFileError: if there are remarks that the system does not let us read.
    """
    path = remarks_path(run)
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return Remarks()
    except OSError as error:
        raise UnreadableFileError(path, reason_of(error)) from error
    found = map(_remark, lines)
    return Remarks(tuple(remark for remark in found if remark is not None))


def add_remark(
    run: str | os.PathLike[str], kind: RemarkKind, text: str, *, now: datetime | None = None
) -> Remark:
    """Say something about a run; after this returns, no crash loses it.

    Args:
        run: path of its file.
        kind: see `Remark`.
        text: a tag (letters, digits, ``_ . : + -``, at most 64), or a comment.
        now: time of the remark, with a time zone; the present if None.

    Raises:
        RemarkError: if the text is no tag or is empty, or the system refuses to write it.
    """
    return add_remarks(run, [(kind, text)], now=now)[0]


def add_remarks(
    run: str | os.PathLike[str], said: Iterable[tuple[RemarkKind, str]], *, now: datetime | None = None
) -> tuple[Remark, ...]:
    """Say several things about a run, all of them or none; arguments and errors are those of `add_remark`."""
    time = (now or datetime.now(UTC)).astimezone(UTC)
    remarks = tuple(Remark(time, kind, _checked(Path(run), kind, text)) for kind, text in said)
    facts = [{"time": time.isoformat(), "kind": remark.kind, "text": remark.text} for remark in remarks]
    lines = "".join(json.dumps(fact, ensure_ascii=False) + "\n" for fact in facts)
    path = remarks_path(run)
    try:
        _append(path, lines.encode("utf-8", "backslashreplace"))
    except OSError as error:
        advice = "check the folder, its permissions and the room on its disk"
        raise RemarkError(Path(run), f"cannot write {path.name}: {reason_of(error)}", advice) from error
    return remarks


def _checked(run: Path, kind: RemarkKind, text: str) -> str:
    text = text.strip()
    if kind != "comment" and not _TAG.fullmatch(text):
        advice = "a tag is one word of letters, digits and _ . : + -, at most 64"
        raise RemarkError(run, f"{text!r} is no tag", advice)
    if not text:
        raise RemarkError(run, "the comment is empty", "say something")
    return text


def _append(path: Path, lines: bytes) -> None:
    """Write lines in one piece, beginning with a line of its own even if a crash has torn the last one."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        size = os.fstat(handle).st_size
        if size and _byte_before(handle, size) != b"\n":
            lines = b"\n" + lines
        if os.write(handle, lines) != len(lines):
            raise OSError(None, "the disk took only a part of it")
        os.fsync(handle)
    finally:
        os.close(handle)


def _byte_before(handle: int, size: int) -> bytes:
    os.lseek(handle, size - 1, os.SEEK_SET)
    return os.read(handle, 1)


def _remark(line: bytes) -> Remark | None:
    """Read a line; None if it is not a whole remark."""
    with suppress(ValueError, KeyError, TypeError):
        facts: Any = json.loads(line)
        time, kind, text = datetime.fromisoformat(facts["time"]), facts["kind"], facts["text"]
        if kind in get_args(RemarkKind) and isinstance(text, str) and time.tzinfo is not None:
            return Remark(time.astimezone(UTC), kind, text)
    return None
