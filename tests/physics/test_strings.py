"""Strings of ions: two independent ways to the same positions, and published lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hardware_sim.core.raman_beam import raman_model
from hardware_sim.core.string import make_string
from hardware_sim.physics.cavity import position_factor
from hardware_sim.physics.crystal import modes
from hardware_sim.physics.motion import debye_waller
from sequences.language import delay, serial
from sequences.library import doppler_cool, generate_photon, hold, optical_pump, plan_transport, shuttle

# Squared mode frequencies and upper half of the positions of strings of 2 to 10 ions.
# Source: James, Appl. Phys. B 66, 181 (1998), tables 1 and 2 (four digits), recomputed to five.
TABLE = {
    2: ((1, 3), (0.62996,)),
    3: ((1, 3, 5.8), (0.0, 1.07722)),
    4: ((1, 3, 5.8099, 9.3084), (0.45438, 1.43680)),
    5: ((1, 3, 5.8177, 9.3322, 13.4748), (0.0, 0.82210, 1.74290)),
    10: (
        (1, 3, 5.8411, 9.4076, 13.6267, 18.4514, 23.8483, 29.7919, 36.2616, 43.2405),
        (0.28210, 0.85378, 1.45038, 2.10003, 2.87083),
    ),
}


@pytest.mark.parametrize("ions", TABLE)
def test_positions_and_modes_are_those_of_the_published_table(ions: int) -> None:
    crystal, (mu, upper) = modes(ions), TABLE[ions]
    assert crystal.mu == pytest.approx(mu, abs=1e-4)
    assert crystal.positions[ions // 2 :] == pytest.approx(upper, abs=1e-5)


@pytest.mark.parametrize("ions", [1, 2, 3, 10, 57, 200])
def test_the_lab_and_the_node_agree_where_the_ions_are(apparatus: Any, ions: int) -> None:
    # The library works out its own string from what the lab believes; the node has its own physics.
    transport = plan_transport(apparatus.setup.calibration, ions)
    string = make_string(apparatus.properties, ions, transport.axial_frequency, 2.4e6)
    assert transport.positions == pytest.approx(string.positions, abs=2e-9)


def test_the_ten_ion_string_has_its_derived_length(apparatus: Any) -> None:
    # Derived: 57.0 um long at 0.30 MHz, spacings of 5.6 to 7.7 um.
    string = make_string(apparatus.properties, 10, 0.30e6, 2.4e6)
    spacings = np.diff(string.positions)
    assert np.ptp(string.positions) == pytest.approx(57.0e-6, abs=0.1e-6)
    assert spacings.min() == pytest.approx(5.6e-6, abs=0.05e-6)
    assert spacings.max() == pytest.approx(7.7e-6, abs=0.05e-6)


def test_three_ions_at_869_khz_couple_as_published(apparatus: Any) -> None:
    # Published: 5.26(10) um apart, couplings of 0.83, 1, 0.83; Krutyanskiy et al., PRX Quantum 5, 020308
    # (2024), app. B.
    string = make_string(apparatus.properties, 3, 0.869e6, 2.4e6)
    assert np.diff(string.positions) == pytest.approx(5.26e-6, abs=0.01e-6)
    factors = position_factor(raman_model(apparatus.properties).cavity, string.positions)
    assert factors == pytest.approx([0.83, 1.0, 0.83], abs=0.005)


def test_the_motion_of_three_cooled_ions_reduces_the_coupling_as_published(apparatus: Any) -> None:
    # Published fit: 0.784 after Doppler cooling, other losses included, so that the model must be somewhat
    # above: within 10 %. Same source.
    string = make_string(apparatus.properties, 3, 0.869e6, 2.4e6)
    rng = np.random.default_rng(1)
    numbers = rng.geometric(1 / (1 + 22.4e6 / 2 / string.frequencies), (20_000, 9)) - 1
    mean = debye_waller(numbers, string.raman).mean(axis=0)
    assert mean == pytest.approx(np.full(3, 0.784), rel=0.1)
    assert mean.min() > 0.784


def test_the_middle_ion_of_three_emits_about_as_often_as_published(apparatus: Any) -> None:
    # Published: a photon in the cavity with 0.58 to 0.66 from each of three Doppler-cooled ions (60 us of
    # 31.47 MHz and 50 us of 30.41 MHz), same source. The model lacks what makes 0.784 of its 0.83: 12 %.
    node = apparatus.node
    block = serial(
        hold(node, plan_transport(node.calibration, 3, 0.869e6), 1),
        doppler_cool(node, 7e-3),
        optical_pump(node, 20e-6),
        generate_photon(node, 50e-6, 60e-6),
    )
    counts = apparatus.play(block, 6000, ions=3, seed=3).counts
    in_cavity = (counts["photon_h"] + counts["photon_v"]).mean() / (90 / 116 * 0.96 * 0.81 * 0.875)
    assert in_cavity == pytest.approx(0.66, rel=0.12)


def test_every_ion_of_ten_is_brought_to_the_same_place(apparatus: Any) -> None:
    # From coupling factors of 0.54 to 0.70 at the Doppler limit of 0.30 MHz follows a ratio of 0.79 between
    # the ends and the middle (derived). 4000 shots: 2.5 % of error in each ratio, five of which are allowed.
    node, shots = apparatus.node, 4000
    transport = plan_transport(node.calibration, 10)
    blocks = [hold(node, transport, 0), doppler_cool(node, 7e-3), optical_pump(node, 20e-6)]
    for ion in range(10):
        if ion:
            blocks += [shuttle(node, transport, ion - 1, ion, 50e-6), delay(20e-6)]
        blocks.append(generate_photon(node, 50e-6, 55e-6, ion))
    counts = apparatus.play(serial(*blocks), shots, ions=10, seed=4).counts
    detected = (counts["photon_h"] + counts["photon_v"]).mean(axis=0)
    middle = detected[4:6].mean()
    assert detected[[0, 9]] / middle == pytest.approx([0.79, 0.79], abs=0.13)
    assert detected[2:8] / middle == pytest.approx(np.ones(6), abs=0.13)
