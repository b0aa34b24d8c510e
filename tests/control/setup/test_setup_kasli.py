"""Where a setup file puts its channels on ARTIQ hardware."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from control import read_setup
from control.errors import ConfigError
from control.experiments.experiment import Experiment
from control.experiments.single_ion_photon import SingleIonPhoton
from control.experiments.ten_ion_register import TenIonRegister
from control.setup import Setup
from sequences import Program, compile_sequence, sequence
from sequences.library import Node
from sequences.targets.artiq import (
    EdgeCounter,
    Fastino,
    PhaseMode,
    Urukul,
    Zotino,
    print_player,
    programming_time,
    record_program,
)

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a setup that extends the one with the crate."""

    def written(text: str) -> Path:
        path = tmp_path / "own.toml"
        path.write_text(f'extends = "kasli"\nname = "own"\n{text}', encoding="utf-8")
        return path

    return written


@pytest.fixture(scope="module")
def kasli() -> Setup:
    return read_setup("kasli")


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_setup(path)
    return [problem.removeprefix("own.toml: ") for problem in caught.value.problems]


def test_a_setup_without_a_crate() -> None:
    assert read_setup("innsbruck").kasli is None


def test_the_shipped_crate(kasli: Setup) -> None:
    assert kasli.kasli is not None
    assert kasli.kasli.target is kasli.target
    devices = kasli.kasli.devices
    assert devices["doppler"] == Urukul(18, 0, 19, 20, phase=PhaseMode.CONTINUOUS)
    assert devices["qubit"] == Urukul(30, 0, 31, 32)
    assert devices["endcap_lower"] == Zotino(36, 37, 1, gain=160.0)
    assert devices["detector_h"] == EdgeCounter(8)


def test_the_shipped_crate_states_what_its_buses_take(kasli: Setup) -> None:
    """The compiler believes the setup file; the lowering knows better. They must agree."""
    assert kasli.kasli is not None
    for name, device in kasli.kasli.devices.items():
        channel = kasli.target.by_name[name]
        if isinstance(device, Urukul):
            assert channel.programming == pytest.approx(programming_time(device.phase) * 1e-9)
            assert channel.bus == f"urukul{(device.spi - 18) // 6}"
        if isinstance(device, Zotino):
            assert channel.programming >= (1500 + 808 + 16) * 1e-9


def program_of(setup: Setup, experiment: Experiment) -> Program:
    node = Node.of(setup.target, setup.calibration)
    first = next(iter(experiment.points(node)))
    written = sequence(type(experiment).__name__, experiment.sequence(node))
    return compile_sequence(written, setup.target, first.parameters)


@pytest.mark.parametrize("experiment", [SingleIonPhoton(), TenIonRegister()], ids=lambda e: type(e).__name__)
def test_shipped_experiments_play_on_the_shipped_crate(kasli: Setup, experiment: Experiment) -> None:
    assert kasli.kasli is not None
    program = program_of(kasli, experiment)
    recording = record_program(program, kasli.kasli)
    assert sum(len(trace.gates) for trace in recording.traces) >= 2
    compile(print_player(program, kasli.kasli), "player.py", "exec")


def test_own_devices_replace_the_shipped_ones(write: Write) -> None:
    own = read_setup(
        write(
            "[channels.endcap_upper.artiq]\n"
            'device = "zotino"\nspi = 36\nldac = 37\noutput = 9\ngain = 200\nreference = "4.5 V"\n'
            "[channels.qubit.artiq]\n"
            'sysclk = "2 GHz"\n'
        )
    )
    assert own.kasli is not None
    assert own.kasli.devices["endcap_upper"] == Zotino(36, 37, 9, 200.0, 4.5)
    assert own.kasli.devices["qubit"] == Urukul(30, 0, 31, 32, sysclk=2e9)


def test_other_boards(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    lines = ['extends = "innsbruck"', 'name = "own"']
    for output, name in enumerate(("upper", "lower")):
        lines += [
            f"[channels.endcap_{name}]",
            f'artiq = {{ device = "fastino", channel = 5, output = {output} }}',
        ]
    path.write_text("\n".join(lines), encoding="utf-8")
    told = problems(path)
    assert "channels.doppler.artiq: has no place on the crate" in told
    assert (
        "channels.endcap_upper.artiq: voltage limits -100 V to 1500 V exceed what the device plays, "
        "-10 V to 9.99969482 V"
    ) in told
    assert Fastino(5, 1).volts[0] == -10


@pytest.mark.parametrize(
    ("channel", "line", "told"),
    [
        (
            "marker",
            'device = "ttl_uot"',
            "device: there is no device 'ttl_uot'. Did you mean ttl_out or ttl_input?",
        ),
        ("marker", "device = 3", "device: there is no device 3. Known: edge_counter, fastino, ttl_"),
        ("marker", "chanel = 3", "chanel: unknown key. Did you mean channel?"),
        ("marker", 'channel = "x"', "channel: 'x' is not a whole number"),
        ("qubit", 'phase = "free"', "phase: 'free' is not one of tracking, continuous"),
        ("qubit", 'sysclk = "1 V"', "sysclk: '1 V' is not a finite frequency with its unit"),
        ("endcap_upper", 'gain = "big"', "gain: 'big' is not a number"),
    ],
)
def test_one_mistake(write: Write, channel: str, line: str, told: str) -> None:
    (found,) = problems(write(f"[channels.{channel}.artiq]\n{line}\n"))
    assert found.startswith(f"channels.{channel}.artiq.{told}")


def test_mistakes_of_the_crate_are_told_with_all_others(write: Write) -> None:
    wrong = write(
        "[channels.marker.artiq]\nchannel = 11\n"
        "[channels.raman_h.artiq]\nchip = 0\n"
        '[instruments.rf]\ndriver = "smc100"\nresource = "x"\n'
    )
    assert problems(wrong) == [
        "channels.raman_h.artiq: chip 0 is 'raman_v' already",
        "channels.marker.artiq: RTIO channel 11 is 'camera' already",
        "instruments.rf.driver: there is no driver 'smc100'. Did you mean smc100a or pm100d?",
    ]


def test_devices_are_judged_even_if_the_channels_are_wrong(write: Write) -> None:
    told = problems(write('[channels.marker]\ngrid = "0 s"\n[channels.camera.artiq]\ndevice = "lamp"\n'))
    assert told == [
        "channels.marker.grid: 0 s must be positive",
        "channels.camera.artiq.device: there is no device 'lamp'. "
        "Known: edge_counter, fastino, ttl_input, ttl_out, urukul, zotino.",
    ]


def test_the_crate_counts_in_nanoseconds(write: Write) -> None:
    text = '[core]\nperiod = "0.4 ns"\n'
    told = problems(write(text))
    assert any("core.period" in problem for problem in told)


def test_a_place_must_be_a_table(write: Write) -> None:
    assert problems(write("[channels.marker]\nartiq = 3\n")) == ["channels.marker.artiq: 3 is not a table"]
