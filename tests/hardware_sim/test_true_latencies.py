"""A setup that states a wrong latency is found out: its light is mistimed."""

from __future__ import annotations

from typing import Any

import pytest

from hardware_sim.wiring import SPARE
from sequences.ir import Readout
from sequences.language import delay, parallel, serial
from sequences.library import doppler_cool, generate_photon, map_to_ground, optical_pump, read_ions
from sequences.units import parse


def test_the_defaults_are_the_latencies_of_the_shipped_setup(innsbruck: Any) -> None:
    own = innsbruck.properties.latencies
    for table in innsbruck.tables["channels"].values():
        part = table.get("drives")
        if part in own:
            assert own[part] == parse(table.get("latency", "0 s"), "s"), part
    assert set(own) <= set(innsbruck.wiring.channels) | SPARE


def test_photons_come_late_by_what_the_setup_does_not_know(quiet: Any) -> None:
    arrivals = []
    for late in (0.0, 5e-6):
        lab = quiet.but(raman_latency=0.7e-6 + late)
        node = lab.node
        block = serial(
            doppler_cool(node, 1e-3),
            optical_pump(node, 20e-6),
            generate_photon(node, 50e-6, 70e-6),
            delay(1e-5),
        )
        arrivals.append(lab.play(block, 6000).tags.window_ps)
    # The packet's width is some 13 us: six sigma of the difference of two means.
    moved = (arrivals[1].mean() - arrivals[0].mean()) * 1e-12
    spread = sum((tags * 1e-12).var() / len(tags) for tags in arrivals) ** 0.5
    assert moved == pytest.approx(5e-6, abs=6 * spread)
    assert 6 * spread < 5e-6
    assert arrivals[1].min() > 5e6


def test_a_late_quench_spoils_what_follows(quiet: Any) -> None:
    # 854 nm light that the setup believes to be over is still on when a pulse has brought ions to D5/2.
    dark = []
    for late in (0.0, 30e-6):
        lab = quiet.but(quench_latency=0.4e-6 + late)
        node, belief = lab.node, lab.node.calibration
        block = serial(
            parallel(
                optical_pump(node, 20e-6),
                node.quench.pulse(20e-6, belief.quench_frequency, belief.quench_amplitude),
            ),
            map_to_ground(node),
            delay(20e-6),
            read_ions(node, 1.5e-3),
        )
        dark.append((lab.play(block, 300).counts["ions"] < 8).mean())
    assert dark[0] > 0.8
    assert dark[1] < 0.5 * dark[0]


def test_a_late_gate_misses_the_beginning(quiet: Any) -> None:
    seen = []
    for late in (0.0, 20e-6):
        lab = quiet.but(detector_latency=late)
        node, belief = lab.node, lab.node.calibration
        pulse = parallel(
            node.raman_v.pulse(50e-6, belief.raman_v_frequency),
            node.raman_h.pulse(50e-6, belief.raman_h_frequency),
            node.detector_h.gate(10e-6, Readout("h")),
        )
        block = serial(doppler_cool(node, 1e-3), optical_pump(node, 20e-6), pulse)
        tags = lab.play(block, 4000, seed=2).tags
        seen.append(len(tags))
        assert tags.window_ps.max() < 10e6
    assert seen[0] != pytest.approx(seen[1], abs=6 * sum(seen) ** 0.5)
