from __future__ import annotations

import importlib.metadata
import platform
import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from data import Provenance, collect_provenance

NOW = datetime(2025, 3, 14, tzinfo=UTC)


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", folder, *identity, *arguments],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source file in a repository with one commit."""
    path = tmp_path / "rabi.py"
    path.write_text("first")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "rabi.py")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return path


def revision(source: Path) -> tuple[str, bool | None]:
    found = collect_provenance(source, NOW)
    return found.git_revision, found.git_dirty


def test_the_revision_of_the_source(source: Path) -> None:
    head = git(source.parent, "rev-parse", "HEAD")
    assert revision(source) == (head, False)
    source.write_text("changed")
    assert revision(source) == (head, True)


def test_a_source_that_git_does_not_know_is_dirty(source: Path) -> None:
    other = source.with_name("other.py")
    other.write_text("new")
    assert revision(other)[1] is True
    assert revision(source)[1] is False  # a stranger beside it does not matter


def test_no_commit_no_repository_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rabi.py"
    path.write_text("x")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert revision(path) == ("", None)
    git(tmp_path, "init", "--quiet")
    assert revision(path) == ("", None)
    monkeypatch.setenv("PATH", "")
    assert revision(path) == ("", None)


def test_what_is_known_of_the_interpreter() -> None:
    found = collect_provenance(None, NOW)
    assert found.started == NOW
    assert (found.source_file, found.git_revision, found.git_dirty) == ("", "", None)
    assert found.python == platform.python_version()
    assert dict(found.packages)["numpy"] == importlib.metadata.version("numpy")
    assert list(found.packages) == sorted(found.packages)


def test_no_names_of_machines_and_folders(source: Path) -> None:
    text = repr(replace(collect_provenance(source, NOW), packages=(), platform=""))
    assert not re.search(rf"\b{re.escape(platform.node())}\b", text)
    assert str(source.parent) not in text
    assert "rabi.py" in text


def test_provenance_is_a_value() -> None:
    assert Provenance(NOW) == Provenance(NOW)


def test_a_name_that_looks_like_a_pattern_is_a_name(source: Path) -> None:
    odd = source.with_name("scan[12].py")
    odd.write_text("x")
    git(source.parent, "add", ":(literal)scan[12].py")
    git(source.parent, "commit", "--quiet", "--message", "second")
    assert revision(odd)[1] is False


def test_without_an_answer_nobody_knows_whether_the_source_is_dirty(source: Path) -> None:
    head = git(source.parent, "rev-parse", "HEAD")
    (source.parent / ".git" / "index").write_bytes(b"no index")
    assert revision(source) == (head, None)
