"""Polarisation of light in the (V, H) basis: wave plates, a polarising beam splitter, and what a click tells.

Angles are in turns, from V towards H. Fields go as exp(-iωt), so that the slow axis of a plate gains phase.
The analyser is, along the beam: half-wave plate, quarter-wave plate, polarising beam splitter. The beam
splitter transmits H (detector 0) and reflects V (detector 1).

Joint states of ion and photon have the basis order |5V>, |5H>, |3V>, |3H>.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Power of the wrong polarisation over the right one at each output of the beam splitter.
# Source: Schupp, PhD thesis (Innsbruck 2021), section 4.5.
TRANSMITTED_EXTINCTION = 1e-3
REFLECTED_EXTINCTION = 1e-2

Complex = NDArray[np.complex128]


def rotation(angle: ArrayLike) -> Complex:
    """Return the matrices (..., 2, 2) that turn a polarisation by `angle` (...) turns from V towards H.

    Example:
        >>> (rotation(1 / 4) @ [1, 0]).real.round(12)  # V becomes H
        array([0., 1.])
    """
    phase = 2 * np.pi * np.asarray(angle, dtype=np.float64)
    cosine, sine = np.cos(phase), np.sin(phase)
    rows = np.stack([np.stack([cosine, -sine], axis=-1), np.stack([sine, cosine], axis=-1)], axis=-2)
    return np.asarray(rows, dtype=np.complex128)


def wave_plate(retardance: float, angle: ArrayLike) -> Complex:
    """Return the Jones matrices of a wave plate.

    Args:
        retardance: Phase of the slow axis behind the fast axis, turns: 1/2 or 1/4, plus the plate's error.
        angle: Angle of the fast axis from V towards H, turns, shape (...).

    Returns:
        Unitary matrices (..., 2, 2) in the basis (V, H).

    Example:
        >>> half = wave_plate(1 / 2, 1 / 8)
        >>> abs(half @ [1, 0]).round(12)  # V becomes H
        array([0., 1.])
    """
    turn = rotation(angle)
    retard = np.exp(1j * np.pi * retardance * np.array([-1, 1]))  # fast axis first
    return np.asarray((turn * retard) @ turn.swapaxes(-1, -2), dtype=np.complex128)


def beam_splitter(
    transmitted_extinction: float = TRANSMITTED_EXTINCTION, reflected_extinction: float = REFLECTED_EXTINCTION
) -> NDArray[np.float64]:
    """Return where a lossless polarising beam splitter sends each polarisation.

    Args:
        transmitted_extinction: Power of V over power of H in the transmitted port, for equal powers in.
        reflected_extinction: Power of H over power of V in the reflected port, for equal powers in.

    Returns:
        Probabilities (port, polarisation): transmitted before reflected, V before H; the columns sum to 1.

    Example:
        >>> beam_splitter().round(4)
        array([[0.001, 0.99 ],
               [0.999, 0.01 ]])
    """
    scale = 1 - transmitted_extinction * reflected_extinction
    h_transmitted = (1 - reflected_extinction) / scale
    v_reflected = (1 - transmitted_extinction) / scale
    return np.array(
        [
            [transmitted_extinction * h_transmitted, h_transmitted],
            [v_reflected, reflected_extinction * v_reflected],
        ]
    )


def analyser(
    half_angle: ArrayLike,
    quarter_angle: ArrayLike,
    *,
    half_retardance: float = 1 / 2,
    quarter_retardance: float = 1 / 4,
    transmitted_extinction: float = TRANSMITTED_EXTINCTION,
    reflected_extinction: float = REFLECTED_EXTINCTION,
) -> Complex:
    """Return the effects (elements of a measurement) of the two detectors behind the plates.

    With these angles the transmitted detector clicks for: H at (0, 0), the diagonal V - H at (1/16, 0), and
    one circular polarisation, V + iH, at (0, 1/8).

    Args:
        half_angle: Angle of the half-wave plate's fast axis, turns, shape (...).
        quarter_angle: Angle of the quarter-wave plate's fast axis, turns, shape (...).
        half_retardance: True retardance of the half-wave plate, turns.
        quarter_retardance: True retardance of the quarter-wave plate, turns.
        transmitted_extinction: Power of V over H in the transmitted port.
        reflected_extinction: Power of H over V in the reflected port.

    Returns:
        Positive matrices (..., 2, 2, 2): detector, then the matrix in the basis (V, H); the sum over
        detectors is the identity, losses come elsewhere.

    Example:
        >>> ideal = analyser(0, 0, transmitted_extinction=0, reflected_extinction=0)
        >>> ideal[0].real
        array([[0., 0.],
               [0., 1.]])
    """
    plates = wave_plate(quarter_retardance, quarter_angle) @ wave_plate(half_retardance, half_angle)
    ports = beam_splitter(transmitted_extinction, reflected_extinction)
    through = plates[..., None, :, :]
    effects = through.conj().swapaxes(-1, -2) @ (ports[:, :, None] * through)
    return np.asarray(effects, dtype=np.complex128)


def born(state: Complex, effect: Complex) -> Complex:
    """Return the ion's state given a click, weighted with the probability of that click.

    Args:
        state: Joint states of ion and photon, shape (..., 4, 4).
        effect: Effect of the detector that clicked, shape (2, 2).

    Returns:
        Partial trace over the photon of (1 ⊗ effect) state, shape (..., 2, 2) in the basis (D5, D3); its
        trace is the probability of the click.

    Example:
        >>> bell = np.zeros((4, 4), dtype=complex)
        >>> bell[np.ix_([0, 3], [0, 3])] = 0.5  # |5V> + |3H>
        >>> born(bell, analyser(0, 0)[0]).real.round(4)
        array([[0.0005, 0.    ],
               [0.    , 0.495 ]])
    """
    # One matrix product for the whole batch: state entries (i b, j a) against ions (k l), weight E[a, b].
    one = np.eye(2)
    weights = np.einsum("ik,jl,ab->ibjakl", one, one, effect).reshape(16, 4)
    leading = state.shape[:-2]
    ion: Complex = state.reshape(*leading, 16) @ weights
    return ion.reshape(*leading, 2, 2)
