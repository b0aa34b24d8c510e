"""From a wave packet to clicks: the photon's path, what each detector sees, and what that makes of the ion.

A `ClickTable` holds, for a grid of ion-cavity couplings, the probability that a detector absorbs the photon
in every time bin in which it is watched, and the state of the ion after that. Each shot takes a random one of
its two neighbouring grid points, weighted so that the mixture is linear in the square of the coupling, as
weak emission is; then everything is a look-up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.path import Element, Path, fibre
from hardware_sim.physics.polarisation import analyser, beam_splitter, born, wave_plate
from hardware_sim.physics.raman import Emission
from hardware_sim.properties import NodeProperties

DETECTORS = ("h detector", "v detector")
"""In the order of the ports of the beam splitter: transmitted, reflected."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A time in which it is decided whether a detector absorbs a photon.

    Attributes:
        part: the detector.
        start: ps, when such a photon would leave the cavity.
        stop: ps.
    """

    part: str
    start: int
    stop: int


def photon_path(properties: NodeProperties) -> Path:
    """Return the way of a photon from the cavity mode to both detectors, without what they differ in."""
    own = properties
    return Path(
        (
            Element("escape", own.cavity_transmission / own.cavity_loss),
            Element("optics", own.optics_transmission),
            Element("fibre coupling", own.fibre_coupling),
            Element("other losses", own.path_transmission),
            Element("conversion", own.conversion_efficiency, noise=own.conversion_noise),
            fibre(own.fibre_length, own.fibre_attenuation, own.fibre_group_index),
            Element("connectors", own.fibre_connectors),
            Element("detector coupling", own.detector_coupling),
        )
    )


def detector_effects(
    properties: NodeProperties, half_angle: float, quarter_angle: float
) -> dict[str, NDArray[np.complex128]]:
    """Return for each detector the effect (2, 2) of its click on a photon that is in the cavity mode.

    Args:
        properties: of the path: escape, transmissions, fibre, splitter, detectors.
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
    passed = photon_path(properties).transmission
    seen = {
        part: passed * efficiency * port
        for part, efficiency, port in zip(DETECTORS, _efficiencies(properties), ports, strict=True)
    }
    return behind_fibre(seen, properties.fibre_retardance, properties.fibre_axis)


def behind_fibre(
    effects: Mapping[str, NDArray[np.complex128]], retardance: float, axis: float
) -> dict[str, NDArray[np.complex128]]:
    """Return what effects (2, 2) of clicks are for photons that pass a birefringent fibre before.

    Args:
        effects: by detector, of photons that come out of the fibre.
        retardance: of the fibre's slow axis, turns.
        axis: fast axis from V towards H, turns.
    """
    if retardance == 0:
        return dict(effects)
    turn = wave_plate(retardance, axis)
    return {part: turn.conj().T @ effect @ turn for part, effect in effects.items()}


def background_rates(properties: NodeProperties) -> dict[str, float]:
    """Return for each detector its counts a second without photons of the ions: dark, and of noisy optics."""
    noise = photon_path(properties).noise
    ports = beam_splitter(properties.splitter_extinction_h, properties.splitter_extinction_v)
    return {
        part: properties.dark_rates[part] + noise * efficiency * float(port.mean())
        for part, efficiency, port in zip(DETECTORS, _efficiencies(properties), ports, strict=True)
    }


def _efficiencies(properties: NodeProperties) -> tuple[float, float]:
    return properties.detector_efficiency_h, properties.detector_efficiency_v


@dataclass(frozen=True, slots=True, eq=False)
class ClickTable:
    """What can become of an ion in S1/2 when a photon pulse is played on it.

    Rows are the grid of couplings for an ion in S1/2(-1/2), and once more for one in S1/2(+1/2).

    Attributes:
        couplings: (nodes,) grid of the factor on the ion-cavity coupling, 0 to 1, ascending.
        spans: (watches, bins, 2) part of each time bin that is watched, s from the pulse's start.
        clicked: (rows, watches) probability that the detector absorbs a photon meanwhile.
        arrival: (rows, watches, bins) cumulative distribution of the time at which that photon was emitted.
        after_click: (rows, watches, bins, 2, 2) state of the ion over D5, D3 after it.
        missed: (rows, 2, 2) unnormalised state over D5, D3 if a photon came and no watched detector took it.
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
        self, rng: np.random.Generator, rows: NDArray[np.int64], watches: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Draw when photons left that are absorbed.

        Args:
            rng: source of randomness.
            rows: (clicks,) of the table.
            watches: (clicks,) in which they are.

        Returns:
            The time bins (clicks,), and the times from the start of the pulse (clicks,), s.
        """
        count, bins = self.arrival.shape[1:]
        curve = rows * count + watches
        # All curves end to end, each lifted by 2 over the one before: one search serves all clicks.
        lifted = self.arrival.reshape(-1, bins) + 2.0 * np.arange(len(self.arrival) * count)[:, None]
        place = np.searchsorted(lifted.ravel(), 2.0 * curve + rng.random(len(rows)), side="right")
        chosen = np.minimum(place - curve * bins, bins - 1)
        low, high = self.spans[watches, chosen].T
        return chosen, low + rng.random(len(rows)) * (high - low)


def tabulate(
    emission: Emission,
    couplings: NDArray[np.float64],
    watches: Sequence[Watch],
    effects: Mapping[str, NDArray[np.complex128]],
) -> ClickTable:
    """Work out the click table of one pulse.

    Args:
        emission: the wave packets of all rows.
        couplings: (nodes,) of the first half of the rows, and again of the second.
        watches: of the detectors, in ps from the start of the pulse.
        effects: detector -> effect of its click on a photon in the mode.
    """
    low, high = _watched_spans(emission.edges, watches)
    cover = (high - low) / np.diff(emission.edges)
    seen = [
        born(emission.photon, effects[watch.part]) * cover[row][:, None, None]
        for row, watch in enumerate(watches)
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


def _watched_spans(
    edges: NDArray[np.float64], watches: Sequence[Watch]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return from when to when (watches, bins) each bin is watched, s; empty where it is not."""
    starts = np.array([watch.start * 1e-12 for watch in watches])
    stops = np.array([watch.stop * 1e-12 for watch in watches])
    low = np.maximum(edges[:-1], starts[:, None])
    return low, np.maximum(low, np.minimum(edges[1:], stops[:, None]))
