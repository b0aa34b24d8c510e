from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from records import assert_same

from data import InstrumentReading, Readout, Record, Run, RunHeader, RunWriter, open_run
from data.entries import Kind
from data.errors import PointError, ResultsError, RunClosedError, UnknownColumnError
from data.journal import JournalWriter
from data.points import PointValues

MakeRecord = Callable[..., Record]


def test_what_was_written_is_read(tmp_path: Path, header: RunHeader, make_record: MakeRecord) -> None:
    notes = [("first", "µ" * 251, ""), (), ("last",)]
    records = [make_record(i, shots, 7 * i, notes[i]) for i, shots in enumerate((20, 0, 5))]
    points: list[PointValues] = [
        {"basis": "Z", "angle": 0.0},
        {"basis": "X µ", "angle": 0.25},
        {"basis": "", "angle": -1e-9},
    ]
    before = datetime.now(UTC)
    with RunWriter.create(tmp_path, header) as writer:
        for point, record in zip(points, records, strict=True):
            writer.append(point, record)
        path = writer.finish({"fidelity": 0.9}, message="as planned")
    with open_run(path) as run:
        assert (run.id, run.experiment, run.status, run.message) == (
            writer.id,
            "ten ions",
            "complete",
            "as planned",
        )
        assert run.ended is not None
        assert before <= run.ended <= datetime.now(UTC)
        assert run.header == header
        assert run.parameters["window"].value == 5e-5
        assert isinstance(run.parameters["cooled"].value, bool)
        assert list(run.points) == points
        assert len(run) == 3
        assert run.results == {"fidelity": 0.9}
        for found, expected in zip(run.records(), records, strict=True):
            assert_same(found, expected)
        assert_same(run.record(-1), records[-1])
        assert repr(run) == f"<Run {run.id} ten ions: complete, 3 points>"


def test_a_run_without_points_axes_and_readouts_is_a_file_too(tmp_path: Path, header: RunHeader) -> None:
    bare = RunHeader("nothing", header.provenance)
    with open_run(RunWriter.create(tmp_path, bare).finish()) as run:
        assert (len(run), run.points, list(run.records()), run.results) == (0, (), [], {})
        assert run.header == bare


def test_the_name_begins_with_the_time_and_sorts(tmp_path: Path, header: RunHeader) -> None:
    path = RunWriter.create(tmp_path, header).finish()
    assert path.parent == tmp_path / "2025-03-14"
    assert re.fullmatch(r"20250314T092653589-[0-9a-f]{4}-ten_ions\.h5", path.name)


def test_runs_of_the_same_instant_have_their_own_files(tmp_path: Path, header: RunHeader) -> None:
    paths = {RunWriter.create(tmp_path, header).finish() for _ in range(5)}
    assert len(paths) == 5


def test_each_point_is_there_before_the_next(
    tmp_path: Path, header: RunHeader, make_record: MakeRecord
) -> None:
    writer = RunWriter.create(tmp_path, header)
    for i in range(3):
        writer.append({"basis": "Z", "angle": i}, make_record(i))
        with open_run(writer.path) as run:  # the same process may read what it writes
            assert (run.status, len(run)) == ("running", i + 1)
            assert_same(run.record(i), make_record(i))
    writer.finish()


def test_leaving_the_block_early_keeps_the_points(
    tmp_path: Path, header: RunHeader, make_record: MakeRecord
) -> None:
    told = {
        KeyboardInterrupt(): ("interrupted", "stopped by the user"),
        ValueError("no"): ("failed", "ValueError: no"),
    }
    for error, expected in told.items():
        writer = RunWriter.create(tmp_path, header)
        with suppress(type(error)), writer:
            writer.append({"basis": "Z", "angle": 0}, make_record(1))
            raise error
        with open_run(writer.path) as run:
            assert (run.status, run.message, len(run)) == (*expected, 1)
    with RunWriter.create(tmp_path, header) as writer:
        pass
    with open_run(writer.path) as run:
        assert (run.status, run.message) == ("interrupted", "left before its end")


