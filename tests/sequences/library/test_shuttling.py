"""The lab's own plan of its string, against published numbers and against the simulated string."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from control.setup import read_setup
from hardware_sim.physics.crystal import equilibrium_positions, zigzag_limit
from hardware_sim.physics.trap import Trap
from sequences.errors import DeclaredValueError
from sequences.library import Calibration, plan_transport
from sequences.library.ion_string import linear_limit, string_positions
from sequences.library.shuttling import default_axial_frequency


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return read_setup("innsbruck").calibration


@pytest.mark.parametrize("ions", [1, 2, 3, 5, 10, 50, 200])
def test_positions_agree_with_the_simulated_string(ions: int) -> None:
    assert string_positions(ions) == pytest.approx(equilibrium_positions(ions), abs=1e-9)


@pytest.mark.parametrize("ions", [2, 3, 10, 50, 200])
def test_linear_limit_agrees_with_the_simulated_string(ions: int) -> None:
    assert linear_limit(ions, 2.4e6) == pytest.approx(zigzag_limit(ions, 2.4e6), rel=1e-9)


def test_three_ions_are_spaced_as_published(calibration: Calibration) -> None:
    """5.26(10) um at 0.869 MHz. Source: Krutyanskiy et al., PRX Quantum 5, 020308 (2024)."""
    transport = plan_transport(calibration, 3, 0.869e6)
    assert np.diff(transport.positions) * 1e6 == pytest.approx([5.26, 5.26], abs=0.01)


def test_voltages_bring_every_ion_to_the_waist_of_the_simulated_trap(calibration: Calibration) -> None:
    """The simulated trap, with its own formulas, agrees to the digits of the calibrated values."""
    transport = plan_transport(replace(calibration, waist_position=2e-6), 10)
    trap = Trap()
    for ion, (upper, lower) in enumerate(zip(transport.upper, transport.lower, strict=True)):
        frequency = trap.axial_frequency((upper + lower) / 2)
        centre = trap.displacement(upper - lower, frequency)
        assert frequency == pytest.approx(transport.axial_frequency, rel=1e-3)
        assert transport.positions[ion] + centre == pytest.approx(2e-6, abs=0.1e-6)


def test_default_confinement_keeps_its_distance_from_the_zig_zag(calibration: Calibration) -> None:
    for ions in (2, 10, 200):
        assert default_axial_frequency(calibration, ions) <= 0.6 * linear_limit(ions, 2.4e6)


def test_a_zig_zag_is_refused(calibration: Calibration) -> None:
    with pytest.raises(DeclaredValueError) as caught:
        plan_transport(calibration, 10, 0.6e6)
    assert str(caught.value) == (
        "axial_frequency: 600 kHz makes 10 ions a zig-zag: "
        "with 2.4 MHz radial confinement it must stay below 522.2 kHz"
    )
