from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hardware_sim.instruments import HEALTHY, InstrumentSetupError, LineFaults

REPLY = b"23400000\n" * 500


def test_healthy_line_changes_nothing() -> None:
    assert HEALTHY.shape(REPLY, now=3.0) == [(3.0, REPLY)]


def test_empty_reply_arrives_as_nothing() -> None:
    assert LineFaults(fragment=1).shape(b"", now=0.0) == []


def test_stalled_line_swallows() -> None:
    assert LineFaults(stalled=True).shape(REPLY, now=0.0) == []


def test_delay_and_fragments_keep_every_byte_in_order() -> None:
    arriving = LineFaults(delay=2.0, fragment=7, pause=0.25).shape(REPLY, now=1.0)
    assert b"".join(piece for _, piece in arriving) == REPLY
    assert arriving[0][0] == 3.0
    assert all(later - sooner == pytest.approx(0.25) for (sooner, _), (later, _) in pairwise(arriving))
    assert {len(piece) for _, piece in arriving[:-1]} == {7}


def test_garbage_comes_first() -> None:
    assert LineFaults(garbage=b"\xff\x00").shape(b"1\n", now=0.0) == [(0.0, b"\xff\x001\n")]


@pytest.mark.parametrize(
    ("name", "relative_length"), [("lost", 1.0 - 0.2), ("doubled", 1.0 + 0.2), ("corrupted", 1.0)]
)
def test_random_faults_strike_as_often_as_asked(name: str, relative_length: float) -> None:
    probabilities = {name: 0.2}
    faults = LineFaults(rng=np.random.default_rng(5), **probabilities)  # type: ignore[arg-type]
    ((_, arrived),) = faults.shape(REPLY, now=0.0)
    # 4500 bytes: the standard deviation of the struck share is 0.006; a correct line fails once in 10^11.
    assert len(arrived) / len(REPLY) == pytest.approx(relative_length, abs=0.04)
    if name == "corrupted":
        struck = np.mean(np.frombuffer(arrived, np.uint8) != np.frombuffer(REPLY, np.uint8))
        assert struck == pytest.approx(0.2 * 255 / 256, abs=0.04)


def test_same_seed_gives_the_same_noise() -> None:
    first, second = (
        LineFaults(corrupted=0.3, lost=0.1, rng=np.random.default_rng(9)).shape(REPLY, now=0.0)
        for _ in range(2)
    )
    assert first == second


def test_probability_without_generator_is_refused() -> None:
    with pytest.raises(InstrumentSetupError) as caught:
        LineFaults(lost=0.1)
    assert str(caught.value) == (
        "LineFaults.lost = 0.1 is not possible: allowed is 0 without a random generator; "
        "pass rng=numpy.random.default_rng(seed)"
    )


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_probability_outside_0_to_1_is_refused(value: float) -> None:
    with pytest.raises(InstrumentSetupError, match="allowed is 0 to 1; give a probability"):
        LineFaults(doubled=value, rng=np.random.default_rng(1))


@pytest.mark.parametrize("value", [-1.0, float("nan")])
def test_negative_delay_is_refused(value: float) -> None:
    with pytest.raises(InstrumentSetupError, match=r"LineFaults\.delay = .* 0 or more"):
        LineFaults(delay=value)


def test_fault_for_no_reply_is_refused() -> None:
    with pytest.raises(InstrumentSetupError) as caught:
        LineFaults(garbage=b"?", replies=0)
    assert str(caught.value) == (
        "LineFaults.replies = 0 is not possible: allowed is 1 or more; "
        "use None for all replies, HEALTHY for none"
    )


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_every_line_end_is_replaced(end: bytes) -> None:
    faults = LineFaults(terminator=b"\n\r")
    assert faults.shape(b"1" + end + b"2" + end, now=0.0) == [(0.0, b"1\n\r2\n\r")]
    assert LineFaults(terminator=b"").shape(b"1" + end, now=0.0) == [(0.0, b"1")]


def test_reply_can_be_cut_at_every_byte() -> None:
    for cut in range(1, 6):
        assert LineFaults(cut=cut).shape(b"12345", now=0.0) == [(0.0, b"12345"[:cut])]
    assert LineFaults(cut=0).shape(b"12345", now=0.0) == []


def test_cut_of_less_than_nothing_is_refused() -> None:
    with pytest.raises(InstrumentSetupError) as caught:
        LineFaults(cut=-1)
    assert str(caught.value) == (
        "LineFaults.cut = -1 is not possible: allowed is 0 or more bytes; "
        "use None to let all of each reply pass"
    )
