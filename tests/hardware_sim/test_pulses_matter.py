"""Every pulse of the register's sequence matters: left out, mistimed or mistuned, it changes what is seen.

Three ions make a photon each, as in the ten-ion register; one pulse is changed, and one proportion that it
ought to change is compared with that of the unchanged train. Two proportions differ when they are five
standard deviations of their difference apart, which happens by chance with a probability of 6e-7. An
unchanged train with another seed must not differ in any of the proportions used here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

from data.columns import Record
from sequences.ir import Block, Leaf, Named, Parallel, Serial
from sequences.language import delay, parallel, serial
from sequences.library import (
    Transport,
    doppler_cool,
    generate_photon,
    hold,
    map_to_ground,
    optical_pump,
    plan_transport,
    read_ions,
    rotate,
    shuttle,
)

IONS = 3
SIGMAS = 5.0
Z, X = (0.0, 0.0), (1 / 16, 0.0)  # half- and quarter-wave plate, turns from their zeros

Train = dict[str, Block]
Proportion = tuple[int, int]
"""How many of how many."""


def train(lab: Any) -> Train:
    """Return the blocks of a train in order, by names."""
    node = lab.node
    transport = plan_transport(node.calibration, IONS)
    blocks: Train = {
        "hold": hold(node, transport, 0),
        "cooling": doppler_cool(node, 4e-3),
        "pumping": optical_pump(node, 20e-6),
    }
    for ion in range(IONS):
        if ion:
            blocks[f"shuttle {ion}"] = shuttle(node, transport, ion - 1, ion, 50e-6)
            blocks[f"rest {ion}"] = delay(20e-6)
        blocks[f"photon {ion}"] = generate_photon(node, 50e-6, 55e-6, ion)
    blocks["mapping"] = map_to_ground(node)
    blocks["analysis"] = rotate(node, 0.25, 0.0, 0.0)
    blocks["readout"] = read_ions(node, 1.5e-3)
    return blocks


def rewrite(block: Block, channel: str, change: Callable[[Leaf], Block | None]) -> Block:
    """Return a block with what is played on one channel changed, or left out where the change is None."""
    match block:
        case Serial(parts=parts):
            return serial(*(rewrite(part, channel, change) for part in parts))
        case Parallel(parts=parts, align=align):
            return parallel(*(rewrite(part, channel, change) for part in parts), align=align)
        case Named(body=body):
            return rewrite(body, channel, change)
        case _ if getattr(getattr(block, "channel", None), "name", None) == channel:
            return change(block) or delay(0.0)
        case _:
            return block


def dropped(_: Leaf) -> None:
    """Leave a leaf out."""


def late(by: float) -> Callable[[Leaf], Block]:
    """Play a leaf later by a time (s)."""
    return lambda leaf: serial(delay(by), leaf)


# ----------------------------------------------------------------------------------------- what is looked at


def photons(ion: int) -> Callable[[Record], Proportion]:
    """Shots with a click in the gates of one ion."""

    def measured(record: Record) -> Proportion:
        clicks = sum(record.counts[name] for name in ("photon_h", "photon_v") if name in record.counts)
        return int((np.asarray(clicks)[:, ion] > 0).sum()), record.shots

    return measured


def clicks_at(port: str) -> Callable[[Record], Proportion]:
    """Gates of one detector that clicked."""

    def measured(record: Record) -> Proportion:
        name = f"photon_{port}"
        seen = int((record.counts[name] > 0).sum()) if name in record.counts else 0
        return seen, record.shots * IONS

    return measured


def all_photons(record: Record) -> Proportion:
    """Clicks in all gates."""
    ports = [clicks_at(port)(record) for port in "hv"]
    return sum(seen for seen, _ in ports), ports[0][1]


def agreement(record: Record) -> Proportion:
    """Bright ions with a click of the reflected detector and dark ones with one of the transmitted."""
    h, v = (record.counts[f"photon_{port}"] > 0 for port in "hv")
    bright = record.counts["ions"] >= 8 if "ions" in record.counts else np.zeros_like(h)
    single = h ^ v
    return int((bright == v)[single].sum()), int(single.sum())


def bright_ions(record: Record) -> Proportion:
    """Ions that are read as bright; none if nobody looked."""
    bright = record.counts["ions"] >= 8 if "ions" in record.counts else np.zeros((record.shots, IONS))
    return int(bright.sum()), bright.size


def sigmas_apart(one: Proportion, two: Proportion) -> float:
    """Return how many standard deviations lie between two proportions, by their common one."""
    (a, n), (b, m) = one, two
    mean = (a + b) / (n + m)
    spread = np.sqrt(max(mean * (1 - mean), 1e-12) * (1 / n + 1 / m))
    return float(abs(a / n - b / m) / spread)


# -------------------------------------------------------------------------------------------- what is changed


@dataclass(frozen=True)
class Case:
    """A change of the train, and where it shows.

    Attributes:
        change: what becomes of the lab and its train.
        shows: the proportion that tells.
        shots: played of both trains.
        plates: of the photon analysis, turns from their zeros.
        analysed: whether the ions are turned in front of the readout.
    """

    change: Callable[[Any, Train], Train]
    shows: Callable[[Record], Proportion]
    shots: int = 400
    plates: tuple[float, float] = Z
    analysed: bool = False


def edited(name: str, channel: str, change: Callable[[Leaf], Block | None]) -> Callable[[Any, Train], Train]:
    """Change what is played on a channel in one block."""
    return lambda _, blocks: blocks | {name: rewrite(blocks[name], channel, change)}


def edited_photons(channel: str, change: Callable[[Leaf], Block | None]) -> Callable[[Any, Train], Train]:
    """Change what is played on a channel in all photon pulses."""
    return lambda _, blocks: {
        name: rewrite(block, channel, change) if name.startswith("photon") else block
        for name, block in blocks.items()
    }


def without(name: str) -> Callable[[Any, Train], Train]:
    """Leave a block out."""
    return lambda _, blocks: {key: block for key, block in blocks.items() if key != name}


def moved(name: str, behind: str) -> Callable[[Any, Train], Train]:
    """Play a block right after another one."""

    def change(_: Any, blocks: Train) -> Train:
        order: Train = {}
        for key, block in blocks.items():
            if key != name:
                order[key] = block
            if key == behind:
                order[name] = blocks[name]
        return order

    return change


def believed(name: str, blocks_named: str, value: Callable[[float], float]) -> Callable[[Any, Train], Train]:
    """Build some blocks with another calibrated value."""

    def change(lab: Any, blocks: Train) -> Train:
        other = train(lab.believing(**{name: value(getattr(lab.node.calibration, name))}))
        return {key: other[key] if key.startswith(blocks_named) else blocks[key] for key in blocks}

    return change


def held_elsewhere(lab: Any, blocks: Train) -> Train:
    """Hold the wrong ion in the waist."""
    return blocks | {"hold": hold(lab.node, transport_of(lab), 2)}


def transport_of(lab: Any) -> Transport:
    """Return the endcap voltages of the train."""
    return plan_transport(lab.node.calibration, IONS)


def moved_in(duration: float, ion: int) -> Callable[[Any, Train], Train]:
    """Shuttle to an ion in another time (s)."""
    return lambda lab, blocks: (
        blocks | {f"shuttle {ion}": shuttle(lab.node, transport_of(lab), ion - 1, ion, duration)}
    )


def turned(phase: float, turns: float = 0.25) -> Callable[[Any, Train], Train]:
    """Turn the ions by another angle, or about another axis."""
    return lambda lab, blocks: blocks | {"analysis": rotate(lab.node, turns, phase)}


def looked_without(channel: str) -> Callable[[Any, Train], Train]:
    return edited("readout", channel, dropped)


def add(hertz: float) -> Callable[[float], float]:
    return lambda value: value + hertz


def scale(factor: float) -> Callable[[float], float]:
    return lambda value: value * factor


CASES: Mapping[str, Case] = {
    "hold left out": Case(without("hold"), agreement),
    "hold after the first photon": Case(moved("hold", "photon 0"), agreement),
    "hold of another ion": Case(held_elsewhere, agreement),
    "cooling left out": Case(without("cooling"), all_photons),
    "cooling beam left out": Case(edited("cooling", "doppler", dropped), all_photons),
    "cooling beam blue": Case(believed("doppler_frequency", "cooling", add(11.2e6)), all_photons),
    "cooling beam weak": Case(believed("doppler_amplitude", "cooling", scale(0.1)), all_photons, 1000),
    "cooling after the pumping": Case(moved("cooling", "pumping"), all_photons, 3000),
    "cooling repump left out": Case(edited("cooling", "repump", dropped), all_photons),
    "cooling repump late": Case(edited("cooling", "repump", late(3.9e-3)), all_photons, 1000),
    "cooling repump weak": Case(believed("repump_amplitude", "cooling", scale(0.003)), all_photons),
    "quench left out": Case(edited("cooling", "quench", dropped), all_photons),
    "quench after the photons": Case(
        lambda lab, blocks: {
            **edited("cooling", "quench", dropped)(lab, blocks),
            "mapping": serial(lab.node.quench.pulse(4e-3, 200e6), blocks["mapping"]),
        },
        all_photons,
    ),
    "quench weak": Case(believed("quench_amplitude", "cooling", scale(0.001)), all_photons),
    "pumping left out": Case(without("pumping"), all_photons, 2000),
    "pumping beam far off": Case(believed("pumping_frequency", "pumping", add(120e6)), all_photons, 10_000),
    "pumping behind the photons": Case(moved("pumping", "photon 2"), all_photons, 2000),
    "pumping repump left out": Case(edited("pumping", "repump", dropped), all_photons, 8000),
    "first shuttle left out": Case(without("shuttle 1"), photons(1)),
    "first shuttle after its photon": Case(moved("shuttle 1", "photon 1"), photons(1)),
    "first shuttle too fast": Case(moved_in(3e-6, 1), photons(1)),
    "first shuttle without the upper endcap": Case(edited("shuttle 1", "endcap_upper", dropped), photons(1)),
    "first shuttle without the lower endcap": Case(edited("shuttle 1", "endcap_lower", dropped), photons(1)),
    "second shuttle left out": Case(without("shuttle 2"), photons(2)),
    "second shuttle after its photon": Case(moved("shuttle 2", "photon 2"), photons(2)),
    "second shuttle too fast": Case(moved_in(3e-6, 2), photons(2)),
    "V tone left out": Case(edited_photons("raman_v", dropped), clicks_at("v")),
    "V tone late": Case(edited_photons("raman_v", late(40e-6)), clicks_at("v")),
    "V tone mistuned": Case(believed("raman_v_frequency", "photon", add(0.4e6)), clicks_at("v")),
    "V tone weak": Case(believed("raman_v_amplitude", "photon", scale(0.5)), clicks_at("v")),
    "H tone left out": Case(edited_photons("raman_h", dropped), clicks_at("h")),
    "H tone late": Case(edited_photons("raman_h", late(40e-6)), clicks_at("h")),
    "H tone mistuned": Case(believed("raman_h_frequency", "photon", add(0.4e6)), clicks_at("h")),
    "H tone weak": Case(believed("raman_h_amplitude", "photon", scale(0.5)), clicks_at("h")),
    "V tone off the Zeeman splitting": Case(
        believed("raman_v_frequency", "photon", add(20e3)), agreement, 400, X, analysed=True
    ),
    "H gate left out": Case(edited_photons("detector_h", dropped), clicks_at("h")),
    "H gate late": Case(edited_photons("detector_h", late(70e-6)), clicks_at("h")),
    "V gate left out": Case(edited_photons("detector_v", dropped), clicks_at("v")),
    "V gate late": Case(edited_photons("detector_v", late(70e-6)), clicks_at("v")),
    "mapping left out": Case(without("mapping"), agreement),
    "mapping before the photons": Case(moved("mapping", "pumping"), all_photons),
    "mapping mistuned": Case(believed("mapping_frequency", "mapping", add(0.2e6)), agreement),
    "mapping too short": Case(believed("mapping_pi_time", "mapping", scale(0.5)), agreement),
    "analysis left out": Case(without("analysis"), agreement, 400, X, analysed=True),
    "analysis before the mapping": Case(moved("analysis", "photon 2"), agreement, 400, X, analysed=True),
    "analysis about another axis": Case(turned(0.25), agreement, 400, X, analysed=True),
    "analysis too long": Case(turned(0.0, 0.5), agreement, 400, X, analysed=True),
    "analysis mistuned": Case(
        believed("analysis_frequency", "analysis", add(0.1e6)), agreement, 400, X, analysed=True
    ),
    "readout beam left out": Case(looked_without("doppler"), bright_ions),
    "readout beam far off": Case(believed("doppler_frequency", "readout", scale(0.8)), bright_ions),
    "readout beam late": Case(edited("readout", "doppler", late(1.4e-3)), bright_ions),
    "readout repump left out": Case(looked_without("repump"), bright_ions),
    "readout repump late": Case(edited("readout", "repump", late(1.4e-3)), bright_ions),
    "camera left out": Case(looked_without("camera"), bright_ions),
    "camera late": Case(edited("readout", "camera", late(1.5e-3)), bright_ions),
}


@pytest.fixture(scope="module")
def lab(innsbruck: Any) -> Any:
    """The shipped node with a path that loses no more than it must, for the sake of statistics."""
    return innsbruck.but(path_transmission=1.0)


def blocks_for(lab: Any, case: Case) -> Train:
    blocks = train(lab)
    return blocks | {"analysis": rotate(lab.node, 0.25, 0.0)} if case.analysed else blocks


def play(lab: Any, blocks: Train, case: Case, seed: int) -> Record:
    return lab.play(serial(*blocks.values()), case.shots, ions=IONS, seed=seed, plates=case.plates)


@pytest.fixture(scope="module")
def unchanged(lab: Any) -> Callable[[Case, int], Record]:
    """Play the unchanged train, once for each way in which it is looked at."""

    @cache
    def played(shots: int, plates: tuple[float, float], analysed: bool, seed: int) -> Record:
        case = Case(without(""), bright_ions, shots, plates, analysed)
        return play(lab, blocks_for(lab, case), case, seed)

    return lambda case, seed: played(case.shots, case.plates, case.analysed, seed)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.slow
def test_a_changed_pulse_shows(name: str, lab: Any, unchanged: Callable[[Case, int], Record]) -> None:
    case = CASES[name]
    changed = play(lab, case.change(lab, blocks_for(lab, case)), case, 2)
    right, wrong = case.shows(unchanged(case, 1)), case.shows(changed)
    assert sigmas_apart(right, wrong) > SIGMAS, f"{right} unchanged, {wrong} changed"


@pytest.mark.parametrize("name", CASES)
def test_an_unchanged_train_shows_nothing(name: str, unchanged: Callable[[Case, int], Record]) -> None:
    case = CASES[name]
    assert sigmas_apart(case.shows(unchanged(case, 1)), case.shows(unchanged(case, 3))) < SIGMAS


def test_the_unchanged_train_is_a_good_one(lab: Any, unchanged: Callable[[Case, int], Record]) -> None:
    along_z = unchanged(Case(without(""), agreement), 1)
    across = unchanged(Case(without(""), agreement, 400, X, analysed=True), 1)
    for record in (along_z, across):
        agrees, pairs = agreement(record)
        # The correlations of a state of some 97 % fidelity; the sign across depends on the tones' phases.
        assert abs(2 * agrees / pairs - 1) > 0.8
        assert all(photons(ion)(record)[0] > 80 for ion in range(IONS))
