"""What a timeline means to the ions: illumination, photon pulses and qubit rotations, in order.

Light that makes S1/2 or D5/2 scatter (397 and 854 nm) spoils every coherent process that it overlaps with, so
a stretch in which such light is on is an illumination and nothing else; 866 nm light empties D3/2 and spoils
nothing. What is left of the Raman light forms photon pulses: adjoining stretches between which tones change
in amplitude only. What is left of the 729 nm light forms rotations. Raman and 729 nm light that overlap act
one after the other, in the order in which they begin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, TypeAlias

from hardware_sim.core.signals import Stretch, Tone

SPOILING: Final = ("doppler beam", "pumping beam", "quench beam")
SCATTERING: Final = (*SPOILING, "repump beam")
RAMAN: Final = ("raman v tone", "raman h tone")
QUBIT: Final = "qubit beam"


@dataclass(frozen=True, slots=True)
class Illumination:
    """Scattering light, or an exposure of the camera, over one stretch."""

    stretch: Stretch

    @property
    def start(self) -> int:
        """Time of the timeline, in ps."""
        return self.stretch.start


@dataclass(frozen=True, slots=True)
class PhotonPulse:
    """Raman light over adjoining stretches; each tone keeps its frequency and phase."""

    stretches: tuple[Stretch, ...]

    @property
    def start(self) -> int:
        """Time of the timeline, in ps."""
        return self.stretches[0].start


@dataclass(frozen=True, slots=True)
class Rotation:
    """729 nm light over one stretch."""

    start: int
    stop: int
    tone: Tone


Passage: TypeAlias = Illumination | PhotonPulse | Rotation


def read_passages(stretches: Iterable[Stretch], rests: Iterable[int] = ()) -> tuple[Passage, ...]:
    """Return what happens to the ions, in order of time.

    Args:
        stretches: of light and exposures, in order.
        rests: times (ps) at which the string comes to rest: illuminations are cut there, so that light which
            goes on for longer cools the string that it then is.
    """
    passages: list[Passage] = []
    raman: list[Stretch] = []
    cuts = sorted(rests)
    for stretch in stretches:
        spoiled = any(part in stretch.tones for part in SPOILING)
        driven = not spoiled and any(part in stretch.tones for part in RAMAN)
        if raman and not (driven and _continues(raman, stretch)):
            passages.append(PhotonPulse(tuple(raman)))
            raman = []
        if any(part in stretch.tones for part in SCATTERING) or stretch.exposed is not None:
            passages.extend(Illumination(piece) for piece in _cut(stretch, cuts))
        if driven:
            raman.append(stretch)
        if not spoiled and QUBIT in stretch.tones:
            passages.append(Rotation(stretch.start, stretch.stop, stretch.tones[QUBIT]))
    if raman:
        passages.append(PhotonPulse(tuple(raman)))
    return tuple(sorted(passages, key=lambda passage: passage.start))


def _cut(stretch: Stretch, times: Sequence[int]) -> Iterator[Stretch]:
    """Yield the pieces of a stretch between some times, which are in order."""
    inner = [time for time in times if stretch.start < time < stretch.stop]
    for start, stop in pairwise([stretch.start, *inner, stretch.stop]):
        yield replace(stretch, start=start, stop=stop)


def _continues(before: Sequence[Stretch], after: Stretch) -> bool:
    """Return whether a photon pulse goes on: no gap, and no tone jumps in frequency or phase."""
    if before[-1].stop != after.start:
        return False
    started = running_tones(before)
    return all(
        (tone.frequency, tone.phase) == (started[part].frequency, started[part].phase)
        for part, tone in after.tones.items()
        if part in started
    )


def running_tones(stretches: Iterable[Stretch]) -> dict[str, Tone]:
    """Return the Raman tones that are on at any time of a pulse, as they are first seen.

    A tone that is gated off runs on in the dark: its phase counts from the start of the core's clock.
    """
    found: dict[str, Tone] = {}
    for stretch in stretches:
        for part in RAMAN:
            if part in stretch.tones:
                found.setdefault(part, stretch.tones[part])
    return found
