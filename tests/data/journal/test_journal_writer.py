"""Writing journals: what goes in, and what is left of it when the system refuses."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import (
    ForeignJournalError,
    JournalBusyError,
    NoSpaceError,
    RunClosedError,
    UnwritableFolderError,
    WriteFailedError,
)
from data.journal import JournalReader, JournalWriter
from data.journal.frames import FIRST_FRAME, HEADER_BYTES

ROOT = Path(__file__).resolve().parents[3]
MANUAL = 1e6  # s between looks of the sync thread: never, within a test
PATIENCE = 20.0  # s until a thread must have answered

Journal = Any
"""The SmallJournal of conftest.py."""


def contents(path: Path) -> list[tuple[int, bytes]]:
    with JournalReader(path, verify="all") as reader:
        frames = [(frame.kind, bytes(reader.payload(frame))) for frame in reader.frames()]
        assert (reader.torn, reader.gaps) == (0, [])
    return frames


class Refusal:
    """`os.writev` of a system that takes some bytes only, and then does what it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, takes: int, then: Callable[[], None]) -> None:
        self.left, self.then, self.write = takes, then, os.write
        monkeypatch.setattr(os, "writev", self)

    def __call__(self, descriptor: int, parts: Sequence[memoryview]) -> int:
        if not self.left:
            self.then()
        data = b"".join(parts)[: self.left]
        self.left -= len(data)
        return self.write(descriptor, data)


def fail(code: int) -> Callable[[], None]:
    def then() -> None:
        raise OSError(code, os.strerror(code))

    return then


@settings(max_examples=40)
@given(
    frames=st.lists(
        st.tuples(st.integers(1, 255), st.lists(st.binary(max_size=300), max_size=4)), max_size=20
    ),
    sync=st.booleans(),
)
def test_any_payloads_come_back(
    tmp_path_factory: pytest.TempPathFactory, frames: list[tuple[int, list[bytes]]], sync: bool
) -> None:
    path = tmp_path_factory.mktemp("journals") / "j"
    with JournalWriter.create(path, sync_every=MANUAL) as writer:
        for kind, parts in frames:
            writer.append(kind, parts)
            if sync:
                writer.sync()
    assert contents(path) == [(kind, b"".join(parts)) for kind, parts in frames]


TABLE = np.zeros(3, [("t", "<i8"), ("channel", "<u2")])


@pytest.mark.parametrize(
    "buffer",
    [
        b"bytes",
        bytearray(b"bytearray"),
        memoryview(b"memory"),
        memoryview(b"every second")[::2],
        memoryview(np.arange(6.0).reshape(2, 3)),
        np.arange(5, dtype=np.uint16),
        np.arange(5, dtype=">i4"),
        np.arange(24).reshape(2, 3, 4),
        np.arange(24).reshape(4, 6)[::2, ::3],
        np.arange(6).reshape(2, 3).T,
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.float64(0.5).reshape(()),
        np.array(3),
        np.empty((0, 3)),
        np.array([True, False]),
        np.array(["2025-03-14"], dtype="M8[s]"),
        TABLE,
        TABLE[:0],
    ],
    ids=lambda buffer: type(buffer).__name__,
)
def test_buffers_are_written_in_c_order(tmp_path: Path, buffer: Any) -> None:
    with JournalWriter.create(tmp_path / "j") as writer:
        writer.append(1, [buffer, b"", buffer])
    told = buffer.tobytes() if hasattr(buffer, "tobytes") else bytes(buffer)
    assert contents(tmp_path / "j") == [(1, 2 * told)]


def test_more_parts_than_the_system_takes_at_once(tmp_path: Path) -> None:
    parts = [bytes([i % 251]) * (i % 7) for i in range(5000)]
    with JournalWriter.create(tmp_path / "j") as writer:
        writer.append(9, parts)
    assert contents(tmp_path / "j") == [(9, b"".join(parts))]


