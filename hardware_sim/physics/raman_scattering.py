"""Light near S1/2-P3/2 on an ion without a cavity: what it scatters, however close to resonance it is.

The reduced model of photon generation needs light and a cavity that are far from P3/2 and meet on a Raman
resonance. Where they do not, as after a laser or the cavity has lost its lock, there are no photons in the
mode, and scattering moves the populations: each spin leaves through the lines that its light couples it to,
at rates that saturate as those of a two-level atom do. Far from resonance they are those of the elimination.

Left out: coherence between sublevels, the beat of the tones, and the light shift that a strong tone gives to
the line of a weak one.

Source: Steck, Quantum and Atom Optics (2019), sec. 5.5.3, for the steady state of a two-level atom.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

import numpy as np
from numpy.typing import ArrayLike

from hardware_sim.physics.calcium import S12
from hardware_sim.physics.elimination import Drive, RamanModel, Real, detunings, line_strengths, returns
from hardware_sim.physics.raman import Emission

# Order of the populations: both spins of S1/2, and what left them for D3/2 or D5/2.
_SPIN_DOWN, _SPIN_UP, _LOST = range(3)


def saturated_scattering(model: RamanModel, drive: Drive, spin: float = -1 / 2) -> tuple[Real, float]:
    """Return how one spin state of S1/2 scatters light of any detuning.

    Args:
        model: Beam and atom; its cavity does not matter.
        drive: Light.
        spin: Magnetic quantum number of the state.

    Returns:
        Scattering rate through each sublevel of P3/2 (4,), 1/s, in all at most half of the decay rate of
        P3/2; and the light shift of the state, Hz.

    Example: far from resonance, and on it.
        >>> from hardware_sim.physics.cavity import Cavity
        >>> cavity = Cavity(1.53e6, 70e3, 90e-6, 116e-6, 12.31e-6, 854.209e-9, 85.3 / 360)
        >>> model = RamanModel(cavity, -403e6, sigma_plus=0.0)
        >>> lights = [Drive(1e-6, 19e6, 0.0, detuning) for detuning in (0.0, 403e6)]
        >>> [f"{saturated_scattering(model, light)[0].sum():.3g}" for light in lights]
        ['8.01e+04', '4.17e+07']
    """
    light = (np.array([[drive.rabi_v], [drive.rabi_h]]) * line_strengths(model, spin)) ** 2
    away = detunings(model, drive, spin)
    response = light / (away**2 + model.decay**2)
    saturation = 2 * response.sum(axis=0)
    excess = 1 + float(saturation.sum())
    shift = float((response * away).sum()) / excess
    return 2 * pi * model.decay * saturation / excess, shift


def scatter(
    model: RamanModel,
    drives: Sequence[Drive],
    nodes: int = 1,
    ring_down: float = 10e-6,
    spin_up: ArrayLike = 0.0,
) -> Emission:
    """Drive an ion from S1/2 with light that no cavity answers.

    Args:
        model: Beam and atom; its cavity does not matter.
        drives: Light, one constant stretch after the other.
        nodes: Ions.
        ring_down: How long the emission is said to last after the light, s.
        spin_up: Population of S1/2(m=+1/2) at the start, the rest is in S1/2(m=-1/2), shape (nodes,).

    Returns:
        An emission as that of `raman.emit`, of one time bin without a photon.
    """
    # Here, as scipy is slow to import and the rest of the room does without.
    from scipy.linalg import expm  # noqa: PLC0415

    state = np.zeros((nodes, 3))
    state[:, _SPIN_UP] = spin_up
    state[:, _SPIN_DOWN] = 1 - state[:, _SPIN_UP]
    amplitude = np.ones((), dtype=np.complex128)
    for drive in drives:
        rates = np.zeros((3, 3))
        for column, spin in ((_SPIN_DOWN, S12.sublevels[0]), (_SPIN_UP, S12.sublevels[1])):
            scattered, shift = saturated_scattering(model, drive, spin)
            rates[:, column] = returns(model.branching_s) @ scattered
            rates[column, column] -= scattered.sum()
            if column == _SPIN_DOWN:
                amplitude = amplitude * np.exp(-drive.duration * (scattered.sum() / 2 + 2j * pi * shift))
        state = state @ expm(rates * drive.duration).T
    return Emission(
        edges=np.array([0.0, sum(drive.duration for drive in drives) + ring_down]),
        photon=np.zeros((nodes, 1, 4, 4), dtype=np.complex128),
        ground=state[:, _SPIN_DOWN],
        other_ground=state[:, _SPIN_UP],
        lost=state[:, _LOST],
        inside=np.zeros(nodes),
        amplitude=np.full(nodes, amplitude),
    )
