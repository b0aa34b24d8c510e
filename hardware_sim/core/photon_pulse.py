"""A Raman pulse on the string: which ions it reaches, what they emit, and what that leaves of the ions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardware_sim.core.ensemble import D3, D5, METASTABLE_D3, METASTABLE_D5, S_UP, S, Shots
from hardware_sim.core.flight import Flight
from hardware_sim.core.passages import RAMAN, PhotonPulse, running_tones
from hardware_sim.core.photons import ClickTable, Watch, behind_fibre, tabulate
from hardware_sim.core.raman_beam import RamanBeam, raman_model, read_drives, tone_detunings
from hardware_sim.core.signals import Tone
from hardware_sim.core.stage import Stage
from hardware_sim.core.tables import recall
from hardware_sim.physics.calcium import LINE_850, LINE_854
from hardware_sim.physics.cavity import position_factor
from hardware_sim.physics.detectors import Stream
from hardware_sim.physics.errors import ModelError
from hardware_sim.physics.raman import Drive, Emission, doubts, emit
from hardware_sim.physics.raman_scattering import scatter
from hardware_sim.physics.validity import Doubt
from hardware_sim.world.weather import Weather

BIN = 0.2e-6
"""Resolution of wave packets, s: fine against the 1.1 us that a photon stays in the cavity."""

STRONG_NODES = np.linspace(0.0, 1.0, 33)
"""Couplings at which the wave packet of the ion in the beam is solved."""

WEAK_NODES = np.linspace(0.0, 1.0, 3)
"""The same for ions in the halo of the beam: their weak emission goes with the square of the coupling."""

WEAK = 0.05
"""Intensity, of the peak, below which an ion counts as in the halo."""

UNTOUCHED = 1e-4
"""Scattering events in a pulse below which an ion counts as not illuminated."""

RINGING = 10e-6
"""How long after the light wave packets are followed, s: nine times the life of a photon in the cavity."""

UNLOCKED = 10e6
"""Hz by which light or cavity are off only if they have lost their lock, and between them without photons."""

LEAST = 1e-12
"""Probability that nobody sees a photon where that is a matter of rounding; nobody draws it."""

LOST_TO_D3 = LINE_850.branching / (LINE_850.branching + LINE_854.branching)
"""Share of D3/2 in what a Raman pulse loses from the levels of the qubit."""


TUNED_FOR = 0.5
"""Intensity, of the peak, from which the tones count as tuned for an ion: others give rise to no doubts."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How far beams and cavity are from their nominal places, on average over the shots that play a pulse.

    Attributes:
        light: of the frequency of the Raman light, Hz.
        cavity: of that of the cavity's resonance, Hz.
        power: of the beam, over its nominal value.
        place: of waist and antinode on the trap axis, minus the nominal one, m.
        fibre: retardance that the fibre has gained, turns.
    """

    light: float = 0.0
    cavity: float = 0.0
    power: float = 1.0
    place: float = 0.0
    fibre: float = 0.0

    @classmethod
    def of(cls, weather: Weather, shots: Shots) -> Drift:
        """Return the mean over some shots, in steps that matter to nobody, so that tables are used again.

        A step is 1 kHz, far less than the cavity's linewidth, 1/1000 of the power, or 1/1000 of a turn; the
        place is no part of tables and not rounded.
        """
        return cls(
            light=round(_mean(weather.raman, shots), -3),
            cavity=round(_mean(weather.cavity, shots), -3),
            power=round(_mean(weather.raman_power, shots), 3),
            place=_mean(weather.cavity_place, shots),
            fibre=round(_mean(weather.fibre, shots), 3),
        )


STILL = Drift()
"""A lab in which nothing has moved."""


def generate(stage: Stage, shots: Shots, pulse: PhotonPulse, beam: RamanBeam, flight: Flight) -> None:
    """Play one Raman pulse: every ion that it reaches may emit, and its photon is sent on its way."""
    properties = stage.properties
    stage.stir(shots, pulse.start)
    drift = Drift.of(stage.weather, shots)
    displacement = stage.positions(pulse.start) - properties.cavity_position
    light = drift.power * beam.intensities(pulse.stretches, displacement)
    coupling = position_factor(raman_model(properties).cavity, displacement - drift.place)
    lit = np.flatnonzero(beam.scattering(pulse, drift.light) @ light > UNTOUCHED)
    if len(lit) == 0:
        return
    moved = stage.carrier.weaken(stage.ensemble, stage.string, shots, lit)
    watches = watches_of(pulse, flight.watches)
    shifts = [beam.shift(stretch) for stretch in pulse.stretches]
    for column, ion in enumerate(lit.tolist()):
        table = click_table(stage, pulse, light[:, ion], watches, shifts, drift)
        factor = np.clip(np.abs(coupling[ion] * moved[:, column]), 0.0, 1.0)
        for part, photons in emit_from(stage, shots, ion, pulse, table, factor, watches):
            flight.launch(part, photons)


def watches_of(pulse: PhotonPulse, watches: Iterable[Watch]) -> tuple[Watch, ...]:
    """Return what part of some watches a pulse can reach, in ps from its start."""
    start, end = pulse.start, pulse.stretches[-1].stop + round(RINGING * 1e12)
    return tuple(
        Watch(watch.part, max(watch.start, start) - start, min(watch.stop, end) - start)
        for watch in watches
        if watch.start < end and watch.stop > start
    )


def click_table(
    stage: Stage,
    pulse: PhotonPulse,
    light: ArrayLike,
    watches: Sequence[Watch],
    shifts: ArrayLike = 0.0,
    drift: Drift = STILL,
) -> ClickTable:
    """Return the click table of an ion; the same physics is solved only once.

    In the halo, intensities are rounded to tenths of their logarithm: equal for all purposes, and few.

    Args:
        stage: for its properties and detectors.
        pulse: that is played.
        light: intensity at the ion, of the beam's peak at full tones, in each stretch or in all.
        watches: of the detectors, in ps from the start of the pulse.
        shifts: of the light by its deflector, in each stretch or in all, Hz.
        drift: of light, cavity and fibre; the power is in `light`.
    """
    each = np.broadcast_to(np.asarray(light, dtype=np.float64), len(pulse.stretches))
    weak = bool(each.max() < WEAK)
    intensities = tuple(_rounded(value, weak=weak) for value in each.tolist())
    moved = np.asarray(shifts, dtype=np.float64) + drift.light - drift.cavity
    offsets = tuple(np.broadcast_to(moved, len(intensities)).tolist())
    stretches = tuple(
        (s.stop - s.start, s.tones.get(RAMAN[0]), s.tones.get(RAMAN[1])) for s in pulse.stretches
    )
    effects = tuple(effect.tobytes() for effect in stage.effects.values())
    key = (intensities, offsets, drift.cavity, stretches, tuple(watches), effects, drift.fibre)

    def make() -> tuple[ClickTable, tuple[Doubt, ...]]:
        nodes = WEAK_NODES if weak else STRONG_NODES
        emission, strained = _emission(stage, pulse, intensities, offsets, drift, nodes)
        seen = behind_fibre(stage.effects, drift.fibre, stage.properties.fibre_axis)
        return tabulate(emission, nodes, watches, seen), strained

    table, strained = recall(stage.tables.clicks, key, make)
    stage.doubt(strained)
    return table


def _emission(
    stage: Stage,
    pulse: PhotonPulse,
    intensities: Sequence[float],
    offsets: Sequence[float],
    drift: Drift,
    nodes: NDArray[np.float64],
) -> tuple[Emission, tuple[Doubt, ...]]:
    """Return what an ion emits from either spin, or only scatters if light or cavity are astray, and doubts.

    Args:
        stage: for its properties.
        pulse: that is played.
        intensities: at the ion, of the beam's peak at full tones, in each stretch.
        offsets: of the light against the cavity, in each stretch, Hz.
        drift: of both.
        nodes: couplings of an ion.

    Raises:
        ModelError: the program asks for light that no model of photon generation takes; it is never raised
            because something has lost its lock.
    """
    own, spins = stage.properties, np.repeat([0.0, 1.0], len(nodes))
    drives = list(read_drives(own, pulse.stretches, intensities, offsets))
    astray = max(abs(drift.light), abs(drift.cavity)) >= UNLOCKED
    if not (astray and _apart(drives)):
        try:
            model = raman_model(own, drift.cavity)
            emission = emit(model, drives, np.tile(nodes, 2), BIN, RINGING, spins)
        except ModelError:
            if not astray:
                raise
        else:
            return emission, tuple(doubts(model, drives)) if max(intensities) > TUNED_FOR else ()
    # Where the light is does not depend on the cavity.
    lights = [offset + drift.cavity for offset in offsets]
    drives = list(read_drives(own, pulse.stretches, intensities, lights))
    return scatter(raman_model(own), drives, len(spins), RINGING, spins), ()


def _apart(drives: Iterable[Drive]) -> bool:
    """Return whether no tone comes anywhere near its Raman resonance."""
    tones = ((drive.rabi_v, drive.detuning_v, drive.rabi_h, drive.detuning_h) for drive in drives)
    return all(
        (v == 0 or abs(of_v) >= UNLOCKED) and (h == 0 or abs(of_h) >= UNLOCKED) for v, of_v, h, of_h in tones
    )


def _mean(values: NDArray[np.float64], shots: Shots) -> float:
    return float(values[shots].mean()) if len(shots) else float(values.mean())


def _rounded(intensity: float, *, weak: bool) -> float:
    if not weak:
        return round(intensity, 4)
    return math.exp(round(math.log(intensity), 1)) if intensity > 0 else 0.0


def emit_from(
    stage: Stage,
    shots: Shots,
    ion: int,
    pulse: PhotonPulse,
    table: ClickTable,
    factor: NDArray[np.float64],
    watches: Sequence[Watch],
) -> Iterator[tuple[str, Stream]]:
    """Let one ion emit in all shots: draw who absorbs its photon, and give the ion the state after that.

    Args:
        stage: with the ion.
        shots: that take part.
        ion: which one.
        pulse: of light.
        table: of this pulse on this ion.
        factor: (shots,) on its coupling.
        watches: that the table was made for.

    Yields:
        Each detector that absorbs photons, with the times at which these left the cavity, ps of the lab.
    """
    ensemble, rng = stage.ensemble, stage.rng
    ensemble.evolve(shots, slice(ion, ion + 1), pulse.start)
    state, rest = ensemble.coherent[shots, ion], ensemble.other[shots, ion]
    spin_up, ready = _draw_spin(rng, state, rest)
    rows = table.pick(rng, factor, spin_up)
    jumped, stayed = _let_go(stage, shots, ion, table, rows)
    ready[jumped] = 1 / (1 - stayed[jumped])
    chances = np.cumsum(ready[:, None] * table.clicked[rows], axis=1)
    taken = (chances < rng.random((len(shots), 1))).sum(axis=1)
    clicks = np.flatnonzero(taken < len(watches))
    turn = _tone_phases(stage, shots, pulse)

    # All ions first, as most photons are seen by nobody; those of seen photons are then set.
    _leave_unseen(state, rest, table, rows, turn, ready)
    # Those were known to have jumped; what is left of them must not include that they have not.
    state[jumped, S, S] = np.maximum(state[jumped, S, S].real - (stayed * ready)[jumped], 0.0)
    if len(watches):
        unseen = np.maximum(1 - chances[:, -1], LEAST)
        state /= unseen[:, None, None]
        rest /= unseen[:, None]
    bins, times = table.draw_times(rng, rows[clicks], taken[clicks])
    state[clicks] = 0.0
    rest[clicks] = 0.0
    state[clicks, D5:, D5:] = _turned(table.after_click[rows[clicks], taken[clicks], bins], turn[clicks])
    ensemble.coherent[shots, ion], ensemble.other[shots, ion] = state, rest
    left = ensemble.clock_ps[shots[clicks]] + pulse.start + np.round(times * 1e12).astype(np.int64)
    for row, watch in enumerate(watches):
        mine = taken[clicks] == row
        yield watch.part, Stream(shots[clicks[mine]], left[mine])


def _let_go(
    stage: Stage, shots: Shots, ion: int, table: ClickTable, rows: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Decide in which shots an entangled ion leaves S1/2(-1/2), or scatters; it is independent then.

    Returns:
        Where that is so (shots,), and the probability (shots,) that an ion in S1/2(-1/2) would not have.
    """
    kept = np.ones((len(shots), 3), dtype=np.complex128)
    kept[:, S] = table.amplitude[rows]
    jumped, entangled = np.zeros(len(shots), dtype=np.bool_), stage.ensemble.entangled
    if entangled:
        jumped = entangled.jump(shots, ion, kept) >= 0
        entangled.settle(shots[jumped])
    return jumped, np.abs(kept[:, S]) ** 2


