"""What a tomography setting measures: its bases, its outcomes, their effects, and the counts.

Conventions, used in all of the analysis:

- The joint basis is ion (D5, D3) times photon (V, H): ``|5V>, |5H>, |3V>, |3H>``.
- Ion bases: ``+`` of Z is D5, of X ``(|5> + |3>)/sqrt 2``, of Y ``(|5> + i|3>)/sqrt 2``.
- Photon bases: ``+`` of Z is V, of X is D = ``(|V> + |H>)/sqrt 2``, of Y is R = ``(|V> + i|H>)/sqrt 2``,
  which is ``(|H> - i|V>)/sqrt 2`` up to a phase.
- Outcomes of a setting run ``++, +-, -+, --`` with the ion first.

For other numbers of qubits settings and outcomes run likewise, the last qubit fastest.
"""

from __future__ import annotations

from collections.abc import Sequence
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
_QUBITS: Final = range(1, 5)  # 5 qubits have 7776 outcomes: tens of settings chosen at random do as well


def pauli_settings(qubits: int) -> tuple[str, ...]:
    """Return the names of all Pauli settings of some qubits, one letter a qubit.

    Args:
        qubits: 1 to 4.

    Returns:
        3^qubits names.

    Raises:
        RangeError: If there are fewer or more qubits.

    Example:
        >>> pauli_settings(1), len(pauli_settings(3))
        (('Z', 'X', 'Y'), 27)
    """
    _check_qubits(qubits)
    return tuple("".join(bases) for bases in product(_EIGENVECTORS, repeat=qubits))


def label_settings(qubits: int = 2) -> tuple[str, ...]:
    """Return what messages call the settings of `pauli_settings`; two qubits are an ion and a photon."""
    names = pauli_settings(qubits)
    return tuple(f"ion {name[0]}, photon {name[1]}" if qubits == 2 else f"bases {name}" for name in names)


def pauli_effects(qubits: int = 2) -> NDArray[np.complex128]:
    """Return the effects of all Pauli settings of some qubits, by default of an ion and a photon.

    Args:
        qubits: 1 to 4.

    Returns:
        Projectors, shape (3^n, 2^n, 2^n, 2^n) of n qubits: setting, outcome, a matrix in the joint basis.

    Raises:
        RangeError: If there are fewer or more qubits.

    Example:
        >>> effects = pauli_effects()
        >>> effects[SETTINGS.index("ZZ"), OUTCOMES.index("+-")].real.diagonal()
        array([0., 1., 0., 0.])
    """
    _check_qubits(qubits)
    single = np.array([np.einsum("ik,jk->kij", v, v.conj()) for v in _EIGENVECTORS.values()])
    effects = single
    for _ in range(1, qubits):
        settings, outcomes, dimension = 3 * effects.shape[0], 2 * effects.shape[1], 2 * effects.shape[2]
        effects = np.einsum("soij,tpkl->stopikjl", effects, single)
        effects = effects.reshape(settings, outcomes, dimension, dimension)
    return effects


def _check_qubits(qubits: int) -> None:
    if qubits not in _QUBITS:
        raise RangeError("qubits", qubits, "1 to 4", "the settings of more are too many; pass chosen effects")


def fold_detection_errors(effects: ArrayLike, confusions: Sequence[ArrayLike]) -> NDArray[np.complex128]:
    """Return the effects of outcomes as they are called by detectors that err.

    A reconstruction with them finds the state before the errors, by maximum likelihood, with no inverted
    matrix and no negative counts. The errors are taken as known exactly.

    Args:
        effects: Of the outcomes as they are, shape (settings, outcomes, d, d).
        confusions: Probabilities to call an outcome, given what it is: rows what it is, columns what it is
            called, in the order of the outcomes. One matrix a qubit, (2, 2) in the order +, -, or a single
            one of all outcomes. `error_matrix` has dark first: where + is bright, take its ``[::-1, ::-1]``.

    Returns:
        Same shape as the effects; each setting still sums to the identity.

    Raises:
        ShapeError: If the matrices together do not fit the outcomes.
        RangeError: If an element is no probability, or a row does not sum to 1.

    Source: A. Keith et al., Phys. Rev. A 98, 042318 (2018), for the likelihood with imperfect measurements.

    Example:
        >>> called = fold_detection_errors(pauli_effects(1), [[[0.9, 0.1], [0.0, 1.0]]])
        >>> called[0, 1].real.diagonal()  # "-" of Z is called for a tenth of "+", too
        array([0.1, 1. ])
    """
    matrices = np.asarray(effects, dtype=np.complex128)
    if matrices.ndim != 4 or matrices.shape[2] != matrices.shape[3]:
        raise ShapeError("effects", matrices.shape, "(settings, outcomes, d, d)")
    checked = [_check_confusion(index, confusion) for index, confusion in enumerate(confusions)]
    joint = np.ones((1, 1), dtype=np.float64)
    for confusion in checked:
        joint = np.asarray(np.kron(joint, confusion), dtype=np.float64)
    outcomes = matrices.shape[1]
    if joint.shape != (outcomes, outcomes):
        expected = f"the shape {(outcomes, outcomes)} of outcomes by outcomes"
        raise ShapeError("the product of the confusions", joint.shape, expected)
    return np.asarray(np.einsum("ij,sikl->sjkl", joint, matrices), dtype=np.complex128)


def _check_confusion(index: int, confusion: ArrayLike) -> NDArray[np.float64]:
    matrix, name = np.asarray(confusion, dtype=np.float64), f"confusions[{index}]"
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ShapeError(name, matrix.shape, "(outcomes, outcomes)")
    wrong = np.argwhere(~((matrix >= 0) & (matrix <= 1)))
    if wrong.size:
        row, column = map(int, wrong[0])
        value = float(matrix[row, column])
        raise RangeError(f"{name}[{row}, {column}]", value, "a probability, 0 to 1", "calibrate the readout")
    sums = matrix.sum(axis=1)
    worst = int(np.argmax(np.abs(sums - 1)))
    if abs(sums[worst] - 1) > _ROUNDING:
        advice = "rows are what the outcome is, columns what it is called"
        raise RangeError(f"the sum of row {worst} of {name}", float(sums[worst]), "1", advice)
    return matrix


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
    flat = effects.reshape(-1, dimension**2)
    # The Gram matrix of the effects has their rank, and is small for four qubits, too.
    rank = int(np.linalg.matrix_rank(flat.conj().T @ flat, hermitian=True))
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
    counts: ArrayLike, settings: int, outcomes: int, labels: tuple[str, ...] = ()
) -> NDArray[np.float64]:
    """Check a batch of counts of which every setting was measured.

    Args:
        counts: Shape (..., settings, outcomes).
        settings: Number of settings.
        outcomes: Number of outcomes of a setting.
        labels: Of each setting for the message, or nothing.

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
        raise EmptySettingError(setting, labels[setting] if labels else "", tuple(data_set))
    return counts
