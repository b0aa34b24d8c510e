"""A Raman pulse on the string: which ions it reaches, what they emit, which clicks that makes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.ensemble import D5, METASTABLE_D3, METASTABLE_D5, S_UP, S, Shots
from hardware_sim.core.passages import RAMAN, PhotonPulse, running_tones
from hardware_sim.core.photons import ClickTable, tabulate
from hardware_sim.core.signals import Stretch, Tone, Window
from hardware_sim.core.stage import Stage, recall
from hardware_sim.physics.calcium import D52, LINE_850, LINE_854, zeeman_shift
from hardware_sim.physics.cavity import Cavity, position_factor
from hardware_sim.physics.raman import Drive, RamanModel, emit, scattering_rate
from hardware_sim.properties import NodeProperties

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

LOST_TO_D3 = LINE_850.branching / (LINE_850.branching + LINE_854.branching)
"""Share of D3/2 in what a Raman pulse loses from the levels of the qubit."""


def raman_model(properties: NodeProperties) -> RamanModel:
    """Return the model of photon generation for a node."""
    cavity = Cavity(
        coupling=properties.cavity_coupling,
        decay=properties.cavity_decay,
        transmission=properties.cavity_transmission,
        loss=properties.cavity_loss,
        waist=properties.cavity_waist,
        wavelength=LINE_854.wavelength,
        angle=properties.cavity_angle,
        birefringence=properties.cavity_birefringence,
        birefringence_axis=properties.cavity_birefringence_axis,
        jitter=properties.cavity_jitter,
    )
    return RamanModel(cavity, properties.raman_detuning, properties.raman_sigma_plus)


def beam_intensity(properties: NodeProperties, displacement: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the intensity of the Raman beam (of its peak) for ions displaced (m) from the cavity waist."""
    focus = np.exp(-2 * (displacement / properties.raman_waist) ** 2)
    halo = np.exp(-2 * (displacement / properties.raman_halo_waist) ** 2)
    return np.asarray((1 - properties.raman_halo) * focus + properties.raman_halo * halo)


def generate(stage: Stage, shots: Shots, pulse: PhotonPulse, windows: Sequence[Window]) -> None:
    """Play one Raman pulse: every ion that it reaches may emit, and the gates that are open may click."""
    properties = stage.properties
    stage.stir(shots, pulse.start)
    displacement = stage.positions(pulse.start) - properties.cavity_position
    intensity = beam_intensity(properties, displacement)
    coupling = position_factor(raman_model(properties).cavity, displacement)
    events = _scattering_events(properties, pulse.stretches) * intensity
    lit = np.flatnonzero(events > UNTOUCHED)
    if len(lit) == 0:
        return
    end = pulse.stretches[-1].stop + round(RINGING * 1e12)
    open_windows = [window for window in windows if window.start < end and window.stop > pulse.start]
    moved = stage.carrier.weaken(stage.ensemble, stage.string, shots, lit)
    for column, ion in enumerate(lit.tolist()):
        table = click_table(stage, pulse, float(intensity[ion]), open_windows)
        factor = np.clip(np.abs(coupling[ion] * moved[:, column]), 0.0, 1.0)
        _emit_one(stage, shots, ion, pulse, table, factor, open_windows)


def click_table(stage: Stage, pulse: PhotonPulse, intensity: float, windows: Sequence[Window]) -> ClickTable:
    """Return the click table of an ion at some intensity; the same physics is solved only once.

    In the halo, intensities are rounded to tenths of their logarithm: equal for all purposes, and few.
    """
    weak = intensity < WEAK
    intensity = math.exp(round(math.log(intensity), 1)) if weak else round(intensity, 4)
    start = pulse.start
    stretches = tuple(
        (s.stop - s.start, s.tones.get(RAMAN[0]), s.tones.get(RAMAN[1])) for s in pulse.stretches
    )
    gates = tuple((window.part, window.start - start, window.stop - start) for window in windows)
    effects = tuple(effect.tobytes() for effect in stage.effects.values())
    key = (intensity, stretches, gates, effects)

    def make() -> ClickTable:
        nodes = WEAK_NODES if weak else STRONG_NODES
        spins = np.repeat([0.0, 1.0], len(nodes))
        drives = list(read_drives(stage.properties, pulse.stretches, intensity))
        emission = emit(raman_model(stage.properties), drives, np.tile(nodes, 2), BIN, RINGING, spins)
        return tabulate(emission, nodes, windows, start, stage.effects)

    return recall(stage.tables.clicks, key, make)


