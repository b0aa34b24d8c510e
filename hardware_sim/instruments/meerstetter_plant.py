"""What a temperature controller controls: an object on a thermoelectric cooler, and the loop around it.

The object is a first-order plant with a dead time: one heat capacity, one conductance to the sink, and
heat that the cooler's current pumps and dissipates. A PID regulator with limited output holds its
temperature. The state is integrated when somebody asks, in steps that are short against everything in it.

Source: the heat balance of a thermoelectric cooler is textbook physics (pumped heat proportional to the
current, half of its Joule heat into the object); the numbers of `PlantSpecification` are ASSUMED, those of a
small cavity or crystal mount. Gain in percent of the full output for each kelvin, as Meerstetter counts it.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

STEP = 0.1  # s; a three-hundredth of the plant's time constant
# Of unobserved time only the last hour is integrated: by then a loop has settled, or swings for ever.
LONGEST_GAP = 3600.0  # s
REST = 1e-7  # K; changes over `REST_STEPS` that are smaller than this are none
REST_STEPS = 100


@dataclass(frozen=True, slots=True)
class PlantSpecification:
    """The object, its cooler and its surroundings.

    Attributes:
        heat_capacity: Of the object in J/K.
        conductance: From the sink to the object in W/K.
        pumping: Heat into the object for each ampere in W/A; positive current heats.
        resistance: Of the cooler in ohm.
        seebeck: Voltage of the cooler for each kelvin from sink to object in V/K.
        dead_time: From current to sensor in s.
        sink_resistance: From the sink to the air in K/W.
        ambient: Temperature of the air in degC.
    """

    heat_capacity: float = 15.0
    conductance: float = 0.5
    pumping: float = 6.0
    resistance: float = 2.0
    seebeck: float = 0.02
    dead_time: float = 1.0
    sink_resistance: float = 0.5
    ambient: float = 22.0

    def sink(self, current: float) -> float:
        """Return the temperature of the sink in degC at a current (A)."""
        return self.ambient + self.sink_resistance * self.resistance * current**2

    def heating(self, temperature: float, current: float) -> float:
        """Return the heat into the object in W at its temperature (degC) and a current (A)."""
        joule = 0.5 * self.resistance * current**2
        return self.conductance * (self.sink(current) - temperature) + self.pumping * current + joule

    def holding_current(self, temperature: float) -> float:
        """Return the current in A that holds the object at a temperature (degC).

        Example:
            >>> plant = PlantSpecification()
            >>> abs(plant.heating(30.0, plant.holding_current(30.0))) < 1e-12
            True
        """
        squared = self.resistance * (0.5 + self.conductance * self.sink_resistance)
        lack = self.conductance * (self.ambient - temperature)
        # The root near zero of the quadratic balance; beyond the cooler's reach, its best.
        root = max(self.pumping**2 - 4.0 * squared * lack, 0.0)
        return (math.sqrt(root) - self.pumping) / (2.0 * squared)


@dataclass(frozen=True, slots=True)
class Regulation:
    """What the regulator is told to do.

    Attributes:
        on: Whether the output stage is on.
        target: Temperature to reach in degC.
        ramp: How fast the nominal temperature approaches the target in K/s.
        gain: In percent of the full output for each kelvin.
        integral_time: In s; 0 switches the integral off.
        derivative_time: In s.
        current_limit: The full output in A.
    """

    on: bool
    target: float
    ramp: float
    gain: float
    integral_time: float
    derivative_time: float
    current_limit: float


class ThermalLoop:
    """An object, its cooler and its regulator.

    Attributes:
        specification: The object and its surroundings.
        temperature: Of the object in degC, as the sensor sees it.
        nominal: Temperature that the regulator aims at now in degC; it ramps to the target.
        current: Through the cooler in A.
        output: Of the regulator in percent.
        near_since: Lab time in s since when the object is near its target; inf while it is not.
    """

    def __init__(self, specification: PlantSpecification, regulation: Regulation) -> None:
        """Start at rest, as after a long time of regulation.

        Args:
            specification: The object and its surroundings.
            regulation: What the regulator was told.
        """
        self.specification = specification
        self.temperature = regulation.target if regulation.on else specification.ambient
        self.nominal = regulation.target
        self.current = specification.holding_current(self.temperature) if regulation.on else 0.0
        self.output = self._integral = 100.0 * self.current / regulation.current_limit
        self.near_since = -math.inf if regulation.on else math.inf
        self._origin, self._done = math.nan, 0  # lab time of the first step, once told, and steps since
        delay = max(round(specification.dead_time / STEP), 1)
        self._pipe = deque([self.current] * delay, maxlen=delay)

    def advance(self, now: float, regulation: Regulation, tolerance: float) -> None:
        """Let time pass.

        Args:
            now: Lab time in s.
            regulation: What the regulator was told during that time.
            tolerance: What counts as near the target in K.
        """
        if math.isnan(self._origin):
            self._origin = now
        # Counted in whole steps, so that it does not matter how often somebody asks.
        due = math.floor((now - self._origin) / STEP + 1e-6)
        if (skipped := due - self._done - round(LONGEST_GAP / STEP)) > 0:
            self._ramp(regulation, skipped * STEP)
            self._done += skipped
        seen = math.inf
        for step in range(due - self._done):
            if step % REST_STEPS == 0:
                state = self.temperature + self.output
                if abs(state - seen) < REST and self.nominal == regulation.target:
                    self._done = due
                    return
                seen = state
            self._step(regulation, tolerance)

    def _ramp(self, regulation: Regulation, duration: float) -> None:
        if not regulation.on:
            self.nominal = regulation.target
            return
        way, reach = regulation.target - self.nominal, regulation.ramp * duration
        self.nominal = regulation.target if abs(way) <= reach else self.nominal + math.copysign(reach, way)

    def switch_on(self) -> None:
        """Begin to regulate from where the object is."""
        self.nominal = self.temperature
        self._integral = 0.0

    def _step(self, regulation: Regulation, tolerance: float) -> None:
        plant, before = self.specification, self.temperature
        self.temperature += plant.heating(before, self._pipe[0]) / plant.heat_capacity * STEP
        self._ramp(regulation, STEP)
        slope = (self.temperature - before) / STEP
        self.output = self._regulate(regulation, slope) if regulation.on else 0.0
        self.current = regulation.current_limit * self.output / 100.0
        self._pipe.append(self.current)
        self._done += 1
        near = regulation.on and abs(self.temperature - regulation.target) <= tolerance
        self.near_since = min(self.near_since, self._origin + self._done * STEP) if near else math.inf

    def _regulate(self, regulation: Regulation, slope: float) -> float:
        error = self.nominal - self.temperature
        fast = regulation.gain * (error - regulation.derivative_time * slope)
        gained = (
            regulation.gain * error * STEP / regulation.integral_time if regulation.integral_time else 0.0
        )
        wanted = fast + self._integral + gained
        if abs(wanted) <= 100.0 or wanted * gained < 0.0:  # a saturated output winds nothing up
            self._integral += gained
        return min(max(fast + self._integral, -100.0), 100.0)
