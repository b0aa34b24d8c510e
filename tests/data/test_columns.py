"""Records of batches, joined as if they had been one."""

from __future__ import annotations

import numpy as np
import pytest

from data import Attempts, Record, TimeTags, join_records


def batch(begin: int, shots: int, clicks: list[int], note: str = "") -> Record:
    """Shots of 100 ps from a time on; clicks in some of them, in the first half of the shot."""
    shot = np.array(clicks, dtype=np.int64)
    none = np.zeros(len(clicks), dtype=np.uint16)
    start = begin + 100 * np.arange(shots)
    everyone = np.arange(shots)
    return Record(
        shots,
        start,
        100 * shots,
        {"photon": np.bincount(shot, minlength=shots).astype(np.int32)[:, None]},
        Attempts(everyone, np.zeros(shots, np.uint32), start, np.isin(everyone, shot)),
        TimeTags(start[shot] + 50, none, shot, none.astype(np.uint32), none, none.astype(np.int64) + 50),
        (note,) if note else (),
    )


def test_shots_are_counted_on() -> None:
    joined = join_records([batch(0, 3, [0, 2], "cold"), batch(300, 1, []), batch(400, 4, [0, 3, 3], "cold")])
    assert joined.shots == 8
    assert joined.duration_ps == 800
    assert joined.start_ps.tolist() == [0, 100, 200, 300, 400, 500, 600, 700]
    assert joined.tags.shot.tolist() == [0, 2, 4, 7, 7]
    assert (joined.start_ps[joined.tags.shot] + 50 == joined.tags.t_ps).all()
    assert joined.attempts.shot.tolist() == list(range(8))
    assert joined.counts["photon"][:, 0].tolist() == [1, 0, 1, 0, 1, 0, 0, 2]
    assert joined.notes == ("cold",)


@pytest.mark.parametrize("column", ["t_ps", "channel", "shot", "attempt", "readout", "window_ps"])
def test_types_are_kept(column: str) -> None:
    one = batch(0, 3, [0, 2])
    joined = join_records([one, batch(300, 2, [1])])
    assert getattr(joined.tags, column).dtype == getattr(one.tags, column).dtype


def test_one_record_is_itself() -> None:
    one = batch(0, 3, [1, 1])
    joined = join_records([one])
    assert joined.tags.shot.tolist() == [1, 1]
    assert joined.counts["photon"].tolist() == one.counts["photon"].tolist()
