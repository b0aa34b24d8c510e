"""Scattering light on the string, and the camera that looks at it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.ensemble import METASTABLE_D3, METASTABLE_D5, S_UP, S, Shots
from hardware_sim.core.light import NEGLIGIBLE, ScatteringLight, cool, read_light, shine, shining_time
from hardware_sim.core.signals import Stretch
from hardware_sim.core.stage import Stage
from hardware_sim.physics.calcium import D52
from hardware_sim.physics.fluorescence import counts, exposure, leakage


def illuminate(stage: Stage, shots: Shots, stretch: Stretch) -> None:
    """Play one stretch of scattering light, of an exposure, or both."""
    properties, ensemble, duration = stage.properties, stage.ensemble, stretch.duration
    light = read_light(properties, stretch.tones)
    stage.stir(shots, stretch.start)
    ensemble.evolve(shots, slice(None), stretch.start)
    shone = light
    if stretch.exposed is not None and _expose(stage, shots, stretch, light, stretch.exposed):
        # Who left D5/2 during the exposure has been drawn: it must not decay, or be quenched, once more.
        shone = replace(light, quench=0.0)
        ensemble.evolve(shots, slice(None), stretch.stop, lifetime=math.inf)
    shine(ensemble, shots, shone, properties.pumping_impurity, duration)
    if light.doppler > 0:
        axial_cosine, heating = properties.doppler_axial_cosine, stage.field_heating()
        motion = ensemble.motion[shots]
        ensemble.motion[shots] = cool(stage.rng, motion, light, stage.string, axial_cosine, heating, duration)
        ensemble.skip_heating(shots, stretch.stop)
        stage.carrier.forget(shots)


def watch_empty_trap(stage: Stage, shots: Shots, stretch: Stretch) -> None:
    """Take an exposure without ions: the background is all there is."""
    if stretch.exposed is None:
        return
    nothing = np.zeros((len(shots), stage.string.ions))
    background, apart = stage.properties.dark_rate, np.eye(stage.string.ions)
    rates = {"bright_rate": 0.0, "dark_rate": background}
    seen = counts(stage.rng, nothing, stretch.duration, **rates, leakage=apart)
    stage.recorder.expose(stretch.exposed, shots, seen)


def _expose(stage: Stage, shots: Shots, stretch: Stretch, light: ScatteringLight, row: int) -> bool:
    """Take the counts of all ions, and return whether that told bright ions from dark ones.

    Seeing an ion shine, or not, projects it.
    """
    properties, duration = stage.properties, stretch.duration
    shining = np.zeros((len(shots), stage.string.ions))
    looked = light.doppler * duration > NEGLIGIBLE
    if looked:
        dark = _project(stage, shots, light)
        lifetime = 1 / (1 / D52.lifetime + light.quench)
        awake = exposure(stage.rng, dark, duration, lifetime)
        _let_decayed_ions_go(stage, shots, dark & (awake > 0))
        shining = awake * (shining_time(light, duration) / duration)
    seen = leakage(stage.string.positions, properties.camera_spread, properties.camera_region)
    rate = properties.camera_efficiency * light.doppler
    drawn = counts(
        stage.rng, shining, duration, bright_rate=rate, dark_rate=properties.dark_rate, leakage=seen
    )
    stage.recorder.expose(row, shots, drawn)
    return looked


def _project(stage: Stage, shots: Shots, light: ScatteringLight) -> NDArray[np.bool_]:
    """Decide for each ion whether it is dark (shots, ions), and make its state so."""
    ensemble = stage.ensemble
    state, rest = ensemble.coherent[shots], ensemble.other[shots]
    bright = state[..., S, S].real + rest[..., S_UP]
    if light.repump > 0:
        bright = bright + rest[..., METASTABLE_D3]
    dark = stage.rng.random(bright.shape) >= bright
    kept = np.where(dark, 1 - bright, bright)[..., None, None]
    keep_ground = np.where(dark, 0.0, 1.0)
    mask = np.zeros_like(state)
    mask[..., S, S] = keep_ground
    mask[..., 1:, 1:] = (1 - keep_ground)[..., None, None]
    ensemble.coherent[shots] = state * mask / kept
    rest[..., S_UP] *= keep_ground
    if light.repump > 0:
        rest[..., METASTABLE_D3] *= keep_ground
    else:
        rest[..., METASTABLE_D3] *= 1 - keep_ground
    rest[..., METASTABLE_D5] *= 1 - keep_ground
    ensemble.other[shots] = rest / kept[..., 0]
    return np.asarray(dark)


def _let_decayed_ions_go(stage: Stage, shots: Shots, decayed: NDArray[np.bool_]) -> None:
    """Put ions that left D5/2 during the exposure into S1/2."""
    state, rest = stage.ensemble.coherent[shots], stage.ensemble.other[shots]
    state[decayed] = 0.0
    rest[decayed] = 0.0
    state[decayed, S, S] = 0.5
    rest[decayed, S_UP] = 0.5
    stage.ensemble.coherent[shots], stage.ensemble.other[shots] = state, rest
