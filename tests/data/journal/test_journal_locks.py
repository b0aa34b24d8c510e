"""Who writes a journal, as its readers see it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from data.errors import JournalBusyError
from data.journal import JournalReader, JournalWriter, machine, reader
from data.journal.frames import FIRST_FRAME, pack_head

if sys.platform == "win32":
    pytest.skip("Windows has no locks that can be asked for", allow_module_level=True)

import fcntl

ROOT = Path(__file__).resolve().parents[3]
MANUAL = 1e6  # s between looks of the sync thread: never, within a test


@pytest.fixture(params=["own locks", "flock"])
def lock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Test on the locks of this system, and on those of macOS."""
    if request.param == "flock":
        monkeypatch.delattr(fcntl, "F_OFD_SETLK", raising=False)
        monkeypatch.delattr(fcntl, "F_OFD_GETLK", raising=False)
    return str(request.param)


@pytest.mark.usefixtures("lock")
def test_readers_see_whether_a_writer_lives(tmp_path: Path) -> None:
    path = tmp_path / "j"
    writer = JournalWriter.create(path)
    with JournalReader(path) as reader:
        assert reader.has_writer() is True
        with pytest.raises(JournalBusyError):
            JournalWriter.reopen(path)
        assert reader.has_writer() is True
        writer.close()
        assert reader.has_writer() is False
        with JournalWriter.reopen(path):
            assert reader.has_writer() is True
        assert reader.has_writer() is False


@pytest.mark.usefixtures("lock")
def test_asking_is_never_in_the_way_of_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "j"
    JournalWriter.create(path).close()
    ended = threading.Event()

    def ask() -> None:
        with JournalReader(path) as reader:
            while not ended.is_set():
                reader.has_writer()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            JournalWriter.reopen(path, sync_every=MANUAL).close()
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def test_a_writer_waits_for_a_reader_that_just_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(fcntl, "F_OFD_SETLK", raising=False)
    JournalWriter.create(tmp_path / "j").close()
    with (tmp_path / "j").open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        waits: list[float] = []

        def sleep(pause: float) -> None:
            waits.append(pause)
            if len(waits) == 3:
                fcntl.flock(asking, fcntl.LOCK_UN)

        monkeypatch.setattr("data.journal.locks.time.sleep", sleep)
        JournalWriter.reopen(tmp_path / "j", sync_every=MANUAL).close()
    assert len(waits) == 3


HOLDER = """
import sys
from data.journal import JournalReader, JournalWriter

with JournalWriter.create(sys.argv[1]) as writer:
    JournalReader(sys.argv[1]).close()  # closing another descriptor must not release the lock
    print("locked", flush=True)
    sys.stdin.read()
"""

FORKER = """
import os, sys
from data.errors import RunClosedError
from data.journal import JournalWriter

writer = JournalWriter.create(sys.argv[1])
writer.append(1, [b"of the parent"])
if os.fork():
    os.wait()
try:
    writer.append(1, [b"of the child"])
except RunClosedError:
    print("refused", flush=True)
writer.close()
sys.stdin.read()
"""


def start(program: str, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program, str(path)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_the_writer_may_be_another_process(tmp_path: Path) -> None:
    with start(HOLDER, tmp_path / "j") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        with JournalReader(tmp_path / "j") as reader:
            assert reader.has_writer() is True
            with pytest.raises(JournalBusyError):
                JournalWriter.reopen(tmp_path / "j")
            process.kill()
            process.wait()
            assert reader.has_writer() is False
    JournalWriter.reopen(tmp_path / "j").close()


def test_a_child_does_not_keep_the_journal_of_its_dead_parent(tmp_path: Path) -> None:
    with start(FORKER, tmp_path / "j") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "refused\n"  # the child lives until its input ends
        with JournalReader(tmp_path / "j") as reader:
            assert reader.has_writer() is True
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert reader.has_writer() is False
            assert [bytes(reader.payload(frame)) for frame in reader.frames()] == [b"of the parent"]


def refuse(*_: Any) -> None:
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


def test_drives_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "fcntl", refuse)
        patch.setattr(fcntl, "flock", refuse)
        with JournalWriter.create(tmp_path / "j") as writer, JournalReader(tmp_path / "j") as reader:
            writer.append(1, [b"written all the same"])
            assert len(reader.poll()) == 1
            assert reader.has_writer() is None
    # Another machine that sees no lock does not know better.
    with JournalReader(tmp_path / "j") as reader:
        assert reader.has_writer() is None


