"""What a tomography setting measures: its bases, its outcomes, their effects, and the counts.

Conventions, used in all of the analysis:

- The joint basis is ion (D5, D3) times photon (V, H): ``|5V>, |5H>, |3V>, |3H>``.
- Ion bases: ``+`` of Z is D5, of X ``(|5> + |3>)/sqrt 2``, of Y ``(|5> + i|3>)/sqrt 2``.
- Photon bases: ``+`` of Z is V, of X is D = ``(|V> + |H>)/sqrt 2``, of Y is R = ``(|V> + i|H>)/sqrt 2``,
  which is ``(|H> - i|V>)/sqrt 2`` up to a phase.
- Outcomes of a setting run ``++, +-, -+, --`` with the ion first.
"""

from __future__ import annotations

from itertools import product
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.errors import EffectsError, EmptySettingError, IncompleteSettingsError, RangeError, ShapeError

SETTINGS: Final = tuple(ion + photon for ion, photon in product("ZXY", repeat=2))
"""The nine settings, ion basis first: ZZ, ZX, ZY, XZ, ..."""

OUTCOMES: Final = ("++", "+-", "-+", "--")
"""The four outcomes of a setting, ion first."""

# Columns are the + and the - eigenvector; rounding in products of a few of them stays far below this limit.
_EIGENVECTORS: Final = {
    "Z": np.array([[1, 0], [0, 1]], dtype=np.complex128),
    "X": np.array([[1, 1], [1, -1]], dtype=np.complex128) / np.sqrt(2),
    "Y": np.array([[1, 1], [1j, -1j]], dtype=np.complex128) / np.sqrt(2),
}
_ROUNDING: Final = 1e-9


def pauli_effects() -> NDArray[np.complex128]:
    """Return the effects of the nine ion-photon Pauli settings.

    Returns:
        Projectors, shape (9, 4, 4, 4): setting, outcome, and a matrix in the joint basis.

    Example:
        >>> effects = pauli_effects()
        >>> effects[SETTINGS.index("ZZ"), OUTCOMES.index("+-")].real.diagonal()
        array([0., 1., 0., 0.])
    """
    projectors = {name: np.einsum("ik,jk->kij", v, v.conj()) for name, v in _EIGENVECTORS.items()}
    pairs = product(projectors.values(), repeat=2)
    return np.array([[np.kron(ion, photon) for ion in ions for photon in photons] for ions, photons in pairs])


def check_effects(effects: ArrayLike) -> NDArray[np.complex128]:
    """Check that the effects are measurements which together determine the state.

    Args:
        effects: Shape (settings, outcomes, d, d). The outcomes of a setting sum to the identity: counts are
            conditioned on a detection, so unequal detector efficiencies belong into the counts.

    Returns:
        The effects as complex numbers.

    Raises:
        ShapeError: If the shape is another.
        EffectsError: If an effect is not Hermitian or positive, or a setting does not sum to the identity.
        IncompleteSettingsError: If the effects do not span the space of states.
    """
    effects = np.asarray(effects, dtype=np.complex128)
    if effects.ndim != 4 or effects.shape[2] != effects.shape[3]:
        raise ShapeError("effects", effects.shape, "(settings, outcomes, d, d)")
    dimension = effects.shape[-1]
    lopsided = np.abs(effects - effects.conj().swapaxes(-1, -2)).max(axis=(1, 2, 3))
    _refuse_effects(lopsided, "are not Hermitian")
    _refuse_effects(-np.linalg.eigvalsh(effects).min(axis=(1, 2)), "are not positive")
    missing = np.abs(effects.sum(axis=1) - np.eye(dimension)).max(axis=(1, 2))
    _refuse_effects(missing, "do not sum to the identity")
    rank = int(np.linalg.matrix_rank(effects.reshape(-1, dimension**2)))
    if rank < dimension**2:
        raise IncompleteSettingsError(rank, dimension**2)
    return effects


