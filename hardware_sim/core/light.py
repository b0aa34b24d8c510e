"""Scattering light: what 397, 866 and 854 nm beams do to populations, coherences and motion.

What the beams are follows from the tones that were played: a modulator off its frequency detunes the light, a
weak drive weakens it. What they do follows from the optical Bloch equations, solved once for each setting.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.ensemble import (
    COHERENCES,
    D3,
    D5,
    DECAYING_UP,
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
from hardware_sim.core.tables import recall
from hardware_sim.physics.bloch import NO_LIGHT, Beam, Polarisation, liouvillian
from hardware_sim.physics.calcium import D32, D52, P12, S12, zeeman_shift
from hardware_sim.physics.cooling import (
    HotCooling,
    ModeRates,
    boiling_point,
    doppler_shift_squared,
    hot_cooling,
    mode_rates,
    pumping_recoil,
    quench_recoil,
)
from hardware_sim.physics.fluorescence import Glow
from hardware_sim.physics.quench import quench_rates
from hardware_sim.physics.slow_rates import SLOW, SlowRates, coherence_rate, slow_rates
from hardware_sim.physics.validity import Doubt
from hardware_sim.properties import NodeProperties

Evolution: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Maps (9, 9) of populations over a time: to those at its end, and to their means."""

ENDED: Final = 1e-6
"""What may be left of a superposition that counts as ended."""

NEGLIGIBLE: Final = 1e-6
"""Scattering events below which a stretch of light is as good as dark."""

MOST_GAIN: Final = 2.0
"""Amplification of a mode beyond which nothing is left of a number state but its energy."""

MOST_GROWTH: Final = 50.0
"""Exponent of growth by blue light at which it is cut: e^50 quanta are beyond every bound."""

POPULATIONS: Final = SLOW + len(D52.sublevels)
"""S1/2(-1/2), S1/2(+1/2), D3/2, and the sublevels of D5/2 from m = -5/2 on."""

GRAIN: Final = 100e3
"""Hz to which drifts of the lasers are rounded, so that what was solved serves again: 1/200 of the line."""

SHORTEST: Final = 10e-9
"""First time, s, at which the photons of a bright ion are counted: a fraction of one."""

GLOW_POINTS: Final = 160
"""Times at which they are: 14 in each decade between the first and a second."""

MOST_SECOND: Final = 0.01
"""Saturation of a second 397 nm beam that may be taken as rates."""

MOST_BACKWARDS: Final = 0.02
"""Share of the fastest rate that may be lost on the way to rates that are not negative."""

WARM: Final = 2e6
"""Hz of Doppler shift (rms) from which on it slows cooling down; below, by 8 % at most."""

HOTTEST_TESTED: Final = 300e6
"""Hz of Doppler shift (rms) up to which that was held against a single swinging ion."""


def intensity(beam: Beam) -> float:
    """Return the saturation parameter of one beam."""
    return float(np.asarray(beam.saturation))


@dataclass(frozen=True, slots=True)
class Drift:
    """How much bluer the lasers are than the properties say, Hz."""

    cooling: float = 0.0
    repump: float = 0.0
    quench: float = 0.0

    @property
    def rounded(self) -> Drift:
        """The same to a grain."""
        return Drift(*(GRAIN * round(shift / GRAIN) for shift in (self.cooling, self.repump, self.quench)))


@dataclass(frozen=True, slots=True)
class Light:
    """The scattering light of one stretch, as the ions see it.

    Attributes:
        doppler: the 397 nm beam for cooling and detection.
        pumping: the 397 nm beam along the field.
        repump: 866 nm.
        quench: 854 nm.
        field: T.
    """

    doppler: Beam = NO_LIGHT
    pumping: Beam = NO_LIGHT
    repump: Beam = NO_LIGHT
    quench: Beam = NO_LIGHT
    field: float = 1e-4

    @property
    def in_order(self) -> tuple[Beam, Beam]:
        """The stronger 397 nm beam, which is solved with all its coherences, and the weaker one."""
        if intensity(self.pumping) > intensity(self.doppler):
            return self.pumping, self.doppler
        return self.doppler, self.pumping

    @property
    def scatters(self) -> bool:
        """Whether any beam is on that takes ions out of S1/2 or D5/2."""
        return any(intensity(beam) > 0 for beam in (self.doppler, self.pumping, self.quench))

    @property
    def without_quench(self) -> Light:
        """The same where D5/2 stays as it is."""
        return replace(self, quench=NO_LIGHT)


