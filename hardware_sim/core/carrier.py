"""How much its motion weakens photon generation from an ion, in every shot.

Between one photon and the next nothing but field noise and transport acts on the motion, and these act on the
centre-of-mass modes alone. What all other modes do is therefore worked out once after each cooling, so that a
visit to one ion of a long string does not cost a look at all of its modes. The factors are those of phonon
numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.ensemble import Ensemble, Shots
from hardware_sim.core.string import IonString
from hardware_sim.physics.motion import debye_waller


class Carrier:
    """Debye-Waller factors of the shots of a point."""

    def __init__(self, shots: int, ions: int) -> None:
        self._others = np.zeros((shots, ions))
        self._known = np.zeros(shots, dtype=np.bool_)
        self._string: IonString | None = None

    def forget(self, shots: Shots) -> None:
        """Note that all modes of some shots have changed."""
        self._known[shots] = False

    def weaken(
        self, ensemble: Ensemble, string: IonString, shots: Shots, ions: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the factors (shots, ions) on the coupling of some ions in some shots.

        Args:
            ensemble: whose motion it is.
            string: as the trap holds it now.
            shots: that take part.
            ions: that are asked for.
        """
        if string is not self._string:
            self._string = string
            self._known[:] = False
        uniform = np.array(string.centre_of_mass)
        self._learn(ensemble, string, shots[~self._known[shots]], uniform)
        moved = debye_waller(ensemble.numbers(shots, uniform), string.raman[np.ix_(uniform, ions)])
        return np.asarray(moved * self._others[shots[:, None], ions])

    def _learn(self, ensemble: Ensemble, string: IonString, shots: Shots, uniform: NDArray[np.int64]) -> None:
        """Work out what all modes but the uniform ones do to all ions."""
        if len(shots) == 0:
            return
        others = np.delete(np.arange(len(string.frequencies)), uniform)
        factors = np.ones((len(shots), string.ions))
        if len(others):
            factors = debye_waller(ensemble.numbers(shots, others), string.raman[others])
        self._others[shots] = factors
        self._known[shots] = True