@pytest.mark.parametrize("most", [1, 7, 64])
def test_a_system_that_writes_a_few_bytes_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    write = os.write
    monkeypatch.setattr(os, "writev", lambda descriptor, parts: write(descriptor, b"".join(parts)[:most]))
    with JournalWriter.create(tmp_path / "j") as writer:
        writer.append(1, [b"some", b"", np.arange(20)])
        writer.append(2, [b"more"])
    assert contents(tmp_path / "j") == [(1, b"some" + np.arange(20).tobytes()), (2, b"more")]


def test_one_call_of_the_system_a_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    writev = os.writev
    with JournalWriter.create(tmp_path / "j") as writer:
        monkeypatch.setattr(os, "writev", lambda fd, parts: calls.append(len(parts)) or writev(fd, parts))
        for _ in range(5):
            writer.append(1, [np.arange(1000), b"odd"])
    assert len(calls) == 5


def test_threads_may_append_at_the_same_time(tmp_path: Path) -> None:
    with JournalWriter.create(tmp_path / "j", sync_every=0.001) as writer:

        def work(kind: int) -> None:
            for number in range(200):
                writer.append(kind, [number.to_bytes(4, "little"), bytes(kind)])

        threads = [threading.Thread(target=work, args=(kind,)) for kind in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = contents(tmp_path / "j")
    for kind in range(1, 5):
        numbers = [int.from_bytes(payload[:4], "little") for k, payload in found if k == kind]
        assert numbers == list(range(200))


@pytest.mark.parametrize("kind", [0, 256, -1])
def test_kinds_that_are_not_for_use(tmp_path: Path, kind: int) -> None:
    with (
        JournalWriter.create(tmp_path / "j") as writer,
        pytest.raises(ValueError, match=rf"kind {kind} of a frame: use one of 1\.\.255"),
    ):
        writer.append(kind, [])


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "j").write_text("something")
    with pytest.raises(FileExistsError):
        JournalWriter.create(tmp_path / "j")
    assert (tmp_path / "j").read_text() == "something"


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(
        UnwritableFolderError, match=r"cannot write runs to .*none: No such file or directory"
    ):
        JournalWriter.create(tmp_path / "none" / "j")


def test_a_closed_journal_takes_nothing(tmp_path: Path) -> None:
    writer = JournalWriter.create(tmp_path / "j")
    writer.close()
    writer.close()
    with pytest.raises(RunClosedError, match=r"cannot add a frame to .*j: it is closed already"):
        writer.append(1, [b""])
    with pytest.raises(RunClosedError, match="cannot sync"):
        writer.sync()


def test_a_forgotten_journal_warns_and_lets_go(tmp_path: Path) -> None:
    writer = JournalWriter.create(tmp_path / "j", sync_every=MANUAL)
    with pytest.warns(ResourceWarning, match=r"forgotten without close"):
        del writer
    JournalWriter.reopen(tmp_path / "j").close()


