"""What a timeline means to the ions: illumination, photon pulses and qubit rotations, in order.

Light that makes S1/2 or D5/2 scatter (397 and 854 nm) spoils every coherent process that it overlaps with, so
a stretch in which such light is on is an illumination and nothing else; 866 nm light empties D3/2 and spoils
nothing. What is left of the Raman light forms photon pulses: adjoining stretches between which tones change
in amplitude only, as an envelope does. What is left of the 729 nm light forms rotations: adjoining stretches
between which the tone changes in amplitude and phase only. Raman and 729 nm light that overlap act one after
the other, in the order in which they begin.
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

LONGEST_PULSE: Final = 500_000_000
"""Ps after which Raman light that stays on is another photon pulse: the photon of the first is long gone, and
tables of wave packets must end."""


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
class Segment:
    """A constant part of a rotation: times of the timeline in ps, and the tone."""

    start: int
    stop: int
    tone: Tone


@dataclass(frozen=True, slots=True)
class Rotation:
    """729 nm light over adjoining segments; the tone keeps its frequency."""

    segments: tuple[Segment, ...]

    @property
    def start(self) -> int:
        """Time of the timeline, in ps."""
        return self.segments[0].start


Passage: TypeAlias = Illumination | PhotonPulse | Rotation


def read_passages(stretches: Iterable[Stretch], rests: Iterable[int] = ()) -> tuple[Passage, ...]:
    """Return what happens to the ions, in order of time.

    Args:
        stretches: of light and exposures, in order.
        rests: times (ps) at which the string comes to rest: illuminations are cut there, so that light which
            goes on for longer cools the string that it then is.
    """
    light = tuple(stretches)
    passages: list[Passage] = [
        *_illuminations(light, sorted(rests)),
        *_rotations(light),
        *_photon_pulses(light),
    ]
    return tuple(sorted(passages, key=lambda passage: passage.start))


def _illuminations(stretches: Iterable[Stretch], cuts: Sequence[int]) -> Iterator[Illumination]:
    for stretch in stretches:
        if any(part in stretch.tones for part in SCATTERING) or stretch.exposed is not None:
            yield from map(Illumination, _cut(stretch, cuts))


def _rotations(stretches: Iterable[Stretch]) -> Iterator[Rotation]:
    """Join what is one pulse of 729 nm light; stretches that only other channels cut become one segment."""
    segments: list[Segment] = []
    for stretch in stretches:
        tone = stretch.tones.get(QUBIT)
        if tone is None or _is_spoiled(stretch):
            continue
        last = segments[-1] if segments else None
        if last and (last.stop != stretch.start or last.tone.frequency != tone.frequency):
            yield Rotation(tuple(segments))
            segments, last = [], None
        if last and last.tone == tone:
            segments[-1] = replace(last, stop=stretch.stop)
        else:
            segments.append(Segment(stretch.start, stretch.stop, tone))
    if segments:
        yield Rotation(tuple(segments))


def _photon_pulses(stretches: Iterable[Stretch]) -> Iterator[PhotonPulse]:
    pulse: list[Stretch] = []
    for stretch in stretches:
        if _is_spoiled(stretch) or not any(part in stretch.tones for part in RAMAN):
            continue
        for piece in _cut(stretch, range(stretch.start, stretch.stop, LONGEST_PULSE)):
            if pulse and not _continues(pulse, piece):
                yield PhotonPulse(tuple(pulse))
                pulse = []
            pulse.append(piece)
    if pulse:
        yield PhotonPulse(tuple(pulse))


def _is_spoiled(stretch: Stretch) -> bool:
    return any(part in stretch.tones for part in SPOILING)


def _cut(stretch: Stretch, times: Sequence[int]) -> Iterator[Stretch]:
    """Yield the pieces of a stretch between some times, which are in order."""
    inner = [time for time in times if stretch.start < time < stretch.stop]
    for start, stop in pairwise([stretch.start, *inner, stretch.stop]):
        yield replace(stretch, start=start, stop=stop)


def _continues(before: Sequence[Stretch], after: Stretch) -> bool:
    """Return whether a photon pulse goes on: no gap, not too long, no tone jumps in frequency or phase."""
    if before[-1].stop != after.start or after.stop - before[0].start > LONGEST_PULSE:
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
