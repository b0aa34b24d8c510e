"""What the frames of a journal hold: bytes and back; batches by which a point grows in constant memory."""

from __future__ import annotations

import gc
import struct
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pytest
from records import assert_same
from short_runs import BATCHES, batch, header_of, whole_point

from data import InstrumentReading, Message, Record, RunHeader, RunWriter, join_records, open_run
from data.entries import End, Head, Opening, RowKey, RowPlaces, Version, pack, pack_rows, unpack
from data.errors import PointError, RunClosedError
from data.journal import JournalWriter
from data.layout import columns_of
from data.packing import unpack_column
from data.points import Totals, table_rows
from data.results import encode

MANY: Final = 24
"""Batches, where memory is looked at."""


def there_and_back(entry: Any, kind: Any) -> Any:
    return unpack(memoryview(b"".join(pack(entry))), kind)


def test_the_head_comes_back(full_header: RunHeader) -> None:
    """With a seed of more than 64 bits, and an axis and parameters of each type."""
    head = Head.of("20250314T092653589-07af", full_header, "/runs/a.h5", "machine-boot")
    found = there_and_back(head, Head)
    assert found == head
    assert found.whole_header() == full_header
    assert there_and_back(head, Version).entries == 1
    assert [type(each.value) for each in found.header.parameters] == [float, int, str, float, bool]


def test_other_entries_come_back() -> None:
    for entry, kind in (
        (Opening(3, 5, {"basis": "Z µ", "angle": 0.25, "i": -1e-300}), Opening),
        (Message(0.5, "warning", "the laser µ jumped"), Message),
        (
            [InstrumentReading("gauge", "pressure", None, "Pa"), InstrumentReading("l", "on", value=True)],
            list,
        ),
    ):
        of = list[InstrumentReading] if kind is list else kind
        assert there_and_back(entry, of) == entry


def test_results_come_back_with_their_arrays() -> None:
    arrays = {"matrix": np.eye(2) * 1j, "none": np.zeros((0, 3)), "flags": np.array([True, False])}
    moment = datetime(2025, 3, 14, 9, 26, tzinfo=UTC)
    end = there_and_back(End.of("complete", "as planned", moment, encode(arrays)), End)
    assert (end.status, end.message, end.ended) == ("complete", "as planned", moment)
    for name, array in arrays.items():
        assert end.array(name).dtype == array.dtype
        np.testing.assert_array_equal(end.array(name), array)
    assert there_and_back(End.of("failed", "", moment, None), End).arrays == {}


def test_rows_lie_where_their_places_say(full_header: RunHeader, make_record: Any) -> None:
    form, columns = full_header.form, columns_of(full_header.form)
    record = make_record(1, shots=7, clicks=13, picture=True)
    rows = table_rows(4, record, form, Totals.none(form))
    payload = b"".join(bytes(part) for part in pack_rows(RowKey(4, 9, 2), rows, form, 77))
    places = RowPlaces.read(payload)
    assert (places.key, places.duration_ps) == (RowKey(4, 9, 2), 77)
    head = payload[: places.head_bytes(columns)]
    assert places.length(columns, head) == len(payload)
    assert {table: places.rows(table) for table in ("shots", "attempts", "photons", "scan")} == {
        "shots": 7,
        "attempts": 14,
        "photons": 13,
        "scan": 0,
    }
    for column in columns:
        if column.table != "scan":
            place, packing = places.place(column.path, columns, head)
            assert place % 8 == 0
            elements = places.rows(column.table) * column.row_elements
            content = payload[place : place + elements * packing.width]
            values = unpack_column(packing, content, column.dtype, 0, elements).reshape(-1, *column.tail)
            np.testing.assert_array_equal(values, rows[column.path])


def test_a_head_that_is_cut_short_is_refused(full_header: RunHeader, make_record: Any) -> None:
    form, columns = full_header.form, columns_of(full_header.form)
    rows = table_rows(0, make_record(1, picture=True), form, Totals.none(form))
    payload = b"".join(bytes(part) for part in pack_rows(RowKey(0, 0, 0), rows, form))
    places = RowPlaces.read(payload)
    with pytest.raises(struct.error):
        places.length(columns, payload[: places.head_bytes(columns) - 1])


def test_bytes_of_something_else_are_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        unpack(memoryview(b"\xc1nonsense"), Opening)
    with pytest.raises(msgspec.ValidationError):
        unpack(memoryview(msgspec.msgpack.encode({"index": "three"})), Opening)
    with pytest.raises(struct.error):
        RowPlaces.read(memoryview(b"short"))


