"""The pictures in the library's README are what the library plays; `--renew-golden` draws them again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pytest

import sequences.library
from control.views import Panel, describe, save_view
from sequences import (
    Channel,
    Kind,
    Target,
    Tone,
    branch,
    compile_sequence,
    delay,
    herald,
    ms,
    readout,
    sequence,
    serial,
    us,
)
from sequences.ir import Block
from sequences.library import (
    Basis,
    Bichromat,
    Decoupling,
    Node,
    analyse,
    attempt_photon,
    bb1,
    count_fluorescence,
    decision_time,
    decouple,
    doppler_cool,
    generate_photon,
    generate_train,
    hold,
    lamb_dicke,
    map_to_ground,
    molmer_sorensen,
    optical_pump,
    plan_transport,
    play_rotations,
    ramsey,
    read_ions,
    shelve,
    shuttle,
    sideband_cool,
    spin_echo,
)
from sequences.picture import depict

LIBRARY: Final = Path(sequences.library.__file__).parent
PICTURES: Final = LIBRARY / "pictures"

TONES: Final = Target(
    "two tones",
    1e-9,
    (Channel("red", Kind.DDS, 0, 4e-9, update=1e-6), Channel("blue", Kind.DDS, 1, 4e-9, update=1e-6)),
)


def gate() -> Block:
    beam = Bichromat(Tone.of(TONES, "red"), Tone.of(TONES, "blue"), carrier=80e6, rabi=80e3)
    eta = lamb_dicke(0.9e6, cosine=0.7071, participation=2**-0.5)
    return molmer_sorensen(beam, 0.9e6, eta, 200 * us, rise=20 * us)


def move(node: Node) -> Block:
    transport = plan_transport(node.calibration, 10)
    return serial(hold(node, transport, 0), shuttle(node, transport, 0, 1, 50 * us))


def train(node: Node) -> Block:
    transport = plan_transport(node.calibration, 10)
    times = {"pulse": 50 * us, "window": 55 * us, "step": 50 * us, "settling": 20 * us}
    return generate_train(node, transport, range(3), **times)


def trying(node: Node) -> Block:
    times = {"quenching": 10 * us, "pumping": 20 * us, "pulse": 50 * us, "window": 56 * us}
    return attempt_photon(node, maximum=100, every=10, cooling=200 * us, **times)


def deciding(node: Node) -> Block:
    bright = herald(readout("bright"), at_least=5)
    counted = count_fluorescence(node, node.detector_v, 400 * us, "bright")
    return serial(counted, delay(decision_time(node)), branch(bright, then=optical_pump(node, 20 * us)))


DRAWN: Final[Mapping[str, Callable[[Node], Block]]] = MappingProxyType(
    {
        "cooling": lambda node: serial(doppler_cool(node, 100 * us), optical_pump(node, 20 * us)),
        "sideband_cooling": lambda node: sideband_cool(node, 0.92e6, 0.0714, 4, 8 * us, 12 * us),
        "ramsey": lambda node: ramsey(node, 60 * us, 0.25),
        "spin_echo": lambda node: spin_echo(node, 64 * us),
        "decoupling": lambda node: decouple(node, Decoupling.XY8, 8, 200 * us),
        "composite": lambda node: play_rotations(node, bb1(0.5)),
        "shelving": shelve,
        "photon": lambda node: generate_photon(node, 50 * us, 55 * us),
        "shuttling": move,
        "train": train,
        "attempts": trying,
        "tomography": lambda node: serial(map_to_ground(node), analyse(node, Basis.X)),
        "readout": lambda node: read_ions(node, 1.5 * ms),
        "deciding": deciding,
        "gate": lambda _: gate(),
    }
)


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_the_picture_is_what_is_played(
    node: Node, name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    target = TONES if name == "gate" else node.target
    picture = depict(compile_sequence(sequence(name, DRAWN[name](node)), target))
    kept = PICTURES / f"{name}.svg"
    renew = request.config.getoption("--renew-golden", default=False)
    drawn = save_view(
        [Panel(name.replace("_", " "), describe(picture), picture)], kept if renew else tmp_path / kept.name
    )
    advice = "if the difference is meant, draw it again with `pytest tests/sequences/library --renew-golden`"
    assert drawn.read_text(encoding="utf-8") == kept.read_text(encoding="utf-8"), f"{kept} differs; {advice}"


def test_the_readme_shows_every_picture_and_no_other() -> None:
    shown = re.findall(
        r"!\[[^]]+\]\(pictures/(\w+)\.svg\)", (LIBRARY / "README.md").read_text(encoding="utf-8")
    )
    assert sorted(shown) == sorted(DRAWN) == sorted(path.stem for path in PICTURES.iterdir())
