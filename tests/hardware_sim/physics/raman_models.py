"""Models of the node's photon generation, light that drives them, and what is asked of the photons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.cavity import Cavity
from hardware_sim.physics.raman import Drive, Emission, RamanModel, stark_shift

Complex = NDArray[np.complex128]

TURN = 2 * np.pi
CAVITY = Cavity(
    coupling=1.53e6,
    decay=70e3,
    transmission=90e-6,
    loss=116e-6,
    waist=12.31e-6,
    wavelength=854.209e-9,
    angle=85.3 / 360,
)
MINUS = RamanModel(CAVITY, detuning=-403e6, sigma_plus=0.0)  # beam along the field
LINEAR = RamanModel(CAVITY, detuning=-403e6, sigma_plus=1.0)  # beam across the field
# The three-ion experiment: total σ- Rabi frequency 30.41 MHz, tones in the ratio 0.81 that balances V and H.
UNEVEN = (0.81 * 30.41e6 / np.hypot(1, 0.81), 30.41e6 / np.hypot(1, 0.81))
QUIET = replace(
    MINUS, decay=1e-3, cavity=replace(CAVITY, birefringence=13.8e3, birefringence_axis=0.07)
)  # an atom that does not scatter


def tuned(
    model: RamanModel,
    duration: float,
    rabi_v: float,
    rabi_h: float,
    offsets: tuple[float, float] = (0.0, 0.0),
) -> Drive:
    """A drive whose tones follow the light shift, but for the `offsets` of V and H in Hz."""
    shift = stark_shift(model, Drive(duration, rabi_v, rabi_h))
    return Drive(duration, rabi_v, rabi_h, offsets[0] - shift, offsets[1] - shift)


def total(emission: Emission) -> NDArray[np.float64]:
    parts = (emission.ground, emission.other_ground, emission.lost, emission.inside)
    return np.asarray(emission.probability + np.sum(parts, axis=0))


def fidelity(state: Complex) -> float:
    """Best overlap of a joint state with (|5V> + e^{ia}|3H>)/sqrt 2, after normalising."""
    return float((state[0, 0] + state[3, 3] + 2 * abs(state[0, 3])).real / (2 * np.trace(state).real))
