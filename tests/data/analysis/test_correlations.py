"""Correlations of clicks: single photons, laser light, dark counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data.analysis.correlations import accidental_g2, correlate, correlate_tags
from data.columns import TimeTags
from data.errors import InsufficientDataError, RangeError, ShapeError


def test_laser_light_has_g2_of_one() -> None:
    """Independent clicks: each of 11 lags is 1 within 4.5 errors; false alarm in 1e-4 of all seeds."""
    rng = np.random.default_rng(1)
    first, second = rng.random((2, 3000, 20)) < 0.2
    found = correlate(first, second, most=5)
    assert (abs(found.g2 - 1) < 4.5 * found.g2_error).all()
    assert abs(found.at_zero.value - 1) < 4.5 * found.at_zero.error
    assert found.lags.tolist() == list(range(-5, 6))
    assert found.attempts == 60_000


def test_single_photons_have_g2_of_zero() -> None:
    rng = np.random.default_rng(2)
    photon, way = rng.random((2000, 20)) < 0.4, rng.random((2000, 20)) < 0.5
    found = correlate(photon & way, photon & ~way, most=3)
    assert found.at_zero.value == 0.0
    # One coincidence is what none may have been: 1 over the 40000 x 0.2 x 0.2 of independent clicks.
    assert found.at_zero.error == pytest.approx(1 / 1600, rel=0.05)
    assert (abs(np.delete(found.g2, 3) - 1) < 4.5 * np.delete(found.g2_error, 3)).all()


@pytest.mark.parametrize(
    ("chance", "noise", "truth"), [(0.05, 1.0, 1.0), (0.2, 1.0, 1.0), (0.05, 0.2, 0.36), (0.2, 0.2, 0.36)]
)
def test_g2_within_an_attempt_covers(chance: float, noise: float, truth: float) -> None:
    """400 runs of 2000 attempts, some of it background: at least 68 % inside, less 4.5 errors of 2.3 %."""
    rng, inside = np.random.default_rng(6), []
    for _ in range(400):
        photon, way = rng.random((100, 20)) < 2 * (1 - noise) * chance, rng.random((100, 20)) < 0.5
        first, second = (photon & port | (rng.random((100, 20)) < noise * chance) for port in (way, ~way))
        clicks = [1 - (1 - (1 - noise) * chance) * (1 - noise * chance)] * 2
        both = (1 - 2 * (1 - noise) * chance) * (noise * chance) ** 2 + 2 * (1 - noise) * noise * chance**2
        exact = both / (clicks[0] * clicks[1])
        assert exact == pytest.approx(truth, abs=0.06)
        found = correlate(first, second, most=0).at_zero
        inside.append(abs(found.value - exact) <= found.error)
    assert np.mean(inside) > 0.68 - 4.5 * 0.023


def test_dark_counts_give_what_the_formula_says() -> None:
    rng = np.random.default_rng(3)
    shape, dark = (20_000, 20), (0.02, 0.03)
    photon, way = rng.random(shape) < 0.3, rng.random(shape) < 0.5
    noise = [rng.random(shape) < rate for rate in dark]
    first, second = photon & way | noise[0], photon & ~way | noise[1]
    found = correlate(first, second, most=2)
    clicks = (float(first.mean()), float(second.mean()))
    # The formula leaves out dark counts in the way of a photon on the same detector, 2 % of them.
    assert found.at_zero.value == pytest.approx(accidental_g2(clicks, dark), rel=0.03)


def test_lags_have_a_direction() -> None:
    first, second = np.zeros((2, 1, 6), dtype=bool)
    first[0, 1] = second[0, 3] = True
    found = correlate(first, second, most=2)
    assert found.coincidences.tolist() == [0, 0, 0, 0, 1]


def test_what_cannot_be_correlated_is_refused() -> None:
    clicks = np.ones((3, 4), dtype=int)
    with pytest.raises(ShapeError, match=r"the same \(shots, attempts\) as of first"):
        correlate(clicks, clicks[:2], most=1)
    with pytest.raises(RangeError, match="most is 4, but must be 0 to 3 attempts"):
        correlate(clicks, clicks, most=4)
    with pytest.raises(InsufficientDataError, match="a correlation with the second detector"):
        correlate(clicks, 0 * clicks, most=1)


def make_tags(clicks: dict[int, np.ndarray]) -> TimeTags:
    """Tags of tables of clicks, (shots, attempts), in order of time."""
    rows = np.concatenate(
        [np.insert(np.argwhere(table), 2, channel, axis=1) for channel, table in clicks.items()]
    )
    shot, attempt, channel = rows[np.lexsort(rows.T[::-1])].T
    zeros = np.zeros(len(shot), np.int64)
    return TimeTags(
        shot * 10**9 + attempt * 10**6,
        channel.astype(np.uint16),
        shot,
        attempt.astype(np.uint32),
        zeros.astype(np.uint16),
        zeros,
    )


def test_tags_give_what_their_tables_give() -> None:
    first, second = np.random.default_rng(4).random((2, 300, 12)) < 0.15
    table = correlate(first, second, most=4)
    found = correlate_tags(make_tags({3: first, 7: second, 9: ~first}), 3, 7, np.full(300, 12), most=4)
    assert found.coincidences.tolist() == table.coincidences.tolist()
    assert found.expected == pytest.approx(table.expected)
    assert found.pairs.tolist() == table.pairs.tolist()
    assert found.attempts == table.attempts == 3600


def test_shots_of_unlike_length_have_their_own_pairs_of_attempts() -> None:
    clicks = np.array([[1, 1, 0], [1, 0, 0]], dtype=bool)
    found = correlate_tags(make_tags({1: clicks, 2: clicks}), 1, 2, [3, 1], most=2)
    assert found.pairs.tolist() == [1, 2, 4, 2, 1]
    assert found.coincidences.tolist() == [0, 1, 3, 1, 0]


def test_brightness_that_varies_from_shot_to_shot_drops_out_beside() -> None:
    """Laser light, dark in half of the shots: twice the coincidences that the mean makes expect."""
    rng = np.random.default_rng(5)
    lit = rng.random((3000, 1)) < 0.5
    first, second = (rng.random((2, 3000, 20)) < 0.2) & lit
    found = correlate(first, second, most=10)
    assert found.at_zero.value == pytest.approx(2, abs=0.2)
    assert abs(found.beside.value - 1) < 4.5 * found.beside.error


def test_tags_that_cannot_be_correlated_are_refused() -> None:
    clicks = np.ones((2, 3), dtype=bool)
    tags = make_tags({1: clicks})
    with pytest.raises(RangeError) as beyond:
        correlate_tags(tags, 1, 1, [3, 2], most=1)
    assert str(beyond.value) == (
        "tags[5] is attempt 2 of shot 1, but must be of an attempt that was played; give those of this point"
    )
    with pytest.raises(RangeError, match="most is 3, but must be 0 to 2 attempts; play more attempts"):
        correlate_tags(tags, 1, 1, [3, 3], most=3)
    with pytest.raises(RangeError) as short:
        correlate_tags(tags, 1, 1, [3, -1], most=1)
    assert str(short.value) == "attempts[1] is -1, but must be >= 0; give those that the shot played"
    early = replace(tags, attempt=np.array([0, 1, 2, 0, -1, 2], np.int64))
    with pytest.raises(
        RangeError, match=r"tags\[4\] is attempt -1 of shot 1, but must be of an attempt that"
    ):
        correlate_tags(early, 1, 1, [3, 3], most=1)
    with pytest.raises(InsufficientDataError, match="a correlation with the second detector"):
        correlate_tags(tags, 1, 2, [3, 3], most=1)
    with pytest.raises(ShapeError, match=r"attempts has shape \(1, 2\), but \(shots,\) is needed"):
        correlate_tags(tags, 1, 1, [[3, 3]], most=1)
