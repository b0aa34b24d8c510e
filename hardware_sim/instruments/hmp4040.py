"""A simulated Rohde & Schwarz HMP4040, the power supply of the magnetic field coils and the calcium oven.

Most commands act on the *selected* channel, of which there is one for all clients and the front panel. A
channel gives voltage when it is armed (``OUTP:SEL``) and the master output is on (``OUTP:GEN``).

Source: commands as published drivers use them (pymeasure HMP4040, qcodes_contrib HMP); R&S HMP series SCPI
programmer's manual from memory for fuse, protection and sequences, ``OUTP`` and the state after power-on.
What remains open is in `Hmp4040Specification`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.hmp4040_channel import Channel, Supply
from hardware_sim.instruments.hmp4040_output import OPEN_CIRCUIT, Drive, Load
from hardware_sim.instruments.hmp4040_sequences import SequenceMemory, parse_count
from hardware_sim.instruments.scpi import ScpiInstrument
from hardware_sim.instruments.scpi_commands import (
    Command,
    Quantity,
    action_command,
    boolean_command,
    choice_command,
    numeric_command,
)
from hardware_sim.instruments.scpi_syntax import ScpiError, split_arguments

CHANNELS = 4
VOLT, AMPERE = {"V": 1.0, "MV": 1e-3}, {"A": 1.0, "MA": 1e-3}
OUTPUT_NAMES = tuple(f"OUTput{number}" for number in range(1, CHANNELS + 1))
# Coil pairs for the quantisation axis and two for compensation, and the oven. ASSUMED.
NODE_LOADS = (
    Load(resistance=1.2, inductance=2e-3),
    Load(resistance=2.5, inductance=5e-3),
    Load(resistance=2.5, inductance=5e-3),
    Load(resistance=0.35, heating=40.0, lag=90.0),
)


@dataclass(frozen=True, slots=True)
class Hmp4040Specification:
    """One HMP4040 as it was delivered.

    Attributes:
        model: As replied to ``*IDN?``.
        serial_number: As replied to ``*IDN?``.
        firmware: As replied to ``*IDN?``, with that of the hardware.
        maximum_voltage: Of each channel in V.
        maximum_current: Of each channel in A.
        minimum_current: Smallest set current in A.
        power: Of each channel in W (data sheet, from memory).
        reset_current: Set current after ``*RST`` in A. ASSUMED.
        boot_time: From power-on to the first answer in s. ASSUMED.
        command_time: Duration of each command in s; 20 to 50 ms (from memory).
        measuring_time: Duration of a measurement on top of that in s; about 100 ms in all (from memory).
    """

    model: str = "HMP4040"
    serial_number: str = "101545"
    firmware: str = "HW50010003/SW2.62"
    maximum_voltage: float = 32.05
    maximum_current: float = 10.0
    minimum_current: float = 0.0005
    power: float = 160.0
    reset_current: float = 1.0
    boot_time: float = 8.0
    command_time: float = 0.03
    measuring_time: float = 0.07

    @property
    def identity(self) -> str:
        """Reply to ``*IDN?`` (as quoted in pymeasure issue 636)."""
        return f"ROHDE&SCHWARZ,{self.model},{self.serial_number},{self.firmware}"


class SimulatedHmp4040(ScpiInstrument):
    """A four-channel power supply; serve it with `serve_tcp`, which should refuse second clients.

    Example:
        >>> supply = SimulatedHmp4040()
        >>> supply.execute("INST:NSEL 2;:APPL 12,3;:OUTP:SEL 1;GEN 1;:MEAS:CURR?;VOLT?", now=1.0)
        '0.0000;12.000'
        >>> supply.execute("MEAS:CURR?;VOLT?", now=2.0), supply.current(2, now=2.0)
        ('3.0000;7.500', 3.0)
    """

    terse_errors = True
    returns_to_root = True  # "INST:NSEL 2;VOLT 3.3" works (from memory)
    KNOBS: ClassVar[tuple[str, ...]] = (
        *(
            f"{name}_{number}"
            for name in ("voltage", "current", "output")
            for number in range(1, CHANNELS + 1)
        ),
        "output",
        "channel",
    )
    """Volts, amperes, switches, and the number of the selected channel; what is beyond the range stops at its
    end. Under ``SYST:REM`` and ``SYST:RWL`` keys do nothing."""
    FAULTS: ClassVar[tuple[str, ...]] = (
        *(f"open load {number}" for number in range(1, CHANNELS + 1)),
        *(f"mended load {number}" for number in range(1, CHANNELS + 1)),
        "over-temperature",
    )
    """Over-temperature switches the master output off."""

    def __init__(
        self,
        loads: Sequence[Load] = NODE_LOADS,
        oven: int = 4,
        specification: Hmp4040Specification | None = None,
    ) -> None:
        """Switch the supply on; all outputs are off.

        Args:
            loads: What hangs on the four channels.
            oven: Number of the channel that heats the oven.
            specification: The instrument as delivered.

        Raises:
            InstrumentSetupError: If there are not four loads, or one has no resistance.
        """
        self.specification = kind = specification or Hmp4040Specification()
        if len(loads) != CHANNELS or not all(load.resistance > 0.0 for load in loads):
            raise InstrumentSetupError(
                "loads", loads, f"{CHANNELS} loads of more than 0 ohm", "give one for each channel"
            )
        self._loads, self._oven = tuple(loads), oven
        self._selected = 1
        self._panel = "LOC"
        self._steps = {"voltage": 1.0, "current": 0.1}
        self._sequences = SequenceMemory()
        self._measuring = 0
        self._supply = Supply(tuple(self._fresh(load) for load in self._loads))
        super().__init__(kind.identity, kind.boot_time, self._own_commands())

    def current(self, channel: int, now: float) -> float:
        """Return the true current in A of a channel (1 to 4) at lab time ``now`` (s)."""
        return self._supply.followed(now).channels[channel - 1].drive.current(now)

    def voltage(self, channel: int, now: float) -> float:
        """Return the true voltage in V at the terminals of a channel (1 to 4) at lab time ``now`` (s)."""
        return self._supply.followed(now).channels[channel - 1].drive.terminal_voltage(now)

    def oven_temperature(self, now: float) -> float:
        """Return the temperature of the oven in degC at lab time ``now`` (s)."""
        return self._supply.followed(now).channels[self._oven - 1].drive.temperature(now)

    def execute(self, line: str, now: float) -> str:
        """Obey one line; each command and each measurement takes its time."""
        self._supply = self._supply.followed(now)
        self._measuring = 0
        reply = super().execute(line, now)
        kind = self.specification
        spent = kind.measuring_time * self._measuring
        spent += kind.command_time * (line.count(";") + 1) if line else 0.0
        self.busy_until = max(self.busy_until, now + spent)
        return reply

    def switch_off(self, now: float) -> None:
        """Cut the power at lab time ``now`` (s): currents fall, set points are kept."""
        super().switch_off(now)
        self._change_all(now, armed=False, playback=None)

    def switch_on(self, now: float) -> None:
        """Finish booting at lab time ``now`` (s): all outputs are off, set points are those of before."""
        super().switch_on(now)
        self._selected, self._panel = 1, "LOC"
        self._change_all(now, armed=False, blown_at=None, protected=False)

    def reset(self, now: float) -> None:
        """Obey ``*RST``: outputs off, 0 V, protections as delivered."""
        kind = self.specification
        self._selected = 1
        self._change_all(
            now,
            voltage=0.0,
            current=kind.reset_current,
            armed=False,
            protection=kind.maximum_voltage,
            protected=False,
            fuse=False,
            fuse_delay=0.0,
            blown_at=None,
            links=frozenset(),
            playback=None,
        )

    def _turn(self, knob: str, value: float | bool | str, now: float) -> None:
        if self._panel in ("REM", "RWL"):
            return
        name, _, number = knob.partition("_")
        if knob == "channel":
            self._selected = min(max(int(value), 1), CHANNELS)
        elif knob == "output":
            self._set_master(bool(value), now)
        elif name == "output":
            self._change(int(number), now, armed=bool(value), blown_at=None)
        else:
            kept = self._quantities()[name].clip(float(value))
            self._change(int(number), now, **{name: kept})

    def _suffer(self, fault: str, now: float) -> None:
        if fault == "over-temperature":
            self._set_master(False, now)
            return
        index = int(fault[-1]) - 1
        load = self._loads[index]
        if fault.startswith("open"):
            # The broken lead cuts the current, and the load cools.
            load = replace(load, resistance=OPEN_CIRCUIT, inductance=0.0)
        channel = self._supply.channels[index].followed(now)
        self._supply = self._supply.with_channel(
            index, replace(channel, drive=channel.drive.changed(now, load=load))
        )

    def _fresh(self, load: Load) -> Channel:
        kind = self.specification
        drive = Drive(load, False, 0.0, kind.reset_current, initial_temperature=load.ambient)
        return Channel(drive, 0.0, kind.reset_current, kind.power, kind.maximum_voltage)

    @property
    def _channel(self) -> Channel:
        return self._supply.channels[self._selected - 1]

    def _change(self, number: int, now: float, **changes: Any) -> None:
        supply = self._supply.followed(now)
        changed = supply.channels[number - 1].changed(now, **changes)
        self._supply = supply.with_channel(number - 1, changed.driven(now, supply.master))

    def _change_all(self, now: float, **changes: Any) -> None:
        supply = self._supply.followed(now)
        channels = (channel.changed(now, **changes).driven(now, False) for channel in supply.channels)
        self._supply = Supply(tuple(channels), master=False)

    def _set_master(self, on: bool, now: float) -> None:
        supply = self._supply.followed(now)
        self._supply = Supply(tuple(channel.driven(now, on) for channel in supply.channels), on)

    def _quantities(self) -> dict[str, Quantity]:
        kind = self.specification
        volts, amperes = self._steps["voltage"], self._steps["current"]
        return {
            "voltage": Quantity(VOLT, 0.0, kind.maximum_voltage, 0.0, 1e-3, volts, decimals=3),
            "current": Quantity(
                AMPERE,
                kind.minimum_current,
                kind.maximum_current,
                kind.reset_current,
                1e-4,
                amperes,
                decimals=4,
            ),
        }

    def _select(self, number: int) -> None:
        self._selected = number

    def _switch(self, header: str, get: Callable[[], bool], name: str) -> Command:
        return boolean_command(header, get, lambda on, now: self._change(self._selected, now, **{name: on}))

    def _level(self, header: str, name: str) -> list[Command]:
        """Make the commands of a set point and of its step."""
        return [
            numeric_command(
                f"[SOURce:]{header}[:LEVel][:IMMediate][:AMPLitude]",
                lambda: self._quantities()[name],
                lambda: float(getattr(self._channel, name)),
                lambda value, now: self._change(self._selected, now, **{name: value}),
            ),
            numeric_command(
                f"[SOURce:]{header}[:LEVel][:IMMediate]:STEP[:INCRement]",
                lambda: replace(self._quantities()[name], minimum=0.0, step=0.0),
                lambda: self._steps[name],
                lambda value, now: self._steps.update({name: value}),
            ),
        ]

    def _own_commands(self) -> list[Command]:
        names = [*OUTPUT_NAMES, *(f"OUTP{number}" for number in range(1, CHANNELS + 1))]
        return [
            choice_command(
                "INSTrument[:SELect]",
                names,
                lambda: f"OUT{self._selected}",
                lambda word, now: self._select(int(word[-1])),
            ),
            numeric_command(
                "INSTrument:NSELect",
                lambda: Quantity({}, 1.0, CHANNELS, 1.0, 1.0),
                lambda: float(self._selected),
                lambda value, now: self._select(int(value)),
            ),
            *self._level("VOLTage", "voltage"),
            *self._level("CURRent", "current"),
            Command("[SOURce:]APPLy", lambda *_: self._applied(), self._apply, write_argument=2),
            *self._output_commands(),
            *self._protection_commands(),
            *self._sequence_commands(),
            *self._panel_commands(),
        ]

    def _output_commands(self) -> list[Command]:
        return [
            boolean_command(
                "OUTPut[:STATe]", lambda: self._channel.armed and self._supply.master, self._set_output
            ),
            boolean_command("OUTPut:SELect", lambda: self._channel.armed, self._arm),
            boolean_command("OUTPut:GENeral", lambda: self._supply.master, self._set_master),
            Command(
                "MEASure[:SCALar][:VOLTage][:DC]", lambda _, now: self._measure("terminal_voltage", 3, now)
            ),
            Command("MEASure[:SCALar]:CURRent[:DC]", lambda _, now: self._measure("current", 4, now)),
        ]

    def _protection_commands(self) -> list[Command]:
        volts, millis = self._quantities()["voltage"], Quantity({"MS": 1.0}, 0.0, 250.0, 0.0, 1.0)
        top = self.specification.maximum_voltage
        return [
            numeric_command(
                "[SOURce:]VOLTage:PROTection[:LEVel]",
                lambda: replace(volts, default=top, step=0.0),
                lambda: self._channel.protection,
                lambda value, now: self._change(self._selected, now, protection=value),
            ),
            Command("[SOURce:]VOLTage:PROTection:TRIPped", lambda *_: str(int(self._channel.protected))),
            action_command("[SOURce:]VOLTage:PROTection:CLEar", self._clear_protection),
            self._switch("FUSE[:STATe]", lambda: self._channel.fuse, "fuse"),
            Command("FUSE:TRIPped", lambda *_: str(int(self._channel.blown_at is not None))),
            numeric_command(
                "FUSE:DELay",
                lambda: millis,
                lambda: 1e3 * self._channel.fuse_delay,
                lambda value, now: self._change(self._selected, now, fuse_delay=1e-3 * value),
            ),
            Command(
                "FUSE:LINK", self._is_linked, lambda text, now: self._link(text, now, True), read_argument=1
            ),
            Command("FUSE:UNLink", write=lambda text, now: self._link(text, now, False)),
        ]

    def _sequence_commands(self) -> list[Command]:
        def on_channel(header: str, action: Callable[[int, float], None]) -> Command:
            return Command(
                f"ARBitrary:{header}", write=lambda text, now: action(parse_count(text, CHANNELS), now)
            )

        def transfer(number: int, now: float) -> None:
            self._change(number, now, points=self._sequences.points)

        return [
            *self._sequences.commands(
                lambda: self._quantities()["voltage"], lambda: self._quantities()["current"]
            ),
            on_channel("TRANsfer", transfer),
            on_channel("STARt", self._start_sequence),
            on_channel("STOP", lambda number, now: self._change(number, now, playback=None)),
            on_channel("CLEar", lambda number, now: self._change(number, now, playback=None, points=())),
        ]

    def _panel_commands(self) -> list[Command]:
        words = {"LOCal": "LOC", "REMote": "REM", "MIX": "MIX", "RWLock": "RWL"}
        return [
            *(
                action_command(f"SYSTem:{header}", partial(self._set_panel, word))
                for header, word in words.items()
            ),
            Command("SYSTem:VERSion", lambda *_: "1999.0"),
            action_command("SYSTem:BEEPer[:IMMediate]", lambda now: None),
        ]

    def _applied(self) -> str:
        return f"{self._channel.voltage:.3f}, {self._channel.current:.4f}"

    def _apply(self, argument: str, now: float) -> None:
        quantities = self._quantities()
        present = {"voltage": self._channel.voltage, "current": self._channel.current}
        values = {
            name: quantities[name].parse(text, present[name])
            for name, text in zip(present, split_arguments(argument), strict=False)
        }
        self._change(self._selected, now, **values)

    def _set_output(self, on: bool, now: float) -> None:
        self._arm(on, now)
        if on:
            self._set_master(True, now)

    def _arm(self, on: bool, now: float) -> None:
        forgotten = {"blown_at": None} if on else {}
        self._change(self._selected, now, armed=on, **forgotten)

    def _measure(self, name: str, decimals: int, now: float) -> str:
        self._measuring += 1
        value: float = getattr(self._channel.drive, name)(now)
        return f"{value:.{decimals}f}"

    def _clear_protection(self, now: float) -> None:
        self._change(self._selected, now, protected=False)

    def _is_linked(self, argument: str, now: float) -> str:
        return str(int(parse_count(argument, CHANNELS) - 1 in self._channel.links))

    def _link(self, argument: str, now: float, linked: bool) -> None:
        index = parse_count(argument, CHANNELS) - 1
        if index == self._selected - 1:
            raise ScpiError(-221, "a fuse is not linked to its own channel")
        links = self._channel.links | {index} if linked else self._channel.links - {index}
        self._change(self._selected, now, links=links)

    def _start_sequence(self, number: int, now: float) -> None:
        channel = self._supply.channels[number - 1].followed(now)
        if not channel.points:
            raise ScpiError(-221, "no sequence was transferred")
        self._supply = self._supply.with_channel(
            number - 1, channel.playing(now, self._sequences.repetitions)
        )

    def _set_panel(self, word: str, now: float) -> None:
        self._panel = word
