"""Emission by the full master equation: one stretch of light after the other, and the photons that leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from math import ceil, floor
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardware_sim.physics.elimination import Drive, RamanModel
from hardware_sim.physics.raman import Emission, refuse_impossible
from hardware_sim.physics.reference.jumps import Propagators, interval_length, propagate
from hardware_sim.physics.reference.sector import (
    EMITTED,
    EXCITED,
    FINAL,
    GROUND,
    MODES,
    SIZE,
    TURNING,
    Sector,
    make_sector,
)

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

QUBIT: Final = 4  # states with a photon whose ion is in D5/2(-5/2) or D5/2(-3/2), the first of all
LONGEST_BEAT: Final = 2e-6  # s: longer beats are played through once, not learned and repeated


@dataclass(frozen=True, slots=True)
class FullEmission(Emission):
    """Where ions and photons went, with all sublevels; probabilities of all outcomes sum to 1.

    Attributes:
        elsewhere: Probability that a photon left with the ion in another sublevel of D5/2: m = -1/2 to 5/2,
            then V before H, shape (nodes, 4, 2).
        excited: Probability of P3/2 at the end, shape (nodes,).
        lost_to: Of `lost`, what is in each sublevel: those of D3/2, then those of D5/2, ascending m, shape
            (nodes, 10).
    """

    elsewhere: Real
    excited: Real
    lost_to: Real


@dataclass(slots=True, eq=False)
class _Course:
    """What becomes of ions with one coupling: several starts are played together.

    Attributes:
        density: Of the sector, as columns (324, starts).
        amplitude: Of states from which nothing jumped, (18,).
        final: Populations of the final states, (10, starts).
        clock: Time since the start, s.
        edges: Of the time bins so far, s.
        photons: That left in each bin, each (starts, 12, 12).
    """

    density: Complex
    amplitude: Complex
    final: Real
    clock: float
    edges: list[float]
    photons: list[Complex]


def emit(
    model: RamanModel,
    drives: Sequence[Drive],
    couplings: ArrayLike,
    step: float = 0.2e-6,
    ring_down: float = 10e-6,
    spin_up: ArrayLike = 0.0,
) -> FullEmission:
    """Drive an ion from S1/2 and collect what the cavity emits, without approximation but numerical ones.

    The answer is exact to about 1e-6 of all photons. The tones beat at 7 MHz: what one period of the beat
    does is worked out once for each stretch and coupling, in about half a second, and then repeated. Where
    the tones are closer than 0.5 MHz this saves nothing, and each microsecond takes two seconds.

    Args:
        model: Cavity, beam and atom.
        drives: Light, one constant stretch after the other.
        couplings: Scale 0..1 of the ion-cavity coupling, for position and motion, shape (nodes,).
        step: Longest time bin, s, but for the beat of the tones: bins are whole periods of it.
        ring_down: How long to collect after the light went off, s.
        spin_up: Population of S1/2(m=+1/2) at the start, the rest is in S1/2(m=-1/2), shape (nodes,).

    Returns:
        The emission into the cavity mode of every node, in the picture and with the signs of `raman.emit`.

    Raises:
        ModelError: Something negative, or a step that is not positive.

    Example:
        >>> from hardware_sim.physics import raman
        >>> from hardware_sim.physics.cavity import Cavity
        >>> cavity = Cavity(1.53e6, 70e3, 90e-6, 116e-6, 12.31e-6, 854.209e-9, 85.3 / 360)
        >>> model = RamanModel(cavity, -403e6)
        >>> pulse = Drive(5e-6, 19.14e6, 23.63e6, 0.766e6, 0.766e6)
        >>> full, reduced = (solve(model, [pulse], 1.0, ring_down=1e-6) for solve in (emit, raman.emit))
        >>> full.probability.round(2), reduced.probability.round(2)
        (array([0.31]), array([0.31]))
    """
    refuse_impossible(drives, step, ring_down)
    scales = np.atleast_1d(np.asarray(couplings, dtype=np.float64))
    starts = np.broadcast_to(np.asarray(spin_up, dtype=np.float64), scales.shape)
    light = (*drives, Drive(ring_down, 0.0, 0.0))
    nodes, which = np.unique(scales, return_inverse=True)
    courses = [_run(model, light, scale, starts[which == k], step) for k, scale in enumerate(nodes)]
    order = np.argsort(
        np.argsort(which, kind="stable"), kind="stable"
    )  # back to the order that was asked for
    return _collect(courses, order)


def _run(model: RamanModel, light: Sequence[Drive], scale: float, spin_up: Real, step: float) -> _Course:
    """Play all light on ions with one coupling."""
    sector = make_sector(model, scale)
    density = np.zeros((SIZE**2, len(spin_up)), dtype=np.complex128)
    density[0], density[SIZE + 1] = 1 - spin_up, spin_up
    first = np.eye(SIZE, dtype=np.complex128)[0]
    course = _Course(density, first, np.zeros((FINAL, len(spin_up))), 0.0, [0.0], [])
    turns = beats = 0.0
    for drive in light:
        beat = model.splitting + drive.detuning_h - drive.detuning_v
        _turn(course, turns)
        _stretch(course, sector, model, drive, beats, step)
        turns += drive.detuning_v * drive.duration
        beats += beat * drive.duration
        _turn(course, -turns)
    return course


def _turn(course: _Course, turns: float) -> None:
    """Go over to a frame that is `turns` ahead."""
    phase = np.exp(2j * np.pi * turns * TURNING)
    course.amplitude = course.amplitude * phase
    course.density = course.density * np.outer(phase, phase.conj()).reshape(-1, 1)


def _stretch(
    course: _Course, sector: Sector, model: RamanModel, drive: Drive, beats: float, step: float
) -> None:
    """Play one drive: whole periods of the beat, then what is left; light that does not beat, bin by bin."""
    if drive.duration == 0:
        return
    beat = model.splitting + drive.detuning_h - drive.detuning_v
    hamiltonian = _hamiltonian(sector, drive, beat, beats)
    longest = interval_length(model.detuning)
    begin = course.clock
    if drive.rabi_h == 0:  # one tone, which stands still in its own frame, or none
        bins = ceil(drive.duration / step * (1 - 1e-12))
        _laps(course, sector, hamiltonian, (0.0, drive.duration / bins), bins, 1, longest, steady=True)
        return
    period = 1 / abs(beat) if abs(beat) * LONGEST_BEAT > 1 else np.inf
    laps = floor(drive.duration / period)
    if laps:
        together = max(1, floor(step / period))
        _laps(course, sector, hamiltonian, (0.0, period), laps, together, longest)
    rest = begin + drive.duration - course.clock
    bins = ceil(rest / step * (1 - 1e-9))
    for _ in range(bins):
        _laps(course, sector, hamiltonian, (course.clock - begin, rest / bins), 1, 1, longest)


def _hamiltonian(sector: Sector, drive: Drive, beat: float, beats: float) -> Callable[[Real], Complex]:
    """Effective Hamiltonians (..., 18, 18) at times (...) after the start of a drive."""
    still, absorb = sector.turned(drive.detuning_v), sector.light

    def at(times: Real) -> Complex:
        turn = np.exp(-2j * np.pi * (beats + beat * times))
        light = (drive.rabi_v + drive.rabi_h * turn)[..., None, None]
        return np.asarray(still + light * absorb + light.conj() * absorb.T)

    return at


def _laps(
    course: _Course,
    sector: Sector,
    hamiltonian: Callable[[Real], Complex],
    lap: tuple[float, float],
    laps: int,
    together: int,
    longest: float,
    *,
    steady: bool = False,
) -> None:
    """Play laps (start and length, s), all alike, and put the photons of so many `together` into one bin."""
    start, length = lap
    count = 2 * ceil(length / longest / 2)  # even, for Simpson's rule
    grid = start + np.arange(1 if steady else count) * length / count
    moves = propagate(sector, lambda time: hamiltonian(grid + time), length / count)
    amplitude = reduce(lambda done, next_: next_ @ done, _intervals(moves.amplitude, count))
    course.amplitude = np.linalg.matrix_power(amplitude, laps) @ course.amplitude
    begins = _lap_starts(course.density, moves, count, laps)
    flux = _sweep(course, sector, moves, begins, (count, length))
    first = np.arange(0, laps, together)
    course.photons += list(np.add.reduceat(flux, first, axis=0))
    course.edges += list(course.clock + length * np.minimum(first + together, laps))
    course.clock += length * laps


def _intervals(moves: Complex, count: int) -> Complex:
    """The same map `count` times if there is but one."""
    return np.broadcast_to(moves, (count, *moves.shape[1:]))


def _lap_starts(density: Complex, moves: Propagators, count: int, laps: int) -> Complex:
    """Density matrices (324, laps, starts) at the start of each lap."""
    begins = np.empty((SIZE**2, laps, density.shape[1]), dtype=np.complex128)
    begins[:, 0] = density
    if laps > 1:
        maps = _intervals(moves.density[:, : SIZE**2], count)
        whole = reduce(lambda done, next_: next_ @ done, maps)
        for lap in range(1, laps):
            begins[:, lap] = whole @ begins[:, lap - 1]
    return begins


def _sweep(
    course: _Course, sector: Sector, moves: Propagators, begins: Complex, lap: tuple[int, float]
) -> Complex:
    """Play all laps side by side, interval by interval; return the photons of each (laps, starts, 12, 12)."""
    count, length = lap
    begun: Real = np.asarray(course.clock + length * np.arange(begins.shape[1]), dtype=np.float64)
    now = begins.reshape(SIZE**2, -1)
    flux = _flux(sector, begins, begun)  # to be summed by Simpson's rule
    for number, move in enumerate(_intervals(moves.density, count), 1):
        moved = move @ now
        now = moved[: SIZE**2]
        course.final = course.final + moved[SIZE**2 :].real.reshape(FINAL, *begins.shape[1:]).sum(axis=1)
        weight = 1 if number == count else 2 + 2 * (number % 2)
        flux += weight * _flux(sector, now.reshape(begins.shape), begun + number * length / count)
    course.density = now.reshape(begins.shape)[:, -1]
    return flux * length / count / 3


def _flux(sector: Sector, density: Complex, times: Real) -> Complex:
    """Photons that leave a second (laps, starts, 12, 12), in the picture of the bare levels."""
    photon = density.reshape(SIZE, SIZE, *density.shape[1:])[EMITTED, EMITTED]
    phase = np.exp(2j * np.pi * sector.shifts[:, None] * times)  # (12, laps)
    turned = phase[:, None, :, None] * photon * phase.conj()[None, :, :, None]
    return np.asarray(sector.leak * turned.transpose(2, 3, 0, 1))


def _collect(courses: Sequence[_Course], order: NDArray[np.int64]) -> FullEmission:
    """Put the nodes together, in the order in which they were asked for."""
    photon = np.concatenate([np.stack(course.photons, axis=1) for course in courses])[order]
    density = np.concatenate([course.density.T for course in courses])[order].reshape(-1, SIZE, SIZE)
    populations = np.einsum("nii->ni", density).real
    final = np.concatenate([course.final.T for course in courses])[order]
    amplitude = np.repeat([course.amplitude[0] for course in courses], [c.final.shape[1] for c in courses])
    elsewhere = np.einsum("nbii->ni", photon).real[:, QUBIT:]
    return FullEmission(
        edges=np.array(courses[0].edges),
        photon=np.ascontiguousarray(photon[:, :, :QUBIT, :QUBIT]),
        ground=populations[:, 0],
        other_ground=populations[:, GROUND.stop - 1],
        lost=final.sum(axis=1),
        inside=populations[:, EMITTED].sum(axis=1),
        amplitude=amplitude[order],
        elsewhere=elsewhere.reshape(len(final), -1, MODES),
        excited=populations[:, EXCITED].sum(axis=1),
        lost_to=final,
    )
