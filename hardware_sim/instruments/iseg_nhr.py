r"""A simulated iseg NHR, the high-voltage module of the trap's endcaps and compensation electrodes.

The module echoes every line that ends with CR LF; a query then yields one more line. There are no error
texts: what the module cannot do is echoed like everything else and sets the input-error bits.

Source: iseg SCPI common instruction set (2020-11-10), and what the published clients iseg-nhr 0.2.0 and hvps
0.1 send and expect. Free choices: set voltages carry the sign of the polarity; events start edge by edge; the
echo comes with the line's end.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntFlag
from typing import ClassVar

import numpy as np

from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.instrument import Instrument
from hardware_sim.instruments.iseg_channel import (
    ChannelBit,
    InputError,
    IsegChannel,
    IsegChannelSettings,
    IsegChannelSpecification,
)
from hardware_sim.instruments.iseg_commands import (
    CHANNEL_COMMANDS,
    CLEAR,
    EVERY_EVENT,
    ModuleCommand,
    constant,
    find_command,
    format_unit,
    order,
    parse_channels,
    parse_event_mask,
)
from hardware_sim.instruments.iseg_session import IsegSession
from hardware_sim.instruments.scpi_syntax import MessageUnit, ScpiError, parse_boolean, parse_message

MAKER = "iseg Spezialelektronik GmbH"
NO_LOAD = 10e9  # ohm; leakage of an electrode in vacuum. ASSUMED
TEMPERATURE, OVERHEATED = 31.2, 65.0  # degC. ASSUMED
# Supplies of the module in V, as `:READ:MOD:SUP:P24V?` and so on tell them.
SUPPLIES = {"P24V": 24.1, "N24V": -24.1, "P5V": 5.02, "P3V": 3.31, "P12V": 12.05, "N12V": -12.03}


class ModuleBit(IntFlag):
    """Bits of the module status register; events have the same places."""

    FINE_ADJUSTMENT = 1 << 0
    HIGH_VOLTAGE_ON = 1 << 3
    INPUT_ERROR = 1 << 6
    NO_SUM_ERROR = 1 << 8
    NO_RAMP = 1 << 9
    SAFETY_LOOP = 1 << 10
    EVENT_ACTIVE = 1 << 11
    MODULE_GOOD = 1 << 12
    SUPPLY = 1 << 13
    TEMPERATURE = 1 << 14
    KILL_ENABLE = 1 << 15


CONTROL_FINE_ADJUSTMENT, CONTROL_KILL_ENABLE = 1 << 12, 1 << 14


@dataclass(frozen=True, slots=True)
class IsegNhrSpecification:
    """One module as it was delivered.

    Attributes:
        model: Article code, as replied to ``*IDN?``.
        serial_number: As replied to ``*IDN?``.
        firmware: As replied to ``*IDN?`` and ``:READ:FIRM:REL?``.
        firmware_name: As replied to ``:READ:FIRM:NAME?``. ASSUMED.
        channels: Number of channels.
        channel: What kind of channels they are.
        boot_time: From power-on to the first answer in s. ASSUMED.
    """

    model: str = "NR040060r4050000200"
    serial_number: str = "8200005"
    firmware: str = "1.74"
    firmware_name: str = "E08C2"
    channels: int = 4
    channel: IsegChannelSpecification = field(default_factory=IsegChannelSpecification)
    boot_time: float = 5.0


class SimulatedIsegNhr(Instrument):
    r"""A high-voltage module; serve it with `serve_pty` or `serve_tcp`.

    Attributes:
        specification: The module as delivered.
        channels: The channels, counted from 0.

    Example:
        >>> module = SimulatedIsegNhr(np.random.default_rng(1))
        >>> line = module.connect()
        >>> line.receive(b":VOLT 500,(@0);:VOLT ON,(@0)\r\n:READ:VOLT? (@0)\r\n", now=0.0)
        b':VOLT 500,(@0);:VOLT ON,(@0)\r\n:READ:VOLT? (@0)\r\n5.00000E2V\r\n'
        >>> module.voltage(0, now=0.25)
        300.0
    """

    tcp_resource = "socket://{host}:{port}"
    loses_link = False  # the serial adapter is fed by the computer
    KNOBS: ClassVar[tuple[str, ...]] = (
        *(f"voltage_{number}" for number in range(4)),
        *(f"output_{number}" for number in range(4)),
        "voltage_limit",
        "current_limit",
    )
    """Voltages in V, outputs on or off, and the potentiometers of the limits as parts of nominal; what is
    beyond the range stops at its end. After ``*LLO`` the touch screen does nothing."""
    FAULTS: ClassVar[tuple[str, ...]] = (
        "interlock",
        "interlock closed",
        "external inhibit",
        "inhibit released",
        "current trip",
        "over-temperature",
        "cooled down",
    )
    """A current trip is a spark at every channel that is on."""

    def __init__(
        self,
        rng: np.random.Generator,
        loads: Sequence[float] | None = None,
        specification: IsegNhrSpecification | None = None,
    ) -> None:
        """Switch the module on; all outputs are off.

        Args:
            rng: Source of the noise of measurements.
            loads: Resistance of what each channel feeds in ohm; electrodes in vacuum if None.
            specification: The module as delivered; four channels of 6 kV if None.

        Raises:
            InstrumentSetupError: If there are not as many loads as channels, or one is not positive.
        """
        self.specification = kind = specification or IsegNhrSpecification()
        loads = [NO_LOAD] * kind.channels if loads is None else loads
        if len(loads) != kind.channels or not all(load > 0.0 for load in loads):
            raise InstrumentSetupError(
                "loads", loads, f"{kind.channels} resistances above 0 ohm", "give one for each channel"
            )
        super().__init__(kind.boot_time)
        self._rng, self._loads = rng, tuple(loads)
        self._kill = self._fine = False
        self._saved: tuple[IsegChannelSettings, ...] | None = None
        self._safety_loop = self._cool = True
        self._inhibited = False
        self._events = ModuleBit(0)
        self._limits = (1.0, 1.0)  # of voltage and current, parts of nominal
        self._start()
        self._module_commands = self._build_module_table()

    def voltage(self, channel: int, now: float) -> float:
        """Return the true voltage in V at a channel's output at lab time ``now`` (s)."""
        return self.channels[channel].voltage(now) if self.powered else 0.0

    def current(self, channel: int, now: float) -> float:
        """Return the true current in A out of a channel at lab time ``now`` (s)."""
        return self.channels[channel].current(now) if self.powered else 0.0

    def connect(self) -> IsegSession:
        """Accept a client."""
        return IsegSession(self)

    def switch_off(self, now: float) -> None:
        """Cut the power at lab time ``now`` (s): all outputs fall."""
        super().switch_off(now)

    def switch_on(self, now: float) -> None:
        """Finish booting at lab time ``now`` (s): outputs off, set voltages 0, all else as last saved."""
        super().switch_on(now)
        self._start()

    def advance(self, now: float) -> None:
        """Note what happened until lab time ``now`` (s), and shut down what must be."""
        whole = [channel.advance(now) for channel in self.channels]
        good = self._safety_loop and self._cool
        if any(whole) or not good:
            for channel in self.channels:
                if channel.on:
                    channel.shut(now)
                    channel.advance(now)
        if not self._safety_loop:
            self._events |= ModuleBit.SAFETY_LOOP
        if not self._cool:
            self._events |= ModuleBit.TEMPERATURE
        for channel in self.channels:
            channel.permitted = good and not self._events & (ModuleBit.SAFETY_LOOP | ModuleBit.TEMPERATURE)

    def execute(self, line: str, now: float) -> list[str]:
        """Obey one line.

        Args:
            line: Commands and queries, without line end.
            now: Lab time in s.

        Returns:
            The reply of each query; what cannot be done replies nothing and sets the input-error bits.
        """
        replies = []
        self.advance(now)
        try:
            for unit in parse_message(line):
                reply = self._perform(unit, now)
                self.advance(now)
                replies += [] if reply is None else [reply]
        except (InputError, ScpiError) as error:
            self.complain(f"{line}: {error}")
        return replies

    def complain(self, text: str) -> None:
        """Note that a line could not be obeyed."""
        self.complaints.append(text)
        self._events |= ModuleBit.INPUT_ERROR
        self._input_error = True

    @property
    def echoes(self) -> bool:
        """Whether the module sends back each line that it hears."""
        return self._echo

    def _turn(self, knob: str, value: float | bool | str, now: float) -> None:
        name, _, number = knob.rpartition("_")
        if number.isdecimal() and int(number) >= len(self.channels):
            raise InstrumentSetupError("knob", knob, f"{len(self.channels)} channels", "name a lower one")
        self.advance(now)
        if number == "limit":
            self._turn_limit(name, min(max(float(value), 0.0), 1.0))
        elif not self._locked_out:
            self._touch(self.channels[int(number)], name, float(value), now)
        self.advance(now)

    def _suffer(self, fault: str, now: float) -> None:
        self.advance(now)
        match fault:
            case "interlock" | "interlock closed":
                self._safety_loop = fault == "interlock closed"
            case "over-temperature" | "cooled down":
                self._cool = fault == "cooled down"
            case "external inhibit" | "inhibit released":
                self._inhibited = fault == "external inhibit"
                for channel in self.channels:
                    channel.inhibited = self._inhibited
            case _:
                for channel in self.channels:
                    channel.spark(now)
        self.advance(now)

    def _start(self) -> None:
        kind = self.specification
        self.channels = tuple(IsegChannel(kind.channel, load, self._rng) for load in self._loads)
        for channel, settings in zip(self.channels, self._saved or (), strict=False):
            channel.restore(settings)
        for channel in self.channels:
            channel.inhibited = self._inhibited
        self._apply_limits()
        self._input_error = self._locked_out = False
        self._echo = True
        # The supplies came up a moment after the processor, which has noted that they were missing.
        self._events = ModuleBit.SUPPLY

    def _turn_limit(self, name: str, part: float) -> None:
        voltage, current = self._limits
        self._limits = (part, current) if name == "voltage" else (voltage, part)
        self._apply_limits()

    def _apply_limits(self) -> None:
        voltage, current = self._limits
        kind = self.specification.channel
        for channel in self.channels:
            channel.rewire(
                kills=self._kill,
                voltage_limit=voltage * kind.nominal_voltage,
                current_limit=current * kind.nominal_current,
            )

    def _touch(self, channel: IsegChannel, name: str, value: float, now: float) -> None:
        if name == "voltage":
            top = self.specification.channel.nominal_voltage
            limits = (-top, 0.0) if channel.settings.negative else (0.0, top)
            channel.set_voltage(min(max(value, limits[0]), limits[1]), now)
        elif not value:
            channel.switch_off(now)
        else:
            with contextlib.suppress(InputError):
                channel.switch_on(now)

    def _perform(self, unit: MessageUnit, now: float) -> str | None:
        argument = ",".join(unit.arguments)
        addressed = parse_channels(argument, len(self.channels))
        if addressed is None:
            return self._perform_module(unit, argument, now)
        value, numbers = addressed
        command = find_command(CHANNEL_COMMANDS, unit)
        channels = [self.channels[number] for number in numbers]
        if unit.query:
            if command.read is None or value:
                raise InputError("this cannot be asked")
            return ",".join(command.read(channel, now) for channel in channels)
        for channel in channels:
            try:
                if command.write is None or not value:
                    raise InputError("this can only be asked")
                command.write(channel, value, now)
            except (InputError, ScpiError):
                channel.complain()
                raise
        return None

    def _perform_module(self, unit: MessageUnit, argument: str, now: float) -> str | None:
        command = find_command(self._module_commands, unit)
        if unit.query:
            if command.read is None or argument:
                raise InputError("this cannot be asked of the module")
            return command.read(now)
        if command.write is None or bool(argument) != command.argument:
            raise InputError("this cannot be set on the module")
        command.write(argument, now)
        return None

    def _build_module_table(self) -> list[ModuleCommand]:
        kind = self.specification
        identity = f"{MAKER},{kind.model},{kind.serial_number},{kind.firmware}"
        return [
            ModuleCommand("*IDN", constant(identity)),
            ModuleCommand("*OPC", constant("1")),
            ModuleCommand("*INSTR", constant("EDCP")),
            order("*CLS", lambda now: self._clear_all()),
            order("*RST", self._reset),
            order("*LLO", lambda now: self._lock_out(True)),
            order("*GTL", lambda now: self._lock_out(False)),
            ModuleCommand("READ:FIRMware:NAME", constant(kind.firmware_name)),
            ModuleCommand("READ:FIRMware:RELease", constant(kind.firmware)),
            ModuleCommand("READ:VOLTage:LIMit", lambda now: f"{100.0 * self._limits[0]:.3f}%"),
            ModuleCommand("READ:CURRent:LIMit", lambda now: f"{100.0 * self._limits[1]:.3f}%"),
            *self._build_status_table(),
            *self._build_configuration_table(),
        ]

    def _build_status_table(self) -> list[ModuleCommand]:
        kind = self.specification
        temperature = {True: TEMPERATURE, False: OVERHEATED}
        return [
            ModuleCommand("READ:MODule:CHANnelnumber", constant(str(kind.channels))),
            ModuleCommand("READ:MODule:TEMPerature", lambda now: f"{temperature[self._cool]:.1f}C"),
            *(
                ModuleCommand(f"READ:MODule:SUPply:{name}", constant(format_unit(volts, "V")))
                for name, volts in SUPPLIES.items()
            ),
            ModuleCommand("READ:MODule:STATus", lambda now: str(int(self._status(now)))),
            ModuleCommand("READ:MODule:EVent:STATus", lambda now: str(int(self._events))),
            ModuleCommand("READ:MODule:EVent:CHANSTATus", lambda now: str(self._eventful())),
            ModuleCommand("READ:MODule:CONTrol", lambda now: str(self._control())),
        ]

    def _build_configuration_table(self) -> list[ModuleCommand]:
        return [
            ModuleCommand("CONFigure:EVent", None, self._clear_events),
            ModuleCommand("CONFigure:KILL", lambda now: str(int(self._kill)), self._set_kill),
            ModuleCommand("CONFigure:ADJust", lambda now: str(int(self._fine)), self._set_fine),
            ModuleCommand("CONFigure:SERial:ECHO", lambda now: str(int(self._echo)), self._set_echo),
            ModuleCommand("SYStem:USER:CONFig", constant("0"), self._save),
        ]

    def _status(self, now: float) -> ModuleBit:
        states = [channel.status(now) for channel in self.channels]
        faults = ChannelBit.CURRENT_TRIP | ChannelBit.EMERGENCY_OFF | ChannelBit.EXTERNAL_INHIBIT
        sound = not any(state & faults for state in states)
        ramping = any(state & ChannelBit.VOLTAGE_RAMP for state in states)
        live = any(state & ChannelBit.ON for state in states)
        bits = ModuleBit.SUPPLY
        for bit, present in (
            (ModuleBit.FINE_ADJUSTMENT, self._fine),
            (ModuleBit.HIGH_VOLTAGE_ON, live),
            (ModuleBit.INPUT_ERROR, self._input_error),
            (ModuleBit.NO_SUM_ERROR, sound),
            (ModuleBit.NO_RAMP, not ramping),
            (ModuleBit.SAFETY_LOOP, self._safety_loop),
            (ModuleBit.EVENT_ACTIVE, bool(self._events or self._eventful())),
            (ModuleBit.MODULE_GOOD, sound and self._safety_loop and self._cool),
            (ModuleBit.TEMPERATURE, self._cool),
            (ModuleBit.KILL_ENABLE, self._kill),
        ):
            bits |= bit if present else 0
        return bits

    def _eventful(self) -> int:
        return sum(1 << number for number, channel in enumerate(self.channels) if channel.events)

    def _control(self) -> int:
        return CONTROL_KILL_ENABLE * self._kill | CONTROL_FINE_ADJUSTMENT * self._fine

    def _reset(self, now: float) -> None:
        for channel in self.channels:
            channel.switch_off(now)
            channel.set_voltage(0.0, now)

    def _lock_out(self, locked: bool) -> None:
        self._locked_out = locked

    def _clear_all(self) -> None:
        self._clear_events(CLEAR, 0.0)
        for channel in self.channels:
            channel.clear_events(EVERY_EVENT)

    def _clear_events(self, argument: str, now: float) -> None:
        mask = parse_event_mask(argument)
        self._events &= ~ModuleBit(mask)
        if mask & ModuleBit.INPUT_ERROR:
            self._input_error = False

    def _set_kill(self, argument: str, now: float) -> None:
        self._kill = parse_boolean(argument)
        self._apply_limits()

    def _set_fine(self, argument: str, now: float) -> None:
        self._fine = parse_boolean(argument)

    def _set_echo(self, argument: str, now: float) -> None:
        self._echo = parse_boolean(argument)

    def _save(self, argument: str, now: float) -> None:
        if argument.upper() != "SAVE":
            raise InputError("the configuration mode needs the service code")
        self._saved = tuple(channel.settings for channel in self.channels)