def _refuse_effects(deviations: NDArray[np.float64], fault: str) -> None:
    """Raise for the setting that deviates most; NaN counts as the worst."""
    worst = int(np.argmax(deviations))
    if not deviations[worst] <= _ROUNDING:
        raise EffectsError(worst, fault, float(deviations[worst]), _ROUNDING)


def count_outcomes(setting: ArrayLike, ion_minus: ArrayLike, photon_minus: ArrayLike) -> NDArray[np.int64]:
    """Count the outcomes of an ion-photon pair from columns of one row per detected photon.

    Args:
        setting: Index into `SETTINGS`, shape (rows,).
        ion_minus: Whether the ion was found in the - state of its basis, shape (rows,).
        photon_minus: Whether the photon clicked in the - detector of its basis, shape (rows,).

    Returns:
        Counts, shape (9, 4): setting and outcome.

    Raises:
        ShapeError: If the columns differ in length.
        RangeError: If a setting has no such index.

    Example:
        >>> count_outcomes([0, 0, 8], [False, True, True], [False, True, False])[[0, 8]]
        array([[1, 0, 0, 1],
               [0, 0, 1, 0]])
    """
    setting = np.asarray(setting, dtype=np.int64)
    ion_minus, photon_minus = np.asarray(ion_minus, dtype=bool), np.asarray(photon_minus, dtype=bool)
    for name, column in (("ion_minus", ion_minus), ("photon_minus", photon_minus)):
        if setting.ndim != 1 or column.shape != setting.shape:
            raise ShapeError(name, column.shape, f"the shape {setting.shape} of setting, one row per photon,")
    check_index("setting", setting, len(SETTINGS))
    cell = len(OUTCOMES) * setting + 2 * ion_minus + photon_minus
    return np.bincount(cell, minlength=len(SETTINGS) * len(OUTCOMES)).reshape(len(SETTINGS), len(OUTCOMES))


def check_index(name: str, column: NDArray[np.int64], length: int) -> None:
    """Refuse indices outside ``0 .. length - 1``.

    Args:
        name: The column, for the message.
        column: Indices, shape (rows,).
        length: Number of things that are indexed.

    Raises:
        RangeError: For the first index outside.
    """
    outside = np.flatnonzero((column < 0) | (column >= length))
    if outside.size:
        row = int(outside[0])
        limit = f"0 to {length - 1}"
        raise RangeError(f"{name}[{row}]", int(column[row]), limit, "indices count from zero")


def check_counts(
    counts: ArrayLike, settings: int, outcomes: int, names: tuple[str, ...]
) -> NDArray[np.float64]:
    """Check a batch of counts of which every setting was measured.

    Args:
        counts: Shape (..., settings, outcomes).
        settings: Number of settings.
        outcomes: Number of outcomes of a setting.
        names: Ion and photon basis of each setting for the message, or nothing.

    Returns:
        The counts as floats, same shape.

    Raises:
        ShapeError: If the last two axes do not fit.
        RangeError: If a count is negative or not a number.
        EmptySettingError: If a setting holds no counts.
    """
    counts = np.asarray(counts, dtype=np.float64)
    if counts.ndim < 2 or counts.shape[-2:] != (settings, outcomes):
        raise ShapeError("counts", counts.shape, f"(..., {settings}, {outcomes}) as settings by outcomes")
    wrong = np.argwhere(~(np.isfinite(counts) & (counts >= 0)))
    if wrong.size:
        index = tuple(map(int, wrong[0]))
        raise RangeError(
            f"counts{list(index)}", float(counts[index]), "finite and >= 0", "give numbers of events"
        )
    empty = np.argwhere(counts.sum(axis=-1) == 0)
    if empty.size:
        *data_set, setting = map(int, empty[0])
        label = f"ion {names[setting][0]}, photon {names[setting][1]}" if names else ""
        raise EmptySettingError(setting, label, tuple(data_set))
    return counts
