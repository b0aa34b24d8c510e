"""Do ions succeed independently?"""

from __future__ import annotations

import numpy as np
import pytest

from data.analysis.ion_correlations import correlate_ions
from data.errors import InsufficientDataError, RangeError, ShapeError


def test_joint_detections_are_counted_and_add() -> None:
    clicks = np.random.default_rng(1).poisson(0.4, (500, 4))
    whole, parts = correlate_ions(clicks), correlate_ions(clicks[:99]) + correlate_ions(clicks[99:])
    expected = [[int(((clicks[:, i] > 0) & (clicks[:, j] > 0)).sum()) for j in range(4)] for i in range(4)]
    assert whole.joint.tolist() == parts.joint.tolist() == expected
    assert whole.trains == parts.trains == 500
    seen = np.corrcoef((clicks > 0).T)
    assert whole.correlation == pytest.approx(seen)
    assert np.isnan(np.diag(whole.ratio)).all()


def test_independent_ions_show_no_crosstalk() -> None:
    """Pulls of 45 pairs of ions at 9.1 %: none beyond 4.5, and about as wide as they say."""
    found = correlate_ions(np.random.default_rng(2).random((40_000, 10)) < 0.091)
    upper = np.triu_indices(10, 1)
    for pulls in (
        (found.correlation / np.where(found.correlation_error, found.correlation_error, 1.0))[upper],
        ((found.ratio - 1) / found.ratio_error)[upper],
    ):
        assert (abs(pulls) < 4.5).all()
        assert 0.6 < pulls.std() < 1.4


@pytest.mark.slow
@pytest.mark.parametrize(("trains", "shared"), [(400, 0.3), (2000, 0.05), (2000, 0.0), (1000, 0.9)])
def test_correlations_cover(trains: int, shared: float) -> None:
    """4000 runs of two ions that fail together: 68.3 % inside, within 4.5 standard errors and 2 %."""
    rng = np.random.default_rng(3)
    clicks = (rng.random((4000, trains, 2)) < 0.4) & (rng.random((4000, trains, 1)) >= shared)
    chance = 0.4 * (1 - shared)
    truth = (0.16 * (1 - shared) - chance**2) / (chance * (1 - chance))
    founds = [correlate_ions(run) for run in clicks]
    inside = [abs(f.correlation[0, 1] - truth) <= f.correlation_error[0, 1] for f in founds]
    assert np.mean(inside) == pytest.approx(0.683, abs=0.033 + 0.02)


def test_an_ion_that_never_clicks_has_no_ratio() -> None:
    found = correlate_ions([[1, 0], [0, 0], [1, 0]])
    assert np.isnan(found.ratio).all()
    assert np.isnan(found.correlation[0, 1])
    assert found.correlation_error[0, 1] > 0


def test_messages() -> None:
    with pytest.raises(ShapeError) as flat:
        correlate_ions([1, 0])
    assert str(flat.value) == (
        "clicks has shape (2,), but (trains, ions) is needed; reshape or slice it first"
    )
    with pytest.raises(RangeError) as missing:
        correlate_ions([[0.0, 1.0], [1.0, float("nan")]])
    assert str(missing.value) == "clicks[1, 1] is nan, but must be >= 0; check the column of counts"
    with pytest.raises(InsufficientDataError) as empty:
        correlate_ions(np.zeros((0, 3)))
    assert str(empty.value) == (
        "correlations of ions needs at least 1 trains, but there are 0; "
        "collect more data or leave this estimate out"
    )
    with pytest.raises(ShapeError, match=r"joint of the second part has shape \(3, 3\), but \(2, 2\) is"):
        correlate_ions([[1, 0]]) + correlate_ions([[1, 0, 1]])
