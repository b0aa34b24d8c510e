"""What a tone of 729 nm light drives: its line, its sideband, its strength at each ion, its light shifts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.ensemble import COHERENT, S, Shots
from hardware_sim.core.link import Sideband
from hardware_sim.core.signals import Tone
from hardware_sim.core.stage import Stage
from hardware_sim.physics.calcium import D52, S12
from hardware_sim.physics.quadrupole import Line, level_shift, zeeman_lines
from hardware_sim.physics.validity import Doubt
from hardware_sim.properties import NodeProperties

ORDERS = (-2, -1, 1, 2)
"""Sidebands that light may drive, in phonons gained with an excitation."""

WELL_APART = 0.05
"""Share of the ions that light excites on a line beside the driven one, up to which it may be left out."""

TINY = 1e-12
"""What stands for nothing where something is divided by it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A line or sideband that a tone may drive.

    Attributes:
        drive: the line and the sideband.
        detuning: of the light from it, as the properties have both, Hz.
    """

    drive: Sideband
    detuning: float


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """All that a tone comes close to on one Zeeman line: its carrier, and each sideband of each mode.

    Attributes:
        line: the line.
        nominal: detuning of the light from the carrier, as the properties have both, Hz.
        orders: (n,) phonons gained with an excitation.
        modes: (n,) rows of the string's modes.
        off: (n,) detunings as they are: with drifts, the field and light shifts, Hz.
        couplings: (n,) about their Rabi frequencies, Hz.
        present: share of the ions that are in a level of the line.
    """

    line: Line
    nominal: float
    orders: NDArray[np.int64]
    modes: NDArray[np.int64]
    off: NDArray[np.float64]
    couplings: NDArray[np.float64]
    present: float

    def excites(self, duration: float = math.inf) -> NDArray[np.float64]:
        """Return up to which share (n,) of the ions each would excite in some time (s), if it were alone."""
        limit = self.couplings**2 + self.off**2 + (math.pi * duration) ** -2
        return np.asarray(self.present * self.couplings**2 / np.maximum(limit, TINY))

    def candidate(self, index: int, frequencies: NDArray[np.float64]) -> Candidate:
        """Return one of them; the mode frequencies (modes,) are those of the string, Hz."""
        order, mode = int(self.orders[index]), int(self.modes[index])
        return Candidate(Sideband(self.line, order, mode), self.nominal - order * float(frequencies[mode]))


def lines_of(properties: NodeProperties) -> tuple[Line, ...]:
    """Return the Zeeman lines of a node's 729 nm beam."""
    return zeeman_lines(
        properties.magnetic_field,
        properties.qubit_field_angle,
        properties.qubit_polarisation_angle,
        properties.qubit_rabi_mapping,
        properties.qubit_rabi_analysis,
    )


def line_detuning(properties: NodeProperties, tone: Tone, line: Line) -> float:
    """Return how far (Hz) the light of a tone is from the carrier of a line."""
    return properties.qubit_passes * (tone.frequency - properties.qubit_resonance) - line.offset


def choose(
    stage: Stage, shots: Shots, tone: Tone, duration: float = math.inf, offset_ps: int = 0
) -> Candidate:
    """Return what a tone drives most: carriers and sidebands of all lines are asked what they would excite.

    All else that the tone comes close to is left out but for light shifts; that is doubted where it is much.

    Args:
        stage: with the ions that are lit.
        shots: (shots,) that take part, one at least.
        tone: of the light.
        duration: for which it is on, s.
        offset_ps: time of the timeline.
    """
    around = list(_neighbours(stage, shots, tone, offset_ps))
    strongest = max(around, key=lambda near: float(near.excites().max()))
    index = int(strongest.excites().argmax())
    left_out = 0.0
    for near in around:
        excited = near.excites(duration)
        if near is strongest:
            excited[index] = 0.0
        left_out = max(left_out, float(excited.max()))
    if left_out > WELL_APART:
        quantity = "excitation of a second line or sideband by the same light"
        reference = "physics.trapped_ion"
        stage.doubt([Doubt("729 nm, one line at a time", quantity, left_out, WELL_APART, "", reference)])
    return strongest.candidate(index, stage.string.frequencies)


