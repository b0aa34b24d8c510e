"""A crate checks itself, and tells all that is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sequences import Channel, Kind, Limit, Quantity, Target
from sequences.targets.artiq import (
    Device,
    EdgeCounter,
    Fastino,
    Kasli,
    TtlInput,
    TtlOut,
    Urukul,
    Zotino,
)
from sequences.targets.artiq.errors import KasliError

NS = 1e-9
TONE = Channel("tone", Kind.DDS, 0, 4 * NS)
SECOND = Channel("second", Kind.DDS, 1, 4 * NS)
LINE = Channel("line", Kind.TTL, 2, NS)
VOLTS = Channel("volts", Kind.DAC, 3, 8 * NS)
MORE = Channel("more", Kind.DAC, 4, 8 * NS)
APD = Channel("apd", Kind.COUNTER, 5, 8 * NS)
URUKUL = Urukul(20, 0, 21, 22)
ZOTINO = Zotino(32, 33, 0)


def problems(*channels: Channel, period: float = NS, **devices: Device) -> list[tuple[str, str]]:
    with pytest.raises(KasliError) as caught:
        Kasli(Target("bench", period, channels), devices)
    return list(caught.value.problems)


def test_a_good_crate(kasli: Kasli) -> None:
    assert kasli.by_number[0] == TtlOut(4)
    assert kasli.units_per_tick == 1
    assert kasli.tracking == frozenset({4, 5})
    assert kasli.dispatcher == kasli.target.dispatcher
    slower = Kasli(Target("slow", 4 * NS, (replace(TONE, grid=8 * NS),)), {"tone": URUKUL})
    assert slower.units_per_tick == 4
    assert slower.dispatcher.lanes == 8


def test_all_problems_are_told() -> None:
    with pytest.raises(KasliError) as caught:
        Kasli(Target("bench", NS, (TONE, LINE)), {"tone": TtlOut(3), "lime": TtlOut(4)})
    assert str(caught.value) == (
        "the Kasli crate of target 'bench' cannot be used:\n"
        "  lime: the target has no such channel; did you mean line?\n"
        "  tone: is a dds channel and needs Urukul, not TtlOut\n"
        "  line: has no place on the crate"
    )


@pytest.mark.parametrize(
    ("channel", "device", "told"),
    [
        (TONE, replace(URUKUL, chip=4), "chip 4 is outside 0 to 3"),
        (TONE, replace(URUKUL, profile=8), "profile 8 is outside 0 to 7"),
        (TONE, replace(URUKUL, spi=-1), "RTIO channel -1 is outside 0 to 16777215"),
        (
            TONE,
            replace(URUKUL, sysclk=0.9e9),
            "sysclk 900 MHz has no whole number of cycles in a machine unit, 1 ns",
        ),
        (replace(TONE, grid=NS), URUKUL, "grid 1 ns must be a multiple of 4 ns (the chip's SYNC_CLK)"),
        (
            replace(TONE, limits=(Limit(Quantity.FREQUENCY, 0.0, 600e6),)),
            URUKUL,
            "frequency limits 0 Hz to 600 MHz exceed what the device plays, 0 Hz to 500 MHz",
        ),
        (
            replace(VOLTS, limits=(Limit(Quantity.VOLTAGE, -20.0, 0.0),)),
            ZOTINO,
            "voltage limits -20 V to 0 V exceed what the device plays, -10 V to 9.99969482 V",
        ),
        (VOLTS, replace(ZOTINO, output=32), "output 32 is outside 0 to 31"),
        (VOLTS, replace(ZOTINO, gain=0.0), "gain is 0"),
        (
            replace(VOLTS, grid=4 * NS),
            Fastino(40, 0),
            "grid 4 ns must be a multiple of 8 ns (Fastino acts once a cycle)",
        ),
        (
            replace(APD, grid=NS),
            EdgeCounter(50),
            "grid 1 ns must be a multiple of 8 ns (EdgeCounter acts once a cycle)",
        ),
        (VOLTS, EdgeCounter(50), "is a dac channel and needs Zotino or Fastino, not EdgeCounter"),
    ],
)
def test_one_channel(channel: Channel, device: Device, told: str) -> None:
    assert problems(channel, **{channel.name: device}) == [(channel.name, told)]


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ((TONE, URUKUL), (SECOND, replace(URUKUL, switch=23)), "chip 0 is 'tone' already"),
        (
            (TONE, URUKUL),
            (SECOND, replace(URUKUL, chip=1)),
            "RTIO channel 22 is 'tone' already",
        ),
        (
            (TONE, URUKUL),
            (SECOND, Urukul(20, 1, 24, 23)),
            "RTIO channel 20 is the SPI master of the Urukul with IO_UPDATE 21 (tone) and "
            "the SPI master of the Urukul with IO_UPDATE 24 (second)",
        ),
        (
            (TONE, URUKUL),
            (LINE, TtlOut(22)),
            "RTIO channel 22 is an RF switch (tone) and a TTL output (line)",
        ),
        ((VOLTS, ZOTINO), (MORE, ZOTINO), "output 0 is 'volts' already"),
        (
            (VOLTS, ZOTINO),
            (MORE, Zotino(32, 34, 1)),
            "RTIO channel 32 is the SPI master of the Zotino with LDAC 33 (volts) and "
            "the SPI master of the Zotino with LDAC 34 (more)",
        ),
        ((VOLTS, Fastino(40, 3)), (MORE, Fastino(40, 3)), "output 3 is 'volts' already"),
        (
            (APD, EdgeCounter(50)),
            (Channel("late", Kind.TRIGGER, 9, 8 * NS), TtlInput(50)),
            "RTIO channel 50 is an edge counter (apd) and a TTL input (late)",
        ),
    ],
)
def test_two_channels(first: tuple[Channel, Device], second: tuple[Channel, Device], told: str) -> None:
    (channel, device), (other, its) = first, second
    assert problems(channel, other, **{channel.name: device, other.name: its}) == [(other.name, told)]


def test_boards_are_shared() -> None:
    channels = TONE, SECOND, VOLTS, MORE
    devices = (URUKUL, Urukul(20, 1, 21, 23), ZOTINO, Zotino(32, 33, 1))
    names = [channel.name for channel in channels]
    assert Kasli(Target("bench", NS, channels), dict(zip(names, devices, strict=True)))
    both = {"volts": Fastino(40, 0), "more": Fastino(40, 1)}
    assert Kasli(Target("bench", NS, (VOLTS, MORE)), both)


def test_the_clocks_must_fit() -> None:
    line = replace(LINE, grid=2.5 * NS)
    told = "the target's period, 2.5 ns, is not a multiple of the machine unit, 1 ns"
    assert problems(line, period=2.5 * NS, line=TtlOut(4)) == [("", told)]
    with pytest.raises(KasliError) as caught:
        Kasli(Target("bench", NS, (LINE,)), {"line": TtlOut(4)}, ref_multiplier=4)
    assert caught.value.problems == (("", "ref_multiplier is 4; only cores with 8 units a cycle are known"),)
