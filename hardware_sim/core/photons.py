"""From a wave packet to clicks: the photon's path, what each detector sees, and what that makes of the ion.

A `ClickTable` holds, for a grid of ion-cavity couplings, the probability of a click in every gate and time
bin and the state of the ion after it. Each shot takes a random one of its two neighbouring grid points,
weighted so that the mixture is linear in the square of the coupling, as weak emission is; then everything is
a look-up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.signals import Window
from hardware_sim.physics.polarisation import analyser, born
from hardware_sim.physics.raman import Emission
from hardware_sim.properties import NodeProperties

DETECTORS = ("h detector", "v detector")
"""In the order of the ports of the beam splitter: transmitted, reflected."""


def detector_effects(
    properties: NodeProperties, half_angle: float, quarter_angle: float
) -> dict[str, NDArray[np.complex128]]:
    """Return for each detector the effect (2, 2) of its click on a photon that is in the cavity mode.

    Args:
        properties: of the path: escape, transmissions, splitter, detectors.
        half_angle: of the half-wave plate's mount, turns.
        quarter_angle: of the quarter-wave plate's mount, turns.
    """
    ports = analyser(
        half_angle - properties.half_wave_plate_mount,
        quarter_angle - properties.quarter_wave_plate_mount,
        half_retardance=properties.half_wave_plate_retardance,
        quarter_retardance=properties.quarter_wave_plate_retardance,
        transmitted_extinction=properties.splitter_extinction_h,
        reflected_extinction=properties.splitter_extinction_v,
    )
    path = (
        properties.cavity_transmission
        / properties.cavity_loss
        * properties.optics_transmission
        * properties.fibre_coupling
        * properties.path_transmission
    )
    efficiencies = (properties.detector_efficiency_h, properties.detector_efficiency_v)
    return {
        part: path * efficiency * port
        for part, efficiency, port in zip(DETECTORS, efficiencies, ports, strict=True)
    }


@dataclass(frozen=True, slots=True, eq=False)
class ClickTable:
    """What can become of an ion in S1/2 when a photon pulse is played on it.

    Rows are the grid of couplings for an ion in S1/2(-1/2), and once more for one in S1/2(+1/2).

    Attributes:
        couplings: (nodes,) grid of the factor on the ion-cavity coupling, 0 to 1, ascending.
        spans: (windows, bins, 2) part of each time bin in which each gate is open, s from the pulse's start.
        clicked: (rows, windows) probability of a click in each gate.
        arrival: (rows, windows, bins) cumulative distribution of the time of that click.
        after_click: (rows, windows, bins, 2, 2) state of the ion over D5, D3 after it.
        missed: (rows, 2, 2) unnormalised state over D5, D3 if a photon came and no gate saw it.
        left: (rows, 3) probability to be left without a photon in S1/2(-1/2), S1/2(+1/2), or lost.
        amplitude: (rows,) factor on the coherence of S1/2(-1/2) with levels that the pulse does not touch.
    """

    couplings: NDArray[np.float64]
    spans: NDArray[np.float64]
    clicked: NDArray[np.float64]
    arrival: NDArray[np.float64]
    after_click: NDArray[np.complex128]
    missed: NDArray[np.complex128]
    left: NDArray[np.float64]
    amplitude: NDArray[np.complex128]

    def pick(
        self, rng: np.random.Generator, coupling: NDArray[np.float64], spin_up: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Draw for each shot the row (shots,) that stands for its coupling (shots,) and spin (shots,)."""
        upper = np.clip(np.searchsorted(self.couplings, coupling), 1, len(self.couplings) - 1)
        below, above = self.couplings[upper - 1] ** 2, self.couplings[upper] ** 2
        node = upper - (rng.random(len(coupling)) * (above - below) > coupling**2 - below)
        return np.asarray(node + len(self.couplings) * spin_up)

    def draw_times(
        self, rng: np.random.Generator, rows: NDArray[np.int64], windows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Draw when photons click.

        Args:
            rng: source of randomness.
            rows: (clicks,) of the table.
            windows: (clicks,) gates that saw them.

        Returns:
            The time bins (clicks,), and the times from the start of the pulse (clicks,), s.
        """
        count, bins = self.arrival.shape[1:]
        curve = rows * count + windows
        # All curves end to end, each lifted by 2 over the one before: one search serves all clicks.
        lifted = self.arrival.reshape(-1, bins) + 2.0 * np.arange(len(self.arrival) * count)[:, None]
        place = np.searchsorted(lifted.ravel(), 2.0 * curve + rng.random(len(rows)), side="right")
        chosen = np.minimum(place - curve * bins, bins - 1)
        low, high = self.spans[windows, chosen].T
        return chosen, low + rng.random(len(rows)) * (high - low)


def tabulate(
    emission: Emission,
    couplings: NDArray[np.float64],
    windows: Sequence[Window],
    pulse_start: int,
    effects: dict[str, NDArray[np.complex128]],
) -> ClickTable:
    """Work out the click table of one pulse.

    Args:
        emission: the wave packets of all rows.
        couplings: (nodes,) of the first half of the rows, and again of the second.
        windows: gates of the photon detectors, times in ps of the timeline.
        pulse_start: of the pulse, ps of the timeline.
        effects: detector -> effect of its click on a photon in the mode.
    """
    low, high = _open_spans(emission.edges, windows, pulse_start)
    cover = (high - low) / np.diff(emission.edges)
    seen = [
        born(emission.photon, effects[window.part]) * cover[row][:, None, None]
        for row, window in enumerate(windows)
    ]
    shape = (len(emission.ground), 0, cover.shape[1], 2, 2)
    after = np.stack(seen, axis=1) if seen else np.zeros(shape, dtype=np.complex128)
    probability = np.einsum("rwbii->rwb", after).real
    clicked = probability.sum(axis=-1)
    everything = born(emission.photon, np.eye(2, dtype=np.complex128)).sum(axis=1)
    # What is still in the cavity after the ring-down is lost there.
    everything = everything + emission.inside[:, None, None] * np.eye(2) / 2
    return ClickTable(
        couplings,
        np.stack([low, high], axis=-1),
        clicked,
        np.cumsum(probability, axis=-1) / np.maximum(clicked, 1e-300)[..., None],
        after / np.maximum(probability, 1e-300)[..., None, None],
        everything - after.sum(axis=(1, 2)),
        np.stack([emission.ground, emission.other_ground, emission.lost], axis=-1),
        emission.amplitude,
    )


def _open_spans(
    edges: NDArray[np.float64], windows: Sequence[Window], pulse_start: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return from when to when (windows, bins) each gate is open in each bin, s; empty where it is closed."""
    starts = np.array([(window.start - pulse_start) * 1e-12 for window in windows])
    stops = np.array([(window.stop - pulse_start) * 1e-12 for window in windows])
    low = np.maximum(edges[:-1], starts[:, None])
    return low, np.maximum(low, np.minimum(edges[1:], stops[:, None]))
