"""Raman light on an ion in the cavity, with P3/2 eliminated: shifts, couplings and scattering that are left.

Two tones at 393 nm, far from S1/2-P3/2, and the cavity at 854 nm admix P3/2 to the states of a photon's
generation. P3/2 follows them at once, with amplitude u / (Δ + iγ), and acts back as u u' / (Δ + iγ): the real
part shifts and couples, the imaginary part is scattering into free space. Every line has its own detuning, as
Zeeman shifts and the 7.1 MHz between the tones are 2 to 4 % of Δ.

Two effects go beyond second order, and both come from the beat of the tones, which modulates the light shift
of S1/2 by as much as the shift itself:

- The phase of S1/2 swings by β = modulation / beat, about 0.1 rad. Its sidebands turn each tone into some of
  the other one: the effective Rabi frequencies are Ω_V J0(β) - Ω_H J1(β) and Ω_H J0(β) + Ω_V J1(β). For light
  red of P3/2 this favours V by 6 % and costs H 4 %, so that the branches balance at a ratio of the tones of
  0.80 instead of 0.89; the three-ion experiment found 0.81.
- The shift of the dressed state is that of light detuned by Δ + shift, averaged over the beat.

Source: Reiter and Sørensen, PRA 85, 032111 (2012), for the elimination of a decaying state; the sidebands are
the expansion of Jacobi and Anger. Balance: Krutyanskiy et al., PRX Quantum 5, 020308 (2024), appendix B.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.atom import POLARISATIONS, dipole
from hardware_sim.physics.calcium import D52, LINE_393, LINE_854, P32, S12, zeeman_shift
from hardware_sim.physics.cavity import Cavity, coupling
from hardware_sim.physics.errors import ModelError

# The coherent states: S1/2(-1/2) without photon, D5/2(-5/2) and D5/2(-3/2) with a V or an H photon.
COHERENT = 5
S, V5, H5, V3, H3 = range(COHERENT)
# The tones: V leads to D5/2(-5/2) on resonance, H to D5/2(-3/2).
TONE_V, TONE_H = 0, 1

# Detuning in half linewidths of P3/2 below which the ion follows the light no longer: P3/2 is then populated
# as soon as there is light at all, and no elimination is of use.
LEAST_DETUNING = 5.0
# The same for a tone and any one line: in a magnetic field, some lie closer than P3/2 as a whole.
NEAREST_LINE = 4.0

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class RamanModel:
    """What stays the same from pulse to pulse.

    Attributes:
        cavity: The cavity.
        detuning: Detuning Δ/2π of a V tone on its Raman resonance from S1/2(-1/2)-P3/2(-3/2), Hz; negative is
            red.
        sigma_plus: σ+ over σ- Rabi frequency of the drive, for equal line strengths: 1 for a beam polarised
            linearly across the field, 0 for pure σ- along the field.
        decay: Half decay rate γ/2π of P3/2, Hz. Source: Schupp, section 3.2 (lifetime 6.924(19) ns).
        branching_s: Share of the decay of P3/2 that goes to S1/2. Source: Schupp, figure 3.2: 0.9347(3).
        pi: π over σ- Rabi frequency of the drive, for equal line strengths.
        magnetic_field: At the ion, T. Source of the default: Schupp, section 4.3.
    """

    cavity: Cavity
    detuning: float
    sigma_plus: float = 1.0
    decay: float = 11.49e6
    branching_s: float = 0.9347
    pi: float = 0.0
    magnetic_field: float = 4.229e-4

    def __post_init__(self) -> None:
        nearest = LEAST_DETUNING * self.decay
        if abs(self.detuning) < nearest:
            raise ModelError(
                "Raman detuning",
                self.detuning,
                f"{nearest:g} Hz or more away from P3/2",
                "Hz",
                "the model eliminates P3/2, which needs a far detuned drive",
            )
        if not 0 < self.branching_s <= 1:
            raise ModelError(
                "branching to S1/2",
                self.branching_s,
                "above 0, at most 1",
                "",
                "it is a share of the decay of P3/2",
            )
        if self.magnetic_field <= 0:
            raise ModelError(
                "magnetic field",
                self.magnetic_field,
                "above 0 T",
                "T",
                "without it the sublevels of D5/2 are one line, and the two tones are the same",
            )

    @property
    def splitting(self) -> float:
        """Zeeman splitting of neighbouring sublevels of D5/2, Hz: that of the two Raman resonances."""
        field = self.magnetic_field
        return zeeman_shift(D52, -3 / 2, field) - zeeman_shift(D52, -5 / 2, field)


@dataclass(frozen=True, slots=True)
class Drive:
    """One stretch of constant light.

    Both tones keep their phase across stretches, as a synthesizer that changes frequency does; one that is
    gated off runs on in the dark, so give a dark stretch between two pulses the detunings of its tones.

    Attributes:
        duration: How long, s.
        rabi_v: σ- Rabi frequency of the tone to D5/2(-5/2) and photon V, Hz.
        rabi_h: σ- Rabi frequency of the tone to D5/2(-3/2) and photon H, Hz.
        detuning_v: Frequency of the V tone minus its two-photon resonance without light shift, Hz.
        detuning_h: The same of the H tone, Hz.
    """

    duration: float
    rabi_v: float
    rabi_h: float
    detuning_v: float = 0.0
    detuning_h: float = 0.0

    @property
    def power(self) -> float:
        """Sum of the squared Rabi frequencies, Hz²."""
        return self.rabi_v**2 + self.rabi_h**2


@dataclass(frozen=True, slots=True, eq=False)
class Elimination:
    """What P3/2 does to the states that are left.

    Attributes:
        couplings: Effective Hamiltonian through each sublevel of P3/2, rad/s: without the cavity, the part
            that goes with the ion-cavity coupling, and the one with its square; shape (3, 4, 5, 5). It is
            symmetric; minus twice the imaginary part are scattering rates.
        spin_up: Scattering rate of S1/2(+1/2) through each sublevel, 1/s, shape (4,).
        swing: Index β of the phase modulation of S1/2(-1/2) by the beat of the tones.
    """

    couplings: Complex
    spin_up: Real
    swing: float

    @property
    def scattered(self) -> Real:
        """Operators of the scattering rate through each sublevel, 1/s, in the order of `couplings`."""
        return np.asarray(-2 * self.couplings.imag)


def eliminate(model: RamanModel, drive: Drive) -> Elimination:
    """Eliminate P3/2 from one stretch of light.

    Raises:
        ModelError: A tone is so close to a line of P3/2 that the ion does not follow it.

    Example:
        >>> cavity = Cavity(1.53e6, 70e3, 90e-6, 116e-6, 12.31e-6, 854.209e-9, 85.3 / 360)
        >>> eliminated = eliminate(RamanModel(cavity, -403e6), Drive(50e-6, 19.14e6, 23.63e6))
        >>> round(eliminated.swing, 3)
        -0.105
    """
    _refuse_resonance(model, drive)
    rabi = np.array([drive.rabi_v, drive.rabi_h])
    strength, apart = line_strengths(model, -1 / 2), detunings(model, drive, -1 / 2)
    light = (rabi[:, None] * strength) ** 2
    shift = float((light / apart).sum())
    modulation = float((strength**2 * (1 / apart)).sum()) * drive.rabi_v * drive.rabi_h
    swing = _swing(model, drive, modulation)
    # The mean of the squared shift over the beat is shift² + modulation²/2.
    dressed = shift + modulation**2 / (2 * shift) if shift else 0.0
    response = 1 / (apart + dressed + 1j * model.decay)
    tones = _sidebands(drive, swing)

    parts = np.zeros((3, len(P32.sublevels), COHERENT, COHERENT), dtype=np.complex128)
    parts[0, :, S, S] = (light * response).sum(axis=0)
    for tone, modes in enumerate(_mode_couplings(model.cavity)):
        parts[1, :, S, :] += (tones[tone] * strength * response[tone])[:, None] * modes
        parts[2] += response[tone][:, None, None] * modes[:, :, None] * modes[:, None, :]
    parts[1, :, :, S] = parts[1, :, S, :]
    away = detunings(model, drive, 1 / 2) + 1j * model.decay
    spin_up = -2 * ((rabi[:, None] * line_strengths(model, 1 / 2)) ** 2 / away).imag.sum(axis=0)
    return Elimination(2 * pi * parts, 2 * pi * spin_up, swing)


def stark_shift(model: RamanModel, drive: Drive) -> float:
    """Return the mean light shift of S1/2(-1/2) in Hz: Ω²/4Δ, summed over all lines with their own detunings.

    A tone is on resonance when its detuning is minus this shift (and the 2 kHz by which the cavity shifts the
    ion with a photon). Tones are taken where `drive` has them: some kHz of detuning matter little here.

    Example:
        >>> cavity = Cavity(1.53e6, 70e3, 90e-6, 116e-6, 12.31e-6, 854.209e-9, 85.3 / 360)
        >>> along_the_field = RamanModel(cavity, -403e6, sigma_plus=0.0)
        >>> round(stark_shift(along_the_field, Drive(50e-6, 14.2e6, 16.8e6)) / 1e3, 1)
        -302.7
    """
    return float(eliminate(model, drive).couplings[0, :, S, S].real.sum()) / (2 * pi)


def scattering_rate(model: RamanModel, drive: Drive) -> float:
    """Return how often an ion in S1/2(-1/2) scatters light, 2γ Ω²/4Δ² summed over all lines, 1/s."""
    return float(eliminate(model, drive).scattered[0, :, S, S].sum())


def excited_population(model: RamanModel, drive: Drive) -> float:
    """Return the population of P3/2 that the light admixes to S1/2(-1/2), of 1."""
    return scattering_rate(model, drive) / (4 * pi * model.decay)


def frame(model: RamanModel, drive: Drive) -> Complex:
    """Return what turns the states in the frame of the tones: these, birefringence, decay; (5, 5), rad/s."""
    cavity = model.cavity
    energies = np.array([0.0, *np.repeat([-drive.detuning_v, -drive.detuning_h], 2)])
    hamiltonian = np.diag(energies).astype(np.complex128)
    axis = 4 * pi * cavity.birefringence_axis  # twice the angle: the eigenmodes are lines, not arrows
    split = np.array([[cos(axis), sin(axis)], [sin(axis), -cos(axis)]]) * cavity.birefringence / 2
    for modes in (slice(V5, H5 + 1), slice(V3, H3 + 1)):
        hamiltonian[modes, modes] += split - 1j * cavity.decay * np.eye(2)
    return 2 * pi * hamiltonian


def dephasing(cavity: Cavity) -> Real:
    """Return the decay (5, 5) of coherences by lock jitter, 1/s; only against S, as both modes move alike."""
    photons = np.arange(COHERENT) != S
    return np.where(photons[:, None] != photons, 2 * pi * cavity.jitter / 2, 0.0)


def returns(branching_s: float) -> Real:
    """Return the shares (3, 4) of the decay of sublevels of P3/2 to S1/2(-1/2), S1/2(+1/2) and elsewhere."""
    to_s = [[dipole(LINE_393, spin, m) ** 2 for m in P32.sublevels] for spin in S12.sublevels]
    return np.vstack([branching_s * np.array(to_s), np.full(len(P32.sublevels), 1 - branching_s)])


def _refuse_resonance(model: RamanModel, drive: Drive) -> None:
    """Refuse tones near any line, wherever the light was tuned to begin with."""
    lines = np.abs([detunings(model, drive, spin) for spin in S12.sublevels]).min(axis=(0, 2))
    nearest = NEAREST_LINE * model.decay
    for tone, rabi, away in (("V", drive.rabi_v, lines[TONE_V]), ("H", drive.rabi_h, lines[TONE_H])):
        # What is no number is no distance either.
        if rabi > 0 and not away >= nearest:
            raise ModelError(
                f"distance of the {tone} tone from a line of P3/2",
                float(away),
                f"{nearest:g} Hz or more",
                "Hz",
                "detune the light further, the model eliminates P3/2",
            )


def line_strengths(model: RamanModel, spin: float) -> Real:
    """Return half the Rabi frequency from a spin to each sublevel of P3/2, for a σ- Rabi frequency of 1."""
    amplitudes = dict(zip(POLARISATIONS, (1.0, model.pi, model.sigma_plus), strict=True))
    strengths = [amplitudes.get(round(m - spin), 0.0) * dipole(LINE_393, spin, m) / 2 for m in P32.sublevels]
    return np.array(strengths)


def detunings(model: RamanModel, drive: Drive, spin: float) -> Real:
    """Return the detunings (2, 4) of both tones from the lines of a spin to each sublevel of P3/2, Hz."""
    field = model.magnetic_field
    tones = np.array([drive.detuning_v, model.splitting + drive.detuning_h])
    start = zeeman_shift(S12, spin, field) - zeeman_shift(S12, -1 / 2, field)
    ends = np.array([zeeman_shift(P32, m, field) - zeeman_shift(P32, -3 / 2, field) for m in P32.sublevels])
    return np.asarray(model.detuning + tones[:, None] + start - ends)


def _mode_couplings(cavity: Cavity) -> Real:
    """Coupling g, Hz, of each sublevel of P3/2 to the states that each tone leads to, shape (2, 4, 5).

    Signs are those of the dipole elements after those of the two branches went into the phase of |3>.
    """
    modes = np.zeros((2, len(P32.sublevels), COHERENT))
    stretched, inner = P32.sublevels.index(-3 / 2), P32.sublevels.index(-1 / 2)
    modes[TONE_V, stretched, V5] = coupling(cavity, -5 / 2)
    modes[TONE_H, stretched, H3] = coupling(cavity, -3 / 2)
    # The mode V sees one half of the power of σ light.
    modes[TONE_H, inner, V3] = -cavity.coupling * dipole(LINE_854, -3 / 2, -1 / 2) * 0.5**0.5
    return modes


def _swing(model: RamanModel, drive: Drive, modulation: float) -> float:
    """Index of the phase modulation of S1/2(-1/2) by a light shift that goes as modulation × cos(beat).

    Kept finite where the tones come within a cavity linewidth of each other: there the model is in doubt.
    """
    beat = model.splitting + drive.detuning_h - drive.detuning_v
    return modulation * beat / (beat**2 + model.cavity.decay**2)


def _sidebands(drive: Drive, swing: float) -> tuple[float, float]:
    """Rabi frequencies of both tones, Hz, as an ion whose phase swings with their beat sees them."""
    # J0 and J1 by Bessel's integral, exact to rounding for swings below 20 radians: scipy is slow to import,
    # and checking a setup needs none.
    angle = 2 * pi * np.arange(64) / 64
    carrier, sideband = (np.cos(order * angle - swing * np.sin(angle)).mean() for order in (0, 1))
    return (
        float(drive.rabi_v * carrier - drive.rabi_h * sideband),
        float(drive.rabi_h * carrier + drive.rabi_v * sideband),
    )