def read_light(properties: NodeProperties, tones: Mapping[str, Tone], drift: Drift | None = None) -> Light:
    """Turn the tones of a stretch into light.

    The pumping beam is on resonance at the line that it is made for, S1/2(+1/2) to P1/2(-1/2); the others are
    at the centres of their lines.

    Args:
        properties: of the node.
        tones: that are on.
        drift: of the lasers.
    """
    own, drift = properties, (drift or Drift()).rounded
    field = own.magnetic_field
    sigma = zeeman_shift(P12, -0.5, field) - zeeman_shift(S12, 0.5, field)

    def beam(part: str, resonance: float, saturation: float, centre: float, rest: Beam) -> Beam:
        tone = tones.get(part)
        if tone is None:
            return NO_LIGHT
        detuning = own.incoherent_passes * (tone.frequency - resonance) + centre
        return replace(rest, saturation=saturation * tone.amplitude**2, detuning=detuning)

    pi, across = Polarisation.linear(own.doppler_pi_share), Polarisation.linear(own.repump_pi_share)
    sigma_minus = Polarisation.circular(own.pumping_impurity, own.pumping_misalignment)
    blue = Beam(0.0, 0.0, pi, own.doppler_linewidth)
    red = Beam(0.0, 0.0, across, own.repump_linewidth)
    return Light(
        beam("doppler beam", own.doppler_resonance, own.doppler_saturation, drift.cooling, blue),
        beam(
            "pumping beam",
            own.pumping_resonance,
            own.pumping_saturation,
            drift.cooling + sigma,
            replace(blue, polarisation=sigma_minus),
        ),
        beam("repump beam", own.repump_resonance, own.repump_saturation, drift.repump, red),
        beam(
            "quench beam",
            own.quench_resonance,
            own.quench_saturation,
            drift.quench,
            replace(red, linewidth=0.0),
        ),
        field,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Scattering:
    """What light does to ions, worked out.

    Attributes:
        light: that does it.
        rates: (9, 9) generator of the `POPULATIONS`, element (to, from), 1/s; without natural decay of
            D5/2 and D3/2, which goes on in the dark.
        photons: (9,) 397 nm photons a second that an ion in each of them scatters.
        quenched: (9,) 854 nm photons a second.
        fading: (3,) how the amplitudes of the coherent levels change, 1/s, with light shifts.
        stays: (6,) how long ions stay in D5/2, which decays as well, from each sublevel of it on, s.
        ends: (3, 6) where they come out: shares of S1/2(-1/2), S1/2(+1/2), D3/2.
    """

    light: Light
    rates: NDArray[np.float64]
    photons: NDArray[np.float64]
    quenched: NDArray[np.float64]
    fading: NDArray[np.complex128]
    stays: NDArray[np.float64]
    ends: NDArray[np.float64]
    _generator: NDArray[np.complex128]
    _slow: SlowRates
    _evolutions: dict[float, Evolution] = field(default_factory=dict)
    _glows: dict[float, tuple[Glow, ...]] = field(default_factory=dict)

    def evolution(self, duration: float) -> Evolution:
        """Return the map of populations over a time (s), and the map to their means over that time."""
        return recall(self._evolutions, duration, lambda: evolution(self.rates, duration))

    def glows(self, duration: float) -> tuple[Glow, ...]:
        """Return how ions that begin in each of the slow levels scatter 397 nm photons during a time (s)."""
        return recall(self._glows, duration, lambda: make_glows(self._slow, duration))

    def factors(self, duration: float) -> NDArray[np.complex128]:
        """Return the factors (3,) on the coherent levels' amplitudes of an ion that does not scatter."""
        return np.asarray(np.exp(self.fading * duration))

    def surviving(self, duration: float) -> NDArray[np.complex128]:
        """Return the factors (3, 3) on the coherent levels' density matrix, but for its populations."""
        amplitudes = self.factors(duration)
        factors = np.outer(amplitudes, amplitudes.conj())
        return np.where(np.abs(factors) < ENDED, 0.0, factors)

    def keeps_coherence(self, duration: float) -> bool:
        """Return whether anything is left of superpositions after a time (s)."""
        factors = self.surviving(duration)
        return any(factors[pair] != 0 for pair in COHERENCES)

    def mode_rates(self, properties: NodeProperties, string: IonString) -> ModeRates:
        """Return how it cools and heats the modes of a string."""
        strong, weak = self.light.in_order
        along, across = beam_cosines(properties, string)
        cosines, other = (across, along) if strong is self.light.pumping else (along, across)
        rates = mode_rates(
            self._generator, self._slow, (strong, self.light.repump), (cosines, along), string.frequencies
        )
        if intensity(weak) == 0.0:
            return rates
        # Of the weaker beam only the recoil is taken, and no friction.
        alone = slow_rates(liouvillian(weak, self.light.repump, self.light.field)).photons
        kicks = np.outer(alone, pumping_recoil(other, string.frequencies))
        return ModeRates(rates.down + kicks, rates.up + kicks)

    def doubts(self) -> Iterator[Doubt]:
        """Yield where the model is used beyond what it is good for."""
        second = intensity(self.light.in_order[1])
        if second > MOST_SECOND:
            what, reference = "saturation of a second 397 nm beam", "a Floquet expansion of bloch.liouvillian"
            yield Doubt("scattering light", what, second, MOST_SECOND, "", reference)
        if self._slow.backwards > MOST_BACKWARDS:
            what = "rate that dark superpositions turn round, over the largest"
            yield Doubt("pumping as rates", what, self._slow.backwards, MOST_BACKWARDS, "", "bloch.propagate")


def solve(light: Light) -> Scattering:
    """Work out what light does to ions."""
    strong, weak = light.in_order
    generator = liouvillian(strong, light.repump, light.field, weak)
    slow = slow_rates(generator)
    quench = quench_rates(light.quench, light.field)
    rates = np.zeros((POPULATIONS, POPULATIONS))
    rates[:SLOW, :SLOW] = _without_decay(slow.generator)
    rates[:, SLOW:] = quench.arrivals
    rates[np.diag_indices(POPULATIONS)] += np.concatenate([np.zeros(SLOW), -quench.arrivals.sum(axis=0)])
    nothing = np.zeros(POPULATIONS - SLOW)
    fading = np.empty(3, dtype=np.complex128)
    fading[S] = coherence_rate(strong, light.repump, light.field)
    if intensity(weak) > 0.0:
        fading[S] += coherence_rate(weak, light.repump, light.field)
    fading[[D5, D3]] = (-quench.scattering / 2 - 2j * math.pi * quench.shifts)[:2]
    stays, ends = _ways_out(rates)
    return Scattering(
        light,
        rates,
        np.concatenate([slow.photons, nothing]),
        np.concatenate([np.zeros(SLOW), quench.scattering]),
        fading,
        stays,
        ends,
        generator,
        slow,
    )


def _without_decay(generator: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rates (3, 3) of light among the slow levels, less the natural decay of D3/2."""
    rates = generator.copy()
    rates[:-1, -1] = np.maximum(rates[:-1, -1] - 1 / (2 * D32.lifetime), 0.0)
    rates[-1, -1] = -rates[:-1, -1].sum()
    return rates


def _ways_out(rates: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return `Scattering.stays` and `Scattering.ends`: means over all ways through D5/2, a Markov chain.

    Source: Norris, Markov Chains (Cambridge 1997), theorem 3.3.3.
    """
    leaving = rates[:SLOW, SLOW:].copy()
    leaving[S12.sublevels.index(1 / 2)] += DECAYING_UP / D52.lifetime
    leaving[S12.sublevels.index(-1 / 2)] += (1 - DECAYING_UP) / D52.lifetime
    within = rates[SLOW:, SLOW:] - np.eye(POPULATIONS - SLOW) / D52.lifetime
    times = -np.linalg.inv(within)  # element (at, from): how long ions are at each sublevel
    return np.asarray(times.sum(axis=0)), np.asarray(leaving @ times)


def beam_cosines(
    properties: NodeProperties, string: IonString
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the cosines (modes,) of the Doppler beam and of the pumping beam.

    866 and 854 nm light comes with the former. What does not fall on the trap axis falls on both radial
    directions alike.
    """

    def cosines(axial: float) -> NDArray[np.float64]:
        return np.where(string.cosines > 0.5, axial, math.sqrt((1 - axial**2) / 2))

    return cosines(properties.doppler_axial_cosine), cosines(properties.pumping_axial_cosine)


def shine(ensemble: Ensemble, shots: Shots, scattering: Scattering, duration: float) -> NDArray[np.float64]:
    """Change the internal states of all ions by a stretch of light.

    Populations follow the exact solution of their rate equations; a coherence decays as fast as its two
    levels scatter, and turns by their light shifts.

    Args:
        ensemble: of ions.
        shots: that take part.
        scattering: what the light does.
        duration: s.

    Returns:
        Mean populations (shots, 9) during the stretch, over the ions of each shot.
    """
    state, rest, shelf = ensemble.coherent[shots], ensemble.other[shots], ensemble.shelf[shots]
    before = np.concatenate(
        [
            np.stack([state[..., S, S].real, rest[..., S_UP], rest[..., METASTABLE_D3]], axis=-1),
            np.stack([state[..., D5, D5].real, state[..., D3, D3].real], axis=-1),
            rest[..., METASTABLE_D5, None] * shelf,
        ],
        axis=-1,
    )
    lit = before.mean(axis=1)
    if ensemble.entangled:
        lit[:, [0, SLOW, SLOW + 1]] += ensemble.entangled.populations(shots).mean(axis=1)
    if -scattering.rates.diagonal().min() * duration < NEGLIGIBLE:
        return np.asarray(lit)
    final, mean = scattering.evolution(duration)
    after = before @ final.T
    state *= scattering.surviving(duration)
    for level, column in ((S, 0), (D5, SLOW), (D3, SLOW + 1)):
        state[..., level, level] = after[..., column]
    rest[..., S_UP], rest[..., METASTABLE_D3] = after[..., 1], after[..., 2]
    if scattering.quenched.any():
        left = after[..., SLOW + 2 :]
        rest[..., METASTABLE_D5] = total = left.sum(axis=-1)
        np.divide(left, total[..., None], out=shelf, where=total[..., None] > 0)
        ensemble.shelf[shots] = shelf
    ensemble.coherent[shots], ensemble.other[shots] = state, rest
    _scatter(ensemble, shots, scattering.factors(duration), final)
    return np.asarray(lit @ mean.T)


def _scatter(
    ensemble: Ensemble, shots: Shots, survives: NDArray[np.complex128], final: NDArray[np.float64]
) -> None:
    """Let entangled ions scatter, or not: those that do are where the rates take them.

    Args:
        ensemble: of ions.
        shots: that take part.
        survives: (3,) factors on the amplitudes of the coherent levels of an ion that does not scatter.
        final: (9, 9) map of populations, of ions that do and that do not.
    """
    if ensemble.entangled is None:
        return
    columns = [0, SLOW, SLOW + 1]
    ends = final[:, columns].T.copy()
    ends[[S, D5, D3], columns] -= np.abs(survives) ** 2
    ends = np.maximum(ends, 0.0)
    parted = np.zeros(len(shots), dtype=np.bool_)
    for ion in range(ensemble.ions):
        level = ensemble.entangled.jump(shots, ion, survives)
        jumped = level >= 0
        after = ends[level[jumped]]
        ensemble.put_mixture(shots[jumped], ion, after / after.sum(axis=1, keepdims=True))
        parted |= jumped
    ensemble.entangled.settle(shots[parted])


def evolution(rates: NDArray[np.float64], duration: float) -> Evolution:
    """Return the map of populations over a time, and the map to their means over that time.

    Source: Van Loan, IEEE Trans. Automat. Contr. 23, 395 (1978): one exponential holds both.
    """
    from scipy.linalg import expm  # noqa: PLC0415 - slow to import, and checking a setup needs none

    size = len(rates)
    both = np.zeros((2 * size, 2 * size))
    both[:size, :size], both[:size, size:] = rates * duration, np.eye(size)
    whole = np.asarray(expm(both), dtype=np.float64)
    # Rounding must neither leave negative populations nor make any.
    final, mean = np.maximum(whole[:size, :size], 0.0), np.maximum(whole[:size, size:], 0.0)
    return final / final.sum(axis=0), mean / mean.sum(axis=0)


def make_glows(slow: SlowRates, duration: float) -> tuple[Glow, ...]:
    """Return how ions that begin in each of the slow levels scatter 397 nm photons in a stretch of light (s).

    Photons of a whole stretch are the same however it is cut, as each piece begins with the levels that the
    one before has left.
    """
    from scipy.linalg import expm  # noqa: PLC0415 - slow to import, and checking a setup needs none

    times = np.concatenate([[0.0], np.geomspace(min(SHORTEST, duration), duration, GLOW_POINTS)])
    # One more level gathers the photons.
    gathering = np.zeros((SLOW + 1, SLOW + 1))
    gathering[:SLOW, :SLOW] = slow.generator
    gathering[SLOW, :SLOW] = slow.photons
    gathered = expm(gathering * times[:, None, None])[:, SLOW, :SLOW]
    return tuple(Glow(times, photons) for photons in np.maximum.accumulate(gathered).T)


def doubts_of_heat(spread: float) -> Iterator[Doubt]:
    """Yield a doubt if the rms Doppler shift (Hz) of ions is beyond what hot cooling was tested for."""
    if spread > HOTTEST_TESTED:
        what = "rms Doppler shift of the ions"
        yield Doubt(
            "Doppler cooling", what, spread, HOTTEST_TESTED, "Hz", "a trajectory in bloch.steady_state"
        )


@dataclass(frozen=True, eq=False)  # no slots, which could not hold what is worked out late
class Bath:
    """What a stretch of light does to the motion.

    Attributes:
        scattering: of the light.
        rates: by level of an ion.
        kicks: (modes,) quanta that each 854 nm photon gives.
        cosines: (modes,) of the beam that cools.
    """

    scattering: Scattering
    rates: ModeRates
    kicks: NDArray[np.float64]
    cosines: NDArray[np.float64]

    @property
    def saturation(self) -> float:
        """Of the beam that cools."""
        return intensity(self.scattering.light.in_order[0])

    @cached_property
    def hot(self) -> HotCooling | None:
        """How the light cools hot ions; None where it does not."""
        strong, _ = self.scattering.light.in_order
        repump = self.scattering.light.repump
        if 0.0 in (intensity(strong), intensity(repump)):
            return None
        return hot_cooling(strong, repump, self.scattering.light.field)


def make_bath(scattering: Scattering, properties: NodeProperties, string: IonString) -> Bath:
    """Work out what light does to the motion of a string."""
    along, across = beam_cosines(properties, string)
    strong, _ = scattering.light.in_order
    cosines = across if strong is scattering.light.pumping else along
    kicks = quench_recoil(along, string.frequencies)
    return Bath(scattering, scattering.mode_rates(properties, string), kicks, cosines)


def cool(
    rng: np.random.Generator,
    ensemble: Ensemble,
    shots: Shots,
    string: IonString,
    bath: Bath,
    levels: NDArray[np.float64],
    heating: NDArray[np.float64],
    duration: float,
) -> float:
    """Damp and shake every mode as scattering light does, against the heating by all else.

    A mode under linear friction with noise is an attenuator followed by random displacements, exactly. So
    each shot keeps its own motion: a short pulse cools a hot string a little, a long one leaves a thermal
    state. A displaced number state loses quanta of its number one by one, and its displacement like any
    amplitude.

    Args:
        rng: source of randomness.
        ensemble: of ions and modes.
        shots: that take part.
        string: whose modes these are.
        bath: what the light does.
        levels: (shots, 9) mean populations, of `shine`.
        heating: (shots, modes) quanta a second that come from elsewhere.
        duration: s.

    Returns:
        Largest rms Doppler shift that the ions of a shot had, Hz.
    """
    ensemble.unlink(rng, shots)
    down, up = (levels[:, :SLOW] @ rates for rates in (bath.rates.down, bath.rates.up))
    damping = down - up
    exponent = np.maximum(damping * duration, -MOST_GROWTH)
    spread = doppler_shift_squared(ensemble.quanta(shots), bath.cosines, string.frequencies, string.ions)
    warm = spread > WARM**2
    if warm.any() and bath.hot is not None:
        slowed = bath.hot.exponents(spread[warm, None], np.maximum(exponent[warm], 0.0))
        exponent[warm] = np.where(exponent[warm] > 0, slowed, exponent[warm])
    lost = -np.expm1(-exponent)
    # What comes meanwhile is damped in turn.
    gathered = np.divide(lost, damping, out=np.full_like(lost, duration), where=np.abs(exponent) > 1e-9)
    gained = (up + heating) * gathered
    most = boiling_point(string.frequencies, bath.cosines, bath.saturation)
    _attenuate(rng, ensemble, shots, exponent, gained, most)
    return math.sqrt(float(spread.max(initial=0.0)))


def _attenuate(
    rng: np.random.Generator,
    ensemble: Ensemble,
    shots: Shots,
    exponent: NDArray[np.float64],
    gained: NDArray[np.float64],
    most: NDArray[np.float64],
) -> None:
    """Let modes lose their energy by an exponent (shots, modes), then add quanta (shots, modes) at random.

    No mode grows beyond `most` (modes,), where the linear force has lost its meaning.
    """
    kept = np.exp(-exponent)
    before, fock = ensemble.motion[shots], ensemble.fock[shots]
    if fock.any():
        growing = (fock > 0) & (kept > MOST_GAIN)
        # Strong amplification leaves no number state: its energy goes on as an amplitude of any phase.
        phase = np.exp(2j * np.pi * rng.random(int(growing.sum())))
        before[growing] += np.sqrt(fock[growing]) * phase
        fock[growing] = 0
        # Quanta die, or are born, one by one: the simple death process and that of Yule.
        left, gain = rng.binomial(fock, np.minimum(kept, 1.0)), np.clip(kept, 1.0, MOST_GAIN)
        born = rng.negative_binomial(np.maximum(left, 1), 1 / gain)
        ensemble.fock[shots] = left + np.where(left > 0, born, 0)
    moved = before * np.sqrt(kept) + complex_normal(rng, before.shape) * np.sqrt(gained)
    ceiling = np.sqrt(np.maximum(most, np.abs(before) ** 2))
    moved *= np.minimum(1.0, ceiling / np.maximum(np.abs(moved), 1e-300))
    ensemble.motion[shots] = moved
    # Whatever the shot's numbers were, they are forgotten as fast as the energy is.
    luck = ensemble.luck[shots]
    forgotten = rng.random(luck.shape) > np.exp(-np.abs(exponent))
    ensemble.luck[shots] = np.where(forgotten, rng.random(luck.shape), luck)