class Disk:
    """A disk on which syncs are counted, and fail if they are told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.syncs, self.broken, self.synced = 0, False, threading.Event()
        self.real = os.fdatasync
        monkeypatch.setattr(os, "fdatasync", self)

    def __call__(self, descriptor: int) -> None:
        try:
            if self.broken:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            self.real(descriptor)
            self.syncs += 1
        finally:
            self.synced.set()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def test_a_sync_without_news_costs_nothing(tmp_path: Path, disk: Disk) -> None:
    with JournalWriter.create(tmp_path / "j", sync_every=MANUAL) as writer:
        created = disk.syncs
        assert created >= 1
        writer.sync()
        assert disk.syncs == created
        writer.append(1, [b"news"])
        writer.sync()
        writer.sync()
        assert disk.syncs == created + 1
        writer.append(1, [b"more"])
    assert disk.syncs == created + 2


def test_frames_come_to_the_disk_by_themselves(tmp_path: Path, disk: Disk) -> None:
    with JournalWriter.create(tmp_path / "j", sync_every=0.001) as writer:
        for number in range(1, 4):
            disk.synced.clear()
            writer.append(number, [b"news"])
            assert disk.synced.wait(PATIENCE)


def test_a_failed_sync_is_told_from_then_on(tmp_path: Path, disk: Disk) -> None:
    writer = JournalWriter.create(tmp_path / "j", sync_every=MANUAL)
    writer.points = 3
    writer.append(1, [b"x"])
    disk.broken = True
    told = (
        f"writing {tmp_path / 'j'} failed: Input/output error; its 3 completed points are safe and can be "
        "opened; check the disk before you go on"
    )
    with pytest.raises(WriteFailedError) as failure:
        writer.sync()
    assert str(failure.value) == told
    disk.broken = False  # what the system had forgotten by now is not to be trusted
    for action in (writer.sync, lambda: writer.append(1, [b"y"]), writer.close):
        with pytest.raises(WriteFailedError) as failure:
            action()
        assert str(failure.value) == told
    assert contents(tmp_path / "j") == [(1, b"x")]


def test_a_failed_sync_of_the_thread_is_told_at_the_next_frame(tmp_path: Path, disk: Disk) -> None:
    writer = JournalWriter.create(tmp_path / "j", sync_every=0.001)
    disk.broken = True
    disk.synced.clear()
    writer.append(1, [b"x"])
    assert disk.synced.wait(PATIENCE)
    with pytest.raises(WriteFailedError, match="Input/output error"):  # noqa: PT012
        for _ in count():
            writer.append(1, [b"y"])
    with pytest.raises(WriteFailedError):
        writer.close()


def test_what_happened_first_is_told_first(tmp_path: Path, disk: Disk) -> None:
    def experiment() -> None:
        with JournalWriter.create(tmp_path / "j", sync_every=MANUAL) as writer:
            writer.append(1, [b"x"])
            disk.broken = True
            raise RuntimeError("of the experiment")

    with pytest.raises(RuntimeError, match="of the experiment") as first:
        experiment()
    assert "Input/output error" in first.value.__notes__[0]


def test_nothing_is_left_of_a_journal_that_could_not_be_created(tmp_path: Path, disk: Disk) -> None:
    disk.broken = True
    with pytest.raises(WriteFailedError):
        JournalWriter.create(tmp_path / "j")
    assert list(tmp_path.iterdir()) == []


def test_a_system_without_room_for_a_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="new thread"):
            JournalWriter.create(tmp_path / "j")
    assert list(tmp_path.iterdir()) == []
    JournalWriter.create(tmp_path / "j").close()


def test_drives_that_cannot_sync_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fsync", refuse)
    with JournalWriter.create(tmp_path / "j") as writer:
        writer.append(1, [b"x"])
    assert contents(tmp_path / "j") == [(1, b"x")]


def test_a_full_disk_at_every_byte_of_a_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, expected = tmp_path / "j", []
    with JournalWriter.create(path, sync_every=MANUAL) as writer:
        for takes in range(HEADER_BYTES + 16):
            size = path.stat().st_size
            with monkeypatch.context() as patch:
                Refusal(patch, takes, fail(errno.ENOSPC))
                with pytest.raises(NoSpaceError):
                    writer.append(1, [b"lost", b"no room"])
            assert path.stat().st_size == size
            writer.append(2, [b"room", bytes([takes])])
            expected.append((2, b"room" + bytes([takes])))
    assert contents(path) == expected


def test_what_is_said_of_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with JournalWriter.create(tmp_path / "j", sync_every=MANUAL) as writer:
        writer.points = 7
        Refusal(monkeypatch, 0, fail(errno.ENOSPC))
        with pytest.raises(NoSpaceError) as told:
            writer.append(1, [bytes(2_000_000)])
        assert str(told.value).startswith(
            f"no room for {tmp_path / 'j'}: 2.0 MB are needed with the reserve, "
        )
        assert "its 7 completed points are safe" in str(told.value)
        assert told.value.free > 0


def test_no_room_for_the_first_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for takes in (0, 100, FIRST_FRAME, FIRST_FRAME + 10):
        with monkeypatch.context() as patch:
            Refusal(patch, takes, fail(errno.ENOSPC))
            with pytest.raises(NoSpaceError):
                JournalWriter.create(tmp_path / "j")
        assert not (tmp_path / "j").exists()


def test_a_torn_frame_that_cannot_be_cut_off_is_cut_off_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, length: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with JournalWriter.create(tmp_path / "j", sync_every=MANUAL) as writer:
        with monkeypatch.context() as patch:
            Refusal(patch, 10, fail(errno.EIO))
            patch.setattr(os, "ftruncate", refuse)
            for _ in range(2):
                with pytest.raises(WriteFailedError):
                    writer.append(1, [b"lost"])
            writer.sync()
        writer.append(2, [b"found"])
    assert contents(tmp_path / "j") == [(2, b"found")]


@pytest.mark.parametrize("takes", [0, 1, HEADER_BYTES, HEADER_BYTES + 7, HEADER_BYTES + 8])
def test_ctrl_c_leaves_a_whole_frame_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, takes: int
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with JournalWriter.create(tmp_path / "j", sync_every=MANUAL) as writer:
        with monkeypatch.context() as patch:
            Refusal(patch, takes, interrupt)
            whole = takes == HEADER_BYTES + 8
            if whole:
                patch.setattr(os, "writev", interrupted_after(os.writev, interrupt))
            with pytest.raises(KeyboardInterrupt):
                writer.append(1, [b"8 bytes."])
        writer.append(2, [b"next"])
    assert contents(tmp_path / "j") == [(1, b"8 bytes.")] * whole + [(2, b"next")]


def interrupted_after(write: Callable[..., int], interrupt: Callable[[], None]) -> Callable[..., int]:
    def interrupted(descriptor: int, parts: Sequence[memoryview]) -> int:
        write(descriptor, parts)
        interrupt()
        return 0

    return interrupted


LIMITED = """
import resource, sys
from data.errors import WriteFailedError
from data.journal import JournalWriter