def test_batches_of_a_point_are_its_record(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, header_of())
    with writer.point({"i": 0}) as point:
        assert (point.index, point.shots) == (0, 0)
        for number in range(BATCHES):
            point.add(batch(0, number))
        assert point.shots == whole_point(0).shots
        point.channels = {"power": 2.5}
    with writer.point({"i": 1}, {"power": 1.0}):
        pass
    writer.append({"i": 2}, batch(2, 0), {"power": 0.5})
    for path in (writer.journal, writer.finish()):
        if path.exists():
            with open_run(path) as run:
                assert_same(run.record(0), join_records([batch(0, number) for number in range(BATCHES)]))
                assert run.record(1).shots == 0
                assert run.column("entry/scan/power").tolist() == [2.5, 1.0, 0.5]
                mean = whole_point(0).counts["pmt"].mean(axis=0)
                np.testing.assert_allclose(run.column("entry/scan/pmt_mean")[0], mean, rtol=1e-14)


def test_a_batch_that_does_not_fit_leaves_the_others(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, header_of())
    with pytest.raises(PointError, match="counts is of nothing"), writer.point({"i": 0}) as point:
        add_and_fail(point)
    with open_run(writer.finish()) as run:
        assert_same(run.record(0), batch(0, 0))  # completed with the batch that it had
        assert np.isnan(run.column("entry/scan/power")[0])


def add_and_fail(point: Any) -> None:
    good = batch(0, 0)
    point.add(good)
    point.add(Record(1, np.zeros(1, np.int64), 1, {}, good.attempts, good.tags))


@pytest.mark.parametrize("moment", ["before", "after"])
def test_ctrl_c_within_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """It may come before or after the batch is in the journal; the point has what was added before it."""
    append = JournalWriter.append
    batches = 0

    def press_ctrl_c(self: JournalWriter, kind: int, buffers: Any) -> None:
        nonlocal batches
        batches += kind == 3
        if kind == 3 and batches == 3 and moment == "before":
            raise KeyboardInterrupt
        append(self, kind, buffers)
        if kind == 3 and batches == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(JournalWriter, "append", press_ctrl_c)
    with pytest.raises(KeyboardInterrupt), RunWriter.create(tmp_path, header_of()) as writer:
        add_batches(writer, 3)
    with open_run(writer.path) as run:
        assert (run.status, run.message) == ("interrupted", "stopped by the user")
        assert_same(run.record(0), whole_point(0, batches=2))


def test_a_batch_that_is_repeated_after_ctrl_c_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = JournalWriter.append

    def press_ctrl_c(self: JournalWriter, kind: int, buffers: Any) -> None:
        append(self, kind, buffers)
        raise KeyboardInterrupt

    writer = RunWriter.create(tmp_path, header_of())
    with writer.point({"i": 0}) as point:
        point.add(batch(0, 0))
        with monkeypatch.context() as patch:
            patch.setattr(JournalWriter, "append", press_ctrl_c)
            with pytest.raises(KeyboardInterrupt):
                point.add(batch(0, 1))
        point.add(batch(0, 1))
        point.add(batch(0, 2))
    with open_run(writer.finish()) as run:
        assert_same(run.record(0), whole_point(0))


def add_batches(writer: RunWriter, count: int) -> None:
    with writer.point({"i": 0}) as point:
        for number in range(count):
            point.add(batch(0, number))


def test_points_do_not_overlap(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, header_of())
    with writer.point({"i": 0}) as point:
        point.add(batch(0, 0))
        for begin in (
            lambda: writer.append({"i": 1}, batch(1, 0), {"power": 0.0}),
            lambda: writer.point({"i": 1}).__enter__(),
        ):
            with pytest.raises(PointError) as told:
                begin()
            assert str(told.value) == (
                "point 0: the point is begun within another one, but the end of that one is needed; "
                "nothing of this point was written, the 0 before it are safe"
            )
    with pytest.raises(RunClosedError) as closed:
        point.add(batch(0, 1))
    assert str(closed.value) == (
        f"cannot add to point 0 of {writer.path}: it is closed already; do it before, inside the `with` block"
    )
    writer.append({"i": 1}, batch(1, 0), {"power": 0.0})
    with open_run(writer.finish()) as run:
        assert_same(run.record(0), batch(0, 0))
        assert_same(run.record(1), batch(1, 0))


def test_memory_does_not_grow_with_the_batches(tmp_path: Path) -> None:
    """Neither while a point is recorded, nor while its clicks are read again."""
    big = batch(0, 0, clicks=20_000)
    held = sum(getattr(big.tags, name).nbytes for name in big.tags.__slots__)
    writer = RunWriter.create(tmp_path, header_of())
    gc.collect()
    tracemalloc.start()
    try:
        with writer.point({"i": 0}) as point:
            peaks = []
            for _ in range(MANY):
                tracemalloc.reset_peak()
                point.add(big)
                peaks.append(tracemalloc.get_traced_memory()[1])
        assert max(peaks[MANY // 2 :]) - max(peaks[: MANY // 2]) < held / 10
        with open_run(writer.journal) as run:
            photons = run.photons
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            assert sum(len(tags) for tags in photons.batches(20_000)) == MANY * 20_000
            assert tracemalloc.get_traced_memory()[1] - before < 12 * held
    finally:
        tracemalloc.stop()
        writer.close()
