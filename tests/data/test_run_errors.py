"""What is said about files that cannot be read or written."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from data import Record, RunHeader, RunWriter, open_run, verify, write_results
from data.errors import (
    CopyBusyError,
    DamagedRunError,
    ForeignFileError,
    NewerSchemaError,
    NoSpaceError,
    NotHDF5Error,
    RunBusyError,
    SealBrokenError,
    TruncatedFileError,
    UnreadableFileError,
    UnwritableFolderError,
    WriteFailedError,
)
from data.seal import unsealed_length

MakeRecord = Callable[..., Record]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, header: RunHeader, make_record: MakeRecord) -> Path:
    """A finished run, of which tests harm copies."""
    with RunWriter.create(tmp_path_factory.mktemp("sound"), header) as writer:
        for i in range(3):
            writer.append({"basis": "Z", "angle": i}, make_record(i))
        return writer.finish({"fidelity": 0.9})


@pytest.fixture
def run_path(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound.parent, tmp_path / sound.parent.name), sound.name)


def test_no_hdf5_file(tmp_path: Path) -> None:
    path = tmp_path / "notes.h5"
    path.write_text("not a run")
    with pytest.raises(NotHDF5Error) as told:
        open_run(path)
    assert str(told.value) == (
        f"{path} is no HDF5 file (9 bytes), so nothing in it can be read; give the .h5 file of a run"
    )


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.h5"
    path.touch()
    with pytest.raises(NotHDF5Error) as told:
        open_run(path)
    assert str(told.value) == (
        f"{path} is empty (0 bytes), so nothing in it can be read; give the .h5 file of a run"
    )


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_truncated_file(run_path: Path, share: float) -> None:
    size = unsealed_length(run_path)
    os.truncate(run_path, int(size * share))
    with pytest.raises(TruncatedFileError) as told:
        open_run(run_path)
    assert str(told.value) == (
        f"{run_path} is cut short: only {int(size * share)} of {size} bytes are there, and HDF5 opens "
        "no part of such a file; copy the original again"
    )


def test_hdf5_file_of_others(tmp_path: Path) -> None:
    path = tmp_path / "artiq.h5"
    with h5py.File(path, "w") as file:
        file["datasets/x"], file["rid"] = 1, 7
    with pytest.raises(ForeignFileError) as told:
        open_run(path)
    assert str(told.value) == (
        f"{path} is an HDF5 file, but not a run of ionloom (no attribute `ionloom_schema`); "
        "it holds datasets, rid; read it with h5py"
    )
    with h5py.File(path, "a"):  # the refusal has closed it
        pass


def test_newer_layout(run_path: Path) -> None:
    with h5py.File(run_path, "a") as file:
        file.attrs["ionloom_schema"] = 3
    with pytest.raises(NewerSchemaError) as told:
        open_run(run_path)
    assert str(told.value) == (
        f"{run_path} has layout 3, but this ionloom reads layouts up to 2; "
        "update ionloom (plain h5py reads the file meanwhile)"
    )


def test_missing_file_and_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError) as told:
        open_run(tmp_path / "none.h5")
    assert str(told.value) == (
        f"cannot read {tmp_path / 'none.h5'}: No such file or directory; check the path and its permissions"
    )
    with pytest.raises(UnreadableFileError, match="Is a directory"):
        open_run(tmp_path)


def test_damaged_head(run_path: Path) -> None:
    with h5py.File(run_path, "a") as file:
        del file["entry/title"], file["entry/entry_identifier"]
    with pytest.raises(DamagedRunError) as told:
        open_run(run_path)
    assert str(told.value).startswith(f"{run_path}: its head is damaged (")
    assert str(told.value).endswith(
        "); nothing is usable through ionloom; compare with another copy of the file, or check the disk"
    )


def test_a_layout_that_is_no_number(run_path: Path) -> None:
    with h5py.File(run_path, "a") as file:
        file.attrs["ionloom_schema"] = "first"
    with pytest.raises(DamagedRunError, match="its head is damaged"):
        open_run(run_path)
    with h5py.File(run_path, "a"):  # the refusal has closed it
        pass


def test_a_flipped_bit_is_found(run_path: Path) -> None:
    """Fletcher-32 of HDF5 sees what happened to the bytes on the disk."""
    spoil(run_path, "photon_data/timestamps")
    with (
        open_run(run_path) as run,
        pytest.raises(DamagedRunError, match=r"point 1 \(photon_data/timestamps\) is damaged"),
    ):
        run.record(1)


def test_a_changed_number_is_found(run_path: Path) -> None:
    """The seal sees what another program changed, and nothing is added to such a file."""
    with h5py.File(run_path, "a") as file:
        file["entry/shots/counts/ions"][20, 0] += 1
    assert not verify(run_path).is_whole
    before = run_path.read_bytes()
    with pytest.raises(SealBrokenError) as told:
        write_results(run_path, {"fidelity": 0.8})
    assert str(told.value) == (
        f"{run_path} is not as it was when it was finished: its bytes do not match its seal; nothing was "
        "changed; `ionloom verify` tells what is still sound, a copy or a backup may be whole"
    )
    assert run_path.read_bytes() == before
    assert [path.name for path in run_path.parent.iterdir()] == [run_path.name]


def test_a_run_that_another_program_writes(run_path: Path) -> None:
    hold = "import h5py, sys; file = h5py.File(sys.argv[1], 'a'); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, run_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(RunBusyError) as told:
            open_run(run_path)
        process.stdin.close()
    assert str(told.value) == (
        f"{run_path} is open for writing in another program (ionloom itself never writes into the file of a "
        "run); close it there, then open it again"
    )


def test_a_folder_that_cannot_be_written(tmp_path: Path, header: RunHeader) -> None:
    folder = tmp_path / "runs"
    folder.touch()
    with pytest.raises(UnwritableFolderError) as told:
        RunWriter.create(folder, header)
    assert str(told.value) == (
        f"cannot write runs to {folder}: Not a directory; choose another folder or mend its permissions"
    )


def test_no_room_for_a_run(tmp_path: Path, header: RunHeader) -> None:
    with pytest.raises(NoSpaceError, match=r"1000000000000\.0 MB are needed with the reserve"):
        RunWriter.create(tmp_path, header, reserve=10**18)
    assert not list(tmp_path.rglob("*.h5"))


def test_no_room_for_a_point(tmp_path: Path, header: RunHeader, make_record: MakeRecord) -> None:
    """The writer believes that the disk fills up: the reserve grows while the run goes on."""
    writer = RunWriter.create(tmp_path, header)
    writer.append({"basis": "Z", "angle": 0}, make_record(0))
    writer._reserve = 10**18
    with pytest.raises(NoSpaceError) as told:
        writer.append({"basis": "Z", "angle": 1}, make_record(1))
    free = f"{told.value.free / 1e6:.1f}"
    assert str(told.value) == (
        f"no room for {writer.journal}: 1000000000000.0 MB are needed with the reserve, {free} MB are free; "
        "its 1 completed points are safe; free some space, then go on"
    )
    with pytest.raises(NoSpaceError):
        writer.finish()
    writer.close()
    with open_run(writer.path) as run:
        assert (run.status, len(run)) == ("unfinished", 1)


def test_a_copy_that_cannot_be_written_leaves_the_run(run_path: Path) -> None:
    run_path.with_name(f"{run_path.name}.part").mkdir()
    before = run_path.read_bytes()
    with pytest.raises(WriteFailedError) as told:
        write_results(run_path, {"fidelity": np.float64(0.8)})
    assert str(told.value) == (
        f"writing {run_path} failed: Is a directory; its 3 completed points are safe and can be opened; "
        "check the disk before you go on"
    )
    assert run_path.read_bytes() == before


def test_errors_cross_processes(run_path: Path) -> None:
    error = TruncatedFileError(run_path, 3, 7)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (type(copy), str(copy)) == (TruncatedFileError, str(error))


def spoil(run_path: Path, dataset: str) -> None:
    """Flip a bit of the first chunk of a dataset, which its Fletcher-32 sees."""
    with h5py.File(run_path) as file:
        chunk = file[dataset].id.get_chunk_info(0)
    with run_path.open("r+b") as raw:
        raw.seek(chunk.byte_offset + chunk.size // 2)
        byte = raw.read(1)[0]
        raw.seek(-1, os.SEEK_CUR)
        raw.write(bytes([byte ^ 1]))


def test_a_column_that_is_gone(run_path: Path) -> None:
    with h5py.File(run_path, "a") as file:
        del file["entry/gates/open"]
    with open_run(run_path) as run:
        assert len(run.points) == 3
        with pytest.raises(DamagedRunError, match=r"point 0 \(entry/gates/open\) is damaged"):
            run.record(0)


def test_damage_behind_the_first_look(run_path: Path) -> None:
    with h5py.File(run_path, "a") as file:
        del file["entry/parameters"], file["analysis/0001/results"]
    usable = "points and records can still be read unless they say the same"
    with open_run(run_path) as run:
        run.record(0)
        for name, part in (("header", "its head"), ("parameters", "its head"), ("results", "its analysis")):
            with pytest.raises(DamagedRunError) as told:
                getattr(run, name)
            assert str(told.value).startswith(f"{run_path}: {part} is damaged (")
            assert usable in str(told.value)


def test_a_copy_that_is_interrupted_leaves_only_the_run(
    run_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C may come when the copy is written and not yet in the place of the run."""
    before = run_path.read_bytes()

    def press_ctrl_c(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("data.archive.write_analysis", press_ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        write_results(run_path, {"fidelity": 0.8})
    assert [path.name for path in run_path.parent.iterdir()] == [run_path.name]
    assert run_path.read_bytes() == before


def python(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a program that can import the data room."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


HOLD = """
import sys
from pathlib import Path
from data.archive import _claimed
with _claimed(Path(sys.argv[1]), 0):
    print(flush=True)
    sys.stdin.read()
"""

ADD = """
import sys
from data import write_results
print(flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    write_results(sys.argv[1], {"by": sys.argv[2], "number": number})
"""


def test_a_copy_that_another_program_makes_is_left_to_it(run_path: Path) -> None:
    part = run_path.with_name(f"{run_path.name}.part")
    with python(HOLD, part) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(CopyBusyError) as told:
            write_results(run_path, {"fidelity": 0.8}, patience=0.05)
        assert part.exists()
        with open_run(run_path) as run:  # reading is possible meanwhile
            assert "fidelity" in run.results
        process.stdin.close()
    assert str(told.value) == (
        f"nothing was written into {run_path}: another program has been writing into its copy {part.name} "
        "for more than 0.05 s, as another analysis of this run or a repair does; try again when it has ended"
    )
    write_results(run_path, {"fidelity": 0.8})
    assert not part.exists()


def test_results_wait_for_those_of_another_program(run_path: Path) -> None:
    part = run_path.with_name(f"{run_path.name}.part")
    with python(HOLD, part) as holder, python(ADD, run_path, "late", 1) as writer:
        assert holder.stdout is not None
        assert writer.stdout is not None
        holder.stdout.readline()
        writer.stdout.readline()
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(0.3)
        holder.communicate("")
        assert writer.wait(60) == 0
    with open_run(run_path) as run:
        assert run.results["by"] == "late"


def test_programs_that_add_results_at_the_same_time_lose_none(run_path: Path) -> None:
    each = 4
    with open_run(run_path) as run:
        before = len(run.analyses)
    writers = [python(ADD, run_path, name, each) for name in "ab"]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()  # all are ready before the first begins
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        with writer:
            assert writer.wait(120) == 0
    assert verify(run_path).is_whole
    with open_run(run_path) as run:
        added = [(one.results["by"], one.results["number"]) for one in run.analyses[before:]]
    assert sorted(added) == [(name, number) for name in "ab" for number in range(each)]


def test_a_folder_that_vanishes_while_a_run_goes_on(
    tmp_path: Path, header: RunHeader, make_record: MakeRecord
) -> None:
    writer = RunWriter.create(tmp_path / "runs", header)
    shutil.rmtree(tmp_path / "runs")
    with pytest.raises(WriteFailedError, match="failed: No such file or directory; its 0 completed points"):
        writer.append({"basis": "Z", "angle": 0}, make_record(0))
    writer.close()
