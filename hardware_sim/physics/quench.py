"""854 nm light: D5/2 is emptied through P3/2, sublevel by sublevel.

P3/2 lives for 7 ns, so that what is left are rates. Where an ion ends is a matter of Clebsch-Gordan
coefficients: from D5/2(-5/2), sigma+ light leads to P3/2(-3/2), and that decays to S1/2(-1/2) alone.

Approximations: each transition absorbs by itself, as a two-level line that is broadened by its own
saturation, so that rates are exact for weak light and bounded for strong; dark superpositions within D5/2,
which the field mixes in a tenth of a microsecond, are left out.

Source: Happer, Rev. Mod. Phys. 44, 169 (1972), for pumping as rates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.bloch import Beam, couplings, rabi
from hardware_sim.physics.calcium import D52, LINE_393, LINE_850, LINE_854, P32, zeeman_shift

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class QuenchRates:
    """What 854 nm light does to the sublevels of D5/2, from m = -5/2 to 5/2.

    Attributes:
        arrivals: (9, 6) rates from each of them to S1/2(-1/2), S1/2(+1/2), D3/2, and the six themselves, 1/s.
        scattering: (6,) photons a second that an ion in each of them scatters, returns included.
        shifts: (6,) light shifts, Hz.
    """

    arrivals: Floats
    scattering: Floats
    shifts: Floats


def quench_rates(beam: Beam, field: float) -> QuenchRates:
    """Return the rates of 854 nm light.

    Args:
        beam: 854 nm light.
        field: along the quantisation axis, T.

    Example:
        >>> from hardware_sim.physics.bloch import Polarisation
        >>> weak = quench_rates(Beam(0.01, 0.0, Polarisation(0.0, 0.0, 1.0)), 4.229e-4)
        >>> to_minus, to_plus = weak.arrivals[:2, 0]
        >>> float(to_plus), bool(to_minus > 0)
        (0.0, True)
    """
    absorbed, shifts = _absorption(beam, field)
    return QuenchRates(_ends_of_decay() @ absorbed, absorbed.sum(axis=0), shifts)


def _absorption(beam: Beam, field: float) -> tuple[Floats, Floats]:
    """Return rates (P3/2, D5/2) of excitation, 1/s, and light shifts (D5/2,), Hz."""
    width = P32.linewidth
    rates, shifts = np.zeros((4, 6)), np.zeros(6)
    strength = float(rabi(LINE_854, beam.saturation)) / (2 * math.pi * width)
    detuning = float(np.asarray(beam.detuning))
    for amplitude, coupling in zip(beam.polarisation.amplitudes, couplings(LINE_854), strict=True):
        for u, k in zip(*np.nonzero(coupling), strict=True):
            zeeman = zeeman_shift(P32, P32.sublevels[u], field) - zeeman_shift(D52, D52.sublevels[k], field)
            off = 2 * (detuning - zeeman) / width
            saturation = 2 * (strength * amplitude * abs(coupling[u, k])) ** 2
            rate = math.pi * width * saturation / (1 + saturation + off**2)
            rates[u, k] += rate
            shifts[k] += rate * off / (4 * math.pi)
    return rates, shifts


def _ends_of_decay() -> Floats:
    """Return where (9, P3/2) each sublevel of P3/2 decays to, in the order of `QuenchRates.arrivals`."""
    to_s, to_d5 = (
        line.branching * (np.abs(couplings(line)) ** 2).sum(axis=0).T for line in (LINE_393, LINE_854)
    )
    ends = np.stack([*to_s, np.full(4, LINE_850.branching), *to_d5])
    return np.asarray(ends / ends.sum(axis=0))
