from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from data import Record, RunHeader, RunWriter, find_runs, open_run, write_results
from data.errors import ResultsError

MakeRecord = Callable[..., Record]


@pytest.fixture
def run_path(tmp_path: Path, header: RunHeader, make_record: MakeRecord) -> Path:
    with RunWriter.create(tmp_path, header) as writer:
        for i in range(2):
            writer.append({"basis": "Z", "angle": i}, make_record(i))
        return writer.finish({"fidelity": 0.9, "matrix": np.eye(2) * 1j}, message="first")


def test_results_are_added_and_nothing_else_changes(run_path: Path) -> None:
    with open_run(run_path) as before:
        rows = [before.rows(i) for i in range(2)]
        header, ended = before.header, before.ended
    write_results(run_path, {"fidelity": 0.8})
    with open_run(run_path) as after:
        assert (after.header, after.ended, after.message) == (header, ended, "first")
        assert after.results == {"fidelity": 0.8}
        np.testing.assert_array_equal(after.file["analysis/0001/arrays/matrix"][()], np.eye(2) * 1j)
        for i in range(2):
            for path, values in after.rows(i).items():
                np.testing.assert_array_equal(values, rows[i][path])
    assert [path.name for path in run_path.parent.iterdir()] == [run_path.name]


def test_a_copy_that_a_crash_left_does_not_matter(tmp_path: Path, run_path: Path) -> None:
    run_path.with_name(f"{run_path.name}.part").write_bytes(b"half of a copy")
    assert len(find_runs(tmp_path)) == 1
    write_results(run_path, {"fidelity": 0.8})
    with open_run(run_path) as run:
        assert run.results == {"fidelity": 0.8}


def test_bad_results_change_nothing(run_path: Path) -> None:
    before = run_path.read_bytes()
    with pytest.raises(ResultsError):
        write_results(run_path, {"x": object()})
    assert run_path.read_bytes() == before


def test_the_archive_is_smaller_than_what_grew(
    tmp_path: Path, header: RunHeader, make_record: MakeRecord
) -> None:
    writer = RunWriter.create(tmp_path, header)
    writer.append({"basis": "Z", "angle": 0}, make_record(0, shots=100_000, clicks=1000))
    live = writer.journal.stat().st_size
    assert writer.finish().stat().st_size < live / 2


def test_columns_longer_than_a_slab_are_copied_whole(
    tmp_path: Path, header: RunHeader, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data.archive._SLAB", 100)
    writer = RunWriter.create(tmp_path, header)
    for i in range(3):
        writer.append({"basis": "Z", "angle": i}, make_record(i))
    with open_run(writer.finish()) as run:
        for i, record in enumerate(run.records()):
            np.testing.assert_array_equal(record.counts["ions"], make_record(i).counts["ions"])
            np.testing.assert_array_equal(record.tags.t_ps, make_record(i).tags.t_ps)


def test_old_layout_stays_readable_by_hdf5_1_8(run_path: Path) -> None:
    """The superblock of version 0 is what every HDF5 library opens."""
    with h5py.File(run_path) as file:
        assert file.libver[0] == "earliest"
    assert run_path.read_bytes()[8] == 0
