import pickle

import pytest

from sequences.errors import (
    CompileError,
    DurationError,
    OverlapError,
    SequenceError,
    Source,
    nearest,
    raise_together,
)

HERE, THERE = Source("/home/lab/mine.py", 3), Source("/home/lab/mine.py", 9)
SHORT = DurationError(HERE, "the delay", "-1 us", "zero or more")
OVERLAP = OverlapError(HERE, "line", THERE, "2 us", "1 us")


def test_facts_are_fields_and_text_is_made_of_them() -> None:
    assert (OVERLAP.source, OVERLAP.channel, OVERLAP.other) == (HERE, "line", THERE)
    assert str(OVERLAP) == (
        "mine.py:3: channel 'line' is still in use by mine.py:9 at 2 us, for another 1 us; "
        "play them one after the other or on two channels"
    )


def test_no_problem_raises_nothing() -> None:
    raise_together([])


def test_one_problem_is_raised_as_itself() -> None:
    with pytest.raises(DurationError) as caught:
        raise_together([SHORT])
    assert caught.value is SHORT


def test_several_problems_are_raised_together() -> None:
    with pytest.raises(CompileError) as caught:
        raise_together([SHORT, OVERLAP])
    assert isinstance(caught.value, SequenceError)
    assert caught.value.problems == (SHORT, OVERLAP)
    assert str(caught.value) == f"2 problems in the sequence:\n  {SHORT}\n  {OVERLAP}"


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("raman", ["ramen", "qubit"], "; did you mean ramen?"),
        ("raman_x", ["raman_v", "raman_h", "qubit"], "; did you mean raman_v or raman_h?"),
        ("xyz", ["b", "a"], "; known: a, b"),
        ("xyz", [], ""),
        ("xyz", [f"number_{row}" for row in range(41)], ""),
    ],
)
def test_the_nearest_names_are_told(name: str, known: list[str], hint: str) -> None:
    assert nearest(name, known) == hint


def test_errors_travel_between_processes() -> None:
    again = pickle.loads(pickle.dumps(CompileError((SHORT, OVERLAP))))  # noqa: S301 - our own bytes
    assert str(again) == str(CompileError((SHORT, OVERLAP)))
