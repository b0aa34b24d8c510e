"""The simulated timing core with the node behind it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from data.columns import Record, join_records
from hardware_sim.core.carrier import Carrier
from hardware_sim.core.electrodes import Endcaps
from hardware_sim.core.ensemble import METASTABLE_D5, S_UP, Ensemble, S, complex_normal
from hardware_sim.core.photons import detector_effects
from hardware_sim.core.player import Player
from hardware_sim.core.recorder import Recorder
from hardware_sim.core.stage import REFERENCE_FREQUENCY, Stage, Tables, find_string
from hardware_sim.core.string import IonString
from hardware_sim.physics.crystal import zigzag_limit
from hardware_sim.physics.errors import PhysicsError
from hardware_sim.properties import NodeProperties
from hardware_sim.surroundings import Surroundings
from sequences.program import Program

BATCH = 200_000
"""Ions of all shots that are played at once, at 0.9 kB each: enough for numpy, little for a laptop."""

WELL_LINEAR = 0.9
"""Axial frequency, of the zig-zag limit, up to which a string is loaded."""


class SimulatedCore:
    """Plays programs on a node, many shots at once.

    Lab time goes on from point to point; ions that are lost stay lost until the trap is loaded again.
    """

    def __init__(
        self, properties: NodeProperties, parts: Mapping[int, str], rng: np.random.Generator
    ) -> None:
        self._properties = properties
        self._parts = parts
        self._rng = rng
        self._endcaps = Endcaps(properties)
        self._tables = Tables()
        self._ions = 1
        self._loss: str | None = "the trap was never loaded"
        self._now_ps = 0

    def load(self, ions: int, surroundings: Surroundings) -> None:
        """Load a string of ions; without a working drive of the trap none stay.

        The endcaps go to where they rest, or to where so many ions still form a linear string.
        """
        self._ions = ions
        self._loss = surroundings.loss
        if self._loss is None:
            linear = WELL_LINEAR * zigzag_limit(ions, surroundings.radial_frequency)
            self._endcaps.rest_linear(self._properties.endcap_rest, linear)

    def play(self, program: Program, shots: int, surroundings: Surroundings) -> Record:
        """Play a program.

        Shots are played in batches, so that a point of a million shots takes time, not memory.

        Args:
            program: to play.
            shots: how often.
            surroundings: what the instruments make of the lab just now.
        """
        bounds = [*range(0, shots, max(1, BATCH // self._ions)), shots]
        sizes = [stop - start for start, stop in pairwise(bounds)] or [0]
        return join_records([self._play_batch(program, size, surroundings) for size in sizes])

    def _play_batch(self, program: Program, shots: int, surroundings: Surroundings) -> Record:
        """Play some shots at once."""
        self._loss = self._loss or surroundings.loss
        stage = self._set_stage(program, shots, surroundings)
        darks = {
            "h detector": self._properties.detector_dark_rate_h,
            "v detector": self._properties.detector_dark_rate_v,
        }
        player = Player(stage, program, self._parts, darks, self._loss)
        shortest = program.duration(heralded=True) * round(program.target.period * 1e12)
        played = self._now_ps + shortest * np.arange(shots, dtype=np.int64)
        stage.ensemble.start(played)
        player.play(shots)
        self._loss = player.loss
        # Shots are played on clocks that assume the shortest of shots; the record has them back to back.
        lengths = stage.ensemble.clock_ps - played
        starts = self._now_ps + np.cumsum(lengths) - lengths
        duration = int(lengths.sum())
        self._now_ps += duration
        notes = [f"no ions in the trap: {self._loss}"] if self._loss else []
        return stage.recorder.record(starts, starts - played, duration, notes)

    def _set_stage(self, program: Program, shots: int, surroundings: Surroundings) -> Stage:
        properties, rng = self._properties, self._rng
        radial = surroundings.radial_frequency if self._loss is None else properties.radial_frequency
        string = self._string(radial)
        ensemble = Ensemble(shots, self._ions, len(string.frequencies))
        self._leave_behind(ensemble, string)
        ensemble.field[:] = properties.magnetic_noise * rng.standard_normal(shots)
        ensemble.power[:] = np.maximum(1 + properties.qubit_intensity_noise * rng.standard_normal(shots), 0.0)
        effects = detector_effects(properties, surroundings.half_angle, surroundings.quarter_angle)
        recorder = Recorder(program, shots, self._ions)
        return Stage(
            rng,
            properties,
            radial,
            string,
            ensemble,
            self._endcaps,
            Carrier(shots, self._ions),
            effects,
            recorder,
            self._tables,
        )

    def _string(self, radial_frequency: float) -> IonString:
        """Return the string as it is held at the start; if it cannot be, the ions are lost."""
        properties = self._properties
        try:
            axial = self._endcaps.settled_frequency()
            return find_string(self._tables, properties, self._ions, axial, radial_frequency)
        except PhysicsError as error:
            self._loss = self._loss or f"the trap lost its ions: {error}"
            softest = properties.radial_frequency / (10 * self._ions)
            return find_string(self._tables, properties, self._ions, softest, properties.radial_frequency)

    def _leave_behind(self, ensemble: Ensemble, string: IonString) -> None:
        """Give the ions the state in which a shot finds them: warm, and some still in D5/2."""
        dark = self._properties.initial_dark
        ensemble.other[..., METASTABLE_D5] = dark
        ensemble.other[..., S_UP] = ensemble.coherent[..., S, S] = (1 - dark) / 2
        quanta = self._properties.initial_quanta * REFERENCE_FREQUENCY / string.frequencies
        ensemble.motion[:] = complex_normal(self._rng, ensemble.motion.shape) * np.sqrt(quanta)
