"""What a run was made with: code revision, software versions, platform, time.

No names of hosts, users or folders are kept: a run file can be published as it is.
"""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

# A healthy `git status` takes milliseconds; a run shall not wait for a sick network drive.
GIT_PATIENCE: Final = 5.0

# Hundreds of changed files are not an edit but another code base; the revision tells where to look.
MOST_DIFFERENCES: Final = 2**20


@dataclass(frozen=True, slots=True)
class Provenance:
    """Origin of a run.

    Attributes:
        started: when, with a time zone.
        source_file: name of the experiment's source file, without its folder.
        git_revision: commit of the folder of the source; empty if it is under no version control.
        git_dirty: whether the source is not what that commit holds; None without a commit or an answer.
        git_diff: what the tracked files of the source's repository differ by from that commit, at most
            `MOST_DIFFERENCES` characters.
        packages: (name, version) of every installed distribution, sorted by name.
        python: version of the interpreter.
        platform: operating system and machine type.
    """

    started: datetime
    source_file: str = ""
    git_revision: str = ""
    git_dirty: bool | None = None
    git_diff: str = ""
    packages: tuple[tuple[str, str], ...] = ()
    python: str = ""
    platform: str = ""


def collect_provenance(source: Path | None, started: datetime) -> Provenance:
    """Ask this interpreter, and git, what a run is made with.

    Args:
        source: file of the experiment; None if it was typed in.
        started: when the run begins, with a time zone.

    Returns:
        The answers; those of git are empty where there is no git, no repository or no commit.
    """
    revision, dirty, difference = _ask_git(source) if source else ("", None, "")
    return Provenance(
        started=started,
        source_file=source.name if source else "",
        git_revision=revision,
        git_dirty=dirty,
        git_diff=difference,
        packages=installed_packages(),
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
    )


def program_version() -> str:
    """Return "ionloom" and its version, if it is installed."""
    try:
        return f"ionloom {importlib.metadata.version('ionloom')}"
    except importlib.metadata.PackageNotFoundError:
        return "ionloom"


def installed_packages() -> tuple[tuple[str, str], ...]:
    """List (name, version) of every installed distribution: any of them may bear on a result."""
    versions: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        metadata = distribution.metadata  # which is read and parsed whenever it is asked for
        name = metadata["Name"]
        if name:  # the first on the path is the one imported
            versions.setdefault(name.lower(), metadata["Version"])
    return tuple(sorted(versions.items()))


def _ask_git(source: Path) -> tuple[str, bool | None, str]:
    """Return the commit of the source's folder, whether the folder differs from it, and in what."""
    folder = source.resolve().parent
    revision = _git(folder, "rev-parse", "--verify", "HEAD")
    if not revision:
        return "", None, ""
    tracked = _git(folder, "ls-files", "--", source.name)
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    if tracked is None or changes is None:
        return revision, None, ""
    # Plain text whatever the user has configured: no colours, no programs of other people's.
    difference = (
        _git(folder, "diff", "--no-ext-diff", "--no-textconv", "--no-color", "HEAD") if changes else ""
    )
    return revision, bool(changes) or not tracked, _shortened(difference or "")


def _shortened(difference: str) -> str:
    rest = len(difference) - MOST_DIFFERENCES
    return difference if rest <= 0 else f"{difference[:MOST_DIFFERENCES]}\n... and {rest} characters more\n"


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git prints, or None where it fails, takes too long or is absent."""
    # Without the optional lock a status never disturbs a git that works in the same folder. A file name is
    # literal: it may hold what git takes for a pattern.
    command = ["git", "--no-optional-locks", "--literal-pathspecs", "-C", str(folder), *arguments]
    try:
        answer = subprocess.run(  # noqa: S603  (no shell; only the folder and name of the source vary)
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=GIT_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
