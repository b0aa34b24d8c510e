"""One state of the lab that changes with lab time: what has drifted, what has happened, what is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.collisions import draw_kicks, exchange_barrier
from hardware_sim.properties import NodeProperties
from hardware_sim.world.drifts import Drifts
from hardware_sim.world.errors import ImpossibleTime, UnknownEvent
from hardware_sim.world.events import COLLISION, EVENTS, ION_LOSS, NEVER, Event, Occurrence
from hardware_sim.world.melting import collision_heat, melts
from hardware_sim.world.weather import Weather

HIGHEST_PRESSURE: Final = 2.0
"""Of that at the calibration: collisions are drawn for it, and some of them dropped while it is lower."""

STILL: Final = (
    *("diode_wander", "raman_drift", "qubit_drift", "qubit_wander", "cavity_wander", "field_wander"),
    *("raman_power_wander", "qubit_power_wander", "place_drift", "fibre_wander", "pressure_wander"),
    *("ion_loss_rate", "collision_rate", "laser_unlock_rate", "cavity_unlock_rate", "elevator_rate"),
)
"""Properties that are zero where nothing drifts and nothing happens by itself."""


class World:
    """The lab between its instruments and the ions; everything that acts on a shot looks here first.

    Lab time is 0 when the lab is started, and goes on as shots are played. What happens does so by itself, at
    the rates that the properties state, or because it was provoked; both are noted.

    Attributes:
        ions: in the trap.
        heat: mean energy of a mode over Planck's constant, Hz, of a string that a collision has heated; None
            for one as cold as usual.
        molten: whether it is no crystal.
    """

    def __init__(self, properties: NodeProperties, rng: np.random.Generator) -> None:
        self._properties = properties
        drifting, self._rng = rng.spawn(2)
        self._drifts = Drifts(properties, drifting)
        self._loaded = 0
        self.ions = 0
        self.heat: float | None = None
        self.molten = False
        self._held: tuple[float, float] | None = None
        self._provoked: list[tuple[int, Event]] = []
        self._due = {event.name: self._draw(event, 0) for event in EVENTS.values()}
        self._active: dict[str, Occurrence] = {}
        self._story: list[Occurrence] = []

    @classmethod
    def still(cls, properties: NodeProperties) -> Self:
        """Return a lab in which nothing drifts, and nothing happens unless it is provoked."""
        return cls(replace(properties, **dict.fromkeys(STILL, 0.0)), np.random.default_rng(0))

    def load(self, ions: int, now_ps: int, held: tuple[float, float] | None = None) -> None:
        """Note that there is a new string; what had happened to the one before does not matter any more.

        Args:
            ions: how many.
            now_ps: lab time.
            held: axial and lower radial frequency of one ion where the string rests, Hz: how hard it is for
                two ions to change places. Without them, any collision melts a string.
        """
        self.ions = self._loaded = ions
        self.heat, self.molten, self._held = None, False, held
        self._story = [told for told in self._story if told.event not in (ION_LOSS, COLLISION)]
        self._redraw(now_ps)

    def provoke(self, name: str, at: float) -> None:
        """Let something happen.

        Args:
            name: of the event.
            at: lab time, s; a time that has passed means the next shot.

        Raises:
            UnknownEvent: nothing is called so.
            ImpossibleTime: before the lab was started, or never.
        """
        if name not in EVENTS:
            raise UnknownEvent(name, tuple(EVENTS))
        if not 0 <= at < NEVER * 1e-12:
            raise ImpossibleTime(name, at)
        self._provoked.append((round(at * 1e12), EVENTS[name]))
        self._provoked.sort(key=lambda due: due[0])

    def advance(self, now_ps: int, until_ps: int) -> None:
        """Let everything happen that begins before a shot from now on ends; end what is over now.

        A shot in which something happens has it from its start on. What happened by itself and was over
        while nothing was played, as when the trap was loaded, is nobody's business; what was provoked then
        happens now.
        """
        while (due := min(self._next())) < until_ps:
            if self._provoked and self._provoked[0][0] == due:
                self._happen(self._provoked.pop(0)[1], max(due, now_ps))
                continue
            event = self._take(due)
            if not event.lasts or due + event.duration_ps(self._properties) > now_ps:
                self._happen(event, due)
        self._active = {name: told for name, told in self._active.items() if told.until_ps > now_ps}

    def shots_before_change(self, now_ps: int, pitch_ps: int) -> int:
        """Return how many shots, back to back, begin and end in the present state; at least one.

        Args:
            now_ps: lab time when the first one starts, to the end of which `advance` was called.
            pitch_ps: from the start of one to the start of the next one.
        """
        ends = (told.until_ps for told in self._active.values())
        before_next = (min(self._next()) - now_ps) // pitch_ps
        return max(1, min(before_next, -((now_ps - min(ends, default=NEVER)) // pitch_ps)))

    def steady_shots(self, pitch_ps: int) -> int:
        """Return how many shots, `pitch_ps` apart, may share their mean drift; at least one."""
        return max(1, self._drifts.steady_ps // pitch_ps)

    def freeze(self, now_ps: int) -> None:
        """Note that the string is a crystal again, and as cold as usual."""
        self.heat, self.molten = None, False
        for told in self._story:
            if told.event is COLLISION:
                told.until_ps = min(told.until_ps, now_ps)

    def weather(self, clock_ps: NDArray[np.int64]) -> Weather:
        """Return the slow quantities for shots that start at some lab times (shots,), as things are now."""
        slow = self._drifts.at(np.asarray(clock_ps, dtype=np.float64) * 1e-12)
        for told in self._active.values():
            slow[told.event.shifts] = slow[told.event.shifts] + told.shift
        return Weather(**slow)

    def notes(self, now_ps: int) -> list[str]:
        """Return what has happened, or was still going on, since the last time; one line each."""
        lines = [str(told) for told in self._story]
        self._story = [told for told in self._story if told.until_ps > now_ps]
        return lines

    def state(self, now_ps: int) -> Mapping[str, tuple[float, str]]:
        """Return what is true now: name -> value and unit."""
        weather = self.weather(np.array([now_ps]))
        locked = {name: float(name not in self._active) for name in EVENTS if name.endswith("unlock")}
        return {
            "lab time": (now_ps * 1e-12, "s"),
            "ions": (float(self.ions), ""),
            "crystal": (float(not self.molten), ""),
            **{f"{name.removesuffix(' unlock')} locked": (is_so, "") for name, is_so in locked.items()},
            "397 offset": (float(weather.cooling[0]), "Hz"),
            "866 offset": (float(weather.repump[0]), "Hz"),
            "854 offset": (float(weather.quench[0]), "Hz"),
            "393 offset": (float(weather.raman[0]), "Hz"),
            "729 offset": (float(weather.qubit[0]), "Hz"),
            "cavity offset": (float(weather.cavity[0]), "Hz"),
            "field offset": (float(weather.field[0]), "T"),
            "393 power": (float(weather.raman_power[0]), ""),
            "729 power": (float(weather.qubit_power[0]), ""),
            "cavity place": (float(weather.cavity_place[0]), "m"),
            "fibre retardance": (float(weather.fibre[0]), "turn"),
            "pressure": (self._drifts.pressure(now_ps * 1e-12), ""),
        }

    def _next(self) -> list[int]:
        """Return when everything is due that is still to come."""
        return [*self._due.values(), *(at for at, _ in self._provoked[:1])]

    def _take(self, due: int) -> Event:
        """Return what happens by itself at a time, and draw when it does so again."""
        name = next(name for name, at in self._due.items() if at == due)
        event = EVENTS[name]
        self._due[name] = self._draw(event, due)
        if event is COLLISION and self._rng.random() > self._drifts.pressure(due * 1e-12) / HIGHEST_PRESSURE:
            return _NOTHING
        return event

    def _happen(self, event: Event, at_ps: int) -> None:
        if event is _NOTHING or (event.each_ion and self.ions == 0):
            return
        told = Occurrence(event, at_ps, NEVER)
        if event is ION_LOSS:
            self.ions -= 1
            told.left = (self.ions, self._loaded)
            self._redraw(at_ps)
        elif event is COLLISION:
            kick = float(draw_kicks(self._rng, 1)[0])
            self.heat = (self.heat or 0.0) + collision_heat(kick, self.ions)
            told.melted = self.molten = self.molten or melts(self.heat, self.ions, self._barrier())
        else:
            side = float(self._rng.choice((-1.0, 1.0))) if event.either_side else 1.0
            told.shift = side * event.shift(self._properties)
            told.until_ps = at_ps + event.duration_ps(self._properties)
            self._active[event.name] = told
        self._story.append(told)

    def _barrier(self) -> float:
        """Return the energy (J) at which two ions of the string change places."""
        return exchange_barrier(self.ions, *self._held) if self._held and self.ions > 1 else 0.0

    def _redraw(self, now_ps: int) -> None:
        """Draw anew what depends on how many ions there are; nothing of it remembers how long it waits."""
        for event in EVENTS.values():
            if event.each_ion:
                self._due[event.name] = self._draw(event, now_ps)

    def _draw(self, event: Event, now_ps: int) -> int:
        """Return when something happens next by itself, ps."""
        rate = event.rate_of(self._properties, self.ions) * (HIGHEST_PRESSURE if event is COLLISION else 1.0)
        waits = float(self._rng.standard_exponential())
        return now_ps + round(1e12 * waits / rate) if waits * 1e12 < rate * NEVER / 2 else NEVER


_NOTHING: Final = Event("nothing", "", "")
"""What a collision is that the pressure was too low for."""