def test_locks_of_another_machine_are_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with JournalWriter.create(tmp_path / "j"):
        monkeypatch.setattr(reader, "this_machine", lambda: "00000000000000aa-00000000000000bb")
        with JournalReader(tmp_path / "j") as found:
            assert found.has_writer() is True  # a lock that is seen is there
    with JournalReader(tmp_path / "j") as found:
        assert found.has_writer() is None
        monkeypatch.undo()
        assert found.has_writer() is False


def test_the_last_machine_that_wrote_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    JournalWriter.create(tmp_path / "j").close()
    monkeypatch.setattr("data.journal.writer.this_machine", lambda: "00000000000000aa-00000000000000bb")
    JournalWriter.reopen(tmp_path / "j").close()
    with JournalReader(tmp_path / "j") as found:
        assert found.has_writer() is None


def test_a_journal_that_nobody_has_signed_yet(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(pack_head(bytes(16)))
    with JournalReader(tmp_path / "j") as found:
        assert (found.end, found.has_writer()) == (FIRST_FRAME, None)


WINDOWS = """
import sys
import numpy, h5py, data.disk, data.errors
import os, pathlib, subprocess, tempfile, threading, uuid

path, sys.platform = pathlib.Path(sys.argv[1]), "win32"
sys.modules["fcntl"] = None
del os.writev, os.fdatasync, os.register_at_fork, os.pread
from data.journal import JournalReader, JournalWriter, this_machine

with JournalWriter.create(path, sync_every=0.001) as writer, JournalReader(path) as reader:
    writer.append(1, [b"some", b"", bytes(100)])
    writer.sync()
    assert [bytes(reader.payload(frame)) for frame in reader.poll()] == [b"some" + bytes(100)]
    assert reader.has_writer() is None
JournalWriter.reopen(path).close()
print(len(this_machine()))
"""


def test_windows(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WINDOWS, str(tmp_path / "j")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "33\n"), done.stderr


def test_this_machine_is_not_given_away() -> None:
    told = machine.this_machine()
    assert told == machine.this_machine()
    secrets = [
        path.read_text()
        for path in (Path("/etc/machine-id"), Path("/proc/sys/kernel/random/boot_id"))
        if path.exists()
    ]
    for secret in secrets:
        assert all(half not in secret.replace("-", "") for half in told.split("-"))
        assert secret.strip()


@pytest.mark.parametrize(("node", "known"), [(0x0242AC110002, True), (0x0142AC110002, False)])
def test_a_machine_without_an_id(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, node: int, known: bool
) -> None:
    machine.this_machine.cache_clear()
    monkeypatch.setattr(machine, "_MACHINE_ID", (tmp_path / "none",))
    monkeypatch.setattr(machine, "_BOOT_ID", (tmp_path / "none",))
    monkeypatch.setattr("uuid.getnode", lambda: node)
    found, boot = machine.this_machine().split("-")
    machine.this_machine.cache_clear()
    assert boot == 16 * "0"
    assert (found != 16 * "0") == known


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("a-b", "a-b", True),
        ("a-b", "a-c", True),  # the same machine, started anew: a writer of before is dead
        ("a-b", "c-b", True),  # containers of one machine
        ("a-b", "c-d", False),
        ("a-b", "b-a", False),
        (f"{16 * '0'}-b", f"{16 * '0'}-c", False),
        ("", "", False),
        ("garbage", "a-b", False),
    ],
)
def test_where_locks_are_shared(one: str, other: str, shared: bool) -> None:
    assert machine.shares_locks(one, other) is shared