def _neighbours(stage: Stage, shots: Shots, tone: Tone, offset_ps: int) -> Iterator[Neighbours]:
    """Yield what a tone comes close to, line by line, for the mean ion of the shots."""
    string, ensemble = stage.string, stage.ensemble
    quanta, strongest = ensemble.quanta(shots).mean(axis=0), string.qubit.max(axis=1)
    drifted = float(stage.weather.qubit[shots].mean())
    field = float(ensemble.field_at(shots, offset_ps).mean())
    entangled = ensemble.entangled
    joint = entangled.populations(shots).mean(axis=(0, 1)) if entangled else np.zeros(1 + len(COHERENT))
    count = len(string.frequencies)
    orders = np.concatenate([[0], np.repeat(ORDERS, count)])
    modes = np.concatenate([[0], np.tile(np.arange(count), len(ORDERS))])
    lines = lines_of(stage.properties)
    shifts = level_shifts(stage.properties, tone, Sideband(lines[0], 1, 0))
    for line, own in zip(lines, _own_shifts(stage.properties, tone), strict=True):
        populations = ensemble.populations(shots, line)
        lower, upper = (float(population.mean()) for population in populations)
        lower += float(joint[S]) if line.lower < 0 else 0.0
        upper += float(joint[COHERENT[line.upper]]) if line.upper in COHERENT else 0.0
        present = lower + upper
        up, down = np.maximum(orders, 0), np.maximum(-orders, 0)
        # From S1/2 it takes the phonons that an excitation gives, from D5/2 those that it takes.
        more = (lower * up + upper * down) / max(present, TINY)
        swing = np.where(orders == 0, 1.0, strongest[modes] * (quanta[modes] + more))
        factorial = np.where(np.abs(orders) == 2, 2.0, 1.0)
        rabi, nominal = abs(line.rabi) * tone.amplitude, line_detuning(stage.properties, tone, line)
        couplings = rabi * np.minimum(np.sqrt(swing ** np.abs(orders) / factorial), 1.0)
        off = nominal + drifted - line.sensitivity * field - orders * string.frequencies[modes]
        # A sideband is shifted by all carriers, a carrier by all but itself.
        by_all = shifts.upper[line.upper] - shifts.lower[line.lower] + shifts.dipole
        off -= np.where(orders == 0, by_all + 2 * own, by_all)
        yield Neighbours(line, nominal, orders, modes, off, couplings, present)


def light_field(
    stage: Stage, shots: Shots, offset_ps: int, spots: Sequence[Tone] | None = None
) -> NDArray[np.float64]:
    """Return the amplitude (shots, ions) of the light at the ions, of that where the beam is nominal.

    Args:
        stage: with the ions.
        shots: (shots,) that take part.
        offset_ps: time of the timeline.
        spots: tones of the deflectors that the light goes through, ASSUMED not to shift its frequency; None
            for light that no deflector steers.
    """
    properties = stage.properties
    power = stage.ensemble.power[shots] * stage.weather.qubit_power[shots]
    places, profile = stage.positions(offset_ps), np.ones(stage.string.ions)
    if spots is not None:
        centre, scale = properties.qubit_deflector_centre, properties.qubit_deflector_scale
        profile = np.zeros_like(profile)
        for tone in spots:
            away = places - (tone.frequency - centre) * scale
            profile += tone.amplitude * np.exp(-((away / properties.qubit_deflector_waist) ** 2))
    elif properties.qubit_waist > 0:
        away = places - properties.qubit_pointing
        profile = np.exp(-((away / properties.qubit_waist) ** 2))
    return np.sqrt(power)[:, None] * profile


@dataclass(frozen=True, slots=True)
class LevelShifts:
    """By how much light shifts levels, Hz, at the nominal centre of the beam.

    Attributes:
        lower: m of S1/2 -> shift by the lines at 729 nm that are not driven.
        upper: m of D5/2 -> the same.
        dipole: of all of D5/2 against S1/2, by other lines.
    """

    lower: Mapping[float, float]
    upper: Mapping[float, float]
    dipole: float

    @property
    def coherent(self) -> tuple[float, ...]:
        """Those of the coherent levels, without the dipole part."""
        return (self.lower[-1 / 2], *(self.upper[m] for m in COHERENT))


def level_shifts(properties: NodeProperties, tone: Tone, drive: Sideband) -> LevelShifts:
    """Return the shifts by all lines that a tone does not drive; the carrier of a sideband is one of them.

    The two first sidebands of a carrier shift it against each other and nearly cancel; they are left out.
    """
    lower = dict.fromkeys(S12.sublevels, 0.0)
    upper = dict.fromkeys(D52.sublevels, 0.0)
    for line, shift in zip(lines_of(properties), _own_shifts(properties, tone), strict=True):
        if line != drive.line or drive.order != 0:
            lower[line.lower] += shift
            upper[line.upper] -= shift
    return LevelShifts(lower, upper, properties.qubit_light_shift * tone.amplitude**2)


def _own_shifts(properties: NodeProperties, tone: Tone) -> tuple[float, ...]:
    """Return by how much (Hz) each of the lines shifts its lower level, as if light drove none."""
    light = properties.qubit_passes * (tone.frequency - properties.qubit_resonance)
    return _shifts_in(lines_of(properties), light, tone.amplitude)


@lru_cache(maxsize=256)
def _shifts_in(lines: tuple[Line, ...], light: float, amplitude: float) -> tuple[float, ...]:
    """Return the same in light that is so far (Hz) from the qubit's line."""
    rabi, offsets = np.array([(line.rabi, line.offset) for line in lines]).T
    return tuple(level_shift(rabi * amplitude, light - offsets).tolist())
