"""What a timeline means to the ions: illumination, photon pulses and qubit rotations, in order.

Light that makes S1/2 or D5/2 scatter (397 and 854 nm) spoils every coherent process that it overlaps with, so
a stretch in which such light is on is an illumination and nothing else; 866 nm light empties D3/2 and spoils
nothing. What is left of the Raman light forms photon pulses: adjoining stretches between which tones change
in amplitude only, as an envelope does. What is left of the 729 nm light forms rotations: adjoining stretches
between which the tone changes in amplitude and phase only. The two tones of the entangling light are one
gate over adjoining stretches in which each of them changes in amplitude only, and their deflectors do not.
Raman light, 729 nm light and gates that overlap act one after the other, in the order in which they begin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, TypeAlias

from hardware_sim.core.signals import Stretch, Tone

SPOILING: Final = ("doppler beam", "pumping beam", "quench beam")
SCATTERING: Final = (*SPOILING, "repump beam")
RAMAN: Final = ("raman v tone", "raman h tone")
QUBIT: Final = "qubit beam"
GATE: Final = ("gate red tone", "gate blue tone")
DEFLECTORS: Final = ("qubit deflector a", "qubit deflector b")

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

    @property
    def duration(self) -> float:
        """Seconds."""
        return (self.stop - self.start) * 1e-12


@dataclass(frozen=True, slots=True)
class Rotation:
    """729 nm light over adjoining segments; the tone keeps its frequency.

    Attributes:
        segments: in order.
        spots: tones of the deflectors that the light goes through; None for light on the whole string.
    """

    segments: tuple[Segment, ...]
    spots: tuple[Tone, ...] | None = None

    @property
    def start(self) -> int:
        """Time of the timeline, in ps."""
        return self.segments[0].start

    @property
    def middle(self) -> int:
        """Time of the timeline, in ps, half way through."""
        return (self.start + self.segments[-1].stop) // 2


@dataclass(frozen=True, slots=True)
class Gate:
    """Light of the two tones of the entangling beam; each tone keeps its frequency and phase."""

    stretches: tuple[Stretch, ...]

    @property
    def start(self) -> int:
        """Time of the timeline, in ps."""
        return self.stretches[0].start

    @property
    def middle(self) -> int:
        """Time of the timeline, in ps, half way through."""
        return (self.start + self.stretches[-1].stop) // 2


Passage: TypeAlias = Illumination | PhotonPulse | Rotation | Gate


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
        *map(PhotonPulse, _pulses(light, RAMAN, longest=LONGEST_PULSE)),
        *map(Gate, _pulses(light, GATE, DEFLECTORS)),
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


def _pulses(
    stretches: Iterable[Stretch], parts: Sequence[str], steady: Sequence[str] = (), longest: int | None = None
) -> Iterator[tuple[Stretch, ...]]:
    """Yield adjoining stretches in which light is on that is one pulse.

    Args:
        stretches: in order.
        parts: of which one at least is on; none jumps in frequency or phase.
        steady: parts that do not change in anything.
        longest: ps after which it is another pulse.
    """
    pulse: list[Stretch] = []
    running: dict[str, Tone] = {}
    for stretch in stretches:
        if _is_spoiled(stretch) or not any(part in stretch.tones for part in parts):
            continue
        for piece in _cut(stretch, range(stretch.start, stretch.stop, longest) if longest else ()):
            goes_on = pulse and pulse[-1].stop == piece.start and _keeps_tones(running, piece)
            goes_on = goes_on and _tones_of(pulse[-1], steady) == _tones_of(piece, steady)
            if pulse and not (goes_on and (longest is None or piece.stop - pulse[0].start <= longest)):
                yield tuple(pulse)
                pulse, running = [], {}
            pulse.append(piece)
            running = _tones_of(piece, parts) | running
    if pulse:
        yield tuple(pulse)


def _tones_of(stretch: Stretch, parts: Sequence[str]) -> dict[str, Tone]:
    return {part: stretch.tones[part] for part in parts if part in stretch.tones}


def _keeps_tones(running: Mapping[str, Tone], after: Stretch) -> bool:
    """Return whether no running tone jumps in frequency or phase."""
    return all(
        (after.tones[part].frequency, after.tones[part].phase) == (tone.frequency, tone.phase)
        for part, tone in running.items()
        if part in after.tones
    )


def _is_spoiled(stretch: Stretch) -> bool:
    return any(part in stretch.tones for part in SPOILING)


def _cut(stretch: Stretch, times: Sequence[int]) -> Iterator[Stretch]:
    """Yield the pieces of a stretch between some times, which are in order."""
    inner = [time for time in times if stretch.start < time < stretch.stop]
    for start, stop in pairwise([stretch.start, *inner, stretch.stop]):
        yield replace(stretch, start=start, stop=stop)


def running_tones(stretches: Iterable[Stretch], parts: Sequence[str] = RAMAN) -> dict[str, Tone]:
    """Return the tones of some parts that are on at any time of a pulse, as they are first seen.

    A tone that is gated off runs on in the dark: its phase counts from the start of the core's clock.
    """
    found: dict[str, Tone] = {}
    for stretch in stretches:
        for part in parts:
            if part in stretch.tones:
                found.setdefault(part, stretch.tones[part])
    return found
