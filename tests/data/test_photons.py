"""Slices of the photons of a run, live and finished, against all of them sorted out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from short_runs import SHOTS, header_of

from data import Attempts, Photons, Record, Run, RunWriter, TimeTags, open_run
from data.columns import join_records
from data.gates import Gates, gates_of

POINTS: Final = 4
COLUMNS: Final = TimeTags.__slots__


def record_of(point: int) -> Record:
    """Return a point whose clicks are in the order of time, with gates of no, one and many clicks."""
    rng = np.random.default_rng(point)
    shots = 0 if point == 2 else SHOTS
    shot = np.repeat(np.arange(shots), rng.integers(0, 9, shots))
    gate = np.sort(rng.integers(0, 3, len(shot)))[np.argsort(shot, kind="stable")]
    window_ps = rng.integers(0, 1000, len(shot))
    opened = point * 10**9 + shot * 10**6 + gate * 10**4
    order = np.argsort(opened + window_ps, kind="stable")
    n = np.arange(shots, dtype=np.int64)
    none = Attempts(*(np.zeros(0, dtype) for dtype in ("i8", "u4", "i8", "?")))
    tags = TimeTags(
        t_ps=(opened + window_ps)[order],
        channel=rng.integers(0, 3, len(shot)).astype(np.uint16),
        shot=shot[order],
        attempt=gate[order].astype(np.uint32),
        readout=(gate[order] % 2).astype(np.uint16),
        window_ps=window_ps[order],
    )
    return Record(shots, n, 10**9, {"pmt": np.zeros((shots, 2), np.int32)}, none, tags)


@pytest.fixture(scope="module", params=["live", "finished"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    writer = RunWriter.create(tmp_path_factory.mktemp("runs"), header_of())
    for i in range(POINTS):
        with writer.point({"i": i}, {"power": 0.0}) as point:
            point.add(record_of(i))
            point.add(record_of(i))
    if request.param == "finished":
        writer.finish()
    with open_run(writer.path) as opened:
        yield opened
    writer.close()


def tags_of_point(point: int) -> TimeTags:
    return join_records([record_of(point)] * 2).tags


def all_tags() -> dict[str, np.ndarray[Any, Any]]:
    parts = [tags_of_point(point) for point in range(POINTS)]
    return {name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}


def assert_are(found: TimeTags, expected: dict[str, np.ndarray[Any, Any]]) -> None:
    for name in COLUMNS:
        values = getattr(found, name)
        assert values.dtype == expected[name].dtype
        np.testing.assert_array_equal(values, expected[name])


def test_every_slice_is_that_of_all_columns(run: Run) -> None:
    expected, photons = all_tags(), run.photons
    total = len(photons)
    assert total == len(expected["t_ps"]) > 100
    assert repr(photons) == f"<{total} photons>"
    rng = np.random.default_rng(1)
    for begin, end in [(0, total), (5, 5), (7, 3), *rng.integers(-total, total + 5, (20, 2))]:
        part = photons[begin:end]
        cut = {name: column[begin:end] for name, column in expected.items()}
        assert len(part) == len(cut["t_ps"])
        assert_are(part.tags(), cut)
        np.testing.assert_array_equal(part.t_ps, cut["t_ps"])
        np.testing.assert_array_equal(part.channel, cut["channel"])
    with pytest.raises(IndexError, match="photons can be taken in steps of 1, not 2"):
        photons[::2]


@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_batches_join_to_all(run: Run, size: int) -> None:
    expected = all_tags()
    parts = list(run.photons[3:-4].batches(size))
    assert all(len(part) == size for part in parts[:-1])
    joined = TimeTags(*(np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS))
    assert_are(joined, {name: column[3:-4] for name, column in expected.items()})


def test_clicks_of_a_point(run: Run) -> None:
    for point in range(POINTS):
        expected = tags_of_point(point)
        assert_are(run.photons_of(point).tags(), {name: getattr(expected, name) for name in COLUMNS})
    assert len(run.photons_of(2)) == 0
    assert list(run.photons_of(2).batches()) == []


def test_clicks_of_some_shots(run: Run) -> None:
    for point in (0, 1, 2):
        photons, tags = run.photons_of(point), tags_of_point(point)
        for begin in range(0, 2 * SHOTS + 1, 2):
            for end in (begin, begin + 4, 99):
                within = (tags.shot >= begin) & (tags.shot < end)
                found = photons.of_shots(begin, end).tags()
                assert_are(found, {name: getattr(tags, name)[within] for name in COLUMNS})


def test_clicks_of_a_channel(run: Run) -> None:
    expected = all_tags()
    for channel in range(4):
        times = run.photons.times_of(channel, size=11)
        np.testing.assert_array_equal(times, expected["t_ps"][expected["channel"] == channel])
        assert times.dtype == np.int64


@pytest.mark.parametrize("near", [1, 5, 2**14])
def test_clicks_between_two_times(run: Run, near: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data.photons._NEAR", near)
    photons, times = run.photons_of(1), tags_of_point(1).t_ps
    photons, times = photons[: len(photons) // 2], times[: len(times) // 2]  # the second batch is as old
    rng = np.random.default_rng(3)
    moments = [*rng.choice(times, 20), 0, 2**62, *rng.integers(times[0], times[-1], 20)]
    for begin in moments:
        for end in (begin, begin + 1, begin + 5000, 2**62):
            expected = times[(times >= begin) & (times < end)]
            np.testing.assert_array_equal(photons.between(int(begin), int(end)).t_ps, expected)


class Columns:
    """Columns of many clicks, of which is noted what is read."""

    def __init__(self, tags: TimeTags) -> None:
        gates: Gates = gates_of(tags)
        self.rows = 0
        self.columns: dict[str, np.ndarray[Any, Any]] = {
            "photon_data/timestamps": tags.t_ps,
            "photon_data/detectors": tags.channel,
            "entry/gates/shot": gates.shot.astype(np.int32),
            "entry/gates/attempt": gates.attempt,
            "entry/gates/readout": gates.readout,
            "entry/gates/open": gates.open_ps,
            "entry/gates/photons": gates.photons,
        }
        self.ends = {"gates": np.array([len(gates)]), "photons": np.array([len(tags)])}

    def photons(self) -> Photons:
        return Photons(self.read, self.ends, 0, int(self.ends["photons"][0]))

    def read(self, path: str, begin: int, end: int) -> np.ndarray[Any, Any]:
        values = self.columns[path][begin:end]
        self.rows = max(self.rows, len(values))
        return values


@settings(max_examples=40)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=40), st.integers(1, 9), st.integers(1, 9))
def test_batches_of_gates_of_any_size(sizes: list[int], size: int, block: int) -> None:
    """However batches of clicks and blocks of gates fall onto the gates."""
    opening = np.repeat(np.arange(len(sizes)), sizes)
    n = np.arange(len(opening), dtype=np.int64)
    tags = TimeTags(
        n * 10, n.astype("u2"), opening // 3, opening.astype("u4"), opening.astype("u2"), n * 10 - opening * 7
    )
    columns = Columns(tags)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("data.photons.BATCH", block)
        parts = list(columns.photons().batches(size))
    for name in COLUMNS:
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(joined, getattr(tags, name))


def test_only_what_is_asked_for_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stretch in the midst of many clicks is found without reading those before it all at once."""
    monkeypatch.setattr("data.photons.BATCH", 64)
    monkeypatch.setattr("data.photons._NEAR", 32)
    n = np.arange(20_000, dtype=np.int64)
    columns = Columns(TimeTags(n * 10, n.astype("u2"), n // 50, n.astype("u4"), 0 * n.astype("u2"), 0 * n))
    photons = columns.photons()
    assert photons.between(100_000, 100_100).tags().t_ps.tolist() == list(range(100_000, 100_100, 10))
    assert len(photons.of_shots(300, 301).tags()) == 50
    for part in photons.batches(64):
        assert len(part) <= 64
    assert columns.rows <= 64
