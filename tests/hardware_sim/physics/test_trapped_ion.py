"""The whole Hamiltonian of one ion, and how far the core's one line at a time is from it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hardware_sim.core.ensemble import D3
from hardware_sim.core.passages import Rotation, Segment
from hardware_sim.core.rotation import turn
from hardware_sim.core.signals import Tone
from hardware_sim.physics.sidebands import flop, thermal_distribution
from hardware_sim.physics.trapped_ion import TrappedIon

ION = TrappedIon(frequency=0.92e6, eta=0.07, rabi=20e3, detuning=0.0, size=40)


def test_a_pulse_is_unitary_and_splits() -> None:
    ion = replace(ION, detuning=-0.91e6, rabi=300e3)
    whole = ion.propagator(3e-6)
    assert whole @ whole.conj().T == pytest.approx(np.eye(80), abs=1e-10)
    assert ion.propagator(1e-6) @ ion.propagator(2e-6) == pytest.approx(whole, abs=1e-10)


def test_weak_light_drives_one_line_at_a_time() -> None:
    weak, weights = replace(ION, rabi=2e3), thermal_distribution(1.0, 20)
    for order in (-1, 0, 1):
        time = 250e-6 if order == 0 else 2e-3
        found = replace(weak, detuning=order * 0.92e6).excitation(time, weights)
        assert found == pytest.approx(flop([time], 2e3, weights, order, 0.07**2)[0], abs=2e-3)


def test_the_carrier_shifts_its_sidebands_by_its_light() -> None:
    # The blue sideband is best driven Omega^2 / 2 f below where it is for weak light: 1.96 kHz here.
    strong = replace(ION, rabi=60e3)
    offsets = np.linspace(-6e3, 2e3, 81)
    found = [replace(strong, detuning=0.92e6 + offset).excitation(110e-6, [1.0]) for offset in offsets]
    assert offsets[int(np.argmax(found))] == pytest.approx(-(60e3**2) / (2 * 0.92e6), abs=200)


@pytest.mark.parametrize("order", [-1, 0, 1])
@pytest.mark.parametrize("offset", [0.0, 1.5e3])
def test_the_core_is_close_to_the_whole_hamiltonian(quiet: Any, order: int, offset: float) -> None:
    """Single shots of known numbers. What differs is off-resonant excitation, (Omega / f)^2 at most."""
    own = {"qubit_rabi_mapping": 0.0, "qubit_rabi_analysis": 20e3, "endcap_rest": 1000.0}
    stage = quiet.but(**own).stage(6)
    stage.string.qubit[1:] = 0.0
    stage.ensemble.start(np.zeros(6, dtype=np.int64))
    stage.ensemble.fock[:, 0] = np.arange(6)
    frequency, eta = float(stage.string.frequencies[0]), float(np.sqrt(stage.string.qubit[0, 0]))
    light = order * frequency + offset
    tone = Tone(226.5e6 + light / 2, 0.0, 1.0)
    time = 20e-6 if order == 0 else 140e-6
    turn(stage, np.arange(6), Rotation((Segment(0, round(time * 1e12), tone),)))
    # The other Zeeman lines are not part of this Hamiltonian; they shift the line by less than 20 Hz here.
    whole = TrappedIon(frequency, eta, 20e3, light, 40)
    exact = [whole.excitation(time, np.eye(6)[n]) for n in range(6)]
    assert stage.ensemble.coherent[:, 0, D3, D3].real == pytest.approx(exact, abs=0.01)
