import math
from dataclasses import replace

import pytest

from sequences import Channel, Kind, Limit, Quantity, Target, ns
from sequences.errors import Source, TargetError, UnknownChannelError

LIMIT = Limit(Quantity.AMPLITUDE, 0.0, 0.5)
ONE = Channel("one", Kind.TTL, 1, 1 * ns)
TWO = Channel("two", Kind.DDS, 2, 8 * ns, latency=300 * ns, limits=(LIMIT,))
LAB = Target("lab", 1 * ns, (ONE, TWO))


def test_channels_are_found_by_name_and_number() -> None:
    assert LAB.by_name == {"one": ONE, "two": TWO}
    assert LAB.by_number == {1: ONE, 2: TWO}
    assert LAB.channel("two", Source("mine.py", 1)) is TWO


def test_the_slowest_channel_leads() -> None:
    assert LAB.lead == 300 * ns
    assert Target("empty", 1 * ns, ()).lead == 0.0


def test_a_limit_is_found_by_its_quantity() -> None:
    assert TWO.limit(Quantity.AMPLITUDE) is LIMIT
    assert TWO.limit(Quantity.FREQUENCY) is None


def test_an_unknown_channel_is_told_with_the_nearest_names() -> None:
    with pytest.raises(UnknownChannelError) as caught:
        LAB.channel("onee", Source("mine.py", 3))
    assert str(caught.value) == "mine.py:3: the setup has no channel 'onee'; did you mean one?"
    with pytest.raises(UnknownChannelError) as caught:
        LAB.channel("xyz", Source("mine.py", 3))
    assert str(caught.value) == "mine.py:3: the setup has no channel 'xyz'; known: one, two"


@pytest.mark.parametrize(
    ("period", "channels", "text"),
    [
        (0.0, (), "target 'lab': the period is 0.0 s; it must be more than zero"),
        (1e-9, (ONE, replace(TWO, name="one")), "target 'lab': 2 channels have the name 'one'"),
        (1e-9, (ONE, replace(TWO, number=1)), "target 'lab': 2 channels have the number 1"),
        (
            1e-9,
            (replace(TWO, number=65536),),
            "target 'lab': channel 'two' has number 65536; it must be 0 to 65535",
        ),
        (
            1e-9,
            (replace(TWO, grid=1.5e-9),),
            "target 'lab': the grid of channel 'two', 1.5 ns, is no multiple of the period, 1 ns",
        ),
        (
            1e-9,
            (replace(TWO, grid=0.0),),
            "target 'lab': the grid of channel 'two', 0 s, is no multiple of the period, 1 ns",
        ),
        (
            1e-9,
            (replace(TWO, grid=math.inf),),
            "target 'lab': the grid of channel 'two', inf s, is no multiple of the period, 1 ns",
        ),
        (
            1e-9,
            (replace(TWO, latency=math.nan),),
            "target 'lab': the latency of channel 'two' is nan s; it must be finite and not negative",
        ),
        (
            1e-9,
            (replace(TWO, spacing=math.inf),),
            "target 'lab': the spacing of channel 'two' is inf s; it must be finite and not negative",
        ),
    ],
)
def test_a_lab_that_contradicts_itself_is_refused(
    period: float, channels: tuple[Channel, ...], text: str
) -> None:
    with pytest.raises(TargetError) as caught:
        Target("lab", period, channels)
    assert str(caught.value) == text