with JournalWriter.create(sys.argv[1]) as writer:
    writer.append(1, [b"before"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    try:
        writer.append(2, [bytes(100_000)])
    except WriteFailedError as error:
        print(error.reason)
    writer.append(3, [b"small enough"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    writer.append(4, [bytes(100_000)])
"""


def run(program: str, *arguments: str | Path) -> str:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limits of files")
def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    assert run(LIMITED, tmp_path / "j") == "File too large"
    assert contents(tmp_path / "j") == [(1, b"before"), (3, b"small enough"), (4, bytes(100_000))]


FULL = """
import sys
from pathlib import Path
from data.errors import NoSpaceError
from data.journal import JournalReader, JournalWriter

folder = Path(sys.argv[1])
ballast = folder / "ballast"
ballast.write_bytes(bytes(300_000))
appended = 0
with JournalWriter.create(folder / "j") as writer:
    try:
        while True:
            writer.append(1, [bytes([appended % 256]) * 50_001])
            appended += 1
    except NoSpaceError as error:
        assert error.free < 50_041, error.free
    ballast.unlink()
    for _ in range(3):
        writer.append(1, [bytes([appended % 256]) * 50_001])
        appended += 1
with JournalReader(folder / "j", verify="all") as reader:
    payloads = [bytes(reader.payload(frame)) for frame in reader.frames()]
    assert (reader.torn, reader.gaps) == (0, [])
assert payloads == [bytes([i % 256]) * 50_001 for i in range(appended)]
print(appended)
"""


def test_a_disk_that_is_truly_full(tmp_path: Path) -> None:
    mount = f'mount -t tmpfs -o size=1m none "{tmp_path}" && '
    own = ["unshare", "-Urm", "sh", "-c"]
    try:
        able = subprocess.run([*own, mount + "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        able = False
    if not able:
        pytest.skip("no small disk can be mounted here")
    program = f'{mount} exec "{sys.executable}" -c \'{FULL}\' "{tmp_path}"'
    done = subprocess.run([*own, program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10


def test_a_journal_is_taken_up_again(small: Journal) -> None:
    with JournalWriter.reopen(small.path) as writer:
        writer.append(77, [b"again"])
    assert contents(small.path) == [*small.payloads.items(), (77, b"again")]


@pytest.mark.parametrize("tail", [1, 39, 40, 100, 5000])
def test_a_torn_tail_is_cut_off(small: Journal, tail: int) -> None:
    with small.path.open("ab") as file:
        file.write(small.path.read_bytes()[FIRST_FRAME:].ljust(tail, b"?")[:tail])
    JournalWriter.reopen(small.path).close()
    assert contents(small.path) == list(small.payloads.items())


def test_a_journal_cut_anywhere_is_taken_up_again(small: Journal) -> None:
    whole = small.path.read_bytes()
    for size in (0, 1, 63, 64, 4095, 4096, *range(FIRST_FRAME, len(whole), 9)):
        small.path.write_bytes(whole[:size])
        kept = small.read()
        with JournalWriter.reopen(small.path, sync_every=MANUAL) as writer:
            writer.append(99, [b"again"])
        assert contents(small.path) == [*kept.items(), (99, b"again")]


def test_only_journals_are_taken_up(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("something else")
    with pytest.raises(ForeignJournalError):
        JournalWriter.reopen(tmp_path / "notes")
    assert (tmp_path / "notes").read_text() == "something else"
    with pytest.raises(UnwritableFolderError, match="No such file or directory"):
        JournalWriter.reopen(tmp_path / "none")


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with JournalWriter.create(path) as writer:
        with pytest.raises(JournalBusyError) as told:
            JournalWriter.reopen(path)
        assert str(told.value) == (
            f"{path} is being written by another program, and only one may; wait until its run has ended, or "
            "stop that program (reading the run is possible meanwhile)"
        )
        writer.append(1, [b"undisturbed"])
    JournalWriter.reopen(path).close()
    assert contents(path) == [(1, b"undisturbed")]


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be renamed there")
def test_nobody_sees_it_without_its_first_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    writev = os.writev

    def look(descriptor: int, parts: Any) -> int:
        seen.append([path.name for path in tmp_path.iterdir()])
        return writev(descriptor, parts)

    monkeypatch.setattr(os, "writev", look)
    with JournalWriter.create(tmp_path / "j", [(1, [b"first"]), (2, [b"sec", b"ond"])]) as writer:
        assert seen == [["j.begun"]] * 4  # head, owner, and the two
        assert [path.name for path in tmp_path.iterdir()] == ["j"]
        assert writer.path == tmp_path / "j"
        writer.append(3, [b"third"])
    with JournalReader(tmp_path / "j") as reader:
        assert [bytes(reader.payload(frame)) for frame in reader.frames()] == [b"first", b"second", b"third"]


@pytest.mark.skipif(sys.platform != "linux", reason="the calls of another system are others")
@pytest.mark.parametrize("call", ["fdatasync", "rename"])
def test_one_that_cannot_be_named_is_not_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises((WriteFailedError, UnwritableFolderError), match="Input/output error"):
        JournalWriter.create(tmp_path / "j", [(1, [b"first"])])
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_taken_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a program that made its own a moment before."""
    path = tmp_path / "j"
    append = JournalWriter.append

    def late(self: JournalWriter, kind: int, buffers: Any) -> None:
        path.write_text("something")
        append(self, kind, buffers)

    monkeypatch.setattr(JournalWriter, "append", late)
    with pytest.raises(FileExistsError):
        JournalWriter.create(path, [(1, [b"first"])])
    assert (path.read_text(), len(list(tmp_path.iterdir()))) == ("something", 1)
