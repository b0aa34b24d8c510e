"""What a view draws: one picture, or several above each other on one axis, with what differs marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sequences.picture import Change, Deviation, Fold, Picture, deviation_text


@dataclass(frozen=True, slots=True)
class Tint:
    """A place of a picture that is marked as different.

    Attributes:
        channel: name of the row; empty for a loop or a mark.
        start: s.
        stop: s.
        change: how it differs.
        text: what differs, for people.
    """

    channel: str
    start: float
    stop: float
    change: Change
    text: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture with its heading.

    Attributes:
        title: what it shows.
        subtitle: more about it, smaller.
        picture: of a program.
        tints: places that are marked.
    """

    title: str
    subtitle: str
    picture: Picture
    tints: tuple[Tint, ...] = ()

    def tint_of(self, fold: Fold) -> Tint | None:
        """Return the mark of a loop or branch that differs in more than its place."""
        return next((tint for tint in self.tints if _marks(tint, fold)), None)


def _marks(tint: Tint, fold: Fold) -> bool:
    here = not tint.channel and (tint.start, tint.stop) == (fold.start, fold.stop)
    return here and tint.change is not Change.MOVED


def tint(deviations: Sequence[Deviation], *, after: bool) -> tuple[Tint, ...]:
    """Return the marks of one of two pictures that were compared.

    Args:
        deviations: between them.
        after: of the second picture, else of the first.
    """
    tints = []
    for deviation in deviations:
        thing = deviation.after if after else deviation.before
        if thing is not None:
            text = f"{deviation.change}: {deviation_text(deviation)}"
            tints.append(Tint(thing.channel, thing.start, thing.stop, deviation.change, text))
    return tuple(tints)
