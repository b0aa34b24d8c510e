"""A run that is going on, followed by others while it is written."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Final

import pytest
from records import assert_same
from short_runs import BATCHES, Say, batch, check_points, header_of, record_points, whole_point

from data import RunWriter, open_run
from data.errors import RunFileError

if sys.platform == "win32":
    pytest.skip("nothing can be forked there", allow_module_level=True)

PATIENCE: Final = 30.0
"""s that a broken test may hang."""


class Recorder:
    """A process that records a run as fast as it can."""

    def __init__(self, folder: Path, points: int, ending: str = "finish") -> None:
        reading, writing = os.pipe()
        self.child = os.fork()
        if not self.child:
            code = 1
            try:
                self.work(folder, points, ending, lambda said: os.write(writing, said))
                code = 0
            finally:
                os._exit(code)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:  # until the run has begun
            self.path = Path(pipe.readline().decode().strip())

    @staticmethod
    def work(folder: Path, points: int, ending: str, say: Say) -> None:
        writer = RunWriter.create(folder, header_of())
        say(f"{writer.path}\n".encode())
        record_points(writer, points)
        if ending == "finish":
            writer.finish({"fidelity": 0.9}, message="as planned")
        else:
            with writer.point({"i": points}) as point:
                point.add(batch(points, 0))
                os._exit(0)

    def wait(self) -> None:
        assert os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1]) == 0


def test_each_point_once_and_in_order(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, 20)
    with open_run(recorder.path) as run:
        assert run.path.suffix == ".journal"
        seen = []
        for index, values, record in run.follow(poll=0.001):
            assert values == {"i": index}
            assert_same(record, whole_point(index))
            seen.append(index)
        assert seen == list(range(20))
        assert (run.status, run.message, run.results) == ("complete", "as planned", {"fidelity": 0.9})
    recorder.wait()
    with open_run(recorder.path) as run:
        assert run.path.suffix == ".h5"
        assert [index for index, _, _ in run.follow()] == seen  # one that has ended gives all, and ends
        check_points(run, points=20)


def test_it_ends_when_the_writer_is_killed(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, 10, "vanish")
    with open_run(recorder.path) as run:
        seen = {index: record.shots for index, _, record in run.follow(poll=0.001)}
        assert list(seen) == list(range(11))
        assert seen[10] == batch(10, 0).shots  # the last one with the batch that it had
        assert (run.status, run.message) == (
            "unfinished",
            "cut off while it was running; point 10 may lack shots",
        )
        assert check_points(run) == 10 * BATCHES + 1
    recorder.wait()


def test_many_follow_and_the_writer_takes_no_notice(tmp_path: Path) -> None:
    """Readers come and go, by path, journal or id, and see only whole points."""
    writer = RunWriter.create(tmp_path, header_of())
    ended = threading.Event()
    problems: list[BaseException] = []

    def look(which: Path | str) -> None:
        try:
            while not ended.is_set():
                with open_run(which, tmp_path) as run:
                    check_points(run)
        except RunFileError as error:  # when it ends, the journal goes
            if not ended.is_set():
                problems.append(error)
        except BaseException as error:
            problems.append(error)

    readers = [threading.Thread(target=look, args=(which,)) for which in (writer.path, writer.id)]
    for reader in readers:
        reader.start()
    try:
        record_points(writer, 8)
    finally:
        ended.set()
        for reader in readers:
            reader.join(PATIENCE)
    assert problems == []
    with open_run(writer.finish()) as run:
        check_points(run, points=8)


def test_an_open_run_sees_the_end(tmp_path: Path) -> None:
    """The very object that was opened while the run was going on tells how it ended."""
    writer = RunWriter.create(tmp_path, header_of())
    record_points(writer, 1)
    with open_run(writer.path) as run:
        assert (run.status, run.ended, len(run), run.results) == ("running", None, 1, {})
        record_points_from(writer, 1, 3)
        writer.log("done")
        assert len(run) == 1  # until it looks again
        assert len(run.refresh()) == 3
        assert [message.text for message in run.messages] == ["done"]
        assert [values["i"] for values in run.points] == [0, 1, 2]
        writer.finish({"fidelity": 0.5}, message="as planned")
        assert run.refresh().status == "complete"
        assert run.ended is not None
        assert run.results == {"fidelity": 0.5}
        assert run.header == header_of()
        check_points(run, points=3)


def record_points_from(writer: RunWriter, begin: int, end: int) -> None:
    for i in range(begin, end):
        writer.append({"i": i}, whole_point(i), {"power": 0.0})


def test_a_batch_is_not_seen_before_its_point_is_complete(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, header_of())
    with open_run(writer.path) as run:
        with writer.point({"i": 0}) as point:
            point.add(batch(0, 0))
            assert len(run.refresh()) == 0
            point.add(batch(0, 1))
            assert len(run.refresh()) == 0
        assert len(run.refresh()) == 1
        assert_same(run.record(0), whole_point(0, batches=2))
    writer.close()


def test_the_end_comes_between_two_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All points are given, even if the last ones come when the reader has just asked who writes."""
    writer = RunWriter.create(tmp_path, header_of())
    record_points(writer, 1)
    with open_run(writer.path) as run:
        reader = run._source._reader  # type: ignore[attr-defined]
        ask = reader.has_writer

        def asked_too_early() -> bool | None:
            monkeypatch.undo()
            answer: bool | None = ask()
            record_points_from(writer, 1, 3)
            writer.close()  # without an end, as a program that is killed
            return answer

        monkeypatch.setattr(reader, "has_writer", asked_too_early)
        assert [index for index, _, _ in run.follow(poll=0.0)] == [0, 1, 2]
        assert run.status == "unfinished"


def test_a_run_that_ends_while_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal goes between the look for it and its opening."""
    writer = RunWriter.create(tmp_path, header_of())
    record_points(writer, 1)
    journal = writer.journal
    exists = Path.exists

    def seen_and_gone(self: Path) -> bool:
        there = exists(self)
        if self == journal:
            monkeypatch.undo()
            writer.finish()
        return there

    monkeypatch.setattr(Path, "exists", seen_and_gone)
    with open_run(writer.path) as run:
        assert (run.status, run.path) == ("complete", writer.path)
    with open_run(journal) as run:  # as `find_run` may have told it before
        assert run.path == writer.path


def test_following_costs_the_same_for_each_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read already is not read again: a long run can be followed."""
    writer = RunWriter.create(tmp_path, header_of())
    record_points_from(writer, 0, 30)
    reads: list[int] = []
    with open_run(writer.path) as run:
        source = run._source
        read = source.read

        def counted(path: str, begin: int, end: int) -> object:
            if path == "entry/scan/i":
                reads.append(end - begin)
            return read(path, begin, end)

        monkeypatch.setattr(source, "read", counted)
        following = run.follow(poll=0.0)
        for _ in range(30):
            next(following)
        record_points_from(writer, 30, 31)
        assert next(following)[0] == 30
    assert sum(reads) <= 2 * 31
    writer.close()
