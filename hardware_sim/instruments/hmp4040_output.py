"""What an output of a power supply drives through a coil, a resistor or an oven, and how hot the oven gets.

Everything here is frozen and a pure function of time, so that the lab world may ask at any time.

Source: first-order circuits (R and L in series) and first-order heating; crossover from constant voltage to
constant current of a supply that gives current but takes none, as the R&S HMP4040.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

OPEN_CIRCUIT = 1e9  # ohm


@dataclass(frozen=True, slots=True)
class Load:
    """What hangs on an output; its resistance does not change with temperature.

    Attributes:
        resistance: In ohm.
        inductance: In H.
        heating: Steady temperature rise per power in K/W; 0 for what does not get warm.
        lag: Time constant of the temperature in s.
        ambient: Temperature without power in degC.
    """

    resistance: float
    inductance: float = 0.0
    heating: float = 0.0
    lag: float = 60.0
    ambient: float = 22.0

    @property
    def time_constant(self) -> float:
        """Time constant of the current in s."""
        return self.inductance / self.resistance


@dataclass(frozen=True, slots=True)
class Drive:
    """An output since its last change.

    Attributes:
        load: What hangs on it.
        on: Whether it is switched on.
        voltage: Set voltage in V.
        limit: Largest current in A that it gives: the set current, or less by the power that it has.
        since: Lab time of the last change in s.
        initial_current: Current at the last change in A.
        initial_temperature: Temperature of the load at the last change in degC.

    Example:
        >>> coil = Drive(Load(2.0, inductance=0.2), True, voltage=10.0, limit=3.0, since=0.0)
        >>> coil.current(0.05) < 3.0, coil.terminal_voltage(0.05), coil.limited(0.05)
        (True, 10.0, False)
        >>> coil.current(1.0), coil.terminal_voltage(1.0), coil.limited(1.0)
        (3.0, 6.0, True)
    """

    load: Load
    on: bool
    voltage: float
    limit: float
    since: float = -math.inf
    initial_current: float = 0.0
    initial_temperature: float = 22.0

    @property
    def free_current(self) -> float:
        """Current in A that the set voltage alone would drive, after a long time."""
        return self.voltage / self.load.resistance if self.on else 0.0

    @property
    def final_current(self) -> float:
        """Current in A after a long time."""
        return min(self.free_current, self.limit)

    def current(self, now: float) -> float:
        """Return the current in A at lab time ``now`` (s)."""
        start, final = self.initial_current, self.final_current
        if start <= final:
            return min(final, self._approach(self.free_current, now))
        # Above its current limit the supply gives no voltage until the current has fallen to it.
        asymptote = self.free_current if self.free_current <= self.limit else 0.0
        return max(final, self._approach(asymptote, now))

    def limited(self, now: float) -> bool:
        """Whether the output is in constant current at lab time ``now`` (s)."""
        return self.on and self.free_current > self.limit and self.current(now) >= self.limit

    def limited_from(self) -> float:
        """Return the lab time in s at which constant current begins, infinite if it never does."""
        if not self.on or self.free_current <= self.limit:
            return math.inf
        if self.initial_current >= self.limit or not self.load.inductance:
            return self.since
        left = (self.free_current - self.limit) / (self.free_current - self.initial_current)
        return self.since - self.load.time_constant * math.log(left)

    def terminal_voltage(self, now: float) -> float:
        """Return the voltage in V between the terminals at lab time ``now`` (s)."""
        if not self.on:
            return 0.0
        if self.limited(now):
            return 0.0 if self.current(now) > self.limit else self.limit * self.load.resistance
        return self.voltage

    def temperature(self, now: float) -> float:
        """Return the temperature of the load in degC at lab time ``now`` (s)."""
        load = self.load
        final = load.ambient + load.heating * self.final_current**2 * load.resistance
        elapsed = max(now - self.since, 0.0)
        return final + (self.initial_temperature - final) * math.exp(-elapsed / load.lag)

    def changed(
        self,
        now: float,
        on: bool | None = None,
        voltage: float | None = None,
        limit: float | None = None,
        load: Load | None = None,
    ) -> Drive:
        """Return the output after a change at lab time ``now`` (s); what is None stays."""
        load = self.load if load is None else load
        return replace(
            self,
            load=load,
            on=self.on if on is None else on,
            voltage=self.voltage if voltage is None else voltage,
            limit=self.limit if limit is None else limit,
            since=now,
            initial_current=self.current(now) if load.inductance else 0.0,
            initial_temperature=self.temperature(now),
        )

    def _approach(self, asymptote: float, now: float) -> float:
        constant = self.load.time_constant
        elapsed = max(now - self.since, 0.0)
        if not constant:
            return asymptote
        return asymptote + (self.initial_current - asymptote) * math.exp(-elapsed / constant)
