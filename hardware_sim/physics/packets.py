"""The photon in time: how coherent what leaves the cavity now is with what leaves it later.

A wave packet of populations tells when a photon comes. What two photons do on a beam splitter depends on
more: on the joint density matrix of ion, polarisation and time. Each time that the ion scatters a photon of
the drive it starts again, and the world knows when; what comes after is another pure wave packet, so that the
photon is a mixture of all of these.

The mixture is found by quantum regression: from the state of ion and cavity at a time t on, the bra goes on
with what neither scattering nor emission has taken from it, while the ket has left its photon behind. Summing
over all times at which the ion may have started again gives the same.

Source: Gardiner and Zoller, Quantum Noise (Springer 2004), sec. 5.2, for the regression; Schupp, PhD thesis
(Innsbruck 2021), section 2.3, and Meraner et al., PRA 102, 052614 (2020), for the mixture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, pi
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.calcium import P32
from hardware_sim.physics.elimination import (
    COHERENT,
    V5,
    Drive,
    RamanModel,
    S,
    dephasing,
    eliminate,
    frame,
    returns,
)
from hardware_sim.physics.errors import ModelError

Real: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]

MODES = 4
"""Joint levels of ion and polarisation: |5V>, |5H>, |3V>, |3H>."""

# Behind the density matrix of the coherent levels, row by row, stands the population of S(+1/2).
OTHER_GROUND = COHERENT**2


@dataclass(frozen=True, slots=True, eq=False)
class Packet:
    """A photon in time, with what it is entangled with.

    Attributes:
        times: (bins,) at which it is given, s, evenly spaced.
        density: (bins, bins, modes, modes) matrix element of the first time and mode (ket) with the second
            (bra), 1/s; its trace over times and modes is the probability of a photon.
    """

    times: Real
    density: Complex

    @property
    def step(self) -> float:
        """Distance of the times, s."""
        return float(self.times[1] - self.times[0])

    @property
    def flux(self) -> Real:
        """Probability of the photon by time (bins,), 1/s."""
        return np.asarray(np.einsum("ttmm->t", self.density).real)

    @property
    def probability(self) -> float:
        """That there is a photon."""
        return float(self.flux.sum() * self.step)

    @property
    def purity(self) -> float:
        """Of the photon that is there, with all it is entangled with: 1 for one that never started again."""
        return float((np.abs(self.density) ** 2).sum()) * self.step**2 / self.probability**2

    def without_ion(self) -> Packet:
        """Return the photon in its polarisations V and H, of four joint modes, whatever the ion is."""
        bins = len(self.times)
        levels = self.density.reshape(bins, bins, 2, 2, 2, 2)
        return Packet(self.times, np.einsum("tuipiq->tupq", levels))

    def shifted(self, frequency: float) -> Packet:
        """Return the same with the carrier shifted by a frequency (Hz)."""
        turn = np.exp(-2j * np.pi * frequency * self.times)
        return Packet(self.times, self.density * (turn[:, None] * turn.conj())[..., None, None])

    def turned(self, operator: Complex) -> Packet:
        """Return the same after an optical element.

        Args:
            operator: (modes, modes) on the amplitudes of the modes; an attenuator loses photons.
        """
        return Packet(self.times, operator @ self.density @ operator.conj().T)


def make_packet(
    model: RamanModel,
    drives: Sequence[Drive],
    coupling: float = 1.0,
    step: float = 0.25e-6,
    ring_down: float = 10e-6,
    restarts: bool = True,
) -> Packet:
    """Drive an ion from S1/2(-1/2) and return the photon that leaves the cavity.

    Args:
        model: cavity, beam and atom.
        drives: light, one constant stretch after the other; their durations are multiples of the step.
        coupling: scale of the ion-cavity coupling, 0 to 1.
        step: distance of times, s.
        ring_down: how long to follow the cavity after the light went off, s.
        restarts: whether an ion that was scattered back to S1/2 tries again; without, what is left is the
            pure packet of an ion that never was.

    Returns:
        The packet over |5V>, |5H>, |3V>, |3H>, in the frame of the mean cavity frequency and the bare ion.

    Raises:
        ModelError: a step that is not positive, or durations that are no multiple of it.

    Example:
        >>> from hardware_sim.physics.cavity import Cavity
        >>> cavity = Cavity(1.53e6, 70e3, 90e-6, 116e-6, 12.31e-6, 854.209e-9, 85.3 / 360)
        >>> pulse = Drive(20e-6, 0.0, 16.8e6, detuning_h=0.2e6)
        >>> packet = make_packet(RamanModel(cavity, -403e6, sigma_plus=0.0), [pulse], restarts=False)
        >>> round(packet.purity, 6)
        1.0
    """
    if step <= 0:
        raise ModelError("time step", step, "above 0 s", "s", "it is the distance of the times")
    state = np.zeros(OTHER_GROUND + 1, dtype=np.complex128)
    state[0] = 1.0
    turns = np.zeros(2)
    pending = np.zeros((0, COHERENT, COHERENT), dtype=np.complex128)
    rows: list[Complex] = []
    phases: list[Complex] = []
    # The amplitudes with a photon lose their phase against those without.
    jitter = dephasing(model.cavity)[S]
    for drive, bins in _stretches(drives, step, ring_down):
        half = _expm(_generator(model, drive, coupling, restarts) * step / 2)
        later = _expm((-1j * _effective(model, drive, coupling) - np.diag(jitter)) * step / 2).conj().T
        beat = np.array([drive.detuning_v, drive.detuning_h])
        for _ in range(bins):
            # The middle of the bin: what is known there, and how all that left before goes on until there.
            state, pending = half @ state, pending @ later
            fresh = state[:OTHER_GROUND].reshape(1, COHERENT, COHERENT)
            pending = np.concatenate([pending, fresh])
            turns += beat * step / 2
            rows.append(pending[:, V5:, V5:])
            phases.append(np.exp(-2j * pi * np.repeat(turns, 2)))
            state, pending = half @ state, pending @ later
            turns += beat * step / 2
    return _collect(model, rows, np.array(phases), step)


def gaussian_packet(times: Real, centre: float, width: float, carrier: float = 0.0) -> Packet:
    """Return a pure photon of one mode with a Gaussian envelope: the textbook's wave packet.

    Args:
        times: (bins,) evenly spaced, s.
        centre: of the envelope, s.
        width: rms of the probability in time, s.
        carrier: frequency, Hz.
    """
    amplitude = np.exp(-((times - centre) ** 2) / (4 * width**2) - 2j * pi * carrier * times)
    amplitude /= np.sqrt((np.abs(amplitude) ** 2).sum() * (times[1] - times[0]))
    return Packet(times, np.outer(amplitude, amplitude.conj())[..., None, None])


def _stretches(drives: Sequence[Drive], step: float, ring_down: float) -> Iterator[tuple[Drive, int]]:
    """Yield each stretch of light, and the dark one behind them, with its number of bins."""
    for number, drive in enumerate(drives):
        bins = round(drive.duration / step)
        if bins < 1 or abs(bins * step - drive.duration) > 1e-6 * step * bins:
            raise ModelError(
                f"duration of drive {number}",
                drive.duration,
                f"a multiple of {step:g} s",
                "s",
                "choose a step that divides the durations of all drives",
            )
        yield drive, bins
    last = drives[-1] if drives else Drive(0.0, 0.0, 0.0)
    yield Drive(ring_down, 0.0, 0.0, last.detuning_v, last.detuning_h), max(1, ceil(ring_down / step - 1e-9))


def _collect(model: RamanModel, rows: Sequence[Complex], phases: Complex, step: float) -> Packet:
    """Put the matrix elements together: row k has those of all times up to k (ket) with time k (bra)."""
    bins = len(rows)
    density = np.zeros((bins, bins, MODES, MODES), dtype=np.complex128)
    for last, row in enumerate(rows):
        found = row * phases[: last + 1, :, None] * phases[last].conj()
        density[last, : last + 1] = found.conj().swapaxes(1, 2)
        density[: last + 1, last] = found
    return Packet(
        np.asarray((np.arange(bins) + 0.5) * step, dtype=np.float64), 4 * pi * model.cavity.decay * density
    )


def _effective(model: RamanModel, drive: Drive, coupling: float) -> Complex:
    """Hamiltonian (5, 5) of an ion that neither scatters nor emits, in the frame of the tones, rad/s."""
    couplings = np.einsum("p,psij->ij", coupling ** np.arange(3), eliminate(model, drive).couplings)
    return np.asarray(couplings + frame(model, drive))


def _generator(model: RamanModel, drive: Drive, coupling: float, restarts: bool) -> Complex:
    """Generator (26, 26) of the density matrix over the coherent levels and of S(+1/2), 1/s."""
    one = np.eye(COHERENT)
    decaying = -1j * _effective(model, drive, coupling)
    generator = np.zeros((OTHER_GROUND + 1, OTHER_GROUND + 1), dtype=np.complex128)
    generator[:OTHER_GROUND, :OTHER_GROUND] = np.kron(decaying, one) + np.kron(one, decaying.conj())
    generator[:OTHER_GROUND, :OTHER_GROUND] -= np.diag(dephasing(model.cavity).ravel())
    if not restarts:
        return generator
    # What does not return to S1/2 is lost for good.
    to_s = returns(model.branching_s)[:2]
    eliminated = eliminate(model, drive)
    scattered = np.einsum("p,psij->sij", coupling ** np.arange(3), eliminated.scattered)
    # Tr(W rho) of a symmetric W.
    rows = to_s @ scattered.reshape(len(P32.sublevels), OTHER_GROUND)
    generator[0, :OTHER_GROUND] += rows[0]
    generator[OTHER_GROUND, :OTHER_GROUND] += rows[1]
    generator[[0, OTHER_GROUND], OTHER_GROUND] += to_s @ eliminated.spin_up
    generator[OTHER_GROUND, OTHER_GROUND] -= eliminated.spin_up.sum()
    return generator


def _expm(matrix: Complex) -> Complex:
    # Here, as scipy is slow to import and the rest of the room does without.
    from scipy.linalg import expm  # noqa: PLC0415

    return np.asarray(expm(matrix), dtype=np.complex128)
