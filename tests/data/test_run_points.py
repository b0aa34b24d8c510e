from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from records import assert_same

from data import Record, RunHeader, join_records
from data.errors import PointError
from data.points import PointValues, Rows, Totals, record_of, scan_row, table_rows

MakeRecord = Callable[..., Record]
POINT: PointValues = {"basis": "Z", "angle": 0.0}


def rows_of(index: int, point: PointValues, record: Record, header: RunHeader) -> Rows:
    form = header.form
    before = Totals.none(form)
    rows = table_rows(index, record, form, before)
    totals = before.joined(rows, record.duration_ps, record.images, record.notes)
    return rows | scan_row(index, point, {}, form, totals)


def told(record: Record, header: RunHeader, point: Any = None) -> str:
    with pytest.raises(PointError) as error:
        rows_of(4, POINT if point is None else point, record, header)
    text = str(error.value)
    start, end = "point 4: ", "; nothing of this point was written, the 4 before it are safe"
    assert text.startswith(start)
    assert text.endswith(end)
    return text.removeprefix(start).removesuffix(end)


def test_values_that_do_not_fit_the_axes(header: RunHeader, make_record: MakeRecord) -> None:
    record = make_record(0)
    assert told(record, header, {"angle": 0.0}) == (
        "point is of angle, but a value for each of angle, basis is needed"
    )
    assert told(record, header, {"angle": np.inf, "basis": "Z"}) == (
        "angle is inf, but a finite number in turn is needed"
    )
    assert told(record, header, {"angle": "0", "basis": "Z"}) == (
        "angle is '0', but a finite number in turn is needed"
    )
    assert told(record, header, {"angle": 0, "basis": 3.0}) == (
        "basis is 3.0, but a text of at most 64 bytes is needed"
    )
    assert "a text of at most 64 bytes" in told(record, header, {"angle": 0, "basis": "µ" * 33})


def test_counts_that_do_not_fit_the_readouts(header: RunHeader, make_record: MakeRecord) -> None:
    record = make_record(0)
    only = dataclasses.replace(record, counts={"ions": record.counts["ions"]})
    assert told(only, header) == "counts is of ions, but counts of ions, pmt is needed"
    narrow = dataclasses.replace(record, counts=record.counts | {"ions": record.counts["ions"][:, :2]})
    assert told(narrow, header) == "counts of 'ions' is of shape (20, 2), but shape (20, 3) is needed"
    fractions = dataclasses.replace(record, counts=record.counts | {"pmt": np.full((20, 1), 0.5)})
    assert told(fractions, header) == (
        "entry/shots/counts/pmt is of type float64, but type int32 without rounding or overflow is needed"
    )
    large = dataclasses.replace(record, counts=record.counts | {"pmt": np.full((20, 1), 2**40)})
    assert told(large, header) == (
        "entry/shots/counts/pmt is of type int64, but type int32 without rounding or overflow is needed"
    )


def test_ragged_columns(header: RunHeader, make_record: MakeRecord) -> None:
    record = make_record(0)
    late = dataclasses.replace(record, start_ps=record.start_ps[1:])
    assert told(late, header) == "start_ps is of 19 shots, but one start for each of 20 is needed"
    tags = dataclasses.replace(record.tags, channel=record.tags.channel[:-1])
    assert told(dataclasses.replace(record, tags=tags), header).startswith("tags is ragged {'shot': 30,")
    attempts = dataclasses.replace(record.attempts, heralded=record.attempts.heralded[:-1])
    assert told(dataclasses.replace(record, attempts=attempts), header).startswith("attempts is ragged")
    beyond = dataclasses.replace(record.tags, shot=record.tags.shot + 20)
    assert "but a shot from 0 to 19 is needed" in told(dataclasses.replace(record, tags=beyond), header)


def test_averages_of_few_shots_are_unknown(header: RunHeader, make_record: MakeRecord) -> None:
    none = rows_of(0, POINT, make_record(0, shots=0), header)
    one = rows_of(0, POINT, make_record(0, shots=1), header)
    assert np.isnan(none["entry/scan/ions_mean"]).all()
    assert np.isnan(one["entry/scan/ions_mean_errors"]).all()
    np.testing.assert_array_equal(one["entry/scan/ions_mean"], make_record(0, shots=1).counts["ions"])


def test_batches_are_one_point(full_header: RunHeader, make_record: MakeRecord) -> None:
    form, totals = full_header.form, Totals.none(full_header.form)
    batches = [
        make_record(1, shots=7, picture=True),
        make_record(2, shots=0, picture=True),
        make_record(3, shots=30, notes=("new", "ion 2 is lost"), picture=True),
    ]
    parts: list[Rows] = []
    for batch in batches:
        parts.append(table_rows(0, batch, form, totals))
        totals = totals.joined(parts[-1], batch.duration_ps, batch.images, batch.notes)
    joined = {path: np.concatenate([part[path] for part in parts]) for path in parts[0]}
    row = scan_row(0, POINT, {"power": 0.25}, form, totals)
    whole = join_records(batches)
    assert_same(record_of(joined | row, form), whole)
    counts = whole.counts["ions"]
    np.testing.assert_allclose(row["entry/scan/ions_mean"][0], counts.mean(axis=0), rtol=1e-14)
    errors = counts.std(axis=0, ddof=1) / np.sqrt(37)
    np.testing.assert_allclose(row["entry/scan/ions_mean_errors"][0], errors, rtol=1e-12)


def test_channels_and_pictures_that_do_not_fit(full_header: RunHeader, make_record: MakeRecord) -> None:
    record = make_record(0, picture=True)
    blind = dataclasses.replace(record, images={})
    assert told(blind, full_header) == "images is of nothing, but images of emccd is needed"
    small = dataclasses.replace(record, images={"emccd": np.zeros((2, 2), np.uint32)})
    assert told(small, full_header) == "image of 'emccd' is of shape (2, 2), but shape (4, 6) is needed"
    form = full_header.form
    with pytest.raises(PointError, match="channels is of nothing, but channels of power is needed"):
        scan_row(0, POINT, {}, form, Totals.none(form))
