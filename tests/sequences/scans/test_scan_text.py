"""The text form of scans: what is written reads back, and mistakes are told with the way to write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequences import Parameter
from sequences.scans import (
    Order,
    Scan,
    ScanError,
    ScanLimitError,
    ScanTextError,
    centred,
    geometric,
    linear,
    listed,
    parse_scan,
    scanned_names,
    stepped,
)

WAIT = Parameter("wait", unit="s", low=0.0, high=1.0)
PHASE = Parameter("phase", unit="turn")
RATE = Parameter("rate", unit="1/s")
LEVEL = Parameter("level", low=0.0, high=1.0)
FREQUENCY = Parameter("frequency", unit="Hz", low=0.0, high=1e9)
KNOWN = (WAIT, PHASE, RATE, LEVEL, FREQUENCY)
CENTRES = {"frequency": 230.5e6}


@pytest.mark.parametrize(
    ("text", "scan"),
    [
        ("wait = 1 us .. 20 us / 21", linear(WAIT, 1e-6, 20e-6, 21)),
        ("wait=1..20us/21", linear(WAIT, 1e-6, 20e-6, 21)),
        ("wait = 900 ns .. 20 us / 21", linear(WAIT, 900e-9, 20e-6, 21)),
        ("wait = 1 us .. 1 ms / 4 geometric", geometric(WAIT, 1e-6, 1e-3, 4)),
        ("wait = 1 us .. 20 us by 500 ns", stepped(WAIT, 1e-6, 20e-6, 500e-9)),
        ("frequency = 50 kHz around 230 MHz / 21", centred(FREQUENCY, 230e6, 50e3, 21)),
        ("frequency = 1 around 230 MHz / 21", centred(FREQUENCY, 230e6, 1e6, 21)),
        ("frequency = 50 kHz around / 21", centred(FREQUENCY, 230.5e6, 50e3, 21)),
        ("wait = 1, 2, 5 us", listed(WAIT, [1e-6, 2e-6, 5e-6])),
        ("wait = 500 ns, 2, 5 us", listed(WAIT, [500e-9, 2e-6, 5e-6])),
        ("wait = 3 us", listed(WAIT, [3e-6])),
        ("level = 10 .. 50 % / 3", linear(LEVEL, 0.1, 0.5, 3)),
        ("level = 0, .5, 1", listed(LEVEL, [0.0, 0.5, 1.0])),
        ("phase = -0.5 .. +5e-1 turn / 3", linear(PHASE, -0.5, 0.5, 3)),
        ("rate = 1 1/s .. 5 1/s / 3", linear(RATE, 1.0, 5.0, 3)),
        ("rate = 1, 5 1/s", listed(RATE, [1.0, 5.0])),
        (
            "wait = 1, 2 us * phase = 0 .. 1 turn / 2 & level = 0, .2, .4, .6",
            (listed(WAIT, [1e-6, 2e-6]) * linear(PHASE, 0, 1, 2)) & listed(LEVEL, [0, 0.2, 0.4, 0.6]),
        ),
        (
            "wait = 1, 2 us * (phase = 0 .. 1 turn / 2 & level = 0, 1)",
            listed(WAIT, [1e-6, 2e-6]) * (linear(PHASE, 0, 1, 2) & listed(LEVEL, [0, 1])),
        ),
        ("wait = 1, 2 us; snake", listed(WAIT, [1e-6, 2e-6]).in_order(Order.SNAKE)),
        ("wait = 1, 2 us; random 5", listed(WAIT, [1e-6, 2e-6]).in_order(Order.RANDOM, 5)),
        ("wait = 1, 2 us ;as_written", listed(WAIT, [1e-6, 2e-6])),
    ],
)
def test_texts_are_read(text: str, scan: Scan) -> None:
    assert parse_scan(text, KNOWN, CENTRES) == scan
    assert parse_scan(str(scan), KNOWN) == scan


def test_what_is_written() -> None:
    scan = (linear(WAIT, 1e-6, 20e-6, 21) & listed(LEVEL, [0.5] * 21)) * centred(FREQUENCY, 230e6, 5e4, 3)
    assert str(scan.in_order(Order.REFINING)) == (
        f"(wait = 1 us .. 20 us / 21 & level = {', '.join(['0.5'] * 21)}) "
        "* frequency = 50 kHz around 230 MHz / 3; refining"
    )


FLOATS = st.floats(0.0, 1.0)
COUNTS = st.integers(2, 5)
AXES = st.one_of(
    st.builds(linear, st.sampled_from((WAIT, LEVEL)), FLOATS, FLOATS, COUNTS),
    st.builds(geometric, st.just(WAIT), st.floats(1e-12, 1.0), st.floats(1e-12, 1.0), COUNTS),
    st.builds(centred, st.just(PHASE), FLOATS, st.floats(1e-9, 1.0), COUNTS),
    st.builds(listed, st.just(FREQUENCY), st.lists(st.floats(0.0, 1e9), min_size=1, max_size=5)),
)


@st.composite
def trees(draw: st.DrawFn) -> Scan:
    """Any scan of up to three parameters that fits together."""
    scan: Scan = draw(AXES)
    for axis in draw(st.lists(AXES, max_size=2)):
        if axis.name not in [known.name for known in scan.axes]:
            scan = scan & axis if len(axis) == len(scan) and draw(st.booleans()) else scan * axis
    return scan.in_order(draw(st.sampled_from(Order)), draw(st.integers(0, 2**32 - 1)))


@given(trees())
def test_text_and_scan_are_the_same(scan: Scan) -> None:
    assert parse_scan(str(scan), KNOWN) == scan
    assert scanned_names(str(scan)) == tuple(axis.name for axis in scan.axes)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "scan '': is not 'name = values'; write for example 'wait = 1 us .. 20 us / 21' or"),
        ("wait", "scan 'wait': is not 'name = values'; write for example"),
        ("wiat = 1, 2 us", "scan 'wiat = 1, 2 us': there is no parameter 'wiat'; did you mean wait or rate?"),
        (
            "wait = 1 us .. 20 us",
            "scan '1 us .. 20 us': how many points? write for example '1 us .. 20 us / 21'",
        ),
        ("wait = 1 .. 20 / 21", "scan 'wait = 1 .. 20 / 21': '20' is not a finite time with its unit"),
        ("wait = 1, 2 MHz", "scan 'wait = 1, 2 MHz': '2 MHz' is not a finite time with its unit"),
        ("wait = 1 us .. 2 us / 3 snake", "scan '1 us .. 2 us / 3 snake': how many points?"),
        ("frequency = 5 kHz around 1 MHz", "scan '5 kHz around 1 MHz': how many points, evenly?"),
        (
            "frequency = 5 kHz around / 3 geometric",
            "scan '5 kHz around / 3 geometric': how many points, evenly?",
        ),
        (
            "phase = 1 turn around / 3",
            "scan 'phase = 1 turn around / 3': phase has no value of its own to scan",
        ),
        ("wait = 1, 2 us *", "scan 'wait = 1, 2 us *': is not 'name = values'"),
        ("(wait = 1, 2 us", "scan '(wait = 1, 2 us': a bracket is not closed"),
        ("wait = 1, 2 us)", "scan 'wait = 1, 2 us)': ')' is not expected there; write for example"),
        (
            "wait = 1, 2 us; snak",
            "scan 'wait = 1, 2 us; snak': there is no order 'snak'; did you mean snake?",
        ),
        ("wait = 1, 2 us; random", "a random order is written with its seed, '; random 5', others without"),
        ("wait = 1, 2 us; snake 5", "a random order is written with its seed, '; random 5', others without"),
        (
            "wait = 1, 2 us; random five",
            "a random order is written with its seed, '; random 5', others without",
        ),
        ("wait = 1, 2 us; snake; snake", "';' is not expected there"),
        ("wait = 1, nan us", "'nan us' is not a finite time with its unit"),
        (f"wait = 0 .. 1 s / {'9' * 5000}", "how many points?"),
        (f"wait = 0 .. 1 s / {'9' * 10}", "has 9999999999 points; it needs 2 to 10000000"),
    ],
)
def test_mistakes_are_told(text: str, told: str) -> None:
    with pytest.raises(ScanError) as caught:
        parse_scan(text, KNOWN, CENTRES)
    assert told in str(caught.value)


def test_limits_hold_for_texts_too() -> None:
    with pytest.raises(ScanLimitError, match="'wait': point 3 of 3 is 2 s, above the limit 1 s"):
        parse_scan("wait = 0 .. 2 s / 3", KNOWN)


@given(st.text("wait=1us .,/&*();by around\n9-e", max_size=40))
def test_any_text_is_read_or_told(text: str) -> None:
    try:
        scan = parse_scan(text, KNOWN)
    except (ScanError, ScanTextError):
        return
    assert len(scan) >= 1
