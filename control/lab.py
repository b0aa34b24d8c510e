"""The seam to a lab: a plug-in that plays programs, named in the setup file.

This room knows a lab by this protocol alone; the simulated one is named in a setup file, never imported.
"""

from __future__ import annotations

import importlib
import math
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from control.errors import ConfigError, nearest
from sequences.errors import UnitError
from sequences.units import parse

if TYPE_CHECKING:
    from data import Record
    from sequences.program import Program
    from sequences.target import Target


STREAM = " stream"
"""What the name of an instrument's second line ends with."""


class Lab(Protocol):
    """A timing core with the lab behind it, open and ready."""

    @property
    def resources(self) -> Mapping[str, str]:
        """Resource of the setup file -> address to connect to, for simulated instruments; else empty.

        That of an instrument's second line has the name of its resource with `STREAM` behind it.
        """

    def load(self, ions: int) -> None:
        """Make a string of that many ions, with the instruments set as they are now."""

    def play(self, program: Program, shots: int) -> Record:
        """Play a program so many times, with the instruments set as they are now."""

    def close(self) -> None:
        """Stop everything that was started."""


@runtime_checkable
class EventfulLab(Protocol):
    """A lab to which something can be made to happen; not every lab can."""

    @property
    def events(self) -> Sequence[str]:
        """What can be made to happen."""

    def provoke(self, event: str, at: float) -> None:
        """Let an event happen at a lab time, s since the lab was opened."""


@runtime_checkable
class PacedLab(Protocol):
    """A lab whose time is made; not every lab's is."""

    def run_at(self, pace: float) -> None:
        """Let lab time run at most so many times as fast as the wall's; infinity for no limit."""

    def catch_up(self) -> None:
        """Wait until the wall has caught up with lab time."""


class RunningBench(Protocol):
    """Simulated instruments without the core of their lab: to be looked at, set, and made to fail."""

    @property
    def resources(self) -> Mapping[str, str]:
        """Resource of the setup file -> address to connect to, as for `Lab`."""

    @property
    def control(self) -> str:
        """Host and port where faults are provoked."""

    @property
    def stopped(self) -> threading.Event:
        """Set when somebody has asked the bench to stop."""

    def close(self) -> None:
        """Stop all instruments."""


@runtime_checkable
class BenchPlugin(Protocol):
    """A lab plug-in that can start its simulated instruments alone; not every plug-in can."""

    def start_bench(self, tables: Mapping[str, Any], seed: int, speed: float) -> RunningBench:
        """Start the instruments.

        Args:
            tables: of the setup file.
            seed: of their imperfections.
            speed: lab seconds per second.
        """


@runtime_checkable
class ChoosyPlugin(Protocol):
    """A lab plug-in that cannot play in every setup that is in order; most can."""

    def unplayable(self, tables: Mapping[str, Any]) -> Sequence[str]:
        """Return what in a setup file keeps programs from being played, one line each, key path first.

        Instruments can be looked at and set in spite of it.
        """


class LabPlugin(Protocol):
    """The class that a setup file names under ``core.lab``."""

    def open(self, tables: Mapping[str, Any], target: Target, seed: int) -> Lab:
        """Return a running lab.

        Args:
            tables: of the setup file.
            target: the channels that programs are compiled for.
            seed: the same seed gives the same clicks.
        """

    def problems(self, tables: Mapping[str, Any]) -> Sequence[str]:
        """Return what is wrong with the plug-in's part of a setup file, one line each, key path first.

        Tables may be malformed; that is told elsewhere, so it is enough to pass over what is.
        """


def find_plugin(name: str) -> LabPlugin:
    """Import a plug-in.

    Args:
        name: ``module:class``.

    Raises:
        ConfigError: it cannot be imported, or has not what a lab plug-in has.
    """
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise ConfigError((f"{name!r} does not name a lab; write 'module:class'",))
    try:
        plugin = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        advice = "is the package installed in this environment?"
        raise ConfigError((f"the lab {name!r} cannot be imported ({error}); {advice}",)) from error
    if not (callable(getattr(plugin, "open", None)) and callable(getattr(plugin, "problems", None))):
        raise ConfigError((f"{name!r} is no lab: it needs the functions open() and problems()",))
    return cast(LabPlugin, plugin)


FASTEST = "fastest"
"""The pace of a lab that waits for nothing."""


def read_pace(text: str) -> float:
    """Return how many times as fast as the wall's a lab's time shall run at most.

    Args:
        text: a number above 0, or ``fastest``.

    Raises:
        ConfigError: it is neither.

    Example:
        >>> read_pace("10"), read_pace("fastest")
        (10.0, inf)
    """
    try:
        pace = math.inf if text == FASTEST else float(text)
    except ValueError:
        pace = math.nan
    if not pace > 0:
        advice = f"write {FASTEST}, 1 for real time, or another number above 0"
        raise ConfigError((f"pace {text!r} is not how fast time can run: {advice}",))
    return pace


def set_pace(lab: Lab, pace: float) -> None:
    """Let the time of a lab run at most so many times as fast as the wall's.

    Raises:
        ConfigError: it has no time of its own.
    """
    if isinstance(lab, PacedLab):
        lab.run_at(pace)
    elif not math.isinf(pace):
        told = f"this lab ({type(lab).__name__}) has no time of its own that could run at a pace of {pace:g}"
        raise ConfigError((f"{told}: leave the pace out",))


def catch_up(lab: Lab) -> None:
    """Wait until the wall has caught up with the time of a lab, if that is made."""
    if isinstance(lab, PacedLab):
        lab.catch_up()


def provoke(lab: Lab, wishes: Sequence[str]) -> None:
    """Make things happen to a lab.

    Args:
        lab: open.
        wishes: each as ``event @ lab time``: ``"ion loss @ 2 s"``.

    Raises:
        ConfigError: the lab cannot, or does not know an event, or a wish cannot be read; all at once.
    """
    if not wishes:
        return
    if not isinstance(lab, EventfulLab):
        told = f"nothing can be provoked in this lab ({type(lab).__name__})"
        raise ConfigError((f"{told}: what happens there happens by itself",))
    read = [_read_wish(wish, lab.events) for wish in wishes]
    problems = tuple(found for found in read if isinstance(found, str))
    if problems:
        raise ConfigError(problems)
    for event, at in (found for found in read if not isinstance(found, str)):
        lab.provoke(event, at)


def _read_wish(wish: str, events: Sequence[str]) -> tuple[str, float] | str:
    """Return an event and its lab time (s), or what is wrong with the text of both."""
    event, separator, time = (part.strip() for part in wish.partition("@"))
    if not (event and separator and time):
        return f"provoke {wish!r}: write what happens and when, as in '{events[0]} @ 2 s'"
    if event not in events:
        return f"provoke {wish!r}: this lab has no event {event!r}. {nearest(event, events)}"
    try:
        at = parse(time, "s")
    except UnitError as error:
        return f"provoke {wish!r}: {error}"
    if not 0 <= at < math.inf:
        return f"provoke {wish!r}: {time} is no time of the lab: give one from 0 s on, when it is opened"
    return event, at