def test_a_point_that_is_interrupted_half_way_is_overwritten(
    tmp_path: Path, header: RunHeader, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C may come between two entries; the point may then be repeated, and nothing of it counts twice."""
    writer = RunWriter.create(tmp_path, header)
    writer.append({"basis": "Z", "angle": 0}, make_record(0))
    append = JournalWriter.append
    for entry in (Kind.BATCH, Kind.POINT):

        def press_ctrl_c(self: JournalWriter, kind: int, buffers: Any, entry: Kind = entry) -> None:
            if kind == entry:
                raise KeyboardInterrupt
            append(self, kind, buffers)

        monkeypatch.setattr(JournalWriter, "append", press_ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            writer.append({"basis": "Z", "angle": 1}, make_record(1, shots=50))
        monkeypatch.undo()
    writer.append({"basis": "X", "angle": 2}, make_record(2))
    with open_run(writer.finish()) as run:
        assert [point["angle"] for point in run.points] == [0, 2]
        assert_same(run.record(0), make_record(0))
        assert_same(run.record(1), make_record(2))


def test_a_bad_point_leaves_the_run_as_it_was(
    tmp_path: Path, header: RunHeader, make_record: MakeRecord
) -> None:
    writer = RunWriter.create(tmp_path, header)
    writer.append({"basis": "Z", "angle": 0}, make_record(0))
    with pytest.raises(PointError):
        writer.append({"basis": "Z", "angle": np.nan}, make_record(1))
    writer.append({"basis": "Z", "angle": 2}, make_record(2))
    with open_run(writer.finish()) as run:
        assert_same(run.record(1), make_record(2))


def test_bad_results_do_not_end_the_run(tmp_path: Path, header: RunHeader, make_record: MakeRecord) -> None:
    writer = RunWriter.create(tmp_path, header)
    with pytest.raises(ResultsError):
        writer.finish({"when": datetime.now(UTC)})
    writer.append({"basis": "Z", "angle": 0}, make_record(0))
    with open_run(writer.finish()) as run:
        assert len(run) == 1


def test_a_finished_run_takes_no_more(tmp_path: Path, header: RunHeader, make_record: MakeRecord) -> None:
    writer = RunWriter.create(tmp_path, header)
    path = writer.finish()
    with pytest.raises(RunClosedError) as told:
        writer.append({"basis": "Z", "angle": 0}, make_record(0))
    assert str(told.value) == (
        f"cannot add a point to {path}: it is closed already; do it before, inside the `with` block"
    )
    with pytest.raises(RunClosedError, match="cannot finish"):
        writer.finish()


def test_a_closed_run_keeps_what_was_read(tmp_path: Path, header: RunHeader, make_record: MakeRecord) -> None:
    writer = RunWriter.create(tmp_path, header)
    writer.append({"basis": "Z", "angle": 0}, make_record(0))
    run = open_run(writer.finish())
    run.record(0)
    assert len(run.points) == 1
    run.close()
    run.close()
    assert len(run.points) == 1
    with pytest.raises(RunClosedError, match="cannot read"):
        run.record(0)


def test_a_point_that_is_not_there(tmp_path: Path, header: RunHeader) -> None:
    with (
        open_run(RunWriter.create(tmp_path, header).finish()) as run,
        pytest.raises(IndexError, match="has 0 completed points, there is no point 0"),
    ):
        run.record(0)


def test_columns_hold_all_points(tmp_path: Path, header: RunHeader, make_record: MakeRecord) -> None:
    writer = RunWriter.create(tmp_path, header)
    for i in range(3):
        writer.append({"basis": "Z", "angle": i}, make_record(i))
    with open_run(writer.finish()) as run:
        times = run.column("photon_data/timestamps")
        expected = np.concatenate([make_record(i).tags.t_ps for i in range(3)])
        np.testing.assert_array_equal(times, expected)
        np.testing.assert_array_equal(run.column("photon_data/timestamps", 5, 9), expected[5:9])
        rows = run.table_rows
        assert {name: rows[name] for name in ("shots", "attempts", "photons", "log", "scan")} == {
            "shots": 60,
            "attempts": 120,
            "photons": 90,
            "log": 3,
            "scan": 3,
        }


def test_the_file_explains_itself(tmp_path: Path, header: RunHeader, make_record: MakeRecord) -> None:
    """Plain h5py: units and meanings, scales, default plot, and filters that every library has."""
    writer = RunWriter.create(tmp_path, header)
    writer.append({"basis": "Z", "angle": 0.5}, make_record(0))
    with h5py.File(writer.finish()) as file:
        scan = file[file.attrs["default"]][file["entry"].attrs["default"]]
        counts = make_record(0).counts["ions"]
        np.testing.assert_allclose(scan[scan.attrs["signal"]][0], counts.mean(axis=0))
        np.testing.assert_allclose(scan["ions_mean_errors"][0], counts.std(axis=0, ddof=1) / np.sqrt(20))
        assert list(scan.attrs["axes"]) == ["angle", "ions_window"]
        assert scan["angle"].attrs["units"] == "turn"
        assert scan["ions_mean"].dims[0][0] == scan["point"]
        assert file["entry/shots/counts/ions"].dims[0][0] == file["entry/shots/shot"]
        assert file["entry/photons/event_time_offset"] == file["photon_data/timestamps"]
        assert file["photon_data/timestamps_specs/timestamps_unit"][()] == 1e-12
        assert list(file["entry/parameters"]) == ["window", "ions", "basis", "pi_time", "cooled"]
        timestamps = file["photon_data/timestamps"]
        assert (timestamps.shuffle, timestamps.compression, timestamps.fletcher32) == (True, "gzip", True)
        assert file["provenance/program"].asstr()[()] == "program ten_ions µ"


def test_the_file_tells_what_a_readout_is(tmp_path: Path, header: RunHeader, make_record: MakeRecord) -> None:
    gated = Readout("pmt", 2, "detector_h", "windows", rows=(3, 0, 5), windows=(0, 1, 1))
    header = dataclasses.replace(header, readouts=(header.readouts[0], gated))
    record = make_record(0)
    both = dataclasses.replace(record, counts=record.counts | {"pmt": np.repeat(record.counts["pmt"], 2, 1)})
    writer = RunWriter.create(tmp_path, header)
    writer.append({"basis": "Z", "angle": 0.5}, both)
    with open_run(writer.path) as live:
        assert live.readouts == header.readouts
    with open_run(writer.finish()) as run:
        assert run.readouts == header.readouts
        for path in ("entry/shots/counts/pmt", "entry/scan/pmt_mean"):
            told = run.file[path].attrs
            assert (told["readout"], told["source"], told["counted"]) == ("pmt", "detector_h", "windows")
            assert (told["rows"].tolist(), told["windows"].tolist()) == ([3, 0, 5], [0, 1, 1])


def test_a_readout_that_nothing_is_known_of(
    tmp_path: Path, header: RunHeader, make_record: MakeRecord
) -> None:
    writer = RunWriter.create(tmp_path, header)
    writer.append({"basis": "Z", "angle": 0.5}, make_record(0))
    with h5py.File(writer.finish()) as file:
        told = file["entry/shots/counts/pmt"].attrs
        assert {"readout", "source", "counted", "rows", "windows"} & set(told) == {"readout"}


def test_times_tell_their_clock(tmp_path: Path, header: RunHeader, make_record: MakeRecord) -> None:
    """Readings are of the wall's time, shots and clicks of the lab's; the start of the run is in both."""
    late = 7 * 10**12
    record = make_record(0)
    record = dataclasses.replace(record, start_ps=record.start_ps + late)
    writer = RunWriter.create(tmp_path, header)
    started = header.provenance.started
    with open_run(writer.path) as live:
        assert live.start == (started, 0)
    writer.append({"basis": "Z", "angle": 0.5}, record)
    writer.add_readings([InstrumentReading("gauge", "pressure", 3e-9, "Pa", time=0.5)])
    writer.log("a message")
    with open_run(writer.path) as live:
        assert live.start == (started, late)
    with open_run(writer.finish()) as run:
        assert (run.start.wall, run.start.lab_ps) == (started, late)
        for path in ("entry/instruments/gauge/pressure/time", "entry/messages/time"):
            told = run.file[path].attrs
            assert (told["clock"], datetime.fromisoformat(told["epoch"])) == ("wall", started)
        clocks = {column.path: run.file[column.path].attrs.get("clock", "") for column in run.columns}
    assert {path for path, clock in clocks.items() if clock == "lab"} == {
        "entry/shots/start",
        "entry/attempts/start",
        "entry/gates/open",
        "photon_data/timestamps",
        "entry/scan/point_duration",
    }


def test_columns_by_name(tmp_path: Path, full_header: RunHeader, make_record: MakeRecord) -> None:
    records = [make_record(i, picture=True) for i in range(2)]
    writer = RunWriter.create(tmp_path, full_header)
    for i, record in enumerate(records):
        writer.append({"basis": "Zµ"[i], "angle": i / 4}, record, {"power": 1e-3})
    live, path = open_run(writer.path), writer.finish()
    with live, open_run(path) as finished:
        for run in (finished, live):
            assert run["angle"].tolist() == [0.0, 0.25]
            assert run["basis"].tolist() == ["Z", "µ"]
            assert run["power"].tolist() == [1e-3, 1e-3]
            np.testing.assert_array_equal(
                run["ions"], [record.counts["ions"].mean(axis=0) for record in records]
            )
            np.testing.assert_array_equal(run["ions"], run["ions_mean"])
            assert run["ions_mean_errors"].shape == (2, 3)
            np.testing.assert_array_equal(run["emccd"], [record.images["emccd"] for record in records])
            assert "angle" in run
            assert "ions" in run
            assert "angel" not in run
            with pytest.raises(KeyError) as told:
                run["angel"]
            assert isinstance(told.value, UnknownColumnError)
            assert str(told.value) == (
                f"run {run.id} has no 'angel'; it has axes basis, angle; readouts ions, pmt; channels power; "
                "cameras emccd"
            )
            with pytest.raises(TypeError, match="not iterable"):
                list(run)  # type: ignore[call-overload]


def test_a_run_that_has_nothing_by_name(tmp_path: Path, header: RunHeader) -> None:
    with RunWriter.create(tmp_path, RunHeader("nothing", header.provenance)) as writer:
        path = writer.finish()
    with open_run(path) as run, pytest.raises(UnknownColumnError, match="has no 'x'; it has nothing"):
        run["x"]


def test_notes_of_a_run_are_told_once(tmp_path: Path, header: RunHeader, make_record: MakeRecord) -> None:
    long = "µ" * 251
    notes = [("ion 2 is lost", long), (), ("", "ion 2 is lost", "underflow")]
    writer = RunWriter.create(tmp_path, header)
    for i, said in enumerate(notes):
        writer.append({"basis": "Z", "angle": i}, make_record(i, notes=said))
    with open_run(writer.path) as live:
        assert live.notes == ("ion 2 is lost", long, "", "underflow")
    with open_run(writer.finish()) as run:
        assert run.notes == ("ion 2 is lost", long, "", "underflow")
        assert run.messages == ()
    with open_run(RunWriter.create(tmp_path, header).finish()) as run:
        assert run.notes == ()


def test_odd_texts_do_not_stop_a_run(tmp_path: Path, header: RunHeader, make_record: MakeRecord) -> None:
    """A message of the system may hold a file name that is no UTF-8; the run is finished nevertheless."""
    writer = RunWriter.create(tmp_path, dataclasses.replace(header, setup="a\0b"))
    with suppress(ValueError), writer:
        writer.append({"basis": "Z", "angle": 0}, make_record(0, notes=("lost \udcff",)))
        raise ValueError("cannot open caf\udce9\0")
    with open_run(writer.path) as run:
        assert (run.status, run.message) == ("failed", "ValueError: cannot open caf\\udce9\\x00")
        assert run.record(0).notes == ("lost \\udcff",)
        assert run.header.setup == "a\\x00b"


def test_channels_pictures_readings_and_messages(
    tmp_path: Path, full_header: RunHeader, make_record: MakeRecord
) -> None:
    records = [make_record(i, picture=True) for i in range(2)]
    readings = [
        InstrumentReading("gauge", "pressure", 3e-9, "Pa", time=0.5),
        InstrumentReading("gauge", "pressure", None, "Pa", time=1.5, quality="bad", note="no answer µ"),
        InstrumentReading("laser", "state", "locked", time=0.25),
        InstrumentReading("laser", "emission", value=True, time=0.25),
    ]
    with RunWriter.create(tmp_path, full_header) as writer:
        writer.append({"basis": "Z", "angle": 0}, records[0], {"power": 1e-3})
        writer.add_readings(readings[:1])
        writer.add_readings(readings[1:])
        writer.log("the laser µ jumped", "warning")
        writer.append({"basis": "Z", "angle": 1}, records[1], {"power": np.nan})
        with open_run(writer.path) as live:
            check_extras(live, records)
        path = writer.finish()
    with open_run(path) as run:
        check_extras(run, records)
        assert run.header == full_header
        assert run.file["entry/scan/emccd"].dims[1][0] == run.file["entry/scan/emccd_row"]
        quality = run.file["entry/instruments/gauge/pressure/quality"]
        assert quality.attrs["flag_meanings"] == "good stale suspect bad"


def check_extras(run: Run, records: list[Record]) -> None:
    for found, expected in zip(run.records(), records, strict=True):
        assert_same(found, expected)
    np.testing.assert_array_equal(run.column("entry/scan/power"), [1e-3, np.nan])
    pressure = run.readings["gauge/pressure"]
    assert (pressure.unit, pressure.time.tolist()) == ("Pa", [0.5, 1.5])
    np.testing.assert_array_equal(pressure.value, [3e-9, np.nan])
    assert pressure.quality.tolist() == ["good", "bad"]
    assert pressure.note.tolist() == ["", "no answer µ"]
    assert run.readings["laser/state"].value.tolist() == ["locked"]
    assert run.readings["laser/emission"].value.tolist() == [1.0]
    [message] = run.messages
    assert (message.level, message.text) == ("warning", "the laser µ jumped")
    assert 0 <= message.time < 60
