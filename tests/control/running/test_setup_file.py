"""Setup files: found, merged, checked; every mistake told."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.drivers import DRIVERS, driver_class
from control.errors import ConfigError
from control.setup import files, read_setup
from control.setup.files import merge, read_file
from sequences import Kind
from sequences.declarations import declarations
from sequences.library import Calibration
from sequences.units import parse

Write = Callable[..., Path]


def problems(path: Path | str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_setup(path)
    return list(caught.value.problems)


def test_good_setup(tiny_bench: Path) -> None:
    setup = read_setup(tiny_bench)
    assert (setup.name, setup.lab, setup.origin) == ("tiny", "tiny_lab:TinyLab", "bench.toml")
    assert setup.target.period == 1e-9
    doppler = setup.target.by_name["doppler"]
    assert (doppler.kind, doppler.grid) == (Kind.DDS, 4e-9)
    assert [(limit.quantity.value, limit.low, limit.high) for limit in doppler.limits] == [
        ("frequency", 50e6, 400e6),
        ("amplitude", 0.0, 1.0),
    ]
    assert setup.calibration.mapping_pi_time == 6.4e-6
    plate, source = setup.instruments
    assert (plate.address, source.address, plate.role) == ("0", None, "wave plate before the counter")
    assert list(source.settings.items()) == [("frequency", 23.4e6), ("power", -2.0), ("output", True)]
    assert source.limits == {"power": (-30.0, 0.0)}
    assert setup.text == tiny_bench.read_text()


def test_sources_mark_what_is_assumed(tiny: Path) -> None:
    sources = {value.key: value for value in read_setup(tiny).sources}
    assert len(sources) == len(declarations(Calibration)) + 1
    published = sources["calibration.mapping_pi_time"]
    assert (published.value, published.source, published.assumed) == ("6.4 us", "published", False)
    assert published.reference == "PRX Quantum 5, 020308"
    assert sources["calibration.doppler_amplitude"].assumed
    assert sources["node.rate"].value == "10000.0"


def test_mistakes_of_all_tables_are_told_at_once(tiny_text: str, write_setup: Write) -> None:
    wrong = (
        tiny_text.replace('name = "tiny"', 'name = "tiny"\ntitel = "red"')
        .replace('kind = "ttl"', 'kind = "tll"')
        .replace("number = 1\n", "number = 0\n")
        .replace('mapping_pi_time = { value = "6.4 us"', 'mapping_pi_tim = { value = "6.4 us"')
        .replace('doppler_amplitude = { value = "1", source = "assumed" }', "doppler_amplitude = 1")
    )
    wrong += '\n[instruments.rf]\ndriver = "smc100"\nresource = "x"\n'
    found = problems(write_setup(wrong.replace('titel = "red"\n', "")))
    assert found == [
        "lab.toml: channels.repump.number: 0 is the number of doppler too",
        "lab.toml: channels.marker.kind: 'tll' is not one of ttl, dds, dac, counter, camera, trigger",
        "lab.toml: instruments.rf.driver: there is no driver 'smc100'. Did you mean smc100a or pm100d?",
        "lab.toml: calibration.doppler_amplitude: must be a table, not 1",
        "lab.toml: calibration.mapping_pi_tim: unknown key. "
        "Did you mean mapping_pi_time or analysis_pi_time?",
        "lab.toml: calibration.mapping_pi_time: is missing",
    ]
    assert problems(write_setup(wrong)) == ["lab.toml: titel: unknown key. Did you mean title?", *found]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('grid = "4 ns"', 'gird = "4 ns"', "channels.doppler.gird: unknown key. Did you mean grid?"),
        ('grid = "4 ns"', "", "channels.doppler.grid: is missing"),
        (
            'grid = "4 ns"',
            "grid = 4",
            "channels.doppler.grid: '4' is not a finite time with its unit; write for",
        ),
        (
            'grid = "4 ns"',
            'grid = "4.5 ns"',
            "channels.doppler.grid: 4.5 ns is not a multiple of core.period, 1 ns",
        ),
        ('grid = "4 ns"', 'grid = "0 ns"', "channels.doppler.grid: 0 s must be positive"),
        (
            'grid = "4 ns"',
            'grid = "4 ns"\nlatency = "-8 ns"',
            "channels.doppler.latency: -8 ns must be 0 or more",
        ),
        (
            "number = 0\n",
            "number = 70000\n",
            "channels.doppler.number: 70000 is outside the limits 0 to 65535",
        ),
        ("number = 0\n", 'number = "0"\n', "channels.doppler.number: '0' is not a whole number"),
        (
            '["50 MHz", "400 MHz"]',
            '["400 MHz", "50 MHz"]',
            "channels.doppler.frequency: give the lowest value first",
        ),
        (
            '["50 MHz", "400 MHz"]',
            '["50 MHz"]',
            "channels.doppler.frequency: ['50 MHz'] is not a range; write [low",
        ),
        (
            '["50 MHz", "400 MHz"]',
            '"50 MHz"',
            "channels.doppler.frequency: '50 MHz' is not a range; write [lowest,",
        ),
        (
            "amplitude = [0, 1]",
            "amplitude = [0, 2]",
            "channels.doppler.amplitude: 0 to 2 is not within 0 to 1 of full",
        ),
        (
            "amplitude = [0, 1]",
            'voltage = ["0 V", "1 V"]',
            "channels.doppler.voltage: a dds channel has no voltage; it has frequency and amplitude",
        ),
        ('drives = "doppler of the tiny lab"', "drives = 3", "channels.doppler.drives: 3 is not a text"),
        ('period = "1 ns"', 'period = "0 ns"', "core.period: 0 s is not a positive time"),
        (
            'lab = "tiny_lab:TinyLab"',
            'lab = "tiny_lab"',
            "core.lab: 'tiny_lab' does not name a lab; write 'module:",
        ),
        (
            'lab = "tiny_lab:TinyLab"',
            'lab = "json:loads"',
            "core.lab: 'json:loads' is no lab: it needs the functions",
        ),
        (
            'lab = "tiny_lab:TinyLab"',
            'lab = "no_lab:X"',
            "core.lab: the lab 'no_lab:X' cannot be imported (No module named 'no_lab'); is the",
        ),
        (
            'source = "derived"',
            'source = "guessed"',
            "node.rate.source: 'guessed' is not one of published, derived,",
        ),
        ("rate = {", "rite = {", "node.rite: unknown key"),
        (
            'reference = "PRX Quantum 5, 020308"',
            'reference = ""',
            "calibration.mapping_pi_time.reference: is missing;",
        ),
        (
            'value = "6.4 us"',
            "value = 6.4e-6",
            "calibration.mapping_pi_time: '6.4e-06' is not a finite time with its",
        ),
        (
            'value = "6.4 us"',
            'value = "6.4 s"',
            "calibration.mapping_pi_time: 6.4 s is outside the limits 100 ns to 1",
        ),
        (
            'value = "6.4 us"',
            "value = [1]",
            "calibration.mapping_pi_time.value: [1] is not a text, a number, true or",
        ),
        (
            'value = "6.4 us"',
            'value = "6.4 us", error = "3 MHz"',
            "calibration.mapping_pi_time.error: '3 MHz' ",
        ),
        (
            'value = "6.4 us"',
            'value = "6.4 us", error = "-3 ns"',
            "calibration.mapping_pi_time.error: '-3 ns' is no standard deviation; give one above zero, in",
        ),
    ],
)
def test_one_mistake(tiny_text: str, write_setup: Write, old: str, new: str, told: str) -> None:
    assert old in tiny_text
    found = problems(write_setup(tiny_text.replace(old, new, 1)))
    assert any(problem.startswith(f"lab.toml: {told}") for problem in found), found


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            'settings = { angle = "0 turn" }',
            'settings = { angel = "0 turn" }',
            "instruments.plate.settings.angel: the driver has no setting 'angel'. Did you mean angle?",
        ),
        (
            'settings = { angle = "0 turn" }',
            'settings = { angle = "1 us" }',
            "instruments.plate.settings.angle: '1 us' is not a finite angle with its unit; write for",
        ),
        ("output = true", "output = 1", "instruments.trap_rf.settings.output: 1 is not true or false"),
        (
            'power = "-2 dBm"',
            "power = true",
            "instruments.trap_rf.settings.power: True is not a number with a unit (dBm)",
        ),
        (
            'power = ["-30 dBm", "0 dBm"]',
            'power = ["-30 dBm", 0]',
            "instruments.trap_rf.limits.power: '0' is not a finite power with its unit",
        ),
        (
            'power = ["-30 dBm", "0 dBm"]',
            'powr = ["-30 dBm", "0 dBm"]',
            "instruments.trap_rf.limits.powr: the driver has no setting 'powr'",
        ),
        (
            'power = ["-30 dBm", "0 dBm"]',
            'power = ["0 dBm", "-30 dBm"]',
            "instruments.trap_rf.limits: the limits 0 to -30 dBm for 'power' leave no value: give the lowest",
        ),
        (
            'power = "-2 dBm"',
            'power = "3 dBm"',
            "instruments.trap_rf.settings: power cannot be 3 dBm: above 0 dBm, the limit of the site. "
            "Give a value from -30 to 0 dBm or change the limit in the setup file.",
        ),
        (
            'resource = "simulated:trap_rf"',
            'resource = "simulated:plate"\naddress = "0"',
            "instruments.trap_rf.resource: plate is at simulated:plate too",
        ),
    ],
)
def test_one_mistake_of_an_instrument(
    tiny_bench: Path, write_setup: Write, old: str, new: str, told: str
) -> None:
    text = tiny_bench.read_text()
    assert old in text
    found = problems(write_setup(text.replace(old, new, 1)))
    assert any(problem.startswith(f"lab.toml: {told}") for problem in found), found


def test_every_setting_of_every_driver_has_a_unit_that_can_be_written() -> None:
    for name in DRIVERS:
        for setting in driver_class(name).SETTINGS:
            unit = setting.unit
            assert parse(f"1 {unit}", unit) == 1.0


def test_extending_a_setup_merges_deeply(tiny: Path, write_setup: Write) -> None:
    own = write_setup(
        'extends = "lab.toml"\nname = "mine"\n[channels.doppler]\nlatency = "800 ns"\n'
        '[calibration]\nmapping_pi_time = { value = "5 us", source = "calibrated" }\n',
        "mine.toml",
    )
    setup = read_setup(own)
    assert setup.name == "mine"
    assert setup.target.by_name["doppler"].latency == 800e-9
    assert setup.target.by_name["doppler"].grid == 4e-9
    assert setup.calibration.mapping_pi_time == 5e-6
    source = next(value for value in setup.sources if value.key == "calibration.mapping_pi_time")
    # The new number must not carry the publication of the old one.
    assert (source.source, source.reference) == ("calibrated", "")
    assert msgspec.toml.decode(setup.text) == setup.tables


def test_stored_text_of_an_extended_setup_reads_as_the_same_setup(
    tiny_bench: Path, write_setup: Write
) -> None:
    own = read_setup(write_setup('extends = "bench.toml"\nname = "mine"\n', "mine.toml"))
    again = read_setup(write_setup(own.text, "again.toml"))
    assert again.tables == own.tables
    assert again.target == own.target
    assert again.instruments == own.instruments


keys = st.text(min_size=1, max_size=8)
leaves = st.one_of(st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False), st.text())
values = st.one_of(leaves, st.lists(leaves, max_size=3))
tables = st.dictionaries(keys, st.one_of(values, st.dictionaries(keys, values, max_size=3)), max_size=4)


@given(tables)
def test_tables_survive_being_written_as_toml(table: dict[str, object]) -> None:
    text = "\n".join(files._write(table))
    assert msgspec.toml.decode(text) == table


def test_merge_leaves_both_untouched() -> None:
    under, over = {"a": {"x": 1}}, {"a": {"y": 2}}
    assert merge(under, over) == {"a": {"x": 1, "y": 2}}
    assert (under, over) == ({"a": {"x": 1}}, {"a": {"y": 2}})


def test_a_circle_of_setups_is_told(write_setup: Write) -> None:
    first = write_setup('extends = "b.toml"', "a.toml")
    write_setup('extends = "a.toml"', "b.toml")
    assert problems(first) == ["a.toml: extends itself: a.toml -> b.toml -> a.toml; remove one `extends`"]


def test_extends_must_be_one_text(write_setup: Write) -> None:
    assert problems(write_setup("extends = 3")) == [
        "lab.toml: extends: must be the name or the file of one setup, not 3"
    ]


def test_syntax_error_tells_the_line(write_setup: Write) -> None:
    (told,) = problems(write_setup('name = "x"\n[core\nlab = 3\n'))
    assert told.startswith("lab.toml: not TOML: ")
    assert "line 2" in told
    assert told.endswith("'[core'")


def test_unreadable_files(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    assert problems(missing) == [f"the setup file {missing} cannot be read: No such file or directory"]
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    assert problems(folder) == [f"the setup file {folder} cannot be read: Is a directory"]
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'name = "\xe9"')
    assert problems(latin) == [f"the setup file {latin} is not UTF-8 text (byte 8)"]


def test_unknown_name() -> None:
    (told,) = problems("no_such_lab")
    assert told.startswith("there is no setup 'no_such_lab'. ")
    assert told.endswith("A file of your own ends in .toml.")


def test_missing_core(write_setup: Write) -> None:
    """It is told beside all else that is missing."""
    for text, told in (("", "core: is missing"), ("core = 3", "core: 3 is not a table")):
        first, *others = problems(write_setup(f'name = "x"\n{text}'))
        assert first == f"lab.toml: {told}"
        assert "lab.toml: calibration.mapping_pi_time: is missing" in others


def test_number_of_a_plain_quantity_is_a_float(tiny: Path) -> None:
    amplitude = read_setup(tiny).calibration.doppler_amplitude
    assert isinstance(amplitude, float)
    assert math.isclose(amplitude, 1.0)


def test_file_is_found_by_path_or_by_name(tiny: Path) -> None:
    assert read_file(tiny).origin == read_file(str(tiny)).origin == "lab.toml"


def test_what_is_wrong_with_both_ends_of_a_limit_is_told_once(tiny_bench: Path) -> None:
    text = tiny_bench.read_text()
    tiny_bench.write_text(text.replace("limits = { power =", "limits = { powr ="))
    (problem,) = problems(tiny_bench)
    assert "limits.powr: the driver has no setting 'powr'. Did you mean power or power_cap?" in problem


REAL = "TCPIP::192.0.2.7::5025::SOCKET"


@pytest.mark.parametrize(
    ("name", "line", "problem"),
    [
        ("power_393", f'resource = "{REAL}"', None),
        ("time_tagger", 'controller = "127.0.0.1:3270"', None),
        (
            "trap_rf",
            f'resource = "{REAL}"',
            "instruments.trap_rf.resource: a real 'trap rf' does not act on the simulated node; "
            "write 'simulated:trap_rf'",
        ),
        (
            "trap_rf",
            'controller = "127.0.0.1:3270"',
            "instruments.trap_rf.controller: the 'trap rf' behind 127.0.0.1:3270 is not in the lab of this "
            "run and does not act on its ions; leave the controller out",
        ),
    ],
)
def test_only_playing_refuses_a_real_instrument_that_acts(
    name: str, line: str, problem: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'extends = "innsbruck"\n[instruments.{name}]\n{line}\n')
    setup = read_setup(path)
    if problem is None:
        setup.require_playable()
        return
    with pytest.raises(ConfigError) as caught:
        setup.open_lab(1)
    assert str(caught.value) == f"mine.toml: {problem}"
