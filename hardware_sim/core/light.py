"""Scattering light: what 397, 866 and 854 nm beams do to populations, coherences and motion.

Rates follow from the tones that were played: a modulator off its frequency detunes the light, a weak drive
weakens it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.ensemble import (
    D3,
    D5,
    METASTABLE_D3,
    METASTABLE_D5,
    S_UP,
    Ensemble,
    S,
    Shots,
    complex_normal,
)
from hardware_sim.core.signals import Tone
from hardware_sim.core.string import IonString
from hardware_sim.physics.calcium import LINE_393, LINE_397, LINE_850, LINE_854, LINE_866
from hardware_sim.physics.cooling import Cooling, boiling_point, scattering_rate
from hardware_sim.properties import NodeProperties

NEGLIGIBLE = 1e-6
"""Scattering events below which a stretch of light is as good as dark."""

MOST_GROWTH = 50.0
"""Exponent of growth by blue light at which it is cut: e^50 quanta are beyond every bound."""


@dataclass(frozen=True, slots=True)
class ScatteringLight:
    """The rates of one stretch of light.

    Attributes:
        doppler: photons a second that an ion in S1/2 scatters from the 397 nm cooling beam, if repumped.
        pumping: the same for S1/2(m=+1/2) and the sigma- beam.
        repump: rate at which 866 nm light empties D3/2, 1/s.
        quench: rate at which 854 nm light empties D5/2, 1/s.
        cooling_detuning: of the cooling beam, Hz.
        cooling_saturation: of the cooling beam.
    """

    doppler: float
    pumping: float
    repump: float
    quench: float
    cooling_detuning: float
    cooling_saturation: float

    @property
    def leak(self) -> float:
        """Rate at which ions that scatter cooling light fall into D3/2, 1/s."""
        return LINE_866.branching * self.doppler

    @property
    def duty(self) -> float:
        """Share of the time that a scattering ion spends outside of D3/2, once that has settled."""
        return 1.0 if self.leak == 0 else self.repump / (self.repump + self.leak)


def read_light(properties: NodeProperties, tones: Mapping[str, Tone]) -> ScatteringLight:
    """Turn the tones of a stretch into rates."""
    passes = properties.incoherent_passes

    def beam(part: str, resonance: float, saturation: float) -> tuple[float, float]:
        tone = tones.get(part, Tone())
        return saturation * tone.amplitude**2, passes * (tone.frequency - resonance)

    cooling_saturation, cooling_detuning = beam(
        "doppler beam", properties.doppler_resonance, properties.doppler_saturation
    )
    pumping = beam("pumping beam", properties.pumping_resonance, properties.pumping_saturation)
    repump = beam("repump beam", properties.repump_resonance, properties.repump_saturation)
    quench = beam("quench beam", properties.quench_resonance, properties.quench_saturation)
    return ScatteringLight(
        scattering_rate(cooling_saturation, cooling_detuning, LINE_397.upper.linewidth),
        scattering_rate(*pumping, LINE_397.upper.linewidth),
        scattering_rate(*repump, LINE_866.upper.linewidth) * LINE_397.branching,
        scattering_rate(*quench, LINE_854.upper.linewidth) * (1 - LINE_854.branching),
        cooling_detuning,
        cooling_saturation,
    )


def shine(ensemble: Ensemble, shots: Shots, light: ScatteringLight, impurity: float, duration: float) -> None:
    """Change the internal states of all ions by a stretch of light.

    Populations follow the exact solution of their rate equations; a coherence decays as fast as its two
    levels are emptied.

    Args:
        ensemble: of ions.
        shots: that take part.
        light: its rates.
        impurity: intensity of the wrong polarisation in the pumping beam over that of the right one.
        duration: s.
    """
    rates = transfer_rates(light, impurity)
    if -rates.diagonal().min() * duration < NEGLIGIBLE:
        return
    state, rest = ensemble.coherent[shots], ensemble.other[shots]
    dark = (state[..., D5, D5] + state[..., D3, D3]).real + rest[..., METASTABLE_D5]
    before = np.stack([state[..., S, S].real, rest[..., S_UP], rest[..., METASTABLE_D3], dark], axis=-1)
    after = before @ _exponential(rates * duration).T
    survives = np.exp(rates.diagonal()[[0, 3, 3]] * duration / 2)
    state *= np.outer(survives, survives)
    state[..., S, S] = after[..., 0]
    rest[..., S_UP], rest[..., METASTABLE_D3] = after[..., 1], after[..., 2]
    rest[..., METASTABLE_D5] *= survives[D5] ** 2
    ensemble.coherent[shots], ensemble.other[shots] = state, rest


def transfer_rates(light: ScatteringLight, impurity: float) -> NDArray[np.float64]:
    """Return the generator (4, 4) of the populations of S1/2(-1/2), S1/2(+1/2), D3/2 and all of D5/2, 1/s.

    Element (to, from). P1/2 returns a pumped ion to S1/2 with the other spin in 1 of 3 cases
    (Clebsch-Gordan); cooling and repumping light is ASSUMED to leave either spin equally often.
    """
    to_s, to_d3 = LINE_397.branching, LINE_866.branching
    mixed = light.doppler * to_s / 2
    rates = np.zeros((4, 4))
    rates[1, 0] = mixed + light.pumping * impurity * to_s / 3
    rates[0, 1] = mixed + light.pumping * to_s / 3
    rates[2, 0] = (light.doppler + light.pumping * impurity) * to_d3
    rates[2, 1] = (light.doppler + light.pumping) * to_d3
    rates[:2, 2] = light.repump / 2
    rates[2, 3] = light.quench * LINE_850.branching / (LINE_850.branching + LINE_393.branching)
    rates[:2, 3] = (light.quench - rates[2, 3]) / 2
    return rates - np.diag(rates.sum(axis=0))


def _exponential(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    # Here, as scipy is slow to import.
    from scipy.linalg import expm  # noqa: PLC0415

    return np.asarray(expm(matrix), dtype=np.float64)


def cool(
    rng: np.random.Generator,
    motion: NDArray[np.complex128],
    light: ScatteringLight,
    string: IonString,
    axial_cosine: float,
    field_heating: NDArray[np.float64],
    duration: float,
) -> NDArray[np.complex128]:
    """Damp and shake every mode as the cooling light does, against the heating by field noise.

    The amplitudes follow the exact solution of linear friction with noise, so that each shot keeps its own
    motion: a short pulse cools a hot string a little, a long one leaves a thermal state at the Doppler limit.

    Args:
        rng: source of randomness.
        motion: (shots, modes) amplitudes before.
        light: its rates.
        string: whose modes these are.
        axial_cosine: of the beam against the trap axis; the rest of it falls on both radial directions alike.
        field_heating: (modes,) quanta a second that come from elsewhere.
        duration: s.

    Returns:
        Amplitudes (shots, modes) after.
    """
    shares = np.array([axial_cosine**2, *[(1 - axial_cosine**2) / 2] * 2])
    cooled = np.empty_like(motion)
    for direction, share in enumerate(shares.tolist()):
        beam = Cooling(light.cooling_detuning, light.cooling_saturation, math.sqrt(share))
        rows = slice(direction * string.ions, (direction + 1) * string.ions)
        frequencies = string.frequencies[rows]
        exponent = min(-beam.damping * light.duty * duration, MOST_GROWTH)
        gathered = duration * (math.expm1(exponent) / exponent if exponent else 1.0)
        gained = (beam.heating(frequencies) * light.duty + field_heating[rows]) * gathered
        moved = motion[:, rows] * math.exp(exponent / 2)
        moved += complex_normal(rng, moved.shape) * np.sqrt(gained)
        cooled[:, rows] = _bounded(moved, motion[:, rows], boiling_point(frequencies, beam))
    return cooled


def _bounded(
    moved: NDArray[np.complex128], before: NDArray[np.complex128], most: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """Stop growth where the linear force has lost its meaning: no mode grows beyond `most` quanta."""
    ceiling = np.sqrt(np.maximum(most, np.abs(before) ** 2))
    size = np.abs(moved)
    return np.asarray(moved * np.minimum(1.0, ceiling / np.maximum(size, 1e-300)))


def shining_time(light: ScatteringLight, duration: float) -> float:
    """Return for how long (s) an ion from S1/2 scatters during a stretch; its time in D3/2 does not count."""
    total = light.leak + light.repump
    settled = -math.expm1(-total * duration) / total if total > 0 else duration
    return light.duty * duration + (1 - light.duty) * settled
