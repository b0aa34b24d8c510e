from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from data import Record, RunHeader
from data.errors import PointError
from data.points import CHECKSUM, PointValues, checksum, rows_of

MakeRecord = Callable[..., Record]
POINT: PointValues = {"basis": "Z", "angle": 0.0}


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


def test_the_checksum_covers_every_column(header: RunHeader, make_record: MakeRecord) -> None:
    rows = rows_of(0, POINT, make_record(0), header)
    assert checksum(rows) == rows[CHECKSUM][0]
    for path, values in rows.items():
        changed = values.copy()
        changed.view(np.uint8).flat[0] ^= 1
        assert (checksum(rows | {path: changed}) != rows[CHECKSUM][0]) == (path != CHECKSUM), path


def test_averages_of_few_shots_are_unknown(header: RunHeader, make_record: MakeRecord) -> None:
    none = rows_of(0, POINT, make_record(0, shots=0), header)
    one = rows_of(0, POINT, make_record(0, shots=1), header)
    assert np.isnan(none["entry/scan/ions_mean"]).all()
    assert np.isnan(one["entry/scan/ions_mean_errors"]).all()
    np.testing.assert_array_equal(one["entry/scan/ions_mean"], make_record(0, shots=1).counts["ions"])
