"""What a user may type to vary something, and what is said to a user who mistypes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from dice import Dice

from control.errors import ConfigError, UsageError
from control.setup import read_setup
from control.simulate.knobs import Knob, Place, find_knobs, turned
from control.simulate.settings import MOST_SETTINGS, read_settings
from sequences.units import parse


@pytest.fixture
def knobs(dicing: Path) -> Mapping[str, Knob]:
    return find_knobs(Dice(), read_setup(dicing))


def test_everything_can_be_turned_at_its_place(knobs: Mapping[str, Knob]) -> None:
    assert knobs["longest"].place is Place.EXPERIMENT
    assert knobs["mapping_pi_time"].place is Place.CALIBRATION
    assert knobs["node.rate"].place is Place.NODE
    assert (knobs["node.rate"].present, knobs["node.dark"].present) == (1000.0, 0.0)
    assert knobs["longest"].present == 2e-3
    assert "shots" not in knobs


def test_instruments_can_be_turned() -> None:
    knobs = find_knobs(Dice(), read_setup("innsbruck"))
    assert knobs["trap_rf.power"].place is Place.INSTRUMENT
    assert knobs["trap_rf.output"].declared.kind is bool
    setup = turned(read_setup("innsbruck"), {knobs["trap_rf.power"]: -4.0, knobs["trap_rf.output"]: False})
    (source,) = (instrument for instrument in setup.instruments if instrument.name == "trap_rf")
    assert (source.settings["power"], source.settings["output"]) == (-4.0, False)
    assert source.settings["frequency"] == 23.4e6


def test_an_overridden_belief_is_the_present_one(dicing: Path) -> None:
    assert (
        find_knobs(Dice(), read_setup(dicing), {"mapping_pi_time": 5e-6})["mapping_pi_time"].present == 5e-6
    )


def test_the_last_runs_fastest(knobs: Mapping[str, Knob]) -> None:
    settings = read_settings(["node.rate = 1 .. 3 kcps / 2", "steps = 1, 2"], None, knobs)
    rows = [(values["node.rate"], values["steps"]) for values in settings]
    assert rows == [(1000.0, 1), (1000.0, 2), (3000.0, 1), (3000.0, 2)]
    assert isinstance(settings[0]["steps"], int)


def test_values_run_together(knobs: Mapping[str, Knob]) -> None:
    settings = read_settings(["node.rate = 1, 2 kcps", "longest = 1, 2 ms"], None, knobs, zipped=True)
    assert settings == ({"node.rate": 1000.0, "longest": 1e-3}, {"node.rate": 2000.0, "longest": 2e-3})


def test_words_and_flags(knobs: Mapping[str, Knob]) -> None:
    settings = read_settings(["detector = h, v", "upside_down = yes, no"], None, knobs)
    assert [(values["detector"], values["upside_down"]) for values in settings] == [
        ("h", True),
        ("h", False),
        ("v", True),
        ("v", False),
    ]


def test_values_around_the_present_one(knobs: Mapping[str, Knob]) -> None:
    settings = read_settings(["node.rate = 200 cps around / 3"], None, knobs)
    assert [values["node.rate"] for values in settings] == [900.0, 1000.0, 1100.0]


def test_values_from_code(knobs: Mapping[str, Knob]) -> None:
    vary = {"node.rate": ["1 kcps", 2000.0], "detector": ["h"]}
    settings = read_settings(vary, [{"steps": 1}, {"steps": "3"}], knobs)
    assert [tuple(values.values()) for values in settings] == [
        (1, 1000.0, "h"),
        (1, 2000.0, "h"),
        (3, 1000.0, "h"),
        (3, 2000.0, "h"),
    ]


def test_a_list_in_a_file(knobs: Mapping[str, Knob], tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("\ufeffnode.rate, longest\n1 kcps, 1 ms\n\n2.5 kcps, 500 us\n", encoding="utf-8")
    assert read_settings((), path, knobs) == (
        {"node.rate": 1000.0, "longest": parse("1 ms", "s")},
        {"node.rate": 2500.0, "longest": parse("500 us", "s")},
    )


def test_nothing_varied_is_one_setting(knobs: Mapping[str, Knob]) -> None:
    assert read_settings((), None, knobs) == ({},)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "node.rate",
            "'node.rate' is not 'NAME = VALUES'; write for example 'node.cavity_decay = 50 kHz .. ",
        ),
        ("node.raet = 1 kcps", "node has nothing called 'raet' that can be varied. Did you mean rate?"),
        ("rate = 1 kcps", "nothing that can be varied is called 'rate'. Did you mean node.rate?"),
        ("logest = 1 ms", "nothing that can be varied is called 'logest'. Did you mean longest"),
        ("node.rate = 1 .. 2", "node.rate: scan '1 .. 2': how many points?"),
        ("node.rate = 1 ms, 2 ms", "node.rate: scan 'rate = 1 ms, 2 ms': '2 ms' is not a finite rate"),
        (
            "node.rate = 1, 2e9 cps",
            "node.rate: the scan of 'rate': point 2 of 2 is 2e+09 1/s, above the limit",
        ),
        ("steps = 1, 2.5", "steps: 2.5 is not a whole number"),
        ("detector = h, w", "detector: 'w' is not one of h, v"),
        ("upside_down = perhaps", "upside_down: 'perhaps' is neither true nor false"),
        ("rest = 10 us around / 3", "rest: scan 'rest = 10 us around / 3': rest has no value of its own"),
        (
            "longest = 1 ms * steps = 2",
            "'longest = 1 ms * steps = 2' varies several values; give each a text of its own (--vary, ",
        ),
    ],
)
def test_mistakes_in_a_text(knobs: Mapping[str, Knob], text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings([text], None, knobs)
    (problem,) = caught.value.problems
    assert told in problem


def test_mistakes_in_a_list(knobs: Mapping[str, Knob], tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("node.raet,longest,longest\n1 kcps,1 ms\n1 kcps,1 MHz,1 ms\n")
    with pytest.raises(ConfigError) as caught:
        read_settings((), path, knobs)
    assert caught.value.problems == (
        f"{path}: node has nothing called 'raet' that can be varied. Did you mean rate?",
        f"{path}: longest has two columns",
        f"{path}, line 2: 2 values, but the first line has 3 names",
    )
    path.write_text("node.rate,longest\n1 kcps,1 MHz\n5,1 ms\n")
    with pytest.raises(ConfigError) as caught:
        read_settings((), path, knobs)
    assert [problem.split(": ")[:2] for problem in caught.value.problems] == [
        [f"{path}, line 2", "longest"],
        [f"{path}, line 3", "node.rate"],
    ]


def test_lists_that_are_none(knobs: Mapping[str, Knob], tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    with pytest.raises(ConfigError, match=r"list\.csv cannot be read: No such file or directory"):
        read_settings((), path, knobs)
    path.write_text("node.rate\n")
    with pytest.raises(ConfigError, match="there are no settings; write the names in the first line"):
        read_settings((), path, knobs)
    path.write_bytes(b"node.rate\n\xff\n")
    with pytest.raises(ConfigError, match=r"list\.csv cannot be read: 'utf-8' codec"):
        read_settings((), path, knobs)
    with pytest.raises(ConfigError, match="the list of settings is empty"):
        read_settings((), [], knobs)
    with pytest.raises(ConfigError, match="setting 2: gives longest, but the first setting gives steps"):
        read_settings((), [{"steps": 1}, {"longest": 1e-3}], knobs)


def test_mistakes_of_all_together_are_told_at_once(knobs: Mapping[str, Knob]) -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings(["node.rate = 1 kcps", "steps = 0", "x = 1", "node.rate = 2 kcps"], None, knobs)
    assert len(caught.value.problems) == 3
    assert caught.value.problems[-1] == "node.rate is varied twice; once is enough"


def test_values_that_run_together_are_equally_many(knobs: Mapping[str, Knob]) -> None:
    with pytest.raises(ConfigError, match=r"must be equally many, not 2 of node\.rate, 3 of steps"):
        read_settings(["node.rate = 1, 2 kcps", "steps = 1, 2, 3"], None, knobs, zipped=True)


def test_too_many_settings(knobs: Mapping[str, Knob]) -> None:
    texts = [f"{name} = 1 us .. 1 ms / 1000" for name in ("longest", "rest")]
    with pytest.raises(ConfigError, match=f"1000000 settings are more than the {MOST_SETTINGS} that a study"):
        read_settings([text.replace("1 us", "10 us") for text in texts], None, knobs)


def test_no_values_at_all(knobs: Mapping[str, Knob]) -> None:
    with pytest.raises(ConfigError, match="steps: there are no values to vary it over"):
        read_settings({"steps": []}, None, knobs)


def test_a_lab_that_is_not_simulated_is_refused(dicing: Path) -> None:
    dicing.write_text(dicing.read_text().replace("DicingLab", "RealDice"))
    with pytest.raises(UsageError) as caught:
        find_knobs(Dice(), read_setup(dicing))
    assert str(caught.value) == (
        "dicing is played by dicing_lab:RealDice, which is not a simulated lab. A study turns what "
        "nobody can turn in a real one; give a simulated lab with --setup."
    )


def test_a_turned_setup_says_so(dicing: Path, knobs: Mapping[str, Knob]) -> None:
    setup = turned(read_setup(dicing), {knobs["node.rate"]: 1500.0, knobs["node.dark"]: 0.5})
    assert setup.tables["node"]["rate"]["value"] == "1500 1/s"
    (rate,) = (source for source in setup.sources if source.key == "node.rate")
    assert (rate.value, rate.reference) == ("1500 1/s", "varied by a study")
    again = dicing.with_name("again.toml")
    again.write_text(setup.text)
    assert read_setup(again).tables == setup.tables
    assert turned(setup, {}) is setup
