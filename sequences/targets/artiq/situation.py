"""What a timeline finds on the crate when it begins, as far as that is known before it is played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sequences.targets.artiq.bus import Quiet


@dataclass(frozen=True, slots=True)
class Tone:
    """What was asked of a DDS chip last.

    Attributes:
        frequency: tuning word.
        phase: phase word as it was asked for, not as it is in the chip.
        amplitude: amplitude word, of the last time that the tone was on.
        is_on: whether its switch is closed.
        is_current: whether the chip holds it, with a phase that refers to the present reference.
    """

    frequency: int
    phase: int
    amplitude: int
    is_on: bool = True
    is_current: bool = True

    @property
    def words(self) -> tuple[int, int, int]:
        """What the chip has to hold."""
        return self.frequency, self.phase, self.amplitude


@dataclass(frozen=True, slots=True)
class Situation:
    """Tones, buses and the clock at the start of a timeline.

    Attributes:
        elapsed: machine units since the instant to which phases refer.
        tones: number of our channel -> its tone; unknown where there is none.
        quiet: SPI master or board -> since when it has been free; for long where there is none.
    """

    elapsed: int = 0
    tones: Mapping[int, Tone] = field(default_factory=dict)
    quiet: Mapping[int, Quiet] = field(default_factory=dict)

    def merged(self, other: Situation) -> Situation:
        """Return what is known when either may be the case."""
        tones = {
            number: replace(tone, is_current=tone.is_current and other.tones[number].is_current)
            for number, tone in self.tones.items()
            if number in other.tones
            and (tone.words, tone.is_on) == (other.tones[number].words, other.tones[number].is_on)
        }
        quiet = dict(self.quiet)
        for bus, since in other.quiet.items():
            quiet[bus] = min(quiet.get(bus, since), since, key=lambda quiet: quiet.units)
        return Situation(self.elapsed, tones, quiet)

    def restarted(self, tracking: frozenset[int], *, rested: bool) -> Situation:
        """Return the same with a new instant to which phases refer.

        Args:
            tracking: our channels whose phases refer to it: they have to be set anew when they are used.
            rested: whether there was time enough to program whatever comes next.
        """
        tones = {
            number: replace(tone, is_current=tone.is_current and number not in tracking)
            for number, tone in self.tones.items()
        }
        return Situation(0, tones, {} if rested else self.quiet)
