"""One high-voltage channel of an iseg NHR: its settings, its protections and its status bits.

Voltages carry the sign of the polarity. What has *happened* by itself since the last command (ends of ramps,
trips) is noted by `IsegChannel.advance`; the voltage itself needs no such step.

Source: iseg SCPI common instruction set (2020-11-10); bits as the registers of the published client iseg-nhr
0.2.0 name them. The order of events within a ramp that trips is a free choice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import IntFlag
from typing import Any

import numpy as np

from hardware_sim.instruments.iseg_output import Course, Output, resting

AT_ZERO = 1.0  # V; below this an output counts as off, for its polarity switch. ASSUMED


class ChannelBit(IntFlag):
    """Bits of the channel status register; events have the same places unless `ENDINGS` says otherwise."""

    POSITIVE = 1 << 0
    INPUT_ERROR = 1 << 2
    ON = 1 << 3
    VOLTAGE_RAMP = 1 << 4
    EMERGENCY_OFF = 1 << 5
    CONSTANT_CURRENT = 1 << 6
    CONSTANT_VOLTAGE = 1 << 7
    VOLTAGE_BOUNDS = 1 << 11
    EXTERNAL_INHIBIT = 1 << 12
    CURRENT_TRIP = 1 << 13
    CURRENT_LIMIT = 1 << 14
    VOLTAGE_LIMIT = 1 << 15
    CURRENT_RAMP = 1 << 16
    CURRENT_RAMP_UP = 1 << 17
    CURRENT_RAMP_DOWN = 1 << 18
    VOLTAGE_RAMP_UP = 1 << 19
    VOLTAGE_RAMP_DOWN = 1 << 20
    VOLTAGE_BOUND_UPPER = 1 << 21
    VOLTAGE_BOUND_LOWER = 1 << 22


# Events that the end of a state sets: on to off (3), end of a voltage ramp (4) and of a current ramp (16).
ENDINGS = ChannelBit.ON | ChannelBit.VOLTAGE_RAMP | ChannelBit.CURRENT_RAMP
# All other states set their event when they begin, but for the polarity, which has none.
BEGINNINGS = ~(ENDINGS | ChannelBit.POSITIVE)


class InputError(Exception):
    """What a command asked is unknown or out of range; the module only sets a bit."""


@dataclass(frozen=True, slots=True)
class IsegChannelSpecification:
    """One kind of channel.

    Attributes:
        nominal_voltage: Largest voltage in V.
        nominal_current: Largest current in A.
        ramp: Ramp speed at delivery as a part of the nominal voltage in 1/s; 20 % (from memory).
        current_ramp: The same for the current. ASSUMED.
        slowest_ramp: Smallest ramp speed as a part of nominal in 1/s. ASSUMED.
        fastest_ramp: Largest ramp speed of the voltage as a part of nominal in 1/s. ASSUMED.
        fastest_current_ramp: The same for the current. ASSUMED.
        collapse: Speed at which an output falls that is shut without ramp, as a part of nominal in 1/s.
            ASSUMED.
        resolution: Of the measured voltage and current as a part of nominal. ASSUMED.
    """

    nominal_voltage: float = 6000.0
    nominal_current: float = 2e-3
    ramp: float = 0.2
    current_ramp: float = 0.5
    slowest_ramp: float = 1e-6
    fastest_ramp: float = 0.2
    fastest_current_ramp: float = 1.0
    collapse: float = 5.0
    resolution: float = 2e-6


@dataclass(frozen=True, slots=True)
class IsegChannelSettings:
    """What commands set on a channel and ``:SYS:USER:CONF SAVE`` keeps, except the set voltage.

    Attributes:
        voltage: Set voltage in V, with the sign of the polarity.
        current: Set current in A: what the channel trips at, or regulates to.
        voltage_bounds: Half width of the tube around the set voltage in V; 0 switches it off.
        current_bounds: The same for the current, in A; it holds in constant current only, where the simulated
            regulator is exact, so that it is never left.
        ramp_up: Speed away from 0 V in V/s.
        ramp_down: Speed towards 0 V in V/s.
        current_ramp_up: Speed at which the set current grows in A/s.
        current_ramp_down: Speed at which the set current falls in A/s.
        negative: Whether the polarity is negative.
        inhibit_action: Reaction to the external inhibit: 0 flag only, 1 off with ramp, 2 off without, 3 whole
            module off, 4 ignore.
    """

    voltage: float
    current: float
    voltage_bounds: float
    current_bounds: float
    ramp_up: float
    ramp_down: float
    current_ramp_up: float
    current_ramp_down: float
    negative: bool = False
    inhibit_action: int = 0


class IsegChannel:
    """A channel; the module commands it.

    Attributes:
        specification: What kind of channel it is.
        settings: What commands have set.
        on: Whether it is switched on.
        emergency: Whether it was shut by emergency off and not yet released.
        tripped: Whether too much current shut it and the event was not cleared.
        inhibited: Whether its external inhibit is pulled.
        permitted: Whether the module lets it be switched on.
        events: Event register.
    """

    def __init__(
        self, specification: IsegChannelSpecification, load: float, rng: np.random.Generator
    ) -> None:
        """Switch the channel's supply on; the output is off.

        Args:
            specification: What kind of channel it is.
            load: Resistance of what it feeds in ohm.
            rng: Source of the noise of measurements.
        """
        self.specification = kind = specification
        self._rng = rng
        self.on = self.emergency = self.tripped = self.inhibited = False
        self.permitted = True
        self.events = ChannelBit(0)
        volts, amperes = kind.nominal_voltage, kind.nominal_current
        self.settings = IsegChannelSettings(
            voltage=0.0,
            current=amperes,
            voltage_bounds=0.0,
            current_bounds=0.0,
            ramp_up=kind.ramp * volts,
            ramp_down=kind.ramp * volts,
            current_ramp_up=kind.current_ramp * amperes,
            current_ramp_down=kind.current_ramp * amperes,
        )
        self._output = Output(load, False, resting(0.0), resting(amperes), volts, amperes)
        self._input_error = ChannelBit(0)
        self._seen = self.status(-math.inf)

    def voltage(self, now: float) -> float:
        """Return the voltage at the output in V at lab time ``now`` (s)."""
        return self._output.level(now)

    def current(self, now: float) -> float:
        """Return the current into the load in A at lab time ``now`` (s)."""
        output = self._output
        return output.level(now) / output.load

    @property
    def voltage_limit(self) -> float:
        """Hardware limit of the voltage in V."""
        return self._output.voltage_limit

    @property
    def current_limit(self) -> float:
        """Hardware limit of the current in A."""
        return self._output.current_limit

    def measure_voltage(self, now: float) -> float:
        """Return the voltage in V as the channel measures it: true but for one step of its converter."""
        return self._measured(self.voltage(now), self.specification.nominal_voltage)

    def measure_current(self, now: float) -> float:
        """Return the current in A as the channel measures it: true but for one step of its converter."""
        return self._measured(self.current(now), self.specification.nominal_current)

    def restore(self, settings: IsegChannelSettings) -> None:
        """Take over saved settings, with the set voltage 0."""
        self.settings = replace(settings, voltage=0.0)
        self.rewire(current=resting(settings.current))

    def rewire(self, **changes: Any) -> None:
        """Change the load, the kill enable or a hardware limit; names are those of `Output`."""
        self._output = replace(self._output, **changes)

    def set_up(self, **changes: Any) -> None:
        """Change settings that take effect later; names are those of `IsegChannelSettings`."""
        self.settings = replace(self.settings, **changes)

    def set_voltage(self, voltage: float, now: float) -> None:
        """Set the voltage in V and ramp to it if the channel is on.

        Raises:
            InputError: Beyond nominal or against the polarity.
        """
        wrong_sign = voltage > 0.0 if self.settings.negative else voltage < 0.0
        if wrong_sign or abs(voltage) > self.specification.nominal_voltage:
            raise InputError(f"{voltage} V is beyond nominal or against the polarity")
        self.set_up(voltage=voltage)
        if self.on:
            self._ramp_to(voltage, now)

    def set_current(self, current: float, now: float) -> None:
        """Set the current in A; the set value ramps.

        Raises:
            InputError: If it is negative or beyond nominal.
        """
        if not 0.0 <= current <= self.specification.nominal_current:
            raise InputError(f"{current} A is not within 0 to {self.specification.nominal_current} A")
        self.set_up(current=current)
        present = self._output.current.value(now)
        up = current > present
        speed = self.settings.current_ramp_up if up else self.settings.current_ramp_down
        self.rewire(current=Course(now, present, current, speed))

    def set_ramp(self, now: float, **speeds: float) -> None:
        """Change ramp speeds, at once if a ramp of the voltage is under way.

        Args:
            now: Lab time in s.
            speeds: In V/s or A/s; names are those of `IsegChannelSettings`.
        """
        self.set_up(**speeds)
        if now < self._output.voltage.end and (self.on or not self.tripped):
            self._ramp_to(self._output.voltage.target, now)

    def set_polarity(self, negative: bool, now: float) -> None:
        """Turn the polarity; the set voltage becomes 0.

        Raises:
            InputError: If the channel is on or charged.
        """
        if self.on or abs(self.voltage(now)) > AT_ZERO:
            raise InputError(f"polarity at {self.voltage(now):.0f} V: switch off and wait")
        self.set_up(negative=negative, voltage=0.0)
        self.rewire(voltage=resting(0.0))

    def switch_on(self, now: float) -> None:
        """Switch on and ramp to the set voltage.

        Raises:
            InputError: After an emergency off, a trip, with the inhibit pulled or if the module forbids it.
        """
        if self.emergency or self.tripped or self._inhibit_acts() or not self.permitted:
            raise InputError("a channel that was shut down must be released first")
        self.on = True
        self._ramp_to(self.settings.voltage, now)

    def switch_off(self, now: float) -> None:
        """Ramp to 0 V and be off."""
        self.on = False
        self._ramp_to(0.0, now)

    def shut(self, now: float) -> None:
        """Switch off without ramp."""
        self.on = False
        speed = self.specification.collapse * self.specification.nominal_voltage
        self.rewire(voltage=Course(now, self.voltage(now), 0.0, speed))

    def shut_in_emergency(self, now: float) -> None:
        """Switch off without ramp and stay so until `release`."""
        self.shut(now)
        self.emergency = True

    def release(self) -> None:
        """End an emergency off; the channel stays off."""
        self.emergency = False

    def spark(self, now: float) -> None:
        """Draw far too much current for a moment."""
        if not self.on:
            return
        if self._output.kills:
            self._trip(now)
        else:
            self.events |= ChannelBit.CONSTANT_CURRENT

    def complain(self) -> None:
        """Note that a command to this channel was wrong."""
        self._input_error = ChannelBit.INPUT_ERROR
        self.events |= ChannelBit.INPUT_ERROR

    def clear_events(self, mask: int) -> None:
        """Clear events; trip and input error are forgotten with theirs."""
        self.events &= ~ChannelBit(mask)
        if mask & ChannelBit.CURRENT_TRIP:
            self.tripped = False
        if mask & ChannelBit.INPUT_ERROR:
            self._input_error = ChannelBit(0)

    def advance(self, now: float) -> bool:
        """Note in the event register what happened until lab time ``now`` (s).

        Returns:
            Whether the whole module must shut down.
        """
        if self.on and self._output.kills and self._output.starved(now):
            self._trip(now)
        whole = self._obey_inhibit(now)
        status = self.status(now)
        self.events |= (self._seen & ~status & ENDINGS) | (status & ~self._seen & BEGINNINGS)
        self._seen = status
        return whole

    def status(self, now: float) -> ChannelBit:
        """Return the status register at lab time ``now`` (s)."""
        bits = self._input_error | _ramp_bits(self._output, now)
        for bit, present in (
            (ChannelBit.POSITIVE, not self.settings.negative),
            (ChannelBit.ON, self.on),
            (ChannelBit.EMERGENCY_OFF, self.emergency),
            (ChannelBit.EXTERNAL_INHIBIT, self.inhibited and self.settings.inhibit_action != 4),
            (ChannelBit.CURRENT_TRIP, self.tripped),
        ):
            bits |= bit if present else 0
        return bits | self._regulation_bits(now) if self.on else bits

    def _regulation_bits(self, now: float) -> ChannelBit:
        output = self._output
        starved = output.starved(now)
        bits = ChannelBit.CONSTANT_CURRENT if starved else ChannelBit.CONSTANT_VOLTAGE
        if abs(output.voltage.value(now)) > output.voltage_limit:
            bits |= ChannelBit.VOLTAGE_LIMIT
        if starved and output.current.value(now) > output.current_limit:
            bits |= ChannelBit.CURRENT_LIMIT
        tube = self.settings.voltage_bounds
        excess = output.level(now) - self.settings.voltage
        if tube and now >= output.voltage.end and abs(excess) > tube:
            bits |= ChannelBit.VOLTAGE_BOUNDS
            bits |= ChannelBit.VOLTAGE_BOUND_UPPER if excess > 0.0 else ChannelBit.VOLTAGE_BOUND_LOWER
        return bits

    def _measured(self, value: float, nominal: float) -> float:
        step = self.specification.resolution * nominal
        return step * (round(value / step) + int(self._rng.integers(-1, 1, endpoint=True)))

    def _ramp_to(self, target: float, now: float) -> None:
        present = self.voltage(now)
        up = abs(target) > abs(present)
        speed = self.settings.ramp_up if up else self.settings.ramp_down
        self.rewire(voltage=Course(now, present, target, speed))

    def _trip(self, now: float) -> None:
        self.shut(now)
        self.tripped = True

    def _inhibit_acts(self) -> bool:
        return self.inhibited and self.settings.inhibit_action in (1, 2, 3)

    def _obey_inhibit(self, now: float) -> bool:
        if not (self.on and self._inhibit_acts()):
            return False
        if self.settings.inhibit_action == 1:
            self.switch_off(now)
        else:
            self.shut(now)
        return self.settings.inhibit_action == 3


def _ramp_bits(output: Output, now: float) -> ChannelBit:
    bits = ChannelBit(0)
    if now < output.voltage.end:
        way = ChannelBit.VOLTAGE_RAMP_UP if output.voltage.climbs else ChannelBit.VOLTAGE_RAMP_DOWN
        bits |= ChannelBit.VOLTAGE_RAMP | way
    if now < output.current.end:
        way = ChannelBit.CURRENT_RAMP_UP if output.current.climbs else ChannelBit.CURRENT_RAMP_DOWN
        bits |= ChannelBit.CURRENT_RAMP | way
    return bits
