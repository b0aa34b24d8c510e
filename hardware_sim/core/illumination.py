"""Scattering light on the string, and the camera and the photomultiplier that look at it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.ensemble import METASTABLE_D3, METASTABLE_D5, S_UP, S, Shots
from hardware_sim.core.light import (
    NEGLIGIBLE,
    Bath,
    Drift,
    Light,
    Scattering,
    cool,
    doubts_of_heat,
    make_bath,
    read_light,
    shine,
    solve,
)
from hardware_sim.core.signals import Stretch, Window
from hardware_sim.core.stage import Stage
from hardware_sim.core.tables import recall
from hardware_sim.physics.calcium import D52
from hardware_sim.physics.fluorescence import Glow, arrivals, counts, exposure, leakage
from hardware_sim.physics.slow_rates import SLOW

PHOTOMULTIPLIER = "pmt"
"""The part of the node that counts the fluorescence of all ions."""

SHELVED: Final = SLOW
"""Number of D5/2, which is dark in all light, after those of the slow levels, from which ions may shine."""


def illuminate(stage: Stage, shots: Shots, stretch: Stretch, gates: Sequence[Window] = ()) -> None:
    """Play one stretch of scattering light, of an exposure, or both.

    Args:
        stage: with the ions.
        shots: that take part.
        stretch: to play.
        gates: of the photomultiplier, in the same timeline.
    """
    ensemble, duration = stage.ensemble, stretch.duration
    light = read_light(stage.properties, stretch.tones, _drift(stage, shots))
    stage.stir(shots, stretch.start)
    ensemble.unlink(stage.rng, shots)
    scattering = _solved(stage, light)
    gates = [gate for gate in gates if gate.start < stretch.stop and gate.stop > stretch.start]
    watched = stretch.exposed is not None or bool(gates)
    # Ions that decay in scattering light are in it from then on, and nothing else happens to them meanwhile.
    until = stretch.stop if light.scatters and not watched else stretch.start
    ensemble.evolve(shots, slice(None), until, phases=scattering.keeps_coherence(duration))
    if watched and _look(stage, shots, stretch, scattering, gates):
        # Who left D5/2 meanwhile has been drawn: it must not decay, or be quenched, once more.
        scattering = _solved(stage, light.without_quench)
        ensemble.evolve(shots, slice(None), stretch.stop, lifetime=math.inf)
    levels = shine(ensemble, shots, scattering, duration)
    stage.doubt(scattering.doubts())
    if light.scatters:
        bath = _bath(stage, scattering)
        heat = np.outer(levels @ scattering.quenched, bath.kicks) + stage.field_heating()
        spread = cool(stage.rng, ensemble, shots, stage.string, bath, levels, heat, duration)
        stage.doubt(doubts_of_heat(spread))
        ensemble.skip_heating(shots, stretch.stop)
        stage.carrier.forget(shots)


def _drift(stage: Stage, shots: Shots) -> Drift:
    """Return how far the lasers have moved, in the mean over shots that are played together."""
    if len(shots) == 0:
        return Drift()
    lasers = (stage.weather.cooling, stage.weather.repump, stage.weather.quench)
    return Drift(*(float(shift[shots].mean()) for shift in lasers))


def _solved(stage: Stage, light: Light) -> Scattering:
    return recall(stage.tables.lights, light, lambda: solve(light))


def _bath(stage: Stage, scattering: Scattering) -> Bath:
    """Return what light does to the motion of the string as it is held now; 854 nm light does not matter."""
    key = (scattering.light.without_quench, stage.string)
    return recall(stage.tables.baths, key, lambda: make_bath(scattering, stage.properties, stage.string))


def watch_empty_trap(stage: Stage, shots: Shots, stretch: Stretch) -> None:
    """Take an exposure without ions: the background is all there is."""
    if stretch.exposed is None:
        return
    regions = stage.regions.ions or stage.string.ions
    background, apart = stage.properties.dark_rate * stretch.duration, np.eye(regions)
    nothing = np.zeros((len(shots), regions))
    seen = counts(stage.rng, nothing, efficiency=0.0, background=background, leakage=apart)
    stage.recorder.expose(stretch.exposed, shots, seen)


def count_background(stage: Stage, shots: Shots, gates: Sequence[Window]) -> None:
    """Draw the background counts of the photomultiplier, at any time within its gates."""
    clock = stage.ensemble.clock_ps
    for gate in gates:
        mean = stage.properties.pmt_dark_rate * (gate.stop - gate.start) * 1e-12
        who = np.repeat(shots, stage.rng.poisson(mean, len(shots)))
        stage.recorder.click(gate, who, clock[who], stage.rng.integers(gate.start, gate.stop, size=len(who)))


def _look(
    stage: Stage, shots: Shots, stretch: Stretch, scattering: Scattering, gates: Sequence[Window]
) -> bool:
    """Take the counts of all observers, and return whether they told bright ions from dark ones.

    Seeing an ion shine, or not, projects it.
    """
    duration, glows = stretch.duration, scattering.glows(stretch.duration)
    totals = np.array([*(glow.photons[-1] for glow in glows), 0.0])
    # The one photon with which 866 nm light alone brings an ion back from D3/2 is left out.
    looked = bool(totals[: SLOW - 1].max() > NEGLIGIBLE)
    photons = np.zeros((len(shots), stage.string.ions))
    if looked:
        levels = _project(stage, shots)
        begun = _wake(stage, shots, levels, scattering, duration)
        photons = totals[levels]
        for ion in zip(*np.nonzero((begun > 0) & (begun < duration)), strict=True):  # one in a thousand
            photons[ion] = glows[levels[ion]].until(duration - begun[ion])
        for gate in gates:
            _count(stage, shots, stretch, glows, levels, begun, gate)
    if stretch.exposed is not None:
        _expose(stage, shots, stretch, stretch.exposed, photons)
    return looked


def _expose(stage: Stage, shots: Shots, stretch: Stretch, row: int, photons: NDArray[np.float64]) -> None:
    """Take the counts of the camera, of so many photons (shots, ions), into a row of the readouts."""
    properties, start = stage.properties, stretch.start
    spread, background = stage.image_spread(shots), properties.dark_rate * stretch.duration
    seen = leakage(stage.positions(start), spread, properties.camera_region, stage.watched(start))
    drawn = counts(
        stage.rng, photons, efficiency=properties.camera_efficiency, background=background, leakage=seen
    )
    stage.recorder.expose(row, shots, drawn)


def _count(
    stage: Stage,
    shots: Shots,
    stretch: Stretch,
    glows: Sequence[Glow],
    levels: NDArray[np.int64],
    begun: NDArray[np.float64],
    gate: Window,
) -> None:
    """Let one gate of the photomultiplier see ions.

    Args:
        stage: with the ions.
        shots: that take part.
        stretch: of light.
        glows: by slow level.
        levels: (shots, ions) in which they begin.
        begun: (shots, ions) when they do, s.
        gate: of the photomultiplier.
    """
    edges = (max(gate.start, stretch.start), min(gate.stop, stretch.stop))
    low, high = ((edge - stretch.start) * 1e-12 for edge in edges)
    for level, glow in enumerate(glows):
        mine = levels == level
        if not mine.any():
            continue
        beginning = np.where(mine, begun, math.inf)
        rows, times = arrivals(stage.rng, glow, beginning, (low, high), stage.properties.pmt_efficiency)
        offsets = stretch.start + np.rint(times * 1e12).astype(np.int64)
        who = shots[rows]
        stage.recorder.click(gate, who, stage.ensemble.clock_ps[who], np.clip(offsets, *edges))


def _project(stage: Stage, shots: Shots) -> NDArray[np.int64]:
    """Decide for each ion in which slow level it is, or in D5/2 (shots, ions), and make its state so.

    There is no coherence among the slow levels, and light on them ends any other, so that to decide on one
    disturbs nothing.
    """
    ensemble = stage.ensemble
    state, rest = ensemble.coherent[shots], ensemble.other[shots]
    within = np.cumsum([state[..., S, S].real, rest[..., S_UP], rest[..., METASTABLE_D3]], axis=0)
    drawn = stage.rng.random(within.shape[1:])
    levels = (drawn >= within).sum(axis=0)
    # Only within D5/2 something is left to be told apart; members of joint states have nothing here.
    shelved = (levels == SHELVED) / np.where(levels == SHELVED, 1 - within[-1], 1.0)
    state[..., S, :] = state[..., :, S] = 0.0
    state *= shelved[..., None, None]
    state[..., S, S] = levels == 0
    rest[..., METASTABLE_D5] *= shelved
    rest[..., S_UP], rest[..., METASTABLE_D3] = levels == 1, levels == 2
    ensemble.coherent[shots], ensemble.other[shots] = state, rest
    if ensemble.entangled:
        held = ensemble.entangled.held(shots)
        for ion in range(ensemble.ions):
            seen = ensemble.entangled.look(shots, ion, (S,))
            levels[held[:, ion], ion] = np.where(seen[held[:, ion]], 0, SHELVED)
        ensemble.entangled.settle(shots)
    return np.asarray(levels)


def _wake(
    stage: Stage, shots: Shots, levels: NDArray[np.int64], scattering: Scattering, duration: float
) -> NDArray[np.float64]:
    """Draw when each ion begins to shine (shots, ions), s; the duration for those that never do.

    Ions that leave D5/2 meanwhile are put where they come out, which `levels` (shots, ions) then tell. Under
    quenching light each leaves as if at a constant rate, of the mean over its ways out.
    """
    shelved = levels == SHELVED
    lifetime: float | NDArray[np.float64] = D52.lifetime
    if scattering.quenched.any():
        lifetime = (stage.ensemble.in_d52(shots) @ scattering.stays)[shelved]
    begun = duration - exposure(stage.rng, shelved, duration, lifetime)
    leaving = shelved & (begun < duration)
    if leaving.any():
        levels[leaving] = _let_go(stage, shots, leaving, scattering)
    return np.asarray(begun)


def _let_go(
    stage: Stage, shots: Shots, leaving: NDArray[np.bool_], scattering: Scattering
) -> NDArray[np.int64]:
    """Put ions (shots, ions) that leave D5/2 into the slow levels (leaving ions,) that they come out in."""
    ensemble = stage.ensemble
    if ensemble.entangled:
        for ion in range(ensemble.ions):
            ensemble.entangled.part(shots[leaving[:, ion]], ion)
    rows, ions = np.nonzero(leaving)
    rows = shots[rows]
    within = np.cumsum(ensemble.in_d52(shots)[leaving] @ scattering.ends.T, axis=1)
    levels = (stage.rng.random((len(rows), 1)) * within[:, -1:] >= within).sum(axis=1)
    ensemble.coherent[rows, ions] = ensemble.other[rows, ions] = 0.0
    ensemble.coherent[rows, ions, S, S] = levels == 0
    ensemble.other[rows, ions, S_UP], ensemble.other[rows, ions, METASTABLE_D3] = levels == 1, levels == 2
    return np.asarray(levels)
