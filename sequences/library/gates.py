"""Entangling gates between ions through a common mode of their motion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from sequences.errors import DeclaredValueError
from sequences.ir import Block, Envelope
from sequences.language import Tone, parallel, subsequence
from sequences.parameters import Value
from sequences.shapes import SHAPES, Edge
from sequences.units import show

_STEPS: Final = 20_000
"""Of the integral over a pulse: enough for six digits of the phase at a hundred loops."""


@dataclass(frozen=True, slots=True)
class Bichromat:
    """Two tones of one single-passed 729 nm modulator that light the ions together.

    Attributes:
        red: the tone below the qubit's line.
        blue: the tone above it.
        carrier: frequency at which either tone would be on the line, Hz.
        rabi: Rabi frequency of the line in a tone of full amplitude, Hz; the light's field is proportional
            to the amplitude.
        light_shift: of the line by all others, in both tones at full amplitude, Hz. It is made up for by a
            blue tone that is stronger than the red one.
    """

    red: Tone
    blue: Tone
    carrier: float
    rabi: float
    light_shift: float = 0.0


@subsequence
def molmer_sorensen(
    beam: Bichromat,
    mode_frequency: float,
    lamb_dicke: float,
    duration: float,
    *,
    loops: int = 1,
    phase: Value = 0.0,
    rise: float = 0.0,
) -> Block:
    """Entangle two ions: from |SS>, (|SS> + i e^{-4 pi i phase} |DD>) / sqrt 2.

    Both tones are detuned from the sidebands of a mode by d = loops / (duration - rise), so that the motion
    comes back where it was, whatever it was. On its way it encloses an area in phase space, from which the
    states that move and those that do not part by a quarter of a turn: so strong is the light made. With
    sudden edges that is eta Omega = d / (2 sqrt(loops)).

    Args:
        beam: tones of the light.
        mode_frequency: of the mode, Hz.
        lamb_dicke: of each of the two ions in the mode (their geometric mean, if they differ).
        duration: s.
        loops: in phase space; more of them need more light and less patience of other modes.
        phase: of the light of both tones, turns; it turns the axis of the gate.
        rise: of the sine-squared edges, s, within the duration; they calm the carrier and the other modes.

    Raises:
        DeclaredValueError: no loops, edges longer than the pulse, or a mode that the light does not see.
        LimitError: the gate needs more light than there is; give it more time.

    Source: A. Sorensen and K. Molmer, Phys. Rev. A 62, 022311 (2000); with edges, a pulse is a rectangle of
    length duration - rise, smeared out: it closes its loops at the same detuning. Unequal tones against light
    shifts: G. Kirchmair et al., New J. Phys. 11, 023002 (2009), sec. 4.
    """
    if loops < 1:
        raise DeclaredValueError("loops", f"{loops} is wrong: a gate closes at least one")
    if not 0 <= 2 * rise <= duration:
        limit = f"at most half of the pulse, {show(duration / 2, 's', 4)}"
        raise DeclaredValueError(
            "rise", f"{show(rise, 's', 4)} is wrong: an edge lasts 0 s or more, and {limit}"
        )
    if lamb_dicke == 0:
        raise DeclaredValueError("lamb_dicke", "0 is wrong: the light does not see this mode")
    detuning = loops / (duration - rise)
    rabi = math.sqrt(math.pi / 8 / _enclosed(detuning, duration, rise)) / (math.pi * abs(lamb_dicke))
    amplitude, offset = rabi / beam.rabi, mode_frequency + detuning
    # Tones of (1 -+ x) Omega shift the line by -2 x Omega^2 / offset, others by light_shift Omega^2 / rabi^2.
    imbalance = beam.light_shift * offset / (2 * beam.rabi**2)
    envelope = Envelope(Edge.SINE_SQUARED, rise) if rise > 0 else None
    return parallel(
        beam.red.pulse(duration, beam.carrier - offset, (1 - imbalance) * amplitude, phase, envelope),
        beam.blue.pulse(duration, beam.carrier + offset, (1 + imbalance) * amplitude, phase, envelope),
    )


def _enclosed(detuning: float, duration: float, rise: float) -> float:
    """Return the area (s^2) that a pulse encloses, for full light and a detuning d (Hz).

    It is the integral of f(t) f(t') sin(2 pi d (t - t')) over all t' before t, with the pulse's shape f. With
    sudden edges that is loops / (2 pi d^2).
    """
    step = duration / _STEPS
    time = (np.arange(_STEPS) + 0.5) * step
    shape = np.ones(_STEPS)
    if rise > 0:
        shape = SHAPES[Edge.SINE_SQUARED](np.clip(np.minimum(time, duration - time) / rise, 0.0, 1.0))
    turning = shape * np.exp(2j * np.pi * detuning * time)
    before = np.cumsum(turning.conj()) - turning.conj() / 2
    return float((turning * before).imag.sum()) * step**2