def read_drives(
    properties: NodeProperties, stretches: Sequence[Stretch], intensity: float
) -> Iterator[Drive]:
    """Yield the light of each stretch as an atom at some intensity (of the beam's peak) sees it."""
    running = running_tones(stretches)
    detuning_v, detuning_h = tone_detunings(properties, running)
    field = math.sqrt(intensity)
    for stretch in stretches:
        v, h = (stretch.tones.get(part, Tone()).amplitude * field for part in RAMAN)
        yield Drive(
            stretch.duration, properties.raman_rabi_v * v, properties.raman_rabi_h * h, detuning_v, detuning_h
        )


def tone_detunings(properties: NodeProperties, running: Mapping[str, Tone]) -> tuple[float, float]:
    """Return how far (Hz) each tone is from its unshifted Raman resonance; 0 for one that is not played."""
    field = properties.magnetic_field
    splitting = zeeman_shift(D52, -3 / 2, field) - zeeman_shift(D52, -5 / 2, field)
    resonances = (properties.raman_resonance, properties.raman_resonance + splitting)
    to_v, to_h = (
        running[part].frequency - resonance if part in running else 0.0
        for part, resonance in zip(RAMAN, resonances, strict=True)
    )
    return to_v, to_h


def _scattering_events(properties: NodeProperties, stretches: Sequence[Stretch]) -> float:
    """Return how many photons an ion in the focus would scatter in a pulse."""
    model = raman_model(properties)
    drives = read_drives(properties, stretches, 1.0)
    return sum(scattering_rate(model, drive) * drive.duration for drive in drives)


def _emit_one(
    stage: Stage,
    shots: Shots,
    ion: int,
    pulse: PhotonPulse,
    table: ClickTable,
    factor: NDArray[np.float64],
    windows: Sequence[Window],
) -> None:
    """Let one ion emit in all shots: draw the clicks, and give the ion the state that goes with them."""
    ensemble, rng = stage.ensemble, stage.rng
    ensemble.evolve(shots, slice(ion, ion + 1), pulse.start)
    state, rest = ensemble.coherent[shots, ion], ensemble.other[shots, ion]
    spin_up, ready = _draw_spin(rng, state, rest)
    rows = table.pick(rng, factor, spin_up)
    chances = np.cumsum(ready[:, None] * table.clicked[rows], axis=1)
    gate = (chances < rng.random((len(shots), 1))).sum(axis=1)
    quiet, clicks = np.flatnonzero(gate == len(windows)), np.flatnonzero(gate < len(windows))
    turn = _tone_phases(stage, shots, pulse)

    seen_otherwise = chances[quiet, -1] if len(windows) else np.zeros(len(quiet))
    _leave_unseen(state, rest, table, rows[quiet], turn[quiet], ready[quiet], quiet)
    state[quiet] /= (1 - seen_otherwise)[:, None, None]
    rest[quiet] /= (1 - seen_otherwise)[:, None]

    bins, times = table.draw_times(rng, rows[clicks], gate[clicks])
    state[clicks] = 0.0
    rest[clicks] = 0.0
    state[clicks, D5:, D5:] = _turned(table.after_click[rows[clicks], gate[clicks], bins], turn[clicks])
    ensemble.coherent[shots, ion], ensemble.other[shots, ion] = state, rest
    offsets = pulse.start + np.round(times * 1e12).astype(np.int64)
    for row, window in enumerate(windows):
        mine = gate[clicks] == row
        who = shots[clicks[mine]]
        stage.recorder.click(window, who, ensemble.clock_ps[who], offsets[mine])


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
    quiet: NDArray[np.int64],
) -> None:
    """Give the ions of `quiet` shots, those without a click, what is left of them, not yet normalised.

    Args:
        state: (shots, 3, 3) before and after.
        rest: (shots, 3) before and after.
        table: of the pulse.
        rows: (quiet,) of the table.
        turn: (quiet,) factor of the tones' phases.
        ready: (quiet,) population of the spin state that the table's rows start from.
        quiet: (quiet,) shots without a click.
    """
    left = table.left[rows] * ready[:, None]
    after = state[quiet]
    after[:, S, :] *= table.amplitude[rows, None]
    after[:, :, S] *= table.amplitude[rows, None].conj()
    after[:, S, S] = left[:, 0]
    after[:, D5:, D5:] += _turned(table.missed[rows], turn) * ready[:, None, None]
    state[quiet] = after
    rest[quiet, S_UP] += left[:, 1]
    rest[quiet, METASTABLE_D3] += left[:, 2] * LOST_TO_D3
    rest[quiet, METASTABLE_D5] += left[:, 2] * (1 - LOST_TO_D3)


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
