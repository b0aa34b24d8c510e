"""What lies in folders, and whether it is still what was read.

A file or folder is recognised by its stamp: size, times and inode. Times are coarse: what is changed twice
within one tick of the file system's clock (4 ms here, 2 s on a memory stick) keeps its stamp. So what was
read from a thing is believed only if the thing was settled: unchanged for a minute, by the clocks of this
computer and of the file server, which may differ; or seen with the same stamp some seconds before.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from data.remarks import ENDING
from data.run_names import run_names

HERE: Final = "."

_TICK: Final = 2_500_000_000  # ns; more than that of FAT, the coarsest clock of a file system (2 s)
_AGE: Final = 60_000_000_000  # ns; more than clocks differ that ask for the time over the network


@dataclass(frozen=True, slots=True)
class Stamp:
    """By what an unchanged file or folder is recognised.

    Attributes:
        text: its size, times and inode.
        changed_ns: when it was changed last, by the clock of its file system.
    """

    text: str
    changed_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """Return the stamp of what the system says about a file or folder."""
        times = (status.st_mtime_ns, status.st_ctime_ns)
        return cls(f"{status.st_size} {times[0]} {times[1]} {status.st_ino}", max(times))


@dataclass(frozen=True, slots=True)
class Seen:
    """A file or folder as it was looked at.

    Attributes:
        folder: its place, or that of the file, relative to the folder of all runs.
        name: of the file; empty for the folder itself.
        stamp: that it had just before it was read.
        seen_ns: when this stamp was first seen, by the clock of this computer.
        read_ns: when it began to be read, by the same clock.
    """

    folder: str
    name: str
    stamp: Stamp
    seen_ns: int
    read_ns: int

    @property
    def settled(self) -> bool:
        """Whether what was read is what the thing holds for as long as it keeps its stamp."""
        return self.read_ns - self.stamp.changed_ns > _AGE or self.read_ns - self.seen_ns > _TICK


@dataclass(slots=True)
class Listing:
    """What lies in one folder.

    Attributes:
        runs: name of the file of each run -> its stamp.
        remarks: name of a file of remarks -> its stamp.
        folders: names of folders within.
    """

    runs: dict[str, Stamp] = field(default_factory=dict)
    remarks: dict[str, Stamp] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)


def stamp_folder(place: str, *, follow: bool) -> Stamp | None:
    """Return the stamp of a folder; None if there is no such folder.

    Args:
        place: of the folder. A text, since a thousand of them are looked at before every question, and a
            `Path` takes longer to make than the system to answer.
        follow: whether a link to a folder is one, too.
    """
    try:
        status = os.stat(place, follow_symlinks=follow)  # noqa: PTH116 (see above)
    except OSError:
        return None
    return Stamp.of(status) if stat.S_ISDIR(status.st_mode) else None


def stamp_file(place: str) -> Stamp | None:
    """Return the stamp of a file; None if there is none."""
    try:
        return Stamp.of(os.stat(place))  # noqa: PTH116 (as above)
    except OSError:
        return None


def list_folder(place: str) -> Listing:
    """List runs, their remarks, and the folders within a folder; what cannot be listed is empty."""
    listing, files = Listing(), {}
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                if not _is_text(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    listing.folders.append(entry.name)
                else:
                    files[entry.name] = entry
    except OSError:
        return listing
    for names, stamps in ((run_names(files), listing.runs), (_remarks(files), listing.remarks)):
        for name in names:
            stamp = stamp_file(place_of(place, name))
            if stamp is not None:
                stamps[name] = stamp
    return listing


def join(folder: str, name: str) -> str:
    """Return the path of a folder within another, both relative to that of all runs.

    Example:
        >>> join(".", "2025-03-14"), join("study", "2025-03-14")
        ('2025-03-14', 'study/2025-03-14')
    """
    return str(PurePosixPath(folder, name))


def place_of(root: str, *parts: str) -> str:
    """Return the path of something within the folder of all runs."""
    return "/".join((root, *parts))  # which Windows takes, too


def _remarks(names: dict[str, os.DirEntry[str]]) -> list[str]:
    return [name for name in names if name.endswith(ENDING)]


def _is_text(name: str) -> bool:
    """Tell whether a name can be kept; one in a foreign encoding is not that of a run."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
