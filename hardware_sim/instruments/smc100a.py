"""A simulated Rohde & Schwarz SMC100A, the signal generator that drives the ion trap.

Source: R&S SMC100A Operating Manual 1411.4060.32 (level p. 277, booleans and special values p. 189, status
registers p. 298) and SMB100A Operating Manual 1407.0806.32 (frequency sweep p. 308). What the manuals did not
settle is in `Smc100aSpecification`, where it can be corrected in one place; the ranges of steps and dwell
time are ASSUMED too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from hardware_sim.instruments.scpi import ScpiInstrument
from hardware_sim.instruments.scpi_commands import (
    Command,
    Quantity,
    boolean_command,
    choice_command,
    numeric_command,
)
from hardware_sim.instruments.scpi_syntax import ScpiError

HERTZ = {"HZ": 1.0, "KHZ": 1e3, "MHZ": 1e6, "GHZ": 1e9}
SECOND = {"S": 1.0, "MS": 1e-3, "US": 1e-6}
DEGREE = {"DEG": 1.0, "RAD": 180.0 / math.pi}
# SCPI-99 volume 2, 20.1 and 20.2: bits of the operation and questionable status registers.
CALIBRATING, SETTLING, SWEEPING = 1 << 0, 1 << 1, 1 << 3
FREQUENCY_QUESTIONABLE = 1 << 5
REFERENCE_TOLERANCE = 1e-5  # relative pull-in range of the reference input; ASSUMED


@dataclass(frozen=True, slots=True)
class Smc100aSettings:
    """What ``*RST`` resets; the defaults are its values.

    Attributes:
        frequency: CW frequency in Hz. ASSUMED: 100 MHz, some firmware takes 1 GHz.
        level: Level as ``POW`` has it, with the offset, in dBm (manual p. 277).
        level_offset: Offset of ``POW`` above the level at the output in dB (manual p. 277).
        output: Whether RF is on.
        phase: Phase in degrees, the unit of ``PHAS``.
        mode: ``CW``, ``SWE`` or ``LIST``.
        reference: ``INT`` or ``EXT``.
        reference_frequency: Frequency expected at the reference input, as ``ROSC:EXT:FREQ`` names it.
        start: First frequency of the sweep in Hz (SMB100A manual p. 308).
        stop: Last frequency of the sweep in Hz (SMB100A manual p. 308).
        sweep_step: Step of the sweep in Hz. ASSUMED.
        dwell: Time on each frequency of the sweep in s.
        sweep_trigger: ``AUTO`` or ``SING``.
        frequency_step: Step of ``FREQ UP`` in Hz. ASSUMED.
        level_step: Step of ``POW UP`` in dB. ASSUMED.
    """

    frequency: float = 100e6
    level: float = -30.0
    level_offset: float = 0.0
    output: bool = False
    phase: float = 0.0
    mode: str = "CW"
    reference: str = "INT"
    reference_frequency: str = "10MHZ"
    start: float = 100e6
    stop: float = 500e6
    sweep_step: float = 1e6
    dwell: float = 10e-3
    sweep_trigger: str = "AUTO"
    frequency_step: float = 100e3
    level_step: float = 1.0


@dataclass(frozen=True, slots=True)
class Smc100aSpecification:
    """One SMC100A as it was delivered.

    Attributes:
        serial_number: As replied to ``*IDN?``.
        options: Reply to ``*OPT?``: what is built in, by R&S's names. The maker's own client asks for it.
        minimum_frequency: In Hz (data sheet).
        maximum_frequency: In Hz; 1.1 GHz or 3.2 GHz by option.
        minimum_level: In dBm at the output. ASSUMED.
        maximum_level: In dBm at the output. ASSUMED.
        boot_time: From power-on to the first answer in s. ASSUMED.
        settling_time: After a change of frequency or level in s. ASSUMED.
        adjustment_time: Duration of the internal adjustments in s; the manual says minutes.
        reset: Settings after ``*RST`` and, ASSUMED, after power-on.
        power_on_output: Factory value of ``OUTP:PON``: ``OFF`` or ``UNCH``. ASSUMED.
    """

    serial_number: str = "101234"
    options: str = "SMC-B101"
    minimum_frequency: float = 9e3
    maximum_frequency: float = 1.1e9
    minimum_level: float = -120.0
    maximum_level: float = 13.0
    boot_time: float = 60.0
    settling_time: float = 3e-3
    adjustment_time: float = 180.0
    reset: Smc100aSettings = field(default_factory=Smc100aSettings)
    power_on_output: str = "UNCH"

    @property
    def identity(self) -> str:
        """Reply to ``*IDN?``. ASSUMED form."""
        return f"Rohde&Schwarz,SMC100A,1411.4002k02/{self.serial_number},3.1.19.15-3.20.390.24"


class SimulatedSmc100a(ScpiInstrument):
    """A signal generator that speaks SCPI; serve it with `serve_tcp`.

    Attributes:
        reference_input: Frequency in Hz at the reference input, None if nothing is connected.

    Example:
        >>> generator = SimulatedSmc100a()
        >>> generator.execute("FREQ 23.4 MHz; POW -3; OUTP ON; FREQ?", now=0.0)
        '23400000'
        >>> generator.frequency, generator.power, generator.output
        (23400000.0, -3.0, True)
    """

    def __init__(self, specification: Smc100aSpecification | None = None) -> None:
        """Switch the generator on.

        Args:
            specification: The instrument as delivered; an SMC100A with the 1.1 GHz option if None.
        """
        self.specification = specification or Smc100aSpecification()
        self.reference_input: float | None = None
        self._settings = self.specification.reset
        self._power_on_output = self.specification.power_on_output
        self._level_limit = self.specification.maximum_level
        self._sweep_began = -math.inf
        self._adjusted_at = -math.inf
        super().__init__(self.specification.identity, self.specification.boot_time, self._own_commands())

    @property
    def frequency(self) -> float:
        """CW frequency in Hz; while it sweeps, see `frequency_at`."""
        return self._settings.frequency

    @property
    def power(self) -> float:
        """Level at the output in dBm: without display offset, capped by ``POW:LIM``; -inf when RF is off."""
        settings = self._settings
        if not self.output:
            return -math.inf
        return min(settings.level - settings.level_offset, self._level_limit)

    @property
    def output(self) -> bool:
        """Whether RF leaves the instrument; never while it is off or boots."""
        return self.powered and self._settings.output

    @property
    def phase(self) -> float:
        """Phase of the output in turns."""
        return self._settings.phase / 360.0

    def frequency_at(self, now: float) -> float:
        """Return the frequency at the output.

        Args:
            now: Lab time in s.

        Returns:
            Frequency in Hz; in sweep mode that of the step which the sweep has reached.
        """
        settings = self._settings
        if settings.mode != "SWE":
            return settings.frequency
        points = math.floor(abs(settings.stop - settings.start) / settings.sweep_step + 1e-9) + 1
        elapsed = max(now - self._sweep_began, 0.0)
        step = points if math.isinf(elapsed) else math.floor(elapsed / settings.dwell)
        index = step % points if settings.sweep_trigger == "AUTO" else min(step, points) % points
        return settings.start + math.copysign(index * settings.sweep_step, settings.stop - settings.start)

    def switch_on(self, now: float) -> None:
        """Finish booting at lab time ``now`` (s): settings are those of ``*RST``, ``POW:LIM`` is kept.

        Whether RF is on follows from ``OUTP:PON``.
        """
        output = self._settings.output and self._power_on_output == "UNCH"
        super().switch_on(now)
        self._settings = replace(self.specification.reset, output=output)
        self._adjusted_at = self._sweep_began = -math.inf

    def reset(self, now: float) -> None:
        """Obey ``*RST``; ``POW:LIM`` and ``OUTP:PON`` survive it."""
        self._change(
            now, **{name: getattr(self.specification.reset, name) for name in Smc100aSettings.__slots__}
        )

    def trigger(self, now: float) -> None:
        """Obey ``*TRG``: start a single sweep."""
        if self._settings.mode != "SWE" or self._settings.sweep_trigger != "SING":
            raise ScpiError(-211, "*TRG without a single sweep")
        self._sweep_began = now

    def _change(self, now: float, **changes: Any) -> None:
        # One assignment of a frozen value: the lab world may read it from another thread at any time.
        self._settings = replace(self._settings, **changes)
        self.settled_at = now + self.specification.settling_time

    def _own_commands(self) -> list[Command]:
        return [*self._signal_commands(), *self._sweep_commands(), *self._system_commands()]

    def _numeric(self, header: str, name: str, quantity: Quantity) -> Command:
        return numeric_command(
            header,
            lambda: quantity,
            lambda: float(getattr(self._settings, name)),
            lambda value, now: self._change(now, **{name: value}),
        )

    def _choice(self, header: str, name: str, *choices: str) -> Command:
        return choice_command(
            header,
            choices,
            lambda: str(getattr(self._settings, name)),
            lambda word, now: self._change(now, **{name: word}),
        )

    def _signal_commands(self) -> list[Command]:
        source = "[SOURce#:]"
        reset = self.specification.reset
        return [
            numeric_command(
                f"{source}FREQuency[:CW|:FIXed]",
                lambda: replace(self._hertz(reset.frequency), step=self._settings.frequency_step),
                lambda: self._settings.frequency,
                lambda value, now: self._change(now, frequency=value),
            ),
            self._numeric(
                f"{source}FREQuency:STEP[:INCRement]",
                "frequency_step",
                Quantity(HERTZ, 0.01, 1e9, reset.frequency_step, 0.01),
            ),
            numeric_command(
                f"{source}POWer[:LEVel][:IMMediate][:AMPLitude]",
                lambda: replace(
                    self._decibels().shifted(self._settings.level_offset), step=self._settings.level_step
                ),
                lambda: self._settings.level,
                lambda value, now: self._change(now, level=value),
            ),
            self._numeric(
                f"{source}POWer:STEP[:INCRement]",
                "level_step",
                Quantity({"DB": 1.0}, 0.01, 100.0, reset.level_step, 0.01),
            ),
            numeric_command(
                f"{source}POWer[:LEVel][:IMMediate]:OFFSet",
                lambda: Quantity({"DB": 1.0}, -100.0, 100.0, 0.0, 0.01),
                lambda: self._settings.level_offset,
                self._set_level_offset,
            ),
            numeric_command(
                f"{source}POWer:LIMit[:AMPLitude]",
                lambda: replace(self._decibels(), default=self.specification.maximum_level),
                lambda: self._level_limit,
                self._set_level_limit,
            ),
            self._numeric(f"{source}PHASe[:ADJust]", "phase", Quantity(DEGREE, -359.9, 359.9, 0.0, 0.1)),
            boolean_command(
                "OUTPut#[:STATe]",
                lambda: self._settings.output,
                lambda on, now: self._change(now, output=on),
            ),
            choice_command(
                "OUTPut#[:STATe]:PON",
                ["OFF", "UNCHanged"],
                lambda: self._power_on_output,
                self._set_power_on_output,
            ),
        ]

    def _sweep_commands(self) -> list[Command]:
        source = "[SOURce#:]"
        reset = self.specification.reset
        return [
            choice_command(
                f"{source}FREQuency:MODE",
                ["CW", "FIXed", "SWEep", "LIST"],
                lambda: self._settings.mode,
                self._set_mode,
            ),
            self._numeric(f"{source}FREQuency:STARt", "start", self._hertz(reset.start)),
            self._numeric(f"{source}FREQuency:STOP", "stop", self._hertz(reset.stop)),
            self._numeric(
                f"{source}SWEep[:FREQuency]:STEP[:LINear]",
                "sweep_step",
                Quantity(HERTZ, 0.01, 3.2e9, reset.sweep_step, 0.01),
            ),
            self._numeric(
                f"{source}SWEep[:FREQuency]:DWELl", "dwell", Quantity(SECOND, 5e-3, 1000.0, reset.dwell, 1e-4)
            ),
            self._choice("TRIGger#:FSWeep:SOURce", "sweep_trigger", "AUTO", "SINGle"),
        ]

    def _system_commands(self) -> list[Command]:
        source = "[SOURce#:]"
        return [
            Command("*OPT", read=lambda *_: self.specification.options),
            self._choice(f"{source}ROSCillator:SOURce", "reference", "INTernal", "EXTernal"),
            self._choice(
                f"{source}ROSCillator:EXTernal:FREQuency", "reference_frequency", "5MHZ", "10MHZ", "13MHZ"
            ),
            Command("CALibration#:ALL[:MEASure]", read=lambda _, now: self._adjust(now)),
            Command("STATus:OPERation:CONDition", read=lambda _, now: str(self._operation(now))),
            Command("STATus:QUEStionable:CONDition", read=lambda _, now: str(self._questionable())),
        ]

    def _hertz(self, default: float) -> Quantity:
        specification = self.specification
        return Quantity(
            HERTZ, specification.minimum_frequency, specification.maximum_frequency, default, 0.01
        )

    def _decibels(self) -> Quantity:
        specification = self.specification
        return Quantity(
            {"DBM": 1.0},
            specification.minimum_level,
            specification.maximum_level,
            specification.reset.level,
            0.01,
        )

    def _set_level_offset(self, offset: float, now: float) -> None:
        settings = self._settings
        # The level at the output stays; what changes is the number that POW shows (manual p. 277).
        level = settings.level - settings.level_offset + offset
        self._change(now, level_offset=offset, level=round(level, 2))

    def _set_level_limit(self, limit: float, now: float) -> None:
        self._level_limit = limit

    def _set_power_on_output(self, word: str, now: float) -> None:
        self._power_on_output = word

    def _set_mode(self, word: str, now: float) -> None:
        if word == "LIST":
            raise ScpiError(-221, "no frequency list is selected")
        self._sweep_began = now if self._settings.sweep_trigger == "AUTO" else -math.inf
        self._change(now, mode="CW" if word == "FIX" else word)

    def _adjust(self, now: float) -> str:
        self._adjusted_at = self.busy_until = now + self.specification.adjustment_time
        return "0"

    def _operation(self, now: float) -> int:
        bits = CALIBRATING if now < self._adjusted_at else 0
        bits |= SETTLING if now < self.settled_at else 0
        return bits | (SWEEPING if self._settings.mode == "SWE" else 0)

    def _questionable(self) -> int:
        settings = self._settings
        if settings.reference == "INT":
            return 0
        expected = float(settings.reference_frequency.removesuffix("MHZ")) * 1e6
        fed = self.reference_input
        locked = fed is not None and abs(fed / expected - 1.0) <= REFERENCE_TOLERANCE
        return 0 if locked else FREQUENCY_QUESTIONABLE
