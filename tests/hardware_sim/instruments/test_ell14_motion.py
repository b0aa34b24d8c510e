from __future__ import annotations

import numpy as np
import pytest

from hardware_sim.instruments.ell14_motion import DEGREE, Motion, draw_encoder_error, resting


def test_plate_rests_before_and_after_its_motion() -> None:
    motion = Motion(start=2.0, end=4.0, origin=0.25, target=-0.75, slip_origin=0.01, slip_target=-0.01)
    assert [motion.angle(now) for now in (0.0, 2.0, 3.0, 4.0, 9.0)] == [0.25, 0.25, -0.25, -0.75, -0.75]
    assert [motion.slip(now) for now in (0.0, 3.0, 9.0)] == [0.01, 0.0, -0.01]


def test_motion_of_no_length_is_over_at_once() -> None:
    assert (
        Motion(start=1.0, end=1.0, origin=0.5, target=0.5, slip_origin=0.0, slip_target=0.1).slip(1.0) == 0.1
    )


def test_resting_plate_stays() -> None:
    assert resting(0.3, 0.1).angle(-1e9) == resting(0.3, 0.1).angle(1e9) == 0.3


def test_encoder_errors_stay_within_the_accuracy_and_differ_between_mounts() -> None:
    rng = np.random.default_rng(3)
    angles = np.linspace(0.0, 1.0, 360)
    worst = []
    for _ in range(50):
        error = draw_encoder_error(0.4 * DEGREE, rng)
        worst.append(max(abs(error.at(angle)) for angle in angles))
        assert error.at(1.3) == pytest.approx(error.at(0.3))
    assert max(worst) <= 0.4 * DEGREE
    assert min(worst) >= 0.1 * DEGREE
    assert len(set(worst)) == 50