def _draw_spin(
    rng: np.random.Generator, state: NDArray[np.complex128], rest: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Decide which ions (shots,) are in S1/2(+1/2); no coherence leads there, so that nobody can tell.

    Returns:
        Whether the ion is there, and the population (shots,) of the spin state that was decided on. The other
        one is emptied in `state` and `rest`.
    """
    share = rest[:, S_UP].copy()
    spin_up = rng.random(len(share)) < share
    other = np.where(spin_up, 0.0, 1 / np.where(spin_up, 1.0, 1 - share))
    rest[:, S_UP] = 0.0
    rest *= other[:, None]
    state *= other[:, None, None]
    return spin_up, np.where(spin_up, 1.0, state[:, S, S].real)


def _leave_unseen(
    state: NDArray[np.complex128],
    rest: NDArray[np.float64],
    table: ClickTable,
    rows: NDArray[np.int64],
    turn: NDArray[np.complex128],
    ready: NDArray[np.float64],
) -> None:
    """Give ions whose photon, if there is one, nobody sees, what is left of them; not yet normalised.

    Args:
        state: (shots, 3, 3) before and after.
        rest: (shots, 3) before and after.
        table: of the pulse.
        rows: (shots,) of the table.
        turn: (shots,) factor of the tones' phases.
        ready: (shots,) population of the spin state that the table's rows start from.
    """
    left = table.left[rows] * ready[:, None]
    kept = table.amplitude[rows]
    for level in (D5, D3):
        state[:, S, level] *= kept
        state[:, level, S] *= kept.conj()
    state[:, S, S] = left[:, 0]
    missed = table.missed[rows]
    state[:, D5, D5] += missed[:, 0, 0] * ready
    state[:, D3, D3] += missed[:, 1, 1] * ready
    coherence = missed[:, 0, 1] * turn * ready
    state[:, D5, D3] += coherence
    state[:, D3, D5] += coherence.conj()
    rest[:, S_UP] += left[:, 1]
    rest[:, METASTABLE_D3] += left[:, 2] * LOST_TO_D3
    rest[:, METASTABLE_D5] += left[:, 2] * (1 - LOST_TO_D3)


def _tone_phases(stage: Stage, shots: Shots, pulse: PhotonPulse) -> NDArray[np.complex128]:
    """Return the factor (shots,) on <5|rho|3> from the phases of the tones at the pulse's start."""
    running = running_tones(pulse.stretches)
    v, h = (running.get(part, Tone()) for part in RAMAN)
    detuning_v, detuning_h = tone_detunings(stage.properties, running)
    started = (stage.ensemble.clock_ps[shots] + pulse.start) * 1e-12
    turns = (detuning_v - detuning_h) * started + v.phase - h.phase
    return np.asarray(np.exp(-2j * np.pi * np.mod(turns, 1.0)))


def _turned(operator: NDArray[np.complex128], turn: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return operators (shots, 2, 2) over D5, D3 with the tones' phase on their coherence."""
    turned = operator.copy()
    turned[:, 0, 1] *= turn
    turned[:, 1, 0] *= turn.conj()
    return turned
