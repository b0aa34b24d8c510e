"""Events as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequences.targets.artiq import Kasli, RtioEvents, parse_events, print_events, rtio_names
from sequences.targets.artiq.errors import EventTextError

event = st.tuples(
    st.integers(-(2**62), 2**62),
    st.integers(0, 2**24 - 1),
    st.integers(0, 255),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
)


@given(st.lists(event, max_size=6), st.integers(0, 2**62))
def test_round_trip(rows: list[tuple[int, ...]], duration: int) -> None:
    time, channel, address, data, source = ([row[column] for row in rows] for column in range(5))
    events = RtioEvents.of(time, channel, address, data, source, duration)
    again = parse_events(print_events(events, names={4: "four"}))
    assert again == events
    assert again.source.tolist() == events.source.tolist()


def test_names_tell_who_uses_a_channel(kasli: Kasli) -> None:
    names = rtio_names(kasli)
    assert names[4] == "line"
    assert names[20] == "tone, second_tone spi"
    assert names[23] == "tone switch"
    assert names[33] == "endcap, second_endcap ldac"
    assert names[40] == "blade, second_blade fastino"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "event list, line 0: the text is empty: ''"),
        ("events", "event list, line 1: expected 'rtio events, <duration> mu': 'events'"),
        (
            "rtio events, 3 mu\n\n1 ch1 a0 1 from 0",
            "event list, line 3: expected '<time> ch<channel> a<address> <data> from <source>': "
            "'1 ch1 a0 1 from 0'",
        ),
        (
            "rtio events, 3 mu\n1 ch16777216 a0 00000001 from 0",
            "event list, line 2: a number is too large for its column: '1 ch16777216 a0 00000001 from 0'",
        ),
    ],
)
def test_other_texts_are_told(text: str, told: str) -> None:
    with pytest.raises(EventTextError) as caught:
        parse_events(text)
    assert str(caught.value) == told
