"""What a setup file says about the speed of its core and channels."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from control import read_setup
from control.errors import ConfigError
from sequences import Dispatcher, Kind

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a setup that extends the shipped one."""

    def written(text: str) -> Path:
        path = tmp_path / "own.toml"
        path.write_text(f'extends = "innsbruck"\nname = "own"\n{text}', encoding="utf-8")
        return path

    return written


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_setup(path)
    return [problem.removeprefix("own.toml: ") for problem in caught.value.problems]


def test_speed_of_channels(write: Write) -> None:
    setup = read_setup(
        write(
            "[channels.endcap_upper]\n"
            'update = "5 us"\nslew = "2 V/ms"\nbus = "dacs"\nprogramming = "2.328 us"\n'
            '[channels.marker]\npulse = "8 ns"\n'
        )
    )
    upper, marker = setup.target.by_name["endcap_upper"], setup.target.by_name["marker"]
    assert (upper.update, upper.slew, upper.bus, upper.programming) == (5e-6, 2000.0, "dacs", 2.328e-6)
    assert (marker.pulse, marker.slew, marker.bus) == (8e-9, math.inf, "")


@pytest.mark.parametrize(
    ("channel", "line", "told"),
    [
        ("marker", 'pulse = "0.5 ns"', "pulse: 0.5 ns is not a multiple of core.period, 1 ns"),
        ("marker", 'update = "-1 us"', "update: -1 us must be 0 or more"),
        (
            "qubit",
            'programming = "1.2505 us"',
            "programming: 1.2505 us is not a multiple of core.period, 1 ns",
        ),
        ("endcap_upper", 'slew = "0 V/s"', "slew: 0 V/s must be positive"),
        ("endcap_upper", "bus = 3", "bus: 3 is not a text"),
        ("qubit", 'slew = "1 V/us"', "slew: a dds channel has no voltage that could change too fast"),
    ],
)
def test_one_mistake_of_a_channel(write: Write, channel: str, line: str, told: str) -> None:
    assert problems(write(f"[channels.{channel}]\n{line}\n")) == [f"channels.{channel}.{told}"]


def test_slew_needs_its_unit(write: Write) -> None:
    (told,) = problems(write('[channels.endcap_upper]\nslew = "100 V"\n'))
    assert told.startswith("channels.endcap_upper.slew: '100 V' is not a finite")


def test_the_shipped_core_is_a_kasli() -> None:
    assert read_setup("innsbruck").target.dispatcher == Dispatcher()


def test_a_core_of_ones_own(write: Write) -> None:
    own = read_setup(write('[core.dispatcher]\nlanes = 16\nlongest = "1 s"\n')).target.dispatcher
    assert own is not None
    assert (own.lanes, own.depth, own.longest) == (16, 128, 1.0)


def test_all_mistakes_of_the_core_are_told(write: Write) -> None:
    wrong = (
        '[core.dispatcher]\nlanes = 0\ndepth = "deep"\ncycle = "0 s"\nmargin = "-1 ns"\n'
        'longest = "0 s"\nnesting = -1\nlames = 8\n'
    )
    assert problems(write(wrong)) == [
        "core.dispatcher.lames: unknown key. Did you mean lanes?",
        "core.dispatcher.depth: 'deep' is not a whole number",
    ]
    assert problems(write(wrong.replace('depth = "deep"\n', "").replace("lames = 8\n", ""))) == [
        "core.dispatcher.lanes: 0 must be 1 or more",
        "core.dispatcher.cycle: 0 s must be positive",
        "core.dispatcher.margin: -1 ns must be 0 or more",
        "core.dispatcher.longest: 0 s must be positive",
        "core.dispatcher.nesting: -1 must be 1 or more",
    ]


def test_a_dispatcher_is_a_table(write: Write) -> None:
    assert problems(write("[core]\ndispatcher = 3\n")) == ["core.dispatcher: 3 is not a table"]


def test_the_line_trigger_is_wired() -> None:
    target = read_setup("innsbruck").target
    assert target.by_name["line_trigger"].kind is Kind.TRIGGER
