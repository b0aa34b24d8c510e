"""A timeline becomes events of the RTIO core of a Kasli."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sequences.errors import Source, raise_together
from sequences.targets.artiq.bus import Quiet
from sequences.targets.artiq.devices import EdgeCounter, Fastino, TtlInput, TtlOut, Urukul, Zotino
from sequences.targets.artiq.edge_counter import lower_edge_counter
from sequences.targets.artiq.events import RtioEvents
from sequences.targets.artiq.fastino import lower_fastino
from sequences.targets.artiq.kasli import Kasli
from sequences.targets.artiq.situation import Situation, Tone
from sequences.targets.artiq.ttl import lower_ttl
from sequences.targets.artiq.ttl_input import lower_ttl_input
from sequences.targets.artiq.urukul import Change, lower_urukul
from sequences.targets.artiq.writes import Problems, Writes, split_by_channel
from sequences.targets.artiq.zotino import lower_zotino
from sequences.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Lowered:
    """What became of a timeline.

    Attributes:
        events: to submit, in this order.
        after: what the next timeline finds.
        tracked: changes of tones whose phases refer to the clock.
    """

    events: RtioEvents
    after: Situation
    tracked: tuple[Change, ...]

    @property
    def busy(self) -> int:
        """Machine units from the start until no bus is in use any more."""
        return max(0, *(self.events.duration - since.units for since in self.after.quiet.values()), 0)


def lower_timeline(
    timeline: Timeline,
    kasli: Kasli,
    situation: Situation | None = None,
    sources: tuple[Source, ...] = (),
) -> Lowered:
    """Return the events of a timeline.

    Tones and voltages are programmed before the time at which they take effect; what comes first in a
    timeline therefore has events before its start, unless `situation` says that the bus was busy.

    Args:
        timeline: for the crate's target.
        kasli: the crate.
        situation: at the start; by default nothing is known, and there is time to program.
        sources: the program's table, for errors.

    Raises:
        ProgrammingError: two changes are too close for their bus.
        UnknownToneError: a part of a tone is changed and the rest is not known.
        LimitError: a value that the hardware does not have.
        CompileError: several of these.
    """
    problems = Problems(sources, kasli.ref_period)
    lowered = lower_rows(timeline, kasli, situation or Situation(), problems)
    raise_together(problems.found)
    return lowered


def lower_rows(timeline: Timeline, kasli: Kasli, situation: Situation, problems: Problems) -> Lowered:
    """Return the events of a timeline, and tell its problems instead of raising them."""
    parts: list[RtioEvents] = []
    tones: dict[int, Tone] = {}
    busy: dict[int, Quiet | None] = {}
    tracked: list[Change] = []
    urukuls, zotinos, fastinos = _boards(), _boards(), _boards()
    for writes in split_by_channel(timeline, kasli.target, kasli.units_per_tick):
        match kasli.by_number[writes.channel.number]:
            case TtlOut() as line:
                parts.append(lower_ttl(line, writes, problems))
            case TtlInput() as line:
                parts.append(lower_ttl_input(line, writes))
            case EdgeCounter() as counter:
                parts.append(lower_edge_counter(counter, writes))
            case Urukul() as chip:
                urukuls[chip.spi].append((chip, writes))
            case Zotino() as output:
                zotinos[output.spi].append((output, writes))
            case Fastino() as output:
                fastinos[output.channel].append((output, writes))
    for spi, chips in urukuls.items():
        board = lower_urukul(chips, situation, kasli.target, problems)
        parts.append(board.events)
        tones |= board.tones
        tracked += board.tracked
        busy[spi] = board.busy
    for spi, outputs in zotinos.items():
        events, busy[spi] = lower_zotino(outputs, situation, kasli.target, problems)
        parts.append(events)
    for number, outputs in fastinos.items():
        events, busy[number] = lower_fastino(outputs, situation, kasli.target, problems)
        parts.append(events)
    duration = timeline.duration * kasli.units_per_tick
    after = _after(situation, duration, tones, busy)
    return Lowered(RtioEvents.joined(duration, parts), after, tuple(tracked))


def _boards() -> defaultdict[int, list[tuple[Any, Writes]]]:
    """Return an empty table: RTIO channel of a board -> its channels of ours."""
    return defaultdict(list)


def _after(
    situation: Situation, duration: int, tones: Mapping[int, Tone], busy: Mapping[int, Quiet | None]
) -> Situation:
    """Return what the next timeline finds."""
    quiet = {bus: Quiet(since.units + duration, since.source) for bus, since in situation.quiet.items()}
    quiet |= {bus: Quiet(duration - last.units, last.source) for bus, last in busy.items() if last}
    return Situation(situation.elapsed + duration, {**situation.tones, **tones}, quiet)
