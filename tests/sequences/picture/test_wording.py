"""Words of pictures: short, in physical units, and unmistakable."""

from __future__ import annotations

import pytest

from sequences import AllOf, AnyOf, AttemptLoop, Herald, ReadoutChannel
from sequences.picture.picture import deepen
from sequences.picture.wording import (
    Wave,
    attempt_words,
    between_words,
    condition_text,
    pulse_text,
    time_text,
)

READOUTS = (*(ReadoutChannel("h", index, 3) for index in range(4)), ReadoutChannel("v", 0, 4))


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (Herald((4,)), "a click in v"),
        (Herald((0, 1, 3, 4)), "a click in h[0–1, 3] or v"),
        (Herald((4,), 0, 0), "no click in v"),
        (Herald((0, 4), 2), "2 clicks or more in h[0] + v"),
        (Herald((4,), 0, 1), "at most 1 click in v"),
        (Herald((4,), 0, 3), "at most 3 clicks in v"),
        (Herald((4,), 1, 1), "exactly 1 click in v"),
        (Herald((4,), 2, 2), "exactly 2 clicks in v"),
        (Herald((4,), 1, 2), "1 to 2 clicks in v"),
        (AllOf((Herald((0,)), Herald((4,), 0, 0))), "a click in h[0] and no click in v"),
        (
            AnyOf((Herald((4,)), AllOf((Herald((0,)), Herald((1,)))))),
            "a click in v, or (a click in h[0] and a click in h[1])",
        ),
    ],
)
def test_conditions(condition: Herald[int], text: str) -> None:
    assert condition_text(condition, READOUTS) == text


@pytest.mark.parametrize(
    ("wave", "text"),
    [
        (Wave(80e6, 1.0, 0.0), "80 MHz"),
        (Wave(80.764912e6, 0.5, 0.0), "80.764912 MHz · a 0.5"),
        (Wave(2.5e3, 1.0, -0.25), "0.0025 MHz · φ -0.25"),
        (Wave(1e6, 0.123456789, 0.123456789), "1 MHz · a 0.1235 · φ 0.123457"),
    ],
)
def test_pulses(wave: Wave, text: str) -> None:
    assert pulse_text(wave) == text


def test_an_attempt_loop_without_a_maximum_ends_with_time() -> None:
    loop = AttemptLoop(None, Herald((4,)), (), timeout=5000, every=1)
    assert attempt_words(loop, READOUTS, 1e-9) == ("until a click in v, within 5 us", "until …")
    assert between_words(loop) == ("after each failed attempt", "each")


def test_times_have_all_digits_that_matter() -> None:
    assert time_text(1.000000001) == "1.000000001 s"
    assert time_text(7.070000000000001e-3) == "7.07 ms"


def test_spans_that_touch_do_not_lie_within_each_other() -> None:
    assert deepen([(0, 5), (5, 9), (6, 7), (9, 10)]) == [0, 0, 1, 0]
